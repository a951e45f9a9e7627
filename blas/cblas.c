/* The C symbols. Row-major matrices are column-major ones seen transposed: operands, sides, triangles and operations are
 * exchanged here, and where the transpose of a Hermitian matrix comes out, its conjugate is asked for. */
#include "blas/rotations.h"

#include <cairn/blas.h>
#include <math.h>

/* ---- Level 1 -------------------------------------------------------------------------------------*/

/* The address of a scalar, whether it came by value or by address. */
#define REF(x) ((const void *)_Generic((x), const void *: (x), default: &(x)))

#define X(p, T, S, R)                                                                                                   \
    void cblas_##p##swap(int n, T *x, int incx, T *y, int incy) { blas_swap(BLAS_##p, n, x, incx, y, incy); }           \
    void cblas_##p##copy(int n, const T *x, int incx, T *y, int incy) { blas_copy(BLAS_##p, n, x, incx, y, incy); }     \
    void cblas_##p##axpy(int n, S alpha, const T *x, int incx, T *y, int incy)                                          \
    {                                                                                                                   \
        blas_axpy(BLAS_##p, n, REF(alpha), x, incx, y, incy);                                                           \
    }                                                                                                                   \
    void cblas_##p##scal(int n, S alpha, T *x, int incx) { blas_scal(BLAS_##p, n, REF(alpha), x, incx); }               \
    CBLAS_INDEX cblas_i##p##amax(int n, const T *x, int incx)                                                           \
    {                                                                                                                   \
        const int64_t found = blas_argmax(BLAS_##p, n, x, incx);                                                        \
        return found < 0 ? 0 : (CBLAS_INDEX)found;                                                                      \
    }
CAIRN_BLAS_ALL(X)
#undef X

#define X(p, T, S, R)                                                                                                   \
    T cblas_##p##dot(int n, const T *x, int incx, const T *y, int incy)                                                 \
    {                                                                                                                   \
        return (T)blas_dot(BLAS_##p, n, x, incx, y, incy, false).re;                                                    \
    }                                                                                                                   \
    T cblas_##p##nrm2(int n, const T *x, int incx) { return (T)blas_nrm2(BLAS_##p, n, x, incx); }                       \
    T cblas_##p##asum(int n, const T *x, int incx) { return (T)blas_asum(BLAS_##p, n, x, incx); }                       \
    void cblas_##p##rot(int n, T *x, int incx, T *y, int incy, T c, T s) { blas_rot(BLAS_##p, n, x, incx, y, incy, c, s); } \
    void cblas_##p##rotm(int n, T *x, int incx, T *y, int incy, const T *P)                                             \
    {                                                                                                                   \
        blas_rotm(BLAS_##p, n, x, incx, y, incy, P);                                                                    \
    }                                                                                                                   \
    extern void p##rotg_(T *a, T *b, T *c, T *s);                                                                       \
    extern void p##rotmg_(T *d1, T *d2, T *x1, const T *y1, T *P);                                                      \
    void cblas_##p##rotg(T *a, T *b, T *c, T *s) { p##rotg_(a, b, c, s); }                                              \
    void cblas_##p##rotmg(T *d1, T *d2, T *x1, T y1, T *P) { p##rotmg_(d1, d2, x1, &y1, P); }
CAIRN_BLAS_REAL(X)
#undef X

float cblas_sdsdot(int n, float alpha, const float *x, int incx, const float *y, int incy)
{
    return (float)(alpha + blas_wide_dot(n, x, incx, y, incy));
}

double cblas_dsdot(int n, const float *x, int incx, const float *y, int incy) { return blas_wide_dot(n, x, incx, y, incy); }

#define X(p, r, R)                                                                                                      \
    void cblas_##p##dotu_sub(int n, const void *x, int incx, const void *y, int incy, void *result)                     \
    {                                                                                                                   \
        put(BLAS_##p, result, 0, blas_dot(BLAS_##p, n, x, incx, y, incy, false));                                       \
    }                                                                                                                   \
    void cblas_##p##dotc_sub(int n, const void *x, int incx, const void *y, int incy, void *result)                     \
    {                                                                                                                   \
        put(BLAS_##p, result, 0, blas_dot(BLAS_##p, n, x, incx, y, incy, true));                                        \
    }                                                                                                                   \
    R cblas_##r##p##nrm2(int n, const void *x, int incx) { return (R)blas_nrm2(BLAS_##p, n, x, incx); }                 \
    R cblas_##r##p##asum(int n, const void *x, int incx) { return (R)blas_asum(BLAS_##p, n, x, incx); }                 \
    R cblas_##r##cabs1(const void *x) { return (R)fabs(get(BLAS_##p, x, 0).re) + (R)fabs(get(BLAS_##p, x, 0).im); }     \
    void cblas_##p##r##scal(int n, R alpha, void *x, int incx) { blas_real_scal(BLAS_##p, n, &alpha, x, incx); }        \
    void cblas_##p##r##rot(int n, void *x, int incx, void *y, int incy, R c, R s)                                       \
    {                                                                                                                   \
        blas_rot(BLAS_##p, n, x, incx, y, incy, c, s);                                                                  \
    }                                                                                                                   \
    extern void p##rotg_(void *a, const void *b, R *c, void *s);                                                        \
    void cblas_##p##rotg(void *a, void *b, R *c, void *s) { p##rotg_(a, b, c, s); }
X(c, s, float)
X(z, d, double)
#undef X

/* ---- What calls of levels 2 and 3 begin with -------------------------------------------------------*/

typedef struct call {
    const char *routine;
    blas_type t;
    bool rows, ok;                      /* ok turns false with the first report */
} call;

static call begin(const char *routine, blas_type t, CBLAS_LAYOUT layout)
{
    const call c = {routine, t, layout == CblasRowMajor, layout == CblasRowMajor || layout == CblasColMajor};
    if (!c.ok)
        cblas_xerbla(1, routine, "Illegal layout setting, %d\n", (int)layout);
    return c;
}

static int refuse(call *c, int place, const char *what, int value)
{
    if (c->ok)
        cblas_xerbla(place, c->routine, "Illegal %s setting, %d\n", what, value);
    c->ok = false;
    return NO_OP;
}

/* Of real elements the conjugate is nothing. */
static int op_from(call *c, int place, CBLAS_TRANSPOSE trans)
{
    switch ((int)trans) {
    case CblasNoTrans: return AS_IS;
    case CblasTrans: return TRANSPOSED;
    case CblasConjTrans: return is_complex(c->t) ? ADJOINT : TRANSPOSED;
    default: return refuse(c, place, "Trans", (int)trans);
    }
}

static int uplo_from(call *c, int place, CBLAS_UPLO uplo)
{
    if (uplo != CblasUpper && uplo != CblasLower)
        return refuse(c, place, "Uplo", (int)uplo);
    return (uplo == CblasUpper) != c->rows ? 'U' : 'L';
}

static int side_from(call *c, int place, CBLAS_SIDE side)
{
    if (side != CblasLeft && side != CblasRight)
        return refuse(c, place, "Side", (int)side);
    return (side == CblasLeft) != c->rows ? 'L' : 'R';
}

static int diag_from(call *c, int place, CBLAS_DIAG diag)
{
    if (diag != CblasUnit && diag != CblasNonUnit)
        return refuse(c, place, "Diag", (int)diag);
    return diag == CblasUnit ? 'U' : 'N';
}

#define BEGIN(p, name) call c = begin("cblas_" #p name, BLAS_##p, layout)
#define CALLER(NAME) ((caller){NAME, c.t, c.rows ? FROM_C_ROWS : FROM_C})
#define TRIANGLE(how, a, k, lda) ((triangle){how, half, n, k, lda, a})

/* ---- Level 2 -------------------------------------------------------------------------------------*/

#define TRIANGULAR(p, T, name, NAME, how, solve, lda, k, ...)                                                           \
    void cblas_##p##name(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int n, __VA_ARGS__, \
                         T *x, int incx)                                                                                \
    {                                                                                                                   \
        BEGIN(p, #name);                                                                                                \
        const int half = uplo_from(&c, 2, uplo), op = op_from(&c, 3, trans), unit = diag_from(&c, 4, diag);             \
        if (c.ok)                                                                                                       \
            blas_trmv(CALLER(NAME), solve, TRIANGLE(how, a, k, lda), c.rows ? op ^ TRANSPOSED : op, unit, x, incx);     \
    }
#define X(p, T, S, R)                                                                                                   \
    void cblas_##p##gemv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans, int m, int n, S alpha, const T *a, int lda, const T *x, \
                         int incx, S beta, T *y, int incy)                                                              \
    {                                                                                                                   \
        BEGIN(p, "gemv");                                                                                               \
        const int op = op_from(&c, 2, trans);                                                                           \
        if (c.ok)                                                                                                       \
            blas_gemv(CALLER("GEMV"), c.rows ? op ^ TRANSPOSED : op, c.rows ? n : m, c.rows ? m : n, REF(alpha), a, lda, x, \
                      incx, REF(beta), y, incy);                                                                        \
    }                                                                                                                   \
    void cblas_##p##gbmv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans, int m, int n, int kl, int ku, S alpha, const T *a, \
                         int lda, const T *x, int incx, S beta, T *y, int incy)                                         \
    {                                                                                                                   \
        BEGIN(p, "gbmv");                                                                                               \
        const int op = op_from(&c, 2, trans);                                                                           \
        if (c.ok)                                                                                                       \
            blas_gbmv(CALLER("GBMV"), c.rows ? op ^ TRANSPOSED : op, c.rows ? n : m, c.rows ? m : n, c.rows ? ku : kl,  \
                      c.rows ? kl : ku, REF(alpha), a, lda, x, incx, REF(beta), y, incy);                               \
    }                                                                                                                   \
    TRIANGULAR(p, T, trmv, "TRMV", FULL, false, lda, 0, const T *a, int lda)                                            \
    TRIANGULAR(p, T, trsv, "TRSV", FULL, true, lda, 0, const T *a, int lda)                                             \
    TRIANGULAR(p, T, tbmv, "TBMV", BAND, false, lda, k, int k, const T *a, int lda)                                     \
    TRIANGULAR(p, T, tbsv, "TBSV", BAND, true, lda, k, int k, const T *a, int lda)                                      \
    TRIANGULAR(p, T, tpmv, "TPMV", PACKED, false, 0, 0, const T *a)                                                     \
    TRIANGULAR(p, T, tpsv, "TPSV", PACKED, true, 0, 0, const T *a)
CAIRN_BLAS_ALL(X)
#undef X

/* Symmetric and Hermitian alike. */
#define MULTIPLY(p, T, S, name, NAME, hermitian, how, lda, k, ...)                                                      \
    void cblas_##p##name(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, __VA_ARGS__, const T *x, int incx, S beta, T *y,  \
                         int incy)                                                                                      \
    {                                                                                                                   \
        BEGIN(p, #name);                                                                                                \
        const int half = uplo_from(&c, 2, uplo);                                                                        \
        if (c.ok)                                                                                                       \
            blas_symv(CALLER(NAME), hermitian, hermitian && c.rows, TRIANGLE(how, a, k, lda), REF(alpha), x, incx, REF(beta), \
                      y, incy);                                                                                         \
    }
#define UPDATE_1(p, T, S, name, NAME, hermitian, how, lda, ...)                                                         \
    void cblas_##p##name(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *x, int incx, __VA_ARGS__)       \
    {                                                                                                                   \
        BEGIN(p, #name);                                                                                                \
        const int half = uplo_from(&c, 2, uplo);                                                                        \
        if (c.ok)                                                                                                       \
            blas_syr(CALLER(NAME), hermitian, hermitian && c.rows, TRIANGLE(how, a, 0, lda), &alpha, x, incx);          \
    }
/* (alpha x y^H)^T is alpha conj(y) conj(x)^H. */
#define UPDATE_2(p, T, S, name, NAME, hermitian, how, lda, ...)                                                         \
    void cblas_##p##name(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *x, int incx, const T *y, int incy, \
                         __VA_ARGS__)                                                                                   \
    {                                                                                                                   \
        BEGIN(p, #name);                                                                                                \
        const int half = uplo_from(&c, 2, uplo);                                                                        \
        const bool swap = hermitian && c.rows;                                                                          \
        if (c.ok)                                                                                                       \
            blas_syr2(CALLER(NAME), hermitian, swap, TRIANGLE(how, a, 0, lda), REF(alpha), swap ? y : x, swap ? incy : incx, \
                      swap ? x : y, swap ? incx : incy);                                                                \
    }
#define OUTER(p, T, S, name, NAME, conj)                                                                                \
    void cblas_##p##name(CBLAS_LAYOUT layout, int m, int n, S alpha, const T *x, int incx, const T *y, int incy, T *a, int lda) \
    {                                                                                                                   \
        BEGIN(p, #name);                                                                                                \
        if (c.ok && c.rows)                                                                                             \
            blas_ger(CALLER(NAME), conj, false, n, m, REF(alpha), y, incy, x, incx, a, lda);                            \
        else if (c.ok)                                                                                                  \
            blas_ger(CALLER(NAME), false, conj, m, n, REF(alpha), x, incx, y, incy, a, lda);                            \
    }
#define X(p, T, S, R)                                                                                                   \
    MULTIPLY(p, T, S, symv, "SYMV", false, FULL, lda, 0, S alpha, const T *a, int lda)                                  \
    MULTIPLY(p, T, S, sbmv, "SBMV", false, BAND, lda, k, int k, S alpha, const T *a, int lda)                           \
    MULTIPLY(p, T, S, spmv, "SPMV", false, PACKED, 0, 0, S alpha, const T *a)                                           \
    UPDATE_1(p, T, S, syr, "SYR", false, FULL, lda, T *a, int lda)                                                      \
    UPDATE_1(p, T, S, spr, "SPR", false, PACKED, 0, T *a)                                                               \
    UPDATE_2(p, T, S, syr2, "SYR2", false, FULL, lda, T *a, int lda)                                                    \
    UPDATE_2(p, T, S, spr2, "SPR2", false, PACKED, 0, T *a)                                                             \
    OUTER(p, T, S, ger, "GER", false)
CAIRN_BLAS_REAL(X)
#undef X
#define X(p, T, S, R)                                                                                                   \
    MULTIPLY(p, T, S, hemv, "HEMV", true, FULL, lda, 0, S alpha, const T *a, int lda)                                   \
    MULTIPLY(p, T, S, hbmv, "HBMV", true, BAND, lda, k, int k, S alpha, const T *a, int lda)                            \
    MULTIPLY(p, T, S, hpmv, "HPMV", true, PACKED, 0, 0, S alpha, const T *a)                                            \
    UPDATE_1(p, T, R, her, "HER", true, FULL, lda, T *a, int lda)                                                       \
    UPDATE_1(p, T, R, hpr, "HPR", true, PACKED, 0, T *a)                                                                \
    UPDATE_2(p, T, S, her2, "HER2", true, FULL, lda, T *a, int lda)                                                     \
    UPDATE_2(p, T, S, hpr2, "HPR2", true, PACKED, 0, T *a)                                                              \
    OUTER(p, T, S, geru, "GERU", false)                                                                                 \
    OUTER(p, T, S, gerc, "GERC", true)
CAIRN_BLAS_COMPLEX(X)
#undef X

/* ---- Level 3 -------------------------------------------------------------------------------------*/

#define TRIANGULAR_3(p, T, S, name, NAME, solve)                                                                        \
    void cblas_##p##name(CBLAS_LAYOUT layout, CBLAS_SIDE side, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int m, \
                         int n, S alpha, const T *a, int lda, T *b, int ldb)                                            \
    {                                                                                                                   \
        BEGIN(p, #name);                                                                                                \
        const int which = side_from(&c, 2, side), half = uplo_from(&c, 3, uplo), op = op_from(&c, 4, trans);            \
        const int unit = diag_from(&c, 5, diag);                                                                        \
        if (c.ok)                                                                                                       \
            blas_trmm(CALLER(NAME), solve, which, half, op, unit, c.rows ? n : m, c.rows ? m : n, REF(alpha), a, lda, b, ldb); \
    }
/* flip: what makes of A its transpose, or for Hermitian results its adjoint. */
#define SYMMETRIC_3(p, T, S, sy, SY, hermitian, SK, S2K)                                                                \
    void cblas_##p##sy##mm(CBLAS_LAYOUT layout, CBLAS_SIDE side, CBLAS_UPLO uplo, int m, int n, S alpha, const T *a, int lda, \
                           const T *b, int ldb, S beta, T *to, int ldc)                                                 \
    {                                                                                                                   \
        BEGIN(p, #sy "mm");                                                                                             \
        const int which = side_from(&c, 2, side), half = uplo_from(&c, 3, uplo);                                        \
        if (c.ok)                                                                                                       \
            blas_symm(CALLER(SY "MM"), hermitian, which, half, c.rows ? n : m, c.rows ? m : n, REF(alpha), a, lda, b, ldb, \
                      REF(beta), to, ldc);                                                                              \
    }                                                                                                                   \
    void cblas_##p##sy##rk(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, int n, int k, SK alpha, const T *a, \
                           int lda, SK beta, T *to, int ldc)                                                            \
    {                                                                                                                   \
        BEGIN(p, #sy "rk");                                                                                             \
        const int half = uplo_from(&c, 2, uplo), op = op_from(&c, 3, trans), flip = hermitian ? ADJOINT : TRANSPOSED;   \
        if (c.ok)                                                                                                       \
            blas_syrk(CALLER(SY "RK"), hermitian, half, c.rows ? op ^ flip : op, n, k, REF(alpha), a, lda, REF(beta), to, ldc); \
    }                                                                                                                   \
    void cblas_##p##sy##r2k(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, int n, int k, S alpha, const T *a, \
                            int lda, const T *b, int ldb, S2K beta, T *to, int ldc)                                     \
    {                                                                                                                   \
        BEGIN(p, #sy "r2k");                                                                                            \
        const int half = uplo_from(&c, 2, uplo), op = op_from(&c, 3, trans), flip = hermitian ? ADJOINT : TRANSPOSED;   \
        const scalar conjugated = scalar_of(c.t, conj_if(hermitian && c.rows, get(c.t, REF(alpha), 0)));                \
        if (c.ok)                                                                                                       \
            blas_syr2k(CALLER(SY "R2K"), hermitian, half, c.rows ? op ^ flip : op, n, k, &conjugated, a, lda, b, ldb,   \
                       REF(beta), to, ldc);                                                                             \
    }
#define X(p, T, S, R)                                                                                                   \
    void cblas_##p##gemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, int m, int n, int k, S alpha, \
                         const T *a, int lda, const T *b, int ldb, S beta, T *to, int ldc)                              \
    {                                                                                                                   \
        BEGIN(p, "gemm");                                                                                               \
        const int op_a = op_from(&c, 2, trans_a), op_b = op_from(&c, 3, trans_b);                                       \
        if (c.ok && c.rows)                                                                                             \
            blas_gemm(CALLER("GEMM"), op_b, op_a, n, m, k, REF(alpha), b, ldb, a, lda, REF(beta), to, ldc);             \
        else if (c.ok)                                                                                                  \
            blas_gemm(CALLER("GEMM"), op_a, op_b, m, n, k, REF(alpha), a, lda, b, ldb, REF(beta), to, ldc);             \
    }                                                                                                                   \
    TRIANGULAR_3(p, T, S, trmm, "TRMM", false)                                                                          \
    TRIANGULAR_3(p, T, S, trsm, "TRSM", true)                                                                           \
    SYMMETRIC_3(p, T, S, sy, "SY", false, S, S)
CAIRN_BLAS_ALL(X)
#undef X
#define X(p, T, S, R) SYMMETRIC_3(p, T, S, he, "HE", true, R, R)
CAIRN_BLAS_COMPLEX(X)
#undef X
