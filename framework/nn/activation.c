/* Activations as layers. */
#include "framework/nn/module.h"
#include <math.h>

typedef struct activation {
    cairn_activation_kind kind;
    double a;
} activation;

static cairn_tensor *activation_forward(cairn_module *self, cairn_tensor *x)
{
    const activation *s = self->state;
    double a = s->a;
    (void)a;
    switch (s->kind) {
#define X(name, text, function, otherwise) case CAIRN_##name: return function;
        CAIRN_ACTIVATIONS(X)
#undef X
    case CAIRN_ACTIVATION_COUNT: break;
    }
    return NULL;
}

static const struct {
    const char *name;
    double a;
} rows[] = {
#define X(name, text, function, otherwise) {text, otherwise},
    CAIRN_ACTIVATIONS(X)
#undef X
};

cairn_module *cairn_activation_with(cairn_activation_kind kind, double a)
{
    if ((unsigned)kind >= CAIRN_ACTIVATION_COUNT) {
        error_set(CAIRN_E_ARGUMENT, "activation: there is no kind %d", (int)kind);
        return NULL;
    }
    cairn_module *m = cairn_module_new(rows[kind].name, activation_forward, sizeof(activation));
    if (m)
        *(activation *)m->state = (activation){kind, a};
    return m;
}

cairn_module *cairn_activation(cairn_activation_kind kind)
{
    return cairn_activation_with(kind, (unsigned)kind < CAIRN_ACTIVATION_COUNT ? rows[kind].a : 0);
}

double cairn_gain(cairn_activation_kind kind, double a)
{
    switch (kind) {
    case CAIRN_RELU: return M_SQRT2;
    case CAIRN_LEAKY_RELU: return sqrt(2 / (1 + a * a));
    case CAIRN_TANH: return 5.0 / 3;
    case CAIRN_SELU: return 0.75;
    default: return 1;
    }
}

/* ---- A function of one's own */

typedef struct applied {
    cairn_tensor *(*function)(cairn_tensor *);
} applied;

static cairn_tensor *apply_forward(cairn_module *self, cairn_tensor *x)
{
    return ((const applied *)self->state)->function(x);
}

cairn_module *cairn_apply(const char *kind, cairn_tensor *(*function)(cairn_tensor *x))
{
    if (!function) {
        error_set(CAIRN_E_ARGUMENT, "apply: the function is NULL");
        return NULL;
    }
    cairn_module *m = cairn_module_new(kind ? kind : "Apply", apply_forward, sizeof(applied));
    if (m)
        *(applied *)m->state = (applied){function};
    return m;
}

/* ---- PReLU, softmax */

static cairn_tensor *prelu_forward(cairn_module *self, cairn_tensor *x)
{
    return cairn_prelu(x, *(cairn_tensor **)self->state);
}

cairn_module *cairn_prelu_layer(int64_t slopes)
{
    if (!sizes_positive("prelu", 1, &slopes))
        return NULL;
    cairn_module *m = cairn_module_new("PReLU", prelu_forward, sizeof(cairn_tensor *));
    if (m)
        *(cairn_tensor **)m->state = parameter_full(m, "weight", CAIRN_SHAPE(slopes), 0.25);
    return module_whole(m);
}

static cairn_tensor *softmax_forward(cairn_module *self, cairn_tensor *x) { return cairn_softmax(x, *(int *)self->state); }
static cairn_tensor *log_softmax_forward(cairn_module *self, cairn_tensor *x) { return cairn_log_softmax(x, *(int *)self->state); }

static cairn_module *along(const char *kind, cairn_forward forward, int axis)
{
    cairn_module *m = cairn_module_new(kind, forward, sizeof axis);
    if (m)
        *(int *)m->state = axis;
    return m;
}
cairn_module *cairn_softmax_layer(int axis) { return along("Softmax", softmax_forward, axis); }
cairn_module *cairn_log_softmax_layer(int axis) { return along("LogSoftmax", log_softmax_forward, axis); }
