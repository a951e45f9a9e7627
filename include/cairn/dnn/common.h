/* What the families of primitives share. */
#ifndef CAIRN_DNN_COMMON_H
#define CAIRN_DNN_COMMON_H
#include <cairn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called on the finished rows x cols block at (row0, col0) of matrix `batch` of the output while it is in cache, by the
 * thread that computed it. */
typedef void (*cairn_epilogue)(void *context, int64_t batch, int64_t row0, int64_t rows, int64_t col0, int64_t cols);

/* An epilogue as data: y = activation(scale y + bias + residual), on each block while it is in cache. Zeroed it does nothing. */
typedef enum cairn_fused_activation {
    CAIRN_FUSED_NONE,
    CAIRN_FUSED_RELU,
    CAIRN_FUSED_LEAKY_RELU,             /* y < 0 is multiplied by `slope` */
    CAIRN_FUSED_RELU6,
    CAIRN_FUSED_SIGMOID,
    CAIRN_FUSED_TANH,
    CAIRN_FUSED_GELU,                   /* y Phi(y) */
    CAIRN_FUSED_GELU_TANH,              /* its approximation by tanh */
    CAIRN_FUSED_SILU,                   /* y sigmoid(y) */
    CAIRN_FUSED_ACTIVATIONS             /* how many there are */
} cairn_fused_activation;
typedef struct cairn_fused {
    const void *bias;                   /* an element for each column (output channel), of y's type; or NULL */
    const void *residual;               /* shaped, typed and laid out as y; not y itself; or NULL */
    cairn_fused_activation activation;
    double slope;
    const void *scale;                  /* as `bias`: what a batch norm of known statistics multiplies by; or NULL */
} cairn_fused;

#ifdef __cplusplus
}
#endif
#endif
