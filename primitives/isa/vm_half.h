/* f16 and bf16 to and from f32, rounding to nearest even, without branches, so that loops of them vectorize. NaNs keep
 * their sign and the upper bits of their payload and become quiet, as the processors' own conversions do. */
#ifndef PRIMITIVES_VM_HALF_H
#define PRIMITIVES_VM_HALF_H
#include <stdint.h>
#include <string.h>

static inline uint32_t bits_of(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
static inline float float_of(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }

static inline float from_f16(uint16_t h)
{
    uint32_t w = (uint32_t)h << 16, twice = w + w;
    float normal = float_of((twice >> 4) + (0xE0u << 23)) * 0x1p-112f;
    float subnormal = float_of((twice >> 17) | (126u << 23)) - 0.5f;
    return float_of((w & 0x80000000u) | bits_of(twice < (1u << 27) ? subnormal : normal));
}

static inline uint16_t to_f16(float x)
{
    uint32_t w = bits_of(x), twice = w + w, bias = twice & 0xFF000000u;
    /* Scaled so that what lies beyond f16 overflows; the sum below then rounds at f16's last bit. */
    float base = float_of(w & 0x7FFFFFFFu) * 0x1p112f * 0x1p-110f;
    bias = bias < 0x71000000u ? 0x71000000u : bias;
    uint32_t b = bits_of(float_of((bias >> 1) + 0x07800000u) + base);
    uint32_t number = ((b >> 13) & 0x7C00u) + (b & 0x0FFFu), nan = 0x7E00u | ((w >> 13) & 0x3FFu);
    return (uint16_t)((w >> 16 & 0x8000u) | (twice > 0xFF000000u ? nan : number));
}

static inline float from_bf16(uint16_t h) { return float_of((uint32_t)h << 16); }

static inline uint16_t to_bf16(float x)
{
    uint32_t w = bits_of(x), number = (w + 0x7FFFu + ((w >> 16) & 1)) >> 16, nan = (w >> 16) | 0x40u;
    return (uint16_t)((w & 0x7FFFFFFFu) > 0x7F800000u ? nan : number);
}

#endif
