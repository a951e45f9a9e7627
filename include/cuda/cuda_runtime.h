/* The CUDA runtime for programs. Compiled as CUDA (`cairn cc`), it brings the device side too: thread
 * numbers, math, atomics, warp intrinsics. */
#ifndef CAIRN_CUDA_RUNTIME_H
#define CAIRN_CUDA_RUNTIME_H
#include "cuda_runtime_api.h"
#include "vector_functions.h"

#ifdef __cplusplus
/* Typed forms of calls that take addresses of anything. */
template <class T> static inline cudaError_t cudaMalloc(T **memory, size_t bytes)
{
    return cudaMalloc((void **)memory, bytes);
}
template <class T> static inline cudaError_t cudaMallocManaged(T **memory, size_t bytes, unsigned flags = cudaMemAttachGlobal)
{
    return cudaMallocManaged((void **)memory, bytes, flags);
}
template <class T> static inline cudaError_t cudaMallocHost(T **memory, size_t bytes, unsigned flags = 0)
{
    return cudaHostAlloc((void **)memory, bytes, flags);
}
template <class T> static inline cudaError_t cudaHostAlloc(T **memory, size_t bytes, unsigned flags)
{
    return cudaHostAlloc((void **)memory, bytes, flags);
}
template <class T> static inline cudaError_t cudaMallocAsync(T **memory, size_t bytes, cudaStream_t stream)
{
    return cudaMallocAsync((void **)memory, bytes, stream);
}
template <class T> static inline cudaError_t cudaMallocPitch(T **memory, size_t *pitch, size_t width, size_t height)
{
    return cudaMallocPitch((void **)memory, pitch, width, height);
}
template <class T> static inline cudaError_t cudaHostGetDevicePointer(T **device, void *host, unsigned flags)
{
    return cudaHostGetDevicePointer((void **)device, host, flags);
}
template <class T> static inline cudaError_t cudaMemcpyToSymbol(const T &symbol, const void *from, size_t bytes,
                                                                size_t offset = 0,
                                                                cudaMemcpyKind kind = cudaMemcpyHostToDevice)
{
    return cudaMemcpyToSymbol((const void *)&symbol, from, bytes, offset, kind);
}
template <class T> static inline cudaError_t cudaMemcpyFromSymbol(void *to, const T &symbol, size_t bytes,
                                                                  size_t offset = 0,
                                                                  cudaMemcpyKind kind = cudaMemcpyDeviceToHost)
{
    return cudaMemcpyFromSymbol(to, (const void *)&symbol, bytes, offset, kind);
}
template <class T> static inline cudaError_t cudaGetSymbolAddress(void **memory, const T &symbol)
{
    return cudaGetSymbolAddress(memory, (const void *)&symbol);
}
template <class T> static inline cudaError_t cudaGetSymbolSize(size_t *bytes, const T &symbol)
{
    return cudaGetSymbolSize(bytes, (const void *)&symbol);
}
template <class T> static inline cudaError_t cudaLaunchKernel(T *function, dim3 grid, dim3 block, void **arguments,
                                                              size_t shared_bytes = 0, cudaStream_t stream = 0)
{
    return cudaLaunchKernel((const void *)function, grid, block, arguments, shared_bytes, stream);
}
template <class T> static inline cudaError_t cudaFuncSetAttribute(T *function, cudaFuncAttribute attribute, int value)
{
    return cudaFuncSetAttribute((const void *)function, attribute, value);
}
template <class T> static inline cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, T *function)
{
    return cudaFuncGetAttributes(attributes, (const void *)function);
}
template <class T> static inline cudaError_t cudaFuncSetCacheConfig(T *function, cudaFuncCache config)
{
    return cudaFuncSetCacheConfig((const void *)function, config);
}
template <class T> static inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, T *function,
                                                                                            int threads, size_t shared_bytes)
{
    return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, (const void *)function, threads, shared_bytes);
}
/* Blocks of 256 threads suit every kernel here: a block runs on one core. */
template <class F, class T> static inline cudaError_t cudaOccupancyMaxPotentialBlockSizeVariableSMem(int *grid, int *block, T function,
                                                                                                     F shared_of, int limit = 0)
{
    int cores = 1, active = 0;
    cudaFuncAttributes attributes;
    cudaError_t error = cudaFuncGetAttributes(&attributes, (const void *)function);
    if (!error)
        error = cudaDeviceGetAttribute(&cores, cudaDevAttrMultiProcessorCount, 0);
    if (error)
        return error;
    int threads = attributes.maxThreadsPerBlock < 256 ? attributes.maxThreadsPerBlock : 256;
    threads = limit > 0 && limit < threads ? limit : threads;
    error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&active, (const void *)function, threads, (size_t)shared_of(threads));
    *block = threads;
    *grid = active * cores;
    return error;
}
template <class T> static inline cudaError_t cudaOccupancyMaxPotentialBlockSize(int *grid, int *block, T function,
                                                                                size_t shared_bytes = 0, int limit = 0)
{
    return cudaOccupancyMaxPotentialBlockSizeVariableSMem(grid, block, function, [=](int) { return shared_bytes; }, limit);
}
template <class T> static inline cudaError_t cudaOccupancyMaxPotentialBlockSizeWithFlags(int *grid, int *block, T function,
                                                                                         size_t shared_bytes = 0, int limit = 0,
                                                                                         unsigned flags = 0)
{
    return flags > 1 ? cudaErrorInvalidValue : cudaOccupancyMaxPotentialBlockSize(grid, block, function, shared_bytes, limit);
}
template <class T> static inline cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, T *function, int threads,
                                                                                                     size_t shared_bytes, unsigned flags)
{
    return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, (const void *)function, threads, shared_bytes, flags);
}
template <class T> static inline cudaError_t cudaOccupancyAvailableDynamicSMemPerBlock(size_t *bytes, T *function, int blocks, int threads)
{
    return cudaOccupancyAvailableDynamicSMemPerBlock(bytes, (const void *)function, blocks, threads);
}
template <class T> static inline cudaError_t cudaFuncSetSharedMemConfig(T *function, cudaSharedMemConfig config)
{
    return cudaFuncSetSharedMemConfig((const void *)function, config);
}
template <class T> static inline cudaError_t cudaLaunchCooperativeKernel(T *function, dim3 grid, dim3 block, void **arguments,
                                                                         size_t shared_bytes = 0, cudaStream_t stream = 0)
{
    return cudaLaunchCooperativeKernel((const void *)function, grid, block, arguments, shared_bytes, stream);
}
/* Arguments are converted to the kernel's own types before their addresses are taken. */
template <class... P, class... A> static inline cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(P...),
                                                                               A &&...arguments)
{
    return [&](P... converted) {
        void *pointers[sizeof...(P) + 1] = {(void *)&converted..., nullptr};
        return cudaLaunchKernelExC(config, (const void *)kernel, pointers);
    }(static_cast<A &&>(arguments)...);
}
template <class T> static inline cudaError_t cudaGetFuncBySymbol(cudaFunction_t *out, T *function)
{
    return cudaGetFuncBySymbol(out, (const void *)function);
}

