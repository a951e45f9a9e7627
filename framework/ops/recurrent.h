/* Recurrences as operations: what the layers of framework/nn/recurrent.c are made on. */
#ifndef FRAMEWORK_OPS_RECURRENT_H
#define FRAMEWORK_OPS_RECURRENT_H
#include <cairn/dnn/rnn.h>
#include "framework/graph/graph.h"

typedef struct rnn_form {
    cairn_rnn_kind kind;
    int layers;
    bool bidirectional, bias;
    int64_t hidden, projection;
    double dropout;                          /* 0 when not training */
    const int64_t *batch_sizes;              /* of packed sequences; or NULL */
    int64_t steps;                           /* of them */
} rnn_form;

typedef struct rnn_outputs {
    cairn_tensor *y, *h, *c;                 /* c: LSTM only */
} rnn_outputs;

enum { RNN_WEIGHTS = 5 };                    /* ih, hh, bias_ih, bias_hh, hr of each layer and direction; absent ones are NULL */

/* x (T, N, in), or packed (rows, in); h0 (layers D, N, P), c0 (layers D, N, hidden), or NULL; shapes have been checked. One primitive,
 * with a gradient; second derivatives are taken of the same, composed step by step. The error is set when it fails. */
bool rnn_apply(const rnn_form *f, cairn_tensor *x, cairn_tensor *h0, cairn_tensor *c0, cairn_tensor *const *weights, rnn_outputs *out);

#endif
