/* Convolution: forward and both gradients are operations, and each one's gradients are the other two, so derivatives of any
 * order exist. Two axes are shaped (N, C, H, W) and (K, C / groups, R, S) and lie channels last in memory, where a weight is (k, r, s, c).
 * Three axes are shaped as they lie: (N, D, H, W, C) and (K, T, R, S, C / groups); the front functions permute. One axis is an image of
 * height 1. */
#include "framework/ops/autocast.h"
#include "framework/ops/packed.h"
#include "framework/ops/rules.h"
#include <cairn/dnn.h>
#include <cairn/functional.h>
#include <string.h>

enum { AXES = 3 };                       /* depth, height, width; options of fewer axes fill the last ones */

typedef struct attr_conv {
    int32_t stride[AXES], dilation[AXES], padding[AXES], groups;
    int32_t size[AXES];                      /* of the result's axes: data gradient depth, h, w; weight gradient t, r, s */
} attr_conv;

typedef struct dims { int64_t n, c, d, h, w; } dims;

static dims dims_of(const shape *s)
{
    return s->rank == 5 ? (dims){s->size[0], s->size[4], s->size[1], s->size[2], s->size[3]}
                        : (dims){s->size[0], s->size[1], 1, s->size[2], s->size[3]};
}

static shape shape_of(int rank, dims d)
{
    return rank == 5 ? (shape){5, {d.n, d.d, d.h, d.w, d.c}} : (shape){4, {d.n, d.c, d.h, d.w}};
}

/* The primitive's descriptor for an image, a weight and a result of these shapes. */
static cairn_conv descriptor(const attr_conv *a, cairn_dtype type, const shape *x, const shape *w)
{
    const dims i = dims_of(x), f = dims_of(w);
    return (cairn_conv){.type = type, .n = i.n, .c = i.c, .depth = i.d, .h = i.h, .w = i.w, .k = f.n, .t = f.d, .r = f.h, .s = f.w,
                        .groups = a->groups, .stride_d = a->stride[0], .stride_h = a->stride[1], .stride_w = a->stride[2],
                        .dilation_d = a->dilation[0], .dilation_h = a->dilation[1], .dilation_w = a->dilation[2],
                        .pad_front = a->padding[0], .pad_back = a->padding[0], .pad_top = a->padding[1], .pad_bottom = a->padding[1],
                        .pad_left = a->padding[2], .pad_right = a->padding[2]};
}

static cairn_status checked(const char *op, const value *v, const shape *x, const shape *w, const shape *y, spec *out)
{
    const attr_conv *a = v->attr;
    const dims i = dims_of(x), f = dims_of(w);
    if (i.c != f.c * a->groups || f.n % a->groups)
        return error_set(CAIRN_E_SHAPE, "%s: an image of %s, a weight of %s, %d groups", op, SHAPE(x), SHAPE(w), a->groups);
    dims o = {.n = i.n, .c = f.n};
    cairn_conv d = descriptor(a, (cairn_dtype)v->in[0]->type, x, w);
    cairn_status s = cairn_conv_output_size_3d(&d, &o.d, &o.h, &o.w);
    if (s)
        return s;
    const shape expected = shape_of(x->rank, o);
    if (y && !shape_equal(y, &expected))
        return error_set(CAIRN_E_SHAPE, "%s: %s with a weight of %s gives %s, not %s", op, SHAPE(x), SHAPE(w), SHAPE(&expected), SHAPE(y));
    out->type = (cairn_dtype)v->in[0]->type;
    out->channels_last = x->rank == 4;
    if (!y)
        out->shape = expected;
    return shape_check(op, &out->shape, out->type) ? CAIRN_OK : cairn_error();
}

/* (x, w) -> y */
cairn_status infer_conv(const value *v, spec *out)
{
    return checked("conv", v, &v->in[0]->shape, &v->in[1]->shape, NULL, out);
}

/* (dy, w) -> dx */
cairn_status infer_conv_data_gradient(const value *v, spec *out)
{
    const attr_conv *a = v->attr;
    const shape *dy = &v->in[0]->shape, *w = &v->in[1]->shape;
    out->shape = shape_of(dy->rank, (dims){dims_of(dy).n, dims_of(w).c * a->groups, a->size[0], a->size[1], a->size[2]});
    return checked("conv_data_gradient", v, &out->shape, w, dy, out);
}

