/* Floating point. Arithmetic is IEEE's, as PTX asks for; approximations are as good as their libraries. */
#include "runtime/jit/emit.h"
#include "base/cpu.h"
#include "runtime/exec/directed.h"

value integer_add(emitter *, const ptx_instruction *);
value integer_sub(emitter *, const ptx_instruction *);
value integer_mul(emitter *, const ptx_instruction *);
value integer_mad(emitter *, const ptx_instruction *);
value integer_div(emitter *, const ptx_instruction *);
value integer_neg(emitter *, const ptx_instruction *);
value integer_abs(emitter *, const ptx_instruction *);
value integer_min(emitter *, const ptx_instruction *);
value integer_max(emitter *, const ptx_instruction *);
value flush_if(emitter *e, const ptx_instruction *in, value x);
value relu(emitter *e, value x);
int directed_rounding(const ptx_instruction *in);

static bool is_real(const ptx_instruction *in) { return type_kind((ptx_type)in->types[0]) == KIND_FLOAT; }

/* ---- Inputs and results -------------------------------------------------------------------------- */
/* .ftz: subnormals become zeros of their sign. */
value flush_if(emitter *e, const ptx_instruction *in, value x)
{
    if (!has_modifier(in, MOD_ftz) || LLVMGetTypeKind(element_of(x)) != LLVMFloatTypeKind)
        return x;
    value size = unary(e, "llvm.fabs", x);
    value tiny = LLVMBuildFCmp(e->b, LLVMRealOLT, size, real_like(x, 0x1p-126), "");
    return select_value(e, tiny, binary(e, "llvm.copysign", real_like(x, 0), x), x);
}

/* The same for f16, as f32. */
static value flush_half(emitter *e, const ptx_instruction *in, value x)
{
    if (!has_modifier(in, MOD_ftz))
        return x;
    value tiny = LLVMBuildFCmp(e->b, LLVMRealOLT, unary(e, "llvm.fabs", x), real_like(x, 0x1p-14), "");
    return select_value(e, tiny, binary(e, "llvm.copysign", real_like(x, 0), x), x);
}

value real_source(emitter *e, const ptx_instruction *in, int i)
{
    ptx_type type = source_type(in, i);
    value x = source(e, in, i);
    return is_half(type) ? flush_half(e, in, widen_half(e, x, type)) : flush_if(e, in, x);
}

/* .sat: into [0, 1], NaN to 0. */
value saturate(emitter *e, value x)
{
    value zero = real_like(x, 0), one = real_like(x, 1);
    value above = LLVMBuildFCmp(e->b, LLVMRealOGT, x, one, "");
    value positive = LLVMBuildFCmp(e->b, LLVMRealOGT, x, zero, "");
    return select_value(e, above, one, select_value(e, positive, x, zero));
}

/* .relu: negative values to 0; a NaN stays. */
value relu(emitter *e, value x)
{
    return select_value(e, LLVMBuildFCmp(e->b, LLVMRealOLE, x, real_like(x, 0), ""), real_like(x, 0), x);
}

static value round_half(emitter *e, const ptx_instruction *in, value x)
{
    ptx_type type = (ptx_type)in->types[0];
    value out = narrow_half(e, x, type, -1);
    return type == PTX_F16 && has_modifier(in, MOD_ftz) ? narrow_half(e, flush_half(e, in, widen_half(e, out, type)), type, -1) : out;
}

static value finish(emitter *e, const ptx_instruction *in, value x)
{
    x = flush_if(e, in, x);
    if (has_modifier(in, MOD_sat))
        x = saturate(e, x);
    if (has_modifier(in, MOD_relu))
        x = relu(e, x);
    return is_half((ptx_type)in->types[0]) ? round_half(e, in, x) : x;
}

/* ---- Directed rounding --------------------------------------------------------------------------- */
int directed_rounding(const ptx_instruction *in)
{
    switch (modifier_among(in, "rz rm rp")) {
    case MOD_rz: return DIRECTED_ZERO;
    case MOD_rm: return DIRECTED_DOWN;
    case MOD_rp: return DIRECTED_UP;
    default: return -1;
    }
}

