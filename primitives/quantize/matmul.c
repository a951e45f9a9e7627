/* Products with weights of 8 and 4 bits: packing, and the panels over the threads. */
#include "base/error.h"
#include "base/pool.h"
#include "primitives/apart.h"
#include "primitives/gemm/half.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"
#include <cairn/dnn/quantize.h>

#include <math.h>
#include <string.h>

enum { TASK_BYTES = 64 << 10 };             /* weights that a task reads */

typedef struct sizes {
    int64_t block, blocks, steps;           /* elements of a block; blocks of a row; steps of 32 in a row */
    int64_t panels, scale_bytes, panel_bytes;
    int bits;
} sizes;

static cairn_status check(const cairn_quantized_weight *d, sizes *s)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "quantized weight: the descriptor is NULL");
    if (d->type != CAIRN_BLOCK_INT8 && d->type != CAIRN_BLOCK_INT4)
        return error_set(CAIRN_E_TYPE, "quantized weight: type %d is neither INT8 nor INT4", (int)d->type);
    if (d->n < 0 || d->k < 1 || d->block < 0 || d->block % QUANTIZE_STEP || d->block >= 1 << 24 ||
        ((double)d->n + 16) * ((double)d->k + (double)d->block) >= 0x1p56)
        return error_set(CAIRN_E_SHAPE, "quantized weight: n %lld, k %lld, block %lld (a multiple of 32)", (long long)d->n, (long long)d->k,
                         (long long)d->block);
    s->bits = d->type == CAIRN_BLOCK_INT8 ? 8 : 4;
    s->block = d->block ? d->block : QUANTIZE_STEP;
    s->blocks = ceil_div(d->k, s->block);
    s->steps = s->blocks * s->block / QUANTIZE_STEP;
    s->panels = ceil_div(d->n, QUANTIZE_PANEL);
    s->scale_bytes = round_up(s->blocks * QUANTIZE_PANEL * 2, 64);
    s->panel_bytes = s->scale_bytes + s->steps * QUANTIZE_STEP * QUANTIZE_PANEL * s->bits / 8;
    return CAIRN_OK;
}

/* Rows of a matrix, `step` elements apart. */
static cairn_status check_rows(const char *name, int64_t rows, int64_t columns, int64_t step)
{
    if (step < columns || (double)(rows - 1) * (double)step >= 0x1p58)
        return error_set(CAIRN_E_ARGUMENT, "quantized weight: %lld rows of %s, of %lld elements, are %lld apart", (long long)rows, name,
                         (long long)columns, (long long)step);
    return CAIRN_OK;
}

int64_t cairn_quantized_weight_bytes(const cairn_quantized_weight *d)
{
    sizes s;
    return check(d, &s) == CAIRN_OK ? s.panels * s.panel_bytes : 0;
}

/* ---- Packing ------------------------------------------------------------------------------------*/

/* The byte of element k of a panel's row, and whether it is the byte's high half. */
static int64_t place(const sizes *s, int64_t row, int64_t k, bool *high)
{
    *high = s->bits == 4 && k % 8 >= 4;
    return (s->bits == 8 ? k / 4 : k / 8) * 4 * QUANTIZE_PANEL + row * 4 + k % 4;
}

static void pack_block(const sizes *s, const float *w, int64_t n, int64_t row, int64_t first, uint16_t *scale, uint8_t *elements)
{
    const int top = s->bits == 8 ? 127 : 7;
    float most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fabsf(w[i]) > most ? fabsf(w[i]) : most;
    *scale = f32_to_f16(most / (float)top);
    const float step = f16_to_f32(*scale);
    for (int64_t i = 0; i < s->block; i++) {
        bool high;
        const float q = i < n && step > 0 ? rintf(w[i] / step) : 0;
        const int whole = (int)(q > top ? top : q < -top ? -top : q) + top + 1;
        uint8_t *to = elements + place(s, row, first + i, &high);
        *to = s->bits == 8 ? (uint8_t)whole : high ? (uint8_t)(*to | whole << 4) : (uint8_t)whole;
    }
}

typedef struct packing {
    const cairn_quantized_weight *d;
    sizes s;
    const float *w;
    float *out;
    int64_t w_row;
    char *packed;
} packing;

