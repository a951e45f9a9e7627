/* Winograd transforms of one instruction set, F(2x2, 3x3) and F(4x4, 3x3), f32. Each transform is a product with a small constant matrix on both sides: down the columns, then along the rows. */
#include "primitives/kernel_table.h"
#include "primitives/simd.h"

#define X(name, type) extern type KERNEL(name);
#include "primitives/kernels.def"
#undef X

/* ---- One dimension: y[0], y[s], ... from x[0], x[t], ... F(2, 3)'s points are 0, 1, -1, infinity ---*/

SIMD_INLINE void input_2(const VF *x, int t, VF *y, int s)
{
    y[0] = x[0] - x[2 * t];
    y[s] = x[t] + x[2 * t];
    y[2 * s] = x[2 * t] - x[t];
    y[3 * s] = x[t] - x[3 * t];
}

SIMD_INLINE void weights_2(const VF *x, int t, VF *y, int s)
{
    const VF half = vf_set(0.5f), even = half * (x[0] + x[2 * t]), odd = half * x[t];
    y[0] = x[0];
    y[s] = even + odd;
    y[2 * s] = even - odd;
    y[3 * s] = x[2 * t];
}

SIMD_INLINE void output_2(const VF *x, int t, VF *y, int s)
{
    y[0] = x[0] + x[t] + x[2 * t];
    y[s] = x[t] - x[2 * t] - x[3 * t];
}

/* The transposes of `output` and `weights`. */
SIMD_INLINE void spread_2(const VF *x, int t, VF *y, int s)
{
    y[0] = x[0];
    y[s] = x[0] + x[t];
    y[2 * s] = x[0] - x[t];
    y[3 * s] = -x[t];
}

SIMD_INLINE void taps_2(const VF *x, int t, VF *y, int s)
{
    const VF half = vf_set(0.5f), even = half * (x[t] + x[2 * t]);
    y[0] = x[0] + even;
    y[s] = half * (x[t] - x[2 * t]);
    y[2 * s] = x[3 * t] + even;
}

/* F(4, 3)'s points are 0, infinity, +-A and +-B with A = sqrt(1/2), B = sqrt(2): A B = 1 keeps the powers of both near 1, which
 * makes a fifth of the error of the usual 1 and 2. By the pairs of opposite points all sums split into even and odd powers. */
#define A 0.70710678f
#define B 1.41421356f

SIMD_INLINE void input_4(const VF *x, int t, VF *y, int s)
{
    const VF mean = vf_set(-2.5f);      /* -(A^2 + B^2) */
    const VF even = vf_fma(vf_set(-2), x[2 * t], x[4 * t]), odd = vf_set(A) * vf_fma(vf_set(-2), x[t], x[3 * t]);
    const VF even2 = vf_fma(vf_set(-0.5f), x[2 * t], x[4 * t]), odd2 = vf_set(B) * vf_fma(vf_set(-0.5f), x[t], x[3 * t]);
    y[0] = vf_fma(mean, x[2 * t], x[4 * t] + x[0]);
    y[s] = even + odd;
    y[2 * s] = even - odd;
    y[3 * s] = even2 + odd2;
    y[4 * s] = even2 - odd2;
    y[5 * s] = vf_fma(mean, x[3 * t], x[5 * t] + x[t]);
}

SIMD_INLINE void weights_4(const VF *x, int t, VF *y, int s)
{
    const VF third = vf_set(-1.0f / 3), even = vf_fma(vf_set(-2.0f / 3), x[0], third * x[2 * t]), odd = vf_set(-2 * A / 3) * x[t];
    const VF even2 = vf_fma(vf_set(1.0f / 6), x[0], -third * x[2 * t]), odd2 = vf_set(B / 6) * x[t];
    y[0] = x[0];
    y[s] = even + odd;
    y[2 * s] = even - odd;
    y[3 * s] = even2 + odd2;
    y[4 * s] = even2 - odd2;
    y[5 * s] = x[2 * t];
}

SIMD_INLINE void output_4(const VF *x, int t, VF *y, int s)
{
    const VF even = x[t] + x[2 * t], odd = x[t] - x[2 * t], even2 = x[3 * t] + x[4 * t], odd2 = x[3 * t] - x[4 * t];
    y[0] = x[0] + even + even2;
    y[s] = vf_fma(vf_set(B), odd2, vf_set(A) * odd);
    y[2 * s] = vf_fma(vf_set(2), even2, vf_set(0.5f) * even);
    y[3 * s] = vf_fma(vf_set(2 * B), odd2, vf_fma(vf_set(A / 2), odd, x[5 * t]));
}

