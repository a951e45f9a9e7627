/* What a parsed instruction must satisfy before any pass sees it. */
#include "runtime/ptx/matrix.h"
#include "runtime/ptx/texture.h"
#include <stdio.h>
#include <string.h>

ptx_type unsigned_type(int bits)
{
    return bits <= 8 ? PTX_U8 : bits == 16 ? PTX_U16 : bits == 32 ? PTX_U32 : PTX_U64;
}

static bool is_packed(ptx_type t) { return t == PTX_F16X2 || t == PTX_BF16X2; }

static ptx_type first_type(const ptx_instruction *in)
{
    return in->type_count ? (ptx_type)in->types[0] : PTX_NO_TYPE;
}

static ptx_type doubled(ptx_type type)
{
    switch (type) {
    case PTX_U16: return PTX_U32;
    case PTX_S16: return PTX_S32;
    case PTX_U32: return PTX_U64;
    default: return PTX_S64;
    }
}

/* mov.b64 {%r0, %r1}, %rd: the parts have 1/n of the width. */
static ptx_type part_type(const ptx_instruction *in, int parts)
{
    return parts == 1 ? first_type(in) : unsigned_type(type_bits(first_type(in)) / parts);
}

static bool is_video(ptx_op op) { return op >= OP_vadd2 && op <= OP_vset4; }

static bool is_matrix(ptx_op op) { return op >= OP_mma && op <= OP_wmma_mma && op != OP_ldmatrix; }

/* The registers of a matrix instruction are a's, then b's, then c's, where it has all three. */
static ptx_type fragment_type(const ptx_instruction *in, int source)
{
    matrix_shape s;
    if (!matrix_shape_of(in, &s))
        return first_type(in);
    bool multiplies = in->op == OP_mma || in->op == OP_wmma_mma;
    if (!multiplies || source < 0)
        return matrix_register(s.d);
    return matrix_register(source < s.a_regs ? s.a : source < s.a_regs + s.b_regs ? s.b : s.c);
}

/* The object and the sampler are handles; then come coordinates, then what stands behind them. */
static ptx_type texture_source(const ptx_instruction *in, int i)
{
    texture_operands t;
    if (is_texture_query(in->op))
        return i ? PTX_U32 : PTX_U64;
    if (!texture_operands_of(in, &t) || i < t.first)
        return PTX_U64;
    bool layer = i == t.first && (t.geometry == MOD_a1d || t.geometry == MOD_a2d);
    if (is_surface(in->op))
        return i < t.behind ? PTX_U32 : first_type(in);
    return layer ? PTX_U32 : i < t.behind ? (ptx_type)in->types[1] : PTX_F32;
}

ptx_type destination_type(const ptx_instruction *in, int i)
{
    switch (in->op) {
    case OP_mov: return part_type(in, in->dst_count);
    case OP_mma: case OP_wmma_mma: case OP_wmma_load_a: case OP_wmma_load_b: case OP_wmma_load_c: return fragment_type(in, -1);
    case OP_ldmatrix: return PTX_B32;
    case OP_mul:
    case OP_mad: return has_modifier(in, MOD_wide) ? doubled(first_type(in)) : first_type(in);
    case OP_popc:
    case OP_clz:
    case OP_bfind: return PTX_U32;
    case OP_setp:
    case OP_testp:
    case OP_isspacep: return PTX_PRED;
    case OP_mbarrier_test_wait:
    case OP_mbarrier_try_wait: return PTX_PRED;
    case OP_shfl:
    case OP_match_all: return i ? PTX_PRED : PTX_B32;
    case OP_match_any:
    case OP_mbarrier_pending_count: return PTX_B32;
    case OP_call: return PTX_NO_TYPE;
    default: return first_type(in);
    }
}

