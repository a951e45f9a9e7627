/* Convolution, all three passes against the oracle on every instruction set, and the promises of dnn.h. */
#include "primitives_test.h"

#include "primitives/conv/ref.h"

typedef struct arrays {
    cairn_dtype type;
    int64_t oh, ow, x_n, w_n, y_n;
    void *x, *w, *y;
} arrays;

static arrays make(const cairn_conv *d)
{
    arrays a = {.type = d->type};
    assert_int_equal(cairn_conv_output_size(d, &a.oh, &a.ow), CAIRN_OK);
    a.x_n = d->n * d->h * d->w * d->c;
    a.w_n = d->k * d->r * d->s * (d->c / (d->groups ? d->groups : 1));
    a.y_n = d->n * a.oh * a.ow * d->k;
    a.x = test_uniform_array(d->type, a.x_n);
    a.w = test_uniform_array(d->type, a.w_n);
    a.y = test_uniform_array(d->type, a.y_n);
    return a;
}

static void drop(arrays *a) { free(a->x), free(a->w), free(a->y); }

/* Runs one pass with exactly the workspace asked for, full of NaN. */
static void run(const cairn_conv *d, cairn_conv_pass pass, const void *a, const void *b, void *result)
{
    const int64_t bytes = cairn_conv_workspace_bytes(d, pass);
    unsigned char *workspace = malloc((size_t)bytes + 64);
    memset(workspace, 0xff, (size_t)bytes + 64);
    const cairn_status status = pass == CAIRN_CONV_FORWARD         ? cairn_conv_forward(d, a, b, result, workspace, bytes)
                                : pass == CAIRN_CONV_DATA_GRADIENT ? cairn_conv_data_gradient(d, a, b, result, workspace, bytes)
                                                                   : cairn_conv_weight_gradient(d, a, b, result, workspace, bytes);
    assert_int_equal(status, CAIRN_OK);
    for (int i = 0; i < 64; i++)
        assert_int_equal(workspace[bytes + i], 0xff);
    free(workspace);
}

static void *nan_array(cairn_dtype type, int64_t n)
{
    void *x = test_array(type, n);
    for (int64_t i = 0; i < n; i++)
        set(x, type, i, NAN);
    return x;
}

/* The error of a sum of n products of numbers below 1. Winograd's transforms may add WINOGRAD_ERROR times the sum of the products'
 * sizes, which are a quarter on average. */
#define WINOGRAD_ERROR 1e-6
static double bound(cairn_dtype type, int64_t n)
{
    return 16 * test_epsilon(type) * (4 + sqrt((double)n) * 4) + (type == CAIRN_F32 ? WINOGRAD_ERROR * 0.25 * (double)n : 0);
}

static void check(const cairn_conv *d)
{
    arrays a = make(d);
    const int64_t groups = d->groups ? d->groups : 1, taps = d->r * d->s;
    char what[160];
    snprintf(what, sizeof what, "%s n%lld %lldx%lldx%lld k%lld %lldx%lld g%lld", cairn_isa(), (long long)d->n, (long long)d->h,
             (long long)d->w, (long long)d->c, (long long)d->k, (long long)d->r, (long long)d->s, (long long)groups);
    void *y = nan_array(d->type, a.y_n), *x = nan_array(d->type, a.x_n), *w = nan_array(d->type, a.w_n), *expected;
    expected = test_array(d->type, a.y_n);
    run(d, CAIRN_CONV_FORWARD, a.x, a.w, y);
    ref_conv_forward(d, a.x, a.w, expected);
    assert_close(y, expected, d->type, a.y_n, bound(d->type, taps * d->c / groups), what);
    free(expected);
    expected = test_array(d->type, a.x_n);
    run(d, CAIRN_CONV_DATA_GRADIENT, a.y, a.w, x);
    ref_conv_data_gradient(d, a.y, a.w, expected);
    assert_close(x, expected, d->type, a.x_n, bound(d->type, taps * d->k / groups), what);
    free(expected);
    expected = test_array(d->type, a.w_n);
    run(d, CAIRN_CONV_WEIGHT_GRADIENT, a.x, a.y, w);
    ref_conv_weight_gradient(d, a.x, a.y, expected);
    assert_close(w, expected, d->type, a.w_n, bound(d->type, d->n * a.oh * a.ow), what);
    free(expected), free(y), free(x), free(w);
    drop(&a);
}

static void square(cairn_conv *d, int64_t stride, int64_t dilation, int64_t pad)
{
    d->stride_h = d->stride_w = stride;
    d->dilation_h = d->dilation_w = dilation;
    d->pad_top = d->pad_bottom = d->pad_left = d->pad_right = pad;
}

