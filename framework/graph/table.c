/* The operation table, made of ops.def. */
#include "framework/graph/graph.h"
#include "framework/ops/rules.h"

const op_info ops[OP_COUNT] = {
#define OP(id, text, kind, inputs, infer, gradient, run, workspace, flags) \
    [OP_##id] = {text, kind, inputs, infer, gradient, run, workspace, flags, NULL},
#define OWNING(id, text, kind, inputs, infer, gradient, run, workspace, flags, release) \
    [OP_##id] = {text, kind, inputs, infer, gradient, run, workspace, flags, release},
#include "framework/ops/ops.def"
#undef OWNING
#undef OP
};

/* The program instruction of a pointwise operation (cast has none). */
const uint8_t op_instruction[OP_COUNT] = {
#define OP(id, text, kind, inputs, infer, gradient, run, workspace, flags)
#define POINTWISE(id, instruction, inputs, gradient, flags) [OP_##id] = P_##instruction,
#include "framework/ops/ops.def"
#undef POINTWISE
#undef OP
};
