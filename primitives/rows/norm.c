/* Norms. A row's norm (layer, RMS, group) goes over its row while it is in cache; batch norm goes over channels: runs of elements
 * where channels are planes, columns where channels are last. Sums of columns are a task's own, rows in order. */
#include "primitives/rows/rows.h"

#include "base/error.h"
#include "base/pool.h"
#include "primitives/apart.h"

#include <math.h>
#include <string.h>

enum {
    COLUMNS = 256,                      /* of a task at most: a stretch of each row that is worth a prefetch; 64 where there are few */
    ROWS_IN_F32 = 64                    /* rows whose sums are kept in the kernel's own type before they join the f64 ones */
};

typedef struct job {
    cairn_norm_rows d;
    rows_type t;
    const void *x, *dy, *weight, *bias;
    const void *mean, *deviation;       /* known; or */
    void *new_mean, *new_deviation;
    void *y, *dweight, *dbias;          /* y: also dx */
    int64_t unit;                       /* rows of a task */
} job;

/* ---- Checks -------------------------------------------------------------------------------------*/

static cairn_status check(const cairn_norm_rows *d, job *j)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "norm: the descriptor is NULL");
    *j = (job){.d = *d};
    if (!rows_type_of(d->type, &j->t))
        return error_set(CAIRN_E_TYPE, "norm: type %s is not supported", cairn_dtype_name(d->type));
    if ((unsigned)d->kind > CAIRN_BATCH_NORM)
        return error_set(CAIRN_E_ARGUMENT, "norm: there is no kind %d", (int)d->kind);
    j->d.inner = d->inner ? d->inner : 1;
    j->d.groups = d->groups ? d->groups : 1;
    const int64_t most = (int64_t)1 << 40;
    if (d->n < 0 || d->n > most || d->c < 1 || d->c > most || j->d.inner < 1 || j->d.inner > most || j->d.groups < 1 ||
        (double)larger(d->n, 1) * (double)d->c * (double)j->d.inner > 0x1p50)
        return error_set(CAIRN_E_SHAPE, "norm: sizes are out of range: %lld x %lld x %lld, %lld groups", (long long)d->n, (long long)d->c,
                         (long long)d->inner, (long long)d->groups);
    if (d->kind == CAIRN_GROUP_NORM ? d->c % j->d.groups != 0 : j->d.groups != 1)
        return error_set(CAIRN_E_SHAPE, "norm: %lld groups of %lld channels", (long long)j->d.groups, (long long)d->c);
    if (d->kind < CAIRN_GROUP_NORM && j->d.inner != 1)
        return error_set(CAIRN_E_SHAPE, "norm: rows have an inner size of 1, not %lld", (long long)d->inner);
    if (!(d->eps >= 0))
        return error_set(CAIRN_E_ARGUMENT, "norm: eps is %g", d->eps);
    return CAIRN_OK;
}

static cairn_status check_memory(const void *const *operands, int count)
{
    for (int i = 0; i < count; i++)
        if (!operands[i])
            return error_set(CAIRN_E_ARGUMENT, "norm: operand %d of %d is NULL", i + 1, count);
    return CAIRN_OK;
}

/* ---- Factors --------------------------------------------------------------------------------------*/

/* A number in the kernel's type. */
typedef union factor { double wide; float narrow; } factor;

static rows_factor one(const job *j, double x, factor *room)
{
    if (j->t.type == CAIRN_F64)
        room->wide = x;
    else
        room->narrow = (float)x;
    return (rows_factor){room, 0};
}

/* Element `at` of a vector of factors, the same for all (step 0) or the first of many. */
static rows_factor from(const job *j, const void *vector, int64_t at, int64_t step)
{
    return (rows_factor){vector ? (const char *)vector + at * (j->t.type == CAIRN_F64 ? 8 : 4) : NULL, step};
}

static double weight_at(const job *j, int64_t c) { return j->weight ? rows_get(&j->t, j->weight, c) : 1; }

/* ---- Runs of elements with one mean: a row, a channel of a group, a plane of a channel ------------------*/

static void add_sums(const job *j, int64_t at, int64_t n, double shift, double out[2])
{
    float room[ROWS_STRETCH];
    FOR_STRETCHES(&j->t, n, i, part)
        j->t.kernel->sums(part, rows_in(&j->t, j->x, at + i, part, room), shift, out);
}

/* weight: of the run's first element; step 1 where each has its own. */
static void add_dots(const job *j, int64_t at, int64_t n, rows_factor weight, double shift, double out[2])
{
    float room[2][ROWS_STRETCH];
    FOR_STRETCHES(&j->t, n, i, part) {
        const rows_factor w = weight.step ? from(j, weight.at, i, 1) : weight;
        j->t.kernel->dots(part, rows_in(&j->t, j->x, at + i, part, room[0]), rows_in(&j->t, j->dy, at + i, part, room[1]), w, shift, out);
    }
}

