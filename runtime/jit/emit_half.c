/* f16, bf16 and pairs of them. Sums, products, quotients and roots of 16-bit floats have the same bits when
 * they are computed in f32 and rounded again: f32 has more than twice their digits. Only fma needs care. */
#include "runtime/jit/emit.h"
#include "runtime/exec/directed.h"

static llvm_type single(emitter *e, value like) { return shaped(LLVMFloatTypeInContext(e->context), like); }
static llvm_type wide(emitter *e, value like) { return shaped(LLVMDoubleTypeInContext(e->context), like); }
static bool is_double(value x) { return LLVMGetTypeKind(element_of(x)) == LLVMDoubleTypeKind; }
static value bits_of(emitter *e, value x)
{
    return LLVMBuildBitCast(e->b, x, shaped(integer(e, is_double(x) ? 64 : 32), x), "");
}

value widen_half(emitter *e, value x, ptx_type type)
{
    if (type == PTX_F16)
        return LLVMBuildFPExt(e->b, reinterpret(e, x, PTX_F16), single(e, x), "");
    value bits = LLVMBuildZExt(e->b, x, shaped(integer(e, 32), x), "");
    return LLVMBuildBitCast(e->b, LLVMBuildShl(e->b, bits, constant_like(bits, 16), ""), single(e, x), "");
}

/* Rounding to odd: a value that is not exact, `error` away from the truth, gets the neighbour whose last bit is one.
 * Rounding that again to fewer digits gives what rounding once would have given (Boldo and Melquiond 2008). */
static value round_to_odd(emitter *e, value x, value error)
{
    value zero = real_like(x, 0), bits = bits_of(e, x);
    value beyond = LLVMBuildXor(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, bits, constant_like(bits, 0), ""),
                                LLVMBuildFCmp(e->b, LLVMRealOLT, error, zero, ""), "");
    value odd = LLVMBuildSub(e->b, bits, LLVMBuildZExt(e->b, beyond, LLVMTypeOf(bits), ""), "");
    odd = LLVMBuildOr(e->b, odd, constant_like(bits, 1), "");
    value inexact = LLVMBuildFCmp(e->b, LLVMRealONE, error, zero, "");
    return LLVMBuildBitCast(e->b, select_value(e, inexact, odd, bits), LLVMTypeOf(x), "");
}

static value narrow_to_odd(emitter *e, value x)
{
    value y = LLVMBuildFPTrunc(e->b, x, single(e, x), "");
    value error = LLVMBuildFSub(e->b, x, LLVMBuildFPExt(e->b, y, wide(e, x), ""), "");
    /* The sign and whether it is zero are what counts, and both survive. */
    value sign = LLVMBuildUIToFP(e->b, LLVMBuildFCmp(e->b, LLVMRealOGT, error, real_like(error, 0), ""), single(e, x), "");
    value less = LLVMBuildUIToFP(e->b, LLVMBuildFCmp(e->b, LLVMRealOLT, error, real_like(error, 0), ""), single(e, x), "");
    return round_to_odd(e, y, LLVMBuildFSub(e->b, sign, less, ""));
}

static value nearest_bfloat(emitter *e, value x)
{
    value bits = bits_of(e, x), last = LLVMBuildAnd(e->b, LLVMBuildLShr(e->b, bits, constant_like(bits, 16), ""), constant_like(bits, 1), "");
    value rounded = LLVMBuildAdd(e->b, LLVMBuildAdd(e->b, bits, constant_like(bits, 0x7fff), ""), last, "");
    value nan = LLVMBuildFCmp(e->b, LLVMRealUNO, x, x, "");
    rounded = select_value(e, nan, constant_like(bits, 0x7fff0000), rounded);
    return LLVMBuildTrunc(e->b, LLVMBuildLShr(e->b, rounded, constant_like(bits, 16), ""), shaped(integer(e, 16), x), "");
}

