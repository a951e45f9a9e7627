/* Resampling. An output pixel is a blend of the pixels that its place falls between. The gradient is the same loop the other way
 * round: an input pixel blends the outputs that it has a share in. So each is written once, by one thread, in one order. */
#include "base/error.h"
#include "base/pool.h"
#include "primitives/apart.h"
#include "primitives/resample/blend.h"

#include <math.h>

/* ---- An axis: which pixels an output lies between, and with what weights ----------------------------------*/

typedef struct axis {
    cairn_resample_mode mode;
    bool corners;
    int64_t from, to;                   /* sizes */
} axis;

typedef struct taps {                   /* of one output, in ascending order; at an edge one may stand there twice */
    int count;
    int64_t at[4];
    double weight[4];
} taps;

static axis axis_of(cairn_resample_mode mode, bool corners, int64_t from, int64_t to)
{
    return (axis){mode, corners, from, to};
}

/* One rounding of a quotient: a step, added up, would cost digits. */
static double place_of(const axis *a, int64_t output)
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

static taps taps_of(const axis *a, int64_t output)
{
    taps t = {.count = 1, .weight = {1}};
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

static int64_t last_tap(const axis *a, int64_t output)
{
    const taps t = taps_of(a, output);
    return t.at[t.count - 1];
}

/* The share of a pixel in an output. */
static double share(const axis *a, int64_t output, int64_t pixel)
{
    const taps t = taps_of(a, output);
    double sum = 0;
    for (int k = 0; k < t.count; k++)
        sum += t.at[k] == pixel ? t.weight[k] : 0;
    return sum;
}

/* ---- What a written pixel blends, along one axis: `count` of the pixels read from `first` on -------------*/

typedef struct reach {
    int64_t first, count;
    const double *weight;               /* NULL where there are too many to keep */
} reach;

static reach forward_reach(const axis *a, int64_t output, double *room)
{
    const taps t = taps_of(a, output);
    const reach r = {t.at[0], t.at[t.count - 1] - t.at[0] + 1, room};
    for (int k = 0; k < r.count; k++)
        room[k] = 0;
    for (int k = 0; k < t.count; k++)   /* at an edge several fall on one pixel */
        room[t.at[k] - r.first] += t.weight[k];
    return r;
}

enum { KEPT = 64 };

/* Places ascend, and so do taps: the outputs that a pixel may have a share in are neighbours. */
static reach gradient_reach(const axis *a, int64_t pixel, double *room)
{
    int64_t low = 0, high = a->to, end;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (last_tap(a, middle) < pixel)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < a->to && taps_of(a, end).at[0] <= pixel; end++)
        if (end - low < KEPT)
            room[end - low] = share(a, end, pixel);
    return (reach){low, end - low, end - low <= KEPT ? room : NULL};
}

static reach reach_of(const axis *a, bool gradient, int64_t i, double *room)
{
    return gradient ? gradient_reach(a, i, room) : forward_reach(a, i, room);
}

static double weight_of(const reach *r, const axis *a, int64_t k, int64_t pixel)
{
    return r->weight ? r->weight[k] : share(a, r->first + k, pixel);
}

/* ---- Pixels ---------------------------------------------------------------------------------------*/

typedef struct job {
    axis y, x;
    cairn_dtype type;
    bool gradient;
    int64_t n, c, h, w, rows, columns;  /* read are images h x w, written rows x columns */
    const char *from;
    char *to;
    int64_t unit;                       /* rows of a task */
} job;

static void blend_pixel(const job *j, blend *b, const char *from, char *to, int64_t row, int64_t column, const reach *y, const reach *x)
{
    const int64_t stretch = blend_stretch(b, j->c), pixel = j->c * b->bytes;
    for (int64_t c = 0, part; c < j->c; c += part, to += part * b->bytes, from += part * b->bytes) {
        part = smaller(stretch, j->c - c);
        blend_begin(b, part, to);
        for (int64_t k = 0; k < y->count; k++) {
            const double down = weight_of(y, &j->y, k, row);
            const char *line = from + ((y->first + k) * j->w + x->first) * pixel;
            for (int64_t l = 0; l < x->count; l++)
                blend_add(b, line + l * pixel, down * weight_of(x, &j->x, l, column));
        }
        blend_end(b);
    }
}

