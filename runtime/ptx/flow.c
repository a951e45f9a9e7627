/* Basic blocks, loops and their order; liveness. Masks walk through the result: linear.c. */
#include "runtime/ptx/flow.h"
#include <string.h>

enum { MAX_BLOCKS = 8192 };

/* ---- Bit sets ------------------------------------------------------------------------------------ */
bool bits_any(const uint64_t *set, int words) { return bits_first(set, words) != NO_BLOCK; }

int bits_first(const uint64_t *set, int words)
{
    for (int i = 0; i < words; i++)
        if (set[i])
            return i * 64 + __builtin_ctzll(set[i]);
    return NO_BLOCK;
}

/* ---- Blocks -------------------------------------------------------------------------------------- */
static bool ends_block(const ptx_instruction *in)
{
    return in->op == OP_bra || in->op == OP_ret || in->op == OP_exit || in->op == OP_trap;
}

typedef struct builder {
    flow *g;
    flow_block *raw;        /* in the order of the text, then the latches, then the end */
    int count;
    int *block_at;          /* instruction -> block that begins there, or -1 */
    int *idom, *number;     /* immediate dominators; reverse postorder numbers (0: unreachable) */
    int *order;             /* reachable blocks in reverse postorder */
    int reachable;
    int *region, region_count; /* blocks in final order */
    bool *seen;
} builder;

static flow_block *new_block(builder *b)
{
    flow_block *block = arena_push(b->g->arena, b->raw, b->count);
    if (block)
        *block = (flow_block){.condition = -1, .loop = -1};
    return block;
}

static bool may_wait(const ptx_function *f)
{
    for (int i = 0; i < f->code_count; i++)
        if (may_ask(&f->code[i]))
            return true;
    return false;
}

static cairn_status find_leaders(builder *b)
{
    const ptx_function *f = b->g->f;
    bool waits = may_wait(f);
    b->block_at = arena_alloc(b->g->arena, sizeof *b->block_at * (size_t)(f->code_count + 1));
    if (!b->block_at)
        return CAIRN_E_MEMORY;
    b->block_at[0] = 1;
    for (int i = 0; i < f->code_count; i++) {
        if (f->code[i].op == OP_bra)
            b->block_at[f->code[i].target] = 1;
        if (ends_block(&f->code[i]))
            b->block_at[i + 1] = 1;
        if (waits && needs_all(&f->code[i]))
            b->block_at[i] = 1;
    }
    for (int i = 0; i <= f->code_count; i++) {
        bool leads = b->block_at[i] && i < f->code_count;
        b->block_at[i] = leads ? b->count : -1;
        flow_block *block = leads ? new_block(b) : NULL;
        if (leads && !block)
            return CAIRN_E_MEMORY;
        if (leads)
            block->first = i;
    }
    if (b->count > MAX_BLOCKS)
        return error_set(CAIRN_E_UNSUPPORTED, "%s: %s has %d blocks (%d are supported)", b->g->m->file, f->name,
                         b->count, MAX_BLOCKS);
    return new_block(b) ? CAIRN_OK : CAIRN_E_MEMORY; /* the end */
}

static int block_or_end(const builder *b, int instruction)
{
    int block = b->block_at[instruction];
    return block < 0 ? b->count - 1 : block;
}

static void connect_block(builder *b, int index)
{
    flow_block *block = &b->raw[index];
    int limit = index + 1 < b->count - 1 ? b->raw[index + 1].first : b->g->f->code_count;
    block->count = limit - block->first;
    const ptx_instruction *last = &b->g->f->code[limit - 1];
    bool conditional = ends_block(last) && last->guard >= 0;
    if (ends_block(last))
        block->succ[block->succ_count++] = last->op == OP_bra ? block_or_end(b, last->target) : b->count - 1;
    if (conditional)
        block->condition = limit - 1;
    if (!ends_block(last) || conditional)
        block->succ[block->succ_count++] = block_or_end(b, limit);
    if (block->succ_count == 2 && block->succ[0] == block->succ[1]) {
        block->succ_count = 1;
        block->condition = -1;
    }
}

/* ---- Dominators (Cooper, Harvey and Kennedy) ----------------------------------------------------- */
static void postorder(builder *b, int root)
{
    int *stack = b->region; /* borrowed: not in use yet */
    uint8_t *next = (uint8_t *)b->seen;
    int depth = 0, count = 0;
    stack[depth++] = root;
    b->number[root] = 1;
    while (depth) {
        int at = stack[depth - 1];
        if (next[at] < b->raw[at].succ_count) {
            int to = b->raw[at].succ[next[at]++];
            if (!b->number[to]) {
                b->number[to] = 1;
                stack[depth++] = to;
            }
        } else {
            b->order[count++] = at;
            depth--;
        }
    }
    for (int i = 0; i < count / 2; i++) {
        int swap = b->order[i];
        b->order[i] = b->order[count - 1 - i];
        b->order[count - 1 - i] = swap;
    }
    for (int i = 0; i < count; i++)
        b->number[b->order[i]] = i + 1;
    b->reachable = count;
}

