/* Texture and surface instructions, lane by lane, by the rules that device code has as well (cairn_texture_rules.h). */
#include "runtime/exec/half.h"
#include "runtime/exec/helpers.h"
#include "runtime/exec/run.h"
#include "runtime/ptx/ptx.h"
#include <string.h>

static int saturated_int(float x)
{
    return x != x ? 0 : x >= 0x1p31f ? INT32_MAX : x <= -0x1p31f ? INT32_MIN : (int)x;
}

#define CAIRN_TEX static inline
#define CAIRN_TEX_INT(x) saturated_int(x)
#define CAIRN_TEX_HALF(bits) half_to_float(bits)
#include <cuda/cairn_texture_rules.h>

/* ---- Operands ------------------------------------------------------------------------------------ */
typedef struct coordinates {
    uint32_t x, y, z;
    int layer;
} coordinates;

static bool is_layered(ptx_modifier geometry) { return geometry == MOD_a1d || geometry == MOD_a2d; }

static int dimensions_of(ptx_modifier geometry)
{
    return geometry == MOD_3d ? 3 : geometry == MOD_2d || geometry == MOD_a2d ? 2 : 1;
}

/* Arrays have their layer first. */
static coordinates coordinates_of(ptx_modifier geometry, const uint32_t (*at)[WARP_LANES], uint32_t lane)
{
    int first = is_layered(geometry), dimensions = dimensions_of(geometry);
    return (coordinates){at[first][lane], dimensions > 1 ? at[first + 1][lane] : 0, dimensions > 2 ? at[2][lane] : 0,
                         first ? (int)at[0][lane] : 0};
}

static _Noreturn void no_object(warp *w, uint32_t line, uint32_t lane, uint64_t handle, const char *what)
{
    run_fail(w, GRID_ADDRESS, "PTX line %u: lane %u: %#llx is no %s, or a reference that nothing is bound to", line, lane,
             (unsigned long long)handle, what);
}

/* The tag of what lies there. At another address an access faults as all do, or finds none. */
static unsigned tag_at(uint64_t handle)
{
    return handle && handle % _Alignof(cairn_texture) == 0 ? ((const cairn_texture *)(uintptr_t)handle)->tag : 0;
}

static const cairn_texture *object_at(warp *w, uint32_t line, uint32_t lane, uint64_t handle, unsigned tag)
{
    if (tag_at(handle) != tag)
        no_object(w, line, lane, handle, tag == CAIRN_SURFACE_TAG ? "surface" : "texture");
    return (const cairn_texture *)(uintptr_t)handle;
}

/* A texture is its own sampler. */
static const cairn_texture *sampler_at(warp *w, uint32_t line, uint32_t lane, uint64_t handle)
{
    unsigned tag = tag_at(handle);
    if (tag != CAIRN_SAMPLER_TAG && tag != CAIRN_TEXTURE_TAG)
        no_object(w, line, lane, handle, "sampler");
    return (const cairn_texture *)(uintptr_t)handle;
}

/* The texture as the sampler reads it, which may ask for coordinates in texels. */
static cairn_texture sampled_by(const cairn_texture *t, const cairn_texture *sampler)
{
    cairn_texture joined = *t;
    memcpy(joined.address, sampler->address, sizeof joined.address);
    memcpy(joined.border, sampler->border, sizeof joined.border);
    joined.filter = sampler->filter;
    joined.normalized = t->normalized && sampler->normalized;
    return joined;
}

static uint32_t field(uint32_t kind, int i) { return kind >> 8 * i & 255; }

/* ---- Textures ------------------------------------------------------------------------------------ */
/* At whole coordinates nothing is scaled or filtered, and there are zeros outside. */
static uint32_t texel_word(const cairn_texture *t, coordinates c, int layered, bool as_float, int channel)
{
    int x = (int)c.x, y = (int)c.y, z = layered ? c.layer : (int)c.z;
    z = layered ? z < 0 ? 0 : z >= t->depth ? t->depth - 1 : z : z;
    if (x < 0 || x >= t->width || y < 0 || y >= t->height || z < 0 || z >= t->depth || channel >= t->channels)
        return 0;
    const char *texel = cairn_texel_at(t, x, y, z);
    return as_float ? bits_of_float(cairn_float_channel(t, texel, channel)) : (uint32_t)cairn_integer_channel(t, texel, channel);
}

static cairn_place place_of(const cairn_texture *t, coordinates c)
{
    return cairn_place_in(t, float_of_bits(c.x), float_of_bits(c.y), float_of_bits(c.z), c.layer);
}

