/* The runtime API's graphs and captures, over the driver's. */
#include "runtime/api/runtime.h"

CUresult runtime_copy_3d(const cudaMemcpy3DParms *p, CUDA_MEMCPY3D *out);

/* ---- Capturing ----------------------------------------------------------------------------------- */
API cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode)
{
    return WITH_CONTEXT(cuStreamBeginCapture(stream, (CUstreamCaptureMode)mode));
}

API cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) { return WITH_CONTEXT(cuStreamEndCapture(stream, graph)); }

API cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status)
{
    return WITH_CONTEXT(cuStreamIsCapturing(stream, (CUstreamCaptureStatus *)status));
}

API cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode *mode)
{
    return WITH_CONTEXT(cuThreadExchangeStreamCaptureMode((CUstreamCaptureMode *)mode));
}

/* ---- Parameters of nodes ------------------------------------------------------------------------- */
static CUresult convert_kernel(const cudaKernelNodeParams *p, CUDA_KERNEL_NODE_PARAMS *out)
{
    kernel *k;
    CUresult result = p ? registered_kernel(p->func, &k) : CUDA_ERROR_INVALID_VALUE;
    if (result)
        return result;
    *out = (CUDA_KERNEL_NODE_PARAMS){(CUfunction)k, p->gridDim.x, p->gridDim.y, p->gridDim.z, p->blockDim.x, p->blockDim.y,
                                     p->blockDim.z, p->sharedMemBytes, p->kernelParams, p->extra, NULL, NULL};
    return CUDA_SUCCESS;
}

static CUDA_MEMSET_NODE_PARAMS convert_memset(const cudaMemsetParams *p)
{
    return (CUDA_MEMSET_NODE_PARAMS){(CUdeviceptr)p->dst, p->pitch, p->value, p->elementSize, p->width, p->height};
}

static CUDA_MEMCPY3D linear(void *to, const void *from, size_t bytes)
{
    return (CUDA_MEMCPY3D){.srcMemoryType = CU_MEMORYTYPE_UNIFIED, .srcDevice = (CUdeviceptr)from, .srcPitch = bytes,
                           .dstMemoryType = CU_MEMORYTYPE_UNIFIED, .dstDevice = (CUdeviceptr)to, .dstPitch = bytes,
                           .WidthInBytes = bytes, .Height = 1, .Depth = 1};
}

/* ---- Making graphs ------------------------------------------------------------------------------- */
API cudaError_t cudaGraphCreate(cudaGraph_t *graph, unsigned flags) { return WITH_CONTEXT(cuGraphCreate(graph, flags)); }
API cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return WITH_CONTEXT(cuGraphDestroy(graph)); }
API cudaError_t cudaGraphClone(cudaGraph_t *clone, cudaGraph_t graph) { return WITH_CONTEXT(cuGraphClone(clone, graph)); }

static CUresult add_kernel(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                           const cudaKernelNodeParams *params)
{
    CUDA_KERNEL_NODE_PARAMS p;
    CUresult result = convert_kernel(params, &p);
    return result ? result : cuGraphAddKernelNode(node, graph, needs, count, &p);
}

API cudaError_t cudaGraphAddKernelNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                                       const cudaKernelNodeParams *params)
{
    return WITH_CONTEXT(add_kernel(node, graph, needs, count, params));
}

static CUresult add_memcpy(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                           const cudaMemcpy3DParms *params)
{
    CUDA_MEMCPY3D c;
    CUresult result = runtime_copy_3d(params, &c);
    return result ? result : cuGraphAddMemcpyNode(node, graph, needs, count, &c, context_current());
}

API cudaError_t cudaGraphAddMemcpyNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                                       const cudaMemcpy3DParms *params)
{
    return WITH_CONTEXT(add_memcpy(node, graph, needs, count, params));
}

API cudaError_t cudaGraphAddMemcpyNode1D(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                                         void *to, const void *from, size_t bytes, cudaMemcpyKind kind)
{
    CUDA_MEMCPY3D c = linear(to, from, bytes);
    return WITH_CONTEXT(!is_copy_kind(kind) ? CUDA_ERROR_INVALID_DIRECTION
                                            : cuGraphAddMemcpyNode(node, graph, needs, count, &c, context_current()));
}

static CUresult add_symbol(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                           const void *symbol, size_t offset, const void *from, void *to, size_t bytes)
{
    void *memory;
    size_t size;
    CUresult result = registered_variable(symbol, &memory, &size);
    if (!result && (offset > size || bytes > size - offset))
        result = CUDA_ERROR_INVALID_VALUE;
    if (result)
        return result;
    char *at = (char *)memory + offset;
    CUDA_MEMCPY3D c = linear(to ? to : at, to ? at : from, bytes);
    return cuGraphAddMemcpyNode(node, graph, needs, count, &c, context_current());
}

