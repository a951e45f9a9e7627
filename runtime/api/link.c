/* cuLink: several PTX texts become one module.
 * Texts are joined; the parser links what stands in one text. */
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

static void add_text(CUlinkState s, const char *text, size_t bytes)
{
    text_append(&s->text, text, bytes);
    text_append(&s->text, "\n", 1);
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

API CUresult cuLinkComplete(CUlinkState state, void **image, size_t *bytes)
{
    if (!state || !image)
        return state ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_HANDLE;
    if (!state->parts)
        return CUDA_ERROR_INVALID_IMAGE;
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
