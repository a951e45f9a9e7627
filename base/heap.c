/* The heap of big blocks.
 *
 * Memory is mapped in regions, aligned to 2 MiB and advised to be huge pages: on new memory the kernel's
 * page faults cost many times the work that a tensor operation does on it, so a region, once mapped, is
 * kept. A region is a row of blocks without gaps. Each block has a header in the 64 bytes before it, which
 * are the last 64 bytes of the page before, so that what users get begins at a page: buffers then have the
 * same offset within a page, and the loads of one never look, to the processor, like the stores to another.
 *
 *     region  | region header ...   h|  block .............. h|  block ..................... |
 *
 * A free block is in the bin of its size, four bins a doubling, and is merged with free neighbours at
 * once. Blocks of less than a megabyte have regions of their own: they would splinter those of the big
 * ones. (PyTorch's allocator for GPUs has the same form, for the same reasons.) */
#define _GNU_SOURCE
#include "base/heap.h"

#include <stddef.h>
#include <sys/mman.h>

enum {
    PAGE = 4096,
    HEADER = 64,
    FIRST_BIN_LOG2 = 12,
    BINS = (47 - FIRST_BIN_LOG2) * 4,
    BIN_WORDS = (BINS + 63) / 64,
};
static const int64_t HUGE_PAGE = 2 << 20, BIG_BLOCK = 1 << 20, MOST_BYTES = (int64_t)1 << 46;
static const int64_t LEAST_REGION = 4 << 20, MOST_GROWTH[] = {32 << 20, 256 << 20}; /* of each part */

typedef struct part part;

typedef struct block {
    int64_t bytes;                 /* header included; a multiple of PAGE */
    struct block *before, *after;  /* neighbours in the region, NULL at its ends */
    struct block *next, *previous; /* within its bin, while it is free */
    part *part;
    bool lent;
} block;
_Static_assert(sizeof(block) <= HEADER, "a header fits before its block");

typedef struct region {
    struct region *next;
    int64_t bytes;
} region;

/* The regions of small blocks, or those of big ones. */
struct part {
    region *regions;
    block *bins[BINS];
    uint64_t filled[BIN_WORDS]; /* one bit a bin */
    int64_t mapped_bytes, free_bytes, most_lent_bytes;
};

static part parts[2]; /* below BIG_BLOCK, and from it on */

/* ---- Bins --------------------------------------------------------------------------------------- */

/* The bin of a size; sizes of one bin lie within a factor of 5/4. */
static int bin_of(int64_t bytes)
{
    int log2 = 63 - __builtin_clzll((uint64_t)bytes);
    int bin = (log2 - FIRST_BIN_LOG2) * 4 + (int)(bytes >> (log2 - 2) & 3);
    return bin < BINS ? bin : BINS - 1;
}

static void bin_insert(block *b)
{
    part *p = b->part;
    int bin = bin_of(b->bytes);
    b->previous = NULL;
    b->next = p->bins[bin];
    if (b->next)
        b->next->previous = b;
    p->bins[bin] = b;
    p->filled[bin / 64] |= 1ull << bin % 64;
    p->free_bytes += b->bytes;
}

static void bin_remove(block *b)
{
    part *p = b->part;
    int bin = bin_of(b->bytes);
    if (b->next)
        b->next->previous = b->previous;
    if (b->previous)
        b->previous->next = b->next;
    else if (!(p->bins[bin] = b->next))
        p->filled[bin / 64] &= ~(1ull << bin % 64);
    p->free_bytes -= b->bytes;
}

/* The first bin from `bin` on that has a block, or BINS. */
static int next_filled(const part *p, int bin)
{
    for (int word = bin / 64; word < BIN_WORDS; word++) {
        uint64_t bits = p->filled[word];
        if (word == bin / 64)
            bits &= ~0ull << bin % 64;
        if (bits)
            return word * 64 + __builtin_ctzll(bits);
    }
    return BINS;
}

static block *smallest_that_fits(block *list, int64_t bytes)
{
    block *best = NULL;
    for (block *b = list; b; b = b->next)
        if (b->bytes >= bytes && (!best || b->bytes < best->bytes))
            best = b;
    return best;
}

static block *find(const part *p, int64_t bytes)
{
    for (int bin = next_filled(p, bin_of(bytes)); bin < BINS; bin = next_filled(p, bin + 1)) {
        block *b = smallest_that_fits(p->bins[bin], bytes);
        if (b || bin == BINS - 1)
            return b;
    }
    return NULL;
}

/* ---- Regions ------------------------------------------------------------------------------------ */

static block *first_block(region *r)
{
    return (block *)((char *)r + PAGE - HEADER);
}

