/* Eight-bit floats: e4m3 (bias 7, largest 448, no infinity, NaN 0x7f) and e5m2 (bias 15, largest 57344, infinity 0x7c).
 *
 * Conversions are rounded once, to the nearest, ties to even. With __NV_SATFINITE what is too large becomes the largest
 * number; with __NV_NOSAT it becomes e4m3's NaN or e5m2's infinity. There is no arithmetic: convert, compute, convert. */
#ifndef CAIRN_CUDA_FP8_H
#define CAIRN_CUDA_FP8_H
#include "cuda_bf16.h"

typedef unsigned char __nv_fp8_storage_t;
typedef unsigned short __nv_fp8x2_storage_t;
typedef unsigned __nv_fp8x4_storage_t;
typedef enum __nv_saturation_t { __NV_NOSAT, __NV_SATFINITE } __nv_saturation_t;
typedef enum __nv_fp8_interpretation_t { __NV_E4M3, __NV_E5M2 } __nv_fp8_interpretation_t;

#ifdef __cplusplus
#define CAIRN_HD static __inline__ __host__ __device__ __attribute__((always_inline))

/* ---- To eight bits ------------------------------------------------------------------------------- */
CAIRN_HD __nv_fp8_storage_t __nv_cvt_float_to_fp8(const float x, const __nv_saturation_t saturation, const __nv_fp8_interpretation_t kind)
{
    const unsigned bits = __builtin_bit_cast(unsigned, x), sign = bits >> 24 & 0x80, size = bits & 0x7fffffff;
    const int digits = kind == __NV_E4M3 ? 3 : 2, least = kind == __NV_E4M3 ? -6 : -14; /* of a normal number's exponent */
    const unsigned most = kind == __NV_E4M3 ? 0x7e : 0x7b, beyond = kind == __NV_E4M3 ? 0x7f : 0x7c;
    if (size > 0x7f800000)
        return 0x7f;
    const int exponent = (int)(size >> 23) - 127, deep = exponent < least ? least - exponent : 0;
    if (deep > digits + 1) /* below half of the smallest number */
        return (__nv_fp8_storage_t)sign;
    const int drop = 23 - digits + deep;
    const unsigned number = (size & 0x7fffff) | 0x800000, rest = number & ((1u << drop) - 1), half = 1u << (drop - 1);
    unsigned code = number >> drop;
    code += rest > half || (rest == half && (code & 1));
    if (!deep)
        code += (unsigned)(exponent - least) << digits;
    if (code > most)
        code = saturation == __NV_SATFINITE ? most : beyond;
    return (__nv_fp8_storage_t)(sign | code);
}

/* A float whose last bit says that digits were lost, so that rounding it is rounding the double. */
CAIRN_HD float cairn_odd_float(double x)
{
    float f = (float)x;
    unsigned bits = __builtin_bit_cast(unsigned, f);
    if ((double)f == x || x != x || __builtin_fabsf(f) == __builtin_inff())
        return f;
    if (__builtin_fabs((double)f) > __builtin_fabs(x))
        bits--;
    return __builtin_bit_cast(float, bits | 1);
}
CAIRN_HD __nv_fp8_storage_t __nv_cvt_double_to_fp8(const double x, const __nv_saturation_t s, const __nv_fp8_interpretation_t k)
{
    return __nv_cvt_float_to_fp8(cairn_odd_float(x), s, k);
}
CAIRN_HD __nv_fp8_storage_t __nv_cvt_halfraw_to_fp8(const __half_raw x, const __nv_saturation_t s, const __nv_fp8_interpretation_t k)
{
    return __nv_cvt_float_to_fp8(__half2float(__half(x)), s, k);
}
CAIRN_HD __nv_fp8_storage_t __nv_cvt_bfloat16raw_to_fp8(const __nv_bfloat16_raw x, const __nv_saturation_t s, const __nv_fp8_interpretation_t k)
{
    return __nv_cvt_float_to_fp8(__bfloat162float(__nv_bfloat16(x)), s, k);
}
#define CAIRN_TWO(name, type, one, first)                                                             \
    CAIRN_HD __nv_fp8x2_storage_t name(const type x, const __nv_saturation_t s, const __nv_fp8_interpretation_t k) \
    {                                                                                                 \
        return (__nv_fp8x2_storage_t)(one(first{x.x}, s, k) | one(first{x.y}, s, k) << 8);            \
    }
CAIRN_TWO(__nv_cvt_float2_to_fp8x2, float2, __nv_cvt_float_to_fp8, float)
CAIRN_TWO(__nv_cvt_double2_to_fp8x2, double2, __nv_cvt_double_to_fp8, double)
CAIRN_TWO(__nv_cvt_halfraw2_to_fp8x2, __half2_raw, __nv_cvt_halfraw_to_fp8, __half_raw)
CAIRN_TWO(__nv_cvt_bfloat16raw2_to_fp8x2, __nv_bfloat162_raw, __nv_cvt_bfloat16raw_to_fp8, __nv_bfloat16_raw)
#undef CAIRN_TWO

