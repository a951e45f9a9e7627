#include "primitives/resample/ref.h"
#include "primitives/rows/ref.h"

#include <math.h>
#include <stdlib.h>

/* ---- Resampling: how much each pixel of an axis counts in an output, from the kernel's shape -----------*/

static double shape_of(cairn_resample_mode mode, double t)
{
    const double d = fabs(t), a = -0.75;
    if (mode == CAIRN_BILINEAR)
        return d < 1 ? 1 - d : 0;
    return d <= 1 ? (a + 2) * d * d * d - (a + 3) * d * d + 1 : d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

/* Pixels beyond an edge are the edge's. */
static double weight(const cairn_resample *d, int64_t size, int64_t outputs, int64_t o, int64_t pixel)
{
    if (d->mode == CAIRN_NEAREST) {
        const int64_t at = (int64_t)floorf((float)o * ((float)size / (float)outputs));
        return pixel == (at < size ? at : size - 1);
    }
    const double place = !d->align_corners ? (double)(2 * o + 1) * (double)size / (2.0 * (double)outputs) - 0.5
                         : outputs > 1 ? (double)o * (double)(size - 1) / (double)(outputs - 1) : 0;
    double sum = shape_of(d->mode, place - (double)pixel);
    for (int64_t beyond = 1; beyond <= 3; beyond++) {
        sum += pixel == 0 ? shape_of(d->mode, place + (double)beyond) : 0;
        sum += pixel == size - 1 ? shape_of(d->mode, place - (double)(size - 1 + beyond)) : 0;
    }
    return sum;
}

/* to[n, ...] = the sum over all pixels of from times their weights in the other image; forward reads the input image. */
static void ref_resample(const cairn_resample *d, const void *from, void *to, bool gradient)
{
    const int64_t h = gradient ? d->oh : d->h, w = gradient ? d->ow : d->w, rows = gradient ? d->h : d->oh, columns = gradient ? d->w : d->ow;
    for (int64_t i = 0; i < d->n * rows * columns * d->c; i++) {
        const int64_t c = i % d->c, x = i / d->c % columns, y = i / d->c / columns % rows, n = i / d->c / columns / rows;
        double sum = 0;
        for (int64_t k = 0; k < h * w; k++) {
            const double down = gradient ? weight(d, d->h, d->oh, k / w, y) : weight(d, d->h, d->oh, y, k / w);
            const double across = down == 0 ? 0 : gradient ? weight(d, d->w, d->ow, k % w, x) : weight(d, d->w, d->ow, x, k % w);
            if (down * across != 0)
                sum += down * across * ref_rows_load(from, d->type, (n * h * w + k) * d->c + c);
        }
        ref_rows_store(to, d->type, i, sum);
    }
}

void ref_resample_forward(const cairn_resample *d, const void *x, void *y) { ref_resample(d, x, y, false); }
void ref_resample_gradient(const cairn_resample *d, const void *dy, void *dx) { ref_resample(d, dy, dx, true); }

/* ---- Sampling -------------------------------------------------------------------------------------*/

/* Where a number of the grid is, in pixels; *slope: how that moves with it. */
static double place(const cairn_sampler *d, double g, int64_t size, double *slope)
{
    const double low = d->align_corners ? 0 : -0.5, high = d->align_corners ? (double)size - 1 : (double)size - 0.5;
    double at = low + (g + 1) / 2 * (high - low);
    *slope = (high - low) / 2;
    while (d->padding == CAIRN_SAMPLER_REFLECTION && high > low && (at < low || at > high)) {
        at = at < low ? 2 * low - at : 2 * high - at;
        *slope = -*slope;
    }
    if (d->padding != CAIRN_SAMPLER_ZEROS && (at <= 0 || at >= (double)size - 1)) {
        at = at <= 0 ? 0 : (double)size - 1;
        *slope = 0;
    }
    return at;
}

static double hat(const cairn_sampler *d, double t) { return d->mode == CAIRN_NEAREST ? t == 0 : fabs(t) < 1 ? 1 - fabs(t) : 0; }
static double hat_slope(const cairn_sampler *d, double t) { return d->mode == CAIRN_NEAREST || fabs(t) >= 1 ? 0 : t < 0 ? 1 : -1; }

typedef struct spot { double x, y, x_slope, y_slope; } spot;

static spot spot_of(const cairn_sampler *d, const void *grid, int64_t i)
{
    const cairn_dtype type = d->type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32;
    spot s;
    s.x = place(d, ref_rows_load(grid, type, 2 * i), d->w, &s.x_slope);
    s.y = place(d, ref_rows_load(grid, type, 2 * i + 1), d->h, &s.y_slope);
    if (d->mode == CAIRN_NEAREST) {
        s.x = s.x + s.y != s.x + s.y ? NAN : rint(s.x);
        s.y = rint(s.y);
    }
    return s;
}

void ref_sampler_forward(const cairn_sampler *d, const void *x, const void *grid, void *y)
{
    for (int64_t i = 0; i < d->n * d->oh * d->ow; i++) {
        const spot s = spot_of(d, grid, i);
        for (int64_t c = 0; c < d->c; c++) {
            double sum = s.x != s.x || s.y != s.y ? NAN : 0;
            for (int64_t k = 0; k < d->h * d->w; k++) {
                const double weight = hat(d, s.y - (double)(k / d->w)) * hat(d, s.x - (double)(k % d->w));
                if (weight != 0)
                    sum += weight * ref_rows_load(x, d->type, (i / d->oh / d->ow * d->h * d->w + k) * d->c + c);
            }
            ref_rows_store(y, d->type, i * d->c + c, sum);
        }
    }
}

void ref_sampler_gradient(const cairn_sampler *d, const void *x, const void *grid, const void *dy, void *dx, void *dgrid)
{
    const int64_t image = d->h * d->w * d->c, places = d->oh * d->ow;
    double *sum = calloc((size_t)(d->n * image + 1), sizeof *sum);
    for (int64_t i = 0; sum && i < d->n * places; i++) {
        const spot s = spot_of(d, grid, i);
        double by_x = d->mode == CAIRN_BILINEAR && (s.x != s.x || s.y != s.y) ? NAN : 0, by_y = by_x;
        for (int64_t k = 0; k < image; k++) {
            const double down = s.y - (double)(k / d->c / d->w), across = s.x - (double)(k / d->c % d->w);
            const double v = ref_rows_load(x, d->type, i / places * image + k), g = ref_rows_load(dy, d->type, i * d->c + k % d->c);
            sum[i / places * image + k] += hat(d, down) * hat(d, across) * g;
            by_x += hat(d, down) * hat_slope(d, across) * s.x_slope * v * g;
            by_y += hat_slope(d, down) * hat(d, across) * s.y_slope * v * g;
        }
        ref_rows_store(dgrid, d->type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32, 2 * i, by_x);
        ref_rows_store(dgrid, d->type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32, 2 * i + 1, by_y);
    }
    for (int64_t i = 0; sum && i < d->n * image; i++)
        ref_rows_store(dx, d->type, i, sum[i]);
    free(sum);
}
