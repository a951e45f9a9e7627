/* Primitives: softmax, log-softmax, and the cross entropy of logits with its gradient.
 *
 *     cairn_softmax_rows s = {.type = CAIRN_F32, .rows = 256, .columns = 50257};
 *     cairn_cross_entropy_rows(&s, logits, labels, &(cairn_labels){.scale = 1.0 / 256}, losses, logits);  // in place */
#ifndef CAIRN_DNN_SOFTMAX_H
#define CAIRN_DNN_SOFTMAX_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Along rows whose elements lie together, x_row (dx: as x) and y_row (dy: as y) apart:
 *   y = exp(x - max) / sum exp(x - max), or with `log` its logarithm, x - max - log(sum).
 * A row of which all is -infinity, and one with a NaN, gives NaN. An output may be the input that has its strides. */
typedef struct cairn_softmax_rows {
    cairn_dtype type;                       /* f32, f64; f16 and bf16, with sums in f32 */
    int64_t rows, columns;
    int64_t x_row, y_row;                   /* 0: columns */
    bool log;
} cairn_softmax_rows;
CAIRN_API cairn_status cairn_softmax_forward(const cairn_softmax_rows *d, const void *x, void *y);
/* From y, the forward pass's result, and dy: dx = y (dy - sum y dy), or with `log` dy - exp(y) sum dy. */
CAIRN_API cairn_status cairn_softmax_gradient(const cairn_softmax_rows *d, const void *y, const void *dy, void *dx);

typedef struct cairn_labels {
    double smoothing;                       /* 0 <= s < 1: the target is (1 - s) one-hot + s / columns */
    bool ignore;                            /* rows with the label ignore_label have loss and gradient 0 */
    int64_t ignore_label;
    double scale;                           /* of the gradient: 1 / rows for that of the mean */
} cairn_labels;
/* loss[row] = -sum of target * log softmax(x), f32 (f64 for f64); dx, unless NULL, = scale (softmax(x) - target), in one pass
 * over each row while it is in cache; dx may be x. Labels are checked before anything is written: E_RANGE outside
 * 0 ... columns - 1. d->log is not looked at. */
CAIRN_API cairn_status cairn_cross_entropy_rows(const cairn_softmax_rows *d, const void *x, const int64_t *labels, const cairn_labels *options,
                                                void *loss, void *dx);

#ifdef __cplusplus
}
#endif
#endif
