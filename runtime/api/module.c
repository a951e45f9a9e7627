/* Modules: PTX text and fat binaries; functions, their attributes and their launch. */
#include "runtime/api/api.h"
#include "runtime/api/fatbin.h"
#include <stdio.h>
#include <string.h>

/* ---- Loading ------------------------------------------------------------------------------------- */
static CUresult load(CUmodule *module, const char *name, const char *text, size_t bytes)
{
    CUmodule made = mem_new(sizeof *made);
    if (!made)
        return result_of(CAIRN_E_MEMORY);
    made->program = program_load(name, text, bytes);
    if (!made->program) {
        cairn_status status = cairn_error();
        mem_free(made);
        return result_of(status);
    }
    made->program->module = made;
    *module = made;
    return CUDA_SUCCESS;
}

API CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!module || !image)
        return CUDA_ERROR_INVALID_VALUE;
    image_text text;
    result = image_find_ptx(image, &text);
    return result ? result : load(module, "module", text.text, text.bytes);
}

API CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count, CUjit_option *options, void **values)
{
    (void)count;
    (void)options;
    (void)values;
    return cuModuleLoadData(module, image);
}

API CUresult cuModuleGetLoadingMode(int *mode)
{
    if (!mode)
        return CUDA_ERROR_INVALID_VALUE;
    *mode = 2; /* lazy */
    return CUDA_SUCCESS;
}

API CUresult cuModuleLoadFatBinary(CUmodule *module, const void *image) { return cuModuleLoadData(module, image); }

char *file_read(const char *name, size_t *bytes)
{
    FILE *file = fopen(name, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = size >= 0 ? mem_new((size_t)size + 1) : NULL;
    if (text && fread(text, 1, (size_t)size, file) != (size_t)size) {
        mem_free(text);
        text = NULL;
    }
    fclose(file);
    *bytes = (size_t)size;
    return text;
}

API CUresult cuModuleLoad(CUmodule *module, const char *file)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!module || !file)
        return CUDA_ERROR_INVALID_VALUE;
    size_t bytes;
    char *text = file_read(file, &bytes);
    if (!text)
        return CUDA_ERROR_FILE_NOT_FOUND;
    image_text ptx;
    result = image_find_ptx(text, &ptx);
    if (!result)
        result = load(module, file, ptx.text, ptx.bytes);
    mem_free(text);
    return result;
}

API CUresult cuModuleUnload(CUmodule module)
{
    if (!module)
        return CUDA_ERROR_INVALID_HANDLE;
    queue_wait(queue_last());
    program_free(module->program);
    mem_free(module);
    return CUDA_SUCCESS;
}

API CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    if (!function || !name)
        return CUDA_ERROR_INVALID_VALUE;
    if (!module)
        return CUDA_ERROR_INVALID_HANDLE;
    *function = (CUfunction)program_kernel(module->program, name);
    return *function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

API CUresult cuModuleGetGlobal_v2(CUdeviceptr *address, size_t *bytes, CUmodule module, const char *name)
{
    if (!name || (!address && !bytes))
        return CUDA_ERROR_INVALID_VALUE;
    if (!module)
        return CUDA_ERROR_INVALID_HANDLE;
    void *memory = program_variable(module->program, name, bytes);
    if (address)
        *address = (CUdeviceptr)memory;
    return memory ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

/* ---- Functions ----------------------------------------------------------------------------------- */
static int block_limit(const kernel *k) { return k->f->max_threads ? k->f->max_threads : GRID_MAX_THREADS; }

API CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function)
{
    if (!value)
        return CUDA_ERROR_INVALID_VALUE;
    if (!function)
        return CUDA_ERROR_INVALID_HANDLE;
    const kernel *k = kernel_of(function);
    switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = block_limit(k); break;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = (int)k->f->shared_bytes; break;
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *value = (int)k->f->local_bytes; break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 32; break;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION: *value = k->program->m->sm; break;
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *value = 80; break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = (int)k->dynamic_limit; break;
    case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
    case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA:
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT: *value = 0; break;
    default: return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

API CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value)
{
    if (!function)
        return CUDA_ERROR_INVALID_HANDLE;
    if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT)
        return CUDA_SUCCESS;
    kernel *k = kernel_of(function);
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 ||
        value + k->f->shared_bytes > GRID_MAX_SHARED)
        return CUDA_ERROR_INVALID_VALUE;
    k->dynamic_limit = (uint32_t)value;
    return CUDA_SUCCESS;
}

