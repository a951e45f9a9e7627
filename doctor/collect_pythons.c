/* Python environments and what is installed in them, without running any Python. */
#include "doctor/collect.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PYTHONS = 64, MOST_PACKAGES = 8192, MOST_ENTRIES = 512 };

/* ---- Packages -----------------------------------------------------------------------------------*/

static bool is_relevant(const char *name)
{
    static const char *const names[] = {
        "torch",    "torchvision", "torchaudio",  "triton",         "pytorch-triton",  "numpy",
        "xformers", "flash-attn",  "ctranslate2", "faster-whisper", "onnxruntime-gpu", "bitsandbytes",
        "vllm",     "tensorflow",  "jax",         "cupy",           "cuda-toolkit",    "pip",
        "uv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_is(name, names[i]))
            return true;
    return text_starts(name, "nvidia-") || text_starts(name, "cupy-cuda") || text_starts(name, "jax-cuda");
}

/* Names are compared in lower case with "-" for "_" and ".". */
static void normalize(char *name)
{
    for (; *name; name++)
        *name = *name == '_' || *name == '.' ? '-' : (char)tolower((unsigned char)*name);
}

static void add_package(collector *c, cairn_python *p, const char *name, const char *version)
{
    for (int i = 0; i < p->packages.count; i++)
        if (text_is(p->packages.items[i].key, name))
            return;
    pairs_add(c->memory, &p->packages, name, version);
}

/* "torch-2.5.1+cu124.dist-info": the folder's name says it all. */
static void dist_info(collector *c, cairn_python *p, const char *entry)
{
    char name[256];
    if (!text_ends(entry, ".dist-info") && !text_ends(entry, ".egg-info"))
        return;
    size_t length = strlen(entry) - strlen(".dist-info");
    if (length >= sizeof name)
        return;
    snprintf(name, sizeof name, "%.*s", (int)length, entry);
    char *dash = strchr(name, '-');
    if (!dash)
        return;
    *dash = '\0';
    normalize(name);
    char *version = dash + 1, *python = strstr(version, "-py"); /* of egg-info */
    if (python)
        *python = '\0';
    if (is_relevant(name))
        add_package(c, p, arena_text(c->memory, name), arena_text(c->memory, version));
}

/* "pytorch-2.5.1-py3.12_cuda12.4_cudnn9.1.0_0.json" of conda-meta. */
static void conda_meta(collector *c, cairn_python *p, const char *entry)
{
    char name[256];
    if (!text_ends(entry, ".json") || strlen(entry) >= sizeof name)
        return;
    strcpy(name, entry);
    char *build = strrchr(name, '-');
    if (!build)
        return;
    *build = '\0';
    char *version = strrchr(name, '-');
    if (!version)
        return;
    *version++ = '\0';
    if (text_is(name, "python") && !p->version)
        p->version = arena_text(c->memory, version);
    if (text_is(name, "pytorch"))
        add_package(c, p, "torch", arena_text(c->memory, version));
    else if (is_relevant(name) || text_is(name, "cudnn") || text_is(name, "cuda-version") ||
             text_is(name, "cuda-nvcc") || text_is(name, "pytorch-cuda") || text_is(name, "nccl"))
        add_package(c, p, arena_text(c->memory, name), arena_text(c->memory, version));
}

/* ---- torch --------------------------------------------------------------------------------------*/

/* The right side of a line of version.py: 'text', or "" for None; NULL when there is none. */
static const char *python_value(const collector *c, const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, name, length) || isalnum((unsigned char)line[length]) || line[length] == '_')
            continue;
        const char *end = line + strcspn(line, "\n"), *equals = memchr(line, '=', (size_t)(end - line));
        if (!equals)
            continue;
        const char *value = equals + 1 + strspn(equals + 1, " \t");
        if (*value == '\'' || *value == '"')
            return arena_copy(c->memory, value + 1, strcspn(value + 1, "'\"\n"));
        return text_starts(value, "None") ? "" : NULL;
    }
    return NULL;
}

