/* From nodes to plans: phases, steps, registers.
 *
 * A row reduction needs its whole row before its result can be used, so a row program runs in phases: phase 0 computes the
 * reductions of what comes from memory alone, phase 1 what needs their results, and so on; softmax has three. All
 * block stores lie in the last phase, so that a program may store over what it loads. A value that several phases need is
 * computed again in each, or, in the plan `keep`, kept for the whole row when computing it is dear; rows that are too
 * long to keep run by the plan `again`. */
#include <string.h>
#include "base/memory.h"
#include "primitives/program/vm.h"

enum { KEEP_COST = 4, NOWHERE = -1 };

typedef struct pool { int16_t free[VM_MAX_NODES]; int free_count, used; } pool;

typedef struct planner {
    program *p;
    vm_plan *plan;
    bool failed;
    int phase;
    int16_t *ref;                /* per node, in this phase; rows, columns and uniforms for good */
    int16_t *reg;                /* register of a node in this phase */
    int16_t *access;             /* per node */
    int16_t *keep_number, *uniform;
    int32_t *last_use;           /* in this phase; a store counts from p->count */
    uint8_t *needed, *kept;      /* in this phase; for good */
    pool *small, *large;
} planner;

/* ---- Growing lists ------------------------------------------------------------------------------ */

/* Room for one more item. Lists are as long as the next power of two, from 8. */
static void *grow(planner *b, void *list, int count, size_t size)
{
    if (b->failed || (count & (count - 1)) != 0 || (count && count < 8))
        return list;
    void *more = mem_resize(list, (size_t)(count ? 2 * count : 8) * size);
    b->failed |= !more;
    return more ? more : list;
}

#define APPEND(b, list, count, ...)                                                            \
    do {                                                                                       \
        (b)->plan->list = grow(b, (b)->plan->list, (b)->plan->count, sizeof *(b)->plan->list); \
        if (!(b)->failed)                                                                      \
            (b)->plan->list[(b)->plan->count++] = __VA_ARGS__;                                 \
    } while (0)

static int16_t new_ref(planner *b, vm_space space, int number, int type)
{
    APPEND(b, places, ref_count, (vm_place){.space = (uint8_t)space, .number = (uint16_t)number,
                                            .bytes = (uint8_t)program_type_bytes(type)});
    return (int16_t)(b->failed ? 0 : b->plan->ref_count - 1);
}

static void put_step(planner *b, vm_step step) { APPEND(b, steps, step_count, step); }

static int16_t access_of(planner *b, int i)
{
    const vm_node *node = &b->p->nodes[i];
    if (b->access[i] == NOWHERE) {
        APPEND(b, accesses, access_count, (vm_access){.operand = node->index, .dtype = node->dtype, .kind = node->kind,
                                                      .class = node->class});
        b->access[i] = (int16_t)(b->plan->access_count - 1);
    }
    return b->access[i];
}

/* ---- Registers ---------------------------------------------------------------------------------- */

static pool *pool_of(planner *b, int type) { return program_type_bytes(type) == 8 ? b->large : b->small; }

static int16_t take(planner *b, int type)
{
    pool *from = pool_of(b, type);
    return (int16_t)(from->free_count ? from->free[--from->free_count] : from->used++);
}

static void give(planner *b, int type, int16_t number)
{
    pool *to = pool_of(b, type);
    to->free[to->free_count++] = number;
}

static vm_space register_space(int type) { return program_type_bytes(type) == 8 ? SPACE_REGISTER8 : SPACE_REGISTER4; }

/* A place for a value of `class`: a register, or an array with one element per row or column. */
static int16_t new_value(planner *b, int class, int type, int16_t *reg)
{
    if (class == VM_ROW)
        return new_ref(b, SPACE_ROW, b->plan->rows++, type);
    if (class == VM_COLUMN)
        return new_ref(b, SPACE_COLUMN, b->plan->columns++, type);
    *reg = take(b, type);
    return new_ref(b, register_space(type), *reg, type);
}

/* Gives back the registers of operands that are used here for the last time. */
static void release_operands(planner *b, int i)
{
    const vm_node *node = &b->p->nodes[i];
    for (int k = 0; k < 3; k++) {
        int x = node->in[k];
        if (x >= 0 && b->reg[x] != NOWHERE && b->last_use[x] == i) {
            give(b, b->p->nodes[x].type, b->reg[x]);
            b->reg[x] = NOWHERE;
        }
    }
}