/* (x, dy) -> dw */
cairn_status infer_conv_weight_gradient(const value *v, spec *out)
{
    const attr_conv *a = v->attr;
    const shape *x = &v->in[0]->shape, *dy = &v->in[1]->shape;
    out->shape = shape_of(x->rank, (dims){dims_of(dy).c, dims_of(x).c / a->groups, a->size[0], a->size[1], a->size[2]});
    return checked("conv_weight_gradient", v, x, &out->shape, dy, out);
}

static cairn_conv conv_of(const value *v)
{
    const shape *a = &v->in[0]->shape, *b = &v->in[1]->shape, *out = &v->shape;
    const shape *x = v->op == OP_conv_data_gradient ? out : a, *w = v->op == OP_conv_weight_gradient ? out : b;
    return descriptor(v->attr, (cairn_dtype)v->type, x, w);
}

static cairn_conv conv_run(const op_run *r)
{
    cairn_conv d = conv_of(r->v);
    if (r->epilogue) {
        d.epilogue = r->epilogue->run;
        d.epilogue_context = r->epilogue->context;
    }
    if (r->fused)
        d.fused = *r->fused;
    return d;
}

int64_t workspace_conv(const op_run *r)
{
    cairn_conv d = conv_run(r);
    op_id op = (op_id)r->v->op;
    cairn_conv_pass pass = op == OP_conv ? CAIRN_CONV_FORWARD
                           : op == OP_conv_data_gradient ? CAIRN_CONV_DATA_GRADIENT : CAIRN_CONV_WEIGHT_GRADIENT;
    return cairn_conv_workspace_bytes(&d, pass);
}

static cairn_status pack_conv(const packer *p, void *to)
{
    return cairn_conv_pack(p->descriptor, p->weight, to, p->workspace, p->workspace_bytes);
}

/* Everything that the form of a packed weight depends on: all but the batch. */
static cairn_status use_packed(const op_run *r, cairn_conv *d)
{
    struct { attr_conv a; dims x, w; int32_t type, precision; } key;
    _Static_assert(sizeof key <= PACKED_KEY_BYTES, "a key of convolution is too long");
    if (!r->weight || !r->weight->wants_packed)
        return CAIRN_OK;
    memset(&key, 0, sizeof key);
    key.a = *(const attr_conv *)r->v->attr;
    key.x = dims_of(&r->v->in[0]->shape);
    key.x.n = 0;
    key.w = dims_of(&r->v->in[1]->shape);
    key.type = d->type;
    key.precision = cairn_matmul_precision();
    const packer p = {cairn_conv_pack_bytes(d), pack_conv, d, r->in[1].data, r->workspace, r->workspace_bytes};
    return packed_weight_of(r->weight, &key, sizeof key, &p, &d->packed_w);
}

cairn_status run_conv(const op_run *r)
{
    cairn_conv d = conv_run(r);
    const cairn_status s = use_packed(r, &d);
    if (s)
        return s;
    return cairn_conv_forward(&d, r->in[0].data, r->in[1].data, r->out.data, r->workspace, r->workspace_bytes);
}

cairn_status run_conv_data_gradient(const op_run *r)
{
    cairn_conv d = conv_run(r);
    return cairn_conv_data_gradient(&d, r->in[0].data, r->in[1].data, r->out.data, r->workspace, r->workspace_bytes);
}

cairn_status run_conv_weight_gradient(const op_run *r)
{
    cairn_conv d = conv_run(r);
    return cairn_conv_weight_gradient(&d, r->in[0].data, r->in[1].data, r->out.data, r->workspace, r->workspace_bytes);
}

/* ---- Gradients */

static cairn_tensor *forward(const attr_conv *a, cairn_tensor *x, cairn_tensor *w)
{
    attr_conv plain = *a;
    memset(plain.size, 0, sizeof plain.size);
    return op_build2(OP_conv, x, w, &plain, sizeof plain);
}

/* The gradient for an image (weight) of the shape `s`. */
static cairn_tensor *backward(op_id op, const attr_conv *a, cairn_tensor *x, cairn_tensor *y, const shape *s)
{
    attr_conv sized = *a;
    const dims d = dims_of(s);
    sized.size[0] = (int32_t)d.d;
    sized.size[1] = (int32_t)d.h;
    sized.size[2] = (int32_t)d.w;
    return op_build2(op, x, y, &sized, sizeof sized);
}

