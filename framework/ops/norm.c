/* Softmax and the norms: composed of reductions that keep their axes and of pointwise operations, so that each
 * becomes one program that goes over a row while it is in cache. f16 and bf16 are computed in f32. */
#include "framework/ops/autocast.h"
#include "framework/ops/rules.h"
#include <cairn/functional.h>
#include <math.h>

typedef cairn_tensor T;

static T *num(double x) { return cairn_number(x); }

/* x for computing: f16 and bf16 as f32. NULL with the error set when x is not floating. */
static T *computed(const char *op, T *x)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (!type_is_float((cairn_dtype)v->type)) {
        error_set(CAIRN_E_TYPE, "%s: needs a floating type, got %s", op, cairn_dtype_name((cairn_dtype)v->type));
        return NULL;
    }
    return v->type == CAIRN_F64 ? x : cairn_to(x, CAIRN_F32);
}

/* y in the type of x. */
static T *as_type_of(T *y, T *x) { return y ? cairn_to(y, cairn_dtype_of(x)) : NULL; }

static int axis_of(const char *op, T *x, int axis)
{
    value *v = handle_value(x);
    return v ? axis_check(op, axis, v->shape.rank ? v->shape.rank : 1) : -1;
}

/* ---- Softmax */

/* The set of one axis; of a scalar, no axis at all. */
static cairn_axes one_axis(T *x, int axis) { return cairn_rank(x) ? CAIRN_AXES(axis) : CAIRN_ALL_AXES; }

/* x - max(x); the maximum shifts nothing, so no gradient goes through it. */
static T *below_top(T *x, cairn_axes axes)
{
    if (!shape_numel(&handle_value(x)->shape))
        return x;
    cairn_no_grad_begin();
    T *top = cairn_amax(x, axes, true);
    cairn_no_grad_end();
    return cairn_sub(x, top);
}

cairn_tensor *cairn_softmax(T *x, int axis)
{
    AUTOCAST_WIDE(x, cairn_softmax(cairn_to(x, CAIRN_F32), axis));
    int k = axis_of("softmax", x, axis);
    cairn_mark m = cairn_scope_push();
    T *wide = k < 0 ? NULL : computed("softmax", x);
    if (!wide)
        return cairn_scope_pop(m, NULL);
    T *e = cairn_exp(below_top(wide, one_axis(x, k)));
    return cairn_scope_pop(m, as_type_of(cairn_div(e, cairn_sum(e, one_axis(x, k), true)), x));
}

cairn_tensor *cairn_log_softmax(T *x, int axis)
{
    AUTOCAST_WIDE(x, cairn_log_softmax(cairn_to(x, CAIRN_F32), axis));
    int k = axis_of("log_softmax", x, axis);
    cairn_mark m = cairn_scope_push();
    T *wide = k < 0 ? NULL : computed("log_softmax", x);
    if (!wide)
        return cairn_scope_pop(m, NULL);
    T *low = below_top(wide, one_axis(x, k)), *sum = cairn_sum(cairn_exp(low), one_axis(x, k), true);
    return cairn_scope_pop(m, as_type_of(cairn_sub(low, cairn_log(sum)), x));
}

cairn_tensor *cairn_softmin(T *x, int axis) { COMPOSED(cairn_softmax(cairn_neg(x), axis)); }

/* ---- Norms */

static T *affine(T *x, T *weight, T *bias)
{
    if (weight)
        x = cairn_mul(x, weight);
    return bias ? cairn_add(x, bias) : x;
}

/* (x - mean) / sqrt(variance + eps) over the axes, which stay. */
static T *standardized(T *x, cairn_axes axes, double eps)
{
    T *centred = cairn_sub(x, cairn_mean(x, axes, true));
    T *variance = cairn_mean(cairn_square(centred), axes, true);
    return cairn_mul(centred, cairn_rsqrt(cairn_add(variance, num(eps))));
}

/* The last `count` axes of x; false with the error set. */
static bool last_axes(const char *op, T *x, int count, cairn_axes *axes)
{
    value *v = handle_value(x);
    if (!v)
        return false;
    if (count < 1 || count > v->shape.rank) {
        error_set(CAIRN_E_ARGUMENT, "%s: over the last %d axes of %s", op, count, SHAPE(&v->shape));
        return false;
    }
    axes->count = count;
    for (int i = 0; i < count; i++)
        axes->axis[i] = v->shape.rank - count + i;
    return true;
}