ptx_type source_type(const ptx_instruction *in, int i)
{
    ptx_type type = first_type(in);
    switch (in->op) {
    case OP_mov: return part_type(in, in->src_count);
    case OP_cvt: return (ptx_type)in->types[1];
    case OP_isspacep: return PTX_U64;
    case OP_selp: return i == 2 ? PTX_PRED : type;
    case OP_slct: return i == 2 ? (ptx_type)in->types[1] : type;
    case OP_mad: return i == 2 ? destination_type(in, 0) : type;
    case OP_shl:
    case OP_shr: return i == 1 ? PTX_U32 : type;
    case OP_bfe: return i >= 1 ? PTX_U32 : type;
    case OP_bfi: return i >= 2 ? PTX_U32 : type;
    case OP_setp: return i == 2 ? PTX_PRED : type;
    case OP_set: return i == 2 ? PTX_PRED : (ptx_type)in->types[1];
    case OP_dp4a:
    case OP_dp2a: return i == 2 ? PTX_B32 : (ptx_type)in->types[i];
    case OP_ld:
    case OP_ldu:
    case OP_prefetch:
    case OP_prefetchu:
    case OP_mbarrier_inval:
    case OP_cp_async_mbarrier_arrive:
    case OP_call: return PTX_NO_TYPE;
    case OP_ldmatrix: return PTX_NO_TYPE;
    case OP_wmma_load_a: case OP_wmma_load_b: case OP_wmma_load_c: return i == 0 ? PTX_NO_TYPE : PTX_U32;
    case OP_wmma_store_d: {
        matrix_shape s;
        bool extent = matrix_shape_of(in, &s) && i > s.d_regs;
        return i == 0 ? PTX_NO_TYPE : extent ? PTX_U32 : fragment_type(in, i);
    }
    case OP_mma:
    case OP_wmma_mma: return fragment_type(in, i);
    case OP_cp_async: return i < 2 ? PTX_NO_TYPE : PTX_U32;
    case OP_discard:
    case OP_mbarrier_init:
    case OP_mbarrier_arrive:
    case OP_mbarrier_arrive_drop: return i == 0 ? PTX_NO_TYPE : PTX_U32;
    case OP_mbarrier_test_wait:
    case OP_mbarrier_try_wait:
        return i == 0 ? PTX_NO_TYPE : i == 2 || has_modifier(in, MOD_parity) ? PTX_U32 : PTX_U64;
    case OP_st:
    case OP_atom:
    case OP_red: return i == 0 ? PTX_NO_TYPE : type;
    case OP_bar:
    case OP_barrier:
    case OP_bar_arrive:
    case OP_barrier_arrive:
    case OP_barrier_cta_arrive:
    case OP_cp_async_wait_group:
    case OP_shfl: return PTX_U32;
    case OP_bar_red:
    case OP_barrier_red:
    case OP_barrier_cta_red: return i == in->src_count - 1 ? PTX_PRED : PTX_U32;
    case OP_redux:
    case OP_match_any:
    case OP_match_all: return i == 1 ? PTX_U32 : type;
    case OP_vote: return i == 0 ? PTX_PRED : PTX_U32;
    case OP_tex: case OP_tex_base: case OP_tex_level: case OP_tex_grad: case OP_tld4: case OP_txq: case OP_txq_level:
    case OP_suq: case OP_suld_b: case OP_sust_b: case OP_sust_p: case OP_sured_b: return texture_source(in, i);
    default: return is_video(in->op) ? PTX_B32 : type;
    }
}

/* ---- Checks -------------------------------------------------------------------------------------- */
typedef struct check {
    const ptx_module *m;
    const ptx_function *f;
    const ptx_instruction *in;
} check;

static cairn_status refuse(const check *c, const char *what)
{
    text_buffer text = {0};
    print_instruction(&text, c->m, c->f, c->in);
    cairn_status status = error_set(CAIRN_E_FORMAT, "%s:%d: %s: %s", c->m->file, c->in->line,
                                    text.text ? text.text : op_describe(c->in->op)->name, what);
    text_free(&text);
    return status;
}

static int types_needed(const ptx_instruction *in)
{
    if (in->op == OP_cvt || in->op == OP_set || in->op == OP_slct || in->op == OP_dp4a || in->op == OP_dp2a ||
        is_texture(in->op))
        return 2;
    if (is_matrix(in->op))
        return in->type_count;
    return in->op == OP_vset2 || in->op == OP_vset4 ? 2 : is_video(in->op) ? 3 : op_describe(in->op)->types[0] != '\0';
}

/* Loads, stores and conversions may use a register that is wider than the type. */
static bool may_be_wider(ptx_op op)
{
    return op == OP_ld || op == OP_ldu || op == OP_st || op == OP_cvt || op == OP_suld_b || op == OP_sust_b;
}

static cairn_status check_operand(const check *c, const ptx_operand *o, ptx_type type)
{
    char text[120];
    if (type == PTX_NO_TYPE || o->kind != OPERAND_REGISTER)
        return CAIRN_OK;
    ptx_type has = c->f->registers[o->index].type;
    bool predicate = has == PTX_PRED, fits = type_bits(has) == type_bits(type);
    if (may_be_wider(c->in->op) && type_bits(has) > type_bits(type))
        fits = true;
    if (fits && predicate == (type == PTX_PRED))
        return CAIRN_OK;
    snprintf(text, sizeof text, "register %.60s is .%s where .%s is needed", c->f->registers[o->index].name,
             type_name(has), type_name(type));
    return refuse(c, text);
}

