/* Relocatable ELF objects, as the code generator writes them, made runnable. */
#ifndef RUNTIME_EXEC_OBJECT_H
#define RUNTIME_EXEC_OBJECT_H
#include "base/error.h"
#include "runtime/exec/warp.h"

typedef struct loaded_code {
    kernel_code kernel;
    void *memory;
    size_t bytes;
    struct shown_code *shown;    /* to a debugger; NULL: not */
} loaded_code;

/* Maps an object's code and constants and resolves its symbols with symbol_find. E_FORMAT when it is
 * damaged, E_UNSUPPORTED when it names what the runtime does not have. */
cairn_status object_load(const uint8_t *object, size_t bytes, loaded_code *out);
void object_unload(loaded_code *code);

/* Whether kernels are to carry lines of their source and be shown to a debugger (debug.c): with one attached when this is first
 * asked, or with CAIRN_CUDA_DEBUG=1. */
bool debug_wanted(void);
/* Shows an object to gdb, by the interface that it has for code made at run time. places: where its sections lie. NULL when there is no
 * memory: then it is not shown. */
struct shown_code *debug_show(const uint8_t *object, size_t bytes, const uint64_t *places);
void debug_hide(struct shown_code *shown);

#endif
