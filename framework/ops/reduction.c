/* Reductions: one primitive each over a set of axes, which stay with size 1; what removes them is a view.
 * Mean, variance, logsumexp and norms are composed. */
#include "framework/ops/autocast.h"
#include "framework/ops/rules.h"
#include <cairn/ops.h>
#include <math.h>

/* x any shape -> the same with the masked axes 1. An extreme needs elements; argmin, argmax one axis. */
cairn_status infer_reduction(const value *v, spec *out)
{
    const value *x = v->in[0];
    const attr_axes *a = v->attr;
    out->shape = x->shape;
    out->type = x->type;
    int64_t reduced = 1;
    for (int i = 0; i < x->shape.rank; i++)
        if (a->mask >> i & 1) {
            reduced *= x->shape.size[i];
            out->shape.size[i] = 1;
        }
    bool extreme = v->op == OP_amin || v->op == OP_amax || v->op == OP_argmin || v->op == OP_argmax;
    if (extreme && !reduced)
        return error_set(CAIRN_E_ARGUMENT, "%s: no elements to choose from in %s", ops[v->op].name, SHAPE(&x->shape));
    if (v->op == OP_argmin || v->op == OP_argmax)
        out->type = CAIRN_I64;
    return CAIRN_OK;
}

/* The masked axes, all of size 1, taken out. */
cairn_tensor *drop_axes(cairn_tensor *x, uint32_t mask)
{
    shape s = cairn_shape_of(x), to = {0};
    if (s.rank < 0)
        return NULL;
    for (int i = 0; i < s.rank; i++)
        if (!(mask >> i & 1))
            to.size[to.rank++] = s.size[i];
    return cairn_reshape(x, to);
}

/* The last run of neighbouring axes, in memory order, that `mask` has: one kernel reduces one run. */
static uint32_t last_run(const value *v, uint32_t mask)
{
    static const int8_t nhwc[4] = {0, 2, 3, 1};
    uint32_t run = 0;
    for (int k = v->shape.rank - 1; k >= 0; k--) {
        int i = v->flags & V_CHANNELS_LAST && v->shape.rank == 4 ? nhwc[k] : k;
        if (mask >> i & 1)
            run |= 1u << i;
        else if (run && v->shape.size[i] != 1)
            break;
    }
    return run;
}

static cairn_tensor *reduce_mask(op_id op, cairn_tensor *x, uint32_t mask, bool keep)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = x;
    uint32_t left = mask;
    do {
        value *v = handle_value(y);
        attr_axes a = {v ? last_run(v, left) : 0};
        y = op_build1(op, y, &a, sizeof a);
        left &= ~a.mask;
    } while (y && left);
    return cairn_scope_pop(m, keep || !mask ? y : drop_axes(y, mask));
}

static cairn_tensor *reduce(op_id op, cairn_tensor *x, cairn_axes axes, bool keep)
{
    uint32_t mask;
    value *v = handle_value(x);
    return v && axes_check(ops[op].name, &axes, v->shape.rank, &mask) ? reduce_mask(op, x, mask, keep) : NULL;
}

/* Sums and products of integers and booleans are made in i64. */
static cairn_tensor *wide(cairn_tensor *x)
{
    value *v = handle_value(x);
    return v && !type_is_float(v->type) ? cairn_to(x, CAIRN_I64) : x;
}

cairn_tensor *cairn_sum(cairn_tensor *x, cairn_axes axes, bool keep) { COMPOSED(reduce(OP_sum, wide(autocast_wide(x)), axes, keep)); }
cairn_tensor *cairn_prod(cairn_tensor *x, cairn_axes axes, bool keep) { COMPOSED(reduce(OP_prod, wide(autocast_wide(x)), axes, keep)); }
cairn_tensor *cairn_amin(cairn_tensor *x, cairn_axes axes, bool keep) { return reduce(OP_amin, x, axes, keep); }
cairn_tensor *cairn_amax(cairn_tensor *x, cairn_axes axes, bool keep) { return reduce(OP_amax, x, axes, keep); }
cairn_tensor *cairn_any(cairn_tensor *x, cairn_axes axes, bool keep) { COMPOSED(reduce(OP_any, cairn_to(x, CAIRN_BOOL), axes, keep)); }
cairn_tensor *cairn_all(cairn_tensor *x, cairn_axes axes, bool keep) { COMPOSED(reduce(OP_all, cairn_to(x, CAIRN_BOOL), axes, keep)); }

static cairn_tensor *arg_extreme(op_id op, cairn_tensor *x, int axis, bool keep)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (v->shape.rank == 0)
        COMPOSED(cairn_to(cairn_zeros_like(x), CAIRN_I64));
    int a = axis_check(ops[op].name, axis, v->shape.rank);
    return a < 0 ? NULL : reduce_mask(op, x, 1u << a, keep);
}
cairn_tensor *cairn_argmin(cairn_tensor *x, int axis, bool keep) { return arg_extreme(OP_argmin, x, axis, keep); }
cairn_tensor *cairn_argmax(cairn_tensor *x, int axis, bool keep) { return arg_extreme(OP_argmax, x, axis, keep); }

/* ---- Composed */

static int64_t masked_numel(const shape *s, uint32_t mask)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        n *= mask >> i & 1 ? s->size[i] : 1;
    return n;
}

