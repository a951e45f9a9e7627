/* Capturing: what is issued on a stream becomes nodes of a graph.
 *
 * A capturing stream knows the nodes that its next one needs, its tail. An event that is recorded on it stands for
 * that tail; a stream that waits for such an event joins the capture. */
#include "runtime/api/api.h"

typedef struct capture {
    struct capture *next;          /* of those that have not ended */
    uint64_t number;               /* by which events know it: they may outlive it */
    CUgraph graph;
    CUstream origin;
    bool invalid;                  /* something was asked that cannot be captured */
    CUstream *streams;             /* all that take part; the first is the origin */
    size_t stream_count, stream_capacity;
} capture;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static capture *live;

/* The capture that the event was recorded in; NULL when that has ended. */
static capture *capture_of(CUevent event)
{
    capture *c = live;
    while (c && c->number != event->captured)
        c = c->next;
    return c;
}

static bool is_own(CUstream stream) { return (uintptr_t)stream > 4096; }

static bool join(capture *c, CUstream stream)
{
    if (c->stream_count == c->stream_capacity) {
        size_t capacity = c->stream_capacity ? 2 * c->stream_capacity : 4;
        CUstream *grown = mem_resize(c->streams, capacity * sizeof *grown);
        if (!grown)
            return false;
        c->streams = grown;
        c->stream_capacity = capacity;
    }
    c->streams[c->stream_count++] = stream;
    stream->capture = c;
    return true;
}

static void set_tail(CUstream stream, CUgraphNode node)
{
    stream->tail.count = 0;
    if (!node_list_add(&stream->tail, node))
        stream->capture->invalid = true;
}

static void append(CUstream stream, queue_work *work)
{
    CUresult result;
    CUgraphNode node = graph_add(stream->capture->graph, work->kind, work, stream->tail.items, stream->tail.count, &result);
    if (node)
        set_tail(stream, node);
    else
        stream->capture->invalid = true;
}

bool capture_work(CUstream stream, queue_work *work)
{
    if (!stream->capture)
        return false;
    pthread_mutex_lock(&lock);
    bool taken = stream->capture != NULL;
    if (taken)
        append(stream, work);
    pthread_mutex_unlock(&lock);
    return taken;
}

static bool copy_list(node_list *to, const node_list *from)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++)
        if (!node_list_add(to, from->items[i]))
            return false;
    return true;
}

CUresult capture_record(CUstream stream, CUevent event, bool *taken)
{
    CUresult result = CUDA_SUCCESS;
    pthread_mutex_lock(&lock);
    *taken = is_own(stream) && stream->capture;
    event->captured = *taken ? stream->capture->number : 0;
    if (*taken && !copy_list(&event->nodes, &stream->tail))
        result = CUDA_ERROR_OUT_OF_MEMORY;
    pthread_mutex_unlock(&lock);
    return result;
}

static CUresult wait_captured(CUstream stream, CUevent event)
{
    if (!event->captured) { /* work that is not captured cannot be waited for within a graph */
        stream->capture->invalid = true;
        return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
    }
    capture *c = capture_of(event);
    if (!c || c->invalid)
        return CUDA_ERROR_INVALID_VALUE;
    if (stream->capture && stream->capture != c) {
        stream->capture->invalid = c->invalid = true;
        return CUDA_ERROR_STREAM_CAPTURE_MERGE;
    }
    if (!stream->capture && !join(c, stream))
        return CUDA_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < event->nodes.count; i++)
        if (!node_list_add(&stream->tail, event->nodes.items[i]))
            return CUDA_ERROR_OUT_OF_MEMORY;
    return CUDA_SUCCESS;
}

CUresult capture_wait(CUstream stream, CUevent event, bool *taken)
{
    CUresult result = CUDA_SUCCESS;
    pthread_mutex_lock(&lock);
    bool capturing = is_own(stream) && stream->capture;
    *taken = capturing || event->captured;
    if (*taken)
        result = is_own(stream) ? wait_captured(stream, event) : CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    pthread_mutex_unlock(&lock);
    return result;
}

