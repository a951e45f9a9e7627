/* Local response norm: y = x (k + alpha / size * sum of x^2 over `size` neighbouring channels)^-beta.
 *
 * An image is a line of channels x inner elements, and a neighbouring channel is `inner` elements away: the window of an
 * element, cut off at the ends of the line, is the window of its channel, wherever channels are in memory. Sums are in f64. */
#include "primitives/rows/rows.h"

#include "base/error.h"
#include "base/pool.h"
#include "primitives/apart.h"

#include <math.h>

enum { STRETCH = 256 };                 /* elements at a time */

typedef struct job {
    cairn_local_norm d;
    rows_type t;
    cairn_dtype wide;                   /* of the scale */
    int64_t line;                       /* elements of an image */
    const void *x, *y_known, *dy, *scale_known;
    void *y, *scale;                    /* y: also dx */
} job;

/* The elements of the stretch at .. at + n that have a neighbour `shift` elements away. */
typedef struct reach { int64_t first, count; } reach;

static reach reach_of(int64_t line, int64_t at, int64_t n, int64_t shift)
{
    const int64_t first = larger(at, -shift), end = smaller(at + n, line - shift);
    return first < end ? (reach){first - at, end - first} : (reach){0, 0};
}

static void load(const job *j, cairn_dtype type, const void *x, int64_t at, int64_t n, double *out)
{
    float room[STRETCH];
    if (type == CAIRN_F64) {
        memcpy(out, (const double *)x + at, (size_t)n * sizeof *out);
        return;
    }
    const float *from = type == CAIRN_F32 ? (const float *)x + at : rows_in(&j->t, x, at, n, room);
    for (int64_t i = 0; i < n; i++)
        out[i] = from[i];
}

static void store(const job *j, cairn_dtype type, void *y, int64_t at, int64_t n, const double *from)
{
    float room[STRETCH];
    if (type == CAIRN_F64) {
        memcpy((double *)y + at, from, (size_t)n * sizeof *from);
        return;
    }
    float *to = type == CAIRN_F32 ? (float *)y + at : room;
    for (int64_t i = 0; i < n; i++)
        to[i] = (float)from[i];
    if (type != CAIRN_F32)
        rows_store(&j->t, y, at, n, room);
}

/* s^-beta: the powers that people use need roots alone. */
static void invert(int64_t n, double *s, double beta)
{
    for (int64_t i = 0; i < n; i++)
        s[i] = beta == 0.75 ? 1 / (sqrt(s[i]) * sqrt(sqrt(s[i]))) : beta == 0.5 ? 1 / sqrt(s[i]) : beta == 1 ? 1 / s[i] : pow(s[i], -beta);
}

static void forward(const job *j, int64_t image, int64_t at, int64_t n)
{
    double sum[STRETCH] = {0}, x[STRETCH];
    for (int64_t w = larger(-(j->d.size / 2), -j->d.c); w <= smaller((j->d.size - 1) / 2, j->d.c); w++) {
        const reach r = reach_of(j->line, at, n, w * j->d.inner);
        if (!r.count)
            continue;
        load(j, j->t.type, j->x, image + at + r.first + w * j->d.inner, r.count, x);
        for (int64_t i = 0; i < r.count; i++)
            sum[r.first + i] += x[i] * x[i];
    }
    for (int64_t i = 0; i < n; i++)
        sum[i] = j->d.k + j->d.alpha / (double)j->d.size * sum[i];
    load(j, j->t.type, j->x, image + at, n, x);
    if (j->scale)
        store(j, j->wide, j->scale, image + at, n, sum);
    invert(n, sum, j->d.beta);
    for (int64_t i = 0; i < n; i++)
        x[i] *= sum[i];
    store(j, j->t.type, j->y, image + at, n, x);
}

