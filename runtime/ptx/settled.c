/* Settled registers: each of their definitions computes the same from the same, so that a lane that runs a definition may
 * write for those that wait as well, and what is affine in the lane stays so.
 *
 * Compilers widen an index in both arms of a branch for an access behind it:
 *     @%p bra ELSE; cvt.s64.s32 %rd1, %r1; ...   ELSE: cvt.s64.s32 %rd1, %r1; ...   shl.b64 %rd2, %rd1, 2;
 * A register is settled when all of its definitions are one pure instruction, whose sources are written at one place each,
 * where neither a lane that runs nor one that waits will read the register before it is computed anew. */
#include "runtime/ptx/flow.h"
#include <string.h>

static bool equal_operands(const ptx_operand *x, const ptx_operand *y)
{
    return x->kind == y->kind && x->index == y->index && x->offset == y->offset && x->negate == y->negate && x->real == y->real;
}

static bool equal_instructions(const ptx_instruction *x, const ptx_instruction *y)
{
    bool same = x->op == y->op && x->type_count == y->type_count && x->modifier_count == y->modifier_count &&
                x->src_count == y->src_count && !memcmp(x->types, y->types, x->type_count * sizeof *x->types) &&
                !memcmp(x->modifiers, y->modifiers, x->modifier_count * sizeof *x->modifiers);
    for (int i = 0; i < x->src_count && same; i++)
        same = equal_operands(&x->src[i], &y->src[i]);
    return same;
}

static bool is_pure(const ptx_instruction *in)
{
    switch (in->op) {
    case OP_mov: case OP_cvt: case OP_cvta: case OP_add: case OP_sub: case OP_mul: case OP_mad: case OP_min: case OP_max:
    case OP_and: case OP_or: case OP_xor: case OP_not: case OP_shl: case OP_shr: case OP_setp: case OP_selp:
        return in->guard < 0 && in->dst_count == 1 && !has_modifier(in, MOD_cc);
    default: return false;
    }
}

static void note_write(const flow *g, int reg, int block, int at)
{
    register_writes *w = &g->writes[reg];
    bool pure = is_pure(&g->f->code[at]);
    if (!w->count++)
        *w = (register_writes){at, block, 1, pure};
    else
        w->equal &= pure && equal_instructions(&g->f->code[w->first], &g->f->code[at]);
}

cairn_status flow_find_writes(flow *g)
{
    g->writes = arena_alloc(g->arena, sizeof *g->writes * (size_t)(g->f->register_count + 1));
    g->settled = arena_alloc(g->arena, sizeof *g->settled * (size_t)(g->register_words + 1));
    if (!g->writes || !g->settled)
        return CAIRN_E_MEMORY;
    for (int b = 0; b < g->count; b++)
        for (int at = g->blocks[b].first; at < g->blocks[b].first + g->blocks[b].count; at++)
            for (int k = 0; k < g->f->code[at].dst_count; k++)
                if (g->f->code[at].dst[k].kind == OPERAND_REGISTER)
                    note_write(g, g->f->code[at].dst[k].index, b, at);
    return CAIRN_OK;
}

static bool is_written_between(const flow *g, int reg, int from, int to)
{
    for (int at = from; at < to; at++)
        for (int k = 0; k < g->f->code[at].dst_count; k++)
            if (g->f->code[at].dst[k].kind == OPERAND_REGISTER && g->f->code[at].dst[k].index == reg)
                return true;
    return false;
}

/* Whether what `reg` is made of does not change while anybody keeps it. */
static bool keeps_source(const flow *g, int reg, const ptx_operand *o)
{
    if (o->kind == OPERAND_SPECIAL)
        return o->index != SPECIAL_CLOCK && o->index != SPECIAL_CLOCK_HI && o->index != SPECIAL_CLOCK64 && o->index != SPECIAL_GLOBALTIMER;
    const register_writes *w = &g->writes[o->kind == OPERAND_REGISTER ? o->index : 0];
    if (o->kind != OPERAND_REGISTER || !w->count)
        return true;
    const flow_block *b = &g->blocks[w->block];
    return w->count == 1 && !bit_test(b->live_in, reg) && !is_written_between(g, reg, b->first, w->first + 1) &&
           !lanes_wait_for(g, b, reg);
}

static bool is_settled(const flow *g, int reg)
{
    const register_writes *w = &g->writes[reg];
    const ptx_instruction *in = &g->f->code[w->first];
    bool settled = w->count && w->equal && !bit_test(g->blocks[0].live_in, reg);
    for (int i = 0; settled && i < in->src_count; i++)
        settled = keeps_source(g, reg, &in->src[i]);
    return settled;
}

void flow_settle(flow *g)
{
    memset(g->settled, 0, sizeof *g->settled * (size_t)g->register_words);
    for (int i = 0; i < g->f->register_count; i++)
        if (is_settled(g, i))
            bit_set(g->settled, i);
}
