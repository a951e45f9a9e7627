/* Attention, forward: a panel of queries meets the keys it sees, block by block, with a running maximum and sum. */
#include "primitives/attention/attention.h"

#include "base/error.h"
#include "primitives/apart.h"
#include "primitives/slots.h"

#include <math.h>
#include <string.h>

enum {
    FEW = 4,                            /* this many queries go one by one */
    LONE_BLOCK = 512,                   /* keys of a block for one query */
    TASK_WORK = 1 << 20                 /* multiplications that are worth a task */
};

typedef struct job {
    attention a;
    const void *q, *k, *v;
    void *o, *logsumexp;
    bool lone;
    int64_t block, panel;               /* keys and queries at a time */
    int64_t panels, unit;               /* of a head; of a task */
    /* Offsets within a slot, in bytes */
    int64_t queries, scores, sums, top, sum, shrink, bias, key_rows, value_rows, lines, slot_bytes;
    char *workspace;
} job;

static job plan(const attention *a)
{
    const cairn_attention *d = &a->d;
    attention_kernel *kernel = a->kernel;
    const int64_t e = kernel->element_bytes, wide = larger(d->width, d->value_width);
    job j = {.a = *a, .lone = d->queries <= FEW};
    j.panel = j.lone ? 1 : kernel->panel;
    j.block = j.lone ? LONE_BLOCK : kernel->block;
    j.panels = ceil_div(d->queries, j.panel);
    const double work = (double)j.panel * (double)larger(d->keys, 1) * (double)(d->width + d->value_width);
    j.unit = work > TASK_WORK ? 1 : (int64_t)(TASK_WORK / work);
    j.queries = attention_cut(&j.slot_bytes, j.panel * d->width, e);
    j.scores = attention_cut(&j.slot_bytes, j.panel * j.block, e);
    j.sums = attention_cut(&j.slot_bytes, j.panel * d->value_width, e);
    j.top = attention_cut(&j.slot_bytes, j.panel, e);
    j.sum = attention_cut(&j.slot_bytes, j.panel, e);
    j.shrink = attention_cut(&j.slot_bytes, j.panel, e);
    j.bias = attention_cut(&j.slot_bytes, d->mask ? kernel->panel * j.block : 0, e);
    j.key_rows = attention_cut(&j.slot_bytes, a->half ? j.block * d->width : 0, e);
    j.value_rows = attention_cut(&j.slot_bytes, a->half ? j.block * d->value_width : 0, e);
    j.lines = attention_cut(&j.slot_bytes, a->half ? kernel->panel * wide : 0, e);
    return j;
}

static int64_t tasks_of(const job *j) { return ceil_div(j->a.d.batch * j->a.d.heads * j->panels, j->unit); }

/* ---- Results ------------------------------------------------------------------------------------*/

static void store_logsumexp(const job *j, const attention_panel *p, int64_t i, double top, double sum)
{
    const cairn_attention *d = &j->a.d;
    if (j->logsumexp)
        attention_set(&j->a, j->logsumexp, (p->batch * d->heads + p->head) * d->queries + p->first + i,
                   sum == 0 ? -INFINITY : (top + log2(sum)) * LN_2);
}

static void store_nothing(const job *j, const attention_panel *p, int64_t from)
{
    const cairn_attention *d = &j->a.d;
    for (int64_t i = larger(from, 0); i < j->panel && p->first + i < d->queries; i++) {
        memset(attention_row(&j->a, j->o, &d->o, p->batch, p->head, p->first + i), 0, (size_t)(d->value_width * j->a.bytes));
        store_logsumexp(j, p, i, 0, 0);
    }
}

/* ---- A panel of queries ---------------------------------------------------------------------------*/

static void load_queries(const job *j, const attention_panel *p, char *slot)
{
    const attention *a = &j->a;
    const cairn_attention *d = &a->d;
    const void *rows[64];
    int64_t step;
    const char *q = attention_rows(a, j->q, &d->q, p->batch, p->head, p->first, p->count, d->width, slot + j->lines, &step);
    for (int64_t i = 0; i < p->count; i++)
        rows[i] = q + i * step * a->kernel->element_bytes;
    a->kernel->gather((int)p->count, d->width, rows, d->scale * LOG2_E, slot + j->queries);
}

