/* Whole slices by index: index_select, index_copy, index_add, embedding, and indexing by several indices, which is the same
 * on flattened axes.
 *
 * The memory is seen as (outer, n, inner). Sums go over the indices in order within each block of columns, so they are
 * the same on any number of threads. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include "base/pool.h"
#include <cairn/functional.h>
#include <string.h>

typedef struct attr_rows {
    int32_t axis;
    int32_t add;                             /* index_write: add, or replace */
    int64_t n;                               /* index_write without a first input: the size of its axis */
} attr_rows;

/* ---- Reading: (x, index vector) -> x with the axis' size that of the index */

cairn_status infer_index_select(const value *v, spec *out)
{
    const attr_rows *a = v->attr;
    *out = (spec){v->in[0]->shape, (cairn_dtype)v->in[0]->type, false};
    out->shape.size[a->axis] = v->in[1]->shape.size[0];
    return shape_check("index_select", &out->shape, out->type) ? CAIRN_OK : cairn_error();
}

typedef struct rows_call {
    const int64_t *index;
    int64_t count, n, inner;                 /* indices, their limit, elements of a slice */
    const char *from;
    char *to;
    int64_t rows, per_task;
    int bytes;
    cairn_dtype type;
    bool add;
    bad_index bad;
} rows_call;

/* Sizes before and after the axis. */
static void outer_inner(const shape *s, int axis, int64_t *outer, int64_t *inner)
{
    *outer = *inner = 1;
    for (int i = 0; i < s->rank; i++)
        if (i != axis)
            *(i < axis ? outer : inner) *= s->size[i];
}

#define COPY_ELEMENTS(T)                                                                           \
    for (int64_t r = first; r < last; r++) {                                                       \
        int64_t i = c->index[r % c->count];                                                        \
        if ((uint64_t)i >= (uint64_t)c->n)                                                         \
            bad_index_note(&c->bad, i);                                                            \
        else                                                                                       \
            ((T *)c->to)[r] = ((const T *)c->from)[r / c->count * c->n + i];                       \
    }

static void select_task(void *context, int64_t task, int worker)
{
    rows_call *c = context;
    int64_t first = task * c->per_task, last = first + c->per_task < c->rows ? first + c->per_task : c->rows;
    int64_t slice = c->inner * c->bytes;
    (void)worker;
    if (c->inner == 1) {
        SIZE_SWITCH(c->bytes, COPY_ELEMENTS)
        return;
    }
    for (int64_t r = first; r < last; r++) {
        int64_t i = c->index[r % c->count];
        if ((uint64_t)i >= (uint64_t)c->n)
            bad_index_note(&c->bad, i);
        else
            memcpy(c->to + r * slice, c->from + (r / c->count * c->n + i) * slice, (size_t)slice);
    }
}

cairn_status run_index_select(const op_run *r)
{
    const attr_rows *a = r->v->attr;
    const shape *x = &r->in[0].shape;
    int64_t outer, inner;
    outer_inner(x, a->axis, &outer, &inner);
    rows_call c = {.index = r->in[1].data, .count = r->in[1].shape.size[0], .n = x->size[a->axis], .inner = inner,
                   .from = r->in[0].data, .to = r->out.data, .bytes = cairn_dtype_bytes(r->out.type)};
    c.rows = outer * c.count;
    c.per_task = inner < LANES_GRAIN ? LANES_GRAIN / (inner ? inner : 1) : 1;
    if (inner)
        pool_run((c.rows + c.per_task - 1) / c.per_task, select_task, &c);
    return bad_index_status(&c.bad, "index_select", x, a->axis);
}

/* ---- Writing: (x, index vector, from) or, on zeros, (index vector, from) -> x's shape */

