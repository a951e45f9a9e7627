/* Loads and stores. How an access is done follows from the shape of its address:
 *
 *     uniform            one scalar access
 *     level              one scalar access for each row
 *     small strides      one vector access, or one for each row, under the mask; shuffles take .v2, .v4 and
 *                        elements with gaps between them apart
 *     anything else      gathers and scatters, with 32-bit offsets from one base where that is known
 *
 * load_values, load_rows and store_values are the only places that touch the program's memory, but for atomics. */
#include "runtime/jit/emit.h"
#include "base/cpu.h"
#include <stddef.h>

typedef struct memory_access {
    ptx_type type;
    llvm_type element;
    int parts, bytes;       /* elements for each lane, and their size */
    ptx_space space;
    ptx_operand address;
    shape shape;
    const ptx_instruction *in;
} memory_access;

enum { MAX_PARTS = 4, MAX_STEP = 8, MAX_WIDE = LANES * MAX_STEP };

static memory_access access_at(emitter *e, const ptx_instruction *in, int source, ptx_type type, int parts, ptx_space space)
{
    return (memory_access){type, scalar_type(e, type), parts, type_bytes(type), space, in->src[source],
                           shape_of(e, &in->src[source]), in};
}

static memory_access access_of(emitter *e, const ptx_instruction *in)
{
    int parts = in->op == OP_st ? in->src_count - 1 : in->dst_count;
    return access_at(e, in, 0, (ptx_type)in->types[0], parts, space_of(in));
}

/* ---- Addresses ----------------------------------------------------------------------------------- */
static llvm_type pointer_type(emitter *e) { return LLVMPointerTypeInContext(e->context, 0); }

static int64_t offset_of(const memory_access *a) { return a->address.kind == OPERAND_REGISTER ? a->address.offset : 0; }

/* Without the offset. Registers of 32 bits may hold shared addresses: shared memory lies below 4 GiB. */
static value address_base(emitter *e, const memory_access *a, form want)
{
    ptx_operand o = a->address;
    bool narrow = o.kind == OPERAND_REGISTER && type_bits(e->f->registers[o.index].type) == 32;
    value at = read_operand(e, &o, narrow ? PTX_U32 : PTX_U64, want);
    if (narrow)
        at = LLVMBuildZExt(e->b, at, shaped(integer(e, 64), at), "");
    return at;
}

static value address_value(emitter *e, const memory_access *a, form want)
{
    value at = address_base(e, a, want);
    return offset_of(a) ? LLVMBuildAdd(e->b, at, constant_like(at, offset_of(a)), "") : at;
}

value lane_addresses(emitter *e, const ptx_instruction *in, int source)
{
    memory_access a = access_at(e, in, source, PTX_B64, 1, space_of(in));
    return address_value(e, &a, FORM_LANES);
}

static value pointer_at(emitter *e, value base, int64_t offset)
{
    value pointer = LLVMBuildIntToPtr(e->b, base, pointer_type(e), ""), at = constant_int(e, 64, offset);
    return offset ? LLVMBuildGEP2(e->b, integer(e, 8), pointer, &at, 1, "") : pointer;
}

static value offset_pointers(emitter *e, value base, value offsets)
{
    value pointer = LLVMBuildIntToPtr(e->b, base, pointer_type(e), "");
    return LLVMBuildGEP2(e->b, integer(e, 8), pointer, &offsets, 1, "");
}

/* ---- Indexed addresses --------------------------------------------------------------------------- */
/* base + scale * (32-bit index): what the machine's gathers take without 64-bit vectors when it is signed. */
typedef struct indexed {
    const ptx_operand *base, *index;
    int64_t scale;
    bool is_signed;
} indexed;

static bool writes(const ptx_instruction *in, int reg)
{
    for (int i = 0; i < in->dst_count; i++)
        if (in->dst[i].kind == OPERAND_REGISTER && in->dst[i].index == reg)
            return true;
    return false;
}

const ptx_instruction *definition(const emitter *e, const ptx_instruction *before, const ptx_operand *o)
{
    const ptx_instruction *first = &e->f->code[e->block->first], *in = before;
    if (o->kind != OPERAND_REGISTER)
        return NULL;
    while (in > first && !writes(in - 1, o->index))
        in--;
    if (in == first || in[-1].guard >= 0)
        return NULL;
    const ptx_instruction *found = --in;
    for (; in < before; in++)
        for (int i = 0; i < found->src_count; i++)
            if (found->src[i].kind == OPERAND_REGISTER && writes(in, found->src[i].index))
                return NULL;
    return found;
}

/* Nothing writes the register from the block's begin to `before`, but before `since`'s own sources were read. */
static bool same_until(const emitter *e, const ptx_instruction *since, const ptx_instruction *before, int reg)
{
    const ptx_operand o = {.kind = OPERAND_REGISTER, .index = reg};
    const ptx_instruction *in = before, *first = &e->f->code[e->block->first];
    while (in > first && !writes(in - 1, o.index))
        in--;
    return in <= since;
}

