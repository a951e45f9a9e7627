/* Barriers of blocks, and barriers in shared memory (mbarrier). What they do is in exec/grid.c and
 * exec/mbarrier.c: a warp that waits lets the others run. */
#include "runtime/jit/emit.h"

static llvm_type nothing(emitter *e) { return LLVMVoidTypeInContext(e->context); }

static bool are_uniform(emitter *e, const ptx_instruction *in, int count)
{
    for (int i = 0; i < count; i++)
        if (!is_uniform(shape_of(e, &in->src[i]))) {
            unsupported(e, in, "a barrier whose number differs between lanes is not supported");
            return false;
        }
    return true;
}

/* warp, number, threads; the threads are 0 where the instruction leaves them out. */
static void barrier_arguments(emitter *e, const ptx_instruction *in, int count, value *a)
{
    a[0] = e->warp;
    a[1] = read_operand(e, &in->src[0], PTX_U32, false);
    a[2] = count > 1 ? read_operand(e, &in->src[1], PTX_U32, false) : constant_int(e, 32, 0);
}

/* bar.warp.sync needs nothing: the lanes that are here run in step. */
value emit_bar(emitter *e, const ptx_instruction *in)
{
    value a[3];
    if (has_modifier(in, MOD_warp)) {
        check_members(e, in, read_operand(e, &in->src[0], PTX_U32, !is_uniform(shape_of(e, &in->src[0]))));
        return NULL;
    }
    if (!are_uniform(e, in, in->src_count))
        return NULL;
    barrier_arguments(e, in, in->src_count, a);
    call_helper(e, "rt_barrier", nothing(e), a, 3);
    return NULL;
}

value emit_barrier(emitter *e, const ptx_instruction *in) { return emit_bar(e, in); }

value emit_bar_arrive(emitter *e, const ptx_instruction *in)
{
    value a[3];
    if (!are_uniform(e, in, in->src_count))
        return NULL;
    barrier_arguments(e, in, in->src_count, a);
    call_helper(e, "rt_barrier_arrive", nothing(e), a, 3);
    return NULL;
}

value emit_barrier_arrive(emitter *e, const ptx_instruction *in) { return emit_bar_arrive(e, in); }
value emit_barrier_cta_arrive(emitter *e, const ptx_instruction *in) { return emit_bar_arrive(e, in); }

/* The warp brings how many of its threads hold the predicate; popc, and, or follow from the block's sum. */
value emit_bar_red(emitter *e, const ptx_instruction *in)
{
    int count = in->src_count - 1;
    value a[5];
    if (!are_uniform(e, in, count))
        return NULL;
    barrier_arguments(e, in, count, a);
    value holds = LLVMBuildAnd(e->b, read_operand(e, &in->src[count], PTX_PRED, true), e->mask, "");
    value here = unary(e, "llvm.ctpop", mask_bits(e, e->mask));
    a[3] = unary(e, "llvm.ctpop", mask_bits(e, holds));
    a[4] = LLVMBuildSub(e->b, here, a[3], "");
    value both = call_helper(e, "rt_barrier_count", integer(e, 64), a, 5); /* with in the low, without in the high word */
    value with = LLVMBuildTrunc(e->b, both, integer(e, 32), "");
    value without = LLVMBuildTrunc(e->b, LLVMBuildLShr(e->b, both, constant_int(e, 64, 32), ""), integer(e, 32), "");
    value zero = constant_int(e, 32, 0);
    switch (modifier_among(in, "popc and or")) {
    case MOD_popc: write_uniform(e, &in->dst[0], PTX_U32, with); break;
    case MOD_and: write_uniform(e, &in->dst[0], PTX_PRED, LLVMBuildICmp(e->b, LLVMIntEQ, without, zero, "")); break;
    case MOD_or: write_uniform(e, &in->dst[0], PTX_PRED, LLVMBuildICmp(e->b, LLVMIntNE, with, zero, "")); break;
    default: unsupported(e, in, "an operation is needed"); break;
    }
    return NULL;
}

value emit_barrier_red(emitter *e, const ptx_instruction *in) { return emit_bar_red(e, in); }
value emit_barrier_cta_red(emitter *e, const ptx_instruction *in) { return emit_bar_red(e, in); }

/* ---- mbarrier ------------------------------------------------------------------------------------ */
/* helper(warp, mask, addresses, second operand or NULL, results or NULL) */
static value call_mbarrier(emitter *e, const ptx_instruction *in, const char *name, llvm_type result)
{
    value none = LLVMConstNull(LLVMPointerTypeInContext(e->context, 0));
    value a[5] = {e->warp, mask_bits(e, e->mask), in_memory(e, lane_addresses(e, in, 0)), none, none};
    if (in->src_count > 1)
        a[3] = in_memory(e, read_operand(e, &in->src[1], source_type(in, 1), true));
    if (result)
        a[4] = new_slot(e, vector_of(result), "state");
    call_helper(e, name, nothing(e), a, 5);
    return result ? LLVMBuildLoad2(e->b, vector_of(result), a[4], "") : NULL;
}

value emit_mbarrier_init(emitter *e, const ptx_instruction *in) { return call_mbarrier(e, in, "rt_mbarrier_init", NULL); }

/* The memory may be used for anything else from here on. */
value emit_mbarrier_inval(emitter *e, const ptx_instruction *in)
{
    (void)e;
    (void)in;
    return NULL;
}

value emit_mbarrier_arrive(emitter *e, const ptx_instruction *in)
{
    return call_mbarrier(e, in, "rt_mbarrier_arrive", integer(e, 64));
}

value emit_mbarrier_arrive_drop(emitter *e, const ptx_instruction *in)
{
    return call_mbarrier(e, in, "rt_mbarrier_drop", integer(e, 64));
}

value emit_mbarrier_test_wait(emitter *e, const ptx_instruction *in)
{
    value done = call_mbarrier(e, in, has_modifier(in, MOD_parity) ? "rt_mbarrier_parity" : "rt_mbarrier_test", integer(e, 32));
    return LLVMBuildTrunc(e->b, done, vector_of(integer(e, 1)), "");
}

value emit_mbarrier_try_wait(emitter *e, const ptx_instruction *in) { return emit_mbarrier_test_wait(e, in); }

/* Copies are done when they are issued, so this is an arrival that the count does not expect (.noinc: does). */
value emit_cp_async_mbarrier_arrive(emitter *e, const ptx_instruction *in)
{
    return has_modifier(in, MOD_noinc) ? (call_mbarrier(e, in, "rt_mbarrier_arrive", integer(e, 64)), NULL) : NULL;
}

value emit_mbarrier_pending_count(emitter *e, const ptx_instruction *in)
{
    value state = source(e, in, 0);
    value count = LLVMBuildAnd(e->b, state, constant_like(state, 0xfffff), "");
    return LLVMBuildTrunc(e->b, count, shaped(integer(e, 32), count), "");
}
