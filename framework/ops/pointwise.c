/* Pointwise operations: promotion, broadcasting, front functions. Their arithmetic is the program
 * instruction of the same row in ops.def; their gradients stand in autograd/pointwise.c. */
#include "framework/ops/rules.h"
#include <cairn/ops.h>

extern const uint8_t op_instruction[OP_COUNT];

/* Types an instruction exists for, and whether it gives a boolean. */
enum { ONLY_F = 1, ONLY_I = 2, GIVES_BOOL = 4 };
#define TYPES_F ONLY_F
#define TYPES_I ONLY_I
#define TYPES_A 0
#define RESULT_SAME 0
#define RESULT_BOOL GIVES_BOOL
#define RESULT_F32 0
static const uint8_t traits[PROGRAM_OP_COUNT] = {
#define X(name, operands, types, result) TYPES_##types | RESULT_##result,
    PROGRAM_OPS(X)
#undef X
};

static uint8_t traits_of(op_id op) { return traits[op_instruction[op]]; }

/* (inputs that broadcast) -> their common shape */
cairn_status infer_pointwise(const value *v, spec *out)
{
    out->shape = v->in[0]->shape;
    for (int i = 1; i < v->n_in; i++)
        if (!shape_broadcast(&out->shape, &v->in[i]->shape, &out->shape))
            return error_set(CAIRN_E_SHAPE, "%s: shapes do not broadcast: %s and %s", ops[v->op].name, SHAPE(&out->shape),
                             SHAPE(&v->in[i]->shape));
    out->type = traits_of(v->op) & GIVES_BOOL ? CAIRN_BOOL : v->in[v->n_in - 1]->type;
    if (v->op == OP_random_uniform || v->op == OP_random_normal)
        out->type = CAIRN_F32;
    for (int i = 0; i < v->n_in && out->shape.rank == 4; i++)
        out->channels_last |= (v->in[i]->flags & V_CHANNELS_LAST) && shape_equal(&v->in[i]->shape, &out->shape);
    return CAIRN_OK;
}

cairn_status infer_cast(const value *v, spec *out)
{
    const attr_cast *a = v->attr;
    *out = (spec){v->in[0]->shape, (cairn_dtype)a->type, v->in[0]->flags & V_CHANNELS_LAST};
    return CAIRN_OK;
}

/* ---- Promotion: PyTorch's three ranks. Tensors with axes decide; then scalars; then weak numbers, each
 * only by a higher kind (bool < integer < floating) than what decided before. */

static int kind_of(cairn_dtype t) { return type_is_float(t) ? 2 : t == CAIRN_BOOL ? 0 : 1; }

typedef struct promotion {
    int level;            /* 0 nothing yet, 1 weak numbers, 2 scalars, 3 tensors with axes */
    cairn_dtype type;
} promotion;

static int level_of(const value *v) { return v->flags & V_WEAK ? 1 : v->shape.rank == 0 ? 2 : 3; }

static void promote(promotion *p, const value *v)
{
    int level = level_of(v);
    if (level == p->level) {
        p->type = cairn_promote_types(p->type, v->type);
    } else {
        cairn_dtype high = level > p->level ? v->type : p->type, low = level > p->level ? p->type : v->type;
        bool raises = p->level && kind_of(low) > kind_of(high);
        p->type = raises ? low : high;
        p->level = level > p->level ? level : p->level;
    }
}

static program_value number_as(const value *v, cairn_dtype to)
{
    program_value n = v->param;
    if (type_is_float(v->type) && !type_is_float(to))
        n.i = to == CAIRN_BOOL ? n.f != 0 : (int64_t)n.f;
    else if (!type_is_float(v->type) && type_is_float(to))
        n.f = (double)n.i;
    return n;
}

/* x as `type`: a number is made again, what has the type already passes, all else is cast. */
static cairn_tensor *converted(cairn_tensor *x, cairn_dtype type)
{
    value *v = handle_value(x);
    if (!v || v->type == type)
        return x;
    if (v->op == OP_constant && !(v->flags & V_REQUIRES_GRAD))
        return handle_new(value_constant(&v->shape, type, number_as(v, type)));
    attr_cast a = {type};
    return op_build1(OP_cast, x, &a, sizeof a);
}

