/* Open files of named tensors: count, look up, read, close. */
#include "framework/io/archive.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

static void shared_unref(void *context)
{
    shared_file *s = context;
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    file_close(&s->bytes);
    mem_free(s);
}

cairn_archive *archive_new(const char *op, const char *path, file_bytes *f)
{
    cairn_archive *a = mem_new(sizeof *a);
    shared_file *s = mem_new(sizeof *s);
    char *copy = mem_copy_string(path);
    if (!a || !s || !copy) {
        mem_free(a);
        mem_free(s);
        mem_free(copy);
        file_close(f);
        return NULL;
    }
    s->bytes = *f;
    atomic_init(&s->refs, 1);
    *a = (cairn_archive){.op = op, .path = copy, .file = s};
    *f = (file_bytes){0};
    return a;
}

void cairn_archive_close(cairn_archive *a)
{
    if (!a)
        return;
    for (int64_t i = 0; i < a->count; i++)
        mem_free(a->entries[i].name);
    for (int64_t i = 0; i < a->metadata_count; i++) {
        mem_free((char *)a->metadata[i].key);
        mem_free((char *)a->metadata[i].value);
    }
    mem_free(a->entries);
    mem_free(a->metadata);
    mem_free(a->path);
    shared_unref(a->file);
    mem_free(a);
}

/* Room for one more in a list that doubles. */
static bool room(void **list, int64_t count, int64_t *capacity, size_t bytes)
{
    if (count < *capacity)
        return true;
    int64_t more = *capacity ? *capacity * 2 : 16;
    void *bigger = mem_resize(*list, (size_t)more * bytes);
    if (!bigger)
        return false;
    *list = bigger;
    *capacity = more;
    return true;
}

archive_entry *archive_add(cairn_archive *a, const char *name, int64_t length)
{
    char *copy = mem_new((size_t)length + 1);
    if (!copy || !room((void **)&a->entries, a->count, &a->capacity, sizeof *a->entries)) {
        mem_free(copy);
        return NULL;
    }
    memcpy(copy, name, (size_t)length);
    copy[length] = 0;
    archive_entry *e = &a->entries[a->count++];
    *e = (archive_entry){.name = copy};
    return e;
}

cairn_status archive_add_metadata(cairn_archive *a, const char *key, const char *value)
{
    char *k = mem_copy_string(key), *v = mem_copy_string(value);
    if (!k || !v || !room((void **)&a->metadata, a->metadata_count, &a->metadata_capacity, sizeof *a->metadata)) {
        mem_free(k);
        mem_free(v);
        return CAIRN_E_MEMORY;
    }
    a->metadata[a->metadata_count++] = (cairn_metadata){k, v};
    return CAIRN_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const archive_entry *)a)->name, ((const archive_entry *)b)->name);
}

cairn_status archive_sort(cairn_archive *a)
{
    if (a->count)
        qsort(a->entries, (size_t)a->count, sizeof *a->entries, by_name);
    for (int64_t i = 1; i < a->count; i++)
        if (!strcmp(a->entries[i - 1].name, a->entries[i].name))
            return error_set(CAIRN_E_FORMAT, "%s: %s: the name '%s' is there twice", a->op, a->path,
                             a->entries[i].name);
    return CAIRN_OK;
}

buffer *archive_borrow(const cairn_archive *a, int64_t start, int64_t bytes)
{
    atomic_fetch_add_explicit(&a->file->refs, 1, memory_order_relaxed);
    buffer *b = buffer_wrap((void *)(a->file->bytes.data + start), bytes, shared_unref, a->file);
    if (!b)
        shared_unref(a->file);
    return b;
}

cairn_tensor *tensor_of_buffer(const cairn_shape *shape, cairn_dtype type, buffer *b)
{
    if (!b)
        return NULL;
    value *v = value_leaf(shape, type, b);
    buffer_unref(b);
    return handle_new(v);
}

/* ---- What users call */

int64_t cairn_archive_count(const cairn_archive *a) { return a ? a->count : 0; }

const char *cairn_archive_name(const cairn_archive *a, int64_t i)
{
    return a && i >= 0 && i < a->count ? a->entries[i].name : NULL;
}

static const archive_entry *find(const cairn_archive *a, const char *name)
{
    archive_entry key = {.name = (char *)name};
    return a && name && a->count ? bsearch(&key, a->entries, (size_t)a->count, sizeof key, by_name) : NULL;
}

bool cairn_archive_has(const cairn_archive *a, const char *name) { return find(a, name) != NULL; }

cairn_tensor *cairn_archive_tensor(const cairn_archive *a, const char *name)
{
    const archive_entry *e = find(a, name);
    if (e)
        return a->read(a, e);
    if (a)
        error_set(CAIRN_E_ARGUMENT, "archive_tensor: %s: has no tensor '%s'", a->path, name ? name : "(null)");
    return NULL;
}

const char *cairn_archive_metadata(const cairn_archive *a, const char *key)
{
    for (int64_t i = 0; a && key && i < a->metadata_count; i++)
        if (!strcmp(a->metadata[i].key, key))
            return a->metadata[i].value;
    return NULL;
}
