/* Vector mathematics in f64. Included by vm_math.c after vm_type.h for f64.
 *
 * The methods are those of FreeBSD's msun (fdlibm, Sun Microsystems 1993), without its branches: every lane computes what
 * the general case needs and special cases are selected at the end. Only + - * / and integer operations are used, never
 * a fused multiply-add, so the bits are the same on every instruction set; measured, the fused forms were no faster in
 * programs, which wait for memory, and the baseline has none. Errors are below 2 ulp, mostly below 1. Lanes that need
 * more than this (huge angles) are handed to the C library one by one. */

typedef uint64_t VUL __attribute__((vector_size(SIMD_BYTES))); /* where the bits of a NaN wrap */

SIMD_INLINE VL bits_f64(VD x) { return (VL)x; }
SIMD_INLINE VD real_f64(VL x) { return (VD)x; }
SIMD_INLINE VL long_set(int64_t x) { return x - (VL){0}; }
SIMD_INLINE VD abs_f64(VD x) { return (VD)((VL)x & INT64_MAX); }
SIMD_INLINE VD with_sign_f64(VD x, VD sign) { return (VD)(((VL)x & INT64_MAX) | ((VL)sign & INT64_MIN)); }
SIMD_INLINE bool any_f64(VL mask)
{
    int64_t all = 0;
    for (int i = 0; i < LANES_F64; i++)
        all |= mask[i];
    return all != 0;
}

/* The nearest whole number, |x| < 2^51, as a double and as the low bits of an integer. */
#define WHOLE_F64 0x1.8p52
SIMD_INLINE VD whole_f64(VD x) { return (x + WHOLE_F64) - WHOLE_F64; }
SIMD_INLINE VL whole_bits_f64(VD x) { return (VL)(x + WHOLE_F64) - (VL)set_f64(WHOLE_F64); }

/* x * 2^n for -2100 < n < 2100 in two steps, so that results round once, to subnormals too. */
SIMD_INLINE VD scale_f64(VD x, VL n)
{
    VL half = n >> 1;
    return x * (VD)((half + 1023) << 52) * (VD)((n - half + 1023) << 52);
}

/* ---- exp: x = n ln 2 + r, |r| <= ln 2 / 2, exp(r) by a rational function of r^2. */
SIMD_INLINE VD exp_core_f64(VD hi, VD lo)
{
    VD r = hi - lo, t = r * r;
    VD c = r - t * (1.66666666666666019037e-01 + t * (-2.77777777770155933842e-03 + t * (6.61375632143793436117e-05 +
           t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))));
    return 1 + (hi - (lo - r * c / (2 - c)));
}
SIMD_INLINE VD exp_f64(VD x)
{
    x = select_f64(x > 710, set_f64(710), x);
    x = select_f64(x < -746, set_f64(-746), x);
    VD q = x * 1.44269504088896338700, n = whole_f64(q);
    VD hi = x - n * 6.93147180369123816490e-01, lo = n * 1.90821492927058770002e-10;
    return scale_f64(exp_core_f64(hi, lo), whole_bits_f64(q));
}
/* 2^x: the same core on r ln 2, whose rounding error goes into its lower part. */
SIMD_INLINE VD exp2_f64(VD x)
{
    x = select_f64(x > 1025, set_f64(1025), x);
    x = select_f64(x < -1076, set_f64(-1076), x);
    VD r = x - whole_f64(x);
    VD head = (VD)((VL)r & ~(VL)long_set((INT64_C(1) << 27) - 1)), tail = r - head;
    VD hi = head * 0x1.62e42ep-1, lo = -(head * 0x1.efa39ef35793cp-25 + tail * 0x1.62e42fefa39efp-1);
    return scale_f64(exp_core_f64(hi, lo), whole_bits_f64(x));
}

/* exp(x) - 1, with the error of the reduced argument carried along. */
SIMD_INLINE VD expm1_f64(VD x)
{
    VD y = select_f64(x > 710, set_f64(710), select_f64(x < -50, set_f64(-50), x));
    VD q = y * 1.44269504088896338700, n = whole_f64(q);
    VL k = whole_bits_f64(q);
    VD hi = y - n * 6.93147180369123816490e-01, lo = n * 1.90821492927058770002e-10;
    VD r = hi - lo, c = (hi - r) - lo;
    VD half = 0.5 * r, square = r * half;
    VD r1 = 1 + square * (-3.33333333333331316428e-02 + square * (1.58730158725481460165e-03 + square *
            (-7.93650757867487942473e-05 + square * (4.00821782732936239552e-06 + square * -2.01099218183624371326e-07))));
    VD t = 3 - r1 * half, e = square * ((r1 - t) / (6 - r * t));
    VD small = r - (r * e - square);
    e = r * (e - c) - c - square;
    VD scaled = scale_f64((1 - (VD)((1023 - k) << 52)) - (e - r), k);
    VD huge = scale_f64(1 - (e - r), k);                    /* 2^-k would be subnormal, and does not matter */
    VD z = select_f64(k == 0, small, select_f64(k > 60, huge, scaled));
    return select_f64(x == 0, x, z);
}

