/* cuLink: several PTX texts become one module.
 *
 * Texts are joined: each after the first loses its header lines, and declarations of what another text defines go,
 * because one module may not both declare and define a name. */
#include "runtime/api/api.h"
#include "runtime/api/fatbin.h"
#include <stdio.h>
#include <string.h>

struct CUlinkState_st {
    text_buffer text;
    int parts;
};

API CUresult cuLinkCreate_v2(unsigned count, CUjit_option *options, void **values, CUlinkState *state)
{
    (void)options, (void)values, (void)count;
    CUresult result = api_check();
    if (result)
        return result;
    if (!state)
        return CUDA_ERROR_INVALID_VALUE;
    CUlinkState made = mem_new(sizeof *made);
    if (!made)
        return result_of(CAIRN_E_MEMORY);
    *state = made;
    return CUDA_SUCCESS;
}

static bool starts(const char *line, const char *word) { return strncmp(line, word, strlen(word)) == 0; }

/* Header lines are those of the first text; `.extern` in front of a function that is also defined is dropped when
 * the module is completed. */
static bool is_header(const char *line)
{
    return starts(line, ".version") || starts(line, ".target") || starts(line, ".address_size");
}

static void add_text(CUlinkState s, const char *text, size_t bytes)
{
    const char *end = text + bytes;
    while (text < end && *text) {
        const char *newline = memchr(text, '\n', (size_t)(end - text)), *next = newline ? newline + 1 : end;
        const char *word = text;
        while (word < next && (*word == ' ' || *word == '\t'))
            word++;
        if (!s->parts || !is_header(word))
            text_add(&s->text, "%.*s", (int)(next - text), text);
        text = next;
    }
    text_add(&s->text, "\n");
    s->parts++;
}

API CUresult cuLinkAddData_v2(CUlinkState state, CUjitInputType type, void *data, size_t bytes, const char *name, unsigned count,
                              CUjit_option *options, void **values)
{
    (void)name, (void)options, (void)values, (void)count;
    if (!state)
        return CUDA_ERROR_INVALID_HANDLE;
    if (!data || !bytes || type > CU_JIT_INPUT_LIBRARY)
        return CUDA_ERROR_INVALID_VALUE;
    if (type != CU_JIT_INPUT_PTX && type != CU_JIT_INPUT_FATBINARY)
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    image_text text = {data, strnlen(data, bytes)};
    CUresult result = type == CU_JIT_INPUT_FATBINARY ? image_find_ptx(data, &text) : CUDA_SUCCESS;
    if (!result)
        add_text(state, text.text, text.bytes);
    return !result && state->text.failed ? result_of(CAIRN_E_MEMORY) : result;
}

API CUresult cuLinkAddFile_v2(CUlinkState state, CUjitInputType type, const char *file, unsigned count, CUjit_option *options,
                              void **values)
{
    if (!state || !file)
        return state ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_HANDLE;
    size_t bytes;
    char *data = file_read(file, &bytes);
    if (!data)
        return CUDA_ERROR_FILE_NOT_FOUND;
    CUresult result = cuLinkAddData_v2(state, type, data, bytes, file, count, options, values);
    mem_free(data);
    return result;
}

/* The name that an external declaration declares, up to `length`; NULL when the line declares nothing external. */
static const char *external_name(const char *line, size_t line_length, size_t *length)
{
    if (!starts(line, ".extern"))
        return NULL;
    const char *end = line + line_length, *stop = memchr(line, '[', line_length);
    const char *open = memchr(line, '(', line_length);
    stop = stop ? stop : open && starts(line, ".extern .func") ? open : end;
    /* ".extern .func (.param .b32 r) name(" has its result first. */
    if (open && open[1] == '.' && starts(line, ".extern .func")) {
        const char *close = memchr(open, ')', (size_t)(end - open));
        if (close && close + 1 < end) {
            const char *second = memchr(close, '(', (size_t)(end - close));
            stop = second ? second : end;
        }
    }
    while (stop > line && strchr(" \t\r\n;([", stop[-1]))
        stop--;
    const char *name = stop;
    while (name > line && !strchr(" \t)", name[-1]))
        name--;
    *length = (size_t)(stop - name);
    return *length ? name : NULL;
}

/* Is there a definition, a line with the name that is neither external nor within a body? */
static bool is_defined(const char *text, const char *name, size_t length)
{
    for (const char *at = text; (at = strstr(at, ".visible")); at++) {
        const char *end = strpbrk(at, ";{=");
        for (const char *p = at; end && p + length < end; p++)
            if (memcmp(p, name, length) == 0 && strchr(" \t)", p[-1]) && strchr(" \t(=[\n;", p[length]))
                return true;
    }
    return false;
}

/* Blanks the declarations of what is defined; they end with a semicolon. */
static void drop_declarations(char *text)
{
    for (char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        size_t length, line_length = strcspn(line, "\n");
        const char *name = external_name(line, line_length, &length);
        if (!name || !is_defined(text, name, length))
            continue;
        char *end = strchr(line, ';');
        for (char *p = line; end && p <= end; p++)
            if (*p != '\n')
                *p = ' ';
    }
}

API CUresult cuLinkComplete(CUlinkState state, void **image, size_t *bytes)
{
    if (!state || !image)
        return state ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_HANDLE;
    if (!state->parts)
        return CUDA_ERROR_INVALID_IMAGE;
    drop_declarations(state->text.text);
    program *p = program_load("linked module", state->text.text, state->text.length);
    if (!p)
        return result_of(cairn_error());
    program_free(p);
    *image = state->text.text;
    if (bytes)
        *bytes = state->text.length + 1;
    return CUDA_SUCCESS;
}

API CUresult cuLinkDestroy(CUlinkState state)
{
    if (!state)
        return CUDA_ERROR_INVALID_HANDLE;
    text_free(&state->text);
    mem_free(state);
    return CUDA_SUCCESS;
}
