/* The choice of an instruction set: what libcairn has chosen, or the best below it that has vector kernels. */
#include "blas/kernel.h"

#include <cairn/base.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

/* Worst first; the names that cairn_isa() returns begin like these, and those of AMX have AVX-512. */
typedef struct set {
    const char *name;
    blas_kernel_table *table;
} set;

#ifdef BLAS_ISA_V2
extern blas_kernel_table blas_kernels_of_v2;
#else
extern blas_kernel_table blas_kernels_of_generic;
#endif
#ifdef BLAS_ISA_AVX2
extern blas_kernel_table blas_kernels_of_avx2;
#endif
#ifdef BLAS_ISA_AVX512
extern blas_kernel_table blas_kernels_of_avx512;
#endif
#ifdef BLAS_ISA_NEON
extern blas_kernel_table blas_kernels_of_neon;
#endif

static const set sets[] = {
#ifdef BLAS_ISA_V2
    {"", &blas_kernels_of_v2},
#else
    {"", &blas_kernels_of_generic},
#endif
#ifdef BLAS_ISA_AVX2
    {"avx2", &blas_kernels_of_avx2},
#endif
#ifdef BLAS_ISA_AVX512
    {"avx512", &blas_kernels_of_avx512},
    {"amx", &blas_kernels_of_avx512},
#endif
#ifdef BLAS_ISA_NEON
    {"neon", &blas_kernels_of_neon},
#endif
};

static blas_kernel_table *current;

void blas_kernels_choose(const char *isa)
{
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (!strncmp(isa, sets[i].name, strlen(sets[i].name)))
            current = sets[i].table;
}

static void choose(void) { blas_kernels_choose(cairn_isa()); }

blas_kernel_table *blas_kernels(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (__builtin_expect(!current, 0))
        pthread_once(&once, choose);
    return current;
}
