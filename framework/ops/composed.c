/* Pointwise functions composed of others: they fuse into the programs around them. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/ops.h>
#include <float.h>
#include <math.h>

static cairn_tensor *num(double x) { return cairn_number(x); }

/* A bound keeps an integer tensor an integer when it is one itself. */
static cairn_tensor *bound(cairn_tensor *x, double at)
{
    bool whole = at == floor(at) && fabs(at) < 9e15;
    return whole && !type_is_float(cairn_dtype_of(x)) ? cairn_integer((int64_t)at) : num(at);
}

cairn_tensor *cairn_clamp(cairn_tensor *x, double low, double high)
{
    if (!handle_value(x))
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = x;
    if (low != -INFINITY)
        y = cairn_maximum(y, bound(x, low));
    if (high != INFINITY)
        y = cairn_minimum(y, bound(x, high));
    return cairn_scope_pop(m, y);
}

cairn_tensor *cairn_lerp(cairn_tensor *x, cairn_tensor *y, cairn_tensor *weight)
{
    COMPOSED(cairn_add(x, cairn_mul(weight, cairn_sub(y, x))));
}

cairn_tensor *cairn_addcmul(cairn_tensor *x, cairn_tensor *a, cairn_tensor *b, double scale)
{
    COMPOSED(cairn_add(x, scale == 1 ? cairn_mul(a, b) : cairn_mul(cairn_mul(a, bound(a, scale)), b)));
}

cairn_tensor *cairn_addcdiv(cairn_tensor *x, cairn_tensor *a, cairn_tensor *b, double scale)
{
    COMPOSED(cairn_add(x, cairn_mul(cairn_div(a, b), num(scale))));
}

/* max + log1p(exp(-|x - y|)); equal infinities have no difference. */
cairn_tensor *cairn_logaddexp(cairn_tensor *x, cairn_tensor *y)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *top = cairn_maximum(x, y), *same = cairn_logical_and(cairn_eq(x, y), cairn_isinf(top));
    cairn_tensor *gap = cairn_neg(cairn_abs(cairn_where(same, num(0), cairn_sub(x, y))));
    return cairn_scope_pop(m, cairn_where(same, top, cairn_add(top, cairn_log1p(cairn_exp(gap)))));
}

cairn_tensor *cairn_xlogy(cairn_tensor *x, cairn_tensor *y)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *none = cairn_logical_and(cairn_eq(x, cairn_integer(0)), cairn_logical_not(cairn_isnan(y)));
    cairn_tensor *product = cairn_mul(x, cairn_log(cairn_where(none, num(1), y)));
    return cairn_scope_pop(m, cairn_where(none, num(0), product));
}

cairn_tensor *cairn_logit(cairn_tensor *x, double eps)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *p = eps > 0 ? cairn_clamp(x, eps, 1 - eps) : x;
    return cairn_scope_pop(m, cairn_log(cairn_div(p, cairn_sub(num(1), p))));
}

cairn_tensor *cairn_sinc(cairn_tensor *x)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *zero = cairn_eq(x, cairn_integer(0)), *t = cairn_mul(cairn_where(zero, num(1), x), num(M_PI));
    return cairn_scope_pop(m, cairn_where(zero, num(1), cairn_div(cairn_sin(t), t)));
}

static cairn_tensor *polynomial(cairn_tensor *x, int count, const double *c)
{
    cairn_tensor *y = cairn_mul(x, num(c[count - 1]));
    for (int i = count - 2; i > 0; i--)
        y = cairn_mul(cairn_add(y, num(c[i])), x);
    return cairn_add(y, num(c[0]));
}

/* Chebyshev-like fits of Abramowitz and Stegun 9.8.1 and 9.8.2: relative error below 2e-7. */
cairn_tensor *cairn_i0(cairn_tensor *x)
{
    static const double small[] = {1, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813};
    static const double large[] = {0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537, -0.01647633,
                                   0.00392377};
    if (!handle_value(x))
        return NULL;
    cairn_mark m = cairn_scope_push();
    x = cairn_abs(type_is_float(cairn_dtype_of(x)) ? x : cairn_to(x, CAIRN_F32));
    cairn_tensor *far = cairn_gt(x, num(3.75)), *near_x = cairn_where(far, num(1), x), *far_x = cairn_where(far, x, num(3.75));
    cairn_tensor *low = polynomial(cairn_square(cairn_div(near_x, num(3.75))), 7, small);
    cairn_tensor *high = cairn_mul(polynomial(cairn_div(num(3.75), far_x), 9, large), cairn_div(cairn_exp(far_x), cairn_sqrt(far_x)));
    return cairn_scope_pop(m, cairn_where(far, high, low));
}

