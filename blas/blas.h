/* What the files of libcairn-blas share. The public header is <cairn/blas.h>.
 *
 * One body serves s, d, c and z: elements are void pointers with a blas_type, scalars are pointers too, sizes are int64_t.
 * The Fortran and C symbols (fortran.c, cblas.c) only bring their arguments into this form. */
#ifndef BLAS_BLAS_H
#define BLAS_BLAS_H
#include "blas/kernel.h"
#include "primitives/slots.h"

#include <stddef.h>

typedef enum blas_type { BLAS_s, BLAS_d, BLAS_c, BLAS_z } blas_type;
static inline bool is_complex(blas_type t) { return t >= BLAS_c; }
static inline bool is_double(blas_type t) { return t & 1; }
static inline int64_t bytes_of(blas_type t) { return 4 << is_double(t) << is_complex(t); }
static inline blas_type real_of(blas_type t) { return t & 1 ? BLAS_d : BLAS_s; }
static inline const blas_kernel *kernel_of(blas_type t) { return &blas_kernels()->type[t]; }

/* Any element as two f64, which hold an f32 exactly. */
typedef struct number { double re, im; } number;
static inline number get(blas_type t, const void *p, int64_t i)
{
    switch (t) {
    case BLAS_s: return (number){((const float *)p)[i], 0};
    case BLAS_d: return (number){((const double *)p)[i], 0};
    case BLAS_c: return (number){((const float *)p)[2 * i], ((const float *)p)[2 * i + 1]};
    default: return (number){((const double *)p)[2 * i], ((const double *)p)[2 * i + 1]};
    }
}
static inline void put(blas_type t, void *p, int64_t i, number v)
{
    switch (t) {
    case BLAS_s: ((float *)p)[i] = (float)v.re; break;
    case BLAS_d: ((double *)p)[i] = v.re; break;
    case BLAS_c: ((float *)p)[2 * i] = (float)v.re, ((float *)p)[2 * i + 1] = (float)v.im; break;
    default: ((double *)p)[2 * i] = v.re, ((double *)p)[2 * i + 1] = v.im;
    }
}
/* One element in its own type, for kernels that take a pointer. */
typedef union scalar { float f[2]; double d[2]; } scalar;
static inline scalar scalar_of(blas_type t, number v) { scalar s; put(t, &s, 0, v); return s; }

