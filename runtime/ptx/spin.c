/* Loops that wait for somebody: lanes of the same warp, other warps, other blocks.
 *
 * A lock that lanes of a warp take one by one would never be free again if the lane that has it waited behind the loop for the
 * others. So when a spin has gone round in vain for a while and lanes have left it, those that spin are parked: they wait at
 * the loop's header, which nothing else does, while the others go on. They are let in again before the others reach a point
 * where the warp has to be together: a barrier, a shuffle, the end of the loop around it, the end. */
#include "runtime/ptx/flow.h"

static bool is_written_in(const flow *g, const flow_loop *l, const ptx_operand *o)
{
    if (o->kind != OPERAND_REGISTER)
        return false;
    for (int b = l->header; b <= l->latch; b++)
        for (int i = 0; i < g->blocks[b].count; i++) {
            const ptx_instruction *in = &g->f->code[g->blocks[b].first + i];
            for (int k = 0; k < in->dst_count; k++)
                if (in->dst[k].kind == OPERAND_REGISTER && in->dst[k].index == o->index)
                    return true;
        }
    return false;
}

bool may_ask(const ptx_instruction *in)
{
    if (in->op == OP_ld)
        return modifier_among(in, "volatile relaxed acquire") != MOD_NONE;
    return in->op == OP_atom && modifier_among(in, "cas exch add or") != MOD_NONE;
}

/* A lock asks for the same value again and again; a loop that computes with an atomic brings another each time. */
static bool asks_again(const flow *g, const flow_loop *l, const ptx_instruction *in)
{
    if (!may_ask(in))
        return false;
    for (int i = 0; i < 2 && i < in->src_count; i++)
        if (is_written_in(g, l, &in->src[i]))
            return false;
    return true;
}

/* What brings the warp or the block together. */
bool needs_all(const ptx_instruction *in)
{
    return (in->op >= OP_bar && in->op <= OP_match_all) || (in->op >= OP_mma && in->op <= OP_wmma_mma);
}

static bool block_needs_all(const flow *g, int b)
{
    for (int i = 0; i < g->blocks[b].count; i++)
        if (needs_all(&g->f->code[g->blocks[b].first + i]))
            return true;
    return false;
}

/* Functions may do anything. */
static bool block_calls(const flow *g, int b)
{
    for (int i = 0; i < g->blocks[b].count; i++)
        if (g->f->code[g->blocks[b].first + i].op == OP_call)
            return true;
    return false;
}

static void find_meetings(flow *g)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int b = flow_end(g) - 1; b >= 0; b--) {
            flow_block *block = &g->blocks[b];
            bool meets = !g->f->entry || block_needs_all(g, b) || block_calls(g, b);
            for (int s = 0; s < block->succ_count; s++)
                meets |= g->blocks[block->succ[s]].meets;
            changed |= meets != block->meets;
            block->meets = meets;
        }
    }
}

/* The innermost loop around what asks; one that holds a barrier is not a spin. */
static bool spins(const flow *g, int loop)
{
    const flow_loop *l = &g->loops[loop];
    bool asks = false;
    for (int b = l->header; b <= l->latch; b++) {
        if (block_needs_all(g, b))
            return false;
        for (int i = 0; i < g->blocks[b].count && g->blocks[b].loop == loop; i++)
            asks |= asks_again(g, l, &g->f->code[g->blocks[b].first + i]);
    }
    return asks;
}

static void add_loop_exits(const flow *g, const flow_loop *l, uint64_t *set)
{
    for (int b = l->header; b <= l->latch; b++)
        for (int s = 0; s < g->blocks[b].succ_count; s++)
            if (!bit_test(l->members, g->blocks[b].succ[s]))
                bit_set(set, g->blocks[b].succ[s]);
}

/* Where parked lanes are let in again, and the blocks that run while they are parked. */
static void find_returns(flow *g, flow_loop *l)
{
    const flow_loop *around = l->parent < 0 ? NULL : &g->loops[l->parent];
    int last = around ? around->latch : flow_end(g);
    bit_set(l->returns, last);
    if (around)
        add_loop_exits(g, around, l->returns);
    for (int b = l->latch + 1; b <= last; b++) {
        bit_set(g->blocks[b].parked, l->header);
        if (block_needs_all(g, b))
            bit_set(l->returns, b);
    }
    for (int i = l->parent; i >= 0; i = g->loops[i].parent)
        g->loops[i].divergent = true; /* lanes may leave it while others are parked */
}

cairn_status flow_find_spins(flow *g)
{
    size_t bytes = sizeof(uint64_t) * (size_t)g->block_words;
    for (int b = 0; b < g->count; b++)
        if (!(g->blocks[b].parked = arena_alloc(g->arena, bytes)))
            return CAIRN_E_MEMORY;
    for (int i = 0; i < g->loop_count; i++) {
        flow_loop *l = &g->loops[i];
        if (!(l->returns = arena_alloc(g->arena, bytes)))
            return CAIRN_E_MEMORY;
        l->spins = spins(g, i);
    }
    find_meetings(g);
    return CAIRN_OK;
}

bool flow_park(flow *g)
{
    bool changed = false;
    for (int i = 0; i < g->loop_count; i++) {
        flow_loop *l = &g->loops[i];
        if (!l->spins || !l->divergent || l->parks)
            continue;
        changed = l->parks = true;
        find_returns(g, l);
    }
    return changed;
}
