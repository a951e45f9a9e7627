/* The graph end to end: values, views, scopes, gradients, evaluation. */
#include <cairn/cairn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static cairn_tensor *vec(int n, const float *data) { return cairn_from(data, (cairn_shape){1, {n}}, CAIRN_F32); }
#define VEC(...) vec((int)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)), (float[]){__VA_ARGS__})

static void expect(cairn_tensor *x, int n, const float *want)
{
    assert_non_null(x);
    assert_int_equal(cairn_numel(x), n);
    float got[64];
    assert_int_equal(cairn_copy_out(x, got, CAIRN_F32), CAIRN_OK);
    for (int i = 0; i < n; i++)
        if (!(fabsf(got[i] - want[i]) <= 1e-5f * fmaxf(1, fabsf(want[i]))))
            fail_msg("element %d: got %g, wanted %g", i, (double)got[i], (double)want[i]);
}
#define EXPECT(x, ...) expect(x, (int)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)), (float[]){__VA_ARGS__})

static void a_chain_gives_its_value(void **state)
{
    (void)state;
    cairn_tensor *x = VEC(1, 2, 3);
    EXPECT(cairn_add(cairn_mul(x, cairn_number(2)), cairn_number(1)), 3, 5, 7);
    EXPECT(cairn_sub(x, cairn_sum(x, CAIRN_ALL_AXES, true)), -5, -4, -3);
    assert_true(cairn_item(cairn_sum(x, CAIRN_ALL_AXES, false)) == 6.0);
}

static void matmul_gives_products(void **state)
{
    (void)state;
    cairn_tensor *a = cairn_reshape(VEC(1, 2, 3, 4, 5, 6), CAIRN_SHAPE(2, 3)), *b = cairn_reshape(VEC(1, 0, 0, 1, 1, 1), CAIRN_SHAPE(3, 2));
    EXPECT(cairn_matmul(a, b), 4, 5, 10, 11);
    EXPECT(cairn_relu(cairn_sub(cairn_matmul(a, b), cairn_number(5))), 0, 0, 5, 6);
    EXPECT(cairn_matmul(cairn_mT(b), cairn_mT(a)), 4, 10, 5, 11);
    EXPECT(cairn_matmul(a, VEC(1, 1, 1)), 6, 15);
}

static void softmax_by_hand_is_one_kernel(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_reshape(VEC(1, 2, 3, 1, 1, 1), CAIRN_SHAPE(2, 3));
    cairn_tensor *e = cairn_exp(cairn_sub(x, cairn_amax(x, CAIRN_AXES(-1), true)));
    cairn_tensor *y = cairn_div(e, cairn_sum(e, CAIRN_AXES(-1), true));
    char *text = cairn_explain(y);
    assert_non_null(text);
    assert_non_null(strstr(text, "in 1 kernels"));
    free(text);
    EXPECT(y, 0.09003057f, 0.24472847f, 0.66524096f, 1 / 3.f, 1 / 3.f, 1 / 3.f);
}

static void columns_and_middle_axes_reduce(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_reshape(cairn_arange(0, 12, 1, CAIRN_F32), CAIRN_SHAPE(2, 3, 2));
    EXPECT(cairn_sum(x, CAIRN_AXES(0), false), 6, 8, 10, 12, 14, 16);
    EXPECT(cairn_sum(x, CAIRN_AXES(1), false), 6, 9, 24, 27);
    EXPECT(cairn_sum(x, CAIRN_AXES(0, 2), false), 14, 22, 30);
    EXPECT(cairn_amax(cairn_permute(x, CAIRN_AXES(2, 0, 1)), CAIRN_AXES(1, 2), false), 10, 11);
    EXPECT(cairn_to(cairn_argmax(x, 2, false), CAIRN_F32), 1, 1, 1, 1, 1, 1);
}

static void backward_fills_the_leaves(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_requires_grad_(VEC(1, 2, 3), true);
    cairn_tensor *loss = cairn_mean(cairn_square(x), CAIRN_ALL_AXES, false);
    assert_int_equal(cairn_backward(loss), CAIRN_OK);
    EXPECT(cairn_grad_of(x), 2 / 3.f, 4 / 3.f, 2);
    assert_true(fabs(cairn_item(loss) - 14.0 / 3) < 1e-6);
    cairn_clear_grad(x);
    assert_null(cairn_grad_of(x));
}

