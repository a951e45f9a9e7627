/* Texture and surface instructions: handles and coordinates go to exec/texture.c through memory. */
#include "runtime/jit/emit.h"
#include "runtime/ptx/texture.h"
#include <cuda/cairn_texture.h>

static llvm_type nothing(emitter *e) { return LLVMVoidTypeInContext(e->context); }

/* `count` values of all lanes, one behind the other. */
static value lanes_slot(emitter *e, ptx_type type, int count)
{
    return new_slot(e, LLVMArrayType2(vector_of(scalar_type(e, type)), (uint64_t)count), "texels");
}

static value lanes_place(emitter *e, value slot, ptx_type type, int i)
{
    value at = constant_int(e, 64, i);
    return LLVMBuildGEP2(e->b, vector_of(scalar_type(e, type)), slot, &at, 1, "");
}

/* All of them have as many bits as `type`. */
static value store_sources(emitter *e, const ptx_instruction *in, int first, int count, ptx_type type)
{
    value slot = lanes_slot(e, type, count);
    for (int i = 0; i < count; i++) {
        value v = read_operand(e, &in->src[first + i], source_type(in, first + i), FORM_LANES);
        LLVMBuildStore(e->b, v, lanes_place(e, slot, type, i));
    }
    return slot;
}

static void load_results(emitter *e, const ptx_instruction *in, value slot, ptx_type type)
{
    for (int i = 0; i < in->dst_count; i++)
        write_vector(e, &in->dst[i], type, LLVMBuildLoad2(e->b, vector_of(scalar_type(e, type)), lanes_place(e, slot, type, i), ""));
}

static value handles(emitter *e, const ptx_instruction *in, int i)
{
    return in_memory(e, read_operand(e, &in->src[i], PTX_U64, FORM_LANES));
}

static value word(emitter *e, int64_t x) { return constant_int(e, 32, x); }

/* ---- Textures ------------------------------------------------------------------------------------ */
static value fetch(emitter *e, const ptx_instruction *in, const char *helper, int channel)
{
    texture_operands t;
    texture_operands_of(in, &t);
    value none = LLVMConstNull(LLVMPointerTypeInContext(e->context, 0));
    uint32_t kind = (uint32_t)t.geometry | (uint32_t)in->types[0] << 8 | (uint32_t)in->types[1] << 16 | (uint32_t)channel << 24;
    value a[8] = {e->warp, mask_bits(e, e->mask), word(e, in->line), word(e, kind), handles(e, in, 0),
                  t.samplers ? handles(e, in, 1) : none, store_sources(e, in, t.first, t.count, PTX_B32), lanes_slot(e, PTX_B32, 4)};
    call_helper(e, helper, nothing(e), a, 8);
    load_results(e, in, a[7], (ptx_type)in->types[0]);
    return NULL;
}

value emit_tex(emitter *e, const ptx_instruction *in) { return fetch(e, in, "rt_tex", 0); }

/* Objects over mipmapped arrays are refused when they are made, so there is one level, and it suits every gradient. */
value emit_tex_base(emitter *e, const ptx_instruction *in) { return emit_tex(e, in); }
value emit_tex_level(emitter *e, const ptx_instruction *in) { return emit_tex(e, in); }
value emit_tex_grad(emitter *e, const ptx_instruction *in) { return emit_tex(e, in); }

value emit_tld4(emitter *e, const ptx_instruction *in)
{
    ptx_modifier channel = modifier_among(in, "r g b a");
    return fetch(e, in, "rt_tld4", channel == MOD_r ? 0 : channel == MOD_g ? 1 : channel == MOD_b ? 2 : 3);
}

/* ---- Queries ------------------------------------------------------------------------------------- */
static value query(emitter *e, const ptx_instruction *in, unsigned tag)
{
    llvm_type type = vector_of(integer(e, 32));
    value a[7] = {e->warp, mask_bits(e, e->mask), word(e, in->line), word(e, in->modifiers[0]), word(e, tag), handles(e, in, 0),
                  new_slot(e, type, "property")};
    call_helper(e, "rt_texture_query", nothing(e), a, 7);
    return LLVMBuildLoad2(e->b, type, a[6], "");
}

