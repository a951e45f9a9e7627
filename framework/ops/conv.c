/* Convolution: forward and both gradients are operations, and each one's gradients are the other two, so derivatives of any
 * order exist. Shapes are (N, C, H, W) and (K, C / groups, R, S); memory is channels last, where a weight is (k, r, s, c). */
#include "framework/ops/rules.h"
#include <cairn/dnn.h>
#include <cairn/functional.h>
#include <string.h>

typedef struct attr_conv {
    int32_t stride[2], dilation[2], padding[2], groups;
    int32_t size[2];                         /* of the result's last two axes: data gradient h, w; weight gradient r, s */
} attr_conv;

/* The primitive's descriptor for an image, a weight and a result of these shapes. */
static cairn_conv descriptor(const attr_conv *a, cairn_dtype type, const shape *x, const shape *w)
{
    return (cairn_conv){.type = type, .n = x->size[0], .c = x->size[1], .h = x->size[2], .w = x->size[3], .k = w->size[0],
                        .r = w->size[2], .s = w->size[3], .groups = a->groups, .stride_h = a->stride[0], .stride_w = a->stride[1],
                        .dilation_h = a->dilation[0], .dilation_w = a->dilation[1], .pad_top = a->padding[0],
                        .pad_bottom = a->padding[0], .pad_left = a->padding[1], .pad_right = a->padding[1]};
}

static cairn_status checked(const char *op, const value *v, const shape *x, const shape *w, const shape *y, spec *out)
{
    const attr_conv *a = v->attr;
    if (x->size[1] != w->size[1] * a->groups || w->size[0] % a->groups)
        return error_set(CAIRN_E_SHAPE, "%s: an image of %s, a weight of %s, %d groups", op, SHAPE(x), SHAPE(w), a->groups);
    shape expected = {4, {x->size[0], w->size[0]}};
    cairn_conv d = descriptor(a, (cairn_dtype)v->in[0]->type, x, w);
    cairn_status s = cairn_conv_output_size(&d, &expected.size[2], &expected.size[3]);
    if (s)
        return s;
    if (y && !shape_equal(y, &expected))
        return error_set(CAIRN_E_SHAPE, "%s: %s with a weight of %s gives %s, not %s", op, SHAPE(x), SHAPE(w), SHAPE(&expected), SHAPE(y));
    out->type = (cairn_dtype)v->in[0]->type;
    out->channels_last = true;
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
    out->shape = (shape){4, {dy->size[0], w->size[1] * a->groups, a->size[0], a->size[1]}};
    return checked("conv_data_gradient", v, &out->shape, w, dy, out);
}

