/* Streams, events and host functions, over the device's queue. */
#include "runtime/api/api.h"
#include <time.h>

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void free_work(queue_work *work) { mem_free(work); }

/* ---- Streams ------------------------------------------------------------------------------------- */
static bool is_default(CUstream stream) { return !stream || stream == CU_STREAM_LEGACY || stream == CU_STREAM_PER_THREAD; }

bool stream_is_valid(CUstream stream) { return is_default(stream) || (uintptr_t)stream > 4096; }

void stream_note(CUstream stream, uint64_t number)
{
    if (!is_default(stream))
        __atomic_store_n(&stream->last, number, __ATOMIC_RELAXED);
}

uint64_t stream_issue(CUstream stream, queue_work *work)
{
    if (!is_default(stream) && capture_work(stream, work))
        return 0;
    uint64_t number = queue_add(work);
    stream_note(stream, number);
    return number;
}

static uint64_t stream_last(CUstream stream)
{
    return is_default(stream) ? queue_last() : __atomic_load_n(&stream->last, __ATOMIC_RELAXED);
}

API CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!stream || flags > CU_STREAM_NON_BLOCKING)
        return CUDA_ERROR_INVALID_VALUE;
    *stream = mem_new(sizeof **stream);
    if (!*stream)
        return result_of(CAIRN_E_MEMORY);
    (*stream)->flags = flags;
    (*stream)->priority = priority;
    return CUDA_SUCCESS;
}

API CUresult cuStreamCreate(CUstream *stream, unsigned flags) { return cuStreamCreateWithPriority(stream, flags, 0); }

