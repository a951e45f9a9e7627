/* Resampling, sampling, affine grids and local response norm against their oracles, on every instruction set. */
#include "primitives_test.h"

#include "primitives/resample/ref.h"
#include "primitives/rows/ref.h"

static const cairn_dtype types[] = {CAIRN_F32, CAIRN_F64, CAIRN_BF16, CAIRN_F16};

static cairn_dtype wide(cairn_dtype type) { return type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32; }
static bool is_half(cairn_dtype type) { return cairn_dtype_bytes(type) == 2; }

static void *filled(cairn_dtype type, int64_t n)
{
    void *x = test_array(type, n);
    for (int64_t i = 0; i < n; i++)
        ref_rows_store(x, type, i, test_uniform());
    return x;
}

static void *widened(const void *x, cairn_dtype type, int64_t n)
{
    void *y = test_array(CAIRN_F32, n);
    for (int64_t i = 0; i < n; i++)
        ref_rows_store(y, CAIRN_F32, i, ref_rows_load(x, type, i));
    return y;
}

static void close_to(const void *x, const void *y, cairn_dtype type, int64_t n, double tolerance, const char *what)
{
    for (int64_t i = 0; i < n; i++) {
        const double a = ref_rows_load(x, type, i), b = ref_rows_load(y, type, i);
        if (!(fabs(a - b) <= tolerance) && !(a == b) && !(isnan(a) && isnan(b)))
            fail_msg("%s, %s: element %lld of %lld is %.9g, not %.9g (tolerance %.3g)", what, cairn_dtype_name(type), (long long)i, (long long)n,
                     a, b, tolerance);
    }
}

/* Half results are those of f32, rounded once; `loose`: f32 adds up in another order, which a rounding may tell. */
static void is_rounded(const void *y, cairn_dtype type, const void *exact, int64_t n, bool loose, const char *what)
{
    void *expected = test_array(type, n);
    for (int64_t i = 0; i < n; i++)
        ref_rows_store(expected, type, i, ref_rows_load(exact, CAIRN_F32, i));
    close_to(y, expected, type, n, loose ? 8 * test_epsilon(type) : 0, what);
    free(expected);
}

/* ---- Resampling ---------------------------------------------------------------------------------*/

/* Without a half type: against the oracle; with one: against f32. */
static void check_resample(cairn_resample d, bool gradient)
{
    const int64_t in = d.n * d.c * (gradient ? d.oh * d.ow : d.h * d.w), out = d.n * d.c * (gradient ? d.h * d.w : d.oh * d.ow);
    cairn_status (*run)(const cairn_resample *, const void *, void *) = gradient ? cairn_resample_gradient : cairn_resample_forward;
    const char *name = gradient ? "resample gradient" : "resample";
    void *x = filled(d.type, in), *y = filled(d.type, out);
    assert_int_equal(run(&d, x, y), CAIRN_OK);
    if (is_half(d.type)) {
        const cairn_dtype type = d.type;
        void *x32 = widened(x, d.type, in), *y32 = filled(CAIRN_F32, out);
        d.type = CAIRN_F32;
        assert_int_equal(run(&d, x32, y32), CAIRN_OK);
        is_rounded(y, type, y32, out, d.c <= 8, name);
        free(x32), free(y32);
    } else {
        void *expected = filled(d.type, out);
        (gradient ? ref_resample_gradient : ref_resample_forward)(&d, x, expected);
        const double terms = gradient ? 16 * ((double)d.oh / (double)d.h + 1) * ((double)d.ow / (double)d.w + 1) : 16;
        const double cubic = d.type == CAIRN_F64 && d.mode == CAIRN_BICUBIC ? 8 : 1; /* its terms of up to 12 cancel, in f64, to weights below 1 */
        close_to(y, expected, d.type, out, cubic * (16 + terms) * test_epsilon(d.type), name);
        free(expected);
    }
    free(x), free(y);
}

