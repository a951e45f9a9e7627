/* Pooling of (N, C, H, W), channels last in memory. The gradient of max pooling finds the maxima again, which costs
 * less than keeping their positions. */
#include "framework/ops/rules.h"
#include <cairn/dnn.h>
#include <cairn/functional.h>
#include <string.h>

typedef struct attr_pool {
    int32_t window[2], stride[2], padding[2], dilation[2];
    int32_t ceil_mode, exclude_padding;
    int32_t adaptive[2];                     /* the output's size, or 0: then the others are 0 */
    int32_t size[2];                         /* average gradient: h, w of the image */
} attr_pool;

static cairn_pool descriptor(const attr_pool *a, cairn_dtype type, const shape *x)
{
    return (cairn_pool){.type = type, .n = x->size[0], .c = x->size[1], .h = x->size[2], .w = x->size[3], .r = a->window[0],
                        .s = a->window[1], .stride_h = a->stride[0], .stride_w = a->stride[1], .dilation_h = a->dilation[0],
                        .dilation_w = a->dilation[1], .pad_top = a->padding[0], .pad_bottom = a->padding[0], .pad_left = a->padding[1],
                        .pad_right = a->padding[1], .count_include_pad = !a->exclude_padding, .ceil_mode = a->ceil_mode,
                        .adaptive_h = a->adaptive[0], .adaptive_w = a->adaptive[1]};
}

static cairn_status pooled_shape(const value *v, const shape *x, shape *y)
{
    cairn_pool d = descriptor(v->attr, (cairn_dtype)v->in[0]->type, x);
    *y = (shape){4, {x->size[0], x->size[1]}};
    return cairn_pool_output_size(&d, &y->size[2], &y->size[3]);
}

/* x -> y */
cairn_status infer_pool(const value *v, spec *out)
{
    out->type = (cairn_dtype)v->in[0]->type;
    out->channels_last = true;
    return pooled_shape(v, &v->in[0]->shape, &out->shape);
}

/* x -> the position h * W + w of each maximum, i64, row-major */
cairn_status infer_max_pool_index(const value *v, spec *out)
{
    out->type = CAIRN_I64;
    return pooled_shape(v, &v->in[0]->shape, &out->shape);
}

/* (x, dy) -> dx */
cairn_status infer_max_pool_gradient(const value *v, spec *out)
{
    shape y;
    *out = (spec){v->in[0]->shape, (cairn_dtype)v->in[0]->type, true};
    cairn_status s = pooled_shape(v, &out->shape, &y);
    if (!s && !shape_equal(&y, &v->in[1]->shape))
        return error_set(CAIRN_E_SHAPE, "max_pool_gradient: %s pools to %s, not %s", SHAPE(&out->shape), SHAPE(&y), SHAPE(&v->in[1]->shape));
    return s;
}

/* dy -> dx */
cairn_status infer_avg_pool_gradient(const value *v, spec *out)
{
    const attr_pool *a = v->attr;
    const shape *dy = &v->in[0]->shape;
    shape y;
    *out = (spec){{4, {dy->size[0], dy->size[1], a->size[0], a->size[1]}}, (cairn_dtype)v->in[0]->type, true};
    cairn_status s = pooled_shape(v, &out->shape, &y);
    if (!s && !shape_equal(&y, dy))
        return error_set(CAIRN_E_SHAPE, "avg_pool_gradient: %s pools to %s, not %s", SHAPE(&out->shape), SHAPE(&y), SHAPE(dy));
    return s;
}

cairn_status run_max_pool(const op_run *r)
{
    cairn_pool d = descriptor(r->v->attr, r->out.type, &r->in[0].shape);
    return cairn_max_pool_forward(&d, r->in[0].data, r->out.data, NULL);
}

cairn_status run_avg_pool(const op_run *r)
{
    cairn_pool d = descriptor(r->v->attr, r->out.type, &r->in[0].shape);
    return cairn_average_pool_forward(&d, r->in[0].data, r->out.data);
}

