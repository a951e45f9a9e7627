/* Order: one primitive gives the indices that sort each lane (or the first k of them); all else is composed of it.
 *
 * An element becomes an unsigned key whose order is the element's (NaN last; the two zeros equal; inverted when descending), and a
 * lane's pairs of key and index are sorted by least significant digits, which is stable. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include "base/pool.h"
#include <cairn/ops.h>
#include <math.h>
#include <string.h>

typedef struct attr_argsort {
    int32_t axis;
    int32_t descending;
    int64_t k;
} attr_argsort;

/* x -> i64, the axis has k elements */
cairn_status infer_argsort(const value *v, spec *out)
{
    const attr_argsort *a = v->attr;
    *out = (spec){v->in[0]->shape, CAIRN_I64, false};
    if (out->shape.rank)
        out->shape.size[a->axis] = a->k;
    return CAIRN_OK;
}

typedef struct pair {
    uint64_t key;
    int64_t index;
} pair;

/* ---- Keys */

static uint64_t key_f32(float x)
{
    uint32_t bits;
    x = x == 0 ? 0 : x;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? UINT32_MAX : bits >> 31 ? (uint32_t)~bits : bits | 0x80000000u;
}

static uint64_t key_f64(double x)
{
    uint64_t bits;
    x = x == 0 ? 0 : x;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? UINT64_MAX : bits >> 63 ? ~bits : bits | 1ull << 63;
}

static void load_keys(const view *x, int64_t at, int64_t stride, int64_t n, uint64_t flip, pair *out)
{
    for (int64_t i = 0; i < n; i++, at += stride) {
        uint64_t key;
        switch (x->type) {
        case CAIRN_F32: key = key_f32(((const float *)x->data)[at]); break;
        case CAIRN_F64: key = key_f64(((const double *)x->data)[at]); break;
        case CAIRN_I32: key = (uint32_t)((const int32_t *)x->data)[at] ^ 0x80000000u; break;
        default: key = (uint64_t)((const int64_t *)x->data)[at] ^ 1ull << 63; break;
        }
        out[i] = (pair){key ^ flip, i};
    }
}

/* ---- Sorting n pairs; returns a or b, whichever holds the result */

static void insertion_sort(pair *a, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        pair p = a[i];
        int64_t j = i;
        for (; j > 0 && a[j - 1].key > p.key; j--)
            a[j] = a[j - 1];
        a[j] = p;
    }
}

static pair *radix_sort(pair *a, pair *b, int64_t n, int digits)
{
    int64_t count[8][256] = {0};
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < digits; d++)
            count[d][a[i].key >> 8 * d & 255]++;
    for (int d = 0; d < digits; d++) {
        if (count[d][a[0].key >> 8 * d & 255] == n)        /* the same digit in all */
            continue;
        int64_t start = 0;
        for (int k = 0; k < 256; k++) {
            int64_t c = count[d][k];
            count[d][k] = start;
            start += c;
        }
        for (int64_t i = 0; i < n; i++)
            b[count[d][a[i].key >> 8 * d & 255]++] = a[i];
        pair *t = a;
        a = b;
        b = t;
    }
    return a;
}

static pair *sort_pairs(pair *a, pair *b, int64_t n, int digits)
{
    if (n > 64)
        return radix_sort(a, b, n, digits);
    insertion_sort(a, n);
    return a;
}

/* ---- Running: slots of the workspace take lanes in turn */

static int64_t axis_length(const value *v)
{
    const attr_argsort *a = v->attr;
    return v->in[0]->shape.rank ? v->in[0]->shape.size[a->axis] : 1;
}

/* How many lanes may be under way at once: by shape alone. */
static int64_t slots(const value *v)
{
    enum { MOST = 16, BYTES = 64 << 20 };
    int64_t n = axis_length(v), lanes = n ? shape_numel(&v->in[0]->shape) / n : 0, fit = n ? BYTES / (n * 2 * (int64_t)sizeof(pair)) : 1;
    int64_t s = lanes < MOST ? lanes : MOST;
    return fit < 1 ? 1 : s < fit ? (s > 0 ? s : 1) : fit;
}

