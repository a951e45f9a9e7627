/* Calls that were not inlined: library functions, recursion, and calls through pointers.
 *
 * All take fn(warp, mask, arguments, result), where argument j is an array of the lanes' parameters: 32 times its bytes.
 * A function of the module is compiled behind the kernel that needs it; the address of one is a number made of its index, so
 * that cached code holds no addresses of this process. */
#include "runtime/jit/emit.h"
#include "runtime/exec/library.h"

static llvm_type nothing(emitter *e) { return LLVMVoidTypeInContext(e->context); }
static llvm_type pointer(emitter *e) { return LLVMPointerTypeInContext(e->context, 0); }

/* ---- Functions ----------------------------------------------------------------------------------- */
static llvm_type call_type(emitter *e)
{
    llvm_type types[4] = {pointer(e), integer(e, 32), pointer(e), pointer(e)};
    return LLVMFunctionType(nothing(e), types, 4, 0);
}

/* The code of a function of the module; it is emitted later, once. */
static value function_code(emitter *e, int index)
{
    char name[32];
    __builtin_snprintf(name, sizeof name, "function%d", index);
    value f = LLVMGetNamedFunction(e->module, name);
    if (f)
        return f;
    f = LLVMAddFunction(e->module, name, call_type(e));
    LLVMSetLinkage(f, LLVMInternalLinkage);
    return f;
}

/* ---- Passing ------------------------------------------------------------------------------------- */
static value lane_array(emitter *e, int64_t bytes)
{
    value slot = new_slot(e, LLVMArrayType2(integer(e, 64), (uint64_t)(bytes * LANES + 7) / 8), "parameter");
    LLVMSetAlignment(slot, 64);
    return slot;
}

static value element_pointers(emitter *e, value base, int64_t bytes, int64_t offset)
{
    value at[LANES];
    for (int i = 0; i < LANES; i++)
        at[i] = constant_int(e, 64, i * bytes + offset);
    value offsets = LLVMConstVector(at, LANES);
    return LLVMBuildGEP2(e->b, integer(e, 8), base, &offsets, 1, "");
}

static value masked_access(emitter *e, const char *name, llvm_type lanes, value pointers, int bytes, value stored, value mask)
{
    value align = constant_int(e, 32, bytes);
    value load[4] = {pointers, align, mask, LLVMConstNull(lanes)}, store[4] = {stored, pointers, align, mask};
    llvm_type types[2] = {lanes, LLVMTypeOf(pointers)};
    value f = LLVMGetIntrinsicDeclaration(e->module, LLVMLookupIntrinsicID(name, __builtin_strlen(name)), types, 2);
    return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, stored ? store : load, 4, "");
}

static value every_lane(emitter *e) { return LLVMConstAllOnes(vector_of(integer(e, 1))); }

/* A piece of the lanes' parameters, at an offset within each. */
static void store_piece(emitter *e, value v, value base, int64_t bytes, int64_t offset, value mask)
{
    value at = element_pointers(e, base, bytes, offset);
    masked_access(e, "llvm.masked.scatter", LLVMTypeOf(v), at, 1, v, mask);
}

static value load_piece(emitter *e, value base, int64_t bytes, int64_t offset, ptx_type type)
{
    llvm_type lanes = vector_of(scalar_type(e, type));
    if (bytes != type_bytes(type))
        return masked_access(e, "llvm.masked.gather", lanes, element_pointers(e, base, bytes, offset), 1, NULL, every_lane(e));
    value v = LLVMBuildLoad2(e->b, lanes, base, "");
    LLVMSetAlignment(v, (unsigned)bytes);
    return v;
}

/* The pieces of one of the caller's .param variables. */
static void store_argument(emitter *e, const ptx_variable *v, int local, value base)
{
    for (int i = 0; i < e->f->slot_count; i++) {
        const ptx_slot *s = &e->f->slots[i];
        ptx_operand o = {.kind = OPERAND_REGISTER, .index = s->reg};
        ptx_type type = e->f->registers[s->reg].type;
        if (s->kind != OPERAND_LOCAL || s->index != local)
            continue;
        value lanes = read_operand(e, &o, type, FORM_LANES);
        if (v->bytes == type_bytes(type))
            LLVMSetAlignment(LLVMBuildStore(e->b, lanes, base), (unsigned)v->bytes);
        else
            store_piece(e, lanes, base, v->bytes, s->offset, every_lane(e));
    }
}

static void load_result(emitter *e, const ptx_variable *v, int local, value base)
{
    for (int i = 0; i < e->f->slot_count; i++) {
        const ptx_slot *s = &e->f->slots[i];
        ptx_operand o = {.kind = OPERAND_REGISTER, .index = s->reg};
        ptx_type type = e->f->registers[s->reg].type;
        if (s->kind == OPERAND_LOCAL && s->index == local)
            write_vector(e, &o, type, load_piece(e, base, v->bytes, s->offset, type));
    }
}

/* ---- Calls --------------------------------------------------------------------------------------- */
/* Functions that a pointer may mean here: their address is taken, and they take and give as much as this call. */
static bool is_candidate(const emitter *e, const ptx_instruction *in, const ptx_function *g)
{
    if (!g->address_taken || !g->code_count || g->param_count != in->argument_count || g->has_result != in->has_result)
        return false;
    for (int i = 0; i < g->param_count; i++)
        if (g->params[i].bytes != e->f->locals[in->arguments[i]].bytes)
            return false;
    return true;
}

