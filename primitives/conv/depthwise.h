/* Depthwise kernels: every channel has its own filter; vectors run across channels, which lie together. */
#ifndef PRIMITIVES_CONV_DEPTHWISE_H
#define PRIMITIVES_CONV_DEPTHWISE_H
#include <stdbool.h>
#include <stdint.h>

/* Neighbouring output pixels of one row, and the taps that lie within the image for all of them: pixel j sees through tap t
 * x[j * x_step + x_offset[t] + channel], by the weight w[w_offset[t] + channel]. */
typedef struct depthwise_line {
    int64_t pixels, channels, taps;
    const int64_t *x_offset, *w_offset;
    bool threes;                        /* taps come in threes: x_offset[t + 1] is x_offset[t] + x_step, w_offset[t] + channels likewise */
    const void *x;
    void *y, *w;
    int64_t x_step, y_step;
} depthwise_line;

/* depthwise: y[j * y_step + channel] = sum over taps of x * w.
 * depthwise_weight: w(tap, channel) += sum over j of x * y. */
typedef void depthwise_kernel(const depthwise_line *line);

#endif
