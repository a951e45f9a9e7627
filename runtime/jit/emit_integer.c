/* Integer arithmetic, logic and bits; selections and comparisons. */
#include "runtime/jit/emit.h"

static ptx_type type_of(const ptx_instruction *in) { return (ptx_type)in->types[0]; }
static bool is_signed(const ptx_instruction *in) { return type_kind(type_of(in)) == KIND_SIGNED; }
static int bits_of(const ptx_instruction *in) { return type_bits(type_of(in)); }

/* ---- Carries ------------------------------------------------------------------------------------- */
static value carry_slot(emitter *e)
{
    if (!e->carry)
        e->carry = new_slot(e, vector_of(integer(e, 1)), "carry");
    return e->carry;
}

static value load_carry(emitter *e, value like)
{
    value c = LLVMBuildLoad2(e->b, vector_of(integer(e, 1)), carry_slot(e), "");
    return LLVMBuildZExt(e->b, c, LLVMTypeOf(like), "");
}

static void store_carry(emitter *e, value carry) { LLVMBuildStore(e->b, carry, carry_slot(e)); }

static value is_below(emitter *e, value x, value y) { return LLVMBuildICmp(e->b, LLVMIntULT, x, y, ""); }

/* x + y, plus the carry where the instruction takes it in, which may leave one. */
static value add_with_carry(emitter *e, const ptx_instruction *in, value x, value y, bool takes)
{
    value sum = LLVMBuildAdd(e->b, x, y, ""), out = is_below(e, sum, x);
    if (takes) {
        value with = LLVMBuildAdd(e->b, sum, load_carry(e, sum), "");
        out = LLVMBuildOr(e->b, out, is_below(e, with, sum), "");
        sum = with;
    }
    if (has_modifier(in, MOD_cc))
        store_carry(e, out);
    return sum;
}

static value subtract_with_borrow(emitter *e, const ptx_instruction *in, value x, value y, bool takes)
{
    value difference = LLVMBuildSub(e->b, x, y, ""), out = is_below(e, x, y);
    if (takes) {
        value borrow = load_carry(e, x);
        out = LLVMBuildOr(e->b, out, is_below(e, difference, borrow), "");
        difference = LLVMBuildSub(e->b, difference, borrow, "");
    }
    if (has_modifier(in, MOD_cc))
        store_carry(e, out);
    return difference;
}

value emit_addc(emitter *e, const ptx_instruction *in)
{
    return add_with_carry(e, in, source(e, in, 0), source(e, in, 1), true);
}

value emit_subc(emitter *e, const ptx_instruction *in)
{
    return subtract_with_borrow(e, in, source(e, in, 0), source(e, in, 1), true);
}

/* ---- Sums and products --------------------------------------------------------------------------- */
value integer_add(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), y = source(e, in, 1);
    if (has_modifier(in, MOD_cc))
        return add_with_carry(e, in, x, y, false);
    return has_modifier(in, MOD_sat) ? binary(e, "llvm.sadd.sat", x, y) : LLVMBuildAdd(e->b, x, y, "");
}

value integer_sub(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), y = source(e, in, 1);
    if (has_modifier(in, MOD_cc))
        return subtract_with_borrow(e, in, x, y, false);
    return has_modifier(in, MOD_sat) ? binary(e, "llvm.ssub.sat", x, y) : LLVMBuildSub(e->b, x, y, "");
}

static value widened(emitter *e, value x, int bits, bool as_signed)
{
    llvm_type to = shaped(integer(e, bits), x);
    return as_signed ? LLVMBuildSExt(e->b, x, to, "") : LLVMBuildZExt(e->b, x, to, "");
}

static value multiply_high(emitter *e, const ptx_instruction *in, value x, value y)
{
    int bits = bits_of(in);
    value product = LLVMBuildMul(e->b, widened(e, x, 2 * bits, is_signed(in)), widened(e, y, 2 * bits, is_signed(in)), "");
    product = LLVMBuildLShr(e->b, product, constant_like(product, bits), "");
    return LLVMBuildTrunc(e->b, product, LLVMTypeOf(x), "");
}

value integer_mul(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), y = source(e, in, 1);
    int bits = bits_of(in);
    if (has_modifier(in, MOD_hi))
        return multiply_high(e, in, x, y);
    if (has_modifier(in, MOD_wide)) {
        x = widened(e, x, 2 * bits, is_signed(in));
        y = widened(e, y, 2 * bits, is_signed(in));
    }
    return LLVMBuildMul(e->b, x, y, "");
}

