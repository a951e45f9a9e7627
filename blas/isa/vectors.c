/* The vector kernels of BLAS of one instruction set: f32 and f64 from the same source, vectors.h. */
#include "blas/kernel.h"
#include "primitives/simd.h"

#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define SWAP2 1, 0
#define SWAP4 SWAP2, 3, 2
#define SWAP8 SWAP4, 5, 4, 7, 6
#define SWAP16 SWAP8, 9, 8, 11, 10, 13, 12, 15, 14
#if SIMD_BYTES == 64
#define SWAP_F32 SWAP16
#define SWAP_F64 SWAP8
#elif SIMD_BYTES == 32
#define SWAP_F32 SWAP8
#define SWAP_F64 SWAP4
#else
#define SWAP_F32 SWAP4
#define SWAP_F64 SWAP2
#endif

#include "primitives/isa/real_f32.h"
#define V_SWAP(v) SHUFFLE(v, v, SWAP_F32)
#define V_ABS(v) ((VF)((VI)(v) & 0x7fffffff))
#define V_WHERE(mask, a, b) ((VF)(((VI)(a) & (mask)) | ((VI)(b) & ~(mask))))
#include "vectors.h"
#undef V_SWAP
#undef V_ABS
#undef V_WHERE

#include "primitives/isa/real_f64.h"
#define V_SWAP(v) SHUFFLE(v, v, SWAP_F64)
#define V_ABS(v) ((VD)((VL)(v) & INT64_MAX))
#define V_WHERE(mask, a, b) ((VD)(((VL)(a) & (mask)) | ((VL)(b) & ~(mask))))
#include "vectors.h"

#define REALS(t)                                                                                                        \
    {.panel_n = real_n_##t, .panel_t = real_t_##t, .scale = real_scale_##t, .argmax = real_argmax_##t, .rotate = rotate_##t, \
     .abs_sum = abs_sum_##t, .square_sum = square_sum_##t, .wide_dot = wide_dot_##t, .triangle_in = real_triangle_in_##t, \
     .tile_in = real_tile_in_##t, .tile_out = real_tile_out_##t, .triangle = real_triangle_##t,             \
     .triangle_one = real_triangle_one_##t, .mirror = real_mirror_##t}
#define COMPLEX(t)                                                                                                      \
    {.panel_n = complex_n_##t, .panel_t = complex_t_##t, .scale = complex_scale_##t, .argmax = complex_argmax_##t,      \
     .triangle_in = complex_triangle_in_##t, .tile_in = complex_tile_in_##t, .tile_out = complex_tile_out_##t,          \
     .triangle = complex_triangle_##t, .triangle_one = complex_triangle_one_##t, .mirror = complex_mirror_##t, .expand = expand_##t}

extern blas_kernel_table KERNEL(blas_kernels_of);
blas_kernel_table KERNEL(blas_kernels_of) = {{REALS(f32), REALS(f64), COMPLEX(f32), COMPLEX(f64)}};