int64_t workspace_argsort(const op_run *r) { return slots(r->v) * axis_length(r->v) * 2 * (int64_t)sizeof(pair); }

typedef struct sort_call {
    const view *x, *out;
    pair *work;
    shape over;
    int axis, digits;
    int64_t n, k, lanes, slots, x_stride, out_stride;
    uint64_t flip;
} sort_call;

static void sort_lane(const sort_call *c, int64_t lane, pair *work)
{
    int64_t x = 0, y = 0;
    for (int i = c->over.rank - 1; i >= 0; i--) {
        x += lane % c->over.size[i] * c->x->stride[i];
        y += lane % c->over.size[i] * c->out->stride[i];
        lane /= c->over.size[i];
    }
    load_keys(c->x, x, c->x_stride, c->n, c->flip, work);
    const pair *sorted = sort_pairs(work, work + c->n, c->n, c->digits);
    for (int64_t i = 0; i < c->k; i++)
        ((int64_t *)c->out->data)[y + i * c->out_stride] = sorted[i].index;
}

static void sort_task(void *context, int64_t slot, int worker)
{
    const sort_call *c = context;
    (void)worker;
    for (int64_t lane = slot; lane < c->lanes; lane += c->slots)
        sort_lane(c, lane, c->work + slot * 2 * c->n);
}

cairn_status run_argsort(const op_run *r)
{
    const attr_argsort *a = r->v->attr;
    const view *x = &r->in[0];
    bool narrow = x->type == CAIRN_F32 || x->type == CAIRN_I32, scalar = x->shape.rank == 0;
    sort_call c = {.x = x, .out = &r->out, .work = r->workspace, .over = x->shape, .axis = a->axis, .digits = narrow ? 4 : 8,
                   .n = axis_length(r->v), .k = scalar ? 1 : a->k, .slots = slots(r->v)};
    c.flip = !a->descending ? 0 : narrow ? UINT32_MAX : UINT64_MAX;
    if (!scalar) {
        c.x_stride = x->stride[a->axis];
        c.out_stride = r->out.stride[a->axis];
        c.over.size[a->axis] = 1;
    }
    c.lanes = c.n && c.k ? shape_numel(&c.over) : 0;
    pool_run(c.lanes < c.slots ? c.lanes : c.slots, sort_task, &c);
    return CAIRN_OK;
}

/* ---- Front functions */

static cairn_tensor *first_k(const char *op, cairn_tensor *x, int axis, bool descending, int64_t k)
{
    value *v = handle_value(x);
    int rank = v ? v->shape.rank : 0, own = v ? axis_check(op, axis, rank ? rank : 1) : -1;
    if (own < 0)
        return NULL;
    int64_t n = rank ? v->shape.size[own] : 1;
    if (k > n || k < -1) {
        error_set(CAIRN_E_RANGE, "%s: %lld of %lld elements on axis %d of %s", op, (long long)k, (long long)n, axis, SHAPE(&v->shape));
        return NULL;
    }
    attr_argsort a = {own, descending, k < 0 ? n : k};
    COMPOSED(op_build1(OP_argsort, in_arithmetic_type(x), &a, sizeof a));
}

cairn_tensor *cairn_argsort(cairn_tensor *x, int axis, bool descending) { return first_k("argsort", x, axis, descending, -1); }

/* Leaves the scope with both results, or neither. */
static cairn_tensor *pop_both(cairn_mark m, cairn_tensor *y, cairn_tensor *found, cairn_tensor **index)
{
    if (!y || !found)
        y = found = NULL;
    cairn_scope_pop_list(m, index ? 2 : 1, (cairn_tensor *[]){y, found});
    if (index)
        *index = found;
    return y;
}

cairn_tensor *cairn_sort(cairn_tensor *x, int axis, bool descending, cairn_tensor **index)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *i = first_k("sort", x, axis, descending, -1);
    return pop_both(m, cairn_gather(x, axis, i), i, index);
}

