/* Images: windows as columns and pixel shuffling, composed; resizing. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include "primitives/slots.h"
#include <cairn/dnn.h>
#include <cairn/functional.h>

typedef cairn_tensor T;

static const shape *image(const char *op, T *x)
{
    value *v = handle_value(x);
    if (v && v->shape.rank != 4) {
        error_set(CAIRN_E_SHAPE, "%s: %s is not (N, C, H, W)", op, SHAPE(&v->shape));
        return NULL;
    }
    return v ? &v->shape : NULL;
}

/* ---- Windows as columns */

typedef struct windows {
    int64_t r, stride, dilation, padding, count;     /* along one axis of the image */
} windows;

static bool find_windows(const char *op, const cairn_conv_options *o, int axis, int64_t n, int64_t r, windows *w)
{
    *w = (windows){.r = r, .stride = 1, .dilation = 1};
    if (o) {
        w->stride = o->stride[axis] ? o->stride[axis] : 1;
        w->dilation = o->dilation[axis] ? o->dilation[axis] : 1;
        w->padding = o->padding[axis];
    }
    int64_t room = n + 2 * w->padding - w->dilation * (r - 1) - 1;
    if (r < 1 || w->stride < 1 || w->dilation < 1 || w->padding < 0 || room < 0) {
        error_set(CAIRN_E_SHAPE, "%s: no window of %lld in %lld", op, (long long)r, (long long)n);
        return false;
    }
    w->count = room / w->stride + 1;
    return true;
}

/* i64 (r, count): where in the padded image each element of each window is. */
static T *window_index(const windows *w)
{
    int64_t *at;
    T *index = leaf_new(&CAIRN_SHAPE(w->r, w->count), CAIRN_I64, (void **)&at);
    for (int64_t i = 0; index && i < w->r; i++)
        for (int64_t j = 0; j < w->count; j++)
            at[i * w->count + j] = i * w->dilation + j * w->stride;
    return index;
}

/* (N, C, H, W) -> (N, C, R, OH, S, OW) -> (N, C R S, OH OW) */
cairn_tensor *cairn_f_unfold(T *x, int64_t r, int64_t s, const cairn_conv_options *options)
{
    const shape *of = image("unfold", x);
    windows h, w;
    if (!of || !find_windows("unfold", options, 0, of->size[2], r, &h) || !find_windows("unfold", options, 1, of->size[3], s, &w))
        return NULL;
    cairn_mark m = cairn_scope_push();
    T *padded = cairn_pad(x, 2, (int64_t[]){w.padding, w.padding, h.padding, h.padding}, CAIRN_PAD_CONSTANT, 0);
    T *y = cairn_index_select(cairn_index_select(padded, 2, window_index(&h)), 4, window_index(&w));
    y = cairn_permute(y, CAIRN_AXES(0, 1, 2, 4, 3, 5));
    return cairn_scope_pop(m, cairn_reshape(y, CAIRN_SHAPE(of->size[0], of->size[1] * r * s, h.count * w.count)));
}

cairn_tensor *cairn_f_fold(T *x, int64_t height, int64_t width, int64_t r, int64_t s, const cairn_conv_options *options)
{
    value *v = handle_value(x);
    windows h, w;
    if (!v || !find_windows("fold", options, 0, height, r, &h) || !find_windows("fold", options, 1, width, s, &w))
        return NULL;
    const shape *of = &v->shape;
    if (of->rank != 3 || of->size[1] % (r * s) || of->size[2] != h.count * w.count) {
        error_set(CAIRN_E_SHAPE, "fold: %s is not (N, C %lld, %lld)", SHAPE(of), (long long)(r * s), (long long)(h.count * w.count));
        return NULL;
    }
    int64_t n = of->size[0], c = of->size[1] / (r * s), ph = height + 2 * h.padding, pw = width + 2 * w.padding;
    cairn_mark m = cairn_scope_push();
    T *y = cairn_permute(cairn_reshape(x, CAIRN_SHAPE(n, c, r, s, h.count, w.count)), CAIRN_AXES(0, 1, 2, 4, 3, 5));
    y = cairn_reshape(y, CAIRN_SHAPE(n, c, r * h.count, s * w.count));
    T *columns = cairn_zeros(CAIRN_SHAPE(n, c, r * h.count, pw), (cairn_dtype)v->type), *rows = cairn_zeros(CAIRN_SHAPE(n, c, ph, pw), (cairn_dtype)v->type);
    y = cairn_index_add(columns, 3, cairn_flatten(window_index(&w), 0, 1), y);
    y = cairn_index_add(rows, 2, cairn_flatten(window_index(&h), 0, 1), y);
    return cairn_scope_pop(m, cairn_narrow(cairn_narrow(y, 2, h.padding, height), 3, w.padding, width));
}

/* ---- Pixel shuffling */

static bool divides(const char *op, const shape *s, int64_t factor, int64_t n)
{
    if (factor >= 1 && n % factor == 0)
        return true;
    error_set(CAIRN_E_SHAPE, "%s: by %lld of %s", op, (long long)factor, SHAPE(s));
    return false;
}

