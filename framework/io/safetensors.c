/* safetensors: eight bytes that give the length of a JSON header, the header, the data.
 *
 *     {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 *
 * Files come from anywhere, so every rule of https://github.com/huggingface/safetensors is checked before a tensor
 * is given out: see cairn_open_safetensors. cJSON parses; what it lets pass (names that are there twice, numbers that are not
 * integers, a NUL within a name, broken UTF-8) is refused here. */
#define _GNU_SOURCE                /* memmem */
#include "framework/io/archive.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

#define OP "open_safetensors"
enum { LENGTH_BYTES = 8, HEADER_MOST = 100000000, DATA_ALIGN = 64 };

static const struct { const char *name; cairn_dtype type; } st_types[] = {
    {"BOOL", CAIRN_BOOL}, {"U8", CAIRN_U8},   {"I8", CAIRN_I8},     {"I16", CAIRN_I16}, {"I32", CAIRN_I32},
    {"I64", CAIRN_I64},   {"F16", CAIRN_F16}, {"BF16", CAIRN_BF16}, {"F32", CAIRN_F32}, {"F64", CAIRN_F64},
};
enum { ST_TYPES = sizeof st_types / sizeof *st_types };

#ifdef HAVE_CJSON
#include <cjson/cJSON.h>

/* ---- Reading */

static cairn_status bad(const cairn_archive *a, const char *what)
{
    return error_set(CAIRN_E_FORMAT, OP ": %s: %s", a->path, what);
}

static cairn_status bad_tensor(const cairn_archive *a, const char *name, const char *what)
{
    return error_set(CAIRN_E_FORMAT, OP ": %s: '%s': %s", a->path, name, what);
}

/* Valid UTF-8: no overlong form, no surrogate, nothing beyond U+10FFFF (RFC 3629). */
static bool is_utf8(const uint8_t *p, int64_t size)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    for (const uint8_t *end = p + size; p < end;) {
        int more = *p < 0x80 ? 0 : *p >> 5 == 6 ? 1 : *p >> 4 == 14 ? 2 : *p >> 3 == 30 ? 3 : -1;
        if (more < 0 || end - p <= more)
            return false;
        uint32_t code = more ? *p & (0x3fu >> more) : *p;
        p++;
        for (int i = 0; i < more; i++, p++) {
            if (*p >> 6 != 2)
                return false;
            code = code << 6 | (*p & 0x3f);
        }
        if (code < least[more] || code > 0x10ffff || code >> 11 == 27)
            return false;
    }
    return true;
}

/* A non-negative integer that a double holds exactly; -1. */
static int64_t whole(const cJSON *n)
{
    double x = cJSON_IsNumber(n) ? n->valuedouble : -1;
    return x >= 0 && x <= 9007199254740992.0 && x == (double)(int64_t)x ? (int64_t)x : -1;
}

static cairn_status read_shape(const cairn_archive *a, const char *name, const cJSON *list, cairn_shape *shape)
{
    int rank = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : -1;
    if (rank < 0)
        return bad_tensor(a, name, "its shape is not a list");
    if (rank > CAIRN_MAX_RANK)
        return error_set(CAIRN_E_UNSUPPORTED, OP ": %s: '%s': rank %d; at most %d is supported", a->path, name,
                         rank, CAIRN_MAX_RANK);
    shape->rank = 0;
    const cJSON *n;
    cJSON_ArrayForEach(n, list)
        if ((shape->size[shape->rank++] = whole(n)) < 0)
            return bad_tensor(a, name, "its shape has a size that is not a whole number");
    return CAIRN_OK;
}

static cairn_status read_type(const cairn_archive *a, const char *name, const cJSON *text, cairn_dtype *type)
{
    if (!cJSON_IsString(text))
        return bad_tensor(a, name, "its dtype is not a text");
    for (int i = 0; i < ST_TYPES; i++)
        if (!strcmp(st_types[i].name, text->valuestring)) {
            *type = st_types[i].type;
            return CAIRN_OK;
        }
    return error_set(CAIRN_E_UNSUPPORTED, OP ": %s: '%s': elements of type %s, which Cairn lacks", a->path, name,
                     text->valuestring);
}

