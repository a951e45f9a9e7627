/* Relocatable ELF objects, as the code generator writes them, made runnable. */
#ifndef RUNTIME_EXEC_OBJECT_H
#define RUNTIME_EXEC_OBJECT_H
#include "base/error.h"
#include "runtime/exec/warp.h"

typedef struct loaded_code {
    kernel_code kernel;
    void *memory;
    size_t bytes;
} loaded_code;

/* Maps an object's code and constants and resolves its symbols with symbol_find. E_FORMAT when it is
 * damaged, E_UNSUPPORTED when it names what the runtime does not have. */
cairn_status object_load(const uint8_t *object, size_t bytes, loaded_code *out);
void object_unload(loaded_code *code);

#endif
