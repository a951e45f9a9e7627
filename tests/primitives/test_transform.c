/* Moving elements, against loops over all indices. */
#include "primitives_test.h"

#include "primitives/transform/ref.h"

static int64_t reach(const cairn_copy *d, const int64_t *stride)
{
    int64_t top = 0;
    for (int i = 0; i < d->rank; i++)
        top += (d->size[i] - 1) * stride[i];
    return top;
}

static void check(const cairn_copy *d)
{
    const int64_t bytes = cairn_dtype_bytes(d->type), in = (reach(d, d->from_stride) + 1) * bytes, out = (reach(d, d->to_stride) + 1) * bytes;
    uint8_t *from = test_array(CAIRN_U8, in), *to = test_array(CAIRN_U8, out), *expected = test_array(CAIRN_U8, out);
    for (int64_t i = 0; i < in; i++)
        from[i] = (uint8_t)test_random();
    memset(to, 7, (size_t)out);
    memset(expected, 7, (size_t)out);
    ref_copy(d, from, expected);
    assert_int_equal(cairn_copy_run(d, from, to), CAIRN_OK);
    assert_memory_equal(to, expected, (size_t)out);
    free(from), free(to), free(expected);
}

static const cairn_dtype types[] = {CAIRN_U8, CAIRN_F16, CAIRN_F32, CAIRN_F64};

static void any_permutation_equals_the_loops_on_every_set(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int round = 0; round < 200; round++) {
            cairn_copy d = {.type = types[round % 4], .rank = (int)test_between(0, 5)};
            int order[2][8];
            for (int side = 0; side < 2; side++) {
                for (int i = 0; i < d.rank; i++) {
                    const int j = (int)test_between(0, i);
                    order[side][i] = order[side][j];
                    order[side][j] = i;
                }
            }
            for (int i = 0; i < d.rank; i++)
                d.size[i] = test_between(1, d.rank < 3 ? 70 : 9);
            int64_t a = 1, b = 1;
            for (int i = 0; i < d.rank; i++) {
                d.from_stride[order[0][i]] = a;
                a *= d.size[order[0][i]] + test_between(0, 1) * test_between(0, 3);
                d.to_stride[order[1][i]] = b;
                b *= d.size[order[1][i]] + test_between(0, 1) * test_between(0, 3);
            }
            if (d.rank && round % 7 == 0)
                d.from_stride[0] = 0;
            check(&d);
        }
}

static void large_transposes_go_past_the_caches_and_are_right(void **state)
{
    (void)state;
    const cairn_copy d = {.type = CAIRN_F32, .rank = 2, .size = {2880, 3008}, .from_stride = {1, 2880}, .to_stride = {3008, 1}};
    FOR_EACH_ISA(isa)
        if (isa == (int)cpu()->isa || isa == ISA_AVX2)
            check(&d);
    const int before = cairn_threads();
    assert_int_equal(cairn_set_threads(5), CAIRN_OK);
    check(&d);
    assert_int_equal(cairn_set_threads(before), CAIRN_OK);
}

static void reversed_and_empty_copies(void **state)
{
    (void)state;
    const int32_t from[6] = {1, 2, 3, 4, 5, 6};
    int32_t to[6] = {0};
    const cairn_copy d = {.type = CAIRN_I32, .rank = 2, .size = {2, 3}, .from_stride = {-3, -1}, .to_stride = {3, 1}};
    assert_int_equal(cairn_copy_run(&d, from + 5, to), CAIRN_OK);
    for (int i = 0; i < 6; i++)
        assert_int_equal(to[i], 6 - i);
    const cairn_copy none = {.type = CAIRN_I32, .rank = 1, .size = {0}};
    assert_int_equal(cairn_copy_run(&none, NULL, NULL), CAIRN_OK);
}

static void bad_descriptors_say_why(void **state)
{
    (void)state;
    int32_t from[16] = {1}, to[16] = {0};
    const cairn_copy good = {.type = CAIRN_I32, .rank = 2, .size = {2, 3}, .from_stride = {3, 1}, .to_stride = {3, 1}};
    cairn_copy bad[6] = {good, good, good, good, good, good};
    bad[0].rank = 9, bad[1].size[0] = -1, bad[2].to_stride[0] = 2, bad[3].to_stride[1] = 0, bad[4].type = (cairn_dtype)77;
    bad[5].size[0] = INT64_MAX;
    for (int i = 0; i < 6; i++) {
        cairn_error_clear();
        assert_int_not_equal(cairn_copy_run(&bad[i], from, to), CAIRN_OK);
        assert_non_null(strstr(cairn_error_message(), "copy: "));
    }
    cairn_error_clear();
    assert_int_equal(cairn_copy_run(&good, from, NULL), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_copy_run(&good, from, from), CAIRN_E_ARGUMENT);
    assert_int_equal(to[0], 0);
    cairn_error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_permutation_equals_the_loops_on_every_set),
        cmocka_unit_test(large_transposes_go_past_the_caches_and_are_right),
        cmocka_unit_test(reversed_and_empty_copies),
        cmocka_unit_test(bad_descriptors_say_why),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
