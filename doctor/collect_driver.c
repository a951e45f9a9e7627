/* The driver's libraries: which libcuda and NVML a program would get, and which others lie about. */
#include "doctor/collect.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const library_folders[] = {"/usr/lib/x86_64-linux-gnu",
                                       "/usr/lib/aarch64-linux-gnu",
                                       "/lib/x86_64-linux-gnu",
                                       "/lib/aarch64-linux-gnu",
                                       "/usr/lib64",
                                       "/lib64",
                                       "/usr/lib64/nvidia",
                                       "/usr/lib",
                                       "/lib",
                                       "/usr/lib/aarch64-linux-gnu/nvidia",
                                       "/usr/lib/aarch64-linux-gnu/tegra",
                                       "/run/opengl-driver/lib",
                                       "/usr/local/nvidia/lib64",
                                       "/usr/lib/wsl/lib",
                                       NULL};

/* "libcuda.so.1.1" of a Jetson and "libcuda.so.1" have none: a driver's number begins with its branch. */
const char *version_of_library(const collector *c, const char *path)
{
    const char *name = base_name(path), *so = strstr(name, ".so.");
    if (!so || so[4] < '0' || so[4] > '9')
        return NULL;
    const char *version = so + 4;
    bool whole = strspn(version, "0123456789.") == strlen(version) && strchr(version, '.');
    return whole ? arena_text(c->memory, version) : NULL;
}

static const char *driver_version(const collector *c, const char *path)
{
    const char *version = version_of_library(c, path);
    return version && strchr(version, '.') - version >= 3 ? version : NULL;
}

cairn_texts library_path(const collector *c)
{
    enum { MOST = 64 };
    cairn_texts folders = {CAIRN_NO, 0, NULL};
    const char *path = environment(c, "LD_LIBRARY_PATH");
    for (const char *p = path; p && *p && folders.count < MOST;) {
        size_t length = strcspn(p, ":");
        if (length && *p == '/')
            texts_add(c->memory, &folders, arena_copy(c->memory, p, length));
        p += length + (p[length] == ':');
    }
    return folders;
}

static bool is_ours(const collector *c, const char *path)
{
    int fd = root_open(c, path);
    const char *machine = fd >= 0 ? elf_machine(fd) : NULL;
    if (fd >= 0)
        close(fd);
    return !machine || !c->facts->machine || text_is(machine, c->facts->machine);
}

static void add_copy(collector *c, const char *path, cairn_texts *copies)
{
    char resolved[PATH_ROOM];
    if (root_resolve(c, path, resolved) && !texts_contain(copies, resolved) && is_ours(c, resolved))
        texts_add(c->memory, copies, arena_text(c->memory, resolved));
}

/* All copies of a library in the loader's order: the variable, the cache, the folders. */
static cairn_texts copies_of(collector *c, const char *soname)
{
    cairn_texts copies = {CAIRN_NO, 0, NULL}, folders = library_path(c), cached = {0};
    for (int i = 0; i < folders.count; i++)
        add_copy(c, path_join(c, folders.items[i], soname), &copies);
    if (text_is(c->facts->platform, "wsl2") && !c->live)
        add_copy(c, path_join(c, "/usr/lib/wsl/lib", soname), &copies);
    ldcache_find(&c->cache, c->memory, soname, &cached);
    for (int i = 0; i < cached.count; i++)
        add_copy(c, cached.items[i], &copies);
    for (int i = 0; library_folders[i]; i++)
        add_copy(c, path_join(c, library_folders[i], soname), &copies);
    return copies;
}

static void compat_copies(collector *c, cairn_texts *copies)
{
    enum { MOST = 64 };
    cairn_texts names = root_list(c, "/usr/local", MOST);
    for (int i = 0; i < names.count; i++)
        if (text_starts(names.items[i], "cuda"))
            add_copy(c, arena_format(c->memory, "/usr/local/%s/compat/libcuda.so.1", names.items[i]), copies);
}

static void libcuda(collector *c)
{
    cairn_libcuda *l = &c->facts->libcuda;
    cairn_texts copies = copies_of(c, "libcuda.so.1");
    int first = copies.count;
    compat_copies(c, &copies);
    l->known = first ? CAIRN_YES : CAIRN_NO;
    if (!first)
        return;
    l->path = copies.items[0];
    l->version = driver_version(c, l->path);
    l->others.known = CAIRN_NO;
    for (int i = 1; i < copies.count; i++)
        texts_add(c->memory, &l->others, copies.items[i]);
    int fd = root_open(c, l->path);
    if (fd >= 0) {
        bool compat = elf_forward_compat(fd, c->memory, &l->forward_compat.drivers);
        l->forward_compat.known = compat ? CAIRN_YES : CAIRN_NO;
        close(fd);
    }
}

static void nvml(collector *c)
{
    cairn_texts copies = copies_of(c, "libnvidia-ml.so.1");
    c->facts->nvml.known = copies.count ? CAIRN_YES : CAIRN_NO;
    if (copies.count)
        c->facts->nvml.version = driver_version(c, copies.items[0]);
}

void collect_driver(collector *c)
{
    file_text text;
    if (root_read(c, "/etc/ld.so.cache", LARGE_FILE, &text))
        ldcache_open(&c->cache, text, text_is(c->facts->machine, "aarch64"));
    libcuda(c);
    nvml(c);
}
