/* Reading files that may be anything: huge, a pipe, unreadable, changing while they are read. */
#ifndef DOCTOR_FILE_H
#define DOCTOR_FILE_H
#include <stdbool.h>
#include <stddef.h>

typedef struct file_text {
    char *bytes; /* ends with a NUL that does not count */
    size_t count;
    bool cut; /* there was more than the limit */
} file_text;

/* A regular file opened for reading, or -1. Never waits (pipes) and never takes a terminal. */
int file_open(const char *path);
/* The first `limit` bytes of a regular file. */
bool file_read(const char *path, size_t limit, file_text *out);
bool file_read_from(int fd, size_t limit, file_text *out); /* any descriptor, to its end */
void file_text_free(file_text *text);

#endif
