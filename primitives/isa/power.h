/* Powers of two and of e with fused multiply-adds, for kernels whose sums are fused too: faster than vmath_f32.h, whose bits are
 * the same on every instruction set. */
#ifndef PRIMITIVES_ISA_POWER_H
#define PRIMITIVES_ISA_POWER_H
#include "primitives/simd.h"

/* 2^r for |r| <= 1/2: a minimax polynomial of degree 6 (relative error 1.9e-9). */
SIMD_INLINE VF power_within_f32(VF r)
{
    VF p = vf_fma(vf_set(0x1.41d334p-13f), r, vf_set(0x1.5f456ap-10f));
    p = vf_fma(p, r, vf_set(0x1.3b2dbcp-7f));
    p = vf_fma(p, r, vf_set(0x1.c6aed4p-5f));
    p = vf_fma(p, r, vf_set(0x1.ebfbdap-3f));
    p = vf_fma(p, r, vf_set(0x1.62e430p-1f));
    return vf_fma(p, r, vf_set(1));
}

/* 2^x for x <= 0 or a little more; 0 below 2^-126. NaN stays. */
SIMD_INLINE VF power_f32(VF x)
{
    x = vf_at_least(x, -127);           /* there the exponent's bits are 0, and so is the result */
    VF shifted = x + 0x1.8p23f;
    return power_within_f32(x - (shifted - 0x1.8p23f)) * (VF)(((VU)shifted << 23) + (127u << 23));
}

/* The Taylor series, ln(2)^k / k!, to degree 13 (4e-18). */
SIMD_INLINE VD power_within_f64(VD r)
{
    static const double c[] = {
        1.3691488853904128e-12, 2.5678435993488206e-11, 4.4455382718708115e-10, 7.0549116208011233e-09, 1.0178086009239699e-07,
        1.3215486790144310e-06, 1.5252733804059841e-05, 1.5403530393381608e-04, 1.3333558146428443e-03, 9.6181291076284769e-03,
        5.5504108664821580e-02, 2.4022650695910072e-01, 6.9314718055994531e-01, 1.0};
    VD p = vd_set(c[0]);
    UNROLL for (int i = 1; i < 14; i++)
        p = vd_fma(p, r, vd_set(c[i]));
    return p;
}

SIMD_INLINE VD power_f64(VD x)
{
    VL low = x < -1023;
    x = (VD)(((VL)vd_set(-1023) & low) | ((VL)x & ~low));
    VD shifted = x + 0x1.8p52;
    return power_within_f64(x - (shifted - 0x1.8p52)) * (VD)(((VUL)shifted << 52) + (1023ull << 52));
}

/* e^x for x <= 0 or a little more: x - n ln 2 is exact to its last bits, so that the error is that of 2^s, |s| <= 1/2, about
 * one ulp. 0 below 2^-126 (2^-1022). */
SIMD_INLINE VF exponential_f32(VF x)
{
    x = vf_at_least(x, -88);            /* n is -127 there: the exponent's bits are 0, and so is the result */
    VF shifted = vf_fma(x, vf_set(1.44269504088896341f), vf_set(0x1.8p23f)), n = shifted - 0x1.8p23f;
    VF r = vf_fma(n, vf_set(2.12194440e-4f), vf_fma(n, vf_set(-0.693359375f), x)) * 1.44269504088896341f;
    return power_within_f32(r) * (VF)(((VU)shifted << 23) + (127u << 23));
}

SIMD_INLINE VD exponential_f64(VD x)
{
    VL low = x < -709.1;
    x = (VD)(((VL)vd_set(-709.1) & low) | ((VL)x & ~low));
    VD shifted = vd_fma(x, vd_set(1.44269504088896340736), vd_set(0x1.8p52)), n = shifted - 0x1.8p52;
    VD r = vd_fma(n, vd_set(-1.90821492927058770002e-10), vd_fma(n, vd_set(-6.93147180369123816490e-01), x)) * 1.44269504088896340736;
    return power_within_f64(r) * (VD)(((VUL)shifted << 52) + (1023ull << 52));
}

#endif
