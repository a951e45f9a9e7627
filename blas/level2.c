/* Level 2 over full matrices: gemv and ger. What they cost is reading A once, so each is cut into tasks that read
 * stretches of columns; vectors with strides are gathered on the stack, and nothing is allocated. */
#include "blas/blas.h"

#include <cairn/base.h>

#include <string.h>

enum {
    THREADED = 1 << 16,                 /* elements of A from which threads are worth waking */
    TASKS = 8,                          /* wanted at least, where the matrix has enough elements */
    PANEL = 64,                         /* columns in one call of a kernel */
    STRETCH_BYTES = 32 << 10,           /* of y, which stays in L1 or L2 */
};

/* ---- y += alpha op(A) x -----------------------------------------------------------------------------*/

typedef struct product {
    blas_type t;
    bool transposed, conj;
    int64_t rows, cols, lda, incx, incy; /* of A as it lies in memory */
    number alpha;
    const char *a, *x;
    char *y;
    int64_t block, parts, part;         /* results in a block; pieces into which each sum is cut, and their length */
    char *partial;                      /* sums of [block][part], with more parts than one */
} product;

/* to[0 .. count) = alpha x[from ...), contiguous. */
static void scaled_part(const product *p, int64_t from, int64_t count, void *to)
{
    const scalar by = scalar_of(p->t, p->alpha);
    gather(p->t, count, at(p->t, p->x, from * p->incx), p->incx, to);
    if (!is_one(p->alpha))
        kernel_of(p->t)->scale(count, &by, to);
}

/* sums[0 .. rows) += A[row ..., col ... col + cols) alpha x */
static void sum_rows(const product *p, int64_t row, int64_t rows, int64_t col, int64_t cols, void *sums)
{
    char scaled[PANEL * sizeof(number)];
    for (const int64_t end = col + cols; col < end; col += PANEL) {
        const int64_t count = smaller(PANEL, end - col);
        scaled_part(p, col, count, scaled);
        kernel_of(p->t)->panel_n(rows, count, at(p->t, p->a, row + col * p->lda), p->lda, scaled, sums, p->conj);
    }
}

/* sums[0 .. cols) = A[row ... row + rows, col ...)^T alpha x, cols <= PANEL */
static void sum_columns(const product *p, int64_t col, int64_t cols, int64_t row, int64_t rows, void *sums)
{
    const int64_t step = p->incx == 1 ? larger(rows, 1) : chunk_of(p->t);
    const scalar by = scalar_of(p->t, p->alpha);
    char own[CHUNK_BYTES] __attribute__((aligned(64))), some[PANEL * sizeof(number)];
    for (const int64_t end = row + rows; row < end; row += step) {
        const int64_t count = smaller(step, end - row);
        const char *x = at(p->t, p->x, row * p->incx);
        if (p->incx != 1)
            gather(p->t, count, x, p->incx, own);
        kernel_of(p->t)->panel_t(count, cols, at(p->t, p->a, row + col * p->lda), p->lda, p->incx == 1 ? x : own, some, p->conj);
        for (int64_t j = 0; j < cols; j++)
            put(p->t, sums, j, plus(get(p->t, sums, j), get(p->t, some, j)));
    }
    kernel_of(p->t)->scale(cols, &by, sums);
}

static void add_to_y(const product *p, int64_t from, int64_t count, const void *sums)
{
    add_scaled(p->t, count, (number){1, 0}, sums, false, at(p->t, p->y, from * p->incy), p->incy);
}

static void product_task(void *context, int64_t task, int worker)
{
    const product *p = context;
    const int64_t results = p->transposed ? p->cols : p->rows, terms = p->transposed ? p->rows : p->cols;
    const int64_t from = task / p->parts * p->block, count = smaller(p->block, results - from);
    const int64_t term = task % p->parts * p->part, many = smaller(p->part, terms - term);
    char own[CHUNK_BYTES] __attribute__((aligned(64)));
    char *sums = p->parts > 1 ? p->partial + task * p->block * bytes_of(p->t) : own;
    (void)worker;
    if (!p->transposed && p->parts == 1 && p->incy == 1) {
        sum_rows(p, from, count, term, many, at(p->t, p->y, from));
        return;
    }
    memset(sums, 0, (size_t)(count * bytes_of(p->t)));
    (p->transposed ? sum_columns : sum_rows)(p, from, count, term, many, sums);
    if (p->parts == 1)
        add_to_y(p, from, count, sums);
}

/* The cut depends on the shape alone. Long stretches of columns are read fastest, so rows are cut last; a matrix with few
 * results has its sums cut too, into parts that need memory for theirs. */
static void cut_product(product *p, bool threaded)
{
    const int64_t results = p->transposed ? p->cols : p->rows, terms = p->transposed ? p->rows : p->cols;
    p->block = p->transposed ? PANEL : (threaded || p->incy == 1 ? STRETCH_BYTES : CHUNK_BYTES) / bytes_of(p->t);
    const int64_t blocks = ceil_div(results, p->block);
    p->parts = threaded && blocks < TASKS ? larger(1, smaller(ceil_div(TASKS, blocks), terms / PANEL)) : 1;
    p->part = round_up(ceil_div(terms, p->parts), p->transposed ? 64 : 8);
    p->parts = ceil_div(terms, p->part);
    if (p->parts == 1 && !p->transposed && p->incy != 1)
        p->block = CHUNK_BYTES / bytes_of(p->t); /* which a task has for its sums */
}

