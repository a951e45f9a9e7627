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

/* ---- Pointwise, composed of the above ----------------------------------------------------------------- */
/* low <= y <= high; -INFINITY and INFINITY leave a side open. NaN stays. */
CAIRN_API cairn_tensor *cairn_clamp(cairn_tensor *x, double low, double high);
CAIRN_API cairn_tensor *cairn_lerp(cairn_tensor *x, cairn_tensor *y, cairn_tensor *weight);             /* x + weight (y - x) */
CAIRN_API cairn_tensor *cairn_addcmul(cairn_tensor *x, cairn_tensor *a, cairn_tensor *b, double scale); /* x + scale a b */
CAIRN_API cairn_tensor *cairn_addcdiv(cairn_tensor *x, cairn_tensor *a, cairn_tensor *b, double scale); /* x + scale a / b */
CAIRN_API cairn_tensor *cairn_logaddexp(cairn_tensor *x, cairn_tensor *y);                   /* log(e^x + e^y), without overflow */
CAIRN_API cairn_tensor *cairn_xlogy(cairn_tensor *x, cairn_tensor *y);                       /* x log(y), 0 where x is 0 */
CAIRN_API cairn_tensor *cairn_logit(cairn_tensor *x, double eps);    /* log(x / (1 - x)), x clamped to [eps, 1 - eps] if eps > 0 */
CAIRN_API cairn_tensor *cairn_sinc(cairn_tensor *x);                                         /* sin(pi x) / (pi x), 1 at 0 */
CAIRN_API cairn_tensor *cairn_i0(cairn_tensor *x);                   /* modified Bessel function of order 0; Abramowitz 9.8.1-2 */
CAIRN_API cairn_tensor *cairn_ldexp(cairn_tensor *x, cairn_tensor *exponent);                /* x 2^exponent */
/* x = mantissa 2^exponent with 0.5 <= |mantissa| < 1; the exponent is i32. Not differentiable; false on error. */
CAIRN_API bool cairn_frexp(cairn_tensor *x, cairn_tensor **mantissa, cairn_tensor **exponent);
/* NaN and the infinities replaced; PyTorch's defaults are 0 and the type's largest numbers: give NAN for those. */
CAIRN_API cairn_tensor *cairn_nan_to_num(cairn_tensor *x, double nan, double positive, double negative);
/* bool: |x - y| <= atol + rtol |y|, or both the same infinity, or (if equal_nan) both NaN. */
CAIRN_API cairn_tensor *cairn_isclose(cairn_tensor *x, cairn_tensor *y, double rtol, double atol, bool equal_nan);
/* Whether all are close; the same shape, type and elements. These look; false on error. */
CAIRN_API bool cairn_allclose(cairn_tensor *x, cairn_tensor *y, double rtol, double atol, bool equal_nan);
CAIRN_API bool cairn_equal(cairn_tensor *x, cairn_tensor *y);

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

/* The parts, views of x, go to parts[0 ... count - 1]; false on error. `sizes` must add up to the axis' size. */
CAIRN_API bool cairn_split_with_sizes(cairn_tensor *x, int axis, int count, const int64_t *sizes, cairn_tensor **parts);
/* At most `count` parts of the same size, the last may be smaller, as PyTorch's chunk. -> how many; -1 on error. */
CAIRN_API int cairn_chunk(cairn_tensor *x, int axis, int count, cairn_tensor **parts);
/* x[0], x[1] ... along the axis, which goes; parts has room for its size. */
CAIRN_API bool cairn_unbind(cairn_tensor *x, int axis, cairn_tensor **parts);
/* Elements move by `shift` along the axis; what leaves at the end comes in at the front. */
CAIRN_API cairn_tensor *cairn_roll(cairn_tensor *x, int64_t shift, int axis);
/* x written times[i] times along axis i; `times` may have more axes than x (repeat) or fewer (tile). */
CAIRN_API cairn_tensor *cairn_repeat(cairn_tensor *x, cairn_shape times);
CAIRN_API cairn_tensor *cairn_tile(cairn_tensor *x, cairn_shape times);
/* Each element `times` times in a row along the axis. */
CAIRN_API cairn_tensor *cairn_repeat_interleave(cairn_tensor *x, int64_t times, int axis);
CAIRN_API cairn_tensor *cairn_rot90(cairn_tensor *x, int times, int axis1, int axis2);
/* grids[i] (n0, n1, ...) repeats the vector x[i] along all axes but i (indexing "ij"). */
CAIRN_API bool cairn_meshgrid(int count, cairn_tensor *const *x, cairn_tensor **grids);
/* Pads the last `axes` axes: widths = {last before, last after, second to last before, ...}, as PyTorch's pad. Negative
 * widths crop (constant only). `number` is for CAIRN_PAD_CONSTANT. */
