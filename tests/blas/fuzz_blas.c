/* Calls of the BLAS: a wrong argument is reported, and nothing is touched; a right one keeps to the arrays as they are stated. */
#include "tests/fuzz/descriptor.h"
#include <cairn/blas.h>

static int reports;

void cblas_xerbla(int info, const char *routine, const char *form, ...)
{
    (void)form;
    demand(info >= 0 && routine && routine[0], "a report of argument %d", info);
    reports++;
}

/* ---- Arguments ----------------------------------------------------------------------------------------------*/

typedef enum letter { S, D, C, Z } letter;

static struct arguments {
    letter t;
    CBLAS_LAYOUT layout;
    CBLAS_TRANSPOSE trans_a, trans_b;
    CBLAS_UPLO uplo;
    CBLAS_DIAG diag;
    CBLAS_SIDE side;
    int m, n, k, kl, ku, lda, ldb, ldc, incx, incy;
    double alpha, beta;
    bool good, called;                      /* so far */
} v;

static int whole(int low, int high) { return (int)number(low, high); }
static int setting(int first, int count) { return (int)((uint64_t)first + (uint64_t)number(0, count - 1)); }

/* A leading dimension for so many elements. */
static int leading(int64_t elements) { return (int)number(elements < 1 ? 1 : elements, (elements < 1 ? 1 : elements) + 2); }

static int step(void)
{
    const int inc = rarely() ? whole(-3, 3) : 1;
    return inc == 0 && !rarely() ? 1 : inc;
}

static void decode(void)
{
    v = (struct arguments){.t = next_byte() % 4, .layout = setting(CblasRowMajor, 2), .trans_a = setting(CblasNoTrans, 3), .trans_b = setting(CblasNoTrans, 3),
                           .uplo = setting(CblasUpper, 2), .diag = setting(CblasNonUnit, 2), .side = setting(CblasLeft, 2), .m = whole(0, 12), .n = whole(0, 12),
                           .k = whole(0, 12), .kl = whole(0, 3), .ku = whole(0, 3), .incx = step(), .incy = step(), .alpha = real(), .beta = real(), .good = true};
}

static void want(bool right) { v.good = v.good && right; }
static bool is_op(int x) { return x == CblasNoTrans || x == CblasTrans || x == CblasConjTrans; }
static void want_layout(void) { want(v.layout == CblasRowMajor || v.layout == CblasColMajor); }
static void want_uplo(void) { want(v.uplo == CblasUpper || v.uplo == CblasLower); }
static void want_diag(void) { want(v.diag == CblasNonUnit || v.diag == CblasUnit); }
static void want_side(void) { want(v.side == CblasLeft || v.side == CblasRight); }

static int element(void) { return v.t == S ? 4 : v.t == Z ? 16 : 8; }

/* A rows x columns matrix whose leading dimension is chosen here; NULL where it does not fit. */
static void *matrix(role role, int64_t rows, int64_t columns, int *ld)
{
    const int64_t line = v.layout == CblasRowMajor ? columns : rows, lines = v.layout == CblasRowMajor ? rows : columns;
    *ld = leading(line < 64 ? line : 64);
    want(*ld >= line && *ld >= 1);
    int64_t before, bytes = span_of(element(), 2, (int64_t[]){lines, line}, (int64_t[]){*ld, 1}, &before);
    return bytes < 0 || before ? NULL : take(role, bytes);
}

/* A band: so many diagonals of `lines` columns (rows) each. */
static void *band(int64_t diagonals, int64_t lines, int *ld)
{
    *ld = leading(diagonals < 64 ? diagonals : 64);
    want(*ld >= diagonals);
    const int64_t bytes = PRODUCT(MOST_ARRAY, lines, *ld, element());
    return bytes < 0 ? NULL : take(IN, bytes);
}

static void *packed(role role, int64_t n)
{
    return n < 0 || n > 64 ? NULL : take(role, n * (n + 1) / 2 * element());
}

static void *vector(role role, int64_t n, int inc)
{
    int64_t before, bytes = span_of(element(), 1, &n, (int64_t[]){inc}, &before);
    return bytes < 0 || n > 4096 ? NULL : take(role, bytes);
}

/* ---- Calls --------------------------------------------------------------------------------------------------*/

