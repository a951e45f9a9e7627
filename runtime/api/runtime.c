/* The runtime API over the driver API: a context that is made when needed, and a last error. */
#include "runtime/api/register.h"
#include <cuda/cuda_runtime_api.h>
#include <stdio.h>
#include <string.h>

static _Thread_local cudaError_t last_error;

/* Every call ends here: its error is also the thread's last. */
static cudaError_t note(CUresult result)
{
    if (result)
        last_error = (cudaError_t)result;
    return (cudaError_t)result;
}

/* `return WITH_CONTEXT(call)` */
#define WITH_CONTEXT(call)                    \
    ({                                        \
        CUresult ready_ = context_ensure();   \
        note(ready_ ? ready_ : (call));       \
    })

/* ---- Devices and errors -------------------------------------------------------------------------- */
API cudaError_t cudaGetDeviceCount(int *count)
{
    if (!count)
        return note(CUDA_ERROR_INVALID_VALUE);
    *count = device_count();
    return note(*count ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE);
}

API cudaError_t cudaSetDevice(int device)
{
    CUcontext context;
    if (!api_initialized())
        cuInit(0);
    CUresult result = cuDevicePrimaryCtxRetain(&context, device);
    return note(result ? result : cuCtxSetCurrent(context));
}

API cudaError_t cudaGetDevice(int *device) { return WITH_CONTEXT(cuCtxGetDevice(device)); }

API cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device)
{
    return WITH_CONTEXT(cuDeviceGetAttribute(value, (CUdevice_attribute)attribute, device));
}

static int attribute_of(int device, CUdevice_attribute attribute)
{
    int value = 0;
    cuDeviceGetAttribute(&value, attribute, device);
    return value;
}

static void fill_limits(cudaDeviceProp *p, int d)
{
    p->sharedMemPerBlock = (size_t)attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK);
    p->sharedMemPerBlockOptin = (size_t)attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    p->sharedMemPerMultiprocessor = (size_t)attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
    p->memPitch = (size_t)attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_PITCH);
    p->totalConstMem = (size_t)attribute_of(d, CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY);
    p->textureAlignment = (size_t)attribute_of(d, CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT);
    p->regsPerBlock = attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK);
    p->regsPerMultiprocessor = attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR);
    p->warpSize = attribute_of(d, CU_DEVICE_ATTRIBUTE_WARP_SIZE);
    p->maxThreadsPerBlock = attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
    p->maxThreadsPerMultiProcessor = attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR);
    p->maxBlocksPerMultiProcessor = attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR);
    for (int i = 0; i < 3; i++) {
        p->maxThreadsDim[i] = attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X + (unsigned)i);
        p->maxGridSize[i] = attribute_of(d, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X + (unsigned)i);
    }
}

