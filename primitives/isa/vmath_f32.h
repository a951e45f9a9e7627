/* Vector mathematics in f32. Included by vm_math.c after vm_type.h for f32 and after vmath_f64.h.
 *
 * What programs use most is computed in f32, after Cephes (Moshier) and Juffa; the rest in f64, in two halves, and
 * rounded, which is nearly exact. As in vmath_f64.h, nothing is fused, and special cases are selected at the end. */

SIMD_INLINE VF abs_f32(VF x) { return (VF)((VI)x & INT32_MAX); }
SIMD_INLINE VF with_sign_f32(VF x, VF sign) { return (VF)(((VI)x & INT32_MAX) | ((VI)sign & INT32_MIN)); }

/* f in f64 on both halves of x. */
typedef float half_vf __attribute__((vector_size(SIMD_BYTES / 2)));
typedef struct halves { half_vf low, high; } halves;
SIMD_INLINE VF through_f64(VF x, VD (*f)(VD))
{
    halves h;
    memcpy(&h, &x, sizeof h);
    h.low = __builtin_convertvector(f(__builtin_convertvector(h.low, VD)), half_vf);
    h.high = __builtin_convertvector(f(__builtin_convertvector(h.high, VD)), half_vf);
    memcpy(&x, &h, sizeof x);
    return x;
}

/* The nearest whole number, |x| < 2^22, as a float and as an integer. */
#define WHOLE_F32 0x1.8p23f
SIMD_INLINE VF whole_f32(VF x) { return (x + WHOLE_F32) - WHOLE_F32; }
SIMD_INLINE VI whole_bits_f32(VF x) { return (VI)(x + WHOLE_F32) - (VI)set_f32(WHOLE_F32); }

/* (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2, z = r^2. As Estrin does, so that what
 * depends on each other is short; the largest term last, so that one rounding has its size. */
SIMD_INLINE VF exp_tail_f32(VF r, VF z)
{
    VF middle = r * 8.3334519073e-3f + 4.1665795894e-2f, high = r * 1.9875691500e-4f + 1.3981999507e-3f;
    return ((high * z + middle) * z + r * 1.6666665459e-1f) + 5.0000001201e-1f;
}

/* exp(x - n ln 2), n the whole number next to x / ln 2. What r and 1 + r lose by rounding is added to the small terms:
 * 0.6 instead of 0.9 ulp. */
SIMD_INLINE VF exp_core_f32(VF x, VF n)
{
    VF hi = x - n * 0.693359375f, lo = n * -2.12194440e-4f, r = hi - lo, z = r * r;
    VF one = 1 + r, lost = (r - (one - 1)) + ((hi - r) - lo);
    return one + (exp_tail_f32(r, z) * z + lost);
}

/* 2^k for -126 <= k <= 127, k in the low bits of x + WHOLE_F32. */
SIMD_INLINE VF power_of_two_f32(VF shifted) { return (VF)(((VU)shifted << 23) + (127u << 23)); }

/* y * 2^n, rounded once, to subnormals too: AVX-512 has an instruction, two multiplications give the same. */
SIMD_INLINE VF scale_f32(VF y, VF n, VI k)
{
#if defined(ISA_AVX512)
    (void)k;
    return _mm512_scalef_ps(y, n);
#else
    (void)n;
    VI half = k >> 1;
    return y * (VF)((half + 127) << 23) * (VF)((k - half + 127) << 23);
#endif
}
SIMD_INLINE VF exp_f32(VF x)
{
    x = vf_at_least(vf_at_most(x, 89), -105);
    VF q = x * 1.44269504088896341f, n = whole_f32(q);
    VF r = (x - n * 0.693359375f) - n * -2.12194440e-4f, z = r * r;
    return scale_f32(exp_tail_f32(r, z) * z + r + 1, n, whole_bits_f32(q));
}
/* exp(x) for -87 <= x <= 88: one step. */
SIMD_INLINE VF exp_normal_f32(VF x)
{
    VF shifted = x * 1.44269504088896341f + WHOLE_F32;
    return exp_core_f32(x, shifted - WHOLE_F32) * power_of_two_f32(shifted);
}

SIMD_INLINE VF log_f32(VF x)
{
    VI tiny = x < 0x1p-126f;
    VF y = select_f32(tiny, x * 0x1p25f, x);
    VI bits = (VI)((VU)y + (0x3f800000u - 0x3f3504f3u)); /* a NaN's bits may wrap */
    VF e = __builtin_convertvector((bits >> 23) - 127, VF), f = (VF)((bits & 0x007fffff) + 0x3f3504f3) - 1;
    e = select_f32(tiny, e - 25, e);
    VF z = f * f, p = f * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    p = p * f * z + e * -2.12194440e-4f - 0.5f * z;
    VF r = (f + p) + e * 0.693359375f;
    r = select_f32(x == 0, set_f32(-INFINITY), r);
    r = select_f32(x < 0, set_f32(NAN), r);
    return select_f32((x == INFINITY) | (x != x), x, r);
}

