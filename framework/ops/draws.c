/* Dropout and draws: composed. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/functional.h>

typedef cairn_tensor T;

cairn_tensor *cairn_f_dropout(T *x, double p, bool training)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (!(p >= 0 && p <= 1)) {
        error_set(CAIRN_E_RANGE, "dropout: a probability of %g", p);
        return NULL;
    }
    if (!training || p == 0)
        return x;
    cairn_mark m = cairn_scope_push();
    T *keep = cairn_ge(cairn_rand(v->shape, CAIRN_F32), cairn_number(p));
    return cairn_scope_pop(m, cairn_where(keep, cairn_mul(x, cairn_number(p < 1 ? 1 / (1 - p) : 0)), scalar_like(x, 0)));
}

cairn_tensor *cairn_randperm(int64_t n)
{
    if (n < 0) {
        error_set(CAIRN_E_ARGUMENT, "randperm: of %lld", (long long)n);
        return NULL;
    }
    COMPOSED(cairn_argsort(cairn_randint(0, INT64_MAX, CAIRN_SHAPE(n), CAIRN_I64), 0, false));
}

/* With replacement, the place of a uniform number among the running sums. Without, a race: the first `count` to finish when each
 * takes an exponential time with its weight as the rate. */
cairn_tensor *cairn_multinomial(T *weights, int64_t count, bool replacement)
{
    value *v = handle_value(weights);
    if (!v)
        return NULL;
    int rank = v->shape.rank;
    int64_t n = rank ? v->shape.size[rank - 1] : 0;
    if (!type_is_float((cairn_dtype)v->type) || rank < 1 || n < 1 || count < 1 || (!replacement && count > n)) {
        error_set(CAIRN_E_ARGUMENT, "multinomial: %lld draws by %s weights of %s", (long long)count, cairn_dtype_name((cairn_dtype)v->type),
                  SHAPE(&v->shape));
        return NULL;
    }
    shape s = v->shape;
    cairn_mark m = cairn_scope_push();
    T *wide = cairn_to(cairn_detach(weights), CAIRN_F64), *u, *y;
    if (replacement) {
        s.size[rank - 1] = count;
        T *sums = cairn_cumsum(wide, -1);
        u = cairn_mul(cairn_to(cairn_rand(s, CAIRN_F32), CAIRN_F64), cairn_narrow(sums, -1, n - 1, 1));
        y = cairn_minimum(cairn_searchsorted(sums, u, true), cairn_integer(n - 1));
    } else {
        u = cairn_neg(cairn_log1p(cairn_neg(cairn_to(cairn_rand(s, CAIRN_F32), CAIRN_F64))));
        if (!cairn_topk(cairn_div(wide, cairn_maximum(u, cairn_number(1e-300))), count, -1, true, &y))
            y = NULL;
    }
    return cairn_scope_pop(m, y);
}
