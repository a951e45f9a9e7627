/* What a product does with a block of C beyond alpha and beta: see cairn_gemm. */
#ifndef PRIMITIVES_GEMM_FINISH_H
#define PRIMITIVES_GEMM_FINISH_H
#include "primitives/gemm/block.h"

/* Bias, residual, saved, activation or its gradient, on a block of f32 or f64 at z (rows z_step apart) that holds alpha A B + beta C. */
void matmul_finish(const matmul *mm, int64_t row0, int64_t rows, int64_t column0, int64_t columns, void *z, int64_t z_step);

/* From the task's own sums (rows x columns; f32 and f64 carry alpha) to C, all of the above included. */
void matmul_finish_sums(const matmul *mm, int64_t row0, int64_t rows, int64_t column0, int64_t columns, void *sums);

#endif
