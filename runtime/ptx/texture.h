/* How the operands of a texture or surface instruction lie in its sources:
 *
 *     texture, [sampler,] coordinates ..., then what stands behind the brackets */
#ifndef RUNTIME_PTX_TEXTURE_H
#define RUNTIME_PTX_TEXTURE_H
#include "runtime/ptx/ptx.h"

typedef struct texture_operands {
    ptx_modifier geometry;     /* 1d 2d 3d a1d a2d, or MOD_NONE */
    int samplers;              /* 0 or 1 */
    int first, count;          /* coordinates; those of arrays begin with the layer, the last of three dimensions has no meaning */
    int behind;                /* the level, the gradients, or what is stored */
} texture_operands;

static inline bool is_texture(ptx_op op) { return op >= OP_tex && op <= OP_tld4; }
static inline bool is_surface(ptx_op op) { return op >= OP_suld_b && op <= OP_sured_b; }
static inline bool is_texture_query(ptx_op op) { return op >= OP_txq && op <= OP_suq; }

/* False when the instruction has not as many operands as it needs. */
bool texture_operands_of(const ptx_instruction *in, texture_operands *out);

#endif
