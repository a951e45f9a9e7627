/* Reading files that may be anything. */
#include "doctor/file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int file_open(const char *path)
{
    struct stat s;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Sizes of files in /proc and /sys say nothing, so the buffer grows as bytes come. */
static bool grow(file_text *out, size_t *room, size_t limit)
{
    if (out->count < *room)
        return true;
    size_t wanted = *room ? *room * 2 : 4096;
    wanted = wanted > limit ? limit : wanted;
    char *larger = mem_resize(out->bytes, wanted + 1);
    if (!larger)
        return false;
    out->bytes = larger;
    *room = wanted;
    return true;
}

bool file_read_from(int fd, size_t limit, file_text *out)
{
    *out = (file_text){0};
    size_t room = 0;
    for (;;) {
        char more;
        if (out->count == limit) {
            out->cut = read(fd, &more, 1) == 1;
            break;
        }
        if (!grow(out, &room, limit))
            goto fail;
        ssize_t n = read(fd, out->bytes + out->count, room - out->count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            goto fail;
        if (n == 0)
            break;
        out->count += (size_t)n;
    }
    if (!out->bytes)
        goto fail;
    out->bytes[out->count] = '\0';
    return true;
fail:
    file_text_free(out);
    return false;
}

bool file_read(const char *path, size_t limit, file_text *out)
{
    *out = (file_text){0};
    int fd = file_open(path);
    if (fd < 0)
        return false;
    bool read = file_read_from(fd, limit, out);
    close(fd);
    return read;
}

void file_text_free(file_text *text)
{
    mem_free(text->bytes);
    *text = (file_text){0};
}
