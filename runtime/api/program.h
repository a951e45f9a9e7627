/* A loaded module: its PTX, the memory of its variables, and the machine code of its kernels. */
#ifndef RUNTIME_API_PROGRAM_H
#define RUNTIME_API_PROGRAM_H
#include <cuda/cuda.h>
#include "runtime/api/cache.h"
#include "runtime/exec/object.h"
#include "runtime/ptx/shapes.h"
#include <pthread.h>

typedef struct program program;

typedef struct kernel {
    program *program;
    ptx_function *f;
    bool barriers;
    bool brief;                  /* its warps run through and touch little: no loops, no shared memory */
    bool by_rows[CLASS_COUNT];   /* brief, and what it stores follows the threads: see grid_launch; known with the code */
    uint32_t dynamic_limit;      /* dynamic shared memory that a launch may ask for */
    loaded_code code[CLASS_COUNT]; /* compiled when first launched */
} kernel;

struct program {
    ptx_module *m;
    void **symbols;              /* of the module's variables; NULL for shared ones */
    bool *bound;                 /* those whose memory is another's */
    kernel *kernels;             /* one for each function */
    CUmodule module;             /* that holds it; NULL for a fat binary */
    cache_key key;               /* of the text */
    pthread_mutex_t lock;        /* over `code` */
};

/* Parses PTX text (bytes without a terminator) and gives its variables memory. NULL with the error. */
program *program_load(const char *name, const char *text, size_t bytes);
void program_free(program *p);
kernel *program_kernel(program *p, const char *name);
/* The memory of a global or constant variable; NULL when there is none of that name. */
void *program_variable(const program *p, const char *name, size_t *bytes);
/* Moves a variable, with what it holds, to other memory, which stays its owner's; before anything has used it. False when the
 * module's variable has not so many bytes. What the module does not have is no error. */
bool program_bind(program *p, const char *name, void *memory, size_t bytes);
/* The OPAQUE_BYTES of a .texref or .surfref variable. */
void *program_reference(const program *p, const char *name, ptx_opaque kind);
/* The code for blocks of a class, compiled or from the cache. */
cairn_status kernel_code_for(kernel *k, block_class c, kernel_code *code);

#endif
