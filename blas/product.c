/* The product behind level 3.
 *
 * Real matrices go to cairn_gemm as they are. A complex product is a real one with twice the columns and twice the depth:
 *     (a.re, a.im) (b.re  b.im; -b.im  b.re) = (re, im)  of a b
 * so rows of A are read in place as pairs, B is expanded into scratch memory (with alpha and conjugates), and each element
 * of C is one chain of FMAs, as exact as a real one. Three real products in the place of four would be faster and less so. */
#include "blas/product.h"

#include <cairn/dnn.h>

#include <string.h>

enum {
    DEPTH = 512, WIDTH = 1024,          /* of complex products: the expanded part of B stays in the caches */
    SMALL = 16,                         /* blocks of complex products that fit on the stack, where memory has run out */
    SMALL_DEPTH = 64, SMALL_TILE = 32,  /* likewise of real ones: such products need no workspace */
};

void scale_matrix(blas_type t, int64_t m, int64_t n, number beta, view c)
{
    if (is_one(beta))
        return;
    if (c.cs != 1) {
        c = transpose(c);
        const int64_t swap = m;
        m = n;
        n = swap;
    }
    for (int64_t i = 0; i < m; i++)
        scale_vector(t, n, beta, at(t, c.p, i * c.rs), 1);
}

/* ---- Real ----------------------------------------------------------------------------------------*/

/* C is contiguous along its rows. */
static cairn_gemm described(blas_type t, int64_t m, int64_t n, int64_t k, double alpha, view a, view b, double beta, view c)
{
    return (cairn_gemm){.type = is_double(t) ? CAIRN_F64 : CAIRN_F32, .m = m, .n = n, .k = k, .a = a.p, .a_row = a.rs,
                        .a_col = a.cs, .b = b.p, .b_row = b.rs, .b_col = b.cs, .c = c.p, .c_row = larger(c.rs, n),
                        .alpha = alpha, .beta = beta};
}

/* Without memory: in pieces that cairn_gemm does on the stack. */
static void product_in_pieces(blas_type t, int64_t m, int64_t n, int64_t k, double alpha, view a, view b, double beta, view c)
{
    for (int64_t p = 0; p < k; p += SMALL_DEPTH)
        for (int64_t i = 0; i < m; i += SMALL_TILE)
            for (int64_t j = 0; j < n; j += SMALL_TILE) {
                const cairn_gemm g = described(t, smaller(SMALL_TILE, m - i), smaller(SMALL_TILE, n - j),
                                               smaller(SMALL_DEPTH, k - p), alpha, shifted(t, a, i, p), shifted(t, b, p, j),
                                               p ? 1 : beta, shifted(t, c, i, j));
                char workspace[32 << 10] __attribute__((aligned(64)));
                cairn_gemm_run(&g, workspace, sizeof workspace);
            }
}

static void real_product(blas_type t, int64_t m, int64_t n, int64_t k, double alpha, view a, view b, double beta, view c)
{
    const cairn_gemm g = described(t, m, n, k, alpha, a, b, beta, c);
    const int64_t bytes = cairn_gemm_workspace_bytes(&g);
    void *workspace = bytes ? scratch_take(bytes) : NULL;
    if (bytes && !workspace)
        product_in_pieces(t, m, n, k, alpha, a, b, beta, c);
    else
        cairn_gemm_run(&g, workspace, bytes);
    scratch_give(workspace, bytes);
}

/* ---- Complex -------------------------------------------------------------------------------------*/

typedef struct complex_blocks { int64_t m, n, k; } complex_blocks;

static int64_t a_bytes(blas_type t, complex_blocks b, bool copy_a) { return copy_a ? round_up(b.m * b.k * bytes_of(t), 64) : 0; }
static int64_t scratch_bytes(blas_type t, complex_blocks b, bool copy_a)
{
    return a_bytes(t, b, copy_a) + 2 * b.k * b.n * bytes_of(t);
}

typedef struct copy {
    blas_type t;
    int64_t m, k;
    view a;
    char *to;
    int64_t block;
} copy;

/* Rows of A one after the other: block rows a task. */
static void copy_task(void *context, int64_t task, int worker)
{
    const copy *c = context;
    const int64_t bytes = bytes_of(c->t), from = task * c->block, to = smaller(c->m, from + c->block);
    (void)worker;
    for (int64_t p0 = 0; p0 < c->k; p0 += 8) { /* the lines of eight columns stay in L1 */
        const int64_t end = smaller(c->k, p0 + 8);
        for (int64_t i = from; i < to; i++)
            gather(c->t, end - p0, at(c->t, c->a.p, i * c->a.rs + p0 * c->a.cs), c->a.cs, c->to + (i * c->k + p0) * bytes);
    }
}

