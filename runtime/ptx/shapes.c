#include "runtime/ptx/shapes.h"
#include <string.h>

enum { WARP = 32, WARP_BITS = 5, ALL_ZEROS = 63, SMALL = 31, ANY_BITS = 64 };
enum { TID_BITS = 10, NTID_BITS = 11, WORD_BITS = 31 }; /* of special registers */

typedef struct finder {
    flow *g;
    block_class c;
    shape *registers;
    bool changed;
    bool likely;        /* look for likely strides: nothing wraps */
} finder;

static shape vector(void) { return (shape){.kind = SHAPE_VECTOR, .bits = ANY_BITS}; }
static shape uniform(void) { return (shape){.kind = SHAPE_AFFINE, .bits = ANY_BITS}; }

/* ---- Kinds of blocks ----------------------------------------------------------------------------- */
block_class class_of_block(const unsigned block[3])
{
    unsigned x = block[0], threads = x * block[1] * block[2];
    block_class c = {.flat = threads == x || x % WARP == 0, .full = threads % WARP == 0};
    if (!c.flat && (x % 16 == 0 || x % 8 == 0)) {
        c.row = x % 16 == 0 ? 16 : 8;
        c.narrow = x == c.row;
    }
    return c;
}

int class_index(block_class c)
{
    int kind = c.flat ? 0 : c.row == 0 ? 1 : (c.row == 16 ? 2 : 4) + c.narrow;
    return 2 * kind + c.full;
}

static shape constant(int64_t value)
{
    return (shape){SHAPE_AFFINE, value ? (uint8_t)__builtin_ctzll((uint64_t)value) : ALL_ZEROS,
                   value < 0 ? ANY_BITS : value ? (uint8_t)(64 - __builtin_clzll((uint64_t)value)) : 0, 0};
}

static uint8_t least(uint8_t a, uint8_t b) { return a < b ? a : b; }

/* ---- Operands ------------------------------------------------------------------------------------ */
static shape special_shape(block_class c, ptx_special special)
{
    bool whole_warps = c.flat && c.full;
    switch (special) {
    case SPECIAL_TID_X:
        if (c.row)
            return (shape){SHAPE_ROWS, c.narrow ? ALL_ZEROS : (uint8_t)__builtin_ctz(c.row),
                           c.narrow ? (uint8_t)__builtin_ctz(c.row) : TID_BITS, 1};
        return c.flat ? (shape){SHAPE_AFFINE, WARP_BITS, TID_BITS, 1} : vector();
    case SPECIAL_TID_Y:
    case SPECIAL_TID_Z:
        if (c.row)
            return (shape){SHAPE_ROWS, 0, TID_BITS, 0};
        return c.flat ? (shape){SHAPE_AFFINE, 0, TID_BITS, 0} : vector();
    case SPECIAL_LANEID:
        return (shape){SHAPE_AFFINE, ALL_ZEROS, WARP_BITS, 1};
    case SPECIAL_NTID_X:
        return (shape){SHAPE_AFFINE, whole_warps ? WARP_BITS : c.row ? (uint8_t)__builtin_ctz(c.row) : 0, NTID_BITS, 0};
    case SPECIAL_LANEMASK_EQ:
    case SPECIAL_LANEMASK_LT:
    case SPECIAL_LANEMASK_LE:
    case SPECIAL_LANEMASK_GT:
    case SPECIAL_LANEMASK_GE:
        return vector();
    case SPECIAL_CLOCK:
    case SPECIAL_CLOCK64:
    case SPECIAL_CLOCK_HI:
    case SPECIAL_GLOBALTIMER:
        return uniform();
    case SPECIAL_WARP_SZ:
        return constant(WARP);
    default:
        return (shape){SHAPE_AFFINE, 0, WORD_BITS, 0};
    }
}

shape operand_shape(const flow *g, block_class c, const shape *registers, const ptx_operand *o)
{
    switch (o->kind) {
    case OPERAND_REGISTER: return registers[o->index];
    case OPERAND_IMMEDIATE: return o->real ? uniform() : constant(o->offset);
    case OPERAND_SPECIAL: return special_shape(c, (ptx_special)o->index);
    case OPERAND_LOCAL: return (shape){SHAPE_AFFINE, 0, ANY_BITS, g->f->local_bytes};
    case OPERAND_PARAM:
        return (shape){SHAPE_AFFINE, 0, ANY_BITS, g->f->entry ? 0 : g->f->params[o->index].bytes, 0};
    default: return uniform();
    }
}

