/* The loader's cache, /etc/ld.so.cache. */
#ifndef DOCTOR_LDCACHE_H
#define DOCTOR_LDCACHE_H
#include "doctor/arena.h"
#include "doctor/file.h"

typedef struct ldcache {
    file_text text;
    size_t start;    /* where the new format begins: offsets count from there */
    unsigned count;
    bool aarch64;    /* whose libraries are looked for; x86-64 otherwise */
} ldcache;

/* Takes the file's text over; an empty cache when it is not valid. */
void ldcache_open(ldcache *cache, file_text text, bool aarch64);
void ldcache_close(ldcache *cache);
/* The paths of a library name, in the cache's order, added to `paths`. */
void ldcache_find(const ldcache *cache, arena *memory, const char *soname, cairn_texts *paths);
/* The names in the cache that begin so ("libcudnn"), each once. */
void ldcache_names(const ldcache *cache, arena *memory, const char *start, cairn_texts *names);

#endif
