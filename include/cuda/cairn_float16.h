/* What __half and __nv_bfloat16 have in common, written once and included by cuda_fp16.h and cuda_bf16.h.
 *
 * The includer defines H and H2 (the types), H_NAME (half or bfloat16, as it occurs in names), and before them
 *
 *     cairn_wide(H) -> float, exact            cairn_narrow(float, H *)    rounded to nearest, ties to even
 *     cairn_narrow(double, H *)                cairn_plus, cairn_minus, cairn_times, cairn_over (H, H) -> H
 *     cairn_fused(H, H, H) -> H                a b + c
 *
 * Functions of two (H2) are those of one, lane by lane. Host and device code see the same. */
#define HD static __inline__ __host__ __device__ __attribute__((always_inline))
#define DEVICE static __inline__ __device__ __attribute__((always_inline))
#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define NARROW(x)                \
    ({                           \
        H narrow_;               \
        cairn_narrow(x, &narrow_); \
        narrow_;                 \
    })

HD H cairn_bits(unsigned short bits, H) { return H(cairn_raw{bits}); }
HD unsigned short cairn_bits_of(H a) { return __builtin_bit_cast(unsigned short, a); }
HD H2 cairn_two(H a, H b)
{
    H2 r;
    r.x = a;
    r.y = b;
    return r;
}

/* ---- Conversions --------------------------------------------------------------------------------- */
HD H JOIN(__float2, H_NAME, )(float x) { return NARROW(x); }
HD H JOIN(__float2, H_NAME, _rn)(float x) { return NARROW(x); }
HD H JOIN(__double2, H_NAME, )(double x) { return NARROW(x); }
HD float JOIN(__, H_NAME, 2float)(H a) { return cairn_wide(a); }

/* The neighbour towards zero, or away from it, where rounding to nearest went the other way. */
HD H cairn_step(H a, int by, H *) { return cairn_bits((unsigned short)(cairn_bits_of(a) + by), a); }
HD H JOIN(__float2, H_NAME, _rz)(float x)
{
    H a = NARROW(x);
    return __builtin_fabsf(cairn_wide(a)) > __builtin_fabsf(x) ? cairn_step(a, -1, &a) : a;
}
HD H JOIN(__float2, H_NAME, _rd)(float x)
{
    H a = NARROW(x);
    if (!(cairn_wide(a) > x))
        return a;
    return cairn_bits_of(a) == 0 ? cairn_bits(0x8001, a) : cairn_step(a, x < 0 || cairn_wide(a) < 0 ? 1 : -1, &a);
}
HD H JOIN(__float2, H_NAME, _ru)(float x)
{
    H a = NARROW(x);
    if (!(cairn_wide(a) < x))
        return a;
    return cairn_bits_of(a) == 0x8000 ? cairn_bits(1, a) : cairn_step(a, x > 0 || cairn_wide(a) > 0 ? 1 : -1, &a);
}

