/* Complex numbers as pairs, for host and device, C and C++. */
#ifndef CAIRN_CU_COMPLEX_H
#define CAIRN_CU_COMPLEX_H
#include "vector_functions.h"
#include <math.h>

#define CAIRN_C static __inline__ __host__ __device__

typedef float2 cuFloatComplex;
CAIRN_C float cuCrealf(cuFloatComplex z) { return z.x; }
CAIRN_C float cuCimagf(cuFloatComplex z) { return z.y; }
CAIRN_C cuFloatComplex make_cuFloatComplex(float re, float im) { return make_float2(re, im); }
CAIRN_C cuFloatComplex cuConjf(cuFloatComplex z) { return make_cuFloatComplex(z.x, -z.y); }
CAIRN_C cuFloatComplex cuCaddf(cuFloatComplex a, cuFloatComplex b) { return make_cuFloatComplex(a.x + b.x, a.y + b.y); }
CAIRN_C cuFloatComplex cuCsubf(cuFloatComplex a, cuFloatComplex b) { return make_cuFloatComplex(a.x - b.x, a.y - b.y); }
CAIRN_C cuFloatComplex cuCmulf(cuFloatComplex a, cuFloatComplex b) { return make_cuFloatComplex(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }
/* Both are scaled first, so that the squares of large and small numbers stay in range. */
CAIRN_C cuFloatComplex cuCdivf(cuFloatComplex a, cuFloatComplex b)
{
    float scale = 1.0f / (fabsf(b.x) + fabsf(b.y)), ax = a.x * scale, ay = a.y * scale, bx = b.x * scale, by = b.y * scale;
    float by_norm = 1.0f / (bx * bx + by * by);
    return make_cuFloatComplex((ax * bx + ay * by) * by_norm, (ay * bx - ax * by) * by_norm);
}
CAIRN_C float cuCabsf(cuFloatComplex z) { return hypotf(z.x, z.y); }
CAIRN_C cuFloatComplex cuCfmaf(cuFloatComplex a, cuFloatComplex b, cuFloatComplex c) { return cuCaddf(cuCmulf(a, b), c); }

typedef double2 cuDoubleComplex;
CAIRN_C double cuCreal(cuDoubleComplex z) { return z.x; }
CAIRN_C double cuCimag(cuDoubleComplex z) { return z.y; }
CAIRN_C cuDoubleComplex make_cuDoubleComplex(double re, double im) { return make_double2(re, im); }
CAIRN_C cuDoubleComplex cuConj(cuDoubleComplex z) { return make_cuDoubleComplex(z.x, -z.y); }
CAIRN_C cuDoubleComplex cuCadd(cuDoubleComplex a, cuDoubleComplex b) { return make_cuDoubleComplex(a.x + b.x, a.y + b.y); }
CAIRN_C cuDoubleComplex cuCsub(cuDoubleComplex a, cuDoubleComplex b) { return make_cuDoubleComplex(a.x - b.x, a.y - b.y); }
CAIRN_C cuDoubleComplex cuCmul(cuDoubleComplex a, cuDoubleComplex b) { return make_cuDoubleComplex(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }
/* Both are scaled first, so that the squares of large and small numbers stay in range. */
CAIRN_C cuDoubleComplex cuCdiv(cuDoubleComplex a, cuDoubleComplex b)
{
    double scale = 1.0 / (fabs(b.x) + fabs(b.y)), ax = a.x * scale, ay = a.y * scale, bx = b.x * scale, by = b.y * scale;
    double by_norm = 1.0 / (bx * bx + by * by);
    return make_cuDoubleComplex((ax * bx + ay * by) * by_norm, (ay * bx - ax * by) * by_norm);
}
CAIRN_C double cuCabs(cuDoubleComplex z) { return hypot(z.x, z.y); }
CAIRN_C cuDoubleComplex cuCfma(cuDoubleComplex a, cuDoubleComplex b, cuDoubleComplex c) { return cuCadd(cuCmul(a, b), c); }

typedef cuFloatComplex cuComplex;
CAIRN_C cuComplex make_cuComplex(float re, float im) { return make_cuFloatComplex(re, im); }
CAIRN_C cuDoubleComplex cuComplexFloatToDouble(cuFloatComplex z) { return make_cuDoubleComplex(z.x, z.y); }
CAIRN_C cuFloatComplex cuComplexDoubleToFloat(cuDoubleComplex z) { return make_cuFloatComplex((float)z.x, (float)z.y); }
#undef CAIRN_C
#endif
