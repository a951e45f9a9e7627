#include "primitives/quantize/ref.h"

#include "primitives/gemm/half.h"

#include <math.h>

static int weight(int bits, const uint8_t *w, int64_t k, int row)
{
    if (bits == 8)
        return w[k / 4 * 4 * QUANTIZE_PANEL + row * 4 + k % 4] - 128;
    const int byte = w[k / 8 * 4 * QUANTIZE_PANEL + row * 4 + k % 4];
    return (k % 8 < 4 ? byte & 15 : byte >> 4) - 8;
}

void ref_quantize_dot(int bits, const quantize_dot *q)
{
    for (int i = 0; i < q->rows; i++)
        for (int row = 0; row < QUANTIZE_PANEL; row++) {
            double total = 0;
            for (int64_t k = 0; k < q->blocks * q->steps * QUANTIZE_STEP; k++)
                total += (double)weight(bits, q->weights, k, row) * q->x[i][k] * q->x_scale[i][k / QUANTIZE_STEP] *
                         f16_to_f32(q->scales[k / QUANTIZE_STEP / q->steps * QUANTIZE_PANEL + row]);
            q->y[i * QUANTIZE_PANEL + row] = (float)total;
        }
}

void ref_quantize_row(const float *x, int64_t n, int64_t steps, int8_t *q, float *scale, int32_t *bias)
{
    for (int64_t s = 0; s < steps; s++) {
        float most = 0;
        bool finite = true;
        for (int64_t i = s * QUANTIZE_STEP; i < (s + 1) * QUANTIZE_STEP && i < n; i++) {
            finite &= isfinite(x[i]) != 0;
            most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
        }
        const float inverse = finite && most > 1e-36f ? 127 / most : 0;
        scale[s] = finite ? most / 127 : NAN;
        bias[s] = 0;
        for (int64_t i = s * QUANTIZE_STEP; i < (s + 1) * QUANTIZE_STEP; i++) {
            q[i] = i < n && finite ? (int8_t)rintf(x[i] * inverse) : 0;
            bias[s] -= q[i];
        }
    }
}