static void second_derivatives_come_from_grad(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_requires_grad_(VEC(1, 2, 3), true), *g, *h;
    cairn_tensor *y = cairn_sum(cairn_mul(x, cairn_square(x)), CAIRN_ALL_AXES, false);
    assert_int_equal(cairn_grad(y, NULL, 1, &x, &g), CAIRN_OK);
    assert_int_equal(cairn_grad(cairn_sum(g, CAIRN_ALL_AXES, false), NULL, 1, &x, &h), CAIRN_OK);
    EXPECT(g, 3, 12, 27);
    EXPECT(h, 6, 12, 18);
}

static void broadcast_gradients_are_summed(void **state)
{
    (void)state;
    cairn_tensor *w = cairn_requires_grad_(cairn_ones(CAIRN_SHAPE(2, 3), CAIRN_F32), true), *b = cairn_requires_grad_(VEC(1, 2, 3), true);
    cairn_tensor *s = cairn_requires_grad_(cairn_ones(CAIRN_SHAPE(2, 1), CAIRN_F32), true);
    cairn_backward(cairn_sum(cairn_mul(cairn_add(w, b), s), CAIRN_ALL_AXES, false));
    EXPECT(cairn_grad_of(b), 2, 2, 2);
    EXPECT(cairn_grad_of(s), 9, 9);
    EXPECT(cairn_grad_of(w), 1, 1, 1, 1, 1, 1);
}

static void a_view_sees_later_writes_to_its_base(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_reshape(cairn_zeros(CAIRN_SHAPE(6), CAIRN_F32), CAIRN_SHAPE(2, 3));
    cairn_tensor *row = cairn_select(x, 0, 1), *t = cairn_mT(x);
    cairn_add_(x, cairn_number(1));
    EXPECT(row, 1, 1, 1);
    cairn_mul_(row, VEC(2, 3, 4));
    EXPECT(x, 1, 1, 1, 2, 3, 4);
    EXPECT(t, 1, 2, 1, 3, 1, 4);
    cairn_fill_(cairn_slice(cairn_select(t, 0, 2), 0, 0, CAIRN_END, 1), 9);
    EXPECT(x, 1, 1, 9, 2, 3, 9);
    EXPECT(cairn_flip(row, CAIRN_AXES(0)), 9, 3, 2);
}

static void an_in_place_step_reuses_the_buffer(void **state)
{
    (void)state;
    cairn_tensor *p = cairn_requires_grad_(VEC(1, 2, 3), true);
    const void *before = cairn_data(p);
    for (int i = 0; i < 3; i++) {
        cairn_mark m = cairn_scope_push();
        cairn_backward(cairn_sum(cairn_square(p), CAIRN_ALL_AXES, false));
        cairn_no_grad_begin();
        cairn_sub_(p, cairn_mul(cairn_grad_of(p), cairn_number(0.25)));
        cairn_no_grad_end();
        cairn_clear_grad(p);
        cairn_scope_pop(m, NULL);               /* else a handle to an intermediate result still needs the old p */
        cairn_eval(p);
    }
    assert_true(cairn_requires_grad(p));
    EXPECT(p, 0.125f, 0.25f, 0.375f);
    assert_ptr_equal(before, cairn_data(p));
}

/* q's value is a look at p's first buffer, which p's next value may then not take. */
static void a_copy_is_safe_from_an_update_in_the_same_evaluation(void **state)
{
    (void)state;
    cairn_mark m = cairn_scope_push();
    const float first[3] = {1, 2, 3}, next[3] = {11, 12, 13};
    cairn_tensor *p = cairn_requires_grad_(cairn_from(first, CAIRN_SHAPE(3), CAIRN_F32), true), *q = cairn_zeros(CAIRN_SHAPE(3), CAIRN_F32);
    cairn_no_grad_begin();
    cairn_copy_(q, p);
    cairn_add_(p, cairn_number(10));
    assert_int_equal(cairn_eval_list(2, (cairn_tensor *[]){p, q}), CAIRN_OK);
    cairn_no_grad_end();
    expect(p, 3, next);
    expect(q, 3, first);
    cairn_scope_pop(m, NULL);
}

