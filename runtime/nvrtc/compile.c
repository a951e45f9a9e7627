/* The compilation: the program's texts become files of a private folder, clang reads them, and what it writes is read back.
 *
 * #line gives each file the name that the program knows it by. The name expressions stand behind the source, each as the address
 * that a variable holds; their lowered names are those variables' values in the PTX, where the lines are taken out again. */
#define _GNU_SOURCE
#include "runtime/nvrtc/program.h"
#include "tools/cc_clang.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME_VARIABLE "__cairn_nvrtc_name_"
extern char **environ;

/* ---- Files ----------------------------------------------------------------------------------------- */
static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

static char *make_folder(void)
{
    const char *parent = getenv("TMPDIR");
    char *folder;
    if (asprintf(&folder, "%s/cairn-nvrtc-XXXXXX", parent && *parent ? parent : "/tmp") < 0)
        return NULL;
    if (mkdtemp(folder))
        return folder;
    free(folder);
    return NULL;
}

/* A file of the folder, with the folders of its name. */
static FILE *create(const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return NULL;
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(path, 0700);
    }
    FILE *out = fopen(path, "we");
    free(path);
    return out;
}

/* The whole file with a zero behind it, or NULL. */
static char *read_back(const char *folder, const char *name)
{
    char path[PATH_MAX], *text = NULL;
    size_t bytes = 0, got;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "re"), *out = in ? open_memstream(&text, &bytes) : NULL;
    for (char part[4096]; out && (got = fread(part, 1, sizeof part, in));)
        fwrite(part, 1, got, out);
    bool bad = out && (ferror(in) | ferror(out));
    if (out && fclose(out))
        bad = true;
    if (in)
        fclose(in);
    if (bad) {
        free(text);
        text = NULL;
    }
    return text;
}

/* #line 1 "name", with the name as a C string. */
static void write_line(FILE *out, const char *before, const char *name)
{
    fprintf(out, "#line 1 \"%s", before);
    for (; *name; name++)
        if (*name == '"' || *name == '\\')
            fprintf(out, "\\%c", *name);
        else
            putc(*name == '\n' ? ' ' : *name, out);
    fprintf(out, "\"\n");
}

static void write_expression(FILE *out, int i, const char *expression)
{
    write_line(out, "name expression ", expression);
    fprintf(out, "extern \"C\" { __attribute__((used)) __device__ const void *const " NAME_VARIABLE "%d = (const void *)(%s); }\n", i, expression);
}

static bool write_source(const struct _nvrtcProgram *p, const request *r, const char *folder)
{
    FILE *out = create(folder, "source.cu");
    if (!out)
        return false;
    write_line(out, "", "options");
    for (int i = 0; i < r->macros.count; i++)
        fprintf(out, "%s\n", r->macros.item[i]);
    if (r->device_default)
        fprintf(out, "#pragma clang force_cuda_host_device begin\n");
    for (int i = 0; i < r->includes.count; i++)
        fprintf(out, "%s\n", r->includes.item[i]);
    write_line(out, "", p->name);
    fprintf(out, "%s\n", p->source);
    if (r->device_default)
        fprintf(out, "#pragma clang force_cuda_host_device end\n");
    for (int i = 0; i < p->expression_count; i++)
        write_expression(out, i, p->expressions[i].name);
    return fclose(out) == 0;
}

static bool write_header(const text_pair *h, const char *folder)
{
    char *name;
    if (asprintf(&name, "include/%s", h->name) < 0)
        return false;
    FILE *out = create(folder, name);
    free(name);
    if (!out)
        return false;
    write_line(out, "", h->name);
    fputs(h->text, out);
    return fclose(out) == 0;
}

static bool write_files(const struct _nvrtcProgram *p, const request *r, const char *folder)
{
    for (int i = 0; i < p->header_count; i++)
        if (!write_header(&p->headers[i], folder))
            return false;
    return write_source(p, r, folder);
}

/* ---- The compiler ---------------------------------------------------------------------------------- */
static const char *clang(void)
{
    const char *named = getenv("CAIRN_CLANG");
    return named && *named ? named : CC_CLANG;
}

