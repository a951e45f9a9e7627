/* tex1D, tex2D, surf2Dread and their like, for device code: the rules of the CUDA C++ Programming Guide's appendix on
 * texture fetching, over the memory that an object describes (cairn_texture.h). */
#ifndef CAIRN_TEXTURE_FETCH_H
#define CAIRN_TEXTURE_FETCH_H
#include "cairn_texture.h"

#define CAIRN_TEX static __device__ inline __attribute__((always_inline))

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

/* ---- Reading one channel ------------------------------------------------------------------------- */
CAIRN_TEX int cairn_integer_channel(const cairn_texture *t, const char *texel, int c)
{
    bool is_signed = t->kind == 0;
    if (t->bits == 8)
        return is_signed ? ((const signed char *)texel)[c] : ((const unsigned char *)texel)[c];
    if (t->bits == 16)
        return is_signed ? ((const short *)texel)[c] : ((const unsigned short *)texel)[c];
    return ((const int *)texel)[c];
}

CAIRN_TEX float cairn_float_channel(const cairn_texture *t, const char *texel, int c)
{
    if (t->kind == 2)
        return t->bits == 32 ? ((const float *)texel)[c] : (float)__builtin_bit_cast(_Float16, ((const unsigned short *)texel)[c]);
    int x = cairn_integer_channel(t, texel, c);
    if (!t->as_float)
        return (float)x;
    float top = (float)((1 << (t->bits - (t->kind == 0))) - 1), y = x / top;
    return y < -1.0f ? -1.0f : y;
}

template <class E> CAIRN_TEX E cairn_channel(const cairn_texture *t, const char *texel, int c)
{
    if constexpr (cairn_is_float<E>::value)
        return c < t->channels ? cairn_float_channel(t, texel, c) : 0.0f;
    else
        return c < t->channels ? (E)cairn_integer_channel(t, texel, c) : (E)0;
}

/* ---- Addresses ----------------------------------------------------------------------------------- */
/* The index within n elements, or -1 for the border. Wrapping and mirroring need normalized coordinates. */
CAIRN_TEX int cairn_texture_index(const cairn_texture *t, int dimension, int i, int n)
{
    int mode = t->address[dimension];
    if (!t->normalized && mode < 3)
        mode = mode == 3 ? 3 : 1;
    if (mode == 0) {
        i %= n;
        return i < 0 ? i + n : i;
    }
    if (mode == 2) {
        i %= 2 * n;
        i = i < 0 ? i + 2 * n : i;
        return i < n ? i : 2 * n - 1 - i;
    }
    if (mode == 3)
        return i < 0 || i >= n ? -1 : i;
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

CAIRN_TEX const char *cairn_texel_at(const cairn_texture *t, int x, int y, int z)
{
    return (const char *)t->memory + (unsigned long long)z * t->slice + (unsigned long long)y * t->pitch +
           (unsigned long long)x * (unsigned)(t->bits / 8 * t->channels);
}

template <class E, int D> CAIRN_TEX E cairn_sample(const cairn_texture *t, int x, int y, int z, bool z_is_layer, int c)
{
    x = cairn_texture_index(t, 0, x, t->width);
    y = D > 1 ? cairn_texture_index(t, 1, y, t->height) : 0;
    z = z_is_layer ? (z < 0 ? 0 : z >= t->depth ? t->depth - 1 : z) : D > 2 ? cairn_texture_index(t, 2, z, t->depth) : 0;
    if (x < 0 || y < 0 || z < 0)
        return (E)t->border[c];
    return cairn_channel<E>(t, cairn_texel_at(t, x, y, z), c);
}

/* ---- Filtering ----------------------------------------------------------------------------------- */
/* Weights have eight bits, as those of a GPU. */
CAIRN_TEX float cairn_weight(float x) { return rintf((x - floorf(x)) * 256.0f) * (1.0f / 256.0f); }

template <int D>
CAIRN_TEX float cairn_linear(const cairn_texture *t, float x, float y, float z, int layer, bool layered, int c)
{
    float xb = x - 0.5f, yb = y - 0.5f, zb = z - 0.5f;
    int i = (int)floorf(xb), j = D > 1 ? (int)floorf(yb) : 0, k = layered ? layer : D > 2 ? (int)floorf(zb) : 0;
    float a = cairn_weight(xb), b = D > 1 ? cairn_weight(yb) : 0, g = D > 2 && !layered ? cairn_weight(zb) : 0, sum = 0;
    for (int dz = 0; dz < (D > 2 && !layered ? 2 : 1); dz++)
        for (int dy = 0; dy < (D > 1 ? 2 : 1); dy++)
            for (int dx = 0; dx < 2; dx++) {
                float w = (dx ? a : 1 - a) * (D > 1 ? (dy ? b : 1 - b) : 1) * (D > 2 && !layered ? (dz ? g : 1 - g) : 1);
                sum += w * cairn_sample<float, D>(t, i + dx, j + dy, k + dz, layered, c);
            }
    return sum;
}

template <class T, int D> CAIRN_TEX T cairn_tex(unsigned long long object, float x, float y, float z, int layer, bool layered)
{
    typedef typename cairn_texel<T>::element E;
    const cairn_texture *t = (const cairn_texture *)object;
    union {
        T all;
        E part[cairn_texel<T>::count];
    } result;
    if (t->normalized) {
        x *= t->width;
        y *= t->height;
        z *= t->depth;
    }
    for (int c = 0; c < cairn_texel<T>::count; c++) {
        if constexpr (cairn_is_float<E>::value) {
            if (t->filter == 1) {
                result.part[c] = cairn_linear<D>(t, x, y, z, layer, layered, c);
                continue;
            }
        }
        result.part[c] = cairn_sample<E, D>(t, (int)floorf(x), (int)floorf(y), layered ? layer : (int)floorf(z), layered, c);
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
        result.part[c] = inside ? cairn_channel<E>(t, cairn_texel_at(t, i, 0, 0), c) : (E)0;
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
    const cairn_texture *t = (const cairn_texture *)object;
    int row = t->width * (t->bits / 8 * t->channels);
    bool inside = x >= 0 && x + bytes <= row && y >= 0 && y < t->height && z >= 0 && z < t->depth;
    if (!inside && mode == cudaBoundaryModeClamp) {
        x = x < 0 ? 0 : x + bytes > row ? row - bytes : x;
        y = y < 0 ? 0 : y >= t->height ? t->height - 1 : y;
        z = z < 0 ? 0 : z >= t->depth ? t->depth - 1 : z;
        inside = true;
    }
    if (!inside && mode == cudaBoundaryModeTrap)
        __trap();
    return inside ? (char *)t->memory + (unsigned long long)z * t->slice + (unsigned long long)y * t->pitch + x : nullptr;
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
