/* Matrix products with what is fused into them: types of C, integers, scales, bias, activations and their gradients, packed B, lists, groups,
 * precision. Each against the scalar oracle, on every instruction set and unit; the tiles of AMX in plain C. */
#include "primitives_test.h"

#include "primitives/gemm/half.h"
#include "primitives/gemm/ref.h"

/* The tile kernels over plain-C tiles: gemm_bf16_plain ... */
#define ISA_SUFFIX plain
#include "primitives/isa/gemm_amx.c"

/* ---- Cases --------------------------------------------------------------------------------------*/

static double load_any(const void *x, cairn_dtype type, int64_t i)
{
    switch (type) {
    case CAIRN_I8: return ((const int8_t *)x)[i];
    case CAIRN_U8: return ((const uint8_t *)x)[i];
    case CAIRN_I32: return ((const int32_t *)x)[i];
    case CAIRN_F16: return f16_to_f32(((const uint16_t *)x)[i]);
    case CAIRN_BF16: return bf16_to_f32(((const uint16_t *)x)[i]);
    default: return get(x, type, i);
    }
}

static void *any_array(cairn_dtype type, int64_t n)
{
    void *x = test_array(type, n + 1);
    for (int64_t i = 0; i < n; i++)
        switch (type) {
        case CAIRN_I8: ((int8_t *)x)[i] = (int8_t)test_between(-128, 127); break;
        case CAIRN_U8: ((uint8_t *)x)[i] = (uint8_t)test_between(0, 255); break;
        case CAIRN_I32: ((int32_t *)x)[i] = (int32_t)test_between(-1000, 1000); break;
        case CAIRN_F16: ((uint16_t *)x)[i] = f32_to_f16((float)test_uniform()); break;
        case CAIRN_BF16: ((uint16_t *)x)[i] = f32_to_bf16((float)test_uniform()); break;
        default: set(x, type, i, test_uniform());
        }
    return x;
}

typedef struct types { cairn_dtype a, b, c; } types;
static const types all_types[] = {
    {CAIRN_F32, CAIRN_F32, CAIRN_F32}, {CAIRN_F64, CAIRN_F64, CAIRN_F64},  {CAIRN_BF16, CAIRN_BF16, CAIRN_BF16},
    {CAIRN_F16, CAIRN_F16, CAIRN_F16}, {CAIRN_BF16, CAIRN_BF16, CAIRN_F32}, {CAIRN_F16, CAIRN_F16, CAIRN_F32},
    {CAIRN_F32, CAIRN_F32, CAIRN_BF16}, {CAIRN_F32, CAIRN_F32, CAIRN_F16},  {CAIRN_U8, CAIRN_I8, CAIRN_I32},
    {CAIRN_I8, CAIRN_I8, CAIRN_I32},   {CAIRN_U8, CAIRN_U8, CAIRN_I32},    {CAIRN_I8, CAIRN_U8, CAIRN_I32},
    {CAIRN_U8, CAIRN_I8, CAIRN_F32},   {CAIRN_I8, CAIRN_I8, CAIRN_BF16},
};
enum { TYPES = sizeof all_types / sizeof *all_types };

typedef struct product {
    cairn_gemm g;
    types t;
    int64_t c_size;
    void *bias, *row_bias, *residual, *saved, *row_scale, *column_scale;
} product;