/* The operand, when there is one, has the last `count` axes of x. */
static bool has_last_axes(const char *op, T *w, T *x, int count)
{
    value *v = handle_value(w), *of = handle_value(x);
    bool fits = !w || (v && v->shape.rank == count);
    for (int i = 0; w && fits && i < count; i++)
        fits = v->shape.size[i] == of->shape.size[of->shape.rank - count + i];
    if (!fits && v)
        error_set(CAIRN_E_SHAPE, "%s: a weight or bias of %s for %s", op, SHAPE(&v->shape), SHAPE(&of->shape));
    return fits;
}

cairn_tensor *cairn_f_layer_norm(T *x, int axes, T *weight, T *bias, double eps)
{
    AUTOCAST_WIDE(x, cairn_f_layer_norm(cairn_to(x, CAIRN_F32), axes, weight, bias, eps));
    cairn_axes last;
    if (!last_axes("layer_norm", x, axes, &last) || !has_last_axes("layer_norm", weight, x, axes) ||
        !has_last_axes("layer_norm", bias, x, axes))
        return NULL;
    cairn_mark m = cairn_scope_push();
    T *wide = computed("layer_norm", x);
    return cairn_scope_pop(m, as_type_of(wide ? affine(standardized(wide, last, eps), weight, bias) : NULL, x));
}

cairn_tensor *cairn_f_rms_norm(T *x, int axes, T *weight, double eps)
{
    AUTOCAST_WIDE(x, cairn_f_rms_norm(cairn_to(x, CAIRN_F32), axes, weight, eps));
    cairn_axes last;
    if (!last_axes("rms_norm", x, axes, &last) || !has_last_axes("rms_norm", weight, x, axes))
        return NULL;
    cairn_mark m = cairn_scope_push();
    T *wide = computed("rms_norm", x);
    T *scale = cairn_rsqrt(cairn_add(cairn_mean(cairn_square(wide), last, true), num(eps)));
    return cairn_scope_pop(m, as_type_of(affine(cairn_mul(wide, scale), weight, NULL), x));
}

/* A vector of C as (C, 1, 1 ...), which broadcasts to (N, C, ...). NULL stays; false with the error set. */
static bool per_channel(const char *op, T **w, const shape *x)
{
    value *v = handle_value(*w);
    if (!*w)
        return true;
    if (!v)
        return false;
    if (v->shape.rank != 1 || v->shape.size[0] != x->size[1]) {
        error_set(CAIRN_E_SHAPE, "%s: a vector of %s for the channels of %s", op, SHAPE(&v->shape), SHAPE(x));
        return false;
    }
    shape wide = {.rank = x->rank - 1, .size = {v->shape.size[0], 1, 1, 1, 1, 1, 1, 1}};
    *w = x->rank > 2 ? cairn_reshape(*w, wide) : *w;
    return *w != NULL;
}

/* x's shape, which has channels; NULL with the error set. */
static const shape *with_channels(const char *op, T *x, int least)
{
    value *v = handle_value(x);
    if (v && v->shape.rank < least) {
        error_set(CAIRN_E_SHAPE, "%s: %s has fewer than %d axes", op, SHAPE(&v->shape), least);
        return NULL;
    }
    return v ? &v->shape : NULL;
}

cairn_tensor *cairn_f_group_norm(T *x, int64_t groups, T *weight, T *bias, double eps)
{
    AUTOCAST_WIDE(x, cairn_f_group_norm(cairn_to(x, CAIRN_F32), groups, weight, bias, eps));
    const shape *s = with_channels("group_norm", x, 2);
    if (!s)
        return NULL;
    if (groups < 1 || s->size[1] % groups) {
        error_set(CAIRN_E_SHAPE, "group_norm: %lld groups of the channels of %s", (long long)groups, SHAPE(s));
        return NULL;
    }
    int64_t each = s->size[1] / groups;
    for (int i = 2; i < s->rank; i++)
        each *= s->size[i];
    cairn_mark m = cairn_scope_push();
    T *wide = computed("group_norm", x);
    if (!wide || !per_channel("group_norm", &weight, s) || !per_channel("group_norm", &bias, s))
        return cairn_scope_pop(m, NULL);
    T *rows = cairn_reshape(wide, CAIRN_SHAPE(s->size[0], groups, each));
    T *y = cairn_reshape(standardized(rows, CAIRN_AXES(2), eps), *s);
    return cairn_scope_pop(m, as_type_of(affine(y, weight, bias), x));
}

