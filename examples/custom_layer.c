/* A layer and a loss of one's own: a network learns a curve, and how sure it may be of it.
 *
 *     custom_layer [--steps N]
 *
 * The layer is a Fourier embedding, whose frequencies are parameters; the loss is the negative log likelihood of a normal
 * distribution whose mean and logarithm of the deviation the network gives. */
#include "options.h"
#include <math.h>

/* What the layer remembers, besides its parameter. */
typedef struct fourier {
    cairn_tensor *frequency;
} fourier;

/* (N, 1) -> (N, 2 count): sin(x f), cos(x f) */
static cairn_tensor *fourier_forward(cairn_module *self, cairn_tensor *x)
{
    const fourier *f = cairn_state(self);
    cairn_tensor *angle = cairn_mul(x, f->frequency);
    return cairn_cat(2, (cairn_tensor *[]){cairn_sin(angle), cairn_cos(angle)}, 1);
}

static cairn_module *fourier_layer(int64_t count)
{
    cairn_module *m = cairn_module_new("Fourier", fourier_forward, sizeof(fourier));
    if (!m)
        return NULL;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *start = cairn_mul(cairn_randn(CAIRN_SHAPE(count), CAIRN_F32), cairn_number(2));
    fourier *f = cairn_state(m);
    f->frequency = cairn_module_add_parameter(m, "frequency", start);
    cairn_scope_pop(mark, NULL);
    return m;
}

/* mean log s + ((y - m) / s)^2 / 2, for rows (m, log s). */
static cairn_tensor *normal_loss(cairn_tensor *rows, cairn_tensor *y)
{
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *m = cairn_narrow(rows, 1, 0, 1), *log_s = cairn_narrow(rows, 1, 1, 1);
    cairn_tensor *z = cairn_mul(cairn_sub(y, m), cairn_exp(cairn_neg(log_s)));
    cairn_tensor *each = cairn_add(log_s, cairn_mul(cairn_square(z), cairn_number(0.5)));
    return cairn_scope_pop(mark, cairn_mean(each, CAIRN_ALL_AXES, false));
}

/* y = sin(3 x) with noise that grows with x. */
static cairn_tensor *sample(cairn_tensor *x)
{
    cairn_tensor *noise = cairn_mul(cairn_randn(cairn_shape_of(x), CAIRN_F32), cairn_mul(cairn_abs(x), cairn_number(0.2)));
    return cairn_add(cairn_sin(cairn_mul(x, cairn_number(3))), noise);
}

int main(int argc, char **argv)
{
    int steps = steps_wanted(argc, argv, 2000);
    cairn_seed(3);
    cairn_module *net = cairn_sequential(fourier_layer(16), cairn_linear(32, 64, NULL), cairn_activation(CAIRN_TANH),
                                         cairn_linear(64, 2, NULL), NULL);
    cairn_optimizer *adam = cairn_adam(cairn_parameters(net), &(cairn_adam_options){.lr = 3e-3});
    cairn_scheduler *schedule = cairn_cosine_lr(adam, steps > 0 ? steps : 1, 0);
    for (int step = 0; step < steps && !cairn_error(); step++) {
        cairn_mark mark = cairn_scope_push();
        cairn_tensor *x = cairn_mul(cairn_sub(cairn_rand(CAIRN_SHAPE(128, 1), CAIRN_F32), cairn_number(0.5)), cairn_number(4));
        cairn_tensor *loss = normal_loss(cairn_call(net, x), sample(x));
        cairn_backward(loss);
        cairn_clip_grad_norm(cairn_parameters(net), 1, 2);
        cairn_step(adam);
        cairn_scheduler_step(schedule);
        if (worth_a_line(step, steps))
            printf("step %4d  loss %8.4f  lr %.5f\n", step, cairn_item(loss), cairn_lr(adam, 0));
        cairn_scope_pop(mark, NULL);
    }
    cairn_mark mark = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_tensor *x = cairn_reshape(cairn_linspace(-2, 2, 9, CAIRN_F32), CAIRN_SHAPE(9, 1)), *rows = cairn_call(net, x);
    cairn_tensor *table = cairn_cat(4, (cairn_tensor *[]){x, cairn_sin(cairn_mul(x, cairn_number(3))), cairn_narrow(rows, 1, 0, 1),
                                                         cairn_exp(cairn_narrow(rows, 1, 1, 1))}, 1);
    printf("x, sin(3 x), mean, deviation:\n");
    cairn_print(table);
    cairn_no_grad_end();
    cairn_scope_pop(mark, NULL);

    cairn_scheduler_free(schedule);
    cairn_optimizer_free(adam);
    cairn_module_free(net);
    return cairn_error() ? 1 : 0;
}
