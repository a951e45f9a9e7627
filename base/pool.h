/* The thread pool.
 *
 * A task index decides what is computed, never which thread computes it, so results are the same
 * for any number of threads. Split by shape alone. */
#ifndef BASE_POOL_H
#define BASE_POOL_H
#include <cairn/base.h>

/* fn(context, task, worker) for every 0 <= task < tasks, on the pool and on the caller;
 * 0 <= worker < cairn_threads() names the thread for scratch memory. Returns when all are done.
 * Tasks are claimed in order, one at a time: give the long ones first, and not too many short ones.
 * Nested calls run inline, on the caller's worker number. tasks <= 1 never wakes a thread.
 *
 * Any thread may call at any time. While another thread's call has the pool, the caller does all its
 * tasks itself, as worker 0: scratch memory belongs to a call, never to a worker number alone. */
typedef cairn_task pool_task;
void pool_run(int64_t tasks, pool_task fn, void *context);

#endif
