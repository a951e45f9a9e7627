/* CAIRN_CUDA_CHECK against kernels with one planted bug each, and against correct ones that look suspicious.
 *
 * Without an argument this runs itself once for each case and compares what was reported: the kind of finding and the line,
 * which is the one that has BUG(name) in it. A correct case must report nothing. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>
#include <cooperative_groups.h>
#include <cuda_runtime.h>

enum { N = 1000, THREADS = 256 };
#define TID (blockIdx.x * blockDim.x + threadIdx.x)

/* ---- Memory: out of bounds ------------------------------------------------------------------------------ */
__global__ void write_behind(int *x) { x[TID] = 1; /* BUG(write_behind) */ }
__global__ void read_behind(const int *x, int *y) { if (TID < N) y[TID] = x[TID + 1]; /* BUG(read_behind) */ }
__global__ void read_before(const int *x, int *y) { if (TID < N) y[TID] = x[(int)TID - 1]; /* BUG(read_before) */ }
__global__ void last_column(float *x, int n) { if (TID <= n) x[TID] = 0; /* BUG(last_column) */ }
__global__ void wrong_pitch(float *x, int w, int h)
{
    int i = threadIdx.x, j = blockIdx.x;
    if (i < w && j < h)
        x[i * w + j] = 1; /* BUG(wrong_pitch) */
}
__global__ void vector_tail(const float4 *x, float *y)
{
    float4 v = x[TID]; /* BUG(vector_tail) */
    y[TID] = v.x + v.y + v.z + v.w;
}
__global__ void atomic_behind(int *x) { atomicAdd(&x[threadIdx.x * 8], 1); /* BUG(atomic_behind) */ }
__global__ void shared_behind(int *y)
{
    __shared__ volatile int s[64];
    s[threadIdx.x * 400] = 1; /* BUG(shared_behind) */
    __syncthreads();
    y[threadIdx.x] = s[threadIdx.x & 62];
}
__global__ void dynamic_behind(int *y)
{
    extern __shared__ int s[];
    s[threadIdx.x] = 1; /* BUG(dynamic_behind) */
    __syncthreads();
    y[threadIdx.x] = s[0];
}
__global__ void null_pointer(int *x) { x[threadIdx.x] = 1; /* BUG(null_pointer) */ }
__global__ void host_pointer(int *x) { x[threadIdx.x] = 1; /* BUG(host_pointer) */ }
__device__ int table[16];
__global__ void variable_behind(int *y, int i) { y[threadIdx.x] = table[threadIdx.x + i]; /* BUG(variable_behind) */ }
__device__ static int helper(const int *x, int i) { return x[2 * i]; /* BUG(in_a_function) */ }
__global__ void in_a_function(const int *x, int *y) { if (TID < N) y[TID] = helper(x, TID); }
__global__ void heap_behind(int *y)
{
    volatile int *p = (volatile int *)malloc(16);
    p[threadIdx.x + 4] = 1; /* BUG(heap_behind) */
    y[0] = p[0];
    free((void *)p);
}

/* ---- Memory: alignment, lifetime ------------------------------------------------------------------------ */
__global__ void odd_float4(const float *x, float *y)
{
    float4 v = *(const float4 *)(x + 1 + 4 * threadIdx.x); /* BUG(odd_float4) */
    y[threadIdx.x] = v.x + v.y + v.z + v.w;
}
__global__ void odd_double(char *x) { *(double *)(x + 4 + 8 * threadIdx.x) = 1; /* BUG(odd_double) */ }
__global__ void odd_shared(int *y)
{
    __shared__ __align__(16) char s[1024];
    *(int *)(s + 2 + 4 * threadIdx.x) = 1; /* BUG(odd_shared) */
    __syncthreads();
    y[threadIdx.x] = s[threadIdx.x];
}
__global__ void after_free(int *x) { x[threadIdx.x] = 1; /* BUG(after_free) */ }
__global__ void read_after_free(const int *x, int *y) { y[threadIdx.x] = x[threadIdx.x]; /* BUG(read_after_free) */ }
__global__ void heap_after_free(int *y)
{
    int *p = (int *)malloc(16);
    p[0] = 1;
    free(p);
    y[0] = *(volatile int *)p; /* BUG(heap_after_free) */
}

