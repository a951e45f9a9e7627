/* Attention: an operation on the primitive, which never holds the matrix of all pairs, and the same composed of others for what the
 * primitive lacks: dropout on the weights, a mask that is learned, derivatives of the gradient.
 *
 * The operation has two results, o and the logarithms of each query's sum, which the gradient needs. They lie in one
 * buffer, a vector: [sums | o (N, L, H, F)]. The gradient's [dq | dk | dv] likewise, each beginning at 64 bytes. */
#include "framework/ops/autocast.h"
#include "framework/ops/attention.h"
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/dnn.h>
#include <float.h>
#include <math.h>
#include <string.h>

typedef cairn_tensor T;

/* Inputs: q (N, H, L, E), k (N, G, S, E), v (N, G, S, F), or packed (N, L, 3 H E); the gradient's also the result and dO (N, L, H, F);
 * then the mask, if there is one, whose axes of size 1 repeat. */
typedef struct attr_attention {
    double scale;                            /* 0: 1 / sqrt(E) */
    int64_t window, heads;                   /* heads: of packed inputs, else 0 */
    int32_t causal, align_end, has_mask, gradient;
} attr_attention;

/* ---- Sizes and places */

static cairn_attention descriptor(const value *v)
{
    const attr_attention *a = v->attr;
    const shape *q = &v->in[0]->shape;
    cairn_attention d = {.type = (cairn_dtype)v->in[0]->type, .batch = q->size[0], .scale = a->scale, .window = a->window,
                         .causal = a->causal, .align_end = a->align_end};
    if (a->heads) {
        d.heads = d.kv_heads = a->heads;
        d.queries = d.keys = q->size[1];
        d.width = d.value_width = q->size[2] / 3 / a->heads;
        return d;
    }
    const shape *k = &v->in[1]->shape, *values = &v->in[2]->shape;
    d.heads = q->size[1], d.queries = q->size[2], d.width = q->size[3];
    d.kv_heads = k->size[1], d.keys = k->size[2], d.value_width = values->size[3];
    return d;
}

static cairn_dtype sum_type(cairn_dtype type) { return type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32; }

/* `bytes` in elements of the type, whole cache lines. */
static int64_t lines(int64_t bytes, cairn_dtype type) { return (bytes + 63) / 64 * 64 / cairn_dtype_bytes(type); }

/* Where the parts begin, in elements: sums, o and the end; or dq, dk, dv and the end. */
static void result_parts(const cairn_attention *d, int64_t at[3])
{
    at[0] = 0;
    at[1] = lines(d->batch * d->heads * d->queries * cairn_dtype_bytes(sum_type(d->type)), d->type);
    at[2] = at[1] + d->batch * d->queries * d->heads * d->value_width;
}

static void gradient_parts(const cairn_attention *d, int64_t at[4])
{
    const int bytes = cairn_dtype_bytes(d->type);
    at[0] = 0;
    at[1] = lines(d->batch * d->heads * d->queries * d->width * bytes, d->type);
    at[2] = at[1] + lines(d->batch * d->kv_heads * d->keys * d->width * bytes, d->type);
    at[3] = at[2] + d->batch * d->kv_heads * d->keys * d->value_width;
}

/* (N, rows, heads, width), dense: positions before heads, so that what follows attention finds all of a position together. */
static cairn_attention_rows heads_inside(int64_t heads, int64_t rows, int64_t width)
{
    return (cairn_attention_rows){rows * heads * width, width, heads * width};
}

cairn_status infer_attention(const value *v, spec *out)
{
    const cairn_attention d = descriptor(v);
    int64_t at[3];
    result_parts(&d, at);
    out->type = d.type;
    out->shape = (shape){1, {at[2]}};
    return shape_check("attention", &out->shape, out->type) ? CAIRN_OK : cairn_error();
}

cairn_status infer_attention_gradient(const value *v, spec *out)
{
    const attr_attention *a = v->attr;
    const cairn_attention d = descriptor(v);
    int64_t at[4];
    gradient_parts(&d, at);
    out->type = d.type;
    out->shape = a->heads ? v->in[0]->shape : (shape){1, {at[3]}};
    return shape_check("attention", &out->shape, out->type) ? CAIRN_OK : cairn_error();
}

/* ---- Running: the primitive wants rows whose elements lie together; others are copied to the workspace first */

