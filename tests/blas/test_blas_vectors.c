/* Level 1 against sums in f64, rotations, and the reports of wrong arguments. */
#include "blas_matrix.h"

#include "blas_calls.h"

static const int increments[] = {1, 1, 2, -1, -3, 0};

static int length(void)
{
    const int kind = between(0, 19);
    return kind == 0 ? 0 : kind == 1 ? between(1000, 3000) : between(1, 60);
}

/* A vector for an output: with stride 0 it is one element. */
static matrix output(blas_type t, int n, int inc)
{
    matrix v = vector(t, n, inc ? inc : 1);
    v.inc = inc ? inc : 1;
    return v;
}

static double bound(blas_type t, int n) { return epsilon(t) * 4 * (n + 4); }

static void check_moves(blas_type t)
{
    const calls *f = &calls_of[t];
    const int n = length(), ix = increments[between(0, 4)], iy = increments[between(0, 4)];
    matrix x = vector(t, n, ix), y = vector(t, n, iy), z = vector(t, n, iy);
    f->swap(n, x.p, ix, y.p, iy);
    f->copy(n, x.p, ix, z.p, iy);
    for (int i = 0; i < n; i++) {
        assert_near(result(&x, i, 0), element(&y, i, 0), 0, "swap", i, 0);
        assert_near(result(&y, i, 0), element(&x, i, 0), 0, "swap", i, 1);
        assert_near(result(&z, i, 0), result(&x, i, 0), 0, "copy", i, 0);
    }
    assert_rest_untouched(&x, "swap"), assert_rest_untouched(&y, "swap"), assert_rest_untouched(&z, "copy");
    drop(&x), drop(&y), drop(&z);
}

static void check_sums(blas_type t)
{
    const int n = length(), ix = increments[between(0, 4)], iy = increments[between(0, 4)];
    const bool conj = between(0, 1);
    matrix x = vector(t, n, ix), y = vector(t, n, iy);
    number dot = {0, 0};
    double squares = 0, absolute = 0, most = -1;
    int first = -1;
    for (int i = 0; i < n; i++) {
        const number a = element(&x, i, 0);
        const double size = is_double(t) ? fabs(a.re) + fabs(a.im) : (float)(fabsf((float)a.re) + fabsf((float)a.im));
        dot = plus(dot, times(conj_if(conj, a), element(&y, i, 0)));
        squares += a.re * a.re + a.im * a.im;
        absolute += fabs(a.re) + fabs(a.im);
        if (size > most)
            most = size, first = i;
    }
    assert_near(blas_dot(t, n, x.p, ix, y.p, iy, conj), dot, bound(t, n), "dot", n, 0);
    assert_near((number){blas_nrm2(t, n, x.p, ix), 0}, (number){sqrt(squares), 0}, bound(t, 4) * sqrt(n + 1), "nrm2", n, 0);
    assert_near((number){blas_asum(t, n, x.p, ix), 0}, (number){ix > 0 ? absolute : 0, 0},
                epsilon(t) * (n / 8.0 + 8) * absolute, "asum", n, 0); /* 16 chains or more */
    assert_int_equal(blas_argmax(t, n, x.p, ix), ix > 0 ? first : -1);
    if (t == BLAS_s)
        assert_near((number){cblas_dsdot(n, (float *)x.p, ix, (float *)y.p, iy), 0}, dot, bound(BLAS_d, n), "dsdot", n, 0);
    drop(&x), drop(&y);
}