/* Offsets count from the end of the header, `data`, to the end of the file. */
static cairn_status read_range(const cairn_archive *a, archive_entry *e, const cJSON *offsets, int64_t data)
{
    int64_t begin = -1, end = -1;
    if (cJSON_IsArray(offsets) && cJSON_GetArraySize(offsets) == 2) {
        begin = whole(cJSON_GetArrayItem(offsets, 0));
        end = whole(cJSON_GetArrayItem(offsets, 1));
    }
    if (begin < 0 || end < begin)
        return bad_tensor(a, e->name, "its data_offsets are not two rising whole numbers");
    if (end > a->file->bytes.size - data)
        return bad_tensor(a, e->name, "its data reaches beyond the end of the file (cut short?)");
    e->start = data + begin;
    e->bytes = end - begin;
    return CAIRN_OK;
}

static cairn_status read_tensor(cairn_archive *a, const cJSON *item, int64_t data)
{
    archive_entry *e = archive_add(a, item->string, (int64_t)strlen(item->string));
    if (!e)
        return CAIRN_E_MEMORY;
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(item, "dtype"),
                *shape = cJSON_GetObjectItemCaseSensitive(item, "shape"),
                *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    if (!cJSON_IsObject(item) || !type || !shape || !offsets || cJSON_GetArraySize(item) != 3)
        return bad_tensor(a, e->name, "needs dtype, shape and data_offsets, each once and nothing else");
    cairn_status status = read_type(a, e->name, type, &e->type);
    if (!status)
        status = read_shape(a, e->name, shape, &e->shape);
    if (!status)
        status = read_range(a, e, offsets, data);
    if (!status && !shape_check(OP, &e->shape, e->type))
        status = cairn_error();
    if (!status && shape_numel(&e->shape) * cairn_dtype_bytes(e->type) != e->bytes)
        status = error_set(CAIRN_E_FORMAT, OP ": %s: '%s': %s of %s does not take %lld bytes", a->path, e->name,
                           SHAPE(&e->shape), cairn_dtype_name(e->type), (long long)e->bytes);
    return status;
}

static cairn_status read_metadata(cairn_archive *a, const cJSON *item)
{
    if (a->metadata_count || !cJSON_IsObject(item))
        return bad(a, "__metadata__ is there twice, or is not an object");
    const cJSON *text;
    cJSON_ArrayForEach(text, item) {
        if (!cJSON_IsString(text))
            return bad(a, "__metadata__ has a value that is not a text");
        if (cairn_archive_metadata(a, text->string))
            return bad(a, "__metadata__ has a key twice");
        if (archive_add_metadata(a, text->string, text->valuestring))
            return CAIRN_E_MEMORY;
    }
    return CAIRN_OK;
}

