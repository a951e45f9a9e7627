/* Names in nested scopes. */
#ifndef RUNTIME_PTX_NAMES_H
#define RUNTIME_PTX_NAMES_H
#include "runtime/ptx/arena.h"

typedef enum name_kind { NAME_NONE, NAME_REGISTER, NAME_VARIABLE, NAME_LOCAL, NAME_PARAM, NAME_FUNCTION } name_kind;

typedef struct name_entry {
    const char *text;
    int length, next, bucket;
    name_kind kind;
    int index;
} name_entry;

enum { NAME_BUCKETS = 1024 };

/* Starts as zeros. An entry shadows an older one of the same text until its scope is left. */
typedef struct name_table {
    name_entry *entries;
    int count;
    int bucket[NAME_BUCKETS]; /* index + 1 of the newest entry */
} name_table;

bool names_add(name_table *n, arena *a, const char *text, int length, name_kind kind, int index);
const name_entry *names_find(const name_table *n, const char *text, int length);
/* Leaves scopes: forgets all entries but the first `count`. */
void names_shrink(name_table *n, int count);

#endif