cairn_tensor *cairn_f_instance_norm(T *x, T *weight, T *bias, double eps)
{
    AUTOCAST_WIDE(x, cairn_f_instance_norm(cairn_to(x, CAIRN_F32), weight, bias, eps));
    const shape *s = with_channels("instance_norm", x, 3);
    return s ? cairn_f_group_norm(x, s->size[1], weight, bias, eps) : NULL;
}

/* ---- Batch norm: one operation in training, because its gradient is much shorter than that of its parts */

typedef struct attr_batch_norm {
    double eps;
    int32_t weight, bias;                    /* which inputs these are; 0: there is none */
} attr_batch_norm;

static cairn_axes all_but_channels(int rank)
{
    cairn_axes axes = {.count = 1};
    for (int i = 2; i < rank; i++)
        axes.axis[axes.count++] = i;
    return axes;
}

static void statistics(T *x, cairn_axes axes, double eps, T **mean, T **variance, T **deviation)
{
    *mean = cairn_mean(x, axes, true);
    *variance = cairn_mean(cairn_square(cairn_sub(x, *mean)), axes, true);
    *deviation = cairn_rsqrt(cairn_add(*variance, num(eps)));
}

/* y = x * scale + shift is computed, (x - mean) * deviation * weight + bias is meant: scale and shift have no history, and
 * the gradient is that of what is meant, from the inputs that follow (mean, deviation, weight, bias):
 * dx = scale * (dy - mean(dy) - (x - mean) deviation^2 mean(dy (x - mean))). */
void gradient_batch_norm(const value *v, T *dy, T **dx)
{
    const attr_batch_norm *a = v->attr;
    cairn_axes axes = all_but_channels(v->shape.rank);
    T *x = input(v, 0), *scale = input(v, 1), *mean = input(v, 3), *deviation = input(v, 4), *variance;
    if (cairn_grad_enabled()) {              /* for the next derivative they need their history */
        statistics(x, axes, a->eps, &mean, &variance, &deviation);
        scale = a->weight ? cairn_mul(deviation, input(v, a->weight)) : deviation;
    }
    double n = (double)(shape_numel(&v->shape) / v->shape.size[1]);
    T *centred = cairn_sub(x, mean), *sum = cairn_sum(dy, axes, true), *dot = cairn_sum(cairn_mul(dy, centred), axes, true);
    T *slope = cairn_mul(dot, cairn_mul(cairn_square(deviation), num(1 / n)));
    if (wants_gradient(v, 0))
        dx[0] = cairn_mul(scale, cairn_sub(cairn_sub(dy, cairn_mul(sum, num(1 / n))), cairn_mul(centred, slope)));
    if (a->weight)
        dx[a->weight] = cairn_mul(dot, deviation);
    if (a->bias)
        dx[a->bias] = sum;
}

/* old becomes (1 - momentum) old + momentum new. */
static bool running(T *old, T *new, double momentum)
{
    if (!old)
        return true;
    T *flat = cairn_reshape(new, CAIRN_SHAPE(-1));
    return cairn_copy_(old, cairn_add(cairn_mul(old, num(1 - momentum)), cairn_mul(flat, num(momentum)))) != NULL;
}

static T *train_batch_norm(T *x, T *running_mean, T *running_variance, T *weight, T *bias, double momentum, double eps)
{
    const shape *s = &handle_value(x)->shape;
    double n = s->size[1] ? (double)(shape_numel(s) / s->size[1]) : 0;
    if (n <= 1) {
        error_set(CAIRN_E_SHAPE, "batch_norm: training needs more than one value a channel, got %s", SHAPE(s));
        return NULL;
    }
    T *mean, *variance, *deviation;
    weight = weight ? as_type_of(weight, x) : NULL;
    bias = bias ? as_type_of(bias, x) : NULL;
    cairn_no_grad_begin();
    statistics(x, all_but_channels(s->rank), eps, &mean, &variance, &deviation);
    bool kept = running(running_mean, mean, momentum) && running(running_variance, cairn_mul(variance, num(n / (n - 1))), momentum);
    T *scale = weight ? cairn_mul(deviation, weight) : deviation, *offset = cairn_neg(cairn_mul(mean, scale));
    T *shift = bias ? cairn_add(offset, bias) : offset;
    cairn_no_grad_end();
    T *in[7] = {x, scale, shift, mean, deviation};
    int count = 5;
    attr_batch_norm a = {.eps = eps};
    if (weight)
        in[a.weight = count++] = weight;
    if (bias)
        in[a.bias = count++] = bias;
    return kept ? op_build(OP_batch_norm, count, in, &a, sizeof a) : NULL;
}

