/* Calls become the callee's body, but for recursion and calls through pointers.
 *
 * Its registers and local variables are appended to the caller's. Arguments and results are in slots,
 * registers that stand for pieces of .param memory, so passing them is moves. A return is a branch behind
 * the body. Callees are done first, so what is copied has no calls of its own left. */
#include "runtime/ptx/ptx.h"
#include <string.h>

enum { MAX_CODE = 60000 }; /* from here on calls stay calls */

typedef enum mark { MARK_NEW, MARK_OPEN, MARK_DONE } mark;

typedef struct inliner {
    ptx_module *m;
    uint8_t *marks;
} inliner;

/* The code of one caller as it is rebuilt. */
typedef struct rebuilt {
    ptx_module *m;
    ptx_function *f;
    ptx_instruction *code;
    int count;
    int *place;             /* where each of the old instructions went */
    const uint8_t *marks;
} rebuilt;

static bool is_defined(const ptx_function *f) { return f->code_count > 0; }

static ptx_instruction *append(rebuilt *r)
{
    return arena_push(&r->m->arena, r->code, r->count);
}

static bool append_move(rebuilt *r, const ptx_instruction *at, int to, int from)
{
    ptx_operand *pair = arena_alloc(&r->m->arena, 2 * sizeof *pair);
    ptx_instruction *mov = pair ? append(r) : NULL;
    if (!mov)
        return false;
    pair[0] = (ptx_operand){.kind = OPERAND_REGISTER, .index = to};
    pair[1] = (ptx_operand){.kind = OPERAND_REGISTER, .index = from};
    *mov = (ptx_instruction){.op = OP_mov, .line = at->line, .guard = -1, .type_count = 1, .dst_count = 1, .src_count = 1,
                             .dst = pair, .src = pair + 1, .source_file = at->source_file, .source_line = at->source_line};
    mov->types[0] = (uint8_t)r->f->registers[to].type;
    return true;
}

static int append_register(rebuilt *r, ptx_register like)
{
    ptx_register *slot = arena_push(&r->m->arena, r->f->registers, r->f->register_count);
    if (!slot)
        return -1;
    *slot = like;
    return r->f->register_count - 1;
}

/* The caller's register for a piece of its .param variable, made if nothing else uses the piece. */
static int caller_slot(rebuilt *r, const ptx_instruction *call, int local, int64_t offset, ptx_type type)
{
    for (int i = 0; i < r->f->slot_count; i++) {
        const ptx_slot *s = &r->f->slots[i];
        if (s->kind != OPERAND_LOCAL || s->index != local || s->offset != offset)
            continue;
        if (type_bits(r->f->registers[s->reg].type) == type_bits(type))
            return s->reg;
        error_set(CAIRN_E_UNSUPPORTED, "%s:%d: call of %s: a parameter is passed and read in pieces of different sizes",
                  r->m->file, call->line, r->m->functions[call->target].name);
        return -1;
    }
    int reg = append_register(r, (ptx_register){"%param", type});
    ptx_slot *s = reg < 0 ? NULL : arena_push(&r->m->arena, r->f->slots, r->f->slot_count);
    if (!s)
        return -1;
    *s = (ptx_slot){OPERAND_LOCAL, local, reg, offset};
    return reg;
}

/* Moves arguments in, or the result out. */
static bool pass(rebuilt *r, const ptx_instruction *call, const ptx_function *g, int first_register, bool results)
{
    for (int i = 0; i < g->slot_count; i++) {
        const ptx_slot *s = &g->slots[i];
        bool result = g->has_result && s->index == 0;
        if (s->kind != OPERAND_PARAM || result != results)
            continue;
        int mine = caller_slot(r, call, call->arguments[s->index], s->offset, g->registers[s->reg].type);
        int its = s->reg + first_register;
        if (mine < 0 || !append_move(r, call, results ? mine : its, results ? its : mine))
            return false;
    }
    return true;
}

/* The pieces of what the callee's own calls pass. */
static bool append_slots(rebuilt *r, const ptx_function *g, int first_register, int first_local)
{
    for (int i = 0; i < g->slot_count; i++) {
        if (g->slots[i].kind != OPERAND_LOCAL)
            continue;
        ptx_slot *s = arena_push(&r->m->arena, r->f->slots, r->f->slot_count);
        if (!s)
            return false;
        *s = g->slots[i];
        s->index += first_local;
        s->reg += first_register;
    }
    return true;
}

static bool append_locals(rebuilt *r, const ptx_function *g, int first_register, int first_local)
{
    int64_t base = (r->f->local_bytes + 15) / 16 * 16;
    for (int i = 0; i < g->local_count; i++) {
        ptx_variable *v = arena_push(&r->m->arena, r->f->locals, r->f->local_count);
        if (!v)
            return false;
        *v = g->locals[i];
        v->offset += base;
    }
    if (g->local_bytes)
        r->f->local_bytes = base + g->local_bytes;
    return append_slots(r, g, first_register, first_local);
}