static void fetch(const cairn_texture *t, uint32_t kind, coordinates c, uint32_t out[4])
{
    ptx_modifier geometry = field(kind, 0);
    bool as_float = field(kind, 1) == PTX_F32, whole = field(kind, 2) == PTX_S32;
    int dimensions = dimensions_of(geometry), layered = is_layered(geometry);
    cairn_place p = place_of(t, c);
    for (int i = 0; i < 4; i++) {
        if (whole)
            out[i] = texel_word(t, c, layered, as_float, i);
        else if (as_float)
            out[i] = bits_of_float(cairn_fetch_float(t, dimensions, p, layered, i));
        else
            out[i] = (uint32_t)cairn_fetch_integer(t, dimensions, p, layered, i);
    }
}

/* One channel of the four texels that a filter would join. */
static void gather(const cairn_texture *t, uint32_t kind, coordinates c, uint32_t out[4])
{
    int layered = is_layered(field(kind, 0)), channel = (int)field(kind, 3);
    cairn_place p = place_of(t, c);
    for (int i = 0; i < 4; i++) {
        int x, y;
        cairn_gather_place(p, i, &x, &y);
        out[i] = field(kind, 1) == PTX_F32 ? bits_of_float(cairn_float_near(t, 2, x, y, p.layer, layered, channel))
                                           : (uint32_t)cairn_integer_near(t, 2, x, y, p.layer, layered, channel);
    }
}

typedef void (*texture_rule)(const cairn_texture *t, uint32_t kind, coordinates c, uint32_t out[4]);

static void each_lane(warp *w, uint32_t mask, uint32_t line, uint32_t kind, const uint64_t *textures, const uint64_t *samplers,
                      const uint32_t (*at)[WARP_LANES], uint32_t (*out)[WARP_LANES], texture_rule rule)
{
    FOR_EACH_LANE(mask, lane)
    {
        uint32_t texel[4];
        cairn_texture joined;
        const cairn_texture *t = object_at(w, line, lane, textures[lane], CAIRN_TEXTURE_TAG);
        if (samplers) {
            joined = sampled_by(t, sampler_at(w, line, lane, samplers[lane]));
            t = &joined;
        }
        rule(t, kind, coordinates_of(field(kind, 0), at, lane), texel);
        for (int i = 0; i < 4; i++)
            out[i][lane] = texel[i];
    }
}

void rt_tex(warp *w, uint32_t mask, uint32_t line, uint32_t kind, const uint64_t *textures, const uint64_t *samplers,
            const uint32_t (*at)[WARP_LANES], uint32_t (*out)[WARP_LANES])
{
    each_lane(w, mask, line, kind, textures, samplers, at, out, fetch);
}

void rt_tld4(warp *w, uint32_t mask, uint32_t line, uint32_t kind, const uint64_t *textures, const uint64_t *samplers,
             const uint32_t (*at)[WARP_LANES], uint32_t (*out)[WARP_LANES])
{
    each_lane(w, mask, line, kind, textures, samplers, at, out, gather);
}

/* ---- Queries ------------------------------------------------------------------------------------- */
/* As PTX numbers them: wrap, mirror, clamp_ogl, clamp_to_edge, clamp_to_border. */
static uint32_t address_mode(int mode)
{
    static const uint32_t numbers[] = {0, 3, 1, 4};
    return numbers[mode & 3];
}

/* The driver API's CUarray_format. */
static uint32_t channel_type(const cairn_texture *t)
{
    uint32_t size = t->bits == 8 ? 1 : t->bits == 16 ? 2 : 3;
    return t->kind == 2 ? (t->bits == 32 ? 0x20 : 0x10) : t->kind == 0 ? 7 + size : size;
}

/* A dimension that is not there is 1; the order of channels is their number. */
static uint32_t property(const cairn_texture *t, ptx_modifier query)
{
    switch (query) {
    case MOD_width: return (uint32_t)t->width;
    case MOD_height: return (uint32_t)t->height;
    case MOD_depth: return t->layered ? 1 : (uint32_t)t->depth;
    case MOD_array_size: return t->layered ? (uint32_t)t->depth : 1;
    case MOD_channel_data_type: return channel_type(t);
    case MOD_channel_order: return (uint32_t)t->channels;
    case MOD_normalized_coords: return t->normalized != 0;
    case MOD_force_unnormalized_coords: return t->normalized == 0;
    case MOD_filter_mode: return t->filter == 1;
    case MOD_addr_mode_0: return address_mode(t->address[0]);
    case MOD_addr_mode_1: return address_mode(t->address[1]);
    case MOD_addr_mode_2: return address_mode(t->address[2]);
    case MOD_memory_layout: return t->slice == 0; /* 1: linear */
    default: return 1; /* levels, samples */
    }
}