static int common_dominator(const builder *b, int x, int y)
{
    while (x != y) {
        while (b->number[x] > b->number[y])
            x = b->idom[x];
        while (b->number[y] > b->number[x])
            y = b->idom[y];
    }
    return x;
}

static void find_dominators(builder *b)
{
    for (int i = 0; i < b->count; i++)
        b->idom[i] = -1;
    b->idom[b->order[0]] = b->order[0];
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < b->reachable; i++) {
            int from = b->order[i];
            for (int s = 0; s < b->raw[from].succ_count && b->idom[from] >= 0; s++) {
                int to = b->raw[from].succ[s];
                int now = b->idom[to] < 0 ? from : to == b->order[0] ? to : common_dominator(b, from, b->idom[to]);
                changed |= now != b->idom[to];
                b->idom[to] = now;
            }
        }
    }
}

static bool dominates(const builder *b, int above, int below)
{
    while (b->number[below] > b->number[above])
        below = b->idom[below];
    return below == above;
}

/* ---- Loops --------------------------------------------------------------------------------------- */
static flow_loop *loop_of_header(flow *g, int header)
{
    for (int i = 0; i < g->loop_count; i++)
        if (g->loops[i].header == header)
            return &g->loops[i];
    flow_loop *l = arena_push(g->arena, g->loops, g->loop_count);
    if (l)
        *l = (flow_loop){.header = header, .latch = -1, .parent = -1};
    return l;
}

static cairn_status add_latch(builder *b, flow_loop *l)
{
    flow_block *latch = l->latch < 0 ? new_block(b) : &b->raw[l->latch];
    if (!latch)
        return CAIRN_E_MEMORY;
    if (l->latch >= 0)
        return CAIRN_OK;
    l->latch = b->count - 1;
    latch->succ[latch->succ_count++] = l->header;
    return CAIRN_OK;
}

/* Sends every back edge through a latch of its loop. */
static cairn_status find_back_edges(builder *b)
{
    flow *g = b->g;
    for (int i = 0; i < b->reachable; i++)
        for (int s = 0; s < b->raw[b->order[i]].succ_count; s++) {
            int from = b->order[i], to = b->raw[from].succ[s];
            if (b->number[to] > b->number[from])
                continue;
            if (!dominates(b, to, from))
                return error_set(CAIRN_E_UNSUPPORTED, "%s:%d: a loop of %s can be entered at two places",
                                 g->m->file, g->f->code[b->raw[to].first].line, g->f->name);
            flow_loop *l = loop_of_header(g, to);
            if (!l || add_latch(b, l))
                return CAIRN_E_MEMORY;
            b->raw[from].succ[s] = l->latch;
        }
    return CAIRN_OK;
}

static cairn_status find_members(builder *b, flow_loop *l)
{
    int words = (b->count + 63) / 64;
    l->members = arena_alloc(b->g->arena, sizeof *l->members * (size_t)words);
    if (!l->members)
        return CAIRN_E_MEMORY;
    bit_set(l->members, l->header);
    bit_set(l->members, l->latch);
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = b->reachable - 1; i >= 0; i--) {
            int at = b->order[i];
            for (int s = 0; s < b->raw[at].succ_count; s++)
                if (!bit_test(l->members, at) && b->raw[at].succ[s] != l->header &&
                    bit_test(l->members, b->raw[at].succ[s])) {
                    bit_set(l->members, at);
                    changed = true;
                }
        }
        /* Latches stand behind the reachable blocks. */
        for (int i = 0; i < b->g->loop_count; i++) {
            const flow_loop *inner = &b->g->loops[i];
            if (bit_test(l->members, inner->header) && inner->header != l->header &&
                !bit_test(l->members, inner->latch)) {
                bit_set(l->members, inner->latch);
                changed = true;
            }
        }
    }
    return CAIRN_OK;
}

static int member_count(const flow_loop *l, int words)
{
    int count = 0;
    for (int i = 0; i < words; i++)
        count += __builtin_popcountll(l->members[i]);
    return count;
}