/* Rounding other than to nearest is rare: done lane by lane in exec/directed.c. */
value directed(emitter *e, const ptx_instruction *in, directed_op op, value *x, int count, ptx_type result)
{
    value a[6] = {constant_int(e, 32, op), constant_int(e, 32, directed_rounding(in))};
    for (int i = 0; i < 3; i++)
        a[2 + i] = i < count ? in_memory(e, x[i]) : LLVMConstNull(LLVMPointerTypeInContext(e->context, 0));
    a[5] = new_slot(e, vector_of(scalar_type(e, result)), "result");
    call_helper(e, "rt_directed", LLVMVoidTypeInContext(e->context), a, 6);
    bool lanes = false;
    for (int i = 0; i < count; i++)
        lanes |= is_vector(x[i]);
    return LLVMBuildLoad2(e->b, lanes ? vector_of(scalar_type(e, result)) : scalar_type(e, result), a[5], "");
}

bool is_directed(const ptx_instruction *in) { return directed_rounding(in) >= 0; }

static value directed_sources(emitter *e, const ptx_instruction *in, directed_op op)
{
    value x[3];
    for (int i = 0; i < in->src_count; i++)
        x[i] = real_source(e, in, i);
    op += (ptx_type)in->types[0] == PTX_F64;
    return finish(e, in, directed(e, in, op, x, in->src_count, (ptx_type)in->types[0]));
}

/* ---- Arithmetic ---------------------------------------------------------------------------------- */
value emit_add(emitter *e, const ptx_instruction *in)
{
    if (!is_real(in))
        return integer_add(e, in);
    if (is_directed(in))
        return directed_sources(e, in, DIRECTED_ADD_F32);
    return finish(e, in, LLVMBuildFAdd(e->b, real_source(e, in, 0), real_source(e, in, 1), ""));
}

value emit_sub(emitter *e, const ptx_instruction *in)
{
    if (!is_real(in))
        return integer_sub(e, in);
    if (is_directed(in))
        return directed_sources(e, in, DIRECTED_SUB_F32);
    return finish(e, in, LLVMBuildFSub(e->b, real_source(e, in, 0), real_source(e, in, 1), ""));
}

value emit_mul(emitter *e, const ptx_instruction *in)
{
    if (!is_real(in))
        return integer_mul(e, in);
    if (is_directed(in))
        return directed_sources(e, in, DIRECTED_MUL_F32);
    return finish(e, in, LLVMBuildFMul(e->b, real_source(e, in, 0), real_source(e, in, 1), ""));
}

value emit_fma(emitter *e, const ptx_instruction *in)
{
    if (is_directed(in))
        return directed_sources(e, in, DIRECTED_FMA_F32);
    value x[3] = {real_source(e, in, 0), real_source(e, in, 1), real_source(e, in, 2)};
    if (is_half((ptx_type)in->types[0]))
        return finish(e, in, half_fma(e, (ptx_type)in->types[0], x[0], x[1], x[2]));
    return finish(e, in, call_intrinsic(e, "llvm.fma", LLVMTypeOf(x[0]), x, 3));
}

value emit_mad(emitter *e, const ptx_instruction *in) { return is_real(in) ? emit_fma(e, in) : integer_mad(e, in); }

value emit_div(emitter *e, const ptx_instruction *in)
{
    if (!is_real(in))
        return integer_div(e, in);
    if (is_directed(in))
        return directed_sources(e, in, DIRECTED_DIV_F32);
    return finish(e, in, LLVMBuildFDiv(e->b, real_source(e, in, 0), real_source(e, in, 1), ""));
}

value emit_abs(emitter *e, const ptx_instruction *in)
{
    if (is_half((ptx_type)in->types[0]))
        return round_half(e, in, unary(e, "llvm.fabs", real_source(e, in, 0)));
    return is_real(in) ? unary(e, "llvm.fabs", real_source(e, in, 0)) : integer_abs(e, in);
}

