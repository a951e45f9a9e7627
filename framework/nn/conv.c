/* Convolution layers. */
#include "framework/nn/module.h"

typedef cairn_tensor *(*conv_function)(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, const cairn_conv_options *options);

typedef struct conv {
    conv_function function;
    cairn_conv_options o;
    int axes;
    int64_t in, out, kernel[3];
    cairn_tensor *weight, *bias;
} conv;

static cairn_tensor *conv_forward(cairn_module *self, cairn_tensor *x)
{
    const conv *c = self->state;
    return c->function(x, c->weight, c->bias, &c->o);
}

static void conv_describe(const cairn_module *self, FILE *file)
{
    const conv *c = self->state;
    fprintf(file, "%lld, %lld, kernel_size=(", (long long)c->in, (long long)c->out);
    for (int i = 0; i < c->axes; i++)
        fprintf(file, i ? ", %lld" : "%lld", (long long)c->kernel[i]);
    fprintf(file, "), stride=%lld, padding=%lld", (long long)c->o.stride[0], (long long)c->o.padding[0]);
    if (c->o.groups != 1)
        fprintf(file, ", groups=%lld", (long long)c->o.groups);
}

static bool groups_ok(const char *kind, const conv *c)
{
    if (c->o.groups > 0 && c->in % c->o.groups == 0 && c->out % c->o.groups == 0)
        return true;
    error_set(CAIRN_E_ARGUMENT, "%s: %lld and %lld channels in %lld groups", kind, (long long)c->in, (long long)c->out, (long long)c->o.groups);
    return false;
}

/* Weights (first, second / groups, kernel); both they and the bias uniform as PyTorch's. */
static cairn_module *conv_new(const char *kind, conv start, const cairn_conv_options *options, bool transposed)
{
    conv c = start;
    c.o = options ? *options : (cairn_conv_options){0};
    c.o.groups = c.o.groups ? c.o.groups : 1;
    if (!sizes_positive(kind, 2, (int64_t[]){c.in, c.out}) || !sizes_positive(kind, c.axes, c.kernel) || !groups_ok(kind, &c))
        return NULL;
    cairn_module *m = cairn_module_new(kind, conv_forward, sizeof(conv));
    if (!m)
        return NULL;
    cairn_shape weight = {.rank = 2 + c.axes, .size = {transposed ? c.in : c.out, (transposed ? c.out : c.in) / c.o.groups}};
    int64_t fan_in = weight.size[1];
    for (int i = 0; i < c.axes; i++) {
        c.o.stride[i] = c.o.stride[i] ? c.o.stride[i] : 1;
        c.o.dilation[i] = c.o.dilation[i] ? c.o.dilation[i] : 1;
        weight.size[2 + i] = c.kernel[i];
        fan_in *= c.kernel[i];
    }
    double bound = default_bound(fan_in);
    m->describe = conv_describe;
    c.weight = parameter_uniform(m, "weight", weight, bound);
    if (!c.o.no_bias)
        c.bias = parameter_uniform(m, "bias", CAIRN_SHAPE(c.out), bound);
    *(conv *)m->state = c;
    return module_whole(m);
}

cairn_module *cairn_conv1d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options)
{
    return conv_new("Conv1d", (conv){cairn_f_conv1d, .axes = 1, .in = in, .out = out, .kernel = {kernel}}, options, false);
}

cairn_module *cairn_conv2d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options)
{
    return cairn_conv2d_of(in, out, kernel, kernel, options);
}

cairn_module *cairn_conv2d_of(int64_t in, int64_t out, int64_t height, int64_t width, const cairn_conv_options *options)
{
    return conv_new("Conv2d", (conv){cairn_f_conv2d, .axes = 2, .in = in, .out = out, .kernel = {height, width}}, options, false);
}

cairn_module *cairn_conv3d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options)
{
    return cairn_conv3d_of(in, out, kernel, kernel, kernel, options);
}

cairn_module *cairn_conv3d_of(int64_t in, int64_t out, int64_t depth, int64_t height, int64_t width, const cairn_conv_options *options)
{
    return conv_new("Conv3d", (conv){cairn_f_conv3d, .axes = 3, .in = in, .out = out, .kernel = {depth, height, width}}, options, false);
}

cairn_module *cairn_conv_transpose1d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options)
{
    return conv_new("ConvTranspose1d", (conv){cairn_f_conv_transpose1d, .axes = 1, .in = in, .out = out, .kernel = {kernel}}, options, true);
}

cairn_module *cairn_conv_transpose2d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options)
{
    return conv_new("ConvTranspose2d", (conv){cairn_f_conv_transpose2d, .axes = 2, .in = in, .out = out, .kernel = {kernel, kernel}}, options, true);
}

cairn_module *cairn_conv_transpose3d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options)
{
    return conv_new("ConvTranspose3d", (conv){cairn_f_conv_transpose3d, .axes = 3, .in = in, .out = out, .kernel = {kernel, kernel, kernel}},
                    options, true);
}
