/* Matrix products: micro-kernels against their scalar twins, whole products against the oracle, and the promises of dnn.h. */
#include "primitives_test.h"

#include "primitives/gemm/half.h"
#include "primitives/gemm/ref.h"

/* ---- Micro-kernels ------------------------------------------------------------------------------*/

static void check_tile(gemm_kernel *kernel, const char *isa, int rows, int cols, int64_t k, int64_t segments, double beta,
                       int direct)
{
    const cairn_dtype type = kernel->element_bytes == 8 ? CAIRN_F64 : CAIRN_F32;
    const int64_t steps = k * segments, a_row = k + 3, c_row = kernel->nr + 5, a_size = kernel->mr * (a_row + steps) + 64;
    int64_t offset[4] = {0, 2 * k + 1, k, 7};
    void *a = test_uniform_array(type, a_size + 100), *b = test_uniform_array(type, steps * kernel->nr + 1);
    void *c = test_uniform_array(type, kernel->mr * c_row), *expected = test_copy(c, type, kernel->mr * c_row);
    gemm_tile tile = {.a = a, .b = b, .c = c, .k = direct ? k : steps, .segments = segments, .offset = offset, .a_row = a_row,
                      .b_step = kernel->nr, .c_row = c_row, .rows = rows, .cols = cols, .alpha = 0.75, .beta = beta};
    (direct ? kernel->direct : kernel->packed)(&tile);
    tile.c = expected;
    ref_gemm_tile(kernel, &tile, direct);
    char what[100];
    snprintf(what, sizeof what, "%s %s %s tile %dx%dx%lld", isa, type == CAIRN_F64 ? "f64" : "f32", direct ? "direct" : "packed",
             rows, cols, (long long)k);
    assert_close(c, expected, type, kernel->mr * c_row, 4 * test_epsilon(type) * (double)(steps + 2), what);
    free(a), free(b), free(c), free(expected);
}

static void every_tile_of_every_set_equals_its_scalar_twin(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa) {
        gemm_kernel *both[] = {kernels()->gemm_f32, kernels()->gemm_f64};
        for (int t = 0; t < 2; t++)
            for (int rows = 1; rows <= both[t]->mr; rows++)
                for (int cols = 1; cols <= both[t]->nr; cols += cols < both[t]->nr - 1 ? 3 : 1)
                    for (int direct = 0; direct < 2; direct++) {
                        check_tile(both[t], test_isa_names[isa], rows, cols, 5, direct ? 3 : 1, 0, direct);
                        check_tile(both[t], test_isa_names[isa], rows, cols, 34, direct ? 2 : 1, 1.25, direct);
                        check_tile(both[t], test_isa_names[isa], rows, cols, 0, 1, 0.5, direct);
                    }
    }
}

static void check_pack(gemm_kernel *kernel, int count, int width, int64_t n, int transposed)
{
    const cairn_dtype type = kernel->element_bytes == 8 ? CAIRN_F64 : CAIRN_F32;
    const int64_t step = transposed ? n + 1 : width + 2, size = (width + 2) * (n + 1);
    void *from = test_uniform_array(type, size), *to = test_uniform_array(type, n * width + 16);
    void *before = test_copy(to, type, n * width + 16);
    const void *rows[GEMM_MAX_NR];
    for (int i = 0; i < count; i++)
        rows[i] = (const char *)from + i * step * kernel->element_bytes;
    if (transposed)
        kernel->pack_transposed(count, rows, n, to, width);
    else
        kernel->pack_copied(count, from, step, n, to, width, width);
    for (int64_t p = 0; p < n; p++)
        for (int i = 0; i < width; i++)
            assert_true(get(to, type, p * width + i) ==
                        (i >= count ? 0 : get(from, type, transposed ? i * step + p : p * step + i)));
    assert_memory_equal((char *)to + n * width * kernel->element_bytes, (char *)before + n * width * kernel->element_bytes,
                        16 * (size_t)kernel->element_bytes);
    free(from), free(to), free(before);
}

