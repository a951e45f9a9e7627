/* Functions of neural networks: activations, softmax, norms, convolution, pooling, attention, dropout.
 *
 * PyTorch's names. Where a layer of <cairn/nn.h> has the plain name, the function's begins with cairn_f_, as in
 * PyTorch's nn.functional: cairn_conv2d makes a layer, cairn_f_conv2d applies weights that one gives.
 * All are differentiable, twice too. Images are (N, C, H, W); in memory they are kept channels last, which nobody sees. */
#ifndef CAIRN_FUNCTIONAL_H
#define CAIRN_FUNCTIONAL_H
#include <cairn/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Activations: y[i] = f(x[i]), on floating types; cairn_relu, cairn_tanh, cairn_sigmoid are in ops.h ------------ */
CAIRN_API cairn_tensor *cairn_gelu(cairn_tensor *x);                           /* x Phi(x), by erf */
CAIRN_API cairn_tensor *cairn_gelu_tanh(cairn_tensor *x);                      /* the approximation by tanh */
CAIRN_API cairn_tensor *cairn_silu(cairn_tensor *x);                           /* x sigmoid(x) */
CAIRN_API cairn_tensor *cairn_mish(cairn_tensor *x);                           /* x tanh(softplus(x)) */
CAIRN_API cairn_tensor *cairn_softplus(cairn_tensor *x, double beta);          /* log(1 + e^(beta x)) / beta */
CAIRN_API cairn_tensor *cairn_logsigmoid(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_elu(cairn_tensor *x, double alpha);              /* x > 0 ? x : alpha (e^x - 1) */
CAIRN_API cairn_tensor *cairn_celu(cairn_tensor *x, double alpha);             /* x > 0 ? x : alpha (e^(x / alpha) - 1) */
CAIRN_API cairn_tensor *cairn_selu(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_leaky_relu(cairn_tensor *x, double slope);       /* PyTorch's default slope is 0.01 */
CAIRN_API cairn_tensor *cairn_prelu(cairn_tensor *x, cairn_tensor *slope);     /* one slope, or one a channel (axis 1) */
CAIRN_API cairn_tensor *cairn_relu6(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_hardtanh(cairn_tensor *x, double low, double high);
CAIRN_API cairn_tensor *cairn_hardsigmoid(cairn_tensor *x);                    /* clamp(x / 6 + 1/2, 0, 1) */
CAIRN_API cairn_tensor *cairn_hardswish(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_softsign(cairn_tensor *x);                       /* x / (1 + |x|) */
CAIRN_API cairn_tensor *cairn_tanhshrink(cairn_tensor *x);                     /* x - tanh(x) */
CAIRN_API cairn_tensor *cairn_softshrink(cairn_tensor *x, double lambda);
CAIRN_API cairn_tensor *cairn_hardshrink(cairn_tensor *x, double lambda);
CAIRN_API cairn_tensor *cairn_threshold(cairn_tensor *x, double threshold, double number);   /* x > threshold ? x : number */
CAIRN_API cairn_tensor *cairn_glu(cairn_tensor *x, int axis);                  /* first half * sigmoid(second half) */

/* ---- Softmax along one axis: y = exp(x - max) / sum exp(x - max); sums in f32 or wider ----------------------------- */
CAIRN_API cairn_tensor *cairn_softmax(cairn_tensor *x, int axis);
CAIRN_API cairn_tensor *cairn_log_softmax(cairn_tensor *x, int axis);
CAIRN_API cairn_tensor *cairn_softmin(cairn_tensor *x, int axis);              /* softmax(-x) */

/* ---- Norms. weight and bias may be NULL ------------------------------------------------------------------------------- */
/* y = (x - mean) / sqrt(variance + eps) * weight + bias over the last `axes` axes, which weight and bias have. */
CAIRN_API cairn_tensor *cairn_f_layer_norm(cairn_tensor *x, int axes, cairn_tensor *weight, cairn_tensor *bias, double eps);
/* y = x / sqrt(mean x^2 + eps) * weight */
CAIRN_API cairn_tensor *cairn_f_rms_norm(cairn_tensor *x, int axes, cairn_tensor *weight, double eps);
/* x (N, C, ...): over each of `groups` runs of channels; weight and bias (C). instance_norm has one channel a group. */
CAIRN_API cairn_tensor *cairn_f_group_norm(cairn_tensor *x, int64_t groups, cairn_tensor *weight, cairn_tensor *bias, double eps);
CAIRN_API cairn_tensor *cairn_f_instance_norm(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, double eps);
/* x (N, C, ...) over all axes but the channels. training: with the batch's own mean and variance, and running_mean,
 * running_variance (C), unless NULL, are changed in place to (1 - momentum) old + momentum new (the variance with n - 1);
 * else: with the running ones. */
CAIRN_API cairn_tensor *cairn_f_batch_norm(cairn_tensor *x, cairn_tensor *running_mean, cairn_tensor *running_variance,
                                           cairn_tensor *weight, cairn_tensor *bias, bool training, double momentum, double eps);
/* x / (k + alpha / size * sum of squares of `size` neighbouring channels)^beta */
CAIRN_API cairn_tensor *cairn_local_response_norm(cairn_tensor *x, int64_t size, double alpha, double beta, double k);
CAIRN_API cairn_tensor *cairn_normalize(cairn_tensor *x, double p, int axis, double eps);       /* x / max(|x|_p, eps) */
CAIRN_API cairn_tensor *cairn_cosine_similarity(cairn_tensor *x, cairn_tensor *y, int axis, double eps);

/* ---- Linear, embedding ------------------------------------------------------------------------------------------------- */
/* x (..., in) @ weight^T (out, in) + bias (out): (..., out); bias may be NULL. */
CAIRN_API cairn_tensor *cairn_f_linear(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias);
/* x1 (..., a), x2 (..., b), weight (out, a, b): sum x1 weight x2 + bias. */
CAIRN_API cairn_tensor *cairn_f_bilinear(cairn_tensor *x1, cairn_tensor *x2, cairn_tensor *weight, cairn_tensor *bias);
/* Rows of weight (V, D) by integer index of any shape S: S + (D). E_RANGE, when evaluated, for an index outside 0 ... V - 1.
 * The gradient adds rows in the order of the indices: the same bits for any number of threads. */
CAIRN_API cairn_tensor *cairn_f_embedding(cairn_tensor *weight, cairn_tensor *index);

/* ---- Convolution. x (N, C, H, W), weight (K, C / groups, R, S), bias (K) or NULL -> (N, K, OH, OW) ---------------------
 * f32 and f64; f16 and bf16 through f32. E_SHAPE when the channels do not fit or the window is larger than the padded image. */
typedef struct cairn_conv_options {
    int64_t stride[3];          /* height, width; 0 means 1. One axis: [0]; three axes: depth, height, width */
    int64_t padding[3];         /* zeros on both sides */
    int64_t dilation[3];        /* 0 means 1 */
    int64_t groups;             /* 0 means 1 */
    int64_t output_padding[3];  /* transposed convolution: what is added on one side of the output */
    bool no_bias;               /* layers only */
} cairn_conv_options;
CAIRN_API cairn_tensor *cairn_f_conv2d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, const cairn_conv_options *options);
/* x (N, C, L), weight (K, C / groups, R) */
CAIRN_API cairn_tensor *cairn_f_conv1d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, const cairn_conv_options *options);
/* x (N, C, D, H, W), weight (K, C / groups, T, R, S) */
CAIRN_API cairn_tensor *cairn_f_conv3d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias, const cairn_conv_options *options);
/* x (N, C, H, W), weight (C, K / groups, R, S): the gradient of a convolution as an operation of its own. */
CAIRN_API cairn_tensor *cairn_f_conv_transpose2d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias,
                                                 const cairn_conv_options *options);
