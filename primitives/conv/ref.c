#include "primitives/conv/ref.h"

static double load(const void *x, cairn_dtype type, int64_t i)
{
    return type == CAIRN_F64 ? ((const double *)x)[i] : ((const float *)x)[i];
}

static void store(void *x, cairn_dtype type, int64_t i, double v)
{
    if (type == CAIRN_F64)
        ((double *)x)[i] = v;
    else
        ((float *)x)[i] = (float)v;
}

/* All descriptors' defaults, and what the loops need of the shapes. */
typedef struct geometry { int64_t oh, ow, groups, cg, kg, sh, sw, dh, dw; } geometry;

static geometry geometry_of(const cairn_conv *d)
{
    geometry g = {.groups = d->groups ? d->groups : 1, .sh = d->stride_h ? d->stride_h : 1, .sw = d->stride_w ? d->stride_w : 1,
                  .dh = d->dilation_h ? d->dilation_h : 1, .dw = d->dilation_w ? d->dilation_w : 1};
    g.cg = d->c / g.groups;
    g.kg = d->k / g.groups;
    g.oh = (d->h + d->pad_top + d->pad_bottom - g.dh * (d->r - 1) - 1) / g.sh + 1;
    g.ow = (d->w + d->pad_left + d->pad_right - g.dw * (d->s - 1) - 1) / g.sw + 1;
    return g;
}

/* Element of x that output pixel (n, oy, ox) sees through tap (r, s), for channel c; -1 outside. */
static int64_t seen(const cairn_conv *d, const geometry *g, int64_t n, int64_t oy, int64_t ox, int64_t r, int64_t s, int64_t c)
{
    const int64_t y = oy * g->sh + r * g->dh - d->pad_top, x = ox * g->sw + s * g->dw - d->pad_left;
    return y < 0 || y >= d->h || x < 0 || x >= d->w ? -1 : ((n * d->h + y) * d->w + x) * d->c + c;
}

void ref_conv_forward(const cairn_conv *d, const void *x, const void *w, void *y)
{
    const geometry g = geometry_of(d);
    for (int64_t i = 0; i < d->n * g.oh * g.ow * d->k; i++) {
        const int64_t k = i % d->k, ox = i / d->k % g.ow, oy = i / d->k / g.ow % g.oh, n = i / d->k / g.ow / g.oh;
        double sum = 0;
        for (int64_t r = 0; r < d->r; r++)
            for (int64_t s = 0; s < d->s; s++)
                for (int64_t c = 0; c < g.cg; c++) {
                    const int64_t at = seen(d, &g, n, oy, ox, r, s, k / g.kg * g.cg + c);
                    if (at >= 0)
                        sum += load(x, d->type, at) * load(w, d->type, ((k * d->r + r) * d->s + s) * g.cg + c);
                }
        store(y, d->type, i, sum);
    }
}

void ref_conv_data_gradient(const cairn_conv *d, const void *dy, const void *w, void *dx)
{
    const geometry g = geometry_of(d);
    for (int64_t i = 0; i < d->n * d->h * d->w * d->c; i++) {
        const int64_t c = i % d->c, ix = i / d->c % d->w, iy = i / d->c / d->w % d->h, n = i / d->c / d->w / d->h;
        double sum = 0;
        for (int64_t r = 0; r < d->r; r++)
            for (int64_t s = 0; s < d->s; s++) {
                const int64_t y = iy + d->pad_top - r * g.dh, x = ix + d->pad_left - s * g.dw;
                if (y < 0 || y % g.sh || y / g.sh >= g.oh || x < 0 || x % g.sw || x / g.sw >= g.ow)
                    continue;
                for (int64_t k = c / g.cg * g.kg; k < (c / g.cg + 1) * g.kg; k++)
                    sum += load(dy, d->type, ((n * g.oh + y / g.sh) * g.ow + x / g.sw) * d->k + k) *
                           load(w, d->type, ((k * d->r + r) * d->s + s) * g.cg + c % g.cg);
            }
        store(dx, d->type, i, sum);
    }
}

void ref_conv_weight_gradient(const cairn_conv *d, const void *x, const void *dy, void *dw)
{
    const geometry g = geometry_of(d);
    for (int64_t i = 0; i < d->k * d->r * d->s * g.cg; i++) {
        const int64_t c = i % g.cg, s = i / g.cg % d->s, r = i / g.cg / d->s % d->r, k = i / g.cg / d->s / d->r;
        double sum = 0;
        for (int64_t p = 0; p < d->n * g.oh * g.ow; p++) {
            const int64_t at = seen(d, &g, p / g.ow / g.oh, p / g.ow % g.oh, p % g.ow, r, s, k / g.kg * g.cg + c);
            if (at >= 0)
                sum += load(dy, d->type, p * d->k + k) * load(x, d->type, at);
        }
        store(dw, d->type, i, sum);
    }
}
