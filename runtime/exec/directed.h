/* Arithmetic that rounds towards zero, down or up, over the lanes of a warp. */
#ifndef RUNTIME_EXEC_DIRECTED_H
#define RUNTIME_EXEC_DIRECTED_H

typedef enum directed_mode { DIRECTED_ZERO, DIRECTED_DOWN, DIRECTED_UP } directed_mode;

/* X(name, result, the expression of a, b, c, their type). The f64 row follows its f32 row. */
#define DIRECTED_OPS(X)                                                                               \
    X(ADD_F32, float, a + b, float) X(ADD_F64, double, a + b, double)                                 \
    X(SUB_F32, float, a - b, float) X(SUB_F64, double, a - b, double)                                 \
    X(MUL_F32, float, a * b, float) X(MUL_F64, double, a * b, double)                                 \
    X(DIV_F32, float, a / b, float) X(DIV_F64, double, a / b, double)                                 \
    X(FMA_F32, float, __builtin_fmaf(a, b, c), float) X(FMA_F64, double, __builtin_fma(a, b, c), double) \
    X(SQRT_F32, float, __builtin_sqrtf(a), float) X(SQRT_F64, double, __builtin_sqrt(a), double)      \
    X(F64_TO_F32, float, (float)a, double)                                                            \
    X(S32_TO_F32, float, (float)a, int) X(U32_TO_F32, float, (float)a, unsigned)                      \
    X(S64_TO_F32, float, (float)a, long) X(U64_TO_F32, float, (float)a, unsigned long)                \
    X(S64_TO_F64, double, (double)a, long) X(U64_TO_F64, double, (double)a, unsigned long)

typedef enum directed_op {
#define X(name, result, expression, type) DIRECTED_##name,
    DIRECTED_OPS(X)
#undef X
} directed_op;

#endif
