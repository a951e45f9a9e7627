/* Whole files: read at once (mapped, or inflated when they are gzip), written so that they are never half there. */
#ifndef FRAMEWORK_IO_FILE_H
#define FRAMEWORK_IO_FILE_H
#include <stdio.h>
#include <cairn/base.h>

/* ---- Reading --------------------------------------------------------------------------------------- */
typedef struct file_bytes {
    const uint8_t *data;     /* never NULL while open, also when size is 0 */
    int64_t size;
    bool mapped;
    void *memory;            /* the mapping, or the inflated bytes; NULL when there are none */
    int64_t memory_bytes;
} file_bytes;

/* Maps a regular file. The mapping is private and may be written: nothing reaches the file. `op` begins the messages:
 * "load_idx: a.idx: No such file or directory". */
cairn_status file_map(const char *op, const char *path, file_bytes *out);
/* The same, but a file that begins as gzip is inflated, whatever its name (E_MISSING without zlib). */
cairn_status file_load(const char *op, const char *path, file_bytes *out);
void file_close(file_bytes *f);
bool file_exists(const char *path);

/* ---- Writing --------------------------------------------------------------------------------------- */
/* Bytes go to PATH.part; commit flushes them to the disk and renames it to PATH, so that PATH is at any moment
 * the old file or the new one. What is not a regular file (a device, a pipe) is written in place. */
typedef struct file_writer {
    const char *op, *path;   /* borrowed: they must live until the end */
    char *part;              /* NULL: in place */
    FILE *file;
    int64_t position;
    cairn_status status;     /* the first failure; later writes do nothing */
} file_writer;

cairn_status writer_open(file_writer *w, const char *op, const char *path);
void writer_put(file_writer *w, const void *data, int64_t bytes);
void writer_zeros(file_writer *w, int64_t bytes);
/* Ends the writing: the file is there when this gives CAIRN_OK; else the old one is as it was. */
cairn_status writer_commit(file_writer *w);
void writer_abort(file_writer *w);

/* ---- Little helpers of the formats ------------------------------------------------------------------ */
static inline uint64_t read_le(const uint8_t *p, int bytes)
{
    uint64_t x = 0;
    for (int i = bytes - 1; i >= 0; i--)
        x = x << 8 | p[i];
    return x;
}
static inline void write_le(uint8_t *p, int bytes, uint64_t x)
{
    for (int i = 0; i < bytes; i++, x >>= 8)
        p[i] = (uint8_t)x;
}
/* Copies `count` elements of `bytes` each with the order of their bytes turned round. */
void copy_swapped(void *to, const void *from, int64_t count, int bytes);
/* Folder and name with a slash between, as a new object (mem_free). */
char *joined_path(const char *folder, const char *name);

#endif