/* ---- From eight bits: exact ---------------------------------------------------------------------- */
CAIRN_HD __half_raw __nv_cvt_fp8_to_halfraw(const __nv_fp8_storage_t x, const __nv_fp8_interpretation_t kind)
{
    __half_raw out;
    if (kind == __NV_E5M2) {
        out.x = (x & 0x7f) > 0x7c ? 0x7fff : (unsigned short)(x << 8);
    } else if ((x & 0x7f) == 0x7f) {
        out.x = 0x7fff;
    } else { /* the same digits with an exponent that is 8 too small */
        float size = __builtin_bit_cast(float, (unsigned)(x & 0x7f) << 20) * 0x1p120f;
        out.x = (unsigned short)(__half_raw(__float2half(size)).x | (x & 0x80) << 8);
    }
    return out;
}
CAIRN_HD __half2_raw __nv_cvt_fp8x2_to_halfraw2(const __nv_fp8x2_storage_t x, const __nv_fp8_interpretation_t kind)
{
    __half2_raw out;
    out.x = __nv_cvt_fp8_to_halfraw((__nv_fp8_storage_t)x, kind).x;
    out.y = __nv_cvt_fp8_to_halfraw((__nv_fp8_storage_t)(x >> 8), kind).x;
    return out;
}
CAIRN_HD float cairn_float_of_fp8(__nv_fp8_storage_t x, __nv_fp8_interpretation_t kind)
{
    return __half2float(__half(__nv_cvt_fp8_to_halfraw(x, kind)));
}
#undef CAIRN_HD

/* ---- The types ----------------------------------------------------------------------------------- */
#define CAIRN_HD __inline__ __host__ __device__ __attribute__((always_inline))
/* An integer from a float: out of range saturates, NaN gives 0. */
#define CAIRN_TO(type, low, high)                                                                     \
    explicit CAIRN_HD operator type() const                                                           \
    {                                                                                                 \
        float f = float(*this);                                                                       \
        return f != f ? (type)0 : f <= (float)(low) ? (type)(low) : f >= (float)(high) ? (type)(high) : (type)f; \
    }
#define CAIRN_FROM(name, type, conversion) explicit CAIRN_HD name(const type x) : __x(conversion) {}

