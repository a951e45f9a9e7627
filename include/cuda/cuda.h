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
#ifndef CAIRN_CUDA_UUID
#define CAIRN_CUDA_UUID
struct CUuuid_st { char bytes[16]; };
#endif
typedef struct CUuuid_st CUuuid;
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
#define CU_MEMHOSTREGISTER_PORTABLE 0x01
#define CU_MEMHOSTREGISTER_DEVICEMAP 0x02

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
    CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR = 106,
    CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_WIDTH = 21,
    CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_WIDTH = 22,
    CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_HEIGHT = 23,
    CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_WIDTH = 24,
    CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_HEIGHT = 25,
    CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_DEPTH = 26,
    CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT = 30,
    CU_DEVICE_ATTRIBUTE_TCC_DRIVER = 35,
    CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID = 50,
    CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT = 51,
    CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED = 79,
    CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED = 80,
    CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD = 84,
    CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD_GROUP_ID = 85,
    CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED = 86,
    CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO = 87,
    CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED = 90,
    CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM = 91,
    CU_DEVICE_ATTRIBUTE_COOPERATIVE_MULTI_DEVICE_LAUNCH = 96,
    CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED = 99,
    CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES = 100,
    CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST = 101,
    CU_DEVICE_ATTRIBUTE_MAX_PERSISTING_L2_CACHE_SIZE = 108,
    CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED = 115,
    CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH = 120
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

typedef enum CUjit_option_enum {
    CU_JIT_MAX_REGISTERS = 0, CU_JIT_THREADS_PER_BLOCK = 1, CU_JIT_WALL_TIME = 2, CU_JIT_INFO_LOG_BUFFER = 3,
    CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES = 4, CU_JIT_ERROR_LOG_BUFFER = 5, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6,
    CU_JIT_OPTIMIZATION_LEVEL = 7, CU_JIT_TARGET_FROM_CUCONTEXT = 8, CU_JIT_TARGET = 9, CU_JIT_FALLBACK_STRATEGY = 10,
    CU_JIT_GENERATE_DEBUG_INFO = 11, CU_JIT_LOG_VERBOSE = 12, CU_JIT_GENERATE_LINE_INFO = 13, CU_JIT_CACHE_MODE = 14
} CUjit_option;
typedef enum CUfunc_cache_enum {
    CU_FUNC_CACHE_PREFER_NONE = 0, CU_FUNC_CACHE_PREFER_SHARED, CU_FUNC_CACHE_PREFER_L1, CU_FUNC_CACHE_PREFER_EQUAL
} CUfunc_cache;
typedef enum CUdriverProcAddressQueryResult_enum {
    CU_GET_PROC_ADDRESS_SUCCESS = 0, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND = 1,
    CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT = 2
} CUdriverProcAddressQueryResult;

typedef struct CUarray_st *CUarray;
typedef struct CUmipmappedArray_st *CUmipmappedArray;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphNode_st *CUgraphNode;
typedef struct CUgraphExec_st *CUgraphExec;
typedef struct CUmemPoolHandle_st *CUmemoryPool;
typedef struct CUlinkState_st *CUlinkState;
typedef struct CUtexref_st *CUtexref;
typedef struct CUsurfref_st *CUsurfref;
typedef unsigned long long CUtexObject;
typedef unsigned long long CUsurfObject;

