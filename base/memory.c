/* Memory: buffers and objects, counted, with failure injection. */
#include "base/memory.h"

#include "base/error.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static _Atomic int64_t current_bytes, peak_bytes, buffer_count, allocation_count;
static _Atomic int64_t allowed = -1; /* allocations that may still succeed; -1: all */

static bool injected_failure(void)
{
    atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
    int64_t left = atomic_load_explicit(&allowed, memory_order_relaxed);
    while (left > 0 && !atomic_compare_exchange_weak(&allowed, &left, left - 1)) {
    }
    return left == 0;
}

void mem_fail_after(int64_t n)
{
    atomic_store(&allowed, n);
}

int64_t mem_allocation_count(void)
{
    return atomic_load(&allocation_count);
}

int64_t buffer_rounded_bytes(int64_t bytes)
{
    return bytes <= ALIGNMENT ? ALIGNMENT : (bytes + ALIGNMENT - 1) & ~(int64_t)(ALIGNMENT - 1);
}

static void count_taken(int64_t bytes)
{
    int64_t now = atomic_fetch_add(&current_bytes, bytes) + bytes;
    int64_t peak = atomic_load(&peak_bytes);
    while (now > peak && !atomic_compare_exchange_weak(&peak_bytes, &peak, now)) {
    }
}

static void *out_of_memory(int64_t bytes)
{
    error_set(CAIRN_E_MEMORY, "out of memory: %lld bytes", (long long)bytes);
    return NULL;
}

void *buffer_alloc(int64_t bytes)
{
    if (bytes < 0 || bytes > INT64_MAX / 2)
        return out_of_memory(bytes);
    int64_t rounded = buffer_rounded_bytes(bytes);
    void *buffer = injected_failure() ? NULL : aligned_alloc(ALIGNMENT, (size_t)rounded);
    if (!buffer)
        return out_of_memory(bytes);
    atomic_fetch_add(&buffer_count, 1);
    count_taken(rounded);
    return buffer;
}

void buffer_free(void *buffer, int64_t bytes)
{
    if (!buffer)
        return;
    atomic_fetch_sub(&current_bytes, buffer_rounded_bytes(bytes));
    free(buffer);
}

void *mem_new(size_t bytes)
{
    void *object = injected_failure() ? NULL : calloc(1, bytes ? bytes : 1);
    return object ? object : out_of_memory((int64_t)bytes);
}

void *mem_array(size_t count, size_t bytes)
{
    size_t product;
    if (__builtin_mul_overflow(count, bytes, &product))
        return out_of_memory(INT64_MAX);
    return mem_new(product);
}

void *mem_resize(void *old, size_t bytes)
{
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

cairn_memory_stats cairn_memory(void)
{
    return (cairn_memory_stats){
        .current_bytes = atomic_load(&current_bytes),
        .peak_bytes = atomic_load(&peak_bytes),
        .allocations = atomic_load(&buffer_count),
    };
}

void cairn_memory_reset_peak(void)
{
    atomic_store(&peak_bytes, atomic_load(&current_bytes));
}

void cairn_memory_trim(void)
{
}