API CUresult cuFuncSetCacheConfig(CUfunction function, CUfunc_cache config)
{
    (void)config;
    return function ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int threads, size_t shared_bytes)
{
    if (!blocks || threads <= 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (!function)
        return CUDA_ERROR_INVALID_HANDLE;
    size_t shared = shared_bytes + (size_t)kernel_of(function)->f->shared_bytes;
    int by_threads = 2048 / ((threads + 31) / 32 * 32), by_memory = shared ? (int)(GRID_MAX_SHARED / shared) : 32;
    *blocks = threads > block_limit(kernel_of(function)) ? 0 : by_threads < by_memory ? by_threads : by_memory;
    *blocks = *blocks > 32 ? 32 : *blocks;
    return CUDA_SUCCESS;
}

API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, CUfunction function, int threads,
                                                                  size_t shared_bytes, unsigned flags)
{
    return flags > 1 ? CUDA_ERROR_INVALID_VALUE
                     : cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, shared_bytes);
}

/* Blocks of 256 threads suit every kernel: a block runs on one core. */
API CUresult cuOccupancyMaxPotentialBlockSize(int *grid, int *block, CUfunction function, CUoccupancyB2DSize shared_of,
                                              size_t shared_bytes, int limit)
{
    if (!grid || !block)
        return CUDA_ERROR_INVALID_VALUE;
    if (!function)
        return CUDA_ERROR_INVALID_HANDLE;
    int threads = block_limit(kernel_of(function)), active;
    threads = threads > 256 ? 256 : threads;
    threads = limit > 0 && limit < threads ? limit : threads;
    size_t shared = shared_of ? shared_of(threads) : shared_bytes;
    CUresult result = cuOccupancyMaxActiveBlocksPerMultiprocessor(&active, function, threads, shared);
    if (result)
        return result;
    *block = threads;
    *grid = active * cairn_threads();
    return CUDA_SUCCESS;
}