CAIRN_API cairn_tensor *cairn_f_conv_transpose1d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias,
                                                 const cairn_conv_options *options);
CAIRN_API cairn_tensor *cairn_f_conv_transpose3d(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias,
                                                 const cairn_conv_options *options);

/* ---- Pooling of (N, C, H, W) by windows of height x width ---------------------------------------------------------------- */
typedef struct cairn_pool_options {
    int64_t stride[2];          /* 0 means the window's size */
    int64_t padding[2];
    int64_t dilation[2];        /* 0 means 1; max pooling only */
    bool ceil_mode;             /* a last window that starts within the image and ends outside counts */
    bool exclude_padding;       /* average: divide by the number of true pixels */
} cairn_pool_options;
CAIRN_API cairn_tensor *cairn_f_max_pool2d(cairn_tensor *x, int64_t height, int64_t width, const cairn_pool_options *options);
CAIRN_API cairn_tensor *cairn_f_avg_pool2d(cairn_tensor *x, int64_t height, int64_t width, const cairn_pool_options *options);
/* The same, and the position h * W + w of each maximum as i64. */
CAIRN_API cairn_tensor *cairn_f_max_pool2d_with_indices(cairn_tensor *x, int64_t height, int64_t width,
                                                        const cairn_pool_options *options, cairn_tensor **index);
/* To a given size, by windows floor(i H / OH) ... ceil((i + 1) H / OH). */
CAIRN_API cairn_tensor *cairn_f_adaptive_avg_pool2d(cairn_tensor *x, int64_t height, int64_t width);
CAIRN_API cairn_tensor *cairn_f_adaptive_max_pool2d(cairn_tensor *x, int64_t height, int64_t width);
/* The same of (N, C, L). */
CAIRN_API cairn_tensor *cairn_f_max_pool1d(cairn_tensor *x, int64_t width, const cairn_pool_options *options);
CAIRN_API cairn_tensor *cairn_f_avg_pool1d(cairn_tensor *x, int64_t width, const cairn_pool_options *options);
CAIRN_API cairn_tensor *cairn_f_adaptive_avg_pool1d(cairn_tensor *x, int64_t width);

