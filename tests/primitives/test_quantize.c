/* Block-scaled numbers, and products with weights kept in them. */
#include "primitives_test.h"

#include "primitives/quantize/ref.h"

/* Standard normal, of a sum of uniform ones. */
static float normal(void)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += test_uniform();
    return (float)(sum / 2);
}

static float *normals(int64_t n)
{
    float *x = test_array(CAIRN_F32, n);
    for (int64_t i = 0; i < n; i++)
        x[i] = normal();
    return x;
}

static void kernels_equal_the_oracle_on_every_set(void **state)
{
    (void)state;
    enum { BLOCKS = 3, STEPS = 2, K = BLOCKS * STEPS * QUANTIZE_STEP };
    uint8_t *weights = test_array(CAIRN_U8, K * QUANTIZE_PANEL);
    uint16_t scales[BLOCKS * QUANTIZE_PANEL];
    for (int i = 0; i < K * QUANTIZE_PANEL; i++)
        weights[i] = (uint8_t)test_random();
    for (int i = 0; i < BLOCKS * QUANTIZE_PANEL; i++)
        scales[i] = (uint16_t)(0x2000 + test_random() % 0x400);
    FOR_EACH_ISA(isa)
        for (int bits = 4; bits <= 8; bits += 4)
            for (int rows = 1; rows <= QUANTIZE_ROWS; rows += QUANTIZE_ROWS - 1) {
                int8_t x[QUANTIZE_ROWS][K], again[K];
                float scale[QUANTIZE_ROWS][K / QUANTIZE_STEP], scale2[K / QUANTIZE_STEP], y[2][QUANTIZE_ROWS * QUANTIZE_PANEL];
                int32_t bias[QUANTIZE_ROWS][K / QUANTIZE_STEP], bias2[K / QUANTIZE_STEP];
                quantize_dot q = {.weights = weights, .scales = scales, .blocks = BLOCKS, .steps = STEPS, .rows = rows};
                for (int i = 0; i < rows; i++) {
                    float *from = normals(K);
                    from[40] = i ? 1e-38f : from[40];
                    kernels()->quantize->row(from, K - 7 * i, K / QUANTIZE_STEP, x[i], scale[i], bias[i]);
                    ref_quantize_row(from, K - 7 * i, K / QUANTIZE_STEP, again, scale2, bias2);
                    assert_memory_equal(x[i], again, K);
                    assert_memory_equal(scale[i], scale2, sizeof scale2);
                    assert_memory_equal(bias[i], bias2, sizeof bias2);
                    q.x[i] = x[i], q.x_scale[i] = scale[i], q.x_bias[i] = bias[i];
                    free(from);
                }
                q.y = y[0];
                ref_quantize_dot(bits, &q);
                q.y = y[1];
                (bits == 8 ? kernels()->quantize->int8 : kernels()->quantize->int4)(&q);
                assert_close(y[1], y[0], CAIRN_F32, rows * QUANTIZE_PANEL, 2e-5 * (bits == 8 ? 16 : 1), test_isa_names[isa]);
            }
    free(weights);
}

/* sqrt(|y - z|^2 / |z|^2) */
static double distance(const float *y, const double *z, int64_t n)
{
    double apart = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        apart += (y[i] - z[i]) * (y[i] - z[i]);
        norm += z[i] * z[i];
    }
    return sqrt(apart / norm);
}

typedef struct product {
    cairn_quantized_weight d;
    int64_t m, bytes;
    float *w, *x, *bias, *y;
    void *packed, *workspace;
} product;

static product make(cairn_quantized_weight d, int64_t m)
{
    product p = {.d = d, .m = m};
    p.w = normals(d.n * d.k);       /* statements: an initialiser's order, and with it the data, would be the compiler's choice */
    p.x = normals(m * d.k);
    p.bias = normals(d.n);
    p.y = normals(m * d.n);
    p.packed = test_array(CAIRN_U8, cairn_quantized_weight_bytes(&d));
    p.bytes = cairn_quantized_matmul_workspace_bytes(&d, m);
    p.workspace = test_array(CAIRN_U8, p.bytes);
    assert_int_equal(cairn_quantized_weight_pack(&d, p.w, d.k, p.packed), CAIRN_OK);
    return p;
}

static void drop(product *p) { free(p->w), free(p->x), free(p->bias), free(p->y), free(p->packed), free(p->workspace); }

static void run(const product *p)
{
    assert_int_equal(cairn_quantized_matmul(&p->d, p->m, p->x, p->d.k, p->packed, p->bias, p->y, p->d.n, p->workspace, p->bytes), CAIRN_OK);
}

