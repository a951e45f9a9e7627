/* Types, constants, operands: how registers are read and written. */
#include "runtime/jit/emit.h"
#include <stddef.h>
#include <string.h>

/* ---- Types and constants ------------------------------------------------------------------------- */
llvm_type integer(emitter *e, int bits) { return LLVMIntTypeInContext(e->context, (unsigned)bits); }

llvm_type scalar_type(emitter *e, ptx_type type)
{
    switch (type) {
    case PTX_F32: return LLVMFloatTypeInContext(e->context);
    case PTX_F64: return LLVMDoubleTypeInContext(e->context);
    case PTX_F16: return LLVMHalfTypeInContext(e->context);
    default: return integer(e, type_bits(type));
    }
}

llvm_type vector_of(llvm_type element) { return LLVMVectorType(element, LANES); }

bool is_vector(value v) { return LLVMGetTypeKind(LLVMTypeOf(v)) == LLVMVectorTypeKind; }

llvm_type element_of(value v)
{
    llvm_type t = LLVMTypeOf(v);
    return is_vector(v) ? LLVMGetElementType(t) : t;
}

static int width_of(value v) { return is_vector(v) ? (int)LLVMGetVectorSize(LLVMTypeOf(v)) : 1; }

llvm_type shaped(llvm_type type, value like)
{
    return is_vector(like) ? LLVMVectorType(type, (unsigned)width_of(like)) : type;
}

static value repeat_constant(value scalar, int count)
{
    value lanes[LANES];
    for (int i = 0; i < count; i++)
        lanes[i] = scalar;
    return LLVMConstVector(lanes, (unsigned)count);
}

value splat_constant(value scalar) { return repeat_constant(scalar, LANES); }

value constant_like(value like, int64_t bits)
{
    value c = LLVMConstInt(element_of(like), (unsigned long long)bits, 1);
    return is_vector(like) ? repeat_constant(c, width_of(like)) : c;
}

value real_like(value like, double x)
{
    value c = LLVMConstReal(element_of(like), x);
    return is_vector(like) ? repeat_constant(c, width_of(like)) : c;
}

value constant_int(emitter *e, int bits, int64_t x) { return LLVMConstInt(integer(e, bits), (unsigned long long)x, 1); }

value splat(emitter *e, value scalar)
{
    if (LLVMIsConstant(scalar))
        return splat_constant(scalar);
    llvm_type type = vector_of(LLVMTypeOf(scalar));
    value one = LLVMBuildInsertElement(e->b, LLVMGetPoison(type), scalar, constant_int(e, 32, 0), "");
    return LLVMBuildShuffleVector(e->b, one, LLVMGetPoison(type), LLVMConstNull(vector_of(integer(e, 32))), "");
}

value lane_numbers(emitter *e, int bits)
{
    value lanes[LANES];
    for (int i = 0; i < LANES; i++)
        lanes[i] = constant_int(e, bits, i);
    return LLVMConstVector(lanes, LANES);
}

value spread(emitter *e, value base, int64_t stride)
{
    value v = splat(e, base);
    if (!stride)
        return v;
    value steps[LANES];
    for (int i = 0; i < LANES; i++)
        steps[i] = LLVMConstInt(LLVMTypeOf(base), (unsigned long long)(stride * i), 1);
    return LLVMBuildAdd(e->b, v, LLVMConstVector(steps, LANES), "");
}

/* ---- Rows ---------------------------------------------------------------------------------------- */
int row_count(const emitter *e) { return e->c.row ? LANES / e->c.row : 1; }

/* The value of lane 0, moved on to the row that is being emitted. */
static value of_row(emitter *e, value base, int64_t stride)
{
    return stride && e->row ? LLVMBuildAdd(e->b, base, constant_like(base, stride * e->row * e->c.row), "") : base;
}

