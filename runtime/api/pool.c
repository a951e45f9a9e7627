/* Memory pools: allocations in the order of a stream. As the streams' work is done in the order of its issue, memory
 * is given at once, and freed when the work before it is done. The counters are kept exactly; nothing is reserved. */
#include "runtime/api/api.h"

struct CUmemPoolHandle_st {
    CUdevice device;
    uint64_t attributes[CU_MEMPOOL_ATTR_USED_MEM_HIGH + 1]; /* by their number; those of use are counted */
};

static struct CUmemPoolHandle_st defaults[MAX_DEVICES];
static CUmemoryPool current[MAX_DEVICES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Which pool an allocation came from: a list, newest first, for there are few at a time. */
typedef struct owned {
    struct owned *next;
    void *memory;
    size_t bytes;
    CUmemoryPool pool;
} owned;
static owned *first;

static bool is_default(CUmemoryPool pool) { return pool >= defaults && pool < defaults + MAX_DEVICES; }

static CUmemoryPool pool_of_device(CUdevice device)
{
    defaults[device].device = device;
    return current[device] ? current[device] : &defaults[device];
}

static void count(CUmemoryPool pool, int64_t bytes)
{
    uint64_t *a = pool->attributes;
    a[CU_MEMPOOL_ATTR_USED_MEM_CURRENT] += (uint64_t)bytes;
    a[CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT] += (uint64_t)bytes;
    for (int k = CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT; k <= CU_MEMPOOL_ATTR_USED_MEM_CURRENT; k += 2)
        if (a[k] > a[k + 1])
            a[k + 1] = a[k];
}

API CUresult cuMemAllocFromPoolAsync(CUdeviceptr *address, size_t bytes, CUmemoryPool pool, CUstream stream)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!address || !pool || !bytes)
        return CUDA_ERROR_INVALID_VALUE;
    if (!stream_is_valid(stream))
        return CUDA_ERROR_INVALID_HANDLE;
    owned *o = mem_new(sizeof *o);
    void *memory = o ? allocation_new(bytes, MEMORY_DEVICE) : NULL;
    cairn_error_clear();
    if (!memory) {
        mem_free(o);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    pthread_mutex_lock(&lock);
    *o = (owned){first, memory, bytes, pool};
    first = o;
    count(pool, (int64_t)bytes);
    pthread_mutex_unlock(&lock);
    *address = (CUdeviceptr)memory;
    return CUDA_SUCCESS;
}

API CUresult cuMemAllocAsync(CUdeviceptr *address, size_t bytes, CUstream stream)
{
    CUresult result = api_check();
    return result ? result : cuMemAllocFromPoolAsync(address, bytes, pool_of_device(context_current()->device), stream);
}

/* Called for every free, of whatever memory. */
void pool_forget(void *memory)
{
    pthread_mutex_lock(&lock);
    for (owned **at = &first; *at; at = &(*at)->next)
        if ((*at)->memory == memory) {
            owned *gone = *at;
            *at = gone->next;
            count(gone->pool, -(int64_t)gone->bytes);
            mem_free(gone);
            break;
        }
    pthread_mutex_unlock(&lock);
}

typedef struct free_work {
    queue_work work;
    void *memory;
} free_work;

static CUresult run_free(queue_work *work)
{
    void *memory = ((free_work *)work)->memory;
    pool_forget(memory);
    allocation_free(memory, false);
    return CUDA_SUCCESS;
}

static void free_free(queue_work *work) { mem_free(work); }

API CUresult cuMemFreeAsync(CUdeviceptr address, CUstream stream)
{
    allocation found;
    CUresult result = api_check();
    if (result)
        return result;
    if (!stream_is_valid(stream))
        return CUDA_ERROR_INVALID_HANDLE;
    if (!allocation_find((void *)address, &found) || found.base != address || found.kind == MEMORY_HOST)
        return CUDA_ERROR_INVALID_VALUE;
    /* A graph may run again, with the addresses that its nodes hold: its memory stays. */
    if ((uintptr_t)stream > 4096 && stream->capture)
        return CUDA_SUCCESS;
    free_work *w = mem_new(sizeof *w);
    if (!w)
        return result_of(CAIRN_E_MEMORY);
    *w = (free_work){{.run = run_free, .free = free_free, .bytes = sizeof *w, .kind = CU_GRAPH_NODE_TYPE_EMPTY}, (void *)address};
    stream_issue(stream, &w->work);
    return CUDA_SUCCESS;
}

