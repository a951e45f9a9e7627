/* Made of the block functions of programs: they exist for every instruction set, give the same bits on all, and blocks of them
 * stay in L1. Scale, bias, residual and ReLU have a kernel of their own, with the same bits. */
#include "primitives/finish.h"

#include "base/error.h"
#include "primitives/kernels.h"
#include "primitives/program/vm.h"
#include "primitives/slots.h"

#include <math.h>

cairn_status finish_check(const char *op, const cairn_fused *f, const void *y)
{
    if (f->activation < 0 || f->activation >= CAIRN_FUSED_ACTIVATIONS)
        return error_set(CAIRN_E_ARGUMENT, "%s: no such activation: %d", op, (int)f->activation);
    if (y && (f->residual == y || f->bias == y || f->scale == y))
        return error_set(CAIRN_E_ARGUMENT, "%s: the %s is the result: %p", op, f->scale == y ? "scale" : f->bias == y ? "bias" : "residual", y);
    return CAIRN_OK;
}

/* One tile: at most VM_BLOCK elements. */
typedef struct tile {
    const vm_table *vm;
    program_type type;
    int64_t rows, cols;
    void *y;
    int64_t y_step;
} tile;

/* d = op(a, b); a step of 0 repeats the row. */
static void apply(const tile *t, program_op op, void *d, int64_t d_step, const void *a, int64_t a_step, const void *b, int64_t b_step)
{
    const vm_args args = {.rows = t->rows, .cols = t->cols, .d = d, .d_step = d_step, .a = a, .a_step = a_step, .b = b, .b_step = b_step};
    t->vm->op[op][t->type][0](&args);
}

/* d = op(a, number) */
static void with_number(const tile *t, program_op op, void *d, int64_t d_step, const void *a, int64_t a_step, double number)
{
    const float narrow = (float)number;
    const vm_args args = {.rows = t->rows, .cols = t->cols, .d = d, .d_step = d_step, .a = a, .a_step = a_step,
                          .b = t->type == PT_F64 ? (const void *)&number : &narrow};
    t->vm->op[op][t->type][2](&args);
}

/* 0.5 y (1 + f(y)) with f(y) in `inner`. */
static void half_of_one_and(const tile *t, void *inner)
{
    with_number(t, P_ADD, inner, t->cols, inner, t->cols, 1);
    with_number(t, P_MUL, t->y, t->y_step, t->y, t->y_step, 0.5);
    apply(t, P_MUL, t->y, t->y_step, t->y, t->y_step, inner, t->cols);
}

static void gelu(const tile *t, void *inner)
{
    with_number(t, P_MUL, inner, t->cols, t->y, t->y_step, M_SQRT1_2);
    apply(t, P_ERF, inner, t->cols, inner, t->cols, NULL, 0);
    half_of_one_and(t, inner);
}

/* tanh(sqrt(2 / pi) (y + 0.044715 y^3)) for the erf. */
static void gelu_tanh(const tile *t, void *inner)
{
    apply(t, P_SQUARE, inner, t->cols, t->y, t->y_step, NULL, 0);
    with_number(t, P_MUL, inner, t->cols, inner, t->cols, 0.044715);
    with_number(t, P_ADD, inner, t->cols, inner, t->cols, 1);
    apply(t, P_MUL, inner, t->cols, t->y, t->y_step, inner, t->cols);
    with_number(t, P_MUL, inner, t->cols, inner, t->cols, M_2_SQRTPI * M_SQRT1_2);
    apply(t, P_TANH, inner, t->cols, inner, t->cols, NULL, 0);
    half_of_one_and(t, inner);
}

/* max(y, 0) + slope min(y, 0) */
static void leaky_relu(const tile *t, double slope, void *inner)
{
    with_number(t, P_MINIMUM, inner, t->cols, t->y, t->y_step, 0);
    with_number(t, P_MUL, inner, t->cols, inner, t->cols, slope);
    with_number(t, P_MAXIMUM, t->y, t->y_step, t->y, t->y_step, 0);
    apply(t, P_ADD, t->y, t->y_step, t->y, t->y_step, inner, t->cols);
}

static void activate(const tile *t, const cairn_fused *f)
{
    double inner[VM_BLOCK];
    switch (f->activation) {
    case CAIRN_FUSED_RELU: apply(t, P_RELU, t->y, t->y_step, t->y, t->y_step, NULL, 0); break;
    case CAIRN_FUSED_LEAKY_RELU: leaky_relu(t, f->slope, inner); break;
    case CAIRN_FUSED_RELU6:
        with_number(t, P_MAXIMUM, t->y, t->y_step, t->y, t->y_step, 0);
        with_number(t, P_MINIMUM, t->y, t->y_step, t->y, t->y_step, 6);
        break;
    case CAIRN_FUSED_SIGMOID: apply(t, P_SIGMOID, t->y, t->y_step, t->y, t->y_step, NULL, 0); break;
    case CAIRN_FUSED_TANH: apply(t, P_TANH, t->y, t->y_step, t->y, t->y_step, NULL, 0); break;
    case CAIRN_FUSED_GELU: gelu(t, inner); break;
    case CAIRN_FUSED_GELU_TANH: gelu_tanh(t, inner); break;
    case CAIRN_FUSED_SILU:
        apply(t, P_SIGMOID, inner, t->cols, t->y, t->y_step, NULL, 0);
        apply(t, P_MUL, t->y, t->y_step, t->y, t->y_step, inner, t->cols);
        break;
    default: break;
    }
}

