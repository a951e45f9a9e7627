/* Primitives: norms, y = (x - mean) / sqrt(variance + eps) * weight + bias, each over its own set of elements, and gradients.
 *
 *     cairn_norm_rows n = {.type = CAIRN_F32, .kind = CAIRN_LAYER_NORM, .n = rows, .c = width, .eps = 1e-5};
 *     cairn_norm_forward(&n, x, weight, bias, y, mean, deviation);
 *     cairn_norm_gradient(&n, x, weight, mean, deviation, dy, dx, dweight, dbias); */
#ifndef CAIRN_DNN_NORM_H
#define CAIRN_DNN_NORM_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a mean and a variance are taken over; how many there are of them.
 *   LAYER     each of n rows of c elements (inner 1); weight and bias (c)                        n
 *   RMS       as LAYER with 0 for the mean and no bias                                           n
 *   GROUP     x (n, c, inner): each of `groups` runs of channels; weight and bias (c)            n * groups
 *             (instance norm: groups = c)
 *   BATCH     x (n, c, inner), channels last where inner is 1: each channel; weight and bias (c)  c */
typedef enum cairn_norm_kind { CAIRN_LAYER_NORM, CAIRN_RMS_NORM, CAIRN_GROUP_NORM, CAIRN_BATCH_NORM } cairn_norm_kind;

/* x, y, dx, dy are dense. Weights, biases, statistics and their gradients are f32 (f64 for f64): f16 and bf16 data meet them
 * in f32. The variance is the population's, from the differences to the mean. dx may be dy, y may be x. */
typedef struct cairn_norm_rows {
    cairn_dtype type;                       /* f32, f64, f16, bf16 */
    cairn_norm_kind kind;
    int64_t n, c, inner, groups;            /* inner, groups: 0 means 1 */
    double eps;
} cairn_norm_rows;

/* weight and bias may be NULL. mean and deviation, 1 / sqrt(variance + eps), are results; the gradient wants them. */
CAIRN_API cairn_status cairn_norm_forward(const cairn_norm_rows *d, const void *x, const void *weight, const void *bias, void *y,
                                          void *mean, void *deviation);
/* With the statistics given (batch norm: the running ones): y = (x - mean) deviation weight + bias. */
CAIRN_API cairn_status cairn_norm_inference(const cairn_norm_rows *d, const void *x, const void *weight, const void *bias,
                                            const void *mean, const void *deviation, void *y);
/* dweight and dbias may be NULL. */
CAIRN_API cairn_status cairn_norm_gradient(const cairn_norm_rows *d, const void *x, const void *weight, const void *mean,
                                           const void *deviation, const void *dy, void *dx, void *dweight, void *dbias);

/* Local response norm of x (n, c, inner), channels last where inner is 1: y = x scale^-beta, where scale = k + alpha / size times
 * the sum of x^2 over `size` channels, size / 2 of them before the channel (Krizhevsky et al., 2012; PyTorch's constants:
 * alpha 1e-4, beta 0.75, k 1). The gradient wants x, y and the scale, f32 (f64 for f64) and shaped as x; else scale may be NULL. */
typedef struct cairn_local_norm {
    cairn_dtype type;                       /* f32, f64, f16, bf16 */
    int64_t n, c, inner, size;              /* inner: 0 means 1 */
    double alpha, beta, k;
} cairn_local_norm;
CAIRN_API cairn_status cairn_local_norm_forward(const cairn_local_norm *d, const void *x, void *y, void *scale);
CAIRN_API cairn_status cairn_local_norm_gradient(const cairn_local_norm *d, const void *x, const void *y, const void *scale, const void *dy,
                                                 void *dx);

#ifdef __cplusplus
}
#endif
#endif
