/* Scale, bias, residual and ReLU in one pass, which is what most epilogues are. The ReLU is that of programs: NaN stays, -0 becomes 0. */
#include "primitives/kernel_table.h"
#include "primitives/simd.h"

#define X(name, type) extern type KERNEL(name);
#include "primitives/kernels.def"
#undef X

SIMD_INLINE VF relu_f32(VF x) { return (VF)((VI)x & ~(x <= 0)); }
SIMD_INLINE VD relu_f64(VD x) { return (VD)((VL)x & ~(x <= 0)); }

#define FINISH(name, REAL, VEC, LANES, v, relu_of)                                                                              \
    SIMD_INLINE void name##_part(REAL *y, const REAL *scale, const REAL *bias, const REAL *residual, const bool relu, const bool whole, \
                                 int64_t wide)                                                                                  \
    {                                                                                                                           \
        VEC x = whole ? v##_load(y) : v##_load_n(y, wide);                                                                      \
        if (scale)                                                                                                              \
            x = x * (whole ? v##_load(scale) : v##_load_n(scale, wide));                                                        \
        if (bias)                                                                                                               \
            x = x + (whole ? v##_load(bias) : v##_load_n(bias, wide));                                                          \
        if (residual)                                                                                                           \
            x = x + (whole ? v##_load(residual) : v##_load_n(residual, wide));                                                  \
        if (relu)                                                                                                               \
            x = relu_of(x);                                                                                                     \
        if (whole)                                                                                                              \
            v##_store(y, x);                                                                                                    \
        else                                                                                                                    \
            v##_store_n(y, wide, x);                                                                                            \
    }                                                                                                                           \
    void KERNEL(name)(int64_t rows, int64_t cols, void *to, int64_t y_step, const void *s, const void *b, const void *r, int64_t r_step, \
                      bool relu)                                                                                                \
    {                                                                                                                           \
        REAL *y = to;                                                                                                           \
        const REAL *scale = s, *bias = b, *residual = r;                                                                        \
        for (int64_t i = 0; i < rows; i++, y += y_step, residual = residual ? residual + r_step : NULL) {                        \
            int64_t j = 0;                                                                                                      \
            for (; j + LANES <= cols; j += LANES)                                                                               \
                name##_part(y + j, scale ? scale + j : NULL, bias ? bias + j : NULL, residual ? residual + j : NULL, relu, true, LANES); \
            if (j < cols)                                                                                                       \
                name##_part(y + j, scale ? scale + j : NULL, bias ? bias + j : NULL, residual ? residual + j : NULL, relu, false, cols - j); \
        }                                                                                                                       \
    }
FINISH(finish_f32, float, VF, LANES_F32, vf, relu_f32)
FINISH(finish_f64, double, VD, LANES_F64, vd, relu_f64)
