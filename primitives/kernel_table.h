/* The kernel table's type. Kept apart from kernels.h because files of primitives/isa/ may not see base/cpu.h: there
 * ISA_AVX2 is a macro. */
#ifndef PRIMITIVES_KERNEL_TABLE_H
#define PRIMITIVES_KERNEL_TABLE_H
#include "primitives/attention/kernel.h"
#include "primitives/conv/convolve.h"
#include "primitives/conv/depthwise.h"
#include "primitives/conv/winograd.h"
#include "primitives/finish.h"
#include "primitives/gemm/half.h"
#include "primitives/gemm/kernel.h"
#include "primitives/peak.h"
#include "primitives/pool/pool.h"
#include "primitives/resample/kernel.h"
#include "primitives/rows/kernel.h"
#include "primitives/quantize/kernel.h"
#include "primitives/rnn/cell.h"
#include "primitives/transform/transpose.h"

/* One best kernel of each row; in an instruction set's own table NULL where it has nothing better than the sets before. */
typedef struct kernel_table {
#define X(name, type) type *name;
#include "primitives/kernels.def"
#undef X
} kernel_table;

#endif