typedef struct expansion {
    blas_type t;
    int64_t k, n, block;
    view b;
    const scalar *alpha;
    bool conj_a;
    char *to;
} expansion;

static void expand_task(void *context, int64_t task, int worker)
{
    const expansion *e = context;
    const int64_t from = task * e->block, rows = smaller(e->block, e->k - from);
    (void)worker;
    kernel_of(e->t)->expand(rows, e->n, at(e->t, e->b.p, from * e->b.rs), e->b.rs, e->b.cs, e->alpha, e->b.conj, e->conj_a,
                            e->to + 2 * from * e->n * bytes_of(e->t), 2 * e->n);
}

enum { TASK_ELEMENTS = 1 << 14 };       /* of a copy, a task */

static void run_tasks(int64_t rows, int64_t row_elements, int64_t *block, cairn_task fn, void *context)
{
    *block = round_up(larger(1, TASK_ELEMENTS / larger(1, row_elements)), 32);
    cairn_parallel(ceil_div(rows, *block), fn, context);
}

/* One block: C += A (alpha B). */
static void complex_block(blas_type t, complex_blocks b, view a, const char *expanded, bool copy_a, char *own_a, double beta, view c)
{
    const blas_type real = real_of(t);
    if (copy_a) {
        copy job = {.t = t, .m = b.m, .k = b.k, .a = a, .to = own_a};
        run_tasks(b.m, b.k, &job.block, copy_task, &job);
        a = (view){own_a, b.k, 1, false};
    }
    real_product(real, b.m, 2 * b.n, 2 * b.k, 1, (view){a.p, 2 * a.rs, 1, false}, (view){(char *)expanded, 2 * b.n, 1, false},
                 beta, (view){c.p, 2 * c.rs, 1, false});
}

static void complex_product(blas_type t, int64_t m, int64_t n, int64_t k, number alpha, view a, view b, number beta, view c)
{
    const scalar by = scalar_of(t, alpha);
    const bool copy_a = a.cs != 1;
    complex_blocks most = {m, smaller(n, WIDTH), smaller(k, DEPTH)};
    char stack[SMALL * SMALL * 3 * sizeof(number)] __attribute__((aligned(64)));
    int64_t bytes = scratch_bytes(t, most, copy_a);
    char *scratch = bytes <= (int64_t)sizeof stack ? stack : scratch_take(bytes);
    if (!scratch) {
        most = (complex_blocks){smaller(m, SMALL), smaller(n, SMALL), smaller(k, SMALL)};
        scratch = stack;
    }
    if (beta.im != 0) {                 /* cairn_gemm knows real factors */
        scale_matrix(t, m, n, beta, c);
        beta = (number){1, 0};
    }
    char *expanded = scratch + a_bytes(t, most, copy_a);
    for (int64_t p = 0; p < k; p += most.k)
        for (int64_t j = 0; j < n; j += most.n) {
            complex_blocks now = {m, smaller(most.n, n - j), smaller(most.k, k - p)};
            expansion e = {.t = t, .k = now.k, .n = now.n, .b = shifted(t, b, p, j), .alpha = &by, .conj_a = a.conj, .to = expanded};
            run_tasks(now.k, now.n, &e.block, expand_task, &e);
            for (int64_t i = 0; i < m; i += most.m) {
                now.m = smaller(most.m, m - i);
                complex_block(t, now, shifted(t, a, i, p), expanded, copy_a, scratch, p ? 1 : beta.re, shifted(t, c, i, j));
            }
        }
    if (scratch != stack)
        scratch_give(scratch, bytes);
}

/* ---- Both ----------------------------------------------------------------------------------------*/

void product(blas_type t, int64_t m, int64_t n, int64_t k, number alpha, view a, view b, number beta, view c)
{
    if (m == 0 || n == 0)
        return;
    if (k == 0 || is_zero(alpha)) {
        scale_matrix(t, m, n, beta, c);
        return;
    }
    if (c.cs != 1) {                    /* C^T = B^T A^T */
        product(t, n, m, k, alpha, transpose(b), transpose(a), beta, transpose(c));
        return;
    }
    if (is_complex(t))
        complex_product(t, m, n, k, alpha, a, b, beta, c);
    else
        real_product(t, m, n, k, alpha.re, a, b, beta.re, c);
}