cairn_tensor *cairn_topk(cairn_tensor *x, int64_t k, int axis, bool largest, cairn_tensor **index)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *i = first_k("topk", x, axis, largest, k < 0 ? INT64_MAX : k);
    return pop_both(m, cairn_gather(x, axis, i), i, index);
}

/* The element at i (size 1 on the axis) of each lane, with its index. */
static cairn_tensor *picked(cairn_mark m, cairn_tensor *x, int axis, cairn_tensor *i, bool keep, cairn_tensor **index)
{
    cairn_tensor *y = i ? cairn_gather(x, axis, i) : NULL;
    if (!keep && cairn_rank(x) > 0) {
        y = cairn_squeeze(y, axis);
        i = cairn_squeeze(i, axis);
    }
    return pop_both(m, y, i, index);
}

static cairn_tensor *nth(const char *op, cairn_tensor *x, int64_t k, int axis)
{
    cairn_tensor *i = first_k(op, x, axis, false, k);
    return cairn_rank(i) > 0 ? cairn_narrow(i, axis, k - 1, 1) : i;
}

cairn_tensor *cairn_kthvalue(cairn_tensor *x, int64_t k, int axis, bool keep, cairn_tensor **index)
{
    cairn_mark m = cairn_scope_push();
    return picked(m, x, axis, nth("kthvalue", x, k < 1 ? INT64_MAX : k, axis), keep, index);
}

static cairn_tensor *extreme(bool largest, cairn_tensor *x, int axis, bool keep, cairn_tensor **index)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *i = cairn_rank(x) == 0 ? cairn_zeros(CAIRN_SCALAR, CAIRN_I64)
                      : largest          ? cairn_argmax(x, axis, true)
                                         : cairn_argmin(x, axis, true);
    return picked(m, x, axis, i, keep, index);
}
cairn_tensor *cairn_max(cairn_tensor *x, int axis, bool keep, cairn_tensor **index) { return extreme(true, x, axis, keep, index); }
cairn_tensor *cairn_min(cairn_tensor *x, int axis, bool keep, cairn_tensor **index) { return extreme(false, x, axis, keep, index); }

/* The number of elements along the axis, which must not be 0; -1 with the error set. */
static int64_t lane_length(const char *op, cairn_tensor *x, int axis)
{
    value *v = handle_value(x);
    int rank = v ? v->shape.rank : 0, own = v ? axis_check(op, axis, rank ? rank : 1) : -1;
    int64_t n = own < 0 ? -1 : rank ? v->shape.size[own] : 1;
    if (n == 0) {
        error_set(CAIRN_E_ARGUMENT, "%s: no elements on axis %d of %s", op, axis, SHAPE(&v->shape));
        return -1;
    }
    return n;
}

static bool floating(cairn_tensor *x) { return type_is_float(cairn_dtype_of(x)); }

cairn_tensor *cairn_median(cairn_tensor *x, int axis, bool keep, cairn_tensor **index)
{
    int64_t n = lane_length("median", x, axis);
    if (index)
        *index = NULL;
    if (n < 0)
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *i = nth("median", x, (n + 1) / 2, axis);
    if (floating(x) && cairn_rank(x) > 0) {                  /* the first NaN, if there is one */
        cairn_tensor *nan = cairn_isnan(x);
        i = cairn_where(cairn_any(nan, CAIRN_AXES(axis), true), cairn_argmax(cairn_to(nan, CAIRN_I32), axis, true), i);
    }
    return picked(m, x, axis, i, keep, index);
}

/* In a sorted lane, the end of the first of the longest runs. */
cairn_tensor *cairn_mode(cairn_tensor *x, int axis, bool keep, cairn_tensor **index)
{
    int64_t n = lane_length("mode", x, axis);
    if (index)
        *index = NULL;
    if (n < 0)
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *order = cairn_argsort(x, axis, false);
    if (cairn_rank(x) == 0)
        return picked(m, x, axis, order, keep, index);
    int rank = cairn_rank(x), own = axis < 0 ? axis + rank : axis;
    cairn_tensor *sorted = cairn_detach(cairn_gather(x, axis, order)), *at = iota(n, own, rank);
    cairn_tensor *changes = cairn_ne(sorted, cairn_roll(sorted, 1, axis));
    cairn_tensor *start = cairn_cummax(cairn_where(changes, at, cairn_integer(0)), axis, NULL);
    cairn_tensor *best = cairn_argmax(cairn_sub(at, start), axis, true);
    return picked(m, x, axis, cairn_gather(order, axis, best), keep, index);
}

