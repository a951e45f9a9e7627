/* Pooling against its oracle on every instruction set. */
#include "primitives_test.h"

#include "primitives/pool/ref.h"
#include "primitives/rows/ref.h"

typedef struct arrays {
    int64_t in, out;
    void *x, *y, *expected;
    int32_t *index, *expected_index;
} arrays;

static arrays make(const cairn_pool *d)
{
    int64_t oh, ow;
    assert_int_equal(cairn_pool_output_size(d, &oh, &ow), CAIRN_OK);
    arrays a = {.in = d->n * d->h * d->w * d->c, .out = d->n * oh * ow * d->c};
    const int64_t most = a.in > a.out ? a.in : a.out;
    a.x = test_uniform_array(d->type, most);
    a.y = test_uniform_array(d->type, most);
    a.expected = test_uniform_array(d->type, most);
    a.index = calloc((size_t)a.out + 1, 4);
    a.expected_index = calloc((size_t)a.out + 1, 4);
    return a;
}

static void drop(arrays *a) { free(a->x), free(a->y), free(a->expected), free(a->index), free(a->expected_index); }

static void check(const cairn_pool *d)
{
    arrays a = make(d);
    const double tolerance = 64 * test_epsilon(d->type);
    if (a.in > 3)
        set(a.x, d->type, a.in / 3, NAN);
    assert_int_equal(cairn_max_pool_forward(d, a.x, a.y, a.index), CAIRN_OK);
    ref_max_pool_forward(d, a.x, a.expected, a.expected_index);
    assert_close(a.y, a.expected, d->type, a.out, 0, "max pool");
    assert_memory_equal(a.index, a.expected_index, (size_t)a.out * 4 + 4);
    assert_int_equal(cairn_max_pool_forward(d, a.x, a.expected, NULL), CAIRN_OK);
    assert_close(a.y, a.expected, d->type, a.out, 0, "max pool without index");
    assert_int_equal(cairn_max_pool_gradient(d, a.x, a.index, a.y), CAIRN_OK);
    ref_max_pool_gradient(d, a.x, a.index, a.expected);
    assert_close(a.y, a.expected, d->type, a.in, tolerance, "max pool gradient");
    assert_int_equal(cairn_average_pool_forward(d, a.x, a.y), CAIRN_OK);
    ref_average_pool_forward(d, a.x, a.expected);
    assert_close(a.y, a.expected, d->type, a.out, tolerance, "average pool");
    assert_int_equal(cairn_average_pool_gradient(d, a.x, a.y), CAIRN_OK);
    ref_average_pool_gradient(d, a.x, a.expected);
    assert_close(a.y, a.expected, d->type, a.in, tolerance, "average pool gradient");
    drop(&a);
}

/* f16 and bf16: what f32 makes of the same numbers, rounded once. */
static void check_half(cairn_pool d)
{
    const cairn_dtype type = d.type;
    d.type = CAIRN_F32;
    arrays a = make(&d);
    const int64_t most = a.in > a.out ? a.in : a.out;
    void *x = test_array(type, most), *y = test_array(type, most), *expected = test_array(type, most);
    for (int64_t i = 0; i < most; i++) {
        ref_rows_store(x, type, i, i == a.in / 3 && a.in > 3 ? NAN : test_uniform());
        ((float *)a.x)[i] = (float)ref_rows_load(x, type, i);
    }
    for (int pass = 0; pass < 4; pass++) {
        const int64_t n = pass % 2 ? a.in : a.out;
        cairn_status status[2];
        for (int half = 0; half < 2; half++) {
            const void *from = half ? x : a.x;
            void *to = half ? y : a.y;
            int32_t *index = half ? a.index : a.expected_index;
            d.type = half ? type : CAIRN_F32;
            status[half] = pass == 0   ? cairn_max_pool_forward(&d, from, to, index)
                           : pass == 1 ? cairn_max_pool_gradient(&d, from, index, to)
                           : pass == 2 ? cairn_average_pool_forward(&d, from, to)
                                       : cairn_average_pool_gradient(&d, from, to);
        }
        assert_int_equal(status[0], CAIRN_OK);
        assert_int_equal(status[1], CAIRN_OK);
        for (int64_t i = 0; i < n; i++)
            ref_rows_store(expected, type, i, ((float *)a.y)[i]);
        for (int64_t i = 0; i < n; i++) {
            const double got = ref_rows_load(y, type, i), want = ref_rows_load(expected, type, i);
            if (got != want && !(isnan(got) && isnan(want)))
                fail_msg("%s, pass %d: element %lld is %g, not %g", cairn_dtype_name(type), pass, (long long)i, got, want);
        }
        assert_memory_equal(a.index, a.expected_index, (size_t)a.out * 4);
    }
    free(x), free(y), free(expected), drop(&a);
}

