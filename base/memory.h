/* Memory: buffers for tensors, and small objects. Both take part in failure injection.
 *
 * On failure every function here records CAIRN_E_MEMORY and returns NULL. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H
#include <cairn/base.h>

/* A buffer of at least `bytes` (0 gives a valid unique pointer), aligned to 64 bytes, not cleared.
 * From the caching allocator: cheap to take again after buffer_free. `bytes` must be given back the
 * same to buffer_free. Thread-safe. */
void *buffer_alloc(int64_t bytes);
void buffer_free(void *buffer, int64_t bytes);
/* What buffer_alloc(bytes) adds to cairn_memory().current_bytes. */
int64_t buffer_rounded_bytes(int64_t bytes);

/* Objects: calloc, realloc, strdup, free with failure injection. Three of them are seen outside libcairn.so, by
 * libcairn-doctor.so, and therefore have a prefix there; no public header declares them. */
#define mem_new cairn_mem_new
#define mem_resize cairn_mem_resize
#define mem_free cairn_mem_free
CAIRN_API void *mem_new(size_t bytes);
void *mem_array(size_t count, size_t bytes); /* checks the product for overflow */
CAIRN_API void *mem_resize(void *old, size_t bytes);
char *mem_copy_string(const char *text);
CAIRN_API void mem_free(void *object);

/* Tests only. Lets `n` more allocations of this process succeed and every later one fail; -1 ends it. */
void mem_fail_after(int64_t n);
/* Number of allocations (of both kinds) since the start. */
int64_t mem_allocation_count(void);

#endif
