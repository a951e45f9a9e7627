/* Loads and stores. How an access is done follows from the shape of its address:
 *
 *     uniform          one scalar access
 *     unit stride      one vector access under the mask; .v2 and .v4 are taken apart by shuffles
 *     anything else    gathers and scatters; in shared memory with 32-bit offsets from its begin */
#include "runtime/jit/emit.h"
#include <stddef.h>

typedef struct memory_access {
    ptx_type type;
    llvm_type element;
    int parts, bytes;       /* elements for each lane, and their size */
    ptx_space space;
    ptx_operand address;
    shape shape;
} memory_access;

static memory_access access_of(emitter *e, const ptx_instruction *in)
{
    ptx_type type = (ptx_type)in->types[0];
    int parts = in->op == OP_st ? in->src_count - 1 : in->dst_count;
    memory_access a = {type, scalar_type(e, type), parts, type_bytes(type), space_of(in), in->src[0], {0}};
    a.shape = shape_of(e, &a.address);
    return a;
}

static bool is_unit_stride(const memory_access *a)
{
    return a->shape.kind == SHAPE_AFFINE && a->shape.stride == (int64_t)a->parts * a->bytes;
}

/* ---- Addresses ----------------------------------------------------------------------------------- */
static llvm_type pointer_type(emitter *e) { return LLVMPointerTypeInContext(e->context, 0); }

/* Registers of 32 bits may hold shared addresses: shared memory lies below 4 GiB. */
static value address_value(emitter *e, const memory_access *a, bool as_vector)
{
    ptx_operand o = a->address;
    int64_t offset = o.kind == OPERAND_REGISTER ? o.offset : 0;
    bool narrow = o.kind == OPERAND_REGISTER && type_bits(e->f->registers[o.index].type) == 32;
    value at = read_operand(e, &o, narrow ? PTX_U32 : PTX_U64, as_vector);
    if (narrow)
        at = LLVMBuildZExt(e->b, at, shaped(integer(e, 64), at), "");
    return offset ? LLVMBuildAdd(e->b, at, constant_like(at, offset), "") : at;
}

static value scalar_pointer(emitter *e, const memory_access *a, int part)
{
    value at = address_value(e, a, false);
    if (part)
        at = LLVMBuildAdd(e->b, at, constant_like(at, (int64_t)part * a->bytes), "");
    return LLVMBuildIntToPtr(e->b, at, pointer_type(e), "");
}

static value offset_pointers(emitter *e, value base, value offsets)
{
    value pointer = LLVMBuildIntToPtr(e->b, base, pointer_type(e), "");
    return LLVMBuildGEP2(e->b, integer(e, 8), pointer, &offsets, 1, "");
}

/* <32 x ptr>, in the form that the machine's gathers like best: one base and 32-bit offsets. */
static value lane_pointers(emitter *e, const memory_access *a, int part)
{
    int64_t more = (int64_t)part * a->bytes;
    if (a->shape.kind == SHAPE_AFFINE) {
        value base = address_value(e, a, false), steps[LANES];
        for (int i = 0; i < LANES; i++)
            steps[i] = constant_int(e, 32, a->shape.stride * i + more);
        if (a->shape.stride >= -(1 << 24) && a->shape.stride <= 1 << 24)
            return offset_pointers(e, base, LLVMConstVector(steps, LANES));
    }
    value at = address_value(e, a, true);
    at = more ? LLVMBuildAdd(e->b, at, constant_like(at, more), "") : at;
    if (a->space == SPACE_SHARED) {
        value base = WARP_FIELD(e, shared, integer(e, 64));
        value offsets = LLVMBuildSub(e->b, at, splat(e, base), "");
        return offset_pointers(e, base, LLVMBuildTrunc(e->b, offsets, vector_of(integer(e, 32)), ""));
    }
    return LLVMBuildIntToPtr(e->b, at, vector_of(pointer_type(e)), "");
}

/* ---- Wide vectors -------------------------------------------------------------------------------- */
static value shuffle(emitter *e, value x, value y, const int *index, int count)
{
    value lanes[4 * LANES] = {0};
    for (int i = 0; i < count; i++)
        lanes[i] = constant_int(e, 32, index[i]);
    return LLVMBuildShuffleVector(e->b, x, y, LLVMConstVector(lanes, (unsigned)count), "");
}

