/* The CUDA driver API as Cairn's runtime provides it (libcairn-cuda, also installed as libcuda.so.1).
 *
 * Types, constants and functions keep CUDA's names, values and binary layout, so that programs built
 * against NVIDIA's header run on this library. What is declared here works; what is missing is listed
 * in docs/runtime.md. Every function may be called from any thread. */
#ifndef __cuda_cuda_h__
#define __cuda_cuda_h__
#include <stddef.h>
#include <stdint.h>
#include "cuda_errors.h"

#define CUDA_VERSION 12040
#define CUDAAPI
#define CU_IPC_HANDLE_SIZE 64

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cudaError_enum {
#define X(driver, runtime, code, text) driver = code,
    CAIRN_CUDA_ERRORS(X)
#undef X
} CUresult;

typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUuuid_st { char bytes[16]; } CUuuid;
typedef void (*CUhostFn)(void *user_data);
typedef void (*CUstreamCallback)(CUstream stream, CUresult status, void *user_data);

#define CU_STREAM_LEGACY ((CUstream)0x1)
#define CU_STREAM_PER_THREAD ((CUstream)0x2)
#define CU_LAUNCH_PARAM_END ((void *)0x00)
#define CU_LAUNCH_PARAM_BUFFER_POINTER ((void *)0x01)
#define CU_LAUNCH_PARAM_BUFFER_SIZE ((void *)0x02)
#define CU_MEMHOSTALLOC_PORTABLE 0x01
#define CU_MEMHOSTALLOC_DEVICEMAP 0x02
#define CU_MEMHOSTALLOC_WRITECOMBINED 0x04

enum { CU_STREAM_DEFAULT = 0, CU_STREAM_NON_BLOCKING = 1 };
enum { CU_EVENT_DEFAULT = 0, CU_EVENT_BLOCKING_SYNC = 1, CU_EVENT_DISABLE_TIMING = 2, CU_EVENT_INTERPROCESS = 4 };
enum { CU_MEM_ATTACH_GLOBAL = 1, CU_MEM_ATTACH_HOST = 2, CU_MEM_ATTACH_SINGLE = 4 };

/* Attributes of a device: X(name, number). Those not listed give CUDA_ERROR_INVALID_VALUE. */
typedef enum CUdevice_attribute_enum {
    CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 1,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X = 2,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y = 3,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z = 4,
    CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X = 5,
    CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y = 6,
    CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z = 7,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK = 8,
    CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY = 9,
    CU_DEVICE_ATTRIBUTE_WARP_SIZE = 10,
    CU_DEVICE_ATTRIBUTE_MAX_PITCH = 11,
    CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK = 12,
    CU_DEVICE_ATTRIBUTE_CLOCK_RATE = 13,
    CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT = 14,
    CU_DEVICE_ATTRIBUTE_GPU_OVERLAP = 15,
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
    CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT = 17,
    CU_DEVICE_ATTRIBUTE_INTEGRATED = 18,
    CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY = 19,
    CU_DEVICE_ATTRIBUTE_COMPUTE_MODE = 20,
    CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS = 31,
    CU_DEVICE_ATTRIBUTE_ECC_ENABLED = 32,
    CU_DEVICE_ATTRIBUTE_PCI_BUS_ID = 33,
    CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID = 34,
    CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE = 36,
    CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH = 37,
    CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE = 38,
    CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR = 39,
    CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT = 40,
    CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING = 41,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
    CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED = 78,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR = 81,
    CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR = 82,
    CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY = 83,
    CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS = 88,
    CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS = 89,
    CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH = 95,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR = 106
} CUdevice_attribute;

typedef enum CUfunction_attribute_enum {
    CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 0,
    CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES = 1,
    CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES = 2,
    CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES = 3,
    CU_FUNC_ATTRIBUTE_NUM_REGS = 4,
    CU_FUNC_ATTRIBUTE_PTX_VERSION = 5,
    CU_FUNC_ATTRIBUTE_BINARY_VERSION = 6,
    CU_FUNC_ATTRIBUTE_CACHE_MODE_CA = 7,
    CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
    CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT = 9
} CUfunction_attribute;

typedef enum CUjit_option_enum { CU_JIT_MAX_REGISTERS = 0 } CUjit_option;
typedef enum CUfunc_cache_enum {
    CU_FUNC_CACHE_PREFER_NONE = 0, CU_FUNC_CACHE_PREFER_SHARED, CU_FUNC_CACHE_PREFER_L1, CU_FUNC_CACHE_PREFER_EQUAL
} CUfunc_cache;
typedef enum CUdriverProcAddressQueryResult_enum {
    CU_GET_PROC_ADDRESS_SUCCESS = 0, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND = 1,
    CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT = 2
} CUdriverProcAddressQueryResult;