typedef enum cairn_pad_mode { CAIRN_PAD_CONSTANT, CAIRN_PAD_REFLECT, CAIRN_PAD_REPLICATE, CAIRN_PAD_CIRCULAR } cairn_pad_mode;
CAIRN_API cairn_tensor *cairn_pad(cairn_tensor *x, int axes, const int64_t *widths, cairn_pad_mode mode, double number);
/* On or below (above) the diagonal that is `offset` to the right of the main one; 0 elsewhere. x (..., rows, columns). */
CAIRN_API cairn_tensor *cairn_tril(cairn_tensor *x, int64_t offset);
CAIRN_API cairn_tensor *cairn_triu(cairn_tensor *x, int64_t offset);
/* A matrix with the vector x on a diagonal. */
CAIRN_API cairn_tensor *cairn_diag(cairn_tensor *x, int64_t offset);

/* ---- Indexing. Indices are integers; one that is out of range is E_RANGE when it is evaluated ------------------ */
/* y[.. i ..] = x[.. index[.. i ..] ..] along the axis: y has the shape of index, which is no larger than x elsewhere.
 * take_along_axis is the same with the other axes broadcast. */
CAIRN_API cairn_tensor *cairn_gather(cairn_tensor *x, int axis, cairn_tensor *index);
CAIRN_API cairn_tensor *cairn_take_along_axis(cairn_tensor *x, int axis, cairn_tensor *index);
/* x with y[.. index[.. i ..] ..] = from[.. i ..]. Where an index comes twice the last one stays. */
CAIRN_API cairn_tensor *cairn_scatter(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from);
/* The same with +=, in the order of the indices whatever the number of threads. */
CAIRN_API cairn_tensor *cairn_scatter_add(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from);
typedef enum cairn_combine { CAIRN_COMBINE_SET, CAIRN_COMBINE_ADD, CAIRN_COMBINE_PROD, CAIRN_COMBINE_MIN, CAIRN_COMBINE_MAX,
                             CAIRN_COMBINE_MEAN } cairn_combine;
/* The same with the combination named; include_self = false leaves x out where something is written.
 * The gradient of PROD is exact where no factor is 0; extremes share theirs evenly. */
CAIRN_API cairn_tensor *cairn_scatter_reduce(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from, cairn_combine how,
                                             bool include_self);
/* Slices of x along the axis: (.., n, ..), index of any shape S -> (.., S, ..). cairn_take: elements of the flattened x. */
CAIRN_API cairn_tensor *cairn_index_select(cairn_tensor *x, int axis, cairn_tensor *index);
CAIRN_API cairn_tensor *cairn_take(cairn_tensor *x, cairn_tensor *index);
/* x with the slices index[i] (a vector) along the axis replaced by, or increased by, slice i of `from`. */
CAIRN_API cairn_tensor *cairn_index_copy(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from);
CAIRN_API cairn_tensor *cairn_index_add(cairn_tensor *x, int axis, cairn_tensor *index, cairn_tensor *from);
/* x[index[0], index[1], ...] over the first `count` axes, the indices broadcast together to S: -> S + the other axes.
 * Negative indices count from the end. */
CAIRN_API cairn_tensor *cairn_index(cairn_tensor *x, int count, cairn_tensor *const *index);
/* x with these places replaced by (or, if accumulate, increased by) `from`, which broadcasts to their shape. */
CAIRN_API cairn_tensor *cairn_index_put(cairn_tensor *x, int count, cairn_tensor *const *index, cairn_tensor *from, bool accumulate);
CAIRN_API cairn_tensor *cairn_masked_fill(cairn_tensor *x, cairn_tensor *mask, double number);
/* x with the elements where mask is true replaced by those of `from`, in order. E_RANGE when there are too few. */
CAIRN_API cairn_tensor *cairn_masked_scatter(cairn_tensor *x, cairn_tensor *mask, cairn_tensor *from);
/* These look at the mask at once, because it decides the result's shape. A vector; (number of true elements, rank). */
CAIRN_API cairn_tensor *cairn_masked_select(cairn_tensor *x, cairn_tensor *mask);
CAIRN_API cairn_tensor *cairn_nonzero(cairn_tensor *x);
/* i64 (.., classes): 1 at the index, else 0; an index out of range gives a row of 0. classes -1: the largest index + 1 (looks). */
CAIRN_API cairn_tensor *cairn_one_hot(cairn_tensor *index, int64_t classes);

/* ---- Order. Sorting is stable; NaN counts as the largest, as in PyTorch ------------------------------------------ */
CAIRN_API cairn_tensor *cairn_argsort(cairn_tensor *x, int axis, bool descending);       /* i64 */
/* The sorted elements; their indices go to *index (NULL on error) unless it is NULL: so in all
 * functions of this section. */