typedef struct operands {
    view in[6];
    int rows;                                /* the first of them hold rows */
    bool copied[6];
    int64_t bytes;                           /* of the workspace, for the copies */
} operands;

static operands with_rows(const op_run *r)
{
    const attr_attention *a = r->v->attr;
    operands o = {.rows = r->v->n_in - a->has_mask};
    for (int i = 0; i < r->v->n_in; i++) {
        view *x = &o.in[i];
        *x = r->in[i];
        int last = x->shape.rank - 1;
        if (i >= o.rows || x->stride[last] == 1 || x->shape.size[last] <= 1)
            continue;
        o.copied[i] = true;
        dense_strides(&x->shape, false, x->stride);
        x->data = (char *)r->workspace + o.bytes;
        o.bytes += lines(shape_numel(&x->shape) * cairn_dtype_bytes(x->type), x->type) * cairn_dtype_bytes(x->type);
    }
    return o;
}

static cairn_attention_rows rows_of(const view *x, int head_axis, int row_axis)
{
    return (cairn_attention_rows){x->stride[0], x->stride[head_axis], x->stride[row_axis]};
}

/* A packed row holds q, k and v of all heads. */
static cairn_attention placed(const op_run *r, const operands *o)
{
    const attr_attention *a = r->v->attr;
    cairn_attention d = descriptor(r->v);
    if (a->heads)
        d.q = d.k = d.v = (cairn_attention_rows){o->in[0].stride[0], d.width, o->in[0].stride[1]};
    else
        d.q = rows_of(&o->in[0], 1, 2), d.k = rows_of(&o->in[1], 1, 2), d.v = rows_of(&o->in[2], 1, 2);
    d.o = heads_inside(d.heads, d.queries, d.value_width);
    if (a->gradient) {
        d.d_o = rows_of(&o->in[o->rows - 1], 2, 1);
        d.dq = a->heads ? heads_inside(3 * d.heads, d.queries, d.width) : heads_inside(d.heads, d.queries, d.width);
        d.dk = a->heads ? d.dq : heads_inside(d.kv_heads, d.keys, d.width);
        d.dv = a->heads ? d.dq : heads_inside(d.kv_heads, d.keys, d.value_width);
    }
    if (a->has_mask) {
        const view *m = &o->in[o->rows];
        d.mask = m->data ? m->data : &d;      /* asked for its workspace there is none yet */
        d.mask_type = m->type;
        d.mask_batch = m->shape.size[0] == 1 ? 0 : m->stride[0], d.mask_head = m->shape.size[1] == 1 ? 0 : m->stride[1];
        d.mask_row = m->shape.size[2] == 1 ? 0 : m->stride[2], d.mask_column = m->shape.size[3] == 1 ? 0 : m->stride[3];
    }
    return d;
}

int64_t workspace_attention(const op_run *r)
{
    const attr_attention *a = r->v->attr;
    const operands o = with_rows(r);
    const cairn_attention d = placed(r, &o);
    return o.bytes + cairn_attention_workspace_bytes(&d, a->gradient ? CAIRN_ATTENTION_GRADIENT : CAIRN_ATTENTION_FORWARD);
}

static cairn_status copy_rows(const op_run *r, const operands *o)
{
    cairn_status s = CAIRN_OK;
    for (int i = 0; i < o->rows && !s; i++)
        if (o->copied[i])
            s = copy_view(&r->in[i], &o->in[i]);
    return s;
}

static const char *element(const void *base, int64_t at, cairn_dtype type) { return (const char *)base + at * cairn_dtype_bytes(type); }

/* q, k and v: three inputs, or three parts of one. */
static void find_inputs(const operands *o, const cairn_attention *d, bool packed, const void *in[3])
{
    for (int i = 0; i < 3; i++)
        in[i] = packed ? element(o->in[0].data, i * d->heads * d->width, d->type) : o->in[i].data;
}

/* What a query that sees no key has for a sum would look like an accident to CAIRN_CHECK_NAN; nor may the gap be anything. */
static void finish_sums(const cairn_attention *d, void *sums, int64_t end)
{
    const int64_t n = d->batch * d->heads * d->queries;
    for (int64_t i = 0; i < n && d->type == CAIRN_F64; i++)
        if (((double *)sums)[i] == -INFINITY)
            ((double *)sums)[i] = -DBL_MAX;
    for (int64_t i = 0; i < n && d->type != CAIRN_F64; i++)
        if (((float *)sums)[i] == -INFINITY)
            ((float *)sums)[i] = -FLT_MAX;
    char *gap = (char *)sums + n * cairn_dtype_bytes(sum_type(d->type));
    memset(gap, 0, (size_t)(end * cairn_dtype_bytes(d->type) - n * cairn_dtype_bytes(sum_type(d->type))));
}

