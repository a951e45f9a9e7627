/* A matrix seen column by column, however it lies in memory. */
#ifndef BLAS_COLUMNS_H
#define BLAS_COLUMNS_H
#include "blas/blas.h"

/* Rows first .. last - 1 of column j are stored; element (i, j) is start + i. */
typedef struct column {
    int64_t first, last;
    char *start;
} column;

/* Column j of a triangle, the diagonal included. */
static inline column triangle_column(blas_type t, const triangle *m, int64_t j)
{
    const bool upper = m->uplo == 'U';
    const int64_t n = m->n;
    column c = {upper ? 0 : j, upper ? j + 1 : n, NULL};
    if (m->how == FULL) {
        c.start = at(t, m->a, j * m->lda);
    } else if (m->how == BAND) {
        c.first = upper ? larger(0, j - m->k) : j;
        c.last = upper ? j + 1 : smaller(n, j + m->k + 1);
        c.start = at(t, m->a, (upper ? m->k : 0) - j + j * m->lda);
    } else {
        c.start = at(t, m->a, upper ? j * (j + 1) / 2 : j * (2 * n - j - 1) / 2);
    }
    return c;
}

#endif
