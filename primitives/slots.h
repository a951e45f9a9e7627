/* Tasks over threads, with memory by slot.
 *
 * A slot is one of the tasks' concurrent runners and owns a piece of the caller's workspace. As many slots run as there is
 * workspace for, on whatever threads the pool has; each takes tasks until none is left. */
#ifndef PRIMITIVES_SLOTS_H
#define PRIMITIVES_SLOTS_H
#include <stdint.h>

typedef void (*slot_task)(void *context, int64_t task, int64_t slot);
void slots_run(int64_t tasks, int64_t slots, slot_task fn, void *context);

/* Sizes, as every blocking needs them. */
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }
static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Rows of a tile such that all tiles of `rows` are about equal and none exceeds `most`. */
static inline int64_t even_tile(int64_t rows, int64_t most)
{
    return rows > most ? ceil_div(rows, ceil_div(rows, most)) : larger(rows, 1);
}

#endif
