/* Softmax, log-softmax and cross entropy of rows: a row is in cache while it is gone over two or three times. */
#include "primitives/rows/rows.h"

#include "base/error.h"
#include "base/pool.h"
#include "primitives/apart.h"

#include <math.h>
#include <string.h>

typedef struct job {
    cairn_softmax_rows d;
    rows_type t;
    cairn_labels o;
    const void *x, *dy;
    const int64_t *labels;
    void *y, *loss;
    int64_t unit;                       /* rows of a task */
} job;

/* ---- Checks -------------------------------------------------------------------------------------*/

static bool within(int64_t x) { return x >= 0 && x <= (int64_t)1 << 40; }

static cairn_status check(const char *name, const cairn_softmax_rows *d, job *j)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "%s: the descriptor is NULL", name);
    *j = (job){.d = *d};
    if (!rows_type_of(d->type, &j->t))
        return error_set(CAIRN_E_TYPE, "%s: type %s is not supported", name, cairn_dtype_name(d->type));
    if (!within(d->rows) || !within(d->columns) || (double)d->rows * (double)d->columns > 0x1p50)
        return error_set(CAIRN_E_SHAPE, "%s: sizes are out of range: %lld rows of %lld", name, (long long)d->rows, (long long)d->columns);
    j->d.x_row = d->x_row ? d->x_row : d->columns;
    j->d.y_row = d->y_row ? d->y_row : d->columns;
    if (j->d.x_row < d->columns || j->d.y_row < d->columns || (double)larger(j->d.x_row, j->d.y_row) * (double)d->rows > 0x1p56)
        return error_set(CAIRN_E_SHAPE, "%s: rows of %lld that are %lld and %lld apart", name, (long long)d->columns, (long long)d->x_row,
                         (long long)d->y_row);
    j->unit = larger(ROWS_TASK / larger(d->columns, 1), 1);
    return CAIRN_OK;
}

static cairn_status check_memory(const char *name, const void *a, const void *b, const void *out)
{
    if (!a || !b || !out)
        return error_set(CAIRN_E_ARGUMENT, "%s: an operand is NULL: %p, %p, %p", name, a, b, out);
    return CAIRN_OK;
}

/* An output may be an input whose rows are as far apart. */
static cairn_status check_place(const char *name, const job *j, const void *out, const void *a, const void *b)
{
    return j->d.x_row == j->d.y_row ? CAIRN_OK : outputs_apart(name, OUTPUTS(out), INPUTS(a, b));
}

/* ---- Rows ---------------------------------------------------------------------------------------*/

static const void *row_at(const job *j, const void *x, int64_t row, int64_t step) { return (const char *)x + row * step * j->t.bytes; }
static void *out_at(const job *j, void *y, int64_t row, int64_t step) { return (char *)y + row * step * j->t.bytes; }

static double find_top(const job *j, const void *x)
{
    float room[ROWS_STRETCH];
    double top = -INFINITY;
    FOR_STRETCHES(&j->t, j->d.columns, i, part)
        top = j->t.kernel->most(part, rows_in(&j->t, x, i, part, room), top);
    return top;
}

/* The exponentials go to `keep`, which may be x, or are forgotten (NULL). */
static double find_sum(const job *j, const void *x, double top, void *keep)
{
    float room[ROWS_STRETCH];
    double sum = 0;
    FOR_STRETCHES(&j->t, j->d.columns, i, part)
        sum += j->t.kernel->exp_sum(part, rows_in(&j->t, x, i, part, room), top, keep);
    return sum;
}

/* to = (from - shift) scale + bias, of the kernel's own type. */
static void scale_row(const job *j, int64_t n, const void *from, double shift, double scale, double bias, void *to)
{
    const float narrow[3] = {(float)shift, (float)scale, (float)bias};
    const double wide[3] = {shift, scale, bias};
    rows_factor f[3];
    for (int k = 0; k < 3; k++)
        f[k] = (rows_factor){j->t.type == CAIRN_F64 ? (const void *)&wide[k] : &narrow[k], 0};
    j->t.kernel->affine(n, from, f[0], f[1], (rows_factor){0}, f[2], to);
}

static void forward_row(const job *j, int64_t row)
{
    float room[ROWS_STRETCH];
    const rows_type *t = &j->t;
    const void *x = row_at(j, j->x, row, j->d.x_row);
    void *y = out_at(j, j->y, row, j->d.y_row);
    const bool keeps = !t->half && !j->d.log;
    const double top = find_top(j, x), sum = find_sum(j, x, top, keeps ? y : NULL);
    if (keeps) {
        scale_row(j, j->d.columns, y, 0, 1 / sum, 0, y);
        return;
    }
    /* x - (top + log sum) would lose what x - top keeps where top is large: the logarithm is the bias. */
    FOR_STRETCHES(t, j->d.columns, i, part) {
        const void *in = rows_in(t, x, i, part, room);
        if (j->d.log)
            scale_row(j, part, in, top, 1, -log(sum), rows_out(t, y, i, room));
        else
            t->kernel->exp_map(part, in, top, 1 / sum, 0, rows_out(t, y, i, room));
        rows_store(t, y, i, part, room);
    }
}

static void gradient_row(const job *j, int64_t row)
{
    float room[2][ROWS_STRETCH];
    const rows_type *t = &j->t;
    const void *y = row_at(j, j->x, row, j->d.y_row), *dy = row_at(j, j->dy, row, j->d.y_row);
    void *dx = out_at(j, j->y, row, j->d.x_row);
    double sums[2] = {0};
    FOR_STRETCHES(t, j->d.columns, i, part)
        t->kernel->dots(part, rows_in(t, y, i, part, room[0]), rows_in(t, dy, i, part, room[1]), (rows_factor){0}, 0, sums);
    FOR_STRETCHES(t, j->d.columns, i, part) {
        const void *a = rows_in(t, y, i, part, room[0]), *b = rows_in(t, dy, i, part, room[1]);
        t->kernel->softmax_slope(part, a, b, sums[!j->d.log], j->d.log, rows_out(t, dx, i, room[0]));
        rows_store(t, dx, i, part, room[0]);
    }
}