cairn_status run_attention(const op_run *r)
{
    const attr_attention *a = r->v->attr;
    const operands o = with_rows(r);
    const cairn_attention d = placed(r, &o);
    const void *in[3];
    int64_t at[3];
    result_parts(&d, at);
    find_inputs(&o, &d, a->heads, in);
    void *out = (char *)(uintptr_t)element(r->out.data, at[1], d.type);
    cairn_status s = copy_rows(r, &o);
    if (!s)
        s = cairn_attention_forward(&d, in[0], in[1], in[2], out, r->out.data, (char *)r->workspace + o.bytes, r->workspace_bytes - o.bytes);
    if (!s)
        finish_sums(&d, r->out.data, at[1]);
    return s;
}

cairn_status run_attention_gradient(const op_run *r)
{
    const attr_attention *a = r->v->attr;
    const operands o = with_rows(r);
    const cairn_attention d = placed(r, &o);
    const view *result = &o.in[o.rows - 2], *d_o = &o.in[o.rows - 1];
    const void *in[3];
    int64_t at[3], to[4];
    result_parts(&d, at);
    gradient_parts(&d, to);
    if (a->heads)
        to[1] = d.heads * d.width, to[2] = 2 * to[1];
    find_inputs(&o, &d, a->heads, in);
    void *out[3];
    for (int i = 0; i < 3; i++)
        out[i] = (char *)(uintptr_t)element(r->out.data, to[i], d.type);
    cairn_status s = copy_rows(r, &o);
    return s ? s : cairn_attention_gradient(&d, in[0], in[1], in[2], element(result->data, at[1], d.type), result->data, d_o->data, out[0],
                                            out[1], out[2], (char *)r->workspace + o.bytes, r->workspace_bytes - o.bytes);
}

/* ---- Composed: softmax(scale q k^T + mask) v, and its gradient as an expression */

/* (N, G, S, E) -> (N, H, S, E): each head of keys for its group of queries. */
static T *for_all_heads(T *x, int64_t heads)
{
    cairn_shape s = cairn_shape_of(x);
    if (s.size[1] == heads)
        return x;
    T *y = cairn_expand(cairn_unsqueeze(x, 2), CAIRN_SHAPE(s.size[0], s.size[1], heads / s.size[1], s.size[2], s.size[3]));
    return cairn_flatten(y, 1, 2);
}

/* Which pairs a causal mask and a window leave: bool (L, S); NULL: all. */
static T *near(const attr_attention *a, int64_t queries, int64_t keys)
{
    if (!a->causal && !a->window)
        return NULL;
    T *place = cairn_add(iota(queries, 0, 2), cairn_integer(a->align_end ? keys - queries : 0)), *key = iota(keys, 1, 2);
    T *seen = a->causal ? cairn_le(key, place) : NULL;
    if (!a->window)
        return seen;
    T *close = cairn_lt(cairn_abs(cairn_sub(key, place)), cairn_integer(a->window));
    return seen ? cairn_logical_and(seen, close) : close;
}

/* The weights (N, H, L, S): 0 for a query that sees nothing, as the primitive has it. */
static T *weights(T *q, T *k, T *mask, const attr_attention *a)
{
    T *none = cairn_number(-INFINITY), *zero = cairn_number(0);
    double scale = a->scale != 0 ? a->scale : 1 / sqrt((double)cairn_size(q, -1));
    T *scores = cairn_mul(cairn_matmul(q, cairn_mT(k)), cairn_number(scale)), *seen = near(a, cairn_size(q, -2), cairn_size(k, -2));
    if (seen)
        scores = cairn_where(seen, scores, none);
    if (mask)
        scores = cairn_dtype_of(mask) == CAIRN_BOOL ? cairn_where(mask, scores, none) : cairn_add(scores, mask);
    if ((!mask && !a->window && !a->align_end) || !cairn_size(k, -2))
        return cairn_softmax(scores, -1);
    cairn_no_grad_begin();
    T *empty = cairn_eq(cairn_amax(scores, CAIRN_AXES(-1), true), none);
    cairn_no_grad_end();
    return cairn_where(empty, zero, cairn_softmax(cairn_where(empty, zero, scores), -1));
}

