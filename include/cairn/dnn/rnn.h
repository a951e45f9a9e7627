/* Primitives: recurrences and their gradients. */
#ifndef CAIRN_DNN_RNN_H
#define CAIRN_DNN_RNN_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A step of each kind, from x (in) and the h (P) and c (hidden) of the step before; W and b as PyTorch has them:
 *   TANH, RELU  h = f(W_ih x + b_ih + W_hh h + b_hh)
 *   LSTM        i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of the four parts of W_ih x + b_ih + W_hh h + b_hh;
 *               c = f c + i g,  h = o tanh(c), and with a projection h = W_hr (o tanh(c))
 *               (Hochreiter and Schmidhuber, 1997; Sak et al., 2014)
 *   GRU         r, z = sigmoid of the first parts;  n = tanh(W_in x + b_in + r (W_hn h + b_hn)),  h = n + z (h - n)
 *               (Cho et al., 2014; the reset after the product)
 * P, the size of h, is `projection`, or `hidden` without one. */
typedef enum cairn_rnn_kind { CAIRN_RNN_TANH, CAIRN_RNN_RELU, CAIRN_RNN_LSTM, CAIRN_RNN_GRU } cairn_rnn_kind;

/* Sequences lie step by step: x is (steps, batch, in), y is (steps, batch, D P) with the backward direction's h behind the
 * forward one's (D = 2 when bidirectional, else 1). Sequences of different lengths are packed: sorted so that the longest
 * comes first, step t holds the first batch_sizes[t] of them and nothing else, so that x has sum(batch_sizes) rows. */
typedef struct cairn_rnn_descriptor {
    cairn_dtype type;                       /* f32 or f64 */
    cairn_rnn_kind kind;
    int64_t steps, batch, in, hidden;
    int64_t projection;                     /* LSTM; 0: none */
    int64_t layers;                         /* 0 means 1 */
    bool bidirectional;
    const int64_t *batch_sizes;             /* of each step, never rising, the first is `batch`; NULL: all are `batch` */
    double clip;                            /* LSTM: c is kept within -clip ... clip; 0: it is not */
    double dropout;                         /* of what goes from layer to layer, 0 to 1; with a reserve only */
    uint64_t seed, stream;                  /* of its random numbers: element i of layer l is dropped when number l rows D P + i
                                               of the stream (UNIFORM of <cairn/dnn/program.h>) is below `dropout` */
} cairn_rnn_descriptor;

/* The weights of one layer and direction; G is 1, 4 (LSTM) or 3 (GRU). Arrays of them have [layer * D + direction]. */
typedef struct cairn_rnn_weights {
    const void *ih, *hh;                    /* (G hidden, in of the layer), (G hidden, P) */
    const void *bias_ih, *bias_hh;          /* (G hidden); NULL: zeros */
    const void *hr;                         /* (P, hidden), with a projection */
} cairn_rnn_weights;

/* Rows of x and y: steps * batch, or the sum of batch_sizes. -1 with the error set. */
CAIRN_API int64_t cairn_rnn_rows(const cairn_rnn_descriptor *d);
/* What a forward pass leaves for the gradient. */
CAIRN_API int64_t cairn_rnn_reserve_bytes(const cairn_rnn_descriptor *d);
/* For a forward pass with or without a reserve, or for the gradient. Depends on cairn_threads(), as that of matmul. */
typedef enum cairn_rnn_pass { CAIRN_RNN_INFERENCE, CAIRN_RNN_TRAINING, CAIRN_RNN_BACKWARD } cairn_rnn_pass;
CAIRN_API int64_t cairn_rnn_workspace_bytes(const cairn_rnn_descriptor *d, cairn_rnn_pass pass);

/* h0, hn (layers D, batch, P) and c0, cn (layers D, batch, hidden): the state before the first and after the last step of each
 * sequence. h0, c0: NULL is zeros; hn, cn: NULL when not wanted. reserve: NULL for inference. */
CAIRN_API cairn_status cairn_rnn_forward(const cairn_rnn_descriptor *d, const void *x, const void *h0, const void *c0,
                                         const cairn_rnn_weights *weights, void *y, void *hn, void *cn, void *reserve,
                                         void *workspace, int64_t workspace_bytes);

/* Gradients of one layer and direction's weights, which are overwritten; each may be NULL. */
typedef struct cairn_rnn_weight_gradients {
    void *ih, *hh, *bias_ih, *bias_hh, *hr;
} cairn_rnn_weight_gradients;

/* What is known, each NULL when it is zero, and what is wanted, each NULL when it is not. */
typedef struct cairn_rnn_gradients {
    const void *dy, *dhn, *dcn;
    void *dx, *dh0, *dc0;
    const cairn_rnn_weight_gradients *weights;
} cairn_rnn_gradients;
/* Backpropagation through time, after a cairn_rnn_forward that left this reserve with the same arguments. */
CAIRN_API cairn_status cairn_rnn_backward(const cairn_rnn_descriptor *d, const void *x, const void *h0, const void *c0,
                                          const cairn_rnn_weights *weights, const void *reserve, const cairn_rnn_gradients *g,
                                          void *workspace, int64_t workspace_bytes);

#ifdef __cplusplus
}
#endif
#endif
