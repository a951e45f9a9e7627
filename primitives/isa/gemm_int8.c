/* Products of 8-bit integers with i32 sums, exact (modulo 2^32): pairs of i16 on every set, u8 x i8 in fours where VNNI is. */
#include "primitives/isa/gemm_ahead.h"
#include "primitives/kernel_table.h"

/* C = sum + beta C in i32, beta 0 or 1; what else is asked of integers is done on the sums afterwards. */
static void i32_store(const gemm_tile *t, VI (*acc)[2])
{
    int32_t *c = t->c;
    for (int i = 0; i < t->rows; i++, c += t->c_row)
        for (int at = 0; at < t->cols; at += LANES_F32) {
            const int wide = t->cols - at < LANES_F32 ? t->cols - at : LANES_F32;
            const VU sum = (VU)acc[i][at / LANES_F32];
            vi_store_n(c + at, wide, (VI)(t->beta == 0 ? sum : sum + (VU)vi_load_n(c + at, wide)));
        }
}

/* sum + low(a) low(b) + high(a) high(b) of signed 16-bit halves. Products of 8-bit numbers: only the sum can wrap. */
SIMD_INLINE VI mac_i16(VI sum, VI a, VI b)
{
#if defined(ISA_AVX512VNNI)
    return (VI)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif defined(ISA_AVX512)
    return (VI)((VU)sum + (VU)_mm512_madd_epi16((__m512i)a, (__m512i)b));
#elif defined(ISA_AVX2)
    return (VI)((VU)sum + (VU)_mm256_madd_epi16((__m256i)a, (__m256i)b));
#elif defined(ISA_V2)
    return (VI)((VU)sum + (VU)_mm_madd_epi16((__m128i)a, (__m128i)b));
#else
    const VI al = (VI)((VU)a << 16) >> 16, bl = (VI)((VU)b << 16) >> 16;
    return (VI)((VU)sum + (VU)(al * bl) + (VU)((a >> 16) * (b >> 16)));
#endif
}

#define ACC VI
#define SUM_ONE int32_t
#define NAME(x) i16_##x
#define UNIT 2
#define MAC mac_i16
#define i16_store i32_store
#include "gemm_units.h"
#define AS_I16(x) (uint16_t)(int16_t)(x)
PACK_WORDS(pack_i8_as_i16, int8_t, AS_I16)
PACK_WORDS(pack_u8_as_i16, uint8_t, AS_I16)

static void i16_pack(const gemm_pack *p)
{
    if (p->type == CAIRN_I8)
        pack_i8_as_i16(p);
    else
        pack_u8_as_i16(p);
}

gemm_kernel KERNEL(gemm_i16) = {
    .element_bytes = 4, .sum = CAIRN_I32, .mr = MR, .nr = 2 * LANES_F32, .kc = GEMM_MAX_KC, .unit = 2, .round = 1,
    .packed = i16_packed, .pack = i16_pack,
};

#if defined(ISA_AVX512VNNI)
#undef NAME
#undef UNIT
#undef MAC
#define NAME(x) u8i8_##x
#define UNIT 4
#define MAC(sum, a, b) ((VI)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(a), (__m512i)(b)))
#define u8i8_store i32_store
#include "gemm_units.h"
#define AS_U8(x) (uint8_t)(x)
PACK_WORDS(pack_bytes, uint8_t, AS_U8)

static void u8i8_pack(const gemm_pack *p)
{
    if (!words_in_place(p, UNIT, 1, p->transpose))
        pack_bytes(p);
}

gemm_kernel KERNEL(gemm_u8i8) = {
    .element_bytes = 4, .sum = CAIRN_I32, .mr = MR, .nr = 2 * LANES_F32, .kc = GEMM_MAX_KC, .unit = 4, .round = 1,
    .packed = u8i8_packed, .pack = u8i8_pack,
};
#endif