value emit_txq(emitter *e, const ptx_instruction *in) { return query(e, in, CAIRN_TEXTURE_TAG); }
value emit_txq_level(emitter *e, const ptx_instruction *in) { return query(e, in, CAIRN_TEXTURE_TAG); }
value emit_suq(emitter *e, const ptx_instruction *in) { return query(e, in, CAIRN_SURFACE_TAG); }

/* ---- Surfaces ------------------------------------------------------------------------------------ */
/* warp, mask, line, kind, surfaces, coordinates; kind's second byte is `what`. */
static void surface_arguments(emitter *e, const ptx_instruction *in, int what, const texture_operands *t, value *a)
{
    uint32_t kind = (uint32_t)t->geometry | (uint32_t)what << 8 | (uint32_t)modifier_among(in, "trap clamp zero") << 16;
    a[0] = e->warp;
    a[1] = mask_bits(e, e->mask);
    a[2] = word(e, in->line);
    a[3] = word(e, kind);
    a[4] = handles(e, in, 0);
    a[5] = store_sources(e, in, t->first, t->count, PTX_B32);
}

/* The lanes whose `bytes` bytes lie within their surface, and the addresses of all. */
static value surface_places(emitter *e, const ptx_instruction *in, int bytes, const texture_operands *t, value *places)
{
    value a[7];
    surface_arguments(e, in, bytes, t, a);
    a[6] = *places = lanes_slot(e, PTX_U64, 1);
    return call_helper(e, "rt_surface", integer(e, 32), a, 7);
}

value emit_suld_b(emitter *e, const ptx_instruction *in)
{
    texture_operands t;
    texture_operands_of(in, &t);
    ptx_type type = (ptx_type)in->types[0];
    int bytes = type_bytes(type), count = in->dst_count;
    value places, inside = surface_places(e, in, bytes * count, &t, &places);
    value a[6] = {mask_bits(e, e->mask), inside, word(e, bytes), word(e, count), places, lanes_slot(e, type, count)};
    call_helper(e, "rt_suld", nothing(e), a, 6);
    load_results(e, in, a[5], type);
    return NULL;
}

value emit_sust_b(emitter *e, const ptx_instruction *in)
{
    texture_operands t;
    texture_operands_of(in, &t);
    ptx_type type = (ptx_type)in->types[0];
    int bytes = type_bytes(type), count = in->src_count - t.behind;
    value places, inside = surface_places(e, in, bytes * count, &t, &places);
    value a[5] = {inside, word(e, bytes), word(e, count), places, store_sources(e, in, t.behind, count, type)};
    call_helper(e, "rt_sust", nothing(e), a, 5);
    return NULL;
}

value emit_sust_p(emitter *e, const ptx_instruction *in)
{
    texture_operands t;
    texture_operands_of(in, &t);
    int count = in->src_count - t.behind;
    value a[7];
    surface_arguments(e, in, count, &t, a);
    a[6] = store_sources(e, in, t.behind, count, PTX_B32);
    call_helper(e, "rt_sust_p", nothing(e), a, 7);
    return NULL;
}

/* A reduction of memory, at the surface's addresses. */
value emit_sured_b(emitter *e, const ptx_instruction *in)
{
    texture_operands t;
    texture_operands_of(in, &t);
    ptx_type type = (ptx_type)in->types[0];
    value places, inside = surface_places(e, in, type_bytes(type), &t, &places);
    value none = LLVMConstNull(LLVMPointerTypeInContext(e->context, 0));
    char name[64];
    ptx_modifier op = modifier_among(in, "and or add min max");
    bool bits = op == MOD_and || op == MOD_or || type_kind(type) == KIND_BITS;
    __builtin_snprintf(name, sizeof name, "rt_atom_%s_%s", modifier_name(op), type_name(bits ? unsigned_type(type_bits(type)) : type));
    value a[5] = {inside, places, store_sources(e, in, t.behind, 1, type), none, none};
    call_helper(e, name, nothing(e), a, 5);
    return NULL;
}