cairn_tensor *cairn_ldexp(cairn_tensor *x, cairn_tensor *exponent)
{
    COMPOSED(cairn_mul(x, cairn_exp2(exponent)));
}

/* The exponent from log2, mended where rounding took it one too far. */
bool cairn_frexp(cairn_tensor *x, cairn_tensor **mantissa, cairn_tensor **exponent)
{
    *mantissa = *exponent = NULL;
    if (!handle_value(x))
        return false;
    cairn_mark m = cairn_scope_push();
    cairn_dtype type = cairn_dtype_of(x);
    cairn_tensor *wide = cairn_to(cairn_detach(x), CAIRN_F64), *size = cairn_abs(wide);
    cairn_tensor *plain = cairn_logical_and(cairn_gt(size, num(0)), cairn_isfinite(wide));
    cairn_tensor *e = cairn_add(cairn_floor(cairn_log2(cairn_where(plain, size, num(1)))), num(1));
    cairn_tensor *part = cairn_div(wide, cairn_exp2(e)), *low = cairn_lt(cairn_abs(part), num(0.5)), *high = cairn_ge(cairn_abs(part), num(1));
    e = cairn_add(cairn_sub(e, cairn_to(low, CAIRN_F64)), cairn_to(high, CAIRN_F64));
    cairn_tensor *results[2] = {cairn_to(cairn_where(plain, cairn_div(wide, cairn_exp2(e)), wide), type),
                                cairn_to(cairn_where(plain, e, num(0)), CAIRN_I32)};
    bool whole = results[0] && results[1];
    cairn_scope_pop_list(m, whole ? 2 : 0, results);
    if (whole) {
        *mantissa = results[0];
        *exponent = results[1];
    }
    return whole;
}

static double largest(cairn_dtype type)
{
    return type == CAIRN_F64 ? DBL_MAX : type == CAIRN_F16 ? 65504 : type == CAIRN_BF16 ? 0x1.fep127 : FLT_MAX;
}

cairn_tensor *cairn_nan_to_num(cairn_tensor *x, double nan, double positive, double negative)
{
    value *v = handle_value(x);
    if (!v || !type_is_float((cairn_dtype)v->type))
        return v ? x : NULL;
    double most = largest((cairn_dtype)v->type);
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = cairn_where(cairn_isnan(x), num(isnan(nan) ? 0 : nan), x);
    y = cairn_where(cairn_eq(x, num(INFINITY)), num(isnan(positive) ? most : positive), y);
    return cairn_scope_pop(m, cairn_where(cairn_eq(x, num(-INFINITY)), num(isnan(negative) ? -most : negative), y));
}

cairn_tensor *cairn_isclose(cairn_tensor *x, cairn_tensor *y, double rtol, double atol, bool equal_nan)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *gap = cairn_abs(cairn_sub(x, y)), *allowed = cairn_add(cairn_mul(cairn_abs(y), num(rtol)), num(atol));
    cairn_tensor *close = cairn_logical_and(cairn_le(gap, allowed), cairn_isfinite(gap));
    close = cairn_logical_or(close, cairn_eq(x, y));
    if (equal_nan)
        close = cairn_logical_or(close, cairn_logical_and(cairn_ne(x, x), cairn_ne(y, y)));
    return cairn_scope_pop(m, close);
}

/* Whether the one boolean is true. */
static bool truth_of(cairn_tensor *x)
{
    const uint8_t *bit = cairn_data(x);
    return bit && *bit;
}

bool cairn_allclose(cairn_tensor *x, cairn_tensor *y, double rtol, double atol, bool equal_nan)
{
    cairn_mark m = cairn_scope_push();
    bool close = truth_of(cairn_all(cairn_isclose(x, y, rtol, atol, equal_nan), CAIRN_ALL_AXES, false));
    cairn_scope_pop(m, NULL);
    return close;
}

bool cairn_equal(cairn_tensor *x, cairn_tensor *y)
{
    value *a = handle_value(x), *b = handle_value(y);
    if (!a || !b || a->type != b->type || !shape_equal(&a->shape, &b->shape))
        return false;
    cairn_mark m = cairn_scope_push();
    bool equal = truth_of(cairn_all(cairn_eq(x, y), CAIRN_ALL_AXES, false));
    cairn_scope_pop(m, NULL);
    return equal;
}