/* ---- Every entry point: X(name, arguments). ------------------------------------------------------
 * One list declares them, and answers cuGetProcAddress. */
#define CAIRN_CUDA_DRIVER(X)                                                                          \
    X(cuInit, (unsigned flags))                                                                       \
    X(cuDriverGetVersion, (int *version))                                                             \
    X(cuGetErrorName, (CUresult error, const char **text))                                            \
    X(cuGetErrorString, (CUresult error, const char **text))                                          \
    X(cuGetProcAddress_v2, (const char *symbol, void **function, int version, uint64_t flags,         \
                            CUdriverProcAddressQueryResult *found))                                   \
    X(cuDeviceGet, (CUdevice * device, int ordinal))                                                  \
    X(cuDeviceGetCount, (int *count))                                                                 \
    X(cuDeviceGetName, (char *name, int length, CUdevice device))                                     \
    X(cuDeviceGetUuid, (CUuuid * uuid, CUdevice device))                                              \
    X(cuDeviceTotalMem_v2, (size_t *bytes, CUdevice device))                                          \
    X(cuDeviceGetAttribute, (int *value, CUdevice_attribute attribute, CUdevice device))              \
    X(cuDeviceComputeCapability, (int *major, int *minor, CUdevice device))                           \
    X(cuDevicePrimaryCtxRetain, (CUcontext * context, CUdevice device))                               \
    X(cuDevicePrimaryCtxRelease_v2, (CUdevice device))                                                \
    X(cuDevicePrimaryCtxReset_v2, (CUdevice device))                                                  \
    X(cuCtxCreate_v2, (CUcontext * context, unsigned flags, CUdevice device))                         \
    X(cuCtxDestroy_v2, (CUcontext context))                                                           \
    X(cuCtxSetCurrent, (CUcontext context))                                                           \
    X(cuCtxGetCurrent, (CUcontext * context))                                                         \
    X(cuCtxPushCurrent_v2, (CUcontext context))                                                       \
    X(cuCtxPopCurrent_v2, (CUcontext * context))                                                      \
    X(cuCtxGetDevice, (CUdevice * device))                                                            \
    X(cuCtxSynchronize, (void))                                                                       \
    X(cuModuleLoad, (CUmodule * module, const char *file))                                            \
    X(cuModuleLoadData, (CUmodule * module, const void *image))                                       \
    X(cuModuleLoadDataEx, (CUmodule * module, const void *image, unsigned count, CUjit_option *options, void **values)) \
    X(cuModuleLoadFatBinary, (CUmodule * module, const void *image))                                  \
    X(cuModuleUnload, (CUmodule module))                                                              \
    X(cuModuleGetFunction, (CUfunction * function, CUmodule module, const char *name))                \
    X(cuModuleGetGlobal_v2, (CUdeviceptr * address, size_t *bytes, CUmodule module, const char *name)) \
    X(cuFuncGetAttribute, (int *value, CUfunction_attribute attribute, CUfunction function))          \
    X(cuFuncSetAttribute, (CUfunction function, CUfunction_attribute attribute, int value))           \
    X(cuFuncSetCacheConfig, (CUfunction function, CUfunc_cache config))                               \
    X(cuLaunchKernel, (CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, \
                       unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream, void **params, \
                       void **extra))                                                                 \
    X(cuOccupancyMaxActiveBlocksPerMultiprocessor, (int *blocks, CUfunction function, int threads, size_t shared_bytes)) \
    X(cuMemGetInfo_v2, (size_t *free_bytes, size_t *total_bytes))                                     \
    X(cuMemAlloc_v2, (CUdeviceptr * address, size_t bytes))                                           \
    X(cuMemAllocPitch_v2, (CUdeviceptr * address, size_t *pitch, size_t width, size_t height, unsigned element)) \
    X(cuMemAllocManaged, (CUdeviceptr * address, size_t bytes, unsigned flags))                       \
    X(cuMemFree_v2, (CUdeviceptr address))                                                            \
    X(cuMemAllocHost_v2, (void **memory, size_t bytes))                                               \
    X(cuMemHostAlloc, (void **memory, size_t bytes, unsigned flags))                                  \
    X(cuMemFreeHost, (void *memory))                                                                  \
    X(cuMemHostGetDevicePointer_v2, (CUdeviceptr * address, void *memory, unsigned flags))            \
    X(cuMemGetAddressRange_v2, (CUdeviceptr * base, size_t *bytes, CUdeviceptr address))              \
    X(cuMemcpy, (CUdeviceptr to, CUdeviceptr from, size_t bytes))                                     \
    X(cuMemcpyHtoD_v2, (CUdeviceptr to, const void *from, size_t bytes))                              \
    X(cuMemcpyDtoH_v2, (void *to, CUdeviceptr from, size_t bytes))                                    \
    X(cuMemcpyDtoD_v2, (CUdeviceptr to, CUdeviceptr from, size_t bytes))                              \
    X(cuMemcpyAsync, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream))               \
    X(cuMemcpyHtoDAsync_v2, (CUdeviceptr to, const void *from, size_t bytes, CUstream stream))        \
    X(cuMemcpyDtoHAsync_v2, (void *to, CUdeviceptr from, size_t bytes, CUstream stream))              \
    X(cuMemcpyDtoDAsync_v2, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream))        \
    X(cuMemsetD8_v2, (CUdeviceptr to, unsigned char value, size_t count))                             \
    X(cuMemsetD16_v2, (CUdeviceptr to, unsigned short value, size_t count))                           \
    X(cuMemsetD32_v2, (CUdeviceptr to, unsigned value, size_t count))                                 \
    X(cuMemsetD8Async, (CUdeviceptr to, unsigned char value, size_t count, CUstream stream))          \
    X(cuMemsetD32Async, (CUdeviceptr to, unsigned value, size_t count, CUstream stream))              \
    X(cuStreamCreate, (CUstream * stream, unsigned flags))                                            \
    X(cuStreamCreateWithPriority, (CUstream * stream, unsigned flags, int priority))                  \
    X(cuStreamDestroy_v2, (CUstream stream))                                                          \
    X(cuStreamSynchronize, (CUstream stream))                                                         \
    X(cuStreamQuery, (CUstream stream))                                                               \
    X(cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned flags))                            \
    X(cuLaunchHostFunc, (CUstream stream, CUhostFn function, void *user_data))                        \
    X(cuStreamAddCallback, (CUstream stream, CUstreamCallback function, void *user_data, unsigned flags)) \
    X(cuEventCreate, (CUevent * event, unsigned flags))                                               \
    X(cuEventDestroy_v2, (CUevent event))                                                             \
    X(cuEventRecord, (CUevent event, CUstream stream))                                                \
    X(cuEventSynchronize, (CUevent event))                                                            \
    X(cuEventQuery, (CUevent event))                                                                  \
    X(cuEventElapsedTime, (float *milliseconds, CUevent start, CUevent end))

