/* bfloat16: the upper half of a float. Arithmetic is done in float and rounded. */
#ifndef CAIRN_CUDA_BF16_H
#define CAIRN_CUDA_BF16_H
#include "cuda_fp16.h"

typedef struct __align__(2) {
    unsigned short x;
} __nv_bfloat16_raw;
typedef struct __align__(4) {
    unsigned short x, y;
} __nv_bfloat162_raw;

#ifdef __cplusplus
#define CAIRN_HD __inline__ __host__ __device__ __attribute__((always_inline))
/* Rounded to nearest, ties to even; a NaN stays one. */
CAIRN_HD unsigned short cairn_bfloat16_of(float x)
{
    unsigned bits = __builtin_bit_cast(unsigned, x);
    if (x != x)
        return 0x7fff;
    return (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
/* A double is first made odd in float, so that rounding twice is rounding once. */
CAIRN_HD unsigned short cairn_bfloat16_of(double x)
{
    float f = (float)x;
    unsigned bits = __builtin_bit_cast(unsigned, f);
    if ((double)f != x && f == f && !(bits & 1) && __builtin_fabsf(f) < __builtin_inff())
        bits += __builtin_fabs((double)f) < __builtin_fabs(x) ? 1 : -1;
    return cairn_bfloat16_of(__builtin_bit_cast(float, bits));
}

struct __align__(2) __nv_bfloat16 {
    unsigned short __x;
    __nv_bfloat16() = default;
    CAIRN_HD constexpr __nv_bfloat16(cairn_raw raw) : __x(raw.bits) {}
    CAIRN_HD __nv_bfloat16(__nv_bfloat16_raw raw) : __x(raw.x) {}
    CAIRN_HD operator __nv_bfloat16_raw() const { return __nv_bfloat16_raw{__x}; }
    CAIRN_HD __nv_bfloat16(float x) : __x(cairn_bfloat16_of(x)) {}
    CAIRN_HD __nv_bfloat16(double x) : __x(cairn_bfloat16_of(x)) {}
#ifndef __CUDA_NO_BFLOAT16_CONVERSIONS__
#define CAIRN_BOTH(type)                                                                              \
    CAIRN_HD __nv_bfloat16(type x) : __x(cairn_bfloat16_of((double)x)) {}                             \
    CAIRN_HD explicit operator type() const { return (type)__builtin_bit_cast(float, (unsigned)__x << 16); }
    CAIRN_BOTH(short) CAIRN_BOTH(unsigned short) CAIRN_BOTH(int) CAIRN_BOTH(unsigned) CAIRN_BOTH(long) CAIRN_BOTH(unsigned long)
    CAIRN_BOTH(long long) CAIRN_BOTH(unsigned long long)
#undef CAIRN_BOTH
    CAIRN_HD operator float() const { return __builtin_bit_cast(float, (unsigned)__x << 16); }
    CAIRN_HD explicit operator bool() const { return (__x & 0x7fff) != 0; }
#endif
    CAIRN_HD __nv_bfloat16 &operator=(__nv_bfloat16_raw raw)
    {
        __x = raw.x;
        return *this;
    }
#define CAIRN_ASSIGN(type)                                                                            \
    CAIRN_HD __nv_bfloat16 &operator=(type x)                                                         \
    {                                                                                                 \
        __x = cairn_bfloat16_of((double)x);                                                           \
        return *this;                                                                                 \
    }
    CAIRN_ASSIGN(double) CAIRN_ASSIGN(short) CAIRN_ASSIGN(unsigned short) CAIRN_ASSIGN(int) CAIRN_ASSIGN(unsigned)
    CAIRN_ASSIGN(long long) CAIRN_ASSIGN(unsigned long long)
#undef CAIRN_ASSIGN
    CAIRN_HD __nv_bfloat16 &operator=(float x)
    {
        __x = cairn_bfloat16_of(x);
        return *this;
    }
};

struct __align__(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
    __nv_bfloat162() = default;
    CAIRN_HD __nv_bfloat162(const __nv_bfloat16 &a, const __nv_bfloat16 &b) : x(a), y(b) {}
    CAIRN_HD __nv_bfloat162(__nv_bfloat162_raw raw) : x(cairn_raw{raw.x}), y(cairn_raw{raw.y}) {}
    CAIRN_HD operator __nv_bfloat162_raw() const { return __nv_bfloat162_raw{x.__x, y.__x}; }
};
typedef __nv_bfloat16 nv_bfloat16;
typedef __nv_bfloat162 nv_bfloat162;

CAIRN_HD float cairn_wide(__nv_bfloat16 a) { return __builtin_bit_cast(float, (unsigned)a.__x << 16); }
CAIRN_HD void cairn_narrow(float x, __nv_bfloat16 *out) { *out = __nv_bfloat16(cairn_raw{cairn_bfloat16_of(x)}); }
CAIRN_HD void cairn_narrow(double x, __nv_bfloat16 *out) { *out = __nv_bfloat16(cairn_raw{cairn_bfloat16_of(x)}); }
#define CAIRN_BF16(expression) __nv_bfloat16(cairn_raw{cairn_bfloat16_of(expression)})
CAIRN_HD __nv_bfloat16 cairn_plus(__nv_bfloat16 a, __nv_bfloat16 b) { return CAIRN_BF16(cairn_wide(a) + cairn_wide(b)); }
CAIRN_HD __nv_bfloat16 cairn_minus(__nv_bfloat16 a, __nv_bfloat16 b) { return CAIRN_BF16(cairn_wide(a) - cairn_wide(b)); }
CAIRN_HD __nv_bfloat16 cairn_times(__nv_bfloat16 a, __nv_bfloat16 b) { return CAIRN_BF16(cairn_wide(a) * cairn_wide(b)); }
CAIRN_HD __nv_bfloat16 cairn_over(__nv_bfloat16 a, __nv_bfloat16 b) { return CAIRN_BF16(cairn_wide(a) / cairn_wide(b)); }
CAIRN_HD __nv_bfloat16 cairn_fused(__nv_bfloat16 a, __nv_bfloat16 b, __nv_bfloat16 c)
{
    return CAIRN_BF16((double)cairn_wide(a) * cairn_wide(b) + cairn_wide(c));
}
#undef CAIRN_BF16
CAIRN_HD __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 a, __nv_bfloat16 b) { return __nv_bfloat162(a, b); }
#undef CAIRN_HD

#define H __nv_bfloat16
#define H2 __nv_bfloat162
#define H_NAME bfloat16
#ifdef __CUDA_NO_BFLOAT16_OPERATORS__
#define CAIRN_NO_FLOAT16_OPERATORS
#endif
#include "cairn_float16.h"
#undef CAIRN_NO_FLOAT16_OPERATORS

#define CUDART_INF_BF16 __ushort_as_bfloat16((unsigned short)0x7F80U)
#define CUDART_NAN_BF16 __ushort_as_bfloat16((unsigned short)0x7FFFU)
#define CUDART_ZERO_BF16 __ushort_as_bfloat16((unsigned short)0x0000U)
#define CUDART_ONE_BF16 __ushort_as_bfloat16((unsigned short)0x3F80U)
#endif
#endif