static void shapes_that_networks_have_equal_the_oracle(void **state)
{
    (void)state;
    static const struct { int64_t n, size, c, k, taps, stride, dilation, pad, groups; } shapes[] = {
        {2, 28, 1, 32, 3, 1, 1, 1, 1},   /* first layers */
        {1, 32, 3, 64, 3, 1, 1, 1, 1},
        {1, 40, 3, 20, 7, 2, 1, 3, 1},
        {2, 14, 32, 64, 3, 1, 1, 1, 1},  /* the body */
        {3, 7, 48, 40, 3, 1, 1, 1, 1},
        {5, 4, 64, 33, 3, 1, 1, 1, 1},
        {1, 57, 16, 20, 3, 1, 1, 1, 1},
        {70, 5, 20, 24, 3, 1, 1, 1, 1},  /* more tiles than one run of a product */
        {2, 8, 32, 48, 3, 2, 1, 1, 1},   /* down */
        {2, 8, 32, 48, 1, 2, 1, 0, 1},
        {2, 14, 64, 32, 1, 1, 1, 0, 1},
        {2, 9, 20, 10, 3, 1, 2, 2, 1},   /* dilated, large, grouped */
        {2, 13, 7, 9, 5, 3, 2, 1, 1},
        {2, 5, 280, 270, 3, 1, 1, 1, 1},
        {1, 12, 64, 64, 3, 1, 1, 1, 4},
        {2, 9, 6, 12, 3, 2, 1, 1, 3},
        {2, 14, 40, 40, 3, 1, 1, 1, 40}, /* depthwise */
        {2, 15, 33, 33, 3, 2, 1, 1, 33},
        {1, 9, 16, 16, 5, 1, 2, 4, 16},
        {2, 9, 8, 16, 3, 1, 1, 1, 8},
        {1, 1, 5, 6, 1, 1, 1, 0, 1},
        {1, 3, 300, 5, 3, 1, 1, 0, 1},   /* one output pixel; runs longer than kc */
        {3, 2, 70, 70, 3, 1, 1, 1, 1},
    };
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int f64 = 0; f64 < 2; f64++) {
                cairn_conv d = {.type = f64 ? CAIRN_F64 : CAIRN_F32, .n = shapes[i].n, .h = shapes[i].size, .w = shapes[i].size,
                                .c = shapes[i].c, .k = shapes[i].k, .r = shapes[i].taps, .s = shapes[i].taps,
                                .groups = shapes[i].groups};
                square(&d, shapes[i].stride, shapes[i].dilation, shapes[i].pad);
                check(&d);
            }
}

static void random_shapes_equal_the_oracle(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int i = 0; i < 120; i++) {
            const int64_t groups = i % 4 ? 1 : test_between(1, 4);
            cairn_conv d = {.type = i % 3 ? CAIRN_F32 : CAIRN_F64, .n = test_between(1, 3), .h = test_between(1, 17),
                            .w = test_between(1, 17), .c = groups * test_between(1, 20), .k = groups * test_between(1, 40),
                            .r = test_between(1, 4), .s = test_between(1, 4), .groups = groups, .stride_h = test_between(0, 3),
                            .stride_w = test_between(0, 3), .dilation_h = test_between(0, 2), .dilation_w = test_between(0, 2),
                            .pad_top = test_between(0, 2), .pad_bottom = test_between(0, 2), .pad_left = test_between(0, 2),
                            .pad_right = test_between(0, 2)};
            if (i % 2)
                d.r = d.s = 3, d.stride_h = d.stride_w = d.dilation_h = d.dilation_w = 1;
            const int64_t dh = d.dilation_h ? d.dilation_h : 1, dw = d.dilation_w ? d.dilation_w : 1;
            if (d.h + d.pad_top + d.pad_bottom > dh * (d.r - 1) && d.w + d.pad_left + d.pad_right > dw * (d.s - 1))
                check(&d);
        }
}

/* The largest error of an output, as a share of the sum of |x| |w| that it is made of. */
static double forward_error(const cairn_conv *d)
{
    arrays a = make(d);
    double *sum = test_array(CAIRN_F64, a.y_n), *size = test_array(CAIRN_F64, a.y_n), most = 0;
    void *x = test_array(CAIRN_F64, a.x_n), *w = test_array(CAIRN_F64, a.w_n);
    cairn_conv wide = *d;
    wide.type = CAIRN_F64;
    for (int absolute = 0; absolute < 2; absolute++) {
        for (int64_t i = 0; i < a.x_n; i++)
            set(x, CAIRN_F64, i, absolute ? fabs(get(a.x, a.type, i)) : get(a.x, a.type, i));
        for (int64_t i = 0; i < a.w_n; i++)
            set(w, CAIRN_F64, i, absolute ? fabs(get(a.w, a.type, i)) : get(a.w, a.type, i));
        ref_conv_forward(&wide, x, w, absolute ? size : sum);
    }
    run(d, CAIRN_CONV_FORWARD, a.x, a.w, a.y);
    for (int64_t i = 0; i < a.y_n; i++)
        most = fmax(most, fabs(get(a.y, a.type, i) - sum[i]) / size[i]);
    free(sum), free(size), free(x), free(w);
    drop(&a);
    return most;
}

