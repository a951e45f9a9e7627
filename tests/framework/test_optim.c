/* Optimizers and schedules: paths as PyTorch's, checkpoints, groups, clipping, what goes wrong. */
#include "framework/nn_vectors.h"

enum { VECTORS = sizeof vectors / sizeof *vectors };

static const vector *find(const char *test, const char *name)
{
    for (int i = 0; i < VECTORS; i++)
        if (!strcmp(vectors[i].test, test) && !strcmp(vectors[i].name, name))
            return &vectors[i];
    fail_msg("no vector %s %s", test, name);
    return NULL;
}

static cairn_tensor *parameter(void)
{
    static const float start[] = {1, -2, 0.5f, 3, -0.25f};
    return cairn_requires_grad_(cairn_from(start, CAIRN_SHAPE(5), CAIRN_F32), true);
}

/* sum c (p - t)^2: what nn_vectors.py minimises. */
static void take_gradient(cairn_tensor *p)
{
    static const float target[] = {0, 1, 0.5f, -1, 2}, weight[] = {1, 0.1f, 3, 0.5f, 0.01f};
    cairn_tensor *t = cairn_from(target, CAIRN_SHAPE(5), CAIRN_F32), *c = cairn_from(weight, CAIRN_SHAPE(5), CAIRN_F32);
    cairn_tensor *loss = cairn_sum(cairn_mul(c, cairn_square(cairn_sub(p, t))), CAIRN_ALL_AXES, false);
    assert_int_equal(cairn_backward(loss), CAIRN_OK);
}

static void one_step(cairn_optimizer *o, cairn_tensor *p)
{
    cairn_mark mark = cairn_scope_push();
    take_gradient(p);
    assert_int_equal(cairn_step(o), CAIRN_OK);
    assert_null(cairn_grad_of(p));
    cairn_scope_pop(mark, NULL);
}

static cairn_tensor_list only(cairn_tensor *const *p) { return (cairn_tensor_list){.count = 1, .tensors = p}; }

/* Steps 1, 2, 7 and 20 of a path. */
static void check_path(const char *name, cairn_optimizer *(*make)(cairn_tensor_list p))
{
    char test[64];
    snprintf(test, sizeof test, "optimizer_%s", name);
    const vector *path = find(test, "path");
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *p = parameter();
    cairn_optimizer *o = make(only(&p));
    assert_non_null(o);
    for (int step = 1, row = 0; step <= 20; step++) {
        one_step(o, p);
        if (step != 1 && step != 2 && step != 7 && step != 20)
            continue;
        vector now = {path->test, path->name, {1, {5}}, false, path->data + 5 * row++};
        assert_vector(&now, p, 3e-6);
    }
    assert_int_equal(cairn_step_count(o), 20);
    cairn_optimizer_free(o);
    cairn_scope_pop(mark, NULL);
}

#define MAKE(name, expression) static cairn_optimizer *name(cairn_tensor_list p) { return expression; }
MAKE(sgd, cairn_sgd(p, &(cairn_sgd_options){.lr = 0.1}))
MAKE(sgd_momentum, cairn_sgd(p, &(cairn_sgd_options){.lr = 0.05, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.1}))
MAKE(sgd_nesterov, cairn_sgd(p, &(cairn_sgd_options){.lr = 0.05, .momentum = 0.8, .nesterov = true, .maximize = true}))
MAKE(adam, cairn_adam(p, &(cairn_adam_options){.lr = 0.1}))
MAKE(adam_amsgrad, cairn_adam(p, &(cairn_adam_options){.lr = 0.2, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-4, .weight_decay = 0.1, .amsgrad = true}))
MAKE(adam_beta1_zero, cairn_adam(p, &(cairn_adam_options){.lr = 0.1, .beta1 = CAIRN_ZERO, .beta2 = 0.99}))
MAKE(adamw, cairn_adamw(p, &(cairn_adam_options){.lr = 0.1}))
MAKE(adamw_maximize, cairn_adamw(p, &(cairn_adam_options){.lr = 0.1, .weight_decay = 0.2, .maximize = true}))
MAKE(rmsprop, cairn_rmsprop(p, &(cairn_rmsprop_options){.lr = 0.05}))
MAKE(rmsprop_centered, cairn_rmsprop(p, &(cairn_rmsprop_options){.lr = 0.05, .alpha = 0.9, .momentum = 0.5, .centered = true, .weight_decay = 0.1}))

