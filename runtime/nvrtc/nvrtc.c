/* NVRTC's calls: programs, their texts and results. options.c reads the options, compile.c compiles. */
#define _GNU_SOURCE
#include "runtime/nvrtc/program.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

enum { MAJOR = 12, MINOR = 4, ARCHITECTURE = 80 };

API const char *nvrtcGetErrorString(nvrtcResult result)
{
    switch (result) {
#define X(name, value) \
    case name: return #name;
        CAIRN_NVRTC_RESULTS(X)
#undef X
    }
    return "NVRTC_ERROR unknown";
}

API nvrtcResult nvrtcVersion(int *major, int *minor)
{
    if (!major || !minor)
        return NVRTC_ERROR_INVALID_INPUT;
    *major = MAJOR;
    *minor = MINOR;
    return NVRTC_SUCCESS;
}

API nvrtcResult nvrtcGetNumSupportedArchs(int *count)
{
    if (!count)
        return NVRTC_ERROR_INVALID_INPUT;
    *count = 1;
    return NVRTC_SUCCESS;
}

API nvrtcResult nvrtcGetSupportedArchs(int *archs)
{
    if (!archs)
        return NVRTC_ERROR_INVALID_INPUT;
    *archs = ARCHITECTURE;
    return NVRTC_SUCCESS;
}

/* ---- Programs -------------------------------------------------------------------------------------- */
static void free_pairs(text_pair *pairs, int count)
{
    for (int i = 0; i < count; i++) {
        free(pairs[i].name);
        free(pairs[i].text);
    }
    free(pairs);
}

static void free_program(nvrtcProgram p)
{
    free_pairs(p->headers, p->header_count);
    free_pairs(p->expressions, p->expression_count);
    free(p->source);
    free(p->name);
    free(p->ptx);
    free(p->log);
    free(p);
}

/* A name that stays inside of the folder it is written to. */
static bool is_include_name(const char *name)
{
    if (!name || !*name || *name == '/' || name[strlen(name) - 1] == '/')
        return false;
    for (const char *part = name; part; part = strchr(part, '/'), part = part ? part + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2]))
            return false;
    return true;
}

static bool are_inputs(const char *source, int count, const char *const *headers, const char *const *names)
{
    if (!source || count < 0 || (count && (!headers || !names)))
        return false;
    for (int i = 0; i < count; i++)
        if (!headers[i] || !is_include_name(names[i]))
            return false;
    return true;
}

static bool copy_texts(nvrtcProgram p, const char *source, const char *name, int count, const char *const *headers, const char *const *names)
{
    p->source = strdup(source);
    p->name = strdup(name ? name : "default_program");
    p->headers = calloc((size_t)count + 1, sizeof *p->headers);
    p->header_count = p->headers ? count : 0;
    bool all = p->source && p->name && p->headers;
    for (int i = 0; i < p->header_count; i++) {
        p->headers[i] = (text_pair){strdup(names[i]), strdup(headers[i])};
        all = all && p->headers[i].name && p->headers[i].text;
    }
    return all;
}

API nvrtcResult nvrtcCreateProgram(nvrtcProgram *program, const char *source, const char *name, int count, const char *const *headers,
                                   const char *const *include_names)
{
    if (!program || !are_inputs(source, count, headers, include_names))
        return NVRTC_ERROR_INVALID_INPUT;
    nvrtcProgram p = calloc(1, sizeof *p);
    if (!p || !copy_texts(p, source, name, count, headers, include_names)) {
        if (p)
            free_program(p);
        return NVRTC_ERROR_OUT_OF_MEMORY;
    }
    *program = p;
    return NVRTC_SUCCESS;
}

API nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program)
{
    if (!program || !*program)
        return NVRTC_ERROR_INVALID_PROGRAM;
    free_program(*program);
    *program = NULL;
    return NVRTC_SUCCESS;
}

static void forget_results(nvrtcProgram p)
{
    free(p->ptx);
    free(p->log);
    p->ptx = p->log = NULL;
    for (int i = 0; i < p->expression_count; i++) {
        free(p->expressions[i].text);
        p->expressions[i].text = NULL;
    }
}