/* Each lane's bit, once for each of its parts. */
static value repeat_mask(emitter *e, int parts)
{
    int index[4 * LANES] = {0};
    for (int i = 0; i < parts * LANES; i++)
        index[i] = i / parts;
    return parts == 1 ? e->mask : shuffle(e, e->mask, e->mask, index, parts * LANES);
}

static value take_part(emitter *e, value wide, int part, int parts)
{
    int index[LANES] = {0};
    for (int i = 0; i < LANES; i++)
        index[i] = i * parts + part;
    return parts == 1 ? wide : shuffle(e, wide, wide, index, LANES);
}

static value append_vectors(emitter *e, value x, value y)
{
    int n = (int)LLVMGetVectorSize(LLVMTypeOf(x)), index[4 * LANES] = {0};
    for (int i = 0; i < 2 * n; i++)
        index[i] = i;
    return shuffle(e, x, y, index, 2 * n);
}

/* Lane by lane: all parts of lane 0, all of lane 1, ... */
static value interleave(emitter *e, value *x, int parts)
{
    if (parts == 1)
        return x[0];
    value all = append_vectors(e, x[0], x[1]);
    if (parts == 4)
        all = append_vectors(e, all, append_vectors(e, x[2], x[3]));
    int index[4 * LANES] = {0};
    for (int i = 0; i < parts * LANES; i++)
        index[i] = i % parts * LANES + i / parts;
    return shuffle(e, all, all, index, parts * LANES);
}

/* ---- Masked accesses ----------------------------------------------------------------------------- */
static bool mask_is_full(emitter *e) { return LLVMIsConstant(e->mask) && e->mask == e->initial_mask; }

static value named_intrinsic(emitter *e, const char *name, size_t length, llvm_type *types, value *a, int count)
{
    value f = LLVMGetIntrinsicDeclaration(e->module, LLVMLookupIntrinsicID(name, length), types, 2);
    return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, a, (unsigned)count, "");
}

static value load_vector(emitter *e, llvm_type type, value pointer, int bytes, value mask, bool full)
{
    if (full) {
        value v = LLVMBuildLoad2(e->b, type, pointer, "");
        LLVMSetAlignment(v, (unsigned)bytes);
        return v;
    }
    value a[4] = {pointer, constant_int(e, 32, bytes), mask, LLVMConstNull(type)};
    return named_intrinsic(e, "llvm.masked.load", 16, (llvm_type[]){type, pointer_type(e)}, a, 4);
}

static void store_vector(emitter *e, value v, value pointer, int bytes, value mask, bool full)
{
    if (full) {
        LLVMSetAlignment(LLVMBuildStore(e->b, v, pointer), (unsigned)bytes);
        return;
    }
    value a[4] = {v, pointer, constant_int(e, 32, bytes), mask};
    named_intrinsic(e, "llvm.masked.store", 17, (llvm_type[]){LLVMTypeOf(v), pointer_type(e)}, a, 4);
}

static value gather(emitter *e, llvm_type element, value pointers, int bytes)
{
    llvm_type type = vector_of(element);
    value a[4] = {pointers, constant_int(e, 32, bytes), e->mask, LLVMConstNull(type)};
    return named_intrinsic(e, "llvm.masked.gather", 18, (llvm_type[]){type, LLVMTypeOf(pointers)}, a, 4);
}

static void scatter(emitter *e, value v, value pointers, int bytes)
{
    value a[4] = {v, pointers, constant_int(e, 32, bytes), e->mask};
    named_intrinsic(e, "llvm.masked.scatter", 19, (llvm_type[]){LLVMTypeOf(v), LLVMTypeOf(pointers)}, a, 4);
}

/* ---- Likely strides ------------------------------------------------------------------------------ */
static bool is_likely_unit_stride(const memory_access *a)
{
    return a->shape.kind == SHAPE_VECTOR && a->shape.likely == (int64_t)a->parts * a->bytes && a->space != SPACE_SHARED;
}

