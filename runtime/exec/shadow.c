#define _GNU_SOURCE
#include "runtime/exec/shadow.h"
#include "base/memory.h"
#include <string.h>
#include <sys/mman.h>

static struct {
    shadow *items;               /* by base */
    size_t count, capacity;
} table;

/* ---- Pages --------------------------------------------------------------------------------------- */
void *shadow_map(size_t bytes)
{
    void *p = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void shadow_unmap(void *memory, size_t bytes)
{
    if (memory)
        munmap(memory, bytes ? bytes : 1);
}

static size_t mark_bytes(size_t bytes) { return bytes / 8 + 1; }
static size_t word_bytes(size_t bytes) { return (bytes / 4 + 2) * sizeof(shadow_word); }

/* ---- The list ------------------------------------------------------------------------------------ */
/* The number of allocations that begin at or before `address`. */
static size_t upper_bound(uintptr_t address)
{
    size_t low = 0, high = table.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (table.items[middle].base <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room(void)
{
    if (table.count < table.capacity)
        return true;
    size_t capacity = table.capacity ? 2 * table.capacity : 64;
    shadow *grown = mem_resize(table.items, capacity * sizeof *grown);
    if (!grown)
        return false;
    table.items = grown;
    table.capacity = capacity;
    return true;
}

bool shadow_add(uintptr_t base, size_t bytes, check_kind kind, const char *name, unsigned checks)
{
    shadow s = {.base = base, .bytes = bytes, .kind = kind, .name = name};
    bool tracks = kind == CHECK_DEVICE || kind == CHECK_HEAP;   /* others the host writes unseen */
    if (tracks && (checks & CHECK_INIT))
        s.written = shadow_map(mark_bytes(bytes));
    if (checks & CHECK_RACE)
        s.words = shadow_map(word_bytes(bytes));
    bool complete = (!tracks || !(checks & CHECK_INIT) || s.written) && (!(checks & CHECK_RACE) || s.words);
    if (!complete || !make_room()) {
        shadow_unmap(s.written, mark_bytes(bytes));
        shadow_unmap(s.words, word_bytes(bytes));
        return false;
    }
    size_t at = upper_bound(base);
    memmove(table.items + at + 1, table.items + at, (table.count - at) * sizeof *table.items);
    table.items[at] = s;
    table.count++;
    return true;
}

void shadow_remove(shadow *s)
{
    shadow_unmap(s->written, mark_bytes(s->bytes));
    shadow_unmap(s->words, word_bytes(s->bytes));
    size_t at = (size_t)(s - table.items);
    memmove(s, s + 1, (table.count - at - 1) * sizeof *s);
    table.count--;
}

shadow *shadow_find(uintptr_t address)
{
    size_t at = upper_bound(address);
    return at ? &table.items[at - 1] : NULL;
}

shadow *shadow_oldest_freed(void)
{
    shadow *oldest = NULL;
    for (size_t i = 0; i < table.count; i++)
        if (table.items[i].freed && (!oldest || table.items[i].freed < oldest->freed))
            oldest = &table.items[i];
    return oldest;
}

void shadow_each(void (*visit)(shadow *s, void *context), void *context)
{
    for (size_t i = 0; i < table.count; i++)
        visit(&table.items[i], context);
}

/* ---- Which bytes were written -------------------------------------------------------------------- */
static void mark_byte(shadow *s, size_t at, bool written)
{
    uint8_t bit = (uint8_t)(1 << at % 8), *bits = &s->written[at / 8];
    *bits = written ? *bits | bit : *bits & (uint8_t)~bit;
}

void shadow_mark(shadow *s, uintptr_t address, size_t bytes, bool written)
{
    if (!s->written)
        return;
    size_t from = address - s->base, to = from + bytes;
    for (; from < to && from % 8; from++)
        mark_byte(s, from, written);
    if (to - from >= 8) {
        memset(s->written + from / 8, written ? 0xff : 0, (to - from) / 8);
        from += (to - from) / 8 * 8;
    }
    for (; from < to; from++)
        mark_byte(s, from, written);
}

static bool byte_is_written(const shadow *s, size_t at) { return !s->written || (s->written[at / 8] >> at % 8 & 1); }

bool shadow_is_written(const shadow *s, uintptr_t address, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (!byte_is_written(s, address - s->base + i))
            return false;
    return true;
}

void shadow_copy_marks(shadow *to, uintptr_t to_address, const shadow *from, uintptr_t from_address, size_t bytes)
{
    for (size_t i = 0; i < bytes && to->written; i++)
        shadow_mark(to, to_address + i, 1, byte_is_written(from, from_address - from->base + i));
}
