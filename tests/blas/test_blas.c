/* Every routine of levels 2 and 3 against sums in f64, in both layouts, for all operations, triangles and sides, with all
 * strides, on every instruction set. */
#include "blas_matrix.h"

#include "base/memory.h"
#include "blas_calls.h"

static const OP ops[] = {[AS_IS] = CblasNoTrans, [TRANSPOSED] = CblasTrans, [ADJOINT] = CblasConjTrans};
static const int known_ops[] = {AS_IS, TRANSPOSED, ADJOINT};
static const int strides[] = {1, 1, 2, -1, -3};

/* What one round of a test has chosen. */
typedef struct choice {
    blas_type t;
    const calls *f;
    bool rows, upper, unit, left;
    L layout;
    UL uplo;
    CBLAS_DIAG diag;
    CBLAS_SIDE side;
    int op, other_op, inc, other_inc;
    scalar alpha, beta, real_alpha, real_beta;
    number al, be, real_al, real_be;    /* the same as numbers */
} choice;

/* One in four factors is zero, one in four one. */
static number random_factor(blas_type t)
{
    const int kind = between(0, 3);
    return kind == 0 ? (number){0, 0} : kind == 1 ? (number){1, 0} : random_number(t);
}

static choice choices(blas_type t)
{
    choice r = {.t = t, .f = &calls_of[t], .rows = between(0, 1), .upper = between(0, 1), .unit = between(0, 1), .left = between(0, 1)};
    r.layout = r.rows ? CblasRowMajor : CblasColMajor;
    r.uplo = r.upper ? CblasUpper : CblasLower;
    r.diag = r.unit ? CblasUnit : CblasNonUnit;
    r.side = r.left ? CblasLeft : CblasRight;
    r.op = known_ops[between(0, 2)];
    r.other_op = known_ops[between(0, 2)];
    r.inc = strides[between(0, 4)];
    r.other_inc = strides[between(0, 4)];
    r.al = random_factor(t), r.be = random_factor(t);
    r.real_al = random_factor(real_of(t)), r.real_be = random_factor(real_of(t));
    r.alpha = scalar_of(t, r.al), r.beta = scalar_of(t, r.be);
    r.real_alpha = scalar_of(real_of(t), r.real_al), r.real_beta = scalar_of(real_of(t), r.real_be);
    return r;
}

/* Small mostly, zero at times, and sometimes beyond every block. */
static int size(int large)
{
    const int kind = between(0, 19);
    return kind == 0 ? 0 : kind == 1 ? between(large / 2, large) : between(1, 24);
}

/* NaN where beta is zero: it is not to be read. */
static void spoil_output(matrix *c, number beta)
{
    for (int i = 0; is_zero(beta) && i < c->m; i++)
        for (int j = 0; j < (c->inc ? 1 : c->n); j++)
            if (place(c, i, j) >= 0)
                put(c->t, c->p, place(c, i, j), (number){NAN, NAN});
}

/* And inputs are not read where alpha is zero. */
static void spoil_input(matrix *a, number alpha)
{
    for (int64_t i = 0; is_zero(alpha) && i < a->size; i++)
        put(a->t, a->p, i, (number){NAN, NAN});
}

/* alpha sum + beta old; what beta == 0 multiplies is nothing. */
static number combined(number alpha, number sum, number beta, number old)
{
    const number kept = is_zero(beta) ? (number){0, 0} : times(beta, old);
    return is_zero(alpha) ? kept : plus(times(alpha, sum), kept);
}

static double tolerance(blas_type t, int terms) { return epsilon(t) * 8 * (terms + 4); }

/* ---- Level 2 -------------------------------------------------------------------------------------*/

/* y = alpha op(A) x + beta y was to be computed. */
static void check_product(const matrix *a, int op, const matrix *x, const matrix *y, number alpha, number beta, int terms,
                          const char *what)
{
    for (int i = 0; i < y->m; i++) {
        number sum = {0, 0};
        for (int j = 0; j < x->m; j++)
            sum = plus(sum, times(op_element(a, op, i, j), element(x, j, 0)));
        assert_near(result(y, i, 0), combined(alpha, sum, beta, element(y, i, 0)), tolerance(y->t, terms), what, i, 0);
    }
    assert_rest_untouched(y, what);
}

