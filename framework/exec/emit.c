/* Emitting: each group of the schedule as a program, or as a library call with or without an epilogue: as data where it can be said so,
 * else a program.
 *
 * The axes of a program are those of the group's domain in memory order; for rows the reduced ones are merged into
 * the last, for columns the ones behind them are, and the ones before them become loops around the program. An operand
 * whose strides cannot be merged so is copied first. */
#include "framework/exec/exec.h"
#include <stdio.h>
#include <string.h>

extern const uint8_t op_instruction[OP_COUNT];

/* A run of domain axes that is one axis of the program. */
typedef struct axis_run {
    int first, count;                        /* in `order` */
    int64_t size;
} axis_run;

typedef struct emitter {
    plan *p;
    schedule *s;
    const group *gr;
    kernel *k;
    int32_t kernel_index;
    int order[CAIRN_MAX_RANK], axes;         /* of the domain, in the order that runs refer to */
    axis_run runs[CAIRN_MAX_RANK];
    int run_count, loops;                    /* the first `loops` runs are around the program */
    bool failed;
} emitter;

static const value *at(const emitter *e, int32_t i) { return e->s->g->at[i]; }

/* ---- Axes */

static void add_run(emitter *e, int first, int count)
{
    axis_run r = {first, count, 1};
    for (int i = first; i < first + count; i++)
        r.size *= e->gr->domain.size[e->order[i]];
    e->runs[e->run_count++] = r;
}

static bool is_reduced(const emitter *e, int i) { return e->gr->reduced >> e->order[i] & 1; }

/* Rows: the kept axes, then all reduced ones as one. */
static void row_axes(emitter *e)
{
    int kept = 0, sorted[CAIRN_MAX_RANK] = {0};
    for (int i = 0; i < e->axes; i++)
        if (!is_reduced(e, i))
            sorted[kept++] = e->order[i];
    for (int i = 0, n = kept; i < e->axes; i++)
        if (is_reduced(e, i))
            sorted[n++] = e->order[i];
    memcpy(e->order, sorted, sizeof sorted);
    for (int i = 0; i < kept; i++)
        add_run(e, i, 1);
    add_run(e, kept, e->axes - kept);
}

/* Columns: loops over the axes before the reduced ones, the reduced ones, all behind as one. */
static void column_axes(emitter *e)
{
    int i = 0;
    for (; i < e->axes && !is_reduced(e, i); i++)
        add_run(e, i, 1);
    e->loops = e->run_count;
    for (; i < e->axes && is_reduced(e, i); i++)
        add_run(e, i, 1);
    add_run(e, i, e->axes - i);
}

/* The matrix that a library operation makes: all axes but the last are rows. */
static void matrix_axes(emitter *e)
{
    static const int8_t nhwc[4] = {0, 2, 3, 1};
    e->axes = e->gr->domain.rank;
    for (int i = 0; i < e->axes; i++)
        e->order[i] = e->gr->channels_last && e->axes == 4 ? nhwc[i] : i;
    add_run(e, 0, e->axes - 1);
    add_run(e, e->axes - 1, 1);
}

static void choose_axes(emitter *e)
{
    e->axes = axes_in_memory(&e->gr->domain, e->gr->channels_last, e->order);
    e->run_count = e->loops = 0;
    if (e->gr->form == FORM_MAP && e->gr->library != NOWHERE) {
        matrix_axes(e);
    } else if (e->gr->form == FORM_ROW) {
        row_axes(e);
    } else if (e->gr->form == FORM_COLUMN) {
        column_axes(e);
    } else {
        for (int i = 0; i < e->axes; i++)
            add_run(e, i, 1);
        if (!e->axes)
            add_run(e, 0, 0);
    }
}

/* The stride of something of shape `s` over axis `domain_axis` of the domain: 0 where it is broadcast. */
static int64_t stride_over(const emitter *e, const shape *s, const int64_t *stride, int domain_axis)
{
    int own = domain_axis - (e->gr->domain.rank - s->rank);
    return own < 0 || s->size[own] == 1 ? 0 : stride[own];
}