static void packing_fills_panels_and_nothing_beyond(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa) {
        gemm_kernel *both[] = {kernels()->gemm_f32, kernels()->gemm_f64};
        for (int t = 0; t < 2; t++)
            for (int64_t n = 1; n < 40; n += 1 + n / 8)
                for (int count = 1; count <= both[t]->nr; count++) {
                    check_pack(both[t], count, both[t]->nr, n, 0);
                    check_pack(both[t], count, both[t]->nr, n, 1);
                    check_pack(both[t], count > both[t]->mr ? both[t]->mr : count, both[t]->mr, n, 0);
                    check_pack(both[t], count > both[t]->mr ? both[t]->mr : count, both[t]->mr, n, 1);
                }
    }
}

/* ---- Whole products -----------------------------------------------------------------------------*/

typedef enum layout { PLAIN, TRANSPOSED, SPREAD } layout;

static void lay_out(layout l, int64_t rows, int64_t columns, int64_t *row, int64_t *column, int64_t *batch)
{
    *row = l == PLAIN ? columns + 1 : l == TRANSPOSED ? 1 : 2 * columns + 3;
    *column = l == PLAIN ? 1 : l == TRANSPOSED ? rows + 2 : 2;
    *batch = rows * *row + columns * *column;
}

static void set_any(void *x, cairn_dtype type, int64_t i, double v)
{
    if (type == CAIRN_F16)
        ((uint16_t *)x)[i] = f32_to_f16((float)v);
    else if (type == CAIRN_BF16)
        ((uint16_t *)x)[i] = f32_to_bf16((float)v);
    else
        set(x, type, i, v);
}

static double get_any(const void *x, cairn_dtype type, int64_t i)
{
    return type == CAIRN_F16    ? f16_to_f32(((const uint16_t *)x)[i])
           : type == CAIRN_BF16 ? bf16_to_f32(((const uint16_t *)x)[i])
                                : get(x, type, i);
}

static void *any_array(cairn_dtype type, int64_t n)
{
    void *x = test_array(type, n);
    for (int64_t i = 0; i < n; i++)
        set_any(x, type, i, test_uniform());
    return x;
}

typedef struct product {
    cairn_gemm g;
    void *c, *workspace;
    int64_t c_size, workspace_bytes;
} product;

static int64_t matrices(const cairn_gemm *g) { return g->batch ? g->batch : 1; }

static product make(cairn_dtype type, int64_t batch, int64_t m, int64_t n, int64_t k, layout a, layout b, double alpha, double beta)
{
    product p = {.g = {.type = type, .batch = batch, .m = m, .n = n, .k = k, .alpha = alpha, .beta = beta}};
    lay_out(a, m, k, &p.g.a_row, &p.g.a_col, &p.g.a_batch);
    lay_out(b, k, n, &p.g.b_row, &p.g.b_col, &p.g.b_batch);
    p.g.c_row = n + 3;
    p.g.c_batch = m * p.g.c_row;
    p.c_size = matrices(&p.g) * p.g.c_batch;
    p.g.a = any_array(type, matrices(&p.g) * p.g.a_batch);
    p.g.b = any_array(type, matrices(&p.g) * p.g.b_batch);
    p.g.c = p.c = any_array(type, p.c_size);
    return p;
}

static void run(product *p)
{
    p->workspace_bytes = cairn_gemm_workspace_bytes(&p->g);
    p->workspace = malloc((size_t)p->workspace_bytes + 64);
    memset(p->workspace, 0xff, (size_t)p->workspace_bytes + 64); /* NaN, and a guard */
    assert_int_equal(cairn_gemm_run(&p->g, p->workspace, p->workspace_bytes), CAIRN_OK);
    for (int i = 0; i < 64; i++)
        assert_int_equal(((unsigned char *)p->workspace)[p->workspace_bytes + i], 0xff);
    free(p->workspace);
}

