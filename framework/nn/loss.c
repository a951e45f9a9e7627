/* Losses, composed so that they become one program over the rows of the prediction. */
#include "framework/ops/autocast.h"
#include "framework/ops/rules.h"
#include "framework/ops/labels.h"
#include <cairn/nn.h>

typedef cairn_tensor T;

static T *num(double x) { return cairn_number(x); }
static T *scale(T *x, double by) { return cairn_mul(x, num(by)); }

static T *reduced(T *loss, cairn_loss_reduction how)
{
    switch (how) {
    case CAIRN_MEAN: return cairn_mean(loss, CAIRN_ALL_AXES, false);
    case CAIRN_SUM: return cairn_sum(loss, CAIRN_ALL_AXES, false);
    case CAIRN_BATCH_MEAN: return cairn_div(cairn_sum(loss, CAIRN_ALL_AXES, false), num((double)cairn_size(loss, 0)));
    case CAIRN_NONE: return loss;
    }
    error_set(CAIRN_E_ARGUMENT, "loss: no such reduction: %d", (int)how);
    return NULL;
}

static bool same_shape(const char *op, T *x, T *target)
{
    cairn_shape a = cairn_shape_of(x), b = cairn_shape_of(target);
    if (!x || !target)
        return false;
    if (shape_equal(&a, &b))
        return true;
    error_set(CAIRN_E_SHAPE, "%s: the prediction is %s, the target %s", op, SHAPE(&a), SHAPE(&b));
    return false;
}

/* The body of a loss of equal shapes: `expression` of x and t, element by element. */
#define ELEMENTWISE(name, expression)                                    \
    {                                                                    \
        if (!same_shape(name, x, t))                                     \
            return NULL;                                                 \
        cairn_mark mark_ = cairn_scope_push();                           \
        x = autocast_wide(x), t = autocast_wide(t);                      \
        return cairn_scope_pop(mark_, reduced((expression), reduction)); \
    }

T *cairn_mse_loss(T *x, T *t, cairn_loss_reduction reduction) ELEMENTWISE("mse_loss", cairn_square(cairn_sub(x, t)))
T *cairn_l1_loss(T *x, T *t, cairn_loss_reduction reduction) ELEMENTWISE("l1_loss", cairn_abs(cairn_sub(x, t)))

static T *huber(T *d, double delta)
{
    T *size = cairn_abs(d);
    T *far = scale(cairn_sub(size, num(delta / 2)), delta);
    return cairn_where(cairn_lt(size, num(delta)), scale(cairn_square(d), 0.5), far);
}

T *cairn_huber_loss(T *x, T *t, double delta, cairn_loss_reduction reduction)
{
    if (!(delta > 0)) {
        error_set(CAIRN_E_ARGUMENT, "huber_loss: delta is %g", delta);
        return NULL;
    }
    ELEMENTWISE("huber_loss", huber(cairn_sub(x, t), delta))
}

T *cairn_smooth_l1_loss(T *x, T *t, double beta, cairn_loss_reduction reduction)
{
    if (!(beta >= 0)) {
        error_set(CAIRN_E_ARGUMENT, "smooth_l1_loss: beta is %g", beta);
        return NULL;
    }
    if (beta == 0)
        return cairn_l1_loss(x, t, reduction);
    ELEMENTWISE("smooth_l1_loss", scale(huber(cairn_sub(x, t), beta), 1 / beta))
}

/* ---- Binary */

static T *one_minus(T *x) { return cairn_sub(num(1), x); }
static T *bounded_log(T *p) { return cairn_maximum(cairn_log(p), num(-100)); }

T *cairn_bce_loss(T *x, T *t, cairn_loss_reduction reduction)
    ELEMENTWISE("bce_loss", cairn_neg(cairn_add(cairn_mul(t, bounded_log(x)), cairn_mul(one_minus(t), bounded_log(one_minus(x))))))

/* log(1 + e^-x) = max(-x, 0) + log1p(e^-|x|). With the maximum of two operands, which share the gradient where they are
 * equal, the gradient is right at x = 0 too. */
static T *log1p_exp_minus(T *x)
{
    return cairn_add(cairn_maximum(cairn_neg(x), num(0)), cairn_log1p(cairn_exp(cairn_neg(cairn_abs(x)))));
}

/* (1 - t) x + w log(1 + e^-x), w = 1 + (positive_weight - 1) t */
static T *logits_loss(T *x, T *t, T *positive_weight)
{
    T *log_term = log1p_exp_minus(x);
    if (positive_weight)
        log_term = cairn_mul(log_term, cairn_add(cairn_mul(cairn_sub(positive_weight, num(1)), t), num(1)));
    return cairn_add(cairn_mul(one_minus(t), x), log_term);
}