static void apply(const job *j, int64_t at, int64_t n, rows_factor shift, rows_factor scale, rows_factor weight, rows_factor bias)
{
    float room[ROWS_STRETCH];
    FOR_STRETCHES(&j->t, n, i, part) {
        const rows_factor f[4] = {shift.step ? from(j, shift.at, i, 1) : shift, scale.step ? from(j, scale.at, i, 1) : scale,
                                  weight.step ? from(j, weight.at, i, 1) : weight, bias.step ? from(j, bias.at, i, 1) : bias};
        const void *x = rows_in(&j->t, j->x, at + i, part, room);
        j->t.kernel->affine(part, x, f[0], f[1], f[2], f[3], rows_out(&j->t, j->y, at + i, room));
        rows_store(&j->t, j->y, at + i, part, room);
    }
}

/* f: weight, shift, scale, a, b */
static void apply_slope(const job *j, int64_t at, int64_t n, const rows_factor f[5])
{
    float room[2][ROWS_STRETCH];
    FOR_STRETCHES(&j->t, n, i, part) {
        rows_factor g[5];
        for (int k = 0; k < 5; k++)
            g[k] = f[k].step ? from(j, f[k].at, i, 1) : f[k];
        const void *x = rows_in(&j->t, j->x, at + i, part, room[0]), *dy = rows_in(&j->t, j->dy, at + i, part, room[1]);
        j->t.kernel->slope(part, x, dy, g[0], g[1], g[2], g[3], g[4], rows_out(&j->t, j->y, at + i, room[0]));
        rows_store(&j->t, j->y, at + i, part, room[0]);
    }
}

/* ---- Rows: layer, RMS, group ------------------------------------------------------------------------*/

static int64_t row_count(const cairn_norm_rows *d) { return d->n * d->groups; }
static int64_t row_length(const cairn_norm_rows *d) { return d->c / d->groups * d->inner; }

static void row_statistics(const job *j, int64_t row, double *mean, double *deviation)
{
    const int64_t n = row_length(&j->d), at = row * n;
    double sums[2] = {0};
    *mean = 0;
    if (j->d.kind != CAIRN_RMS_NORM) {
        add_sums(j, at, n, 0, sums);
        *mean = sums[0] / (double)n;
        /* In the kernel's precision, as it is to be subtracted. */
        *mean = j->t.type == CAIRN_F64 ? *mean : (double)(float)*mean;
        sums[0] = sums[1] = 0;
    }
    add_sums(j, at, n, *mean, sums);
    *deviation = 1 / sqrt(sums[1] / (double)n + j->d.eps);
}

static void forward_row(const job *j, int64_t row)
{
    const cairn_norm_rows *d = &j->d;
    const int64_t n = row_length(d), channels = d->c / d->groups, first = row % d->groups * channels;
    double mean, deviation;
    factor room[2];
    if (j->new_mean)
        row_statistics(j, row, &mean, &deviation);
    else
        mean = rows_get(&j->t, j->mean, row), deviation = rows_get(&j->t, j->deviation, row);
    const rows_factor shift = one(j, mean, &room[0]), scale = one(j, deviation, &room[1]);
    if (d->kind != CAIRN_GROUP_NORM)
        apply(j, row * n, n, shift, scale, from(j, j->weight, 0, 1), from(j, j->bias, 0, 1));
    else
        for (int64_t c = 0; c < channels; c++)
            apply(j, row * n + c * d->inner, d->inner, shift, scale, from(j, j->weight, first + c, 0), from(j, j->bias, first + c, 0));
    if (j->new_mean) {
        rows_set(&j->t, j->new_mean, row, mean);
        rows_set(&j->t, j->new_deviation, row, deviation);
    }
}

