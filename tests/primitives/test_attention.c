/* Attention and its gradient against the oracle, on every instruction set. */
#include "primitives_test.h"

#include "primitives/attention/ref.h"
#include "primitives/gemm/half.h"
#include "primitives/slots.h"

/* ---- Tensors in any type, with guards behind them -------------------------------------------------*/

enum { GUARD = 64 };

static double get_any(const void *x, cairn_dtype type, int64_t i)
{
    return type == CAIRN_F16    ? f16_to_f32(((const uint16_t *)x)[i])
           : type == CAIRN_BF16 ? bf16_to_f32(((const uint16_t *)x)[i])
                                : get(x, type, i);
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

static void *filled(cairn_dtype type, int64_t n)
{
    void *x = test_array(type, n + GUARD);
    for (int64_t i = 0; i < n + GUARD; i++)
        set_any(x, type, i, 2 * test_uniform());
    return x;
}

static void close_to(const void *x, const void *y, cairn_dtype type, int64_t n, double tolerance, const char *what)
{
    for (int64_t i = 0; i < n + GUARD; i++) {
        const double a = get_any(x, type, i), b = get_any(y, type, i);
        if (!(fabs(a - b) <= (i < n ? tolerance : 0)) && !(a == b) && !(isnan(a) && isnan(b)))
            fail_msg("%s: element %lld of %lld is %.9g, not %.9g (tolerance %.3g)", what, (long long)i, (long long)n, a, b, tolerance);
    }
}

/* Elements that a tensor's rows span. */
static int64_t span(const cairn_attention_rows *r, int64_t batch, int64_t heads, int64_t rows, int64_t width)
{
    if (!(r->batch | r->head | r->row))
        return batch * heads * rows * width;
    return larger(batch - 1, 0) * r->batch + larger(heads - 1, 0) * r->head + larger(rows - 1, 0) * r->row + width;
}

typedef struct arrays {
    int64_t nq, nk, nv, no, sums;
    void *q, *k, *v, *o, *d_o, *lse, *dq, *dk, *dv, *o2, *lse2, *dq2, *dk2, *dv2;
} arrays;

static cairn_dtype sum_type(const cairn_attention *d) { return d->type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32; }

static arrays make(const cairn_attention *d)
{
    const int64_t kv = d->kv_heads ? d->kv_heads : d->heads, f = d->value_width ? d->value_width : d->width;
    arrays a = {.nq = span(&d->q, d->batch, d->heads, d->queries, d->width), .nk = span(&d->k, d->batch, kv, d->keys, d->width),
                .nv = span(&d->v, d->batch, kv, d->keys, f), .no = span(&d->o, d->batch, d->heads, d->queries, f),
                .sums = d->batch * d->heads * d->queries};
    a.q = filled(d->type, a.nq), a.k = filled(d->type, a.nk), a.v = filled(d->type, a.nv), a.d_o = filled(d->type, a.no);
    a.o = filled(d->type, a.no), a.lse = filled(sum_type(d), a.sums);
    a.dq = filled(d->type, a.nq), a.dk = filled(d->type, a.nk), a.dv = filled(d->type, a.nv);
    a.o2 = test_copy(a.o, d->type, a.no + GUARD), a.lse2 = test_copy(a.lse, sum_type(d), a.sums + GUARD);
    a.dq2 = test_copy(a.dq, d->type, a.nq + GUARD), a.dk2 = test_copy(a.dk, d->type, a.nk + GUARD);
    a.dv2 = test_copy(a.dv, d->type, a.nv + GUARD);
    return a;
}

static void drop(arrays *a)
{
    void *all[] = {a->q, a->k, a->v, a->o, a->d_o, a->lse, a->dq, a->dk, a->dv, a->o2, a->lse2, a->dq2, a->dk2, a->dv2};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* With exactly the workspace asked for, and a guard behind it. */
static void run(const cairn_attention *d, const arrays *a, bool gradient)
{
    const int64_t bytes = cairn_attention_workspace_bytes(d, gradient ? CAIRN_ATTENTION_GRADIENT : CAIRN_ATTENTION_FORWARD);
    char *workspace = malloc((size_t)bytes + 16);
    memset(workspace + bytes, 77, 16);
    const cairn_status s = gradient ? cairn_attention_gradient(d, a->q, a->k, a->v, a->o, a->lse, a->d_o, a->dq, a->dk, a->dv, workspace, bytes)
                                    : cairn_attention_forward(d, a->q, a->k, a->v, a->o, a->lse, workspace, bytes);
    if (s)
        fail_msg("%s", cairn_error_message());
    for (int i = 0; i < 16; i++)
        assert_int_equal(workspace[bytes + i], 77);
    free(workspace);
}

/* Sums of products of numbers below 2 in the second pass grow with the number of keys and queries. */
static void check(const cairn_attention *d)
{
    arrays a = make(d);
    const double e = test_epsilon(d->type), many = 1 + (double)larger(d->queries, d->keys), wide = (double)d->width;
    run(d, &a, false);
    assert_true(ref_attention_forward(d, a.q, a.k, a.v, a.o2, a.lse2));
    close_to(a.o, a.o2, d->type, a.no, (8 + wide) * 4 * e, "o");
    close_to(a.lse, a.lse2, sum_type(d), a.sums, (8 + wide) * 8 * test_epsilon(sum_type(d)), "logsumexp");
    run(d, &a, true);
    assert_true(ref_attention_gradient(d, a.q, a.k, a.v, a.d_o, a.dq2, a.dk2, a.dv2));
    const double tolerance = (8 + wide) * sqrt(many) * 16 * e;
    close_to(a.dv, a.dv2, d->type, a.nv, tolerance, "dv");
    close_to(a.dq, a.dq2, d->type, a.nq, tolerance * wide / 4, "dq");
    close_to(a.dk, a.dk2, d->type, a.nk, tolerance * wide / 4, "dk");
    drop(&a);
}

static const cairn_dtype types[] = {CAIRN_F32, CAIRN_F64, CAIRN_BF16, CAIRN_F16};

static void attention_equals_the_oracle_on_every_set(void **state)
{
    (void)state;
    static const cairn_attention shapes[] = {
        {.batch = 2, .heads = 3, .queries = 40, .keys = 40, .width = 8, .causal = true},
        {.batch = 1, .heads = 2, .queries = 130, .keys = 250, .width = 20, .value_width = 36},
        {.batch = 1, .heads = 4, .kv_heads = 2, .queries = 65, .keys = 130, .width = 16, .causal = true, .align_end = true},
        {.batch = 2, .heads = 1, .queries = 90, .keys = 90, .width = 5, .value_width = 3, .causal = true, .window = 17},
        {.batch = 1, .heads = 1, .queries = 70, .keys = 60, .width = 12, .window = 9, .scale = -0.5},
        {.batch = 2, .heads = 4, .kv_heads = 1, .queries = 1, .keys = 77, .width = 19, .value_width = 67, .causal = true, .align_end = true},
        {.batch = 1, .heads = 2, .queries = 3, .keys = 700, .width = 32, .value_width = 70, .causal = true, .align_end = true, .window = 600},
        {.batch = 1, .heads = 1, .queries = 1, .keys = 1, .width = 1},
        {.batch = 2, .heads = 2, .queries = 5, .keys = 0, .width = 4},
        {.batch = 0, .heads = 2, .queries = 5, .keys = 3, .width = 4},
        {.batch = 2, .heads = 2, .queries = 0, .keys = 3, .width = 4},
        {.batch = 1, .heads = 1, .queries = 50, .keys = 20, .width = 4, .causal = true, .align_end = true}, /* queries that see nothing */
    };
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int t = 0; t < 4; t++) {
                cairn_attention d = shapes[i];
                d.type = types[t];
                check(&d);
            }
}

/* q, k and v side by side, (batch, position, 3, head, width), as one product makes them; heads last in o. */
static void rows_may_lie_anywhere(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int t = 0; t < 4; t++) {
            const int64_t n = 37, heads = 3, width = 10;
            const cairn_attention_rows side = {n * 3 * heads * width, width, 3 * heads * width}, last = {n * heads * width, width, heads * width};
            const cairn_attention d = {.type = types[t], .batch = 2, .heads = heads, .queries = n, .keys = n, .width = width, .causal = true,
                                       .q = side, .k = side, .v = side, .o = last};
            check(&d);
        }
}