static inline number times(number a, number b) { return (number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
static inline number plus(number a, number b) { return (number){a.re + b.re, a.im + b.im}; }
static inline number conj_if(bool yes, number a) { return (number){a.re, yes ? -a.im : a.im}; }
static inline bool is_zero(number a) { return a.re == 0 && a.im == 0; }
static inline bool is_one(number a) { return a.re == 1 && a.im == 0; }
number quotient(number a, number b);

static inline char *at(blas_type t, const void *p, int64_t i) { return (char *)p + i * bytes_of(t); }

/* How a matrix is read: bit 0 transposes, bit 1 conjugates. Row-major calls bring CONJUGATE, which has no letter. */
enum { AS_IS = 0, TRANSPOSED = 1, CONJUGATE = 2, ADJOINT = 3, NO_OP = -1 };

/* Who calls: for the report of a wrong argument. `name` is the routine's without the type's letter: "GEMM". */
typedef enum blas_origin { FROM_FORTRAN, FROM_C, FROM_C_ROWS } blas_origin;
typedef struct caller {
    const char *name;
    blas_type t;
    blas_origin origin;
} caller;
/* Argument `info` (counted as Fortran does) is wrong: calls xerbla_. */
void blas_wrong(caller c, int info);

/* ---- Vectors with strides (vector.c). `x` is what the caller gave: with inc < 0 its first element is the last in memory. */
enum { CHUNK_BYTES = 8192 };
static inline int64_t chunk_of(blas_type t) { return CHUNK_BYTES / bytes_of(t); }
static inline char *vector_start(blas_type t, const void *x, int64_t n, int64_t inc)
{
    return (char *)x + (inc < 0 ? (1 - n) * inc * bytes_of(t) : 0);
}
void gather(blas_type t, int64_t n, const void *from, int64_t inc, void *to);
void scatter(blas_type t, int64_t n, const void *from, void *to, int64_t inc);
/* y += s op(a) and sum of op(a) x over contiguous a; the other vector, from its start, has any stride. */
void add_scaled(blas_type t, int64_t n, number s, const void *a, bool conj, void *y, int64_t inc);
number dot_with(blas_type t, int64_t n, const void *a, bool conj, const void *x, int64_t inc);
/* y = beta y; beta == 0 writes zeros. */
void scale_vector(blas_type t, int64_t n, number beta, void *y, int64_t inc);

/* Memory for the inside of a call: NULL when there is none, without leaving an error behind. */
void *scratch_take(int64_t bytes);
void scratch_give(void *p, int64_t bytes);

/* ---- Level 1 */
void blas_swap(blas_type t, int64_t n, void *x, int64_t incx, void *y, int64_t incy);
void blas_copy(blas_type t, int64_t n, const void *x, int64_t incx, void *y, int64_t incy);
void blas_axpy(blas_type t, int64_t n, const void *alpha, const void *x, int64_t incx, void *y, int64_t incy);
void blas_scal(blas_type t, int64_t n, const void *alpha, void *x, int64_t incx);
void blas_real_scal(blas_type t, int64_t n, const void *alpha, void *x, int64_t incx); /* csscal, zdscal */
number blas_dot(blas_type t, int64_t n, const void *x, int64_t incx, const void *y, int64_t incy, bool conj);
double blas_wide_dot(int64_t n, const float *x, int64_t incx, const float *y, int64_t incy);
double blas_nrm2(blas_type t, int64_t n, const void *x, int64_t incx);
double blas_asum(blas_type t, int64_t n, const void *x, int64_t incx);
int64_t blas_argmax(blas_type t, int64_t n, const void *x, int64_t incx); /* from 0; -1 when there is none */
void blas_rot(blas_type t, int64_t n, void *x, int64_t incx, void *y, int64_t incy, double c, double s);
void blas_rotm(blas_type t, int64_t n, void *x, int64_t incx, void *y, int64_t incy, const void *param);

/* ---- Level 2. Scalars point to an element; where the routine has a real one (her, hpr), to a real. */
void blas_gemv(caller c, int op, int64_t m, int64_t n, const void *alpha, const void *a, int64_t lda, const void *x,
               int64_t incx, const void *beta, void *y, int64_t incy);
void blas_ger(caller c, bool conj_x, bool conj_y, int64_t m, int64_t n, const void *alpha, const void *x, int64_t incx,
              const void *y, int64_t incy, void *a, int64_t lda);
void blas_gbmv(caller c, int op, int64_t m, int64_t n, int64_t kl, int64_t ku, const void *alpha, const void *a, int64_t lda,
               const void *x, int64_t incx, const void *beta, void *y, int64_t incy);

/* The three ways in which a triangle lies in memory. */
typedef enum storage { FULL, BAND, PACKED } storage;
typedef struct triangle {
    storage how;
    int uplo;                           /* 'U' or 'L'; else the argument is wrong */
    int64_t n, k, lda;                  /* k: diagonals beside the main one (BAND) */
    const void *a;
} triangle;
/* y = alpha A x + beta y for a symmetric or Hermitian A; `conj` takes its conjugate. */
void blas_symv(caller c, bool hermitian, bool conj, triangle a, const void *alpha, const void *x, int64_t incx,
               const void *beta, void *y, int64_t incy);
/* A += alpha x x' (real alpha for Hermitian A, x^H then); conj takes conj(x) for x. */
void blas_syr(caller c, bool hermitian, bool conj, triangle a, const void *alpha, const void *x, int64_t incx);
void blas_syr2(caller c, bool hermitian, bool conj, triangle a, const void *alpha, const void *x, int64_t incx, const void *y,
               int64_t incy);
/* x = op(A) x, or the solution of op(A) x' = x. */
void blas_trmv(caller c, bool solve, triangle a, int op, int diag, void *x, int64_t incx);

/* Without checks, for other routines: y += alpha op(A) x. Both contiguous. */
void gemv_add(blas_type t, int op, int64_t m, int64_t n, number alpha, const void *a, int64_t lda, const void *x, void *y);
void trmv_run(blas_type t, bool solve, const triangle *a, int op, bool unit, void *x, int64_t incx);

/* ---- Level 3 */
void blas_gemm(caller c, int op_a, int op_b, int64_t m, int64_t n, int64_t k, const void *alpha, const void *a, int64_t lda,
               const void *b, int64_t ldb, const void *beta, void *to, int64_t ldc);
void blas_symm(caller c, bool hermitian, int side, int uplo, int64_t m, int64_t n, const void *alpha, const void *a,
               int64_t lda, const void *b, int64_t ldb, const void *beta, void *to, int64_t ldc);
/* herk: alpha and beta are real; her2k: beta is. */
void blas_syrk(caller c, bool hermitian, int uplo, int op, int64_t n, int64_t k, const void *alpha, const void *a, int64_t lda,
               const void *beta, void *to, int64_t ldc);
void blas_syr2k(caller c, bool hermitian, int uplo, int op, int64_t n, int64_t k, const void *alpha, const void *a,
                int64_t lda, const void *b, int64_t ldb, const void *beta, void *to, int64_t ldc);
void blas_trmm(caller c, bool solve, int side, int uplo, int op, int diag, int64_t m, int64_t n, const void *alpha,
               const void *a, int64_t lda, void *b, int64_t ldb);

#endif