/* The call with the scalars of each letter. */
#define REAL(routine, ...)                                                                                      \
    do {                                                                                                        \
        if (v.t == S) {                                                                                         \
            const float alpha = (float)v.alpha, beta = (float)v.beta;                                           \
            (void)alpha, (void)beta, cblas_s##routine(__VA_ARGS__);                                             \
        } else {                                                                                                \
            const double alpha = v.alpha, beta = v.beta;                                                        \
            (void)alpha, (void)beta, cblas_d##routine(__VA_ARGS__);                                             \
        }                                                                                                       \
    } while (0)
#define COMPLEX(routine, ...)                                                                                   \
    do {                                                                                                        \
        if (v.t == C) {                                                                                         \
            const float alpha[] = {(float)v.alpha, 1}, beta[] = {(float)v.beta, 0};                             \
            (void)alpha, (void)beta, cblas_c##routine(__VA_ARGS__);                                             \
        } else {                                                                                                \
            const double alpha[] = {v.alpha, 1}, beta[] = {v.beta, 0};                                          \
            (void)alpha, (void)beta, cblas_z##routine(__VA_ARGS__);                                             \
        }                                                                                                       \
    } while (0)
#define ANY(routine, ...)                                                                                       \
    do {                                                                                                        \
        if (v.t == S || v.t == D)                                                                               \
            REAL(routine, __VA_ARGS__);                                                                         \
        else                                                                                                    \
            COMPLEX(routine, __VA_ARGS__);                                                                      \
    } while (0)

/* Whether to go on: arguments that are right need their arrays. */
static bool ready(int count, void *const *arrays)
{
    remember();
    for (int i = 0; i < count; i++)
        if (!arrays[i] && v.good)
            return false;
    v.called = true;
    return true;
}
#define READY(...) ready(sizeof((void *[]){__VA_ARGS__}) / sizeof(void *), (void *[]){__VA_ARGS__})

static void fuzz_gemm(void)
{
    const bool a_turned = v.trans_a != CblasNoTrans, b_turned = v.trans_b != CblasNoTrans;
    want_layout(), want(is_op(v.trans_a) && is_op(v.trans_b) && v.m >= 0 && v.n >= 0 && v.k >= 0);
    void *a = matrix(IN, a_turned ? v.k : v.m, a_turned ? v.m : v.k, &v.lda), *b = matrix(IN, b_turned ? v.n : v.k, b_turned ? v.k : v.n, &v.ldb);
    void *c = matrix(OUT, v.m, v.n, &v.ldc);
    if (READY(a, b, c))
        ANY(gemm, v.layout, v.trans_a, v.trans_b, v.m, v.n, v.k, alpha, a, v.lda, b, v.ldb, beta, c, v.ldc);
}

static void fuzz_symm(void)
{
    want_layout(), want_side(), want_uplo(), want(v.m >= 0 && v.n >= 0);
    const int order = v.side == CblasLeft ? v.m : v.n;
    void *a = matrix(IN, order, order, &v.lda), *b = matrix(IN, v.m, v.n, &v.ldb), *c = matrix(OUT, v.m, v.n, &v.ldc);
    if (READY(a, b, c))
        ANY(symm, v.layout, v.side, v.uplo, v.m, v.n, alpha, a, v.lda, b, v.ldb, beta, c, v.ldc);
}

static void fuzz_syr2k(void)
{
    const bool turned = v.trans_a != CblasNoTrans, two = flag();
    want_layout(), want_uplo(), want(v.n >= 0 && v.k >= 0);
    want(v.trans_a == CblasNoTrans || v.trans_a == CblasTrans || (v.trans_a == CblasConjTrans && (v.t == S || v.t == D)));
    void *a = matrix(IN, turned ? v.k : v.n, turned ? v.n : v.k, &v.lda);
    void *b = two ? matrix(IN, turned ? v.k : v.n, turned ? v.n : v.k, &v.ldb) : a, *c = matrix(OUT, v.n, v.n, &v.ldc);
    if (!READY(a, b, c))
        return;
    if (two)
        ANY(syr2k, v.layout, v.uplo, v.trans_a, v.n, v.k, alpha, a, v.lda, b, v.ldb, beta, c, v.ldc);
    else
        ANY(syrk, v.layout, v.uplo, v.trans_a, v.n, v.k, alpha, a, v.lda, beta, c, v.ldc);
}