static bool strict_ok(const char *name, const value *a, const value *b)
{
    if (!thread()->strict_broadcasting || !a->shape.rank || !b->shape.rank || shape_equal(&a->shape, &b->shape))
        return true;
    error_set(CAIRN_E_SHAPE, "%s: shapes differ and broadcasting is strict: %s and %s", name, SHAPE(&a->shape), SHAPE(&b->shape));
    return false;
}

static bool type_ok(op_id op, cairn_dtype t)
{
    bool bad = (traits_of(op) & ONLY_I && type_is_float(t)) || ((op == OP_neg || op == OP_sub) && t == CAIRN_BOOL);
    if (bad)
        error_set(CAIRN_E_TYPE, "%s: not for %s", ops[op].name, cairn_dtype_name(t));
    return !bad;
}

/* ---- Numbers meet numbers at once: gradients are full of them, and each would be a kernel */

static bool is_number(const value *v)
{
    return v->op == OP_constant && !(v->flags & V_REQUIRES_GRAD) && (v->type == CAIRN_F32 || v->type == CAIRN_F64);
}

static double arithmetic(op_id op, double a, double b)
{
    switch (op) {
    case OP_neg: return -a;
    case OP_add: return a + b;
    case OP_sub: return a - b;
    case OP_mul: return a * b;
    default: return a / b;
    }
}

/* The number that op makes of the number a (and b), as a program would in their type; NULL (no error) when it is not one
 * of those operations, or they are no numbers. Any type's arithmetic on f32 is right in f64, once rounded. */
static cairn_tensor *number_of(op_id op, const value *a, const value *b)
{
    bool known = op == OP_neg || op == OP_add || op == OP_sub || op == OP_mul || op == OP_div;
    shape s = a->shape;
    if (!known || !is_number(a) || !is_number(b) || !shape_broadcast(&a->shape, &b->shape, &s))
        return NULL;
    bool narrow = a->type == CAIRN_F32;
    double x = narrow ? (float)a->param.f : a->param.f, y = narrow ? (float)b->param.f : b->param.f, z = arithmetic(op, x, y);
    value *v = value_constant(&s, (cairn_dtype)a->type, (program_value){.f = narrow ? (float)z : z});
    if (v)
        v->flags |= a->flags & b->flags & V_WEAK;
    return handle_new(v);
}

cairn_tensor *number_in_shape(cairn_tensor *x, const shape *s)
{
    value *v = handle_value(x);
    return v && is_number(v) ? handle_new(value_constant(s, (cairn_dtype)v->type, v->param)) : NULL;
}

cairn_tensor *pointwise1(op_id op, cairn_tensor *x)
{
    value *v = handle_value(x);
    if (!v || !type_ok(op, v->type))
        return NULL;
    cairn_tensor *number = number_of(op, v, v);
    if (number)
        return number;
    if (traits_of(op) & ONLY_F && !type_is_float(v->type))
        x = converted(x, CAIRN_F32);
    return op_build(op, 1, &x, NULL, 0);
}

/* The two operands in their common type; false with the error set. */
static bool meet(op_id op, cairn_tensor **x, cairn_tensor **y)
{
    value *a = handle_value(*x), *b = handle_value(*y);
    if (!a || !b || !strict_ok(ops[op].name, a, b))
        return false;
    cairn_dtype type = a->type;
    if (a->type != b->type) {
        promotion p = {0};
        promote(&p, a);
        promote(&p, b);
        type = p.type;
    }
    if (!type_ok(op, type))
        return false;
    if (traits_of(op) & ONLY_F && !type_is_float(type))
        type = CAIRN_F32;
    *x = converted(*x, type);
    *y = converted(*y, type);
    return *x && *y;
}

cairn_tensor *pointwise2(op_id op, cairn_tensor *x, cairn_tensor *y)
{
    if (!meet(op, &x, &y))
        return NULL;
    cairn_tensor *number = number_of(op, handle_value(x), handle_value(y));
    return number ? number : op_build2(op, x, y, NULL, 0);
}

