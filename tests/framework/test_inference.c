/* What inference does otherwise than training: epilogues as data, batch norms of known statistics in them. */
#include <cairn/cairn.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static cairn_tensor *numbers(cairn_shape s, cairn_dtype type)
{
    cairn_tensor *x = cairn_randn(s, type);
    assert_int_equal(cairn_eval(x), CAIRN_OK);
    return x;
}

static bool plan_says(cairn_tensor *x, const char *what)
{
    char *text = cairn_explain(x);
    assert_non_null(text);
    const bool said = strstr(text, what) != NULL;
    free(text);
    return said;
}

/* (n, c, h, w), channels last in memory. */
static cairn_tensor *image(int64_t n, int64_t c, int64_t h, int64_t w, cairn_dtype type)
{
    cairn_tensor *x = cairn_permute(numbers(CAIRN_SHAPE(n, h, w, c), type), CAIRN_AXES(0, 3, 1, 2));
    assert_int_equal(cairn_eval(x), CAIRN_OK);
    return x;
}

/* Bit by bit. */
static void expect_same(cairn_tensor *x, cairn_tensor *y)
{
    assert_non_null(x);
    assert_non_null(y);
    assert_int_equal(cairn_numel(x), cairn_numel(y));
    const char *a = cairn_data(x), *b = cairn_data(y);
    assert_memory_equal(a, b, (size_t)(cairn_numel(x) * cairn_dtype_bytes(cairn_dtype_of(x))));
}

/* ---- Epilogues as data --------------------------------------------------------------------------------*/

enum { SCALE = 1, BIAS = 2, RESIDUAL = 4, ACTIVATION = 8, KINDS = 32 };

typedef struct epilogue {
    cairn_tensor *scale, *bias, *residual;
    int what;
} epilogue;

static cairn_tensor *finished(cairn_tensor *y, const epilogue *e)
{
    y = e->what & SCALE ? cairn_mul(y, e->scale) : y;
    y = e->what & BIAS ? cairn_add(e->bias, y) : y;
    y = e->what & RESIDUAL ? cairn_add(y, e->residual) : y;
    switch (e->what / ACTIVATION) {
    case 1: return cairn_relu(y);
    case 2: return cairn_sigmoid(y);
    case 3: return cairn_tanh(y);
    default: return y;
    }
}

/* The product alone, and the rest from memory, gives the bits of both in one kernel, which has no program. */
static void check_epilogue(cairn_tensor *(*product)(cairn_tensor *, cairn_tensor *), cairn_tensor *x, cairn_tensor *w, const epilogue *e)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *alone = product(x, w);
    assert_int_equal(cairn_eval(alone), CAIRN_OK);
    cairn_tensor *apart = finished(alone, e), *together = finished(product(x, w), e);
    if (e->what) {
        assert_true(plan_says(together, "in 1 kernels"));
        assert_false(plan_says(together, "|"));
    }
    expect_same(together, apart);
    cairn_scope_pop(m, NULL);
}

static cairn_tensor *convolution(cairn_tensor *x, cairn_tensor *w) { return cairn_f_conv2d(x, w, NULL, &(cairn_conv_options){.padding = {1, 1}}); }

static void an_epilogue_said_as_data_has_the_bits_of_a_program(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++)
        for (int what = 0; what < KINDS; what++) {
            const cairn_dtype t = type ? CAIRN_F64 : CAIRN_F32;
            epilogue e = {numbers(CAIRN_SHAPE(20, 1, 1), t), numbers(CAIRN_SHAPE(1, 20, 1, 1), t), NULL, what};
            cairn_tensor *x = image(2, 5, 6, 7, t);
            e.residual = image(2, 20, 6, 7, t);
            check_epilogue(convolution, x, image(20, 5, 3, 3, t), &e);
            for (int64_t rows = 1; rows <= 65; rows += 32) {
                epilogue of_matrix = {numbers(CAIRN_SHAPE(70), t), numbers(CAIRN_SHAPE(1, 70), t), numbers(CAIRN_SHAPE(rows, 70), t), what};
                check_epilogue(cairn_matmul, numbers(CAIRN_SHAPE(rows, 30), t), numbers(CAIRN_SHAPE(30, 70), t), &of_matrix);
                check_epilogue(cairn_matmul, numbers(CAIRN_SHAPE(1, rows, 300), t), numbers(CAIRN_SHAPE(300, 70), t), &of_matrix);
            }
        }
}