/* cvt.s64.s32 or cvt.u64.u32 */
static bool find_widening(const ptx_instruction *in, indexed *out)
{
    if (!in || in->op != OP_cvt || type_bits((ptx_type)in->types[0]) != 64 || (in->types[1] != PTX_S32 && in->types[1] != PTX_U32))
        return false;
    *out = (indexed){NULL, &in->src[0], 1, in->types[1] == PTX_S32};
    return true;
}

/* mul.wide.s32 %x, %i, c; a widened index, or shl.b64 of one. */
static bool find_index(const emitter *e, const ptx_instruction *before, const ptx_operand *o, indexed *out)
{
    const ptx_instruction *in = definition(e, before, o);
    if (!in || find_widening(in, out))
        return in != NULL;
    if (in->op == OP_mul && has_modifier(in, MOD_wide) && type_bits((ptx_type)in->types[0]) == 32 && in->src[1].kind == OPERAND_IMMEDIATE) {
        *out = (indexed){NULL, &in->src[0], in->src[1].offset, in->types[0] == PTX_S32};
        return true;
    }
    if (in->op != OP_shl || in->src[1].kind != OPERAND_IMMEDIATE || in->src[1].offset < 0 || in->src[1].offset > 4)
        return false;
    const ptx_instruction *widens = definition(e, in, &in->src[0]);
    if (definition(e, before, &in->src[0]) != widens || !find_widening(widens, out))
        return false;
    out->scale = (int64_t)1 << in->src[1].offset;
    return true;
}

/* Whether the index still is what it was when the sum was made. */
static bool find_indexed(const emitter *e, const memory_access *a, indexed *out)
{
    const ptx_instruction *sum = definition(e, a->in, &a->address);
    if (!sum || sum->op != OP_add || type_bits((ptx_type)sum->types[0]) != 64)
        return false;
    for (int i = 0; i < 2; i++) {
        const ptx_operand *base = &sum->src[i];
        shape s = operand_shape(&e->g, e->c, e->shapes, base);
        bool fits = base->kind == OPERAND_REGISTER && s.kind != SHAPE_VECTOR && is_level(s);
        if (fits && find_index(e, sum, &sum->src[1 - i], out) && out->index->kind == OPERAND_REGISTER &&
            !out->index->negate && same_until(e, sum, a->in, out->index->index)) {
            out->base = base;
            return true;
        }
    }
    return false;
}

static value widen_index(emitter *e, const indexed *x, value index)
{
    llvm_type wide = shaped(integer(e, 64), index);
    return x->is_signed ? LLVMBuildSExt(e->b, index, wide, "") : LLVMBuildZExt(e->b, index, wide, "");
}

static value indexed_pointers(emitter *e, const indexed *x, int64_t offset)
{
    value base = read_operand(e, x->base, PTX_U64, FORM_SCALAR);
    value index = widen_index(e, x, read_operand(e, x->index, PTX_U32, FORM_LANES));
    return LLVMBuildGEP2(e->b, integer(e, (int)x->scale * 8), pointer_at(e, base, offset), &index, 1, "");
}

/* <32 x ptr>, in the form that the machine's gathers like best. */
static value lane_pointers(emitter *e, const memory_access *a, int part)
{
    int64_t more = (int64_t)part * a->bytes;
    indexed x;
    if (a->shape.kind == SHAPE_AFFINE && a->shape.stride >= -(1 << 24) && a->shape.stride <= 1 << 24) {
        value base = address_value(e, a, FORM_SCALAR), steps[LANES];
        for (int i = 0; i < LANES; i++)
            steps[i] = constant_int(e, 32, a->shape.stride * i + more);
        return offset_pointers(e, base, LLVMConstVector(steps, LANES));
    }
    if (a->shape.kind == SHAPE_VECTOR && find_indexed(e, a, &x) && is_uniform(shape_of(e, x.base)) && x.scale > 0 &&
        x.scale <= 8 && !(x.scale & (x.scale - 1)))
        return indexed_pointers(e, &x, offset_of(a) + more);
    value at = address_value(e, a, FORM_LANES);
    at = more ? LLVMBuildAdd(e->b, at, constant_like(at, more), "") : at;
    if (a->space == SPACE_SHARED) {
        value base = WARP_FIELD(e, shared, integer(e, 64));
        value offsets = LLVMBuildSub(e->b, at, splat(e, base), "");
        return offset_pointers(e, base, LLVMBuildTrunc(e->b, offsets, vector_of(integer(e, 32)), ""));
    }
    return LLVMBuildIntToPtr(e->b, at, vector_of(pointer_type(e)), "");
}

/* ---- Shuffles ------------------------------------------------------------------------------------ */
/* index -1: any value will do. */
static value shuffle(emitter *e, value x, value y, const int *index, int count)
{
    value lanes[MAX_WIDE];
    for (int i = 0; i < count; i++)
        lanes[i] = index[i] < 0 ? LLVMGetPoison(integer(e, 32)) : constant_int(e, 32, index[i]);
    return LLVMBuildShuffleVector(e->b, x, y, LLVMConstVector(lanes, (unsigned)count), "");
}

static value append_vectors(emitter *e, value x, value y)
{
    int n = (int)LLVMGetVectorSize(LLVMTypeOf(x)), index[MAX_WIDE] = {0};
    for (int i = 0; i < 2 * n; i++)
        index[i] = i;
    return shuffle(e, x, y, index, 2 * n);
}

