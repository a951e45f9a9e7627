/* Several devices on one machine: peers, limits, what a context remembers, and the refusal of IPC.
 *
 * All devices are the same processor and memory, so each may use the memory of all; what programs must do to be
 * allowed to is checked as CUDA checks it. */
#include "runtime/api/api.h"
#include <stdio.h>
#include <string.h>

static CUresult check_pair(const void *result, CUdevice device, CUdevice peer)
{
    if (!api_initialized())
        return CUDA_ERROR_NOT_INITIALIZED;
    if (!result)
        return CUDA_ERROR_INVALID_VALUE;
    return device_is_valid(device) && device_is_valid(peer) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

/* ---- Peers --------------------------------------------------------------------------------------- */
static _Atomic bool enabled[MAX_DEVICES][MAX_DEVICES];

API CUresult cuDeviceCanAccessPeer(int *can, CUdevice device, CUdevice peer)
{
    CUresult result = check_pair(can, device, peer);
    if (!result)
        *can = device != peer;
    return result;
}

API CUresult cuDeviceGetP2PAttribute(int *value, CUdevice_P2PAttribute attribute, CUdevice device, CUdevice peer)
{
    CUresult result = check_pair(value, device, peer);
    if (result)
        return result;
    if (device == peer)
        return CUDA_ERROR_INVALID_DEVICE;
    switch (attribute) {
    case CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK: *value = 0; break;
    case CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED:
    case CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED:
    case CU_DEVICE_P2P_ATTRIBUTE_CUDA_ARRAY_ACCESS_SUPPORTED: *value = 1; break;
    default: return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

API CUresult cuCtxEnablePeerAccess(CUcontext peer, unsigned flags)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (flags)
        return CUDA_ERROR_INVALID_VALUE;
    if (!peer || peer->device == context_current()->device)
        return CUDA_ERROR_INVALID_CONTEXT;
    _Atomic bool *on = &enabled[context_current()->device][peer->device];
    if (*on)
        return CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
    *on = true;
    return CUDA_SUCCESS;
}

API CUresult cuCtxDisablePeerAccess(CUcontext peer)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!peer)
        return CUDA_ERROR_INVALID_CONTEXT;
    _Atomic bool *on = &enabled[context_current()->device][peer->device];
    if (!*on)
        return CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
    *on = false;
    return CUDA_SUCCESS;
}

API CUresult cuMemcpyPeer(CUdeviceptr to, CUcontext to_context, CUdeviceptr from, CUcontext from_context, size_t bytes)
{
    if (!to_context || !from_context)
        return CUDA_ERROR_INVALID_CONTEXT;
    return copy_memory((void *)to, (void *)from, bytes, NULL, true);
}

API CUresult cuMemcpyPeerAsync(CUdeviceptr to, CUcontext to_context, CUdeviceptr from, CUcontext from_context, size_t bytes,
                               CUstream stream)
{
    if (!to_context || !from_context)
        return CUDA_ERROR_INVALID_CONTEXT;
    return copy_memory((void *)to, (void *)from, bytes, stream, false);
}

/* ---- Names on the bus: domain 0, one bus a device -------------------------------------------------- */
API CUresult cuDeviceGetPCIBusId(char *text, int length, CUdevice device)
{
    CUresult result = check_pair(text, device, device);
    if (!result && length <= 0)
        result = CUDA_ERROR_INVALID_VALUE;
    if (!result)
        snprintf(text, (size_t)length, "0000:%02x:00.0", device + 1);
    return result;
}

API CUresult cuDeviceGetByPCIBusId(CUdevice *device, const char *text)
{
    unsigned domain = 0, bus;
    if (!device || !text)
        return CUDA_ERROR_INVALID_VALUE;
    if (sscanf(text, "%x:%x:", &domain, &bus) != 2 || domain || !bus || !device_is_valid((int)bus - 1))
        return CUDA_ERROR_INVALID_DEVICE;
    *device = (int)bus - 1;
    return CUDA_SUCCESS;
}

API CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) { return cuDeviceGetUuid(uuid, device); }

