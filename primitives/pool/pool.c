/* cairn_pool: max and average pooling, and their gradients. */
#include "primitives/pool/pool.h"

#include "base/error.h"
#include "base/pool.h"
#include "primitives/apart.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"
#include <cairn/dnn.h>

#include <math.h>
#include <string.h>

/* ---- Checks -------------------------------------------------------------------------------------*/

typedef struct pooling {
    cairn_pool d;                       /* no zeros left where a zero means 1 */
    int64_t oh, ow, bytes;
    bool half;
} pooling;

static bool is_within(int64_t x, int64_t low) { return x >= low && x < INT32_MAX; }

static int64_t or_one(int64_t x) { return x ? x : 1; }

/* With ceil_mode the last window may hang over the end, but must begin inside the image or its left padding. */
static int64_t output_size(int64_t size, int64_t before, int64_t after, int64_t taps, int64_t stride, int64_t dilation, bool ceil_mode)
{
    const int64_t room = size + before + after - dilation * (taps - 1) - 1;
    if (room < 0)
        return -1;
    const int64_t outputs = (ceil_mode ? ceil_div(room, stride) : room / stride) + 1;
    return ceil_mode && (outputs - 1) * stride >= size + before ? outputs - 1 : outputs;
}

static cairn_status check_adaptive(const cairn_pool *d)
{
    if (d->r || d->s || d->stride_h || d->stride_w || d->dilation_h || d->dilation_w || d->pad_top || d->pad_bottom || d->pad_left ||
        d->pad_right || d->ceil_mode)
        return error_set(CAIRN_E_ARGUMENT, "pool: adaptive to %lld x %lld, so the window, its strides, dilations and padding must be 0",
                         (long long)d->adaptive_h, (long long)d->adaptive_w);
    if (!is_within(d->adaptive_h, 1) || !is_within(d->adaptive_w, 1) ||
        (double)larger(d->n, 1) * (double)larger(d->c, 1) * (double)d->adaptive_h * (double)d->adaptive_w > 0x1p50)
        return error_set(CAIRN_E_SHAPE, "pool: an adaptive size is out of range: %lld x %lld", (long long)d->adaptive_h, (long long)d->adaptive_w);
    return CAIRN_OK;
}

static cairn_status check_window(const cairn_pool *d)
{
    const bool adaptive = d->adaptive_h || d->adaptive_w;
    const bool sizes = is_within(d->n, 0) && is_within(d->h, 1) && is_within(d->w, 1) && is_within(d->c, 0) &&
                       is_within(d->r, !adaptive) && is_within(d->s, !adaptive) && is_within(d->stride_h, 0) && is_within(d->stride_w, 0) &&
                       is_within(d->dilation_h, 0) && is_within(d->dilation_w, 0);
    if (!sizes)
        return error_set(CAIRN_E_SHAPE, "pool: a size is out of range: n %lld, image %lld x %lld x %lld, window %lld x %lld, "
                         "stride %lld x %lld, dilation %lld x %lld", (long long)d->n, (long long)d->h, (long long)d->w,
                         (long long)d->c, (long long)d->r, (long long)d->s, (long long)d->stride_h, (long long)d->stride_w,
                         (long long)d->dilation_h, (long long)d->dilation_w);
    /* Padding of less than a window leaves no window without a pixel. */
    const int64_t high = or_one(d->dilation_h) * (d->r - 1) + 1, wide = or_one(d->dilation_w) * (d->s - 1) + 1;
    if (!adaptive &&
        (!is_within(d->pad_top, 0) || !is_within(d->pad_bottom, 0) || !is_within(d->pad_left, 0) || !is_within(d->pad_right, 0) ||
         d->pad_top * 2 > high || d->pad_bottom * 2 > high || d->pad_left * 2 > wide || d->pad_right * 2 > wide))
        return error_set(CAIRN_E_SHAPE, "pool: padding %lld %lld %lld %lld is negative or more than half of the window %lld x %lld",
                         (long long)d->pad_top, (long long)d->pad_bottom, (long long)d->pad_left, (long long)d->pad_right,
                         (long long)high, (long long)wide);
    if ((double)d->n * (double)d->h * (double)d->w * (double)d->c > 0x1p50 || (double)d->h * (double)d->w > INT32_MAX)
        return error_set(CAIRN_E_SHAPE, "pool: sizes overflow: n %lld, image %lld x %lld x %lld", (long long)d->n, (long long)d->h,
                         (long long)d->w, (long long)d->c);
    return adaptive ? check_adaptive(d) : CAIRN_OK;
}

