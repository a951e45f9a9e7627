#include "primitives/gemm/ref.h"

#include "primitives/gemm/half.h"

#include <math.h>

static double load(const void *from, cairn_dtype type, int64_t at)
{
    switch (type) {
    case CAIRN_F64: return ((const double *)from)[at];
    case CAIRN_F16: return f16_to_f32(((const uint16_t *)from)[at]);
    case CAIRN_BF16: return bf16_to_f32(((const uint16_t *)from)[at]);
    case CAIRN_I8: return ((const int8_t *)from)[at];
    case CAIRN_U8: return ((const uint8_t *)from)[at];
    case CAIRN_I32: return ((const int32_t *)from)[at];
    default: return ((const float *)from)[at];
    }
}

static void store(void *to, cairn_dtype type, int64_t at, double x)
{
    switch (type) {
    case CAIRN_F64: ((double *)to)[at] = x; break;
    case CAIRN_F16: ((uint16_t *)to)[at] = f32_to_f16((float)x); break;
    case CAIRN_BF16: ((uint16_t *)to)[at] = f32_to_bf16((float)x); break;
    case CAIRN_I32: ((int32_t *)to)[at] = (int32_t)x; break;
    default: ((float *)to)[at] = (float)x;
    }
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double ref_activation(const cairn_fused *f, double x)
{
    switch (f->activation) {
    case CAIRN_FUSED_RELU: return x < 0 ? 0 : x;
    case CAIRN_FUSED_LEAKY_RELU: return x < 0 ? f->slope * x : x;
    case CAIRN_FUSED_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case CAIRN_FUSED_SIGMOID: return sigmoid(x);
    case CAIRN_FUSED_TANH: return tanh(x);
    case CAIRN_FUSED_GELU: return 0.5 * x * (1 + erf(x * M_SQRT1_2));
    case CAIRN_FUSED_GELU_TANH: return 0.5 * x * (1 + tanh(M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x)));
    case CAIRN_FUSED_SILU: return x * sigmoid(x);
    default: return x;
    }
}

/* By a difference, which is independent of the formulas that are tested with it; on either side of a kink, for a step that crosses it. */
static double ref_slope(const cairn_fused *f, double x)
{
    const double h = fabs(x) < 2e-5 && f->activation <= CAIRN_FUSED_RELU6 ? 0.4 * fabs(x) + 1e-300 : 1e-5;
    if (x == 0 && f->activation <= CAIRN_FUSED_RELU6)
        return f->activation == CAIRN_FUSED_NONE ? 1 : f->activation == CAIRN_FUSED_LEAKY_RELU ? f->slope : 0;
    return (ref_activation(f, x + h) - ref_activation(f, x - h)) / (2 * h);
}

/* What becomes of a sum: element (i, j) of matrix b. */
static double finished(const cairn_gemm *g, cairn_dtype type, int64_t b, int64_t i, int64_t j, double sum)
{
    const int64_t at = b * g->c_batch + i * g->c_row + j;
    double z = g->alpha * sum * (g->row_scale ? g->row_scale[i] : 1) * (g->column_scale ? g->column_scale[j] : 1);
    z += g->beta == 0 ? 0 : g->beta * load(g->c, type, at);
    z *= g->fused.scale ? load(g->fused.scale, type, j) : 1;
    z += g->fused.bias ? load(g->fused.bias, type, j) : 0;
    z += g->row_bias ? load(g->row_bias, type, i) : 0;
    if (g->fused.residual)
        z += load(g->fused.residual, type, b * (g->residual_batch ? g->residual_batch : g->c_batch) +
                                           i * (g->residual_row ? g->residual_row : g->c_row) + j);
    const int64_t saved = b * (g->saved_batch ? g->saved_batch : g->c_batch) + i * (g->saved_row ? g->saved_row : g->c_row) + j;
    if (g->gradient)
        return z * ref_slope(&g->fused, load(g->saved, type, saved));
    if (g->saved)
        store(g->saved, type, saved, z);
    return ref_activation(&g->fused, z);
}

void ref_gemm(const cairn_gemm *g)
{
    const cairn_dtype b_type = g->b_type ? g->b_type : g->type;
    const cairn_dtype c_type = g->c_type ? g->c_type : g->type == CAIRN_I8 || g->type == CAIRN_U8 ? CAIRN_I32 : g->type;
    for (int64_t b = 0; b < (g->batch ? g->batch : 1); b++)
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t j = 0; j < g->n; j++) {
                double sum = 0;
                for (int64_t p = 0; p < g->k && g->alpha != 0; p++)
                    sum += load(g->a, g->type, b * g->a_batch + i * g->a_row + p * g->a_col) *
                           load(g->b, b_type, b * g->b_batch + p * g->b_row + j * g->b_col);
                store(g->c, c_type, b * g->c_batch + i * g->c_row + j, finished(g, c_type, b, i, j, sum));
            }
}

void ref_gemm_tile(gemm_kernel *kernel, const gemm_tile *t, int direct)
{
    const cairn_dtype type = kernel->element_bytes == 8 ? CAIRN_F64 : CAIRN_F32;
    for (int i = 0; i < t->rows; i++)
        for (int j = 0; j < t->cols; j++) {
            double sum = 0;
            for (int64_t s = 0; s < (direct ? t->segments : 1); s++)
                for (int64_t p = 0; p < t->k; p++)
                    sum += load(t->a, type, direct ? t->offset[s] + i * t->a_row + p : p * kernel->mr + i) *
                           load(t->b, type, (s * t->k + p) * t->b_step + j);
            const int64_t at = i * t->c_row + j;
            store(t->c, type, at, t->alpha * sum + (t->beta == 0 ? 0 : t->beta * load(t->c, type, at)));
        }
}
