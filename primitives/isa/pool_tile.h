/* The pooling kernels for one element type; the macros are those of gemm_tile.h, and VINT is the vector of integers with
 * as many lanes. */

#undef EACH_PIXEL
#define EACH_PIXEL(w, pixel)                                                                                       \
    pool_window pixel = *(w);                                                                                      \
    for (int64_t i_ = 0; i_ < (w)->pixels; i_++, pixel.x0 += (w)->step, pixel.y = (REAL *)pixel.y + (w)->channels, \
                 pixel.index = pixel.index ? pixel.index + (w)->channels : NULL)

SIMD_INLINE VEC NAME(part)(const REAL *p, int wide)
{
    return wide == LANES ? V_LOAD(p) : V_LOAD_N(p, wide);
}

SIMD_INLINE void NAME(put)(REAL *p, int wide, VEC v)
{
    if (wide == LANES)
        V_STORE(p, v);
    else
        V_STORE_N(p, wide, v);
}

SIMD_INLINE void NAME(max_channels)(const pool_window *w, int64_t channel, int wide, bool indexed)
{
    const REAL *image = (const REAL *)w->image + channel;
    const bool empty = w->y_count <= 0 || w->x_count <= 0; /* taps far apart may all miss a small image */
    const int64_t first = empty ? 0 : w->y0 * w->width + w->x0;
    VEC most = empty ? V_SET((REAL)-__builtin_inf()) : NAME(part)(image + first * w->channels, wide);
    VINT where = (VINT){0} + (int32_t)first;
    for (int64_t i = 0; i < w->y_count; i++)
        for (int64_t j = 0; j < w->x_count; j++) {
            const int64_t at = (w->y0 + i * w->dy) * w->width + w->x0 + j * w->dx;
            const VEC v = NAME(part)(image + at * w->channels, wide);
            if (!indexed) {
                most = V_MAX(most, v);
                continue;
            }
            const VINT better = (v > most) | ((v != v) & (most == most));
            most = (VEC)(((VINT)v & better) | ((VINT)most & ~better));
            where = (((VINT){0} + (int32_t)at) & better) | (where & ~better);
        }
    NAME(put)((REAL *)w->y + channel, wide, most);
    for (int i = 0; indexed && i < wide; i++)
        w->index[channel + i] = (int32_t)where[i];
}

SIMD_INLINE void NAME(max_pool_pixel)(const pool_window *w, bool indexed)
{
    int64_t channel = 0;
    for (; channel + LANES <= w->channels; channel += LANES)
        NAME(max_channels)(w, channel, LANES, indexed);
    if (channel < w->channels)
        NAME(max_channels)(w, channel, (int)(w->channels - channel), indexed);
}

void KERNEL(NAME(max_pool))(const pool_window *w)
{
    if (w->index) {
        EACH_PIXEL(w, pixel)
            NAME(max_pool_pixel)(&pixel, true);
    } else {
        EACH_PIXEL(w, pixel)
            NAME(max_pool_pixel)(&pixel, false);
    }
}

SIMD_INLINE void NAME(average_channels)(const pool_window *w, int64_t channel, int wide)
{
    const REAL *image = (const REAL *)w->image + channel;
    VEC sum = V_SET(0);
    for (int64_t i = 0; i < w->y_count; i++)
        for (int64_t j = 0; j < w->x_count; j++) {
            const int64_t at = (w->y0 + i * w->dy) * w->width + w->x0 + j * w->dx;
            sum += NAME(part)(image + at * w->channels, wide);
        }
    NAME(put)((REAL *)w->y + channel, wide, sum * V_SET((REAL)w->scale));
}

SIMD_INLINE void NAME(average_pool_pixel)(const pool_window *w)
{
    int64_t channel = 0;
    for (; channel + LANES <= w->channels; channel += LANES)
        NAME(average_channels)(w, channel, LANES);
    if (channel < w->channels)
        NAME(average_channels)(w, channel, (int)(w->channels - channel));
}

void KERNEL(NAME(average_pool))(const pool_window *w)
{
    EACH_PIXEL(w, pixel)
        NAME(average_pool_pixel)(&pixel);
}

/* The gradient of one average window: adds y, scaled, to the window's pixels of the image. */
SIMD_INLINE void NAME(spread_channels)(const pool_window *w, int64_t channel, int wide)
{
    REAL *image = (REAL *)(uintptr_t)w->image + channel;
    const VEC share = NAME(part)((const REAL *)w->y + channel, wide) * V_SET((REAL)w->scale);
    for (int64_t i = 0; i < w->y_count; i++)
        for (int64_t j = 0; j < w->x_count; j++) {
            REAL *to = image + ((w->y0 + i * w->dy) * w->width + w->x0 + j * w->dx) * w->channels;
            NAME(put)(to, wide, NAME(part)(to, wide) + share);
        }
}

SIMD_INLINE void NAME(average_spread_pixel)(const pool_window *w)
{
    int64_t channel = 0;
    for (; channel + LANES <= w->channels; channel += LANES)
        NAME(spread_channels)(w, channel, LANES);
    if (channel < w->channels)
        NAME(spread_channels)(w, channel, (int)(w->channels - channel));
}

void KERNEL(NAME(average_spread))(const pool_window *w)
{
    EACH_PIXEL(w, pixel)
        NAME(average_spread_pixel)(&pixel);
}

/* ---- Resampling ---------------------------------------------------------------------------------*/

SIMD_INLINE void NAME(blend_channels)(const blend_taps *t, int64_t i, int wide, bool add, REAL *y)
{
    const REAL *weight = (const REAL *)(const void *)&t->weight;
    VEC sum = add ? NAME(part)(y, wide) : V_SET(0);
    for (int k = 0; k < t->count; k++)
        sum = V_FMA(V_SET(weight[k]), NAME(part)((const REAL *)t->from[k] + i, wide), sum);
    NAME(put)(y, wide, sum);
}

void KERNEL(NAME(blend))(const blend_taps *t, int64_t n, bool add, void *y)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        NAME(blend_channels)(t, i, LANES, add, (REAL *)y + i);
    if (i < n)
        NAME(blend_channels)(t, i, (int)(n - i), add, (REAL *)y + i);
}
