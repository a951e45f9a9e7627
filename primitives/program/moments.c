/* The pass of an optimizer with two moments (Adam and its kin) as one step.
 *
 *     m' = lerp(m, g, u)    s = g^2    v' = lerp(v, s, w)    r = m' / (sqrt(v') + e)    p' = p - r l
 *
 * As five steps each goes to memory for one operand alone, and one stream at a time is slower than memory is: of a third of
 * its rate. Together they walk four. The builder brings the five nodes next to each other, the planner makes their
 * steps one; they are the same operations in the same order, on each element. */
#include <string.h>
#include "base/memory.h"
#include "primitives/program/vm.h"

static bool is(const program *p, int i, program_op op, int uses)
{
    const vm_node *x = &p->nodes[i];
    return x->live && x->kind == VM_OP && x->code == op && x->class == VM_BLOCK_CLASS && x->type == PT_F32 && (!uses || x->uses == uses);
}

static bool is_uniform(const program *p, int i) { return p->nodes[i].class == VM_UNIFORM; }
static bool is_block(const program *p, int i) { return p->nodes[i].class == VM_BLOCK_CLASS; }

/* The five nodes that end at `last`, in order. */
static bool find(const program *p, int last, int five[MOMENTS])
{
    if (!is(p, last, P_SUB_MUL, 0) || !is_block(p, p->nodes[last].in[2]))
        return false;
    const int16_t *in = p->nodes[last].in;
    const int r = is_block(p, in[0]) ? in[0] : in[1], rate = is_block(p, in[0]) ? in[1] : in[0];
    if (!is_uniform(p, rate) || !is(p, r, P_DIV_ROOT, 1))
        return false;
    const int m = p->nodes[r].in[0], v = p->nodes[r].in[1];
    if (!is_uniform(p, p->nodes[r].in[2]) || !is(p, m, P_LERP, 0) || !is(p, v, P_LERP, 0) || m == v)
        return false;
    const int s = p->nodes[v].in[1];
    if (!is_uniform(p, p->nodes[m].in[2]) || !is_uniform(p, p->nodes[v].in[2]) || !is(p, s, P_SQUARE, 1) ||
        p->nodes[s].in[0] != p->nodes[m].in[1] || !is_block(p, p->nodes[s].in[0]))
        return false;
    memcpy(five, (int[MOMENTS]){m, s, v, r, last}, MOMENTS * sizeof *five);
    return true;
}

static bool among(const int *five, int i)
{
    bool found = false;
    for (int k = 0; k < MOMENTS; k++)
        found |= five[k] == i;
    return found;
}

/* Whether nothing before the last of them, but stores, needs the others. */
static bool can_wait(const program *p, const int *five)
{
    for (int i = 0; i < five[MOMENTS - 1]; i++)
        for (int k = 0; k < 3 && !among(five, i); k++)
            if (p->nodes[i].live && p->nodes[i].kind != VM_STORE && p->nodes[i].in[k] >= 0 && among(five, p->nodes[i].in[k]))
                return false;
    for (int k = 0; k < 3; k++)         /* p is none of them */
        if (p->nodes[five[4]].in[k] != five[3] && among(five, p->nodes[five[4]].in[k]))
            return false;
    return !among(five, p->nodes[five[0]].in[0]) && !among(five, p->nodes[five[0]].in[1]) && !among(five, p->nodes[five[2]].in[0]);
}

static bool reorder(program *p, const int *five)
{
    const int last = five[MOMENTS - 1];
    vm_node *nodes = mem_array((size_t)p->count, sizeof *nodes);
    int16_t *place = mem_array((size_t)p->count, sizeof *place);
    int count = 0;
#define PUT(i) (place[i] = (int16_t)count, nodes[count++] = p->nodes[i])
    if (nodes && place) {
        for (int i = 0; i < last; i++)
            if (!among(five, i) && p->nodes[i].kind != VM_STORE)
                PUT(i);
        for (int k = 0; k < MOMENTS; k++)
            PUT(five[k]);
        for (int i = 0; i < p->count; i++)
            if (i < last ? p->nodes[i].kind == VM_STORE : i > last)
                PUT(i);
        for (int i = 0; i < count; i++)
            for (int k = 0; k < 3; k++)
                nodes[i].in[k] = nodes[i].in[k] < 0 ? nodes[i].in[k] : place[nodes[i].in[k]];
        memcpy(p->nodes, nodes, (size_t)count * sizeof *nodes);
    }
#undef PUT
    mem_free(nodes);
    mem_free(place);
    return count > 0;
}

cairn_status vm_gather_moments(program *p)
{
    int five[MOMENTS];
    for (int i = 0; i < p->count; i++)
        if (find(p, i, five) && can_wait(p, five) && !reorder(p, five))
            return cairn_error();
    return CAIRN_OK;
}

void vm_join_moments(const vm_table *t, vm_step *steps, int count)
{
    static const program_op op[MOMENTS] = {P_LERP, P_SQUARE, P_LERP, P_DIV_ROOT, P_SUB_MUL};
    static const int mode[MOMENTS] = {4, 0, 4, 4, 2};
    for (int i = 0; i + MOMENTS <= count; i++) {
        const vm_step *s = steps + i;
        bool same = s[1].a == s[0].b && s[2].b == s[1].d && s[3].a == s[0].d && s[3].b == s[2].d && s[4].a == s[3].d;
        for (int k = 0; k < MOMENTS; k++)
            same &= s[k].kind == STEP_OP && s[k].fn == t->op[op[k]][PT_F32][mode[k]] && !s[k].per_row;
        for (int k = 0; same && k < MOMENTS; k++)
            steps[i + k].kind = k ? STEP_PART : STEP_MOMENTS;
    }
}
