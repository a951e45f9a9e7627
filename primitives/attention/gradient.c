/* Attention, gradient: with w = 2^(score - logsumexp), the weights computed again,
 *
 *     dv = w^T d_o,   s = w * (d_o v^T - mean),   dq = scale s k,   dk = scale s^T q,   mean = sum of o * d_o of a query
 *
 * all five products once for each block of keys and group of queries (Dao et al., 2022, algorithm 4). A task has all queries
 * that read a run of keys, so that dk and dv are its own; it goes through them in order. One run is all keys of a head,
 * unless there are few heads: then dq is summed from the runs' parts, in order. */
#include "primitives/attention/attention.h"

#include "base/error.h"
#include "base/pool.h"
#include "primitives/apart.h"
#include "primitives/slots.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    PANELS = 2,                         /* of queries at a time: longer chains for dk and dv */
    ENOUGH_TASKS = 8,                   /* heads that need not be cut into runs of keys */
    MOST_RUNS = 8
};

typedef struct job {
    attention a;
    const void *q, *k, *v, *o, *logsumexp, *d_o;
    void *dq, *dk, *dv;
    int64_t group, block, run, runs;    /* queries and keys at a time; keys of a run */
    int64_t wide, value_wide;           /* widths in whole panels */
    /* Offsets within a slot, in bytes. ..._panel: across lanes; ..._rows: as rows, filled up to whole panels. */
    int64_t q_panel, o_panel, q_rows, o_rows, scores, slopes, dq_panel, log2_sum, mean, ones, bias, key_rows, value_rows, lines, dk_sums,
        dv_sums, slot_bytes, part_bytes;
    char *parts, *slots;
} job;

static job plan(const attention *a)
{
    const cairn_attention *d = &a->d;
    const int64_t e = a->kernel->element_bytes, panel = a->kernel->panel, heads = d->batch * d->kv_heads;
    const int64_t widest = larger(d->width, d->value_width);
    job j = {.a = *a, .group = PANELS * panel, .block = a->kernel->block / PANELS};
    j.runs = heads >= ENOUGH_TASKS ? 1 : larger(smaller(ceil_div(ENOUGH_TASKS, larger(heads, 1)), ceil_div(d->keys, 4 * j.block)), 1);
    j.runs = smaller(j.runs, MOST_RUNS);
    j.run = round_up(ceil_div(larger(d->keys, 1), j.runs), j.block);
    j.runs = larger(ceil_div(d->keys, j.run), 1);
    j.wide = round_up(d->width, panel);
    j.value_wide = round_up(d->value_width, panel);
    int64_t *at = &j.slot_bytes;
    j.q_panel = attention_cut(at, j.group * d->width, e);
    j.o_panel = attention_cut(at, j.group * d->value_width, e);
    j.q_rows = attention_cut(at, j.group * j.wide, e);
    j.o_rows = attention_cut(at, j.group * j.value_wide, e);
    j.scores = attention_cut(at, j.group * j.block, e);
    j.slopes = attention_cut(at, j.group * j.block, e);
    j.dq_panel = attention_cut(at, j.group * d->width, e);
    j.log2_sum = attention_cut(at, j.group, e);
    j.mean = attention_cut(at, j.group, e);
    j.ones = attention_cut(at, panel, e);
    j.bias = attention_cut(at, d->mask ? panel * j.block : 0, e);
    j.key_rows = attention_cut(at, a->half ? j.block * d->width : 0, e);
    j.value_rows = attention_cut(at, a->half ? j.block * d->value_width : 0, e);
    j.lines = attention_cut(at, panel * widest, e);
    j.dk_sums = attention_cut(at, j.run * j.wide, e);
    j.dv_sums = attention_cut(at, j.run * j.value_wide, e);
    if (j.runs > 1)
        attention_cut(&j.part_bytes, d->batch * d->heads * d->queries * d->width, e);
    return j;
}

static int64_t tasks_of(const job *j) { return j->a.d.batch * j->a.d.kv_heads * j->runs; }

/* ---- Loading a group of queries -------------------------------------------------------------------*/

/* A group of queries and its panels; those that see a key of the block are first ... end - 1. The rows of q and d_o: the
 * user's own where they fill whole panels, else copies with zeros behind them. */