value integer_mad(emitter *e, const ptx_instruction *in)
{
    value product = integer_mul(e, in), z = source(e, in, 2);
    if (has_modifier(in, MOD_cc))
        return add_with_carry(e, in, product, z, false);
    return has_modifier(in, MOD_sat) ? binary(e, "llvm.sadd.sat", product, z) : LLVMBuildAdd(e->b, product, z, "");
}

value emit_madc(emitter *e, const ptx_instruction *in)
{
    return add_with_carry(e, in, integer_mul(e, in), source(e, in, 2), true);
}

/* The low 24 bits of each, multiplied: .lo is the low and .hi the high 32 bits of the 48. */
value emit_mul24(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), y = source(e, in, 1), eight = constant_like(x, 8);
    x = LLVMBuildShl(e->b, x, eight, "");
    y = LLVMBuildShl(e->b, y, eight, "");
    x = is_signed(in) ? LLVMBuildAShr(e->b, x, eight, "") : LLVMBuildLShr(e->b, x, eight, "");
    y = is_signed(in) ? LLVMBuildAShr(e->b, y, eight, "") : LLVMBuildLShr(e->b, y, eight, "");
    if (!has_modifier(in, MOD_hi))
        return LLVMBuildMul(e->b, x, y, "");
    value product = LLVMBuildMul(e->b, widened(e, x, 64, is_signed(in)), widened(e, y, 64, is_signed(in)), "");
    return LLVMBuildTrunc(e->b, LLVMBuildLShr(e->b, product, constant_like(product, 16), ""), LLVMTypeOf(x), "");
}

value emit_mad24(emitter *e, const ptx_instruction *in)
{
    return LLVMBuildAdd(e->b, emit_mul24(e, in), source(e, in, 2), "");
}

/* ---- Division ------------------------------------------------------------------------------------ */
/* Up to 32 bits, the truncated quotient of doubles is exact: a / b is at least 1 / b away from the next
 * integer, far more than the rounding. Lanes that divide by zero get what the cast gives. */
static value divide_as_doubles(emitter *e, value x, value y, bool as_signed)
{
    llvm_type real = shaped(LLVMDoubleTypeInContext(e->context), x);
    value a = as_signed ? LLVMBuildSIToFP(e->b, x, real, "") : LLVMBuildUIToFP(e->b, x, real, "");
    value b = as_signed ? LLVMBuildSIToFP(e->b, y, real, "") : LLVMBuildUIToFP(e->b, y, real, "");
    value zero = constant_like(y, 0), by_zero = LLVMBuildICmp(e->b, LLVMIntEQ, y, zero, "");
    b = select_value(e, by_zero, real_like(a, 1), b);
    value q = LLVMBuildFDiv(e->b, a, b, "");
    llvm_type wide = shaped(integer(e, 64), x);
    q = LLVMBuildTrunc(e->b, LLVMBuildFPToSI(e->b, q, wide, ""), LLVMTypeOf(x), "");
    return select_value(e, by_zero, constant_like(x, -1), q);
}

/* Divisors that would trap are replaced: 0, and -1 where it overflows. x / -1 is -x. */
static value divide_plainly(emitter *e, value x, value y, bool as_signed)
{
    value by_zero = LLVMBuildICmp(e->b, LLVMIntEQ, y, constant_like(y, 0), "");
    value one = constant_like(y, 1), all = constant_like(y, -1), safe = select_value(e, by_zero, one, y);
    if (!as_signed)
        return select_value(e, by_zero, all, LLVMBuildUDiv(e->b, x, safe, ""));
    value by_minus = LLVMBuildICmp(e->b, LLVMIntEQ, y, all, "");
    safe = select_value(e, by_minus, one, safe);
    value q = select_value(e, by_minus, LLVMBuildNeg(e->b, x, ""), LLVMBuildSDiv(e->b, x, safe, ""));
    return select_value(e, by_zero, all, q);
}

value integer_div(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), y = source(e, in, 1);
    bool doubles = is_vector(x) && bits_of(in) <= 32;
    return (doubles ? divide_as_doubles : divide_plainly)(e, x, y, is_signed(in));
}