/* One, two or four vectors in a row. */
static value append_all(emitter *e, value *x, int count)
{
    if (count == 1)
        return x[0];
    value low = append_vectors(e, x[0], x[1]);
    return count == 2 ? low : append_vectors(e, low, append_vectors(e, x[2], x[3]));
}

static value some_lanes(emitter *e, value v, int first, int count)
{
    int index[LANES] = {0};
    for (int i = 0; i < count; i++)
        index[i] = first + i;
    return count == LANES ? v : shuffle(e, v, v, index, count);
}

/* ---- Masks --------------------------------------------------------------------------------------- */
static bool mask_is_full(emitter *e) { return LLVMIsConstant(e->mask) && e->mask == e->initial_mask; }

static value named_intrinsic(emitter *e, const char *name, llvm_type *types, value *a, int count)
{
    value f = LLVMGetIntrinsicDeclaration(e->module, LLVMLookupIntrinsicID(name, __builtin_strlen(name)), types, 2);
    return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, a, (unsigned)count, "");
}

static value gather(emitter *e, llvm_type element, value pointers, int bytes)
{
    llvm_type type = vector_of(element);
    value a[4] = {pointers, constant_int(e, 32, bytes), e->mask, LLVMConstNull(type)};
    return named_intrinsic(e, "llvm.masked.gather", (llvm_type[]){type, LLVMTypeOf(pointers)}, a, 4);
}

static void scatter(emitter *e, value v, value pointers, int bytes)
{
    value a[4] = {v, pointers, constant_int(e, 32, bytes), e->mask};
    named_intrinsic(e, "llvm.masked.scatter", (llvm_type[]){LLVMTypeOf(v), LLVMTypeOf(pointers)}, a, 4);
}

/* ---- Segments ------------------------------------------------------------------------------------ */
/* Lanes whose elements follow one another in memory: all of them, or those of each row. `step` is the distance from lane to
 * lane in elements; where it is more than the parts, there are gaps. */
typedef struct layout {
    int count, lanes, step;
    value pointers[MAX_ROWS];
} layout;

static bool steps_fit(const memory_access *a, int64_t stride)
{
    int64_t step = stride / a->bytes;
    return stride > 0 && stride % a->bytes == 0 && step >= a->parts && step * a->bytes <= MAX_STEP * 4 && step <= MAX_STEP;
}

static bool find_layout(emitter *e, const memory_access *a, layout *l)
{
    if ((a->shape.kind != SHAPE_AFFINE && a->shape.kind != SHAPE_ROWS) || !steps_fit(a, a->shape.stride))
        return false;
    bool rows = a->shape.kind == SHAPE_ROWS;
    *l = (layout){rows ? row_count(e) : 1, rows ? e->c.row : LANES, (int)a->shape.stride / a->bytes, {0}};
    for (e->row = 0; e->row < l->count; e->row++)
        l->pointers[e->row] = pointer_at(e, address_base(e, a, rows ? FORM_ROW : FORM_SCALAR), offset_of(a));
    return true;
}

/* Each lane's bit of a segment, once for each of its parts; gaps are left out. */
static value segment_mask(emitter *e, const memory_access *a, const layout *l, int segment)
{
    int index[MAX_WIDE] = {0}, n = l->lanes * l->step;
    value used[MAX_WIDE];
    for (int i = 0; i < n; i++) {
        index[i] = segment * l->lanes + i / l->step;
        used[i] = constant_int(e, 1, i % l->step < a->parts);
    }
    value gaps = LLVMConstVector(used, (unsigned)n);
    if (mask_is_full(e))
        return gaps;
    value mask = l->step == 1 ? some_lanes(e, e->mask, segment * l->lanes, l->lanes) : shuffle(e, e->mask, e->mask, index, n);
    return l->step == a->parts ? mask : LLVMBuildAnd(e->b, mask, gaps, "");
}

static value load_segment(emitter *e, const memory_access *a, const layout *l, int segment)
{
    llvm_type type = LLVMVectorType(a->element, (unsigned)(l->lanes * l->step));
    /* Behind the last byte of shared memory there is always some more. */
    if (mask_is_full(e) && (l->step == a->parts || a->space == SPACE_SHARED)) {
        value v = LLVMBuildLoad2(e->b, type, l->pointers[segment], "");
        LLVMSetAlignment(v, (unsigned)a->bytes);
        return v;
    }
    value x[4] = {l->pointers[segment], constant_int(e, 32, a->bytes), segment_mask(e, a, l, segment), LLVMConstNull(type)};
    return named_intrinsic(e, "llvm.masked.load", (llvm_type[]){type, pointer_type(e)}, x, 4);
}

static void load_segments(emitter *e, const memory_access *a, const layout *l, value *v)
{
    value wide[MAX_ROWS] = {0}, part[MAX_ROWS] = {0};
    int index[LANES] = {0};
    for (int s = 0; s < l->count; s++)
        wide[s] = load_segment(e, a, l, s);
    for (int i = 0; i < a->parts; i++) {
        for (int s = 0; s < l->count; s++) {
            for (int lane = 0; lane < l->lanes; lane++)
                index[lane] = lane * l->step + i;
            part[s] = l->step == 1 ? wide[s] : shuffle(e, wide[s], wide[s], index, l->lanes);
        }
        v[i] = append_all(e, part, l->count);
    }
}

