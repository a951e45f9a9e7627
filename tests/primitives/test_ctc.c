/* CTC against all readings of short sequences, and its gradient against differences. */
#include "primitives_test.h"

/* The probability that the steps from t on, read from state (label, last class), give the rest of the target: by trying all. */
static double readings(const cairn_ctc *d, const double *log_probs, int64_t n, int64_t steps, const int64_t *target, int64_t labels)
{
    double sum = 0;
    int64_t count = 1;
    for (int64_t t = 0; t < steps; t++)
        count *= d->classes;
    for (int64_t code = 0; code < count; code++) {
        int64_t rest = code, last = -1, met = 0;
        double log = 0;
        bool fits = true;
        for (int64_t t = 0; t < steps; t++, rest /= d->classes) {
            const int64_t c = rest % d->classes;
            log += log_probs[(t * d->batch + n) * d->classes + c];
            if (c != last && c != d->blank)
                fits = fits && met < labels && target[met] == c, met++;
            last = c;
        }
        if (fits && met == labels)
            sum += exp(log);
    }
    return sum;
}

typedef struct arrays {
    cairn_ctc d;
    double *log_probs, *gradient, loss[8];
    int64_t targets[32], steps[8], labels[8], bytes, count;
    void *workspace;
} arrays;

static arrays make(int64_t steps, int64_t batch, int64_t classes, int64_t target, int64_t blank)
{
    arrays a = {.d = {CAIRN_F64, steps, batch, classes, target, blank}};
    a.count = steps * batch * classes;
    a.log_probs = test_uniform_array(CAIRN_F64, a.count);
    a.gradient = test_uniform_array(CAIRN_F64, a.count);
    for (int64_t i = 0; i < a.count; i++)
        a.log_probs[i] -= 2;
    for (int64_t i = 0; i < batch * target; i++)
        do
            a.targets[i] = test_between(0, classes - 1);
        while (a.targets[i] == blank);
    for (int64_t n = 0; n < batch; n++) {
        a.steps[n] = n ? test_between(0, steps) : steps;
        a.labels[n] = test_between(0, target);
    }
    a.bytes = cairn_ctc_workspace_bytes(&a.d);
    a.workspace = malloc((size_t)a.bytes);
    return a;
}

static void drop(arrays *a) { free(a->log_probs), free(a->gradient), free(a->workspace); }

static cairn_status run(arrays *a, double *gradient)
{
    return cairn_ctc_run(&a->d, a->log_probs, a->targets, a->steps, a->labels, a->loss, gradient, a->workspace, a->bytes);
}

static void losses_and_gradients_are_those_of_all_readings(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        arrays a = make(test_between(1, 6), 4, 3, test_between(0, 3), round % 3);
        assert_int_equal(run(&a, a.gradient), CAIRN_OK);
        for (int64_t n = 0; n < a.d.batch; n++) {
            const double p = readings(&a.d, a.log_probs, n, a.steps[n], a.targets + n * a.d.target, a.labels[n]);
            if (p > 0)
                assert_true(fabs(a.loss[n] + log(p)) < 1e-12);
            else
                assert_true(a.loss[n] == INFINITY);
        }
        double before[8];
        memcpy(before, a.loss, sizeof before);
        for (int64_t i = 0; i < a.count; i++) {
            const int64_t n = i / a.d.classes % a.d.batch;
            const double was = a.log_probs[i];
            a.log_probs[i] = was + 1e-6;
            assert_int_equal(run(&a, NULL), CAIRN_OK);
            a.log_probs[i] = was;
            if (before[n] == INFINITY)
                assert_true(a.gradient[i] == 0);
            else
                assert_true(fabs((a.loss[n] - before[n]) * 1e6 - a.gradient[i]) < 1e-5);
        }
        drop(&a);
    }
}

static void f32_and_threads_give_the_same(void **state)
{
    (void)state;
    arrays a = make(40, 7, 6, 4, 0);
    for (int64_t n = 0; n < 7; n++)
        a.steps[n] = 30 + n;
    assert_int_equal(run(&a, a.gradient), CAIRN_OK);
    float *x = test_array(CAIRN_F32, a.count), *g[2] = {test_array(CAIRN_F32, a.count), test_array(CAIRN_F32, a.count)}, loss[8];
    for (int64_t i = 0; i < a.count; i++)
        x[i] = (float)a.log_probs[i];
    cairn_ctc d = a.d;
    d.type = CAIRN_F32;
    const int threads = cairn_threads();
    for (int k = 0; k < 2; k++) {
        assert_int_equal(cairn_set_threads(k ? 5 : 1), CAIRN_OK);
        assert_int_equal(cairn_ctc_run(&d, x, a.targets, a.steps, a.labels, loss, g[k], a.workspace, a.bytes), CAIRN_OK);
    }
    cairn_set_threads(threads);
    assert_memory_equal(g[0], g[1], (size_t)a.count * 4);
    for (int64_t i = 0; i < a.count; i++)
        assert_float_equal(g[0][i], a.gradient[i], 1e-5);
    for (int n = 0; n < 7; n++)
        assert_float_equal(loss[n], a.loss[n], 1e-5 * a.loss[n]);
    free(x), free(g[0]), free(g[1]);
    drop(&a);
}

static void bad_labels_and_lengths_say_why(void **state)
{
    (void)state;
    arrays a = make(4, 2, 3, 2, 1);
    const double loss = a.loss[0] = 7;
    for (int i = 0; i < 6; i++) {
        arrays b = a;
        b.labels[0] = b.labels[1] = 2;
        b.steps[1] = 4;
        if (i == 0)
            b.targets[3] = 3;
        else if (i == 1)
            b.targets[0] = 1;
        else if (i == 2)
            b.steps[1] = 5;
        else if (i == 3)
            b.labels[0] = -1;
        else if (i == 4)
            b.d.blank = 3;
        else
            b.bytes = 8;
        cairn_error_clear();
        const cairn_status status = run(&b, NULL);
        assert_int_equal(status, i < 4 ? CAIRN_E_RANGE : i == 4 ? CAIRN_E_SHAPE : CAIRN_E_ARGUMENT);
        assert_non_null(strstr(cairn_error_message(), "ctc: "));
        assert_true(b.loss[0] == loss);
    }
    cairn_error_clear();
    assert_int_equal(cairn_ctc_workspace_bytes(NULL), 0);
    cairn_error_clear();
    drop(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients_are_those_of_all_readings),
        cmocka_unit_test(f32_and_threads_give_the_same),
        cmocka_unit_test(bad_labels_and_lengths_say_why),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
