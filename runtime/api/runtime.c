/* The runtime API over the driver API: a context that is made when needed, and a last error. */
#include "runtime/api/runtime.h"
#include <stdio.h>
#include <string.h>

static _Thread_local cudaError_t last_error;

cudaError_t runtime_note(CUresult result)
{
    if (result)
        last_error = (cudaError_t)result;
    return (cudaError_t)result;
}

#define note runtime_note

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
    p->surfaceAlignment = p->textureAlignment;
    p->texturePitchAlignment = 32;
    p->maxTexture1D = p->maxTexture1DLinear = p->maxTexture2D[0] = p->maxTexture2D[1] = p->maxSurface1D = 131072;
    p->maxTexture2DLinear[0] = p->maxTexture2DLinear[1] = p->maxSurface2D[0] = p->maxSurface2D[1] = 131072;
    for (int i = 0; i < 3; i++) {
        p->maxTexture3D[i] = p->maxSurface3D[i] = 16384;
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
    p->globalL1CacheSupported = p->localL1CacheSupported = p->memoryPoolsSupported = p->hostRegisterSupported = 1;
    p->cooperativeLaunch = p->hostNativeAtomicSupported = p->canUseHostPointerForRegisteredMem = 1;
    p->pageableMemoryAccessUsesHostPageTables = p->directManagedMemAccessFromHost = 1;
    p->singleToDoublePrecisionPerfRatio = 2;
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
    cuDeviceGetUuid(&properties->uuid, device);
    properties->pciBusID = device + 1;
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
    return WITH_CONTEXT(cuCtxGetStreamPriorityRange(least, greatest));
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
#define X(name, code, text) case name: return #name;
    CAIRN_CUDART_ERRORS(X)
#undef X
    }
    return "unrecognized error code";
}

API const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
#define X(driver, runtime, code, text) case runtime: return text;
    CAIRN_CUDA_ERRORS(X)
#undef X
#define X(name, code, text) case name: return text;
    CAIRN_CUDART_ERRORS(X)
#undef X
    }
    return "unrecognized error code";
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

API cudaError_t cudaHostRegister(void *memory, size_t bytes, unsigned flags)
{
    return WITH_CONTEXT(cuMemHostRegister(memory, bytes, flags));
}

API cudaError_t cudaHostUnregister(void *memory) { return WITH_CONTEXT(cuMemHostUnregister(memory)); }
API cudaError_t cudaHostGetFlags(unsigned *flags, void *memory) { return WITH_CONTEXT(cuMemHostGetFlags(flags, memory)); }
API cudaError_t cudaFree(void *memory) { return WITH_CONTEXT(cuMemFree((CUdeviceptr)memory)); }
API cudaError_t cudaFreeHost(void *memory) { return WITH_CONTEXT(memory ? cuMemFreeHost(memory) : CUDA_SUCCESS); }
API cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) { return WITH_CONTEXT(cuMemGetInfo(free_bytes, total)); }

static CUresult copy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream, bool wait)
{
    return !is_copy_kind(kind) ? CUDA_ERROR_INVALID_DIRECTION : copy_memory(to, from, bytes, stream, wait);
}

API cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind)
{
    return WITH_CONTEXT(copy(to, from, bytes, kind, NULL, true));
}

API cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream)
{
    return WITH_CONTEXT(copy(to, from, bytes, kind, stream, false));
}

API cudaError_t cudaMemset(void *memory, int value, size_t bytes)
{
    return WITH_CONTEXT(fill_memory(memory, (uint8_t)value, 1, bytes, NULL, true));
}

API cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
    return WITH_CONTEXT(fill_memory(memory, (uint8_t)value, 1, bytes, stream, false));
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
    return WITH_CONTEXT(cuMemPrefetchAsync((CUdeviceptr)memory, bytes, device, stream));
}

