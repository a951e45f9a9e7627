/* What the files of the runtime API share: a context that is made when needed, and the thread's last error. */
#ifndef RUNTIME_API_RUNTIME_H
#define RUNTIME_API_RUNTIME_H
#include "runtime/api/register.h"
#include <cuda/cuda_runtime_api.h>

/* Every call ends here: its error is also the thread's last. */
cudaError_t runtime_note(CUresult result);

/* `return WITH_CONTEXT(call)` */
#define WITH_CONTEXT(call)                            \
    ({                                                \
        CUresult ready_ = context_ensure();           \
        runtime_note(ready_ ? ready_ : (call));       \
    })

/* The number of a runtime API's kind of copy, checked. */
static inline bool is_copy_kind(cudaMemcpyKind kind) { return (unsigned)kind <= cudaMemcpyDefault; }

#endif
