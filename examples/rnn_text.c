/* An LSTM learns to write, character by character.
 *
 *     rnn_text [--steps N] [FILE] */
#include "text.h"

enum { WIDTH = 64, HIDDEN = 128, ROWS = 16, LENGTH = 32 };

/* The parts are called one by one, because the state goes from character to character when it writes. */
static cairn_module *writer(int kinds)
{
    cairn_module *m = cairn_module_dict();
    cairn_module_add(m, "embedding", cairn_embedding(kinds, WIDTH, NULL));
    cairn_module_add(m, "lstm", cairn_lstm(WIDTH, HIDDEN, &(cairn_rnn_options){.batch_first = true}));
    cairn_module_add(m, "head", cairn_linear(HIDDEN, kinds, NULL));
    return m;
}

/* Indices (N, T) -> logits (N, T, kinds); h and c are the state before, NULL at the start, and become that after. */
static cairn_tensor *read_on(cairn_module *m, cairn_tensor *x, cairn_tensor **h, cairn_tensor **c)
{
    cairn_rnn_result r;
    if (cairn_recur(cairn_child(m, "lstm"), cairn_call(cairn_child(m, "embedding"), x), *h, *c, &r))
        return NULL;
    *h = r.h;
    *c = r.c;
    return cairn_call(cairn_child(m, "head"), r.output);
}

static void write_some(cairn_module *m, const text *t, int count)
{
    cairn_tensor *h = NULL, *c = NULL;
    int64_t last = t->code[0];
    cairn_no_grad_begin();
    for (int i = 0; i < count && !cairn_error(); i++) {
        putchar(t->letter[last]);
        last = text_draw(read_on(m, cairn_from(&last, CAIRN_SHAPE(1, 1), CAIRN_I64), &h, &c));
    }
    cairn_no_grad_end();
    putchar('\n');
}

int main(int argc, char **argv)
{
    int steps = steps_wanted(argc, argv, 300);
    unsigned seed = 1;
    text t;
    if (!text_read(&t, file_wanted(argc, argv)))
        return 1;
    cairn_seed(1);
    cairn_module *m = writer(t.kinds);
    cairn_optimizer *adam = cairn_adam(cairn_parameters(m), &(cairn_adam_options){.lr = 5e-3});
    for (int step = 0; step < steps && !cairn_error(); step++) {
        cairn_mark mark = cairn_scope_push();
        cairn_tensor *x, *y, *h = NULL, *c = NULL;
        if (!text_batch(&t, ROWS, LENGTH, &seed, &x, &y))
            return 1;
        cairn_tensor *loss = text_loss(read_on(m, x, &h, &c), y);
        cairn_backward(loss);
        cairn_clip_grad_norm(cairn_parameters(m), 1, 2);
        cairn_step(adam);
        if (worth_a_line(step, steps))
            printf("step %4d  loss %.4f\n", step, cairn_item(loss));
        cairn_scope_pop(mark, NULL);
    }
    cairn_mark mark = cairn_scope_push();
    write_some(m, &t, steps < 20 ? 20 : 200);
    cairn_scope_pop(mark, NULL);

    free(t.code);
    cairn_optimizer_free(adam);
    cairn_module_free(m);
    return cairn_error() ? 1 : 0;
}
