/* Memory: allocations, copies, fills. Device memory is host memory; only its book-keeping is a device's. */
#include "runtime/api/api.h"
#include "runtime/exec/check.h"
#include <string.h>

/* ---- Allocations: a sorted list ------------------------------------------------------------------ */
static struct {
    pthread_mutex_t lock;
    allocation *items;
    size_t count, capacity;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The index of the first allocation that begins behind `address`. */
static size_t upper_bound(uintptr_t address)
{
    size_t low = 0, high = table.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (table.items[middle].base <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool table_add(allocation a)
{
    if (table.count == table.capacity) {
        size_t capacity = table.capacity ? 2 * table.capacity : 64;
        allocation *grown = mem_resize(table.items, capacity * sizeof *grown);
        if (!grown)
            return false;
        table.items = grown;
        table.capacity = capacity;
    }
    size_t at = upper_bound(a.base);
    memmove(table.items + at + 1, table.items + at, (table.count - at) * sizeof *table.items);
    table.items[at] = a;
    table.count++;
    return true;
}

/* With checks: a margin behind each allocation, and pages of its own for memory that the host sees. */
static bool has_own_pages(memory_kind kind) { return (checks_wanted() & CHECK_HOST) && kind != MEMORY_DEVICE; }
static int64_t with_margin(size_t bytes) { return (int64_t)(bytes + (checks_wanted() ? CHECK_MARGIN : 0)); }

static void *take_memory(size_t bytes, memory_kind kind)
{
    void *memory = has_own_pages(kind) ? check_host_memory(bytes) : buffer_alloc(with_margin(bytes));
    if (memory && checks_wanted())
        check_allocated(memory, bytes, kind == MEMORY_DEVICE ? CHECK_DEVICE : kind == MEMORY_HOST ? CHECK_PINNED : CHECK_MANAGED, NULL);
    return memory;
}

/* Freed memory stays for a while when uses of it are to be seen. */
static void give_memory(void *memory, size_t bytes, memory_kind kind)
{
    if (has_own_pages(kind)) {
        check_forgotten(memory);
        check_host_release(memory, bytes);
        return;
    }
    if (checks_wanted())
        check_freed(memory, &memory, &bytes);
    if (memory)
        buffer_free(memory, with_margin(bytes));
}

void *allocation_new(size_t bytes, memory_kind kind)
{
    if (bytes > (size_t)1 << 46)
        return NULL;
    void *memory = take_memory(bytes, kind);
    if (!memory)
        return NULL;
    pthread_mutex_lock(&table.lock);
    bool added = table_add((allocation){(uintptr_t)memory, bytes, kind});
    pthread_mutex_unlock(&table.lock);
    if (added)
        return memory;
    give_memory(memory, bytes, kind);
    return NULL;
}

bool allocation_free(void *address, bool host)
{
    allocation found = {0};
    pthread_mutex_lock(&table.lock);
    size_t at = upper_bound((uintptr_t)address);
    if (at && table.items[at - 1].base == (uintptr_t)address && (table.items[at - 1].kind == MEMORY_HOST) == host) {
        found = table.items[at - 1];
        memmove(table.items + at - 1, table.items + at, (table.count - at) * sizeof *table.items);
        table.count--;
    }
    pthread_mutex_unlock(&table.lock);
    if (found.base)
        give_memory(address, found.bytes, found.kind);
    else if (checks_wanted() & CHECK_MEMORY)
        check_bad_free(address);
    return found.base != 0;
}

bool allocation_find(const void *address, allocation *out)
{
    pthread_mutex_lock(&table.lock);
    size_t at = upper_bound((uintptr_t)address);
    bool inside = at && (uintptr_t)address - table.items[at - 1].base < table.items[at - 1].bytes;
    if (inside)
        *out = table.items[at - 1];
    pthread_mutex_unlock(&table.lock);
    return inside;
}

static CUresult allocate(void **memory, size_t bytes, memory_kind kind)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!memory || !bytes)
        return CUDA_ERROR_INVALID_VALUE;
    *memory = allocation_new(bytes, kind);
    cairn_error_clear();
    return *memory ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

API CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) { return allocate((void **)address, bytes, MEMORY_DEVICE); }

API CUresult cuMemAllocPitch_v2(CUdeviceptr *address, size_t *pitch, size_t width, size_t height, unsigned element)
{
    if (!pitch || (element != 4 && element != 8 && element != 16) || width > (size_t)1 << 40 || height > (size_t)1 << 30)
        return CUDA_ERROR_INVALID_VALUE;
    *pitch = (width + 511) / 512 * 512;
    return cuMemAlloc_v2(address, *pitch * height);
}

API CUresult cuMemAllocManaged(CUdeviceptr *address, size_t bytes, unsigned flags)
{
    if (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST)
        return CUDA_ERROR_INVALID_VALUE;
    return allocate((void **)address, bytes, MEMORY_MANAGED);
}

API CUresult cuMemHostAlloc(void **memory, size_t bytes, unsigned flags)
{
    if (flags > 7)
        return CUDA_ERROR_INVALID_VALUE;
    return allocate(memory, bytes, MEMORY_HOST);
}

API CUresult cuMemAllocHost_v2(void **memory, size_t bytes) { return cuMemHostAlloc(memory, bytes, 0); }

/* Work that was issued may still use the memory. */
static CUresult release(void *memory, bool host)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!memory)
        return host ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
    result = queue_wait(queue_last());
    return allocation_free(memory, host) ? result : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuMemFree_v2(CUdeviceptr address) { return release((void *)address, false); }
