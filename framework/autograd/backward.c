/* Backward: the gradient of a result, as more graph.
 *
 * A walk collects the values that the result depends on and that want a gradient, in topological order; then, from
 * the result back, each one's rule turns its gradient into its inputs' gradients. Everything is built from
 * public operations, so a gradient can be differentiated again. */
#include "framework/graph/graph.h"
#include "framework/graph/walk.h"
#include "framework/ops/rules.h"
#include <cairn/ops.h>

/* dy summed over what broadcasting added, so that it has the shape `s`. */
cairn_tensor *sum_to(cairn_tensor *dy, const shape *s)
{
    value *v = handle_value(dy);
    if (!v || shape_equal(&v->shape, s))
        return dy;
    int extra = v->shape.rank - s->rank;
    cairn_axes all = {0}, front = {0};
    for (int i = 0; i < v->shape.rank; i++)
        if (i < extra || (s->size[i - extra] == 1 && v->shape.size[i] != 1))
            all.axis[all.count++] = i;
    for (int i = 0; i < extra; i++)
        front.axis[front.count++] = i;
    cairn_mark m = cairn_scope_push();
    if (all.count)
        dy = cairn_sum(dy, all, true);
    if (extra)
        dy = cairn_reshape(dy, *s);
    return cairn_scope_pop(m, dy);
}

typedef struct backward {
    walk order;                      /* values that want a gradient, inputs first */
    cairn_tensor **gradient;         /* of each; in the walk's scope */
    bool to_leaves;                  /* add to the leaves' own gradients */
} backward;

static bool wants(const value *v) { return v->flags & V_REQUIRES_GRAD; }

/* A gradient may stay smaller than its value (same rank, sizes of 1 that broadcast), as a sum's is, until a rule
 * needs all of it: so a gradient of a mean costs no memory, and fuses. */
static cairn_tensor *whole_gradient(const value *v, cairn_tensor *dy)
{
    cairn_tensor *number = number_in_shape(dy, &v->shape);
    return number ? number : cairn_expand(dy, v->shape);
}

static bool any_input_broadcasts(const value *v)
{
    for (int i = 0; i < v->n_in; i++)
        if (!shape_equal(&v->in[i]->shape, &v->shape))
            return true;
    return false;
}

static bool needs_whole(const value *v)
{
    op_kind kind = ops[v->op].kind;
    return kind == POINTWISE ? any_input_broadcasts(v) : kind != REDUCTION;
}

static cairn_tensor *fitted(const value *in, cairn_tensor *dx)
{
    value *d = handle_value(dx);
    shape both;
    bool smaller = d && d->shape.rank == in->shape.rank && shape_broadcast(&d->shape, &in->shape, &both) && shape_equal(&both, &in->shape);
    return smaller ? dx : sum_to(dx, &in->shape);
}

static bool accumulate(backward *b, const value *in, cairn_tensor *dx)
{
    if (!walk_has(&b->order, in)) {
        error_set(CAIRN_E_STATE, "backward: %s was walked by another backward meanwhile (a hook or gradient function took the gradient "
                  "of the same graph)", ops[in->op].name);
        return false;
    }
    dx = fitted(in, cairn_to(dx, (cairn_dtype)in->type));
    cairn_tensor **g = &b->gradient[in->index];
    *g = *g ? cairn_add(*g, dx) : dx;
    return *g != NULL;
}

static bool apply_rule(backward *b, value *v, cairn_tensor *dy)
{
    enum { FEW = 16 };
    cairn_tensor *few[FEW] = {0}, **dx = v->n_in <= FEW ? few : mem_array(v->n_in, sizeof *dx);
    if (!dx)
        return false;
    if (v->flags & V_HISTORY_CUT)
        error_set(CAIRN_E_STATE, "backward: a second time through %s, whose history was released when it was computed; "
                  "take both gradients before looking at them", ops[v->op].name);
    else if (ops[v->op].gradient)
        ops[v->op].gradient(v, needs_whole(v) ? whole_gradient(v, dy) : dy, dx);
    for (int i = 0; i < v->n_in && !cairn_error(); i++)
        if (dx[i] && wants(v->in[i]))
            accumulate(b, v->in[i], dx[i]);
    if (dx != few)
        mem_free(dx);
    if (!ops[v->op].gradient && !cairn_error())
        error_set(CAIRN_E_UNSUPPORTED, "backward: %s is not differentiable", ops[v->op].name);
    return cairn_error() == CAIRN_OK;
}

