/* Portable vectors: one kernel source, many instruction sets.
 *
 * A file of primitives/isa/ includes this and is compiled once per instruction set. There KERNEL(relu_f32)
 * is relu_f32_avx512, relu_f32_avx2 ...; VF is the set's vector of LANES_F32 floats, VD of LANES_F64
 * doubles, VI and VL the int32 and int64 vectors with as many lanes. Plain operators (+ - * / < & ...)
 * work on them, as GCC and clang define them; a comparison gives an int vector of 0 and -1. */
#ifndef PRIMITIVES_SIMD_H
#define PRIMITIVES_SIMD_H
#include <stdint.h>
#include <string.h>

#define SIMD_PASTE2(a, b) a##_##b
#define SIMD_PASTE(a, b) SIMD_PASTE2(a, b)
#define KERNEL(name) SIMD_PASTE(name, ISA_SUFFIX)

#if defined(ISA_AVX512)
#define SIMD_BYTES 64
#elif defined(ISA_AVX2)
#define SIMD_BYTES 32
#else
#define SIMD_BYTES 16
#endif

#if defined(ISA_AVX512) || defined(ISA_AVX2)
#include <immintrin.h>
#define SIMD_HAS_FMA 1
#elif defined(ISA_NEON)
#include <arm_neon.h>
#define SIMD_HAS_FMA 1
#elif defined(ISA_V2)
#include <immintrin.h>
#endif

enum { LANES_F32 = SIMD_BYTES / 4, LANES_F64 = SIMD_BYTES / 8 };
typedef float VF __attribute__((vector_size(SIMD_BYTES)));
typedef double VD __attribute__((vector_size(SIMD_BYTES)));
typedef int32_t VI __attribute__((vector_size(SIMD_BYTES)));
typedef uint32_t VU __attribute__((vector_size(SIMD_BYTES)));
typedef int64_t VL __attribute__((vector_size(SIMD_BYTES)));
typedef uint64_t VUL __attribute__((vector_size(SIMD_BYTES)));

#define SIMD_INLINE static inline __attribute__((always_inline, unused))
/* Before a loop whose trip count is a constant of at most 16: an array that it indexes can then live in registers. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SIMD_SANITIZED /* instrumented code is slow anyway; unrolled, a kernel takes a minute to compile */
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Unaligned loads and stores; the _n forms touch the first n lanes only, the rest read as 0. */
SIMD_INLINE VF vf_load(const float *p) { VF v; memcpy(&v, p, sizeof v); return v; }
SIMD_INLINE void vf_store(float *p, VF v) { memcpy(p, &v, sizeof v); }
SIMD_INLINE VD vd_load(const double *p) { VD v; memcpy(&v, p, sizeof v); return v; }
SIMD_INLINE void vd_store(double *p, VD v) { memcpy(p, &v, sizeof v); }
SIMD_INLINE VI vi_load(const int32_t *p) { VI v; memcpy(&v, p, sizeof v); return v; }
SIMD_INLINE void vi_store(int32_t *p, VI v) { memcpy(p, &v, sizeof v); }

SIMD_INLINE VL vl_load(const int64_t *p) { VL v; memcpy(&v, p, sizeof v); return v; }
SIMD_INLINE void vl_store(int64_t *p, VL v) { memcpy(p, &v, sizeof v); }

