/* Rectangles, boxes and arrays, and copies between them. */
#include "runtime/api/api.h"
#include <string.h>

/* ---- Arrays -------------------------------------------------------------------------------------- */
size_t format_bytes(CUarray_format format)
{
    switch (format) {
    case CU_AD_FORMAT_UNSIGNED_INT8:
    case CU_AD_FORMAT_SIGNED_INT8: return 1;
    case CU_AD_FORMAT_UNSIGNED_INT16:
    case CU_AD_FORMAT_SIGNED_INT16:
    case CU_AD_FORMAT_HALF: return 2;
    case CU_AD_FORMAT_UNSIGNED_INT32:
    case CU_AD_FORMAT_SIGNED_INT32:
    case CU_AD_FORMAT_FLOAT: return 4;
    }
    return 0;
}

static CUresult check_array(const CUDA_ARRAY3D_DESCRIPTOR *d)
{
    bool channels = d->NumChannels == 1 || d->NumChannels == 2 || d->NumChannels == 4;
    if (!format_bytes(d->Format) || !channels || !d->Width || d->Width > 131072 || d->Height > 131072 || d->Depth > 16384)
        return CUDA_ERROR_INVALID_VALUE;
    if (d->Flags & CUDA_ARRAY3D_CUBEMAP)
        return not_supported("a cubemap");
    return d->Flags & ~15u ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

API CUresult cuArray3DCreate_v2(CUarray *array, const CUDA_ARRAY3D_DESCRIPTOR *shape)
{
    CUresult result = api_check();
    if (!result)
        result = array && shape ? check_array(shape) : CUDA_ERROR_INVALID_VALUE;
    if (result)
        return result;
    struct CUarray_st a = {.shape = *shape, .element_bytes = format_bytes(shape->Format) * shape->NumChannels};
    a.pitch = (shape->Width * a.element_bytes + 63) / 64 * 64;
    a.slice = a.pitch * (shape->Height ? shape->Height : 1);
    CUarray made = mem_new(sizeof *made);
    a.memory = made ? allocation_new(a.slice * (shape->Depth ? shape->Depth : 1), MEMORY_DEVICE) : NULL;
    if (!a.memory) {
        mem_free(made);
        return result_of(CAIRN_E_MEMORY);
    }
    *made = a;
    *array = made;
    return CUDA_SUCCESS;
}

API CUresult cuArrayCreate_v2(CUarray *array, const CUDA_ARRAY_DESCRIPTOR *shape)
{
    if (!shape)
        return CUDA_ERROR_INVALID_VALUE;
    return cuArray3DCreate_v2(array, &(CUDA_ARRAY3D_DESCRIPTOR){shape->Width, shape->Height, 0, shape->Format, shape->NumChannels, 0});
}

API CUresult cuArray3DGetDescriptor_v2(CUDA_ARRAY3D_DESCRIPTOR *shape, CUarray array)
{
    if (!shape || !array)
        return shape ? CUDA_ERROR_INVALID_HANDLE : CUDA_ERROR_INVALID_VALUE;
    *shape = array->shape;
    return CUDA_SUCCESS;
}

API CUresult cuArrayGetDescriptor_v2(CUDA_ARRAY_DESCRIPTOR *shape, CUarray array)
{
    if (!shape || !array)
        return shape ? CUDA_ERROR_INVALID_HANDLE : CUDA_ERROR_INVALID_VALUE;
    *shape = (CUDA_ARRAY_DESCRIPTOR){array->shape.Width, array->shape.Height, array->shape.Format, array->shape.NumChannels};
    return CUDA_SUCCESS;
}

API CUresult cuArrayDestroy(CUarray array)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!array)
        return CUDA_ERROR_INVALID_HANDLE;
    result = queue_wait(queue_last());
    allocation_free(array->memory, false);
    mem_free(array);
    return result;
}

API CUresult cuMipmappedArrayCreate(CUmipmappedArray *array, const CUDA_ARRAY3D_DESCRIPTOR *shape, unsigned levels)
{
    (void)levels;
    return array && shape ? not_supported("cuMipmappedArrayCreate") : CUDA_ERROR_INVALID_VALUE;
}

/* ---- Copies -------------------------------------------------------------------------------------- */
typedef struct side {
    CUmemorytype type;
    const void *host;
    CUdeviceptr device;
    CUarray array;
    size_t x, y, z, pitch, height;
} side;

