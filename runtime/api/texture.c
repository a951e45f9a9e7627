/* Textures and surfaces over arrays, linear and pitched memory: objects, and references that modules hold. */
#include "runtime/api/api.h"
#include "runtime/exec/check.h"
#include <cuda/cairn_texture.h>
#include <string.h>

/* ---- What they lie over -------------------------------------------------------------------------- */
enum { CHANNEL_SIGNED = 0, CHANNEL_UNSIGNED = 1, CHANNEL_FLOAT = 2 };

static bool set_format(cairn_texture *t, CUarray_format format, unsigned channels)
{
    bool is_float = format == CU_AD_FORMAT_FLOAT || format == CU_AD_FORMAT_HALF;
    t->bits = (int)format_bytes(format) * 8;
    t->channels = (int)channels;
    t->kind = is_float ? CHANNEL_FLOAT : format >= CU_AD_FORMAT_SIGNED_INT8 ? CHANNEL_SIGNED : CHANNEL_UNSIGNED;
    return t->bits && (channels == 1 || channels == 2 || channels == 4);
}

static bool set_array(cairn_texture *t, CUarray array)
{
    if (!array)
        return false;
    const CUDA_ARRAY3D_DESCRIPTOR *d = &array->shape;
    t->memory = array->memory;
    t->pitch = array->pitch;
    t->slice = array->slice;
    t->width = (int)d->Width;
    t->height = d->Height ? (int)d->Height : 1;
    t->depth = d->Depth ? (int)d->Depth : 1;
    t->layered = d->Flags & CUDA_ARRAY3D_LAYERED;
    return set_format(t, d->Format, d->NumChannels);
}

static bool set_linear(cairn_texture *t, const CUDA_RESOURCE_DESC *r)
{
    bool good = set_format(t, r->res.linear.format, r->res.linear.numChannels);
    size_t element = (size_t)t->bits / 8 * (size_t)t->channels;
    t->memory = (void *)r->res.linear.devPtr;
    t->width = element ? (int)(r->res.linear.sizeInBytes / element) : 0;
    t->height = t->depth = 1;
    return good && t->memory && t->width > 0;
}

static bool set_pitched(cairn_texture *t, const CUDA_RESOURCE_DESC *r)
{
    t->memory = (void *)r->res.pitch2D.devPtr;
    t->pitch = r->res.pitch2D.pitchInBytes;
    t->width = (int)r->res.pitch2D.width;
    t->height = (int)r->res.pitch2D.height;
    t->depth = 1;
    bool good = set_format(t, r->res.pitch2D.format, r->res.pitch2D.numChannels) && t->memory && t->width > 0 && t->height > 0;
    return good && t->pitch >= (size_t)t->width * (size_t)(t->bits / 8 * t->channels);
}

