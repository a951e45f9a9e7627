/* Images, composed: windows as columns, pixel shuffling, resizing, adaptive pooling (of volumes too). */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/functional.h>
#include <math.h>

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

/* ---- Resizing: one axis after the other */

static bool size_ok(const char *op, const shape *s, int64_t height, int64_t width)
{
    if (height > 0 && width > 0 && s->size[2] > 0 && s->size[3] > 0)
        return true;
    error_set(CAIRN_E_SHAPE, "%s: %s to %lld x %lld", op, SHAPE(s), (long long)height, (long long)width);
    return false;
}

static T *nearest(T *x, int axis, int64_t to)
{
    int64_t n = cairn_size(x, axis), *at;
    if (n == to)
        return x;
    T *index = leaf_new(&CAIRN_SHAPE(to), CAIRN_I64, (void **)&at);
    for (int64_t i = 0; index && i < to; i++) {
        at[i] = (int64_t)floorf((float)i * ((float)n / (float)to));      /* in f32, as PyTorch: so the same pixels */
        at[i] = at[i] < n ? at[i] : n - 1;
    }
    return cairn_index_select(x, axis, index);
}

cairn_tensor *cairn_f_interpolate_nearest(T *x, int64_t height, int64_t width)
{
    const shape *s = image("interpolate_nearest", x);
    if (!s || !size_ok("interpolate_nearest", s, height, width))
        return NULL;
    COMPOSED(nearest(nearest(x, 2, height), 3, width));
}

static T *linear(T *x, int axis, int64_t to, bool corners)
{
    int64_t n = cairn_size(x, axis), *low, *high;
    double *weight;
    if (n == to)
        return x;
    shape broadcast = {4, {1, 1, 1, 1}};
    broadcast.size[axis] = to;
    T *a = leaf_new(&CAIRN_SHAPE(to), CAIRN_I64, (void **)&low), *b = leaf_new(&CAIRN_SHAPE(to), CAIRN_I64, (void **)&high);
    T *w = leaf_new(&broadcast, CAIRN_F64, (void **)&weight);
    double step = corners ? (to > 1 ? (double)(n - 1) / (double)(to - 1) : 0) : (double)n / (double)to;
    for (int64_t i = 0; a && b && w && i < to; i++) {
        double at = corners ? (double)i * step : fmax(((double)i + 0.5) * step - 0.5, 0);
        low[i] = (int64_t)at < n - 1 ? (int64_t)at : n - 1;
        high[i] = low[i] + 1 < n ? low[i] + 1 : low[i];
        weight[i] = at - (double)low[i];
    }
    return cairn_lerp(cairn_index_select(x, axis, a), cairn_index_select(x, axis, b), w ? cairn_to(w, cairn_dtype_of(x)) : NULL);
}

cairn_tensor *cairn_f_interpolate_bilinear(T *x, int64_t height, int64_t width, bool align_corners)
{
    const shape *s = image("interpolate_bilinear", x);
    if (!s || !size_ok("interpolate_bilinear", s, height, width))
        return NULL;
    COMPOSED(linear(linear(x, 2, height, align_corners), 3, width, align_corners));
}

/* Weights of the four pixels around a place that is t behind the second of them: Keys' kernel with a = -0.75. */
static void cubic_weights(double t, double w[4])
{
    const double a = -0.75;
    for (int k = 0; k < 4; k++) {
        double d = fabs(t + 1 - k);
        w[k] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    }
}

static T *cubic(T *x, int axis, int64_t to, bool corners)
{
    int64_t n = cairn_size(x, axis), *at[4];
    double *weight[4], step = corners ? (to > 1 ? (double)(n - 1) / (double)(to - 1) : 0) : (double)n / (double)to, w[4];
    if (n == to)
        return x;
    shape broadcast = {4, {1, 1, 1, 1}};
    broadcast.size[axis] = to;
    T *index[4], *factor[4], *sum = NULL;
    for (int k = 0; k < 4; k++) {
        index[k] = leaf_new(&CAIRN_SHAPE(to), CAIRN_I64, (void **)&at[k]);
        factor[k] = leaf_new(&broadcast, CAIRN_F64, (void **)&weight[k]);
        if (!index[k] || !factor[k])
            return NULL;
    }
    for (int64_t i = 0; i < to; i++) {
        double place = corners ? (double)i * step : ((double)i + 0.5) * step - 0.5, first = floor(place);
        cubic_weights(place - first, w);
        for (int k = 0; k < 4; k++) {
            int64_t pixel = (int64_t)first - 1 + k;
            at[k][i] = pixel < 0 ? 0 : pixel < n ? pixel : n - 1;
            weight[k][i] = w[k];
        }
    }
    for (int k = 0; k < 4; k++) {
        T *part = cairn_mul(cairn_index_select(x, axis, index[k]), cairn_to(factor[k], cairn_dtype_of(x)));
        sum = sum ? cairn_add(sum, part) : part;
    }
    return sum;
}

