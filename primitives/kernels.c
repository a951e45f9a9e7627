/* Fills the kernel table: the baseline first, better sets over it. */
#include "primitives/kernels.h"

#include <pthread.h>
#include <stddef.h>

#ifdef HAVE_ISA_GENERIC
extern const kernel_table kernel_table_of_generic;
#endif
#ifdef HAVE_ISA_V2
extern const kernel_table kernel_table_of_v2;
#endif
#ifdef HAVE_ISA_AVX2
extern const kernel_table kernel_table_of_avx2;
#endif
#ifdef HAVE_ISA_AVX512
extern const kernel_table kernel_table_of_avx512;
#endif
#ifdef HAVE_ISA_NEON
extern const kernel_table kernel_table_of_neon;
#endif

static const kernel_table *const compiled[ISA_COUNT] = {
#ifdef HAVE_ISA_GENERIC
    [ISA_GENERIC] = &kernel_table_of_generic,
#endif
#ifdef HAVE_ISA_V2
    [ISA_V2] = &kernel_table_of_v2,
#endif
#ifdef HAVE_ISA_AVX2
    [ISA_AVX2] = &kernel_table_of_avx2,
#endif
#ifdef HAVE_ISA_AVX512
    [ISA_AVX512] = &kernel_table_of_avx512,
#endif
#ifdef HAVE_ISA_NEON
    [ISA_NEON] = &kernel_table_of_neon,
#endif
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
