/* The scalar oracle of products with quantised weights. */
#ifndef PRIMITIVES_QUANTIZE_REF_H
#define PRIMITIVES_QUANTIZE_REF_H
#include "primitives/quantize/kernel.h"

/* What a kernel's int8 (bits 8) and int4 compute, with f64 sums; and its row. */
void ref_quantize_dot(int bits, const quantize_dot *q);
void ref_quantize_row(const float *x, int64_t n, int64_t steps, int8_t *q, float *scale, int32_t *bias);

#endif
