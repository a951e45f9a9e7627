/* With CAIRN_CUDA_CHECK, what is called before an instruction: exec/check.c looks at every access of memory and at all
 * that orders accesses. */
#include "runtime/jit/emit.h"
#include "runtime/exec/check.h"

static value as_addresses(emitter *e, const ptx_operand *from)
{
    ptx_operand o = *from;
    int64_t offset = o.kind == OPERAND_REGISTER ? o.offset : 0;
    bool narrow = o.kind == OPERAND_REGISTER && type_bits(e->f->registers[o.index].type) == 32;
    value at = read_operand(e, &o, narrow ? PTX_U32 : PTX_U64, true);
    if (narrow)
        at = LLVMBuildZExt(e->b, at, vector_of(integer(e, 64)), "");
    return offset ? LLVMBuildAdd(e->b, at, constant_like(at, offset), "") : at;
}

static void check_access(emitter *e, const ptx_instruction *in, const ptx_operand *address, ptx_space space, int bytes, int flags)
{
    if (space == SPACE_PARAM || space == SPACE_LOCAL || bytes <= 0)
        return;
    if (modifier_among(in, "volatile relaxed acquire release acq_rel") != MOD_NONE)
        flags |= ACCESS_VOLATILE;
    if (modifier_among(in, "acquire release acq_rel") != MOD_NONE)
        flags |= ACCESS_FENCE;
    shape s = shape_of(e, address);
    if (s.kind == SHAPE_AFFINE && (s.stride == 0 || s.stride == bytes))
        flags |= s.stride ? ACCESS_DENSE : ACCESS_SAME;
    value a[5] = {e->warp, mask_bits(e, e->mask), in_memory(e, as_addresses(e, address)),
                  constant_int(e, 32, bytes | space << 8 | flags), constant_int(e, 32, in->line)};
    call_helper(e, "rt_check_access", LLVMVoidTypeInContext(e->context), a, 5);
}

static void check_ordinary(emitter *e, const ptx_instruction *in, int parts, int flags)
{
    check_access(e, in, &in->src[0], space_of(in), parts * type_bytes((ptx_type)in->types[0]), flags);
}

static void check_warp_sync(emitter *e)
{
    value a[2] = {e->warp, mask_bits(e, e->mask)};
    call_helper(e, "rt_check_warp_sync", LLVMVoidTypeInContext(e->context), a, 2);
}

/* Lanes that wait to do nothing but end have ended. */
static bool only_ends(emitter *e, int block)
{
    const flow_block *b = &e->g.blocks[block];
    bool only = block == flow_end(&e->g) || (b->succ_count == 1 && b->succ[0] == flow_end(&e->g));
    for (int i = 0; i < b->count && only && block != flow_end(&e->g); i++)
        only = e->f->code[b->first + i].op == OP_ret || e->f->code[b->first + i].op == OP_exit;
    return only;
}

static value live_lanes(emitter *e)
{
    value live = e->initial_mask;
    for (int i = 0; i < e->g.count; i++)
        if (only_ends(e, i)) {
            value ended = LLVMBuildLoad2(e->b, LLVMTypeOf(live), e->masks[i], "");
            live = LLVMBuildAnd(e->b, live, LLVMBuildNot(e->b, ended, ""), "");
        }
    return live;
}

static void check_barrier(emitter *e, const ptx_instruction *in)
{
    if (has_modifier(in, MOD_warp)) {
        check_warp_sync(e);
        return;
    }
    value a[4] = {e->warp, mask_bits(e, e->mask), mask_bits(e, live_lanes(e)), constant_int(e, 32, in->line)};
    call_helper(e, "rt_check_barrier", LLVMVoidTypeInContext(e->context), a, 4);
}

void emit_check(emitter *e, const ptx_instruction *in)
{
    switch (in->op) {
    case OP_ld:
    case OP_ldu: check_ordinary(e, in, in->dst_count, ACCESS_READ); break;
    case OP_st: check_ordinary(e, in, in->src_count - 1, ACCESS_WRITE); break;
    case OP_atom:
    case OP_red: check_ordinary(e, in, 1, ACCESS_ATOMIC); break;
    case OP_membar:
    case OP_fence: call_helper(e, "rt_check_fence", LLVMVoidTypeInContext(e->context), &e->warp, 1); break;
    case OP_bar:
    case OP_barrier: check_barrier(e, in); break;
    case OP_shfl:
    case OP_vote:
    case OP_redux:
    case OP_match_any:
    case OP_match_all: check_warp_sync(e); break;
    case OP_mbarrier_test_wait:
    case OP_mbarrier_try_wait: call_helper(e, "rt_check_block_sync", LLVMVoidTypeInContext(e->context), &e->warp, 1); break;
    case OP_cp_async:
        check_access(e, in, &in->src[0], SPACE_SHARED, (int)in->src[2].offset, ACCESS_WRITE);
        check_access(e, in, &in->src[1], SPACE_GLOBAL, (int)in->src[2].offset, ACCESS_READ);
        break;
    default: break;
    }
}
