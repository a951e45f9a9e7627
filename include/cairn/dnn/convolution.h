/* Primitives: convolution and its gradients. */
#ifndef CAIRN_DNN_CONVOLUTION_H
#define CAIRN_DNN_CONVOLUTION_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