API CUresult cuFuncGetModule(CUmodule *module, CUfunction function)
{
    if (!module || !function)
        return module ? CUDA_ERROR_INVALID_HANDLE : CUDA_ERROR_INVALID_VALUE;
    *module = kernel_of(function)->program->module;
    return *module ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

API CUresult cuFuncGetName(const char **name, CUfunction function)
{
    if (!name || !function)
        return name ? CUDA_ERROR_INVALID_HANDLE : CUDA_ERROR_INVALID_VALUE;
    *name = kernel_of(function)->f->name;
    return CUDA_SUCCESS;
}

/* ---- Launching ----------------------------------------------------------------------------------- */
typedef struct launch_work {
    queue_work work;
    grid_launch launch;
    kernel *kernel;
    const void *host_function;
    _Alignas(64) uint8_t params[];
} launch_work;

static CUresult fault_result(grid_fault fault)
{
    switch (fault) {
    case GRID_OK: return CUDA_SUCCESS;
    case GRID_ADDRESS: return CUDA_ERROR_ILLEGAL_ADDRESS;
    case GRID_ASSERT: return CUDA_ERROR_ASSERT;
    case GRID_MEMORY: return CUDA_ERROR_OUT_OF_MEMORY;
    default: return CUDA_ERROR_LAUNCH_FAILED;
    }
}

static CUresult run_launch(queue_work *work)
{
    launch_work *w = (launch_work *)work;
    w->launch.params = w->params; /* the work may be a copy */
    return fault_result(grid_run(&w->launch));
}

static void free_launch(queue_work *work) { mem_free(work); }

static CUresult check_shape(const kernel *k, const unsigned grid[3], const unsigned block[3], unsigned shared_bytes)
{
    uint64_t threads = (uint64_t)block[0] * block[1] * block[2];
    if (!grid[0] || !grid[1] || !grid[2] || !threads || grid[0] > INT32_MAX || grid[1] > 65535 || grid[2] > 65535)
        return CUDA_ERROR_INVALID_VALUE;
    if (block[0] > 1024 || block[1] > 1024 || block[2] > 64 || threads > GRID_MAX_THREADS)
        return CUDA_ERROR_INVALID_VALUE;
    if (threads > (uint64_t)block_limit(k))
        return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
    uint32_t limit = k->dynamic_limit;
    if (shared_bytes > limit || shared_bytes + k->f->shared_bytes > GRID_MAX_SHARED)
        return CUDA_ERROR_INVALID_VALUE;
    /* Thread numbers are taken not to wrap at 32 bits (ptx/shapes.c). */
    return (uint64_t)grid[0] * block[0] > INT32_MAX ? not_supported("a grid of 2^31 threads along x") : CUDA_SUCCESS;
}

static void copy_params(launch_work *w, const kernel *k, void **params, const void *packed, size_t packed_bytes)
{
    if (packed) {
        size_t most = (size_t)k->f->param_bytes;
        memcpy(w->params, packed, packed_bytes < most ? packed_bytes : most);
        return;
    }
    for (int i = 0; i < k->f->param_count; i++)
        memcpy(w->params + k->f->params[i].offset, params[i], (size_t)k->f->params[i].bytes);
}

static CUresult check_cooperative(const launch_request *r)
{
    int active;
    int threads = (int)(r->block[0] * r->block[1] * r->block[2]);
    uint64_t blocks = (uint64_t)r->grid[0] * r->grid[1] * r->grid[2];
    CUresult result = cuOccupancyMaxActiveBlocksPerMultiprocessor(&active, (CUfunction)r->kernel, threads, r->shared_bytes);
    if (!result && blocks > (uint64_t)active * (uint64_t)cairn_threads())
        return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
    return result;
}

static CUresult check_launch(const launch_request *r)
{
    const kernel *k = r->kernel;
    CUresult result = check_shape(k, r->grid, r->block, r->shared_bytes);
    if (!result && k->f->param_count && !r->params && !r->packed)
        return CUDA_ERROR_INVALID_VALUE;
    return !result && r->cooperative ? check_cooperative(r) : result;
}

static void fill_launch(launch_work *w, const launch_request *r, kernel_code code, block_class c)
{
    static uint64_t grids;
    const kernel *k = r->kernel;
    w->work = (queue_work){.run = run_launch, .free = free_launch, .kind = CU_GRAPH_NODE_TYPE_KERNEL,
                           .bytes = sizeof *w + (size_t)k->f->param_bytes + 64};
    w->kernel = r->kernel;
    w->host_function = r->host_function;
    w->launch = (grid_launch){
        .name = k->f->name, .m = k->program->m, .f = k->f, .code = code, .symbols = k->program->symbols,
        .grid = {r->grid[0], r->grid[1], r->grid[2]}, .block = {r->block[0], r->block[1], r->block[2]},
        .static_shared = (uint32_t)((k->f->shared_bytes + 15) / 16 * 16), .dynamic_shared = r->shared_bytes,
        .local_bytes = k->f->local_bytes, .flat = c.flat, .barriers = k->barriers || r->cooperative,
        .by_rows = k->by_rows[class_index(c)] && !k->barriers && !r->cooperative && !r->shared_bytes, .cooperative = r->cooperative,
        .number = __atomic_add_fetch(&grids, 1, __ATOMIC_RELAXED)};
}

CUresult make_launch(const launch_request *r, queue_work **out)
{
    CUresult result = check_launch(r);
    if (result)
        return result;
    kernel_code code;
    block_class c = class_of_block(r->block);
    cairn_status status = kernel_code_for(r->kernel, c, &code);
    if (status)
        return result_of(status);
    launch_work *w = mem_new(sizeof *w + (size_t)r->kernel->f->param_bytes + 64);
    if (!w)
        return result_of(CAIRN_E_MEMORY);
    copy_params(w, r->kernel, r->params, r->packed, r->packed_bytes);
    fill_launch(w, r, code, c);
    *out = &w->work;
    return CUDA_SUCCESS;
}

void launch_describe(const queue_work *work, void ***pointers, launch_request *out)
{
    launch_work *w = (launch_work *)work;
    const ptx_function *f = w->kernel->f;
    mem_free(*pointers);
    *pointers = mem_array((size_t)f->param_count + 1, sizeof **pointers);
    for (int i = 0; *pointers && i < f->param_count; i++)
        (*pointers)[i] = w->params + f->params[i].offset;
    *out = (launch_request){.kernel = w->kernel, .shared_bytes = w->launch.dynamic_shared, .params = *pointers,
                            .host_function = w->host_function};
    memcpy(out->grid, w->launch.grid, sizeof out->grid);
    memcpy(out->block, w->launch.block, sizeof out->block);
}

CUresult issue_launch(const launch_request *r, CUstream stream)
{
    CUresult result = api_check();
    if (!result && !stream_is_valid(stream))
        result = CUDA_ERROR_INVALID_HANDLE;
    queue_work *work;
    if (!result)
        result = make_launch(r, &work);
    if (!result)
        stream_issue(stream, work);
    return result;
}

/* CU_LAUNCH_PARAM_BUFFER_POINTER, p, CU_LAUNCH_PARAM_BUFFER_SIZE, &n, CU_LAUNCH_PARAM_END */
const void *launch_extra(void **extra, size_t *bytes)
{
    const void *buffer = NULL;
    for (; extra && *extra != CU_LAUNCH_PARAM_END; extra += 2) {
        if (*extra == CU_LAUNCH_PARAM_BUFFER_POINTER)
            buffer = extra[1];
        else if (*extra == CU_LAUNCH_PARAM_BUFFER_SIZE)
            *bytes = *(size_t *)extra[1];
    }
    return buffer;
}

API CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                            unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream, void **params,
                            void **extra)
{
    if (!function)
        return CUDA_ERROR_INVALID_HANDLE;
    size_t bytes = 0;
    const void *packed = params ? NULL : launch_extra(extra, &bytes);
    return issue_launch(&(launch_request){.kernel = kernel_of(function), .grid = {grid_x, grid_y, grid_z},
                                          .block = {block_x, block_y, block_z}, .shared_bytes = shared_bytes,
                                          .params = params, .packed = packed, .packed_bytes = bytes},
                        stream);
}

