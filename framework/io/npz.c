/* NumPy's .npz: a zip file of .npy files.
 *
 * The directory of a zip file is a page of code and is read here; inflating is zlib's. What is read: stored and
 * deflated members, sizes beyond 4 GiB (zip64). What is written: stored members, as numpy.savez does.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
#include "framework/io/archive.h"
#include "base/error.h"
#include <string.h>

#ifdef HAVE_ZLIB
#include <zlib.h>

enum {
    END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20, MEMBER_BYTES = 46, LOCAL_BYTES = 30,
    END_SIGNATURE = 0x06054b50, END64_SIGNATURE = 0x06064b50, LOCATOR_SIGNATURE = 0x07064b50,
    MEMBER_SIGNATURE = 0x02014b50, LOCAL_SIGNATURE = 0x04034b50,
    STORED = 0, DEFLATED = 8, ENCRYPTED = 1, COMMENT_MOST = 65535, ZIP64_EXTRA = 1,
};

static cairn_status damaged(const cairn_archive *a, const char *what)
{
    return error_set(CAIRN_E_FORMAT, "open_npz: %s: %s", a->path, what);
}

static uint64_t at(const file_bytes *f, int64_t offset, int bytes) { return read_le(f->data + offset, bytes); }
static bool inside(const file_bytes *f, uint64_t offset, uint64_t bytes)
{
    return offset <= (uint64_t)f->size && bytes <= (uint64_t)f->size - offset;
}

/* ---- Reading the directory */

/* The record at the end of the file, before a comment; -1. */
static int64_t find_end(const file_bytes *f)
{
    int64_t last = f->size - END_BYTES, first = last - COMMENT_MOST;
    for (int64_t i = last; i >= 0 && i >= first; i--)
        if (at(f, i, 4) == END_SIGNATURE && i + END_BYTES + (int64_t)at(f, i + 20, 2) <= f->size)
            return i;
    return -1;
}

/* Where the directory begins and how many members it has. */
static cairn_status find_directory(const cairn_archive *a, uint64_t *start, uint64_t *count)
{
    const file_bytes *f = &a->file->bytes;
    int64_t end = find_end(f);
    if (end < 0)
        return damaged(a, "is not a zip file, or is cut short");
    *count = at(f, end + 10, 2);
    *start = at(f, end + 16, 4);
    if ((*count != 0xffff && *start != 0xffffffff) || end < LOCATOR_BYTES ||
        at(f, end - LOCATOR_BYTES, 4) != LOCATOR_SIGNATURE)
        return CAIRN_OK;
    uint64_t end64 = at(f, end - LOCATOR_BYTES + 8, 8);
    if (!inside(f, end64, END64_BYTES) || at(f, (int64_t)end64, 4) != END64_SIGNATURE)
        return damaged(a, "its zip64 directory is not where it should be");
    *count = at(f, (int64_t)end64 + 32, 8);
    *start = at(f, (int64_t)end64 + 48, 8);
    return CAIRN_OK;
}

typedef struct member {
    uint64_t packed, unpacked, local;
} member;

/* Sizes that do not fit 32 bits stand in an extra field, in this order, each only if its place says 0xffffffff. */
static bool read_zip64(const file_bytes *f, int64_t extra, int64_t bytes, member *m)
{
    uint64_t *wide[] = {&m->unpacked, &m->packed, &m->local};
    for (int64_t end = extra + bytes; extra + 4 <= end; extra += 4 + (int64_t)at(f, extra + 2, 2)) {
        if (at(f, extra, 2) != ZIP64_EXTRA)
            continue;
        int64_t p = extra + 4, stop = p + (int64_t)at(f, extra + 2, 2);
        for (int i = 0; i < 3; i++)
            if (*wide[i] == 0xffffffff) {
                if (p + 8 > stop || stop > end)
                    return false;
                *wide[i] = at(f, p, 8);
                p += 8;
            }
    }
    return true;
}

/* The member whose directory record is at `p`. Its name without ".npy" is the tensor's. */
static cairn_status read_member(cairn_archive *a, int64_t p, int64_t name_bytes, int64_t extra_bytes)
{
    const file_bytes *f = &a->file->bytes;
    const char *name = (const char *)f->data + p + MEMBER_BYTES;
    member m = {at(f, p + 20, 4), at(f, p + 24, 4), at(f, p + 42, 4)};
    if (!read_zip64(f, p + MEMBER_BYTES + name_bytes, extra_bytes, &m))
        return damaged(a, "a zip64 field is damaged");
    if (at(f, p + 8, 2) & ENCRYPTED)
        return error_set(CAIRN_E_UNSUPPORTED, "open_npz: %s: '%.*s' is encrypted", a->path, (int)name_bytes, name);
    if (!inside(f, m.local, LOCAL_BYTES) || at(f, (int64_t)m.local, 4) != LOCAL_SIGNATURE)
        return damaged(a, "a member is not where the directory says");
    uint64_t start = m.local + LOCAL_BYTES + at(f, (int64_t)m.local + 26, 2) + at(f, (int64_t)m.local + 28, 2);
    if (!inside(f, start, m.packed) || memchr(name, 0, (size_t)name_bytes))
        return damaged(a, "a member reaches beyond the file, or its name is not valid");
    bool npy = name_bytes > 4 && !memcmp(name + name_bytes - 4, ".npy", 4);
    archive_entry *e = archive_add(a, name, npy ? name_bytes - 4 : name_bytes);
    if (!e)
        return CAIRN_E_MEMORY;
    e->start = (int64_t)start;
    e->bytes = (int64_t)m.packed;
    e->unpacked_bytes = m.unpacked > INT64_MAX ? INT64_MAX : (int64_t)m.unpacked;
    e->method = (int)at(f, p + 10, 2);
    e->crc = (uint32_t)at(f, p + 16, 4);
    return CAIRN_OK;
}

