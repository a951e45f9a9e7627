/* Graphs: nodes that hold work and need one another. An executable graph is a list of copies of that work, in an
 * order that the needs allow; a launch is one piece of work of the queue, which runs them all. */
#include "runtime/api/api.h"
#include <string.h>

/* ---- Lists of nodes ------------------------------------------------------------------------------ */
bool node_list_add(node_list *list, CUgraphNode node)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 4;
        CUgraphNode *grown = mem_resize(list->items, capacity * sizeof *grown);
        if (!grown)
            return false;
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = node;
    return true;
}

void node_list_free(node_list *list)
{
    mem_free(list->items);
    *list = (node_list){0};
}

static bool has_node(const node_list *list, CUgraphNode node)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == node)
            return true;
    return false;
}

static bool remove_node(node_list *list, CUgraphNode node)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == node) {
            memmove(list->items + i, list->items + i + 1, (list->count - i - 1) * sizeof *list->items);
            list->count--;
            return true;
        }
    return false;
}

/* The API's way to give lists: NULL asks for the number only. */
static CUresult give(const node_list *list, CUgraphNode *nodes, size_t *count)
{
    if (!count)
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; nodes && i < *count; i++)
        nodes[i] = i < list->count ? list->items[i] : NULL;
    *count = nodes && *count < list->count ? *count : list->count;
    return CUDA_SUCCESS;
}

/* ---- Nodes --------------------------------------------------------------------------------------- */
static void drop_work(queue_work *work)
{
    if (work)
        work->free(work);
}

static void node_free(CUgraphNode node)
{
    drop_work(node->work);
    if (node->child)
        cuGraphDestroy(node->child);
    node_list_free(&node->needs);
    mem_free(node->pointers);
    mem_free(node);
}

static CUresult check_needs(CUgraph graph, const CUgraphNode *needs, size_t count)
{
    if (!graph || (count && !needs))
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < count; i++)
        if (!needs[i] || needs[i]->graph != graph)
            return CUDA_ERROR_INVALID_VALUE;
    return CUDA_SUCCESS;
}

static CUgraphNode node_new(CUgraph graph, CUgraphNodeType type, queue_work *work, const CUgraphNode *needs, size_t count)
{
    CUgraphNode node = mem_new(sizeof *node);
    bool good = node != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = has_node(&node->needs, needs[i]) || node_list_add(&node->needs, needs[i]);
    if (good && node_list_add(&graph->nodes, node)) {
        node->graph = graph;
        node->type = type;
        node->work = work;
        return node;
    }
    if (node)
        node_list_free(&node->needs);
    mem_free(node);
    return NULL;
}

CUgraphNode graph_add(CUgraph graph, CUgraphNodeType type, queue_work *work, const CUgraphNode *needs, size_t count,
                      CUresult *result)
{
    *result = check_needs(graph, needs, count);
    CUgraphNode node = *result ? NULL : node_new(graph, type, work, needs, count);
    if (!node)
        drop_work(work);
    if (!node && !*result)
        *result = result_of(CAIRN_E_MEMORY);
    return node;
}

static CUresult add(CUgraphNode *node, CUgraph graph, CUgraphNodeType type, queue_work *work, const CUgraphNode *needs,
                    size_t count)
{
    CUresult result = CUDA_ERROR_INVALID_VALUE;
    CUgraphNode made = NULL;
    if (node)
        made = graph_add(graph, type, work, needs, count, &result);
    else
        drop_work(work);
    if (made)
        *node = made;
    return result;
}

/* ---- Graphs -------------------------------------------------------------------------------------- */
API CUresult cuGraphCreate(CUgraph *graph, unsigned flags)
{
    if (!graph || flags)
        return CUDA_ERROR_INVALID_VALUE;
    CUgraph made = mem_new(sizeof *made);
    if (!made)
        return result_of(CAIRN_E_MEMORY);
    *graph = made;
    return CUDA_SUCCESS;
}

