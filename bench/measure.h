/* Timing for the benchmarks of primitives: best and median of repeated runs. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H
#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct timing { double best, median; } timing;

static inline int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Runs fn(context) for about `time` seconds in samples that each take at least 20 us. */
static inline timing measure(void (*fn)(void *), void *context, double time)
{
    enum { MOST = 2000 };
    double samples[MOST];
    int n = 0;
    int64_t repeats = 1;
    fn(context);
    for (double took = 0; took < 20e-6; repeats *= took < 20e-6 ? 2 : 1) {
        const double start = seconds();
        for (int64_t i = 0; i < repeats; i++)
            fn(context);
        took = seconds() - start;
    }
    for (const double end = seconds() + time; n < 5 || (n < MOST && seconds() < end); n++) {
        const double start = seconds();
        for (int64_t i = 0; i < repeats; i++)
            fn(context);
        samples[n] = (seconds() - start) / (double)repeats;
    }
    qsort(samples, (size_t)n, sizeof *samples, by_size);
    return (timing){samples[0], samples[n / 2]};
}

/* Numbers around one, in memory as the framework has it. The bytes repeat, so that they are ordinary numbers as f32, f64
 * and bf16 alike. */
static inline void *numbers(int64_t bytes)
{
    unsigned char *x = buffer_alloc(bytes);
    if (!x)
        exit(1);
    for (int64_t i = 0; i < bytes; i++)
        x[i] = i % 2 ? 0x3f : (unsigned char)(i * 7 % 100 + 28);
    return x;
}

#endif
