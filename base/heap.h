/* Blocks above a few pages: best fit with coalescing over regions of huge pages. Not thread-safe: the
 * allocator of memory.c calls it under its lock. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H
#include <cairn/base.h>

/* At least `bytes`, aligned to a page, not cleared; NULL when the system has no more. */
void *heap_take(int64_t bytes);
/* Gives back what heap_take gave. */
void heap_give(void *memory);
/* The bytes that a block of `bytes` occupies. */
int64_t heap_rounded_bytes(int64_t bytes);
/* Bytes of the regions that are not lent out. */
int64_t heap_free_bytes(void);
/* Returns to the system what no lent block needs. */
void heap_trim(void);

#endif