static cairn_status check(const cairn_pool *d, pooling *p)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "pool: the descriptor is NULL");
    if (d->type != CAIRN_F32 && d->type != CAIRN_F64 && d->type != CAIRN_F16 && d->type != CAIRN_BF16)
        return error_set(CAIRN_E_TYPE, "pool: type %s is not supported", cairn_dtype_name(d->type));
    const cairn_status status = check_window(d);
    if (status != CAIRN_OK)
        return status;
    *p = (pooling){.d = *d, .bytes = cairn_dtype_bytes(d->type), .half = cairn_dtype_bytes(d->type) == 2};
    p->d.stride_h = or_one(d->stride_h);
    p->d.stride_w = or_one(d->stride_w);
    p->d.dilation_h = or_one(d->dilation_h);
    p->d.dilation_w = or_one(d->dilation_w);
    if (d->adaptive_h) {
        p->oh = d->adaptive_h;
        p->ow = d->adaptive_w;
        return CAIRN_OK;
    }
    p->oh = output_size(d->h, d->pad_top, d->pad_bottom, d->r, p->d.stride_h, p->d.dilation_h, d->ceil_mode);
    p->ow = output_size(d->w, d->pad_left, d->pad_right, d->s, p->d.stride_w, p->d.dilation_w, d->ceil_mode);
    if (p->oh < 1 || p->ow < 1)
        return error_set(CAIRN_E_SHAPE, "pool: a window of %lld x %lld does not fit in a padded image of %lld x %lld", (long long)d->r,
                         (long long)d->s, (long long)(d->h + d->pad_top + d->pad_bottom),
                         (long long)(d->w + d->pad_left + d->pad_right));
    return CAIRN_OK;
}

static cairn_status check_run(const cairn_pool *d, pooling *p, const char *name, const void *in, const void *out)
{
    const cairn_status status = check(d, p);
    if (status != CAIRN_OK)
        return status;
    if (d->n && d->c && (!in || !out))
        return error_set(CAIRN_E_ARGUMENT, "%s: an operand is NULL: input %p, output %p", name, in, out);
    if (in && in == out)
        return error_set(CAIRN_E_ARGUMENT, "%s: the output is the input: %p", name, in);
    return CAIRN_OK;
}

cairn_status cairn_pool_output_size(const cairn_pool *d, int64_t *oh, int64_t *ow)
{
    pooling p;
    const cairn_status status = check(d, &p);
    if (status == CAIRN_OK && (!oh || !ow))
        return error_set(CAIRN_E_ARGUMENT, "pool: nowhere to put the output size");
    if (status == CAIRN_OK) {
        *oh = p.oh;
        *ow = p.ow;
    }
    return status;
}

/* ---- Windows ------------------------------------------------------------------------------------*/

/* The part of one axis of a window that lies inside: its first pixel and how many. */
static void clip(int64_t output, int64_t stride, int64_t pad, int64_t taps, int64_t dilation, int64_t size, int64_t *first,
                 int64_t *count)
{
    const int64_t start = output * stride - pad;
    if (start >= 0 && start + (taps - 1) * dilation < size) {
        *first = start;
        *count = taps;
        return;
    }
    const int64_t skip = start < 0 ? ceil_div(-start, dilation) : 0;
    *first = start + skip * dilation;
    const int64_t fit = *first < size ? (size - 1 - *first) / dilation + 1 : 0;
    *count = larger(smaller(taps - skip, fit), 0);
}

/* Output i of n adaptive ones has the pixels floor(i size / n) ... ceil((i + 1) size / n). */
static void share(int64_t output, int64_t outputs, int64_t size, int64_t *first, int64_t *count)
{
    *first = output * size / outputs;
    *count = ceil_div((output + 1) * size, outputs) - *first;
}

static void rows_of(const pooling *p, int64_t oy, pool_window *w)
{
    const cairn_pool *d = &p->d;
    if (d->adaptive_h)
        share(oy, p->oh, d->h, &w->y0, &w->y_count);
    else
        clip(oy, d->stride_h, d->pad_top, d->r, d->dilation_h, d->h, &w->y0, &w->y_count);
}

static void columns_of(const pooling *p, int64_t ox, pool_window *w)
{
    const cairn_pool *d = &p->d;
    if (d->adaptive_w)
        share(ox, p->ow, d->w, &w->x0, &w->x_count);
    else
        clip(ox, d->stride_w, d->pad_left, d->s, d->dilation_w, d->w, &w->x0, &w->x_count);
}

