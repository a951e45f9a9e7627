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
    bool added = table_add((allocation){(uintptr_t)memory, bytes, kind, false});
    pthread_mutex_unlock(&table.lock);
    if (added)
        return memory;
    give_memory(memory, bytes, kind);
    return NULL;
}

bool allocation_note(void *variable, size_t bytes)
{
    pthread_mutex_lock(&table.lock);
    bool added = table_add((allocation){(uintptr_t)variable, bytes, MEMORY_MANAGED, true});
    pthread_mutex_unlock(&table.lock);
    return added;
}

bool allocation_free(void *address, bool host)
{
    allocation found = {0};
    pthread_mutex_lock(&table.lock);
    size_t at = upper_bound((uintptr_t)address);
    if (at && table.items[at - 1].base == (uintptr_t)address && !table.items[at - 1].variable &&
        (table.items[at - 1].kind == MEMORY_HOST) == host) {
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

/* ---- Host memory that programs register ---------------------------------------------------------- */
typedef struct registration {
    struct registration *next;
    uintptr_t base;
    size_t bytes;
} registration;
static registration *registered;

static bool registration_add(void *memory, size_t bytes)
{
    registration *made = mem_new(sizeof *made);
    bool taken = !made;
    pthread_mutex_lock(&table.lock);
    for (const registration *r = registered; r; r = r->next)
        taken |= (uintptr_t)memory < r->base + r->bytes && r->base < (uintptr_t)memory + bytes;
    if (!taken) {
        *made = (registration){registered, (uintptr_t)memory, bytes};
        registered = made;
    }
    pthread_mutex_unlock(&table.lock);
    if (taken)
        mem_free(made);
    return !taken;
}

static bool registration_remove(void *memory)
{
    registration *gone = NULL;
    pthread_mutex_lock(&table.lock);
    for (registration **at = &registered; *at && !gone; at = gone ? at : &(*at)->next)
        if ((*at)->base == (uintptr_t)memory) {
            gone = *at;
            *at = gone->next;
        }
    pthread_mutex_unlock(&table.lock);
    mem_free(gone);
    return gone != NULL;
}

static bool is_registered(const void *memory)
{
    bool inside = false;
    pthread_mutex_lock(&table.lock);
    for (const registration *r = registered; r; r = r->next)
        inside |= (uintptr_t)memory - r->base < r->bytes;
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
    pool_forget(memory);
    return allocation_free(memory, host) ? result : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuMemFree_v2(CUdeviceptr address) { return release((void *)address, false); }
API CUresult cuMemFreeHost(void *memory) { return release(memory, true); }

API CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *address, void *memory, unsigned flags)
{
    allocation found;
    if (!address || flags || (!allocation_find(memory, &found) && !is_registered(memory)))
        return CUDA_ERROR_INVALID_VALUE;
    *address = (CUdeviceptr)memory;
    return CUDA_SUCCESS;
}

API CUresult cuMemHostGetFlags(unsigned *flags, void *memory)
{
    allocation found;
    if (!flags || !allocation_find(memory, &found) || found.kind != MEMORY_HOST)
        return CUDA_ERROR_INVALID_VALUE;
    *flags = CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP;
    return CUDA_SUCCESS;
}

/* Kernels reach all memory of the process, so registering only notes the range. */
API CUresult cuMemHostRegister_v2(void *memory, size_t bytes, unsigned flags)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!memory || !bytes || flags > 15)
        return CUDA_ERROR_INVALID_VALUE;
    return registration_add(memory, bytes) ? CUDA_SUCCESS : CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
}

API CUresult cuMemHostUnregister(void *memory)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!memory)
        return CUDA_ERROR_INVALID_VALUE;
    queue_wait(queue_last());
    return registration_remove(memory) ? CUDA_SUCCESS : CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
}