static CUresult check_stream(CUstream stream)
{
    CUresult result = api_check();
    return result ? result : stream_is_valid(stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

/* Work names no stream, so what was issued goes on without it. */
API CUresult cuStreamDestroy_v2(CUstream stream)
{
    CUresult result = check_stream(stream);
    if (result)
        return result;
    if (is_default(stream))
        return CUDA_ERROR_INVALID_HANDLE;
    capture_forget(stream);
    mem_free(stream);
    return CUDA_SUCCESS;
}

static bool is_capturing(CUstream stream) { return !is_default(stream) && stream->capture; }

API CUresult cuStreamSynchronize(CUstream stream)
{
    CUresult result = check_stream(stream);
    if (!result && is_capturing(stream))
        result = capture_refuse(stream);
    return result ? result : queue_wait(stream_last(stream));
}

API CUresult cuStreamQuery(CUstream stream)
{
    CUresult result = check_stream(stream);
    if (!result && is_capturing(stream))
        result = capture_refuse(stream);
    return result ? result : queue_is_done(stream_last(stream)) ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

API CUresult cuStreamGetPriority(CUstream stream, int *priority)
{
    CUresult result = check_stream(stream);
    if (!result && !priority)
        result = CUDA_ERROR_INVALID_VALUE;
    if (!result)
        *priority = is_default(stream) ? 0 : stream->priority;
    return result;
}

API CUresult cuStreamGetFlags(CUstream stream, unsigned *flags)
{
    CUresult result = check_stream(stream);
    if (!result && !flags)
        result = CUDA_ERROR_INVALID_VALUE;
    if (!result)
        *flags = is_default(stream) ? 0 : stream->flags;
    return result;
}

API CUresult cuStreamGetCtx(CUstream stream, CUcontext *context)
{
    CUresult result = check_stream(stream);
    if (!result && !context)
        result = CUDA_ERROR_INVALID_VALUE;
    if (!result)
        *context = context_current();
    return result;
}

/* Managed memory is the host's memory: whoever it is attached to, all may use it. */
API CUresult cuStreamAttachMemAsync(CUstream stream, CUdeviceptr address, size_t bytes, unsigned flags)
{
    (void)bytes;
    CUresult result = check_stream(stream);
    return result ? result : !address || (flags != 1 && flags != 2 && flags != 4) ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

/* ---- Host functions ------------------------------------------------------------------------------ */
typedef struct host_work {
    queue_work work;
    CUhostFn function;
    CUstreamCallback callback;
    CUstream stream;
    void *data;
} host_work;

static CUresult run_host(queue_work *work)
{
    host_work *h = (host_work *)work;
    if (h->function)
        h->function(h->data);
    else
        h->callback(h->stream, queue_error(), h->data);
    return CUDA_SUCCESS;
}

static CUresult make_host_work(host_work fields, queue_work **out)
{
    if (!fields.function && !fields.callback)
        return CUDA_ERROR_INVALID_VALUE;
    host_work *h = mem_new(sizeof *h);
    if (!h)
        return result_of(CAIRN_E_MEMORY);
    *h = fields;
    h->work = (queue_work){.run = run_host, .free = free_work, .bytes = sizeof *h, .kind = CU_GRAPH_NODE_TYPE_HOST};
    *out = &h->work;
    return CUDA_SUCCESS;
}

CUresult make_host(CUhostFn function, void *data, queue_work **out)
{
    return make_host_work((host_work){.function = function, .data = data}, out);
}

static CUresult issue_host(host_work fields)
{
    queue_work *work;
    CUresult result = check_stream(fields.stream);
    if (!result)
        result = make_host_work(fields, &work);
    if (!result)
        stream_issue(fields.stream, work);
    return result;
}

API CUresult cuLaunchHostFunc(CUstream stream, CUhostFn function, void *user_data)
{
    return issue_host((host_work){.function = function, .stream = stream, .data = user_data});
}

API CUresult cuStreamAddCallback(CUstream stream, CUstreamCallback function, void *user_data, unsigned flags)
{
    if (flags)
        return CUDA_ERROR_INVALID_VALUE;
    return issue_host((host_work){.callback = function, .stream = stream, .data = user_data});
}

/* ---- Events -------------------------------------------------------------------------------------- */
/* The time has its own memory: an event may be destroyed before its work runs. */
typedef struct event_time {
    int references;
    int64_t time;
} event_time;

typedef struct event_work {
    queue_work work;
    event_time *time;
} event_work;

static void drop_time(event_time *t)
{
    if (t && __atomic_sub_fetch(&t->references, 1, __ATOMIC_ACQ_REL) == 0)
        mem_free(t);
}

static CUresult run_event(queue_work *work)
{
    ((event_work *)work)->time->time = nanoseconds();
    return CUDA_SUCCESS;
}

static void free_event_work(queue_work *work)
{
    drop_time(((event_work *)work)->time);
    mem_free(work);
}

API CUresult cuEventCreate(CUevent *event, unsigned flags)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!event || flags > 7)
        return CUDA_ERROR_INVALID_VALUE;
    *event = mem_new(sizeof **event);
    if (!*event)
        return result_of(CAIRN_E_MEMORY);
    (*event)->flags = flags;
    return CUDA_SUCCESS;
}

API CUresult cuEventDestroy_v2(CUevent event)
{
    if (!event)
        return CUDA_ERROR_INVALID_HANDLE;
    drop_time(event->time);
    node_list_free(&event->nodes);
    mem_free(event);
    return CUDA_SUCCESS;
}

static CUresult record(CUevent event, CUstream stream)
{
    event_work *w = mem_new(sizeof *w);
    event_time *t = mem_new(sizeof *t);
    if (!w || !t) {
        mem_free(w);
        mem_free(t);
        return result_of(CAIRN_E_MEMORY);
    }
    t->references = 2;
    *w = (event_work){{.run = run_event, .free = free_event_work}, t};
    drop_time(event->time);
    event->time = t;
    event->recorded = true;
    event->number = stream_issue(stream, &w->work);
    return CUDA_SUCCESS;
}

/* A node that records an event: the event gets a time of its own, which the node and its copies write. They must
 * not outlive the event, as CUDA has it. */
typedef struct record_work {
    queue_work work;
    CUevent event;
} record_work;

static CUresult run_record(queue_work *work)
{
    CUevent event = ((record_work *)work)->event;
    event->time->time = nanoseconds();
    event->number = queue_last();
    return CUDA_SUCCESS;
}

CUresult make_event_record(CUevent event, queue_work **out)
{
    record_work *w = mem_new(sizeof *w);
    if (w && !event->time) {
        event->time = mem_new(sizeof *event->time);
        if (event->time)
            event->time->references = 1;
    }
    if (!w || !event->time) {
        mem_free(w);
        return result_of(CAIRN_E_MEMORY);
    }
    event->recorded = true;
    *w = (record_work){{.run = run_record, .free = free_work, .bytes = sizeof *w, .kind = CU_GRAPH_NODE_TYPE_EVENT_RECORD}, event};
    *out = &w->work;
    return CUDA_SUCCESS;
}

API CUresult cuEventRecord(CUevent event, CUstream stream)
{
    CUresult result = check_stream(stream);
    if (result)
        return result;
    if (!event)
        return CUDA_ERROR_INVALID_HANDLE;
    bool captured = false;
    result = capture_record(stream, event, &captured);
    return result || captured ? result : record(event, stream);
}

API CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned flags)
{
    return flags > 1 ? CUDA_ERROR_INVALID_VALUE : cuEventRecord(event, stream);
}

API CUresult cuEventSynchronize(CUevent event)
{
    if (!event)
        return CUDA_ERROR_INVALID_HANDLE;
    if (event->captured)
        return capture_refuse_event(event);
    return event->recorded ? queue_wait(event->number) : CUDA_SUCCESS;
}

API CUresult cuEventQuery(CUevent event)
{
    if (!event)
        return CUDA_ERROR_INVALID_HANDLE;
    if (event->captured)
        return capture_refuse_event(event);
    return !event->recorded || queue_is_done(event->number) ? queue_error() : CUDA_ERROR_NOT_READY;
}

API CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end)
{
    if (!milliseconds)
        return CUDA_ERROR_INVALID_VALUE;
    if (!start || !end || !start->recorded || !end->recorded ||
        ((start->flags | end->flags) & CU_EVENT_DISABLE_TIMING))
        return CUDA_ERROR_INVALID_HANDLE;
    if (!queue_is_done(start->number) || !queue_is_done(end->number))
        return CUDA_ERROR_NOT_READY;
    *milliseconds = (float)((double)(end->time->time - start->time->time) * 1e-6);
    return CUDA_SUCCESS;
}

/* What comes later in the queue comes after the event anyway. */
API CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags)
{
    CUresult result = check_stream(stream);
    if (result)
        return result;
    if (!event || flags > 1)
        return event ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_HANDLE;
    bool captured;
    return capture_wait(stream, event, &captured);
}