API cudaError_t cudaGraphAddMemcpyNodeToSymbol(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                                               const void *symbol, const void *from, size_t bytes, size_t offset, cudaMemcpyKind kind)
{
    (void)kind;
    return WITH_CONTEXT(add_symbol(node, graph, needs, count, symbol, offset, from, NULL, bytes));
}

API cudaError_t cudaGraphAddMemcpyNodeFromSymbol(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                                                 void *to, const void *symbol, size_t bytes, size_t offset, cudaMemcpyKind kind)
{
    (void)kind;
    return WITH_CONTEXT(!to ? CUDA_ERROR_INVALID_VALUE : add_symbol(node, graph, needs, count, symbol, offset, NULL, to, bytes));
}

API cudaError_t cudaGraphAddMemsetNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                                       const cudaMemsetParams *params)
{
    CUDA_MEMSET_NODE_PARAMS p = params ? convert_memset(params) : (CUDA_MEMSET_NODE_PARAMS){0};
    return WITH_CONTEXT(cuGraphAddMemsetNode(node, graph, needs, count, params ? &p : NULL, context_current()));
}

API cudaError_t cudaGraphAddHostNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                                     const cudaHostNodeParams *params)
{
    return WITH_CONTEXT(cuGraphAddHostNode(node, graph, needs, count, (const CUDA_HOST_NODE_PARAMS *)params));
}

API cudaError_t cudaGraphAddEmptyNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count)
{
    return WITH_CONTEXT(cuGraphAddEmptyNode(node, graph, needs, count));
}

API cudaError_t cudaGraphAddChildGraphNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                                           cudaGraph_t child)
{
    return WITH_CONTEXT(cuGraphAddChildGraphNode(node, graph, needs, count, child));
}

API cudaError_t cudaGraphAddEventRecordNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                                            cudaEvent_t event)
{
    return WITH_CONTEXT(cuGraphAddEventRecordNode(node, graph, needs, count, event));
}

API cudaError_t cudaGraphAddEventWaitNode(cudaGraphNode_t *node, cudaGraph_t graph, const cudaGraphNode_t *needs, size_t count,
                                          cudaEvent_t event)
{
    return WITH_CONTEXT(cuGraphAddEventWaitNode(node, graph, needs, count, event));
}

API cudaError_t cudaGraphAddDependencies(cudaGraph_t graph, const cudaGraphNode_t *from, const cudaGraphNode_t *to, size_t count)
{
    return WITH_CONTEXT(cuGraphAddDependencies(graph, from, to, count));
}

API cudaError_t cudaGraphRemoveDependencies(cudaGraph_t graph, const cudaGraphNode_t *from, const cudaGraphNode_t *to, size_t count)
{
    return WITH_CONTEXT(cuGraphRemoveDependencies(graph, from, to, count));
}

API cudaError_t cudaGraphDestroyNode(cudaGraphNode_t node) { return WITH_CONTEXT(cuGraphDestroyNode(node)); }

/* ---- Asking and changing ------------------------------------------------------------------------- */
API cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count)
{
    return WITH_CONTEXT(cuGraphGetNodes(graph, nodes, count));
}

API cudaError_t cudaGraphGetRootNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count)
{
    return WITH_CONTEXT(cuGraphGetRootNodes(graph, nodes, count));
}

API cudaError_t cudaGraphGetEdges(cudaGraph_t graph, cudaGraphNode_t *from, cudaGraphNode_t *to, size_t *count)
{
    return WITH_CONTEXT(cuGraphGetEdges(graph, from, to, count));
}

API cudaError_t cudaGraphNodeGetDependencies(cudaGraphNode_t node, cudaGraphNode_t *needs, size_t *count)
{
    return WITH_CONTEXT(cuGraphNodeGetDependencies(node, needs, count));
}

API cudaError_t cudaGraphNodeGetDependentNodes(cudaGraphNode_t node, cudaGraphNode_t *nodes, size_t *count)
{
    return WITH_CONTEXT(cuGraphNodeGetDependentNodes(node, nodes, count));
}

API cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType *type)
{
    return WITH_CONTEXT(cuGraphNodeGetType(node, (CUgraphNodeType *)type));
}

static CUresult get_kernel(cudaGraphNode_t node, cudaKernelNodeParams *p)
{
    if (!node || !p || node->type != CU_GRAPH_NODE_TYPE_KERNEL)
        return CUDA_ERROR_INVALID_VALUE;
    launch_request r;
    launch_describe(node->work, &node->pointers, &r);
    *p = (cudaKernelNodeParams){(void *)r.host_function, {r.grid[0], r.grid[1], r.grid[2]}, {r.block[0], r.block[1], r.block[2]},
                                r.shared_bytes, r.params, NULL};
    return p->func ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE_FUNCTION;
}

API cudaError_t cudaGraphKernelNodeGetParams(cudaGraphNode_t node, cudaKernelNodeParams *params)
{
    return WITH_CONTEXT(get_kernel(node, params));
}

