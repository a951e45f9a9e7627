/* A seismic wave: pressure in the ground after a shot, u_tt = c^2 (u_xx + u_yy), with layers of different speed and
 * edges that swallow the wave. Eighth order in space, second in time; tiles of the field in shared memory.
 *
 *     seismic [size] [steps] [picture.ppm] */
#include "check.h"
#include "picture.h"

const int RADIUS = 4, TILE_X = 32, TILE_Y = 8;
struct weights { float w[RADIUS + 1]; };
static const weights laplace = {{-205.0f / 72, 8.0f / 5, -1.0f / 5, 8.0f / 315, -1.0f / 560}};

/* The next field in the place of the one before the last. `c` is (speed * dt / dx)^2, `keep` what the edges leave. */
__global__ void step(float *u_old, const float *u, const float *c, const float *keep, int n, weights k)
{
    __shared__ float tile[TILE_Y + 2 * RADIUS][TILE_X + 2 * RADIUS];
    int x = blockIdx.x * TILE_X + threadIdx.x, y = blockIdx.y * TILE_Y + threadIdx.y;
    for (int ty = threadIdx.y; ty < TILE_Y + 2 * RADIUS; ty += TILE_Y)
        for (int tx = threadIdx.x; tx < TILE_X + 2 * RADIUS; tx += TILE_X) {
            int gx = (int)blockIdx.x * TILE_X + tx - RADIUS, gy = (int)blockIdx.y * TILE_Y + ty - RADIUS;
            tile[ty][tx] = gx >= 0 && gx < n && gy >= 0 && gy < n ? u[gy * n + gx] : 0.0f;
        }
    __syncthreads();
    if (x >= n || y >= n)
        return;
    int tx = threadIdx.x + RADIUS, ty = threadIdx.y + RADIUS;
    float sum = 2 * k.w[0] * tile[ty][tx];
    for (int r = 1; r <= RADIUS; r++)
        sum += k.w[r] * (tile[ty][tx - r] + tile[ty][tx + r] + tile[ty - r][tx] + tile[ty + r][tx]);
    int i = y * n + x;
    u_old[i] = keep[i] * (2 * tile[ty][tx] - u_old[i] * keep[i] + c[i] * sum);
}

__global__ void shoot(float *u, int at, float amount) { u[at] += amount; }

/* Ricker's wavelet. */
static float source(int step)
{
    float t = (step - 40) * 0.08f, a = t * t;
    return (1 - 2 * a) * std::exp(-a);
}

static void step_host(std::vector<float> &u_old, const std::vector<float> &u, const std::vector<float> &c,
                      const std::vector<float> &keep, int n)
{
    auto at = [&](int x, int y) { return x >= 0 && x < n && y >= 0 && y < n ? u[y * n + x] : 0.0f; };
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            float sum = 2 * laplace.w[0] * at(x, y);
            for (int r = 1; r <= RADIUS; r++)
                sum += laplace.w[r] * (at(x - r, y) + at(x + r, y) + at(x, y - r) + at(x, y + r));
            int i = y * n + x;
            u_old[i] = keep[i] * (2 * u[i] - u_old[i] * keep[i] + c[i] * sum);
        }
}

int main(int argc, char **argv)
{
    const int n = argc > 1 ? std::atoi(argv[1]) : 160, steps = argc > 2 ? std::atoi(argv[2]) : 120, edge = 20;
    std::vector<float> c(n * n), keep(n * n), u(n * n, 0.0f), u_old(n * n, 0.0f);
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            float depth = y + 10 * std::sin(x * 0.05f), speed = depth < n * 0.4f ? 0.3f : depth < n * 0.7f ? 0.45f : 0.6f;
            int far = std::min(std::min(x, n - 1 - x), std::min(y, n - 1 - y));
            c[y * n + x] = speed * speed;
            keep[y * n + x] = far < edge ? std::exp(-0.00008f * (edge - far) * (edge - far)) : 1.0f;
        }
    device_array<float> dc(c), dk(keep), a(u), b(u);
    float *now = a.data, *before = b.data;
    dim3 block(TILE_X, TILE_Y), grid((n + TILE_X - 1) / TILE_X, (n + TILE_Y - 1) / TILE_Y);
    int shot = n / 8 * n + n / 2;
    for (int s = 0; s < steps; s++) {
        step<<<grid, block>>>(before, now, dc.data, dk.data, n, laplace);
        shoot<<<1, 1>>>(before, shot, source(s));
        std::swap(now, before);
        step_host(u_old, u, c, keep, n);
        u_old[shot] += source(s);
        std::swap(u, u_old);
    }
    CHECK(cudaGetLastError());
    std::vector<float> result = (now == a.data ? a : b).host();
    double worst = 0, top = 0;
    for (int i = 0; i < n * n; i++) {
        worst = std::fmax(worst, std::fabs(result[i] - u[i]));
        top = std::fmax(top, std::fabs(u[i]));
    }
    if (argc > 3)
        write_picture(argv[3], result, n, n);
    return verdict("seismic", worst / top, 1e-4);
}
