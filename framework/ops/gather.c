/* gather and the scatters: one element of the index for one element along an axis.
 *
 * Both go over the lanes of the index along the axis. Within a lane a scatter takes the indices in order, and lanes
 * never meet, so sums come out the same on any number of threads. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/ops.h>
#include <math.h>
#include <string.h>

typedef struct attr_scatter {
    int32_t axis;
    int32_t how;                           /* cairn_combine, without MEAN */
} attr_scatter;

/* A rank-0 operand is seen as one of rank 1. */
static void as_rank1(view *x)
{
    if (x->shape.rank == 0) {
        x->shape = (shape){1, {1}};
        x->stride[0] = 1;
    }
}

/* No axis of the index but this one is larger than x's. */
static cairn_status check_index(const char *op, const shape *x, const shape *index, int axis)
{
    bool fits = x->rank == index->rank;
    for (int i = 0; i < x->rank && fits; i++)
        fits = i == axis || index->size[i] <= x->size[i];
    return fits ? CAIRN_OK : error_set(CAIRN_E_SHAPE, "%s: an index of %s into axis %d of %s", op, SHAPE(index), axis, SHAPE(x));
}

/* (x, index) -> the shape of index */
cairn_status infer_gather(const value *v, spec *out)
{
    const attr_axis *a = v->attr;
    *out = (spec){v->in[1]->shape, (cairn_dtype)v->in[0]->type, false};
    return check_index("gather", &v->in[0]->shape, &v->in[1]->shape, a->axis);
}

/* (x, index, from) -> the shape of x; from is no smaller than index */
cairn_status infer_scatter(const value *v, spec *out)
{
    const attr_scatter *a = v->attr;
    const shape *index = &v->in[1]->shape, *from = &v->in[2]->shape;
    *out = (spec){v->in[0]->shape, (cairn_dtype)v->in[0]->type, false};
    cairn_status s = check_index("scatter", &v->in[0]->shape, index, a->axis);
    bool fits = from->rank == index->rank;
    for (int i = 0; i < from->rank && fits; i++)
        fits = index->size[i] <= from->size[i];
    return s ? s : fits ? CAIRN_OK : error_set(CAIRN_E_SHAPE, "scatter: an index of %s for values of %s", SHAPE(index), SHAPE(from));
}

typedef struct along {
    view x, index, out, from;
    int axis, how;
    int64_t n, length;                     /* indices below n; `length` of them in a lane */
    bad_index bad;
} along;

static along along_axis(const op_run *r, int axis, int how)
{
    along a = {.x = r->in[0], .index = r->in[1], .out = r->out, .axis = axis, .how = how};
    if (r->v->n_in > 2)
        a.from = r->in[2];
    as_rank1(&a.x);
    as_rank1(&a.index);
    as_rank1(&a.out);
    as_rank1(&a.from);
    a.n = a.x.shape.size[axis];
    a.length = a.index.shape.size[axis];
    return a;
}

#define GATHER(T)                                                                          \
    for (int64_t j = 0; j < a->length; j++)                                                \
        for (int64_t l = 0; l < lanes; l++) {                                              \
            int64_t i = index[at[1][l] + j * ji];                                          \
            if ((uint64_t)i >= (uint64_t)a->n)                                             \
                bad_index_note(&a->bad, i);                                                \
            else                                                                           \
                ((T *)a->out.data)[at[2][l] + j * jo] = ((const T *)a->x.data)[at[0][l] + i * jx]; \
        }

static void gather_lanes(void *context, int64_t lanes, int64_t (*at)[LANES_MAX])
{
    along *a = context;
    const int64_t *index = a->index.data;
    int64_t ji = a->index.stride[a->axis], jo = a->out.stride[a->axis], jx = a->x.stride[a->axis];
    SIZE_SWITCH(cairn_dtype_bytes(a->x.type), GATHER)
}

cairn_status run_gather(const op_run *r)
{
    along a = along_axis(r, ((const attr_axis *)r->v->attr)->axis, 0);
    lanes_run(&a.index.shape, a.axis, 3, (const view *[]){&a.x, &a.index, &a.out}, gather_lanes, &a);
    return bad_index_status(&a.bad, "gather", &r->in[0].shape, a.axis);
}

#define SCATTER(T, statement)                                                              \
    for (int64_t j = 0; j < a->length; j++)                                                \
        for (int64_t l = 0; l < lanes; l++) {                                              \
            int64_t i = index[at[1][l] + j * ji];                                          \
            if ((uint64_t)i >= (uint64_t)a->n) {                                           \
                bad_index_note(&a->bad, i);                                                \
                continue;                                                                  \
            }                                                                              \
            T *y = (T *)a->out.data + at[0][l] + i * jy, x = ((const T *)a->from.data)[at[2][l] + j * jf]; \
            statement;                                                                     \
        }
