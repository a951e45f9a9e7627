/* The thread pool.
 *
 * One job at a time. Its tasks are numbers that the caller and the workers claim from a counter. The gate
 * says who is inside: a worker enters only while the gate is open, and the caller, once the counter is
 * exhausted, closes it and waits for those inside. So a worker that wakes late finds a closed gate and
 * goes to sleep again: the caller never waits for somebody who has nothing to do, which makes a region
 * of small tasks cost less than waking a thread.
 *
 * Between regions workers watch the round counter for a short while before they sleep on it: training
 * runs thousands of regions a second, one close after the other, and waking costs tens of microseconds.
 *
 * A second thread that wants the pool while a job runs computes its tasks itself: waiting could deadlock
 * (a task may wait for that thread), and the cores are busy anyway. */
#define _GNU_SOURCE
#include "base/pool.h"

#include "base/error.h"
#include "base/quota.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST_THREADS = 1024, SPIN_NANOSECONDS = 30000, CACHE_LINE = 64 };

/* The gate: a bit that says open, one that says that the caller sleeps, and the number of workers inside. */
static const unsigned OPEN = 1u << 31, CALLER_SLEEPS = 1u << 30, INSIDE = (1u << 30) - 1;

static struct {
    /* The job; stable while somebody is inside. */
    pool_task fn;
    void *context;
    int64_t tasks;

    _Alignas(CACHE_LINE) _Atomic int64_t next; /* the next task to claim */
    _Alignas(CACHE_LINE) atomic_uint gate;
    _Alignas(CACHE_LINE) atomic_uint round;    /* changes with every job, and when workers are to leave */
    atomic_uint sleepers;                      /* workers asleep on `round` */
    atomic_uint alive;                         /* workers that exist */
    atomic_bool leaving;

    atomic_int size;                           /* threads, the caller included; 0 before it is known */
    int started;                               /* workers started, under `running` */
    pthread_mutex_t running;                   /* held by the thread whose job it is */
} pool = {.running = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local int inside_worker = -1; /* the worker number of this thread while it runs a task */

/* ---- Waiting ------------------------------------------------------------------------------------ */

static void futex_wait(atomic_uint *word, unsigned value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int threads)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
}

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Waits a moment for *word to differ from `value`; false when it did not. */
static bool spin_while(atomic_uint *word, unsigned value)
{
    int64_t until = 0;
    for (int i = 1;; i++) {
        if (atomic_load_explicit(word, memory_order_acquire) != value)
            return true;
        relax();
        if (i % 32 == 0) {
            int64_t now = nanoseconds();
            if (!until)
                until = now + SPIN_NANOSECONDS;
            else if (now > until)
                return false;
        }
    }
}

static void wait_for_round(unsigned seen)
{
    while (!spin_while(&pool.round, seen)) {
        atomic_fetch_add(&pool.sleepers, 1); /* before the kernel looks at `round` again: see announce */
        futex_wait(&pool.round, seen);
        atomic_fetch_sub(&pool.sleepers, 1);
    }
}

/* Starts a new round. Either a worker going to sleep sees it, or its being asleep is seen here. */
static void announce(int64_t wanted)
{
    atomic_fetch_add(&pool.round, 1);
    if (atomic_load(&pool.sleepers))
        futex_wake(&pool.round, wanted < MOST_THREADS ? (int)wanted : MOST_THREADS);
}

/* ---- The gate ----------------------------------------------------------------------------------- */

static bool enter(void)
{
    unsigned gate = atomic_load(&pool.gate);
    while (gate & OPEN)
        if (atomic_compare_exchange_weak(&pool.gate, &gate, gate + 1))
            return true;
    return false;
}

static void leave(void)
{
    if (atomic_fetch_sub(&pool.gate, 1) - 1 == CALLER_SLEEPS)
        futex_wake(&pool.gate, 1);
}

static void close_and_wait(void)
{
    unsigned gate = atomic_fetch_and(&pool.gate, ~OPEN) & ~OPEN;
    while (gate & INSIDE) {
        if (!spin_while(&pool.gate, gate) &&
            atomic_compare_exchange_strong(&pool.gate, &gate, gate | CALLER_SLEEPS))
            futex_wait(&pool.gate, gate | CALLER_SLEEPS);
        gate = atomic_load(&pool.gate);
    }
    atomic_store(&pool.gate, 0);
}

/* ---- Workers ------------------------------------------------------------------------------------ */

static void claim_tasks(int worker)
{
    pool_task fn = pool.fn;
    void *context = pool.context;
    int64_t tasks = pool.tasks;
    inside_worker = worker;
    for (int64_t task; (task = atomic_fetch_add_explicit(&pool.next, 1, memory_order_relaxed)) < tasks;)
        fn(context, task, worker);
    inside_worker = -1;
}

