/* What the checks know of memory: a sorted list of allocations, and beside each the bytes that were written and who
 * accessed them last. Shadows are mapped when first needed and cost memory only where the program goes. */
#ifndef RUNTIME_EXEC_SHADOW_H
#define RUNTIME_EXEC_SHADOW_H
#include "runtime/exec/check.h"

/* One thread's access to some bytes of a word of four. */
typedef struct shadow_access {
    uint32_t time, block, line;  /* time 0: nobody's yet */
    uint16_t thread;
    uint8_t bytes;               /* which of the four */
    bool atomic;                 /* or volatile: two such do not race */
} shadow_access;

/* The last accesses to a word: enough to see most races, and never one that is none. */
typedef struct shadow_word {
    shadow_access write, read[2];
} shadow_word;

typedef struct shadow {
    uintptr_t base;
    size_t bytes;
    check_kind kind;
    const char *name;
    uint32_t freed;              /* 0: not yet; else the number of its freeing */
    uint8_t *written;            /* a bit for each byte; NULL: all count as written */
    shadow_word *words;
} shadow;

/* Adds an allocation; false when there is no memory for its shadow, and then it is not known. */
bool shadow_add(uintptr_t base, size_t bytes, check_kind kind, const char *name, unsigned checks);
void shadow_remove(shadow *s);
/* The allocation that holds `address`, else the nearest that ends before it, else NULL. */
shadow *shadow_find(uintptr_t address);
static inline bool shadow_holds(const shadow *s, uintptr_t address, size_t bytes)
{
    return s && address >= s->base && address - s->base <= s->bytes && s->bytes - (address - s->base) >= bytes;
}
/* The oldest freed allocation, or NULL. */
shadow *shadow_oldest_freed(void);
/* Calls `visit` for all allocations, by address. */
void shadow_each(void (*visit)(shadow *s, void *context), void *context);

void shadow_mark(shadow *s, uintptr_t address, size_t bytes, bool written);
bool shadow_is_written(const shadow *s, uintptr_t address, size_t bytes);
void shadow_copy_marks(shadow *to, uintptr_t to_address, const shadow *from, uintptr_t from_address, size_t bytes);

/* What is known of `bytes` bytes that are no allocation: sets .written and .words as `checks` need them. False: no memory for them.
 * shadow_close takes them back. */
bool shadow_open(shadow *s, size_t bytes, unsigned checks);
void shadow_close(shadow *s);

/* Forgets who accessed it. */
void shadow_forget(shadow *s);

/* Zeroed pages, unmapped again by shadow_unmap. NULL when there are none. */
void *shadow_map(size_t bytes);
void shadow_unmap(void *memory, size_t bytes);

#endif
