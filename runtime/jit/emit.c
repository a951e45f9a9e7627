/* A kernel's skeleton: slots, blocks, masks, branches. The instructions are in emit_*.c. */
#include "runtime/jit/emit.h"
#include "runtime/exec/check.h"
#include "runtime/exec/profile.h"
#include <stddef.h>
#include <string.h>

/* ---- Small code ---------------------------------------------------------------------------------- */
value mask_bits(emitter *e, value mask) { return LLVMBuildBitCast(e->b, mask, integer(e, 32), ""); }

value any_lane(emitter *e, value mask)
{
    return LLVMBuildICmp(e->b, LLVMIntNE, mask_bits(e, mask), constant_int(e, 32, 0), "");
}

value call_intrinsic(emitter *e, const char *name, llvm_type overload, value *arguments, int count)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    value f = LLVMGetIntrinsicDeclaration(e->module, id, &overload, overload ? 1 : 0);
    return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, arguments, (unsigned)count, "");
}

value unary(emitter *e, const char *intrinsic, value x)
{
    return call_intrinsic(e, intrinsic, LLVMTypeOf(x), &x, 1);
}

value binary(emitter *e, const char *intrinsic, value x, value y)
{
    return call_intrinsic(e, intrinsic, LLVMTypeOf(x), (value[]){x, y}, 2);
}

value select_value(emitter *e, value condition, value yes, value no)
{
    return LLVMBuildSelect(e->b, condition, yes, no, "");
}

value new_slot(emitter *e, llvm_type type, const char *name)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
    LLVMPositionBuilderBefore(e->b, LLVMGetFirstInstruction(e->prologue));
    value slot = LLVMBuildAlloca(e->b, type, name);
    LLVMPositionBuilderAtEnd(e->b, here);
    return slot;
}

value in_memory(emitter *e, value v)
{
    if (!is_vector(v))
        v = splat(e, v);
    value slot = new_slot(e, LLVMTypeOf(v), "argument");
    LLVMBuildStore(e->b, v, slot);
    return slot;
}

value call_helper(emitter *e, const char *name, llvm_type result, value *arguments, int count)
{
    llvm_type types[12];
    for (int i = 0; i < count; i++)
        types[i] = LLVMTypeOf(arguments[i]);
    llvm_type type = LLVMFunctionType(result, types, (unsigned)count, 0);
    value f = LLVMGetNamedFunction(e->module, name);
    if (!f)
        f = LLVMAddFunction(e->module, name, type);
    return LLVMBuildCall2(e->b, type, f, arguments, (unsigned)count, "");
}

static LLVMBasicBlockRef new_block(emitter *e, const char *name)
{
    return LLVMAppendBasicBlockInContext(e->context, e->function, name);
}

conditional begin_if(emitter *e, value condition)
{
    LLVMBasicBlockRef then = new_block(e, "then");
    conditional c = {new_block(e, "join")};
    LLVMBuildCondBr(e->b, condition, then, c.join);
    LLVMPositionBuilderAtEnd(e->b, then);
    return c;
}

void end_if(emitter *e, conditional c)
{
    LLVMBuildBr(e->b, c.join);
    LLVMPositionBuilderAtEnd(e->b, c.join);
}

void unsupported(emitter *e, const ptx_instruction *in, const char *what)
{
    if (e->status)
        return;
    text_buffer text = {0};
    print_instruction(&text, e->m, e->f, in);
    e->status = error_set(CAIRN_E_UNSUPPORTED, "%s:%d: %s: %s", e->m->file, in->line,
                          text.text ? text.text : op_describe(in->op)->name, what);
    text_free(&text);
}

/* ---- Instructions -------------------------------------------------------------------------------- */
static const emit_instruction emitters[] = {
#define OP(name, operands, types, modifiers) emit_##name,
#include "runtime/ptx/ops.def"
#undef OP
};

static void emit_by_row(emitter *e, const ptx_instruction *in, shape s)
{
    value v[MAX_ROWS];
    e->vector = FORM_ROW;
    for (int r = 0; r < row_count(e); r++) {
        e->row = r;
        v[r] = emitters[in->op](e, in);
        if (!v[r])
            return;
    }
    write_rows(e, &in->dst[0], destination_type(in, 0), v, s);
}