/* Each of the functions that the lanes' pointers name is called once, by the lanes that name it. */
static void call_by_pointer(emitter *e, const ptx_instruction *in, value *a)
{
    llvm_type word = integer(e, 32);
    value targets = read_operand(e, &in->src[in->src_count - 1], PTX_U64, FORM_LANES), left = new_slot(e, word, "left");
    LLVMBasicBlockRef head = LLVMAppendBasicBlockInContext(e->context, e->function, "targets");
    LLVMBasicBlockRef next = LLVMAppendBasicBlockInContext(e->context, e->function, "called");
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(e->context, e->function, "all.called");
    LLVMBasicBlockRef wild = LLVMAppendBasicBlockInContext(e->context, e->function, "no.function");
    LLVMBuildStore(e->b, a[1], left);
    LLVMBuildBr(e->b, head);
    LLVMPositionBuilderAtEnd(e->b, head);
    value mask = LLVMBuildLoad2(e->b, word, left, "");
    value first = call_intrinsic(e, "llvm.cttz", word, (value[]){mask, constant_int(e, 1, 1)}, 2);
    value target = LLVMBuildExtractElement(e->b, targets, first, "");
    value same = mask_bits(e, LLVMBuildICmp(e->b, LLVMIntEQ, targets, splat(e, target), ""));
    a[1] = LLVMBuildAnd(e->b, same, mask, "");
    value choice = LLVMBuildSwitch(e->b, target, wild, (unsigned)e->m->function_count);
    for (int i = 0; i < e->m->function_count; i++) {
        if (!is_candidate(e, in, &e->m->functions[i]))
            continue;
        LLVMBasicBlockRef here = LLVMAppendBasicBlockInContext(e->context, e->function, "target");
        LLVMAddCase(choice, constant_int(e, 64, function_address(i)), here);
        LLVMPositionBuilderAtEnd(e->b, here);
        LLVMBuildCall2(e->b, call_type(e), function_code(e, i), a, 4, "");
        LLVMBuildBr(e->b, next);
    }
    LLVMPositionBuilderAtEnd(e->b, wild);
    value b[3] = {e->warp, constant_int(e, 32, in->line), target};
    call_helper(e, "rt_no_function", nothing(e), b, 3);
    LLVMBuildBr(e->b, next);
    LLVMPositionBuilderAtEnd(e->b, next);
    mask = LLVMBuildAnd(e->b, mask, LLVMBuildNot(e->b, a[1], ""), "");
    LLVMBuildStore(e->b, mask, left);
    LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntEQ, mask, constant_int(e, 32, 0), ""), done, head);
    LLVMPositionBuilderAtEnd(e->b, done);
}

static void call_by_name(emitter *e, const ptx_instruction *in, value *a)
{
    const ptx_function *g = &e->m->functions[in->target];
    if (g->code_count)
        LLVMBuildCall2(e->b, call_type(e), function_code(e, in->target), a, 4, "");
    else if (library_find(g->name))
        call_helper(e, g->name, nothing(e), a, 4);
    else
        unsupported(e, in, "this function is neither defined in the module nor known to the runtime");
}

value emit_call(emitter *e, const ptx_instruction *in)
{
    int first = in->has_result;
    value table = new_slot(e, LLVMArrayType2(pointer(e), (uint64_t)in->argument_count + 1), "arguments");
    value a[4] = {e->warp, mask_bits(e, e->mask), table, LLVMConstNull(pointer(e))};
    for (int i = 0; i < in->argument_count; i++) {
        const ptx_variable *v = &e->f->locals[in->arguments[i]];
        value base = lane_array(e, v->bytes);
        if (first && i == 0) {
            a[3] = base;
            continue;
        }
        store_argument(e, v, in->arguments[i], base);
        value at = constant_int(e, 64, i - first);
        LLVMBuildStore(e->b, base, LLVMBuildGEP2(e->b, pointer(e), table, &at, 1, ""));
    }
    (in->target < 0 ? call_by_pointer : call_by_name)(e, in, a);
    if (first)
        load_result(e, &e->f->locals[in->arguments[0]], in->arguments[0], a[3]);
    return NULL;
}

/* ---- Called functions ---------------------------------------------------------------------------- */
/* Parameters come in registers, one for each piece that the function reads. */
void receive_parameters(emitter *e)
{
    int first = e->f->has_result;
    value table = LLVMGetParam(e->function, 2);
    for (int i = first; i < e->f->param_count; i++) {
        value at = constant_int(e, 64, i - first);
        e->arguments[i] = LLVMBuildLoad2(e->b, pointer(e), LLVMBuildGEP2(e->b, pointer(e), table, &at, 1, ""), "argument");
    }
    for (int i = 0; i < e->f->slot_count; i++) {
        const ptx_slot *s = &e->f->slots[i];
        ptx_type type = e->f->registers[s->reg].type;
        if (s->kind == OPERAND_PARAM && s->index >= first)
            LLVMBuildStore(e->b, load_piece(e, e->arguments[s->index], e->f->params[s->index].bytes, s->offset, type), e->registers[s->reg][0]);
    }
}

/* Other lanes' results may stand there already. */
void return_result(emitter *e)
{
    for (int i = 0; i < e->f->slot_count && e->f->has_result; i++) {
        const ptx_slot *s = &e->f->slots[i];
        ptx_operand o = {.kind = OPERAND_REGISTER, .index = s->reg};
        ptx_type type = e->f->registers[s->reg].type;
        if (s->kind == OPERAND_PARAM && s->index == 0)
            store_piece(e, read_operand(e, &o, type, FORM_LANES), LLVMGetParam(e->function, 3), e->f->params[0].bytes, s->offset,
                        e->initial_mask);
    }
}

int missing_function(emitter *e)
{
    char name[32];
    for (int i = 0; i < e->m->function_count; i++) {
        __builtin_snprintf(name, sizeof name, "function%d", i);
        value f = LLVMGetNamedFunction(e->module, name);
        if (f && !LLVMCountBasicBlocks(f))
            return i;
    }
    return -1;
}
