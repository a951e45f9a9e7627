/* Running programs: the domain and its operands are brought into a simple form, then shared out in tiles. */
#include <string.h>
#include "base/pool.h"
#include "primitives/program/run.h"

/* ---- The domain --------------------------------------------------------------------------------- */

typedef struct domain {
    int axes;
    int64_t size[PROGRAM_MAX_AXES];
} domain;

static void swap_axes(domain *d, vm_run *run, int i, int k)
{
    int64_t size = d->size[i];
    d->size[i] = d->size[k];
    d->size[k] = size;
    for (int a = 0; a < run->plan->access_count; a++) {
        int64_t *stride = run->bindings[a].outer, old = stride[i];
        stride[i] = stride[k];
        stride[k] = old;
    }
}

static void drop_axis(domain *d, vm_run *run, int i)
{
    d->axes--;
    for (int k = i; k < d->axes; k++)
        d->size[k] = d->size[k + 1];
    for (int a = 0; a < run->plan->access_count; a++)
        for (int k = i; k < d->axes; k++)
            run->bindings[a].outer[k] = run->bindings[a].outer[k + 1];
}

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

/* For maps, whose axes may come in any order: the order of the first store's memory. */
static void sort_axes(domain *d, vm_run *run)
{
    const int64_t *key = NULL;
    for (int a = 0; a < run->plan->access_count && !key; a++)
        if (run->plan->accesses[a].kind == VM_STORE)
            key = run->bindings[a].outer;
    for (int i = 1; key && i < d->axes; i++)
        for (int k = i; k > 0 && magnitude(key[k]) > magnitude(key[k - 1]); k--)
            swap_axes(d, run, k, k - 1);
}

/* Axes i and i + 1 are one where every operand walks them as one. */
static bool merges(const domain *d, const vm_run *run, int i)
{
    for (int a = 0; a < run->plan->access_count; a++) {
        const int64_t *stride = run->bindings[a].outer;
        if (stride[i] != stride[i + 1] * d->size[i + 1])
            return false;
    }
    return true;
}

static void simplify(domain *d, vm_run *run)
{
    for (int i = d->axes - 1; i >= 0 && d->axes > 1; i--)
        if (d->size[i] == 1)
            drop_axis(d, run, i);
    sort_axes(d, run);
    for (int i = d->axes - 2; i >= 0; i--)
        if (merges(d, run, i)) {
            d->size[i] *= d->size[i + 1];
            for (int a = 0; a < run->plan->access_count; a++)
                run->bindings[a].outer[i] = run->bindings[a].outer[i + 1];
            drop_axis(d, run, i + 1);
        }
}

/* ---- Bindings ----------------------------------------------------------------------------------- */

static void bind(vm_run *run, const program_call *call)
{
    for (int a = 0; a < run->plan->access_count; a++) {
        const vm_access *access = &run->plan->accesses[a];
        const program_operand *operand = &call->operands[access->operand];
        vm_binding *b = &run->bindings[a];
        bool index = access->kind == VM_INDEX;
        b->base = index ? operand->start : (int64_t)(intptr_t)operand->data;
        b->bytes = index ? 1 : cairn_dtype_bytes(access->dtype);
        for (int k = 0; k < call->axes; k++)
            b->outer[k] = operand->stride[k];
    }
}

/* Splits the last axis off as columns, and finds out whose rows are equally spaced. */
static void settle(vm_run *run, const domain *d)
{
    run->outer_axes = d->axes - 1;
    run->cols = d->size[d->axes - 1];
    run->rows = 1;
    for (int k = 0; k < run->outer_axes; k++) {
        run->size[k] = d->size[k];
        run->rows *= d->size[k];
    }
    for (int a = 0; a < run->plan->access_count; a++) {
        vm_binding *b = &run->bindings[a];
        int64_t span = 0;
        b->column = b->outer[d->axes - 1];
        b->row = 0;
        b->linear = true;
        for (int k = run->outer_axes - 1; k >= 0; k--) {
            if (run->size[k] == 1)
                continue;
            if (!span) {
                b->row = b->outer[k];
                span = 1;
            } else {
                b->linear &= b->outer[k] == b->row * span;
            }
            span *= run->size[k];
        }
    }
}

