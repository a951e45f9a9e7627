/* Walking the steps of a plan over one tile. */
#include "primitives/program/run.h"

/* Registers lie 64 bytes apart from multiples of 4 KiB, so that loads do not wait for stores to other registers. */
static int64_t register_bytes(const vm_run *run, int size) { return ((run->capacity * size + 63) & ~(int64_t)63) + 64; }

/* Rows of values, and states: as many as a tile has rows; columns: as many as it has columns. */
int64_t vm_worker_bytes(const vm_run *run)
{
    const vm_plan *plan = run->plan;
    int64_t row_arrays = plan->rows * 8 + plan->reduction_count * (int64_t)sizeof(vm_state);
    int64_t bytes = plan->registers4 * register_bytes(run, 4) + plan->registers8 * register_bytes(run, 8);
    bytes += row_arrays * run->tile_rows + plan->reduction_count * (int64_t)sizeof(vm_state);
    if (plan->keeps)
        bytes += plan->keeps * (run->tile_rows * run->cols * 8 + 64);
    if (run->p->has_column_reduction)
        bytes += (plan->columns + plan->reduction_count) * run->tile_cols * 8;
    return (bytes + 128) & ~(int64_t)63;
}

void vm_worker_init(vm_worker *w, const vm_run *run, vm_ref *refs, char **targets, char *scratch)
{
    const vm_plan *plan = run->plan;
    struct { char *base; int64_t pitch, step; } spaces[SPACE_COLUMN + 1];
    int64_t bytes4 = register_bytes(run, 4), bytes8 = register_bytes(run, 8);
    *w = (vm_worker){.run = run, .refs = refs, .targets = targets};
#define SPACE(space, at, pitch_bytes, row_step)         \
    spaces[space].base = (char *)(at);                  \
    spaces[space].pitch = (pitch_bytes);                \
    spaces[space].step = (row_step)
    SPACE(SPACE_UNIFORM, run->uniforms, sizeof(program_value), 0);
    SPACE(SPACE_REGISTER4, scratch, bytes4, run->tile_cols);
    scratch += plan->registers4 * bytes4;
    SPACE(SPACE_REGISTER8, scratch, bytes8, run->tile_cols);
    scratch += plan->registers8 * bytes8;
    w->states = (vm_state *)scratch;
    scratch += plan->reduction_count * run->tile_rows * (int64_t)sizeof(vm_state);
    w->chunk_states = (vm_state *)scratch;
    scratch += plan->reduction_count * (int64_t)sizeof(vm_state);
    SPACE(SPACE_ROW, run->shared_rows ? run->shared_rows : scratch, run->tile_rows * 8, 1);
    scratch += plan->rows * run->tile_rows * 8;
    SPACE(SPACE_COLUMN, scratch, run->tile_cols * 8, 1);
    scratch += run->p->has_column_reduction ? plan->columns * run->tile_cols * 8 : 0;
    w->groups = scratch;
    w->keep = (char *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63);
    SPACE(SPACE_KEEP, w->keep, 0, run->cols);
#undef SPACE
    for (int i = 0; i < plan->ref_count; i++) {
        vm_place at = plan->places[i];
        refs[i] = (vm_ref){spaces[at.space].base + at.number * spaces[at.space].pitch, spaces[at.space].step};
    }
}

/* Where a register would lie that a load in place has displaced. */
static vm_ref home_of(const vm_worker *w, uint16_t ref)
{
    vm_place at = w->run->plan->places[ref];
    char *scratch = (char *)w->states - w->run->plan->registers8 * register_bytes(w->run, 8);
    if (at.space == SPACE_REGISTER4)
        scratch -= (w->run->plan->registers4 - at.number) * register_bytes(w->run, 4);
    else
        scratch += at.number * register_bytes(w->run, 8);
    return (vm_ref){scratch, w->run->tile_cols};
}

