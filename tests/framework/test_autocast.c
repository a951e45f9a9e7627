/* Mixed precision: which types operations take and give, gradients, loss scaling, training. */
#include <cairn/cairn.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

static int setup(void **state)
{
    (void)state;
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    return 0;
}

static void assert_type(cairn_tensor *x, cairn_dtype type)
{
    if (!x || cairn_dtype_of(x) != type)
        fail_msg("%s, not %s: %s", x ? cairn_dtype_name(cairn_dtype_of(x)) : "NULL", cairn_dtype_name(type), cairn_error_message());
}

static void products_are_lower_and_sums_are_f32(void **unused)
{
    (void)unused;
    for (int k = 0; k < 2; k++) {
        const cairn_dtype low = k ? CAIRN_F16 : CAIRN_BF16;
        cairn_mark mark = cairn_scope_push();
        cairn_tensor *x = cairn_randn(CAIRN_SHAPE(4, 8), CAIRN_F32), *w = cairn_randn(CAIRN_SHAPE(5, 8), CAIRN_F32);
        cairn_tensor *b = cairn_randn(CAIRN_SHAPE(5), CAIRN_F32), *image = cairn_randn(CAIRN_SHAPE(1, 2, 4, 4), CAIRN_F32);
        cairn_tensor *filter = cairn_randn(CAIRN_SHAPE(3, 2, 3, 3), CAIRN_F32), *q = cairn_randn(CAIRN_SHAPE(1, 2, 3, 4), CAIRN_F32);
        assert_int_equal(cairn_autocast(low), CAIRN_F32);
        cairn_tensor *y = cairn_f_linear(x, w, b);
        assert_type(y, low);
        assert_type(cairn_matmul(x, cairn_mT(w)), low);
        assert_type(cairn_f_conv2d(image, filter, NULL, NULL), low);
        assert_type(cairn_f_conv_transpose2d(image, cairn_randn(CAIRN_SHAPE(2, 3, 3, 3), CAIRN_F32), NULL, NULL), low);
        assert_type(cairn_scaled_dot_product_attention(q, q, q, NULL), low);
        assert_type(cairn_relu(y), low);
        assert_type(cairn_add(y, b), CAIRN_F32);
        assert_type(cairn_softmax(y, -1), CAIRN_F32);
        assert_type(cairn_log_softmax(y, -1), CAIRN_F32);
        assert_type(cairn_f_layer_norm(y, 1, NULL, NULL, 1e-5), CAIRN_F32);
        assert_type(cairn_f_rms_norm(y, 1, NULL, 1e-5), CAIRN_F32);
        assert_type(cairn_sum(y, CAIRN_ALL_AXES, false), CAIRN_F32);
        assert_type(cairn_mean(y, CAIRN_ALL_AXES, false), CAIRN_F32);
        assert_type(cairn_var(y, CAIRN_ALL_AXES, 1, false), CAIRN_F32);
        assert_type(cairn_norm(y, 2, CAIRN_ALL_AXES, false), CAIRN_F32);
        assert_type(cairn_cumsum(y, 0), CAIRN_F32);
        assert_type(cairn_mse_loss(y, cairn_zeros_like(y), CAIRN_MEAN), CAIRN_F32);
        assert_type(cairn_cross_entropy(y, cairn_zeros(CAIRN_SHAPE(4), CAIRN_I64)), CAIRN_F32);
        assert_type(cairn_matmul(cairn_to(x, CAIRN_F64), cairn_to(cairn_mT(w), CAIRN_F64)), CAIRN_F64);
        assert_int_equal(cairn_autocast(CAIRN_F32), low);
        assert_type(cairn_f_linear(x, w, b), CAIRN_F32);
        assert_type(cairn_softmax(y, -1), low);
        cairn_tensor *exact = cairn_to(cairn_f_linear(cairn_to(x, low), cairn_to(w, low), cairn_to(b, low)), CAIRN_F32);
        assert_true(cairn_allclose(cairn_to(y, CAIRN_F32), exact, 0, 0, false));
        assert_true(cairn_allclose(exact, cairn_f_linear(x, w, b), k ? 2e-2 : 1e-1, k ? 1e-2 : 1e-1, false));
        cairn_scope_pop(mark, NULL);
        assert_int_equal(cairn_error(), CAIRN_OK);
    }
}

