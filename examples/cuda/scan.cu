/* The running sums of an array in three kernels: sums within blocks, the sums of the blocks before each,
 * and their addition. */
#include "check.h"

const int BLOCK = 256;

/* Sums within a block, doubling the distance at each step (Hillis and Steele, 1986). */
__global__ void scan_blocks(const int *x, int *y, int *totals, int n)
{
    __shared__ int s[2][BLOCK];
    int i = blockIdx.x * BLOCK + threadIdx.x, t = threadIdx.x, from = 0;
    s[0][t] = i < n ? x[i] : 0;
    __syncthreads();
    for (int distance = 1; distance < BLOCK; distance *= 2, from = 1 - from) {
        s[1 - from][t] = s[from][t] + (t >= distance ? s[from][t - distance] : 0);
        __syncthreads();
    }
    if (i < n)
        y[i] = s[from][t];
    if (t == BLOCK - 1)
        totals[blockIdx.x] = s[from][t];
}

__global__ void scan_totals(int *totals, int blocks)
{
    int sum = 0;
    for (int b = 0; b < blocks; b++) {
        int x = totals[b];
        totals[b] = sum;
        sum += x;
    }
}

__global__ void add_totals(int *y, const int *totals, int n)
{
    int i = blockIdx.x * BLOCK + threadIdx.x;
    if (i < n)
        y[i] += totals[blockIdx.x];
}

int main()
{
    const int n = 300007, blocks = (n + BLOCK - 1) / BLOCK;
    std::vector<int> x(n);
    for (int i = 0; i < n; i++)
        x[i] = (int)(noise(i) * 100) - 50;
    device_array<int> dx(x), dy(n), totals(blocks);
    scan_blocks<<<blocks, BLOCK>>>(dx.data, dy.data, totals.data, n);
    scan_totals<<<1, 1>>>(totals.data, blocks);
    add_totals<<<blocks, BLOCK>>>(dy.data, totals.data, n);
    CHECK(cudaGetLastError());
    std::vector<int> y = dy.host();
    int sum = 0, wrong = 0;
    for (int i = 0; i < n; i++)
        wrong += y[i] != (sum += x[i]);
    return verdict("scan", wrong, 0);
}