/* Two ways of one access: `fast` when every lane that runs is where lane 0's address says. */
typedef struct two_ways {
    LLVMBasicBlockRef fast, slow, join;
    value pointer;          /* of lane 0 */
} two_ways;

static two_ways begin_two_ways(emitter *e, const memory_access *a)
{
    value at = address_value(e, a, true), steps[LANES];
    for (int i = 0; i < LANES; i++)
        steps[i] = constant_int(e, 64, a->shape.likely * i);
    value bases = LLVMBuildSub(e->b, at, LLVMConstVector(steps, LANES), "");
    value base = LLVMBuildExtractElement(e->b, bases, constant_int(e, 32, 0), "");
    value astray = LLVMBuildICmp(e->b, LLVMIntNE, bases, splat(e, base), "");
    astray = any_lane(e, LLVMBuildAnd(e->b, astray, e->mask, ""));
    two_ways w = {LLVMAppendBasicBlockInContext(e->context, e->function, "unit.stride"),
                  LLVMAppendBasicBlockInContext(e->context, e->function, "scattered"),
                  LLVMAppendBasicBlockInContext(e->context, e->function, "accessed"),
                  LLVMBuildIntToPtr(e->b, base, pointer_type(e), "")};
    LLVMBuildCondBr(e->b, astray, w.slow, w.fast);
    LLVMPositionBuilderAtEnd(e->b, w.fast);
    return w;
}

static void begin_slow(emitter *e, const two_ways *w)
{
    LLVMBuildBr(e->b, w->join);
    LLVMPositionBuilderAtEnd(e->b, w->slow);
}

static void end_two_ways(emitter *e, const two_ways *w)
{
    LLVMBuildBr(e->b, w->join);
    LLVMPositionBuilderAtEnd(e->b, w->join);
}

/* ---- ld ------------------------------------------------------------------------------------------ */
static void set_volatile(const ptx_instruction *in, value instruction)
{
    if (modifier_among(in, "volatile relaxed acquire release") != MOD_NONE)
        LLVMSetVolatile(instruction, 1);
}

static void load_uniform(emitter *e, const ptx_instruction *in, const memory_access *a)
{
    for (int i = 0; i < a->parts; i++) {
        value v = LLVMBuildLoad2(e->b, a->element, scalar_pointer(e, a, i), "");
        LLVMSetAlignment(v, (unsigned)a->bytes);
        set_volatile(in, v);
        write_uniform(e, &in->dst[i], a->type, v);
    }
}

static void load_unit_stride(emitter *e, const ptx_instruction *in, const memory_access *a, value pointer)
{
    llvm_type type = LLVMVectorType(a->element, (unsigned)(a->parts * LANES));
    value wide = load_vector(e, type, pointer, a->bytes, repeat_mask(e, a->parts), mask_is_full(e));
    for (int i = 0; i < a->parts; i++)
        write_vector(e, &in->dst[i], a->type, take_part(e, wide, i, a->parts));
}

static void load_anyhow(emitter *e, const ptx_instruction *in, const memory_access *a)
{
    value v[4] = {0};
    for (int i = 0; i < a->parts; i++)
        v[i] = gather(e, a->element, lane_pointers(e, a, i), a->bytes);
    for (int i = 0; i < a->parts; i++)
        write_vector(e, &in->dst[i], a->type, v[i]);
}

/* Results are in slots, so both ways write the same registers. */
static void load_either_way(emitter *e, const ptx_instruction *in, const memory_access *a)
{
    two_ways w = begin_two_ways(e, a);
    load_unit_stride(e, in, a, w.pointer);
    begin_slow(e, &w);
    load_anyhow(e, in, a);
    end_two_ways(e, &w);
}

value emit_ld(emitter *e, const ptx_instruction *in)
{
    memory_access a = access_of(e, in);
    if (is_uniform(a.shape))
        load_uniform(e, in, &a);
    else if (is_unit_stride(&a))
        load_unit_stride(e, in, &a, scalar_pointer(e, &a, 0));
    else if (is_likely_unit_stride(&a))
        load_either_way(e, in, &a);
    else
        load_anyhow(e, in, &a);
    return NULL;
}

/* One part of an access by all lanes: for copies. */
static value load_lanes(emitter *e, const memory_access *a, int part) { return gather(e, a->element, lane_pointers(e, a, part), a->bytes); }