#define CAIRN_FP8(name, two, four, kind)                                                              \
    struct name {                                                                                     \
        __nv_fp8_storage_t __x;                                                                       \
        name() = default;                                                                             \
        CAIRN_FROM(name, float, __nv_cvt_float_to_fp8(x, __NV_SATFINITE, kind))                       \
        CAIRN_FROM(name, double, __nv_cvt_double_to_fp8(x, __NV_SATFINITE, kind))                     \
        CAIRN_FROM(name, __half, __nv_cvt_halfraw_to_fp8((__half_raw)x, __NV_SATFINITE, kind))        \
        CAIRN_FROM(name, __nv_bfloat16, __nv_cvt_bfloat16raw_to_fp8((__nv_bfloat16_raw)x, __NV_SATFINITE, kind)) \
        CAIRN_FROM(name, int, __nv_cvt_double_to_fp8((double)x, __NV_SATFINITE, kind))                \
        CAIRN_FROM(name, unsigned, __nv_cvt_double_to_fp8((double)x, __NV_SATFINITE, kind))           \
        CAIRN_FROM(name, short, __nv_cvt_float_to_fp8((float)x, __NV_SATFINITE, kind))                \
        CAIRN_FROM(name, unsigned short, __nv_cvt_float_to_fp8((float)x, __NV_SATFINITE, kind))       \
        CAIRN_FROM(name, long, __nv_cvt_double_to_fp8((double)x, __NV_SATFINITE, kind))               \
        CAIRN_FROM(name, unsigned long, __nv_cvt_double_to_fp8((double)x, __NV_SATFINITE, kind))      \
        CAIRN_FROM(name, long long, __nv_cvt_double_to_fp8((double)x, __NV_SATFINITE, kind))          \
        CAIRN_FROM(name, unsigned long long, __nv_cvt_double_to_fp8((double)x, __NV_SATFINITE, kind)) \
        explicit CAIRN_HD operator float() const { return cairn_float_of_fp8(__x, kind); }            \
        explicit CAIRN_HD operator double() const { return cairn_float_of_fp8(__x, kind); }           \
        explicit CAIRN_HD operator __half() const { return __half(__nv_cvt_fp8_to_halfraw(__x, kind)); } \
        explicit CAIRN_HD operator __nv_bfloat16() const { return __float2bfloat16(float(*this)); }   \
        explicit CAIRN_HD operator bool() const { return (__x & 0x7f) != 0; }                         \
        CAIRN_TO(char, -128, 127) CAIRN_TO(signed char, -128, 127) CAIRN_TO(unsigned char, 0, 255)    \
        CAIRN_TO(short, -32768, 32767) CAIRN_TO(unsigned short, 0, 65535)                             \
        CAIRN_TO(int, -65536, 65536) CAIRN_TO(unsigned, 0, 65536)                                     \
        CAIRN_TO(long, -65536, 65536) CAIRN_TO(unsigned long, 0, 65536)                               \
        CAIRN_TO(long long, -65536, 65536) CAIRN_TO(unsigned long long, 0, 65536)                     \
    };                                                                                                \
    struct __align__(2) two {                                                                         \
        __nv_fp8x2_storage_t __x;                                                                     \
        two() = default;                                                                              \
        CAIRN_FROM(two, float2, __nv_cvt_float2_to_fp8x2(x, __NV_SATFINITE, kind))                    \
        CAIRN_FROM(two, double2, __nv_cvt_double2_to_fp8x2(x, __NV_SATFINITE, kind))                  \
        CAIRN_FROM(two, __half2, __nv_cvt_halfraw2_to_fp8x2((__half2_raw)x, __NV_SATFINITE, kind))    \
        CAIRN_FROM(two, __nv_bfloat162,                                                               \
                   __nv_cvt_bfloat16raw2_to_fp8x2((__nv_bfloat162_raw)x, __NV_SATFINITE, kind))       \
        explicit CAIRN_HD operator __half2() const { return __half2(__nv_cvt_fp8x2_to_halfraw2(__x, kind)); } \
        explicit CAIRN_HD operator float2() const                                                     \
        {                                                                                             \
            return make_float2(cairn_float_of_fp8((__nv_fp8_storage_t)__x, kind),                     \
                               cairn_float_of_fp8((__nv_fp8_storage_t)(__x >> 8), kind));             \
        }                                                                                             \
    };                                                                                                \
    struct __align__(4) four {                                                                        \
        __nv_fp8x4_storage_t __x;                                                                     \
        four() = default;                                                                             \
        CAIRN_FROM(four, float4,                                                                      \
                   __nv_cvt_float2_to_fp8x2(make_float2(x.x, x.y), __NV_SATFINITE, kind) |            \
                       (unsigned)__nv_cvt_float2_to_fp8x2(make_float2(x.z, x.w), __NV_SATFINITE, kind) << 16) \
        CAIRN_FROM(four, double4,                                                                     \
                   __nv_cvt_double2_to_fp8x2(make_double2(x.x, x.y), __NV_SATFINITE, kind) |          \
                       (unsigned)__nv_cvt_double2_to_fp8x2(make_double2(x.z, x.w), __NV_SATFINITE, kind) << 16) \
        explicit CAIRN_HD four(const __half2 low, const __half2 high)                                 \
            : __x(__nv_cvt_halfraw2_to_fp8x2((__half2_raw)low, __NV_SATFINITE, kind) |                \
                  (unsigned)__nv_cvt_halfraw2_to_fp8x2((__half2_raw)high, __NV_SATFINITE, kind) << 16) {} \
        explicit CAIRN_HD four(const __nv_bfloat162 low, const __nv_bfloat162 high)                   \
            : __x(__nv_cvt_bfloat16raw2_to_fp8x2((__nv_bfloat162_raw)low, __NV_SATFINITE, kind) |     \
                  (unsigned)__nv_cvt_bfloat16raw2_to_fp8x2((__nv_bfloat162_raw)high, __NV_SATFINITE, kind) << 16) {} \
        explicit CAIRN_HD operator float4() const                                                     \
        {                                                                                             \
            return make_float4(cairn_float_of_fp8((__nv_fp8_storage_t)__x, kind), cairn_float_of_fp8((__nv_fp8_storage_t)(__x >> 8), kind), \
                               cairn_float_of_fp8((__nv_fp8_storage_t)(__x >> 16), kind), cairn_float_of_fp8((__nv_fp8_storage_t)(__x >> 24), kind)); \
        }                                                                                             \
    };
CAIRN_FP8(__nv_fp8_e4m3, __nv_fp8x2_e4m3, __nv_fp8x4_e4m3, __NV_E4M3)
CAIRN_FP8(__nv_fp8_e5m2, __nv_fp8x2_e5m2, __nv_fp8x4_e5m2, __NV_E5M2)
#undef CAIRN_FP8
#undef CAIRN_FROM
#undef CAIRN_TO
#undef CAIRN_HD
#endif
#endif