SIMD_INLINE void spread_4(const VF *x, int t, VF *y, int s)
{
    const VF even = vf_fma(vf_set(0.5f), x[2 * t], x[0]), odd = vf_set(A) * vf_fma(vf_set(0.5f), x[3 * t], x[t]);
    const VF even2 = vf_fma(vf_set(2), x[2 * t], x[0]), odd2 = vf_set(B) * vf_fma(vf_set(2), x[3 * t], x[t]);
    y[0] = x[0];
    y[s] = even + odd;
    y[2 * s] = even - odd;
    y[3 * s] = even2 + odd2;
    y[4 * s] = even2 - odd2;
    y[5 * s] = x[3 * t];
}

SIMD_INLINE void taps_4(const VF *x, int t, VF *y, int s)
{
    const VF even = x[t] + x[2 * t], odd = x[t] - x[2 * t], even2 = x[3 * t] + x[4 * t], odd2 = x[3 * t] - x[4 * t];
    y[0] = vf_fma(vf_set(1.0f / 6), even2, vf_fma(vf_set(-2.0f / 3), even, x[0]));
    y[s] = vf_fma(vf_set(B / 6), odd2, vf_set(-2 * A / 3) * odd);
    y[2 * s] = vf_fma(vf_set(1.0f / 3), even2 - even, x[5 * t]);
}

/* ---- Two dimensions: down the columns as they are loaded, then along the rows as they are stored ----*/

typedef void line(const VF *x, int t, VF *y, int s);

/* The first `wide` lanes of a vector. */
SIMD_INLINE VF part(const float *p, int64_t wide) { return wide >= LANES_F32 ? vf_load(p) : vf_load_n(p, wide); }
SIMD_INLINE void part_store(float *p, int64_t wide, VF v)
{
    if (wide >= LANES_F32)
        vf_store(p, v);
    else
        vf_store_n(p, wide, v);
}

SIMD_INLINE void input_tile(line *along, const int size, const float *const *rows, int left, int right, int64_t pixel,
                            int64_t channels, float *out, int64_t point)
{
    for (int64_t c = 0; c < channels; c += LANES_F32) {
        VF middle[6 * 6];
        UNROLL for (int j = 0; j < size; j++) {
            VF x[6];
            UNROLL for (int i = 0; i < size; i++)
                x[i] = rows[i] && j >= left && j < right ? part(rows[i] + j * pixel + c, channels - c) : vf_set(0);
            along(x, 1, middle + j, size);
        }
        UNROLL for (int i = 0; i < size; i++) {
            VF y[6];
            along(middle + i * size, 1, y, 1);
            UNROLL for (int j = 0; j < size; j++)
                vf_store(out + (i * size + j) * point + c, y[j]);
        }
    }
}

SIMD_INLINE void weight_tiles(line *along, const int size, const float *in, int64_t n, int64_t width, float *out, int64_t point)
{
    for (int64_t i = 0; i < n * width; i += LANES_F32) {
        VF middle[6 * 3];
        UNROLL for (int j = 0; j < 3; j++) {
            VF x[3];
            UNROLL for (int t = 0; t < 3; t++)
                x[t] = vf_load(in + (3 * t + j) * n * width + i);
            along(x, 1, middle + j, 3);
        }
        UNROLL for (int t = 0; t < size; t++) {
            VF y[6];
            along(middle + t * 3, 1, y, 1);
            UNROLL for (int j = 0; j < size; j++)
                vf_store(out + (t * size + j) * point + i, y[j]);
        }
    }
}

SIMD_INLINE void output_tile(line *along, const int size, const float *in, int64_t point, int64_t channels, float *out, int64_t row,
                             int64_t pixel, int rows, int columns)
{
    const int m = size - 2;
    for (int64_t c = 0; c < channels; c += LANES_F32) {
        VF middle[4 * 6];
        UNROLL for (int j = 0; j < size; j++) {
            VF x[6];
            UNROLL for (int i = 0; i < size; i++)
                x[i] = vf_load(in + (i * size + j) * point + c);
            along(x, 1, middle + j, size);
        }
        UNROLL for (int i = 0; i < m; i++) {
            VF y[4];
            along(middle + i * size, 1, y, 1);
            UNROLL for (int j = 0; j < m; j++)
                if (i < rows && j < columns)
                    part_store(out + i * row + j * pixel + c, channels - c, y[j]);
        }
    }
}

