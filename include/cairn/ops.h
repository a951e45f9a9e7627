/* Operations. Names and meanings are PyTorch's; each is differentiable unless it says otherwise. Shapes broadcast as NumPy's;
 * types promote as PyTorch's (cairn_promote_types). Results belong to the current scope; NULL operands give NULL. */
#ifndef CAIRN_OPS_H
#define CAIRN_OPS_H
#include <cairn/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Pointwise, one operand: y[i] = f(x[i]), the shape of x ------------------------------------------
 * On floating types, x's type; integers become f32 for those that are not exact on integers.
 * Source of the gradients: framework/autograd/pointwise.c. */
CAIRN_API cairn_tensor *cairn_neg(cairn_tensor *x);              /* E_TYPE on bool */
CAIRN_API cairn_tensor *cairn_abs(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_sign(cairn_tensor *x);             /* -1, 0, 1; NaN stays */
CAIRN_API cairn_tensor *cairn_square(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_sqrt(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_rsqrt(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_reciprocal(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_exp(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_exp2(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_expm1(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_log(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_log2(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_log10(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_log1p(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_sin(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_cos(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_tan(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_asin(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_acos(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_atan(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_sinh(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_cosh(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_tanh(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_asinh(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_acosh(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_atanh(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_sigmoid(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_erf(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_erfc(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_erfinv(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_lgamma(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_digamma(cairn_tensor *x);          /* not differentiable */
CAIRN_API cairn_tensor *cairn_floor(cairn_tensor *x);            /* gradient 0, as of ceil, round, trunc, sign */
CAIRN_API cairn_tensor *cairn_ceil(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_round(cairn_tensor *x);            /* half to even */
CAIRN_API cairn_tensor *cairn_trunc(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_relu(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_isnan(cairn_tensor *x);            /* bool */
CAIRN_API cairn_tensor *cairn_isinf(cairn_tensor *x);            /* bool */
CAIRN_API cairn_tensor *cairn_isfinite(cairn_tensor *x);         /* bool */
CAIRN_API cairn_tensor *cairn_logical_not(cairn_tensor *x);      /* bool: x == 0 */
CAIRN_API cairn_tensor *cairn_bitwise_not(cairn_tensor *x);      /* integers and bool */
/* Converts. Floating to integer truncates towards zero and saturates; NaN gives 0; to bool is x != 0. */
CAIRN_API cairn_tensor *cairn_to(cairn_tensor *x, cairn_dtype type);

/* ---- Pointwise, two operands: the broadcast shape, the promoted type ------------------------------- */
CAIRN_API cairn_tensor *cairn_add(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_sub(cairn_tensor *x, cairn_tensor *y);     /* E_TYPE on two bools */
CAIRN_API cairn_tensor *cairn_mul(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_div(cairn_tensor *x, cairn_tensor *y);     /* true division: integers give f32 */
CAIRN_API cairn_tensor *cairn_div_floor(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_div_trunc(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_fmod(cairn_tensor *x, cairn_tensor *y);        /* sign of x */
CAIRN_API cairn_tensor *cairn_remainder(cairn_tensor *x, cairn_tensor *y);   /* sign of y */
CAIRN_API cairn_tensor *cairn_pow(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_minimum(cairn_tensor *x, cairn_tensor *y);     /* NaN wins */
CAIRN_API cairn_tensor *cairn_maximum(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_atan2(cairn_tensor *y, cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_hypot(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_copysign(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_nextafter(cairn_tensor *x, cairn_tensor *y);   /* not differentiable */
/* Comparisons and logic give bool and have no gradient. */
CAIRN_API cairn_tensor *cairn_eq(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_ne(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_lt(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_le(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_gt(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_ge(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_logical_and(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_logical_or(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_logical_xor(cairn_tensor *x, cairn_tensor *y);
/* Integers and bool; E_TYPE on floating types. */
CAIRN_API cairn_tensor *cairn_bitwise_and(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_bitwise_or(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_bitwise_xor(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_shift_left(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_shift_right(cairn_tensor *x, cairn_tensor *y);
/* condition (bool) ? x : y */
CAIRN_API cairn_tensor *cairn_where(cairn_tensor *condition, cairn_tensor *x, cairn_tensor *y);

/* ---- Reductions over a set of axes (CAIRN_ALL_AXES: all); `keep` leaves them with size 1 ------------
 * Sums of f16 and bf16 are kept in f32, of integers and bool in i64 (the result's type then). E_RANGE for an axis that is not
 * there; E_ARGUMENT for an extreme over no elements. */
CAIRN_API cairn_tensor *cairn_sum(cairn_tensor *x, cairn_axes axes, bool keep);
CAIRN_API cairn_tensor *cairn_mean(cairn_tensor *x, cairn_axes axes, bool keep);     /* E_TYPE on integers */
CAIRN_API cairn_tensor *cairn_prod(cairn_tensor *x, cairn_axes axes, bool keep);
CAIRN_API cairn_tensor *cairn_amin(cairn_tensor *x, cairn_axes axes, bool keep);     /* equal extremes share the gradient */
CAIRN_API cairn_tensor *cairn_amax(cairn_tensor *x, cairn_axes axes, bool keep);
CAIRN_API cairn_tensor *cairn_any(cairn_tensor *x, cairn_axes axes, bool keep);      /* bool */
CAIRN_API cairn_tensor *cairn_all(cairn_tensor *x, cairn_axes axes, bool keep);      /* bool */
/* i64: the index of the first extreme along one axis. NaN counts as the extreme. */
CAIRN_API cairn_tensor *cairn_argmin(cairn_tensor *x, int axis, bool keep);
CAIRN_API cairn_tensor *cairn_argmax(cairn_tensor *x, int axis, bool keep);
/* sum (x - mean)^2 / (n - correction); correction 1 is the sample variance, 0 the population's. */
CAIRN_API cairn_tensor *cairn_var(cairn_tensor *x, cairn_axes axes, double correction, bool keep);
CAIRN_API cairn_tensor *cairn_std(cairn_tensor *x, cairn_axes axes, double correction, bool keep);
CAIRN_API cairn_tensor *cairn_logsumexp(cairn_tensor *x, cairn_axes axes, bool keep);
/* (sum |x|^p)^(1/p); p = INFINITY is the largest, 0 the number of elements that are not 0. */
CAIRN_API cairn_tensor *cairn_norm(cairn_tensor *x, double p, cairn_axes axes, bool keep);

/* ---- Views: other looks at the same elements. A write to a view goes through to its base ------------- */
/* The same elements in row-major order; one size may be -1: what is left. E_SHAPE when the numbers differ. */
CAIRN_API cairn_tensor *cairn_reshape(cairn_tensor *x, cairn_shape shape);
CAIRN_API cairn_tensor *cairn_flatten(cairn_tensor *x, int first, int last);
CAIRN_API cairn_tensor *cairn_unflatten(cairn_tensor *x, int axis, cairn_shape sizes);
CAIRN_API cairn_tensor *cairn_squeeze(cairn_tensor *x, int axis);          /* unchanged unless that size is 1 */
CAIRN_API cairn_tensor *cairn_unsqueeze(cairn_tensor *x, int axis);        /* -rank - 1 <= axis <= rank */
/* Axis i of the result is axis order[i] of x. */
CAIRN_API cairn_tensor *cairn_permute(cairn_tensor *x, cairn_axes order);
CAIRN_API cairn_tensor *cairn_transpose(cairn_tensor *x, int axis1, int axis2);
CAIRN_API cairn_tensor *cairn_mT(cairn_tensor *x);                         /* the last two axes swapped */
CAIRN_API cairn_tensor *cairn_movedim(cairn_tensor *x, int from, int to);
/* Sizes of 1 (and new leading axes) repeated without memory; -1 keeps a size. Not writable. */
CAIRN_API cairn_tensor *cairn_expand(cairn_tensor *x, cairn_shape shape);
/* x[start : end : step] along one axis; start and end clamp as in Python, negative ones count from the end; CAIRN_END is
 * "to the end". step may be negative (then start defaults to the last by CAIRN_END, end to "before the first"). */
#define CAIRN_END INT64_MAX
CAIRN_API cairn_tensor *cairn_slice(cairn_tensor *x, int axis, int64_t start, int64_t end, int64_t step);
CAIRN_API cairn_tensor *cairn_narrow(cairn_tensor *x, int axis, int64_t start, int64_t length);
CAIRN_API cairn_tensor *cairn_select(cairn_tensor *x, int axis, int64_t index);      /* drops the axis */
CAIRN_API cairn_tensor *cairn_flip(cairn_tensor *x, cairn_axes axes);
CAIRN_API cairn_tensor *cairn_diagonal(cairn_tensor *x, int64_t offset, int axis1, int axis2);   /* at the end */

/* ---- Movement that copies --------------------------------------------------------------------------- */
CAIRN_API cairn_tensor *cairn_cat(int count, cairn_tensor *const *x, int axis);
CAIRN_API cairn_tensor *cairn_stack(int count, cairn_tensor *const *x, int axis);
/* x with the part that a view of it would show replaced. */
CAIRN_API cairn_tensor *cairn_slice_scatter(cairn_tensor *x, cairn_tensor *part, int axis, int64_t start, int64_t end, int64_t step);
CAIRN_API cairn_tensor *cairn_select_scatter(cairn_tensor *x, cairn_tensor *part, int axis, int64_t index);

/* ---- Products ---------------------------------------------------------------------------------------- */
/* (..., M, K) @ (..., K, N) -> (..., M, N); leading axes broadcast; vectors as in PyTorch's matmul. */
CAIRN_API cairn_tensor *cairn_matmul(cairn_tensor *x, cairn_tensor *w);

#ifdef __cplusplus
}
#endif
#endif
