/* Primitives: attention, o = softmax(scale q k^T + mask) v, and its gradient, without the matrix of all pairs.
 *
 *     cairn_attention a = {.type = CAIRN_F32, .batch = 4, .heads = 12, .queries = 1024, .keys = 1024, .width = 64, .causal = true};
 *     int64_t bytes = cairn_attention_workspace_bytes(&a, CAIRN_ATTENTION_FORWARD);
 *     if (cairn_attention_forward(&a, q, k, v, o, NULL, malloc(bytes), bytes))
 *         puts(cairn_error_message()); */
#ifndef CAIRN_DNN_ATTENTION_H
#define CAIRN_DNN_ATTENTION_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the row of one position is: batch * b + head * h + row * position, in elements; the row itself is contiguous. All
 * zero: dense, in the order (batch, head, position, width). A batch or head stride of 0 repeats an input. */
typedef struct cairn_attention_rows {
    int64_t batch, head, row;
} cairn_attention_rows;

/* q (batch, heads, queries, width), k (batch, kv_heads, keys, width), v (batch, kv_heads, keys, value_width),
 * o (batch, heads, queries, value_width). Heads share keys in groups: head h reads kv head h / (heads / kv_heads).
 *
 * Query i stands at position i of the keys, or at i + keys - queries with align_end, as with a cache of earlier keys. causal: it
 * sees the keys up to its position; window w > 0: only those at a distance of less than w. Lengths, where given, count the
 * true queries and keys of each sequence, and take the place of `queries` and `keys` in that rule; what lies behind is not read.
 * A query that sees no key, and one behind its sequence's end, gives zeros (its logsumexp is -infinity).
 *
 * mask  (batch, heads, queries, keys) by its own strides, 0 where it repeats: bool, nonzero takes part; or floating, added. */
typedef struct cairn_attention {
    cairn_dtype type;                       /* f32, f64; f16 and bf16, with sums in f32 */
    int64_t batch, heads, kv_heads;         /* kv_heads 0: as heads; else a divisor of heads */
    int64_t queries, keys;
    int64_t width, value_width;             /* value_width 0: as width */
    double scale;                           /* 0: 1 / sqrt(width) */
    bool causal, align_end;
    int64_t window;                         /* 0: no limit */
    const int64_t *query_lengths, *key_lengths;     /* (batch), or NULL */
    const void *mask;                       /* or NULL */
    cairn_dtype mask_type;
    int64_t mask_batch, mask_head, mask_row, mask_column;
    cairn_attention_rows q, k, v, o;
    cairn_attention_rows dq, dk, dv, d_o;   /* of the gradients; all zero: as q, k, v, o */
} cairn_attention;

typedef enum cairn_attention_pass { CAIRN_ATTENTION_FORWARD, CAIRN_ATTENTION_GRADIENT } cairn_attention_pass;

/* Bytes for the threads that there are; a run takes less, down to one thread's share, and is slower then. 0 on error. */
CAIRN_API int64_t cairn_attention_workspace_bytes(const cairn_attention *d, cairn_attention_pass pass);

/* logsumexp (batch, heads, queries), dense, f32 (f64 for f64): log of the sum of exp(scale q k + mask), which the gradient needs;
 * NULL: not wanted. E_ARGUMENT, E_SHAPE, E_TYPE with the value that does not fit; nothing is written then.
 * Dao et al., FlashAttention, 2022: keys block by block, with a running maximum and sum of each query. Up to four queries go one
 * by one, at the speed of reading keys and values. */
CAIRN_API cairn_status cairn_attention_forward(const cairn_attention *d, const void *q, const void *k, const void *v, void *o,
                                               void *logsumexp, void *workspace, int64_t workspace_bytes);

/* From d_o, the gradient of o, those of q, k and v; o and logsumexp are the forward pass's results. Scores are computed
 * again, block by block. There is no gradient of the mask. Rows of dq, dk and dv may not overlap each other. */
CAIRN_API cairn_status cairn_attention_gradient(const cairn_attention *d, const void *q, const void *k, const void *v, const void *o,
                                                const void *logsumexp, const void *d_o, void *dq, void *dk, void *dv,
                                                void *workspace, int64_t workspace_bytes);

#ifdef __cplusplus
}
#endif
#endif