value spread_rows(emitter *e, const value *rows, int64_t stride)
{
    int count = row_count(e);
    llvm_type type = LLVMVectorType(LLVMTypeOf(rows[0]), LANES);
    value v = NULL, steps[LANES], index[LANES];
    for (int r = 0; r < count; r++) {
        value all = splat(e, rows[r]);
        for (int i = 0; i < LANES; i++)
            index[i] = constant_int(e, 32, i / e->c.row == r ? LANES + i : i);
        v = v ? LLVMBuildShuffleVector(e->b, v, all, LLVMConstVector(index, LANES), "") : all;
    }
    if (!stride)
        return v;
    for (int i = 0; i < LANES; i++)
        steps[i] = LLVMConstInt(LLVMGetElementType(type), (unsigned long long)(stride * (i % e->c.row)), 1);
    return LLVMBuildAdd(e->b, v, LLVMConstVector(steps, LANES), "");
}

/* ---- Reading ------------------------------------------------------------------------------------- */
shape shape_of(emitter *e, const ptx_operand *o) { return operand_shape(&e->g, e->c, e->shapes, o); }

static value read_immediate(emitter *e, const ptx_operand *o, ptx_type type)
{
    union { float f; uint32_t u; } single = {.u = (uint32_t)o->offset};
    union { double d; int64_t i; } wide = {.i = o->offset};
    llvm_type t = scalar_type(e, type);
    if (type == PTX_F32 && o->real)
        return LLVMConstReal(t, o->real == REAL_SINGLE ? single.f : wide.d);
    if (type == PTX_F64 && o->real)
        return LLVMConstReal(t, o->real == REAL_SINGLE ? single.f : wide.d);
    int64_t bits = o->offset;
    if (o->real == REAL_DOUBLE && type_bits(type) == 32) {
        single.f = (float)wide.d;
        bits = single.u;
    }
    if (type_kind(type) != KIND_FLOAT)
        return LLVMConstInt(t, (unsigned long long)bits, 0);
    if (!o->real && (type == PTX_F32 || type == PTX_F64))
        return LLVMConstReal(t, (double)bits);
    return LLVMConstBitCast(constant_int(e, type_bits(type), bits), t);
}

/* Loaded in the prologue, where every use sees it. */
value warp_field(emitter *e, size_t offset, llvm_type type)
{
    value *field = &e->fields[offset / 4];
    if (*field)
        return *field;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
    LLVMPositionBuilderBefore(e->b, e->prologue_end);
    value at = constant_int(e, 64, (int64_t)offset);
    value place = LLVMBuildGEP2(e->b, integer(e, 8), e->warp, &at, 1, "");
    *field = LLVMBuildLoad2(e->b, type, place, "field");
    LLVMPositionBuilderAtEnd(e->b, here);
    return *field;
}

static value field32(emitter *e, size_t offset) { return warp_field(e, offset, integer(e, 32)); }
static value pointer_bits(emitter *e, size_t offset) { return warp_field(e, offset, integer(e, 64)); }

/* The thread number that a row begins with. */
static value tid_of_row(emitter *e, int axis, int row)
{
    if (axis == 0 && e->c.narrow)
        return constant_int(e, 32, 0);
    if (e->tid_rows[axis][row])
        return e->tid_rows[axis][row];
    value base = warp_field(e, offsetof(warp, tid), LLVMPointerTypeInContext(e->context, 0));
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
    LLVMPositionBuilderBefore(e->b, e->prologue_end);
    value at = constant_int(e, 64, axis * LANES + row * e->c.row), place = LLVMBuildGEP2(e->b, integer(e, 32), base, &at, 1, "");
    e->tid_rows[axis][row] = LLVMBuildLoad2(e->b, integer(e, 32), place, "tid");
    LLVMPositionBuilderAtEnd(e->b, here);
    return e->tid_rows[axis][row];
}

static value tid_of_lanes(emitter *e, int axis)
{
    value rows[MAX_ROWS];
    for (int r = 0; r < row_count(e); r++)
        rows[r] = tid_of_row(e, axis, r);
    return spread_rows(e, rows, axis == 0);
}

