/* Evaluation: determinism, failure, modes, bounds, threads, fusion. */
#include <cairn/cairn.h>
#include "base/memory.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A small network's loss and gradient, everything that the executor has: products with epilogues, rows, columns, views. */
static cairn_tensor *network(cairn_tensor *x, cairn_tensor *w1, cairn_tensor *w2)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *h = cairn_tanh(cairn_add(cairn_matmul(x, w1), cairn_number(0.1)));
    h = cairn_sub(h, cairn_mean(h, CAIRN_AXES(0), true));
    cairn_tensor *z = cairn_matmul(h, cairn_mT(w2));
    cairn_tensor *p = cairn_sub(z, cairn_logsumexp(z, CAIRN_AXES(-1), true));
    cairn_tensor *loss = cairn_neg(cairn_mean(cairn_narrow(p, 1, 0, 3), CAIRN_ALL_AXES, false));
    return cairn_scope_pop(m, loss);
}

typedef struct outcome {
    float loss, dw1[48 * 40], dw2[24 * 40];
} outcome;

static cairn_status run_network(outcome *o)
{
    cairn_mark m = cairn_scope_push();
    cairn_seed(3);
    cairn_tensor *x = cairn_randn(CAIRN_SHAPE(64, 48), CAIRN_F32);
    cairn_tensor *w1 = cairn_requires_grad_(cairn_randn(CAIRN_SHAPE(48, 40), CAIRN_F32), true);
    cairn_tensor *w2 = cairn_requires_grad_(cairn_randn(CAIRN_SHAPE(24, 40), CAIRN_F32), true);
    cairn_tensor *loss = network(x, w1, w2);
    cairn_status s = loss ? cairn_backward(loss) : cairn_error();
    if (!s)
        s = cairn_copy_out(loss, &o->loss, CAIRN_F32);
    if (!s)
        s = cairn_copy_out(cairn_grad_of(w1), o->dw1, CAIRN_F32);
    if (!s)
        s = cairn_copy_out(cairn_grad_of(w2), o->dw2, CAIRN_F32);
    cairn_scope_pop(m, NULL);
    return s;
}

static void the_number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    static outcome first, other;
    int threads = cairn_threads();
    assert_int_equal(cairn_set_threads(1), CAIRN_OK);
    assert_int_equal(run_network(&first), CAIRN_OK);
    for (int n = 2; n <= 5; n += 3) {
        assert_int_equal(cairn_set_threads(n), CAIRN_OK);
        assert_int_equal(run_network(&other), CAIRN_OK);
        assert_memory_equal(&first, &other, sizeof first);
    }
    cairn_set_threads(threads);
}

static void a_failed_allocation_leaves_everything_as_it_was(void **state)
{
    (void)state;
    static outcome whole, again;
    assert_int_equal(run_network(&whole), CAIRN_OK);
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    int64_t tensors = cairn_tensor_count(), bytes = cairn_memory().current_bytes;
    int failures = 0;
    for (int64_t n = 0; n < 100000; n++) {
        mem_fail_after(n);
        cairn_status s = run_network(&again);
        mem_fail_after(-1);
        if (!s)
            break;
        failures++;
        assert_int_equal(cairn_error(), CAIRN_E_MEMORY);
        cairn_error_clear();
        assert_int_equal(cairn_tensor_count(), tensors);
        assert_int_equal(cairn_memory().current_bytes, bytes);
    }
    cairn_set_on_error(CAIRN_ON_ERROR_PRINT);
    assert_true(failures > 0);
    assert_memory_equal(&whole, &again, sizeof whole);
}

/* In a child, since the environment is read once. */
static void in_child(const char *variable)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        setenv(variable, "1", 1);
        execl("/proc/self/exe", "test_exec", variable, (char *)NULL);
        _exit(9);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int child_check_nan(void)
{
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    cairn_tensor *x = cairn_from((float[]){1, 0, 4}, CAIRN_SHAPE(3), CAIRN_F32);
    cairn_tensor *y = cairn_add(x, cairn_number(1));
    int line = __LINE__ + 1;
    cairn_tensor *z = cairn_log(cairn_sub(y, cairn_from((float[]){0, 1, 0}, CAIRN_SHAPE(3), CAIRN_F32)));
    z = cairn_mul(z, cairn_number(2));
    const char *message = cairn_error_message();
    bool right = !z && cairn_error() == CAIRN_E_NAN && strstr(message, "log gave -infinity at element 1 of [3]") && cairn_error_where().line == line;
    if (!right)
        fprintf(stderr, "got %s at line %d\n", message, cairn_error_where().line);
    return right ? 0 : 1;
}

