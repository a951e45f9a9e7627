/* Resampling. An output pixel is a blend of the pixels that its place falls between. The gradient goes the other way round: an
 * input pixel gathers from the outputs that it has a share in, so that each is written once, by one thread, in one order. */
#include "base/error.h"
#include "base/pool.h"
#include "primitives/resample/axis.h"
#include "primitives/resample/blend.h"

#include <math.h>

/* ---- An axis ------------------------------------------------------------------------------------*/

resample_axis resample_axis_of(cairn_resample_mode mode, bool corners, int64_t from, int64_t to)
{
    return (resample_axis){mode, corners, from, to};
}

/* One rounding of a quotient: a step, added up, would cost digits. */
static double place_of(const resample_axis *a, int64_t output)
{
    if (!a->corners)
        return (double)(2 * output + 1) * (double)a->from / (double)(2 * a->to) - 0.5;
    return a->to > 1 ? (double)output * (double)(a->from - 1) / (double)(a->to - 1) : 0;
}

static int64_t within(int64_t pixel, int64_t size) { return pixel < 0 ? 0 : smaller(pixel, size - 1); }

/* Weights of the four pixels around a place that is t behind the second of them. */
static void cubic_weights(double t, double w[4])
{
    const double a = -0.75;
    for (int k = 0; k < 4; k++) {
        const double d = fabs(t + 1 - k);
        w[k] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    }
}

resample_taps resample_taps_of(const resample_axis *a, int64_t output)
{
    resample_taps t = {.count = 1, .weight = {1}};
    if (a->mode == CAIRN_NEAREST) {
        t.at[0] = within((int64_t)floorf((float)output * ((float)a->from / (float)a->to)), a->from);
        return t;
    }
    const double place = place_of(a, output);
    if (a->mode == CAIRN_BICUBIC) {
        const double first = floor(place);
        t.count = 4;
        cubic_weights(place - first, t.weight);
        for (int k = 0; k < 4; k++)
            t.at[k] = within((int64_t)first - 1 + k, a->from);
        return t;
    }
    const double inside = fmax(place, 0);
    t.at[0] = smaller((int64_t)inside, a->from - 1);
    if (t.at[0] + 1 < a->from) {
        t.count = 2;
        t.at[1] = t.at[0] + 1;
        t.weight[1] = inside - (double)t.at[0];
        t.weight[0] = 1 - t.weight[1];
    }
    return t;
}

static int64_t last_tap(const resample_axis *a, int64_t output)
{
    const resample_taps t = resample_taps_of(a, output);
    return t.at[t.count - 1];
}

/* The outputs from `first` on that pixel i may have a share in end here. Places ascend, and so do taps. */
static int64_t end_of_share(const resample_axis *a, int64_t i, int64_t first)
{
    while (first < a->to && resample_taps_of(a, first).at[0] <= i)
        first++;
    return first;
}