static void store_queries(const job *j, const attention_panel *p, char *slot)
{
    const attention *a = &j->a;
    const cairn_attention *d = &a->d;
    attention_kernel *kernel = a->kernel;
    void *rows[64];
    for (int64_t i = 0; i < p->count; i++) {
        const double sum = attention_get(&j->a, slot + j->sum, i);
        store_logsumexp(j, p, i, attention_get(&j->a, slot + j->top, i), sum);
        attention_set(&j->a, slot + j->shrink, i, sum == 0 ? 0 : 1 / sum);
        rows[i] = a->half ? slot + j->lines + i * d->value_width * kernel->element_bytes
                          : attention_row(a, j->o, &d->o, p->batch, p->head, p->first + i);
    }
    kernel->scatter((int)p->count, d->value_width, slot + j->sums, kernel->panel, slot + j->shrink, rows);
    for (int64_t i = 0; a->half && i < p->count; i++)
        kernel->narrow(d->type, d->value_width, rows[i], 1, attention_row(a, j->o, &d->o, p->batch, p->head, p->first + i));
}

static void run_block(const job *j, const attention_panel *p, int64_t key0, int64_t keys, char *slot)
{
    const attention *a = &j->a;
    const cairn_attention *d = &a->d;
    attention_product s = {.b = slot + j->queries, .c = slot + j->scores, .rows = keys, .k = d->width, .b_step = j->panel, .c_step = j->panel};
    attention_product o = {.b = slot + j->scores, .c = slot + j->sums, .beta = key0 == p->begin ? NULL : slot + j->shrink, .rows = d->value_width, .k = keys,
                           .b_step = j->panel, .c_step = j->panel};
    s.a = attention_rows(a, j->k, &d->k, p->batch, p->kv_head, key0, keys, d->width, slot + j->key_rows, &s.a_step);
    o.a = attention_rows(a, j->v, &d->v, p->batch, p->kv_head, key0, keys, d->value_width, slot + j->value_rows, &o.a_step);
    attention_block b = {.scores = slot + j->scores, .keys = keys, .step = j->panel};
    b.edges = attention_edges(a, p, key0, keys, &b.low, &b.high);
    if (d->mask) {
        attention_bias(a, p, key0, keys, slot + j->bias);
        b.bias = slot + j->bias;
    }
    a->kernel->by_rows(&s);
    a->kernel->weigh(&b, slot + j->top, slot + j->sum, slot + j->shrink);
    a->kernel->by_columns(&o);
}

static void run_panel(const job *j, const attention_panel *p, char *slot)
{
    const cairn_attention *d = &j->a.d;
    if (p->begin == p->end)
        memset(slot + j->sums, 0, (size_t)(j->panel * d->value_width * j->a.kernel->element_bytes));
    for (int64_t i = 0; i < j->panel; i++) {
        attention_set(&j->a, slot + j->top, i, -INFINITY);
        attention_set(&j->a, slot + j->sum, i, 0);
    }
    load_queries(j, p, slot);
    for (int64_t key = p->begin; key < p->end; key += j->block)
        run_block(j, p, key, smaller(j->block, p->end - key), slot);
    store_queries(j, p, slot);
}

/* ---- One query ------------------------------------------------------------------------------------*/

static void add_bias(const job *j, const attention_panel *p, int64_t key0, int64_t keys, char *slot)
{
    const int panel = j->a.kernel->panel;
    attention_bias(&j->a, p, key0, keys, slot + j->bias);
    for (int64_t i = 0; i < keys; i++)
        attention_set(&j->a, slot + j->scores, i, attention_get(&j->a, slot + j->scores, i) + attention_get(&j->a, slot + j->bias, i * panel));
}