static value read_tid(emitter *e, int axis, form want)
{
    if (e->c.flat) {
        /* A warp begins at a multiple of 32 of x: LLVM folds what programs make of the lane's number. */
        value base = field32(e, offsetof(warp, tid_base) + 4 * (size_t)axis);
        return axis ? base : LLVMBuildAnd(e->b, base, constant_int(e, 32, -LANES), "");
    }
    if (e->c.row && want != FORM_SCALAR)
        return want == FORM_ROW ? tid_of_row(e, axis, e->row) : tid_of_lanes(e, axis);
    if (want == FORM_SCALAR)
        return constant_int(e, 32, 0);
    value base = warp_field(e, offsetof(warp, tid), LLVMPointerTypeInContext(e->context, 0));
    value at = constant_int(e, 64, axis * LANES * 4);
    value place = LLVMBuildGEP2(e->b, integer(e, 8), base, &at, 1, "");
    value lanes = LLVMBuildLoad2(e->b, vector_of(integer(e, 32)), place, "tid");
    LLVMSetAlignment(lanes, 4);
    return lanes;
}

static value lane_mask(emitter *e, ptx_special special)
{
    value lanes[LANES];
    for (int i = 0; i < LANES; i++) {
        uint32_t eq = 1u << i, lt = eq - 1;
        uint32_t mask = special == SPECIAL_LANEMASK_EQ   ? eq
                        : special == SPECIAL_LANEMASK_LT ? lt
                        : special == SPECIAL_LANEMASK_LE ? lt | eq
                        : special == SPECIAL_LANEMASK_GT ? ~(lt | eq)
                                                         : ~lt;
        lanes[i] = constant_int(e, 32, mask);
    }
    return LLVMConstVector(lanes, LANES);
}

static value read_clock(emitter *e, ptx_special special)
{
    value now = call_helper(e, "rt_clock", integer(e, 64), NULL, 0);
    if (special == SPECIAL_CLOCK_HI)
        now = LLVMBuildLShr(e->b, now, constant_int(e, 64, 32), "");
    return now;
}

static value read_special(emitter *e, const ptx_operand *o, form want)
{
    ptx_special s = (ptx_special)o->index;
    switch (s) {
    case SPECIAL_TID_X: case SPECIAL_TID_Y: case SPECIAL_TID_Z:
        return read_tid(e, (int)(s - SPECIAL_TID_X), want);
    case SPECIAL_NTID_X:
        if (e->c.narrow)
            return constant_int(e, 32, e->c.row);
        return field32(e, offsetof(warp, ntid));
    case SPECIAL_NTID_Y: case SPECIAL_NTID_Z:
        return field32(e, offsetof(warp, ntid) + 4 * (s - SPECIAL_NTID_X));
    case SPECIAL_CTAID_X: case SPECIAL_CTAID_Y: case SPECIAL_CTAID_Z:
        return field32(e, offsetof(warp, ctaid) + 4 * (s - SPECIAL_CTAID_X));
    case SPECIAL_NCTAID_X: case SPECIAL_NCTAID_Y: case SPECIAL_NCTAID_Z:
        return field32(e, offsetof(warp, nctaid) + 4 * (s - SPECIAL_NCTAID_X));
    case SPECIAL_LANEID: return constant_int(e, 32, 0);
    case SPECIAL_WARPID: return field32(e, offsetof(warp, index));
    case SPECIAL_NWARPID: return field32(e, offsetof(warp, count));
    case SPECIAL_SMID: return field32(e, offsetof(warp, processor));
    case SPECIAL_NSMID: return field32(e, offsetof(warp, processors));
    case SPECIAL_GRIDID: return warp_field(e, offsetof(warp, grid), integer(e, 64));
    case SPECIAL_WARP_SZ: return constant_int(e, 32, LANES);
    case SPECIAL_DYNAMIC_SMEM: return field32(e, offsetof(warp, dynamic_shared));
    case SPECIAL_TOTAL_SMEM: return field32(e, offsetof(warp, total_shared));
    case SPECIAL_CLOCK: case SPECIAL_CLOCK_HI: case SPECIAL_CLOCK64: case SPECIAL_GLOBALTIMER:
        return read_clock(e, s);
    default: return lane_mask(e, s);
    }
}