static void check_gemv(blas_type t)
{
    const choice r = choices(t);
    const int m = size(700), n = size(700);
    const bool band = between(0, 2) == 0, turned = r.op != AS_IS;
    if (!m || !n)
        return;
    matrix a = {.t = t, .rows = r.rows, .how = band ? BAND : FULL, .m = m, .n = n, .kl = between(0, 5), .ku = between(0, 5)};
    a.ld = (band ? a.kl + a.ku + 1 : r.rows ? n : m) + between(0, 3);
    fill(&a, 1, 0);
    matrix x = vector(t, turned ? m : n, r.inc), y = vector(t, turned ? n : m, r.other_inc);
    spoil_output(&y, r.be), spoil_input(&a, r.al), spoil_input(&x, r.al);
    if (band)
        r.f->gbmv(r.layout, ops[r.op], m, n, a.kl, a.ku, &r.alpha, a.p, a.ld, x.p, r.inc, &r.beta, y.p, r.other_inc);
    else
        r.f->gemv(r.layout, ops[r.op], m, n, &r.alpha, a.p, a.ld, x.p, r.inc, &r.beta, y.p, r.other_inc);
    check_product(&a, r.op, &x, &y, r.al, r.be, x.m, band ? "gbmv" : "gemv");
    drop(&a), drop(&x), drop(&y);
}

static void check_symv(blas_type t)
{
    const choice r = choices(t);
    const int n = size(700), k = between(0, 6);
    const storage how = (storage)between(0, 2);
    matrix a = half(t, r.rows, HERMITIAN, how, r.upper, false, n, k), x = vector(t, n, r.inc), y = vector(t, n, r.other_inc);
    spoil_output(&y, r.be), spoil_input(&a, r.al), spoil_input(&x, r.al);
    if (how == FULL)
        r.f->hemv(r.layout, r.uplo, n, &r.alpha, a.p, a.ld, x.p, r.inc, &r.beta, y.p, r.other_inc);
    else if (how == BAND)
        r.f->hbmv(r.layout, r.uplo, n, k, &r.alpha, a.p, a.ld, x.p, r.inc, &r.beta, y.p, r.other_inc);
    else
        r.f->hpmv(r.layout, r.uplo, n, &r.alpha, a.p, x.p, r.inc, &r.beta, y.p, r.other_inc);
    check_product(&a, AS_IS, &x, &y, r.al, r.be, n, "symv");
    drop(&a), drop(&x), drop(&y);
}

/* x = op(A) x, or op(A) x' = x: then the product of A with the result is compared with what x was. */
static void check_trmv(blas_type t)
{
    const choice r = choices(t);
    const int n = size(300), k = between(0, 6);
    const storage how = (storage)between(0, 2);
    const bool solve = between(0, 1);
    matrix a = half(t, r.rows, TRIANGLE_HALF, how, r.upper, r.unit, n, how == BAND ? k : n), x = vector(t, n, r.inc);
    if (how == FULL)
        (solve ? r.f->trsv : r.f->trmv)(r.layout, r.uplo, ops[r.op], r.diag, n, a.p, a.ld, x.p, r.inc);
    else if (how == BAND)
        (solve ? r.f->tbsv : r.f->tbmv)(r.layout, r.uplo, ops[r.op], r.diag, n, k, a.p, a.ld, x.p, r.inc);
    else
        (solve ? r.f->tpsv : r.f->tpmv)(r.layout, r.uplo, ops[r.op], r.diag, n, a.p, x.p, r.inc);
    for (int i = 0; i < n; i++) {
        number sum = {0, 0};
        for (int j = 0; j < n; j++)
            sum = plus(sum, times(op_element(&a, r.op, i, j), solve ? result(&x, j, 0) : element(&x, j, 0)));
        assert_near(solve ? sum : result(&x, i, 0), solve ? element(&x, i, 0) : sum, tolerance(t, n), solve ? "trsv" : "trmv", i, 0);
    }
    assert_rest_untouched(&x, "trmv"), assert_untouched(&a, "trmv");
    drop(&a), drop(&x);
}