value lane_addresses(emitter *e, const ptx_instruction *in, int source)
{
    memory_access a = {.type = PTX_B64, .space = space_of(in), .address = in->src[source], .shape = shape_of(e, &in->src[source])};
    return address_value(e, &a, true);
}

value emit_ldu(emitter *e, const ptx_instruction *in) { return emit_ld(e, in); }

/* ---- st ------------------------------------------------------------------------------------------ */
/* When all lanes write to one place, one of them wins: the last, as in a loop over them. */
static value last_lane(emitter *e, value v)
{
    value arguments[2] = {mask_bits(e, e->mask), constant_int(e, 1, 0)};
    value zeros = call_intrinsic(e, "llvm.ctlz", integer(e, 32), arguments, 2);
    return LLVMBuildExtractElement(e->b, v, LLVMBuildSub(e->b, constant_int(e, 32, 31), zeros, ""), "");
}

static void store_uniform(emitter *e, const ptx_instruction *in, const memory_access *a)
{
    for (int i = 0; i < a->parts; i++) {
        bool one = is_uniform(shape_of(e, &in->src[1 + i]));
        value v = read_operand(e, &in->src[1 + i], a->type, !one);
        value store = LLVMBuildStore(e->b, one ? v : last_lane(e, v), scalar_pointer(e, a, i));
        LLVMSetAlignment(store, (unsigned)a->bytes);
        set_volatile(in, store);
    }
}

static void store_unit_stride(emitter *e, const memory_access *a, value *v, value pointer)
{
    store_vector(e, interleave(e, v, a->parts), pointer, a->bytes, repeat_mask(e, a->parts), mask_is_full(e));
}

static void store_anyhow(emitter *e, const memory_access *a, value *v)
{
    for (int i = 0; i < a->parts; i++)
        scatter(e, v[i], lane_pointers(e, a, i), a->bytes);
}

static void store_lanes(emitter *e, const memory_access *a, value *v)
{
    if (is_unit_stride(a)) {
        store_unit_stride(e, a, v, scalar_pointer(e, a, 0));
    } else if (is_likely_unit_stride(a)) {
        two_ways w = begin_two_ways(e, a);
        store_unit_stride(e, a, v, w.pointer);
        begin_slow(e, &w);
        store_anyhow(e, a, v);
        end_two_ways(e, &w);
    } else {
        store_anyhow(e, a, v);
    }
}

value emit_st(emitter *e, const ptx_instruction *in)
{
    memory_access a = access_of(e, in);
    value v[4] = {0};
    if (is_uniform(a.shape)) {
        store_uniform(e, in, &a);
        return NULL;
    }
    for (int i = 0; i < a.parts; i++)
        v[i] = read_operand(e, &in->src[1 + i], a.type, true);
    store_lanes(e, &a, v);
    return NULL;
}

/* Hints. */
value emit_prefetch(emitter *e, const ptx_instruction *in)
{
    (void)e;
    (void)in;
    return NULL;
}

value emit_prefetchu(emitter *e, const ptx_instruction *in) { return emit_prefetch(e, in); }
value emit_discard(emitter *e, const ptx_instruction *in) { return emit_prefetch(e, in); }

/* ---- cp.async ------------------------------------------------------------------------------------ */
/* Bytes behind `left` are zeros: those of this word, which begins `at` bytes in. */
static value keep_bytes(emitter *e, value word, value left, int at)
{
    llvm_type wide = vector_of(integer(e, 64));
    value bytes = LLVMBuildSub(e->b, binary(e, "llvm.umax", left, constant_like(left, at)), constant_like(left, at), "");
    bytes = LLVMBuildZExt(e->b, binary(e, "llvm.umin", bytes, constant_like(bytes, 4)), wide, "");
    value bits = LLVMBuildShl(e->b, bytes, constant_like(bytes, 3), "");
    value ones = LLVMBuildSub(e->b, LLVMBuildShl(e->b, constant_like(bits, 1), bits, ""), constant_like(bits, 1), "");
    return LLVMBuildAnd(e->b, word, LLVMBuildTrunc(e->b, ones, LLVMTypeOf(word), ""), "");
}