static bool add_to_leaf(cairn_tensor *leaf, cairn_tensor *g)
{
    if (!g)
        return false;
    cairn_tensor *sum = leaf->grad ? cairn_add(leaf->grad, g) : g;
    if (!sum)
        return false;
    cairn_keep(sum);
    cairn_drop(leaf->grad);
    leaf->grad = sum;
    return true;
}

/* The gradient of v is whole: its hook may change it. */
static cairn_tensor *hooked(const value *v, cairn_tensor *g)
{
    if (!v->hook || !g)
        return g;
    cairn_tensor *other = v->hook(v->hook_context, g);
    return other ? other : g;
}

static bool propagate(backward *b)
{
    for (int64_t i = b->order.count - 1; i >= 0; i--) {
        value *v = b->order.at[i];
        cairn_tensor *g = b->gradient[i] = hooked(v, b->gradient[i]);
        if (!g)
            continue;
        if (b->to_leaves)
            v->flags |= V_BACKWARD_DONE;
        if (v->leaf) {
            if (b->to_leaves && !add_to_leaf(v->leaf, whole_gradient(v, g)))
                return false;
        } else if (!apply_rule(b, v, g)) {
            return false;
        }
    }
    return cairn_error() == CAIRN_OK;
}

/* The first gradient: the one given, or 1. */
static cairn_tensor *seed_gradient(const char *op, value *y, cairn_tensor *given)
{
    if (given) {
        value *g = handle_value(given);
        if (g && !shape_equal(&g->shape, &y->shape)) {
            error_set(CAIRN_E_SHAPE, "%s: the gradient is %s, the result %s", op, SHAPE(&g->shape), SHAPE(&y->shape));
            return NULL;
        }
        return cairn_to(given, (cairn_dtype)y->type);
    }
    return cairn_full(y->shape, 1, (cairn_dtype)y->type);
}

static cairn_status failed(const char *op)
{
    return cairn_error() ? cairn_error() : error_set(CAIRN_E_MEMORY, "%s: out of memory", op);
}

/* Fills b->gradient for all that y depends on. The caller ends the walk and pops the scope. */
static bool run_backward(const char *op, backward *b, value *y, cairn_tensor *seed)
{
    if (!walk_values(&b->order, 1, &y, wants))
        return false;
    b->gradient = mem_array((size_t)b->order.count, sizeof *b->gradient);
    if (!b->gradient || !(seed = seed_gradient(op, y, seed)))
        return false;
    b->gradient[y->index] = seed;
    const int autocast = thread()->autocast;      /* the types are those of the forward pass */
    thread()->autocast = 0;
    const bool whole = propagate(b);
    thread()->autocast = autocast;
    return whole;
}

/* Looking at the loss also computes the gradients, and the other way round: forward runs once. */
static bool remember(const backward *b, value *y)
{
    bool whole = evaluate_with_next(y);
    for (int64_t i = 0; i < b->order.count && whole; i++) {
        cairn_tensor *leaf = b->order.at[i]->leaf;
        if (leaf && leaf->grad)
            whole = evaluate_with_next(leaf->grad->v);
    }
    return whole;
}

static cairn_status backward_from(cairn_tensor *loss, cairn_tensor *gradient, bool single)
{
    value *y = handle_value(loss);
    if (!y)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "backward: the result is NULL");
    if (single && shape_numel(&y->shape) != 1)
        return error_set(CAIRN_E_SHAPE, "backward: the result is %s, not one element; give its gradient to cairn_backward_with", SHAPE(&y->shape));
    if (!wants(y))
        return error_set(CAIRN_E_STATE, "backward: the result depends on no tensor that wants a gradient");
    if (cairn_error())
        return cairn_error();
    cairn_mark m = cairn_scope_push();
    cairn_no_grad_begin();                       /* gradients that can be differentiated again come from cairn_grad */
    backward b = {.to_leaves = true};
    bool whole = run_backward("backward", &b, y, gradient);
    cairn_no_grad_end();
    mem_free(b.gradient);
    whole = whole && remember(&b, y);
    walk_end(&b.order);
    cairn_scope_pop(m, NULL);
    return whole ? CAIRN_OK : failed("backward");
}

