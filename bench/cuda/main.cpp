/* Times each kernel in both forms, in turn, and prints OpenMP's time over CUDA's: above 1, CUDA C is faster.
 *
 *     bench_cuda [NAME...]      the geometric mean of all is required to be 1, and none below 0.5 */
#include "bench.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

struct kernel {
    const char *name;
    size_t in, out;
    bool exact;
    void (*cuda)(const float *, float *), (*openmp)(const float *, float *);
};
static const kernel kernels[] = {
#define X(name, in, out, exact) {#name, (size_t)(in), (size_t)(out), exact, name##_cuda, name##_openmp},
    KERNELS(X)
#undef X
};

static double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/* Words with any bits where integers are meant; else numbers from 0.5 to 1.5, which all kernels can live with. */
static void fill(const kernel &k, float *x)
{
    unsigned state = 12345;
    for (size_t i = 0; i < k.in; i++) {
        state = state * 1664525u + 1013904223u;
        if (k.exact)
            std::memcpy(&x[i], &state, sizeof state);
        else
            x[i] = 0.5f + (state >> 8) * 0x1p-24f;
    }
    if (std::strcmp(k.name, "ray_tracing") == 0)
        for (size_t i = 0; i < k.in; i++)
            x[i] = i % 4 == 3 ? 0.15f * x[i] : 3 * (x[i] - 1);
    if (std::strcmp(k.name, "reduction") == 0)
        for (size_t i = 0; i < k.in; i++)
            x[i] = (x[i] - 0.5f) * 0x1p-10f;
}

static bool agree(const kernel &k, const float *a, const float *b)
{
    if (k.exact)
        return std::memcmp(a, b, k.out * sizeof *a) == 0;
    size_t far = 0;
    for (size_t i = 0; i < k.out; i++)
        far += !(std::fabs(a[i] - b[i]) <= 1e-3f * (std::fabs(a[i]) + 1));
    /* A ray that grazes a sphere may go either way, as may a point at the edge of the set. */
    bool fickle = std::strcmp(k.name, "ray_tracing") == 0 || std::strcmp(k.name, "mandelbrot") == 0;
    return far <= (fickle ? k.out / 100 : 0);
}

static double measure(const kernel &k, const float *in, float *cuda, float *openmp)
{
    std::vector<double> c, o;
    k.cuda(in, cuda);
    k.openmp(in, openmp);
    bool good = agree(k, cuda, openmp);
    for (int i = 0; i < 9; i++) {
        double t0 = now();
        k.cuda(in, cuda);
        double t1 = now();
        k.openmp(in, openmp);
        c.push_back(t1 - t0);
        o.push_back(now() - t1);
    }
    double best_c = *std::min_element(c.begin(), c.end()), best_o = *std::min_element(o.begin(), o.end());
    std::printf("%-18s cuda %8.3f ms   openmp %8.3f ms   ratio %5.2f%s\n", k.name, best_c * 1e3, best_o * 1e3, best_o / best_c,
                good ? "" : "   RESULTS DIFFER");
    return good ? best_o / best_c : 0;
}

int main(int argc, char **argv)
{
    double logs = 0, least = 1e9;
    int count = 0;
    for (const kernel &k : kernels) {
        bool wanted = argc < 2;
        for (int i = 1; i < argc; i++)
            wanted |= std::strcmp(argv[i], k.name) == 0;
        if (!wanted)
            continue;
        float *in = bench_memory(k.in), *a = bench_memory(k.out), *b = bench_memory(k.out);
        fill(k, in);
        double ratio = measure(k, in, a, b);
        logs += std::log(ratio > 0 ? ratio : 1e-9);
        least = std::min(least, ratio);
        count++;
    }
    if (!count) {
        std::fprintf(stderr, "no such kernel\n");
        return 2;
    }
    std::printf("%d kernels: geometric mean %.2f (required 1.00), least %.2f (required 0.50)\n", count, std::exp(logs / count), least);
    return 0;
}
