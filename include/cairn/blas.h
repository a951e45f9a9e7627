/* BLAS 1 to 3, as libcairn-blas has it: the C functions (cblas_dgemm ...), the Fortran ones (dgemm_ ...), and beyond them
 * what is new (cairn_blas_...). It stands alone: plain pointers, no framework, no initialisation.
 *
 *     #include <cairn/blas.h>
 *     double a[] = {1, 2, 3, 4}, x[] = {1, 1}, y[2];
 *     cblas_dgemv(CblasRowMajor, CblasNoTrans, 2, 2, 1.0, a, 2, x, 1, 0.0, y, 1);       // y = (3, 7)
 *
 *     cc program.c -lcairn-blas
 *
 * Names    four letters say the elements: s float, d double, c and z pairs of them (real, imaginary). Below, p stands for the
 *          letter: cblas_##p##axpy is cblas_saxpy, cblas_daxpy, cblas_caxpy and cblas_zaxpy.
 * Matrices A is m x n; element (i, j) is a[i * lda + j] in CblasRowMajor, a[i + j * lda] in CblasColMajor. op(A) is A, its
 *          transpose or its adjoint. Of a symmetric, Hermitian or triangular matrix one triangle is read or written.
 * Vectors  have n elements, inc apart; with inc < 0 the pointer is still to the lowest address, which holds the last.
 * Errors   a wrong argument is reported by cblas_xerbla (Fortran: xerbla_), and outputs stay untouched. A program that defines
 *          these functions itself is called in their place. Ours print a sentence and return; CAIRN_ON_ERROR=abort stops.
 * Zeros    alpha == 0 reads neither A nor B; beta == 0 does not read C or y, so they may hold anything.
 * Threads  cairn_threads() of them (CAIRN_THREADS=n) where the work is worth it; any thread may call. Results have the same
 *          bits for any number. Memory for the inside of a call comes from a cache; without memory a call is slower.
 *
 * In the place of the system's BLAS: PREFIX/lib/cairn-blas/libblas.so.3, in Debian
 *     update-alternatives --install /usr/lib/x86_64-linux-gnu/libblas.so.3 libblas.so.3-x86_64-linux-gnu \
 *         PREFIX/lib/cairn-blas/libblas.so.3 200
 * or for one program LD_LIBRARY_PATH=PREFIX/lib/cairn-blas. */
#ifndef CAIRN_BLAS_H
#define CAIRN_BLAS_H
#include <cairn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The letters: X(p, elements, scalars as they are passed in C, real scalars). */
#define CAIRN_BLAS_REAL(X) X(s, float, float, float) X(d, double, double, double)
#define CAIRN_BLAS_COMPLEX(X) X(c, void, const void *, float) X(z, void, const void *, double)
#define CAIRN_BLAS_ALL(X) CAIRN_BLAS_REAL(X) CAIRN_BLAS_COMPLEX(X)

#ifndef CBLAS_H /* another <cblas.h> may have come first: it declares the same */
#define CBLAS_H
#define CBLAS_INDEX size_t
#define CBLAS_INT int
typedef enum CBLAS_LAYOUT { CblasRowMajor = 101, CblasColMajor = 102 } CBLAS_LAYOUT;
typedef enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112, CblasConjTrans = 113 } CBLAS_TRANSPOSE;
typedef enum CBLAS_UPLO { CblasUpper = 121, CblasLower = 122 } CBLAS_UPLO;
typedef enum CBLAS_DIAG { CblasNonUnit = 131, CblasUnit = 132 } CBLAS_DIAG;
typedef enum CBLAS_SIDE { CblasLeft = 141, CblasRight = 142 } CBLAS_SIDE;
#define CBLAS_ORDER CBLAS_LAYOUT

/* ---- Level 1: vectors ---------------------------------------------------------------------------*/

/* swap: x <-> y.  copy: y = x.  axpy: y += alpha x.  scal: x *= alpha. */
#define X(p, T, S, R)                                                                                   \
    CAIRN_API void cblas_##p##swap(int n, T *x, int incx, T *y, int incy);                              \
    CAIRN_API void cblas_##p##copy(int n, const T *x, int incx, T *y, int incy);                        \
    CAIRN_API void cblas_##p##axpy(int n, S alpha, const T *x, int incx, T *y, int incy);               \
    CAIRN_API void cblas_##p##scal(int n, S alpha, T *x, int incx);                                     \
    CAIRN_API CBLAS_INDEX cblas_i##p##amax(int n, const T *x, int incx); /* first of the largest |re| + |im|, from 0 */
