/* What a set of recurrence kernels offers: the pointwise part of one step, over some rows and some units. */
#ifndef PRIMITIVES_RNN_CELL_H
#define PRIMITIVES_RNN_CELL_H
#include <stdbool.h>
#include <stdint.h>

/* Gate g of row i, unit u is gates[i * gates_row + g * gate + u]. LSTM: i f g o; GRU: r z n, then q, the part of n that
 * comes from h. Units are those of one block: all pointers are at its first unit. */
typedef struct rnn_cell {
    int64_t rows, units, gate;
    void *gates;
    int64_t gates_row;
    const void *bias;                       /* gate apart, as the gates; forward only */
    const void *before;                     /* LSTM: c, GRU: h of the step before */
    int64_t before_row, before_rows;        /* rows from before_rows on begin with this step: */
    const void *initial;                    /* they take it from here, NULL: 0 */
    int64_t initial_row;
    double clip;                            /* 0: none */
    void *c;                                /* LSTM, forward: c may be `before`; NULL: kept in c2 alone */
    int64_t c_row;
    /* Forward: results. */
    bool keep;                              /* the gates become what the gradient needs */
    void *c2, *y, *next;                    /* c and h again, where others want them; NULL: nobody does */
    int64_t c2_row, y_row, next_row, next_rows;   /* `next` takes the first next_rows rows */
    /* Backward: the gradient of h is dy + dh; gates are read, and `d` of the same form written. */
    const void *dy, *dh;
    int64_t dy_row, dh_row;
    void *d;
    int64_t d_row;
    void *dc;                               /* LSTM: in, the gradient of c; out, of the c before */
    int64_t dc_row;
    void *dbefore;                          /* GRU: the direct part of the gradient of the h before; may be dh */
    int64_t dbefore_row;
} rnn_cell;

/* By cairn_rnn_kind. */
typedef const struct rnn_kernel {
    void (*forward[4])(const rnn_cell *c);
    void (*backward[4])(const rnn_cell *c);
} rnn_kernel;

#endif
