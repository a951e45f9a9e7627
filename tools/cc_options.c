/* The options of nvcc, as one table. An option that only concerns NVIDIA's own tools is accepted and changes
 * nothing: there is one device here, and its machine code is made when a kernel is first launched. */
#define _GNU_SOURCE
#include "tools/cc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum meaning {
    DROP,             /* no value */
    DROP_VALUE,       /* --name value, --name=value */
    GOAL,             /* the goal of the table's last column */
    BOTH,             /* goes to both compilations */
    BOTH_VALUE,
    HOST_LIST,        /* words for the host's compiler */
    LINK_LIST,        /* words for the linker: -Wl,word */
    DEPEND,           /* goes to the host's compilation */
    DEPEND_VALUE,
    OUTPUT, LANGUAGE, STANDARD, SHARED, RELOCATABLE, RELOCATABLE_VALUE, VERBOSE, DRY, RUN, FAST_MATH, NO_CONTRACTION,
    DEBUG, OPTION_FILE, LIBRARY, LIBRARY_FOLDER, WARNINGS_AS_ERRORS, CUBIN
} meaning;

/* name, other name, meaning, goal */
static const struct { const char *name, *other; meaning meaning; goal goal; } options[] = {
    {"-arch", "--gpu-architecture", DROP_VALUE, 0}, {"-gencode", "--generate-code", DROP_VALUE, 0},
    {"-code", "--gpu-code", DROP_VALUE, 0}, {"-maxrregcount", "--maxrregcount", DROP_VALUE, 0},
    {"-Xptxas", "--ptxas-options", DROP_VALUE, 0}, {"-Xnvlink", "--nvlink-options", DROP_VALUE, 0},
    {"-Xcudafe", NULL, DROP_VALUE, 0}, {"-Xfatbin", NULL, DROP_VALUE, 0}, {"-Xarchive", "--archive-options", DROP_VALUE, 0},
    {"-ccbin", "--compiler-bindir", DROP_VALUE, 0}, {"-cudart", "--cudart", DROP_VALUE, 0},
    {"-cudadevrt", "--cudadevrt", DROP_VALUE, 0}, {"-default-stream", "--default-stream", DROP_VALUE, 0},
    {"-t", "--threads", DROP_VALUE, 0}, {"-diag-suppress", "--diag-suppress", DROP_VALUE, 0},
    {"-diag-error", "--diag-error", DROP_VALUE, 0}, {"-diag-warn", "--diag-warn", DROP_VALUE, 0},
    {"-keep-dir", "--keep-dir", DROP_VALUE, 0}, {"-split-compile", "--split-compile", DROP_VALUE, 0},
    {"-idp", "--input-drive-prefix", DROP_VALUE, 0}, {"-odir", "--output-directory", DROP_VALUE, 0},
    {"-ftz", "--ftz", DROP_VALUE, 0}, {"-prec-div", "--prec-div", DROP_VALUE, 0}, {"-prec-sqrt", "--prec-sqrt", DROP_VALUE, 0},
    {"-fmad", "--fmad", NO_CONTRACTION, 0}, {"-use_fast_math", "--use_fast_math", FAST_MATH, 0},
    {"-lineinfo", "--generate-line-info", DROP, 0}, {"-G", "--device-debug", DROP, 0}, {"-g", "--debug", DEBUG, 0},
    {"-expt-extended-lambda", "--expt-extended-lambda", DROP, 0}, {"-extended-lambda", "--extended-lambda", DROP, 0},
    {"-expt-relaxed-constexpr", "--expt-relaxed-constexpr", DROP, 0}, {"-ewp", "--extensible-whole-program", DROP, 0},
    {"-res-usage", "--resource-usage", DROP, 0}, {"-keep", "--keep", DROP, 0}, {"-save-temps", "--save-temps", DROP, 0},
    {"-m64", "--m64", DROP, 0}, {"-restrict", "--restrict", DROP, 0}, {"-src-in-ptx", "--source-in-ptx", DROP, 0},
    {"-noeh", "--no-exceptions", DROP, 0}, {"-allow-unsupported-compiler", "--allow-unsupported-compiler", DROP, 0},
    {"-Wno-deprecated-gpu-targets", NULL, DROP, 0}, {"-no-compress", "--no-compress", DROP, 0},
    {"-forward-unknown-to-host-compiler", "--forward-unknown-to-host-compiler", DROP, 0},
    {"-forward-unknown-opts", "--forward-unknown-opts", DROP, 0}, {"-clean", "--clean-targets", DROP, 0},
    {"-lcudart", NULL, DROP, 0}, {"-lcudart_static", NULL, DROP, 0}, {"-lcuda", NULL, DROP, 0}, {"-lcudadevrt", NULL, DROP, 0},
    {"-lnvToolsExt", NULL, DROP, 0}, {"-lnvtx3interop", NULL, DROP, 0}, {"-fpermissive", NULL, DROP, 0},
    {"-c", "--compile", GOAL, GOAL_OBJECT}, {"-ptx", "--ptx", GOAL, GOAL_PTX}, {"-fatbin", "--fatbin", GOAL, GOAL_FATBIN},
    {"-E", "--preprocess", GOAL, GOAL_PREPROCESS}, {"-M", "--generate-dependencies", GOAL, GOAL_DEPENDENCIES},
    {"-MM", "--generate-nonsystem-dependencies", GOAL, GOAL_DEPENDENCIES}, {"-lib", "--lib", GOAL, GOAL_ARCHIVE},
    {"-dlink", "--device-link", GOAL, GOAL_DEVICE_LINK}, {"-link", "--link", GOAL, GOAL_LINK},
    {"-V", "--version", GOAL, GOAL_VERSION}, {"-h", "--help", GOAL, GOAL_HELP}, {"-cubin", "--cubin", CUBIN, 0},
    {"-dc", "--device-c", RELOCATABLE, GOAL_OBJECT}, {"-dw", "--device-w", GOAL, GOAL_OBJECT},
    {"-rdc", "--relocatable-device-code", RELOCATABLE_VALUE, 0},
    {"-MD", "--generate-dependencies-with-compile", DEPEND, 0}, {"-MMD", "--generate-nonsystem-dependencies-with-compile", DEPEND, 0},
    {"-MP", "--generate-dependency-targets", DEPEND, 0}, {"-MF", "--dependency-output", DEPEND_VALUE, 0},
    {"-MT", "--dependency-target-name", DEPEND_VALUE, 0}, {"-MQ", NULL, DEPEND_VALUE, 0},
    {"-I", "--include-path", BOTH_VALUE, 0}, {"-D", "--define-macro", BOTH_VALUE, 0}, {"-U", "--undefine-macro", BOTH_VALUE, 0},
    {"-isystem", "--system-include", BOTH_VALUE, 0}, {"-include", "--pre-include", BOTH_VALUE, 0},
    {"-iquote", NULL, BOTH_VALUE, 0}, {"-idirafter", NULL, BOTH_VALUE, 0},
    {"-Xcompiler", "--compiler-options", HOST_LIST, 0}, {"-Xlinker", "--linker-options", LINK_LIST, 0},
    {"-o", "--output-file", OUTPUT, 0}, {"-x", "--x", LANGUAGE, 0}, {"-std", "--std", STANDARD, 0},
    {"-shared", "--shared", SHARED, 0}, {"-v", "--verbose", VERBOSE, 0}, {"-dryrun", "--dryrun", DRY, 0}, {"-run", "--run", RUN, 0},
    {"-optf", "--options-file", OPTION_FILE, 0}, {"-l", "--library", LIBRARY, 0}, {"-L", "--library-path", LIBRARY_FOLDER, 0},
    {"-Werror", "--Werror", WARNINGS_AS_ERRORS, 0}, {"-w", "--disable-warnings", BOTH, 0},
};
enum { OPTIONS = sizeof options / sizeof *options };