/* Lane by lane: all parts of lane 0, all of lane 1, ... */
static value interleave(emitter *e, const memory_access *a, const layout *l, const value *v, int segment)
{
    value parts[MAX_PARTS] = {0};
    int index[MAX_WIDE] = {0};
    for (int i = 0; i < a->parts; i++)
        parts[i] = some_lanes(e, v[i], segment * l->lanes, l->lanes);
    value all = append_all(e, parts, a->parts);
    for (int i = 0; i < l->lanes * l->step; i++)
        index[i] = i % l->step < a->parts ? i % l->step * l->lanes + i / l->step : -1;
    return l->step == 1 ? all : shuffle(e, all, all, index, l->lanes * l->step);
}

static void store_masked(emitter *e, value v, value pointer, int bytes, value mask)
{
    value x[4] = {v, pointer, constant_int(e, 32, bytes), mask};
    named_intrinsic(e, "llvm.masked.store", (llvm_type[]){LLVMTypeOf(v), pointer_type(e)}, x, 4);
}

static value elements_of(emitter *e, value v, int first, int count)
{
    int index[MAX_WIDE] = {0};
    for (int i = 0; i < count; i++)
        index[i] = first + i;
    return shuffle(e, v, v, index, count);
}

/* Without AVX-512 a store under a mask takes tens of cycles. Masks begin or end somewhere, mostly: of the registers that are
 * stored, all but one are whole or not there at all. */
static void store_by_register(emitter *e, value v, value pointer, int bytes, value mask)
{
    int n = (int)LLVMGetVectorSize(LLVMTypeOf(v)), group = 32 / bytes;
    for (int first = 0; first < n; first += group) {
        value part = elements_of(e, v, first, group), used = elements_of(e, mask, first, group);
        value bits = LLVMBuildBitCast(e->b, used, integer(e, group), ""), at = constant_int(e, 64, (int64_t)first * bytes);
        value to = LLVMBuildGEP2(e->b, integer(e, 8), pointer, &at, 1, "");
        conditional some = begin_if(e, LLVMBuildICmp(e->b, LLVMIntNE, bits, constant_int(e, group, 0), ""));
        LLVMBasicBlockRef whole = LLVMAppendBasicBlockInContext(e->context, e->function, "whole.register");
        LLVMBasicBlockRef piece = LLVMAppendBasicBlockInContext(e->context, e->function, "piece");
        LLVMBasicBlockRef join = LLVMAppendBasicBlockInContext(e->context, e->function, "stored");
        LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntEQ, bits, constant_int(e, group, -1), ""), whole, piece);
        LLVMPositionBuilderAtEnd(e->b, whole);
        LLVMSetAlignment(LLVMBuildStore(e->b, part, to), (unsigned)bytes);
        LLVMBuildBr(e->b, join);
        LLVMPositionBuilderAtEnd(e->b, piece);
        store_masked(e, part, to, bytes, used);
        LLVMBuildBr(e->b, join);
        LLVMPositionBuilderAtEnd(e->b, join);
        end_if(e, some);
    }
}

static void store_segments(emitter *e, const memory_access *a, const layout *l, const value *v)
{
    int width = l->lanes * l->step * a->bytes;
    for (int s = 0; s < l->count; s++) {
        value wide = interleave(e, a, l, v, s);
        if (mask_is_full(e) && l->step == a->parts)
            LLVMSetAlignment(LLVMBuildStore(e->b, wide, l->pointers[s]), (unsigned)a->bytes);
        else if (cpu()->isa < ISA_AVX512 && l->step == a->parts && width % 32 == 0)
            store_by_register(e, wide, l->pointers[s], a->bytes, segment_mask(e, a, l, s));
        else
            store_masked(e, wide, l->pointers[s], a->bytes, segment_mask(e, a, l, s));
    }
}

/* ---- Likely strides ------------------------------------------------------------------------------ */
/* Two ways of one access: `fast` when every lane that runs is where the first lane's address says. */
typedef struct two_ways {
    LLVMBasicBlockRef fast, slow, join;
    layout l;
} two_ways;

static bool is_likely(const memory_access *a)
{
    return a->shape.kind == SHAPE_VECTOR && a->shape.likely == (int64_t)a->parts * a->bytes && a->space != SPACE_SHARED;
}

/* Looks at all addresses. */
static value some_lane_astray(emitter *e, const memory_access *a, layout *l)
{
    int first[LANES];
    value at = address_value(e, a, FORM_LANES), steps[LANES];
    for (int i = 0; i < LANES; i++) {
        steps[i] = constant_int(e, 64, a->shape.likely * (i % l->lanes));
        first[i] = i / l->lanes * l->lanes;
    }
    value bases = LLVMBuildSub(e->b, at, LLVMConstVector(steps, LANES), "");
    value astray = LLVMBuildICmp(e->b, LLVMIntNE, bases, shuffle(e, bases, bases, first, LANES), "");
    for (int i = 0; i < l->count; i++)
        l->pointers[i] = pointer_at(e, LLVMBuildExtractElement(e->b, bases, constant_int(e, 32, i * l->lanes), ""), 0);
    return any_lane(e, LLVMBuildAnd(e->b, astray, e->mask, ""));
}

