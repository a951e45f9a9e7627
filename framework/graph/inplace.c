/* In-place operations: the handle gets a new value. */
#include "framework/graph/graph.h"
#include <cairn/ops.h>

/* Whether x may be given a new value now: not a leaf whose history is being recorded. */
static bool may_change(const char *op, cairn_tensor *x)
{
    value *v = handle_value(x);
    if (!v)
        return false;
    if (!thread()->no_grad && v->leaf == x) {
        error_set(CAIRN_E_STATE, "%s: a leaf that wants a gradient is changed in place; do it between cairn_no_grad_begin and _end", op);
        return false;
    }
    return true;
}

/* x becomes y, broadcast to x's shape and converted to its type. */
static cairn_tensor *become(const char *op, cairn_tensor *x, cairn_tensor *y)
{
    cairn_mark m = cairn_scope_push();
    value *from = handle_value(y), *own = handle_value(x);
    if (!from || !own)
        return cairn_scope_pop(m, NULL);
    shape both;
    if (!shape_broadcast(&own->shape, &from->shape, &both) || !shape_equal(&both, &own->shape)) {
        error_set(CAIRN_E_SHAPE, "%s: %s does not fit into %s", op, SHAPE(&from->shape), SHAPE(&own->shape));
        return cairn_scope_pop(m, NULL);
    }
    bool was_leaf = own->leaf == x;
    if (thread()->no_grad && from->flags & V_REQUIRES_GRAD)
        y = cairn_detach(y);                     /* x must not become another leaf's twin */
    value *v = value_ref(handle_value(cairn_expand(cairn_to(y, (cairn_dtype)own->type), own->shape)));
    bool done = handle_assign(x, v);
    cairn_scope_pop(m, NULL);
    /* A parameter moved by hand: were it not computed along with the loss that is looked at, each look would start from the
     * first value again. */
    if (done && was_leaf)
        done = cairn_requires_grad_(x, true) && evaluate_with_next(handle_value(x));
    return done ? x : NULL;
}

cairn_tensor *cairn_copy_(cairn_tensor *x, cairn_tensor *from)
{
    return from && may_change("copy_", x) ? become("copy_", x, from) : NULL;
}

#define IN_PLACE(name, expression)                                         \
    {                                                                      \
        if (!may_change(name, x))                                          \
            return NULL;                                                   \
        cairn_mark m = cairn_scope_push();                                 \
        cairn_tensor *result = become(name, x, (expression));              \
        cairn_scope_pop(m, NULL);                                          \
        return result;                                                     \
    }

cairn_tensor *cairn_add_(cairn_tensor *x, cairn_tensor *y) IN_PLACE("add_", cairn_add(x, y))
cairn_tensor *cairn_sub_(cairn_tensor *x, cairn_tensor *y) IN_PLACE("sub_", cairn_sub(x, y))
cairn_tensor *cairn_mul_(cairn_tensor *x, cairn_tensor *y) IN_PLACE("mul_", cairn_mul(x, y))
cairn_tensor *cairn_div_(cairn_tensor *x, cairn_tensor *y) IN_PLACE("div_", cairn_div(x, y))
cairn_tensor *cairn_fill_(cairn_tensor *x, double number) IN_PLACE("fill_", cairn_full_like(x, number))
cairn_tensor *cairn_zero_(cairn_tensor *x) IN_PLACE("zero_", cairn_full_like(x, 0))
cairn_tensor *cairn_clamp_(cairn_tensor *x, double low, double high)
    IN_PLACE("clamp_", cairn_minimum(cairn_maximum(x, cairn_number(low)), cairn_number(high)))
cairn_tensor *cairn_normal_(cairn_tensor *x, double mean, double deviation)
    IN_PLACE("normal_", cairn_add(cairn_mul(cairn_randn(cairn_shape_of(x), CAIRN_F32), cairn_number(deviation)), cairn_number(mean)))
cairn_tensor *cairn_uniform_(cairn_tensor *x, double low, double high)
    IN_PLACE("uniform_", cairn_add(cairn_mul(cairn_rand(cairn_shape_of(x), CAIRN_F32), cairn_number(high - low)), cairn_number(low)))