/* ---- One node ----------------------------------------------------------------------------------- */

static vm_fn function_of(const planner *b, const vm_node *node, int mode)
{
    const vm_table *t = b->p->table;
    switch (node->kind) {
    case VM_OP: return t->op[node->code][node->dtype][mode];
    case VM_CAST: return t->cast[b->p->nodes[node->in[0]].type][node->type];
    case VM_NARROW: return t->narrow[node->type][node->dtype];
    default: return t->splat[node->type];
    }
}

/* The operands of an instruction on the way to a step: which are scalars, and where each lies. */
typedef struct operands {
    int in[3];                   /* nodes */
    int mode;                    /* bit k: operand k is of a smaller class than the result */
    int16_t ref[3], spread[3];   /* spread: the register that a scalar was spread over */
} operands;

static operands operands_of(const planner *b, const vm_node *node)
{
    operands o = {.in = {node->in[0], node->in[1], node->in[2]}, .spread = {NOWHERE, NOWHERE, NOWHERE}};
    for (int k = 0; k < 3; k++)
        if (o.in[k] >= 0 && b->p->nodes[o.in[k]].class < node->class)
            o.mode |= 1 << k;
    if (node->kind == VM_OP && node->code >= P_MUL_ADD && node->code <= P_SUB_MUL && (o.mode & 3) == 1) {      /* a * b is b * a */
        o.in[0] = node->in[1];
        o.in[1] = node->in[0];
        o.mode += 1;
    }
    for (int k = 0; k < 3; k++)
        o.ref[k] = o.in[k] >= 0 ? b->ref[o.in[k]] : 0;
    return o;
}

/* Makes a vector of scalar operand k, for a mode that the table lacks. */
static void spread(planner *b, const vm_node *node, operands *o, int k)
{
    const vm_node *a = &b->p->nodes[o->in[k]];
    int16_t from = o->ref[k];
    o->ref[k] = new_value(b, node->class, a->type, &o->spread[k]);
    o->mode &= ~(1 << k);
    put_step(b, (vm_step){.fn = b->p->table->splat[a->type], .kind = STEP_OP, .d = (uint16_t)o->ref[k],
                          .a = (uint16_t)from, .per_row = a->class == VM_ROW});
}

static void put_op(planner *b, int i)
{
    const vm_node *node = &b->p->nodes[i];
    operands o = operands_of(b, node);
    while (!function_of(b, node, o.mode))
        spread(b, node, &o, __builtin_ctz((unsigned)o.mode));
    vm_step step = {.fn = function_of(b, node, o.mode), .kind = STEP_OP, .a = (uint16_t)o.ref[0],
                    .b = (uint16_t)o.ref[1], .c = (uint16_t)o.ref[2]};
    for (int k = 0; k < 3; k++) {
        bool scalar = o.mode >> k & 1;
        step.vectors |= o.in[k] >= 0 && !scalar ? 1 << k : 0;
        step.per_row |= scalar && b->p->nodes[o.in[k]].class == VM_ROW;
    }
    release_operands(b, i);
    b->ref[i] = new_value(b, node->class, node->type, &b->reg[i]);
    step.d = (uint16_t)b->ref[i];
    put_step(b, step);
    for (int k = 0; k < 3; k++)
        if (o.spread[k] != NOWHERE)
            give(b, b->p->nodes[o.in[k]].type, o.spread[k]);
}

static void put_memory(planner *b, int i)
{
    const vm_node *node = &b->p->nodes[i];
    bool load = node->kind == VM_LOAD;
    b->ref[i] = new_value(b, VM_BLOCK_CLASS, node->type, &b->reg[i]);
    put_step(b, (vm_step){.fn = load ? b->p->table->load[node->dtype] : b->p->table->index,
                          .kind = load ? STEP_LOAD : STEP_INDEX, .d = (uint16_t)b->ref[i], .access = access_of(b, i)});
}

