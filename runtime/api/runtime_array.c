/* The runtime API's rectangles, boxes, arrays, textures and surfaces, over the driver's. */
#include "runtime/api/runtime.h"
#include <string.h>

/* ---- Formats ------------------------------------------------------------------------------------- */
static bool format_of(cudaChannelFormatDesc d, CUarray_format *format, unsigned *channels)
{
    static const CUarray_format formats[3][3] = {
        {CU_AD_FORMAT_SIGNED_INT8, CU_AD_FORMAT_SIGNED_INT16, CU_AD_FORMAT_SIGNED_INT32},
        {CU_AD_FORMAT_UNSIGNED_INT8, CU_AD_FORMAT_UNSIGNED_INT16, CU_AD_FORMAT_UNSIGNED_INT32},
        {0, CU_AD_FORMAT_HALF, CU_AD_FORMAT_FLOAT}};
    int row = d.x == 8 ? 0 : d.x == 16 ? 1 : d.x == 32 ? 2 : -1;
    *channels = d.w ? 4 : d.z ? 3 : d.y ? 2 : 1;
    bool same = (!d.y || d.y == d.x) && (!d.z || d.z == d.x) && (!d.w || d.w == d.x);
    if (row < 0 || (unsigned)d.f > cudaChannelFormatKindFloat || !same || *channels == 3)
        return false;
    *format = formats[d.f][row];
    return *format != 0;
}

static cudaChannelFormatDesc description_of(CUarray_format format, unsigned channels)
{
    int bits = (int)format_bytes(format) * 8;
    cudaChannelFormatKind kind = format == CU_AD_FORMAT_FLOAT || format == CU_AD_FORMAT_HALF ? cudaChannelFormatKindFloat
                                 : format >= CU_AD_FORMAT_SIGNED_INT8                        ? cudaChannelFormatKindSigned
                                                                                             : cudaChannelFormatKindUnsigned;
    return (cudaChannelFormatDesc){bits, channels > 1 ? bits : 0, channels > 2 ? bits : 0, channels > 3 ? bits : 0, kind};
}

API cudaChannelFormatDesc cudaCreateChannelDesc(int x, int y, int z, int w, cudaChannelFormatKind f)
{
    return (cudaChannelFormatDesc){x, y, z, w, f};
}

/* ---- Memory -------------------------------------------------------------------------------------- */
static CUresult allocate_box(cudaPitchedPtr *out, cudaExtent extent)
{
    size_t pitch;
    CUdeviceptr memory;
    if (!out)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult result = cuMemAllocPitch(&memory, &pitch, extent.width, extent.height * extent.depth, 4);
    if (!result)
        *out = (cudaPitchedPtr){(void *)memory, pitch, extent.width, extent.height};
    return result;
}

API cudaError_t cudaMalloc3D(cudaPitchedPtr *out, cudaExtent extent) { return WITH_CONTEXT(allocate_box(out, extent)); }

static CUresult make_array(cudaArray_t *array, const cudaChannelFormatDesc *desc, cudaExtent extent, unsigned flags)
{
    CUDA_ARRAY3D_DESCRIPTOR shape = {extent.width, extent.height, extent.depth, 0, 0, flags};
    if (!array || !desc || !format_of(*desc, &shape.Format, &shape.NumChannels))
        return CUDA_ERROR_INVALID_VALUE;
    return cuArray3DCreate(array, &shape);
}

API cudaError_t cudaMalloc3DArray(cudaArray_t *array, const cudaChannelFormatDesc *desc, cudaExtent extent, unsigned flags)
{
    return WITH_CONTEXT(make_array(array, desc, extent, flags));
}

API cudaError_t cudaMallocArray(cudaArray_t *array, const cudaChannelFormatDesc *desc, size_t width, size_t height, unsigned flags)
{
    return cudaMalloc3DArray(array, desc, (cudaExtent){width, height, 0}, flags);
}

API cudaError_t cudaMallocMipmappedArray(cudaMipmappedArray_t *array, const cudaChannelFormatDesc *desc, cudaExtent extent,
                                         unsigned levels, unsigned flags)
{
    (void)extent, (void)levels, (void)flags;
    return WITH_CONTEXT(array && desc ? not_supported("cudaMallocMipmappedArray") : CUDA_ERROR_INVALID_VALUE);
}

API cudaError_t cudaFreeArray(cudaArray_t array) { return array ? WITH_CONTEXT(cuArrayDestroy(array)) : cudaSuccess; }

