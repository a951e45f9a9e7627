/* Networks: modules with parameters, and losses.
 *
 * A module is a forward function with what it remembers: parameters (trained), buffers (kept with them, not trained) and
 * children. Names are those of PyTorch's state dict ("0.weight", "layer1.0.bn1.running_mean"), so weights interchange.
 *
 *     cairn_module *net = cairn_sequential(cairn_linear(784, 128, NULL), cairn_activation(CAIRN_RELU),
 *                                          cairn_linear(128, 10, NULL), NULL);
 *     cairn_tensor *logits = cairn_call(net, images);               // (N, 784) -> (N, 10)
 *     ...
 *     cairn_module_free(net);
 *
 * One's own module is a forward function and cairn_module_new:
 *
 *     // y = x + body(x)
 *     static cairn_tensor *residual_forward(cairn_module *self, cairn_tensor *x)
 *     {
 *         return cairn_add(x, cairn_call(cairn_child(self, "body"), x));
 *     }
 *     cairn_module *m = cairn_module_new("Residual", residual_forward, 0);
 *     cairn_module_add(m, "body", cairn_linear(32, 32, NULL));
 *
 * Ownership. A module belongs to who made it, until it is given to another one as its child: so only the outermost is
 * freed. It keeps its tensors; those that its functions return are borrowed.
 *
 * Errors. A constructor returns NULL; NULL as a child passes on: the parent's constructor returns NULL too and frees the
 * other children. So a whole network may be written as one expression, with one check at its end. */
#ifndef CAIRN_NN_H
#define CAIRN_NN_H
#include <cairn/functional.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_module cairn_module;

/* Named tensors, borrowed. count is -1 when something went wrong, with the error set; what takes a list passes that on. */
typedef struct cairn_tensor_list {
    int count;
    cairn_tensor *const *tensors;
    const char *const *names;            /* or NULL */
} cairn_tensor_list;

/* ---- Modules of one's own ------------------------------------------------------------------------------*/
/* Called by cairn_call, within a scope of its own. */
typedef cairn_tensor *(*cairn_forward)(cairn_module *self, cairn_tensor *x);

/* A module without parts. `kind` is its name in messages (copied); `forward` may be NULL for what only holds others;
 * `state_bytes` of zeroed memory are its own: cairn_state. */
CAIRN_API cairn_module *cairn_module_new(const char *kind, cairn_forward forward, size_t state_bytes);
CAIRN_API void *cairn_state(cairn_module *m);
/* `release(self)` is called when the module is freed, for what its state holds. */
CAIRN_API void cairn_module_on_release(cairn_module *m, void (*release)(cairn_module *self));
/* With its children. NULL is allowed. */
CAIRN_API void cairn_module_free(cairn_module *m);

/* Parts, under a name without dots that m does not have yet (else E_ARGUMENT). Each returns the part, or NULL with the error
 * set: then m counts as failed, and cairn_call and every parent's constructor refuse it.
 * The child becomes m's own, and is freed at once when it cannot be added. */