typedef struct group {
    attention_panel all, part[PANELS];
    int first, end;
    const char *q, *d_o;
    int64_t q_step, o_step;
} group;

static const char *whole_rows(const job *j, const attention_panel *p, const void *base, const cairn_attention_rows *r, int64_t width,
                              int64_t wide, char *room, int64_t *step)
{
    const int64_t e = j->a.kernel->element_bytes;
    *step = r->row;
    if (!j->a.half && width == wide && p->count == j->group)
        return attention_row(&j->a, base, r, p->batch, p->head, p->first);
    *step = wide;
    memset(room, 0, (size_t)(j->group * wide * e));
    for (int64_t i = 0; i < p->count; i++)
        j->a.kernel->widen(j->a.d.type, width, attention_row(&j->a, base, r, p->batch, p->head, p->first + i), 1, room + i * wide * e);
    return room;
}

/* Rows to panels, queries across lanes. */
static void gather(const job *j, const attention_panel *p, const char *rows, int64_t step, int64_t width, double scale, char *panels)
{
    const int64_t e = j->a.kernel->element_bytes, panel = j->a.kernel->panel;
    const void *from[64];
    for (int64_t h = 0; h < PANELS; h++) {
        const int64_t count = larger(smaller(p->count - h * panel, panel), 0);
        for (int64_t i = 0; i < count; i++)
            from[i] = rows + (h * panel + i) * step * e;
        j->a.kernel->gather((int)count, width, from, scale, panels + h * panel * width * e);
    }
}

/* mean = o . d_o of each query; the forward pass's sums, as powers of two. A query that sees nothing, its sum -infinity
 * or -FLT_MAX, has no weights: 2^(score - infinity). */
static void load_sums(const job *j, const group *g, char *slot)
{
    const attention *a = &j->a;
    const cairn_attention *d = &a->d;
    const attention_panel *p = &g->all;
    const int64_t e = a->kernel->element_bytes, panel = a->kernel->panel;
    memset(slot + j->mean, 0, (size_t)(j->group * e));
    for (int64_t i = 0; i < j->group; i++) {
        double sum = -INFINITY;
        if (i < p->count)
            sum = attention_get(a, j->logsumexp, (p->batch * d->heads + p->head) * d->queries + p->first + i);
        attention_set(a, slot + j->log2_sum, i, sum <= -FLT_MAX ? INFINITY : sum * LOG2_E);
    }
    for (int64_t i = 0; i < p->count; i += panel) {
        const int64_t count = smaller(panel, p->count - i);
        int64_t step;
        const void *o = attention_rows(a, j->o, &d->o, p->batch, p->head, p->first + i, count, d->value_width, slot + j->lines, &step);
        a->kernel->dots(count, d->value_width, o, step, g->d_o + i * g->o_step * e, g->o_step, slot + j->mean + i * e);
    }
}

static void load(const job *j, group *g, char *slot)
{
    const cairn_attention *d = &j->a.d;
    g->q = whole_rows(j, &g->all, j->q, &d->q, d->width, j->wide, slot + j->q_rows, &g->q_step);
    g->d_o = whole_rows(j, &g->all, j->d_o, &d->d_o, d->value_width, j->value_wide, slot + j->o_rows, &g->o_step);
    gather(j, &g->all, g->q, g->q_step, d->width, d->scale * LOG2_E, slot + j->q_panel);
    gather(j, &g->all, g->d_o, g->o_step, d->value_width, 1, slot + j->o_panel);
    load_sums(j, g, slot);
}

/* ---- One block of keys against one group of queries -----------------------------------------------*/

static bool sees(const attention_panel *p, int64_t key0, int64_t keys) { return p->count > 0 && p->begin < key0 + keys && p->end > key0; }

static void find_seeing(group *g, int64_t key0, int64_t keys)
{
    g->first = 0, g->end = PANELS;
    while (g->first < g->end && !sees(&g->part[g->first], key0, keys))
        g->first++;
    while (g->first < g->end && !sees(&g->part[g->end - 1], key0, keys))
        g->end--;
}

