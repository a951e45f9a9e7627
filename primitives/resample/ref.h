/* The scalar twins of resampling and sampling: each formula as it is written, in f64, over all pairs of pixels. For tests. */
#ifndef PRIMITIVES_RESAMPLE_REF_H
#define PRIMITIVES_RESAMPLE_REF_H
#include <cairn/dnn.h>

void ref_resample_forward(const cairn_resample *d, const void *x, void *y);
void ref_resample_gradient(const cairn_resample *d, const void *dy, void *dx);
void ref_sampler_forward(const cairn_sampler *d, const void *x, const void *grid, void *y);
void ref_sampler_gradient(const cairn_sampler *d, const void *x, const void *grid, const void *dy, void *dx, void *dgrid);

#endif
