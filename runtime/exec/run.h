/* The run of one block, as machine code's helpers see it. */
#ifndef RUNTIME_EXEC_RUN_H
#define RUNTIME_EXEC_RUN_H
#include "runtime/exec/grid.h"
#include <stddef.h>

/* Ends the kernel with a fault, from inside it. The text says what happened. */
_Noreturn void run_fail(warp *w, grid_fault fault, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