/* Static shared variables lie at fixed places; extern ones begin behind them all. */
static value shared_address(emitter *e, int variable, int64_t offset)
{
    int64_t at = e->kernel->shared_at[variable];
    at = at < 0 ? (e->kernel->shared_bytes + 15) / 16 * 16 : at;
    return LLVMBuildAdd(e->b, pointer_bits(e, offsetof(warp, shared)), constant_int(e, 64, at + offset), "");
}

static value variable_address(emitter *e, const ptx_operand *o)
{
    const ptx_variable *v = &e->m->variables[o->index];
    if (v->space == SPACE_SHARED)
        return shared_address(e, o->index, o->offset);
    value table = warp_field(e, offsetof(warp, symbols), LLVMPointerTypeInContext(e->context, 0));
    value at = constant_int(e, 64, o->index);
    value place = LLVMBuildGEP2(e->b, integer(e, 64), table, &at, 1, "");
    value base = LLVMBuildLoad2(e->b, integer(e, 64), place, v->name);
    return LLVMBuildAdd(e->b, base, constant_int(e, 64, o->offset), "");
}

/* A called function's local variables are on its stack, its parameters where the caller put them. */
static value own_memory(emitter *e, const ptx_operand *o, bool local)
{
    int64_t offset = o->offset + (local ? e->f->locals[o->index].offset : 0);
    value base = local ? e->local : e->arguments[o->index];
    return LLVMBuildAdd(e->b, LLVMBuildPtrToInt(e->b, base, integer(e, 64), ""), constant_int(e, 64, offset), "");
}

static value read_address(emitter *e, const ptx_operand *o)
{
    if (o->kind == OPERAND_VARIABLE)
        return variable_address(e, o);
    if (o->kind == OPERAND_FUNCTION)
        return constant_int(e, 64, function_address(o->index));
    bool local = o->kind == OPERAND_LOCAL;
    if (!e->f->entry)
        return own_memory(e, o, local);
    const ptx_variable *v = local ? &e->f->locals[o->index] : &e->f->params[o->index];
    value base = pointer_bits(e, local ? offsetof(warp, local) : offsetof(warp, params));
    return LLVMBuildAdd(e->b, base, constant_int(e, 64, v->offset + o->offset), "");
}

value reinterpret(emitter *e, value v, ptx_type type)
{
    llvm_type want = shaped(scalar_type(e, type), v);
    return LLVMTypeOf(v) == want ? v : LLVMBuildBitCast(e->b, v, want, "");
}

/* The low bits of a wider register, then the type's interpretation of them. */
static value narrow(emitter *e, value v, ptx_type type)
{
    if (LLVMGetTypeKind(element_of(v)) == LLVMIntegerTypeKind &&
        (int)LLVMGetIntTypeWidth(element_of(v)) > type_bits(type))
        v = LLVMBuildTrunc(e->b, v, shaped(integer(e, type_bits(type)), v), "");
    return reinterpret(e, v, type);
}

static value resize_integer(emitter *e, value v, int bits)
{
    llvm_type to = shaped(integer(e, bits), v);
    return LLVMBuildIntCast2(e->b, v, to, 0, "");
}

static value load_slot(emitter *e, value slot) { return LLVMBuildLoad2(e->b, LLVMGetAllocatedType(slot), slot, ""); }

static value read_register(emitter *e, int reg, form want)
{
    value *slots = e->registers[reg], rows[MAX_ROWS];
    shape s = e->shapes[reg];
    if (s.kind != SHAPE_ROWS || want == FORM_ROW)
        return load_slot(e, slots[s.kind == SHAPE_ROWS ? e->row : 0]);
    for (int r = 0; r < row_count(e); r++)
        rows[r] = load_slot(e, slots[r]);
    return spread_rows(e, rows, s.stride);
}