CAIRN_API cairn_module *cairn_module_add(cairn_module *m, const char *name, cairn_module *child);
/* The tensor is kept and wants a gradient from now on. */
CAIRN_API cairn_tensor *cairn_module_add_parameter(cairn_module *m, const char *name, cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_module_add_buffer(cairn_module *m, const char *name, cairn_tensor *x);

/* ---- Using modules ------------------------------------------------------------------------------------*/
/* The module's result for x, in the current scope; what forward makes on its way is released. NULL for a NULL m or x,
 * and E_STATE for a module without a forward function. */
CAIRN_API cairn_tensor *cairn_call(cairn_module *m, cairn_tensor *x);

/* By name, also of a part's part: "layer1.0.conv1". NULL and E_ARGUMENT when it is not there. */
CAIRN_API cairn_module *cairn_child(cairn_module *m, const char *name);
CAIRN_API cairn_tensor *cairn_parameter(cairn_module *m, const char *name);       /* or a buffer */
/* The direct children, in order; NULL (no error) past the last. */
CAIRN_API cairn_module *cairn_child_at(cairn_module *m, int index);
CAIRN_API int cairn_child_count(const cairn_module *m);
CAIRN_API const char *cairn_module_kind(const cairn_module *m);                    /* "" for NULL */

/* Puts another module in the place of the child `name`, which is freed: transfer learning. Returns `child`, or NULL with the
 * error set and `child` freed. */
CAIRN_API cairn_module *cairn_module_replace(cairn_module *m, const char *name, cairn_module *child);

/* All parameters, its own and its children's. Valid until asked for again, or until m changes. */
CAIRN_API cairn_tensor_list cairn_parameters(cairn_module *m);
/* Parameters and buffers: PyTorch's state dict, in its order. What is saved. */
CAIRN_API cairn_tensor_list cairn_state_dict(cairn_module *m);
/* Gives m's parameters and buffers the elements of those of the same name. `strict`: E_ARGUMENT for a name that one side
 * lacks, and then nothing is changed; else what both have is taken. E_SHAPE for shapes that differ; types convert. */
CAIRN_API cairn_status cairn_load_state_dict(cairn_module *m, cairn_tensor_list from, bool strict);
/* The number of elements of all parameters; -1 for NULL. */
CAIRN_API int64_t cairn_parameter_count(cairn_module *m);

/* Training (as modules are made) or evaluation: dropout and batch norm differ. With all children. */
CAIRN_API void cairn_set_training(cairn_module *m, bool training);
CAIRN_API bool cairn_is_training(const cairn_module *m);
/* Whether the parameters of m want gradients: false freezes them. */
CAIRN_API cairn_status cairn_set_trainable(cairn_module *m, bool trainable);
/* Converts parameters and buffers of floating type. */
CAIRN_API cairn_status cairn_module_to(cairn_module *m, cairn_dtype type);
/* Prints the tree as PyTorch does: kinds, names, sizes. */
CAIRN_API void cairn_module_print(FILE *file, cairn_module *m);

/* ---- Initial values -----------------------------------------------------------------------------------
 * Each layer is made with PyTorch's default. These give a parameter other values, at once, and return it; NULL on error.
 * The fans of a weight (out, in, ...) are its inputs and outputs times the elements of a kernel.
 * Xavier: Glorot and Bengio, 2010; Kaiming: He et al., 2015; orthogonal: Saxe et al., 2013. */
typedef enum cairn_fan { CAIRN_FAN_IN, CAIRN_FAN_OUT } cairn_fan;
CAIRN_API cairn_tensor *cairn_init_uniform(cairn_tensor *x, double low, double high);
CAIRN_API cairn_tensor *cairn_init_normal(cairn_tensor *x, double mean, double deviation);
/* A normal distribution cut off at low and high. */
CAIRN_API cairn_tensor *cairn_init_trunc_normal(cairn_tensor *x, double mean, double deviation, double low, double high);
CAIRN_API cairn_tensor *cairn_init_constant(cairn_tensor *x, double number);
CAIRN_API cairn_tensor *cairn_init_eye(cairn_tensor *x);                    /* a matrix */
CAIRN_API cairn_tensor *cairn_init_dirac(cairn_tensor *x);                  /* rank 3 to 5: the identity as a convolution */
CAIRN_API cairn_tensor *cairn_init_xavier_uniform(cairn_tensor *x, double gain);
CAIRN_API cairn_tensor *cairn_init_xavier_normal(cairn_tensor *x, double gain);
CAIRN_API cairn_tensor *cairn_init_kaiming_uniform(cairn_tensor *x, double gain, cairn_fan fan);
CAIRN_API cairn_tensor *cairn_init_kaiming_normal(cairn_tensor *x, double gain, cairn_fan fan);
CAIRN_API cairn_tensor *cairn_init_orthogonal(cairn_tensor *x, double gain); /* rows or columns, whichever are fewer */

/* ---- Containers ---------------------------------------------------------------------------------------
 * They own their children, named "0", "1" ... A NULL within the list (not at its end) is a child that could not be made. */
/* Calls one after the other. The list may end with NULL, and need not. */
CAIRN_API cairn_module *cairn_sequential_of(int count, cairn_module *const *modules);
#ifndef __cplusplus
#define cairn_sequential(...) \
    cairn_sequential_of((int)(sizeof((cairn_module *[]){__VA_ARGS__}) / sizeof(cairn_module *)), (cairn_module *[]){__VA_ARGS__})
#endif
/* Children without a forward function: called one by one, cairn_child_at(list, i) or cairn_child(dict, "name"). */
CAIRN_API cairn_module *cairn_module_list(int count, cairn_module *const *modules);
CAIRN_API cairn_module *cairn_module_dict(void);
/* One more child, under the next number, of a sequential or a list. As cairn_module_add. */
CAIRN_API cairn_module *cairn_module_append(cairn_module *m, cairn_module *child);

/* ---- Layers -------------------------------------------------------------------------------------------
 * Options may be NULL: all defaults. Sizes that are not positive are E_ARGUMENT. */
CAIRN_API cairn_module *cairn_identity(void);

typedef struct cairn_linear_options {
    bool no_bias;
} cairn_linear_options;
/* y = x weight^T + bias: (..., in) -> (..., out). weight (out, in), bias (out). */
CAIRN_API cairn_module *cairn_linear(int64_t in, int64_t out, const cairn_linear_options *options);

/* Axes from `first` on as one; cairn_flatten_layer(1) keeps the batch. */
CAIRN_API cairn_module *cairn_flatten_layer(int first);
/* (N, a * b * ...) -> (N, a, b, ...) */
CAIRN_API cairn_module *cairn_unflatten_layer(int axis, cairn_shape sizes);

/* A function of one tensor as a layer: cairn_apply("Exp", cairn_exp). */
CAIRN_API cairn_module *cairn_apply(const char *kind, cairn_tensor *(*function)(cairn_tensor *x));
/* X(name, as PyTorch prints it, function with a parameter a, default of a). */
#define CAIRN_ACTIVATIONS(X)                                        \
    X(RELU, "ReLU", cairn_relu(x), 0)                               \
    X(RELU6, "ReLU6", cairn_relu6(x), 0)                            \
    X(LEAKY_RELU, "LeakyReLU", cairn_leaky_relu(x, a), 0.01)        \
    X(ELU, "ELU", cairn_elu(x, a), 1)                               \
    X(CELU, "CELU", cairn_celu(x, a), 1)                            \
    X(SELU, "SELU", cairn_selu(x), 0)                               \
    X(GELU, "GELU", cairn_gelu(x), 0)                               \
    X(GELU_TANH, "GELU", cairn_gelu_tanh(x), 0)                     \
    X(SILU, "SiLU", cairn_silu(x), 0)                               \
    X(MISH, "Mish", cairn_mish(x), 0)                               \
    X(SIGMOID, "Sigmoid", cairn_sigmoid(x), 0)                      \
    X(TANH, "Tanh", cairn_tanh(x), 0)                               \
    X(SOFTPLUS, "Softplus", cairn_softplus(x, a), 1)                \
    X(SOFTSIGN, "Softsign", cairn_softsign(x), 0)                   \
    X(HARDTANH, "Hardtanh", cairn_hardtanh(x, -a, a), 1)            \
    X(HARDSIGMOID, "Hardsigmoid", cairn_hardsigmoid(x), 0)          \
    X(HARDSWISH, "Hardswish", cairn_hardswish(x), 0)                \
    X(LOGSIGMOID, "LogSigmoid", cairn_logsigmoid(x), 0)             \
    X(TANHSHRINK, "Tanhshrink", cairn_tanhshrink(x), 0)             \
    X(SOFTSHRINK, "Softshrink", cairn_softshrink(x, a), 0.5)        \
    X(HARDSHRINK, "Hardshrink", cairn_hardshrink(x, a), 0.5)
typedef enum cairn_activation_kind {
#define CAIRN_ROW_(name, text, function, a) CAIRN_##name,
    CAIRN_ACTIVATIONS(CAIRN_ROW_)
#undef CAIRN_ROW_
    CAIRN_ACTIVATION_COUNT
} cairn_activation_kind;
CAIRN_API cairn_module *cairn_activation(cairn_activation_kind kind);
/* With another parameter (slope, alpha, beta, lambda, bound) than PyTorch's default. */
CAIRN_API cairn_module *cairn_activation_with(cairn_activation_kind kind, double a);
/* max(0, x) + weight * min(0, x) with one slope, or one a channel; both begin at 0.25. */
CAIRN_API cairn_module *cairn_prelu_layer(int64_t slopes);
CAIRN_API cairn_module *cairn_softmax_layer(int axis);
CAIRN_API cairn_module *cairn_log_softmax_layer(int axis);

/* The factor that keeps the variance through that function, for cairn_init_*: sqrt(2) for ReLU. `a`: LeakyReLU's slope. */
CAIRN_API double cairn_gain(cairn_activation_kind kind, double a);

/* (N, C, H, W) by `out` square kernels; weight (out, in / groups, kernel, kernel), bias (out). Options: functional.h. */
CAIRN_API cairn_module *cairn_conv2d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options);
CAIRN_API cairn_module *cairn_conv2d_of(int64_t in, int64_t out, int64_t height, int64_t width, const cairn_conv_options *options);
/* (N, C, L) */
CAIRN_API cairn_module *cairn_conv1d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options);
/* (N, C, D, H, W) by cubic kernels, or of three sizes */
CAIRN_API cairn_module *cairn_conv3d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options);
CAIRN_API cairn_module *cairn_conv3d_of(int64_t in, int64_t out, int64_t depth, int64_t height, int64_t width, const cairn_conv_options *options);
/* weight (in, out / groups, ...) */
CAIRN_API cairn_module *cairn_conv_transpose2d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options);
CAIRN_API cairn_module *cairn_conv_transpose1d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options);
CAIRN_API cairn_module *cairn_conv_transpose3d(int64_t in, int64_t out, int64_t kernel, const cairn_conv_options *options);