API CUresult cuGraphDestroy(CUgraph graph)
{
    if (!graph)
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < graph->nodes.count; i++)
        node_free(graph->nodes.items[i]);
    node_list_free(&graph->nodes);
    mem_free(graph);
    return CUDA_SUCCESS;
}

static queue_work *work_copy(const queue_work *work)
{
    queue_work *copy = mem_new(work->bytes);
    if (copy)
        memcpy(copy, work, work->bytes);
    return copy;
}

static CUgraph graph_copy(CUgraph graph);

static bool node_copy(CUgraph to, CUgraphNode from)
{
    queue_work *work = from->work ? work_copy(from->work) : NULL;
    if (from->work && !work)
        return false;
    CUgraphNode node = node_new(to, from->type, work, NULL, 0);
    if (!node) {
        drop_work(work);
        return false;
    }
    from->copy = node;
    node->child = from->child ? graph_copy(from->child) : NULL;
    return !from->child || node->child;
}

static bool needs_copy(CUgraphNode from)
{
    for (size_t i = 0; i < from->needs.count; i++)
        if (!node_list_add(&from->copy->needs, from->needs.items[i]->copy))
            return false;
    return true;
}

static CUgraph graph_copy(CUgraph graph)
{
    CUgraph copy = mem_new(sizeof *copy);
    bool good = copy != NULL;
    for (size_t i = 0; good && i < graph->nodes.count; i++)
        good = node_copy(copy, graph->nodes.items[i]);
    for (size_t i = 0; good && i < graph->nodes.count; i++)
        good = needs_copy(graph->nodes.items[i]);
    if (good)
        return copy;
    if (copy)
        cuGraphDestroy(copy);
    return NULL;
}

API CUresult cuGraphClone(CUgraph *clone, CUgraph graph)
{
    if (!clone || !graph)
        return CUDA_ERROR_INVALID_VALUE;
    CUgraph copy = graph_copy(graph);
    if (!copy)
        return result_of(CAIRN_E_MEMORY);
    *clone = copy;
    return CUDA_SUCCESS;
}

/* ---- What nodes are made from -------------------------------------------------------------------- */
static CUresult kernel_work(const CUDA_KERNEL_NODE_PARAMS *p, queue_work **work)
{
    if (!p)
        return CUDA_ERROR_INVALID_VALUE;
    if (!p->func)
        return CUDA_ERROR_INVALID_DEVICE_FUNCTION;
    size_t bytes = 0;
    const void *packed = p->kernelParams ? NULL : launch_extra(p->extra, &bytes);
    return make_launch(&(launch_request){.kernel = kernel_of(p->func), .grid = {p->gridDimX, p->gridDimY, p->gridDimZ},
                                         .block = {p->blockDimX, p->blockDimY, p->blockDimZ}, .params = p->kernelParams,
                                         .packed = packed, .packed_bytes = bytes, .shared_bytes = p->sharedMemBytes},
                       work);
}

static CUresult memset_work(const CUDA_MEMSET_NODE_PARAMS *p, queue_work **work)
{
    if (!p || !p->width || !p->height)
        return CUDA_ERROR_INVALID_VALUE;
    return make_fill(&(filling){(void *)p->dst, p->value, (int)p->elementSize, p->width, p->height, p->pitch}, work);
}

static CUresult memcpy_work(const CUDA_MEMCPY3D *p, queue_work **work)
{
    box b;
    CUresult result = p ? box_of_copy(p, &b) : CUDA_ERROR_INVALID_VALUE;
    return result ? result : make_copy(&b, work);
}

static CUresult host_work(const CUDA_HOST_NODE_PARAMS *p, queue_work **work)
{
    return p ? make_host(p->fn, p->userData, work) : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuGraphAddKernelNode_v2(CUgraphNode *node, CUgraph graph, const CUgraphNode *needs, size_t count,
                                     const CUDA_KERNEL_NODE_PARAMS *params)
{
    queue_work *work;
    CUresult result = kernel_work(params, &work);
    return result ? result : add(node, graph, CU_GRAPH_NODE_TYPE_KERNEL, work, needs, count);
}

API CUresult cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *needs, size_t count,
                                  const CUDA_MEMCPY3D *copy, CUcontext context)
{
    queue_work *work;
    (void)context;
    CUresult result = memcpy_work(copy, &work);
    return result ? result : add(node, graph, CU_GRAPH_NODE_TYPE_MEMCPY, work, needs, count);
}