static void gradient_row(const job *j, int64_t row)
{
    const cairn_norm_rows *d = &j->d;
    const int64_t n = row_length(d), channels = d->c / d->groups, first = row % d->groups * channels;
    const double mean = rows_get(&j->t, j->mean, row), deviation = rows_get(&j->t, j->deviation, row);
    double sums[2] = {0};
    if (d->kind != CAIRN_GROUP_NORM)
        add_dots(j, row * n, n, from(j, j->weight, 0, 1), mean, sums);
    else
        for (int64_t c = 0; c < channels; c++)
            add_dots(j, row * n + c * d->inner, d->inner, from(j, j->weight, first + c, 0), mean, sums);
    factor room[4];
    rows_factor f[5] = {from(j, j->weight, 0, 1), one(j, mean, &room[0]), one(j, deviation, &room[1]),
                        one(j, d->kind == CAIRN_RMS_NORM ? 0 : sums[0] / (double)n, &room[2]),
                        one(j, sums[1] / (double)n * deviation * deviation, &room[3])};
    if (d->kind != CAIRN_GROUP_NORM) {
        apply_slope(j, row * n, n, f);
        return;
    }
    for (int64_t c = 0; c < channels; c++) {
        f[0] = from(j, j->weight, first + c, 0);
        apply_slope(j, row * n + c * d->inner, d->inner, f);
    }
}

static int64_t task_columns(const cairn_norm_rows *d) { return d->c >= 4 * COLUMNS ? COLUMNS : 64; }

/* ---- Columns: channels last, and the weights' gradients of rows ---------------------------------------*/

typedef struct columns {
    double sum[COLUMNS], other[COLUMNS];
} columns;

typedef void column_step(const job *j, int64_t row, int64_t c0, int64_t n, void *sum, void *other);

/* Sums over all rows of columns c0 ...: in f64, from pieces in the kernel's type. */
static void sum_columns(const job *j, int64_t c0, int64_t n, column_step *step, columns *out)
{
    *out = (columns){{0}};
    for (int64_t first = 0; first < j->d.n; first += ROWS_IN_F32) {
        double piece[2][COLUMNS] = {{0}};
        for (int64_t row = first; row < smaller(first + ROWS_IN_F32, j->d.n); row++)
            step(j, row, c0, n, piece[0], piece[1]);
        for (int64_t c = 0; c < n; c++) {
            out->sum[c] += rows_get(&j->t, piece[0], c);
            out->other[c] += rows_get(&j->t, piece[1], c);
        }
    }
}

static void step_zero(const job *j, int64_t row, int64_t c0, int64_t n, void *sum, void *other)
{
    float room[COLUMNS];
    factor zero;
    j->t.kernel->column_sums(n, rows_in(&j->t, j->x, row * j->d.c + c0, n, room), one(j, 0, &zero), sum, other);
}

static void step_mean(const job *j, int64_t row, int64_t c0, int64_t n, void *sum, void *other)
{
    float room[COLUMNS];
    j->t.kernel->column_sums(n, rows_in(&j->t, j->x, row * j->d.c + c0, n, room), from(j, j->new_mean, c0, 1), sum, other);
}

/* By columns' own means (batch), or the row's. */
static void step_dots(const job *j, int64_t row, int64_t c0, int64_t n, void *sum, void *other)
{
    float room[2][COLUMNS];
    const bool batch = j->d.kind == CAIRN_BATCH_NORM;
    const void *x = rows_in(&j->t, j->x, row * j->d.c + c0, n, room[0]), *dy = rows_in(&j->t, j->dy, row * j->d.c + c0, n, room[1]);
    j->t.kernel->column_dots(n, x, dy, from(j, j->mean, batch ? c0 : row, batch), from(j, j->deviation, batch ? c0 : row, batch), sum, other);
}

static void store_weights(const job *j, int64_t c, double dot, double sum)
{
    if (j->dweight)
        rows_set(&j->t, j->dweight, c, dot);
    if (j->dbias)
        rows_set(&j->t, j->dbias, c, sum);
}

static void weights_of_columns(void *context, int64_t task, int worker)
{
    const job *j = context;
    const int64_t c0 = task * task_columns(&j->d), n = smaller(task_columns(&j->d), j->d.c - c0);
    columns sums;
    (void)worker;
    sum_columns(j, c0, n, step_dots, &sums);
    for (int64_t c = 0; c < n; c++)
        store_weights(j, c0 + c, sums.other[c], sums.sum[c]);
}

static void statistics_of_columns(void *context, int64_t task, int worker)
{
    const job *j = context;
    const int64_t c0 = task * task_columns(&j->d), n = smaller(task_columns(&j->d), j->d.c - c0);
    columns sums;
    (void)worker;
    sum_columns(j, c0, n, step_zero, &sums);
    for (int64_t c = 0; c < n; c++)
        rows_set(&j->t, j->new_mean, c0 + c, sums.sum[c] / (double)j->d.n);
    sum_columns(j, c0, n, step_mean, &sums);
    for (int64_t c = 0; c < n; c++)
        rows_set(&j->t, j->new_deviation, c0 + c, 1 / sqrt(sums.other[c] / (double)j->d.n + j->d.eps));
}

/* ---- Batch norm -----------------------------------------------------------------------------------------*/