/* How many pixels of a row, from ox on, have whole windows in the image's width; or 1. */
static int64_t like_this(const pooling *p, int64_t ox)
{
    const cairn_pool *d = &p->d;
    const int64_t start = ox * d->stride_w - d->pad_left, room = d->w - d->dilation_w * (d->s - 1) - 1 - start;
    return d->adaptive_w || start < 0 || room < 0 ? 1 : smaller(room / d->stride_w + 1, p->ow - ox);
}

/* What an average divides by: with count_include_pad the window as far as the padding reaches, else its pixels. */
static double divisor(const pooling *p, int64_t oy, int64_t ox, const pool_window *w)
{
    const cairn_pool *d = &p->d;
    if (!d->count_include_pad || d->adaptive_h)
        return (double)(w->y_count * w->x_count);
    int64_t first, rows, columns;
    clip(oy, d->stride_h, 0, d->r, d->dilation_h, d->h + d->pad_top + d->pad_bottom, &first, &rows);
    clip(ox, d->stride_w, 0, d->s, d->dilation_w, d->w + d->pad_left + d->pad_right, &first, &columns);
    return (double)(rows * columns);
}

typedef struct job {
    pooling p;
    pool_kernel *kernel;
    const char *image;                  /* (n, h, w, c) */
    char *pixels;                       /* (n, oh, ow, c) */
    int32_t *index;
    bool average;
    int64_t unit;                       /* rows or images of a task */
} job;

enum { HALF_CHANNELS = 256 };           /* f16 and bf16 are summed in a piece of stack, as f32 */

static void half_window(const job *j, const pool_window *w)
{
    half_kernel *half = kernels()->half;
    float x[HALF_CHANNELS], y[HALF_CHANNELS];
    int32_t place[HALF_CHANNELS];
    for (int64_t c = 0, part; c < w->channels; c += part) {
        part = smaller(HALF_CHANNELS, w->channels - c);
        bool begun = false;
        for (int64_t i = 0; i < part; i++) {
            y[i] = j->average ? 0 : -INFINITY;
            place[i] = 0;
        }
        for (int64_t tap = 0; tap < w->y_count * w->x_count; tap++) {
            const int64_t at = (w->y0 + tap / w->x_count * w->dy) * w->width + w->x0 + tap % w->x_count * w->dx;
            half->widen(j->p.d.type, part, (const char *)w->image + (at * w->channels + c) * j->p.bytes, x);
            for (int64_t i = 0; i < part; i++) {
                const bool better = !j->average && (!begun || x[i] > y[i] || (x[i] != x[i] && y[i] == y[i]));
                place[i] = better ? (int32_t)at : place[i];
                y[i] = j->average ? y[i] + x[i] : better ? x[i] : y[i];
            }
            begun = true;
        }
        for (int64_t i = 0; j->average && i < part; i++)
            y[i] *= (float)w->scale;
        half->narrow(j->p.d.type, part, y, (char *)w->y + c * j->p.bytes);
        if (w->index)
            memcpy(w->index + c, place, (size_t)part * sizeof *place);
    }
}

static void run_row(const job *j, int64_t n, int64_t oy)
{
    const pooling *p = &j->p;
    const cairn_pool *d = &p->d;
    pool_window w = {.image = j->image + n * d->h * d->w * d->c * p->bytes, .width = d->w, .channels = d->c, .dy = d->dilation_h,
                     .dx = d->dilation_w, .step = d->stride_w};
    rows_of(p, oy, &w);
    for (int64_t ox = 0; ox < p->ow; ox += w.pixels) {
        const int64_t at = ((n * p->oh + oy) * p->ow + ox) * d->c;
        columns_of(p, ox, &w);
        w.pixels = p->half ? 1 : like_this(p, ox);
        w.y = j->pixels + at * p->bytes;
        w.index = j->index ? j->index + at : NULL;
        w.scale = j->average ? 1 / divisor(p, oy, ox, &w) : 1;
        if (p->half)
            half_window(j, &w);
        else
            j->kernel(&w);
    }
}

enum { TASK_ELEMENTS = 1 << 15 };       /* of input: a task is worth waking a thread */

static void run_rows(void *context, int64_t task, int worker)
{
    const job *j = context;
    (void)worker;
    const int64_t rows = j->unit, end = smaller((task + 1) * rows, j->p.d.n * j->p.oh);
    for (int64_t row = task * rows; row < end; row++)
        run_row(j, row / j->p.oh, row % j->p.oh);
}