/* ---- Races in shared memory ------------------------------------------------------------------------------ */
__global__ void no_barrier(const int *x, int *y)
{
    __shared__ int s[THREADS];
    s[threadIdx.x] = x[threadIdx.x];
    y[threadIdx.x] = s[THREADS - 1 - threadIdx.x]; /* BUG(no_barrier) */
}
__global__ void no_barrier_in_loop(const int *x, int *y)
{
    __shared__ int s[THREADS];
    for (int k = 0; k < 4; k++) {
        s[threadIdx.x] = x[threadIdx.x] + k; /* BUG(no_barrier_in_loop) */
        __syncthreads();
        y[threadIdx.x] += s[(threadIdx.x + 37) % THREADS];
    }
}
__global__ void reduction_without(const int *x, int *y)
{
    __shared__ int s[THREADS];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    for (int d = THREADS / 2; d > 0; d /= 2)
        if (threadIdx.x < d)
            s[threadIdx.x] += s[threadIdx.x + d]; /* BUG(reduction_without) */
    if (threadIdx.x == 0)
        y[0] = s[0];
}
__global__ void warp_reduction_without(const int *x, int *y)
{
    __shared__ int s[64];
    s[threadIdx.x] = x[threadIdx.x];
    s[threadIdx.x + 32] = 0;
    __syncwarp();
    for (int d = 16; d > 0; d /= 2)
        s[threadIdx.x] += s[threadIdx.x + d]; /* BUG(warp_reduction_without) */
    y[threadIdx.x] = s[0];
}
__global__ void scan_in_place(const int *x, int *y)
{
    __shared__ int s[THREADS];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    for (int d = 1; d < THREADS; d *= 2) {
        int v = threadIdx.x >= d ? s[threadIdx.x - d] : 0;
        s[threadIdx.x] += v; /* BUG(scan_in_place) */
        __syncthreads();
    }
    y[threadIdx.x] = s[threadIdx.x];
}
__global__ void counter_in_shared(const int *x, int *y)
{
    __shared__ int count;
    if (threadIdx.x == 0)
        count = 0;
    __syncthreads();
    if (x[threadIdx.x] >= 0)
        count = count + 1; /* BUG(counter_in_shared) */
    __syncthreads();
    y[threadIdx.x] = count;
}
__global__ void flag_without(int *y)
{
    __shared__ int last;
    if (threadIdx.x == 200)
        last = 7;
    y[threadIdx.x] = last; /* BUG(flag_without) */
}
__global__ void atomic_and_plain(int *y)
{
    __shared__ int s;
    if (threadIdx.x == 0)
        s = 0;
    __syncthreads();
    atomicAdd(&s, 1);
    y[threadIdx.x] = s; /* BUG(atomic_and_plain) */
}
__global__ void dynamic_tiles(const int *x, int *y)
{
    extern __shared__ int s[];
    int *a = s, *b = s + 200; /* one tile has 256 */
    a[threadIdx.x] = x[threadIdx.x];
    b[threadIdx.x] = 0; /* BUG(dynamic_tiles) */
    __syncthreads();
    y[threadIdx.x] = a[threadIdx.x] + b[threadIdx.x];
}
__global__ void bytes_of_a_word(unsigned char *y)
{
    __shared__ unsigned char s[THREADS + 4];
    s[threadIdx.x + 1] = 1;
    y[threadIdx.x] = s[threadIdx.x / 2]; /* BUG(bytes_of_a_word) */
}