static void resampling_equals_the_oracle_on_every_set(void **state)
{
    (void)state;
    static const cairn_resample shapes[] = {
        {.n = 2, .h = 4, .w = 5, .c = 3, .oh = 8, .ow = 15}, {.n = 1, .h = 9, .w = 7, .c = 17, .oh = 4, .ow = 3},
        {.n = 1, .h = 1, .w = 1, .c = 5, .oh = 6, .ow = 70}, {.n = 1, .h = 6, .w = 6, .c = 33, .oh = 6, .ow = 6},
        {.n = 3, .h = 5, .w = 3, .c = 1, .oh = 1, .ow = 1},  {.n = 0, .h = 2, .w = 2, .c = 2, .oh = 3, .ow = 3},
        {.n = 2, .h = 2, .w = 2, .c = 0, .oh = 3, .ow = 3},  {.n = 1, .h = 3, .w = 4, .c = 300, .oh = 5, .ow = 5},
        {.n = 1, .h = 2, .w = 3, .c = 2, .oh = 150, .ow = 9}, {.n = 1, .h = 3, .w = 700, .c = 8, .oh = 2, .ow = 40},
        {.n = 1, .h = 2, .w = 4200, .c = 1, .oh = 2, .ow = 3}};
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int variant = 0; variant < 4 * 3 * 2 * 2; variant++) {
                cairn_resample d = shapes[i];
                d.type = types[variant % 4];
                d.mode = (cairn_resample_mode)(variant / 4 % 3);
                d.align_corners = variant / 12 % 2;
                check_resample(d, variant / 24);
            }
}

/* The sum of all of y weighted by dy equals that of all of x weighted by dx: the gradient is the transpose. */
static void random_gradients_are_the_transpose(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        const cairn_resample d = {.type = CAIRN_F64, .mode = (cairn_resample_mode)(i % 3), .align_corners = test_random() % 2,
                                  .n = test_between(1, 2), .h = test_between(1, 20), .w = test_between(1, 20), .c = test_between(1, 9),
                                  .oh = test_between(1, 40), .ow = test_between(1, 40)};
        const int64_t in = d.n * d.h * d.w * d.c, out = d.n * d.oh * d.ow * d.c;
        double *x = filled(d.type, in), *y = filled(d.type, out), *dy = filled(d.type, out), *dx = filled(d.type, in), a = 0, b = 0;
        assert_int_equal(cairn_resample_forward(&d, x, y), CAIRN_OK);
        assert_int_equal(cairn_resample_gradient(&d, dy, dx), CAIRN_OK);
        for (int64_t k = 0; k < out; k++)
            a += y[k] * dy[k];
        for (int64_t k = 0; k < in; k++)
            b += x[k] * dx[k];
        assert_true(fabs(a - b) <= 1e-12 * (double)(in + out));
        free(x), free(y), free(dy), free(dx);
    }
}

/* ---- Sampling -------------------------------------------------------------------------------------*/

static void *random_grid(const cairn_sampler *d)
{
    const int64_t n = d->n * d->oh * d->ow * 2;
    void *grid = test_array(wide(d->type), n);
    for (int64_t i = 0; i < n; i++)
        ref_rows_store(grid, wide(d->type), i, 1.7 * test_uniform());
    if (n > 8)
        ref_rows_store(grid, wide(d->type), 3, NAN);
    if (n > 12)
        ref_rows_store(grid, wide(d->type), 6, d->padding == CAIRN_SAMPLER_REFLECTION ? 5 : INFINITY);
    return grid;
}

typedef struct sampled { void *y, *dx, *dgrid; } sampled;

static sampled sample(const cairn_sampler *d, const void *x, const void *grid, const void *dy)
{
    const int64_t in = d->n * d->h * d->w * d->c, out = d->n * d->oh * d->ow, bytes = cairn_sampler_gradient_workspace_bytes(d);
    const sampled s = {filled(d->type, out * d->c), filled(d->type, in), filled(wide(d->type), 2 * out)};
    void *workspace = malloc((size_t)bytes + 1);
    assert_int_equal(bytes, is_half(d->type) ? in * 4 : 0);
    assert_int_equal(cairn_sampler_forward(d, x, grid, s.y), CAIRN_OK);
    assert_int_equal(cairn_sampler_gradient(d, x, grid, dy, s.dx, s.dgrid, workspace, bytes), CAIRN_OK);
    free(workspace);
    return s;
}

static void drop(sampled s) { free(s.y), free(s.dx), free(s.dgrid); }