static void torch_archs(collector *c, const char *folder, cairn_torch *t)
{
    static const char *const files[] = {"lib/libtorch_cuda.so", "lib/libtorch_cuda_cu.so"};
    for (size_t i = 0; i < sizeof files / sizeof *files && !t->archs.count; i++) {
        int fd = root_open(c, path_join(c, folder, files[i]));
        if (fd < 0)
            continue;
        elf_gpu_archs(fd, c->memory, &t->archs);
        close(fd);
    }
}

static const char *cudnn_package(const cairn_python *p)
{
    for (int i = 0; i < p->packages.count; i++)
        if (text_starts(p->packages.items[i].key, "nvidia-cudnn-") ||
            text_is(p->packages.items[i].key, "cudnn"))
            return p->packages.items[i].value;
    return NULL;
}

/* cuDNN of old wheels lies in torch/lib: "libcudnn.so.8.5.0" or "libcudnn.so.8". */
static const char *cudnn_in_wheel(collector *c, const char *folder)
{
    cairn_texts names = root_list(c, path_join(c, folder, "lib"), MOST_ENTRIES);
    for (int i = 0; i < names.count; i++) {
        const char *version =
            text_starts(names.items[i], "libcudnn.so.") ? names.items[i] + strlen("libcudnn.so.") : NULL;
        if (version && strchr(version, '.'))
            return version;
    }
    return NULL;
}

static void torch(collector *c, cairn_python *p, const char *packages)
{
    file_text text;
    const char *folder = path_join(c, packages, "torch");
    if (p->torch.known == CAIRN_YES || !root_read(c, path_join(c, folder, "version.py"), SMALL_FILE, &text))
        return;
    cairn_torch *t = &p->torch;
    *t = (cairn_torch){.known = CAIRN_YES};
    t->version = python_value(c, text.bytes, "__version__");
    t->cuda = python_value(c, text.bytes, "cuda");
    file_text_free(&text);
    if (!known(t->version))
        t->version = pairs_get(&p->packages, "torch");
    if (absent(t->cuda)) {
        t->archs.known = CAIRN_NO;
        return;
    }
    torch_archs(c, folder, t);
    t->cudnn = cudnn_package(p);
    if (!t->cudnn)
        t->cudnn = cudnn_in_wheel(c, folder);
}

/* ---- Environments -------------------------------------------------------------------------------*/

static void site_packages(collector *c, cairn_python *p, const char *folder)
{
    cairn_texts entries = root_list(c, folder, MOST_PACKAGES);
    for (int i = 0; i < entries.count; i++)
        dist_info(c, p, entries.items[i]);
    torch(c, p, folder);
}

/* "version = 3.11.9" or "version_info = 3.11.9" of pyvenv.cfg. */
static const char *venv_version(collector *c, const char *prefix)
{
    file_text text;
    const char *version = NULL;
    if (!root_read(c, path_join(c, prefix, "pyvenv.cfg"), SMALL_FILE, &text))
        return NULL;
    for (const char *line = text.bytes; line && *line && !version;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (text_starts(line, "version")) {
            const char *number = line + strcspn(line, "0123456789\n");
            size_t n = strspn(number, "0123456789.");
            while (n && number[n - 1] == '.')
                n--;
            version = n ? arena_copy(c->memory, number, n) : NULL;
        }
    file_text_free(&text);
    return version;
}

static bool seen_before(collector *c, const char *prefix, char resolved[PATH_ROOM])
{
    if (!root_resolve(c, prefix, resolved) || texts_contain(&c->prefixes, resolved) ||
        c->facts->pythons.count >= MOST_PYTHONS)
        return true;
    texts_add(c->memory, &c->prefixes, arena_text(c->memory, resolved));
    return false;
}

/* The folders of installed packages under <prefix>/lib, and the version that their name tells. */
static bool libraries_of(collector *c, cairn_python *p, const char *library)
{
    bool any = false;
    cairn_texts names = root_list(c, library, MOST_ENTRIES);
    for (int i = 0; i < names.count; i++) {
        const char *name = names.items[i];
        if (!text_starts(name, "python3") && !text_starts(name, "python2"))
            continue;
        static const char *const kinds[] = {"site-packages", "dist-packages"};
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            const char *folder = arena_format(c->memory, "%s/%s/%s", library, name, kinds[k]);
            if (!root_is_folder(c, folder))
                continue;
            any = true;
            site_packages(c, p, folder);
            if (!p->version && strchr(name, '.'))
                p->version = name + strlen("python");
        }
    }
    return any;
}