static int read_words(request *r, char **argv);

bool is_cuda(const request *r, const char *file)
{
    return r->language ? strcmp(r->language, "cu") == 0 || strcmp(r->language, "cuda") == 0 : ends_with(file, ".cu");
}

static bool is_source(const char *file)
{
    static const char *const ends[] = {".cu", ".c", ".cc", ".cpp", ".cxx", ".C", ".c++"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(file, ends[i]))
            return true;
    return false;
}

static void take_file(request *r, const char *file)
{
    if (is_source(file) || (r->language && !ends_with(file, ".o") && !ends_with(file, ".a")))
        add(&r->sources, file);
    add(&r->link, file);
}

/* A file of more options, one or more a line. */
static int read_option_file(request *r, const char *name)
{
    FILE *in = fopen(name, "r");
    if (!in) {
        fprintf(stderr, "cairn cc: cannot read the options in %s\n", name);
        return 2;
    }
    words more = {0};
    char line[4096];
    while (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = '\0';
        add_split(&more, line);
    }
    fclose(in);
    int failed = more.count ? read_words(r, more.item) : 0;
    words_free(&more);
    return failed;
}

static int take_relocatable(request *r, const char *value)
{
    r->relocatable = strcmp(value, "false") != 0;
    return 0;
}

static void add_library(request *r, const char *name)
{
    /* What programs link of NVIDIA's, and Cairn has under its own name. */
    static const char *const own[][2] = {
        {"cublas", "cairn-cublas"}, {"cublas_static", "cairn-cublas"}, {"curand", "cairn-curand"}, {"curand_static", "cairn-curand"},
        {"nvrtc", "cairn-nvrtc"}, {"nvrtc_static", "cairn-nvrtc"},
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i][0]) == 0)
            name = own[i][1];
    char *joined = text_print("-l%s", name);
    add(&r->link, joined);
    free(joined);
}

