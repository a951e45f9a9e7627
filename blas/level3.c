/* Level 3 but for triangular matrices: gemm, symm, syrk, syr2k and the Hermitian ones. */
#include "blas/product.h"

#include <cairn/base.h>

/* ---- gemm ----------------------------------------------------------------------------------------*/

void blas_gemm(caller c, int op_a, int op_b, int64_t m, int64_t n, int64_t k, const void *alpha, const void *a, int64_t lda,
               const void *b, int64_t ldb, const void *beta, void *to, int64_t ldc)
{
    const int64_t rows_a = op_a & TRANSPOSED ? k : m, rows_b = op_b & TRANSPOSED ? n : k;
    const int wrong = op_a < 0 ? 1 : op_b < 0 ? 2 : m < 0 ? 3 : n < 0 ? 4 : k < 0 ? 5 : lda < larger(1, rows_a) ? 8
                      : ldb < larger(1, rows_b) ? 10 : ldc < larger(1, m) ? 13 : 0;
    if (wrong)
        blas_wrong(c, wrong);
    else
        product(c.t, m, n, k, get(c.t, alpha, 0), column_major(a, lda, op_a), column_major(b, ldb, op_b), get(c.t, beta, 0),
                column_major(to, ldc, AS_IS));
}

/* ---- symm, hemm ----------------------------------------------------------------------------------*/

/* The other triangle is filled in, a block of columns at a time, and gemm does the rest. */
typedef struct mirrored {
    blas_type t;
    view a;
    bool lower, hermitian;
    int64_t n, row, first, cols;        /* rows from `row`, columns first ... of A */
    char *to;                           /* row after row of `cols` */
} mirrored;

/* Columns from .. to of row i, on one side of the diagonal: stored there, or in the other triangle. */
static void mirror_part(const mirrored *m, int64_t i, int64_t from, int64_t to, bool stored, char *out)
{
    const blas_type t = m->t;
    const view v = stored ? m->a : transpose(m->a);
    if (from >= to)
        return;
    char *part = at(t, out, from - m->first);
    gather(t, to - from, at(t, v.p, i * v.rs + from * v.cs), v.cs, part);
    for (int64_t j = 0; m->hermitian && !stored && j < to - from; j++)
        put(t, part, j, conj_if(true, get(t, part, j)));
}

static void mirror_row(void *context, int64_t task, int worker)
{
    const mirrored *m = context;
    const int64_t i = m->row + task, end = m->first + m->cols;
    char *out = at(m->t, m->to, task * m->cols);
    (void)worker;
    mirror_part(m, i, m->first, smaller(i, end), m->lower, out);
    mirror_part(m, i, larger(i, m->first), smaller(i + 1, end), true, out);
    mirror_part(m, i, larger(i + 1, m->first), end, !m->lower, out);
    if (m->hermitian && i >= m->first && i < end)
        put(m->t, out, i - m->first, (number){get(m->t, out, i - m->first).re, 0});
}

/* C = alpha A B + beta C with a symmetric or Hermitian A; without scratch memory row by row through the stack. */
static void symmetric_product(mirrored a, int64_t n, number alpha, view b, number beta, view c)
{
    enum { COLUMNS = 512, FEW = 1024 };
    const blas_type t = a.t;
    char stack[FEW * sizeof(number)] __attribute__((aligned(64)));
    int64_t rows = a.n, cols = smaller(a.n, COLUMNS);
    const int64_t bytes = rows * cols * bytes_of(t);
    void *scratch = scratch_take(bytes);
    a.to = scratch;
    if (!scratch)
        rows = 1, cols = FEW, a.to = stack;
    for (a.row = 0; a.row < a.n; a.row += rows)
        for (a.first = 0; a.first < a.n; a.first += cols) {
            a.cols = smaller(cols, a.n - a.first);
            cairn_parallel(rows, mirror_row, &a);
            product(t, rows, n, a.cols, alpha, (view){a.to, a.cols, 1, false}, shifted(t, b, a.first, 0),
                    a.first ? (number){1, 0} : beta, shifted(t, c, a.row, 0));
        }
    scratch_give(scratch, bytes);
}

