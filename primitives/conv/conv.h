/* What the algorithms of convolution share: the checked descriptor with its defaults filled in, and the form
 * that forward and data gradient have in common. */
#ifndef PRIMITIVES_CONV_CONV_H
#define PRIMITIVES_CONV_CONV_H
#include "primitives/conv/winograd.h"
#include "primitives/gemm/kernel.h"
#include <cairn/dnn.h>

typedef struct conv {
    cairn_conv d;                       /* no zeros left where a zero means 1 */
    int64_t oh, ow, cg, kg;             /* channels and filters of one group */
    gemm_kernel *kernel;
} conv;

/* Taps along one axis, an arithmetic progression: tap i is row (or column) tap0 + i * tap_step of the filter and reads the
 * input at output * step + offset0 + i * offset_step, with offset_step > 0. */
typedef struct tap_axis {
    int64_t count, tap0, tap_step, offset0, offset_step, step;
} tap_axis;

/* out(i, j, o) = sum over taps and channels of in(i * step + dy, j * step + dx, c) * w(tap, c, o), zero outside of the
 * input: the forward pass, or one phase of the data gradient (the output pixels that have the same remainder by the
 * stride, which see the same taps). */
typedef struct correlation {
    gemm_kernel *kernel;
    int64_t images, groups;
    tap_axis down, across;
    const char *in;
    int64_t ih, iw, channels;           /* channels of one group; a pixel is in_pixel elements */
    int64_t in_pixel;
    char *out;
    int64_t oh, ow, outs;               /* outputs of one group */
    int64_t out_image, out_row, out_pixel;
    const char *w;
    int64_t w_row, w_column, w_in, w_out, w_group; /* strides, by filter row, column, input and output channel, group */
    cairn_epilogue epilogue;
    void *epilogue_context;
} correlation;

correlation conv_forward_form(const conv *c, const void *x, const void *w, void *y);
/* Phase (ph, pw), ph < stride_h, pw < stride_w. It may have no taps (then the result is zeros) and no pixels. */
correlation conv_data_gradient_form(const conv *c, const void *dy, const void *w, void *dx, int64_t ph, int64_t pw);

/* Implicit matmul: see implicit.c. */
int64_t implicit_workspace(const correlation *c, int threads);
void implicit_run(const correlation *c, int threads, void *workspace, int64_t bytes);

/* Winograd: see winograd.c. winograd_tile: the size of an output tile, 0 where the shape (or CAIRN_CONV_EXACT=1) is against it. */
int winograd_tile(const correlation *c);
int64_t winograd_workspace(const correlation *c, int threads);
void winograd_run(const correlation *c, int threads, void *workspace, int64_t bytes);
/* The tile of fewest multiplications, or 0. */
int winograd_best_tile(const correlation *c);
/* Input tile (i, j) of an image at the points: point q goes to to + q * point. */
void winograd_input_tile(const correlation *c, winograd_kernel *kernel, int64_t image, int64_t i, int64_t j, float *to, int64_t point);

/* Winograd's weight gradient: see winograd_weight.c. */
int winograd_weight_tile(const conv *c);
int64_t winograd_weight_workspace(const conv *c, int m, int threads);
void winograd_weight_run(const conv *c, int m, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes);

/* Depthwise, channel by channel: see depthwise.c. */
int64_t depthwise_workspace(const correlation *c, int threads);
void depthwise_run(const correlation *c, int threads, void *workspace, int64_t bytes);
int64_t depthwise_weight_workspace(const conv *c, int threads);
void depthwise_weight_run(const conv *c, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes);

/* Weight gradient: see weight.c. */
int64_t weight_workspace(const conv *c, int threads);
void weight_run(const conv *c, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes);

/* Adds `count - 1` further arrays of n elements, one after the other in `parts`, to `sum`, in order, on the pool. */
void conv_sum_parts(gemm_kernel *kernel, void *sum, const void *parts, int64_t count, int64_t n);

#endif