static void winograd_errs_as_stated_and_can_be_forbidden(void **state)
{
    (void)state;
    cairn_conv four = {.type = CAIRN_F32, .n = 1, .h = 20, .w = 20, .c = 64, .k = 64, .r = 3, .s = 3};
    cairn_conv two = {.type = CAIRN_F32, .n = 1, .h = 4, .w = 4, .c = 264, .k = 264, .r = 3, .s = 3, .algorithm = CAIRN_CONV_WINOGRAD_2};
    square(&four, 1, 1, 1);
    square(&two, 1, 1, 1);
    const double error4 = forward_error(&four), error2 = forward_error(&two);
    assert_int_equal(setenv("CAIRN_CONV_EXACT", "1", 1), 0);
    two.algorithm = CAIRN_CONV_AUTO;
    const double exact4 = forward_error(&four), exact2 = forward_error(&two);
    unsetenv("CAIRN_CONV_EXACT");
    print_message("error as a share of sum |x||w|: F(4,3) %.2g (direct %.2g), F(2,3) %.2g (direct %.2g)\n", error4, exact4, error2, exact2);
    assert_true(error4 > exact4);
    assert_true(error4 < WINOGRAD_ERROR);
    assert_true(error2 < 2e-7);
    assert_true(exact4 < 2e-7 && exact2 < 2e-7);
}

/* The same for the weight gradient, whose sums run over the pixels. */
static double weight_error(const cairn_conv *d)
{
    arrays a = make(d);
    double *sum = test_array(CAIRN_F64, a.w_n), *size = test_array(CAIRN_F64, a.w_n), most = 0;
    void *x = test_array(CAIRN_F64, a.x_n), *y = test_array(CAIRN_F64, a.y_n);
    cairn_conv wide = *d;
    wide.type = CAIRN_F64;
    for (int absolute = 0; absolute < 2; absolute++) {
        for (int64_t i = 0; i < a.x_n; i++)
            set(x, CAIRN_F64, i, absolute ? fabs(get(a.x, a.type, i)) : get(a.x, a.type, i));
        for (int64_t i = 0; i < a.y_n; i++)
            set(y, CAIRN_F64, i, absolute ? fabs(get(a.y, a.type, i)) : get(a.y, a.type, i));
        ref_conv_weight_gradient(&wide, x, y, absolute ? size : sum);
    }
    run(d, CAIRN_CONV_WEIGHT_GRADIENT, a.x, a.y, a.w);
    for (int64_t i = 0; i < a.w_n; i++)
        most = fmax(most, fabs(get(a.w, a.type, i) - sum[i]) / size[i]);
    free(sum), free(size), free(x), free(y);
    drop(&a);
    return most;
}

static void winograds_weight_gradient_errs_as_stated_and_can_be_forbidden(void **state)
{
    (void)state;
    cairn_conv d = {.type = CAIRN_F32, .n = 4, .h = 20, .w = 20, .c = 64, .k = 64, .r = 3, .s = 3};
    square(&d, 1, 1, 1);
    const double error = weight_error(&d);
    assert_int_equal(setenv("CAIRN_CONV_EXACT", "1", 1), 0);
    const double exact = weight_error(&d);
    unsetenv("CAIRN_CONV_EXACT");
    print_message("weight gradient, error as a share of sum |x||dy|: F(4,3) %.2g (direct %.2g)\n", error, exact);
    assert_true(error != exact);
    assert_true(error < WINOGRAD_ERROR);
    assert_true(exact < 2e-7);
}

static void empty_sizes_give_zeros_or_nothing(void **state)
{
    (void)state;
    cairn_conv d = {.type = CAIRN_F32, .n = 1, .h = 4, .w = 4, .c = 3, .k = 5, .r = 3, .s = 3};
    for (int i = 0; i < 3; i++) {
        cairn_conv e = d;
        *(i == 0 ? &e.n : i == 1 ? &e.c : &e.k) = 0;
        check(&e);
    }
}

/* ---- Promises -----------------------------------------------------------------------------------*/