/* Maps `bytes` aligned to a huge page: maps more, and gives back the ends. */
static void *map_aligned(int64_t bytes)
{
    char *start = mmap(NULL, (size_t)(bytes + HUGE_PAGE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    int64_t skip = -(intptr_t)start & (HUGE_PAGE - 1);
    if (skip)
        munmap(start, (size_t)skip);
    if (skip < HUGE_PAGE)
        munmap(start + skip + bytes, (size_t)(HUGE_PAGE - skip));
    madvise(start + skip, (size_t)bytes, MADV_HUGEPAGE);
    return start + skip;
}

static void release_unused_regions(part *p)
{
    for (region **link = &p->regions; *link;) {
        region *r = *link;
        block *b = first_block(r);
        if (b->lent || b->after) {
            link = &r->next;
            continue;
        }
        *link = r->next;
        bin_remove(b);
        p->mapped_bytes -= r->bytes;
        munmap(r, (size_t)r->bytes);
    }
}

/* The bytes to map for a block that no region has room for. Regions double, up to a limit, so that few of them
 * hold many blocks, which can then be merged; what is mapped and never touched costs nothing. */
static int64_t region_bytes(const part *p, int64_t block_bytes)
{
    int64_t bytes = block_bytes + PAGE, growth = p->mapped_bytes, most = MOST_GROWTH[p - parts];
    growth = growth < LEAST_REGION ? LEAST_REGION : growth > most ? most : growth;
    return ((bytes > growth ? bytes : growth) + HUGE_PAGE - 1) & -HUGE_PAGE;
}

static bool add_region(part *p, int64_t block_bytes)
{
    int64_t bytes = region_bytes(p, block_bytes);
    /* A loop with the same sizes every time never comes here. One whose sizes grow leaves regions behind
     * that are all too small: they go once they are more than was ever lent at a time. */
    if (p->free_bytes > p->most_lent_bytes + (int64_t)256 * 1024 * 1024)
        release_unused_regions(p);
    region *r = map_aligned(bytes);
    if (!r) {
        heap_trim();
        bytes = (block_bytes + PAGE + HUGE_PAGE - 1) & -HUGE_PAGE;
        r = map_aligned(bytes);
    }
    if (!r)
        return false;
    *r = (region){.next = p->regions, .bytes = bytes};
    p->regions = r;
    p->mapped_bytes += bytes;
    block *b = first_block(r);
    *b = (block){.bytes = bytes - PAGE, .part = p}; /* the last HEADER bytes of the region are unused */
    bin_insert(b);
    return true;
}

/* ---- Blocks ------------------------------------------------------------------------------------- */

/* Cuts `b` down to `bytes`; the rest becomes a free block. */
static void split(block *b, int64_t bytes)
{
    if (b->bytes - bytes < PAGE)
        return;
    block *rest = (block *)((char *)b + bytes);
    *rest = (block){.bytes = b->bytes - bytes, .before = b, .after = b->after, .part = b->part};
    if (rest->after)
        rest->after->before = rest;
    b->after = rest;
    b->bytes = bytes;
    bin_insert(rest);
}

/* Takes the block after `b` into it. */
static void absorb_next(block *b)
{
    block *next = b->after;
    b->bytes += next->bytes;
    b->after = next->after;
    if (b->after)
        b->after->before = b;
}

int64_t heap_rounded_bytes(int64_t bytes)
{
    return (bytes + HEADER + PAGE - 1) & -(int64_t)PAGE;
}

void *heap_take(int64_t bytes)
{
    if (bytes > MOST_BYTES)
        return NULL;
    int64_t wanted = heap_rounded_bytes(bytes);
    part *p = &parts[wanted >= BIG_BLOCK];
    block *b = find(p, wanted);
    if (!b) {
        if (!add_region(p, wanted))
            return NULL;
        b = find(p, wanted);
    }
    bin_remove(b);
    split(b, wanted);
    b->lent = true;
    int64_t lent = p->mapped_bytes - p->free_bytes;
    if (lent > p->most_lent_bytes)
        p->most_lent_bytes = lent;
    return (char *)b + HEADER;
}

void heap_give(void *memory)
{
    block *b = (block *)((char *)memory - HEADER);
    b->lent = false;
    if (b->after && !b->after->lent) {
        bin_remove(b->after);
        absorb_next(b);
    }
    if (b->before && !b->before->lent) {
        b = b->before;
        bin_remove(b);
        absorb_next(b);
    }
    bin_insert(b);
}

int64_t heap_free_bytes(void)
{
    return parts[0].free_bytes + parts[1].free_bytes;
}

/* Regions without lent blocks are unmapped. In the others free blocks keep their place but lose their
 * pages; all but the last, which holds the header of the block after. */
void heap_trim(void)
{
    for (int i = 0; i < 2; i++) {
        release_unused_regions(&parts[i]);
        for (region *r = parts[i].regions; r; r = r->next)
            for (block *b = first_block(r); b; b = b->after)
                if (!b->lent && b->bytes > 2 * PAGE)
                    madvise((char *)b + HEADER, (size_t)(b->bytes - PAGE), MADV_DONTNEED);
    }
}
