/* The distribution's packages of the driver, fabric manager and cuDNN, read from the databases of dpkg,
 * rpm and pacman themselves: no package manager is run. */
#define _GNU_SOURCE /* memmem */
#include "doctor/collect.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PACKAGES = 256 };

static bool is_wanted(const char *name)
{
    static const char *const starts[] = {"nvidia-",
                                         "libnvidia-",
                                         "cuda-drivers",
                                         "cuda-compat",
                                         "libcudnn",
                                         "cudnn",
                                         "akmod-nvidia",
                                         "kmod-nvidia",
                                         "xorg-x11-drv-nvidia",
                                         "linux-modules-nvidia",
                                         "libnccl",
                                         "datacenter-gpu-manager"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (text_starts(name, starts[i]))
            return true;
    return text_is(name, "nvidia") || text_is(name, "nvidia-lts");
}

static void add(collector *c, const char *name, const char *version)
{
    if (c->facts->packages.count < MOST_PACKAGES && is_wanted(name) && !pairs_get(&c->facts->packages, name))
        pairs_add(c->memory, &c->facts->packages, name, version);
}

/* ---- dpkg ---------------------------------------------------------------------------------------*/

/* The value of "Key: value" within one stanza. */
static const char *value_of(const collector *c, const char *stanza, const char *end, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = stanza; line && line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        if ((size_t)(stop - line) > length + 2 && !memcmp(line, key, length) && line[length] == ':') {
            line += length + 1;
            while (line < stop && *line == ' ')
                line++;
            return arena_copy(c->memory, line, (size_t)(stop - line));
        }
        line = stop + 1;
    }
    return NULL;
}

static void dpkg_stanza(collector *c, const char *stanza, const char *end)
{
    const char *start = stanza + strlen("Package: ");
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(start, "\r\n"), start);
    if (!is_wanted(name))
        return;
    const char *status = value_of(c, stanza, end, "Status"), *version = value_of(c, stanza, end, "Version");
    if (version && (!status || text_ends(status, " installed")))
        add(c, arena_text(c->memory, name), version);
}

void packages_of_dpkg(collector *c, const char *status)
{
    const char *end = status + strlen(status);
    for (const char *p = status; p && p < end;) {
        const char *next = strstr(p, "\n\n");
        if (text_starts(p, "Package: "))
            dpkg_stanza(c, p, next ? next : end);
        p = next ? next + 2 : NULL;
    }
}

static bool dpkg(collector *c, const char *path)
{
    file_text text;
    if (!root_read(c, path, LARGE_FILE, &text))
        return false;
    packages_of_dpkg(c, text.bytes);
    file_text_free(&text);
    return true;
}

/* ---- rpm ----------------------------------------------------------------------------------------
 * A package's header keeps its name, version and release as three texts in a row, whatever database
 * (SQLite, ndb, Berkeley) holds the headers. That is all that is needed, so the file is searched. */

static bool is_name_character(char ch)
{
    return isalnum((unsigned char)ch) || ch == '-' || ch == '_' || ch == '+' || ch == '.';
}

/* A text of version characters that begins with a digit, and ends inside. */
static size_t version_length(const char *p, const char *end)
{
    size_t n = 0;
    while (p + n < end && p[n] && n < 64 && (isalnum((unsigned char)p[n]) || strchr("._~+^", p[n])))
        n++;
    return n && p + n < end && !p[n] && isdigit((unsigned char)*p) ? n : 0;
}

static void rpm_hit(collector *c, const char *bytes, const char *hit, const char *end)
{
    const char *start = hit;
    while (start > bytes && is_name_character(start[-1]))
        start--;
    size_t length = 0;
    while (start + length < end && length < 100 && is_name_character(start[length]))
        length++;
    const char *version = start + length + 1;
    if (start == bytes || start[-1] || version >= end || start[length])
        return;
    size_t v = version_length(version, end);
    size_t r = v ? version_length(version + v + 1, end) : 0;
    const char *name = arena_copy(c->memory, start, length);
    if (r && is_wanted(name))
        add(c, name, arena_format(c->memory, "%.*s-%.*s", (int)v, version, (int)r, version + v + 1));
}

void packages_of_rpm(collector *c, const char *bytes, size_t count)
{
    static const char *const words[] = {"nvidia", "cudnn", "cuda-drivers"};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        const char *end = bytes + count, *p = bytes;
        while (c->facts->packages.count < MOST_PACKAGES &&
               (p = memmem(p, (size_t)(end - p), words[w], strlen(words[w])))) {
            rpm_hit(c, bytes, p, end);
            p++;
        }
    }
}

static bool rpm(collector *c, const char *path)
{
    enum { CHUNK = 4 << 20, OVERLAP = 4096 };
    static const long most = 256L << 20;
    int fd = root_open(c, path);
    if (fd < 0)
        return false;
    char *chunk = arena_take(c->memory, CHUNK + 1);
    long at = 0;
    for (ssize_t n;
         chunk && !arena_failed(c->memory) && at < most && (n = pread(fd, chunk, CHUNK, at)) > 0;) {
        chunk[n] = '\0';
        packages_of_rpm(c, chunk, (size_t)n);
        at += n > OVERLAP ? n - OVERLAP : n;
        if (n < CHUNK)
            break;
    }
    close(fd);
    return true;
}

/* ---- pacman -------------------------------------------------------------------------------------*/

/* A folder "nvidia-open-580.105.08-1": name, version and release. */
static bool pacman(collector *c)
{
    enum { MOST_FOLDERS = 20000 };
    if (!root_is_folder(c, "/var/lib/pacman/local"))
        return false;
    cairn_texts names = root_list(c, "/var/lib/pacman/local", MOST_FOLDERS);
    for (int i = 0; i < names.count; i++) {
        const char *name = names.items[i], *release = strrchr(name, '-'), *version = NULL;
        for (const char *p = name; release && p < release; p++)
            if (*p == '-')
                version = p;
        if (version)
            add(c, arena_copy(c->memory, name, (size_t)(version - name)), version + 1);
    }
    return true;
}

void collect_packages(collector *c)
{
    static const char *const databases[] = {"/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite",
                                            "/usr/lib/sysimage/rpm/Packages.db", "/var/lib/rpm/Packages.db",
                                            "/var/lib/rpm/Packages"};
    bool any = dpkg(c, "/var/lib/dpkg/status");
    cairn_texts parts = root_list(c, "/var/lib/dpkg/status.d", 4096); /* distroless images */
    for (int i = 0; i < parts.count; i++)
        if (!text_ends(parts.items[i], ".md5sums"))
            any |= dpkg(c, path_join(c, "/var/lib/dpkg/status.d", parts.items[i]));
    for (size_t i = 0; i < sizeof databases / sizeof *databases; i++)
        any |= rpm(c, databases[i]);
    any |= pacman(c);
    if (any && !c->facts->packages.known)
        c->facts->packages.known = CAIRN_NO;
}
