/* Initialisation, devices, contexts, errors. */
#define _GNU_SOURCE
#include "runtime/api/api.h"
#include "base/cpu.h"
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- State --------------------------------------------------------------------------------------- */
static atomic_bool initialized;
static struct CUctx_st primary[MAX_DEVICES];
static _Thread_local CUcontext stack[16];
static _Thread_local int depth;

bool api_initialized(void) { return atomic_load(&initialized); }

int device_count(void)
{
    const char *text = getenv("CAIRN_CUDA_DEVICES");
    int count = text ? atoi(text) : 1;
    return count < 0 ? 0 : count > MAX_DEVICES ? MAX_DEVICES : count;
}

bool device_is_valid(CUdevice device) { return device >= 0 && device < device_count(); }
CUcontext context_current(void) { return depth ? stack[depth - 1] : NULL; }

CUresult api_check(void)
{
    if (!api_initialized())
        return CUDA_ERROR_NOT_INITIALIZED;
    return context_current() ? queue_error() : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult context_ensure(void)
{
    if (!api_initialized())
        cuInit(0);
    if (!device_count())
        return CUDA_ERROR_NO_DEVICE;
    if (!context_current())
        return cuCtxSetCurrent(&primary[0]);
    return CUDA_SUCCESS;
}

CUresult not_supported(const char *name)
{
    static const char *told[64];
    static atomic_int count;
    int known = atomic_load(&count);
    for (int i = 0; i < known && i < 64; i++)
        if (told[i] == name)
            return CUDA_ERROR_NOT_SUPPORTED;
    known = atomic_fetch_add(&count, 1);
    if (known < 64)
        told[known] = name;
    fprintf(stderr, "cairn: %s is not supported\n", name);
    return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult result_of(cairn_status status)
{
    cairn_error_clear();
    switch (status) {
    case CAIRN_OK: return CUDA_SUCCESS;
    case CAIRN_E_MEMORY: return CUDA_ERROR_OUT_OF_MEMORY;
    case CAIRN_E_FORMAT: return CUDA_ERROR_INVALID_PTX;
    case CAIRN_E_UNSUPPORTED: return CUDA_ERROR_INVALID_PTX;
    case CAIRN_E_IO: return CUDA_ERROR_FILE_NOT_FOUND;
    case CAIRN_E_ARGUMENT: return CUDA_ERROR_INVALID_VALUE;
    default: return CUDA_ERROR_UNKNOWN;
    }
}

/* ---- The driver ---------------------------------------------------------------------------------- */
API CUresult cuInit(unsigned flags)
{
    if (flags)
        return CUDA_ERROR_INVALID_VALUE;
    for (int i = 0; i < MAX_DEVICES; i++)
        primary[i].device = i;
    atomic_store(&initialized, true);
    return CUDA_SUCCESS;
}

API CUresult cuDriverGetVersion(int *version)
{
    if (!version)
        return CUDA_ERROR_INVALID_VALUE;
    *version = CUDA_VERSION;
    return CUDA_SUCCESS;
}

static const struct { CUresult code; const char *name, *text; } errors[] = {
#define X(driver, runtime, code, text) {driver, #driver, text},
    CAIRN_CUDA_ERRORS(X)
#undef X
};

API CUresult cuGetErrorName(CUresult error, const char **text)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors && text; i++)
        if (errors[i].code == error) {
            *text = errors[i].name;
            return CUDA_SUCCESS;
        }
    return CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuGetErrorString(CUresult error, const char **text)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors && text; i++)
        if (errors[i].code == error) {
            *text = errors[i].text;
            return CUDA_SUCCESS;
        }
    return CUDA_ERROR_INVALID_VALUE;
}

static const struct { const char *name; const void *code; } entry_points[] = {
#define X(name, arguments) {#name, (const void *)name},
    CAIRN_CUDA_DRIVER(X)
#undef X
};

/* "cuMemAlloc" asks for the newest of its versions. */
static bool is_entry_point(const char *have, const char *want)
{
    size_t n = strlen(want);
    return strncmp(have, want, n) == 0 && (have[n] == '\0' || (have[n] == '_' && have[n + 1] == 'v'));
}

API CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version, uint64_t flags,
                                 CUdriverProcAddressQueryResult *found)
{
    (void)version;
    (void)flags;
    if (!symbol || !function)
        return CUDA_ERROR_INVALID_VALUE;
    *function = NULL;
    for (size_t i = 0; i < sizeof entry_points / sizeof *entry_points && !*function; i++)
        if (is_entry_point(entry_points[i].name, symbol))
            *function = (void *)entry_points[i].code;
    if (found)
        *found = *function ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    return *function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

/* ---- Devices ------------------------------------------------------------------------------------- */
API CUresult cuDeviceGetCount(int *count)
{
    if (!api_initialized())
        return CUDA_ERROR_NOT_INITIALIZED;
    if (!count)
        return CUDA_ERROR_INVALID_VALUE;
    *count = device_count();
    return CUDA_SUCCESS;
}

API CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    if (!api_initialized())
        return CUDA_ERROR_NOT_INITIALIZED;
    if (!device)
        return CUDA_ERROR_INVALID_VALUE;
    if (!device_is_valid(ordinal))
        return CUDA_ERROR_INVALID_DEVICE;
    *device = ordinal;
    return CUDA_SUCCESS;
}

static CUresult check_device(const void *result, CUdevice device)
{
    if (!api_initialized())
        return CUDA_ERROR_NOT_INITIALIZED;
    if (!result)
        return CUDA_ERROR_INVALID_VALUE;
    return device_is_valid(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

API CUresult cuDeviceGetName(char *name, int length, CUdevice device)
{
    CUresult result = check_device(name, device);
    if (!result && length > 0)
        snprintf(name, (size_t)length, "Cairn CPU (%d cores, %s)", cairn_threads(), cairn_isa());
    return result;
}

API CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device)
{
    CUresult result = check_device(uuid, device);
    if (!result)
        snprintf(uuid->bytes, sizeof uuid->bytes, "cairn-cpu-%d", device);
    return result;
}

static size_t machine_memory(int name) { return (size_t)sysconf(name) * (size_t)sysconf(_SC_PAGESIZE); }

API CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device)
{
    CUresult result = check_device(bytes, device);
    if (!result)
        *bytes = machine_memory(_SC_PHYS_PAGES);
    return result;
}

API CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total_bytes)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (free_bytes)
        *free_bytes = machine_memory(_SC_AVPHYS_PAGES);
    if (total_bytes)
        *total_bytes = machine_memory(_SC_PHYS_PAGES);
    return CUDA_SUCCESS;
}

API CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice device)
{
    CUresult result = check_device(major && minor ? major : NULL, device);
    if (!result) {
        *major = 8;
        *minor = 0;
    }
    return result;
}

/* An sm_80 with the machine's cores as multiprocessors. */
static const struct { CUdevice_attribute attribute; int value; } attributes[] = {
    {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, GRID_MAX_THREADS},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024}, {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64}, {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 2147483647},
    {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535}, {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 48 << 10},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, GRID_MAX_SHARED},
    {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, GRID_MAX_SHARED + (1 << 10)},
    {CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, 64 << 10}, {CU_DEVICE_ATTRIBUTE_WARP_SIZE, WARP_LANES},
    {CU_DEVICE_ATTRIBUTE_MAX_PITCH, 2147483647}, {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
    {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536}, {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1000000},
    {CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, 512}, {CU_DEVICE_ATTRIBUTE_GPU_OVERLAP, 1},
    {CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT, 0}, {CU_DEVICE_ATTRIBUTE_INTEGRATED, 1},
    {CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1}, {CU_DEVICE_ATTRIBUTE_COMPUTE_MODE, 0},
    {CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 0}, {CU_DEVICE_ATTRIBUTE_ECC_ENABLED, 0},
    {CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, 0}, {CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID, 0},
    {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 1000000}, {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 64},
    {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048}, {CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 1},
    {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1}, {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 8},
    {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0}, {CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 1}, {CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS, 1},
    {CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS, 1}, {CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1},
    {CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, 32}, {CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT, 512}, {CU_DEVICE_ATTRIBUTE_TCC_DRIVER, 0}, {CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID, 0},
    {CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT, 32}, {CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED, 1}, {CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD, 0},
    {CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD_GROUP_ID, 0}, {CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED, 1},
    {CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO, 2}, {CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED, 0},
    {CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, 1}, {CU_DEVICE_ATTRIBUTE_COOPERATIVE_MULTI_DEVICE_LAUNCH, 0},
    {CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED, 1}, {CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES, 1},
    {CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST, 1}, {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_WIDTH, 131072},
    {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_WIDTH, 131072}, {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_HEIGHT, 131072},
    {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_WIDTH, 16384}, {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_HEIGHT, 16384},
    {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_DEPTH, 16384}, {CU_DEVICE_ATTRIBUTE_MAX_PERSISTING_L2_CACHE_SIZE, 0},
    {CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH, 0},
};

API CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device)
{
    CUresult result = check_device(value, device);
    if (result)
        return result;
    if (attribute == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT) {
        *value = cairn_threads();
        return CUDA_SUCCESS;
    }
    if (attribute == CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE) {
        *value = (int)(cpu()->l2_bytes ? cpu()->l2_bytes : 1 << 20);
        return CUDA_SUCCESS;
    }
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (attributes[i].attribute == attribute) {
            *value = attributes[i].value;
            return CUDA_SUCCESS;
        }
    return CUDA_ERROR_INVALID_VALUE;
}

/* ---- Contexts ------------------------------------------------------------------------------------ */
API CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
    CUresult result = check_device(context, device);
    if (result)
        return result;
    primary[device].references++;
    *context = &primary[device];
    return CUDA_SUCCESS;
}

bool context_is_active(CUdevice device) { return primary[device].references > 0; }

API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
    CUresult result = check_device(&device, device);
    if (result)
        return result;
    if (!primary[device].references)
        return CUDA_ERROR_INVALID_CONTEXT;
    primary[device].references--;
    return CUDA_SUCCESS;
}

API CUresult cuDevicePrimaryCtxReset_v2(CUdevice device)
{
    CUresult result = check_device(&device, device);
    if (result)
        return result;
    queue_wait(queue_last());
    queue_reset();
    return CUDA_SUCCESS;
}

API CUresult cuCtxSetCurrent(CUcontext context)
{
    if (!api_initialized())
        return CUDA_ERROR_NOT_INITIALIZED;
    if (!context) {
        depth -= depth > 0;
        return CUDA_SUCCESS;
    }
    depth += depth == 0;
    stack[depth - 1] = context;
    return CUDA_SUCCESS;
}

API CUresult cuCtxPushCurrent_v2(CUcontext context)
{
    if (!context || depth == sizeof stack / sizeof *stack)
        return CUDA_ERROR_INVALID_CONTEXT;
    stack[depth++] = context;
    return CUDA_SUCCESS;
}

API CUresult cuCtxPopCurrent_v2(CUcontext *context)
{
    if (!depth)
        return CUDA_ERROR_INVALID_CONTEXT;
    depth--;
    if (context)
        *context = stack[depth];
    return CUDA_SUCCESS;
}

API CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device)
{
    (void)flags;
    CUresult result = check_device(context, device);
    if (result)
        return result;
    CUcontext made = mem_new(sizeof *made);
    if (!made)
        return result_of(CAIRN_E_MEMORY);
    made->device = device;
    result = cuCtxPushCurrent_v2(made);
    if (result)
        mem_free(made);
    else
        *context = made;
    return result;
}

static bool is_primary(CUcontext context) { return context >= primary && context < primary + MAX_DEVICES; }

API CUresult cuCtxDestroy_v2(CUcontext context)
{
    if (!context || is_primary(context))
        return CUDA_ERROR_INVALID_CONTEXT;
    queue_wait(queue_last());
    queue_reset();
    int kept = 0;
    for (int i = 0; i < depth; i++)
        if (stack[i] != context)
            stack[kept++] = stack[i];
    depth = kept;
    mem_free(context);
    return CUDA_SUCCESS;
}

API CUresult cuCtxGetCurrent(CUcontext *context)
{
    if (!context)
        return CUDA_ERROR_INVALID_VALUE;
    *context = context_current();
    return api_initialized() ? CUDA_SUCCESS : CUDA_ERROR_NOT_INITIALIZED;
}

API CUresult cuCtxGetDevice(CUdevice *device)
{
    if (!device)
        return CUDA_ERROR_INVALID_VALUE;
    if (!context_current())
        return CUDA_ERROR_INVALID_CONTEXT;
    *device = context_current()->device;
    return CUDA_SUCCESS;
}

API CUresult cuCtxSynchronize(void)
{
    CUresult result = api_check();
    return result ? result : queue_wait(queue_last());
}