static void masks_and_lengths_equal_the_oracle(void **state)
{
    (void)state;
    const int64_t q_lengths[] = {33, 0, 70}, k_lengths[] = {90, 40, 1};
    uint8_t *seen = malloc(70 * 90);
    for (int i = 0; i < 70 * 90; i++)
        seen[i] = test_random() % 3 != 0;
    FOR_EACH_ISA(isa)
        for (int variant = 0; variant < 8; variant++) {
            const cairn_dtype type = types[variant % 4];
            cairn_attention d = {.type = type, .batch = 3, .heads = 2, .queries = 70, .keys = 90, .width = 6, .mask = seen,
                                 .mask_type = CAIRN_BOOL, .mask_row = 90, .mask_column = 1, .causal = variant / 4};
            check(&d);
            void *bias = filled(type, 2 * 90);
            d.mask = bias, d.mask_type = type, d.mask_row = 0, d.mask_head = 90;    /* by head and key */
            d.query_lengths = q_lengths, d.key_lengths = k_lengths, d.align_end = variant / 4;
            check(&d);
            d.queries = 2, d.query_lengths = NULL;
            check(&d);
            free(bias);
        }
    free(seen);
}

static void random_attention_equals_the_oracle(void **state)
{
    (void)state;
    const int rounds = getenv("CAIRN_LONG_TESTS") ? 200 : 20;
    FOR_EACH_ISA(isa)
        for (int i = 0; i < rounds; i++) {
            cairn_attention d = {.type = types[test_random() % 4], .batch = test_between(1, 2), .queries = test_between(1, 80),
                                 .keys = test_between(1, 150), .width = test_between(1, 40), .value_width = test_between(1, 40),
                                 .causal = test_random() % 2, .align_end = test_random() % 2, .kv_heads = test_between(1, 2)};
            d.heads = d.kv_heads * test_between(1, 3);
            d.window = test_random() % 3 ? 0 : test_between(1, 40);
            check(&d);
        }
}

