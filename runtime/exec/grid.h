/* Running a grid: its blocks over the pool, the warps of a block in turn on one core. */
#ifndef RUNTIME_EXEC_GRID_H
#define RUNTIME_EXEC_GRID_H
#include "base/error.h"
#include "runtime/exec/warp.h"

/* What ended a kernel before its time. */
typedef enum grid_fault {
    GRID_OK,
    GRID_ADDRESS,      /* read or wrote where there is no memory */
    GRID_TRAP,
    GRID_ASSERT,
    GRID_HANG,         /* a barrier that not all warps reach, lanes that never arrive */
    GRID_MEMORY        /* the host has no memory for stacks or shared memory */
} grid_fault;

typedef struct grid_launch {
    const char *name;
    const struct ptx_module *m;  /* where the kernel comes from, for reports */
    const struct ptx_function *f;
    kernel_code code;
    const uint8_t *params;
    void *const *symbols;
    uint32_t grid[3], block[3];
    uint32_t static_shared, dynamic_shared;
    int64_t local_bytes;         /* for each thread */
    bool flat, barriers;         /* barriers: warps wait for one another, so each needs a stack */
    bool by_rows;                /* nothing tells in which order warps run, and memory is best read and written in rows */
    bool cooperative;            /* blocks wait for one another: all of them run in turn on one thread */
    uint64_t number;
} grid_launch;

/* The last: blocks of a cooperative launch. */
enum { GRID_MAX_THREADS = 1024, GRID_MAX_SHARED = 227 << 10, GRID_MAX_TOGETHER = 256 };

/* Faults inside kernels end them from here on, other faults go where they went. Others may have set handlers since (test
 * frameworks do), so each grid looks. */
void grid_install_handlers(void);

/* Runs all blocks and returns when they are done, or one of them failed: the fault is printed. */
grid_fault grid_run(const grid_launch *launch);

#endif
