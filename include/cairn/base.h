/* Cairn's base: element types, statuses, errors, memory figures, threads, seeds.
 *
 * Every other public header includes this one. Nothing here needs the layers above it. */
#ifndef CAIRN_BASE_H
#define CAIRN_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(CAIRN_STATIC)
#define CAIRN_API
#else
#define CAIRN_API __attribute__((visibility("default")))
#endif

#if defined(__GNUC__)
#define CAIRN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CAIRN_PRINTF(text, first)
#endif

/* ---- Element types ------------------------------------------------------------------------------
 * One row a type: X(NAME, name as printed, bytes of one element). The order is the order of
 * promotion within a kind: see cairn_promote_types. */
#define CAIRN_DTYPES(X) \
    X(BOOL, "bool", 1)  \
    X(U8, "u8", 1)      \
    X(I8, "i8", 1)      \
    X(I16, "i16", 2)    \
    X(I32, "i32", 4)    \
    X(I64, "i64", 8)    \
    X(F16, "f16", 2)    \
    X(BF16, "bf16", 2)  \
    X(F32, "f32", 4)    \
    X(F64, "f64", 8)

typedef enum cairn_dtype {
#define X(name, text, bytes) CAIRN_##name,
    CAIRN_DTYPES(X)
#undef X
    CAIRN_DTYPE_COUNT
} cairn_dtype;

/* The name ("f32") and the size in bytes of a type; "?" and 0 for a value outside the enum. */
CAIRN_API const char *cairn_dtype_name(cairn_dtype type);
CAIRN_API int cairn_dtype_bytes(cairn_dtype type);

/* ---- Statuses and errors ------------------------------------------------------------------------
 * Functions that return a cairn_status return CAIRN_OK (0) or what went wrong. Functions that return
 * a pointer return NULL. In both cases the first error of a thread sticks, with a message that names
 * the operation and the values, until cairn_error_clear(). */
#define CAIRN_STATUSES(X)                                              \
    X(OK, "success")                                                   \
    X(E_ARGUMENT, "an argument is not valid")                          \
    X(E_SHAPE, "shapes do not fit")                                    \
    X(E_TYPE, "element types do not fit")                              \
    X(E_RANGE, "an index or value is out of range")                    \
    X(E_MEMORY, "out of memory")                                       \
    X(E_IO, "a file could not be read or written")                     \
    X(E_FORMAT, "a file's content is not valid")                       \
    X(E_UNSUPPORTED, "this is not supported")                          \
    X(E_MISSING, "built without a library that this needs")            \
    X(E_NAN, "a result is not finite")                                 \
    X(E_STATE, "not possible in this state")                           \
    X(E_INTERRUPTED, "interrupted")

typedef enum cairn_status {
#define X(name, text) CAIRN_##name,
    CAIRN_STATUSES(X)
#undef X
    CAIRN_STATUS_COUNT
} cairn_status;

/* The name of a status ("E_SHAPE"); "?" for a value outside the enum. */
CAIRN_API const char *cairn_status_name(cairn_status status);

/* The calling thread's first error since the last clear: its status (CAIRN_OK when there is none)
 * and its message ("" when there is none; valid until this thread's next error or clear).
 * The first error is also printed on stderr, once, unless CAIRN_ON_ERROR=quiet; with
 * CAIRN_ON_ERROR=abort the process stops there, for a debugger. */
CAIRN_API cairn_status cairn_error(void);
CAIRN_API const char *cairn_error_message(void);
CAIRN_API void cairn_error_clear(void);
/* Sets the thread's error as the library does, for operations and tools of one's own: keeps the first one, prints or aborts as
 * chosen. `format` is printf's. Returns `status`, so that `return cairn_error_set(CAIRN_E_SHAPE, "blur: ...")` reads well. */
CAIRN_API cairn_status cairn_error_set(cairn_status status, const char *format, ...) CAIRN_PRINTF(2, 3);

/* The line of the user's program that the calling thread is at. <cairn/lines.h> sets it at each call, errors and
 * CAIRN_CHECK_NAN=1 name it. */
