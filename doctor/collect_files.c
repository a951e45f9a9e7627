/* Files under a root, with their links followed inside it. */
#include "doctor/collect.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_LINKS = 40 };

const char *path_join(const collector *c, const char *a, const char *b)
{
    return arena_format(c->memory, "%s%s%s", a, text_ends(a, "/") || *b == '/' ? "" : "/", b);
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool real_path(const collector *c, const char *inside, char out[PATH_ROOM])
{
    return snprintf(out, PATH_ROOM, "%s%s", c->root, inside) < PATH_ROOM;
}

/* What is left of the path replaces the link's own rest: "target/rest". */
static bool put_link(char rest[PATH_ROOM], const char *target, const char *after)
{
    char joined[PATH_ROOM];
    if (snprintf(joined, sizeof joined, "%s/%s", target, after) >= PATH_ROOM)
        return false;
    strcpy(rest, joined);
    return true;
}

static void go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
}

/* Walks component by component, as the kernel would in a chroot. */
static bool walk(const collector *c, const char *path, char out[PATH_ROOM])
{
    char rest[PATH_ROOM], full[PATH_ROOM * 2], target[PATH_ROOM];
    int links = 0;
    if (snprintf(rest, sizeof rest, "%s", path) >= PATH_ROOM)
        return false;
    out[0] = '\0';
    while (*rest) {
        size_t skip = strspn(rest, "/"), length = strcspn(rest + skip, "/");
        char name[NAME_MAX + 1], after[PATH_ROOM];
        if (length > NAME_MAX)
            return false;
        snprintf(name, sizeof name, "%.*s", (int)length, rest + skip);
        strcpy(after, rest + skip + length);
        strcpy(rest, after);
        if (!*name || !strcmp(name, "."))
            continue;
        if (!strcmp(name, "..")) {
            go_up(out);
            continue;
        }
        size_t used = strlen(out);
        if (used + length + 2 > PATH_ROOM)
            return false;
        sprintf(out + used, "/%s", name);
        snprintf(full, sizeof full, "%s%s", c->root, out);
        ssize_t n = readlink(full, target, sizeof target - 1);
        if (n < 0)
            continue;
        target[n] = '\0';
        if (++links > MOST_LINKS || !put_link(rest, target, after))
            return false;
        if (target[0] == '/')
            out[0] = '\0';
        else
            go_up(out);
    }
    struct stat s;
    snprintf(full, sizeof full, "%s%s", c->root, out);
    return lstat(*full ? full : "/", &s) == 0;
}

bool root_resolve(const collector *c, const char *path, char out[PATH_ROOM])
{
    if (*c->root)
        return walk(c, path, out);
    char resolved[PATH_MAX];
    if (!realpath(path, resolved))
        return false;
    return snprintf(out, PATH_ROOM, "%s", resolved) < PATH_ROOM;
}

/* Without a root the kernel follows the links itself, which is faster. */
static bool full_path(const collector *c, const char *path, char out[PATH_ROOM])
{
    char inside[PATH_ROOM];
    if (!*c->root)
        return snprintf(out, PATH_ROOM, "%s", path) < PATH_ROOM;
    return root_resolve(c, path, inside) && real_path(c, *inside ? inside : "/", out);
}

bool root_exists(const collector *c, const char *path)
{
    char full[PATH_ROOM];
    struct stat s;
    return full_path(c, path, full) && stat(full, &s) == 0;
}

bool root_is_folder(const collector *c, const char *path)
{
    char full[PATH_ROOM];
    struct stat s;
    return full_path(c, path, full) && stat(full, &s) == 0 && S_ISDIR(s.st_mode);
}

int root_open(const collector *c, const char *path)
{
    char full[PATH_ROOM];
    return full_path(c, path, full) ? file_open(full) : -1;
}

bool root_read(const collector *c, const char *path, size_t limit, file_text *out)
{
    char full[PATH_ROOM];
    *out = (file_text){0};
    return full_path(c, path, full) && file_read(full, limit, out);
}

const char *root_line(const collector *c, const char *path)
{
    file_text text;
    if (!root_read(c, path, SMALL_FILE, &text))
        return NULL;
    const char *start = text.bytes + strspn(text.bytes, " \t\r\n");
    size_t length = strcspn(start, "\r\n");
    while (length && (start[length - 1] == ' ' || start[length - 1] == '\t'))
        length--;
    const char *line = arena_copy(c->memory, start, length);
    file_text_free(&text);
    return line;
}

const char *root_link_name(const collector *c, const char *path)
{
    char folder[PATH_ROOM], full[PATH_ROOM * 2], target[PATH_ROOM];
    const char *slash = strrchr(path, '/');
    const char *parent = slash ? arena_copy(c->memory, path, (size_t)(slash - path)) : "/";
    if (!full_path(c, parent, folder))
        return NULL;
    snprintf(full, sizeof full, "%s/%s", folder, base_name(path));
    ssize_t n = readlink(full, target, sizeof target - 1);
    if (n <= 0)
        return NULL;
    target[n] = '\0';
    return arena_text(c->memory, base_name(target));
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

cairn_texts root_list(const collector *c, const char *path, int most)
{
    cairn_texts names = {CAIRN_NO, 0, NULL};
    char full[PATH_ROOM];
    DIR *folder = full_path(c, path, full) ? opendir(full) : NULL;
    if (!folder)
        return names;
    for (struct dirent *e; names.count < most && (e = readdir(folder));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            texts_add(c->memory, &names, arena_text(c->memory, e->d_name));
    closedir(folder);
    if (names.count && !arena_failed(c->memory))
        qsort(names.items, (size_t)names.count, sizeof *names.items, compare_texts);
    return names;
}

const char *environment(const collector *c, const char *name)
{
    return c->live ? getenv(name) : NULL;
}
