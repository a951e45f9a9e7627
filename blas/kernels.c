/* The choice of an instruction set. */
#include "blas/kernel.h"

#include "primitives/kernels.h"

#include <pthread.h>
#include <stddef.h>

#ifdef BLAS_ISA_GENERIC
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

static blas_kernel_table *const compiled[ISA_COUNT] = {
#ifdef BLAS_ISA_GENERIC
    [ISA_GENERIC] = &blas_kernels_of_generic,
#endif
#ifdef BLAS_ISA_AVX2
    [ISA_AVX2] = &blas_kernels_of_avx2,
#endif
#ifdef BLAS_ISA_AVX512
    [ISA_AVX512] = &blas_kernels_of_avx512,
#endif
#ifdef BLAS_ISA_NEON
    [ISA_NEON] = &blas_kernels_of_neon,
#endif
};

static blas_kernel_table *current;

static void choose(int isa)
{
    while (isa > ISA_GENERIC && !compiled[isa])
        isa--;
    current = compiled[isa];
}

static void choose_best(void) { choose((int)cpu()->isa); }

blas_kernel_table *blas_kernels(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (__builtin_expect(!current, 0))
        pthread_once(&once, choose_best);
    return current;
}

bool blas_kernels_select(int isa)
{
    blas_kernels();
    if (!kernels_select((cpu_isa)isa))
        return false;
    choose(isa);
    return true;
}
