/* Primitives: pooling and its gradients. */
#ifndef CAIRN_DNN_POOLING_H
#define CAIRN_DNN_POOLING_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pooling over windows of an (n, h, w, c) image, channels last, to (n, oh, ow, c). Max pooling also gives, when `index` is not
 * NULL, the position h * W + w of each maximum in its image as int32 (PyTorch's return_indices); its gradient adds
 * dy to those positions. Average pooling divides by r * s, or by the number of true pixels unless count_include_pad.
 * With adaptive_h and adaptive_w the output has that size, and its pixel i the rows floor(i h / oh) ... ceil((i + 1) h / oh). */
typedef struct cairn_pool {
    cairn_dtype type;                       /* f32, f64, f16, bf16 */
    int64_t n, h, w, c, r, s, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_bottom, pad_left, pad_right;
    bool count_include_pad, ceil_mode;
    int64_t adaptive_h, adaptive_w;         /* or 0; else all of r ... pad_right are */
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