static CUresult set_kernel(cudaGraphExec_t exec, cudaGraphNode_t node, const cudaKernelNodeParams *params)
{
    CUDA_KERNEL_NODE_PARAMS p;
    CUresult result = convert_kernel(params, &p);
    return result ? result : exec ? cuGraphExecKernelNodeSetParams(exec, node, &p) : cuGraphKernelNodeSetParams(node, &p);
}

API cudaError_t cudaGraphKernelNodeSetParams(cudaGraphNode_t node, const cudaKernelNodeParams *params)
{
    return WITH_CONTEXT(set_kernel(NULL, node, params));
}

API cudaError_t cudaGraphMemsetNodeSetParams(cudaGraphNode_t node, const cudaMemsetParams *params)
{
    CUDA_MEMSET_NODE_PARAMS p = params ? convert_memset(params) : (CUDA_MEMSET_NODE_PARAMS){0};
    return WITH_CONTEXT(cuGraphMemsetNodeSetParams(node, params ? &p : NULL));
}

API cudaError_t cudaGraphHostNodeSetParams(cudaGraphNode_t node, const cudaHostNodeParams *params)
{
    return WITH_CONTEXT(cuGraphHostNodeSetParams(node, (const CUDA_HOST_NODE_PARAMS *)params));
}

static CUresult set_memcpy(cudaGraphExec_t exec, cudaGraphNode_t node, const cudaMemcpy3DParms *params)
{
    CUDA_MEMCPY3D c;
    CUresult result = runtime_copy_3d(params, &c);
    return result ? result : exec ? cuGraphExecMemcpyNodeSetParams(exec, node, &c, NULL) : cuGraphMemcpyNodeSetParams(node, &c);
}

API cudaError_t cudaGraphMemcpyNodeSetParams(cudaGraphNode_t node, const cudaMemcpy3DParms *params)
{
    return WITH_CONTEXT(set_memcpy(NULL, node, params));
}

/* ---- Executable graphs --------------------------------------------------------------------------- */
API cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags)
{
    return WITH_CONTEXT(cuGraphInstantiateWithFlags(exec, graph, flags));
}

API cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags)
{
    return cudaGraphInstantiate(exec, graph, flags);
}

API cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node, const cudaKernelNodeParams *params)
{
    return WITH_CONTEXT(exec ? set_kernel(exec, node, params) : CUDA_ERROR_INVALID_VALUE);
}

API cudaError_t cudaGraphExecMemcpyNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node, const cudaMemcpy3DParms *params)
{
    return WITH_CONTEXT(exec ? set_memcpy(exec, node, params) : CUDA_ERROR_INVALID_VALUE);
}

API cudaError_t cudaGraphExecMemcpyNodeSetParams1D(cudaGraphExec_t exec, cudaGraphNode_t node, void *to, const void *from,
                                                   size_t bytes, cudaMemcpyKind kind)
{
    CUDA_MEMCPY3D c = linear(to, from, bytes);
    return WITH_CONTEXT(!is_copy_kind(kind) ? CUDA_ERROR_INVALID_DIRECTION : cuGraphExecMemcpyNodeSetParams(exec, node, &c, NULL));
}

API cudaError_t cudaGraphExecMemsetNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node, const cudaMemsetParams *params)
{
    CUDA_MEMSET_NODE_PARAMS p = params ? convert_memset(params) : (CUDA_MEMSET_NODE_PARAMS){0};
    return WITH_CONTEXT(cuGraphExecMemsetNodeSetParams(exec, node, params ? &p : NULL, NULL));
}

API cudaError_t cudaGraphExecHostNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node, const cudaHostNodeParams *params)
{
    return WITH_CONTEXT(cuGraphExecHostNodeSetParams(exec, node, (const CUDA_HOST_NODE_PARAMS *)params));
}

API cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph, cudaGraphExecUpdateResultInfo *info)
{
    CUgraphExecUpdateResultInfo i = {0};
    cudaError_t error = WITH_CONTEXT(info ? cuGraphExecUpdate(exec, graph, &i) : CUDA_ERROR_INVALID_VALUE);
    if (info)
        *info = (cudaGraphExecUpdateResultInfo){(cudaGraphExecUpdateResult)i.result, i.errorNode, i.errorFromNode};
    return error;
}

API cudaError_t cudaGraphNodeSetEnabled(cudaGraphExec_t exec, cudaGraphNode_t node, unsigned enabled)
{
    return WITH_CONTEXT(cuGraphNodeSetEnabled(exec, node, enabled));
}

API cudaError_t cudaGraphNodeGetEnabled(cudaGraphExec_t exec, cudaGraphNode_t node, unsigned *enabled)
{
    return WITH_CONTEXT(cuGraphNodeGetEnabled(exec, node, enabled));
}

API cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream) { return WITH_CONTEXT(cuGraphUpload(exec, stream)); }
API cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) { return WITH_CONTEXT(cuGraphLaunch(exec, stream)); }
API cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return WITH_CONTEXT(cuGraphExecDestroy(exec)); }
