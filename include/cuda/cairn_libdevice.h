/* The part of CUDA's device library that is one or few instructions, defined here so that clang puts it
 * in line. Transcendental functions stay external: the runtime has them for whole warps. */
#ifndef CAIRN_LIBDEVICE_H
#define CAIRN_LIBDEVICE_H

#define CAIRN_NV extern "C" __device__ inline __attribute__((always_inline))
#define F1(name, expression) \
    CAIRN_NV float __nv_##name(float a) { return expression; }
#define F2(name, expression) \
    CAIRN_NV float __nv_##name(float a, float b) { return expression; }
#define F3(name, expression) \
    CAIRN_NV float __nv_##name(float a, float b, float c) { return expression; }
#define D1(name, expression) \
    CAIRN_NV double __nv_##name(double a) { return expression; }
#define D2(name, expression) \
    CAIRN_NV double __nv_##name(double a, double b) { return expression; }
#define D3(name, expression) \
    CAIRN_NV double __nv_##name(double a, double b, double c) { return expression; }
#define TO(result, name, type, expression) \
    CAIRN_NV result __nv_##name(type a) { return expression; }
#define I2(type, name, expression) \
    CAIRN_NV type __nv_##name(type a, type b) { return expression; }

/* ---- Plain floating point ------------------------------------------------------------------------ */
F1(fabsf, __builtin_fabsf(a)) F1(floorf, __builtin_floorf(a)) F1(ceilf, __builtin_ceilf(a))
F1(truncf, __builtin_truncf(a)) F1(rintf, __builtin_rintf(a)) F1(nearbyintf, __builtin_rintf(a))
F1(sqrtf, __nvvm_sqrt_rn_f(a)) F1(fsqrt_rn, __nvvm_sqrt_rn_f(a)) F1(fsqrt_rz, __nvvm_sqrt_rz_f(a))
F1(fsqrt_ru, __nvvm_sqrt_rp_f(a)) F1(fsqrt_rd, __nvvm_sqrt_rm_f(a)) F1(rsqrtf, __nvvm_rsqrt_approx_f(a))
F1(frsqrt_rn, __nvvm_rsqrt_approx_f(a)) F1(frcp_rn, __nvvm_rcp_rn_f(a)) F1(frcp_rz, __nvvm_rcp_rz_f(a))
F1(frcp_ru, __nvvm_rcp_rp_f(a)) F1(frcp_rd, __nvvm_rcp_rm_f(a)) F1(saturatef, __nvvm_saturate_f(a))
F2(fmaxf, __builtin_fmaxf(a, b)) F2(fminf, __builtin_fminf(a, b)) F2(copysignf, __builtin_copysignf(a, b))
F2(fdimf, a > b ? a - b : a != a || b != b ? a + b : 0.0f) F2(fast_fdividef, a / b)
F2(fadd_rn, __nvvm_add_rn_f(a, b)) F2(fadd_rz, __nvvm_add_rz_f(a, b)) F2(fadd_ru, __nvvm_add_rp_f(a, b))
F2(fadd_rd, __nvvm_add_rm_f(a, b)) F2(fsub_rn, __nvvm_add_rn_f(a, -b)) F2(fsub_rz, __nvvm_add_rz_f(a, -b))
F2(fsub_ru, __nvvm_add_rp_f(a, -b)) F2(fsub_rd, __nvvm_add_rm_f(a, -b)) F2(fmul_rn, __nvvm_mul_rn_f(a, b))
F2(fmul_rz, __nvvm_mul_rz_f(a, b)) F2(fmul_ru, __nvvm_mul_rp_f(a, b)) F2(fmul_rd, __nvvm_mul_rm_f(a, b))
F2(fdiv_rn, __nvvm_div_rn_f(a, b)) F2(fdiv_rz, __nvvm_div_rz_f(a, b)) F2(fdiv_ru, __nvvm_div_rp_f(a, b))
F2(fdiv_rd, __nvvm_div_rm_f(a, b))
F3(fmaf, __builtin_fmaf(a, b, c)) F3(fmaf_rn, __nvvm_fma_rn_f(a, b, c)) F3(fmaf_rz, __nvvm_fma_rz_f(a, b, c))
F3(fmaf_ru, __nvvm_fma_rp_f(a, b, c)) F3(fmaf_rd, __nvvm_fma_rm_f(a, b, c))
F3(norm3df, __nvvm_sqrt_rn_f(a * a + b * b + c * c)) F3(rnorm3df, __nvvm_rsqrt_approx_f(a * a + b * b + c * c))
D1(fabs, __builtin_fabs(a)) D1(floor, __builtin_floor(a)) D1(ceil, __builtin_ceil(a)) D1(trunc, __builtin_trunc(a))
D1(rint, __builtin_rint(a)) D1(nearbyint, __builtin_rint(a)) D1(sqrt, __nvvm_sqrt_rn_d(a))
D1(dsqrt_rn, __nvvm_sqrt_rn_d(a)) D1(dsqrt_rz, __nvvm_sqrt_rz_d(a)) D1(dsqrt_ru, __nvvm_sqrt_rp_d(a))
D1(dsqrt_rd, __nvvm_sqrt_rm_d(a)) D1(rsqrt, 1.0 / __nvvm_sqrt_rn_d(a)) D1(drcp_rn, __nvvm_rcp_rn_d(a))
D1(drcp_rz, __nvvm_rcp_rz_d(a)) D1(drcp_ru, __nvvm_rcp_rp_d(a)) D1(drcp_rd, __nvvm_rcp_rm_d(a))
D2(fmax, __builtin_fmax(a, b)) D2(fmin, __builtin_fmin(a, b)) D2(copysign, __builtin_copysign(a, b))
D2(fdim, a > b ? a - b : a != a || b != b ? a + b : 0.0)
D2(dadd_rn, __nvvm_add_rn_d(a, b)) D2(dadd_rz, __nvvm_add_rz_d(a, b)) D2(dadd_ru, __nvvm_add_rp_d(a, b))
D2(dadd_rd, __nvvm_add_rm_d(a, b)) D2(dsub_rn, __nvvm_add_rn_d(a, -b)) D2(dsub_rz, __nvvm_add_rz_d(a, -b))
D2(dsub_ru, __nvvm_add_rp_d(a, -b)) D2(dsub_rd, __nvvm_add_rm_d(a, -b)) D2(dmul_rn, __nvvm_mul_rn_d(a, b))
D2(dmul_rz, __nvvm_mul_rz_d(a, b)) D2(dmul_ru, __nvvm_mul_rp_d(a, b)) D2(dmul_rd, __nvvm_mul_rm_d(a, b))
D2(ddiv_rn, __nvvm_div_rn_d(a, b)) D2(ddiv_rz, __nvvm_div_rz_d(a, b)) D2(ddiv_ru, __nvvm_div_rp_d(a, b))
D2(ddiv_rd, __nvvm_div_rm_d(a, b))
D3(fma, __builtin_fma(a, b, c)) D3(fma_rn, __nvvm_fma_rn_d(a, b, c)) D3(fma_rz, __nvvm_fma_rz_d(a, b, c))
D3(fma_ru, __nvvm_fma_rp_d(a, b, c)) D3(fma_rd, __nvvm_fma_rm_d(a, b, c))
D3(norm3d, __nvvm_sqrt_rn_d(a * a + b * b + c * c)) D3(rnorm3d, 1.0 / __nvvm_sqrt_rn_d(a * a + b * b + c * c))

