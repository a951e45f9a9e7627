/* The depthwise kernels for one element type; the macros are those of gemm_tile.h. Pixels outside, channels inside: memory is read as it
 * lies, and the weights stay in L1. */

#if defined(ISA_AVX512) || defined(ISA_NEON) /* 32 vector registers */
enum { NAME(PIXELS) = 8, NAME(TAPS) = 9 };
#else
enum { NAME(PIXELS) = 4, NAME(TAPS) = 9 };
#endif

SIMD_INLINE VEC NAME(part)(const REAL *p, int wide) { return wide == LANES ? V_LOAD(p) : V_LOAD_N(p, wide); }

/* One vector of channels of `count` neighbouring output pixels: each weight is loaded once for all of them, and where taps come in
 * threes each pixel of x as well. */
SIMD_INLINE void NAME(pixels)(const depthwise_line *l, const int count, const bool threes, int64_t j, int64_t channel, int wide)
{
    const REAL *x = (const REAL *)l->x + j * l->x_step + channel, *w = (const REAL *)l->w + channel;
    REAL *y = (REAL *)l->y + j * l->y_step + channel;
    VEC sum[NAME(PIXELS)];
    UNROLL for (int i = 0; i < count; i++)
        sum[i] = V_SET(0);
    for (int64_t t = 0; t < l->taps; t += threes ? 3 : 1) {
        const REAL *at = x + l->x_offset[t], *weights = w + l->w_offset[t];
        const VEC w0 = NAME(part)(weights, wide);
        if (threes) {
            const VEC w1 = NAME(part)(weights + l->channels, wide), w2 = NAME(part)(weights + 2 * l->channels, wide);
            VEC x0 = NAME(part)(at, wide), x1 = NAME(part)(at + l->x_step, wide);
            at += 2 * l->x_step;
            UNROLL for (int i = 0; i < count; i++, at += l->x_step) {
                const VEC x2 = NAME(part)(at, wide);
                sum[i] = V_FMA(x2, w2, V_FMA(x1, w1, V_FMA(x0, w0, sum[i])));
                x0 = x1;
                x1 = x2;
            }
        } else {
            UNROLL for (int i = 0; i < count; i++, at += l->x_step)
                sum[i] = V_FMA(NAME(part)(at, wide), w0, sum[i]);
        }
    }
    UNROLL for (int i = 0; i < count; i++, y += l->y_step) {
        if (wide == LANES)
            V_STORE(y, sum[i]);
        else
            V_STORE_N(y, wide, sum[i]);
    }
}

SIMD_INLINE void NAME(group)(const depthwise_line *l, const int count, const bool threes, int64_t j)
{
    int64_t channel = 0;
    for (; channel + LANES <= l->channels; channel += LANES)
        NAME(pixels)(l, count, threes, j, channel, LANES);
    if (channel < l->channels)
        NAME(pixels)(l, count, threes, j, channel, (int)(l->channels - channel));
}

void KERNEL(NAME(depthwise))(const depthwise_line *l)
{
    int64_t j = 0;
    if (l->threes) {
        for (; j + NAME(PIXELS) <= l->pixels; j += NAME(PIXELS))
            NAME(group)(l, NAME(PIXELS), true, j);
        for (; j + 2 <= l->pixels; j += 2)
            NAME(group)(l, 2, true, j);
    }
    for (; j + 4 <= l->pixels; j += 4)
        NAME(group)(l, 4, false, j);
    for (; j < l->pixels; j++)
        NAME(group)(l, 1, false, j);
}

/* `count` taps of one vector of channels, over all pixels of the row. */
SIMD_INLINE void NAME(taps)(const depthwise_line *l, const int count, int64_t tap, int64_t channel, int wide)
{
    const REAL *x = (const REAL *)l->x + channel, *y = (const REAL *)l->y + channel;
    const int64_t *x_offset = l->x_offset + tap, *w_offset = l->w_offset + tap;
    REAL *w = (REAL *)l->w + channel;
    VEC sum[NAME(TAPS)];
    UNROLL for (int i = 0; i < count; i++)
        sum[i] = NAME(part)(w + w_offset[i], wide);
    for (int64_t j = 0; j < l->pixels; j++, x += l->x_step, y += l->y_step) {
        const VEC dy = NAME(part)(y, wide);
        UNROLL for (int i = 0; i < count; i++)
            sum[i] = V_FMA(NAME(part)(x + x_offset[i], wide), dy, sum[i]);
    }
    UNROLL for (int i = 0; i < count; i++) {
        if (wide == LANES)
            V_STORE(w + w_offset[i], sum[i]);
        else
            V_STORE_N(w + w_offset[i], wide, sum[i]);
    }
}

SIMD_INLINE void NAME(all_taps)(const depthwise_line *l, int64_t channel, int wide)
{
    int64_t tap = 0;
    for (; tap + NAME(TAPS) <= l->taps; tap += NAME(TAPS))
        NAME(taps)(l, NAME(TAPS), tap, channel, wide);
    for (; tap + 3 <= l->taps; tap += 3)
        NAME(taps)(l, 3, tap, channel, wide);
    for (; tap < l->taps; tap++)
        NAME(taps)(l, 1, tap, channel, wide);
}

void KERNEL(NAME(depthwise_weight))(const depthwise_line *l)
{
    int64_t channel = 0;
    for (; channel + LANES <= l->channels; channel += LANES)
        NAME(all_taps)(l, channel, LANES);
    if (channel < l->channels)
        NAME(all_taps)(l, channel, (int)(l->channels - channel));
}
