/* Walking the graph: values in topological order, inputs first. */
#ifndef FRAMEWORK_GRAPH_WALK_H
#define FRAMEWORK_GRAPH_WALK_H
#include "framework/graph/graph.h"

typedef struct walk {
    value **at;                       /* at[i]->index == i as long as no other walk passes there */
    int64_t count, capacity;
    uint64_t mark;
} walk;

/* All values that the roots depend on through values that `enter` accepts (roots included if it accepts them).
 * false when memory is out. Recursion-free. */
bool walk_values(walk *w, int count, value *const *roots, bool (*enter)(const value *));
void walk_end(walk *w);
static inline bool walk_has(const walk *w, const value *v) { return v->mark == w->mark && w->mark; }

#endif