value read_operand(emitter *e, const ptx_operand *o, ptx_type type, form want)
{
    value v;
    shape s = shape_of(e, o);
    switch (o->kind) {
    case OPERAND_REGISTER: v = read_register(e, o->index, want); break;
    case OPERAND_IMMEDIATE: v = read_immediate(e, o, type); break;
    case OPERAND_SPECIAL: v = resize_integer(e, read_special(e, o, want), type_bits(type)); break;
    default: v = resize_integer(e, read_address(e, o), type_bits(type)); break;
    }
    if (s.kind == SHAPE_AFFINE && want == FORM_ROW)
        v = of_row(e, v, s.stride);
    if (want == FORM_LANES && !is_vector(v))
        v = spread(e, v, s.kind == SHAPE_AFFINE ? s.stride : 0);
    v = narrow(e, v, type);
    if (!o->negate)
        return v;
    return type == PTX_PRED ? LLVMBuildNot(e->b, v, "") : LLVMBuildNeg(e->b, v, "");
}

value source(emitter *e, const ptx_instruction *in, int i)
{
    ptx_type type = source_type(in, i);
    if (!e->half || !is_half(type))
        return read_operand(e, &in->src[i], type, e->vector);
    value pair = read_operand(e, &in->src[i], PTX_U32, e->vector);
    if (e->half == 2)
        pair = LLVMBuildLShr(e->b, pair, constant_like(pair, 16), "");
    return reinterpret(e, LLVMBuildTrunc(e->b, pair, shaped(integer(e, 16), pair), ""), type);
}

/* ---- Writing ------------------------------------------------------------------------------------- */
/* A value of `type` as the register holds it: its bits, extended where the register is wider. */
static value as_stored(emitter *e, value v, ptx_type type, ptx_type held)
{
    if (type_bits(type) == type_bits(held))
        return reinterpret(e, v, held);
    v = reinterpret(e, v, unsigned_type(type_bits(type)));
    v = LLVMBuildIntCast2(e->b, v, shaped(integer(e, type_bits(held)), v), type_kind(type) == KIND_SIGNED, "");
    return reinterpret(e, v, held);
}

static void write_lanes(emitter *e, int reg, value v)
{
    value slot = e->registers[reg][0];
    if (e->guarded || lanes_keep(&e->g, e->block, reg))
        v = LLVMBuildSelect(e->b, e->mask, v, load_slot(e, slot), "");
    LLVMBuildStore(e->b, v, slot);
}

void write_result(emitter *e, const ptx_operand *o, ptx_type type, value v, shape s)
{
    if (o->kind != OPERAND_REGISTER)
        return;
    v = as_stored(e, v, type, e->f->registers[o->index].type);
    switch (e->shapes[o->index].kind) {
    case SHAPE_VECTOR:
        write_lanes(e, o->index, is_vector(v) ? v : spread(e, v, s.stride));
        break;
    case SHAPE_ROWS:
        for (e->row = 0; e->row < row_count(e); e->row++)
            LLVMBuildStore(e->b, of_row(e, v, s.stride), e->registers[o->index][e->row]);
        break;
    default: LLVMBuildStore(e->b, v, e->registers[o->index][0]);
    }
}

void write_rows(emitter *e, const ptx_operand *o, ptx_type type, const value *rows, shape s)
{
    value v[MAX_ROWS];
    if (o->kind != OPERAND_REGISTER)
        return;
    for (int r = 0; r < row_count(e); r++)
        v[r] = as_stored(e, rows[r], type, e->f->registers[o->index].type);
    if (e->shapes[o->index].kind == SHAPE_VECTOR)
        write_lanes(e, o->index, spread_rows(e, v, s.stride));
    for (int r = 0; r < row_count(e) && e->shapes[o->index].kind == SHAPE_ROWS; r++)
        LLVMBuildStore(e->b, v[r], e->registers[o->index][r]);
}

void write_vector(emitter *e, const ptx_operand *o, ptx_type type, value v)
{
    write_result(e, o, type, v, (shape){.kind = SHAPE_VECTOR});
}

void write_uniform(emitter *e, const ptx_operand *o, ptx_type type, value v)
{
    write_result(e, o, type, v, (shape){.kind = SHAPE_AFFINE});
}
