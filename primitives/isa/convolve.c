/* Small loops of convolution that want an instruction set: compilers make vectors of them. */
#include "primitives/kernel_table.h"
#include "primitives/simd.h"

#define X(name, type) extern type KERNEL(name);
#include "primitives/kernels.def"
#undef X

#define ADD_ROWS(name, REAL, VEC, LANES, v)                                                                            \
    void KERNEL(name)(int64_t rows, int64_t n, const void *from, int64_t from_step, void *to, int64_t to_step)           \
    {                                                                                                                  \
        const REAL *in = from;                                                                                         \
        REAL *out = to;                                                                                                \
        for (int64_t r = 0; r < rows; r++, in += from_step, out += to_step) {                                          \
            int64_t i = 0;                                                                                             \
            for (; i + LANES <= n; i += LANES)                                                                         \
                v##_store(out + i, v##_load(out + i) + v##_load(in + i));                                              \
            if (i < n)                                                                                                 \
                v##_store_n(out + i, n - i, v##_load_n(out + i, n - i) + v##_load_n(in + i, n - i));                   \
        }                                                                                                              \
    }
ADD_ROWS(add_rows_f32, float, VF, LANES_F32, vf)
ADD_ROWS(add_rows_f64, double, VD, LANES_F64, vd)

int32_t KERNEL(dot_i16)(const int16_t *restrict x, const int16_t *restrict w, int64_t n)
{
    uint32_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (uint32_t)(x[i] * w[i]);
    return (int32_t)sum;
}