/* ---- Races in global memory ------------------------------------------------------------------------------ */
__global__ void histogram_without(const int *x, int *h) { h[x[TID] & 15] += 1; /* BUG(histogram_without) */ }
__global__ void blocks_share(int *x) { x[threadIdx.x] = blockIdx.x; /* BUG(blocks_share) */ }
__global__ void stencil_in_place(float *x)
{
    int i = TID;
    if (i > 0 && i < 1023)
        x[i] = x[i - 1] + x[i + 1]; /* BUG(stencil_in_place) */
}
__global__ void sum_without(const float *x, float *sum) { sum[0] += x[TID]; /* BUG(sum_without) */ }
__global__ void neighbour_block(int *x, int *y)
{
    x[TID] = TID;
    __syncthreads();
    y[TID] = x[(TID + THREADS) % (4 * THREADS)]; /* BUG(neighbour_block) */
}
__device__ unsigned ticket;
__global__ void last_block_no_fence(int *part, int *out)
{
    __shared__ bool last;
    if (threadIdx.x == 0) {
        part[blockIdx.x] = blockIdx.x;
        last = atomicAdd(&ticket, 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0)
        for (int i = 0; i < gridDim.x; i++)
            out[0] += part[i]; /* BUG(last_block_no_fence) */
}
__global__ void broadcast_too_early(int *x, int *y)
{
    if (TID == 40)
        x[0] = 2;
    y[TID] = x[0]; /* BUG(broadcast_too_early) */
}
__global__ void same_block_global(int *x)
{
    x[threadIdx.x] = 1;
    x[(threadIdx.x + 64) % THREADS] = 2; /* BUG(same_block_global) */
}
__global__ void flag_not_atomic(int *data, int *flag, int *out)
{
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        *data = 1;
        *flag = 1;
    }
    if (blockIdx.x == 1 && threadIdx.x == 0)
        *out = *flag; /* BUG(flag_not_atomic) */
}

/* ---- Barriers -------------------------------------------------------------------------------------------- */
__global__ void barrier_in_branch(int *y)
{
    if (threadIdx.x < 40)
        __syncthreads(); /* BUG(barrier_in_branch) */
    y[threadIdx.x] = 1;
}
__global__ void barrier_in_odd_loop(int *y)
{
    for (int i = 0; i < 2 + (threadIdx.x & 1); i++)
        __syncthreads(); /* BUG(barrier_in_odd_loop) */
    y[threadIdx.x] = 1;
}

/* ---- Uninitialised --------------------------------------------------------------------------------------- */
__global__ void never_written(const float *x, float *y) { y[threadIdx.x] = x[threadIdx.x] + 1; /* BUG(never_written) */ }
__global__ void half_written(const float *x, float *y) { y[threadIdx.x] = x[threadIdx.x]; /* BUG(half_written) */ }
__global__ void accumulates(float *y) { y[threadIdx.x] += 1; /* BUG(accumulates) */ }
__global__ void atomic_on_new(int *y) { atomicAdd(y, 1); /* BUG(atomic_on_new) */ }
__global__ void shared_not_filled(int *y)
{
    __shared__ int s[THREADS];
    if (threadIdx.x < 100)
        s[threadIdx.x] = 1;
    __syncthreads();
    y[threadIdx.x] = s[threadIdx.x]; /* BUG(shared_not_filled) */
}
__global__ void shared_of_block_before(int *y)
{
    __shared__ int s[THREADS];
    if (blockIdx.x == 0)
        s[threadIdx.x] = 1;
    __syncthreads();
    y[TID] = s[threadIdx.x]; /* BUG(shared_of_block_before) */
}
__global__ void copied_garbage(const int *x, int *y) { y[threadIdx.x] = x[threadIdx.x]; /* BUG(copied_garbage) */ }
__global__ void heap_garbage(int *y)
{
    int *p = (int *)malloc(64);
    y[0] = *(volatile int *)(p + 3); /* BUG(heap_garbage) */
    free(p);
}

