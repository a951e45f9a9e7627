/* What a texture fetch gives, for one thread and one channel: the rules of the CUDA C++ Programming Guide's appendix on texture
 * fetching, over the memory that an object describes. Device code (cairn_texture_fetch.h) and the PTX instructions
 * (runtime/exec/texture.c) share these lines, so that both give the same bits. C and C++; who includes this defines
 *
 *     CAIRN_TEX              how the functions are declared
 *     CAIRN_TEX_INT(x)       a float as an int: towards zero, saturated, 0 for a NaN
 *     CAIRN_TEX_HALF(bits)   the value of a half's 16 bits */
#ifndef CAIRN_TEXTURE_RULES_H
#define CAIRN_TEXTURE_RULES_H
#include "cairn_texture.h"

/* ---- Reading one channel ------------------------------------------------------------------------- */
CAIRN_TEX int cairn_integer_channel(const cairn_texture *t, const char *texel, int c)
{
    int is_signed = t->kind == 0;
    if (t->bits == 8)
        return is_signed ? ((const signed char *)texel)[c] : ((const unsigned char *)texel)[c];
    if (t->bits == 16)
        return is_signed ? ((const short *)texel)[c] : ((const unsigned short *)texel)[c];
    return ((const int *)texel)[c];
}

CAIRN_TEX float cairn_float_channel(const cairn_texture *t, const char *texel, int c)
{
    if (t->kind == 2)
        return t->bits == 32 ? ((const float *)texel)[c] : CAIRN_TEX_HALF(((const unsigned short *)texel)[c]);
    int x = cairn_integer_channel(t, texel, c);
    if (!t->as_float)
        return (float)x;
    float top = (float)((1 << (t->bits - (t->kind == 0))) - 1), y = (float)x / top;
    return y < -1.0f ? -1.0f : y;
}