/* The base of row `row`, and how many rows from there lie `*step` elements apart. */
static int64_t locate(const vm_run *run, const vm_binding *b, int64_t row, int64_t *step, int64_t *length)
{
    int64_t at = b->base, inner = -1;
    *length = 1;
    *step = 0;
    for (int k = run->outer_axes - 1; k >= 0; k--) {
        if (run->size[k] == 1)
            continue;
        int64_t i = row % run->size[k];
        row /= run->size[k];
        at += i * b->outer[k] * b->bytes;
        if (inner < 0) {
            inner = k;
            *length = run->size[k] - i;
            *step = b->outer[k];
        }
    }
    return at;
}

typedef struct piece { int64_t at, step, rows; } piece;

/* The longest piece of equally spaced rows from `row` on, at most `rows` of them. */
static inline piece piece_at(const vm_run *run, const vm_binding *b, int64_t row, int64_t rows, int64_t col)
{
    piece x;
    if (b->linear) {
        x = (piece){b->base + row * b->row * b->bytes, b->row, rows};
    } else {
        x.at = locate(run, b, row, &x.step, &x.rows);
        x.rows = x.rows < rows ? x.rows : rows;
    }
    x.at += col * b->column * b->bytes;
    return x;
}

static void load(vm_worker *w, const vm_step *s, int64_t row, int64_t rows, int64_t col, int64_t cols)
{
    const vm_run *run = w->run;
    const vm_binding *b = &run->bindings[s->access];
    vm_ref *ref = &w->refs[s->d];
    piece x = piece_at(run, b, row, rows, col);
    if (b->in_place && x.rows == rows) {
        *ref = (vm_ref){(char *)(intptr_t)x.at, x.step};
        return;
    }
    if (b->in_place)
        *ref = home_of(w, s->d);
    int bytes = run->plan->places[s->d].bytes;
    vm_args args = {.cols = cols, .d = ref->p, .d_step = ref->step, .b_step = b->column};
    for (int64_t end = row + rows;;) {
        args.rows = x.rows;
        args.a_step = x.step;
        args.a = (const void *)(intptr_t)x.at;
        args.c_step = x.at;
        s->fn(&args);
        row += x.rows;
        if (row == end)
            return;
        args.d = (char *)args.d + x.rows * ref->step * bytes;
        x = piece_at(run, b, row, end - row, col);
    }
}

static void store(vm_worker *w, const vm_step *s, int64_t row, int64_t rows, int64_t col, int64_t cols)
{
    const vm_run *run = w->run;
    const vm_binding *b = &run->bindings[s->access];
    const vm_ref *ref = &w->refs[s->a];
    int bytes = run->plan->places[s->a].bytes;
    vm_args args = {.cols = cols, .a = ref->p, .a_step = ref->step, .b_step = b->column};
    for (int64_t end = row + rows; row < end; row += args.rows) {
        piece x = piece_at(run, b, row, end - row, col);
        args.rows = x.rows;
        args.d = (void *)(intptr_t)x.at;
        args.d_step = x.step;
        (b->stream ? b->stream : s->fn)(&args);
        args.a = (const char *)args.a + x.rows * ref->step * bytes;
    }
}

/* What the number-th instruction of a tile fetches. */
typedef struct ahead { const char *at; int64_t rate; } ahead;

static inline ahead ahead_of(const vm_run *run, int number, int64_t row, int64_t rows, int64_t col, int64_t cols)
{
    if (number >= run->fetch_count * run->fetch_each)
        return (ahead){0};
    const vm_binding *b = &run->bindings[run->fetch[number / run->fetch_each]];
    int64_t at = b->base + (row * b->row + col) * b->bytes + b->ahead, bytes = rows * cols * b->bytes / run->fetch_each;
    return (ahead){(const char *)(intptr_t)(at + number % run->fetch_each * bytes), b->bytes * 16 / run->fetch_each};
}

static inline vm_args args_of(const vm_step *s, const vm_ref *refs, int64_t rows, int64_t cols, ahead next)
{
    const vm_ref *d = &refs[s->d], *a = &refs[s->a], *b = &refs[s->b], *c = &refs[s->c];
    vm_args args = {rows, cols, d->p, a->p, b->p, c->p, d->step, a->step, b->step, c->step, next.at, next.rate};
    if (!next.at)
        args.ahead = d->p;
    return args;
}

