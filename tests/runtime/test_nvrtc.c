/* NVRTC's calls: sources that are compiled while this program runs, loaded and launched; logs; names; wrong uses. */
#define _GNU_SOURCE
#include <cuda/cuda.h>
#include <cuda/nvrtc.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define OK(call) assert_int_equal(call, NVRTC_SUCCESS)
#define GIVES(code, call) assert_int_equal(call, NVRTC_ERROR_##code)
#define CUDA(call) assert_int_equal(call, CUDA_SUCCESS)
#define WITH_CLANG           \
    do {                     \
        (void)state;         \
        if (!have_clang)     \
            skip();          \
    } while (0)

static bool have_clang;
static char folder[] = "/tmp/cairn-test-nvrtc-XXXXXX";

/* Temporary folders are made here, so that one that stays is seen. */
static int begin(void **state)
{
    (void)state;
    have_clang = system("clang++-19 --version >/dev/null 2>&1") == 0;
    CUcontext context;
    return !mkdtemp(folder) || setenv("TMPDIR", folder, 1) || unsetenv("CAIRN_CLANG") || cuInit(0) || cuCtxCreate(&context, 0, 0);
}

static int end(void **state)
{
    (void)state;
    return rmdir(folder);
}

static nvrtcProgram program_of(const char *source, const char *name)
{
    nvrtcProgram p;
    OK(nvrtcCreateProgram(&p, source, name, 0, NULL, NULL));
    return p;
}

static nvrtcResult compile(nvrtcProgram p, const char *option)
{
    return nvrtcCompileProgram(p, option ? 1 : 0, option ? &option : NULL);
}

/* The log, until the next call. */
static const char *log_of(nvrtcProgram p)
{
    static char log[65536];
    size_t bytes;
    OK(nvrtcGetProgramLogSize(p, &bytes));
    assert_true(bytes <= sizeof log);
    OK(nvrtcGetProgramLog(p, log));
    assert_int_equal(strlen(log) + 1, bytes);
    return log;
}

static void log_has(nvrtcProgram p, const char *words)
{
    if (!strstr(log_of(p), words))
        fail_msg("'%s' is not in the log:\n%s", words, log_of(p));
}

static CUmodule load(nvrtcProgram p)
{
    CUmodule module;
    size_t bytes;
    OK(nvrtcGetPTXSize(p, &bytes));
    char *ptx = malloc(bytes);
    OK(nvrtcGetPTX(p, ptx));
    assert_int_equal(strlen(ptx) + 1, bytes);
    assert_null(strstr(ptx, "__cairn_nvrtc"));
    CUDA(cuModuleLoadData(&module, ptx));
    free(ptx);
    return module;
}

static void launch(CUmodule module, const char *name, void **parameters)
{
    CUfunction function;
    CUDA(cuModuleGetFunction(&function, module, name));
    CUDA(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, NULL, parameters, NULL));
    CUDA(cuCtxSynchronize());
}

/* Launches a kernel of one `int *` for 32 ints, which the result is. */
static const int *ints_of(CUmodule module, const char *name)
{
    static int ints[32];
    CUdeviceptr memory;
    CUDA(cuMemAlloc(&memory, sizeof ints));
    launch(module, name, (void *[]){&memory});
    CUDA(cuMemcpyDtoH(ints, memory, sizeof ints));
    CUDA(cuMemFree(memory));
    return ints;
}

/* ---- What works ------------------------------------------------------------------------------------ */
static void a_kernel_compiled_at_run_time_runs(void **state)
{
    static const char source[] = "extern \"C\" __global__ void saxpy(float a, const float *x, float *y, int n)\n{\n"
                                 "    int i = blockIdx.x * blockDim.x + threadIdx.x;\n    if (i < n)\n        y[i] = a * x[i] + y[i];\n}\n";
    WITH_CLANG;
    nvrtcProgram p = program_of(source, "saxpy.cu");
    OK(compile(p, "--gpu-architecture=compute_80"));
    assert_string_equal(log_of(p), "");
    CUmodule module = load(p);
    float a = 2, x[32], y[32];
    int n = 31;
    CUdeviceptr dx, dy;
    for (int i = 0; i < 32; i++)
        x[i] = (float)i, y[i] = 1;
    CUDA(cuMemAlloc(&dx, sizeof x));
    CUDA(cuMemAlloc(&dy, sizeof y));
    CUDA(cuMemcpyHtoD(dx, x, sizeof x));
    CUDA(cuMemcpyHtoD(dy, y, sizeof y));
    launch(module, "saxpy", (void *[]){&a, &dx, &dy, &n});
    CUDA(cuMemcpyDtoH(y, dy, sizeof y));
    for (int i = 0; i < 32; i++)
        assert_true(y[i] == (i < n ? 2 * (float)i + 1 : 1));
    CUDA(cuMemFree(dx));
    CUDA(cuMemFree(dy));
    CUDA(cuModuleUnload(module));
    OK(nvrtcDestroyProgram(&p));
    assert_null(p);
}

