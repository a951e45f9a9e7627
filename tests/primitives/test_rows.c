/* Softmax, cross entropy and norms against their oracles, on every instruction set. */
#include "primitives_test.h"

#include "primitives/rows/ref.h"
#include "primitives/slots.h"

static const cairn_dtype types[] = {CAIRN_F32, CAIRN_F64, CAIRN_BF16, CAIRN_F16};

static cairn_dtype sum_type(cairn_dtype type) { return type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32; }

static void *filled(cairn_dtype type, int64_t n, double scale)
{
    void *x = test_array(type, n);
    for (int64_t i = 0; i < n; i++)
        ref_rows_store(x, type, i, scale * test_uniform());
    return x;
}

static void close_to(const void *x, const void *y, cairn_dtype type, int64_t n, double tolerance, const char *what)
{
    for (int64_t i = 0; i < n; i++) {
        const double a = ref_rows_load(x, type, i), b = ref_rows_load(y, type, i);
        if (!(fabs(a - b) <= tolerance * fmax(1, fabs(b))) && !(a == b) && !(isnan(a) && isnan(b)))
            fail_msg("%s, %s: element %lld of %lld is %.9g, not %.9g (tolerance %.3g)", what, cairn_dtype_name(type), (long long)i, (long long)n,
                     a, b, tolerance);
    }
}

/* ---- Softmax ------------------------------------------------------------------------------------*/

static void check_softmax(const cairn_softmax_rows *d)
{
    const int64_t row = larger(larger(d->x_row, d->y_row), d->columns), n = d->rows * row;
    const double e = 8 * test_epsilon(d->type);
    void *x = filled(d->type, n, 9), *dy = filled(d->type, n, 1), *y = filled(d->type, n, 1), *y2 = test_copy(y, d->type, n);
    void *dx = filled(d->type, n, 1), *dx2 = test_copy(dx, d->type, n), *loss = filled(sum_type(d->type), d->rows, 1);
    void *loss2 = test_copy(loss, sum_type(d->type), d->rows);
    int64_t *labels = calloc((size_t)d->rows + 1, sizeof *labels);
    if (d->columns > 2)
        ref_rows_store(x, d->type, 1, -INFINITY);
    assert_int_equal(cairn_softmax_forward(d, x, y), CAIRN_OK);
    ref_softmax_forward(d, x, y2);
    close_to(y, y2, d->type, n, e, "softmax");
    assert_int_equal(cairn_softmax_gradient(d, y, dy, dx), CAIRN_OK);
    ref_softmax_gradient(d, y, dy, dx2);
    close_to(dx, dx2, d->type, n, (8 + sqrt((double)d->columns)) * e, "softmax gradient");
    for (int64_t i = 0; i < d->rows; i++)
        labels[i] = i % 4 == 3 ? -100 : test_between(0, larger(d->columns, 1) - 1);
    const cairn_labels o = {.smoothing = d->log ? 0.1 : 0, .ignore = true, .ignore_label = -100, .scale = 0.5};
    if (d->columns > 2)
        ref_rows_store(x, d->type, 1, -3);
    if (d->columns) {
        assert_int_equal(cairn_cross_entropy_rows(d, x, labels, &o, loss, dx), CAIRN_OK);
        ref_cross_entropy(d, x, labels, &o, loss2, dx2);
        close_to(loss, loss2, sum_type(d->type), d->rows, 64 * test_epsilon(sum_type(d->type)), "cross entropy");
        close_to(dx, dx2, d->type, n, e, "cross entropy gradient");
        assert_int_equal(cairn_cross_entropy_rows(d, x, labels, &o, loss, x), CAIRN_OK);
        for (int64_t r = 0; r < d->rows; r++)
            close_to((char *)x + r * (d->x_row ? d->x_row : d->columns) * cairn_dtype_bytes(d->type),
                     (char *)dx + r * (d->x_row ? d->x_row : d->columns) * cairn_dtype_bytes(d->type), d->type, d->columns, 0, "in place");
    }
    free(x), free(dy), free(y), free(y2), free(dx), free(dx2), free(loss), free(loss2), free(labels);
}

