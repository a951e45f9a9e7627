#include "framework/io/file.h"
#include "base/error.h"
#include "base/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

static cairn_status io_error(const char *op, const char *path)
{
    return error_set(CAIRN_E_IO, "%s: %s: %s", op, path, strerror(errno));
}

/* ---- Reading */

static cairn_status map_descriptor(const char *op, const char *path, int fd, file_bytes *out)
{
    struct stat s;
    if (fstat(fd, &s))
        return io_error(op, path);
    if (!S_ISREG(s.st_mode))
        return error_set(CAIRN_E_IO, "%s: %s: is not a regular file", op, path);
    *out = (file_bytes){.data = (const uint8_t *)"", .size = s.st_size, .mapped = true};
    if (!s.st_size)
        return CAIRN_OK;
    void *memory = mmap(NULL, (size_t)s.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED)
        return io_error(op, path);
    out->data = out->memory = memory;
    out->memory_bytes = s.st_size;
    return CAIRN_OK;
}

cairn_status file_map(const char *op, const char *path, file_bytes *out)
{
    *out = (file_bytes){0};
    if (!path)
        return error_set(CAIRN_E_ARGUMENT, "%s: the file's name is NULL", op);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return io_error(op, path);
    cairn_status status = map_descriptor(op, path, fd, out);
    close(fd);
    return status;
}