/* The innermost loop of each block and the parent of each loop: the smallest that contains it. */
static void nest_loops(builder *b)
{
    flow *g = b->g;
    int words = (b->count + 63) / 64;
    for (int i = 0; i < g->loop_count; i++) {
        int best = 1 << 30;
        for (int k = 0; k < g->loop_count; k++) {
            int size = member_count(&g->loops[k], words);
            if (k != i && bit_test(g->loops[k].members, g->loops[i].header) && size < best) {
                best = size;
                g->loops[i].parent = k;
            }
        }
    }
    for (int at = 0; at < b->count; at++) {
        int best = 1 << 30;
        for (int k = 0; k < g->loop_count; k++) {
            int size = member_count(&g->loops[k], words);
            if (bit_test(g->loops[k].members, at) && size < best) {
                best = size;
                b->raw[at].loop = k;
            }
        }
    }
}

/* ---- Order --------------------------------------------------------------------------------------- */
/* The block that stands for `at` among the direct members of loop `region`: itself, or the header of
 * the child loop around it; -1 when it lies outside. */
static int representative(const builder *b, int at, int region)
{
    int loop = b->raw[at].loop, child = -1;
    for (; loop != region && loop >= 0; loop = b->g->loops[loop].parent)
        child = loop;
    if (loop != region)
        return -1;
    return child < 0 ? at : b->g->loops[child].header;
}

static void visit(builder *b, int unit, int region, int *post, int *count);

static void visit_successors(builder *b, int at, int region, int *post, int *count)
{
    for (int s = 0; s < b->raw[at].succ_count; s++) {
        int unit = representative(b, b->raw[at].succ[s], region);
        bool back = region >= 0 && unit == b->g->loops[region].header;
        if (unit >= 0 && !back && !b->seen[unit] && unit != b->count - 1)
            visit(b, unit, region, post, count);
    }
}

static void visit(builder *b, int unit, int region, int *post, int *count)
{
    b->seen[unit] = true;
    int loop = b->raw[unit].loop;
    if (loop == region) {
        visit_successors(b, unit, region, post, count);
    } else {
        while (b->g->loops[loop].header != unit || b->g->loops[loop].parent != region)
            loop = b->g->loops[loop].parent;
        for (int at = 0; at < b->count; at++)
            if (bit_test(b->g->loops[loop].members, at))
                visit_successors(b, at, region, post, count);
    }
    post[(*count)++] = unit;
}

static cairn_status order_region(builder *b, int region, int root)
{
    int count = 0, *post = arena_alloc(b->g->arena, sizeof *post * (size_t)b->count);
    if (!post)
        return CAIRN_E_MEMORY;
    memset(b->seen, 0, sizeof *b->seen * (size_t)b->count);
    visit(b, root, region, post, &count);
    cairn_status status = CAIRN_OK;
    while (count-- && !status) {
        int loop = b->raw[post[count]].loop;
        if (loop == region) {
            b->region[b->region_count++] = post[count];
            continue;
        }
        while (b->g->loops[loop].parent != region)
            loop = b->g->loops[loop].parent;
        status = order_region(b, loop, post[count]);
    }
    return status;
}

/* Copies the blocks into their order and renames every index. */
static cairn_status install(builder *b)
{
    flow *g = b->g;
    int *place = b->number;
    b->region[b->region_count++] = b->count - 1;
    g->count = b->region_count;
    g->block_words = (g->count + 63) / 64;
    g->register_words = (g->f->register_count + 63) / 64;
    g->blocks = arena_alloc(g->arena, sizeof *g->blocks * (size_t)g->count);
    if (!g->blocks)
        return CAIRN_E_MEMORY;
    for (int i = 0; i < g->count; i++)
        place[b->region[i]] = i;
    for (int i = 0; i < g->count; i++) {
        flow_block *block = &g->blocks[i];
        *block = b->raw[b->region[i]];
        for (int s = 0; s < block->succ_count; s++)
            block->succ[s] = place[block->succ[s]];
        block->waiting = arena_alloc(g->arena, sizeof *block->waiting * (size_t)g->block_words);
        block->live_in = arena_alloc(g->arena, sizeof *block->live_in * (size_t)g->register_words + 8);
        if (!block->waiting || !block->live_in)
            return CAIRN_E_MEMORY;
    }
    for (int i = 0; i < g->loop_count; i++) {
        flow_loop *l = &g->loops[i];
        uint64_t *members = arena_alloc(g->arena, sizeof *members * (size_t)g->block_words);
        if (!members)
            return CAIRN_E_MEMORY;
        for (int k = 0; k < g->count; k++)
            if (bit_test(l->members, b->region[k]))
                bit_set(members, k);
        *l = (flow_loop){.header = place[l->header], .latch = place[l->latch], .parent = l->parent, .members = members};
    }
    return CAIRN_OK;
}

