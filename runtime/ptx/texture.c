#include "runtime/ptx/texture.h"

static int coordinate_count(ptx_modifier geometry)
{
    switch (geometry) {
    case MOD_1d: return 1;
    case MOD_2d: case MOD_a1d: return 2;
    default: return 4;
    }
}

/* The two gradients have a value for each dimension. */
static int gradient_count(ptx_modifier geometry)
{
    switch (geometry) {
    case MOD_1d: case MOD_a1d: return 1;
    case MOD_3d: return 4;
    default: return 2;
    }
}

static int count_behind(const ptx_instruction *in, ptx_modifier geometry)
{
    switch (in->op) {
    case OP_tex_level: case OP_sured_b: return 1;
    case OP_tex_grad: return 2 * gradient_count(geometry);
    case OP_sust_b: case OP_sust_p: return has_modifier(in, MOD_v4) ? 4 : has_modifier(in, MOD_v2) ? 2 : 1;
    default: return 0;
    }
}

bool texture_operands_of(const ptx_instruction *in, texture_operands *out)
{
    ptx_modifier geometry = modifier_among(in, "1d 2d 3d a1d a2d");
    int behind = count_behind(in, geometry), count = coordinate_count(geometry), samplers = in->src_count - 1 - count - behind;
    *out = (texture_operands){geometry, samplers, 1 + samplers, count, 1 + samplers + count};
    return geometry != MOD_NONE && (samplers == 0 || (samplers == 1 && is_texture(in->op)));
}
