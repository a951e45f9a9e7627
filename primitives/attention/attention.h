/* What the two passes of attention share: a checked descriptor, panels of queries with the keys they see, and loading. */
#ifndef PRIMITIVES_ATTENTION_ATTENTION_H
#define PRIMITIVES_ATTENTION_ATTENTION_H
#include "primitives/attention/kernel.h"
#include <cairn/dnn.h>

typedef struct attention {
    cairn_attention d;                  /* no zeros left where a zero means something else */
    attention_kernel *kernel;
    int64_t bytes;                      /* of an element of the user's */
    bool half;                          /* f16 or bf16: rows are widened before use */
} attention;

/* The part of a head's queries that one panel holds. */
typedef struct attention_panel {
    int64_t batch, head, kv_head;
    int64_t first, count;               /* count: within the sequence; 0 or less behind its end */
    int64_t position;                   /* of the first query among the keys */
    int64_t begin, end;                 /* keys that at least one query sees */
} attention_panel;

#define LOG2_E 1.44269504088896340736
#define LN_2 0.69314718055994530942

cairn_status attention_check(const cairn_attention *d, attention *a);
/* An output's rows do not overlap. */
cairn_status attention_distinct(const attention *a, const char *name, const cairn_attention_rows *r, int64_t heads, int64_t positions,
                                int64_t width);
cairn_status attention_too_small(int64_t given, int64_t needed);

int64_t attention_forward_workspace(const attention *a);
int64_t attention_gradient_workspace(const attention *a);

int64_t attention_keys(const attention *a, int64_t batch);
/* Queries first ... first + most - 1. */
attention_panel attention_panel_at(const attention *a, int64_t batch, int64_t head, int64_t first, int64_t most);

/* The row of a position, as the user has it. */
static inline char *attention_row(const attention *a, const void *base, const cairn_attention_rows *r, int64_t batch, int64_t head,
                                  int64_t position)
{
    return (char *)(uintptr_t)base + (batch * r->batch + head * r->head + position * r->row) * a->bytes;
}

/* Rows from `position` on: in place, or widened to `room` (count x width). *step: elements from one to the next. */
const void *attention_rows(const attention *a, const void *base, const cairn_attention_rows *r, int64_t batch, int64_t head,
                           int64_t position, int64_t count, int64_t width, void *room, int64_t *step);

/* The mask of keys key0 ... as numbers to add to powers of two: keys x panel. */
void attention_bias(const attention *a, const attention_panel *p, int64_t key0, int64_t keys, void *bias);

/* Which lanes see the keys from key0 on; false when all see all. */
bool attention_edges(const attention *a, const attention_panel *p, int64_t key0, int64_t keys, int64_t *low, int64_t *high);

/* Numbers in the kernel's type. */
static inline double attention_get(const attention *a, const void *x, int64_t i)
{
    return a->kernel->element_bytes == 8 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

static inline void attention_set(const attention *a, void *x, int64_t i, double v)
{
    if (a->kernel->element_bytes == 8)
        ((double *)x)[i] = v;
    else
        ((float *)x)[i] = (float)v;
}

/* Scratch memory is cut by offsets, so that asking for its size and using it are the same code. */
static inline int64_t attention_cut(int64_t *bytes, int64_t elements, int64_t element_bytes)
{
    const int64_t at = *bytes;
    *bytes += (elements * element_bytes + 63) / 64 * 64;
    return at;
}

#endif
