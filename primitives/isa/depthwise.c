/* Depthwise convolution kernels of one instruction set. */
#include "primitives/kernel_table.h"
#include "primitives/simd.h"

#define X(name, type) extern type KERNEL(name);
#include "primitives/kernels.def"
#undef X

#include "real_f32.h"
#include "depthwise_tile.h"

#include "real_f64.h"
#include "depthwise_tile.h"