cairn_tensor *cairn_to(cairn_tensor *x, cairn_dtype type)
{
    if ((unsigned)type >= CAIRN_DTYPE_COUNT) {
        error_set(CAIRN_E_TYPE, "to: %d is no element type", (int)type);
        return NULL;
    }
    return converted(x, type);
}

cairn_tensor *cairn_where(cairn_tensor *condition, cairn_tensor *x, cairn_tensor *y)
{
    value *c = handle_value(condition);
    if (!c || !meet(OP_where, &x, &y))
        return NULL;
    if (c->type != CAIRN_BOOL) {
        error_set(CAIRN_E_TYPE, "where: the condition is %s, not bool", cairn_dtype_name(c->type));
        return NULL;
    }
    return op_build(OP_where, 3, (cairn_tensor *[]){condition, x, y}, NULL, 0);
}

/* ---- Front functions, all alike */

#define ONE(name) cairn_tensor *cairn_##name(cairn_tensor *x) { return pointwise1(OP_##name, x); }
#define TWO(name) cairn_tensor *cairn_##name(cairn_tensor *x, cairn_tensor *y) { return pointwise2(OP_##name, x, y); }
ONE(neg) ONE(abs) ONE(sign) ONE(square) ONE(sqrt) ONE(rsqrt) ONE(reciprocal) ONE(exp) ONE(exp2) ONE(expm1)
ONE(log) ONE(log2) ONE(log10) ONE(log1p) ONE(sin) ONE(cos) ONE(tan) ONE(asin) ONE(acos) ONE(atan)
ONE(sinh) ONE(cosh) ONE(tanh) ONE(asinh) ONE(acosh) ONE(atanh) ONE(sigmoid) ONE(erf) ONE(erfc) ONE(erfinv)
ONE(lgamma) ONE(digamma) ONE(relu) ONE(logical_not)
TWO(add) TWO(sub) TWO(mul) TWO(div) TWO(div_floor) TWO(div_trunc) TWO(fmod) TWO(remainder) TWO(pow)
TWO(minimum) TWO(maximum) TWO(atan2) TWO(hypot) TWO(copysign) TWO(nextafter)
TWO(eq) TWO(ne) TWO(lt) TWO(le) TWO(gt) TWO(ge) TWO(bitwise_and) TWO(bitwise_or) TWO(bitwise_xor)
TWO(shift_left) TWO(shift_right)

/* On integers these are the identity, or known without looking. */
static cairn_tensor *on_floats(op_id op, cairn_tensor *x)
{
    value *v = handle_value(x);
    return v && !type_is_float(v->type) ? x : pointwise1(op, x);
}
cairn_tensor *cairn_floor(cairn_tensor *x) { return on_floats(OP_floor, x); }
cairn_tensor *cairn_ceil(cairn_tensor *x) { return on_floats(OP_ceil, x); }
cairn_tensor *cairn_round(cairn_tensor *x) { return on_floats(OP_round, x); }
cairn_tensor *cairn_trunc(cairn_tensor *x) { return on_floats(OP_trunc, x); }
ONE(isnan) ONE(isinf)

cairn_tensor *cairn_isfinite(cairn_tensor *x)
{
    return cairn_logical_not(cairn_isnan(cairn_sub(x, x)));      /* x - x is 0 for a finite x, else NaN */
}

cairn_tensor *cairn_bitwise_not(cairn_tensor *x)
{
    value *v = handle_value(x);
    return v && v->type == CAIRN_BOOL ? cairn_logical_not(x) : pointwise1(OP_bitwise_not, x);
}

static cairn_tensor *truth(cairn_tensor *x) { return cairn_to(x, CAIRN_BOOL); }
cairn_tensor *cairn_logical_and(cairn_tensor *x, cairn_tensor *y) { return cairn_bitwise_and(truth(x), truth(y)); }
cairn_tensor *cairn_logical_or(cairn_tensor *x, cairn_tensor *y) { return cairn_bitwise_or(truth(x), truth(y)); }
cairn_tensor *cairn_logical_xor(cairn_tensor *x, cairn_tensor *y) { return cairn_bitwise_xor(truth(x), truth(y)); }
