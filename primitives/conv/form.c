/* The forward pass and each phase of the data gradient, as correlations. */
#include "primitives/conv/conv.h"
#include "primitives/finish.h"
#include "primitives/slots.h"

static tap_axis forward_axis(int64_t taps, int64_t stride, int64_t dilation, int64_t pad)
{
    return (tap_axis){.count = taps, .tap_step = 1, .offset0 = -pad, .offset_step = dilation, .step = stride};
}

static correlation with_weights(const conv *c, const void *w)
{
    const cairn_conv *d = &c->d;
    return (correlation){.kernel = c->kernel, .groups = d->groups, .w = w, .w_deep = d->r * d->s * c->cg, .w_row = d->s * c->cg,
                         .w_column = c->cg, .w_group = c->kg * d->t * d->r * d->s * c->cg,
                         .fused = finish_is_nothing(&d->fused) ? NULL : &d->fused, .residual = d->fused.residual};
}

correlation conv_forward_form(const conv *c, const void *x, const void *w, void *y)
{
    const cairn_conv *d = &c->d;
    correlation f = with_weights(c, w);
    f.slices = d->n * c->od;
    f.deep = forward_axis(d->t, d->stride_d, d->dilation_d, d->pad_front);
    f.down = forward_axis(d->r, d->stride_h, d->dilation_h, d->pad_top);
    f.across = forward_axis(d->s, d->stride_w, d->dilation_w, d->pad_left);
    f.in = x;
    f.id = d->depth, f.ih = d->h, f.iw = d->w, f.channels = c->cg, f.in_pixel = d->c;
    f.out = y;
    f.od = c->od, f.oh = c->oh, f.ow = c->ow, f.outs = c->kg;
    f.out_pixel = d->k, f.out_row = c->ow * d->k, f.out_slice = c->oh * f.out_row, f.out_image = c->od * f.out_slice;
    f.w_in = 1, f.w_out = d->t * d->r * d->s * c->cg;
    f.packed = c->packed;
    f.epilogue = d->epilogue, f.epilogue_context = d->epilogue_context;
    return f;
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

/* Phases of an axis that have pixels. */
static int64_t axis_phases(int64_t size, int64_t stride) { return smaller(stride, larger(size, 1)); }

int64_t conv_phases(const conv *c)
{
    return axis_phases(c->d.depth, c->d.stride_d) * axis_phases(c->d.h, c->d.stride_h) * axis_phases(c->d.w, c->d.stride_w);
}

/* How many pixels of an axis have the phase. */
static int64_t phase_size(int64_t size, int64_t stride, int64_t phase) { return phase < size ? ceil_div(size - phase, stride) : 0; }

correlation conv_data_gradient_form(const conv *c, const void *dy, const void *w, void *dx, int64_t phase)
{
    const cairn_conv *d = &c->d;
    const int64_t high = axis_phases(d->h, d->stride_h), wide = axis_phases(d->w, d->stride_w);
    const int64_t pw = phase % wide, ph = phase / wide % high, pd = phase / wide / high;
    const int64_t row = d->w * d->c, slice = d->h * row, first = (pd * slice + ph * row + pw * d->c) * c->kernel->element_bytes;
    correlation f = with_weights(c, w);
    f.deep = gradient_axis(d->t, d->stride_d, d->dilation_d, d->pad_front, pd);
    f.down = gradient_axis(d->r, d->stride_h, d->dilation_h, d->pad_top, ph);
    f.across = gradient_axis(d->s, d->stride_w, d->dilation_w, d->pad_left, pw);
    f.in = dy;
    f.id = c->od, f.ih = c->oh, f.iw = c->ow, f.channels = c->kg, f.in_pixel = d->k;
    f.out = (char *)dx + first;
    f.residual = f.residual ? f.residual + first : NULL;
    f.od = phase_size(d->depth, d->stride_d, pd), f.oh = phase_size(d->h, d->stride_h, ph), f.ow = phase_size(d->w, d->stride_w, pw);
    f.slices = d->n * f.od;
    f.outs = c->cg;
    f.out_pixel = d->stride_w * d->c, f.out_row = d->stride_h * row, f.out_slice = d->stride_d * slice, f.out_image = d->depth * slice;
    f.w_in = d->t * d->r * d->s * c->cg, f.w_out = 1;
    return f;
}

correlation conv_whole_form(const conv *c, void *dx)
{
    const cairn_conv *d = &c->d;
    correlation f = with_weights(c, NULL);
    f.slices = d->n * d->depth, f.od = d->depth, f.oh = d->h, f.ow = d->w, f.outs = c->cg;
    f.out = dx;
    f.out_pixel = d->c, f.out_row = d->w * d->c, f.out_slice = d->h * f.out_row, f.out_image = d->depth * f.out_slice;
    return f;
}

const char *conv_input_slice(const correlation *c, int64_t slice, int64_t t)
{
    const int64_t z = slice % c->od * c->deep.step + c->deep.offset0 + t * c->deep.offset_step;
    return z < 0 || z >= c->id ? NULL : c->in + (slice / c->od * c->id + z) * c->ih * c->iw * c->in_pixel * c->kernel->element_bytes;
}

void conv_finish(const correlation *c, int64_t slice0, int64_t slices, int64_t row0, int64_t rows, int64_t column0, int64_t columns)
{
    const int64_t bytes = c->kernel->element_bytes;
    const bool even = c->out_row == c->ow * c->out_pixel; /* rows follow one another */
    const int64_t lines = even ? 1 : rows, length = even ? rows * c->ow : c->ow;
    for (int64_t i = 0; c->fused && i < slices * lines; i++) {
        const int64_t at = (conv_slice_at(c, slice0 + i / lines) + (row0 + i % lines) * c->out_row + column0) * bytes;
        finish_block(c->fused, bytes == 8 ? CAIRN_F64 : CAIRN_F32, length, columns, c->out + at, c->out_pixel, column0,
                     c->residual ? c->residual + at : NULL, c->out_pixel);
    }
    if (c->epilogue)
        c->epilogue(c->epilogue_context, 0, (slice0 * c->oh + row0) * c->ow, ((slices - 1) * c->oh + rows) * c->ow, column0, columns);
}