/* layout: bit 0 A transposed, bit 1 B transposed. */
static product make(types t, int64_t batch, int64_t m, int64_t n, int64_t k, int layout)
{
    product p = {.t = t, .g = {.type = t.a, .b_type = t.b, .c_type = t.c, .batch = batch, .m = m, .n = n, .k = k, .alpha = 1}};
    cairn_gemm *g = &p.g;
    g->a_row = layout & 1 ? 1 : k + 1, g->a_col = layout & 1 ? m + 1 : 1, g->a_batch = (m + 1) * (k + 1);
    g->b_row = layout & 2 ? 1 : n + 1, g->b_col = layout & 2 ? k + 1 : 1, g->b_batch = (n + 1) * (k + 1);
    g->c_row = n + 2, g->c_batch = m * g->c_row;
    const int64_t matrices = batch ? batch : 1;
    p.c_size = matrices * g->c_batch;
    g->a = any_array(t.a, matrices * g->a_batch);
    g->b = any_array(t.b, matrices * g->b_batch);
    g->c = any_array(t.c, p.c_size);
    p.bias = any_array(t.c, n), p.row_bias = any_array(t.c, m);
    p.residual = any_array(t.c, p.c_size), p.saved = any_array(t.c, p.c_size);
    p.row_scale = any_array(CAIRN_F32, m), p.column_scale = any_array(CAIRN_F32, n);
    return p;
}

static void drop(product *p)
{
    free((void *)p->g.a), free((void *)p->g.b), free(p->g.c), free(p->bias), free(p->row_bias), free(p->residual), free(p->saved);
    free(p->row_scale), free(p->column_scale);
}

/* In a workspace of just the bytes asked for, between guards. */
static cairn_status run(const cairn_gemm *g)
{
    enum { GUARD = 64 };
    const int64_t bytes = cairn_gemm_workspace_bytes(g);
    unsigned char *memory = malloc((size_t)bytes + 2 * GUARD);
    memset(memory, 0xff, (size_t)bytes + 2 * GUARD);
    const cairn_status status = cairn_gemm_run(g, memory + GUARD, bytes);
    for (int i = 0; i < GUARD; i++)
        assert_true(memory[i] == 0xff && memory[GUARD + bytes + i] == 0xff);
    free(memory);
    return status;
}

static double type_epsilon(cairn_dtype type) { return type == CAIRN_I32 ? 0 : test_epsilon(type); }

/* Within one rounding to C's type of what f32 (f64) sums give. */
static void check_against_oracle(product *p, double slack, const char *what)
{
    cairn_gemm reference = p->g;
    const double scale = p->t.a == CAIRN_I8 || p->t.a == CAIRN_U8 ? 128 * 128 : 1;
    void *c = test_copy(p->g.c, p->t.c, p->c_size), *saved = test_copy(p->saved, p->t.c, p->c_size);
    reference.c = c;
    reference.saved = p->g.saved ? saved : NULL;
    ref_gemm(&reference);
    assert_int_equal(run(&p->g), CAIRN_OK);
    for (int64_t i = 0; i < p->c_size; i++) {
        const double x = load_any(p->g.c, p->t.c, i), y = load_any(c, p->t.c, i);
        const double sums = (p->t.c == CAIRN_F64 ? 0x1p-53 : 0x1p-24) * (double)(p->g.k + 8) * 4 * scale;
        const double tolerance = p->t.c == CAIRN_I32 ? 0 : slack + sums + 2.1 * type_epsilon(p->t.c) * fabs(y);
        if (!(fabs(x - y) <= tolerance))
            fail_msg("%s %s: %s x %s -> %s %lldx%lldx%lld: element %lld is %.9g, not %.9g", cairn_isa(), what, cairn_dtype_name(p->t.a),
                     cairn_dtype_name(p->t.b), cairn_dtype_name(p->t.c), (long long)p->g.m, (long long)p->g.n, (long long)p->g.k, (long long)i,
                     x, y);
        if (p->g.saved)
            assert_true(fabs(load_any(p->saved, p->t.c, i) - load_any(saved, p->t.c, i)) <=
                        slack + sums + 2.1 * type_epsilon(p->t.c) * fabs(load_any(saved, p->t.c, i)));
    }
    free(c), free(saved);
}