/* The strides over the runs; false where one cannot be merged. */
static bool run_strides(const emitter *e, const shape *s, const int64_t *stride, int64_t *out)
{
    for (int r = 0; r < e->run_count; r++) {
        int64_t step = 0, covered = 1;
        for (int i = e->runs[r].first + e->runs[r].count - 1; i >= e->runs[r].first; i--) {
            int64_t size = e->gr->domain.size[e->order[i]], st = stride_over(e, s, stride, e->order[i]);
            if (size == 1)
                continue;
            if (covered == 1)
                step = st;
            else if (st != step * covered)
                return false;
            covered *= size;
        }
        out[r] = step;
    }
    return true;
}

/* ---- Slots */

/* Whether some alias of i is looked at by the user. */
static bool alias_wanted(const schedule *s, int32_t i)
{
    for (int32_t k = s->consumer_start[i]; k < s->consumer_start[i + 1]; k++) {
        int32_t c = s->consumers[k];
        if (s->nodes[c].storage != c && s->nodes[c].storage == s->nodes[i].storage && (s->nodes[c].stored || alias_wanted(s, c)))
            return true;
    }
    return false;
}

static int32_t slot_of(emitter *e, int32_t storage)
{
    node *n = &e->s->nodes[storage];
    if (n->slot == NOWHERE) {
        const value *v = at(e, storage);
        slot_kind kind = value_is_evaluated(v) ? SLOT_LEAF
                         : e->s->g->wanted[storage] || alias_wanted(e->s, storage) ? SLOT_OUTPUT : SLOT_TEMPORARY;
        n->slot = plan_slot(e->p, kind, storage, value_bytes(v));
        e->failed |= n->slot == NOWHERE;
    }
    return n->slot;
}

/* ---- Operands of programs */

static int32_t add_operand(emitter *e, operand o, const int64_t *strides, int element_bytes)
{
    kernel *k = e->k;
    if (k->operand_count == PROGRAM_MAX_OPERANDS) {
        e->failed = true;
        return 0;
    }
    for (int r = 0; r < e->loops; r++)
        o.loop_stride[r] = strides[r] * element_bytes;
    k->operands[k->operand_count] = o;
    memcpy(k->call.operands[k->operand_count].stride, strides + e->loops, sizeof *strides * (size_t)(e->run_count - e->loops));
    return k->operand_count++;
}

static kernel *new_kernel(emitter *e, kernel_form form, int32_t root)
{
    kernel *k = plan_kernel(e->p);
    if (!k) {
        e->failed = true;
        return NULL;
    }
    *k = (kernel){.form = form, .library = NOWHERE, .root = root, .scratch_slot = NOWHERE};
    return k;
}

/* Gives the newest kernel a program over the emitter's axes. */
static bool start_program(emitter *e)
{
    kernel *k = e->k;
    e->kernel_index = e->p->kernel_count - 1;
    k->program = program_new();
    k->operands = mem_array(PROGRAM_MAX_OPERANDS, sizeof *k->operands);
    k->call.operands = mem_array(PROGRAM_MAX_OPERANDS, sizeof *k->call.operands);
    k->scalars = mem_array(PROGRAM_MAX_SCALARS, sizeof *k->scalars);
    k->call.scalars = mem_array(PROGRAM_MAX_SCALARS, sizeof *k->call.scalars);
    k->call.program = k->program;
    k->loops = e->loops;
    for (int r = 0; r < e->run_count; r++)
        if (r < e->loops)
            k->loop_size[r] = e->runs[r].size;
        else
            k->call.size[k->call.axes++] = e->runs[r].size;
    e->failed |= !k->program || !k->operands || !k->call.operands || !k->scalars || !k->call.scalars;
    return !e->failed;
}

static bool program_kernel(emitter *e, kernel_form form, int32_t root)
{
    e->k = new_kernel(e, form, root);
    return e->k && start_program(e);
}

static bool finish_program(emitter *e)
{
    kernel *k = e->k;
    if (e->failed || program_finish(k->program))
        return false;
    if (k->library != NOWHERE)
        return true;                         /* runs by tiles, which need no scratch */
    int64_t bytes = program_scratch_bytes(&k->call);
    if (bytes)
        k->scratch_slot = plan_slot(e->p, SLOT_TEMPORARY, NOWHERE, bytes);
    return true;
}