void gradient_conv(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    if (wants_gradient(v, 0))
        dx[0] = backward(OP_conv_data_gradient, v->attr, dy, input(v, 1), &v->in[0]->shape);
    if (wants_gradient(v, 1))
        dx[1] = backward(OP_conv_weight_gradient, v->attr, input(v, 0), dy, &v->in[1]->shape);
}

void gradient_conv_data_gradient(const value *v, cairn_tensor *dz, cairn_tensor **dx)
{
    if (wants_gradient(v, 0))
        dx[0] = forward(v->attr, dz, input(v, 1));
    if (wants_gradient(v, 1))
        dx[1] = backward(OP_conv_weight_gradient, v->attr, dz, input(v, 0), &v->in[1]->shape);
}

void gradient_conv_weight_gradient(const value *v, cairn_tensor *dw, cairn_tensor **dx)
{
    if (wants_gradient(v, 0))
        dx[0] = backward(OP_conv_data_gradient, v->attr, input(v, 1), dw, &v->in[0]->shape);
    if (wants_gradient(v, 1))
        dx[1] = forward(v->attr, input(v, 0), dw);
}

/* ---- Front functions */

static bool in_range(int64_t x, int64_t low) { return x >= low && x <= INT32_MAX; }

/* The operation's attributes for options of `axes` axes. */
static bool conv_attr(const char *op, int axes, const cairn_conv_options *o, attr_conv *a)
{
    static const cairn_conv_options plain;
    o = o ? o : &plain;
    memset(a, 0, sizeof *a);
    bool good = in_range(o->groups, 0);
    for (int i = 0; i < AXES; i++) {
        const int from = i - (AXES - axes);
        a->stride[i] = a->dilation[i] = 1;
        if (from < 0)
            continue;
        good = good && in_range(o->stride[from], 0) && in_range(o->dilation[from], 0) && in_range(o->padding[from], 0) &&
               in_range(o->output_padding[from], 0);
        a->stride[i] = o->stride[from] ? (int32_t)o->stride[from] : 1;
        a->dilation[i] = o->dilation[from] ? (int32_t)o->dilation[from] : 1;
        a->padding[i] = (int32_t)o->padding[from];
    }
    a->groups = o->groups ? (int32_t)o->groups : 1;
    if (!good)
        error_set(CAIRN_E_ARGUMENT, "%s: a negative stride, padding, dilation or number of groups", op);
    return good;
}

/* Both of rank axes + 2, sizes that the attributes can hold, floating. */
static bool conv_operands(const char *op, int axes, cairn_tensor *x, cairn_tensor *w)
{
    value *a = handle_value(x), *b = handle_value(w);
    if (!a || !b)
        return false;
    bool fits = a->shape.rank == axes + 2 && b->shape.rank == axes + 2;
    for (int i = 2; i < axes + 2 && fits; i++)
        fits = in_range(a->shape.size[i], 0) && in_range(b->shape.size[i], 1);
    if (!fits)
        error_set(CAIRN_E_SHAPE, "%s: an image of %s with a weight of %s", op, SHAPE(&a->shape), SHAPE(&b->shape));
    else if (!type_is_float((cairn_dtype)a->type) || !type_is_float((cairn_dtype)b->type))
        error_set(CAIRN_E_TYPE, "%s: needs floating types, got %s and %s", op, cairn_dtype_name((cairn_dtype)a->type),
                  cairn_dtype_name((cairn_dtype)b->type));
    else
        return true;
    return false;
}

static bool bias_fits(const char *op, cairn_tensor *bias, int64_t channels)
{
    value *b = handle_value(bias);
    if (!bias || (b && b->shape.rank == 1 && b->shape.size[0] == channels))
        return true;
    if (b)
        error_set(CAIRN_E_SHAPE, "%s: a bias of %s for %lld channels", op, SHAPE(&b->shape), (long long)channels);
    return false;
}

/* The type of the computation. */
static cairn_dtype wide(cairn_dtype type) { return type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32; }

/* An operand as the operation has it: wide, with an axis of height 1 for one axis, channels last for three. */
static cairn_tensor *inward(cairn_tensor *x, int axes, cairn_dtype type)
{
    x = cairn_to(x, type);
    return axes == 1 ? cairn_unsqueeze(x, -2) : axes == 3 ? cairn_permute(x, CAIRN_AXES(0, 2, 3, 4, 1)) : x;
}

