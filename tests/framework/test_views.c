/* Views: each row of a table is a chain of views. The same chain on the positions 0, 1, 2 ... says which elements of the base it shows,
 * and so what must be read through it, what a write to it must change, and where its gradient must go. */
#include <cairn/cairn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef cairn_tensor T;

enum { N = 24 };

#define CHAINS(X)                                                                                             \
    X(itself, x)                                                                                              \
    X(reshape, cairn_reshape(x, CAIRN_SHAPE(6, 4)))                                                           \
    X(flatten, cairn_flatten(x, 0, 1))                                                                        \
    X(unflatten, cairn_unflatten(x, 2, CAIRN_SHAPE(2, 2)))                                                    \
    X(permute, cairn_permute(x, CAIRN_AXES(2, 0, 1)))                                                         \
    X(transpose, cairn_transpose(x, 0, 2))                                                                    \
    X(reshaped_transpose, cairn_reshape(cairn_transpose(x, 0, 2), CAIRN_SHAPE(-1)))                           \
    X(movedim, cairn_movedim(x, 0, -1))                                                                       \
    X(slice, cairn_slice(x, 1, 1, CAIRN_END, 1))                                                              \
    X(slice_step, cairn_slice(x, 2, 0, CAIRN_END, 2))                                                         \
    X(slice_back, cairn_slice(x, 2, CAIRN_END, CAIRN_END, -1))                                                \
    X(slice_back_step, cairn_slice(x, 2, 3, 0, -2))                                                           \
    X(slice_of_slice, cairn_slice(cairn_slice(x, 1, 1, 3, 1), 2, 1, 4, 2))                                    \
    X(select, cairn_select(x, 1, -1))                                                                         \
    X(select_twice, cairn_select(cairn_select(x, 0, 1), 1, 2))                                                \
    X(element, cairn_select(cairn_select(cairn_select(x, 0, 1), 0, 2), 0, 3))                                 \
    X(flip, cairn_flip(x, CAIRN_AXES(0, 2)))                                                                  \
    X(flip_transpose, cairn_transpose(cairn_flip(x, CAIRN_AXES(1)), 0, 1))                                    \
    X(slice_reshape, cairn_reshape(cairn_narrow(x, 0, 1, 1), CAIRN_SHAPE(12)))                                \
    X(gap_reshape, cairn_reshape(cairn_narrow(x, 2, 1, 2), CAIRN_SHAPE(-1)))                                  \
    X(diagonal, cairn_diagonal(x, 0, 1, 2))                                                                   \
    X(diagonal_above, cairn_diagonal(x, 1, 1, 2))                                                             \
    X(diagonal_below, cairn_diagonal(x, -1, 0, 2))                                                            \
    X(squeeze, cairn_squeeze(cairn_narrow(x, 0, 0, 1), 0))                                                    \
    X(unsqueeze, cairn_unsqueeze(x, 1))                                                                       \
    X(empty, cairn_narrow(x, 1, 2, 0))                                                                        \
    X(detach, cairn_select(cairn_detach(x), 0, 0))

#define X(name, ...) static T *view_##name(T *x) { return __VA_ARGS__; }
CHAINS(X)
#undef X

typedef struct chain {
    const char *name;
    T *(*view)(T *x);
} chain;

static const chain chains[] = {
#define X(name, ...) {#name, view_##name},
    CHAINS(X)
#undef X
};
enum { COUNT = sizeof chains / sizeof *chains };

static T *positions(void) { return cairn_reshape(cairn_arange(0, N, 1, CAIRN_F32), CAIRN_SHAPE(2, 3, 4)); }

/* A base of its own with the elements 0, 1, 2 ... */
static T *fresh(void)
{
    float data[N];
    for (int i = 0; i < N; i++)
        data[i] = (float)i;
    return cairn_from(data, CAIRN_SHAPE(2, 3, 4), CAIRN_F32);
}

/* Which elements the chain shows; the number of them. */
static int shown(const chain *c, int *at)
{
    float data[N];
    T *y = c->view(positions());
    if (!y || cairn_copy_out(y, data, CAIRN_F32))
        fail_msg("%s: %s", c->name, cairn_error_message());
    int n = (int)cairn_numel(y);
    for (int i = 0; i < n; i++)
        at[i] = (int)data[i];
    return n;
}

