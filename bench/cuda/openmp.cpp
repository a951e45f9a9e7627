/* The kernels as one writes them for a processor: loops, OpenMP, what the compiler makes of them. */
#include "bench.h"
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <omp.h>
#include <vector>

void stencil_openmp(const float *a, float *b)
{
    const int n = STENCIL_N;
#pragma omp parallel for collapse(2)
    for (int z = 0; z < n; z++)
        for (int y = 0; y < n; y++) {
            const float *row = a + (z * n + y) * n;
            float *out = b + (z * n + y) * n;
            if (z == 0 || y == 0 || z == n - 1 || y == n - 1) {
                memcpy(out, row, n * sizeof(float));
                continue;
            }
            out[0] = row[0];
            for (int x = 1; x < n - 1; x++)
                out[x] = 0.4f * row[x] + 0.1f * (row[x - 1] + row[x + 1] + row[x - n] + row[x + n] + row[x - n * n] + row[x + n * n]);
            out[n - 1] = row[n - 1];
        }
}

void nbody_openmp(const float *body, float *out)
{
#pragma omp parallel for
    for (int i = 0; i < BODIES; i++) {
        float px = body[4 * i], py = body[4 * i + 1], pz = body[4 * i + 2], ax = 0, ay = 0, az = 0;
#pragma omp simd reduction(+ : ax, ay, az)
        for (int k = 0; k < BODIES; k++) {
            float x = body[4 * k] - px, y = body[4 * k + 1] - py, z = body[4 * k + 2] - pz;
            float inverse = 1 / std::sqrt(x * x + y * y + z * z + 0.01f), pull = body[4 * k + 3] * inverse * inverse * inverse;
            ax += x * pull;
            ay += y * pull;
            az += z * pull;
        }
        out[4 * i] = ax, out[4 * i + 1] = ay, out[4 * i + 2] = az, out[4 * i + 3] = 0;
    }
}

static inline float normal(float x)
{
    float k = 1 / (1 + 0.2316419f * std::fabs(x));
    float p = k * (0.31938153f + k * (-0.356563782f + k * (1.781477937f + k * (-1.821255978f + k * 1.330274429f))));
    float c = 0.39894228f * std::exp(-0.5f * x * x) * p;
    return x > 0 ? 1 - c : c;
}

void black_scholes_openmp(const float *in, float *out)
{
    const float *price = in, *strike = in + OPTIONS, *years = in + 2 * OPTIONS;
#pragma omp parallel for simd
    for (int i = 0; i < OPTIONS; i++) {
        float s = price[i], x = strike[i], t = years[i], root = std::sqrt(t);
        float d1 = (std::log(s / x) + (RATE + 0.5f * VOLATILITY * VOLATILITY) * t) / (VOLATILITY * root), d2 = d1 - VOLATILITY * root;
        float n1 = normal(d1), n2 = normal(d2), discount = std::exp(-RATE * t);
        out[i] = s * n1 - x * discount * n2;
        out[OPTIONS + i] = x * discount * (1 - n2) - s * (1 - n1);
    }
}

void matmul_openmp(const float *in, float *c)
{
    const float *a = in, *b = in + MATRIX * MATRIX;
    const int tile = 64;
#pragma omp parallel for collapse(2)
    for (int i0 = 0; i0 < MATRIX; i0 += tile)
        for (int j0 = 0; j0 < MATRIX; j0 += tile) {
            float sum[tile][tile] = {};
            for (int k = 0; k < MATRIX; k++)
                for (int i = 0; i < tile; i++)
                    for (int j = 0; j < tile; j++)
                        sum[i][j] += a[(i0 + i) * MATRIX + k] * b[k * MATRIX + j0 + j];
            for (int i = 0; i < tile; i++)
                memcpy(c + (i0 + i) * MATRIX + j0, sum[i], sizeof sum[i]);
        }
}

void reduction_openmp(const float *x, float *out)
{
    float sum = 0;
#pragma omp parallel for simd reduction(+ : sum)
    for (int i = 0; i < NUMBERS; i++)
        sum += x[i];
    *out = sum;
}

