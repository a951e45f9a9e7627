#define _GNU_SOURCE
#include "runtime/api/cache.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Keys ---------------------------------------------------------------------------------------- */
static uint64_t mix(uint64_t h, uint64_t x, uint64_t factor)
{
    h = (h ^ x) * factor;
    return h ^ h >> 29;
}

void cache_fold(cache_key *key, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    uint64_t length = count;
    for (; count; count -= count < 8 ? count : 8, at += 8) {
        uint64_t x = 0;
        memcpy(&x, at, count < 8 ? count : 8);
        key->word[0] = mix(key->word[0], x, 0x9e3779b97f4a7c15u);
        key->word[1] = mix(key->word[1] + 1, x, 0xc2b2ae3d27d4eb4fu);
    }
    key->word[0] = mix(key->word[0], length, 0xff51afd7ed558ccdu);
    key->word[1] = mix(key->word[1], length, 0xc4ceb9fe1a85ec53u);
}

/* ---- The folder ---------------------------------------------------------------------------------- */
typedef struct cache_file {
    uint32_t magic, version;
    uint64_t bytes;
    cache_key checksum;
} cache_file;

static const uint32_t cache_magic = 0x6e726163;
enum { CACHE_VERSION = 1 };

/* Makes the folder and those above it, for this user alone. */
static bool make_folder(char *path)
{
    struct stat status;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    mkdir(path, 0700);
    /* Code is run from here: nobody else may own or write it. */
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() && !(status.st_mode & 022);
}

static bool folder(char *path, size_t size)
{
    const char *named = getenv("CAIRN_CUDA_CACHE"), *shared = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (named && strcmp(named, "off") == 0)
        return false;
    int n = named && *named     ? snprintf(path, size, "%s", named)
            : shared && *shared ? snprintf(path, size, "%s/cairn/cuda", shared)
            : home && *home     ? snprintf(path, size, "%s/.cache/cairn/cuda", home)
                                : 0;
    return n > 0 && (size_t)n < size && make_folder(path);
}

static bool file_name(cache_key key, char *path, size_t size)
{
    char place[PATH_MAX - 64];
    if (!folder(place, sizeof place))
        return false;
    int n = snprintf(path, size, "%s/%016llx%016llx.o", place, (unsigned long long)key.word[0],
                     (unsigned long long)key.word[1]);
    return n > 0 && (size_t)n < size;
}

/* ---- Reading ------------------------------------------------------------------------------------- */
static cache_key checksum_of(const void *bytes, size_t count)
{
    cache_key sum = {{0}};
    cache_fold(&sum, bytes, count);
    return sum;
}

static bool read_object(FILE *file, object_code *out)
{
    cache_file head;
    if (fread(&head, sizeof head, 1, file) != 1 || head.magic != cache_magic || head.version != CACHE_VERSION ||
        head.bytes > 1u << 30)
        return false;
    out->count = head.bytes;
    out->bytes = mem_new(out->count + 1);
    if (!out->bytes)
        return false;
    cache_key sum = {{0}};
    bool whole = fread(out->bytes, 1, out->count, file) == out->count;
    if (whole)
        sum = checksum_of(out->bytes, out->count);
    if (whole && memcmp(&sum, &head.checksum, sizeof sum) == 0)
        return true;
    mem_free(out->bytes);
    *out = (object_code){0};
    return false;
}

bool cache_get(cache_key key, object_code *out)
{
    char path[PATH_MAX];
    if (!file_name(key, path, sizeof path))
        return false;
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    bool found = read_object(file, out);
    fclose(file);
    if (found)
        utimensat(AT_FDCWD, path, NULL, 0); /* what is used stays */
    return found;
}

/* ---- Writing ------------------------------------------------------------------------------------- */
/* Removes the file that was used longest ago, and returns the bytes of all others. */
static int64_t remove_oldest(const char *place, bool remove)
{
    char oldest[PATH_MAX] = "";
    struct timespec when = {0};
    int64_t total = 0, oldest_bytes = 0;
    DIR *d = opendir(place);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[PATH_MAX];
        struct stat status;
        int n = snprintf(path, sizeof path, "%s/%s", place, e->d_name);
        if (n >= (int)sizeof path || stat(path, &status) || !S_ISREG(status.st_mode))
            continue;
        total += status.st_size;
        if (!*oldest || status.st_mtim.tv_sec < when.tv_sec ||
            (status.st_mtim.tv_sec == when.tv_sec && status.st_mtim.tv_nsec < when.tv_nsec)) {
            memcpy(oldest, path, (size_t)n + 1);
            when = status.st_mtim;
            oldest_bytes = status.st_size;
        }
    }
    if (d)
        closedir(d);
    if (!remove || !*oldest || unlink(oldest))
        return total;
    return total - oldest_bytes;
}

static int64_t bound(void)
{
    const char *text = getenv("CAIRN_CUDA_CACHE_MB");
    int64_t megabytes = text ? atoll(text) : 256;
    return (megabytes < 1 ? 1 : megabytes) << 20;
}

static void keep_within_bound(const char *place)
{
    int64_t total = remove_oldest(place, false), before;
    do {
        before = total;
        if (total > bound())
            total = remove_oldest(place, true);
    } while (total < before);
}

void cache_put(cache_key key, const object_code *object)
{
    char path[PATH_MAX], temporary[PATH_MAX + 32], *slash;
    if (!file_name(key, path, sizeof path))
        return;
    snprintf(temporary, sizeof temporary, "%s.%d.tmp", path, (int)getpid());
    FILE *file = fopen(temporary, "wb");
    if (!file)
        return;
    cache_file head = {cache_magic, CACHE_VERSION, object->count, checksum_of(object->bytes, object->count)};
    bool written = fwrite(&head, sizeof head, 1, file) == 1 && fwrite(object->bytes, 1, object->count, file) == object->count;
    written = fclose(file) == 0 && written;
    if (!written || rename(temporary, path))
        unlink(temporary);
    slash = strrchr(path, '/');
    *slash = '\0';
    keep_within_bound(path);
}