static void put_reduction(planner *b, int i)
{
    const vm_node *node = &b->p->nodes[i];
    const vm_table *t = b->p->table;
    bool row = node->kind == VM_REDUCE_ROW;
    b->ref[i] = new_value(b, node->class, node->type, &b->reg[i]);
    put_step(b, (vm_step){.fn = (row ? t->reduce_row : t->reduce_column)[node->code][node->dtype], .kind = STEP_REDUCE,
                          .d = (uint16_t)b->plan->reduction_count, .a = (uint16_t)b->ref[node->in[0]], .vectors = 1,
                          .code = node->code, .type = node->dtype});
    APPEND(b, reductions, reduction_count, (vm_reduction){.code = node->code, .type = node->dtype,
                                                          .result = (uint16_t)b->ref[i]});
    release_operands(b, i);
}

static void put_store(planner *b, int i)
{
    const vm_node *node = &b->p->nodes[i];
    put_step(b, (vm_step){.fn = b->p->table->store[node->dtype], .kind = STEP_STORE, .a = (uint16_t)b->ref[node->in[0]],
                          .vectors = 1, .access = access_of(b, i)});
}

/* ---- Phases ------------------------------------------------------------------------------------- */

static bool is_block_store(const vm_node *node)
{
    return node->live && node->kind == VM_STORE && node->class == VM_BLOCK_CLASS;
}

static bool is_reduction(const vm_node *node)
{
    return node->live && (node->kind == VM_REDUCE_ROW || node->kind == VM_REDUCE_COLUMN);
}

/* A value of an earlier phase that this one finds in memory. */
static bool is_found(const planner *b, int i, int phase) { return b->kept[i] && b->p->nodes[i].level < phase; }

static int last_phase(const program *p)
{
    int last = -1;
    for (int i = 0; i < p->count; i++) {
        const vm_node *node = &p->nodes[i];
        int phase = node->kind == VM_REDUCE_ROW ? node->level - 1 : node->level;
        last = (is_block_store(node) || is_reduction(node)) && phase > last ? phase : last;
    }
    return last;
}

/* What the phase is for: its reductions, its kept values, in the last phase the stores. */
static bool is_root(const planner *b, int i, int phase)
{
    const vm_node *node = &b->p->nodes[i];
    if (is_reduction(node))
        return phase == (node->kind == VM_REDUCE_ROW ? node->level - 1 : 0);
    return (is_block_store(node) && phase == b->plan->phase_count - 1) || (b->kept[i] && node->level == phase);
}

/* Marks the phase's roots and all that they need. With `choose`, decides as it goes which values of earlier phases are
 * too dear to be computed again. */
static void mark_needed(planner *b, int phase, bool choose)
{
    const program *p = b->p;
    memset(b->needed, 0, (size_t)p->count);
    for (int i = p->count - 1; i >= 0; i--) {
        const vm_node *node = &p->nodes[i];
        b->needed[i] |= is_root(b, i, phase);
        if (!b->needed[i])
            continue;
        if (choose && node->kind != VM_STORE && node->level < phase && node->cost > KEEP_COST)
            b->kept[i] = 1;
        for (int k = 0; k < 3 && !is_found(b, i, phase); k++)
            if (node->in[k] >= 0 && p->nodes[node->in[k]].class == VM_BLOCK_CLASS)
                b->needed[node->in[k]] = 1;
    }
}

static void find_last_uses(planner *b)
{
    const program *p = b->p;
    for (int i = 0; i < p->count; i++) {
        int at = p->nodes[i].kind == VM_STORE ? p->count + i : i;
        b->last_use[i] = NOWHERE;
        for (int k = 0; b->needed[i] && !is_found(b, i, b->phase) && k < 3; k++) {
            int x = p->nodes[i].in[k];
            if (x >= 0 && at > b->last_use[x])
                b->last_use[x] = at;
        }
    }
}

static void put_block_steps(planner *b)
{
    const program *p = b->p;
    for (int i = 0; i < p->count; i++) {
        const vm_node *node = &p->nodes[i];
        b->reg[i] = NOWHERE;
        if (!b->needed[i] || node->kind == VM_STORE)
            continue;
        if (is_found(b, i, b->phase)) {
            b->ref[i] = new_ref(b, SPACE_KEEP, b->keep_number[i], node->type);
            put_step(b, (vm_step){.kind = STEP_KEEP, .d = (uint16_t)b->ref[i]});
        } else if (node->kind == VM_LOAD || node->kind == VM_INDEX) {
            put_memory(b, i);
        } else if (is_reduction(node)) {
            put_reduction(b, i);
        } else {
            put_op(b, i);
        }
    }
}

