/* What clang is told for every compilation of CUDA C++, by `cairn cc` and by NVRTC's library: no headers or tools of NVIDIA's. */
#ifndef TOOLS_CC_CLANG_H
#define TOOLS_CC_CLANG_H

#define CC_CLANG "clang++-19" /* CAIRN_CLANG names another */
#define CC_CUDA_OPTIONS                                                                                   \
    "-x", "cuda", "-nocudainc", "-nocudalib", "--cuda-path=/nonexistent", "-Xclang", "-target-sdk-version=12.4", \
    "--cuda-gpu-arch=sm_80", "-Wno-unknown-cuda-version", "-D__CUDACC__=1", "-D__CUDACC_VER_MAJOR__=12",  \
    "-D__CUDACC_VER_MINOR__=4", "-D__CUDACC_VER_BUILD__=0", "-Wno-register", "-Xclang", "-fcuda-allow-variadic-functions",    \
    /* CUB would take these types from whatever toolkit is found */                                       \
    "-DCCCL_DISABLE_NVFP6_SUPPORT"
/* Line numbers always: they cost a few bytes of PTX, and reports about a kernel name its source line. */
#define CC_DEVICE_OPTIONS "-Xclang", "-target-feature", "-Xclang", "+ptx78", "--cuda-device-only", "-gline-tables-only"

#endif
