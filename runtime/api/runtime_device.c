/* The runtime API's calls about devices that are rarer: peers, limits, IPC, flags, pools, entry points. */
#include "runtime/api/runtime.h"
#include <dlfcn.h>
#include <string.h>

/* The device whose properties agree best: all are alike, so the first. */
API cudaError_t cudaChooseDevice(int *device, const cudaDeviceProp *wanted)
{
    if (!device || !wanted)
        return runtime_note(CUDA_ERROR_INVALID_VALUE);
    *device = 0;
    return runtime_note(device_count() ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE);
}

API cudaError_t cudaSetValidDevices(int *devices, int count)
{
    for (int i = 0; devices && i < count; i++)
        if (!device_is_valid(devices[i]))
            return runtime_note(CUDA_ERROR_INVALID_DEVICE);
    return runtime_note(devices || !count ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

API cudaError_t cudaInitDevice(int device, unsigned device_flags, unsigned flags)
{
    (void)device_flags;
    return flags > 1 ? runtime_note(CUDA_ERROR_INVALID_VALUE) : cudaSetDevice(device);
}

API cudaError_t cudaGetDeviceFlags(unsigned *flags) { return WITH_CONTEXT(cuCtxGetFlags(flags)); }

API cudaError_t cudaDeviceGetPCIBusId(char *text, int length, int device)
{
    return WITH_CONTEXT(cuDeviceGetPCIBusId(text, length, device));
}

API cudaError_t cudaDeviceGetByPCIBusId(int *device, const char *text) { return WITH_CONTEXT(cuDeviceGetByPCIBusId(device, text)); }

API cudaError_t cudaDeviceGetCacheConfig(cudaFuncCache *config) { return WITH_CONTEXT(cuCtxGetCacheConfig((CUfunc_cache *)config)); }

API cudaError_t cudaDeviceSetSharedMemConfig(cudaSharedMemConfig config)
{
    return WITH_CONTEXT(config > cudaSharedMemBankSizeEightByte ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS);
}

API cudaError_t cudaDeviceGetSharedMemConfig(cudaSharedMemConfig *config)
{
    if (!config)
        return runtime_note(CUDA_ERROR_INVALID_VALUE);
    *config = cudaSharedMemBankSizeFourByte;
    return cudaSuccess;
}

/* The runtime looks at the number first, and calls a bad one a bad argument. */
static CUresult limit_result(CUresult result) { return result == CUDA_ERROR_UNSUPPORTED_LIMIT ? CUDA_ERROR_INVALID_VALUE : result; }

API cudaError_t cudaDeviceSetLimit(cudaLimit limit, size_t value)
{
    return WITH_CONTEXT(limit_result(cuCtxSetLimit((CUlimit)limit, value)));
}

API cudaError_t cudaDeviceGetLimit(size_t *value, cudaLimit limit)
{
    return WITH_CONTEXT(limit_result(cuCtxGetLimit(value, (CUlimit)limit)));
}

API cudaError_t cudaThreadSetLimit(cudaLimit limit, size_t value) { return cudaDeviceSetLimit(limit, value); }
API cudaError_t cudaThreadGetLimit(size_t *value, cudaLimit limit) { return cudaDeviceGetLimit(value, limit); }

API cudaError_t cudaCtxResetPersistingL2Cache(void) { return WITH_CONTEXT(CUDA_SUCCESS); }

/* ---- Peers --------------------------------------------------------------------------------------- */
API cudaError_t cudaDeviceCanAccessPeer(int *can, int device, int peer)
{
    return WITH_CONTEXT(cuDeviceCanAccessPeer(can, device, peer));
}

API cudaError_t cudaDeviceGetP2PAttribute(int *value, cudaDeviceP2PAttr attribute, int device, int peer)
{
    return WITH_CONTEXT(cuDeviceGetP2PAttribute(value, (CUdevice_P2PAttribute)attribute, device, peer));
}

static CUresult with_peer(int peer, CUresult (*call)(CUcontext peer, unsigned flags), unsigned flags)
{
    CUcontext context;
    if (!device_is_valid(peer) || peer == context_current()->device)
        return CUDA_ERROR_INVALID_DEVICE;
    CUresult result = cuDevicePrimaryCtxRetain(&context, peer);
    return result ? result : call(context, flags);
}

static CUresult disable(CUcontext peer, unsigned flags)
{
    (void)flags;
    return cuCtxDisablePeerAccess(peer);
}

API cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned flags)
{
    return WITH_CONTEXT(with_peer(peer, cuCtxEnablePeerAccess, flags));
}

API cudaError_t cudaDeviceDisablePeerAccess(int peer) { return WITH_CONTEXT(with_peer(peer, disable, 0)); }

static CUresult copy_between(void *to, int to_device, const void *from, int from_device, size_t bytes, cudaStream_t stream, bool wait)
{
    if (!device_is_valid(to_device) || !device_is_valid(from_device))
        return CUDA_ERROR_INVALID_DEVICE;
    return copy_memory(to, from, bytes, stream, wait);
}

API cudaError_t cudaMemcpyPeer(void *to, int to_device, const void *from, int from_device, size_t bytes)
{
    return WITH_CONTEXT(copy_between(to, to_device, from, from_device, bytes, NULL, true));
}

API cudaError_t cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device, size_t bytes, cudaStream_t stream)
{
    return WITH_CONTEXT(copy_between(to, to_device, from, from_device, bytes, stream, false));
}

