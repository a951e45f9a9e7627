/* cuRAND's device API: XORWOW, Philox4x32-10 and MRG32k3a, with cuRAND's own sequences; uniform, normal and log-normal
 * numbers. A generator's subsequences are 2^67 (XORWOW), 2^66 (Philox) and 2^76 (MRG32k3a) numbers apart.
 *
 * Not there: Sobol's and Mersenne's generators, Poisson's distribution; programs that name them do not compile. */
#ifndef CAIRN_CURAND_KERNEL_H
#define CAIRN_CURAND_KERNEL_H
#include "cuda_runtime.h"

#if defined(__CUDA__)
#define CAIRN_RANDOM static __device__ inline __attribute__((always_inline))
#define QUALIFIERS CAIRN_RANDOM

/* ---- XORWOW (Marsaglia, Xorshift RNGs, 2003) ----------------------------------------------------- */
struct curandStateXORWOW {
    unsigned d, v[5];
    int boxmuller_flag, boxmuller_flag_double;
    float boxmuller_extra;
    double boxmuller_extra_double;
};
typedef struct curandStateXORWOW curandStateXORWOW_t;
typedef struct curandStateXORWOW curandState_t;
typedef struct curandStateXORWOW curandState;

CAIRN_RANDOM unsigned curand(curandStateXORWOW_t *s)
{
    unsigned t = s->v[0] ^ s->v[0] >> 2;
    s->v[0] = s->v[1];
    s->v[1] = s->v[2];
    s->v[2] = s->v[3];
    s->v[3] = s->v[4];
    s->v[4] = (s->v[4] ^ s->v[4] << 4) ^ (t ^ t << 1);
    s->d += 362437;
    return s->v[4] + s->d;
}

/* v = M^(n 2^power) v, with M one step of the shift register: the runtime has the powers of M. */
extern "C" __device__ void __cairn_xorwow_skip(unsigned *v, unsigned long long n, int power);
CAIRN_RANDOM void skipahead(unsigned long long n, curandStateXORWOW_t *s)
{
    if (n)
        __cairn_xorwow_skip(s->v, n, 0);
    s->d += 362437 * (unsigned)n;
}
CAIRN_RANDOM void skipahead_sequence(unsigned long long n, curandStateXORWOW_t *s)
{
    if (n)
        __cairn_xorwow_skip(s->v, n, 67);
}
CAIRN_RANDOM void curand_init(unsigned long long seed, unsigned long long subsequence, unsigned long long offset, curandStateXORWOW_t *s)
{
    unsigned t0 = 1099087573u * ((unsigned)seed ^ 0xaad26b49u), t1 = 2591861531u * ((unsigned)(seed >> 32) ^ 0xf7dcefddu);
    s->d = 6615241 + t1 + t0;
    s->v[0] = 123456789u + t0;
    s->v[1] = 362436069u ^ t0;
    s->v[2] = 521288629u + t1;
    s->v[3] = 88675123u ^ t1;
    s->v[4] = 5783321u + t0;
    skipahead_sequence(subsequence, s);
    skipahead(offset, s);
    s->boxmuller_flag = s->boxmuller_flag_double = 0;
    s->boxmuller_extra = 0;
    s->boxmuller_extra_double = 0;
}

/* ---- Philox4x32-10 (Salmon and others, Parallel random numbers, 2011) ----------------------------- */
struct curandStatePhilox4_32_10 {
    uint4 ctr, output;
    uint2 key;
    unsigned STATE;
    int boxmuller_flag, boxmuller_flag_double;
    float boxmuller_extra;
    double boxmuller_extra_double;
};
typedef struct curandStatePhilox4_32_10 curandStatePhilox4_32_10_t;