/* Values that are written straight to memory: the first store of one that is computed in this phase. */
static bool may_be_direct(const planner *b, int store)
{
    const program *p = b->p;
    int x = p->nodes[store].in[0], dtype = p->nodes[store].dtype;
    bool same = dtype == CAIRN_F32 || dtype == CAIRN_F64 || dtype == CAIRN_I32 || dtype == CAIRN_I64;
    if (!same || p->nodes[x].kind == VM_LOAD || b->kept[x])
        return false;
    for (int i = 0; i < store; i++)
        if (is_block_store(&p->nodes[i]) && p->nodes[i].in[0] == x)
            return false;
    return true;
}

/* What must not happen when a store and a load turn out to be the same memory: see vm_conflict. */
static void find_conflicts(planner *b, int store, bool direct)
{
    const program *p = b->p;
    int x = p->nodes[store].in[0];
    for (int i = 0; i < p->count; i++) {
        if (!b->needed[i] || p->nodes[i].kind != VM_LOAD)
            continue;
        vm_conflict c = {.store = access_of(b, store), .load = access_of(b, i)};
        if (b->last_use[i] > p->count + store)
            APPEND(b, conflicts, conflict_count, c);
        c.forbids_direct = true;
        if (direct && (i > x || b->last_use[i] > x))
            APPEND(b, conflicts, conflict_count, c);
    }
}

/* Moves the steps from `middle` on to before those from `first` on. */
static void turn_steps(planner *b, int first, int middle)
{
    for (int k = middle; k < b->plan->step_count && !b->failed; k++) {
        vm_step *at = b->plan->steps + first++, step = b->plan->steps[k];
        memmove(at + 1, at, (size_t)(b->plan->steps + k - at) * sizeof step);
        *at = step;
    }
}

/* Refs that are not registers of their own, but pieces of kept memory or of a destination, are set at the start of the
 * phase, by steps that can only be made when the refs are known. */
static void put_placements(planner *b, int first)
{
    const program *p = b->p;
    int body = b->plan->step_count;
    for (int i = 0; i < p->count && !b->failed; i++) {
        const vm_node *node = &p->nodes[i];
        if (b->kept[i] && b->needed[i] && node->level == b->phase) {
            b->plan->places[b->ref[i]].space = SPACE_KEEP;
            b->plan->places[b->ref[i]].number = (uint16_t)b->keep_number[i];
            put_step(b, (vm_step){.kind = STEP_KEEP, .d = (uint16_t)b->ref[i]});
        }
        if (b->needed[i] && node->kind == VM_STORE) {
            bool direct = may_be_direct(b, i);
            find_conflicts(b, i, direct);
            if (direct)
                put_step(b, (vm_step){.kind = STEP_DIRECT, .d = (uint16_t)b->ref[node->in[0]],
                                      .access = access_of(b, i)});
        }
    }
    turn_steps(b, first, body);
}

static void put_stores(planner *b, bool blocks)
{
    for (int i = 0; i < b->p->count; i++) {
        const vm_node *node = &b->p->nodes[i];
        if (blocks ? b->needed[i] && node->kind == VM_STORE
                   : node->live && node->kind == VM_STORE && node->class != VM_BLOCK_CLASS)
            put_store(b, i);
    }
}

static void put_row_steps(planner *b)
{
    for (int i = 0; i < b->p->count; i++) {
        const vm_node *node = &b->p->nodes[i];
        bool here = (node->class == VM_ROW && node->level == b->phase + 1) || node->class == VM_COLUMN;
        if (node->live && here && !is_reduction(node) && node->kind != VM_STORE)
            put_op(b, i);
    }
}

static void put_phase(planner *b, int phase)
{
    vm_plan *plan = b->plan;
    b->phase = phase;
    b->small->free_count = b->small->used = b->large->free_count = b->large->used = 0;
    mark_needed(b, phase, false);
    find_last_uses(b);
    vm_phase at = {.first = plan->step_count, .reduction = plan->reduction_count};
    put_block_steps(b);
    if (!b->failed)
        vm_join_moments(b->p->table, plan->steps + at.first, plan->step_count - at.first);
    put_placements(b, at.first);
    put_stores(b, true);
    at.end = plan->step_count;
    put_row_steps(b);
    at.row_end = plan->step_count;
    at.reduction_end = plan->reduction_count;
    plan->phases[phase] = at;
    plan->registers4 = b->small->used > plan->registers4 ? b->small->used : plan->registers4;
    plan->registers8 = b->large->used > plan->registers8 ? b->large->used : plan->registers8;
}