/* x - x / y * y; all ones for y = 0. */
value emit_rem(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), y = source(e, in, 1), q = integer_div(e, in);
    value by_zero = LLVMBuildICmp(e->b, LLVMIntEQ, y, constant_like(y, 0), "");
    return select_value(e, by_zero, constant_like(x, -1), LLVMBuildSub(e->b, x, LLVMBuildMul(e->b, q, y, ""), ""));
}

/* ---- Plain functions ----------------------------------------------------------------------------- */
value integer_neg(emitter *e, const ptx_instruction *in) { return LLVMBuildNeg(e->b, source(e, in, 0), ""); }

value integer_abs(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0);
    return call_intrinsic(e, "llvm.abs", LLVMTypeOf(x), (value[]){x, constant_int(e, 1, 0)}, 2);
}

value integer_min(emitter *e, const ptx_instruction *in)
{
    return binary(e, is_signed(in) ? "llvm.smin" : "llvm.umin", source(e, in, 0), source(e, in, 1));
}

value integer_max(emitter *e, const ptx_instruction *in)
{
    return binary(e, is_signed(in) ? "llvm.smax" : "llvm.umax", source(e, in, 0), source(e, in, 1));
}

value emit_sad(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), y = source(e, in, 1);
    value most = binary(e, is_signed(in) ? "llvm.smax" : "llvm.umax", x, y);
    value least = binary(e, is_signed(in) ? "llvm.smin" : "llvm.umin", x, y);
    return LLVMBuildAdd(e->b, source(e, in, 2), LLVMBuildSub(e->b, most, least, ""), "");
}

/* Four products of bytes, added to c. */
value emit_dp4a(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), y = source(e, in, 1), sum = source(e, in, 2);
    bool sx = type_kind((ptx_type)in->types[0]) == KIND_SIGNED, sy = type_kind((ptx_type)in->types[1]) == KIND_SIGNED;
    for (int i = 0; i < 4; i++) {
        value up = constant_like(x, 24 - 8 * i), down = constant_like(x, 24);
        value a = LLVMBuildShl(e->b, x, up, ""), b = LLVMBuildShl(e->b, y, up, "");
        a = sx ? LLVMBuildAShr(e->b, a, down, "") : LLVMBuildLShr(e->b, a, down, "");
        b = sy ? LLVMBuildAShr(e->b, b, down, "") : LLVMBuildLShr(e->b, b, down, "");
        sum = LLVMBuildAdd(e->b, sum, LLVMBuildMul(e->b, a, b, ""), "");
    }
    return sum;
}

/* Two products of half words of a with bytes of b, the low two or the high two. */
value emit_dp2a(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), y = source(e, in, 1), sum = source(e, in, 2);
    bool sx = type_kind((ptx_type)in->types[0]) == KIND_SIGNED, sy = type_kind((ptx_type)in->types[1]) == KIND_SIGNED;
    for (int i = 0; i < 2; i++) {
        int byte = i + (has_modifier(in, MOD_hi) ? 2 : 0);
        value a = LLVMBuildShl(e->b, x, constant_like(x, 16 - 16 * i), ""), half = constant_like(x, 16);
        value b = LLVMBuildShl(e->b, y, constant_like(x, 24 - 8 * byte), ""), most = constant_like(x, 24);
        a = sx ? LLVMBuildAShr(e->b, a, half, "") : LLVMBuildLShr(e->b, a, half, "");
        b = sy ? LLVMBuildAShr(e->b, b, most, "") : LLVMBuildLShr(e->b, b, most, "");
        sum = LLVMBuildAdd(e->b, sum, LLVMBuildMul(e->b, a, b, ""), "");
    }
    return sum;
}

/* ---- Logic --------------------------------------------------------------------------------------- */
value emit_and(emitter *e, const ptx_instruction *in)
{
    return LLVMBuildAnd(e->b, source(e, in, 0), source(e, in, 1), "");
}

value emit_or(emitter *e, const ptx_instruction *in)
{
    return LLVMBuildOr(e->b, source(e, in, 0), source(e, in, 1), "");
}

value emit_xor(emitter *e, const ptx_instruction *in)
{
    return LLVMBuildXor(e->b, source(e, in, 0), source(e, in, 1), "");
}

value emit_not(emitter *e, const ptx_instruction *in) { return LLVMBuildNot(e->b, source(e, in, 0), ""); }