static T *composed(T *q, T *k, T *v, T *mask, const attr_attention *a, double dropout)
{
    if (!q || !k || !v)
        return NULL;
    int64_t heads = cairn_size(q, 1);
    T *w = cairn_f_dropout(weights(q, for_all_heads(k, heads), mask, a), dropout, true);
    return cairn_matmul(w, for_all_heads(v, heads));
}

/* (N, H, S, E) -> (N, G, S, E): the sum over each group. */
static T *sum_groups(T *x, int64_t groups)
{
    int64_t heads = x ? cairn_size(x, 1) : groups;
    return heads == groups ? x : cairn_sum(cairn_unflatten(x, 1, CAIRN_SHAPE(groups, heads / groups)), CAIRN_AXES(2), false);
}

static void composed_gradient(T *const in[3], T *mask, const attr_attention *a, T *d_o, T **dx)
{
    if (!in[0] || !in[1] || !in[2])
        return;
    int64_t heads = cairn_size(in[0], 1), groups = cairn_size(in[1], 1);
    double scale = a->scale != 0 ? a->scale : 1 / sqrt((double)cairn_size(in[0], -1));
    T *k = for_all_heads(in[1], heads), *v = for_all_heads(in[2], heads), *w = weights(in[0], k, mask, a);
    T *slope = cairn_matmul(d_o, cairn_mT(v));
    T *s = cairn_mul(cairn_mul(w, cairn_sub(slope, cairn_sum(cairn_mul(w, slope), CAIRN_AXES(-1), true))), cairn_number(scale));
    dx[0] = cairn_matmul(s, k);
    dx[1] = sum_groups(cairn_matmul(cairn_mT(s), in[0]), groups);
    dx[2] = sum_groups(cairn_matmul(cairn_mT(w), d_o), groups);
}

/* ---- The gradient */

/* Elements from `at` on as (N, rows, heads, width), seen as (N, heads, rows, width) */
static T *part(T *all, int64_t at, int64_t n, int64_t rows, int64_t heads, int64_t width)
{
    T *x = cairn_reshape(cairn_narrow(all, 0, at, n * rows * heads * width), CAIRN_SHAPE(n, rows, heads, width));
    return cairn_transpose(x, 1, 2);
}

/* (N, L, 3 H E) -> three of (N, H, L, E), and back */
static void unpack(T *all, int64_t heads, T *out[3])
{
    int64_t width = cairn_size(all, -1) / 3;
    for (int i = 0; i < 3; i++)
        out[i] = cairn_transpose(cairn_unflatten(cairn_narrow(all, -1, i * width, width), -1, CAIRN_SHAPE(heads, width / heads)), 1, 2);
}

static T *pack(T *const in[3])
{
    T *flat[3];
    for (int i = 0; i < 3; i++)
        flat[i] = cairn_flatten(cairn_transpose(in[i], 1, 2), 2, 3);
    return cairn_cat(3, flat, -1);
}

void gradient_attention(const value *v, T *dy, T **dx)
{
    attr_attention a = *(const attr_attention *)v->attr;
    const cairn_attention d = descriptor(v);
    int rows = v->n_in - a.has_mask;
    int64_t at[3], to[4];
    result_parts(&d, at);
    gradient_parts(&d, to);
    T *d_o = part(dy, at[1], d.batch, d.queries, d.heads, d.value_width), *mask = a.has_mask ? input(v, rows) : NULL, *in[6];
    for (int i = 0; i < rows; i++)
        in[i] = input(v, i);
    if (cairn_grad_enabled()) {              /* to be differentiated again: an expression */
        T *qkv[3] = {in[0], in[1], in[2]}, *parts[3];
        if (a.heads)
            unpack(in[0], a.heads, qkv);
        composed_gradient(qkv, mask, &a, d_o, a.heads ? parts : dx);
        if (a.heads)
            dx[0] = pack(parts);
        return;
    }
    in[rows] = output(v);
    in[rows + 1] = cairn_transpose(d_o, 1, 2);
    if (a.has_mask)
        in[rows + 2] = mask;
    a.gradient = true;
    T *all = op_build(OP_attention_gradient, rows + 2 + a.has_mask, in, &a, sizeof a);
    dx[0] = all;
    if (a.heads)
        return;
    dx[0] = part(all, to[0], d.batch, d.queries, d.heads, d.width);
    dx[1] = part(all, to[1], d.batch, d.keys, d.kv_heads, d.width);
    dx[2] = part(all, to[2], d.batch, d.keys, d.kv_heads, d.value_width);
}

