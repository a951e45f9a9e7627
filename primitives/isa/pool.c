/* Pooling and resampling kernels of one instruction set. */
#include "primitives/kernel_table.h"
#include "primitives/simd.h"

#define X(name, type) extern type KERNEL(name);
#include "primitives/kernels.def"
#undef X

#include "real_f32.h"
#define VINT VI
#include "pool_tile.h"
#undef VINT

#include "real_f64.h"
#define VINT VL
#include "pool_tile.h"
