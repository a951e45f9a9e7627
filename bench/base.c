/* What the machine reaches, and what the base layer costs: nanoseconds of an allocation, of a parallel
 * region, of random numbers. */
#include "base/cpu.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/random.h"

#include <stdio.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void bench_buffers(int64_t bytes)
{
    enum { ROUNDS = 1000000 };
    double start = seconds();
    for (int i = 0; i < ROUNDS; i++) {
        void *b = buffer_alloc(bytes);
        __asm__ volatile("" : : "r"(b) : "memory");
        buffer_free(b, bytes);
    }
    printf("buffer_alloc + buffer_free %10lld bytes %8.1f ns\n", (long long)bytes, (seconds() - start) / ROUNDS * 1e9);
}

static void bench_objects(size_t bytes)
{
    enum { ROUNDS = 1000000 };
    double start = seconds();
    for (int i = 0; i < ROUNDS; i++) {
        void *object = mem_new(bytes);
        __asm__ volatile("" : : "r"(object) : "memory");
        mem_free(object);
    }
    printf("mem_new + mem_free         %10zu bytes %8.1f ns\n", bytes, (seconds() - start) / ROUNDS * 1e9);
}

static void nothing(void *context, int64_t task, int worker)
{
    (void)context, (void)task, (void)worker;
}

static void bench_regions(int64_t tasks)
{
    enum { ROUNDS = 100000 };
    pool_run(tasks, nothing, NULL);
    double start = seconds();
    for (int i = 0; i < ROUNDS; i++)
        pool_run(tasks, nothing, NULL);
    printf("pool_run, %2d threads    %10lld tasks %8.1f ns\n", cairn_threads(), (long long)tasks,
           (seconds() - start) / ROUNDS * 1e9);
}

static void bench_philox(void)
{
    enum { ROUNDS = 4000000 };
    uint32_t sum = 0;
    double start = seconds();
    for (int i = 0; i < ROUNDS; i++)
        sum += philox(1, 2, (uint64_t)i).word[0];
    __asm__ volatile("" : : "r"(sum));
    printf("philox block of 4 words              %8.1f ns\n", (seconds() - start) / ROUNDS * 1e9);
}

static void print_machine(void)
{
    const cairn_machine *p = cairn_machine_measure();
    printf("%s, %d threads: f32 %.1f GFLOP/s, f64 %.1f GFLOP/s, read %.1f GB/s, triad %.1f GB/s\n", cairn_isa(),
           cairn_threads(), p->f32_flops / 1e9, p->f64_flops / 1e9, p->read_bytes / 1e9, p->triad_bytes / 1e9);
}

int main(void)
{
    print_machine();
    static const int64_t sizes[] = {64, 256, 1024, 4096, 32 << 10, 100 << 10, 1 << 20, 64 << 20};
    for (int i = 0; i < 8; i++)
        bench_buffers(sizes[i]);
    bench_objects(48);
    bench_objects(200);
    bench_regions(1);
    bench_regions(2);
    bench_regions(16);
    bench_philox();
    return 0;
}