CAIRN_RANDOM uint4 curand_Philox4x32_10(uint4 c, uint2 k)
{
    for (int round = 0; round < 10; round++) {
        unsigned h0 = __umulhi(0xD2511F53u, c.x), l0 = 0xD2511F53u * c.x, h1 = __umulhi(0xCD9E8D57u, c.z), l1 = 0xCD9E8D57u * c.z;
        c = make_uint4(h1 ^ c.y ^ k.x, l1, h0 ^ c.w ^ k.y, l0);
        k.x += 0x9E3779B9u;
        k.y += 0xBB67AE85u;
    }
    return c;
}
CAIRN_RANDOM void cairn_philox_add(curandStatePhilox4_32_10_t *s, unsigned long long n)
{
    unsigned long long low = (unsigned long long)s->ctr.y << 32 | s->ctr.x, high = (unsigned long long)s->ctr.w << 32 | s->ctr.z;
    low += n;
    high += low < n;
    s->ctr = make_uint4((unsigned)low, (unsigned)(low >> 32), (unsigned)high, (unsigned)(high >> 32));
}
CAIRN_RANDOM void skipahead(unsigned long long n, curandStatePhilox4_32_10_t *s)
{
    s->STATE += (unsigned)n & 3;
    n /= 4;
    if (s->STATE > 3) {
        n++;
        s->STATE -= 4;
    }
    cairn_philox_add(s, n);
    s->output = curand_Philox4x32_10(s->ctr, s->key);
}
CAIRN_RANDOM void skipahead_sequence(unsigned long long n, curandStatePhilox4_32_10_t *s)
{
    unsigned long long high = ((unsigned long long)s->ctr.w << 32 | s->ctr.z) + n;
    s->ctr.z = (unsigned)high;
    s->ctr.w = (unsigned)(high >> 32);
    s->output = curand_Philox4x32_10(s->ctr, s->key);
}
CAIRN_RANDOM void curand_init(unsigned long long seed, unsigned long long subsequence, unsigned long long offset,
                              curandStatePhilox4_32_10_t *s)
{
    s->ctr = make_uint4(0, 0, 0, 0);
    s->key = make_uint2((unsigned)seed, (unsigned)(seed >> 32));
    s->STATE = 0;
    s->boxmuller_flag = s->boxmuller_flag_double = 0;
    s->boxmuller_extra = 0;
    s->boxmuller_extra_double = 0;
    skipahead_sequence(subsequence, s);
    skipahead(offset, s);
}
CAIRN_RANDOM unsigned cairn_philox_word(uint4 w, unsigned i) { return i == 0 ? w.x : i == 1 ? w.y : i == 2 ? w.z : w.w; }
CAIRN_RANDOM unsigned curand(curandStatePhilox4_32_10_t *s)
{
    unsigned word = cairn_philox_word(s->output, s->STATE++);
    if (s->STATE == 4) {
        cairn_philox_add(s, 1);
        s->output = curand_Philox4x32_10(s->ctr, s->key);
        s->STATE = 0;
    }
    return word;
}
CAIRN_RANDOM uint4 curand4(curandStatePhilox4_32_10_t *s)
{
    uint4 before = s->output;
    cairn_philox_add(s, 1);
    s->output = curand_Philox4x32_10(s->ctr, s->key);
    uint4 now = s->output;
    switch (s->STATE) {
    case 0: return before;
    case 1: return make_uint4(before.y, before.z, before.w, now.x);
    case 2: return make_uint4(before.z, before.w, now.x, now.y);
    default: return make_uint4(before.w, now.x, now.y, now.z);
    }
}

/* ---- MRG32k3a (L'Ecuyer, 1999) ------------------------------------------------------------------- */
struct curandStateMRG32k3a {
    unsigned s1[3], s2[3];
    int boxmuller_flag, boxmuller_flag_double;
    float boxmuller_extra;
    double boxmuller_extra_double;
};
typedef struct curandStateMRG32k3a curandStateMRG32k3a_t;
#define CAIRN_MRG_M1 4294967087ull
#define CAIRN_MRG_M2 4294944443ull