static void expressions_instantiate_templates_and_find_names(void **state)
{
    static const char source[] = "namespace N {\n__device__ int v = 5;\n__constant__ int c[2] = {7, 9};\n"
                                 "template <class T, int K> __global__ void fill(T *p) { p[threadIdx.x] = T(K + v + c[1]); }\n}\n"
                                 "static __global__ void hidden(int *p) { p[threadIdx.x] = 3; }\n";
    static const char *const expressions[] = {"N::fill<int, 4>", "&N::fill<int, -4>", "hidden", "&N::v", "&N::c"};
    const char *names[5];
    WITH_CLANG;
    nvrtcProgram p = program_of(source, NULL);
    for (int i = 0; i < 5; i++)
        OK(nvrtcAddNameExpression(p, expressions[i]));
    OK(nvrtcAddNameExpression(p, expressions[0]));
    GIVES(NO_LOWERED_NAMES_BEFORE_COMPILATION, nvrtcGetLoweredName(p, expressions[0], &names[0]));
    OK(compile(p, NULL));
    for (int i = 0; i < 5; i++)
        OK(nvrtcGetLoweredName(p, expressions[i], &names[i]));
    CUmodule module = load(p);
    assert_int_equal(ints_of(module, names[0])[31], 18);
    assert_int_equal(ints_of(module, names[1])[0], 10);
    assert_int_equal(ints_of(module, names[2])[7], 3);
    CUdeviceptr variable;
    size_t bytes;
    int seven = 0;
    CUDA(cuModuleGetGlobal(&variable, &bytes, module, names[3]));
    assert_int_equal(bytes, 4);
    CUDA(cuModuleGetGlobal(&variable, &bytes, module, names[4]));
    assert_int_equal(bytes, 8);
    CUDA(cuMemcpyDtoH(&seven, variable, 4));
    assert_int_equal(seven, 7);
    GIVES(NAME_EXPRESSION_NOT_VALID, nvrtcGetLoweredName(p, "N::fill<int,4>", &names[0]));
    GIVES(NO_NAME_EXPRESSIONS_AFTER_COMPILATION, nvrtcAddNameExpression(p, "N::fill<int, 5>"));
    /* Compiled again, it has the names again. */
    OK(compile(p, NULL));
    OK(nvrtcGetLoweredName(p, expressions[0], &names[0]));
    CUDA(cuModuleUnload(module));
    OK(nvrtcDestroyProgram(&p));
}

static void headers_come_from_memory(void **state)
{
    static const char source[] = "#include \"answer.h\"\n#include <deep/down/more.h>\n"
                                 "extern \"C\" __global__ void k(int *p) { p[threadIdx.x] = ANSWER + more(); }\n";
    const char *const texts[] = {"#define ANSWER 42\n", "#include \"least.h\"\n__device__ int more() { return LEAST; }\n", "#define LEAST 1\n"};
    const char *const names[] = {"answer.h", "deep/down/more.h", "deep/down/least.h"};
    WITH_CLANG;
    nvrtcProgram p;
    OK(nvrtcCreateProgram(&p, source, "headers.cu", 3, texts, names));
    OK(compile(p, NULL));
    CUmodule module = load(p);
    assert_int_equal(ints_of(module, "k")[5], 43);
    CUDA(cuModuleUnload(module));
    OK(nvrtcDestroyProgram(&p));
}

static void options_reach_the_compiler(void **state)
{
    static const char source[] = "#if __cplusplus != 201402L || !defined __CUDACC_RTC__ || defined GONE\n#error wrong options\n#endif\n"
                                 "int twice(int x) { return TWICE(x); }\n"
                                 "extern \"C\" __global__ void k(int *p) { p[threadIdx.x] = twice(A + B + C); }\n";
    const char *const given[] = {"-arch=sm_90a", "-DA=1", "-D", "B=2", "--define-macro=C=4", "-D GONE", "-UGONE", "--std=c++14", "-default-device",
                                 "--use_fast_math", "-lineinfo", "--fmad=false", "-I/nowhere", "--include-path", "/nowhere", "--maxrregcount=32",
                                 "-ftz=true", "--relocatable-device-code=false", "-w", "--ptxas-options", "-v", "--restrict", "-rdc", "false", "-DF(x)=(2 * (x))", "-DN=0",
                                 "-DT=int", "--pre-include=before.h"};
    WITH_CLANG;
    const char *const text = "#define TWICE(x) (F(x) + N)\n", *const name = "before.h";
    nvrtcProgram p;
    OK(nvrtcCreateProgram(&p, source, "options.cu", 1, &text, &name));
    OK(nvrtcCompileProgram(p, sizeof given / sizeof *given, given));
    CUmodule module = load(p);
    assert_int_equal(ints_of(module, "k")[5], 14);
    CUDA(cuModuleUnload(module));
    OK(nvrtcDestroyProgram(&p));
}