static void softmax_equals_the_oracle_on_every_set(void **state)
{
    (void)state;
    static const cairn_softmax_rows shapes[] = {{.rows = 5, .columns = 1},  {.rows = 7, .columns = 33, .x_row = 40, .y_row = 35},
                                                {.rows = 3, .columns = 1200}, {.rows = 40, .columns = 10}, {.rows = 0, .columns = 4},
                                                {.rows = 4, .columns = 0},  {.rows = 9, .columns = 513, .y_row = 520}};
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int t = 0; t < 8; t++) {
                cairn_softmax_rows d = shapes[i];
                d.type = types[t / 2];
                d.log = t % 2;
                check_softmax(&d);
            }
}

static void large_and_infinite_logits_keep_their_sense(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa) {
        float x[4][3] = {{3e38f, 3e38f, -3e38f}, {-INFINITY, 1, 1}, {NAN, 1, 1}, {-INFINITY, -INFINITY, -INFINITY}}, y[4][3];
        const cairn_softmax_rows d = {.type = CAIRN_F32, .rows = 4, .columns = 3};
        assert_int_equal(cairn_softmax_forward(&d, x, y), CAIRN_OK);
        assert_true(y[0][0] == 0.5f && y[0][1] == 0.5f && y[0][2] == 0);
        assert_true(y[1][0] == 0 && y[1][1] == 0.5f);
        for (int i = 0; i < 3; i++)
            assert_true(isnan(y[2][i]) && isnan(y[3][i]));
    }
}

/* ---- Norms --------------------------------------------------------------------------------------*/

static void check_norm(const cairn_norm_rows *d, bool affine)
{
    const cairn_dtype sum = sum_type(d->type);
    const int64_t inner = d->inner ? d->inner : 1, groups = d->groups ? d->groups : 1, n = d->n * d->c * inner;
    const int64_t sets = d->kind == CAIRN_BATCH_NORM ? d->c : d->n * groups;
    const double e = test_epsilon(d->type), many = sqrt((double)n / (double)larger(sets, 1)) + 8, per_channel = sqrt((double)(d->n * inner)) + 8;
    void *x = filled(d->type, n, 2), *dy = filled(d->type, n, 1), *y = filled(d->type, n, 1), *y2 = test_copy(y, d->type, n);
    void *w = affine ? filled(sum, d->c, 2) : NULL, *b = affine && d->kind != CAIRN_RMS_NORM ? filled(sum, d->c, 1) : NULL;
    void *m = filled(sum, sets, 1), *s = filled(sum, sets, 1), *m2 = test_copy(m, sum, sets), *s2 = test_copy(s, sum, sets);
    void *dw = filled(sum, d->c, 1), *db = filled(sum, d->c, 1), *dw2 = test_copy(dw, sum, d->c), *db2 = test_copy(db, sum, d->c);
    assert_int_equal(cairn_norm_forward(d, x, w, b, y, m, s), CAIRN_OK);
    ref_norm_forward(d, x, w, b, y2, m2, s2);
    close_to(m, m2, sum, sets, 16 * test_epsilon(sum), "mean");
    close_to(s, s2, sum, sets, 64 * test_epsilon(sum), "deviation");
    close_to(y, y2, d->type, n, 64 * e, "norm");
    assert_int_equal(cairn_norm_gradient(d, x, w, m, s, dy, y, dw, db), CAIRN_OK);
    ref_norm_gradient(d, x, w, m, s, dy, y2, dw2, db2);
    if (d->n) {
        close_to(y, y2, d->type, n, 16 * many * e, "norm gradient");
        close_to(dw, dw2, sum, d->c, 16 * per_channel * test_epsilon(sum), "weight gradient");
        close_to(db, db2, sum, d->c, 16 * per_channel * test_epsilon(sum), "bias gradient");
    }
    assert_int_equal(cairn_norm_forward(d, x, w, b, y, m, s), CAIRN_OK);
    assert_int_equal(cairn_norm_inference(d, x, w, b, m, s, y2), CAIRN_OK);
    close_to(y, y2, d->type, d->n ? n : 0, 0, "inference");
    free(x), free(dy), free(y), free(y2), free(w), free(b), free(m), free(s), free(m2), free(s2), free(dw), free(db), free(dw2), free(db2);
}

