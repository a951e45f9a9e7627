/* The sequences behind cuRAND's host API, and how many of them share the numbers of a call (see cuda/curand.h). */
#ifndef RUNTIME_CURAND_SEQUENCES_H
#define RUNTIME_CURAND_SEQUENCES_H
#include <cuda/curand.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum family { XORWOW, MRG32K3A, PHILOX } family;

/* X(kind, bytes of a number, whether they come in pairs) */
#define CURAND_KINDS(X)                                                                                             \
    X(WORDS, 4, false) X(UNIFORM, 4, false) X(UNIFORM_DOUBLE, 8, false) X(NORMAL, 4, true) X(NORMAL_DOUBLE, 8, true) \
    X(LOG_NORMAL, 4, true) X(LOG_NORMAL_DOUBLE, 8, true) X(POISSON_TABLE, 4, false) X(POISSON_NORMAL, 4, false)
typedef enum kind {
#define X(kind, bytes, pairs) kind,
    CURAND_KINDS(X)
#undef X
} kind;
bool kind_is_paired(kind k);

/* Counts first ... first + size - 1, each with an equal share of the words; within its share a word below `own` of it stands for the
 * count itself, the others for another (Walker 1977; Marsaglia, Tsang and Wang 2004). */
typedef struct poisson_table {
    uint32_t first, size;
    struct { double own; uint32_t other; } share[];
} poisson_table;
/* NULL without memory; free it. 0 < lambda < 2000. */
poisson_table *poisson_table_make(double lambda);

/* Numbers to make: POISSON_NORMAL has lambda as mean, and its root as deviation. */
typedef struct draw {
    kind kind;
    void *out;
    size_t count;
    double mean, deviation;
    const poisson_table *poisson;
} draw;

typedef struct state state;
typedef struct sequences {
    family family;
    int count;
    state *states;
    uint64_t seed;
    uint64_t group;    /* numbers come in groups of one sequence each: the sequence of the next group is group % count */
    int within;        /* numbers of that group that were given out; Philox alone leaves groups unfinished */
} sequences;

/* Memory for the states, not yet seeded. false without memory: *s is as before. */
bool sequences_make(sequences *s, family f, int count);
void sequences_free(sequences *s);
/* The next number is number `position` of the words. */
void sequences_seed(sequences *s, uint64_t seed, uint64_t position);
void sequences_draw(sequences *s, const draw *d);

#endif
