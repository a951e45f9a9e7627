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
template <class T> static inline cudaError_t cudaOccupancyMaxPotentialBlockSize(int *grid, int *block, T function,
                                                                                size_t shared_bytes = 0, int limit = 0)
{
    int cores = 1;
    cudaError_t error = cudaDeviceGetAttribute(&cores, cudaDevAttrMultiProcessorCount, 0);
    (void)function;
    (void)shared_bytes;
    *block = limit > 0 && limit < 256 ? limit : 256;
    *grid = cores * 8;
    return error;
}
static inline cudaError_t cudaEventCreate(cudaEvent_t *event, unsigned flags) { return cudaEventCreateWithFlags(event, flags); }
#endif

#if defined(__CUDA__)
#include "cairn_device.h"
#endif
#endif