/* An unsigned index that grows by one stride from lane to lane: it wraps when its last lane's does. */
static value index_wraps(emitter *e, const memory_access *a, const indexed *x, layout *l)
{
    shape s = shape_of(e, x->index);
    value wraps = constant_int(e, 1, 0), most = constant_int(e, 32, UINT32_MAX - s.stride * (l->lanes - 1));
    for (int r = 0; r < l->count; r++) {
        e->row = r;
        value index = read_operand(e, x->index, PTX_U32, l->count > 1 ? FORM_ROW : FORM_SCALAR);
        value base = read_operand(e, x->base, PTX_U64, l->count > 1 ? FORM_ROW : FORM_SCALAR);
        wraps = LLVMBuildOr(e->b, wraps, LLVMBuildICmp(e->b, LLVMIntUGT, index, most, ""), "");
        value at = LLVMBuildMul(e->b, widen_index(e, x, index), constant_int(e, 64, x->scale), "");
        l->pointers[r] = pointer_at(e, LLVMBuildAdd(e->b, base, at, ""), offset_of(a));
    }
    return wraps;
}

static bool has_affine_index(emitter *e, const memory_access *a, indexed *x)
{
    if (!find_indexed(e, a, x) || x->is_signed)
        return false;
    shape s = shape_of(e, x->index);
    return (s.kind == SHAPE_AFFINE || s.kind == SHAPE_ROWS) && s.stride > 0 && s.stride < 256 && s.stride * x->scale == a->shape.likely;
}

static two_ways begin_two_ways(emitter *e, const memory_access *a)
{
    int rows = row_count(e);
    indexed x;
    two_ways w = {.l = {rows, LANES / rows, a->parts, {0}}};
    value astray = has_affine_index(e, a, &x) ? index_wraps(e, a, &x, &w.l) : some_lane_astray(e, a, &w.l);
    w.fast = LLVMAppendBasicBlockInContext(e->context, e->function, "unit.stride");
    w.slow = LLVMAppendBasicBlockInContext(e->context, e->function, "scattered");
    w.join = LLVMAppendBasicBlockInContext(e->context, e->function, "accessed");
    LLVMBuildCondBr(e->b, astray, w.slow, w.fast);
    LLVMPositionBuilderAtEnd(e->b, w.fast);
    return w;
}

static void begin_slow(emitter *e, two_ways *w)
{
    w->fast = LLVMGetInsertBlock(e->b);
    LLVMBuildBr(e->b, w->join);
    LLVMPositionBuilderAtEnd(e->b, w->slow);
}

static void end_two_ways(emitter *e, two_ways *w)
{
    w->slow = LLVMGetInsertBlock(e->b);
    LLVMBuildBr(e->b, w->join);
    LLVMPositionBuilderAtEnd(e->b, w->join);
}

/* ---- Loading ------------------------------------------------------------------------------------- */
static void set_volatile(const ptx_instruction *in, value instruction)
{
    if (modifier_among(in, "volatile relaxed acquire release") != MOD_NONE)
        LLVMSetVolatile(instruction, 1);
}

static value load_scalar(emitter *e, const memory_access *a, value pointer)
{
    value v = LLVMBuildLoad2(e->b, a->element, pointer, "");
    LLVMSetAlignment(v, (unsigned)a->bytes);
    set_volatile(a->in, v);
    return v;
}

/* The rows' addresses. A row without lanes reads where another row does: its own address may be nowhere. */
static void row_addresses(emitter *e, const memory_access *a, value *at)
{
    int rows = row_count(e);
    for (e->row = 0; e->row < rows; e->row++)
        at[e->row] = address_base(e, a, FORM_ROW);
    if (mask_is_full(e))
        return;
    value bits = mask_bits(e, e->mask), runs[MAX_ROWS], any = at[0];
    for (int i = 0; i < rows; i++) {
        value row = LLVMBuildAnd(e->b, bits, constant_int(e, 32, (int64_t)((1u << e->c.row) - 1) << (i * e->c.row)), "");
        runs[i] = LLVMBuildICmp(e->b, LLVMIntNE, row, constant_int(e, 32, 0), "");
        any = select_value(e, runs[i], at[i], any);
    }
    for (int i = 0; i < rows; i++)
        at[i] = select_value(e, runs[i], at[i], any);
}

/* Written here, since there are several values for each part. */
static void load_rows(emitter *e, const memory_access *a)
{
    value at[MAX_ROWS], v[MAX_PARTS][MAX_ROWS];
    row_addresses(e, a, at);
    for (int i = 0; i < a->parts; i++)
        for (int r = 0; r < row_count(e); r++)
            v[i][r] = load_scalar(e, a, pointer_at(e, at[r], offset_of(a) + (int64_t)i * a->bytes));
    for (int i = 0; i < a->parts; i++)
        write_rows(e, &a->in->dst[i], a->type, v[i], (shape){.kind = SHAPE_ROWS});
}