static bool converts(const vm_access *access)
{
    return access->dtype != CAIRN_F32 && access->dtype != CAIRN_F64 && access->dtype != CAIRN_I32 &&
           access->dtype != CAIRN_I64;
}

/* Loads and stores that need no copy: contiguous columns, no conversion, and no conflict of a store with a load. */
static void find_in_place(vm_run *run)
{
    const vm_plan *plan = run->plan;
    for (int a = 0; a < plan->access_count; a++) {
        vm_binding *b = &run->bindings[a];
        bool plain = plan->accesses[a].kind != VM_INDEX && !converts(&plan->accesses[a]) &&
                     (b->column == 1 || run->cols == 1);
        b->in_place = plain && plan->accesses[a].kind == VM_LOAD;
        b->stream = NULL;
    }
    for (int p = 0; p < plan->phase_count; p++)
        for (int i = plan->phases[p].first; i < plan->phases[p].end; i++) {
            if (plan->steps[i].kind != STEP_DIRECT)
                continue;
            vm_binding *b = &run->bindings[plan->steps[i].access];
            b->in_place = (b->column == 1 || run->cols == 1) && (b->linear || run->tile_rows == 1);
        }
    for (int i = 0; i < plan->conflict_count; i++) {
        const vm_conflict *c = &plan->conflicts[i];
        vm_binding *s = &run->bindings[c->store], *l = &run->bindings[c->load];
        if (s->base == l->base)
            *(c->forbids_direct ? &s->in_place : &l->in_place) = false;
    }
}

/* A large result that overwrites nothing that was loaded goes past the caches: it would push everything else out, and its
 * lines would be read from memory only to be overwritten. */
static void find_streams(vm_run *run)
{
    enum { LARGE = 32 << 20 };
    const vm_plan *plan = run->plan;
    const vm_table *table = vm_table_best();
    for (int a = 0; a < plan->access_count; a++) {
        vm_binding *b = &run->bindings[a];
        vm_fn stream = plan->accesses[a].kind == VM_STORE ? table->stream[plan->accesses[a].dtype] : NULL;
        if (!stream || b->column != 1 || run->cols < 16 || run->rows * run->cols * b->bytes < LARGE)
            continue;
        bool over_a_load = false;
        for (int l = 0; l < plan->access_count; l++)
            over_a_load |= plan->accesses[l].kind == VM_LOAD && run->bindings[l].base == b->base;
        if (over_a_load)
            continue;
        b->stream = stream;
        b->in_place = false;
        run->stream_end = table->stream_end;
    }
}

/* Large operands are fetched by the instructions that run before they are loaded: a program else waits for memory in its
 * loads, and leaves it idle in its arithmetic. A map fetches its next tile; a row program, in its second phase, the next rows. */
static void find_ahead(vm_run *run)
{
    enum { LARGE = 1 << 20 };
    const vm_plan *plan = run->plan;
    const vm_phase *phase = &plan->phases[plan->phase_count > 1];
    int ops = 0;
    for (int i = phase->first; i < phase->end; i++)
        ops += plan->steps[i].kind == STEP_OP;
    for (int a = 0; a < plan->access_count && run->fetch_count < VM_MOST_FETCHED && run->fetch_count < ops; a++) {
        vm_binding *b = &run->bindings[a];
        bool rows = plan->phase_count > 1 || run->tile_rows > 1;
        if (plan->accesses[a].kind != VM_LOAD || b->column != 1 || !b->linear || run->rows * run->cols * b->bytes < LARGE ||
            (run->rows > 1 && !b->row))
            continue;
        b->ahead = (rows ? run->tile_rows * b->row : run->tile_cols) * b->bytes;
        run->fetch[run->fetch_count++] = (int16_t)a;
    }
    run->fetch_each = run->fetch_count ? ops / run->fetch_count : 0;
    run->fetch_first = phase->first;
}

/* ---- Uniform values ----------------------------------------------------------------------------- */