static const int64_t sizes[][3] = {{1, 1, 1}, {1, 40, 37}, {5, 33, 18}, {17, 70, 65}, {40, 35, 259}, {33, 32, 520}, {70, 130, 33}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void check_types_and_sizes(void)
{
    for (int t = 0; t < TYPES; t++)
        for (int s = 0; s < SIZES; s++)
            for (int layout = 0; layout < 4; layout++) {
                product p = make(all_types[t], s % 3 == 2 ? 2 : 0, sizes[s][0], sizes[s][1], sizes[s][2], layout);
                p.g.beta = layout == 1;
                check_against_oracle(&p, 0, "plain");
                drop(&p);
            }
}

static void all_types_equal_the_oracle_on_every_set_and_unit(void **state)
{
    (void)state;
    FOR_EACH_ISA_AND_UNIT(isa)
        check_types_and_sizes();
}

static void check_fused(types t, int64_t m, int64_t n, int64_t k, cairn_fused_activation activation, int what)
{
    product p = make(t, what & 1 ? 3 : 0, m, n, k, what & 3);
    p.g.fused = (cairn_fused){.activation = activation, .slope = 0.125, .bias = what & 4 ? p.bias : NULL, .residual = what & 8 ? p.residual : NULL,
                              .scale = what & 2048 ? p.bias : NULL};
    p.g.row_bias = what & 16 ? p.row_bias : NULL;
    p.g.row_scale = what & 32 ? p.row_scale : NULL;
    p.g.column_scale = what & 64 ? p.column_scale : NULL;
    p.g.saved = what & 128 ? p.saved : NULL;
    p.g.gradient = what & 128 && what & 256;
    p.g.alpha = what & 512 ? 0.5 : 1;
    p.g.beta = what & 1024 ? -0.75 : 0;
    check_against_oracle(&p, (t.c == CAIRN_F64 ? 1e-8 : 1e-5) * sqrt((double)k + 1), "fused");
    drop(&p);
}

static void everything_fused_equals_the_oracle(void **state)
{
    (void)state;
    static const int float_types[] = {0, 1, 2, 3, 4, 6};
    FOR_EACH_ISA_AND_UNIT(isa)
        for (int i = 0; i < 250; i++) {
            const types t = all_types[float_types[test_random() % 6]];
            int64_t m = test_between(1, 40), n = test_between(1, 70), k = test_between(0, 50);
            if (i % 40 == 0)
                m = 150, n = 1200, k = 30;
            check_fused(t, m, n, k, (cairn_fused_activation)(i % CAIRN_FUSED_ACTIVATIONS), (int)(test_random() % 4096));
        }
}

/* ---- The tiles of AMX, in plain C -----------------------------------------------------------------------*/

/* The best set with the tile kernels laid over it. */
static kernel_table with_tiles(void)
{
    kernel_table t = *kernels();
    t.gemm_bf16 = &gemm_bf16_plain;
    t.gemm_split3 = &gemm_split3_plain;
    t.gemm_split6 = &gemm_split6_plain;
    t.gemm_u8i8 = &gemm_u8i8_plain;
    t.gemm_i8i8 = &gemm_i8i8_plain;
    t.gemm_i8u8 = &gemm_i8u8_plain;
    t.gemm_u8u8 = &gemm_u8u8_plain;
    return t;
}

static void tile_kernels_equal_the_oracle(void **state)
{
    (void)state;
    const kernel_table table = with_tiles();
    kernels_use(&table);
    check_types_and_sizes();
    check_fused(all_types[0], 137, 145, 70, CAIRN_FUSED_GELU, 4 | 128);
    static const int64_t split[][3] = {{97, 96, 1}, {131, 97, 65}, {65, 200, 31}, {256, 96, 530}, {600, 100, 40}};
    for (int s = 0; s < 5; s++)
        for (int layout = 0; layout < 4; layout++) {
            product p = make(all_types[0], s == 1 ? 2 : 0, split[s][0], split[s][1], split[s][2], layout);
            p.g.beta = layout & 1;
            p.g.alpha = s == 2 ? 0.5 : 1;
            check_against_oracle(&p, 0, "split");
            drop(&p);
        }
    kernels_select(cpu()->isa);
}

/* Largest error of a product against f64, in units of 2^-24 sum |a| |b|. */
static double worst_error(product *p)
{
    double worst = 0;
    assert_int_equal(run(&p->g), CAIRN_OK);
    for (int64_t i = 0; i < p->g.m; i++)
        for (int64_t j = 0; j < p->g.n; j++) {
            double sum = 0, size = 0;
            for (int64_t q = 0; q < p->g.k; q++) {
                const double x = load_any(p->g.a, p->t.a, i * p->g.a_row + q * p->g.a_col), y = load_any(p->g.b, p->t.b, q * p->g.b_row + j * p->g.b_col);
                sum += x * y, size += fabs(x * y);
            }
            worst = fmax(worst, fabs(load_any(p->g.c, p->t.c, i * p->g.c_row + j) - sum) / (0x1p-24 * size));
        }
    return worst;
}

/* What a plain chain of FMAs makes of it. */
static double chain_error(const product *p)
{
    double worst = 0;
    for (int64_t i = 0; i < p->g.m; i++)
        for (int64_t j = 0; j < p->g.n; j++) {
            double sum = 0, size = 0;
            float chain = 0;
            for (int64_t q = 0; q < p->g.k; q++) {
                const float x = ((const float *)p->g.a)[i * p->g.a_row + q * p->g.a_col], y = ((const float *)p->g.b)[q * p->g.b_row + j * p->g.b_col];
                chain = fmaf(x, y, chain);
                sum += (double)x * y, size += fabs((double)x * y);
            }
            worst = fmax(worst, fabs(chain - sum) / (0x1p-24 * size));
        }
    return worst;
}

static void f32_errs_at_most_four_times_as_a_chain_of_fmas(void **state)
{
    (void)state;
    for (int s = 0; s < 3; s++) {
        product p = make(all_types[0], 0, 96, 100, s == 0 ? 16 : s == 1 ? 300 : 3000, s);
        const double chain = chain_error(&p);
        FOR_EACH_ISA(isa)
            assert_true(worst_error(&p) <= 4 * chain);
        const kernel_table table = with_tiles();
        kernels_use(&table);
        assert_true(worst_error(&p) <= 4 * chain);
        cairn_set_matmul_precision(CAIRN_PRECISION_HIGH);
        assert_true(worst_error(&p) <= 0x1p-14 / 0x1p-24);
        cairn_set_matmul_precision(CAIRN_PRECISION_MEDIUM);
        const double medium = worst_error(&p);
        assert_true(medium <= 0x1p-7 / 0x1p-24 && medium > 4 * chain);
        cairn_set_matmul_precision(CAIRN_PRECISION_HIGHEST);
        kernels_select(cpu()->isa);
        drop(&p);
    }
}

static void split_products_keep_infinities_nan_and_large_numbers(void **state)
{
    (void)state;
    const kernel_table table = with_tiles();
    kernels_use(&table);
    product p = make(all_types[0], 0, 97, 100, 40, 0);
    float *a = (float *)p.g.a, *b = (float *)p.g.b;
    for (int64_t j = 0; j < 100; j++)
        b[3 * p.g.b_row + j] = 1;            /* its lesser parts are 0 */
    a[0 * p.g.a_row + 3] = INFINITY;
    a[1 * p.g.a_row + 3] = NAN;
    a[2 * p.g.a_row + 3] = 0x1.fffffep127f;  /* rounds to infinity in bf16 */
    void *packed = aligned_alloc(64, (size_t)(cairn_gemm_pack_bytes(&p.g) + 63) / 64 * 64);
    assert_int_equal(cairn_gemm_pack(&p.g, packed), CAIRN_OK);
    for (int kept = 0; kept < 2; kept++) {
        p.g.packed_b = kept ? packed : NULL;
        assert_int_equal(run(&p.g), CAIRN_OK);
        for (int64_t j = 0; j < 100; j++) {
            const float *c = (const float *)p.g.c + j;
            assert_true(c[0] == INFINITY && isnan(c[p.g.c_row]) && isfinite(c[3 * p.g.c_row]));
            assert_true(c[2 * p.g.c_row] > 0x1.fffff0p127f && isfinite(c[2 * p.g.c_row]));
        }
    }
    free(packed);
    drop(&p);
    kernels_select(cpu()->isa);
}

/* ---- Packed B, lists, groups ----------------------------------------------------------------------------*/

static void check_packed(types t, int64_t least, int64_t most, int64_t n, int64_t k, int layout)
{
    product p = make(t, 0, most, n, k, layout);
    const int64_t bytes = cairn_gemm_pack_bytes(&p.g), elements = p.c_size;
    unsigned char *packed = aligned_alloc(64, (size_t)(bytes / 64 + 2) * 64);
    memset(packed, 0xee, (size_t)(bytes / 64 + 2) * 64);
    assert_int_equal(cairn_gemm_pack(&p.g, packed), CAIRN_OK);
    for (int i = 0; i < 64; i++)
        assert_int_equal(packed[bytes + i], 0xee);
    for (int64_t m = least; m <= most; m += 23) {
        p.g.m = m;
        assert_int_equal(run(&p.g), CAIRN_OK);
        void *plain = test_copy(p.g.c, t.c, elements);
        cairn_gemm kept = p.g;
        kept.packed_b = packed;
        kept.b = NULL;
        memset(p.g.c, 0x11, (size_t)(elements * cairn_dtype_bytes(t.c)));
        assert_int_equal(run(&kept), CAIRN_OK);
        for (int64_t i = 0; i < m; i++)
            assert_memory_equal((char *)plain + i * p.g.c_row * cairn_dtype_bytes(t.c), (char *)p.g.c + i * p.g.c_row * cairn_dtype_bytes(t.c),
                                (size_t)(n * cairn_dtype_bytes(t.c)));
        free(plain);
    }
    free(packed);
    drop(&p);
}

static void packed_weights_give_the_same_bits(void **state)
{
    (void)state;
    FOR_EACH_ISA_AND_UNIT(isa)
        for (int t = 0; t < TYPES; t++) {
            check_packed(all_types[t], 1, 70, 45, 20, t % 4);
            check_packed(all_types[t], 1, 70, 130, 405, t % 4);
        }
    const kernel_table table = with_tiles();
    kernels_use(&table);
    check_packed(all_types[0], 1, 70, 45, 20, 0);
    check_packed(all_types[0], 104, 150, 130, 405, 1); /* split */
    check_packed(all_types[2], 1, 70, 70, 530, 2);
    kernels_select(cpu()->isa);
}

static void packed_weights_of_another_shape_are_refused(void **state)
{
    (void)state;
    product p = make(all_types[0], 0, 4, 20, 30, 0);
    void *packed = aligned_alloc(64, (size_t)(cairn_gemm_pack_bytes(&p.g) / 64 + 1) * 64);
    assert_int_equal(cairn_gemm_pack(&p.g, packed), CAIRN_OK);
    p.g.packed_b = packed;
    p.g.n = 19;
    assert_int_equal(run(&p.g), CAIRN_E_ARGUMENT);
    assert_non_null(strstr(cairn_error_message(), "packed_b is not a 30 x 19 f32 B"));
    cairn_error_clear();
    assert_int_equal(cairn_gemm_pack(&p.g, NULL), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    free(packed);
    drop(&p);
}

static void lists_of_pointers_equal_strides(void **state)
{
    (void)state;
    for (int64_t m = 3; m < 300; m += 250) {
        product p = make(all_types[0], 3, m, 200, 150, 0);
        const void *a[3], *b[3];
        void *c[3];
        for (int i = 0; i < 3; i++) {
            a[i] = (const float *)p.g.a + (2 - i) * p.g.a_batch;
            b[i] = (const float *)p.g.b + (2 - i) * p.g.b_batch;
            c[i] = (float *)p.g.c + (2 - i) * p.g.c_batch;
        }
        assert_int_equal(run(&p.g), CAIRN_OK);
        void *strided = test_copy(p.g.c, CAIRN_F32, p.c_size);
        cairn_gemm listed = p.g;
        listed.a_list = a, listed.b_list = b, listed.c_list = c;
        listed.a = listed.b = listed.c = NULL;
        memset(p.g.c, 0, (size_t)p.c_size * 4);
        assert_int_equal(run(&listed), CAIRN_OK);
        for (int64_t i = 0; i < 3 * m; i++)
            assert_memory_equal((float *)strided + i * p.g.c_row, (float *)p.g.c + i * p.g.c_row, 200 * 4);
        b[1] = NULL;
        assert_int_equal(run(&listed), CAIRN_E_ARGUMENT);
        cairn_error_clear();
        free(strided);
        drop(&p);
    }
}

static void groups_equal_their_products_one_by_one(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        product p[4];
        cairn_gemm groups[4];
        void *alone[4];
        for (int i = 0; i < 4; i++) {
            p[i] = make(all_types[i % 3], i, large ? 260 : 3 + 5 * i, large ? 280 : 40, 20 + 90 * i, i);
            assert_int_equal(run(&p[i].g), CAIRN_OK);
            alone[i] = test_copy(p[i].g.c, p[i].t.c, p[i].c_size);
            memset(p[i].g.c, 0, (size_t)(p[i].c_size * cairn_dtype_bytes(p[i].t.c)));
            groups[i] = p[i].g;
        }
        const int64_t bytes = cairn_gemm_group_workspace_bytes(groups, 4);
        char *workspace = malloc((size_t)bytes + 1);
        assert_int_equal(cairn_gemm_group_run(groups, 4, workspace, bytes), CAIRN_OK);
        for (int i = 0; i < 4; i++)
            for (int64_t row = 0; row < (i ? i : 1) * p[i].g.m; row++) {
                const int size = cairn_dtype_bytes(p[i].t.c);
                assert_memory_equal((char *)alone[i] + row * p[i].g.c_row * size, (char *)p[i].g.c + row * p[i].g.c_row * size, (size_t)(p[i].g.n * size));
            }
        groups[2].k = -1;
        assert_int_equal(cairn_gemm_group_run(groups, 4, workspace, bytes), CAIRN_E_SHAPE);
        cairn_error_clear();
        assert_int_equal(cairn_gemm_group_run(NULL, 1, workspace, bytes), CAIRN_E_ARGUMENT);
        cairn_error_clear();
        for (int i = 0; i < 4; i++)
            free(alone[i]), drop(&p[i]);
        free(workspace);
    }
}

/* ---- Errors ---------------------------------------------------------------------------------------------*/

static void mixes_that_do_not_exist_say_so(void **state)
{
    (void)state;
    product p = make(all_types[8], 0, 5, 6, 7, 0);
    struct { cairn_gemm g; cairn_status status; const char *message; } cases[] = {
        {p.g, CAIRN_E_UNSUPPORTED, "alpha"},   {p.g, CAIRN_E_UNSUPPORTED, "fused"},     {p.g, CAIRN_E_TYPE, "u8 times f32"},
        {p.g, CAIRN_E_TYPE, "C of f64"},       {p.g, CAIRN_E_ARGUMENT, "saved"},        {p.g, CAIRN_E_ARGUMENT, "no such activation"},
        {p.g, CAIRN_E_TYPE, "bf16 times f16"},
    };
    cases[0].g.alpha = 2;
    cases[1].g.fused.bias = p.bias;
    cases[2].g.b_type = CAIRN_F32;
    cases[3].g.c_type = CAIRN_F64;
    cases[4].g.c_type = CAIRN_F32, cases[4].g.gradient = true;
    cases[5].g.c_type = CAIRN_F32, cases[5].g.fused.activation = (cairn_fused_activation)99;
    cases[6].g.type = CAIRN_BF16, cases[6].g.b_type = CAIRN_F16, cases[6].g.c_type = CAIRN_F32;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cairn_gemm_run(&cases[i].g, NULL, 0), cases[i].status);
        assert_non_null(strstr(cairn_error_message(), cases[i].message));
        cairn_error_clear();
    }
    assert_int_equal(cairn_set_matmul_precision((cairn_precision)7), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_matmul_precision(), CAIRN_PRECISION_HIGHEST);
    cairn_error_clear();
    drop(&p);
}