static void rename_operand(ptx_operand *o, int first_register, int first_local)
{
    if (o->kind == OPERAND_REGISTER)
        o->index += first_register;
    else if (o->kind == OPERAND_LOCAL)
        o->index += first_local;
}

static bool rename_arguments(rebuilt *r, ptx_instruction *call, int first_local)
{
    int *own = arena_alloc(&r->m->arena, sizeof *own * (size_t)(call->argument_count + 1));
    for (int i = 0; own && i < call->argument_count; i++)
        own[i] = call->arguments[i] + first_local;
    call->arguments = own;
    return own != NULL;
}

static bool copy_instruction(rebuilt *r, const ptx_instruction *in, int first_register, int first_local, int first, int end)
{
    int operands = in->dst_count + in->src_count;
    ptx_operand *copies = arena_alloc(&r->m->arena, sizeof *copies * (size_t)(operands + 1));
    ptx_instruction *out = copies ? append(r) : NULL;
    if (!out)
        return false;
    *out = *in;
    if (operands)
        memcpy(copies, in->dst, sizeof *copies * (size_t)operands);
    for (int i = 0; i < operands; i++)
        rename_operand(&copies[i], first_register, first_local);
    out->dst = copies;
    out->src = copies + in->dst_count;
    if (in->guard >= 0)
        out->guard += first_register;
    if (in->op == OP_bra)
        out->target += first;
    if (in->op == OP_call && !rename_arguments(r, out, first_local))
        return false;
    if (in->op == OP_ret) {
        out->op = OP_bra;
        out->target = end;
    }
    return true;
}

static bool takes_address_of_parameter(const ptx_function *g)
{
    for (int i = 0; i < g->code_count; i++)
        for (int k = 0; k < g->code[i].src_count; k++)
            if (g->code[i].src[k].kind == OPERAND_PARAM)
                return true;
    return false;
}

static bool inline_call(rebuilt *r, const ptx_instruction *call)
{
    const ptx_function *g = &r->m->functions[call->target];
    int first_register = r->f->register_count, first_local = r->f->local_count;
    for (int i = 0; i < g->register_count; i++)
        if (append_register(r, g->registers[i]) < 0)
            return false;
    if (!append_locals(r, g, first_register, first_local) || !pass(r, call, g, first_register, false))
        return false;
    int first = r->count, end = first + g->code_count;
    for (int i = 0; i < g->code_count; i++)
        if (!copy_instruction(r, &g->code[i], first_register, first_local, first, end))
            return false;
    return pass(r, call, g, first_register, true);
}

/* A function that is still open calls itself, on the way. */
static bool may_inline(const rebuilt *r, const ptx_instruction *in)
{
    if (in->op != OP_call || in->target < 0)
        return false;
    const ptx_function *g = &r->m->functions[in->target];
    return is_defined(g) && r->marks[g->index] == MARK_DONE && !takes_address_of_parameter(g) && r->count + g->code_count < MAX_CODE;
}

static bool rebuild(rebuilt *r)
{
    ptx_function *f = r->f;
    for (int i = 0; i < f->code_count; i++) {
        const ptx_instruction *in = &f->code[i];
        r->place[i] = r->count;
        if (may_inline(r, in)) {
            if (!inline_call(r, in))
                return false;
            continue;
        }
        ptx_instruction *copy = append(r);
        if (!copy)
            return false;
        *copy = *in;
    }
    r->place[f->code_count] = r->count;
    return true;
}

/* Branches of the caller's own code named old places; they were copied as they stood at `place`. */
static void retarget(rebuilt *r)
{
    for (int i = 0; i < r->f->code_count; i++) {
        ptx_instruction *in = &r->code[r->place[i]];
        if (r->f->code[i].op == OP_bra)
            in->target = r->place[in->target];
    }
}

static cairn_status inline_into(inliner *n, ptx_function *f);

static cairn_status inline_callees(inliner *n, const ptx_function *f, bool *any)
{
    for (int i = 0; i < f->code_count; i++) {
        if (f->code[i].op != OP_call || f->code[i].target < 0 || !is_defined(&n->m->functions[f->code[i].target]))
            continue;
        ptx_function *g = &n->m->functions[f->code[i].target];
        *any = true;
        if (n->marks[g->index] == MARK_OPEN)
            continue;
        cairn_status status = inline_into(n, g);
        if (status)
            return status;
    }
    return CAIRN_OK;
}

static cairn_status inline_into(inliner *n, ptx_function *f)
{
    if (n->marks[f->index] == MARK_DONE)
        return CAIRN_OK;
    bool any = false;
    n->marks[f->index] = MARK_OPEN;
    cairn_status status = inline_callees(n, f, &any);
    if (!status && any) {
        rebuilt r = {.m = n->m, .f = f, .place = arena_alloc(&n->m->arena, sizeof(int) * (size_t)(f->code_count + 1)),
                     .marks = n->marks};
        if (!r.place || !rebuild(&r))
            return cairn_error();
        retarget(&r);
        f->code = r.code;
        f->code_count = r.count;
    }
    n->marks[f->index] = MARK_DONE;
    return status;
}

