/* Building values: check, infer, build, wrap. */
#include "framework/graph/graph.h"
#include "framework/graph/pools.h"
#include <string.h>

static void take_where(value *v)
{
    v->file = cairn_here.file;
    v->line = cairn_here.line;
}

static bool wants_history(const value *v, const spec *s)
{
    if (thread()->no_grad || (ops[v->op].flags & NO_INPUT_GRADIENT) || !type_is_float(s->type))
        return false;
    for (int i = 0; i < v->n_in; i++)
        if (v->in[i]->flags & V_REQUIRES_GRAD)
            return true;
    return false;
}

value *value_build(op_id op, int count, value *const *in, const void *attr, size_t attr_bytes)
{
    value *v = value_new(op, count, attr_bytes);
    if (!v)
        return NULL;
    for (int i = 0; i < count; i++)
        v->in[i] = value_ref(in[i]);
    if (attr_bytes)
        memcpy(v->attr, attr, attr_bytes);
    spec s = {0};
    if (ops[op].infer(v, &s)) {
        value_unref(v);
        return NULL;
    }
    v->shape = s.shape;
    v->type = (uint8_t)s.type;
    v->flags = (s.channels_last ? V_CHANNELS_LAST : 0) | (wants_history(v, &s) ? V_REQUIRES_GRAD : 0);
    take_where(v);
    return v;
}

value *value_constant(const shape *s, cairn_dtype type, program_value number)
{
    value *v = value_new(OP_constant, 0, 0);
    if (!v)
        return NULL;
    v->shape = *s;
    v->type = (uint8_t)type;
    v->param = number;
    take_where(v);
    return v;
}

value *value_leaf(const shape *s, cairn_dtype type, buffer *b)
{
    value *v = value_new(OP_leaf, 0, 0);
    if (!v)
        return NULL;
    int64_t stride[CAIRN_MAX_RANK];
    v->shape = *s;
    v->type = (uint8_t)type;
    dense_strides(s, false, stride);
    value_set_data(v, b, 0, stride);
    return v;
}

/* A bound on the graph: past it, what was just built is computed, and with it all it depends on. */
static bool bounded(value *v)
{
    const exec_modes *mode = exec_mode();
    thread_state *t = thread();
    if (!mode->eager && ++t->pending <= mode->pending_limit)
        return true;
    t->pending = 0;
    return t->evaluating || evaluate(1, &v) == CAIRN_OK;
}

static cairn_tensor *wrap(value *v)
{
    if (v && !bounded(v)) {
        value_unref(v);
        return NULL;
    }
    return handle_new(v);
}

enum { FEW = 16 };

static value *build_from_handles(op_id op, int count, cairn_tensor *const *in, const void *attr, size_t attr_bytes)
{
    value *few[FEW] = {0}, **values = count <= FEW ? few : mem_array((size_t)count, sizeof *values), *v = NULL;
    if (!values)
        return NULL;
    bool whole = true;
    for (int i = 0; i < count; i++)
        whole &= (values[i] = handle_value(in[i])) != NULL;
    if (whole)
        v = value_build(op, count, values, attr, attr_bytes);
    if (values != few)
        mem_free(values);
    return v;
}

cairn_tensor *op_build(op_id op, int count, cairn_tensor *const *in, const void *attr, size_t attr_bytes)
{
    return wrap(build_from_handles(op, count, in, attr, attr_bytes));
}

cairn_tensor *op_build1(op_id op, cairn_tensor *x, const void *attr, size_t attr_bytes)
{
    return op_build(op, 1, &x, attr, attr_bytes);
}

cairn_tensor *op_build2(op_id op, cairn_tensor *x, cairn_tensor *y, const void *attr, size_t attr_bytes)
{
    return op_build(op, 2, (cairn_tensor *[]){x, y}, attr, attr_bytes);
}

cairn_tensor *op_build_view(op_id op, cairn_tensor *x, const void *attr, size_t attr_bytes)
{
    cairn_tensor *y = op_build(op, 1, &x, attr, attr_bytes);
    if (!y)
        return NULL;
    y->base = cairn_keep(x);
    y->base_version = x->version;
    y->recipe = value_ref(y->v);
    return y;
}

/* ---- What gradient rules use */

cairn_tensor *input(const value *v, int i) { return handle_new(value_ref(v->in[i])); }
cairn_tensor *output(const value *v) { return handle_new(value_ref((value *)v)); }
bool wants_gradient(const value *v, int i) { return v->in[i]->flags & V_REQUIRES_GRAD; }
