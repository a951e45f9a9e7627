/* Machine code on disk, so that a program's second run compiles nothing.
 *
 * One file for each kernel and kind of block, named by a hash of all that the code depends on. Files are
 * written under another name and renamed, and carry a checksum: many processes may share the folder, and
 * a damaged file is as good as none. The oldest go when the folder outgrows its bound.
 *
 * CAIRN_CUDA_CACHE names the folder (default ~/.cache/cairn/cuda), or is "off". CAIRN_CUDA_CACHE_MB bounds it
 * (default 256). */
#ifndef RUNTIME_API_CACHE_H
#define RUNTIME_API_CACHE_H
#include "runtime/jit/jit.h"

typedef struct cache_key {
    uint64_t word[2];
} cache_key;

/* Folds bytes into a key; start from {0}. */
void cache_fold(cache_key *key, const void *bytes, size_t count);

/* False when there is no such file, or no cache. The bytes are the caller's, for mem_free. */
bool cache_get(cache_key key, object_code *out);
/* Failures are silent: a cache only saves time. */
void cache_put(cache_key key, const object_code *object);

#endif
