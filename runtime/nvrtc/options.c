/* NVRTC's options, as one table. Those that concern NVIDIA's own tools alone are accepted and change nothing. */
#define _GNU_SOURCE
#include "runtime/nvrtc/program.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void arguments_add(arguments *a, const char *format, ...)
{
    char **items = a->failed ? NULL : realloc(a->item, sizeof *items * (size_t)(a->count + 2)), *word = NULL;
    va_list values;
    va_start(values, format);
    if (items) {
        a->item = items;
        if (vasprintf(&word, format, values) < 0)
            word = NULL;
    }
    va_end(values);
    a->failed = !word;
    if (word) {
        a->item[a->count++] = word;
        a->item[a->count] = NULL;
    }
}

void arguments_free(arguments *a)
{
    for (int i = 0; i < a->count; i++)
        free(a->item[i]);
    free(a->item);
    *a = (arguments){0};
}

void request_free(request *r)
{
    arguments_free(&r->clang);
    arguments_free(&r->macros);
    arguments_free(&r->includes);
}

typedef enum meaning {
    DROP,          /* no value, or =true and =false */
    DROP_VALUE,
    ARCHITECTURE,
    STANDARD,
    INCLUDE_PATH,
    DEFINE,
    UNDEFINE,
    PRE_INCLUDE,
    RELOCATABLE,
    RELOCATABLE_VALUE,
    CONTRACTION,
    FAST_MATH,
    NO_WARNINGS,
    DEVICE_DEFAULT
} meaning;

/* long name, short name, meaning */
static const struct { const char *name, *other; meaning meaning; } options[] = {
    {"--gpu-architecture", "-arch", ARCHITECTURE}, {"--include-path", "-I", INCLUDE_PATH}, {"--define-macro", "-D", DEFINE},
    {"--undefine-macro", "-U", UNDEFINE}, {"--pre-include", "-include", PRE_INCLUDE}, {"--std", "-std", STANDARD},
    {"--use_fast_math", "-use_fast_math", FAST_MATH}, {"--fmad", "-fmad", CONTRACTION},
    {"--relocatable-device-code", "-rdc", RELOCATABLE_VALUE}, {"--device-c", "-dc", RELOCATABLE},
    {"--device-w", "-dw", DROP}, {"--extensible-whole-program", "-ewp", DROP}, {"--disable-warnings", "-w", NO_WARNINGS},
    {"--device-as-default-execution-space", "-default-device", DEVICE_DEFAULT}, {"--device-debug", "-G", DROP},
    {"--generate-line-info", "-lineinfo", DROP}, {"--dopt", "-dopt", DROP_VALUE}, {"--Ofast-compile", "-Ofc", DROP_VALUE},
    {"--ptxas-options", "-Xptxas", DROP_VALUE}, {"--maxrregcount", "-maxrregcount", DROP_VALUE},
    {"--ftz", "-ftz", DROP_VALUE}, {"--prec-sqrt", "-prec-sqrt", DROP_VALUE}, {"--prec-div", "-prec-div", DROP_VALUE},
    {"--extra-device-vectorization", "-extra-device-vectorization", DROP}, {"--restrict", "-restrict", DROP},
    {"--modify-stack-limit", "-modify-stack-limit", DROP_VALUE}, {"--builtin-move-forward", "-builtin-move-forward", DROP_VALUE},
    {"--builtin-initializer-list", "-builtin-initializer-list", DROP_VALUE}, {"--device-int128", "-device-int128", DROP},
    {"--device-float128", "-device-float128", DROP}, {"--optimization-info", "-opt-info", DROP_VALUE},
    {"--display-error-number", "-err-no", DROP}, {"--no-display-error-number", "-no-err-no", DROP},
    {"--diag-error", "-diag-error", DROP_VALUE}, {"--diag-suppress", "-diag-suppress", DROP_VALUE},
    {"--diag-warn", "-diag-warn", DROP_VALUE}, {"--brief-diagnostics", "-brief-diag", DROP_VALUE},
    {"--no-source-include", "-no-source-include", DROP}, {"--version-ident", "-dversion-ident", DROP_VALUE},
    {"--split-compile", "-split-compile", DROP_VALUE}, {"--minimal", "-minimal", DROP},
};
enum { OPTIONS = sizeof options / sizeof *options };

static bool takes_value(meaning m) { return m != DROP && m != FAST_MATH && m != NO_WARNINGS && m != DEVICE_DEFAULT && m != RELOCATABLE; }