static void check_ger(blas_type t)
{
    const choice r = choices(t);
    const int m = size(600), n = size(300);
    const bool conj = between(0, 1) && is_complex(t);
    matrix a = full(t, r.rows, m, n), x = vector(t, m, r.inc), y = vector(t, n, r.other_inc);
    spoil_input(&x, r.al), spoil_input(&y, r.al);
    (conj ? r.f->gerc : r.f->geru)(r.layout, m, n, &r.alpha, x.p, r.inc, y.p, r.other_inc, a.p, a.ld);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            const number product = times(element(&x, i, 0), conj_if(conj, element(&y, j, 0)));
            assert_near(result(&a, i, j), combined(r.al, product, (number){1, 0}, element(&a, i, j)), tolerance(t, 1), "ger", i, j);
        }
    assert_rest_untouched(&a, "ger");
    drop(&a), drop(&x), drop(&y);
}

/* syr, spr, syr2, spr2 and the Hermitian ones. */
static void check_syr(blas_type t)
{
    const choice r = choices(t);
    const int n = size(300);
    const bool packed = between(0, 1), two = between(0, 1), complex = is_complex(t);
    const number alpha = two || !complex ? r.al : r.real_al;
    matrix a = half(t, r.rows, HERMITIAN, packed ? PACKED : FULL, r.upper, false, n, n);
    matrix x = vector(t, n, r.inc), y = vector(t, n, r.other_inc);
    spoil_input(&x, alpha), spoil_input(&y, alpha);
    if (two && packed)
        r.f->hpr2(r.layout, r.uplo, n, &r.alpha, x.p, r.inc, y.p, r.other_inc, a.p);
    else if (two)
        r.f->her2(r.layout, r.uplo, n, &r.alpha, x.p, r.inc, y.p, r.other_inc, a.p, a.ld);
    else if (packed)
        r.f->hpr(r.layout, r.uplo, n, complex ? &r.real_alpha : &r.alpha, x.p, r.inc, a.p);
    else
        r.f->her(r.layout, r.uplo, n, complex ? &r.real_alpha : &r.alpha, x.p, r.inc, a.p, a.ld);
    for (int i = 0; i < n && !is_zero(alpha); i++)
        for (int j = 0; j < n; j++) {
            if (place(&a, i, j) < 0)
                continue;
            const number other = element(two ? &y : &x, j, 0);
            number sum = times(alpha, times(element(&x, i, 0), conj_if(complex, other)));
            if (two)
                sum = plus(sum, times(conj_if(complex, alpha), times(element(&y, i, 0), conj_if(complex, element(&x, j, 0)))));
            assert_near(result(&a, i, j), plus(sum, element(&a, i, j)), tolerance(t, 2), "syr", i, j);
        }
    assert_rest_untouched(&a, "syr");
    drop(&a), drop(&x), drop(&y);
}

/* ---- Level 3 -------------------------------------------------------------------------------------*/

/* C = alpha op(A) op(B) + beta C on what C stores, plus the mirrored product for rank-2 updates. */
static void check_products(const matrix *a, int op_a, const matrix *b, int op_b, int k, const matrix *c, number alpha, number beta,
                           bool two, bool hermitian, const char *what)
{
    for (int i = 0; i < c->m; i++)
        for (int j = 0; j < c->n; j++) {
            if (place(c, i, j) < 0)
                continue;
            number sum = {0, 0}, mirrored = {0, 0};
            for (int p = 0; p < k; p++)
                sum = plus(sum, times(op_element(a, op_a, i, p), op_element(b, op_b, p, j)));
            for (int p = 0; two && p < k; p++) /* the same with A and B exchanged: (j, i), transposed or adjoint */
                mirrored = plus(mirrored, times(op_element(a, op_a, j, p), op_element(b, op_b, p, i)));
            if (two)
                mirrored = conj_if(hermitian, times(alpha, mirrored));
            number should = combined(alpha, sum, beta, element(c, i, j));
            if (two && !is_zero(alpha))
                should = plus(should, mirrored);
            assert_near(result(c, i, j), should, tolerance(c->t, two ? 2 * k : k), what, i, j);
        }
    assert_rest_untouched(c, what);
}

