// __managed__ variables: the host and kernels see the same ones, from the begin of main on. nvcc accepts it too.
#include "../../examples/cuda/check.h"
#include <cstring>

struct pair {
    int count;
    float sums[3];
};

__device__ __managed__ int total = 5;
static __managed__ pair both = {1, {2, 3, 4}};
__managed__ float big[1000];
__managed__ int *pointer;
__device__ int ordinary = 11;
__constant__ int fixed = 13;

__global__ void add(int n)
{
    if (threadIdx.x == 0) {
        total += n;
        both.sums[1] += 0.5f;
        *pointer += 1000;
        ordinary += fixed;
    }
    big[threadIdx.x] = (float)(threadIdx.x * n);
}

static int failures;
#define EXPECT(condition)                                                \
    do {                                                                 \
        if (!(condition)) {                                              \
            std::printf("managed.cu:%d: %s: FAILED\n", __LINE__, #condition); \
            failures++;                                                  \
        }                                                                \
    } while (0)

int main()
{
    EXPECT(total == 5 && both.count == 1 && both.sums[2] == 4 && big[7] == 0 && !pointer);
    pointer = &total;
    total = 7;
    add<<<1, 256>>>(3);
    CHECK(cudaDeviceSynchronize());
    EXPECT(total == 1010 && both.sums[1] == 3.5f && big[255] == 765);

    int got = 0;
    CHECK(cudaMemcpyFromSymbol(&got, ordinary, sizeof got));
    EXPECT(got == 24);
    CHECK(cudaMemcpyFromSymbol(&got, total, sizeof got));
    EXPECT(got == 1010);
    void *address;
    size_t bytes;
    CHECK(cudaGetSymbolAddress(&address, big));
    CHECK(cudaGetSymbolSize(&bytes, big));
    EXPECT(address == big && bytes == sizeof big);
    CHECK(cudaMemset(big, 0, sizeof big));
    EXPECT(big[255] == 0);

    cudaPointerAttributes attributes;
    CHECK(cudaPointerGetAttributes(&attributes, &both.sums[1]));
    EXPECT(attributes.type == cudaMemoryTypeManaged && attributes.devicePointer == &both.sums[1]);
    EXPECT(cudaFree(big) != cudaSuccess);
    (void)cudaGetLastError();
    big[3] = 1;
    std::printf(failures ? "managed: %d failures\n" : "managed: passed\n", failures);
    return failures != 0;
}