/* ---- Addresses ----------------------------------------------------------------------------------- */
/* The index within n elements, or -1 for the border. Wrapping and mirroring need normalized coordinates. */
CAIRN_TEX int cairn_texture_index(const cairn_texture *t, int dimension, int i, int n)
{
    int mode = t->address[dimension];
    if (!t->normalized && mode < 3)
        mode = 1;
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

/* The texel at whole coordinates, where the address modes put it; null for the border. z may be the layer. */
CAIRN_TEX const char *cairn_texel_near(const cairn_texture *t, int dimensions, int x, int y, int z, int layered)
{
    x = cairn_texture_index(t, 0, x, t->width);
    y = dimensions > 1 ? cairn_texture_index(t, 1, y, t->height) : 0;
    if (layered)
        z = z < 0 ? 0 : z >= t->depth ? t->depth - 1 : z;
    else
        z = dimensions > 2 ? cairn_texture_index(t, 2, z, t->depth) : 0;
    return x < 0 || y < 0 || z < 0 ? 0 : cairn_texel_at(t, x, y, z);
}

CAIRN_TEX float cairn_float_near(const cairn_texture *t, int dimensions, int x, int y, int z, int layered, int c)
{
    const char *texel = cairn_texel_near(t, dimensions, x, y, z, layered);
    return !texel ? t->border[c] : c < t->channels ? cairn_float_channel(t, texel, c) : 0.0f;
}

CAIRN_TEX int cairn_integer_near(const cairn_texture *t, int dimensions, int x, int y, int z, int layered, int c)
{
    const char *texel = cairn_texel_near(t, dimensions, x, y, z, layered);
    return !texel ? CAIRN_TEX_INT(t->border[c]) : c < t->channels ? cairn_integer_channel(t, texel, c) : 0;
}

/* ---- Coordinates --------------------------------------------------------------------------------- */
typedef struct cairn_place {
    float x, y, z;
    int layer;
} cairn_place;

/* In texels. */
CAIRN_TEX cairn_place cairn_place_in(const cairn_texture *t, float x, float y, float z, int layer)
{
    cairn_place p = {x, y, z, layer};
    if (t->normalized) {
        p.x *= (float)t->width;
        p.y *= (float)t->height;
        p.z *= (float)t->depth;
    }
    return p;
}

CAIRN_TEX int cairn_floor(float x)
{
    x = __builtin_floorf(x);
    return CAIRN_TEX_INT(x);
}

CAIRN_TEX int cairn_next(int i, int by) { return (int)((unsigned)i + (unsigned)by); }

/* ---- Filtering ----------------------------------------------------------------------------------- */
/* Weights have eight bits, as those of a GPU. */
CAIRN_TEX float cairn_weight(float x) { return __builtin_rintf((x - __builtin_floorf(x)) * 256.0f) * (1.0f / 256.0f); }

CAIRN_TEX float cairn_linear(const cairn_texture *t, int dimensions, cairn_place p, int layered, int c)
{
    int high = dimensions > 1, deep = dimensions > 2 && !layered;
    float xb = p.x - 0.5f, yb = p.y - 0.5f, zb = p.z - 0.5f, sum = 0;
    int i = cairn_floor(xb), j = high ? cairn_floor(yb) : 0, k = layered ? p.layer : deep ? cairn_floor(zb) : 0;
    float a = cairn_weight(xb), b = high ? cairn_weight(yb) : 0, g = deep ? cairn_weight(zb) : 0;
    for (int dz = 0; dz < (deep ? 2 : 1); dz++)
        for (int dy = 0; dy < (high ? 2 : 1); dy++)
            for (int dx = 0; dx < 2; dx++) {
                float w = (dx ? a : 1 - a) * (high ? (dy ? b : 1 - b) : 1) * (deep ? (dz ? g : 1 - g) : 1);
                float x = cairn_float_near(t, dimensions, cairn_next(i, dx), cairn_next(j, dy), deep ? cairn_next(k, dz) : k, layered, c);
                sum = __builtin_fmaf(w, x, sum);
            }
    return sum;
}

CAIRN_TEX float cairn_fetch_float(const cairn_texture *t, int dimensions, cairn_place p, int layered, int c)
{
    if (t->filter == 1)
        return cairn_linear(t, dimensions, p, layered, c);
    return cairn_float_near(t, dimensions, cairn_floor(p.x), cairn_floor(p.y), layered ? p.layer : cairn_floor(p.z), layered, c);
}

CAIRN_TEX int cairn_fetch_integer(const cairn_texture *t, int dimensions, cairn_place p, int layered, int c)
{
    return cairn_integer_near(t, dimensions, cairn_floor(p.x), cairn_floor(p.y), layered ? p.layer : cairn_floor(p.z), layered, c);
}

/* Where the four texels of a filter over two dimensions lie, in the order in which they are gathered: (0, 1), (1, 1), (1, 0), (0, 0). */
CAIRN_TEX void cairn_gather_place(cairn_place p, int number, int *x, int *y)
{
    *x = cairn_next(cairn_floor(p.x - 0.5f), number == 1 || number == 2);
    *y = cairn_next(cairn_floor(p.y - 0.5f), number < 2);
}

/* ---- Surfaces ------------------------------------------------------------------------------------ */
/* The address of `bytes` bytes, where x counts bytes, too; null outside, or what is nearest when that is asked for. */
CAIRN_TEX char *cairn_surface_place(const cairn_texture *t, int x, int y, int z, int bytes, int clamps)
{
    int last = t->width * (t->bits / 8 * t->channels) - bytes;
    int inside = x >= 0 && x <= last && y >= 0 && y < t->height && z >= 0 && z < t->depth;
    if (!inside && clamps) {
        x = x > last ? last : x;
        x = x < 0 ? 0 : x;
        y = y < 0 ? 0 : y >= t->height ? t->height - 1 : y;
        z = z < 0 ? 0 : z >= t->depth ? t->depth - 1 : z;
        inside = 1;
    }
    return inside ? (char *)t->memory + (unsigned long long)z * t->slice + (unsigned long long)y * t->pitch + x : 0;
}
#endif
