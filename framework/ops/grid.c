/* Sampling where a grid says (Jaderberg et al., Spatial transformer networks, 2015), and pooling of volumes: composed. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/functional.h>

typedef cairn_tensor T;

static T *num(double x) { return cairn_number(x); }

/* ---- Grid sampling ------------------------------------------------------------------------------*/

/* -1 ... 1 to pixels: the centres of the outer pixels are at -1 and 1 (corners), or their outer edges are. */
static T *pixels(T *g, int64_t n, bool corners)
{
    T *whole = cairn_add(g, num(1));
    return corners ? cairn_mul(whole, num((double)(n - 1) / 2)) : cairn_mul(cairn_sub(cairn_mul(whole, num((double)n)), num(1)), num(0.5));
}

/* Mirrored at the outer pixels' centres or edges until it is inside. */
static T *mirrored(T *p, int64_t n, bool corners)
{
    double low = corners ? 0 : -0.5, span = corners ? (double)(n - 1) : (double)n;
    if (span == 0)
        return cairn_mul(p, num(0));
    T *far = cairn_abs(cairn_sub(p, num(low))), *rest = cairn_fmod(far, num(span));
    T *even = cairn_eq(cairn_remainder(cairn_floor(cairn_div(far, num(span))), num(2)), num(0));
    return cairn_add(cairn_where(even, rest, cairn_sub(num(span), rest)), num(low));
}

static T *placed(T *g, int64_t n, const cairn_grid_options *o)
{
    T *p = pixels(g, n, o->align_corners);
    if (o->padding == CAIRN_GRID_REFLECTION)
        p = mirrored(p, n, o->align_corners);
    return o->padding == CAIRN_GRID_ZEROS ? p : cairn_clamp(p, 0, (double)(n - 1));
}

/* The pixels at whole places (N, P) of flat (N, C, H W): 0 outside the image. */
static T *pick(T *flat, T *row, T *column, int64_t h, int64_t w)
{
    T *inside = cairn_logical_and(cairn_logical_and(cairn_ge(row, num(0)), cairn_le(row, num((double)(h - 1)))),
                                  cairn_logical_and(cairn_ge(column, num(0)), cairn_le(column, num((double)(w - 1)))));
    T *r = cairn_to(cairn_clamp(row, 0, (double)(h - 1)), CAIRN_I64), *c = cairn_to(cairn_clamp(column, 0, (double)(w - 1)), CAIRN_I64);
    T *at = cairn_unsqueeze(cairn_add(cairn_mul(r, cairn_integer(w)), c), 1);
    T *found = cairn_gather(flat, 2, cairn_expand(at, CAIRN_SHAPE(cairn_size(flat, 0), cairn_size(flat, 1), cairn_size(row, 1))));
    return cairn_where(cairn_unsqueeze(inside, 1), found, scalar_like(flat, 0));
}

static T *mixed(T *flat, T *y, T *x, int64_t h, int64_t w)
{
    T *top = cairn_floor(y), *left = cairn_floor(x), *sum = NULL;
    T *down = cairn_sub(y, top), *across = cairn_sub(x, left);
    for (int i = 0; i < 4; i++) {
        T *weight = cairn_mul(i / 2 ? down : cairn_sub(num(1), down), i % 2 ? across : cairn_sub(num(1), across));
        T *part = cairn_mul(pick(flat, cairn_add(top, num(i / 2)), cairn_add(left, num(i % 2)), h, w), cairn_unsqueeze(weight, 1));
        sum = sum ? cairn_add(sum, part) : part;
    }
    return sum;
}

static bool grid_fits(const value *x, const value *g)
{
    const shape *s = &x->shape, *t = &g->shape;
    bool fits = s->rank == 4 && t->rank == 4 && s->size[0] == t->size[0] && t->size[3] == 2 && s->size[2] > 0 && s->size[3] > 0;
    if (fits && type_is_float((cairn_dtype)x->type) && type_is_float((cairn_dtype)g->type))
        return true;
    error_set(fits ? CAIRN_E_TYPE : CAIRN_E_SHAPE, "grid_sample: an image of %s %s by a grid of %s %s", cairn_dtype_name((cairn_dtype)x->type),
              SHAPE(s), cairn_dtype_name((cairn_dtype)g->type), SHAPE(t));
    return false;
}

cairn_tensor *cairn_f_grid_sample(T *x, T *grid, const cairn_grid_options *options)
{
    static const cairn_grid_options plain;
    const cairn_grid_options *o = options ? options : &plain;
    value *v = handle_value(x), *g = handle_value(grid);
    if (!v || !g || !grid_fits(v, g))
        return NULL;
    const int64_t n = v->shape.size[0], c = v->shape.size[1], h = v->shape.size[2], w = v->shape.size[3];
    const int64_t oh = g->shape.size[1], ow = g->shape.size[2];
    cairn_dtype type = (cairn_dtype)v->type;
    cairn_mark m = cairn_scope_push();
    T *places = cairn_reshape(cairn_to(grid, type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32), CAIRN_SHAPE(n, oh * ow, 2));
    T *flat = cairn_reshape(cairn_to(x, type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32), CAIRN_SHAPE(n, c, h * w));
    T *row = placed(cairn_select(places, 2, 1), h, o), *column = placed(cairn_select(places, 2, 0), w, o);
    T *y = o->nearest ? pick(flat, cairn_round(row), cairn_round(column), h, w) : mixed(flat, row, column, h, w);
    return cairn_scope_pop(m, cairn_to(cairn_reshape(y, CAIRN_SHAPE(n, c, oh, ow)), type));
}

