/* Where lanes wait while others run: see flow.h. */
#include "runtime/ptx/flow.h"
#include <string.h>

int flow_next(const flow *g, int b, int target)
{
    int first = bits_first(g->blocks[b].waiting, g->block_words);
    return first == NO_BLOCK || target < first ? target : first;
}

int flow_skip(const flow *g, int b) { return bits_first(g->blocks[b].waiting, g->block_words); }

static bool costs_little(const ptx_instruction *in)
{
    switch (in->op) {
    case OP_div: case OP_rem: case OP_sqrt: case OP_ex2: case OP_lg2: case OP_sin: case OP_cos: case OP_tanh:
        return false;
    default: /* memory, warps and blocks, control: the last rows */
        return in->op < OP_ld;
    }
}

/* A short block without side effects runs with an empty mask rather than being jumped over. */
static bool may_run_empty(const flow *g, int index)
{
    enum { SHORT = 6 };
    const flow_block *b = &g->blocks[index];
    if (b->count > SHORT || index == flow_end(g) || (b->condition >= 0 && !b->divergent))
        return false;
    for (int i = 0; i < g->loop_count; i++)
        if (g->loops[i].header == index || g->loops[i].latch == index)
            return false;
    for (int i = 0; i < b->count; i++)
        if (!costs_little(&g->f->code[b->first + i]))
            return false;
    return true;
}

static void add_waiting(flow *g, int to, const uint64_t *waiting, const int *extra, int extra_count)
{
    uint64_t *set = g->blocks[to].waiting;
    for (int w = 0; w < g->block_words; w++)
        set[w] |= waiting[w];
    for (int i = 0; i < extra_count; i++)
        bit_set(set, extra[i]);
    bit_clear(set, to);
}

static void leave_block(flow *g, int index)
{
    flow_block *b = &g->blocks[index];
    if (b->divergent) {
        int first = b->succ[0] < b->succ[1] ? b->succ[0] : b->succ[1];
        add_waiting(g, flow_next(g, index, first), b->waiting, b->succ, 2);
        return;
    }
    for (int s = 0; s < b->succ_count; s++)
        if (b->succ[s] > index)
            add_waiting(g, flow_next(g, index, b->succ[s]), b->waiting, &b->succ[s], 1);
}

static void add_exits(flow *g, const flow_loop *l)
{
    for (int i = l->header; i <= l->latch; i++)
        for (int s = 0; s < g->blocks[i].succ_count; s++)
            if (!bit_test(l->members, g->blocks[i].succ[s]))
                bit_set(g->blocks[l->header].waiting, g->blocks[i].succ[s]);
}

static bool is_latch(const flow *g, int index)
{
    for (int i = 0; i < g->loop_count; i++)
        if (g->loops[i].latch == index)
            return true;
    return false;
}

static void linearise_once(flow *g)
{
    for (int i = 0; i < g->count; i++)
        memset(g->blocks[i].waiting, 0, sizeof(uint64_t) * (size_t)g->block_words);
    for (int i = 0; i < g->loop_count; i++) {
        if (g->loops[i].divergent)
            add_exits(g, &g->loops[i]);
        for (int w = 0; w < g->block_words && g->loops[i].parks; w++)
            g->blocks[g->loops[i].header].waiting[w] |= g->loops[i].returns[w];
    }
    for (int i = 0; i < flow_end(g); i++) {
        flow_block *b = &g->blocks[i];
        int skip = flow_skip(g, i);
        b->checked = skip != NO_BLOCK && !may_run_empty(g, i);
        if (b->checked || (is_latch(g, i) && skip != NO_BLOCK))
            add_waiting(g, skip, b->waiting, NULL, 0);
        leave_block(g, i);
    }
}

/* A loop is divergent when lanes that left it may still wait at its latch for those that did not. */
static bool find_divergent_loops(flow *g)
{
    bool changed = false;
    for (int i = 0; i < g->loop_count; i++) {
        flow_loop *l = &g->loops[i];
        const uint64_t *before = g->blocks[l->header].waiting, *after = g->blocks[l->latch].waiting;
        for (int w = 0; w < g->block_words && !l->divergent; w++)
            if (after[w] & ~before[w])
                changed = l->divergent = true;
    }
    return changed;
}

void flow_linearise(flow *g)
{
    bool diverged, parked;
    do {
        linearise_once(g);
        diverged = find_divergent_loops(g);
        parked = flow_park(g);
    } while (diverged || parked);
}

bool lanes_wait_for(const flow *g, const flow_block *b, int reg)
{
    for (int w = 0; w < g->block_words; w++)
        for (uint64_t set = b->waiting[w] | b->parked[w]; set; set &= set - 1)
            if (bit_test(g->blocks[w * 64 + __builtin_ctzll(set)].live_in, reg))
                return true;
    return false;
}
