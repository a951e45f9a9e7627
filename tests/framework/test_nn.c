/* Modules: names, parts, modes, state, what goes wrong, and that nothing leaks. */
#include "base/memory.h"
#include <cairn/cairn.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void error_is(cairn_status status, const char *part)
{
    if (cairn_error() != status || !strstr(cairn_error_message(), part))
        fail_msg("%s: \"%s\" lacks \"%s\"", cairn_status_name(cairn_error()), cairn_error_message(), part);
    cairn_error_clear();
}

static cairn_tensor *residual_forward(cairn_module *self, cairn_tensor *x)
{
    return cairn_add(x, cairn_call(cairn_child(self, "body"), x));
}

static cairn_module *residual(int64_t channels)
{
    cairn_conv_options same = {.padding = {1, 1}, .no_bias = true};
    cairn_module *m = cairn_module_new("Residual", residual_forward, 0);
    cairn_module_add(m, "body", cairn_sequential(cairn_conv2d(channels, channels, 3, &same), cairn_batch_norm2d(channels, NULL),
                                                 cairn_activation(CAIRN_RELU), NULL));
    return m;
}

static cairn_module *network(void)
{
    return cairn_sequential(cairn_conv2d(1, 4, 3, &(cairn_conv_options){.padding = {1, 1}}), cairn_max_pool2d(2, NULL), residual(4),
                            cairn_flatten_layer(1), cairn_linear(16, 3, NULL), NULL);
}

static void check_names(cairn_module *m, const char *const *names)
{
    cairn_tensor_list list = cairn_state_dict(m);
    int count = 0;
    while (names[count])
        count++;
    assert_int_equal(list.count, count);
    for (int i = 0; i < count; i++)
        assert_string_equal(list.names[i], names[i]);
    cairn_module_free(m);
}

static void names_are_those_of_pytorchs_state_dict(void **unused)
{
    (void)unused;
    check_names(network(), (const char *const[]){"0.weight", "0.bias", "2.body.0.weight", "2.body.1.weight", "2.body.1.bias",
                "2.body.1.running_mean", "2.body.1.running_var", "2.body.1.num_batches_tracked", "4.weight", "4.bias", NULL});
    check_names(cairn_lstm(2, 3, &(cairn_rnn_options){.bidirectional = true}),
                (const char *const[]){"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse",
                "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse", NULL});
    check_names(cairn_transformer_encoder(4, 2, 1, &(cairn_transformer_options){.feed_forward = 8}),
                (const char *const[]){"layers.0.self_attn.in_proj_weight", "layers.0.self_attn.in_proj_bias",
                "layers.0.self_attn.out_proj.weight", "layers.0.self_attn.out_proj.bias", "layers.0.linear1.weight",
                "layers.0.linear1.bias", "layers.0.linear2.weight", "layers.0.linear2.bias", "layers.0.norm1.weight",
                "layers.0.norm1.bias", "layers.0.norm2.weight", "layers.0.norm2.bias", NULL});
}

static void shapes_are_pytorchs(void **unused)
{
    (void)unused;
    cairn_module *m = network();
    cairn_shape w = cairn_shape_of(cairn_parameter(m, "0.weight"));
    assert_int_equal(w.rank, 4);
    assert_int_equal(w.size[0], 4);
    assert_int_equal(w.size[1], 1);
    assert_int_equal(cairn_size(cairn_parameter(m, "4.weight"), 0), 3);
    assert_int_equal(cairn_size(cairn_parameter(m, "4.weight"), 1), 16);
    assert_int_equal(cairn_rank(cairn_parameter(m, "2.body.1.num_batches_tracked")), 0);
    assert_int_equal(cairn_parameter_count(m), 4 * 9 + 4 + 4 * 4 * 9 + 8 + 48 + 3);
    cairn_module_free(m);
}

static void parts_are_found_by_path(void **unused)
{
    (void)unused;
    cairn_module *m = network();
    assert_string_equal(cairn_module_kind(cairn_child(m, "2.body.1")), "BatchNorm2d");
    assert_ptr_equal(cairn_child_at(m, 2), cairn_child(m, "2"));
    assert_int_equal(cairn_child_count(m), 5);
    assert_null(cairn_child_at(m, 5));
    assert_int_equal(cairn_error(), CAIRN_OK);
    assert_null(cairn_child(m, "2.head"));
    error_is(CAIRN_E_ARGUMENT, "2.head");
    assert_null(cairn_parameter(m, "0"));
    error_is(CAIRN_E_ARGUMENT, "no \"0\"");
    cairn_module_free(m);
}

