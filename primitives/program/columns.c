/* Column programs: every reduction runs over the rows, one result a column.
 *
 * The rows form chunks, whose number depends on the sizes alone; each task takes one chunk of one strip of columns. It sums
 * VM_FOLD_ROWS rows in the element's type, then folds them into 8 bytes a column; the chunks meet in order at the end. */
#include "base/pool.h"
#include "primitives/program/run.h"

enum { MOST_CHUNKS = 64, CHUNK_ELEMENTS = 65536 };

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

void vm_shape_columns(vm_run *run)
{
    run->plan = &run->p->keep;
    run->tile_cols = run->cols < VM_BLOCK ? run->cols : VM_BLOCK;
    run->tile_rows = VM_FOLD_ROWS;      /* divided by a power of two, so that tiles end where folds do */
    while (run->tile_rows > 1 && run->tile_rows * run->tile_cols > VM_BLOCK)
        run->tile_rows /= 2;
    run->capacity = run->tile_rows * run->tile_cols;
    int64_t rows = run->cols ? ceil_div(CHUNK_ELEMENTS, run->cols) : 1, most = ceil_div(run->rows, MOST_CHUNKS);
    run->chunk_rows = round_up(rows > most ? rows : most, VM_FOLD_ROWS);
    run->chunks = run->rows ? ceil_div(run->rows, run->chunk_rows) : 1;
    run->shared_bytes = round_up(run->plan->reduction_count * run->chunks * run->cols * (int64_t)sizeof(vm_state), 64);
}

static int64_t strip_count(const vm_run *run) { return ceil_div(run->cols, VM_BLOCK); }
static int64_t strip_cols(const vm_run *run, int64_t col)
{
    return run->cols - col < VM_BLOCK ? run->cols - col : VM_BLOCK;
}

/* The states of columns col ... of one chunk. */
static vm_state *partial_of(const vm_run *run, int reduction, int64_t chunk, int64_t col)
{
    return (vm_state *)run->scratch + (reduction * run->chunks + chunk) * run->cols + col;
}

static void reset_groups(vm_worker *w, int64_t cols)
{
    for (int r = 0; r < w->run->plan->reduction_count; r++)
        if (!vm_is_arg(w->run->plan->reductions[r].code))
            vm_group_reset(&w->run->plan->reductions[r], w->targets[r], cols);
}

static void fold_groups(vm_worker *w, int64_t chunk, int64_t col, int64_t cols)
{
    for (int r = 0; r < w->run->plan->reduction_count; r++)
        if (!vm_is_arg(w->run->plan->reductions[r].code))
            vm_group_fold(&w->run->plan->reductions[r], w->targets[r], cols, partial_of(w->run, r, chunk, col));
}

static void begin_chunk(vm_worker *w, int64_t chunk, int64_t col, int64_t cols)
{
    const vm_run *run = w->run;
    for (int r = 0; r < run->plan->reduction_count; r++) {
        vm_state *states = partial_of(run, r, chunk, col);
        vm_state_reset(&run->plan->reductions[r], states, cols);
        w->targets[r] = vm_is_arg(run->plan->reductions[r].code) ? (char *)states : w->groups + r * run->tile_cols * 8;
    }
}

static void chunk_task(void *context, int64_t task, int worker)
{
    const vm_run *run = context;
    const vm_phase *phase = run->plan->phases;
    int64_t chunk = task / strip_count(run), col = task % strip_count(run) * VM_BLOCK, cols = strip_cols(run, col);
    int64_t row = chunk * run->chunk_rows, end = row + run->chunk_rows < run->rows ? row + run->chunk_rows : run->rows;
    vm_ref refs[run->plan->ref_count + 1];
    char *targets[run->plan->reduction_count + 1];
    vm_worker w;
    vm_worker_init(&w, run, refs, targets, run->scratch + run->shared_bytes + worker * run->worker_bytes);
    begin_chunk(&w, chunk, col, cols);
    while (row < end) {
        int64_t fold_end = row + VM_FOLD_ROWS < end ? row + VM_FOLD_ROWS : end;
        reset_groups(&w, cols);
        for (int64_t rows; row < fold_end; row += rows) {
            rows = fold_end - row < run->tile_rows ? fold_end - row : run->tile_rows;
            vm_run_steps(&w, phase->first, phase->end, row, rows, col, cols);
        }
        fold_groups(&w, chunk, col, cols);
    }
}

static void result_task(void *context, int64_t strip, int worker)
{
    const vm_run *run = context;
    const vm_phase *phase = run->plan->phases;
    int64_t col = strip * VM_BLOCK, cols = strip_cols(run, col);
    vm_ref refs[run->plan->ref_count + 1];
    char *targets[run->plan->reduction_count + 1];
    vm_worker w;
    vm_worker_init(&w, run, refs, targets, run->scratch + run->shared_bytes + worker * run->worker_bytes);
    for (int r = 0; r < run->plan->reduction_count; r++) {
        const vm_reduction *x = &run->plan->reductions[r];
        vm_state *sum = partial_of(run, r, 0, col);
        for (int64_t chunk = 1; chunk < run->chunks; chunk++)
            for (int64_t i = 0; i < cols; i++)
                vm_state_fold(x, &sum[i], partial_of(run, r, chunk, col) + i);
        vm_state_finish(x, sum, cols, refs[x->result].p);
    }
    vm_run_array_steps(&w, phase->end, phase->row_end, cols);
    vm_run_final_stores(&w, 0, col, cols);
}

static void task_one_after_another(vm_run *run, int64_t tasks, pool_task task)
{
    for (int64_t i = 0; i < tasks; i++)
        task(run, i, 0);
}

void vm_run_columns(vm_run *run)
{
    int64_t strips = strip_count(run), tasks = run->chunks * strips;
    if (!strips)
        return;
    if (vm_task_count(run->p, run->rows * run->cols, tasks) > 1)
        pool_run(tasks, chunk_task, run);
    else
        task_one_after_another(run, tasks, chunk_task);
    if (vm_task_count(run->p, run->chunks * run->cols * 16, strips) > 1)
        pool_run(strips, result_task, run);
    else
        task_one_after_another(run, strips, result_task);
}
