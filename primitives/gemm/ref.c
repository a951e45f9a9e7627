#include "primitives/gemm/ref.h"

#include "primitives/gemm/half.h"

static double load(const void *from, cairn_dtype type, int64_t at)
{
    switch (type) {
    case CAIRN_F64: return ((const double *)from)[at];
    case CAIRN_F16: return f16_to_f32(((const uint16_t *)from)[at]);
    case CAIRN_BF16: return bf16_to_f32(((const uint16_t *)from)[at]);
    default: return ((const float *)from)[at];
    }
}

static void store(void *to, cairn_dtype type, int64_t at, double x)
{
    switch (type) {
    case CAIRN_F64: ((double *)to)[at] = x; break;
    case CAIRN_F16: ((uint16_t *)to)[at] = f32_to_f16((float)x); break;
    case CAIRN_BF16: ((uint16_t *)to)[at] = f32_to_bf16((float)x); break;
    default: ((float *)to)[at] = (float)x;
    }
}

void ref_gemm(const cairn_gemm *g)
{
    for (int64_t b = 0; b < (g->batch ? g->batch : 1); b++)
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t j = 0; j < g->n; j++) {
                const int64_t at = b * g->c_batch + i * g->c_row + j;
                double sum = 0;
                for (int64_t p = 0; p < g->k && g->alpha != 0; p++)
                    sum += load(g->a, g->type, b * g->a_batch + i * g->a_row + p * g->a_col) *
                           load(g->b, g->type, b * g->b_batch + p * g->b_row + j * g->b_col);
                store(g->c, g->type, at, g->alpha * sum + (g->beta == 0 ? 0 : g->beta * load(g->c, g->type, at)));
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