static cairn_status check_destination(const check *c, int i)
{
    const ptx_operand *o = &c->in->dst[i];
    if (o->kind != OPERAND_REGISTER && o->kind != OPERAND_SINK)
        return refuse(c, "only a register can be written");
    return check_operand(c, o, destination_type(c->in, i));
}

static cairn_status check_source(const check *c, int i)
{
    const ptx_operand *o = &c->in->src[i];
    ptx_type type = source_type(c->in, i);
    if (o->kind == OPERAND_SINK || o->kind == OPERAND_NONE)
        return refuse(c, "_ has no value to read");
    if (o->kind == OPERAND_FUNCTION && (c->in->op != OP_mov || type_bits(type) != 64))
        return refuse(c, "the address of a function needs a register of 64 bits");
    bool address = o->kind >= OPERAND_VARIABLE && type != PTX_NO_TYPE;
    if (address && c->in->op != OP_mov && c->in->op != OP_cvta && type_bits(type) < 32)
        return refuse(c, "an address does not fit here");
    if (type == PTX_NO_TYPE && o->kind == OPERAND_REGISTER && c->in->op != OP_call &&
        type_bits(c->f->registers[o->index].type) < 32)
        return refuse(c, "an address needs a register of 32 or 64 bits");
    return check_operand(c, o, type);
}

static bool is_multiplication(const ptx_instruction *in)
{
    bool integer = in->type_count && type_kind((ptx_type)in->types[0]) != KIND_FLOAT;
    return integer && (in->op == OP_mul || in->op == OP_mad || in->op == OP_madc || in->op == OP_mul24 || in->op == OP_mad24);
}

static cairn_status check_words(const check *c)
{
    const ptx_instruction *in = c->in;
    if (in->type_count != types_needed(in))
        return refuse(c, types_needed(in) > 1   ? types_needed(in) == 3 ? "three types are needed" : "two types are needed"
                         : in->type_count ? "too many types"
                                          : "a type is needed");
    if (is_multiplication(in) && modifier_among(in, "lo hi wide") == MOD_NONE)
        return refuse(c, ".lo, .hi or .wide is needed");
    if (has_modifier(in, MOD_wide) && type_bits((ptx_type)in->types[0]) > 32)
        return refuse(c, ".wide needs a type of 16 or 32 bits");
    if ((in->op == OP_setp || in->op == OP_set) &&
        modifier_among(in, "eq ne lt le gt ge lo ls hi hs equ neu ltu leu gtu geu num nan") == MOD_NONE)
        return refuse(c, "a comparison is needed");
    return CAIRN_OK;
}

static bool matrix_counts_fit(const ptx_instruction *in)
{
    matrix_shape s;
    if (!matrix_shape_of(in, &s))
        return false;
    switch (in->op) {
    case OP_wmma_load_a: return in->dst_count == s.a_regs;
    case OP_wmma_load_b: return in->dst_count == s.b_regs;
    case OP_wmma_load_c: return in->dst_count == s.c_regs;
    case OP_wmma_store_d: return in->src_count == 1 + s.d_regs || in->src_count == 2 + s.d_regs;
    default: return in->dst_count == s.d_regs && in->src_count == s.a_regs + s.b_regs + s.c_regs;
    }
}

/* A variable where a handle stands is a reference of that kind. */
static bool is_handle(const check *c, int source, ptx_opaque kind)
{
    const ptx_operand *o = &c->in->src[source];
    return o->kind == OPERAND_REGISTER || (o->kind == OPERAND_VARIABLE && c->m->variables[o->index].opaque == kind);
}

static cairn_status check_query(const check *c)
{
    bool asks_sampler = modifier_among(c->in, "force_unnormalized_coords filter_mode addr_mode_0 addr_mode_1 addr_mode_2") != MOD_NONE;
    if (c->in->modifier_count != 1)
        return refuse(c, "one query is needed");
    if (!is_handle(c, 0, c->in->op == OP_suq ? OPAQUE_SURFACE : OPAQUE_TEXTURE) && !(asks_sampler && is_handle(c, 0, OPAQUE_SAMPLER)))
        return refuse(c, "this object cannot be asked");
    return CAIRN_OK;
}

