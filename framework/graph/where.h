/* The user's source line: set by the macros of <cairn/lines.h>, read when a value is built. */
#ifndef FRAMEWORK_GRAPH_WHERE_H
#define FRAMEWORK_GRAPH_WHERE_H

typedef struct cairn_where {
    const char *file;
    int line;
} cairn_where;
extern _Thread_local cairn_where cairn_here;

#endif
