/* 16-bit floats as f32 and back, to nearest even. */
#ifndef RUNTIME_EXEC_HALF_H
#define RUNTIME_EXEC_HALF_H
#include <stdint.h>
#include <string.h>

static inline float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float bfloat_to_float(uint16_t x) { return float_of_bits((uint32_t)x << 16); }

static inline uint16_t float_to_bfloat(float x)
{
    uint32_t bits = bits_of_float(x);
    return x != x ? 0x7fff : (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The exponent is moved by a product with a power of two, which also makes subnormals right. */
static inline float half_to_float(uint16_t x)
{
    uint32_t sign = (uint32_t)(x & 0x8000) << 16, rest = (uint32_t)(x & 0x7fff) << 13;
    float size = (x & 0x7c00) == 0x7c00 ? float_of_bits(rest | 0x7f800000) : float_of_bits(rest) * 0x1p112f;
    return float_of_bits(bits_of_float(size) | sign);
}

static inline uint16_t float_to_half(float x)
{
    uint32_t bits = bits_of_float(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    if (size > 0x7f800000)
        return 0x7fff;
    if (size >= 0x477ff000) /* 65520 and above */
        return (uint16_t)(sign | 0x7c00);
    if (size < 0x38800000) { /* subnormal: adding 0.5 rounds to multiples of 2^-24 */
        float shifted = float_of_bits(size) + 0.5f;
        return (uint16_t)(sign | (bits_of_float(shifted) - 0x3f000000));
    }
    size += 0xfff + (size >> 13 & 1);
    return (uint16_t)(sign | ((size - 0x38000000) >> 13));
}

#endif
