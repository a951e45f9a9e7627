/* Fills the kernel table: the baseline first, better sets over it. */
#include "primitives/kernels.h"

#include <pthread.h>
#include <stddef.h>

#define X(name, suffix, text) extern const kernel_table kernel_table_of_##suffix;
CPU_ISAS(X)
#undef X

static const kernel_table *const compiled[ISA_COUNT] = {
#define X(name, suffix, text) [ISA_##name] = HAVE_ISA_##name ? &kernel_table_of_##suffix : NULL,
    CPU_ISAS(X)
#undef X
};

/* merged[isa]: what kernels() returns on a machine whose best set is `isa`. */
static kernel_table merged[ISA_COUNT];
static const kernel_table *current;

static void lay_over(kernel_table *under, const kernel_table *over)
{
#define X(name, type)        \
    if (over->name)          \
        under->name = over->name;
#include "primitives/kernels.def"
#undef X
}

static void fill(void)
{
    kernel_table table = {0};
    for (int isa = ISA_GENERIC; isa <= (int)cpu()->isa; isa++) {
        if (compiled[isa])
            lay_over(&table, compiled[isa]);
        merged[isa] = table;
    }
    current = &merged[cpu()->isa];
}

static void fill_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
}

const kernel_table *kernels(void)
{
    fill_once();
    return current;
}

const kernel_table *kernels_of(cpu_isa isa)
{
    fill_once();
    return isa <= cpu()->isa && compiled[isa] ? &merged[isa] : NULL;
}

bool kernels_select(cpu_isa isa)
{
    const kernel_table *table = kernels_of(isa);
    if (table)
        current = table;
    return table != NULL;
}

void kernels_use(const kernel_table *table)
{
    fill_once();
    current = table;
}