static void forward(job *j)
{
    const cairn_pool *d = &j->p.d;
    j->unit = larger(TASK_ELEMENTS / larger(ceil_div(d->h, j->p.oh) * d->w * d->c, 1), 1);
    pool_run(ceil_div(d->n * j->p.oh, j->unit), run_rows, j);
}

cairn_status cairn_max_pool_forward(const cairn_pool *d, const void *x, void *y, int32_t *index)
{
    job j = {.image = x, .pixels = y, .index = index};
    cairn_status status = check_run(d, &j.p, "max_pool", x, y);
    status = status ? status : outputs_apart("max_pool", OUTPUTS(y, index), INPUTS(x));
    if (status != CAIRN_OK || !d->n || !d->c)
        return status;
    j.kernel = d->type == CAIRN_F64 ? kernels()->max_pool_f64 : kernels()->max_pool_f32;
    forward(&j);
    return CAIRN_OK;
}

cairn_status cairn_average_pool_forward(const cairn_pool *d, const void *x, void *y)
{
    job j = {.image = x, .pixels = y, .average = true};
    const cairn_status status = check_run(d, &j.p, "average_pool", x, y);
    if (status != CAIRN_OK || !d->n || !d->c)
        return status;
    j.kernel = d->type == CAIRN_F64 ? kernels()->average_pool_f64 : kernels()->average_pool_f32;
    forward(&j);
    return CAIRN_OK;
}

/* ---- Gradients: image by image, since windows of one image may overlap ---------------------------*/

static void spread_images(void *context, int64_t task, int worker)
{
    const job *j = context;
    const int64_t image_bytes = j->p.d.h * j->p.d.w * j->p.d.c * j->p.bytes;
    (void)worker;
    for (int64_t n = task * j->unit; n < smaller((task + 1) * j->unit, j->p.d.n); n++) {
        memset((char *)(uintptr_t)j->image + n * image_bytes, 0, (size_t)image_bytes);
        for (int64_t oy = 0; oy < j->p.oh; oy++)
            run_row(j, n, oy);
    }
}

#define SCATTER_MAX(name, real)                                                              \
    static void name(const real *dy, const int32_t *index, int64_t n, int64_t channels, real *dx) \
    {                                                                                        \
        for (int64_t i = 0; i < n; i++, index += channels, dy += channels)                   \
            for (int64_t c = 0; c < channels; c++)                                           \
                dx[index[c] * channels + c] += dy[c];                                        \
    }
SCATTER_MAX(scatter_max_f32, float)
SCATTER_MAX(scatter_max_f64, double)

static void scatter_images(void *context, int64_t task, int worker)
{
    const job *j = context;
    const cairn_pool *d = &j->p.d;
    const int64_t outputs = j->p.oh * j->p.ow, image_bytes = d->h * d->w * d->c * j->p.bytes;
    (void)worker;
    for (int64_t n = task * j->unit; n < smaller((task + 1) * j->unit, d->n); n++) {
        char *dx = (char *)(uintptr_t)j->image + n * image_bytes, *dy = j->pixels + n * outputs * d->c * j->p.bytes;
        const int32_t *index = j->index + n * outputs * d->c;
        memset(dx, 0, (size_t)image_bytes);
        if (d->type == CAIRN_F64)
            scatter_max_f64((const double *)dy, index, outputs, d->c, (double *)dx);
        else
            scatter_max_f32((const float *)dy, index, outputs, d->c, (float *)dx);
    }
}

/* ---- Gradients of f16 and bf16: a pixel gathers, in f32, from the windows that it is in ----------------*/

/* The outputs of one axis whose windows may reach pixel i: first ... end. */
static void windows_of(int64_t i, int64_t size, int64_t outputs, int64_t adaptive, int64_t stride, int64_t pad, int64_t reach, int64_t *first,
                       int64_t *end)
{
    *first = adaptive ? i * outputs / size : larger(ceil_div(i + pad - reach, stride), 0);
    *end = smaller(adaptive ? ceil_div((i + 1) * outputs, size) : (i + pad) / stride + 1, outputs);
}

static bool has(int64_t i, int64_t first, int64_t count, int64_t step)
{
    return i >= first && i < first + count * step && (i - first) % step == 0;
}

/* Adds to `sum` what output (oy, ox) of image n gives to channels c ... of the pixel. */
static void add_share(const job *j, int64_t pixel, const pool_window *w, int64_t oy, int64_t ox, int64_t output, int64_t c, int64_t part, float *sum)
{
    const pooling *p = &j->p;
    float dy[HALF_CHANNELS];
    const int64_t at = output * p->d.c + c;
    kernels()->half->widen(p->d.type, part, j->pixels + at * p->bytes, dy);
    if (j->average) {
        const float scale = (float)(1 / divisor(p, oy, ox, w));
        for (int64_t i = 0; i < part; i++)
            sum[i] += dy[i] * scale;
    } else
        for (int64_t i = 0; i < part; i++)
            sum[i] += j->index[at + i] == pixel ? dy[i] : 0;
}

