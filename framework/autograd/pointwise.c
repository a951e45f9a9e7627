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

/* Handles cost time, so a rule makes those alone that it mentions: X the operand, Y the result, A and B the operands of two. */
#define X input(v, 0)
#define A input(v, 0)
#define B input(v, 1)
#define Y output(v)

#define RULE1(name, expression)                                               \
    void gradient_##name(const value *v, T *dy, T **dx)                       \
    {                                                                         \
        (void)v;                                                              \
        dx[0] = (expression);                                                 \
    }

/* No gradient flows, though the function is differentiable almost everywhere: floor, sign ... */
void gradient_zero(const value *v, T *dy, T **dx) { (void)v, (void)dy, (void)dx; }

RULE1(neg, cairn_neg(dy))
RULE1(abs, cairn_mul(dy, cairn_sign(X)))
RULE1(relu, zero_where_not(cairn_gt(Y, num(0)), dy))
RULE1(square, cairn_mul(dy, scale(X, 2)))
RULE1(sqrt, cairn_div(dy, scale(Y, 2)))
RULE1(rsqrt, cairn_mul(dy, scale(cairn_div(Y, X), -0.5)))
RULE1(reciprocal, cairn_neg(cairn_mul(dy, cairn_square(Y))))
RULE1(exp, cairn_mul(dy, Y))
RULE1(exp2, cairn_mul(dy, scale(Y, M_LN2)))
RULE1(expm1, cairn_mul(dy, cairn_add(Y, num(1))))
RULE1(log, cairn_div(dy, X))
RULE1(log2, cairn_div(dy, scale(X, M_LN2)))
RULE1(log10, cairn_div(dy, scale(X, M_LN10)))
RULE1(log1p, cairn_div(dy, cairn_add(X, num(1))))
RULE1(sin, cairn_mul(dy, cairn_cos(X)))
RULE1(cos, cairn_neg(cairn_mul(dy, cairn_sin(X))))
RULE1(tan, cairn_mul(dy, cairn_add(cairn_square(Y), num(1))))
RULE1(asin, cairn_mul(dy, cairn_rsqrt(cairn_sub(num(1), cairn_square(X)))))
RULE1(acos, cairn_neg(cairn_mul(dy, cairn_rsqrt(cairn_sub(num(1), cairn_square(X))))))
RULE1(atan, cairn_div(dy, cairn_add(cairn_square(X), num(1))))
RULE1(sinh, cairn_mul(dy, cairn_cosh(X)))
RULE1(cosh, cairn_mul(dy, cairn_sinh(X)))
RULE1(tanh, cairn_mul(dy, cairn_sub(num(1), cairn_square(Y))))
RULE1(asinh, cairn_mul(dy, cairn_rsqrt(cairn_add(cairn_square(X), num(1)))))
RULE1(acosh, cairn_mul(dy, cairn_rsqrt(cairn_sub(cairn_square(X), num(1)))))
RULE1(atanh, cairn_div(dy, cairn_sub(num(1), cairn_square(X))))
RULE1(sigmoid, cairn_mul(dy, cairn_mul(Y, cairn_sub(num(1), Y))))
RULE1(erf, cairn_mul(dy, scale(cairn_exp(cairn_neg(cairn_square(X))), M_2_SQRTPI)))
RULE1(erfc, cairn_mul(dy, scale(cairn_exp(cairn_neg(cairn_square(X))), -M_2_SQRTPI)))
RULE1(erfinv, cairn_mul(dy, scale(cairn_exp(cairn_square(Y)), 1 / M_2_SQRTPI)))
RULE1(lgamma, cairn_mul(dy, cairn_digamma(X)))
RULE1(cast, cairn_to(dy, (cairn_dtype)v->in[0]->type))

/* Two inputs: only what is wanted is built. */
#define RULE2(name, for_a, for_b)                                             \
    void gradient_##name(const value *v, T *dy, T **dx)                       \
    {                                                                         \
        dx[0] = wants_gradient(v, 0) ? (for_a) : NULL;                        \
        dx[1] = wants_gradient(v, 1) ? (for_b) : NULL;                        \
    }

RULE2(add, dy, dy)
RULE2(sub, dy, cairn_neg(dy))
RULE2(mul, cairn_mul(dy, B), cairn_mul(dy, A))
RULE2(div, cairn_div(dy, B), cairn_neg(cairn_mul(dy, cairn_div(Y, B))))
RULE2(fmod, dy, cairn_neg(cairn_mul(dy, cairn_div_trunc(A, B))))
RULE2(remainder, dy, cairn_neg(cairn_mul(dy, cairn_div_floor(A, B))))
RULE2(atan2, cairn_mul(dy, cairn_div(B, cairn_add(cairn_square(A), cairn_square(B)))),
      cairn_neg(cairn_mul(dy, cairn_div(A, cairn_add(cairn_square(A), cairn_square(B))))))
RULE2(hypot, cairn_mul(dy, cairn_div(A, Y)), cairn_mul(dy, cairn_div(B, Y)))
RULE2(copysign, cairn_mul(dy, cairn_mul(cairn_sign(A), cairn_sign(Y))), NULL)

/* x^0 has gradient 0 also at x = 0; 0^y has none for y >= 0. */
RULE2(pow,
      cairn_where(cairn_eq(B, num(0)), cairn_zeros_like(dy), cairn_mul(dy, cairn_mul(B, cairn_pow(A, cairn_sub(B, num(1)))))),
      cairn_where(cairn_logical_and(cairn_eq(A, num(0)), cairn_ge(B, num(0))), cairn_zeros_like(dy),
                  cairn_mul(dy, cairn_mul(Y, cairn_log(A)))))

/* Equal operands share the gradient by halves, as PyTorch's. */
static T *share(T *dy, T *wins, T *ties)
{
    return cairn_where(wins, dy, cairn_where(ties, scale(dy, 0.5), num(0)));
}
RULE2(minimum, share(dy, cairn_lt(A, B), cairn_eq(A, B)), share(dy, cairn_gt(A, B), cairn_eq(A, B)))
RULE2(maximum, share(dy, cairn_gt(A, B), cairn_eq(A, B)), share(dy, cairn_lt(A, B), cairn_eq(A, B)))

void gradient_where(const value *v, T *dy, T **dx)
{
    T *condition = input(v, 0);
    dx[1] = wants_gradient(v, 1) ? cairn_where(condition, dy, num(0)) : NULL;
    dx[2] = wants_gradient(v, 2) ? cairn_where(condition, num(0), dy) : NULL;
}