static shape source_shape(const finder *d, const ptx_instruction *in, int i)
{
    shape s = operand_shape(d->g, d->c, d->registers, &in->src[i]);
    if (d->likely && s.kind == SHAPE_VECTOR && s.likely)
        return (shape){.kind = d->c.row ? SHAPE_ROWS : SHAPE_AFFINE, .stride = s.likely, .bits = SMALL};
    s.bits = d->likely && s.bits > SMALL ? SMALL : s.bits;
    return s;
}

/* ---- Rules --------------------------------------------------------------------------------------- */
/* Bits of a result that would have so many, from sources of a and b. */
static uint8_t capped(shape a, shape b, int bits)
{
    if (a.bits <= SMALL && b.bits <= SMALL)
        return (uint8_t)(bits > SMALL ? SMALL : bits);
    return a.bits < ANY_BITS && b.bits < ANY_BITS && bits < ANY_BITS ? (uint8_t)bits : ANY_BITS;
}

static uint8_t most(uint8_t a, uint8_t b) { return a > b ? a : b; }

static shape add_shapes(shape a, shape b, int sign)
{
    uint8_t bits = sign > 0 ? capped(a, b, most(a.bits, b.bits) + 1) : ANY_BITS;
    return (shape){SHAPE_AFFINE, least(a.zeros, b.zeros), bits, a.stride + sign * b.stride};
}

/* x * y where one of them is a known constant, or both are uniform. */
static shape multiply_shapes(const ptx_instruction *in, shape a, shape b)
{
    const ptx_operand *x = &in->src[0], *y = &in->src[1];
    bool x_known = x->kind == OPERAND_IMMEDIATE, y_known = y->kind == OPERAND_IMMEDIATE;
    int zeros = a.zeros + b.zeros;
    shape out = {SHAPE_AFFINE, (uint8_t)(zeros > ALL_ZEROS ? ALL_ZEROS : zeros), capped(a, b, a.bits + b.bits), 0};
    if (is_uniform(a) && is_uniform(b))
        return out;
    int64_t factor = x_known ? x->offset : y->offset;
    shape varying = x_known ? b : a;
    if ((!x_known && !y_known) || factor > INT32_MAX || factor < INT32_MIN)
        return vector();
    out.stride = varying.stride * factor;
    return out;
}

static bool is_integer(ptx_type type) { return type_kind(type) != KIND_FLOAT && type_kind(type) != KIND_PREDICATE; }

/* Whether lanes keep their distance when a 32-bit value is widened. Signed index arithmetic does not
 * overflow in C; unsigned may wrap, except for values made of thread numbers. */
static bool widens(shape s, ptx_type from) { return is_uniform(s) || s.bits <= SMALL || from == PTX_S32; }

static shape shape_of_multiply(const ptx_instruction *in, shape a, shape b)
{
    ptx_type type = (ptx_type)in->types[0];
    if (has_modifier(in, MOD_hi) || type_bits(type) < 32)
        return vector();
    if (has_modifier(in, MOD_wide) && (!widens(a, type) || !widens(b, type)))
        return vector();
    return multiply_shapes(in, a, b);
}

static shape shape_of_shift(const ptx_instruction *in, shape a)
{
    int64_t by = in->src[1].offset;
    if (in->src[1].kind != OPERAND_IMMEDIATE || by < 0 || by > 30 || type_bits((ptx_type)in->types[0]) < 32)
        return vector();
    int zeros = a.zeros + (int)by;
    return (shape){SHAPE_AFFINE, (uint8_t)(zeros > ALL_ZEROS ? ALL_ZEROS : zeros),
                   by < 16 ? capped(a, a, a.bits + (int)by) : ANY_BITS, a.stride << by};
}

/* Bits of base that the lanes' differences never reach: from here on a shift or mask sees the base only. */
static int lane_bits(shape a, int lanes)
{
    if (a.stride <= 0 || a.stride > INT32_MAX)
        return ALL_ZEROS + 1;
    int bits = 64 - __builtin_clzll((uint64_t)a.stride * (uint64_t)(lanes - 1));
    return bits <= a.zeros ? bits : ALL_ZEROS + 1;
}

