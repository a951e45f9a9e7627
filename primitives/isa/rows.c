/* The kernels of softmax and norms of one instruction set: f32 and f64 from the same source, rows_tile.h. */
#include <math.h>
#include <stddef.h>
#include "primitives/isa/power.h"
#include "primitives/kernel_table.h"

#include "real_f32.h"
#define V_EXP exponential_f32
#define INTS VI
#include "rows_tile.h"
#undef V_EXP
#undef INTS

#include "real_f64.h"
#define V_EXP exponential_f64
#define INTS VL
#include "rows_tile.h"

#define TABLE(real, bytes)                                                                                                 \
    {                                                                                                                      \
        .element_bytes = bytes, .sums = sums_##real, .dots = dots_##real, .affine = affine_##real, .slope = slope_##real, \
        .column_sums = column_sums_##real, .column_dots = column_dots_##real, .most = most_##real,                        \
        .exp_sum = exp_sum_##real, .exp_map = exp_map_##real, .softmax_slope = softmax_slope_##real,                      \
    }
rows_kernel KERNEL(rows_f32) = TABLE(f32, 4);
rows_kernel KERNEL(rows_f64) = TABLE(f64, 8);