/* Copies value i, broadcast to the domain, to a temporary that is dense over the runs: -> its slot. Its kernel comes before the
 * one that is being emitted. */
static int32_t copy_operand(emitter *e, int32_t i, int64_t *strides)
{
    emitter c = *e;
    const value *v = at(e, i);
    const node *n = &e->s->nodes[i];
    c.run_count = c.loops = 0;
    for (int a = 0; a < c.axes; a++)
        add_run(&c, a, 1);
    if (!c.axes)
        add_run(&c, 0, 0);
    int64_t source[CAIRN_MAX_RANK], dense[CAIRN_MAX_RANK], step = 1;
    bool index = v->op == OP_index;
    run_strides(&c, &v->shape, index ? ((const attr_index *)v->attr)->stride : n->stride, source);
    for (int a = c.run_count - 1; a >= 0; a--) {
        dense[a] = step;
        step *= c.runs[a].size;
    }
    int bytes = cairn_dtype_bytes(v->type);
    int32_t temporary = plan_slot(e->p, SLOT_TEMPORARY, NOWHERE, step * bytes), from = index ? NOWHERE : slot_of(e, n->storage);
    if (temporary == NOWHERE || (from == NOWHERE && !index) || !program_kernel(&c, FORM_COPY, i)) {
        e->failed = true;
        return NOWHERE;
    }
    int32_t a = add_operand(&c, (operand){.slot = from, .byte_offset = n->offset * bytes, .value = i}, source, bytes);
    int32_t b = add_operand(&c, (operand){.slot = temporary}, dense, bytes);
    c.k->reads = 1;
    program_store(c.k->program, b, v->type, index ? program_index(c.k->program, a) : program_load(c.k->program, a, v->type));
    snprintf(c.k->name, sizeof c.k->name, "copy");
    e->failed |= !finish_program(&c);
    step = 1;                                /* dense over the merged runs as well */
    for (int r = e->run_count - 1; r >= 0; r--) {
        strides[r] = step;
        step *= e->runs[r].size;
    }
    return temporary;
}

/* ---- Values as instructions */

static int emit(emitter *e, int32_t i);

static int emit_constant(emitter *e, int32_t i)
{
    kernel *k = e->k;
    const value *v = at(e, i);
    if (k->scalar_count == PROGRAM_MAX_SCALARS) {
        e->failed = true;
        return -1;
    }
    k->scalars[k->scalar_count] = e->s->nodes[i].constant;
    int x = program_scalar(k->program, k->scalar_count++, program_type_of(v->type));
    return v->type == CAIRN_F32 || v->type == CAIRN_F64 || v->type == CAIRN_I32 || v->type == CAIRN_I64 ? x : program_narrow(k->program, x, v->type);
}

static int emit_index(emitter *e, int32_t i)
{
    const value *v = at(e, i);
    int64_t strides[CAIRN_MAX_RANK];
    if (!run_strides(e, &v->shape, ((const attr_index *)v->attr)->stride, strides)) {
        e->failed = true;
        return -1;
    }
    return program_index(e->k->program, add_operand(e, (operand){.slot = NOWHERE, .value = i}, strides, 1));
}

static int emit_load(emitter *e, int32_t i)
{
    const value *v = at(e, i);
    const node *n = &e->s->nodes[i];
    int64_t strides[CAIRN_MAX_RANK];
    operand o = {.slot = slot_of(e, n->storage), .byte_offset = n->offset * cairn_dtype_bytes(v->type)};
    if (!run_strides(e, &v->shape, n->stride, strides)) {
        e->failed = true;                    /* copies were made before: see copies_first */
        return -1;
    }
    e->k->reads++;
    e->k->read_bytes += value_bytes(v);
    return program_load(e->k->program, add_operand(e, o, strides, cairn_dtype_bytes(v->type)), v->type);
}