static void a_failed_child_makes_the_whole_fail(void **unused)
{
    (void)unused;
    assert_null(cairn_sequential(cairn_linear(3, 4, NULL), cairn_sequential(cairn_linear(-1, 4, NULL), cairn_linear(4, 4, NULL), NULL), NULL));
    error_is(CAIRN_E_ARGUMENT, "linear");
    cairn_module *m = cairn_module_new("Mine", residual_forward, 0);
    cairn_module_add(m, "body", cairn_conv2d(3, 4, 3, &(cairn_conv_options){.groups = 2}));
    error_is(CAIRN_E_ARGUMENT, "groups");
    assert_null(cairn_call(m, cairn_ones(CAIRN_SHAPE(1), CAIRN_F32)));
    error_is(CAIRN_E_STATE, "not built whole");
    assert_int_equal(cairn_parameters(m).count, -1);
    cairn_error_clear();
    cairn_module_free(m);
}

static void bad_names_and_null_are_refused(void **unused)
{
    (void)unused;
    cairn_module *m = cairn_module_dict();
    assert_null(cairn_module_add(m, "a.b", cairn_identity()));
    error_is(CAIRN_E_ARGUMENT, "a.b");
    assert_non_null(cairn_module_add(m, "a", cairn_identity()));
    assert_null(cairn_module_add(m, "a", cairn_identity()));
    error_is(CAIRN_E_ARGUMENT, "already");
    assert_null(cairn_module_add_parameter(m, "w", NULL));
    error_is(CAIRN_E_ARGUMENT, "NULL");
    cairn_module_free(m);
    m = cairn_module_list(0, NULL);
    assert_null(cairn_call(m, cairn_ones(CAIRN_SHAPE(1), CAIRN_F32)));
    error_is(CAIRN_E_STATE, "ModuleList");
    cairn_module_free(m);
    assert_null(cairn_call(NULL, NULL));
    assert_int_equal(cairn_parameters(NULL).count, -1);
    cairn_error_clear();
    assert_int_equal(cairn_parameter_count(NULL), -1);
    cairn_error_clear();
    cairn_module_free(NULL);
    cairn_set_training(NULL, true);
}

static void shapes_that_do_not_fit_are_named(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_module *m = cairn_linear(5, 2, NULL), *bn = cairn_batch_norm2d(3, NULL), *lstm = cairn_lstm(3, 2, NULL);
    assert_null(cairn_call(m, cairn_ones(CAIRN_SHAPE(2, 4), CAIRN_F32)));
    error_is(CAIRN_E_SHAPE, "[2, 4]");
    assert_null(cairn_call(bn, cairn_ones(CAIRN_SHAPE(2, 4, 5, 5), CAIRN_F32)));
    error_is(CAIRN_E_SHAPE, "3 channels");
    assert_null(cairn_call(lstm, cairn_ones(CAIRN_SHAPE(2, 4), CAIRN_F32)));
    error_is(CAIRN_E_SHAPE, "recurrent");
    assert_null(cairn_mse_loss(cairn_ones(CAIRN_SHAPE(8, 1), CAIRN_F32), cairn_ones(CAIRN_SHAPE(8), CAIRN_F32), CAIRN_MEAN));
    error_is(CAIRN_E_SHAPE, "[8, 1]");
    cairn_tensor *x = cairn_ones(CAIRN_SHAPE(2, 4), CAIRN_F32), *labels = cairn_from((int64_t[]){1, 4}, CAIRN_SHAPE(2), CAIRN_I64);
    assert_null(cairn_cross_entropy(x, labels));
    error_is(CAIRN_E_RANGE, "label 4");
    assert_null(cairn_cross_entropy(x, cairn_ones(CAIRN_SHAPE(3), CAIRN_I64)));
    error_is(CAIRN_E_SHAPE, "[3]");
    assert_null(cairn_cross_entropy(x, cairn_ones(CAIRN_SHAPE(2), CAIRN_BOOL)));
    error_is(CAIRN_E_TYPE, "bool");
    cairn_module_free(m);
    cairn_module_free(bn);
    cairn_module_free(lstm);
    cairn_scope_pop(mark, NULL);
}