static void check_sampler(cairn_sampler d)
{
    const int64_t in = d.n * d.h * d.w * d.c, out = d.n * d.oh * d.ow;
    void *x = filled(d.type, in), *grid = random_grid(&d), *dy = filled(d.type, out * d.c);
    const sampled s = sample(&d, x, grid, dy);
    if (is_half(d.type)) {
        const cairn_dtype type = d.type;
        void *x32 = widened(x, type, in), *dy32 = widened(dy, type, out * d.c);
        d.type = CAIRN_F32;
        const sampled s32 = sample(&d, x32, grid, dy32);
        is_rounded(s.y, type, s32.y, out * d.c, false, "sampler");
        is_rounded(s.dx, type, s32.dx, in, false, "sampler's dx");
        close_to(s.dgrid, s32.dgrid, CAIRN_F32, 2 * out, 1e-5, "sampler's dgrid");
        free(x32), free(dy32), drop(s32);
    } else {
        const double e = 16 * test_epsilon(d.type);
        void *expected = filled(d.type, in + out * d.c), *expected_grid = filled(d.type, 2 * out);
        ref_sampler_forward(&d, x, grid, expected);
        close_to(s.y, expected, d.type, out * d.c, e, "sampler");
        ref_sampler_gradient(&d, x, grid, dy, expected, expected_grid);
        close_to(s.dx, expected, d.type, in, e * (double)(8 + d.oh * d.ow), "sampler's dx");
        close_to(s.dgrid, expected_grid, d.type, 2 * out, e * (double)((8 + d.c) * (d.h + d.w)), "sampler's dgrid");
        free(expected), free(expected_grid);
    }
    free(x), free(grid), free(dy), drop(s);
}

static void sampling_equals_the_oracle_on_every_set(void **state)
{
    (void)state;
    static const cairn_sampler shapes[] = {{.n = 2, .h = 5, .w = 7, .c = 3, .oh = 6, .ow = 5},   {.n = 1, .h = 4, .w = 3, .c = 70, .oh = 9, .ow = 4},
                                           {.n = 1, .h = 1, .w = 1, .c = 2, .oh = 3, .ow = 3},   {.n = 3, .h = 6, .w = 6, .c = 16, .oh = 1, .ow = 1},
                                           {.n = 0, .h = 4, .w = 4, .c = 3, .oh = 2, .ow = 2},   {.n = 1, .h = 4, .w = 4, .c = 3, .oh = 0, .ow = 2},
                                           {.n = 1, .h = 3, .w = 3, .c = 300, .oh = 3, .ow = 3}, {.n = 1, .h = 2, .w = 2, .c = 0, .oh = 2, .ow = 2}};
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int variant = 0; variant < 4 * 2 * 3 * 2; variant++) {
                cairn_sampler d = shapes[i];
                d.type = types[variant % 4];
                d.mode = (cairn_resample_mode)(variant / 4 % 2);
                d.padding = (cairn_sampler_padding)(variant / 8 % 3);
                d.align_corners = variant / 24;
                check_sampler(d);
            }
}

/* Sampling at the grid of the identity gives the image back; the grid's gradient is its transpose. */
static void affine_grids_are_regular(void **state)
{
    (void)state;
    for (int corners = 0; corners < 2; corners++) {
        const cairn_sampler d = {.type = CAIRN_F32, .mode = CAIRN_BILINEAR, .align_corners = corners, .n = 2, .h = 5, .w = 4, .c = 3, .oh = 5, .ow = 4};
        const float theta[12] = {1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0};
        float grid[80], *x = filled(CAIRN_F32, 120), y[120], other[12], dgrid[80], dtheta[12];
        assert_int_equal(cairn_affine_grid_forward(&d, theta, grid), CAIRN_OK);
        assert_int_equal(cairn_sampler_forward(&d, x, grid, y), CAIRN_OK);
        close_to(y, x, CAIRN_F32, 120, 1e-6, "identity");
        assert_true(fabsf(grid[0] - (corners ? -1 : -0.75f)) < 1e-6 && fabsf(grid[1] - (corners ? -1 : -0.8f)) < 1e-6);
        double a = 0, b = 0;
        for (int i = 0; i < 12; i++)
            other[i] = (float)test_uniform();
        for (int i = 0; i < 80; i++)
            dgrid[i] = (float)test_uniform();
        assert_int_equal(cairn_affine_grid_forward(&d, other, grid), CAIRN_OK);
        assert_int_equal(cairn_affine_grid_gradient(&d, dgrid, dtheta), CAIRN_OK);
        for (int i = 0; i < 80; i++)
            a += (double)grid[i] * (double)dgrid[i];
        for (int i = 0; i < 12; i++)
            b += (double)other[i] * (double)dtheta[i];
        assert_true(fabs(a - b) < 1e-4);
        free(x);
    }
}

