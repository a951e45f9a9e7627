/* What CAIRN_CUDA_CHECK costs: the time of each kernel of cuda.cu, on device memory, as the environment has the checks.
 * checks.sh runs it with each of them and prints the ratios.
 *
 *     bench_checks NAME...      a line "name milliseconds" for each, the best of a second's runs, of three at least */
#include "cuda.cu"
#include <chrono>
#include <cstring>
#include <vector>

static double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

static double best_time(size_t in, size_t out, void (*run)(const float *, float *))
{
    std::vector<float> numbers(in);
    float *from, *to;
    for (size_t i = 0; i < in; i++)
        numbers[i] = 0.5f + (i * 2654435761u >> 8 & 0xffff) * 0x1p-16f;
    check(cudaMalloc(&from, in * sizeof *from));
    check(cudaMalloc(&to, out * sizeof *to));
    check(cudaMemcpy(from, numbers.data(), in * sizeof *from, cudaMemcpyHostToDevice));
    run(from, to);
    double best = 1e9, all = 0;
    for (int i = 0; i < 3 || all < 1; i++) {
        double begin = now();
        run(from, to);
        double time = now() - begin;
        best = time < best ? time : best;
        all += time;
    }
    check(cudaFree(from));
    check(cudaFree(to));
    return best;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
#define X(name, in, out, exact)          \
    if (std::strcmp(argv[i], #name) == 0) \
        std::printf("%s %.3f\n", #name, 1e3 * best_time((size_t)(in), (size_t)(out), name##_cuda));
        KERNELS(X)
#undef X
    }
    return 0;
}