#define SCATTER_SET(T) SCATTER(T, *y = x)
#define SCATTER_ADD(T) SCATTER(T, *y += x)
#define SCATTER_PROD(T) SCATTER(T, *y *= x)
#define SCATTER_MIN(T) SCATTER(T, *y = x < *y || x != x ? x : *y)      /* NaN wins */
#define SCATTER_MAX(T) SCATTER(T, *y = x > *y || x != x ? x : *y)

static void scatter_lanes(void *context, int64_t lanes, int64_t (*at)[LANES_MAX])
{
    along *a = context;
    const int64_t *index = a->index.data;
    int64_t ji = a->index.stride[a->axis], jy = a->out.stride[a->axis], jf = a->from.stride[a->axis];
    switch (a->how) {
    case CAIRN_COMBINE_SET:
        SIZE_SWITCH(cairn_dtype_bytes(a->out.type), SCATTER_SET)
        break;
    case CAIRN_COMBINE_ADD:
        ARITHMETIC_SWITCH(a->out.type, SCATTER_ADD)
        break;
    case CAIRN_COMBINE_PROD:
        ARITHMETIC_SWITCH(a->out.type, SCATTER_PROD)
        break;
    case CAIRN_COMBINE_MIN:
        ARITHMETIC_SWITCH(a->out.type, SCATTER_MIN)
        break;
    default:
        ARITHMETIC_SWITCH(a->out.type, SCATTER_MAX)
        break;
    }
}

cairn_status run_scatter(const op_run *r)
{
    const attr_scatter *attr = r->v->attr;
    cairn_status s = copy_view(&r->in[0], &r->out);
    if (s)
        return s;
    along a = along_axis(r, attr->axis, attr->how);
    lanes_run(&a.index.shape, a.axis, 3, (const view *[]){&a.out, &a.index, &a.from}, scatter_lanes, &a);
    return bad_index_status(&a.bad, "scatter", &r->out.shape, a.axis);
}

/* ---- Gradients */

static cairn_tensor *build_scatter(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from, cairn_combine how)
{
    attr_scatter a = {axis, how};
    return op_build(OP_scatter, 3, (cairn_tensor *[]){x, index, from}, &a, sizeof a);
}

static cairn_tensor *build_gather(cairn_tensor *x, int axis, cairn_tensor *index)
{
    attr_axis a = {axis};
    return op_build2(OP_gather, x, index, &a, sizeof a);
}

void gradient_gather(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    int axis = ((const attr_axis *)v->attr)->axis;
    dx[0] = build_scatter(cairn_zeros_like(input(v, 0)), axis, input(v, 1), dy, CAIRN_COMBINE_ADD);
}

/* Zeros of from's shape with g, of the index's shape, at the front. */
static cairn_tensor *to_front(const value *v, cairn_tensor *g)
{
    const shape *from = &v->in[2]->shape, *own = &v->in[1]->shape;
    for (int i = 0; i < from->rank; i++)
        if (own->size[i] != from->size[i]) {
            shape rest = cairn_shape_of(g);
            rest.size[i] = from->size[i] - own->size[i];
            g = cairn_cat(2, (cairn_tensor *[]){g, cairn_zeros(rest, (cairn_dtype)v->type)}, i);
        }
    return g;
}

/* The part of `from` that is used. */
static cairn_tensor *used(const value *v)
{
    cairn_tensor *from = input(v, 2);
    for (int i = 0; i < v->in[1]->shape.rank; i++)
        from = cairn_narrow(from, i, 0, v->in[1]->shape.size[i]);
    return from;
}

/* Each place gives its gradient to those that equal the extreme there, evenly. */
static void gradient_scatter_extreme(const value *v, int axis, cairn_tensor *dy, cairn_tensor **dx)
{
    cairn_tensor *x = input(v, 0), *index = input(v, 1), *y = output(v);
    cairn_tensor *from_hit = cairn_to(cairn_eq(used(v), build_gather(y, axis, index)), (cairn_dtype)v->type);
    cairn_tensor *own_hit = cairn_to(cairn_eq(x, y), (cairn_dtype)v->type);
    cairn_tensor *share = cairn_div(dy, build_scatter(own_hit, axis, index, from_hit, CAIRN_COMBINE_ADD));
    dx[0] = cairn_mul(own_hit, share);
    if (wants_gradient(v, 2))
        dx[2] = to_front(v, cairn_mul(from_hit, build_gather(share, axis, index)));
}

void gradient_scatter(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_scatter *a = v->attr;
    cairn_tensor *index = input(v, 1);
    switch (a->how) {
    case CAIRN_COMBINE_SET: {
        cairn_tensor *zero = cairn_zeros(v->in[2]->shape, (cairn_dtype)v->type);
        dx[0] = build_scatter(dy, a->axis, index, zero, CAIRN_COMBINE_SET);
        dx[2] = to_front(v, build_gather(dy, a->axis, index));
        break;
    }
    case CAIRN_COMBINE_ADD:
        dx[0] = dy;
        dx[2] = to_front(v, build_gather(dy, a->axis, index));
        break;
    case CAIRN_COMBINE_PROD: {
        cairn_tensor *whole = cairn_mul(dy, output(v));
        dx[0] = cairn_div(whole, input(v, 0));
        dx[2] = to_front(v, cairn_div(build_gather(whole, a->axis, index), used(v)));
        break;
    }
    default:
        gradient_scatter_extreme(v, a->axis, dy, dx);
    }
}