API cudaError_t cudaArrayGetInfo(cudaChannelFormatDesc *desc, cudaExtent *extent, unsigned *flags, cudaArray_t array)
{
    if (!array)
        return runtime_note(CUDA_ERROR_INVALID_HANDLE);
    const CUDA_ARRAY3D_DESCRIPTOR *s = &array->shape;
    if (desc)
        *desc = description_of(s->Format, s->NumChannels);
    if (extent)
        *extent = (cudaExtent){s->Width, s->Height, s->Depth};
    if (flags)
        *flags = s->Flags;
    return cudaSuccess;
}

API cudaError_t cudaGetChannelDesc(cudaChannelFormatDesc *desc, cudaArray_const_t array)
{
    return desc ? cudaArrayGetInfo(desc, NULL, NULL, (cudaArray_t)array) : runtime_note(CUDA_ERROR_INVALID_VALUE);
}

/* ---- Copies of rows ------------------------------------------------------------------------------ */
static CUresult copy_rows(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                          cudaMemcpyKind kind, cudaStream_t stream, bool wait)
{
    if (!is_copy_kind(kind))
        return CUDA_ERROR_INVALID_DIRECTION;
    if (width > to_pitch || width > from_pitch)
        return CUDA_ERROR_INVALID_PITCH;
    return issue_copy(&(box){to, from, width, height, 1, to_pitch, 0, from_pitch, 0}, stream, wait);
}

API cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                             cudaMemcpyKind kind)
{
    return WITH_CONTEXT(copy_rows(to, to_pitch, from, from_pitch, width, height, kind, NULL, true));
}

API cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                                  cudaMemcpyKind kind, cudaStream_t stream)
{
    return WITH_CONTEXT(copy_rows(to, to_pitch, from, from_pitch, width, height, kind, stream, false));
}

static CUresult fill_rows(void *memory, size_t pitch, int value, size_t width, size_t height, cudaStream_t stream, bool wait)
{
    if (width > pitch)
        return CUDA_ERROR_INVALID_PITCH;
    return issue_fill(&(filling){memory, (uint8_t)value, 1, width, height, pitch}, stream, wait);
}

API cudaError_t cudaMemset2D(void *memory, size_t pitch, int value, size_t width, size_t height)
{
    return WITH_CONTEXT(fill_rows(memory, pitch, value, width, height, NULL, true));
}

API cudaError_t cudaMemset2DAsync(void *memory, size_t pitch, int value, size_t width, size_t height, cudaStream_t stream)
{
    return WITH_CONTEXT(fill_rows(memory, pitch, value, width, height, stream, false));
}

/* Slices of `ysize` rows, of which the first `extent.height` are filled. */
static CUresult fill_box(cudaPitchedPtr p, int value, cudaExtent extent, cudaStream_t stream, bool wait)
{
    CUresult result = CUDA_SUCCESS;
    for (size_t z = 0; z < extent.depth && !result; z++)
        result = fill_rows((uint8_t *)p.ptr + z * p.pitch * p.ysize, p.pitch, value, extent.width, extent.height, stream, wait);
    return result;
}

API cudaError_t cudaMemset3D(cudaPitchedPtr p, int value, cudaExtent extent)
{
    return WITH_CONTEXT(fill_box(p, value, extent, NULL, true));
}

API cudaError_t cudaMemset3DAsync(cudaPitchedPtr p, int value, cudaExtent extent, cudaStream_t stream)
{
    return WITH_CONTEXT(fill_box(p, value, extent, stream, false));
}

/* ---- Copies of boxes ----------------------------------------------------------------------------- */
/* Positions and extents are elements of an array where one takes part, else bytes. */
CUresult runtime_copy_3d(const cudaMemcpy3DParms *p, CUDA_MEMCPY3D *out)
{
    if (!p || !is_copy_kind(p->kind))
        return p ? CUDA_ERROR_INVALID_DIRECTION : CUDA_ERROR_INVALID_VALUE;
    if (!p->srcArray == !p->srcPtr.ptr || !p->dstArray == !p->dstPtr.ptr)
        return CUDA_ERROR_INVALID_VALUE;
    size_t from = p->srcArray ? p->srcArray->element_bytes : 1, to = p->dstArray ? p->dstArray->element_bytes : 1;
    if (p->srcArray && p->dstArray && from != to)
        return CUDA_ERROR_INVALID_VALUE;
    size_t element = from > to ? from : to;
    *out = (CUDA_MEMCPY3D){
        .srcXInBytes = p->srcPos.x * from, .srcY = p->srcPos.y, .srcZ = p->srcPos.z,
        .srcMemoryType = p->srcArray ? CU_MEMORYTYPE_ARRAY : CU_MEMORYTYPE_UNIFIED, .srcArray = p->srcArray,
        .srcDevice = (CUdeviceptr)p->srcPtr.ptr, .srcPitch = p->srcPtr.pitch, .srcHeight = p->srcPtr.ysize,
        .dstXInBytes = p->dstPos.x * to, .dstY = p->dstPos.y, .dstZ = p->dstPos.z,
        .dstMemoryType = p->dstArray ? CU_MEMORYTYPE_ARRAY : CU_MEMORYTYPE_UNIFIED, .dstArray = p->dstArray,
        .dstDevice = (CUdeviceptr)p->dstPtr.ptr, .dstPitch = p->dstPtr.pitch, .dstHeight = p->dstPtr.ysize,
        .WidthInBytes = p->extent.width * element, .Height = p->extent.height, .Depth = p->extent.depth};
    return CUDA_SUCCESS;
}