static void fill_abilities(cudaDeviceProp *p, int d)
{
    p->clockRate = attribute_of(d, CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
    p->memoryClockRate = attribute_of(d, CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE);
    p->memoryBusWidth = attribute_of(d, CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH);
    p->l2CacheSize = attribute_of(d, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
    p->multiProcessorCount = attribute_of(d, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    p->major = attribute_of(d, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
    p->minor = attribute_of(d, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    p->deviceOverlap = p->asyncEngineCount = attribute_of(d, CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT);
    p->integrated = p->canMapHostMemory = p->unifiedAddressing = p->managedMemory = 1;
    p->pageableMemoryAccess = p->concurrentManagedAccess = p->streamPrioritiesSupported = 1;
    p->globalL1CacheSupported = p->localL1CacheSupported = 1;
}

API cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device)
{
    if (!properties)
        return note(CUDA_ERROR_INVALID_VALUE);
    CUresult result = context_ensure();
    if (!result && !device_is_valid(device))
        result = CUDA_ERROR_INVALID_DEVICE;
    if (result)
        return note(result);
    *properties = (cudaDeviceProp){0};
    cuDeviceGetName(properties->name, sizeof properties->name, device);
    cuDeviceTotalMem(&properties->totalGlobalMem, device);
    fill_limits(properties, device);
    fill_abilities(properties, device);
    return cudaSuccess;
}

API cudaError_t cudaDeviceSynchronize(void) { return WITH_CONTEXT(cuCtxSynchronize()); }
API cudaError_t cudaThreadSynchronize(void) { return cudaDeviceSynchronize(); }

API cudaError_t cudaDeviceReset(void)
{
    CUresult result = context_ensure();
    if (!result)
        result = cuDevicePrimaryCtxReset(context_current()->device);
    last_error = cudaSuccess;
    fflush(stdout);
    return note(result);
}

API cudaError_t cudaThreadExit(void) { return cudaDeviceReset(); }
API cudaError_t cudaSetDeviceFlags(unsigned flags) { return note(flags > 31 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS); }

API cudaError_t cudaDeviceSetCacheConfig(cudaFuncCache config)
{
    return note(config > cudaFuncCachePreferEqual ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS);
}

API cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest)
{
    if (least)
        *least = 0;
    if (greatest)
        *greatest = -5;
    return cudaSuccess;
}

API cudaError_t cudaDeviceCanAccessPeer(int *can, int device, int peer)
{
    if (!can)
        return note(CUDA_ERROR_INVALID_VALUE);
    if (!device_is_valid(device) || !device_is_valid(peer))
        return note(CUDA_ERROR_INVALID_DEVICE);
    *can = device != peer;
    return cudaSuccess;
}

API cudaError_t cudaDriverGetVersion(int *version) { return note(cuDriverGetVersion(version)); }
API cudaError_t cudaRuntimeGetVersion(int *version) { return note(cuDriverGetVersion(version)); }

API cudaError_t cudaGetLastError(void)
{
    cudaError_t error = cudaPeekAtLastError();
    last_error = cudaSuccess;
    return error;
}

API cudaError_t cudaPeekAtLastError(void) { return queue_error() ? (cudaError_t)queue_error() : last_error; }

API const char *cudaGetErrorName(cudaError_t error)
{
    switch (error) {
#define X(driver, runtime, code, text) case runtime: return #runtime;
    CAIRN_CUDA_ERRORS(X)
#undef X
    }
    return "unrecognized error code";
}

API const char *cudaGetErrorString(cudaError_t error)
{
    const char *text = "unrecognized error code";
    cuGetErrorString((CUresult)error, &text);
    return text;
}

API cudaError_t cudaProfilerStart(void) { return cudaSuccess; }
API cudaError_t cudaProfilerStop(void) { return cudaSuccess; }

/* ---- Memory -------------------------------------------------------------------------------------- */
static CUresult allocate(void **memory, size_t bytes, CUresult (*fn)(CUdeviceptr *, size_t))
{
    if (!memory)
        return CUDA_ERROR_INVALID_VALUE;
    *memory = NULL;
    return bytes ? fn((CUdeviceptr *)memory, bytes) : CUDA_SUCCESS; /* cudaMalloc(0) gives NULL */
}

API cudaError_t cudaMalloc(void **memory, size_t bytes) { return WITH_CONTEXT(allocate(memory, bytes, cuMemAlloc)); }

API cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaStream_t stream)
{
    (void)stream;
    return cudaMalloc(memory, bytes);
}

API cudaError_t cudaMallocPitch(void **memory, size_t *pitch, size_t width, size_t height)
{
    return WITH_CONTEXT(cuMemAllocPitch((CUdeviceptr *)memory, pitch, width, height, 4));
}

API cudaError_t cudaMallocManaged(void **memory, size_t bytes, unsigned flags)
{
    return WITH_CONTEXT(cuMemAllocManaged((CUdeviceptr *)memory, bytes, flags));
}

API cudaError_t cudaHostAlloc(void **memory, size_t bytes, unsigned flags)
{
    return WITH_CONTEXT(cuMemHostAlloc(memory, bytes, flags));
}

API cudaError_t cudaMallocHost(void **memory, size_t bytes) { return cudaHostAlloc(memory, bytes, 0); }

API cudaError_t cudaHostGetDevicePointer(void **device, void *host, unsigned flags)
{
    return WITH_CONTEXT(cuMemHostGetDevicePointer((CUdeviceptr *)device, host, flags));
}

/* All of the host's memory can be used by kernels. */
API cudaError_t cudaHostRegister(void *memory, size_t bytes, unsigned flags)
{
    return WITH_CONTEXT(!memory || !bytes || flags > 15 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS);
}

API cudaError_t cudaHostUnregister(void *memory) { return WITH_CONTEXT(memory ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE); }
API cudaError_t cudaFree(void *memory) { return WITH_CONTEXT(cuMemFree((CUdeviceptr)memory)); }

API cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream)
{
    (void)stream;
    return cudaFree(memory);
}

API cudaError_t cudaFreeHost(void *memory) { return WITH_CONTEXT(memory ? cuMemFreeHost(memory) : CUDA_SUCCESS); }
API cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) { return WITH_CONTEXT(cuMemGetInfo(free_bytes, total)); }