void blas_symm(caller c, bool hermitian, int side, int uplo, int64_t m, int64_t n, const void *alpha, const void *a,
               int64_t lda, const void *b, int64_t ldb, const void *beta, void *to, int64_t ldc)
{
    const bool left = side == 'L';
    const int wrong = !left && side != 'R' ? 1 : uplo != 'U' && uplo != 'L' ? 2 : m < 0 ? 3 : n < 0 ? 4
                      : lda < larger(1, left ? m : n) ? 7 : ldb < larger(1, m) ? 9 : ldc < larger(1, m) ? 12 : 0;
    if (wrong) {
        blas_wrong(c, wrong);
        return;
    }
    const number by = get(c.t, alpha, 0), keep = get(c.t, beta, 0);
    const view vb = column_major(b, ldb, AS_IS), vc = column_major(to, ldc, AS_IS);
    mirrored s = {.t = c.t, .a = column_major(a, lda, AS_IS), .lower = uplo == 'L', .hermitian = hermitian, .n = m};
    if (m == 0 || n == 0)
        return;
    if (is_zero(by)) {
        scale_matrix(c.t, m, n, keep, vc);
    } else if (left) {
        symmetric_product(s, n, by, vb, keep, vc);
    } else {                            /* C^T = A^T B^T, and A^T is A with its triangles exchanged */
        s.a = transpose(s.a);
        s.lower = !s.lower;
        s.n = n;
        symmetric_product(s, m, by, transpose(vb), keep, transpose(vc));
    }
}

/* ---- syrk, herk, syr2k, her2k ----------------------------------------------------------------------*/

/* One triangle of C = alpha A B' + beta C, or of C = alpha A B' + (alpha B A')' + beta C; ' is the transpose or, for
 * Hermitian ones, the adjoint. C is cut into square tiles, which any thread takes: those beside the diagonal are products;
 * those on it are halved until they are small, and of these small ones all is computed and one triangle kept. */
typedef struct rank_k {
    blas_type t;
    bool hermitian, two, lower;
    int64_t n, k;
    number alpha, beta;
    view a, b, c;                       /* a, b: n x k */
    int64_t tile;
} rank_k;

enum { LEAF = 64, TILE = 256 };

static view adjoint(const rank_k *r, view v)
{
    v = transpose(v);
    v.conj = r->hermitian ? !v.conj : v.conj;
    return v;
}

/* Rows i ... i + m of the result times columns j ... j + n. */
static void rank_k_block(const rank_k *r, int64_t i, int64_t m, int64_t j, int64_t n)
{
    const blas_type t = r->t;
    const view c = shifted(t, r->c, i, j);
    product(t, m, n, r->k, r->alpha, shifted(t, r->a, i, 0), adjoint(r, shifted(t, r->b, j, 0)), r->beta, c);
    if (r->two)
        product(t, m, n, r->k, conj_if(r->hermitian, r->alpha), shifted(t, r->b, i, 0), adjoint(r, shifted(t, r->a, j, 0)),
                (number){1, 0}, c);
}

/* A small block on the diagonal: all of it is computed aside, one triangle of it is added. */
static void rank_k_leaf(const rank_k *r, int64_t first, int64_t n)
{
    const blas_type t = r->t;
    const view a = shifted(t, r->a, first, 0), b = shifted(t, r->b, first, 0), c = shifted(t, r->c, first, first);
    char own[LEAF * LEAF * sizeof(number)] __attribute__((aligned(64)));
    product(t, n, n, r->k, r->alpha, a, adjoint(r, b), (number){0, 0}, (view){own, n, 1, false});
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = r->lower ? 0 : i; j < (r->lower ? i + 1 : n); j++) {
            number sum = get(t, own, i * n + j), old = {0, 0};
            if (r->two)
                sum = plus(sum, conj_if(r->hermitian, get(t, own, j * n + i)));
            if (!is_zero(r->beta))
                old = times(r->beta, get(t, c.p, i * c.rs + j * c.cs));
            sum = plus(sum, old);
            if (r->hermitian && i == j)
                sum.im = 0;
            put(t, c.p, i * c.rs + j * c.cs, sum);
        }
}

static void rank_k_diagonal(const rank_k *r, int64_t first, int64_t n)
{
    if (n <= LEAF) {
        rank_k_leaf(r, first, n);
        return;
    }
    const int64_t half = ceil_div(ceil_div(n, LEAF), 2) * LEAF, middle = first + half;
    if (r->lower)
        rank_k_block(r, middle, n - half, first, half);
    else
        rank_k_block(r, first, half, middle, n - half);
    rank_k_diagonal(r, first, half);
    rank_k_diagonal(r, middle, n - half);
}

