/* Symmetric and Hermitian matrices of which one triangle is stored: products with a vector, and updates of rank one and two. */
#include "blas/columns.h"

#include <cairn/base.h>

#include <string.h>

enum {
    PANEL = 32, ROWS = 256,             /* of A that are read for both products while they are in L1 or L2 */
    PARTS = 8, LEAST = 512,             /* rows from which the matrix is cut for threads */
    THREADED = 1 << 16,
};

/* The checks that the routines over triangles share: positions differ with the storage. */
static int wrong_triangle(const triangle *a, int at_uplo, int at_n, int at_k, int at_lda)
{
    if (a->uplo != 'U' && a->uplo != 'L')
        return at_uplo;
    if (a->n < 0)
        return at_n;
    if (a->how == BAND && a->k < 0)
        return at_k;
    return a->how != PACKED && a->lda < (a->how == BAND ? a->k + 1 : larger(1, a->n)) ? at_lda : 0;
}

/* ---- y += alpha A x ---------------------------------------------------------------------------------*/

typedef struct symv {
    blas_type t;
    bool hermitian, conj;
    triangle a;
    number alpha;
    const char *x;
    char *y, *partial;
    int64_t incx, incy, cuts[PARTS + 1];
} symv;

/* Column j: what is stored serves as column (rows i) and as row (row j). */
static void multiply_column(const symv *s, int64_t j, column c)
{
    const blas_type t = s->t;
    const bool conj_row = s->hermitian != s->conj;
    const int64_t from = c.first == j ? j + 1 : c.first, count = c.last - c.first - 1;
    const number xj = times(s->alpha, get(t, s->x, j * s->incx));
    number diagonal = conj_if(s->conj, get(t, c.start, j));
    if (s->hermitian)
        diagonal.im = 0;
    const number row = dot_with(t, count, at(t, c.start, from), conj_row, at(t, s->x, from * s->incx), s->incx);
    const number sum = plus(times(diagonal, xj), times(s->alpha, row));
    add_scaled(t, count, xj, at(t, c.start, from), s->conj, at(t, s->y, from * s->incy), s->incy);
    put(t, s->y, j * s->incy, plus(get(t, s->y, j * s->incy), sum));
}

/* The rectangle of rows beside the diagonal block of columns col ... : each piece is read once from memory, for both products. */
static void multiply_panel(const symv *s, char *y, int64_t row, int64_t rows, int64_t col, int64_t cols)
{
    const blas_type t = s->t;
    const blas_kernel *k = kernel_of(t);
    char scaled[PANEL * sizeof(number)], some[PANEL * sizeof(number)], sums[PANEL * sizeof(number)];
    const scalar alpha = scalar_of(t, s->alpha);
    memcpy(scaled, at(t, s->x, col), (size_t)(cols * bytes_of(t)));
    k->scale(cols, &alpha, scaled);
    memset(sums, 0, sizeof sums);
    for (const int64_t end = row + rows; row < end; row += ROWS) {
        const int64_t count = smaller(ROWS, end - row);
        const char *a = at(t, s->a.a, row + col * s->a.lda);
        k->panel_t(count, cols, a, s->a.lda, at(t, s->x, row), some, s->hermitian != s->conj);
        k->panel_n(count, cols, a, s->a.lda, scaled, at(t, y, row), s->conj);
        for (int64_t j = 0; j < cols; j++)
            put(t, sums, j, plus(get(t, sums, j), get(t, some, j)));
    }
    k->panel_n(cols, 1, sums, 0, &alpha, at(t, y, col), false);
}