static shape shape_of_and(const ptx_instruction *in, shape a, shape b, int lanes)
{
    const ptx_operand *mask = &in->src[1];
    int bits = lane_bits(a, lanes);
    uint8_t known = mask->kind == OPERAND_IMMEDIATE && mask->offset >= 0 ? least(a.bits, b.bits) : a.bits;
    if (is_uniform(a) && mask->kind == OPERAND_IMMEDIATE)
        return (shape){SHAPE_AFFINE, most(a.zeros, b.zeros), known, 0};
    if (mask->kind != OPERAND_IMMEDIATE || bits > 31 || !is_uniform(b))
        return vector();
    uint64_t low = (1ull << bits) - 1, kept = (uint64_t)mask->offset & low;
    if (kept && kept != low)
        return vector();
    return (shape){SHAPE_AFFINE, a.zeros, known, kept ? a.stride : 0};
}

/* Bits at the low end that are zero in every lane. */
static int low_zeros(shape a)
{
    int zeros = a.stride ? __builtin_ctzll((uint64_t)a.stride) : ALL_ZEROS;
    return zeros < a.zeros ? zeros : a.zeros;
}

/* x | y is x + y where their bits never meet. */
static shape shape_of_or(shape a, shape b)
{
    bool apart = b.bits <= low_zeros(a) || a.bits <= low_zeros(b);
    shape s = apart ? add_shapes(a, b, 1) : vector();
    s.bits = most(a.bits, b.bits);
    return s;
}

static shape shape_of_shift_right(const ptx_instruction *in, shape a, int lanes)
{
    bool level = is_uniform(a) || in->src[1].offset >= lane_bits(a, lanes);
    bool uniform_bits = in->src[1].kind == OPERAND_IMMEDIATE && in->src[1].offset >= 0 && level && a.bits < ANY_BITS;
    if (!uniform_bits)
        return vector();
    int by = in->src[1].offset > a.bits ? a.bits : (int)in->src[1].offset;
    return (shape){SHAPE_AFFINE, a.zeros > by ? (uint8_t)(a.zeros - by) : 0, (uint8_t)(a.bits - by), 0};
}

static shape shape_of_convert(const ptx_instruction *in, shape a)
{
    ptx_type to = (ptx_type)in->types[0], from = (ptx_type)in->types[1];
    bool plain = is_integer(to) && is_integer(from) && type_bits(to) >= 32 && type_bits(from) >= 32 &&
                 !has_modifier(in, MOD_sat);
    if (!plain || (type_bits(to) > type_bits(from) && !widens(a, from)))
        return vector();
    return a;
}

static bool keeps_carry(const ptx_instruction *in)
{
    return has_modifier(in, MOD_cc) || in->op == OP_addc || in->op == OP_subc || in->op == OP_madc;
}

/* Instructions whose result is affine over `lanes` lanes when their sources are. */
static shape affine_rule(const ptx_instruction *in, const shape *s, int lanes)
{
    switch (in->op) {
    case OP_mov:
    case OP_cvta: return in->dst_count == 1 && in->src_count == 1 ? s[0] : vector();
    case OP_add: return add_shapes(s[0], s[1], 1);
    case OP_sub: return add_shapes(s[0], s[1], -1);
    case OP_mul: return shape_of_multiply(in, s[0], s[1]);
    case OP_mad: {
        shape product = shape_of_multiply(in, s[0], s[1]);
        return product.kind == SHAPE_VECTOR ? product : add_shapes(product, s[2], 1);
    }
    case OP_shl: return shape_of_shift(in, s[0]);
    case OP_shr: return shape_of_shift_right(in, s[0], lanes);
    case OP_and: return shape_of_and(in, s[0], s[1], lanes);
    case OP_or: return shape_of_or(s[0], s[1]);
    case OP_cvt: return shape_of_convert(in, s[0]);
    case OP_selp: return is_uniform(s[2]) && s[0].stride == s[1].stride ? add_shapes(s[0], (shape){SHAPE_AFFINE, s[1].zeros, s[1].bits, 0}, 1) : vector();
    default: return vector();
    }
}

/* What is affine over all lanes is affine within rows, too. */
static shape affine_result(const finder *d, const ptx_instruction *in)
{
    shape s[3] = {0};
    bool rows = false;
    for (int i = 0; i < in->src_count && i < 3; i++) {
        s[i] = source_shape(d, in, i);
        rows |= s[i].kind == SHAPE_ROWS;
        if (s[i].kind == SHAPE_ROWS)
            s[i].kind = SHAPE_AFFINE;
    }
    shape result = affine_rule(in, s, rows ? d->c.row : WARP);
    if (rows && result.kind == SHAPE_AFFINE)
        result.kind = SHAPE_ROWS;
    return result;
}