static void add_joined(words *w, const char *start, const char *value)
{
    char *joined = text_print("%s%s", start, value);
    add(w, joined);
    free(joined);
}

static void add_linker_words(request *r, const char *list)
{
    words split = {0};
    add_split(&split, list);
    for (int i = 0; i < split.count; i++)
        add_joined(&r->link, "-Wl,", split.item[i]);
    words_free(&split);
}

/* -Xcompiler's words; -fopenmp needs care, because clang's OpenMP may not be installed. */
static void add_host_words(request *r, const char *list)
{
    words split = {0};
    add_split(&split, list);
    for (int i = 0; i < split.count; i++)
        if (starts_with(split.item[i], "-fopenmp"))
            r->openmp = true;
        else if (strcmp(split.item[i], "-fpermissive") && !starts_with(split.item[i], "-fno-gnu-unique"))
            add(&r->host, split.item[i]);
    words_free(&split);
}

static void keep(char **place, const char *value)
{
    free(*place);
    *place = need(strdup(value));
}

static int take_option(request *r, int k, const char *word, const char *value)
{
    switch (options[k].meaning) {
    case GOAL: r->goal = options[k].goal; break;
    case BOTH: add(&r->compile, options[k].name); break;
    case BOTH_VALUE: add(&r->compile, options[k].name); add(&r->compile, value); break;
    case HOST_LIST: add_host_words(r, value); break;
    case LINK_LIST: add_linker_words(r, value); break;
    case DEPEND: add(&r->depend, options[k].name); break;
    case DEPEND_VALUE: add(&r->depend, options[k].name); add(&r->depend, value); break;
    case OUTPUT: keep(&r->output, value); break;
    case LANGUAGE: keep(&r->language, value); break;
    case STANDARD: add_joined(&r->compile, "-std=", value); break;
    case SHARED: r->shared = true; break;
    case RELOCATABLE: r->relocatable = true; r->goal = options[k].goal; break;
    case RELOCATABLE_VALUE: return take_relocatable(r, value);
    case VERBOSE: r->verbose = true; break;
    case DRY: r->dry = true; break;
    case RUN: r->run = true; break;
    case FAST_MATH: add(&r->device, "-fgpu-approx-transcendentals"); break;
    case NO_CONTRACTION: add(&r->device, strcmp(value, "false") ? "-ffp-contract=fast" : "-ffp-contract=off"); break;
    case DEBUG: add(&r->host, "-g"); break;
    case OPTION_FILE: return read_option_file(r, value);
    case LIBRARY: add_library(r, value); break;
    case LIBRARY_FOLDER: add_joined(&r->link, "-L", value); break;
    case WARNINGS_AS_ERRORS: break;
    case CUBIN:
        fprintf(stderr, "cairn cc: %s makes machine code for NVIDIA's GPUs; --ptx is what runs here\n", word);
        return 2;
    case DROP:
    case DROP_VALUE: break;
    }
    return 0;
}

