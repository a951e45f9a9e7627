/* Finding places in sorted sequences, and counting. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include "base/pool.h"
#include <cairn/ops.h>
#include <string.h>

typedef struct attr_search { int64_t right; } attr_search;

/* (sorted (..., N) or (N), values (..., M)) -> i64 (..., M) */
cairn_status infer_searchsorted(const value *v, spec *out)
{
    const shape *s = &v->in[0]->shape, *x = &v->in[1]->shape;
    *out = (spec){*x, CAIRN_I64, false};
    bool fits = s->rank == 1 || s->rank == x->rank;
    for (int i = 0; i < s->rank - 1 && fits; i++)
        fits = s->size[i] == x->size[i];
    return fits && s->rank ? CAIRN_OK : error_set(CAIRN_E_SHAPE, "searchsorted: values of %s in %s", SHAPE(x), SHAPE(s));
}

typedef struct search_call {
    const char *sorted, *values;
    int64_t *out, n, per_row, numel;       /* values of one row of `sorted` */
    cairn_dtype type;
    bool right;
} search_call;

/* The first i with x <= s[i], or x < s[i]; NaN comes last. */
#define SEARCH(T)                                                                          \
    for (int64_t k = first; k < last; k++) {                                               \
        const T *s = (const T *)c->sorted + k / c->per_row * c->n, x = ((const T *)c->values)[k]; \
        int64_t low = 0, high = c->n;                                                      \
        while (low < high) {                                                               \
            int64_t middle = low + (high - low) / 2;                                       \
            bool before = c->right ? !(s[middle] > x) : !(s[middle] >= x);                 \
            if (before || (x != x && s[middle] == s[middle]))                              \
                low = middle + 1;                                                          \
            else                                                                           \
                high = middle;                                                             \
        }                                                                                  \
        c->out[k] = low;                                                                   \
    }

enum { VALUES_PER_TASK = 4096 };

static void search_task(void *context, int64_t task, int worker)
{
    const search_call *c = context;
    int64_t first = task * VALUES_PER_TASK, last = first + VALUES_PER_TASK < c->numel ? first + VALUES_PER_TASK : c->numel;
    (void)worker;
    ARITHMETIC_SWITCH(c->type, SEARCH)
}

cairn_status run_searchsorted(const op_run *r)
{
    const attr_search *a = r->v->attr;
    const shape *s = &r->in[0].shape, *x = &r->in[1].shape;
    search_call c = {.sorted = r->in[0].data, .values = r->in[1].data, .out = r->out.data, .n = s->size[s->rank - 1],
                     .numel = shape_numel(x), .type = r->in[0].type, .right = a->right};
    c.per_row = s->rank == 1 ? c.numel : x->size[x->rank - 1];
    pool_run((c.numel + VALUES_PER_TASK - 1) / VALUES_PER_TASK, search_task, &c);
    return CAIRN_OK;
}

cairn_tensor *cairn_searchsorted(cairn_tensor *sorted, cairn_tensor *values, bool right)
{
    value *s = handle_value(sorted), *x = handle_value(values);
    if (!s || !x)
        return NULL;
    attr_search a = {right};
    cairn_dtype both = cairn_promote_types((cairn_dtype)s->type, (cairn_dtype)x->type);
    COMPOSED(op_build2(OP_searchsorted, in_arithmetic_type(cairn_to(sorted, both)), in_arithmetic_type(cairn_to(values, both)), &a, sizeof a));
}

cairn_tensor *cairn_bucketize(cairn_tensor *values, cairn_tensor *boundaries, bool right)
{
    return cairn_searchsorted(boundaries, values, right);
}

/* ---- Counting */

cairn_tensor *cairn_bincount(cairn_tensor *x, cairn_tensor *weights, int64_t length)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (v->shape.rank != 1 || !type_is_integer((cairn_dtype)v->type)) {
        error_set(CAIRN_E_SHAPE, "bincount: needs a vector of integers, got %s of %s", cairn_dtype_name((cairn_dtype)v->type), SHAPE(&v->shape));
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    int64_t n = v->shape.size[0] ? cairn_item_i64(cairn_amax(x, CAIRN_ALL_AXES, false)) + 1 : 0;
    n = n > length ? n : length;
    cairn_tensor *zero = cairn_zeros(CAIRN_SHAPE(n), weights ? cairn_dtype_of(weights) : CAIRN_I64);
    return cairn_scope_pop(m, cairn_index_add(zero, 0, x, weights ? weights : cairn_ones(v->shape, CAIRN_I64)));
}

typedef struct attr_histc {
    double low, high;
    int64_t bins;
} attr_histc;

/* x of any shape -> (bins) */
cairn_status infer_histc(const value *v, spec *out)
{
    const attr_histc *a = v->attr;
    *out = (spec){{1, {a->bins}}, (cairn_dtype)v->in[0]->type, false};
    return CAIRN_OK;
}

/* Counts are exact in f64, and written in x's type. */
#define HISTC(T)                                                                           \
    for (int64_t i = 0; i < numel; i++) {                                                  \
        double x = (double)((const T *)r->in[0].data)[i];                                  \
        if (!(x >= a->low && x <= a->high))                                                \
            continue;                                                                      \
        int64_t bin = (int64_t)((x - a->low) * (double)a->bins / (a->high - a->low));      \
        ((T *)r->out.data)[bin < a->bins ? bin : a->bins - 1] += 1;                        \
    }

cairn_status run_histc(const op_run *r)
{
    const attr_histc *a = r->v->attr;
    int64_t numel = shape_numel(&r->in[0].shape);
    memset(r->out.data, 0, (size_t)(a->bins * cairn_dtype_bytes(r->out.type)));
    ARITHMETIC_SWITCH(r->in[0].type, HISTC)
    return CAIRN_OK;
}

cairn_tensor *cairn_histc(cairn_tensor *x, int64_t bins, double low, double high)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    cairn_mark m = cairn_scope_push();
    if (low == 0 && high == 0 && shape_numel(&v->shape)) {
        low = cairn_item(cairn_amin(x, CAIRN_ALL_AXES, false));
        high = cairn_item(cairn_amax(x, CAIRN_ALL_AXES, false));
    }
    if (low == high) {
        low -= 1;
        high += 1;
    }
    if (bins < 1 || !(low < high)) {
        error_set(CAIRN_E_ARGUMENT, "histc: %lld bins from %g to %g", (long long)bins, low, high);
        return cairn_scope_pop(m, NULL);
    }
    attr_histc a = {low, high, bins};
    cairn_tensor *y = op_build1(OP_histc, in_arithmetic_type(x), &a, sizeof a);
    return cairn_scope_pop(m, cairn_to(y, (cairn_dtype)v->type));
}