static bool needs_narrow(const value *v)
{
    if (v->type == CAIRN_F32 || v->type == CAIRN_F64 || v->type == CAIRN_I32 || v->type == CAIRN_I64)
        return false;
    return !(v->op == OP_where || v->op == OP_minimum || v->op == OP_maximum || v->op == OP_relu || (v->type == CAIRN_BOOL && v->in[0]->type != CAIRN_BOOL));
}

static int emit_cast(emitter *e, const value *v, int x)
{
    program *p = e->k->program;
    cairn_dtype from = (cairn_dtype)v->in[0]->type, to = (cairn_dtype)v->type;
    if (to == CAIRN_BOOL)
        return program_op_new(p, P_LNOT, program_op_new(p, P_LNOT, x, -1, -1), -1, -1);
    if (program_type_of(from) != program_type_of(to))
        x = program_cast(p, x, program_type_of(to));
    bool whole = to == CAIRN_F32 || to == CAIRN_F64 || to == CAIRN_I32 || to == CAIRN_I64;
    return whole ? x : program_narrow(p, x, to);
}

static int emit_pointwise(emitter *e, const value *v)
{
    int x[3] = {-1, -1, -1};
    for (int i = 0; i < v->n_in && i < 3; i++)        /* batch norm has more, for its gradient */
        x[i] = emit(e, v->in[i]->exec_index);
    if (v->op == OP_cast)
        return emit_cast(e, v, x[0]);
    int y = program_op_new(e->k->program, (program_op)op_instruction[v->op], x[0], x[1], x[2]);
    return needs_narrow(v) ? program_narrow(e->k->program, y, v->type) : y;
}

static int emit_reduction(emitter *e, const value *v)
{
    static const uint8_t kinds[OP_COUNT] = {
        [OP_sum] = PR_SUM, [OP_prod] = PR_PROD, [OP_amin] = PR_MIN, [OP_amax] = PR_MAX, [OP_any] = PR_ANY, [OP_all] = PR_ALL,
        [OP_argmin] = PR_ARGMIN, [OP_argmax] = PR_ARGMAX};
    int x = emit(e, v->in[0]->exec_index);
    program_reduction kind = (program_reduction)kinds[v->op];
    int y = e->gr->form == FORM_COLUMN ? program_reduce_column(e->k->program, kind, x) : program_reduce_row(e->k->program, kind, x);
    bool rounds = (v->op == OP_sum || v->op == OP_prod) && (v->type == CAIRN_F16 || v->type == CAIRN_BF16);
    return rounds ? program_narrow(e->k->program, y, v->type) : y;
}

static bool is_member(const emitter *e, int32_t i)
{
    return e->s->nodes[i].group == e->gr - e->s->groups && e->gr->library != i;
}

static int emit(emitter *e, int32_t i)
{
    node *n = &e->s->nodes[i];
    const value *v = at(e, i);
    if (n->ssa_kernel == e->kernel_index)
        return n->ssa;
    int x;
    if (n->constant != NOWHERE)
        x = emit_constant(e, i);
    else if (v->op == OP_index)
        x = emit_index(e, i);
    else if (!is_member(e, i) && !n->inlined)
        x = emit_load(e, i);
    else if (ops[v->op].kind == REDUCTION)
        x = emit_reduction(e, v);
    else
        x = emit_pointwise(e, v);
    n->ssa = x;
    n->ssa_kernel = e->kernel_index;
    return x;
}

/* ---- Kernels */

static void name_kernel(emitter *e, const char *prefix)
{
    char *text = e->k->name;
    size_t n = (size_t)snprintf(text, sizeof e->k->name, "%s", prefix);
    for (int32_t i = e->gr->first_member; i != NOWHERE && n < sizeof e->k->name - 1; i = e->s->nodes[i].next_member)
        n += (size_t)snprintf(text + n, sizeof e->k->name - n, n ? "+%s" : "%s", ops[at(e, i)->op].name);
}

static void store(emitter *e, int32_t i, int ssa)
{
    const value *v = at(e, i);
    const node *n = &e->s->nodes[i];
    int64_t strides[CAIRN_MAX_RANK];
    e->failed |= !run_strides(e, &v->shape, n->stride, strides);
    e->k->write_bytes += value_bytes(v);
    int32_t o = add_operand(e, (operand){.slot = slot_of(e, i)}, strides, cairn_dtype_bytes(v->type));
    program_store(e->k->program, o, v->type, ssa);
}

