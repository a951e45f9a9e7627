/* Winograd's transforms for 3 x 3 filters (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016).
 *
 * An output tile of m x m pixels depends on (m + 2) x (m + 2) input pixels; seen from (m + 2)^2 points the convolution is
 * a product at each point: (m + 2)^2 multiplications in place of 9 m^2, 2.25 times fewer for m = 2 and 4 times for m = 4.
 * Vectors run across channels. */
#ifndef PRIMITIVES_CONV_WINOGRAD_H
#define PRIMITIVES_CONV_WINOGRAD_H
#include <stdint.h>

typedef const struct winograd_kernel {
    int m;
    /* One input tile: pixel (i, j) is at rows[i] + j * pixel for left <= j < right, where rows[i] is not NULL; all others are zeros.
     * Point q goes to out + q * point; up to 15 elements beyond the channels are written. */
    void (*input)(const float *const *rows, int left, int right, int64_t pixel, int64_t channels, float *out, int64_t point);
    /* `n` pairs of filter taps in vectors: tap t of pair i begins at in + (t * n + i) * width; point q of it goes to
     * out + q * point + i * width. */
    void (*weights)(const float *in, int64_t n, int64_t width, float *out, int64_t point);
    /* The top left rows x columns pixels of an output tile: point q at in + q * point, pixel (i, j) at out + i * row + j * pixel. */
    void (*output)(const float *in, int64_t point, int64_t channels, float *out, int64_t row, int64_t pixel, int rows, int columns);
    /* The transpose of `output`, for an output tile's gradient: its top left rows x columns pixels are at in + i * row + j * pixel, all
     * others are zeros; point q goes to out + q * point; up to 15 elements beyond the channels are written. */
    void (*spread)(const float *in, int64_t row, int64_t pixel, int rows, int columns, int64_t channels, float *out, int64_t point);
    /* The transpose of `weights`, for one filter's gradient: point q at in + q * point, tap t at out + t * tap. */
    void (*taps)(const float *in, int64_t point, int64_t channels, float *out, int64_t tap);
} winograd_kernel;

#endif