static bool looks_like_environment(const collector *c, const char *prefix)
{
    return root_exists(c, path_join(c, prefix, "pyvenv.cfg")) ||
           root_is_folder(c, path_join(c, prefix, "conda-meta")) ||
           root_exists(c, path_join(c, prefix, "bin/python")) ||
           root_exists(c, path_join(c, prefix, "bin/python3"));
}

static void add_environment(collector *c, const char *prefix)
{
    char resolved[PATH_ROOM];
    if (!prefix || !*prefix || !looks_like_environment(c, prefix) || seen_before(c, prefix, resolved))
        return;
    cairn_python p = {.prefix = arena_text(c->memory, *resolved ? resolved : "/"),
                      .version = venv_version(c, prefix)};
    p.packages.known = CAIRN_NO;
    p.torch.known = CAIRN_NO;
    cairn_texts meta = root_list(c, path_join(c, prefix, "conda-meta"), MOST_PACKAGES);
    for (int i = 0; i < meta.count; i++)
        conda_meta(c, &p, meta.items[i]);
    bool any = libraries_of(c, &p, path_join(c, prefix, "lib"));
    any |= libraries_of(c, &p, path_join(c, prefix, "lib64"));
    if (any || p.version)
        *LIST_ADD(c->memory, &c->facts->pythons) = p;
}

/* The system's own: packages of the distribution, of /usr/local, and of the user. */
static void add_system(collector *c)
{
    cairn_python p = {.prefix = "/usr"};
    p.packages.known = p.torch.known = CAIRN_NO;
    const char *home = environment(c, "HOME");
    bool any = home ? libraries_of(c, &p, path_join(c, home, ".local/lib")) : false;
    any |= libraries_of(c, &p, "/usr/local/lib");
    any |= libraries_of(c, &p, "/usr/lib");
    any |= libraries_of(c, &p, "/usr/lib64");
    any |= root_is_folder(c, "/usr/lib/python3/dist-packages");
    char resolved[PATH_ROOM];
    const char *version = root_resolve(c, "/usr/bin/python3", resolved) ? strstr(resolved, "python3.") : NULL;
    if (version)
        p.version = arena_text(c->memory, version + strlen("python"));
    if (any && (version || p.torch.known == CAIRN_YES))
        *LIST_ADD(c->memory, &c->facts->pythons) = p;
}

static void add_children(collector *c, const char *folder)
{
    cairn_texts names = root_list(c, folder, MOST_ENTRIES);
    for (int i = 0; i < names.count; i++)
        add_environment(c, path_join(c, folder, names.items[i]));
}

static void add_home(collector *c, const char *home)
{
    static const char *const alone[] = {"venv",      ".venv",      "env",        "miniconda3",
                                        "anaconda3", "miniforge3", "mambaforge", "micromamba"};
    static const char *const many[] = {".virtualenvs",    ".pyenv/versions", "venvs",
                                       ".conda/envs",     "miniconda3/envs", "anaconda3/envs",
                                       "miniforge3/envs", "mambaforge/envs", "micromamba/envs"};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        add_environment(c, path_join(c, home, alone[i]));
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        add_children(c, path_join(c, home, many[i]));
}

