/* Rows of f16 and bf16 to f32 and back: loops that the compiler makes vectors of, for each set its own. */
#include "primitives/kernel_table.h"
#include "primitives/gemm/half.h"
#include "primitives/simd.h"

static void widen(cairn_dtype type, int64_t n, const void *from, float *restrict to)
{
    const uint16_t *restrict half = from;
    if (type == CAIRN_F32)
        memcpy(to, from, (size_t)n * 4);
    else if (type == CAIRN_BF16)
        for (int64_t j = 0; j < n; j++)
            to[j] = bf16_to_f32(half[j]);
    else
        for (int64_t j = 0; j < n; j++)
            to[j] = f16_to_f32(half[j]);
}

static void narrow(cairn_dtype type, int64_t n, const float *restrict from, void *to)
{
    uint16_t *restrict half = to;
    if (type == CAIRN_F32)
        memcpy(to, from, (size_t)n * 4);
    else if (type == CAIRN_BF16)
        for (int64_t j = 0; j < n; j++)
            half[j] = f32_to_bf16(from[j]);
    else
        for (int64_t j = 0; j < n; j++)
            half[j] = f32_to_f16(from[j]);
}

extern half_kernel KERNEL(half);
half_kernel KERNEL(half) = {.widen = widen, .narrow = narrow};
