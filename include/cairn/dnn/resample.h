/* Primitives: images in another size, or sampled at the places of a grid (cuDNN's resampling and spatial transformer).
 *
 *     cairn_resample d = {.type = CAIRN_F32, .mode = CAIRN_BILINEAR, .n = 1, .h = 8, .w = 8, .c = 3, .oh = 16, .ow = 16};
 *     cairn_resample_forward(&d, x, y);
 *     cairn_resample_gradient(&d, dy, dx);
 *
 * Images are (n, h, w, c), channels last, of f32, f64, f16 or bf16. */
#ifndef CAIRN_DNN_RESAMPLE_H
#define CAIRN_DNN_RESAMPLE_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cairn_resample_mode {
    CAIRN_NEAREST,                      /* resample: pixel floor(o h / oh), in f32 as PyTorch; sampler: half to even */
    CAIRN_BILINEAR,
    CAIRN_BICUBIC                       /* Keys' kernel with a = -0.75, edge pixels repeated; not for the sampler */
} cairn_resample_mode;

/* x (n, h, w, c) -> y (n, oh, ow, c). The outer edges of the images fall on each other, or with align_corners the centres
 * of their corner pixels (not nearest). */
typedef struct cairn_resample {
    cairn_dtype type;
    cairn_resample_mode mode;
    bool align_corners;
    int64_t n, h, w, c, oh, ow;
} cairn_resample;
CAIRN_API cairn_status cairn_resample_forward(const cairn_resample *d, const void *x, void *y);
CAIRN_API cairn_status cairn_resample_gradient(const cairn_resample *d, const void *dy, void *dx);

typedef enum cairn_sampler_padding { CAIRN_SAMPLER_ZEROS, CAIRN_SAMPLER_BORDER, CAIRN_SAMPLER_REFLECTION } cairn_sampler_padding;

/* y[n, i, j] = image n at the place grid[n, i, j] = (x, y), -1 and 1 for the image's outer edges, or with align_corners
 * for its outer pixels' centres. Places outside have zeros, the nearest pixel of the border, or those mirrored at what -1
 * and 1 stand for. Where the place is not a number, y and dgrid (not nearest's, which is 0) are not either, and dx has nothing
 * of it. grid and dgrid are (n, oh, ow, 2) f32 (f64 for f64). */
typedef struct cairn_sampler {
    cairn_dtype type;
    cairn_resample_mode mode;           /* nearest or bilinear */
    cairn_sampler_padding padding;
    bool align_corners;
    int64_t n, h, w, c, oh, ow;
} cairn_sampler;
CAIRN_API cairn_status cairn_sampler_forward(const cairn_sampler *d, const void *x, const void *grid, void *y);
/* dx or dgrid may be NULL. Only dx of f16 and bf16 takes a workspace, of its sums. */
CAIRN_API int64_t cairn_sampler_gradient_workspace_bytes(const cairn_sampler *d);
CAIRN_API cairn_status cairn_sampler_gradient(const cairn_sampler *d, const void *x, const void *grid, const void *dy, void *dx,
                                              void *dgrid, void *workspace, int64_t workspace_bytes);

/* The grid (n, oh, ow, 2) of affine maps theta (n, 2, 3): grid[n, i, j] = theta[n] (x, y, 1) of the regular place of pixel i, j.
 * Of the descriptor count type (f32 or f64, of all arrays), n, oh, ow and align_corners. */
CAIRN_API cairn_status cairn_affine_grid_forward(const cairn_sampler *d, const void *theta, void *grid);
CAIRN_API cairn_status cairn_affine_grid_gradient(const cairn_sampler *d, const void *dgrid, void *dtheta);

#ifdef __cplusplus
}
#endif
#endif
