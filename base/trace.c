/* The trace: one complete event ("ph": "X") a span, in an array that may lack its end.
 *
 * The format allows the closing bracket to be missing. Events are collected and written in batches of
 * whole lines, at the latest a twentieth of a second after the last batch, so a process that dies leaves
 * a file that Perfetto opens, and that lacks only what happened just before. */
#define _GNU_SOURCE
#include "base/trace.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_BYTES = 32 << 10, LINE_BYTES = 1024, NAME_BYTES = 512, FLUSH_NANOSECONDS = 50000000 };

bool trace_on;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int file = -1;
static char batch[BATCH_BYTES];
static size_t batch_bytes;
static int64_t last_flush;
static _Thread_local bool thread_named;

trace_mark trace_start(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static long thread_id(void)
{
    return (long)syscall(SYS_gettid);
}

/* Text as the inside of a JSON string, cut to `most` bytes. Bytes above ASCII are taken as Latin-1, so that
 * the file is valid whatever a name holds. */
static void escape(char *out, size_t most, const char *text)
{
    size_t used = 0;
    for (; *text && used + 7 < most; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            used += (size_t)sprintf(out + used, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            used += (size_t)sprintf(out + used, "\\u%04x", c);
        else
            out[used++] = (char)c;
    }
    out[used] = '\0';
}

static void flush(int64_t now)
{
    for (size_t done = 0; done < batch_bytes;) {
        ssize_t wrote = write(file, batch + done, batch_bytes - done);
        if (wrote <= 0)
            break; /* a full disk costs the trace, never the computation */
        done += (size_t)wrote;
    }
    batch_bytes = 0;
    last_flush = now;
}

static void append(const char *line, int bytes, int64_t now)
{
    pthread_mutex_lock(&lock);
    if (file >= 0) {
        if (batch_bytes + (size_t)bytes > BATCH_BYTES)
            flush(now);
        memcpy(batch + batch_bytes, line, (size_t)bytes);
        batch_bytes += (size_t)bytes;
        if (now - last_flush > FLUSH_NANOSECONDS)
            flush(now);
    }
    pthread_mutex_unlock(&lock);
}

/* Once a thread: the name that it bears in the picture. */
static void name_thread(void)
{
    char line[LINE_BYTES], name[64] = "", escaped[128];
    pthread_getname_np(pthread_self(), name, sizeof name);
    escape(escaped, sizeof escaped, name);
    int bytes = snprintf(line, sizeof line,
                         "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%d,\"tid\":%ld,\"args\":{\"name\":\"%s\"}},\n",
                         (int)getpid(), thread_id(), escaped);
    append(line, bytes, trace_start());
    thread_named = true;
}

void trace_stop(trace_mark start, const char *name, const char *category, int64_t bytes, int64_t flops)
{
    int64_t end = trace_start();
    if (!thread_named)
        name_thread();
    char line[LINE_BYTES], escaped[NAME_BYTES], kind[64];
    escape(escaped, sizeof escaped, name);
    escape(kind, sizeof kind, category);
    int length = snprintf(line, sizeof line,
                          "{\"ph\":\"X\",\"name\":\"%s\",\"cat\":\"%s\",\"pid\":%d,\"tid\":%ld,\"ts\":%.3f,\"dur\":%.3f,"
                          "\"args\":{\"bytes\":%lld,\"flops\":%lld,\"memory\":%lld}},\n",
                          escaped, kind, (int)getpid(), thread_id(), (double)start / 1e3,
                          (double)(end - start) / 1e3, (long long)bytes, (long long)flops,
                          (long long)cairn_memory().current_bytes);
    append(line, length, end);
}

/* ---- Opening and closing ------------------------------------------------------------------------ */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/* The parent writes what is in the batch; the file is the parent's too. */
static void after_fork_in_child(void)
{
    batch_bytes = 0;
    file = -1;
    pthread_mutex_unlock(&lock);
}

bool trace_open(const char *path)
{
    if (trace_on)
        return true;
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) {
        fprintf(stderr, "cairn: trace: %s cannot be written: %m\n", path);
        return false;
    }
    memcpy(batch, "[\n", 2);
    batch_bytes = 2;
    flush(trace_start());
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
    trace_on = true;
    return true;
}

__attribute__((constructor)) static void open_wanted_trace(void)
{
    const char *path = getenv("CAIRN_TRACE");
    if (path && *path)
        trace_open(path);
}

/* The last event has no comma after it, so it is one that is always there. */
__attribute__((destructor)) static void close_trace(void)
{
    if (!trace_on)
        return;
    char line[LINE_BYTES];
    int bytes = snprintf(line, sizeof line,
                         "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%d,\"args\":{\"name\":\"cairn\"}}\n]\n",
                         (int)getpid());
    append(line, bytes, trace_start());
    pthread_mutex_lock(&lock);
    if (file >= 0) {
        flush(0);
        close(file);
        file = -1;
    }
    pthread_mutex_unlock(&lock);
}
