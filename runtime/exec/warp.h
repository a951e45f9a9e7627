/* What machine code knows of the warp it runs: the contract between jit/ and exec/.
 *
 * A kernel is `void kernel(warp *)`: it runs the lanes of one warp from the first instruction to the
 * last. Lane l's local memory begins at local + l * (the function's local bytes). */
#ifndef RUNTIME_EXEC_WARP_H
#define RUNTIME_EXEC_WARP_H
#include <stdbool.h>
#include <stdint.h>

enum { WARP_LANES = 32 };

typedef struct block_run block_run;

typedef struct warp {
    const uint8_t *params;
    void *const *symbols;               /* addresses of the module's global and constant variables */
    uint8_t *shared;                    /* static variables first, then what the launch asked for */
    uint8_t *local;
    const uint32_t (*tid)[WARP_LANES];  /* tid.x, y, z of the lanes; read by kernels that are not flat */
    uint32_t tid_base[3];               /* of lane 0; read by flat kernels */
    uint32_t ntid[3], ctaid[3], nctaid[3];
    uint32_t mask;                      /* the lanes that exist */
    uint32_t index, count;              /* this warp and the warps of its block */
    uint32_t dynamic_shared, total_shared;
    uint32_t processor, processors;
    uint64_t grid;
    block_run *block;
    uint64_t *counters;                 /* exec/profile.h */
} warp;

typedef void (*kernel_code)(warp *);

#endif