API CUresult cuPointerGetAttribute(void *value, CUpointer_attribute attribute, CUdeviceptr address)
{
    allocation found;
    if (!value || !allocation_find((void *)address, &found))
        return CUDA_ERROR_INVALID_VALUE;
    switch (attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT: *(CUcontext *)value = context_current(); break;
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
        *(unsigned *)value = found.kind == MEMORY_HOST ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
        break;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER: *(CUdeviceptr *)value = address; break;
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
        if (found.kind == MEMORY_DEVICE)
            return CUDA_ERROR_INVALID_VALUE;
        *(void **)value = (void *)address;
        break;
    case CU_POINTER_ATTRIBUTE_IS_MANAGED: *(int *)value = found.kind == MEMORY_MANAGED; break;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL: *(int *)value = 0; break;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR: *(CUdeviceptr *)value = found.base; break;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE: *(size_t *)value = found.bytes; break;
    default: return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

/* Managed memory is where all can reach it: advice and prefetches are checked, and there is nothing to do. */
static CUresult check_managed(CUdeviceptr address, size_t bytes, CUdevice device)
{
    allocation found;
    CUresult result = api_check();
    if (result)
        return result;
    if (!bytes || !allocation_find((void *)address, &found) || found.kind != MEMORY_MANAGED)
        return CUDA_ERROR_INVALID_VALUE;
    return device == CU_DEVICE_CPU || device_is_valid(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

API CUresult cuMemPrefetchAsync(CUdeviceptr address, size_t bytes, CUdevice device, CUstream stream)
{
    CUresult result = check_managed(address, bytes, device);
    return result ? result : stream_is_valid(stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

API CUresult cuMemAdvise(CUdeviceptr address, size_t bytes, CUmem_advise advice, CUdevice device)
{
    if (advice < CU_MEM_ADVISE_SET_READ_MOSTLY || advice > CU_MEM_ADVISE_UNSET_ACCESSED_BY)
        return CUDA_ERROR_INVALID_VALUE;
    bool needs_device = advice >= CU_MEM_ADVISE_SET_PREFERRED_LOCATION;
    return check_managed(address, bytes, needs_device ? device : 0);
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

/* ---- Copies and fills ------------------------------------------------------------------------------ */
typedef struct copy_work {
    queue_work work;
    box box;
} copy_work;

typedef struct fill_work {
    queue_work work;
    filling filling;
} fill_work;

/* All copies and fills of device memory end in these two. */
static void move_bytes(void *to, const void *from, size_t bytes)
{
    if (checks_wanted() & CHECK_HOST)
        check_host_copies(to, from, bytes);
    memmove(to, from, bytes);
    if (checks_wanted())
        check_written(to, from, bytes);
}

static void copy_box(const box *b)
{
    bool whole = b->height == 1 || (b->to_pitch == b->width && b->from_pitch == b->width);
    for (size_t z = 0; z < b->depth; z++) {
        uint8_t *to = (uint8_t *)b->to + z * b->to_slice;
        const uint8_t *from = (const uint8_t *)b->from + z * b->from_slice;
        for (size_t y = 0; y < (whole ? 1 : b->height); y++)
            move_bytes(to + y * b->to_pitch, from + y * b->from_pitch, whole ? b->width * b->height : b->width);
    }
}

static CUresult run_copy(queue_work *work)
{
    copy_box(&((copy_work *)work)->box);
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
    const filling *f = &((fill_work *)work)->filling;
    for (size_t y = 0; y < f->height; y++)
        fill((uint8_t *)f->to + y * f->pitch, f->value, f->element, f->width);
    return CUDA_SUCCESS;
}

static void free_work(queue_work *work) { mem_free(work); }

static CUresult check_box(const box *b)
{
    bool rows = b->height > 1, slices = b->depth > 1;
    if (!b->to || !b->from)
        return CUDA_ERROR_INVALID_VALUE;
    if ((rows || slices) && (b->to_pitch < b->width || b->from_pitch < b->width))
        return CUDA_ERROR_INVALID_PITCH;
    return CUDA_SUCCESS;
}

static CUresult check_filling(const filling *f)
{
    if ((f->element != 1 && f->element != 2 && f->element != 4) || !f->to || (uintptr_t)f->to % (unsigned)f->element)
        return CUDA_ERROR_INVALID_VALUE;
    return f->height > 1 && f->pitch < f->width * (size_t)f->element ? CUDA_ERROR_INVALID_PITCH : CUDA_SUCCESS;
}

CUresult make_copy(const box *b, queue_work **out)
{
    CUresult result = check_box(b);
    if (result)
        return result;
    copy_work *c = mem_new(sizeof *c);
    if (!c)
        return result_of(CAIRN_E_MEMORY);
    *c = (copy_work){{.run = run_copy, .free = free_work, .bytes = sizeof *c, .kind = CU_GRAPH_NODE_TYPE_MEMCPY}, *b};
    *out = &c->work;
    return CUDA_SUCCESS;
}

CUresult make_fill(const filling *f, queue_work **out)
{
    CUresult result = check_filling(f);
    if (result)
        return result;
    fill_work *w = mem_new(sizeof *w);
    if (!w)
        return result_of(CAIRN_E_MEMORY);
    *w = (fill_work){{.run = run_fill, .free = free_work, .bytes = sizeof *w, .kind = CU_GRAPH_NODE_TYPE_MEMSET}, *f};
    *out = &w->work;
    return CUDA_SUCCESS;
}

static CUresult check_issue(CUstream stream)
{
    CUresult result = api_check();
    return result ? result : stream_is_valid(stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult issue_copy(const box *b, CUstream stream, bool wait)
{
    CUresult result = check_issue(stream);
    if (result || !b->width || !b->height || !b->depth)
        return result;
    result = check_box(b);
    if (result)
        return result;
    if (wait) {
        copy_work now = {.box = *b};
        result = queue_wait(queue_last());
        return result ? result : run_copy(&now.work);
    }
    queue_work *work;
    result = make_copy(b, &work);
    if (!result)
        stream_issue(stream, work);
    return result;
}

CUresult issue_fill(const filling *f, CUstream stream, bool wait)
{
    CUresult result = check_issue(stream);
    if (result || !f->width || !f->height)
        return result;
    queue_work *work;
    result = make_fill(f, &work);
    if (result)
        return result;
    stream_issue(stream, work);
    return wait ? queue_wait(queue_last()) : CUDA_SUCCESS;
}

CUresult copy_memory(void *to, const void *from, size_t bytes, CUstream stream, bool wait)
{
    return issue_copy(&(box){.to = to, .from = from, .width = bytes, .height = 1, .depth = 1}, stream, wait);
}

CUresult fill_memory(void *to, uint32_t value, int element, size_t count, CUstream stream, bool wait)
{
    return issue_fill(&(filling){.to = to, .value = value, .element = element, .width = count, .height = 1}, stream, wait);
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

API CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short value, size_t count, CUstream stream)
{
    return fill_memory((void *)to, value, 2, count, stream, false);
}

static CUresult fill_rows(CUdeviceptr to, size_t pitch, uint32_t value, int element, size_t width, size_t height,
                          CUstream stream, bool wait)
{
    return issue_fill(&(filling){(void *)to, value, element, width, height, pitch}, stream, wait);
}

API CUresult cuMemsetD2D8_v2(CUdeviceptr to, size_t pitch, unsigned char value, size_t width, size_t height)
{
    return fill_rows(to, pitch, value, 1, width, height, NULL, true);
}

API CUresult cuMemsetD2D32_v2(CUdeviceptr to, size_t pitch, unsigned value, size_t width, size_t height)
{
    return fill_rows(to, pitch, value, 4, width, height, NULL, true);
}

API CUresult cuMemsetD2D8Async(CUdeviceptr to, size_t pitch, unsigned char value, size_t width, size_t height, CUstream stream)
{
    return fill_rows(to, pitch, value, 1, width, height, stream, false);
}

API CUresult cuMemsetD2D32Async(CUdeviceptr to, size_t pitch, unsigned value, size_t width, size_t height, CUstream stream)
{
    return fill_rows(to, pitch, value, 4, width, height, stream, false);
}
