/* Recurrence kernels of one instruction set. */
#include <math.h>
#include "primitives/kernel_table.h"
#include "primitives/program/vm.h"
#include "primitives/simd.h"

extern rnn_kernel KERNEL(rnn_f32), KERNEL(rnn_f64);

enum { PT_f32 = PT_F32, PT_f64 = PT_F64 };      /* the names of vm_type.h */
#define TYPE_F64
#include "primitives/isa/vm_type.h"
#undef TYPE_F64
#include "primitives/isa/vmath_f64.h"
#define TYPE_F32
#include "primitives/isa/vm_type.h"
#undef TYPE_F32
#include "primitives/isa/vmath_f32.h"

#include "real_f32.h"
#define V_TANH tanh_f32
#define V_SIGMOID sigmoid_f32
#include "rnn_tile.h"
#undef V_TANH
#undef V_SIGMOID

#include "real_f64.h"
#define V_TANH tanh_f64
#define V_SIGMOID sigmoid_f64
#include "rnn_tile.h"