void rt_texture_query(warp *w, uint32_t mask, uint32_t line, uint32_t query, uint32_t tag, const uint64_t *objects, uint32_t *out)
{
    bool asks_sampler = query >= MOD_force_unnormalized_coords && query <= MOD_addr_mode_2;
    FOR_EACH_LANE(mask, lane)
    {
        uint64_t handle = objects[lane];
        out[lane] = property(asks_sampler ? sampler_at(w, line, lane, handle) : object_at(w, line, lane, handle, tag), query);
    }
}

/* ---- Surfaces ------------------------------------------------------------------------------------ */
/* Where `bytes` bytes lie, x counted in bytes; NULL outside. */
static char *surface_place(warp *w, uint32_t line, uint32_t lane, const cairn_texture *t, uint32_t kind, coordinates c, int bytes)
{
    ptx_modifier outside = field(kind, 2);
    int x = (int)c.x, y = (int)c.y, z = is_layered(field(kind, 0)) ? c.layer : (int)c.z;
    char *place = cairn_surface_place(t, x, y, z, bytes, outside == MOD_clamp);
    if (!place && outside == MOD_trap)
        run_fail(w, GRID_TRAP, "PTX line %u: lane %u: (%d, %d, %d) is outside of the surface", line, lane, x, y, z);
    return place;
}

/* kind: geometry, bytes of an access, what is done outside. Gives the lanes that have a place, and their addresses. */
uint32_t rt_surface(warp *w, uint32_t mask, uint32_t line, uint32_t kind, const uint64_t *surfaces, const uint32_t (*at)[WARP_LANES],
                    uint64_t *places)
{
    uint32_t inside = 0;
    FOR_EACH_LANE(mask, lane)
    {
        const cairn_texture *t = object_at(w, line, lane, surfaces[lane], CAIRN_SURFACE_TAG);
        char *place = surface_place(w, line, lane, t, kind, coordinates_of(field(kind, 0), at, lane), (int)field(kind, 1));
        places[lane] = (uint64_t)(uintptr_t)place;
        inside |= place ? 1u << lane : 0;
    }
    return inside;
}

/* Values of `bytes` bytes, `count` of them for each lane; zeros outside. */
void rt_suld(uint32_t mask, uint32_t inside, uint32_t bytes, uint32_t count, const uint64_t *places, uint8_t *out)
{
    FOR_EACH_LANE(mask, lane)
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *to = out + (i * WARP_LANES + lane) * bytes;
        if (inside >> lane & 1)
            memcpy(to, (const uint8_t *)(uintptr_t)places[lane] + i * bytes, bytes);
        else
            memset(to, 0, bytes);
    }
}

void rt_sust(uint32_t inside, uint32_t bytes, uint32_t count, const uint64_t *places, const uint8_t *values)
{
    FOR_EACH_LANE(inside, lane)
    for (uint32_t i = 0; i < count; i++)
        memcpy((uint8_t *)(uintptr_t)places[lane] + i * bytes, values + (i * WARP_LANES + lane) * bytes, bytes);
}

/* ---- Formatted stores ---------------------------------------------------------------------------- */
static void store_channel(const cairn_texture *t, char *to, uint32_t word)
{
    uint16_t half = t->kind == 2 ? float_to_half(float_of_bits(word)) : 0;
    memcpy(to, t->kind == 2 && t->bits == 16 ? (const void *)&half : &word, (size_t)t->bits / 8);
}

/* Of texels to bytes, without wrapping: what is outside stays there. */
static uint32_t byte_of(uint32_t x, int texel)
{
    int most = INT32_MAX / texel, index = (int)x;
    return (uint32_t)((index < 0 ? -1 : index > most ? most : index) * texel);
}

/* kind: geometry, values of a lane, what is done outside; x counts texels. A channel is made of 32 bits: an integer loses its
 * high bits, a float is rounded to a half. */
void rt_sust_p(warp *w, uint32_t mask, uint32_t line, uint32_t kind, const uint64_t *surfaces, const uint32_t (*at)[WARP_LANES],
               const uint32_t (*values)[WARP_LANES])
{
    FOR_EACH_LANE(mask, lane)
    {
        const cairn_texture *t = object_at(w, line, lane, surfaces[lane], CAIRN_SURFACE_TAG);
        coordinates c = coordinates_of(field(kind, 0), at, lane);
        int texel = t->bits / 8 * t->channels;
        c.x = byte_of(c.x, texel);
        char *place = surface_place(w, line, lane, t, kind, c, texel);
        for (int i = 0; i < (int)field(kind, 1) && i < t->channels && place; i++)
            store_channel(t, place + i * t->bits / 8, values[i][lane]);
    }
}