#define X(name, arguments) CUresult CUDAAPI name arguments;
CAIRN_CUDA_DRIVER(X)
#undef X

/* CUDA's headers map the plain names to the versions above. */
#define cuGetProcAddress cuGetProcAddress_v2
#define cuDeviceTotalMem cuDeviceTotalMem_v2
#define cuDevicePrimaryCtxRelease cuDevicePrimaryCtxRelease_v2
#define cuDevicePrimaryCtxReset cuDevicePrimaryCtxReset_v2
#define cuCtxCreate cuCtxCreate_v2
#define cuCtxDestroy cuCtxDestroy_v2
#define cuCtxPushCurrent cuCtxPushCurrent_v2
#define cuCtxPopCurrent cuCtxPopCurrent_v2
#define cuModuleGetGlobal cuModuleGetGlobal_v2
#define cuMemGetInfo cuMemGetInfo_v2
#define cuMemAlloc cuMemAlloc_v2
#define cuMemAllocPitch cuMemAllocPitch_v2
#define cuMemFree cuMemFree_v2
#define cuMemAllocHost cuMemAllocHost_v2
#define cuMemHostGetDevicePointer cuMemHostGetDevicePointer_v2
#define cuMemGetAddressRange cuMemGetAddressRange_v2
#define cuMemcpyHtoD cuMemcpyHtoD_v2
#define cuMemcpyDtoH cuMemcpyDtoH_v2
#define cuMemcpyDtoD cuMemcpyDtoD_v2
#define cuMemcpyHtoDAsync cuMemcpyHtoDAsync_v2
#define cuMemcpyDtoHAsync cuMemcpyDtoHAsync_v2
#define cuMemcpyDtoDAsync cuMemcpyDtoDAsync_v2
#define cuMemsetD8 cuMemsetD8_v2
#define cuMemsetD16 cuMemsetD16_v2
#define cuMemsetD32 cuMemsetD32_v2
#define cuStreamDestroy cuStreamDestroy_v2
#define cuEventDestroy cuEventDestroy_v2

#ifdef __cplusplus
}
#endif
#endif