/* All members in order, then the stores: loads come first among the operands of an in-place kernel. */
static void emit_members(emitter *e)
{
    for (int32_t i = e->gr->first_member; i != NOWHERE; i = e->s->nodes[i].next_member)
        emit(e, i);
    for (int32_t i = e->gr->first_member; i != NOWHERE; i = e->s->nodes[i].next_member)
        if (e->s->nodes[i].stored)
            store(e, i, e->s->nodes[i].ssa);
}

static bool is_external(const emitter *e, int32_t i)
{
    const node *n = &e->s->nodes[i];
    return !is_member(e, i) && !n->inlined && i != e->gr->library;
}

typedef struct copied {
    int32_t value, slot;
    int64_t strides[CAIRN_MAX_RANK];
} copied;

typedef struct copy_list {
    copied *at;
    int count, most;
} copy_list;

/* Whether the runs can show value i, from memory or as a position. */
static bool runs_show(const emitter *e, int32_t i)
{
    const value *v = at(e, i);
    int64_t strides[CAIRN_MAX_RANK];
    return run_strides(e, &v->shape, v->op == OP_index ? ((const attr_index *)v->attr)->stride : e->s->nodes[i].stride, strides);
}

/* Copies the inputs of v that the runs cannot show; what is computed where it is used is gone through to its own. */
static bool copy_inputs(emitter *e, const value *v, copy_list *list)
{
    for (int k = 0; k < v->n_in; k++) {
        int32_t i = v->in[k]->exec_index;
        const node *n = &e->s->nodes[i];
        bool seen = false, position = at(e, i)->op == OP_index;
        for (int j = 0; j < list->count; j++)
            seen |= list->at[j].value == i;
        if (n->inlined && n->constant == NOWHERE && !position && !copy_inputs(e, at(e, i), list))
            return false;
        if (seen || !(is_external(e, i) || position) || runs_show(e, i))
            continue;
        if (list->count == list->most)
            return false;
        copied *c = &list->at[list->count++];
        c->value = i;
        c->slot = copy_operand(e, i, c->strides);
        if (e->failed)
            return false;
    }
    return true;
}

/* Operands whose axes cannot be merged get copies, whose kernels must come before; returns how many, or -1. */
static int copies_first(emitter *e, copied *list, int most)
{
    copy_list l = {list, 0, most};
    for (int32_t m = e->gr->first_member; m != NOWHERE; m = e->s->nodes[m].next_member)
        if (!copy_inputs(e, at(e, m), &l))
            return -1;
    return l.count;
}

static void load_copies(emitter *e, const copied *list, int count)
{
    for (int j = 0; j < count; j++) {
        const value *v = at(e, list[j].value);
        int32_t o = add_operand(e, (operand){.slot = list[j].slot}, list[j].strides, cairn_dtype_bytes(v->type));
        node *n = &e->s->nodes[list[j].value];
        n->ssa = program_load(e->k->program, o, v->type);
        n->ssa_kernel = e->kernel_index;
    }
}

static bool emit_program(emitter *e)
{
    enum { MOST_COPIES = 16 };
    copied list[MOST_COPIES];
    choose_axes(e);
    int copies = copies_first(e, list, MOST_COPIES);
    if (copies < 0 || !program_kernel(e, e->gr->form, e->gr->root))
        return false;
    load_copies(e, list, copies);
    emit_members(e);
    name_kernel(e, "");
    return finish_program(e);
}