static CUresult copy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream, bool wait)
{
    return kind > cudaMemcpyDefault ? CUDA_ERROR_INVALID_DIRECTION : copy_memory(to, from, bytes, stream, wait);
}

API cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind)
{
    return WITH_CONTEXT(copy(to, from, bytes, kind, NULL, true));
}

API cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream)
{
    return WITH_CONTEXT(copy(to, from, bytes, kind, stream, false));
}

static CUresult copy_rows(char *to, size_t to_pitch, const char *from, size_t from_pitch, size_t width, size_t height,
                          cudaMemcpyKind kind)
{
    if (width > to_pitch || width > from_pitch)
        return CUDA_ERROR_INVALID_PITCH;
    CUresult result = CUDA_SUCCESS;
    for (size_t y = 0; y < height && !result; y++)
        result = copy(to + y * to_pitch, from + y * from_pitch, width, kind, NULL, true);
    return result;
}

API cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                             cudaMemcpyKind kind)
{
    return WITH_CONTEXT(copy_rows(to, to_pitch, from, from_pitch, width, height, kind));
}

API cudaError_t cudaMemset(void *memory, int value, size_t bytes)
{
    return WITH_CONTEXT(fill_memory(memory, (uint8_t)value, 1, bytes, NULL, true));
}

API cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
    return WITH_CONTEXT(fill_memory(memory, (uint8_t)value, 1, bytes, stream, false));
}

static CUresult fill_rows(char *memory, size_t pitch, int value, size_t width, size_t height)
{
    CUresult result = width > pitch ? CUDA_ERROR_INVALID_PITCH : CUDA_SUCCESS;
    for (size_t y = 0; y < height && !result; y++)
        result = fill_memory(memory + y * pitch, (uint8_t)value, 1, width, NULL, true);
    return result;
}

API cudaError_t cudaMemset2D(void *memory, size_t pitch, int value, size_t width, size_t height)
{
    return WITH_CONTEXT(fill_rows(memory, pitch, value, width, height));
}

/* ---- Symbols ------------------------------------------------------------------------------------- */
static CUresult symbol_range(const void *symbol, size_t bytes, size_t offset, char **memory)
{
    size_t size;
    CUresult result = registered_variable(symbol, (void **)memory, &size);
    if (result)
        return result;
    if (offset > size || bytes > size - offset)
        return CUDA_ERROR_INVALID_VALUE;
    *memory += offset;
    return CUDA_SUCCESS;
}

static CUresult copy_symbol(const void *symbol, void *to, const void *from, size_t bytes, size_t offset,
                            cudaMemcpyKind kind, cudaStream_t stream, bool wait)
{
    char *memory;
    CUresult result = symbol_range(symbol, bytes, offset, &memory);
    return result ? result : copy(to ? to : memory, to ? memory : from, bytes, kind, stream, wait);
}

