/* The kernel table of one instruction set. */
#include "primitives/kernel_table.h"
#include "primitives/simd.h"

#define X(name, type) extern type KERNEL(name);
#include "primitives/kernels.def"
#undef X

extern const kernel_table KERNEL(kernel_table_of);
const kernel_table KERNEL(kernel_table_of) = {
#define X(name, type) .name = &KERNEL(name),
#include "primitives/kernels.def"
#undef X
};