static CUresult describe(cairn_texture *t, const CUDA_RESOURCE_DESC *r)
{
    bool good = false;
    switch (r->resType) {
    case CU_RESOURCE_TYPE_ARRAY: good = set_array(t, r->res.array.hArray); break;
    case CU_RESOURCE_TYPE_LINEAR: good = set_linear(t, r); break;
    case CU_RESOURCE_TYPE_PITCH2D: good = set_pitched(t, r); break;
    case CU_RESOURCE_TYPE_MIPMAPPED_ARRAY: return not_supported("a texture over a mipmapped array");
    }
    return good ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* ---- Objects ------------------------------------------------------------------------------------- */
static CUresult keep(const cairn_texture *t, unsigned tag, unsigned long long *object)
{
    cairn_texture *made = mem_new(sizeof *made);
    if (!made)
        return result_of(CAIRN_E_MEMORY);
    *made = *t;
    made->tag = tag;
    if (checks_wanted())
        check_allocated(made, sizeof *made, CHECK_VARIABLE, "of a texture or surface");
    *object = (unsigned long long)(uintptr_t)made;
    return CUDA_SUCCESS;
}

API CUresult cuTexObjectCreate(CUtexObject *object, const CUDA_RESOURCE_DESC *resource, const CUDA_TEXTURE_DESC *texture,
                               const CUDA_RESOURCE_VIEW_DESC *view)
{
    cairn_texture t = {0};
    CUresult result = api_check();
    if (!result)
        result = object && resource && texture ? describe(&t, resource) : CUDA_ERROR_INVALID_VALUE;
    if (result)
        return result;
    if (view && view->format)
        return not_supported("a texture with a resource view");
    if (texture->flags & CU_TRSF_SRGB)
        return not_supported("a texture of sRGB");
    for (int i = 0; i < 3; i++)
        t.address[i] = (int)texture->addressMode[i];
    t.filter = (int)texture->filterMode;
    t.normalized = (texture->flags & CU_TRSF_NORMALIZED_COORDINATES) != 0;
    t.as_float = !(texture->flags & CU_TRSF_READ_AS_INTEGER) && t.kind != CHANNEL_FLOAT;
    memcpy(t.border, texture->borderColor, sizeof t.border);
    if (t.as_float && t.bits == 32) /* numbers from 0 to 1 are made of 8 and 16 bits only */
        return CUDA_ERROR_INVALID_VALUE;
    if (t.filter == CU_TR_FILTER_MODE_LINEAR && t.kind != CHANNEL_FLOAT && !t.as_float)
        return CUDA_ERROR_INVALID_VALUE;
    return keep(&t, CAIRN_TEXTURE_TAG, object);
}

static CUresult destroy(unsigned long long object)
{
    if (!object)
        return CUDA_ERROR_INVALID_VALUE;
    queue_wait(queue_last());
    if (checks_wanted())
        check_forgotten((const void *)(uintptr_t)object);
    ((cairn_texture *)(uintptr_t)object)->tag = 0; /* a kernel that still uses it is told */
    mem_free((void *)(uintptr_t)object);
    return CUDA_SUCCESS;
}

API CUresult cuTexObjectDestroy(CUtexObject object) { return destroy(object); }

API CUresult cuSurfObjectCreate(CUsurfObject *object, const CUDA_RESOURCE_DESC *resource)
{
    cairn_texture t = {0};
    CUresult result = api_check();
    if (!result)
        result = object && resource && resource->resType == CU_RESOURCE_TYPE_ARRAY ? describe(&t, resource) : CUDA_ERROR_INVALID_VALUE;
    return result ? result : keep(&t, CAIRN_SURFACE_TAG, object);
}

API CUresult cuSurfObjectDestroy(CUsurfObject object) { return destroy(object); }

/* ---- References ---------------------------------------------------------------------------------- */
/* A variable of a module: what instructions read comes first, then what it was made from. Zeros are a
 * reference that nothing is bound to. */
struct CUtexref_st {
    cairn_texture t;
    CUarray array;
    CUdeviceptr address;
    size_t bytes, width, height, pitch;  /* of address; pitch 0: linear */
    CUarray_format format;
    unsigned channels, as_integer;
};

struct CUsurfref_st {
    cairn_texture t;
    CUarray array;
};

_Static_assert(sizeof(struct CUtexref_st) <= OPAQUE_BYTES, "");

static CUresult get_reference(void **reference, CUmodule module, const char *name, ptx_opaque kind)
{
    if (!reference || !name)
        return CUDA_ERROR_INVALID_VALUE;
    if (!module)
        return CUDA_ERROR_INVALID_HANDLE;
    void *found = program_reference(module->program, name, kind);
    if (found)
        *reference = found;
    return found ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

API CUresult cuModuleGetTexRef(CUtexref *reference, CUmodule module, const char *name)
{
    return get_reference((void **)reference, module, name, OPAQUE_TEXTURE);
}

API CUresult cuModuleGetSurfRef(CUsurfref *reference, CUmodule module, const char *name)
{
    return get_reference((void **)reference, module, name, OPAQUE_SURFACE);
}

static bool bind(const struct CUtexref_st *r, cairn_texture *t)
{
    CUDA_RESOURCE_DESC over = {.resType = CU_RESOURCE_TYPE_LINEAR,
                               .res.linear = {r->address, r->format, r->channels, r->bytes}};
    if (r->array)
        over = (CUDA_RESOURCE_DESC){.resType = CU_RESOURCE_TYPE_ARRAY, .res.array.hArray = r->array};
    else if (r->pitch)
        over = (CUDA_RESOURCE_DESC){.resType = CU_RESOURCE_TYPE_PITCH2D,
                                    .res.pitch2D = {r->address, r->format, r->channels, r->width, r->height, r->pitch}};
    return describe(t, &over) == CUDA_SUCCESS;
}

/* The reference as it is changed. Work that was issued reads it as it was; instructions find its tag when all of it fits. */
static CUresult change(CUtexref reference, const struct CUtexref_st *changed)
{
    struct CUtexref_st r = *changed;
    cairn_texture t = {.filter = r.t.filter, .normalized = r.t.normalized};
    memcpy(t.address, r.t.address, sizeof t.address);
    memcpy(t.border, r.t.border, sizeof t.border);
    bool bound = bind(&r, &t);
    t.as_float = bound && !r.as_integer && t.kind != CHANNEL_FLOAT && t.bits < 32;
    bool filters_integers = t.filter == CU_TR_FILTER_MODE_LINEAR && t.kind != CHANNEL_FLOAT && !t.as_float;
    t.tag = bound && !filters_integers ? CAIRN_TEXTURE_TAG : 0;
    r.t = t;
    CUresult result = queue_wait(queue_last());
    *reference = r;
    return result;
}

/* A setter changes a copy; its arguments are good or not. */
static CUresult copy_of(CUtexref reference, bool good, struct CUtexref_st *r)
{
    CUresult result = api_check();
    if (result)
        return result;
    if (!reference || !good)
        return reference ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_HANDLE;
    *r = *reference;
    return CUDA_SUCCESS;
}

API CUresult cuTexRefSetArray(CUtexref reference, CUarray array, unsigned flags)
{
    struct CUtexref_st r;
    CUresult result = copy_of(reference, array && flags == CU_TRSA_OVERRIDE_FORMAT, &r);
    if (result)
        return result;
    r.array = array;
    r.address = 0;
    r.format = array->shape.Format;
    r.channels = array->shape.NumChannels;
    return change(reference, &r);
}

API CUresult cuTexRefSetAddress_v2(size_t *offset, CUtexref reference, CUdeviceptr address, size_t bytes)
{
    struct CUtexref_st r;
    CUresult result = copy_of(reference, true, &r);
    if (result)
        return result;
    r.array = NULL;
    r.address = address;
    r.bytes = bytes;
    r.pitch = 0;
    if (offset)
        *offset = 0;
    return change(reference, &r);
}

API CUresult cuTexRefSetAddress2D_v3(CUtexref reference, const CUDA_ARRAY_DESCRIPTOR *shape, CUdeviceptr address, size_t pitch)
{
    struct CUtexref_st r;
    cairn_texture t = {0};
    CUresult result = copy_of(reference, shape && pitch, &r);
    if (result)
        return result;
    r.array = NULL;
    r.address = address;
    r.width = shape->Width;
    r.height = shape->Height;
    r.pitch = pitch;
    r.format = shape->Format;
    r.channels = shape->NumChannels;
    return bind(&r, &t) ? change(reference, &r) : CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuTexRefSetFormat(CUtexref reference, CUarray_format format, int channels)
{
    struct CUtexref_st r;
    CUresult result = copy_of(reference, format_bytes(format) && (channels == 1 || channels == 2 || channels == 4), &r);
    if (result)
        return result;
    r.format = format;
    r.channels = (unsigned)channels;
    return change(reference, &r);
}

API CUresult cuTexRefSetAddressMode(CUtexref reference, int dimension, CUaddress_mode mode)
{
    struct CUtexref_st r;
    CUresult result = copy_of(reference, dimension >= 0 && dimension < 3 && (unsigned)mode <= CU_TR_ADDRESS_MODE_BORDER, &r);
    if (result)
        return result;
    r.t.address[dimension] = (int)mode;
    return change(reference, &r);
}

API CUresult cuTexRefSetFilterMode(CUtexref reference, CUfilter_mode mode)
{
    struct CUtexref_st r;
    CUresult result = copy_of(reference, (unsigned)mode <= CU_TR_FILTER_MODE_LINEAR, &r);
    if (result)
        return result;
    r.t.filter = (int)mode;
    return change(reference, &r);
}

API CUresult cuTexRefSetBorderColor(CUtexref reference, float *color)
{
    struct CUtexref_st r;
    CUresult result = copy_of(reference, color, &r);
    if (result)
        return result;
    memcpy(r.t.border, color, sizeof r.t.border);
    return change(reference, &r);
}

API CUresult cuTexRefSetFlags(CUtexref reference, unsigned flags)
{
    struct CUtexref_st r;
    const unsigned known = CU_TRSF_READ_AS_INTEGER | CU_TRSF_NORMALIZED_COORDINATES;
    if (flags & CU_TRSF_SRGB)
        return not_supported("a texture of sRGB");
    CUresult result = copy_of(reference, !(flags & ~known), &r);
    if (result)
        return result;
    r.as_integer = flags & CU_TRSF_READ_AS_INTEGER;
    r.t.normalized = (flags & CU_TRSF_NORMALIZED_COORDINATES) != 0;
    return change(reference, &r);
}

/* Without levels there is nothing between them that it could change. */
API CUresult cuTexRefSetMaxAnisotropy(CUtexref reference, unsigned most)
{
    struct CUtexref_st r;
    return copy_of(reference, most > 0, &r);
}

#define GETTER(name, parameters, condition, statement)                                                 \
    API CUresult name parameters                                                                      \
    {                                                                                                 \
        if (!(condition))                                                                             \
            return CUDA_ERROR_INVALID_VALUE;                                                          \
        statement;                                                                                    \
        return CUDA_SUCCESS;                                                                          \
    }
GETTER(cuTexRefGetArray, (CUarray *array, CUtexref r), array && r && r->array, *array = r->array)
GETTER(cuTexRefGetAddress_v2, (CUdeviceptr *address, CUtexref r), address && r && r->address, *address = r->address)
GETTER(cuTexRefGetAddressMode, (CUaddress_mode *mode, CUtexref r, int dimension), mode && r && dimension >= 0 && dimension < 3,
       *mode = (CUaddress_mode)r->t.address[dimension])
GETTER(cuTexRefGetFilterMode, (CUfilter_mode *mode, CUtexref r), mode && r, *mode = (CUfilter_mode)r->t.filter)
GETTER(cuTexRefGetFormat, (CUarray_format *format, int *channels, CUtexref r), format && channels && r,
       (*format = r->format, *channels = (int)r->channels))
GETTER(cuTexRefGetBorderColor, (float *color, CUtexref r), color && r, memcpy(color, r->t.border, sizeof r->t.border))
GETTER(cuTexRefGetFlags, (unsigned *flags, CUtexref r), flags && r,
       *flags = r->as_integer | (r->t.normalized ? CU_TRSF_NORMALIZED_COORDINATES : 0))
GETTER(cuSurfRefGetArray, (CUarray *array, CUsurfref r), array && r && r->array, *array = r->array)
#undef GETTER

API CUresult cuSurfRefSetArray(CUsurfref reference, CUarray array, unsigned flags)
{
    cairn_texture t = {.tag = CAIRN_SURFACE_TAG};
    CUresult result = api_check();
    if (result)
        return result;
    if (!reference || flags || !set_array(&t, array))
        return reference ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_HANDLE;
    result = queue_wait(queue_last());
    *reference = (struct CUsurfref_st){t, array};
    return result;
}
