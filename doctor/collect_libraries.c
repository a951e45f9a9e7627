/* The libraries that wheels bring along: every copy that the loader could take, in its order. */
#include "doctor/collect.h"

#include <stdio.h>
#include <string.h>

enum { MOST_LIBRARIES = 512, MOST_FILES = 512 };

static const char *const wanted[] = {"libcudart.so.",    "libcublas.so.", "libcublasLt.so.",
                                     "libnvJitLink.so.", "libcudnn",      "libnccl.so.",
                                     "libcusparse.so.",  "libcufft.so.",  "libcusolver.so.",
                                     "libcurand.so.",    "libnvrtc.so.",  "libcusparseLt.so."};

/* "libcudnn_ops.so.9.1.0" -> "libcudnn_ops.so.9"; NULL for other files. */
static const char *soname_of(const collector *c, const char *file)
{
    const char *so = strstr(file, ".so.");
    for (size_t i = 0; so && i < sizeof wanted / sizeof *wanted; i++)
        if (text_starts(file, wanted[i])) {
            size_t major = strspn(so + 4, "0123456789");
            /* CUDA 11 had names with a minor: libcudart.so.11.0 */
            bool named = (text_starts(file, "libcudart.so.11") || text_starts(file, "libnvrtc.so.11")) &&
                         so[4 + major] == '.';
            if (named)
                major += 1 + strspn(so + 5 + major, "0123456789");
            return major ? arena_copy(c->memory, file, (size_t)(so - file) + 4 + major) : NULL;
        }
    return NULL;
}

/* Wheels of pip name their files without a version; the package's version stands for it. */
static const struct owner {
    const char *library, *package;
} owners[] = {
    {"libcudart.", "nvidia-cuda-runtime"}, {"libcublas", "nvidia-cublas"},
    {"libnvJitLink.", "nvidia-nvjitlink"}, {"libcudnn", "nvidia-cudnn"},
    {"libnccl.", "nvidia-nccl"},           {"libcusparseLt.", "nvidia-cusparselt"},
    {"libcusparse.", "nvidia-cusparse"},   {"libcufft.", "nvidia-cufft"},
    {"libcusolver.", "nvidia-cusolver"},   {"libcurand.", "nvidia-curand"},
    {"libnvrtc.", "nvidia-cuda-nvrtc"},
};

static const char *package_version(const cairn_python *p, const char *soname)
{
    for (size_t i = 0; p && i < sizeof owners / sizeof *owners; i++) {
        if (!text_starts(soname, owners[i].library))
            continue;
        size_t length = strlen(owners[i].package);
        for (int k = 0; k < p->packages.count; k++) {
            const char *name = p->packages.items[k].key;
            if (!strncmp(name, owners[i].package, length) &&
                (!name[length] || text_starts(name + length, "-cu")))
                return p->packages.items[k].value;
        }
    }
    return NULL;
}

static bool listed(const collector *c, const char *path)
{
    for (int i = 0; i < c->facts->libraries.count; i++)
        if (text_is(c->facts->libraries.items[i].path, path))
            return true;
    return false;
}

static void add_library(collector *c, const char *path, const char *soname, const char *from,
                        const cairn_python *p)
{
    char resolved[PATH_ROOM];
    if (c->facts->libraries.count >= MOST_LIBRARIES || !root_resolve(c, path, resolved) ||
        listed(c, resolved))
        return;
    const char *version = text_is(from, "wheel") ? package_version(p, soname) : NULL;
    if (!version)
        version = version_of_library(c, resolved);
    *LIST_ADD(c->memory, &c->facts->libraries) = (cairn_library){
        .soname = soname, .path = arena_text(c->memory, resolved), .version = version, .from = from};
}

static void add_folder(collector *c, const char *folder, const char *from, const cairn_python *p)
{
    cairn_texts files = root_list(c, folder, MOST_FILES);
    for (int i = 0; i < files.count; i++) {
        const char *soname = soname_of(c, files.items[i]);
        if (soname)
            add_library(c, path_join(c, folder, files.items[i]), soname, from, p);
    }
}

static void add_wheels(collector *c, const cairn_python *p, const char *library)
{
    static const char *const kinds[] = {"site-packages", "dist-packages"};
    cairn_texts names = root_list(c, library, MOST_FILES);
    for (int i = 0; i < names.count; i++) {
        if (!text_starts(names.items[i], "python"))
            continue;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            const char *packages = arena_format(c->memory, "%s/%s/%s", library, names.items[i], kinds[k]);
            const char *nvidia = path_join(c, packages, "nvidia");
            cairn_texts parts = root_list(c, nvidia, MOST_FILES);
            for (int n = 0; n < parts.count; n++)
                add_folder(c, arena_format(c->memory, "%s/%s/lib", nvidia, parts.items[n]), "wheel", p);
            add_folder(c, path_join(c, packages, "torch/lib"), "wheel", p);
        }
    }
}

static void add_python(collector *c, const cairn_python *p)
{
    if (p->torch.known != CAIRN_YES)
        return;
    if (text_is(p->prefix, "/usr")) {
        add_wheels(c, p, "/usr/local/lib");
        const char *home = environment(c, "HOME");
        if (home)
            add_wheels(c, p, path_join(c, home, ".local/lib"));
    }
    add_wheels(c, p, path_join(c, p->prefix, "lib"));
    if (root_is_folder(c, path_join(c, p->prefix, "conda-meta")))
        add_folder(c, path_join(c, p->prefix, "lib"), "conda", p);
}

static void add_cached(collector *c)
{
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        cairn_texts names = {0};
        ldcache_names(&c->cache, c->memory, wanted[i], &names);
        for (int n = 0; n < names.count; n++) {
            cairn_texts paths = {0};
            ldcache_find(&c->cache, c->memory, names.items[n], &paths);
            const char *soname = soname_of(c, names.items[n]);
            for (int k = 0; soname && k < paths.count; k++)
                add_library(c, paths.items[k], soname, "system", NULL);
        }
    }
}

void collect_libraries(collector *c)
{
    c->facts->libraries.known = CAIRN_NO;
    cairn_texts folders = library_path(c);
    for (int i = 0; i < folders.count; i++)
        add_folder(c, folders.items[i], "LD_LIBRARY_PATH", NULL);
    for (int i = 0; i < c->facts->pythons.count; i++)
        add_python(c, &c->facts->pythons.items[i]);
    add_cached(c);
}
