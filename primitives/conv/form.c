/* The forward pass and each phase of the data gradient, as correlations. */
#include "primitives/conv/conv.h"
#include "primitives/slots.h"

static tap_axis forward_axis(int64_t taps, int64_t stride, int64_t dilation, int64_t pad)
{
    return (tap_axis){.count = taps, .tap_step = 1, .offset0 = -pad, .offset_step = dilation, .step = stride};
}

correlation conv_forward_form(const conv *c, const void *x, const void *w, void *y)
{
    const cairn_conv *d = &c->d;
    return (correlation){
        .kernel = c->kernel, .images = d->n, .groups = d->groups,
        .down = forward_axis(d->r, d->stride_h, d->dilation_h, d->pad_top),
        .across = forward_axis(d->s, d->stride_w, d->dilation_w, d->pad_left),
        .in = x, .ih = d->h, .iw = d->w, .channels = c->cg, .in_pixel = d->c,
        .out = y, .oh = c->oh, .ow = c->ow, .outs = c->kg,
        .out_image = c->oh * c->ow * d->k, .out_row = c->ow * d->k, .out_pixel = d->k,
        .w = w, .w_row = d->s * c->cg, .w_column = c->cg, .w_in = 1, .w_out = d->r * d->s * c->cg,
        .w_group = c->kg * d->r * d->s * c->cg,
        .epilogue = d->epilogue, .epilogue_context = d->epilogue_context,
    };
}

/* Pixel phase + i * stride of the input got its value's gradient from output pixel o through tap t where
 * o * stride + t * dilation - pad = phase + i * stride: taps with phase + pad - t * dilation divisible by the
 * stride, and o = i + (phase + pad - t * dilation) / stride. The last tap comes first, so that offsets rise. */
static tap_axis gradient_axis(int64_t taps, int64_t stride, int64_t dilation, int64_t pad, int64_t phase)
{
    tap_axis axis = {.step = 1, .offset_step = 1};
    int64_t first = -1, last = -1, second = -1;
    for (int64_t t = 0; t < taps; t++) {
        if ((phase + pad - t * dilation) % stride)
            continue;
        axis.count++;
        if (first >= 0 && second < 0)
            second = t;
        first = first < 0 ? t : first;
        last = t;
    }
    if (!axis.count)
        return axis;
    axis.tap0 = last;
    axis.tap_step = second < 0 ? -1 : first - second;
    axis.offset0 = (phase + pad - last * dilation) / stride;
    axis.offset_step = second < 0 ? 1 : (second - first) * dilation / stride;
    return axis;
}

correlation conv_data_gradient_form(const conv *c, const void *dy, const void *w, void *dx, int64_t ph, int64_t pw)
{
    const cairn_conv *d = &c->d;
    const int64_t bytes = c->kernel->element_bytes;
    return (correlation){
        .kernel = c->kernel, .images = d->n, .groups = d->groups,
        .down = gradient_axis(d->r, d->stride_h, d->dilation_h, d->pad_top, ph),
        .across = gradient_axis(d->s, d->stride_w, d->dilation_w, d->pad_left, pw),
        .in = dy, .ih = c->oh, .iw = c->ow, .channels = c->kg, .in_pixel = d->k,
        .out = (char *)dx + (ph * d->w + pw) * d->c * bytes,
        .oh = ph < d->h ? ceil_div(d->h - ph, d->stride_h) : 0, .ow = pw < d->w ? ceil_div(d->w - pw, d->stride_w) : 0,
        .outs = c->cg, .out_image = d->h * d->w * d->c, .out_row = d->stride_h * d->w * d->c, .out_pixel = d->stride_w * d->c,
        .w = w, .w_row = d->s * c->cg, .w_column = c->cg, .w_in = d->r * d->s * c->cg, .w_out = 1,
        .w_group = c->kg * d->r * d->s * c->cg,
    };
}