/* Instructions that the emitter can do on one value a row. */
static bool computes_by_row(const ptx_instruction *in)
{
    switch (in->op) {
    case OP_mov: return in->dst_count == 1 && in->src_count == 1;
    case OP_cvt: case OP_cvta: case OP_selp: case OP_add: case OP_sub: case OP_mul: case OP_mad: case OP_fma: case OP_div:
    case OP_rem: case OP_abs: case OP_neg: case OP_min: case OP_max: case OP_and: case OP_or: case OP_xor: case OP_not:
    case OP_shl: case OP_shr: case OP_setp: case OP_bfe: case OP_ld:
        return modifier_among(in, "rz rm rp cc") == MOD_NONE && (in->dst_count == 1 || in->op == OP_ld);
    default: return false;
    }
}

/* The shape when all sources are uniform; what can be said of the value is worth keeping. */
static shape uniform_result(const finder *d, const ptx_instruction *in)
{
    bool integer = in->type_count && is_integer((ptx_type)in->types[0]) && type_bits((ptx_type)in->types[0]) >= 32;
    shape s = integer ? affine_result(d, in) : vector();
    if (s.kind == SHAPE_VECTOR)
        return uniform();
    s.stride = 0;
    return s;
}

static bool differs_by_lane(const ptx_instruction *in)
{
    switch (in->op) {
    case OP_atom: case OP_shfl: case OP_call: case OP_match_any: case OP_mbarrier_arrive: case OP_mbarrier_arrive_drop:
    case OP_mbarrier_test_wait: case OP_mbarrier_try_wait: case OP_mma: case OP_ldmatrix: case OP_wmma_load_a: case OP_wmma_load_b:
    case OP_wmma_load_c: case OP_wmma_mma: case OP_tex: case OP_tex_base: case OP_tex_level: case OP_tex_grad: case OP_tld4:
    case OP_txq: case OP_txq_level: case OP_suq: case OP_suld_b:
        return true;
    default:
        return keeps_carry(in);
    }
}

/* What the lanes agree on is the same for all: only the members and barriers make it differ. */
static bool shapes_result(const ptx_instruction *in, int source)
{
    switch (in->op) {
    case OP_vote: case OP_redux: case OP_match_all: return source > 0;
    case OP_bar_red: case OP_barrier_red: case OP_barrier_cta_red: return source < in->src_count - 1;
    default: return true;
    }
}

static bool is_affine(shape s) { return s.kind == SHAPE_AFFINE || s.kind == SHAPE_ROWS; }

static int64_t likely_bits(shape a, shape b, bool *likely)
{
    *likely = false;
    return is_affine(a) && is_uniform(b) ? a.stride : is_affine(b) && is_uniform(a) ? b.stride : 0;
}

/* The stride of a vector, within rows where there are rows, if no source wrapped. */
static int64_t likely_stride(finder *d, const ptx_instruction *in)
{
    d->likely = true;
    if (in->op == OP_xor || in->op == OP_or) /* with a uniform value that leaves the lane's number alone */
        return likely_bits(source_shape(d, in, 0), source_shape(d, in, 1), &d->likely);
    bool affine = in->op != OP_and && in->op != OP_shr && in->op != OP_ld;
    for (int i = 0; i < in->src_count && affine; i++)
        affine = is_affine(source_shape(d, in, i)) && !in->src[i].negate;
    shape s = affine ? affine_result(d, in) : vector();
    d->likely = false;
    return is_affine(s) ? s.stride : 0;
}

shape result_shape(const flow *g, block_class c, const shape *registers, const ptx_instruction *in)
{
    finder d = {.g = (flow *)g, .c = c, .registers = (shape *)registers};
    bool affine = true, same = true, level = true;
    if (differs_by_lane(in))
        return vector();
    for (int i = 0; i < in->src_count; i++) {
        if (!shapes_result(in, i))
            continue;
        shape s = source_shape(&d, in, i);
        if (s.kind == SHAPE_UNKNOWN)
            return s;
        affine &= is_affine(s) && !in->src[i].negate;
        same &= is_uniform(s);
        level &= is_level(s);
    }
    if (same || (level && computes_by_row(in))) {
        shape s = uniform_result(&d, in);
        s.kind = same ? SHAPE_AFFINE : SHAPE_ROWS;
        return s;
    }
    bool integer = in->type_count && is_integer((ptx_type)in->types[0]) && !has_modifier(in, MOD_sat);
    shape result = affine && integer ? affine_result(&d, in) : vector();
    if (result.kind == SHAPE_ROWS && !computes_by_row(in))
        result = vector();
    if (result.kind == SHAPE_VECTOR && integer)
        result.likely = likely_stride(&d, in);
    return result;
}

