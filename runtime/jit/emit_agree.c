/* Whether all lanes agree on a branch, found without looking at each of them.
 *
 * Thread numbers grow from lane to lane, and indices with them. Compared with something that is the same for all lanes, they
 * give one answer for all of them if the first and the last lane get the same one and nothing wrapped in between. Bounds
 * checks are nearly always decided so, and conditions made of them with and, or, not. */
#include "runtime/jit/emit.h"

/* The values of a row's first and last lane (of the warp's, where it is no block's rows). */
typedef struct ends {
    value first, last;
    value steady;       /* i1: grows, or shrinks, or stays from the one to the other */
    int direction;      /* 1, -1; 0: the same in all lanes */
} ends;

static value truth(emitter *e, bool x) { return constant_int(e, 1, x); }
static value both(emitter *e, value x, value y) { return LLVMBuildAnd(e->b, x, y, ""); }
static value either(emitter *e, value x, value y) { return LLVMBuildOr(e->b, x, y, ""); }
static value neither(emitter *e, value x, value y) { return LLVMBuildNot(e->b, either(e, x, y), ""); }

static form row_form(const emitter *e) { return row_count(e) > 1 ? FORM_ROW : FORM_SCALAR; }

static LLVMIntPredicate less(ptx_type type) { return type_kind(type) == KIND_SIGNED ? LLVMIntSLT : LLVMIntULT; }

static bool find_affine_ends(emitter *e, const ptx_operand *o, ptx_type type, ends *out)
{
    enum { FAR = 1 << 24 };
    shape s = shape_of(e, o);
    if (o->negate || (s.kind != SHAPE_AFFINE && s.kind != SHAPE_ROWS) || s.stride <= -FAR || s.stride >= FAR)
        return false;
    value first = read_operand(e, o, type, row_form(e));
    value last = LLVMBuildAdd(e->b, first, constant_like(first, s.stride * (LANES / row_count(e) - 1)), "");
    bool grows = s.stride > 0;
    value wrapped = s.stride ? LLVMBuildICmp(e->b, less(type), grows ? last : first, grows ? first : last, "") : truth(e, false);
    *out = (ends){first, last, LLVMBuildNot(e->b, wrapped, ""), s.stride ? grows ? 1 : -1 : 0};
    return true;
}

/* Of an index, or of the greater or smaller of two: the compiler joins two bounds checks so. */
static bool find_ends(emitter *e, const ptx_instruction *branch, const ptx_operand *o, ptx_type type, ends *out)
{
    const ptx_instruction *in;
    ends x, y;
    if (find_affine_ends(e, o, type, out))
        return true;
    in = definition(e, branch, o);
    if (!in || (in->op != OP_min && in->op != OP_max) || (ptx_type)in->types[0] != type)
        return false;
    if (!find_affine_ends(e, &in->src[0], type, &x) || !find_affine_ends(e, &in->src[1], type, &y) || x.direction * y.direction < 0)
        return false;
    bool is_signed = type_kind(type) == KIND_SIGNED;
    const char *name = in->op == OP_min ? is_signed ? "llvm.smin" : "llvm.umin" : is_signed ? "llvm.smax" : "llvm.umax";
    *out = (ends){binary(e, name, x.first, y.first), binary(e, name, x.last, y.last), both(e, x.steady, y.steady),
                  x.direction + y.direction};
    return true;
}

/* Equal numbers are not looked for: lanes are only known to differ, where both ends lie on one side. */
static agreement agree_on_equality(emitter *e, ptx_type type, bool equal, ends x, ends y)
{
    LLVMIntPredicate p = less(type);
    value below = both(e, LLVMBuildICmp(e->b, p, x.first, y.first, ""), LLVMBuildICmp(e->b, p, x.last, y.last, ""));
    value above = both(e, LLVMBuildICmp(e->b, p, y.first, x.first, ""), LLVMBuildICmp(e->b, p, y.last, x.last, ""));
    value apart = both(e, both(e, x.steady, y.steady), either(e, below, above));
    return equal ? (agreement){truth(e, false), apart} : (agreement){apart, truth(e, false)};
}

static bool agree_on_comparison(emitter *e, const ptx_instruction *branch, const ptx_instruction *in, agreement *out)
{
    ptx_type type = (ptx_type)in->types[0];
    ptx_modifier how = modifier_among(in, "eq ne lt le gt ge lo ls hi hs");
    ends x, y;
    if (in->dst_count != 1 || in->src_count != 2 || type_kind(type) == KIND_FLOAT || type_bits(type) != 32 || how == MOD_NONE)
        return false;
    if (how == MOD_lo || how == MOD_ls || how == MOD_hi || how == MOD_hs)
        type = PTX_U32;
    if (!find_ends(e, branch, &in->src[0], type, &x) || !find_ends(e, branch, &in->src[1], type, &y) || (x.direction && y.direction))
        return false;
    if (how == MOD_eq || how == MOD_ne) {
        *out = agree_on_equality(e, type, how == MOD_eq, x, y);
        return true;
    }
    value first = compare_integers(e, in, x.first, y.first), last = compare_integers(e, in, x.last, y.last);
    value steady = both(e, x.steady, y.steady);
    *out = (agreement){both(e, steady, both(e, first, last)), both(e, steady, neither(e, first, last))};
    return true;
}

static bool agree_on(emitter *e, const ptx_instruction *branch, const ptx_operand *o, int depth, agreement *out);

static bool agree_on_result(emitter *e, const ptx_instruction *branch, const ptx_instruction *in, int depth, agreement *out)
{
    agreement x, y;
    if (in->op == OP_setp)
        return agree_on_comparison(e, branch, in, out);
    if ((in->op != OP_and && in->op != OP_or && in->op != OP_not) || (ptx_type)in->types[0] != PTX_PRED || depth == 0)
        return false;
    if (!agree_on(e, branch, &in->src[0], depth - 1, &x))
        return false;
    if (in->op == OP_not) {
        *out = (agreement){x.none, x.all};
        return true;
    }
    if (!agree_on(e, branch, &in->src[1], depth - 1, &y))
        return false;
    *out = in->op == OP_and ? (agreement){both(e, x.all, y.all), either(e, x.none, y.none)}
                            : (agreement){either(e, x.all, y.all), both(e, x.none, y.none)};
    return true;
}

static bool agree_on(emitter *e, const ptx_instruction *branch, const ptx_operand *o, int depth, agreement *out)
{
    const ptx_instruction *in = definition(e, branch, o);
    ptx_operand plain = *o;
    plain.negate = false;
    if (is_level(shape_of(e, o))) {
        value p = read_operand(e, &plain, PTX_PRED, row_form(e));
        *out = (agreement){p, LLVMBuildNot(e->b, p, "")};
    } else if (!in || !agree_on_result(e, branch, in, depth, out)) {
        return false;
    }
    if (o->negate)
        *out = (agreement){out->none, out->all};
    return true;
}

bool find_agreement(emitter *e, const ptx_instruction *branch, agreement *out)
{
    enum { DEPTH = 4 };
    const ptx_operand guard = {.kind = OPERAND_REGISTER, .index = branch->guard};
    agreement row;
    *out = (agreement){truth(e, true), truth(e, true)};
    for (e->row = 0; e->row < row_count(e); e->row++) {
        if (!agree_on(e, branch, &guard, DEPTH, &row))
            return false;
        *out = (agreement){both(e, out->all, row.all), both(e, out->none, row.none)};
    }
    if (branch->guard_negated)
        *out = (agreement){out->none, out->all};
    return true;
}
