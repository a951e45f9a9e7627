/* `cairn cc`: CUDA C and C++ through clang, without NVIDIA's toolkit.
 *
 *     cairn cc saxpy.cu -o saxpy
 *
 * Each .cu file is compiled twice: for the device to PTX, which is wrapped as a fat binary, and for the
 * host with that binary inside. The rest is linking. The options that people pass to nvcc are understood;
 * those that only concern NVIDIA's own tools are dropped. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int cc_main(int argc, char **argv);

/* Where the build left headers and library; without a runtime there is nothing to compile for. */
#ifndef CAIRN_CUDA_HEADERS
#define CAIRN_CUDA_HEADERS ""
#define CAIRN_CUDA_LIBRARY ""
#define CAIRN_LIBDIR "lib"
#endif

/* ---- Lists of arguments -------------------------------------------------------------------------- */
typedef struct words {
    char **item;
    int count;
} words;

static void *need(void *memory)
{
    if (memory)
        return memory;
    fprintf(stderr, "cairn cc: out of memory\n");
    exit(1);
}

static void add(words *w, const char *word)
{
    w->item = need(realloc(w->item, sizeof *w->item * (size_t)(w->count + 2)));
    w->item[w->count++] = need(strdup(word));
    w->item[w->count] = NULL;
}

static void add_all(words *w, const words *more)
{
    for (int i = 0; i < more->count; i++)
        add(w, more->item[i]);
}

static char *format(const char *pattern, const char *a, const char *b)
{
    char *text;
    if (asprintf(&text, pattern, a, b) < 0)
        text = NULL;
    return need(text);
}

static void words_free(words *w)
{
    for (int i = 0; i < w->count; i++)
        free(w->item[i]);
    free(w->item);
    *w = (words){0};
}

/* ---- What the command line asks for -------------------------------------------------------------- */
typedef enum goal { GOAL_LINK, GOAL_OBJECT, GOAL_PTX, GOAL_PREPROCESS } goal;

typedef struct request {
    words compile;   /* for both sides: -I, -D, -std, -O, -g */
    words host;      /* -Xcompiler */
    words link;      /* objects, libraries and -L, in their order; sources as their objects */
    words sources;
    const char *output;
    goal goal;
    bool verbose, as_cuda, shared;
    bool optimised;
    char *directory; /* for temporary files */
} request;

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool is_cuda(const request *r, const char *file) { return r->as_cuda || ends_with(file, ".cu"); }

static bool is_source(const char *file)
{
    static const char *const ends[] = {".cu", ".c", ".cc", ".cpp", ".cxx", ".C", ".c++"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(file, ends[i]))
            return true;
    return false;
}

/* -Xcompiler "-Wall,-fopenmp": words between commas. */
static void add_split(words *w, const char *list)
{
    char *copy = need(strdup(list)), *rest = copy;
    for (char *word; (word = strsep(&rest, ", "));)
        if (*word)
            add(w, word);
    free(copy);
}

