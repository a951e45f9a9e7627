/* Flow around a cylinder: the lattice-Boltzmann method with nine velocities (D2Q9) and one relaxation time.
 *
 * Each cell holds the numbers of particles that move in each of nine directions. A step collides them, towards the
 * equilibrium of their density and velocity, and moves them to the next cells; walls send them back.
 *
 *     flow [width] [steps] [picture.ppm] */
#include "check.h"
#include "picture.h"

const int Q = 9;
struct lattice {
    int dx[Q], dy[Q], back[Q];
    float weight[Q];
};
static const lattice d2q9 = {{0, 1, 0, -1, 0, 1, -1, -1, 1}, {0, 0, 1, 0, -1, 1, 1, -1, -1}, {0, 3, 4, 1, 2, 7, 8, 5, 6},
                             {4 / 9.0f, 1 / 9.0f, 1 / 9.0f, 1 / 9.0f, 1 / 9.0f, 1 / 36.0f, 1 / 36.0f, 1 / 36.0f, 1 / 36.0f}};
const float INFLOW = 0.08f, OMEGA = 1.8f;

__host__ __device__ static inline float equilibrium(const lattice &l, int q, float density, float u, float v)
{
    float along = 3 * (l.dx[q] * u + l.dy[q] * v);
    return l.weight[q] * density * (1 + along + 0.5f * along * along - 1.5f * (u * u + v * v));
}

/* Gathers what flows into a cell, collides it, and stores it. f[q] of a cell is at f[q * cells + cell]. */
__host__ __device__ static inline void update(const float *from, float *to, const unsigned char *wall, int x, int y, int width, int height,
                                              const lattice &l)
{
    int cells = width * height, i = y * width + x;
    float f[Q], density = 0, u = 0, v = 0;
    for (int q = 0; q < Q; q++) {
        int fx = x - l.dx[q], fy = y - l.dy[q];
        fy = fy < 0 ? height - 1 : fy >= height ? 0 : fy;
        if (fx < 0)
            f[q] = equilibrium(l, q, 1, INFLOW, 0);
        else if (fx >= width)
            f[q] = from[q * cells + i];
        else
            f[q] = wall[fy * width + fx] ? from[l.back[q] * cells + i] : from[q * cells + fy * width + fx];
        density += f[q];
        u += f[q] * l.dx[q];
        v += f[q] * l.dy[q];
    }
    u /= density;
    v /= density;
    for (int q = 0; q < Q; q++)
        to[q * cells + i] = f[q] + OMEGA * (equilibrium(l, q, density, u, v) - f[q]);
}

__global__ void step(const float *from, float *to, const unsigned char *wall, int width, int height, lattice l)
{
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
    if (x < width)
        update(from, to, wall, x, y, width, height, l);
}

/* How the flow turns at each cell. */
static std::vector<float> vorticity(const std::vector<float> &f, int width, int height)
{
    std::vector<float> u(width * height, 0), v(width * height, 0), curl(width * height, 0);
    for (int i = 0; i < width * height; i++)
        for (int q = 0; q < Q; q++) {
            u[i] += f[q * width * height + i] * d2q9.dx[q];
            v[i] += f[q * width * height + i] * d2q9.dy[q];
        }
    for (int y = 1; y + 1 < height; y++)
        for (int x = 1; x + 1 < width; x++)
            curl[y * width + x] = v[y * width + x + 1] - v[y * width + x - 1] - u[(y + 1) * width + x] + u[(y - 1) * width + x];
    return curl;
}

int main(int argc, char **argv)
{
    const int width = argc > 1 ? std::atoi(argv[1]) : 160, height = width / 2, cells = width * height;
    const int steps = argc > 2 ? std::atoi(argv[2]) : 60;
    std::vector<float> f(Q * cells), other(Q * cells);
    std::vector<unsigned char> wall(cells);
    for (int i = 0; i < cells; i++) {
        float x = i % width - width / 4.0f, y = i / width - height / 2.1f;
        wall[i] = x * x + y * y < height * height / 81.0f;
        for (int q = 0; q < Q; q++)
            f[q * cells + i] = equilibrium(d2q9, q, 1, INFLOW, 0);
    }
    device_array<float> a(f), b(f);
    device_array<unsigned char> dw(wall);
    float *from = a.data, *to = b.data;
    for (int s = 0; s < steps; s++) {
        step<<<dim3((width + 127) / 128, height), 128>>>(from, to, dw.data, width, height, d2q9);
        std::swap(from, to);
        for (int i = 0; i < cells; i++)
            update(f.data(), other.data(), wall.data(), i % width, i / width, width, height, d2q9);
        std::swap(f, other);
    }
    CHECK(cudaGetLastError());
    std::vector<float> result = (from == a.data ? a : b).host();
    double worst = 0;
    for (int i = 0; i < Q * cells; i++)
        worst = std::fmax(worst, std::fabs(result[i] - f[i]));
    if (argc > 3)
        write_picture(argv[3], vorticity(result, width, height), width, height);
    return verdict("flow", worst, 1e-5);
}