static void pack_panel(void *context, int64_t panel, int worker)
{
    const packing *j = context;
    const sizes *s = &j->s;
    uint16_t *scales = (uint16_t *)(j->packed + panel * s->panel_bytes);
    uint8_t *elements = (uint8_t *)scales + s->scale_bytes;
    (void)worker;
    memset(scales, 0, (size_t)s->scale_bytes);
    for (int64_t row = 0; row < QUANTIZE_PANEL; row++)
        for (int64_t b = 0; b < s->blocks; b++) {
            const int64_t at = panel * QUANTIZE_PANEL + row, first = b * s->block;
            const int64_t n = at < j->d->n ? smaller(s->block, j->d->k - first) : 0;
            pack_block(s, n ? j->w + at * j->w_row + first : NULL, n, row, first, scales + b * QUANTIZE_PANEL + row, elements);
        }
}

static cairn_status check_range(const cairn_quantized_weight *d, const sizes *s, const float *w, int64_t w_row)
{
    const float most = 65504.0f * (s->bits == 8 ? 127 : 7);
    for (int64_t i = 0; i < d->n; i++)
        for (int64_t k = 0; k < d->k; k++)
            if (!(fabsf(w[i * w_row + k]) <= most))
                return error_set(CAIRN_E_RANGE, "quantized weight: element (%lld, %lld) is %g", (long long)i, (long long)k, w[i * w_row + k]);
    return CAIRN_OK;
}

cairn_status cairn_quantized_weight_pack(const cairn_quantized_weight *d, const float *w, int64_t w_row, void *packed)
{
    packing j = {.d = d, .w = w, .w_row = w_row, .packed = packed};
    cairn_status status = check(d, &j.s);
    if (status != CAIRN_OK || !d->n)
        return status;
    status = check_rows("w", d->n, d->k, w_row);
    if (status == CAIRN_OK && (!w || !packed || w == packed))
        status = error_set(CAIRN_E_ARGUMENT, "quantized weight: w %p, packed %p", (const void *)w, packed);
    if (status == CAIRN_OK)
        status = check_range(d, &j.s, w, w_row);
    if (status != CAIRN_OK)
        return status;
    pool_run(j.s.panels, pack_panel, &j);
    return CAIRN_OK;
}

static void unpack_panel(void *context, int64_t panel, int worker)
{
    const packing *j = context;
    const sizes *s = &j->s;
    const uint16_t *scales = (const uint16_t *)(j->packed + panel * s->panel_bytes);
    const uint8_t *elements = (const uint8_t *)scales + s->scale_bytes;
    (void)worker;
    for (int64_t row = 0; row < smaller(QUANTIZE_PANEL, j->d->n - panel * QUANTIZE_PANEL); row++)
        for (int64_t k = 0; k < j->d->k; k++) {
            bool high;
            const int byte = elements[place(s, row, k, &high)], q = s->bits == 8 ? byte - 128 : (high ? byte >> 4 : byte & 15) - 8;
            j->out[(panel * QUANTIZE_PANEL + row) * j->w_row + k] = (float)q * f16_to_f32(scales[k / s->block * QUANTIZE_PANEL + row]);
        }
}

cairn_status cairn_quantized_weight_unpack(const cairn_quantized_weight *d, const void *packed, float *w, int64_t w_row)
{
    packing j = {.d = d, .out = w, .w_row = w_row, .packed = (char *)packed};
    cairn_status status = check(d, &j.s);
    if (status != CAIRN_OK || !d->n)
        return status;
    status = check_rows("w", d->n, d->k, w_row);
    if (status == CAIRN_OK && (!w || !packed || w == packed))
        status = error_set(CAIRN_E_ARGUMENT, "quantized weight: w %p, packed %p", (void *)w, packed);
    if (status != CAIRN_OK)
        return status;
    pool_run(j.s.panels, unpack_panel, &j);
    return CAIRN_OK;
}

/* ---- Products -----------------------------------------------------------------------------------*/

/* Rows of x in int8, with what belongs to each step. */
typedef struct rows {
    int8_t *x;
    float *scale;
    int32_t *bias;
} rows;

static int64_t x_bytes(const sizes *s, int64_t m) { return m * s->steps * (QUANTIZE_STEP + 8); }

static rows rows_at(const sizes *s, void *workspace, int64_t m)
{
    char *base = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    rows r = {.scale = (float *)base};
    r.bias = (int32_t *)(base + m * s->steps * 4);
    r.x = (int8_t *)(base + m * s->steps * 8);
    return r;
}

static cairn_status check_product(const cairn_quantized_weight *d, int64_t m, sizes *s)
{
    const cairn_status status = check(d, s);
    if (status == CAIRN_OK && (m < 0 || (double)m * (double)s->steps >= 0x1p50))
        return error_set(CAIRN_E_SHAPE, "quantized matmul: m is %lld", (long long)m);
    return status;
}

