/* SIMD video instructions: vadd2, vset4 and their like, on the two halves or four bytes of a word. */
#include "runtime/jit/emit.h"

typedef value (*combine_parts)(emitter *e, const ptx_instruction *in, value a, value b);

static bool is_signed_type(const ptx_instruction *in, int i) { return type_kind((ptx_type)in->types[i]) == KIND_SIGNED; }

/* Part i of a word, extended to 32 bits. */
static value take_part(emitter *e, value word, int i, int bits, bool as_signed)
{
    value top = LLVMBuildShl(e->b, word, constant_like(word, 32 - bits * (i + 1)), ""), by = constant_like(word, 32 - bits);
    return as_signed ? LLVMBuildAShr(e->b, top, by, "") : LLVMBuildLShr(e->b, top, by, "");
}

static value clamp_part(emitter *e, value x, int bits, bool as_signed)
{
    int64_t most = as_signed ? ((int64_t)1 << (bits - 1)) - 1 : ((int64_t)1 << bits) - 1;
    x = binary(e, "llvm.smax", x, constant_like(x, as_signed ? -most - 1 : 0));
    return binary(e, "llvm.smin", x, constant_like(x, most));
}

/* The parts' results, each of them in place, or their sum added to c. */
static value each_part(emitter *e, const ptx_instruction *in, int parts, combine_parts combine)
{
    int bits = 32 / parts, first = in->op == OP_vset2 || in->op == OP_vset4 ? 0 : 1; /* those have no type of the result */
    value a = source(e, in, 0), b = source(e, in, 1), c = source(e, in, 2);
    bool sums = has_modifier(in, MOD_add);
    value out = sums ? c : NULL, ones = constant_like(a, ((int64_t)1 << bits) - 1);
    for (int i = 0; i < parts; i++) {
        value x = combine(e, in, take_part(e, a, i, bits, is_signed_type(in, first)), take_part(e, b, i, bits, is_signed_type(in, first + 1)));
        if (has_modifier(in, MOD_sat))
            x = clamp_part(e, x, bits, is_signed_type(in, 0));
        if (sums) {
            out = LLVMBuildAdd(e->b, out, x, "");
            continue;
        }
        x = LLVMBuildShl(e->b, LLVMBuildAnd(e->b, x, ones, ""), constant_like(x, bits * i), "");
        out = out ? LLVMBuildOr(e->b, out, x, "") : x;
    }
    return out;
}

static value part_add(emitter *e, const ptx_instruction *in, value a, value b) { (void)in; return LLVMBuildAdd(e->b, a, b, ""); }
static value part_sub(emitter *e, const ptx_instruction *in, value a, value b) { (void)in; return LLVMBuildSub(e->b, a, b, ""); }
static value part_min(emitter *e, const ptx_instruction *in, value a, value b) { (void)in; return binary(e, "llvm.smin", a, b); }
static value part_max(emitter *e, const ptx_instruction *in, value a, value b) { (void)in; return binary(e, "llvm.smax", a, b); }

/* (a + b + 1) / 2, halves up. */
static value part_average(emitter *e, const ptx_instruction *in, value a, value b)
{
    (void)in;
    value sum = LLVMBuildAdd(e->b, LLVMBuildAdd(e->b, a, b, ""), constant_like(a, 1), "");
    return LLVMBuildAShr(e->b, sum, constant_like(sum, 1), "");
}

static value part_distance(emitter *e, const ptx_instruction *in, value a, value b)
{
    return LLVMBuildSub(e->b, part_max(e, in, a, b), part_min(e, in, a, b), "");
}

/* One where the comparison holds. */
static value part_set(emitter *e, const ptx_instruction *in, value a, value b)
{
    LLVMIntPredicate how;
    switch (modifier_among(in, "eq ne lt le gt ge")) {
    case MOD_eq: how = LLVMIntEQ; break;
    case MOD_ne: how = LLVMIntNE; break;
    case MOD_lt: how = LLVMIntSLT; break;
    case MOD_le: how = LLVMIntSLE; break;
    case MOD_gt: how = LLVMIntSGT; break;
    default: how = LLVMIntSGE; break;
    }
    return LLVMBuildZExt(e->b, LLVMBuildICmp(e->b, how, a, b, ""), LLVMTypeOf(a), "");
}

#define VIDEO(name, combine)                                                                          \
    value emit_##name##2(emitter *e, const ptx_instruction *in) { return each_part(e, in, 2, combine); } \
    value emit_##name##4(emitter *e, const ptx_instruction *in) { return each_part(e, in, 4, combine); }
VIDEO(vadd, part_add)
VIDEO(vsub, part_sub)
VIDEO(vavrg, part_average)
VIDEO(vabsdiff, part_distance)
VIDEO(vmin, part_min)
VIDEO(vmax, part_max)
VIDEO(vset, part_set)