/* ---- log: x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2). */
typedef struct log_parts { VD k, f, half_square, rest; } log_parts;

/* x >= 2^-1022. */
SIMD_INLINE void log_split_f64(VD x, VD *k, VD *m)
{
    VL bits = (VL)((VUL)x + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd)), exponent = (bits >> 52) - 1023;
    *m = (VD)((bits & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd);
    *k = (VD)(exponent + (VL)set_f64(WHOLE_F64)) - WHOLE_F64;
}
SIMD_INLINE log_parts log_parts_f64(VD k, VD f)
{
    VD s = f / (2 + f), z = s * s, w = z * z;
    VD t1 = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    VD t2 = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 +
            w * 1.479819860511658591e-01)));
    VD half_square = 0.5 * f * f;
    return (log_parts){k, f, half_square, s * (half_square + t1 + t2)};
}
SIMD_INLINE log_parts log_of_f64(VD x)
{
    VL tiny = x < 0x1p-1022;
    VD k, m;
    log_split_f64(select_f64(tiny, x * 0x1p54, x), &k, &m);
    return log_parts_f64(select_f64(tiny, k - 54, k), m - 1);
}
/* The value y for positive finite x; else -inf for 0, NaN below, x for inf and NaN. */
SIMD_INLINE VD log_ends_f64(VD x, VD y)
{
    y = select_f64(x == 0, set_f64(-INFINITY), y);
    y = select_f64(x < 0, set_f64(NAN), y);
    return select_f64((x == INFINITY) | (x != x), x, y);
}
SIMD_INLINE VD log_f64(VD x)
{
    log_parts p = log_of_f64(x);
    VD y = p.k * 6.93147180369123816490e-01 -
           ((p.half_square - (p.rest + p.k * 1.90821492927058770002e-10)) - p.f);
    return log_ends_f64(x, y);
}
SIMD_INLINE VD log1p_f64(VD x)
{
    VD u = 1 + x, k, m;
    log_split_f64(u, &k, &m);
    VL near = k == 0;
    VD c = select_f64(k > 0, 1 - (u - x), x - (u - 1)) / u;
    c = select_f64(near | (k > 60), set_f64(0), c);
    log_parts p = log_parts_f64(k, select_f64(near, x, m - 1));
    VD y = k * 6.93147180369123816490e-01 -
           ((p.half_square - (p.rest + (k * 1.90821492927058770002e-10 + c))) - p.f);
    y = select_f64(x == -1, set_f64(-INFINITY), y);
    y = select_f64(x < -1, set_f64(NAN), y);
    y = select_f64((x == INFINITY) | (x != x), x, y);
    return select_f64(abs_f64(x) < 0x1p-54, x, y);
}
/* log(1 + f) as a sum whose head has 21 bits, so that its product with the head of 1 / ln(base) is exact. */
SIMD_INLINE VD log_base_f64(VD x, double inverse_hi, double inverse_lo, double two_hi, double two_lo)
{
    log_parts p = log_of_f64(x);
    VD hi = (VD)((VL)(p.f - p.half_square) & ~(VL)long_set(0xffffffff));
    VD lo = (p.f - hi) - p.half_square + p.rest;
    VD y = p.k * two_hi, value = hi * inverse_hi;
    VD low = p.k * two_lo + (lo + hi) * inverse_lo + lo * inverse_hi;
    VD w = y + value;
    return log_ends_f64(x, (low + ((y - w) + value)) + w);
}
SIMD_INLINE VD log2_f64(VD x)
{
    return log_base_f64(x, 1.44269504072144627571e+00, 1.67517131648865118353e-10, 1, 0);
}
SIMD_INLINE VD log10_f64(VD x)
{
    return log_base_f64(x, 4.34294481878168880939e-01, 2.50829467116452752298e-11, 3.01029995663611771306e-01,
                        3.69423907715893078616e-13);
}