static void check_gemm(blas_type t)
{
    const choice r = choices(t);
    const int m = size(130), n = size(130), k = size(130);
    matrix a = full(t, r.rows, r.op == AS_IS ? m : k, r.op == AS_IS ? k : m);
    matrix b = full(t, r.rows, r.other_op == AS_IS ? k : n, r.other_op == AS_IS ? n : k), c = full(t, r.rows, m, n);
    spoil_output(&c, r.be), spoil_input(&a, r.al), spoil_input(&b, r.al);
    r.f->gemm(r.layout, ops[r.op], ops[r.other_op], m, n, k, &r.alpha, a.p, a.ld, b.p, b.ld, &r.beta, c.p, c.ld);
    check_products(&a, r.op, &b, r.other_op, k, &c, r.al, r.be, false, false, "gemm");
    drop(&a), drop(&b), drop(&c);
}

static void check_symm(blas_type t)
{
    const choice r = choices(t);
    const int m = size(130), n = size(130);
    const bool hermitian = between(0, 1) && is_complex(t);
    matrix a = half(t, r.rows, hermitian ? HERMITIAN : SYMMETRIC, FULL, r.upper, false, r.left ? m : n, 0);
    matrix b = full(t, r.rows, m, n), c = full(t, r.rows, m, n);
    spoil_output(&c, r.be), spoil_input(&a, r.al), spoil_input(&b, r.al);
    (hermitian ? r.f->hemm : r.f->symm)(r.layout, r.side, r.uplo, m, n, &r.alpha, a.p, a.ld, b.p, b.ld, &r.beta, c.p, c.ld);
    check_products(r.left ? &a : &b, AS_IS, r.left ? &b : &a, AS_IS, r.left ? m : n, &c, r.al, r.be, false, false, "symm");
    drop(&a), drop(&b), drop(&c);
}

static void check_syrk(blas_type t)
{
    choice r = choices(t);
    const int n = size(300), k = size(40);
    const bool hermitian = between(0, 1) && is_complex(t), two = between(0, 1);
    r.op = r.op == AS_IS ? AS_IS : hermitian ? ADJOINT : TRANSPOSED;
    const int other = hermitian ? ADJOINT : TRANSPOSED, op_b = r.op == AS_IS ? other : AS_IS;
    const number alpha = hermitian && !two ? r.real_al : r.al, beta = hermitian ? r.real_be : r.be;
    matrix a = full(t, r.rows, r.op == AS_IS ? n : k, r.op == AS_IS ? k : n), b = full(t, r.rows, a.m, a.n);
    matrix c = half(t, r.rows, hermitian ? HERMITIAN : SYMMETRIC, FULL, r.upper, false, n, 0);
    for (int i = 0; hermitian && i < n; i++) { /* an update by nothing leaves imaginary parts of the diagonal as they are */
        const number diagonal = {element(&c, i, i).re, 0};
        put(t, c.p, place(&c, i, i), diagonal), put(t, c.before, place(&c, i, i), diagonal);
    }
    spoil_output(&c, beta), spoil_input(&a, alpha), spoil_input(&b, alpha);
    if (two)
        (hermitian ? r.f->her2k : r.f->syr2k)(r.layout, r.uplo, ops[r.op], n, k, &r.alpha, a.p, a.ld, b.p, b.ld,
                                              hermitian ? &r.real_beta : &r.beta, c.p, c.ld);
    else
        (hermitian ? r.f->herk : r.f->syrk)(r.layout, r.uplo, ops[r.op], n, k, hermitian ? &r.real_alpha : &r.alpha, a.p, a.ld,
                                            hermitian ? &r.real_beta : &r.beta, c.p, c.ld);
    check_products(&a, r.op, two ? &b : &a, op_b, k, &c, alpha, beta, two, hermitian, two ? "syr2k" : "syrk");
    drop(&a), drop(&b), drop(&c);
}

