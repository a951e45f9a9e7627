/* CAIRN_TRACE=file: a trace in the Chrome / Perfetto JSON format, written as the process runs.
 *
 *     trace_mark t = trace_begin();
 *     ... work ...
 *     trace_end(t, "matmul 512x512x512", "kernel", bytes, flops);
 *
 * Costs one predictable branch when no trace is on, about a microsecond when one is. `name` is copied.
 * Each event also says how many bytes of buffers were lent out when it ended.
 * The file is complete when the process ends; one of a process that was killed opens too. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H
#include <cairn/base.h>

typedef int64_t trace_mark;            /* nanoseconds; 0 when no trace is on */
extern bool trace_on;
trace_mark trace_start(void);
void trace_stop(trace_mark start, const char *name, const char *category, int64_t bytes, int64_t flops);

/* Starts a trace into `path` when none is on; false, with a message, when it cannot be written. Not thread-safe. */
bool trace_open(const char *path);

static inline trace_mark trace_begin(void) { return trace_on ? trace_start() : 0; }
static inline void trace_end(trace_mark t, const char *name, const char *category, int64_t bytes, int64_t flops)
{
    if (t)
        trace_stop(t, name, category, bytes, flops);
}

#endif
