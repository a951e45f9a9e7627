/* Normalisation layers. */
#include "framework/nn/module.h"
#include "framework/optim/optimizer.h"

typedef struct norm {
    int axes;                            /* layer and RMS norm: how many */
    int ranks;                           /* batch norm: the ranks it takes, a mask */
    int64_t groups, channels;
    double eps, momentum;
    bool statistics;
    cairn_tensor *weight, *bias, *mean, *variance, *batches;
} norm;

/* With ones and zeros as weight and bias of that shape, unless the options say without. */
static cairn_module *norm_new(const char *kind, cairn_forward forward, cairn_shape shape, bool biased, const cairn_norm_options *options,
                              norm **out)
{
    cairn_norm_options o = options ? *options : (cairn_norm_options){0};
    if (shape.rank < 1 || shape.rank > CAIRN_MAX_RANK || !sizes_positive(kind, shape.rank, shape.size)) {
        if (!cairn_error())
            error_set(CAIRN_E_ARGUMENT, "%s: a shape of rank %d", kind, shape.rank);
        return NULL;
    }
    cairn_module *m = cairn_module_new(kind, forward, sizeof(norm));
    if (!m)
        return NULL;
    norm *n = *out = m->state;
    n->axes = shape.rank;
    n->channels = shape.size[0];
    n->eps = option_or(o.eps, 1e-5);
    n->momentum = option_or(o.momentum, 0.1);
    if (!o.no_affine) {
        n->weight = parameter_full(m, "weight", shape, 1);
        n->bias = biased ? parameter_full(m, "bias", shape, 0) : NULL;
    }
    return m;
}

/* ---- Layer, RMS, group, instance */

static cairn_tensor *layer_forward(cairn_module *self, cairn_tensor *x)
{
    const norm *n = self->state;
    return cairn_f_layer_norm(x, n->axes, n->weight, n->bias, n->eps);
}

cairn_module *cairn_layer_norm(cairn_shape shape, const cairn_norm_options *options)
{
    norm *n;
    return module_whole(norm_new("LayerNorm", layer_forward, shape, true, options, &n));
}

static cairn_tensor *rms_forward(cairn_module *self, cairn_tensor *x)
{
    const norm *n = self->state;
    return cairn_f_rms_norm(x, n->axes, n->weight, n->eps);
}

cairn_module *cairn_rms_norm(cairn_shape shape, const cairn_norm_options *options)
{
    norm *n;
    return module_whole(norm_new("RMSNorm", rms_forward, shape, false, options, &n));
}

static cairn_tensor *group_forward(cairn_module *self, cairn_tensor *x)
{
    const norm *n = self->state;
    return cairn_f_group_norm(x, n->groups, n->weight, n->bias, n->eps);
}

cairn_module *cairn_group_norm(int64_t groups, int64_t channels, const cairn_norm_options *options)
{
    norm *n;
    if (groups <= 0 || channels % groups) {
        error_set(CAIRN_E_ARGUMENT, "GroupNorm: %lld channels in %lld groups", (long long)channels, (long long)groups);
        return NULL;
    }
    cairn_module *m = norm_new("GroupNorm", group_forward, CAIRN_SHAPE(channels), true, options, &n);
    if (m)
        n->groups = groups;
    return module_whole(m);
}

static cairn_tensor *instance_forward(cairn_module *self, cairn_tensor *x)
{
    const norm *n = self->state;
    return cairn_f_instance_norm(x, n->weight, n->bias, n->eps);
}

cairn_module *cairn_instance_norm(int64_t channels, const cairn_norm_options *options)
{
    norm *n;
    return module_whole(norm_new("InstanceNorm", instance_forward, CAIRN_SHAPE(channels), true, options, &n));
}

/* ---- Batch norm */

/* One batch more. The count is a constant, so that nothing needs computing. */
static bool count_batch(cairn_tensor *batches)
{
    value *v = handle_value(batches);
    int64_t n = v && v->op == OP_constant ? v->param.i : cairn_item_i64(batches);
    return handle_assign(batches, value_constant(&(shape){0}, CAIRN_I64, (program_value){.i = n + 1}));
}

static bool shape_ok(const norm *n, cairn_tensor *x)
{
    cairn_shape s = cairn_shape_of(x);
    if (s.rank >= 2 && n->ranks >> s.rank & 1 && s.size[1] == n->channels)
        return true;
    error_set(CAIRN_E_SHAPE, "batch_norm: %lld channels, rank %s, got %s", (long long)n->channels, n->ranks == 1 << 4 ? "4" : "2 or 3", SHAPE(&s));
    return false;
}

static cairn_tensor *batch_forward(cairn_module *self, cairn_tensor *x)
{
    const norm *n = self->state;
    bool training = cairn_is_training(self);
    if (!shape_ok(n, x))
        return NULL;
    cairn_tensor *y = cairn_f_batch_norm(x, n->mean, n->variance, n->weight, n->bias, training || !n->statistics, n->momentum, n->eps);
    if (!y || !training || !n->statistics)
        return y;
    bool whole = count_batch(n->batches) && evaluate_with_next(handle_value(n->mean)) && evaluate_with_next(handle_value(n->variance));
    return whole ? y : NULL;
}

static cairn_tensor *buffer_full(cairn_module *m, const char *name, cairn_shape shape, double number, cairn_dtype type)
{
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *x = cairn_module_add_buffer(m, name, cairn_full(shape, number, type));
    cairn_scope_pop(mark, NULL);
    return x;
}

static cairn_module *batch_norm(const char *kind, int ranks, int64_t channels, const cairn_norm_options *options)
{
    norm *n;
    cairn_module *m = norm_new(kind, batch_forward, CAIRN_SHAPE(channels), true, options, &n);
    if (!m)
        return NULL;
    n->ranks = ranks;
    n->statistics = !options || !options->no_statistics;
    if (n->statistics) {
        n->mean = buffer_full(m, "running_mean", CAIRN_SHAPE(channels), 0, CAIRN_F32);
        n->variance = buffer_full(m, "running_var", CAIRN_SHAPE(channels), 1, CAIRN_F32);
        n->batches = buffer_full(m, "num_batches_tracked", CAIRN_SCALAR, 0, CAIRN_I64);
    }
    return module_whole(m);
}

cairn_module *cairn_batch_norm1d(int64_t channels, const cairn_norm_options *options)
{
    return batch_norm("BatchNorm1d", 1 << 2 | 1 << 3, channels, options);
}
cairn_module *cairn_batch_norm2d(int64_t channels, const cairn_norm_options *options)
{
    return batch_norm("BatchNorm2d", 1 << 4, channels, options);
}
