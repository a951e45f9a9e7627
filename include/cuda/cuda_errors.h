/* The error codes of CUDA. Both APIs share the numbers; what Cairn never gives is here because programs name it. */
#ifndef CAIRN_CUDA_ERRORS_H
#define CAIRN_CUDA_ERRORS_H

/* X(driver's name, runtime's name, code, text) */
#define CAIRN_CUDA_ERRORS(X)                                                                          \
    X(CUDA_SUCCESS, cudaSuccess, 0, "no error")                                                       \
    X(CUDA_ERROR_INVALID_VALUE, cudaErrorInvalidValue, 1, "invalid argument")                         \
    X(CUDA_ERROR_OUT_OF_MEMORY, cudaErrorMemoryAllocation, 2, "out of memory")                        \
    X(CUDA_ERROR_NOT_INITIALIZED, cudaErrorInitializationError, 3, "initialization error")            \
    X(CUDA_ERROR_DEINITIALIZED, cudaErrorCudartUnloading, 4, "driver shutting down")                  \
    X(CUDA_ERROR_PROFILER_DISABLED, cudaErrorProfilerDisabled, 5, "profiler disabled while using external profiling tool") \
    X(CUDA_ERROR_PROFILER_NOT_INITIALIZED, cudaErrorProfilerNotInitialized, 6,                        \
      "profiler not initialized: call cudaProfilerInitialize()")                                      \
    X(CUDA_ERROR_PROFILER_ALREADY_STARTED, cudaErrorProfilerAlreadyStarted, 7, "profiler already started") \
    X(CUDA_ERROR_PROFILER_ALREADY_STOPPED, cudaErrorProfilerAlreadyStopped, 8, "profiler already stopped") \
    X(CUDA_ERROR_INVALID_CONFIGURATION, cudaErrorInvalidConfiguration, 9, "invalid configuration argument") \
    X(CUDA_ERROR_INVALID_PITCH, cudaErrorInvalidPitchValue, 12, "invalid pitch argument")             \
    X(CUDA_ERROR_INVALID_SYMBOL, cudaErrorInvalidSymbol, 13, "invalid device symbol")                 \
    X(CUDA_ERROR_INVALID_DIRECTION, cudaErrorInvalidMemcpyDirection, 21, "invalid copy direction for memcpy") \
    X(CUDA_ERROR_STUB_LIBRARY, cudaErrorStubLibrary, 34, "CUDA driver is a stub library")             \
    X(CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER, cudaErrorCallRequiresNewerDriver, 36,                    \
      "API call is not supported in the installed CUDA driver")                                       \
    X(CUDA_ERROR_DEVICE_UNAVAILABLE, cudaErrorDevicesUnavailable, 46, "CUDA-capable device(s) is/are busy or unavailable") \
    X(CUDA_ERROR_INVALID_DEVICE_FUNCTION, cudaErrorInvalidDeviceFunction, 98, "invalid device function") \
    X(CUDA_ERROR_NO_DEVICE, cudaErrorNoDevice, 100, "no CUDA-capable device is detected")             \
    X(CUDA_ERROR_INVALID_DEVICE, cudaErrorInvalidDevice, 101, "invalid device ordinal")               \
    X(CUDA_ERROR_DEVICE_NOT_LICENSED, cudaErrorDeviceNotLicensed, 102, "device doesn't have valid Grid license") \
    X(CUDA_ERROR_INVALID_IMAGE, cudaErrorInvalidKernelImage, 200, "device kernel image is invalid")   \
    X(CUDA_ERROR_INVALID_CONTEXT, cudaErrorDeviceUninitialized, 201, "invalid device context")        \
    X(CUDA_ERROR_MAP_FAILED, cudaErrorMapBufferObjectFailed, 205, "mapping of buffer object failed")  \
    X(CUDA_ERROR_UNMAP_FAILED, cudaErrorUnmapBufferObjectFailed, 206, "unmapping of buffer object failed") \
    X(CUDA_ERROR_ARRAY_IS_MAPPED, cudaErrorArrayIsMapped, 207, "array is mapped")                     \
    X(CUDA_ERROR_ALREADY_MAPPED, cudaErrorAlreadyMapped, 208, "resource already mapped")              \
    X(CUDA_ERROR_NO_BINARY_FOR_GPU, cudaErrorNoKernelImageForDevice, 209,                             \
      "no kernel image is available for execution on the device")                                     \
    X(CUDA_ERROR_ALREADY_ACQUIRED, cudaErrorAlreadyAcquired, 210, "resource already acquired")        \
    X(CUDA_ERROR_NOT_MAPPED, cudaErrorNotMapped, 211, "resource not mapped")                          \
    X(CUDA_ERROR_NOT_MAPPED_AS_ARRAY, cudaErrorNotMappedAsArray, 212, "resource not mapped as array") \
    X(CUDA_ERROR_NOT_MAPPED_AS_POINTER, cudaErrorNotMappedAsPointer, 213, "resource not mapped as pointer") \
    X(CUDA_ERROR_ECC_UNCORRECTABLE, cudaErrorECCUncorrectable, 214, "uncorrectable ECC error encountered") \
    X(CUDA_ERROR_UNSUPPORTED_LIMIT, cudaErrorUnsupportedLimit, 215, "limit is not supported on this architecture") \
    X(CUDA_ERROR_CONTEXT_ALREADY_IN_USE, cudaErrorDeviceAlreadyInUse, 216,                            \
      "exclusive-thread device already in use by a different thread")                                 \
    X(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, cudaErrorPeerAccessUnsupported, 217,                        \
      "peer access is not supported between these two devices")                                       \
    X(CUDA_ERROR_INVALID_PTX, cudaErrorInvalidPtx, 218, "a PTX JIT compilation failed")               \
    X(CUDA_ERROR_INVALID_GRAPHICS_CONTEXT, cudaErrorInvalidGraphicsContext, 219, "invalid OpenGL or DirectX context") \
    X(CUDA_ERROR_NVLINK_UNCORRECTABLE, cudaErrorNvlinkUncorrectable, 220,                             \
      "uncorrectable NVLink error detected during the execution")                                     \
    X(CUDA_ERROR_JIT_COMPILER_NOT_FOUND, cudaErrorJitCompilerNotFound, 221, "PTX JIT compiler library not found") \
    X(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, cudaErrorUnsupportedPtxVersion, 222,                        \
      "the provided PTX was compiled with an unsupported toolchain.")                                 \
    X(CUDA_ERROR_JIT_COMPILATION_DISABLED, cudaErrorJitCompilationDisabled, 223, "PTX JIT compilation was disabled") \
    X(CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY, cudaErrorUnsupportedExecAffinity, 224,                    \
      "the provided execution affinity is not supported")                                             \
    X(CUDA_ERROR_UNSUPPORTED_DEVSIDE_SYNC, cudaErrorUnsupportedDevSideSync, 225,                      \
      "the provided PTX contains unsupported call to cudaDeviceSynchronize")                          \
    X(CUDA_ERROR_CONTAINED, cudaErrorContained, 226, "Invalid access of peer GPU memory over nvlink or a hardware error") \
    X(CUDA_ERROR_INVALID_SOURCE, cudaErrorInvalidSource, 300, "device kernel image is invalid")       \
    X(CUDA_ERROR_FILE_NOT_FOUND, cudaErrorFileNotFound, 301, "file not found")                        \
    X(CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND, cudaErrorSharedObjectSymbolNotFound, 302, "shared object symbol not found") \
    X(CUDA_ERROR_SHARED_OBJECT_INIT_FAILED, cudaErrorSharedObjectInitFailed, 303, "shared object initialization failed") \
    X(CUDA_ERROR_OPERATING_SYSTEM, cudaErrorOperatingSystem, 304, "OS call failed or operation not supported on this OS") \
    X(CUDA_ERROR_INVALID_HANDLE, cudaErrorInvalidResourceHandle, 400, "invalid resource handle")      \
    X(CUDA_ERROR_ILLEGAL_STATE, cudaErrorIllegalState, 401, "the operation cannot be performed in the present state") \
    X(CUDA_ERROR_LOSSY_QUERY, cudaErrorLossyQuery, 402, "attempted introspection would be semantically lossy") \
    X(CUDA_ERROR_NOT_FOUND, cudaErrorSymbolNotFound, 500, "named symbol not found")                   \
    X(CUDA_ERROR_NOT_READY, cudaErrorNotReady, 600, "device not ready")                               \
    X(CUDA_ERROR_ILLEGAL_ADDRESS, cudaErrorIllegalAddress, 700, "an illegal memory access was encountered") \
    X(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, cudaErrorLaunchOutOfResources, 701, "too many resources requested for launch") \
    X(CUDA_ERROR_LAUNCH_TIMEOUT, cudaErrorLaunchTimeout, 702, "the launch timed out and was terminated") \
    X(CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING, cudaErrorLaunchIncompatibleTexturing, 703,            \
      "launch uses incompatible texturing mode")                                                      \
    X(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED, cudaErrorPeerAccessAlreadyEnabled, 704, "peer access is already enabled") \
    X(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED, cudaErrorPeerAccessNotEnabled, 705, "peer access has not been enabled") \
    X(CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE, cudaErrorSetOnActiveProcess, 708, "cannot set while device is active in this process") \
    X(CUDA_ERROR_CONTEXT_IS_DESTROYED, cudaErrorContextIsDestroyed, 709, "context is destroyed")      \
    X(CUDA_ERROR_ASSERT, cudaErrorAssert, 710, "device-side assert triggered")                        \
    X(CUDA_ERROR_TOO_MANY_PEERS, cudaErrorTooManyPeers, 711, "peer mapping resources exhausted")      \
    X(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, cudaErrorHostMemoryAlreadyRegistered, 712,           \
      "part or all of the requested memory range is already mapped")                                  \
    X(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, cudaErrorHostMemoryNotRegistered, 713,                   \
      "pointer does not correspond to a registered memory region")                                    \
    X(CUDA_ERROR_HARDWARE_STACK_ERROR, cudaErrorHardwareStackError, 714, "hardware stack error")      \
    X(CUDA_ERROR_ILLEGAL_INSTRUCTION, cudaErrorIllegalInstruction, 715, "an illegal instruction was encountered") \
    X(CUDA_ERROR_MISALIGNED_ADDRESS, cudaErrorMisalignedAddress, 716, "misaligned address")           \
    X(CUDA_ERROR_INVALID_ADDRESS_SPACE, cudaErrorInvalidAddressSpace, 717,                            \
      "operation not supported on global/shared address space")                                       \
    X(CUDA_ERROR_INVALID_PC, cudaErrorInvalidPc, 718, "invalid program counter")                      \
    X(CUDA_ERROR_LAUNCH_FAILED, cudaErrorLaunchFailure, 719, "unspecified launch failure")            \
    X(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, cudaErrorCooperativeLaunchTooLarge, 720, "too many blocks in cooperative launch") \
    X(CUDA_ERROR_TENSOR_MEMORY_LEAK, cudaErrorTensorMemoryLeak, 721, "tensor memory not completely freed") \
    X(CUDA_ERROR_NOT_PERMITTED, cudaErrorNotPermitted, 800, "operation not permitted")                \
    X(CUDA_ERROR_NOT_SUPPORTED, cudaErrorNotSupported, 801, "operation not supported")                \
    X(CUDA_ERROR_SYSTEM_NOT_READY, cudaErrorSystemNotReady, 802, "system not yet initialized")        \
    X(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, cudaErrorSystemDriverMismatch, 803,                          \
      "system has unsupported display driver / cuda driver combination")                              \
    X(CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE, cudaErrorCompatNotSupportedOnDevice, 804,            \
      "forward compatibility was attempted on non supported HW")                                      \
    X(CUDA_ERROR_MPS_CONNECTION_FAILED, cudaErrorMpsConnectionFailed, 805,                            \
      "MPS client failed to connect to the MPS control daemon or the MPS server")                     \
    X(CUDA_ERROR_MPS_RPC_FAILURE, cudaErrorMpsRpcFailure, 806,                                        \
      "the remote procedural call between the MPS server and the MPS client failed")                  \
    X(CUDA_ERROR_MPS_SERVER_NOT_READY, cudaErrorMpsServerNotReady, 807,                               \
      "MPS server is not ready to accept new MPS client requests")                                    \
    X(CUDA_ERROR_MPS_MAX_CLIENTS_REACHED, cudaErrorMpsMaxClientsReached, 808,                         \
      "the hardware resources required to create MPS client have been exhausted")                     \
    X(CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED, cudaErrorMpsMaxConnectionsReached, 809,                 \
      "the hardware resources required to support device connections have been exhausted")            \
    X(CUDA_ERROR_MPS_CLIENT_TERMINATED, cudaErrorMpsClientTerminated, 810, "the MPS client has been terminated by the server") \
    X(CUDA_ERROR_CDP_NOT_SUPPORTED, cudaErrorCdpNotSupported, 811,                                    \
      "is using CUDA Dynamic Parallelism, but the current configuration, like MPS, does not support it") \
    X(CUDA_ERROR_CDP_VERSION_MISMATCH, cudaErrorCdpVersionMismatch, 812,                              \
      "unsupported interaction between different versions of CUDA Dynamic Parallelism")               \
    X(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cudaErrorStreamCaptureUnsupported, 900,                  \
      "operation not permitted when stream is capturing")                                             \
    X(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cudaErrorStreamCaptureInvalidated, 901,                  \
      "operation failed due to a previous error during capture")                                      \
    X(CUDA_ERROR_STREAM_CAPTURE_MERGE, cudaErrorStreamCaptureMerge, 902,                              \
      "operation would result in a merge of separate capture sequences")                              \
    X(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, cudaErrorStreamCaptureUnmatched, 903,                      \
      "capture was not ended in the same stream as it began")                                         \
    X(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, cudaErrorStreamCaptureUnjoined, 904, "capturing stream has unjoined work") \
    X(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, cudaErrorStreamCaptureIsolation, 905,                      \
      "dependency created on uncaptured work in another stream")                                      \
    X(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, cudaErrorStreamCaptureImplicit, 906,                        \
      "operation would make the legacy stream depend on a capturing blocking stream")                 \
    X(CUDA_ERROR_CAPTURED_EVENT, cudaErrorCapturedEvent, 907,                                         \
      "operation not permitted on an event last recorded in a capturing stream")                      \
    X(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, cudaErrorStreamCaptureWrongThread, 908,                 \
      "attempt to terminate a thread-local capture sequence from another thread")                     \
    X(CUDA_ERROR_TIMEOUT, cudaErrorTimeout, 909, "wait operation timed out")                          \
    X(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, cudaErrorGraphExecUpdateFailure, 910,                     \
      "the graph update was not performed because it included changes which violated constraints specific to instantiated graph update") \
    X(CUDA_ERROR_EXTERNAL_DEVICE, cudaErrorExternalDevice, 911, "an async error has occured in external entity outside of CUDA") \
    X(CUDA_ERROR_INVALID_CLUSTER_SIZE, cudaErrorInvalidClusterSize, 912,                              \
      "a kernel launch error has occurred due to cluster misconfiguration")                           \
    X(CUDA_ERROR_FUNCTION_NOT_LOADED, cudaErrorFunctionNotLoaded, 913,                                \
      "the function handle is not loaded when calling an API that requires a loaded function")        \
    X(CUDA_ERROR_INVALID_RESOURCE_TYPE, cudaErrorInvalidResourceType, 914,                            \
      "one or more resources passed in are not valid resource types for the operation")               \
    X(CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION, cudaErrorInvalidResourceConfiguration, 915,          \
      "one or more resources are insufficient or non-applicable for the operation")                   \
    X(CUDA_ERROR_UNKNOWN, cudaErrorUnknown, 999, "unknown error")

