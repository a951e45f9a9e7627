/* The scalar oracles of convolution: any descriptor, f64 sums (int64 for bytes), one rounding at the end; no checks, no callback. */
#ifndef PRIMITIVES_CONV_REF_H
#define PRIMITIVES_CONV_REF_H
#include <cairn/dnn.h>

void ref_conv_forward(const cairn_conv *d, const void *x, const void *w, void *y);
void ref_conv_data_gradient(const cairn_conv *d, const void *dy, const void *w, void *dx);
void ref_conv_weight_gradient(const cairn_conv *d, const void *x, const void *dy, void *dw);
void ref_conv_bias_gradient(const cairn_conv *d, const void *dy, void *db);

#endif