/* ---- Front functions */

/* The axis of x, which may be a scalar; -1 with the error set. */
static int axis_of(const char *op, cairn_tensor *x, int axis)
{
    value *v = handle_value(x);
    return v ? axis_check(op, axis, v->shape.rank ? v->shape.rank : 1) : -1;
}

cairn_tensor *cairn_gather(cairn_tensor *x, int axis, cairn_tensor *index)
{
    int k = axis_of("gather", x, axis);
    if (k < 0)
        return NULL;
    COMPOSED(build_gather(x, k, in_index_type("gather", index)));
}

/* x with every axis but one expanded to `other`'s. */
static cairn_tensor *expanded_but(cairn_tensor *x, int axis, cairn_tensor *other)
{
    shape s = cairn_shape_of(x), o = cairn_shape_of(other);
    if (s.rank != o.rank) {
        error_set(CAIRN_E_SHAPE, "take_along_axis: %s along an index of %s", SHAPE(&s), SHAPE(&o));
        return NULL;
    }
    for (int i = 0; i < s.rank; i++)
        if (i != axis && s.size[i] == 1)
            s.size[i] = o.size[i];
    return cairn_expand(x, s);
}

cairn_tensor *cairn_take_along_axis(cairn_tensor *x, int axis, cairn_tensor *index)
{
    int k = axis_of("take_along_axis", x, axis);
    if (k < 0 || !handle_value(index))
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *wide = expanded_but(x, k, index);
    return cairn_scope_pop(m, cairn_gather(wide, k, wide ? expanded_but(index, k, x) : NULL));
}

static cairn_tensor *scatter_as(const char *op, cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from, cairn_combine how)
{
    int k = axis_of(op, x, axis);
    value *f = k < 0 ? NULL : handle_value(from);
    if (!f)
        return NULL;
    cairn_dtype type = (cairn_dtype)handle_value(x)->type;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *i = in_index_type(op, index), *to = how == CAIRN_COMBINE_SET ? x : in_arithmetic_type(x);
    if (i && f->shape.rank == 0)                                       /* a number for all */
        from = cairn_expand(from, cairn_shape_of(i));
    return cairn_scope_pop(m, cairn_to(build_scatter(to, k, i, cairn_to(from, cairn_dtype_of(to)), how), type));
}

cairn_tensor *cairn_scatter(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from)
{
    return scatter_as("scatter", x, axis, index, from, CAIRN_COMBINE_SET);
}

cairn_tensor *cairn_scatter_add(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from)
{
    return scatter_as("scatter_add", x, axis, index, from, CAIRN_COMBINE_ADD);
}

/* What changes nothing, written where something will be combined. */
static double neutral(cairn_combine how)
{
    return how == CAIRN_COMBINE_PROD ? 1 : how == CAIRN_COMBINE_MIN ? INFINITY : how == CAIRN_COMBINE_MAX ? -INFINITY : 0;
}

static cairn_tensor *scatter_mean(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from, bool include_self)
{
    cairn_tensor *one = cairn_full_like(x, 1), *ones = cairn_full_like(from, 1);
    cairn_tensor *count = cairn_scatter_add(include_self ? one : cairn_scatter(one, axis, index, cairn_number(0)), axis, index, ones);
    cairn_tensor *sum = cairn_scatter_reduce(x, axis, index, from, CAIRN_COMBINE_ADD, include_self);
    value *v = handle_value(sum);
    return v && type_is_float((cairn_dtype)v->type) ? cairn_div(sum, count) : cairn_div_floor(sum, count);
}

cairn_tensor *cairn_scatter_reduce(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from, cairn_combine how,
                                   bool include_self)
{
    if (!x)
        return NULL;
    if ((unsigned)how > CAIRN_COMBINE_MEAN) {
        error_set(CAIRN_E_ARGUMENT, "scatter_reduce: %d is no combination", (int)how);
        return NULL;
    }
    if (how == CAIRN_COMBINE_MEAN)
        COMPOSED(scatter_mean(x, axis, index, from, include_self));
    if (include_self || how == CAIRN_COMBINE_SET)
        return scatter_as("scatter_reduce", x, axis, index, from, how);
    cairn_mark m = cairn_scope_push();
    cairn_tensor *start = cairn_full(CAIRN_SCALAR, neutral(how), cairn_dtype_of(x));
    cairn_tensor *clear = scatter_as("scatter_reduce", x, axis, index, start, CAIRN_COMBINE_SET);
    return cairn_scope_pop(m, scatter_as("scatter_reduce", clear, axis, index, from, how));
}
