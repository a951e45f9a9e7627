#include "primitives/attention/ref.h"

#include "primitives/attention/attention.h"
#include "primitives/gemm/half.h"

#include <math.h>
#include <stdlib.h>

static double load(const void *from, cairn_dtype type, int64_t at)
{
    switch (type) {
    case CAIRN_F64: return ((const double *)from)[at];
    case CAIRN_F16: return f16_to_f32(((const uint16_t *)from)[at]);
    case CAIRN_BF16: return bf16_to_f32(((const uint16_t *)from)[at]);
    case CAIRN_BOOL: return ((const uint8_t *)from)[at] ? 0 : -INFINITY;
    default: return ((const float *)from)[at];
    }
}

static void store(void *to, cairn_dtype type, int64_t at, double x)
{
    switch (type) {
    case CAIRN_F64: ((double *)to)[at] = x; break;
    case CAIRN_F16: ((uint16_t *)to)[at] = f32_to_f16((float)x); break;
    case CAIRN_BF16: ((uint16_t *)to)[at] = f32_to_bf16((float)x); break;
    default: ((float *)to)[at] = (float)x;
    }
}

static int64_t at(const cairn_attention_rows *r, int64_t b, int64_t h, int64_t i) { return b * r->batch + h * r->head + i * r->row; }

static int64_t length(const int64_t *lengths, int64_t b, int64_t all) { return lengths ? lengths[b] : all; }

/* weight[j] of query i for all keys; the logarithm of their sum before they were divided by it. */
static double weights(const cairn_attention *d, const void *q, const void *k, int64_t b, int64_t h, int64_t i, double *weight)
{
    const int64_t keys = length(d->key_lengths, b, d->keys), queries = length(d->query_lengths, b, d->queries);
    const int64_t place = i + (d->align_end ? keys - queries : 0), group = d->heads / d->kv_heads;
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < d->keys; j++) {
        const bool near = !d->window || llabs(j - place) < d->window, seen = i < queries && j < keys && near && (!d->causal || j <= place);
        weight[j] = -INFINITY;
        if (!seen)
            continue;
        weight[j] = 0;
        for (int64_t e = 0; e < d->width; e++)
            weight[j] += load(q, d->type, at(&d->q, b, h, i) + e) * load(k, d->type, at(&d->k, b, h / group, j) + e) * d->scale;
        if (d->mask)
            weight[j] += load(d->mask, d->mask_type, b * d->mask_batch + h * d->mask_head + i * d->mask_row + j * d->mask_column);
        top = weight[j] > top || isnan(weight[j]) ? weight[j] : top;
    }
    for (int64_t j = 0; j < d->keys; j++)
        sum += weight[j] == -INFINITY ? 0 : exp(weight[j] - top);
    for (int64_t j = 0; j < d->keys; j++)
        weight[j] = weight[j] == -INFINITY ? 0 : exp(weight[j] - top) / sum;
    return sum == 0 ? -INFINITY : top + log(sum);
}

/* f for every query, with its weights. */
typedef struct walk {
    cairn_attention d;
    const void *q, *k, *v, *d_o;
    void *o, *logsumexp;
    double *dq, *dk, *dv;                   /* dense sums */
} walk;

static void forward(walk *w, int64_t b, int64_t h, int64_t i, const double *weight, double logsumexp)
{
    const cairn_attention *d = &w->d;
    for (int64_t e = 0; e < d->value_width; e++) {
        double sum = 0;
        for (int64_t j = 0; j < d->keys; j++)
            sum += weight[j] == 0 ? 0 : weight[j] * load(w->v, d->type, at(&d->v, b, h / (d->heads / d->kv_heads), j) + e);
        store(w->o, d->type, at(&d->o, b, h, i) + e, sum);
    }
    if (w->logsumexp)
        store(w->logsumexp, d->type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32, (b * d->heads + h) * d->queries + i, logsumexp);
}