/* The blocks of a cooperative launch wait for one another, so all must fit at once. */
API CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                                       unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream, void **params)
{
    if (!function)
        return CUDA_ERROR_INVALID_HANDLE;
    return issue_launch(&(launch_request){.kernel = kernel_of(function), .grid = {grid_x, grid_y, grid_z},
                                          .block = {block_x, block_y, block_z}, .shared_bytes = shared_bytes, .params = params,
                                          .cooperative = true},
                        stream);
}

API CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction function, void **params, void **extra)
{
    if (!c)
        return CUDA_ERROR_INVALID_VALUE;
    bool cooperative = false;
    for (unsigned i = 0; i < c->numAttrs; i++) {
        const CUlaunchAttribute *a = &c->attrs[i];
        cooperative |= a->id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE && a->value.cooperative;
        if (a->id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION &&
            (a->value.clusterDim.x > 1 || a->value.clusterDim.y > 1 || a->value.clusterDim.z > 1))
            return not_supported("a launch with clusters of blocks (sm_90)");
    }
    if (cooperative)
        return cuLaunchCooperativeKernel(function, c->gridDimX, c->gridDimY, c->gridDimZ, c->blockDimX, c->blockDimY,
                                         c->blockDimZ, c->sharedMemBytes, c->hStream, params);
    return cuLaunchKernel(function, c->gridDimX, c->gridDimY, c->gridDimZ, c->blockDimX, c->blockDimY, c->blockDimZ,
                          c->sharedMemBytes, c->hStream, params, extra);
}
