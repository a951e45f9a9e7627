/* Arithmetic, comparison and selection on blocks, for every register type. */
#include <math.h>
#include "primitives/program/vm.h"
#include "primitives/simd.h"

enum { PT_f32 = PT_F32, PT_f64 = PT_F64, PT_i32 = PT_I32, PT_i64 = PT_I64 };

#define TYPE_F32
#include "primitives/isa/vm_arith_type.h"
/* Five instructions at once (primitives/program/moments.c): lerp, square, lerp, div_root, sub_mul. */
static void block_moments(const vm_args *s)
{
    const vm_args *v_args = s + 2, *p_args = s + 4;
    const VF u = vf_set(*(const float *)s->c), w = vf_set(*(const float *)v_args->c), e = vf_set(*(const float *)s[3].c),
             l = vf_set(*(const float *)p_args->b);
    for (int64_t r = 0; r < s->rows; r++) {
        const float *m = ROW_OF(s, a, r, float), *g = ROW_OF(s, b, r, float), *v = ROW_OF(v_args, a, r, float), *p = ROW_OF(p_args, c, r, float);
        float *new_m = ROW_TO(s, r, float), *new_v = ROW_TO(v_args, r, float), *new_p = ROW_TO(p_args, r, float);
        for (int64_t i = 0, n = s->cols; i < n; i += LANES_F32) {
            const VF x = part_load_f32(g + i, n - i), old_p = part_load_f32(p + i, n - i);
            const VF a = lerp_f32(part_load_f32(m + i, n - i), x, u), b = lerp_f32(part_load_f32(v + i, n - i), square_f32(x), w);
            part_store_f32(new_m + i, n - i, a);
            part_store_f32(new_v + i, n - i, b);
            part_store_f32(new_p + i, n - i, sub_mul_f32(div_root_f32(a, b, e), l, old_p));
        }
    }
}
#undef TYPE_F32
#define TYPE_F64
#include "primitives/isa/vm_arith_type.h"
#undef TYPE_F64
#define TYPE_I32
#include "primitives/isa/vm_arith_type.h"
#undef TYPE_I32
#define TYPE_I64
#include "primitives/isa/vm_arith_type.h"
#undef TYPE_I64

void KERNEL(vm_fill_arith)(vm_table *t);
void KERNEL(vm_fill_arith)(vm_table *t)
{
    fill_arith_f32(t);
    t->moments = block_moments;
    fill_arith_f64(t);
    fill_arith_i32(t);
    fill_arith_i64(t);
}
