/* Host accesses to memory that pending work uses: see check.h. */
#define _GNU_SOURCE
#include "runtime/exec/check.h"
#include "runtime/exec/shadow.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TOUCHES = 64, REGIONS = 1024 };

typedef struct region {
    uintptr_t base;
    size_t bytes;
} region;

/* The host was at `address` when `issued` pieces of work had been issued. */
typedef struct touch {
    uintptr_t address;
    region where;
    bool write;
    uint64_t issued;
} touch;

static struct {
    pthread_mutex_t lock;
    region regions[REGIONS];
    int region_count;
    touch touches[TOUCHES];
    int touch_count;
    uint64_t issued, running;
    bool closed;
} host = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t pages(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

static void protect(int protection)
{
    for (int i = 0; i < host.region_count; i++)
        mprotect((void *)host.regions[i].base, host.regions[i].bytes, protection);
    host.closed = protection == PROT_NONE;
}

void *check_host_memory(size_t bytes)
{
    void *memory = shadow_map(pages(bytes));
    pthread_mutex_lock(&host.lock);
    if (memory && host.region_count < REGIONS)
        host.regions[host.region_count++] = (region){(uintptr_t)memory, pages(bytes)};
    pthread_mutex_unlock(&host.lock);
    return memory;
}

void check_host_release(void *memory, size_t bytes)
{
    pthread_mutex_lock(&host.lock);
    for (int i = 0; i < host.region_count; i++)
        if (host.regions[i].base == (uintptr_t)memory)
            host.regions[i] = host.regions[--host.region_count];
    pthread_mutex_unlock(&host.lock);
    shadow_unmap(memory, pages(bytes));
}

void check_host_issued(void)
{
    pthread_mutex_lock(&host.lock);
    host.issued++;
    if (!host.closed)
        protect(PROT_NONE);
    pthread_mutex_unlock(&host.lock);
}

void check_host_running(void)
{
    pthread_mutex_lock(&host.lock);
    host.running++;
    if (host.closed)
        protect(PROT_READ | PROT_WRITE);
    pthread_mutex_unlock(&host.lock);
}

void check_host_waited(void)
{
    pthread_mutex_lock(&host.lock);
    if (host.issued > host.running && !host.closed)
        protect(PROT_NONE);
    if (host.issued == host.running)
        host.touch_count = 0;
    pthread_mutex_unlock(&host.lock);
}

/* Reading opens memory for reading only, so that a later write is seen too. */
bool check_host_fault(void *address, bool write)
{
    bool mended = false;
    pthread_mutex_lock(&host.lock);
    for (int i = 0; i < host.region_count && !mended; i++) {
        region r = host.regions[i];
        if ((uintptr_t)address - r.base >= r.bytes || !host.closed)
            continue;
        if (host.touch_count < TOUCHES)
            host.touches[host.touch_count++] = (touch){(uintptr_t)address, r, write, host.issued};
        mended = mprotect((void *)r.base, r.bytes, write ? PROT_READ | PROT_WRITE : PROT_READ) == 0;
    }
    pthread_mutex_unlock(&host.lock);
    return mended;
}

void check_host_conflict(const void *address, bool write, const char *who)
{
    for (int i = 0; i < host.touch_count; i++) {
        const touch *t = &host.touches[i];
        if ((uintptr_t)address - t->where.base >= t->where.bytes || t->issued < host.running || !(write || t->write))
            continue;
        check_report("host access", who, (uint32_t)i, "the host %s %#llx before it waited for %s, which %s that memory (%#llx)",
                     t->write ? "wrote" : "read", (unsigned long long)t->address, who, write ? "writes" : "reads",
                     (unsigned long long)(uintptr_t)address);
    }
}