/* ---- Copies of rectangles and boxes, arrays, textures -------------------------------------------- */
typedef enum CUmemorytype_enum {
    CU_MEMORYTYPE_HOST = 1, CU_MEMORYTYPE_DEVICE = 2, CU_MEMORYTYPE_ARRAY = 3, CU_MEMORYTYPE_UNIFIED = 4
} CUmemorytype;
typedef enum CUarray_format_enum {
    CU_AD_FORMAT_UNSIGNED_INT8 = 0x01, CU_AD_FORMAT_UNSIGNED_INT16 = 0x02, CU_AD_FORMAT_UNSIGNED_INT32 = 0x03,
    CU_AD_FORMAT_SIGNED_INT8 = 0x08, CU_AD_FORMAT_SIGNED_INT16 = 0x09, CU_AD_FORMAT_SIGNED_INT32 = 0x0a,
    CU_AD_FORMAT_HALF = 0x10, CU_AD_FORMAT_FLOAT = 0x20
} CUarray_format;
typedef enum CUaddress_mode_enum {
    CU_TR_ADDRESS_MODE_WRAP = 0, CU_TR_ADDRESS_MODE_CLAMP = 1, CU_TR_ADDRESS_MODE_MIRROR = 2, CU_TR_ADDRESS_MODE_BORDER = 3
} CUaddress_mode;
typedef enum CUfilter_mode_enum { CU_TR_FILTER_MODE_POINT = 0, CU_TR_FILTER_MODE_LINEAR = 1 } CUfilter_mode;
typedef enum CUresourcetype_enum {
    CU_RESOURCE_TYPE_ARRAY = 0, CU_RESOURCE_TYPE_MIPMAPPED_ARRAY = 1, CU_RESOURCE_TYPE_LINEAR = 2, CU_RESOURCE_TYPE_PITCH2D = 3
} CUresourcetype;
#define CUDA_ARRAY3D_LAYERED 0x01
#define CUDA_ARRAY3D_SURFACE_LDST 0x02
#define CUDA_ARRAY3D_CUBEMAP 0x04
#define CUDA_ARRAY3D_TEXTURE_GATHER 0x08
#define CU_TRSA_OVERRIDE_FORMAT 0x01
#define CU_TRSF_READ_AS_INTEGER 0x01
#define CU_TRSF_NORMALIZED_COORDINATES 0x02
#define CU_TRSF_SRGB 0x10

typedef struct CUDA_MEMCPY2D_st {
    size_t srcXInBytes, srcY;
    CUmemorytype srcMemoryType;
    const void *srcHost;
    CUdeviceptr srcDevice;
    CUarray srcArray;
    size_t srcPitch, dstXInBytes, dstY;
    CUmemorytype dstMemoryType;
    void *dstHost;
    CUdeviceptr dstDevice;
    CUarray dstArray;
    size_t dstPitch, WidthInBytes, Height;
} CUDA_MEMCPY2D;
typedef struct CUDA_MEMCPY3D_st {
    size_t srcXInBytes, srcY, srcZ, srcLOD;
    CUmemorytype srcMemoryType;
    const void *srcHost;
    CUdeviceptr srcDevice;
    CUarray srcArray;
    void *reserved0;
    size_t srcPitch, srcHeight, dstXInBytes, dstY, dstZ, dstLOD;
    CUmemorytype dstMemoryType;
    void *dstHost;
    CUdeviceptr dstDevice;
    CUarray dstArray;
    void *reserved1;
    size_t dstPitch, dstHeight, WidthInBytes, Height, Depth;
} CUDA_MEMCPY3D;
typedef struct CUDA_ARRAY_DESCRIPTOR_st {
    size_t Width, Height;
    CUarray_format Format;
    unsigned NumChannels;
} CUDA_ARRAY_DESCRIPTOR;
typedef struct CUDA_ARRAY3D_DESCRIPTOR_st {
    size_t Width, Height, Depth;
    CUarray_format Format;
    unsigned NumChannels, Flags;
} CUDA_ARRAY3D_DESCRIPTOR;
typedef struct CUDA_RESOURCE_DESC_st {
    CUresourcetype resType;
    union {
        struct { CUarray hArray; } array;
        struct { CUmipmappedArray hMipmappedArray; } mipmap;
        struct { CUdeviceptr devPtr; CUarray_format format; unsigned numChannels; size_t sizeInBytes; } linear;
        struct { CUdeviceptr devPtr; CUarray_format format; unsigned numChannels; size_t width, height, pitchInBytes; } pitch2D;
        struct { int reserved[32]; } reserved;
    } res;
    unsigned flags;
} CUDA_RESOURCE_DESC;
typedef struct CUDA_TEXTURE_DESC_st {
    CUaddress_mode addressMode[3];
    CUfilter_mode filterMode;
    unsigned flags, maxAnisotropy;
    CUfilter_mode mipmapFilterMode;
    float mipmapLevelBias, minMipmapLevelClamp, maxMipmapLevelClamp, borderColor[4];
    int reserved[12];
} CUDA_TEXTURE_DESC;
typedef struct CUDA_RESOURCE_VIEW_DESC_st {
    int format;
    size_t width, height, depth;
    unsigned firstMipmapLevel, lastMipmapLevel, firstLayer, lastLayer, reserved[16];
} CUDA_RESOURCE_VIEW_DESC;

