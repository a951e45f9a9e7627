/* What Cairn's tests use of cmocka, for targets that have no cmocka: the cross build under an emulator.
 * A failed assertion jumps out of its test, as there. */
#ifndef CROSS_CMOCKA_H
#define CROSS_CMOCKA_H
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void (*CMUnitTestFunction)(void **);
struct CMUnitTest {
    const char *name;
    CMUnitTestFunction run;
    int (*setup)(void **), (*teardown)(void **);
    void *initial;
};
static jmp_buf cross_failed __attribute__((unused));

#define cmocka_unit_test(f) {#f, f, NULL, NULL, NULL}
#define cmocka_unit_test_setup_teardown(f, a, b) {#f, f, a, b, NULL}
#define cmocka_unit_test_setup(f, a) {#f, f, a, NULL, NULL}
#define cmocka_unit_test_teardown(f, b) {#f, f, NULL, b, NULL}
#define cmocka_unit_test_prestate(f, s) {#f, f, NULL, NULL, s}

#define CROSS_CHECK(ok, ...)                                        \
    do {                                                            \
        if (!(ok)) {                                                \
            printf("%s:%d: error: ", __FILE__, __LINE__);           \
            printf(__VA_ARGS__);                                    \
            printf("\n");                                           \
            longjmp(cross_failed, 1);                               \
        }                                                           \
    } while (0)
#define CROSS_COMPARE(a, op, b)                                                                         \
    do {                                                                                                \
        long long cross_a = (long long)(a), cross_b = (long long)(b);                                   \
        CROSS_CHECK(cross_a op cross_b, "%s is %lld, expected " #op " %lld", #a, cross_a, cross_b);     \
    } while (0)

#define assert_true(c) CROSS_CHECK(c, "%s", #c)
#define assert_false(c) CROSS_CHECK(!(c), "not %s", #c)
#define assert_null(p) CROSS_CHECK(!(p), "%s is not NULL", #p)
#define assert_non_null(p) CROSS_CHECK(p, "%s is NULL", #p)
#define assert_int_equal(a, b) CROSS_COMPARE(a, ==, b)
#define assert_int_not_equal(a, b) CROSS_COMPARE(a, !=, b)
#define assert_in_range(v, low, high) CROSS_CHECK((v) >= (low) && (v) <= (high), "%s is out of range", #v)
#define assert_ptr_equal(a, b) CROSS_CHECK((const void *)(a) == (const void *)(b), "%s differs from %s", #a, #b)
#define assert_ptr_not_equal(a, b) CROSS_CHECK((const void *)(a) != (const void *)(b), "%s equals %s", #a, #b)
#define assert_string_equal(a, b) CROSS_CHECK(!strcmp(a, b), "\"%s\" differs from \"%s\"", (const char *)(a), (const char *)(b))
#define assert_string_not_equal(a, b) CROSS_CHECK(strcmp(a, b), "both are \"%s\"", (const char *)(a))
#define assert_memory_equal(a, b, n) CROSS_CHECK(!memcmp(a, b, n), "%s differs from %s", #a, #b)
#define assert_memory_not_equal(a, b, n) CROSS_CHECK(memcmp(a, b, n), "%s equals %s", #a, #b)
#define assert_float_equal(a, b, e) CROSS_CHECK(fabs((double)(a) - (double)(b)) <= (e), "%s is %g", #a, (double)(a))
#define assert_double_equal(a, b, e) assert_float_equal(a, b, e)
#define fail() CROSS_CHECK(0, "fail()")
#define fail_msg(...) CROSS_CHECK(0, __VA_ARGS__)
#define print_message(...) printf(__VA_ARGS__)
#define print_error(...) printf(__VA_ARGS__)
#define skip() longjmp(cross_failed, 2)

static inline int cross_run_one(const struct CMUnitTest *t, void *group)
{
    void *state = t->initial ? t->initial : group;
    printf("[ RUN      ] %s\n", t->name);
    int outcome = t->setup && t->setup(&state) ? 1 : setjmp(cross_failed);
    if (outcome == 0)
        t->run(&state);
    if (t->teardown)
        t->teardown(&state);
    printf("[ %s ] %s\n", outcome == 1 ? " FAILED " : outcome == 2 ? "SKIPPED " : "      OK", t->name);
    return outcome == 1;
}

static inline int cross_run(const struct CMUnitTest *tests, size_t count, int (*setup)(void **), int (*teardown)(void **))
{
    void *state = NULL;
    if (setup && setup(&state))
        return 1;
    int failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += cross_run_one(&tests[i], state);
    if (teardown)
        teardown(&state);
    printf("%zu tests, %d failed\n", count, failed);
    return failed;
}
#define cmocka_run_group_tests(tests, setup, teardown) \
    cross_run(tests, sizeof(tests) / sizeof *(tests), setup, teardown)
#define _cmocka_run_group_tests(name, tests, count, setup, teardown) cross_run(tests, count, setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown) cmocka_run_group_tests(tests, setup, teardown)

#endif