value emit_cnot(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), zero = LLVMBuildICmp(e->b, LLVMIntEQ, x, constant_like(x, 0), "");
    return LLVMBuildZExt(e->b, zero, LLVMTypeOf(x), "");
}

/* Any of the 256 functions of three bits: the OR of the rows of its table that hold a one. */
value emit_lop3(emitter *e, const ptx_instruction *in)
{
    if (in->src[3].kind != OPERAND_IMMEDIATE) {
        unsupported(e, in, "the table must be a constant");
        return NULL;
    }
    value x[3] = {source(e, in, 0), source(e, in, 1), source(e, in, 2)}, out = constant_like(x[0], 0);
    for (int row = 0; row < 8; row++) {
        if (!(in->src[3].offset >> row & 1))
            continue;
        value term = constant_like(x[0], -1);
        for (int k = 0; k < 3; k++) {
            value bit = row >> (2 - k) & 1 ? x[k] : LLVMBuildNot(e->b, x[k], "");
            term = LLVMBuildAnd(e->b, term, bit, "");
        }
        out = LLVMBuildOr(e->b, out, term, "");
    }
    return out;
}

/* ---- Shifts -------------------------------------------------------------------------------------- */
/* The amount as the type of x, and whether it reaches the width: PTX shifts all bits out then. */
static value shift_amount(emitter *e, const ptx_instruction *in, value x, value *too_far)
{
    value by = source(e, in, 1);
    *too_far = LLVMBuildICmp(e->b, LLVMIntUGE, by, constant_like(by, bits_of(in)), "");
    return LLVMBuildIntCast2(e->b, by, LLVMTypeOf(x), 0, "");
}

value emit_shl(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), too_far, by = shift_amount(e, in, x, &too_far);
    by = select_value(e, too_far, constant_like(x, 0), by);
    return select_value(e, too_far, constant_like(x, 0), LLVMBuildShl(e->b, x, by, ""));
}

value emit_shr(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0), too_far, by = shift_amount(e, in, x, &too_far);
    if (is_signed(in)) {
        by = select_value(e, too_far, constant_like(x, bits_of(in) - 1), by);
        return LLVMBuildAShr(e->b, x, by, "");
    }
    by = select_value(e, too_far, constant_like(x, 0), by);
    return select_value(e, too_far, constant_like(x, 0), LLVMBuildLShr(e->b, x, by, ""));
}

/* The 64 bits b:a shifted by c, modulo 32 or at most 32; .l takes the high word, .r the low one. */
value emit_shf(emitter *e, const ptx_instruction *in)
{
    bool left = has_modifier(in, MOD_l);
    value low = source(e, in, 0), high = source(e, in, 1), by = source(e, in, 2);
    value out = call_intrinsic(e, left ? "llvm.fshl" : "llvm.fshr", LLVMTypeOf(low), (value[]){high, low, by}, 3);
    if (!has_modifier(in, MOD_clamp))
        return out;
    return select_value(e, LLVMBuildICmp(e->b, LLVMIntUGE, by, constant_like(by, 32), ""), left ? low : high, out);
}

/* ---- Bit fields ---------------------------------------------------------------------------------- */
value emit_popc(emitter *e, const ptx_instruction *in)
{
    value n = unary(e, "llvm.ctpop", source(e, in, 0));
    return LLVMBuildIntCast2(e->b, n, shaped(integer(e, 32), n), 0, "");
}

static value leading_zeros(emitter *e, value x)
{
    return call_intrinsic(e, "llvm.ctlz", LLVMTypeOf(x), (value[]){x, constant_int(e, 1, 0)}, 2);
}

value emit_clz(emitter *e, const ptx_instruction *in)
{
    value n = leading_zeros(e, source(e, in, 0));
    return LLVMBuildIntCast2(e->b, n, shaped(integer(e, 32), n), 0, "");
}

value emit_brev(emitter *e, const ptx_instruction *in) { return unary(e, "llvm.bitreverse", source(e, in, 0)); }

/* The place of the highest bit that differs from the sign, or of the highest one; -1 if there is none.
 * .shiftamt gives the left shift that brings it to the top. */
