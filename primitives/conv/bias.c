/* The bias gradient: columns of dy summed. Pixels are cut into parts by shape alone; each sums in f64, and parts are added in order. */
#include "base/error.h"
#include "base/pool.h"
#include "primitives/conv/layout.h"
#include "primitives/gemm/half.h"
#include "primitives/slots.h"

#include <string.h>

enum { PARTS = 32, PART_ROWS = 256 };

typedef struct plan {
    int64_t rows, columns, parts, part_rows;
    cairn_dtype type;                   /* of what is summed */
    int64_t copy_bytes;
    const char *dy;
    double *sums;
} plan;

static cairn_status prepare(const cairn_conv *d, plan *p, layout *y)
{
    conv c;
    const cairn_status status = conv_check(d, &c);
    if (status != CAIRN_OK)
        return status;
    if (conv_is_integer(d))
        return error_set(CAIRN_E_UNSUPPORTED, "conv bias gradient: type %s has a forward pass only", cairn_dtype_name(d->type));
    *y = layout_of(&c, CONV_Y);
    *p = (plan){.rows = d->n * c.od * c.oh * c.ow, .columns = d->k, .type = d->type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32};
    p->part_rows = larger(ceil_div(p->rows, PARTS), PART_ROWS);
    p->parts = larger(ceil_div(p->rows, p->part_rows), 1);
    if (!y->packed || y->type != p->type)
        p->copy_bytes = round_up(layout_elements(y) * cairn_dtype_bytes(p->type), 64);
    return CAIRN_OK;
}

static int64_t bytes_of(const plan *p) { return p->copy_bytes + p->parts * p->columns * (int64_t)sizeof(double) + 64; }

int64_t cairn_conv_bias_workspace_bytes(const cairn_conv *d)
{
    plan p;
    layout y;
    return prepare(d, &p, &y) == CAIRN_OK ? bytes_of(&p) : 0;
}

#define SUM(name, real)                                                                             \
    static void name(const real *restrict x, int64_t rows, int64_t columns, double *restrict sums)   \
    {                                                                                               \
        for (int64_t i = 0; i < rows; i++, x += columns)                                            \
            for (int64_t j = 0; j < columns; j++)                                                   \
                sums[j] += x[j];                                                                    \
    }
SUM(sum_f32, float)
SUM(sum_f64, double)

static void sum_part(void *context, int64_t part, int worker)
{
    const plan *p = context;
    const int64_t first = part * p->part_rows, rows = smaller(p->part_rows, p->rows - first);
    double *sums = p->sums + part * p->columns;
    (void)worker;
    memset(sums, 0, (size_t)p->columns * sizeof *sums);
    if (p->type == CAIRN_F64)
        sum_f64((const double *)p->dy + first * p->columns, rows, p->columns, sums);
    else
        sum_f32((const float *)p->dy + first * p->columns, rows, p->columns, sums);
}

static void store(const plan *p, cairn_dtype type, void *db)
{
    for (int64_t j = 0; j < p->columns; j++) {
        double sum = 0;
        for (int64_t part = 0; part < p->parts; part++)
            sum += p->sums[part * p->columns + j];
        switch (type) {
        case CAIRN_F64: ((double *)db)[j] = sum; break;
        case CAIRN_F32: ((float *)db)[j] = (float)sum; break;
        case CAIRN_F16: ((uint16_t *)db)[j] = f32_to_f16((float)sum); break;
        default: ((uint16_t *)db)[j] = f32_to_bf16((float)sum);
        }
    }
}

cairn_status cairn_conv_bias_gradient(const cairn_conv *d, const void *dy, void *db, void *workspace, int64_t workspace_bytes)
{
    plan p;
    layout y;
    const cairn_status status = prepare(d, &p, &y);
    if (status != CAIRN_OK)
        return status;
    const layout b = {.type = y.type, .size = {1, d->k, 1, 1, 1}, .stride = {0, 1, 0, 0, 0}};
    if (d->k && (!db || (!dy && layout_elements(&y))))
        return error_set(CAIRN_E_ARGUMENT, "conv bias gradient: an operand is NULL: dy %p, db %p", dy, db);
    if (layouts_overlap(&y, dy, &b, db))
        return error_set(CAIRN_E_ARGUMENT, "conv bias gradient: the result overlaps dy: %p, %p", db, dy);
    if (!workspace || workspace_bytes < bytes_of(&p))
        return error_set(CAIRN_E_ARGUMENT, "conv bias gradient: the workspace is too small: %lld bytes of %lld",
                         (long long)(workspace ? workspace_bytes : 0), (long long)bytes_of(&p));
    char *at = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    p.dy = p.copy_bytes ? at : dy;
    p.sums = (double *)(at + p.copy_bytes);
    if (p.copy_bytes)
        layout_pack(&y, dy, p.type, at);
    pool_run(p.parts, sum_part, &p);
    store(&p, y.type, db);
    return CAIRN_OK;
}
