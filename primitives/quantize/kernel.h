/* What a set of kernels offers for products with quantised weights. */
#ifndef PRIMITIVES_QUANTIZE_KERNEL_H
#define PRIMITIVES_QUANTIZE_KERNEL_H
#include <stdbool.h>
#include <stdint.h>

enum { QUANTIZE_PANEL = 16, QUANTIZE_STEP = 32, QUANTIZE_ROWS = 4 };

/* Rows of x times one panel of W: y[i * 16 + j] = sum over steps of 32 elements, in order. Within a step the products are exact
 * integers; sum += integer * x_scale of the step, and behind each block of weights total += sum * its scale, both fused where
 * the set can. */
typedef struct quantize_dot {
    const uint8_t *weights;                 /* the panel's elements */
    const uint16_t *scales;                 /* [block][16] in f16 */
    int64_t blocks, steps;                  /* of the panel; steps of a block */
    int rows;                               /* 1 or QUANTIZE_ROWS */
    const int8_t *x[QUANTIZE_ROWS];
    const float *x_scale[QUANTIZE_ROWS];    /* of each step */
    const int32_t *x_bias[QUANTIZE_ROWS];   /* of each step: minus the sum of its elements, which takes the weights' offset back */
    float *y;
} quantize_dot;

typedef const struct quantize_kernel {
    void (*int8)(const quantize_dot *q);
    void (*int4)(const quantize_dot *q);
    /* n elements of x to `steps` steps of int8, zeros behind the last; the scale is largest / 127, NaN when an element is not finite. */
    void (*row)(const float *x, int64_t n, int64_t steps, int8_t *q, float *scale, int32_t *bias);
} quantize_kernel;

#endif
