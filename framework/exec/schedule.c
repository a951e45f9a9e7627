/* The schedule: which values share a kernel.
 *
 * Values are visited from last to first. Each kernel (`group`) runs at the place of its root, its last value, so any set of
 * values may share one as long as nobody outside reads a member before the root's place. When a value is visited all
 * its readers have their places, so the rule is local: a value may join the group of its earliest reader, if that
 * reader is a direct one and the shapes fit; other, later readers then get it from memory. Roots by ascending index are
 * a valid order by construction.
 *
 * Groups are of three forms. A MAP computes every member at every point of the domain. A ROW group has reductions over
 * columns; its members are of the full shape or of one element a row, so that softmax, norms and their gradients are
 * one pass. A COLUMN group is one reduction over rows, with what feeds it. */
#include "framework/exec/exec.h"
#include <string.h>

int axes_in_memory(const shape *s, bool channels_last, int *axes)
{
    static const int8_t nhwc[4] = {0, 2, 3, 1};
    int n = 0;
    for (int k = 0; k < s->rank; k++) {
        int i = channels_last && s->rank == 4 ? nhwc[k] : k;
        if (s->size[i] != 1)
            axes[n++] = i;
    }
    return n;
}

/* The reduced axes, in memory order, are the last ones: rows. They are the first, or many elements stand behind each: columns. */
kernel_form reduction_form(const value *v)
{
    const value *x = v->in[0];
    uint32_t mask = ((const attr_axes *)v->attr)->mask;
    int axes[CAIRN_MAX_RANK], n = axes_in_memory(&x->shape, x->flags & V_CHANNELS_LAST, axes);
    int64_t before = 1, behind = 1;
    bool met = false;
    for (int k = 0; k < n; k++) {
        bool reduced = mask >> axes[k] & 1;
        met |= reduced;
        if (!reduced)
            *(met ? &behind : &before) *= x->shape.size[axes[k]];
    }
    return behind > 1 && (before == 1 || behind >= 16) ? FORM_COLUMN : FORM_ROW;
}

/* ---- Where each value would live, were it stored */

/* How many instructions it takes to compute v wherever it is used; 0 when it is not made of numbers and positions
 * alone, or of too many. */
static int inlined_size(const schedule *s, const value *v)
{
    enum { MOST = 16 };
    if (v->op == OP_constant || v->op == OP_index)
        return 1;
    if (ops[v->op].kind != POINTWISE)
        return 0;
    int size = 1;
    for (int i = 0; i < v->n_in; i++) {
        int in = s->nodes[v->in[i]->exec_index].inlined;
        if (!in || (size += in) > MOST)
            return 0;
    }
    return size;
}

static void lay_out(schedule *s, int32_t i)
{
    const value *v = s->g->at[i];
    node *n = &s->nodes[i];
    *n = (node){.storage = i, .constant = NOWHERE, .group = NOWHERE, .next_member = NOWHERE, .first_use = INT32_MAX,
                .slot = NOWHERE, .ssa = -1, .ssa_kernel = -1};
    if (value_is_evaluated(v)) {
        memcpy(n->stride, v->stride, sizeof n->stride);
        return;
    }
    n->inlined = (int8_t)inlined_size(s, v);
    if (v->op == OP_constant)
        n->constant = i;
    if (ops[v->op].kind == VIEW) {
        const node *from = &s->nodes[v->in[0]->exec_index];
        int64_t offset;
        if (from->constant != NOWHERE) {
            n->constant = from->constant;
            n->inlined = 1;
        } else if (view_layout((op_id)v->op, v->attr, &v->in[0]->shape, from->stride, &v->shape, n->stride, &offset)) {
            n->storage = from->storage;
            n->offset = from->offset + offset;
            return;
        }
    }
    dense_strides(&v->shape, v->flags & V_CHANNELS_LAST, n->stride);
}

/* ---- Readers */

