/* What kernels of real programs use, each against a plain computation on the host: divergence, warp
 * operations, atomics, local and constant memory, structures, printf, 2-D blocks. */
#include "../../examples/cuda/check.h"
#include <cstring>

static int failures;

static void expect(const char *what, bool good)
{
    if (!good) {
        std::printf("%s: FAILED\n", what);
        failures++;
    }
}

template <class T, class F> static bool all(const std::vector<T> &v, F model)
{
    for (size_t i = 0; i < v.size(); i++)
        if (!(v[i] == (T)model((int)i))) {
            std::printf("  element %zu: got %g, expected %g\n", i, (double)v[i], (double)(T)model((int)i));
            return false;
        }
    return true;
}

/* ---- Divergence ---------------------------------------------------------------------------------- */
__host__ __device__ int collatz(int n)
{
    int steps = 0;
    while (n != 1) {
        n = n % 2 ? 3 * n + 1 : n / 2;
        steps++;
    }
    return steps;
}
__global__ void k_collatz(int *y)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = collatz(i + 1);
}

__host__ __device__ int tangle(int i)
{
    int s = 0;
    for (int a = 0; a < i % 7 + 1; a++) {
        if (a == 3)
            continue;
        for (int b = 0; b < 10; b++) {
            if ((a + b + i) % 5 == 4)
                break;
            if ((i + b) % 11 == 7)
                return s * 2 + b;
            s += a * b + 1;
        }
        switch ((i + a) % 4) {
        case 0: s += 3; /* falls through */
        case 1: s ^= i; break;
        case 2: s -= 7; break;
        default: s *= 3;
        }
    }
    return s;
}
__global__ void k_tangle(int *y)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = tangle(i);
}

__global__ void k_early_exit(int *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i % 3 == 0)
        return;
    for (int k = 0; k < n; k++) {
        if (k == i % 5)
            return;
        y[i] += k + 1;
    }
}

/* ---- Warps --------------------------------------------------------------------------------------- */
__global__ void k_warp(int *y)
{
    int t = threadIdx.x, lane = t & 31;
    int up = __shfl_up_sync(~0u, t, 3), down = __shfl_down_sync(~0u, t, 5, 16), cross = __shfl_xor_sync(~0u, t, 9);
    int one = __shfl_sync(~0u, t * 10, (lane * 7) & 31);
    unsigned ballot = __ballot_sync(~0u, lane % 3 == 0);
    int all_ = __all_sync(~0u, lane < 32), any_ = __any_sync(~0u, lane == 77);
    y[t] = up + down * 3 + cross * 5 + one * 7 + __popc(ballot) * 11 + all_ * 13 + any_ * 17;
    if (lane < 8)
        y[t] += __shfl_xor_sync(0xff, t, 1) + __popc(__activemask());
}
static int model_warp(int t)
{
    int lane = t & 31, base = t & ~31, half = lane & ~15;
    int up = lane >= 3 ? t - 3 : t, down = (lane & 15) + 5 < 16 ? t + 5 : t, cross = base + (lane ^ 9);
    (void)half;
    int y = up + down * 3 + cross * 5 + (base + (lane * 7 & 31)) * 10 * 7 + 11 * 11 + 13;
    return lane < 8 ? y + base + (lane ^ 1) + 8 : y;
}

/* ---- Atomics ------------------------------------------------------------------------------------- */
__global__ void k_atomics(int *counts, unsigned *wide, float *sum, unsigned long long *big, double *dsum)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(&counts[0], 1);
    atomicMax(&counts[1], i * 7 % 1000);
    atomicMin(&counts[2], -(i % 500));
    atomicOr((unsigned *)&counts[3], 1u << (i & 31));
    atomicAnd((unsigned *)&counts[4], ~(1u << (i & 15)));
    atomicXor((unsigned *)&counts[5], (unsigned)i);
    atomicAdd(sum, 0.5f);
    atomicAdd(dsum, 0.25);
    atomicAdd(big, 1ull << 33);
    atomicInc(&wide[0], 99);
    int old = counts[6], assumed;
    do {
        assumed = old;
        old = atomicCAS(&counts[6], assumed, assumed + 2);
    } while (old != assumed);
    if (i == 3)
        atomicExch(&counts[7], 42);
}

/* ---- Memory -------------------------------------------------------------------------------------- */
struct item { double x; int a; short b; char c; };
struct bundle { float scale[3]; int offset; };
__constant__ int table_[16] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
__device__ int shared_by_all = 5;

__global__ void k_memory(item *items, bundle b, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n)
        return;
    int local_[20];
    for (int k = 0; k < 20; k++)
        local_[(k * 3 + i) % 20] = k * i;
    items[i].x = local_[i % 20] * b.scale[i % 3];
    items[i].a = table_[i & 15] + b.offset + shared_by_all;
    items[i].b = (short)(items[i].b - i);
    items[i].c ^= (char)i;
}

