/* Operations of a user's own: see cairn_custom in <cairn/tensor.h>. */
#include "framework/ops/rules.h"
#include <string.h>

/* What the user gave; shared by the values made of one call, which are one and its stand-ins. */
typedef struct custom {
    _Atomic int refs;
    cairn_custom_op op;
} custom;

typedef struct attr_custom {
    custom *custom;
    shape shape;
    int64_t type;
} attr_custom;

static const custom *custom_of(const value *v) { return ((const attr_custom *)v->attr)->custom; }

static void custom_drop(custom *c)
{
    if (atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    if (c->op.release)
        c->op.release(c->op.context);
    mem_free(c);
}

/* The value is complete now, and holds its part of what the user gave until release_custom. */
cairn_status infer_custom(const value *v, spec *out)
{
    const attr_custom *a = v->attr;
    atomic_fetch_add(&a->custom->refs, 1);
    *out = (spec){a->shape, (cairn_dtype)a->type, false};
    return CAIRN_OK;
}

void release_custom(value *v) { custom_drop(((attr_custom *)v->attr)->custom); }

cairn_status run_custom(const op_run *r)
{
    const cairn_custom_op *op = &custom_of(r->v)->op;
    int count = r->v->n_in;
    const void **data = mem_array((size_t)count + 1, sizeof *data);
    shape *shapes = mem_array((size_t)count + 1, sizeof *shapes);
    cairn_status s = data && shapes ? CAIRN_OK : CAIRN_E_MEMORY;
    for (int i = 0; i < count && !s; i++) {
        data[i] = r->in[i].data;
        shapes[i] = r->in[i].shape;
    }
    if (!s && (s = op->forward(op->context, count, data, shapes, r->out.data)))
        error_set(s, "%s: its forward function failed", op->name ? op->name : "custom");
    mem_free(data);
    mem_free(shapes);
    return s;
}

void gradient_custom(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const cairn_custom_op *op = &custom_of(v)->op;
    if (!op->gradient) {
        error_set(CAIRN_E_UNSUPPORTED, "backward: %s is not differentiable", op->name ? op->name : "custom");
        return;
    }
    cairn_tensor **in = mem_array((size_t)v->n_in + 1, sizeof *in);
    for (int i = 0; in && i < v->n_in; i++)
        in[i] = input(v, i);
    if (in)
        op->gradient(op->context, v->n_in, in, output(v), dy, dx);
    mem_free(in);
}

cairn_tensor *cairn_custom(const cairn_custom_op *op, int count, cairn_tensor *const *inputs, cairn_shape to, cairn_dtype type)
{
    if (!op || !op->forward || count < 0 || count > UINT16_MAX) {
        error_set(CAIRN_E_ARGUMENT, "custom: needs a forward function, and 0 to %d inputs", UINT16_MAX);
        return NULL;
    }
    if (!shape_check(op->name ? op->name : "custom", &to, type))
        return NULL;
    custom *c = mem_new(sizeof *c);
    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    c->op = *op;
    attr_custom a;
    memset(&a, 0, sizeof a);
    a.custom = c;
    a.type = type;
    a.shape.rank = to.rank;
    memcpy(a.shape.size, to.size, sizeof to.size[0] * (size_t)to.rank);
    cairn_tensor *y = op_build(OP_custom, count, inputs, &a, sizeof a);
    custom_drop(c);
    return y;
}
