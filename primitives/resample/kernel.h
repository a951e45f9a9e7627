/* The kernel of resampling: weighted sums of pixels, vectors across channels. */
#ifndef PRIMITIVES_RESAMPLE_KERNEL_H
#define PRIMITIVES_RESAMPLE_KERNEL_H
#include <stdbool.h>
#include <stdint.h>

enum { BLEND_TAPS = 16 };               /* as many as a bicubic pixel has */

typedef struct blend_taps {
    int count;
    const void *from[BLEND_TAPS];
    union { float f32[BLEND_TAPS]; double f64[BLEND_TAPS]; } weight;
} blend_taps;

/* y[i] = (add ? y[i] : 0) + the sum of weight[k] from[k][i], k in order, for i < n. y may be one of `from`. */
typedef void blend_kernel(const blend_taps *taps, int64_t n, bool add, void *y);

#endif