/* The bounds that the header states. They are about the mean: hundreds of outputs, of which a draw of the data changes little. */
static void products_are_as_near_as_stated_on_every_set(void **state)
{
    (void)state;
    static const cairn_quantized_weight shapes[] = {
        {CAIRN_BLOCK_INT8, 100, 300, 0}, {CAIRN_BLOCK_INT4, 100, 300, 0}, {CAIRN_BLOCK_INT8, 17, 129, 128}, {CAIRN_BLOCK_INT4, 99, 256, 64},
        {CAIRN_BLOCK_INT4, 1, 32, 128}, {CAIRN_BLOCK_INT8, 40, 1000, 1024},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        product p = make(shapes[i], 1 + 600 / shapes[i].n + (int64_t)i % 3);
        const int64_t n = p.d.n, depth = p.d.k;
        double *z = calloc((size_t)(p.m * n), sizeof *z), *kept = calloc((size_t)(p.m * n), sizeof *kept);
        float *w = normals(n * depth);
        assert_int_equal(cairn_quantized_weight_unpack(&p.d, p.packed, w, depth), CAIRN_OK);
        for (int64_t r = 0; r < p.m; r++)
            for (int64_t j = 0; j < n; j++) {
                z[r * n + j] = kept[r * n + j] = p.bias[j];
                for (int64_t k = 0; k < depth; k++) {
                    z[r * n + j] += (double)p.x[r * depth + k] * p.w[j * depth + k];
                    kept[r * n + j] += (double)p.x[r * depth + k] * w[j * depth + k];
                }
            }
        FOR_EACH_ISA(isa) {
            run(&p);
            const bool wide = p.d.type == CAIRN_BLOCK_INT8;
            assert_true(distance(p.y, z, p.m * n) < (wide ? 0.013 : p.d.block > 64 ? 0.2 : 0.12));
            assert_true(distance(p.y, kept, p.m * n) < 0.008);      /* what x's rounding does */
        }
        free(z), free(kept), free(w);
        drop(&p);
    }
}

static void bits_are_the_same_for_any_number_of_threads_and_rows(void **state)
{
    (void)state;
    const int before = cairn_threads();
    for (int type = 0; type < 2; type++) {
        product p = make((cairn_quantized_weight){type ? CAIRN_BLOCK_INT4 : CAIRN_BLOCK_INT8, 3000, 200, 64}, 7);
        run(&p);
        float *y = test_copy(p.y, CAIRN_F32, p.m * p.d.n);
        assert_int_equal(cairn_set_threads(5), CAIRN_OK);
        run(&p);
        assert_memory_equal(y, p.y, (size_t)(p.m * p.d.n) * 4);
        assert_int_equal(cairn_set_threads(before), CAIRN_OK);
        for (int64_t i = 0; i < p.m; i++) {
            assert_int_equal(cairn_quantized_matmul(&p.d, 1, p.x + i * p.d.k, p.d.k, p.packed, p.bias, p.y, p.d.n, p.workspace, p.bytes),
                             CAIRN_OK);
            assert_memory_equal(y + i * p.d.n, p.y, (size_t)p.d.n * 4);
        }
        free(y);
        drop(&p);
    }
}

static void a_row_with_nan_or_infinity_gives_nan_and_no_other(void **state)
{
    (void)state;
    product p = make((cairn_quantized_weight){CAIRN_BLOCK_INT4, 20, 70, 32}, 3);
    p.x[1 * 70 + 69] = INFINITY;
    p.x[2 * 70] = NAN;
    run(&p);
    for (int64_t i = 0; i < 60; i++)
        assert_int_equal(isnan(p.y[i]) != 0, i >= 20);
    drop(&p);
}

static void blocks_come_back_within_half_a_step(void **state)
{
    (void)state;
    for (int type = 0; type < 4; type++)
        for (int64_t block = 0; block <= 32; block += 32) {
            const cairn_block_format f = {(cairn_block_type)type, 5, 77, block};
            float *x = normals(f.rows * f.columns), *y = normals(f.rows * f.columns);
            for (int i = 0; i < 77; i++)
                x[2 * 77 + i] = 0;
            void *elements = test_array(CAIRN_U8, cairn_block_element_bytes(&f)), *scales = test_array(CAIRN_U8, cairn_block_scale_bytes(&f));
            assert_int_equal(cairn_quantize(&f, x, elements, scales), CAIRN_OK);
            assert_int_equal(cairn_dequantize(&f, elements, scales, y), CAIRN_OK);
            for (int64_t i = 0; i < f.rows * f.columns; i++) {
                float most = 0;
                const int64_t wide = block || type >= 2 ? 32 : 77, first = i / 77 * 77 + i % 77 / wide * wide;
                for (int64_t j = first; j < first + wide && j < i / 77 * 77 + 77; j++)
                    most = fmaxf(most, fabsf(x[j]));
                const float step = type == 0 ? most / 127 / 2 : type == 1 ? most / 7 / 2 : most / 8;             /* of MX: what saturates, 448 of 512 */
                if (!(fabsf(x[i] - y[i]) <= step * 1.0001f))
                    fail_msg("type %d, block %d: %g came back as %g of %g", type, (int)block, x[i], y[i], most);
            }
            free(x), free(y), free(elements), free(scales);
        }
}