static cairn_status read_directory(cairn_archive *a)
{
    const file_bytes *f = &a->file->bytes;
    uint64_t p = 0, count = 0;
    cairn_status status = find_directory(a, &p, &count);
    for (uint64_t i = 0; i < count && !status; i++) {
        if (!inside(f, p, MEMBER_BYTES) || at(f, (int64_t)p, 4) != MEMBER_SIGNATURE)
            return damaged(a, "its directory is cut short");
        uint64_t name = at(f, (int64_t)p + 28, 2), extra = at(f, (int64_t)p + 30, 2),
                 comment = at(f, (int64_t)p + 32, 2);
        if (!inside(f, p, MEMBER_BYTES + name + extra + comment))
            return damaged(a, "its directory is cut short");
        status = read_member(a, (int64_t)p, (int64_t)name, (int64_t)extra);
        p += MEMBER_BYTES + name + extra + comment;
    }
    return status ? status : archive_sort(a);
}

/* ---- Reading a member */

static bool inflate_all(const uint8_t *from, int64_t from_bytes, uint8_t *to, int64_t to_bytes)
{
    z_stream z = {0};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return false;
    int result = Z_OK;
    while (result == Z_OK) {                     /* in pieces, since zlib counts in 32 bits */
        uInt in = (uInt)(from_bytes < 1 << 30 ? from_bytes : 1 << 30),
             out = (uInt)(to_bytes < 1 << 30 ? to_bytes : 1 << 30);
        z.next_in = (Bytef *)from, z.avail_in = in, z.next_out = to, z.avail_out = out;
        result = inflate(&z, Z_NO_FLUSH);
        if (in == z.avail_in && out == z.avail_out && result == Z_OK)
            break;
        from += in - z.avail_in, from_bytes -= in - z.avail_in;
        to += out - z.avail_out, to_bytes -= out - z.avail_out;
    }
    inflateEnd(&z);
    return result == Z_STREAM_END && !to_bytes && !from_bytes;
}

static uint32_t checksum(const uint8_t *data, int64_t bytes)
{
    return (uint32_t)crc32_z(0, data, (size_t)bytes);
}

static cairn_tensor *read_stored(const cairn_archive *a, const archive_entry *e, const uint8_t *data)
{
    if (checksum(data, e->unpacked_bytes) == e->crc)
        return npy_parse("open_npz", data, e->unpacked_bytes, e->name);
    error_set(CAIRN_E_FORMAT, "open_npz: %s: the checksum of '%s' is wrong", a->path, e->name);
    return NULL;
}

/* Deflate packs at most 1032 to 1: what claims more is not believed, and no memory is taken for it. */
static cairn_tensor *read_deflated(const cairn_archive *a, const archive_entry *e, const uint8_t *data)
{
    bool plausible = e->unpacked_bytes / 1100 <= e->bytes;
    uint8_t *unpacked = plausible ? buffer_alloc(e->unpacked_bytes) : NULL;
    if (plausible && !unpacked)
        return NULL;
    cairn_tensor *x = NULL;
    if (plausible && inflate_all(data, e->bytes, unpacked, e->unpacked_bytes))
        x = read_stored(a, e, unpacked);
    else
        error_set(CAIRN_E_FORMAT, "open_npz: %s: the data of '%s' is damaged", a->path, e->name);
    if (unpacked)
        buffer_free(unpacked, e->unpacked_bytes);
    return x;
}

static cairn_tensor *read_entry(const cairn_archive *a, const archive_entry *e)
{
    const uint8_t *data = a->file->bytes.data + e->start;
    if (e->method == STORED && e->bytes == e->unpacked_bytes)
        return read_stored(a, e, data);
    if (e->method == DEFLATED)
        return read_deflated(a, e, data);
    error_set(CAIRN_E_UNSUPPORTED, "open_npz: %s: '%s' is packed by method %d; 0 and 8 are supported", a->path,
              e->name, e->method);
    return NULL;
}

cairn_archive *npz_parse(const char *path, file_bytes *f)
{
    cairn_archive *a = archive_new("open_npz", path, f);
    if (!a)
        return NULL;
    a->read = read_entry;
    if (!read_directory(a))
        return a;
    cairn_archive_close(a);
    return NULL;
}