/* Another order, operands of other shapes, values read twice: programs, with the right results. */
static void other_epilogues_are_programs(void **state)
{
    (void)state;
    cairn_tensor *x = numbers(CAIRN_SHAPE(9, 30), CAIRN_F32), *w = numbers(CAIRN_SHAPE(30, 40), CAIRN_F32), *row = numbers(CAIRN_SHAPE(40), CAIRN_F32);
    cairn_tensor *column = numbers(CAIRN_SHAPE(9, 1), CAIRN_F32), *wide = numbers(CAIRN_SHAPE(9, 80), CAIRN_F32);
    cairn_tensor *alone = cairn_matmul(x, w), *strided = cairn_slice(wide, 1, 0, 80, 2);
    assert_int_equal(cairn_eval(alone), CAIRN_OK);
#define BOTH(expression)                                                \
    do {                                                                \
        cairn_tensor *y = alone, *apart = (expression);                 \
        y = cairn_matmul(x, w);                                         \
        cairn_tensor *together = (expression);                          \
        assert_true(plan_says(together, "|"));                          \
        expect_same(together, apart);                                   \
    } while (0)
    BOTH(cairn_mul(cairn_add(y, row), row));
    BOTH(cairn_add(cairn_relu(y), row));
    BOTH(cairn_sub(y, row));
    BOTH(cairn_add(y, column));
    BOTH(cairn_mul(y, column));
    BOTH(cairn_add(y, strided));
    BOTH(cairn_add(y, cairn_number(0.5)));
    BOTH(cairn_mul(y, y));
    BOTH(cairn_add(cairn_add(cairn_add(y, row), alone), alone));
#undef BOTH
}

/* ---- Batch norm ---------------------------------------------------------------------------------------*/

static cairn_module *trained_block(void)
{
    const cairn_conv_options same = {.padding = {1, 1}, .no_bias = true};
    cairn_module *m = cairn_sequential(cairn_conv2d(6, 24, 3, &same), cairn_batch_norm2d(24, NULL), cairn_activation(CAIRN_RELU));
    cairn_tensor *mean = cairn_parameter(m, "1.running_mean"), *variance = cairn_parameter(m, "1.running_var");
    cairn_tensor *weight = cairn_parameter(m, "1.weight"), *bias = cairn_parameter(m, "1.bias");
    cairn_no_grad_begin();
    cairn_copy_(mean, cairn_randn(CAIRN_SHAPE(24), CAIRN_F32));
    cairn_copy_(variance, cairn_add(cairn_abs(cairn_randn(CAIRN_SHAPE(24), CAIRN_F32)), cairn_number(0.5)));
    cairn_copy_(weight, cairn_randn(CAIRN_SHAPE(24), CAIRN_F32));
    cairn_copy_(bias, cairn_randn(CAIRN_SHAPE(24), CAIRN_F32));
    cairn_no_grad_end();
    cairn_set_training(m, false);
    assert_int_equal(cairn_error(), CAIRN_OK);
    return m;
}

static void a_batch_norm_of_known_statistics_is_done_by_the_convolution(void **state)
{
    (void)state;
    cairn_module *m = trained_block();
    cairn_tensor *x = numbers(CAIRN_SHAPE(2, 6, 9, 8), CAIRN_F32);
    cairn_no_grad_begin();
    cairn_tensor *y = cairn_call(m, x);
    assert_true(plan_says(y, "conv+mul+add+relu"));
    const float *got = cairn_data_f32(y);
    cairn_tensor *z = convolution(x, cairn_parameter(m, "0.weight"));
    const float *sums = cairn_data_f32(z), *mean = cairn_data_f32(cairn_parameter(m, "1.running_mean"));
    const float *variance = cairn_data_f32(cairn_parameter(m, "1.running_var")), *weight = cairn_data_f32(cairn_parameter(m, "1.weight"));
    const float *bias = cairn_data_f32(cairn_parameter(m, "1.bias"));
    cairn_no_grad_end();
    for (int64_t i = 0; i < cairn_numel(z); i++) {
        const int64_t c = i / 72 % 24;
        const double want = ((double)sums[i] - mean[c]) / sqrt(variance[c] + 1e-5) * weight[c] + bias[c];
        assert_true(fabs(got[i] - (want > 0 ? want : 0)) < 1e-5);
    }
    cairn_module_free(m);
}

/* ---- Weights packed once ------------------------------------------------------------------------------------*/

