/* Eight-bit floats: every bfloat16 and many floats, converted on the device and held against all 256 values on the host. */
#include "../../examples/cuda/check.h"
#include <cuda_fp8.h>
#include <cmath>
#include <cstdlib>
#include <cstring>

struct result {
    unsigned char e4m3, e5m2, open4, open5;
    float back4, back5;
};

__global__ void convert(const float *x, result *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n)
        return;
    __nv_fp8_e4m3 a(x[i]);
    __nv_fp8_e5m2 b((double)x[i]);
    y[i] = {a.__x, b.__x, __nv_cvt_float_to_fp8(x[i], __NV_NOSAT, __NV_E4M3), __nv_cvt_float_to_fp8(x[i], __NV_NOSAT, __NV_E5M2),
            float(a), float(b)};
}

/* The value of a code by the formats' definition. */
static double value(int code, int digits, int bias)
{
    int exponent = (code & 127) >> digits, fraction = code & ((1 << digits) - 1);
    double size = exponent ? std::ldexp((1 << digits) + fraction, exponent - bias - digits) : std::ldexp(fraction, 1 - bias - digits);
    return code & 128 ? -size : size;
}

/* The nearest of the finite codes; of two, the even one. */
static int nearest(double x, int digits, int bias, int most)
{
    int best = 0, sign = std::signbit(x) ? 128 : 0;
    if (std::fabs(x) >= value(most, digits, bias)) /* far out the distances no longer differ */
        return most | sign;
    for (int c = 1; c <= most; c++) {
        double d = std::fabs(std::fabs(x) - value(c, digits, bias)), b = std::fabs(std::fabs(x) - value(best, digits, bias));
        if (d < b || (d == b && !(c & 1)))
            best = c;
    }
    return best | sign;
}

static bool agrees(double x, int code, int open, float back, int digits, int bias, int most)
{
    if (x != x)
        return (code & 127) > most + (most == 0x7b) && back != back && (open & 127) > most + (most == 0x7b);
    int want = nearest(x, digits, bias, most);
    /* Half a step above the largest number is where rounding would leave the format. */
    double edge = value(most, digits, bias) + (value(most, digits, bias) - value(most - 1, digits, bias)) / 2;
    bool over = std::fabs(x) > edge || (std::fabs(x) == edge && (most & 1));
    return code == want && open == (over ? (want & 128) + most + 1 : want) && (double)back == value(want, digits, bias);
}

int main()
{
    const int n = 1 << 17;
    float *x;
    result *y;
    CHECK(cudaMallocManaged(&x, n * sizeof *x));
    CHECK(cudaMallocManaged(&y, n * sizeof *y));
    std::srand(8);
    for (int i = 0; i < n; i++) {
        unsigned bits = (unsigned)i << 16;
        if (i < 65536)
            std::memcpy(&x[i], &bits, sizeof bits);
        else
            x[i] = std::ldexp((float)(std::rand() % 4096 - 2048), i % 36 - 28);
    }
    convert<<<n / 256, 256>>>(x, y, n);
    CHECK(cudaDeviceSynchronize());
    int bad = 0;
    for (int i = 0; i < n; i++)
        bad += !agrees(x[i], y[i].e4m3, y[i].open4, y[i].back4, 3, 7, 0x7e) ||
               !agrees(x[i], y[i].e5m2, y[i].open5, y[i].back5, 2, 15, 0x7b);
    return verdict("fp8", bad, 0);
}