/* One instruction. Rows that lie end to end in every operand are one row to it. */
static inline void operate(const vm_step *s, const vm_ref *refs, int64_t rows, int64_t cols, ahead next)
{
    vm_args args = args_of(s, refs, rows, cols, next);
    if (rows > 1 && !s->per_row && args.d_step == cols && (!(s->vectors & 1) || args.a_step == cols) &&
        (!(s->vectors & 2) || args.b_step == cols) && (!(s->vectors & 4) || args.c_step == cols)) {
        args.rows = 1;
        args.cols = rows * cols;
    }
    s->fn(&args);
}

static void operate_moments(const vm_run *run, const vm_step *s, const vm_ref *refs, int64_t rows, int64_t cols)
{
    vm_args args[MOMENTS];
    for (int k = 0; k < MOMENTS; k++)
        args[k] = args_of(s + k, refs, rows, cols, (ahead){0});
    run->p->table->moments(args);
}

void vm_run_steps(vm_worker *w, int first, int end, int64_t row, int64_t rows, int64_t col, int64_t cols)
{
    const vm_run *run = w->run;
    int op = first == run->fetch_first ? 0 : VM_MAX_NODES * VM_MOST_FETCHED;
    for (const vm_step *s = run->plan->steps + first, *stop = run->plan->steps + end; s < stop; s++) {
        switch ((vm_step_kind)s->kind) {
        case STEP_OP:
            operate(s, w->refs, rows, cols, ahead_of(run, op++, row, rows, col, cols));
            break;
        case STEP_MOMENTS:
            operate_moments(run, s, w->refs, rows, cols);
            break;
        case STEP_PART:
            break;
        case STEP_LOAD:
        case STEP_INDEX:
            load(w, s, row, rows, col, cols);
            break;
        case STEP_STORE:
            if (!run->bindings[s->access].in_place)
                store(w, s, row, rows, col, cols);
            break;
        case STEP_DIRECT:
            if (run->bindings[s->access].in_place) {
                piece x = piece_at(run, &run->bindings[s->access], row, rows, col);
                w->refs[s->d] = (vm_ref){(char *)(intptr_t)x.at, x.step};
            }
            break;
        case STEP_KEEP: {
            vm_place at = run->plan->places[s->d];
            int64_t pitch = (run->tile_rows * run->cols * 8 + 64) & ~(int64_t)63;
            w->refs[s->d].p = w->keep + at.number * pitch + col * at.bytes;
            break;
        }
        case STEP_REDUCE: {
            const vm_ref *a = &w->refs[s->a];
            s->fn(&(vm_args){.rows = rows, .cols = cols, .d = w->targets[s->d], .a = a->p, .a_step = a->step,
                             .c_step = run->p->has_column_reduction ? row : col});
            break;
        }
        }
    }
}

void vm_run_array_steps(vm_worker *w, int first, int end, int64_t n)
{
    for (const vm_step *s = w->run->plan->steps + first, *stop = w->run->plan->steps + end; s < stop; s++)
        operate(s, w->refs, 1, n, (ahead){0});
}

void vm_run_final_stores(vm_worker *w, int64_t row, int64_t col, int64_t n)
{
    const vm_run *run = w->run;
    for (int i = run->plan->store_first; i < run->plan->store_end; i++) {
        const vm_step *s = &run->plan->steps[i];
        const vm_binding *b = &run->bindings[s->access];
        int bytes = run->plan->places[s->a].bytes;
        vm_args args = {.rows = 1, .cols = n, .a = w->refs[s->a].p};
        if (run->p->has_column_reduction) {
            args.d = (void *)(intptr_t)(b->base + col * b->column * b->bytes);
            args.b_step = b->column;
            s->fn(&args);
            continue;
        }
        for (int64_t at = row, end = row + n; at < end; at += args.cols) {
            piece x = piece_at(run, b, at, end - at, 0);
            args.d = (void *)(intptr_t)x.at;
            args.b_step = x.step;
            args.cols = x.rows;
            s->fn(&args);
            args.a = (const char *)args.a + x.rows * bytes;
        }
    }
}
