/* Running a plan: memory, kernels, and the results to their values. Nothing of the graph changes before all kernels have succeeded. */
#include "framework/exec/exec.h"
#include "base/trace.h"
#include <string.h>

/* ---- Donors: leaves whose buffers results may take
 *
 * A leaf gives its buffer when nothing can look at it after this evaluation: no handle, no other holder of the buffer, and
 * every reader within this graph either gets its own buffer and drops its inputs, or cannot be looked at either. */

static bool lets_go(const value *v, bool has_buffer)
{
    bool history = v->flags & V_REQUIRES_GRAD && !v->leaf && !(v->flags & V_BACKWARD_DONE);
    return has_buffer && !history;
}

/* held[i]: something may still read i after the run. */
static void find_held(const plan *p, const pending *g, uint8_t *held)
{
    memset(held, 0, (size_t)g->count);
    enum { HELD = 1, BUFFER = 2 };
    for (int32_t k = 0; k < p->keep_count; k++)  /* of its own: a view of a leaf will look at the leaf's */
        held[p->keeps[k].value] |= p->slots[p->keeps[k].slot].kind == SLOT_LEAF ? 0 : BUFFER;
    for (int32_t i = g->count - 1; i >= 0; i--) {
        const value *v = g->at[i];
        if (atomic_load_explicit(&v->refs, memory_order_relaxed) > g->edges[i])
            held[i] |= HELD;
        if (value_is_evaluated(v) || !(held[i] & HELD) || lets_go(v, held[i] & BUFFER))
            continue;
        for (int k = 0; k < v->n_in; k++)
            held[v->in[k]->exec_index] |= HELD;
    }
    for (int32_t i = 0; i < g->count; i++)
        held[i] &= HELD;
}

static bool gives(const value *v)
{
    return !v->data->release && v->offset == 0 && atomic_load(&v->data->refs) == 1 && v->data->bytes == value_bytes(v);
}

/* ---- Memory */

static void release_outputs(plan *p)
{
    for (int32_t i = 0; i < p->slot_count; i++)
        if (p->buffers[i]) {
            buffer_unref(p->buffers[i]);
            p->buffers[i] = NULL;
        }
}

static bool take_outputs(plan *p, const pending *g, const uint8_t *held)
{
    for (int32_t i = 0; i < p->slot_count; i++) {
        slot *s = &p->slots[i];
        if (s->kind == SLOT_LEAF) {
            const value *v = g->at[s->value];
            p->pointers[i] = (char *)v->data->data + v->offset * cairn_dtype_bytes(v->type);
        } else if (s->kind == SLOT_OUTPUT) {
            int32_t donor = s->donor == NOWHERE ? NOWHERE : p->slots[s->donor].value;
            if (donor != NOWHERE && held && !held[donor] && gives(g->at[donor])) {
                buffer_ref(g->at[donor]->data);
                p->buffers[i] = g->at[donor]->data;
                buffer_forget_packed(p->buffers[i]);
            } else if (!(p->buffers[i] = buffer_new(s->bytes))) {
                return false;
            }
            p->pointers[i] = p->buffers[i]->data;
            if (s->value != NOWHERE)
                buffer_account(p->buffers[i], (op_id)g->at[s->value]->op);
        }
    }
    return true;
}

/* ---- Kernels */

typedef struct tile_context {
    const program_call *call;
    int64_t rows;                                /* of one matrix of the batch */
} tile_context;

static void run_tile(void *context, int64_t batch, int64_t row0, int64_t rows, int64_t col0, int64_t cols)
{
    const tile_context *t = context;
    program_run_tile(t->call, batch * t->rows + row0, rows, col0, cols);
}

static char *address(const plan *p, const operand *o)
{
    return (char *)p->pointers[o->slot] + o->byte_offset;
}

static void fill_call(plan *p, kernel *k, const pending *g)
{
    for (int32_t o = 0; o < k->operand_count; o++) {
        program_operand *to = &k->call.operands[o];
        if (k->operands[o].slot == NOWHERE)
            to->start = g->at[k->operands[o].value]->param.i;
        else
            to->data = address(p, &k->operands[o]);
    }
    program_value *scalars = (program_value *)k->call.scalars;
    for (int32_t i = 0; i < k->scalar_count; i++)
        scalars[i] = g->at[k->scalars[i]]->param;
}

/* The program at every position of its loop axes. */
static void run_loops(const kernel *k, void *scratch)
{
    int64_t index[CAIRN_MAX_RANK] = {0}, total = 1;
    for (int r = 0; r < k->loops; r++)
        total *= k->loop_size[r];
    for (int64_t n = 0; n < total; n++) {
        program_run(&k->call, scratch);
        for (int r = k->loops - 1; r >= 0; r--) {
            bool wraps = ++index[r] == k->loop_size[r];
            for (int32_t o = 0; o < k->operand_count; o++)
                if (k->call.operands[o].data)
                    k->call.operands[o].data = (char *)k->call.operands[o].data + k->operands[o].loop_stride[r] * (wraps ? 1 - k->loop_size[r] : 1);
                else
                    k->call.operands[o].start += k->operands[o].loop_stride[r] * (wraps ? 1 - k->loop_size[r] : 1);
            if (!wraps)
                break;
            index[r] = 0;
        }
    }
}