/* scores and slopes: keys x group */
static void score(const job *j, const group *g, int64_t key0, int64_t keys, char *slot, const void *k, int64_t k_step, const void *v,
                  int64_t v_step)
{
    const cairn_attention *d = &j->a.d;
    attention_kernel *kernel = j->a.kernel;
    const int64_t e = kernel->element_bytes, panel = kernel->panel;
    for (int64_t h = g->first; h < g->end; h++) {
        const attention_product s = {.a = k, .b = slot + j->q_panel + h * panel * d->width * e, .c = slot + j->scores + h * panel * e,
                                     .rows = keys, .k = d->width, .a_step = k_step, .b_step = panel, .c_step = j->group};
        const attention_product w = {.a = v, .b = slot + j->o_panel + h * panel * d->value_width * e, .c = slot + j->slopes + h * panel * e,
                                     .rows = keys, .k = d->value_width, .a_step = v_step, .b_step = panel, .c_step = j->group};
        attention_block b = {.scores = slot + j->scores + h * panel * e, .keys = keys, .step = j->group};
        b.edges = attention_edges(&j->a, &g->part[h], key0, keys, &b.low, &b.high);
        if (d->mask) {
            attention_bias(&j->a, &g->part[h], key0, keys, slot + j->bias);
            b.bias = slot + j->bias;
        }
        kernel->by_rows(&s);
        kernel->by_rows(&w);
        kernel->slope(&b, slot + j->slopes + h * panel * e, slot + j->log2_sum + h * panel * e, slot + j->mean + h * panel * e);
    }
}

/* sums (keys x wide) += weights (keys x group) rows (group x wide), over the panels that see the keys */
static void add_product(const job *j, const group *g, int64_t keys, const char *weights, const char *rows, int64_t step, int64_t wide,
                        const char *ones, char *sums)
{
    attention_kernel *kernel = j->a.kernel;
    const int64_t e = kernel->element_bytes, skip = g->first * kernel->panel;
    for (int64_t column = 0; column < wide; column += kernel->panel) {
        const attention_product p = {.a = weights + skip * e, .b = rows + (skip * step + column) * e, .c = sums + column * e, .beta = ones,
                                     .rows = keys, .k = (g->end - g->first) * kernel->panel, .a_step = j->group, .b_step = step,
                                     .c_step = wide};
        kernel->by_rows(&p);
    }
}

static void run_block(const job *j, group *g, int64_t run0, int64_t key0, int64_t keys, char *slot)
{
    const attention *a = &j->a;
    const cairn_attention *d = &a->d;
    const attention_panel *p = &g->all;
    const int64_t e = a->kernel->element_bytes, panel = a->kernel->panel;
    int64_t k_step, v_step;
    const void *k = attention_rows(a, j->k, &d->k, p->batch, p->kv_head, key0, keys, d->width, slot + j->key_rows, &k_step);
    const void *v = attention_rows(a, j->v, &d->v, p->batch, p->kv_head, key0, keys, d->value_width, slot + j->value_rows, &v_step);
    find_seeing(g, key0, keys);
    score(j, g, key0, keys, slot, k, k_step, v, v_step);
    for (int64_t h = g->first; h < g->end; h++) {
        const attention_product q = {.a = k, .b = slot + j->slopes + h * panel * e, .c = slot + j->dq_panel + h * panel * d->width * e,
                                     .beta = slot + j->ones, .rows = d->width, .k = keys, .a_step = k_step, .b_step = j->group,
                                     .c_step = panel};
        a->kernel->by_columns(&q);
    }
    add_product(j, g, keys, slot + j->scores, g->d_o, g->o_step, j->value_wide, slot + j->ones,
                slot + j->dv_sums + (key0 - run0) * j->value_wide * e);
    add_product(j, g, keys, slot + j->slopes, g->q, g->q_step, j->wide, slot + j->ones, slot + j->dk_sums + (key0 - run0) * j->wide * e);
}

/* A block ends where a panel's last key is, so that the others go on without it. */
static int64_t block_end(const job *j, const group *g, int64_t key, int64_t end)
{
    end = smaller(end, key + j->block);
    for (int h = 0; h < PANELS; h++)
        if (g->part[h].count > 0 && g->part[h].end > key)
            end = smaller(end, g->part[h].end);
    return end;
}

/* ---- dq ---------------------------------------------------------------------------------------------*/

