/* tex1D, tex2D, surf2Dread and their like, for device code, by the rules of cairn_texture_rules.h. */
#ifndef CAIRN_TEXTURE_FETCH_H
#define CAIRN_TEXTURE_FETCH_H
#define CAIRN_TEX static __device__ inline __attribute__((always_inline))
#define CAIRN_TEX_INT(x) ((int)(x))
#define CAIRN_TEX_HALF(bits) ((float)__builtin_bit_cast(_Float16, (unsigned short)(bits)))
#include "cairn_texture_rules.h"

/* ---- Types of texels ----------------------------------------------------------------------------- */
template <class T> struct cairn_texel {
    typedef T element;
    static constexpr int count = 1;
};
#define CAIRN_TEXEL(type, e, n)                                                                       \
    template <> struct cairn_texel<type> {                                                            \
        typedef e element;                                                                            \
        static constexpr int count = n;                                                               \
    };
#define CAIRN_TEXELS(type, e) CAIRN_TEXEL(type##1, e, 1) CAIRN_TEXEL(type##2, e, 2) CAIRN_TEXEL(type##4, e, 4)
CAIRN_TEXELS(char, signed char) CAIRN_TEXELS(uchar, unsigned char) CAIRN_TEXELS(short, short) CAIRN_TEXELS(ushort, unsigned short)
CAIRN_TEXELS(int, int) CAIRN_TEXELS(uint, unsigned) CAIRN_TEXELS(float, float)
#undef CAIRN_TEXEL
#undef CAIRN_TEXELS

template <class T> struct cairn_is_float {
    static constexpr bool value = false;
};
template <> struct cairn_is_float<float> {
    static constexpr bool value = true;
};

template <class E> CAIRN_TEX E cairn_channel(const cairn_texture *t, const char *texel, int c)
{
    if constexpr (cairn_is_float<E>::value)
        return cairn_float_channel(t, texel, c);
    else
        return (E)cairn_integer_channel(t, texel, c);
}

/* ---- Fetching ------------------------------------------------------------------------------------ */
template <class T, int D> CAIRN_TEX T cairn_tex(unsigned long long object, float x, float y, float z, int layer, bool layered)
{
    typedef typename cairn_texel<T>::element E;
    const cairn_texture *t = (const cairn_texture *)object;
    union {
        T all;
        E part[cairn_texel<T>::count];
    } result;
    cairn_place p = cairn_place_in(t, x, y, z, layer);
    for (int c = 0; c < cairn_texel<T>::count; c++) {
        if constexpr (cairn_is_float<E>::value)
            result.part[c] = cairn_fetch_float(t, D, p, layered, c);
        else
            result.part[c] = (E)cairn_fetch_integer(t, D, p, layered, c);
    }
    return result.all;
}

/* ---- The functions ------------------------------------------------------------------------------- */
template <class T> CAIRN_TEX T tex1Dfetch(cudaTextureObject_t object, int i)
{
    typedef typename cairn_texel<T>::element E;
    const cairn_texture *t = (const cairn_texture *)object;
    union {
        T all;
        E part[cairn_texel<T>::count];
    } result;
    bool inside = i >= 0 && i < t->width;
    for (int c = 0; c < cairn_texel<T>::count; c++)
        result.part[c] = inside && c < t->channels ? cairn_channel<E>(t, cairn_texel_at(t, i, 0, 0), c) : (E)0;
    return result.all;
}
template <class T> CAIRN_TEX T tex1D(cudaTextureObject_t o, float x) { return cairn_tex<T, 1>(o, x, 0, 0, 0, false); }
template <class T> CAIRN_TEX T tex2D(cudaTextureObject_t o, float x, float y) { return cairn_tex<T, 2>(o, x, y, 0, 0, false); }
template <class T> CAIRN_TEX T tex3D(cudaTextureObject_t o, float x, float y, float z) { return cairn_tex<T, 3>(o, x, y, z, 0, false); }
template <class T> CAIRN_TEX T tex1DLayered(cudaTextureObject_t o, float x, int layer) { return cairn_tex<T, 1>(o, x, 0, 0, layer, true); }
template <class T> CAIRN_TEX T tex2DLayered(cudaTextureObject_t o, float x, float y, int layer)
{
    return cairn_tex<T, 2>(o, x, y, 0, layer, true);
}
/* Channel c of the four texels that a filter would join. */
template <class T> CAIRN_TEX T tex2Dgather(cudaTextureObject_t o, float x, float y, int c = 0)
{
    typedef typename cairn_texel<T>::element E;
    const cairn_texture *t = (const cairn_texture *)o;
    cairn_place p = cairn_place_in(t, x, y, 0, 0);
    E part[4];
    for (int n = 0; n < 4; n++) {
        int i, j;
        cairn_gather_place(p, n, &i, &j);
        if constexpr (cairn_is_float<E>::value)
            part[n] = cairn_float_near(t, 2, i, j, 0, 0, c);
        else
            part[n] = (E)cairn_integer_near(t, 2, i, j, 0, 0, c);
    }
    return T{part[0], part[1], part[2], part[3]};
}
/* There is one level of detail. */
template <class T> CAIRN_TEX T tex1DLod(cudaTextureObject_t o, float x, float) { return tex1D<T>(o, x); }
template <class T> CAIRN_TEX T tex2DLod(cudaTextureObject_t o, float x, float y, float) { return tex2D<T>(o, x, y); }
template <class T> CAIRN_TEX T tex3DLod(cudaTextureObject_t o, float x, float y, float z, float) { return tex3D<T>(o, x, y, z); }
template <class T> CAIRN_TEX T tex1DGrad(cudaTextureObject_t o, float x, float, float) { return tex1D<T>(o, x); }
template <class T> CAIRN_TEX T tex2DGrad(cudaTextureObject_t o, float x, float y, float2, float2) { return tex2D<T>(o, x, y); }
template <class T> CAIRN_TEX T tex3DGrad(cudaTextureObject_t o, float x, float y, float z, float4, float4) { return tex3D<T>(o, x, y, z); }
#define CAIRN_STORED(name, parameters, call)                                                          \
    template <class T> CAIRN_TEX void name(T *result, cudaTextureObject_t o, parameters) { *result = call; }
