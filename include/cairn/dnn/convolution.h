/* Primitives: convolution and its gradients.
 *
 * A program that convolves 16 images of 56 x 56 pixels and 64 channels with 64 filters of 3 x 3, adds a bias and takes the ReLU:
 *
 *     cairn_conv d = {.type = CAIRN_F32, .n = 16, .h = 56, .w = 56, .c = 64, .k = 64, .r = 3, .s = 3,
 *                     .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1,
 *                     .fused = {.bias = bias, .activation = CAIRN_FUSED_RELU}};
 *     int64_t bytes = cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD);
 *     void *workspace = malloc(bytes);
 *     if (cairn_conv_forward(&d, x, w, y, workspace, bytes) != CAIRN_OK)
 *         puts(cairn_error_message());
 *
 * and one that first measures which algorithm is the fastest on this machine:
 *
 *     cairn_conv_choice found[CAIRN_CONV_ALGORITHMS];
 *     int count;
 *     cairn_conv_find(&d, CAIRN_CONV_FORWARD, found, &count);
 *     d.algorithm = found[0].algorithm;                            // of found[0].seconds and found[0].workspace_bytes
 */
#ifndef CAIRN_DNN_CONVOLUTION_H
#define CAIRN_DNN_CONVOLUTION_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, name): the algorithms. What one cannot do is an error that says why. */
#define CAIRN_CONV_ALGORITHM_LIST(X)                                                                           \
    X(AUTO, "auto")             /* by the shape alone */                                                       \
    X(IMPLICIT, "implicit")     /* matmul over strips of the image, copied with their padding: every shape */  \
    X(DIRECT, "direct")         /* matmul that reads the image in place: no padding, forward */                \
    X(MATMUL, "matmul")         /* 1 x 1 filters without stride or padding are one matrix product */           \
    X(SCATTER, "scatter")       /* data gradient of few channels: products are added to the pixels they came from */ \
    X(DEPTHWISE, "depthwise")   /* as many groups as channels and filters */                                   \
    X(WINOGRAD_2, "winograd2")  /* 3 x 3 filters of stride 1 by F(2, 3), 2.25 times fewer multiplications */   \
    X(WINOGRAD_4, "winograd4")  /* the same by F(4, 3), 4 times fewer */
typedef enum cairn_conv_algorithm {
#define X(name, text) CAIRN_CONV_##name,
    CAIRN_CONV_ALGORITHM_LIST(X)
#undef X
    CAIRN_CONV_ALGORITHMS
} cairn_conv_algorithm;
CAIRN_API const char *cairn_conv_algorithm_name(cairn_conv_algorithm algorithm);

/* Convolution as deep learning has it (cross-correlation), in groups, channels last in memory:
 *   x  (n, depth, h, w, c)
 *   w  (k, t, r, s, c / groups)
 *   y  (n, od, oh, ow, k),  oh = (h + pad_top + pad_bottom - dilation_h (r - 1) - 1) / stride_h + 1, and so on
 * Two dimensions leave `depth` and `t` at 0, which means 1; one dimension has h = r = 1 as well.
 *
 * types       f32, f64; f16 and bf16 with sums in f32 and one rounding at the end; i8 or u8 for x with i8 for w and i32 for y, whose
 *             sums wrap as integers do: forward only, and nothing fused
 * strides     of x, w and y in elements, in PyTorch's order of axes (n, c, depth, h, w), (k, c, t, r, s), (n, k, od, oh, ow); all
 *             zero means packed with channels last. Others, and half types, are converted in the workspace, with the same result
 * transposed  convolution is the data gradient of the convolution that leads back: h and w are the result's sizes, by which the output
 *             padding is given; `fused` then applies to dx
 * algorithm   by default depends on the shape alone, without the batch. f32 filters of 3 x 3 and stride 1 with 16 channels or more on
 *             both sides take Winograd's transforms, with up to five times the rounding error of the direct form (docs/decisions.md
 *             has the table); CAIRN_CONV_EXACT=1 in the environment, the same when the workspace is asked for and when it is
 *             used, forbids them */