/* Where a row of dq goes: to the user's, or to this run's part. */
static void *dq_row(const job *j, const attention_panel *p, int64_t run, int64_t i)
{
    const cairn_attention *d = &j->a.d;
    if (j->runs == 1)
        return attention_row(&j->a, j->dq, &d->dq, p->batch, p->head, p->first + i);
    return j->parts + run * j->part_bytes +
           (((p->batch * d->heads + p->head) * d->queries + p->first + i) * d->width) * j->a.kernel->element_bytes;
}

static void store_dq(const job *j, const attention_panel *p, int64_t run, char *slot)
{
    const cairn_attention *d = &j->a.d;
    attention_kernel *kernel = j->a.kernel;
    const int64_t e = kernel->element_bytes, panel = kernel->panel;
    const bool narrow = j->a.half && j->runs == 1;
    void *rows[64];
    for (int64_t i = 0; i < panel; i++)
        attention_set(&j->a, slot + j->mean, i, d->scale);
    for (int64_t h = 0; h < PANELS; h++) {
        const int64_t count = larger(smaller(p->count - h * panel, panel), 0);
        for (int64_t i = 0; i < count; i++)
            rows[i] = narrow ? slot + j->lines + i * d->width * e : dq_row(j, p, run, h * panel + i);
        kernel->scatter((int)count, d->width, slot + j->dq_panel + h * panel * d->width * e, panel, slot + j->mean, rows);
        for (int64_t i = 0; narrow && i < count; i++)
            kernel->narrow(d->type, d->width, rows[i], 1, dq_row(j, p, run, h * panel + i));
    }
    for (int64_t i = larger(p->count, 0); i < j->group && p->first + i < d->queries; i++)
        memset(dq_row(j, p, run, i), 0, (size_t)(d->width * (j->runs == 1 ? j->a.bytes : e)));
}

static void add_parts(void *context, int64_t task, int worker)
{
    const job *j = context;
    const cairn_attention *d = &j->a.d;
    const int64_t e = j->a.kernel->element_bytes;
    (void)worker;
    for (int64_t i = 0; i < d->queries; i++) {
        char *first = j->parts + (task * d->queries + i) * d->width * e;
        for (int64_t run = 1; run < j->runs; run++)
            for (int64_t c = 0; c < d->width; c++)
                attention_set(&j->a, first, c, attention_get(&j->a, first, c) + attention_get(&j->a, first + run * j->part_bytes, c));
        j->a.kernel->narrow(d->type, d->width, first, 1, attention_row(&j->a, j->dq, &d->dq, task / d->heads, task % d->heads, i));
    }
}

/* ---- A run of keys ----------------------------------------------------------------------------------*/

static void run_group(const job *j, group *g, int64_t run0, int64_t run1, char *slot)
{
    const cairn_attention *d = &j->a.d;
    const attention_panel *p = &g->all;
    const int64_t begin = larger(p->begin, run0), end = p->count > 0 ? smaller(p->end, run1) : begin;
    memset(slot + j->dq_panel, 0, (size_t)(j->group * d->width * j->a.kernel->element_bytes));
    if (begin < end)
        load(j, g, slot);
    for (int64_t key = begin, next; key < end; key = next) {
        next = block_end(j, g, key, end);
        run_block(j, g, run0, key, next - key, slot);
    }
    store_dq(j, p, run0 / j->run, slot);
}

static void store_keys(const job *j, int64_t batch, int64_t head, int64_t run0, int64_t run1, const char *slot)
{
    const cairn_attention *d = &j->a.d;
    attention_kernel *kernel = j->a.kernel;
    const int64_t e = kernel->element_bytes;
    for (int64_t i = run0; i < run1; i++) {
        kernel->narrow(d->type, d->width, slot + j->dk_sums + (i - run0) * j->wide * e, d->scale,
                       attention_row(&j->a, j->dk, &d->dk, batch, head, i));
        kernel->narrow(d->type, d->value_width, slot + j->dv_sums + (i - run0) * j->value_wide * e, 1,
                       attention_row(&j->a, j->dv, &d->dv, batch, head, i));
    }
}

