#include "primitives/conv/ref.h"

#include "primitives/conv/layout.h"
#include "primitives/gemm/half.h"

#include <math.h>

static double load(const void *x, cairn_dtype type, int64_t i)
{
    switch (type) {
    case CAIRN_F64: return ((const double *)x)[i];
    case CAIRN_F32: return ((const float *)x)[i];
    case CAIRN_F16: return f16_to_f32(((const uint16_t *)x)[i]);
    case CAIRN_BF16: return bf16_to_f32(((const uint16_t *)x)[i]);
    case CAIRN_I8: return ((const int8_t *)x)[i];
    default: return ((const uint8_t *)x)[i];
    }
}

static void store(void *x, cairn_dtype type, int64_t i, double v)
{
    switch (type) {
    case CAIRN_F64: ((double *)x)[i] = v; break;
    case CAIRN_F32: ((float *)x)[i] = (float)v; break;
    case CAIRN_F16: ((uint16_t *)x)[i] = f32_to_f16((float)v); break;
    case CAIRN_BF16: ((uint16_t *)x)[i] = f32_to_bf16((float)v); break;
    default: ((int32_t *)x)[i] = (int32_t)(uint32_t)(int64_t)v;
    }
}

typedef struct place { int64_t n, c, z, y, x; } place;

static int64_t at(const layout *l, place p)
{
    return p.n * l->stride[0] + p.c * l->stride[1] + p.z * l->stride[2] + p.y * l->stride[3] + p.x * l->stride[4];
}

/* Element number i of the packed tensor. */
static place place_of(const layout *l, int64_t i)
{
    const int64_t c = l->size[1], w = l->size[4], h = l->size[3], z = l->size[2];
    return (place){i / c / w / h / z, i % c, i / c / w / h % z, i / c / w % h, i / c % w};
}

static double activated(const cairn_fused *f, double v)
{
    switch (f->activation) {
    case CAIRN_FUSED_RELU: return v <= 0 ? 0 : v;
    case CAIRN_FUSED_LEAKY_RELU: return v < 0 ? v * f->slope : v;
    case CAIRN_FUSED_RELU6: return v < 0 ? 0 : v > 6 ? 6 : v;
    case CAIRN_FUSED_SIGMOID: return 1 / (1 + exp(-v));
    case CAIRN_FUSED_TANH: return tanh(v);
    case CAIRN_FUSED_GELU: return 0.5 * v * (1 + erf(v * M_SQRT1_2));
    case CAIRN_FUSED_GELU_TANH: return 0.5 * v * (1 + tanh(M_2_SQRTPI * M_SQRT1_2 * (v + 0.044715 * v * v * v)));
    case CAIRN_FUSED_SILU: return v / (1 + exp(-v));
    default: return v;
    }
}

static void finish(const cairn_fused *f, const layout *l, place p, void *to, double v)
{
    if (f->scale)
        v *= load(f->scale, l->type, p.c);
    if (f->bias)
        v += load(f->bias, l->type, p.c);
    if (f->residual)
        v += load(f->residual, l->type, at(l, p));
    store(to, l->type, at(l, p), activated(f, v));
}

typedef struct tensors { conv c; layout x, w, y; } tensors;

static tensors tensors_of(const cairn_conv *d)
{
    tensors t;
    if (conv_check(d, &t.c) != CAIRN_OK)
        return (tensors){0};
    t.x = layout_of(&t.c, CONV_X);
    t.w = layout_of(&t.c, CONV_W);
    t.y = layout_of(&t.c, CONV_Y);
    return t;
}

/* Sum of n products, elements xs and ws apart. */
static double dot(const void *x, const layout *lx, int64_t x0, int64_t xs, const void *w, const layout *lw, int64_t w0, int64_t ws, int64_t n)
{
    const float *a = x, *b = w;
    double sum = 0;
    if (lx->type == CAIRN_F32 && lw->type == CAIRN_F32)
        for (int64_t i = 0; i < n; i++)
            sum += (double)a[x0 + i * xs] * (double)b[w0 + i * ws];
    else
        for (int64_t i = 0; i < n; i++)
            sum += load(x, lx->type, x0 + i * xs) * load(w, lw->type, w0 + i * ws);
    return sum;
}

/* The input coordinate that an output sees through a tap, and the output that sees an input; -1 outside. */
static int64_t seen(int64_t out, int64_t pad, int64_t tap, int64_t dilation, int64_t stride, int64_t inputs)
{
    const int64_t in = out * stride + tap * dilation - pad;
    return in >= 0 && in < inputs ? in : -1;
}
static int64_t seen_from(int64_t in, int64_t pad, int64_t tap, int64_t dilation, int64_t stride, int64_t outputs)
{
    const int64_t o = in + pad - tap * dilation;
    return o < 0 || o % stride || o / stride >= outputs ? -1 : o / stride;
}