/* ---- IPC ----------------------------------------------------------------------------------------- */
API cudaError_t cudaIpcGetMemHandle(cudaIpcMemHandle_t *handle, void *memory)
{
    return WITH_CONTEXT(cuIpcGetMemHandle((CUipcMemHandle *)handle, (CUdeviceptr)memory));
}

API cudaError_t cudaIpcOpenMemHandle(void **memory, cudaIpcMemHandle_t handle, unsigned flags)
{
    CUipcMemHandle h;
    memcpy(&h, &handle, sizeof h);
    return WITH_CONTEXT(cuIpcOpenMemHandle((CUdeviceptr *)memory, h, flags));
}

API cudaError_t cudaIpcCloseMemHandle(void *memory) { return WITH_CONTEXT(cuIpcCloseMemHandle((CUdeviceptr)memory)); }

API cudaError_t cudaIpcGetEventHandle(cudaIpcEventHandle_t *handle, cudaEvent_t event)
{
    return WITH_CONTEXT(cuIpcGetEventHandle((CUipcEventHandle *)handle, event));
}

API cudaError_t cudaIpcOpenEventHandle(cudaEvent_t *event, cudaIpcEventHandle_t handle)
{
    CUipcEventHandle h;
    memcpy(&h, &handle, sizeof h);
    return WITH_CONTEXT(cuIpcOpenEventHandle(event, h));
}

/* ---- Pools --------------------------------------------------------------------------------------- */
API cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaStream_t stream)
{
    if (memory && !bytes) {
        *memory = NULL;
        return cudaSuccess;
    }
    return WITH_CONTEXT(cuMemAllocAsync((CUdeviceptr *)memory, bytes, stream));
}

API cudaError_t cudaMallocFromPoolAsync(void **memory, size_t bytes, cudaMemPool_t pool, cudaStream_t stream)
{
    return WITH_CONTEXT(cuMemAllocFromPoolAsync((CUdeviceptr *)memory, bytes, pool, stream));
}

API cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream)
{
    return memory ? WITH_CONTEXT(cuMemFreeAsync((CUdeviceptr)memory, stream)) : cudaSuccess;
}

API cudaError_t cudaMemPoolCreate(cudaMemPool_t *pool, const cudaMemPoolProps *p)
{
    if (!p)
        return runtime_note(CUDA_ERROR_INVALID_VALUE);
    CUmemPoolProps properties = {.allocType = p->allocType, .handleTypes = p->handleTypes, .maxSize = p->maxSize,
                                 .location = {p->location.type, p->location.id}};
    return WITH_CONTEXT(cuMemPoolCreate(pool, &properties));
}

API cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) { return WITH_CONTEXT(cuMemPoolDestroy(pool)); }
API cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t keep) { return WITH_CONTEXT(cuMemPoolTrimTo(pool, keep)); }

API cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void *value)
{
    return WITH_CONTEXT(cuMemPoolSetAttribute(pool, (CUmemPool_attribute)attribute, value));
}

API cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void *value)
{
    return WITH_CONTEXT(cuMemPoolGetAttribute(pool, (CUmemPool_attribute)attribute, value));
}

API cudaError_t cudaMemPoolSetAccess(cudaMemPool_t pool, const cudaMemAccessDesc *access, size_t count)
{
    return WITH_CONTEXT(cuMemPoolSetAccess(pool, (const CUmemAccessDesc *)access, count));
}

API cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *pool, int device)
{
    return WITH_CONTEXT(cuDeviceGetDefaultMemPool(pool, device));
}

API cudaError_t cudaDeviceGetMemPool(cudaMemPool_t *pool, int device) { return WITH_CONTEXT(cuDeviceGetMemPool(pool, device)); }
API cudaError_t cudaDeviceSetMemPool(int device, cudaMemPool_t pool) { return WITH_CONTEXT(cuDeviceSetMemPool(device, pool)); }

/* ---- Entry points of the driver ------------------------------------------------------------------ */
API cudaError_t cudaGetDriverEntryPoint(const char *symbol, void **function, unsigned long long flags,
                                        cudaDriverEntryPointQueryResult *found)
{
    CUdriverProcAddressQueryResult answer;
    CUresult result = cuGetProcAddress(symbol, function, CUDA_VERSION, flags, &answer);
    if (found)
        *found = (cudaDriverEntryPointQueryResult)answer;
    return runtime_note(result == CUDA_ERROR_NOT_FOUND ? CUDA_SUCCESS : result);
}