static void check_trmm(blas_type t)
{
    const choice r = choices(t);
    const int m = size(300), n = size(300), order = r.left ? m : n;
    const bool solve = between(0, 1);
    matrix a = half(t, r.rows, TRIANGLE_HALF, FULL, r.upper, r.unit, order, order), b = full(t, r.rows, m, n);
    spoil_input(&a, r.al);
    if (is_zero(r.al))
        spoil_output(&b, r.al);
    (solve ? r.f->trsm : r.f->trmm)(r.layout, r.side, r.uplo, ops[r.op], r.diag, m, n, &r.alpha, a.p, a.ld, b.p, b.ld);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            number sum = {0, 0};
            for (int p = 0; p < order; p++) {
                const number e = r.left ? op_element(&a, r.op, i, p) : op_element(&a, r.op, p, j);
                const matrix *const of = &b;
                const int row = r.left ? p : i, column = r.left ? j : p;
                sum = plus(sum, times(e, solve ? result(of, row, column) : element(of, row, column)));
            }
            const number given = solve ? combined(r.al, element(&b, i, j), (number){0, 0}, sum) : combined(r.al, sum, (number){0, 0}, sum);
            assert_near(solve ? sum : result(&b, i, j), given, tolerance(t, order), solve ? "trsm" : "trmm", i, j);
        }
    assert_rest_untouched(&b, "trmm");
    drop(&a), drop(&b);
}

static void repeat(void (*check)(blas_type), int times_each)
{
    for (int isa = ISA_GENERIC; isa <= (int)cpu()->isa; isa++)
        for (int i = 0; isa_is_whole((cpu_isa)isa) && select_isa(isa) && i < 4 * times_each; i++)
            check((blas_type)(i % 4));
}

#define TEST(name, check, times)      \
    static void name(void **state)    \
    {                                 \
        (void)state;                  \
        repeat(check, times);         \
    }
TEST(gemv_and_gbmv_are_sums, check_gemv, 150)
TEST(symmetric_matrices_times_vectors_read_one_triangle, check_symv, 150)
TEST(triangular_matrices_times_vectors_and_their_inverses, check_trmv, 250)
TEST(outer_products_are_added, check_ger, 80)
TEST(symmetric_updates_write_one_triangle, check_syr, 120)
TEST(gemm_is_sums, check_gemm, 150)
TEST(symm_reads_one_triangle, check_symm, 100)
TEST(syrk_and_syr2k_write_one_triangle, check_syrk, 80)
TEST(trmm_and_trsm_undo_each_other, check_trmm, 120)

/* ---- What else a caller relies on ------------------------------------------------------------------*/

typedef void (*work)(blas_type t, const matrix *a, matrix *b);

static void work_gemv(blas_type t, const matrix *a, matrix *b)
{
    const scalar one = scalar_of(t, (number){1, 0}), zero = scalar_of(t, (number){0, 0});
    calls_of[t].gemv(CblasColMajor, CblasNoTrans, a->m, a->n, &one, a->p, a->ld, a->p, 1, &zero, b->p, 1);
    calls_of[t].gemv(CblasColMajor, CblasTrans, a->m, a->n, &one, a->p, a->ld, a->p, 1, &one, b->p, 2);
    calls_of[t].hemv(CblasColMajor, CblasLower, a->m, &one, a->p, a->ld, a->p, 1, &one, b->p + 4096 * 16, 1);
    calls_of[t].her2(CblasColMajor, CblasUpper, a->m, &one, a->p, 1, a->p + 16, 1, b->p, a->ld);
}

static void work_level3(blas_type t, const matrix *a, matrix *b)
{
    const scalar one = scalar_of(t, (number){1, 0});
    calls_of[t].gemm(CblasColMajor, CblasNoTrans, CblasTrans, a->m, a->n, a->m, &one, a->p, a->ld, a->p, a->ld, &one, b->p, b->ld);
    calls_of[t].syrk(CblasColMajor, CblasLower, CblasNoTrans, a->m, 64, &one, a->p, a->ld, &one, b->p, b->ld);
    calls_of[t].symm(CblasColMajor, CblasLeft, CblasUpper, a->m, a->n, &one, a->p, a->ld, a->p, a->ld, &one, b->p, b->ld);
    calls_of[t].trsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasUnit, a->m, 64, &one, a->p, a->ld, b->p, b->ld);
}

