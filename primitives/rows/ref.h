/* The scalar twins of softmax and norms: each formula as it is written, in f64. For tests. */
#ifndef PRIMITIVES_ROWS_REF_H
#define PRIMITIVES_ROWS_REF_H
#include <cairn/dnn.h>

double ref_rows_load(const void *x, cairn_dtype type, int64_t i);
void ref_rows_store(void *x, cairn_dtype type, int64_t i, double v);

void ref_softmax_forward(const cairn_softmax_rows *d, const void *x, void *y);
void ref_softmax_gradient(const cairn_softmax_rows *d, const void *y, const void *dy, void *dx);
void ref_cross_entropy(const cairn_softmax_rows *d, const void *x, const int64_t *labels, const cairn_labels *o, void *loss, void *dx);
void ref_norm_forward(const cairn_norm_rows *d, const void *x, const void *weight, const void *bias, void *y, void *mean, void *deviation);
void ref_norm_gradient(const cairn_norm_rows *d, const void *x, const void *weight, const void *mean, const void *deviation, const void *dy,
                       void *dx, void *dweight, void *dbias);
void ref_local_norm_forward(const cairn_local_norm *d, const void *x, void *y, void *scale);
void ref_local_norm_gradient(const cairn_local_norm *d, const void *x, const void *dy, void *dx);
#endif