static void drop(product *p) { free((void *)p->g.a), free((void *)p->g.b), free(p->c); }

static void check_product(cairn_dtype type, int64_t batch, int64_t m, int64_t n, int64_t k, layout a, layout b, double alpha,
                          double beta)
{
    product p = make(type, batch, m, n, k, a, b, alpha, beta);
    void *expected = test_array(type, p.c_size);
    memcpy(expected, p.c, (size_t)(p.c_size * cairn_dtype_bytes(type)));
    run(&p);
    p.g.c = expected;
    ref_gemm(&p.g);
    const bool half = cairn_dtype_bytes(type) == 2;
    for (int64_t i = 0; i < p.c_size; i++) {
        const double x = get_any(p.c, type, i), y = get_any(expected, type, i);
        const double tolerance = 4 * test_epsilon(half ? CAIRN_F32 : type) * (double)(k + 4) +
                                 (half ? 2 * test_epsilon(type) * fabs(y) : 0);
        if (fabs(x - y) > tolerance)
            fail_msg("%s %lldx%lldx%lld (layouts %d %d, beta %g): element %lld is %g, not %g", cairn_dtype_name(type),
                     (long long)m, (long long)n, (long long)k, a, b, beta, (long long)i, x, y);
    }
    free(expected);
    drop(&p);
}

static void products_of_all_layouts_types_and_sets_equal_the_oracle(void **state)
{
    (void)state;
    static const cairn_dtype types[] = {CAIRN_F32, CAIRN_F64, CAIRN_F16, CAIRN_BF16};
    static const int64_t sizes[][3] = {{1, 1, 1}, {1, 70, 300}, {3, 5, 2}, {8, 32, 16}, {17, 33, 65}, {50, 40, 270}, {64, 64, 64},
                                       {190, 70, 40}};
    FOR_EACH_ISA_AND_UNIT(isa)
        for (int t = 0; t < 4; t++)
            for (int s = 0; s < 8; s++)
                for (int l = 0; l < 9; l++)
                    check_product(types[t], 0, sizes[s][0], sizes[s][1], sizes[s][2], l % 3, l / 3, l % 2 ? 1 : -0.5,
                                  l % 4 == 0 ? 0 : l % 4 == 1 ? 1 : 0.25);
}

static void larger_products_equal_the_oracle(void **state)
{
    (void)state;
    FOR_EACH_ISA_AND_UNIT(isa) {
        check_product(CAIRN_F32, 0, 300, 200, 520, PLAIN, PLAIN, 1, 0);
        check_product(CAIRN_F32, 0, 130, 300, 300, PLAIN, TRANSPOSED, 1, 0);
        check_product(CAIRN_F32, 0, 400, 100, 257, TRANSPOSED, PLAIN, 1, 1);
        check_product(CAIRN_F64, 0, 200, 150, 300, TRANSPOSED, TRANSPOSED, 1, 0);
        check_product(CAIRN_BF16, 0, 200, 1100, 20, PLAIN, PLAIN, 1, 1);
        check_product(CAIRN_F32, 0, 1, 1500, 600, PLAIN, PLAIN, 1, 0);
        check_product(CAIRN_F32, 0, 8, 1500, 600, PLAIN, TRANSPOSED, 1, 0);
        check_product(CAIRN_F32, 0, 1024, 12, 1024, SPREAD, PLAIN, 1, 0);
    }
}

static void random_products_equal_the_oracle(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int i = 0; i < 60; i++)
            check_product(i % 5 ? CAIRN_F32 : CAIRN_F64, test_between(0, 3), test_between(1, 90), test_between(1, 90),
                          test_between(1, 90), test_random() % 3, test_random() % 3, 1, test_random() % 2);
}