API cudaError_t cudaMemcpyToSymbol(const void *symbol, const void *from, size_t bytes, size_t offset, cudaMemcpyKind kind)
{
    return WITH_CONTEXT(copy_symbol(symbol, NULL, from, bytes, offset, kind, NULL, true));
}

API cudaError_t cudaMemcpyToSymbolAsync(const void *symbol, const void *from, size_t bytes, size_t offset,
                                        cudaMemcpyKind kind, cudaStream_t stream)
{
    return WITH_CONTEXT(copy_symbol(symbol, NULL, from, bytes, offset, kind, stream, false));
}

API cudaError_t cudaMemcpyFromSymbol(void *to, const void *symbol, size_t bytes, size_t offset, cudaMemcpyKind kind)
{
    return WITH_CONTEXT(!to ? CUDA_ERROR_INVALID_VALUE : copy_symbol(symbol, to, NULL, bytes, offset, kind, NULL, true));
}

API cudaError_t cudaMemcpyFromSymbolAsync(void *to, const void *symbol, size_t bytes, size_t offset, cudaMemcpyKind kind,
                                          cudaStream_t stream)
{
    return WITH_CONTEXT(!to ? CUDA_ERROR_INVALID_VALUE : copy_symbol(symbol, to, NULL, bytes, offset, kind, stream, false));
}

API cudaError_t cudaGetSymbolAddress(void **memory, const void *symbol)
{
    size_t bytes;
    return WITH_CONTEXT(!memory ? CUDA_ERROR_INVALID_VALUE : registered_variable(symbol, memory, &bytes));
}

API cudaError_t cudaGetSymbolSize(size_t *bytes, const void *symbol)
{
    void *memory;
    return WITH_CONTEXT(!bytes ? CUDA_ERROR_INVALID_VALUE : registered_variable(symbol, &memory, bytes));
}

API cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *attributes, const void *memory)
{
    static const cudaMemoryType types[] = {cudaMemoryTypeDevice, cudaMemoryTypeHost, cudaMemoryTypeManaged};
    allocation found;
    if (!attributes)
        return note(CUDA_ERROR_INVALID_VALUE);
    *attributes = (cudaPointerAttributes){.type = cudaMemoryTypeUnregistered, .hostPointer = (void *)memory};
    if (!allocation_find(memory, &found))
        return cudaSuccess;
    attributes->type = types[found.kind];
    attributes->devicePointer = (void *)memory;
    attributes->hostPointer = found.kind == MEMORY_DEVICE ? NULL : (void *)memory;
    return cudaSuccess;
}

API cudaError_t cudaMemPrefetchAsync(const void *memory, size_t bytes, int device, cudaStream_t stream)
{
    (void)stream;
    allocation found;
    bool known = allocation_find(memory, &found) && bytes && (device == cudaCpuDeviceId || device_is_valid(device));
    return WITH_CONTEXT(known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
}

API cudaError_t cudaMemAdvise(const void *memory, size_t bytes, cudaMemoryAdvise advice, int device)
{
    (void)advice;
    return cudaMemPrefetchAsync(memory, bytes, device, NULL);
}

/* ---- Streams and events -------------------------------------------------------------------------- */
API cudaError_t cudaStreamCreate(cudaStream_t *stream) { return WITH_CONTEXT(cuStreamCreate(stream, 0)); }

API cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    return WITH_CONTEXT(cuStreamCreate(stream, flags));
}

API cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int priority)
{
    return WITH_CONTEXT(cuStreamCreateWithPriority(stream, flags, priority));
}

API cudaError_t cudaStreamDestroy(cudaStream_t stream) { return WITH_CONTEXT(cuStreamDestroy(stream)); }
API cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return WITH_CONTEXT(cuStreamSynchronize(stream)); }