static cairn_status check_texture(const check *c)
{
    const ptx_instruction *in = c->in;
    texture_operands t;
    if (is_texture_query(in->op))
        return check_query(c);
    if (!texture_operands_of(in, &t))
        return refuse(c, t.geometry == MOD_NONE ? "a geometry is needed" : "the number of coordinates or values does not fit");
    if (!is_handle(c, 0, is_surface(in->op) ? OPAQUE_SURFACE : OPAQUE_TEXTURE))
        return refuse(c, is_surface(in->op) ? "a surface is needed" : "a texture is needed");
    if (t.samplers && !is_handle(c, 1, OPAQUE_SAMPLER) && !is_handle(c, 1, OPAQUE_TEXTURE))
        return refuse(c, "a sampler is needed");
    int results = is_texture(in->op) ? 4 : in->op != OP_suld_b ? 0 : has_modifier(in, MOD_v4) ? 4 : has_modifier(in, MOD_v2) ? 2 : 1;
    if (in->dst_count != results || (is_texture(in->op) && !has_modifier(in, MOD_v4)))
        return refuse(c, "the number of registers does not fit .v2 or .v4");
    if (is_texture(in->op) && in->types[1] != PTX_F32 && (in->types[1] != PTX_S32 || in->op == OP_tld4))
        return refuse(c, "coordinates are .f32, or .s32 except for tld4");
    if (in->op == OP_tld4 && modifier_among(in, "r g b a") == MOD_NONE)
        return refuse(c, "a channel is needed");
    if (is_surface(in->op) && modifier_among(in, "trap clamp zero") == MOD_NONE)
        return refuse(c, ".trap, .clamp or .zero is needed");
    if (in->op == OP_sured_b && modifier_among(in, "and or add min max") == MOD_NONE)
        return refuse(c, "an operation is needed");
    return CAIRN_OK;
}

static cairn_status check_counts(const check *c)
{
    const ptx_instruction *in = c->in;
    int vector = has_modifier(in, MOD_v4) ? 4 : has_modifier(in, MOD_v2) ? 2 : 1;
    if ((in->op == OP_ld || in->op == OP_ldu) && in->dst_count != vector)
        return refuse(c, "the number of registers does not fit .v2 or .v4");
    if (in->op == OP_st && in->src_count != 1 + vector)
        return refuse(c, "the number of values does not fit .v2 or .v4");
    bool parts = in->dst_count > 1 || in->src_count > 1;
    if (in->op == OP_mov && parts) {
        int n = in->dst_count > 1 ? in->dst_count : in->src_count;
        int bits = type_bits((ptx_type)in->types[0]);
        if ((in->dst_count > 1 && in->src_count > 1) || (n != 2 && n != 4) || bits / n < 8)
            return refuse(c, "a value cannot be split or joined like this");
    }
    if (in->op == OP_cvt && (in->src_count == 2) != is_packed((ptx_type)in->types[0]))
        return refuse(c, "two values make one of type .f16x2 or .bf16x2");
    if (in->op == OP_cvt && is_packed((ptx_type)in->types[1]))
        return refuse(c, "a pair cannot be converted at once");
    if (is_matrix(in->op) && !matrix_counts_fit(in))
        return refuse(c, "this shape does not go with these types, or with so many registers");
    if (in->op == OP_ldmatrix && in->dst_count != (has_modifier(in, MOD_x4) ? 4 : has_modifier(in, MOD_x2) ? 2 : 1))
        return refuse(c, "the number of registers does not fit .x1, .x2 or .x4");
    if (is_texture(in->op) || is_texture_query(in->op) || is_surface(in->op))
        return check_texture(c);
    bool cas = has_modifier(in, MOD_cas);
    if (in->op == OP_atom && in->src_count != (cas ? 3 : 2))
        return refuse(c, cas ? "cas needs two values" : "one value is needed");
    return CAIRN_OK;
}

static cairn_status check_guard(const check *c)
{
    if (c->in->guard >= 0 && c->f->registers[c->in->guard].type != PTX_PRED)
        return refuse(c, "the guard is not a predicate");
    return CAIRN_OK;
}

static cairn_status check_instruction(const check *c)
{
    cairn_status status = check_words(c);
    if (!status)
        status = check_counts(c);
    if (!status)
        status = check_guard(c);
    for (int i = 0; i < c->in->dst_count && !status; i++)
        status = check_destination(c, i);
    for (int i = 0; i < c->in->src_count && !status; i++)
        status = check_source(c, i);
    return status;
}

cairn_status verify_function(const ptx_module *m, const ptx_function *f)
{
    cairn_status status = CAIRN_OK;
    for (int i = 0; i < f->code_count && !status; i++)
        status = check_instruction(&(check){m, f, &f->code[i]});
    return status;
}