cairn_status run_avg_pool_gradient(const op_run *r)
{
    cairn_pool d = descriptor(r->v->attr, r->out.type, &r->out.shape);
    return cairn_average_pool_gradient(&d, r->in[0].data, r->out.data);
}

/* ---- The maxima found again: in the workspace, their values (which nobody needs) and their positions */

static int64_t pooled_numel(const value *v)
{
    return shape_numel(v->op == OP_max_pool_index ? &v->shape : &v->in[1]->shape);
}

static int64_t values_bytes(const value *v) { return (pooled_numel(v) * cairn_dtype_bytes(v->in[0]->type) + 63) / 64 * 64; }
int64_t workspace_max_pool(const op_run *r) { return values_bytes(r->v) + pooled_numel(r->v) * (int64_t)sizeof(int32_t); }

static cairn_status find_maxima(const op_run *r, cairn_pool *d, int32_t **index)
{
    *d = descriptor(r->v->attr, r->in[0].type, &r->in[0].shape);
    *index = (int32_t *)((char *)r->workspace + values_bytes(r->v));
    return cairn_max_pool_forward(d, r->in[0].data, r->workspace, *index);
}

cairn_status run_max_pool_gradient(const op_run *r)
{
    cairn_pool d;
    int32_t *index;
    cairn_status s = find_maxima(r, &d, &index);
    return s ? s : cairn_max_pool_gradient(&d, r->in[1].data, index, r->out.data);
}

cairn_status run_max_pool_index(const op_run *r)
{
    cairn_pool d;
    int32_t *index;
    cairn_status s = find_maxima(r, &d, &index);
    view from = {.data = index, .type = CAIRN_I32, .shape = r->out.shape};
    dense_strides(&from.shape, true, from.stride);
    return s ? s : copy_view(&from, &r->out);
}

/* ---- Gradients */

void gradient_max_pool(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    dx[0] = op_build2(OP_max_pool_gradient, input(v, 0), dy, v->attr, v->attr_bytes);
}

/* dx is linear in dy: each dy goes to the place of its maximum, so each dz comes from there. */
void gradient_max_pool_gradient(const value *v, cairn_tensor *dz, cairn_tensor **dx)
{
    if (!wants_gradient(v, 1))
        return;
    cairn_tensor *index = op_build1(OP_max_pool_index, input(v, 0), v->attr, v->attr_bytes);
    cairn_tensor *taken = cairn_gather(cairn_flatten(dz, 2, 3), 2, cairn_flatten(index, 2, 3));
    dx[1] = cairn_reshape(taken, v->in[1]->shape);
}

void gradient_avg_pool(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    attr_pool a = *(const attr_pool *)v->attr;
    a.size[0] = (int32_t)v->in[0]->shape.size[2];
    a.size[1] = (int32_t)v->in[0]->shape.size[3];
    dx[0] = op_build1(OP_avg_pool_gradient, dy, &a, sizeof a);
}

void gradient_avg_pool_gradient(const value *v, cairn_tensor *dz, cairn_tensor **dx)
{
    attr_pool a = *(const attr_pool *)v->attr;
    a.size[0] = a.size[1] = 0;
    dx[0] = op_build1(OP_avg_pool, dz, &a, sizeof a);
}

/* ---- Front functions */

static bool in_range(int64_t x, int64_t low) { return x >= low && x <= INT32_MAX; }

