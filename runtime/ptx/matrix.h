/* Shapes of the matrix instructions: mma.sync, wmma, ldmatrix. */
#ifndef RUNTIME_PTX_MATRIX_H
#define RUNTIME_PTX_MATRIX_H
#include "runtime/ptx/ptx.h"

/* d = a b + c, with a (m, k), b (k, n), c and d (m, n), and the registers of a lane for each of them. */
typedef struct matrix_shape {
    int m, n, k;
    ptx_type a, b, c, d;
    int a_regs, b_regs, c_regs, d_regs;
} matrix_shape;

/* False where the instruction is none of those, or its shape and types do not go together. */
bool matrix_shape_of(const ptx_instruction *in, matrix_shape *out);
static inline bool is_wmma(ptx_op op) { return op >= OP_wmma_load_a && op <= OP_wmma_mma; }
/* Elements in one register. */
static inline int elements_of(ptx_type t) { return type_bits(t) >= 32 ? 1 : 32 / type_bits(t); }
/* As it is held: .b32, .f32, .f64. */
ptx_type matrix_register(ptx_type element);

#endif