static void evaluation_mode_reaches_every_child(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_module *m = cairn_sequential(cairn_sequential(cairn_dropout(0.5), NULL), NULL);
    cairn_tensor *x = cairn_ones(CAIRN_SHAPE(1000), CAIRN_F32);
    double kept = cairn_item(cairn_sum(cairn_call(m, x), CAIRN_ALL_AXES, false));
    assert_true(kept > 800 && kept < 1200 && kept != 1000);
    cairn_set_training(m, false);
    assert_false(cairn_is_training(cairn_child(m, "0.0")));
    assert_float_equal(cairn_item(cairn_sum(cairn_call(m, x), CAIRN_ALL_AXES, false)), 1000, 0);
    cairn_module_free(m);
    cairn_scope_pop(mark, NULL);
}

static void running_statistics_are_computed_with_the_step(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_module *m = network();
    cairn_optimizer *o = cairn_sgd(cairn_parameters(m), NULL);
    cairn_tensor *x = cairn_randn(CAIRN_SHAPE(2, 1, 4, 4), CAIRN_F32), *y = cairn_zeros(CAIRN_SHAPE(2), CAIRN_I64);
    for (int i = 0; i < 3; i++) {
        cairn_mark step = cairn_scope_push();
        cairn_backward(cairn_cross_entropy(cairn_call(m, x), y));
        assert_int_equal(cairn_step(o), CAIRN_OK);
        cairn_scope_pop(step, NULL);
    }
    assert_int_equal(cairn_item_i64(cairn_parameter(m, "2.body.1.num_batches_tracked")), 3);
    assert_true(cairn_data_f32(cairn_parameter(m, "2.body.1.running_mean"))[0] != 0);
    cairn_optimizer_free(o);
    cairn_module_free(m);
    cairn_scope_pop(mark, NULL);
}

static void frozen_parameters_stay_and_a_head_is_replaced(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_module *m = network();
    assert_int_equal(cairn_set_trainable(m, false), CAIRN_OK);
    assert_non_null(cairn_module_replace(m, "4", cairn_linear(16, 7, NULL)));
    float before = cairn_data_f32(cairn_parameter(m, "0.weight"))[0], head = cairn_data_f32(cairn_parameter(m, "4.weight"))[0];
    cairn_optimizer *o = cairn_adam(cairn_parameters(m), NULL);
    cairn_backward(cairn_cross_entropy(cairn_call(m, cairn_ones(CAIRN_SHAPE(2, 1, 4, 4), CAIRN_F32)), cairn_zeros(CAIRN_SHAPE(2), CAIRN_I64)));
    assert_int_equal(cairn_step(o), CAIRN_OK);
    assert_true(cairn_data_f32(cairn_parameter(m, "0.weight"))[0] == before);
    assert_true(cairn_data_f32(cairn_parameter(m, "4.weight"))[0] != head);
    assert_null(cairn_module_replace(m, "9", cairn_identity()));
    error_is(CAIRN_E_ARGUMENT, "9");
    cairn_optimizer_free(o);
    cairn_module_free(m);
    cairn_scope_pop(mark, NULL);
}

static void a_state_dict_moves_between_networks(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_seed(7);
    cairn_module *a = network(), *b = network();
    cairn_set_training(a, false);
    cairn_set_training(b, false);
    cairn_tensor *x = cairn_randn(CAIRN_SHAPE(3, 1, 4, 4), CAIRN_F32);
    assert_int_equal(cairn_load_state_dict(b, cairn_state_dict(a), true), CAIRN_OK);
    assert_memory_equal(cairn_data(cairn_call(a, x)), cairn_data(cairn_call(b, x)), 9 * sizeof(float));
    cairn_optimizer *o = cairn_sgd(cairn_parameters(b), &(cairn_sgd_options){.lr = 1});    /* b's parameters are its own */
    float before = cairn_data_f32(cairn_parameter(a, "4.bias"))[0];
    cairn_backward(cairn_sum(cairn_call(b, x), CAIRN_ALL_AXES, false));
    assert_int_equal(cairn_step(o), CAIRN_OK);
    assert_true(cairn_data_f32(cairn_parameter(a, "4.bias"))[0] == before);
    assert_true(cairn_data_f32(cairn_parameter(b, "4.bias"))[0] != before);

    cairn_module *other = cairn_sequential(cairn_linear(16, 3, NULL), NULL);
    assert_int_equal(cairn_load_state_dict(b, cairn_state_dict(other), true), CAIRN_E_ARGUMENT);
    error_is(CAIRN_E_ARGUMENT, "2.body.0.weight is missing");
    assert_int_equal(cairn_load_state_dict(b, cairn_state_dict(other), false), CAIRN_E_SHAPE);
    error_is(CAIRN_E_SHAPE, "[3, 16]");
    cairn_optimizer_free(o);
    cairn_module_free(a);
    cairn_module_free(b);
    cairn_module_free(other);
    cairn_scope_pop(mark, NULL);
}