static void check_axpy(blas_type t)
{
    const int n = length(), ix = increments[between(0, 5)], iy = increments[between(0, 4)];
    const number by = between(0, 3) ? random_number(t) : (number){0, 0};
    const scalar alpha = scalar_of(t, by);
    matrix x = vector(t, n, ix ? ix : 1), y = output(t, n, iy), z = output(t, n, iy);
    calls_of[t].axpy(n, &alpha, x.p, ix, y.p, iy);
    calls_of[t].scal(n, &alpha, z.p, iy);
    for (int i = 0; i < n; i++) {
        const number xi = element(&x, ix ? i : 0, 0);
        assert_near(result(&y, i, 0), plus(times(by, xi), element(&y, i, 0)), bound(t, 1), "axpy", i, 0);
        assert_near(result(&z, i, 0), iy > 0 ? times(by, element(&z, i, 0)) : element(&z, i, 0), bound(t, 1), "scal", i, 0);
    }
    assert_rest_untouched(&y, "axpy"), assert_rest_untouched(&z, "scal"), assert_untouched(&x, "axpy");
    drop(&x), drop(&y), drop(&z);
}

static void check_rot(blas_type t)
{
    const int n = length(), ix = increments[between(0, 4)], iy = increments[between(0, 4)];
    const double c = 0.6, s = 0.8;
    double m[5] = {between(-2, 1), uniform(), uniform(), uniform(), uniform()};
    matrix x = vector(t, n, ix), y = vector(t, n, iy);
    if (between(0, 1) && !is_complex(t)) {
        float f[5] = {(float)m[0], (float)m[1], (float)m[2], (float)m[3], (float)m[4]};
        blas_rotm(t, n, x.p, ix, y.p, iy, t == BLAS_s ? (void *)f : m);
        const double h11 = m[0] == 0 || m[0] == -2 ? 1 : m[1], h22 = m[0] == 0 || m[0] == -2 ? 1 : m[4];
        const double h21 = m[0] == 1 ? -1 : m[0] == -2 ? 0 : m[2], h12 = m[0] == 1 ? 1 : m[0] == -2 ? 0 : m[3];
        for (int i = 0; i < n; i++) {
            const double u = element(&x, i, 0).re, v = element(&y, i, 0).re;
            assert_near(result(&x, i, 0), (number){h11 * u + h12 * v, 0}, bound(t, 1), "rotm", i, 0);
            assert_near(result(&y, i, 0), (number){h21 * u + h22 * v, 0}, bound(t, 1), "rotm", i, 1);
        }
    } else {
        blas_rot(t, n, x.p, ix, y.p, iy, c, s);
        for (int i = 0; i < n; i++) {
            const number u = element(&x, i, 0), v = element(&y, i, 0);
            assert_near(result(&x, i, 0), (number){c * u.re + s * v.re, c * u.im + s * v.im}, bound(t, 1), "rot", i, 0);
            assert_near(result(&y, i, 0), (number){c * v.re - s * u.re, c * v.im - s * u.im}, bound(t, 1), "rot", i, 1);
        }
    }
    assert_rest_untouched(&x, "rot"), assert_rest_untouched(&y, "rot");
    drop(&x), drop(&y);
}

static void repeat(void (*check)(blas_type), int times_each)
{
    for (int isa = ISA_GENERIC; isa <= (int)cpu()->isa; isa++)
        for (int i = 0; isa_is_whole((cpu_isa)isa) && select_isa(isa) && i < 4 * times_each; i++)
            check((blas_type)(i % 4));
}

#define TEST(name, check)             \
    static void name(void **state)    \
    {                                 \
        (void)state;                  \
        repeat(check, 150);           \
    }
TEST(vectors_are_moved_between_all_strides, check_moves)
TEST(sums_over_vectors, check_sums)
TEST(axpy_and_scal, check_axpy)
TEST(rotations_of_vectors, check_rot)

static void long_vectors_are_cut_into_blocks(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    double *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y), sum = 0;
    for (int i = 0; i < N; i++)
        x[i] = i % 7 - 3, y[i] = i % 5, sum += x[i] * y[i];
    assert_true(cblas_ddot(N, x, 1, y, 1) == sum);
    x[777777] = -9;
    assert_int_equal(cblas_idamax(N, x, 1), 777777);
    cblas_daxpy(N, 2, x, 1, y, 1);
    for (int i = 0; i < N; i++)
        assert_true(y[i] == i % 5 + 2 * x[i]);
    cblas_dswap(N, x, 1, y, -1);
    assert_true(y[N - 1 - 777777] == -9);
    free(x), free(y);
}

