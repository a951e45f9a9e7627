#define _GNU_SOURCE
#include "runtime/exec/profile.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    profile_table *table;
    char path[64];
    pid_t owner;                 /* children that were forked do not print it again */
} profile = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- Names --------------------------------------------------------------------------------------- */
const char *readable_name(const char *name, char *out, int size)
{
    typedef char *demangle(const char *, char *, size_t *, int *);
    demangle *call = (demangle *)dlsym(RTLD_DEFAULT, "__cxa_demangle");
    int status = -1;
    char *text = call && !strncmp(name, "_Z", 2) ? call(name, NULL, NULL, &status) : NULL;
    snprintf(out, (size_t)size, "%s", text && status == 0 ? text : name);
    free(text);
    return out;
}

static uint64_t hash_name(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    return h | 1;
}

/* ---- The table ----------------------------------------------------------------------------------- */
static void put_stderr(const char *line, void *context)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}

static void finish(void)
{
    if (getpid() != profile.owner)
        return;
    unlink(profile.path);
    pthread_mutex_lock(&profile.lock);
    if (profile.table->rows)
        profile_print(profile.table, put_stderr, NULL);
    pthread_mutex_unlock(&profile.lock);
}

/* Shared where others can see it; without /dev/shm it is this process's alone. */
static profile_table *map_table(void)
{
    snprintf(profile.path, sizeof profile.path, "/dev/shm/cairn-cuda-%d", (int)getpid());
    int file = open(profile.path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool shared = file >= 0 && ftruncate(file, sizeof(profile_table)) == 0;
    void *p = mmap(NULL, sizeof(profile_table), PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
                   shared ? file : -1, 0);
    if (file >= 0)
        close(file);
    return p == MAP_FAILED ? NULL : p;
}

static void begin(void)
{
    const char *path = getenv("CAIRN_CUDA_PROFILE");
    if (!path || !*path || !strcmp(path, "0") || !(profile.table = map_table()))
        return;
    if (strcmp(path, "live") != 0 && strcmp(path, "1") != 0 && !trace_on)
        trace_open(path);
    profile.owner = getpid();
    profile.table->started = profile.table->now = (uint64_t)trace_start();
    profile.table->magic = PROFILE_MAGIC;
    atexit(finish);
}

bool profile_wanted(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin);
    return profile.table != NULL;
}

static profile_row *row_of(const char *name)
{
    profile_table *t = profile.table;
    uint64_t hash = hash_name(name);
    for (uint32_t i = 0; i < t->rows; i++)
        if (t->row[i].hash == hash)
            return &t->row[i];
    if (t->rows == PROFILE_KERNELS) {
        snprintf(t->others.name, sizeof t->others.name, "(other kernels)");
        return &t->others;
    }
    profile_row *row = &t->row[t->rows];
    readable_name(name, row->name, sizeof row->name);
    row->hash = hash;
    __atomic_store_n(&t->rows, t->rows + 1, __ATOMIC_RELEASE);
    return row;
}

void profile_launch(const char *name, trace_mark start, uint64_t threads, const uint64_t count[COUNTERS])
{
    trace_mark end = trace_start();
    pthread_mutex_lock(&profile.lock);
    profile_row *row = row_of(name);
    row->calls++;
    row->nanoseconds += (uint64_t)(end - start);
    row->threads += threads;
    for (int i = 0; i < COUNTERS; i++)
        row->count[i] += count[i];
    profile.table->now = (uint64_t)end;
    if (trace_on)
        trace_stop(start, row->name, "kernel", (int64_t)(count[COUNT_LOADED] + count[COUNT_STORED]), (int64_t)count[COUNT_LANES]);
    pthread_mutex_unlock(&profile.lock);
}