/* ---- Limits: stacks, heap and the printf buffer grow as needed here, so a limit is only remembered -- */
static size_t limits[] = {[CU_LIMIT_STACK_SIZE] = 1024, [CU_LIMIT_PRINTF_FIFO_SIZE] = 1 << 20,
                          [CU_LIMIT_MALLOC_HEAP_SIZE] = 8 << 20, [CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH] = 2,
                          [CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT] = 2048, [CU_LIMIT_MAX_L2_FETCH_GRANULARITY] = 64,
                          [CU_LIMIT_PERSISTING_L2_CACHE_SIZE] = 0};
enum { LIMITS = sizeof limits / sizeof *limits };

API CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
    CUresult result = api_check();
    if (result)
        return result;
    if ((unsigned)limit >= LIMITS)
        return CUDA_ERROR_UNSUPPORTED_LIMIT;
    if (limit == CU_LIMIT_STACK_SIZE && value > 512 << 10)
        return CUDA_ERROR_INVALID_VALUE;
    __atomic_store_n(&limits[limit], value, __ATOMIC_RELAXED);
    return CUDA_SUCCESS;
}

API CUresult cuCtxGetLimit(size_t *value, CUlimit limit)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!value)
        return CUDA_ERROR_INVALID_VALUE;
    if ((unsigned)limit >= LIMITS)
        return CUDA_ERROR_UNSUPPORTED_LIMIT;
    *value = __atomic_load_n(&limits[limit], __ATOMIC_RELAXED);
    return CUDA_SUCCESS;
}

/* ---- What a context remembers -------------------------------------------------------------------- */
static unsigned flags_of[MAX_DEVICES];
static CUfunc_cache cache_config;

API CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active)
{
    CUresult result = check_pair(flags && active ? flags : NULL, device, device);
    if (result)
        return result;
    *flags = flags_of[device];
    *active = context_is_active(device);
    return CUDA_SUCCESS;
}

API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags)
{
    CUresult result = check_pair(&flags, device, device);
    if (!result && flags > 0x1f)
        result = CUDA_ERROR_INVALID_VALUE;
    if (!result)
        flags_of[device] = flags;
    return result;
}

API CUresult cuCtxGetFlags(unsigned *flags)
{
    CUresult result = api_check();
    if (!result && !flags)
        result = CUDA_ERROR_INVALID_VALUE;
    if (!result)
        *flags = flags_of[context_current()->device];
    return result;
}

API CUresult cuCtxGetApiVersion(CUcontext context, unsigned *version)
{
    (void)context;
    if (!version)
        return CUDA_ERROR_INVALID_VALUE;
    *version = CUDA_VERSION;
    return CUDA_SUCCESS;
}

API CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (least)
        *least = 0;
    if (greatest)
        *greatest = -5;
    return CUDA_SUCCESS;
}

API CUresult cuCtxGetCacheConfig(CUfunc_cache *config)
{
    if (!config)
        return CUDA_ERROR_INVALID_VALUE;
    *config = cache_config;
    return api_check();
}

API CUresult cuCtxSetCacheConfig(CUfunc_cache config)
{
    if (config > CU_FUNC_CACHE_PREFER_EQUAL)
        return CUDA_ERROR_INVALID_VALUE;
    cache_config = config;
    return api_check();
}

API CUresult cuProfilerStart(void) { return api_check(); }
API CUresult cuProfilerStop(void) { return api_check(); }

/* ---- IPC: memory of other processes -------------------------------------------------------------- */
API CUresult cuIpcGetMemHandle(CUipcMemHandle *handle, CUdeviceptr address)
{
    return handle && address ? not_supported("cuIpcGetMemHandle") : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuIpcOpenMemHandle_v2(CUdeviceptr *address, CUipcMemHandle handle, unsigned flags)
{
    (void)handle;
    return address && flags <= 1 ? not_supported("cuIpcOpenMemHandle") : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuIpcCloseMemHandle(CUdeviceptr address)
{
    return address ? not_supported("cuIpcCloseMemHandle") : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuIpcGetEventHandle(CUipcEventHandle *handle, CUevent event)
{
    return handle && event ? not_supported("cuIpcGetEventHandle") : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuIpcOpenEventHandle(CUevent *event, CUipcEventHandle handle)
{
    (void)handle;
    return event ? not_supported("cuIpcOpenEventHandle") : CUDA_ERROR_INVALID_VALUE;
}