__global__ void k_wide(const float4 *x, float2 *y)
{
    int i = threadIdx.x;
    float4 v = x[i];
    y[i] = make_float2(v.x + v.z, v.y * v.w);
}

__global__ void k_blocks(int *y, int width)
{
    __shared__ int tile[8][9];
    int x = blockIdx.x * 8 + threadIdx.x, row = blockIdx.y * 8 + threadIdx.y;
    tile[threadIdx.y][threadIdx.x] = row * width + x;
    __syncthreads();
    y[(blockIdx.x * 8 + threadIdx.y) * width + blockIdx.y * 8 + threadIdx.x] = tile[threadIdx.x][threadIdx.y];
}

/* Index arithmetic that wraps: lane 0 reads nothing, and its index is 2^32 - 1. */
__global__ void k_unsigned(const int *x, int *y, unsigned shift)
{
    unsigned i = threadIdx.x, before = i - shift;
    y[i] = i >= shift ? x[before] : -1;
    unsigned long long wide = i - shift;
    y[i] += (int)(wide >> 32) + (wide > 0x7fffffffull ? 1000 : 0);
}

/* ---- Functions ----------------------------------------------------------------------------------- */
__device__ __noinline__ float polynomial(float x, int terms)
{
    float y = 0;
    for (int k = 0; k < terms; k++)
        y = y * x + k;
    return y;
}
__device__ __noinline__ float2 pair(float x) { return make_float2(polynomial(x, 3), x > 4 ? polynomial(x, 5) : -x); }
__global__ void k_functions(float *y)
{
    int i = threadIdx.x;
    float2 p = pair((float)i);
    y[i] = p.x + 2 * p.y;
}
static float host_polynomial(float x, int terms)
{
    float y = 0;
    for (int k = 0; k < terms; k++)
        y = std::fma(y, x, (float)k);
    return y;
}

__global__ void k_math(float *y)
{
    float x = (threadIdx.x + 1) * 0.37f;
    y[threadIdx.x] = sinf(x) + expf(-x) * logf(x) + powf(x, 1.5f) + tanhf(x) + sqrtf(x) + fabsf(-x) + floorf(x) + atan2f(x, 2.0f);
}

/* 1 / sqrt over all exponents, subnormal numbers included. */
__global__ void k_rsqrt(const float *x, float *y)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = rsqrtf(x[i]);
}

__global__ void k_print()
{
    if (threadIdx.x < 2)
        printf("thread %d of %s: %5.2f %lld %c\n", threadIdx.x, "block", threadIdx.x * 1.5, 1ll << 40, 'x');
}

/* Blocks that lie side by side may run row by row: every thread comes once, and knows its block. */
__global__ void k_rows(int *y)
{
    int width = gridDim.x * blockDim.x, height = gridDim.y * blockDim.y;
    int i = blockIdx.x * blockDim.x + threadIdx.x, j = blockIdx.y * blockDim.y + threadIdx.y, k = blockIdx.z * blockDim.z + threadIdx.z;
    y[(k * height + j) * width + i] += i + 1000 * j + 1000000 * k + 1;
}
static bool rows_are_written_once(dim3 block)
{
    const dim3 grid(19, 5, 2);
    int width = grid.x * block.x, height = grid.y * block.y, depth = grid.z * block.z;
    device_array<int> y(std::vector<int>(width * height * depth, 0));
    k_rows<<<grid, block>>>(y.data);
    return all(y.host(), [=](int t) { return t % width + 1000 * (t / width % height) + 1000000 * (t / width / height) + 1; });
}