T *cairn_bce_with_logits(T *x, T *t, T *positive_weight, cairn_loss_reduction reduction)
    ELEMENTWISE("bce_with_logits", logits_loss(x, t, positive_weight))

/* t log t is 0 where t is 0. */
static T *divergence(T *x, T *t, bool log_target)
{
    if (log_target)
        return cairn_mul(cairn_exp(t), cairn_sub(t, x));
    T *positive = cairn_gt(t, num(0));
    T *entropy = cairn_where(positive, cairn_mul(t, cairn_log(cairn_where(positive, t, num(1)))), num(0));
    return cairn_sub(entropy, cairn_mul(t, x));
}

T *cairn_kl_div(T *x, T *t, bool log_target, cairn_loss_reduction reduction)
    ELEMENTWISE("kl_div", divergence(x, t, log_target))

/* ---- Classes */

/* What both class losses work on: scores (..., C) of f32 or wider, and labels (..., 1). */
typedef struct classes {
    T *x, *label, *hit;                  /* hit: bool (..., C), true at the label */
    int64_t count;
    const cairn_class_options *o;
} classes;

/* The class axis, 1 of (N, C, d1, ...), at the end. */
static T *class_last(T *x)
{
    return cairn_rank(x) > 2 ? cairn_movedim(x, 1, -1) : x;
}

static bool class_shapes_ok(const char *op, T *x, T *target)
{
    cairn_shape a = cairn_shape_of(x), b = cairn_shape_of(target), want = {.rank = a.rank - 1};
    if (!x || !target)
        return false;
    if (a.rank < 1) {
        error_set(CAIRN_E_SHAPE, "%s: needs an axis of classes, got %s", op, SHAPE(&a));
        return false;
    }
    for (int i = 0, at = 0; i < a.rank; i++)
        if (i != (a.rank > 1))
            want.size[at++] = a.size[i];
    if (shape_equal(&b, &want))
        return true;
    error_set(CAIRN_E_SHAPE, "%s: scores %s need labels %s, got %s", op, SHAPE(&a), SHAPE(&want), SHAPE(&b));
    return false;
}

static bool options_ok(const char *op, const cairn_class_options *o, int64_t count)
{
    cairn_shape w = cairn_shape_of(o->weight);
    if (!(o->label_smoothing >= 0 && o->label_smoothing < 1))
        error_set(CAIRN_E_ARGUMENT, "%s: label smoothing is %g", op, o->label_smoothing);
    else if (o->weight && (w.rank != 1 || w.size[0] != count))
        error_set(CAIRN_E_SHAPE, "%s: the weights of %lld classes are %s", op, (long long)count, SHAPE(&w));
    else
        return true;
    return false;
}

/* Half types are computed in f32. */
static T *widened(T *x)
{
    return cairn_dtype_of(x) == CAIRN_F64 ? x : cairn_to(x, CAIRN_F32);
}

static bool classes_open(const char *op, classes *c, T *x, T *target, const cairn_class_options *o)
{
    static const cairn_class_options none = {0};
    *c = (classes){.o = o ? o : &none, .count = cairn_size(x, cairn_rank(x) > 1 ? 1 : 0)};
    if (!class_shapes_ok(op, x, target) || !options_ok(op, c->o, c->count))
        return false;
    c->x = widened(class_last(x));
    c->label = cairn_unsqueeze(checked_labels(op, target, c->count, c->o->ignore, c->o->ignore_index), -1);
    c->hit = cairn_eq(cairn_arange(0, (double)c->count, 1, CAIRN_I64), c->label);
    return c->x && c->hit;
}

/* The element of x (..., C) at each row's label, (..., 1); 0 where the label is ignored. */
static T *pick(const classes *c, T *x)
{
    return cairn_sum(cairn_where(c->hit, x, num(0)), CAIRN_AXES(-1), true);
}

/* Rows' losses (..., 1), each already times its weight, to what was asked for. */
static T *reduce_rows(const classes *c, T *loss, T *weight)
{
    if (c->o->reduction == CAIRN_NONE)
        return cairn_squeeze(loss, -1);
    if (!weight || c->o->reduction != CAIRN_MEAN)
        return reduced(loss, c->o->reduction);
    return cairn_div(cairn_sum(loss, CAIRN_ALL_AXES, false), cairn_sum(weight, CAIRN_ALL_AXES, false));
}

/* The weight of each row (..., 1): that of its class, 0 where it is ignored; NULL when all are 1. */
static T *row_weight(const classes *c)
{
    if (c->o->weight)
        return pick(c, cairn_to(c->o->weight, cairn_dtype_of(c->x)));
    return c->o->ignore ? cairn_to(cairn_ge(c->label, cairn_integer(0)), cairn_dtype_of(c->x)) : NULL;
}

