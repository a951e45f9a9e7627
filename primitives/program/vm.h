/* The inside of programs: what the builder, the planner, the runner and the block functions share.
 *
 * A program goes through three forms. The builder (build.c) appends nodes in SSA form. The planner (plan.c) turns
 * them into plans: lists of steps over refs, each ref a place that is either a register of one block, a piece of the
 * caller's memory, or an array with one element per row or column. The runner (run.c, rows.c, columns.c) walks a plan
 * over the tiles of the domain; a step is one call of a block function from the table (table.c, primitives/isa/vm_*.c).
 *
 * A tile is rows x cols points of the domain with at most VM_BLOCK elements. Operands of a block function have a step
 * from one row to the next, so that memory is used in place where its columns are contiguous, short rows share a
 * call, and a bias is a matrix whose rows are 0 apart. */
#ifndef PRIMITIVES_VM_H
#define PRIMITIVES_VM_H
#include "primitives/program/program.h"

enum {
    VM_BLOCK = 1024,      /* elements of a block register, and of the segments in which rows are summed */
    VM_CHUNK = 32768,     /* columns whose partial result a reduction of a longer row folds at once: part of its definition */
    VM_FOLD_ROWS = 64,    /* rows that a column reduction sums in the element's type before it folds them into 8 bytes */
    VM_MODES = 8,
    VM_MOST_FETCHED = 8,  /* operands of a program that are fetched ahead */
    VM_MAX_NODES = 4096,
    MOMENTS = 5           /* steps that are one: see moments.c */
};

/* ---- Block functions ---------------------------------------------------------------------------- */

/* Arguments of a block function. Operand x (a, b, c) of row r starts at x + r * x_step elements and has `cols` elements;
 * an operand in scalar mode has one. What else a family needs is told there. */
typedef struct vm_args {
    int64_t rows, cols;
    void *d;
    const void *a, *b, *c;
    int64_t d_step, a_step, b_step, c_step;
    const char *ahead;       /* arithmetic fetches memory for later on the way: ahead_rate / 16 bytes per element from here */
    int64_t ahead_rate;
} vm_args;
typedef void (*vm_fn)(const vm_args *);

/* What a reduction has seen of one row: the value (f for floats: f32 sums meet in f64), and for ARGMIN and ARGMAX the
 * index, -1 before the first element. */
typedef struct vm_state {
    program_value value;
    int64_t index;
} vm_state;

typedef struct vm_table {
    /* The last index says which operands are scalars: bit 0 for a, 1 for b, 2 for c. NULL where a mode is missing: the
     * planner then spreads the scalar over a block first. */
    vm_fn op[PROGRAM_OP_COUNT][PT_COUNT][VM_MODES];
    /* Memory at a to the register d, or register a to memory d; the memory's step is its row stride, and b_step its
     * column stride. */
    vm_fn load[CAIRN_DTYPE_COUNT], store[CAIRN_DTYPE_COUNT];
    /* As store, past the caches; only for contiguous columns of types that need no conversion, else NULL. stream_end comes
     * after the last of a thread. */
    vm_fn stream[CAIRN_DTYPE_COUNT];
    void (*stream_end)(void);
    vm_fn cast[PT_COUNT][PT_COUNT];                     /* [from][to] */
    vm_fn narrow[PT_COUNT][CAIRN_DTYPE_COUNT];
    vm_fn splat[PT_COUNT];                              /* scalar a to d */
    vm_fn moments;                                      /* takes the arguments of five steps, of f32: moments.c */
    vm_fn index;                                        /* d[r][i] = c_step + r * a_step + i * b_step */
    /* Folds each row of a into the vm_state at d + r * sizeof; c_step is the first column's index. */
    vm_fn reduce_row[PROGRAM_REDUCTION_COUNT][PT_COUNT];
    /* Folds each column of a into element d[i]; ARG kinds: vm_state d[i], and c_step is the first row's index. */
    vm_fn reduce_column[PROGRAM_REDUCTION_COUNT][PT_COUNT];
} vm_table;

/* The best set that this process may use, and (for tests) any set that the machine has; NULL for one it lacks. */
const vm_table *vm_table_best(void);
const vm_table *vm_table_of(int isa);
/* Tests: programs finished by this thread from now on use `isa`; -1 for the best again. */
void vm_table_force(int isa);

/* ---- Nodes: the program as it is built ---------------------------------------------------------- */

typedef enum vm_kind {
    VM_LOAD, VM_INDEX, VM_SCALAR, VM_OP, VM_CAST, VM_NARROW, VM_SPLAT, VM_REDUCE_ROW, VM_REDUCE_COLUMN, VM_STORE
} vm_kind;