/* ---- Front functions */

static bool refuse(cairn_status s, const value *q, const value *k, const value *v, const char *why)
{
    error_set(s, "scaled_dot_product_attention: %s: q %s, k %s, v %s", why, SHAPE(&q->shape), SHAPE(&k->shape), SHAPE(&v->shape));
    return false;
}

/* Leading axes: those of the result, and of keys and values, which in groups have fewer heads. */
static bool find_leading(T *q, T *k, T *v, bool grouped, shape *lead, shape *kv_lead)
{
    value *in[3] = {handle_value(q), handle_value(k), handle_value(v)};
    shape s[3];
    if (!in[0] || !in[1] || !in[2])
        return false;
    for (int i = 0; i < 3; i++) {
        s[i] = in[i]->shape;
        if (s[i].rank < 2 + grouped || !type_is_float((cairn_dtype)in[i]->type))
            return refuse(type_is_float((cairn_dtype)in[i]->type) ? CAIRN_E_SHAPE : CAIRN_E_TYPE, in[0], in[1], in[2], "needs floating matrices");
        s[i].rank -= 2;
    }
    if (cairn_size(q, -1) != cairn_size(k, -1) || cairn_size(k, -2) != cairn_size(v, -2) || !cairn_size(q, -1) || !cairn_size(v, -1))
        return refuse(CAIRN_E_SHAPE, in[0], in[1], in[2], "sizes do not fit");
    int64_t heads[3] = {0};
    for (int i = 0; grouped && i < 3; i++) {
        heads[i] = s[i].size[s[i].rank - 1];
        s[i].size[s[i].rank - 1] = 1;
    }
    if (!shape_broadcast(&s[1], &s[2], kv_lead) || !shape_broadcast(&s[0], kv_lead, lead))
        return refuse(CAIRN_E_SHAPE, in[0], in[1], in[2], "leading axes do not broadcast");
    *kv_lead = *lead;
    if (!grouped)
        return true;
    if (heads[1] != heads[2] || heads[1] < 1 || heads[0] % heads[1])
        return refuse(CAIRN_E_SHAPE, in[0], in[1], in[2], "heads do not divide into groups");
    lead->size[lead->rank - 1] = heads[0];
    kv_lead->size[lead->rank - 1] = heads[1];
    return true;
}

/* x with these leading axes as (N, H, rows, width); heads are the last of them. A mask's size-1 axes stay when it has no more axes. */
static T *four(T *x, const shape *lead)
{
    shape s = cairn_shape_of(x), full = *lead;
    int64_t rows = s.size[s.rank - 2], width = s.size[s.rank - 1], heads = lead->rank ? lead->size[lead->rank - 1] : 1;
    full.size[full.rank++] = rows;
    full.size[full.rank++] = width;
    if (!shape_equal(&s, &full))
        x = cairn_expand(x, full);
    if (lead->rank == 2)
        return x;
    int64_t n = 1;
    for (int i = 0; i + 1 < lead->rank; i++)
        n *= lead->size[i];
    return cairn_reshape(x, CAIRN_SHAPE(n, heads, rows, width));
}

/* The mask on four axes; NULL with the error set. */
static T *four_mask(T *mask, const shape *lead, int64_t queries, int64_t keys)
{
    value *m = handle_value(mask);
    if (!m)
        return NULL;
    shape full = *lead, both, s = m->shape;
    full.size[full.rank++] = queries;
    full.size[full.rank++] = keys;
    bool fits = shape_broadcast(&s, &full, &both) && shape_equal(&both, &full);
    if (!fits || (m->type != CAIRN_BOOL && !type_is_float((cairn_dtype)m->type))) {
        error_set(fits ? CAIRN_E_TYPE : CAIRN_E_SHAPE, "scaled_dot_product_attention: a mask of %s %s for scores of %s",
                  cairn_dtype_name((cairn_dtype)m->type), SHAPE(&s), SHAPE(&full));
        return NULL;
    }
    shape wide = {4, {1, 1, 1, 1}};
    if (full.rank > 4)
        return four(mask, lead);
    if (full.rank == 3)                       /* (B, L, S): B is the axis of heads here */
        full.rank = 4;
    for (int i = 0; i < s.rank; i++)
        wide.size[4 - s.rank + i] = s.size[i];
    return cairn_reshape(mask, wide);
}