static void work_level1(blas_type t, const matrix *a, matrix *b)
{
    const scalar by = scalar_of(t, (number){0.5, 0.25});
    const int n = (int)a->size;
    calls_of[t].axpy(n, &by, a->p, 1, b->p, 1);
    put(t, b->p, 0, blas_dot(t, n, a->p, 1, b->p, 1, true));
    put(t, b->p, 1, (number){blas_nrm2(t, n, b->p, 1), blas_asum(t, n, a->p, 1)});
}

static const work works[] = {work_level1, work_gemv, work_level3};

static void bits_are_the_same_for_any_number_of_threads(void **state)
{
    (void)state;
    const int before = cairn_threads(), n = 640;
    for (int i = 0; i < 3 * 4; i++) {
        const blas_type t = (blas_type)(i / 3);
        matrix a = {.t = t, .m = n, .n = n, .ld = n}, b = a, expected = a;
        fill(&a, 1, 0), fill(&b, 1, 0), fill(&expected, 1, 0);
        memcpy(b.p, expected.p, (size_t)(a.size * bytes_of(t)));
        cairn_set_threads(1);
        works[i % 3](t, &a, &expected);
        cairn_set_threads(5);
        works[i % 3](t, &a, &b);
        assert_memory_equal(b.p, expected.p, (size_t)(a.size * bytes_of(t)));
        drop(&a), drop(&b), drop(&expected);
    }
    cairn_set_threads(before);
}

/* Each allocation in turn fails: results come out right all the same, and no error is left behind. */
static void without_memory_results_are_right_all_the_same(void **state)
{
    (void)state;
    static void (*const checks[])(blas_type) = {check_gemm, check_symm, check_syrk, check_trmm, check_symv, check_gemv, check_trmv};
    for (int i = 0; i < 7 * 4 * 40; i++) {
        mem_fail_after(between(0, 2));
        checks[i % 7]((blas_type)(i / 7 % 4));
        mem_fail_after(-1);
        assert_int_equal(cairn_error(), CAIRN_OK);
    }
}

/* What an infinity in B does not meet in the formula it does not spoil: the triangle's zeros are not multiplied. */
static void zeros_outside_a_triangle_are_not_multiplied(void **state)
{
    (void)state;
    enum { N = 40, SIDES = 3 };
    double a[N * N] = {0}, b[N * SIDES];
    for (int i = 0; i < N; i++)
        a[i * N + i] = 1;
    for (int i = 0; i < N * SIDES; i++)
        b[i] = i % N == N - 1 ? INFINITY : 1;
    cblas_dtrmm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, N, SIDES, 1, a, N, b, N);
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, N, SIDES, 1, a, N, b, N);
    for (int i = 0; i < N * SIDES; i++)
        assert_true(i % N == N - 1 ? isinf(b[i]) : b[i] == 1);
}

static int quiet(void **state)
{
    (void)state;
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemv_and_gbmv_are_sums),
        cmocka_unit_test(symmetric_matrices_times_vectors_read_one_triangle),
        cmocka_unit_test(triangular_matrices_times_vectors_and_their_inverses),
        cmocka_unit_test(outer_products_are_added),
        cmocka_unit_test(symmetric_updates_write_one_triangle),
        cmocka_unit_test(gemm_is_sums),
        cmocka_unit_test(symm_reads_one_triangle),
        cmocka_unit_test(syrk_and_syr2k_write_one_triangle),
        cmocka_unit_test(trmm_and_trsm_undo_each_other),
        cmocka_unit_test(bits_are_the_same_for_any_number_of_threads),
        cmocka_unit_test(without_memory_results_are_right_all_the_same),
        cmocka_unit_test(zeros_outside_a_triangle_are_not_multiplied),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
