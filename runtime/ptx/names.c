#include "runtime/ptx/names.h"
#include <string.h>

static int bucket_of(const char *text, int length)
{
    uint32_t hash = 2166136261u;
    for (int i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return (int)((hash ^ hash >> 15) % NAME_BUCKETS);
}

bool names_add(name_table *n, arena *a, const char *text, int length, name_kind kind, int index)
{
    name_entry *e = arena_push(a, n->entries, n->count);
    if (!e)
        return false;
    int bucket = bucket_of(text, length);
    *e = (name_entry){text, length, n->bucket[bucket], bucket, kind, index};
    n->bucket[bucket] = n->count;
    return true;
}

const name_entry *names_find(const name_table *n, const char *text, int length)
{
    for (int i = n->bucket[bucket_of(text, length)]; i; i = n->entries[i - 1].next) {
        const name_entry *e = &n->entries[i - 1];
        if (e->length == length && memcmp(e->text, text, (size_t)length) == 0)
            return e;
    }
    return NULL;
}

void names_shrink(name_table *n, int count)
{
    for (; n->count > count; n->count--)
        n->bucket[n->entries[n->count - 1].bucket] = n->entries[n->count - 1].next;
}
