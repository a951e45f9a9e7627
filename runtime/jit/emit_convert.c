/* mov, cvt, cvta, isspacep. */
#include "runtime/jit/emit.h"
#include "runtime/exec/directed.h"
#include <stddef.h>

value flush_if(emitter *e, const ptx_instruction *in, value x);
value saturate(emitter *e, value x);
value relu(emitter *e, value x);
int directed_rounding(const ptx_instruction *in);
bool is_directed(const ptx_instruction *in);
value directed(emitter *e, const ptx_instruction *in, directed_op op, value *x, int count, ptx_type result);

/* ---- Moves --------------------------------------------------------------------------------------- */
static value join_parts(emitter *e, const ptx_instruction *in)
{
    int bits = type_bits((ptx_type)in->types[0]), part = bits / in->src_count;
    value whole = NULL;
    for (int i = 0; i < in->src_count; i++) {
        value x = source(e, in, i);
        x = LLVMBuildZExt(e->b, x, shaped(integer(e, bits), x), "");
        x = LLVMBuildShl(e->b, x, constant_like(x, (int64_t)i * part), "");
        whole = whole ? LLVMBuildOr(e->b, whole, x, "") : x;
    }
    return whole;
}

static void split_parts(emitter *e, const ptx_instruction *in)
{
    int bits = type_bits((ptx_type)in->types[0]), part = bits / in->dst_count;
    value whole = reinterpret(e, source(e, in, 0), unsigned_type(bits));
    shape s = {.kind = e->vector ? SHAPE_VECTOR : SHAPE_AFFINE};
    for (int i = 0; i < in->dst_count; i++) {
        value x = LLVMBuildLShr(e->b, whole, constant_like(whole, (int64_t)i * part), "");
        x = LLVMBuildTrunc(e->b, x, shaped(integer(e, part), x), "");
        write_result(e, &in->dst[i], unsigned_type(part), x, s);
    }
}

value emit_mov(emitter *e, const ptx_instruction *in)
{
    if (in->src_count > 1)
        return join_parts(e, in);
    if (in->dst_count == 1)
        return source(e, in, 0);
    split_parts(e, in);
    return NULL;
}

/* Shared and local memory have host addresses, so every address is its own generic address. */
value emit_cvta(emitter *e, const ptx_instruction *in) { return source(e, in, 0); }

value emit_isspacep(emitter *e, const ptx_instruction *in)
{
    value at = source(e, in, 0), low, bytes;
    llvm_type wide = integer(e, 64);
    ptx_space space = space_of(in);
    value shared = WARP_FIELD(e, shared, wide), local = WARP_FIELD(e, local, wide);
    value shared_bytes = LLVMBuildZExt(e->b, WARP_FIELD(e, total_shared, integer(e, 32)), wide, "");
    value local_bytes = constant_int(e, 64, e->f->local_bytes * LANES);
    value inside = NULL;
    for (int k = 0; k < 2; k++) {
        if ((k == 0 && space == SPACE_LOCAL) || (k == 1 && space == SPACE_SHARED))
            continue;
        low = k ? local : shared;
        bytes = k ? local_bytes : shared_bytes;
        if (e->vector)
            low = splat(e, low), bytes = splat(e, bytes);
        value here = LLVMBuildICmp(e->b, LLVMIntULT, LLVMBuildSub(e->b, at, low, ""), bytes, "");
        inside = inside ? LLVMBuildOr(e->b, inside, here, "") : here;
    }
    return space == SPACE_GLOBAL || space == SPACE_CONST ? LLVMBuildNot(e->b, inside, "") : inside;
}

/* ---- Conversions --------------------------------------------------------------------------------- */
static bool is_float(ptx_type t) { return type_kind(t) == KIND_FLOAT; }
static bool is_signed(ptx_type t) { return type_kind(t) == KIND_SIGNED; }

static int64_t greatest(ptx_type t)
{
    int bits = type_bits(t) - is_signed(t);
    return bits >= 63 ? (bits == 63 ? INT64_MAX : -1) : ((int64_t)1 << bits) - 1;
}

/* Clamps an integer of type `from` into the range of `to`, still in from's width. */
static value clamp_integer(emitter *e, value x, ptx_type to, ptx_type from)
{
    int have = type_bits(from);
    if (is_signed(from)) {
        if (!is_signed(to))
            x = binary(e, "llvm.smax", x, constant_like(x, 0));
        else if (type_bits(to) < have)
            x = binary(e, "llvm.smax", x, constant_like(x, -greatest(to) - 1));
        return type_bits(to) < have ? binary(e, "llvm.smin", x, constant_like(x, greatest(to))) : x;
    }
    bool reaches = type_bits(to) - is_signed(to) < have;
    return reaches ? binary(e, "llvm.umin", x, constant_like(x, greatest(to))) : x;
}

static value integer_to_integer(emitter *e, const ptx_instruction *in, value x, ptx_type to, ptx_type from)
{
    if (has_modifier(in, MOD_sat))
        x = clamp_integer(e, x, to, from);
    return LLVMBuildIntCast2(e->b, x, shaped(integer(e, type_bits(to)), x), is_signed(from), "");
}

static value integer_to_real(emitter *e, const ptx_instruction *in, value x, ptx_type to, ptx_type from)
{
    llvm_type type = shaped(scalar_type(e, to), x);
    if (is_directed(in) && !is_half((ptx_type)in->types[0]) && (to == PTX_F32 || type_bits(from) == 64)) {
        bool wide = type_bits(from) == 64;
        if (!wide)
            x = LLVMBuildIntCast2(e->b, x, shaped(integer(e, 32), x), is_signed(from), "");
        directed_op op = to == PTX_F64 ? DIRECTED_S64_TO_F64 : wide ? DIRECTED_S64_TO_F32 : DIRECTED_S32_TO_F32;
        return directed(e, in, op + !is_signed(from), &x, 1, to);
    }
    return is_signed(from) ? LLVMBuildSIToFP(e->b, x, type, "") : LLVMBuildUIToFP(e->b, x, type, "");
}