static const void *address_or_null(const plan *p, const operand *o) { return o->slot == NOWHERE ? NULL : address(p, o); }

static buffer *whole_leaf(const plan *p, const operand *o, const pending *g)
{
    const slot *s = &p->slots[o->slot];
    return s->kind == SLOT_LEAF && !o->byte_offset && !g->at[s->value]->offset ? g->at[s->value]->data : NULL;
}

static cairn_status run_library(plan *p, kernel *k, const pending *g)
{
    const value *v = g->at[k->library];
    for (int32_t i = 0; i < k->input_count; i++)
        k->views[i].data = address(p, &k->inputs[i]);
    k->out.data = address(p, &k->out_operand);
    op_run r = {.v = v, .in = k->views, .out = k->out, .weight = k->input_count > 1 ? whole_leaf(p, &k->inputs[1], g) : NULL};
    cairn_fused fused = k->fused;
    if (k->fuses) {
        fused.scale = address_or_null(p, &k->scale);
        fused.bias = address_or_null(p, &k->bias);
        fused.residual = address_or_null(p, &k->residual);
        r.fused = &fused;
    }
    if (k->scratch_slot != NOWHERE) {
        r.workspace = p->pointers[k->scratch_slot];
        r.workspace_bytes = p->slots[k->scratch_slot].bytes;
    }
    tile_context tile = {.call = &k->call, .rows = k->program ? k->call.size[0] : 0};
    epilogue e = {run_tile, &tile};
    if (k->program) {
        fill_call(p, k, g);
        r.epilogue = &e;
    }
    return ops[v->op].run(&r);
}

static cairn_status run_kernel(plan *p, kernel *k, const pending *g)
{
    trace_mark t = trace_begin();
    cairn_status s = CAIRN_OK;
    if (k->library != NOWHERE) {
        s = run_library(p, k, g);
    } else {
        fill_call(p, k, g);
        void *scratch = k->scratch_slot == NOWHERE ? NULL : p->pointers[k->scratch_slot];
        if (k->loops)
            run_loops(k, scratch);
        else
            program_run(&k->call, scratch);
    }
    trace_end(t, k->name, "kernel", k->read_bytes + k->write_bytes, 0);
    return s;
}

/* ---- Results */

static cairn_status keep_results(plan *p, const pending *g)
{
    cairn_status s = CAIRN_OK;
    for (int32_t i = 0; i < p->keep_count; i++) {
        const kept *k = &p->keeps[i];
        const slot *home = &p->slots[k->slot];
        value *v = g->at[k->value], *leaf = home->kind == SLOT_LEAF ? g->at[home->value] : NULL;
        buffer *b = leaf ? leaf->data : p->buffers[k->slot];
        value_set_data(v, b, k->offset + (leaf ? leaf->offset : 0), k->stride);
    }
    /* Cutting one value may drop the last reference to another: all are held meanwhile. */
    for (int32_t i = 0; i < p->keep_count; i++)
        value_ref(g->at[p->keeps[i].value]);
    for (int32_t i = 0; i < p->keep_count && exec_mode()->check_nan && !s; i++)
        s = check_finite(g->at[p->keeps[i].value]);
    for (int32_t i = 0; i < p->keep_count; i++)
        value_cut(g->at[p->keeps[i].value]);
    for (int32_t i = 0; i < p->keep_count; i++)
        value_unref(g->at[p->keeps[i].value]);
    return s;
}

cairn_status plan_run(plan *p, pending *g)
{
    uint8_t *held = NULL;
    if (p->has_donors) {
        held = g->wanted;                        /* no longer needed: its bytes serve */
        find_held(p, g, held);
    }
    int64_t arena_bytes = p->arena_bytes;
    char *arena = arena_bytes ? buffer_alloc(arena_bytes) : NULL;
    cairn_status s = arena_bytes && !arena ? CAIRN_E_MEMORY : CAIRN_OK;
    if (!s && !take_outputs(p, g, held))
        s = CAIRN_E_MEMORY;
    for (int32_t i = 0; i < p->slot_count && !s; i++)
        if (p->slots[i].kind == SLOT_TEMPORARY)
            p->pointers[i] = arena + p->slots[i].at;
    for (int32_t i = 0; i < p->kernel_count && !s; i++)
        s = run_kernel(p, &p->kernels[i], g);
    if (!s)
        s = keep_results(p, g);
    release_outputs(p);
    if (arena)
        buffer_free(arena, arena_bytes);
    return s;
}

int64_t plan_peak_bytes(plan *p, pending *g)
{
    uint8_t *held = g->wanted;
    find_held(p, g, held);
    int64_t bytes = p->arena_bytes ? buffer_rounded_bytes(p->arena_bytes) : 0;
    for (int32_t i = 0; i < p->slot_count; i++) {
        const slot *s = &p->slots[i];
        if (s->kind != SLOT_OUTPUT)
            continue;
        int32_t donor = s->donor == NOWHERE ? NOWHERE : p->slots[s->donor].value;
        if (donor == NOWHERE || held[donor] || !gives(g->at[donor]))
            bytes += buffer_rounded_bytes(s->bytes);
    }
    return bytes;
}
