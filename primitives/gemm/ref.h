/* The scalar oracles of matmul. */
#ifndef PRIMITIVES_GEMM_REF_H
#define PRIMITIVES_GEMM_REF_H
#include "primitives/gemm/kernel.h"
#include <cairn/dnn.h>

/* What cairn_gemm_run computes, with f64 sums and one rounding at the end; no checks, no callback, no lists, no packed B. */
void ref_gemm(const cairn_gemm *g);

/* What gemm_kernel's packed and direct tiles compute (mr, nr and the element size as the kernel has them). */
void ref_gemm_tile(gemm_kernel *kernel, const gemm_tile *tile, int direct);

#endif