static void a_module_converts_to_another_type(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_module *m = network();
    assert_int_equal(cairn_module_to(m, CAIRN_F64), CAIRN_OK);
    assert_int_equal(cairn_dtype_of(cairn_parameter(m, "0.weight")), CAIRN_F64);
    assert_int_equal(cairn_dtype_of(cairn_parameter(m, "2.body.1.num_batches_tracked")), CAIRN_I64);
    cairn_tensor *y = cairn_call(m, cairn_ones(CAIRN_SHAPE(2, 1, 4, 4), CAIRN_F64));
    assert_int_equal(cairn_dtype_of(y), CAIRN_F64);
    assert_true(cairn_requires_grad(cairn_parameter(m, "4.bias")));
    assert_int_equal(cairn_module_to(m, CAIRN_I32), CAIRN_E_TYPE);
    cairn_error_clear();
    cairn_module_free(m);
    cairn_scope_pop(mark, NULL);
}

static void recurrence_goes_on_from_a_state(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_module *m = cairn_lstm(3, 4, &(cairn_rnn_options){.layers = 2});
    cairn_tensor *x = cairn_randn(CAIRN_SHAPE(6, 2, 3), CAIRN_F32);
    cairn_rnn_result whole, first, second;
    assert_int_equal(cairn_recur(m, x, NULL, NULL, &whole), CAIRN_OK);
    assert_int_equal(cairn_recur(m, cairn_narrow(x, 0, 0, 4), NULL, NULL, &first), CAIRN_OK);
    assert_int_equal(cairn_recur(m, cairn_narrow(x, 0, 4, 2), first.h, first.c, &second), CAIRN_OK);
    assert_true(cairn_allclose(second.c, whole.c, 1e-5, 1e-6, false));
    assert_true(cairn_allclose(second.output, cairn_narrow(whole.output, 0, 4, 2), 1e-5, 1e-6, false));
    assert_int_equal(cairn_recur(m, x, first.output, NULL, &second), CAIRN_E_SHAPE);
    assert_null(second.output);
    cairn_error_clear();
    cairn_module_free(m);
    cairn_scope_pop(mark, NULL);
}

/* x's (first) and dy's gradients, of the sum of squares of a recurrence's gradient. */
static double squared_gradient(cairn_module *m, cairn_tensor *x, bool packed, cairn_tensor **second)
{
    cairn_rnn_result out;
    cairn_packed p, y;
    if (packed) {
        assert_int_equal(cairn_pack_padded_sequence(x, (int64_t[]){2, 3}, false, &p), CAIRN_OK);
        assert_int_equal(cairn_recur_packed(m, &p, NULL, NULL, &y, &out), CAIRN_OK);
    } else {
        assert_int_equal(cairn_recur(m, x, NULL, NULL, &out), CAIRN_OK);
    }
    cairn_axes all = CAIRN_ALL_AXES;
    cairn_tensor *w = cairn_parameter(m, "weight_hh_l0"), *dw[1];
    assert_int_equal(cairn_grad(cairn_sum(cairn_square(out.output), all, false), NULL, 1, &w, dw), CAIRN_OK);
    cairn_tensor *loss = cairn_sum(cairn_square(dw[0]), all, false);
    if (second)
        assert_int_equal(cairn_grad(loss, NULL, 1, &x, second), CAIRN_OK);
    return cairn_item(loss);
}

