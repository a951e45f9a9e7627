/* The sum of an array: each warp adds by shuffles, each block in shared memory, the grid by one atomic. */
#include "check.h"

__device__ float warp_sum(float x)
{
    for (int offset = 16; offset > 0; offset /= 2)
        x += __shfl_down_sync(0xffffffff, x, offset);
    return x;
}

__global__ void sum(const float *x, int n, float *total)
{
    __shared__ float partial[32];
    float mine = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        mine += x[i];
    mine = warp_sum(mine);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    if (lane == 0)
        partial[warp] = mine;
    __syncthreads();
    if (warp == 0) {
        mine = lane < blockDim.x / 32 ? partial[lane] : 0;
        mine = warp_sum(mine);
        if (lane == 0)
            atomicAdd(total, mine);
    }
}

int main()
{
    const int n = 1 << 20;
    std::vector<float> x(n);
    double expected = 0;
    for (int i = 0; i < n; i++)
        expected += x[i] = noise(i);
    device_array<float> dx(x), total(std::vector<float>(1, 0.0f));
    sum<<<64, 256>>>(dx.data, n, total.data);
    CHECK(cudaGetLastError());
    return verdict("reduction", std::fabs(total.host()[0] - expected) / expected, 1e-5);
}
