/* The depthwise kernels for one element type; the macros are those of gemm_tile.h. */

enum { NAME(PIXELS) = 4, NAME(TAPS) = 9 };

/* `count` neighbouring output pixels of one vector of channels: each weight is loaded once for all of them. */
SIMD_INLINE void NAME(pixels)(const depthwise_line *l, const int count, int64_t j, int64_t channel, int wide)
{
    const REAL *x = (const REAL *)l->x + j * l->x_step + channel, *w = (const REAL *)l->w + channel;
    REAL *y = (REAL *)l->y + j * l->y_step + channel;
    VEC sum[NAME(PIXELS)];
    UNROLL for (int i = 0; i < count; i++)
        sum[i] = V_SET(0);
    for (int64_t t = 0; t < l->taps; t++, w += l->channels) {
        const VEC weight = wide == LANES ? V_LOAD(w) : V_LOAD_N(w, wide);
        const REAL *at = x + l->offset[t];
        UNROLL for (int i = 0; i < count; i++, at += l->x_step)
            sum[i] = V_FMA(wide == LANES ? V_LOAD(at) : V_LOAD_N(at, wide), weight, sum[i]);
    }
    UNROLL for (int i = 0; i < count; i++, y += l->y_step) {
        if (wide == LANES)
            V_STORE(y, sum[i]);
        else
            V_STORE_N(y, wide, sum[i]);
    }
}

SIMD_INLINE void NAME(channels)(const depthwise_line *l, int64_t channel, int wide)
{
    int64_t j = 0;
    for (; j + NAME(PIXELS) <= l->pixels; j += NAME(PIXELS))
        NAME(pixels)(l, NAME(PIXELS), j, channel, wide);
    for (; j < l->pixels; j++)
        NAME(pixels)(l, 1, j, channel, wide);
}

void KERNEL(NAME(depthwise))(const depthwise_line *l)
{
    int64_t channel = 0;
    for (; channel + LANES <= l->channels; channel += LANES)
        NAME(channels)(l, channel, LANES);
    if (channel < l->channels)
        NAME(channels)(l, channel, (int)(l->channels - channel));
}

/* `count` taps of one vector of channels, over all pixels of the row. */
SIMD_INLINE void NAME(taps)(const depthwise_sum *s, const int count, int64_t tap, int64_t channel, int wide)
{
    const REAL *x = (const REAL *)s->x + channel, *y = (const REAL *)s->y + channel;
    const int64_t *offset = s->offset + tap;
    REAL *w = (REAL *)s->w + tap * s->channels + channel;
    VEC sum[NAME(TAPS)];
    UNROLL for (int i = 0; i < count; i++)
        sum[i] = wide == LANES ? V_LOAD(w + i * s->channels) : V_LOAD_N(w + i * s->channels, wide);
    for (int64_t j = 0; j < s->pixels; j++, x += s->x_step, y += s->y_step) {
        const VEC dy = wide == LANES ? V_LOAD(y) : V_LOAD_N(y, wide);
        UNROLL for (int i = 0; i < count; i++)
            sum[i] = V_FMA(wide == LANES ? V_LOAD(x + offset[i]) : V_LOAD_N(x + offset[i], wide), dy, sum[i]);
    }
    UNROLL for (int i = 0; i < count; i++) {
        if (wide == LANES)
            V_STORE(w + i * s->channels, sum[i]);
        else
            V_STORE_N(w + i * s->channels, wide, sum[i]);
    }
}

SIMD_INLINE void NAME(all_taps)(const depthwise_sum *s, int64_t channel, int wide)
{
    int64_t tap = 0;
    for (; tap + NAME(TAPS) <= s->taps; tap += NAME(TAPS))
        NAME(taps)(s, NAME(TAPS), tap, channel, wide);
    for (; tap + 3 <= s->taps; tap += 3)
        NAME(taps)(s, 3, tap, channel, wide);
    for (; tap < s->taps; tap++)
        NAME(taps)(s, 1, tap, channel, wide);
}

void KERNEL(NAME(depthwise_weight))(const depthwise_sum *s)
{
    int64_t channel = 0;
    for (; channel + LANES <= s->channels; channel += LANES)
        NAME(all_taps)(s, channel, LANES);
    if (channel < s->channels)
        NAME(all_taps)(s, channel, (int)(s->channels - channel));
}