static void *worker_main(void *argument)
{
    int worker = (int)(intptr_t)argument;
    unsigned seen = 0;
    char name[16];
    snprintf(name, sizeof name, "cairn-%d", worker);
    pthread_setname_np(pthread_self(), name);
    for (;;) {
        seen = atomic_load(&pool.round);
        if (atomic_load(&pool.leaving))
            break;
        if (enter()) {
            claim_tasks(worker);
            leave();
        }
        wait_for_round(seen);
    }
    if (atomic_fetch_sub(&pool.alive, 1) == 1)
        futex_wake(&pool.alive, 1);
    return NULL;
}

static bool start_worker(int worker)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    atomic_fetch_add(&pool.alive, 1);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the program's own threads */
    bool ok = pthread_create(&thread, NULL, worker_main, (void *)(intptr_t)worker) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok)
        pthread_detach(thread);
    else
        atomic_fetch_sub(&pool.alive, 1);
    return ok;
}

/* On the first parallel run. Where the system refuses a thread, fewer do the same work. */
static void start_workers(int size)
{
    while (pool.started < size - 1 && start_worker(pool.started + 1))
        pool.started++;
}

static void stop_workers(void)
{
    atomic_store(&pool.leaving, true);
    announce(MOST_THREADS);
    for (unsigned alive; (alive = atomic_load(&pool.alive));)
        futex_wait(&pool.alive, alive);
    atomic_store(&pool.leaving, false);
    pool.started = 0;
}

/* ---- Size --------------------------------------------------------------------------------------- */

static int size_at_start(void)
{
    const char *text = getenv("CAIRN_THREADS");
    if (text && *text) {
        char *end;
        long threads = strtol(text, &end, 10);
        if (!*end && threads >= 1 && threads <= MOST_THREADS)
            return (int)threads;
        fprintf(stderr, "cairn: CAIRN_THREADS=%s is not a number from 1 to %d\n", text, MOST_THREADS);
    }
    int usable = cpus_usable();
    return usable < MOST_THREADS ? usable : MOST_THREADS;
}

/* In a child there are no workers, and the parent's job, if one ran, is not the child's. */
static void forget_workers(void)
{
    pool.started = 0;
    atomic_store(&pool.gate, 0);
    atomic_store(&pool.alive, 0);
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.leaving, false);
    pthread_mutex_init(&pool.running, NULL);
}

static void initialise(void)
{
    int unknown = 0;
    atomic_compare_exchange_strong(&pool.size, &unknown, size_at_start());
    pthread_atfork(NULL, NULL, forget_workers);
}

int cairn_threads(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int size = atomic_load_explicit(&pool.size, memory_order_relaxed);
    if (__builtin_expect(size == 0, 0)) {
        pthread_once(&once, initialise);
        size = atomic_load(&pool.size);
    }
    return size;
}

cairn_status cairn_set_threads(int threads)
{
    if (threads < 1 || threads > MOST_THREADS)
        return error_set(CAIRN_E_ARGUMENT, "set_threads: %d is outside 1..%d", threads, MOST_THREADS);
    if (inside_worker >= 0 || pthread_mutex_trylock(&pool.running))
        return error_set(CAIRN_E_STATE, "set_threads: work is running");
    if (cairn_threads() != threads) {
        stop_workers();
        atomic_store(&pool.size, threads);
    }
    pthread_mutex_unlock(&pool.running);
    return CAIRN_OK;
}

/* ---- Running ------------------------------------------------------------------------------------ */

static void run_inline(int64_t tasks, pool_task fn, void *context)
{
    int worker = inside_worker < 0 ? 0 : inside_worker;
    for (int64_t task = 0; task < tasks; task++)
        fn(context, task, worker);
}

void pool_run(int64_t tasks, pool_task fn, void *context)
{
    int size = cairn_threads();
    if (tasks <= 1 || size == 1 || inside_worker >= 0 || pthread_mutex_trylock(&pool.running)) {
        run_inline(tasks, fn, context);
        return;
    }
    if (pool.started < size - 1)
        start_workers(size);
    pool.fn = fn;
    pool.context = context;
    pool.tasks = tasks;
    atomic_store_explicit(&pool.next, 0, memory_order_relaxed);
    atomic_store(&pool.gate, OPEN);
    announce(tasks - 1);
    claim_tasks(0);
    close_and_wait();
    pthread_mutex_unlock(&pool.running);
}

void cairn_parallel(int64_t tasks, cairn_task fn, void *context) { pool_run(tasks, fn, context); }