/* Runs a command with its output in two files of the folder. The exit status, or -errno where it could not be started. */
static int run(char *const *command, const char *folder, const char *output, const char *messages)
{
    posix_spawn_file_actions_t files;
    char to[PATH_MAX], log[PATH_MAX];
    pid_t child;
    int status = 0;
    snprintf(to, sizeof to, "%s/%s", folder, output);
    snprintf(log, sizeof log, "%s/%s", folder, messages);
    if (posix_spawn_file_actions_init(&files))
        return -ENOMEM;
    int error = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    error = error ? error : posix_spawn_file_actions_addopen(&files, 1, to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    error = error ? error : posix_spawn_file_actions_addopen(&files, 2, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    error = error ? error : posix_spawnp(&child, command[0], &files, NULL, command, environ);
    posix_spawn_file_actions_destroy(&files);
    if (error)
        return -error;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Cairn's CUDA headers: beside this library when it is installed, else where it was built. */
static void header_folder(char folder[PATH_MAX])
{
    Dl_info here;
    char library[PATH_MAX], probe[PATH_MAX + 64];
    if (dladdr((const void *)&nvrtcVersion, &here) && realpath(here.dli_fname, library)) {
        *strrchr(library, '/') = '\0';
        snprintf(probe, sizeof probe, "%s/" CAIRN_HEADERS_FROM_LIBRARY "/cuda_runtime.h", library);
        if (access(probe, R_OK) == 0 && realpath(probe, folder)) {
            *strrchr(folder, '/') = '\0';
            return;
        }
    }
    snprintf(folder, PATH_MAX, "%s", CAIRN_CUDA_HEADERS);
}

/* clang's folder of its own headers; 0, or run's error. */
static int resource_folder(const char *folder, char **resource)
{
    char *const ask[] = {(char *)clang(), "-print-resource-dir", NULL};
    int failed = run(ask, folder, "resource", "messages");
    *resource = failed ? NULL : read_back(folder, "resource");
    if (*resource)
        (*resource)[strcspn(*resource, "\n")] = '\0';
    return failed;
}

static void add_all(arguments *a, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        arguments_add(a, "%s", words[i]);
}

static void command_of(arguments *a, const request *r, const char *folder, const char *resource)
{
    static const char *const before[] = {CC_CUDA_OPTIONS, "-D__CUDACC_RTC__=1"};
    static const char *const after[] = {CC_DEVICE_OPTIONS, "-O2", "-S", "-fno-color-diagnostics", "-fdiagnostics-format=msvc", "-fno-show-column",
                                        "-Wno-unused-command-line-argument", "-Wno-c++17-extensions"};
    char headers[PATH_MAX];
    header_folder(headers);
    arguments_add(a, "%s", clang());
    add_all(a, before, sizeof before / sizeof *before);
    arguments_add(a, "-isystem%s/include/cuda_wrappers", resource);
    arguments_add(a, "-I%s", headers);
    arguments_add(a, "-I%s/include", folder);
    arguments_add(a, "-include");
    arguments_add(a, "%s/cuda_runtime.h", headers);
    add_all(a, (const char *const *)r->clang.item, (size_t)r->clang.count);
    add_all(a, after, sizeof after / sizeof *after);
    arguments_add(a, "%s/source.cu", folder);
    arguments_add(a, "-o");
    arguments_add(a, "-");
}

/* ---- Results --------------------------------------------------------------------------------------- */
/* Takes the lines of the name variables out of the text, and keeps their values:
 *     .const .align 8 .u64 ..__cairn_nvrtc_name_0 = generic(_ZN1N1vE); */
static bool take_names(struct _nvrtcProgram *p)
{
    char *at = p->ptx;
    while ((at = strstr(at, NAME_VARIABLE))) {
        char *start = at, *end = strchr(at, '\n'), *rest;
        while (start > p->ptx && start[-1] != '\n')
            start--;
        long i = strtol(at + strlen(NAME_VARIABLE), &rest, 10);
        if (!end || i < 0 || i >= p->expression_count || strncmp(rest, " = ", 3))
            return false;
        rest += strncmp(rest + 3, "generic(", 8) == 0 ? 11 : 3;
        free(p->expressions[i].text);
        p->expressions[i].text = strndup(rest, strcspn(rest, ");\n"));
        memmove(start, end + 1, strlen(end));
        at = start;
    }
    for (int i = 0; i < p->expression_count; i++)
        if (!p->expressions[i].text)
            return false;
    return true;
}

static nvrtcResult say(struct _nvrtcProgram *p, nvrtcResult result, const char *sentence, const char *word, const char *why)
{
    if (asprintf(&p->log, "nvrtc: error: %s%s%s%s\n", sentence, word, *why ? ": " : "", why) < 0)
        p->log = NULL;
    return p->log ? result : NVRTC_ERROR_OUT_OF_MEMORY;
}

/* run's status as a result, with the log where clang wrote none. */
static nvrtcResult result_of(struct _nvrtcProgram *p, int status, const char *folder)
{
    if (status < 0)
        return say(p, NVRTC_ERROR_BUILTIN_OPERATION_FAILURE, clang(), " does not start (clang is in the package clang-19)", strerror(-status));
    p->log = read_back(folder, "messages");
    p->ptx = read_back(folder, "ptx");
    if (!p->log || !p->ptx)
        return NVRTC_ERROR_OUT_OF_MEMORY;
    if (status)
        return NVRTC_ERROR_COMPILATION;
    return take_names(p) ? NVRTC_SUCCESS : NVRTC_ERROR_INTERNAL_ERROR;
}

static nvrtcResult compile_in(struct _nvrtcProgram *p, const request *r, const char *folder)
{
    arguments command = {0};
    char *resource = NULL;
    if (!write_files(p, r, folder))
        return say(p, NVRTC_ERROR_BUILTIN_OPERATION_FAILURE, "cannot write the sources to ", folder, strerror(errno));
    int failed = resource_folder(folder, &resource);
    if (!failed && resource)
        command_of(&command, r, folder, resource);
    free(resource);
    nvrtcResult result = NVRTC_ERROR_OUT_OF_MEMORY;
    if (failed || (command.count && !command.failed))
        result = result_of(p, failed ? failed : run(command.item, folder, "ptx", "messages"), folder);
    arguments_free(&command);
    return result;
}

nvrtcResult program_compile(struct _nvrtcProgram *p, const request *r)
{
    char *folder = make_folder();
    if (!folder)
        return say(p, NVRTC_ERROR_BUILTIN_OPERATION_FAILURE, "cannot make a folder in ", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", strerror(errno));
    nvrtcResult result = compile_in(p, r, folder);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
    if (result) {
        free(p->ptx);
        p->ptx = NULL;
    }
    return result;
}