static void compute_uniforms(const program *p, const program_value *scalars, program_value *uniforms)
{
    for (const vm_step *s = p->uniform_steps, *end = s + p->uniform_step_count; s < end; s++) {
        program_value *d = &uniforms[s->d];
        if (s->kind == STEP_LOAD) {
            program_value x = scalars[s->access];
            if (s->type == PT_F32)
                *(float *)d = (float)x.f;
            else if (s->type == PT_I32)
                *(int32_t *)d = (int32_t)(uint32_t)x.i;
            else
                *d = x;
        } else {
            s->fn(&(vm_args){.rows = 1, .cols = 1, .d = d, .a = &uniforms[s->a], .b = &uniforms[s->b],
                             .c = &uniforms[s->c]});
        }
    }
}

/* ---- Maps --------------------------------------------------------------------------------------- */

/* Work of less than about 20 us is not worth waking a thread for; beyond that, tasks of about that size, so that threads
 * that started late still find some. An addition takes about 1/16 ns an element. */
int64_t vm_task_count(const program *p, int64_t elements, int64_t most)
{
    int64_t ns = elements * (p->cost + 1) / 16, tasks = ns / 20000;
    tasks = tasks > 128 ? 128 : tasks;
    return tasks > most ? most : tasks < 1 ? 1 : tasks;
}

/* A load that walks memory across the rows wants square tiles, so that each cache line it fetches serves several rows. */
static bool walks_across(const vm_run *run)
{
    for (int a = 0; a < run->plan->access_count; a++) {
        const vm_binding *b = &run->bindings[a];
        if (run->plan->accesses[a].kind == VM_LOAD && magnitude(b->column) > 1 && b->row &&
            magnitude(b->row) < magnitude(b->column))
            return true;
    }
    return false;
}

/* No results of one instruction wait for another: a tile need not fit into a cache. */
static bool is_one_pass(const vm_plan *plan)
{
    int ops = 0, moments = 0;
    for (int i = 0; i < plan->step_count; i++) {
        ops += plan->steps[i].kind == STEP_OP;
        moments += plan->steps[i].kind == STEP_MOMENTS;
    }
    return moments == 1 && !ops;
}

static void shape_map(vm_run *run)
{
    enum { SQUARE = 32, PASS = 16 * VM_BLOCK };
    bool square = run->rows >= 8 && run->cols > SQUARE && walks_across(run);
    int64_t block = is_one_pass(run->plan) ? PASS : VM_BLOCK, most = square ? SQUARE : block;
    run->tile_cols = run->cols < most ? run->cols : most;
    run->tile_rows = run->cols > most && !square ? 1 : block / (run->tile_cols ? run->tile_cols : 1);
    run->tile_rows = run->tile_rows < run->rows ? run->tile_rows : run->rows;
    run->capacity = run->tile_rows * run->tile_cols;
}

typedef struct map_tasks { const vm_run *run; int64_t across, tiles, tasks; } map_tasks;

static void map_task(void *context, int64_t task, int worker)
{
    const map_tasks *t = context;
    const vm_run *run = t->run;
    const vm_phase *phase = run->plan->phases;
    vm_ref refs[run->plan->ref_count + 1];
    vm_worker w;
    vm_worker_init(&w, run, refs, NULL, run->scratch + worker * run->worker_bytes);
    for (int64_t i = task * t->tiles / t->tasks; i < (task + 1) * t->tiles / t->tasks; i++) {
        int64_t row = i / t->across * run->tile_rows, col = i % t->across * run->tile_cols;
        int64_t rows = run->rows - row, cols = run->cols - col;
        vm_run_steps(&w, phase->first, phase->end, row, rows < run->tile_rows ? rows : run->tile_rows, col,
                     cols < run->tile_cols ? cols : run->tile_cols);
    }
    if (run->stream_end)
        run->stream_end();
}

static void run_map(vm_run *run)
{
    if (!run->rows || !run->cols)
        return;
    map_tasks t = {.run = run, .across = (run->cols + run->tile_cols - 1) / run->tile_cols};
    t.tiles = t.across * ((run->rows + run->tile_rows - 1) / run->tile_rows);
    t.tasks = vm_task_count(run->p, run->rows * run->cols, t.tiles);
    pool_run(t.tasks, map_task, &t);
}