static int child_eager(void)
{
    static outcome o;
    cairn_tensor *x = cairn_exp(cairn_from((float[]){0}, CAIRN_SHAPE(1), CAIRN_F32));
    char *text = cairn_explain(x);
    bool done = text && strstr(text, "evaluated");
    free(text);
    return done && run_network(&o) == CAIRN_OK && isfinite(o.loss) ? 0 : 1;
}

static void check_nan_names_operation_and_line(void **state)
{
    (void)state;
    in_child("CAIRN_CHECK_NAN");
}

static void eager_evaluates_at_every_call(void **state)
{
    (void)state;
    in_child("CAIRN_EAGER");
}

static void an_error_knows_the_line(void **state)
{
    (void)state;
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    int line = __LINE__ + 1;
    cairn_tensor *y = cairn_matmul(cairn_zeros(CAIRN_SHAPE(2, 3), CAIRN_F32), cairn_zeros(CAIRN_SHAPE(2, 3), CAIRN_F32));
    assert_null(y);
    assert_int_equal(cairn_error_where().line, line);
    assert_non_null(strstr(cairn_error_where().file, "test_exec.c"));
    cairn_error_clear();
    cairn_set_on_error(CAIRN_ON_ERROR_PRINT);
}

static void a_graph_without_end_is_evaluated_on_the_way(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_keep(cairn_zeros(CAIRN_SHAPE(4), CAIRN_F32));
    for (int i = 0; i < 100000; i++) {
        cairn_mark m = cairn_scope_push();
        cairn_add_(x, cairn_number(1));
        cairn_scope_pop(m, NULL);
    }
    assert_true(cairn_data_f32(x)[3] == 100000.0f);
    cairn_drop(x);
}

static void *thread_body(void *context)
{
    outcome *o = context;
    for (int i = 0; i < 3; i++)
        if (run_network(o))
            return context;
    return NULL;
}

static void threads_evaluate_beside_each_other(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    static outcome o[THREADS];
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, thread_body, &o[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(t[i], &failed);
        assert_null(failed);
    }
}

static void expect_kernels(cairn_tensor *x, int kernels)
{
    char *text = cairn_explain(x), want[32];
    assert_non_null(text);
    snprintf(want, sizeof want, "in %d kernels", kernels);
    if (!strstr(text, want))
        fail_msg("wanted %s:\n%s", want, text);
    free(text);
}

static void what_belongs_together_is_one_kernel(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_randn(CAIRN_SHAPE(32, 64), CAIRN_F32), *w = cairn_randn(CAIRN_SHAPE(64, 16), CAIRN_F32), *b = cairn_ones(CAIRN_SHAPE(16), CAIRN_F32);
    cairn_eval_list(2, (cairn_tensor *[]){x, w});
    expect_kernels(cairn_mul(cairn_tanh(cairn_add(cairn_mul(x, cairn_number(2)), cairn_number(1))), x), 1);
    expect_kernels(cairn_relu(cairn_add(cairn_matmul(x, w), b)), 1);
    expect_kernels(cairn_log_softmax(x, -1), 1);
    expect_kernels(cairn_f_layer_norm(x, 1, NULL, NULL, 1e-5), 1);
    expect_kernels(cairn_sum(cairn_square(x), CAIRN_AXES(0), false), 1);
    expect_kernels(cairn_f_dropout(x, 0.5, true), 1);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "CAIRN_CHECK_NAN") ? child_eager() : child_check_nan();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_threads_changes_no_bit), cmocka_unit_test(a_failed_allocation_leaves_everything_as_it_was),
        cmocka_unit_test(check_nan_names_operation_and_line), cmocka_unit_test(eager_evaluates_at_every_call),
        cmocka_unit_test(an_error_knows_the_line), cmocka_unit_test(a_graph_without_end_is_evaluated_on_the_way),
        cmocka_unit_test(threads_evaluate_beside_each_other), cmocka_unit_test(what_belongs_together_is_one_kernel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
