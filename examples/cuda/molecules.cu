/* Molecular dynamics: atoms that attract and repel one another (Lennard and Jones' potential) in a periodic box,
 * with cells as wide as the force reaches, and velocities by Verlet's scheme.
 *
 * Cells are filled with atomic counters, so their order is anyone's; each is then sorted, and the forces are summed in
 * the same order every time.
 *
 *     molecules [cells a side] [steps] [picture.ppm] */
#include "check.h"
#include "picture.h"
#include <algorithm>

const int ROOM = 32; /* atoms that a cell holds at most */
const float REACH = 2.5f;

struct box {
    int side, atoms;   /* cells a side; atoms */
    float length;
};

__host__ __device__ static inline int cell_of(const box &b, float4 p)
{
    int x = (int)(p.x / b.length * b.side), y = (int)(p.y / b.length * b.side), z = (int)(p.z / b.length * b.side);
    x = x < b.side ? x : b.side - 1, y = y < b.side ? y : b.side - 1, z = z < b.side ? z : b.side - 1;
    return (z * b.side + y) * b.side + x;
}

/* The nearest image of a distance. */
__host__ __device__ static inline float wrap(float d, float length) { return d > 0.5f * length ? d - length : d < -0.5f * length ? d + length : d; }

/* Adds the force of `other` upon `me`; w gets the potential. */
__host__ __device__ static inline void add_force(float4 &sum, float4 me, float4 other, float length)
{
    float x = wrap(me.x - other.x, length), y = wrap(me.y - other.y, length), z = wrap(me.z - other.z, length);
    float r2 = x * x + y * y + z * z;
    if (r2 >= REACH * REACH || r2 == 0)
        return;
    float i2 = 1 / r2, i6 = i2 * i2 * i2, f = 24 * i2 * i6 * (2 * i6 - 1);
    sum.x += f * x, sum.y += f * y, sum.z += f * z;
    sum.w += 2 * i6 * (i6 - 1) + 0.00816f; /* half of the pair's, which is zero at the reach */
}

__global__ void fill_cells(const float4 *position, int *count, int *list, box b)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= b.atoms)
        return;
    int c = cell_of(b, position[i]), at = atomicAdd(&count[c], 1);
    if (at < ROOM)
        list[c * ROOM + at] = i;
}

__global__ void sort_cells(const int *count, int *list, int cells)
{
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= cells)
        return;
    int *own = list + c * ROOM, n = count[c] < ROOM ? count[c] : ROOM;
    for (int i = 1; i < n; i++) {
        int x = own[i], k = i;
        for (; k > 0 && own[k - 1] > x; k--)
            own[k] = own[k - 1];
        own[k] = x;
    }
}

__global__ void forces(const float4 *position, const int *count, const int *list, float4 *force, box b)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= b.atoms)
        return;
    float4 me = position[i], sum = make_float4(0, 0, 0, 0);
    int c = cell_of(b, me), cx = c % b.side, cy = c / b.side % b.side, cz = c / b.side / b.side;
    for (int dz = -1; dz <= 1; dz++)
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                int x = (cx + dx + b.side) % b.side, y = (cy + dy + b.side) % b.side, z = (cz + dz + b.side) % b.side;
                int other = (z * b.side + y) * b.side + x;
                for (int k = 0; k < count[other]; k++)
                    add_force(sum, me, position[list[other * ROOM + k]], b.length);
            }
    force[i] = sum;
}

__host__ __device__ static inline float back_into(float x, float length) { return x < 0 ? x + length : x >= length ? x - length : x; }

/* Half a step of speed; `travel` then moves the atoms with it. */
__global__ void move(float4 *position, float4 *velocity, const float4 *force, box b, float half, float travel)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= b.atoms)
        return;
    float4 p = position[i], v = velocity[i], f = force[i];
    v.x += f.x * half, v.y += f.y * half, v.z += f.z * half;
    velocity[i] = v;
    position[i] = make_float4(back_into(p.x + v.x * travel, b.length), back_into(p.y + v.y * travel, b.length),
                              back_into(p.z + v.z * travel, b.length), 0);
}

