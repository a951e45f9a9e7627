/* The kernels as one writes them for a GPU: a thread an element, tiles in shared memory, warps that shuffle. */
#include "bench.h"
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>

static void check(cudaError_t error)
{
    if (error != cudaSuccess) {
        std::fprintf(stderr, "%s\n", cudaGetErrorString(error));
        std::exit(1);
    }
}

static void wait()
{
    check(cudaGetLastError());
    check(cudaDeviceSynchronize());
}

float *bench_memory(size_t words)
{
    float *memory;
    check(cudaMallocManaged(&memory, words * sizeof(float)));
    return memory;
}

/* ---- Stencil ------------------------------------------------------------------------------------- */
__global__ void k_stencil(const float *a, float *b, int n)
{
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y, z = blockIdx.z;
    if (x >= n || y >= n)
        return;
    int i = (z * n + y) * n + x;
    if (x == 0 || y == 0 || z == 0 || x == n - 1 || y == n - 1 || z == n - 1)
        b[i] = a[i];
    else
        b[i] = 0.4f * a[i] + 0.1f * (a[i - 1] + a[i + 1] + a[i - n] + a[i + n] + a[i - n * n] + a[i + n * n]);
}
void stencil_cuda(const float *a, float *b)
{
    k_stencil<<<dim3(STENCIL_N / 32, STENCIL_N / 8, STENCIL_N), dim3(32, 8)>>>(a, b, STENCIL_N);
    wait();
}

/* ---- Bodies -------------------------------------------------------------------------------------- */
__global__ void k_nbody(const float4 *body, float4 *out, int n)
{
    __shared__ float4 tile[256];
    int i = blockIdx.x * 256 + threadIdx.x;
    float4 me = body[i];
    float ax = 0, ay = 0, az = 0;
    for (int base = 0; base < n; base += 256) {
        tile[threadIdx.x] = body[base + threadIdx.x];
        __syncthreads();
        for (int k = 0; k < 256; k++) {
            float4 o = tile[k];
            float x = o.x - me.x, y = o.y - me.y, z = o.z - me.z, inverse = rsqrtf(x * x + y * y + z * z + 0.01f);
            float pull = o.w * inverse * inverse * inverse;
            ax += x * pull;
            ay += y * pull;
            az += z * pull;
        }
        __syncthreads();
    }
    out[i] = make_float4(ax, ay, az, 0);
}
void nbody_cuda(const float *body, float *out)
{
    k_nbody<<<BODIES / 256, 256>>>((const float4 *)body, (float4 *)out, BODIES);
    wait();
}

/* ---- Options ------------------------------------------------------------------------------------- */
__device__ static inline float normal(float x)
{
    float k = 1 / (1 + 0.2316419f * fabsf(x));
    float p = k * (0.31938153f + k * (-0.356563782f + k * (1.781477937f + k * (-1.821255978f + k * 1.330274429f))));
    float c = 0.39894228f * expf(-0.5f * x * x) * p;
    return x > 0 ? 1 - c : c;
}
__global__ void k_black_scholes(const float *price, const float *strike, const float *years, float *call, float *put)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float s = price[i], x = strike[i], t = years[i], root = sqrtf(t);
    float d1 = (logf(s / x) + (RATE + 0.5f * VOLATILITY * VOLATILITY) * t) / (VOLATILITY * root), d2 = d1 - VOLATILITY * root;
    float n1 = normal(d1), n2 = normal(d2), discount = expf(-RATE * t);
    call[i] = s * n1 - x * discount * n2;
    put[i] = x * discount * (1 - n2) - s * (1 - n1);
}
void black_scholes_cuda(const float *in, float *out)
{
    k_black_scholes<<<OPTIONS / 256, 256>>>(in, in + OPTIONS, in + 2 * OPTIONS, out, out + OPTIONS);
    wait();
}

/* ---- Matrices: a thread computes four rows of a column ------------------------------------------- */
__global__ void k_matmul(const float *a, const float *b, float *c, int n)
{
    __shared__ float as[32][32], bs[32][32];
    int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * 32, column = blockIdx.x * 32 + x;
    float sum[4] = {0, 0, 0, 0};
    for (int k = 0; k < n; k += 32) {
        for (int r = 0; r < 4; r++) {
            as[y + 8 * r][x] = a[(row + y + 8 * r) * n + k + x];
            bs[y + 8 * r][x] = b[(k + y + 8 * r) * n + column];
        }
        __syncthreads();
        for (int i = 0; i < 32; i++)
            for (int r = 0; r < 4; r++)
                sum[r] += as[y + 8 * r][i] * bs[i][x];
        __syncthreads();
    }
    for (int r = 0; r < 4; r++)
        c[(row + y + 8 * r) * n + column] = sum[r];
}
void matmul_cuda(const float *in, float *out)
{
    k_matmul<<<dim3(MATRIX / 32, MATRIX / 32), dim3(32, 8)>>>(in, in + MATRIX * MATRIX, out, MATRIX);
    wait();
}