static void statistics_of_plane(const job *j, int64_t c)
{
    const cairn_norm_rows *d = &j->d;
    const double n = (double)d->n * (double)d->inner;
    double sums[2] = {0};
    for (int64_t i = 0; i < d->n; i++)
        add_sums(j, (i * d->c + c) * d->inner, d->inner, 0, sums);
    rows_set(&j->t, j->new_mean, c, sums[0] / n);
    sums[1] = 0;
    for (int64_t i = 0; i < d->n; i++)
        add_sums(j, (i * d->c + c) * d->inner, d->inner, rows_get(&j->t, j->new_mean, c), sums);
    rows_set(&j->t, j->new_deviation, c, 1 / sqrt(sums[1] / n + d->eps));
}

static void forward_plane(void *context, int64_t c, int worker)
{
    const job *j = context;
    (void)worker;
    if (j->new_mean)
        statistics_of_plane(j, c);
    for (int64_t i = 0; i < j->d.n; i++)
        apply(j, (i * j->d.c + c) * j->d.inner, j->d.inner, from(j, j->mean, c, 0), from(j, j->deviation, c, 0), from(j, j->weight, c, 0),
              from(j, j->bias, c, 0));
}

/* A channel's or a group's channel's sums of dy and dy t. */
static void plane_dots(const job *j, int64_t c, double out[2])
{
    const cairn_norm_rows *d = &j->d;
    out[0] = out[1] = 0;
    for (int64_t i = 0; i < d->n; i++) {
        const int64_t at = d->kind == CAIRN_BATCH_NORM ? c : i * d->groups + c / (d->c / d->groups);
        double part[2] = {0};
        add_dots(j, (i * d->c + c) * d->inner, d->inner, (rows_factor){0}, rows_get(&j->t, j->mean, at), part);
        out[0] += part[0];
        out[1] += part[1] * rows_get(&j->t, j->deviation, at);
    }
}

static void weights_of_plane(void *context, int64_t c, int worker)
{
    const job *j = context;
    double sums[2];
    (void)worker;
    plane_dots(j, c, sums);
    store_weights(j, c, sums[1], sums[0]);
}

static void gradient_plane(void *context, int64_t c, int worker)
{
    const job *j = context;
    const cairn_norm_rows *d = &j->d;
    const double n = (double)d->n * (double)d->inner, deviation = rows_get(&j->t, j->deviation, c);
    double sums[2];
    factor room[3];
    (void)worker;
    plane_dots(j, c, sums);
    const rows_factor f[5] = {{0}, from(j, j->mean, c, 0), one(j, deviation * weight_at(j, c), &room[0]), one(j, sums[0] / n, &room[1]),
                              one(j, sums[1] / n * deviation, &room[2])};
    for (int64_t i = 0; i < d->n; i++)
        apply_slope(j, (i * d->c + c) * d->inner, d->inner, f);
    store_weights(j, c, sums[1], sums[0]);
}

static void forward_columns(void *context, int64_t task, int worker)
{
    const job *j = context;
    (void)worker;
    for (int64_t row = task * j->unit; row < smaller((task + 1) * j->unit, j->d.n); row++)
        apply(j, row * j->d.c, j->d.c, from(j, j->mean, 0, 1), from(j, j->deviation, 0, 1), from(j, j->weight, 0, 1), from(j, j->bias, 0, 1));
}

/* All rows of a task's columns: their sums, then dx. */
static void gradient_columns(void *context, int64_t task, int worker)
{
    const job *j = context;
    const int64_t c0 = task * task_columns(&j->d), n = smaller(task_columns(&j->d), j->d.c - c0);
    columns sums;
    double scale[COLUMNS], a[COLUMNS], b[COLUMNS];
    (void)worker;
    sum_columns(j, c0, n, step_dots, &sums);
    for (int64_t c = 0; c < n; c++) {
        const double deviation = rows_get(&j->t, j->deviation, c0 + c);
        rows_set(&j->t, scale, c, deviation * weight_at(j, c0 + c));
        rows_set(&j->t, a, c, sums.sum[c] / (double)j->d.n);
        rows_set(&j->t, b, c, sums.other[c] / (double)j->d.n * deviation);
    }
    const rows_factor f[5] = {{0}, from(j, j->mean, c0, 1), {scale, 1}, {a, 1}, {b, 1}};
    for (int64_t row = 0; row < j->d.n; row++)
        apply_slope(j, row * j->d.c + c0, n, f);
    for (int64_t c = 0; c < n; c++)
        store_weights(j, c0 + c, sums.other[c], sums.sum[c]);
}

/* ---- All ------------------------------------------------------------------------------------------------*/

