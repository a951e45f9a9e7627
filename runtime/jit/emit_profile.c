/* With CAIRN_CUDA_PROFILE: counters at the begin of each block of instructions (exec/profile.h). */
#include "runtime/jit/emit.h"
#include "runtime/exec/profile.h"

static bool leaves_the_block(const ptx_instruction *in)
{
    ptx_space space = space_of(in);
    return space == SPACE_GLOBAL || space == SPACE_GENERIC || space == SPACE_CONST;
}

/* The bytes that one lane moves from and to global memory in a block. A guarded access counts as if it ran. */
static void count_bytes(const emitter *e, int64_t *loaded, int64_t *stored)
{
    for (int i = 0; i < e->block->count; i++) {
        const ptx_instruction *in = &e->f->code[e->block->first + i];
        if ((in->op != OP_ld && in->op != OP_st && in->op != OP_atom && in->op != OP_red) || !leaves_the_block(in))
            continue;
        int64_t bytes = type_bytes((ptx_type)in->types[0]);
        if (in->op == OP_ld || in->op == OP_atom)
            *loaded += bytes * (in->op == OP_ld ? in->dst_count : 1);
        if (in->op != OP_ld)
            *stored += bytes * (in->op == OP_st ? in->src_count - 1 : 1);
    }
}

static void add(emitter *e, value counters, profile_counter which, value more)
{
    value at = constant_int(e, 64, which), place = LLVMBuildGEP2(e->b, integer(e, 64), counters, &at, 1, "");
    value sum = LLVMBuildAdd(e->b, LLVMBuildLoad2(e->b, integer(e, 64), place, ""), more, "");
    LLVMBuildStore(e->b, sum, place);
}

void emit_profile(emitter *e)
{
    int64_t loaded = 0, stored = 0;
    if (!e->block->count)
        return;
    count_bytes(e, &loaded, &stored);
    value counters = WARP_FIELD(e, counters, LLVMPointerTypeInContext(e->context, 0)), bits = mask_bits(e, e->mask);
    value lanes = LLVMBuildZExt(e->b, call_intrinsic(e, "llvm.ctpop", integer(e, 32), &bits, 1), integer(e, 64), "");
    add(e, counters, COUNT_INSTRUCTIONS, constant_int(e, 64, e->block->count));
    add(e, counters, COUNT_LANES, LLVMBuildMul(e->b, lanes, constant_int(e, 64, e->block->count), ""));
    if (loaded)
        add(e, counters, COUNT_LOADED, LLVMBuildMul(e->b, lanes, constant_int(e, 64, loaded), ""));
    if (stored)
        add(e, counters, COUNT_STORED, LLVMBuildMul(e->b, lanes, constant_int(e, 64, stored), ""));
}