value emit_neg(emitter *e, const ptx_instruction *in)
{
    if (is_half((ptx_type)in->types[0]))
        return round_half(e, in, LLVMBuildFNeg(e->b, real_source(e, in, 0), ""));
    return is_real(in) ? LLVMBuildFNeg(e->b, real_source(e, in, 0), "") : integer_neg(e, in);
}

static value is_nan(emitter *e, value x) { return LLVMBuildFCmp(e->b, LLVMRealUNO, x, x, ""); }

/* The other operand where one is NaN (.nan: NaN); -0 is below +0. */
static value extreme(emitter *e, const ptx_instruction *in, bool least)
{
    value x = real_source(e, in, 0), y = real_source(e, in, 1);
    llvm_type bits = shaped(integer(e, (ptx_type)in->types[0] == PTX_F64 ? 64 : 32), x);
    value first = LLVMBuildFCmp(e->b, least ? LLVMRealOLT : LLVMRealOGT, x, y, "");
    value out = select_value(e, first, x, y);
    value a = LLVMBuildBitCast(e->b, x, bits, ""), b = LLVMBuildBitCast(e->b, y, bits, "");
    value zero = least ? LLVMBuildOr(e->b, a, b, "") : LLVMBuildAnd(e->b, a, b, "");
    zero = LLVMBuildBitCast(e->b, zero, LLVMTypeOf(x), "");
    out = select_value(e, LLVMBuildFCmp(e->b, LLVMRealOEQ, x, y, ""), zero, out);
    bool spreads = has_modifier(in, MOD_nan) || has_modifier(in, MOD_NaN);
    out = select_value(e, is_nan(e, y), spreads ? y : x, out);
    out = spreads ? select_value(e, is_nan(e, x), x, out) : out;
    return is_half((ptx_type)in->types[0]) ? round_half(e, in, out) : out;
}

value emit_min(emitter *e, const ptx_instruction *in) { return is_real(in) ? extreme(e, in, true) : integer_min(e, in); }
value emit_max(emitter *e, const ptx_instruction *in) { return is_real(in) ? extreme(e, in, false) : integer_max(e, in); }

/* The sign of the first on the size of the second. */
value emit_copysign(emitter *e, const ptx_instruction *in)
{
    return binary(e, "llvm.copysign", source(e, in, 1), source(e, in, 0));
}

value emit_testp(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), size = unary(e, "llvm.fabs", x);
    double least = (ptx_type)in->types[0] == PTX_F32 ? 0x1p-126 : 0x1p-1022;
    value infinity = real_like(x, __builtin_inf()), normal = real_like(x, least);
    value finite = LLVMBuildFCmp(e->b, LLVMRealOLT, size, infinity, "");
    switch (in->modifier_count ? (ptx_modifier)in->modifiers[0] : MOD_NONE) {
    case MOD_finite: return finite;
    case MOD_infinite: return LLVMBuildFCmp(e->b, LLVMRealOEQ, size, infinity, "");
    case MOD_number: return LLVMBuildFCmp(e->b, LLVMRealORD, x, x, "");
    case MOD_notanumber: return is_nan(e, x);
    case MOD_normal: return LLVMBuildAnd(e->b, finite, LLVMBuildFCmp(e->b, LLVMRealOGE, size, normal, ""), "");
    default:
        return LLVMBuildAnd(e->b, LLVMBuildFCmp(e->b, LLVMRealOLT, size, normal, ""),
                            LLVMBuildFCmp(e->b, LLVMRealOGT, size, real_like(x, 0), ""), "");
    }
}