static void optimizers_go_pytorchs_way(void **unused)
{
    (void)unused;
    check_path("sgd", sgd);
    check_path("sgd_momentum", sgd_momentum);
    check_path("sgd_nesterov", sgd_nesterov);
    check_path("adam", adam);
    check_path("adam_amsgrad", adam_amsgrad);
    check_path("adam_beta1_zero", adam_beta1_zero);
    check_path("adamw", adamw);
    check_path("adamw_maximize", adamw_maximize);
    check_path("rmsprop", rmsprop);
    check_path("rmsprop_centered", rmsprop_centered);
}

/* ---- Schedules */

static double reciprocal(void *context, int64_t t)
{
    (void)context;
    return 1 / (1 + (double)t);
}

static cairn_scheduler *make_schedule(const char *name, cairn_optimizer *o)
{
    static const int64_t milestones[] = {3, 9, 9, 20}, takeovers[] = {4, 10};
    if (!strcmp(name, "step"))
        return cairn_step_lr(o, 7, 0.3);
    if (!strcmp(name, "multi_step"))
        return cairn_multi_step_lr(o, 4, milestones, 0.5);
    if (!strcmp(name, "exponential"))
        return cairn_exponential_lr(o, 0.9);
    if (!strcmp(name, "constant"))
        return cairn_constant_lr(o, 0.25, 6);
    if (!strcmp(name, "linear"))
        return cairn_linear_lr(o, 1.0 / 3, 1, 5);
    if (!strcmp(name, "polynomial"))
        return cairn_polynomial_lr(o, 12, 2);
    if (!strcmp(name, "cosine"))
        return cairn_cosine_lr(o, 10, 0.01);
    if (!strcmp(name, "lambda"))
        return cairn_lambda_lr(o, reciprocal, NULL);
    if (!strcmp(name, "one_cycle"))
        return cairn_one_cycle_lr(o, 1, 25, NULL);
    if (!strcmp(name, "one_cycle_three"))
        return cairn_one_cycle_lr(o, 1, 30, &(cairn_one_cycle_options){.linear = true, .three_phases = true});
    if (!strcmp(name, "plateau"))
        return cairn_plateau_lr(o, &(cairn_plateau_options){.factor = 0.5, .patience = 2, .cooldown = 1, .least = 0.05});
    if (!strcmp(name, "sequential")) {
        cairn_scheduler *parts[] = {cairn_linear_lr(o, 0.1, 1, 4), cairn_exponential_lr(o, 0.8), cairn_cosine_lr(o, 8, 0)};
        return cairn_sequential_lr(o, 3, parts, takeovers);
    }
    cairn_scheduler *parts[] = {cairn_linear_lr(o, 0.5, 1, 6), cairn_exponential_lr(o, 0.9), cairn_step_lr(o, 5, 0.5)};
    return cairn_chained_lr(3, parts);
}

static cairn_status advance(const char *name, cairn_scheduler *s, int64_t i)
{
    static const double metrics[] = {5, 4, 3, 3, 3, 3, 3, 2.9, 2.9999, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2, 2, 2, 2, 2, 2, 2, 2};
    return strcmp(name, "plateau") ? cairn_scheduler_step(s) : cairn_plateau_step(s, metrics[i]);
}

/* The rates of a whole run; and the same when it is taken up again in the middle from a checkpoint. */
static void check_schedule(const char *name)
{
    char test[64];
    snprintf(test, sizeof test, "schedule_%s", name);
    const vector *path = find(test, "path");
    int64_t n = vector_count(path);
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *p = parameter();
    cairn_sgd_options options = {.lr = 0.5, .momentum = 0.9};
    cairn_optimizer *o = cairn_sgd(only(&p), &options), *later = cairn_sgd(only(&p), &options);
    cairn_scheduler *s = make_schedule(name, o), *s_later = make_schedule(name, later);
    assert_non_null(s);
    for (int64_t i = 0; i < n; i++) {
        cairn_optimizer *now = i <= n / 2 ? o : later;
        if (fabs(cairn_lr(now, 0) - path->data[i]) > 1e-7)
            fail_msg("%s: the rate at %d is %.9g, PyTorch's %.9g", test, (int)i, cairn_lr(now, 0), path->data[i]);
        if (i == n / 2) {
            assert_int_equal(cairn_optimizer_load(later, cairn_optimizer_state(o)), CAIRN_OK);
            assert_int_equal(cairn_scheduler_load(s_later, cairn_scheduler_state(s)), CAIRN_OK);
        }
        if (i + 1 < n)
            assert_int_equal(advance(name, i < n / 2 ? s : s_later, i), CAIRN_OK);
    }
    cairn_scheduler_free(s);
    cairn_scheduler_free(s_later);
    cairn_optimizer_free(o);
    cairn_optimizer_free(later);
    cairn_scope_pop(mark, NULL);
}

