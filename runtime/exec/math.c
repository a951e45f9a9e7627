#define _GNU_SOURCE
/* These declarations come before math.h: they tell gcc that libmvec has vector versions. */
#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__)
#define VECTOR __attribute__((simd("notinbranch")))
#else
#define VECTOR
#endif
VECTOR float expf(float);
VECTOR float exp2f(float);
VECTOR float logf(float);
VECTOR float log2f(float);
VECTOR float log10f(float);
VECTOR float sinf(float);
VECTOR float cosf(float);
VECTOR float tanf(float);
VECTOR float asinf(float);
VECTOR float acosf(float);
VECTOR float atanf(float);
VECTOR float tanhf(float);
VECTOR float erff(float);
VECTOR float cbrtf(float);
VECTOR float powf(float, float);
VECTOR float atan2f(float, float);
VECTOR double exp(double);
VECTOR double log(double);
VECTOR double sin(double);
VECTOR double cos(double);
VECTOR double tanh(double);
VECTOR double erf(double);
VECTOR double pow(double, double);

#include "runtime/exec/math.h"
#include "runtime/exec/warp.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define EACH_LANE _Pragma("omp simd")
#else
#define CLONES
#define EACH_LANE      /* clang has no vector versions to call, and says so at each loop that asks */
#endif

/* ---- What the C library lacks --------------------------------------------------------------------- */
/* sin(pi x), exact in its reduction: x modulo 2 loses nothing. */
static double sin_pi(double x)
{
    double r = fmod(fabs(x), 2), sign = x < 0 ? -1 : 1;
    if (r != r)
        return r;
    if (r >= 1) {
        r -= 1;
        sign = -sign;
    }
    if (r > 0.5)
        r = 1 - r;
    return sign * (r > 0.25 ? cos(M_PI * (0.5 - r)) : sin(M_PI * r));
}

static double cos_pi(double x)
{
    double r = fmod(fabs(x), 2);
    if (r != r)
        return r;
    if (r > 1)
        r = 2 - r;
    return r > 0.75 ? -cos(M_PI * (1 - r)) : r > 0.25 ? sin(M_PI * (0.5 - r)) : cos(M_PI * r);
}

static double normal_cdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }

/* exp(x^2) erfc(x); the continued fraction where erfc underflows. */
static double scaled_erfc(double x)
{
    if (x < 25)
        return exp(x * x) * erfc(x);
    double x2 = x * x;
    return (1 / (x * sqrt(M_PI))) * (1 - 0.5 / x2 + 0.75 / (x2 * x2));
}

/* Wichura's AS 241 (1988) for the normal quantile, then one Newton step. */
static double normal_quantile(double p)
{
    static const double a[8] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                3.3430575583588128105e4, 2.5090809287301226727e3};
    static const double b[8] = {1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
                                2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
                                5.2264952788528545610e3};
    static const double c[8] = {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
                                3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
                                1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
                                2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
                                7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    if (!(p > 0 && p < 1))
        return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
    double q = p - 0.5, r = fabs(q) <= 0.425 ? 0.180625 - q * q : sqrt(-log(q < 0 ? p : 1 - p));
    const double *top = a, *bottom = b;
    if (fabs(q) > 0.425) {
        top = r <= 5 ? c : e;
        bottom = r <= 5 ? d : f;
        r -= r <= 5 ? 1.6 : 5;
    }
    double x = 0, y = 0;
    for (int i = 7; i >= 0; i--) {
        x = x * r + top[i];
        y = y * r + bottom[i];
    }
    return fabs(q) <= 0.425 ? q * x / y : copysign(x / y, q);
}

static double erf_inverse(double x)
{
    if (!(fabs(x) < 1))
        return fabs(x) == 1 ? copysign(INFINITY, x) : NAN;
    double y = fabs(x) < 1e-8 ? x * 0.88622692545275801365 : normal_quantile((x + 1) / 2) * M_SQRT1_2;
    return y - (erf(y) - x) / (M_2_SQRTPI * exp(-y * y));
}

static double erfc_inverse(double x) { return -normal_quantile(x / 2) * M_SQRT1_2; }

static double integer_power(double x, int n)
{
    double out = 1;
    for (unsigned k = (unsigned)(n < 0 ? -(long)n : n); k; k >>= 1, x *= x)
        if (k & 1)
            out *= x;
    return n < 0 ? 1 / out : out;
}

