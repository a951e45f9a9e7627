/* How often each of 256 values occurs: counted in shared memory, then added to the result. */
#include "check.h"

__global__ void histogram(const unsigned char *x, int n, unsigned *counts)
{
    __shared__ unsigned mine[256];
    for (int i = threadIdx.x; i < 256; i += blockDim.x)
        mine[i] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(&mine[x[i]], 1u);
    __syncthreads();
    for (int i = threadIdx.x; i < 256; i += blockDim.x)
        atomicAdd(&counts[i], mine[i]);
}

int main()
{
    const int n = 500000;
    std::vector<unsigned char> x(n);
    std::vector<unsigned> expected(256);
    for (int i = 0; i < n; i++)
        expected[x[i] = (unsigned char)(noise(i) * noise(i + n) * 256)]++;
    device_array<unsigned char> dx(x);
    device_array<unsigned> counts(std::vector<unsigned>(256, 0u));
    histogram<<<32, 128>>>(dx.data, n, counts.data);
    CHECK(cudaGetLastError());
    std::vector<unsigned> got = counts.host();
    double worst = 0;
    for (int i = 0; i < 256; i++)
        worst = std::fmax(worst, std::fabs((double)got[i] - expected[i]));
    return verdict("histogram", worst, 0);
}