static void nan_and_infinity_propagate(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int queries = 2; queries <= 40; queries += 38) {
            const cairn_attention d = {.type = CAIRN_F32, .batch = 1, .heads = 1, .queries = queries, .keys = 40, .width = 8};
            arrays a = make(&d);
            ((float *)a.q)[8 + 3] = NAN;
            run(&d, &a, false);
            for (int e = 0; e < 8; e++) {
                assert_true(isnan(((float *)a.o)[8 + e]));
                assert_false(isnan(((float *)a.o)[e]));
            }
            ((float *)a.v)[5] = INFINITY;
            run(&d, &a, false);
            assert_true(isinf(((float *)a.o)[5]));
            drop(&a);
        }
}

static void bits_are_the_same_for_any_number_of_threads_and_any_batch(void **state)
{
    (void)state;
    const int before = cairn_threads();
    cairn_attention d = {.type = CAIRN_F32, .batch = 9, .heads = 2, .queries = 150, .keys = 150, .width = 24, .causal = true};
    arrays a = make(&d), b = a;
    b.o = a.o2, b.lse = a.lse2, b.dq = a.dq2, b.dk = a.dk2, b.dv = a.dv2;
    for (int threads = 1; threads <= 5; threads += 4) {
        assert_int_equal(cairn_set_threads(threads), CAIRN_OK);
        run(&d, threads == 1 ? &a : &b, false);
        run(&d, threads == 1 ? &a : &b, true);
    }
    assert_memory_equal(a.o, b.o, (size_t)a.no * 4);
    assert_memory_equal(a.dq, b.dq, (size_t)a.nq * 4);
    assert_memory_equal(a.dk, b.dk, (size_t)a.nk * 4);
    assert_memory_equal(a.dv, b.dv, (size_t)a.nv * 4);
    d.batch = 1;
    run(&d, &b, false);
    assert_memory_equal(a.o, b.o, (size_t)a.no / 9 * 4);
    run(&d, &b, true);
    assert_memory_equal(a.dk, b.dk, (size_t)a.nk / 9 * 4);
    assert_memory_equal(a.dq, b.dq, (size_t)a.nq / 9 * 4);
    cairn_set_threads(before);
    drop(&a);
}

