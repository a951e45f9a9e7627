#include "primitives/pool/ref.h"

#include <math.h>

static double load(const void *x, cairn_dtype type, int64_t i)
{
    return type == CAIRN_F64 ? ((const double *)x)[i] : ((const float *)x)[i];
}

static void store(void *x, cairn_dtype type, int64_t i, double v)
{
    if (type == CAIRN_F64)
        ((double *)x)[i] = v;
    else
        ((float *)x)[i] = (float)v;
}

static int64_t or_one(int64_t x) { return x ? x : 1; }

/* A walk over all (output, tap) pairs: `inside` and `at` tell whether and where the tap's pixel is, `padded` whether it is in the
 * image or its padding. */
typedef struct walk {
    const cairn_pool *d;
    int64_t oh, ow;
    int64_t y, x, at;
    bool inside, padded;
} walk;

static void tap(walk *w, int64_t oy, int64_t ox, int64_t r, int64_t s)
{
    const cairn_pool *d = w->d;
    w->y = oy * or_one(d->stride_h) + r * or_one(d->dilation_h) - d->pad_top;
    w->x = ox * or_one(d->stride_w) + s * or_one(d->dilation_w) - d->pad_left;
    w->inside = w->y >= 0 && w->y < d->h && w->x >= 0 && w->x < d->w;
    w->padded = w->y < d->h + d->pad_bottom && w->x < d->w + d->pad_right;
    w->at = w->y * d->w + w->x;
}

static walk walk_of(const cairn_pool *d)
{
    walk w = {.d = d};
    cairn_pool_output_size(d, &w.oh, &w.ow);
    return w;
}

void ref_max_pool_forward(const cairn_pool *d, const void *x, void *y, int32_t *index)
{
    walk w = walk_of(d);
    for (int64_t i = 0; i < d->n * w.oh * w.ow * d->c; i++) {
        const int64_t c = i % d->c, pixel = i / d->c, n = pixel / w.ow / w.oh;
        double most = -INFINITY;
        int64_t where = -1;
        for (int64_t t = 0; t < d->r * d->s; t++) {
            tap(&w, pixel / w.ow % w.oh, pixel % w.ow, t / d->s, t % d->s);
            if (!w.inside)
                continue;
            const double v = load(x, d->type, (n * d->h * d->w + w.at) * d->c + c);
            if (where < 0 || v > most || (isnan(v) && !isnan(most))) {
                most = v;
                where = w.at;
            }
        }
        store(y, d->type, i, most);
        if (index)
            index[i] = where < 0 ? 0 : (int32_t)where;
    }
}

void ref_max_pool_gradient(const cairn_pool *d, const void *dy, const int32_t *index, void *dx)
{
    const walk w = walk_of(d);
    for (int64_t i = 0; i < d->n * d->h * d->w * d->c; i++)
        store(dx, d->type, i, 0);
    for (int64_t i = 0; i < d->n * w.oh * w.ow * d->c; i++) {
        const int64_t at = (i / d->c / w.ow / w.oh * d->h * d->w + index[i]) * d->c + i % d->c;
        store(dx, d->type, at, load(dx, d->type, at) + load(dy, d->type, i));
    }
}

/* What output `pixel` divides by. */
static double divisor(walk *w, int64_t pixel)
{
    const cairn_pool *d = w->d;
    double count = 0;
    for (int64_t t = 0; t < d->r * d->s; t++) {
        tap(w, pixel / w->ow % w->oh, pixel % w->ow, t / d->s, t % d->s);
        count += d->count_include_pad ? w->padded : w->inside;
    }
    return count;
}

void ref_average_pool_forward(const cairn_pool *d, const void *x, void *y)
{
    walk w = walk_of(d);
    for (int64_t i = 0; i < d->n * w.oh * w.ow * d->c; i++) {
        const int64_t c = i % d->c, pixel = i / d->c, n = pixel / w.ow / w.oh;
        double sum = 0;
        for (int64_t t = 0; t < d->r * d->s; t++) {
            tap(&w, pixel / w.ow % w.oh, pixel % w.ow, t / d->s, t % d->s);
            if (w.inside)
                sum += load(x, d->type, (n * d->h * d->w + w.at) * d->c + c);
        }
        store(y, d->type, i, sum / divisor(&w, pixel));
    }
}

void ref_average_pool_gradient(const cairn_pool *d, const void *dy, void *dx)
{
    walk w = walk_of(d);
    for (int64_t i = 0; i < d->n * d->h * d->w * d->c; i++)
        store(dx, d->type, i, 0);
    for (int64_t i = 0; i < d->n * w.oh * w.ow * d->c; i++) {
        const int64_t c = i % d->c, pixel = i / d->c, n = pixel / w.ow / w.oh;
        const double share = load(dy, d->type, i) / divisor(&w, pixel);
        for (int64_t t = 0; t < d->r * d->s; t++) {
            tap(&w, pixel / w.ow % w.oh, pixel % w.ow, t / d->s, t % d->s);
            const int64_t at = (n * d->h * d->w + w.at) * d->c + c;
            if (w.inside)
                store(dx, d->type, at, load(dx, d->type, at) + share);
        }
    }
}