/* Fields at random, valid and not, over memory that covers the modest ones: a status, never a crash. */
static void fuzzed_descriptors_never_crash(void **state)
{
    (void)state;
    enum { BYTES = 1 << 16 };
    char *a = calloc(1, BYTES), *b = calloc(1, BYTES), *c = calloc(1, BYTES), *workspace = malloc(1 << 20);
    static const int64_t odd[] = {INT64_MAX, INT64_MIN, 1ll << 62, 1ll << 59, -1, 0}; /* -1 and 0 for sizes only: as strides they are right */
    int ran = 0;
    for (int i = 0; i < 20000; i++) {
        cairn_gemm g = {.type = (cairn_dtype)test_between(0, CAIRN_DTYPE_COUNT), .b_type = (cairn_dtype)(i % 7 ? 0 : test_between(0, CAIRN_DTYPE_COUNT)),
                        .c_type = (cairn_dtype)(i % 5 ? 0 : test_between(0, CAIRN_DTYPE_COUNT)), .a = a, .b = b, .c = c, .alpha = 1};
        int64_t *fields[] = {&g.batch, &g.m, &g.n, &g.k, &g.a_batch, &g.a_row, &g.a_col, &g.b_batch, &g.b_row, &g.b_col, &g.c_batch, &g.c_row};
        for (int f = 0; f < 12; f++)
            *fields[f] = test_between(0, f < 4 ? 7 : 40);
        g.batch %= 3;
        if (i % 3 == 0)
            *fields[i % 12] = odd[test_between(0, i % 12 < 4 ? 5 : 3)];
        if (i % 11 == 0)
            g.fused.activation = (cairn_fused_activation)test_between(-1, 12);
        if (i % 13 == 0)
            g.c = test_random() % 2 ? NULL : (void *)g.a;
        g.beta = test_random() % 2;
        const int64_t bytes = cairn_gemm_workspace_bytes(&g);
        if (bytes <= 1 << 20)
            ran += cairn_gemm_run(&g, workspace, bytes) == CAIRN_OK;
        cairn_error_clear();
    }
    assert_true(ran > 500);
    free(a), free(b), free(c), free(workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types_equal_the_oracle_on_every_set_and_unit),
        cmocka_unit_test(everything_fused_equals_the_oracle),
        cmocka_unit_test(tile_kernels_equal_the_oracle),
        cmocka_unit_test(f32_errs_at_most_four_times_as_a_chain_of_fmas),
        cmocka_unit_test(split_products_keep_infinities_nan_and_large_numbers),
        cmocka_unit_test(packed_weights_give_the_same_bits),
        cmocka_unit_test(packed_weights_of_another_shape_are_refused),
        cmocka_unit_test(lists_of_pointers_equal_strides),
        cmocka_unit_test(groups_equal_their_products_one_by_one),
        cmocka_unit_test(mixes_that_do_not_exist_say_so),
        cmocka_unit_test(fuzzed_descriptors_never_crash),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