API CUresult cuGraphAddMemsetNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *needs, size_t count,
                                  const CUDA_MEMSET_NODE_PARAMS *params, CUcontext context)
{
    queue_work *work;
    (void)context;
    CUresult result = memset_work(params, &work);
    return result ? result : add(node, graph, CU_GRAPH_NODE_TYPE_MEMSET, work, needs, count);
}

API CUresult cuGraphAddHostNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *needs, size_t count,
                                const CUDA_HOST_NODE_PARAMS *params)
{
    queue_work *work;
    CUresult result = host_work(params, &work);
    return result ? result : add(node, graph, CU_GRAPH_NODE_TYPE_HOST, work, needs, count);
}

API CUresult cuGraphAddEmptyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *needs, size_t count)
{
    return add(node, graph, CU_GRAPH_NODE_TYPE_EMPTY, NULL, needs, count);
}

API CUresult cuGraphAddChildGraphNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *needs, size_t count, CUgraph child)
{
    CUgraph copy;
    CUresult result = cuGraphClone(&copy, child);
    if (!result)
        result = add(node, graph, CU_GRAPH_NODE_TYPE_GRAPH, NULL, needs, count);
    else
        return result;
    if (result)
        cuGraphDestroy(copy);
    else
        (*node)->child = copy;
    return result;
}

API CUresult cuGraphAddEventRecordNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *needs, size_t count, CUevent event)
{
    queue_work *work;
    CUresult result = event ? make_event_record(event, &work) : CUDA_ERROR_INVALID_VALUE;
    return result ? result : add(node, graph, CU_GRAPH_NODE_TYPE_EVENT_RECORD, work, needs, count);
}

/* What was recorded before the graph's launch is done when it runs. */
API CUresult cuGraphAddEventWaitNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *needs, size_t count, CUevent event)
{
    return event ? add(node, graph, CU_GRAPH_NODE_TYPE_WAIT_EVENT, NULL, needs, count) : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuGraphAddDependencies(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t count)
{
    if (check_needs(graph, from, count) || check_needs(graph, to, count))
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < count; i++)
        if (!has_node(&to[i]->needs, from[i]) && !node_list_add(&to[i]->needs, from[i]))
            return result_of(CAIRN_E_MEMORY);
    return CUDA_SUCCESS;
}

API CUresult cuGraphRemoveDependencies(CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t count)
{
    if (check_needs(graph, from, count) || check_needs(graph, to, count))
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < count; i++)
        if (!remove_node(&to[i]->needs, from[i]))
            return CUDA_ERROR_INVALID_VALUE;
    return CUDA_SUCCESS;
}

API CUresult cuGraphDestroyNode(CUgraphNode node)
{
    if (!node)
        return CUDA_ERROR_INVALID_VALUE;
    remove_node(&node->graph->nodes, node);
    for (size_t i = 0; i < node->graph->nodes.count; i++)
        remove_node(&node->graph->nodes.items[i]->needs, node);
    node_free(node);
    return CUDA_SUCCESS;
}

/* ---- Asking -------------------------------------------------------------------------------------- */
API CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
    return graph ? give(&graph->nodes, nodes, count) : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuGraphGetRootNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
    node_list roots = {0};
    if (!graph)
        return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; i < graph->nodes.count; i++)
        if (!graph->nodes.items[i]->needs.count && !node_list_add(&roots, graph->nodes.items[i]))
            return result_of(CAIRN_E_MEMORY);
    CUresult result = give(&roots, nodes, count);
    node_list_free(&roots);
    return result;
}