cairn_tensor *cairn_f_pixel_shuffle(T *x, int64_t factor)
{
    const shape *s = image("pixel_shuffle", x);
    if (!s || !divides("pixel_shuffle", s, factor * factor, s->size[1]))
        return NULL;
    int64_t n = s->size[0], c = s->size[1] / (factor * factor), h = s->size[2], w = s->size[3];
    cairn_mark m = cairn_scope_push();
    T *y = cairn_permute(cairn_reshape(x, CAIRN_SHAPE(n, c, factor, factor, h, w)), CAIRN_AXES(0, 1, 4, 2, 5, 3));
    return cairn_scope_pop(m, cairn_reshape(y, CAIRN_SHAPE(n, c, h * factor, w * factor)));
}

cairn_tensor *cairn_f_pixel_unshuffle(T *x, int64_t factor)
{
    const shape *s = image("pixel_unshuffle", x);
    if (!s || !divides("pixel_unshuffle", s, factor, s->size[2]) || !divides("pixel_unshuffle", s, factor, s->size[3]))
        return NULL;
    int64_t n = s->size[0], c = s->size[1], h = s->size[2] / factor, w = s->size[3] / factor;
    cairn_mark m = cairn_scope_push();
    T *y = cairn_permute(cairn_reshape(x, CAIRN_SHAPE(n, c, h, factor, w, factor)), CAIRN_AXES(0, 1, 3, 5, 2, 4));
    return cairn_scope_pop(m, cairn_reshape(y, CAIRN_SHAPE(n, c * factor * factor, h, w)));
}

/* ---- Resizing: linear, so that its gradient's gradient is itself */

typedef struct attr_resample {
    int32_t mode, align_corners;
    int64_t size[2], of[2];                  /* the output's, the input's h and w: each a result's shape */
} attr_resample;

static cairn_resample resampling(const attr_resample *a, cairn_dtype type, const shape *s)
{
    return (cairn_resample){.type = type, .mode = (cairn_resample_mode)a->mode, .align_corners = a->align_corners, .n = s->size[0], .c = s->size[1],
                            .h = a->of[0], .w = a->of[1], .oh = a->size[0], .ow = a->size[1]};
}

cairn_status infer_resample(const value *v, spec *out)
{
    const attr_resample *a = v->attr;
    const shape *s = &v->in[0]->shape;
    const int64_t *size = v->op == OP_resample ? a->size : a->of;
    *out = (spec){{4, {s->size[0], s->size[1], size[0], size[1]}}, (cairn_dtype)v->in[0]->type, true};
    return CAIRN_OK;
}

cairn_status run_resample(const op_run *r)
{
    const cairn_resample d = resampling(r->v->attr, r->out.type, &r->in[0].shape);
    return (r->v->op == OP_resample ? cairn_resample_forward : cairn_resample_gradient)(&d, r->in[0].data, r->out.data);
}

void gradient_resample(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    dx[0] = op_build1(v->op == OP_resample ? OP_resample_gradient : OP_resample, dy, v->attr, v->attr_bytes);
}

static T *interpolate(const char *op, cairn_resample_mode mode, T *x, int64_t height, int64_t width, bool align_corners)
{
    const shape *s = image(op, x);
    if (!s)
        return NULL;
    const value *v = handle_value(x);
    const int64_t low = smaller(smaller(height, width), smaller(s->size[2], s->size[3])), high = larger(larger(height, width), larger(s->size[2], s->size[3]));
    if (low < 1 || high >= INT32_MAX || !type_is_float((cairn_dtype)v->type)) {
        error_set(low < 1 || high >= INT32_MAX ? CAIRN_E_SHAPE : CAIRN_E_TYPE, "%s: %s %s to %lld x %lld", op, cairn_dtype_name((cairn_dtype)v->type),
                  SHAPE(s), (long long)height, (long long)width);
        return NULL;
    }
    const attr_resample a = {.mode = mode, .align_corners = align_corners, .size = {height, width}, .of = {s->size[2], s->size[3]}};
    return op_build1(OP_resample, x, &a, sizeof a);
}

cairn_tensor *cairn_f_interpolate_nearest(T *x, int64_t height, int64_t width)
{
    value *v = handle_value(x);
    const cairn_dtype type = v ? (cairn_dtype)v->type : CAIRN_F32;
    if (!type_is_float(type)) /* pixels alone are moved: f64 holds any image's */
        COMPOSED(cairn_to(cairn_f_interpolate_nearest(cairn_to(x, CAIRN_F64), height, width), type));
    return interpolate("interpolate_nearest", CAIRN_NEAREST, x, height, width, false);
}

cairn_tensor *cairn_f_interpolate_bilinear(T *x, int64_t height, int64_t width, bool align_corners)
{
    return interpolate("interpolate_bilinear", CAIRN_BILINEAR, x, height, width, align_corners);
}

cairn_tensor *cairn_f_interpolate_bicubic(T *x, int64_t height, int64_t width, bool align_corners)
{
    return interpolate("interpolate_bicubic", CAIRN_BICUBIC, x, height, width, align_corners);
}