cairn_status cairn_backward(cairn_tensor *loss) { return backward_from(loss, NULL, true); }

cairn_status cairn_backward_with(cairn_tensor *y, cairn_tensor *gradient)
{
    return gradient ? backward_from(y, gradient, false) : error_set(CAIRN_E_ARGUMENT, "backward_with: the gradient is NULL");
}

/* The values x[i] are made to want a gradient for the length of the walk: a target in mid-graph is reached as it is, since what
 * depends on it already does. */
cairn_status cairn_grad(cairn_tensor *y, cairn_tensor *weight, int count, cairn_tensor *const *x, cairn_tensor **gradients)
{
    value *v = handle_value(y);
    if (!v || count < 0 || (count && (!x || !gradients)))
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "grad: NULL result or inputs");
    for (int i = 0; i < count; i++)
        if (!handle_value(x[i]))
            return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "grad: input %d is NULL", i);
    cairn_mark m = cairn_scope_push();
    backward b = {0};
    bool whole = !wants(v) || run_backward("grad", &b, v, weight);
    for (int i = 0; whole && i < count; i++) {
        value *in = handle_value(x[i]);
        cairn_tensor *g = b.gradient && walk_has(&b.order, in) ? b.gradient[in->index] : NULL;
        gradients[i] = g ? whole_gradient(in, g) : cairn_zeros_like(x[i]);
        whole = gradients[i] != NULL;
    }
    mem_free(b.gradient);
    walk_end(&b.order);
    if (!whole) {
        cairn_scope_pop(m, NULL);
        return failed("grad");
    }
    cairn_scope_pop_list(m, count, gradients);
    return CAIRN_OK;
}

/* ---- Leaves */

cairn_tensor *cairn_requires_grad_(cairn_tensor *x, bool wanted)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (wanted && !type_is_float(v->type)) {
        error_set(CAIRN_E_TYPE, "requires_grad_: needs a floating type, got %s", cairn_dtype_name(v->type));
        return NULL;
    }
    if (v->leaf == x) {
        if (!wanted) {
            v->leaf = NULL;
            v->flags &= (uint8_t)~V_REQUIRES_GRAD;
        }
        return x;
    }
    if (v->flags & V_REQUIRES_GRAD) {
        if (wanted)
            return x;
        error_set(CAIRN_E_STATE, "requires_grad_: the result of an operation; take cairn_detach of it");
        return NULL;
    }
    if (!wanted)
        return x;
    if (atomic_load(&v->handles) > 1 || v->op == OP_constant) {      /* a value of its own: others share this one */
        value *own = value_build(OP_detach, 1, &v, NULL, 0);
        if (!own || !handle_assign(x, own))
            return NULL;
        v = x->v;
    }
    v->flags = (uint8_t)((v->flags | V_REQUIRES_GRAD) & ~V_BACKWARD_DONE);
    v->leaf = x;
    return x;
}

bool cairn_requires_grad(const cairn_tensor *x) { return x && x->v && x->v->flags & V_REQUIRES_GRAD; }
cairn_tensor *cairn_grad_of(cairn_tensor *x) { return x ? x->grad : NULL; }

void cairn_clear_grad(cairn_tensor *x)
{
    if (!x)
        return;
    cairn_drop(x->grad);
    x->grad = NULL;
}

cairn_status cairn_set_gradient_hook(cairn_tensor *x, cairn_gradient_hook hook, void *context)
{
    value *v = handle_value(x);
    if (!v)
        return error_set(CAIRN_E_ARGUMENT, "set_gradient_hook: the tensor is NULL");
    if (!wants(v))
        return error_set(CAIRN_E_STATE, "set_gradient_hook: the tensor wants no gradient");
    v->hook = hook;
    v->hook_context = context;
    return CAIRN_OK;
}