/* Tasks number the tiles beside the diagonal, row by row, then those on it. */
static void rank_k_tile(void *context, int64_t task, int worker)
{
    const rank_k *r = context;
    const int64_t tiles = ceil_div(r->n, r->tile), beside = tiles * (tiles - 1) / 2;
    int64_t row = 1;
    (void)worker;
    if (task >= beside) {
        const int64_t first = (task - beside) * r->tile;
        rank_k_diagonal(r, first, smaller(r->tile, r->n - first));
        return;
    }
    while (row * (row + 1) / 2 <= task)
        row++;
    const int64_t low = row * r->tile, high = (task - row * (row - 1) / 2) * r->tile, rows = smaller(r->tile, r->n - low);
    if (r->lower)
        rank_k_block(r, low, rows, high, r->tile);
    else
        rank_k_block(r, high, r->tile, low, rows);
}

static void scale_triangle(const rank_k *r)
{
    for (int64_t j = 0; j < r->n; j++) {
        const int64_t from = r->lower ? j : 0, to = r->lower ? r->n : j + 1;
        char *c = at(r->t, r->c.p, from * r->c.rs + j * r->c.cs), *diagonal = at(r->t, r->c.p, j * (r->c.rs + r->c.cs));
        scale_vector(r->t, to - from, r->beta, c, r->c.rs);
        if (r->hermitian)
            put(r->t, diagonal, 0, (number){get(r->t, diagonal, 0).re, 0});
    }
}

static void rank_k_run(rank_k *r)
{
    const bool nothing = is_zero(r->alpha) || r->k == 0;
    if (r->n == 0 || (nothing && is_one(r->beta)))
        return;
    if (nothing) {
        scale_triangle(r);
        return;
    }
    r->tile = r->n > 3 * TILE ? TILE : larger(LEAF, round_up(ceil_div(r->n, 4), LEAF));
    const int64_t tiles = ceil_div(r->n, r->tile);
    cairn_parallel(tiles * (tiles + 1) / 2, rank_k_tile, r);
}

static int wrong_rank_k(const caller *c, bool hermitian, int uplo, int op, int64_t n, int64_t k)
{
    /* Complex symmetric updates have no adjoint, Hermitian ones no mere transpose. */
    const bool bad_op = op < 0 || op == CONJUGATE || (is_complex(c->t) && op == (hermitian ? TRANSPOSED : ADJOINT));
    return uplo != 'U' && uplo != 'L' ? 1 : bad_op ? 2 : n < 0 ? 3 : k < 0 ? 4 : 0;
}

void blas_syrk(caller c, bool hermitian, int uplo, int op, int64_t n, int64_t k, const void *alpha, const void *a, int64_t lda,
               const void *beta, void *to, int64_t ldc)
{
    const int64_t rows = op == AS_IS ? n : k;
    const int found = wrong_rank_k(&c, hermitian, uplo, op, n, k);
    const int wrong = found ? found : lda < larger(1, rows) ? 7 : ldc < larger(1, n) ? 10 : 0;
    if (wrong) {
        blas_wrong(c, wrong);
        return;
    }
    const blas_type scalars = hermitian ? real_of(c.t) : c.t;
    rank_k r = {.t = c.t, .hermitian = hermitian, .lower = uplo == 'L', .n = n, .k = k, .alpha = get(scalars, alpha, 0),
                .beta = get(scalars, beta, 0), .a = column_major(a, lda, op), .c = column_major(to, ldc, AS_IS)};
    r.b = r.a;
    rank_k_run(&r);
}

void blas_syr2k(caller c, bool hermitian, int uplo, int op, int64_t n, int64_t k, const void *alpha, const void *a,
                int64_t lda, const void *b, int64_t ldb, const void *beta, void *to, int64_t ldc)
{
    const int64_t rows = op == AS_IS ? n : k;
    const int found = wrong_rank_k(&c, hermitian, uplo, op, n, k);
    const int wrong = found ? found : lda < larger(1, rows) ? 7 : ldb < larger(1, rows) ? 9 : ldc < larger(1, n) ? 12 : 0;
    if (wrong) {
        blas_wrong(c, wrong);
        return;
    }
    rank_k r = {.t = c.t, .hermitian = hermitian, .two = true, .lower = uplo == 'L', .n = n, .k = k,
                .alpha = get(c.t, alpha, 0), .beta = get(hermitian ? real_of(c.t) : c.t, beta, 0),
                .a = column_major(a, lda, op), .b = column_major(b, ldb, op), .c = column_major(to, ldc, AS_IS)};
    rank_k_run(&r);
}