static bool is_environment(const collector *c, const char *prefix)
{
    return root_exists(c, path_join(c, prefix, "pyvenv.cfg")) ||
           root_is_folder(c, path_join(c, prefix, "conda-meta"));
}

/* What images are made of: /venv, /app/.venv, /srv/service/venv. */
static void add_places(collector *c, const char *folder, int depth)
{
    static const char *const system[] = {"usr", "proc", "sys", "dev", "bin", "sbin", "lib", "lib64", "etc",
                                         "boot", "run", "var", "tmp", "home", "root", "mnt", "media"};
    enum { MOST_NAMES = 64, MOST_PLACES = 2000 };
    cairn_texts names = root_list(c, folder, MOST_NAMES);
    for (int i = 0; i < names.count && c->places++ < MOST_PLACES; i++) {
        bool skip = false;
        for (size_t k = 0; k < sizeof system / sizeof *system; k++)
            skip |= text_is(names.items[i], system[k]);
        const char *place = path_join(c, folder, names.items[i]);
        if (skip || !root_is_folder(c, place))
            continue;
        if (is_environment(c, place))
            add_environment(c, place);
        else if (depth > 1)
            add_places(c, place, depth - 1);
    }
}

/* Interpreters on PATH: the environment that is active comes first. */
static void add_path(collector *c)
{
    for (const char *p = environment(c, "PATH"); p && *p;) {
        size_t length = strcspn(p, ":");
        const char *folder = arena_copy(c->memory, p, length);
        if (text_ends(folder, "/bin") && folder[0] == '/' &&
            (root_exists(c, path_join(c, folder, "python3")) ||
             root_exists(c, path_join(c, folder, "python")))) {
            const char *prefix = arena_copy(c->memory, folder, length - strlen("/bin"));
            if (*prefix && !text_is(prefix, "/usr"))
                add_environment(c, prefix);
        }
        p += length + (p[length] == ':');
    }
}

/* An interpreter, its folder, or the environment itself. */
static void add_only(collector *c)
{
    const char *path = c->only_python;
    char resolved[PATH_ROOM];
    if (c->live && path[0] != '/') {
        char here[PATH_ROOM];
        path = getcwd(here, sizeof here) ? path_join(c, arena_text(c->memory, here), path) : path;
    }
    const char *bin = strstr(path, "/bin/");
    if (bin && !root_is_folder(c, path))
        path = arena_copy(c->memory, path, (size_t)(bin - path));
    add_environment(c, *path ? path : "/");
    if (!c->facts->pythons.count && root_resolve(c, path, resolved))
        texts_add(c->memory, &c->facts->notes,
                  arena_format(c->memory, "--python %s: no Python environment there", c->only_python));
}

void collect_pythons(collector *c)
{
    c->facts->pythons.known = CAIRN_NO;
    if (c->only_python) {
        add_only(c);
        return;
    }
    add_environment(c, environment(c, "VIRTUAL_ENV"));
    add_environment(c, environment(c, "CONDA_PREFIX"));
    char here[PATH_ROOM];
    if (c->live && getcwd(here, sizeof here)) {
        add_environment(c, path_join(c, here, ".venv"));
        add_environment(c, path_join(c, here, "venv"));
    }
    add_path(c);
    add_system(c);
    const char *home = environment(c, "HOME");
    if (home && home[0] == '/')
        add_home(c, home);
    if (!c->live) {
        cairn_texts users = root_list(c, "/home", MOST_ENTRIES);
        for (int i = 0; i < users.count; i++)
            add_home(c, path_join(c, "/home", users.items[i]));
        add_home(c, "/root");
        add_environment(c, "/usr/local");
    }
    add_places(c, "/", c->live ? 2 : 3);
    add_children(c, "/opt/conda/envs");
    add_children(c, "/opt/miniconda3/envs");
}