static value round_to_integer(emitter *e, const ptx_instruction *in, value x)
{
    switch (modifier_among(in, "rni rzi rmi rpi")) {
    case MOD_rni: return unary(e, "llvm.roundeven", x);
    case MOD_rzi: return unary(e, "llvm.trunc", x);
    case MOD_rmi: return unary(e, "llvm.floor", x);
    case MOD_rpi: return unary(e, "llvm.ceil", x);
    default: return x;
    }
}

/* Out of range clamps. NaN is 0, but the lowest signed integer where f64 or an integer of 64 bits takes part. */
static value real_to_integer(emitter *e, const ptx_instruction *in, value x, ptx_type to, ptx_type from)
{
    x = round_to_integer(e, in, x);
    const char *name = is_signed(to) ? "llvm.fptosi.sat" : "llvm.fptoui.sat";
    llvm_type types[2] = {shaped(integer(e, type_bits(to)), x), LLVMTypeOf(x)};
    unsigned id = LLVMLookupIntrinsicID(name, 15);
    value f = LLVMGetIntrinsicDeclaration(e->module, id, types, 2);
    value result = LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, &x, 1, "");
    if (from != PTX_F64 && type_bits(to) != 64)
        return result;
    value nan = LLVMBuildFCmp(e->b, LLVMRealUNO, x, x, "");
    return select_value(e, nan, LLVMBuildShl(e->b, constant_like(result, 1), constant_like(result, type_bits(to) - 1), ""), result);
}

static value real_to_real(emitter *e, const ptx_instruction *in, value x, ptx_type to, ptx_type from)
{
    if (is_directed(in) && to == PTX_F32 && from == PTX_F64)
        return directed(e, in, DIRECTED_F64_TO_F32, &x, 1, to);
    llvm_type type = shaped(scalar_type(e, to), x);
    if (to == from)
        return round_to_integer(e, in, x);
    return type_bits(to) < type_bits(from) ? LLVMBuildFPTrunc(e->b, x, type, "") : LLVMBuildFPExt(e->b, x, type, "");
}

static value clamp_real(emitter *e, const ptx_instruction *in, value x)
{
    x = has_modifier(in, MOD_sat) ? saturate(e, x) : x;
    return has_modifier(in, MOD_relu) ? relu(e, x) : x;
}

/* To f16 or bf16, from f32 or f64. Integers up to 2^24 are exact in f32, and larger ones overflow f16. */
static value real_to_half(emitter *e, const ptx_instruction *in, value x, ptx_type to)
{
    return narrow_half(e, clamp_real(e, in, x), to, directed_rounding(in));
}

/* Half the lowest bit of tf32 is added: to nearest, ties away from zero. Infinities and NaN stay. */
static value real_to_tf32(emitter *e, value x)
{
    value bits = LLVMBuildBitCast(e->b, x, shaped(integer(e, 32), x), "");
    value rounded = LLVMBuildAnd(e->b, LLVMBuildAdd(e->b, bits, constant_like(bits, 0x1000), ""), constant_like(bits, ~0x1fff), "");
    value finite = LLVMBuildFCmp(e->b, LLVMRealOLT, unary(e, "llvm.fabs", x), real_like(x, __builtin_inf()), "");
    return select_value(e, finite, rounded, bits);
}

/* cvt.rn.f16x2.f32 d, a, b: a becomes the high half. */
static value join_pair(emitter *e, const ptx_instruction *in, ptx_type half)
{
    llvm_type word = shaped(integer(e, 32), source(e, in, 0));
    value high = reinterpret(e, real_to_half(e, in, source(e, in, 0), half), PTX_U16);
    value low = reinterpret(e, real_to_half(e, in, source(e, in, 1), half), PTX_U16);
    high = LLVMBuildZExt(e->b, high, word, "");
    return LLVMBuildOr(e->b, LLVMBuildShl(e->b, high, constant_like(high, 16), ""), LLVMBuildZExt(e->b, low, word, ""), "");
}

static value to_half(emitter *e, const ptx_instruction *in, value x, ptx_type to, ptx_type from)
{
    if (!is_float(from))
        x = integer_to_real(e, in, x, PTX_F32, from);
    return real_to_half(e, in, is_float(from) && to == from ? round_to_integer(e, in, x) : x, to);
}

value emit_cvt(emitter *e, const ptx_instruction *in)
{
    ptx_type to = (ptx_type)in->types[0], from = (ptx_type)in->types[1];
    if (is_packed(to))
        return join_pair(e, in, to == PTX_F16X2 ? PTX_F16 : PTX_BF16);
    value x = source(e, in, 0);
    if (is_half(from))
        x = widen_half(e, x, from);
    else
        x = flush_if(e, in, x);
    if (to == PTX_TF32)
        return real_to_tf32(e, x);
    if (!is_float(to))
        return is_float(from) ? real_to_integer(e, in, x, to, from) : integer_to_integer(e, in, x, to, from);
    if (is_half(to))
        return to_half(e, in, x, to, from);
    x = is_float(from) ? real_to_real(e, in, x, to, is_half(from) ? PTX_F32 : from) : integer_to_real(e, in, x, to, from);
    return clamp_real(e, in, flush_if(e, in, x));
}
