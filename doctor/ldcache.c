/* The loader's cache in the format of glibc 2.2 and later ("glibc-ld.so.cache1.1"), alone or after the
 * older one, as glibc's own dl-cache.h describes it. */
#include "doctor/ldcache.h"

#include <stdint.h>
#include <string.h>

static const char new_magic[] = "glibc-ld.so.cache1.1", old_magic[] = "ld.so-1.7.0";

typedef struct header {
    char magic[20];
    uint32_t count, strings_bytes;
    uint8_t flags, padding[3];
    uint32_t extension, unused[3];
} header;

typedef struct entry {
    int32_t flags;
    uint32_t name, path;
    uint32_t os_version;
    uint64_t hwcap;
} entry;

enum { FLAG_X86_64 = 0x0303, FLAG_AARCH64 = 0x0A03, OLD_HEADER = 16, OLD_ENTRY = 12 };

static bool find_start(const file_text *t, size_t *start)
{
    uint32_t count;
    *start = 0;
    if (t->count >= OLD_HEADER && !memcmp(t->bytes, old_magic, sizeof old_magic - 1)) {
        memcpy(&count, t->bytes + 12, sizeof count);
        if (count > t->count / OLD_ENTRY)
            return false;
        *start = (OLD_HEADER + (size_t)count * OLD_ENTRY + 7) & ~(size_t)7;
    }
    return *start <= t->count && t->count - *start >= sizeof(header) &&
           !memcmp(t->bytes + *start, new_magic, sizeof new_magic - 1);
}

void ldcache_open(ldcache *cache, file_text text, bool aarch64)
{
    *cache = (ldcache){.text = text, .aarch64 = aarch64};
    header h;
    if (!text.bytes || !find_start(&text, &cache->start))
        return;
    memcpy(&h, text.bytes + cache->start, sizeof h);
    size_t room = (text.count - cache->start - sizeof h) / sizeof(entry);
    cache->count = h.count > room ? (unsigned)room : h.count;
}

void ldcache_close(ldcache *cache)
{
    file_text_free(&cache->text);
    cache->count = 0;
}

/* A text of the cache; NULL when it does not end inside. */
static const char *text_at(const ldcache *cache, uint32_t offset)
{
    size_t at = cache->start + offset;
    if (at >= cache->text.count || !memchr(cache->text.bytes + at, '\0', cache->text.count - at))
        return NULL;
    return cache->text.bytes + at;
}

static bool entry_at(const ldcache *cache, unsigned i, const char **name, const char **path)
{
    entry e;
    memcpy(&e, cache->text.bytes + cache->start + sizeof(header) + (size_t)i * sizeof e, sizeof e);
    if (e.flags != (cache->aarch64 ? FLAG_AARCH64 : FLAG_X86_64))
        return false;
    *name = text_at(cache, e.name);
    *path = text_at(cache, e.path);
    return *name && *path;
}

void ldcache_find(const ldcache *cache, arena *memory, const char *soname, cairn_texts *paths)
{
    enum { MOST = 32 };
    const char *name, *path;
    for (unsigned i = 0; i < cache->count && paths->count < MOST; i++)
        if (entry_at(cache, i, &name, &path) && !strcmp(name, soname))
            texts_add(memory, paths, arena_text(memory, path));
}

void ldcache_names(const ldcache *cache, arena *memory, const char *start, cairn_texts *names)
{
    enum { MOST = 64 };
    const char *name, *path;
    for (unsigned i = 0; i < cache->count && names->count < MOST; i++)
        if (entry_at(cache, i, &name, &path) && text_starts(name, start) && !texts_contain(names, name))
            texts_add(memory, names, arena_text(memory, name));
}
