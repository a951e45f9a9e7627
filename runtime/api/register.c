/* What clang's host code registers before main: fat binaries, and the names behind host addresses.
 *
 * A fat binary is loaded when something of it is first used, so that a program that starts and does
 * nothing costs nothing, and errors are returned by a call that can return them; one with __managed__ variables at once. */
#include "runtime/api/register.h"
#include "runtime/api/fatbin.h"
#include <cuda/cuda_runtime_api.h>
#include <stdio.h>
#include <string.h>

typedef struct binary {
    const void *image;
    program *program;
    CUresult error;
    bool tried, managed;         /* has __managed__ variables */
} binary;

typedef enum entry_kind { ENTRY_KERNEL, ENTRY_VARIABLE } entry_kind;

typedef struct entry {
    const void *host;
    binary *binary;
    const char *name;
    entry_kind kind;
    kernel *kernel;
    size_t managed;              /* bytes of a __managed__ variable, else 0 */
} entry;

/* Entries hashed by host address; kept at most half full. */
static struct {
    pthread_mutex_t lock;
    entry *entries;
    size_t count, capacity;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t slot_of(const entry *entries, size_t capacity, const void *host)
{
    size_t at = ((uintptr_t)host >> 3) * 0x9e3779b97f4a7c15u & (capacity - 1);
    while (entries[at].host && entries[at].host != host)
        at = (at + 1) & (capacity - 1);
    return at;
}

static bool table_grow(void)
{
    size_t capacity = table.capacity ? 2 * table.capacity : 256;
    entry *grown = mem_array(capacity, sizeof *grown);
    if (!grown)
        return false;
    for (size_t i = 0; i < table.capacity; i++)
        if (table.entries[i].host)
            grown[slot_of(grown, capacity, table.entries[i].host)] = table.entries[i];
    mem_free(table.entries);
    table.entries = grown;
    table.capacity = capacity;
    return true;
}

static void table_add(entry e)
{
    pthread_mutex_lock(&table.lock);
    if (2 * table.count < table.capacity || table_grow()) {
        table.entries[slot_of(table.entries, table.capacity, e.host)] = e;
        table.count++;
    }
    pthread_mutex_unlock(&table.lock);
}

/* The host's variables become the module's. */
static bool bind_managed(const binary *b)
{
    bool bound = true;
    for (size_t i = 0; i < table.capacity && b->managed; i++) {
        const entry *e = &table.entries[i];
        if (e->binary == b && e->managed)
            bound &= program_bind(b->program, e->name, (void *)e->host, e->managed) && allocation_note((void *)e->host, e->managed);
    }
    return bound;
}

static CUresult binary_load(binary *b)
{
    image_text text;
    if (b->tried)
        return b->error;
    b->tried = true;
    b->error = image_find_ptx(b->image, &text);
    if (b->error)
        return b->error;
    b->program = program_load("fat binary", text.text, text.bytes);
    if (!b->program)
        b->error = result_of(cairn_error());
    else if (!bind_managed(b))
        b->error = CUDA_ERROR_INVALID_IMAGE;
    return b->error;
}

/* The entry of a host address, with its module loaded. */
static CUresult find(const void *host, entry_kind kind, entry **out)
{
    *out = NULL;
    if (table.capacity)
        *out = &table.entries[slot_of(table.entries, table.capacity, host)];
    if (!*out || !(*out)->host || (*out)->kind != kind)
        return kind == ENTRY_KERNEL ? CUDA_ERROR_INVALID_DEVICE_FUNCTION : CUDA_ERROR_INVALID_SYMBOL;
    return binary_load((*out)->binary);
}

CUresult registered_kernel(const void *host_function, kernel **out)
{
    entry *e;
    pthread_mutex_lock(&table.lock);
    CUresult result = find(host_function, ENTRY_KERNEL, &e);
    if (!result && !e->kernel)
        e->kernel = program_kernel(e->binary->program, e->name);
    if (!result && !e->kernel)
        result = CUDA_ERROR_INVALID_DEVICE_FUNCTION;
    if (!result)
        *out = e->kernel;
    pthread_mutex_unlock(&table.lock);
    return result;
}

CUresult registered_variable(const void *host_variable, void **memory, size_t *bytes)
{
    entry *e;
    pthread_mutex_lock(&table.lock);
    CUresult result = find(host_variable, ENTRY_VARIABLE, &e);
    if (!result)
        *memory = program_variable(e->binary->program, e->name, bytes);
    if (!result && !*memory)
        result = CUDA_ERROR_INVALID_SYMBOL;
    pthread_mutex_unlock(&table.lock);
    return result;
}

/* ---- What the compiler calls --------------------------------------------------------------------- */
API void **__cudaRegisterFatBinary(void *wrapper);
API void __cudaRegisterFatBinaryEnd(void **handle);
API void __cudaUnregisterFatBinary(void **handle);
API void __cudaRegisterFunction(void **handle, const char *host, char *device_host, const char *name, int threads,
                                void *tid, void *bid, void *block, void *grid, int *warp_size);
API void __cudaRegisterVar(void **handle, char *host, char *device_host, const char *name, int external, size_t bytes,
                           int constant, int global);
API unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes, void *stream);
API cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared_bytes, void *stream);

