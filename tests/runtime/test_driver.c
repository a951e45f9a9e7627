/* The driver API: each call in success and failure; kernels end their context, never the process. */
#include <cairn/base.h>
#include <cuda/cuda.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define OK(call) assert_int_equal(call, CUDA_SUCCESS)
#define GIVES(code, call) assert_int_equal(call, CUDA_ERROR_##code)

static const char text[] =
    ".version 7.8\n.target sm_80\n.address_size 64\n"
    ".visible .global .align 4 .u32 counter[2] = {7, 9};\n"
    ".extern .shared .align 16 .b8 dynamic[];\n"
    ".visible .entry fill(.param .u64 p, .param .u32 n, .param .u32 x)\n{\n"
    ".reg .b32 %r<8>; .reg .b64 %d<4>; .reg .pred %p;\n"
    "mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x; mad.lo.u32 %r4, %r1, %r2, %r3;\n"
    "ld.param.u32 %r5, [n]; setp.ge.u32 %p, %r4, %r5; @%p bra END;\n"
    "ld.param.u32 %r6, [x]; add.u32 %r6, %r6, %r4;\n"
    "ld.param.u64 %d1, [p]; mul.wide.u32 %d2, %r4, 4; add.u64 %d1, %d1, %d2; st.global.u32 [%d1], %r6;\nEND: ret;\n}\n"
    /* Every thread writes its number to shared memory and reads its neighbour's behind a barrier. */
    ".visible .entry turn(.param .u64 p)\n{\n.reg .b32 %r<8>; .reg .b64 %d<8>;\n"
    "mov.u32 %r1, %tid.x; mov.u32 %r2, %ntid.x; mov.u64 %d1, dynamic; mul.wide.u32 %d2, %r1, 4; add.u64 %d3, %d1, %d2;\n"
    "st.shared.u32 [%d3], %r1; bar.sync 0; add.u32 %r3, %r1, 1; rem.u32 %r3, %r3, %r2; mul.wide.u32 %d4, %r3, 4;\n"
    "add.u64 %d4, %d1, %d4; ld.shared.u32 %r4, [%d4]; ld.param.u64 %d5, [p]; add.u64 %d5, %d5, %d2;\n"
    "st.global.u32 [%d5], %r4; ret;\n}\n"
    ".visible .entry wild() { .reg .b64 %d; mov.u64 %d, 64; st.global.u32 [%d], 1; ret; }\n"
    ".visible .entry stop() { trap; }\n"
    ".visible .entry half()\n{ .reg .b32 %r; .reg .pred %p; mov.u32 %r, %tid.x; setp.lt.u32 %p, %r, 32; @%p bra END;\n"
    "bar.sync 1, 96; END: bar.sync 2, 96; ret; }\n"
    ".visible .entry count(.param .u64 p) { .reg .b64 %d; .reg .b32 %r; ld.param.u64 %d, [p];\n"
    "atom.global.add.u32 %r, [%d], 1; ret; }\n";

static CUcontext context;
static CUmodule module;

static CUfunction function(const char *name)
{
    CUfunction f;
    OK(cuModuleGetFunction(&f, module, name));
    return f;
}

static int begin(void **state)
{
    (void)state;
    return cuInit(0) || cuCtxCreate(&context, 0, 0) || cuModuleLoadData(&module, text);
}

static int end(void **state)
{
    (void)state;
    return cuModuleUnload(module) || cuCtxDestroy(context);
}

static CUresult launch(const char *name, unsigned blocks, unsigned threads, unsigned shared, void **params)
{
    return cuLaunchKernel(function(name), blocks, 1, 1, threads, 1, 1, shared, NULL, params, NULL);
}