static double element(const job *j, const void *x, int64_t i)
{
    float one;
    if (!j->t.half)
        return rows_get(&j->t, x, i);
    j->t.move->widen(j->t.type, 1, (const char *)x + i * j->t.bytes, 1, &one);
    return one;
}

/* loss = log sum - (1 - s) (x[label] - top) - s mean(x - top) */
static void entropy_row(const job *j, int64_t row)
{
    float room[ROWS_STRETCH];
    const rows_type *t = &j->t;
    const void *x = row_at(j, j->x, row, j->d.x_row);
    void *dx = j->y ? out_at(j, j->y, row, j->d.x_row) : NULL, *keep = t->half ? NULL : dx;
    const int64_t label = j->labels[row], n = j->d.columns;
    const bool counts = !j->o.ignore || label != j->o.ignore_label;
    const double scale = counts ? j->o.scale : 0, s = j->o.smoothing, less = scale * s / (double)n;
    double top = 0, sum = 1, all[2] = {0}, at = 0, hit = 0;
    if (counts) {
        top = find_top(j, x);
        at = element(j, x, label) - top;
        FOR_STRETCHES(t, s > 0 ? n : 0, i, part)
            t->kernel->sums(part, rows_in(t, x, i, part, room), top, all);
        sum = find_sum(j, x, top, keep);                /* may overwrite x */
        hit = scale * (exp(at) / sum - (1 - s) - s / (double)n);
    }
    rows_set(t, j->loss, row, counts ? log(sum) - (1 - s) * at - s * (all[0] / (double)n) : 0);
    if (dx && !counts)
        memset(dx, 0, (size_t)(n * t->bytes));
    FOR_STRETCHES(t, dx && counts ? n : 0, i, part) {
        void *out = rows_out(t, dx, i, room);
        if (keep)
            scale_row(j, part, out, 0, scale / sum, -less, out);
        else
            t->kernel->exp_map(part, rows_in(t, x, i, part, room), top, scale / sum, less, out);
        if (label >= i && label < i + part)
            rows_set(t, out, label - i, hit);
        rows_store(t, dx, i, part, room);
    }
}

/* ---- All ----------------------------------------------------------------------------------------*/

#define TASK(name, row_function)                                                                   \
    static void name(void *context, int64_t task, int worker)                                      \
    {                                                                                              \
        const job *j = context;                                                                    \
        (void)worker;                                                                              \
        for (int64_t row = task * j->unit; row < smaller((task + 1) * j->unit, j->d.rows); row++)  \
            row_function(j, row);                                                                  \
    }
TASK(forward_task, forward_row)
TASK(gradient_task, gradient_row)
TASK(entropy_task, entropy_row)

cairn_status cairn_softmax_forward(const cairn_softmax_rows *d, const void *x, void *y)
{
    job j;
    cairn_status s = check("softmax", d, &j);
    if (s || !d->rows || !d->columns)
        return s;
    s = check_memory("softmax", x, x, y);
    s = s ? s : check_place("softmax", &j, y, x, x);
    j.x = x, j.y = y;
    if (!s)
        pool_run(ceil_div(d->rows, j.unit), forward_task, &j);
    return s;
}

cairn_status cairn_softmax_gradient(const cairn_softmax_rows *d, const void *y, const void *dy, void *dx)
{
    job j;
    cairn_status s = check("softmax gradient", d, &j);
    if (s || !d->rows || !d->columns)
        return s;
    s = check_memory("softmax gradient", y, dy, dx);
    s = s ? s : check_place("softmax gradient", &j, dx, y, dy);
    j.x = y, j.dy = dy, j.y = dx;
    if (!s)
        pool_run(ceil_div(d->rows, j.unit), gradient_task, &j);
    return s;
}

static cairn_status check_labels(const job *j)
{
    const cairn_labels *o = &j->o;
    if (!(o->smoothing >= 0 && o->smoothing < 1) || isnan(o->scale))
        return error_set(CAIRN_E_RANGE, "cross_entropy: smoothing %g, scale %g", o->smoothing, o->scale);
    for (int64_t row = 0; row < j->d.rows; row++) {
        const int64_t label = j->labels[row];
        if ((label < 0 || label >= j->d.columns) && !(o->ignore && label == o->ignore_label))
            return error_set(CAIRN_E_RANGE, "cross_entropy: label %lld of row %lld is not one of %lld", (long long)label, (long long)row,
                             (long long)j->d.columns);
    }
    return CAIRN_OK;
}

cairn_status cairn_cross_entropy_rows(const cairn_softmax_rows *d, const void *x, const int64_t *labels, const cairn_labels *options, void *loss,
                                      void *dx)
{
    job j;
    cairn_status s = check("cross_entropy", d, &j);
    if (s || !d->rows)
        return s;
    s = check_memory("cross_entropy", d->columns ? x : labels, labels, loss);
    s = s ? s : outputs_apart("cross_entropy", OUTPUTS(loss, dx), INPUTS(labels));
    s = s ? s : outputs_apart("cross_entropy", OUTPUTS(loss), INPUTS(x));
    if (s)
        return s;
    j.o = options ? *options : (cairn_labels){.scale = 1};
    j.x = x, j.labels = labels, j.loss = loss, j.y = dx;
    s = check_labels(&j);
    if (!s)
        pool_run(ceil_div(d->rows, j.unit), entropy_task, &j);
    return s;
}
