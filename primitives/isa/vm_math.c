/* Transcendental functions on blocks. */
#include <math.h>
#include "primitives/program/vm.h"
#include "primitives/simd.h"

enum { PT_f32 = PT_F32, PT_f64 = PT_F64 };

/* X(INSTRUCTION, name, function of the C library) */
#define LIBRARY_UNARY(X)                                                                            \
    X(EXP, exp_, exp) X(EXP2, exp2_, exp2) X(EXPM1, expm1_, expm1) X(LOG, log_, log)                \
    X(LOG2, log2_, log2) X(LOG10, log10_, log10) X(LOG1P, log1p_, log1p) X(SIN, sin_, sin)          \
    X(COS, cos_, cos) X(TAN, tan_, tan) X(ASIN, asin_, asin) X(ACOS, acos_, acos)                   \
    X(ATAN, atan_, atan) X(SINH, sinh_, sinh) X(COSH, cosh_, cosh) X(TANH, tanh_, tanh)             \
    X(ASINH, asinh_, asinh) X(ACOSH, acosh_, acosh) X(ATANH, atanh_, atanh) X(ERF, erf_, erf)       \
    X(ERFC, erfc_, erfc) X(ERFINV, erfinv_, vm_erfinv) X(LGAMMA, lgamma_, vm_lgamma)                \
    X(DIGAMMA, digamma_, vm_digamma) X(SIGMOID, sigmoid_, sigmoid)
#define LIBRARY_BINARY(X) X(POW, pow_, pow) X(ATAN2, atan2_, atan2) X(HYPOT, hypot_, hypot)

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

#define TYPE_F32
#include "primitives/isa/vm_type.h"
#undef TYPE_F32
#define X(OP, name, function)                                       \
    static float T(name)(float x) { return (float)function(x); }    \
    BLOCK_EACH1(name)
LIBRARY_UNARY(X)
#undef X
#define X(OP, name, function)                                                   \
    static float T(name)(float x, float y) { return (float)function(x, y); }    \
    BLOCK_EACH2(name)
LIBRARY_BINARY(X)
#undef X
static float nextafter__f32(float x, float y) { return nextafterf(x, y); }
BLOCK_EACH2(nextafter_)
static void fill_f32(vm_table *t)
{
#define X(OP, name, function) FILL1(OP, name)
    LIBRARY_UNARY(X)
#undef X
#define X(OP, name, function) FILL2(OP, name)
    LIBRARY_BINARY(X)
    FILL2(NEXTAFTER, nextafter_)
#undef X
}

#define TYPE_F64
#include "primitives/isa/vm_type.h"
#undef TYPE_F64
#define X(OP, name, function)                                       \
    static double T(name)(double x) { return function(x); }         \
    BLOCK_EACH1(name)
LIBRARY_UNARY(X)
#undef X
#define X(OP, name, function)                                                   \
    static double T(name)(double x, double y) { return function(x, y); }        \
    BLOCK_EACH2(name)
LIBRARY_BINARY(X)
X(NEXTAFTER, nextafter_, nextafter)
#undef X
static void fill_f64(vm_table *t)
{
#define X(OP, name, function) FILL1(OP, name)
    LIBRARY_UNARY(X)
#undef X
#define X(OP, name, function) FILL2(OP, name)
    LIBRARY_BINARY(X)
    FILL2(NEXTAFTER, nextafter_)
#undef X
}

void KERNEL(vm_fill_math)(vm_table *t);
void KERNEL(vm_fill_math)(vm_table *t)
{
    fill_f32(t);
    fill_f64(t);
}
