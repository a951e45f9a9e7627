/* cuRAND's host API beside its device API: both give the same sequence, and a kernel uses the numbers. Linked with -lcurand. */
#include "../../examples/cuda/check.h"
#include <curand.h>
#include <curand_kernel.h>

__global__ void k_first(float *out, unsigned long long seed)
{
    curandState s;
    curand_init(seed, threadIdx.x, 0, &s);
    out[threadIdx.x] = curand_uniform(&s);
}

__global__ void k_inside(const float *x, const float *y, unsigned *count, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n && x[i] * x[i] + y[i] * y[i] <= 1)
        atomicAdd(count, 1u);
}

int main()
{
    const int n = 1 << 18;
    device_array<float> points(2 * n), first(64);
    device_array<unsigned> count(std::vector<unsigned>{0});
    curandGenerator_t generator;
    double worst = curandCreateGenerator(&generator, CURAND_RNG_PSEUDO_DEFAULT) != CURAND_STATUS_SUCCESS;
    worst += curandSetPseudoRandomGeneratorSeed(generator, 42) != CURAND_STATUS_SUCCESS;
    worst += curandGenerateUniform(generator, points.data, 2 * n) != CURAND_STATUS_SUCCESS;
    k_inside<<<n / 256, 256>>>(points.data, points.data + n, count.data, n);
    k_first<<<1, 64>>>(first.data, 42);
    CHECK(cudaGetLastError());
    std::vector<float> host = points.host(), device = first.host();
    for (int i = 0; i < 64; i++)
        worst += host[i] != device[i];
    /* Pi, with six standard deviations of its estimate: 6 sqrt(pi (4 - pi) / n). */
    double pi = 4.0 * count.host()[0] / n;
    worst = std::fmax(worst, std::fabs(pi - M_PI) / (6 * std::sqrt(M_PI * (4 - M_PI) / n)));
    worst += curandDestroyGenerator(generator) != CURAND_STATUS_SUCCESS;
    return verdict("monte_carlo", worst, 1);
}
