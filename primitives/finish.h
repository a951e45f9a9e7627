/* The fused epilogue: y = activation(scale y + bias + residual) on a block that was just computed. */
#ifndef PRIMITIVES_FINISH_H
#define PRIMITIVES_FINISH_H
#include <cairn/dnn/common.h>

static inline bool finish_is_nothing(const cairn_fused *f) { return !f->scale && !f->bias && !f->residual && !f->activation; }

/* OK, or the error of operation `op`: an activation that does not exist, a residual that is the result. */
cairn_status finish_check(const char *op, const cairn_fused *f, const void *y);

/* rows x cols elements of f32 or f64 at y, rows y_step apart, columns column0 ... of those that `scale` and `bias` are for; `residual`,
 * of the first element, has rows residual_step apart, or is NULL. */
void finish_block(const cairn_fused *f, cairn_dtype type, int64_t rows, int64_t cols, void *y, int64_t y_step, int64_t column0,
                  const void *residual, int64_t residual_step);

/* A kernel: the same for activation NONE, or RELU where `relu`; scale and bias from the first column on, or NULL. */
typedef void finish_kernel(int64_t rows, int64_t cols, void *y, int64_t y_step, const void *scale, const void *bias, const void *residual,
                           int64_t residual_step, bool relu);

/* y[i] *= activation'(x[i]), n elements of f32 or f64: the backward pass, x what went into the activation. Computed in f64. */
void finish_gradient(const cairn_fused *f, cairn_dtype type, int64_t n, void *y, const void *x);

#endif