/* ---- Local response norm ------------------------------------------------------------------------------*/

static void check_local_norm(cairn_local_norm d)
{
    const int64_t n = d.n * d.c * (d.inner ? d.inner : 1);
    void *x = filled(d.type, n), *dy = filled(d.type, n), *y = filled(d.type, n), *scale = filled(wide(d.type), n), *dx = filled(d.type, n);
    void *y2 = filled(d.type, n), *scale2 = filled(wide(d.type), n), *dx2 = filled(d.type, n);
    const double e = 16 * test_epsilon(d.type);
    assert_int_equal(cairn_local_norm_forward(&d, x, y, NULL), CAIRN_OK);
    ref_local_norm_forward(&d, x, y2, scale2);
    close_to(y, y2, d.type, n, e, "local norm");
    assert_int_equal(cairn_local_norm_forward(&d, x, y, scale), CAIRN_OK);
    close_to(y, y2, d.type, n, e, "local norm with scale");
    close_to(scale, scale2, wide(d.type), n, 64 * test_epsilon(wide(d.type)), "scale");
    assert_int_equal(cairn_local_norm_gradient(&d, x, y, scale, dy, dx), CAIRN_OK);
    ref_local_norm_gradient(&d, x, dy, dx2);
    close_to(dx, dx2, d.type, n, 4 * e, "local norm gradient");
    free(x), free(dy), free(y), free(scale), free(dx), free(y2), free(scale2), free(dx2);
}

static void local_norm_equals_the_oracle(void **state)
{
    (void)state;
    static const double betas[] = {0.75, 0.5, 1, 0.6};
    static const cairn_local_norm shapes[] = {{.n = 3, .c = 20, .size = 5},             {.n = 2, .c = 7, .inner = 50, .size = 3},
                                              {.n = 1, .c = 3, .inner = 600, .size = 4}, {.n = 2, .c = 700, .size = 9},
                                              {.n = 1, .c = 4, .inner = 3, .size = 100}, {.n = 0, .c = 4, .size = 2}, {.n = 2, .c = 1, .size = 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int variant = 0; variant < 16; variant++) {
            cairn_local_norm d = shapes[i];
            d.type = types[variant % 4];
            d.alpha = 0.7, d.k = 1.5, d.beta = betas[variant / 4];
            check_local_norm(d);
        }
}

/* ---- All -----------------------------------------------------------------------------------------------*/

static void bits_are_the_same_for_any_number_of_threads(void **state)
{
    (void)state;
    const cairn_resample r = {.type = CAIRN_F32, .mode = CAIRN_BICUBIC, .n = 2, .h = 40, .w = 30, .c = 40, .oh = 61, .ow = 50};
    const cairn_sampler s = {.type = CAIRN_BF16, .mode = CAIRN_BILINEAR, .n = 2, .h = 30, .w = 30, .c = 150, .oh = 20, .ow = 20};
    const cairn_local_norm l = {.type = CAIRN_F32, .n = 40, .c = 1500, .size = 5, .alpha = 1, .beta = 0.75, .k = 1};
    const int before = cairn_threads();
    float *x = filled(CAIRN_F32, 300000), *y[2] = {filled(CAIRN_F32, 300000), filled(CAIRN_F32, 300000)};
    void *image = filled(CAIRN_BF16, 270000), *grid = random_grid(&s), *dy = filled(CAIRN_BF16, 120000);
    sampled results[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cairn_set_threads(1 + 4 * i), CAIRN_OK);
        assert_int_equal(cairn_resample_forward(&r, x, y[i]), CAIRN_OK);
        assert_int_equal(cairn_resample_gradient(&r, x, y[i]), CAIRN_OK);
        assert_int_equal(cairn_local_norm_forward(&l, x, y[i] + 100000, y[i] + 200000), CAIRN_OK);
        results[i] = sample(&s, image, grid, dy);
    }
    assert_memory_equal(y[0], y[1], 260000 * sizeof(float));
    assert_memory_equal(results[0].y, results[1].y, 120000 * 2);
    assert_memory_equal(results[0].dx, results[1].dx, 270000 * 2);
    assert_int_equal(cairn_set_threads(before), CAIRN_OK);
    free(x), free(y[0]), free(y[1]), free(image), free(grid), free(dy), drop(results[0]), drop(results[1]);
}