/* ---- Approximations ------------------------------------------------------------------------------ */
value emit_rcp(emitter *e, const ptx_instruction *in)
{
    value x = real_source(e, in, 0);
    if (is_directed(in)) {
        value pair[2] = {real_like(x, 1), x};
        directed_op op = (ptx_type)in->types[0] == PTX_F64 ? DIRECTED_DIV_F64 : DIRECTED_DIV_F32;
        return finish(e, in, directed(e, in, op, pair, 2, (ptx_type)in->types[0]));
    }
    return finish(e, in, LLVMBuildFDiv(e->b, real_like(x, 1), x, ""));
}

value emit_sqrt(emitter *e, const ptx_instruction *in)
{
    if (is_directed(in))
        return directed_sources(e, in, DIRECTED_SQRT_F32);
    return finish(e, in, unary(e, "llvm.sqrt", real_source(e, in, 0)));
}

/* 16 lanes of the processor's estimate, 14 bits. */
static value estimate_rsqrt(emitter *e, value x, int first)
{
    value index[16], half;
    llvm_type type = LLVMVectorType(element_of(x), 16);
    for (int i = 0; i < 16; i++)
        index[i] = constant_int(e, 32, first + i);
    half = LLVMBuildShuffleVector(e->b, x, x, LLVMConstVector(index, 16), "");
    value a[3] = {half, LLVMConstNull(type), constant_int(e, 16, -1)};
    static const char name[] = "llvm.x86.avx512.rsqrt14.ps.512";
    value f = LLVMGetIntrinsicDeclaration(e->module, LLVMLookupIntrinsicID(name, sizeof name - 1), NULL, 0);
    return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, a, 3, "");
}

/* One Newton step doubles the estimate's bits: y + y/2 (1 - x y^2). For 0 and infinity the step is NaN and
 * the estimate exact. */
static value fast_rsqrt(emitter *e, value x)
{
    value index[LANES], y;
    for (int i = 0; i < LANES; i++)
        index[i] = constant_int(e, 32, i);
    y = LLVMBuildShuffleVector(e->b, estimate_rsqrt(e, x, 0), estimate_rsqrt(e, x, 16), LLVMConstVector(index, LANES), "");
    value minus = LLVMBuildFNeg(e->b, LLVMBuildFMul(e->b, x, y, ""), "");
    value error = call_intrinsic(e, "llvm.fma", LLVMTypeOf(x), (value[]){minus, y, real_like(x, 1)}, 3);
    value half = LLVMBuildFMul(e->b, y, real_like(x, 0.5), "");
    value better = call_intrinsic(e, "llvm.fma", LLVMTypeOf(x), (value[]){half, error, y}, 3);
    return select_value(e, is_nan(e, error), y, better);
}

value emit_rsqrt(emitter *e, const ptx_instruction *in)
{
    if ((ptx_type)in->types[0] == PTX_F32 && e->vector && cpu()->isa >= ISA_AVX512)
        return finish(e, in, fast_rsqrt(e, real_source(e, in, 0)));
    value root = unary(e, "llvm.sqrt", real_source(e, in, 0));
    return finish(e, in, LLVMBuildFDiv(e->b, real_like(root, 1), root, ""));
}

/* Functions of 32 floats at once, from exec/math.c. */
static value approximate(emitter *e, const ptx_instruction *in, const char *helper)
{
    value x = real_source(e, in, 0);
    value a[2] = {in_memory(e, x), new_slot(e, vector_of(element_of(x)), "result")};
    call_helper(e, helper, LLVMVoidTypeInContext(e->context), a, 2);
    return finish(e, in, LLVMBuildLoad2(e->b, LLVMTypeOf(x), a[1], ""));
}

value emit_ex2(emitter *e, const ptx_instruction *in) { return approximate(e, in, "rt_ex2"); }
value emit_lg2(emitter *e, const ptx_instruction *in) { return approximate(e, in, "rt_lg2"); }
value emit_sin(emitter *e, const ptx_instruction *in) { return approximate(e, in, "rt_sin"); }
value emit_cos(emitter *e, const ptx_instruction *in) { return approximate(e, in, "rt_cos"); }
value emit_tanh(emitter *e, const ptx_instruction *in) { return approximate(e, in, "rt_tanh"); }
