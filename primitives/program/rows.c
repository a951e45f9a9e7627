/* Row programs: every reduction runs along a row.
 *
 * Rows that fit a register share tiles, several to one. A longer row is walked phase by phase, block by block; its blocks
 * form chunks of VM_CHUNK columns whose partial results are folded in order, so that the chunks of a few very long rows
 * can also be shared out over the pool, with the same result. */
#include <string.h>
#include "base/pool.h"
#include "primitives/program/run.h"

enum { FEW_ROWS = 16, KEEP_BYTES = 512 << 10 };

static bool is_split(const vm_run *run) { return run->rows < FEW_ROWS && run->cols > VM_CHUNK; }

void vm_shape_rows(vm_run *run)
{
    const program *p = run->p;
    run->tile_cols = run->cols < VM_BLOCK ? run->cols : VM_BLOCK;
    run->tile_rows = run->cols ? VM_BLOCK / run->cols : VM_BLOCK;
    run->tile_rows = run->tile_rows < run->rows ? run->tile_rows : run->rows;
    run->tile_rows = run->tile_rows < 1 ? 1 : run->tile_rows;
    run->capacity = run->tile_rows * run->tile_cols;
    run->chunks = (run->cols + VM_CHUNK - 1) / VM_CHUNK;
    bool too_long = is_split(run) || p->keep.keeps * run->cols * 8 > KEEP_BYTES;
    run->plan = p->keeps_differ && too_long ? &p->again : &p->keep;
    run->shared_bytes = 0;
    if (is_split(run))
        run->shared_bytes = (run->plan->rows * 8 + run->plan->reduction_count * run->chunks * (int64_t)sizeof(vm_state) +
                             63) & ~(int64_t)63;
}

static void reset(vm_worker *w, const vm_phase *phase, vm_state *states, int64_t n)
{
    for (int r = phase->reduction; r < phase->reduction_end; r++) {
        vm_state_reset(&w->run->plan->reductions[r], states + r * n, n);
        w->targets[r] = (char *)(states + r * n);
    }
}

static void finish(vm_worker *w, const vm_phase *phase, int64_t n)
{
    for (int r = phase->reduction; r < phase->reduction_end; r++) {
        const vm_reduction *x = &w->run->plan->reductions[r];
        vm_state_finish(x, w->states + r * n, n, w->refs[x->result].p);
    }
    vm_run_array_steps(w, phase->end, phase->row_end, n);
}

static void run_blocks(vm_worker *w, const vm_phase *phase, int64_t row, int64_t first, int64_t end)
{
    for (int64_t col = first; col < end; col += VM_BLOCK)
        vm_run_steps(w, phase->first, phase->end, row, 1, col, end - col < VM_BLOCK ? end - col : VM_BLOCK);
}

static void fold(vm_worker *w, const vm_phase *phase, const vm_state *states, int64_t pitch)
{
    for (int r = phase->reduction; r < phase->reduction_end; r++)
        vm_state_fold(&w->run->plan->reductions[r], &w->states[r], &states[r * pitch]);
}

static int64_t chunk_end(const vm_run *run, int64_t chunk)
{
    int64_t end = (chunk + 1) * VM_CHUNK;
    return end < run->cols ? end : run->cols;
}

/* One phase over a row of several chunks. */
static void run_chunks(vm_worker *w, const vm_phase *phase, int64_t row)
{
    for (int64_t chunk = 0; chunk < w->run->chunks; chunk++) {
        reset(w, phase, w->chunk_states, 1);
        run_blocks(w, phase, row, chunk * VM_CHUNK, chunk_end(w->run, chunk));
        fold(w, phase, w->chunk_states, 1);
    }
}

static void run_tile(vm_worker *w, int64_t row, int64_t rows)
{
    const vm_run *run = w->run;
    for (int i = 0; i < run->plan->phase_count; i++) {
        const vm_phase *phase = &run->plan->phases[i];
        reset(w, phase, w->states, rows);
        if (run->chunks > 1)
            run_chunks(w, phase, row);
        else if (run->cols > VM_BLOCK)
            run_blocks(w, phase, row, 0, run->cols);
        else if (run->cols)
            vm_run_steps(w, phase->first, phase->end, row, rows, 0, run->cols);
        finish(w, phase, rows);
    }
    vm_run_final_stores(w, row, 0, rows);
}

typedef struct row_tasks { const vm_run *run; int64_t tiles, tasks; } row_tasks;

static void row_task(void *context, int64_t task, int worker)
{
    const row_tasks *t = context;
    const vm_run *run = t->run;
    vm_ref refs[run->plan->ref_count + 1];
    char *targets[run->plan->reduction_count + 1];
    vm_worker w;
    vm_worker_init(&w, run, refs, targets, run->scratch + run->shared_bytes + worker * run->worker_bytes);
    for (int64_t i = task * t->tiles / t->tasks; i < (task + 1) * t->tiles / t->tasks; i++) {
        int64_t row = i * run->tile_rows, rest = run->rows - row;
        run_tile(&w, row, rest < run->tile_rows ? rest : run->tile_rows);
    }
    if (run->stream_end)
        run->stream_end();
}

/* ---- A few very long rows, chunk by chunk over the pool. */

typedef struct chunk_tasks { const vm_run *run; const vm_phase *phase; int64_t row; vm_state *partial; } chunk_tasks;

static void chunk_task(void *context, int64_t chunk, int worker)
{
    const chunk_tasks *t = context;
    const vm_run *run = t->run;
    vm_ref refs[run->plan->ref_count + 1];
    char *targets[run->plan->reduction_count + 1];
    vm_worker w;
    vm_worker_init(&w, run, refs, targets, run->scratch + run->shared_bytes + worker * run->worker_bytes);
    reset(&w, t->phase, w.chunk_states, 1);
    run_blocks(&w, t->phase, t->row, chunk * VM_CHUNK, chunk_end(run, chunk));
    for (int r = t->phase->reduction; r < t->phase->reduction_end; r++)
        t->partial[r * run->chunks + chunk] = w.chunk_states[r];
    if (run->stream_end)
        run->stream_end();
}

static void run_split(vm_run *run)
{
    vm_ref refs[run->plan->ref_count + 1];
    char *targets[run->plan->reduction_count + 1];
    vm_worker w;
    run->shared_rows = run->scratch;
    vm_state *partial = (vm_state *)(run->scratch + run->plan->rows * 8);
    for (int64_t row = 0; row < run->rows; row++) {
        for (int i = 0; i < run->plan->phase_count; i++) {
            chunk_tasks t = {run, &run->plan->phases[i], row, partial};
            pool_run(run->chunks, chunk_task, &t);
            /* The tasks used the workers' memory: this thread's view of it is made anew. */
            vm_worker_init(&w, run, refs, targets, run->scratch + run->shared_bytes);
            reset(&w, t.phase, w.states, 1);
            for (int64_t chunk = 0; chunk < run->chunks; chunk++)
                fold(&w, t.phase, partial + chunk, run->chunks);
            finish(&w, t.phase, 1);
        }
        vm_run_final_stores(&w, row, 0, 1);
    }
}

void vm_run_rows(vm_run *run)
{
    if (is_split(run)) {
        run_split(run);
        return;
    }
    row_tasks t = {.run = run, .tiles = (run->rows + run->tile_rows - 1) / run->tile_rows};
    t.tasks = vm_task_count(run->p, run->rows * run->cols, t.tiles);
    pool_run(t.tasks, row_task, &t);
}