typedef struct cairn_conv {
    cairn_dtype type;
    int64_t n, h, w, c, k, r, s;
    int64_t groups;                         /* 0 means 1 */
    int64_t stride_h, stride_w, dilation_h, dilation_w;          /* 0 means 1 */
    int64_t pad_top, pad_bottom, pad_left, pad_right;
    int64_t depth, t, stride_d, dilation_d, pad_front, pad_back; /* the third axis; 0 means 1 but for the padding */
    int64_t x_strides[5], w_strides[5], y_strides[5];
    cairn_conv_algorithm algorithm;
    cairn_fused fused;                      /* forward: of y; data gradient: of dx */
    cairn_epilogue epilogue;                /* forward, after `fused`: y seen as an (n od oh ow) x k matrix, batch 0; or NULL. Not with
                                             * y_strides or a half type */
    void *epilogue_context;
    const void *packed_w;                   /* from cairn_conv_pack, in the place of w, forward; or NULL */
} cairn_conv;
CAIRN_API cairn_status cairn_conv_output_size(const cairn_conv *d, int64_t *oh, int64_t *ow);
CAIRN_API cairn_status cairn_conv_output_size_3d(const cairn_conv *d, int64_t *od, int64_t *oh, int64_t *ow);

typedef enum cairn_conv_pass { CAIRN_CONV_FORWARD, CAIRN_CONV_DATA_GRADIENT, CAIRN_CONV_WEIGHT_GRADIENT } cairn_conv_pass;
CAIRN_API int64_t cairn_conv_workspace_bytes(const cairn_conv *d, cairn_conv_pass pass);
CAIRN_API cairn_status cairn_conv_forward(const cairn_conv *d, const void *x, const void *w, void *y, void *workspace,
                                          int64_t workspace_bytes);
CAIRN_API cairn_status cairn_conv_data_gradient(const cairn_conv *d, const void *dy, const void *w, void *dx, void *workspace,
                                                int64_t workspace_bytes);
CAIRN_API cairn_status cairn_conv_weight_gradient(const cairn_conv *d, const void *x, const void *dy, void *dw,
                                                  void *workspace, int64_t workspace_bytes);
/* db[k] = sum of dy over images and pixels. The workspace: cairn_conv_bias_workspace_bytes. */
CAIRN_API int64_t cairn_conv_bias_workspace_bytes(const cairn_conv *d);
CAIRN_API cairn_status cairn_conv_bias_gradient(const cairn_conv *d, const void *dy, void *db, void *workspace, int64_t workspace_bytes);

/* Weights that are used again and again, for the forward pass: w in the order in which the algorithm reads it, once; Winograd's are
 * transformed (F(2, 3): 16 / 9 as many, F(4, 3): 4 times). Then `packed_w` stands for w in calls with the same weight's shape and groups and
 * the same algorithm, which CAIRN_CONV_AUTO chooses without the batch: same bits, less work, less workspace.
 *
 *     void *packed = aligned_alloc(64, cairn_conv_pack_bytes(&d));
 *     cairn_conv_pack(&d, w, packed, workspace, bytes);            // the workspace of the forward pass without packed_w
 *     d.packed_w = packed;
 *     cairn_conv_forward(&d, x, NULL, y, workspace, bytes);
 *
 * packed: cairn_conv_pack_bytes, at a multiple of 64. It belongs to the process that packed it. Forward says so when it does not fit
 * (E_ARGUMENT); integers are not packed (E_UNSUPPORTED; pack_bytes is then 0). */
CAIRN_API int64_t cairn_conv_pack_bytes(const cairn_conv *d);
CAIRN_API cairn_status cairn_conv_pack(const cairn_conv *d, const void *w, void *packed, void *workspace, int64_t workspace_bytes);

/* ---- Choosing -----------------------------------------------------------------------------------*/

typedef struct cairn_conv_choice {
    cairn_conv_algorithm algorithm;
    int64_t workspace_bytes;
    double seconds;                         /* one call, measured; 0 where nothing was */
} cairn_conv_choice;

/* The algorithm for a pass, without measuring: the fastest that the costs of this process know for the very same descriptor and
 * number of threads, else what CAIRN_CONV_AUTO takes. Only a program that asks, and puts the answer into its descriptor, ever
 * depends on costs: CAIRN_CONV_AUTO does not. */
CAIRN_API cairn_status cairn_conv_get(const cairn_conv *d, cairn_conv_pass pass, cairn_conv_choice *choice);

/* Measures every algorithm that can do the pass, on memory of its own, for some tenths of a second: choices[0 .. *count), the fastest
 * first, at most CAIRN_CONV_ALGORITHMS. The costs of this process remember it. */
CAIRN_API cairn_status cairn_conv_find(const cairn_conv *d, cairn_conv_pass pass, cairn_conv_choice *choices, int *count);

/* The costs that cairn_conv_find has found, as a file of one line each, written beside `path` and renamed; and back, added to those
 * that are known, or nothing when a line is damaged. A file of another processor or instruction set is an error: costs are a
 * machine's own. CAIRN_E_IO when the file cannot be read or written. */
CAIRN_API cairn_status cairn_conv_costs_save(const char *path);
CAIRN_API cairn_status cairn_conv_costs_load(const char *path);

#ifdef __cplusplus
}
#endif
#endif