/* Floating x and the mask of the axes; false with the error set. */
static bool floating_axes(const char *op, cairn_tensor *x, const cairn_axes *axes, uint32_t *mask)
{
    value *v = handle_value(x);
    if (!v)
        return false;
    if (!type_is_float(v->type)) {
        error_set(CAIRN_E_TYPE, "%s: needs a floating type, got %s", op, cairn_dtype_name(v->type));
        return false;
    }
    return axes_check(op, axes, v->shape.rank, mask);
}

cairn_tensor *cairn_mean(cairn_tensor *x, cairn_axes axes, bool keep)
{
    AUTOCAST_WIDE(x, cairn_mean(cairn_to(x, CAIRN_F32), axes, keep));
    uint32_t mask;
    if (!floating_axes("mean", x, &axes, &mask))
        return NULL;
    double n = (double)masked_numel(&x->v->shape, mask);
    cairn_mark m = cairn_scope_push();               /* divided before axes go, which is a view: so it is one kernel */
    cairn_tensor *y = cairn_div(reduce_mask(OP_sum, x, mask, true), cairn_number(n));
    return cairn_scope_pop(m, keep || !mask ? y : drop_axes(y, mask));
}

cairn_tensor *cairn_var(cairn_tensor *x, cairn_axes axes, double correction, bool keep)
{
    AUTOCAST_WIDE(x, cairn_var(cairn_to(x, CAIRN_F32), axes, correction, keep));
    uint32_t mask;
    if (!floating_axes("var", x, &axes, &mask))
        return NULL;
    double n = (double)masked_numel(&x->v->shape, mask), divisor = n - correction > 0 ? n - correction : 0;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *mean = cairn_div(reduce_mask(OP_sum, x, mask, true), cairn_number(n));
    cairn_tensor *squares = reduce_mask(OP_sum, cairn_square(cairn_sub(x, mean)), mask, keep);
    return cairn_scope_pop(m, cairn_div(squares, cairn_number(divisor)));
}

cairn_tensor *cairn_std(cairn_tensor *x, cairn_axes axes, double correction, bool keep)
{
    COMPOSED(cairn_sqrt(cairn_var(x, axes, correction, keep)));
}

/* log sum exp(x) = m + log sum exp(x - m), m the maximum where that is finite. */
cairn_tensor *cairn_logsumexp(cairn_tensor *x, cairn_axes axes, bool keep)
{
    AUTOCAST_WIDE(x, cairn_logsumexp(cairn_to(x, CAIRN_F32), axes, keep));
    uint32_t mask;
    if (!floating_axes("logsumexp", x, &axes, &mask))
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_tensor *top = reduce_mask(OP_amax, x, mask, true);
    top = cairn_where(cairn_isinf(top), cairn_number(0), top);
    cairn_no_grad_end();
    cairn_tensor *sum = reduce_mask(OP_sum, cairn_exp(cairn_sub(x, top)), mask, true);
    cairn_tensor *y = cairn_add(cairn_log(sum), top);
    return cairn_scope_pop(m, keep || !mask ? y : drop_axes(y, mask));
}

cairn_tensor *cairn_norm(cairn_tensor *x, double p, cairn_axes axes, bool keep)
{
    AUTOCAST_WIDE(x, cairn_norm(cairn_to(x, CAIRN_F32), p, axes, keep));
    uint32_t mask;
    if (!floating_axes("norm", x, &axes, &mask))
        return NULL;
    if (p == 2)
        COMPOSED(cairn_sqrt(reduce_mask(OP_sum, cairn_square(x), mask, keep)));
    if (p == 1)
        COMPOSED(reduce_mask(OP_sum, cairn_abs(x), mask, keep));
    if (p == INFINITY)
        COMPOSED(reduce_mask(OP_amax, cairn_abs(x), mask, keep));
    if (p == -INFINITY)
        COMPOSED(reduce_mask(OP_amin, cairn_abs(x), mask, keep));
    if (p == 0)
        COMPOSED(reduce_mask(OP_sum, cairn_to(cairn_ne(x, cairn_number(0)), x->v->type), mask, keep));
    COMPOSED(cairn_pow(reduce_mask(OP_sum, cairn_pow(cairn_abs(x), cairn_number(p)), mask, keep), cairn_number(1 / p)));
}

/* ---- Gradients. dy has the reduced axes with size 1: it may stay so, and broadcasts where it is used. */

void gradient_sum(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    (void)v;
    dx[0] = dy;
}

/* The elements that equal the extreme share the gradient evenly. */
void gradient_extreme(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_axes *a = v->attr;
    cairn_tensor *hit = cairn_to(cairn_eq(input(v, 0), output(v)), (cairn_dtype)v->type);
    dx[0] = cairn_mul(hit, cairn_div(dy, reduce_mask(OP_sum, hit, a->mask, true)));
}

/* d prod / d x[i] is the product of all others: product / x where nothing is 0; with one 0, the product of the rest goes
 * to it alone; with more, nothing does. */
void gradient_prod(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_axes *a = v->attr;
    cairn_tensor *x = input(v, 0), *zero = cairn_eq(x, cairn_number(0));
    cairn_tensor *zeros = reduce_mask(OP_sum, cairn_to(zero, v->type), a->mask, true);
    cairn_tensor *filled = cairn_where(zero, cairn_number(1), x);
    cairn_tensor *rest = reduce_mask(OP_prod, filled, a->mask, true);
    cairn_tensor *others = cairn_sub(zeros, cairn_to(zero, v->type));       /* zeros among the others */
    cairn_tensor *product = cairn_where(cairn_eq(others, cairn_number(0)), cairn_div(rest, filled), cairn_number(0));
    dx[0] = cairn_mul(dy, product);
}