static bool list_consumers(schedule *s)
{
    const pending *g = s->g;
    int64_t edges = 0;
    s->consumer_start = mem_array((size_t)g->count + 1, sizeof *s->consumer_start);
    if (!s->consumer_start)
        return false;
    for (int32_t i = 0; i < g->count; i++) {
        s->consumer_start[i] = (int32_t)edges;
        edges += g->edges[i];
    }
    s->consumer_start[g->count] = (int32_t)edges;
    s->consumers = mem_array((size_t)edges + 1, sizeof *s->consumers);
    if (!s->consumers)
        return false;
    for (int32_t i = g->count - 1; i >= 0; i--) {      /* filled from the back, the starts come down to their places */
        const value *v = g->at[i];
        for (int k = 0; k < v->n_in && !value_is_evaluated(v); k++)
            s->consumers[--s->consumer_start[v->in[k]->exec_index + 1]] = i;
    }
    memmove(s->consumer_start, s->consumer_start + 1, (size_t)g->count * sizeof *s->consumer_start);
    s->consumer_start[g->count] = (int32_t)edges;
    return true;
}

static bool is_alias(const schedule *s, int32_t i)
{
    return s->nodes[i].storage != i;
}

/* The earliest place that reads i; *direct: only direct readers of one group read there. A reader that is computed
 * wherever it is used has no place of its own. What a library operation reads must lie in memory before its group runs. */
static int32_t first_reader(const schedule *s, int32_t i, bool *direct)
{
    int32_t first = INT32_MAX;
    *direct = true;
    for (int32_t k = s->consumer_start[i]; k < s->consumer_start[i + 1]; k++) {
        int32_t c = s->consumers[k];
        const node *n = &s->nodes[c];
        bool through_view = is_alias(s, c) || (n->group != NOWHERE && s->groups[n->group].library == c);
        int32_t use = is_alias(s, c) ? n->first_use : n->group == NOWHERE ? INT32_MAX : s->groups[n->group].root;
        if (use < first) {
            first = use;
            *direct = !through_view;
        } else if (use == first && through_view) {
            *direct = false;
        }
    }
    return first;
}

/* ---- Groups */

static int32_t group_new(schedule *s, int32_t root, kernel_form form)
{
    const value *v = s->g->at[root];
    group *gr = &s->groups[s->count];
    *gr = (group){.form = form, .root = root, .first_member = root, .members = 1, .operands = v->n_in + 1, .library = NOWHERE,
                  .domain = v->shape, .channels_last = v->flags & V_CHANNELS_LAST};
    if (form == FORM_ROW || form == FORM_COLUMN) {
        gr->domain = v->in[0]->shape;
        gr->reduced = ((const attr_axes *)v->attr)->mask;
        gr->channels_last = v->in[0]->flags & V_CHANNELS_LAST;
    }
    if (form == FORM_COPY) {
        gr->domain = v->in[0]->shape;
        gr->channels_last = false;
    }
    s->nodes[root].group = s->count;
    s->nodes[root].stored = true;
    return s->count++;
}

static shape row_shape(const group *gr)
{
    shape r = gr->domain;
    for (int i = 0; i < r.rank; i++)
        if (gr->reduced >> i & 1)
            r.size[i] = 1;
    return r;
}

/* Rows longer than a cache holds are read again for what follows their reduction, and one row is one thread's work: such
 * a reduction stays alone. */
enum { LONG_ROW = 1 << 15 };

static bool feeds_full_members(const schedule *s, const group *gr, int32_t i)
{
    for (int32_t k = s->consumer_start[i]; k < s->consumer_start[i + 1]; k++) {
        int32_t c = s->consumers[k];
        if (s->nodes[c].group == gr - s->groups && shape_equal(&s->g->at[c]->shape, &s->g->at[i]->in[0]->shape))
            return true;
    }
    return false;
}

static int64_t row_length(const value *v)
{
    return shape_numel(&v->shape) ? shape_numel(&v->in[0]->shape) / shape_numel(&v->shape) : 0;
}

/* A reduction fits a group over its input's shape, or turns a map over its result into rows. */
static bool reduction_fits(const schedule *s, group *gr, int32_t i)
{
    const value *v = s->g->at[i];
    uint32_t mask = ((const attr_axes *)v->attr)->mask;
    if (reduction_form(v) != FORM_ROW || (row_length(v) > LONG_ROW && feeds_full_members(s, gr, i)))
        return false;
    if (gr->form == FORM_ROW)
        return mask == gr->reduced && shape_equal(&v->in[0]->shape, &gr->domain);
    if (gr->library != NOWHERE)
        return false;
    if (!shape_equal(&v->in[0]->shape, &gr->domain)) {
        if (!shape_equal(&v->shape, &gr->domain))
            return false;
        gr->domain = v->in[0]->shape;
    }
    gr->form = FORM_ROW;
    gr->reduced = mask;
    gr->channels_last = v->in[0]->flags & V_CHANNELS_LAST;
    return true;
}

