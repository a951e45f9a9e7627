/* Reductions of blocks along rows and columns, for every register type. */
#include <math.h>
#include "primitives/program/vm.h"
#include "primitives/simd.h"

enum { PT_f32 = PT_F32, PT_f64 = PT_F64, PT_i32 = PT_I32, PT_i64 = PT_I64 };

#define TYPE_F32
#include "primitives/isa/vm_reduce_type.h"
#undef TYPE_F32
#define TYPE_F64
#include "primitives/isa/vm_reduce_type.h"
#undef TYPE_F64
#define TYPE_I32
#include "primitives/isa/vm_reduce_type.h"
#undef TYPE_I32
#define TYPE_I64
#include "primitives/isa/vm_reduce_type.h"
#undef TYPE_I64

void KERNEL(vm_fill_reduce)(vm_table *t);
void KERNEL(vm_fill_reduce)(vm_table *t)
{
    fill_reduce_f32(t);
    fill_reduce_f64(t);
    fill_reduce_i32(t);
    fill_reduce_i64(t);
}
