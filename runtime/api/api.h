/* What the files of the API share: handles, and the rules every entry point follows.
 *
 * An entry point checks its arguments, then acts. A sticky error of the context comes first. */
#ifndef RUNTIME_API_H
#define RUNTIME_API_H
#include "runtime/api/program.h"
#include "runtime/api/queue.h"
#include "runtime/exec/grid.h"

#define API CAIRN_API

typedef struct node_list {
    CUgraphNode *items;
    size_t count, capacity;
} node_list;

struct CUctx_st {
    CUdevice device;
    int references;
};

struct CUmod_st {
    program *program;
};

/* A function handle is its kernel. */
static inline kernel *kernel_of(CUfunction function) { return (kernel *)function; }

struct CUstream_st {
    unsigned flags;
    int priority;
    uint64_t last;                 /* the latest work issued on it */
    struct capture *capture;       /* what is issued goes into a graph; NULL when it is executed */
    node_list tail;                /* while capturing: the nodes that the next one needs */
};

struct CUevent_st {
    unsigned flags;
    bool recorded;
    uint64_t number;               /* of the work that records it */
    struct event_time *time;       /* shared with that work */
    uint64_t captured;             /* the number of the capture that it was recorded in, 0 for none: the nodes it stands for */
    node_list nodes;
};

/* Rows of memory, `pitch` bytes apart, `slice` bytes from one layer to the next (array.c). */
struct CUarray_st {
    CUDA_ARRAY3D_DESCRIPTOR shape;
    uint8_t *memory;
    size_t element_bytes, pitch, slice;
};
size_t format_bytes(CUarray_format format);

enum { MAX_DEVICES = 8 };

bool api_initialized(void);
int device_count(void);
bool device_is_valid(CUdevice device);
/* CUDA_ERROR_NOT_INITIALIZED, CUDA_ERROR_INVALID_CONTEXT, or the sticky error. */
CUresult api_check(void);
CUcontext context_current(void);
/* Makes device 0's primary context current when there is none: what the runtime API does. */
CUresult context_ensure(void);

/* The legacy default stream is NULL, 1 and 2. */
uint64_t stream_issue(CUstream stream, queue_work *work);
bool stream_is_valid(CUstream stream);
void stream_note(CUstream stream, uint64_t number);

bool context_is_active(CUdevice device);

/* The bytes of a file, with a zero behind them, for mem_free; NULL when it cannot be read. */
char *file_read(const char *name, size_t *bytes);

/* Says once for each name that a feature is not there, and returns CUDA_ERROR_NOT_SUPPORTED. */
CUresult not_supported(const char *name);
/* Cairn's status as CUDA's; the message has been printed. */
CUresult result_of(cairn_status status);

/* ---- Work: made by one file each, issued on a stream, executed at once, or kept by a graph ---------- */
/* `depth` slices of `height` rows of `width` bytes; a linear copy is one row. */
typedef struct box {
    void *to;
    const void *from;
    size_t width, height, depth, to_pitch, to_slice, from_pitch, from_slice;
} box;
/* `height` rows of `width` elements of 1, 2 or 4 bytes. */
typedef struct filling {
    void *to;
    uint32_t value;
    int element;
    size_t width, height, pitch;
} filling;
typedef struct launch_request {
    kernel *kernel;
    unsigned grid[3], block[3], shared_bytes;
    void **params;                 /* one pointer a parameter, or NULL and: */
    const void *packed;
    size_t packed_bytes;
    const void *host_function;     /* of the runtime API; NULL */
    bool cooperative;
} launch_request;

/* Checks a copy between any of host, device and arrays (array.c). */
CUresult box_of_copy(const CUDA_MEMCPY3D *copy, box *out);
/* The parameters that a launch's `extra` holds; NULL when there are none. */
const void *launch_extra(void **extra, size_t *bytes);

CUresult make_copy(const box *b, queue_work **out);
CUresult make_fill(const filling *f, queue_work **out);
CUresult make_launch(const launch_request *r, queue_work **out);
CUresult make_host(CUhostFn function, void *data, queue_work **out);
/* Records into the event when it runs. */
CUresult make_event_record(CUevent event, queue_work **out);
/* What a launch was made from; its params are *pointers, which is made anew and point into the work. */
void launch_describe(const queue_work *work, void ***pointers, launch_request *out);

/* Checks the context, the stream and the work's own arguments; then issues it. With `wait` the call returns when
 * it is done. */
CUresult issue_copy(const box *b, CUstream stream, bool wait);
CUresult issue_fill(const filling *f, CUstream stream, bool wait);
CUresult issue_launch(const launch_request *r, CUstream stream);
/* The linear forms. */
CUresult copy_memory(void *to, const void *from, size_t bytes, CUstream stream, bool wait);
CUresult fill_memory(void *to, uint32_t value, int element, size_t count, CUstream stream, bool wait);

/* ---- Capturing (graph_capture.c) ------------------------------------------------------------------- */
/* Takes the work into the graph that the stream captures; false when it does not capture. */
bool capture_work(CUstream stream, queue_work *work);
/* An event recorded on a capturing stream, a stream that waits for such an event; *taken says whether. */
CUresult capture_record(CUstream stream, CUevent event, bool *taken);
CUresult capture_wait(CUstream stream, CUevent event, bool *taken);
/* What a capturing stream may not do, such as waiting for it, ends its capture; so does asking for a captured event. */
CUresult capture_refuse(CUstream stream);
CUresult capture_refuse_event(CUevent event);
/* The stream is destroyed. */
void capture_forget(CUstream stream);

/* ---- Graphs (graph.c) ------------------------------------------------------------------------------ */
struct CUgraph_st {
    node_list nodes;               /* in the order of their making */
};

struct CUgraphNode_st {
    CUgraph graph;
    CUgraphNodeType type;
    queue_work *work;              /* NULL for empty nodes and child graphs */
    CUgraph child;                 /* the node's own copy */
    node_list needs;               /* what must be done before */
    void **pointers;               /* to the parameters of a launch, for who asked */
    CUgraphNode copy;              /* while its graph is cloned */
    bool placed;                   /* while its graph is put in order */
};

/* Adds a node that owns its work; the new node, or NULL with *result set and the work freed. */
CUgraphNode graph_add(CUgraph graph, CUgraphNodeType type, queue_work *work, const CUgraphNode *needs, size_t count,
                      CUresult *result);
bool node_list_add(node_list *list, CUgraphNode node);
void node_list_free(node_list *list);

/* Allocations that cudaFree and pointer queries know. */
typedef enum memory_kind { MEMORY_DEVICE, MEMORY_HOST, MEMORY_MANAGED } memory_kind;
typedef struct allocation {
    uintptr_t base;
    size_t bytes;
    memory_kind kind;
    bool variable;                 /* __managed__: cannot be freed */
} allocation;
void *allocation_new(size_t bytes, memory_kind kind);
/* Makes a __managed__ variable known. */
bool allocation_note(void *variable, size_t bytes);
/* False when the address is not the begin of an allocation of that kind (host, or not host). */
bool allocation_free(void *address, bool host);
bool allocation_find(const void *address, allocation *out);
/* Memory of a pool is no longer in use. */
void pool_forget(void *memory);

#endif