/* The row reduction over the domain that v, of one element a row, is made of; NULL when there is none within `depth` steps. */
static const value *made_of_rows(const schedule *s, const group *gr, const value *v, int depth)
{
    for (int i = 0; i < v->n_in && depth > 0 && !value_is_evaluated(v); i++) {
        const value *in = v->in[i];
        if (value_is_evaluated(in) || !shape_equal(&in->shape, &v->shape))
            continue;
        bool reduces = ops[in->op].kind == REDUCTION && shape_equal(&in->in[0]->shape, &gr->domain);
        if (reduces && reduction_form(in) == FORM_ROW && row_length(in) <= LONG_ROW)
            return in;
        const value *found = ops[in->op].kind == POINTWISE ? made_of_rows(s, gr, in, depth - 1) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

/* A map that uses such a value becomes rows: so the root of a norm joins what it scales. */
static bool becomes_rows(const schedule *s, group *gr, const value *v)
{
    enum { DEPTH = 6 };
    if (gr->form != FORM_MAP || gr->library != NOWHERE || v->shape.rank != gr->domain.rank)
        return false;
    const value *reduction = made_of_rows(s, gr, v, DEPTH);
    if (!reduction)
        return false;
    gr->form = FORM_ROW;
    gr->reduced = ((const attr_axes *)reduction->attr)->mask;
    gr->channels_last = reduction->in[0]->flags & V_CHANNELS_LAST;
    return true;
}

static bool pointwise_fits(const schedule *s, group *gr, const value *v)
{
    if (shape_equal(&v->shape, &gr->domain) || becomes_rows(s, gr, v))
        return true;
    if (gr->form != FORM_ROW)
        return false;
    shape r = row_shape(gr);
    return shape_equal(&v->shape, &r);
}

static int stored_members(const schedule *s, const group *gr)
{
    int stored = 0;
    for (int32_t i = gr->first_member; i != NOWHERE; i = s->nodes[i].next_member)
        stored += s->nodes[i].stored;
    return stored;
}

/* A library operation takes the map that reads it as its epilogue when the result has its own type and memory order. */
static bool epilogue_fits(const schedule *s, const group *gr, const value *v)
{
    const value *root = s->g->at[gr->root];
    if (!(ops[v->op].flags & EPILOGUE) || gr->form != FORM_MAP || gr->library != NOWHERE || !shape_equal(&v->shape, &gr->domain))
        return false;
    if (stored_members(s, gr) > 1)
        return false;                    /* an optimizer's step: better in place of its operands, apart */
    if (root->type != v->type || (root->flags ^ v->flags) & V_CHANNELS_LAST || shape_numel(&v->shape) == 0)
        return false;
    if (v->op != OP_matmul)
        return true;
    const value *x = v->in[0], *w = v->in[1];          /* one matrix: rows of x, the same w for all */
    const node *nx = &s->nodes[x->exec_index];
    value as_stored = {.shape = x->shape};
    memcpy(as_stored.stride, nx->stride, sizeof nx->stride);
    return w->shape.rank == 2 && (x->shape.rank == 2 || value_is_dense(&as_stored, false));
}

static bool fits(schedule *s, group *gr, int32_t i)
{
    const value *v = s->g->at[i];
    if (gr->form != FORM_MAP && gr->form != FORM_ROW && gr->form != FORM_COLUMN)
        return false;
    if (gr->members >= MAX_MEMBERS || gr->operands + v->n_in + 1 > PROGRAM_MAX_OPERANDS - 8)
        return false;
    switch (ops[v->op].kind) {
    case POINTWISE:
        return gr->form == FORM_COLUMN ? shape_equal(&v->shape, &gr->domain) : pointwise_fits(s, gr, v);
    case REDUCTION:
        return gr->form != FORM_COLUMN && reduction_fits(s, gr, i);
    default:
        return false;
    }
}

static void join(schedule *s, int32_t group_index, int32_t i)
{
    group *gr = &s->groups[group_index];
    s->nodes[i].group = group_index;
    s->nodes[i].next_member = gr->first_member;
    gr->first_member = i;
    gr->members++;
    gr->operands += s->g->at[i]->n_in + 1;
}

/* Somebody reads i from memory: another group than its own, a view, or the user. */
static bool read_from_memory(const schedule *s, int32_t i)
{
    if (s->g->wanted[i] & TARGET)
        return true;
    for (int32_t k = s->consumer_start[i]; k < s->consumer_start[i + 1]; k++) {
        int32_t c = s->consumers[k];
        if (is_alias(s, c) ? s->nodes[c].first_use != INT32_MAX || s->nodes[c].stored : s->nodes[c].group != s->nodes[i].group)
            return true;
    }
    return false;
}

static kernel_form form_of(const value *v)
{
    switch (ops[v->op].kind) {
    case REDUCTION:
        return reduction_form(v);
    case LIBRARY:
        return FORM_LIBRARY;
    case VIEW:
        return FORM_COPY;
    default:
        return FORM_MAP;
    }
}

/* An inlined value needs memory when a library operation or a view reads it, or the user. */
static bool inlined_needs_memory(const schedule *s, int32_t i)
{
    if (s->g->wanted[i] & TARGET)
        return true;
    for (int32_t k = s->consumer_start[i]; k < s->consumer_start[i + 1]; k++) {
        int32_t c = s->consumers[k];
        const node *n = &s->nodes[c];
        kernel_form form = n->group == NOWHERE ? FORM_MAP : s->groups[n->group].form;
        bool library = n->group != NOWHERE && (form == FORM_LIBRARY || s->groups[n->group].library == c || form == FORM_COPY);
        if (library || (is_alias(s, c) && (n->first_use != INT32_MAX || n->stored)))
            return true;
    }
    return false;
}

static void visit(schedule *s, int32_t i)
{
    const value *v = s->g->at[i];
    node *n = &s->nodes[i];
    bool direct;
    int32_t first = first_reader(s, i, &direct);
    n->first_use = first;
    if (value_is_evaluated(v))
        return;
    if (is_alias(s, i)) {
        n->stored = s->g->wanted[i] & TARGET;
        for (int32_t k = s->consumer_start[i]; k < s->consumer_start[i + 1]; k++)
            n->stored |= is_alias(s, s->consumers[k]) && s->nodes[s->consumers[k]].stored;
        return;
    }
    if (n->inlined) {
        if (inlined_needs_memory(s, i))
            group_new(s, i, FORM_MAP);
        return;
    }
    if (first != INT32_MAX && direct) {
        int32_t reader = NOWHERE;
        for (int32_t k = s->consumer_start[i]; k < s->consumer_start[i + 1] && reader == NOWHERE; k++) {
            int32_t gi = s->nodes[s->consumers[k]].group;
            if (gi != NOWHERE && s->groups[gi].root == first)
                reader = gi;
        }
        if (reader != NOWHERE && fits(s, &s->groups[reader], i)) {
            join(s, reader, i);
            n->stored = read_from_memory(s, i);
            return;
        }
        if (reader != NOWHERE && epilogue_fits(s, &s->groups[reader], v)) {
            n->group = reader;
            if (!read_from_memory(s, i)) {
                s->groups[reader].library = i;
                return;
            }
        }
    }
    group_new(s, i, form_of(v));
}

cairn_status schedule_make(schedule *s, const pending *g)
{
    *s = (schedule){.g = g};
    s->nodes = mem_array((size_t)g->count + 1, sizeof *s->nodes);
    s->groups = mem_array((size_t)g->count + 1, sizeof *s->groups);
    if (!s->nodes || !s->groups || !list_consumers(s)) {
        schedule_free(s);
        return CAIRN_E_MEMORY;
    }
    for (int32_t i = 0; i < g->count; i++)
        lay_out(s, i);
    for (int32_t i = g->count - 1; i >= 0; i--)
        visit(s, i);
    return CAIRN_OK;
}

void schedule_free(schedule *s)
{
    mem_free(s->nodes);
    mem_free(s->groups);
    mem_free(s->consumer_start);
    mem_free(s->consumers);
    *s = (schedule){0};
}
