/* Memory that is freed all at once, and arrays that grow in it. */
#ifndef RUNTIME_ARENA_H
#define RUNTIME_ARENA_H
#include "base/error.h"
#include "base/memory.h"

typedef struct arena_chunk arena_chunk;
typedef struct arena {
    arena_chunk *chunks;
} arena;

/* Zeroed memory, aligned to 16 bytes; NULL with CAIRN_E_MEMORY recorded. */
void *arena_alloc(arena *a, size_t bytes);
char *arena_string(arena *a, const char *text, size_t length);
void arena_free(arena *a);

/* Makes room for one more element behind `count`: the new place of the array, or NULL (the old array
 * stays valid). Capacities are powers of two, so none needs to be stored. */
void *arena_grow(arena *a, void *array, int count, size_t element_bytes);

/* The address of a new zeroed last element of `array`, or NULL. */
#define arena_push(a, array, count)                                                                   \
    ({                                                                                                \
        void *grown_ = arena_grow(a, array, count, sizeof *(array));                                  \
        if (grown_)                                                                                   \
            (array) = grown_;                                                                         \
        grown_ ? &(array)[(count)++] : NULL;                                                          \
    })

#endif