CAIRN_API cairn_module *cairn_max_pool2d(int64_t window, const cairn_pool_options *options);
CAIRN_API cairn_module *cairn_avg_pool2d(int64_t window, const cairn_pool_options *options);
CAIRN_API cairn_module *cairn_max_pool1d(int64_t window, const cairn_pool_options *options);
CAIRN_API cairn_module *cairn_avg_pool1d(int64_t window, const cairn_pool_options *options);
CAIRN_API cairn_module *cairn_adaptive_avg_pool2d(int64_t height, int64_t width);
CAIRN_API cairn_module *cairn_adaptive_max_pool2d(int64_t height, int64_t width);
CAIRN_API cairn_module *cairn_adaptive_avg_pool1d(int64_t width);
/* To `factor` times the size. */
CAIRN_API cairn_module *cairn_upsample_nearest(int64_t factor);
CAIRN_API cairn_module *cairn_upsample_bilinear(int64_t factor, bool align_corners);
CAIRN_API cairn_module *cairn_pixel_shuffle(int64_t factor);

typedef struct cairn_norm_options {
    double eps;                          /* 1e-5 */
    double momentum;                     /* batch norm: 0.1, the weight of the new in the running statistics */
    bool no_affine;                      /* without weight and bias */
    bool no_statistics;                  /* batch norm: the batch's own also in evaluation */
} cairn_norm_options;
/* (N, C) or (N, C, L). Running statistics are computed with what is evaluated next. */
CAIRN_API cairn_module *cairn_batch_norm1d(int64_t channels, const cairn_norm_options *options);
/* (N, C, H, W) */
CAIRN_API cairn_module *cairn_batch_norm2d(int64_t channels, const cairn_norm_options *options);
/* Over the last axes, which have the sizes `shape`. */
CAIRN_API cairn_module *cairn_layer_norm(cairn_shape shape, const cairn_norm_options *options);
CAIRN_API cairn_module *cairn_rms_norm(cairn_shape shape, const cairn_norm_options *options);
CAIRN_API cairn_module *cairn_group_norm(int64_t groups, int64_t channels, const cairn_norm_options *options);
CAIRN_API cairn_module *cairn_instance_norm(int64_t channels, const cairn_norm_options *options);