cairn_tensor *cairn_quantile(cairn_tensor *x, double q, int axis, bool keep)
{
    int64_t n = lane_length("quantile", x, axis);
    if (n < 0)
        return NULL;
    if (!(q >= 0 && q <= 1) || !floating(x)) {
        error_set(CAIRN_E_ARGUMENT, "quantile: %g of a %s tensor; needs 0 to 1 and a floating type", q, cairn_dtype_name(cairn_dtype_of(x)));
        return NULL;
    }
    if (cairn_rank(x) == 0)
        return x;
    double at = q * (double)(n - 1), low = floor(at);
    cairn_mark m = cairn_scope_push();
    cairn_tensor *sorted = cairn_sort(x, axis, false, NULL);
    cairn_tensor *a = cairn_narrow(sorted, axis, (int64_t)low, 1), *b = cairn_narrow(sorted, axis, (int64_t)ceil(at), 1);
    cairn_tensor *y = cairn_lerp(a, b, cairn_number(at - low)), *nan = cairn_any(cairn_isnan(x), CAIRN_AXES(axis), true);
    y = cairn_where(nan, cairn_number(NAN), y);
    return cairn_scope_pop(m, keep ? y : cairn_squeeze(y, axis));
}

/* ---- unique */

typedef struct unique_call {
    int64_t n, found;
    const char *sorted;                     /* elements in order */
    const int64_t *order;
    int64_t *first, *inverse;               /* where in `sorted` each begins; of each element, which it is */
} unique_call;

#define RUNS(T)                                                                            \
    for (int64_t i = 0; i < c->n; i++) {                                                   \
        const T *x = (const T *)c->sorted;                                                 \
        if (i == 0 || x[i] != x[i - 1])                                                    \
            c->first[c->found++] = i;                                                      \
        c->inverse[c->order[i]] = c->found - 1;                                            \
    }

static void find_runs(unique_call *c, cairn_dtype type)
{
    ARITHMETIC_SWITCH(type, RUNS)
}

cairn_tensor *cairn_unique(cairn_tensor *x, cairn_tensor **inverse, cairn_tensor **counts)
{
    value *v = handle_value(x);
    if (inverse)
        *inverse = NULL;
    if (counts)
        *counts = NULL;
    if (!v)
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *flat = in_arithmetic_type(cairn_reshape(cairn_detach(x), CAIRN_SHAPE(-1))), *order, *results[3] = {0};
    cairn_tensor *sorted = cairn_sort(flat, 0, false, &order);
    unique_call c = {.n = shape_numel(&v->shape), .sorted = cairn_data(sorted), .order = cairn_data(order)};
    cairn_tensor *first = NULL;
    if (c.sorted && c.order && (first = leaf_new(&CAIRN_SHAPE(c.n + 1), CAIRN_I64, (void **)&c.first)) &&
        (results[1] = leaf_new(&v->shape, CAIRN_I64, (void **)&c.inverse))) {
        find_runs(&c, cairn_dtype_of(sorted));
        c.first[c.found] = c.n;
        cairn_tensor *starts = cairn_narrow(first, 0, 0, c.found);
        results[0] = cairn_to(cairn_index_select(sorted, 0, starts), (cairn_dtype)v->type);
        results[2] = cairn_sub(cairn_narrow(first, 0, 1, c.found), starts);
    }
    bool whole = results[0] && results[1] && results[2];
    cairn_scope_pop_list(m, whole ? 3 : 0, results);
    if (inverse && whole)
        *inverse = results[1];
    if (counts && whole)
        *counts = results[2];
    return whole ? results[0] : NULL;
}