static const cairn_conv promised[] = {
    {.type = CAIRN_F32, .n = 7, .h = 14, .w = 14, .c = 32, .k = 40, .r = 3, .s = 3, .pad_top = 1, .pad_bottom = 1, .pad_left = 1,
     .pad_right = 1},
    {.type = CAIRN_F32, .n = 9, .h = 4, .w = 4, .c = 64, .k = 64, .r = 3, .s = 3, .pad_top = 1, .pad_bottom = 1, .pad_left = 1,
     .pad_right = 1},
    {.type = CAIRN_F32, .n = 5, .h = 17, .w = 19, .c = 3, .k = 32, .r = 5, .s = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1},
    {.type = CAIRN_F32, .n = 75, .h = 4, .w = 4, .c = 160, .k = 150, .r = 3, .s = 3, .pad_top = 1, .pad_bottom = 1, .pad_left = 1,
     .pad_right = 1}, /* Winograd's weights are heavy, and fresh for one image */
    {.type = CAIRN_F32, .n = 9, .h = 44, .w = 44, .c = 80, .k = 20, .r = 1, .s = 1}, /* a batch larger than the caches */
    {.type = CAIRN_F32, .n = 6, .h = 20, .w = 20, .c = 33, .k = 33, .r = 3, .s = 3, .groups = 33, .pad_left = 1},
};

enum { PROMISED = sizeof promised / sizeof *promised };

static void bits_are_the_same_for_any_number_of_threads(void **state)
{
    (void)state;
    const int before = cairn_threads();
    for (int i = 0; i < PROMISED; i++) {
        arrays a = make(&promised[i]);
        void *y[3], *x[3], *w[3];
        for (int t = 0; t < 3; t++) {
            assert_int_equal(cairn_set_threads(t == 0 ? 1 : t == 1 ? 2 : 5), CAIRN_OK);
            y[t] = test_array(a.type, a.y_n), x[t] = test_array(a.type, a.x_n), w[t] = test_array(a.type, a.w_n);
            run(&promised[i], CAIRN_CONV_FORWARD, a.x, a.w, y[t]);
            run(&promised[i], CAIRN_CONV_DATA_GRADIENT, a.y, a.w, x[t]);
            run(&promised[i], CAIRN_CONV_WEIGHT_GRADIENT, a.x, a.y, w[t]);
            assert_memory_equal(y[0], y[t], (size_t)a.y_n * 4);
            assert_memory_equal(x[0], x[t], (size_t)a.x_n * 4);
            assert_memory_equal(w[0], w[t], (size_t)a.w_n * 4);
        }
        for (int t = 0; t < 3; t++)
            free(y[t]), free(x[t]), free(w[t]);
        drop(&a);
    }
    cairn_set_threads(before);
}

static void an_image_has_the_same_bits_alone_and_in_a_batch(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int i = 0; i < PROMISED; i++) {
            arrays a = make(&promised[i]);
            void *y = test_array(a.type, a.y_n), *x = test_array(a.type, a.x_n);
            run(&promised[i], CAIRN_CONV_FORWARD, a.x, a.w, y);
            run(&promised[i], CAIRN_CONV_DATA_GRADIENT, a.y, a.w, x);
            for (int64_t n = 0; n < promised[i].n; n += 1 + promised[i].n / 4) {
                cairn_conv one = promised[i];
                one.n = 1;
                const int64_t xs = a.x_n / promised[i].n, ys = a.y_n / promised[i].n;
                float *alone = test_array(a.type, xs > ys ? xs : ys);
                run(&one, CAIRN_CONV_FORWARD, (float *)a.x + n * xs, a.w, alone);
                assert_memory_equal(alone, (float *)y + n * ys, (size_t)ys * 4);
                run(&one, CAIRN_CONV_DATA_GRADIENT, (float *)a.y + n * ys, a.w, alone);
                assert_memory_equal(alone, (float *)x + n * xs, (size_t)xs * 4);
                free(alone);
            }
            free(y), free(x);
            drop(&a);
        }
}

typedef struct covered { int *times; int64_t columns; const float *y; bool wrong; } covered;

static void count_block(void *context, int64_t batch, int64_t row0, int64_t rows, int64_t col0, int64_t cols)
{
    covered *v = context;
    for (int64_t i = row0; i < row0 + rows; i++)
        for (int64_t j = col0; j < col0 + cols; j++) {
            __atomic_fetch_add(&v->times[i * v->columns + j], 1, __ATOMIC_RELAXED);
            if (batch || isnan(v->y[i * v->columns + j]))
                v->wrong = true;
        }
}

