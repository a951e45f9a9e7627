/* Kernels that convolution alone uses. */
#ifndef PRIMITIVES_CONV_CONVOLVE_H
#define PRIMITIVES_CONV_CONVOLVE_H
#include <stdint.h>

/* to[r * to_step + i] += from[r * from_step + i] for r < rows, i < n. */
typedef void add_rows_kernel(int64_t rows, int64_t n, const void *from, int64_t from_step, void *to, int64_t to_step);

/* The sum of x[i] * w[i], modulo 2^32; products fit 31 bits. */
typedef int32_t dot_i16_kernel(const int16_t *x, const int16_t *w, int64_t n);

#endif