static CUresult copy_3d(const cudaMemcpy3DParms *p, cudaStream_t stream, bool wait)
{
    CUDA_MEMCPY3D c;
    CUresult result = runtime_copy_3d(p, &c);
    return result ? result : wait ? cuMemcpy3D(&c) : cuMemcpy3DAsync(&c, stream);
}

API cudaError_t cudaMemcpy3D(const cudaMemcpy3DParms *p) { return WITH_CONTEXT(copy_3d(p, NULL, true)); }
API cudaError_t cudaMemcpy3DAsync(const cudaMemcpy3DParms *p, cudaStream_t stream) { return WITH_CONTEXT(copy_3d(p, stream, false)); }

/* ---- Copies to and from arrays of one or two dimensions: offsets and widths in bytes -------------- */
typedef struct array_copy {
    cudaArray_t array;
    size_t x, y;
    void *memory;
    size_t pitch, width, height;
    cudaMemcpyKind kind;
} array_copy;

static CUresult copy_array(array_copy a, bool to_array, cudaStream_t stream, bool wait)
{
    if (!is_copy_kind(a.kind))
        return CUDA_ERROR_INVALID_DIRECTION;
    CUDA_MEMCPY3D c = {.WidthInBytes = a.width, .Height = a.height, .Depth = 1};
    if (to_array) {
        c.srcMemoryType = CU_MEMORYTYPE_UNIFIED, c.srcDevice = (CUdeviceptr)a.memory, c.srcPitch = a.pitch;
        c.dstMemoryType = CU_MEMORYTYPE_ARRAY, c.dstArray = a.array, c.dstXInBytes = a.x, c.dstY = a.y;
    } else {
        c.dstMemoryType = CU_MEMORYTYPE_UNIFIED, c.dstDevice = (CUdeviceptr)a.memory, c.dstPitch = a.pitch;
        c.srcMemoryType = CU_MEMORYTYPE_ARRAY, c.srcArray = a.array, c.srcXInBytes = a.x, c.srcY = a.y;
    }
    return wait ? cuMemcpy3D(&c) : cuMemcpy3DAsync(&c, stream);
}

API cudaError_t cudaMemcpy2DToArray(cudaArray_t to, size_t x, size_t y, const void *from, size_t pitch, size_t width, size_t height,
                                    cudaMemcpyKind kind)
{
    return WITH_CONTEXT(copy_array((array_copy){to, x, y, (void *)from, pitch, width, height, kind}, true, NULL, true));
}

API cudaError_t cudaMemcpy2DToArrayAsync(cudaArray_t to, size_t x, size_t y, const void *from, size_t pitch, size_t width,
                                         size_t height, cudaMemcpyKind kind, cudaStream_t stream)
{
    return WITH_CONTEXT(copy_array((array_copy){to, x, y, (void *)from, pitch, width, height, kind}, true, stream, false));
}

API cudaError_t cudaMemcpy2DFromArray(void *to, size_t pitch, cudaArray_const_t from, size_t x, size_t y, size_t width, size_t height,
                                      cudaMemcpyKind kind)
{
    return WITH_CONTEXT(copy_array((array_copy){(cudaArray_t)from, x, y, to, pitch, width, height, kind}, false, NULL, true));
}

/* A linear run of bytes may go over several rows. */
static CUresult copy_linear(cudaArray_t array, size_t x, size_t y, char *memory, size_t bytes, cudaMemcpyKind kind, bool to_array)
{
    if (!array)
        return CUDA_ERROR_INVALID_HANDLE;
    size_t row = array->shape.Width * array->element_bytes;
    CUresult result = CUDA_SUCCESS;
    while (bytes && !result) {
        size_t part = bytes < row - x ? bytes : row - x;
        result = x >= row ? CUDA_ERROR_INVALID_VALUE
                          : copy_array((array_copy){array, x, y, memory, part, part, 1, kind}, to_array, NULL, true);
        memory += part;
        bytes -= part;
        x = 0;
        y++;
    }
    return result;
}