static void relocatable_code_is_linked(void **state)
{
    static const char one[] = "extern __device__ int other(int);\nextern \"C\" __global__ void k(int *p) { p[threadIdx.x] = other(threadIdx.x); }\n";
    static const char two[] = "__device__ int other(int x) { return x * x; }\n";
    WITH_CLANG;
    CUlinkState link;
    CUmodule module;
    void *image;
    size_t bytes;
    CUDA(cuLinkCreate(0, NULL, NULL, &link));
    for (int i = 0; i < 2; i++) {
        nvrtcProgram p = program_of(i ? two : one, NULL);
        OK(compile(p, "-dc"));
        OK(nvrtcGetPTXSize(p, &bytes));
        char *ptx = malloc(bytes);
        OK(nvrtcGetPTX(p, ptx));
        CUDA(cuLinkAddData(link, CU_JIT_INPUT_PTX, ptx, bytes, "part", 0, NULL, NULL));
        free(ptx);
        OK(nvrtcDestroyProgram(&p));
    }
    CUDA(cuLinkComplete(link, &image, &bytes));
    CUDA(cuModuleLoadData(&module, image));
    assert_int_equal(ints_of(module, "k")[9], 81);
    CUDA(cuModuleUnload(module));
    CUDA(cuLinkDestroy(link));
}

/* ---- What fails ------------------------------------------------------------------------------------ */
static void a_mistake_is_in_the_log_with_its_line(void **state)
{
    WITH_CLANG;
    nvrtcProgram p = program_of("__global__ void k(int *p)\n{\n    *p = undeclared;\n}\n", "strange \"name\".cu");
    size_t bytes;
    char ptx[1];
    GIVES(COMPILATION, compile(p, NULL));
    log_has(p, "strange \"name\".cu(3): error: use of undeclared identifier 'undeclared'");
    assert_null(strstr(log_of(p), folder));
    GIVES(INVALID_PROGRAM, nvrtcGetPTXSize(p, &bytes));
    GIVES(INVALID_PROGRAM, nvrtcGetPTX(p, ptx));
    GIVES(NO_NAME_EXPRESSIONS_AFTER_COMPILATION, nvrtcAddNameExpression(p, "k"));
    OK(nvrtcDestroyProgram(&p));

    const char *const text = "\n#error not today\n", *const name = "inside.h";
    OK(nvrtcCreateProgram(&p, "#include \"inside.h\"\n", "outside.cu", 1, &text, &name));
    GIVES(COMPILATION, compile(p, NULL));
    log_has(p, "inside.h(2): error: not today");
    log_has(p, "outside.cu");
    OK(nvrtcDestroyProgram(&p));
}

static void an_expression_that_names_nothing_fails_the_compilation(void **state)
{
    const char *name = NULL;
    WITH_CLANG;
    nvrtcProgram p = program_of("template <class T> __global__ void k(T *p) { *p = 1; }\n", NULL);
    OK(nvrtcAddNameExpression(p, "k<flot>"));
    GIVES(COMPILATION, compile(p, NULL));
    log_has(p, "name expression k<flot>");
    GIVES(NO_LOWERED_NAMES_BEFORE_COMPILATION, nvrtcGetLoweredName(p, "k<flot>", &name));
    assert_null(name);
    OK(nvrtcDestroyProgram(&p));
}

static void wrong_options_are_named_in_the_log(void **state)
{
    static const struct { const char *option, *words; } rows[] = {
        {"--fancy", "unrecognized option '--fancy'"}, {"-arch=gpu", "--gpu-architecture 'gpu'"}, {"--std=c++98", "--std 'c++98'"},
        {"-fmad=perhaps", "--fmad 'perhaps'"}, {"--include-path", "no value for option '--include-path'"}, {"-dlto", "'-dlto'"},
        {"source.cu", "'source.cu'"}, {"-o", "'-o'"}, {"-rdc=no", "--relocatable-device-code 'no'"},
    };
    (void)state;
    nvrtcProgram p = program_of("", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        GIVES(INVALID_OPTION, compile(p, rows[i].option));
        log_has(p, rows[i].words);
    }
    GIVES(INVALID_INPUT, nvrtcCompileProgram(p, 1, NULL));
    GIVES(INVALID_INPUT, nvrtcCompileProgram(p, -1, NULL));
    GIVES(INVALID_INPUT, nvrtcCompileProgram(p, 1, (const char *[]){NULL}));
    OK(nvrtcDestroyProgram(&p));
}

