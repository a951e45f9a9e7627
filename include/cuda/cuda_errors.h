/* The error codes of CUDA: X(driver's name, runtime's name, code, text). Both APIs share the numbers. */
#ifndef CAIRN_CUDA_ERRORS_H
#define CAIRN_CUDA_ERRORS_H

#define CAIRN_CUDA_ERRORS(X)                                                                          \
    X(CUDA_SUCCESS, cudaSuccess, 0, "no error")                                                       \
    X(CUDA_ERROR_INVALID_VALUE, cudaErrorInvalidValue, 1, "invalid argument")                         \
    X(CUDA_ERROR_OUT_OF_MEMORY, cudaErrorMemoryAllocation, 2, "out of memory")                        \
    X(CUDA_ERROR_NOT_INITIALIZED, cudaErrorInitializationError, 3, "initialization error")            \
    X(CUDA_ERROR_DEINITIALIZED, cudaErrorCudartUnloading, 4, "driver shutting down")                  \
    X(CUDA_ERROR_INVALID_CONFIGURATION, cudaErrorInvalidConfiguration, 9, "invalid configuration argument") \
    X(CUDA_ERROR_INVALID_PITCH, cudaErrorInvalidPitchValue, 12, "invalid pitch argument")            \
    X(CUDA_ERROR_INVALID_SYMBOL, cudaErrorInvalidSymbol, 13, "invalid device symbol")                \
    X(CUDA_ERROR_INVALID_DIRECTION, cudaErrorInvalidMemcpyDirection, 21, "invalid copy direction for memcpy") \
    X(CUDA_ERROR_INVALID_DEVICE_FUNCTION, cudaErrorInvalidDeviceFunction, 98, "invalid device function") \
    X(CUDA_ERROR_NO_DEVICE, cudaErrorNoDevice, 100, "no CUDA-capable device is detected")             \
    X(CUDA_ERROR_INVALID_DEVICE, cudaErrorInvalidDevice, 101, "invalid device ordinal")               \
    X(CUDA_ERROR_INVALID_IMAGE, cudaErrorInvalidKernelImage, 200, "device kernel image is invalid")   \
    X(CUDA_ERROR_INVALID_CONTEXT, cudaErrorDeviceUninitialized, 201, "invalid device context")        \
    X(CUDA_ERROR_ARRAY_IS_MAPPED, cudaErrorArrayIsMapped, 207, "array is mapped")                     \
    X(CUDA_ERROR_NO_BINARY_FOR_GPU, cudaErrorNoKernelImageForDevice, 209,                             \
      "no kernel image is available for execution on the device")                                     \
    X(CUDA_ERROR_UNSUPPORTED_LIMIT, cudaErrorUnsupportedLimit, 215, "limit is not supported on this architecture") \
    X(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, cudaErrorPeerAccessUnsupported, 217,                         \
      "peer access is not supported between these two devices")                                       \
    X(CUDA_ERROR_INVALID_PTX, cudaErrorInvalidPtx, 218, "a PTX JIT compilation failed")               \
    X(CUDA_ERROR_FILE_NOT_FOUND, cudaErrorFileNotFound, 301, "file not found")                        \
    X(CUDA_ERROR_INVALID_HANDLE, cudaErrorInvalidResourceHandle, 400, "invalid resource handle")      \
    X(CUDA_ERROR_ILLEGAL_STATE, cudaErrorIllegalState, 401,                                           \
      "the operation cannot be performed in the present state")                                       \
    X(CUDA_ERROR_NOT_FOUND, cudaErrorSymbolNotFound, 500, "named symbol not found")                   \
    X(CUDA_ERROR_NOT_READY, cudaErrorNotReady, 600, "device not ready")                               \
    X(CUDA_ERROR_ILLEGAL_ADDRESS, cudaErrorIllegalAddress, 700, "an illegal memory access was encountered") \
    X(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, cudaErrorLaunchOutOfResources, 701,                         \
      "too many resources requested for launch")                                                      \
    X(CUDA_ERROR_LAUNCH_TIMEOUT, cudaErrorLaunchTimeout, 702, "the launch timed out and was terminated") \
    X(CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED, cudaErrorPeerAccessAlreadyEnabled, 704,                 \
      "peer access is already enabled")                                                               \
    X(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED, cudaErrorPeerAccessNotEnabled, 705,                         \
      "peer access has not been enabled")                                                             \
    X(CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE, cudaErrorSetOnActiveProcess, 708,                            \
      "cannot set while device is active in this process")                                            \
    X(CUDA_ERROR_ASSERT, cudaErrorAssert, 710, "device-side assert triggered")                        \
    X(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, cudaErrorHostMemoryAlreadyRegistered, 712,           \
      "part or all of the requested memory range is already mapped")                                  \
    X(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, cudaErrorHostMemoryNotRegistered, 713,                   \
      "pointer does not correspond to a registered memory region")                                    \
    X(CUDA_ERROR_MISALIGNED_ADDRESS, cudaErrorMisalignedAddress, 716, "misaligned address")            \
    X(CUDA_ERROR_LAUNCH_FAILED, cudaErrorLaunchFailure, 719, "unspecified launch failure")            \
    X(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, cudaErrorCooperativeLaunchTooLarge, 720,               \
      "too many blocks in cooperative launch")                                                        \
    X(CUDA_ERROR_NOT_SUPPORTED, cudaErrorNotSupported, 801, "operation not supported")                \
    X(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, cudaErrorStreamCaptureUnsupported, 900,                  \
      "operation not permitted when stream is capturing")                                             \
    X(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, cudaErrorStreamCaptureInvalidated, 901,                  \
      "operation failed due to a previous error during capture")                                      \
    X(CUDA_ERROR_STREAM_CAPTURE_MERGE, cudaErrorStreamCaptureMerge, 902,                              \
      "operation would result in a merge of separate capture sequences")                              \
    X(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, cudaErrorStreamCaptureUnmatched, 903, "capture was not ended in the same stream as it began") \
    X(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, cudaErrorStreamCaptureUnjoined, 904,                        \
      "capturing stream has unjoined work")                                                           \
    X(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, cudaErrorStreamCaptureIsolation, 905,                      \
      "dependency created on uncaptured work in another stream")                                      \
    X(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, cudaErrorStreamCaptureImplicit, 906,                        \
      "operation would make the legacy stream depend on a capturing blocking stream")                 \
    X(CUDA_ERROR_CAPTURED_EVENT, cudaErrorCapturedEvent, 907,                                         \
      "operation not permitted on an event last recorded in a capturing stream")                      \
    X(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, cudaErrorStreamCaptureWrongThread, 908,                 \
      "attempt to terminate a thread-local capture sequence from another thread")                     \
    X(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, cudaErrorGraphExecUpdateFailure, 910,                     \
      "the graph update was not performed because it included changes which violated constraints specific to instantiated graph update") \
    X(CUDA_ERROR_UNKNOWN, cudaErrorUnknown, 999, "unknown error")

#endif