/* ---- Hyperbolic */
SIMD_INLINE VD tanh_f64(VD x)
{
    VD a = abs_f64(x), twice = 2 * select_f64(a > 22, set_f64(22), a);
    VL large = a > 0.5493061443340549;
    VD t = expm1_f64(select_f64(large, twice, -twice)), u = t + 2, q = select_f64(large, set_f64(2), t) / u;
    /* What u lost by rounding, relative to u, which is 1.33 to 2 here. */
    VD small = q * ((t - (u - 2)) * 0.6) - q;
    VD y = select_f64(large, 1 - q, small);
    return with_sign_f64(select_f64(a < 0x1p-28, a, y), x);
}
SIMD_INLINE VD sigmoid_f64(VD x)
{
    VL negative = x < 0;
    VD e = exp_f64(-abs_f64(x)), u = 1 + e, q = select_f64(negative, e, set_f64(1)) / u;
    VD lost = e - (u - 1), inverse = select_f64(negative, 1 - q, q);        /* 1 / u */
    return q - q * (lost * inverse);
}
/* Halves of exp(a - ln 2) where exp(a) would overflow: exp(a / 2) / 2 * exp(a / 2). */
SIMD_INLINE VD half_exp_f64(VD a)
{
    VD e = exp_f64(0.5 * a);
    return 0.5 * e * e;
}
SIMD_INLINE VD sinh_f64(VD x)
{
    VD a = abs_f64(x), t = expm1_f64(a);
    VD y = select_f64(a < 1, 0.5 * (2 * t - t * t / (t + 1)), 0.5 * (t + t / (t + 1)));
    y = select_f64(a > 709, half_exp_f64(a), y);
    return with_sign_f64(select_f64(a < 0x1p-28, a, y), x);
}
SIMD_INLINE VD cosh_f64(VD x)
{
    VD a = abs_f64(x), t = expm1_f64(a), e = t + 1;
    VD y = select_f64(a < 0.34657359027997264, 1 + t * t / (2 * e), 0.5 * (e + 1 / e));
    return select_f64(a > 709, half_exp_f64(a), y);
}

/* ---- Sine and cosine: x = n pi/2 + (r + tail), pi/2 in four parts of 33 bits. */
typedef struct angle { VD r, tail; VL n, hard; } angle;

SIMD_INLINE angle reduce_f64(VD x)
{
    VL far = ~(abs_f64(x) < 1e5);
    VD y = select_f64(far, set_f64(0), x);
    VD q = y * 6.36619772367581382433e-01, n = whole_f64(q);
    VD t = y - n * 1.57079632673412561417e+00, w = n * 6.07710050630396597660e-11;
    VD r = t - w;
    w = n * 2.02226624879595063154e-21 - ((t - r) - w);
    VD head = r - w;
    /* So near a multiple that the parts above do not carry enough digits. */
    VL hard = far | ((abs_f64(head) < 0x1p-20) & (n != 0));
    return (angle){head, (r - head) - w, whole_bits_f64(q), hard};
}
SIMD_INLINE VD sin_core_f64(angle a)
{
    VD z = a.r * a.r, w = z * z, v = z * a.r;
    VD r = 8.33333333332248946124e-03 + z * (-1.98412698298579493134e-04 + z * 2.75573137070700676789e-06) +
           z * w * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10);
    return a.r - ((z * (0.5 * a.tail - v * r) - a.tail) - v * -1.66666666666666324348e-01);
}
SIMD_INLINE VD cos_core_f64(angle a)
{
    VD z = a.r * a.r, w = z * z;
    VD r = z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * 2.48015872894767294178e-05)) +
           w * w * (-2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11));
    VD half = 0.5 * z, one = 1 - half;
    return one + (((1 - one) - half) + (z * r - a.r * a.tail));
}
SIMD_INLINE VD turn_f64(angle a, VL n)
{
    VD y = select_f64((n & 1) != 0, cos_core_f64(a), sin_core_f64(a));
    return (VD)((VL)y ^ ((n & 2) << 62));
}
SIMD_INLINE VD sin_f64(VD x)
{
    angle a = reduce_f64(x);
    VD y = select_f64(abs_f64(x) < 0x1p-27, x, turn_f64(a, a.n));
    if (any_f64(a.hard))
        for (int i = 0; i < LANES_F64; i++)
            if (a.hard[i])
                y[i] = sin(x[i]);
    return y;
}
SIMD_INLINE VD cos_f64(VD x)
{
    angle a = reduce_f64(x);
    VD y = turn_f64(a, a.n + 1);
    if (any_f64(a.hard))
        for (int i = 0; i < LANES_F64; i++)
            if (a.hard[i])
                y[i] = cos(x[i]);
    return y;
}
/* For f32: the quotient's three roundings do not show there. */
SIMD_INLINE VD tan_quotient_f64(VD x) { return sin_f64(x) / cos_f64(x); }