/* What follows `name` in the word: "", "=value", or for names of one letter the value itself; NULL for another name. */
static const char *rest_of(const char *word, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(word, name, n))
        return NULL;
    return !word[n] || word[n] == '=' || (n == 2 && strchr("IDU", name[1])) ? word + n : NULL;
}

/* compute_80, sm_90a */
static bool is_architecture(const char *value)
{
    const char *digits = strncmp(value, "compute_", 8) == 0 ? value + 8 : strncmp(value, "sm_", 3) == 0 ? value + 3 : "";
    size_t n = strspn(digits, "0123456789");
    return (n == 2 || n == 3) && (!digits[n] || (strchr("af", digits[n]) && !digits[n + 1]));
}

static bool is_standard(const char *value)
{
    static const char *const known[] = {"c++03", "c++11", "c++14", "c++17", "c++20"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(value, known[i]) == 0)
            return true;
    return false;
}

static bool is_truth(const char *value) { return strcmp(value, "true") == 0 || strcmp(value, "false") == 0; }

/* NAME, NAME=value, NAME(x)=value: what lies behind a line's end is left out, as clang does. */
static void add_macro(request *r, const char *value)
{
    int line = (int)strcspn(value, "\n"), name = (int)strcspn(value, "=\n");
    if (name < line)
        arguments_add(&r->macros, "#define %.*s %.*s", name, value, line - name - 1, value + name + 1);
    else
        arguments_add(&r->macros, "#define %.*s 1", name, value);
}

/* false for a value that the option does not have */
static bool take(request *r, int k, const char *value)
{
    switch (options[k].meaning) {
    case ARCHITECTURE: return is_architecture(value);
    case STANDARD:
        arguments_add(&r->clang, "-std=%s", value);
        return is_standard(value);
    case INCLUDE_PATH: arguments_add(&r->clang, "-I%s", value); break;
    case DEFINE: add_macro(r, value); break;
    case UNDEFINE: arguments_add(&r->macros, "#undef %s", value); break;
    case PRE_INCLUDE: arguments_add(&r->includes, "#include \"%s\"", value); break;
    case RELOCATABLE: arguments_add(&r->clang, "-fgpu-rdc"); break;
    case RELOCATABLE_VALUE:
        if (strcmp(value, "false"))
            arguments_add(&r->clang, "-fgpu-rdc");
        return is_truth(value);
    case CONTRACTION:
        arguments_add(&r->clang, strcmp(value, "false") ? "-ffp-contract=fast" : "-ffp-contract=off");
        return is_truth(value);
    case FAST_MATH: arguments_add(&r->clang, "-fgpu-approx-transcendentals"); break;
    case NO_WARNINGS: arguments_add(&r->clang, "-w"); break;
    case DEVICE_DEFAULT: r->device_default = true; break;
    case DROP: return !*value || is_truth(value);
    case DROP_VALUE: break;
    }
    return true;
}

static nvrtcResult refuse(char **log, const char *sentence, const char *word, const char *value)
{
    if (asprintf(log, "nvrtc: error: %s%s%s'%s'\n", sentence, word ? word : "", word ? " " : "", value) < 0) {
        *log = NULL;
        return NVRTC_ERROR_OUT_OF_MEMORY;
    }
    return NVRTC_ERROR_INVALID_OPTION;
}

static nvrtcResult read_option(request *r, int count, const char *const *given, int *i, char **log)
{
    const char *word = given[*i];
    for (int k = 0; k < OPTIONS; k++) {
        const char *rest = rest_of(word, options[k].name);
        rest = rest ? rest : rest_of(word, options[k].other);
        if (!rest)
            continue;
        if (!*rest && takes_value(options[k].meaning)) {
            if (*i + 1 >= count || !given[*i + 1])
                return refuse(log, "no value for option ", NULL, word);
            rest = given[++*i];
        } else if (*rest == '=') {
            rest++;
        }
        while (isspace((unsigned char)*rest))
            rest++;
        return take(r, k, rest) ? NVRTC_SUCCESS : refuse(log, "invalid value for option ", options[k].name, rest);
    }
    return refuse(log, "unrecognized option ", NULL, word);
}

nvrtcResult options_read(request *r, int count, const char *const *given, char **log)
{
    nvrtcResult result = NVRTC_SUCCESS;
    for (int i = 0; i < count && !result; i++)
        result = given[i] ? read_option(r, count, given, &i, log) : NVRTC_ERROR_INVALID_INPUT;
    return result || !(r->clang.failed | r->macros.failed | r->includes.failed) ? result : NVRTC_ERROR_OUT_OF_MEMORY;
}
