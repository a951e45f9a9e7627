/* Peaks: see primitives/peak.h. */
#include "primitives/peak.h"
#include "primitives/simd.h"

/* Enough independent sums to cover the latency of two FMA units (4 cycles each), and with the two factors
 * few enough for the registers. */
#if defined(ISA_AVX512) || defined(ISA_NEON)
enum { SUMS = 20 };
#else
enum { SUMS = 12 };
#endif

/* The compiler may neither drop the sums nor know the factors. */
#define KEEP(v) __asm__ volatile("" : : "m"(v))
#define HIDE(v) __asm__ volatile("" : "+m"(v))

static int64_t fma_f32(int64_t rounds)
{
    VF factor = vf_set(0.999f), addend = vf_set(0.001f), sum[SUMS]; /* stays near 1: no denormals, no infinity */
    HIDE(factor);
    HIDE(addend);
    for (int i = 0; i < SUMS; i++)
        sum[i] = factor;
    for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 20
        for (int i = 0; i < SUMS; i++)
            sum[i] = vf_fma(sum[i], factor, addend);
    }
    KEEP(sum);
    return rounds * SUMS * LANES_F32 * 2;
}

static int64_t fma_f64(int64_t rounds)
{
    VD factor = vd_set(0.999), addend = vd_set(0.001), sum[SUMS];
    HIDE(factor);
    HIDE(addend);
    for (int i = 0; i < SUMS; i++)
        sum[i] = factor;
    for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 20
        for (int i = 0; i < SUMS; i++)
            sum[i] = vd_fma(sum[i], factor, addend);
    }
    KEEP(sum);
    return rounds * SUMS * LANES_F64 * 2;
}

static float read_sum(int64_t n, const float *x)
{
    enum { STREAMS = 4 };
    VF sum[STREAMS] = {{0}};
    for (int64_t i = 0; i + STREAMS * LANES_F32 <= n; i += STREAMS * LANES_F32) {
#pragma GCC unroll 4
        for (int s = 0; s < STREAMS; s++)
            sum[s] += vf_load(x + i + s * LANES_F32);
    }
    VF all = sum[0] + sum[1] + sum[2] + sum[3];
    return all[0] + all[LANES_F32 - 1];
}

static void triad(int64_t n, float s, const float *b, const float *c, float *a)
{
    VF factor = vf_set(s);
    for (int64_t i = 0; i + LANES_F32 <= n; i += LANES_F32)
        vf_store(a + i, vf_fma(factor, vf_load(c + i), vf_load(b + i)));
}

extern peak_kernel KERNEL(peak);
peak_kernel KERNEL(peak) = {.fma_f32 = fma_f32, .fma_f64 = fma_f64, .read = read_sum, .triad = triad};