static int by_start(const void *a, const void *b)
{
    const archive_entry *x = *(const archive_entry *const *)a, *y = *(const archive_entry *const *)b;
    return x->start != y->start ? (x->start < y->start ? -1 : 1) : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* The tensors cover the data from its begin to its end, each byte once. */
static cairn_status check_cover(const cairn_archive *a, int64_t data)
{
    archive_entry **order = mem_array((size_t)a->count + 1, sizeof *order);
    if (!order)
        return CAIRN_E_MEMORY;
    for (int64_t i = 0; i < a->count; i++)
        order[i] = &a->entries[i];
    qsort(order, (size_t)a->count, sizeof *order, by_start);
    cairn_status status = CAIRN_OK;
    for (int64_t i = 0; i < a->count && !status; i++) {
        if (order[i]->start != data)
            status = bad_tensor(a, order[i]->name, order[i]->start < data ? "its data overlaps another tensor's"
                                                                          : "there is a hole before its data");
        data = order[i]->start + order[i]->bytes;
    }
    mem_free(order);
    if (!status && data != a->file->bytes.size)
        return bad(a, "there are bytes after the last tensor");
    return status;
}

static cairn_status read_items(cairn_archive *a, const cJSON *header, int64_t data)
{
    cairn_status status = CAIRN_OK;
    bool metadata = false;
    const cJSON *item;
    cJSON_ArrayForEach(item, header) {
        if (strcmp(item->string, "__metadata__"))
            status = read_tensor(a, item, data);
        else
            status = metadata ? bad(a, "__metadata__ is there twice") : read_metadata(a, item), metadata = true;
        if (status)
            return status;
    }
    status = archive_sort(a);
    return status ? status : check_cover(a, data);
}

static bool only_space(const char *p, const char *end)
{
    while (p < end && strchr(" \t\r\n", *p) && *p)
        p++;
    return p == end;
}

static cairn_status read_header(cairn_archive *a)
{
    const file_bytes *f = &a->file->bytes;
    uint64_t length = f->size < LENGTH_BYTES ? 0 : read_le(f->data, LENGTH_BYTES);
    if (f->size < LENGTH_BYTES || length > (uint64_t)(f->size - LENGTH_BYTES))
        return bad(a, "is not a safetensors file, or is cut short in its header");
    if (length > HEADER_MOST)
        return bad(a, "its header is longer than 100 MB");
    const char *text = (const char *)f->data + LENGTH_BYTES, *end;
    if (!length || text[0] != '{' || !is_utf8((const uint8_t *)text, (int64_t)length) ||
        memmem(text, length, "\\u0000", 6) || memchr(text, 0, length))
        return bad(a, "its header is not a JSON object in UTF-8");
    cJSON *header = cJSON_ParseWithLengthOpts(text, length, &end, false);
    cairn_status status = CAIRN_OK;
    if (!cJSON_IsObject(header) || !only_space(end, text + length))
        status = bad(a, "its header is not valid JSON");
    else
        status = read_items(a, header, LENGTH_BYTES + (int64_t)length);
    cJSON_Delete(header);
    return status;
}

/* In place when the data is aligned for its type. A copy else; and bools always: a byte may hold more than 0 and 1. */
static cairn_tensor *read_entry(const cairn_archive *a, const archive_entry *e)
{
    const uint8_t *data = a->file->bytes.data + e->start;
    bool in_place = (uintptr_t)data % (uintptr_t)cairn_dtype_bytes(e->type) == 0 && e->type != CAIRN_BOOL;
    buffer *b = in_place ? archive_borrow(a, e->start, e->bytes) : buffer_new(e->bytes);
    if (b && !in_place)
        memcpy(b->data, data, (size_t)e->bytes);
    if (b && e->type == CAIRN_BOOL)
        for (int64_t i = 0; i < e->bytes; i++)
            ((uint8_t *)b->data)[i] = data[i] != 0;
    return tensor_of_buffer(&e->shape, e->type, b);
}

cairn_archive *safetensors_parse(const char *path, file_bytes *f)
{
    cairn_archive *a = archive_new(OP, path, f);
    if (!a)
        return NULL;
    a->read = read_entry;
    if (!read_header(a))
        return a;
    cairn_archive_close(a);
    return NULL;
}

/* ---- Writing */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const cairn_named *)a)->name, ((const cairn_named *)b)->name);
}

/* Tensors by falling size of their elements, then by name: so each is aligned to its type though holes are forbidden. */
static int by_width(const void *a, const void *b)
{
    const cairn_named *x = a, *y = b;
    int wx = cairn_dtype_bytes(cairn_dtype_of(x->tensor)), wy = cairn_dtype_bytes(cairn_dtype_of(y->tensor));
    return wx != wy ? wy - wx : by_name(a, b);
}

static const char *type_text(cairn_dtype type)
{
    int i = 0;
    while (st_types[i].type != type)
        i++;
    return st_types[i].name;
}

static int64_t tensor_bytes(const cairn_tensor *x) { return cairn_numel(x) * cairn_dtype_bytes(cairn_dtype_of(x)); }

static bool add_tensor(cJSON *header, const cairn_named *n, int64_t offset)
{
    cJSON *item = cJSON_AddObjectToObject(header, n->name), *shape, *offsets;
    if (!item || !cJSON_AddStringToObject(item, "dtype", type_text(cairn_dtype_of(n->tensor))) ||
        !(shape = cJSON_AddArrayToObject(item, "shape")) ||
        !(offsets = cJSON_AddArrayToObject(item, "data_offsets")))
        return false;
    for (int i = 0; i < cairn_rank(n->tensor); i++)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)cairn_size(n->tensor, i)));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)offset));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)(offset + tensor_bytes(n->tensor))));
    return cJSON_GetArraySize(shape) == cairn_rank(n->tensor) && cJSON_GetArraySize(offsets) == 2;
}

/* The header's text (cJSON_free), or NULL. */
static char *make_header(int64_t count, const cairn_named *sorted, int64_t metadata_count,
                         const cairn_metadata *metadata)
{
    cJSON *header = cJSON_CreateObject(), *texts = NULL;
    bool good = header && (!metadata_count || (texts = cJSON_AddObjectToObject(header, "__metadata__")));
    for (int64_t i = 0; i < metadata_count && good; i++)
        good = cJSON_AddStringToObject(texts, metadata[i].key, metadata[i].value);
    int64_t offset = 0;
    for (int64_t i = 0; i < count && good; i++) {
        good = add_tensor(header, &sorted[i], offset);
        offset += tensor_bytes(sorted[i].tensor);
    }
    char *text = good ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    if (!text)
        error_set(CAIRN_E_MEMORY, "save_safetensors: no memory for the header");
    return text;
}

