/* Activations: composed, so that they fuse into what surrounds them. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/functional.h>
#include <math.h>

typedef cairn_tensor T;

static T *num(double x) { return cairn_number(x); }
static T *scale(T *x, double by) { return cairn_mul(x, num(by)); }
static T *shift(T *x, double by) { return cairn_add(x, num(by)); }
static T *positive(T *x) { return cairn_gt(x, num(0)); }

/* x Phi(x) */
cairn_tensor *cairn_gelu(T *x) { COMPOSED(cairn_mul(scale(x, 0.5), shift(cairn_erf(scale(x, M_SQRT1_2)), 1))); }

cairn_tensor *cairn_gelu_tanh(T *x)
{
    cairn_mark m = cairn_scope_push();
    T *inner = scale(cairn_mul(x, shift(scale(cairn_square(x), 0.044715), 1)), M_2_SQRTPI * M_SQRT1_2);
    return cairn_scope_pop(m, cairn_mul(scale(x, 0.5), shift(cairn_tanh(inner), 1)));
}

cairn_tensor *cairn_silu(T *x) { COMPOSED(cairn_mul(x, cairn_sigmoid(x))); }

cairn_tensor *cairn_mish(T *x) { COMPOSED(cairn_mul(x, cairn_tanh(cairn_softplus(x, 1)))); }
cairn_tensor *cairn_logsigmoid(T *x) { COMPOSED(cairn_neg(cairn_softplus(cairn_neg(x), 1))); }

/* log(e^0 + e^(beta x)) needs no threshold against overflow. */
cairn_tensor *cairn_softplus(T *x, double beta)
{
    COMPOSED(beta == 1 ? cairn_logaddexp(x, cairn_zeros_like(x)) : scale(cairn_logaddexp(scale(x, beta), cairn_zeros_like(x)), 1 / beta));
}

cairn_tensor *cairn_elu(T *x, double alpha)
{
    COMPOSED(cairn_where(positive(x), x, scale(cairn_expm1(cairn_minimum(x, num(0))), alpha)));
}

cairn_tensor *cairn_celu(T *x, double alpha)
{
    COMPOSED(cairn_where(positive(x), x, scale(cairn_expm1(scale(cairn_minimum(x, num(0)), 1 / alpha)), alpha)));
}

/* Klambauer et al., 2017 */
cairn_tensor *cairn_selu(T *x) { COMPOSED(scale(cairn_elu(x, 1.6732632423543772848), 1.0507009873554804934)); }

cairn_tensor *cairn_leaky_relu(T *x, double slope) { COMPOSED(cairn_where(positive(x), x, scale(x, slope))); }

cairn_tensor *cairn_prelu(T *x, T *slope)
{
    value *v = handle_value(x), *s = handle_value(slope);
    if (!v || !s)
        return NULL;
    int64_t n = shape_numel(&s->shape), channels = v->shape.rank > 1 ? v->shape.size[1] : 1;
    if (n != 1 && n != channels) {
        error_set(CAIRN_E_SHAPE, "prelu: %lld slopes for %lld channels of %s", (long long)n, (long long)channels, SHAPE(&v->shape));
        return NULL;
    }
    shape wide = {.rank = v->shape.rank > 1 ? v->shape.rank - 1 : 0, .size = {n, 1, 1, 1, 1, 1, 1, 1}};
    COMPOSED(cairn_where(positive(x), x, cairn_mul(cairn_reshape(slope, wide), x)));
}

cairn_tensor *cairn_relu6(T *x) { return cairn_clamp(x, 0, 6); }
cairn_tensor *cairn_hardtanh(T *x, double low, double high) { return cairn_clamp(x, low, high); }
cairn_tensor *cairn_hardsigmoid(T *x) { COMPOSED(scale(cairn_clamp(shift(x, 3), 0, 6), 1.0 / 6)); }
cairn_tensor *cairn_hardswish(T *x) { COMPOSED(cairn_mul(x, cairn_hardsigmoid(x))); }
cairn_tensor *cairn_softsign(T *x) { COMPOSED(cairn_div(x, shift(cairn_abs(x), 1))); }
cairn_tensor *cairn_tanhshrink(T *x) { COMPOSED(cairn_sub(x, cairn_tanh(x))); }

cairn_tensor *cairn_softshrink(T *x, double lambda)
{
    cairn_mark m = cairn_scope_push();
    T *low = cairn_where(cairn_lt(x, num(-lambda)), shift(x, lambda), num(0));
    return cairn_scope_pop(m, cairn_where(cairn_gt(x, num(lambda)), shift(x, -lambda), low));
}

cairn_tensor *cairn_hardshrink(T *x, double lambda)
{
    COMPOSED(cairn_where(cairn_le(cairn_abs(x), num(lambda)), num(0), x));
}

cairn_tensor *cairn_threshold(T *x, double threshold, double number)
{
    COMPOSED(cairn_where(cairn_gt(x, num(threshold)), x, num(number)));
}

cairn_tensor *cairn_glu(T *x, int axis)
{
    value *v = handle_value(x);
    int k = v ? axis_check("glu", axis, v->shape.rank) : -1;
    if (k < 0)
        return NULL;
    int64_t n = v->shape.size[k];
    if (n % 2) {
        error_set(CAIRN_E_SHAPE, "glu: axis %d of %s has no halves", axis, SHAPE(&v->shape));
        return NULL;
    }
    COMPOSED(cairn_mul(cairn_narrow(x, k, 0, n / 2), cairn_sigmoid(cairn_narrow(x, k, n / 2, n / 2))));
}