/* ---- Plans -------------------------------------------------------------------------------------- */

static void choose_kept(planner *b)
{
    for (int phase = 1; phase < b->plan->phase_count; phase++)
        mark_needed(b, phase, true);
    for (int i = 0; i < b->p->count; i++)
        if (b->kept[i])
            b->keep_number[i] = (int16_t)b->plan->keeps++;
}

static void put_plan(planner *b, vm_plan *plan, bool keep)
{
    const program *p = b->p;
    b->plan = plan;
    for (int i = 0; i < p->count; i++)
        b->access[i] = b->reg[i] = b->ref[i] = NOWHERE;
    memset(b->kept, 0, (size_t)p->count);
    plan->phase_count = last_phase(p) + 1;
    plan->phases = mem_array((size_t)plan->phase_count + 1, sizeof *plan->phases);
    b->failed |= !plan->phases;
    if (keep)
        choose_kept(b);
    for (int i = 0; i < p->count; i++)
        if (p->nodes[i].live && p->nodes[i].class == VM_UNIFORM)
            b->ref[i] = new_ref(b, SPACE_UNIFORM, b->uniform[i], p->nodes[i].type);
    for (int phase = 0; phase < plan->phase_count && !b->failed; phase++)
        put_phase(b, phase);
    plan->store_first = plan->step_count;
    put_stores(b, false);
    plan->store_end = plan->step_count;
}

/* Uniform values: their numbers, and steps over single elements. */
static void put_uniforms(planner *b)
{
    program *p = b->p;
    p->uniform_steps = mem_array((size_t)p->count + 1, sizeof *p->uniform_steps);
    b->failed |= !p->uniform_steps;
    for (int i = 0; i < p->count && !b->failed; i++) {
        const vm_node *node = &p->nodes[i];
        if (!node->live || node->class != VM_UNIFORM)
            continue;
        b->uniform[i] = (int16_t)p->uniform_count++;
        vm_step step = {.kind = STEP_LOAD, .access = node->index, .type = node->type, .d = (uint16_t)b->uniform[i]};
        if (node->kind != VM_SCALAR) {
            step.kind = STEP_OP;
            step.fn = function_of(b, node, 0);
            step.a = (uint16_t)b->uniform[node->in[0]];
            step.b = (uint16_t)(node->in[1] >= 0 ? b->uniform[node->in[1]] : 0);
            step.c = (uint16_t)(node->in[2] >= 0 ? b->uniform[node->in[2]] : 0);
        }
        p->uniform_steps[p->uniform_step_count++] = step;
    }
}

void vm_plan_free(vm_plan *plan)
{
    mem_free(plan->steps);
    mem_free(plan->phases);
    mem_free(plan->places);
    mem_free(plan->accesses);
    mem_free(plan->reductions);
    mem_free(plan->conflicts);
    memset(plan, 0, sizeof *plan);
}

cairn_status vm_plan_build(program *p)
{
    size_t n = (size_t)p->count + 1;
    planner b = {.p = p};
    int16_t *words = mem_array(5 * n, sizeof *words);
    b.last_use = mem_array(n, sizeof *b.last_use);
    b.needed = mem_array(2 * n, 1);
    b.small = mem_array(2, sizeof *b.small);
    b.failed = !words || !b.last_use || !b.needed || !b.small;
    if (!b.failed) {
        b.ref = words, b.reg = words + n, b.access = words + 2 * n;
        b.keep_number = words + 3 * n, b.uniform = words + 4 * n;
        b.kept = b.needed + n;
        b.large = b.small + 1;
        put_uniforms(&b);
        put_plan(&b, &p->keep, true);
        p->keeps_differ = p->keep.keeps > 0;
        if (p->keeps_differ && !b.failed)
            put_plan(&b, &p->again, false);
    }
    mem_free(words);
    mem_free(b.last_use);
    mem_free(b.needed);
    mem_free(b.small);
    return b.failed ? CAIRN_E_MEMORY : CAIRN_OK;
}
