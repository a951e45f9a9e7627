/* The scalar oracles of recurrences. */
#ifndef PRIMITIVES_RNN_REF_H
#define PRIMITIVES_RNN_REF_H
#include "primitives/rnn/cell.h"
#include <cairn/dnn.h>

/* What cairn_rnn_forward computes, in f64 with one rounding at each step's h and c; dropout when `training`. */
void ref_rnn_forward(const cairn_rnn_descriptor *d, const void *x, const void *h0, const void *c0, const cairn_rnn_weights *w, void *y, void *hn,
                     void *cn, bool training);

/* What a kernel's cells compute (type: f32 or f64). */
void ref_rnn_cell_forward(cairn_dtype type, cairn_rnn_kind kind, const rnn_cell *c);
void ref_rnn_cell_backward(cairn_dtype type, cairn_rnn_kind kind, const rnn_cell *c);

#endif
