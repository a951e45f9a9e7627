/* Depthwise kernels: every channel has its own filter; vectors run across channels, which lie together. */
#ifndef PRIMITIVES_CONV_DEPTHWISE_H
#define PRIMITIVES_CONV_DEPTHWISE_H
#include <stdint.h>

/* One row of output pixels; pixel j's tap t reads x[j * x_step + offset[t] + channel]. Weights: (taps, channels). */
typedef struct depthwise_line {
    int64_t pixels, channels, taps;
    const int64_t *offset;
    const void *x, *w;
    void *y;
    int64_t x_step, y_step;
} depthwise_line;

/* y[j * y_step + channel] = sum over taps of x * w. */
typedef void depthwise_kernel(const depthwise_line *line);

/* One row of output pixels' part of the weight gradient: w(tap, channel) += sum over j of x * y. */
typedef struct depthwise_sum {
    int64_t pixels, channels, taps;
    const int64_t *offset;
    const void *x, *y;
    void *w;
    int64_t x_step, y_step;
} depthwise_sum;

typedef void depthwise_weight_kernel(const depthwise_sum *sum);

#endif