static T *weighted(T *loss, T *weight) { return weight ? cairn_mul(loss, weight) : loss; }

/* x - max(x) along the last axis, and log sum exp of it: log softmax is their difference. */
static T *shifted(T *x, T **log_sum)
{
    cairn_no_grad_begin();
    T *top = cairn_amax(x, CAIRN_AXES(-1), true);
    cairn_no_grad_end();
    T *d = cairn_sub(x, top);
    *log_sum = cairn_log(cairn_sum(cairn_exp(d), CAIRN_AXES(-1), true));
    return d;
}

/* sum_c w[c] (log_sum - d[c]) s / C: the uniform part of a smoothed target. */
static T *smooth_part(const classes *c, T *d, T *log_sum)
{
    T *all = cairn_sub(log_sum, d);
    if (c->o->weight)
        all = cairn_mul(all, c->o->weight);
    T *part = scale(cairn_sum(all, CAIRN_AXES(-1), true), c->o->label_smoothing / (double)c->count);
    return c->o->ignore ? cairn_where(cairn_ge(c->label, cairn_integer(0)), part, num(0)) : part;
}

static T *index_cross_entropy(T *x, T *target, const cairn_class_options *o)
{
    classes c;
    if (!classes_open("cross_entropy", &c, x, target, o))
        return NULL;
    T *log_sum, *d = shifted(c.x, &log_sum), *weight = row_weight(&c);
    T *loss = weighted(cairn_sub(log_sum, pick(&c, d)), weight);
    if (c.o->label_smoothing > 0)
        loss = cairn_add(scale(loss, 1 - c.o->label_smoothing), smooth_part(&c, d, log_sum));
    return reduce_rows(&c, loss, weight);
}

/* -sum_c w[c] t[c] log softmax(x)[c]; the mean is over rows. */
static T *probability_cross_entropy(T *x, T *target, const cairn_class_options *o)
{
    static const cairn_class_options none = {0};
    classes c = {.o = o ? o : &none, .count = cairn_size(x, cairn_rank(x) > 1 ? 1 : 0)};
    if (!same_shape("cross_entropy", x, target) || !options_ok("cross_entropy", c.o, c.count))
        return NULL;
    if (c.o->ignore) {
        error_set(CAIRN_E_ARGUMENT, "cross_entropy: ignore is for class indices, the target is probabilities");
        return NULL;
    }
    T *log_sum, *d = shifted(widened(class_last(x)), &log_sum), *t = widened(class_last(target));
    if (c.o->label_smoothing > 0)
        t = cairn_add(scale(t, 1 - c.o->label_smoothing), num(c.o->label_smoothing / (double)c.count));
    T *all = cairn_mul(t, cairn_sub(log_sum, d));
    if (c.o->weight)
        all = cairn_mul(all, c.o->weight);
    return reduce_rows(&c, cairn_sum(all, CAIRN_AXES(-1), true), NULL);
}

T *cairn_cross_entropy_with(T *x, T *target, const cairn_class_options *options)
{
    AUTOCAST_WIDE(x, cairn_cross_entropy_with(cairn_to(x, CAIRN_F32), target, options));
    if (!x || !target)
        return NULL;
    if (!type_is_float(cairn_dtype_of(x))) {
        error_set(CAIRN_E_TYPE, "cross_entropy: needs floating logits, got %s", cairn_dtype_name(cairn_dtype_of(x)));
        return NULL;
    }
    bool probabilities = type_is_float(cairn_dtype_of(target));
    COMPOSED(cairn_to((probabilities ? probability_cross_entropy : index_cross_entropy)(x, target, options), cairn_dtype_of(x)));
}

T *cairn_cross_entropy(T *logits, T *target) { return cairn_cross_entropy_with(logits, target, NULL); }

static T *nll(T *x, T *target, const cairn_class_options *o)
{
    classes c;
    if (!classes_open("nll_loss", &c, x, target, o))
        return NULL;
    T *weight = row_weight(&c);
    return reduce_rows(&c, weighted(cairn_neg(pick(&c, c.x)), weight), weight);
}

T *cairn_nll_loss(T *x, T *target, const cairn_class_options *options)
{
    AUTOCAST_WIDE(x, cairn_nll_loss(cairn_to(x, CAIRN_F32), target, options));
    if (!x || !target)
        return NULL;
    if (options && options->label_smoothing != 0) {
        error_set(CAIRN_E_ARGUMENT, "nll_loss: has no label smoothing; cross_entropy has");
        return NULL;
    }
    COMPOSED(cairn_to(nll(x, target, options), cairn_dtype_of(x)));
}
