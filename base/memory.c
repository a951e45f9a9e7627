/* Memory: small buffers from per-thread caches, big ones from the heap, and objects.
 *
 * A buffer has no header that says its size: whoever frees it knows. Up to 32 KiB a buffer belongs to a
 * size class. Each thread keeps a few free blocks of each class and takes and gives them without a lock;
 * they move to and from a central list in batches. Central blocks are cut from spans of the heap.
 *
 * Statistics must cost nothing on the fast path either: a thread counts what it took and gave in its
 * cache, and adds it to the process's figures when it takes the lock anyway, or when they are read. */
#include "base/memory.h"

#include "base/error.h"
#include "base/heap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The address sanitizer watches every buffer's ends when each is the system allocator's, exactly sized.
 * (clang defines the macro of gcc by CMakeLists.txt.) */
#ifdef __SANITIZE_ADDRESS__
#define BUFFERS_FROM_SYSTEM 1
#else
#define BUFFERS_FROM_SYSTEM 0
#endif

enum {
    ALIGNMENT = 64,
    SMALL_MOST = 32 << 10,
    LINEAR_MOST = 1 << 10,      /* classes are 64 bytes apart up to here, then eight a doubling */
    LINEAR_CLASSES = LINEAR_MOST / ALIGNMENT,
    CLASSES = LINEAR_CLASSES + 5 * 8,
    SPAN_LEAST = 16 << 10,
    SPAN_MOST = 256 << 10,
};

typedef struct node {
    struct node *next;
} node;

typedef struct list {
    node *first;
    int64_t count;
} list;

/* What one thread holds. Others read the counters, hence the atomics; only the owner writes. */
typedef struct cache {
    list lists[CLASSES];
    int64_t most[CLASSES];              /* blocks that each list may hold */
    _Atomic int64_t pending_bytes;      /* taken less given since the last publish; may be negative */
    _Atomic int64_t pending_high_bytes; /* the most that pending_bytes was since then */
    _Atomic int64_t allocations;        /* buffers since the last publish */
    _Atomic int64_t objects;            /* objects since then */
    struct cache *next;
} cache;

/* Under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static list central[CLASSES];
static cache *caches;
static int64_t current_bytes, peak_bytes, allocations;

static _Atomic int64_t objects; /* of threads without a cache, and published ones */
static _Atomic int64_t allowed = -1; /* allocations that may still succeed; -1: all */

static _Thread_local cache *mine;

/* ---- Size classes ------------------------------------------------------------------------------- */

static int class_of(int64_t bytes)
{
    if (bytes <= LINEAR_MOST)
        return bytes <= ALIGNMENT ? 0 : (int)((bytes - 1) / ALIGNMENT);
    int log2 = 63 - __builtin_clzll((uint64_t)(bytes - 1)); /* 10 for 1025 .. 2048 */
    return LINEAR_CLASSES + (log2 - 10) * 8 + (int)((bytes - 1) >> (log2 - 3) & 7);
}

static int64_t class_bytes(int class)
{
    if (class < LINEAR_CLASSES)
        return (int64_t)(class + 1) * ALIGNMENT;
    int log2 = 10 + (class - LINEAR_CLASSES) / 8, eighths = (class - LINEAR_CLASSES) % 8;
    return (int64_t)(9 + eighths) << (log2 - 3);
}

int64_t buffer_rounded_bytes(int64_t bytes)
{
    return bytes <= SMALL_MOST ? class_bytes(class_of(bytes)) : heap_rounded_bytes(bytes);
}

/* How many blocks move between a cache and the central list at once; a cache keeps twice that. */
static int64_t batch_of(int class)
{
    int64_t batch = SMALL_MOST / class_bytes(class);
    return batch > 32 ? 32 : batch < 2 ? 2 : batch;
}

/* ---- Lists -------------------------------------------------------------------------------------- */

static inline void push(list *l, void *block)
{
    node *n = block;
    n->next = l->first;
    l->first = n;
    l->count++;
}

static inline void *pop(list *l)
{
    node *n = l->first;
    if (n) {
        l->first = n->next;
        l->count--;
    }
    return n;
}

static void move_blocks(list *from, list *to, int64_t count)
{
    for (void *block; count > 0 && (block = pop(from)); count--)
        push(to, block);
}

/* ---- Statistics --------------------------------------------------------------------------------- */

