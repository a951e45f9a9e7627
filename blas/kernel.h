/* The vector kernels of BLAS, one table for each element type, and the table in use.
 *
 * Elements of c and z are pairs (real, imaginary). Vectors are contiguous here: strides are gathered and scattered by
 * vector.c. `lda` counts elements. Everything else of BLAS is loops over these and over cairn_gemm. */
#ifndef BLAS_KERNEL_H
#define BLAS_KERNEL_H
#include <stdbool.h>
#include <stdint.h>

enum { TRIANGLE_ROWS = 32, TRIANGLE_COLUMNS = 64 };

typedef const struct blas_kernel {
    /* y[i] += sum over j of op(a[i + j * lda]) s[j];  op conjugates or does nothing. */
    void (*panel_n)(int64_t rows, int64_t cols, const void *a, int64_t lda, const void *s, void *y, bool conj);
    /* r[j] = sum over i of op(a[i + j * lda]) x[i] */
    void (*panel_t)(int64_t rows, int64_t cols, const void *a, int64_t lda, const void *x, void *r, bool conj);
    /* x[i] = a x[i] */
    void (*scale)(int64_t n, const void *a, void *x);
    /* The first index of the largest |re| + |im|, which goes to *largest. A NaN is never larger; n >= 1. */
    int64_t (*argmax)(int64_t n, const void *x, double *largest);

    /* Real vectors only; complex ones are seen as twice as many reals. */
    void (*rotate)(int64_t n, const void *h, void *x, void *y);   /* (x, y) = (h0 x + h1 y, h2 x + h3 y) */
    double (*abs_sum)(int64_t n, const void *x);
    double (*square_sum)(int64_t n, const void *x);               /* in f64 */
    double (*wide_dot)(int64_t n, const void *x, const void *y);  /* in f64 */

    /* Triangular leaves. A lower triangle of n <= TRIANGLE_ROWS rows and the right sides, TRIANGLE_COLUMNS at a time, are
     * brought into planes (all real parts, then all imaginary parts), worked on, and brought back:
     *     triangle_in  a[i * n + j] = op(from[i * rs + j * cs]) for j <= i; a unit diagonal is set, not read
     *     tile_in      x[i * TRIANGLE_COLUMNS + j] = alpha from[i * rs + j * cs]; columns up to TRIANGLE_COLUMNS are 0
     *     triangle     X = A X, or the solution of A X' = X
     * Nothing above the diagonal is multiplied, so a NaN or infinity reaches only what it reaches in the formula. */
    void (*triangle_in)(int n, const void *from, int64_t rs, int64_t cs, bool conj, bool unit, void *a);
    void (*tile_in)(int n, int64_t cols, const void *from, int64_t rs, int64_t cs, const void *alpha, void *x);
    void (*tile_out)(int n, int64_t cols, const void *x, void *to, int64_t rs, int64_t cs);
    void (*triangle)(int n, int64_t cols, const void *a, void *x, bool solve);

    /* The same for one right side: x has n <= TRIANGLE_ROWS elements, `step` apart. */
    void (*triangle_one)(int n, const void *a, void *x, int64_t step, bool solve);

    /* All of a symmetric or Hermitian block of which one triangle is stored: to[i + j * n], conjugated with conj. */
    void (*mirror)(int n, const void *a, int64_t lda, bool lower, bool hermitian, bool conj, void *to);

    /* Complex only: a matrix B (k x n) as a real one of 2 k rows and 2 n columns, `ld` reals apart, such that a product
     * of complex matrices is one of real ones: with rows of A as pairs, A B = A (b.re, b.im; -b.im, b.re).
     * B is conjugated, then multiplied by alpha; conj_a gives conj(A) B. */
    void (*expand)(int64_t k, int64_t n, const void *b, int64_t rs, int64_t cs, const void *alpha, bool conj_b, bool conj_a,
                   void *to, int64_t ld);
} blas_kernel;

/* s, d, c, z: one instruction set's kernels. */
typedef const struct blas_kernel_table { blas_kernel type[4]; } blas_kernel_table;

/* The best table this processor runs; thread-safe. */
blas_kernel_table *blas_kernels(void);
/* Tests: the table of the set of this name, or the best below it. Not thread-safe. */
void blas_kernels_choose(const char *isa);

#endif
