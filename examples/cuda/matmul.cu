/* C = A B for square matrices: each block computes a tile of C, with tiles of A and B in shared memory. */
#include "check.h"

const int TILE = 16;

__global__ void matmul(const float *a, const float *b, float *c, int n)
{
    __shared__ float as[TILE][TILE], bs[TILE][TILE];
    int row = blockIdx.y * TILE + threadIdx.y, column = blockIdx.x * TILE + threadIdx.x;
    float sum = 0;
    for (int k = 0; k < n; k += TILE) {
        as[threadIdx.y][threadIdx.x] = a[row * n + k + threadIdx.x];
        bs[threadIdx.y][threadIdx.x] = b[(k + threadIdx.y) * n + column];
        __syncthreads();
        for (int i = 0; i < TILE; i++)
            sum += as[threadIdx.y][i] * bs[i][threadIdx.x];
        __syncthreads();
    }
    c[row * n + column] = sum;
}

int main()
{
    const int n = 256;
    std::vector<float> a(n * n), b(n * n);
    for (int i = 0; i < n * n; i++)
        a[i] = noise(i) - 0.5f, b[i] = noise(i + n * n) - 0.5f;
    device_array<float> da(a), db(b), dc(n * n);
    matmul<<<dim3(n / TILE, n / TILE), dim3(TILE, TILE)>>>(da.data, db.data, dc.data, n);
    CHECK(cudaGetLastError());
    std::vector<float> c = dc.host();
    double worst = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int k = 0; k < n; k++)
                sum += (double)a[i * n + k] * b[k * n + j];
            worst = std::fmax(worst, std::fabs(c[i * n + j] - sum));
        }
    return verdict("matmul", worst, 1e-4);
}
