/* Triangular matrices and a vector, in place; and products with a band.
 *
 * Column j of op(A) as it lies in memory has its diagonal and the elements beside it (below it in a lower triangle). As it
 * is, x[j] is added to the elements beside; transposed, they are summed into x[j]. The order in which columns are taken
 * follows from which of them still need old values. */
#include "blas/columns.h"

enum { PANEL = TRIANGLE_ROWS };

typedef struct trmv {
    blas_type t;
    bool solve, transposed, conj, unit;
    const triangle *a;
    char *x;
    int64_t incx;
} trmv;

static bool ascending(const trmv *m) { return (m->a->uplo == 'L') != (m->solve == m->transposed); }

static void apply_diagonal(const trmv *m, const char *diagonal, int64_t j)
{
    const number d = conj_if(m->conj, get(m->t, diagonal, 0)), v = get(m->t, m->x, j * m->incx);
    put(m->t, m->x, j * m->incx, m->solve ? quotient(v, d) : times(v, d));
}

static void apply_column(const trmv *m, int64_t j)
{
    const blas_type t = m->t;
    const column c = triangle_column(t, m->a, j);
    const bool upper = m->a->uplo == 'U';
    const int64_t from = upper ? c.first : j + 1, to = upper ? j : c.last;
    const char *beside = at(t, c.start, from), *diagonal = at(t, c.start, j);
    char *x = at(t, m->x, from * m->incx);
    const bool first = m->transposed != m->solve; /* the diagonal before the sum or the additions */
    if (first && !m->unit)
        apply_diagonal(m, diagonal, j);
    const number xj = get(t, m->x, j * m->incx);
    if (m->transposed) {
        const number sum = dot_with(t, to - from, beside, m->conj, x, m->incx);
        put(t, m->x, j * m->incx, plus(xj, m->solve ? (number){-sum.re, -sum.im} : sum));
    } else {
        add_scaled(t, to - from, m->solve ? (number){-xj.re, -xj.im} : xj, beside, m->conj, x, m->incx);
    }
    if (!first && !m->unit)
        apply_diagonal(m, diagonal, j);
}

/* A block on the diagonal, as a lower triangle: the transpose of an upper one is, and so is one seen from its last corner. */
static void apply_diagonal_block(const trmv *m, int64_t j, int64_t n)
{
    const blas_type t = m->t;
    const triangle *a = m->a;
    const bool lower = (a->uplo == 'L') != m->transposed;
    const int64_t rs = m->transposed ? a->lda : 1, cs = m->transposed ? 1 : a->lda, corner = j + (lower ? 0 : n - 1);
    char rows[TRIANGLE_ROWS * TRIANGLE_ROWS * sizeof(number)] __attribute__((aligned(64)));
    const blas_kernel *k = kernel_of(t);
    k->triangle_in((int)n, at(t, a->a, corner * (1 + a->lda)), lower ? rs : -rs, lower ? cs : -cs, m->conj, m->unit, rows);
    k->triangle_one((int)n, rows, at(t, m->x, corner), lower ? 1 : -1, m->solve);
}

/* A full triangle over a contiguous vector: what lies beside the diagonal's blocks is gemv. */
static void apply_block(const trmv *m, int64_t j, int64_t cols)
{
    const blas_type t = m->t;
    const triangle *a = m->a;
    const int64_t row = a->uplo == 'U' ? 0 : j + cols, rows = a->uplo == 'U' ? j : a->n - row;
    const char *beside = at(t, a->a, row + j * a->lda);
    char *xj = at(t, m->x, j), *x = at(t, m->x, row);
    const int op = (m->transposed ? TRANSPOSED : 0) | (m->conj ? CONJUGATE : 0);
    const number alpha = {m->solve ? -1 : 1, 0};
    const bool first = m->transposed != m->solve;
    if (first)
        apply_diagonal_block(m, j, cols);
    gemv_add(t, op, rows, cols, alpha, beside, a->lda, m->transposed ? x : xj, m->transposed ? xj : x);
    if (!first)
        apply_diagonal_block(m, j, cols);
}

void trmv_run(blas_type t, bool solve, const triangle *a, int op, bool unit, void *x, int64_t incx)
{
    const trmv m = {.t = t, .solve = solve, .transposed = op & TRANSPOSED, .conj = op & CONJUGATE, .unit = unit, .a = a,
                    .x = vector_start(t, x, a->n, incx), .incx = incx};
    if (a->how != FULL || incx != 1) {
        for (int64_t i = 0; i < a->n; i++)
            apply_column(&m, ascending(&m) ? i : a->n - 1 - i);
        return;
    }
    const int64_t blocks = ceil_div(a->n, PANEL);
    for (int64_t i = 0; i < blocks; i++) {
        const int64_t j = (ascending(&m) ? i : blocks - 1 - i) * PANEL;
        apply_block(&m, j, smaller(PANEL, a->n - j));
    }
}

void blas_trmv(caller c, bool solve, triangle a, int op, int diag, void *x, int64_t incx)
{
    static const int at_incx[] = {[FULL] = 8, [BAND] = 9, [PACKED] = 7};
    const bool bad_lda = (a.how == FULL && a.lda < larger(1, a.n)) || (a.how == BAND && a.lda < a.k + 1);
    int wrong = a.uplo != 'U' && a.uplo != 'L' ? 1 : op < 0 ? 2 : diag != 'U' && diag != 'N' ? 3 : a.n < 0 ? 4 : 0;
    if (!wrong)
        wrong = a.how == BAND && a.k < 0 ? 5 : bad_lda ? (a.how == BAND ? 7 : 6) : incx == 0 ? at_incx[a.how] : 0;
    if (wrong)
        blas_wrong(c, wrong);
    else if (a.n > 0)
        trmv_run(c.t, solve, &a, op, diag == 'U', x, incx);
}

/* ---- Bands -----------------------------------------------------------------------------------------*/

void blas_gbmv(caller c, int op, int64_t m, int64_t n, int64_t kl, int64_t ku, const void *alpha, const void *a, int64_t lda,
               const void *x, int64_t incx, const void *beta, void *y, int64_t incy)
{
    const int wrong = op < 0 ? 1 : m < 0 ? 2 : n < 0 ? 3 : kl < 0 ? 4 : ku < 0 ? 5 : lda < kl + ku + 1 ? 8 : incx == 0 ? 10
                      : incy == 0 ? 13 : 0;
    if (wrong) {
        blas_wrong(c, wrong);
        return;
    }
    const blas_type t = c.t;
    const number by = get(t, alpha, 0);
    const bool conj = op & CONJUGATE, transposed = op & TRANSPOSED;
    if (m == 0 || n == 0)
        return;
    const char *px = vector_start(t, x, transposed ? m : n, incx);
    char *py = vector_start(t, y, transposed ? n : m, incy);
    scale_vector(t, transposed ? n : m, get(t, beta, 0), py, incy);
    if (is_zero(by))
        return;
    for (int64_t j = 0; j < smaller(n, m + ku); j++) {
        const int64_t from = larger(0, j - ku), to = smaller(m, j + kl + 1);
        const char *stored = at(t, a, ku + from - j + j * lda);
        if (transposed) {
            const number sum = times(by, dot_with(t, to - from, stored, conj, at(t, px, from * incx), incx));
            put(t, py, j * incy, plus(get(t, py, j * incy), sum));
        } else {
            add_scaled(t, to - from, times(by, get(t, px, j * incx)), stored, conj, at(t, py, from * incy), incy);
        }
    }
}