/* DPX: results of one pair of functions for words and halves, against 64-bit arithmetic. */
struct dpx_row { int s32, s32_relu; unsigned u32, s16, s16_relu, u16; };
__host__ __device__ static void dpx_rows(int a, int b, int c, dpx_row *y)
{
    unsigned u = a, v = b, w = c;
    bool p, q;
#define ROW3(name) {name##_s32(a, b, c), name##_s32_relu(a, b, c), name##_u32(u, v, w), name##_s16x2(u, v, w), name##_s16x2_relu(u, v, w), name##_u16x2(u, v, w)}
    const dpx_row three[4] = {ROW3(__vimax3), ROW3(__vimin3), ROW3(__viaddmax), ROW3(__viaddmin)};
    for (int i = 0; i < 4; i++)
        y[i] = three[i];
#define ROW2(name, relu) {name##_s32(a, b, &p), relu##_s32_relu(a, b), name##_u32(u, v, &p), name##_s16x2(u, v, &p, &q), relu##_s16x2_relu(u, v), name##_u16x2(u, v, &p, &q)}
    y[4] = dpx_row ROW2(__vibmax, __vimax);
    y[5] = dpx_row ROW2(__vibmin, __vimin);
    y[6].s32 = (__vibmax_s32(a, b, &p), p) + 2 * (__vibmin_s32(a, b, &p), p) + 4 * (__vibmax_u32(u, v, &p), p) + 8 * (__vibmin_u32(u, v, &p), p);
    y[6].u32 = (__vibmax_s16x2(u, v, &p, &q), p + 2 * q) + 4 * (__vibmin_u16x2(u, v, &p, &q), p + 2 * q);
}
__global__ void k_dpx(const int *x, dpx_row *y)
{
    int i = threadIdx.x;
    dpx_rows(x[i % 8], x[i / 8 % 8], x[i / 64], y + 7 * i);
}
/* Which function of its family, in numbers that hold everything; sums wrap to the type first. */
template <class T> static long long dpx_number(int family, long long a, long long b, long long c)
{
    switch (family) {
    case 0: return std::max(std::max(a, b), c);
    case 1: return std::min(std::min(a, b), c);
    case 2: return std::max<long long>((T)(a + b), c);
    case 3: return std::min<long long>((T)(a + b), c);
    case 4: return std::max(a, b);
    default: return std::min(a, b);
    }
}
template <class T> static unsigned dpx_word(int family, bool relu, unsigned a, unsigned b, unsigned c)
{
    unsigned out = 0;
    for (int i = 0; i < 32; i += 8 * sizeof(T)) {
        long long x = dpx_number<T>(family, (T)(a >> i), (T)(b >> i), (T)(c >> i));
        out |= (unsigned)((relu && x < 0 ? 0 : x) & (sizeof(T) == 2 ? 0xffff : 0xffffffff)) << i;
    }
    return out;
}
static bool dpx_agrees(int a, int b, int c, const dpx_row *y)
{
    bool good = true;
    for (int f = 0; f < 6; f++)
        good &= (unsigned)y[f].s32 == dpx_word<int>(f, false, a, b, c) && (unsigned)y[f].s32_relu == dpx_word<int>(f, true, a, b, c) &&
                y[f].u32 == dpx_word<unsigned>(f, false, a, b, c) && y[f].s16 == dpx_word<short>(f, false, a, b, c) &&
                y[f].s16_relu == dpx_word<short>(f, true, a, b, c) && y[f].u16 == dpx_word<unsigned short>(f, false, a, b, c);
    unsigned u = a, v = b, halves = ((short)(u >> 16) >= (short)(v >> 16)) + 2 * ((short)u >= (short)v) + 4 * (u >> 16 <= v >> 16) +
                                    8 * ((u & 0xffff) <= (v & 0xffff));
    return good && y[6].s32 == (a >= b) + 2 * (a <= b) + 4 * (u >= v) + 8 * (u <= v) && y[6].u32 == halves;
}
static void check_dpx()
{
    const std::vector<int> x = {0, -1, 5, INT_MIN, INT_MAX, 0x7fff8000, (int)0x8000ffff, 0x00050003};
    device_array<int> dx(x);
    device_array<dpx_row> dy(7 * 512);
    k_dpx<<<1, 512>>>(dx.data, dy.data);
    std::vector<dpx_row> y = dy.host();
    bool device = true, host = true;
    for (int i = 0; i < 512; i++) {
        int a = x[i % 8], b = x[i / 8 % 8], c = x[i / 64];
        dpx_row own[7];
        dpx_rows(a, b, c, own);
        device &= dpx_agrees(a, b, c, &y[7 * i]);
        host &= dpx_agrees(a, b, c, own);
    }
    expect("DPX", device && host);
}