/* A reshape that strides cannot show: its input, in row-major order, as a dense buffer. */
static bool emit_copy(emitter *e)
{
    const value *v = at(e, e->gr->root);
    int32_t i = v->in[0]->exec_index;
    int64_t source[CAIRN_MAX_RANK], dense[CAIRN_MAX_RANK], strides[CAIRN_MAX_RANK];
    choose_axes(e);
    dense_strides(&e->gr->domain, false, dense);
    run_strides(e, &v->in[0]->shape, e->s->nodes[i].stride, source);
    run_strides(e, &e->gr->domain, dense, strides);
    int bytes = cairn_dtype_bytes(v->type);
    if (!program_kernel(e, FORM_COPY, e->gr->root))
        return false;
    int32_t a = add_operand(e, (operand){.slot = slot_of(e, e->s->nodes[i].storage), .byte_offset = e->s->nodes[i].offset * bytes}, source, bytes);
    int32_t b = add_operand(e, (operand){.slot = slot_of(e, e->gr->root)}, strides, bytes);
    e->k->reads = 1;
    e->k->read_bytes = e->k->write_bytes = value_bytes(v);
    program_store(e->k->program, b, v->type, program_load(e->k->program, a, v->type));
    snprintf(e->k->name, sizeof e->k->name, "%s (copy)", ops[v->op].name);
    return finish_program(e);
}

/* The input of a library operation, in the order it asks for. */
static bool library_input(emitter *e, const value *v, int k, operand *o, view *w)
{
    const value *in = v->in[k];
    const node *n = &e->s->nodes[in->exec_index];
    bool last = ops[v->op].flags & CHANNELS_LAST_IN && in->shape.rank == 4, dense = last || ops[v->op].flags & DENSE;
    value as_stored = {.shape = in->shape};
    memcpy(as_stored.stride, n->stride, sizeof n->stride);
    *w = (view){.type = (cairn_dtype)in->type, .shape = in->shape};
    if (!dense || value_is_dense(&as_stored, last)) {
        memcpy(w->stride, n->stride, sizeof n->stride);
        if (dense)
            dense_strides(&in->shape, last, w->stride);
        *o = (operand){.slot = slot_of(e, n->storage), .byte_offset = n->offset * cairn_dtype_bytes(in->type)};
        return !e->failed;
    }
    group as_map = {.form = FORM_MAP, .domain = in->shape, .library = NOWHERE, .channels_last = last};
    emitter c = *e;
    c.gr = &as_map;
    choose_axes(&c);
    int64_t strides[CAIRN_MAX_RANK];
    int32_t copy = copy_operand(&c, in->exec_index, strides);
    dense_strides(&in->shape, last, w->stride);
    *o = (operand){.slot = copy};
    e->failed |= c.failed;
    return !e->failed;
}

/* Whether value i is one contiguous row after the other, `step` apart, over the matrix of a library operation. */
static bool lies(const emitter *e, int32_t i, int64_t step)
{
    int64_t strides[CAIRN_MAX_RANK];
    if (!run_strides(e, &at(e, i)->shape, e->s->nodes[i].stride, strides))
        return false;
    return (strides[0] == step || e->runs[0].size == 1) && (strides[1] == 1 || e->runs[1].size == 1);
}

static cairn_fused_activation activation_of(uint8_t op)
{
    return op == OP_relu ? CAIRN_FUSED_RELU : op == OP_sigmoid ? CAIRN_FUSED_SIGMOID : op == OP_tanh ? CAIRN_FUSED_TANH : CAIRN_FUSED_NONE;
}

/* Stands for an epilogue where only its presence counts. */
static void no_epilogue(void *context, int64_t batch, int64_t row0, int64_t rows, int64_t col0, int64_t cols)
{
    (void)context, (void)batch, (void)row0, (void)rows, (void)col0, (void)cols;
}

/* An epilogue that can be said as data: members one after the other, each with one operand more. */
typedef struct data_epilogue {
    int32_t scale, bias, residual;           /* values; or NOWHERE */
    cairn_fused_activation activation;
} data_epilogue;

static operand fused_operand(emitter *e, int32_t i)
{
    if (i == NOWHERE)
        return (operand){.slot = NOWHERE};
    const value *v = at(e, i);
    const node *n = &e->s->nodes[i];
    e->k->read_bytes += value_bytes(v);
    return (operand){.slot = slot_of(e, n->storage), .byte_offset = n->offset * cairn_dtype_bytes(v->type)};
}