/* Options of nvcc that have no meaning here. Those of the second list take the next word with them. */
static bool is_dropped(const char *option)
{
    static const char *const exact[] = {"-lineinfo", "--generate-line-info", "-rdc=true", "-rdc=false",
                                        "--expt-extended-lambda", "--extended-lambda", "--expt-relaxed-constexpr",
                                        "-lcudart", "-lcuda", "-lcudart_static", "-lcudadevrt", "-use_fast_math",
                                        "--use_fast_math", "-res-usage", "-G", "-keep"};
    static const char *const prefixes[] = {"-arch=", "--gpu-architecture=", "-gencode=", "--generate-code=", "-code=",
                                           "-maxrregcount", "--maxrregcount", "--ptxas-options", "-Xptxas=", "--cudart",
                                           "-cudart", "--default-stream", "-ccbin=", "--compiler-bindir=", "-Wno-deprecated-gpu",
                                           "--threads", "-diag-suppress", "--relocatable-device-code", "-allow-unsupported"};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        if (strcmp(option, exact[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(option, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool is_dropped_with_value(const char *option)
{
    static const char *const names[] = {"-arch", "--gpu-architecture", "-gencode", "--generate-code", "-code", "-Xptxas",
                                        "-ccbin", "--compiler-bindir", "-Xcudafe", "-Xnvlink", "-t"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(option, names[i]) == 0)
            return true;
    return false;
}

static const char *value_of(char **argv, int *i)
{
    if (!argv[*i + 1]) {
        fprintf(stderr, "cairn cc: %s needs a value\n", argv[*i]);
        exit(2);
    }
    return argv[++*i];
}

static void take_file(request *r, const char *file)
{
    if (is_source(file) || r->as_cuda)
        add(&r->sources, file);
    add(&r->link, file);
}

/* Options that are two words or one: -I dir, -Idir. */
static bool take_compile_option(request *r, char **argv, int *i)
{
    const char *word = argv[*i];
    static const char *const pairs[] = {"-I", "-D", "-U", "-include", "-isystem", "-std"};
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
        if (strcmp(word, pairs[k]) == 0) {
            if (strcmp(word, "-std") == 0) {
                char *joined = format("-std=%s%s", value_of(argv, i), "");
                add(&r->compile, joined);
                free(joined);
            } else {
                add(&r->compile, word);
                add(&r->compile, value_of(argv, i));
            }
            return true;
        }
    if (strncmp(word, "--std", 5) == 0) {
        add(&r->compile, word + 1);
        return true;
    }
    if (strncmp(word, "-O", 2) == 0)
        r->optimised = true;
    if (strncmp(word, "-I", 2) && strncmp(word, "-D", 2) && strncmp(word, "-U", 2) && strncmp(word, "-std=", 5) &&
        strncmp(word, "-O", 2) && strncmp(word, "-W", 2) && strncmp(word, "-f", 2) && strcmp(word, "-w") && strncmp(word, "-g", 2))
        return false;
    add(strncmp(word, "-f", 2) ? &r->compile : &r->host, word);
    return true;
}

static bool take_link_option(request *r, char **argv, int *i)
{
    const char *word = argv[*i];
    if (strcmp(word, "-Xlinker") == 0) {
        char *joined = format("-Wl,%s%s", value_of(argv, i), "");
        add(&r->link, joined);
        free(joined);
        return true;
    }
    if (strcmp(word, "-L") == 0 || strcmp(word, "-l") == 0) {
        add(&r->link, word);
        add(&r->link, value_of(argv, i));
        return true;
    }
    if (strcmp(word, "-shared") == 0 || strcmp(word, "--shared") == 0) {
        r->shared = true;
        return true;
    }
    if (strncmp(word, "-L", 2) && strncmp(word, "-l", 2) && strcmp(word, "-pthread"))
        return false;
    add(&r->link, word);
    return true;
}

static bool take_goal(request *r, char **argv, int *i)
{
    const char *word = argv[*i];
    if (strcmp(word, "-c") == 0 || strcmp(word, "-dc") == 0 || strcmp(word, "--compile") == 0)
        r->goal = GOAL_OBJECT;
    else if (strcmp(word, "-ptx") == 0 || strcmp(word, "--ptx") == 0)
        r->goal = GOAL_PTX;
    else if (strcmp(word, "-E") == 0)
        r->goal = GOAL_PREPROCESS;
    else if (strcmp(word, "-o") == 0 || strcmp(word, "--output-file") == 0)
        r->output = value_of(argv, i);
    else if (strcmp(word, "-x") == 0)
        r->as_cuda = strcmp(value_of(argv, i), "cu") == 0 || strcmp(argv[*i], "cuda") == 0;
    else if (strcmp(word, "-v") == 0 || strcmp(word, "--verbose") == 0)
        r->verbose = true;
    else
        return false;
    return true;
}

static bool take_word(request *r, char **argv, int *i)
{
    const char *word = argv[*i];
    if (word[0] != '-') {
        take_file(r, word);
        return true;
    }
    if (strcmp(word, "-Xcompiler") == 0 || strcmp(word, "--compiler-options") == 0) {
        add_split(&r->host, value_of(argv, i));
        return true;
    }
    if (strncmp(word, "-Xcompiler=", 11) == 0 || strncmp(word, "--compiler-options=", 19) == 0) {
        add_split(&r->host, strchr(word, '=') + 1);
        return true;
    }
    if (is_dropped_with_value(word)) {
        value_of(argv, i);
        return true;
    }
    return is_dropped(word) || take_goal(r, argv, i) || take_compile_option(r, argv, i) || take_link_option(r, argv, i);
}

/* ---- Running clang ------------------------------------------------------------------------------- */
static int run(const request *r, const words *command)
{
    if (r->verbose) {
        for (int i = 0; i < command->count; i++)
            fprintf(stderr, "%s%s", i ? " " : "", command->item[i]);
        fprintf(stderr, "\n");
    }
    pid_t child = fork();
    if (child == 0) {
        execvp(command->item[0], command->item);
        fprintf(stderr, "cairn cc: %s is not installed (the package is clang-19)\n", command->item[0]);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static const char *clang(void)
{
    const char *named = getenv("CAIRN_CLANG");
    return named ? named : "clang++-19";
}

/* Where the headers and the library are: beside this program when it is installed, else where it was
 * built. */
static bool exists(const char *path) { return access(path, R_OK) == 0; }

static char *program_folder(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0)
        return need(strdup("."));
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    return need(strdup(path));
}

static char *installed_or(const char *installed, const char *built, const char *file)
{
    char *folder = program_folder(), *place = format("%s/../%s", folder, installed);
    char *probe = format("%s/%s", place, file);
    bool found = exists(probe);
    free(probe);
    free(folder);
    if (found)
        return place;
    free(place);
    return need(strdup(built));
}

static char *header_folder(void) { return installed_or("include/cairn-cuda/cuda", CAIRN_CUDA_HEADERS, "cuda_runtime.h"); }
static char *library_folder(void) { return installed_or(CAIRN_LIBDIR, CAIRN_CUDA_LIBRARY, "libcairn-cuda.so"); }

static void add_cuda_options(const request *r, words *w)
{
    static const char *const options[] = {"-x", "cuda", "-nocudainc", "-nocudalib", "--cuda-path=/nonexistent", "-Xclang",
                                          "-target-sdk-version=11.4", "--cuda-gpu-arch=sm_80", "-Wno-unknown-cuda-version",
                                          "-D__CUDACC__=1", "-D__NVCC__=1", "-D__CUDACC_VER_MAJOR__=11",
                                          "-D__CUDACC_VER_MINOR__=4"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        add(w, options[i]);
    char *headers = header_folder(), *include = format("-I%s%s", headers, "");
    add(w, include);
    add(w, "-include");
    add(w, "cuda_runtime.h");
    free(include);
    free(headers);
    if (!r->optimised)
        add(w, "-O2");
    add_all(w, &r->compile);
}

/* ---- Fat binaries -------------------------------------------------------------------------------- */
static char *read_all(const char *file, size_t *bytes)
{
    FILE *in = fopen(file, "rb");
    struct stat status;
    if (!in || fstat(fileno(in), &status)) {
        fprintf(stderr, "cairn cc: cannot read %s\n", file);
        exit(1);
    }
    char *text = need(calloc(1, (size_t)status.st_size + 8));
    *bytes = fread(text, 1, (size_t)status.st_size, in);
    fclose(in);
    return text;
}

/* One region of PTX behind the headers that CUDA's loaders know. */
static int write_fatbin(const char *ptx, const char *fatbin)
{
    size_t bytes;
    char *text = read_all(ptx, &bytes);
    uint64_t padded = (bytes + 8) & ~(uint64_t)7;
    struct { uint32_t magic; uint16_t version, header; uint64_t bytes; } head = {0xba55ed50, 1, 16, padded + 64};
    struct { uint16_t kind, version; uint32_t header; uint64_t bytes, zero; uint16_t minor, major; uint32_t sm;
             uint64_t rest[4]; } region = {.kind = 1, .version = 0x101, .header = 64, .bytes = padded, .minor = 8,
                                           .major = 7, .sm = 80};
    FILE *out = fopen(fatbin, "wb");
    bool done = out && fwrite(&head, 16, 1, out) == 1 && fwrite(&region, 64, 1, out) == 1 &&
                fwrite(text, padded, 1, out) == 1;
    done = out && fclose(out) == 0 && done;
    free(text);
    if (!done)
        fprintf(stderr, "cairn cc: cannot write %s\n", fatbin);
    return !done;
}

/* ---- Steps --------------------------------------------------------------------------------------- */
static char *temporary(const request *r, int index, const char *end)
{
    char number[32];
    snprintf(number, sizeof number, "/%d%s", index, end);
    return format("%s%s", r->directory, number);
}

static int compile_device(const request *r, const char *source, const char *ptx)
{
    words w = {0};
    add(&w, clang());
    add_cuda_options(r, &w);
    static const char *const options[] = {"-Xclang", "-target-feature", "-Xclang", "+ptx78", "--cuda-device-only", "-S"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        add(&w, options[i]);
    add(&w, source);
    add(&w, "-o");
    add(&w, ptx);
    int failed = run(r, &w);
    words_free(&w);
    return failed;
}

static int compile_host(const request *r, const char *source, const char *fatbin, const char *object)
{
    words w = {0};
    add(&w, clang());
    if (is_cuda(r, source)) {
        add_cuda_options(r, &w);
        add(&w, "--cuda-host-only");
        add(&w, "-Xclang");
        add(&w, "-fcuda-include-gpubinary");
        add(&w, "-Xclang");
        add(&w, fatbin);
    } else {
        char *headers = header_folder(), *include = format("-I%s%s", headers, "");
        add(&w, include);
        add_all(&w, &r->compile);
        free(include);
        free(headers);
        if (ends_with(source, ".c")) {
            add(&w, "-x");
            add(&w, "c");
        }
    }
    if (r->shared)
        add(&w, "-fPIC");
    add_all(&w, &r->host);
    add(&w, r->goal == GOAL_PREPROCESS ? "-E" : "-c");
    add(&w, source);
    if (object) {
        add(&w, "-o");
        add(&w, object);
    }
    int failed = run(r, &w);
    words_free(&w);
    return failed;
}

static int compile(const request *r, int index, const char *object)
{
    const char *source = r->sources.item[index];
    char *ptx = temporary(r, index, ".ptx"), *fatbin = temporary(r, index, ".fatbin");
    int failed = 0;
    if (is_cuda(r, source) && r->goal != GOAL_PREPROCESS)
        failed = compile_device(r, source, ptx) || write_fatbin(ptx, fatbin);
    if (!failed)
        failed = compile_host(r, source, fatbin, object);
    unlink(ptx);
    unlink(fatbin);
    free(ptx);
    free(fatbin);
    return failed;
}

/* saxpy.cu -> saxpy.o, in the current folder. */
static char *beside(const char *source, const char *end)
{
    const char *slash = strrchr(source, '/');
    char *name = need(strdup(slash ? slash + 1 : source)), *dot = strrchr(name, '.');
    if (dot)
        *dot = '\0';
    char *out = format("%s%s", name, end);
    free(name);
    return out;
}

static int each_source(const request *r)
{
    int failed = 0;
    for (int i = 0; i < r->sources.count && !failed; i++) {
        char *name = beside(r->sources.item[i], r->goal == GOAL_PTX ? ".ptx" : ".o");
        const char *output = r->output ? r->output : r->goal == GOAL_PREPROCESS ? NULL : name;
        failed = r->goal == GOAL_PTX ? compile_device(r, r->sources.item[i], output) : compile(r, i, output);
        free(name);
    }
    return failed;
}

static int link_objects(const request *r, const words *objects)
{
    words w = {0};
    char *library = library_folder();
    add(&w, clang());
    if (r->shared)
        add(&w, "-shared");
    add_all(&w, objects);
    char *folder = format("-L%s%s", library, ""), *path = format("-Wl,-rpath,%s%s", library, "");
    add(&w, folder);
    add(&w, path);
    add(&w, "-lcairn-cuda");
    add(&w, "-lm");
    add_all(&w, &r->host);
    add(&w, "-o");
    add(&w, r->output ? r->output : "a.out");
    int failed = run(r, &w);
    free(folder);
    free(path);
    free(library);
    words_free(&w);
    return failed;
}

/* The link line, with each source replaced by the object that it becomes. */
static int compile_and_link(const request *r)
{
    words objects = {0};
    int failed = 0, source = 0;
    for (int i = 0; i < r->link.count && !failed; i++) {
        bool from_source = source < r->sources.count && strcmp(r->link.item[i], r->sources.item[source]) == 0;
        if (!from_source) {
            add(&objects, r->link.item[i]);
            continue;
        }
        char *object = temporary(r, source, ".o");
        failed = compile(r, source++, object);
        add(&objects, object);
        free(object);
    }
    if (!failed)
        failed = link_objects(r, &objects);
    for (int i = 0; i < r->sources.count; i++) {
        char *object = temporary(r, i, ".o");
        unlink(object);
        free(object);
    }
    words_free(&objects);
    return failed;
}

static int usage(void)
{
    fprintf(stderr, "usage: cairn cc FILE... [-o OUTPUT] [-c] [--ptx] [-I DIR] [-D NAME] [-std=c++17] [-O3] ...\n"
                    "Compiles CUDA C and C++ for the CPU. The options are nvcc's; docs/runtime.md lists them.\n");
    return 2;
}

int cc_main(int argc, char **argv)
{
    request r = {0};
    if (!*CAIRN_CUDA_HEADERS) {
        fprintf(stderr, "cairn cc: this Cairn was built without the CUDA runtime, which needs LLVM 19 (llvm-19-dev)\n");
        return 1;
    }
    char directory[] = "/tmp/cairn-cc-XXXXXX";
    for (int i = 1; i < argc; i++)
        if (!take_word(&r, argv, &i)) {
            fprintf(stderr, "cairn cc: option '%s' is not supported\n", argv[i]);
            return 2;
        }
    if (!r.sources.count && (!r.link.count || r.goal != GOAL_LINK))
        return usage();
    if (!mkdtemp(directory)) {
        fprintf(stderr, "cairn cc: cannot make a temporary folder in /tmp\n");
        return 1;
    }
    r.directory = directory;
    int failed = r.goal == GOAL_LINK ? compile_and_link(&r) : each_source(&r);
    rmdir(directory);
    words_free(&r.compile);
    words_free(&r.host);
    words_free(&r.link);
    words_free(&r.sources);
    return failed;
}