#define EACH_TAP(d)                                     \
    for (int64_t z = 0; z < (d).t; z++)                 \
        for (int64_t r = 0; r < (d).r; r++)             \
            for (int64_t s = 0; s < (d).s; s++)

void ref_conv_forward(const cairn_conv *given, const void *x, const void *w, void *y)
{
    const tensors t = tensors_of(given);
    const cairn_conv *d = &t.c.d;
    for (int64_t i = 0; i < layout_elements(&t.y); i++) {
        const place o = place_of(&t.y, i);
        double sum = 0;
        EACH_TAP(*d) {
            const place in = {o.n, o.c / t.c.kg * t.c.cg, seen(o.z, d->pad_front, z, d->dilation_d, d->stride_d, d->depth),
                              seen(o.y, d->pad_top, r, d->dilation_h, d->stride_h, d->h), seen(o.x, d->pad_left, s, d->dilation_w, d->stride_w, d->w)};
            if (in.z >= 0 && in.y >= 0 && in.x >= 0)
                sum += dot(x, &t.x, at(&t.x, in), t.x.stride[1], w, &t.w, at(&t.w, (place){o.c, 0, z, r, s}), t.w.stride[1], t.c.cg);
        }
        finish(&d->fused, &t.y, o, y, sum);
    }
}

void ref_conv_data_gradient(const cairn_conv *given, const void *dy, const void *w, void *dx)
{
    const tensors t = tensors_of(given);
    const cairn_conv *d = &t.c.d;
    for (int64_t i = 0; i < layout_elements(&t.x); i++) {
        const place in = place_of(&t.x, i);
        const int64_t k = in.c / t.c.cg * t.c.kg;
        double sum = 0;
        EACH_TAP(*d) {
            const place o = {in.n, k, seen_from(in.z, d->pad_front, z, d->dilation_d, d->stride_d, t.c.od),
                             seen_from(in.y, d->pad_top, r, d->dilation_h, d->stride_h, t.c.oh),
                             seen_from(in.x, d->pad_left, s, d->dilation_w, d->stride_w, t.c.ow)};
            if (o.z >= 0 && o.y >= 0 && o.x >= 0)
                sum += dot(dy, &t.y, at(&t.y, o), t.y.stride[1], w, &t.w, at(&t.w, (place){k, in.c % t.c.cg, z, r, s}), t.w.stride[0], t.c.kg);
        }
        finish(&d->fused, &t.x, in, dx, sum);
    }
}

void ref_conv_weight_gradient(const cairn_conv *given, const void *x, const void *dy, void *dw)
{
    const tensors t = tensors_of(given);
    const cairn_conv *d = &t.c.d;
    for (int64_t i = 0; i < layout_elements(&t.w); i++) {
        const place tap = place_of(&t.w, i);
        int64_t first = 0, end = t.c.ow; /* output columns that see the image through the tap */
        while (first < end && seen(first, d->pad_left, tap.x, d->dilation_w, d->stride_w, d->w) < 0)
            first++;
        while (end > first && seen(end - 1, d->pad_left, tap.x, d->dilation_w, d->stride_w, d->w) < 0)
            end--;
        double sum = 0;
        for (int64_t row = 0; row < d->n * t.c.od * t.c.oh && first < end; row++) {
            const place o = {row / t.c.oh / t.c.od, tap.n, row / t.c.oh % t.c.od, row % t.c.oh, first};
            const place in = {o.n, tap.n / t.c.kg * t.c.cg + tap.c, seen(o.z, d->pad_front, tap.z, d->dilation_d, d->stride_d, d->depth),
                              seen(o.y, d->pad_top, tap.y, d->dilation_h, d->stride_h, d->h), first * d->stride_w + tap.x * d->dilation_w - d->pad_left};
            if (in.z >= 0 && in.y >= 0)
                sum += dot(dy, &t.y, at(&t.y, o), t.y.stride[4], x, &t.x, at(&t.x, in), t.x.stride[4] * d->stride_w, end - first);
        }
        store(dw, t.w.type, at(&t.w, tap), sum);
    }
}

void ref_conv_bias_gradient(const cairn_conv *d, const void *dy, void *db)
{
    const tensors t = tensors_of(d);
    for (int64_t k = 0; k < d->k; k++) {
        double sum = 0;
        for (int64_t i = 0; i < layout_elements(&t.y); i++) {
            const place p = place_of(&t.y, i);
            if (p.c == k)
                sum += load(dy, t.y.type, at(&t.y, p));
        }
        store(db, t.y.type, k, sum);
    }
}
