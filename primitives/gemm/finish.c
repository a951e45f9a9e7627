#include "primitives/gemm/finish.h"

#include "primitives/finish.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

enum { PIECE = 512 };                   /* elements converted at a time */
typedef int32_t __attribute__((may_alias)) sum_i32; /* a sum and the f32 that it becomes share their place */

static bool is_f64(const matmul *mm) { return mm->kernel->sum == CAIRN_F64; }

/* Element `at` of an array of C's type. */
static const void *element(const matmul *mm, const void *array, int64_t at)
{
    return (const char *)array + at * cairn_dtype_bytes(mm->c_type);
}

static void widen(cairn_dtype type, int64_t n, const void *from, float *to) { kernels()->half->widen(type, n, from, to); }
static void narrow(cairn_dtype type, int64_t n, const float *from, void *to) { kernels()->half->narrow(type, n, from, to); }

/* z[j] += factor * from[j], `from` of C's type */
static void add_row(const matmul *mm, int64_t n, void *z, double factor, const void *from)
{
    if (is_f64(mm)) {
        for (int64_t j = 0; j < n; j++)
            ((double *)z)[j] += factor * ((const double *)from)[j];
        return;
    }
    float piece[PIECE];
    for (int64_t j = 0; j < n; j += PIECE) {
        const int64_t count = smaller(PIECE, n - j);
        widen(mm->c_type, count, element(mm, from, j), piece);
        for (int64_t q = 0; q < count; q++)
            ((float *)z)[j + q] += (float)factor * piece[q];
    }
}

/* z[j] *= by[j], `by` of C's type */
static void scale_by(const matmul *mm, int64_t n, void *z, const void *by)
{
    if (is_f64(mm)) {
        for (int64_t j = 0; j < n; j++)
            ((double *)z)[j] *= ((const double *)by)[j];
        return;
    }
    float piece[PIECE];
    for (int64_t j = 0; j < n; j += PIECE) {
        const int64_t count = smaller(PIECE, n - j);
        widen(mm->c_type, count, element(mm, by, j), piece);
        for (int64_t q = 0; q < count; q++)
            ((float *)z)[j + q] *= piece[q];
    }
}

static void add_number(const matmul *mm, int64_t n, void *z, const void *from)
{
    float number;
    if (is_f64(mm)) {
        for (int64_t j = 0; j < n; j++)
            ((double *)z)[j] += *(const double *)from;
        return;
    }
    widen(mm->c_type, 1, from, &number);
    for (int64_t j = 0; j < n; j++)
        ((float *)z)[j] += number;
}

static void store_row(const matmul *mm, int64_t n, const void *z, void *to)
{
    if (is_f64(mm))
        memcpy(to, z, (size_t)n * 8);
    else
        narrow(mm->c_type, n, z, to);
}

/* z[j] *= activation'(saved[j]) */
static void gradient_row(const matmul *mm, int64_t n, void *z, const void *saved)
{
    const cairn_fused *f = &mm->fused->fused;
    if (is_f64(mm)) {
        finish_gradient(f, CAIRN_F64, n, z, saved);
        return;
    }
    float piece[PIECE];
    for (int64_t j = 0; j < n; j += PIECE) {
        widen(mm->c_type, smaller(PIECE, n - j), element(mm, saved, j), piece);
        finish_gradient(f, CAIRN_F32, smaller(PIECE, n - j), (float *)z + j, piece);
    }
}

void matmul_finish(const matmul *mm, int64_t row0, int64_t rows, int64_t column0, int64_t columns, void *z, int64_t z_step)
{
    const cairn_gemm *g = mm->fused;
    const cairn_dtype real = is_f64(mm) ? CAIRN_F64 : CAIRN_F32;
    const int64_t residual_row = g->residual_row ? g->residual_row : g->c_row, saved_row = g->saved_row ? g->saved_row : g->c_row;
    /* Without a residual, or nothing saved, their strides are anything. */
    const int64_t residual = g->fused.residual ? mm->batch * (g->residual_batch ? g->residual_batch : g->c_batch) + column0 : 0;
    const int64_t saved = g->saved ? mm->batch * (g->saved_batch ? g->saved_batch : g->c_batch) + column0 : 0;
    if (mm->c_type == real && !g->row_bias && !g->saved) { /* what most are */
        const void *first = g->fused.residual ? element(mm, g->fused.residual, residual + row0 * residual_row) : NULL;
        finish_block(&g->fused, real, rows, columns, z, z_step, column0, first, residual_row);
        return;
    }
    const cairn_fused activation = {.activation = g->fused.activation, .slope = g->fused.slope};
    for (int64_t i = 0; i < rows; i++) {
        char *row = (char *)z + i * z_step * cairn_dtype_bytes(real);
        if (g->fused.scale)
            scale_by(mm, columns, row, element(mm, g->fused.scale, column0));
        if (g->fused.bias)
            add_row(mm, columns, row, 1, element(mm, g->fused.bias, column0));
        if (g->row_bias)
            add_number(mm, columns, row, element(mm, g->row_bias, row0 + i));
        if (g->fused.residual)
            add_row(mm, columns, row, 1, element(mm, g->fused.residual, residual + (row0 + i) * residual_row));
        if (g->gradient)
            gradient_row(mm, columns, row, element(mm, g->saved, saved + (row0 + i) * saved_row));
        else if (g->saved)
            store_row(mm, columns, row, (void *)element(mm, g->saved, saved + (row0 + i) * saved_row));
    }
    if (!g->gradient)
        finish_block(&activation, real, rows, columns, z, z_step, 0, NULL, 0);
}

/* z[j] = row_scale column_scale[j] z[j], from i32 first where those are the sums. */
static void scale_row(const matmul *mm, int64_t row, int64_t column0, int64_t n, void *z)
{
    const float by_row = mm->fused && mm->fused->row_scale ? mm->fused->row_scale[row] : 1;
    const float *by_column = mm->fused && mm->fused->column_scale ? mm->fused->column_scale + column0 : NULL;
    if (is_f64(mm)) {
        for (int64_t j = 0; j < n; j++)
            ((double *)z)[j] *= (double)by_row * (by_column ? by_column[j] : 1);
        return;
    }
    if (mm->kernel->sum == CAIRN_I32)
        for (int64_t j = 0; j < n; j++)
            ((float *)z)[j] = (float)((sum_i32 *)z)[j] * (float)mm->alpha;
    for (int64_t j = 0; j < n && by_row != 1; j++)
        ((float *)z)[j] *= by_row;
    for (int64_t j = 0; j < n && by_column; j++)
        ((float *)z)[j] *= by_column[j];
}

void matmul_finish_sums(const matmul *mm, int64_t row0, int64_t rows, int64_t column0, int64_t columns, void *sums)
{
    const int64_t bytes = cairn_dtype_bytes(mm->kernel->sum);
    char *c = mm->c + (row0 * mm->c_row + column0) * cairn_dtype_bytes(mm->c_type);
    const int64_t step = mm->c_row * cairn_dtype_bytes(mm->c_type);
    for (int64_t i = 0; i < rows; i++) {
        char *row = (char *)sums + i * columns * bytes;
        scale_row(mm, row0 + i, column0, columns, row);
        if (mm->beta != 0)
            add_row(mm, columns, row, mm->beta, c + i * step);
    }
    if (mm->fused)
        matmul_finish(mm, row0, rows, column0, columns, sums, columns);
    for (int64_t i = 0; i < rows; i++)
        store_row(mm, columns, (char *)sums + i * columns * bytes, c + i * step);
}