static cairn_tensor *body(void *context, cairn_tensor *x) { return cairn_f_linear(x, context, NULL); }

/* Parameters and their gradients are f32; backward takes the forward pass's types wherever it is called; so does a checkpoint. */
static void gradients_are_f32_and_the_same_inside_and_outside(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *x = cairn_randn(CAIRN_SHAPE(4, 8), CAIRN_F32), *dw[4];
    for (int way = 0; way < 4; way++) {
        cairn_seed(5);
        cairn_tensor *w = cairn_requires_grad_(cairn_randn(CAIRN_SHAPE(5, 8), CAIRN_F32), true);
        cairn_autocast(way == 3 ? CAIRN_F32 : CAIRN_BF16);
        cairn_tensor *y = way == 2 ? cairn_checkpoint(body, w, x) : body(w, x);
        cairn_tensor *loss = cairn_mean(cairn_square(y), CAIRN_ALL_AXES, false);
        if (way != 1)
            cairn_autocast(CAIRN_F32);
        assert_int_equal(cairn_backward(loss), CAIRN_OK);
        cairn_autocast(CAIRN_F32);
        dw[way] = cairn_grad_of(w);
        assert_type(dw[way], CAIRN_F32);
        assert_int_equal(cairn_eval(dw[way]), CAIRN_OK);
    }
    assert_true(cairn_allclose(dw[0], dw[1], 0, 0, false));
    assert_true(cairn_allclose(dw[0], dw[2], 0, 0, false));
    assert_false(cairn_allclose(dw[0], dw[3], 1e-5, 1e-6, false));
    assert_true(cairn_allclose(dw[0], dw[3], 5e-2, 3e-2, false));
    cairn_scope_pop(mark, NULL);
}

static void other_types_are_an_error(void **unused)
{
    (void)unused;
    cairn_autocast(CAIRN_I32);
    assert_int_equal(cairn_error(), CAIRN_E_TYPE);
    cairn_error_clear();
    assert_int_equal(cairn_autocast(CAIRN_F32), CAIRN_F32);
    assert_null(cairn_grad_scaler_new(&(cairn_grad_scaler_options){.backoff = 2}));
    cairn_error_clear();
    assert_int_equal(cairn_unscale(NULL, NULL), CAIRN_E_ARGUMENT);
    cairn_error_clear();
}

static void a_step_with_infinity_is_skipped_and_the_scale_halves(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_module *m = cairn_linear(3, 2, NULL);
    cairn_optimizer *sgd = cairn_sgd(cairn_parameters(m), &(cairn_sgd_options){.lr = 0.5});
    cairn_grad_scaler *scaler = cairn_grad_scaler_new(&(cairn_grad_scaler_options){.scale = 1024, .interval = 2});
    cairn_tensor *x = cairn_ones(CAIRN_SHAPE(1, 3), CAIRN_F32);
    const double wanted[] = {1024, 512, 512, 1024};
    for (int step = 0; step < 4; step++) {
        const bool overflows = step == 1;
        cairn_tensor *loss = cairn_sum(cairn_call(m, x), CAIRN_ALL_AXES, false);
        if (overflows)
            loss = cairn_mul(loss, cairn_number(3e38));
        cairn_tensor *before = cairn_mul(cairn_parameter(m, "weight"), cairn_number(1));
        assert_int_equal(cairn_eval(before), CAIRN_OK);
        assert_int_equal(cairn_backward(cairn_scale_loss(scaler, loss)), CAIRN_OK);
        bool taken;
        assert_int_equal(cairn_scaler_step(scaler, sgd, &taken), CAIRN_OK);
        assert_int_equal(taken, !overflows);
        assert_null(cairn_grad_of(cairn_parameter(m, "weight")));
        cairn_tensor *moved = cairn_sub(before, cairn_parameter(m, "weight"));
        assert_true(cairn_allclose(moved, cairn_full_like(moved, overflows ? 0 : 0.5), 1e-6, 1e-6, false));
        assert_int_equal(cairn_unscale(scaler, sgd), CAIRN_E_STATE);
        cairn_error_clear();
        cairn_scaler_update(scaler);
        assert_float_equal(cairn_grad_scale(scaler), wanted[step], 0);
    }
    cairn_grad_scaler_free(scaler);
    cairn_optimizer_free(sgd);
    cairn_module_free(m);
    cairn_scope_pop(mark, NULL);
}