/* Not being ready is an answer, not an error. */
static cudaError_t answer(CUresult result) { return result == CUDA_ERROR_NOT_READY ? cudaErrorNotReady : note(result); }

API cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    CUresult ready = context_ensure();
    return answer(ready ? ready : cuStreamQuery(stream));
}

API cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
    return WITH_CONTEXT(cuStreamWaitEvent(stream, event, flags));
}

API cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t function, void *user_data, unsigned flags)
{
    return WITH_CONTEXT(cuStreamAddCallback(stream, (CUstreamCallback)function, user_data, flags));
}

API cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void *user_data)
{
    return WITH_CONTEXT(cuLaunchHostFunc(stream, function, user_data));
}

API cudaError_t cudaEventCreate(cudaEvent_t *event) { return WITH_CONTEXT(cuEventCreate(event, 0)); }
API cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) { return WITH_CONTEXT(cuEventCreate(event, flags)); }
API cudaError_t cudaEventDestroy(cudaEvent_t event) { return WITH_CONTEXT(cuEventDestroy(event)); }
API cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) { return WITH_CONTEXT(cuEventRecord(event, stream)); }
API cudaError_t cudaEventSynchronize(cudaEvent_t event) { return WITH_CONTEXT(cuEventSynchronize(event)); }

API cudaError_t cudaEventQuery(cudaEvent_t event)
{
    CUresult ready = context_ensure();
    return answer(ready ? ready : cuEventQuery(event));
}

API cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end)
{
    return answer(cuEventElapsedTime(milliseconds, start, end));
}

/* ---- Kernels ------------------------------------------------------------------------------------- */
static CUresult launch(const void *function, dim3 grid, dim3 block, void **arguments, size_t shared_bytes, cudaStream_t stream)
{
    kernel *k;
    CUresult result = registered_kernel(function, &k);
    if (result)
        return result;
    unsigned g[3] = {grid.x, grid.y, grid.z}, b[3] = {block.x, block.y, block.z};
    result = launch_kernel(k, g, b, (unsigned)shared_bytes, stream, arguments, NULL, 0);
    return result == CUDA_ERROR_INVALID_VALUE ? CUDA_ERROR_INVALID_CONFIGURATION : result;
}

API cudaError_t cudaLaunchKernel(const void *function, dim3 grid, dim3 block, void **arguments, size_t shared_bytes,
                                 cudaStream_t stream)
{
    return WITH_CONTEXT(launch(function, grid, block, arguments, shared_bytes, stream));
}

API cudaError_t cudaFuncSetAttribute(const void *function, cudaFuncAttribute attribute, int value)
{
    kernel *k;
    CUresult result = registered_kernel(function, &k);
    return note(result ? result : cuFuncSetAttribute((CUfunction)k, (CUfunction_attribute)attribute, value));
}

API cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, const void *function)
{
    kernel *k;
    CUresult result = attributes ? registered_kernel(function, &k) : CUDA_ERROR_INVALID_VALUE;
    if (result)
        return note(result);
    *attributes = (cudaFuncAttributes){.sharedSizeBytes = (size_t)k->program->m->shared_bytes,
                                       .localSizeBytes = (size_t)k->f->local_bytes,
                                       .maxThreadsPerBlock = k->f->max_threads ? k->f->max_threads : GRID_MAX_THREADS,
                                       .numRegs = 32, .ptxVersion = k->program->m->sm, .binaryVersion = 80,
                                       .maxDynamicSharedSizeBytes = (int)k->dynamic_limit};
    return cudaSuccess;
}

API cudaError_t cudaFuncSetCacheConfig(const void *function, cudaFuncCache config)
{
    kernel *k;
    (void)config;
    return note(registered_kernel(function, &k));
}

API cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *function, int threads,
                                                              size_t shared_bytes)
{
    kernel *k;
    CUresult result = registered_kernel(function, &k);
    return note(result ? result : cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, (CUfunction)k, threads, shared_bytes));
}