static void emit_unguarded(emitter *e, const ptx_instruction *in)
{
    shape s = result_shape(&e->g, e->c, e->shapes, in);
    e->vector = s.kind == SHAPE_VECTOR ? FORM_LANES : FORM_SCALAR;
    if (checks_wanted() & CHECK_CODE)
        emit_check(e, in);
    if (s.kind == SHAPE_ROWS && in->op != OP_ld) {
        emit_by_row(e, in, s);
        return;
    }
    bool moves = in->op == OP_mov || in->op == OP_cvt || in->op == OP_atom || in->op == OP_red || in->op == OP_selp;
    if (in->type_count && is_packed((ptx_type)in->types[in->op == OP_set]) && !moves) {
        emit_packed(e, in, emitters[in->op]);
        return;
    }
    value v = emitters[in->op](e, in);
    if (v && !e->status)
        write_result(e, &in->dst[0], destination_type(in, 0), v, s);
}

static value guard_mask(emitter *e, const ptx_instruction *in, form want)
{
    ptx_operand guard = {.kind = OPERAND_REGISTER, .index = in->guard, .negate = in->guard_negated};
    return read_operand(e, &guard, PTX_PRED, want);
}

/* @%p: the lanes with p, if there are any; what is written is blended. */
static void emit_guarded(emitter *e, const ptx_instruction *in)
{
    value mask = e->mask;
    e->mask = LLVMBuildAnd(e->b, mask, guard_mask(e, in, true), "");
    e->guarded = true;
    conditional c = begin_if(e, any_lane(e, e->mask));
    emit_unguarded(e, in);
    end_if(e, c);
    e->guarded = false;
    e->mask = mask;
}

static bool is_terminator(const ptx_instruction *in)
{
    return in->op == OP_bra || in->op == OP_ret || in->op == OP_exit;
}

static void emit_code(emitter *e)
{
    for (int i = 0; i < e->block->count && !e->status; i++) {
        const ptx_instruction *in = &e->f->code[e->block->first + i];
        if (is_terminator(in))
            continue;
        debug_locate(e, in);
        if (in->guard >= 0)
            emit_guarded(e, in);
        else
            emit_unguarded(e, in);
    }
}

/* ---- Branches ------------------------------------------------------------------------------------ */
static value load_mask(emitter *e, int block)
{
    return LLVMBuildLoad2(e->b, LLVMTypeOf(e->initial_mask), e->masks[block], "");
}

static void send_lanes(emitter *e, int target, value lanes)
{
    value merged = LLVMBuildOr(e->b, load_mask(e, target), lanes, "");
    LLVMBuildStore(e->b, merged, e->masks[target]);
}

static bool enters_loop(const flow *g, int from, int target)
{
    for (int i = 0; i < g->loop_count; i++)
        if (g->loops[i].header == target && !bit_test(g->loops[i].members, from))
            return true;
    return false;
}

/* All lanes to a block's copy for them: no mask is needed. Loops are entered at one place, so that LLVM sees them. */
static bool jump_together(emitter *e, int from, int target)
{
    if (!e->together || !e->whole[target] || enters_loop(&e->g, from, target))
        return false;
    LLVMBuildBr(e->b, e->whole[target]);
    return true;
}

static void jump(emitter *e, int from, int target)
{
    if (jump_together(e, from, target))
        return;
    send_lanes(e, target, e->mask);
    LLVMBuildBr(e->b, e->entries[flow_next(&e->g, from, target)]);
}

static int loop_of(const flow *g, int header)
{
    int i = 0;
    while (g->loops[i].header != header)
        i++;
    return i;
}

static void call_spin(emitter *e, const flow_loop *l)
{
    value a[2] = {e->warp, constant_int(e, 32, e->f->code[e->g.blocks[l->header].first].line)};
    call_helper(e, "rt_spin", LLVMVoidTypeInContext(e->context), a, 2);
}

