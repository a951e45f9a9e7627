#include "primitives/pool/ref.h"
#include "primitives/rows/ref.h"

#include <math.h>

static int64_t or_one(int64_t x) { return x ? x : 1; }

/* A walk over all (output, tap) pairs: `inside` and `at` tell whether and where the tap's pixel is, `padded` whether it is in the
 * image or its padding. */
typedef struct walk {
    const cairn_pool *d;
    int64_t oh, ow, r, s;               /* adaptive: taps are all pixels, inside those of the output */
    int64_t y, x, at;
    bool inside, padded;
} walk;

static void tap(walk *w, int64_t oy, int64_t ox, int64_t r, int64_t s)
{
    const cairn_pool *d = w->d;
    if (d->adaptive_h) {
        w->inside = r >= oy * d->h / w->oh && r * w->oh < (oy + 1) * d->h && s >= ox * d->w / w->ow && s * w->ow < (ox + 1) * d->w;
        w->padded = w->inside;
        w->at = r * d->w + s;
        return;
    }
    w->y = oy * or_one(d->stride_h) + r * or_one(d->dilation_h) - d->pad_top;
    w->x = ox * or_one(d->stride_w) + s * or_one(d->dilation_w) - d->pad_left;
    w->inside = w->y >= 0 && w->y < d->h && w->x >= 0 && w->x < d->w;
    w->padded = w->y < d->h + d->pad_bottom && w->x < d->w + d->pad_right;
    w->at = w->y * d->w + w->x;
}

static walk walk_of(const cairn_pool *d)
{
    walk w = {.d = d, .r = d->adaptive_h ? d->h : d->r, .s = d->adaptive_w ? d->w : d->s};
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
        for (int64_t t = 0; t < w.r * w.s; t++) {
            tap(&w, pixel / w.ow % w.oh, pixel % w.ow, t / w.s, t % w.s);
            if (!w.inside)
                continue;
            const double v = ref_rows_load(x, d->type, (n * d->h * d->w + w.at) * d->c + c);
            if (where < 0 || v > most || (isnan(v) && !isnan(most))) {
                most = v;
                where = w.at;
            }
        }
        ref_rows_store(y, d->type, i, most);
        if (index)
            index[i] = where < 0 ? 0 : (int32_t)where;
    }
}

void ref_max_pool_gradient(const cairn_pool *d, const void *dy, const int32_t *index, void *dx)
{
    const walk w = walk_of(d);
    for (int64_t i = 0; i < d->n * d->h * d->w * d->c; i++)
        ref_rows_store(dx, d->type, i, 0);
    for (int64_t i = 0; i < d->n * w.oh * w.ow * d->c; i++) {
        const int64_t at = (i / d->c / w.ow / w.oh * d->h * d->w + index[i]) * d->c + i % d->c;
        ref_rows_store(dx, d->type, at, ref_rows_load(dx, d->type, at) + ref_rows_load(dy, d->type, i));
    }
}

/* What output `pixel` divides by. */
static double divisor(walk *w, int64_t pixel)
{
    const cairn_pool *d = w->d;
    double count = 0;
    for (int64_t t = 0; t < w->r * w->s; t++) {
        tap(w, pixel / w->ow % w->oh, pixel % w->ow, t / w->s, t % w->s);
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
        for (int64_t t = 0; t < w.r * w.s; t++) {
            tap(&w, pixel / w.ow % w.oh, pixel % w.ow, t / w.s, t % w.s);
            if (w.inside)
                sum += ref_rows_load(x, d->type, (n * d->h * d->w + w.at) * d->c + c);
        }
        ref_rows_store(y, d->type, i, sum / divisor(&w, pixel));
    }
}

void ref_average_pool_gradient(const cairn_pool *d, const void *dy, void *dx)
{
    walk w = walk_of(d);
    for (int64_t i = 0; i < d->n * d->h * d->w * d->c; i++)
        ref_rows_store(dx, d->type, i, 0);
    for (int64_t i = 0; i < d->n * w.oh * w.ow * d->c; i++) {
        const int64_t c = i % d->c, pixel = i / d->c, n = pixel / w.ow / w.oh;
        const double share = ref_rows_load(dy, d->type, i) / divisor(&w, pixel);
        for (int64_t t = 0; t < w.r * w.s; t++) {
            tap(&w, pixel / w.ow % w.oh, pixel % w.ow, t / w.s, t % w.s);
            const int64_t at = (n * d->h * d->w + w.at) * d->c + c;
            if (w.inside)
                ref_rows_store(dx, d->type, at, ref_rows_load(dx, d->type, at) + share);
        }
    }
}
