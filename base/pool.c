/* The thread pool. */
#define _GNU_SOURCE
#include "base/pool.h"

#include "base/error.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MOST_THREADS = 1024 };

typedef struct job {
    pool_task fn;
    void *context;
    int64_t tasks;
    _Atomic int64_t next;
} job;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    pthread_mutex_t running; /* one parallel run at a time */
    int size, started, busy;
    uint64_t round;
    job *job;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .work = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER,
          .running = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local int worker_inside = -1; /* this thread's worker number while it runs a task */

static void run_tasks(job *j, int worker)
{
    worker_inside = worker;
    for (int64_t task; (task = atomic_fetch_add(&j->next, 1)) < j->tasks;)
        j->fn(j->context, task, worker);
    worker_inside = -1;
}

static void *worker_main(void *argument)
{
    int worker = (int)(intptr_t)argument;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (pool.round == seen || !pool.job)
            pthread_cond_wait(&pool.work, &pool.lock);
        seen = pool.round;
        job *j = pool.job;
        pool.busy++;
        pthread_mutex_unlock(&pool.lock);
        if (worker < pool.size)
            run_tasks(j, worker);
        pthread_mutex_lock(&pool.lock);
        if (--pool.busy == 0)
            pthread_cond_signal(&pool.done);
    }
    return NULL;
}

int cairn_threads(void)
{
    if (!pool.size) {
        cpu_set_t set;
        const char *text = getenv("CAIRN_THREADS");
        int n = text ? atoi(text) : sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
        pool.size = n < 1 ? 1 : n > MOST_THREADS ? MOST_THREADS : n;
    }
    return pool.size;
}

cairn_status cairn_set_threads(int threads)
{
    if (threads < 1 || threads > MOST_THREADS)
        return error_set(CAIRN_E_ARGUMENT, "set_threads: %d is outside 1..%d", threads, MOST_THREADS);
    if (worker_inside >= 0 || pthread_mutex_trylock(&pool.running))
        return error_set(CAIRN_E_STATE, "set_threads: work is running");
    pool.size = threads;
    pthread_mutex_unlock(&pool.running);
    return CAIRN_OK;
}

static void start_workers(void)
{
    for (; pool.started < cairn_threads() - 1; pool.started++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker_main, (void *)(intptr_t)(pool.started + 1)))
            return; /* fewer threads do the same work */
        pthread_detach(thread);
    }
}

void pool_run(int64_t tasks, pool_task fn, void *context)
{
    if (tasks <= 1 || worker_inside >= 0 || cairn_threads() == 1) {
        for (int64_t task = 0; task < tasks; task++)
            fn(context, task, worker_inside < 0 ? 0 : worker_inside);
        return;
    }
    job j = {.fn = fn, .context = context, .tasks = tasks};
    pthread_mutex_lock(&pool.running);
    start_workers();
    pthread_mutex_lock(&pool.lock);
    pool.job = &j;
    pool.round++;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    run_tasks(&j, 0);
    pthread_mutex_lock(&pool.lock);
    pool.job = NULL;
    while (pool.busy)
        pthread_cond_wait(&pool.done, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
    pthread_mutex_unlock(&pool.running);
}