static void batches_may_repeat_a_matrix(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int64_t n = 20; n <= 260; n += 240) {
            product p = make(CAIRN_F32, 9, n, n, 64, PLAIN, TRANSPOSED, 1, 0);
            p.g.b_batch = 0;
            void *expected = test_copy(p.c, CAIRN_F32, p.c_size);
            run(&p);
            p.g.c = expected;
            ref_gemm(&p.g);
            assert_close(p.c, expected, CAIRN_F32, p.c_size, 1e-4, "b_batch 0");
            free(expected);
            drop(&p);
        }
}

static void empty_sizes_leave_or_scale_c(void **state)
{
    (void)state;
    check_product(CAIRN_F32, 0, 0, 7, 3, PLAIN, PLAIN, 1, 0);
    check_product(CAIRN_F32, 0, 7, 0, 3, PLAIN, PLAIN, 1, 0);
    check_product(CAIRN_F32, 0, 20, 40, 0, PLAIN, PLAIN, 1, 0.5);
    check_product(CAIRN_F64, 0, 200, 300, 0, PLAIN, PLAIN, 1, 0);
    check_product(CAIRN_BF16, 0, 5, 6, 0, PLAIN, PLAIN, 1, 2);
    check_product(CAIRN_F32, 0, 20, 40, 6, PLAIN, PLAIN, 0, 0.5);
}

static void nan_and_infinity_propagate_and_beta_zero_reads_nothing(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int64_t m = 3; m <= 203; m += 100) {
            product p = make(CAIRN_F32, 0, m, 45, 30, PLAIN, PLAIN, 1, 0);
            ((float *)p.g.a)[2 * p.g.a_row + 4] = NAN;
            ((float *)p.g.a)[1 * p.g.a_row + 4] = INFINITY;
            for (int64_t i = 0; i < p.c_size; i++)
                ((float *)p.c)[i] = NAN;
            run(&p);
            for (int64_t i = 0; i < m; i++)
                for (int j = 0; j < 45; j++) {
                    const float x = ((float *)p.c)[i * p.g.c_row + j];
                    assert_true(i == 2 ? isnan(x) : i == 1 ? isinf(x) : isfinite(x));
                }
            drop(&p);
        }
}

/* ---- Promises -----------------------------------------------------------------------------------*/

static void bits_are_the_same_for_any_number_of_threads(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{300, 260, 300}, {100, 1000, 270}, {7, 2000, 400}, {900, 30, 100}};
    const int before = cairn_threads();
    for (int s = 0; s < 4; s++)
        for (int l = 0; l < 4; l++) {
            product p = make(CAIRN_F32, 0, sizes[s][0], sizes[s][1], sizes[s][2], l % 2, l / 2, 1, 0);
            void *one = NULL;
            for (int threads = 1; threads <= 5; threads += threads == 1 ? 1 : 3) {
                assert_int_equal(cairn_set_threads(threads), CAIRN_OK);
                run(&p);
                if (!one)
                    one = test_copy(p.c, CAIRN_F32, p.c_size);
                assert_memory_equal(one, p.c, (size_t)p.c_size * 4);
            }
            free(one);
            drop(&p);
        }
    cairn_set_threads(before);
}

/* With AMX f32 is split where that pays (matmul.h), with other bits. */
static bool is_split(const product *p, int64_t m)
{
    return p->g.type == CAIRN_F32 && kernels()->gemm_split6 && m * p->g.n >= 48 * (m + p->g.n);
}