#if defined(ISA_AVX512)
#define SIMD_MASK16(n) ((__mmask16)((1u << (n)) - 1))
#define SIMD_MASK8(n) ((__mmask8)((1u << (n)) - 1))
SIMD_INLINE VF vf_load_n(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(SIMD_MASK16(n), p); }
SIMD_INLINE void vf_store_n(float *p, int64_t n, VF v) { _mm512_mask_storeu_ps(p, SIMD_MASK16(n), v); }
SIMD_INLINE VD vd_load_n(const double *p, int64_t n) { return _mm512_maskz_loadu_pd(SIMD_MASK8(n), p); }
SIMD_INLINE void vd_store_n(double *p, int64_t n, VD v) { _mm512_mask_storeu_pd(p, SIMD_MASK8(n), v); }
SIMD_INLINE VI vi_load_n(const int32_t *p, int64_t n) { return (VI)_mm512_maskz_loadu_epi32(SIMD_MASK16(n), p); }
SIMD_INLINE void vi_store_n(int32_t *p, int64_t n, VI v) { _mm512_mask_storeu_epi32(p, SIMD_MASK16(n), (__m512i)v); }
SIMD_INLINE VL vl_load_n(const int64_t *p, int64_t n) { return (VL)_mm512_maskz_loadu_epi64(SIMD_MASK8(n), p); }
SIMD_INLINE void vl_store_n(int64_t *p, int64_t n, VL v) { _mm512_mask_storeu_epi64(p, SIMD_MASK8(n), (__m512i)v); }
#elif defined(ISA_AVX2)
SIMD_INLINE __m256i simd_mask8(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
SIMD_INLINE __m256i simd_mask4(int64_t n)
{
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
SIMD_INLINE VF vf_load_n(const float *p, int64_t n) { return _mm256_maskload_ps(p, simd_mask8(n)); }
SIMD_INLINE void vf_store_n(float *p, int64_t n, VF v) { _mm256_maskstore_ps(p, simd_mask8(n), v); }
SIMD_INLINE VD vd_load_n(const double *p, int64_t n) { return _mm256_maskload_pd(p, simd_mask4(n)); }
SIMD_INLINE void vd_store_n(double *p, int64_t n, VD v) { _mm256_maskstore_pd(p, simd_mask4(n), v); }
SIMD_INLINE VI vi_load_n(const int32_t *p, int64_t n) { return (VI)_mm256_maskload_epi32(p, simd_mask8(n)); }
SIMD_INLINE void vi_store_n(int32_t *p, int64_t n, VI v) { _mm256_maskstore_epi32(p, simd_mask8(n), (__m256i)v); }
SIMD_INLINE VL vl_load_n(const int64_t *p, int64_t n)
{
    return (VL)_mm256_maskload_epi64((const long long *)p, simd_mask4(n));
}
SIMD_INLINE void vl_store_n(int64_t *p, int64_t n, VL v)
{
    _mm256_maskstore_epi64((long long *)p, simd_mask4(n), (__m256i)v);
}
#else
/* Lane by lane: a memcpy of unknown size would be a call. */
#define SIMD_PART(V, E, prefix, lanes)                             \
    SIMD_INLINE V prefix##_load_n(const E *p, int64_t n)           \
    {                                                              \
        V v = {0};                                                 \
        for (int i = 0; i < lanes; i++)                            \
            if (i < n)                                             \
                v[i] = p[i];                                       \
        return v;                                                  \
    }                                                              \
    SIMD_INLINE void prefix##_store_n(E *p, int64_t n, V v)        \
    {                                                              \
        for (int i = 0; i < lanes; i++)                            \
            if (i < n)                                             \
                p[i] = v[i];                                       \
    }
SIMD_PART(VF, float, vf, LANES_F32)
SIMD_PART(VD, double, vd, LANES_F64)
SIMD_PART(VI, int32_t, vi, LANES_F32)
SIMD_PART(VL, int64_t, vl, LANES_F64)
#undef SIMD_PART
#endif

/* x - 0 is x for every x, so that compilers see a plain broadcast; 0 + x would not be, for -0. */
SIMD_INLINE VF vf_set(float x) { return x - (VF){0}; }
SIMD_INLINE VD vd_set(double x) { return x - (VD){0}; }

/* limit < x ? limit : x, and limit > x ? limit : x: a NaN in x stays. */
SIMD_INLINE VF vf_at_most(VF x, float limit)
{
#if defined(ISA_AVX512)
    return _mm512_min_ps(vf_set(limit), x);
#elif defined(ISA_AVX2)
    return _mm256_min_ps(vf_set(limit), x);
#elif defined(ISA_V2)
    return _mm_min_ps(vf_set(limit), x);
#else
    VI mask = limit < x;
    return (VF)(((VI)vf_set(limit) & mask) | ((VI)x & ~mask));
#endif
}
SIMD_INLINE VF vf_at_least(VF x, float limit)
{
#if defined(ISA_AVX512)
    return _mm512_max_ps(vf_set(limit), x);
#elif defined(ISA_AVX2)
    return _mm256_max_ps(vf_set(limit), x);
#elif defined(ISA_V2)
    return _mm_max_ps(vf_set(limit), x);
#else
    VI mask = limit > x;
    return (VF)(((VI)vf_set(limit) & mask) | ((VI)x & ~mask));
#endif
}

/* The larger; a NaN if either is one. */
SIMD_INLINE VF vf_max(VF a, VF b)
{
#if defined(ISA_AVX512)
    return _mm512_mask_mov_ps(_mm512_max_ps(b, a), _mm512_cmp_ps_mask(b, b, _CMP_UNORD_Q), b); /* max: a if either is NaN */
#elif defined(ISA_AVX2)
    return _mm256_blendv_ps(_mm256_max_ps(b, a), b, _mm256_cmp_ps(b, b, _CMP_UNORD_Q));
#else
    VI better = (b > a) | (b != b);
    return (VF)(((VI)b & better) | ((VI)a & ~better));
#endif
}
SIMD_INLINE VD vd_max(VD a, VD b)
{
#if defined(ISA_AVX512)
    return _mm512_mask_mov_pd(_mm512_max_pd(b, a), _mm512_cmp_pd_mask(b, b, _CMP_UNORD_Q), b);
#elif defined(ISA_AVX2)
    return _mm256_blendv_pd(_mm256_max_pd(b, a), b, _mm256_cmp_pd(b, b, _CMP_UNORD_Q));
#else
    VL better = (b > a) | (b != b);
    return (VD)(((VL)b & better) | ((VL)a & ~better));
#endif
}

/* a * b + c in one rounding where the set has the instruction, else in two. */
SIMD_INLINE VF vf_fma(VF a, VF b, VF c)
{
#if defined(ISA_AVX512)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(ISA_AVX2)
    return _mm256_fmadd_ps(a, b, c);
#elif defined(ISA_NEON)
    return vfmaq_f32(c, a, b);
#else
    return a * b + c;
#endif
}
SIMD_INLINE VD vd_fma(VD a, VD b, VD c)
{
#if defined(ISA_AVX512)
    return _mm512_fmadd_pd(a, b, c);
#elif defined(ISA_AVX2)
    return _mm256_fmadd_pd(a, b, c);
#elif defined(ISA_NEON)
    return vfmaq_f64(c, a, b);
#else
    return a * b + c;
#endif
}

#endif
