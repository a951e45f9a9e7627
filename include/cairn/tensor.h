/* Tensors: what they are, how they are made, looked at, changed, and how long they live.
 *
 * A cairn_tensor is a handle to an immutable value: an operation, its inputs, a shape, a type and, once somebody
 * looked, a buffer. Calling an operation checks shapes and types, builds a value and returns; the work is
 * done when its result is looked at (cairn_item, cairn_data, cairn_print, cairn_eval, an optimizer's step).
 * CAIRN_EAGER=1 evaluates at every call.
 *
 * Errors. A tensor function returns NULL when something is wrong; a NULL operand gives NULL, so calls nest
 * freely and one check at the end is enough. cairn_error_message() tells the first cause.
 *
 * Ownership. Inputs are borrowed. What an operation returns belongs to the calling thread's current scope and is
 * released with it; cairn_keep() and cairn_drop() hold a tensor beyond that. Nothing needs freeing one by one. */
#ifndef CAIRN_TENSOR_H
#define CAIRN_TENSOR_H
#include <stdio.h>
#include <cairn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_tensor cairn_tensor;

enum { CAIRN_MAX_RANK = 8 };

/* A shape: rank 0 (a scalar) to 8, each size 0 or more. Written CAIRN_SHAPE(64, 1, 28, 28); CAIRN_SCALAR has rank 0. */
typedef struct cairn_shape {
    int rank;
    int64_t size[CAIRN_MAX_RANK];
} cairn_shape;
#ifndef __cplusplus
#define CAIRN_SHAPE(...) \
    ((cairn_shape){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#define CAIRN_SCALAR ((cairn_shape){0, {0}})
#endif

/* A set of axes, as reductions take: CAIRN_AXES(0, 2), negative ones count from the end; CAIRN_ALL_AXES is all. */
typedef struct cairn_axes {
    int count;
    int axis[CAIRN_MAX_RANK];
} cairn_axes;
#ifndef __cplusplus
#define CAIRN_AXES(...) ((cairn_axes){(int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}})
#define CAIRN_ALL_AXES ((cairn_axes){0, {0}})
#endif

/* ---- Scopes --------------------------------------------------------------------------------------
 *     cairn_mark m = cairn_scope_push();
 *     cairn_tensor *h = cairn_relu(cairn_add(cairn_matmul(x, w), b));
 *     return cairn_scope_pop(m, h);                     // releases all made since, but h
 *
 * Each thread has its own scopes, and an outermost one that lives as long as the thread. */
typedef struct cairn_mark {
    int64_t position;
} cairn_mark;
CAIRN_API cairn_mark cairn_scope_push(void);
/* Releases the tensors made since `mark` (and scopes left open within); `result`, which may be NULL, moves to the outer
 * scope and is returned. */
CAIRN_API cairn_tensor *cairn_scope_pop(cairn_mark mark, cairn_tensor *result);
/* The same for `count` results. */
CAIRN_API void cairn_scope_pop_list(cairn_mark mark, int count, cairn_tensor *const *results);

/* Holds a tensor beyond its scope until cairn_drop; returns it. Counts: as many drops as keeps. NULL is allowed. */
CAIRN_API cairn_tensor *cairn_keep(cairn_tensor *x);
CAIRN_API void cairn_drop(cairn_tensor *x);
/* The number of tensors alive in the process: a test's way to see that nothing leaks. */
CAIRN_API int64_t cairn_tensor_count(void);

/* ---- Making tensors -------------------------------------------------------------------------------
 * NULL for a rank outside 0 ... 8, a negative size, or a number of bytes that overflows 63 bits. */

/* Copies row-major `data`; cairn_from_memory borrows it instead, until `release(context)` is called. */
CAIRN_API cairn_tensor *cairn_from(const void *data, cairn_shape shape, cairn_dtype type);
CAIRN_API cairn_tensor *cairn_from_memory(void *data, cairn_shape shape, cairn_dtype type, void (*release)(void *context),
                                          void *context);
/* A scalar of weak type, as a number in a PyTorch expression: it takes the type of what it meets, so
 * cairn_mul(x, cairn_number(0.5)) keeps an f16 x in f16. Integers: the same, of integer kind. */
CAIRN_API cairn_tensor *cairn_number(double number);
CAIRN_API cairn_tensor *cairn_integer(int64_t number);

CAIRN_API cairn_tensor *cairn_full(cairn_shape shape, double number, cairn_dtype type);
CAIRN_API cairn_tensor *cairn_zeros(cairn_shape shape, cairn_dtype type);
CAIRN_API cairn_tensor *cairn_ones(cairn_shape shape, cairn_dtype type);
CAIRN_API cairn_tensor *cairn_zeros_like(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_ones_like(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_full_like(cairn_tensor *x, double number);
/* start, start + step, ... below (above, for a negative step) end: ceil((end - start) / step) elements. */
CAIRN_API cairn_tensor *cairn_arange(double start, double end, double step, cairn_dtype type);
CAIRN_API cairn_tensor *cairn_linspace(double start, double end, int64_t count, cairn_dtype type);
CAIRN_API cairn_tensor *cairn_eye(int64_t n, int64_t m, cairn_dtype type);

/* Random numbers from the generator that cairn_seed sets: each call takes the next stream. f16 bf16 f32 f64. */
CAIRN_API cairn_tensor *cairn_rand(cairn_shape shape, cairn_dtype type);             /* uniform in [0, 1) */
CAIRN_API cairn_tensor *cairn_randn(cairn_shape shape, cairn_dtype type);            /* standard normal */
CAIRN_API cairn_tensor *cairn_randint(int64_t low, int64_t high, cairn_shape shape, cairn_dtype type); /* low <= x < high */
CAIRN_API cairn_tensor *cairn_randperm(int64_t n);                                   /* i64: 0 ... n - 1 shuffled */
CAIRN_API cairn_tensor *cairn_bernoulli(cairn_tensor *probability);                  /* 1 with that probability, else 0 */

/* ---- Looking ---------------------------------------------------------------------------------------*/
CAIRN_API cairn_shape cairn_shape_of(const cairn_tensor *x);        /* rank -1 when x is NULL */
CAIRN_API int cairn_rank(const cairn_tensor *x);                    /* -1 when x is NULL */
CAIRN_API int64_t cairn_size(const cairn_tensor *x, int axis);      /* -1 when x is NULL or axis out of range */
CAIRN_API int64_t cairn_numel(const cairn_tensor *x);               /* -1 when x is NULL */
CAIRN_API cairn_dtype cairn_dtype_of(const cairn_tensor *x);        /* CAIRN_DTYPE_COUNT when x is NULL */

/* Computes x now. Several at once share their common work: cairn_eval_list. */
CAIRN_API cairn_status cairn_eval(cairn_tensor *x);
CAIRN_API cairn_status cairn_eval_list(int count, cairn_tensor *const *x);
/* The elements in row-major order, computed if need be; valid as long as x lives and is not changed. NULL on error. */
CAIRN_API const void *cairn_data(cairn_tensor *x);
CAIRN_API const float *cairn_data_f32(cairn_tensor *x);             /* E_TYPE when x is not f32 */
CAIRN_API const int64_t *cairn_data_i64(cairn_tensor *x);
/* The single element as a number; NaN (or 0) with an error set when x has not exactly one element. */
CAIRN_API double cairn_item(cairn_tensor *x);
CAIRN_API int64_t cairn_item_i64(cairn_tensor *x);
/* Copies the elements, in row-major order and converted to `type`, to `out`. */
CAIRN_API cairn_status cairn_copy_out(cairn_tensor *x, void *out, cairn_dtype type);
/* Prints in NumPy's style: cairn_print(x) on stdout with a newline. Large tensors are summarised. */
CAIRN_API void cairn_print(cairn_tensor *x);
CAIRN_API void cairn_print_to(FILE *file, cairn_tensor *x);

/* The kernels that an evaluation of x would run now: what was fused, bytes read and written, buffers. Free with free(). */
CAIRN_API char *cairn_explain(cairn_tensor *x);
/* The bytes that an evaluation of these would allocate at its peak, before it runs: exactly what cairn_memory() then shows
 * above what was in use. -1 on error. */
CAIRN_API int64_t cairn_plan_memory(int count, cairn_tensor *const *x);

/* What the tensors that there are hold, by the operation that computed them ("leaf": what was read, loaded or made of numbers; "matmul", "relu" ...).
 * What an evaluation needs only while it runs is one block of cairn_memory() and not here: cairn_explain shows it. */
typedef struct cairn_memory_of {
    const char *operation;
    int64_t current_bytes, peak_bytes;      /* now; the most since the process began */
    int64_t buffers;                        /* now */
} cairn_memory_of;
/* The first `most` rows, the largest current first; -> how many operations hold or held memory. rows NULL: only that. */
CAIRN_API int cairn_memory_by_operation(cairn_memory_of *rows, int most);

/* ---- Changing ------------------------------------------------------------------------------------
 * A trailing underscore changes the handle in place: it gets a new value. Views (of cairn_reshape, cairn_permute,
 * cairn_slice, cairn_select ...: see ops.h) remember their base: they see later writes to it, and writes to them
 * go through to it. Values never change, so no gradient is ever spoiled by a write. All return x. */
CAIRN_API cairn_tensor *cairn_copy_(cairn_tensor *x, cairn_tensor *from);      /* broadcasts and converts */
CAIRN_API cairn_tensor *cairn_fill_(cairn_tensor *x, double number);
CAIRN_API cairn_tensor *cairn_zero_(cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_add_(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_sub_(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_mul_(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_div_(cairn_tensor *x, cairn_tensor *y);
CAIRN_API cairn_tensor *cairn_clamp_(cairn_tensor *x, double low, double high);
CAIRN_API cairn_tensor *cairn_normal_(cairn_tensor *x, double mean, double deviation);
CAIRN_API cairn_tensor *cairn_uniform_(cairn_tensor *x, double low, double high);

/* The type that an operation on both gives, as PyTorch promotes (both with axes). */
CAIRN_API cairn_dtype cairn_promote_types(cairn_dtype a, cairn_dtype b);
/* Refuse implicit broadcasting of operands that both have axes (default: allowed, as in PyTorch). Of this thread. */
CAIRN_API void cairn_set_strict_broadcasting(bool strict);

/* ---- Gradients ------------------------------------------------------------------------------------*/
/* Marks a leaf (a floating tensor that no differentiable operation made) as one whose gradient is wanted. Returns x. */
CAIRN_API cairn_tensor *cairn_requires_grad_(cairn_tensor *x, bool wanted);
CAIRN_API bool cairn_requires_grad(const cairn_tensor *x);
/* Adds d loss / d leaf to the gradient of every leaf that `loss` (one element) depends on. These gradients have no history
 * of their own; cairn_grad gives gradients that can be differentiated again. Once the result has been computed, its
 * history is released: a second backward through it is E_STATE. */
CAIRN_API cairn_status cairn_backward(cairn_tensor *loss);
/* The same for a tensor of any shape, with the gradient of the final result with respect to it. */
CAIRN_API cairn_status cairn_backward_with(cairn_tensor *y, cairn_tensor *gradient);
/* The gradient of a leaf, or NULL when it has none (no error). Owned by x. */
CAIRN_API cairn_tensor *cairn_grad_of(cairn_tensor *x);
CAIRN_API void cairn_clear_grad(cairn_tensor *x);
/* Functional: gradients[i] = d y / d x[i] (summed over y's elements, weighted by `weight` if not NULL), without touching any
 * leaf's own gradient; x[i] may be any tensor of the graph. An x that y does not depend on gets zeros. The gradients
 * have a history (unless within no_grad): take gradients of them for second derivatives. */
CAIRN_API cairn_status cairn_grad(cairn_tensor *y, cairn_tensor *weight, int count, cairn_tensor *const *x,
                                  cairn_tensor **gradients);
/* A tensor with the same value and no history. */
CAIRN_API cairn_tensor *cairn_detach(cairn_tensor *x);
/* Between the two calls no history is recorded on this thread. They nest. */
CAIRN_API void cairn_no_grad_begin(void);
CAIRN_API void cairn_no_grad_end(void);
CAIRN_API bool cairn_grad_enabled(void);
/* Mixed precision on this thread: with CAIRN_BF16 or CAIRN_F16, matmul, linear, convolutions and attention round f32 operands to
 * that type and give it; softmax, norms, losses, sums and their like take half types to f32 and give f32; all else is as ever.
 * Parameters stay in f32, and so do their gradients. CAIRN_F32 turns it off. Returns what it was, to be set again:
 *
 *     cairn_dtype outer = cairn_autocast(CAIRN_BF16);
 *     loss = cairn_cross_entropy(cairn_call(net, x), y);
 *     cairn_autocast(outer);
 *     cairn_backward(loss);                // takes the types of the forward pass, inside or outside
 *
 * Other types are E_TYPE and change nothing. For f16, see cairn_grad_scaler in <cairn/optim.h>. */
CAIRN_API cairn_dtype cairn_autocast(cairn_dtype type);
/* Called during backward with the gradient of x; may return another one (NULL keeps it). One hook a tensor. */
typedef cairn_tensor *(*cairn_gradient_hook)(void *context, cairn_tensor *gradient);
CAIRN_API cairn_status cairn_set_gradient_hook(cairn_tensor *x, cairn_gradient_hook hook, void *context);

/* An operation of one's own. `forward` gets the inputs' and the output's row-major data when the operation runs;
 * `gradient` builds the inputs' gradients (gradients[i] may stay NULL) from public operations, or is NULL: not
 * differentiable. `context` must outlive every tensor made with it; `release(context)`, if not NULL, is then called. */
typedef struct cairn_custom_op {
    const char *name;
    cairn_status (*forward)(void *context, int count, const void *const *inputs, const cairn_shape *shapes, void *output);
    void (*gradient)(void *context, int count, cairn_tensor *const *inputs, cairn_tensor *output, cairn_tensor *output_gradient,
                     cairn_tensor **gradients);
    void *context;
    void (*release)(void *context);
} cairn_custom_op;
CAIRN_API cairn_tensor *cairn_custom(const cairn_custom_op *op, int count, cairn_tensor *const *inputs, cairn_shape shape,
                                     cairn_dtype type);

/* Activation checkpointing: the value of body(context, x), whose intermediate results are not kept for backward but
 * computed again there, with the same random numbers. */
typedef cairn_tensor *(*cairn_function)(void *context, cairn_tensor *x);
CAIRN_API cairn_tensor *cairn_checkpoint(cairn_function body, void *context, cairn_tensor *x);

/* Compares the gradients of body (any shape; its sum is taken) at x (f64, which is perturbed) with central differences:
 * E_NAN with the worst element named when |analytic - numeric| > atol + rtol |numeric|. */
typedef cairn_tensor *(*cairn_function_n)(void *context, int count, cairn_tensor *const *x);
CAIRN_API cairn_status cairn_gradient_check(cairn_function_n body, void *context, int count, cairn_tensor *const *x, double step,
                                            double rtol, double atol);

#ifdef __cplusplus
}
#endif
#endif