API CUresult cuGraphGetEdges(CUgraph graph, CUgraphNode *from, CUgraphNode *to, size_t *count)
{
    if (!graph || !count || !from != !to)
        return CUDA_ERROR_INVALID_VALUE;
    size_t found = 0;
    for (size_t i = 0; i < graph->nodes.count; i++)
        for (size_t k = 0; k < graph->nodes.items[i]->needs.count; k++, found++)
            if (from && found < *count) {
                from[found] = graph->nodes.items[i]->needs.items[k];
                to[found] = graph->nodes.items[i];
            }
    *count = from && *count < found ? *count : found;
    return CUDA_SUCCESS;
}

API CUresult cuGraphNodeGetDependencies(CUgraphNode node, CUgraphNode *needs, size_t *count)
{
    return node ? give(&node->needs, needs, count) : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuGraphNodeGetDependentNodes(CUgraphNode node, CUgraphNode *nodes, size_t *count)
{
    node_list found = {0};
    if (!node)
        return CUDA_ERROR_INVALID_VALUE;
    const node_list *all = &node->graph->nodes;
    for (size_t i = 0; i < all->count; i++)
        if (has_node(&all->items[i]->needs, node) && !node_list_add(&found, all->items[i]))
            return result_of(CAIRN_E_MEMORY);
    CUresult result = give(&found, nodes, count);
    node_list_free(&found);
    return result;
}

API CUresult cuGraphNodeGetType(CUgraphNode node, CUgraphNodeType *type)
{
    if (!node || !type)
        return CUDA_ERROR_INVALID_VALUE;
    *type = node->type;
    return CUDA_SUCCESS;
}

API CUresult cuGraphKernelNodeGetParams_v2(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS *params)
{
    if (!node || !params || node->type != CU_GRAPH_NODE_TYPE_KERNEL)
        return CUDA_ERROR_INVALID_VALUE;
    launch_request r;
    launch_describe(node->work, &node->pointers, &r);
    *params = (CUDA_KERNEL_NODE_PARAMS){(CUfunction)r.kernel, r.grid[0], r.grid[1], r.grid[2], r.block[0], r.block[1],
                                        r.block[2], r.shared_bytes, r.params, NULL, NULL, NULL};
    return CUDA_SUCCESS;
}

/* ---- Changing nodes ------------------------------------------------------------------------------ */
static CUresult node_replace(CUgraphNode node, CUgraphNodeType type, CUresult made, queue_work *work)
{
    if (made)
        return made;
    if (!node || node->type != type) {
        drop_work(work);
        return CUDA_ERROR_INVALID_VALUE;
    }
    drop_work(node->work);
    node->work = work;
    return CUDA_SUCCESS;
}

API CUresult cuGraphKernelNodeSetParams_v2(CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params)
{
    queue_work *work = NULL;
    CUresult made = kernel_work(params, &work);
    return node_replace(node, CU_GRAPH_NODE_TYPE_KERNEL, made, work);
}

API CUresult cuGraphMemsetNodeSetParams(CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params)
{
    queue_work *work = NULL;
    CUresult made = memset_work(params, &work);
    return node_replace(node, CU_GRAPH_NODE_TYPE_MEMSET, made, work);
}

API CUresult cuGraphMemcpyNodeSetParams(CUgraphNode node, const CUDA_MEMCPY3D *copy)
{
    queue_work *work = NULL;
    CUresult made = memcpy_work(copy, &work);
    return node_replace(node, CU_GRAPH_NODE_TYPE_MEMCPY, made, work);
}

API CUresult cuGraphHostNodeSetParams(CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)
{
    queue_work *work = NULL;
    CUresult made = host_work(params, &work);
    return node_replace(node, CU_GRAPH_NODE_TYPE_HOST, made, work);
}

/* ---- Executable graphs --------------------------------------------------------------------------- */
typedef struct step {
    CUgraphNode node;
    CUgraphNodeType type;
    queue_work *work;              /* the step's own copy; NULL: nothing to do */
    size_t needs;
    bool enabled;
} step;

struct CUgraphExec_st {
    step *steps;
    size_t count, capacity;
};

static void steps_free(CUgraphExec exec)
{
    for (size_t i = 0; i < exec->count; i++)
        drop_work(exec->steps[i].work);
    mem_free(exec->steps);
}

static CUresult steps_add(CUgraphExec exec, CUgraphNode node)
{
    if (exec->count == exec->capacity) {
        size_t capacity = exec->capacity ? 2 * exec->capacity : 16;
        step *grown = mem_resize(exec->steps, capacity * sizeof *grown);
        if (!grown)
            return result_of(CAIRN_E_MEMORY);
        exec->steps = grown;
        exec->capacity = capacity;
    }
    queue_work *work = node->work ? work_copy(node->work) : NULL;
    if (node->work && !work)
        return result_of(CAIRN_E_MEMORY);
    exec->steps[exec->count++] = (step){node, node->type, work, node->needs.count, true};
    return CUDA_SUCCESS;
}

static bool is_ready(CUgraphNode node)
{
    for (size_t i = 0; i < node->needs.count; i++)
        if (!node->needs.items[i]->placed)
            return false;
    return true;
}

/* Appends the nodes of a graph, each behind all that it needs; those of children in the place of their node. In
 * the order of their making most graphs take one pass. */
static CUresult place_all(CUgraphExec exec, CUgraph graph)
{
    size_t left = graph->nodes.count, before;
    for (size_t i = 0; i < left; i++)
        graph->nodes.items[i]->placed = false;
    do {
        before = left;
        for (size_t i = 0; i < graph->nodes.count; i++) {
            CUgraphNode node = graph->nodes.items[i];
            if (node->placed || !is_ready(node))
                continue;
            CUresult result = node->child ? place_all(exec, node->child) : steps_add(exec, node);
            if (result)
                return result;
            node->placed = true;
            left--;
        }
    } while (left && left < before);
    return left ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS; /* a cycle */
}

API CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long flags)
{
    if (!exec || !graph || flags > 15)
        return CUDA_ERROR_INVALID_VALUE;
    CUgraphExec made = mem_new(sizeof *made);
    if (!made)
        return result_of(CAIRN_E_MEMORY);
    CUresult result = place_all(made, graph);
    if (result) {
        steps_free(made);
        mem_free(made);
        return result;
    }
    *exec = made;
    return CUDA_SUCCESS;
}

