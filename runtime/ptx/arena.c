#include "runtime/ptx/arena.h"
#include <string.h>

struct arena_chunk {
    arena_chunk *next;
    size_t used, capacity;
    _Alignas(16) unsigned char bytes[];
};

enum { CHUNK_BYTES = 64 << 10 };

static arena_chunk *chunk_new(arena *a, size_t bytes)
{
    size_t capacity = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    arena_chunk *chunk = mem_new(sizeof *chunk + capacity);
    if (!chunk)
        return NULL;
    chunk->capacity = capacity;
    chunk->next = a->chunks;
    return a->chunks = chunk;
}

void *arena_alloc(arena *a, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    arena_chunk *chunk = a->chunks;
    if (!chunk || chunk->capacity - chunk->used < bytes)
        chunk = chunk_new(a, bytes);
    if (!chunk)
        return NULL;
    void *place = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return place;
}

char *arena_string(arena *a, const char *text, size_t length)
{
    char *copy = arena_alloc(a, length + 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

void *arena_grow(arena *a, void *array, int count, size_t element_bytes)
{
    if (count && (count & (count - 1)))
        return array;
    if (count == 1)
        return array;                      /* the first allocation holds two */
    size_t capacity = count ? (size_t)count * 2 : 2;
    void *grown = arena_alloc(a, capacity * element_bytes);
    if (grown && count)
        memcpy(grown, array, (size_t)count * element_bytes);
    return grown;
}

void arena_free(arena *a)
{
    while (a->chunks) {
        arena_chunk *next = a->chunks->next;
        mem_free(a->chunks);
        a->chunks = next;
    }
}
