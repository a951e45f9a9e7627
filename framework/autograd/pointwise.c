/* The gradients of all pointwise operations, on one page.
 *
 * y = f(x), dy = d loss / d y  ->  dx = dy * f'(x). Written with public operations, so each can be
 * differentiated again. Where f' is cheaper from y than from x, it is taken from y. */
#include "framework/ops/rules.h"
#include <cairn/ops.h>
#include <math.h>

typedef cairn_tensor T;

static T *num(double x) { return cairn_number(x); }
static T *scale(T *x, double by) { return cairn_mul(x, num(by)); }
static T *zero_where_not(T *condition, T *dy) { return cairn_where(condition, dy, num(0)); }

#define RULE1(name, expression)                                               \
    void gradient_##name(const value *v, T *dy, T **dx)                       \
    {                                                                         \
        T *x = input(v, 0), *y = output(v);                                   \
        (void)x, (void)y;                                                     \
        dx[0] = (expression);                                                 \
    }

/* No gradient flows, though the function is differentiable almost everywhere: floor, sign ... */
void gradient_zero(const value *v, T *dy, T **dx) { (void)v, (void)dy, (void)dx; }

RULE1(neg, cairn_neg(dy))
RULE1(abs, cairn_mul(dy, cairn_sign(x)))
RULE1(relu, zero_where_not(cairn_gt(y, num(0)), dy))
RULE1(square, cairn_mul(dy, scale(x, 2)))
RULE1(sqrt, cairn_div(dy, scale(y, 2)))
RULE1(rsqrt, cairn_mul(dy, scale(cairn_div(y, x), -0.5)))
RULE1(reciprocal, cairn_neg(cairn_mul(dy, cairn_square(y))))
RULE1(exp, cairn_mul(dy, y))
RULE1(exp2, cairn_mul(dy, scale(y, M_LN2)))
RULE1(expm1, cairn_mul(dy, cairn_add(y, num(1))))
RULE1(log, cairn_div(dy, x))
RULE1(log2, cairn_div(dy, scale(x, M_LN2)))
RULE1(log10, cairn_div(dy, scale(x, M_LN10)))
RULE1(log1p, cairn_div(dy, cairn_add(x, num(1))))
RULE1(sin, cairn_mul(dy, cairn_cos(x)))
RULE1(cos, cairn_neg(cairn_mul(dy, cairn_sin(x))))
RULE1(tan, cairn_mul(dy, cairn_add(cairn_square(y), num(1))))
RULE1(asin, cairn_mul(dy, cairn_rsqrt(cairn_sub(num(1), cairn_square(x)))))
RULE1(acos, cairn_neg(cairn_mul(dy, cairn_rsqrt(cairn_sub(num(1), cairn_square(x))))))
RULE1(atan, cairn_div(dy, cairn_add(cairn_square(x), num(1))))
RULE1(sinh, cairn_mul(dy, cairn_cosh(x)))
RULE1(cosh, cairn_mul(dy, cairn_sinh(x)))
RULE1(tanh, cairn_mul(dy, cairn_sub(num(1), cairn_square(y))))
RULE1(asinh, cairn_mul(dy, cairn_rsqrt(cairn_add(cairn_square(x), num(1)))))
RULE1(acosh, cairn_mul(dy, cairn_rsqrt(cairn_sub(cairn_square(x), num(1)))))
RULE1(atanh, cairn_div(dy, cairn_sub(num(1), cairn_square(x))))
RULE1(sigmoid, cairn_mul(dy, cairn_mul(y, cairn_sub(num(1), y))))
RULE1(erf, cairn_mul(dy, scale(cairn_exp(cairn_neg(cairn_square(x))), M_2_SQRTPI)))
RULE1(erfc, cairn_mul(dy, scale(cairn_exp(cairn_neg(cairn_square(x))), -M_2_SQRTPI)))
RULE1(erfinv, cairn_mul(dy, scale(cairn_exp(cairn_square(y)), 1 / M_2_SQRTPI)))
RULE1(lgamma, cairn_mul(dy, cairn_digamma(x)))
RULE1(cast, cairn_to(dy, (cairn_dtype)v->in[0]->type))

/* Two inputs: only what is wanted is built. */
#define RULE2(name, for_a, for_b)                                             \
    void gradient_##name(const value *v, T *dy, T **dx)                       \
    {                                                                         \
        T *a = input(v, 0), *b = input(v, 1), *y = output(v);                 \
        (void)a, (void)b, (void)y;                                            \
        dx[0] = wants_gradient(v, 0) ? (for_a) : NULL;                        \
        dx[1] = wants_gradient(v, 1) ? (for_b) : NULL;                        \
    }

RULE2(add, dy, dy)
RULE2(sub, dy, cairn_neg(dy))
RULE2(mul, cairn_mul(dy, b), cairn_mul(dy, a))
RULE2(div, cairn_div(dy, b), cairn_neg(cairn_mul(dy, cairn_div(y, b))))
RULE2(fmod, dy, cairn_neg(cairn_mul(dy, cairn_div_trunc(a, b))))
RULE2(remainder, dy, cairn_neg(cairn_mul(dy, cairn_div_floor(a, b))))
RULE2(atan2, cairn_mul(dy, cairn_div(b, cairn_add(cairn_square(a), cairn_square(b)))),
      cairn_neg(cairn_mul(dy, cairn_div(a, cairn_add(cairn_square(a), cairn_square(b))))))
RULE2(hypot, cairn_mul(dy, cairn_div(a, y)), cairn_mul(dy, cairn_div(b, y)))
RULE2(copysign, cairn_mul(dy, cairn_mul(cairn_sign(a), cairn_sign(y))), NULL)

/* x^0 has gradient 0 also at x = 0; 0^y has none for y >= 0. */
RULE2(pow,
      cairn_where(cairn_eq(b, num(0)), cairn_zeros_like(dy), cairn_mul(dy, cairn_mul(b, cairn_pow(a, cairn_sub(b, num(1)))))),
      cairn_where(cairn_logical_and(cairn_eq(a, num(0)), cairn_ge(b, num(0))), cairn_zeros_like(dy),
                  cairn_mul(dy, cairn_mul(y, cairn_log(a)))))

/* Equal operands share the gradient by halves, as PyTorch's. */
static T *share(T *dy, T *wins, T *ties)
{
    return cairn_where(wins, dy, cairn_where(ties, scale(dy, 0.5), num(0)));
}
RULE2(minimum, share(dy, cairn_lt(a, b), cairn_eq(a, b)), share(dy, cairn_gt(a, b), cairn_eq(a, b)))
RULE2(maximum, share(dy, cairn_gt(a, b), cairn_eq(a, b)), share(dy, cairn_lt(a, b), cairn_eq(a, b)))

void gradient_where(const value *v, T *dy, T **dx)
{
    T *condition = input(v, 0);
    dx[1] = wants_gradient(v, 1) ? cairn_where(condition, dy, num(0)) : NULL;
    dx[2] = wants_gradient(v, 2) ? cairn_where(condition, num(0), dy) : NULL;
}