/* In training, each element (of each channel, for 2d) is 0 with probability p, else x / (1 - p). */
CAIRN_API cairn_module *cairn_dropout(double p);
CAIRN_API cairn_module *cairn_dropout2d(double p);

typedef struct cairn_embedding_options {
    bool has_padding;                    /* the row `padding` is 0 at first, and not trained */
    int64_t padding;
} cairn_embedding_options;
/* Integers (any shape) in 0 ... count - 1 -> (..., width); weight (count, width), normal. */
CAIRN_API cairn_module *cairn_embedding(int64_t count, int64_t width, const cairn_embedding_options *options);

/* ---- Attention. Sequences are (N, L, E): batch first --------------------------------------------------------*/
typedef struct cairn_multihead_options {
    double dropout;
    bool no_bias;
    bool causal;                         /* position i sees 0 ... i */
} cairn_multihead_options;
/* cairn_call is self-attention; cairn_attend is the general form: k, v (N, S, E); options (mask: broadcasts to
 * (N, heads, L, S)) may be NULL. Vaswani et al., 2017. */
CAIRN_API cairn_module *cairn_multihead_attention(int64_t width, int64_t heads, const cairn_multihead_options *options);
CAIRN_API cairn_tensor *cairn_attend(cairn_module *attention, cairn_tensor *q, cairn_tensor *k, cairn_tensor *v,
                                     const cairn_attention_options *options);