/* ---- The table ----------------------------------------------------------------------------------- */
/* FUNCTION(name, result, type of a, type of b, expression): those of one argument repeat its type. */
#define FUNCTIONS(X)                                                                                  \
    X(expf, float, float, float, expf(a)) X(exp2f, float, float, float, exp2f(a))                     \
    X(exp10f, float, float, float, (float)exp10(a)) X(expm1f, float, float, float, expm1f(a))         \
    X(logf, float, float, float, logf(a)) X(log2f, float, float, float, log2f(a))                     \
    X(log10f, float, float, float, log10f(a)) X(log1pf, float, float, float, log1pf(a))               \
    X(sinf, float, float, float, sinf(a)) X(cosf, float, float, float, cosf(a))                       \
    X(tanf, float, float, float, tanf(a)) X(asinf, float, float, float, asinf(a))                     \
    X(acosf, float, float, float, acosf(a)) X(atanf, float, float, float, atanf(a))                   \
    X(sinhf, float, float, float, sinhf(a)) X(coshf, float, float, float, coshf(a))                   \
    X(tanhf, float, float, float, tanhf(a)) X(asinhf, float, float, float, asinhf(a))                 \
    X(acoshf, float, float, float, acoshf(a)) X(atanhf, float, float, float, atanhf(a))               \
    X(cbrtf, float, float, float, cbrtf(a)) X(rcbrtf, float, float, float, (float)(1 / cbrt(a)))      \
    X(erff, float, float, float, erff(a)) X(erfcf, float, float, float, erfcf(a))                     \
    X(erfinvf, float, float, float, (float)erf_inverse(a))                                            \
    X(erfcinvf, float, float, float, (float)erfc_inverse(a))                                          \
    X(erfcxf, float, float, float, (float)scaled_erfc(a))                                             \
    X(normcdff, float, float, float, (float)normal_cdf(a))                                            \
    X(normcdfinvf, float, float, float, (float)normal_quantile(a))                                    \
    X(tgammaf, float, float, float, tgammaf(a)) X(lgammaf, float, float, float, (float)lgamma(a))     \
    X(sinpif, float, float, float, (float)sin_pi(a)) X(cospif, float, float, float, (float)cos_pi(a)) \
    X(roundf, float, float, float, roundf(a)) X(logbf, float, float, float, logbf(a))                 \
    X(j0f, float, float, float, j0f(a)) X(j1f, float, float, float, j1f(a))                           \
    X(y0f, float, float, float, y0f(a)) X(y1f, float, float, float, y1f(a))                           \
    X(ilogbf, int, float, float, ilogbf(a))                                                           \
    X(powf, float, float, float, powf(a, b)) X(atan2f, float, float, float, atan2f(a, b))             \
    X(fmodf, float, float, float, fmodf(a, b)) X(remainderf, float, float, float, remainderf(a, b))   \
    X(hypotf, float, float, float, hypotf(a, b)) X(nextafterf, float, float, float, nextafterf(a, b)) \
    X(rhypotf, float, float, float, (float)(1 / hypot(a, b)))                                         \
    X(powif, float, float, int, (float)integer_power(a, b)) X(ldexpf, float, float, int, ldexpf(a, b)) \
    X(scalbnf, float, float, int, scalbnf(a, b)) X(jnf, float, int, float, jnf(a, b))                 \
    X(ynf, float, int, float, ynf(a, b))                                                              \
    X(fast_expf, float, float, float, expf(a)) X(fast_exp10f, float, float, float, exp2f(a * 3.321928095f)) \
    X(fast_logf, float, float, float, logf(a)) X(fast_log2f, float, float, float, log2f(a))           \
    X(fast_log10f, float, float, float, log10f(a)) X(fast_sinf, float, float, float, sinf(a))         \
    X(fast_cosf, float, float, float, cosf(a)) X(fast_tanf, float, float, float, tanf(a))             \
    X(fast_powf, float, float, float, powf(a, b))                                                     \
    X(exp, double, double, double, exp(a)) X(exp2, double, double, double, exp2(a))                   \
    X(exp10, double, double, double, exp10(a)) X(expm1, double, double, double, expm1(a))             \
    X(log, double, double, double, log(a)) X(log2, double, double, double, log2(a))                   \
    X(log10, double, double, double, log10(a)) X(log1p, double, double, double, log1p(a))             \
    X(sin, double, double, double, sin(a)) X(cos, double, double, double, cos(a))                     \
    X(tan, double, double, double, tan(a)) X(asin, double, double, double, asin(a))                   \
    X(acos, double, double, double, acos(a)) X(atan, double, double, double, atan(a))                 \
    X(sinh, double, double, double, sinh(a)) X(cosh, double, double, double, cosh(a))                 \
    X(tanh, double, double, double, tanh(a)) X(asinh, double, double, double, asinh(a))               \
    X(acosh, double, double, double, acosh(a)) X(atanh, double, double, double, atanh(a))             \
    X(cbrt, double, double, double, cbrt(a)) X(rcbrt, double, double, double, 1 / cbrt(a))            \
    X(erf, double, double, double, erf(a)) X(erfc, double, double, double, erfc(a))                   \
    X(erfinv, double, double, double, erf_inverse(a)) X(erfcinv, double, double, double, erfc_inverse(a)) \
    X(erfcx, double, double, double, scaled_erfc(a)) X(normcdf, double, double, double, normal_cdf(a)) \
    X(normcdfinv, double, double, double, normal_quantile(a)) X(tgamma, double, double, double, tgamma(a)) \
    X(lgamma, double, double, double, lgamma(a)) X(sinpi, double, double, double, sin_pi(a))          \
    X(cospi, double, double, double, cos_pi(a)) X(round, double, double, double, round(a))            \
    X(logb, double, double, double, logb(a)) X(j0, double, double, double, j0(a))                     \
    X(j1, double, double, double, j1(a)) X(y0, double, double, double, y0(a))                         \
    X(y1, double, double, double, y1(a)) X(ilogb, int, double, double, ilogb(a))                      \
    X(pow, double, double, double, pow(a, b)) X(atan2, double, double, double, atan2(a, b))           \
    X(fmod, double, double, double, fmod(a, b)) X(remainder, double, double, double, remainder(a, b)) \
    X(hypot, double, double, double, hypot(a, b)) X(rhypot, double, double, double, 1 / hypot(a, b))  \
    X(nextafter, double, double, double, nextafter(a, b)) X(powi, double, double, int, integer_power(a, b)) \
    X(ldexp, double, double, int, ldexp(a, b)) X(scalbn, double, double, int, scalbn(a, b))           \
    X(jn, double, int, double, jn(a, b)) X(yn, double, int, double, yn(a, b))                         \
    X(llroundf, long long, float, float, llroundf(a)) X(llround, long long, double, double, llround(a))

