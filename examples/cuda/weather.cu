/* Weather in shallow water: the height of the air's surface and its winds on a turning plane, periodic in x and y.
 *
 *     h_t = -(hu)_x - (hv)_y     u_t = -g h_x + f v - u u_x - v u_y     v_t = -g h_y - f u - u v_x - v v_y
 *
 * Lax and Friedrichs' scheme in conserved quantities: mass stays what it was.
 *
 *     weather [size] [steps] [picture.ppm] */
#include "check.h"
#include "picture.h"

struct state { float h, hu, hv; };
const float GRAVITY = 1.0f, CORIOLIS = 0.05f, RATIO = 0.2f; /* RATIO: dt / dx */

__host__ __device__ static inline state flux_x(state s)
{
    float u = s.hu / s.h;
    return {s.hu, s.hu * u + 0.5f * GRAVITY * s.h * s.h, s.hv * u};
}
__host__ __device__ static inline state flux_y(state s)
{
    float v = s.hv / s.h;
    return {s.hv, s.hu * v, s.hv * v + 0.5f * GRAVITY * s.h * s.h};
}

__host__ __device__ static inline state next(state c, state w, state e, state s, state n)
{
    state fw = flux_x(w), fe = flux_x(e), gs = flux_y(s), gn = flux_y(n), r;
    r.h = 0.25f * (w.h + e.h + s.h + n.h) - 0.5f * RATIO * (fe.h - fw.h + gn.h - gs.h);
    r.hu = 0.25f * (w.hu + e.hu + s.hu + n.hu) - 0.5f * RATIO * (fe.hu - fw.hu + gn.hu - gs.hu) + RATIO * CORIOLIS * c.hv;
    r.hv = 0.25f * (w.hv + e.hv + s.hv + n.hv) - 0.5f * RATIO * (fe.hv - fw.hv + gn.hv - gs.hv) - RATIO * CORIOLIS * c.hu;
    return r;
}

/* Three fields, one behind the other: h, hu, hv. */
__host__ __device__ static inline state load(const float *f, int i, int cells) { return {f[i], f[i + cells], f[i + 2 * cells]}; }

__host__ __device__ static inline void update(const float *from, float *to, int x, int y, int n)
{
    int west = x == 0 ? n - 1 : x - 1, east = x == n - 1 ? 0 : x + 1, south = y == 0 ? n - 1 : y - 1, north = y == n - 1 ? 0 : y + 1;
    int cells = n * n, i = y * n + x;
    state r = next(load(from, i, cells), load(from, y * n + west, cells), load(from, y * n + east, cells),
                   load(from, south * n + x, cells), load(from, north * n + x, cells));
    to[i] = r.h, to[i + cells] = r.hu, to[i + 2 * cells] = r.hv;
}

__global__ void step(const float *from, float *to, int n)
{
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x < n && y < n)
        update(from, to, x, y, n);
}

int main(int argc, char **argv)
{
    const int n = argc > 1 ? std::atoi(argv[1]) : 128, steps = argc > 2 ? std::atoi(argv[2]) : 100;
    std::vector<float> field(3 * n * n, 0.0f), other(3 * n * n);
    double mass = 0;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            float dx = (x - n * 0.4f) / (n * 0.08f), dy = (y - n * 0.5f) / (n * 0.08f);
            field[y * n + x] = 1 + 0.3f * std::exp(-dx * dx - dy * dy);
            field[n * n + y * n + x] = 0.2f * std::sin(6.2831853f * y / n);
            mass += field[y * n + x];
        }
    device_array<float> a(field), b(field);
    float *from = a.data, *to = b.data;
    for (int s = 0; s < steps; s++) {
        step<<<dim3((n + 31) / 32, (n + 7) / 8), dim3(32, 8)>>>(from, to, n);
        std::swap(from, to);
        for (int y = 0; y < n; y++)
            for (int x = 0; x < n; x++)
                update(field.data(), other.data(), x, y, n);
        std::swap(field, other);
    }
    CHECK(cudaGetLastError());
    std::vector<float> result = (from == a.data ? a : b).host();
    double worst = 0, sum = 0;
    for (int i = 0; i < 3 * n * n; i++) {
        worst = std::fmax(worst, std::fabs(result[i] - field[i]));
        sum += i < n * n ? result[i] : 0;
    }
    if (argc > 3) {
        std::vector<float> height(result.begin(), result.begin() + n * n);
        for (float &h : height)
            h -= (float)(mass / (n * n));
        write_picture(argv[3], height, n, n);
    }
    return verdict("weather", worst, 1e-4) | verdict("weather: mass", std::fabs(sum - mass) / mass, 1e-5);
}