/* ---- Pools --------------------------------------------------------------------------------------- */
API CUresult cuMemPoolCreate(CUmemoryPool *pool, const CUmemPoolProps *properties)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!pool || !properties || properties->allocType != 1 || properties->location.type != 1 ||
        !device_is_valid(properties->location.id))
        return CUDA_ERROR_INVALID_VALUE;
    if (properties->handleTypes)
        return not_supported("a memory pool that is shared between processes");
    CUmemoryPool made = mem_new(sizeof *made);
    if (!made)
        return result_of(CAIRN_E_MEMORY);
    made->device = properties->location.id;
    *pool = made;
    return CUDA_SUCCESS;
}

API CUresult cuMemPoolDestroy(CUmemoryPool pool)
{
    if (!pool || is_default(pool))
        return CUDA_ERROR_INVALID_VALUE;
    queue_wait(queue_last());
    pthread_mutex_lock(&lock);
    for (int d = 0; d < MAX_DEVICES; d++)
        if (current[d] == pool)
            current[d] = NULL;
    for (owned *o = first; o; o = o->next) /* its memory lives on */
        if (o->pool == pool)
            o->pool = &defaults[pool->device];
    pthread_mutex_unlock(&lock);
    mem_free(pool);
    return CUDA_SUCCESS;
}

API CUresult cuMemPoolTrimTo(CUmemoryPool pool, size_t keep)
{
    (void)keep;
    return pool ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static bool is_flag(CUmemPool_attribute attribute) { return attribute <= CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES; }

API CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, void *value)
{
    if (!pool || !value || attribute < 1 || attribute > CU_MEMPOOL_ATTR_USED_MEM_HIGH)
        return CUDA_ERROR_INVALID_VALUE;
    uint64_t x = is_flag(attribute) ? (uint64_t) * (int *)value : *(uint64_t *)value;
    bool high = attribute == CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH || attribute == CU_MEMPOOL_ATTR_USED_MEM_HIGH;
    if (attribute == CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT || attribute == CU_MEMPOOL_ATTR_USED_MEM_CURRENT || (high && x))
        return CUDA_ERROR_INVALID_VALUE;
    pthread_mutex_lock(&lock);
    pool->attributes[attribute] = high ? pool->attributes[attribute - 1] : x;
    pthread_mutex_unlock(&lock);
    return CUDA_SUCCESS;
}

API CUresult cuMemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, void *value)
{
    if (!pool || !value || attribute < 1 || attribute > CU_MEMPOOL_ATTR_USED_MEM_HIGH)
        return CUDA_ERROR_INVALID_VALUE;
    pthread_mutex_lock(&lock);
    if (is_flag(attribute))
        *(int *)value = (int)pool->attributes[attribute];
    else
        *(uint64_t *)value = pool->attributes[attribute];
    pthread_mutex_unlock(&lock);
    return CUDA_SUCCESS;
}

/* All devices are this machine: each may use the memory of all. */
API CUresult cuMemPoolSetAccess(CUmemoryPool pool, const CUmemAccessDesc *access, size_t number)
{
    if (!pool || (number && !access))
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < number; i++)
        if (access[i].location.type != 1 || !device_is_valid(access[i].location.id))
            return CUDA_ERROR_INVALID_VALUE;
    return CUDA_SUCCESS;
}

static CUresult check_device(const void *pool, CUdevice device)
{
    if (!api_initialized())
        return CUDA_ERROR_NOT_INITIALIZED;
    return !pool ? CUDA_ERROR_INVALID_VALUE : device_is_valid(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

API CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *pool, CUdevice device)
{
    CUresult result = check_device(pool, device);
    if (!result) {
        defaults[device].device = device;
        *pool = &defaults[device];
    }
    return result;
}

API CUresult cuDeviceGetMemPool(CUmemoryPool *pool, CUdevice device)
{
    CUresult result = check_device(pool, device);
    if (!result)
        *pool = pool_of_device(device);
    return result;
}

API CUresult cuDeviceSetMemPool(CUdevice device, CUmemoryPool pool)
{
    CUresult result = check_device(pool, device);
    if (!result && pool->device != device)
        result = CUDA_ERROR_INVALID_VALUE;
    if (!result)
        current[device] = is_default(pool) ? NULL : pool;
    return result;
}