static void pooling_equals_the_oracle_on_every_set(void **state)
{
    (void)state;
    static const cairn_pool shapes[] = {
        {.n = 2, .h = 6, .w = 8, .c = 20, .r = 2, .s = 2, .stride_h = 2, .stride_w = 2},
        {.n = 1, .h = 7, .w = 9, .c = 3, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_bottom = 1, .pad_left = 1,
         .pad_right = 1},
        {.n = 3, .h = 7, .w = 9, .c = 33, .r = 3, .s = 2, .stride_h = 2, .stride_w = 3, .pad_top = 1, .pad_left = 1, .ceil_mode = true},
        {.n = 1, .h = 9, .w = 9, .c = 16, .r = 3, .s = 3, .dilation_h = 2, .dilation_w = 3, .pad_top = 2, .pad_right = 1},
        {.n = 2, .h = 5, .w = 5, .c = 1, .r = 5, .s = 5},
        {.n = 1, .h = 1, .w = 1, .c = 5, .r = 1, .s = 1},
        {.n = 0, .h = 4, .w = 4, .c = 5, .r = 2, .s = 2},
        {.n = 2, .h = 4, .w = 4, .c = 0, .r = 2, .s = 2},
        {.n = 1, .h = 1, .w = 4, .c = 2, .r = 2, .s = 2, .dilation_h = 2, .pad_top = 1, .pad_bottom = 1},
        {.n = 2, .h = 7, .w = 5, .c = 19, .adaptive_h = 3, .adaptive_w = 2},
        {.n = 1, .h = 3, .w = 4, .c = 300, .adaptive_h = 5, .adaptive_w = 9},
        {.n = 2, .h = 6, .w = 6, .c = 4, .adaptive_h = 1, .adaptive_w = 1},
        {.n = 9, .h = 40, .w = 40, .c = 40, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_left = 1},
    };
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int variant = 0; variant < 8; variant++) {
                static const cairn_dtype types[] = {CAIRN_F32, CAIRN_F64, CAIRN_F16, CAIRN_BF16};
                cairn_pool d = shapes[i];
                d.type = types[variant % 4];
                d.count_include_pad = variant / 4;
                if (variant % 4 < 2)
                    check(&d);
                else
                    check_half(d);
            }
}

static void random_pooling_equals_the_oracle(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int i = 0; i < 150; i++) {
            cairn_pool d = {.type = i % 2 ? CAIRN_F32 : CAIRN_F64, .n = test_between(1, 3), .h = test_between(1, 12),
                            .w = test_between(1, 12), .c = test_between(1, 40), .r = test_between(1, 4), .s = test_between(1, 4),
                            .stride_h = test_between(1, 3), .stride_w = test_between(1, 3), .dilation_h = test_between(1, 2),
                            .dilation_w = test_between(1, 2), .count_include_pad = test_random() % 2, .ceil_mode = test_random() % 2};
            d.pad_top = test_between(0, d.r / 2), d.pad_bottom = test_between(0, d.r / 2);
            d.pad_left = test_between(0, d.s / 2), d.pad_right = test_between(0, d.s / 2);
            if (d.dilation_h * (d.r - 1) < d.h + d.pad_top + d.pad_bottom && d.dilation_w * (d.s - 1) < d.w + d.pad_left + d.pad_right) {
                check(&d);
                d.type = i % 4 < 2 ? CAIRN_F16 : CAIRN_BF16;
                check_half(d);
            }
        }
}

static void bits_are_the_same_for_any_number_of_threads(void **state)
{
    (void)state;
    const cairn_pool d = {.type = CAIRN_F32, .n = 8, .h = 30, .w = 30, .c = 50, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2,
                          .pad_top = 1, .pad_left = 1};
    const int before = cairn_threads();
    arrays a = make(&d);
    for (int threads = 1; threads <= 5; threads += 4) {
        assert_int_equal(cairn_set_threads(threads), CAIRN_OK);
        cairn_max_pool_forward(&d, a.x, threads == 1 ? a.y : a.expected, a.index);
    }
    assert_memory_equal(a.y, a.expected, (size_t)a.out * 4);
    memcpy(a.x, a.y, (size_t)a.out * 4);
    for (int threads = 1; threads <= 5; threads += 4) {
        assert_int_equal(cairn_set_threads(threads), CAIRN_OK);
        cairn_max_pool_gradient(&d, a.x, a.index, threads == 1 ? a.y : a.expected);
    }
    assert_memory_equal(a.y, a.expected, (size_t)a.in * 4);
    cairn_set_threads(before);
    drop(&a);
}

static void bad_descriptors_say_why(void **state)
{
    (void)state;
    const cairn_pool good = {.type = CAIRN_F32, .n = 1, .h = 4, .w = 4, .c = 2, .r = 2, .s = 2, .stride_h = 2, .stride_w = 2};
    float x[32] = {0}, y[32], before[32];
    int32_t index[8] = {0, 1, 2, 16, 0, 0, 0, 0};
    memset(y, 7, sizeof y);
    memcpy(before, y, sizeof y);
    cairn_pool cases[] = {good, good, good, good, good, good, good, {.type = CAIRN_F32, .n = 1, .h = 4, .w = 4, .c = 2, .adaptive_h = 2}};
    cases[0].h = -1;
    cases[1].r = 0;
    cases[2].pad_left = 2;
    cases[3].type = CAIRN_I32;
    cases[4].r = 9;
    cases[5].c = INT64_MAX;
    cases[6].adaptive_h = cases[6].adaptive_w = 2;
    for (int i = 0; i < 8; i++) {
        cairn_error_clear();
        assert_int_not_equal(cairn_average_pool_forward(&cases[i], x, y), CAIRN_OK);
        assert_non_null(strstr(cairn_error_message(), "pool"));
    }
    cairn_error_clear();
    assert_int_equal(cairn_max_pool_forward(NULL, x, y, NULL), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_max_pool_forward(&good, NULL, y, NULL), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_max_pool_forward(&good, y, y, NULL), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_max_pool_gradient(&good, x, NULL, y), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_max_pool_gradient(&good, x, index, y), CAIRN_E_RANGE);
    assert_memory_equal(y, before, sizeof y);
    cairn_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooling_equals_the_oracle_on_every_set),
        cmocka_unit_test(random_pooling_equals_the_oracle),
        cmocka_unit_test(bits_are_the_same_for_any_number_of_threads),
        cmocka_unit_test(bad_descriptors_say_why),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
