/* Programs that compile CUDA C++ while they run: NVRTC's calls over clang 19 (libcairn-nvrtc; `cairn cc ... -lnvrtc` links it).
 *
 *     nvrtcProgram program;
 *     nvrtcCreateProgram(&program, source, "saxpy.cu", 0, NULL, NULL);
 *     if (nvrtcCompileProgram(program, 1, (const char *[]){"--gpu-architecture=compute_80"}))
 *         ... nvrtcGetProgramLogSize, nvrtcGetProgramLog ...
 *     nvrtcGetPTXSize, nvrtcGetPTX, cuModuleLoadData, cuModuleGetFunction, cuLaunchKernel
 *     nvrtcDestroyProgram(&program);
 *
 * clang++-19 (package clang-19; CAIRN_CLANG names another) runs as a process of its own, on files of a private folder in TMPDIR or
 * /tmp that is removed again. cuda_runtime.h is included before the source, and the C++ library's headers are found, as by `cairn cc`.
 *
 * Different programs may be compiled by different threads at once; one program is used by one thread at a time. Sizes of texts count
 * the zero at their end. An argument that is NULL where a result belongs gives NVRTC_ERROR_INVALID_INPUT, a program that is NULL
 * NVRTC_ERROR_INVALID_PROGRAM. */
#ifndef CAIRN_NVRTC_H
#define CAIRN_NVRTC_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value) */
#define CAIRN_NVRTC_RESULTS(X)                                                                        \
    X(NVRTC_SUCCESS, 0) X(NVRTC_ERROR_OUT_OF_MEMORY, 1) X(NVRTC_ERROR_PROGRAM_CREATION_FAILURE, 2)    \
    X(NVRTC_ERROR_INVALID_INPUT, 3) X(NVRTC_ERROR_INVALID_PROGRAM, 4) X(NVRTC_ERROR_INVALID_OPTION, 5) \
    X(NVRTC_ERROR_COMPILATION, 6) X(NVRTC_ERROR_BUILTIN_OPERATION_FAILURE, 7)                         \
    X(NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION, 8) X(NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION, 9) \
    X(NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID, 10) X(NVRTC_ERROR_INTERNAL_ERROR, 11) X(NVRTC_ERROR_TIME_FILE_WRITE_FAILED, 12)
typedef enum {
#define X(name, value) name = value,
    CAIRN_NVRTC_RESULTS(X)
#undef X
} nvrtcResult;
typedef struct _nvrtcProgram *nvrtcProgram;

/* The result's name; "NVRTC_ERROR unknown" for other numbers. */
const char *nvrtcGetErrorString(nvrtcResult result);
/* 12, 4: what Cairn's headers say too. */
nvrtcResult nvrtcVersion(int *major, int *minor);
/* One architecture: 80. */
nvrtcResult nvrtcGetNumSupportedArchs(int *count);
nvrtcResult nvrtcGetSupportedArchs(int *archs);

/* All texts are copied. name: what diagnostics call the source, or NULL ("default_program"). headers[i] is what
 * #include of include_names[i] reads. INVALID_INPUT for a NULL text, a negative count, or an include name that is absolute
 * or goes through "..". */
nvrtcResult nvrtcCreateProgram(nvrtcProgram *program, const char *source, const char *name, int header_count, const char *const *headers,
                               const char *const *include_names);
/* Sets *program to NULL. INVALID_PROGRAM where it was NULL already. */
nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program);

/* Options are NVRTC's: runtime/nvrtc/options.c is the table. Those about GPU architectures, registers and ptxas are checked and
 * change nothing: PTX is always for sm_80. INVALID_OPTION for others, which the log names; COMPILATION with clang's diagnostics
 * in the log, as "name(line): error: ..."; BUILTIN_OPERATION_FAILURE where clang is not installed or the folder cannot be
 * written, with a sentence in the log. Warnings of a success are in the log too. */
nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int option_count, const char *const *options);

/* INVALID_PROGRAM unless the last compilation succeeded. */
nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t *bytes);
nvrtcResult nvrtcGetPTX(nvrtcProgram program, char *ptx);
nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t *bytes);
nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char *log);
/* No machine code for GPUs is made here, nor LTO's formats: INVALID_PROGRAM, said once. */
nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t *bytes);
nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char *cubin);
nvrtcResult nvrtcGetLTOIRSize(nvrtcProgram program, size_t *bytes);
nvrtcResult nvrtcGetLTOIR(nvrtcProgram program, char *code);
nvrtcResult nvrtcGetOptiXIRSize(nvrtcProgram program, size_t *bytes);
nvrtcResult nvrtcGetOptiXIR(nvrtcProgram program, char *code);

/* `expression` names a kernel, or with & a __device__ or __constant__ variable: "axpy<float>", "&N::table". It is instantiated by the
 * compilation; one that names nothing fails it. NO_NAME_EXPRESSIONS_AFTER_COMPILATION once the program was compiled. */
nvrtcResult nvrtcAddNameExpression(nvrtcProgram program, const char *expression);
/* The name in the PTX of an expression that was added, in the same spelling; the program's, until it is compiled again or destroyed.
 * NO_LOWERED_NAMES_BEFORE_COMPILATION before a compilation that succeeded, NAME_EXPRESSION_NOT_VALID for other expressions. */
nvrtcResult nvrtcGetLoweredName(nvrtcProgram program, const char *expression, const char **lowered_name);

#ifdef __cplusplus
}
#endif
#endif