static double accuracy(cairn_module *m, cairn_dtype type)
{
    cairn_loader *l = cairn_loader_new(cairn_digits("test", NULL), &(cairn_loader_options){.batch = 256});
    double right = 0, all = 0;
    cairn_no_grad_begin();
    cairn_autocast(type);
    for (cairn_batch b; cairn_loader_next(l, &b);) {
        cairn_mark mark = cairn_scope_push();
        cairn_tensor *hit = cairn_eq(cairn_argmax(cairn_call(m, b.x), 1, false), b.y);
        right += cairn_item(cairn_sum(cairn_to(hit, CAIRN_F32), CAIRN_ALL_AXES, false));
        all += (double)cairn_numel(b.y);
        cairn_scope_pop(mark, NULL);
    }
    cairn_autocast(CAIRN_F32);
    cairn_no_grad_end();
    cairn_loader_free(l);
    return right / all;
}

static void digits_are_learned_in_lower_precision(void **unused)
{
    (void)unused;
    for (int k = 0; k < 2; k++) {
        const cairn_dtype low = k ? CAIRN_F16 : CAIRN_BF16;
        cairn_seed(3);
        cairn_loader *l = cairn_loader_new(cairn_digits("train", NULL), &(cairn_loader_options){.batch = 64, .shuffle = true, .seed = 1});
        assert_non_null(l);
        cairn_batch b;
        assert_true(cairn_loader_next(l, &b));
        const int64_t pixels = cairn_numel(b.x) / cairn_numel(b.y);
        cairn_module *m = cairn_sequential(cairn_flatten_layer(1), cairn_linear(pixels, 64, NULL), cairn_activation(CAIRN_RELU),
                                           cairn_linear(64, 10, NULL));
        cairn_optimizer *adam = cairn_adam(cairn_parameters(m), &(cairn_adam_options){.lr = 3e-3});
        cairn_grad_scaler *scaler = cairn_grad_scaler_new(NULL);
        for (int epoch = 0; epoch < 12; epoch++)
            while (cairn_loader_next(l, &b)) {
                cairn_mark mark = cairn_scope_push();
                cairn_autocast(low);
                cairn_tensor *loss = cairn_cross_entropy(cairn_call(m, b.x), b.y);
                cairn_autocast(CAIRN_F32);
                assert_int_equal(cairn_backward(cairn_scale_loss(scaler, loss)), CAIRN_OK);
                assert_int_equal(cairn_scaler_step(scaler, adam, NULL), CAIRN_OK);
                cairn_scaler_update(scaler);
                cairn_scope_pop(mark, NULL);
            }
        assert_type(cairn_parameter(m, "1.weight"), CAIRN_F32);
        assert_true(accuracy(m, low) > 0.93);
        cairn_grad_scaler_free(scaler);
        cairn_optimizer_free(adam);
        cairn_module_free(m);
        cairn_loader_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_lower_and_sums_are_f32),
        cmocka_unit_test(gradients_are_f32_and_the_same_inside_and_outside),
        cmocka_unit_test(other_types_are_an_error),
        cmocka_unit_test(a_step_with_infinity_is_skipped_and_the_scale_halves),
        cmocka_unit_test(digits_are_learned_in_lower_precision),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