static void multiply(product *p)
{
    const int64_t results = p->transposed ? p->cols : p->rows, bytes = bytes_of(p->t);
    bool threaded = p->rows * p->cols >= THREADED;
    cut_product(p, threaded);
    int64_t blocks = ceil_div(results, p->block);
    const int64_t partial = p->parts > 1 ? blocks * p->parts * p->block * bytes : 0;
    p->partial = partial ? scratch_take(partial) : NULL;
    if (partial && !p->partial) {
        threaded = false;
        cut_product(p, false);
        blocks = ceil_div(results, p->block);
    }
    if (threaded)
        cairn_parallel(blocks * p->parts, product_task, p);
    else
        for (int64_t task = 0; task < blocks * p->parts; task++)
            product_task(p, task, 0);
    for (int64_t i = 0; partial && p->partial && i < blocks * p->parts; i++)
        add_to_y(p, i / p->parts * p->block, smaller(p->block, results - i / p->parts * p->block), p->partial + i * p->block * bytes);
    scratch_give(p->partial, partial);
}

void gemv_add(blas_type t, int op, int64_t m, int64_t n, number alpha, const void *a, int64_t lda, const void *x, void *y)
{
    product p = {.t = t, .transposed = op & TRANSPOSED, .conj = op & CONJUGATE, .rows = m, .cols = n, .lda = lda, .incx = 1,
                 .incy = 1, .alpha = alpha, .a = a, .x = x, .y = y};
    if (m > 0 && n > 0)
        multiply(&p);
}

void blas_gemv(caller c, int op, int64_t m, int64_t n, const void *alpha, const void *a, int64_t lda, const void *x,
               int64_t incx, const void *beta, void *y, int64_t incy)
{
    const int wrong = op < 0 ? 1 : m < 0 ? 2 : n < 0 ? 3 : lda < larger(1, m) ? 6 : incx == 0 ? 8 : incy == 0 ? 11 : 0;
    if (wrong) {
        blas_wrong(c, wrong);
        return;
    }
    const number by = get(c.t, alpha, 0), keep = get(c.t, beta, 0);
    const int64_t terms = op & TRANSPOSED ? m : n, results = op & TRANSPOSED ? n : m;
    if (m == 0 || n == 0)
        return;
    product p = {.t = c.t, .transposed = op & TRANSPOSED, .conj = op & CONJUGATE, .rows = m, .cols = n, .lda = lda,
                 .incx = incx, .incy = incy, .alpha = by, .a = a, .x = vector_start(c.t, x, terms, incx),
                 .y = vector_start(c.t, y, results, incy)};
    scale_vector(c.t, results, keep, p.y, incy);
    if (!is_zero(by))
        multiply(&p);
}

/* ---- A += alpha x y' --------------------------------------------------------------------------------*/

typedef struct update {
    blas_type t;
    bool conj_x, conj_y;
    int64_t m, n, lda, incx, incy;
    number alpha;
    const char *x, *y;
    char *a;
} update;

/* PANEL columns; x stays in L1 while a stretch of each is updated. */
static void update_task(void *context, int64_t task, int worker)
{
    const update *u = context;
    const int64_t from = task * PANEL, count = smaller(PANEL, u->n - from), step = chunk_of(u->t);
    char own[CHUNK_BYTES] __attribute__((aligned(64)));
    (void)worker;
    for (int64_t i = 0; i < u->m; i += step) {
        const int64_t rows = smaller(step, u->m - i);
        const char *x = at(u->t, u->x, i * u->incx);
        if (u->incx != 1)
            gather(u->t, rows, x, u->incx, own);
        for (int64_t j = from; j < from + count; j++)
            add_scaled(u->t, rows, times(u->alpha, conj_if(u->conj_y, get(u->t, u->y, j * u->incy))), u->incx == 1 ? x : own,
                       u->conj_x, at(u->t, u->a, i + j * u->lda), 1);
    }
}

void blas_ger(caller c, bool conj_x, bool conj_y, int64_t m, int64_t n, const void *alpha, const void *x, int64_t incx,
              const void *y, int64_t incy, void *a, int64_t lda)
{
    const int wrong = m < 0 ? 1 : n < 0 ? 2 : incx == 0 ? 5 : incy == 0 ? 7 : lda < larger(1, m) ? 9 : 0;
    if (wrong) {
        blas_wrong(c, wrong);
        return;
    }
    if (m == 0 || n == 0 || is_zero(get(c.t, alpha, 0)))
        return;
    update u = {.t = c.t, .conj_x = conj_x, .conj_y = conj_y, .m = m, .n = n, .lda = lda, .incx = incx, .incy = incy,
                .alpha = get(c.t, alpha, 0), .a = a, .x = vector_start(c.t, x, m, incx), .y = vector_start(c.t, y, n, incy)};
    const int64_t tasks = ceil_div(n, PANEL);
    if (m * n < THREADED)
        for (int64_t task = 0; task < tasks; task++)
            update_task(&u, task, 0);
    else
        cairn_parallel(tasks, update_task, &u);
}
