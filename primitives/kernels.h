/* The kernel table: for each kernel the best version that this processor runs. */
#ifndef PRIMITIVES_KERNELS_H
#define PRIMITIVES_KERNELS_H
#include "base/cpu.h"
#include "primitives/kernel_table.h"

/* The table in use: that of the best set, laid over the lesser ones. Thread-safe. */
const kernel_table *kernels(void);

/* The table of one set alone, or NULL when this build or this processor lacks it (tests and benchmarks). */
const kernel_table *kernels_of(cpu_isa isa);

/* Tests and benchmarks: makes kernels() return the table of `isa`; false when there is none. Not thread-safe. */
bool kernels_select(cpu_isa isa);

/* Tests: makes kernels() return a table of their own, which must outlive its use. Not thread-safe. */
void kernels_use(const kernel_table *table);

#endif
