/* The device's queue.
 *
 * Work of all streams is executed in the order in which it was issued. Every order that CUDA's streams
 * and events allow contains this one, so streams need no queues of their own: a stream or an event is
 * done when the last work that was issued on it is done. The work runs on a thread of the queue, or on
 * the thread that waits for it, whichever comes first. */
#ifndef RUNTIME_API_QUEUE_H
#define RUNTIME_API_QUEUE_H
#include <cuda/cuda.h>
#include <stdbool.h>

typedef struct queue_work queue_work;
struct queue_work {
    queue_work *next;
    CUresult (*run)(queue_work *work);  /* an error ends the context */
    void (*free)(queue_work *work);
    uint64_t number;
    size_t bytes;                       /* of the whole object: graphs copy work, which then runs many times */
    CUgraphNodeType kind;
};

/* Appends work, which the queue then owns, and returns its number (1, 2, ...). */
uint64_t queue_add(queue_work *work);
/* Returns when work `number` is done: the context's error. */
CUresult queue_wait(uint64_t number);
bool queue_is_done(uint64_t number);
/* The number of the latest work that was issued. */
uint64_t queue_last(void);
/* The error that ended the context; sticks until queue_reset. */
CUresult queue_error(void);
void queue_reset(void);

#endif
