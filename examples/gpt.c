/* A small GPT learns to write: attention to all characters before.
 *
 *     gpt [--steps N] [FILE]
 *
 * The architecture is GPT-2's (Radford et al., 2019): learned positions, norms before attention and feed-forward. */
#include "text.h"

enum { WIDTH = 64, HEADS = 4, LAYERS = 2, LENGTH = 64, ROWS = 8 };

/* Indices (N, T), T <= LENGTH -> logits (N, T, kinds) */
static cairn_tensor *gpt_forward(cairn_module *self, cairn_tensor *x)
{
    cairn_tensor *place = cairn_arange(0, (double)cairn_size(x, 1), 1, CAIRN_I64);
    cairn_tensor *h = cairn_add(cairn_call(cairn_child(self, "wte"), x), cairn_call(cairn_child(self, "wpe"), place));
    h = cairn_call(cairn_child(self, "blocks"), h);
    return cairn_call(cairn_child(self, "head"), cairn_call(cairn_child(self, "norm"), h));
}

static cairn_module *gpt(int kinds)
{
    cairn_transformer_options block = {.feed_forward = 4 * WIDTH, .dropout = -1, .activation = CAIRN_GELU, .norm_first = true, .causal = true};
    cairn_module *m = cairn_module_new("GPT", gpt_forward, 0);
    cairn_module_add(m, "wte", cairn_embedding(kinds, WIDTH, NULL));
    cairn_module_add(m, "wpe", cairn_embedding(LENGTH, WIDTH, NULL));
    cairn_module_add(m, "blocks", cairn_transformer_encoder(WIDTH, HEADS, LAYERS, &block));
    cairn_module_add(m, "norm", cairn_layer_norm(CAIRN_SHAPE(WIDTH), NULL));
    cairn_module_add(m, "head", cairn_linear(WIDTH, kinds, &(cairn_linear_options){.no_bias = true}));
    for (int i = 0; i < 2 && !cairn_error(); i++)            /* smaller than N(0, 1), as GPT-2 starts */
        cairn_init_normal(cairn_parameter(m, i ? "wpe.weight" : "wte.weight"), 0, 0.02);
    return m;
}

/* Weight decay for matrices alone: biases and norms are in a group without. */
static cairn_optimizer *adamw(cairn_module *m)
{
    cairn_tensor_list all = cairn_parameters(m);
    cairn_tensor *matrices[128], *rest[128];
    const char *matrix_names[128], *rest_names[128];
    int n = 0, k = 0;
    for (int i = 0; i < all.count && i < 128; i++)
        if (cairn_rank(all.tensors[i]) >= 2) {
            matrix_names[n] = all.names[i];
            matrices[n++] = all.tensors[i];
        } else {
            rest_names[k] = all.names[i];
            rest[k++] = all.tensors[i];
        }
    cairn_optimizer *o = cairn_adamw((cairn_tensor_list){all.count < 0 ? -1 : n, matrices, matrix_names}, &(cairn_adam_options){.lr = 3e-3, .weight_decay = 0.1});
    cairn_add_group(o, (cairn_tensor_list){k, rest, rest_names}, &(cairn_group_options){.weight_decay = CAIRN_ZERO});
    return o;
}

/* Each character is drawn by what the last LENGTH ones say. */
static void write_some(cairn_module *m, const text *t, int count)
{
    int64_t seen[1024] = {t->code[0]};
    int length = 1;
    cairn_set_training(m, false);
    cairn_no_grad_begin();
    putchar(t->letter[seen[0]]);
    while (length < count && length < 1024 && !cairn_error()) {
        cairn_mark mark = cairn_scope_push();
        int from = length > LENGTH ? length - LENGTH : 0;
        seen[length] = text_draw(cairn_call(m, cairn_from(seen + from, CAIRN_SHAPE(1, length - from), CAIRN_I64)));
        putchar(t->letter[seen[length++]]);
        cairn_scope_pop(mark, NULL);
    }
    cairn_no_grad_end();
    putchar('\n');
}

int main(int argc, char **argv)
{
    int steps = steps_wanted(argc, argv, 400);
    unsigned seed = 1;
    text t;
    if (!text_read(&t, file_wanted(argc, argv)))
        return 1;
    cairn_seed(1);
    cairn_module *m = gpt(t.kinds);
    cairn_optimizer *o = adamw(m);
    int64_t warm_up = steps / 10 + 1;
    cairn_scheduler *parts[] = {cairn_linear_lr(o, 0.1, 1, warm_up), cairn_cosine_lr(o, steps + 1, 3e-4)};
    cairn_scheduler *schedule = cairn_sequential_lr(o, 2, parts, &warm_up);
    printf("%lld parameters, %d different characters\n", (long long)cairn_parameter_count(m), t.kinds);
    for (int step = 0; step < steps && !cairn_error(); step++) {
        cairn_mark mark = cairn_scope_push();
        cairn_tensor *x, *y;
        if (!text_batch(&t, ROWS, LENGTH, &seed, &x, &y))
            return 1;
        cairn_tensor *loss = text_loss(cairn_call(m, x), y);
        cairn_backward(loss);
        cairn_tensor *norm = cairn_clip_grad_norm(cairn_parameters(m), 1, 2);
        cairn_step(o);
        cairn_scheduler_step(schedule);
        if (worth_a_line(step, steps))
            printf("step %4d  loss %.4f  gradient %.3f  lr %.5f\n", step, cairn_item(loss), cairn_item(norm), cairn_lr(o, 0));
        cairn_scope_pop(mark, NULL);
    }
    write_some(m, &t, steps < 20 ? 20 : 300);

    free(t.code);
    cairn_scheduler_free(schedule);
    cairn_optimizer_free(o);
    cairn_module_free(m);
    return cairn_error() ? 1 : 0;
}
