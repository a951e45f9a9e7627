/* An open file of named tensors: what safetensors and npz have in common. */
#ifndef FRAMEWORK_IO_ARCHIVE_H
#define FRAMEWORK_IO_ARCHIVE_H
#include "framework/io/formats.h"

/* The bytes behind an archive: its tensors may outlive it. */
typedef struct shared_file {
    _Atomic int64_t refs;
    file_bytes bytes;
} shared_file;

typedef struct archive_entry {
    char *name;                       /* owned */
    cairn_dtype type;                 /* of safetensors */
    cairn_shape shape;
    int64_t start, bytes;             /* within the file */
    int64_t unpacked_bytes;           /* of zip members: */
    int method;
    uint32_t crc;
} archive_entry;

struct cairn_archive {
    const char *op;                   /* for messages: "open_npz" */
    char *path;
    shared_file *file;
    int64_t count, capacity;
    archive_entry *entries;           /* in the order of their names */
    int64_t metadata_count, metadata_capacity;
    cairn_metadata *metadata;         /* owned texts */
    cairn_tensor *(*read)(const cairn_archive *a, const archive_entry *e);
};

/* Takes over f's bytes, on failure too. */
cairn_archive *archive_new(const char *op, const char *path, file_bytes *f);
/* A new entry with a copy of the name; NULL with the error set. */
archive_entry *archive_add(cairn_archive *a, const char *name, int64_t length);
cairn_status archive_add_metadata(cairn_archive *a, const char *key, const char *value);
/* Sorts by name; E_FORMAT when two are the same. */
cairn_status archive_sort(cairn_archive *a);
/* A part of the file as a buffer that keeps the file open. */
buffer *archive_borrow(const cairn_archive *a, int64_t start, int64_t bytes);

/* The parsers behind cairn_open_safetensors and cairn_open_npz; take over f's bytes. */
cairn_archive *safetensors_parse(const char *path, file_bytes *f);
cairn_archive *npz_parse(const char *path, file_bytes *f);

#endif