static void fp8_rounds_to_the_nearest(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        uint8_t (*to)(float) = type ? cairn_f32_to_e5m2 : cairn_f32_to_e4m3;
        float (*from)(uint8_t) = type ? cairn_e5m2_to_f32 : cairn_e4m3_to_f32;
        const int top = type ? 0x7b : 0x7e;
        for (int i = 0; i <= top; i++) {
            assert_int_equal(to(from((uint8_t)i)), i);
            assert_int_equal(to(-from((uint8_t)i)), i | 0x80);
            if (i < top) {
                const float low = from((uint8_t)i), high = from((uint8_t)(i + 1)), middle = low / 2 + high / 2;
                assert_true(low < high);
                assert_int_equal(to(middle), i % 2 ? i + 1 : i);           /* to even */
                assert_int_equal(to(nextafterf(middle, 0)), i);
                assert_int_equal(to(nextafterf(middle, INFINITY)), i + 1);
            }
        }
        assert_int_equal(to(1e30f), top);
        assert_true(isnan(from(to(NAN))));
    }
    assert_float_equal(cairn_e4m3_to_f32(0x7e), 448, 0);
    assert_float_equal(cairn_e5m2_to_f32(0x7b), 57344, 0);
    assert_true(cairn_e5m2_to_f32(cairn_f32_to_e5m2(-INFINITY)) == -INFINITY);
    assert_true(isnan(cairn_e4m3_to_f32(cairn_f32_to_e4m3(INFINITY))));
}

static void bad_arguments_say_why(void **state)
{
    (void)state;
    float x[64] = {1}, y[64];
    uint8_t elements[64], scales[64], before[64];
    memset(elements, 7, 64);
    memcpy(before, elements, 64);
    const cairn_block_format bad[] = {{(cairn_block_type)9, 1, 4, 0}, {CAIRN_BLOCK_INT8, -1, 4, 0}, {CAIRN_BLOCK_INT4, 1, 4, -2},
                                      {CAIRN_BLOCK_MXFP8_E4M3, 1, 64, 16}, {CAIRN_BLOCK_INT8, INT64_MAX, INT64_MAX, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cairn_error_clear();
        assert_int_not_equal(cairn_quantize(&bad[i], x, elements, scales), CAIRN_OK);
        assert_int_equal(cairn_block_element_bytes(&bad[i]), -1);
        assert_non_null(strstr(cairn_error_message(), "quantize: "));
    }
    cairn_error_clear();
    const cairn_block_format good = {CAIRN_BLOCK_INT8, 2, 32, 0};
    assert_int_equal(cairn_quantize(&good, NULL, elements, scales), CAIRN_E_ARGUMENT);
    x[40] = INFINITY;
    assert_int_equal(cairn_quantize(&good, x, elements, scales), CAIRN_E_RANGE);
    assert_memory_equal(elements, before, 64);
    const cairn_quantized_weight weights[] = {{CAIRN_BLOCK_MXFP8_E4M3, 2, 32, 0}, {CAIRN_BLOCK_INT8, 2, 32, 33}, {CAIRN_BLOCK_INT8, -2, 32, 0},
                                              {CAIRN_BLOCK_INT4, 2, 0, 0}, {CAIRN_BLOCK_INT4, INT64_MAX / 2, INT64_MAX / 2, 0}};
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        cairn_error_clear();
        assert_int_equal(cairn_quantized_weight_bytes(&weights[i]), 0);
        assert_non_null(strstr(cairn_error_message(), "quantized weight: "));
    }
    cairn_error_clear();
    const cairn_quantized_weight d = {CAIRN_BLOCK_INT8, 2, 32, 0};
    assert_int_equal(cairn_quantized_weight_pack(&d, x, 32, elements), CAIRN_E_RANGE);
    assert_int_equal(cairn_quantized_weight_pack(&d, x, 31, elements), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_quantized_matmul(&d, 1, x, 32, elements, NULL, y, 2, NULL, 0), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_quantized_matmul(&d, -1, x, 32, elements, NULL, y, 2, NULL, 0), CAIRN_E_SHAPE);
    cairn_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_equal_the_oracle_on_every_set),
        cmocka_unit_test(products_are_as_near_as_stated_on_every_set),
        cmocka_unit_test(bits_are_the_same_for_any_number_of_threads_and_rows),
        cmocka_unit_test(a_row_with_nan_or_infinity_gives_nan_and_no_other),
        cmocka_unit_test(blocks_come_back_within_half_a_step),
        cmocka_unit_test(fp8_rounds_to_the_nearest),
        cmocka_unit_test(bad_arguments_say_why),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