/* ---- Sums ---------------------------------------------------------------------------------------- */
__global__ void k_reduction(const float *x, float *sums, int n)
{
    __shared__ float part[8];
    float sum = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        sum += x[i];
    for (int by = 16; by; by /= 2)
        sum += __shfl_down_sync(~0u, sum, by);
    if (threadIdx.x % 32 == 0)
        part[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x < 32) {
        sum = threadIdx.x < blockDim.x / 32 ? part[threadIdx.x] : 0;
        for (int by = 4; by; by /= 2)
            sum += __shfl_down_sync(~0u, sum, by);
        if (threadIdx.x == 0)
            sums[blockIdx.x] = sum;
    }
}
void reduction_cuda(const float *x, float *out)
{
    static float *sums = bench_memory(64);
    k_reduction<<<64, 256>>>(x, sums, NUMBERS);
    k_reduction<<<1, 64>>>(sums, out, 64);
    wait();
}

/* ---- Prefix sums: each block its part, then the sums of the blocks, then both -------------------- */
const int SCAN_PART = 2048;
__device__ static inline unsigned scan_warp(unsigned x)
{
    for (int by = 1; by < 32; by *= 2) {
        unsigned before = __shfl_up_sync(~0u, x, by);
        x += threadIdx.x % 32 >= (unsigned)by ? before : 0;
    }
    return x;
}
/* A block of 256 threads; each warp scans 256 words in a row, 32 at a time. */
__global__ void k_scan(const unsigned *x, unsigned *y, unsigned *sums, int n)
{
    __shared__ unsigned warps[8];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, base = blockIdx.x * SCAN_PART + warp * 256 + lane;
    unsigned own[8], carry = 0;
    for (int k = 0; k < 8; k++) {
        own[k] = scan_warp(base + 32 * k < n ? x[base + 32 * k] : 0) + carry;
        carry = __shfl_sync(~0u, own[k], 31);
    }
    if (lane == 31)
        warps[warp] = carry;
    __syncthreads();
    unsigned before = 0;
    for (int w = 0; w < warp; w++)
        before += warps[w];
    for (int k = 0; k < 8; k++)
        if (base + 32 * k < n)
            y[base + 32 * k] = own[k] + before;
    if (sums && threadIdx.x == 255)
        sums[blockIdx.x] = before + carry;
}
__global__ void k_add_sums(unsigned *y, const unsigned *sums)
{
    if (blockIdx.x)
        for (int k = threadIdx.x; k < SCAN_PART; k += blockDim.x)
            y[blockIdx.x * SCAN_PART + k] += sums[blockIdx.x - 1];
}
void scan_cuda(const float *in, float *out)
{
    const int parts = NUMBERS / SCAN_PART;
    static unsigned *sums = (unsigned *)bench_memory(parts);
    k_scan<<<parts, 256>>>((const unsigned *)in, (unsigned *)out, sums, NUMBERS);
    k_scan<<<1, 256>>>(sums, sums, nullptr, parts);
    k_add_sums<<<parts, 256>>>((unsigned *)out, sums);
    wait();
}

/* ---- Histogram ----------------------------------------------------------------------------------- */
__global__ void k_histogram(const unsigned *words, unsigned *counts, int n)
{
    __shared__ unsigned own[256];
    own[threadIdx.x] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        unsigned w = words[i];
        atomicAdd(&own[w & 255], 1u);
        atomicAdd(&own[w >> 8 & 255], 1u);
        atomicAdd(&own[w >> 16 & 255], 1u);
        atomicAdd(&own[w >> 24], 1u);
    }
    __syncthreads();
    atomicAdd(&counts[threadIdx.x], own[threadIdx.x]);
}
void histogram_cuda(const float *in, float *out)
{
    check(cudaMemset(out, 0, 256 * sizeof(unsigned)));
    k_histogram<<<64, 256>>>((const unsigned *)in, (unsigned *)out, NUMBERS / 4);
    wait();
}