static void run_query(const job *j, const attention_panel *p, char *slot)
{
    const attention *a = &j->a;
    const cairn_attention *d = &a->d;
    attention_kernel *kernel = a->kernel;
    void *row = attention_row(a, j->o, &d->o, p->batch, p->head, p->first);
    memset(slot + j->sums, 0, (size_t)(d->value_width * kernel->element_bytes));
    attention_set(&j->a, slot + j->top, 0, -INFINITY);
    attention_set(&j->a, slot + j->sum, 0, 0);
    kernel->widen(d->type, d->width, attention_row(a, j->q, &d->q, p->batch, p->head, p->first), d->scale * LOG2_E, slot + j->queries);
    for (int64_t key = p->begin; key < p->end; key += j->block) {
        const int64_t keys = smaller(j->block, p->end - key);
        int64_t k_step, v_step;
        const void *k = attention_rows(a, j->k, &d->k, p->batch, p->kv_head, key, keys, d->width, slot + j->key_rows, &k_step);
        const void *v = attention_rows(a, j->v, &d->v, p->batch, p->kv_head, key, keys, d->value_width, slot + j->value_rows, &v_step);
        kernel->dots(keys, d->width, slot + j->queries, 0, k, k_step, slot + j->scores);
        if (d->mask)
            add_bias(j, p, key, keys, slot);
        const double shrink = kernel->weigh_one(keys, slot + j->scores, slot + j->top, slot + j->sum);
        kernel->combine(keys, d->value_width, slot + j->scores, v, v_step, shrink, slot + j->sums);
    }
    const double sum = attention_get(&j->a, slot + j->sum, 0);
    store_logsumexp(j, p, 0, attention_get(&j->a, slot + j->top, 0), sum);
    kernel->narrow(d->type, d->value_width, slot + j->sums, sum == 0 ? 0 : 1 / sum, row);
}

/* ---- All ------------------------------------------------------------------------------------------*/

/* The last panels of a head come first: under a causal mask they have the most to do. */
static void run_task(void *context, int64_t task, int64_t slot)
{
    const job *j = context;
    const cairn_attention *d = &j->a.d;
    char *memory = j->workspace + slot * j->slot_bytes;
    const int64_t end = smaller((task + 1) * j->unit, d->batch * d->heads * j->panels);
    for (int64_t i = task * j->unit; i < end; i++) {
        const int64_t head = i / j->panels, panel = j->panels - 1 - i % j->panels;
        const attention_panel p = attention_panel_at(&j->a, head / d->heads, head % d->heads, panel * j->panel, j->panel);
        store_nothing(j, &p, p.count);
        if (p.count > 0)
            (j->lone ? run_query : run_panel)(j, &p, memory);
    }
}

int64_t attention_forward_workspace(const attention *a)
{
    const job j = plan(a);
    return larger(smaller(tasks_of(&j), cairn_threads()), 1) * j.slot_bytes + 64;
}

static cairn_status check_memory(const cairn_attention *d, const void *q, const void *k, const void *v, const void *o, const void *logsumexp)
{
    if (!q || !o || (d->keys && (!k || !v)))
        return error_set(CAIRN_E_ARGUMENT, "attention: an operand is NULL: q %p, k %p, v %p, o %p", q, k, v, o);
    return outputs_apart("attention", OUTPUTS(o, logsumexp), INPUTS(q, k, v, d->mask, d->query_lengths, d->key_lengths));
}

cairn_status cairn_attention_forward(const cairn_attention *d, const void *q, const void *k, const void *v, void *o, void *logsumexp,
                                     void *workspace, int64_t workspace_bytes)
{
    attention a;
    cairn_status status = attention_check(d, &a);
    if (status || !d->batch || !d->queries)
        return status;
    status = check_memory(&a.d, q, k, v, o, logsumexp);
    status = status ? status : attention_distinct(&a, "o", &a.d.o, a.d.heads, a.d.queries, a.d.value_width);
    if (status)
        return status;
    job j = plan(&a);
    const int64_t skip = workspace ? (64 - (int64_t)((uintptr_t)workspace % 64)) % 64 : 0;
    const int64_t slots = workspace && workspace_bytes > skip ? smaller((workspace_bytes - skip) / j.slot_bytes, tasks_of(&j)) : 0;
    if (slots < 1)
        return attention_too_small(workspace ? workspace_bytes : 0, j.slot_bytes + skip);
    j.q = q, j.k = k, j.v = v, j.o = o, j.logsumexp = logsumexp;
    j.workspace = (char *)workspace + skip;
    slots_run(tasks_of(&j), slots, run_task, &j);
    return CAIRN_OK;
}
