/* Modules, losses: values and gradients as PyTorch's. */
#include "framework/nn_vectors.h"

enum { VECTORS = sizeof vectors / sizeof *vectors };
static const double tolerance = 2e-5;

static const vector *find(const char *test, const char *name)
{
    for (int i = 0; i < VECTORS; i++)
        if (!strcmp(vectors[i].test, test) && !strcmp(vectors[i].name, name))
            return &vectors[i];
    return NULL;
}

/* The vectors of `test` whose names begin with `prefix`, under the rest of their names. */
static int gather(const char *test, const char *prefix, cairn_tensor **tensors, const char **names)
{
    int count = 0;
    for (int i = 0; i < VECTORS; i++)
        if (!strcmp(vectors[i].test, test) && !strncmp(vectors[i].name, prefix, strlen(prefix))) {
            if (tensors)
                tensors[count] = vector_tensor(&vectors[i]);
            names[count++] = vectors[i].name + strlen(prefix);
        }
    return count;
}

/* The module with PyTorch's parameters, called by `call`, gives PyTorch's result, gradients and statistics. Frees it. */
static void check_call(const char *test, cairn_module *m, bool training, cairn_tensor *(*call)(cairn_module *, cairn_tensor *))
{
    cairn_tensor *state[32];
    const char *names[32];
    cairn_mark mark = cairn_scope_push();
    if (!m)
        fail_msg("%s: %s", test, cairn_error_message());
    cairn_set_training(m, training);
    int count = gather(test, "state ", state, names);
    cairn_tensor_list own = cairn_state_dict(m);
    assert_int_equal(own.count, count);
    for (int i = 0; i < count; i++)
        assert_string_equal(own.names[i], names[i]);
    if (cairn_load_state_dict(m, (cairn_tensor_list){count, state, names}, true))
        fail_msg("%s: %s", test, cairn_error_message());

    const vector *given = find(test, "x"), *wanted = find(test, "y"), *dx = find(test, "grad x");
    cairn_tensor *x = vector_tensor(given);
    if (dx)
        cairn_requires_grad_(x, true);
    cairn_tensor *y = call(m, x);
    if (!y)
        fail_msg("%s: %s", test, cairn_error_message());
    if (vector_count(wanted) > 1 && cairn_requires_grad(y)) {
        cairn_tensor *dy = cairn_reshape(cairn_linspace(-1, 1, vector_count(wanted), CAIRN_F32), wanted->shape);
        assert_int_equal(cairn_backward_with(y, dy), CAIRN_OK);
    }
    assert_vector(wanted, y, tolerance);
    if (dx)
        assert_vector(dx, cairn_grad_of(x), tolerance);
    count = gather(test, "grad ", NULL, names);
    for (int i = 0; i < count; i++) {
        char name[128];
        snprintf(name, sizeof name, "grad %s", names[i]);
        if (strcmp(names[i], "x"))
            assert_vector(find(test, name), cairn_grad_of(cairn_parameter(m, names[i])), tolerance);
    }
    count = gather(test, "after ", NULL, names);
    for (int i = 0; i < count; i++) {
        char name[128];
        snprintf(name, sizeof name, "after %s", names[i]);
        assert_vector(find(test, name), cairn_parameter(m, names[i]), tolerance);
    }
    cairn_module_free(m);
    cairn_scope_pop(mark, NULL);
    assert_int_equal(cairn_error(), CAIRN_OK);
}

static void check_module(const char *test, cairn_module *m, bool training) { check_call(test, m, training, cairn_call); }

static void linear_layers_are_as_pytorchs(void **unused)
{
    (void)unused;
    check_module("linear", cairn_linear(5, 3, NULL), true);
    check_module("linear_no_bias", cairn_linear(5, 3, &(cairn_linear_options){.no_bias = true}), true);
    check_module("embedding", cairn_embedding(7, 3, &(cairn_embedding_options){.has_padding = true, .padding = 2}), true);
}

static void convolutions_and_pools_are_as_pytorchs(void **unused)
{
    (void)unused;
    check_module("conv2d", cairn_conv2d(4, 6, 3, &(cairn_conv_options){.stride = {2, 2}, .padding = {1, 1}, .groups = 2}), true);
    check_module("conv2d_dilated", cairn_conv2d_of(2, 3, 3, 2, &(cairn_conv_options){.dilation = {2, 1}, .no_bias = true}), true);
    check_module("conv1d", cairn_conv1d(3, 4, 3, &(cairn_conv_options){.padding = {1}}), true);
    check_module("conv3d", cairn_conv3d(2, 4, 2, &(cairn_conv_options){.stride = {1, 2, 1}, .padding = {1, 1, 1}, .groups = 2}), true);
    check_module("conv_transpose3d", cairn_conv_transpose3d(2, 3, 2, &(cairn_conv_options){.stride = {2, 2, 2}}), true);
    check_module("max_pool2d", cairn_max_pool2d(3, &(cairn_pool_options){.stride = {2, 2}, .padding = {1, 1}}), true);
    check_module("avg_pool2d", cairn_avg_pool2d(2, NULL), true);
    check_module("adaptive_avg_pool2d", cairn_adaptive_avg_pool2d(2, 3), true);
}