cairn_status infer_index_write(const value *v, spec *out)
{
    const attr_rows *a = v->attr;
    const value *index = v->in[v->n_in - 2], *from = v->in[v->n_in - 1];
    shape want = v->n_in == 3 ? v->in[0]->shape : from->shape;
    *out = (spec){want, (cairn_dtype)from->type, false};
    if (v->n_in == 2)
        out->shape.size[a->axis] = a->n;
    if (want.rank)
        want.size[a->axis] = index->shape.size[0];
    if (!shape_equal(&want, &from->shape))
        return error_set(CAIRN_E_SHAPE, "%s: values of %s, for %lld indices on axis %d of %s", a->add ? "index_add" : "index_copy",
                         SHAPE(&from->shape), (long long)index->shape.size[0], a->axis, SHAPE(&out->shape));
    return shape_check("index_add", &out->shape, out->type) ? CAIRN_OK : cairn_error();
}

enum { COLUMNS = 64 };                       /* of a slice, per task: a cache line or more at a time */

#define WRITE(T, op)                                                                               \
    for (int64_t j = 0; j < c->count; j++) {                                                       \
        int64_t i = c->index[j];                                                                   \
        if ((uint64_t)i >= (uint64_t)c->n) {                                                       \
            bad_index_note(&c->bad, i);                                                            \
            continue;                                                                              \
        }                                                                                          \
        T *y = (T *)c->to + (o * c->n + i) * c->inner;                                             \
        const T *x = (const T *)c->from + (o * c->count + j) * c->inner;                           \
        for (int64_t k = first; k < last; k++)                                                     \
            y[k] op x[k];                                                                          \
    }
#define WRITE_ADD(T) WRITE(T, +=)
#define WRITE_SET(T) WRITE(T, =)

static void write_task(void *context, int64_t task, int worker)
{
    rows_call *c = context;
    int64_t blocks = (c->inner + COLUMNS - 1) / COLUMNS, o = task / blocks, first = task % blocks * COLUMNS;
    int64_t last = first + COLUMNS < c->inner ? first + COLUMNS : c->inner;
    (void)worker;
    if (c->add) {
        ARITHMETIC_SWITCH(c->type, WRITE_ADD)
    } else {
        SIZE_SWITCH(c->bytes, WRITE_SET)
    }
}

cairn_status run_index_write(const op_run *r)
{
    const attr_rows *a = r->v->attr;
    const view *index = &r->in[r->v->n_in - 2], *from = index + 1;
    int64_t outer, inner;
    if (r->v->n_in == 3) {
        cairn_status s = copy_view(&r->in[0], &r->out);
        if (s)
            return s;
    } else {
        memset(r->out.data, 0, (size_t)(shape_numel(&r->out.shape) * cairn_dtype_bytes(r->out.type)));
    }
    outer_inner(&r->out.shape, a->axis, &outer, &inner);
    rows_call c = {.index = index->data, .count = index->shape.size[0], .n = r->out.shape.size[a->axis], .inner = inner,
                   .from = from->data, .to = r->out.data, .bytes = cairn_dtype_bytes(r->out.type), .type = r->out.type,
                   .add = a->add};
    pool_run(outer * ((inner + COLUMNS - 1) / COLUMNS), write_task, &c);
    return bad_index_status(&c.bad, a->add ? "index_add" : "index_copy", &r->out.shape, a->axis);
}

/* ---- Gradients */

static cairn_tensor *build_select(cairn_tensor *x, int axis, cairn_tensor *index)
{
    attr_rows a = {.axis = axis};
    return op_build2(OP_index_select, x, index, &a, sizeof a);
}

void gradient_index_select(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_rows *a = v->attr;
    attr_rows back = {.axis = a->axis, .add = true, .n = v->in[0]->shape.size[a->axis]};
    dx[0] = op_build2(OP_index_write, input(v, 1), in_arithmetic_type(dy), &back, sizeof back);
}

void gradient_index_write(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_rows *a = v->attr;
    cairn_tensor *index = input(v, v->n_in - 2);
    dx[v->n_in - 1] = build_select(dy, a->axis, index);
    if (v->n_in == 3 && a->add)
        dx[0] = dy;
    else if (v->n_in == 3)
        dx[0] = cairn_index_copy(dy, a->axis, index, cairn_zeros(v->in[2]->shape, (cairn_dtype)v->type));
}

/* ---- Front functions */