static cairn_module *network(void)
{
    const cairn_conv_options same = {.padding = {1, 1}}, grouped = {.groups = 4};
    return cairn_sequential(cairn_conv2d(3, 32, 3, &same), cairn_activation(CAIRN_RELU), cairn_conv2d(32, 32, 3, &same), cairn_conv2d(32, 64, 1, NULL),
                            cairn_conv2d(64, 20, 2, &grouped), cairn_flatten_layer(1), cairn_linear(20 * 7 * 7, 300, NULL),
                            cairn_activation(CAIRN_TANH), cairn_linear(300, 70, NULL));
}

static cairn_tensor *answer(cairn_module *net, cairn_tensor *x)
{
    cairn_no_grad_begin();
    cairn_tensor *y = cairn_call(net, x);
    assert_int_equal(cairn_eval(y), CAIRN_OK);
    cairn_no_grad_end();
    return y;
}

static void packed_weights_give_the_same_bits_until_they_change(void **state)
{
    (void)state;
    cairn_mark m = cairn_scope_push();
    cairn_module *net = network();
    cairn_tensor *x = image(2, 3, 8, 8, CAIRN_F32), *other = image(5, 3, 8, 8, CAIRN_F32);
    cairn_set_training(net, false);
    cairn_tensor *before = answer(net, x), *before_other = answer(net, other);
    assert_int_equal(cairn_optimize_for_inference(net), CAIRN_OK);
    const int64_t bytes = cairn_memory().current_bytes;
    for (int i = 0; i < 2; i++) {
        cairn_mark inner = cairn_scope_push();
        expect_same(answer(net, x), before);
        expect_same(answer(net, other), before_other);
        cairn_scope_pop(inner, NULL);
    }
    assert_true(cairn_memory().current_bytes > bytes + 4 * 20 * 7 * 7 * 300);  /* they are kept */

    cairn_optimizer *sgd = cairn_sgd(cairn_parameters(net), &(cairn_sgd_options){.lr = 0.1});
    assert_int_equal(cairn_backward(cairn_sum(cairn_square(cairn_call(net, x)), CAIRN_ALL_AXES, false)), CAIRN_OK);
    assert_int_equal(cairn_step(sgd), CAIRN_OK);
    cairn_optimizer_free(sgd);
    cairn_module *copy = network();
    cairn_set_training(copy, false);
    assert_int_equal(cairn_load_state_dict(copy, cairn_state_dict(net), true), CAIRN_OK);
    cairn_tensor *after = answer(copy, x);
    expect_same(answer(net, x), after);
    assert_int_equal(cairn_optimize_for_inference(net), CAIRN_OK);
    expect_same(answer(net, x), after);
    expect_same(answer(net, x), after);
    cairn_module_free(copy);
    cairn_module_free(net);
    cairn_scope_pop(m, NULL);
}

/* A weight that two products read in two ways: one of them has it packed. */
static void a_weight_of_two_uses_serves_both(void **state)
{
    (void)state;
    cairn_mark m = cairn_scope_push();
    cairn_module *layer = cairn_linear(400, 400, &(cairn_linear_options){.no_bias = true});
    cairn_tensor *x = numbers(CAIRN_SHAPE(20, 400), CAIRN_F32), *w = cairn_parameter(layer, "weight");
    cairn_no_grad_begin();
    cairn_tensor *there = cairn_call(layer, x), *back = cairn_matmul(x, w);
    assert_int_equal(cairn_eval_list(2, (cairn_tensor *[]){there, back}), CAIRN_OK);
    assert_int_equal(cairn_optimize_for_inference(layer), CAIRN_OK);
    for (int i = 0; i < 2; i++) {
        expect_same(cairn_call(layer, x), there);
        expect_same(cairn_matmul(x, w), back);
    }
    cairn_no_grad_end();
    cairn_module_free(layer);
    cairn_scope_pop(m, NULL);
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    assert_int_equal(cairn_optimize_for_inference(NULL), CAIRN_E_ARGUMENT);
    cairn_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_epilogue_said_as_data_has_the_bits_of_a_program),
                                       cmocka_unit_test(other_epilogues_are_programs),
                                       cmocka_unit_test(a_batch_norm_of_known_statistics_is_done_by_the_convolution),
                                       cmocka_unit_test(packed_weights_give_the_same_bits_until_they_change),
                                       cmocka_unit_test(a_weight_of_two_uses_serves_both)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