CAIRN_BLAS_ALL(X)
#undef X
CAIRN_API void cblas_csscal(int n, float alpha, void *x, int incx);
CAIRN_API void cblas_zdscal(int n, double alpha, void *x, int incx);

/* dot: sum of x y.  nrm2: square root of the sum of |x|^2, without overflow on the way.  asum: sum of |re| + |im|.
 * rot: (x, y) = (c x + s y, c y - s x).  rotg finds c and s that turn (a, b) into (r, 0). rotm, rotmg: the modified rotation,
 * whose P is a flag and four numbers. */
#define X(p, T, S, R)                                                                                   \
    CAIRN_API T cblas_##p##dot(int n, const T *x, int incx, const T *y, int incy);                      \
    CAIRN_API T cblas_##p##nrm2(int n, const T *x, int incx);                                           \
    CAIRN_API T cblas_##p##asum(int n, const T *x, int incx);                                           \
    CAIRN_API void cblas_##p##rot(int n, T *x, int incx, T *y, int incy, T c, T s);                     \
    CAIRN_API void cblas_##p##rotg(T *a, T *b, T *c, T *s);                                             \
    CAIRN_API void cblas_##p##rotm(int n, T *x, int incx, T *y, int incy, const T *P);                  \
    CAIRN_API void cblas_##p##rotmg(T *d1, T *d2, T *x1, T y1, T *P);
CAIRN_BLAS_REAL(X)
#undef X
CAIRN_API float cblas_sdsdot(int n, float alpha, const float *x, int incx, const float *y, int incy); /* alpha + dot, in f64 */
CAIRN_API double cblas_dsdot(int n, const float *x, int incx, const float *y, int incy);              /* in f64 */

/* dotu: sum of x y; dotc: sum of conj(x) y; to *result. */
#define X(p, T, S, R)                                                                                   \
    CAIRN_API void cblas_##p##dotu_sub(int n, const void *x, int incx, const void *y, int incy, void *result); \
    CAIRN_API void cblas_##p##dotc_sub(int n, const void *x, int incx, const void *y, int incy, void *result); \
    CAIRN_API void cblas_##p##rotg(void *a, void *b, R *c, void *s);
CAIRN_BLAS_COMPLEX(X)
#undef X
CAIRN_API float cblas_scnrm2(int n, const void *x, int incx);
CAIRN_API double cblas_dznrm2(int n, const void *x, int incx);
CAIRN_API float cblas_scasum(int n, const void *x, int incx);
CAIRN_API double cblas_dzasum(int n, const void *x, int incx);
CAIRN_API void cblas_csrot(int n, void *x, int incx, void *y, int incy, float c, float s);
CAIRN_API void cblas_zdrot(int n, void *x, int incx, void *y, int incy, double c, double s);
CAIRN_API float cblas_scabs1(const void *x);   /* |re| + |im| */
CAIRN_API double cblas_dcabs1(const void *x);

/* ---- Level 2: a matrix and vectors --------------------------------------------------------------
 * The matrix is full (ge, sy, he, tr), a band (gb, sb, hb, tb: kl, ku or k diagonals beside the main one, each in a row of an
 * array of lda >= kl + ku + 1 or k + 1), or packed (sp, hp, tp: the triangle's columns or rows one after the other). */

/* gemv, gbmv: y = alpha op(A) x + beta y.
 * trmv, tbmv, tpmv: x = op(A) x.  trsv, tbsv, tpsv: x = op(A)^-1 x; nothing looks whether A is singular. */
