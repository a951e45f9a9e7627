/* Products of bf16 by the unit that multiplies pairs (vdpbf16ps): from bf16 as it is, and from f32 and f16 rounded to it.
 *
 * Each step adds two products to an f32 sum. The unit rounds to nearest even, once after each product as a fused multiply-add does,
 * takes subnormal inputs as 0 and gives 0 for subnormal sums. */
#include "primitives/isa/gemm_ahead.h"
#include "primitives/kernel_table.h"
#include "primitives/gemm/half.h"

#define NAME(x) bf16_##x
#define UNIT 2
#define ACC VF
#define SUM_ONE float
#define MAC(sum, a, b) ((VF)_mm512_dpbf16_ps((__m512)(sum), (__m512bh)(a), (__m512bh)(b)))

/* The same as gemm_tile.h's, for f32 sums. */
static void bf16_store(const gemm_tile *t, VF (*acc)[2])
{
    const VF alpha = vf_set((float)t->alpha), beta = vf_set((float)t->beta);
    float *c = t->c;
    for (int i = 0; i < t->rows; i++, c += t->c_row)
        for (int at = 0; at < t->cols; at += LANES_F32) {
            const int wide = t->cols - at < LANES_F32 ? t->cols - at : LANES_F32;
            const VF sum = acc[i][at / LANES_F32];
            vf_store_n(c + at, wide, t->beta == 0 ? alpha * sum : vf_fma(alpha, sum, beta * vf_load_n(c + at, wide)));
        }
}
#include "gemm_units.h"

#define AS_IT_IS(x) (x)
#define FROM_F32(x) f32_to_bf16(x)
#define FROM_F16(x) f32_to_bf16(f16_to_f32(x))
PACK_WORDS(pack_bf16, uint16_t, AS_IT_IS)
PACK_WORDS(pack_f32, float, FROM_F32)
PACK_WORDS(pack_f16, uint16_t, FROM_F16)

static void bf16_pack(const gemm_pack *p)
{
    if (p->type == CAIRN_F32)
        pack_f32(p);
    else if (p->type == CAIRN_F16)
        pack_f16(p);
    else if (!words_in_place(p, UNIT, 2, p->transpose))
        pack_bf16(p);
}

extern gemm_kernel KERNEL(gemm_bf16);
gemm_kernel KERNEL(gemm_bf16) = {
    .element_bytes = 4, .sum = CAIRN_F32, .mr = MR, .nr = 2 * LANES_F32, .kc = GEMM_MAX_KC, .unit = UNIT, .round = 1,
    .packed = bf16_packed, .pack = bf16_pack,
};