static bool pool_attr(const char *op, cairn_tensor *x, int64_t height, int64_t width, const cairn_pool_options *o, attr_pool *a)
{
    static const cairn_pool_options plain;
    value *v = handle_value(x);
    int64_t window[2] = {height, width};
    o = o ? o : &plain;
    memset(a, 0, sizeof *a);
    if (!v)
        return false;
    if (v->shape.rank != 4 || !type_is_float((cairn_dtype)v->type) || !in_range(v->shape.size[2], 0) || !in_range(v->shape.size[3], 0)) {
        error_set(CAIRN_E_SHAPE, "%s: needs a floating (N, C, H, W), got %s of %s", op, cairn_dtype_name((cairn_dtype)v->type), SHAPE(&v->shape));
        return false;
    }
    bool good = true;
    for (int i = 0; i < 2; i++) {
        good = good && in_range(window[i], 1) && in_range(o->stride[i], 0) && in_range(o->padding[i], 0) && in_range(o->dilation[i], 0) &&
               2 * o->padding[i] <= window[i];
        a->window[i] = (int32_t)window[i];
        a->stride[i] = (int32_t)(o->stride[i] ? o->stride[i] : window[i]);
        a->padding[i] = (int32_t)o->padding[i];
        a->dilation[i] = (int32_t)(o->dilation[i] ? o->dilation[i] : 1);
    }
    a->ceil_mode = o->ceil_mode;
    a->exclude_padding = o->exclude_padding;
    if (!good)
        error_set(CAIRN_E_ARGUMENT, "%s: a window of %lld x %lld; strides and dilations must be positive, the padding at most half of the window",
                  op, (long long)height, (long long)width);
    return good;
}

static cairn_tensor *pooled(op_id op, cairn_tensor *x, const attr_pool *a) { return op_build1(op, x, a, sizeof *a); }

cairn_tensor *cairn_f_max_pool2d(cairn_tensor *x, int64_t height, int64_t width, const cairn_pool_options *options)
{
    attr_pool a;
    return pool_attr("max_pool2d", x, height, width, options, &a) ? pooled(OP_max_pool, x, &a) : NULL;
}

cairn_tensor *cairn_f_avg_pool2d(cairn_tensor *x, int64_t height, int64_t width, const cairn_pool_options *options)
{
    attr_pool a;
    if (!pool_attr("avg_pool2d", x, height, width, options, &a))
        return NULL;
    a.dilation[0] = a.dilation[1] = 1;
    return pooled(OP_avg_pool, x, &a);
}

cairn_tensor *cairn_f_max_pool2d_with_indices(cairn_tensor *x, int64_t height, int64_t width, const cairn_pool_options *options,
                                              cairn_tensor **index)
{
    attr_pool a;
    *index = NULL;
    if (!pool_attr("max_pool2d", x, height, width, options, &a))
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *results[2] = {pooled(OP_max_pool, x, &a), pooled(OP_max_pool_index, x, &a)};
    bool whole = results[0] && results[1];
    cairn_scope_pop_list(m, whole ? 2 : 0, results);
    *index = whole ? results[1] : NULL;
    return whole ? results[0] : NULL;
}

/* One axis: an image of height 1. */
static cairn_tensor *pool1d(cairn_tensor *(*pool2d)(cairn_tensor *, int64_t, int64_t, const cairn_pool_options *), cairn_tensor *x,
                            int64_t width, const cairn_pool_options *o)
{
    cairn_pool_options flat = {{0}};
    if (o)
        flat = (cairn_pool_options){.stride = {1, o->stride[0]}, .padding = {0, o->padding[0]}, .dilation = {1, o->dilation[0]},
                                    .ceil_mode = o->ceil_mode, .exclude_padding = o->exclude_padding};
    COMPOSED(cairn_squeeze(pool2d(cairn_unsqueeze(x, -2), 1, width, &flat), -2));
}
cairn_tensor *cairn_f_max_pool1d(cairn_tensor *x, int64_t width, const cairn_pool_options *options) { return pool1d(cairn_f_max_pool2d, x, width, options); }
cairn_tensor *cairn_f_avg_pool1d(cairn_tensor *x, int64_t width, const cairn_pool_options *options) { return pool1d(cairn_f_avg_pool2d, x, width, options); }

/* ---- Adaptive: windows floor(i n / to) ... ceil((i + 1) n / to) along each axis */