static void gather_pixel(const job *j, int64_t n, int64_t y, int64_t x)
{
    const pooling *p = &j->p;
    const cairn_pool *d = &p->d;
    int64_t oy0, oy1, ox0, ox1;
    float sum[HALF_CHANNELS];
    /* The index of a window without a pixel is 0, wherever it is. */
    const bool any = !j->average && y == 0 && x == 0;
    windows_of(y, d->h, p->oh, d->adaptive_h, d->stride_h, d->pad_top, d->dilation_h * (d->r - 1), &oy0, &oy1);
    windows_of(x, d->w, p->ow, d->adaptive_w, d->stride_w, d->pad_left, d->dilation_w * (d->s - 1), &ox0, &ox1);
    if (any) {
        oy0 = ox0 = 0;
        oy1 = p->oh, ox1 = p->ow;
    }
    for (int64_t c = 0, part; c < d->c; c += part) {
        part = smaller(HALF_CHANNELS, d->c - c);
        memset(sum, 0, sizeof sum);
        for (int64_t oy = oy0; oy < oy1; oy++)
            for (int64_t ox = ox0; ox < ox1; ox++) {
                pool_window w;
                rows_of(p, oy, &w);
                columns_of(p, ox, &w);
                if (any || (has(y, w.y0, w.y_count, d->dilation_h) && has(x, w.x0, w.x_count, d->dilation_w)))
                    add_share(j, y * d->w + x, &w, oy, ox, (n * p->oh + oy) * p->ow + ox, c, part, sum);
            }
        kernels()->half->narrow(d->type, part, sum, (char *)(uintptr_t)j->image + (((n * d->h + y) * d->w + x) * d->c + c) * p->bytes);
    }
}

static void gather_images(void *context, int64_t task, int worker)
{
    const job *j = context;
    const cairn_pool *d = &j->p.d;
    (void)worker;
    for (int64_t n = task * j->unit; n < smaller((task + 1) * j->unit, d->n); n++)
        for (int64_t pixel = 0; pixel < d->h * d->w; pixel++)
            gather_pixel(j, n, pixel / d->w, pixel % d->w);
}

static void gradient(job *j, pool_task task)
{
    const cairn_pool *d = &j->p.d;
    j->unit = larger(TASK_ELEMENTS / larger(d->h * d->w * d->c, 1), 1);
    pool_run(ceil_div(d->n, j->unit), j->p.half ? gather_images : task, j);
}

static cairn_status check_index(const pooling *p, const int32_t *index)
{
    const int64_t n = p->d.n * p->oh * p->ow * p->d.c, pixels = p->d.h * p->d.w;
    for (int64_t i = 0; i < n; i++)
        if (index[i] < 0 || index[i] >= pixels)
            return error_set(CAIRN_E_RANGE, "max_pool gradient: index %d of %lld pixels", index[i], (long long)pixels);
    return CAIRN_OK;
}

cairn_status cairn_max_pool_gradient(const cairn_pool *d, const void *dy, const int32_t *index, void *dx)
{
    job j = {.image = dx, .pixels = (char *)(uintptr_t)dy, .index = (int32_t *)(uintptr_t)index};
    cairn_status status = check_run(d, &j.p, "max_pool gradient", dy, dx);
    if (status != CAIRN_OK || !d->n || !d->c)
        return status;
    if (!index)
        return error_set(CAIRN_E_ARGUMENT, "max_pool gradient: the index is NULL");
    status = outputs_apart("max_pool gradient", OUTPUTS(dx), INPUTS(index));
    status = status ? status : check_index(&j.p, index);
    if (status == CAIRN_OK)
        gradient(&j, scatter_images);
    return status;
}

cairn_status cairn_average_pool_gradient(const cairn_pool *d, const void *dy, void *dx)
{
    job j = {.image = dx, .pixels = (char *)(uintptr_t)dy, .average = true};
    const cairn_status status = check_run(d, &j.p, "average_pool gradient", dy, dx);
    if (status != CAIRN_OK || !d->n || !d->c)
        return status;
    j.kernel = d->type == CAIRN_F64 ? kernels()->average_spread_f64 : kernels()->average_spread_f32;
    gradient(&j, spread_images);
    return CAIRN_OK;
}
