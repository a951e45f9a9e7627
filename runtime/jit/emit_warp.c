/* What lanes, warps and blocks do together; calls; the ends of a program. */
#include "runtime/jit/emit.h"
#include <stddef.h>

static llvm_type nothing(emitter *e) { return LLVMVoidTypeInContext(e->context); }

/* ---- Votes --------------------------------------------------------------------------------------- */
/* The lanes that take part. Those of the member mask that wait elsewhere cannot come while these lanes
 * wait here, so they are reported rather than waited for; but not those that will only come to their end: PTX waits for lanes that
 * have not exited. */
void check_members(emitter *e, const ptx_instruction *in, value members)
{
    if (is_vector(members))
        return;
    value live = LLVMBuildNot(e->b, constant_int(e, 32, 0), "");
    if (!e->c.full)
        live = WARP_FIELD(e, mask, integer(e, 32));
    value absent = LLVMBuildAnd(e->b, LLVMBuildAnd(e->b, members, live, ""),
                                LLVMBuildNot(e->b, mask_bits(e, e->mask), ""), "");
    for (int w = 0; w < e->g.count; w++) {
        if (!bit_test(e->block->waiting, w) || !e->g.blocks[w].meets)
            continue;
        value waiting = LLVMBuildLoad2(e->b, LLVMTypeOf(e->initial_mask), e->masks[w], "");
        value late = LLVMBuildAnd(e->b, absent, mask_bits(e, waiting), "");
        conditional c = begin_if(e, LLVMBuildICmp(e->b, LLVMIntNE, late, constant_int(e, 32, 0), ""));
        value a[3] = {e->warp, constant_int(e, 32, in->line), late};
        call_helper(e, "rt_absent_lanes", nothing(e), a, 3);
        end_if(e, c);
    }
}

static value ballot(emitter *e, value predicate) { return mask_bits(e, LLVMBuildAnd(e->b, predicate, e->mask, "")); }

value emit_activemask(emitter *e, const ptx_instruction *in)
{
    (void)in;
    return mask_bits(e, e->mask);
}

/* Whether the ballot of `members` (one mask, or one for each lane) is all, any, or as .uni asks. */
value emit_vote(emitter *e, const ptx_instruction *in)
{
    bool lanes = e->vector;
    value predicate = read_operand(e, &in->src[0], PTX_PRED, true);
    value members = read_operand(e, &in->src[1], PTX_U32, lanes);
    check_members(e, in, members);
    value yes = ballot(e, predicate), here = mask_bits(e, e->mask);
    if (lanes) {
        yes = splat(e, yes);
        here = splat(e, here);
    }
    yes = LLVMBuildAnd(e->b, yes, members, "");
    here = LLVMBuildAnd(e->b, here, members, "");
    value zero = constant_like(yes, 0);
    value all = LLVMBuildICmp(e->b, LLVMIntEQ, yes, here, ""), any = LLVMBuildICmp(e->b, LLVMIntNE, yes, zero, "");
    value out = yes;
    ptx_type type = PTX_PRED;
    switch (modifier_among(in, "all any uni ballot")) {
    case MOD_all: out = all; break;
    case MOD_any: out = any; break;
    case MOD_uni: out = LLVMBuildOr(e->b, all, LLVMBuildNot(e->b, any, ""), ""); break;
    default: type = PTX_B32; break;
    }
    write_result(e, &in->dst[0], type, out, (shape){.kind = lanes ? SHAPE_VECTOR : SHAPE_AFFINE});
    return NULL;
}

/* ---- Shuffles ------------------------------------------------------------------------------------ */
typedef struct shuffle_lanes {
    value from;    /* <32 x i32>: the lane to read, valid or not */
    value valid;   /* <32 x i1> */
} shuffle_lanes;