static void without_clang_the_log_names_its_package(void **state)
{
    (void)state;
    nvrtcProgram p = program_of("", NULL);
    setenv("CAIRN_CLANG", "/nonexistent/clang", 1);
    GIVES(BUILTIN_OPERATION_FAILURE, compile(p, NULL));
    unsetenv("CAIRN_CLANG");
    log_has(p, "/nonexistent/clang does not start (clang is in the package clang-19)");
    setenv("TMPDIR", "/nonexistent", 1);
    GIVES(BUILTIN_OPERATION_FAILURE, compile(p, NULL));
    setenv("TMPDIR", folder, 1);
    log_has(p, "cannot make a folder in /nonexistent");
    OK(nvrtcDestroyProgram(&p));
}

static void wrong_arguments_are_refused(void **state)
{
    static const char *const bad_names[] = {"/etc/x.h", "../x.h", "a/../../x.h", "a/..", "", "a/", NULL};
    const char *text = "", *name;
    nvrtcProgram p = NULL;
    size_t bytes;
    int number, second;
    (void)state;
    GIVES(INVALID_INPUT, nvrtcCreateProgram(NULL, "", NULL, 0, NULL, NULL));
    GIVES(INVALID_INPUT, nvrtcCreateProgram(&p, NULL, NULL, 0, NULL, NULL));
    GIVES(INVALID_INPUT, nvrtcCreateProgram(&p, "", NULL, -1, NULL, NULL));
    GIVES(INVALID_INPUT, nvrtcCreateProgram(&p, "", NULL, 1, &text, NULL));
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++)
        GIVES(INVALID_INPUT, nvrtcCreateProgram(&p, "", NULL, 1, &text, &bad_names[i]));
    assert_null(p);
    GIVES(INVALID_PROGRAM, nvrtcDestroyProgram(&p));
    GIVES(INVALID_PROGRAM, nvrtcDestroyProgram(NULL));
    GIVES(INVALID_PROGRAM, nvrtcCompileProgram(NULL, 0, NULL));
    GIVES(INVALID_PROGRAM, nvrtcGetPTXSize(NULL, &bytes));
    GIVES(INVALID_PROGRAM, nvrtcGetProgramLogSize(NULL, &bytes));
    GIVES(INVALID_PROGRAM, nvrtcAddNameExpression(NULL, "k"));
    GIVES(INVALID_PROGRAM, nvrtcGetLoweredName(NULL, "k", &name));
    p = program_of("", NULL);
    assert_string_equal(log_of(p), "");
    GIVES(INVALID_PROGRAM, nvrtcGetPTXSize(p, &bytes));
    GIVES(INVALID_PROGRAM, nvrtcGetCUBINSize(p, &bytes));
    GIVES(INVALID_PROGRAM, nvrtcGetCUBIN(p, NULL));
    GIVES(INVALID_PROGRAM, nvrtcGetLTOIRSize(p, &bytes));
    GIVES(INVALID_INPUT, nvrtcAddNameExpression(p, NULL));
    GIVES(INVALID_INPUT, nvrtcGetLoweredName(p, "k", NULL));
    GIVES(INVALID_INPUT, nvrtcGetProgramLogSize(p, NULL));
    GIVES(INVALID_INPUT, nvrtcGetProgramLog(p, NULL));
    OK(nvrtcDestroyProgram(&p));
    GIVES(INVALID_PROGRAM, nvrtcDestroyProgram(&p));
    GIVES(INVALID_INPUT, nvrtcVersion(NULL, &second));
    OK(nvrtcVersion(&number, &second));
    assert_int_equal(number * 100 + second, 1204);
    OK(nvrtcGetNumSupportedArchs(&number));
    assert_int_equal(number, 1);
    OK(nvrtcGetSupportedArchs(&number));
    assert_int_equal(number, 80);
    assert_string_equal(nvrtcGetErrorString(NVRTC_ERROR_COMPILATION), "NVRTC_ERROR_COMPILATION");
    assert_string_equal(nvrtcGetErrorString((nvrtcResult)99), "NVRTC_ERROR unknown");
}

static void no_file_is_left_behind(void **state)
{
    (void)state;
    DIR *directory = opendir(folder);
    int entries = 0;
    while (readdir(directory))
        entries++;
    closedir(directory);
    assert_int_equal(entries, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_compiled_at_run_time_runs),
        cmocka_unit_test(expressions_instantiate_templates_and_find_names),
        cmocka_unit_test(headers_come_from_memory),
        cmocka_unit_test(options_reach_the_compiler),
        cmocka_unit_test(relocatable_code_is_linked),
        cmocka_unit_test(a_mistake_is_in_the_log_with_its_line),
        cmocka_unit_test(an_expression_that_names_nothing_fails_the_compilation),
        cmocka_unit_test(wrong_options_are_named_in_the_log),
        cmocka_unit_test(without_clang_the_log_names_its_package),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(no_file_is_left_behind),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
