/* `cairn cc`: CUDA C and C++ through clang, without NVIDIA's toolkit.
 *
 *     cairn cc saxpy.cu -o saxpy
 *
 * Each .cu file is compiled twice: for the device to PTX, which is wrapped as a fat binary, and for the
 * host with that binary inside. The rest is linking. The options that people pass to nvcc are understood
 * (cc_options.c); with -rdc=true the device code of several files is linked too (cc_device.c). */
#define _GNU_SOURCE
#include "tools/cc.h"
#include "tools/cc_clang.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int cc_main(int argc, char **argv);

/* ---- Running clang ------------------------------------------------------------------------------- */
static void print_command(const words *command)
{
    for (int i = 0; i < command->count; i++)
        fprintf(stderr, "%s%s", i ? " " : "", command->item[i]);
    fprintf(stderr, "\n");
}

int run_command(const request *r, const words *command)
{
    if (r->verbose || r->dry)
        print_command(command);
    if (r->dry)
        return 0;
    pid_t child = fork();
    if (child == 0) {
        if (r->silent && !freopen("/dev/null", "w", stderr))
            _exit(127);
        execvp(command->item[0], command->item);
        fprintf(stderr, "cairn cc: %s is not installed (clang is in the package clang-19)\n", command->item[0]);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void add_include(words *w, const char *option, char *folder)
{
    char *include = text_print("%s%s", option, folder);
    add(w, include);
    free(include);
    free(folder);
}

/* The first line that a command prints; free it. */
static char *line_of(const char *command)
{
    char line[4096] = "";
    FILE *in = popen(command, "r");
    if (in && !fgets(line, sizeof line, in))
        line[0] = '\0';
    if (in)
        pclose(in);
    line[strcspn(line, "\n")] = '\0';
    return need(strdup(line));
}

/* clang's wrappers around C++ headers, which make std::complex, std::min and their like device functions too. */
static char *wrapper_folder(void)
{
    char *command = text_print("%s -print-resource-dir", clang()), *folder = line_of(command);
    char *wrappers = text_print("%s/include/cuda_wrappers", folder);
    free(command);
    free(folder);
    return wrappers;
}

void add_cuda_options(const request *r, words *w)
{
    static const char *const options[] = {CC_CUDA_OPTIONS, "-D__NVCC__=1"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        add(w, options[i]);
    add_include(w, "-isystem", wrapper_folder());
    add_include(w, "-I", header_folder());
    add(w, "-include");
    add(w, "cuda_runtime.h");
    if (!r->optimised)
        add(w, "-O2");
    if (r->relocatable)
        add(w, "-fgpu-rdc");
    add_all(w, &r->compile);
}

/* clang's own OpenMP when it is installed; else gcc's header and library, which have the functions, and the
 * pragmas are left out: said once, because the host's part of the program gets slower. */
static bool clang_has_openmp(void)
{
    char *command = text_print("%s -print-file-name=libomp.so 2>/dev/null", clang()), *file = line_of(command);
    bool found = strchr(file, '/') != NULL;
    free(command);
    free(file);
    return found;
}

static void add_openmp(words *w, bool host)
{
    if (clang_has_openmp()) {
        add(w, "-fopenmp");
        return;
    }
    if (host)
        fprintf(stderr, "cairn cc: -fopenmp: host code runs on one thread, for clang's OpenMP (libomp-19-dev) is not installed\n");
    char *folder = line_of("gcc -print-file-name=include 2>/dev/null");
    add(w, "-idirafter");
    add(w, folder);
    add(w, "-D__malloc__(...)=__malloc__"); /* gcc's omp.h names the functions that free, which clang does not know */
    free(folder);
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
int write_fatbin(const char *ptx, const char *fatbin)
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
char *temporary(const request *r, int index, const char *end) { return text_print("%s/%d%s", r->directory, index, end); }

static int compile_device(const request *r, const char *source, const char *output)
{
    words w = {0};
    add(&w, clang());
    add_cuda_options(r, &w);
    static const char *const options[] = {CC_DEVICE_OPTIONS};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        add(&w, options[i]);
    if (r->relocatable && r->goal != GOAL_PTX) {
        add(&w, "-emit-llvm");
        add(&w, "-c");
    } else {
        add(&w, "-S");
    }
    if (r->openmp && !clang_has_openmp())
        add_openmp(&w, false);
    add_all(&w, &r->device);
    add(&w, source);
    add(&w, "-o");
    add(&w, output);
    int failed = run_command(r, &w);
    words_free(&w);
    return failed;
}

static void add_host_options(const request *r, words *w, const char *source, const char *fatbin)
{
    if (is_cuda(r, source)) {
        add_cuda_options(r, w);
        add(w, "--cuda-host-only");
        if (r->relocatable) {
            add(w, "--offload-new-driver");
            add(w, "-Wno-unused-command-line-argument");
        } else if (fatbin) {
            add(w, "-Xclang");
            add(w, "-fcuda-include-gpubinary");
            add(w, "-Xclang");
            add(w, fatbin);
        }
        return;
    }
    add_include(w, "-I", header_folder());
    bool is_c = ends_with(source, ".c");
    for (int i = 0; i < r->compile.count; i++)
        if (!is_c || !starts_with(r->compile.item[i], "-std=c++"))
            add(w, r->compile.item[i]);
    if (is_c) {
        add(w, "-x");
        add(w, "c");
    }
}

static const char *action(const request *r)
{
    return r->goal == GOAL_PREPROCESS ? "-E" : r->goal == GOAL_DEPENDENCIES ? "-MM" : "-c";
}

static int compile_host(const request *r, const char *source, const char *fatbin, const char *object)
{
    words w = {0};
    add(&w, clang());
    add_host_options(r, &w, source, fatbin);
    if (r->shared)
        add(&w, "-fPIC");
    add_all(&w, &r->host);
    if (r->openmp)
        add_openmp(&w, true);
    add_all(&w, &r->depend);
    if (has_word(&r->depend, "-MD") || has_word(&r->depend, "-MMD")) {
        if (!has_word(&r->depend, "-MF") && object) {
            add(&w, "-MF");
            char *name = text_print("%.*s.d", (int)(strrchr(object, '.') ? strrchr(object, '.') - object : (long)strlen(object)), object);
            add(&w, name);
            free(name);
        }
    }
    add(&w, action(r));
    add(&w, source);
    if (object) {
        add(&w, "-o");
        add(&w, object);
    }
    int failed = run_command(r, &w);
    words_free(&w);
    return failed;
}

static int compile_cuda(const request *r, int index, const char *object)
{
    const char *source = r->sources.item[index];
    char *code = temporary(r, index, r->relocatable ? ".bc" : ".ptx"), *fatbin = temporary(r, index, ".fatbin");
    int failed = compile_device(r, source, code);
    if (!failed && !r->relocatable && !r->dry)
        failed = write_fatbin(code, fatbin);
    if (!failed)
        failed = compile_host(r, source, fatbin, object);
    if (!failed && r->relocatable)
        failed = embed_device_code(r, code, object);
    unlink(code);
    unlink(fatbin);
    free(code);
    free(fatbin);
    return failed;
}

static int compile(const request *r, int index, const char *object)
{
    bool both = is_cuda(r, r->sources.item[index]) && r->goal != GOAL_PREPROCESS && r->goal != GOAL_DEPENDENCIES;
    return both ? compile_cuda(r, index, object) : compile_host(r, r->sources.item[index], NULL, object);
}

static int compile_fatbin(const request *r, const char *source, const char *output)
{
    char *ptx = temporary(r, 0, ".ptx");
    int failed = compile_device(r, source, ptx) || (!r->dry && write_fatbin(ptx, output));
    unlink(ptx);
    free(ptx);
    return failed;
}

/* saxpy.cu -> saxpy.o, in the current folder. */
static char *beside(const char *source, const char *end)
{
    const char *slash = strrchr(source, '/');
    char *name = need(strdup(slash ? slash + 1 : source)), *dot = strrchr(name, '.');
    if (dot)
        *dot = '\0';
    char *out = text_print("%s%s", name, end);
    free(name);
    return out;
}

static int each_source(const request *r)
{
    static const char *const ends[] = {[GOAL_PTX] = ".ptx", [GOAL_FATBIN] = ".fatbin", [GOAL_OBJECT] = ".o"};
    int failed = 0;
    for (int i = 0; i < r->sources.count && !failed; i++) {
        const char *source = r->sources.item[i];
        bool to_screen = r->goal == GOAL_PREPROCESS || r->goal == GOAL_DEPENDENCIES;
        char *name = beside(source, to_screen ? "" : ends[r->goal]);
        const char *output = r->output ? r->output : to_screen ? NULL : name;
        failed = r->goal == GOAL_PTX      ? compile_device(r, source, output)
                 : r->goal == GOAL_FATBIN ? compile_fatbin(r, source, output)
                                          : compile(r, i, output);
        free(name);
    }
    return failed;
}

static int link_program(const request *r, const words *objects)
{
    words w = {0};
    char *library = library_folder();
    add(&w, clang());
    if (r->shared)
        add(&w, "-shared");
    add_all(&w, objects);
    char *folder = text_print("-L%s", library), *path = text_print("-Wl,-rpath,%s", library);
    const char *const rest[] = {folder, path, "-lcairn-cuda", "-lm", "-lpthread", "-ldl", "-Wno-unused-command-line-argument"};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        add(&w, rest[i]);
    add_all(&w, &r->host);
    if (r->openmp)
        add(&w, clang_has_openmp() ? "-fopenmp" : "-l:libgomp.so.1");
    add(&w, "-o");
    add(&w, r->output ? r->output : "a.out");
    int failed = run_command(r, &w);
    free(folder);
    free(path);
    free(library);
    words_free(&w);
    return failed;
}

static int archive(const request *r, const words *objects)
{
    words w = {0};
    add(&w, "ar");
    add(&w, "rcs");
    add(&w, r->output ? r->output : "a.a");
    add_all(&w, objects);
    int failed = run_command(r, &w);
    words_free(&w);
    return failed;
}

/* -dlink: what is left is an object without anything in it; the link itself does the work. */
static int device_link(const request *r)
{
    char *source = temporary(r, 0, ".c");
    FILE *out = fopen(source, "w");
    if (!out)
        return 1;
    fclose(out);
    words w = {0};
    const char *const all[] = {clang(), "-x", "c", "-c", source, "-o", r->output ? r->output : "a_dlink.o"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        add(&w, all[i]);
    int failed = run_command(r, &w);
    words_free(&w);
    unlink(source);
    free(source);
    return failed;
}

static int link_all(const request *r, words *objects)
{
    if (r->goal == GOAL_ARCHIVE)
        return archive(r, objects);
    int count = objects->count, failed = r->dry ? 0 : link_device_code(r, objects);
    if (!failed)
        failed = link_program(r, objects);
    if (objects->count > count)
        unlink(objects->item[count]);
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
        failed = link_all(r, &objects);
    for (int i = 0; i < r->sources.count; i++) {
        char *object = temporary(r, i, ".o");
        unlink(object);
        free(object);
    }
    words_free(&objects);
    return failed;
}

static int run_program(const request *r)
{
    words w = {0};
    char *path = text_print("./%s", r->output ? r->output : "a.out");
    add(&w, r->output && r->output[0] == '/' ? r->output : path);
    int failed = run_command(r, &w);
    free(path);
    words_free(&w);
    return failed;
}

/* ---- The command --------------------------------------------------------------------------------- */
static int print_help(FILE *out)
{
    fprintf(out, "usage: cairn cc FILE... [-o OUTPUT] [-c] [--ptx] [-I DIR] [-D NAME] [-std=c++17] [-O3] ...\n"
                 "Compiles CUDA C and C++ for the CPU. The options are nvcc's; docs/runtime.md lists them.\n");
    return out == stdout ? 0 : 2;
}

/* Build systems look for "release" and "V". */
static int print_version(void)
{
    printf("cairn cc: compiler driver for CUDA C++ on CPUs, through clang 19\n"
           "Cuda compilation tools, release 12.4, V12.4.0\n");
    return 0;
}

static int act(request *r)
{
    char directory[] = "/tmp/cairn-cc-XXXXXX";
    if (!mkdtemp(directory)) {
        fprintf(stderr, "cairn cc: cannot make a temporary folder in /tmp\n");
        return 1;
    }
    r->directory = directory;
    bool linking = r->goal == GOAL_LINK || r->goal == GOAL_ARCHIVE;
    int failed = linking ? compile_and_link(r) : r->goal == GOAL_DEVICE_LINK ? device_link(r) : each_source(r);
    rmdir(directory);
    return failed || !r->run ? failed : run_program(r);
}

int cc_main(int argc, char **argv)
{
    request r = {0};
    char *headers = header_folder();
    bool built = *headers;
    free(headers);
    if (!built) {
        fprintf(stderr, "cairn cc: this Cairn was built without the CUDA runtime, which needs LLVM 19 (llvm-19-dev)\n");
        return 1;
    }
    (void)argc;
    int failed = read_command_line(&r, argv);
    if (failed)
        ;
    else if (r.goal == GOAL_VERSION)
        failed = print_version();
    else if (r.goal == GOAL_HELP)
        failed = print_help(stdout);
    else if (!r.sources.count && (!r.link.count || (r.goal != GOAL_LINK && r.goal != GOAL_ARCHIVE && r.goal != GOAL_DEVICE_LINK)))
        failed = print_help(stderr);
    else if (r.output && r.sources.count > 1 && r.goal == GOAL_OBJECT) {
        fprintf(stderr, "cairn cc: -o names one output, but there are %d files to compile\n", r.sources.count);
        failed = 2;
    } else
        failed = act(&r);
    request_free(&r);
    return failed;
}