#define X(p, T, S, R)                                                                                                   \
    CAIRN_API void cblas_##p##gemv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans, int m, int n, S alpha, const T *a, int lda, \
                                   const T *x, int incx, S beta, T *y, int incy);                                       \
    CAIRN_API void cblas_##p##gbmv(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans, int m, int n, int kl, int ku, S alpha,    \
                                   const T *a, int lda, const T *x, int incx, S beta, T *y, int incy);                  \
    CAIRN_API void cblas_##p##trmv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int n,  \
                                   const T *a, int lda, T *x, int incx);                                                \
    CAIRN_API void cblas_##p##trsv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int n,  \
                                   const T *a, int lda, T *x, int incx);                                                \
    CAIRN_API void cblas_##p##tbmv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int n,  \
                                   int k, const T *a, int lda, T *x, int incx);                                         \
    CAIRN_API void cblas_##p##tbsv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int n,  \
                                   int k, const T *a, int lda, T *x, int incx);                                         \
    CAIRN_API void cblas_##p##tpmv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int n,  \
                                   const T *a, T *x, int incx);                                                         \
    CAIRN_API void cblas_##p##tpsv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int n,  \
                                   const T *a, T *x, int incx);
CAIRN_BLAS_ALL(X)
#undef X

/* symv, sbmv, spmv: y = alpha A x + beta y.  ger: A += alpha x y^T.  syr, spr: A += alpha x x^T.
 * syr2, spr2: A += alpha (x y^T + y x^T). */
#define X(p, T, S, R)                                                                                                   \
    CAIRN_API void cblas_##p##symv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *a, int lda, const T *x, \
                                   int incx, S beta, T *y, int incy);                                                   \
    CAIRN_API void cblas_##p##sbmv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, int k, S alpha, const T *a, int lda,     \
                                   const T *x, int incx, S beta, T *y, int incy);                                       \
    CAIRN_API void cblas_##p##spmv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *a, const T *x, int incx, \
                                   S beta, T *y, int incy);                                                             \
    CAIRN_API void cblas_##p##ger(CBLAS_LAYOUT layout, int m, int n, S alpha, const T *x, int incx, const T *y, int incy, \
                                  T *a, int lda);                                                                       \
    CAIRN_API void cblas_##p##syr(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *x, int incx, T *a, int lda); \
    CAIRN_API void cblas_##p##spr(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *x, int incx, T *a);     \
    CAIRN_API void cblas_##p##syr2(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *x, int incx, const T *y, \
                                   int incy, T *a, int lda);                                                            \
    CAIRN_API void cblas_##p##spr2(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *x, int incx, const T *y, \
                                   int incy, T *a);
CAIRN_BLAS_REAL(X)
#undef X

/* The same for Hermitian A, with x^H for x^T; the diagonal's imaginary parts are taken for zero and become zero.
 * her, hpr: A += alpha x x^H, alpha real.  her2, hpr2: A += alpha x y^H + conj(alpha) y x^H.
 * geru: A += alpha x y^T.  gerc: A += alpha x y^H. */
#define X(p, T, S, R)                                                                                                   \
    CAIRN_API void cblas_##p##hemv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *a, int lda, const T *x, \
                                   int incx, S beta, T *y, int incy);                                                   \
    CAIRN_API void cblas_##p##hbmv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, int k, S alpha, const T *a, int lda,     \
                                   const T *x, int incx, S beta, T *y, int incy);                                       \
    CAIRN_API void cblas_##p##hpmv(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *a, const T *x, int incx, \
                                   S beta, T *y, int incy);                                                             \
    CAIRN_API void cblas_##p##geru(CBLAS_LAYOUT layout, int m, int n, S alpha, const T *x, int incx, const T *y, int incy, \
                                   T *a, int lda);                                                                      \
    CAIRN_API void cblas_##p##gerc(CBLAS_LAYOUT layout, int m, int n, S alpha, const T *x, int incx, const T *y, int incy, \
                                   T *a, int lda);                                                                      \
    CAIRN_API void cblas_##p##her(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, R alpha, const T *x, int incx, T *a, int lda); \
    CAIRN_API void cblas_##p##hpr(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, R alpha, const T *x, int incx, T *a);     \
    CAIRN_API void cblas_##p##her2(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *x, int incx, const T *y, \
                                   int incy, T *a, int lda);                                                            \
    CAIRN_API void cblas_##p##hpr2(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, int n, S alpha, const T *x, int incx, const T *y, \
                                   int incy, T *a);
CAIRN_BLAS_COMPLEX(X)
#undef X