#define FROM_INTEGER(name, type)                                                                      \
    HD H JOIN(__##name##2, H_NAME, _rn)(type x) { return NARROW((double)x); }                         \
    HD H JOIN(__##name##2, H_NAME, _rz)(type x) { return JOIN(__float2, H_NAME, _rz)((float)x); }
FROM_INTEGER(int, int) FROM_INTEGER(uint, unsigned) FROM_INTEGER(short, short) FROM_INTEGER(ushort, unsigned short)
FROM_INTEGER(ll, long long) FROM_INTEGER(ull, unsigned long long)
#undef FROM_INTEGER
/* Out of range saturates, NaN gives 0. */
#define TO_INTEGER(name, type, low, high)                                                             \
    HD type cairn_to_##name(float x, H *) { return x != x ? (type)0 : x <= (float)(low) ? (type)(low) : x >= (float)(high) ? (type)(high) : (type)x; } \
    HD type JOIN(__, H_NAME, 2##name##_rn)(H a) { return cairn_to_##name(__builtin_rintf(cairn_wide(a)), &a); } \
    HD type JOIN(__, H_NAME, 2##name##_rz)(H a) { return cairn_to_##name(cairn_wide(a), &a); }        \
    HD type JOIN(__, H_NAME, 2##name##_rd)(H a) { return cairn_to_##name(__builtin_floorf(cairn_wide(a)), &a); } \
    HD type JOIN(__, H_NAME, 2##name##_ru)(H a) { return cairn_to_##name(__builtin_ceilf(cairn_wide(a)), &a); }
TO_INTEGER(int, int, -2147483647 - 1, 2147483647) TO_INTEGER(uint, unsigned, 0, 4294967295u)
TO_INTEGER(short, short, -32768, 32767) TO_INTEGER(ushort, unsigned short, 0, 65535)
TO_INTEGER(ll, long long, -9223372036854775807ll - 1, 9223372036854775807ll)
TO_INTEGER(ull, unsigned long long, 0, 18446744073709551615ull)
#undef TO_INTEGER

HD short JOIN(__, H_NAME, _as_short)(H a) { return (short)cairn_bits_of(a); }
HD unsigned short JOIN(__, H_NAME, _as_ushort)(H a) { return cairn_bits_of(a); }
HD H JOIN(__short_as_, H_NAME, )(short x) { return H(cairn_raw{(unsigned short)x}); }
HD H JOIN(__ushort_as_, H_NAME, )(unsigned short x) { return H(cairn_raw{x}); }

HD H2 JOIN(__float2, H_NAME, 2_rn)(float x) { return cairn_two(NARROW(x), NARROW(x)); }
HD H2 JOIN(__floats2, H_NAME, 2_rn)(float x, float y) { return cairn_two(NARROW(x), NARROW(y)); }
HD H2 JOIN(__float22, H_NAME, 2_rn)(float2 v) { return cairn_two(NARROW(v.x), NARROW(v.y)); }
HD float2 JOIN(__, H_NAME, 22float2)(H2 a) { return make_float2(cairn_wide(a.x), cairn_wide(a.y)); }
HD float __low2float(H2 a) { return cairn_wide(a.x); }
HD float __high2float(H2 a) { return cairn_wide(a.y); }
HD H JOIN(__low2, H_NAME, )(H2 a) { return a.x; }
HD H JOIN(__high2, H_NAME, )(H2 a) { return a.y; }
HD H2 JOIN(__low2, H_NAME, 2)(H2 a) { return cairn_two(a.x, a.x); }
HD H2 JOIN(__high2, H_NAME, 2)(H2 a) { return cairn_two(a.y, a.y); }
HD H2 JOIN(__lows2, H_NAME, 2)(H2 a, H2 b) { return cairn_two(a.x, b.x); }
HD H2 JOIN(__highs2, H_NAME, 2)(H2 a, H2 b) { return cairn_two(a.y, b.y); }
HD H2 __lowhigh2highlow(H2 a) { return cairn_two(a.y, a.x); }
HD H2 JOIN(__, H_NAME, JOIN(2, H_NAME, 2))(H a) { return cairn_two(a, a); }
HD H2 JOIN(make_, H_NAME, 2)(H a, H b) { return cairn_two(a, b); }

/* ---- Arithmetic ---------------------------------------------------------------------------------- */
HD H cairn_saturate(H a)
{
    float x = cairn_wide(a);
    return NARROW(x != x ? 0.0f : x < 0 ? 0.0f : x > 1 ? 1.0f : x);
}
#define EACH(call_x, call_y) cairn_two(call_x, call_y)
#define BINARY(name, call)                                                                            \
    HD H name(H a, H b) { return call(a, b); }                                                        \
    HD H2 name##2(H2 a, H2 b) { return EACH(call(a.x, b.x), call(a.y, b.y)); }                        \
    HD H name##_rn(H a, H b) { return call(a, b); }                                                   \
    HD H2 name##2_rn(H2 a, H2 b) { return EACH(call(a.x, b.x), call(a.y, b.y)); }                     \
    HD H name##_sat(H a, H b) { return cairn_saturate(call(a, b)); }                                  \
    HD H2 name##2_sat(H2 a, H2 b) { return EACH(cairn_saturate(call(a.x, b.x)), cairn_saturate(call(a.y, b.y))); }
BINARY(__hadd, cairn_plus) BINARY(__hsub, cairn_minus) BINARY(__hmul, cairn_times)
#undef BINARY
HD H __hdiv(H a, H b) { return cairn_over(a, b); }
HD H2 __h2div(H2 a, H2 b) { return EACH(cairn_over(a.x, b.x), cairn_over(a.y, b.y)); }
HD H __hfma(H a, H b, H c) { return cairn_fused(a, b, c); }
HD H2 __hfma2(H2 a, H2 b, H2 c) { return EACH(cairn_fused(a.x, b.x, c.x), cairn_fused(a.y, b.y, c.y)); }
HD H __hfma_sat(H a, H b, H c) { return cairn_saturate(cairn_fused(a, b, c)); }
HD H2 __hfma2_sat(H2 a, H2 b, H2 c) { return EACH(__hfma_sat(a.x, b.x, c.x), __hfma_sat(a.y, b.y, c.y)); }
HD H __hfma_relu(H a, H b, H c)
{
    H r = cairn_fused(a, b, c);
    return cairn_wide(r) < 0 ? NARROW(0.0f) : r;
}
HD H2 __hfma2_relu(H2 a, H2 b, H2 c) { return EACH(__hfma_relu(a.x, b.x, c.x), __hfma_relu(a.y, b.y, c.y)); }
HD H2 __hcmadd(H2 a, H2 b, H2 c)
{
    H re = cairn_fused(a.x, b.x, c.x), im = cairn_fused(a.x, b.y, c.y), minus = cairn_bits(cairn_bits_of(a.y) ^ 0x8000, a.y);
    return cairn_two(cairn_fused(minus, b.y, re), cairn_fused(a.y, b.x, im));
}
HD H __hneg(H a) { return cairn_bits((unsigned short)(cairn_bits_of(a) ^ 0x8000), a); }
HD H __habs(H a) { return cairn_bits((unsigned short)(cairn_bits_of(a) & 0x7fff), a); }
HD H2 __hneg2(H2 a) { return EACH(__hneg(a.x), __hneg(a.y)); }
HD H2 __habs2(H2 a) { return EACH(__habs(a.x), __habs(a.y)); }

/* ---- Comparison ---------------------------------------------------------------------------------- */
HD bool __hisnan(H a) { return cairn_wide(a) != cairn_wide(a); }
HD int __hisinf(H a) { return __builtin_fabsf(cairn_wide(a)) == __builtin_inff() ? (cairn_wide(a) < 0 ? -1 : 1) : 0; }
HD H2 __hisnan2(H2 a) { return EACH(NARROW(__hisnan(a.x) ? 1.0f : 0.0f), NARROW(__hisnan(a.y) ? 1.0f : 0.0f)); }
/* Ordered comparisons are false with a NaN, unordered ones true. */
#define COMPARE(name, op, unordered_op)                                                               \
    HD bool __h##name(H a, H b) { return cairn_wide(a) op cairn_wide(b); }                            \
    HD bool __h##name##u(H a, H b) { return !(cairn_wide(a) unordered_op cairn_wide(b)); }            \
    HD H2 __h##name##2(H2 a, H2 b) { return EACH(NARROW(__h##name(a.x, b.x) ? 1.0f : 0.0f), NARROW(__h##name(a.y, b.y) ? 1.0f : 0.0f)); } \
    HD H2 __h##name##u2(H2 a, H2 b) { return EACH(NARROW(__h##name##u(a.x, b.x) ? 1.0f : 0.0f), NARROW(__h##name##u(a.y, b.y) ? 1.0f : 0.0f)); } \
    HD bool __hb##name##2(H2 a, H2 b) { return __h##name(a.x, b.x) && __h##name(a.y, b.y); }          \
    HD bool __hb##name##u2(H2 a, H2 b) { return __h##name##u(a.x, b.x) && __h##name##u(a.y, b.y); }   \
    HD unsigned __h##name##2_mask(H2 a, H2 b) { return (__h##name(a.x, b.x) ? 0xffffu : 0u) | (__h##name(a.y, b.y) ? 0xffff0000u : 0u); }
COMPARE(lt, <, >=) COMPARE(le, <=, >) COMPARE(gt, >, <=) COMPARE(ge, >=, <)
#undef COMPARE
HD bool __heq(H a, H b) { return cairn_wide(a) == cairn_wide(b); }
HD bool __hne(H a, H b) { return cairn_wide(a) < cairn_wide(b) || cairn_wide(a) > cairn_wide(b); }
HD bool __hequ(H a, H b) { return !__hne(a, b); }
HD bool __hneu(H a, H b) { return !__heq(a, b); }
#define EQUAL2(name)                                                                                  \
    HD H2 __h##name##2(H2 a, H2 b) { return EACH(NARROW(__h##name(a.x, b.x) ? 1.0f : 0.0f), NARROW(__h##name(a.y, b.y) ? 1.0f : 0.0f)); } \
    HD bool __hb##name##2(H2 a, H2 b) { return __h##name(a.x, b.x) && __h##name(a.y, b.y); }
EQUAL2(eq) EQUAL2(ne) EQUAL2(equ) EQUAL2(neu)
#undef EQUAL2
/* A NaN loses against a number; the _nan forms give NaN. -0 is less than +0. */
HD H __hmax(H a, H b)
{
    if (__hisnan(a) || __hisnan(b))
        return __hisnan(a) ? b : a;
    return cairn_wide(a) > cairn_wide(b) || (cairn_wide(a) == cairn_wide(b) && !(cairn_bits_of(a) >> 15)) ? a : b;
}
HD H __hmin(H a, H b)
{
    if (__hisnan(a) || __hisnan(b))
        return __hisnan(a) ? b : a;
    return cairn_wide(a) < cairn_wide(b) || (cairn_wide(a) == cairn_wide(b) && cairn_bits_of(a) >> 15) ? a : b;
}
HD H __hmax_nan(H a, H b) { return __hisnan(a) ? a : __hisnan(b) ? b : __hmax(a, b); }
HD H __hmin_nan(H a, H b) { return __hisnan(a) ? a : __hisnan(b) ? b : __hmin(a, b); }
HD H2 __hmax2(H2 a, H2 b) { return EACH(__hmax(a.x, b.x), __hmax(a.y, b.y)); }
HD H2 __hmin2(H2 a, H2 b) { return EACH(__hmin(a.x, b.x), __hmin(a.y, b.y)); }
HD H2 __hmax2_nan(H2 a, H2 b) { return EACH(__hmax_nan(a.x, b.x), __hmax_nan(a.y, b.y)); }
HD H2 __hmin2_nan(H2 a, H2 b) { return EACH(__hmin_nan(a.x, b.x), __hmin_nan(a.y, b.y)); }

/* ---- Operators ----------------------------------------------------------------------------------- */
#ifndef CAIRN_NO_FLOAT16_OPERATORS
#define OPERATOR(op, call)                                                                            \
    HD H operator op(const H &a, const H &b) { return call(a, b); }                                   \
    HD H &operator op##=(H &a, const H &b) { return a = call(a, b); }                                 \
    HD H2 operator op(const H2 &a, const H2 &b) { return EACH(call(a.x, b.x), call(a.y, b.y)); }      \
    HD H2 &operator op##=(H2 &a, const H2 &b) { return a = EACH(call(a.x, b.x), call(a.y, b.y)); }
OPERATOR(+, cairn_plus) OPERATOR(-, cairn_minus) OPERATOR(*, cairn_times) OPERATOR(/, cairn_over)
#undef OPERATOR
HD H operator+(const H &a) { return a; }
HD H operator-(const H &a) { return __hneg(a); }
HD H2 operator+(const H2 &a) { return a; }
HD H2 operator-(const H2 &a) { return __hneg2(a); }
HD H &operator++(H &a) { return a = cairn_plus(a, NARROW(1.0f)); }
HD H &operator--(H &a) { return a = cairn_minus(a, NARROW(1.0f)); }
HD H operator++(H &a, int)
{
    H before = a;
    ++a;
    return before;
}
HD H operator--(H &a, int)
{
    H before = a;
    --a;
    return before;
}
#define OPERATOR(op, call)                                                                            \
    HD bool operator op(const H &a, const H &b) { return call(a, b); }                                \
    HD bool operator op(const H2 &a, const H2 &b) { return call(a.x, b.x) && call(a.y, b.y); }
OPERATOR(==, __heq) OPERATOR(!=, __hneu) OPERATOR(<, __hlt) OPERATOR(<=, __hle) OPERATOR(>, __hgt) OPERATOR(>=, __hge)
#undef OPERATOR
#endif

/* ---- Mathematics: by way of float, rounded once -------------------------------------------------- */
#define MATH(name, expression)                                                                        \
    DEVICE H h##name(H a)                                                                             \
    {                                                                                                 \
        float x = cairn_wide(a);                                                                      \
        return NARROW(expression);                                                                    \
    }                                                                                                 \
    DEVICE H2 h2##name(H2 a) { return EACH(h##name(a.x), h##name(a.y)); }
MATH(sqrt, sqrtf(x)) MATH(rsqrt, rsqrtf(x)) MATH(rcp, 1.0f / x) MATH(exp, expf(x)) MATH(exp2, exp2f(x))
MATH(exp10, exp10f(x)) MATH(log, logf(x)) MATH(log2, log2f(x)) MATH(log10, log10f(x)) MATH(sin, sinf(x))
MATH(cos, cosf(x)) MATH(tanh, tanhf(x)) MATH(tanh_approx, tanhf(x)) MATH(floor, floorf(x)) MATH(ceil, ceilf(x)) MATH(trunc, truncf(x))
MATH(rint, rintf(x))
#undef MATH

/* ---- Memory and warps ---------------------------------------------------------------------------- */
#if defined(__CUDA__)
#define CACHED(name)                                                                                  \
    DEVICE H name(const H *p) { return *p; }                                                          \
    DEVICE H2 name(const H2 *p) { return *p; }
CACHED(__ldg) CACHED(__ldcg) CACHED(__ldca) CACHED(__ldcs) CACHED(__ldlu) CACHED(__ldcv)
#undef CACHED
#define STORED(name)                                                                                  \
    DEVICE void name(H *p, H a) { *p = a; }                                                           \
    DEVICE void name(H2 *p, H2 a) { *p = a; }
STORED(__stwb) STORED(__stcg) STORED(__stcs) STORED(__stwt)
#undef STORED
#define SHUFFLE(name, argument)                                                                       \
    DEVICE H name(unsigned mask, H a, argument by, int width = 32)                                    \
    {                                                                                                 \
        return cairn_bits((unsigned short)name(mask, (unsigned)cairn_bits_of(a), by, width), a);      \
    }                                                                                                 \
    DEVICE H2 name(unsigned mask, H2 a, argument by, int width = 32)                                  \
    {                                                                                                 \
        return __builtin_bit_cast(H2, name(mask, __builtin_bit_cast(unsigned, a), by, width));        \
    }
SHUFFLE(__shfl_sync, int) SHUFFLE(__shfl_up_sync, unsigned) SHUFFLE(__shfl_down_sync, unsigned) SHUFFLE(__shfl_xor_sync, int)
#undef SHUFFLE

/* Two lie in one word, which is exchanged whole; one is half of its word. */
DEVICE H2 atomicAdd(H2 *p, H2 a)
{
    unsigned *word = (unsigned *)p, old = *word, seen;
    do {
        seen = old;
        old = atomicCAS(word, seen, __builtin_bit_cast(unsigned, __hadd2(__builtin_bit_cast(H2, seen), a)));
    } while (old != seen);
    return __builtin_bit_cast(H2, old);
}
DEVICE H atomicAdd(H *p, H a)
{
    unsigned *word = (unsigned *)((size_t)p & ~(size_t)3), shift = ((size_t)p & 2) * 8, old = *word, seen;
    do {
        seen = old;
        unsigned sum = cairn_bits_of(__hadd(cairn_bits((unsigned short)(seen >> shift), a), a));
        old = atomicCAS(word, seen, (seen & ~(0xffffu << shift)) | sum << shift);
    } while (old != seen);
    return cairn_bits((unsigned short)(old >> shift), a);
}
#endif

#undef EACH
#undef HD
#undef DEVICE
#undef JOIN
#undef JOIN_
#undef NARROW
#undef H
#undef H2
#undef H_NAME