/* A launch that was issued runs the steps as they are then, so changes wait for it. */
static void settle(void) { queue_wait(queue_last()); }

static step *find_step(CUgraphExec exec, CUgraphNode node)
{
    for (size_t i = 0; exec && i < exec->count; i++)
        if (exec->steps[i].node == node)
            return &exec->steps[i];
    return NULL;
}

static CUresult step_replace(CUgraphExec exec, CUgraphNode node, CUgraphNodeType type, CUresult made, queue_work *work)
{
    if (made)
        return made;
    step *s = find_step(exec, node);
    if (!s || s->type != type) {
        drop_work(work);
        return CUDA_ERROR_INVALID_VALUE;
    }
    settle();
    drop_work(s->work);
    s->work = work;
    return CUDA_SUCCESS;
}

API CUresult cuGraphExecKernelNodeSetParams_v2(CUgraphExec exec, CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS *params)
{
    queue_work *work = NULL;
    CUresult made = kernel_work(params, &work);
    return step_replace(exec, node, CU_GRAPH_NODE_TYPE_KERNEL, made, work);
}

API CUresult cuGraphExecMemcpyNodeSetParams(CUgraphExec exec, CUgraphNode node, const CUDA_MEMCPY3D *copy, CUcontext context)
{
    queue_work *work = NULL;
    (void)context;
    CUresult made = memcpy_work(copy, &work);
    return step_replace(exec, node, CU_GRAPH_NODE_TYPE_MEMCPY, made, work);
}

API CUresult cuGraphExecMemsetNodeSetParams(CUgraphExec exec, CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS *params,
                                            CUcontext context)
{
    queue_work *work = NULL;
    (void)context;
    CUresult made = memset_work(params, &work);
    return step_replace(exec, node, CU_GRAPH_NODE_TYPE_MEMSET, made, work);
}