#define CAIRN_ARGUMENTS(...) __VA_ARGS__
CAIRN_STORED(tex1Dfetch, CAIRN_ARGUMENTS(int i), tex1Dfetch<T>(o, i))
CAIRN_STORED(tex1D, CAIRN_ARGUMENTS(float x), tex1D<T>(o, x))
CAIRN_STORED(tex2D, CAIRN_ARGUMENTS(float x, float y), tex2D<T>(o, x, y))
CAIRN_STORED(tex3D, CAIRN_ARGUMENTS(float x, float y, float z), tex3D<T>(o, x, y, z))
#undef CAIRN_STORED
#undef CAIRN_ARGUMENTS

/* ---- Surfaces: x counts bytes -------------------------------------------------------------------- */
CAIRN_TEX char *cairn_surface_at(unsigned long long object, int x, int y, int z, int bytes, cudaSurfaceBoundaryMode mode)
{
    char *at = cairn_surface_place((const cairn_texture *)object, x, y, z, bytes, mode == cudaBoundaryModeClamp);
    if (!at && mode == cudaBoundaryModeTrap)
        __trap();
    return at;
}
template <class T> CAIRN_TEX T cairn_surface_read(const char *at)
{
    if (at)
        return *(const T *)at;
    T zero;
    __builtin_memset(&zero, 0, sizeof zero);
    return zero;
}
#define CAIRN_SURFACE(name, parameters, x, y, z)                                                      \
    template <class T> CAIRN_TEX T name##read(cudaSurfaceObject_t o, parameters, cudaSurfaceBoundaryMode mode = cudaBoundaryModeTrap) \
    {                                                                                                 \
        return cairn_surface_read<T>(cairn_surface_at(o, x, y, z, sizeof(T), mode));                  \
    }                                                                                                 \
    template <class T> CAIRN_TEX void name##read(T *result, cudaSurfaceObject_t o, parameters, cudaSurfaceBoundaryMode mode = cudaBoundaryModeTrap) \
    {                                                                                                 \
        *result = cairn_surface_read<T>(cairn_surface_at(o, x, y, z, sizeof(T), mode));               \
    }                                                                                                 \
    template <class T> CAIRN_TEX void name##write(T value, cudaSurfaceObject_t o, parameters, cudaSurfaceBoundaryMode mode = cudaBoundaryModeTrap) \
    {                                                                                                 \
        char *at = cairn_surface_at(o, x, y, z, sizeof(T), mode);                                     \
        if (at)                                                                                       \
            *(T *)at = value;                                                                         \
    }
#define CAIRN_PARAMETERS(...) __VA_ARGS__
CAIRN_SURFACE(surf1D, CAIRN_PARAMETERS(int x), x, 0, 0)
CAIRN_SURFACE(surf2D, CAIRN_PARAMETERS(int x, int y), x, y, 0)
CAIRN_SURFACE(surf3D, CAIRN_PARAMETERS(int x, int y, int z), x, y, z)
CAIRN_SURFACE(surf1DLayered, CAIRN_PARAMETERS(int x, int layer), x, 0, layer)
CAIRN_SURFACE(surf2DLayered, CAIRN_PARAMETERS(int x, int y, int layer), x, y, layer)
#undef CAIRN_PARAMETERS
#undef CAIRN_SURFACE
#undef CAIRN_TEX
#endif
