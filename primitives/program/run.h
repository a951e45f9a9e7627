/* A run of a program: its bindings to memory, and the workers that carry it out. */
#ifndef PRIMITIVES_PROGRAM_RUN_H
#define PRIMITIVES_PROGRAM_RUN_H
#include "primitives/program/vm.h"

/* Where a ref lies now, and the elements from one row of the tile to the next. */
typedef struct vm_ref { char *p; int64_t step; } vm_ref;

/* An access bound to an operand of the call. */
typedef struct vm_binding {
    int64_t base;                /* the address of element 0, or the start of an index */
    int64_t row, column;         /* strides in elements; `row` where the rows are `linear` */
    int64_t outer[PROGRAM_MAX_AXES];
    int bytes;                   /* of one element; 1 for an index */
    bool linear;                 /* row r lies at base + r * row */
    bool in_place;               /* a load that needs no copy, a store that is written directly */
    int64_t ahead;               /* of a load: from its memory to what is worth fetching for later, in bytes */
    vm_fn stream;                /* a store that goes past the caches; or NULL */
} vm_binding;

typedef struct vm_run {
    const program *p;
    const vm_plan *plan;
    vm_binding *bindings;
    program_value *uniforms;
    int outer_axes;
    int64_t size[PROGRAM_MAX_AXES];      /* of the outer axes */
    int64_t rows, cols;                  /* of the domain */
    int64_t tile_rows, tile_cols;
    int64_t capacity;                    /* elements of a register */
    void (*stream_end)(void);            /* NULL when no store streams */
    /* The phase whose instructions fetch memory for later on the way: `fetch_each` of them for each of these accesses. */
    int16_t fetch[VM_MOST_FETCHED];
    int fetch_count, fetch_each, fetch_first;
    char *scratch;                       /* shared part first, then one part for each worker */
    int64_t shared_bytes, worker_bytes;
    int64_t chunk_rows, chunks;          /* column programs; chunks of one row otherwise */
    char *shared_rows;                   /* one array of row values for all workers, or NULL */
} vm_run;

/* What one thread works with. */
typedef struct vm_worker {
    const vm_run *run;
    vm_ref *refs;
    char *keep;
    vm_state *states, *chunk_states;     /* [reduction][tile_rows], [reduction] */
    char *groups;                        /* column programs: accumulators, [reduction][VM_BLOCK] of 8 bytes */
    char **targets;                      /* where a reduction's step accumulates */
} vm_worker;

void vm_worker_init(vm_worker *w, const vm_run *run, vm_ref *refs, char **targets, char *scratch);
int64_t vm_worker_bytes(const vm_run *run);
/* Steps over the tile (row, rows) x (col, cols) of the domain. */
void vm_run_steps(vm_worker *w, int first, int end, int64_t row, int64_t rows, int64_t col, int64_t cols);
/* Steps over arrays of n values, one per row or column. */
void vm_run_array_steps(vm_worker *w, int first, int end, int64_t n);
/* Stores of one value per row from `row` on, or per column from `col` on. */
void vm_run_final_stores(vm_worker *w, int64_t row, int64_t col, int64_t n);
/* How many tasks the work is worth: 1 is done by the caller. */
int64_t vm_task_count(const program *p, int64_t elements, int64_t most);

void vm_run_rows(vm_run *run);
void vm_run_columns(vm_run *run);
void vm_shape_rows(vm_run *run);
void vm_shape_columns(vm_run *run);

/* ---- Reductions' states ------------------------------------------------------------------------- */
void vm_state_reset(const vm_reduction *r, vm_state *states, int64_t n);
void vm_state_fold(const vm_reduction *r, vm_state *into, const vm_state *from);
/* Results of n states in the reduction's type. */
void vm_state_finish(const vm_reduction *r, const vm_state *states, int64_t n, void *results);
/* n accumulators in the element's type: to the identity, and folded into states. */
void vm_group_reset(const vm_reduction *r, void *group, int64_t n);
void vm_group_fold(const vm_reduction *r, const void *group, int64_t n, vm_state *states);
static inline bool vm_is_arg(int code) { return code == PR_ARGMIN || code == PR_ARGMAX; }

#endif