API CUresult cuGraphExecHostNodeSetParams(CUgraphExec exec, CUgraphNode node, const CUDA_HOST_NODE_PARAMS *params)
{
    queue_work *work = NULL;
    CUresult made = host_work(params, &work);
    return step_replace(exec, node, CU_GRAPH_NODE_TYPE_HOST, made, work);
}

static CUgraphExecUpdateResult compare(CUgraphExec have, CUgraphExec want, CUgraphNode *at)
{
    *at = NULL;
    if (have->count != want->count)
        return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
    for (size_t i = 0; i < have->count; i++) {
        *at = want->steps[i].node;
        if (have->steps[i].type != want->steps[i].type)
            return CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED;
        if (have->steps[i].needs != want->steps[i].needs)
            return CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
    }
    *at = NULL;
    return CU_GRAPH_EXEC_UPDATE_SUCCESS;
}

API CUresult cuGraphExecUpdate_v2(CUgraphExec exec, CUgraph graph, CUgraphExecUpdateResultInfo *info)
{
    struct CUgraphExec_st want = {0};
    CUgraphExecUpdateResultInfo answer = {0};
    if (!exec || !graph || !info)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult result = place_all(&want, graph);
    if (!result) {
        answer.result = compare(exec, &want, &answer.errorNode);
        result = answer.result ? CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE : CUDA_SUCCESS;
    } else {
        answer.result = CU_GRAPH_EXEC_UPDATE_ERROR;
    }
    if (!result)
        settle();
    for (size_t i = 0; !result && i < exec->count; i++) {
        queue_work *old = exec->steps[i].work;
        exec->steps[i].work = want.steps[i].work;
        want.steps[i].work = old;
    }
    steps_free(&want);
    *info = answer;
    return result;
}

API CUresult cuGraphNodeSetEnabled(CUgraphExec exec, CUgraphNode node, unsigned enabled)
{
    step *s = find_step(exec, node);
    if (!s || s->type > CU_GRAPH_NODE_TYPE_MEMSET)
        return CUDA_ERROR_INVALID_VALUE;
    settle();
    s->enabled = enabled != 0;
    return CUDA_SUCCESS;
}

API CUresult cuGraphNodeGetEnabled(CUgraphExec exec, CUgraphNode node, unsigned *enabled)
{
    const step *s = find_step(exec, node);
    if (!s || !enabled)
        return CUDA_ERROR_INVALID_VALUE;
    *enabled = s->enabled;
    return CUDA_SUCCESS;
}

typedef struct graph_work {
    queue_work work;
    CUgraphExec exec;
} graph_work;

static CUresult run_graph(queue_work *work)
{
    CUgraphExec exec = ((graph_work *)work)->exec;
    CUresult result = CUDA_SUCCESS;
    for (size_t i = 0; i < exec->count && !result; i++)
        if (exec->steps[i].enabled && exec->steps[i].work)
            result = exec->steps[i].work->run(exec->steps[i].work);
    return result;
}

static void free_graph_work(queue_work *work) { mem_free(work); }

static CUresult check_launch(CUgraphExec exec, CUstream stream)
{
    CUresult result = api_check();
    return result ? result : !exec ? CUDA_ERROR_INVALID_VALUE : stream_is_valid(stream) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

API CUresult cuGraphUpload(CUgraphExec exec, CUstream stream) { return check_launch(exec, stream); }

API CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream)
{
    CUresult result = check_launch(exec, stream);
    if (result)
        return result;
    graph_work *w = mem_new(sizeof *w);
    if (!w)
        return result_of(CAIRN_E_MEMORY);
    *w = (graph_work){{.run = run_graph, .free = free_graph_work, .bytes = sizeof *w, .kind = CU_GRAPH_NODE_TYPE_GRAPH}, exec};
    stream_issue(stream, &w->work);
    return CUDA_SUCCESS;
}

API CUresult cuGraphExecDestroy(CUgraphExec exec)
{
    if (!exec)
        return CUDA_ERROR_INVALID_VALUE;
    settle();
    steps_free(exec);
    mem_free(exec);
    return CUDA_SUCCESS;
}