/* The neighbour of what rounding to nearest gave, where that lies on the wrong side. */
static value direct(emitter *e, value nearest, value x, ptx_type type, int rounding)
{
    value back = widen_half(e, nearest, type), bits = reinterpret(e, nearest, PTX_U16), zero = real_like(x, 0);
    value above = LLVMBuildFCmp(e->b, LLVMRealOGT, back, x, ""), below = LLVMBuildFCmp(e->b, LLVMRealOLT, back, x, "");
    value negative = LLVMBuildICmp(e->b, LLVMIntSLT, bits, constant_like(bits, 0), "");
    if (rounding == DIRECTED_ZERO) {
        above = LLVMBuildAnd(e->b, above, LLVMBuildFCmp(e->b, LLVMRealOGT, x, zero, ""), "");
        below = LLVMBuildAnd(e->b, below, LLVMBuildFCmp(e->b, LLVMRealOLT, x, zero, ""), "");
    }
    value one = constant_like(bits, 1), up = LLVMBuildAdd(e->b, bits, one, ""), down = LLVMBuildSub(e->b, bits, one, "");
    if (rounding != DIRECTED_UP)
        bits = select_value(e, above, select_value(e, negative, up, down), bits);
    if (rounding != DIRECTED_DOWN)
        bits = select_value(e, below, select_value(e, negative, down, up), bits);
    return reinterpret(e, bits, type);
}

value narrow_half(emitter *e, value x, ptx_type type, int rounding)
{
    if (is_double(x))
        x = narrow_to_odd(e, x);
    value nearest = type == PTX_F16 ? LLVMBuildFPTrunc(e->b, x, shaped(scalar_type(e, PTX_F16), x), "") : nearest_bfloat(e, x);
    return rounding < 0 ? nearest : direct(e, nearest, x, type, rounding);
}

/* The product is exact in f32 (f16) or f64 (bf16, whose exponents reach further); the sum is made odd. */
value half_fma(emitter *e, ptx_type type, value x, value y, value z)
{
    if (type == PTX_BF16) {
        x = LLVMBuildFPExt(e->b, x, wide(e, x), "");
        y = LLVMBuildFPExt(e->b, y, wide(e, y), "");
        z = LLVMBuildFPExt(e->b, z, wide(e, z), "");
    }
    value product = LLVMBuildFMul(e->b, x, y, ""), sum = LLVMBuildFAdd(e->b, product, z, "");
    value added = LLVMBuildFSub(e->b, sum, product, "");                       /* Knuth's two-sum */
    value from_product = LLVMBuildFSub(e->b, product, LLVMBuildFSub(e->b, sum, added, ""), "");
    value error = LLVMBuildFAdd(e->b, from_product, LLVMBuildFSub(e->b, z, added, ""), "");
    sum = round_to_odd(e, sum, error);
    return is_double(sum) ? narrow_to_odd(e, sum) : sum;
}

/* ---- Pairs --------------------------------------------------------------------------------------- */
static ptx_type half_of(ptx_type t) { return t == PTX_F16X2 ? PTX_F16 : PTX_BF16; }

static value join_halves(emitter *e, value low, value high)
{
    llvm_type word = shaped(integer(e, 32), low);
    low = LLVMBuildZExt(e->b, reinterpret(e, low, PTX_U16), word, "");
    high = LLVMBuildZExt(e->b, reinterpret(e, high, PTX_U16), word, "");
    return LLVMBuildOr(e->b, low, LLVMBuildShl(e->b, high, constant_like(high, 16), ""), "");
}

/* setp.f16x2 writes p from the low and q from the high halves; all others pack their results. */
void emit_packed(emitter *e, const ptx_instruction *in, emit_instruction emit)
{
    ptx_instruction part = *in;
    value v[2];
    shape s = {.kind = e->vector ? SHAPE_VECTOR : SHAPE_AFFINE};
    for (int i = 0; i < in->type_count; i++)
        if (is_packed((ptx_type)in->types[i]))
            part.types[i] = (uint8_t)half_of((ptx_type)in->types[i]);
    part.dst_count = 1;
    for (int i = 0; i < 2; i++) {
        e->half = i + 1;
        v[i] = emit(e, &part);
        e->half = 0;
        if (!v[i])
            return;
    }
    if (in->op == OP_setp) {
        write_result(e, &in->dst[0], PTX_PRED, v[0], s);
        if (in->dst_count == 2)
            write_result(e, &in->dst[1], PTX_PRED, v[1], s);
    } else {
        write_result(e, &in->dst[0], PTX_B32, join_halves(e, v[0], v[1]), s);
    }
}
