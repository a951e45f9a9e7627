/* Pooling kernels: some neighbouring output pixels at a time, vectors across channels. */
#ifndef PRIMITIVES_POOL_POOL_H
#define PRIMITIVES_POOL_POOL_H
#include <stdbool.h>
#include <stdint.h>

/* The window of an output pixel: rows y0, y0 + dy ... (y_count of them) by columns x0, x0 + dx ...; of the window only what
 * lies inside the image. */
typedef struct pool_window {
    const void *image;
    int64_t width, channels;            /* of the image */
    int64_t y0, y_count, dy, x0, x_count, dx;
    void *y;
    int32_t *index;                     /* or NULL */
    int64_t pixels, step;               /* that have the same window, each `step` columns further; y and index go on pixel by pixel */
    double scale;                       /* average: what the sum is multiplied by */
} pool_window;

/* max_pool: y = the largest of the window (NaN wins), index = its place, the first of equals; -inf and 0 when it is empty.
 * average_pool: y = scale * the window's sum. average_spread, its gradient: adds scale * y to the window's pixels. */
typedef void pool_kernel(const pool_window *window);

#endif
