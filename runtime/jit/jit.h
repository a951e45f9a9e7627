/* From a function of PTX to relocatable machine code. */
#ifndef RUNTIME_JIT_H
#define RUNTIME_JIT_H
#include "runtime/ptx/shapes.h"

typedef struct object_code {
    uint8_t *bytes;         /* an ELF object with one function, `kernel`; free with mem_free */
    size_t count;
} object_code;

/* Compiles an entry of a module for blocks of one class. */
cairn_status jit_compile(const ptx_module *m, ptx_function *f, block_class c, object_code *out);

/* Whether all that an entry stores lies in rows, as its threads do. */
bool jit_stores_rows(const ptx_module *m, ptx_function *f, block_class c);

/* Appends what the passes make of a function: blocks, waiting lanes, shapes, and for each memory
 * access how it is done; with `llvm` the LLVM code too. */
cairn_status jit_explain(const ptx_module *m, ptx_function *f, block_class c, bool llvm, text_buffer *out);

/* The processor and features that code is made for, as they belong into a cache's key. */
const char *jit_target(void);

#endif