static inline int64_t load(_Atomic int64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void store(_Atomic int64_t *counter, int64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline void count_taken(cache *c, int64_t bytes)
{
    int64_t now = load(&c->pending_bytes) + bytes;
    store(&c->pending_bytes, now);
    store(&c->allocations, load(&c->allocations) + 1);
    if (now > load(&c->pending_high_bytes))
        store(&c->pending_high_bytes, now);
}

static inline void count_given(cache *c, int64_t bytes)
{
    store(&c->pending_bytes, load(&c->pending_bytes) - bytes);
}

/* Adds a cache's counts to the process's. The owner's job, or anybody's once the owner is gone. */
static void publish(cache *c)
{
    if (current_bytes + load(&c->pending_high_bytes) > peak_bytes)
        peak_bytes = current_bytes + load(&c->pending_high_bytes);
    current_bytes += load(&c->pending_bytes);
    allocations += load(&c->allocations);
    atomic_fetch_add_explicit(&objects, load(&c->objects), memory_order_relaxed);
    store(&c->objects, 0);
    store(&c->pending_bytes, 0);
    store(&c->pending_high_bytes, 0);
    store(&c->allocations, 0);
}

static void publish_mine(void)
{
    if (mine)
        publish(mine);
}

static void count_now(int64_t bytes, int64_t count)
{
    current_bytes += bytes;
    allocations += count;
    if (current_bytes > peak_bytes)
        peak_bytes = current_bytes;
}

/* ---- Threads and their caches ------------------------------------------------------------------- */

static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static void cache_flush(cache *c)
{
    for (int class = 0; class < CLASSES; class++)
        move_blocks(&c->lists[class], &central[class], INT64_MAX);
}

static void cache_retire(void *argument)
{
    cache *c = argument;
    mine = NULL;
    pthread_mutex_lock(&lock);
    publish(c);
    cache_flush(c);
    cache **link = &caches;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    pthread_mutex_unlock(&lock);
    free(c);
}

static void lock_all(void)
{
    pthread_mutex_lock(&lock);
}

static void unlock_all(void)
{
    pthread_mutex_unlock(&lock);
}

static void cache_init(void)
{
    pthread_key_create(&cache_key, cache_retire);
    pthread_atfork(lock_all, unlock_all, unlock_all); /* a child finds the lists whole */
}

/* The thread's cache; NULL when there is no memory for one, which only costs speed. */
static cache *cache_get(void)
{
    if (mine)
        return mine;
    pthread_once(&cache_once, cache_init);
    cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    if (pthread_setspecific(cache_key, c)) {
        free(c);
        return NULL;
    }
    for (int class = 0; class < CLASSES; class++)
        c->most[class] = 2 * batch_of(class);
    pthread_mutex_lock(&lock);
    c->next = caches;
    caches = c;
    pthread_mutex_unlock(&lock);
    return mine = c;
}

/* ---- Small buffers ------------------------------------------------------------------------------ */

/* Cuts a new span into blocks of a class. Spans stay with their class. */
static bool add_span(int class)
{
    int64_t block = class_bytes(class), bytes = block * 32;
    bytes = bytes < SPAN_LEAST ? SPAN_LEAST : bytes > SPAN_MOST ? SPAN_MOST : bytes;
    char *span = heap_take(bytes);
    if (!span)
        return false;
    for (int64_t at = bytes / block * block; at > 0; at -= block)
        push(&central[class], span + at - block); /* the first block ends on top */
    return true;
}

static void *small_take_slow(int class)
{
    cache *c = cache_get();
    pthread_mutex_lock(&lock);
    publish_mine();
    void *block = NULL;
    if (central[class].first || add_span(class)) {
        block = pop(&central[class]);
        count_now(class_bytes(class), 1);
        if (c)
            move_blocks(&central[class], &c->lists[class], batch_of(class) - 1);
    }
    pthread_mutex_unlock(&lock);
    return block;
}

static void small_give_slow(void *block, int class)
{
    cache *c = cache_get();
    pthread_mutex_lock(&lock);
    publish_mine();
    count_now(-class_bytes(class), 0);
    push(&central[class], block);
    if (c)
        move_blocks(&c->lists[class], &central[class], c->lists[class].count - batch_of(class));
    pthread_mutex_unlock(&lock);
}

static inline void *small_take(int class)
{
    cache *c = mine;
    void *block = c ? pop(&c->lists[class]) : NULL;
    if (!block)
        return small_take_slow(class);
    count_taken(c, class_bytes(class));
    return block;
}

static inline void small_give(void *block, int class)
{
    cache *c = mine;
    if (!c || c->lists[class].count >= c->most[class]) {
        small_give_slow(block, class);
        return;
    }
    push(&c->lists[class], block);
    count_given(c, class_bytes(class));
}

/* ---- Big buffers -------------------------------------------------------------------------------- */

static void *big_take(int64_t bytes)
{
    pthread_mutex_lock(&lock);
    publish_mine();
    void *block = heap_take(bytes);
    if (block)
        count_now(heap_rounded_bytes(bytes), 1);
    pthread_mutex_unlock(&lock);
    return block;
}

static void big_give(void *block, int64_t bytes)
{
    pthread_mutex_lock(&lock);
    publish_mine();
    count_now(-heap_rounded_bytes(bytes), 0);
    heap_give(block);
    pthread_mutex_unlock(&lock);
}

/* ---- The system's allocator instead, for the address sanitizer ------------------------------------ */

static void *system_take(int64_t bytes)
{
    void *block;
    if (posix_memalign(&block, ALIGNMENT, bytes ? (size_t)bytes : 1))
        return NULL;
    pthread_mutex_lock(&lock);
    count_now(buffer_rounded_bytes(bytes), 1);
    pthread_mutex_unlock(&lock);
    return block;
}

static void system_give(void *block, int64_t bytes)
{
    pthread_mutex_lock(&lock);
    count_now(-buffer_rounded_bytes(bytes), 0);
    pthread_mutex_unlock(&lock);
    free(block);
}

/* ---- Buffers ------------------------------------------------------------------------------------ */

static void *out_of_memory(int64_t bytes)
{
    error_set(CAIRN_E_MEMORY, "out of memory: %lld bytes were asked for", (long long)bytes);
    return NULL;
}

/* Whether this allocation is to fail: only tests set `allowed`. */
static inline bool injected_failure(void)
{
    int64_t left = load(&allowed);
    if (__builtin_expect(left < 0, 1))
        return false;
    while (left > 0 && !atomic_compare_exchange_weak(&allowed, &left, left - 1)) {
    }
    return left == 0;
}

void *buffer_alloc(int64_t bytes)
{
    void *block = NULL;
    if (bytes < 0 || injected_failure())
        return out_of_memory(bytes);
    if (BUFFERS_FROM_SYSTEM)
        block = system_take(bytes);
    else if (bytes <= SMALL_MOST)
        block = small_take(class_of(bytes));
    else
        block = big_take(bytes);
    return block ? block : out_of_memory(bytes);
}

void buffer_free(void *buffer, int64_t bytes)
{
    if (!buffer)
        return;
    if (BUFFERS_FROM_SYSTEM)
        system_give(buffer, bytes);
    else if (bytes <= SMALL_MOST)
        small_give(buffer, class_of(bytes));
    else
        big_give(buffer, bytes);
}

/* ---- Objects ------------------------------------------------------------------------------------ */

static inline void count_object(void)
{
    cache *c = mine;
    if (c)
        store(&c->objects, load(&c->objects) + 1);
    else
        atomic_fetch_add_explicit(&objects, 1, memory_order_relaxed);
}

/* glibc's malloc takes small blocks from a cache of the thread, its calloc does not. */
static inline void *new_cleared(size_t bytes)
{
    if (bytes > LINEAR_MOST)
        return calloc(1, bytes);
    void *object = malloc(bytes ? bytes : 1);
    return object ? memset(object, 0, bytes) : NULL;
}

void *mem_new(size_t bytes)
{
    count_object();
    void *object = injected_failure() ? NULL : new_cleared(bytes);
    return object ? object : out_of_memory((int64_t)bytes);
}

void *mem_array(size_t count, size_t bytes)
{
    size_t product;
    if (__builtin_mul_overflow(count, bytes, &product) || product > PTRDIFF_MAX)
        return out_of_memory(INT64_MAX);
    return mem_new(product);
}

void *mem_resize(void *old, size_t bytes)
{
    count_object();
    void *object = injected_failure() ? NULL : realloc(old, bytes ? bytes : 1);
    return object ? object : out_of_memory((int64_t)bytes);
}

char *mem_copy_string(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = mem_new(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

void mem_free(void *object)
{
    free(object);
}

/* ---- Figures, trim, tests ------------------------------------------------------------------------ */

void mem_fail_after(int64_t n)
{
    atomic_store(&allowed, n);
}

int64_t mem_allocation_count(void)
{
    int64_t buffers = cairn_memory().allocations; /* publishes this thread's objects too */
    pthread_mutex_lock(&lock);
    int64_t count = buffers + load(&objects);
    for (cache *c = caches; c; c = c->next)
        count += load(&c->objects);
    pthread_mutex_unlock(&lock);
    return count;
}

/* Free blocks of small classes, of all threads. */
static int64_t small_cached_bytes(void)
{
    int64_t bytes = 0;
    for (int class = 0; class < CLASSES; class++)
        bytes += central[class].count * class_bytes(class);
    return bytes;
}

cairn_memory_stats cairn_memory(void)
{
    pthread_mutex_lock(&lock);
    publish_mine();
    cairn_memory_stats stats = {.current_bytes = current_bytes, .peak_bytes = peak_bytes, .allocations = allocations,
                                .cached_bytes = heap_free_bytes() + small_cached_bytes()};
    for (cache *c = caches; c; c = c->next) { /* what other threads have not published yet */
        stats.current_bytes += load(&c->pending_bytes);
        stats.allocations += load(&c->allocations);
    }
    pthread_mutex_unlock(&lock);
    if (stats.peak_bytes < stats.current_bytes)
        stats.peak_bytes = stats.current_bytes;
    return stats;
}

void cairn_memory_reset_peak(void)
{
    pthread_mutex_lock(&lock);
    publish_mine();
    peak_bytes = current_bytes;
    pthread_mutex_unlock(&lock);
}

void cairn_memory_trim(void)
{
    pthread_mutex_lock(&lock);
    heap_trim();
    pthread_mutex_unlock(&lock);
}

void *cairn_buffer_take(int64_t bytes) { return buffer_alloc(bytes < 0 ? 0 : bytes); }

void cairn_buffer_give(void *buffer, int64_t bytes)
{
    if (buffer)
        buffer_free(buffer, bytes);
}