/* ---- Radix sort, four bits at a time: each thread has 16 keys in a row --------------------------- */
const int SORT_THREADS = 128, SORT_KEYS = 16, SORT_PART = SORT_THREADS * SORT_KEYS;
__device__ static inline void count_digits(const unsigned *keys, unsigned short (*count)[SORT_THREADS], int shift)
{
    for (int d = 0; d < 16; d++)
        count[d][threadIdx.x] = 0;
    for (int k = 0; k < SORT_KEYS; k++)
        count[keys[k] >> shift & 15][threadIdx.x]++;
}
__global__ void k_sort_count(const unsigned *from, unsigned *counts, int shift)
{
    __shared__ unsigned short count[16][SORT_THREADS];
    unsigned keys[SORT_KEYS];
    for (int k = 0; k < SORT_KEYS; k++)
        keys[k] = from[blockIdx.x * SORT_PART + threadIdx.x * SORT_KEYS + k];
    count_digits(keys, count, shift);
    __syncthreads();
    if (threadIdx.x < 16) {
        unsigned sum = 0;
        for (int t = 0; t < SORT_THREADS; t++)
            sum += count[threadIdx.x][t];
        counts[threadIdx.x * gridDim.x + blockIdx.x] = sum;
    }
}
__global__ void k_sort_move(const unsigned *from, unsigned *to, const unsigned *counts, int shift)
{
    __shared__ unsigned short count[16][SORT_THREADS];
    __shared__ unsigned base[16];
    unsigned keys[SORT_KEYS];
    for (int k = 0; k < SORT_KEYS; k++)
        keys[k] = from[blockIdx.x * SORT_PART + threadIdx.x * SORT_KEYS + k];
    count_digits(keys, count, shift);
    __syncthreads();
    if (threadIdx.x < 16) {
        int at = threadIdx.x * gridDim.x + blockIdx.x;
        base[threadIdx.x] = at ? counts[at - 1] : 0;
        unsigned short sum = 0;
        for (int t = 0; t < SORT_THREADS; t++) {
            unsigned short n = count[threadIdx.x][t];
            count[threadIdx.x][t] = sum;
            sum += n;
        }
    }
    __syncthreads();
    for (int k = 0; k < SORT_KEYS; k++) {
        unsigned d = keys[k] >> shift & 15;
        to[base[d] + count[d][threadIdx.x]++] = keys[k];
    }
}
void sort_cuda(const float *in, float *out)
{
    const int parts = KEYS / SORT_PART, counts = 16 * parts, blocks = (counts + SCAN_PART - 1) / SCAN_PART;
    static unsigned *other = (unsigned *)bench_memory(KEYS), *count = (unsigned *)bench_memory(counts), *sums = (unsigned *)bench_memory(blocks);
    unsigned *from = (unsigned *)out, *to = other;
    check(cudaMemcpy(from, in, KEYS * sizeof(unsigned), cudaMemcpyDeviceToDevice));
    for (int shift = 0; shift < 32; shift += 4) {
        k_sort_count<<<parts, SORT_THREADS>>>(from, count, shift);
        k_scan<<<blocks, 256>>>(count, count, sums, counts);
        k_scan<<<1, 256>>>(sums, sums, nullptr, blocks);
        k_add_sums<<<blocks, 256>>>(count, sums);
        k_sort_move<<<parts, SORT_THREADS>>>(from, to, count, shift);
        unsigned *next = to;
        to = from;
        from = next;
    }
    wait();
}

/* ---- Pictures ------------------------------------------------------------------------------------ */
__global__ void k_mandelbrot(float *out)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x, j = blockIdx.y * blockDim.y + threadIdx.y;
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
void mandelbrot_cuda(const float *, float *out)
{
    k_mandelbrot<<<dim3(WIDTH / 32, WIDTH / 4), dim3(32, 4)>>>(out);
    wait();
}

__device__ static inline int nearest(const float4 *sphere, float3 o, float3 d, float *distance)
{
    int hit = -1;
    *distance = 1e30f;
    for (int s = 0; s < SPHERES; s++) {
        float4 c = sphere[s];
        float x = c.x - o.x, y = c.y - o.y, z = c.z - o.z;
        float along = x * d.x + y * d.y + z * d.z, under = c.w * c.w - (x * x + y * y + z * z - along * along);
        float t = along - sqrtf(under > 0 ? under : 0);
        if (under > 0 && t > 1e-3f && t < *distance) {
            *distance = t;
            hit = s;
        }
    }
    return hit;
}
__global__ void k_ray_tracing(const float4 *sphere, float *out)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x, j = blockIdx.y * blockDim.y + threadIdx.y;
    float dx = (i - WIDTH / 2) / (float)WIDTH, dy = (j - WIDTH / 2) / (float)WIDTH, size = sqrtf(dx * dx + dy * dy + 1);
    float3 d = make_float3(dx / size, dy / size, 1 / size);
    float t, light = 0.1f, shadow;
    int s = nearest(sphere, make_float3(0, 0, -3), d, &t);
    if (s >= 0) {
        float4 c = sphere[s];
        float3 at = make_float3(d.x * t, d.y * t, d.z * t - 3);
        float slope = (0.57735f * (at.x - c.x) - 0.57735f * (at.y - c.y) - 0.57735f * (at.z - c.z)) / c.w;
        if (slope > 0 && nearest(sphere, at, make_float3(0.57735f, -0.57735f, -0.57735f), &shadow) < 0)
            light += 0.9f * slope;
    }
    out[j * WIDTH + i] = light;
}
void ray_tracing_cuda(const float *in, float *out)
{
    k_ray_tracing<<<dim3(WIDTH / 32, WIDTH / 4), dim3(32, 4)>>>((const float4 *)in, out);
    wait();
}

