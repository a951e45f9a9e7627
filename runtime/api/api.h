/* What the files of the API share: handles, and the rules every entry point follows.
 *
 * An entry point checks its arguments, then acts. A sticky error of the context comes first. */
#ifndef RUNTIME_API_H
#define RUNTIME_API_H
#include "runtime/api/program.h"
#include "runtime/api/queue.h"
#include "runtime/exec/grid.h"

#define API CAIRN_API

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
};

struct CUevent_st {
    unsigned flags;
    bool recorded;
    uint64_t number;               /* of the work that records it */
    struct event_time *time;       /* shared with that work */
};

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

/* Says once for each name that a feature is not there, and returns CUDA_ERROR_NOT_SUPPORTED. */
CUresult not_supported(const char *name);
/* Cairn's status as CUDA's; the message has been printed. */
CUresult result_of(cairn_status status);

/* Work that copies or fills memory, also used for synchronous calls. */
CUresult copy_memory(void *to, const void *from, size_t bytes, CUstream stream, bool wait);
CUresult fill_memory(void *to, uint32_t value, int element, size_t count, CUstream stream, bool wait);

/* Allocations that cudaFree and pointer queries know. */
typedef enum memory_kind { MEMORY_DEVICE, MEMORY_HOST, MEMORY_MANAGED } memory_kind;
typedef struct allocation {
    uintptr_t base;
    size_t bytes;
    memory_kind kind;
} allocation;
void *allocation_new(size_t bytes, memory_kind kind);
/* False when the address is not the begin of an allocation of that kind (host, or not host). */
bool allocation_free(void *address, bool host);
bool allocation_find(const void *address, allocation *out);

CUresult launch_kernel(kernel *k, const unsigned grid[3], const unsigned block[3], unsigned shared_bytes,
                       CUstream stream, void **params, const void *packed, size_t packed_bytes);

#endif
