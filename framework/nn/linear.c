/* Linear layers, and changes of shape. */
#include "framework/nn/module.h"

typedef struct linear {
    int64_t in, out;
    cairn_tensor *weight, *bias;         /* the module's parameters */
} linear;

static cairn_tensor *linear_forward(cairn_module *self, cairn_tensor *x)
{
    const linear *l = self->state;
    if (cairn_size(x, -1) != l->in) {
        cairn_shape s = cairn_shape_of(x);
        error_set(CAIRN_E_SHAPE, "linear: takes (..., %lld), got %s", (long long)l->in, SHAPE(&s));
        return NULL;
    }
    return cairn_f_linear(x, l->weight, l->bias);
}

bool module_is_linear(const cairn_module *m) { return m->forward == linear_forward; }

static void linear_describe(const cairn_module *self, FILE *file)
{
    const linear *l = self->state;
    fprintf(file, "in_features=%lld, out_features=%lld, bias=%s", (long long)l->in, (long long)l->out, l->bias ? "true" : "false");
}

cairn_module *cairn_linear(int64_t in, int64_t out, const cairn_linear_options *options)
{
    if (!sizes_positive("linear", 2, (int64_t[]){in, out}))
        return NULL;
    cairn_module *m = cairn_module_new("Linear", linear_forward, sizeof(linear));
    if (!m)
        return NULL;
    linear *l = m->state;
    m->describe = linear_describe;
    l->in = in;
    l->out = out;
    l->weight = parameter_uniform(m, "weight", CAIRN_SHAPE(out, in), default_bound(in));
    if (!options || !options->no_bias)
        l->bias = parameter_uniform(m, "bias", CAIRN_SHAPE(out), default_bound(in));
    return module_whole(m);
}

/* ---- Shapes */

static cairn_tensor *flatten_forward(cairn_module *self, cairn_tensor *x)
{
    const int *first = self->state;
    return cairn_flatten(x, *first, -1);
}

cairn_module *cairn_flatten_layer(int first)
{
    cairn_module *m = cairn_module_new("Flatten", flatten_forward, sizeof first);
    if (m)
        *(int *)m->state = first;
    return m;
}

typedef struct unflatten {
    int axis;
    cairn_shape sizes;
} unflatten;

static cairn_tensor *unflatten_forward(cairn_module *self, cairn_tensor *x)
{
    const unflatten *u = self->state;
    return cairn_unflatten(x, u->axis, u->sizes);
}

cairn_module *cairn_unflatten_layer(int axis, cairn_shape sizes)
{
    cairn_module *m = cairn_module_new("Unflatten", unflatten_forward, sizeof(unflatten));
    if (m)
        *(unflatten *)m->state = (unflatten){axis, sizes};
    return m;
}