/* ---- Devices, modules ---------------------------------------------------------------------------- */
static void the_device_is_an_sm_80_with_the_machines_cores(void **state)
{
    int value, count, major, minor;
    CUdevice device;
    char name[100];
    (void)state;
    OK(cuDeviceGetCount(&count));
    assert_int_equal(count, 1);
    OK(cuDeviceGet(&device, 0));
    GIVES(INVALID_DEVICE, cuDeviceGet(&device, 5));
    OK(cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0));
    assert_int_equal(value, cairn_threads());
    OK(cuDeviceComputeCapability(&major, &minor, 0));
    assert_int_equal(major * 10 + minor, 80);
    GIVES(INVALID_VALUE, cuDeviceGetAttribute(&value, (CUdevice_attribute)9999, 0));
    OK(cuDeviceGetName(name, sizeof name, 0));
    assert_non_null(strstr(name, "Cairn"));
    GIVES(INVALID_VALUE, cuDeviceGetCount(NULL));
}

static void entry_points_are_found_by_name(void **state)
{
    void *found;
    CUdriverProcAddressQueryResult how;
    (void)state;
    OK(cuGetProcAddress("cuMemAlloc", &found, 12000, 0, &how));
    assert_ptr_equal(found, (void *)cuMemAlloc);
    GIVES(NOT_FOUND, cuGetProcAddress("cuNothing", &found, 12000, 0, &how));
    assert_int_equal(how, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
}

static void modules_give_functions_and_globals(void **state)
{
    CUfunction f;
    CUdeviceptr address;
    size_t bytes;
    CUmodule other;
    uint32_t values[2];
    (void)state;
    GIVES(NOT_FOUND, cuModuleGetFunction(&f, module, "nothing"));
    OK(cuModuleGetGlobal(&address, &bytes, module, "counter"));
    assert_int_equal(bytes, 8);
    OK(cuMemcpyDtoH(values, address, bytes));
    assert_true(values[0] == 7 && values[1] == 9);
    GIVES(NOT_FOUND, cuModuleGetGlobal(&address, &bytes, module, "dynamic"));
    GIVES(INVALID_PTX, cuModuleLoadData(&other, ".version 7.0\n.target sm_80\n.entry k() { nonsense; }"));
    GIVES(NO_BINARY_FOR_GPU, cuModuleLoadData(&other, "\177ELF\2\1\1 and so on"));
    GIVES(FILE_NOT_FOUND, cuModuleLoad(&other, "/nonexistent.ptx"));
}

/* ---- Memory -------------------------------------------------------------------------------------- */
static void memory_is_allocated_copied_and_freed(void **state)
{
    CUdeviceptr p, q, base;
    size_t bytes, pitch;
    uint32_t out[4];
    (void)state;
    OK(cuMemAlloc(&p, 16));
    OK(cuMemsetD32(p, 0x01020304, 4));
    OK(cuMemcpyDtoH(out, p, 16));
    assert_int_equal(out[3], 0x01020304);
    OK(cuMemsetD8(p + 4, 0xff, 4));
    OK(cuMemAllocPitch(&q, &pitch, 100, 3, 4));
    assert_int_equal(pitch % 512, 0);
    OK(cuMemcpyDtoD(q, p, 16));
    OK(cuMemcpyDtoH(out, q, 16));
    assert_int_equal(out[1], ~0u);
    OK(cuMemGetAddressRange(&base, &bytes, p + 7));
    assert_true(base == p && bytes == 16);
    GIVES(INVALID_VALUE, cuMemFree(p + 4));
    OK(cuMemFree(p));
    GIVES(INVALID_VALUE, cuMemFree(p));
    OK(cuMemFree(q));
    GIVES(INVALID_VALUE, cuMemAlloc(&p, 0));
    GIVES(OUT_OF_MEMORY, cuMemAlloc(&p, (size_t)1 << 50));
    GIVES(INVALID_VALUE, cuMemsetD32(base + 1, 0, 4));
}

/* ---- Launches ------------------------------------------------------------------------------------ */
static void a_launch_writes_exactly_its_elements(void **state)
{
    enum { N = 1000 };
    static uint32_t out[N + 8];
    CUdeviceptr p = (CUdeviceptr)out;
    uint32_t n = N, x = 5;
    void *params[] = {&p, &n, &x};
    (void)state;
    OK(launch("fill", (N + 95) / 96, 96, 0, params));
    OK(cuCtxSynchronize());
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(out[i], i + 5);
    assert_int_equal(out[N], 0);
    OK(launch("fill", (N + 49) / 50, 50, 0, params)); /* warps of 32 and 18 threads */
    OK(cuCtxSynchronize());
    assert_int_equal(out[N - 1], N + 4);
    assert_int_equal(out[N], 0);
}

static void parameters_may_come_packed(void **state)
{
    static uint32_t out[8];
    struct { CUdeviceptr p; uint32_t n, x; } packed = {(CUdeviceptr)out, 8, 100};
    size_t bytes = sizeof packed;
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &packed, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes, CU_LAUNCH_PARAM_END};
    (void)state;
    OK(cuLaunchKernel(function("fill"), 1, 1, 1, 8, 1, 1, 0, NULL, NULL, extra));
    OK(cuCtxSynchronize());
    assert_int_equal(out[7], 107);
}