/* ---- Entry -------------------------------------------------------------------------------------- */

static bool has_reduction(const program *p) { return p->has_row_reduction || p->has_column_reduction; }

/* Everything about a run that its sizes decide. Bindings may have been merged: `run` then differs from the call. */
static void shape(vm_run *run, const program_call *call)
{
    domain d = {.axes = call->axes};
    memcpy(d.size, call->size, sizeof d.size);
    run->plan = &run->p->keep;
    bind(run, call);
    if (!has_reduction(run->p) && d.axes > 1)
        simplify(&d, run);
    settle(run, &d);
    if (run->p->has_row_reduction)
        vm_shape_rows(run);
    else if (run->p->has_column_reduction)
        vm_shape_columns(run);
    else
        shape_map(run);
}

int64_t program_scratch_bytes(const program_call *call)
{
    vm_binding bindings[call->program->keep.access_count + call->program->again.access_count + 1];
    vm_run run = {.p = call->program, .bindings = bindings};
    shape(&run, call);
    return run.shared_bytes + cairn_threads() * vm_worker_bytes(&run);
}

void program_run(const program_call *call, void *scratch)
{
    const program *p = call->program;
    vm_binding bindings[p->keep.access_count + p->again.access_count + 1];
    program_value uniforms[p->uniform_count + 1];
    vm_run run = {.p = p, .bindings = bindings, .uniforms = uniforms, .scratch = scratch};
    compute_uniforms(p, call->scalars, uniforms);
    shape(&run, call);
    if (run.plan != &p->keep) {                 /* the other plan numbers its accesses differently */
        domain d = {.axes = call->axes};
        memcpy(d.size, call->size, sizeof d.size);
        bind(&run, call);
        settle(&run, &d);
    }
    run.worker_bytes = vm_worker_bytes(&run);
    find_in_place(&run);
    if (!p->has_column_reduction) {
        find_streams(&run);
        find_ahead(&run);
    }
    if (p->has_row_reduction)
        vm_run_rows(&run);
    else if (p->has_column_reduction)
        vm_run_columns(&run);
    else
        run_map(&run);
}

void program_run_tile(const program_call *call, int64_t row0, int64_t rows, int64_t col0, int64_t cols)
{
    enum { STACK_BYTES = 96 << 10, LEAST = 64 };
    const program *p = call->program;
    vm_binding bindings[p->keep.access_count + 1];
    program_value uniforms[p->uniform_count + 1];
    vm_ref refs[p->keep.ref_count + 1];
    vm_run run = {.p = p, .plan = &p->keep, .bindings = bindings, .uniforms = uniforms};
    domain d = {.axes = call->axes};
    memcpy(d.size, call->size, sizeof d.size);
    compute_uniforms(p, call->scalars, uniforms);
    bind(&run, call);
    settle(&run, &d);
    int64_t each = p->keep.registers4 * 4 + p->keep.registers8 * 8, most = each ? STACK_BYTES / each : VM_BLOCK;
    most = most > VM_BLOCK ? VM_BLOCK : most < LEAST ? LEAST : most;
    run.tile_cols = cols < most ? cols : most;
    run.tile_rows = run.tile_cols ? most / run.tile_cols : 0;
    run.tile_rows = run.tile_rows < rows ? run.tile_rows : rows;
    run.capacity = run.tile_rows * run.tile_cols;
    if (!run.capacity)
        return;
    find_in_place(&run);
    char scratch[vm_worker_bytes(&run) + 64];
    vm_worker w;
    vm_worker_init(&w, &run, refs, NULL, (char *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63));
    for (int64_t r = 0; r < rows; r += run.tile_rows)
        for (int64_t c = 0; c < cols; c += run.tile_cols)
            vm_run_steps(&w, p->keep.phases->first, p->keep.phases->end, row0 + r,
                         rows - r < run.tile_rows ? rows - r : run.tile_rows, col0 + c,
                         cols - c < run.tile_cols ? cols - c : run.tile_cols);
}