CUresult capture_refuse(CUstream stream)
{
    stream->capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

CUresult capture_refuse_event(CUevent event)
{
    pthread_mutex_lock(&lock);
    capture *c = capture_of(event);
    if (c)
        c->invalid = true;
    pthread_mutex_unlock(&lock);
    return CUDA_ERROR_CAPTURED_EVENT;
}

static void leave(CUstream stream)
{
    stream->capture = NULL;
    node_list_free(&stream->tail);
}

static void end(capture *c)
{
    capture **link = &live;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    for (size_t i = 0; i < c->stream_count; i++)
        if (c->streams[i])
            leave(c->streams[i]);
    mem_free(c->streams);
    mem_free(c);
}

void capture_forget(CUstream stream)
{
    pthread_mutex_lock(&lock);
    capture *c = stream->capture;
    if (c && c->origin == stream) {
        CUgraph graph = c->graph;
        end(c);
        cuGraphDestroy(graph);
    } else if (c) {
        for (size_t i = 0; i < c->stream_count; i++)
            if (c->streams[i] == stream)
                c->streams[i] = NULL;
        leave(stream);
    }
    pthread_mutex_unlock(&lock);
}

API CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!is_own(stream)) /* the legacy stream waits for all others */
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (mode > CU_STREAM_CAPTURE_MODE_RELAXED)
        return CUDA_ERROR_INVALID_VALUE;
    if (stream->capture)
        return CUDA_ERROR_ILLEGAL_STATE;
    capture *c = mem_new(sizeof *c);
    if (!c || cuGraphCreate(&c->graph, 0)) {
        mem_free(c);
        return result_of(CAIRN_E_MEMORY);
    }
    static uint64_t captures;
    c->origin = stream;
    pthread_mutex_lock(&lock);
    bool good = join(c, stream);
    if (good) {
        c->number = ++captures;
        c->next = live;
        live = c;
    }
    pthread_mutex_unlock(&lock);
    if (!good) {
        cuGraphDestroy(c->graph);
        mem_free(c);
        return result_of(CAIRN_E_MEMORY);
    }
    return CUDA_SUCCESS;
}

/* Is a node needed, by way of others, by one of the list? */
static bool reaches(const node_list *from, CUgraphNode wanted)
{
    for (size_t i = 0; i < from->count; i++)
        if (from->items[i] == wanted || reaches(&from->items[i]->needs, wanted))
            return true;
    return false;
}

/* Each stream that joined must have been waited for by the origin. */
static bool is_joined(const capture *c)
{
    for (size_t i = 1; i < c->stream_count; i++)
        for (size_t k = 0; c->streams[i] && k < c->streams[i]->tail.count; k++)
            if (!reaches(&c->origin->tail, c->streams[i]->tail.items[k]))
                return false;
    return true;
}

API CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph)
{
    if (!graph)
        return CUDA_ERROR_INVALID_VALUE;
    if (!is_own(stream) || !stream->capture)
        return CUDA_ERROR_ILLEGAL_STATE;
    pthread_mutex_lock(&lock);
    capture *c = stream->capture;
    CUresult result = c->origin != stream ? CUDA_ERROR_STREAM_CAPTURE_UNMATCHED
                      : c->invalid        ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
                      : is_joined(c)      ? CUDA_SUCCESS
                                          : CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    if (result == CUDA_ERROR_STREAM_CAPTURE_UNMATCHED) {
        c->invalid = true;
    } else {
        *graph = result ? NULL : c->graph;
        if (result)
            cuGraphDestroy(c->graph);
        end(c);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

API CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status)
{
    if (!status)
        return CUDA_ERROR_INVALID_VALUE;
    bool capturing = is_own(stream) && stream->capture;
    *status = !capturing                ? CU_STREAM_CAPTURE_STATUS_NONE
              : stream->capture->invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                         : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    return CUDA_SUCCESS;
}

/* Nothing that other threads do disturbs a capture here, so the mode is only remembered. */
API CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
    static _Thread_local CUstreamCaptureMode current = CU_STREAM_CAPTURE_MODE_GLOBAL;
    if (!mode || *mode > CU_STREAM_CAPTURE_MODE_RELAXED)
        return CUDA_ERROR_INVALID_VALUE;
    CUstreamCaptureMode before = current;
    current = *mode;
    *mode = before;
    return CUDA_SUCCESS;
}