static void expect(const chain *c, const char *what, T *x, int n, const float *want)
{
    float got[N];
    if (!x || cairn_copy_out(x, got, CAIRN_F32))
        fail_msg("%s, %s: %s", c->name, what, cairn_error_message());
    for (int i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("%s, %s: element %d is %g, not %g", c->name, what, i, (double)got[i], (double)want[i]);
}

static void taken(const float *base, const int *at, int n, float *out)
{
    for (int i = 0; i < n; i++)
        out[i] = base[at[i]];
}

static void a_write_to_a_view_goes_through_to_its_base(void **state)
{
    const chain *c = *state;
    int at[N], n = shown(c, at);
    for (int evaluated = 0; evaluated < 2; evaluated++) {
        float base[N], part[N];
        T *x = fresh(), *y = c->view(x);
        if (evaluated)
            assert_int_equal(cairn_eval(y), CAIRN_OK);
        for (int i = 0; i < N; i++)
            base[i] = (float)i;
        for (int i = 0; i < n; i++)
            base[at[i]] = 2 * base[at[i]] + 100;
        taken(base, at, n, part);
        assert_non_null(cairn_add_(cairn_mul_(y, cairn_number(2)), cairn_number(100)));
        expect(c, "base", x, N, base);
        expect(c, "view", y, n, part);
    }
}

static void a_view_sees_later_writes_to_its_base(void **state)
{
    const chain *c = *state;
    float base[N], part[N];
    int at[N], n = shown(c, at);
    T *x = fresh(), *y = c->view(x), *other = cairn_select(x, 0, 1);
    assert_non_null(cairn_mul_(x, cairn_number(3)));
    assert_non_null(cairn_sub_(other, cairn_number(1)));
    for (int i = 0; i < N; i++)
        base[i] = 3 * (float)i - (i >= N / 2);
    taken(base, at, n, part);
    expect(c, "view", y, n, part);
    expect(c, "what is made of it", cairn_mul(y, cairn_number(1)), n, part);
}

static void its_gradient_goes_to_what_it_shows(void **state)
{
    const chain *c = *state;
    float want[N] = {0};
    int at[N], n = shown(c, at);
    bool cut = !strcmp(c->name, "detach");
    T *x = cairn_requires_grad_(fresh(), true), *y = cairn_square(c->view(x));
    if (cut) {
        assert_false(cairn_requires_grad(y));
        return;
    }
    for (int i = 0; i < n; i++)
        want[at[i]] = 2 * (float)at[i];
    assert_int_equal(cairn_backward(cairn_sum(y, CAIRN_ALL_AXES, false)), CAIRN_OK);
    expect(c, "gradient", cairn_grad_of(x), N, want);
}

/* What was written has the gradient where it lies, what was there before has none there. */
static void the_gradient_of_a_write_goes_to_what_was_written(void **state)
{
    const chain *c = *state;
    float want[N], part[N];
    int at[N], n = shown(c, at);
    if (!strcmp(c->name, "detach"))
        return;
    T *x = cairn_requires_grad_(fresh(), true), *h = cairn_mul(x, cairn_number(1)), *y = c->view(h);
    T *source = cairn_requires_grad_(cairn_full(cairn_shape_of(y), 5, CAIRN_F32), true);
    assert_non_null(cairn_copy_(y, source));
    assert_int_equal(cairn_backward(cairn_sum(cairn_mul(h, positions()), CAIRN_ALL_AXES, false)), CAIRN_OK);
    for (int i = 0; i < N; i++)
        want[i] = (float)i;
    taken(want, at, n, part);
    expect(c, "source", cairn_grad_of(source), n, part);
    for (int i = 0; i < n; i++)
        want[at[i]] = 0;
    if (cairn_grad_of(x))                    /* a write to all leaves nothing of x */
        expect(c, "base", cairn_grad_of(x), N, want);
    else
        assert_int_equal(n, N);
}

static void an_expanded_view_is_not_written(void **state)
{
    (void)state;
    T *x = cairn_ones(CAIRN_SHAPE(1, 3), CAIRN_F32), *y = cairn_expand(x, CAIRN_SHAPE(2, 3));
    assert_null(cairn_add_(y, cairn_number(1)));
    assert_int_equal(cairn_error(), CAIRN_E_ARGUMENT);
}

static void an_earlier_result_keeps_the_earlier_value(void **state)
{
    (void)state;
    T *x = fresh(), *y = cairn_mul(x, cairn_number(2)), *z = cairn_square(x);
    float twice[N], square[N];
    for (int i = 0; i < N; i++) {
        twice[i] = 2 * (float)i;
        square[i] = (float)(i * i);
    }
    cairn_zero_(x);
    expect(&chains[0], "product", y, N, twice);
    expect(&chains[0], "square", z, N, square);
}

static int quiet(void **state)
{
    (void)state;
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    cairn_error_clear();
    cairn_scope_pop((cairn_mark){0}, NULL);
    return 0;
}

int main(void)
{
    static const struct { const char *name; CMUnitTestFunction test; } checks[] = {
        {"a write goes through", a_write_to_a_view_goes_through_to_its_base},
        {"it sees later writes", a_view_sees_later_writes_to_its_base},
        {"its gradient", its_gradient_goes_to_what_it_shows},
        {"the gradient of a write", the_gradient_of_a_write_goes_to_what_was_written},
    };
    enum { CHECKS = sizeof checks / sizeof *checks };
    static struct CMUnitTest tests[COUNT * CHECKS + 2];
    static char names[COUNT * CHECKS][64];
    size_t count = 0;
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < CHECKS; k++, count++) {
            snprintf(names[count], sizeof names[count], "%s: %s", chains[i].name, checks[k].name);
            tests[count] = (struct CMUnitTest){names[count], checks[k].test, NULL, forget, (void *)&chains[i]};
        }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test_teardown(an_expanded_view_is_not_written, forget);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test_teardown(an_earlier_result_keeps_the_earlier_value, forget);
    return _cmocka_run_group_tests("views", tests, count, quiet, NULL);
}