void finish_block(const cairn_fused *f, cairn_dtype type, int64_t rows, int64_t cols, void *y, int64_t y_step, int64_t column0,
                  const void *residual, int64_t residual_step)
{
    const int64_t bytes = cairn_dtype_bytes(type);
    const char *scale = f->scale ? (const char *)f->scale + column0 * bytes : NULL, *bias = f->bias ? (const char *)f->bias + column0 * bytes : NULL;
    if (f->activation <= CAIRN_FUSED_RELU) {
        (type == CAIRN_F64 ? kernels()->finish_f64 : kernels()->finish_f32)(rows, cols, y, y_step, scale, bias, residual, residual_step,
                                                                           f->activation == CAIRN_FUSED_RELU);
        return;
    }
    const int64_t wide = smaller(cols, VM_BLOCK), high = larger(VM_BLOCK / larger(wide, 1), 1);
    tile t = {.vm = vm_table_best(), .type = program_type_of(type), .y_step = y_step};
    for (int64_t i = 0; i < rows; i += high)
        for (int64_t j = 0; j < cols; j += wide) {
            t.rows = smaller(high, rows - i);
            t.cols = smaller(wide, cols - j);
            t.y = (char *)y + (i * y_step + j) * bytes;
            if (scale)
                apply(&t, P_MUL, t.y, y_step, t.y, y_step, scale + j * bytes, 0);
            if (bias)
                apply(&t, P_ADD, t.y, y_step, t.y, y_step, bias + j * bytes, 0);
            if (residual)
                apply(&t, P_ADD, t.y, y_step, t.y, y_step, (const char *)residual + (i * residual_step + j) * bytes, residual_step);
            activate(&t, f);
        }
}

/* ---- The gradient ---------------------------------------------------------------------------------------*/

/* d[i] = activation'(x[i]) for one piece in f64; functions of x come from the block functions, in `f` (and `e`, exp(-x^2 / 2), for gelu). */
static double slope_at(cairn_fused_activation activation, double slope, double x, double f, double e)
{
    const double cubic = 0.044715, root = M_2_SQRTPI * M_SQRT1_2;
    switch (activation) {
    case CAIRN_FUSED_RELU: return x > 0;
    case CAIRN_FUSED_LEAKY_RELU: return x > 0 ? 1 : slope;
    case CAIRN_FUSED_RELU6: return x > 0 && x < 6;
    case CAIRN_FUSED_SIGMOID: return f * (1 - f);
    case CAIRN_FUSED_TANH: return 1 - f * f;
    case CAIRN_FUSED_SILU: return f * (1 + x * (1 - f));
    case CAIRN_FUSED_GELU: return 0.5 * (1 + f) + x * e * (0.5 * root);
    case CAIRN_FUSED_GELU_TANH: return 0.5 * (1 + f) + 0.5 * x * (1 - f * f) * root * (1 + 3 * cubic * x * x);
    default: return 1;
    }
}

/* The argument of the function, and its instruction; false when there is none. */
static bool inner_function(cairn_fused_activation activation, int64_t n, const double *x, double *argument, program_op *op)
{
    const double root = M_2_SQRTPI * M_SQRT1_2;
    const bool tanh_form = activation == CAIRN_FUSED_GELU_TANH, erf_form = activation == CAIRN_FUSED_GELU;
    for (int64_t i = 0; i < n; i++)
        argument[i] = tanh_form ? root * (x[i] + 0.044715 * x[i] * x[i] * x[i]) : erf_form ? x[i] * M_SQRT1_2 : x[i];
    *op = erf_form ? P_ERF : tanh_form || activation == CAIRN_FUSED_TANH ? P_TANH : P_SIGMOID;
    return activation >= CAIRN_FUSED_SIGMOID;
}

void finish_gradient(const cairn_fused *f, cairn_dtype type, int64_t n, void *y, const void *x)
{
    enum { PIECE = 256 };
    for (int64_t at = 0; at < n; at += PIECE) {
        const int64_t count = smaller(PIECE, n - at);
        double wide[PIECE], value[PIECE] = {0}, bell[PIECE] = {0};
        const tile t = {.vm = vm_table_best(), .type = PT_F64, .rows = 1, .cols = count};
        program_op op;
        for (int64_t i = 0; i < count; i++)
            wide[i] = type == CAIRN_F64 ? ((const double *)x)[at + i] : ((const float *)x)[at + i];
        if (inner_function(f->activation, count, wide, value, &op))
            apply(&t, op, value, count, value, count, NULL, 0);
        if (f->activation == CAIRN_FUSED_GELU) {
            for (int64_t i = 0; i < count; i++)
                bell[i] = -0.5 * wide[i] * wide[i];
            apply(&t, P_EXP, bell, count, bell, count, NULL, 0);
        }
        for (int64_t i = 0; i < count; i++) {
            const double d = slope_at(f->activation, f->slope, wide[i], value[i], bell[i]);
            if (type == CAIRN_F64)
                ((double *)y)[at + i] *= d;
            else
                ((float *)y)[at + i] *= (float)d;
        }
    }
}