static void recurrences_have_second_derivatives(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < 4; kind++) {
        cairn_mark mark = cairn_scope_push();
        cairn_rnn_options o = {.layers = 2, .bidirectional = kind % 2, .projection = kind == 0 ? 2 : 0};
        cairn_module *m = kind == 0 || kind == 3 ? cairn_lstm(2, 3, &o) : kind == 1 ? cairn_gru(2, 3, &o) : cairn_rnn(2, 3, &o);
        assert_int_equal(cairn_module_to(m, CAIRN_F64), CAIRN_OK);
        double at[12];
        for (int i = 0; i < 12; i++)
            at[i] = 0.3 * (i * 7 % 5 - 2);
        cairn_tensor *x = cairn_requires_grad_(cairn_from(at, CAIRN_SHAPE(3, 2, 2), CAIRN_F64), true), *second[1];
        squared_gradient(m, x, kind == 3, second);
        double got[12];
        assert_int_equal(cairn_copy_out(second[0], got, CAIRN_F64), CAIRN_OK);
        for (int i = 0; i < 12; i++) {
            const double was = at[i];
            double side[2];
            for (int k = 0; k < 2; k++) {
                at[i] = was + (k ? 1e-5 : -1e-5);
                side[k] = squared_gradient(m, cairn_from(at, CAIRN_SHAPE(3, 2, 2), CAIRN_F64), kind == 3, NULL);
            }
            at[i] = was;
            assert_float_equal(got[i], (side[1] - side[0]) / 2e-5, 1e-6);
        }
        cairn_module_free(m);
        cairn_scope_pop(mark, NULL);
    }
}