typedef struct cairn_source_line {
    const char *file;
    int line;
} cairn_source_line;
#ifdef __cplusplus
CAIRN_API extern thread_local cairn_source_line cairn_here;
#else
CAIRN_API extern _Thread_local cairn_source_line cairn_here;
#endif
/* The line at which the thread's first error was set; file is NULL when there is none or it is not known. */
CAIRN_API cairn_source_line cairn_error_where(void);

/* What to do when an error is set: print it (default), stay quiet, or abort. Process-wide;
 * overrides CAIRN_ON_ERROR. */
typedef enum cairn_on_error { CAIRN_ON_ERROR_PRINT, CAIRN_ON_ERROR_QUIET, CAIRN_ON_ERROR_ABORT } cairn_on_error;
CAIRN_API void cairn_set_on_error(cairn_on_error what);

/* ---- Threads ------------------------------------------------------------------------------------
 * One pool serves all layers. Its size is the number of CPUs in the process's CPU set, bounded by the
 * cgroup's CPU quota (rounded up), or CAIRN_THREADS. Results never depend on it. */
CAIRN_API int cairn_threads(void);
/* Sets the size of the pool, 1 <= threads <= 1024. E_ARGUMENT outside; E_STATE while work runs. */
CAIRN_API cairn_status cairn_set_threads(int threads);
/* fn(context, task, worker) for every 0 <= task < tasks, on the pool and on the caller; returns when all are done. What a task
 * computes may depend on its number alone, so that results do not depend on threads. Calls from within a task, and while
 * another thread's call has the pool, run inline. One task never wakes a thread. */
typedef void (*cairn_task)(void *context, int64_t task, int worker);
CAIRN_API void cairn_parallel(int64_t tasks, cairn_task fn, void *context);

/* ---- Memory -------------------------------------------------------------------------------------
 * Buffers come from a caching allocator. Bytes: `current` lent out now, `peak` the most ever lent
 * since the last cairn_memory_reset_peak(), `cached` held for re-use, `allocations` the number of
 * buffers asked for. */
typedef struct cairn_memory_stats {
    int64_t current_bytes, peak_bytes, cached_bytes, allocations;
} cairn_memory_stats;
CAIRN_API cairn_memory_stats cairn_memory(void);
CAIRN_API void cairn_memory_reset_peak(void);
/* Returns cached memory to the operating system. */
CAIRN_API void cairn_memory_trim(void);
/* A buffer of `bytes` from that allocator, aligned to 64 bytes, not cleared; NULL with E_MEMORY when there is none. Give it
 * back with the same size, from any thread; NULL may be given back. */
CAIRN_API void *cairn_buffer_take(int64_t bytes);
CAIRN_API void cairn_buffer_give(void *buffer, int64_t bytes);

/* ---- Random numbers -----------------------------------------------------------------------------
 * Philox4x32-10 (Salmon et al., 2011): the same seed gives the same stream on every machine. */
CAIRN_API void cairn_seed(uint64_t seed);

/* ---- The machine --------------------------------------------------------------------------------*/
/* The instruction set in use, the best that the processor has: "generic", "neon", "x86-64-v2", "avx2", "avx512",
 * "avx512vnni" (int8), "avx512bf16" or "amx" (tiles of bf16 and int8). CAIRN_ISA forces one. */
CAIRN_API const char *cairn_isa(void);

/* What this machine reaches, all threads of the pool together: the figures that a benchmark's share is taken of. Measured at the first
 * call, which takes about a second, and kept for the process. 0 where there is no memory to measure with, or a cache is
 * not known. Thread-safe. */
typedef struct cairn_machine {
    double f32_flops, f64_flops;                /* multiply-adds as two operations, per second */
    double read_bytes, triad_bytes;             /* memory bandwidth, bytes per second; triad: a = b + s c */
    int64_t l1d_bytes, l2_bytes, l3_bytes;
} cairn_machine;
CAIRN_API const cairn_machine *cairn_machine_measure(void);

/* The library's version, "0.1.0". */
CAIRN_API const char *cairn_version(void);

#ifdef __cplusplus
}
#endif
#endif
