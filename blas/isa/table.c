/* One instruction set's tables: the kernels of BLAS, and of the primitives those that this library is linked with. The
 * others are absent (weak), which leaves their rows NULL. */
#include "primitives/kernel_table.h"
#include "primitives/simd.h"

#define X(name, type) extern type KERNEL(name) __attribute__((weak, visibility("hidden")));
#include "primitives/kernels.def"
#undef X

extern const kernel_table KERNEL(kernel_table_of);
const kernel_table KERNEL(kernel_table_of) = {
#define X(name, type) .name = &KERNEL(name),
#include "primitives/kernels.def"
#undef X
};
