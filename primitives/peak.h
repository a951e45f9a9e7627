/* Loops that reach what the machine can do: the yardsticks that benchmarks are measured with. */
#ifndef PRIMITIVES_PEAK_H
#define PRIMITIVES_PEAK_H
#include <stdint.h>

typedef const struct peak_kernel {
    /* `rounds` times independent multiply-adds on full vectors in registers. -> floating-point operations */
    int64_t (*fma_f32)(int64_t rounds);
    int64_t (*fma_f64)(int64_t rounds);
    /* The sum of x[0 .. n), of which only the reading matters; n a multiple of 256. */
    float (*read)(int64_t n, const float *x);
    /* a[i] = b[i] + s * c[i], as STREAM's triad. */
    void (*triad)(int64_t n, float s, const float *b, const float *c, float *a);
} peak_kernel;

#endif