/* The block on the diagonal: filled in, and multiplied as any other. */
static void multiply_diagonal(const symv *s, char *y, int64_t j, int64_t cols)
{
    const blas_type t = s->t;
    const blas_kernel *k = kernel_of(t);
    const scalar alpha = scalar_of(t, s->alpha);
    char block[PANEL * PANEL * sizeof(number)] __attribute__((aligned(64))), scaled[PANEL * sizeof(number)];
    memcpy(scaled, at(t, s->x, j), (size_t)(cols * bytes_of(t)));
    k->scale(cols, &alpha, scaled);
    k->mirror((int)cols, at(t, s->a.a, j + j * s->a.lda), s->a.lda, s->a.uplo == 'L', s->hermitian, s->conj, block);
    k->panel_n(cols, cols, block, cols, scaled, at(t, y, j), false);
}

/* Columns from .. to of a full triangle over contiguous vectors. */
static void multiply_columns(const symv *s, int64_t from, int64_t to, char *y)
{
    for (int64_t j = from; j < to; j += PANEL) {
        const int64_t cols = smaller(PANEL, to - j), below = j + cols;
        multiply_diagonal(s, y, j, cols);
        if (s->a.uplo == 'U')
            multiply_panel(s, y, 0, j, j, cols);
        else
            multiply_panel(s, y, below, s->a.n - below, j, cols);
    }
}

static void symv_task(void *context, int64_t task, int worker)
{
    const symv *s = context;
    const int64_t bytes = s->a.n * bytes_of(s->t);
    char *y = s->partial + task * bytes;
    (void)worker;
    memset(y, 0, (size_t)bytes);
    multiply_columns(s, s->cuts[task], s->cuts[task + 1], y);
}

/* Parts of about equal areas, at whole panels. */
static void cut_triangle(symv *s)
{
    const int64_t n = s->a.n;
    const double area = (double)n * (double)n / PARTS;
    double seen = 0;
    int part = 1;
    for (int64_t j = 0; j < n && part < PARTS; j += PANEL) {
        seen += 2.0 * PANEL * (double)(s->a.uplo == 'U' ? j : n - j);
        if (seen >= area * part)
            s->cuts[part++] = j + PANEL;
    }
    while (part <= PARTS)
        s->cuts[part++] = n;
    for (int i = 1; i <= PARTS; i++)
        s->cuts[i] = smaller(s->cuts[i], n);
}

/* Each part adds into a vector of its own; they are added up in order. */
static bool multiply_parts(symv *s)
{
    const int64_t bytes = s->a.n * bytes_of(s->t);
    s->partial = scratch_take(PARTS * bytes);
    if (!s->partial)
        return false;
    cut_triangle(s);
    cairn_parallel(PARTS, symv_task, s);
    for (int i = 0; i < PARTS; i++)
        add_scaled(s->t, s->a.n, (number){1, 0}, s->partial + i * bytes, false, s->y, 1);
    scratch_give(s->partial, PARTS * bytes);
    return true;
}

void blas_symv(caller c, bool hermitian, bool conj, triangle a, const void *alpha, const void *x, int64_t incx,
               const void *beta, void *y, int64_t incy)
{
    static const int at_incx[] = {[FULL] = 7, [BAND] = 8, [PACKED] = 6}, at_incy[] = {[FULL] = 10, [BAND] = 11, [PACKED] = 9};
    int wrong = wrong_triangle(&a, 1, 2, 3, a.how == BAND ? 6 : 5);
    wrong = wrong ? wrong : incx == 0 ? at_incx[a.how] : incy == 0 ? at_incy[a.how] : 0;
    if (wrong) {
        blas_wrong(c, wrong);
        return;
    }
    symv s = {.t = c.t, .hermitian = hermitian, .conj = conj, .a = a, .alpha = get(c.t, alpha, 0), .incx = incx, .incy = incy,
              .x = vector_start(c.t, x, a.n, incx), .y = vector_start(c.t, y, a.n, incy)};
    scale_vector(c.t, a.n, get(c.t, beta, 0), s.y, incy);
    if (is_zero(s.alpha))
        return;
    const bool direct = a.how == FULL && incx == 1 && incy == 1;
    if (direct && a.n >= LEAST && multiply_parts(&s))
        return;
    if (direct)
        multiply_columns(&s, 0, a.n, s.y);
    else
        for (int64_t j = 0; j < a.n; j++)
            multiply_column(&s, j, triangle_column(c.t, &a, j));
}