static void a_row_has_the_same_bits_alone_and_among_others(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{100, 300}, {40, 64}, {513, 784}, {10, 1000}, {1, 700}, {300, 512}};
    FOR_EACH_ISA_AND_UNIT(isa)
        for (int s = 0; s < 6; s++)
            for (int l = 0; l < 9; l++) {
                product p = make(s == 2 ? CAIRN_BF16 : l % 2 ? CAIRN_F32 : CAIRN_F64, 0, 200, sizes[s][0], sizes[s][1], l % 3, l / 3, 1, 0);
                const int bytes = cairn_dtype_bytes(p.g.type);
                run(&p);
                for (int64_t m = 1; m < 200; m += 1 + m) {
                    const int64_t first = test_between(0, 200 - m);
                    if (is_split(&p, m) != is_split(&p, 200))
                        continue;
                    product q = p;
                    q.g.m = m;
                    q.g.a = (const char *)p.g.a + first * p.g.a_row * bytes;
                    q.g.c = test_array(p.g.type, m * p.g.c_row);
                    run(&q);
                    for (int64_t i = 0; i < m; i++)
                        assert_memory_equal((char *)q.g.c + i * p.g.c_row * bytes,
                                            (char *)p.c + (first + i) * p.g.c_row * bytes, (size_t)(p.g.n * bytes));
                    free(q.g.c);
                }
                drop(&p);
            }
}

typedef struct covered { int *times; int64_t rows, columns, row_stride; const float *c; bool wrong; } covered;

static void count_block(void *context, int64_t batch, int64_t row0, int64_t rows, int64_t col0, int64_t cols)
{
    covered *v = context;
    for (int64_t i = row0; i < row0 + rows; i++)
        for (int64_t j = col0; j < col0 + cols; j++) {
            __atomic_fetch_add(&v->times[(batch * v->rows + i) * v->columns + j], 1, __ATOMIC_RELAXED);
            if (v->c[(batch * v->rows + i) * v->row_stride + j] != 10)
                v->wrong = true;
        }
}

static void the_epilogue_sees_every_finished_element_once(void **state)
{
    (void)state;
    static const int64_t sizes[][4] = {{1, 4, 6, 10}, {3, 70, 50, 300}, {1, 300, 1100, 270}, {12, 30, 20, 40}};
    for (int s = 0; s < 4; s++) {
        const int64_t b = sizes[s][0], m = sizes[s][1], n = sizes[s][2], k = sizes[s][3];
        product p = make(CAIRN_F32, b, m, n, k, PLAIN, PLAIN, 1, 0);
        covered v = {calloc((size_t)(b * m * n), sizeof(int)), m, n, p.g.c_row, p.c, false};
        for (int64_t i = 0; i < b * p.g.a_batch; i++)
            ((float *)p.g.a)[i] = 1;
        for (int64_t i = 0; i < b * p.g.b_batch; i++)
            ((float *)p.g.b)[i] = 10.0f / (float)k;
        for (int64_t i = 0; i < k; i++)      /* exact sums */
            for (int64_t j = 0; j < b * p.g.b_batch; j++)
                ((float *)p.g.b)[j] = 0;
        for (int64_t q = 0; q < b; q++)
            for (int64_t j = 0; j < n; j++)
                ((float *)p.g.b)[q * p.g.b_batch + (k - 1) * p.g.b_row + j] = 10;
        p.g.epilogue = count_block;
        p.g.epilogue_context = &v;
        run(&p);
        assert_false(v.wrong);
        for (int64_t i = 0; i < b * m * n; i++)
            assert_int_equal(v.times[i], 1);
        free(v.times);
        drop(&p);
    }
}

