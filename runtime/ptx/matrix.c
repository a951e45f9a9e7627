/* Which shapes of matrix instructions go with which types, and how many registers their operands take. */
#include "runtime/ptx/matrix.h"

static const struct { ptx_modifier name; uint8_t m, n, k; } shapes[] = {
    {MOD_m8n8k4, 8, 8, 4},       {MOD_m16n8k4, 16, 8, 4},    {MOD_m16n8k8, 16, 8, 8},    {MOD_m16n8k16, 16, 8, 16},
    {MOD_m8n8k16, 8, 8, 16},     {MOD_m16n8k32, 16, 8, 32},  {MOD_m16n16k16, 16, 16, 16}, {MOD_m32n8k16, 32, 8, 16},
    {MOD_m8n32k16, 8, 32, 16},   {MOD_m16n16k8, 16, 16, 8}};

ptx_type matrix_register(ptx_type element) { return type_bits(element) == 32 && element != PTX_TF32 ? element : type_bits(element) == 64 ? PTX_F64 : PTX_B32; }

static bool find_extents(const ptx_instruction *in, matrix_shape *s)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (has_modifier(in, shapes[i].name)) {
            s->m = shapes[i].m;
            s->n = shapes[i].n;
            s->k = shapes[i].k;
            return true;
        }
    return false;
}

/* mma names all four types; wmma.mma leaves out those of a and b when they are f16; a load or store has one. */
static bool find_types(const ptx_instruction *in, matrix_shape *s)
{
    ptx_type first = (ptx_type)in->types[0];
    s->a = s->b = s->c = s->d = first;
    if (in->type_count == 4) {
        s->a = (ptx_type)in->types[1];
        s->b = (ptx_type)in->types[2];
        s->c = (ptx_type)in->types[3];
    } else if (in->type_count == 2) {
        s->a = s->b = PTX_F16;
        s->c = (ptx_type)in->types[1];
    }
    bool one = in->op != OP_mma && in->op != OP_wmma_mma;
    return in->type_count == (one ? 1 : in->type_count == 2 && in->op == OP_wmma_mma ? 2 : 4);
}

static bool accumulates(ptx_type a, ptx_type c)
{
    return c == PTX_F64 ? a == PTX_F64 : c == PTX_S32 ? a == PTX_S8 || a == PTX_U8 : c == PTX_F16 ? a == PTX_F16
           : c == PTX_F32 && (a == PTX_F16 || a == PTX_BF16 || a == PTX_TF32);
}

static bool goes_together(const ptx_instruction *in, const matrix_shape *s)
{
    bool integer = s->a == PTX_S8 || s->a == PTX_U8;
    if (in->op != OP_mma && in->op != OP_wmma_mma)
        return true;
    if (!accumulates(s->a, s->c) || !accumulates(s->a, s->d) || (s->a != s->b && !integer))
        return false;
    if (in->op == OP_wmma_mma)
        return s->a == PTX_F64 ? s->k == 4 : s->a == PTX_TF32 ? s->k == 8 && s->n == 16 : s->k == 16 && s->m * s->n == 256;
    switch (s->a) {
    case PTX_F64: return s->m == 8 && s->k == 4;
    case PTX_TF32: return s->m == 16 && s->n == 8 && (s->k == 4 || s->k == 8);
    case PTX_F16:
    case PTX_BF16: return s->m == 16 && s->n == 8 && (s->k == 8 || s->k == 16);
    default: return s->n == 8 && ((s->m == 8 && s->k == 16) || (s->m == 16 && (s->k == 16 || s->k == 32)));
    }
}

/* A lane's share; wmma gives every f16 operand 8 registers, whatever its shape. */
static int registers(const ptx_instruction *in, ptx_type t, int elements)
{
    if (is_wmma(in->op) && t == PTX_F16 && elements >= 0)
        return 8;
    return (elements < 0 ? -elements : elements) / 32 / elements_of(t);
}

bool matrix_shape_of(const ptx_instruction *in, matrix_shape *out)
{
    matrix_shape s = {0};
    if ((in->op != OP_mma && !is_wmma(in->op)) || !find_extents(in, &s) || !find_types(in, &s) || !goes_together(in, &s))
        return false;
    s.a_regs = registers(in, s.a, s.m * s.k);
    s.b_regs = registers(in, s.b, s.k * s.n);
    s.c_regs = registers(in, s.c, -s.m * s.n);
    s.d_regs = registers(in, s.d, -s.m * s.n);
    *out = s;
    return true;
}
