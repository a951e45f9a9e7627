/* Primitives: matrix products, convolution and pooling on plain memory, without the framework.
 *
 * The caller owns all memory. Workspaces are asked for before a call and nothing is allocated within one.
 * Every function returns CAIRN_OK or a status with the thread's error set (cairn_error_message()), and
 * leaves its outputs untouched then. Sizes and strides count elements. Results are the same bits for any number
 * of threads; a row of a matrix product, and an image of a convolution, does not depend on how many there are. */
#ifndef CAIRN_DNN_H
#define CAIRN_DNN_H
#include <cairn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called on the finished rows x cols block at (row0, col0) of matrix `batch` of the output while it is in cache, by the
 * thread that computed it. */
typedef void (*cairn_epilogue)(void *context, int64_t batch, int64_t row0, int64_t rows, int64_t col0, int64_t cols);

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

/* Two-dimensional convolution as deep learning has it (cross-correlation), in groups, channels last in memory:
 *   x  (n, h, w, c)              pixel stride c
 *   w  (k, r, s, c / groups)
 *   y  (n, oh, ow, k),  oh = (h + pad_top + pad_bottom - dilation_h (r - 1) - 1) / stride_h + 1
 * The algorithm depends on the shape alone. 3 x 3 filters of stride 1 in f32, with 16 channels or more on both sides, take Winograd's
 * transforms forward and for the data gradient, with up to four times the rounding error of the direct form; CAIRN_CONV_EXACT=1
 * in the environment, the same when the workspace is asked for and when it is used, forbids them. */
typedef struct cairn_conv {
    cairn_dtype type;                       /* f32 or f64 */
    int64_t n, h, w, c, k, r, s;
    int64_t groups;                         /* 0 means 1 */
    int64_t stride_h, stride_w, dilation_h, dilation_w;          /* 0 means 1 */
    int64_t pad_top, pad_bottom, pad_left, pad_right;
    cairn_epilogue epilogue;                /* forward: y seen as an (n oh ow) x k matrix, batch 0; or NULL */
    void *epilogue_context;
} cairn_conv;
CAIRN_API cairn_status cairn_conv_output_size(const cairn_conv *d, int64_t *oh, int64_t *ow);

typedef enum cairn_conv_pass { CAIRN_CONV_FORWARD, CAIRN_CONV_DATA_GRADIENT, CAIRN_CONV_WEIGHT_GRADIENT } cairn_conv_pass;
CAIRN_API int64_t cairn_conv_workspace_bytes(const cairn_conv *d, cairn_conv_pass pass);
CAIRN_API cairn_status cairn_conv_forward(const cairn_conv *d, const void *x, const void *w, void *y, void *workspace,
                                          int64_t workspace_bytes);
CAIRN_API cairn_status cairn_conv_data_gradient(const cairn_conv *d, const void *dy, const void *w, void *dx, void *workspace,
                                                int64_t workspace_bytes);
CAIRN_API cairn_status cairn_conv_weight_gradient(const cairn_conv *d, const void *x, const void *dy, void *dw,
                                                  void *workspace, int64_t workspace_bytes);

/* Pooling over windows of an (n, h, w, c) image, channels last, to (n, oh, ow, c). Max pooling also gives, when `index` is not
 * NULL, the position h * W + w of each maximum in its image as int32 (PyTorch's return_indices); its gradient adds
 * dy to those positions. Average pooling divides by r * s, or by the number of true pixels unless count_include_pad. */
typedef struct cairn_pool {
    cairn_dtype type;                       /* f32 or f64 */
    int64_t n, h, w, c, r, s, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_bottom, pad_left, pad_right;
    bool count_include_pad, ceil_mode;
} cairn_pool;
CAIRN_API cairn_status cairn_pool_output_size(const cairn_pool *d, int64_t *oh, int64_t *ow);
CAIRN_API cairn_status cairn_max_pool_forward(const cairn_pool *d, const void *x, void *y, int32_t *index);
CAIRN_API cairn_status cairn_max_pool_gradient(const cairn_pool *d, const void *dy, const int32_t *index, void *dx);
CAIRN_API cairn_status cairn_average_pool_forward(const cairn_pool *d, const void *x, void *y);
CAIRN_API cairn_status cairn_average_pool_gradient(const cairn_pool *d, const void *dy, void *dx);

#ifdef __cplusplus
}
#endif
#endif
