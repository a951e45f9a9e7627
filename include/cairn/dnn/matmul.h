/* Primitives: matrix products.
 *
 *     cairn_gemm g = {.type = CAIRN_F32, .m = m, .n = n, .k = k, .a = x, .a_row = k, .a_col = 1,
 *                     .b = w, .b_row = 1, .b_col = k, .c = y, .c_row = n, .alpha = 1,
 *                     .fused = {.bias = bias, .activation = CAIRN_FUSED_GELU}};
 *     int64_t bytes = cairn_gemm_workspace_bytes(&g);
 *     cairn_status s = cairn_gemm_run(&g, workspace, bytes);             y = gelu(x w^T + bias)
 */
#ifndef CAIRN_DNN_MATMUL_H
#define CAIRN_DNN_MATMUL_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C[b] = alpha A[b] B[b] + beta C[b] for b < batch;  A is m x k, B is k x n, C is m x n; then what the fields below `beta` ask for.
 * Any strides: element (i, j) of matrix b of A is a[b * a_batch + i * a_row + j * a_col]; a transposed matrix is
 * one with its strides swapped; a batch stride of 0 repeats a matrix. c_row >= n. beta == 0 never reads C.
 *
 * Types, by `type` (of A and B) and `c_type`:
 *   f64          C f64
 *   f32          C f32, f16 or bf16. Sums in f32, each one chain of FMAs over k in runs of equal length; see precision below
 *   bf16, f16    C of the same type, or f32. Sums in f32, one rounding to C. Where the processor multiplies bf16 (AVX512_BF16, AMX), that
 *                unit does: it takes subnormal numbers as 0
 *   i8, u8       B of `b_type`, i8 or u8. C i32: exact modulo 2^32, alpha 1, beta 0 or 1, nothing fused. C f32, f16 or bf16: the exact sum
 *                rounded to f32, then as if it were an f32's
 *
 * What is fused, in this order, in f32 (f64 for f64), with one rounding to C at the end:
 *   z = (alpha row_scale[i] column_scale[j] (A B)[i][j] + beta C[i][j]) scale[j] + bias[j] + row_bias[i] + residual[i][j]
 *   saved[i][j] = z, when there is `saved` and no `gradient`
 *   C[i][j] = activation(z), or z activation'(saved[i][j]) with `gradient`: the backward pass of the same epilogue
 * scale, bias, row_bias, residual and saved have C's type and, the last two, C's layout but for their own strides. */
typedef struct cairn_gemm {
    cairn_dtype type;
    int64_t batch, m, n, k;                 /* batch 0 means 1 */
    const void *a, *b;
    void *c;
    int64_t a_batch, a_row, a_col, b_batch, b_row, b_col, c_batch, c_row;
    double alpha, beta;
    cairn_epilogue epilogue;                /* called on each finished block of C; or NULL */
    void *epilogue_context;

    cairn_dtype c_type, b_type;             /* 0 means: as `type`; C of 8-bit integers: i32 */
    cairn_fused fused;                      /* scale, bias, residual, activation */
    int64_t residual_batch, residual_row;   /* 0 means: as C's */
    const void *row_bias;                   /* m elements; or NULL */
    const float *row_scale, *column_scale;  /* m, n; or NULL */
    void *saved;                            /* or NULL */
    int64_t saved_batch, saved_row;         /* 0 means: as C's */
    bool gradient;                          /* needs `saved` */

    const void *const *a_list, *const *b_list; /* matrices of the batch that lie anywhere: pointers in the place of a, b, c */
    void *const *c_list;
    const void *packed_b;                   /* from cairn_gemm_pack, in the place of b; for all matrices of the batch */
} cairn_gemm;
CAIRN_API int64_t cairn_gemm_workspace_bytes(const cairn_gemm *g);
CAIRN_API cairn_status cairn_gemm_run(const cairn_gemm *g, void *workspace, int64_t workspace_bytes);

/* Products of different sizes, in one call; their outputs must not overlap. The bits are those of one after the other. */
CAIRN_API int64_t cairn_gemm_group_workspace_bytes(const cairn_gemm *groups, int64_t count);
CAIRN_API cairn_status cairn_gemm_group_run(const cairn_gemm *groups, int64_t count, void *workspace, int64_t workspace_bytes);

/* Weights that are used again and again: B (of matrix 0; n, k, types and strides of g) in the order in which the kernels read it, once.
 * Then `packed_b` stands for b in products with any m and the same n, k and types; same bits, less work (with AMX, f32 is split or
 * not as the m of the packing call has it; see precision below). Packed memory belongs to
 * the process that packed it: another processor, or another precision of f32, orders it differently; run says so (E_ARGUMENT). */
CAIRN_API int64_t cairn_gemm_pack_bytes(const cairn_gemm *g);
CAIRN_API cairn_status cairn_gemm_pack(const cairn_gemm *g, void *packed);

/* What f32 products may give up for speed, for the whole process (as torch.set_float32_matmul_precision):
 *   highest  f32. With AMX, where m n >= 48 (m + n): numbers split exactly into three bf16, six partial products, the error of f32 sums
 *   high     with AMX, for the same sizes: three partial products, about 2^-16 of |A| |B|; else as highest
 *   medium   operands rounded to bf16 where the processor multiplies that (AVX512_BF16, AMX); else as highest
 * E_ARGUMENT for any other value. */
typedef enum cairn_precision { CAIRN_PRECISION_HIGHEST, CAIRN_PRECISION_HIGH, CAIRN_PRECISION_MEDIUM } cairn_precision;
CAIRN_API cairn_status cairn_set_matmul_precision(cairn_precision precision);
CAIRN_API cairn_precision cairn_matmul_precision(void);

#ifdef __cplusplus
}
#endif
#endif