API void __cudaRegisterManagedSection(char *begin, char *end);

/* The sections of __managed__ variables, one for each library that has any. */
static struct section {
    struct section *next;
    const char *begin, *end;
} *sections;

API void __cudaRegisterManagedSection(char *begin, char *end)
{
    for (const struct section *s = sections; s; s = s->next)
        if (s->begin == begin)
            return;
    struct section *made = mem_new(sizeof *made);
    if (!made)
        return;
    *made = (struct section){sections, begin, end};
    sections = made;
}

static bool is_managed(const char *host)
{
    for (const struct section *s = sections; s; s = s->next)
        if (host >= s->begin && host < s->end)
            return true;
    return false;
}

API void **__cudaRegisterFatBinary(void *wrapper)
{
    binary *b = mem_new(sizeof *b);
    if (b)
        b->image = wrapper;
    return (void **)b;
}

/* What __managed__ variables begin with stands in the PTX, and the program may read it before it calls anything. */
API void __cudaRegisterFatBinaryEnd(void **handle)
{
    binary *b = (binary *)handle;
    if (!b || !b->managed)
        return;
    pthread_mutex_lock(&table.lock);
    binary_load(b);
    pthread_mutex_unlock(&table.lock);
}

/* At exit: work that was issued and never waited for is still to finish. The module stays: other
 * destructors may still use it. */
API void __cudaUnregisterFatBinary(void **handle)
{
    (void)handle;
    queue_wait(queue_last());
    fflush(stdout);
}

API void __cudaRegisterFunction(void **handle, const char *host, char *device_host, const char *name, int threads,
                                void *tid, void *bid, void *block, void *grid, int *warp_size)
{
    (void)device_host, (void)threads, (void)tid, (void)bid, (void)block, (void)grid, (void)warp_size;
    if (handle)
        table_add((entry){host, (binary *)handle, name, ENTRY_KERNEL, NULL, 0});
}

API void __cudaRegisterVar(void **handle, char *host, char *device_host, const char *name, int external, size_t bytes,
                           int constant, int global)
{
    (void)device_host, (void)external, (void)constant, (void)global;
    if (!handle)
        return;
    bool managed = is_managed(host);
    ((binary *)handle)->managed |= managed;
    table_add((entry){host, (binary *)handle, name, ENTRY_VARIABLE, NULL, managed ? bytes : 0});
}

/* f<<<grid, block, shared, stream>>>(...) pushes, and the stub of f pops and launches. */
typedef struct configuration {
    dim3 grid, block;
    size_t shared_bytes;
    void *stream;
} configuration;

static _Thread_local configuration pushed[8];
static _Thread_local int pushed_count;

API unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes, void *stream)
{
    if (pushed_count == sizeof pushed / sizeof *pushed)
        return 1;
    pushed[pushed_count++] = (configuration){grid, block, shared_bytes, stream};
    return 0;
}

API cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared_bytes, void *stream)
{
    if (!pushed_count)
        return cudaErrorInvalidConfiguration;
    const configuration *c = &pushed[--pushed_count];
    *grid = c->grid;
    *block = c->block;
    *shared_bytes = c->shared_bytes;
    *(void **)stream = c->stream;
    return cudaSuccess;
}