#define X(name, result, type_a, type_b, expression)                                                   \
    CLONES static void lanes_##name(warp *w, uint32_t mask, void *const *arguments, void *out)         \
    {                                                                                                 \
        const type_a *as = arguments[0];                                                              \
        /* Without a second argument the table ends here, with NULL. */                              \
        const type_b *bs = arguments[1] ? arguments[1] : arguments[0];          \
        result *ys = out;                                                                             \
        (void)w;                                                                                      \
        (void)mask;                                                                                   \
        EACH_LANE for (int i = 0; i < WARP_LANES; i++)                                      \
        {                                                                                             \
            type_a a = as[i];                                                                         \
            type_b b = bs[i];                                                                         \
            (void)a;                                                                                  \
            (void)b;                                                                                  \
            ys[i] = expression;                                                                       \
        }                                                                                             \
    }
FUNCTIONS(X)
#undef X

/* ---- Results through pointers -------------------------------------------------------------------- */
#define FOR_EACH_LANE(mask, lane) \
    for (uint32_t lanes_ = (mask), lane; lanes_ && (lane = (uint32_t)__builtin_ctz(lanes_), 1); lanes_ &= lanes_ - 1)

/* PAIR(name, type, first, second): *b = first(a), *c = second(a) */
#define PAIRS(X)                                                                                      \
    X(sincosf, float, sinf(a), cosf(a)) X(fast_sincosf, float, sinf(a), cosf(a))                      \
    X(sincospif, float, (float)sin_pi(a), (float)cos_pi(a)) X(sincos, double, sin(a), cos(a))         \
    X(sincospi, double, sin_pi(a), cos_pi(a))

#define X(name, type, first, second)                                                                  \
    CLONES static void lanes_##name(warp *w, uint32_t mask, void *const *arguments, void *out)         \
    {                                                                                                 \
        const type *as = arguments[0];                                                                \
        type *const *bs = arguments[1], *const *cs = arguments[2], x[WARP_LANES], y[WARP_LANES];       \
        (void)w;                                                                                      \
        (void)out;                                                                                    \
        EACH_LANE for (int i = 0; i < WARP_LANES; i++)                                      \
        {                                                                                             \
            type a = as[i];                                                                           \
            x[i] = first;                                                                             \
            y[i] = second;                                                                            \
        }                                                                                             \
        FOR_EACH_LANE(mask, lane)                                                                     \
        {                                                                                             \
            *bs[lane] = x[lane];                                                                      \
            *cs[lane] = y[lane];                                                                      \
        }                                                                                             \
    }
PAIRS(X)
#undef X

/* PARTS(name, type, second result, call): y = call(a, &second), stored through b */
#define PARTS(X)                                                                                      \
    X(modff, float, float, modff(as[lane], bs[lane])) X(modf, double, double, modf(as[lane], bs[lane])) \
    X(frexpf, float, int, frexpf(as[lane], bs[lane])) X(frexp, double, int, frexp(as[lane], bs[lane]))

#define X(name, type, second, call)                                                                   \
    static void lanes_##name(warp *w, uint32_t mask, void *const *arguments, void *out)                \
    {                                                                                                 \
        const type *as = arguments[0];                                                                \
        second *const *bs = arguments[1];                                                             \
        (void)w;                                                                                      \
        FOR_EACH_LANE(mask, lane)                                                                     \
        ((type *)out)[lane] = call;                                                                   \
    }
PARTS(X)
#undef X

static const struct { const char *name; const void *code; } table[] = {
#define X(name, ...) {"__nv_" #name, lanes_##name},
    FUNCTIONS(X) PAIRS(X) PARTS(X)
#undef X
};

const void *math_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].code;
    return NULL;
}

/* ---- PTX's approximations ------------------------------------------------------------------------ */
#define X(name, call)                                                                                 \
    CLONES void rt_##name(const float *x, float *y)                                                   \
    {                                                                                                 \
        EACH_LANE for (int i = 0; i < WARP_LANES; i++) y[i] = call(x[i]);                   \
    }
X(ex2, exp2f)
X(lg2, log2f)
X(sin, sinf)
X(cos, cosf)
X(tanh, tanhf)
#undef X