API cudaError_t cudaMemcpyToArray(cudaArray_t to, size_t x, size_t y, const void *from, size_t bytes, cudaMemcpyKind kind)
{
    return WITH_CONTEXT(copy_linear(to, x, y, (char *)from, bytes, kind, true));
}

API cudaError_t cudaMemcpyFromArray(void *to, cudaArray_const_t from, size_t x, size_t y, size_t bytes, cudaMemcpyKind kind)
{
    return WITH_CONTEXT(copy_linear((cudaArray_t)from, x, y, to, bytes, kind, false));
}

/* ---- Textures and surfaces ----------------------------------------------------------------------- */
static CUresult convert_resource(const cudaResourceDesc *r, CUDA_RESOURCE_DESC *out)
{
    *out = (CUDA_RESOURCE_DESC){.resType = (CUresourcetype)r->resType};
    switch (r->resType) {
    case cudaResourceTypeArray: out->res.array.hArray = r->res.array.array; return CUDA_SUCCESS;
    case cudaResourceTypeMipmappedArray: return CUDA_SUCCESS;
    case cudaResourceTypeLinear:
        out->res.linear.devPtr = (CUdeviceptr)r->res.linear.devPtr;
        out->res.linear.sizeInBytes = r->res.linear.sizeInBytes;
        return format_of(r->res.linear.desc, &out->res.linear.format, &out->res.linear.numChannels) ? CUDA_SUCCESS
                                                                                                    : CUDA_ERROR_INVALID_VALUE;
    case cudaResourceTypePitch2D:
        out->res.pitch2D.devPtr = (CUdeviceptr)r->res.pitch2D.devPtr;
        out->res.pitch2D.width = r->res.pitch2D.width;
        out->res.pitch2D.height = r->res.pitch2D.height;
        out->res.pitch2D.pitchInBytes = r->res.pitch2D.pitchInBytes;
        return format_of(r->res.pitch2D.desc, &out->res.pitch2D.format, &out->res.pitch2D.numChannels) ? CUDA_SUCCESS
                                                                                                       : CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_ERROR_INVALID_VALUE;
}

static CUresult make_texture(cudaTextureObject_t *object, const cudaResourceDesc *resource, const cudaTextureDesc *t,
                             const cudaResourceViewDesc *view)
{
    CUDA_RESOURCE_DESC r;
    if (!object || !resource || !t)
        return CUDA_ERROR_INVALID_VALUE;
    CUresult result = convert_resource(resource, &r);
    if (result)
        return result;
    CUDA_TEXTURE_DESC texture = {.filterMode = (CUfilter_mode)t->filterMode, .maxAnisotropy = t->maxAnisotropy};
    texture.flags = (t->readMode == cudaReadModeElementType ? CU_TRSF_READ_AS_INTEGER : 0) |
                    (t->normalizedCoords ? CU_TRSF_NORMALIZED_COORDINATES : 0) | (t->sRGB ? CU_TRSF_SRGB : 0);
    for (int i = 0; i < 3; i++)
        texture.addressMode[i] = (CUaddress_mode)t->addressMode[i];
    memcpy(texture.borderColor, t->borderColor, sizeof texture.borderColor);
    CUDA_RESOURCE_VIEW_DESC v = {.format = view ? (int)view->format : 0};
    return cuTexObjectCreate(object, &r, &texture, view ? &v : NULL);
}

API cudaError_t cudaCreateTextureObject(cudaTextureObject_t *object, const cudaResourceDesc *resource, const cudaTextureDesc *texture,
                                        const cudaResourceViewDesc *view)
{
    return WITH_CONTEXT(make_texture(object, resource, texture, view));
}

API cudaError_t cudaDestroyTextureObject(cudaTextureObject_t object) { return object ? WITH_CONTEXT(cuTexObjectDestroy(object)) : cudaSuccess; }

static CUresult make_surface(cudaSurfaceObject_t *object, const cudaResourceDesc *resource)
{
    CUDA_RESOURCE_DESC r;
    CUresult result = object && resource ? convert_resource(resource, &r) : CUDA_ERROR_INVALID_VALUE;
    return result ? result : cuSurfObjectCreate(object, &r);
}

API cudaError_t cudaCreateSurfaceObject(cudaSurfaceObject_t *object, const cudaResourceDesc *resource)
{
    return WITH_CONTEXT(make_surface(object, resource));
}

API cudaError_t cudaDestroySurfaceObject(cudaSurfaceObject_t object) { return object ? WITH_CONTEXT(cuSurfObjectDestroy(object)) : cudaSuccess; }