static void barriers_order_shared_memory_between_warps(void **state)
{
    static uint32_t out[1024];
    CUdeviceptr p = (CUdeviceptr)out;
    void *params[] = {&p};
    (void)state;
    for (unsigned threads = 1; threads <= 1024; threads = threads * 3 + 1) {
        OK(launch("turn", 1, threads, 4 * threads, params));
        OK(cuCtxSynchronize());
        for (unsigned i = 0; i < threads; i++)
            assert_int_equal(out[i], (i + 1) % threads);
    }
}

static void atomics_of_all_blocks_add_up(void **state)
{
    static uint32_t out;
    CUdeviceptr p = (CUdeviceptr)&out;
    void *params[] = {&p};
    (void)state;
    OK(launch("count", 1000, 100, 0, params));
    OK(cuCtxSynchronize());
    assert_int_equal(out, 100000);
}

static void bad_shapes_are_refused(void **state)
{
    (void)state;
    GIVES(INVALID_VALUE, launch("stop", 0, 32, 0, NULL));
    GIVES(INVALID_VALUE, launch("stop", 1, 2000, 0, NULL));
    GIVES(INVALID_VALUE, launch("fill", 1, 32, 0, NULL));
    GIVES(INVALID_VALUE, launch("stop", 1, 32, 100 << 10, NULL));
    OK(cuFuncSetAttribute(function("stop"), CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100 << 10));
    GIVES(INVALID_VALUE, cuFuncSetAttribute(function("stop"), CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 300 << 10));
    GIVES(INVALID_HANDLE, cuLaunchKernel(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
}

/* ---- Streams and events -------------------------------------------------------------------------- */
static void add_one(void *data) { ++*(int *)data; }

static void streams_keep_order_and_events_take_time(void **state)
{
    static uint32_t out[64];
    CUstream stream;
    CUevent start, stop, never;
    CUdeviceptr p = (CUdeviceptr)out;
    uint32_t n = 64, x = 1;
    int called = 0;
    float ms = -1;
    void *params[] = {&p, &n, &x};
    (void)state;
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&start, 0));
    OK(cuEventCreate(&stop, 0));
    OK(cuEventCreate(&never, CU_EVENT_DISABLE_TIMING));
    OK(cuEventRecord(start, stream));
    OK(cuLaunchKernel(function("fill"), 1, 1, 1, 64, 1, 1, 0, stream, params, NULL));
    OK(cuLaunchHostFunc(stream, add_one, &called));
    OK(cuMemsetD8Async(p, 0, 4, stream));
    OK(cuEventRecord(stop, stream));
    OK(cuStreamWaitEvent(stream, stop, 0));
    OK(cuEventSynchronize(stop));
    assert_int_equal(called, 1);
    assert_true(out[0] == 0 && out[1] == 2);
    OK(cuEventElapsedTime(&ms, start, stop));
    assert_true(ms >= 0 && ms < 10000);
    GIVES(INVALID_HANDLE, cuEventElapsedTime(&ms, start, never));
    OK(cuStreamSynchronize(stream));
    OK(cuStreamQuery(stream));
    OK(cuEventDestroy(start));
    OK(cuEventDestroy(stop));
    OK(cuEventDestroy(never));
    OK(cuStreamDestroy(stream));
    GIVES(INVALID_HANDLE, cuStreamDestroy(NULL));
}

