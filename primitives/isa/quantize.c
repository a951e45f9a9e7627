/* Products with quantised weights, of one instruction set: weights are unsigned bytes, x signed ones. */
/* Without VNNI, 512 bits have nothing over AVX2's: see kernels.def. */
#if !defined(ISA_AVX512) || defined(ISA_AVX512VNNI)
#include <math.h>
#include "primitives/kernel_table.h"
#include "primitives/isa/vm_half.h"
#include "primitives/simd.h"

extern quantize_kernel KERNEL(quantize);

enum {
    GROUPS = QUANTIZE_PANEL / LANES_F32,            /* vectors of a panel's rows */
    AHEAD = 1024                                    /* bytes by which weights of 4 bits are prefetched, into the next panel; those of 8 come fast enough */
};

/* acc + w0 x0 + w1 x1 + w2 x2 + w3 x3 of each lane's four bytes; x is the same four in all lanes. */
SIMD_INLINE VI dot4(VI acc, VU w, int32_t x)
{
#if defined(ISA_AVX512VNNI)
    return (VI)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)w, _mm512_set1_epi32(x));
#elif defined(ISA_AVX2)
    const __m256i all = _mm256_set1_epi32(x), even = _mm256_srai_epi16(_mm256_slli_epi16(all, 8), 8), odd = _mm256_srai_epi16(all, 8);
    const __m256i low = _mm256_madd_epi16((__m256i)(w & 0x00ff00ff), even);
    return acc + (VI)low + (VI)_mm256_madd_epi16(_mm256_srli_epi16((__m256i)w, 8), odd);
#else
    for (int i = 0; i < 4; i++)
        acc += (VI)(w >> (8 * i) & 255) * (int32_t)(int8_t)(x >> (8 * i));
    return acc;
#endif
}

SIMD_INLINE VF scales_of(const uint16_t *from)
{
#if defined(ISA_AVX512)
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
#elif defined(ISA_AVX2)
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from));
#else
    VF v;
    for (int i = 0; i < LANES_F32; i++)
        v[i] = from_f16(from[i]);
    return v;
#endif
}

SIMD_INLINE VU weights_at(const uint8_t *p) { VU v; memcpy(&v, p, sizeof v); return v; }
SIMD_INLINE int32_t four_of(const int8_t *p) { int32_t x; memcpy(&x, p, 4); return x; }

/* 32 elements of `rows` rows of x with one vector of W's rows. */
SIMD_INLINE void step8(const int rows, const quantize_dot *q, const uint8_t *w, int64_t step, VI acc[])
{
    UNROLL for (int j = 0; j < QUANTIZE_STEP / 4; j++) {
        const VU v = weights_at(w + j * 4 * QUANTIZE_PANEL);
        UNROLL for (int i = 0; i < rows; i++)
            acc[i] = dot4(acc[i], v, four_of(q->x[i] + step * QUANTIZE_STEP + 4 * j));
    }
}

SIMD_INLINE void step4(const int rows, const quantize_dot *q, const uint8_t *w, int64_t step, VI acc[])
{
    UNROLL for (int j = 0; j < QUANTIZE_STEP / 8; j++) {
        const VU v = weights_at(w + j * 4 * QUANTIZE_PANEL), low = v & 0x0f0f0f0f, high = v >> 4 & 0x0f0f0f0f;
        __builtin_prefetch(w + j * 4 * QUANTIZE_PANEL + AHEAD);
        UNROLL for (int i = 0; i < rows; i++) {
            acc[i] = dot4(acc[i], low, four_of(q->x[i] + step * QUANTIZE_STEP + 8 * j));
            acc[i] = dot4(acc[i], high, four_of(q->x[i] + step * QUANTIZE_STEP + 8 * j + 4));
        }
    }
}