/* Gives the newest kernel the epilogue; -> what stands for it before there is memory. */
static const cairn_fused *fuse(emitter *e, const data_epilogue *d)
{
    static const char some = 0;
    kernel *k = e->k;
    k->fuses = true;
    k->scale = fused_operand(e, d->scale);
    k->bias = fused_operand(e, d->bias);
    k->residual = fused_operand(e, d->residual);
    k->fused = (cairn_fused){.activation = d->activation, .scale = d->scale == NOWHERE ? NULL : &some, .bias = d->bias == NOWHERE ? NULL : &some,
                             .residual = d->residual == NOWHERE ? NULL : &some};
    return &k->fused;
}

static bool emit_library(emitter *e, int32_t i, int32_t out_slot, const data_epilogue *data)
{
    const value *v = at(e, i);
    operand *inputs = mem_array((size_t)v->n_in + 1, sizeof *inputs);
    view *views = mem_array((size_t)v->n_in + 1, sizeof *views);
    bool whole = inputs && views;
    for (int k = 0; k < v->n_in && whole; k++)
        whole = library_input(e, v, k, &inputs[k], &views[k]);
    kernel *k = whole ? new_kernel(e, FORM_LIBRARY, e->gr->root) : NULL;
    if (!k) {
        mem_free(inputs);
        mem_free(views);
        return false;
    }
    e->k = k;
    k->library = i;
    k->inputs = inputs;
    k->views = views;
    k->input_count = v->n_in;
    k->out = (view){.type = (cairn_dtype)v->type, .shape = v->shape};
    dense_strides(&v->shape, v->flags & V_CHANNELS_LAST, k->out.stride);
    k->out_operand = (operand){.slot = out_slot != NOWHERE ? out_slot : slot_of(e, i)};
    static const epilogue some = {no_epilogue, NULL};
    op_run r = {.v = v, .in = views, .out = k->out, .epilogue = e->gr->library == i && !data ? &some : NULL};
    if (data)
        r.fused = fuse(e, data);
    int64_t bytes = ops[v->op].workspace ? ops[v->op].workspace(&r) : 0;
    if (bytes > 0)
        k->scratch_slot = plan_slot(e->p, SLOT_TEMPORARY, NOWHERE, bytes);
    for (int n = 0; n < v->n_in; n++)
        k->read_bytes += value_bytes(v->in[n]);
    k->write_bytes = value_bytes(v);
    snprintf(k->name, sizeof k->name, "%s", ops[v->op].name);
    return !e->failed;
}

/* The members as data, in the order in which cairn_fused applies them: a factor and a term for each column, a term for each element, an
 * activation. False when they are something else. */
static bool as_data(const emitter *e, data_epilogue *d)
{
    *d = (data_epilogue){NOWHERE, NOWHERE, NOWHERE, CAIRN_FUSED_NONE};
    int32_t before = e->gr->library;
    const cairn_dtype type = (cairn_dtype)at(e, before)->type;
    for (int32_t m = e->gr->first_member; m != NOWHERE; before = m, m = e->s->nodes[m].next_member) {
        const value *v = at(e, m);
        const int32_t a = v->in[0]->exec_index, b = v->n_in == 2 ? v->in[1]->exec_index : NOWHERE, other = a == before ? b : a;
        if (d->activation || v->type != type || (a != before && b != before))
            return false;
        if (activation_of(v->op)) {
            d->activation = activation_of(v->op);
            continue;
        }
        if (other == NOWHERE || !is_external(e, other) || at(e, other)->type != v->type)
            return false;
        const bool by_column = lies(e, other, 0);
        if (v->op == OP_mul && by_column && d->scale == NOWHERE && d->bias == NOWHERE && d->residual == NOWHERE)
            d->scale = other;
        else if (v->op == OP_add && by_column && d->bias == NOWHERE && d->residual == NOWHERE)
            d->bias = other;
        else if (v->op == OP_add && d->residual == NOWHERE && lies(e, other, e->runs[1].size))
            d->residual = other;
        else
            return false;
    }
    return type == CAIRN_F32 || type == CAIRN_F64;
}