/* Of (N, C, D, H, W); options as above, for depth, height, width. */
typedef struct cairn_pool3d_options {
    int64_t stride[3], padding[3], dilation[3];
    bool ceil_mode, exclude_padding;
} cairn_pool3d_options;
CAIRN_API cairn_tensor *cairn_f_max_pool3d(cairn_tensor *x, int64_t depth, int64_t height, int64_t width, const cairn_pool3d_options *options);
CAIRN_API cairn_tensor *cairn_f_avg_pool3d(cairn_tensor *x, int64_t depth, int64_t height, int64_t width, const cairn_pool3d_options *options);
CAIRN_API cairn_tensor *cairn_f_adaptive_max_pool1d(cairn_tensor *x, int64_t width);
CAIRN_API cairn_tensor *cairn_f_adaptive_avg_pool3d(cairn_tensor *x, int64_t depth, int64_t height, int64_t width);
CAIRN_API cairn_tensor *cairn_f_adaptive_max_pool3d(cairn_tensor *x, int64_t depth, int64_t height, int64_t width);

/* ---- Images ----------------------------------------------------------------------------------------------------------------- */
/* The windows of a convolution as columns: (N, C, H, W) -> (N, C R S, windows); fold adds them back to H x W. */
CAIRN_API cairn_tensor *cairn_f_unfold(cairn_tensor *x, int64_t r, int64_t s, const cairn_conv_options *options);
CAIRN_API cairn_tensor *cairn_f_fold(cairn_tensor *x, int64_t height, int64_t width, int64_t r, int64_t s,
                                     const cairn_conv_options *options);
/* (N, C r^2, H, W) <-> (N, C, r H, r W) */
CAIRN_API cairn_tensor *cairn_f_pixel_shuffle(cairn_tensor *x, int64_t factor);
CAIRN_API cairn_tensor *cairn_f_pixel_unshuffle(cairn_tensor *x, int64_t factor);
/* (N, C, H, W) to height x width. Bilinear: align_corners as in PyTorch. */
CAIRN_API cairn_tensor *cairn_f_interpolate_nearest(cairn_tensor *x, int64_t height, int64_t width);
CAIRN_API cairn_tensor *cairn_f_interpolate_bilinear(cairn_tensor *x, int64_t height, int64_t width, bool align_corners);
/* By cubic convolution with a = -0.75 (Keys, 1981), edges repeated. */
CAIRN_API cairn_tensor *cairn_f_interpolate_bicubic(cairn_tensor *x, int64_t height, int64_t width, bool align_corners);
/* x (N, C, H, W) at the places of grid (N, OH, OW, 2), (x, y) with -1 and 1 for the image's ends: their outer edges, or with
 * align_corners their centres -> (N, C, OH, OW). Gradients for both. Outside the image: zeros, its border, its mirror. */
typedef enum cairn_grid_padding { CAIRN_GRID_ZEROS, CAIRN_GRID_BORDER, CAIRN_GRID_REFLECTION } cairn_grid_padding;
typedef struct cairn_grid_options {
    cairn_grid_padding padding;
    bool nearest;               /* the nearest pixel (half to even) instead of bilinear */
    bool align_corners;
} cairn_grid_options;
CAIRN_API cairn_tensor *cairn_f_grid_sample(cairn_tensor *x, cairn_tensor *grid, const cairn_grid_options *options);
/* theta (N, 2, 3), affine maps of (x, y, 1) -> the grid (N, height, width, 2) for grid_sample. */
CAIRN_API cairn_tensor *cairn_f_affine_grid(cairn_tensor *theta, int64_t height, int64_t width, bool align_corners);

/* ---- Attention: softmax(q k^T scale + mask) v ------------------------------------------------------------------------------- */
typedef struct cairn_attention_options {
    cairn_tensor *mask;         /* broadcasts to (..., L, S): bool, true takes part; or floating, added. NULL: none */
    bool causal;                /* position i sees 0 ... i */
    double dropout;             /* probability, on the weights */
    double scale;               /* 0 means 1 / sqrt(E) */
    bool grouped_heads;         /* q (..., H, L, E), k and v (..., G, S, E): head h reads h / (H / G) (PyTorch: enable_gqa) */
    bool align_end;             /* query i is at position i + S - L of the keys, as with a cache of earlier ones */
    int64_t window;             /* > 0: sees only positions at a distance of less than this */
} cairn_attention_options;
/* q (..., L, E), k (..., S, E), v (..., S, F) -> (..., L, F); options may be NULL. Without the matrix of all pairs, unless there
 * is dropout or the mask wants a gradient. A query that sees no key gives zeros. */
CAIRN_API cairn_tensor *cairn_scaled_dot_product_attention(cairn_tensor *q, cairn_tensor *k, cairn_tensor *v,
                                                           const cairn_attention_options *options);

/* ---- Randomness --------------------------------------------------------------------------------------------------------------- */
/* Each element is 0 with probability p, else x / (1 - p); unchanged unless training. E_RANGE unless 0 <= p <= 1. */
CAIRN_API cairn_tensor *cairn_f_dropout(cairn_tensor *x, double p, bool training);
/* `count` indices drawn by weights (..., K), with or without replacement: i64 (..., count). */
CAIRN_API cairn_tensor *cairn_multinomial(cairn_tensor *weights, int64_t count, bool replacement);

#ifdef __cplusplus
}
#endif
#endif