SIMD_INLINE void panel(const int bits, const int rows, const quantize_dot *q)
{
    const int64_t step_bytes = QUANTIZE_STEP * QUANTIZE_PANEL * bits / 8;
    for (int g = 0; g < GROUPS; g++) {
        const uint8_t *w = q->weights + g * LANES_F32 * 4;
        VF total[QUANTIZE_ROWS];
        UNROLL for (int i = 0; i < rows; i++)
            total[i] = vf_set(0);
        for (int64_t b = 0, step = 0; b < q->blocks; b++) {
            VF sum[QUANTIZE_ROWS];
            UNROLL for (int i = 0; i < rows; i++)
                sum[i] = vf_set(0);
            for (int64_t s = 0; s < q->steps; s++, step++, w += step_bytes) {
                VI acc[QUANTIZE_ROWS];
                UNROLL for (int i = 0; i < rows; i++)
                    acc[i] = (VI){0} + (q->x_bias[i][step] * (bits == 8 ? 128 : 8));
                if (bits == 8)
                    step8(rows, q, w, step, acc);
                else
                    step4(rows, q, w, step, acc);
                UNROLL for (int i = 0; i < rows; i++)
                    sum[i] = vf_fma(__builtin_convertvector(acc[i], VF), vf_set(q->x_scale[i][step]), sum[i]);
            }
            const VF scale = scales_of(q->scales + b * QUANTIZE_PANEL + g * LANES_F32);
            UNROLL for (int i = 0; i < rows; i++)
                total[i] = vf_fma(sum[i], scale, total[i]);
        }
        UNROLL for (int i = 0; i < rows; i++)
            vf_store(q->y + i * QUANTIZE_PANEL + g * LANES_F32, total[i]);
    }
}

static void int8(const quantize_dot *q)
{
    if (q->rows == 1)
        panel(8, 1, q);
    else
        panel(8, QUANTIZE_ROWS, q);
}

static void int4(const quantize_dot *q)
{
    if (q->rows == 1)
        panel(4, 1, q);
    else
        panel(4, QUANTIZE_ROWS, q);
}

/* One step of x: its largest |x|, then the elements times 127 over that, to nearest even. */
static void quantize_step(const float *x, int count, int8_t *q, float *scale, int32_t *bias)
{
    float padded[QUANTIZE_STEP] = {0};
    memcpy(padded, x, (size_t)count * 4);
    VF most = vf_set(0);
    VI bad = {0};
    for (int i = 0; i < QUANTIZE_STEP; i += LANES_F32) {
        const VF v = vf_load(padded + i), a = (VF)((VI)v & INT32_MAX);
        const VI more = a > most;
        bad |= ~(a < INFINITY);
        most = (VF)(((VI)a & more) | ((VI)most & ~more));
    }
    float largest = 0;
    int32_t any = 0, sum = 0;
    for (int i = 0; i < LANES_F32; i++) {
        largest = most[i] > largest ? most[i] : largest;
        any |= bad[i];
    }
    /* Below this 127 / largest would not be finite: such elements are zeros. */
    const float inverse = !any && largest > 1e-36f ? 127 / largest : 0;
    for (int i = 0; i < QUANTIZE_STEP; i += LANES_F32) {
        const VF v = any ? vf_set(0) : vf_load(padded + i) * inverse, whole = (v + 0x1.8p23f) - 0x1.8p23f;
        const VI k = __builtin_convertvector(whole, VI);
        for (int j = 0; j < LANES_F32; j++) {
            q[i + j] = (int8_t)k[j];
            sum += k[j];
        }
    }
    *scale = any ? NAN : largest / 127;
    *bias = -sum;
}

static void row(const float *x, int64_t n, int64_t steps, int8_t *q, float *scale, int32_t *bias)
{
    for (int64_t s = 0; s < steps; s++) {
        const int64_t left = n - s * QUANTIZE_STEP;
        quantize_step(x + (left > 0 ? s * QUANTIZE_STEP : 0), left >= QUANTIZE_STEP ? QUANTIZE_STEP : left > 0 ? (int)left : 0,
                      q + s * QUANTIZE_STEP, scale + s, bias + s);
    }
}

quantize_kernel KERNEL(quantize) = {int8, int4, row};
#endif
