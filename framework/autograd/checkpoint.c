/* Activation checkpointing: what a body computes on the way is computed again for its gradient instead of kept.
 *
 * Forward, the body's result is cut from its history and stands in a value whose inputs are x and the leaves
 * (parameters) that the body used. Backward, the body is built again on x, and the gradients of that second result are
 * taken. The second x waits for dy, so that nothing is computed again before it is needed. The body may use leaves and
 * what wants no gradient, but no other tensor with a history than x. */
#include "framework/graph/walk.h"
#include "framework/ops/rules.h"
#include "base/random.h"
#include <cairn/ops.h>
#include <string.h>

typedef struct attr_checkpoint {
    cairn_function body;
    void *context;
    random_state random;
    int64_t autocast;
} attr_checkpoint;

/* (the body's result, x, leaves ...) -> the same result;  (x, what to wait for) -> the same x */
cairn_status infer_first(const value *v, spec *out)
{
    *out = (spec){v->in[0]->shape, (cairn_dtype)v->in[0]->type, v->in[0]->flags & V_CHANNELS_LAST};
    return CAIRN_OK;
}

cairn_status run_first(const op_run *r) { return copy_view(&r->in[0], &r->out); }

static bool wants(const value *v) { return v->flags & V_REQUIRES_GRAD; }

/* A leaf of its own with x's value. Of the two looks only the outer one wants a gradient: a walk ends between them. */
static cairn_tensor *own_leaf(cairn_tensor *x, bool wanted)
{
    x = cairn_detach(cairn_detach(x));
    return wanted ? cairn_requires_grad_(x, true) : x;
}

/* The leaves that y depends on, but `x`, become in[2 ...]; in[0] and in[1] are the caller's. The number of all; -1 with the
 * error set. */
static int with_leaves(value *y, const value *x, cairn_tensor ***in)
{
    walk w = {0};
    int count = 2;
    if (walk_values(&w, 1, &y, wants) && (*in = mem_array((size_t)w.count + 2, sizeof **in)))
        for (int64_t i = 0; i < w.count; i++) {
            if (w.at[i]->leaf && w.at[i] != x && count < UINT16_MAX)
                (*in)[count++] = handle_new(value_ref(w.at[i]));
        }
    else
        count = -1;
    walk_end(&w);
    return count;
}

cairn_tensor *cairn_checkpoint(cairn_function body, void *context, cairn_tensor *x)
{
    if (!body || !handle_value(x))
        return NULL;
    if (!cairn_grad_enabled())
        return body(context, x);
    attr_checkpoint a;
    memset(&a, 0, sizeof a);
    a = (attr_checkpoint){body, context, random_get(), thread()->autocast};
    cairn_mark m = cairn_scope_push();
    cairn_tensor *leaf = own_leaf(x, cairn_requires_grad(x)), *y = leaf ? body(context, leaf) : NULL, **in = NULL;
    value *v = handle_value(y);
    if (!v || !wants(v))
        return cairn_scope_pop(m, y);
    int count = with_leaves(v, handle_value(leaf), &in);
    if (count > 0) {
        in[0] = cairn_detach(y);
        in[1] = x;
        y = op_build(OP_checkpoint, count, in, &a, sizeof a);
    }
    mem_free(in);
    return cairn_scope_pop(m, count > 0 ? y : NULL);
}

/* The marks of an outer walk on the leaves, which the inner walk overwrites. */
typedef struct marks {
    int32_t index;
    uint64_t mark;
} marks;

static bool gradients_again(const value *v, cairn_tensor *dy, cairn_tensor **dx, cairn_tensor **in, marks *kept)
{
    const attr_checkpoint *a = v->attr;
    in[1] = own_leaf(op_build2(OP_wait, input(v, 1), dy, NULL, 0), wants_gradient(v, 1));
    random_state now = random_get();
    const int autocast = thread()->autocast;
    random_set(a->random);
    thread()->autocast = (int)a->autocast;
    cairn_tensor *y = in[1] ? a->body(a->context, in[1]) : NULL;
    thread()->autocast = autocast;
    random_set(now);
    for (int i = 2; i < v->n_in; i++) {
        in[i] = input(v, i);
        kept[i] = (marks){v->in[i]->index, v->in[i]->mark};
    }
    bool done = y && cairn_grad(y, dy, v->n_in - 1, in + 1, dx + 1) == CAIRN_OK;
    for (int i = 2; i < v->n_in; i++) {
        v->in[i]->index = kept[i].index;
        v->in[i]->mark = kept[i].mark;
    }
    return done;
}

void gradient_checkpoint(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    cairn_tensor **in = mem_array(v->n_in, sizeof *in);
    marks *kept = mem_array(v->n_in, sizeof *kept);
    thread_state *t = thread();
    int outer = t->no_grad;
    t->no_grad = 0;
    bool done = in && kept && gradients_again(v, dy, dx, in, kept);
    t->no_grad = outer;
    for (int i = 1; i < v->n_in && done && dx[i]; i++)       /* so that a second derivative is an error, not wrong */
        dx[i] = outer ? cairn_detach(dx[i]) : op_build2(OP_wait, dx[i], input(v, i), NULL, 0);
    mem_free(in);
    mem_free(kept);
}

void gradient_wait(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    (void)v, (void)dy, (void)dx;
    error_set(CAIRN_E_UNSUPPORTED, "backward: a second derivative through cairn_checkpoint or a CTC loss, or a third one through a recurrence");
}