static void load_uniform(emitter *e, const memory_access *a, value *v)
{
    value base = address_base(e, a, FORM_SCALAR);
    for (int i = 0; i < a->parts; i++)
        v[i] = load_scalar(e, a, pointer_at(e, base, offset_of(a) + (int64_t)i * a->bytes));
}

/* Where each lane's parts lie; lanes that do not load read from the stack. */
static void pointers_of_lanes(emitter *e, const memory_access *a, value *pointers)
{
    if (a->shape.kind == SHAPE_AFFINE && mask_is_full(e)) {
        value base = address_base(e, a, FORM_SCALAR);
        for (int i = 0; i < LANES; i++)
            pointers[i] = pointer_at(e, base, offset_of(a) + a->shape.stride * i);
        return;
    }
    value at = address_value(e, a, FORM_LANES);
    if (!mask_is_full(e)) {
        value nowhere = new_slot(e, LLVMArrayType2(integer(e, 64), 4), "nowhere");
        at = select_value(e, e->mask, at, splat(e, LLVMBuildPtrToInt(e->b, nowhere, integer(e, 64), "")));
    }
    for (int i = 0; i < LANES; i++)
        pointers[i] = pointer_at(e, LLVMBuildExtractElement(e->b, at, constant_int(e, 32, i), ""), 0);
}

/* One vector of many. */
static value append_each(emitter *e, value *x, int count)
{
    for (; count > 1; count /= 2)
        for (int i = 0; i < count / 2; i++)
            x[i] = append_vectors(e, x[2 * i], x[2 * i + 1]);
    return x[0];
}

/* Of each 16 bytes of x and y the lower or the upper halves, `run` elements of the one after as many of the other. */
static value unpack(emitter *e, value x, value y, int each, int run, bool upper)
{
    int index[LANES] = {0}, n = (int)LLVMGetVectorSize(LLVMTypeOf(x));
    for (int i = 0; i < n; i++) {
        int in = i % each, from = in / (2 * run) * run + in % run + (upper ? each / 2 : 0);
        index[i] = i - in + from + (in / run % 2 ? n : 0);
    }
    return shuffle(e, x, y, index, n);
}

/* Lanes of 16 bytes: a register takes those that are `parts` apart. Unpacking, which stays within 16 bytes, then leaves all
 * lanes in order. */
static void split_lanes(emitter *e, int parts, const value *lanes, value *v)
{
    int slots = cpu()->isa >= ISA_AVX512 ? 4 : 2, group = slots * parts;
    value pieces[MAX_PARTS][LANES];
    for (int first = 0; first < LANES; first += group) {
        value x[MAX_PARTS], y[MAX_PARTS], slot[LANES];
        for (int i = 0; i < parts; i++) {
            for (int s = 0; s < slots; s++)
                slot[s] = lanes[first + i + s * parts];
            x[i] = append_each(e, slot, slots);
        }
        for (int i = 0; i < parts; i++)
            y[i] = unpack(e, x[i & 2], x[(i & 2) + 1], parts, 1, i & 1);
        for (int i = 0; i < parts; i++)
            pieces[i][first / group] = parts == 2 ? y[i] : unpack(e, y[i / 2], y[i / 2 + 2], parts, 2, i & 1);
    }
    for (int i = 0; i < parts; i++)
        v[i] = append_each(e, pieces[i], LANES / group);
}

/* Lanes far apart, with several parts each: one access a lane brings all of them, faster than a gather for each part. */
static void load_each_lane(emitter *e, const memory_access *a, value *v)
{
    llvm_type type = LLVMVectorType(a->element, (unsigned)a->parts);
    value pointers[LANES], lanes[LANES];
    int index[LANES];
    pointers_of_lanes(e, a, pointers);
    for (int i = 0; i < LANES; i++) {
        lanes[i] = LLVMBuildLoad2(e->b, type, pointers[i], "");
        LLVMSetAlignment(lanes[i], (unsigned)a->bytes);
    }
    if (a->parts * a->bytes == 16) {
        split_lanes(e, a->parts, lanes, v);
        return;
    }
    append_each(e, lanes, LANES);
    for (int i = 0; i < a->parts; i++) {
        for (int lane = 0; lane < LANES; lane++)
            index[lane] = lane * a->parts + i;
        v[i] = shuffle(e, lanes[0], lanes[0], index, LANES);
    }
}

/* Bytes and half words: no processor gathers those. */
static value load_narrow(emitter *e, const memory_access *a)
{
    value pointers[LANES], v = LLVMGetPoison(vector_of(a->element));
    pointers_of_lanes(e, a, pointers);
    for (int i = 0; i < LANES; i++) {
        value x = LLVMBuildLoad2(e->b, a->element, pointers[i], "");
        LLVMSetAlignment(x, (unsigned)a->bytes);
        v = LLVMBuildInsertElement(e->b, v, x, constant_int(e, 32, i), "");
    }
    return v;
}

static void load_anyhow(emitter *e, const memory_access *a, value *v)
{
    if (a->parts > 1)
        load_each_lane(e, a, v);
    else if (a->bytes < 4)
        v[0] = load_narrow(e, a);
    else
        v[0] = gather(e, a->element, lane_pointers(e, a, 0), a->bytes);
}

