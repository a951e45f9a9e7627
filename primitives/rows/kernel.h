/* The kernels of softmax and norms: passes over elements that lie together. */
#ifndef PRIMITIVES_ROWS_KERNEL_H
#define PRIMITIVES_ROWS_KERNEL_H
#include <stdint.h>

/* A factor of each element (step 1), or one for all (step 0). */
typedef struct rows_factor {
    const void *at;
    int64_t step;
} rows_factor;

/* Sums are added to f64 numbers, or (columns) to the kernel's own type. In what follows t = x - shift, g = dy weight. */
typedef const struct rows_kernel {
    int element_bytes;
    void (*sums)(int64_t n, const void *x, double shift, double out[2]);                    /* t, t^2 */
    void (*dots)(int64_t n, const void *x, const void *dy, rows_factor weight, double shift, double out[2]); /* g, g t */
    void (*affine)(int64_t n, const void *x, rows_factor shift, rows_factor scale, rows_factor weight, rows_factor bias, void *y);
    /* dx = scale (g - a - t b) */
    void (*slope)(int64_t n, const void *x, const void *dy, rows_factor weight, rows_factor shift, rows_factor scale, rows_factor a,
                  rows_factor b, void *dx);
    void (*column_sums)(int64_t n, const void *x, rows_factor shift, void *sum, void *squares);
    void (*column_dots)(int64_t n, const void *x, const void *dy, rows_factor shift, rows_factor scale, void *sum, void *dot); /* dy, dy t scale */
    double (*most)(int64_t n, const void *x, double most);
    double (*exp_sum)(int64_t n, const void *x, double top, void *y);                      /* of exp(x - top), which goes to y or NULL */
    void (*exp_map)(int64_t n, const void *x, double top, double scale, double less, void *y);  /* exp(x - top) scale - less */
    /* Gradients: dx = y (dy - sum); with logarithms dy - exp(y) sum. */
    void (*softmax_slope)(int64_t n, const void *y, const void *dy, double sum, int log, void *dx);
} rows_kernel;

#endif
