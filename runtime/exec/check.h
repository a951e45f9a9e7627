/* CAIRN_CUDA_CHECK: finds memory errors, races and uninitialised reads in kernels, and names their lines.
 *
 *     CAIRN_CUDA_CHECK=memory,race,init ./program       any of the words; "all" or "1" for all
 *
 *     memory   accesses outside of allocations, misaligned, or of freed memory; frees of what was not allocated; leaks
 *     race     accesses of two threads to the same bytes, one of them a write, that no barrier, fence with atomic, or end of a
 *              kernel orders; barriers that not all threads of a warp reach
 *     init     reads of global and shared memory that nothing has written
 *     host     the host touches managed or pinned memory that work still pending writes (or writes what it reads)
 *     fail     ends the process with status 86 when anything was found
 *
 * Code is compiled with a call before each access (jit/emit_check.c) and runs on one thread, so that reports are the same
 * at every run. A finding is printed once for each line. One of memory ends the kernel with CUDA's error. */
#ifndef RUNTIME_EXEC_CHECK_H
#define RUNTIME_EXEC_CHECK_H
#include "runtime/exec/grid.h"
#include <stddef.h>

enum { CHECK_MEMORY = 1, CHECK_RACE = 2, CHECK_INIT = 4, CHECK_HOST = 8, CHECK_FAIL = 16,
       CHECK_CODE = CHECK_MEMORY | CHECK_RACE | CHECK_INIT };

/* What CAIRN_CUDA_CHECK asks for; read once. 0 costs a load and a branch. */
unsigned checks_wanted(void);

/* ---- Memory, for the API ------------------------------------------------------------------------- */
typedef enum check_kind { CHECK_DEVICE, CHECK_PINNED, CHECK_MANAGED, CHECK_VARIABLE, CHECK_HEAP } check_kind;
/* `name`: of a variable, or NULL. Bytes behind an allocation that must stay unused: */
enum { CHECK_MARGIN = 512 };
void check_allocated(const void *base, size_t bytes, check_kind kind, const char *name);
/* Memory that was freed is kept for a while, so that its late use is seen: the caller frees what comes back in *base and *bytes
 * (NULL: nothing yet). */
void check_freed(const void *address, void **base, size_t *bytes);
/* A variable whose module is unloaded. */
void check_forgotten(const void *base);
/* An address that is freed and is no allocation's begin. */
void check_bad_free(const void *address);
/* Host code or a copy wrote there; `from` is the source of a copy between device memories, or NULL. */
void check_written(const void *to, const void *from, size_t bytes);

/* ---- Kernels, for grid.c ------------------------------------------------------------------------- */
void check_launch_begins(const grid_launch *launch);
/* All threads of the block that runs have passed a barrier, or it begins. */
void check_barrier_passed(void);

/* ---- The host (check_host.c) ----------------------------------------------------------------------
 * With `host`, work runs only when the host waits for it, and managed and pinned memory is closed to the host until then.
 * A touch opens it again and is remembered; when the work that was pending then uses the same memory, that is a finding.
 * System calls on memory that is closed fail with EFAULT. */
void *check_host_memory(size_t bytes);          /* pages of their own; check_host_release frees them */
void check_host_release(void *memory, size_t bytes);
/* Work was issued; the oldest work that was issued is about to run; what was to run has run. */
void check_host_issued(void);
void check_host_running(void);
void check_host_waited(void);
/* A fault of the host at `address`: true when the memory was closed, and is now open. */
bool check_host_fault(void *address, bool write);
/* The work that runs uses memory: did the host while it was pending? `who` names it. The caller holds the checks' lock. */
void check_host_conflict(const void *address, bool write, const char *who);
void check_host_copies(const void *to, const void *from, size_t bytes);

/* Prints a finding once for each (kind, kernel, line); counts it. For check_host.c. */
void check_report(const char *kind, const char *where, uint32_t line, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- Machine code (called by name) ----------------------------------------------------------------*/
/* `what` of rt_check_access: bytes | space << 8 | flags. */
enum { ACCESS_READ = 1 << 12, ACCESS_WRITE = 1 << 13, ACCESS_ATOMIC = 1 << 14, ACCESS_VOLATILE = 1 << 15,
       ACCESS_FENCE = 1 << 16, /* .acquire, .release */
       ACCESS_SAME = 1 << 17, ACCESS_DENSE = 1 << 18 /* known of the addresses: all the same; each `bytes` after the last lane's */ };
void rt_check_access(warp *w, uint32_t mask, const uint64_t *addresses, uint32_t what, uint32_t line);
void rt_check_fence(warp *w);
void rt_check_warp_sync(warp *w, uint32_t mask);
void rt_check_block_sync(warp *w);
/* `live`: lanes that have not ended. */
void rt_check_barrier(warp *w, uint32_t mask, uint32_t live, uint32_t line);

#endif