static int64_t begin_of_share(const resample_axis *a, int64_t i)
{
    int64_t low = 0, high = a->to;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (last_tap(a, middle) < i)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The share of pixel i in an output. */
static double share(const resample_axis *a, int64_t output, int64_t i)
{
    const resample_taps t = resample_taps_of(a, output);
    double sum = 0;
    for (int k = 0; k < t.count; k++)
        sum += t.at[k] == i ? t.weight[k] : 0;
    return sum;
}

/* ---- Rows of pixels -------------------------------------------------------------------------------*/

typedef struct job {
    resample_axis y, x;
    cairn_dtype type;
    int64_t n, c, h, w, rows, columns;  /* read are images h x w, written rows x columns */
    const char *from;
    char *to;
    void (*row)(const struct job *j, blend *b, const char *from, char *to, int64_t row);
    int64_t unit;                       /* rows of a task */
} job;

static void forward_row(const job *j, blend *b, const char *from, char *to, int64_t row)
{
    const resample_taps y = resample_taps_of(&j->y, row);
    const int64_t stretch = blend_stretch(b, j->c);
    for (int64_t column = 0; column < j->columns; column++) {
        const resample_taps x = resample_taps_of(&j->x, column);
        for (int64_t c = 0, part; c < j->c; c += part, to += part * b->bytes) {
            part = smaller(stretch, j->c - c);
            blend_begin(b, part, to);
            for (int k = 0; k < y.count; k++)
                for (int l = 0; l < x.count; l++)
                    blend_add(b, from + ((y.at[k] * j->w + x.at[l]) * j->c + c) * b->bytes, y.weight[k] * x.weight[l]);
            blend_end(b);
        }
    }
}

enum { KEPT = 64 };                     /* shares of a row's first outputs that are not found anew for each pixel */

static void gradient_row(const job *j, blend *b, const char *from, char *to, int64_t row)
{
    double kept[KEPT];
    const int64_t y0 = begin_of_share(&j->y, row), y1 = end_of_share(&j->y, row, y0), stretch = blend_stretch(b, j->c);
    for (int64_t y = y0; y < smaller(y1, y0 + KEPT); y++)
        kept[y - y0] = share(&j->y, y, row);
    for (int64_t column = 0, x0 = 0; column < j->columns; column++) {
        while (x0 < j->x.to && last_tap(&j->x, x0) < column)
            x0++;
        const int64_t x1 = end_of_share(&j->x, column, x0);
        for (int64_t c = 0, part; c < j->c; c += part, to += part * b->bytes) {
            part = smaller(stretch, j->c - c);
            blend_begin(b, part, to);
            for (int64_t x = x0; x < x1; x++) {
                const double across = share(&j->x, x, column);
                for (int64_t y = y0; y < y1; y++) {
                    const double down = y - y0 < KEPT ? kept[y - y0] : share(&j->y, y, row);
                    blend_add(b, from + ((y * j->w + x) * j->c + c) * b->bytes, down * across);
                }
            }
            blend_end(b);
        }
    }
}

static void run_rows(void *context, int64_t task, int worker)
{
    const job *j = context;
    const int64_t end = smaller((task + 1) * j->unit, j->n * j->rows);
    blend b;
    (void)worker;
    blend_of(j->type, &b);
    for (int64_t row = task * j->unit; row < end; row++) {
        const char *from = j->from + row / j->rows * j->h * j->w * j->c * b.bytes;
        j->row(j, &b, from, j->to + row * j->columns * j->c * b.bytes, row % j->rows);
    }
}

/* ---- The calls ------------------------------------------------------------------------------------*/

static bool is_within(int64_t x, int64_t low) { return x >= low && x < INT32_MAX; }

static cairn_status check(const cairn_resample *d, const void *in, int64_t in_pixels, const void *out, int64_t out_pixels)
{
    const int64_t bytes = cairn_dtype_bytes(d->type) * d->n * d->c;
    if (d->n && d->c && (!in || !out))
        return error_set(CAIRN_E_ARGUMENT, "resample: an operand is NULL: input %p, output %p", in, out);
    const uintptr_t a = (uintptr_t)in, b = (uintptr_t)out;
    if (d->n && d->c && a < b + (uintptr_t)(bytes * out_pixels) && b < a + (uintptr_t)(bytes * in_pixels))
        return error_set(CAIRN_E_ARGUMENT, "resample: the output at %p overlaps the input at %p", out, in);
    return CAIRN_OK;
}

static cairn_status check_descriptor(const cairn_resample *d)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "resample: the descriptor is NULL");
    if (d->type != CAIRN_F64 && d->type != CAIRN_F32 && d->type != CAIRN_F16 && d->type != CAIRN_BF16)
        return error_set(CAIRN_E_TYPE, "resample: type %s is not supported", cairn_dtype_name(d->type));
    if ((unsigned)d->mode > CAIRN_BICUBIC)
        return error_set(CAIRN_E_ARGUMENT, "resample: there is no mode %d", (int)d->mode);
    if (!is_within(d->n, 0) || !is_within(d->c, 0) || !is_within(d->h, 1) || !is_within(d->w, 1) || !is_within(d->oh, 1) ||
        !is_within(d->ow, 1) || (double)d->n * (double)d->c * (double)larger(d->h, d->oh) * (double)larger(d->w, d->ow) > 0x1p50)
        return error_set(CAIRN_E_SHAPE, "resample: a size is out of range: n %lld, c %lld, image %lld x %lld to %lld x %lld",
                         (long long)d->n, (long long)d->c, (long long)d->h, (long long)d->w, (long long)d->oh, (long long)d->ow);
    return CAIRN_OK;
}

enum { TASK_ELEMENTS = 1 << 14 };       /* read or written: a task is worth waking a thread */

static void run(const cairn_resample *d, job *j)
{
    j->y = resample_axis_of(d->mode, d->align_corners, d->h, d->oh);
    j->x = resample_axis_of(d->mode, d->align_corners, d->w, d->ow);
    j->type = d->type, j->n = d->n, j->c = d->c;
    const int64_t row = larger(d->c * j->columns, d->c * (d->h * d->w / j->rows));
    j->unit = larger(TASK_ELEMENTS / larger(row, 1), 1);
    pool_run(d->c ? ceil_div(d->n * j->rows, j->unit) : 0, run_rows, j);
}

cairn_status cairn_resample_forward(const cairn_resample *d, const void *x, void *y)
{
    cairn_status status = check_descriptor(d);
    if (status == CAIRN_OK)
        status = check(d, x, d->h * d->w, y, d->oh * d->ow);
    if (status == CAIRN_OK)
        run(d, &(job){.from = x, .to = y, .h = d->h, .w = d->w, .rows = d->oh, .columns = d->ow, .row = forward_row});
    return status;
}

cairn_status cairn_resample_gradient(const cairn_resample *d, const void *dy, void *dx)
{
    cairn_status status = check_descriptor(d);
    if (status == CAIRN_OK)
        status = check(d, dy, d->oh * d->ow, dx, d->h * d->w);
    if (status == CAIRN_OK)
        run(d, &(job){.from = dy, .to = dx, .h = d->oh, .w = d->ow, .rows = d->h, .columns = d->w, .row = gradient_row});
    return status;
}
