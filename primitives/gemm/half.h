/* f16 and bf16 to f32 and back, round to nearest even; the branch-free forms that compilers vectorise. */
#ifndef PRIMITIVES_GEMM_HALF_H
#define PRIMITIVES_GEMM_HALF_H
#include <cairn/base.h>
#include <stdint.h>
#include <string.h>

static inline float half_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t half_word(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float bf16_to_f32(uint16_t h) { return half_bits((uint32_t)h << 16); }

static inline uint16_t f32_to_bf16(float x)
{
    const uint32_t bits = half_word(x);
    const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)(x != x ? bits >> 16 | 0x40 : rounded);
}

static inline float f16_to_f32(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7fff;
    const uint32_t normal = (rest << 13) + (112u << 23), special = (rest << 13) | 0x7f800000;
    const float subnormal = (float)rest * 0x1p-24f;
    const uint32_t finite = rest < 0x400 ? half_word(subnormal) : normal;
    return half_bits(sign | (rest >= 0x7c00 ? special : finite));
}

static inline uint16_t f32_to_f16(float x)
{
    const uint32_t bits = half_word(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    /* Adding 0.5 leaves a subnormal's bits, rounded by the addition itself, at the end of the sum. */
    const uint32_t subnormal = half_word(half_bits(rest) + 0.5f) - half_word(0.5f);
    const uint32_t normal = (rest - (112u << 23) + 0xfff + (rest >> 13 & 1)) >> 13;
    const uint32_t finite = rest < (113u << 23) ? subnormal : normal;
    const uint32_t large = rest >= 0x477ff000 ? 0x7c00 : finite;
    return (uint16_t)(sign | (rest > 0x7f800000 ? 0x7e00 : large));
}

/* Rows of n numbers of type f16 or bf16 (or f32, as they are) to f32 and back. */
typedef const struct half_kernel {
    void (*widen)(cairn_dtype type, int64_t n, const void *from, float *to);
    void (*narrow)(cairn_dtype type, int64_t n, const float *from, void *to);
} half_kernel;

#endif