/* A spin's back edge: now and then, those that spin let others go on (spin.c): lanes that have left the loop, else other warps. */
static void wait_around(emitter *e, int loop, int skip)
{
    const flow_loop *l = &e->g.loops[loop];
    enum { ROUNDS = 64 };
    llvm_type word = integer(e, 32);
    value rounds = LLVMBuildAdd(e->b, LLVMBuildLoad2(e->b, word, e->rounds[loop], ""), constant_int(e, 32, 1), "");
    LLVMBuildStore(e->b, rounds, e->rounds[loop]);
    conditional c = begin_if(e, LLVMBuildICmp(e->b, LLVMIntUGE, rounds, constant_int(e, 32, ROUNDS), ""));
    LLVMBuildStore(e->b, constant_int(e, 32, 0), e->rounds[loop]);
    value left = LLVMConstNull(LLVMTypeOf(e->initial_mask)), none = left;
    for (int w = 0; w < e->g.count; w++)
        if (bit_test(e->block->waiting, w))
            left = LLVMBuildOr(e->b, left, load_mask(e, w), "");
    if (l->parks && skip != NO_BLOCK) {
        LLVMBasicBlockRef park = new_block(e, "park");
        LLVMBasicBlockRef stay = new_block(e, "stay");
        LLVMBuildCondBr(e->b, any_lane(e, left), park, stay);
        LLVMPositionBuilderAtEnd(e->b, park);
        value lanes = LLVMBuildLoad2(e->b, LLVMTypeOf(left), e->parked[loop], "");
        LLVMBuildStore(e->b, LLVMBuildOr(e->b, lanes, load_mask(e, l->header), ""), e->parked[loop]);
        LLVMBuildStore(e->b, none, e->masks[l->header]);
        LLVMBuildBr(e->b, e->entries[skip]);
        LLVMPositionBuilderAtEnd(e->b, stay);
    }
    call_spin(e, l);
    end_if(e, c);
}

/* Before a block that needs all lanes: those that are parked at the spins it ends come first. */
static void let_parked_in(emitter *e, int index)
{
    for (int i = 0; i < e->g.loop_count; i++) {
        const flow_loop *l = &e->g.loops[i];
        if (!l->parks || !bit_test(l->returns, index))
            continue;
        value lanes = LLVMBuildLoad2(e->b, LLVMTypeOf(e->initial_mask), e->parked[i], "");
        LLVMBasicBlockRef back = new_block(e, "let.in");
        LLVMBasicBlockRef on = new_block(e, "together");
        LLVMBuildCondBr(e->b, any_lane(e, lanes), back, on);
        LLVMPositionBuilderAtEnd(e->b, back);
        LLVMBuildStore(e->b, LLVMConstNull(LLVMTypeOf(lanes)), e->parked[i]);
        send_lanes(e, l->header, lanes);
        call_spin(e, l);
        LLVMBuildBr(e->b, e->entries[l->header]);
        LLVMPositionBuilderAtEnd(e->b, on);
    }
}

/* The end of a loop: around again while any lane wants to. */
static void jump_back(emitter *e, int from, int header)
{
    int skip = flow_skip(&e->g, from), loop = loop_of(&e->g, header);
    if (!e->g.loops[loop].spins && jump_together(e, from, header))
        return;
    send_lanes(e, header, e->mask);
    if (e->g.loops[loop].spins)
        wait_around(e, loop, skip);
    if (skip == NO_BLOCK)
        LLVMBuildBr(e->b, e->entries[header]);
    else
        LLVMBuildCondBr(e->b, any_lane(e, load_mask(e, header)), e->entries[header], e->entries[skip]);
}

static void branch_together(emitter *e, int from, value condition)
{
    LLVMBasicBlockRef taken = new_block(e, "taken");
    LLVMBasicBlockRef other = new_block(e, "not.taken");
    LLVMBuildCondBr(e->b, condition, taken, other);
    LLVMPositionBuilderAtEnd(e->b, taken);
    jump(e, from, e->block->succ[0]);
    LLVMPositionBuilderAtEnd(e->b, other);
    jump(e, from, e->block->succ[1]);
}

static value has_all(emitter *e, value bits)
{
    return LLVMBuildICmp(e->b, LLVMIntEQ, bits, constant_int(e, 32, -1), "");
}

/* All lanes to the target on a condition; else emission goes on. */
static void jump_if(emitter *e, int from, int target, value condition)
{
    LLVMBasicBlockRef all = new_block(e, "all"), other = new_block(e, "other");
    LLVMBuildCondBr(e->b, condition, all, other);
    LLVMPositionBuilderAtEnd(e->b, all);
    jump(e, from, target);
    LLVMPositionBuilderAtEnd(e->b, other);
}

/* Lanes that are together mostly stay so. */
static void branch_if_agreed(emitter *e, int from, value condition)
{
    agreement a;
    if (!find_agreement(e, &e->f->code[e->block->condition], &a)) {
        value bits = mask_bits(e, condition);
        a = (agreement){has_all(e, bits), LLVMBuildICmp(e->b, LLVMIntEQ, bits, constant_int(e, 32, 0), "")};
    }
    jump_if(e, from, e->block->succ[0], a.all);
    jump_if(e, from, e->block->succ[1], a.none);
}