static void load_either_way(emitter *e, const memory_access *a, value *v)
{
    value fast[MAX_PARTS], slow[MAX_PARTS];
    two_ways w = begin_two_ways(e, a);
    load_segments(e, a, &w.l, fast);
    begin_slow(e, &w);
    load_anyhow(e, a, slow);
    end_two_ways(e, &w);
    for (int i = 0; i < a->parts; i++) {
        v[i] = LLVMBuildPhi(e->b, LLVMTypeOf(fast[i]), "");
        LLVMAddIncoming(v[i], (value[]){fast[i], slow[i]}, (LLVMBasicBlockRef[]){w.fast, w.slow}, 2);
    }
}

/* ---- Whole accesses ------------------------------------------------------------------------------ */
/* Threads that look at memory while others write it find all parts of an access or none: eight or sixteen bytes go at
 * once, as processors with AVX do when they are aligned. CUB's scans pass a value and its state in such a pair. */
static bool is_whole(const memory_access *a)
{
    int bytes = a->parts * a->bytes;
    return a->parts > 1 && (bytes == 8 || bytes == 16) && modifier_among(a->in, "volatile relaxed acquire release") != MOD_NONE;
}

static value load_whole(emitter *e, const memory_access *a, value pointer)
{
    value all = LLVMBuildLoad2(e->b, LLVMVectorType(a->element, (unsigned)a->parts), pointer, "");
    LLVMSetAlignment(all, (unsigned)(a->parts * a->bytes));
    LLVMSetVolatile(all, 1);
    return all;
}

/* The helper's arguments; the parts lie behind one another, each for all lanes. */
static void whole_arguments(emitter *e, const memory_access *a, value arguments[5])
{
    value at = address_value(e, a, FORM_LANES);
    arguments[0] = mask_bits(e, e->mask);
    arguments[1] = constant_int(e, 32, a->bytes);
    arguments[2] = constant_int(e, 32, a->parts);
    arguments[3] = in_memory(e, at);
    arguments[4] = new_slot(e, LLVMArrayType2(vector_of(a->element), (uint64_t)a->parts), "parts");
}

static value part_in_slot(emitter *e, const memory_access *a, value slot, int part)
{
    value at = constant_int(e, 64, (int64_t)part * LANES * a->bytes);
    return LLVMBuildGEP2(e->b, integer(e, 8), slot, &at, 1, "");
}

static void load_wholes(emitter *e, const memory_access *a, value *v)
{
    value arguments[5];
    if (is_uniform(a->shape)) {
        value all = load_whole(e, a, pointer_at(e, address_base(e, a, FORM_SCALAR), offset_of(a)));
        for (int i = 0; i < a->parts; i++)
            v[i] = LLVMBuildExtractElement(e->b, all, constant_int(e, 32, i), "");
        return;
    }
    whole_arguments(e, a, arguments);
    call_helper(e, "rt_load_whole", LLVMVoidTypeInContext(e->context), arguments, 5);
    for (int i = 0; i < a->parts; i++)
        v[i] = LLVMBuildLoad2(e->b, vector_of(a->element), part_in_slot(e, a, arguments[4], i), "");
}

static void store_wholes(emitter *e, const memory_access *a, const value *v)
{
    value arguments[5];
    whole_arguments(e, a, arguments);
    for (int i = 0; i < a->parts; i++)
        LLVMBuildStore(e->b, is_vector(v[i]) ? v[i] : splat(e, v[i]), part_in_slot(e, a, arguments[4], i));
    call_helper(e, "rt_store_whole", LLVMVoidTypeInContext(e->context), arguments, 5);
}

/* The parts of an access: one value each, or one for each lane. */
static void load_values(emitter *e, const memory_access *a, value *v)
{
    layout l;
    if (is_whole(a))
        load_wholes(e, a, v);
    else if (is_uniform(a->shape))
        load_uniform(e, a, v);
    else if (find_layout(e, a, &l))
        load_segments(e, a, &l, v);
    else if (is_likely(a))
        load_either_way(e, a, v);
    else
        load_anyhow(e, a, v);
}

value emit_ld(emitter *e, const ptx_instruction *in)
{
    memory_access a = access_of(e, in);
    value v[MAX_PARTS] = {0};
    if (a.shape.kind == SHAPE_ROWS && is_level(a.shape)) {
        load_rows(e, &a);
        return NULL;
    }
    load_values(e, &a, v);
    if (has_modifier(in, MOD_acquire)) /* what comes later is read later: a matter of the compiler, not of x86 */
        LLVMBuildFence(e->b, LLVMAtomicOrderingAcquire, 0, "");
    for (int i = 0; i < a.parts; i++)
        write_uniform(e, &in->dst[i], a.type, v[i]);
    return NULL;
}

value emit_ldu(emitter *e, const ptx_instruction *in) { return emit_ld(e, in); }

/* ---- Storing ------------------------------------------------------------------------------------- */
/* When all lanes write to one place, one of them wins: the last, as in a loop over them. */
static value last_lane(emitter *e, value v)
{
    if (!is_vector(v))
        return v;
    value arguments[2] = {mask_bits(e, e->mask), constant_int(e, 1, 0)};
    value zeros = call_intrinsic(e, "llvm.ctlz", integer(e, 32), arguments, 2);
    return LLVMBuildExtractElement(e->b, v, LLVMBuildSub(e->b, constant_int(e, 32, 31), zeros, ""), "");
}

