/* Matmul micro-kernels of one instruction set: f32 and f64 from the same source, gemm_tile.h. */
#include "primitives/kernel_table.h"
#include "primitives/simd.h"
#include "gemm_ahead.h"

enum { AHEAD = 16 };                    /* steps of k by which rows are prefetched where they are copied */
enum { PACK_AHEAD = 64 };               /* and elements where they are transposed */
enum { ACROSS_AHEAD = 64 };             /* and where B streams along its columns */
enum { STREAM_STEPS = 8 };              /* rows of B that a stream reads side by side */

/* The first and the second halves of two vectors, interleaved element by element. */
#define LOW2 0, 2
#define HIGH2 1, 3
#define LOW4 0, 4, 1, 5
#define HIGH4 2, 6, 3, 7
#define LOW8 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH8 4, 12, 5, 13, 6, 14, 7, 15
#define LOW16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

#if SIMD_BYTES == 64
#define LOW_F32 LOW16
#define HIGH_F32 HIGH16
#define LOW_F64 LOW8
#define HIGH_F64 HIGH8
#elif SIMD_BYTES == 32
#define LOW_F32 LOW8
#define HIGH_F32 HIGH8
#define LOW_F64 LOW4
#define HIGH_F64 HIGH4
#else
#define LOW_F32 LOW4
#define HIGH_F32 HIGH4
#define LOW_F64 LOW2
#define HIGH_F64 HIGH2
#endif
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

#include "real_f32.h"
#define V_LOW(a, b) SHUFFLE(a, b, LOW_F32)
#define V_HIGH(a, b) SHUFFLE(a, b, HIGH_F32)
#include "gemm_tile.h"
#undef V_LOW
#undef V_HIGH

#include "real_f64.h"
#define V_LOW(a, b) SHUFFLE(a, b, LOW_F64)
#define V_HIGH(a, b) SHUFFLE(a, b, HIGH_F64)
#include "gemm_tile.h"

gemm_kernel KERNEL(gemm_f32) = {
    .element_bytes = 4, .sum = CAIRN_F32, .unit = 1, .round = 1, .mr = MR, .nr = 2 * LANES_F32, .kc = GEMM_MAX_KC,
    .packed = packed_f32, .direct = direct_f32, .stream = stream_f32, .across = across_f32, .combine = combine_f32,
    .pack_transposed = pack_transposed_f32, .pack_copied = pack_copied_f32,
};

gemm_kernel KERNEL(gemm_f64) = {
    .element_bytes = 8, .sum = CAIRN_F64, .unit = 1, .round = 1, .mr = MR, .nr = 2 * LANES_F64, .kc = GEMM_MAX_KC,
    .packed = packed_f64, .direct = direct_f64, .stream = stream_f64, .across = across_f64, .combine = combine_f64,
    .pack_transposed = pack_transposed_f64, .pack_copied = pack_copied_f64,
};