static bool wants_value(meaning m)
{
    switch (m) {
    case DROP_VALUE: case BOTH_VALUE: case HOST_LIST: case LINK_LIST: case DEPEND_VALUE: case OUTPUT: case LANGUAGE:
    case STANDARD: case RELOCATABLE_VALUE: case NO_CONTRACTION: case OPTION_FILE: case LIBRARY: case LIBRARY_FOLDER:
    case WARNINGS_AS_ERRORS: return true;
    default: return false;
    }
}

/* `word` is the option's name, alone or with "=value"; the value, or "" when there is none in it. */
static const char *match(const char *word, const char *name)
{
    size_t n = name ? strlen(name) : 0;
    if (!n || strncmp(word, name, n) || (word[n] && word[n] != '='))
        return NULL;
    return word + n;
}

/* Options that are written together with their value (-Idir, -O3, -Wall, -fPIC) go to whom they concern. */
static bool take_joined(request *r, const char *word)
{
    static const char *const both[] = {"-I", "-D", "-U", "-W", "-O"};
    static const char *const host[] = {"-f", "-m", "-g", "-p"};
    if (starts_with(word, "-Wl,") || strcmp(word, "-pthread") == 0 || strcmp(word, "-static-libstdc++") == 0) {
        add(&r->link, word);
        return true;
    }
    if (starts_with(word, "-O"))
        r->optimised = true;
    for (size_t i = 0; i < sizeof both / sizeof *both; i++)
        if (starts_with(word, both[i])) {
            add(&r->compile, word);
            return true;
        }
    for (size_t i = 0; i < sizeof host / sizeof *host; i++)
        if (starts_with(word, host[i])) {
            add_host_words(r, word);
            return true;
        }
    if (starts_with(word, "-l"))
        add_library(r, word + 2);
    else if (starts_with(word, "-L"))
        add(&r->link, word);
    else if (starts_with(word, "-t") && word[2] >= '0' && word[2] <= '9')
        return true;
    else
        return false;
    return true;
}

static int read_option(request *r, char **argv, int *i)
{
    const char *word = argv[*i];
    for (int k = 0; k < OPTIONS; k++) {
        const char *rest = match(word, options[k].name);
        rest = rest ? rest : match(word, options[k].other);
        if (!rest)
            continue;
        const char *value = *rest ? rest + 1 : "";
        if (!*rest && wants_value(options[k].meaning) && options[k].meaning != WARNINGS_AS_ERRORS) {
            if (!argv[*i + 1]) {
                fprintf(stderr, "cairn cc: %s needs a value\n", word);
                return 2;
            }
            value = argv[++*i];
        } else if (!*rest && options[k].meaning == WARNINGS_AS_ERRORS && argv[*i + 1] && argv[*i + 1][0] != '-' &&
                   !is_source(argv[*i + 1])) {
            ++*i;
        }
        return take_option(r, k, word, value);
    }
    if (take_joined(r, word))
        return 0;
    fprintf(stderr, "cairn cc: option '%s' is not supported\n", word);
    return 2;
}

static int read_words(request *r, char **argv)
{
    int failed = 0;
    for (int i = 0; argv[i] && !failed; i++)
        if (argv[i][0] != '-' || !argv[i][1])
            take_file(r, argv[i]);
        else
            failed = read_option(r, argv, &i);
    return failed;
}

int read_command_line(request *r, char **argv)
{
    const char *before = getenv("NVCC_PREPEND_FLAGS"), *after = getenv("NVCC_APPEND_FLAGS");
    words all = {0};
    if (before)
        add_split(&all, before);
    for (int i = 1; argv[i]; i++)
        add(&all, argv[i]);
    if (after)
        add_split(&all, after);
    int failed = all.count ? read_words(r, all.item) : 0;
    words_free(&all);
    return failed;
}

void request_free(request *r)
{
    words *lists[] = {&r->compile, &r->device, &r->host, &r->depend, &r->link, &r->sources};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        words_free(lists[i]);
    free(r->output);
    free(r->language);
}