/* ---- The walk ------------------------------------------------------------------------------------ */
static shape meet(shape a, shape b)
{
    if (a.kind == SHAPE_UNKNOWN || b.kind == SHAPE_UNKNOWN)
        return a.kind == SHAPE_UNKNOWN ? b : a;
    if (a.kind == SHAPE_VECTOR || b.kind == SHAPE_VECTOR || a.stride != b.stride) {
        int64_t x = a.kind == SHAPE_VECTOR ? a.likely : a.stride, y = b.kind == SHAPE_VECTOR ? b.likely : b.stride;
        return (shape){.kind = SHAPE_VECTOR, .likely = x == y ? x : 0};
    }
    return (shape){a.kind > b.kind ? a.kind : b.kind, least(a.zeros, b.zeros), most(a.bits, b.bits), a.stride};
}

static bool same_shape(shape a, shape b)
{
    return a.kind == b.kind && a.zeros == b.zeros && a.bits == b.bits && a.stride == b.stride &&
           a.likely == b.likely;
}

static void write_register(finder *d, const flow_block *b, const ptx_instruction *in, int reg, shape result)
{
    bool guarded = in->guard >= 0 && !is_uniform(d->registers[in->guard]) &&
                   d->registers[in->guard].kind != SHAPE_UNKNOWN;
    if (result.kind != SHAPE_UNKNOWN && (guarded || lanes_keep(d->g, b, reg)))
        result = (shape){.kind = SHAPE_VECTOR, .likely = result.kind == SHAPE_VECTOR ? result.likely : result.stride};
    shape merged = meet(d->registers[reg], result);
    d->changed |= !same_shape(merged, d->registers[reg]);
    d->registers[reg] = merged;
}

static void walk_block(finder *d, const flow_block *b)
{
    for (int i = 0; i < b->count; i++) {
        const ptx_instruction *in = &d->g->f->code[b->first + i];
        if (!in->dst_count)
            continue;
        shape result = result_shape(d->g, d->c, d->registers, in);
        for (int k = 0; k < in->dst_count; k++)
            if (in->dst[k].kind == OPERAND_REGISTER)
                write_register(d, b, in, in->dst[k].index, result);
    }
}

static bool find_divergent_branches(finder *d)
{
    bool changed = false;
    for (int i = 0; i < d->g->count; i++) {
        flow_block *b = &d->g->blocks[i];
        if (b->condition < 0 || b->divergent)
            continue;
        shape s = d->registers[d->g->f->code[b->condition].guard];
        if (s.kind == SHAPE_VECTOR || s.kind == SHAPE_ROWS)
            changed = b->divergent = true;
    }
    return changed;
}

void shapes_find(flow *g, block_class c, shape *registers)
{
    finder d = {.g = g, .c = c, .registers = registers};
    for (int i = 0; i < g->count; i++)
        g->blocks[i].divergent = false;
    for (int i = 0; i < g->loop_count; i++)
        g->loops[i].divergent = g->loops[i].parks = false;
    do {
        flow_linearise(g);
        flow_settle(g);
        memset(registers, 0, sizeof *registers * (size_t)g->f->register_count);
        /* What may be read before it is written is zero then (jit/emit.c). Without a start, a loop of such registers
         * would stay unknown, and with it all that is made of them. */
        for (int i = 0; i < g->f->register_count; i++)
            if (bit_test(g->blocks[0].live_in, i))
                registers[i] = uniform();
        for (int i = 0; i < g->f->slot_count && !g->f->entry; i++)
            if (g->f->slots[i].kind == OPERAND_PARAM)
                registers[g->f->slots[i].reg] = vector();
        do {
            d.changed = false;
            for (int i = 0; i < g->count; i++)
                walk_block(&d, &g->blocks[i]);
        } while (d.changed);
    } while (find_divergent_branches(&d));
    for (int i = 0; i < g->f->register_count; i++)
        if (registers[i].kind == SHAPE_UNKNOWN)
            registers[i] = uniform();
}
