/* Networks that are only asked, not trained: ResNet-50, a small convolutional network, a small MLP; random weights.
 *
 *     inference [FILTER [as-it-is]]    one line a workload: best and median time of a call, from input to output; with weights packed once,
 *                                      or as they are */
#include "measure.h"
#include <cairn/cairn.h>

typedef struct work {
    cairn_module *net;
    cairn_tensor *x;
} work;

static void infer(void *context)
{
    const work *w = context;
    cairn_mark m = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_eval(cairn_call(w->net, w->x));
    cairn_no_grad_end();
    cairn_scope_pop(m, NULL);
}

/* ---- ResNet-50 (He et al., 2015; the stride in the 3 x 3 convolution, as torchvision has it) --------------------- */

static cairn_module *convolution(int64_t in, int64_t out, int64_t kernel, int64_t stride)
{
    const cairn_conv_options o = {.padding = {kernel / 2, kernel / 2}, .stride = {stride, stride}, .no_bias = true};
    return cairn_sequential(cairn_conv2d(in, out, kernel, &o), cairn_batch_norm2d(out, NULL));
}

static cairn_tensor *bottleneck_forward(cairn_module *self, cairn_tensor *x)
{
    return cairn_relu(cairn_add(cairn_call(cairn_child(self, "body"), x), cairn_call(cairn_child(self, "skip"), x)));
}

static cairn_module *bottleneck(int64_t in, int64_t width, int64_t stride)
{
    cairn_module *m = cairn_module_new("Bottleneck", bottleneck_forward, 0);
    cairn_module_add(m, "body", cairn_sequential(convolution(in, width, 1, 1), cairn_activation(CAIRN_RELU), convolution(width, width, 3, stride),
                                                 cairn_activation(CAIRN_RELU), convolution(width, 4 * width, 1, 1)));
    cairn_module_add(m, "skip", stride == 1 && in == 4 * width ? cairn_identity() : convolution(in, 4 * width, 1, stride));
    return m;
}

static cairn_module *resnet50(void)
{
    static const int counts[4] = {3, 4, 6, 3};
    const cairn_pool_options window = {.stride = {2, 2}, .padding = {1, 1}};
    cairn_module *m = cairn_sequential(convolution(3, 64, 7, 2), cairn_activation(CAIRN_RELU), cairn_max_pool2d(3, &window));
    int64_t in = 64;
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < counts[stage]; i++, in = 4 * 64 << stage)
            cairn_module_append(m, bottleneck(in, 64 << stage, stage && !i ? 2 : 1));
    cairn_module_append(m, cairn_adaptive_avg_pool2d(1, 1));
    cairn_module_append(m, cairn_flatten_layer(1));
    cairn_module_append(m, cairn_linear(2048, 1000, NULL));
    return m;
}

/* ---- Small ones ---------------------------------------------------------------------------------------------------- */

static cairn_module *small_cnn(void)
{
    const cairn_conv_options same = {.padding = {1, 1}};
    return cairn_sequential(cairn_conv2d(1, 32, 3, &same), cairn_activation(CAIRN_RELU), cairn_max_pool2d(2, NULL),
                            cairn_conv2d(32, 64, 3, &same), cairn_activation(CAIRN_RELU), cairn_max_pool2d(2, NULL),
                            cairn_flatten_layer(1), cairn_linear(3136, 128, NULL), cairn_activation(CAIRN_RELU), cairn_linear(128, 10, NULL));
}

static cairn_module *mlp(void)
{
    return cairn_sequential(cairn_linear(784, 512, NULL), cairn_activation(CAIRN_RELU), cairn_linear(512, 512, NULL),
                            cairn_activation(CAIRN_RELU), cairn_linear(512, 10, NULL));
}

static const struct row {
    const char *name;
    cairn_module *(*build)(void);
    cairn_shape x;
} rows[] = {
    {"ResNet-50 224 b1", resnet50, {4, {1, 3, 224, 224}}},
    {"ResNet-50 224 b8", resnet50, {4, {8, 3, 224, 224}}},
    {"CNN 1-32-64 28x28 b1", small_cnn, {4, {1, 1, 28, 28}}},
    {"MLP 784-512-512-10 b1", mlp, {2, {1, 784}}},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (argc > 1 && !strstr(rows[i].name, argv[1]))
            continue;
        work w = {rows[i].build(), cairn_keep(cairn_randn(rows[i].x, CAIRN_F32))};
        if (argc > 2 ? cairn_set_training(w.net, false), CAIRN_OK : cairn_optimize_for_inference(w.net))
            return 1;
        cairn_eval(w.x);
        const timing t = measure(infer, &w, 1);
        printf("inference %-24s best %10.2f us, median %10.2f us\n", rows[i].name, t.best * 1e6, t.median * 1e6);
        cairn_module_free(w.net);
        cairn_drop(w.x);
    }
    return cairn_error() ? 1 : 0;
}
