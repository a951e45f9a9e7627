/* The control flow of a function, and how masks walk through it.
 *
 * Blocks stand in an order in which every loop is contiguous, its header first and one latch last, and
 * every other edge goes forward. A warp executes blocks in that order: a branch that lanes disagree on
 * ORs the lanes into the entry masks of both successors and goes to the first of the blocks that lanes
 * wait at; branches that all lanes agree on stay jumps. This is partial linearisation (Moll and Hack,
 * PLDI 2018); lanes meet again at the post-dominator at the latest, because it comes after them. */
#ifndef RUNTIME_PTX_FLOW_H
#define RUNTIME_PTX_FLOW_H
#include "runtime/ptx/ptx.h"

enum { NO_BLOCK = -1 };

typedef struct flow_block {
    int first, count;       /* its instructions in the function's code, a final bra, ret or exit included */
    int succ[2], succ_count; /* succ[0] is where a conditional branch goes when taken */
    int condition;          /* instruction index of the conditional branch, or -1 */
    int loop;               /* innermost loop, or -1 */
    bool divergent;         /* lanes may disagree on the branch */
    bool meets;             /* lanes may come from here to a barrier or an operation of the warp; else they only go on to their end */
    bool checked;           /* enters by testing its mask, because it may be empty */
    uint64_t *waiting;      /* blocks at which lanes of the warp may wait while this one runs */
    uint64_t *parked;       /* headers of spins at which lanes may be parked meanwhile (spin.c) */
    uint64_t *live_in;      /* registers that are read before they are written, from here on */
} flow_block;

typedef struct flow_loop {
    int header, latch, parent;
    bool divergent;         /* lanes leave it at different iterations */
    bool spins, parks;      /* waits for somebody; for lanes of its own warp, maybe */
    uint64_t *returns;      /* parks: the blocks before which parked lanes go on */
    uint64_t *members;
} flow_loop;

/* Where a register is written: the first instruction; whether all others are equal to it, and pure. */
typedef struct register_writes {
    int first, block, count;
    bool equal;
} register_writes;

typedef struct flow {
    const ptx_module *m;
    ptx_function *f;
    arena *arena;
    flow_block *blocks;     /* in execution order; the last is the end, where finished lanes wait */
    int count;
    flow_loop *loops;
    int loop_count;
    register_writes *writes; /* of each register */
    uint64_t *settled;      /* registers that lanes may write for others (settled.c) */
    int block_words, register_words; /* of the bit sets */
} flow;

/* Builds blocks, loops, order and liveness. E_UNSUPPORTED for loops with two entries. */
cairn_status flow_build(flow *g, arena *a, const ptx_module *m, ptx_function *f);
/* Finds where lanes wait, from the blocks' `divergent`. */
void flow_linearise(flow *g);

static inline int flow_end(const flow *g) { return g->count - 1; }
static inline bool bit_test(const uint64_t *set, int i) { return set[i / 64] >> (i % 64) & 1; }
static inline void bit_set(uint64_t *set, int i) { set[i / 64] |= 1ull << (i % 64); }
static inline void bit_clear(uint64_t *set, int i) { set[i / 64] &= ~(1ull << (i % 64)); }
bool bits_any(const uint64_t *set, int words);
int bits_first(const uint64_t *set, int words); /* NO_BLOCK when empty */

/* Whether a lane that is elsewhere while block b runs will read what `reg` holds now. */
bool lanes_wait_for(const flow *g, const flow_block *b, int reg);
/* Whether it needs to be spared by a write: what it reads is not what is written. */
static inline bool lanes_keep(const flow *g, const flow_block *b, int reg) { return !bit_test(g->settled, reg) && lanes_wait_for(g, b, reg); }

/* settled.c: finds `writes`; then, where lanes wait being known, `settled`. */
cairn_status flow_find_writes(flow *g);
void flow_settle(flow *g);

/* spin.c: an instruction that a loop may wait with; one that needs all lanes of the warp, before which blocks end then. */
bool may_ask(const ptx_instruction *in);
bool needs_all(const ptx_instruction *in);
/* Finds loops that wait, and which blocks' lanes meet others. flow_park: those that have become divergent park lanes; true if there are new ones. */
cairn_status flow_find_spins(flow *g);
bool flow_park(flow *g);

/* Where control goes from block b when its lanes go to `target`: the first of target and the waiting. */
int flow_next(const flow *g, int b, int target);
/* The first block that lanes wait at, when block b has none: NO_BLOCK when nobody waits. */
int flow_skip(const flow *g, int b);

#endif