int main()
{
    const int n = 256;
    std::vector<int> zeros(n, 0), numbers(n);
    for (int i = 0; i < n; i++)
        numbers[i] = i * i;
    {
        device_array<int> y(n);
        k_collatz<<<4, 64>>>(y.data);
        expect("collatz", all(y.host(), [](int i) { return collatz(i + 1); }));
        k_tangle<<<4, 64>>>(y.data);
        expect("tangle", all(y.host(), tangle));
        k_warp<<<1, n>>>(y.data);
        expect("warp", all(y.host(), model_warp));
    }
    {
        device_array<int> y(zeros);
        k_early_exit<<<4, 64>>>(y.data, 9);
        expect("early exit", all(y.host(), [](int i) { return i % 3 ? (i % 5) * (i % 5 + 1) / 2 : 0; }));
    }
    {
        std::vector<int> c = {0, 0, 0, 0, -1, 0, 0, 0};
        device_array<int> counts(c);
        device_array<unsigned> wide(std::vector<unsigned>(1, 0u));
        device_array<float> sum(std::vector<float>(1, 0.0f));
        device_array<double> dsum(std::vector<double>(1, 0.0));
        device_array<unsigned long long> big(std::vector<unsigned long long>(1, 0ull));
        k_atomics<<<10, 100>>>(counts.data, wide.data, sum.data, big.data, dsum.data);
        std::vector<int> got = counts.host(), want = {1000, 999, -499, -1, (int)0xffff0000, 0, 2000, 42};
        for (int i = 0; i < 1000; i++)
            want[5] ^= i;
        expect("integer atomics", got == want);
        expect("float atomics", sum.host()[0] == 500 && dsum.host()[0] == 250);
        expect("wide atomics", big.host()[0] == 1000ull << 33 && wide.host()[0] == 0);
    }
    {
        std::vector<item> items(n);
        std::memset(items.data(), 0, n * sizeof(item));
        for (int i = 0; i < n; i++)
            items[i].b = 100, items[i].c = 3;
        device_array<item> d(items);
        bundle b = {{0.5f, 2.0f, 3.0f}, 1000};
        int more = 6;
        CHECK(cudaMemcpyToSymbol(shared_by_all, &more, sizeof more));
        k_memory<<<3, 100>>>(d.data, b, n);
        std::vector<item> got = d.host();
        bool good = true;
        for (int i = 0; i < n; i++) {
            int local_[20];
            for (int k = 0; k < 20; k++)
                local_[(k * 3 + i) % 20] = k * i;
            good &= got[i].x == local_[i % 20] * b.scale[i % 3] && got[i].a == (1 << (i & 15)) + 1006 &&
                    got[i].b == (short)(100 - i) && got[i].c == (char)(3 ^ i);
        }
        expect("structures, local and constant memory", good);
    }
    {
        std::vector<float4> x(64);
        for (int i = 0; i < 64; i++)
            x[i] = make_float4(i, i + 1, i + 2, i + 3);
        device_array<float4> dx(x);
        device_array<float2> dy(64);
        k_wide<<<1, 64>>>(dx.data, dy.data);
        std::vector<float2> y = dy.host();
        bool good = true;
        for (int i = 0; i < 64; i++)
            good &= y[i].x == 2 * i + 2 && y[i].y == (float)(i + 1) * (i + 3);
        expect("vector types", good);
    }
    {
        const int width = 64;
        device_array<int> y(width * width);
        k_blocks<<<dim3(8, 8), dim3(8, 8)>>>(y.data, width);
        expect("2-D blocks", all(y.host(), [](int i) { return i % 64 * 64 + i / 64; }));
    }
    {
        device_array<int> x(numbers), y(64);
        k_unsigned<<<1, 64>>>(x.data, y.data, 5);
        expect("unsigned indices", all(y.host(), [](int i) { return i >= 5 ? (i - 5) * (i - 5) : 999; }));
    }
    {
        device_array<float> y(64);
        k_functions<<<1, 64>>>(y.data);
        expect("functions", all(y.host(), [](int i) {
                   return host_polynomial(i, 3) + 2 * (i > 4 ? host_polynomial(i, 5) : -(float)i);
               }));
        k_math<<<1, 64>>>(y.data);
        std::vector<float> got = y.host();
        double worst = 0;
        for (int i = 0; i < 64; i++) {
            double v = (float)((i + 1) * 0.37f);
            double want = std::sin(v) + std::exp(-v) * std::log(v) + std::pow(v, 1.5) + std::tanh(v) + std::sqrt(v) + v +
                          std::floor(v) + std::atan2(v, 2.0);
            worst = std::fmax(worst, std::fabs(got[i] - want) / std::fabs(want));
        }
        expect("math", worst < 1e-6);
    }
    {
        std::vector<float> x(4096);
        for (int i = 0; i < 4096; i++)
            x[i] = std::ldexp(1 + noise(i), i % 270 - 148);
        x[0] = 0, x[1] = INFINITY, x[2] = -1;
        device_array<float> dx(x), dy(4096);
        k_rsqrt<<<16, 256>>>(dx.data, dy.data);
        std::vector<float> y = dy.host();
        double worst = 0;
        for (int i = 3; i < 4096; i++)
            worst = std::fmax(worst, std::fabs(y[i] * std::sqrt((double)x[i]) - 1));
        expect("rsqrt", worst < 0x1p-22 && y[0] == INFINITY && y[1] == 0 && y[2] != y[2]);
    }
    for (dim3 block : {dim3(32, 8), dim3(16, 16), dim3(8, 4, 2), dim3(64, 3), dim3(48, 2), dim3(20, 5), dim3(7, 3, 3), dim3(1, 64)})
        expect("order of rows", rows_are_written_once(block));
    check_dpx();
    k_print<<<1, 32>>>();
    CHECK(cudaDeviceSynchronize());
    std::printf("features: %s\n", failures ? "FAILED" : "passed");
    return failures != 0;
}