void scan_openmp(const float *in, float *out)
{
    const unsigned *x = (const unsigned *)in;
    unsigned *y = (unsigned *)out;
    std::vector<unsigned> sums(omp_get_max_threads() + 1, 0);
#pragma omp parallel
    {
        int t = omp_get_thread_num(), threads = omp_get_num_threads();
        long from = (long)NUMBERS * t / threads, to = (long)NUMBERS * (t + 1) / threads;
        unsigned sum = 0;
        for (long i = from; i < to; i++)
            sum += x[i];
        sums[t + 1] = sum;
#pragma omp barrier
#pragma omp single
        for (int k = 0; k < threads; k++)
            sums[k + 1] += sums[k];
        sum = sums[t];
        for (long i = from; i < to; i++)
            y[i] = sum += x[i];
    }
}

void histogram_openmp(const float *in, float *out)
{
    const uint8_t *x = (const uint8_t *)in;
    unsigned *counts = (unsigned *)out;
    memset(counts, 0, 256 * sizeof(unsigned));
#pragma omp parallel
    {
        unsigned own[256] = {};
#pragma omp for nowait
        for (int i = 0; i < NUMBERS; i++)
            own[x[i]]++;
#pragma omp critical
        for (int i = 0; i < 256; i++)
            counts[i] += own[i];
    }
}

/* Radix sort, eight bits at a time, with counts for each thread. */
void sort_openmp(const float *in, float *out)
{
    std::vector<unsigned> other(KEYS);
    unsigned *from = (unsigned *)out, *to = other.data();
    memcpy(from, in, KEYS * sizeof(unsigned));
    int threads = omp_get_max_threads();
    std::vector<unsigned> counts((size_t)threads * 256);
    for (int shift = 0; shift < 32; shift += 8) {
#pragma omp parallel
        {
            int t = omp_get_thread_num();
            long begin = (long)KEYS * t / threads, end = (long)KEYS * (t + 1) / threads;
            unsigned *own = &counts[(size_t)t * 256];
            memset(own, 0, 256 * sizeof(unsigned));
            for (long i = begin; i < end; i++)
                own[from[i] >> shift & 255]++;
#pragma omp barrier
#pragma omp single
            {
                unsigned sum = 0;
                for (int d = 0; d < 256; d++)
                    for (int k = 0; k < threads; k++) {
                        unsigned n = counts[(size_t)k * 256 + d];
                        counts[(size_t)k * 256 + d] = sum;
                        sum += n;
                    }
            }
            for (long i = begin; i < end; i++)
                to[own[from[i] >> shift & 255]++] = from[i];
        }
        std::swap(from, to);
    }
}

void mandelbrot_openmp(const float *, float *out)
{
#pragma omp parallel for schedule(dynamic, 4)
    for (int j = 0; j < WIDTH; j++)
#pragma omp simd
        for (int i = 0; i < WIDTH; i++) {
            float cx = -2.2f + 3.2f * i / WIDTH, cy = -1.6f + 3.2f * j / WIDTH, x = 0, y = 0;
            unsigned n = 0;
            while (n < 200 && x * x + y * y < 4) {
                float t = x * x - y * y + cx;
                y = 2 * x * y + cy;
                x = t;
                n++;
            }
            out[j * WIDTH + i] = (float)n;
        }
}

/* The distance along a ray to the nearest sphere, and which; the rays begin outside. */
static inline int nearest(const float *sphere, float ox, float oy, float oz, float dx, float dy, float dz, float *distance)
{
    int hit = -1;
    *distance = 1e30f;
    for (int s = 0; s < SPHERES; s++) {
        float x = sphere[4 * s] - ox, y = sphere[4 * s + 1] - oy, z = sphere[4 * s + 2] - oz, r = sphere[4 * s + 3];
        float along = x * dx + y * dy + z * dz, under = r * r - (x * x + y * y + z * z - along * along);
        float t = along - std::sqrt(under > 0 ? under : 0);
        if (under > 0 && t > 1e-3f && t < *distance) {
            *distance = t;
            hit = s;
        }
    }
    return hit;
}