/* ---- Faults -------------------------------------------------------------------------------------- */
static void expect_fault(const char *name, unsigned threads, CUresult error)
{
    CUdeviceptr p;
    OK(launch(name, 4, threads, 0, NULL));
    assert_int_equal(cuCtxSynchronize(), error);
    assert_int_equal(cuMemAlloc(&p, 4), error); /* it sticks to the context */
    OK(cuCtxDestroy(context));
    OK(cuCtxCreate(&context, 0, 0));
    OK(cuMemAlloc(&p, 4));
    OK(cuMemFree(p));
}

static void a_fault_ends_the_context_and_not_the_process(void **state)
{
    (void)state;
    expect_fault("wild", 64, CUDA_ERROR_ILLEGAL_ADDRESS);
    expect_fault("stop", 64, CUDA_ERROR_LAUNCH_FAILED);
    expect_fault("half", 96, CUDA_ERROR_LAUNCH_FAILED);
}

static void linked_texts_call_one_another(void **state)
{
#define LINK_HEAD ".version 7.8\n.target sm_80\n.address_size 64\n"
    static const char user[] = LINK_HEAD ".extern .global .u32 base;\n.extern .func (.param .b32 r) plus(.param .b32 a);\n"
        ".visible .entry k(.param .u64 out)\n{\n.reg .b32 %r<3>; .reg .b64 %d; ld.global.u32 %r0, [base];\n{ .param .b32 a; .param .b32 r;\n"
        "st.param.b32 [a], %r0; call (r), plus, (a); ld.param.b32 %r1, [r]; }\nld.param.u64 %d, [out]; st.global.u32 [%d], %r1; ret;\n}\n";
    static const char library[] = LINK_HEAD ".visible .global .u32 base = 40;\n.visible .func (.param .b32 r) plus(.param .b32 a)\n{\n"
        ".reg .b32 %v; ld.param.b32 %v, [a]; add.u32 %v, %v, 2; st.param.b32 [r], %v; ret;\n}\n";
    CUlinkState link;
    CUmodule m;
    CUfunction f;
    void *image;
    size_t bytes;
    uint32_t got = 0;
    CUdeviceptr out = (CUdeviceptr)&got;
    void *params[] = {&out};
    (void)state;
    OK(cuLinkCreate(0, NULL, NULL, &link));
    OK(cuLinkAddData(link, CU_JIT_INPUT_PTX, (void *)user, sizeof user, "user", 0, NULL, NULL));
    GIVES(INVALID_PTX, cuModuleLoadData(&m, user));
    OK(cuLinkAddData(link, CU_JIT_INPUT_PTX, (void *)library, sizeof library, "library", 0, NULL, NULL));
    OK(cuLinkComplete(link, &image, &bytes));
    OK(cuModuleLoadData(&m, image));
    OK(cuModuleGetFunction(&f, m, "k"));
    OK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
    OK(cuCtxSynchronize());
    assert_int_equal(got, 42);
    OK(cuModuleUnload(m));
    OK(cuLinkDestroy(link));
}

static void errors_have_names(void **state)
{
    const char *name;
    (void)state;
    OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &name));
    assert_string_equal(name, "CUDA_ERROR_ILLEGAL_ADDRESS");
    OK(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &name));
    assert_string_equal(name, "out of memory");
    GIVES(INVALID_VALUE, cuGetErrorName((CUresult)12345, &name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_device_is_an_sm_80_with_the_machines_cores),
        cmocka_unit_test(entry_points_are_found_by_name),
        cmocka_unit_test(modules_give_functions_and_globals),
        cmocka_unit_test(memory_is_allocated_copied_and_freed),
        cmocka_unit_test(a_launch_writes_exactly_its_elements),
        cmocka_unit_test(parameters_may_come_packed),
        cmocka_unit_test(barriers_order_shared_memory_between_warps),
        cmocka_unit_test(atomics_of_all_blocks_add_up),
        cmocka_unit_test(bad_shapes_are_refused),
        cmocka_unit_test(streams_keep_order_and_events_take_time),
        cmocka_unit_test(a_fault_ends_the_context_and_not_the_process),
        cmocka_unit_test(linked_texts_call_one_another),
        cmocka_unit_test(errors_have_names),
    };
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    return cmocka_run_group_tests(tests, begin, end);
}
