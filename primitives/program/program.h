/* Programs: fused pointwise and row operations, run block by block.
 *
 * A program is a list of vector instructions in SSA form: load, arithmetic, reduce, store. It is built once,
 * knows types but no sizes, and is run with a domain (sizes), operands (pointers and strides) and
 * scalars. It runs over blocks small enough that every intermediate stays in L1 or L2, so a chain costs the
 * memory traffic of its loads and stores.
 *
 *     program *p = program_new();                               // y = tanh(2 x)
 *     int x = program_load(p, 0, CAIRN_F32), two = program_scalar(p, 0, PT_F32);
 *     program_store(p, 1, CAIRN_F32, program_op_new(p, P_TANH, program_op_new(p, P_MUL, x, two, -1), -1, -1));
 *     if (program_finish(p)) ...
 *
 * The domain has 1 to 8 axes; the last is the row ("columns"), all others together count the rows.
 * Three classes of SSA value: a BLOCK value has one element per point of the domain, a ROW value one per row (what a
 * row reduction gives), a UNIFORM value is one scalar. Operands of one instruction may differ in class: the
 * smaller is broadcast. A value made from ROW values only is a ROW value, and a store of one writes
 * once per row (the operand's stride along the last axis is ignored).
 *
 * Reductions are either all over columns (row reductions: results may be used further, so softmax and layer norm are
 * one program) or all over rows (column reductions: their results may only be combined with each other and
 * UNIFORM values and stored, once per column; strides along all axes but the last are ignored).
 * The order of additions depends on the sizes alone: never on threads, never on the instruction set, and a row's result
 * never on the number of rows (row reductions).
 *
 * Types: registers are f32, f64, i32 or i64. Elements of memory convert at load and store: f16 and bf16 to f32;
 * bool, u8, i8, i16 to i32. Booleans are i32 registers of 0 and 1. */
#ifndef PRIMITIVES_PROGRAM_H
#define PRIMITIVES_PROGRAM_H
#include <cairn/base.h>

enum { PROGRAM_MAX_AXES = 8, PROGRAM_MAX_OPERANDS = 128, PROGRAM_MAX_SCALARS = 256 };

typedef enum program_type { PT_F32, PT_F64, PT_I32, PT_I64, PT_COUNT } program_type;
/* The register type that elements of `dtype` are loaded to. */
program_type program_type_of(cairn_dtype dtype);

/* Every instruction of arithmetic: X(NAME, operands, types it exists for, result).
 * Types: F = f32 f64, I = i32 i64, A = all. Result: SAME as the operands, or BOOL (i32 of 0 and 1).
 * Semantics are PyTorch's: integer division by zero gives 0 (no trap), a shift too far gives 0 (to the right, of a
 * negative number: -1), REMAINDER has the sign of the divisor and FMOD of the dividend, MINIMUM and MAXIMUM propagate
 * NaN, SIGN(NaN) = NaN, ROUND is half to even, integer POW wraps and a negative exponent gives 0 (1 and -1 as they
 * are). Transcendentals are within 2 ulp, the same bits on every instruction set. */
#define PROGRAM_OPS(X)             \
    X(NEG, 1, A, SAME)             \
    X(ABS, 1, A, SAME)             \
    X(SIGN, 1, A, SAME)            \
    X(RELU, 1, A, SAME)            \
    X(SQUARE, 1, A, SAME)          \
    X(SQRT, 1, F, SAME)            \
    X(RSQRT, 1, F, SAME)           \
    X(RECIPROCAL, 1, F, SAME)      \
    X(EXP, 1, F, SAME)             \
    X(EXP2, 1, F, SAME)            \
    X(EXPM1, 1, F, SAME)           \
    X(LOG, 1, F, SAME)             \
    X(LOG2, 1, F, SAME)            \
    X(LOG10, 1, F, SAME)           \
    X(LOG1P, 1, F, SAME)           \
    X(SIN, 1, F, SAME)             \
    X(COS, 1, F, SAME)             \
    X(TAN, 1, F, SAME)             \
    X(ASIN, 1, F, SAME)            \
    X(ACOS, 1, F, SAME)            \
    X(ATAN, 1, F, SAME)            \
    X(SINH, 1, F, SAME)            \
    X(COSH, 1, F, SAME)            \
    X(TANH, 1, F, SAME)            \
    X(ASINH, 1, F, SAME)           \
    X(ACOSH, 1, F, SAME)           \
    X(ATANH, 1, F, SAME)           \
    X(SIGMOID, 1, F, SAME)         \
    X(ERF, 1, F, SAME)             \
    X(ERFC, 1, F, SAME)            \
    X(ERFINV, 1, F, SAME)          \
    X(LGAMMA, 1, F, SAME)          \
    X(DIGAMMA, 1, F, SAME)         \
    X(FLOOR, 1, F, SAME)           \
    X(CEIL, 1, F, SAME)            \
    X(ROUND, 1, F, SAME)           \
    X(TRUNC, 1, F, SAME)           \
    X(ISNAN, 1, F, BOOL)           \
    X(ISINF, 1, F, BOOL)           \
    X(NOT, 1, I, SAME) /* bitwise */   \
    X(LNOT, 1, A, BOOL) /* x == 0 */   \
    X(ADD, 2, A, SAME)             \
    X(SUB, 2, A, SAME)             \
    X(MUL, 2, A, SAME)             \
    X(DIV, 2, F, SAME)             \
    X(DIV_FLOOR, 2, A, SAME)       \
    X(DIV_TRUNC, 2, A, SAME)       \
    X(FMOD, 2, A, SAME)            \
    X(REMAINDER, 2, A, SAME)       \
    X(POW, 2, A, SAME)             \
    X(MINIMUM, 2, A, SAME)         \
    X(MAXIMUM, 2, A, SAME)         \
    X(ATAN2, 2, F, SAME)           \
    X(HYPOT, 2, F, SAME)           \
    X(COPYSIGN, 2, F, SAME)        \
    X(NEXTAFTER, 2, F, SAME)       \
    X(EXP_SUB, 2, F, SAME) /* exp(a - b). This and the five below are what program_finish makes of simpler ones, same bits */ \
    X(EQ, 2, A, BOOL)              \
    X(NE, 2, A, BOOL)              \
    X(LT, 2, A, BOOL)              \
    X(LE, 2, A, BOOL)              \
    X(GT, 2, A, BOOL)              \
    X(GE, 2, A, BOOL)              \
    X(AND, 2, I, SAME)             \
    X(OR, 2, I, SAME)              \
    X(XOR, 2, I, SAME)             \
    X(SHL, 2, I, SAME)             \
    X(SHR, 2, I, SAME) /* arithmetic */ \
    X(MUL_ADD, 3, F, SAME) /* a * b + c in two roundings */ \
    X(MUL_SUB, 3, F, SAME) /* a * b - c */ \
    X(SUB_MUL, 3, F, SAME) /* c - a * b */ \
    X(LERP, 3, F, SAME)    /* a + (b - a) * c */ \
    X(DIV_ROOT, 3, F, SAME) /* a / (sqrt(b) + c) */ \
    X(WHERE, 3, A, SAME) /* a (i32 boolean) ? b : c */ \
    X(UNIFORM, 3, I, F32) /* (i64 index, seed, stream): f32 in [0, 1), 24 bits: Philox, base/random.h */ \
    X(NORMAL, 3, I, F32)  /* likewise: standard normal, Box-Muller on the pair of words (i & ~1) */ \
    X(BITS, 3, I, SAME)   /* likewise: 63 random bits, i64 >= 0, of the words 2i (low) and 2i + 1 (high) */

