#include "runtime/api/queue.h"
#include "runtime/exec/check.h"
#include <pthread.h>
#include <stdatomic.h>

static struct {
    pthread_mutex_t lock;          /* over the list and `thread_started` */
    pthread_cond_t added, finished;
    pthread_mutex_t executor;      /* held by the thread that executes */
    queue_work *first, *last;
    atomic_uint_fast64_t issued, done;
    atomic_int error;
    atomic_int waiting;            /* threads asleep in queue_wait */
    bool thread_started, thread_sleeps;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .added = PTHREAD_COND_INITIALIZER,
           .finished = PTHREAD_COND_INITIALIZER, .executor = PTHREAD_MUTEX_INITIALIZER};

uint64_t queue_last(void) { return atomic_load(&queue.issued); }
static bool is_done(uint64_t number) { return atomic_load(&queue.done) >= number; }
CUresult queue_error(void) { return (CUresult)atomic_load(&queue.error); }
void queue_reset(void) { atomic_store(&queue.error, CUDA_SUCCESS); }

static queue_work *take(void)
{
    pthread_mutex_lock(&queue.lock);
    queue_work *work = queue.first;
    if (work)
        queue.first = work->next;
    if (!queue.first)
        queue.last = NULL;
    pthread_mutex_unlock(&queue.lock);
    return work;
}

static void finish(queue_work *work)
{
    uint64_t number = work->number;
    work->free(work);
    atomic_store(&queue.done, number);
    if (atomic_load(&queue.waiting)) {
        pthread_mutex_lock(&queue.lock);
        pthread_cond_broadcast(&queue.finished);
        pthread_mutex_unlock(&queue.lock);
    }
}

/* Executes work up to `number`; the caller holds `executor`. After an error the rest is skipped. */
static void execute(uint64_t number)
{
    while (!is_done(number)) {
        queue_work *work = take();
        if (!work)
            return;
        if (checks_wanted() & CHECK_HOST)
            check_host_running();
        CUresult result = queue_error() ? CUDA_SUCCESS : work->run(work);
        if (result)
            atomic_store(&queue.error, result);
        finish(work);
    }
}

/* A thread of its own, because pool_run returns only when its work is done and launches must not wait.
 * The work itself still runs on the pool. */
static void *queue_main(void *unused)
{
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&queue.lock);
        queue.thread_sleeps = true;
        while (!queue.first)
            pthread_cond_wait(&queue.added, &queue.lock);
        queue.thread_sleeps = false;
        pthread_mutex_unlock(&queue.lock);
        pthread_mutex_lock(&queue.executor);
        execute(UINT64_MAX);
        pthread_mutex_unlock(&queue.executor);
    }
    return NULL;
}

static void start_thread(void)
{
    pthread_t thread;
    queue.thread_started = true;
    if (pthread_create(&thread, NULL, queue_main, NULL) == 0)
        pthread_detach(thread);
}

uint64_t queue_add(queue_work *work)
{
    pthread_mutex_lock(&queue.lock);
    work->next = NULL;
    uint64_t number = work->number = atomic_fetch_add(&queue.issued, 1) + 1;
    if (queue.last)
        queue.last->next = work;
    else
        queue.first = work;
    queue.last = work;
    if (checks_wanted() & CHECK_HOST) {
        grid_install_handlers();
        check_host_issued();                    /* it runs when somebody waits for it */
    } else if (!queue.thread_started) {
        start_thread();
    }
    bool wake = queue.thread_sleeps;
    pthread_mutex_unlock(&queue.lock);
    if (wake)
        pthread_cond_signal(&queue.added);
    return number;
}

static void sleep_until(uint64_t number)
{
    pthread_mutex_lock(&queue.lock);
    atomic_fetch_add(&queue.waiting, 1);
    while (!is_done(number))
        pthread_cond_wait(&queue.finished, &queue.lock);
    atomic_fetch_sub(&queue.waiting, 1);
    pthread_mutex_unlock(&queue.lock);
}

/* Whoever asks again and again must find work done at last, also when it runs only for those who wait. */
bool queue_is_done(uint64_t number)
{
    if ((checks_wanted() & CHECK_HOST) && !is_done(number))
        queue_wait(number);
    return is_done(number);
}

CUresult queue_wait(uint64_t number)
{
    if (!is_done(number)) {
        if (pthread_mutex_trylock(&queue.executor) == 0) {
            execute(number);
            if (checks_wanted() & CHECK_HOST)
                check_host_waited();
            pthread_mutex_unlock(&queue.executor);
        }
        if (!is_done(number))
            sleep_until(number);
    }
    return queue_error();
}