static void norms_do_not_overflow_or_vanish(void **state)
{
    (void)state;
    const double huge[] = {3e300, -4e300}, tiny[] = {3e-310, 4e-310}, none[] = {0, 0}, infinite[] = {1, -INFINITY}, nan[] = {1, NAN};
    const float large[] = {3e38f, 0, 1e38f}, small[] = {3e-44f, 4e-44f};
    assert_true(fabs(cblas_dnrm2(2, huge, 1) / 5e300 - 1) < 1e-15);
    assert_true(fabs(cblas_dnrm2(2, tiny, 1) / 5e-310 - 1) < 1e-12); /* as exact as its elements, which are subnormal */
    assert_true(fabs(cblas_dznrm2(1, huge, 1) / 5e300 - 1) < 1e-15);
    assert_true(cblas_dnrm2(2, none, 1) == 0 && isinf(cblas_dnrm2(2, infinite, 1)) && isnan(cblas_dnrm2(2, nan, 1)));
    assert_true(cblas_snrm2(2, large, 1) == 3e38f && cblas_snrm2(2, small, 1) > 4.5e-44f);
}

static void a_nan_is_never_the_largest(void **state)
{
    (void)state;
    const double x[] = {1, NAN, -3, 2, 3}, first[] = {NAN, 7};
    assert_int_equal(cblas_idamax(5, x, 1), 2);
    assert_int_equal(cblas_idamax(2, first, 1), 0);
    assert_int_equal(cblas_izamax(2, x, 1), 0);
}

/* (c, s; -conj(s), c) (a, b) = (r, 0) */
static void rotations_turn_the_second_element_to_zero(void **state)
{
    (void)state;
    static const double sizes[] = {0, 1e-300, 1e-3, 1, 5, 1e300};
    for (int i = 0; i < 6 * 6 * 4; i++) {
        double a = sizes[i % 6] * (i & 64 ? -1 : 1), b = sizes[i / 6 % 6] * (i & 32 ? -1 : 1), r = a, z = b, c, s;
        cblas_drotg(&r, &z, &c, &s);
        const double most = fmax(fmax(fabs(a), fabs(b)), 1e-300);
        assert_true(fabs(c * c + s * s - 1) < 1e-15);
        assert_true(fabs(c * (a / most) + s * (b / most) - r / most) < 1e-15 && fabs(c * (b / most) - s * (a / most)) < 1e-15);
        double za[2] = {a, sizes[(i + 1) % 6]}, zb[2] = {b, -sizes[(i + 2) % 6]}, zr[2] = {za[0], za[1]}, zs[2];
        cblas_zrotg(zr, zb, &c, zs);
        const double scale = fmax(fmax(fmax(fabs(za[0]), fabs(za[1])), fmax(fabs(zb[0]), fabs(zb[1]))), 1e-300);
        const number na = {za[0] / scale, za[1] / scale}, nb = {zb[0] / scale, zb[1] / scale}, ns = {zs[0], zs[1]};
        const number top = plus((number){c * na.re, c * na.im}, times(ns, nb));
        const number low = plus((number){c * nb.re, c * nb.im}, times((number){-ns.re, ns.im}, na));
        assert_true(fabs(c * c + ns.re * ns.re + ns.im * ns.im - 1) < 1e-14);
        assert_near(top, (number){zr[0] / scale, zr[1] / scale}, 1e-14, "rotg", i, 0);
        assert_near(low, (number){0, 0}, 1e-14, "rotg", i, 1);
    }
}

