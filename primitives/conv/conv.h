/* What the algorithms of convolution share: the checked descriptor with its defaults filled in, and the form
 * that forward and data gradient have in common. */
#ifndef PRIMITIVES_CONV_CONV_H
#define PRIMITIVES_CONV_CONV_H
#include "primitives/conv/winograd.h"
#include "primitives/gemm/kernel.h"
#include <cairn/dnn.h>

typedef struct conv {
    cairn_conv d;                       /* no zeros left where a zero means 1 */
    int64_t od, oh, ow, cg, kg;         /* channels and filters of one group */
    gemm_kernel *kernel;
    const char *packed;                 /* the weights as the algorithm's pack function laid them out; or NULL */
} conv;

/* Taps along one axis, an arithmetic progression: tap i is row (or column) tap0 + i * tap_step of the filter and reads the
 * input at output * step + offset0 + i * offset_step, with offset_step > 0. */
typedef struct tap_axis {
    int64_t count, tap0, tap_step, offset0, offset_step, step;
} tap_axis;

/* out(z, i, j, o) = sum over taps and channels of in(z * step + dz, i * step + dy, j * step + dx, c) * w(tap, c, o), zero outside of
 * the input: the forward pass, or one phase of the data gradient (the output pixels that have the same remainder by the
 * stride, which see the same taps). A slice is one z of one image; they are numbered in order. */
typedef struct correlation {
    gemm_kernel *kernel;
    int64_t slices, groups;             /* of the output: images * od */
    tap_axis deep, down, across;
    const char *in;
    int64_t id, ih, iw, channels;       /* channels of one group; a pixel is in_pixel elements */
    int64_t in_pixel;
    char *out;
    int64_t od, oh, ow, outs;           /* outputs of one group */
    int64_t out_image, out_slice, out_row, out_pixel;
    const char *w;
    int64_t w_deep, w_row, w_column, w_in, w_out, w_group; /* strides, by filter slice, row, column, input and output channel, group */
    const char *packed;                 /* stands for w; or NULL */
    const cairn_fused *fused;           /* or NULL; `residual` is that of the pixel at `out` */
    const char *residual;
    cairn_epilogue epilogue;
    void *epilogue_context;
} correlation;

correlation conv_forward_form(const conv *c, const void *x, const void *w, void *y);
/* Phase 0 ... conv_phases - 1, one for each remainder. It may have no taps (then the result is zeros) and no pixels. */
int64_t conv_phases(const conv *c);
correlation conv_data_gradient_form(const conv *c, const void *dy, const void *w, void *dx, int64_t phase);

/* What cairn_conv_workspace_bytes gives; or why the pass cannot be done. */
cairn_status conv_workspace(const cairn_conv *d, cairn_conv_pass pass, int64_t *bytes);

/* All of dx as a result, for conv_finish alone. */
correlation conv_whole_form(const conv *c, void *dx);

/* Element offset in `out` of a slice of the output. */
static inline int64_t conv_slice_at(const correlation *c, int64_t slice) { return slice / c->od * c->out_image + slice % c->od * c->out_slice; }
/* What tap t of the deep axis reads for an output slice: the image's slice of the input, or NULL outside. */
const char *conv_input_slice(const correlation *c, int64_t slice, int64_t t);

/* Epilogues on finished rows `row0` ... of slices, outputs column0 ... (counted over all groups). */
void conv_finish(const correlation *c, int64_t slice0, int64_t slices, int64_t row0, int64_t rows, int64_t column0, int64_t columns);

/* ---- Algorithms. Each states a workspace for up to `threads` threads, and runs on fewer when it gets less; one is enough. */

/* Implicit matmul: see implicit.c. in_place: without strips, where conv_is_inside. */
bool conv_is_inside(const correlation *c);
int64_t implicit_workspace(const correlation *c, bool in_place, int threads);
void implicit_run(const correlation *c, bool in_place, int threads, void *workspace, int64_t bytes);
int64_t implicit_pack_bytes(const correlation *c);
void implicit_pack(const correlation *c, void *to);

/* Winograd, tiles of m x m: see winograd.c. */
bool winograd_applies(const correlation *c);
/* By shape: the tile of fewest multiplications, or 0 where the direct form is better. */
int winograd_tile(const correlation *c);
int64_t winograd_workspace(const correlation *c, int m, int threads);
void winograd_run(const correlation *c, int m, int threads, void *workspace, int64_t bytes);
int64_t winograd_pack_bytes(const correlation *c, int m);
void winograd_pack(const correlation *c, int m, int threads, void *to, void *workspace, int64_t bytes);
/* Input tile (i, j) of a slice at the points: point q goes to to + q * point. */
void winograd_input_tile(const correlation *c, winograd_kernel *kernel, int64_t slice, int64_t i, int64_t j, float *to, int64_t point);

/* Winograd's weight gradient: see winograd_weight.c. */
int64_t winograd_weight_workspace(const conv *c, int m, int threads);
void winograd_weight_run(const conv *c, int m, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes);

/* Depthwise, channel by channel: see depthwise.c. */
int64_t depthwise_workspace(const correlation *c, int threads);
void depthwise_run(const correlation *c, int threads, void *workspace, int64_t bytes);
int64_t depthwise_pack_bytes(const correlation *c);
void depthwise_pack(const correlation *c, void *to);
int64_t depthwise_weight_workspace(const conv *c, int threads);
void depthwise_weight_run(const conv *c, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes);

/* Weight gradient: see weight.c. */
int64_t weight_workspace(const conv *c, int threads);
void weight_run(const conv *c, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes);

/* Data gradient by scattering: see scatter.c. */
int64_t scatter_workspace(const conv *c, int threads);
void scatter_run(const conv *c, const void *dy, const void *w, void *dx, int threads, void *workspace, int64_t bytes);

/* Adds `count - 1` further arrays of n elements, one after the other in `parts`, to `sum`, in order, on the pool. */
void conv_sum_parts(gemm_kernel *kernel, void *sum, const void *parts, int64_t count, int64_t n);

/* ---- The choice: see algorithm.c ------------------------------------------------------------------*/

/* By shape alone. */
cairn_conv_algorithm conv_default(const conv *c, cairn_conv_pass pass);
/* Why an algorithm cannot do a pass, or NULL when it can. */
const char *conv_refuses(const conv *c, cairn_conv_pass pass, cairn_conv_algorithm algorithm);
int64_t conv_algorithm_workspace(const conv *c, cairn_conv_pass pass, cairn_conv_algorithm algorithm, int threads);
/* a, b: the pass's operands, in the order of the public functions. */
void conv_algorithm_run(const conv *c, cairn_conv_pass pass, cairn_conv_algorithm algorithm, const void *a, const void *b, void *result,
                        int threads, void *workspace, int64_t bytes);
/* Weights kept for the forward pass. Algorithms of the same form take each other's. */
cairn_conv_algorithm conv_pack_form(cairn_conv_algorithm algorithm);
int64_t conv_algorithm_pack_bytes(const conv *c, cairn_conv_algorithm algorithm);
void conv_algorithm_pack(const conv *c, cairn_conv_algorithm algorithm, const void *w, void *to, int threads, void *workspace, int64_t bytes);

/* Fills *c in, or sets the error: see check.c. */
cairn_status conv_check(const cairn_conv *d, conv *c);
static inline bool conv_is_integer(const cairn_conv *d) { return d->type == CAIRN_I8 || d->type == CAIRN_U8; }

#endif