cairn_tensor *cairn_f_interpolate_bicubic(T *x, int64_t height, int64_t width, bool align_corners)
{
    const shape *s = image("interpolate_bicubic", x);
    if (!s || !size_ok("interpolate_bicubic", s, height, width))
        return NULL;
    COMPOSED(cubic(cubic(x, 2, height, align_corners), 3, width, align_corners));
}

/* ---- Adaptive pooling: windows floor(i n / to) ... ceil((i + 1) n / to) along each axis */

static T *adaptive(T *x, int axis, int64_t to, bool largest)
{
    if (!x)
        return NULL;
    int64_t n = cairn_size(x, axis);
    T **parts = mem_array((size_t)(to > 0 ? to : 1), sizeof *parts);
    if (!parts)
        return NULL;
    for (int64_t i = 0; i < to; i++) {
        int64_t start = i * n / to, end = ((i + 1) * n + to - 1) / to;
        T *window = cairn_narrow(x, axis, start, end - start);
        parts[i] = largest ? cairn_amax(window, CAIRN_AXES(axis), true) : cairn_mean(window, CAIRN_AXES(axis), true);
    }
    T *y = to == 1 ? parts[0] : cairn_cat((int)to, parts, axis);
    mem_free(parts);
    return y;
}

cairn_tensor *cairn_f_adaptive_avg_pool2d(T *x, int64_t height, int64_t width)
{
    const shape *s = image("adaptive_avg_pool2d", x);
    if (!s || !size_ok("adaptive_avg_pool2d", s, height, width))
        return NULL;
    if (height == 1 && width == 1)
        return cairn_mean(x, CAIRN_AXES(2, 3), true);
    if (s->size[2] % height == 0 && s->size[3] % width == 0)
        return cairn_f_avg_pool2d(x, s->size[2] / height, s->size[3] / width, NULL);
    COMPOSED(adaptive(adaptive(x, 2, height, false), 3, width, false));
}

cairn_tensor *cairn_f_adaptive_max_pool2d(T *x, int64_t height, int64_t width)
{
    const shape *s = image("adaptive_max_pool2d", x);
    if (!s || !size_ok("adaptive_max_pool2d", s, height, width))
        return NULL;
    if (s->size[2] % height == 0 && s->size[3] % width == 0)
        return cairn_f_max_pool2d(x, s->size[2] / height, s->size[3] / width, NULL);
    COMPOSED(adaptive(adaptive(x, 2, height, true), 3, width, true));
}

cairn_tensor *cairn_f_adaptive_avg_pool1d(T *x, int64_t width)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (v->shape.rank != 3) {
        error_set(CAIRN_E_SHAPE, "adaptive_avg_pool1d: %s is not (N, C, L)", SHAPE(&v->shape));
        return NULL;
    }
    COMPOSED(cairn_squeeze(cairn_f_adaptive_avg_pool2d(cairn_unsqueeze(x, 2), 1, width), 2));
}

cairn_tensor *cairn_f_adaptive_max_pool1d(T *x, int64_t width)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (v->shape.rank != 3) {
        error_set(CAIRN_E_SHAPE, "adaptive_max_pool1d: %s is not (N, C, L)", SHAPE(&v->shape));
        return NULL;
    }
    COMPOSED(cairn_squeeze(cairn_f_adaptive_max_pool2d(cairn_unsqueeze(x, 2), 1, width), 2));
}

static T *adaptive3d(const char *op, T *x, int64_t depth, int64_t height, int64_t width, bool largest)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    const shape *s = &v->shape;
    if (s->rank != 5 || depth < 1 || height < 1 || width < 1 || s->size[2] < 1 || s->size[3] < 1 || s->size[4] < 1) {
        error_set(CAIRN_E_SHAPE, "%s: %s to %lld x %lld x %lld", op, SHAPE(s), (long long)depth, (long long)height, (long long)width);
        return NULL;
    }
    COMPOSED(adaptive(adaptive(adaptive(x, 2, depth, largest), 3, height, largest), 4, width, largest));
}

cairn_tensor *cairn_f_adaptive_avg_pool3d(T *x, int64_t depth, int64_t height, int64_t width)
{
    return adaptive3d("adaptive_avg_pool3d", x, depth, height, width, false);
}

cairn_tensor *cairn_f_adaptive_max_pool3d(T *x, int64_t depth, int64_t height, int64_t width)
{
    return adaptive3d("adaptive_max_pool3d", x, depth, height, width, true);
}
