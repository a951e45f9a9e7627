/* Evaluation: collect what is pending, find or make its plan, run it.
 *
 *   collect.c    the pending graph below the targets, in order, and its key
 *   schedule.c   cuts it into kernels: what is fused with what
 *   emit.c       each kernel as a program or a library call on slots
 *   plan.c       slots to memory: order, lifetimes, buffer reuse; the cache of plans
 *   run.c        runs a plan
 *   evaluate.c   the entry, and the modes */
#ifndef FRAMEWORK_EXEC_H
#define FRAMEWORK_EXEC_H
#include "framework/graph/graph.h"

/* ---- The pending graph ------------------------------------------------------------------------------ */

enum wanted { TARGET = 1, SOFT = 2 };        /* SOFT: keeps its buffer if it happens to get one */

/* `at` holds the values in topological order, evaluated ones as leaves. The key spells out everything that the plan
 * depends on: operations, shapes, types, attributes, strides of leaves, what is wanted; and nothing else:
 * numbers and addresses come at run time. */
typedef struct pending {
    value **at;
    uint8_t *wanted;
    int32_t *edges;                          /* how often each is an input within this graph */
    int32_t count, capacity;
    int64_t *key;
    int64_t key_words, key_capacity;
    uint64_t hash;
} pending;

cairn_status collect(pending *g, int count, value *const *targets);
void pending_free(pending *g);

/* ---- The schedule ----------------------------------------------------------------------------------- */

typedef enum kernel_form { FORM_MAP, FORM_ROW, FORM_COLUMN, FORM_LIBRARY, FORM_COPY } kernel_form;

enum { NOWHERE = -1, MAX_MEMBERS = 128 };

/* A value of the pending graph, as the scheduler sees it. */
typedef struct node {
    int64_t stride[CAIRN_MAX_RANK];          /* of its elements in its storage */
    int64_t offset;
    int32_t storage;                         /* the node whose slot holds it: itself, or a view's source */
    int32_t constant;                        /* the CONSTANT whose number all its elements are; or NOWHERE */
    int32_t group;                           /* the group it is computed in; NOWHERE: nowhere, or inlined */
    int32_t next_member;
    int32_t first_use;                       /* the earliest root that reads it; INT32_MAX: none */
    int32_t slot;
    int32_t ssa, ssa_kernel;                 /* emitted as, in which kernel */
    int8_t inlined;                          /* not 0: made of numbers and positions alone, in so many instructions: computed
                                                wherever it is used */
    bool stored;                             /* gets memory */
} node;

/* What becomes one kernel: it runs at the place of its root, its last value. */
typedef struct group {
    kernel_form form;
    int32_t root, first_member, members, operands;
    int32_t library;                         /* the LIBRARY value whose epilogue this is; or NOWHERE */
    shape domain;
    uint32_t reduced;                        /* axes of the domain */
    bool channels_last;                      /* memory order of the domain */
} group;

typedef struct schedule {
    const pending *g;
    node *nodes;
    group *groups;                           /* by descending root */
    int32_t count;
    int32_t *consumer_start, *consumers;
} schedule;

cairn_status schedule_make(schedule *s, const pending *g);
void schedule_free(schedule *s);
kernel_form reduction_form(const value *v);
/* The axes of a shape in memory order, outermost first, without those of size 1; returns their number. */
int axes_in_memory(const shape *s, bool channels_last, int *axes);

/* ---- The plan ---------------------------------------------------------------------------------------- */

typedef enum slot_kind { SLOT_LEAF, SLOT_TEMPORARY, SLOT_OUTPUT } slot_kind;

typedef struct slot {
    slot_kind kind;
    int32_t value;                           /* NOWHERE for copies and workspaces */
    int32_t donor;                           /* the slot whose place it takes; a leaf's only if nobody else needs it then */
    int32_t first, last;                     /* kernels that use it */
    int32_t next_beginning, next_ending;     /* in the lists of those */
    bool given;                              /* its place goes on as another slot's */
    int64_t bytes, at;                       /* `at`: of a temporary, in the plan's arena */
} slot;

typedef struct operand {
    int32_t slot;                            /* NOWHERE: an index operand */
    int32_t value;                           /* of an index operand: where `start` comes from */
    int64_t byte_offset;
    int64_t loop_stride[CAIRN_MAX_RANK];     /* bytes, per loop axis */
} operand;

typedef struct kernel {
    kernel_form form;
    int32_t library;                         /* value index of the library operation; or NOWHERE */
    int32_t root;
    int32_t operand_count, scalar_count, reads, loops, input_count;
    program *program;
    program_call call;                       /* operands and scalars are filled in at each run */
    operand *operands;
    int32_t *scalars;                        /* value indices of CONSTANTs */
    int64_t loop_size[CAIRN_MAX_RANK];
    operand *inputs;                         /* of the library operation */
    view *views;                             /* likewise: shapes and strides */
    view out;
    operand out_operand;
    bool fuses;                              /* its epilogue is `fused`, whose memory the operands say, not a program */
    cairn_fused fused;
    operand scale, bias, residual;           /* slot NOWHERE: there is none */
    int32_t scratch_slot;
    int32_t begins, ends;                    /* temporaries, while memory is planned */
    int64_t read_bytes, write_bytes;
    char name[64];
} kernel;

typedef struct kept {                        /* a value that has a buffer after the run */
    int32_t value, slot;
    int64_t offset, stride[CAIRN_MAX_RANK];
} kept;

typedef struct plan {
    struct plan *next;                       /* in its bucket */
    uint64_t hash, used;
    int64_t *key, key_words;
    slot *slots;
    kernel *kernels;
    kept *keeps;
    int32_t slot_count, slot_capacity, kernel_count, kernel_capacity, keep_count;
    int64_t arena_bytes;
    bool has_donors;
    void **pointers;                         /* scratch of a run: of each slot */
    buffer **buffers;
} plan;

/* Finds the plan of g in the thread's cache or makes it. Owned by the cache; valid until the next call. */
plan *plan_find(const pending *g);
cairn_status emit_kernels(plan *p, schedule *s);
void plan_free(plan *p);
int32_t plan_slot(plan *p, slot_kind kind, int32_t value, int64_t bytes);
kernel *plan_kernel(plan *p);

cairn_status plan_run(plan *p, pending *g);
/* What plan_run will have allocated at its peak. */
int64_t plan_peak_bytes(plan *p, pending *g);

/* CAIRN_CHECK_NAN=1: E_NAN when v is not finite though its inputs are. */
cairn_status check_finite(const value *v);

typedef struct plan_cache plan_cache;
void plan_cache_free(plan_cache *c);
pending *thread_pending(void);

#endif
