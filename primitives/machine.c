/* cairn_machine_measure: what the machine's cores and memory reach, with the pool's threads together.
 *
 * Each figure is the best of several runs: a neighbour can make a run slower, nothing makes it faster. */
#include "base/cpu.h"
#include "base/memory.h"
#include "base/pool.h"
#include "primitives/kernels.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum { RUNS = 12, SLICES = 8 };
static const int64_t LEAST_BYTES = 64 << 20, MOST_BYTES = 256 << 20; /* of each array */
static const double FMA_SECONDS = 0.01;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- Arithmetic: each thread runs the loop once ---------------------------------------------------- */

typedef struct fma_run {
    int64_t (*loop)(int64_t rounds);
    int64_t rounds;
} fma_run;

static void run_fma(void *context, int64_t task, int worker)
{
    (void)task, (void)worker;
    const fma_run *run = context;
    run->loop(run->rounds);
}

static double measure_fma(int64_t (*loop)(int64_t rounds))
{
    fma_run run = {.loop = loop, .rounds = 1000};
    int64_t flops = 0;
    for (;; run.rounds *= 2) { /* long enough that waking the threads does not count */
        double start = seconds();
        flops = loop(run.rounds);
        if (seconds() - start > FMA_SECONDS)
            break;
    }
    int threads = cairn_threads();
    double best = 0;
    for (int i = 0; i < RUNS; i++) {
        double start = seconds();
        pool_run(threads, run_fma, &run);
        double rate = (double)flops * threads / (seconds() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

/* ---- Memory: the arrays in slices, several a thread ------------------------------------------------ */

typedef struct stream {
    int64_t slice; /* elements */
    float *a, *b, *c;
} stream;

static void run_fill(void *context, int64_t task, int worker)
{
    (void)worker;
    const stream *s = context;
    float *arrays[] = {s->a, s->b, s->c};
    for (int i = 0; i < 3; i++)
        memset(arrays[i] + task * s->slice, 0, (size_t)s->slice * sizeof(float));
}

static void run_read(void *context, int64_t task, int worker)
{
    (void)worker;
    const stream *s = context;
    volatile float sum = kernels()->peak->read(s->slice, s->b + task * s->slice);
    (void)sum;
}

static void run_triad(void *context, int64_t task, int worker)
{
    (void)worker;
    const stream *s = context;
    int64_t at = task * s->slice;
    kernels()->peak->triad(s->slice, 3, s->b + at, s->c + at, s->a + at);
}

static double measure_stream(stream *s, pool_task fn, int64_t slices, int64_t bytes)
{
    double best = 0;
    for (int i = 0; i < RUNS / 2; i++) {
        double start = seconds();
        pool_run(slices, fn, s);
        double rate = (double)bytes / (seconds() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

/* Leaves zeros when there is no memory for the arrays. */
static void measure_memory(cairn_machine *peaks)
{
    int64_t bytes = cpu()->l3_bytes < LEAST_BYTES ? LEAST_BYTES : cpu()->l3_bytes;
    bytes = bytes > MOST_BYTES ? MOST_BYTES : bytes;
    int64_t slices = (int64_t)cairn_threads() * SLICES;
    stream s = {.slice = bytes / (int64_t)sizeof(float) / slices / 256 * 256};
    bytes = s.slice * slices * (int64_t)sizeof(float);
    s.a = buffer_alloc(bytes);
    s.b = buffer_alloc(bytes);
    s.c = buffer_alloc(bytes);
    if (s.a && s.b && s.c) {
        pool_run(slices, run_fill, &s);
        peaks->read_bytes = measure_stream(&s, run_read, slices, bytes);
        peaks->triad_bytes = measure_stream(&s, run_triad, slices, 3 * bytes);
    }
    buffer_free(s.a, bytes);
    buffer_free(s.b, bytes);
    buffer_free(s.c, bytes);
    cairn_memory_trim();
}

static cairn_machine peaks;

static void measure(void)
{
    peaks.l1d_bytes = cpu()->l1d_bytes;
    peaks.l2_bytes = cpu()->l2_bytes;
    peaks.l3_bytes = cpu()->l3_bytes;
    peaks.f32_flops = measure_fma(kernels()->peak->fma_f32);
    peaks.f64_flops = measure_fma(kernels()->peak->fma_f64);
    measure_memory(&peaks);
}

const cairn_machine *cairn_machine_measure(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, measure);
    return &peaks;
}
