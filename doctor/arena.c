/* The arena: a chain of blocks, each of which is cut from its start. */
#include "doctor/arena.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 16 << 10, SCRAP_BYTES = 1 << 10, ALIGN = 16 };

typedef struct block {
    struct block *next;
    size_t used, size;
    char bytes[] __attribute__((aligned(ALIGN)));
} block;

struct arena {
    block *blocks;
    bool failed;
    char scrap[SCRAP_BYTES] __attribute__((aligned(ALIGN)));
};

arena *arena_new(void)
{
    return mem_new(sizeof(arena));
}

void arena_free(arena *a)
{
    if (!a)
        return;
    for (block *b = a->blocks; b;) {
        block *next = b->next;
        mem_free(b);
        b = next;
    }
    mem_free(a);
}

bool arena_failed(const arena *a)
{
    return a->failed;
}

static block *add_block(arena *a, size_t bytes)
{
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    block *b = mem_new(sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

/* The scrap stands in for any small object; callers that ask for more handle NULL. */
static void *scrap(arena *a, size_t bytes)
{
    a->failed = true;
    memset(a->scrap, 0, sizeof a->scrap);
    return bytes <= sizeof a->scrap ? a->scrap : NULL;
}

void *arena_take(arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return scrap(a, bytes);
    bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    block *b = a->blocks;
    if (!b || b->size - b->used < bytes)
        b = add_block(a, bytes);
    if (!b)
        return scrap(a, bytes);
    void *taken = b->bytes + b->used;
    b->used += bytes;
    return taken;
}

const char *arena_copy(arena *a, const char *text, size_t bytes)
{
    size_t length = strnlen(text, bytes);
    char *copy = arena_take(a, length + 1);
    if (!copy || a->failed)
        return "";
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

const char *arena_text(arena *a, const char *text)
{
    return text ? arena_copy(a, text, SIZE_MAX / 4) : NULL;
}

const char *arena_format(arena *a, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : arena_take(a, (size_t)length + 1);
    if (text && !a->failed)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text && !a->failed ? text : "";
}

/* Capacities are the powers of two, so the count alone tells when a list is full. */
void *list_grow(arena *a, void *list, size_t item_bytes)
{
    CAIRN_LIST(char) *l = list;
    bool full = l->count == 0 || (l->count >= 4 && (l->count & (l->count - 1)) == 0);
    if (full) {
        size_t capacity = l->count ? (size_t)l->count * 2 : 4;
        char *items = arena_take(a, capacity * item_bytes);
        if (!items || a->failed)
            return scrap(a, item_bytes);
        if (l->count)
            memcpy(items, l->items, (size_t)l->count * item_bytes);
        l->items = items;
    }
    l->known = CAIRN_YES;
    return l->items + (size_t)l->count++ * item_bytes;
}

void texts_add(arena *a, cairn_texts *list, const char *text)
{
    *LIST_ADD(a, list) = text;
}

bool texts_contain(const cairn_texts *list, const char *text)
{
    for (int i = 0; i < list->count; i++)
        if (text_is(list->items[i], text))
            return true;
    return false;
}

void pairs_add(arena *a, cairn_pairs *list, const char *key, const char *value)
{
    *LIST_ADD(a, list) = (cairn_pair){key, value};
}

const char *pairs_get(const cairn_pairs *list, const char *key)
{
    for (int i = 0; i < list->count; i++)
        if (text_is(list->items[i].key, key))
            return list->items[i].value;
    return NULL;
}

bool text_is(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

bool text_has(const char *text, const char *part)
{
    return text && strstr(text, part);
}

bool text_starts(const char *text, const char *start)
{
    return text && !strncmp(text, start, strlen(start));
}

bool text_ends(const char *text, const char *end)
{
    size_t a = text ? strlen(text) : 0, b = strlen(end);
    return text && a >= b && !strcmp(text + a - b, end);
}