static void branch_apart(emitter *e, int from, value condition)
{
    int yes = e->block->succ[0], no = e->block->succ[1];
    if (e->together)
        branch_if_agreed(e, from, condition);
    send_lanes(e, yes, LLVMBuildAnd(e->b, e->mask, condition, ""));
    send_lanes(e, no, LLVMBuildAnd(e->b, e->mask, LLVMBuildNot(e->b, condition, ""), ""));
    LLVMBuildBr(e->b, e->entries[flow_next(&e->g, from, yes < no ? yes : no)]);
}

static void emit_branch(emitter *e, int index)
{
    const flow_block *b = e->block;
    if (b->condition >= 0) {
        value condition = guard_mask(e, &e->f->code[b->condition], b->divergent);
        (b->divergent ? branch_apart : branch_together)(e, index, condition);
    } else if (b->succ[0] <= index) {
        jump_back(e, index, b->succ[0]);
    } else {
        jump(e, index, b->succ[0]);
    }
}

/* Blocks are there twice where lanes may wait elsewhere: the copy for all lanes needs no masks, and while lanes agree on
 * branches it leads to other such copies. Long functions would take too long to compile. */
static bool has_whole_copy(const emitter *e, int index)
{
    enum { LONG = 4000 };
    return LLVMIsConstant(e->initial_mask) && (e->f->code_count < LONG || flow_skip(&e->g, index) == NO_BLOCK);
}

/* Whether some lanes look if they are all: worth it where they access memory, under a mask otherwise, or write registers
 * that others wait for. */
static bool looks_for_all(const emitter *e, int index)
{
    bool accesses = false;
    for (int i = 0; i < e->block->count; i++) {
        ptx_op op = e->f->code[e->block->first + i].op;
        accesses |= op == OP_ld || op == OP_ldu || op == OP_st || op == OP_atom || op == OP_red;
    }
    return e->whole[index] && (accesses || e->block->count > 3);
}

static void emit_lanes(emitter *e, int index)
{
    if (profile_wanted())
        emit_profile(e);
    emit_code(e);
    emit_branch(e, index);
}

static void emit_for_all(emitter *e, int index)
{
    e->mask = e->initial_mask;
    e->together = e->whole[index] != NULL;
    emit_lanes(e, index);
    e->together = false;
}

static void emit_for_some(emitter *e, int index)
{
    e->mask = load_mask(e, index);
    if (e->block->checked) {
        LLVMBasicBlockRef body = new_block(e, "lanes");
        LLVMBuildCondBr(e->b, any_lane(e, e->mask), body, e->entries[flow_skip(&e->g, index)]);
        LLVMPositionBuilderAtEnd(e->b, body);
    }
    LLVMBuildStore(e->b, LLVMConstNull(LLVMTypeOf(e->initial_mask)), e->masks[index]);
    if (looks_for_all(e, index)) {
        LLVMBasicBlockRef some = new_block(e, "some.lanes");
        LLVMBuildCondBr(e->b, has_all(e, mask_bits(e, e->mask)), e->whole[index], some);
        LLVMPositionBuilderAtEnd(e->b, some);
    }
    emit_lanes(e, index);
}

static void emit_block(emitter *e, int index)
{
    e->block = &e->g.blocks[index];
    LLVMPositionBuilderAtEnd(e->b, e->entries[index]);
    let_parked_in(e, index);
    if (index == flow_end(&e->g)) {
        if (!e->f->entry)
            return_result(e);
        LLVMBuildRetVoid(e->b);
        return;
    }
    if (flow_skip(&e->g, index) == NO_BLOCK) {
        LLVMBuildStore(e->b, LLVMConstNull(LLVMTypeOf(e->initial_mask)), e->masks[index]);
        emit_for_all(e, index);
        return;
    }
    emit_for_some(e, index);
    if (e->whole[index]) {
        LLVMPositionBuilderAtEnd(e->b, e->whole[index]);
        emit_for_all(e, index);
    }
}

/* ---- The prologue -------------------------------------------------------------------------------- */
static cairn_status make_registers(emitter *e)
{
    e->registers = arena_alloc(&e->arena, sizeof *e->registers * (size_t)(e->f->register_count + 1));
    if (!e->registers)
        return CAIRN_E_MEMORY;
    for (int i = 0; i < e->f->register_count; i++) {
        llvm_type type = scalar_type(e, e->f->registers[i].type);
        if (e->shapes[i].kind == SHAPE_VECTOR)
            type = vector_of(type);
        for (int r = 0; r < (e->shapes[i].kind == SHAPE_ROWS ? row_count(e) : 1); r++) {
            e->registers[i][r] = LLVMBuildAlloca(e->b, type, e->f->registers[i].name);
            /* Only what the program may read before writing needs a value; zero is as good as any. */
            if (bit_test(e->g.blocks[0].live_in, i))
                LLVMBuildStore(e->b, LLVMConstNull(type), e->registers[i][r]);
        }
    }
    return CAIRN_OK;
}