static void store_uniform(emitter *e, const memory_access *a, const value *v)
{
    value base = address_base(e, a, FORM_SCALAR);
    for (int i = 0; i < a->parts; i++) {
        value store = LLVMBuildStore(e->b, last_lane(e, v[i]), pointer_at(e, base, offset_of(a) + (int64_t)i * a->bytes));
        LLVMSetAlignment(store, (unsigned)a->bytes);
        set_volatile(a->in, store);
    }
}

/* In the order of the lanes, as a scatter does; without branches, where each lane would have one. */
static void store_each_lane(emitter *e, const memory_access *a, const value *v)
{
    value pointers[LANES];
    pointers_of_lanes(e, a, pointers);
    for (int i = 0; i < LANES; i++)
        for (int part = 0; part < a->parts; part++) {
            value x = LLVMBuildExtractElement(e->b, v[part], constant_int(e, 32, i), "");
            value at = constant_int(e, 64, (int64_t)part * a->bytes), to = LLVMBuildGEP2(e->b, integer(e, 8), pointers[i], &at, 1, "");
            LLVMSetAlignment(LLVMBuildStore(e->b, x, to), (unsigned)a->bytes);
        }
}

static void store_anyhow(emitter *e, const memory_access *a, const value *v)
{
    if (a->bytes < 4 || cpu()->isa < ISA_AVX512) { /* what has no instruction for it */
        store_each_lane(e, a, v);
        return;
    }
    for (int i = 0; i < a->parts; i++)
        scatter(e, v[i], lane_pointers(e, a, i), a->bytes);
}

/* v: the parts, one value for each lane; to a uniform address also single values. */
static void store_values(emitter *e, const memory_access *a, const value *v)
{
    layout l;
    if (is_whole(a)) {
        store_wholes(e, a, v);
    } else if (is_uniform(a->shape)) {
        store_uniform(e, a, v);
    } else if (find_layout(e, a, &l)) {
        store_segments(e, a, &l, v);
    } else if (is_likely(a)) {
        two_ways w = begin_two_ways(e, a);
        store_segments(e, a, &w.l, v);
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
    value v[MAX_PARTS] = {0};
    for (int i = 0; i < a.parts; i++) {
        bool one = is_uniform(a.shape) && is_uniform(shape_of(e, &in->src[1 + i]));
        v[i] = read_operand(e, &in->src[1 + i], a.type, one ? FORM_SCALAR : FORM_LANES);
    }
    if (has_modifier(in, MOD_release))
        LLVMBuildFence(e->b, LLVMAtomicOrderingRelease, 0, "");
    store_values(e, &a, v);
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

/* Words behind a lane's bytes are not read. */
static void load_some_bytes(emitter *e, const memory_access *a, value left, value *v)
{
    value mask = e->mask;
    for (int i = 0; i < a->parts; i++) {
        e->mask = LLVMBuildAnd(e->b, mask, LLVMBuildICmp(e->b, LLVMIntUGT, left, constant_like(left, 4 * i), ""), "");
        v[i] = keep_bytes(e, gather(e, a->element, lane_pointers(e, a, i), a->bytes), left, 4 * i);
    }
    e->mask = mask;
}

/* Copies at once; waiting for groups has nothing left to wait for. */
value emit_cp_async(emitter *e, const ptx_instruction *in)
{
    int64_t bytes = in->src[2].offset;
    if (in->src[2].kind != OPERAND_IMMEDIATE || (bytes != 4 && bytes != 8 && bytes != 16)) {
        unsupported(e, in, "the size must be 4, 8 or 16");
        return NULL;
    }
    memory_access to = access_at(e, in, 0, PTX_B32, (int)bytes / 4, SPACE_SHARED);
    memory_access from = access_at(e, in, 1, PTX_B32, (int)bytes / 4, SPACE_GLOBAL);
    value v[MAX_PARTS] = {0};
    if (in->src_count > 3)
        load_some_bytes(e, &from, read_operand(e, &in->src[3], PTX_U32, FORM_LANES), v);
    else
        load_values(e, &from, v);
    for (int i = 0; i < to.parts; i++)
        v[i] = is_vector(v[i]) ? v[i] : splat(e, v[i]);
    store_values(e, &to, v);
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

static bool reads(const ptx_instruction *in, int reg)
{
    bool found = in->guard == reg;
    for (int i = 0; i < in->src_count; i++)
        found |= in->src[i].kind == OPERAND_REGISTER && in->src[i].index == reg;
    return found;
}

/* Registers that carry arguments and results are read by calls. */
static bool is_read(const emitter *e, const ptx_operand *o)
{
    bool found = false;
    for (int i = 0; i < e->f->slot_count; i++)
        found |= e->f->slots[i].reg == o->index;
    for (int i = 0; i < e->f->code_count && !found; i++)
        found = reads(&e->f->code[i], o->index);
    return found && o->kind == OPERAND_REGISTER;
}

/* Compilers write atom where nobody wants to know what was there before. */
value emit_atom(emitter *e, const ptx_instruction *in)
{
    if (!is_read(e, &in->dst[0]))
        return emit_red(e, in);
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