static void norms_equal_the_oracle_on_every_set(void **state)
{
    (void)state;
    static const cairn_norm_rows shapes[] = {
        {.kind = CAIRN_LAYER_NORM, .n = 7, .c = 50},
        {.kind = CAIRN_LAYER_NORM, .n = 130, .c = 3},
        {.kind = CAIRN_LAYER_NORM, .n = 2, .c = 1100},
        {.kind = CAIRN_RMS_NORM, .n = 9, .c = 67},
        {.kind = CAIRN_GROUP_NORM, .n = 3, .c = 12, .inner = 21, .groups = 4},
        {.kind = CAIRN_GROUP_NORM, .n = 2, .c = 5, .inner = 9, .groups = 5},
        {.kind = CAIRN_GROUP_NORM, .n = 4, .c = 6, .groups = 2},
        {.kind = CAIRN_BATCH_NORM, .n = 6, .c = 5, .inner = 70},
        {.kind = CAIRN_BATCH_NORM, .n = 200, .c = 70},
        {.kind = CAIRN_BATCH_NORM, .n = 2, .c = 1},
        {.kind = CAIRN_LAYER_NORM, .n = 0, .c = 5},
    };
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int t = 0; t < 4; t++) {
                cairn_norm_rows d = shapes[i];
                d.type = types[t];
                d.eps = 1e-3;
                check_norm(&d, true);
                check_norm(&d, false);
            }
}

/* The mean is 1000 times the deviation: the squares' sum less the mean's square would have no digit left. */
static void a_large_mean_costs_no_digits(void **state)
{
    (void)state;
    enum { N = 4096 };
    static float x[N], y[N];
    float mean, deviation;
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        x[i] = (float)(1000 + test_uniform());
        sum += x[i];
    }
    for (int i = 0; i < N; i++)
        squares += pow(x[i] - sum / N, 2);
    const cairn_norm_rows d = {.type = CAIRN_F32, .kind = CAIRN_LAYER_NORM, .n = 1, .c = N};
    assert_int_equal(cairn_norm_forward(&d, x, NULL, NULL, y, &mean, &deviation), CAIRN_OK);
    assert_true(fabs(deviation * sqrt(squares / N) - 1) < 1e-5);
}

static void bits_are_the_same_for_any_number_of_threads_and_any_batch(void **state)
{
    (void)state;
    const int before = cairn_threads();
    cairn_norm_rows d = {.type = CAIRN_F32, .kind = CAIRN_LAYER_NORM, .n = 900, .c = 90, .eps = 1e-5};
    const int64_t n = d.n * d.c;
    float *x = filled(d.type, n, 1), *y = filled(d.type, n, 1), *y2 = filled(d.type, n, 1), *m = filled(d.type, d.n, 1), *s = filled(d.type, d.n, 1);
    float dw[2][90], db[2][90];
    for (int threads = 1; threads <= 5; threads += 4) {
        assert_int_equal(cairn_set_threads(threads), CAIRN_OK);
        assert_int_equal(cairn_norm_forward(&d, x, NULL, NULL, y2, m, s), CAIRN_OK);
        assert_int_equal(cairn_norm_gradient(&d, x, NULL, m, s, y2, threads == 1 ? y : y2, dw[threads > 1], db[threads > 1]), CAIRN_OK);
    }
    assert_memory_equal(y, y2, (size_t)n * 4);
    assert_memory_equal(dw[0], dw[1], sizeof dw[0]);
    d.n = 1;
    assert_int_equal(cairn_norm_forward(&d, x, NULL, NULL, y2, m, s), CAIRN_OK);
    assert_int_equal(cairn_norm_gradient(&d, x, NULL, m, s, y2, y2, NULL, NULL), CAIRN_OK);
    assert_memory_equal(y, y2, 90 * 4);
    cairn_set_threads(before);
    free(x), free(y), free(y2), free(m), free(s);
}