template <class T> static inline cudaError_t cudaMallocFromPoolAsync(T **memory, size_t bytes, cudaMemPool_t pool, cudaStream_t stream)
{
    return cudaMallocFromPoolAsync((void **)memory, bytes, pool, stream);
}
static inline cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaMemPool_t pool, cudaStream_t stream)
{
    return cudaMallocFromPoolAsync(memory, bytes, pool, stream);
}
template <class T> static inline cudaError_t cudaMallocAsync(T **memory, size_t bytes, cudaMemPool_t pool, cudaStream_t stream)
{
    return cudaMallocFromPoolAsync((void **)memory, bytes, pool, stream);
}
template <class T> static inline cudaError_t cudaMemcpyToSymbolAsync(const T &symbol, const void *from, size_t bytes, size_t offset = 0,
                                                                     cudaMemcpyKind kind = cudaMemcpyHostToDevice,
                                                                     cudaStream_t stream = 0)
{
    return cudaMemcpyToSymbolAsync((const void *)&symbol, from, bytes, offset, kind, stream);
}
template <class T> static inline cudaError_t cudaMemcpyFromSymbolAsync(void *to, const T &symbol, size_t bytes, size_t offset = 0,
                                                                       cudaMemcpyKind kind = cudaMemcpyDeviceToHost,
                                                                       cudaStream_t stream = 0)
{
    return cudaMemcpyFromSymbolAsync(to, (const void *)&symbol, bytes, offset, kind, stream);
}
template <class T, class M> static inline cudaError_t cudaGetSymbolAddress(M **memory, const T &symbol)
{
    return cudaGetSymbolAddress((void **)memory, (const void *)&symbol);
}
template <class T> static inline cudaError_t cudaStreamAttachMemAsync(cudaStream_t stream, T *memory, size_t bytes = 0,
                                                                      unsigned flags = cudaMemAttachSingle)
{
    return cudaStreamAttachMemAsync(stream, (void *)memory, bytes, flags);
}
/* Places are named by their type too. */
static inline cudaError_t cudaMemPrefetchAsync(const void *memory, size_t bytes, cudaMemLocation place, unsigned flags,
                                               cudaStream_t stream = 0)
{
    (void)flags;
    return cudaMemPrefetchAsync(memory, bytes, place.type == cudaMemLocationTypeHost ? cudaCpuDeviceId : place.id, stream);
}
static inline cudaError_t cudaMemAdvise(const void *memory, size_t bytes, cudaMemoryAdvise advice, cudaMemLocation place)
{
    return cudaMemAdvise(memory, bytes, advice, place.type == cudaMemLocationTypeHost ? cudaCpuDeviceId : place.id);
}

