/* What the rows of ops.def name: inference, gradient and run functions, and helpers that rules share. */
#ifndef FRAMEWORK_OPS_RULES_H
#define FRAMEWORK_OPS_RULES_H
#include "framework/graph/graph.h"

#define NO_INFER NULL
#define NO_GRADIENT NULL
#define NO_RUN NULL
#define NO_WORKSPACE NULL

#define INFER(name) cairn_status infer_##name(const value *v, spec *out);
#define GRADIENT(name) void gradient_##name(const value *v, cairn_tensor *dy, cairn_tensor **dx);
#define RUN(name) cairn_status run_##name(const op_run *r);
#define WORKSPACE(name) int64_t workspace_##name(const op_run *r);

/* pointwise.c, gradients on the page autograd/pointwise.c */
INFER(pointwise) INFER(cast)
GRADIENT(zero)
GRADIENT(neg) GRADIENT(abs) GRADIENT(relu) GRADIENT(square) GRADIENT(sqrt) GRADIENT(rsqrt) GRADIENT(reciprocal)
GRADIENT(exp) GRADIENT(exp2) GRADIENT(expm1) GRADIENT(log) GRADIENT(log2) GRADIENT(log10) GRADIENT(log1p)
GRADIENT(sin) GRADIENT(cos) GRADIENT(tan) GRADIENT(asin) GRADIENT(acos) GRADIENT(atan)
GRADIENT(sinh) GRADIENT(cosh) GRADIENT(tanh) GRADIENT(asinh) GRADIENT(acosh) GRADIENT(atanh)
GRADIENT(sigmoid) GRADIENT(erf) GRADIENT(erfc) GRADIENT(erfinv) GRADIENT(lgamma)
GRADIENT(add) GRADIENT(sub) GRADIENT(mul) GRADIENT(div) GRADIENT(fmod) GRADIENT(remainder) GRADIENT(pow)
GRADIENT(minimum) GRADIENT(maximum) GRADIENT(atan2) GRADIENT(hypot) GRADIENT(copysign) GRADIENT(where) GRADIENT(cast)

/* reduction.c */
INFER(reduction)
GRADIENT(sum) GRADIENT(prod) GRADIENT(extreme)

/* views.c, movement.c */
INFER(reshape) INFER(permute) INFER(expand) INFER(slice) INFER(diagonal) INFER(detach) INFER(view_write) INFER(cat)
GRADIENT(reshape) GRADIENT(permute) GRADIENT(expand) GRADIENT(slice) GRADIENT(diagonal) GRADIENT(view_write) GRADIENT(cat)
RUN(view_write) RUN(cat)

/* matmul.c */
INFER(matmul) GRADIENT(matmul) RUN(matmul) WORKSPACE(matmul)

/* labels.c */
INFER(labels) RUN(labels)

/* conv.c, pool.c */
INFER(conv) INFER(conv_data_gradient) INFER(conv_weight_gradient)
GRADIENT(conv) GRADIENT(conv_data_gradient) GRADIENT(conv_weight_gradient)
RUN(conv) RUN(conv_data_gradient) RUN(conv_weight_gradient) WORKSPACE(conv)
INFER(pool) INFER(max_pool_gradient) INFER(max_pool_index) INFER(avg_pool_gradient)
GRADIENT(max_pool) GRADIENT(max_pool_gradient) GRADIENT(avg_pool) GRADIENT(avg_pool_gradient)
RUN(max_pool) RUN(max_pool_gradient) RUN(max_pool_index) RUN(avg_pool) RUN(avg_pool_gradient) WORKSPACE(max_pool)

/* image.c */
INFER(resample) GRADIENT(resample) RUN(resample)

/* attention.c */
INFER(attention) INFER(attention_gradient) GRADIENT(attention) RUN(attention) RUN(attention_gradient) WORKSPACE(attention)

/* ctc.c */
INFER(ctc) INFER(ctc_results) GRADIENT(ctc_results) RUN(ctc) RUN(ctc_results) WORKSPACE(ctc)

/* quantized.c */
INFER(quantized_linear) RUN(quantized_linear) WORKSPACE(quantized_linear)

/* recurrent.c */
INFER(rnn) INFER(rnn_results) INFER(rnn_gradient) GRADIENT(rnn_results) GRADIENT(rnn_gradient)
RUN(rnn) RUN(rnn_results) RUN(rnn_gradient) WORKSPACE(rnn)

/* norm.c */
GRADIENT(batch_norm)

/* autograd/custom.c, autograd/checkpoint.c */
INFER(custom) GRADIENT(custom) RUN(custom)
void release_custom(value *v);
INFER(first) RUN(first) GRADIENT(checkpoint) GRADIENT(wait)

/* gather.c, rows.c */
INFER(gather) INFER(scatter) INFER(index_select) INFER(index_write) INFER(wrap_index)
GRADIENT(gather) GRADIENT(scatter) GRADIENT(index_select) GRADIENT(index_write)
RUN(gather) RUN(scatter) RUN(index_select) RUN(index_write) RUN(wrap_index)

/* sort.c, search.c, scan.c */
INFER(argsort) INFER(searchsorted) INFER(histc) INFER(scan) INFER(scan_index)
GRADIENT(cumsum) GRADIENT(cumprod) GRADIENT(logcumsumexp) GRADIENT(recurrence)
RUN(argsort) RUN(searchsorted) RUN(histc) RUN(scan) WORKSPACE(argsort)

/* ---- Helpers that operations share */

/* The body of a composite: it keeps nothing but its result. */
#define COMPOSED(expression)                     \
    do {                                         \
        cairn_mark mark_ = cairn_scope_push();   \
        cairn_tensor *result_ = (expression);    \
        return cairn_scope_pop(mark_, result_);  \
    } while (0)

/* The number x all over the shape s; NULL (no error) when x is no number. */
cairn_tensor *number_in_shape(cairn_tensor *x, const shape *s);
/* The masked axes, all of size 1, taken out: a view. */
cairn_tensor *drop_axes(cairn_tensor *x, uint32_t mask);
/* Copies `from` to `to`, of the same shape, converting; on the pool. */
cairn_status copy_view(const view *from, const view *to);

#endif
