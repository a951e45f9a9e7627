/* The kernel table of one instruction set. */
#include "primitives/kernel_table.h"
#include "primitives/simd.h"

/* The sets of a row of kernels.def. */
enum { GENERIC = 1, NEON = 2, V2 = 4, AVX2 = 8, AVX512 = 16, AVX512VNNI = 32, AVX512BF16 = 64, AMX = 128 };
enum { WHOLE = GENERIC | NEON | V2 | AVX2 | AVX512 };

#undef X_IN
#define X(name, type) X_IN(WHOLE, name, type)
#define X_IN(sets, name, type) extern type KERNEL(name);
#include "primitives/kernels.def"
#undef X_IN

extern const kernel_table KERNEL(kernel_table_of);
const kernel_table KERNEL(kernel_table_of) = {
#define X_IN(sets, name, type) .name = (sets) & ISA_SET ? &KERNEL(name) : NULL,
#include "primitives/kernels.def"
};