struct simulation {
    box b;
    device_array<float4> position, velocity, force;
    device_array<int> count, list;
    simulation(box b_, const std::vector<float4> &p, const std::vector<float4> &v)
        : b(b_), position(p), velocity(v), force(p.size()), count(b_.side * b_.side * b_.side), list(count.count * ROOM)
    {
    }
    void find_forces()
    {
        int cells = (int)count.count, blocks = (b.atoms + 127) / 128;
        CHECK(cudaMemset(count.data, 0, count.count * sizeof(int)));
        fill_cells<<<blocks, 128>>>(position.data, count.data, list.data, b);
        sort_cells<<<(cells + 127) / 128, 128>>>(count.data, list.data, cells);
        forces<<<blocks, 128>>>(position.data, count.data, list.data, force.data, b);
    }
    double energy()
    {
        double sum = 0;
        find_forces();
        std::vector<float4> v = velocity.host(), f = force.host();
        for (int i = 0; i < b.atoms; i++)
            sum += f[i].w + 0.5 * ((double)v[i].x * v[i].x + (double)v[i].y * v[i].y + (double)v[i].z * v[i].z);
        return sum;
    }
};

/* All pairs, for as many atoms as that takes a moment. */
static double compare(simulation &s)
{
    s.find_forces();
    std::vector<float4> p = s.position.host(), f = s.force.host();
    double worst = 0;
    for (int i = 0; i < s.b.atoms; i += 7) {
        float4 sum = make_float4(0, 0, 0, 0);
        for (int k = 0; k < s.b.atoms; k++)
            add_force(sum, p[i], p[k], s.b.length);
        double size = 1 + std::sqrt((double)sum.x * sum.x + sum.y * sum.y + sum.z * sum.z);
        worst = std::fmax(worst, (std::fabs(sum.x - f[i].x) + std::fabs(sum.y - f[i].y) + std::fabs(sum.z - f[i].z)) / size);
    }
    return worst;
}

int main(int argc, char **argv)
{
    const int side = argc > 1 ? std::atoi(argv[1]) : 4, steps = argc > 2 ? std::atoi(argv[2]) : 100, row = (int)(side * REACH / 1.2f);
    box b = {side, row * row * row, side * REACH};
    std::vector<float4> p(b.atoms), v(b.atoms);
    for (int i = 0; i < b.atoms; i++) {
        float gap = b.length / row;
        p[i] = make_float4((i % row + 0.5f) * gap, (i / row % row + 0.5f) * gap, (i / row / row + 0.5f) * gap, 0);
        v[i] = make_float4(noise(3 * i) - 0.5f, noise(3 * i + 1) - 0.5f, noise(3 * i + 2) - 0.5f, 0);
    }
    simulation s(b, p, v);
    double before = s.energy();
    const float dt = 0.002f;
    for (int k = 0; k < steps; k++) {
        move<<<(b.atoms + 127) / 128, 128>>>(s.position.data, s.velocity.data, s.force.data, b, dt / 2, dt);
        s.find_forces();
        move<<<(b.atoms + 127) / 128, 128>>>(s.position.data, s.velocity.data, s.force.data, b, dt / 2, 0);
    }
    CHECK(cudaGetLastError());
    double after = s.energy(), worst = compare(s);
    if (argc > 3) {
        const int pixels = 256;
        std::vector<float> picture(pixels * pixels, 0.0f);
        for (float4 a : s.position.host())
            picture[(int)(a.y / b.length * (pixels - 1)) * pixels + (int)(a.x / b.length * (pixels - 1))] += 1 + a.z / b.length;
        write_picture(argv[3], picture, pixels, pixels);
    }
    return verdict("molecules", worst, 1e-4) | verdict("molecules: energy", std::fabs(after - before) / b.atoms, 1e-3);
}
