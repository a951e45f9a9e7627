/* Primitives: pointwise operations, reductions and random numbers, fused: a program.
 *
 * What cuDNN has as pointwise, reduction, dropout and random operations is here one thing: a list of instructions that runs over a
 * domain of 1 to 8 axes block by block, so that all in between stays in cache and a chain costs the traffic of its loads and stores.
 * A program is built once, knows types but no sizes, and may be run by several threads at once.
 *
 *     cairn_program *p = cairn_program_new();                       // y = max(x + b, 0), b (columns) broadcast
 *     int x = cairn_program_load(p, 0, CAIRN_F32), b = cairn_program_load(p, 1, CAIRN_F32);
 *     cairn_program_store(p, 2, CAIRN_F32, cairn_program_op(p, CAIRN_P_RELU, cairn_program_op(p, CAIRN_P_ADD, x, b, -1), -1, -1));
 *     if (cairn_program_finish(p) == CAIRN_OK) {
 *         cairn_program_call call = {.program = p, .axes = 2, .size = {rows, columns}, .operands = (cairn_program_operand[]){
 *             {x_data, .stride = {columns, 1}}, {b_data, .stride = {0, 1}}, {y_data, .stride = {columns, 1}}}};
 *         cairn_program_run(&call, workspace, cairn_program_workspace_bytes(&call));
 *     }
 *
 * Values are blocks (an element for each point), rows (one for each row: what a reduction over columns gives) or scalars; the smaller
 * is broadcast. The last axis is the row. Reductions of one program are either all over columns (their results may be used on, so
 * softmax is one program) or all over rows (their results may be combined with each other and scalars, and stored, one for each
 * column). The order of additions depends on sizes alone. Registers are f32, f64, i32, i64; f16 and bf16 load as f32, smaller integers and
 * bool as i32, and a store converts and rounds once. */
#ifndef CAIRN_DNN_PROGRAM_H
#define CAIRN_DNN_PROGRAM_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, operands): PyTorch's semantics. Comparisons, ISNAN, ISINF, LNOT give i32 of 0 and 1; WHERE is a ? b : c, MUL_ADD a * b + c. UNIFORM (f32 in
 * [0, 1)), NORMAL (f32) and BITS (i64 >= 0) take (i64 index, i64 seed, i64 stream) and are Philox: a function of the three, the same
 * on every machine. Dropout is WHERE(GE(UNIFORM(index, seed, stream), p), x / (1 - p), 0), and its gradient the same on dy. */
#define CAIRN_PROGRAM_OPS(X)                                                                                          \
    X(NEG, 1) X(ABS, 1) X(SIGN, 1) X(RELU, 1) X(SQUARE, 1) X(SQRT, 1) X(RSQRT, 1) X(RECIPROCAL, 1) X(EXP, 1)          \
    X(EXP2, 1) X(EXPM1, 1) X(LOG, 1) X(LOG2, 1) X(LOG10, 1) X(LOG1P, 1) X(SIN, 1) X(COS, 1) X(TAN, 1) X(ASIN, 1)      \
    X(ACOS, 1) X(ATAN, 1) X(SINH, 1) X(COSH, 1) X(TANH, 1) X(ASINH, 1) X(ACOSH, 1) X(ATANH, 1) X(SIGMOID, 1)          \
    X(ERF, 1) X(ERFC, 1) X(ERFINV, 1) X(LGAMMA, 1) X(DIGAMMA, 1) X(FLOOR, 1) X(CEIL, 1) X(ROUND, 1) X(TRUNC, 1)       \
    X(ISNAN, 1) X(ISINF, 1) X(NOT, 1) X(LNOT, 1) X(ADD, 2) X(SUB, 2) X(MUL, 2) X(DIV, 2) X(DIV_FLOOR, 2)              \
    X(DIV_TRUNC, 2) X(FMOD, 2) X(REMAINDER, 2) X(POW, 2) X(MINIMUM, 2) X(MAXIMUM, 2) X(ATAN2, 2) X(HYPOT, 2)          \
    X(COPYSIGN, 2) X(NEXTAFTER, 2) X(EQ, 2) X(NE, 2) X(LT, 2) X(LE, 2) X(GT, 2) X(GE, 2) X(AND, 2) X(OR, 2) X(XOR, 2) \
    X(SHL, 2) X(SHR, 2) X(MUL_ADD, 3) X(WHERE, 3) X(UNIFORM, 3) X(NORMAL, 3) X(BITS, 3)
typedef enum cairn_program_opcode {
#define X(name, operands) CAIRN_P_##name,
    CAIRN_PROGRAM_OPS(X)
#undef X
    CAIRN_P_COUNT
} cairn_program_opcode;

/* Sums and the like in the operand's type; ANY, ALL of booleans; ARGMIN, ARGMAX the i64 index of the first. NaN wins. */
typedef enum cairn_program_reduction {
    CAIRN_P_SUM, CAIRN_P_PROD, CAIRN_P_MIN, CAIRN_P_MAX, CAIRN_P_ANY, CAIRN_P_ALL, CAIRN_P_ARGMIN, CAIRN_P_ARGMAX
} cairn_program_reduction;

/* Each gives the number of its value, or -1 with the error set; -1 passes through, so looking at the end is enough. */
typedef struct cairn_program cairn_program;
CAIRN_API cairn_program *cairn_program_new(void);
CAIRN_API int cairn_program_load(cairn_program *p, int operand, cairn_dtype type);
CAIRN_API int cairn_program_index(cairn_program *p, int operand);               /* i64: start + sum of index * stride; reads nothing */
CAIRN_API int cairn_program_scalar(cairn_program *p, int slot, cairn_dtype type);   /* f32, f64, i32, i64: given at the run */
CAIRN_API int cairn_program_op(cairn_program *p, cairn_program_opcode op, int a, int b, int c);
CAIRN_API int cairn_program_cast(cairn_program *p, int a, cairn_dtype type);    /* to f32, f64, i32, i64 */
CAIRN_API int cairn_program_reduce(cairn_program *p, cairn_program_reduction kind, int a, bool over_rows);
CAIRN_API void cairn_program_store(cairn_program *p, int operand, cairn_dtype type, int a);
/* Checks it whole: the first error of the building, or CAIRN_OK; then it may be run and no more be changed. */
CAIRN_API cairn_status cairn_program_finish(cairn_program *p);
CAIRN_API void cairn_program_free(cairn_program *p);

typedef union cairn_program_number { double f; int64_t i; } cairn_program_number;
typedef struct cairn_program_operand {
    void *data;
    int64_t start;                          /* of cairn_program_index */
    int64_t stride[8];                      /* elements, an axis of the domain each; 0 broadcasts, negative ones go backwards */
} cairn_program_operand;
typedef struct cairn_program_call {
    const cairn_program *program;           /* finished */
    int axes;                               /* 1 ... 8 */
    int64_t size[8];
    cairn_program_operand *operands;        /* all that the program names */
    const cairn_program_number *scalars;
} cairn_program_call;

/* Depends on cairn_threads(): to be asked for again when that changed. Stores may go to the very elements that are loaded. */
CAIRN_API int64_t cairn_program_workspace_bytes(const cairn_program_call *call);
CAIRN_API cairn_status cairn_program_run(const cairn_program_call *call, void *workspace, int64_t workspace_bytes);

#ifdef __cplusplus
}
#endif
#endif
