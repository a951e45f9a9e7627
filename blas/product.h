/* Matrices as views, and the product that all of level 3 is made of. */
#ifndef BLAS_PRODUCT_H
#define BLAS_PRODUCT_H
#include "blas/blas.h"

/* Element (i, j) is at p + i * rs + j * cs elements, conjugated where `conj` says so. */
typedef struct view {
    char *p;
    int64_t rs, cs;
    bool conj;
} view;

static inline view transpose(view v) { return (view){v.p, v.cs, v.rs, v.conj}; }
static inline view shifted(blas_type t, view v, int64_t i, int64_t j)
{
    v.p = at(t, v.p, i * v.rs + j * v.cs);
    return v;
}
/* A Fortran matrix, with an operation from blas.h's enum. */
static inline view column_major(const void *a, int64_t lda, int op)
{
    const bool transposed = op & TRANSPOSED;
    return (view){(char *)a, transposed ? lda : 1, transposed ? 1 : lda, (op & CONJUGATE) != 0};
}

/* C = alpha A B + beta C, A m x k, B k x n. C has unit stride in one direction, and beta == 0 does not read it. Threads are
 * used when the caller is not itself a task. */
void product(blas_type t, int64_t m, int64_t n, int64_t k, number alpha, view a, view b, number beta, view c);

/* C = beta C over m x n elements */
void scale_matrix(blas_type t, int64_t m, int64_t n, number beta, view c);

#endif