static void fuzz_trsm(void)
{
    want_layout(), want_side(), want_uplo(), want_diag(), want(is_op(v.trans_a) && v.m >= 0 && v.n >= 0);
    const int order = v.side == CblasLeft ? v.m : v.n;
    void *a = matrix(IN, order, order, &v.lda), *b = matrix(OUT, v.m, v.n, &v.ldb);
    if (!READY(a, b))
        return;
    if (flag())
        ANY(trsm, v.layout, v.side, v.uplo, v.trans_a, v.diag, v.m, v.n, alpha, a, v.lda, b, v.ldb);
    else
        ANY(trmm, v.layout, v.side, v.uplo, v.trans_a, v.diag, v.m, v.n, alpha, a, v.lda, b, v.ldb);
}

static void fuzz_gemv(void)
{
    const bool turned = v.trans_a != CblasNoTrans;
    want_layout(), want(is_op(v.trans_a) && v.m >= 0 && v.n >= 0 && v.incx && v.incy);
    void *x = vector(IN, turned ? v.m : v.n, v.incx), *y = vector(OUT, turned ? v.n : v.m, v.incy);
    if (flag()) {
        void *a = matrix(IN, v.m, v.n, &v.lda);
        if (READY(a, x, y))
            ANY(gemv, v.layout, v.trans_a, v.m, v.n, alpha, a, v.lda, x, v.incx, beta, y, v.incy);
        return;
    }
    want(v.kl >= 0 && v.ku >= 0);
    void *a = band((int64_t)v.kl + v.ku + 1, v.layout == CblasRowMajor ? v.m : v.n, &v.lda);
    if (READY(a, x, y))
        ANY(gbmv, v.layout, v.trans_a, v.m, v.n, v.kl, v.ku, alpha, a, v.lda, x, v.incx, beta, y, v.incy);
}

static void fuzz_triangle(void)
{
    want_layout(), want_uplo(), want_diag(), want(is_op(v.trans_a) && v.n >= 0 && v.incx);
    const int which = next_byte() % 6;
    void *x = vector(OUT, v.n, v.incx), *a;
    if (which >= 4)
        want(v.kl >= 0);
    a = which < 2 ? matrix(IN, v.n, v.n, &v.lda) : which < 4 ? packed(IN, v.n) : band((int64_t)v.kl + 1, v.n, &v.lda);
    if (!READY(a, x))
        return;
    switch (which) {
    case 0: ANY(trmv, v.layout, v.uplo, v.trans_a, v.diag, v.n, a, v.lda, x, v.incx); break;
    case 1: ANY(trsv, v.layout, v.uplo, v.trans_a, v.diag, v.n, a, v.lda, x, v.incx); break;
    case 2: ANY(tpmv, v.layout, v.uplo, v.trans_a, v.diag, v.n, a, x, v.incx); break;
    case 3: ANY(tpsv, v.layout, v.uplo, v.trans_a, v.diag, v.n, a, x, v.incx); break;
    case 4: ANY(tbmv, v.layout, v.uplo, v.trans_a, v.diag, v.n, v.kl, a, v.lda, x, v.incx); break;
    default: ANY(tbsv, v.layout, v.uplo, v.trans_a, v.diag, v.n, v.kl, a, v.lda, x, v.incx);
    }
}

/* Symmetric or Hermitian times a vector. */
static void fuzz_symv(void)
{
    const bool real_t = v.t == S || v.t == D;
    const int which = next_byte() % 3;
    want_layout(), want_uplo(), want(v.n >= 0 && v.incx && v.incy && (which != 2 || v.kl >= 0));
    void *x = vector(IN, v.n, v.incx), *y = vector(OUT, v.n, v.incy);
    void *a = which == 0 ? matrix(IN, v.n, v.n, &v.lda) : which == 1 ? packed(IN, v.n) : band((int64_t)v.kl + 1, v.n, &v.lda);
    if (!READY(a, x, y))
        return;
    if (which == 0 && real_t)
        REAL(symv, v.layout, v.uplo, v.n, alpha, a, v.lda, x, v.incx, beta, y, v.incy);
    else if (which == 0)
        COMPLEX(hemv, v.layout, v.uplo, v.n, alpha, a, v.lda, x, v.incx, beta, y, v.incy);
    else if (which == 1 && real_t)
        REAL(spmv, v.layout, v.uplo, v.n, alpha, a, x, v.incx, beta, y, v.incy);
    else if (which == 1)
        COMPLEX(hpmv, v.layout, v.uplo, v.n, alpha, a, x, v.incx, beta, y, v.incy);
    else if (real_t)
        REAL(sbmv, v.layout, v.uplo, v.n, v.kl, alpha, a, v.lda, x, v.incx, beta, y, v.incy);
    else
        COMPLEX(hbmv, v.layout, v.uplo, v.n, v.kl, alpha, a, v.lda, x, v.incx, beta, y, v.incy);
}