static void modified_rotations_turn_the_second_element_to_zero(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        double d1 = exp(30 * uniform()), d2 = exp(30 * uniform()), x1 = uniform(), h[5] = {0}, x[1] = {x1}, y1 = uniform(), y[1] = {y1};
        const double size = sqrt(d1) * fabs(x1) + sqrt(d2) * fabs(y1);
        cblas_drotmg(&d1, &d2, &x1, y1, h);
        cblas_drotm(1, x, 1, y, 1, h);
        assert_true(fabs(x[0] - x1) <= 1e-13 * fabs(x1) && sqrt(fabs(d2)) * fabs(y[0]) <= 1e-13 * size);
    }
}

/* ---- Reports: this program's own, which the library calls in the place of its own --------------------*/

static char reported[32];
static int reported_argument;

void xerbla_(const char *name, const int *info, size_t length)
{
    snprintf(reported, sizeof reported, "%.*s", (int)length, name);
    reported_argument = *info;
}

void cblas_xerbla(int info, const char *routine, const char *form, ...)
{
    (void)form;
    snprintf(reported, sizeof reported, "%s", routine);
    reported_argument = info;
}

static void assert_reported(const char *name, int argument)
{
    assert_string_equal(reported, name);
    assert_int_equal(reported_argument, argument);
    reported[0] = 0;
}

extern void dgemm_(const char *op_a, const char *op_b, const int *m, const int *n, const int *k, const double *alpha, const double *a,
                   const int *lda, const double *b, const int *ldb, const double *beta, double *c, const int *ldc);

static void wrong_arguments_are_reported_and_nothing_is_written(void **state)
{
    (void)state;
    const int two = 2, one = 1, bad = -1;
    const double alpha = 1, a[4] = {0};
    double c[4] = {5, 6, 7, 8};
    dgemm_("N", "X", &two, &two, &two, &alpha, a, &two, a, &two, &alpha, c, &two);
    assert_reported("DGEMM ", 2);
    dgemm_("n", "t", &two, &two, &bad, &alpha, a, &two, a, &two, &alpha, c, &two);
    assert_reported("DGEMM ", 5);
    dgemm_("N", "N", &two, &two, &two, &alpha, a, &two, a, &two, &alpha, c, &one);
    assert_reported("DGEMM ", 13);
    cblas_dgemm((CBLAS_LAYOUT)7, CblasNoTrans, CblasNoTrans, 2, 2, 2, 1, a, 2, a, 2, 1, c, 2);
    assert_reported("cblas_dgemm", 1);
    cblas_dtrsm(CblasRowMajor, (CBLAS_SIDE)0, (CBLAS_UPLO)0, CblasTrans, CblasUnit, 2, 2, 1, a, 2, c, 2);
    assert_reported("cblas_dtrsm", 2); /* the first that is wrong, once */
    cblas_dsyr(CblasColMajor, (CBLAS_UPLO)0, 2, 1, a, 1, c, 2);
    assert_reported("cblas_dsyr", 2);
    cblas_dgemv(CblasColMajor, CblasNoTrans, 2, 2, 1, a, 1, a, 1, 0, c, 1);
    assert_reported("DGEMV ", 6);      /* as the reference: through xerbla_, which asks cblas_xerbla unless it is the program's */
    cblas_zherk(CblasRowMajor, CblasUpper, CblasTrans, 1, 1, 1, a, 1, 1, c, 1);
    assert_reported("ZHERK ", 2);
    const double before[4] = {5, 6, 7, 8};
    assert_memory_equal(c, before, sizeof c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_moved_between_all_strides),
        cmocka_unit_test(sums_over_vectors),
        cmocka_unit_test(axpy_and_scal),
        cmocka_unit_test(rotations_of_vectors),
        cmocka_unit_test(long_vectors_are_cut_into_blocks),
        cmocka_unit_test(norms_do_not_overflow_or_vanish),
        cmocka_unit_test(a_nan_is_never_the_largest),
        cmocka_unit_test(rotations_turn_the_second_element_to_zero),
        cmocka_unit_test(modified_rotations_turn_the_second_element_to_zero),
        cmocka_unit_test(wrong_arguments_are_reported_and_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