/* ---- Bad input ------------------------------------------------------------------------------------*/

static const cairn_attention good = {.type = CAIRN_F32, .batch = 1, .heads = 2, .queries = 6, .keys = 6, .width = 4};

static void bad_descriptors_say_why(void **state)
{
    (void)state;
    const int64_t long_one[] = {7};
    arrays a = make(&good);
    char workspace[1 << 16];
    struct { cairn_attention d; const char *why; } cases[] = {
        {good, "type"}, {good, "divide"}, {good, "range"}, {good, "overflow"}, {good, "overlap"}, {good, "7 of 6"}, {good, "mask"},
        {good, "range"}, {good, "overflow"}, {good, "scale"}};
    cases[0].d.type = CAIRN_I32;
    cases[1].d.heads = 3, cases[1].d.kv_heads = 2;
    cases[2].d.queries = -1;
    cases[3].d.batch = (int64_t)1 << 40, cases[3].d.keys = (int64_t)1 << 40;
    cases[4].d.o = (cairn_attention_rows){8, 4, 2};
    cases[5].d.key_lengths = long_one;
    cases[6].d.mask = a.q, cases[6].d.mask_type = CAIRN_I64;
    cases[7].d.width = INT64_MAX;
    cases[8].d.q.row = INT64_MAX;
    cases[9].d.scale = NAN;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cairn_error_clear();
        assert_int_not_equal(cairn_attention_forward(&cases[i].d, a.q, a.k, a.v, a.o, a.lse, workspace, sizeof workspace), CAIRN_OK);
        if (!strstr(cairn_error_message(), cases[i].why) || strncmp(cairn_error_message(), "attention", 9))
            fail_msg("case %zu: %s", i, cairn_error_message());
    }
    close_to(a.o, a.o2, CAIRN_F32, a.no, 0, "o");
    close_to(a.lse, a.lse2, CAIRN_F32, a.sums, 0, "logsumexp");
    cairn_error_clear();
    drop(&a);
}

static void short_memory_and_aliases_say_why(void **state)
{
    (void)state;
    arrays a = make(&good);
    char workspace[1 << 16];
    const int64_t most = sizeof workspace;
    assert_int_equal(cairn_attention_forward(&good, a.q, a.k, a.v, a.o, a.lse, workspace, 100), CAIRN_E_ARGUMENT);
    assert_non_null(strstr(cairn_error_message(), "100 bytes"));
    assert_int_equal(cairn_attention_forward(&good, a.q, a.k, a.v, a.o, a.lse, NULL, most), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_attention_forward(&good, NULL, a.k, a.v, a.o, a.lse, workspace, most), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_attention_forward(&good, a.q, a.k, a.v, a.v, a.lse, workspace, most), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_attention_forward(NULL, a.q, a.k, a.v, a.o, a.lse, workspace, most), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_attention_gradient(&good, a.q, a.k, a.v, a.o, a.lse, a.d_o, a.dq, a.dq, a.dv, workspace, most), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_attention_gradient(&good, a.q, a.k, a.v, a.o, NULL, a.d_o, a.dq, a.dk, a.dv, workspace, most), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_attention_gradient(&good, a.q, a.k, a.v, a.o, a.lse, a.d_o, a.dq, a.dk, a.dv, workspace, 10), CAIRN_E_ARGUMENT);
    close_to(a.o, a.o2, CAIRN_F32, a.no, 0, "o");
    close_to(a.dq, a.dq2, CAIRN_F32, a.nq, 0, "dq");
    assert_int_equal(cairn_attention_workspace_bytes(NULL, CAIRN_ATTENTION_FORWARD), 0);
    cairn_error_clear();
    drop(&a);
}

