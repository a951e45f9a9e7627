/* Recurrences from the inside: what forward.c and backward.c share.
 *
 * All steps' products with W_ih are one matmul. A step is then the product of h with W_hh, whose sums gather in the gates'
 * place, and the pointwise part of the kind, both in one task: a task has one block of units (nr, the width of the matmul kernel's
 * tile) with all gates and some rows. W_hh is packed once, so that a task's panels lie one after the other. The two directions
 * of a layer go side by side. Rows of what the kernel reads in place are padded, so that they do not share cache sets. */
#ifndef PRIMITIVES_RNN_RNN_H
#define PRIMITIVES_RNN_RNN_H
#include "base/error.h"
#include "primitives/gemm/block.h"
#include "primitives/rnn/cell.h"
#include "primitives/slots.h"
#include <cairn/dnn/rnn.h>

typedef struct rnn_plan {
    const cairn_rnn_descriptor *d;
    gemm_kernel *gemm;
    rnn_kernel *kernel;
    int64_t bytes, rows;                    /* of an element; of x and y */
    int64_t layers, directions;
    int64_t gates, columns;                 /* of the weights; as they are kept: 4 for GRU */
    int64_t hidden, out, width;             /* width of y: directions * out */
    int64_t gates_row, h_row, m_row;        /* padded rows */
} rnn_plan;

/* Checks the descriptor and fills the plan. */
cairn_status rnn_plan_make(const cairn_rnn_descriptor *d, rnn_plan *p);

static inline int64_t rnn_in(const rnn_plan *p, int64_t layer) { return layer ? p->width : p->d->in; }
static inline bool rnn_projects(const rnn_plan *p) { return p->d->projection > 0; }

/* Where gate g of the weights (r z n of a GRU) gathers its product with h: that of n stays apart. */
static inline int64_t rnn_column(const rnn_plan *p, int64_t g) { return p->d->kind == CAIRN_RNN_GRU && g == 2 ? 3 : g; }

/* ---- Memory: pieces of 64 aligned bytes, taken one after the other; with a NULL base only their size is counted */
typedef struct rnn_carver {
    char *base;
    int64_t used;
} rnn_carver;

static inline char *rnn_take(rnn_carver *c, int64_t bytes)
{
    char *piece = c->base ? c->base + c->used : NULL;
    c->used += round_up(bytes, 64);
    return piece;
}

/* What a forward pass keeps of one layer and direction, row by row as x. */
typedef struct rnn_saved {
    char *gates, *h, *c, *m;                /* activations; the h before (h_row); c after; o tanh(c) (m_row), with a projection */
} rnn_saved;
rnn_saved rnn_saved_at(const rnn_plan *p, const void *reserve, int64_t layer, int64_t direction);
/* y of a layer but the last, after dropout. */
char *rnn_saved_y(const rnn_plan *p, const void *reserve, int64_t layer);
int64_t rnn_reserve_size(const rnn_plan *p);

/* ---- Steps, in either direction */
typedef struct rnn_step {
    int64_t t, row0, rows;                  /* t outside 0 ... steps - 1: there is none, rows is 0 */
} rnn_step;

static inline int64_t rnn_batch(const rnn_plan *p, int64_t t)
{
    return t < 0 || t >= p->d->steps ? 0 : p->d->batch_sizes ? p->d->batch_sizes[t] : p->d->batch;
}

static inline rnn_step rnn_first(const rnn_plan *p, bool from_end)
{
    const int64_t t = from_end ? p->d->steps - 1 : 0, rows = rnn_batch(p, t);
    return (rnn_step){t, from_end ? p->rows - rows : 0, rows};
}

static inline rnn_step rnn_next(const rnn_plan *p, rnn_step s, bool from_end)
{
    const int64_t t = from_end ? s.t - 1 : s.t + 1, rows = rnn_batch(p, t);
    return (rnn_step){t, from_end ? s.row0 - rows : s.row0 + s.rows, rows};
}

/* ---- Products of a step */

/* Bytes of the panels of a product with n columns over k. */
int64_t rnn_panel_bytes(const rnn_plan *p, int64_t n, int64_t k);
/* W (G hidden, P) by blocks of units, each the panels of its gates; and a matrix by columns: element (p, j) of `from` is
 * from[j * major + p * minor]. */
void rnn_pack_gates(const rnn_plan *p, const void *w, char *to);
void rnn_pack(const rnn_plan *p, const void *from, int64_t n, int64_t k, int64_t major, int64_t minor, char *to);

/* C (rows x cols) = A panel + beta C; A's rows are made of `segments` parts of k elements at the offsets. */
typedef struct rnn_operand {
    const char *a;
    int64_t a_row, k, segments;
    const int64_t *offset;
} rnn_operand;
void rnn_multiply(const rnn_plan *p, const rnn_operand *a, int64_t row0, int64_t rows, const char *panel, char *c, int64_t c_row, int64_t cols,
                  double beta);

/* Rows of a task, chosen by the number of rows. */
static inline int64_t rnn_row_block(const rnn_plan *p, int64_t rows) { return even_tile(rows, 3 * p->gemm->mr); }

/* fn(context, task) for all tasks: on the pool when a step has work enough for more than one thread. */
typedef void (*rnn_task)(void *context, int64_t task, int worker);
void rnn_run(const rnn_plan *p, int64_t rows, int64_t tasks, rnn_task fn, void *context);

/* ---- Large products */
matmul rnn_product(const rnn_plan *p, int64_t m, int64_t n, int64_t k, matmul_operand a, matmul_operand b, void *c, int64_t c_row);
static inline matmul_operand rnn_matrix(const rnn_plan *p, const void *data, int64_t major, int64_t minor)
{
    return (matmul_operand){data, p->d->type, major, minor};
}
matmul rnn_input_product(const rnn_plan *p, int64_t layer, const void *x, const void *w, void *gates);

/* ---- Passes */
int64_t rnn_forward_memory(const rnn_plan *p, bool training, int threads);
int64_t rnn_backward_memory(const rnn_plan *p, int threads);
void rnn_forward_run(const rnn_plan *p, const void *x, const void *h0, const void *c0, const cairn_rnn_weights *w, void *y, void *hn,
                     void *cn, void *reserve, void *workspace, int64_t bytes);
void rnn_backward_run(const rnn_plan *p, const void *x, const void *c0, const cairn_rnn_weights *w, const void *reserve,
                      const cairn_rnn_gradients *g, void *workspace, int64_t bytes);

/* Zeroes what dropout drops of the y (or its gradient) of a layer and scales the rest. */
void rnn_dropout(const rnn_plan *p, int64_t layer, char *y);
/* rows x columns elements; `from` NULL gives zeros. */
void rnn_copy_rows(const rnn_plan *p, int64_t rows, int64_t columns, const void *from, int64_t from_row, void *to, int64_t to_row);

#endif
