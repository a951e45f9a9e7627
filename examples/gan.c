/* Two networks against each other: one draws digits, the other tells them from real ones (Goodfellow et al., 2014).
 *
 *     gan [--steps N] [FILE.png]
 *
 * FILE.png: where to put 8 x 8 digits at the end. */
#include "options.h"

enum { NOISE = 16, BATCH = 64, SIDE = 8 };

static cairn_module *artist(void)
{
    return cairn_sequential(cairn_linear(NOISE, 128, NULL), cairn_activation(CAIRN_RELU), cairn_linear(128, 256, NULL),
                            cairn_activation(CAIRN_RELU), cairn_linear(256, SIDE * SIDE, NULL), cairn_activation(CAIRN_SIGMOID), NULL);
}

static cairn_module *critic(void)
{
    return cairn_sequential(cairn_linear(SIDE * SIDE, 128, NULL), cairn_activation_with(CAIRN_LEAKY_RELU, 0.2), cairn_dropout(0.3),
                            cairn_linear(128, 1, NULL), NULL);
}

static cairn_tensor *drawn(cairn_module *m, int64_t count)
{
    return cairn_call(m, cairn_randn(CAIRN_SHAPE(count, NOISE), CAIRN_F32));
}

/* How far the critic is from saying `truth` (1: real, 0: drawn) of all of x. */
static cairn_tensor *verdict(cairn_module *m, cairn_tensor *x, double truth)
{
    cairn_tensor *y = cairn_call(m, x);
    return cairn_bce_with_logits(y, cairn_full_like(y, truth), NULL, CAIRN_MEAN);
}

/* A sheet of 8 x 8 pictures. */
static void save_sheet(cairn_module *m, const char *file)
{
    cairn_mark mark = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_tensor *x = cairn_reshape(drawn(m, 64), CAIRN_SHAPE(8, 8, SIDE, SIDE));
    x = cairn_reshape(cairn_permute(x, CAIRN_AXES(0, 2, 1, 3)), CAIRN_SHAPE(8 * SIDE, 8 * SIDE));
    if (cairn_save_png(file, cairn_to(cairn_mul(x, cairn_number(255)), CAIRN_U8)) == CAIRN_OK)
        printf("64 digits in %s\n", file);
    cairn_no_grad_end();
    cairn_scope_pop(mark, NULL);
}

int main(int argc, char **argv)
{
    int steps = steps_wanted(argc, argv, 3000), step = 0;
    const char *file = file_wanted(argc, argv);
    cairn_seed(4);
    cairn_module *draws = artist(), *judges = critic();
    cairn_adam_options options = {.lr = 4e-4, .beta1 = 0.5};
    cairn_optimizer *better_artist = cairn_adam(cairn_parameters(draws), &options);
    cairn_optimizer *better_critic = cairn_adam(cairn_parameters(judges), &options);
    cairn_loader *digits = cairn_loader_new(cairn_digits("train", NULL), &(cairn_loader_options){.batch = BATCH, .shuffle = true, .drop_last = true});
    while (step < steps && !cairn_error())
        for (cairn_batch b; step < steps && cairn_loader_next(digits, &b); step++) {
            cairn_mark mark = cairn_scope_push();
            cairn_tensor *fake = drawn(draws, b.size), *real = cairn_flatten(b.x, 1, -1);
            /* The critic learns from both; cairn_detach: no gradient to the artist. */
            cairn_tensor *critics_loss = cairn_add(verdict(judges, real, 1), verdict(judges, cairn_detach(fake), 0));
            cairn_backward(critics_loss);
            cairn_step(better_critic);
            /* The artist learns to be taken for real. The critic's gradients, which come along, are dropped. */
            cairn_tensor *artists_loss = verdict(judges, fake, 1);
            cairn_backward(artists_loss);
            cairn_step(better_artist);
            cairn_zero_grad(better_critic);
            if (worth_a_line(step, steps))
                printf("step %5d  critic %.4f  artist %.4f\n", step, cairn_item(critics_loss), cairn_item(artists_loss));
            cairn_scope_pop(mark, NULL);
        }
    if (file)
        save_sheet(draws, file);
    cairn_loader_free(digits);
    cairn_optimizer_free(better_artist);
    cairn_optimizer_free(better_critic);
    cairn_module_free(draws);
    cairn_module_free(judges);
    return cairn_error() ? 1 : 0;
}