/* ---- Writing */

typedef struct written {
    int64_t offset, bytes;
    uint32_t crc;
    int header_bytes;
    uint8_t header[NPY_HEADER_MOST];
} written;

/* What the local record and the directory's have in common, from "version needed" to the length of the extra field. */
static void common_fields(uint8_t *p, const written *m, size_t name_bytes)
{
    write_le(p, 2, 20);
    write_le(p + 2, 2, 0);
    write_le(p + 4, 2, STORED);
    write_le(p + 6, 2, 0);
    write_le(p + 8, 2, 0x21); /* the first of January 1980: the same tensors give the same file */
    write_le(p + 10, 4, m->crc);
    write_le(p + 14, 4, (uint64_t)m->bytes);
    write_le(p + 18, 4, (uint64_t)m->bytes);
    write_le(p + 22, 2, name_bytes + 4);
    write_le(p + 24, 2, 0);
}

static cairn_status put_member(file_writer *w, const cairn_named *n, written *m)
{
    const void *data = cairn_data(n->tensor);
    if (!data || !n->name)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "save_npz: a name or a tensor is NULL");
    int64_t data_bytes = cairn_numel(n->tensor) * cairn_dtype_bytes(cairn_dtype_of(n->tensor));
    size_t name_bytes = strlen(n->name);
    m->offset = w->position;
    m->header_bytes = npy_header(n->tensor, m->header);
    m->bytes = m->header_bytes + data_bytes;
    if (m->offset + m->bytes > 0xfffffff0 || name_bytes > 60000)
        return error_set(CAIRN_E_UNSUPPORTED, "save_npz: %s: more than 4 GiB, or a name beyond 60000 bytes; "
                         "use safetensors", w->path);
    m->crc = checksum(m->header, m->header_bytes);
    m->crc = (uint32_t)crc32_z(m->crc, data, (size_t)data_bytes);
    uint8_t local[LOCAL_BYTES];
    write_le(local, 4, LOCAL_SIGNATURE);
    common_fields(local + 4, m, name_bytes);
    writer_put(w, local, sizeof local);
    writer_put(w, n->name, (int64_t)name_bytes);
    writer_put(w, ".npy", 4);
    writer_put(w, m->header, m->header_bytes);
    writer_put(w, data, data_bytes);
    return w->status;
}

static void put_directory(file_writer *w, int64_t count, const cairn_named *tensors, const written *members)
{
    int64_t start = w->position;
    for (int64_t i = 0; i < count; i++) {
        uint8_t record[MEMBER_BYTES] = {0};
        size_t name_bytes = strlen(tensors[i].name);
        write_le(record, 4, MEMBER_SIGNATURE);
        write_le(record + 4, 2, 20);
        common_fields(record + 6, &members[i], name_bytes);
        write_le(record + 42, 4, (uint64_t)members[i].offset);
        writer_put(w, record, sizeof record);
        writer_put(w, tensors[i].name, (int64_t)name_bytes);
        writer_put(w, ".npy", 4);
    }
    uint8_t end[END_BYTES] = {0};
    write_le(end, 4, END_SIGNATURE);
    write_le(end + 8, 2, (uint64_t)count);
    write_le(end + 10, 2, (uint64_t)count);
    write_le(end + 12, 4, (uint64_t)(w->position - start));
    write_le(end + 16, 4, (uint64_t)start);
    writer_put(w, end, sizeof end);
}

cairn_status cairn_save_npz(const char *file, int64_t count, const cairn_named *tensors)
{
    if (count < 0 || count >= 0xffff || (count && !tensors))
        return error_set(CAIRN_E_ARGUMENT, "save_npz: %lld tensors; 0 to 65534 are supported", (long long)count);
    written *members = mem_array((size_t)count + 1, sizeof *members);
    if (!members)
        return CAIRN_E_MEMORY;
    file_writer w;
    cairn_status status = writer_open(&w, "save_npz", file);
    if (status) {
        mem_free(members);
        return status;
    }
    for (int64_t i = 0; i < count && !status; i++)
        status = w.status = put_member(&w, &tensors[i], &members[i]);
    if (!status)
        put_directory(&w, count, tensors, members);
    mem_free(members);
    return writer_commit(&w);
}

#else
static cairn_status missing(const char *op, const char *path)
{
    return error_set(CAIRN_E_MISSING, "%s: %s: Cairn was built without zlib (package zlib1g-dev)", op,
                     path ? path : "(null)");
}

cairn_archive *npz_parse(const char *path, file_bytes *f)
{
    file_close(f);
    missing("open_npz", path);
    return NULL;
}

cairn_status cairn_save_npz(const char *file, int64_t count, const cairn_named *tensors)
{
    (void)count, (void)tensors;
    return missing("save_npz", file);
}
#endif

cairn_archive *cairn_open_npz(const char *file)
{
    file_bytes f;
    if (file_map("open_npz", file, &f))
        return NULL;
    return npz_parse(file, &f);
}