static void bad_descriptors_leave_c_and_say_why(void **state)
{
    (void)state;
    product p = make(CAIRN_F32, 0, 300, 40, 50, TRANSPOSED, TRANSPOSED, 1, 0);
    void *before = test_copy(p.c, CAIRN_F32, p.c_size);
    const int64_t bytes = cairn_gemm_workspace_bytes(&p.g);
    void *workspace = malloc((size_t)bytes + 1);
    assert_true(bytes > 0);
    struct { cairn_status status; cairn_gemm g; const char *message; } cases[] = {
        {CAIRN_E_SHAPE, p.g, "negative"}, {CAIRN_E_SHAPE, p.g, "overflow"}, {CAIRN_E_TYPE, p.g, "i32"},
        {CAIRN_E_ARGUMENT, p.g, "NULL"},  {CAIRN_E_SHAPE, p.g, "c_row"},    {CAIRN_E_ARGUMENT, p.g, "C is an operand"},
        {CAIRN_E_SHAPE, p.g, "overflow"}, {CAIRN_E_SHAPE, p.g, "c_batch"},
    };
    cases[0].g.m = -1;
    cases[1].g.k = INT64_MAX / 2;
    cases[2].g.type = CAIRN_I32;
    cases[3].g.b = NULL;
    cases[4].g.c_row = 39;
    cases[5].g.c = (void *)p.g.a;
    cases[6].g.a_row = INT64_MIN;
    cases[7].g.batch = 2, cases[7].g.c_batch = 3;
    for (int i = 0; i < 8; i++) {
        cairn_error_clear();
        assert_int_equal(cairn_gemm_run(&cases[i].g, workspace, bytes), cases[i].status);
        assert_non_null(strstr(cairn_error_message(), cases[i].message));
    }
    cairn_error_clear();
    assert_int_equal(cairn_gemm_run(NULL, workspace, bytes), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    assert_int_equal(cairn_gemm_run(&p.g, workspace, 100), CAIRN_E_ARGUMENT);
    assert_non_null(strstr(cairn_error_message(), "too small"));
    cairn_error_clear();
    assert_int_equal(cairn_gemm_run(&p.g, NULL, bytes), CAIRN_E_ARGUMENT);
    assert_memory_equal(before, p.c, (size_t)p.c_size * 4);
    cairn_error_clear();
    free(workspace), free(before);
    drop(&p);
}

static void half_floats_round_to_nearest_even_and_return(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        const float x = f16_to_f32((uint16_t)h), y = bf16_to_f32((uint16_t)h);
        assert_true(isnan(x) ? isnan(f16_to_f32(f32_to_f16(x))) : f32_to_f16(x) == h);
        assert_true(isnan(y) ? isnan(bf16_to_f32(f32_to_bf16(y))) : f32_to_bf16(y) == h);
    }
    assert_true(f16_to_f32(1) == 0x1p-24f && f16_to_f32(0x3c00) == 1 && f16_to_f32(0x7bff) == 65504);
    assert_int_equal(f32_to_f16(65519.996f), 0x7bff);
    assert_int_equal(f32_to_f16(65520), 0x7c00);
    assert_int_equal(f32_to_f16(1 + 0x1p-11f), 0x3c00);
    assert_int_equal(f32_to_f16(1 + 0x3p-11f), 0x3c02);
    assert_int_equal(f32_to_f16(0x1p-25f), 0);
    assert_int_equal(f32_to_f16(0x1.8p-25f), 1);
    assert_int_equal(f32_to_bf16(1 + 0x1p-8f), 0x3f80);
    assert_int_equal(f32_to_bf16(1 + 0x3p-8f), 0x3f82);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tile_of_every_set_equals_its_scalar_twin),
        cmocka_unit_test(packing_fills_panels_and_nothing_beyond),
        cmocka_unit_test(half_floats_round_to_nearest_even_and_return),
        cmocka_unit_test(products_of_all_layouts_types_and_sets_equal_the_oracle),
        cmocka_unit_test(larger_products_equal_the_oracle),
        cmocka_unit_test(random_products_equal_the_oracle),
        cmocka_unit_test(batches_may_repeat_a_matrix),
        cmocka_unit_test(empty_sizes_leave_or_scale_c),
        cmocka_unit_test(nan_and_infinity_propagate_and_beta_zero_reads_nothing),
        cmocka_unit_test(bits_are_the_same_for_any_number_of_threads),
        cmocka_unit_test(a_row_has_the_same_bits_alone_and_among_others),
        cmocka_unit_test(the_epilogue_sees_every_finished_element_once),
        cmocka_unit_test(bad_descriptors_leave_c_and_say_why),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