/* ---- Conversions --------------------------------------------------------------------------------- */
TO(int, float_as_int, float, __builtin_bit_cast(int, a)) TO(unsigned, float_as_uint, float, __builtin_bit_cast(unsigned, a))
TO(float, int_as_float, int, __builtin_bit_cast(float, a)) TO(float, uint_as_float, unsigned, __builtin_bit_cast(float, a))
TO(unsigned long long, double_as_longlong, double, __builtin_bit_cast(unsigned long long, a))
TO(double, longlong_as_double, long long, __builtin_bit_cast(double, a))
TO(int, double2hiint, double, (int)(__builtin_bit_cast(unsigned long long, a) >> 32))
TO(int, double2loint, double, (int)__builtin_bit_cast(unsigned long long, a))
#define FROM_REAL(rounding, r)                                                                        \
    TO(int, float2int_##rounding, float, __nvvm_f2i_##r(a)) TO(unsigned, float2uint_##rounding, float, __nvvm_f2ui_##r(a)) \
    TO(long long, float2ll_##rounding, float, __nvvm_f2ll_##r(a))                                     \
    TO(unsigned long long, float2ull_##rounding, float, __nvvm_f2ull_##r(a))                          \
    TO(int, double2int_##rounding, double, __nvvm_d2i_##r(a)) TO(unsigned, double2uint_##rounding, double, __nvvm_d2ui_##r(a)) \
    TO(long long, double2ll_##rounding, double, __nvvm_d2ll_##r(a))                                   \
    TO(unsigned long long, double2ull_##rounding, double, __nvvm_d2ull_##r(a))                        \
    TO(float, double2float_##rounding, double, __nvvm_d2f_##r(a)) TO(float, int2float_##rounding, int, __nvvm_i2f_##r(a)) \
    TO(float, uint2float_##rounding, unsigned, __nvvm_ui2f_##r(a)) TO(float, ll2float_##rounding, long long, __nvvm_ll2f_##r(a)) \
    TO(float, ull2float_##rounding, unsigned long long, __nvvm_ull2f_##r(a))                          \
    TO(double, ll2double_##rounding, long long, __nvvm_ll2d_##r(a))                                   \
    TO(double, ull2double_##rounding, unsigned long long, __nvvm_ull2d_##r(a))
FROM_REAL(rn, rn) FROM_REAL(rz, rz) FROM_REAL(ru, rp) FROM_REAL(rd, rm)
#undef FROM_REAL
TO(double, int2double_rn, int, (double)a) TO(double, uint2double_rn, unsigned, (double)a)
TO(long long, llrintf, float, __nvvm_f2ll_rn(a)) TO(long long, llrint, double, __nvvm_d2ll_rn(a))
TO(int, finitef, float, __builtin_fabsf(a) < __builtin_inff()) TO(int, isinff, float, __builtin_fabsf(a) == __builtin_inff())
TO(int, isnanf, float, a != a) TO(int, signbitf, float, __builtin_bit_cast(unsigned, a) >> 31)
TO(int, isfinited, double, __builtin_fabs(a) < __builtin_inf()) TO(int, isinfd, double, __builtin_fabs(a) == __builtin_inf())
TO(int, isnand, double, a != a) TO(int, signbitd, double, (int)(__builtin_bit_cast(unsigned long long, a) >> 63))
CAIRN_NV double __nv_hiloint2double(int high, int low)
{
    return __builtin_bit_cast(double, (unsigned long long)(unsigned)high << 32 | (unsigned)low);
}

/* ---- Integers ------------------------------------------------------------------------------------ */
TO(int, abs, int, a < 0 ? -a : a) TO(long long, llabs, long long, a < 0 ? -a : a)
TO(int, clz, int, a ? __builtin_clz(a) : 32) TO(int, clzll, long long, a ? __builtin_clzll(a) : 64)
TO(int, ffs, int, __builtin_ffs(a)) TO(int, ffsll, long long, __builtin_ffsll(a))
TO(int, popc, unsigned, __builtin_popcount(a)) TO(int, popcll, unsigned long long, __builtin_popcountll(a))
TO(int, brev, int, (int)__builtin_bitreverse32(a)) TO(long long, brevll, long long, (long long)__builtin_bitreverse64(a))
I2(int, min, a < b ? a : b) I2(int, max, a > b ? a : b) I2(unsigned, umin, a < b ? a : b) I2(unsigned, umax, a > b ? a : b)
I2(long long, llmin, a < b ? a : b) I2(long long, llmax, a > b ? a : b)
I2(unsigned long long, ullmin, a < b ? a : b) I2(unsigned long long, ullmax, a > b ? a : b)
I2(int, mulhi, (int)((long long)a * b >> 32)) I2(unsigned, umulhi, (unsigned)((unsigned long long)a * b >> 32))
I2(long long, mul64hi, __nvvm_mulhi_ll(a, b)) I2(unsigned long long, umul64hi, __nvvm_mulhi_ull(a, b))
I2(int, mul24, __nvvm_mul24_i(a, b)) I2(unsigned, umul24, __nvvm_mul24_ui(a, b))
I2(int, hadd, (int)(((long long)a + b) >> 1)) I2(int, rhadd, (int)(((long long)a + b + 1) >> 1))
I2(unsigned, urhadd, (unsigned)(((unsigned long long)a + b + 1) >> 1))
CAIRN_NV int __nv_uhadd(unsigned a, unsigned b) { return (int)(((unsigned long long)a + b) >> 1); }
CAIRN_NV int __nv_sad(int a, int b, int c) { return c + (a > b ? a - b : b - a); }
CAIRN_NV unsigned __nv_usad(unsigned a, unsigned b, unsigned c) { return c + (a > b ? a - b : b - a); }
CAIRN_NV int __nv_byte_perm(int a, int b, int c) { return __nvvm_prmt(a, b, c); }

/* ---- Norms and other compositions ---------------------------------------------------------------- */
CAIRN_NV float __nv_norm4df(float a, float b, float c, float d) { return __nvvm_sqrt_rn_f(a * a + b * b + c * c + d * d); }
CAIRN_NV double __nv_norm4d(double a, double b, double c, double d) { return __nvvm_sqrt_rn_d(a * a + b * b + c * c + d * d); }
CAIRN_NV float __nv_rnorm4df(float a, float b, float c, float d) { return 1.0f / __nv_norm4df(a, b, c, d); }
CAIRN_NV double __nv_rnorm4d(double a, double b, double c, double d) { return 1.0 / __nv_norm4d(a, b, c, d); }
CAIRN_NV double __nv_norm(int n, const double *x)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return __nvvm_sqrt_rn_d(sum);
}
CAIRN_NV float __nv_normf(int n, const float *x)
{
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return __nvvm_sqrt_rn_f(sum);
}
CAIRN_NV double __nv_rnorm(int n, const double *x) { return 1.0 / __nv_norm(n, x); }
CAIRN_NV float __nv_rnormf(int n, const float *x) { return 1.0f / __nv_normf(n, x); }
CAIRN_NV double __nv_nan(const signed char *) { return __builtin_nan(""); }
CAIRN_NV float __nv_nanf(const signed char *) { return __builtin_nanf(""); }
CAIRN_NV double __nv_rcp64h(double a) { return 1.0 / a; }
CAIRN_NV float __nv_half2float(short a) { return (float)__builtin_bit_cast(_Float16, a); }
CAIRN_NV unsigned short __nv_float2half_rn(float a) { return __builtin_bit_cast(unsigned short, (_Float16)a); }
CAIRN_NV float __nv_fmaf_ieee_rn(float a, float b, float c) { return __nvvm_fma_rn_f(a, b, c); }
CAIRN_NV float __nv_fmaf_ieee_rz(float a, float b, float c) { return __nvvm_fma_rz_f(a, b, c); }
CAIRN_NV float __nv_fmaf_ieee_ru(float a, float b, float c) { return __nvvm_fma_rp_f(a, b, c); }
CAIRN_NV float __nv_fmaf_ieee_rd(float a, float b, float c) { return __nvvm_fma_rm_f(a, b, c); }
/* The last three bits of the quotient, and the remainder, exact: a - n b with n rounded to even. */
extern "C" __device__ double __nv_remainder(double a, double b);
extern "C" __device__ double __nv_fmod(double a, double b);
CAIRN_NV double __nv_remquo(double a, double b, int *quotient)
{
    double r = __nv_remainder(a, b), m = __nv_fmod(a, 8 * b), n = __builtin_rint((m - r) / b);
    *quotient = (int)n % 8;
    return r;
}
CAIRN_NV float __nv_remquof(float a, float b, int *quotient) { return (float)__nv_remquo(a, b, quotient); }
/* Modified Bessel functions of the first kind: the power series while it is short, else the asymptotic one
 * (Abramowitz and Stegun 9.6.10, 9.7.1). */
extern "C" __device__ double __nv_exp(double a);
CAIRN_NV double cairn_bessel_i(int order, double x)
{
    double z = __builtin_fabs(x), sum = 1, term = 1;
    if (z <= 30) {
        double q = z * z / 4;
        for (int k = 1; k < 80 && term > sum * 1e-17; k++)
            sum += term *= q / ((double)k * (k + order));
        sum *= order ? z / 2 : 1;
    } else {
        for (int k = 1; k < 30; k++) {
            double odd = 2 * k - 1;
            term *= -(4.0 * order * order - odd * odd) / (8.0 * k * z);
            sum += term;
        }
        sum *= __nv_exp(z / 2) / __nvvm_sqrt_rn_d(6.283185307179586 * z) * __nv_exp(z / 2);
    }
    return order && x < 0 ? -sum : sum;
}
CAIRN_NV double __nv_cyl_bessel_i0(double x) { return cairn_bessel_i(0, x); }
CAIRN_NV double __nv_cyl_bessel_i1(double x) { return cairn_bessel_i(1, x); }
CAIRN_NV float __nv_cyl_bessel_i0f(float x) { return (float)cairn_bessel_i(0, x); }
CAIRN_NV float __nv_cyl_bessel_i1f(float x) { return (float)cairn_bessel_i(1, x); }

#include "cairn_simd.h"

#undef F1
#undef F2
#undef F3
#undef D1
#undef D2
#undef D3
#undef TO
#undef I2
#undef CAIRN_NV
#endif
