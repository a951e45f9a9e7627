#include "primitives/rows/ref.h"

#include "primitives/gemm/half.h"

#include <math.h>
#include <stdlib.h>

double ref_rows_load(const void *x, cairn_dtype type, int64_t i)
{
    switch (type) {
    case CAIRN_F64: return ((const double *)x)[i];
    case CAIRN_F16: return f16_to_f32(((const uint16_t *)x)[i]);
    case CAIRN_BF16: return bf16_to_f32(((const uint16_t *)x)[i]);
    default: return ((const float *)x)[i];
    }
}

void ref_rows_store(void *x, cairn_dtype type, int64_t i, double v)
{
    switch (type) {
    case CAIRN_F64: ((double *)x)[i] = v; break;
    case CAIRN_F16: ((uint16_t *)x)[i] = f32_to_f16((float)v); break;
    case CAIRN_BF16: ((uint16_t *)x)[i] = f32_to_bf16((float)v); break;
    default: ((float *)x)[i] = (float)v;
    }
}

#define LOAD(x, i) ref_rows_load(x, d->type, i)
#define STORE(x, i, v) ref_rows_store(x, d->type, i, v)

static int64_t or_else(int64_t x, int64_t y) { return x ? x : y; }
static cairn_dtype sum_type(cairn_dtype type) { return type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32; }

/* ---- Softmax ------------------------------------------------------------------------------------*/

/* *top keeps what top + log sum would lose. */
static double log_sum(const cairn_softmax_rows *d, const void *x, int64_t at, double *highest)
{
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < d->columns; i++)
        top = fmax(top, LOAD(x, at + i));
    for (int64_t i = 0; i < d->columns; i++)
        sum += exp(LOAD(x, at + i) - top);
    *highest = top;
    return log(sum);
}

void ref_softmax_forward(const cairn_softmax_rows *d, const void *x, void *y)
{
    for (int64_t row = 0; row < d->rows; row++) {
        const int64_t from = row * or_else(d->x_row, d->columns), to = row * or_else(d->y_row, d->columns);
        double top;
        const double sum = log_sum(d, x, from, &top);
        for (int64_t i = 0; i < d->columns; i++) {
            const double v = LOAD(x, from + i) - top - sum;
            STORE(y, to + i, d->log ? v : exp(v));
        }
    }
}

void ref_softmax_gradient(const cairn_softmax_rows *d, const void *y, const void *dy, void *dx)
{
    for (int64_t row = 0; row < d->rows; row++) {
        const int64_t from = row * or_else(d->y_row, d->columns), to = row * or_else(d->x_row, d->columns);
        double sum = 0;
        for (int64_t i = 0; i < d->columns; i++)
            sum += LOAD(dy, from + i) * (d->log ? 1 : LOAD(y, from + i));
        for (int64_t i = 0; i < d->columns; i++) {
            const double v = LOAD(y, from + i), g = LOAD(dy, from + i);
            STORE(dx, to + i, d->log ? g - exp(v) * sum : v * (g - sum));
        }
    }
}

void ref_cross_entropy(const cairn_softmax_rows *d, const void *x, const int64_t *labels, const cairn_labels *o, void *loss, void *dx)
{
    for (int64_t row = 0; row < d->rows; row++) {
        const int64_t at = row * or_else(d->x_row, d->columns);
        const bool counts = !o->ignore || labels[row] != o->ignore_label;
        double total = 0, top;
        const double sum = log_sum(d, x, at, &top);
        for (int64_t i = 0; i < d->columns; i++) {
            const double target = o->smoothing / (double)d->columns + (i == labels[row] ? 1 - o->smoothing : 0), p = LOAD(x, at + i) - top - sum;
            total -= target * p;
            if (dx)
                STORE(dx, at + i, counts ? o->scale * (exp(p) - target) : 0);
        }
        ref_rows_store(loss, sum_type(d->type), row, counts ? total : 0);
    }
}

/* ---- Norms --------------------------------------------------------------------------------------*/

/* Element (n, c, i)'s place among the statistics. */
static int64_t statistic(const cairn_norm_rows *d, int64_t n, int64_t c)
{
    const int64_t groups = or_else(d->groups, 1);
    return d->kind == CAIRN_BATCH_NORM ? c : d->kind == CAIRN_GROUP_NORM ? n * groups + c / (d->c / groups) : n;
}

static int64_t statistics(const cairn_norm_rows *d)
{
    return d->kind == CAIRN_BATCH_NORM ? d->c : d->n * (d->kind == CAIRN_GROUP_NORM ? or_else(d->groups, 1) : 1);
}

/* f over all elements, by place: its statistic, its channel. */
#define EACH(d, i, s, ch)                                                                                  \
    for (int64_t i = 0, inner_ = or_else((d)->inner, 1), ch = 0, s = 0; i < (d)->n * (d)->c * inner_; i++) \
        if (ch = i / inner_ % (d)->c, s = statistic(d, i / inner_ / (d)->c, ch), 1)

