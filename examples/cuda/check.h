/* What the examples share: a check of each call, and the verdict. */
#ifndef EXAMPLES_CUDA_CHECK_H
#define EXAMPLES_CUDA_CHECK_H
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>
#include <cuda_runtime.h>

#define CHECK(call)                                                                                        \
    do {                                                                                                   \
        cudaError_t error_ = (call);                                                                       \
        if (error_ != cudaSuccess) {                                                                       \
            std::fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(error_)); \
            std::exit(1);                                                                                  \
        }                                                                                                  \
    } while (0)

/* Device memory that holds a copy of a vector. */
template <class T> struct device_array {
    T *data = nullptr;
    size_t count;
    explicit device_array(size_t n) : count(n) { CHECK(cudaMalloc(&data, n * sizeof(T))); }
    explicit device_array(const std::vector<T> &v) : device_array(v.size())
    {
        CHECK(cudaMemcpy(data, v.data(), count * sizeof(T), cudaMemcpyHostToDevice));
    }
    std::vector<T> host() const
    {
        std::vector<T> v(count);
        CHECK(cudaMemcpy(v.data(), data, count * sizeof(T), cudaMemcpyDeviceToHost));
        return v;
    }
    ~device_array() { cudaFree(data); }
    device_array(const device_array &) = delete;
};

/* A number in [0, 1) for each i, the same on every machine. */
static inline float noise(unsigned i)
{
    i = (i ^ 61u) ^ (i >> 16);
    i *= 9u;
    i ^= i >> 4;
    i *= 0x27d4eb2du;
    i ^= i >> 15;
    return (float)(i >> 8) * 0x1p-24f;
}

static inline int verdict(const char *name, double worst, double bound)
{
    bool good = worst <= bound;
    std::printf("%s: %s (largest error %g, bound %g)\n", name, good ? "passed" : "FAILED", worst, bound);
    return good ? 0 : 1;
}

#endif
