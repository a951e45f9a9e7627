/* Fifteen kernels, each written twice: in CUDA C (cuda.cu) and in OpenMP C++ (openmp.cpp). main.cpp times both on the
 * same data, compares what they give, and prints the ratios. */
#ifndef BENCH_CUDA_H
#define BENCH_CUDA_H
#include <cstddef>

/* X(name, words in, words out, exact): a word is a float, or an unsigned int where results are compared exactly. */
#define KERNELS(X)                                                    \
    X(stencil, STENCIL_N *STENCIL_N *STENCIL_N, STENCIL_N *STENCIL_N *STENCIL_N, false) \
    X(nbody, 4 * BODIES, 4 * BODIES, false)                           \
    X(black_scholes, 3 * OPTIONS, 2 * OPTIONS, false)                 \
    X(matmul, 2 * MATRIX * MATRIX, MATRIX * MATRIX, false)            \
    X(reduction, NUMBERS, 1, false)                                   \
    X(scan, NUMBERS, NUMBERS, true)                                   \
    X(histogram, NUMBERS / 4, 256, true)                              \
    X(sort, KEYS, KEYS, true)                                         \
    X(mandelbrot, 1, WIDTH * WIDTH, true)                             \
    X(ray_tracing, 4 * SPHERES, WIDTH * WIDTH, false)                 \
    X(lattice_boltzmann, 9 * CELLS * CELLS, 9 * CELLS * CELLS, false) \
    X(spmv, ROWS *(ROW_ENTRIES + 1), ROWS, false)                     \
    X(hashing, RECORDS *RECORD_WORDS, RECORDS, true)                  \
    X(softmax, SOFT_ROWS *SOFT_COLUMNS, SOFT_ROWS *SOFT_COLUMNS, false) \
    X(transpose, SIDE *SIDE, SIDE *SIDE, false)

enum : int {
    STENCIL_N = 160, BODIES = 4096, OPTIONS = 1 << 20, MATRIX = 512, NUMBERS = 1 << 22, KEYS = 1 << 20, WIDTH = 512, SPHERES = 16,
    CELLS = 512, ROWS = 1 << 17, ROW_ENTRIES = 16, RECORDS = 1 << 18, RECORD_WORDS = 16, SOFT_ROWS = 2048, SOFT_COLUMNS = 1024,
    SIDE = 2048
};

#if defined(__CUDACC__)
#define BENCH_BOTH __host__ __device__ static inline
#else
#define BENCH_BOTH static inline
#endif

/* The constants of Black and Scholes' model, of the lattice, and of the scene. */
constexpr float RATE = 0.02f, VOLATILITY = 0.30f;
constexpr float OMEGA = 1.2f;
BENCH_BOTH constexpr int lattice_x(int q) { return q == 1 || q == 5 || q == 8 ? 1 : q == 3 || q == 6 || q == 7 ? -1 : 0; }
BENCH_BOTH constexpr int lattice_y(int q) { return q == 2 || q == 5 || q == 6 ? 1 : q == 4 || q == 7 || q == 8 ? -1 : 0; }
BENCH_BOTH constexpr float lattice_weight(int q) { return q == 0 ? 4 / 9.0f : q < 5 ? 1 / 9.0f : 1 / 36.0f; }
/* Column k of row i of the sparse matrix: a band, and entries far from it. */
BENCH_BOTH int column_of(int i, int k) { return k < 12 ? (i + k * 3) % ROWS : (int)(((unsigned)i * 2654435761u + (unsigned)k * 40503u) % ROWS); }
BENCH_BOTH unsigned mix(unsigned h, unsigned word)
{
    word *= 0xcc9e2d51u;
    word = word << 15 | word >> 17;
    h ^= word * 0x1b873593u;
    return (h << 13 | h >> 19) * 5 + 0xe6546b64u;
}
BENCH_BOTH unsigned finish(unsigned h)
{
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}

#define X(name, in, out, exact) \
    void name##_cuda(const float *from, float *to); \
    void name##_openmp(const float *from, float *to);
KERNELS(X)
#undef X
/* Memory that both sides use. */
float *bench_memory(size_t words);

#endif
