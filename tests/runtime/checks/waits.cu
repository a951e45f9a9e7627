/* Launches a kernel, tells so, and waits until its input ends: what `cairn top` is tried on. */
#include <cstdio>
#include <cuda_runtime.h>

__global__ void twice(float *x) { x[blockIdx.x * blockDim.x + threadIdx.x] *= 2; }

int main()
{
    float *x = nullptr;
    if (cudaMalloc(&x, 1024 * sizeof *x) || cudaMemset(x, 0, 1024 * sizeof *x))
        return 1;
    for (int i = 0; i < 3; i++)
        twice<<<4, 256>>>(x);
    if (cudaDeviceSynchronize())
        return 1;
    std::puts("ran");
    std::fflush(stdout);
    while (std::getchar() != EOF)
        ;
    return cudaFree(x) != cudaSuccess;
}