typedef struct cairn_transformer_options {
    int64_t feed_forward;                /* 2048: the width within */
    double dropout;                      /* 0.1 */
    cairn_activation_kind activation;    /* CAIRN_RELU */
    bool norm_first;                     /* norms before attention and feed-forward, as GPT-2 has them, not after */
    bool causal;
    double eps;                          /* 1e-5 */
} cairn_transformer_options;
/* dropout 0: give a negative number. */
CAIRN_API cairn_module *cairn_transformer_encoder_layer(int64_t width, int64_t heads, const cairn_transformer_options *options);
/* `layers` of them, named "layers.0" ... */
CAIRN_API cairn_module *cairn_transformer_encoder(int64_t width, int64_t heads, int layers, const cairn_transformer_options *options);

/* ---- Recurrence. (T, N, in), or (N, T, in) with batch_first -> the last layer's h at each step --------------------*/
typedef struct cairn_rnn_options {
    int layers;                          /* 1 */
    bool batch_first, bidirectional, no_bias;
    bool relu;                           /* cairn_rnn: instead of tanh */
    double dropout;                      /* between layers, in training */
    int64_t projection;                  /* cairn_lstm: h of this size, less than hidden; 0: none */
} cairn_rnn_options;
CAIRN_API cairn_module *cairn_rnn(int64_t in, int64_t hidden, const cairn_rnn_options *options);
CAIRN_API cairn_module *cairn_lstm(int64_t in, int64_t hidden, const cairn_rnn_options *options);
CAIRN_API cairn_module *cairn_gru(int64_t in, int64_t hidden, const cairn_rnn_options *options);

typedef struct cairn_rnn_result {
    cairn_tensor *output;                /* (T, N, directions * P), or (N, T, ...); P is the projection, or hidden without one */
    cairn_tensor *h, *c;                 /* (layers * directions, N, P) and (..., hidden) after the last step; c: LSTM only, else NULL */
} cairn_rnn_result;
/* The general form: from a state, which may be NULL (zeros), to a state. */
CAIRN_API cairn_status cairn_recur(cairn_module *m, cairn_tensor *x, cairn_tensor *h, cairn_tensor *c, cairn_rnn_result *result);