/* (x - mean) * (deviation * weight) + bias with known statistics, as x * scale + shift: what is before it can take the two as its own
 * epilogue. */
static T *normalized(T *x, T *mean, T *variance, T *weight, T *bias, double eps)
{
    T *deviation = cairn_rsqrt(cairn_add(variance, num(eps))), *scale = weight ? cairn_mul(deviation, weight) : deviation;
    T *offset = cairn_neg(cairn_mul(mean, scale)), *shift = bias ? cairn_add(offset, bias) : offset;
    return affine(x, scale, shift);
}

cairn_tensor *cairn_f_batch_norm(T *x, T *running_mean, T *running_variance, T *weight, T *bias, bool training, double momentum, double eps)
{
    AUTOCAST_WIDE(x, cairn_f_batch_norm(cairn_to(x, CAIRN_F32), running_mean, running_variance, weight, bias, training, momentum, eps));
    const shape *s = with_channels("batch_norm", x, 2);
    if (!s)
        return NULL;
    if (!training && (!running_mean || !running_variance)) {
        error_set(CAIRN_E_ARGUMENT, "batch_norm: without training it needs the running mean and variance");
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    T *wide = computed("batch_norm", x), *mean = running_mean, *variance = running_variance, *y;
    if (!wide || !per_channel("batch_norm", &weight, s) || !per_channel("batch_norm", &bias, s) ||
        !per_channel("batch_norm", &mean, s) || !per_channel("batch_norm", &variance, s))
        return cairn_scope_pop(m, NULL);
    if (training)
        y = train_batch_norm(wide, running_mean, running_variance, weight, bias, momentum, eps);
    else
        y = normalized(wide, mean, variance, weight, bias, eps);
    return cairn_scope_pop(m, as_type_of(y, x));
}

/* ---- Others */

cairn_tensor *cairn_local_response_norm(T *x, int64_t size, double alpha, double beta, double k)
{
    const shape *s = with_channels("local_response_norm", x, 2);
    if (!s)
        return NULL;
    if (size < 1) {
        error_set(CAIRN_E_ARGUMENT, "local_response_norm: over %lld channels", (long long)size);
        return NULL;
    }
    int64_t channels = s->size[1], widths[2 * CAIRN_MAX_RANK] = {0};
    widths[2 * (s->rank - 2)] = size / 2;
    widths[2 * (s->rank - 2) + 1] = (size - 1) / 2;
    cairn_mark m = cairn_scope_push();
    T *squares = cairn_pad(cairn_square(x), s->rank - 1, widths, CAIRN_PAD_CONSTANT, 0), *sum = NULL;
    for (int64_t i = 0; i < size; i++) {
        T *part = cairn_narrow(squares, 1, i, channels);
        sum = sum ? cairn_add(sum, part) : part;
    }
    T *base = cairn_add(cairn_mul(sum, num(alpha / (double)size)), num(k));
    return cairn_scope_pop(m, cairn_div(x, cairn_pow(base, num(beta))));
}

/* At a norm of 0 the gradient is 0, not that of the root. */
static T *safe_norm(T *x, double p, int axis)
{
    if (p != 2)
        return cairn_norm(x, p, CAIRN_AXES(axis), true);
    T *sum = cairn_sum(cairn_square(x), CAIRN_AXES(axis), true), *zero = cairn_eq(sum, num(0));
    return cairn_where(zero, num(0), cairn_sqrt(cairn_where(zero, num(1), sum)));
}

cairn_tensor *cairn_normalize(T *x, double p, int axis, double eps)
{
    COMPOSED(cairn_div(x, cairn_maximum(safe_norm(x, p, axis), num(eps))));
}

cairn_tensor *cairn_cosine_similarity(T *x, T *y, int axis, double eps)
{
    cairn_mark m = cairn_scope_push();
    T *a = cairn_maximum(safe_norm(x, 2, axis), num(eps)), *b = cairn_maximum(safe_norm(y, 2, axis), num(eps));
    return cairn_scope_pop(m, cairn_sum(cairn_mul(cairn_div(x, a), cairn_div(y, b)), CAIRN_AXES(axis), false));
}
