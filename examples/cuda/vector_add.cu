/* c = a + b, one thread for each element. */
#include "check.h"

__global__ void add(const float *a, const float *b, float *c, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        c[i] = a[i] + b[i];
}

int main()
{
    const int n = 1000003;
    std::vector<float> a(n), b(n);
    for (int i = 0; i < n; i++)
        a[i] = noise(i), b[i] = noise(i + n);
    device_array<float> da(a), db(b), dc(n);
    add<<<(n + 255) / 256, 256>>>(da.data, db.data, dc.data, n);
    CHECK(cudaGetLastError());
    std::vector<float> c = dc.host();
    double worst = 0;
    for (int i = 0; i < n; i++)
        worst = std::fmax(worst, std::fabs(c[i] - (a[i] + b[i])));
    return verdict("vector_add", worst, 0);
}