/* Of columns, whose weights are kept over a task's rows: long runs of them, since memory is written best in order. */
enum { COLUMNS = 512, ROOM = 2048 };

/* Images of few channels would take a call for a few numbers. So their rows are blended first, all columns at once, into a line on
 * the stack, and its pixels then. */
enum { THIN = 8, LINE = 4096 };

static bool is_thin(const job *j) { return j->c <= THIN && (j->type == CAIRN_F32 || j->type == CAIRN_F64); }

#define THIN_COLUMNS(name, real)                                                                                             \
    static void name(const job *j, const real *line, int64_t first, const reach *x, int64_t columns, int64_t column, real *to) \
    {                                                                                                                        \
        const int64_t n = j->c;                                                                                              \
        for (int64_t i = 0; i < columns; i++, to += n) {                                                                     \
            const real *from = line + (x[i].first - first) * n;                                                              \
            const double *w = x[i].weight;                                                                                   \
            for (int64_t c = 0; c < n && w && x[i].count == 2; c++) /* bilinear */                                           \
                to[c] = (real)(w[0] * (double)from[c] + w[1] * (double)from[n + c]);                                         \
            for (int64_t c = 0; c < n && !(w && x[i].count == 2); c++) {                                                     \
                double sum = 0;                                                                                              \
                for (int64_t l = 0; l < x[i].count; l++)                                                                     \
                    sum += weight_of(&x[i], &j->x, l, column + i) * (double)from[l * n + c];                                 \
                to[c] = (real)sum;                                                                                           \
            }                                                                                                                \
        }                                                                                                                    \
    }
THIN_COLUMNS(thin_columns_f32, float)
THIN_COLUMNS(thin_columns_f64, double)

static void blend_thin_row(const job *j, blend *b, const char *from, char *to, int64_t row, int64_t column, int64_t columns, const reach *y,
                           const reach *x)
{
    _Alignas(64) double line[LINE];
    const int64_t first = x->first, span = x[columns - 1].first + x[columns - 1].count - first, pixel = j->c * b->bytes;
    blend_begin(b, span * j->c, line);
    for (int64_t k = 0; k < y->count; k++)
        blend_add(b, from + ((y->first + k) * j->w + first) * pixel, weight_of(y, &j->y, k, row));
    blend_end(b);
    if (j->type == CAIRN_F64)
        thin_columns_f64(j, line, first, x, columns, column, (double *)(void *)to);
    else
        thin_columns_f32(j, (const float *)(const void *)line, first, x, columns, column, (float *)(void *)to);
}

/* Returns the column after the last. */
static int64_t run_columns(const job *j, blend *b, int64_t first_row, int64_t end_row, int64_t column)
{
    double room[ROOM], y_room[KEPT];
    reach x[COLUMNS];
    int64_t columns = 0, used = 0;
    bool thin = is_thin(j);
    for (; columns < COLUMNS && column + columns < j->columns && used + KEPT <= ROOM; columns++) {
        reach *next = &x[columns];
        *next = reach_of(&j->x, j->gradient, column + columns, room + used);
        if (thin && (next->first + next->count - x->first) * j->c > LINE) {
            if (columns)
                break;
            thin = false;
        }
        used += next->weight ? next->count : 0;
    }
    for (int64_t row = first_row; row < end_row; row++) {
        const reach y = reach_of(&j->y, j->gradient, row % j->rows, y_room);
        const char *from = j->from + row / j->rows * j->h * j->w * j->c * b->bytes;
        char *to = j->to + (row * j->columns + column) * j->c * b->bytes;
        if (thin)
            blend_thin_row(j, b, from, to, row % j->rows, column, columns, &y, x);
        for (int64_t i = 0; !thin && i < columns; i++, to += j->c * b->bytes)
            blend_pixel(j, b, from, to, row % j->rows, column + i, &y, &x[i]);
    }
    return column + columns;
}

