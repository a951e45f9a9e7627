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

static size_t mark_bytes(size_t bytes) { return bytes / 8 + 1 + sizeof(uint64_t); }   /* read eight at a time */
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

void shadow_close(shadow *s)
{
    shadow_unmap(s->written, mark_bytes(s->bytes));
    shadow_unmap(s->words, word_bytes(s->bytes));
    s->written = NULL;
    s->words = NULL;
}

bool shadow_open(shadow *s, size_t bytes, unsigned checks)
{
    s->bytes = bytes;
    if (checks & CHECK_INIT)
        s->written = shadow_map(mark_bytes(bytes));
    if (checks & CHECK_RACE)
        s->words = shadow_map(word_bytes(bytes));
    if ((!(checks & CHECK_INIT) || s->written) && (!(checks & CHECK_RACE) || s->words))
        return true;
    shadow_close(s);
    return false;
}

void shadow_forget(shadow *s)
{
    if (s->words)
        madvise(s->words, word_bytes(s->bytes), MADV_DONTNEED);
}

bool shadow_add(uintptr_t base, size_t bytes, check_kind kind, const char *name, unsigned checks)
{
    shadow s = {.base = base, .kind = kind, .name = name};
    bool tracks = kind == CHECK_DEVICE || kind == CHECK_HEAP;   /* others the host writes unseen */
    if (!shadow_open(&s, bytes, tracks ? checks : checks & ~(unsigned)CHECK_INIT))
        return false;
    if (!make_room()) {
        shadow_close(&s);
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
    shadow_close(s);
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
enum { PIECE = 56 };             /* the bits that eight bytes hold from any bit of their first on */
static uint64_t piece(size_t from, size_t to)
{
    return (((uint64_t)1 << (to - from < PIECE ? to - from : PIECE)) - 1) << from % 8;
}

static void mark_piece(shadow *s, size_t from, size_t to, bool written)
{
    uint64_t bits, wanted = piece(from, to);
    memcpy(&bits, s->written + from / 8, sizeof bits);
    bits = written ? bits | wanted : bits & ~wanted;
    memcpy(s->written + from / 8, &bits, sizeof bits);
}

void shadow_mark(shadow *s, uintptr_t address, size_t bytes, bool written)
{
    size_t from = address - s->base, to = from + bytes;
    if (!s->written)
        return;
    if (bytes > 8 * PIECE) {
        size_t first = (from + 7) / 8, last = to / 8;
        mark_piece(s, from, first * 8, written);
        memset(s->written + first, written ? 0xff : 0, last - first);
        from = last * 8;
    }
    for (; from < to; from += PIECE)
        mark_piece(s, from, to, written);
}

static bool byte_is_written(const shadow *s, size_t at) { return !s->written || (s->written[at / 8] >> at % 8 & 1); }

bool shadow_is_written(const shadow *s, uintptr_t address, size_t bytes)
{
    for (size_t from = address - s->base, to = from + bytes; s->written && from < to; from += PIECE) {
        uint64_t bits, wanted = piece(from, to);
        memcpy(&bits, s->written + from / 8, sizeof bits);
        if (~bits & wanted)
            return false;
    }
    return true;
}

void shadow_copy_marks(shadow *to, uintptr_t to_address, const shadow *from, uintptr_t from_address, size_t bytes)
{
    for (size_t i = 0; i < bytes && to->written; i++)
        shadow_mark(to, to_address + i, 1, byte_is_written(from, from_address - from->base + i));
}