/* Where a side's box begins, and its pitches; a box must lie within its array. */
static CUresult place(const side *s, const CUDA_MEMCPY3D *c, uint8_t **at, size_t *pitch, size_t *slice)
{
    *pitch = s->pitch ? s->pitch : s->x + c->WidthInBytes;
    *slice = *pitch * (s->height ? s->height : s->y + c->Height);
    switch (s->type) {
    case CU_MEMORYTYPE_HOST: *at = (uint8_t *)s->host; break;
    case CU_MEMORYTYPE_DEVICE:
    case CU_MEMORYTYPE_UNIFIED: *at = (uint8_t *)s->device; break;
    case CU_MEMORYTYPE_ARRAY: {
        if (!s->array)
            return CUDA_ERROR_INVALID_HANDLE;
        const CUDA_ARRAY3D_DESCRIPTOR *d = &s->array->shape;
        size_t height = d->Height ? d->Height : 1, depth = d->Depth ? d->Depth : 1;
        if (s->x + c->WidthInBytes > d->Width * s->array->element_bytes || s->y + c->Height > height || s->z + c->Depth > depth)
            return CUDA_ERROR_INVALID_VALUE;
        *at = s->array->memory;
        *pitch = s->array->pitch;
        *slice = s->array->slice;
        break;
    }
    default: return CUDA_ERROR_INVALID_VALUE;
    }
    if (!*at)
        return CUDA_ERROR_INVALID_VALUE;
    if (s->type != CU_MEMORYTYPE_ARRAY && s->pitch && s->pitch < s->x + c->WidthInBytes)
        return CUDA_ERROR_INVALID_PITCH;
    *at += s->z * *slice + s->y * *pitch + s->x;
    return CUDA_SUCCESS;
}

CUresult box_of_copy(const CUDA_MEMCPY3D *c, box *out)
{
    side from = {c->srcMemoryType, c->srcHost, c->srcDevice, c->srcArray, c->srcXInBytes, c->srcY, c->srcZ, c->srcPitch, c->srcHeight};
    side to = {c->dstMemoryType, c->dstHost, c->dstDevice, c->dstArray, c->dstXInBytes, c->dstY, c->dstZ, c->dstPitch, c->dstHeight};
    box b = {.width = c->WidthInBytes, .height = c->Height, .depth = c->Depth};
    uint8_t *source, *destination;
    CUresult result = c->srcLOD || c->dstLOD ? CUDA_ERROR_INVALID_VALUE : place(&from, c, &source, &b.from_pitch, &b.from_slice);
    if (!result)
        result = place(&to, c, &destination, &b.to_pitch, &b.to_slice);
    if (result)
        return result;
    b.from = source;
    b.to = destination;
    *out = b;
    return CUDA_SUCCESS;
}

static CUresult copy_box(const CUDA_MEMCPY3D *copy, CUstream stream, bool wait)
{
    CUresult result = api_check();
    if (result || (copy && (!copy->WidthInBytes || !copy->Height || !copy->Depth)))
        return result;
    box b;
    result = copy ? box_of_copy(copy, &b) : CUDA_ERROR_INVALID_VALUE;
    return result ? result : issue_copy(&b, stream, wait);
}

static CUDA_MEMCPY3D flat(const CUDA_MEMCPY2D *c)
{
    return (CUDA_MEMCPY3D){.srcXInBytes = c->srcXInBytes, .srcY = c->srcY, .srcMemoryType = c->srcMemoryType, .srcHost = c->srcHost,
                           .srcDevice = c->srcDevice, .srcArray = c->srcArray, .srcPitch = c->srcPitch,
                           .dstXInBytes = c->dstXInBytes, .dstY = c->dstY, .dstMemoryType = c->dstMemoryType,
                           .dstHost = c->dstHost, .dstDevice = c->dstDevice, .dstArray = c->dstArray, .dstPitch = c->dstPitch,
                           .WidthInBytes = c->WidthInBytes, .Height = c->Height, .Depth = 1};
}

API CUresult cuMemcpy3D_v2(const CUDA_MEMCPY3D *copy) { return copy_box(copy, NULL, true); }
API CUresult cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *copy, CUstream stream) { return copy_box(copy, stream, false); }

API CUresult cuMemcpy2D_v2(const CUDA_MEMCPY2D *copy)
{
    CUDA_MEMCPY3D c = copy ? flat(copy) : (CUDA_MEMCPY3D){0};
    return copy ? copy_box(&c, NULL, true) : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *copy) { return cuMemcpy2D_v2(copy); }

API CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *copy, CUstream stream)
{
    CUDA_MEMCPY3D c = copy ? flat(copy) : (CUDA_MEMCPY3D){0};
    return copy ? copy_box(&c, stream, false) : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuMemcpyHtoA_v2(CUarray to, size_t offset, const void *from, size_t bytes)
{
    CUDA_MEMCPY3D c = {.srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = from, .dstMemoryType = CU_MEMORYTYPE_ARRAY, .dstArray = to,
                       .dstXInBytes = offset, .WidthInBytes = bytes, .Height = 1, .Depth = 1};
    return copy_box(&c, NULL, true);
}

API CUresult cuMemcpyAtoH_v2(void *to, CUarray from, size_t offset, size_t bytes)
{
    CUDA_MEMCPY3D c = {.dstMemoryType = CU_MEMORYTYPE_HOST, .dstHost = to, .srcMemoryType = CU_MEMORYTYPE_ARRAY, .srcArray = from,
                       .srcXInBytes = offset, .WidthInBytes = bytes, .Height = 1, .Depth = 1};
    return copy_box(&c, NULL, true);
}