CAIRN_RANDOM double curand_MRG32k3a(curandStateMRG32k3a_t *s)
{
    long long p1 = (1403580ll * s->s1[1] - 810728ll * s->s1[0]) % (long long)CAIRN_MRG_M1;
    long long p2 = (527612ll * s->s2[2] - 1370589ll * s->s2[0]) % (long long)CAIRN_MRG_M2;
    p1 += p1 < 0 ? (long long)CAIRN_MRG_M1 : 0;
    p2 += p2 < 0 ? (long long)CAIRN_MRG_M2 : 0;
    s->s1[0] = s->s1[1], s->s1[1] = s->s1[2], s->s1[2] = (unsigned)p1;
    s->s2[0] = s->s2[1], s->s2[1] = s->s2[2], s->s2[2] = (unsigned)p2;
    return (double)(p1 > p2 ? p1 - p2 : p1 - p2 + (long long)CAIRN_MRG_M1);
}
/* v = A^(n 2^power) v modulo m. */
static __device__ inline void cairn_mrg_skip(unsigned *v, const unsigned (*step)[3], unsigned long long m, unsigned long long n, int power)
{
    unsigned long long a[3][3];
    for (int i = 0; i < 9; i++)
        a[i / 3][i % 3] = step[i / 3][i % 3];
    for (int bit = 0; n; bit++) {
        if (bit >= power) {
            if (n & 1) {
                unsigned r[3];
                for (int i = 0; i < 3; i++)
                    r[i] = (unsigned)((a[i][0] * v[0] % m + a[i][1] * v[1] % m + a[i][2] * v[2] % m) % m);
                v[0] = r[0], v[1] = r[1], v[2] = r[2];
            }
            n >>= 1;
        }
        unsigned long long b[3][3];
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 3; k++)
                b[i][k] = (a[i][0] * a[0][k] % m + a[i][1] * a[1][k] % m + a[i][2] * a[2][k] % m) % m;
        for (int i = 0; i < 9; i++)
            a[i / 3][i % 3] = b[i / 3][i % 3];
    }
}
CAIRN_RANDOM void cairn_mrg_skip_both(curandStateMRG32k3a_t *s, unsigned long long n, int power)
{
    const unsigned a1[3][3] = {{0, 1, 0}, {0, 0, 1}, {(unsigned)CAIRN_MRG_M1 - 810728u, 1403580u, 0}};
    const unsigned a2[3][3] = {{0, 1, 0}, {0, 0, 1}, {(unsigned)CAIRN_MRG_M2 - 1370589u, 0, 527612u}};
    cairn_mrg_skip(s->s1, a1, CAIRN_MRG_M1, n, power);
    cairn_mrg_skip(s->s2, a2, CAIRN_MRG_M2, n, power);
}
CAIRN_RANDOM void skipahead(unsigned long long n, curandStateMRG32k3a_t *s) { cairn_mrg_skip_both(s, n, 0); }
CAIRN_RANDOM void skipahead_subsequence(unsigned long long n, curandStateMRG32k3a_t *s) { cairn_mrg_skip_both(s, n, 76); }
CAIRN_RANDOM void skipahead_sequence(unsigned long long n, curandStateMRG32k3a_t *s) { cairn_mrg_skip_both(s, n, 127); }
CAIRN_RANDOM void curand_init(unsigned long long seed, unsigned long long subsequence, unsigned long long offset, curandStateMRG32k3a_t *s)
{
    for (int i = 0; i < 3; i++)
        s->s1[i] = s->s2[i] = 12345;
    if (seed) {
        unsigned long long x1 = (unsigned)seed ^ 0x55555555u, x2 = (unsigned)(seed >> 32) ^ 0xAAAAAAAAu;
        for (int i = 0; i < 3; i++) {
            s->s1[i] = (unsigned)((i % 2 ? x2 : x1) * s->s1[i] % CAIRN_MRG_M1);
            s->s2[i] = (unsigned)((i % 2 ? x1 : x2) * s->s2[i] % CAIRN_MRG_M2);
        }
    }
    skipahead_subsequence(subsequence, s);
    skipahead(offset, s);
    s->boxmuller_flag = s->boxmuller_flag_double = 0;
    s->boxmuller_extra = 0;
    s->boxmuller_extra_double = 0;
}
CAIRN_RANDOM unsigned curand(curandStateMRG32k3a_t *s) { return (unsigned)(curand_MRG32k3a(s) * 1.000000048662); }

/* ---- Uniform numbers: (0, 1] ---------------------------------------------------------------------- */
#define CAIRN_2POW32_INV 2.3283064e-10f
#define CAIRN_2POW53_INV 1.1102230246251565e-16
CAIRN_RANDOM float cairn_uniform(unsigned x) { return x * CAIRN_2POW32_INV + CAIRN_2POW32_INV / 2.0f; }
CAIRN_RANDOM double cairn_uniform_double(unsigned x, unsigned y)
{
    unsigned long long z = (unsigned long long)x ^ (unsigned long long)y << 21;
    return z * CAIRN_2POW53_INV + CAIRN_2POW53_INV / 2.0;
}
CAIRN_RANDOM float curand_uniform(curandStateXORWOW_t *s) { return cairn_uniform(curand(s)); }
CAIRN_RANDOM float curand_uniform(curandStatePhilox4_32_10_t *s) { return cairn_uniform(curand(s)); }
CAIRN_RANDOM float curand_uniform(curandStateMRG32k3a_t *s) { return (float)(curand_MRG32k3a(s) * 2.3283065498378288e-10); }
CAIRN_RANDOM double curand_uniform_double(curandStateXORWOW_t *s)
{
    unsigned x = curand(s), y = curand(s);
    return cairn_uniform_double(x, y);
}
/* One word, as cuRAND has it: 32 random bits. */
CAIRN_RANDOM double curand_uniform_double(curandStatePhilox4_32_10_t *s) { return curand(s) * 2.3283064365386963e-10 + 2.3283064365386963e-10; }
CAIRN_RANDOM double curand_uniform_double(curandStateMRG32k3a_t *s) { return curand_MRG32k3a(s) * 2.3283065498378288e-10; }
CAIRN_RANDOM float4 curand_uniform4(curandStatePhilox4_32_10_t *s)
{
    uint4 x = curand4(s);
    return make_float4(cairn_uniform(x.x), cairn_uniform(x.y), cairn_uniform(x.z), cairn_uniform(x.w));
}
CAIRN_RANDOM double2 curand_uniform2_double(curandStatePhilox4_32_10_t *s)
{
    uint4 x = curand4(s);
    return make_double2(cairn_uniform_double(x.x, x.y), cairn_uniform_double(x.z, x.w));
}