int64_t cairn_quantized_matmul_workspace_bytes(const cairn_quantized_weight *d, int64_t m)
{
    sizes s;
    return check_product(d, m, &s) == CAIRN_OK ? x_bytes(&s, m) + 64 : 0;
}

typedef struct job {
    const cairn_quantized_weight *d;
    sizes s;
    quantize_kernel *kernel;
    int64_t m, x_row, y_row, panels;        /* of a task */
    const float *x, *bias;
    float *y;
    const char *packed;
    rows r;
} job;

static void quantize_row(void *context, int64_t i, int worker)
{
    const job *j = context;
    const int64_t steps = j->s.steps;
    (void)worker;
    j->kernel->row(j->x + i * j->x_row, j->d->k, steps, j->r.x + i * steps * QUANTIZE_STEP, j->r.scale + i * steps, j->r.bias + i * steps);
}

static void multiply_panel(const job *j, int64_t panel, int64_t row0, int count)
{
    const sizes *s = &j->s;
    const char *base = j->packed + panel * s->panel_bytes;
    const int64_t first = panel * QUANTIZE_PANEL, columns = smaller(QUANTIZE_PANEL, j->d->n - first);
    float y[QUANTIZE_ROWS * QUANTIZE_PANEL];
    quantize_dot q = {.weights = (const uint8_t *)base + s->scale_bytes, .scales = (const uint16_t *)base, .blocks = s->blocks,
                      .steps = s->block / QUANTIZE_STEP, .rows = count, .y = y};
    for (int i = 0; i < count; i++) {
        q.x[i] = j->r.x + (row0 + i) * s->steps * QUANTIZE_STEP;
        q.x_scale[i] = j->r.scale + (row0 + i) * s->steps;
        q.x_bias[i] = j->r.bias + (row0 + i) * s->steps;
    }
    if (s->bits == 8)
        j->kernel->int8(&q);
    else
        j->kernel->int4(&q);
    for (int i = 0; i < count; i++)
        for (int64_t c = 0; c < columns; c++)
            j->y[(row0 + i) * j->y_row + first + c] = y[i * QUANTIZE_PANEL + c] + (j->bias ? j->bias[first + c] : 0);
}

static void multiply_task(void *context, int64_t task, int worker)
{
    const job *j = context;
    (void)worker;
    for (int64_t panel = task * j->panels; panel < smaller((task + 1) * j->panels, j->s.panels); panel++)
        for (int64_t i = 0; i < j->m; i += j->m - i >= QUANTIZE_ROWS ? QUANTIZE_ROWS : 1)
            multiply_panel(j, panel, i, j->m - i >= QUANTIZE_ROWS ? QUANTIZE_ROWS : 1);
}

cairn_status cairn_quantized_matmul(const cairn_quantized_weight *d, int64_t m, const float *x, int64_t x_row, const void *packed,
                                    const float *bias, float *y, int64_t y_row, void *workspace, int64_t workspace_bytes)
{
    job j = {.d = d, .kernel = kernels()->quantize, .m = m, .x_row = x_row, .y_row = y_row, .x = x, .bias = bias, .y = y, .packed = packed};
    cairn_status status = check_product(d, m, &j.s);
    if (status != CAIRN_OK || !m || !d->n)
        return status;
    if (!x || !packed || !y)
        return error_set(CAIRN_E_ARGUMENT, "quantized matmul: x %p, packed %p, y %p", (const void *)x, packed, (void *)y);
    status = check_rows("x", m, d->k, x_row);
    status = status ? status : check_rows("y", m, d->n, y_row);
    status = status ? status : outputs_apart("quantized matmul", OUTPUTS(y), INPUTS(x, packed, bias));
    if (status != CAIRN_OK)
        return status;
    const int64_t needed = x_bytes(&j.s, m) + 64;
    if (!workspace || workspace_bytes < needed)
        return error_set(CAIRN_E_ARGUMENT, "quantized matmul: the workspace is too small: %lld bytes of %lld",
                         (long long)(workspace ? workspace_bytes : 0), (long long)needed);
    j.r = rows_at(&j.s, workspace, m);
    j.panels = larger(1, TASK_BYTES / j.s.panel_bytes);
    if (m < 4)
        for (int64_t i = 0; i < m; i++)
            quantize_row(&j, i, 0);
    else
        pool_run(m, quantize_row, &j);
    pool_run(ceil_div(j.s.panels, j.panels), multiply_task, &j);
    return CAIRN_OK;
}