/* The library operation writes its result where the root's will be; the program runs there, block by block. When an
 * operand does not fit the matrix, the two run one after the other. */
static bool depends_on_position(const emitter *e, int32_t i)
{
    const value *v = at(e, i);
    if (v->op == OP_index)
        return true;
    for (int k = 0; k < v->n_in && e->s->nodes[i].inlined; k++)
        if (depends_on_position(e, v->in[k]->exec_index))
            return true;
    return false;
}

static bool fits_matrix(const emitter *e)
{
    int64_t strides[CAIRN_MAX_RANK];
    for (int32_t m = e->gr->first_member; m != NOWHERE; m = e->s->nodes[m].next_member)
        for (int k = 0; k < at(e, m)->n_in; k++) {
            int32_t i = at(e, m)->in[k]->exec_index;
            const node *n = &e->s->nodes[i];
            if (n->inlined && depends_on_position(e, i))
                return false;                /* positions are not known within a block */
            if (is_external(e, i) && !run_strides(e, &at(e, i)->shape, n->stride, strides))
                return false;
        }
    return e->axes >= 1;
}

static bool emit_with_epilogue(emitter *e)
{
    int32_t lib = e->gr->library;
    choose_axes(e);
    if (!fits_matrix(e)) {
        e->s->groups[e->gr - e->s->groups].library = NOWHERE;
        e->s->nodes[lib].group = NOWHERE;
        return emit_library(e, lib, NOWHERE, NULL) && emit_program(e);
    }
    int32_t out = slot_of(e, e->gr->root);
    e->s->nodes[lib].slot = out;
    data_epilogue data;
    const bool as_such = as_data(e, &data);
    if (!emit_library(e, lib, out, as_such ? &data : NULL))
        return false;
    name_kernel(e, ops[at(e, lib)->op].name);
    if (as_such)
        return true;
    if (!start_program(e))
        return false;
    e->k->write_bytes = 0;
    emit_members(e);
    return finish_program(e);
}

static bool emit_group(emitter *e)
{
    switch (e->gr->form) {
    case FORM_LIBRARY:
        return emit_library(e, e->gr->root, NOWHERE, NULL);
    case FORM_COPY:
        return emit_copy(e);
    default:
        return e->gr->library != NOWHERE ? emit_with_epilogue(e) : emit_program(e);
    }
}

/* What has a buffer after the run: stored values that somebody still wants, and views of lasting memory. */
static bool list_kept(plan *p, schedule *s)
{
    p->keeps = mem_array((size_t)s->g->count + 1, sizeof *p->keeps);
    if (!p->keeps)
        return false;
    for (int32_t i = 0; i < s->g->count; i++) {
        const node *n = &s->nodes[i], *home = &s->nodes[n->storage];
        const value *v = s->g->at[i];
        if (value_is_evaluated(v) || !s->g->wanted[i] || home->slot == NOWHERE || p->slots[home->slot].kind == SLOT_TEMPORARY)
            continue;
        if (n->storage == i && !n->stored)
            continue;
        kept *k = &p->keeps[p->keep_count++];
        *k = (kept){.value = i, .slot = home->slot, .offset = n->offset};
        memcpy(k->stride, n->stride, sizeof k->stride);
    }
    return true;
}

cairn_status emit_kernels(plan *p, schedule *s)
{
    for (int32_t i = s->count - 1; i >= 0; i--) {
        emitter e = {.p = p, .s = s, .gr = &s->groups[i]};
        if (!emit_group(&e) || e.failed)
            return cairn_error() ? cairn_error() : error_set(CAIRN_E_MEMORY, "evaluation: no memory for the plan");
    }
    for (int32_t i = 0; i < s->g->count; i++)    /* wanted views of leaves, which no kernel needs */
        if (s->g->wanted[i] && s->nodes[i].storage != i && value_is_evaluated(s->g->at[s->nodes[i].storage])) {
            emitter e = {.p = p, .s = s};
            if (slot_of(&e, s->nodes[i].storage) == NOWHERE)
                return CAIRN_E_MEMORY;
        }
    return list_kept(p, s) ? CAIRN_OK : CAIRN_E_MEMORY;
}
