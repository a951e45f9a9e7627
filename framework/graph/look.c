/* Looking at tensors: shapes at once, elements after an evaluation. */
#include "framework/graph/graph.h"
#include "framework/ops/rules.h"
#include <cairn/ops.h>
#include <math.h>
#include <string.h>

cairn_shape cairn_shape_of(const cairn_tensor *x)
{
    return x && x->v ? x->v->shape : (cairn_shape){.rank = -1};
}
int cairn_rank(const cairn_tensor *x) { return x && x->v ? x->v->shape.rank : -1; }
int64_t cairn_numel(const cairn_tensor *x) { return x && x->v ? shape_numel(&x->v->shape) : -1; }
cairn_dtype cairn_dtype_of(const cairn_tensor *x) { return x && x->v ? (cairn_dtype)x->v->type : CAIRN_DTYPE_COUNT; }

int64_t cairn_size(const cairn_tensor *x, int axis)
{
    int rank = cairn_rank(x);
    if (axis < 0)
        axis += rank;
    return rank < 0 || axis < 0 || axis >= rank ? -1 : x->v->shape.size[axis];
}

cairn_status cairn_eval_list(int count, cairn_tensor *const *x)
{
    value *few[32] = {0}, **targets = count <= 32 ? few : mem_array((size_t)count, sizeof *targets);
    if (!targets)
        return CAIRN_E_MEMORY;
    cairn_status s = CAIRN_OK;
    for (int i = 0; i < count && !s; i++)
        if (!(targets[i] = handle_value(x[i])))
            s = cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "eval: tensor %d of %d is NULL", i, count);
    if (!s)
        s = evaluate(count, targets);
    if (targets != few)
        mem_free(targets);
    return s;
}

cairn_status cairn_eval(cairn_tensor *x)
{
    return cairn_eval_list(1, &x);
}

static view view_of(const value *v)
{
    view w = {.data = (char *)v->data->data + v->offset * cairn_dtype_bytes(v->type), .type = v->type, .shape = v->shape};
    memcpy(w.stride, v->stride, sizeof w.stride);
    return w;
}

/* A row-major leaf with v's elements. */
static value *dense_copy(const value *v)
{
    buffer *b = buffer_new(value_bytes(v));
    if (!b)
        return NULL;
    value *copy = value_leaf(&v->shape, (cairn_dtype)v->type, b);
    buffer_unref(b);
    if (!copy)
        return NULL;
    view from = view_of(v), to = view_of(copy);
    if (copy_view(&from, &to) == CAIRN_OK)
        return copy;
    value_unref(copy);
    return NULL;
}

const void *cairn_data(cairn_tensor *x)
{
    value *v = handle_value(x);
    if (!v || evaluate(1, &v))
        return NULL;
    if (value_is_dense(v, false) || shape_numel(&v->shape) <= 1)
        return view_of(v).data;
    if (!x->host && !(x->host = dense_copy(v)))
        return NULL;
    return x->host->data->data;
}

static const void *typed(cairn_tensor *x, cairn_dtype type)
{
    if (x && cairn_dtype_of(x) != type) {
        error_set(CAIRN_E_TYPE, "data: the tensor is %s, not %s", cairn_dtype_name(cairn_dtype_of(x)), cairn_dtype_name(type));
        return NULL;
    }
    return cairn_data(x);
}
const float *cairn_data_f32(cairn_tensor *x) { return typed(x, CAIRN_F32); }
const int64_t *cairn_data_i64(cairn_tensor *x) { return typed(x, CAIRN_I64); }

cairn_status cairn_copy_out(cairn_tensor *x, void *out, cairn_dtype type)
{
    value *v = handle_value(x);
    if (!v)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "copy_out: the tensor is NULL");
    if (!shape_check("copy_out", &v->shape, type))
        return cairn_error();
    cairn_status s = evaluate(1, &v);
    if (s)
        return s;
    view from = view_of(v), to = {.data = out, .type = type, .shape = v->shape};
    dense_strides(&v->shape, false, to.stride);
    return copy_view(&from, &to);
}

/* The only element, as f64 or i64. */
static bool single(cairn_tensor *x, void *out, cairn_dtype as)
{
    value *v = handle_value(x);
    if (!v)
        return false;
    if (shape_numel(&v->shape) != 1) {
        error_set(CAIRN_E_SHAPE, "item: %s has not exactly one element", SHAPE(&v->shape));
        return false;
    }
    if (evaluate(1, &v))
        return false;
    const char *p = view_of(v).data;
    if (v->type == CAIRN_F32 && as == CAIRN_F64) {       /* what a training loop asks for: without a program */
        float f;
        memcpy(&f, p, sizeof f);
        *(double *)out = (double)f;
        return true;
    }
    view from = view_of(v), to = {.data = out, .type = as, .shape = v->shape};
    return copy_view(&from, &to) == CAIRN_OK;
}

double cairn_item(cairn_tensor *x)
{
    double item;
    return single(x, &item, CAIRN_F64) ? item : NAN;
}

int64_t cairn_item_i64(cairn_tensor *x)
{
    int64_t item;
    return single(x, &item, CAIRN_I64) ? item : 0;
}