typedef enum program_op {
#define X(name, operands, types, result) P_##name,
    PROGRAM_OPS(X)
#undef X
    PROGRAM_OP_COUNT
} program_op;

/* SUM PROD MIN MAX give the operand's type; ANY ALL a boolean from a boolean; ARGMIN ARGMAX the i64 index along the
 * reduced axis of the first extreme element. NaN wins in MIN MAX ARGMIN ARGMAX. */
typedef enum program_reduction {
    PR_SUM, PR_PROD, PR_MIN, PR_MAX, PR_ANY, PR_ALL, PR_ARGMIN, PR_ARGMAX, PROGRAM_REDUCTION_COUNT
} program_reduction;

typedef struct program program;

/* ---- Building. Each returns the SSA id of its result, or -1 with the thread's error set (too many operands,
 * types that do not fit, an operand that is -1, out of memory); -1 passes through, so check at the end. */
program *program_new(void);
int program_load(program *p, int operand, cairn_dtype dtype);
/* An i64 made of the position: operand's `start` plus sum of index * stride over the axes; no memory is read. */
int program_index(program *p, int operand);
int program_scalar(program *p, int slot, program_type type);
int program_op_new(program *p, program_op op, int a, int b, int c);
int program_cast(program *p, int a, program_type to);       /* float to int truncates, saturates; NaN gives 0 */
/* Rounds to what `dtype` can hold, in the same register type: f16, bf16 to nearest even; u8 i8 i16 wrap; bool != 0. */
int program_narrow(program *p, int a, cairn_dtype dtype);
int program_reduce_row(program *p, program_reduction kind, int a);
int program_reduce_column(program *p, program_reduction kind, int a);
void program_store(program *p, int operand, cairn_dtype dtype, int a);
/* Checks, drops dead instructions, allocates registers. After it the program is immutable and may be run by
 * several threads at once. Reports the first error of the building. */
cairn_status program_finish(program *p);
void program_free(program *p);
/* One line an instruction, for cairn_explain; free with mem_free. */
char *program_print(const program *p);
int program_instruction_count(const program *p);

/* ---- Running */
typedef union program_value { double f; int64_t i; } program_value;   /* f for PT_F32 and PT_F64, i for integers */

typedef struct program_operand {
    void *data;                             /* element 0 of the domain; loads and stores */
    int64_t start;                          /* of program_index */
    int64_t stride[PROGRAM_MAX_AXES];       /* in elements, per axis of the domain; 0 broadcasts; may be negative */
} program_operand;

typedef struct program_call {
    const program *program;
    int axes;
    int64_t size[PROGRAM_MAX_AXES];         /* any may be 0: then sums store 0, products 1, ALL 1, ANY 0 */
    program_operand *operands;
    const program_value *scalars;
} program_call;

/* Runs over the whole domain on the pool. Stores may alias loads of exactly the same elements (in place), and nothing
 * else. Coalesces axes itself. `scratch`: at least program_scratch_bytes(call), 64-byte aligned; nothing is allocated
 * during the run. The size depends on cairn_threads(): it is asked for again after that changed. */
void program_run(const program_call *call, void *scratch);
int64_t program_scratch_bytes(const program_call *call);

/* Runs a program without reductions over one tile of a two-axis domain, on the calling thread: rows row0 ...
 * row0 + rows, columns col0 ... col0 + cols. This is how a matmul runs its epilogue on a block that is still in cache. */
void program_run_tile(const program_call *call, int64_t row0, int64_t rows, int64_t col0, int64_t cols);

#endif
