/* How a register varies over the lanes of a warp.
 *
 *     affine   value(lane) = base + stride * lane; only the base is computed. Stride 0 is uniform.
 *     rows     the same within each row of a block whose rows are shorter than a warp: one base for each row
 *     vector   anything else: 32 values
 *
 * Unsigned index arithmetic may wrap before it is widened, so such addresses are vectors, with the stride
 * that they nearly always have: an access looks whether they do.
 *
 * A register that is written while lanes wait elsewhere for its old value is a vector: the write must
 * leave those lanes alone. That one rule covers joins, loops left at different times, and guards. It leaves out
 * registers that lanes may write for others (settled.c). */
#ifndef RUNTIME_PTX_SHAPES_H
#define RUNTIME_PTX_SHAPES_H
#include "runtime/ptx/flow.h"

typedef enum shape_kind { SHAPE_UNKNOWN, SHAPE_AFFINE, SHAPE_ROWS, SHAPE_VECTOR } shape_kind;

typedef struct shape {
    uint8_t kind;
    uint8_t zeros;  /* the base, or each row's, is a multiple of 2^zeros */
    uint8_t bits;   /* 0 <= value < 2^bits in every lane; 64: not known. Sums and products of thread numbers are taken
                       not to wrap, so up to 31 they widen without looking */
    int64_t stride;
    int64_t likely; /* vectors: the stride they have unless 32-bit arithmetic wrapped within the warp; 0: none */
} shape;

/* What is known of a block's extent when a kernel is compiled.
 * flat: threads of a warp differ in tid.x only, by their lane. full: every warp has 32 threads.
 * row: else, so many lanes that follow one another (16 or 8; 0: not known) do; narrow: that is all of x. */
typedef struct block_class {
    bool flat, full, narrow;
    uint8_t row;
} block_class;

/* All classes, numbered; class_index(class_of_block(...)) < CLASS_COUNT. */
enum { CLASS_COUNT = 12 };
block_class class_of_block(const unsigned block[3]);
int class_index(block_class c);

static inline bool is_uniform(shape s) { return s.kind == SHAPE_AFFINE && s.stride == 0; }
/* The same value in all lanes of a row. */
static inline bool is_level(shape s) { return (s.kind == SHAPE_AFFINE || s.kind == SHAPE_ROWS) && s.stride == 0; }

/* Fills `registers` (one for each register of the function), and the flow's divergent branches and
 * waiting lanes. */
void shapes_find(flow *g, block_class c, shape *registers);
shape operand_shape(const flow *g, block_class c, const shape *registers, const ptx_operand *o);
/* The shape of what the instruction computes, before masks are looked at. */
shape result_shape(const flow *g, block_class c, const shape *registers, const ptx_instruction *in);

#endif