/* Looking at the loss at times must not start from the first parameters each time: the graph that is left stays short. */
static void parameters_moved_by_hand_are_computed_with_the_loss(void **state)
{
    (void)state;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *w = cairn_requires_grad_(cairn_zeros(CAIRN_SHAPE(2), CAIRN_F64), true);
    for (int step = 0; step < 20; step++) {
        cairn_mark s = cairn_scope_push();
        cairn_tensor *loss = cairn_sum(cairn_square(cairn_sub(w, cairn_number(1))), CAIRN_ALL_AXES, false);
        assert_int_equal(cairn_backward(loss), CAIRN_OK);
        cairn_no_grad_begin();
        cairn_sub_(w, cairn_mul(cairn_grad_of(w), cairn_number(0.25)));
        cairn_no_grad_end();
        cairn_clear_grad(w);
        assert_true(fabs(cairn_item(loss) - 2 * pow(0.25, step)) < 1e-12);      /* w - 1 halves at each step */
        assert_int_equal(cairn_plan_memory(1, &w), 0);                         /* there already */
        cairn_scope_pop(s, NULL);
    }
    cairn_scope_pop(m, NULL);
}

static void what_was_fused_away_can_be_looked_at(void **state)
{
    (void)state;
    cairn_tensor *p = VEC(1, 2, 3), *h = cairn_mul(p, cairn_number(3)), *y = cairn_add(h, cairn_number(1));
    EXPECT(y, 4, 7, 10);
    cairn_add_(p, cairn_number(100));
    cairn_eval(p);
    EXPECT(h, 3, 6, 9);
}

static void zero_sized_tensors_pass(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_zeros(CAIRN_SHAPE(0, 3), CAIRN_F32);
    EXPECT(cairn_sum(cairn_exp(x), CAIRN_AXES(0), false), 0, 0, 0);
    assert_int_equal(cairn_numel(cairn_matmul(x, cairn_ones(CAIRN_SHAPE(3, 2), CAIRN_F32))), 0);
    EXPECT(cairn_matmul(cairn_zeros(CAIRN_SHAPE(2, 0), CAIRN_F32), cairn_zeros(CAIRN_SHAPE(0, 2), CAIRN_F32)), 0, 0, 0, 0);
    assert_int_equal(cairn_eval(cairn_relu(x)), CAIRN_OK);
}

static void errors_name_operation_and_shapes(void **state)
{
    (void)state;
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    cairn_tensor *a = cairn_zeros(CAIRN_SHAPE(4, 3), CAIRN_F32), *b = cairn_zeros(CAIRN_SHAPE(5, 7), CAIRN_F32);
    assert_null(cairn_relu(cairn_add(cairn_matmul(a, b), a)));
    assert_int_equal(cairn_error(), CAIRN_E_SHAPE);
    assert_string_equal(cairn_error_message(), "matmul: inner sizes differ: [4, 3] @ [5, 7]");
    cairn_error_clear();
    assert_null(cairn_reshape(a, CAIRN_SHAPE(5, -1)));
    cairn_error_clear();
}

static void planned_memory_is_what_is_allocated(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_randn(CAIRN_SHAPE(300, 400), CAIRN_F32);
    cairn_eval(x);
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = cairn_matmul(cairn_tanh(cairn_matmul(x, cairn_mT(x))), x);
    y = cairn_sum(cairn_matmul(cairn_mT(y), y), CAIRN_AXES(0), false);
    int64_t planned = cairn_plan_memory(1, &y);
    cairn_memory_reset_peak();
    int64_t before = cairn_memory().current_bytes;
    assert_int_equal(cairn_eval(y), CAIRN_OK);
    assert_int_equal(cairn_memory().peak_bytes - before, planned);
    cairn_scope_pop(m, NULL);
}

static cairn_memory_of memory_of(const char *operation)
{
    cairn_memory_of rows[256];
    int count = cairn_memory_by_operation(rows, 256);
    assert_in_range(count, 1, 256);
    for (int i = 0; i < count; i++) {
        assert_true(i == 0 || rows[i].current_bytes <= rows[i - 1].current_bytes);
        if (!strcmp(rows[i].operation, operation))
            return rows[i];
    }
    return (cairn_memory_of){operation};
}