static value full_mask(emitter *e) { return LLVMConstAllOnes(vector_of(integer(e, 1))); }

static cairn_status make_masks(emitter *e)
{
    size_t n = (size_t)e->g.count;
    e->masks = arena_alloc(&e->arena, sizeof *e->masks * n);
    e->entries = arena_alloc(&e->arena, sizeof *e->entries * n);
    e->whole = arena_alloc(&e->arena, sizeof *e->whole * n);
    e->parked = arena_alloc(&e->arena, sizeof *e->parked * (size_t)(e->g.loop_count + 1));
    e->rounds = arena_alloc(&e->arena, sizeof *e->rounds * (size_t)(e->g.loop_count + 1));
    if (!e->masks || !e->entries || !e->whole || !e->parked || !e->rounds)
        return CAIRN_E_MEMORY;
    llvm_type type = vector_of(integer(e, 1));
    for (int i = 0; i < e->g.loop_count; i++) {
        e->parked[i] = LLVMBuildAlloca(e->b, type, "parked");
        e->rounds[i] = LLVMBuildAlloca(e->b, integer(e, 32), "rounds");
        LLVMBuildStore(e->b, LLVMConstNull(type), e->parked[i]);
        LLVMBuildStore(e->b, constant_int(e, 32, 0), e->rounds[i]);
    }
    for (int i = 0; i < e->g.count; i++) {
        e->masks[i] = LLVMBuildAlloca(e->b, type, "mask");
        LLVMBuildStore(e->b, LLVMConstNull(type), e->masks[i]);
        e->entries[i] = new_block(e, "block");
    }
    return CAIRN_OK;
}

static void make_copies(emitter *e)
{
    for (int i = 0; i < e->g.count; i++)
        if (has_whole_copy(e, i))
            e->whole[i] = flow_skip(&e->g, i) == NO_BLOCK ? e->entries[i] : new_block(e, "all.lanes");
}

static cairn_status enter_function(emitter *e)
{
    e->arguments = arena_alloc(&e->arena, sizeof *e->arguments * (size_t)(e->f->param_count + 1));
    if (!e->arguments)
        return CAIRN_E_MEMORY;
    e->local = new_slot(e, LLVMArrayType2(integer(e, 8), (uint64_t)(e->f->local_bytes * LANES)), "local");
    LLVMSetAlignment(e->local, 64);
    receive_parameters(e);
    return CAIRN_OK;
}

static cairn_status emit_prologue(emitter *e)
{
    e->prologue = new_block(e, "prologue");
    LLVMBasicBlockRef start = new_block(e, "start");
    LLVMPositionBuilderAtEnd(e->b, e->prologue);
    e->prologue_end = LLVMBuildBr(e->b, start);
    LLVMPositionBuilderAtEnd(e->b, start);
    cairn_status status = make_registers(e);
    if (!status)
        status = make_masks(e);
    if (status)
        return status;
    value lanes = !e->f->entry ? LLVMGetParam(e->function, 1) : e->c.full ? NULL : WARP_FIELD(e, mask, integer(e, 32));
    e->initial_mask = lanes ? LLVMBuildBitCast(e->b, lanes, vector_of(integer(e, 1)), "") : full_mask(e);
    LLVMBuildStore(e->b, e->initial_mask, e->masks[0]);
    make_copies(e);
    if (!e->f->entry)
        status = enter_function(e);
    LLVMBuildBr(e->b, e->entries[0]);
    return status;
}

cairn_status emit_function(emitter *e)
{
    llvm_type pointer = LLVMPointerTypeInContext(e->context, 0);
    llvm_type type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), &pointer, 1, 0);
    char name[32];
    __builtin_snprintf(name, sizeof name, "function%d", e->f->index);
    e->function = e->f->entry ? LLVMAddFunction(e->module, "kernel", type) : LLVMGetNamedFunction(e->module, name);
    e->warp = LLVMGetParam(e->function, 0);
    debug_begin(e);
    cairn_status status = emit_prologue(e);
    for (int i = 0; i < e->g.count && !status && !e->status; i++)
        emit_block(e, i);
    debug_end(e);
    return status ? status : e->status;
}
