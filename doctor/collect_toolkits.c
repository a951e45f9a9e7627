/* CUDA toolkits and host compilers: what building extensions would use. */
#include "doctor/collect.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- Toolkits -----------------------------------------------------------------------------------*/

/* {"cuda": {"version": "12.4.1"}, ...} */
static const char *version_of_json(const collector *c, const char *path)
{
    file_text text;
    if (!root_read(c, path, SMALL_FILE, &text))
        return NULL;
    json_t *root = json_loadb(text.bytes, text.count, 0, NULL);
    const char *version = json_string_value(json_object_get(json_object_get(root, "cuda"), "version"));
    if (!version)
        version = json_string_value(json_object_get(json_object_get(root, "cuda_nvcc"), "version"));
    version = version ? arena_text(c->memory, version) : NULL;
    json_decref(root);
    file_text_free(&text);
    return version;
}

/* "#define CUDA_VERSION 13000" */
static const char *version_of_header(const collector *c, const char *path)
{
    file_text text;
    int version = 0;
    if (!root_read(c, path, LARGE_FILE, &text))
        return NULL;
    const char *define = strstr(text.bytes, "#define CUDA_VERSION ");
    if (define)
        version = atoi(define + strlen("#define CUDA_VERSION "));
    file_text_free(&text);
    return version >= 1000 ? arena_format(c->memory, "%d.%d", version / 1000, version % 1000 / 10) : NULL;
}

static const char *version_of_folder(const collector *c, const char *folder)
{
    const char *version = version_of_json(c, path_join(c, folder, "version.json"));
    if (version)
        return version;
    const char *line = root_line(c, path_join(c, folder, "version.txt")); /* "CUDA Version 11.0.228" */
    if (line && text_starts(line, "CUDA Version "))
        return line + strlen("CUDA Version ");
    const char *dash = strrchr(base_name(folder), '-');
    if (dash && isdigit((unsigned char)dash[1]))
        return arena_text(c->memory, dash + 1);
    return version_of_header(c, path_join(c, folder, "include/cuda.h"));
}

/* The folder that holds the nvcc of PATH, links followed; NULL when there is none. */
static const char *folder_of_nvcc(const collector *c)
{
    const char *path = environment(c, "PATH");
    if (!c->live)
        path = "/usr/local/bin:/usr/bin:/usr/local/cuda/bin";
    for (const char *p = path; p && *p;) {
        size_t length = strcspn(p, ":");
        char resolved[PATH_ROOM];
        const char *nvcc = path_join(c, arena_copy(c->memory, p, length), "nvcc");
        if (length && *p == '/' && root_resolve(c, nvcc, resolved)) {
            char *bin = strstr(resolved, "/bin/nvcc");
            return arena_copy(c->memory, resolved, bin ? (size_t)(bin - resolved) : strlen(resolved));
        }
        p += length + (p[length] == ':');
    }
    return NULL;
}

static void add_toolkit(collector *c, const char *folder, const char *on_path)
{
    char resolved[PATH_ROOM];
    if (!folder || !root_resolve(c, folder, resolved))
        return;
    if (!root_exists(c, path_join(c, resolved, "bin/nvcc")) && !text_is(on_path, resolved))
        return;
    for (int i = 0; i < c->facts->toolkits.count; i++)
        if (text_is(c->facts->toolkits.items[i].path, resolved))
            return;
    const char *version = version_of_folder(c, resolved);
    /* Debian's nvcc lies in /usr, the rest of its toolkit in /usr/lib/cuda. */
    if (!version && text_is(resolved, "/usr"))
        version = version_of_folder(c, "/usr/lib/cuda");
    *LIST_ADD(c->memory, &c->facts->toolkits) = (cairn_toolkit){
        .path = arena_text(c->memory, resolved),
        .version = version,
        .nvcc_on_path = text_is(on_path, resolved) ? CAIRN_YES : CAIRN_NO,
    };
}

static void toolkits(collector *c)
{
    enum { MOST = 64 };
    const char *on_path = folder_of_nvcc(c);
    c->facts->toolkits.known = CAIRN_NO;
    add_toolkit(c, environment(c, "CUDA_HOME"), on_path);
    add_toolkit(c, environment(c, "CUDA_PATH"), on_path);
    add_toolkit(c, on_path, on_path);
    add_toolkit(c, "/usr/local/cuda", on_path);
    static const char *const places[] = {"/usr/local", "/opt"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        cairn_texts names = root_list(c, places[i], MOST);
        for (int k = 0; k < names.count; k++)
            if (text_starts(names.items[k], "cuda"))
                add_toolkit(c, path_join(c, places[i], names.items[k]), on_path);
    }
}

/* ---- Compilers ----------------------------------------------------------------------------------*/

/* The newest folder of /usr/lib/gcc/<machine>/ that begins with `major` (NULL: any): "12" or "13.2.1". */
static const char *gcc_folder(const collector *c, const char *major)
{
    enum { MOST = 32 };
    const char *best = NULL;
    cairn_texts machines = root_list(c, "/usr/lib/gcc", MOST);
    for (int i = 0; i < machines.count; i++) {
        if (!text_starts(machines.items[i], "x86_64") && !text_starts(machines.items[i], "aarch64"))
            continue;
        cairn_texts versions = root_list(c, path_join(c, "/usr/lib/gcc", machines.items[i]), MOST);
        for (int k = 0; k < versions.count; k++) {
            const char *v = versions.items[k];
            if (isdigit((unsigned char)*v) && (!major || atoi(v) == atoi(major)) &&
                (!best || atof(v) > atof(best)))
                best = v;
        }
    }
    return best;
}

/* "x86_64-linux-gnu-gcc-12" -> "12" */
static const char *number_at_end(const char *name)
{
    const char *dash = strrchr(name, '-');
    return dash && isdigit((unsigned char)dash[1]) ? dash + 1 : NULL;
}

static void add_compiler(collector *c, const char *name, const char *version)
{
    for (int i = 0; i < c->facts->compilers.count; i++)
        if (text_is(c->facts->compilers.items[i].name, name) &&
            text_is(c->facts->compilers.items[i].version, version))
            return;
    *LIST_ADD(c->memory, &c->facts->compilers) = (cairn_compiler){name, version};
}

static void default_gcc(collector *c)
{
    char resolved[PATH_ROOM];
    if (!root_resolve(c, "/usr/bin/gcc", resolved))
        return;
    const char *major = number_at_end(base_name(resolved));
    const char *version = gcc_folder(c, major);
    version = version ? version : major ? arena_text(c->memory, major) : NULL;
    if (version)
        add_compiler(c, "gcc", version);
}

static void other_compilers(collector *c)
{
    char resolved[PATH_ROOM];
    for (int major = 4; major < 32; major++) {
        const char *version = arena_format(c->memory, "%d", major);
        if (root_exists(c, arena_format(c->memory, "/usr/bin/gcc-%d", major)))
            add_compiler(c, "gcc", gcc_folder(c, version) ? gcc_folder(c, version) : version);
    }
    if (root_resolve(c, "/usr/bin/clang", resolved)) {
        const char *llvm = strstr(resolved, "/llvm-");
        const char *version = llvm ? arena_copy(c->memory, llvm + 6, strspn(llvm + 6, "0123456789."))
                                   : number_at_end(base_name(resolved));
        if (known(version))
            add_compiler(c, "clang", arena_text(c->memory, version));
    }
}

void collect_toolkits(collector *c)
{
    toolkits(c);
    c->facts->compilers.known = CAIRN_NO;
    default_gcc(c);
    other_compilers(c);
}