static void schedules_give_pytorchs_rates(void **unused)
{
    (void)unused;
    static const char *const names[] = {"step", "multi_step", "exponential", "constant", "linear", "polynomial", "cosine", "lambda",
                                        "one_cycle", "one_cycle_three", "plateau", "sequential", "chained"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_schedule(names[i]);
}

static void a_cycle_ends_with_an_error(void **unused)
{
    (void)unused;
    cairn_tensor *p = parameter();
    cairn_optimizer *o = cairn_sgd(only(&p), NULL);
    cairn_scheduler *s = cairn_one_cycle_lr(o, 1, 2, NULL);
    assert_int_equal(cairn_scheduler_step(s), CAIRN_OK);
    assert_int_equal(cairn_scheduler_step(s), CAIRN_OK);
    assert_int_equal(cairn_scheduler_step(s), CAIRN_E_STATE);
    cairn_error_clear();
    cairn_scheduler_free(s);
    cairn_optimizer_free(o);
}

/* ---- Checkpoints, groups, freezing */

static void a_loaded_optimizer_goes_on_with_the_same_bits(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *p = parameter(), *q = parameter();
    cairn_optimizer *a = adam(only(&p)), *b = adam(only(&q));
    for (int i = 0; i < 5; i++)
        one_step(a, p);
    cairn_tensor_list state = cairn_optimizer_state(a);
    assert_int_equal(state.count, 4);
    assert_string_equal(state.names[2], "0.exp_avg");
    cairn_no_grad_begin();
    cairn_copy_(q, p);
    cairn_no_grad_end();
    assert_int_equal(cairn_optimizer_load(b, state), CAIRN_OK);
    assert_int_equal(cairn_step_count(b), 5);
    for (int i = 0; i < 5; i++) {
        one_step(a, p);
        one_step(b, q);
    }
    assert_memory_equal(cairn_data(p), cairn_data(q), 5 * sizeof(float));
    cairn_optimizer_free(a);
    cairn_optimizer_free(b);
    cairn_scope_pop(mark, NULL);
}

static void groups_have_their_own_rates(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *p = parameter(), *q = parameter();
    cairn_optimizer *o = cairn_sgd(only(&p), &(cairn_sgd_options){.lr = 0.1, .weight_decay = 0.5});
    assert_int_equal(cairn_add_group(o, only(&q), &(cairn_group_options){.lr = CAIRN_ZERO, .weight_decay = CAIRN_ZERO}), CAIRN_OK);
    assert_int_equal(cairn_group_count(o), 2);
    assert_true(cairn_lr(o, 1) == 0);
    take_gradient(p);
    take_gradient(q);
    assert_int_equal(cairn_step(o), CAIRN_OK);
    assert_true(cairn_data_f32(p)[0] != 1);
    assert_true(cairn_data_f32(q)[0] == 1);
    assert_int_equal(cairn_set_lr(o, 2, 1), CAIRN_E_RANGE);
    cairn_error_clear();
    cairn_optimizer_free(o);
    cairn_scope_pop(mark, NULL);
}

static void a_parameter_without_gradient_stays(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *both[] = {parameter(), parameter()};
    cairn_optimizer *o = cairn_adamw((cairn_tensor_list){2, both, NULL}, NULL);
    take_gradient(both[0]);
    assert_int_equal(cairn_step(o), CAIRN_OK);
    assert_true(cairn_data_f32(both[0])[0] != 1);
    assert_true(cairn_data_f32(both[1])[0] == 1);
    cairn_tensor *steps = cairn_optimizer_state(o).tensors[0];
    assert_int_equal(cairn_data_i64(steps)[0], 1);
    assert_int_equal(cairn_data_i64(steps)[1], 0);
    cairn_optimizer_free(o);
    cairn_scope_pop(mark, NULL);
}

static void half_precision_parameters_are_updated_in_f32(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *p = cairn_requires_grad_(cairn_to(cairn_ones(CAIRN_SHAPE(4), CAIRN_F32), CAIRN_BF16), true);
    cairn_optimizer *o = cairn_adam(only(&p), &(cairn_adam_options){.lr = 0.5});
    assert_int_equal(cairn_backward(cairn_sum(cairn_square(p), CAIRN_ALL_AXES, false)), CAIRN_OK);
    assert_int_equal(cairn_step(o), CAIRN_OK);
    assert_int_equal(cairn_dtype_of(p), CAIRN_BF16);
    assert_int_equal(cairn_dtype_of(cairn_optimizer_state(o).tensors[2]), CAIRN_F32);
    assert_float_equal(cairn_item(cairn_select(p, 0, 0)), 0.5, 1e-2);
    cairn_optimizer_free(o);
    cairn_scope_pop(mark, NULL);
}

/* ---- Clipping, averages */

static void clipping_bounds_the_norm_of_all_gradients(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *p = parameter(), *q = parameter(), *both[] = {p, q};
    cairn_tensor_list list = {2, both, NULL};
    take_gradient(p);
    take_gradient(q);
    double one = cairn_item(cairn_norm(cairn_grad_of(p), 2, CAIRN_ALL_AXES, false));
    cairn_tensor *norm = cairn_clip_grad_norm(list, 0.5, 2);
    assert_float_equal(cairn_item(norm), one * sqrt(2), 1e-4);
    assert_float_equal(cairn_item(cairn_norm(cairn_grad_of(p), 2, CAIRN_ALL_AXES, false)), 0.5 / sqrt(2), 1e-4);
    assert_float_equal(cairn_item(cairn_clip_grad_norm(list, 100, INFINITY)), 0.5 / sqrt(2) * 4 / one, 1e-1);
    assert_int_equal(cairn_clip_grad_value(list, 0.01), CAIRN_OK);
    assert_true(cairn_item(cairn_amax(cairn_abs(cairn_grad_of(q)), CAIRN_ALL_AXES, false)) <= 0.01f);
    assert_null(cairn_clip_grad_norm(list, -1, 2));
    cairn_error_clear();
    cairn_clear_grad(p);
    cairn_clear_grad(q);
    assert_float_equal(cairn_item(cairn_clip_grad_norm(list, 1, 2)), 0, 0);
    cairn_scope_pop(mark, NULL);
}

static void averages_follow_and_can_be_exchanged(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *p = parameter();
    cairn_ema *e = cairn_ema_new(only(&p), 0.5);
    cairn_optimizer *o = sgd(only(&p));
    one_step(o, p);                                          /* p[0] = 1 - 0.1 * 2 = 0.8 */
    assert_int_equal(cairn_ema_update(e), CAIRN_OK);
    assert_float_equal(cairn_data_f32(cairn_ema_averages(e).tensors[0])[0], 0.9, 1e-6);
    assert_int_equal(cairn_ema_swap(e), CAIRN_OK);
    assert_float_equal(cairn_data_f32(p)[0], 0.9, 1e-6);
    assert_int_equal(cairn_ema_swap(e), CAIRN_OK);
    one_step(o, p);
    assert_float_equal(cairn_data_f32(p)[0], 0.64, 1e-6);
    cairn_ema_free(e);
    cairn_optimizer_free(o);
    cairn_scope_pop(mark, NULL);
}

/* ---- What goes wrong */

static void a_failed_step_changes_nothing(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *p = parameter();
    cairn_optimizer *o = adam(only(&p));
    one_step(o, p);
    float before[5];
    memcpy(before, cairn_data(p), sizeof before);
    cairn_tensor *labels = cairn_add(cairn_full(CAIRN_SHAPE(1), 4, CAIRN_I64), cairn_integer(3));
    assert_int_equal(cairn_backward(cairn_cross_entropy(cairn_reshape(p, CAIRN_SHAPE(1, 5)), labels)), CAIRN_OK);
    assert_int_equal(cairn_step(o), CAIRN_E_RANGE);
    assert_non_null(strstr(cairn_error_message(), "label 7"));
    assert_non_null(strstr(cairn_error_message(), "5 classes"));
    cairn_error_clear();
    assert_int_equal(cairn_step_count(o), 1);
    assert_memory_equal(before, cairn_data(p), sizeof before);
    one_step(o, p);
    assert_int_equal(cairn_step_count(o), 2);
    cairn_optimizer_free(o);
    cairn_scope_pop(mark, NULL);
}

/* Parameters and their moments give their buffers to what they become; the gradient's sole factor, which is the user's, does not. */
static void a_step_takes_no_new_memory(void **state)
{
    (void)state;
    enum { COUNT = 3, ELEMENTS = 1 << 18, BYTES = 4 * ELEMENTS };
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *p[COUNT], *scale = cairn_number(1), *y = cairn_randn(CAIRN_SHAPE(ELEMENTS), CAIRN_F32);
    for (int i = 0; i < COUNT; i++)
        p[i] = cairn_requires_grad_(cairn_zeros(CAIRN_SHAPE(ELEMENTS), CAIRN_F32), true);
    cairn_optimizer *o = cairn_adam((cairn_tensor_list){.count = COUNT, .tensors = p}, NULL);
    assert_int_equal(cairn_eval(y), CAIRN_OK);
    for (int step = 0; step < 4; step++) {
        cairn_mark inner = cairn_scope_push();
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(cairn_backward_with(cairn_mul(p[i], scale), y), CAIRN_OK);
        cairn_scope_pop(inner, NULL);
        int64_t before = cairn_memory().current_bytes;
        cairn_memory_reset_peak();
        assert_int_equal(cairn_step(o), CAIRN_OK);
        if (step > 0)
            assert_in_range(cairn_memory().peak_bytes - before, 0, BYTES / 2);
    }
    cairn_optimizer_free(o);
    cairn_scope_pop(mark, NULL);
}

/* Although the gradient, which is read with the rest, is somebody's. */
static void a_step_runs_in_place(void **state)
{
    (void)state;
    cairn_tensor *p = cairn_keep(cairn_requires_grad_(cairn_ones(CAIRN_SHAPE(1000), CAIRN_F32), true));
    cairn_tensor *g = cairn_keep(cairn_ones(CAIRN_SHAPE(1000), CAIRN_F32));
    cairn_optimizer *o = cairn_adam(only(&p), NULL);
    const void *before[3] = {NULL};
    cairn_data(g);
    for (int i = 0; i < 4; i++) {
        cairn_mark mark = cairn_scope_push();
        assert_int_equal(cairn_backward_with(p, g), CAIRN_OK);
        assert_int_equal(cairn_step(o), CAIRN_OK);
        const void *now[3] = {cairn_data(p)};
        cairn_tensor_list state_now = cairn_optimizer_state(o);
        for (int k = 0, found = 1; k < state_now.count && found < 3; k++)
            if (cairn_numel(state_now.tensors[k]) == 1000)
                now[found++] = cairn_data(state_now.tensors[k]);
        assert_true(i < 2 || !memcmp(now, before, sizeof now));
        memcpy(before, now, sizeof now);
        cairn_scope_pop(mark, NULL);
    }
    cairn_optimizer_free(o);
    cairn_drop(p), cairn_drop(g);
}

static void bad_options_are_refused(void **unused)
{
    (void)unused;
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *p = parameter(), *integers = cairn_arange(0, 3, 1, CAIRN_I64), *result = cairn_add(p, p);
    assert_null(cairn_adam(only(&p), &(cairn_adam_options){.beta1 = 1}));
    cairn_error_clear();
    assert_null(cairn_sgd(only(&p), &(cairn_sgd_options){.nesterov = true}));
    cairn_error_clear();
    assert_null(cairn_sgd(only(&p), &(cairn_sgd_options){.lr = -1}));
    cairn_error_clear();
    assert_null(cairn_sgd(only(&integers), NULL));
    assert_int_equal(cairn_error(), CAIRN_E_TYPE);
    cairn_error_clear();
    assert_null(cairn_sgd(only(&result), NULL));
    cairn_error_clear();
    assert_null(cairn_rmsprop(cairn_parameters(NULL), NULL));
    cairn_error_clear();
    assert_int_equal(cairn_step(NULL), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    assert_null(cairn_step_lr(NULL, 3, 0.1));
    cairn_error_clear();
    cairn_optimizer *o = sgd(only(&p));
    assert_null(cairn_step_lr(o, 0, 0.1));
    cairn_error_clear();
    cairn_scheduler *s = cairn_plateau_lr(o, NULL);
    assert_int_equal(cairn_scheduler_step(s), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    cairn_scheduler_free(s);
    cairn_optimizer_free(o);
    cairn_scope_pop(mark, NULL);
}

int main(void)
{
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimizers_go_pytorchs_way),
        cmocka_unit_test(schedules_give_pytorchs_rates),
        cmocka_unit_test(a_cycle_ends_with_an_error),
        cmocka_unit_test(a_loaded_optimizer_goes_on_with_the_same_bits),
        cmocka_unit_test(groups_have_their_own_rates),
        cmocka_unit_test(a_parameter_without_gradient_stays),
        cmocka_unit_test(half_precision_parameters_are_updated_in_f32),
        cmocka_unit_test(clipping_bounds_the_norm_of_all_gradients),
        cmocka_unit_test(averages_follow_and_can_be_exchanged),
        cmocka_unit_test(a_failed_step_changes_nothing),
        cmocka_unit_test(a_step_takes_no_new_memory),
        cmocka_unit_test(a_step_runs_in_place),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