/* In this order a broader class absorbs a smaller; columns mix with uniform values only. */
typedef enum vm_class { VM_UNIFORM, VM_ROW, VM_BLOCK_CLASS, VM_COLUMN } vm_class;

typedef struct vm_node {
    uint8_t kind, type, class, dtype;    /* dtype: of a load, a store, a narrowing */
    uint8_t code;                        /* program_op or program_reduction */
    bool live;
    int16_t level;                       /* the phase that can compute it first: row reductions that lie before it */
    int16_t index;                       /* operand, or slot of a scalar */
    int16_t in[3];                       /* -1 for none */
    int16_t uses;                        /* by live nodes */
    int32_t cost;                        /* to compute it again from memory, in units of an addition */
} vm_node;

/* ---- Plans: the program as it runs --------------------------------------------------------------- */

typedef enum vm_step_kind {
    STEP_OP, STEP_LOAD, STEP_INDEX, STEP_STORE, STEP_DIRECT, STEP_KEEP, STEP_REDUCE,
    STEP_MOMENTS, STEP_PART                             /* the first of five, which does all of it; the others */
} vm_step_kind;

typedef struct vm_step {
    vm_fn fn;
    uint16_t d, a, b, c;                 /* refs; a reduction's d is its number */
    uint8_t kind;
    uint8_t vectors;                     /* bit 0: a is a vector operand, 1: b, 2: c */
    bool per_row;                        /* has a scalar operand that differs between rows */
    uint8_t code, type;                  /* of a reduction */
    int16_t access;
} vm_step;

/* Where a ref lies. */
typedef enum vm_space { SPACE_UNIFORM, SPACE_ROW, SPACE_REGISTER4, SPACE_REGISTER8, SPACE_KEEP, SPACE_COLUMN } vm_space;
typedef struct vm_place {
    uint8_t space, bytes;                /* bytes of one element */
    uint16_t number;
} vm_place;

typedef struct vm_phase {
    int first, end;                      /* steps over blocks */
    int row_end;                         /* steps end ... row_end over one element a row (or column), after it */
    int reduction, reduction_end;        /* the reductions that this phase computes */
} vm_phase;

typedef struct vm_reduction {
    uint8_t code, type;
    uint16_t result;                     /* ref */
} vm_reduction;

/* Memory that a step touches. */
typedef struct vm_access {
    int16_t operand;
    uint8_t dtype, kind;                 /* VM_LOAD, VM_INDEX, VM_STORE */
    uint8_t class;                       /* of a store */
} vm_access;

/* Run-time conditions between a store and a load of the same memory. */
typedef struct vm_conflict {
    int16_t store, load;
    bool forbids_direct;                 /* else it forbids the load to be used in place */
} vm_conflict;

typedef struct vm_plan {
    int step_count, phase_count, ref_count, access_count, reduction_count, conflict_count;
    int registers4, registers8, rows, keeps, columns;      /* how many of each space */
    vm_step *steps;
    vm_phase *phases;
    vm_place *places;
    vm_access *accesses;
    vm_reduction *reductions;
    vm_conflict *conflicts;
    int store_first, store_end;          /* steps that store one element per row or column, at the very end */
} vm_plan;

struct program {
    vm_node *nodes;
    int count, room;
    bool failed, finished;
    bool has_row_reduction, has_column_reduction;
    int operand_count, scalar_count;     /* one more than the highest in use */
    int uniform_count;
    int64_t cost;                        /* of one element, in units of an addition */
    const vm_table *table;
    vm_plan keep, again;                 /* values that several phases need are kept, or computed again */
    bool keeps_differ;                   /* else `again` is empty and `keep` serves for both */
    /* Uniform values: scalars first, then steps that combine them. */
    int uniform_step_count;
    vm_step *uniform_steps;
};

int program_type_bytes(program_type type);
/* Brings the nodes of such a pass together; joins their steps. */
cairn_status vm_gather_moments(program *p);
void vm_join_moments(const vm_table *t, vm_step *steps, int count);
cairn_status vm_plan_build(program *p);
void vm_plan_free(vm_plan *plan);

/* The scalar oracle: the whole program, one element at a time. Allocates. Sums in f64. */
cairn_status program_run_reference(const program_call *call);

/* Scalar functions that the C library lacks; for f64 and the oracle. */
double vm_erfinv(double x);
double vm_digamma(double x);
double vm_lgamma(double x);

#endif