void file_close(file_bytes *f)
{
    if (f->memory && f->mapped)
        munmap(f->memory, (size_t)f->memory_bytes);
    else if (f->memory)
        buffer_free(f->memory, f->memory_bytes);
    *f = (file_bytes){0};
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

#ifdef HAVE_ZLIB
/* Makes room for more output. */
static bool grow(file_bytes *out)
{
    int64_t bytes = out->memory_bytes * 2;
    void *memory = buffer_alloc(bytes);
    if (!memory)
        return false;
    memcpy(memory, out->memory, (size_t)out->size);
    buffer_free(out->memory, out->memory_bytes);
    out->memory = memory;
    out->memory_bytes = bytes;
    return true;
}

/* One call of inflate over what is left of `in`, into what is free of `out`. */
static int inflate_some(z_stream *z, const file_bytes *in, int64_t *taken, file_bytes *out)
{
    int64_t left = in->size - *taken, room = out->memory_bytes - out->size, most = 1 << 30;
    z->next_in = (Bytef *)(in->data + *taken);
    z->avail_in = (uInt)(left < most ? left : most);
    z->next_out = (Bytef *)out->memory + out->size;
    z->avail_out = (uInt)(room < most ? room : most);
    uInt in_before = z->avail_in, out_before = z->avail_out;
    int result = inflate(z, Z_NO_FLUSH);
    *taken += in_before - z->avail_in;
    out->size += out_before - z->avail_out;
    return result;
}

/* gzip: one or more members, one after the other. */
static cairn_status gunzip(const char *op, const char *path, const file_bytes *in, file_bytes *out)
{
    z_stream z = {0};
    *out = (file_bytes){.memory_bytes = in->size * 4 + 4096};
    if (!(out->memory = buffer_alloc(out->memory_bytes)))
        return CAIRN_E_MEMORY;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return error_set(CAIRN_E_MEMORY, "%s: %s: inflate could not begin", op, path);
    cairn_status status = CAIRN_OK;
    for (int64_t taken = 0; !status;) {
        if (out->size == out->memory_bytes && !grow(out)) {
            status = CAIRN_E_MEMORY;
            break;
        }
        int result = inflate_some(&z, in, &taken, out);
        if (result == Z_STREAM_END && taken == in->size)
            break;
        if (result == Z_STREAM_END)
            inflateReset(&z);
        else if (result == Z_DATA_ERROR || result == Z_NEED_DICT)
            status = error_set(CAIRN_E_FORMAT, "%s: %s: the gzip data is damaged", op, path);
        else if (taken == in->size && out->size < out->memory_bytes)
            status = error_set(CAIRN_E_FORMAT, "%s: %s: the gzip data is cut short", op, path);
    }
    inflateEnd(&z);
    out->data = out->memory;
    return status;
}
#else
static cairn_status gunzip(const char *op, const char *path, const file_bytes *in, file_bytes *out)
{
    (void)in, (void)out;
    return error_set(CAIRN_E_MISSING, "%s: %s is gzip: Cairn was built without zlib (package zlib1g-dev)", op,
                     path);
}
#endif

cairn_status file_load(const char *op, const char *path, file_bytes *out)
{
    cairn_status status = file_map(op, path, out);
    if (status || out->size < 2 || out->data[0] != 0x1f || out->data[1] != 0x8b)
        return status;
    file_bytes packed = *out;
    *out = (file_bytes){0};
    status = gunzip(op, path, &packed, out);
    file_close(&packed);
    if (status)
        file_close(out);
    return status;
}

/* ---- Writing */

static void fail(file_writer *w)
{
    if (!w->status)
        w->status = io_error(w->op, w->path);
}

cairn_status writer_open(file_writer *w, const char *op, const char *path)
{
    *w = (file_writer){.op = op, .path = path};
    if (!path)
        return w->status = error_set(CAIRN_E_ARGUMENT, "%s: the file's name is NULL", op);
    struct stat s;
    bool in_place = stat(path, &s) == 0 && !S_ISREG(s.st_mode);
    if (!in_place) {
        size_t bytes = strlen(path) + sizeof ".part";
        if (!(w->part = mem_new(bytes)))
            return w->status = CAIRN_E_MEMORY;
        snprintf(w->part, bytes, "%s.part", path);
    }
    w->file = fopen(in_place ? path : w->part, "wb");
    if (!w->file) {
        fail(w);
        mem_free(w->part);
        w->part = NULL;
    }
    return w->status;
}

void writer_put(file_writer *w, const void *data, int64_t bytes)
{
    if (w->status || !bytes)
        return;
    if (fwrite(data, 1, (size_t)bytes, w->file) != (size_t)bytes)
        fail(w);
    w->position += bytes;
}

void writer_zeros(file_writer *w, int64_t bytes)
{
    static const char zeros[64];
    for (; bytes > 0; bytes -= 64)
        writer_put(w, zeros, bytes < 64 ? bytes : 64);
}

/* The new name is on the disk once its folder is. Not every file system can: then it is as good as it gets. */
static void sync_folder(const char *path)
{
    char *folder = mem_copy_string(path);
    if (!folder)
        return;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mem_free(folder);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* EINVAL: a pipe or a device has nothing to flush. */
static bool flush(FILE *file)
{
    return !fflush(file) && (!fsync(fileno(file)) || errno == EINVAL || errno == ENOTSUP);
}

cairn_status writer_commit(file_writer *w)
{
    if (!w->status && !flush(w->file))
        fail(w);
    if (w->file && fclose(w->file) && !w->status)
        fail(w);
    w->file = NULL;
    if (w->part && !w->status && rename(w->part, w->path))
        fail(w);
    if (w->part && !w->status)
        sync_folder(w->path);
    cairn_status status = w->status;
    writer_abort(w);
    return status;
}

void writer_abort(file_writer *w)
{
    if (w->file)
        fclose(w->file);
    if (w->part && (w->status || w->file))
        unlink(w->part);
    mem_free(w->part);
    w->file = NULL;
    w->part = NULL;
}

/* ---- Little helpers */

void copy_swapped(void *to, const void *from, int64_t count, int bytes)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    for (int64_t i = 0; i < count; i++, d += bytes, s += bytes)
        for (int k = 0; k < bytes; k++)
            d[k] = s[bytes - 1 - k];
}

char *joined_path(const char *folder, const char *name)
{
    size_t bytes = strlen(folder) + strlen(name) + 2;
    char *path = mem_new(bytes);
    if (path)
        snprintf(path, bytes, "%s/%s", folder, name);
    return path;
}