static void run_task(void *context, int64_t task, int64_t slot)
{
    const job *j = context;
    const cairn_attention *d = &j->a.d;
    const int64_t e = j->a.kernel->element_bytes, head = task / j->runs, run0 = task % j->runs * j->run;
    const int64_t run1 = smaller(run0 + j->run, d->keys), share = d->heads / d->kv_heads;
    char *memory = j->slots + slot * j->slot_bytes;
    memset(memory + j->dk_sums, 0, (size_t)(j->run * j->wide * e));
    memset(memory + j->dv_sums, 0, (size_t)(j->run * j->value_wide * e));
    for (int64_t i = 0; i < j->a.kernel->panel; i++)
        attention_set(&j->a, memory + j->ones, i, 1);
    for (int64_t h = 0; h < share; h++)
        for (int64_t first = 0; first < d->queries; first += j->group) {
            const int64_t b = head / d->kv_heads, q_head = head % d->kv_heads * share + h, panel = j->a.kernel->panel;
            group g = {.all = attention_panel_at(&j->a, b, q_head, first, j->group)};
            for (int i = 0; i < PANELS; i++)
                g.part[i] = attention_panel_at(&j->a, b, q_head, first + i * panel, panel);
            run_group(j, &g, run0, run1, memory);
        }
    store_keys(j, head / d->kv_heads, head % d->kv_heads, run0, run1, memory);
}

int64_t attention_gradient_workspace(const attention *a)
{
    const job j = plan(a);
    return larger(smaller(tasks_of(&j), cairn_threads()), 1) * j.slot_bytes + j.runs * j.part_bytes + 64;
}

static cairn_status check_memory(const cairn_attention *d, const void *const in[6], void *const out[3])
{
    static const char *const names[] = {"q", "k", "v", "o", "logsumexp", "d_o", "dq", "dk", "dv"};
    for (int i = 0; i < 9; i++) {
        const bool of_keys = i == 1 || i == 2 || i == 7 || i == 8;
        if (!(i < 6 ? in[i] : out[i - 6]) && (of_keys ? d->keys : d->queries))
            return error_set(CAIRN_E_ARGUMENT, "attention gradient: %s is NULL", names[i]);
    }
    return outputs_apart("attention gradient", OUTPUTS(out[0], out[1], out[2]),
                         INPUTS(in[0], in[1], in[2], in[3], in[4], in[5], d->mask, d->query_lengths, d->key_lengths));
}

cairn_status cairn_attention_gradient(const cairn_attention *d, const void *q, const void *k, const void *v, const void *o,
                                      const void *logsumexp, const void *d_o, void *dq, void *dk, void *dv, void *workspace,
                                      int64_t workspace_bytes)
{
    attention a;
    cairn_status status = attention_check(d, &a);
    if (status || !d->batch || (!d->queries && !d->keys))
        return status;
    status = check_memory(&a.d, (const void *[]){q, k, v, o, logsumexp, d_o}, (void *[]){dq, dk, dv});
    status = status ? status : attention_distinct(&a, "dq", &a.d.dq, a.d.heads, a.d.queries, a.d.width);
    status = status ? status : attention_distinct(&a, "dk", &a.d.dk, a.d.kv_heads, a.d.keys, a.d.width);
    status = status ? status : attention_distinct(&a, "dv", &a.d.dv, a.d.kv_heads, a.d.keys, a.d.value_width);
    if (status)
        return status;
    job j = plan(&a);
    const int64_t skip = workspace ? (64 - (int64_t)((uintptr_t)workspace % 64)) % 64 : 0, before = skip + j.runs * j.part_bytes;
    const int64_t slots = workspace && workspace_bytes > before ? smaller((workspace_bytes - before) / j.slot_bytes, tasks_of(&j)) : 0;
    if (slots < 1)
        return attention_too_small(workspace ? workspace_bytes : 0, j.slot_bytes + before);
    j.q = q, j.k = k, j.v = v, j.o = o, j.logsumexp = logsumexp, j.d_o = d_o, j.dq = dq, j.dk = dk, j.dv = dv;
    j.parts = (char *)workspace + skip;
    j.slots = j.parts + j.runs * j.part_bytes;
    slots_run(tasks_of(&j), slots, run_task, &j);
    if (j.runs > 1)
        pool_run(a.d.batch * a.d.heads, add_parts, &j);
    return CAIRN_OK;
}