/* Everything that can be wrong with what the caller gave, before a file is touched. Sorts. */
static cairn_status check_tensors(const char *file, int64_t count, cairn_named *tensors)
{
    for (int64_t i = 0; i < count; i++) {
        if (!tensors[i].name || !tensors[i].tensor)
            return cairn_error()
                       ? cairn_error()
                       : error_set(CAIRN_E_ARGUMENT, "save_safetensors: %s: a name or tensor is NULL", file);
        if (!is_utf8((const uint8_t *)tensors[i].name, (int64_t)strlen(tensors[i].name)))
            return error_set(CAIRN_E_ARGUMENT, "save_safetensors: %s: a name is not UTF-8", file);
        if (!strcmp(tensors[i].name, "__metadata__"))
            return error_set(CAIRN_E_ARGUMENT, "save_safetensors: %s: no tensor may be called __metadata__", file);
    }
    qsort(tensors, (size_t)count, sizeof *tensors, by_name);
    for (int64_t i = 1; i < count; i++)
        if (!strcmp(tensors[i - 1].name, tensors[i].name))
            return error_set(CAIRN_E_ARGUMENT, "save_safetensors: %s: the name '%s' is there twice", file,
                             tensors[i].name);
    qsort(tensors, (size_t)count, sizeof *tensors, by_width);
    for (int64_t i = 0; i < count; i++)
        if (!cairn_data(tensors[i].tensor))
            return cairn_error();
    return CAIRN_OK;
}

static cairn_status write_file(const char *file, int64_t count, const cairn_named *sorted, const char *header)
{
    file_writer w;
    if (writer_open(&w, "save_safetensors", file))
        return w.status;
    int64_t length = (int64_t)strlen(header),
            padded = (LENGTH_BYTES + length + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN - LENGTH_BYTES;
    uint8_t prefix[LENGTH_BYTES];
    write_le(prefix, LENGTH_BYTES, (uint64_t)padded);
    writer_put(&w, prefix, LENGTH_BYTES);
    writer_put(&w, header, length);
    for (; length < padded; length++)
        writer_put(&w, " ", 1);
    for (int64_t i = 0; i < count; i++)
        writer_put(&w, cairn_data(sorted[i].tensor), tensor_bytes(sorted[i].tensor));
    return writer_commit(&w);
}

cairn_status cairn_save_safetensors(const char *file, int64_t count, const cairn_named *tensors,
                                    int64_t metadata_count, const cairn_metadata *metadata)
{
    if (!file || count < 0 || (count && !tensors) || metadata_count < 0 || (metadata_count && !metadata))
        return error_set(CAIRN_E_ARGUMENT, "save_safetensors: a NULL or negative argument");
    cairn_named *sorted = mem_array((size_t)count + 1, sizeof *sorted);
    if (!sorted)
        return CAIRN_E_MEMORY;
    if (count)
        memcpy(sorted, tensors, (size_t)count * sizeof *sorted);
    cairn_status status = check_tensors(file, count, sorted);
    char *header = status ? NULL : make_header(count, sorted, metadata_count, metadata);
    if (header)
        status = write_file(file, count, sorted, header);
    else if (!status)
        status = cairn_error();
    cJSON_free(header);
    mem_free(sorted);
    return status;
}

#else
static cairn_status missing(const char *op, const char *path)
{
    return error_set(CAIRN_E_MISSING, "%s: %s: Cairn was built without cJSON (package libcjson-dev)", op,
                     path ? path : "(null)");
}

cairn_archive *safetensors_parse(const char *path, file_bytes *f)
{
    file_close(f);
    missing(OP, path);
    return NULL;
}

cairn_status cairn_save_safetensors(const char *file, int64_t count, const cairn_named *tensors,
                                    int64_t metadata_count, const cairn_metadata *metadata)
{
    (void)count, (void)tensors, (void)metadata_count, (void)metadata;
    return missing("save_safetensors", file);
}
#endif

cairn_archive *cairn_open_safetensors(const char *file)
{
    file_bytes f;
    if (file_map(OP, file, &f))
        return NULL;
    return safetensors_parse(file, &f);
}