/* One thread's share of the workspace is enough, with the same bits. */
static void less_workspace_is_slower_and_the_same(void **state)
{
    (void)state;
    const int before = cairn_threads();
    cairn_set_threads(1);
    const cairn_attention d = {.type = CAIRN_F32, .batch = 3, .heads = 4, .queries = 70, .keys = 70, .width = 8};
    arrays a = make(&d);
    const int64_t one = cairn_attention_workspace_bytes(&d, CAIRN_ATTENTION_GRADIENT);
    void *workspace = malloc((size_t)one);
    run(&d, &a, false);
    cairn_set_threads(4);
    memcpy(a.dq2, a.dq, (size_t)a.nq * 4);
    run(&d, &a, true);
    assert_int_equal(cairn_attention_gradient(&d, a.q, a.k, a.v, a.o, a.lse, a.d_o, a.dq2, a.dk2, a.dv2, workspace, one), CAIRN_OK);
    close_to(a.dq, a.dq2, CAIRN_F32, a.nq, 0, "dq");
    close_to(a.dk, a.dk2, CAIRN_F32, a.nk, 0, "dk");
    cairn_set_threads(before);
    free(workspace);
    drop(&a);
}

static int64_t odd_number(void)
{
    static const int64_t odd[] = {0, 1, 2, 3, 7, 16, -1, INT64_MAX, INT64_MIN, INT32_MAX, (int64_t)1 << 40, (int64_t)1 << 33, 1000};
    return odd[test_random() % (sizeof odd / sizeof *odd)];
}

/* Any descriptor at all is taken or refused. Those that are taken are small enough to run only when their sizes say so. */
static void fuzzed_descriptors_never_crash(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        cairn_attention d = {.type = (cairn_dtype)(test_random() % 12), .batch = odd_number(), .heads = odd_number(), .kv_heads = odd_number(),
                             .queries = odd_number(), .keys = odd_number(), .width = odd_number(), .value_width = odd_number(),
                             .causal = test_random() % 2, .align_end = test_random() % 2, .window = odd_number()};
        if (test_random() % 2)
            d.q.row = odd_number(), d.k.head = odd_number(), d.o.batch = odd_number();
        cairn_error_clear();
        const int64_t bytes = cairn_attention_workspace_bytes(&d, (cairn_attention_pass)(test_random() % 2));
        assert_true(bytes >= 0);
    }
    cairn_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_equals_the_oracle_on_every_set),
        cmocka_unit_test(rows_may_lie_anywhere),
        cmocka_unit_test(masks_and_lengths_equal_the_oracle),
        cmocka_unit_test(random_attention_equals_the_oracle),
        cmocka_unit_test(nan_and_infinity_propagate),
        cmocka_unit_test(bits_are_the_same_for_any_number_of_threads_and_any_batch),
        cmocka_unit_test(bad_descriptors_say_why),
        cmocka_unit_test(short_memory_and_aliases_say_why),
        cmocka_unit_test(less_workspace_is_slower_and_the_same),
        cmocka_unit_test(fuzzed_descriptors_never_crash),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