/* (x, dy) -> dw */
cairn_status infer_conv_weight_gradient(const value *v, spec *out)
{
    const attr_conv *a = v->attr;
    const shape *x = &v->in[0]->shape, *dy = &v->in[1]->shape;
    out->shape = (shape){4, {dy->size[1], x->size[1] / a->groups, a->size[0], a->size[1]}};
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

cairn_status run_conv(const op_run *r)
{
    cairn_conv d = conv_run(r);
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
    plain.size[0] = plain.size[1] = 0;
    return op_build2(OP_conv, x, w, &plain, sizeof plain);
}

/* The gradient for an image (weight) of the shape `s`. */
static cairn_tensor *backward(op_id op, const attr_conv *a, cairn_tensor *x, cairn_tensor *y, const shape *s)
{
    attr_conv sized = *a;
    sized.size[0] = (int32_t)s->size[2];
    sized.size[1] = (int32_t)s->size[3];
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

static bool conv_attr(const char *op, const cairn_conv_options *o, attr_conv *a)
{
    static const cairn_conv_options plain;
    o = o ? o : &plain;
    memset(a, 0, sizeof *a);
    bool good = in_range(o->groups, 0);
    for (int i = 0; i < 2; i++) {
        good = good && in_range(o->stride[i], 0) && in_range(o->dilation[i], 0) && in_range(o->padding[i], 0) &&
               in_range(o->output_padding[i], 0);
        a->stride[i] = o->stride[i] ? (int32_t)o->stride[i] : 1;
        a->dilation[i] = o->dilation[i] ? (int32_t)o->dilation[i] : 1;
        a->padding[i] = (int32_t)o->padding[i];
    }
    a->groups = o->groups ? (int32_t)o->groups : 1;
    if (!good)
        error_set(CAIRN_E_ARGUMENT, "%s: a negative stride, padding, dilation or number of groups", op);
    return good;
}

/* Both of rank 4, sizes that the attributes can hold, floating. */
static bool conv_operands(const char *op, cairn_tensor *x, cairn_tensor *w)
{
    value *a = handle_value(x), *b = handle_value(w);
    if (!a || !b)
        return false;
    bool fits = a->shape.rank == 4 && b->shape.rank == 4;
    for (int i = 2; i < 4 && fits; i++)
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

static cairn_tensor *with_bias(cairn_tensor *y, cairn_tensor *bias)
{
    return bias ? cairn_add(y, cairn_reshape(bias, CAIRN_SHAPE(-1, 1, 1))) : y;
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

/* The type of the result, and that of the computation. */
static cairn_dtype wide(cairn_dtype type) { return type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32; }

cairn_tensor *cairn_f_conv2d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, const cairn_conv_options *options)
{
    attr_conv a;
    if (!conv_operands("conv2d", x, weight) || !conv_attr("conv2d", options, &a) || !bias_fits("conv2d", bias, cairn_size(weight, 0)))
        return NULL;
    cairn_dtype type = cairn_promote_types(cairn_dtype_of(x), cairn_dtype_of(weight));
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = forward(&a, cairn_to(x, wide(type)), cairn_to(weight, wide(type)));
    return cairn_scope_pop(m, cairn_to(with_bias(y, bias), type));
}

cairn_tensor *cairn_f_conv_transpose2d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, const cairn_conv_options *options)
{
    attr_conv a;
    if (!conv_operands("conv_transpose2d", x, weight) || !conv_attr("conv_transpose2d", options, &a))
        return NULL;
    const shape *s = &handle_value(x)->shape, *w = &handle_value(weight)->shape;
    if (!bias_fits("conv_transpose2d", bias, w->size[1] * a.groups))
        return NULL;
    shape to = {4, {0}};
    for (int i = 0; i < 2; i++) {
        int64_t extra = options ? options->output_padding[i] : 0;
        to.size[2 + i] = (s->size[2 + i] - 1) * a.stride[i] - 2 * a.padding[i] + a.dilation[i] * (w->size[2 + i] - 1) + 1 + extra;
        if ((extra && extra >= a.stride[i] && extra >= a.dilation[i]) || !in_range(to.size[2 + i], 1)) {
            error_set(CAIRN_E_SHAPE, "conv_transpose2d: no result of %s with a weight of %s", SHAPE(s), SHAPE(w));
            return NULL;
        }
    }
    cairn_dtype type = cairn_promote_types(cairn_dtype_of(x), cairn_dtype_of(weight));
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = backward(OP_conv_data_gradient, &a, cairn_to(x, wide(type)), cairn_to(weight, wide(type)), &to);
    return cairn_scope_pop(m, cairn_to(with_bias(y, bias), type));
}

/* One axis: an image of height 1. */
static cairn_tensor *conv1d(cairn_tensor *(*conv2d)(cairn_tensor *, cairn_tensor *, cairn_tensor *, const cairn_conv_options *),
                            cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, const cairn_conv_options *o)
{
    cairn_conv_options flat = {{0}};
    if (o)
        flat = (cairn_conv_options){.stride = {1, o->stride[0]}, .padding = {0, o->padding[0]}, .dilation = {1, o->dilation[0]},
                                    .groups = o->groups, .output_padding = {0, o->output_padding[0]}};
    COMPOSED(cairn_squeeze(conv2d(cairn_unsqueeze(x, -2), cairn_unsqueeze(weight, -2), bias, &flat), -2));
}

cairn_tensor *cairn_f_conv1d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, const cairn_conv_options *options)
{
    return conv1d(cairn_f_conv2d, x, weight, bias, options);
}

cairn_tensor *cairn_f_conv_transpose1d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, const cairn_conv_options *options)
{
    return conv1d(cairn_f_conv_transpose2d, x, weight, bias, options);
}