/* PTX's definition: the segment mask c[12:8] and the clamp c[4:0] bound the lane that is read. */
static shuffle_lanes shuffle_source(emitter *e, const ptx_instruction *in)
{
    value lane = lane_numbers(e, 32), b = read_operand(e, &in->src[1], PTX_U32, true);
    value c = read_operand(e, &in->src[2], PTX_U32, true), low = constant_like(lane, 31);
    value segment = LLVMBuildAnd(e->b, LLVMBuildLShr(e->b, c, constant_like(c, 8), ""), low, "");
    b = LLVMBuildAnd(e->b, b, low, "");
    c = LLVMBuildAnd(e->b, c, low, "");
    value outside = LLVMBuildAnd(e->b, LLVMBuildNot(e->b, segment, ""), low, "");
    value least = LLVMBuildAnd(e->b, lane, segment, "");
    value most = LLVMBuildOr(e->b, least, LLVMBuildAnd(e->b, c, outside, ""), "");
    value from, valid;
    switch (modifier_among(in, "up down bfly idx")) {
    case MOD_up:
        from = LLVMBuildSub(e->b, lane, b, "");
        valid = LLVMBuildICmp(e->b, LLVMIntSGE, from, most, "");
        break;
    case MOD_down:
        from = LLVMBuildAdd(e->b, lane, b, "");
        valid = LLVMBuildICmp(e->b, LLVMIntSLE, from, most, "");
        break;
    case MOD_bfly:
        from = LLVMBuildXor(e->b, lane, b, "");
        valid = LLVMBuildICmp(e->b, LLVMIntSLE, from, most, "");
        break;
    default:
        from = LLVMBuildOr(e->b, least, LLVMBuildAnd(e->b, b, outside, ""), "");
        valid = LLVMBuildICmp(e->b, LLVMIntSLE, from, most, "");
        break;
    }
    return (shuffle_lanes){select_value(e, valid, from, lane), valid};
}

/* With constant lanes the instruction is a shuffle of registers, else a gather from 128 bytes. */
static value permute(emitter *e, value x, value from)
{
    if (LLVMIsConstant(from))
        return LLVMBuildShuffleVector(e->b, x, x, from, "");
    value memory = in_memory(e, x), wide = LLVMBuildZExt(e->b, from, vector_of(integer(e, 64)), "");
    value pointers = LLVMBuildGEP2(e->b, integer(e, 32), memory, &wide, 1, "");
    llvm_type types[2] = {LLVMTypeOf(x), LLVMTypeOf(pointers)};
    value f = LLVMGetIntrinsicDeclaration(e->module, LLVMLookupIntrinsicID("llvm.masked.gather", 18), types, 2);
    value a[4] = {pointers, constant_int(e, 32, 4), LLVMConstAllOnes(vector_of(integer(e, 1))), LLVMConstNull(types[0])};
    return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, a, 4, "");
}

value emit_shfl(emitter *e, const ptx_instruction *in)
{
    if (in->src_count == 4)
        check_members(e, in, read_operand(e, &in->src[3], PTX_U32, !is_uniform(shape_of(e, &in->src[3]))));
    shuffle_lanes lanes = shuffle_source(e, in);
    value x = read_operand(e, &in->src[0], PTX_U32, true);
    write_vector(e, &in->dst[0], PTX_B32, permute(e, x, lanes.from));
    if (in->dst_count == 2)
        write_vector(e, &in->dst[1], PTX_PRED, lanes.valid);
    return NULL;
}

/* ---- Agreement ----------------------------------------------------------------------------------- */
/* The lanes' values joined. A mask that differs between lanes makes groups: done in exec/warps.c. */
static value reduce_lanes(emitter *e, const ptx_instruction *in, value x)
{
    static const struct { ptx_modifier op; const char *name; int64_t neutral; } table[] = {
        {MOD_add, "llvm.vector.reduce.add", 0},   {MOD_and, "llvm.vector.reduce.and", -1},
        {MOD_or, "llvm.vector.reduce.or", 0},     {MOD_xor, "llvm.vector.reduce.xor", 0},
        {MOD_min, "llvm.vector.reduce.umin", -1}, {MOD_max, "llvm.vector.reduce.umax", 0},
        {MOD_min, "llvm.vector.reduce.smin", INT32_MAX}, {MOD_max, "llvm.vector.reduce.smax", INT32_MIN}};
    ptx_modifier op = modifier_among(in, "add min max and or xor");
    int row = 0;
    while (row < 5 && table[row].op != op)
        row++;
    row += type_kind((ptx_type)in->types[0]) == KIND_SIGNED && (op == MOD_min || op == MOD_max) ? 2 : 0;
    x = select_value(e, e->mask, x, constant_like(x, table[row].neutral));
    return call_intrinsic(e, table[row].name, LLVMTypeOf(x), &x, 1);
}