/* ---- Correct ones ----------------------------------------------------------------------------------------- */
__global__ void good_reduction(const int *x, int *y)
{
    __shared__ int s[THREADS];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    for (int d = THREADS / 2; d > 0; d /= 2) {
        if (threadIdx.x < d)
            s[threadIdx.x] += s[threadIdx.x + d];
        __syncthreads();
    }
    if (threadIdx.x == 0)
        y[blockIdx.x] = s[0];
}
__global__ void good_volatile_warp(const int *x, int *y)
{
    __shared__ volatile int s[64];
    s[threadIdx.x] = x[threadIdx.x];
    s[threadIdx.x + 32] = 0;
    for (int d = 16; d > 0; d /= 2)
        s[threadIdx.x] = s[threadIdx.x] + s[threadIdx.x + d];
    y[threadIdx.x] = s[threadIdx.x];
}
__global__ void good_syncwarp(const int *x, int *y)
{
    __shared__ int s[64];
    s[threadIdx.x] = x[threadIdx.x];
    s[threadIdx.x + 32] = 0;
    __syncwarp();
    for (int d = 16; d > 0; d /= 2) {
        int v = s[threadIdx.x] + s[threadIdx.x + d];
        __syncwarp();
        s[threadIdx.x] = v;
        __syncwarp();
    }
    y[threadIdx.x] = s[threadIdx.x];
}
__global__ void good_shuffle(const int *x, int *y)
{
    int v = x[TID];
    for (int d = 16; d > 0; d /= 2)
        v += __shfl_down_sync(~0u, v, d);
    if (threadIdx.x % 32 == 0)
        atomicAdd(y, v);
}
__global__ void good_histogram(const int *x, int *h)
{
    __shared__ int s[16];
    if (threadIdx.x < 16)
        s[threadIdx.x] = 0;
    __syncthreads();
    atomicAdd(&s[x[TID] & 15], 1);
    __syncthreads();
    if (threadIdx.x < 16)
        atomicAdd(&h[threadIdx.x], s[threadIdx.x]);
}
__global__ void good_last_block(int *part, int *out)
{
    __shared__ bool last;
    if (threadIdx.x == 0) {
        part[blockIdx.x] = blockIdx.x;
        __threadfence();
        last = atomicAdd(&ticket, 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0)
        for (int i = 0; i < gridDim.x; i++)
            out[0] += part[i];
}
__global__ void good_bytes(unsigned char *y)
{
    __shared__ unsigned char s[THREADS];
    s[threadIdx.x] = (unsigned char)threadIdx.x;
    y[TID] = s[threadIdx.x];
}
__global__ void good_same_value(int *found, const int *x)
{
    if (x[TID] < 0)
        *found = 1;
}
__global__ void good_early_exit(int *y)
{
    if (threadIdx.x >= 100)
        return;
    __syncthreads();
    y[threadIdx.x] = 1;
}
__global__ void good_reused_tile(const int *x, int *y)
{
    __shared__ int s[THREADS];
    int sum = 0;
    for (int k = 0; k < 4; k++) {
        s[threadIdx.x] = x[threadIdx.x] + k;
        __syncthreads();
        sum += s[(threadIdx.x + 37) % THREADS];
        __syncthreads();
    }
    y[threadIdx.x] = sum;
}
__global__ void good_heap(int *y)
{
    int *p = (int *)malloc(16);
    for (int i = 0; i < 4; i++)
        p[i] = i;
    y[TID] = p[3];
    free(p);
}
/* Blocks of a cooperative launch take turns; each keeps its shared memory. */
__global__ void good_grid_barrier(int *y)
{
    __shared__ int s[64];
    s[threadIdx.x] = threadIdx.x;
    cooperative_groups::this_grid().sync();
    y[TID] = s[threadIdx.x];
}
__global__ void good_managed(int *x) { x[threadIdx.x] += 1; }

static void run_good_grid_barrier()
{
    int *y = nullptr;
    cudaMalloc(&y, 128 * sizeof *y);
    void *args[] = {&y};
    cudaLaunchCooperativeKernel((void *)good_grid_barrier, 2, 64, args, 0, 0);
}

/* ---- Running them ------------------------------------------------------------------------------------------ */
template <class T> static T *fresh(size_t n)
{
    T *p = nullptr;
    cudaMalloc(&p, n * sizeof(T));
    return p;
}
template <class T> static T *filled(size_t n)
{
    T *p = fresh<T>(n);
    std::vector<T> v(n, T(1));
    cudaMemcpy(p, v.data(), n * sizeof(T), cudaMemcpyHostToDevice);
    return p;
}

struct test_case {
    const char *name, *kind, *words;
    void (*run)();
};
#define CASE(name, kind, words, code) {#name, kind, words, [] { code; cudaDeviceSynchronize(); }}
static int garbage_target[64];
static const test_case cases[] = {
    CASE(write_behind, "out of bounds", "memory", (write_behind<<<4, THREADS>>>(filled<int>(N)))),
    CASE(read_behind, "out of bounds", "memory", (read_behind<<<4, THREADS>>>(filled<int>(N), filled<int>(N)))),
    CASE(read_before, "out of bounds", "memory", (read_before<<<4, THREADS>>>(filled<int>(N), filled<int>(N)))),
    CASE(last_column, "out of bounds", "memory", (last_column<<<4, THREADS>>>(filled<float>(N), N))),
    CASE(wrong_pitch, "out of bounds", "memory", (wrong_pitch<<<10, 64>>>(filled<float>(640), 64, 10))),
    CASE(vector_tail, "out of bounds", "memory", (vector_tail<<<1, 64>>>((float4 *)filled<float>(250), filled<float>(64)))),
    CASE(atomic_behind, "out of bounds", "memory", (atomic_behind<<<1, 64>>>(filled<int>(500)))),
    CASE(shared_behind, "out of bounds", "memory", (shared_behind<<<1, 64>>>(filled<int>(64)))),
    CASE(dynamic_behind, "out of bounds", "memory", (dynamic_behind<<<1, 64, 63 * 4>>>(filled<int>(64)))),
    CASE(null_pointer, "out of bounds", "memory", (null_pointer<<<1, 64>>>(nullptr))),
    CASE(host_pointer, "out of bounds", "memory", (host_pointer<<<1, 64>>>(garbage_target))),
    CASE(variable_behind, "out of bounds", "memory", (variable_behind<<<1, 16>>>(filled<int>(16), 4))),
    CASE(in_a_function, "out of bounds", "memory", (in_a_function<<<4, THREADS>>>(filled<int>(N), filled<int>(N)))),
    CASE(heap_behind, "out of bounds", "memory", (heap_behind<<<1, 1>>>(filled<int>(1)))),
    CASE(odd_float4, "misaligned", "memory", (odd_float4<<<1, 32>>>(filled<float>(200), filled<float>(32)))),
    CASE(odd_double, "misaligned", "memory", (odd_double<<<1, 32>>>(filled<char>(400)))),
    CASE(odd_shared, "misaligned", "memory", (odd_shared<<<1, 32>>>(filled<int>(32)))),
    CASE(after_free, "use after free", "memory", int *p = filled<int>(64); cudaFree(p); (after_free<<<1, 64>>>(p))),
    CASE(read_after_free, "use after free", "memory", int *p = filled<int>(64); cudaFree(p); (read_after_free<<<1, 64>>>(p, filled<int>(64)))),
    CASE(heap_after_free, "out of bounds", "memory", (heap_after_free<<<1, 1>>>(filled<int>(1)))),
    CASE(double_free, "invalid free", "memory", int *p = filled<int>(64); cudaFree(p); cudaFree(p)),
    CASE(inner_free, "invalid free", "memory", int *p = filled<int>(64); cudaFree(p + 4)),
    CASE(never_freed, "leak", "memory", filled<int>(64)),
    CASE(no_barrier, "race", "race", (no_barrier<<<1, THREADS>>>(filled<int>(N), filled<int>(N)))),
    CASE(no_barrier_in_loop, "race", "race", (no_barrier_in_loop<<<1, THREADS>>>(filled<int>(N), filled<int>(N)))),
    CASE(reduction_without, "race", "race", (reduction_without<<<1, THREADS>>>(filled<int>(N), filled<int>(N)))),
    CASE(warp_reduction_without, "race", "race", (warp_reduction_without<<<1, 32>>>(filled<int>(N), filled<int>(N)))),
    CASE(scan_in_place, "race", "race", (scan_in_place<<<1, THREADS>>>(filled<int>(N), filled<int>(N)))),
    CASE(counter_in_shared, "race", "race", (counter_in_shared<<<1, THREADS>>>(filled<int>(N), filled<int>(N)))),
    CASE(flag_without, "race", "race", (flag_without<<<1, THREADS>>>(filled<int>(N)))),
    CASE(atomic_and_plain, "race", "race", (atomic_and_plain<<<1, THREADS>>>(filled<int>(N)))),
    CASE(dynamic_tiles, "race", "race", (dynamic_tiles<<<1, THREADS, 2048>>>(filled<int>(N), filled<int>(N)))),
    CASE(bytes_of_a_word, "race", "race", (bytes_of_a_word<<<1, THREADS>>>(filled<unsigned char>(N)))),
    CASE(histogram_without, "race", "race", (histogram_without<<<2, THREADS>>>(filled<int>(N), filled<int>(16)))),
    CASE(blocks_share, "race", "race", (blocks_share<<<2, THREADS>>>(filled<int>(N)))),
    CASE(stencil_in_place, "race", "race", (stencil_in_place<<<4, THREADS>>>(filled<float>(1024)))),
    CASE(sum_without, "race", "race", (sum_without<<<2, THREADS>>>(filled<float>(N), filled<float>(1)))),
    CASE(neighbour_block, "race", "race", (neighbour_block<<<4, THREADS>>>(filled<int>(1024), filled<int>(1024)))),
    CASE(last_block_no_fence, "race", "race", (last_block_no_fence<<<8, 64>>>(filled<int>(8), filled<int>(1)))),
    CASE(broadcast_too_early, "race", "race", (broadcast_too_early<<<1, 64>>>(filled<int>(1), filled<int>(64)))),
    CASE(same_block_global, "race", "race", (same_block_global<<<1, THREADS>>>(filled<int>(N)))),
    CASE(flag_not_atomic, "race", "race", (flag_not_atomic<<<2, 64>>>(filled<int>(1), filled<int>(1), filled<int>(1)))),
    CASE(barrier_in_branch, "divergent barrier", "race", (barrier_in_branch<<<1, 64>>>(filled<int>(64)))),
    CASE(barrier_in_odd_loop, "divergent barrier", "race", (barrier_in_odd_loop<<<1, 64>>>(filled<int>(64)))),
    CASE(never_written, "uninitialised", "init", (never_written<<<1, 64>>>(fresh<float>(64), filled<float>(64)))),
    CASE(half_written, "uninitialised", "init", float *p = fresh<float>(64); cudaMemset(p, 0, 128); (half_written<<<1, 64>>>(p, filled<float>(64)))),
    CASE(accumulates, "uninitialised", "init", (accumulates<<<1, 64>>>(fresh<float>(64)))),
    CASE(atomic_on_new, "uninitialised", "init", (atomic_on_new<<<1, 64>>>(fresh<int>(1)))),
    CASE(shared_not_filled, "uninitialised", "init", (shared_not_filled<<<1, THREADS>>>(filled<int>(N)))),
    CASE(shared_of_block_before, "uninitialised", "init", (shared_of_block_before<<<2, THREADS>>>(filled<int>(N)))),
    CASE(copied_garbage, "uninitialised", "init", int *p = fresh<int>(64); cudaMemcpy(p, fresh<int>(64), 256, cudaMemcpyDeviceToDevice);
         (copied_garbage<<<1, 64>>>(p, filled<int>(64)))),
    CASE(heap_garbage, "uninitialised", "init", (heap_garbage<<<1, 1>>>(filled<int>(1)))),
    CASE(managed_too_early, "host access", "host,memory", int *p; cudaMallocManaged(&p, 256); memset(p, 0, 256); (good_managed<<<1, 64>>>(p));
         std::printf("%d\n", p[3])),
    CASE(pinned_too_early, "host access", "host,memory", int *p; cudaMallocHost(&p, 4096); int *d = filled<int>(1024);
         cudaMemcpyAsync(p, d, 4096, cudaMemcpyDeviceToHost); std::printf("%d\n", p[3])),
    CASE(good_reduction, "", "race,init", (good_reduction<<<2, THREADS>>>(filled<int>(N), fresh<int>(2)))),
    CASE(good_volatile_warp, "", "race,init", (good_volatile_warp<<<1, 32>>>(filled<int>(N), fresh<int>(32)))),
    CASE(good_syncwarp, "", "race,init", (good_syncwarp<<<1, 32>>>(filled<int>(N), fresh<int>(32)))),
    CASE(good_shuffle, "", "race,init", (good_shuffle<<<2, THREADS>>>(filled<int>(N), filled<int>(1)))),
    CASE(good_histogram, "", "race,init", (good_histogram<<<2, THREADS>>>(filled<int>(N), filled<int>(16)))),
    CASE(good_last_block, "", "race,init", (good_last_block<<<8, 64>>>(fresh<int>(8), filled<int>(1)))),
    CASE(good_bytes, "", "race,init", (good_bytes<<<2, THREADS>>>(fresh<unsigned char>(512)))),
    CASE(good_early_exit, "", "race,init", (good_early_exit<<<1, THREADS>>>(fresh<int>(100)))),
    CASE(good_reused_tile, "", "race,init", (good_reused_tile<<<1, THREADS>>>(filled<int>(N), fresh<int>(N)))),
    CASE(good_grid_barrier, "", "race,init", run_good_grid_barrier()),
    CASE(good_heap, "", "race,init", (good_heap<<<1, 64>>>(fresh<int>(64)))),
    CASE(good_managed, "", "host,race", int *p; cudaMallocManaged(&p, 256); memset(p, 0, 256); (good_managed<<<1, 64>>>(p)); cudaDeviceSynchronize();
         std::printf("%d\n", p[3])),
    CASE(good_free, "", "memory", int *p = filled<int>(64); (good_managed<<<1, 64>>>(p)); cudaFree(p)),
};

static int run_case(const char *name)
{
    for (const test_case &c : cases)
        if (!std::strcmp(c.name, name)) {
            c.run();
            return 0;
        }
    return 2;
}

static std::string output_of(const char *self, const test_case &c)
{
    int ends[2];
    std::string text;
    if (pipe(ends))
        return text;
    std::fflush(stdout);
    pid_t child = fork();
    if (!child) {
        setenv("CAIRN_CUDA_CHECK", c.words, 1);
        dup2(ends[1], 2);
        std::freopen("/dev/null", "w", stdout);
        close(ends[0]);
        execl(self, self, c.name, (char *)nullptr);
        _exit(127);
    }
    close(ends[1]);
    char piece[4096];
    for (ssize_t n; (n = read(ends[0], piece, sizeof piece)) > 0;)
        text.append(piece, (size_t)n);
    close(ends[0]);
    waitpid(child, nullptr, 0);
    return text;
}

/* The number of the line with BUG(name), or 0. */
static int line_of(const std::string &name)
{
    std::ifstream source(__FILE__);
    std::string line;
    for (int n = 1; std::getline(source, line); n++)
        if (line.find("BUG(" + name + ")") != std::string::npos)
            return n;
    return 0;
}

static bool is_right(const test_case &c, const std::string &text)
{
    if (!*c.kind)
        return text.find("nothing found") != std::string::npos;
    if (text.find(std::string("cairn: check: ") + c.kind + ":") == std::string::npos)
        return false;
    int line = line_of(c.name);
    return !line || text.find("checks.cu:" + std::to_string(line) + " ") != std::string::npos;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return run_case(argv[1]);
    int wrong = 0;
    for (const test_case &c : cases) {
        std::string text = output_of("/proc/self/exe", c);
        if (is_right(c, text))
            continue;
        wrong++;
        std::printf("%s: expected %s at line %d, got:\n%s\n", c.name, *c.kind ? c.kind : "nothing", line_of(c.name), text.c_str());
    }
    std::printf("checks: %zu cases, %d wrong\n", sizeof cases / sizeof *cases, wrong);
    return wrong != 0;
}