API cudaError_t cudaMemAdvise(const void *memory, size_t bytes, cudaMemoryAdvise advice, int device)
{
    return WITH_CONTEXT(cuMemAdvise((CUdeviceptr)memory, bytes, (CUmem_advise)advice, device));
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
API cudaError_t cudaStreamGetPriority(cudaStream_t stream, int *priority) { return WITH_CONTEXT(cuStreamGetPriority(stream, priority)); }
API cudaError_t cudaStreamGetFlags(cudaStream_t stream, unsigned *flags) { return WITH_CONTEXT(cuStreamGetFlags(stream, flags)); }

API cudaError_t cudaStreamAttachMemAsync(cudaStream_t stream, void *memory, size_t bytes, unsigned flags)
{
    return WITH_CONTEXT(cuStreamAttachMemAsync(stream, (CUdeviceptr)memory, bytes, flags));
}

API cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags)
{
    return WITH_CONTEXT(cuEventRecordWithFlags(event, stream, flags));
}

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
static CUresult launch(const void *function, launch_request r, cudaStream_t stream)
{
    CUresult result = registered_kernel(function, &r.kernel);
    if (result)
        return result;
    r.host_function = function;
    result = issue_launch(&r, stream);
    return result == CUDA_ERROR_INVALID_VALUE ? CUDA_ERROR_INVALID_CONFIGURATION : result;
}

static launch_request request(dim3 grid, dim3 block, void **arguments, size_t shared_bytes)
{
    return (launch_request){.grid = {grid.x, grid.y, grid.z}, .block = {block.x, block.y, block.z}, .params = arguments,
                            .shared_bytes = shared_bytes > UINT32_MAX ? UINT32_MAX : (unsigned)shared_bytes};
}

API cudaError_t cudaLaunchKernel(const void *function, dim3 grid, dim3 block, void **arguments, size_t shared_bytes,
                                 cudaStream_t stream)
{
    return WITH_CONTEXT(launch(function, request(grid, block, arguments, shared_bytes), stream));
}

API cudaError_t cudaLaunchCooperativeKernel(const void *function, dim3 grid, dim3 block, void **arguments, size_t shared_bytes,
                                            cudaStream_t stream)
{
    launch_request r = request(grid, block, arguments, shared_bytes);
    r.cooperative = true;
    return WITH_CONTEXT(launch(function, r, stream));
}

static CUresult launch_with(const cudaLaunchConfig_t *c, const void *function, void **arguments)
{
    if (!c)
        return CUDA_ERROR_INVALID_VALUE;
    launch_request r = request(c->gridDim, c->blockDim, arguments, c->dynamicSmemBytes);
    for (unsigned i = 0; i < c->numAttrs; i++) {
        const cudaLaunchAttributeValue *v = &c->attrs[i].val;
        if (c->attrs[i].id == cudaLaunchAttributeCooperative)
            r.cooperative = v->cooperative != 0;
        if (c->attrs[i].id == cudaLaunchAttributeClusterDimension && v->clusterDim.x * v->clusterDim.y * v->clusterDim.z > 1)
            return not_supported("a launch with clusters of blocks (sm_90)");
    }
    CUresult result = launch(function, r, c->stream);
    return result == CUDA_ERROR_INVALID_CONFIGURATION ? CUDA_ERROR_INVALID_VALUE : result; /* as the driver calls it */
}

API cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *function, void **arguments)
{
    return WITH_CONTEXT(launch_with(config, function, arguments));
}

/* A handle of the driver's from a host function. */
API cudaError_t cudaGetFuncBySymbol(cudaFunction_t *out, const void *function)
{
    return WITH_CONTEXT(out ? registered_kernel(function, (kernel **)out) : CUDA_ERROR_INVALID_VALUE);
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
    *attributes = (cudaFuncAttributes){.sharedSizeBytes = (size_t)k->f->shared_bytes,
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

API cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, const void *function, int threads,
                                                                       size_t shared_bytes, unsigned flags)
{
    return flags > 1 ? note(CUDA_ERROR_INVALID_VALUE)
                     : cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, shared_bytes);
}

API cudaError_t cudaOccupancyAvailableDynamicSMemPerBlock(size_t *bytes, const void *function, int blocks, int threads)
{
    kernel *k;
    if (!bytes || blocks < 1 || threads < 1)
        return note(CUDA_ERROR_INVALID_VALUE);
    CUresult result = registered_kernel(function, &k);
    size_t share = GRID_MAX_SHARED / (size_t)blocks;
    if (!result)
        *bytes = share > (size_t)k->f->shared_bytes ? share - (size_t)k->f->shared_bytes : 0;
    return note(result);
}

API cudaError_t cudaFuncSetSharedMemConfig(const void *function, cudaSharedMemConfig config)
{
    (void)config;
    return cudaFuncSetCacheConfig(function, cudaFuncCachePreferNone);
}