static void memory_is_counted_by_operation(void **state)
{
    (void)state;
    cairn_mark m = cairn_scope_push();
    cairn_memory_of leaf = memory_of("leaf"), product = memory_of("matmul");
    cairn_tensor *x = cairn_from(&(float[64]){0}, CAIRN_SHAPE(8, 8), CAIRN_F32), *y = cairn_matmul(x, x);
    assert_int_equal(memory_of("leaf").current_bytes, leaf.current_bytes + 256);
    assert_int_equal(memory_of("matmul").buffers, product.buffers);            /* not computed yet */
    assert_int_equal(cairn_eval(y), CAIRN_OK);
    assert_int_equal(memory_of("matmul").current_bytes, product.current_bytes + 256);
    assert_int_equal(memory_of("matmul").buffers, product.buffers + 1);
    assert_true(memory_of("matmul").peak_bytes >= product.current_bytes + 256);
    cairn_scope_pop(m, NULL);
    assert_int_equal(memory_of("leaf").current_bytes, leaf.current_bytes);
    assert_int_equal(memory_of("matmul").current_bytes, product.current_bytes);
    cairn_memory_of one;
    assert_int_equal(cairn_memory_by_operation(&one, 1), cairn_memory_by_operation(NULL, 0));
    assert_int_equal(cairn_memory_by_operation(NULL, 5), cairn_memory_by_operation(&one, 0));
}

static void nothing_leaks_over_many_steps(void **state)
{
    (void)state;
    cairn_tensor *p = cairn_requires_grad_(VEC(1, 2, 3), true);
    int64_t tensors = 0, bytes = 0;
    for (int i = 0; i < 1000; i++) {
        cairn_mark m = cairn_scope_push();
        cairn_tensor *loss = cairn_sum(cairn_exp(cairn_neg(cairn_square(p))), CAIRN_ALL_AXES, false);
        cairn_backward(loss);
        cairn_no_grad_begin();
        cairn_sub_(p, cairn_mul(cairn_grad_of(p), cairn_number(0.01)));
        cairn_no_grad_end();
        cairn_clear_grad(p);
        cairn_eval(p);
        cairn_scope_pop(m, NULL);
        if (i == 10) {
            tensors = cairn_tensor_count();
            bytes = cairn_memory().current_bytes;
        }
    }
    assert_int_equal(cairn_tensor_count(), tensors);
    assert_int_equal(cairn_memory().current_bytes, bytes);
}

static void random_numbers_depend_on_the_seed_alone(void **state)
{
    (void)state;
    float a[6], b[6];
    cairn_seed(7);
    cairn_copy_out(cairn_randn(CAIRN_SHAPE(2, 3), CAIRN_F32), a, CAIRN_F32);
    cairn_seed(7);
    cairn_copy_out(cairn_randn(CAIRN_SHAPE(2, 3), CAIRN_F32), b, CAIRN_F32);
    assert_memory_equal(a, b, sizeof a);
    cairn_copy_out(cairn_randn(CAIRN_SHAPE(2, 3), CAIRN_F32), b, CAIRN_F32);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_gives_its_value), cmocka_unit_test(matmul_gives_products),
        cmocka_unit_test(softmax_by_hand_is_one_kernel), cmocka_unit_test(columns_and_middle_axes_reduce),
        cmocka_unit_test(backward_fills_the_leaves), cmocka_unit_test(second_derivatives_come_from_grad),
        cmocka_unit_test(broadcast_gradients_are_summed), cmocka_unit_test(a_view_sees_later_writes_to_its_base),
        cmocka_unit_test(a_copy_is_safe_from_an_update_in_the_same_evaluation),
        cmocka_unit_test(parameters_moved_by_hand_are_computed_with_the_loss), cmocka_unit_test(an_in_place_step_reuses_the_buffer), cmocka_unit_test(what_was_fused_away_can_be_looked_at),
        cmocka_unit_test(zero_sized_tensors_pass), cmocka_unit_test(errors_name_operation_and_shapes),
        cmocka_unit_test(planned_memory_is_what_is_allocated),
        cmocka_unit_test(memory_is_counted_by_operation), cmocka_unit_test(nothing_leaks_over_many_steps),
        cmocka_unit_test(random_numbers_depend_on_the_seed_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
