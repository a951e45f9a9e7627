/* Matrix instructions: the fragments go to exec/matrix.c through memory. */
#include "runtime/jit/emit.h"
#include "runtime/exec/helpers.h"
#include "runtime/ptx/matrix.h"

static llvm_type nothing(emitter *e) { return LLVMVoidTypeInContext(e->context); }

/* `count` registers of all lanes, one behind the other. */
static value fragment_slot(emitter *e, ptx_type type, int count)
{
    return new_slot(e, LLVMArrayType2(vector_of(scalar_type(e, type)), (uint64_t)count), "fragment");
}

static value fragment_register(emitter *e, value slot, ptx_type type, int i)
{
    value at = constant_int(e, 64, i);
    return LLVMBuildGEP2(e->b, vector_of(scalar_type(e, type)), slot, &at, 1, "");
}

static value store_fragment(emitter *e, const ptx_instruction *in, int first, int count, ptx_type element)
{
    ptx_type type = matrix_register(element);
    value slot = fragment_slot(e, type, count);
    for (int i = 0; i < count; i++)
        LLVMBuildStore(e->b, read_operand(e, &in->src[first + i], type, FORM_LANES), fragment_register(e, slot, type, i));
    return slot;
}

static void load_fragment(emitter *e, const ptx_instruction *in, value slot, ptx_type element)
{
    ptx_type type = matrix_register(element);
    for (int i = 0; i < in->dst_count; i++)
        write_vector(e, &in->dst[i], type, LLVMBuildLoad2(e->b, vector_of(scalar_type(e, type)), fragment_register(e, slot, type, i), ""));
}

static bool shape_of_matrix(emitter *e, const ptx_instruction *in, matrix_shape *s)
{
    if (matrix_shape_of(in, s))
        return true;
    unsupported(e, in, "this shape is not supported with these types");
    return false;
}

value emit_mma(emitter *e, const ptx_instruction *in)
{
    matrix_shape s;
    if (!shape_of_matrix(e, in, &s))
        return NULL;
    uint64_t flags = (is_wmma(in->op) ? MMA_WMMA : 0) | (has_modifier(in, MOD_satfinite) ? MMA_SATURATES : 0);
    uint64_t kind = (uint64_t)s.m | (uint64_t)s.n << 8 | (uint64_t)s.k << 16 | (uint64_t)s.a << 24 | (uint64_t)s.b << 32 |
                    (uint64_t)s.c << 40 | (uint64_t)s.d << 48 | flags << 56;
    value a[5] = {constant_int(e, 64, (int64_t)kind), store_fragment(e, in, 0, s.a_regs, s.a),
                  store_fragment(e, in, s.a_regs, s.b_regs, s.b), store_fragment(e, in, s.a_regs + s.b_regs, s.c_regs, s.c),
                  fragment_slot(e, matrix_register(s.d), s.d_regs)};
    call_helper(e, "rt_mma", nothing(e), a, 5);
    load_fragment(e, in, a[4], s.d);
    return NULL;
}

value emit_wmma_mma(emitter *e, const ptx_instruction *in) { return emit_mma(e, in); }

/* Rows and columns of the operand that a load or store names, and the registers of a lane. */
static uint64_t memory_kind(const ptx_instruction *in, const matrix_shape *s, int *columns, int *rows)
{
    bool a = in->op == OP_wmma_load_a, b = in->op == OP_wmma_load_b;
    *rows = b ? s->k : s->m;
    *columns = a ? s->k : s->n;
    int registers = a ? s->a_regs : b ? s->b_regs : s->c_regs;
    return (uint64_t)*rows | (uint64_t)*columns << 8 | (uint64_t)type_bytes(s->a) << 16 |
           (uint64_t)has_modifier(in, MOD_col) << 24 | (uint64_t)(registers * elements_of(s->a)) << 32;
}

/* The leading extent may be left out where the rows, or columns, follow one another. */
static value leading_extent(emitter *e, const ptx_instruction *in, int source, int least)
{
    bool given = in->src_count > source;
    return in_memory(e, given ? read_operand(e, &in->src[source], PTX_U32, FORM_LANES) : constant_int(e, 32, least));
}

static value emit_load(emitter *e, const ptx_instruction *in)
{
    matrix_shape s;
    int rows, columns;
    if (!shape_of_matrix(e, in, &s))
        return NULL;
    uint64_t kind = memory_kind(in, &s, &columns, &rows);
    value a[4] = {constant_int(e, 64, (int64_t)kind), in_memory(e, lane_addresses(e, in, 0)),
                  leading_extent(e, in, 1, has_modifier(in, MOD_col) ? rows : columns),
                  fragment_slot(e, matrix_register(s.a), in->dst_count)};
    call_helper(e, "rt_wmma_load", nothing(e), a, 4);
    load_fragment(e, in, a[3], s.a);
    return NULL;
}

value emit_wmma_load_a(emitter *e, const ptx_instruction *in) { return emit_load(e, in); }
value emit_wmma_load_b(emitter *e, const ptx_instruction *in) { return emit_load(e, in); }
value emit_wmma_load_c(emitter *e, const ptx_instruction *in) { return emit_load(e, in); }

value emit_wmma_store_d(emitter *e, const ptx_instruction *in)
{
    matrix_shape s;
    int rows, columns;
    if (!shape_of_matrix(e, in, &s))
        return NULL;
    uint64_t kind = memory_kind(in, &s, &columns, &rows);
    value a[4] = {constant_int(e, 64, (int64_t)kind), in_memory(e, lane_addresses(e, in, 0)),
                  leading_extent(e, in, 1 + s.d_regs, has_modifier(in, MOD_col) ? rows : columns),
                  store_fragment(e, in, 1, s.d_regs, s.d)};
    call_helper(e, "rt_wmma_store", nothing(e), a, 4);
    return NULL;
}

value emit_ldmatrix(emitter *e, const ptx_instruction *in)
{
    value a[4] = {constant_int(e, 32, in->dst_count), constant_int(e, 32, has_modifier(in, MOD_trans)),
                  in_memory(e, lane_addresses(e, in, 0)), fragment_slot(e, PTX_B32, in->dst_count)};
    call_helper(e, "rt_ldmatrix", nothing(e), a, 4);
    load_fragment(e, in, a[3], PTX_B32);
    return NULL;
}