/* The forms of CUDA 11. */
static inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, cudaGraphNode_t *, char *, size_t)
{
    return cudaGraphInstantiate(exec, graph, 0);
}
static inline cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph, cudaGraphNode_t *at,
                                              cudaGraphExecUpdateResult *result)
{
    cudaGraphExecUpdateResultInfo info;
    cudaError_t error = cudaGraphExecUpdate(exec, graph, &info);
    if (at)
        *at = info.errorNode;
    if (result)
        *result = info.result;
    return error;
}

/* ---- Formats of arrays --------------------------------------------------------------------------- */
template <class T> static inline cudaChannelFormatDesc cudaCreateChannelDesc()
{
    return cudaCreateChannelDesc(0, 0, 0, 0, cudaChannelFormatKindNone);
}
#define CAIRN_CHANNELS(type, bits, kind)                                                              \
    template <> inline cudaChannelFormatDesc cudaCreateChannelDesc<type>() { return cudaCreateChannelDesc(bits, 0, 0, 0, kind); }
#define CAIRN_CHANNELS_OF(type, bits, kind)                                                           \
    CAIRN_CHANNELS(type##1, bits, kind)                                                               \
    template <> inline cudaChannelFormatDesc cudaCreateChannelDesc<type##2>() { return cudaCreateChannelDesc(bits, bits, 0, 0, kind); } \
    template <> inline cudaChannelFormatDesc cudaCreateChannelDesc<type##4>() { return cudaCreateChannelDesc(bits, bits, bits, bits, kind); }
CAIRN_CHANNELS(char, 8, cudaChannelFormatKindSigned) CAIRN_CHANNELS(signed char, 8, cudaChannelFormatKindSigned)
CAIRN_CHANNELS(unsigned char, 8, cudaChannelFormatKindUnsigned) CAIRN_CHANNELS(short, 16, cudaChannelFormatKindSigned)
CAIRN_CHANNELS(unsigned short, 16, cudaChannelFormatKindUnsigned) CAIRN_CHANNELS(int, 32, cudaChannelFormatKindSigned)
CAIRN_CHANNELS(unsigned, 32, cudaChannelFormatKindUnsigned) CAIRN_CHANNELS(float, 32, cudaChannelFormatKindFloat)
CAIRN_CHANNELS_OF(char, 8, cudaChannelFormatKindSigned) CAIRN_CHANNELS_OF(uchar, 8, cudaChannelFormatKindUnsigned)
CAIRN_CHANNELS_OF(short, 16, cudaChannelFormatKindSigned) CAIRN_CHANNELS_OF(ushort, 16, cudaChannelFormatKindUnsigned)
CAIRN_CHANNELS_OF(int, 32, cudaChannelFormatKindSigned) CAIRN_CHANNELS_OF(uint, 32, cudaChannelFormatKindUnsigned)
CAIRN_CHANNELS_OF(float, 32, cudaChannelFormatKindFloat)
#undef CAIRN_CHANNELS
#undef CAIRN_CHANNELS_OF
static inline cudaChannelFormatDesc cudaCreateChannelDescHalf() { return cudaCreateChannelDesc(16, 0, 0, 0, cudaChannelFormatKindFloat); }

static inline cudaError_t cudaEventCreate(cudaEvent_t *event, unsigned flags) { return cudaEventCreateWithFlags(event, flags); }
#endif

static __inline__ cudaExtent make_cudaExtent(size_t width, size_t height, size_t depth)
{
    cudaExtent e = {width, height, depth};
    return e;
}
static __inline__ cudaPos make_cudaPos(size_t x, size_t y, size_t z)
{
    cudaPos p = {x, y, z};
    return p;
}
static __inline__ cudaPitchedPtr make_cudaPitchedPtr(void *memory, size_t pitch, size_t width, size_t height)
{
    cudaPitchedPtr p = {memory, pitch, width, height};
    return p;
}

#if defined(__CUDA__) && !defined(__CUDA_ARCH__) && defined(__cplusplus)
/* Before variables are registered: which of them are __managed__. Without any there is no such section. */
extern "C" {
extern char __start_cairn_managed[] __attribute__((weak, visibility("hidden")));
extern char __stop_cairn_managed[] __attribute__((weak, visibility("hidden")));
void __cudaRegisterManagedSection(char *begin, char *end);
}
__attribute__((constructor(101))) static void cairn_register_managed()
{
    if (__start_cairn_managed)
        __cudaRegisterManagedSection(__start_cairn_managed, __stop_cairn_managed);
}
#endif

#if defined(__CUDA__)
#include "cairn_device.h"
#ifdef __cplusplus
#include "cairn_dpx.h"
#include "cairn_texture_fetch.h"
#endif
#endif
#endif