/* x of rank 1 at least, and the axis; -1 with the error set. */
static int with_axis(const char *op, cairn_tensor **x, int axis)
{
    value *v = handle_value(*x);
    if (v && v->shape.rank == 0)
        *x = cairn_unsqueeze(*x, 0);
    return v && *x ? axis_check(op, axis, v->shape.rank ? v->shape.rank : 1) : -1;
}

/* s with `axis` replaced by the axes of `by`. */
static shape replaced(const shape *s, int axis, const shape *by)
{
    shape out = {.rank = s->rank - 1 + by->rank};
    for (int i = 0, j = 0; i < s->rank; i++)
        if (i != axis)
            out.size[j++] = s->size[i];
        else
            for (int k = 0; k < by->rank; k++)
                out.size[j++] = by->size[k];
    return out;
}

cairn_tensor *cairn_index_select(cairn_tensor *x, int axis, cairn_tensor *index)
{
    value *i = handle_value(index);
    cairn_mark m = cairn_scope_push();
    int k = i ? with_axis("index_select", &x, axis) : -1;
    if (k < 0)
        return cairn_scope_pop(m, NULL);
    const shape *s = &handle_value(x)->shape;
    if (s->rank - 1 + i->shape.rank > CAIRN_MAX_RANK) {
        error_set(CAIRN_E_SHAPE, "index_select: %s by an index of %s has too many axes", SHAPE(s), SHAPE(&i->shape));
        return cairn_scope_pop(m, NULL);
    }
    shape to = replaced(s, k, &i->shape);
    bool vector = i->shape.rank == 1;
    cairn_tensor *flat = in_index_type("index_select", index), *y;
    y = build_select(x, k, vector ? flat : cairn_reshape(flat, CAIRN_SHAPE(-1)));
    return cairn_scope_pop(m, vector ? y : cairn_reshape(y, to));
}

cairn_tensor *cairn_take(cairn_tensor *x, cairn_tensor *index)
{
    COMPOSED(cairn_index_select(cairn_reshape(x, CAIRN_SHAPE(-1)), 0, index));
}

cairn_tensor *cairn_f_embedding(cairn_tensor *weight, cairn_tensor *index)
{
    value *w = handle_value(weight);
    if (w && w->shape.rank != 2) {
        error_set(CAIRN_E_SHAPE, "embedding: the weight is %s, not a matrix", SHAPE(&w->shape));
        return NULL;
    }
    return cairn_index_select(weight, 0, index);
}

static cairn_tensor *index_write(const char *op, cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from, bool add)
{
    cairn_mark m = cairn_scope_push();
    value *v = handle_value(x), *i = handle_value(index);
    int k = i ? with_axis(op, &x, axis) : -1;
    if (k < 0)
        return cairn_scope_pop(m, NULL);
    if (i->shape.rank > 1) {
        error_set(CAIRN_E_SHAPE, "%s: an index of %s is no vector", op, SHAPE(&i->shape));
        return cairn_scope_pop(m, NULL);
    }
    attr_rows a = {.axis = k, .add = add};
    shape s = v->shape;
    x = add ? in_arithmetic_type(x) : x;
    index = cairn_reshape(in_index_type(op, index), CAIRN_SHAPE(-1));
    from = cairn_to(from, cairn_dtype_of(x));
    if (s.rank == 0 && cairn_rank(from) == 0)
        from = cairn_unsqueeze(from, 0);
    cairn_tensor *y = op_build(OP_index_write, 3, (cairn_tensor *[]){x, index, from}, &a, sizeof a);
    return cairn_scope_pop(m, cairn_reshape(cairn_to(y, (cairn_dtype)v->type), s));
}

cairn_tensor *cairn_index_copy(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from)
{
    return from ? index_write("index_copy", x, axis, index, from, false) : NULL;
}

cairn_tensor *cairn_index_add(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from)
{
    return from ? index_write("index_add", x, axis, index, from, true) : NULL;
}

/* ---- Several indices: x seen with its first `count` axes as one */

/* index -> the same, negative ones counted from the end n; out of range is an error: the axes are flattened next, and
 * nobody would see it then. */
typedef struct attr_wrap {
    int64_t n;
    int64_t axis;
    shape x;
} attr_wrap;

