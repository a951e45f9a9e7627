/* Going over the lanes of a tensor on the pool: see lanes.h. */
#include "framework/ops/lanes.h"
#include "base/pool.h"
#include <cairn/ops.h>

typedef struct lanes_call {
    shape over;                            /* without the axis: size 1 there */
    int64_t lanes, per_task;
    int views;
    int64_t stride[LANES_VIEWS][CAIRN_MAX_RANK];
    lanes_fn fn;
    void *context;
} lanes_call;

/* The offsets of `count` lanes from lane `first` on, counting as an odometer does. */
static void offsets(const lanes_call *c, int64_t first, int64_t count, int64_t (*out)[LANES_MAX])
{
    int64_t index[CAIRN_MAX_RANK] = {0}, at[LANES_VIEWS] = {0};
    int rank = c->over.rank;
    for (int i = rank - 1; i >= 0; i--) {
        index[i] = first % c->over.size[i];
        first /= c->over.size[i];
        for (int k = 0; k < c->views; k++)
            at[k] += index[i] * c->stride[k][i];
    }
    for (int64_t n = 0; n < count; n++) {
        for (int k = 0; k < c->views; k++)
            out[k][n] = at[k];
        for (int i = rank - 1; i >= 0; i--) {
            bool wraps = ++index[i] == c->over.size[i];
            int64_t step = wraps ? 1 - c->over.size[i] : 1;
            for (int k = 0; k < c->views; k++)
                at[k] += step * c->stride[k][i];
            if (!wraps)
                break;
            index[i] = 0;
        }
    }
}

static void lanes_task(void *context, int64_t task, int worker)
{
    const lanes_call *c = context;
    int64_t out[LANES_VIEWS][LANES_MAX], first = task * c->per_task;
    int64_t count = c->lanes - first < c->per_task ? c->lanes - first : c->per_task;
    (void)worker;
    offsets(c, first, count, out);
    c->fn(c->context, count, out);
}

void lanes_run(const shape *over, int axis, int count, const view *const *views, lanes_fn fn, void *context)
{
    lanes_call c = {.over = *over, .views = count, .fn = fn, .context = context};
    int64_t length = over->rank ? over->size[axis] : 1;
    if (over->rank)
        c.over.size[axis] = 1;
    c.lanes = shape_numel(&c.over);
    for (int k = 0; k < count; k++)
        for (int i = 0; i < over->rank; i++)
            c.stride[k][i] = views[k]->stride[i];
    int64_t lanes = LANES_GRAIN / (length > 0 ? length : 1);
    int64_t least = over->rank && axis + 1 < over->rank ? LANES_LINE : 1;
    c.per_task = lanes < least ? least : lanes > LANES_MAX ? LANES_MAX : lanes;
    pool_run((c.lanes + c.per_task - 1) / c.per_task, lanes_task, &c);
}

/* ---- Types and indices */

cairn_tensor *in_arithmetic_type(cairn_tensor *x)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (type_is_float((cairn_dtype)v->type))
        return v->type == CAIRN_F64 ? x : cairn_to(x, CAIRN_F32);
    return v->type == CAIRN_I32 ? x : cairn_to(x, CAIRN_I64);
}

cairn_tensor *in_index_type(const char *op, cairn_tensor *index)
{
    value *v = handle_value(index);
    if (v && !type_is_integer((cairn_dtype)v->type)) {
        error_set(CAIRN_E_TYPE, "%s: the index is %s, not an integer type", op, cairn_dtype_name((cairn_dtype)v->type));
        return NULL;
    }
    return v ? cairn_to(index, CAIRN_I64) : NULL;
}

cairn_tensor *leaf_new(const shape *s, cairn_dtype type, void **data)
{
    buffer *b = shape_check("leaf", s, type) ? buffer_new(shape_numel(s) * cairn_dtype_bytes(type)) : NULL;
    if (!b)
        return NULL;
    *data = b->data;
    value *v = value_leaf(s, type, b);
    buffer_unref(b);
    return handle_new(v);
}

cairn_tensor *scalar_like(cairn_tensor *x, double number)
{
    value *v = handle_value(x);
    return v ? cairn_full(CAIRN_SCALAR, number, (cairn_dtype)v->type) : NULL;
}

cairn_tensor *iota(int64_t n, int axis, int rank)
{
    shape s = {.rank = rank};
    int64_t stride[CAIRN_MAX_RANK] = {0};
    for (int i = 0; i < rank; i++)
        s.size[i] = i == axis ? n : 1;
    stride[axis] = 1;
    return index_tensor(&s, stride);
}

void bad_index_note(bad_index *b, int64_t value)
{
    int unseen = 0;
    if (atomic_compare_exchange_strong(&b->seen, &unseen, 1))
        atomic_store(&b->value, value);
}

cairn_status bad_index_status(const bad_index *b, const char *op, const shape *s, int axis)
{
    if (!b->seen)
        return CAIRN_OK;
    return error_set(CAIRN_E_RANGE, "%s: index %lld is out of range for axis %d of %s", op, (long long)b->value, axis, SHAPE(s));
}