void ray_tracing_openmp(const float *sphere, float *out)
{
#pragma omp parallel for schedule(dynamic, 4)
    for (int j = 0; j < WIDTH; j++)
        for (int i = 0; i < WIDTH; i++) {
            float dx = (i - WIDTH / 2) / (float)WIDTH, dy = (j - WIDTH / 2) / (float)WIDTH, size = std::sqrt(dx * dx + dy * dy + 1);
            dx /= size, dy /= size;
            float dz = 1 / size, t, light = 0.1f, shadow;
            int s = nearest(sphere, 0, 0, -3, dx, dy, dz, &t);
            if (s >= 0) {
                float x = dx * t, y = dy * t, z = dz * t - 3, r = sphere[4 * s + 3];
                float slope = (0.57735f * (x - sphere[4 * s]) - 0.57735f * (y - sphere[4 * s + 1]) - 0.57735f * (z - sphere[4 * s + 2])) / r;
                if (slope > 0 && nearest(sphere, x, y, z, 0.57735f, -0.57735f, -0.57735f, &shadow) < 0)
                    light += 0.9f * slope;
            }
            out[j * WIDTH + i] = light;
        }
}

void lattice_boltzmann_openmp(const float *from, float *to)
{
    const int cells = CELLS * CELLS;
#pragma omp parallel for
    for (int y = 0; y < CELLS; y++)
        for (int x = 0; x < CELLS; x++) {
            float f[9], density = 0, u = 0, v = 0;
            for (int q = 0; q < 9; q++) {
                int fx = (x - lattice_x(q) + CELLS) % CELLS, fy = (y - lattice_y(q) + CELLS) % CELLS;
                f[q] = from[q * cells + fy * CELLS + fx];
                density += f[q];
                u += f[q] * lattice_x(q);
                v += f[q] * lattice_y(q);
            }
            u /= density, v /= density;
            for (int q = 0; q < 9; q++) {
                float along = 3 * (lattice_x(q) * u + lattice_y(q) * v);
                float rest = lattice_weight(q) * density * (1 + along + 0.5f * along * along - 1.5f * (u * u + v * v));
                to[q * cells + y * CELLS + x] = f[q] + OMEGA * (rest - f[q]);
            }
        }
}

/* Values row by row, then the vector. */
void spmv_openmp(const float *in, float *y)
{
    const float *value = in, *x = in + ROWS * ROW_ENTRIES;
#pragma omp parallel for
    for (int i = 0; i < ROWS; i++) {
        float sum = 0;
        for (int k = 0; k < ROW_ENTRIES; k++)
            sum += value[i * ROW_ENTRIES + k] * x[column_of(i, k)];
        y[i] = sum;
    }
}

void hashing_openmp(const float *in, float *out)
{
    const unsigned *words = (const unsigned *)in;
    unsigned *hashes = (unsigned *)out;
#pragma omp parallel for
    for (int i = 0; i < RECORDS; i++) {
        unsigned h = 0x9747b28cu;
        for (int k = 0; k < RECORD_WORDS; k++)
            h = mix(h, words[i * RECORD_WORDS + k]);
        hashes[i] = finish(h);
    }
}

void softmax_openmp(const float *x, float *y)
{
#pragma omp parallel for
    for (int r = 0; r < SOFT_ROWS; r++) {
        const float *row = x + r * SOFT_COLUMNS;
        float *out = y + r * SOFT_COLUMNS, top = row[0], sum = 0;
#pragma omp simd reduction(max : top)
        for (int i = 0; i < SOFT_COLUMNS; i++)
            top = row[i] > top ? row[i] : top;
#pragma omp simd reduction(+ : sum)
        for (int i = 0; i < SOFT_COLUMNS; i++)
            sum += out[i] = std::exp(row[i] - top);
        for (int i = 0; i < SOFT_COLUMNS; i++)
            out[i] /= sum;
    }
}

void transpose_openmp(const float *x, float *y)
{
    const int tile = 32;
#pragma omp parallel for collapse(2)
    for (int i0 = 0; i0 < SIDE; i0 += tile)
        for (int j0 = 0; j0 < SIDE; j0 += tile)
            for (int i = i0; i < i0 + tile; i++)
                for (int j = j0; j < j0 + tile; j++)
                    y[j * SIDE + i] = x[i * SIDE + j];
}