CAIRN_API cairn_tensor *cairn_sort(cairn_tensor *x, int axis, bool descending, cairn_tensor **index);
/* The k largest (smallest) along the axis, in order. */
CAIRN_API cairn_tensor *cairn_topk(cairn_tensor *x, int64_t k, int axis, bool largest, cairn_tensor **index);
CAIRN_API cairn_tensor *cairn_kthvalue(cairn_tensor *x, int64_t k, int axis, bool keep, cairn_tensor **index);  /* 1-based */
/* max and min along one axis with the index of the first one. */
CAIRN_API cairn_tensor *cairn_max(cairn_tensor *x, int axis, bool keep, cairn_tensor **index);
CAIRN_API cairn_tensor *cairn_min(cairn_tensor *x, int axis, bool keep, cairn_tensor **index);
/* The lower of the two middle ones; NaN if there is one. */
CAIRN_API cairn_tensor *cairn_median(cairn_tensor *x, int axis, bool keep, cairn_tensor **index);
/* The most frequent one, the smallest of these; the index of its last occurrence. */
CAIRN_API cairn_tensor *cairn_mode(cairn_tensor *x, int axis, bool keep, cairn_tensor **index);
/* 0 <= q <= 1, linear interpolation between neighbours. */
CAIRN_API cairn_tensor *cairn_quantile(cairn_tensor *x, double q, int axis, bool keep);
/* The sorted different elements, and (unless NULL) where each element of x is among them, and how often each comes. Looks. */
CAIRN_API cairn_tensor *cairn_unique(cairn_tensor *x, cairn_tensor **inverse, cairn_tensor **counts);
/* Where each value would be inserted in `sorted` (a vector, or rows of the same leading shape): the first place, or if
 * `right` the last, that keeps the order. bucketize is the same with the names PyTorch has. i64. */
CAIRN_API cairn_tensor *cairn_searchsorted(cairn_tensor *sorted, cairn_tensor *values, bool right);
CAIRN_API cairn_tensor *cairn_bucketize(cairn_tensor *values, cairn_tensor *boundaries, bool right);
/* How often each of 0 ... max(x) comes, at least `length` of them, weighted unless weights is NULL. Looks. */
CAIRN_API cairn_tensor *cairn_bincount(cairn_tensor *x, cairn_tensor *weights, int64_t length);
/* Counts in `bins` even bins from low to high (both 0: from the smallest to the largest element), in x's type. */
CAIRN_API cairn_tensor *cairn_histc(cairn_tensor *x, int64_t bins, double low, double high);

/* ---- Running along an axis: the shape of x ------------------------------------------------------------------------ */
CAIRN_API cairn_tensor *cairn_cumsum(cairn_tensor *x, int axis);             /* integers and bool: i64, so of cumprod */
CAIRN_API cairn_tensor *cairn_cumprod(cairn_tensor *x, int axis);
CAIRN_API cairn_tensor *cairn_logcumsumexp(cairn_tensor *x, int axis);
CAIRN_API cairn_tensor *cairn_cummax(cairn_tensor *x, int axis, cairn_tensor **index);
CAIRN_API cairn_tensor *cairn_cummin(cairn_tensor *x, int axis, cairn_tensor **index);
/* y[i] = a[i] y[i - 1] + b[i], y[-1] = 0: a linear recurrence. */
CAIRN_API cairn_tensor *cairn_recurrence(cairn_tensor *a, cairn_tensor *b, int axis);

/* ---- Products ---------------------------------------------------------------------------------------- */
/* (..., M, K) @ (..., K, N) -> (..., M, N); leading axes broadcast; vectors as in PyTorch's matmul. */
CAIRN_API cairn_tensor *cairn_matmul(cairn_tensor *x, cairn_tensor *w);
CAIRN_API cairn_tensor *cairn_mm(cairn_tensor *x, cairn_tensor *w);          /* matrices only */
CAIRN_API cairn_tensor *cairn_bmm(cairn_tensor *x, cairn_tensor *w);         /* (B, M, K) @ (B, K, N) */
CAIRN_API cairn_tensor *cairn_mv(cairn_tensor *x, cairn_tensor *vector);
CAIRN_API cairn_tensor *cairn_dot(cairn_tensor *x, cairn_tensor *y);         /* vectors -> a scalar */
CAIRN_API cairn_tensor *cairn_outer(cairn_tensor *x, cairn_tensor *y);       /* vectors (M), (N) -> (M, N) */
CAIRN_API cairn_tensor *cairn_addmm(cairn_tensor *c, cairn_tensor *x, cairn_tensor *w, double beta, double alpha); /* beta c + alpha x @ w */
CAIRN_API cairn_tensor *cairn_baddbmm(cairn_tensor *c, cairn_tensor *x, cairn_tensor *w, double beta, double alpha);
/* Einstein's summation, "bij,bjk->bik"; "..." stands for axes that broadcast; a letter twice in one operand is its
 * diagonal; without "->" the letters that come once, in alphabetical order. E_ARGUMENT for what is no such formula. */
CAIRN_API cairn_tensor *cairn_einsum(const char *formula, int count, cairn_tensor *const *x);
/* Sums over x's axes[i] and y's axes[i] together; the other axes of x, then those of y. */
CAIRN_API cairn_tensor *cairn_tensordot(cairn_tensor *x, cairn_tensor *y, cairn_axes x_axes, cairn_axes y_axes);
CAIRN_API cairn_tensor *cairn_kron(cairn_tensor *x, cairn_tensor *y);
/* Distances between rows: (..., M, D), (..., N, D) -> (..., M, N): (sum |x - y|^p)^(1/p). */
CAIRN_API cairn_tensor *cairn_cdist(cairn_tensor *x, cairn_tensor *y, double p);

#ifdef __cplusplus
}
#endif
#endif