API nvrtcResult nvrtcCompileProgram(nvrtcProgram p, int count, const char *const *options)
{
    request r = {0};
    if (!p)
        return NVRTC_ERROR_INVALID_PROGRAM;
    if (count < 0 || (count && !options))
        return NVRTC_ERROR_INVALID_INPUT;
    forget_results(p);
    p->compiled = true;
    nvrtcResult result = options_read(&r, count, options, &p->log);
    if (!result)
        result = program_compile(p, &r);
    request_free(&r);
    return result;
}

/* ---- Results --------------------------------------------------------------------------------------- */
static nvrtcResult size_of(const char *text, size_t *bytes)
{
    if (!bytes)
        return NVRTC_ERROR_INVALID_INPUT;
    *bytes = strlen(text) + 1;
    return NVRTC_SUCCESS;
}

static nvrtcResult copy_of(const char *text, char *out)
{
    if (!out)
        return NVRTC_ERROR_INVALID_INPUT;
    strcpy(out, text);
    return NVRTC_SUCCESS;
}

static const char *log_of(nvrtcProgram p) { return p->log ? p->log : ""; }

API nvrtcResult nvrtcGetPTXSize(nvrtcProgram p, size_t *bytes) { return p && p->ptx ? size_of(p->ptx, bytes) : NVRTC_ERROR_INVALID_PROGRAM; }
API nvrtcResult nvrtcGetPTX(nvrtcProgram p, char *ptx) { return p && p->ptx ? copy_of(p->ptx, ptx) : NVRTC_ERROR_INVALID_PROGRAM; }
API nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram p, size_t *bytes) { return p ? size_of(log_of(p), bytes) : NVRTC_ERROR_INVALID_PROGRAM; }
API nvrtcResult nvrtcGetProgramLog(nvrtcProgram p, char *log) { return p ? copy_of(log_of(p), log) : NVRTC_ERROR_INVALID_PROGRAM; }

static nvrtcResult refuse(const char *what)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        fprintf(stderr, "cairn: nvrtcGet%s: only PTX is made, which cuModuleLoadData takes: nvrtcGetPTX\n", what);
    return NVRTC_ERROR_INVALID_PROGRAM;
}
#define X(what, text)                                                                                 \
    API nvrtcResult nvrtcGet##what##Size(nvrtcProgram p, size_t *bytes) { return (void)p, (void)bytes, refuse(#what "Size"); } \
    API nvrtcResult nvrtcGet##what(nvrtcProgram p, char *text) { return (void)p, (void)text, refuse(#what); }
X(CUBIN, cubin) X(LTOIR, code) X(OptiXIR, code)
#undef X

/* ---- Name expressions ------------------------------------------------------------------------------ */
static text_pair *find_expression(nvrtcProgram p, const char *expression)
{
    for (int i = 0; i < p->expression_count; i++)
        if (strcmp(p->expressions[i].name, expression) == 0)
            return &p->expressions[i];
    return NULL;
}

API nvrtcResult nvrtcAddNameExpression(nvrtcProgram p, const char *expression)
{
    if (!p)
        return NVRTC_ERROR_INVALID_PROGRAM;
    if (!expression)
        return NVRTC_ERROR_INVALID_INPUT;
    if (p->compiled)
        return NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION;
    if (find_expression(p, expression))
        return NVRTC_SUCCESS;
    char *name = strdup(expression);
    text_pair *more = realloc(p->expressions, sizeof *more * (size_t)(p->expression_count + 1));
    p->expressions = more ? more : p->expressions;
    if (!name || !more) {
        free(name);
        return NVRTC_ERROR_OUT_OF_MEMORY;
    }
    p->expressions[p->expression_count++] = (text_pair){name, NULL};
    return NVRTC_SUCCESS;
}

API nvrtcResult nvrtcGetLoweredName(nvrtcProgram p, const char *expression, const char **lowered_name)
{
    if (!p)
        return NVRTC_ERROR_INVALID_PROGRAM;
    if (!expression || !lowered_name)
        return NVRTC_ERROR_INVALID_INPUT;
    if (!p->ptx)
        return NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION;
    const text_pair *found = find_expression(p, expression);
    if (!found)
        return NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID;
    *lowered_name = found->text;
    return NVRTC_SUCCESS;
}