cairn_status infer_wrap_index(const value *v, spec *out)
{
    *out = (spec){v->in[0]->shape, CAIRN_I64, false};
    return CAIRN_OK;
}

cairn_status run_wrap_index(const op_run *r)
{
    const attr_wrap *a = r->v->attr;
    const int64_t *from = r->in[0].data;
    int64_t *to = r->out.data, numel = shape_numel(&r->out.shape);
    bad_index bad = {0};
    for (int64_t k = 0; k < numel; k++) {
        int64_t i = from[k] < 0 ? from[k] + a->n : from[k];
        if ((uint64_t)i >= (uint64_t)a->n)
            bad_index_note(&bad, from[k]);
        to[k] = i;
    }
    return bad_index_status(&bad, "index", &a->x, (int)a->axis);
}

static cairn_tensor *wrapped(cairn_tensor *index, const shape *x, int axis)
{
    attr_wrap a;
    memset(&a, 0, sizeof a);
    a.n = x->size[axis];
    a.axis = axis;
    a.x.rank = x->rank;
    memcpy(a.x.size, x->size, sizeof x->size[0] * (size_t)x->rank);
    return op_build1(OP_wrap_index, in_index_type("index", index), &a, sizeof a);
}

typedef struct places {
    cairn_tensor *flat;                      /* x with the axes as one */
    cairn_tensor *index;                     /* i64 vector */
    shape spot;                              /* the indices' common shape and the other axes */
} places;

static bool find_places(cairn_tensor *x, int count, cairn_tensor *const *index, places *p)
{
    value *v = handle_value(x);
    if (!v)
        return false;
    if (count < 1 || count > v->shape.rank) {
        error_set(CAIRN_E_ARGUMENT, "index: %d indices into %s", count, SHAPE(&v->shape));
        return false;
    }
    shape common = {0}, rest = {.rank = 1, .size = {1}};
    for (int i = 0; i < count; i++) {
        value *n = handle_value(index[i]);
        if (!n)
            return false;
        if (!shape_broadcast(&common, &n->shape, &common)) {
            error_set(CAIRN_E_SHAPE, "index: indices do not broadcast: %s and %s", SHAPE(&common), SHAPE(&n->shape));
            return false;
        }
        rest.size[0] *= v->shape.size[i];
    }
    if (common.rank + v->shape.rank - count > CAIRN_MAX_RANK) {
        error_set(CAIRN_E_SHAPE, "index: %s by indices of %s has too many axes", SHAPE(&v->shape), SHAPE(&common));
        return false;
    }
    cairn_tensor *linear = wrapped(index[0], &v->shape, 0);
    for (int i = 1; i < count; i++)
        linear = cairn_add(cairn_mul(linear, cairn_integer(v->shape.size[i])), wrapped(index[i], &v->shape, i));
    p->spot = common;
    for (int i = count; i < v->shape.rank; i++)
        rest.size[rest.rank++] = p->spot.size[p->spot.rank++] = v->shape.size[i];
    p->index = cairn_reshape(cairn_expand(linear, common), CAIRN_SHAPE(shape_numel(&common)));
    p->flat = cairn_reshape(x, rest);
    return p->index && p->flat;
}

cairn_tensor *cairn_index(cairn_tensor *x, int count, cairn_tensor *const *index)
{
    places p;
    cairn_mark m = cairn_scope_push();
    bool found = find_places(x, count, index, &p);
    return cairn_scope_pop(m, found ? cairn_reshape(build_select(p.flat, 0, p.index), p.spot) : NULL);
}

cairn_tensor *cairn_index_put(cairn_tensor *x, int count, cairn_tensor *const *index, cairn_tensor *from, bool accumulate)
{
    places p;
    cairn_mark m = cairn_scope_push();
    if (!from || !find_places(x, count, index, &p))
        return cairn_scope_pop(m, NULL);
    shape rows = cairn_shape_of(p.flat);
    rows.size[0] = cairn_size(p.index, 0);
    from = cairn_reshape(cairn_expand(from, p.spot), rows);
    cairn_tensor *y = index_write("index_put", p.flat, 0, p.index, from, accumulate);
    return cairn_scope_pop(m, cairn_reshape(y, cairn_shape_of(x)));
}