SIMD_INLINE void spread_tile(line *along, const int size, const float *in, int64_t row, int64_t pixel, int rows, int columns,
                             int64_t channels, float *out, int64_t point)
{
    const int m = size - 2;
    for (int64_t c = 0; c < channels; c += LANES_F32) {
        VF middle[6 * 4];
        UNROLL for (int j = 0; j < m; j++) {
            VF x[4];
            UNROLL for (int i = 0; i < m; i++)
                x[i] = i < rows && j < columns ? part(in + i * row + j * pixel + c, channels - c) : vf_set(0);
            along(x, 1, middle + j, m);
        }
        UNROLL for (int i = 0; i < size; i++) {
            VF y[6];
            along(middle + i * m, 1, y, 1);
            UNROLL for (int j = 0; j < size; j++)
                vf_store(out + (i * size + j) * point + c, y[j]);
        }
    }
}

SIMD_INLINE void tap_tiles(line *along, const int size, const float *in, int64_t point, int64_t channels, float *out, int64_t tap)
{
    for (int64_t c = 0; c < channels; c += LANES_F32) {
        VF middle[3 * 6];
        UNROLL for (int j = 0; j < size; j++) {
            VF x[6];
            UNROLL for (int i = 0; i < size; i++)
                x[i] = vf_load(in + (i * size + j) * point + c);
            along(x, 1, middle + j, size);
        }
        UNROLL for (int i = 0; i < 3; i++) {
            VF y[3];
            along(middle + i * size, 1, y, 1);
            UNROLL for (int j = 0; j < 3; j++)
                part_store(out + (3 * i + j) * tap + c, channels - c, y[j]);
        }
    }
}

#define KERNELS(M)                                                                                                       \
    static void input##M(const float *const *rows, int left, int right, int64_t pixel, int64_t channels, float *out, int64_t point) \
    {                                                                                                                    \
        if (left == 0 && right == M + 2) /* the common case, without a look at the columns */                            \
            input_tile(input_##M, M + 2, rows, 0, M + 2, pixel, channels, out, point);                                   \
        else                                                                                                             \
            input_tile(input_##M, M + 2, rows, left, right, pixel, channels, out, point);                                \
    }                                                                                                                    \
    static void weights##M(const float *in, int64_t n, int64_t width, float *out, int64_t point)                          \
    {                                                                                                                    \
        weight_tiles(weights_##M, M + 2, in, n, width, out, point);                                                      \
    }                                                                                                                    \
    static void output##M(const float *in, int64_t point, int64_t channels, float *out, int64_t row, int64_t pixel, int rows, \
                          int columns)                                                                                   \
    {                                                                                                                    \
        if (rows == M && columns == M)                                                                                   \
            output_tile(output_##M, M + 2, in, point, channels, out, row, pixel, M, M);                                  \
        else                                                                                                             \
            output_tile(output_##M, M + 2, in, point, channels, out, row, pixel, rows, columns);                         \
    }                                                                                                                    \
    static void spread##M(const float *in, int64_t row, int64_t pixel, int rows, int columns, int64_t channels, float *out,  \
                          int64_t point)                                                                                 \
    {                                                                                                                    \
        if (rows == M && columns == M)                                                                                   \
            spread_tile(spread_##M, M + 2, in, row, pixel, M, M, channels, out, point);                                  \
        else                                                                                                             \
            spread_tile(spread_##M, M + 2, in, row, pixel, rows, columns, channels, out, point);                         \
    }                                                                                                                    \
    static void taps##M(const float *in, int64_t point, int64_t channels, float *out, int64_t tap)                        \
    {                                                                                                                    \
        tap_tiles(taps_##M, M + 2, in, point, channels, out, tap);                                                       \
    }                                                                                                                    \
    winograd_kernel KERNEL(winograd_##M) = {.m = M, .input = input##M, .weights = weights##M, .output = output##M,        \
                                            .spread = spread##M, .taps = taps##M};
KERNELS(2)
KERNELS(4)