static void bad_resamplings_say_why(void **state)
{
    (void)state;
    const cairn_resample good = {.type = CAIRN_F32, .mode = CAIRN_BILINEAR, .n = 1, .h = 2, .w = 2, .c = 2, .oh = 2, .ow = 2};
    cairn_resample bad[] = {good, good, good, good, good};
    float x[8] = {0}, y[8], before[8];
    memset(y, 7, sizeof y), memcpy(before, y, sizeof y);
    bad[0].type = CAIRN_I32, bad[1].mode = (cairn_resample_mode)3, bad[2].oh = 0, bad[3].c = -1, bad[4].n = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        cairn_error_clear();
        assert_int_not_equal(cairn_resample_forward(&bad[i], x, y), CAIRN_OK);
        assert_non_null(strstr(cairn_error_message(), "resample"));
    }
    cairn_error_clear();
    assert_int_equal(cairn_resample_forward(NULL, x, y), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_resample_forward(&good, NULL, y), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_resample_gradient(&good, y, y + 4), CAIRN_E_ARGUMENT);
    assert_memory_equal(y, before, sizeof y);
    cairn_error_clear();
}

static void bad_samplers_say_why(void **state)
{
    (void)state;
    const cairn_sampler good = {.type = CAIRN_F32, .mode = CAIRN_BILINEAR, .n = 1, .h = 2, .w = 2, .c = 2, .oh = 2, .ow = 2};
    cairn_sampler bad[] = {good, good, good, good, good}, half = good;
    float x[8] = {0}, grid[8] = {0}, y[8], before[8];
    memset(y, 7, sizeof y), memcpy(before, y, sizeof y);
    bad[0].type = CAIRN_U8, bad[1].mode = CAIRN_BICUBIC, bad[2].padding = (cairn_sampler_padding)3, bad[3].h = 0, bad[4].ow = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        cairn_error_clear();
        assert_int_not_equal(cairn_sampler_forward(&bad[i], x, grid, y), CAIRN_OK);
        assert_non_null(strstr(cairn_error_message(), "sampler"));
    }
    cairn_error_clear();
    half.type = CAIRN_F16;
    assert_int_equal(cairn_sampler_gradient(&half, x, grid, grid, y, NULL, NULL, 0), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_sampler_forward(&good, x, NULL, y), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_sampler_forward(&good, y, grid, y), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_sampler_gradient(&good, x, grid, y, y + 2, NULL, NULL, 0), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_affine_grid_forward(&half, x, y), CAIRN_E_TYPE);
    assert_int_equal(cairn_affine_grid_forward(&good, y, y), CAIRN_E_ARGUMENT);
    assert_memory_equal(y, before, sizeof y);
    assert_int_equal(cairn_sampler_gradient(&good, NULL, grid, x, y, NULL, NULL, 0), CAIRN_OK); /* dx alone needs no x */
    cairn_error_clear();
}

static void bad_local_norms_say_why(void **state)
{
    (void)state;
    const cairn_local_norm good = {.type = CAIRN_F32, .n = 1, .c = 8, .size = 3, .alpha = 1, .beta = 1, .k = 1};
    cairn_local_norm bad[] = {good, good, good};
    float x[8] = {0}, y[8], before[8];
    memset(y, 7, sizeof y), memcpy(before, y, sizeof y);
    bad[0].type = CAIRN_I8, bad[1].size = 0, bad[2].c = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        cairn_error_clear();
        assert_int_not_equal(cairn_local_norm_forward(&bad[i], x, y, NULL), CAIRN_OK);
        assert_non_null(strstr(cairn_error_message(), "local_norm"));
    }
    cairn_error_clear();
    assert_int_equal(cairn_local_norm_forward(&good, y, y, NULL), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_local_norm_forward(&good, x, y, y), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_local_norm_gradient(&good, x, x, NULL, x, y), CAIRN_E_ARGUMENT);
    assert_memory_equal(y, before, sizeof y);
    cairn_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resampling_equals_the_oracle_on_every_set),
        cmocka_unit_test(random_gradients_are_the_transpose),
        cmocka_unit_test(sampling_equals_the_oracle_on_every_set),
        cmocka_unit_test(affine_grids_are_regular),
        cmocka_unit_test(local_norm_equals_the_oracle),
        cmocka_unit_test(bits_are_the_same_for_any_number_of_threads),
        cmocka_unit_test(bad_resamplings_say_why),
        cmocka_unit_test(bad_samplers_say_why),
        cmocka_unit_test(bad_local_norms_say_why),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