/* Those of the runtime alone: X(name, code, text) */
#define CAIRN_CUDART_ERRORS(X)                                                                        \
    X(cudaErrorInvalidHostPointer, 16, "invalid host pointer")                                        \
    X(cudaErrorInvalidDevicePointer, 17, "invalid device pointer")                                    \
    X(cudaErrorInvalidTexture, 18, "invalid texture reference")                                       \
    X(cudaErrorInvalidTextureBinding, 19, "texture is not bound to a pointer")                        \
    X(cudaErrorInvalidChannelDescriptor, 20, "invalid channel descriptor")                            \
    X(cudaErrorAddressOfConstant, 22, "invalid address of constant")                                  \
    X(cudaErrorTextureFetchFailed, 23, "fetch from texture failed")                                   \
    X(cudaErrorTextureNotBound, 24, "cannot fetch from a texture that is not bound")                  \
    X(cudaErrorSynchronizationError, 25, "incorrect use of __syncthreads()")                          \
    X(cudaErrorInvalidFilterSetting, 26, "linear filtering not supported for non-float type")         \
    X(cudaErrorInvalidNormSetting, 27, "read as normalized float not supported for data type")        \
    X(cudaErrorMixedDeviceExecution, 28, "device emulation mode and device execution mode cannot be mixed") \
    X(cudaErrorNotYetImplemented, 31, "feature not yet implemented")                                  \
    X(cudaErrorMemoryValueTooLarge, 32, "memory size or pointer value too large to fit in 32 bit")    \
    X(cudaErrorInsufficientDriver, 35, "CUDA driver version is insufficient for CUDA runtime version") \
    X(cudaErrorInvalidSurface, 37, "invalid surface reference")                                       \
    X(cudaErrorDuplicateVariableName, 43, "duplicate global variable looked up by string name")       \
    X(cudaErrorDuplicateTextureName, 44, "duplicate texture looked up by string name")                \
    X(cudaErrorDuplicateSurfaceName, 45, "duplicate surface looked up by string name")                \
    X(cudaErrorIncompatibleDriverContext, 49, "incompatible driver context")                          \
    X(cudaErrorMissingConfiguration, 52, "__global__ function call is not configured")                \
    X(cudaErrorPriorLaunchFailure, 53, "unspecified launch failure in prior launch")                  \
    X(cudaErrorLaunchMaxDepthExceeded, 65, "launch would exceed maximum depth of nested launches")    \
    X(cudaErrorLaunchFileScopedTex, 66,                                                               \
      "launch failed because kernel uses unsupported, file-scoped textures (texture objects are supported)") \
    X(cudaErrorLaunchFileScopedSurf, 67,                                                              \
      "launch failed because kernel uses unsupported, file-scoped surfaces (surface objects are supported)") \
    X(cudaErrorSyncDepthExceeded, 68,                                                                 \
      "cudaDeviceSynchronize failed because caller's grid depth exceeds cudaLimitDevRuntimeSyncDepth") \
    X(cudaErrorLaunchPendingCountExceeded, 69, "launch failed because launch would exceed cudaLimitDevRuntimePendingLaunchCount") \
    X(cudaErrorSoftwareValidityNotEstablished, 103, "integrity checks failed")                        \
    X(cudaErrorStartupFailure, 127, "startup failure in cuda runtime")

#endif