/* ---- Level 3: matrices --------------------------------------------------------------------------*/

/* gemm: C = alpha op(A) op(B) + beta C, C m x n, k terms in each sum.
 * symm: C = alpha A B + beta C, or alpha B A + beta C (CblasRight), with a symmetric A.
 * syrk: C = alpha A A^T + beta C, or alpha A^T A + beta C (CblasTrans; A is k x n then).
 * syr2k: C = alpha (A B^T + B A^T) + beta C, or alpha (A^T B + B^T A) + beta C.
 * trmm: B = alpha op(A) B, or alpha B op(A).  trsm: B = alpha op(A)^-1 B, or alpha B op(A)^-1. */
#define X(p, T, S, R)                                                                                                   \
    CAIRN_API void cblas_##p##gemm(CBLAS_LAYOUT layout, CBLAS_TRANSPOSE trans_a, CBLAS_TRANSPOSE trans_b, int m, int n,  \
                                   int k, S alpha, const T *a, int lda, const T *b, int ldb, S beta, T *c, int ldc);    \
    CAIRN_API void cblas_##p##symm(CBLAS_LAYOUT layout, CBLAS_SIDE side, CBLAS_UPLO uplo, int m, int n, S alpha,         \
                                   const T *a, int lda, const T *b, int ldb, S beta, T *c, int ldc);                    \
    CAIRN_API void cblas_##p##syrk(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, int n, int k, S alpha,   \
                                   const T *a, int lda, S beta, T *c, int ldc);                                         \
    CAIRN_API void cblas_##p##syr2k(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, int n, int k, S alpha,  \
                                    const T *a, int lda, const T *b, int ldb, S beta, T *c, int ldc);                   \
    CAIRN_API void cblas_##p##trmm(CBLAS_LAYOUT layout, CBLAS_SIDE side, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans,         \
                                   CBLAS_DIAG diag, int m, int n, S alpha, const T *a, int lda, T *b, int ldb);         \
    CAIRN_API void cblas_##p##trsm(CBLAS_LAYOUT layout, CBLAS_SIDE side, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans,         \
                                   CBLAS_DIAG diag, int m, int n, S alpha, const T *a, int lda, T *b, int ldb);
CAIRN_BLAS_ALL(X)
#undef X

/* The same for Hermitian matrices, with A^H for A^T (CblasConjTrans for CblasTrans). herk: alpha and beta are real.
 * her2k: C = alpha A B^H + conj(alpha) B A^H + beta C, beta real. */
#define X(p, T, S, R)                                                                                                   \
    CAIRN_API void cblas_##p##hemm(CBLAS_LAYOUT layout, CBLAS_SIDE side, CBLAS_UPLO uplo, int m, int n, S alpha,         \
                                   const T *a, int lda, const T *b, int ldb, S beta, T *c, int ldc);                    \
    CAIRN_API void cblas_##p##herk(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, int n, int k, R alpha,   \
                                   const T *a, int lda, R beta, T *c, int ldc);                                         \
    CAIRN_API void cblas_##p##her2k(CBLAS_LAYOUT layout, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, int n, int k, S alpha,  \
                                    const T *a, int lda, const T *b, int ldb, R beta, T *c, int ldc);
CAIRN_BLAS_COMPLEX(X)
#undef X

/* ---- Errors --------------------------------------------------------------------------------------*/

/* Argument `info` of `routine` (from 1) is wrong; `form` and what follows say more, as printf takes it. */
CAIRN_API void cblas_xerbla(int info, const char *routine, const char *form, ...);
#endif /* CBLAS_H */

/* ---- Fortran -------------------------------------------------------------------------------------
 * The same routines are there as dgemm_ and so on: every argument by address, letters for enums ("N", "T", "C"; "U", "L";
 * "L", "R"; "U", "N"), columns first, indices from 1. Fortran compilers need no declaration; C programs that want these rather
 * than the above declare what they use. Complex results (cdotu_ ...) come by value, as gfortran has it. */

/* Argument `info` (from 1) of the routine `name`, which has `length` letters, is wrong. */
CAIRN_API void xerbla_(const char *name, const int *info, size_t length);

#ifdef __cplusplus
}
#endif
#endif