/* -1 ... 1 in n steps, of which the outer ones are half a step inside unless corners. */
static T *steps(int64_t n, bool corners, cairn_dtype type)
{
    double step = n > 1 ? 2.0 / (double)(n - 1) : 0, start = n > 1 ? -1 : 0, shrink = corners ? 1 : (double)(n - 1) / (double)n;
    return cairn_to(cairn_mul(cairn_add(cairn_mul(cairn_to(iota(n, 0, 1), CAIRN_F64), num(step)), num(start)), num(shrink)), type);
}

cairn_tensor *cairn_f_affine_grid(T *theta, int64_t height, int64_t width, bool align_corners)
{
    value *v = handle_value(theta);
    if (!v)
        return NULL;
    const shape *s = &v->shape;
    if (s->rank != 3 || s->size[1] != 2 || s->size[2] != 3 || height < 1 || width < 1 || !type_is_float((cairn_dtype)v->type)) {
        error_set(CAIRN_E_SHAPE, "affine_grid: takes a floating (N, 2, 3), got %s %s, to %lld x %lld", cairn_dtype_name((cairn_dtype)v->type),
                  SHAPE(s), (long long)height, (long long)width);
        return NULL;
    }
    cairn_dtype type = (cairn_dtype)v->type;
    const shape full = {2, {height, width}};
    cairn_mark m = cairn_scope_push();
    T *x = cairn_expand(cairn_unsqueeze(steps(width, align_corners, type), 0), full);
    T *y = cairn_expand(cairn_unsqueeze(steps(height, align_corners, type), 1), full);
    T *points = cairn_reshape(cairn_stack(3, (T *[]){x, y, cairn_full(full, 1, type)}, -1), CAIRN_SHAPE(height * width, 3));
    T *grid = cairn_matmul(points, cairn_mT(theta));
    return cairn_scope_pop(m, cairn_reshape(grid, CAIRN_SHAPE(s->size[0], height, width, 2)));
}

/* ---- Volumes: a window's plane, then its depth. Both kinds of pooling part that way -----------------*/

typedef T *pool2d(T *x, int64_t height, int64_t width, const cairn_pool_options *o);

static T *pool3d(const char *op, pool2d *pool, T *x, int64_t depth, int64_t height, int64_t width, const cairn_pool3d_options *options)
{
    static const cairn_pool3d_options plain;
    const cairn_pool3d_options *o = options ? options : &plain;
    value *v = handle_value(x);
    if (!v)
        return NULL;
    const shape *s = &v->shape;
    if (s->rank != 5) {
        error_set(CAIRN_E_SHAPE, "%s: %s is not (N, C, D, H, W)", op, SHAPE(s));
        return NULL;
    }
    const cairn_pool_options plane = {.stride = {o->stride[1], o->stride[2]}, .padding = {o->padding[1], o->padding[2]},
                                      .dilation = {o->dilation[1], o->dilation[2]}, .ceil_mode = o->ceil_mode,
                                      .exclude_padding = o->exclude_padding};
    const cairn_pool_options line = {.stride = {o->stride[0], 1}, .padding = {o->padding[0], 0}, .dilation = {o->dilation[0], 1},
                                     .ceil_mode = o->ceil_mode, .exclude_padding = o->exclude_padding};
    cairn_mark m = cairn_scope_push();
    T *planes = pool(cairn_reshape(x, CAIRN_SHAPE(s->size[0], s->size[1] * s->size[2], s->size[3], s->size[4])), height, width, &plane);
    if (!planes)
        return cairn_scope_pop(m, NULL);
    const int64_t oh = cairn_size(planes, 2), ow = cairn_size(planes, 3);
    T *y = pool(cairn_reshape(planes, CAIRN_SHAPE(s->size[0], s->size[1], s->size[2], oh * ow)), depth, 1, &line);
    return cairn_scope_pop(m, cairn_reshape(y, CAIRN_SHAPE(s->size[0], s->size[1], y ? cairn_size(y, 2) : 0, oh, ow)));
}

cairn_tensor *cairn_f_max_pool3d(T *x, int64_t depth, int64_t height, int64_t width, const cairn_pool3d_options *options)
{
    return pool3d("max_pool3d", cairn_f_max_pool2d, x, depth, height, width, options);
}

cairn_tensor *cairn_f_avg_pool3d(T *x, int64_t depth, int64_t height, int64_t width, const cairn_pool3d_options *options)
{
    return pool3d("avg_pool3d", cairn_f_avg_pool2d, x, depth, height, width, options);
}