value emit_bfind(emitter *e, const ptx_instruction *in)
{
    value x = source(e, in, 0);
    int bits = bits_of(in);
    if (is_signed(in))
        x = LLVMBuildXor(e->b, x, LLVMBuildAShr(e->b, x, constant_like(x, bits - 1), ""), "");
    value zeros = leading_zeros(e, x), none = LLVMBuildICmp(e->b, LLVMIntEQ, x, constant_like(x, 0), "");
    value at = has_modifier(in, MOD_shiftamt) ? zeros : LLVMBuildSub(e->b, constant_like(x, bits - 1), zeros, "");
    at = select_value(e, none, constant_like(x, -1), at);
    return LLVMBuildIntCast2(e->b, at, shaped(integer(e, 32), at), 0, "");
}

static value low_byte(emitter *e, value x, int bits)
{
    x = LLVMBuildAnd(e->b, x, constant_like(x, 255), "");
    return LLVMBuildIntCast2(e->b, x, shaped(integer(e, bits), x), 0, "");
}

/* 2^n - 1 for 0 <= n, all ones from the width on. */
static value low_ones(emitter *e, value n, int bits)
{
    value all = LLVMBuildICmp(e->b, LLVMIntUGE, n, constant_like(n, bits), "");
    value safe = select_value(e, all, constant_like(n, 0), n);
    value ones = LLVMBuildSub(e->b, LLVMBuildShl(e->b, constant_like(n, 1), safe, ""), constant_like(n, 1), "");
    return select_value(e, all, constant_like(n, -1), ones);
}

static value shift_left_or_zero(emitter *e, value x, value by, int bits)
{
    value far = LLVMBuildICmp(e->b, LLVMIntUGE, by, constant_like(by, bits), "");
    by = select_value(e, far, constant_like(by, 0), by);
    return select_value(e, far, constant_like(x, 0), LLVMBuildShl(e->b, x, by, ""));
}

static value shift_right_or_zero(emitter *e, value x, value by, int bits)
{
    value far = LLVMBuildICmp(e->b, LLVMIntUGE, by, constant_like(by, bits), "");
    by = select_value(e, far, constant_like(by, 0), by);
    return select_value(e, far, constant_like(x, 0), LLVMBuildLShr(e->b, x, by, ""));
}

/* `length` bits of x from `start`, filled up with the field's sign bit (of x's top bit where the field
 * ends beyond it) when signed. */
value emit_bfe(emitter *e, const ptx_instruction *in)
{
    int bits = bits_of(in);
    value x = source(e, in, 0), start = low_byte(e, source(e, in, 1), bits), length = low_byte(e, source(e, in, 2), bits);
    value ones = low_ones(e, length, bits);
    value field = LLVMBuildAnd(e->b, shift_right_or_zero(e, x, start, bits), ones, "");
    if (!is_signed(in))
        return field;
    value last = LLVMBuildSub(e->b, LLVMBuildAdd(e->b, start, length, ""), constant_like(x, 1), "");
    last = binary(e, "llvm.umin", last, constant_like(x, bits - 1));
    value sign = LLVMBuildAnd(e->b, LLVMBuildLShr(e->b, x, last, ""), constant_like(x, 1), "");
    value empty = LLVMBuildICmp(e->b, LLVMIntEQ, length, constant_like(x, 0), "");
    value fill = LLVMBuildNot(e->b, ones, "");
    /* A field that ends beyond x has fewer real bits than `length`. */
    value real = LLVMBuildSub(e->b, constant_like(x, bits), binary(e, "llvm.umin", start, constant_like(x, bits)), "");
    fill = LLVMBuildOr(e->b, fill, LLVMBuildNot(e->b, low_ones(e, real, bits), ""), "");
    fill = LLVMBuildAnd(e->b, fill, LLVMBuildNeg(e->b, sign, ""), "");
    return select_value(e, empty, constant_like(x, 0), LLVMBuildOr(e->b, field, fill, ""));
}

/* b with `length` bits from `start` replaced by the low bits of a. */
value emit_bfi(emitter *e, const ptx_instruction *in)
{
    int bits = bits_of(in);
    value a = source(e, in, 0), b = source(e, in, 1);
    value start = low_byte(e, source(e, in, 2), bits), length = low_byte(e, source(e, in, 3), bits);
    value mask = shift_left_or_zero(e, low_ones(e, length, bits), start, bits);
    value field = shift_left_or_zero(e, a, start, bits);
    value kept = LLVMBuildAnd(e->b, b, LLVMBuildNot(e->b, mask, ""), "");
    return LLVMBuildOr(e->b, kept, LLVMBuildAnd(e->b, field, mask, ""), "");
}