/* The lanes whose word at `at` is to be read at all. */
static value begin_source(emitter *e, value left, int at)
{
    value mask = e->mask;
    if (left)
        e->mask = LLVMBuildAnd(e->b, mask, LLVMBuildICmp(e->b, LLVMIntUGT, left, constant_like(left, at), ""), "");
    return mask;
}

/* Copies at once; waiting for groups has nothing left to wait for. */
value emit_cp_async(emitter *e, const ptx_instruction *in)
{
    int64_t bytes = in->src[2].offset;
    if (in->src[2].kind != OPERAND_IMMEDIATE || (bytes != 4 && bytes != 8 && bytes != 16)) {
        unsupported(e, in, "the size must be 4, 8 or 16");
        return NULL;
    }
    memory_access to = {PTX_B32, integer(e, 32), (int)bytes / 4, 4, SPACE_SHARED, in->src[0], {0}}, from = to;
    from.space = SPACE_GLOBAL;
    from.address = in->src[1];
    to.shape = shape_of(e, &to.address);
    from.shape = shape_of(e, &from.address);
    value left = in->src_count > 3 ? read_operand(e, &in->src[3], PTX_U32, true) : NULL, v[4] = {0};
    for (int i = 0; i < to.parts; i++) {
        value mask = begin_source(e, left, 4 * i);
        v[i] = load_lanes(e, &from, i);
        e->mask = mask;
        if (left)
            v[i] = keep_bytes(e, v[i], left, 4 * i);
    }
    store_lanes(e, &to, v);
    return NULL;
}

value emit_cp_async_commit_group(emitter *e, const ptx_instruction *in) { return emit_prefetch(e, in); }
value emit_cp_async_wait_group(emitter *e, const ptx_instruction *in) { return emit_prefetch(e, in); }
value emit_cp_async_wait_all(emitter *e, const ptx_instruction *in) { return emit_prefetch(e, in); }

/* ---- Atomics ------------------------------------------------------------------------------------- */
static const char *const atomic_words = "and or xor add min max inc dec cas exch";

/* exec/atomics.c has a function for each operation, type and space: rt_atom_add_u32, rt_shared_add_u32.
 * A block runs on one thread, so its shared memory needs no locked instructions. */
static value call_atomic(emitter *e, const ptx_instruction *in, value result)
{
    memory_access a = access_of(e, in);
    char name[64];
    ptx_modifier op = modifier_among(in, atomic_words);
    if (op == MOD_NONE) {
        unsupported(e, in, "an operation is needed");
        return NULL;
    }
    const char *type = type_kind(a.type) == KIND_BITS ? type_name(unsigned_type(type_bits(a.type))) : type_name(a.type);
    __builtin_snprintf(name, sizeof name, "rt_%s_%s_%s", a.space == SPACE_SHARED ? "shared" : "atom", modifier_name(op), type);
    value x[5] = {mask_bits(e, e->mask), in_memory(e, address_value(e, &a, true))};
    for (int i = 0; i < 2; i++)
        x[2 + i] = 1 + i < in->src_count ? in_memory(e, read_operand(e, &in->src[1 + i], a.type, true))
                                         : LLVMConstNull(pointer_type(e));
    x[4] = result;
    return call_helper(e, name, LLVMVoidTypeInContext(e->context), x, 5);
}

value emit_atom(emitter *e, const ptx_instruction *in)
{
    llvm_type type = vector_of(scalar_type(e, (ptx_type)in->types[0]));
    value result = new_slot(e, type, "old");
    if (call_atomic(e, in, result))
        write_vector(e, &in->dst[0], (ptx_type)in->types[0], LLVMBuildLoad2(e->b, type, result, ""));
    return NULL;
}

value emit_red(emitter *e, const ptx_instruction *in)
{
    call_atomic(e, in, LLVMConstNull(pointer_type(e)));
    return NULL;
}

value emit_membar(emitter *e, const ptx_instruction *in)
{
    (void)in;
    LLVMBuildFence(e->b, LLVMAtomicOrderingSequentiallyConsistent, 0, "");
    return NULL;
}

value emit_fence(emitter *e, const ptx_instruction *in) { return emit_membar(e, in); }