static void norms_are_as_pytorchs(void **unused)
{
    (void)unused;
    check_module("batch_norm1d", cairn_batch_norm1d(3, NULL), true);
    check_module("batch_norm2d", cairn_batch_norm2d(3, &(cairn_norm_options){.momentum = 0.3}), true);
    check_module("batch_norm2d_eval", cairn_batch_norm2d(3, NULL), false);
    check_module("layer_norm", cairn_layer_norm(CAIRN_SHAPE(6), NULL), true);
    check_module("group_norm", cairn_group_norm(2, 4, NULL), true);
    check_module("rms_norm", cairn_rms_norm(CAIRN_SHAPE(6), NULL), true);
}

static void attention_is_as_pytorchs(void **unused)
{
    (void)unused;
    check_module("attention", cairn_multihead_attention(4, 2, NULL), true);
    cairn_transformer_options after = {.feed_forward = 6, .dropout = -1};
    check_module("encoder_layer", cairn_transformer_encoder_layer(4, 2, &after), true);
    cairn_transformer_options before = {.feed_forward = 6, .dropout = -1, .activation = CAIRN_GELU, .norm_first = true};
    check_module("encoder_layer_pre", cairn_transformer_encoder_layer(4, 2, &before), true);
}

/* Three sequences of different lengths, unsorted: the padded output, then h, as one vector. */
static cairn_tensor *call_packed(cairn_module *m, cairn_tensor *x)
{
    cairn_packed packed, y;
    cairn_rnn_result all;
    if (cairn_pack_padded_sequence(x, (int64_t[]){2, 5, 3}, true, &packed) || cairn_recur_packed(m, &packed, NULL, NULL, &y, &all))
        return NULL;
    cairn_tensor *parts[] = {cairn_flatten(cairn_pad_packed_sequence(&y, true, 0, 0), 0, -1), cairn_flatten(all.h, 0, -1)};
    return cairn_cat(2, parts, 0);
}

static void recurrent_layers_are_as_pytorchs(void **unused)
{
    (void)unused;
    check_module("rnn", cairn_rnn(3, 4, &(cairn_rnn_options){.batch_first = true}), true);
    check_module("rnn_relu", cairn_rnn(3, 4, &(cairn_rnn_options){.relu = true, .no_bias = true}), true);
    check_module("lstm", cairn_lstm(3, 2, &(cairn_rnn_options){.layers = 2, .bidirectional = true, .batch_first = true}), true);
    check_module("gru", cairn_gru(3, 4, &(cairn_rnn_options){.layers = 2, .batch_first = true}), true);
    check_module("lstm_projection", cairn_lstm(3, 5, &(cairn_rnn_options){.layers = 2, .bidirectional = true, .projection = 2}), true);
    check_module("rnn_cell", cairn_rnn_cell(3, 4, NULL), true);
    check_module("gru_cell", cairn_gru_cell(3, 4, &(cairn_rnn_options){.no_bias = true}), true);
    check_module("lstm_cell", cairn_lstm_cell(3, 4, NULL), true);
    check_call("lstm_packed", cairn_lstm(3, 4, &(cairn_rnn_options){.bidirectional = true, .projection = 2}), true, call_packed);
    check_call("gru_packed", cairn_gru(3, 4, &(cairn_rnn_options){.layers = 2, .bidirectional = true}), true, call_packed);
}

static void activations_are_as_pytorchs(void **unused)
{
    (void)unused;
    static const struct { const char *name; cairn_activation_kind kind; } kinds[] = {
        {"ReLU", CAIRN_RELU}, {"ReLU6", CAIRN_RELU6}, {"LeakyReLU", CAIRN_LEAKY_RELU}, {"ELU", CAIRN_ELU}, {"SELU", CAIRN_SELU},
        {"GELU", CAIRN_GELU}, {"GELU_tanh", CAIRN_GELU_TANH}, {"SiLU", CAIRN_SILU}, {"Mish", CAIRN_MISH}, {"Softplus", CAIRN_SOFTPLUS},
        {"Softsign", CAIRN_SOFTSIGN}, {"Hardtanh", CAIRN_HARDTANH}, {"Hardsigmoid", CAIRN_HARDSIGMOID}, {"Hardswish", CAIRN_HARDSWISH},
        {"LogSigmoid", CAIRN_LOGSIGMOID}, {"Tanhshrink", CAIRN_TANHSHRINK}, {"Sigmoid", CAIRN_SIGMOID}, {"Tanh", CAIRN_TANH},
        {"CELU", CAIRN_CELU}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char test[64];
        snprintf(test, sizeof test, "activation_%s", kinds[i].name);
        check_module(test, cairn_activation(kinds[i].kind), true);
    }
    check_module("prelu", cairn_prelu_layer(1), true);
}