/* Matrices that grow by products of vectors. */
static void fuzz_rank(void)
{
    const bool real_t = v.t == S || v.t == D, full = flag(), whole_matrix = full || flag();
    want_layout(), want(v.n >= 0 && v.incx && v.incy);
    full ? want(v.m >= 0) : want_uplo();
    void *x = vector(IN, full ? v.m : v.n, v.incx), *y = vector(IN, v.n, v.incy), *a = whole_matrix ? matrix(OUT, full ? v.m : v.n, v.n, &v.lda) : packed(OUT, v.n);
    if (!READY(a, x, y))
        return;
    if (full && real_t)
        REAL(ger, v.layout, v.m, v.n, alpha, x, v.incx, y, v.incy, a, v.lda);
    else if (full)
        COMPLEX(gerc, v.layout, v.m, v.n, alpha, x, v.incx, y, v.incy, a, v.lda);
    else if (whole_matrix && real_t)
        REAL(syr2, v.layout, v.uplo, v.n, alpha, x, v.incx, y, v.incy, a, v.lda);
    else if (whole_matrix)
        COMPLEX(her2, v.layout, v.uplo, v.n, alpha, x, v.incx, y, v.incy, a, v.lda);
    else if (real_t)
        REAL(spr2, v.layout, v.uplo, v.n, alpha, x, v.incx, y, v.incy, a);
    else
        COMPLEX(hpr2, v.layout, v.uplo, v.n, alpha, x, v.incx, y, v.incy, a);
}

/* Level 1 has no wrong arguments: n < 1 is nothing to do, and an increment of 0 repeats an element. */
static void fuzz_vectors(void)
{
    const int which = next_byte() % 6;
    void *x = vector(which < 2 ? IN : OUT, v.n < 0 ? 0 : v.n, v.incx), *y = vector(which == 1 ? IN : OUT, v.n < 0 ? 0 : v.n, v.incy);
    double sums[2];
    if (!READY(x, y))
        return;
    switch (which) {
    case 0: ANY(copy, v.n, x, v.incx, y, v.incy); break;
    case 1:
        if (v.t == S || v.t == D)
            REAL(dot, v.n, x, v.incx, y, v.incy);
        else
            COMPLEX(dotc_sub, v.n, x, v.incx, y, v.incy, sums);
        break;
    case 2: ANY(axpy, v.n, alpha, x, v.incx, y, v.incy); break;
    case 3: ANY(swap, v.n, x, v.incx, y, v.incy); break;
    case 4: ANY(scal, v.n, alpha, x, v.incx); break;
    default:
        if (v.t == S || v.t == D) {
            REAL(nrm2, v.n, x, v.incx);
            REAL(rot, v.n, x, v.incx, y, v.incy, alpha, beta);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const families[])(void) = {fuzz_gemm, fuzz_symm, fuzz_syr2k, fuzz_trsm, fuzz_gemv, fuzz_triangle, fuzz_symv, fuzz_rank, fuzz_vectors};
    begin_input(data, size);
    decode();
    reports = 0;
    const int family = next_byte() % (int)(sizeof families / sizeof *families);
    families[family]();
    demand(!v.called || !reports == v.good,
           "family %d, letter %d: %d reports of %s arguments: layout %d, trans %d %d, uplo %d, diag %d, side %d, %d x %d x %d, bands %d %d, lda %d, ldb %d, "
           "ldc %d, steps %d %d", family, (int)v.t, reports, v.good ? "right" : "wrong", (int)v.layout, (int)v.trans_a, (int)v.trans_b, (int)v.uplo,
           (int)v.diag, (int)v.side, v.m, v.n, v.k, v.kl, v.ku, v.lda, v.ldb, v.ldc, v.incx, v.incy);
    demand_untouched("BLAS", reports > 0);
    release();
    return 0;
}