/* `length` ones from `start`; amounts wrap at 32 or end there. */
value emit_bmsk(emitter *e, const ptx_instruction *in)
{
    value start = source(e, in, 0), length = source(e, in, 1);
    if (has_modifier(in, MOD_wrap)) {
        start = LLVMBuildAnd(e->b, start, constant_like(start, 31), "");
        length = LLVMBuildAnd(e->b, length, constant_like(start, 31), "");
    }
    return shift_left_or_zero(e, low_ones(e, length, 32), start, 32);
}

/* ---- Bytes --------------------------------------------------------------------------------------- */
/* Byte `selector & 7` of b:a; bit 3 spreads its sign instead. */
static value pick_byte(emitter *e, value both, value selector)
{
    value which = LLVMBuildAnd(e->b, selector, constant_like(selector, 7), "");
    value byte = LLVMBuildLShr(e->b, both, LLVMBuildShl(e->b, which, constant_like(which, 3), ""), "");
    byte = LLVMBuildTrunc(e->b, byte, shaped(integer(e, 8), byte), "");
    value spread_sign = LLVMBuildICmp(e->b, LLVMIntNE, LLVMBuildAnd(e->b, selector, constant_like(selector, 8), ""),
                                      constant_like(selector, 0), "");
    value sign = LLVMBuildAShr(e->b, byte, constant_like(byte, 7), "");
    return LLVMBuildZExt(e->b, select_value(e, spread_sign, sign, byte), shaped(integer(e, 32), byte), "");
}

/* The selector nibble of result byte i for the modes that derive it from two bits of c. */
static int mode_selector(ptx_modifier mode, int c, int i)
{
    switch (mode) {
    case MOD_f4e: return (c + i) & 7;
    case MOD_b4e: return (c - i) & 7;
    case MOD_rc8: return c;
    case MOD_ecl: return i > c ? i : c;
    case MOD_ecr: return i < c ? i : c;
    default: return (c & 1 ? 2 : 0) + (i & 1);
    }
}

static value mode_nibble(emitter *e, ptx_modifier mode, value c, int i)
{
    value low = LLVMBuildAnd(e->b, c, constant_like(c, 3), ""), out = constant_like(c, mode_selector(mode, 0, i));
    for (int k = 1; k < 4; k++)
        out = select_value(e, LLVMBuildICmp(e->b, LLVMIntEQ, low, constant_like(c, k), ""),
                           constant_like(c, mode_selector(mode, k, i)), out);
    return out;
}

value emit_prmt(emitter *e, const ptx_instruction *in)
{
    value a = widened(e, source(e, in, 0), 64, false), b = widened(e, source(e, in, 1), 64, false);
    value both = LLVMBuildOr(e->b, a, LLVMBuildShl(e->b, b, constant_like(b, 32), ""), "");
    value c = widened(e, source(e, in, 2), 64, false), out = NULL;
    ptx_modifier mode = modifier_among(in, "f4e b4e rc8 ecl ecr rc16");
    for (int i = 0; i < 4; i++) {
        value nibble = mode == MOD_NONE ? LLVMBuildLShr(e->b, c, constant_like(c, 4 * i), "") : mode_nibble(e, mode, c, i);
        value byte = pick_byte(e, both, nibble);
        byte = LLVMBuildShl(e->b, byte, constant_like(byte, 8 * i), "");
        out = out ? LLVMBuildOr(e->b, out, byte, "") : byte;
    }
    return out;
}

/* ---- Selection and comparison -------------------------------------------------------------------- */
value emit_selp(emitter *e, const ptx_instruction *in)
{
    value yes = source(e, in, 0), no = source(e, in, 1);
    /* A uniform condition may choose between affine values. */
    value condition = read_operand(e, &in->src[2], PTX_PRED, e->vector);
    return select_value(e, condition, yes, no);
}

/* c >= 0 ? a : b */
value emit_slct(emitter *e, const ptx_instruction *in)
{
    value c = source(e, in, 2);
    value condition = (ptx_type)in->types[1] == PTX_F32 ? LLVMBuildFCmp(e->b, LLVMRealOGE, c, real_like(c, 0), "")
                                                        : LLVMBuildICmp(e->b, LLVMIntSGE, c, constant_like(c, 0), "");
    return select_value(e, condition, source(e, in, 0), source(e, in, 1));
}

static const char comparisons[] = "eq ne lt le gt ge lo ls hi hs equ neu ltu leu gtu geu num nan";

