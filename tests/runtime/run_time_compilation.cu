/* A program that compiles a kernel for a type and a constant which it chooses while it runs. Linked with -lnvrtc -lcuda. */
#include "../../examples/cuda/check.h"
#include <cuda.h>
#include <nvrtc.h>
#include <string>

static const char source[] = "template <class T> __global__ void power(const T *x, T *y, int n)\n"
                             "{\n"
                             "    int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
                             "    T product = 1;\n"
                             "    for (int k = 0; k < EXPONENT && i < n; k++)\n"
                             "        product *= x[i];\n"
                             "    if (i < n)\n"
                             "        y[i] = product;\n"
                             "}\n";

int main()
{
    nvrtcProgram program;
    const char *options[] = {"--gpu-architecture=compute_80", "-DEXPONENT=3", "--std=c++17"}, *name;
    size_t bytes;
    double worst = nvrtcCreateProgram(&program, source, "power.cu", 0, nullptr, nullptr) != NVRTC_SUCCESS;
    worst += nvrtcAddNameExpression(program, "power<double>") != NVRTC_SUCCESS;
    worst += nvrtcCompileProgram(program, 3, options) != NVRTC_SUCCESS;
    worst += nvrtcGetPTXSize(program, &bytes) != NVRTC_SUCCESS;
    std::string ptx(bytes, '\0');
    worst += nvrtcGetPTX(program, &ptx[0]) != NVRTC_SUCCESS;
    worst += nvrtcGetLoweredName(program, "power<double>", &name) != NVRTC_SUCCESS;

    int n = 1000;
    std::vector<double> x(n);
    for (int i = 0; i < n; i++)
        x[i] = noise(i);
    device_array<double> dx(x), dy(n);
    CUmodule module;
    CUfunction function;
    void *arguments[] = {&dx.data, &dy.data, &n};
    worst += cuModuleLoadData(&module, ptx.c_str()) != CUDA_SUCCESS;
    worst += cuModuleGetFunction(&function, module, name) != CUDA_SUCCESS;
    worst += cuLaunchKernel(function, 4, 1, 1, 256, 1, 1, 0, nullptr, arguments, nullptr) != CUDA_SUCCESS;
    worst += nvrtcDestroyProgram(&program) != NVRTC_SUCCESS;
    std::vector<double> y = dy.host();
    for (int i = 0; i < n; i++)
        worst = std::fmax(worst, std::fabs(y[i] - x[i] * x[i] * x[i]));
    cuModuleUnload(module);
    return verdict("run_time_compilation", worst, 0);
}