void ref_norm_forward(const cairn_norm_rows *d, const void *x, const void *weight, const void *bias, void *y, void *mean, void *deviation)
{
    const cairn_dtype type = sum_type(d->type);
    const int64_t sets = statistics(d);
    double *m = calloc((size_t)sets + 1, sizeof *m), *v = calloc((size_t)sets + 1, sizeof *v);
    const double size = (double)(d->n * d->c * or_else(d->inner, 1)) / (double)(sets ? sets : 1);
    EACH(d, i, s, c) m[s] += d->kind == CAIRN_RMS_NORM ? 0 : LOAD(x, i) / size;
    EACH(d, i, s, c) v[s] += pow(LOAD(x, i) - m[s], 2) / size;
    for (int64_t s = 0; s < sets; s++) {
        ref_rows_store(mean, type, s, m[s]);
        ref_rows_store(deviation, type, s, v[s] = 1 / sqrt(v[s] + d->eps));
    }
    EACH(d, i, s, c)
        STORE(y, i, (LOAD(x, i) - m[s]) * v[s] * (weight ? ref_rows_load(weight, type, c) : 1) + (bias ? ref_rows_load(bias, type, c) : 0));
    free(m), free(v);
}

void ref_norm_gradient(const cairn_norm_rows *d, const void *x, const void *weight, const void *mean, const void *deviation, const void *dy,
                       void *dx, void *dweight, void *dbias)
{
    const cairn_dtype type = sum_type(d->type);
    const int64_t sets = statistics(d);
    double *a = calloc((size_t)sets + 1, sizeof *a), *b = calloc((size_t)sets + 1, sizeof *b), *dw = calloc((size_t)d->c + 1, sizeof *dw);
    double *db = calloc((size_t)d->c + 1, sizeof *db);
    const double size = (double)(d->n * d->c * or_else(d->inner, 1)) / (double)(sets ? sets : 1);
    EACH(d, i, s, c) {
        const double hat = (LOAD(x, i) - ref_rows_load(mean, type, s)) * ref_rows_load(deviation, type, s);
        const double g = LOAD(dy, i) * (weight ? ref_rows_load(weight, type, c) : 1);
        a[s] += d->kind == CAIRN_RMS_NORM ? 0 : g / size;
        b[s] += g * hat / size;
        dw[c] += LOAD(dy, i) * hat;
        db[c] += LOAD(dy, i);
    }
    EACH(d, i, s, c) {
        const double scale = ref_rows_load(deviation, type, s), hat = (LOAD(x, i) - ref_rows_load(mean, type, s)) * scale;
        STORE(dx, i, scale * (LOAD(dy, i) * (weight ? ref_rows_load(weight, type, c) : 1) - a[s] - hat * b[s]));
    }
    for (int64_t c = 0; c < d->c; c++) {
        if (dweight)
            ref_rows_store(dweight, type, c, dw[c]);
        if (dbias)
            ref_rows_store(dbias, type, c, db[c]);
    }
    free(a), free(b), free(dw), free(db);
}

/* ---- Local response norm ----------------------------------------------------------------------------*/

static double local_scale(const cairn_local_norm *d, const void *x, int64_t i)
{
    const int64_t inner = d->inner ? d->inner : 1, c = i / inner % d->c;
    double sum = 0;
    for (int64_t k = c - d->size / 2; k < c - d->size / 2 + d->size; k++)
        if (k >= 0 && k < d->c)
            sum += ref_rows_load(x, d->type, i + (k - c) * inner) * ref_rows_load(x, d->type, i + (k - c) * inner);
    return d->k + d->alpha / (double)d->size * sum;
}

void ref_local_norm_forward(const cairn_local_norm *d, const void *x, void *y, void *scale)
{
    for (int64_t i = 0; i < d->n * d->c * (d->inner ? d->inner : 1); i++) {
        const double s = local_scale(d, x, i);
        ref_rows_store(scale, d->type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32, i, s);
        ref_rows_store(y, d->type, i, ref_rows_load(x, d->type, i) * pow(s, -d->beta));
    }
}

/* dy_j / dx_i = (i == j) s_j^-beta - x_j beta s_j^(-beta-1) 2 alpha / size x_i where i is in j's window. */
void ref_local_norm_gradient(const cairn_local_norm *d, const void *x, const void *dy, void *dx)
{
    const int64_t inner = d->inner ? d->inner : 1;
    for (int64_t i = 0; i < d->n * d->c * inner; i++) {
        const int64_t c = i / inner % d->c;
        double sum = ref_rows_load(dy, d->type, i) * pow(local_scale(d, x, i), -d->beta);
        for (int64_t k = 0; k < d->c; k++) {
            const int64_t j = i + (k - c) * inner;
            if (c < k - d->size / 2 || c >= k - d->size / 2 + d->size)
                continue;
            sum -= ref_rows_load(dy, d->type, j) * ref_rows_load(x, d->type, j) * d->beta * pow(local_scale(d, x, j), -d->beta - 1) *
                   2 * d->alpha / (double)d->size * ref_rows_load(x, d->type, i);
        }
        ref_rows_store(dx, d->type, i, sum);
    }
}
