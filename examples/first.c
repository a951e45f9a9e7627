/* A first program: a convolutional network learns to read digits.
 *
 *     first [--steps N]
 *
 * The data, 1,797 digits of 8 x 8 pixels (UCI), comes with Cairn. */
#include "options.h"

/* A block of one's own: y = x + body(x). */
static cairn_tensor *residual_forward(cairn_module *self, cairn_tensor *x)
{
    return cairn_add(x, cairn_call(cairn_child(self, "body"), x));
}

static cairn_module *residual(int64_t channels)
{
    cairn_module *m = cairn_module_new("Residual", residual_forward, 0);
    cairn_module_add(m, "body", cairn_sequential(
        cairn_conv2d(channels, channels, 3, &(cairn_conv_options){.padding = {1, 1}}), cairn_activation(CAIRN_RELU), NULL));
    return m;
}

/* The share of right answers; rows of logits, one class index each. */
static double accuracy(cairn_module *net, cairn_loader *batches)
{
    double right = 0, all = 0;
    cairn_set_training(net, false);
    cairn_no_grad_begin();
    for (cairn_batch b; cairn_loader_next(batches, &b);) {
        cairn_mark mark = cairn_scope_push();
        cairn_tensor *guess = cairn_argmax(cairn_call(net, b.x), 1, false);
        right += cairn_item(cairn_sum(cairn_eq(guess, b.y), CAIRN_ALL_AXES, false));
        all += (double)b.size;
        cairn_scope_pop(mark, NULL);
    }
    cairn_no_grad_end();
    cairn_set_training(net, true);
    return right / all;
}

int main(int argc, char **argv)
{
    int steps = steps_wanted(argc, argv, 300), step = 0;
    cairn_seed(1);
    cairn_module *net = cairn_sequential(
        cairn_conv2d(1, 16, 3, &(cairn_conv_options){.padding = {1, 1}}), cairn_activation(CAIRN_RELU),
        cairn_max_pool2d(2, NULL), residual(16), cairn_flatten_layer(1), cairn_linear(16 * 4 * 4, 10, NULL), NULL);
    cairn_optimizer *adam = cairn_adam(cairn_parameters(net), &(cairn_adam_options){.lr = 2e-3});
    cairn_loader *train = cairn_loader_new(cairn_digits("train", NULL), &(cairn_loader_options){.batch = 64, .shuffle = true, .seed = 1});
    cairn_loader *test = cairn_loader_new(cairn_digits("test", NULL), &(cairn_loader_options){.batch = 180});
    if (cairn_error())
        return 1;
    cairn_module_print(stdout, net);

    while (step < steps && !cairn_error())
        for (cairn_batch b; step < steps && cairn_loader_next(train, &b); step++) {
            cairn_mark mark = cairn_scope_push();
            cairn_tensor *loss = cairn_cross_entropy(cairn_call(net, b.x), b.y);
            cairn_backward(loss);
            cairn_step(adam);                                /* gradients are cleared with the step */
            if (worth_a_line(step, steps))
                printf("step %4d  loss %.4f\n", step, cairn_item(loss));
            cairn_scope_pop(mark, NULL);
        }
    printf("test accuracy %.1f %%\n", 100 * accuracy(net, test));

    cairn_loader_free(train);
    cairn_loader_free(test);
    cairn_optimizer_free(adam);
    cairn_module_free(net);
    return cairn_error() ? 1 : 0;
}
