/* The trace: one complete event ("ph": "X") a span, in an array that may lack its end.
 *
 * The format allows the closing bracket to be missing, so a process that dies leaves a file that
 * Perfetto still opens; each event is written whole, before the next begins. */
#include "base/trace.h"

#include "base/error.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

bool trace_on;
static FILE *file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

trace_mark trace_start(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void write_text(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < 0x20)
            fprintf(file, "\\u%04x", c);
        else
            fputc(c, file);
    }
}

void trace_stop(trace_mark start, const char *name, const char *category, int64_t bytes, int64_t flops)
{
    int64_t end = trace_start();
    pthread_mutex_lock(&lock);
    fputs("{\"ph\":\"X\",\"name\":\"", file);
    write_text(name);
    fputs("\",\"cat\":\"", file);
    write_text(category);
    fprintf(file, "\",\"pid\":%d,\"tid\":%ld,\"ts\":%.3f,\"dur\":%.3f,\"args\":{\"bytes\":%lld,\"flops\":%lld}},\n",
            (int)getpid(), (long)syscall(SYS_gettid), (double)start / 1e3, (double)(end - start) / 1e3,
            (long long)bytes, (long long)flops);
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void open_trace(void)
{
    const char *path = getenv("CAIRN_TRACE");
    if (!path || !*path)
        return;
    file = fopen(path, "w");
    if (!file) {
        fprintf(stderr, "cairn: CAIRN_TRACE=%s cannot be written\n", path);
        return;
    }
    fputs("[\n", file);
    trace_on = true;
}