/* And the result back, with its bias. */
static cairn_tensor *outward(cairn_tensor *y, int axes, cairn_tensor *bias, cairn_dtype type)
{
    if (bias)
        y = cairn_add(y, axes == 3 ? bias : cairn_reshape(bias, CAIRN_SHAPE(-1, 1, 1)));
    return cairn_to(axes == 1 ? cairn_squeeze(y, -2) : axes == 3 ? cairn_permute(y, CAIRN_AXES(0, 4, 1, 2, 3)) : y, type);
}

static cairn_tensor *convolve(const char *op, int axes, cairn_tensor *x, cairn_tensor *w, cairn_tensor *bias, const cairn_conv_options *options)
{
    if (autocast_lowers(x) || autocast_lowers(w) || autocast_lowers(bias))
        COMPOSED(convolve(op, axes, autocast_low(x), autocast_low(w), autocast_low(bias), options));
    attr_conv a;
    if (!conv_operands(op, axes, x, w) || !conv_attr(op, axes, options, &a) || !bias_fits(op, bias, cairn_size(w, 0)))
        return NULL;
    const cairn_dtype type = cairn_promote_types(cairn_dtype_of(x), cairn_dtype_of(w));
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = forward(&a, inward(x, axes, wide(type)), inward(w, axes, wide(type)));
    return cairn_scope_pop(m, outward(y, axes, bias, type));
}

/* The size of one axis of a transposed convolution's result; 0 where there is none. */
static int64_t transposed_size(const attr_conv *a, int axis, int64_t size, int64_t taps, int64_t extra)
{
    const int64_t to = (size - 1) * a->stride[axis] - 2 * (int64_t)a->padding[axis] + a->dilation[axis] * (taps - 1) + 1 + extra;
    return (extra && extra >= a->stride[axis] && extra >= a->dilation[axis]) || !in_range(to, 1) ? 0 : to;
}

static cairn_tensor *transpose(const char *op, int axes, cairn_tensor *x, cairn_tensor *w, cairn_tensor *bias, const cairn_conv_options *options)
{
    if (autocast_lowers(x) || autocast_lowers(w) || autocast_lowers(bias))
        COMPOSED(transpose(op, axes, autocast_low(x), autocast_low(w), autocast_low(bias), options));
    attr_conv a;
    if (!conv_operands(op, axes, x, w) || !conv_attr(op, axes, options, &a))
        return NULL;
    const shape *s = &handle_value(x)->shape, *f = &handle_value(w)->shape;
    if (!bias_fits(op, bias, f->size[1] * a.groups))
        return NULL;
    int64_t to[AXES] = {1, 1, 1};
    for (int i = 0; i < axes; i++) {
        const int axis = i + AXES - axes;
        to[axis] = transposed_size(&a, axis, s->size[2 + i], f->size[2 + i], options ? options->output_padding[i] : 0);
        if (!to[axis]) {
            error_set(CAIRN_E_SHAPE, "%s: no result of %s with a weight of %s", op, SHAPE(s), SHAPE(f));
            return NULL;
        }
    }
    const cairn_dtype type = cairn_promote_types(cairn_dtype_of(x), cairn_dtype_of(w));
    const shape sized = shape_of(axes == 3 ? 5 : 4, (dims){1, 1, to[0], to[1], to[2]});
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = backward(OP_conv_data_gradient, &a, inward(x, axes, wide(type)), inward(w, axes, wide(type)), &sized);
    return cairn_scope_pop(m, outward(y, axes, bias, type));
}

#define FRONT(axes)                                                                                                                   \
    cairn_tensor *cairn_f_conv##axes##d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, const cairn_conv_options *options)  \
    {                                                                                                                                 \
        return convolve("conv" #axes "d", axes, x, weight, bias, options);                                                            \
    }                                                                                                                                 \
    cairn_tensor *cairn_f_conv_transpose##axes##d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias,                           \
                                                  const cairn_conv_options *options)                                                  \
    {                                                                                                                                 \
        return transpose("conv_transpose" #axes "d", axes, x, weight, bias, options);                                                 \
    }
FRONT(1)
FRONT(2)
FRONT(3)