value emit_redux(emitter *e, const ptx_instruction *in)
{
    value members = read_operand(e, &in->src[1], PTX_U32, e->vector);
    check_members(e, in, members);
    value x = read_operand(e, &in->src[0], PTX_U32, true);
    if (!e->vector)
        return reduce_lanes(e, in, x);
    bool as_signed = type_kind((ptx_type)in->types[0]) == KIND_SIGNED;
    value a[6] = {mask_bits(e, e->mask), constant_int(e, 32, modifier_among(in, "add min max and or xor")),
                  constant_int(e, 32, as_signed), in_memory(e, members), in_memory(e, x), new_slot(e, LLVMTypeOf(x), "joined")};
    call_helper(e, "rt_redux", nothing(e), a, 6);
    return LLVMBuildLoad2(e->b, LLVMTypeOf(x), a[5], "");
}

/* The value widened to 64 bits for the helper; a lane's answer is the mask of the lanes that hold its value. */
static value lanes_of_same_value(emitter *e, const ptx_instruction *in)
{
    value members = read_operand(e, &in->src[1], PTX_U32, !is_uniform(shape_of(e, &in->src[1])));
    check_members(e, in, members);
    value x = read_operand(e, &in->src[0], unsigned_type(type_bits((ptx_type)in->types[0])), true);
    x = LLVMBuildZExt(e->b, x, vector_of(integer(e, 64)), "");
    value a[4] = {mask_bits(e, e->mask), in_memory(e, members), in_memory(e, x), new_slot(e, vector_of(integer(e, 32)), "same")};
    call_helper(e, "rt_match", nothing(e), a, 4);
    return LLVMBuildLoad2(e->b, vector_of(integer(e, 32)), a[3], "");
}

value emit_match_any(emitter *e, const ptx_instruction *in) { return lanes_of_same_value(e, in); }

/* All members hold the value: their mask, else none. */
value emit_match_all(emitter *e, const ptx_instruction *in)
{
    value same = lanes_of_same_value(e, in), members = read_operand(e, &in->src[1], PTX_U32, true);
    members = LLVMBuildAnd(e->b, members, splat(e, mask_bits(e, e->mask)), "");
    value all = LLVMBuildICmp(e->b, LLVMIntEQ, same, members, "");
    same = select_value(e, all, members, constant_like(members, 0));
    if (!e->vector) { /* one mask for all: what any lane that runs says is true of all */
        value first = call_intrinsic(e, "llvm.cttz", integer(e, 32), (value[]){mask_bits(e, e->mask), constant_int(e, 1, 0)}, 2);
        first = LLVMBuildAnd(e->b, first, constant_int(e, 32, LANES - 1), "");
        same = LLVMBuildExtractElement(e->b, same, first, "");
        all = LLVMBuildExtractElement(e->b, all, first, "");
    }
    shape s = {.kind = e->vector ? SHAPE_VECTOR : SHAPE_AFFINE};
    write_result(e, &in->dst[0], PTX_B32, same, s);
    if (in->dst_count == 2)
        write_result(e, &in->dst[1], PTX_PRED, all, s);
    return NULL;
}

/* ---- Ends ----------------------------------------------------------------------------------------- */
value emit_trap(emitter *e, const ptx_instruction *in)
{
    value a[2] = {e->warp, constant_int(e, 32, in->line)};
    call_helper(e, "rt_trap", nothing(e), a, 2);
    return NULL;
}

value emit_brkpt(emitter *e, const ptx_instruction *in) { return emit_trap(e, in); }

value emit_nanosleep(emitter *e, const ptx_instruction *in)
{
    value a[2] = {e->warp, constant_int(e, 32, in->line)};
    call_helper(e, "rt_spin", nothing(e), a, 2);
    return NULL;
}

/* Branches and ends are the blocks' (emit.c). */
value emit_bra(emitter *e, const ptx_instruction *in)
{
    (void)e;
    (void)in;
    return NULL;
}

value emit_ret(emitter *e, const ptx_instruction *in) { return emit_bra(e, in); }
value emit_exit(emitter *e, const ptx_instruction *in) { return emit_bra(e, in); }