/* ---- A += alpha x x' and A += alpha x y' + (alpha y x')' -----------------------------------------------*/

typedef struct rank {
    blas_type t;
    bool hermitian, conj;
    triangle a;
    number alpha;
    const char *x, *y;                  /* y NULL: rank one */
    int64_t incx, incy;
} rank;

static void add_vector(const rank *r, column c, number s, const char *x, int64_t inc)
{
    const blas_type t = r->t;
    char own[CHUNK_BYTES] __attribute__((aligned(64)));
    for (int64_t i = c.first; i < c.last; i += chunk_of(t)) {
        const int64_t count = smaller(chunk_of(t), c.last - i);
        const char *from = at(t, x, i * inc);
        if (inc != 1)
            gather(t, count, from, inc, own);
        add_scaled(t, count, s, inc == 1 ? from : own, r->conj, at(t, c.start, i), 1);
    }
}

static void update_column(const rank *r, int64_t j)
{
    const blas_type t = r->t;
    const column c = triangle_column(t, &r->a, j);
    const bool conj_row = r->hermitian != r->conj; /* of the factor that row j brings */
    const number xj = conj_if(conj_row, get(t, r->x, j * r->incx));
    if (!r->y) {
        add_vector(r, c, times(r->alpha, xj), r->x, r->incx);
    } else {
        const number yj = conj_if(conj_row, get(t, r->y, j * r->incy));
        add_vector(r, c, times(r->alpha, yj), r->x, r->incx);
        add_vector(r, c, times(conj_if(r->hermitian, r->alpha), xj), r->y, r->incy);
    }
    if (r->hermitian)
        put(t, c.start, j, (number){get(t, c.start, j).re, 0});
}

static void rank_task(void *context, int64_t task, int worker)
{
    const rank *r = context;
    (void)worker;
    for (int64_t j = task * PANEL; j < smaller(r->a.n, (task + 1) * PANEL); j++)
        update_column(r, j);
}

static void update(rank *r)
{
    const int64_t tasks = ceil_div(r->a.n, PANEL);
    if (is_zero(r->alpha))
        return;
    if (r->a.n * r->a.n < THREADED)
        for (int64_t task = 0; task < tasks; task++)
            rank_task(r, task, 0);
    else
        cairn_parallel(tasks, rank_task, r);
}

void blas_syr(caller c, bool hermitian, bool conj, triangle a, const void *alpha, const void *x, int64_t incx)
{
    const int found = wrong_triangle(&a, 1, 2, 0, 0), wrong = found ? found : incx == 0 ? 5 : 0;
    const bool bad_lda = a.how == FULL && a.lda < larger(1, a.n);
    if (wrong || bad_lda) {
        blas_wrong(c, wrong ? wrong : 7);
        return;
    }
    rank r = {.t = c.t, .hermitian = hermitian, .conj = conj, .a = a, .incx = incx, .x = vector_start(c.t, x, a.n, incx)};
    r.alpha = get(hermitian ? real_of(c.t) : c.t, alpha, 0);
    update(&r);
}

void blas_syr2(caller c, bool hermitian, bool conj, triangle a, const void *alpha, const void *x, int64_t incx, const void *y,
               int64_t incy)
{
    const int found = wrong_triangle(&a, 1, 2, 0, 0);
    const bool bad_lda = a.how == FULL && a.lda < larger(1, a.n);
    const int wrong = found ? found : incx == 0 ? 5 : incy == 0 ? 7 : bad_lda ? 9 : 0;
    if (wrong) {
        blas_wrong(c, wrong);
        return;
    }
    rank r = {.t = c.t, .hermitian = hermitian, .conj = conj, .a = a, .alpha = get(c.t, alpha, 0), .incx = incx, .incy = incy,
              .x = vector_start(c.t, x, a.n, incx), .y = vector_start(c.t, y, a.n, incy)};
    update(&r);
}