/* ---- Limits, peers, IPC, pools -------------------------------------------------------------------- */
typedef enum CUlimit_enum {
    CU_LIMIT_STACK_SIZE = 0, CU_LIMIT_PRINTF_FIFO_SIZE = 1, CU_LIMIT_MALLOC_HEAP_SIZE = 2, CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH = 3,
    CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT = 4, CU_LIMIT_MAX_L2_FETCH_GRANULARITY = 5, CU_LIMIT_PERSISTING_L2_CACHE_SIZE = 6
} CUlimit;
typedef enum CUdevice_P2PAttribute_enum {
    CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK = 1, CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED = 2,
    CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED = 3, CU_DEVICE_P2P_ATTRIBUTE_CUDA_ARRAY_ACCESS_SUPPORTED = 4
} CUdevice_P2PAttribute;
typedef enum CUpointer_attribute_enum {
    CU_POINTER_ATTRIBUTE_CONTEXT = 1, CU_POINTER_ATTRIBUTE_MEMORY_TYPE = 2, CU_POINTER_ATTRIBUTE_DEVICE_POINTER = 3,
    CU_POINTER_ATTRIBUTE_HOST_POINTER = 4, CU_POINTER_ATTRIBUTE_IS_MANAGED = 8, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL = 9,
    CU_POINTER_ATTRIBUTE_RANGE_START_ADDR = 11, CU_POINTER_ATTRIBUTE_RANGE_SIZE = 12
} CUpointer_attribute;
typedef enum CUmem_advise_enum {
    CU_MEM_ADVISE_SET_READ_MOSTLY = 1, CU_MEM_ADVISE_UNSET_READ_MOSTLY, CU_MEM_ADVISE_SET_PREFERRED_LOCATION,
    CU_MEM_ADVISE_UNSET_PREFERRED_LOCATION, CU_MEM_ADVISE_SET_ACCESSED_BY, CU_MEM_ADVISE_UNSET_ACCESSED_BY
} CUmem_advise;
#define CU_DEVICE_CPU ((CUdevice)-1)
typedef struct CUipcMemHandle_st { char reserved[CU_IPC_HANDLE_SIZE]; } CUipcMemHandle;
typedef struct CUipcEventHandle_st { char reserved[CU_IPC_HANDLE_SIZE]; } CUipcEventHandle;
typedef enum CUmemPool_attribute_enum {
    CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES = 1, CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC = 2,
    CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES = 3, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD = 4,
    CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT = 5, CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH = 6, CU_MEMPOOL_ATTR_USED_MEM_CURRENT = 7,
    CU_MEMPOOL_ATTR_USED_MEM_HIGH = 8
} CUmemPool_attribute;
typedef struct CUmemLocation_st { int type, id; } CUmemLocation;
typedef struct CUmemAccessDesc_st { CUmemLocation location; int flags; } CUmemAccessDesc;
typedef struct CUmemPoolProps_st {
    int allocType, handleTypes;
    CUmemLocation location;
    void *win32SecurityAttributes;
    size_t maxSize;
    unsigned short usage;
    unsigned char reserved[54];
} CUmemPoolProps;