static cairn_tensor *adaptive(const char *op, op_id id, cairn_tensor *x, int64_t height, int64_t width)
{
    value *v = handle_value(x);
    const shape *s = v ? &v->shape : NULL;
    if (!v)
        return NULL;
    if (s->rank != 4 || !type_is_float((cairn_dtype)v->type) || !in_range(s->size[2], 1) || !in_range(s->size[3], 1) || !in_range(height, 1) ||
        !in_range(width, 1)) {
        error_set(CAIRN_E_SHAPE, "%s: needs a floating (N, C, H, W), got %s %s to %lld x %lld", op, cairn_dtype_name((cairn_dtype)v->type), SHAPE(s),
                  (long long)height, (long long)width);
        return NULL;
    }
    return pooled(id, x, &(attr_pool){.adaptive = {(int32_t)height, (int32_t)width}});
}

cairn_tensor *cairn_f_adaptive_avg_pool2d(cairn_tensor *x, int64_t height, int64_t width)
{
    value *v = height == 1 && width == 1 ? handle_value(x) : NULL;
    if (v && v->shape.rank == 4 && v->shape.size[2] && v->shape.size[3] && type_is_float((cairn_dtype)v->type))
        return cairn_mean(x, CAIRN_AXES(2, 3), true);
    return adaptive("adaptive_avg_pool2d", OP_avg_pool, x, height, width);
}

cairn_tensor *cairn_f_adaptive_max_pool2d(cairn_tensor *x, int64_t height, int64_t width)
{
    return adaptive("adaptive_max_pool2d", OP_max_pool, x, height, width);
}

static cairn_tensor *adaptive1d(const char *op, cairn_tensor *(*pool2d)(cairn_tensor *, int64_t, int64_t), cairn_tensor *x, int64_t width)
{
    value *v = handle_value(x);
    if (v && v->shape.rank != 3)
        error_set(CAIRN_E_SHAPE, "%s: %s is not (N, C, L)", op, SHAPE(&v->shape));
    if (!v || v->shape.rank != 3)
        return NULL;
    COMPOSED(cairn_squeeze(pool2d(cairn_unsqueeze(x, 2), 1, width), 2));
}
cairn_tensor *cairn_f_adaptive_avg_pool1d(cairn_tensor *x, int64_t width) { return adaptive1d("adaptive_avg_pool1d", cairn_f_adaptive_avg_pool2d, x, width); }
cairn_tensor *cairn_f_adaptive_max_pool1d(cairn_tensor *x, int64_t width) { return adaptive1d("adaptive_max_pool1d", cairn_f_adaptive_max_pool2d, x, width); }

/* The plane, then the depth: of an image of D x H W pixels. */
static cairn_tensor *adaptive3d(const char *op, cairn_tensor *(*pool2d)(cairn_tensor *, int64_t, int64_t), cairn_tensor *x, int64_t depth, int64_t height,
                                int64_t width)
{
    value *v = handle_value(x);
    const shape *s = v ? &v->shape : NULL;
    if (!v)
        return NULL;
    if (s->rank != 5 || depth < 1 || height < 1 || width < 1 || s->size[2] < 1 || s->size[3] < 1 || s->size[4] < 1) {
        error_set(CAIRN_E_SHAPE, "%s: %s to %lld x %lld x %lld", op, SHAPE(s), (long long)depth, (long long)height, (long long)width);
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    cairn_tensor *planes = pool2d(cairn_flatten(x, 1, 2), height, width);
    cairn_tensor *y = pool2d(cairn_reshape(planes, CAIRN_SHAPE(s->size[0], s->size[1], s->size[2], height * width)), depth, height * width);
    return cairn_scope_pop(m, cairn_reshape(y, CAIRN_SHAPE(s->size[0], s->size[1], depth, height, width)));
}

cairn_tensor *cairn_f_adaptive_avg_pool3d(cairn_tensor *x, int64_t depth, int64_t height, int64_t width)
{
    return adaptive3d("adaptive_avg_pool3d", cairn_f_adaptive_avg_pool2d, x, depth, height, width);
}

cairn_tensor *cairn_f_adaptive_max_pool3d(cairn_tensor *x, int64_t depth, int64_t height, int64_t width)
{
    return adaptive3d("adaptive_max_pool3d", cairn_f_adaptive_max_pool2d, x, depth, height, width);
}
