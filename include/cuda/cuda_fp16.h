/* Half precision: __half (11 bits of significand, exponents -14 to 15) and __half2. */
#ifndef CAIRN_CUDA_FP16_H
#define CAIRN_CUDA_FP16_H
#include "cuda_runtime.h"

typedef struct __align__(2) {
    unsigned short x;
} __half_raw;
typedef struct __align__(4) {
    unsigned short x, y;
} __half2_raw;

#ifdef __cplusplus
#ifndef CAIRN_RAW16
#define CAIRN_RAW16
struct cairn_raw {
    unsigned short bits;
};
#endif

#define CAIRN_HD __inline__ __host__ __device__ __attribute__((always_inline))
struct __align__(2) __half {
    unsigned short __x;
    __half() = default;
    CAIRN_HD constexpr __half(cairn_raw raw) : __x(raw.bits) {}
    CAIRN_HD __half(__half_raw raw) : __x(raw.x) {}
    CAIRN_HD operator __half_raw() const { return __half_raw{__x}; }
#define CAIRN_FROM(type) \
    CAIRN_HD __half(type x) : __x(__builtin_bit_cast(unsigned short, (_Float16)x)) {}
    CAIRN_FROM(float) CAIRN_FROM(double)
#ifndef __CUDA_NO_HALF_CONVERSIONS__
    CAIRN_FROM(short) CAIRN_FROM(unsigned short) CAIRN_FROM(int) CAIRN_FROM(unsigned) CAIRN_FROM(long) CAIRN_FROM(unsigned long)
    CAIRN_FROM(long long) CAIRN_FROM(unsigned long long)
    CAIRN_HD operator float() const { return (float)__builtin_bit_cast(_Float16, __x); }
    CAIRN_HD explicit operator bool() const { return (__x & 0x7fff) != 0; }
#define CAIRN_TO(type) \
    CAIRN_HD explicit operator type() const { return (type)(float)__builtin_bit_cast(_Float16, __x); }
    CAIRN_TO(short) CAIRN_TO(unsigned short) CAIRN_TO(int) CAIRN_TO(unsigned) CAIRN_TO(long) CAIRN_TO(unsigned long)
    CAIRN_TO(long long) CAIRN_TO(unsigned long long) CAIRN_TO(char) CAIRN_TO(signed char) CAIRN_TO(unsigned char)
#undef CAIRN_TO
#endif
#undef CAIRN_FROM
    CAIRN_HD __half &operator=(__half_raw raw)
    {
        __x = raw.x;
        return *this;
    }
#define CAIRN_ASSIGN(type)                                                                            \
    CAIRN_HD __half &operator=(type x)                                                                \
    {                                                                                                 \
        __x = __builtin_bit_cast(unsigned short, (_Float16)x);                                        \
        return *this;                                                                                 \
    }
    CAIRN_ASSIGN(float) CAIRN_ASSIGN(double) CAIRN_ASSIGN(short) CAIRN_ASSIGN(unsigned short) CAIRN_ASSIGN(int)
    CAIRN_ASSIGN(unsigned) CAIRN_ASSIGN(long long) CAIRN_ASSIGN(unsigned long long)
#undef CAIRN_ASSIGN
};

struct __align__(4) __half2 {
    __half x, y;
    __half2() = default;
    CAIRN_HD __half2(const __half &a, const __half &b) : x(a), y(b) {}
    CAIRN_HD __half2(__half2_raw raw) : x(cairn_raw{raw.x}), y(cairn_raw{raw.y}) {}
    CAIRN_HD operator __half2_raw() const { return __half2_raw{x.__x, y.__x}; }
};
typedef __half half;
typedef __half2 half2;
typedef __half __nv_half;
typedef __half2 __nv_half2;
typedef __half nv_half;
typedef __half2 nv_half2;

CAIRN_HD _Float16 cairn_native(__half a) { return __builtin_bit_cast(_Float16, a.__x); }
CAIRN_HD __half cairn_half_of(_Float16 x) { return __half(cairn_raw{__builtin_bit_cast(unsigned short, x)}); }
CAIRN_HD float cairn_wide(__half a) { return (float)cairn_native(a); }
CAIRN_HD void cairn_narrow(float x, __half *out) { *out = cairn_half_of((_Float16)x); }
CAIRN_HD void cairn_narrow(double x, __half *out) { *out = cairn_half_of((_Float16)x); }
CAIRN_HD __half cairn_plus(__half a, __half b) { return cairn_half_of(cairn_native(a) + cairn_native(b)); }
CAIRN_HD __half cairn_minus(__half a, __half b) { return cairn_half_of(cairn_native(a) - cairn_native(b)); }
CAIRN_HD __half cairn_times(__half a, __half b) { return cairn_half_of(cairn_native(a) * cairn_native(b)); }
CAIRN_HD __half cairn_over(__half a, __half b) { return cairn_half_of((_Float16)(cairn_wide(a) / cairn_wide(b))); }
CAIRN_HD __half cairn_fused(__half a, __half b, __half c)
{
#if defined(__CUDA_ARCH__)
    return cairn_half_of(__builtin_fmaf16(cairn_native(a), cairn_native(b), cairn_native(c)));
#else
    return cairn_half_of((_Float16)((double)cairn_wide(a) * cairn_wide(b) + cairn_wide(c)));
#endif
}
CAIRN_HD __half2 __halves2half2(__half a, __half b) { return __half2(a, b); }
#undef CAIRN_HD

#define H __half
#define H2 __half2
#define H_NAME half
#ifdef __CUDA_NO_HALF_OPERATORS__
#define CAIRN_NO_FLOAT16_OPERATORS
#endif
#include "cairn_float16.h"
#undef CAIRN_NO_FLOAT16_OPERATORS

#define CUDART_INF_FP16 __ushort_as_half((unsigned short)0x7C00U)
#define CUDART_NAN_FP16 __ushort_as_half((unsigned short)0x7FFFU)
#define CUDART_MIN_DENORM_FP16 __ushort_as_half((unsigned short)0x0001U)
#define CUDART_MAX_NORMAL_FP16 __ushort_as_half((unsigned short)0x7BFFU)
#define CUDART_NEG_ZERO_FP16 __ushort_as_half((unsigned short)0x8000U)
#define CUDART_ZERO_FP16 __ushort_as_half((unsigned short)0x0000U)
#define CUDART_ONE_FP16 __ushort_as_half((unsigned short)0x3C00U)
#endif
#endif
