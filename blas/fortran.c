/* The Fortran symbols. One row a routine and type: arguments come by address, letters in either case. */
#include "blas/rotations.h"

#include <cairn/base.h>
#include <complex.h>
#include <math.h>

/* Every definition here is called by programs that bring their own declarations. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

static int letter(const char *p) { return *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p; }

static int op_of(const char *p)
{
    const int l = letter(p);
    return l == 'N' ? AS_IS : l == 'T' ? TRANSPOSED : l == 'C' ? ADJOINT : NO_OP;
}

#define CALLER(p, name) ((caller){name, BLAS_##p, FROM_FORTRAN})
#define TRIANGLE(how, a, k, lda) ((triangle){how, letter(uplo), *n, k, lda, a})
#define VOID CAIRN_API void
typedef const int *integer;
typedef const char *letters;
typedef const void *in;
typedef void *out;
#define REAL_TYPES(X) X(s, float) X(d, double)
#define COMPLEX_TYPES(X) X(c, float) X(z, double)
#define ALL_TYPES(X) REAL_TYPES(X) COMPLEX_TYPES(X)

/* ---- Level 1 */
#define X(p, R)                                                                                                         \
    VOID p##swap_(integer n, out x, integer incx, out y, integer incy) { blas_swap(BLAS_##p, *n, x, *incx, y, *incy); } \
    VOID p##copy_(integer n, in x, integer incx, out y, integer incy) { blas_copy(BLAS_##p, *n, x, *incx, y, *incy); }  \
    VOID p##axpy_(integer n, in alpha, in x, integer incx, out y, integer incy)                                         \
    {                                                                                                                   \
        blas_axpy(BLAS_##p, *n, alpha, x, *incx, y, *incy);                                                             \
    }                                                                                                                   \
    VOID p##scal_(integer n, in alpha, out x, integer incx) { blas_scal(BLAS_##p, *n, alpha, x, *incx); }               \
    CAIRN_API int i##p##amax_(integer n, in x, integer incx) { return (int)blas_argmax(BLAS_##p, *n, x, *incx) + 1; }
ALL_TYPES(X)
#undef X

#define X(p, R)                                                                                                         \
    CAIRN_API R p##dot_(integer n, in x, integer incx, in y, integer incy)                                              \
    {                                                                                                                   \
        return (R)blas_dot(BLAS_##p, *n, x, *incx, y, *incy, false).re;                                                 \
    }                                                                                                                   \
    CAIRN_API R p##nrm2_(integer n, in x, integer incx) { return (R)blas_nrm2(BLAS_##p, *n, x, *incx); }                \
    CAIRN_API R p##asum_(integer n, in x, integer incx) { return (R)blas_asum(BLAS_##p, *n, x, *incx); }                \
    VOID p##rot_(integer n, out x, integer incx, out y, integer incy, const R *c, const R *s)                           \
    {                                                                                                                   \
        blas_rot(BLAS_##p, *n, x, *incx, y, *incy, *c, *s);                                                             \
    }                                                                                                                   \
    VOID p##rotm_(integer n, out x, integer incx, out y, integer incy, in param)                                        \
    {                                                                                                                   \
        blas_rotm(BLAS_##p, *n, x, *incx, y, *incy, param);                                                             \
    }                                                                                                                   \
    VOID p##rotg_(R *a, R *b, R *c, R *s)                                                                               \
    {                                                                                                                   \
        double da = *a, db = *b, dc, ds;                                                                                \
        rotg_real(&da, &db, &dc, &ds);                                                                                  \
        *a = (R)da, *b = (R)db, *c = (R)dc, *s = (R)ds;                                                                 \
    }                                                                                                                   \
    VOID p##rotmg_(R *d1, R *d2, R *x1, const R *y1, R *param)                                                          \
    {                                                                                                                   \
        double a = *d1, b = *d2, x = *x1, h[5];                                                                         \
        for (int i = 0; i < 5; i++)                                                                                     \
            h[i] = param[i];                                                                                            \
        rotmg_real(&a, &b, &x, *y1, h);                                                                                 \
        *d1 = (R)a, *d2 = (R)b, *x1 = (R)x;                                                                             \
        for (int i = 0; i < 5; i++)                                                                                     \
            param[i] = (R)h[i];                                                                                         \
    }
REAL_TYPES(X)
#undef X

CAIRN_API double dsdot_(integer n, const float *x, integer incx, const float *y, integer incy)
{
    return blas_wide_dot(*n, x, *incx, y, *incy);
}

CAIRN_API float sdsdot_(integer n, const float *alpha, const float *x, integer incx, const float *y, integer incy)
{
    return (float)(*alpha + blas_wide_dot(*n, x, *incx, y, *incy));
}

/* rp: the letters of a real result of complex arguments; pr: of a complex routine with real scalars. */
#define X(p, r, R)                                                                                                      \
    CAIRN_API R _Complex p##dotu_(integer n, in x, integer incx, in y, integer incy)                                    \
    {                                                                                                                   \
        const number v = blas_dot(BLAS_##p, *n, x, *incx, y, *incy, false);                                             \
        return (R)v.re + (R)v.im * (R _Complex)I;                                                                       \
    }                                                                                                                   \
    CAIRN_API R _Complex p##dotc_(integer n, in x, integer incx, in y, integer incy)                                    \
    {                                                                                                                   \
        const number v = blas_dot(BLAS_##p, *n, x, *incx, y, *incy, true);                                              \
        return (R)v.re + (R)v.im * (R _Complex)I;                                                                       \
    }                                                                                                                   \
    CAIRN_API R r##p##nrm2_(integer n, in x, integer incx) { return (R)blas_nrm2(BLAS_##p, *n, x, *incx); }             \
    CAIRN_API R r##p##asum_(integer n, in x, integer incx) { return (R)blas_asum(BLAS_##p, *n, x, *incx); }             \
    VOID p##r##scal_(integer n, in alpha, out x, integer incx) { blas_real_scal(BLAS_##p, *n, alpha, x, *incx); }       \
    VOID p##r##rot_(integer n, out x, integer incx, out y, integer incy, const R *c, const R *s)                        \
    {                                                                                                                   \
        blas_rot(BLAS_##p, *n, x, *incx, y, *incy, *c, *s);                                                             \
    }                                                                                                                   \
    CAIRN_API R r##cabs1_(in x) { return (R)fabs(get(BLAS_##p, x, 0).re) + (R)fabs(get(BLAS_##p, x, 0).im); }           \
    VOID p##rotg_(out a, in b, R *c, out s)                                                                             \
    {                                                                                                                   \
        number na = get(BLAS_##p, a, 0), ns;                                                                            \
        double dc;                                                                                                      \
        rotg_complex(&na, get(BLAS_##p, b, 0), &dc, &ns);                                                               \
        put(BLAS_##p, a, 0, na), put(BLAS_##p, s, 0, ns), *c = (R)dc;                                                   \
    }
X(c, s, float)
X(z, d, double)
#undef X

/* ---- Level 2 */
#define TRIANGULAR(p, name, NAME, solve)                                                                                \
    VOID p##tr##name##_(letters uplo, letters op, letters diag, integer n, in a, integer lda, out x, integer incx)      \
    {                                                                                                                   \
        blas_trmv(CALLER(p, "TR" NAME), solve, TRIANGLE(FULL, a, 0, *lda), op_of(op), letter(diag), x, *incx);          \
    }                                                                                                                   \
    VOID p##tb##name##_(letters uplo, letters op, letters diag, integer n, integer k, in a, integer lda, out x, integer incx) \
    {                                                                                                                   \
        blas_trmv(CALLER(p, "TB" NAME), solve, TRIANGLE(BAND, a, *k, *lda), op_of(op), letter(diag), x, *incx);         \
    }                                                                                                                   \
    VOID p##tp##name##_(letters uplo, letters op, letters diag, integer n, in a, out x, integer incx)                   \
    {                                                                                                                   \
        blas_trmv(CALLER(p, "TP" NAME), solve, TRIANGLE(PACKED, a, 0, 0), op_of(op), letter(diag), x, *incx);           \
    }
#define X(p, R)                                                                                                         \
    VOID p##gemv_(letters op, integer m, integer n, in alpha, in a, integer lda, in x, integer incx, in beta, out y,    \
                  integer incy)                                                                                         \
    {                                                                                                                   \
        blas_gemv(CALLER(p, "GEMV"), op_of(op), *m, *n, alpha, a, *lda, x, *incx, beta, y, *incy);                      \
    }                                                                                                                   \
    VOID p##gbmv_(letters op, integer m, integer n, integer kl, integer ku, in alpha, in a, integer lda, in x, integer incx, \
                  in beta, out y, integer incy)                                                                         \
    {                                                                                                                   \
        blas_gbmv(CALLER(p, "GBMV"), op_of(op), *m, *n, *kl, *ku, alpha, a, *lda, x, *incx, beta, y, *incy);            \
    }                                                                                                                   \
    TRIANGULAR(p, mv, "MV", false)                                                                                      \
    TRIANGULAR(p, sv, "SV", true)
ALL_TYPES(X)
#undef X

/* Symmetric and Hermitian alike: sy, sb, sp and he, hb, hp. */
#define ONE_TRIANGLE(p, full, FULLNAME, s, SNAME, hermitian)                                                            \
    VOID p##full##mv_(letters uplo, integer n, in alpha, in a, integer lda, in x, integer incx, in beta, out y, integer incy) \
    {                                                                                                                   \
        blas_symv(CALLER(p, FULLNAME "MV"), hermitian, false, TRIANGLE(FULL, a, 0, *lda), alpha, x, *incx, beta, y, *incy); \
    }                                                                                                                   \
    VOID p##s##bmv_(letters uplo, integer n, integer k, in alpha, in a, integer lda, in x, integer incx, in beta, out y, \
                    integer incy)                                                                                       \
    {                                                                                                                   \
        blas_symv(CALLER(p, SNAME "BMV"), hermitian, false, TRIANGLE(BAND, a, *k, *lda), alpha, x, *incx, beta, y, *incy); \
    }                                                                                                                   \
    VOID p##s##pmv_(letters uplo, integer n, in alpha, in a, in x, integer incx, in beta, out y, integer incy)          \
    {                                                                                                                   \
        blas_symv(CALLER(p, SNAME "PMV"), hermitian, false, TRIANGLE(PACKED, a, 0, 0), alpha, x, *incx, beta, y, *incy); \
    }                                                                                                                   \
    VOID p##full##r_(letters uplo, integer n, in alpha, in x, integer incx, out a, integer lda)                         \
    {                                                                                                                   \
        blas_syr(CALLER(p, FULLNAME "R"), hermitian, false, TRIANGLE(FULL, a, 0, *lda), alpha, x, *incx);               \
    }                                                                                                                   \
    VOID p##s##pr_(letters uplo, integer n, in alpha, in x, integer incx, out a)                                        \
    {                                                                                                                   \
        blas_syr(CALLER(p, SNAME "PR"), hermitian, false, TRIANGLE(PACKED, a, 0, 0), alpha, x, *incx);                  \
    }                                                                                                                   \
    VOID p##full##r2_(letters uplo, integer n, in alpha, in x, integer incx, in y, integer incy, out a, integer lda)    \
    {                                                                                                                   \
        blas_syr2(CALLER(p, FULLNAME "R2"), hermitian, false, TRIANGLE(FULL, a, 0, *lda), alpha, x, *incx, y, *incy);   \
    }                                                                                                                   \
    VOID p##s##pr2_(letters uplo, integer n, in alpha, in x, integer incx, in y, integer incy, out a)                   \
    {                                                                                                                   \
        blas_syr2(CALLER(p, SNAME "PR2"), hermitian, false, TRIANGLE(PACKED, a, 0, 0), alpha, x, *incx, y, *incy);      \
    }
#define GER(p, name, NAME, conj)                                                                                        \
    VOID p##name##_(integer m, integer n, in alpha, in x, integer incx, in y, integer incy, out a, integer lda)         \
    {                                                                                                                   \
        blas_ger(CALLER(p, NAME), false, conj, *m, *n, alpha, x, *incx, y, *incy, a, *lda);                             \
    }
#define X(p, R) ONE_TRIANGLE(p, sy, "SY", s, "S", false) GER(p, ger, "GER", false)
REAL_TYPES(X)
#undef X
#define X(p, R) ONE_TRIANGLE(p, he, "HE", h, "H", true) GER(p, geru, "GERU", false) GER(p, gerc, "GERC", true)
COMPLEX_TYPES(X)
#undef X

/* ---- Level 3 */
#define RANK_K(p, name, NAME, hermitian)                                                                                \
    VOID p##name##rk_(letters uplo, letters op, integer n, integer k, in alpha, in a, integer lda, in beta, out c, integer ldc) \
    {                                                                                                                   \
        blas_syrk(CALLER(p, NAME "RK"), hermitian, letter(uplo), op_of(op), *n, *k, alpha, a, *lda, beta, c, *ldc);     \
    }                                                                                                                   \
    VOID p##name##r2k_(letters uplo, letters op, integer n, integer k, in alpha, in a, integer lda, in b, integer ldb,  \
                       in beta, out c, integer ldc)                                                                     \
    {                                                                                                                   \
        blas_syr2k(CALLER(p, NAME "R2K"), hermitian, letter(uplo), op_of(op), *n, *k, alpha, a, *lda, b, *ldb, beta, c, *ldc); \
    }                                                                                                                   \
    VOID p##name##mm_(letters side, letters uplo, integer m, integer n, in alpha, in a, integer lda, in b, integer ldb, \
                      in beta, out c, integer ldc)                                                                      \
    {                                                                                                                   \
        blas_symm(CALLER(p, NAME "MM"), hermitian, letter(side), letter(uplo), *m, *n, alpha, a, *lda, b, *ldb, beta, c, *ldc); \
    }
#define TRIANGULAR_3(p, name, NAME, solve)                                                                              \
    VOID p##name##_(letters side, letters uplo, letters op, letters diag, integer m, integer n, in alpha, in a, integer lda, \
                    out b, integer ldb)                                                                                 \
    {                                                                                                                   \
        blas_trmm(CALLER(p, NAME), solve, letter(side), letter(uplo), op_of(op), letter(diag), *m, *n, alpha, a, *lda, b, *ldb); \
    }
#define X(p, R)                                                                                                         \
    VOID p##gemm_(letters op_a, letters op_b, integer m, integer n, integer k, in alpha, in a, integer lda, in b, integer ldb, \
                  in beta, out c, integer ldc)                                                                          \
    {                                                                                                                   \
        blas_gemm(CALLER(p, "GEMM"), op_of(op_a), op_of(op_b), *m, *n, *k, alpha, a, *lda, b, *ldb, beta, c, *ldc);     \
    }                                                                                                                   \
    RANK_K(p, sy, "SY", false)                                                                                          \
    TRIANGULAR_3(p, trmm, "TRMM", false)                                                                                \
    TRIANGULAR_3(p, trsm, "TRSM", true)
ALL_TYPES(X)
#undef X
#define X(p, R) RANK_K(p, he, "HE", true)
COMPLEX_TYPES(X)
#undef X