static void forward_rows(void *context, int64_t task, int worker)
{
    const job *j = context;
    (void)worker;
    for (int64_t row = task * j->unit; row < smaller((task + 1) * j->unit, row_count(&j->d)); row++)
        forward_row(j, row);
}

static void gradient_rows(void *context, int64_t task, int worker)
{
    const job *j = context;
    (void)worker;
    for (int64_t row = task * j->unit; row < smaller((task + 1) * j->unit, row_count(&j->d)); row++)
        gradient_row(j, row);
}

static void forward(job *j)
{
    const cairn_norm_rows *d = &j->d;
    const bool batch = d->kind == CAIRN_BATCH_NORM;
    j->unit = larger(ROWS_TASK / (batch ? d->c : row_length(d)), 1);
    if (!batch) {
        pool_run(ceil_div(row_count(d), j->unit), forward_rows, j);
    } else if (d->inner > 1) {
        pool_run(d->c, forward_plane, j);
    } else {
        if (j->new_mean)
            pool_run(ceil_div(d->c, task_columns(d)), statistics_of_columns, j);
        pool_run(ceil_div(d->n, j->unit), forward_columns, j);
    }
}

cairn_status cairn_norm_forward(const cairn_norm_rows *d, const void *x, const void *weight, const void *bias, void *y, void *mean,
                                void *deviation)
{
    job j;
    cairn_status s = check(d, &j);
    if (s || !d->n)
        return s;
    j.x = x, j.weight = weight, j.bias = bias, j.y = y;
    j.new_mean = mean, j.new_deviation = deviation, j.mean = mean, j.deviation = deviation;
    s = check_memory((const void *const[]){x, y, mean, deviation}, 4);
    s = s ? s : outputs_apart("norm", OUTPUTS(y, mean, deviation), INPUTS(weight, bias));
    s = s ? s : outputs_apart("norm", OUTPUTS(mean, deviation), INPUTS(x));
    if (!s && bias && d->kind == CAIRN_RMS_NORM)
        s = error_set(CAIRN_E_ARGUMENT, "norm: an RMS norm has no bias");
    if (!s)
        forward(&j);
    return s;
}

cairn_status cairn_norm_inference(const cairn_norm_rows *d, const void *x, const void *weight, const void *bias, const void *mean,
                                  const void *deviation, void *y)
{
    job j;
    cairn_status s = check(d, &j);
    if (s || !d->n)
        return s;
    j.x = x, j.weight = weight, j.bias = bias, j.y = y, j.mean = mean, j.deviation = deviation;
    s = check_memory((const void *const[]){x, y, mean, deviation}, 4);
    s = s ? s : outputs_apart("norm", OUTPUTS(y), INPUTS(weight, bias, mean, deviation));
    if (!s)
        forward(&j);
    return s;
}

cairn_status cairn_norm_gradient(const cairn_norm_rows *d, const void *x, const void *weight, const void *mean, const void *deviation,
                                 const void *dy, void *dx, void *dweight, void *dbias)
{
    job j;
    cairn_status s = check(d, &j);
    if (s)
        return s;
    j.x = x, j.weight = weight, j.mean = mean, j.deviation = deviation, j.dy = dy, j.y = dx, j.dweight = dweight, j.dbias = dbias;
    for (int64_t c = 0; !d->n && (dweight || dbias) && c < d->c; c++)
        store_weights(&j, c, 0, 0);
    if (!d->n)
        return CAIRN_OK;
    s = check_memory((const void *const[]){x, mean, deviation, dy, dx}, 5);
    s = s ? s : outputs_apart("norm gradient", OUTPUTS(dx, dweight, dbias), INPUTS(x, weight, mean, deviation));
    s = s ? s : outputs_apart("norm gradient", OUTPUTS(dweight, dbias), INPUTS(dy));
    if (s)
        return s;
    const bool weights = dweight || dbias;
    if (d->kind == CAIRN_BATCH_NORM) {
        if (j.d.inner > 1)
            pool_run(d->c, gradient_plane, &j);
        else
            pool_run(ceil_div(d->c, task_columns(d)), gradient_columns, &j);
        return CAIRN_OK;
    }
    if (weights && d->kind == CAIRN_GROUP_NORM)      /* first: dx may take dy's place */
        pool_run(d->c, weights_of_plane, &j);
    else if (weights)
        pool_run(ceil_div(d->c, task_columns(d)), weights_of_columns, &j);
    j.unit = larger(ROWS_TASK / row_length(&j.d), 1);
    pool_run(ceil_div(row_count(&j.d), j.unit), gradient_rows, &j);
    return CAIRN_OK;
}