/* Sequences of different lengths, packed: step by step, only those that are not over, the longest first. */
typedef struct cairn_packed {
    cairn_tensor *data;                  /* (sum of lengths, features) */
    cairn_tensor *batch_sizes;           /* i64: how many sequences have each step */
    cairn_tensor *order;                 /* i64: which sequence of the batch each one is */
} cairn_packed;
/* x (T, N, features), or (N, T, features) with batch_first; lengths: N numbers, 1 to T, in any order (E_RANGE). */
CAIRN_API cairn_status cairn_pack_padded_sequence(cairn_tensor *x, const int64_t *lengths, bool batch_first, cairn_packed *packed);
/* Back to `total` steps (0: of the longest), with `padding` behind each sequence's end. */
CAIRN_API cairn_tensor *cairn_pad_packed_sequence(const cairn_packed *packed, bool batch_first, double padding, int64_t total);
/* As cairn_recur; h and c have the batch's order, result->h and c are those after each sequence's last step. y (or NULL) becomes
 * the output, packed as x. At most 8000 steps. */
CAIRN_API cairn_status cairn_recur_packed(cairn_module *m, const cairn_packed *x, cairn_tensor *h, cairn_tensor *c, cairn_packed *y,
                                          cairn_rnn_result *result);

/* One step: (N, in) -> h (N, hidden). Of the options only no_bias and relu (E_ARGUMENT). Called as a layer, from zeros. */
CAIRN_API cairn_module *cairn_rnn_cell(int64_t in, int64_t hidden, const cairn_rnn_options *options);
CAIRN_API cairn_module *cairn_lstm_cell(int64_t in, int64_t hidden, const cairn_rnn_options *options);
CAIRN_API cairn_module *cairn_gru_cell(int64_t in, int64_t hidden, const cairn_rnn_options *options);
/* From h and c (NULL: zeros) to the next; next_c: LSTM only, may be NULL. */
CAIRN_API cairn_status cairn_recur_cell(cairn_module *m, cairn_tensor *x, cairn_tensor *h, cairn_tensor *c, cairn_tensor **next_h,
                                        cairn_tensor **next_c);

/* ---- For inference ------------------------------------------------------------------------------------------------------
 * Switches m to evaluation, and lets the weights of its convolutions and linear layers be kept in the order in which kernels read them too,
 * from the first evaluation on: the same bits, less work at each call, and up to four times the memory of 3 x 3 filters (twice that of others;
 * cairn_memory() shows it, cairn_plan_memory() does not foresee it). A weight that is changed or replaced afterwards is read as it is; calling
 * this again packs it anew. Parameters are computed if they are not yet. */
CAIRN_API cairn_status cairn_optimize_for_inference(cairn_module *m);

/* ---- Weights of 8 and 4 bits, for inference -------------------------------------------------------------------------*/
typedef struct cairn_quantize_options {
    int bits;                            /* 8 (the default) or 4 */
    int64_t block;                       /* weights that share a scale: 32 (the default), 64, 128 ... */
} cairn_quantize_options;
/* Every cairn_linear within m (or m itself) becomes a "QuantizedLinear": "weight" is a buffer of bytes (see <cairn/dnn/quantize.h>
 * for their order), "bias" a buffer. So do "in_proj_weight" and "in_proj_bias" of attention whose width is a multiple of 16. They give
 * results within about 0.8 % (8 bits) and 8 % (4 bits) of the norm of what they gave, a few rows in the time of reading the
 * weights, and no gradient. Saved and loaded as any module: into one that was changed alike. The number of layers that
 * changed, each projection of attention one more; -1 with the error set (E_ARGUMENT; E_RANGE when a weight is not finite). */
CAIRN_API int cairn_quantize_linear(cairn_module *m, const cairn_quantize_options *options);

/* ---- Losses -------------------------------------------------------------------------------------------
 * A loss compares a prediction with a target and gives one number: the mean over all elements (rows, for classes), or what
 * `reduction` says. Shapes must be equal, never broadcast: E_SHAPE. All are composed of public operations, so
 * they have every derivative, and their computation joins that of the network. */
typedef enum cairn_loss_reduction { CAIRN_MEAN, CAIRN_SUM, CAIRN_NONE, CAIRN_BATCH_MEAN } cairn_loss_reduction;