/* ---- Liveness ------------------------------------------------------------------------------------ */
static void step_backwards(const ptx_instruction *in, uint64_t *live)
{
    for (int i = 0; i < in->dst_count; i++)
        if (in->dst[i].kind == OPERAND_REGISTER && in->guard < 0)
            bit_clear(live, in->dst[i].index);
    for (int i = 0; i < in->src_count; i++)
        if (in->src[i].kind == OPERAND_REGISTER)
            bit_set(live, in->src[i].index);
    if (in->guard >= 0)
        bit_set(live, in->guard);
}

static bool update_live(flow *g, flow_block *block, uint64_t *live)
{
    memset(live, 0, sizeof *live * (size_t)g->register_words);
    if (block == &g->blocks[flow_end(g)] && !g->f->entry && g->f->has_result)
        for (int i = 0; i < g->f->slot_count; i++)
            if (g->f->slots[i].kind == OPERAND_PARAM && g->f->slots[i].index == 0)
                bit_set(live, g->f->slots[i].reg);
    for (int s = 0; s < block->succ_count; s++)
        for (int w = 0; w < g->register_words; w++)
            live[w] |= g->blocks[block->succ[s]].live_in[w];
    for (int i = block->count - 1; i >= 0; i--)
        step_backwards(&g->f->code[block->first + i], live);
    bool changed = memcmp(live, block->live_in, sizeof *live * (size_t)g->register_words) != 0;
    memcpy(block->live_in, live, sizeof *live * (size_t)g->register_words);
    return changed;
}

static cairn_status find_liveness(flow *g)
{
    uint64_t *live = arena_alloc(g->arena, sizeof *live * (size_t)g->register_words + 8);
    if (!live)
        return CAIRN_E_MEMORY;
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = g->count - 1; i >= 0; i--)
            changed |= update_live(g, &g->blocks[i], live);
    }
    return CAIRN_OK;
}

static cairn_status allocate_tables(builder *b)
{
    /* Every loop adds a latch: at most one for each block. */
    size_t n = (size_t)b->count * 2 + 2;
    b->idom = arena_alloc(b->g->arena, sizeof *b->idom * n);
    b->number = arena_alloc(b->g->arena, sizeof *b->number * n);
    b->order = arena_alloc(b->g->arena, sizeof *b->order * n);
    b->region = arena_alloc(b->g->arena, sizeof *b->region * n);
    b->seen = arena_alloc(b->g->arena, sizeof *b->seen * n);
    return b->idom && b->number && b->order && b->region && b->seen ? CAIRN_OK : CAIRN_E_MEMORY;
}

/* The end was the last of the raw blocks; latches came behind it. Moves it there again. */
static void move_end_last(builder *b, int end)
{
    int last = b->count - 1;
    if (end == last)
        return;
    flow_block swap = b->raw[end];
    b->raw[end] = b->raw[last];
    b->raw[last] = swap;
    for (int i = 0; i < b->count; i++)
        for (int s = 0; s < b->raw[i].succ_count; s++)
            b->raw[i].succ[s] = b->raw[i].succ[s] == end ? last : b->raw[i].succ[s] == last ? end : b->raw[i].succ[s];
    for (int i = 0; i < b->g->loop_count; i++)
        if (b->g->loops[i].latch == last)
            b->g->loops[i].latch = end;
    for (int i = 0; i < b->reachable; i++)
        if (b->order[i] == end)
            b->order[i] = last;
}

cairn_status flow_build(flow *g, arena *a, const ptx_module *m, ptx_function *f)
{
    *g = (flow){.m = m, .f = f, .arena = a};
    builder b = {.g = g};
    cairn_status status = find_leaders(&b);
    if (!status)
        status = allocate_tables(&b);
    if (status)
        return status;
    for (int i = 0; i < b.count - 1; i++)
        connect_block(&b, i);
    int end = b.count - 1;
    postorder(&b, 0);
    find_dominators(&b);
    status = find_back_edges(&b);
    if (status)
        return status;
    move_end_last(&b, end);
    for (int i = 0; i < g->loop_count && !status; i++)
        status = find_members(&b, &g->loops[i]);
    if (status)
        return status;
    nest_loops(&b);
    status = order_region(&b, -1, 0 < b.count - 1 ? representative(&b, 0, -1) : 0);
    if (!status)
        status = install(&b);
    if (!status)
        status = flow_find_spins(g);
    if (!status)
        status = flow_find_writes(g);
    return status ? status : find_liveness(g);
}
