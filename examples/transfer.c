/* Transfer learning: what a network has learnt of ten digits helps it to tell odd from even.
 *
 *     transfer [--steps N] [FILE.safetensors]
 *
 * It learns the digits, is saved and loaded, its body is frozen, its head replaced, and only the new head is trained.
 * FILE is where it is saved; without one, in digits.safetensors, which is removed. */
#include "options.h"

static cairn_module *network(int64_t classes)
{
    cairn_module *m = cairn_sequential(
        cairn_conv2d(1, 16, 3, &(cairn_conv_options){.padding = {1, 1}, .no_bias = true}), cairn_batch_norm2d(16, NULL),
        cairn_activation(CAIRN_RELU), cairn_max_pool2d(2, NULL), cairn_flatten_layer(1),
        cairn_linear(16 * 4 * 4, 64, NULL), cairn_activation(CAIRN_RELU), NULL);
    cairn_module *whole = cairn_sequential(m, cairn_linear(64, classes, NULL), NULL);      /* "0": the body, "1": the head */
    return whole;
}

static cairn_tensor *same(cairn_tensor *y) { return y; }
static cairn_tensor *odd(cairn_tensor *y) { return cairn_remainder(y, cairn_integer(2)); }

static void train(cairn_module *net, cairn_tensor *(*label)(cairn_tensor *y), int steps)
{
    cairn_optimizer *o = cairn_adam(cairn_parameters(net), &(cairn_adam_options){.lr = 2e-3});   /* frozen ones have no gradient */
    cairn_loader *batches = cairn_loader_new(cairn_digits("train", NULL), &(cairn_loader_options){.batch = 64, .shuffle = true, .seed = 1});
    int step = 0;
    while (step < steps && !cairn_error())
        for (cairn_batch b; step < steps && cairn_loader_next(batches, &b); step++) {
            cairn_mark mark = cairn_scope_push();
            cairn_backward(cairn_cross_entropy(cairn_call(net, b.x), label(b.y)));
            cairn_step(o);
            cairn_scope_pop(mark, NULL);
        }
    cairn_loader_free(batches);
    cairn_optimizer_free(o);
}

static double accuracy(cairn_module *net, cairn_tensor *(*label)(cairn_tensor *y))
{
    cairn_loader *batches = cairn_loader_new(cairn_digits("test", NULL), &(cairn_loader_options){.batch = 120});
    double right = 0, all = 0;
    cairn_set_training(net, false);
    cairn_no_grad_begin();
    for (cairn_batch b; cairn_loader_next(batches, &b);) {
        cairn_mark mark = cairn_scope_push();
        cairn_tensor *hits = cairn_eq(cairn_argmax(cairn_call(net, b.x), 1, false), label(b.y));
        right += cairn_item(cairn_sum(hits, CAIRN_ALL_AXES, false));
        all += (double)b.size;
        cairn_scope_pop(mark, NULL);
    }
    cairn_no_grad_end();
    cairn_set_training(net, true);
    cairn_loader_free(batches);
    return right / all;
}

int main(int argc, char **argv)
{
    int steps = steps_wanted(argc, argv, 200);
    const char *given = file_wanted(argc, argv), *file = given ? given : "digits.safetensors";
    cairn_seed(1);
    cairn_module *teacher = network(10);
    train(teacher, same, steps);
    printf("ten digits: %.1f %%\n", 100 * accuracy(teacher, same));
    cairn_save(teacher, file);
    cairn_module_free(teacher);

    cairn_module *net = network(10);
    cairn_load(net, file);
    cairn_set_trainable(net, false);                                 /* freeze all */
    cairn_module_replace(net, "1", cairn_linear(64, 2, NULL));       /* a new head, which is not frozen */
    printf("odd or even, before: %.1f %%\n", 100 * accuracy(net, odd));
    train(net, odd, steps / 4 + 1);
    printf("odd or even, after %d steps of the head: %.1f %%\n", steps / 4 + 1, 100 * accuracy(net, odd));
    cairn_module_free(net);
    if (!given)
        remove(file);
    return cairn_error() ? 1 : 0;
}