static void gradient(walk *w, int64_t b, int64_t h, int64_t i, const double *weight, double logsumexp)
{
    const cairn_attention *d = &w->d;
    const int64_t head = h / (d->heads / d->kv_heads);
    double *slope = calloc((size_t)d->keys + 1, sizeof *slope), mean = 0;
    (void)logsumexp;
    for (int64_t j = 0; j < d->keys; j++) {
        for (int64_t e = 0; e < d->value_width && weight[j] != 0; e++)
            slope[j] += load(w->d_o, d->type, at(&d->d_o, b, h, i) + e) * load(w->v, d->type, at(&d->v, b, head, j) + e);
        mean += weight[j] * slope[j];
    }
    for (int64_t j = 0; j < d->keys; j++) {
        const int64_t row = (b * d->kv_heads + head) * d->keys + j;
        const double s = weight[j] * (slope[j] - mean) * d->scale;
        for (int64_t e = 0; e < d->value_width && weight[j] != 0; e++)
            w->dv[row * d->value_width + e] += weight[j] * load(w->d_o, d->type, at(&d->d_o, b, h, i) + e);
        for (int64_t e = 0; e < d->width && weight[j] != 0; e++) {
            w->dq[((b * d->heads + h) * d->queries + i) * d->width + e] += s * load(w->k, d->type, at(&d->k, b, head, j) + e);
            w->dk[row * d->width + e] += s * load(w->q, d->type, at(&d->q, b, h, i) + e);
        }
    }
    free(slope);
}

static void each(walk *w, void (*f)(walk *, int64_t, int64_t, int64_t, const double *, double))
{
    const cairn_attention *d = &w->d;
    double *weight = calloc((size_t)d->keys + 1, sizeof *weight);
    for (int64_t n = 0; n < d->batch * d->heads * d->queries; n++) {
        const int64_t i = n % d->queries, h = n / d->queries % d->heads, b = n / d->queries / d->heads;
        const double logsumexp = weights(d, w->q, w->k, b, h, i, weight);
        f(w, b, h, i, weight, logsumexp);
    }
    free(weight);
}

bool ref_attention_forward(const cairn_attention *d, const void *q, const void *k, const void *v, void *o, void *logsumexp)
{
    attention a;
    if (attention_check(d, &a))
        return false;
    walk w = {.d = a.d, .q = q, .k = k, .v = v, .o = o, .logsumexp = logsumexp};
    each(&w, forward);
    return true;
}

static void store_rows(const cairn_attention *d, const double *from, int64_t heads, int64_t positions, int64_t width,
                       const cairn_attention_rows *r, void *to)
{
    for (int64_t n = 0; n < d->batch * heads * positions; n++)
        for (int64_t e = 0; e < width; e++)
            store(to, d->type, at(r, n / positions / heads, n / positions % heads, n % positions) + e, from[n * width + e]);
}

bool ref_attention_gradient(const cairn_attention *d, const void *q, const void *k, const void *v, const void *d_o, void *dq, void *dk,
                            void *dv)
{
    attention a;
    if (attention_check(d, &a))
        return false;
    d = &a.d;
    walk w = {.d = *d, .q = q, .k = k, .v = v, .d_o = d_o};
    w.dq = calloc((size_t)(d->batch * d->heads * d->queries * d->width) + 1, sizeof(double));
    w.dk = calloc((size_t)(d->batch * d->kv_heads * d->keys * d->width) + 1, sizeof(double));
    w.dv = calloc((size_t)(d->batch * d->kv_heads * d->keys * d->value_width) + 1, sizeof(double));
    each(&w, gradient);
    store_rows(d, w.dq, d->heads, d->queries, d->width, &d->dq, dq);
    store_rows(d, w.dk, d->kv_heads, d->keys, d->width, &d->dk, dk);
    store_rows(d, w.dv, d->kv_heads, d->keys, d->value_width, &d->dv, dv);
    free(w.dq), free(w.dk), free(w.dv);
    return true;
}
