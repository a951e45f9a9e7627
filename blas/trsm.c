/* trmm and trsm: B = alpha op(A) B or op(A)^-1 alpha B for a triangular A, on views, so that one code serves both sides,
 * both triangles and all operations.
 *
 * The triangle is halved until it has TRIANGLE_ROWS rows; what lies beside the halves are products, and the leaves are
 * worked on in tiles of TRIANGLE_COLUMNS right sides, brought into registers' order and back. Right sides do not depend on
 * each other: with many of them, blocks are tasks of their own. */
#include "blas/product.h"

#include <cairn/base.h>

enum { RIGHT_SIDES = 128 };             /* in a task */

typedef struct job {
    blas_type t;
    bool solve, lower, unit;
    int64_t n, sides;
    number alpha;
    view a, b;
} job;

/* A lower triangle, or an upper one seen from its last corner, which is lower. */
static void run_leaf(const job *j, int64_t n, int64_t sides, number alpha, view a, view b)
{
    const blas_type t = j->t;
    const blas_kernel *k = kernel_of(t);
    const scalar by = scalar_of(t, alpha);
    char triangle[TRIANGLE_ROWS * TRIANGLE_ROWS * sizeof(number)] __attribute__((aligned(64)));
    char tile[TRIANGLE_ROWS * TRIANGLE_COLUMNS * sizeof(number)] __attribute__((aligned(64)));
    if (!j->lower) {
        a = (view){at(t, a.p, (n - 1) * (a.rs + a.cs)), -a.rs, -a.cs, a.conj};
        b = (view){at(t, b.p, (n - 1) * b.rs), -b.rs, b.cs, b.conj};
    }
    k->triangle_in((int)n, a.p, a.rs, a.cs, a.conj, j->unit, triangle);
    for (int64_t i = 0; i < sides; i += TRIANGLE_COLUMNS) {
        const int64_t count = smaller(TRIANGLE_COLUMNS, sides - i);
        char *at_b = at(t, b.p, i * b.cs);
        k->tile_in((int)n, count, at_b, b.rs, b.cs, &by, tile);
        k->triangle((int)n, count, triangle, tile, j->solve);
        k->tile_out((int)n, count, tile, at_b, b.rs, b.cs);
    }
}

/* Of the two halves one is finished first. Solving, it is the one whose solution the other needs; multiplying, the one that
 * needs the other's old values. */
static void run_triangle(const job *j, int64_t n, int64_t sides, number alpha, view a, view b)
{
    const blas_type t = j->t;
    if (n <= TRIANGLE_ROWS) {
        run_leaf(j, n, sides, alpha, a, b);
        return;
    }
    const int64_t half = ceil_div(ceil_div(n, TRIANGLE_ROWS), 2) * TRIANGLE_ROWS, rest = n - half;
    const view a2 = shifted(t, a, half, half), b2 = shifted(t, b, half, 0);
    const view beside = j->lower ? shifted(t, a, half, 0) : shifted(t, a, 0, half);
    const bool upper_half_first = j->solve == j->lower;
    const view first = upper_half_first ? b : b2, second = upper_half_first ? b2 : b;
    const int64_t first_n = upper_half_first ? half : rest, second_n = upper_half_first ? rest : half;
    run_triangle(j, first_n, sides, alpha, upper_half_first ? a : a2, first);
    if (j->solve)                       /* second = alpha second - beside first */
        product(t, second_n, sides, first_n, (number){-1, 0}, beside, first, alpha, second);
    else                                /* first += alpha beside second */
        product(t, first_n, sides, second_n, alpha, beside, second, (number){1, 0}, first);
    run_triangle(j, second_n, sides, j->solve ? (number){1, 0} : alpha, upper_half_first ? a2 : a, second);
}

static void run_sides(void *context, int64_t task, int worker)
{
    const job *j = context;
    const int64_t from = task * RIGHT_SIDES;
    (void)worker;
    run_triangle(j, j->n, smaller(RIGHT_SIDES, j->sides - from), j->alpha, j->a, shifted(j->t, j->b, 0, from));
}

/* A single right side is level 2; `a` may be a row of op(A)'s transpose. */
static void run_one(const job *j, const void *a, int64_t lda, int uplo, int op)
{
    const triangle t = {FULL, uplo, j->n, 0, lda, a};
    scale_vector(j->t, j->n, j->alpha, j->b.p, j->b.rs);
    trmv_run(j->t, j->solve, &t, op, j->unit, j->b.p, j->b.rs);
}

void blas_trmm(caller c, bool solve, int side, int uplo, int op, int diag, int64_t m, int64_t n, const void *alpha,
               const void *a, int64_t lda, void *b, int64_t ldb)
{
    const bool left = side == 'L';
    const int wrong = !left && side != 'R' ? 1 : uplo != 'U' && uplo != 'L' ? 2 : op < 0 ? 3 : diag != 'U' && diag != 'N' ? 4
                      : m < 0 ? 5 : n < 0 ? 6 : lda < larger(1, left ? m : n) ? 9 : ldb < larger(1, m) ? 11 : 0;
    if (wrong) {
        blas_wrong(c, wrong);
        return;
    }
    job j = {.t = c.t, .solve = solve, .unit = diag == 'U', .alpha = get(c.t, alpha, 0), .n = left ? m : n,
             .sides = left ? n : m, .a = column_major(a, lda, op), .b = column_major(b, ldb, AS_IS)};
    if (m == 0 || n == 0)
        return;
    if (is_zero(j.alpha)) {
        scale_matrix(c.t, m, n, (number){0, 0}, j.b);
        return;
    }
    if (!left) {                        /* X op(A) = B is op(A)^T X^T = B^T */
        op ^= TRANSPOSED;
        j.a = transpose(j.a);
        j.b = transpose(j.b);
    }
    j.lower = (uplo == 'L') != ((op & TRANSPOSED) != 0);
    if (j.sides == 1)
        run_one(&j, a, lda, uplo, op);
    else if (j.sides >= 2 * RIGHT_SIDES)
        cairn_parallel(ceil_div(j.sides, RIGHT_SIDES), run_sides, &j);
    else
        run_triangle(&j, j.n, j.sides, j.alpha, j.a, j.b);
}