/* dx = dy s^-beta - 2 alpha beta / size x (the sum of dy y / s over those whose windows it is in) */
static void gradient(const job *j, int64_t image, int64_t at, int64_t n)
{
    double sum[STRETCH] = {0}, dy[STRETCH], y[STRETCH], s[STRETCH];
    for (int64_t w = larger(-((j->d.size - 1) / 2), -j->d.c); w <= smaller(j->d.size / 2, j->d.c); w++) {
        const reach r = reach_of(j->line, at, n, w * j->d.inner);
        const int64_t from = image + at + r.first + w * j->d.inner;
        if (!r.count)
            continue;
        load(j, j->t.type, j->y_known, from, r.count, y);
        load(j, j->t.type, j->dy, from, r.count, dy);
        load(j, j->wide, j->scale_known, from, r.count, s);
        for (int64_t i = 0; i < r.count; i++)
            sum[r.first + i] += dy[i] * y[i] / s[i];
    }
    load(j, j->t.type, j->x, image + at, n, y);
    load(j, j->t.type, j->dy, image + at, n, dy);
    load(j, j->wide, j->scale_known, image + at, n, s);
    invert(n, s, j->d.beta);
    for (int64_t i = 0; i < n; i++)
        dy[i] = dy[i] * s[i] - 2 * j->d.alpha * j->d.beta / (double)j->d.size * y[i] * sum[i];
    store(j, j->t.type, j->y, image + at, n, dy);
}

static void run_stretches(void *context, int64_t task, int worker)
{
    const job *j = context;
    const int64_t stretches = ceil_div(j->line, STRETCH), each = ROWS_TASK / STRETCH;
    (void)worker;
    for (int64_t i = task * each; i < smaller((task + 1) * each, j->d.n * stretches); i++) {
        const int64_t image = i / stretches * j->line, at = i % stretches * STRETCH, n = smaller(STRETCH, j->line - at);
        if (j->dy)
            gradient(j, image, at, n);
        else
            forward(j, image, at, n);
    }
}

static cairn_status run(job *j)
{
    pool_run(ceil_div(j->d.n * ceil_div(j->line, STRETCH), ROWS_TASK / STRETCH), run_stretches, j);
    return CAIRN_OK;
}

static cairn_status check(const cairn_local_norm *d, job *j)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "local_norm: the descriptor is NULL");
    j->d = *d;
    j->d.inner = d->inner ? d->inner : 1;
    if (!rows_type_of(d->type, &j->t))
        return error_set(CAIRN_E_TYPE, "local_norm: type %s is not supported", cairn_dtype_name(d->type));
    const int64_t most = (int64_t)1 << 40;
    if (d->n < 0 || d->n > most || d->c < 0 || d->c > most || j->d.inner < 1 || j->d.inner > most || d->size < 1 || d->size > INT32_MAX ||
        (double)larger(d->n, 1) * (double)larger(d->c, 1) * (double)j->d.inner > 0x1p50)
        return error_set(CAIRN_E_SHAPE, "local_norm: sizes are out of range: %lld x %lld x %lld, over %lld channels", (long long)d->n,
                         (long long)d->c, (long long)j->d.inner, (long long)d->size);
    j->line = d->c * j->d.inner;
    j->wide = d->type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32;
    return CAIRN_OK;
}

cairn_status cairn_local_norm_forward(const cairn_local_norm *d, const void *x, void *y, void *scale)
{
    job j = {.x = x, .y = y, .scale = scale};
    cairn_status status = check(d, &j);
    if (status != CAIRN_OK)
        return status;
    const int64_t n = j.d.n * j.line, bytes = n * j.t.bytes;
    status = extents_apart("local_norm", (extent[]){{x, bytes}, {y, bytes, .output = true},
                           {scale, n * cairn_dtype_bytes(j.wide), .output = true, .optional = true}}, 3);
    return status == CAIRN_OK ? run(&j) : status;
}

cairn_status cairn_local_norm_gradient(const cairn_local_norm *d, const void *x, const void *y, const void *scale, const void *dy, void *dx)
{
    job j = {.x = x, .y_known = y, .scale_known = scale, .dy = dy, .y = dx};
    cairn_status status = check(d, &j);
    if (status != CAIRN_OK)
        return status;
    const int64_t n = j.d.n * j.line, bytes = n * j.t.bytes;
    status = extents_apart("local_norm", (extent[]){{x, bytes}, {y, bytes}, {scale, n * cairn_dtype_bytes(j.wide)}, {dy, bytes},
                           {dx, bytes, .output = true}}, 5);
    return status == CAIRN_OK ? run(&j) : status;
}