/* ---- Normal numbers (Box and Muller); the second of a pair is kept for the next call -------------- */
CAIRN_RANDOM float2 cairn_normal(unsigned x, unsigned y)
{
    float u = x * CAIRN_2POW32_INV + CAIRN_2POW32_INV / 2, v = y * (CAIRN_2POW32_INV * 6.2831855f) + CAIRN_2POW32_INV * 6.2831855f / 2;
    float s = sqrtf(-2.0f * logf(u)), sine, cosine;
    sincosf(v, &sine, &cosine);
    return make_float2(sine * s, cosine * s);
}
CAIRN_RANDOM double2 cairn_normal_double(unsigned x0, unsigned x1, unsigned y0, unsigned y1)
{
    unsigned long long zy = (unsigned long long)y0 ^ (unsigned long long)y1 << 21;
    double u = cairn_uniform_double(x0, x1), v = zy * (CAIRN_2POW53_INV * 2.0) + CAIRN_2POW53_INV;
    double s = sqrt(-2.0 * log(u)), sine, cosine;
    sincospi(v, &sine, &cosine);
    return make_double2(sine * s, cosine * s);
}
template <class S> CAIRN_RANDOM float2 curand_normal2(S *s)
{
    unsigned x = curand(s), y = curand(s);
    return cairn_normal(x, y);
}
template <class S> CAIRN_RANDOM float curand_normal(S *s)
{
    if (s->boxmuller_flag) {
        s->boxmuller_flag = 0;
        return s->boxmuller_extra;
    }
    float2 pair = curand_normal2(s);
    s->boxmuller_extra = pair.y;
    s->boxmuller_flag = 1;
    return pair.x;
}
CAIRN_RANDOM float4 curand_normal4(curandStatePhilox4_32_10_t *s)
{
    uint4 x = curand4(s);
    float2 a = cairn_normal(x.x, x.y), b = cairn_normal(x.z, x.w);
    return make_float4(a.x, a.y, b.x, b.y);
}
CAIRN_RANDOM double2 curand_normal2_double(curandStateXORWOW_t *s)
{
    unsigned x0 = curand(s), x1 = curand(s), y0 = curand(s), y1 = curand(s);
    return cairn_normal_double(x0, x1, y0, y1);
}
CAIRN_RANDOM double2 curand_normal2_double(curandStatePhilox4_32_10_t *s)
{
    uint4 x = curand4(s);
    return cairn_normal_double(x.x, x.y, x.z, x.w);
}
template <class S> CAIRN_RANDOM double curand_normal_double(S *s)
{
    if (s->boxmuller_flag_double) {
        s->boxmuller_flag_double = 0;
        return s->boxmuller_extra_double;
    }
    double2 pair = curand_normal2_double(s);
    s->boxmuller_extra_double = pair.y;
    s->boxmuller_flag_double = 1;
    return pair.x;
}
template <class S> CAIRN_RANDOM float curand_log_normal(S *s, float mean, float deviation) { return expf(mean + deviation * curand_normal(s)); }
template <class S> CAIRN_RANDOM double curand_log_normal_double(S *s, double mean, double deviation)
{
    return exp(mean + deviation * curand_normal_double(s));
}
template <class S> CAIRN_RANDOM float2 curand_log_normal2(S *s, float mean, float deviation)
{
    float2 v = curand_normal2(s);
    return make_float2(expf(mean + deviation * v.x), expf(mean + deviation * v.y));
}
CAIRN_RANDOM float4 curand_log_normal4(curandStatePhilox4_32_10_t *s, float mean, float deviation)
{
    float4 v = curand_normal4(s);
    return make_float4(expf(mean + deviation * v.x), expf(mean + deviation * v.y), expf(mean + deviation * v.z), expf(mean + deviation * v.w));
}
#undef CAIRN_RANDOM
#endif
#endif