typedef struct cairn_class_options {
    double label_smoothing;              /* 0 <= s < 1: the target is (1 - s) one-hot + s / C */
    bool ignore;                         /* rows whose label is ignore_index count nothing */
    int64_t ignore_index;
    cairn_tensor *weight;                /* (C): of each class; the mean divides by the sum of the weights of its rows */
    cairn_loss_reduction reduction;
} cairn_class_options;

/* -log softmax(logits)[target], the mean over rows.
 *
 * logits  (N, C), (C), or (N, C, d1, ...): the class axis is 1
 * target  class indices (N), (), (N, d1, ...), of an integer type; or probabilities, of the shape and type of logits
 *
 * A label outside 0 ... C - 1 is E_RANGE: at once where labels are known, else when the loss is computed. */
CAIRN_API cairn_tensor *cairn_cross_entropy(cairn_tensor *logits, cairn_tensor *target);
CAIRN_API cairn_tensor *cairn_cross_entropy_with(cairn_tensor *logits, cairn_tensor *target, const cairn_class_options *options);
/* The same from log probabilities: -x[target]. Options may be NULL; label_smoothing must be 0. */
CAIRN_API cairn_tensor *cairn_nll_loss(cairn_tensor *log_probabilities, cairn_tensor *target, const cairn_class_options *options);

CAIRN_API cairn_tensor *cairn_mse_loss(cairn_tensor *x, cairn_tensor *target, cairn_loss_reduction reduction);     /* (x - t)^2 */
CAIRN_API cairn_tensor *cairn_l1_loss(cairn_tensor *x, cairn_tensor *target, cairn_loss_reduction reduction);      /* |x - t| */
/* d = |x - t|: d^2 / 2 where d < delta, else delta (d - delta / 2); smooth_l1 is that divided by beta = delta. */
CAIRN_API cairn_tensor *cairn_huber_loss(cairn_tensor *x, cairn_tensor *target, double delta, cairn_loss_reduction reduction);
CAIRN_API cairn_tensor *cairn_smooth_l1_loss(cairn_tensor *x, cairn_tensor *target, double beta, cairn_loss_reduction reduction);
/* -(t log p + (1 - t) log(1 - p)), logarithms not below -100. */
CAIRN_API cairn_tensor *cairn_bce_loss(cairn_tensor *p, cairn_tensor *target, cairn_loss_reduction reduction);
/* The same of p = sigmoid(x), for any x without overflow. `positive_weight` (broadcast; or NULL) multiplies the first term. */
CAIRN_API cairn_tensor *cairn_bce_with_logits(cairn_tensor *x, cairn_tensor *target, cairn_tensor *positive_weight,
                                              cairn_loss_reduction reduction);
/* t (log t - x), x log probabilities, t probabilities, or their logarithms. CAIRN_BATCH_MEAN divides the sum by N, which is
 * the divergence's definition. */
CAIRN_API cairn_tensor *cairn_kl_div(cairn_tensor *x, cairn_tensor *target, bool log_target, cairn_loss_reduction reduction);

/* ---- Connectionist temporal classification ----------------------------------------------------------------------------*/
typedef struct cairn_ctc_options {
    int64_t blank;                       /* the class that is none: 0 */
    bool zero_infinity;                  /* losses of targets that do not fit become 0 */
} cairn_ctc_options;
/* log_probs (steps, batch, classes), as cairn_log_softmax gives them; targets (batch, labels), padded; steps, labels (batch): how many
 * of each a sequence has. Integers. CAIRN_MEAN divides each loss by its number of labels (at least 1) first, as PyTorch. NULL with
 * E_SHAPE, E_TYPE; E_RANGE, when it is computed, for a label that is no class or the blank, and a length out of range. It has no second
 * derivative. Graves et al., 2006. */
CAIRN_API cairn_tensor *cairn_ctc_loss(cairn_tensor *log_probs, cairn_tensor *targets, cairn_tensor *steps, cairn_tensor *labels,
                                       const cairn_ctc_options *options, cairn_loss_reduction reduction);

#ifdef __cplusplus
}
#endif
#endif