/* ---- Lattice Boltzmann --------------------------------------------------------------------------- */
__global__ void k_lattice_boltzmann(const float *from, float *to)
{
    const int cells = CELLS * CELLS;
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
    float f[9], density = 0, u = 0, v = 0;
#pragma unroll
    for (int q = 0; q < 9; q++) {
        int fx = (x - lattice_x(q)) & (CELLS - 1), fy = (y - lattice_y(q)) & (CELLS - 1);
        f[q] = from[q * cells + fy * CELLS + fx];
        density += f[q];
        u += f[q] * lattice_x(q);
        v += f[q] * lattice_y(q);
    }
    u /= density, v /= density;
#pragma unroll
    for (int q = 0; q < 9; q++) {
        float along = 3 * (lattice_x(q) * u + lattice_y(q) * v);
        float rest = lattice_weight(q) * density * (1 + along + 0.5f * along * along - 1.5f * (u * u + v * v));
        to[q * cells + y * CELLS + x] = f[q] + OMEGA * (rest - f[q]);
    }
}
void lattice_boltzmann_cuda(const float *from, float *to)
{
    k_lattice_boltzmann<<<dim3(CELLS / 256, CELLS), 256>>>(from, to);
    wait();
}

/* ---- Sparse matrix: a thread a row --------------------------------------------------------------- */
__global__ void k_spmv(const float *value, const float *x, float *y)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0;
    for (int k = 0; k < ROW_ENTRIES; k++)
        sum += value[i * ROW_ENTRIES + k] * x[column_of(i, k)];
    y[i] = sum;
}
void spmv_cuda(const float *in, float *y)
{
    k_spmv<<<ROWS / 256, 256>>>(in, in + ROWS * ROW_ENTRIES, y);
    wait();
}

__global__ void k_hashing(const uint4 *words, unsigned *hashes)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned h = 0x9747b28cu;
    for (int k = 0; k < RECORD_WORDS / 4; k++) {
        uint4 w = words[i * (RECORD_WORDS / 4) + k];
        h = mix(mix(mix(mix(h, w.x), w.y), w.z), w.w);
    }
    hashes[i] = finish(h);
}
void hashing_cuda(const float *in, float *out)
{
    k_hashing<<<RECORDS / 256, 256>>>((const uint4 *)in, (unsigned *)out);
    wait();
}

/* ---- Softmax: a warp a row ----------------------------------------------------------------------- */
__global__ void k_softmax(const float *x, float *y)
{
    int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    const float *from = x + row * SOFT_COLUMNS;
    float *to = y + row * SOFT_COLUMNS, top = -INFINITY, sum = 0;
    for (int i = lane; i < SOFT_COLUMNS; i += 32)
        top = fmaxf(top, from[i]);
    for (int by = 16; by; by /= 2)
        top = fmaxf(top, __shfl_xor_sync(~0u, top, by));
    for (int i = lane; i < SOFT_COLUMNS; i += 32)
        sum += to[i] = expf(from[i] - top);
    for (int by = 16; by; by /= 2)
        sum += __shfl_xor_sync(~0u, sum, by);
    for (int i = lane; i < SOFT_COLUMNS; i += 32)
        to[i] /= sum;
}
void softmax_cuda(const float *x, float *y)
{
    k_softmax<<<SOFT_ROWS / 8, 256>>>(x, y);
    wait();
}

__global__ void k_transpose(const float *x, float *y)
{
    __shared__ float tile[32][33];
    int i = blockIdx.y * 32, j = blockIdx.x * 32;
    for (int r = threadIdx.y; r < 32; r += 8)
        tile[r][threadIdx.x] = x[(i + r) * SIDE + j + threadIdx.x];
    __syncthreads();
    for (int r = threadIdx.y; r < 32; r += 8)
        y[(j + r) * SIDE + i + threadIdx.x] = tile[threadIdx.x][r];
}
void transpose_cuda(const float *x, float *y)
{
    k_transpose<<<dim3(SIDE / 32, SIDE / 32), dim3(32, 8)>>>(x, y);
    wait();
}