/* t / (t + 2) with t = exp(2a) - 1 = 2^k (exp(r) - 1) + (2^k - 1), which loses nothing where a is small. */
SIMD_INLINE VF tanh_f32(VF x)
{
    VF a = vf_at_most(abs_f32(x), 10), y = a + a;
    VF shifted = y * 1.44269504088896341f + WHOLE_F32, n = shifted - WHOLE_F32;
    VF r = (y - n * 0.693359375f) - n * -2.12194440e-4f, z = r * r;
    VF two_k = power_of_two_f32(shifted), large = r * two_k + (two_k - 1), small = exp_tail_f32(r, z) * (z * two_k);
    VF t = large + small, rest = small - (t - large);
    /* What u and t lost by rounding counts where t is small; 1 / u is h = (1 - q) / 2. */
    VF u = t + 2, q = t / u, h = 0.5f - 0.5f * q, lost = (t - (u - 2)) * q - rest;
    return with_sign_f32(q - h * (VF)((VI)lost & (t < 2)), x);
}

SIMD_INLINE VF sigmoid_f32(VF x)
{
    VI negative = x < 0;
    VF y = vf_at_least(-abs_f32(x), -105), k = y * 1.44269504088896341f, n = whole_f32(k);
    VF e = scale_f32(exp_core_f32(y, n), n, whole_bits_f32(k)), u = 1 + e, q = select_f32(negative, e, set_f32(1)) / u;
    VF lost = e - (u - 1), inverse = select_f32(negative, 1 - q, q);        /* 1 / u */
    return q - q * (lost * inverse);
}

SIMD_INLINE VF erf_f32(VF x)
{
    VF t = abs_f32(x), s = x * x;
    VF a = select_f32(t > 4, set_f32(4), t), as = a * a;
    VF r = a * -1.72853470e-5f + 3.83197126e-4f, u = a * -3.88396438e-3f + 2.42546219e-2f;
    r = r * as + u;
    r = r * a - 1.06777877e-1f;
    r = r * a - 6.34846687e-1f;
    r = r * a - 1.28717512e-1f;
    VF large = 1 - exp_normal_f32(r * a - a);
    VF p = s * -5.96761703e-4f + 4.99119423e-3f;
    p = p * s - 2.67681349e-2f;
    p = p * s + 1.12819925e-1f;
    p = p * s - 3.76125336e-1f;
    p = p * s + 1.28379166e-1f;
    VF y = select_f32(t > 0.927734375f, large, p * t + t);
    return with_sign_f32(select_f32(x != x, x, y), x);
}

/* Sine and cosine of angles that f64 reduces with its plain 53 bits of pi/2 in two parts; polynomials for |r| <= pi/4. */
SIMD_INLINE VD turn_short_f64(VD x, int64_t quarter)
{
    VL far = ~(abs_f64(x) < 0x1p28);
    VD y = select_f64(far, set_f64(0), x), q = y * 6.36619772367581382433e-01, n = whole_f64(q);
    VD r = (y - n * 1.57079631090164184570e+00) - n * 1.58932547735281966916e-08, z = r * r, w = z * z;
    VL k = whole_bits_f64(q) + quarter;
    VD s = r + z * r * (-0.166666666416265235595 + z * 0.0083333293858894631756 +
                        w * (-0.000198393348360966317347 + z * 0.0000027183114939898219064));
    VD c = 1 + z * -0.499999997251031003120 + w * 0.0416666233237390631894 +
           w * z * (-0.00138867637746099294692 + z * 0.0000243904487962774090654);
    y = (VD)((VL)select_f64((k & 1) != 0, c, s) ^ ((k & 2) << 62));
    if (any_f64(far))
        for (int i = 0; i < LANES_F64; i++)
            if (far[i])
                y[i] = quarter ? cos(x[i]) : sin(x[i]);
    return y;
}
SIMD_INLINE VD sin_short_f64(VD x) { return turn_short_f64(x, 0); }
SIMD_INLINE VD cos_short_f64(VD x) { return turn_short_f64(x, 1); }
SIMD_INLINE VF sin_f32(VF x) { return select_f32(x == 0, x, through_f64(x, sin_short_f64)); }
SIMD_INLINE VF cos_f32(VF x) { return through_f64(x, cos_short_f64); }

SIMD_INLINE VF tan_f32(VF x) { return select_f32(x == 0, x, through_f64(x, tan_quotient_f64)); }
SIMD_INLINE VF exp2_f32(VF x) { return through_f64(x, exp2_f64); }
SIMD_INLINE VF expm1_f32(VF x) { return through_f64(x, expm1_f64); }
SIMD_INLINE VF log2_f32(VF x) { return through_f64(x, log2_f64); }
SIMD_INLINE VF log10_f32(VF x) { return through_f64(x, log10_f64); }
SIMD_INLINE VF log1p_f32(VF x) { return through_f64(x, log1p_f64); }
SIMD_INLINE VF sinh_f32(VF x) { return through_f64(x, sinh_f64); }
SIMD_INLINE VF cosh_f32(VF x) { return through_f64(x, cosh_f64); }
