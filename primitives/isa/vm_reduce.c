/* Reductions of blocks along rows and columns, for every register type. */
#include <math.h>
#include "primitives/program/vm.h"
#include "primitives/simd.h"

enum { PT_f32 = PT_F32, PT_f64 = PT_F64, PT_i32 = PT_I32, PT_i64 = PT_I64 };

/* Lane i of the result is lane i + w of a. */
#define ROTATE4(a, w) __builtin_shufflevector(a, a, (w) & 3, (1 + w) & 3, (2 + w) & 3, (3 + w) & 3)
#define ROTATE8(a, w)                                                                                        \
    __builtin_shufflevector(a, a, (w) & 7, (1 + w) & 7, (2 + w) & 7, (3 + w) & 7, (4 + w) & 7, (5 + w) & 7,  \
                            (6 + w) & 7, (7 + w) & 7)
#define ROTATE16(a, w)                                                                                       \
    __builtin_shufflevector(a, a, (w) & 15, (1 + w) & 15, (2 + w) & 15, (3 + w) & 15, (4 + w) & 15,          \
                            (5 + w) & 15, (6 + w) & 15, (7 + w) & 15, (8 + w) & 15, (9 + w) & 15,            \
                            (10 + w) & 15, (11 + w) & 15, (12 + w) & 15, (13 + w) & 15, (14 + w) & 15,       \
                            (15 + w) & 15)

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