static int integer_predicate(ptx_modifier compare, bool as_signed)
{
    switch (compare) {
    case MOD_eq: return LLVMIntEQ;
    case MOD_ne: return LLVMIntNE;
    case MOD_lt: return as_signed ? LLVMIntSLT : LLVMIntULT;
    case MOD_le: return as_signed ? LLVMIntSLE : LLVMIntULE;
    case MOD_gt: return as_signed ? LLVMIntSGT : LLVMIntUGT;
    case MOD_ge: return as_signed ? LLVMIntSGE : LLVMIntUGE;
    case MOD_lo: return LLVMIntULT;
    case MOD_ls: return LLVMIntULE;
    case MOD_hi: return LLVMIntUGT;
    case MOD_hs: return LLVMIntUGE;
    default: return -1;
    }
}

static int real_predicate(ptx_modifier compare)
{
    switch (compare) {
    case MOD_eq: return LLVMRealOEQ;
    case MOD_ne: return LLVMRealONE;
    case MOD_lt: return LLVMRealOLT;
    case MOD_le: return LLVMRealOLE;
    case MOD_gt: return LLVMRealOGT;
    case MOD_ge: return LLVMRealOGE;
    case MOD_equ: return LLVMRealUEQ;
    case MOD_neu: return LLVMRealUNE;
    case MOD_ltu: return LLVMRealULT;
    case MOD_leu: return LLVMRealULE;
    case MOD_gtu: return LLVMRealUGT;
    case MOD_geu: return LLVMRealUGE;
    case MOD_num: return LLVMRealORD;
    case MOD_nan: return LLVMRealUNO;
    default: return -1;
    }
}

value compare_integers(emitter *e, const ptx_instruction *in, value x, value y)
{
    bool as_signed = type_kind((ptx_type)in->types[in->op == OP_set]) == KIND_SIGNED;
    int predicate = integer_predicate(modifier_among(in, comparisons), as_signed);
    return LLVMBuildICmp(e->b, (LLVMIntPredicate)predicate, x, y, "");
}

static value compare(emitter *e, const ptx_instruction *in, ptx_type type)
{
    ptx_modifier how = modifier_among(in, comparisons);
    bool real = type_kind(type) == KIND_FLOAT;
    int predicate = real ? real_predicate(how) : integer_predicate(how, type_kind(type) == KIND_SIGNED);
    if (predicate < 0) {
        unsupported(e, in, "this comparison is not for this type");
        return NULL;
    }
    if (real)
        return LLVMBuildFCmp(e->b, (LLVMRealPredicate)predicate, real_source(e, in, 0), real_source(e, in, 1), "");
    return compare_integers(e, in, source(e, in, 0), source(e, in, 1));
}

static value combine(emitter *e, const ptx_instruction *in, value result)
{
    if (in->src_count < 3 || !result)
        return result;
    value other = source(e, in, 2);
    switch (modifier_among(in, "and or xor")) {
    case MOD_and: return LLVMBuildAnd(e->b, result, other, "");
    case MOD_or: return LLVMBuildOr(e->b, result, other, "");
    default: return LLVMBuildXor(e->b, result, other, "");
    }
}

value emit_setp(emitter *e, const ptx_instruction *in)
{
    value plain = compare(e, in, (ptx_type)in->types[0]), result = combine(e, in, plain);
    if (in->dst_count == 2 && result) {
        shape s = {.kind = e->vector ? SHAPE_VECTOR : SHAPE_AFFINE};
        write_result(e, &in->dst[1], PTX_PRED, combine(e, in, LLVMBuildNot(e->b, plain, "")), s);
    }
    return result;
}

/* All ones for integers, 1.0 for floats. */
value emit_set(emitter *e, const ptx_instruction *in)
{
    value result = combine(e, in, compare(e, in, (ptx_type)in->types[1]));
    if (!result)
        return NULL;
    ptx_type type = (ptx_type)in->types[0];
    if (is_half(type))
        return narrow_half(e, LLVMBuildUIToFP(e->b, result, shaped(scalar_type(e, PTX_F32), result), ""), type, -1);
    llvm_type to = shaped(scalar_type(e, type), result);
    return type_kind((ptx_type)in->types[0]) == KIND_FLOAT ? LLVMBuildUIToFP(e->b, result, to, "")
                                                           : LLVMBuildSExt(e->b, result, to, "");
}
