/* Plans: slots to memory, and the thread's cache of plans.
 *
 * Temporaries share one arena, cut by lifetime; its size, the outputs and what donors save is the memory of an evaluation,
 * known before it runs. A result may take the place of an operand that dies with the kernel that makes it, when both are
 * dense in the same order: that is how an optimizer's step runs in place. */
#include "framework/exec/exec.h"
#include <string.h>

enum { ALIGNMENT = 64, PLANS = 64, BUCKETS = 256 };

static int64_t rounded(int64_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static bool more(void **array, int32_t count, int32_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    int32_t wanted = *capacity ? 2 * *capacity : 64;
    void *grown = mem_resize(*array, (size_t)wanted * size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

int32_t plan_slot(plan *p, slot_kind kind, int32_t value_index, int64_t bytes)
{
    if (!more((void **)&p->slots, p->slot_count, &p->slot_capacity, sizeof *p->slots))
        return NOWHERE;
    p->slots[p->slot_count] = (slot){.kind = kind, .value = value_index, .donor = NOWHERE, .first = -1, .last = -1, .bytes = bytes};
    return p->slot_count++;
}

kernel *plan_kernel(plan *p)
{
    if (!more((void **)&p->kernels, p->kernel_count, &p->kernel_capacity, sizeof *p->kernels))
        return NULL;
    return &p->kernels[p->kernel_count++];
}

/* ---- Lifetimes */

static void uses(plan *p, int32_t slot_index, int32_t kernel_index)
{
    if (slot_index == NOWHERE)
        return;
    slot *s = &p->slots[slot_index];
    if (s->first < 0)
        s->first = kernel_index;
    s->last = kernel_index;
}

static void find_lifetimes(plan *p)
{
    for (int32_t i = 0; i < p->kernel_count; i++) {
        const kernel *k = &p->kernels[i];
        for (int32_t o = 0; o < k->operand_count; o++)
            uses(p, k->operands[o].slot, i);
        for (int32_t o = 0; o < k->input_count; o++)
            uses(p, k->inputs[o].slot, i);
        if (k->library != NOWHERE)
            uses(p, k->out_operand.slot, i);
        if (k->fuses) {
            uses(p, k->scale.slot, i);
            uses(p, k->bias.slot, i);
            uses(p, k->residual.slot, i);
        }
        uses(p, k->scratch_slot, i);
    }
}

/* Whether every other use of the load's slot in this kernel is the same look at it: then its elements are read exactly where the
 * store writes. */
static bool same_look(const kernel *k, int32_t load, int32_t with)
{
    const operand *a = &k->operands[load], *b = &k->operands[with];
    if (a->byte_offset || b->byte_offset || memcmp(a->loop_stride, b->loop_stride, sizeof a->loop_stride))
        return false;
    return memcmp(k->call.operands[load].stride, k->call.operands[with].stride, sizeof(int64_t) * (size_t)k->call.axes) == 0;
}

static bool looked_at_once(const kernel *k, int32_t load)
{
    for (int32_t other = 0; other < k->operand_count; other++)
        if (other != load && k->operands[other].slot == k->operands[load].slot)
            return false;
    return true;
}

/* The leaf that a value is a new state of, x in x + ... or x * ... : the first operand of the first operand and so on; in
 * x - a * b the last. */
static int32_t state_of(const pending *g, int32_t value_index)
{
    if (value_index == NOWHERE)
        return NOWHERE;
    const value *v = g->at[value_index];
    while (!value_is_evaluated(v) && v->n_in)
        v = v->in[v->op == OP_sub_mul ? 2 : 0];
    return v->exec_index;
}

/* A load of a slot that dies here and was not given away, of the store's size and strides; NOWHERE. A result takes a leaf, a temporary a temporary.
 * Best the state that it is the next of: a gradient, say, may be somebody's. Rather one that no other kernel reads: an input that
 * several share is likely to be, too. Only in maps: a row program reads its rows again. */
static int32_t load_to_replace(const plan *p, const pending *g, int32_t kernel_index, int32_t store)
{
    const kernel *k = &p->kernels[kernel_index];
    const slot *to = &p->slots[k->operands[store].slot];
    const int32_t state = state_of(g, to->value);
    int32_t own = NOWHERE, shared = NOWHERE;
    for (int32_t o = 0; o < k->operand_count; o++) {
        const slot *from = k->operands[o].slot == NOWHERE ? NULL : &p->slots[k->operands[o].slot];
        if (!from || from == to || from->given || from->kind == SLOT_OUTPUT || (to->kind == SLOT_OUTPUT) != (from->kind == SLOT_LEAF))
            continue;
        if (from->last != kernel_index || from->bytes != to->bytes || !same_look(k, o, store) || !looked_at_once(k, o))
            continue;
        if (from->kind == SLOT_TEMPORARY && from->first == kernel_index)
            continue;                            /* made here itself */
        if (from->value != NOWHERE && from->value == state)
            return o;
        int32_t *found = from->first == kernel_index || from->kind == SLOT_TEMPORARY ? &own : &shared;
        *found = *found == NOWHERE ? o : *found;
    }
    return own == NOWHERE ? shared : own;
}

/* ---- The arena: free stretches in order of address, best fit */

typedef struct stretch {
    int64_t at, bytes;
} stretch;

typedef struct arena {
    stretch *free;
    int32_t count, capacity;
    int64_t end;
} arena;

static int64_t arena_take(arena *a, int64_t bytes)
{
    int32_t best = NOWHERE;
    for (int32_t i = 0; i < a->count; i++)
        if (a->free[i].bytes >= bytes && (best == NOWHERE || a->free[i].bytes < a->free[best].bytes))
            best = i;
    if (best == NOWHERE) {
        int64_t at = a->end;
        if (a->count && a->free[a->count - 1].at + a->free[a->count - 1].bytes == a->end)
            at = a->free[--a->count].at;         /* the last stretch grows */
        a->end = at + bytes;
        return at;
    }
    int64_t at = a->free[best].at;
    a->free[best].at += bytes;
    a->free[best].bytes -= bytes;
    if (!a->free[best].bytes)
        memmove(&a->free[best], &a->free[best + 1], (size_t)(--a->count - best) * sizeof *a->free);
    return at;
}

static bool arena_give(arena *a, int64_t at, int64_t bytes)
{
    if (!more((void **)&a->free, a->count, &a->capacity, sizeof *a->free))
        return false;
    int32_t i = a->count;
    while (i > 0 && a->free[i - 1].at > at)
        i--;
    memmove(&a->free[i + 1], &a->free[i], (size_t)(a->count++ - i) * sizeof *a->free);
    a->free[i] = (stretch){at, bytes};
    if (i + 1 < a->count && at + bytes == a->free[i + 1].at) {
        a->free[i].bytes += a->free[i + 1].bytes;
        memmove(&a->free[i + 1], &a->free[i + 2], (size_t)(--a->count - i - 1) * sizeof *a->free);
    }
    if (i > 0 && a->free[i - 1].at + a->free[i - 1].bytes == a->free[i].at) {
        a->free[i - 1].bytes += a->free[i].bytes;
        memmove(&a->free[i], &a->free[i + 1], (size_t)(--a->count - i) * sizeof *a->free);
    }
    return true;
}

/* A result of kernel i may take the place of an operand: a temporary's in the arena, a leaf's buffer at run time. */
static void place_over_operands(plan *p, const pending *g, int32_t i)
{
    kernel *k = &p->kernels[i];
    if (k->form != FORM_MAP || k->library != NOWHERE)
        return;
    for (int32_t o = 0; o < k->operand_count; o++) {
        slot *s = k->operands[o].slot == NOWHERE ? NULL : &p->slots[k->operands[o].slot];
        int32_t load = s && s->first == i && s->kind != SLOT_LEAF && s->donor == NOWHERE ? load_to_replace(p, g, i, o) : NOWHERE;
        if (load == NOWHERE)
            continue;
        slot *from = &p->slots[k->operands[load].slot];
        s->donor = k->operands[load].slot;
        s->at = from->at;
        from->given = true;
        p->has_donors |= s->kind == SLOT_OUTPUT;
    }
}

/* Lists of the temporaries that begin and that end with each kernel. */
static void list_by_kernel(plan *p)
{
    for (int32_t k = 0; k < p->kernel_count; k++)
        p->kernels[k].begins = p->kernels[k].ends = NOWHERE;
    for (int32_t i = 0; i < p->slot_count; i++) {
        slot *s = &p->slots[i];
        if (s->kind != SLOT_TEMPORARY || s->first < 0 || !s->bytes)
            continue;
        s->next_beginning = p->kernels[s->first].begins;
        p->kernels[s->first].begins = i;
        s->next_ending = p->kernels[s->last].ends;
        p->kernels[s->last].ends = i;
    }
}

static cairn_status plan_memory(plan *p, const pending *g)
{
    arena a = {0};
    bool whole = true;
    find_lifetimes(p);
    list_by_kernel(p);
    for (int32_t k = 0; k < p->kernel_count && whole; k++) {
        place_over_operands(p, g, k);
        for (int32_t i = p->kernels[k].begins; i != NOWHERE; i = p->slots[i].next_beginning)
            if (p->slots[i].donor == NOWHERE)
                p->slots[i].at = arena_take(&a, rounded(p->slots[i].bytes));
        for (int32_t i = p->kernels[k].ends; i != NOWHERE && whole; i = p->slots[i].next_ending)
            if (!p->slots[i].given)
                whole = arena_give(&a, p->slots[i].at, rounded(p->slots[i].bytes));
    }
    p->arena_bytes = a.end;
    mem_free(a.free);
    return whole ? CAIRN_OK : CAIRN_E_MEMORY;
}

/* ---- The cache: one a thread, so that it needs no lock and a plan can hold the scratch of its run */

struct plan_cache {
    plan *bucket[BUCKETS];
    int64_t count;
    uint64_t clock;
    pending pending;                             /* the collection's memory, kept from evaluation to evaluation */
};

static void kernel_free(kernel *k)
{
    program_free(k->program);
    mem_free(k->operands);
    mem_free(k->call.operands);
    mem_free(k->scalars);
    mem_free((void *)k->call.scalars);
    mem_free(k->inputs);
    mem_free(k->views);
}

void plan_free(plan *p)
{
    if (!p)
        return;
    for (int32_t i = 0; i < p->kernel_count; i++)
        kernel_free(&p->kernels[i]);
    mem_free(p->kernels);
    mem_free(p->slots);
    mem_free(p->keeps);
    mem_free(p->key);
    mem_free(p->pointers);
    mem_free(p->buffers);
    mem_free(p);
}

void plan_cache_free(plan_cache *c)
{
    if (!c)
        return;
    for (int b = 0; b < BUCKETS; b++)
        while (c->bucket[b]) {
            plan *next = c->bucket[b]->next;
            plan_free(c->bucket[b]);
            c->bucket[b] = next;
        }
    pending_free(&c->pending);
    mem_free(c);
}

static plan_cache *cache(void)
{
    thread_state *t = thread();
    if (!t->plans)
        t->plans = mem_new(sizeof *t->plans);
    return t->plans;
}

pending *thread_pending(void)
{
    plan_cache *c = cache();
    return c ? &c->pending : NULL;
}

static void drop_oldest(plan_cache *c)
{
    plan **oldest = NULL;
    for (int b = 0; b < BUCKETS; b++)
        for (plan **p = &c->bucket[b]; *p; p = &(*p)->next)
            if (!oldest || (*p)->used < (*oldest)->used)
                oldest = p;
    plan *gone = *oldest;
    *oldest = gone->next;
    plan_free(gone);
    c->count--;
}

static plan *plan_make(const pending *g)
{
    plan *p = mem_new(sizeof *p);
    schedule s;
    if (!p)
        return NULL;
    if (schedule_make(&s, g)) {
        plan_free(p);
        return NULL;
    }
    p->hash = g->hash;
    p->key_words = g->key_words;
    p->key = mem_array((size_t)g->key_words + 1, sizeof *p->key);
    bool whole = p->key && !emit_kernels(p, &s) && !plan_memory(p, g);
    schedule_free(&s);
    p->pointers = whole ? mem_array((size_t)p->slot_count + 1, sizeof *p->pointers) : NULL;
    p->buffers = p->pointers ? mem_array((size_t)p->slot_count + 1, sizeof *p->buffers) : NULL;
    if (!p->buffers) {
        plan_free(p);
        return NULL;
    }
    memcpy(p->key, g->key, (size_t)g->key_words * sizeof *p->key);
    return p;
}

plan *plan_find(const pending *g)
{
    plan_cache *c = cache();
    if (!c)
        return NULL;
    plan **bucket = &c->bucket[g->hash % BUCKETS];
    for (plan *p = *bucket; p; p = p->next)
        if (p->hash == g->hash && p->key_words == g->key_words && !memcmp(p->key, g->key, (size_t)g->key_words * sizeof *p->key)) {
            p->used = ++c->clock;
            return p;
        }
    plan *p = plan_make(g);
    if (!p)
        return NULL;
    if (c->count == PLANS)
        drop_oldest(c);
    c->count++;
    p->used = ++c->clock;
    bucket = &c->bucket[g->hash % BUCKETS];
    p->next = *bucket;
    return *bucket = p;
}