static void run_rows(void *context, int64_t task, int worker)
{
    const job *j = context;
    blend b;
    (void)worker;
    blend_of(j->type, &b);
    for (int64_t column = 0; column < j->columns;)
        column = run_columns(j, &b, task * j->unit, smaller((task + 1) * j->unit, j->n * j->rows), column);
}

/* ---- The calls ------------------------------------------------------------------------------------*/

static bool is_within(int64_t x, int64_t low) { return x >= low && x < INT32_MAX; }

static cairn_status check(const cairn_resample *d)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "resample: the descriptor is NULL");
    if (d->type != CAIRN_F64 && d->type != CAIRN_F32 && d->type != CAIRN_F16 && d->type != CAIRN_BF16)
        return error_set(CAIRN_E_TYPE, "resample: type %s is not supported", cairn_dtype_name(d->type));
    if ((unsigned)d->mode > CAIRN_BICUBIC)
        return error_set(CAIRN_E_ARGUMENT, "resample: there is no mode %d", (int)d->mode);
    if (!is_within(d->n, 0) || !is_within(d->c, 0) || !is_within(d->h, 1) || !is_within(d->w, 1) || !is_within(d->oh, 1) ||
        !is_within(d->ow, 1) || (double)larger(d->n, 1) * (double)d->c * (double)larger(d->h, d->oh) * (double)larger(d->w, d->ow) > 0x1p50)
        return error_set(CAIRN_E_SHAPE, "resample: a size is out of range: n %lld, c %lld, image %lld x %lld to %lld x %lld",
                         (long long)d->n, (long long)d->c, (long long)d->h, (long long)d->w, (long long)d->oh, (long long)d->ow);
    return CAIRN_OK;
}

static cairn_status check_memory(const cairn_resample *d, const void *in, int64_t in_pixels, const void *out, int64_t out_pixels)
{
    const int64_t bytes = cairn_dtype_bytes(d->type) * d->n * d->c;
    return extents_apart("resample", (extent[]){{in, bytes * in_pixels}, {out, bytes * out_pixels, .output = true}}, 2);
}

enum { TASK_ELEMENTS = 1 << 15 };       /* read or written: a task is worth waking a thread */

static void run(const cairn_resample *d, job *j)
{
    j->y = axis_of(d->mode, d->align_corners, d->h, d->oh);
    j->x = axis_of(d->mode, d->align_corners, d->w, d->ow);
    j->type = d->type, j->n = d->n, j->c = d->c;
    const int64_t row = larger(d->c * j->columns, d->c * (d->h * d->w / j->rows));
    j->unit = larger(TASK_ELEMENTS / larger(row, 1), 1);
    pool_run(d->c ? ceil_div(d->n * j->rows, j->unit) : 0, run_rows, j);
}

cairn_status cairn_resample_forward(const cairn_resample *d, const void *x, void *y)
{
    cairn_status status = check(d);
    if (status == CAIRN_OK)
        status = check_memory(d, x, d->h * d->w, y, d->oh * d->ow);
    if (status == CAIRN_OK)
        run(d, &(job){.from = x, .to = y, .h = d->h, .w = d->w, .rows = d->oh, .columns = d->ow});
    return status;
}

cairn_status cairn_resample_gradient(const cairn_resample *d, const void *dy, void *dx)
{
    cairn_status status = check(d);
    if (status == CAIRN_OK)
        status = check_memory(d, dy, d->oh * d->ow, dx, d->h * d->w);
    if (status == CAIRN_OK)
        run(d, &(job){.from = dy, .to = dx, .h = d->oh, .w = d->ow, .rows = d->h, .columns = d->w, .gradient = true});
    return status;
}
