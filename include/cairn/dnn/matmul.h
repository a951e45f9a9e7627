/* Primitives: matrix products. */
#ifndef CAIRN_DNN_MATMUL_H
#define CAIRN_DNN_MATMUL_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C[b] = alpha A[b] B[b] + beta C[b] for b < batch;  A is m x k, B is k x n, C is m x n.
 * Any strides: element (i, j) of matrix b of A is a[b * a_batch + i * a_row + j * a_col]; a transposed matrix is
 * one with its strides swapped; a batch stride of 0 repeats a matrix. c_col must be 1 and c_row >= n.
 * type: CAIRN_F32, F64; F16, BF16 (sums in f32). beta == 0 never reads C. */
typedef struct cairn_gemm {
    cairn_dtype type;
    int64_t batch, m, n, k;                 /* batch 0 means 1 */
    const void *a, *b;
    void *c;
    int64_t a_batch, a_row, a_col, b_batch, b_row, b_col, c_batch, c_row;
    double alpha, beta;
    cairn_epilogue epilogue;                /* or NULL */
    void *epilogue_context;
} cairn_gemm;
CAIRN_API int64_t cairn_gemm_workspace_bytes(const cairn_gemm *g);
CAIRN_API cairn_status cairn_gemm_run(const cairn_gemm *g, void *workspace, int64_t workspace_bytes);

#ifdef __cplusplus
}
#endif
#endif