static void the_epilogue_sees_every_finished_element_once(void **state)
{
    (void)state;
    for (int i = 0; i < PROMISED; i++) {
        cairn_conv d = promised[i];
        arrays a = make(&d);
        void *y = nan_array(a.type, a.y_n);
        covered v = {calloc((size_t)a.y_n, sizeof(int)), d.k, y, false};
        d.epilogue = count_block;
        d.epilogue_context = &v;
        run(&d, CAIRN_CONV_FORWARD, a.x, a.w, y);
        assert_false(v.wrong);
        for (int64_t j = 0; j < a.y_n; j++)
            assert_int_equal(v.times[j], 1);
        free(v.times), free(y);
        drop(&a);
    }
}

static void nan_reaches_what_its_pixel_reaches(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa) {
        const cairn_conv *d = &promised[0];
        arrays a = make(d);
        float *y = test_array(a.type, a.y_n);
        ((float *)a.x)[(5 * 14 + 6) * 32 + 3] = NAN;
        run(d, CAIRN_CONV_FORWARD, a.x, a.w, y);
        for (int64_t i = 4; i <= 6; i++)
            for (int64_t j = 5; j <= 7; j++)
                assert_true(isnan(y[(i * 14 + j) * 40 + 1]));
        for (int64_t i = 14 * 14 * 40; i < a.y_n; i++)
            assert_false(isnan(y[i]));
        free(y);
        drop(&a);
    }
}

static void bad_descriptors_leave_the_result_and_say_why(void **state)
{
    (void)state;
    const cairn_conv good = promised[0];
    arrays a = make(&good);
    void *y = test_copy(a.y, a.type, a.y_n);
    const int64_t bytes = cairn_conv_workspace_bytes(&good, CAIRN_CONV_FORWARD);
    void *workspace = malloc((size_t)bytes);
    struct { cairn_status status; cairn_conv d; const char *message; } cases[] = {
        {CAIRN_E_SHAPE, good, "out of range"}, {CAIRN_E_SHAPE, good, "groups"}, {CAIRN_E_SHAPE, good, "does not fit"},
        {CAIRN_E_TYPE, good, "i16"}, {CAIRN_E_SHAPE, good, "out of range"}, {CAIRN_E_SHAPE, good, "overflow"},
        {CAIRN_E_SHAPE, good, "out of range"},
    };
    cases[0].d.h = -3;
    cases[1].d.groups = 3;
    cases[2].d.r = 40;
    cases[3].d.type = CAIRN_I16;
    cases[4].d.pad_left = -1;
    cases[5].d.h = cases[5].d.w = cases[5].d.n = INT32_MAX - 1;
    cases[6].d.r = 0;
    for (int i = 0; i < 7; i++) {
        cairn_error_clear();
        assert_int_equal(cairn_conv_forward(&cases[i].d, a.x, a.w, y, workspace, bytes), cases[i].status);
        assert_non_null(strstr(cairn_error_message(), cases[i].message));
        assert_int_equal(cairn_conv_data_gradient(&cases[i].d, a.x, a.w, y, workspace, bytes), cases[i].status);
        assert_int_equal(cairn_conv_weight_gradient(&cases[i].d, a.x, a.w, y, workspace, bytes), cases[i].status);
    }
    cairn_error_clear();
    assert_int_equal(cairn_conv_forward(NULL, a.x, a.w, y, workspace, bytes), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_conv_forward(&good, NULL, a.w, y, workspace, bytes), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_conv_forward(&good, a.x, y, y, workspace, bytes), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    assert_int_equal(cairn_conv_forward(&good, a.x, a.w, y, workspace, 10), CAIRN_E_ARGUMENT);
    assert_non_null(strstr(cairn_error_message(), "too small"));
    assert_memory_equal(y, a.y, (size_t)a.y_n * 4);
    cairn_error_clear();
    free(workspace), free(y);
    drop(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_that_networks_have_equal_the_oracle),
        cmocka_unit_test(random_shapes_equal_the_oracle),
        cmocka_unit_test(winograd_errs_as_stated_and_can_be_forbidden),
        cmocka_unit_test(winograds_weight_gradient_errs_as_stated_and_can_be_forbidden),
        cmocka_unit_test(empty_sizes_give_zeros_or_nothing),
        cmocka_unit_test(bits_are_the_same_for_any_number_of_threads),
        cmocka_unit_test(an_image_has_the_same_bits_alone_and_in_a_batch),
        cmocka_unit_test(the_epilogue_sees_every_finished_element_once),
        cmocka_unit_test(nan_reaches_what_its_pixel_reaches),
        cmocka_unit_test(bad_descriptors_leave_the_result_and_say_why),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
