/* The runtime API beyond copies and launches: each group in success and in failure. nvcc accepts it too. */
#include "../../examples/cuda/check.h"
#include <cstdint>
#include <cstring>

static int failures;

#define EXPECT(what, condition)                                        \
    do {                                                               \
        if (!(condition)) {                                            \
            std::printf("%s:%d: %s: FAILED\n", __FILE__, __LINE__, what); \
            failures++;                                                \
        }                                                              \
    } while (0)
#define FAILS(call, code)                                              \
    do {                                                               \
        int got_ = (int)(call), want_ = (int)(code);                   \
        EXPECT(#call, got_ == want_);                                  \
        if (got_ != want_)                                             \
            std::printf("    gives %d, not %d\n", got_, want_);        \
        (void)cudaGetLastError();                                      \
    } while (0)

__global__ void k_add(int *x, int by) { atomicAdd(x, by); }
__global__ void k_sample(cudaTextureObject_t image, cudaTextureObject_t list, cudaSurfaceObject_t out, float *y)
{
    int i = threadIdx.x;
    y[i] = tex2D<float>(image, i * 0.5f, 1.25f);
    y[32 + i] = tex1Dfetch<float4>(list, i).z;
    surf2Dwrite((float)i, out, i * 4, 2, cudaBoundaryModeZero);
}
__global__ void k_normalized(cudaTextureObject_t bytes, float *y)
{
    int i = threadIdx.x;
    y[i] = tex2D<float>(bytes, (i - 8) / 8.0f + 0.0625f, 0.5f);
}

/* ---- Graphs -------------------------------------------------------------------------------------- */
static void count_call(void *data) { ++*(int *)data; }

static cudaGraph_t captured_graph(cudaStream_t a, cudaStream_t b, int *x)
{
    cudaGraph_t graph;
    cudaEvent_t forked, joined;
    CHECK(cudaEventCreate(&forked));
    CHECK(cudaEventCreate(&joined));
    CHECK(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
    k_add<<<1, 1, 0, a>>>(x, 1);
    CHECK(cudaEventRecord(forked, a));
    CHECK(cudaStreamWaitEvent(b, forked, 0));
    k_add<<<1, 1, 0, b>>>(x, 10);
    CHECK(cudaEventRecord(joined, b));
    k_add<<<1, 1, 0, a>>>(x, 100);
    CHECK(cudaStreamWaitEvent(a, joined, 0));
    CHECK(cudaStreamEndCapture(a, &graph));
    CHECK(cudaEventDestroy(forked));
    CHECK(cudaEventDestroy(joined));
    return graph;
}

static void captured_graphs()
{
    cudaStream_t a, b;
    int *x;
    CHECK(cudaStreamCreate(&a));
    CHECK(cudaStreamCreate(&b));
    CHECK(cudaMallocManaged(&x, sizeof *x));
    *x = 0;
    cudaGraph_t graph = captured_graph(a, b, x), other = captured_graph(a, b, x);
    size_t count = 3;
    cudaGraphNode_t nodes[3];
    CHECK(cudaGraphGetNodes(graph, nodes, &count));
    EXPECT("nothing ran while it was captured", count == 3 && *x == 0);
    cudaGraphExec_t exec;
    CHECK(cudaGraphInstantiate(&exec, graph, 0));
    for (int i = 0; i < 3; i++)
        CHECK(cudaGraphLaunch(exec, a));
    CHECK(cudaStreamSynchronize(a));
    EXPECT("each launch runs all nodes", *x == 333);
    cudaKernelNodeParams params;
    CHECK(cudaGraphKernelNodeGetParams(nodes[0], &params));
    EXPECT("a node knows its parameters", *(int *)params.kernelParams[1] == 1 && params.gridDim.x == 1);
    int by = 1000;
    void *arguments[] = {&x, &by};
    params.kernelParams = arguments;
    CHECK(cudaGraphExecKernelNodeSetParams(exec, nodes[0], &params));
    CHECK(cudaGraphLaunch(exec, a));
    CHECK(cudaStreamSynchronize(a));
    EXPECT("an executable graph's node can be changed", *x == 1443);
    cudaGraphExecUpdateResultInfo info;
    CHECK(cudaGraphExecUpdate(exec, other, &info));
    CHECK(cudaGraphLaunch(exec, a));
    CHECK(cudaStreamSynchronize(a));
    EXPECT("an update takes all parameters", *x == 1554 && info.result == cudaGraphExecUpdateSuccess);
    cudaGraph_t empty;
    CHECK(cudaGraphCreate(&empty, 0));
    FAILS(cudaGraphExecUpdate(exec, empty, &info), cudaErrorGraphExecUpdateFailure);
    FAILS(cudaGraphInstantiate(NULL, graph, 0), cudaErrorInvalidValue);
    CHECK(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
    FAILS(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal), cudaErrorIllegalState);
    FAILS(cudaStreamSynchronize(a), cudaErrorStreamCaptureUnsupported);
    FAILS(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureInvalidated);
    FAILS(cudaStreamBeginCapture(0, cudaStreamCaptureModeGlobal), cudaErrorStreamCaptureUnsupported);
    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaGraphDestroy(other));
    CHECK(cudaGraphDestroy(empty));
    CHECK(cudaStreamDestroy(a));
    CHECK(cudaStreamDestroy(b));
    CHECK(cudaFree(x));
}

/* As a GPU's driver answers; what a capture may not do invalidates it. */
static void unjoined_captures_are_refused()
{
    cudaStream_t a, b;
    cudaEvent_t event;
    cudaGraph_t graph;
    cudaStreamCaptureStatus status;
    int *x;
    CHECK(cudaMallocManaged(&x, sizeof *x));
    CHECK(cudaStreamCreate(&a));
    CHECK(cudaStreamCreate(&b));
    CHECK(cudaEventCreate(&event));
    CHECK(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
    k_add<<<1, 1, 0, a>>>(x, 1);
    CHECK(cudaEventRecord(event, a));
    CHECK(cudaStreamWaitEvent(b, event, 0));
    k_add<<<1, 1, 0, b>>>(x, 1);
    FAILS(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureUnjoined);
    FAILS(cudaStreamWaitEvent(b, event, 0), cudaErrorInvalidValue); /* its capture has ended */

    CHECK(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
    CHECK(cudaEventRecord(event, a));
    CHECK(cudaStreamWaitEvent(b, event, 0));
    FAILS(cudaStreamEndCapture(b, &graph), cudaErrorStreamCaptureUnmatched);
    FAILS(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureInvalidated);

    CHECK(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
    CHECK(cudaEventRecord(event, a));
    FAILS(cudaEventSynchronize(event), cudaErrorCapturedEvent);
    CHECK(cudaStreamIsCapturing(a, &status));
    EXPECT("an invalidated capture", status == cudaStreamCaptureStatusInvalidated);
    FAILS(cudaStreamWaitEvent(b, event, 0), cudaErrorInvalidValue);
    FAILS(cudaStreamEndCapture(b, &graph), cudaErrorIllegalState);
    FAILS(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureInvalidated);
    CHECK(cudaEventRecord(event, a));
    CHECK(cudaEventSynchronize(event));
    CHECK(cudaStreamDestroy(a));
    CHECK(cudaStreamDestroy(b));
    CHECK(cudaEventDestroy(event));
    CHECK(cudaFree(x));
}

static void graphs_of_nodes()
{
    int calls = 0, *x, host[4] = {0, 0, 0, 0};
    CHECK(cudaMalloc(&x, 16));
    cudaGraph_t graph, child;
    cudaGraphNode_t fill, add, copy, call, nested;
    CHECK(cudaGraphCreate(&graph, 0));
    cudaMemsetParams set = {};
    set.dst = x, set.value = 0x01010101, set.elementSize = 4, set.width = 4, set.height = 1;
    CHECK(cudaGraphAddMemsetNode(&fill, graph, NULL, 0, &set));
    int by = 5;
    void *arguments[] = {&x, &by};
    cudaKernelNodeParams launch = {};
    launch.func = (void *)k_add, launch.gridDim = dim3(2), launch.blockDim = dim3(3), launch.kernelParams = arguments;
    CHECK(cudaGraphAddKernelNode(&add, graph, &fill, 1, &launch));
    CHECK(cudaGraphAddMemcpyNode1D(&copy, graph, &add, 1, host, x, 16, cudaMemcpyDeviceToHost));
    CHECK(cudaGraphCreate(&child, 0));
    cudaHostNodeParams function = {count_call, &calls};
    CHECK(cudaGraphAddHostNode(&call, child, NULL, 0, &function));
    CHECK(cudaGraphAddChildGraphNode(&nested, graph, &copy, 1, child));
    CHECK(cudaGraphDestroy(child));
    cudaGraphExec_t exec;
    CHECK(cudaGraphInstantiate(&exec, graph, 0));
    CHECK(cudaGraphLaunch(exec, 0));
    CHECK(cudaGraphLaunch(exec, 0));
    CHECK(cudaDeviceSynchronize());
    EXPECT("memset, kernel, copy and host nodes", host[0] == 0x01010101 + 30 && host[3] == 0x01010101 && calls == 2);
    size_t nodes = 0, roots = 0;
    CHECK(cudaGraphGetRootNodes(graph, NULL, &roots));
    CHECK(cudaGraphGetNodes(graph, NULL, &nodes));
    EXPECT("nodes and roots", nodes == 4 && roots == 1);
    FAILS(cudaGraphAddEmptyNode(&call, graph, NULL, 1), cudaErrorInvalidValue);
    FAILS(cudaGraphAddKernelNode(&call, graph, NULL, 0, NULL), cudaErrorInvalidValue);
    CHECK(cudaGraphExecDestroy(exec));
    CHECK(cudaGraphDestroy(graph));
    CHECK(cudaFree(x));
}

/* ---- Arrays and textures ------------------------------------------------------------------------- */
static void arrays_and_textures()
{
    const int width = 16, height = 4;
    std::vector<float> image(width * height);
    for (int i = 0; i < width * height; i++)
        image[i] = (float)i;
    cudaArray_t array;
    cudaChannelFormatDesc format = cudaCreateChannelDesc<float>();
    CHECK(cudaMallocArray(&array, &format, width, height, cudaArraySurfaceLoadStore));
    CHECK(cudaMemcpy2DToArray(array, 0, 0, image.data(), width * 4, width * 4, height, cudaMemcpyHostToDevice));
    FAILS(cudaMemcpy2DToArray(array, 0, 1, image.data(), width * 4, width * 4, height, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    cudaResourceDesc over = {};
    over.resType = cudaResourceTypeArray;
    over.res.array.array = array;
    cudaTextureDesc how = {};
    how.addressMode[0] = how.addressMode[1] = cudaAddressModeClamp;
    how.filterMode = cudaFilterModeLinear;
    cudaTextureObject_t texture, list;
    cudaSurfaceObject_t surface;
    CHECK(cudaCreateTextureObject(&texture, &over, &how, NULL));
    CHECK(cudaCreateSurfaceObject(&surface, &over));
    float4 *items;
    float *y;
    CHECK(cudaMallocManaged(&items, 32 * sizeof *items));
    CHECK(cudaMallocManaged(&y, 64 * sizeof *y));
    for (int i = 0; i < 32; i++)
        items[i] = make_float4(0, 0, 10.0f * i, 0);
    cudaResourceDesc linear = {};
    linear.resType = cudaResourceTypeLinear;
    linear.res.linear.devPtr = items;
    linear.res.linear.desc = cudaCreateChannelDesc<float4>();
    linear.res.linear.sizeInBytes = 32 * sizeof *items;
    cudaTextureDesc plain = {};
    CHECK(cudaCreateTextureObject(&list, &linear, &plain, NULL));
    k_sample<<<1, 32>>>(texture, list, surface, y);
    CHECK(cudaDeviceSynchronize());
    EXPECT("linear filtering with clamped edges", y[0] == 12 && y[2] == 12.5f && y[7] == 15 && y[31] == 27 && y[35] == 30);
    CHECK(cudaMemcpy2DFromArray(image.data(), width * 4, array, 0, 0, width * 4, height, cudaMemcpyDeviceToHost));
    EXPECT("a surface write", image[2 * width + 5] == 5 && image[width + 5] == width + 5);
    linear.res.linear.devPtr = NULL;
    FAILS(cudaCreateTextureObject(&list, &linear, &plain, NULL), cudaErrorInvalidValue);
    FAILS(cudaMallocArray(&array, NULL, 4, 4, 0), cudaErrorInvalidValue);
    CHECK(cudaDestroyTextureObject(texture));
    CHECK(cudaDestroyTextureObject(list));
    CHECK(cudaDestroySurfaceObject(surface));
    CHECK(cudaFreeArray(over.res.array.array));
    CHECK(cudaFree(items));
    CHECK(cudaFree(y));
}

static void normalized_textures_wrap()
{
    unsigned char bytes[8] = {0, 51, 102, 153, 204, 255, 0, 255}, *memory;
    size_t pitch;
    float *y;
    CHECK(cudaMallocPitch(&memory, &pitch, 8, 1));
    CHECK(cudaMemcpy(memory, bytes, 8, cudaMemcpyHostToDevice));
    CHECK(cudaMallocManaged(&y, 32 * sizeof *y));
    cudaResourceDesc over = {};
    over.resType = cudaResourceTypePitch2D;
    over.res.pitch2D.devPtr = memory;
    over.res.pitch2D.desc = cudaCreateChannelDesc<unsigned char>();
    over.res.pitch2D.width = 8, over.res.pitch2D.height = 1, over.res.pitch2D.pitchInBytes = pitch;
    cudaTextureDesc how = {};
    how.addressMode[0] = how.addressMode[1] = cudaAddressModeWrap;
    how.readMode = cudaReadModeNormalizedFloat;
    how.normalizedCoords = 1;
    cudaTextureObject_t texture;
    CHECK(cudaCreateTextureObject(&texture, &over, &how, NULL));
    k_normalized<<<1, 32>>>(texture, y);
    CHECK(cudaDeviceSynchronize());
    bool good = true;
    for (int i = 0; i < 32; i++)
        good &= std::fabs(y[i] - bytes[i % 8] / 255.0f) < 1e-6f;
    EXPECT("bytes as numbers from 0 to 1, wrapped", good);
    CHECK(cudaDestroyTextureObject(texture));
    CHECK(cudaFree(memory));
    CHECK(cudaFree(y));
}

static void boxes()
{
    cudaExtent extent = make_cudaExtent(5 * sizeof(int), 4, 3);
    cudaPitchedPtr box;
    CHECK(cudaMalloc3D(&box, extent));
    CHECK(cudaMemset3D(box, 0, extent));
    int from[3][4][5], to[3][4][5];
    for (int i = 0; i < 60; i++)
        (&from[0][0][0])[i] = i;
    cudaMemcpy3DParms copy = {};
    copy.srcPtr = make_cudaPitchedPtr(from, 5 * sizeof(int), 5 * sizeof(int), 4);
    copy.dstPtr = box;
    copy.extent = make_cudaExtent(3 * sizeof(int), 2, 2);
    copy.srcPos = make_cudaPos(sizeof(int), 1, 1);
    copy.kind = cudaMemcpyHostToDevice;
    CHECK(cudaMemcpy3D(&copy));
    cudaMemcpy3DParms back = {};
    back.srcPtr = box;
    back.dstPtr = make_cudaPitchedPtr(to, 5 * sizeof(int), 5 * sizeof(int), 4);
    back.extent = extent;
    back.kind = cudaMemcpyDeviceToHost;
    CHECK(cudaMemcpy3D(&back));
    EXPECT("a box within a box", to[0][0][0] == from[1][1][1] && to[1][1][2] == from[2][2][3] && to[2][0][0] == 0 && to[0][0][3] == 0);
    back.dstPtr.ptr = NULL;
    FAILS(cudaMemcpy3D(&back), cudaErrorInvalidValue);
    FAILS(cudaMemcpy2D(box.ptr, 4, from, 20, 20, 2, cudaMemcpyHostToDevice), cudaErrorInvalidPitchValue);
    CHECK(cudaFree(box.ptr));
}

/* ---- Pools, devices, memory ---------------------------------------------------------------------- */
static void pools()
{
    cudaMemPool_t pool, mine;
    void *a, *b;
    uint64_t used = 0, high = 0;
    cudaMemPoolProps properties = {};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    CHECK(cudaDeviceGetDefaultMemPool(&pool, 0));
    CHECK(cudaMemPoolCreate(&mine, &properties));
    CHECK(cudaMallocFromPoolAsync(&a, 1000, mine, 0));
    CHECK(cudaMallocAsync(&b, 500, 0));
    CHECK(cudaFreeAsync(b, 0));
    CHECK(cudaMemPoolGetAttribute(mine, cudaMemPoolAttrUsedMemCurrent, &used));
    CHECK(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemHigh, &high));
    EXPECT("what a pool has given", used == 1000 && high >= 500);
    CHECK(cudaFreeAsync(a, 0));
    CHECK(cudaStreamSynchronize(0));
    CHECK(cudaMemPoolGetAttribute(mine, cudaMemPoolAttrUsedMemCurrent, &used));
    EXPECT("freed memory is no longer in use", used == 0);
    CHECK(cudaMemPoolDestroy(mine));
    int something;
    FAILS(cudaFreeAsync(&something, 0), cudaErrorInvalidValue);
}

static void devices()
{
    int count = 0, can = -1, value = 0;
    size_t limit = 0;
    char bus[32];
    CHECK(cudaGetDeviceCount(&count));
    CHECK(cudaDeviceCanAccessPeer(&can, 0, 0));
    EXPECT("a device is not its own peer", can == 0);
    if (count > 1) {
        CHECK(cudaDeviceCanAccessPeer(&can, 0, 1));
        CHECK(cudaDeviceEnablePeerAccess(1, 0));
        FAILS(cudaDeviceEnablePeerAccess(1, 0), cudaErrorPeerAccessAlreadyEnabled);
        CHECK(cudaDeviceDisablePeerAccess(1));
        FAILS(cudaDeviceDisablePeerAccess(1), cudaErrorPeerAccessNotEnabled);
        EXPECT("devices are peers", can == 1);
    }
    FAILS(cudaDeviceEnablePeerAccess(count, 0), cudaErrorInvalidDevice);
    FAILS(cudaSetDevice(count), cudaErrorInvalidDevice);
    CHECK(cudaDeviceSetLimit(cudaLimitStackSize, 4096));
    CHECK(cudaDeviceGetLimit(&limit, cudaLimitStackSize));
    EXPECT("limits are remembered", limit == 4096);
    FAILS(cudaDeviceGetLimit(&limit, (cudaLimit)77), cudaErrorInvalidValue);
    CHECK(cudaDeviceGetPCIBusId(bus, sizeof bus, 0));
    CHECK(cudaDeviceGetByPCIBusId(&value, bus));
    EXPECT("bus numbers lead back", value == 0);
    CHECK(cudaDeviceGetAttribute(&value, cudaDevAttrMemoryPoolsSupported, 0));
    EXPECT("attributes", value == 1);
}

static void host_memory()
{
    static char memory[8192];
    void *device;
    CHECK(cudaHostRegister(memory, sizeof memory, cudaHostRegisterDefault));
    FAILS(cudaHostRegister(memory + 100, 10, cudaHostRegisterDefault), cudaErrorHostMemoryAlreadyRegistered);
    CHECK(cudaHostGetDevicePointer(&device, memory, 0));
    CHECK(cudaHostUnregister(memory));
    FAILS(cudaHostUnregister(memory), cudaErrorHostMemoryNotRegistered);
    cudaIpcMemHandle_t handle;
    CHECK(cudaMalloc(&device, 64));
    CHECK(cudaFree(device));
    (void)handle;
}

static void launches()
{
    int *x, grid = 0, block = 0, blocks = 0;
    CHECK(cudaMallocManaged(&x, sizeof *x));
    *x = 0;
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(3), config.blockDim = dim3(5);
    CHECK(cudaLaunchKernelEx(&config, k_add, x, 2));
    CHECK(cudaDeviceSynchronize());
    EXPECT("a launch with a configuration", *x == 30);
    CHECK(cudaOccupancyMaxPotentialBlockSize(&grid, &block, k_add));
    CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, k_add, block, 0));
    EXPECT("occupancy", grid > 0 && block > 0 && blocks > 0);
    config.blockDim = dim3(4096);
    FAILS(cudaLaunchKernelEx(&config, k_add, x, 2), cudaErrorInvalidValue);
    int by = 1;
    void *arguments[] = {&x, &by};
    FAILS(cudaLaunchCooperativeKernel((void *)k_add, dim3(1 << 20), dim3(256), arguments), cudaErrorCooperativeLaunchTooLarge);
    CHECK(cudaFree(x));
}

int main()
{
    captured_graphs();
    unjoined_captures_are_refused();
    graphs_of_nodes();
    arrays_and_textures();
    normalized_textures_wrap();
    boxes();
    pools();
    devices();
    host_memory();
    launches();
    std::printf("api: %s\n", failures ? "FAILED" : "passed");
    return failures != 0;
}