/* ---- Bad input ------------------------------------------------------------------------------------*/

static void bad_softmaxes_say_why(void **state)
{
    (void)state;
    float x[12] = {0}, y[12], before[12], loss[3];
    memset(y, 7, sizeof y);
    memcpy(before, y, sizeof y);
    const int64_t labels[3] = {0, 4, 1};
    const cairn_softmax_rows good = {.type = CAIRN_F32, .rows = 3, .columns = 4};
    cairn_softmax_rows bad[] = {good, good, good, good};
    bad[0].type = CAIRN_I32;
    bad[1].rows = -1;
    bad[2].columns = INT64_MAX;
    bad[3].x_row = 3;
    for (int i = 0; i < 4; i++) {
        cairn_error_clear();
        assert_int_not_equal(cairn_softmax_forward(&bad[i], x, y), CAIRN_OK);
        assert_non_null(strstr(cairn_error_message(), "softmax"));
    }
    cairn_error_clear();
    assert_int_equal(cairn_softmax_forward(NULL, x, y), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_softmax_forward(&good, NULL, y), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_softmax_gradient(&good, x, NULL, y), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    assert_int_equal(cairn_cross_entropy_rows(&good, x, labels, NULL, loss, y), CAIRN_E_RANGE);
    assert_non_null(strstr(cairn_error_message(), "label 4 of row 1"));
    cairn_error_clear();
    assert_int_equal(cairn_cross_entropy_rows(&good, x, labels, &(cairn_labels){.smoothing = 1}, loss, y), CAIRN_E_RANGE);
    assert_int_equal(cairn_cross_entropy_rows(&good, x, labels, NULL, y, y), CAIRN_E_ARGUMENT);
    assert_memory_equal(y, before, sizeof y);
    cairn_error_clear();
}

static void bad_norms_say_why(void **state)
{
    (void)state;
    float x[12] = {0}, y[12], before[12], m[3], s[3];
    memset(y, 7, sizeof y);
    memcpy(before, y, sizeof y);
    const cairn_norm_rows good = {.type = CAIRN_F32, .kind = CAIRN_LAYER_NORM, .n = 3, .c = 4};
    cairn_norm_rows bad[] = {good, good, good, good, good, good, good};
    bad[0].type = CAIRN_BOOL;
    bad[1].n = -1;
    bad[2].c = INT64_MAX;
    bad[3].kind = (cairn_norm_kind)9;
    bad[4].kind = CAIRN_GROUP_NORM, bad[4].groups = 3;
    bad[5].inner = 2;
    bad[6].eps = NAN;
    for (int i = 0; i < 7; i++) {
        cairn_error_clear();
        assert_int_not_equal(cairn_norm_forward(&bad[i], x, NULL, NULL, y, m, s), CAIRN_OK);
        assert_non_null(strstr(cairn_error_message(), "norm"));
    }
    cairn_error_clear();
    assert_int_equal(cairn_norm_forward(&good, x, NULL, NULL, y, m, m), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_norm_forward(&good, x, y, NULL, y, m, s), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_norm_gradient(&good, x, NULL, m, s, y, x, NULL, NULL), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_norm_gradient(&good, x, NULL, m, s, NULL, y, NULL, NULL), CAIRN_E_ARGUMENT);
    assert_memory_equal(y, before, sizeof y);
    cairn_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_equals_the_oracle_on_every_set),
        cmocka_unit_test(large_and_infinite_logits_keep_their_sense),
        cmocka_unit_test(norms_equal_the_oracle_on_every_set),
        cmocka_unit_test(a_large_mean_costs_no_digits),
        cmocka_unit_test(bits_are_the_same_for_any_number_of_threads_and_any_batch),
        cmocka_unit_test(bad_softmaxes_say_why),
        cmocka_unit_test(bad_norms_say_why),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