/* ---- Losses */

typedef cairn_tensor T;
typedef T *(*loss_function)(T *x, T *const *t);

static void check_loss(const char *test, loss_function loss)
{
    cairn_mark mark = cairn_scope_push();
    T *x = cairn_requires_grad_(vector_tensor(find(test, "x")), true), *t[3] = {0};
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"t0", "t1", "t2"};
        const vector *v = find(test, names[i]);
        t[i] = v ? vector_tensor(v) : NULL;
    }
    T *y = loss(x, t);
    if (!y || cairn_backward(cairn_sum(y, CAIRN_ALL_AXES, false)))
        fail_msg("%s: %s", test, cairn_error_message());
    assert_vector(find(test, "y"), y, tolerance);
    assert_vector(find(test, "grad x"), cairn_grad_of(x), tolerance);
    cairn_scope_pop(mark, NULL);
}

#define LOSS(name, expression) static T *name(T *x, T *const *t) { (void)t; return expression; }
LOSS(ce, cairn_cross_entropy(x, t[0]))
LOSS(ce_sum, cairn_cross_entropy_with(x, t[0], &(cairn_class_options){.reduction = CAIRN_SUM}))
LOSS(ce_none, cairn_cross_entropy_with(x, t[0], &(cairn_class_options){.reduction = CAIRN_NONE}))
LOSS(ce_smooth, cairn_cross_entropy_with(x, t[0], &(cairn_class_options){.label_smoothing = 0.1}))
LOSS(ce_ignore, cairn_cross_entropy_with(x, t[0], &(cairn_class_options){.ignore = true, .ignore_index = -7}))
LOSS(ce_weight, cairn_cross_entropy_with(x, t[0], &(cairn_class_options){.weight = t[1], .label_smoothing = 0.2, .ignore = true, .ignore_index = -7}))
LOSS(ce_probabilities, cairn_cross_entropy_with(x, t[0], &(cairn_class_options){.weight = t[1], .label_smoothing = 0.1}))
LOSS(nll, cairn_nll_loss(x, t[0], &(cairn_class_options){.weight = t[1]}))
LOSS(mse, cairn_mse_loss(x, t[0], CAIRN_MEAN))
LOSS(l1, cairn_l1_loss(x, t[0], CAIRN_MEAN))
LOSS(huber, cairn_huber_loss(x, t[0], 0.7, CAIRN_MEAN))
LOSS(smooth_l1, cairn_smooth_l1_loss(x, t[0], 0.5, CAIRN_SUM))
LOSS(bce, cairn_bce_loss(x, t[0], CAIRN_MEAN))
LOSS(bce_logits, cairn_bce_with_logits(x, t[0], t[1], CAIRN_MEAN))
LOSS(kl, cairn_kl_div(x, t[0], false, CAIRN_BATCH_MEAN))
LOSS(ctc, cairn_ctc_loss(cairn_log_softmax(x, -1), t[0], t[1], t[2], &(cairn_ctc_options){.zero_infinity = true}, CAIRN_MEAN))
LOSS(ctc_sum, cairn_ctc_loss(cairn_log_softmax(x, -1), t[0], t[1], t[2], &(cairn_ctc_options){.zero_infinity = true}, CAIRN_SUM))
LOSS(kl_log, cairn_kl_div(x, t[0], true, CAIRN_MEAN))

static void losses_are_as_pytorchs(void **unused)
{
    (void)unused;
    static const struct { const char *test; loss_function loss; } all[] = {
        {"cross_entropy", ce}, {"cross_entropy_sum", ce_sum}, {"cross_entropy_none", ce_none}, {"cross_entropy_smooth", ce_smooth},
        {"cross_entropy_ignore", ce_ignore}, {"cross_entropy_weight", ce_weight}, {"cross_entropy_probabilities", ce_probabilities},
        {"cross_entropy_2d", ce}, {"cross_entropy_single", ce}, {"nll", nll}, {"mse", mse}, {"l1", l1}, {"huber", huber},
        {"smooth_l1", smooth_l1}, {"bce", bce}, {"bce_logits", bce_logits}, {"bce_logits_weight", bce_logits}, {"kl", kl}, {"kl_log", kl_log}, {"ctc", ctc}, {"ctc_sum", ctc_sum}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check_loss(all[i].test, all[i].loss);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_layers_are_as_pytorchs), cmocka_unit_test(convolutions_and_pools_are_as_pytorchs),
        cmocka_unit_test(norms_are_as_pytorchs), cmocka_unit_test(attention_is_as_pytorchs),
        cmocka_unit_test(recurrent_layers_are_as_pytorchs), cmocka_unit_test(activations_are_as_pytorchs),
        cmocka_unit_test(losses_are_as_pytorchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