/* ---- Graphs, launches with attributes, linking ---------------------------------------------------- */
typedef enum CUstreamCaptureStatus_enum {
    CU_STREAM_CAPTURE_STATUS_NONE = 0, CU_STREAM_CAPTURE_STATUS_ACTIVE = 1, CU_STREAM_CAPTURE_STATUS_INVALIDATED = 2
} CUstreamCaptureStatus;
typedef enum CUstreamCaptureMode_enum {
    CU_STREAM_CAPTURE_MODE_GLOBAL = 0, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1, CU_STREAM_CAPTURE_MODE_RELAXED = 2
} CUstreamCaptureMode;
typedef enum CUgraphNodeType_enum {
    CU_GRAPH_NODE_TYPE_KERNEL = 0, CU_GRAPH_NODE_TYPE_MEMCPY = 1, CU_GRAPH_NODE_TYPE_MEMSET = 2, CU_GRAPH_NODE_TYPE_HOST = 3,
    CU_GRAPH_NODE_TYPE_GRAPH = 4, CU_GRAPH_NODE_TYPE_EMPTY = 5, CU_GRAPH_NODE_TYPE_WAIT_EVENT = 6,
    CU_GRAPH_NODE_TYPE_EVENT_RECORD = 7
} CUgraphNodeType;
typedef enum CUgraphExecUpdateResult_enum {
    CU_GRAPH_EXEC_UPDATE_SUCCESS = 0, CU_GRAPH_EXEC_UPDATE_ERROR = 1, CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED = 2,
    CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED = 3, CU_GRAPH_EXEC_UPDATE_ERROR_FUNCTION_CHANGED = 4,
    CU_GRAPH_EXEC_UPDATE_ERROR_PARAMETERS_CHANGED = 5, CU_GRAPH_EXEC_UPDATE_ERROR_NOT_SUPPORTED = 6
} CUgraphExecUpdateResult;
typedef struct CUgraphExecUpdateResultInfo_st {
    CUgraphExecUpdateResult result;
    CUgraphNode errorNode, errorFromNode;
} CUgraphExecUpdateResultInfo;
typedef struct CUDA_KERNEL_NODE_PARAMS_st {
    CUfunction func;
    unsigned gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes;
    void **kernelParams, **extra;
    void *kern;
    CUcontext ctx;
} CUDA_KERNEL_NODE_PARAMS;
typedef struct CUDA_MEMSET_NODE_PARAMS_st {
    CUdeviceptr dst;
    size_t pitch;
    unsigned value, elementSize;
    size_t width, height;
} CUDA_MEMSET_NODE_PARAMS;
typedef struct CUDA_HOST_NODE_PARAMS_st { CUhostFn fn; void *userData; } CUDA_HOST_NODE_PARAMS;
typedef enum CUlaunchAttributeID_enum {
    CU_LAUNCH_ATTRIBUTE_IGNORE = 0, CU_LAUNCH_ATTRIBUTE_COOPERATIVE = 2, CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION = 4,
    CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION = 6, CU_LAUNCH_ATTRIBUTE_PRIORITY = 8
} CUlaunchAttributeID;
typedef struct CUlaunchAttribute_st {
    CUlaunchAttributeID id;
    char pad[4];
    union { char pad[64]; int cooperative, priority; struct { unsigned x, y, z; } clusterDim; } value;
} CUlaunchAttribute;
typedef struct CUlaunchConfig_st {
    unsigned gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes;
    CUstream hStream;
    CUlaunchAttribute *attrs;
    unsigned numAttrs;
} CUlaunchConfig;
typedef enum CUjitInputType_enum {
    CU_JIT_INPUT_CUBIN = 0, CU_JIT_INPUT_PTX = 1, CU_JIT_INPUT_FATBINARY = 2, CU_JIT_INPUT_OBJECT = 3, CU_JIT_INPUT_LIBRARY = 4
} CUjitInputType;
typedef size_t (*CUoccupancyB2DSize)(int block);

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
    X(cuDeviceGetUuid_v2, (CUuuid * uuid, CUdevice device))                                           \
    X(cuDeviceGetPCIBusId, (char *text, int length, CUdevice device))                                 \
    X(cuDeviceGetByPCIBusId, (CUdevice * device, const char *text))                                   \
    X(cuDeviceCanAccessPeer, (int *can, CUdevice device, CUdevice peer))                              \
    X(cuDeviceGetP2PAttribute, (int *value, CUdevice_P2PAttribute attribute, CUdevice device, CUdevice peer)) \
    X(cuDevicePrimaryCtxGetState, (CUdevice device, unsigned *flags, int *active))                    \
    X(cuDevicePrimaryCtxSetFlags_v2, (CUdevice device, unsigned flags))                               \
    X(cuCtxEnablePeerAccess, (CUcontext peer, unsigned flags))                                        \
    X(cuCtxDisablePeerAccess, (CUcontext peer))                                                       \
    X(cuCtxSetLimit, (CUlimit limit, size_t value))                                                   \
    X(cuCtxGetLimit, (size_t *value, CUlimit limit))                                                  \
    X(cuCtxGetApiVersion, (CUcontext context, unsigned *version))                                     \
    X(cuCtxGetFlags, (unsigned *flags))                                                               \
    X(cuCtxGetStreamPriorityRange, (int *least, int *greatest))                                       \
    X(cuCtxGetCacheConfig, (CUfunc_cache * config))                                                   \
    X(cuCtxSetCacheConfig, (CUfunc_cache config))                                                     \
    X(cuIpcGetMemHandle, (CUipcMemHandle * handle, CUdeviceptr address))                              \
    X(cuIpcOpenMemHandle_v2, (CUdeviceptr * address, CUipcMemHandle handle, unsigned flags))          \
    X(cuIpcCloseMemHandle, (CUdeviceptr address))                                                     \
    X(cuIpcGetEventHandle, (CUipcEventHandle * handle, CUevent event))                                \
    X(cuIpcOpenEventHandle, (CUevent * event, CUipcEventHandle handle))                               \
    X(cuModuleGetLoadingMode, (int *mode))                                                            \
    X(cuLinkCreate_v2, (unsigned count, CUjit_option *options, void **values, CUlinkState *state))    \
    X(cuLinkAddData_v2, (CUlinkState state, CUjitInputType type, void *data, size_t bytes, const char *name, unsigned count, \
                         CUjit_option *options, void **values))                                       \
    X(cuLinkAddFile_v2, (CUlinkState state, CUjitInputType type, const char *file, unsigned count, CUjit_option *options, \
                         void **values))                                                              \
    X(cuLinkComplete, (CUlinkState state, void **image, size_t *bytes))                               \
    X(cuLinkDestroy, (CUlinkState state))                                                             \
    X(cuFuncGetModule, (CUmodule * module, CUfunction function))                                      \
    X(cuFuncGetName, (const char **name, CUfunction function))                                        \
    X(cuLaunchKernelEx, (const CUlaunchConfig *config, CUfunction function, void **params, void **extra)) \
    X(cuLaunchCooperativeKernel, (CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, \
                                  unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream, void **params)) \
    X(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, (int *blocks, CUfunction function, int threads, \
                                                             size_t shared_bytes, unsigned flags))    \
    X(cuOccupancyMaxPotentialBlockSize, (int *grid, int *block, CUfunction function, CUoccupancyB2DSize shared_of, \
                                         size_t shared_bytes, int limit))                             \
    X(cuMemHostGetFlags, (unsigned *flags, void *memory))                                             \
    X(cuMemHostRegister_v2, (void *memory, size_t bytes, unsigned flags))                             \
    X(cuMemHostUnregister, (void *memory))                                                            \
    X(cuPointerGetAttribute, (void *value, CUpointer_attribute attribute, CUdeviceptr address))       \
    X(cuMemPrefetchAsync, (CUdeviceptr address, size_t bytes, CUdevice device, CUstream stream))      \
    X(cuMemAdvise, (CUdeviceptr address, size_t bytes, CUmem_advise advice, CUdevice device))         \
    X(cuMemcpyPeer, (CUdeviceptr to, CUcontext to_context, CUdeviceptr from, CUcontext from_context, size_t bytes)) \
    X(cuMemcpyPeerAsync, (CUdeviceptr to, CUcontext to_context, CUdeviceptr from, CUcontext from_context, size_t bytes, \
                          CUstream stream))                                                           \
    X(cuMemcpy2D_v2, (const CUDA_MEMCPY2D *copy))                                                     \
    X(cuMemcpy2DUnaligned_v2, (const CUDA_MEMCPY2D *copy))                                            \
    X(cuMemcpy2DAsync_v2, (const CUDA_MEMCPY2D *copy, CUstream stream))                               \
    X(cuMemcpy3D_v2, (const CUDA_MEMCPY3D *copy))                                                     \
    X(cuMemcpy3DAsync_v2, (const CUDA_MEMCPY3D *copy, CUstream stream))                               \
    X(cuMemcpyHtoA_v2, (CUarray to, size_t offset, const void *from, size_t bytes))                   \
    X(cuMemcpyAtoH_v2, (void *to, CUarray from, size_t offset, size_t bytes))                         \
    X(cuMemsetD16Async, (CUdeviceptr to, unsigned short value, size_t count, CUstream stream))        \
    X(cuMemsetD2D8_v2, (CUdeviceptr to, size_t pitch, unsigned char value, size_t width, size_t height)) \
    X(cuMemsetD2D32_v2, (CUdeviceptr to, size_t pitch, unsigned value, size_t width, size_t height))  \
    X(cuMemsetD2D8Async, (CUdeviceptr to, size_t pitch, unsigned char value, size_t width, size_t height, CUstream stream)) \
    X(cuMemsetD2D32Async, (CUdeviceptr to, size_t pitch, unsigned value, size_t width, size_t height, CUstream stream)) \
    X(cuArrayCreate_v2, (CUarray * array, const CUDA_ARRAY_DESCRIPTOR *shape))                        \
    X(cuArray3DCreate_v2, (CUarray * array, const CUDA_ARRAY3D_DESCRIPTOR *shape))                    \
    X(cuArrayGetDescriptor_v2, (CUDA_ARRAY_DESCRIPTOR * shape, CUarray array))                        \
    X(cuArray3DGetDescriptor_v2, (CUDA_ARRAY3D_DESCRIPTOR * shape, CUarray array))                    \
    X(cuArrayDestroy, (CUarray array))                                                                \
    X(cuMipmappedArrayCreate, (CUmipmappedArray * array, const CUDA_ARRAY3D_DESCRIPTOR *shape, unsigned levels)) \
    X(cuTexObjectCreate, (CUtexObject * object, const CUDA_RESOURCE_DESC *resource, const CUDA_TEXTURE_DESC *texture, \
                          const CUDA_RESOURCE_VIEW_DESC *view))                                       \
    X(cuTexObjectDestroy, (CUtexObject object))                                                       \
    X(cuSurfObjectCreate, (CUsurfObject * object, const CUDA_RESOURCE_DESC *resource))                \
    X(cuSurfObjectDestroy, (CUsurfObject object))                                                     \
    X(cuModuleGetTexRef, (CUtexref * reference, CUmodule module, const char *name))                   \
    X(cuModuleGetSurfRef, (CUsurfref * reference, CUmodule module, const char *name))                 \
    X(cuTexRefSetArray, (CUtexref reference, CUarray array, unsigned flags))                          \
    X(cuTexRefSetAddress_v2, (size_t * offset, CUtexref reference, CUdeviceptr address, size_t bytes)) \
    X(cuTexRefSetAddress2D_v3, (CUtexref reference, const CUDA_ARRAY_DESCRIPTOR *shape, CUdeviceptr address, size_t pitch)) \
    X(cuTexRefSetFormat, (CUtexref reference, CUarray_format format, int channels))                   \
    X(cuTexRefSetAddressMode, (CUtexref reference, int dimension, CUaddress_mode mode))               \
    X(cuTexRefSetFilterMode, (CUtexref reference, CUfilter_mode mode))                                \
    X(cuTexRefSetBorderColor, (CUtexref reference, float *color))                                     \
    X(cuTexRefSetFlags, (CUtexref reference, unsigned flags))                                         \
    X(cuTexRefSetMaxAnisotropy, (CUtexref reference, unsigned most))                                  \
    X(cuTexRefGetArray, (CUarray * array, CUtexref reference))                                        \
    X(cuTexRefGetAddress_v2, (CUdeviceptr * address, CUtexref reference))                             \
    X(cuTexRefGetAddressMode, (CUaddress_mode * mode, CUtexref reference, int dimension))             \
    X(cuTexRefGetFilterMode, (CUfilter_mode * mode, CUtexref reference))                              \
    X(cuTexRefGetFormat, (CUarray_format * format, int *channels, CUtexref reference))                \
    X(cuTexRefGetBorderColor, (float *color, CUtexref reference))                                     \
    X(cuTexRefGetFlags, (unsigned *flags, CUtexref reference))                                        \
    X(cuSurfRefSetArray, (CUsurfref reference, CUarray array, unsigned flags))                        \
    X(cuSurfRefGetArray, (CUarray * array, CUsurfref reference))                                      \
    X(cuMemAllocAsync, (CUdeviceptr * address, size_t bytes, CUstream stream))                        \
    X(cuMemAllocFromPoolAsync, (CUdeviceptr * address, size_t bytes, CUmemoryPool pool, CUstream stream)) \
    X(cuMemFreeAsync, (CUdeviceptr address, CUstream stream))                                         \
    X(cuMemPoolCreate, (CUmemoryPool * pool, const CUmemPoolProps *properties))                       \
    X(cuMemPoolDestroy, (CUmemoryPool pool))                                                          \
    X(cuMemPoolTrimTo, (CUmemoryPool pool, size_t keep))                                              \
    X(cuMemPoolSetAttribute, (CUmemoryPool pool, CUmemPool_attribute attribute, void *value))         \
    X(cuMemPoolGetAttribute, (CUmemoryPool pool, CUmemPool_attribute attribute, void *value))         \
    X(cuMemPoolSetAccess, (CUmemoryPool pool, const CUmemAccessDesc *access, size_t count))           \
    X(cuDeviceGetDefaultMemPool, (CUmemoryPool * pool, CUdevice device))                              \
    X(cuDeviceGetMemPool, (CUmemoryPool * pool, CUdevice device))                                     \
    X(cuDeviceSetMemPool, (CUdevice device, CUmemoryPool pool))                                       \
    X(cuStreamGetPriority, (CUstream stream, int *priority))                                          \
    X(cuStreamGetFlags, (CUstream stream, unsigned *flags))                                           \
    X(cuStreamGetCtx, (CUstream stream, CUcontext *context))                                          \
    X(cuStreamAttachMemAsync, (CUstream stream, CUdeviceptr address, size_t bytes, unsigned flags))   \
    X(cuStreamBeginCapture_v2, (CUstream stream, CUstreamCaptureMode mode))                           \
    X(cuStreamEndCapture, (CUstream stream, CUgraph *graph))                                          \
    X(cuStreamIsCapturing, (CUstream stream, CUstreamCaptureStatus *status))                          \
    X(cuThreadExchangeStreamCaptureMode, (CUstreamCaptureMode * mode))                                \
    X(cuEventRecordWithFlags, (CUevent event, CUstream stream, unsigned flags))                       \
    X(cuGraphCreate, (CUgraph * graph, unsigned flags))                                               \
    X(cuGraphDestroy, (CUgraph graph))                                                                \
    X(cuGraphClone, (CUgraph * clone, CUgraph graph))                                                 \
    X(cuGraphAddKernelNode_v2, (CUgraphNode * node, CUgraph graph, const CUgraphNode *needs, size_t count, \
                                const CUDA_KERNEL_NODE_PARAMS *params))                               \
    X(cuGraphAddMemcpyNode, (CUgraphNode * node, CUgraph graph, const CUgraphNode *needs, size_t count, \
                             const CUDA_MEMCPY3D *copy, CUcontext context))                           \
    X(cuGraphAddMemsetNode, (CUgraphNode * node, CUgraph graph, const CUgraphNode *needs, size_t count, \
                             const CUDA_MEMSET_NODE_PARAMS *params, CUcontext context))               \
    X(cuGraphAddHostNode, (CUgraphNode * node, CUgraph graph, const CUgraphNode *needs, size_t count, \
                           const CUDA_HOST_NODE_PARAMS *params))                                      \
    X(cuGraphAddEmptyNode, (CUgraphNode * node, CUgraph graph, const CUgraphNode *needs, size_t count)) \
    X(cuGraphAddChildGraphNode, (CUgraphNode * node, CUgraph graph, const CUgraphNode *needs, size_t count, CUgraph child)) \
    X(cuGraphAddEventRecordNode, (CUgraphNode * node, CUgraph graph, const CUgraphNode *needs, size_t count, CUevent event)) \
    X(cuGraphAddEventWaitNode, (CUgraphNode * node, CUgraph graph, const CUgraphNode *needs, size_t count, CUevent event)) \
    X(cuGraphAddDependencies, (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t count)) \
    X(cuGraphRemoveDependencies, (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t count)) \
    X(cuGraphDestroyNode, (CUgraphNode node))                                                         \
    X(cuGraphGetNodes, (CUgraph graph, CUgraphNode *nodes, size_t *count))                            \
    X(cuGraphGetRootNodes, (CUgraph graph, CUgraphNode *nodes, size_t *count))                        \
    X(cuGraphGetEdges, (CUgraph graph, CUgraphNode *from, CUgraphNode *to, size_t *count))            \
    X(cuGraphNodeGetDependencies, (CUgraphNode node, CUgraphNode *needs, size_t *count))              \
    X(cuGraphNodeGetDependentNodes, (CUgraphNode node, CUgraphNode *nodes, size_t *count))            \
    X(cuGraphNodeGetType, (CUgraphNode node, CUgraphNodeType *type))                                  \
    X(cuGraphKernelNodeGetParams_v2, (CUgraphNode node, CUDA_KERNEL_NODE_PARAMS *params))             \
    X(cuGraphKernelNodeSetParams_v2, (CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params))       \
    X(cuGraphMemsetNodeSetParams, (CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params))          \
    X(cuGraphMemcpyNodeSetParams, (CUgraphNode node, const CUDA_MEMCPY3D *copy))                      \
    X(cuGraphHostNodeSetParams, (CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params))              \
    X(cuGraphInstantiateWithFlags, (CUgraphExec * exec, CUgraph graph, unsigned long long flags))     \
    X(cuGraphExecKernelNodeSetParams_v2, (CUgraphExec exec, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params)) \
    X(cuGraphExecMemcpyNodeSetParams, (CUgraphExec exec, CUgraphNode node, const CUDA_MEMCPY3D *copy, CUcontext context)) \
    X(cuGraphExecMemsetNodeSetParams, (CUgraphExec exec, CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params, \
                                       CUcontext context))                                            \
    X(cuGraphExecHostNodeSetParams, (CUgraphExec exec, CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)) \
    X(cuGraphExecUpdate_v2, (CUgraphExec exec, CUgraph graph, CUgraphExecUpdateResultInfo *info))     \
    X(cuGraphNodeSetEnabled, (CUgraphExec exec, CUgraphNode node, unsigned enabled))                  \
    X(cuGraphNodeGetEnabled, (CUgraphExec exec, CUgraphNode node, unsigned *enabled))                 \
    X(cuGraphUpload, (CUgraphExec exec, CUstream stream))                                             \
    X(cuGraphLaunch, (CUgraphExec exec, CUstream stream))                                             \
    X(cuGraphExecDestroy, (CUgraphExec exec))                                                         \
    X(cuProfilerStart, (void))                                                                        \
    X(cuProfilerStop, (void))                                                                         \
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
#define cuDevicePrimaryCtxSetFlags cuDevicePrimaryCtxSetFlags_v2
#define cuIpcOpenMemHandle cuIpcOpenMemHandle_v2
#define cuLinkCreate cuLinkCreate_v2
#define cuLinkAddData cuLinkAddData_v2
#define cuLinkAddFile cuLinkAddFile_v2
#define cuMemHostRegister cuMemHostRegister_v2
#define cuMemcpy2D cuMemcpy2D_v2
#define cuMemcpy2DUnaligned cuMemcpy2DUnaligned_v2
#define cuMemcpy2DAsync cuMemcpy2DAsync_v2
#define cuMemcpy3D cuMemcpy3D_v2
#define cuMemcpy3DAsync cuMemcpy3DAsync_v2
#define cuMemcpyHtoA cuMemcpyHtoA_v2
#define cuMemcpyAtoH cuMemcpyAtoH_v2
#define cuMemsetD2D8 cuMemsetD2D8_v2
#define cuMemsetD2D32 cuMemsetD2D32_v2
#define cuArrayCreate cuArrayCreate_v2
#define cuArray3DCreate cuArray3DCreate_v2
#define cuArrayGetDescriptor cuArrayGetDescriptor_v2
#define cuArray3DGetDescriptor cuArray3DGetDescriptor_v2
#define cuTexRefSetAddress cuTexRefSetAddress_v2
#define cuTexRefSetAddress2D cuTexRefSetAddress2D_v3
#define cuTexRefGetAddress cuTexRefGetAddress_v2
#define cuStreamBeginCapture cuStreamBeginCapture_v2
#define cuGraphAddKernelNode cuGraphAddKernelNode_v2
#define cuGraphKernelNodeGetParams cuGraphKernelNodeGetParams_v2
#define cuGraphKernelNodeSetParams cuGraphKernelNodeSetParams_v2
#define cuGraphExecKernelNodeSetParams cuGraphExecKernelNodeSetParams_v2
#define cuGraphExecUpdate cuGraphExecUpdate_v2
#define cuGraphInstantiate cuGraphInstantiateWithFlags

#ifdef __cplusplus
}
#endif
#endif