API CUresult cuMemFreeHost(void *memory) { return release(memory, true); }

API CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *address, void *memory, unsigned flags)
{
    allocation found;
    if (!address || flags || !allocation_find(memory, &found))
        return CUDA_ERROR_INVALID_VALUE;
    *address = (CUdeviceptr)memory;
    return CUDA_SUCCESS;
}

API CUresult cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *bytes, CUdeviceptr address)
{
    allocation found;
    if (!allocation_find((void *)address, &found))
        return CUDA_ERROR_NOT_FOUND;
    if (base)
        *base = found.base;
    if (bytes)
        *bytes = found.bytes;
    return CUDA_SUCCESS;
}

/* ---- Copies -------------------------------------------------------------------------------------- */
typedef struct copy_work {
    queue_work work;
    void *to;
    const void *from;
    size_t bytes;
    uint32_t value;
    int element;
} copy_work;

/* All copies and fills of device memory end in these two. */
static void move_bytes(void *to, const void *from, size_t bytes)
{
    if (checks_wanted() & CHECK_HOST)
        check_host_copies(to, from, bytes);
    memmove(to, from, bytes);
    if (checks_wanted())
        check_written(to, from, bytes);
}

static CUresult run_copy(queue_work *work)
{
    copy_work *c = (copy_work *)work;
    move_bytes(c->to, c->from, c->bytes);
    return CUDA_SUCCESS;
}

static void fill(void *to, uint32_t value, int element, size_t count)
{
    if (checks_wanted())
        check_written(to, NULL, count * (size_t)element);
    if (element == 1 || value == 0)
        memset(to, (int)value, count * (size_t)element);
    else if (element == 2)
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)to)[i] = (uint16_t)value;
    else
        for (size_t i = 0; i < count; i++)
            ((uint32_t *)to)[i] = value;
}

static CUresult run_fill(queue_work *work)
{
    copy_work *c = (copy_work *)work;
    fill(c->to, c->value, c->element, c->bytes);
    return CUDA_SUCCESS;
}

static void free_work(queue_work *work) { mem_free(work); }

static CUresult issue(copy_work fields, CUstream stream)
{
    copy_work *c = mem_new(sizeof *c);
    if (!c)
        return result_of(CAIRN_E_MEMORY);
    *c = fields;
    c->work.free = free_work;
    stream_issue(stream, &c->work);
    return CUDA_SUCCESS;
}

CUresult copy_memory(void *to, const void *from, size_t bytes, CUstream stream, bool wait)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!stream_is_valid(stream))
        return CUDA_ERROR_INVALID_HANDLE;
    if (!bytes)
        return CUDA_SUCCESS;
    if (!to || !from)
        return CUDA_ERROR_INVALID_VALUE;
    if (!wait)
        return issue((copy_work){.work.run = run_copy, .to = to, .from = from, .bytes = bytes}, stream);
    result = queue_wait(queue_last());
    if (!result)
        move_bytes(to, from, bytes);
    return result;
}

CUresult fill_memory(void *to, uint32_t value, int element, size_t count, CUstream stream, bool wait)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!stream_is_valid(stream))
        return CUDA_ERROR_INVALID_HANDLE;
    if (!count)
        return CUDA_SUCCESS;
    if (!to || (uintptr_t)to % (unsigned)element)
        return CUDA_ERROR_INVALID_VALUE;
    result = issue((copy_work){.work.run = run_fill, .to = to, .bytes = count, .value = value, .element = element}, stream);
    return !result && wait ? queue_wait(queue_last()) : result;
}

API CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t bytes)
{
    return copy_memory((void *)to, (void *)from, bytes, NULL, true);
}

API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes)
{
    return copy_memory((void *)to, from, bytes, NULL, true);
}

API CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes)
{
    return copy_memory(to, (void *)from, bytes, NULL, true);
}

API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes)
{
    return copy_memory((void *)to, (void *)from, bytes, NULL, true);
}

API CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream)
{
    return copy_memory((void *)to, (void *)from, bytes, stream, false);
}

API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream)
{
    return copy_memory((void *)to, from, bytes, stream, false);
}

API CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream)
{
    return copy_memory(to, (void *)from, bytes, stream, false);
}

API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream)
{
    return copy_memory((void *)to, (void *)from, bytes, stream, false);
}

API CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t count)
{
    return fill_memory((void *)to, value, 1, count, NULL, true);
}

API CUresult cuMemsetD16_v2(CUdeviceptr to, unsigned short value, size_t count)
{
    return fill_memory((void *)to, value, 2, count, NULL, true);
}

API CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned value, size_t count)
{
    return fill_memory((void *)to, value, 4, count, NULL, true);
}

API CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream)
{
    return fill_memory((void *)to, value, 1, count, stream, false);
}

API CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream)
{
    return fill_memory((void *)to, value, 4, count, stream, false);
}
