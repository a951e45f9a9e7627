/* What a set of kernels offers for moving elements. */
#ifndef PRIMITIVES_TRANSFORM_TRANSPOSE_H
#define PRIMITIVES_TRANSFORM_TRANSPOSE_H
#include <stdbool.h>
#include <stdint.h>

/* to[j * to_row + i] = from[i * from_row + j] for i < rows, j < columns; of elements of 1, 2, 4, 8 bytes. `stream`: past the caches
 * where the set can and `to`'s rows begin at whole vectors. */
typedef void transpose_function(int64_t rows, int64_t columns, const void *from, int64_t from_row, void *to, int64_t to_row, bool stream);
typedef const struct transpose_kernel {
    transpose_function *of_bytes[4];        /* by log2 of the bytes */
} transpose_kernel;

#endif