/* ---- Calls that are left ------------------------------------------------------------------------- */
static void mark_addresses(ptx_module *m)
{
    for (int i = 0; i < m->function_count; i++)
        for (int k = 0; k < m->functions[i].code_count; k++) {
            const ptx_instruction *in = &m->functions[i].code[k];
            for (int s = 0; s < in->src_count; s++)
                if (in->src[s].kind == OPERAND_FUNCTION)
                    m->functions[in->src[s].index].address_taken = true;
        }
    for (int i = 0; i < m->variable_count; i++)
        for (int k = 0; k < m->variables[i].relocation_count; k++)
            if (m->variables[i].relocations[k].function >= 0)
                m->functions[m->variables[i].relocations[k].function].address_taken = true;
}

/* The registers that hold a call's arguments, in front of the pointer, and its result: liveness has to see them. */
static bool list_operands(ptx_module *m, ptx_function *f, ptx_instruction *in)
{
    enum { MOST = 200 };
    ptx_operand *all = arena_alloc(&m->arena, sizeof *all * (size_t)(f->slot_count + 2)), pointer = {0};
    int count = 0;
    if (!all)
        return false;
    if (in->target < 0)
        pointer = in->src[0];
    for (int a = 0; a < in->argument_count; a++) {
        for (int i = 0; i < f->slot_count; i++)
            if (f->slots[i].kind == OPERAND_LOCAL && f->slots[i].index == in->arguments[a])
                all[count++] = (ptx_operand){.kind = OPERAND_REGISTER, .index = f->slots[i].reg};
        if (a == 0 && in->has_result)
            in->dst_count = (uint8_t)count;
    }
    if (count > MOST) {
        error_set(CAIRN_E_UNSUPPORTED, "%s:%d: a call passes more than %d pieces", m->file, in->line, MOST);
        return false;
    }
    if (in->target < 0)
        all[count++] = pointer;
    in->dst = all;
    in->src = all + in->dst_count;
    in->src_count = (uint8_t)(count - in->dst_count);
    return true;
}

static cairn_status mark_calls(ptx_module *m, ptx_function *f)
{
    for (int i = 0; i < f->code_count; i++) {
        ptx_instruction *in = &f->code[i];
        if (in->op != OP_call)
            continue;
        if (!list_operands(m, f, in))
            return cairn_error();
        if (in->target >= 0 && is_defined(&m->functions[in->target]))
            m->functions[in->target].called = true;
    }
    return CAIRN_OK;
}

/* ---- Shared memory ------------------------------------------------------------------------------- */
/* Arrays without size come behind all others: they stay at -1. */
static void place_shared(ptx_module *m, ptx_function *kernel, const ptx_function *f)
{
    bool calls = false;
    for (int i = 0; i < f->code_count; i++) {
        const ptx_instruction *in = &f->code[i];
        calls |= in->op == OP_call;
        for (int k = 0; k < in->src_count; k++) {
            const ptx_variable *v = in->src[k].kind == OPERAND_VARIABLE ? &m->variables[in->src[k].index] : NULL;
            if (!v || v->space != SPACE_SHARED || !v->bytes || kernel->shared_at[in->src[k].index] >= 0)
                continue;
            int64_t at = (kernel->shared_bytes + v->align - 1) / v->align * v->align;
            kernel->shared_at[in->src[k].index] = at;
            kernel->shared_bytes = at + v->bytes;
        }
    }
    for (int i = 0; i < m->function_count && calls && f == kernel; i++)
        if (m->functions[i].called)
            place_shared(m, kernel, &m->functions[i]);
}

static cairn_status lay_out_shared(ptx_module *m, ptx_function *kernel)
{
    kernel->shared_at = arena_alloc(&m->arena, sizeof *kernel->shared_at * (size_t)(m->variable_count + 1));
    if (!kernel->shared_at)
        return CAIRN_E_MEMORY;
    memset(kernel->shared_at, -1, sizeof *kernel->shared_at * (size_t)m->variable_count);
    place_shared(m, kernel, kernel);
    return CAIRN_OK;
}

cairn_status ptx_inline(ptx_module *m)
{
    inliner n = {m, arena_alloc(&m->arena, (size_t)m->function_count + 1)};
    cairn_status status = n.marks ? CAIRN_OK : CAIRN_E_MEMORY;
    mark_addresses(m);
    for (int i = 0; i < m->function_count && !status; i++)
        if (m->functions[i].entry || m->functions[i].address_taken)
            status = inline_into(&n, &m->functions[i]);
    for (int i = 0; i < m->function_count && !status; i++) {
        m->functions[i].called |= m->functions[i].address_taken;
        status = mark_calls(m, &m->functions[i]);
    }
    for (int i = 0; i < m->function_count && !status; i++)
        if (m->functions[i].entry)
            status = lay_out_shared(m, &m->functions[i]);
    return status;
}