static bool options_fit(const cairn_attention_options *o)
{
    if (o->window >= 0 && o->dropout >= 0 && o->dropout <= 1 && !isnan(o->scale))
        return true;
    error_set(CAIRN_E_RANGE, "scaled_dot_product_attention: window %lld, dropout %g, scale %g", (long long)o->window, o->dropout, o->scale);
    return false;
}

static attr_attention attributes(const cairn_attention_options *o)
{
    return (attr_attention){.scale = o->scale, .window = o->window, .causal = o->causal, .align_end = o->align_end, .has_mask = o->mask != NULL};
}

/* What the primitive cannot do. */
static bool needs_parts(const cairn_attention_options *o)
{
    return o->dropout > 0 || (o->mask && cairn_requires_grad(o->mask) && cairn_grad_enabled());
}

static T *attend(T *q, T *k, T *v, T *mask, const cairn_attention_options *o)
{
    attr_attention a = attributes(o);
    if (needs_parts(o))
        return composed(q, k, v, mask, &a, o->dropout);
    T *in[4] = {q, k, v, mask}, *all = op_build(OP_attention, 3 + a.has_mask, in, &a, sizeof a);
    if (!all)
        return NULL;
    const cairn_attention d = descriptor(handle_value(all));
    int64_t at[3];
    result_parts(&d, at);
    return part(all, at[1], d.batch, d.queries, d.heads, d.value_width);
}

cairn_tensor *cairn_scaled_dot_product_attention(T *q, T *k, T *v, const cairn_attention_options *options)
{
    static const cairn_attention_options plain;
    const cairn_attention_options *o = options ? options : &plain;
    shape lead, kv_lead;
    if (autocast_lowers(q) || autocast_lowers(k) || autocast_lowers(v))
        COMPOSED(cairn_scaled_dot_product_attention(autocast_low(q), autocast_low(k), autocast_low(v), options));
    if (!find_leading(q, k, v, o->grouped_heads, &lead, &kv_lead) || !options_fit(o))
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_dtype type = cairn_promote_types(cairn_promote_types(cairn_dtype_of(q), cairn_dtype_of(k)), cairn_dtype_of(v));
    T *mask = o->mask ? four_mask(o->mask, &lead, cairn_size(q, -2), cairn_size(k, -2)) : NULL;
    if (o->mask && !mask)
        return cairn_scope_pop(m, NULL);
    T *y = attend(four(cairn_to(q, type), &lead), four(cairn_to(k, type), &kv_lead), four(cairn_to(v, type), &kv_lead), mask, o);
    if (lead.rank == 2 || !y)
        return cairn_scope_pop(m, y);
    shape full = lead;
    full.size[full.rank++] = cairn_size(y, 2);
    full.size[full.rank++] = cairn_size(y, 3);
    return cairn_scope_pop(m, cairn_reshape(y, full));
}

cairn_tensor *attention_of_packed(T *all, int64_t heads, const cairn_attention_options *o)
{
    if (!handle_value(all) || !options_fit(o))
        return NULL;
    cairn_shape s = cairn_shape_of(all);
    shape lead = {2, {s.size[0], heads}};
    attr_attention a = attributes(o);
    a.heads = heads;
    cairn_mark m = cairn_scope_push();
    T *mask = o->mask ? four_mask(o->mask, &lead, s.size[1], s.size[1]) : NULL, *qkv[3];
    if (o->mask && !mask)
        return cairn_scope_pop(m, NULL);
    if (needs_parts(o)) {
        unpack(all, heads, qkv);
        return cairn_scope_pop(m, cairn_flatten(cairn_transpose(composed(qkv[0], qkv[1], qkv[2], mask, &a, o->dropout), 1, 2), 2, 3));
    }
    T *in[2] = {all, mask}, *result = op_build(OP_attention, 1 + a.has_mask, in, &a, sizeof a);
    if (!result)
        return cairn_scope_pop(m, NULL);
    const cairn_attention d = descriptor(handle_value(result));
    int64_t at[3];
    result_parts(&d, at);
    T *y = cairn_narrow(result, 0, at[1], at[2] - at[1]);
    return cairn_scope_pop(m, cairn_reshape(y, CAIRN_SHAPE(s.size[0], s.size[1], s.size[2] / 3)));
}