static void packing_says_what_is_wrong(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_packed p;
    cairn_tensor *x = cairn_ones(CAIRN_SHAPE(4, 2, 3), CAIRN_F32);
    assert_int_equal(cairn_pack_padded_sequence(x, (int64_t[]){4, 0}, false, &p), CAIRN_E_RANGE);
    cairn_error_clear();
    assert_int_equal(cairn_pack_padded_sequence(x, (int64_t[]){5, 1}, false, &p), CAIRN_E_RANGE);
    assert_null(p.data);
    cairn_error_clear();
    assert_int_equal(cairn_pack_padded_sequence(x, NULL, false, &p), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    assert_int_equal(cairn_pack_padded_sequence(x, (int64_t[]){1, 3}, false, &p), CAIRN_OK);
    assert_int_equal(cairn_size(p.data, 0), 4);
    assert_null(cairn_pad_packed_sequence(&p, false, 0, 2));
    cairn_error_clear();
    cairn_tensor *padded = cairn_pad_packed_sequence(&p, false, -1, 4);
    assert_float_equal(cairn_item(cairn_select(cairn_select(cairn_select(padded, 0, 1), 0, 0), 0, 0)), -1, 0);
    assert_float_equal(cairn_item(cairn_select(cairn_select(cairn_select(padded, 0, 2), 0, 1), 0, 0)), 1, 0);
    assert_null(cairn_gru(3, 4, &(cairn_rnn_options){.projection = 2}));
    cairn_error_clear();
    assert_null(cairn_lstm_cell(3, 4, &(cairn_rnn_options){.layers = 2}));
    cairn_error_clear();
    cairn_module *m = cairn_gru_cell(3, 4, NULL);
    cairn_tensor *h;
    assert_int_equal(cairn_recur_cell(m, x, NULL, NULL, &h, NULL), CAIRN_E_SHAPE);
    cairn_error_clear();
    cairn_module_free(m);
    cairn_scope_pop(mark, NULL);
}

/* The same numbers drop the same elements whether the gradient is wanted or not. */
static void dropout_between_layers_follows_the_seed(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_module *m = cairn_gru(3, 4, &(cairn_rnn_options){.layers = 2, .dropout = 0.5});
    cairn_tensor *x = cairn_randn(CAIRN_SHAPE(5, 2, 3), CAIRN_F32);
    cairn_seed(7);
    cairn_tensor *first = cairn_call(m, x);
    assert_int_equal(cairn_eval(first), CAIRN_OK);
    cairn_no_grad_begin();
    cairn_seed(7);
    cairn_tensor *again = cairn_call(m, x), *other = cairn_call(m, x);
    assert_true(cairn_allclose(first, again, 0, 0, false));
    assert_false(cairn_allclose(first, other, 1e-3, 1e-3, false));
    cairn_set_training(m, false);
    assert_true(cairn_allclose(cairn_call(m, x), cairn_call(m, x), 0, 0, false));
    cairn_no_grad_end();
    cairn_module_free(m);
    cairn_scope_pop(mark, NULL);
}

static cairn_module *small_mlp(void)
{
    return cairn_sequential(cairn_linear(64, 100, NULL), cairn_activation(CAIRN_TANH), cairn_linear(100, 10, &(cairn_linear_options){.no_bias = true}));
}

static void quantized_layers_are_near_and_are_saved(void **unused)
{
    (void)unused;
    for (int bits = 4; bits <= 8; bits += 4) {
        cairn_mark mark = cairn_scope_push();
        cairn_module *m = small_mlp(), *other = small_mlp();
        cairn_tensor *x = cairn_randn(CAIRN_SHAPE(3, 2, 64), CAIRN_F32), *y = cairn_call(m, x);
        cairn_axes all = CAIRN_ALL_AXES;
        const double norm = cairn_item(cairn_sum(cairn_square(y), all, false));
        const cairn_quantize_options o = {.bits = bits};
        assert_int_equal(cairn_quantize_linear(m, &o), 2);
        assert_string_equal(cairn_module_kind(cairn_child_at(m, 0)), "QuantizedLinear");
        assert_int_equal(cairn_parameters(m).count, 0);
        cairn_tensor *z = cairn_call(m, x);
        const double apart = cairn_item(cairn_sum(cairn_square(cairn_sub(z, y)), all, false));
        assert_true(apart > 0 && sqrt(apart / norm) < (bits == 8 ? 0.02 : 0.15));
        const char *path = CAIRN_BUILD_DIR "/quantized.safetensors";
        assert_int_equal(cairn_save(m, path), CAIRN_OK);
        assert_int_not_equal(cairn_load(other, path), CAIRN_OK);       /* not changed alike */
        cairn_error_clear();
        assert_int_equal(cairn_quantize_linear(other, &o), 2);
        assert_int_equal(cairn_load(other, path), CAIRN_OK);
        assert_true(cairn_allclose(cairn_call(other, x), z, 0, 0, false));
        cairn_tensor *half = cairn_call(m, cairn_to(x, CAIRN_BF16));
        assert_int_equal(cairn_dtype_of(half), CAIRN_BF16);
        assert_int_equal(cairn_quantize_linear(m, &o), 0);
        assert_int_equal(cairn_quantize_linear(m, &(cairn_quantize_options){.bits = 3}), -1);
        cairn_error_clear();
        assert_null(cairn_call(m, cairn_ones(CAIRN_SHAPE(3, 63), CAIRN_F32)));
        cairn_error_clear();
        cairn_module_free(m);
        cairn_module_free(other);
        cairn_scope_pop(mark, NULL);
    }
}

static double distance(cairn_tensor *x, cairn_tensor *y)
{
    cairn_axes all = CAIRN_ALL_AXES;
    return sqrt(cairn_item(cairn_sum(cairn_square(cairn_sub(x, y)), all, false)) / cairn_item(cairn_sum(cairn_square(y), all, false)));
}

static void quantized_attention_is_near_alone_and_across(void **unused)
{
    (void)unused;
    for (int bits = 4; bits <= 8; bits += 4) {
        cairn_mark mark = cairn_scope_push();
        cairn_module *m = cairn_multihead_attention(32, 4, NULL), *odd = cairn_multihead_attention(24, 4, NULL);
        cairn_init_normal(cairn_parameter(m, "in_proj_bias"), 0, 1);
        cairn_tensor *x = cairn_randn(CAIRN_SHAPE(2, 5, 32), CAIRN_F32), *to = cairn_randn(CAIRN_SHAPE(2, 7, 32), CAIRN_F32);
        cairn_tensor *y = cairn_call(m, x), *across = cairn_attend(m, x, to, to, NULL);
        const cairn_quantize_options o = {.bits = bits};
        assert_int_equal(cairn_quantize_linear(m, &o), 2);             /* q, k, v; out */
        assert_int_equal(cairn_parameters(m).count, 0);
        assert_int_equal(cairn_dtype_of(cairn_parameter(m, "in_proj_weight")), CAIRN_U8);
        const double limit = bits == 8 ? 0.03 : 0.3, alone = distance(cairn_call(m, x), y);
        assert_true(alone > 0 && alone < limit);
        assert_true(distance(cairn_attend(m, x, to, to, NULL), across) < limit);
        assert_int_equal(cairn_quantize_linear(m, &o), 0);
        assert_int_equal(cairn_quantize_linear(odd, &o), 1);           /* 24 rows are no whole panels: out alone */
        assert_non_null(cairn_call(odd, cairn_ones(CAIRN_SHAPE(1, 3, 24), CAIRN_F32)));
        cairn_module_free(m);
        cairn_module_free(odd);
        cairn_scope_pop(mark, NULL);
    }
}

static void ctc_says_what_is_wrong(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *x = cairn_requires_grad_(cairn_randn(CAIRN_SHAPE(4, 2, 3), CAIRN_F32), true), *two = cairn_full(CAIRN_SHAPE(2), 2, CAIRN_I64);
    cairn_tensor *labels = cairn_ones(CAIRN_SHAPE(2, 2), CAIRN_I64);
    assert_null(cairn_ctc_loss(x, two, two, two, NULL, CAIRN_MEAN));
    assert_int_equal(cairn_error(), CAIRN_E_SHAPE);
    cairn_error_clear();
    assert_null(cairn_ctc_loss(x, cairn_to(labels, CAIRN_F32), two, two, NULL, CAIRN_MEAN));
    assert_int_equal(cairn_error(), CAIRN_E_TYPE);
    cairn_error_clear();
    cairn_tensor *blank = cairn_ctc_loss(x, labels, two, two, &(cairn_ctc_options){.blank = 1}, CAIRN_MEAN);
    assert_int_equal(cairn_eval(blank), CAIRN_E_RANGE);
    cairn_error_clear();
    cairn_tensor *dx[1], *again[1], *loss = cairn_ctc_loss(x, labels, two, two, NULL, CAIRN_SUM);
    assert_int_equal(cairn_grad(loss, NULL, 1, &x, dx), CAIRN_OK);
    assert_int_equal(cairn_grad(cairn_sum(dx[0], CAIRN_ALL_AXES, false), NULL, 1, &x, again), CAIRN_E_UNSUPPORTED);
    cairn_error_clear();
    cairn_scope_pop(mark, NULL);
}

static void attention_to_another_sequence_equals_self_attention_on_the_same(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_module *m = cairn_multihead_attention(8, 2, &(cairn_multihead_options){.causal = true});
    cairn_tensor *x = cairn_randn(CAIRN_SHAPE(2, 5, 8), CAIRN_F32);
    cairn_tensor *same = cairn_mul(x, cairn_number(1));
    assert_true(cairn_allclose(cairn_call(m, x), cairn_attend(m, x, same, same, NULL), 1e-5, 1e-6, false));
    cairn_tensor *start = cairn_call(m, cairn_narrow(x, 1, 0, 2));           /* causal: the future does not matter */
    assert_true(cairn_allclose(start, cairn_narrow(cairn_call(m, x), 1, 0, 2), 1e-5, 1e-6, false));
    cairn_module_free(m);
    cairn_scope_pop(mark, NULL);
}

static void initial_values_have_their_distribution(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_seed(3);
    cairn_tensor *w = cairn_zeros(CAIRN_SHAPE(64, 100), CAIRN_F32);
    cairn_axes all = CAIRN_ALL_AXES;
    assert_non_null(cairn_init_kaiming_normal(w, cairn_gain(CAIRN_RELU, 0), CAIRN_FAN_IN));
    assert_float_equal(cairn_item(cairn_std(w, all, 0, false)), sqrt(2.0 / 100), 0.01);
    assert_non_null(cairn_init_xavier_uniform(w, 1));
    assert_float_equal(cairn_item(cairn_amax(w, all, false)), sqrt(6.0 / 164), 0.001);
    assert_non_null(cairn_init_trunc_normal(w, 0, 1, -0.5, 0.5));
    assert_true(cairn_item(cairn_amax(w, all, false)) <= 0.5 && cairn_item(cairn_amin(w, all, false)) >= -0.5);
    assert_non_null(cairn_init_orthogonal(w, 2));
    const float *gram = cairn_data_f32(cairn_matmul(w, cairn_mT(w)));
    for (int i = 0; i < 64 * 64; i++)
        assert_float_equal(gram[i], (i % 65 == 0) * 4, 1e-5);
    cairn_module *c = cairn_conv2d(3, 3, 3, &(cairn_conv_options){.padding = {1, 1}, .no_bias = true});
    assert_non_null(cairn_init_dirac(cairn_parameter(c, "weight")));
    cairn_tensor *x = cairn_randn(CAIRN_SHAPE(1, 3, 4, 5), CAIRN_F32);
    assert_true(cairn_allclose(cairn_call(c, x), x, 1e-6, 1e-6, false));
    assert_null(cairn_init_eye(x));
    error_is(CAIRN_E_SHAPE, "init_eye");
    cairn_module_free(c);
    cairn_scope_pop(mark, NULL);
}

static void modules_print_as_a_tree(void **unused)
{
    (void)unused;
    char text[512] = {0};
    FILE *file = fmemopen(text, sizeof text - 1, "w");
    cairn_module *m = cairn_sequential(cairn_linear(2, 3, NULL), cairn_activation(CAIRN_TANH));
    cairn_module_print(file, m);
    fclose(file);
    assert_string_equal(text, "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=true)\n  (1): Tanh()\n)\n");
    cairn_module_free(m);
}

/* ---- Leaks and failing allocations */

static double train(int steps, bool *built)
{
    cairn_seed(5);
    double last = NAN;
    cairn_module *m = network();
    cairn_optimizer *o = m ? cairn_adam(cairn_parameters(m), NULL) : NULL;
    *built = o != NULL;
    for (int i = 0; i < steps && o; i++) {
        cairn_mark step = cairn_scope_push();
        cairn_tensor *x = cairn_randn(CAIRN_SHAPE(2, 1, 4, 4), CAIRN_F32), *y = cairn_randint(0, 3, CAIRN_SHAPE(2), CAIRN_I64);
        cairn_tensor *loss = cairn_cross_entropy(cairn_call(m, x), y);
        cairn_backward(loss);
        if (cairn_step(o) == CAIRN_OK)
            last = cairn_item(loss);
        cairn_scope_pop(step, NULL);
    }
    cairn_optimizer_free(o);
    cairn_module_free(m);
    return last;
}

static void many_steps_leave_nothing_behind(void **unused)
{
    (void)unused;
    bool built;
    train(2, &built);
    int64_t tensors = cairn_tensor_count(), bytes = cairn_memory().current_bytes;
    train(200, &built);
    assert_true(built);
    assert_int_equal(cairn_tensor_count(), tensors);
    assert_int_equal(cairn_memory().current_bytes, bytes);
}

static void every_allocation_may_fail(void **unused)
{
    (void)unused;
    bool built;
    train(1, &built);
    int64_t tensors = cairn_tensor_count(), needed = mem_allocation_count();
    double right = train(1, &built);
    needed = mem_allocation_count() - needed;
    int64_t stride = needed > 3000 ? needed / 3000 : 1;
    for (int64_t n = 0; n < needed; n += stride) {
        mem_fail_after(n);
        double loss = train(1, &built);
        mem_fail_after(-1);
        if (cairn_error() != CAIRN_E_MEMORY && !(cairn_error() == CAIRN_OK && loss == right))
            fail_msg("allocation %d: %s: %s, loss %g", (int)n, cairn_status_name(cairn_error()), cairn_error_message(), loss);
        cairn_error_clear();
        assert_int_equal(cairn_tensor_count(), tensors);
    }
    assert_true(train(1, &built) == right);
}

int main(void)
{
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_pytorchs_state_dict),
        cmocka_unit_test(shapes_are_pytorchs),
        cmocka_unit_test(parts_are_found_by_path),
        cmocka_unit_test(a_failed_child_makes_the_whole_fail),
        cmocka_unit_test(bad_names_and_null_are_refused),
        cmocka_unit_test(shapes_that_do_not_fit_are_named),
        cmocka_unit_test(evaluation_mode_reaches_every_child),
        cmocka_unit_test(running_statistics_are_computed_with_the_step),
        cmocka_unit_test(frozen_parameters_stay_and_a_head_is_replaced),
        cmocka_unit_test(a_state_dict_moves_between_networks),
        cmocka_unit_test(a_module_converts_to_another_type),
        cmocka_unit_test(recurrence_goes_on_from_a_state),
        cmocka_unit_test(recurrences_have_second_derivatives),
        cmocka_unit_test(ctc_says_what_is_wrong),
        cmocka_unit_test(quantized_layers_are_near_and_are_saved), cmocka_unit_test(quantized_attention_is_near_alone_and_across),
        cmocka_unit_test(packing_says_what_is_wrong),
        cmocka_unit_test(dropout_between_layers_follows_the_seed),
        cmocka_unit_test(attention_to_another_sequence_equals_self_attention_on_the_same),
        cmocka_unit_test(initial_values_have_their_distribution),
        cmocka_unit_test(modules_print_as_a_tree),
        cmocka_unit_test(many_steps_leave_nothing_behind),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
