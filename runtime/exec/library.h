/* The functions that machine code calls: the runtime's own (rt_...), and what CUDA's device library
 * and system calls are named in PTX (__nv_expf, vprintf). */
#ifndef RUNTIME_EXEC_LIBRARY_H
#define RUNTIME_EXEC_LIBRARY_H

/* The address of a function that PTX may call: fn(warp *, mask, void *const *arguments, void *result),
 * where each argument and the result are arrays of one element for each lane. NULL when unknown. */
const void *library_find(const char *name);
/* The same for every symbol that machine code may name, rt_ functions and memset and its like included. */
const void *symbol_find(const char *name);
/* Of atomics.c: rt_atom_add_u32 and its like. */
const void *atomic_find(const char *name);

#endif
