/* Transcendental functions on blocks: vector code where vmath has it, else the C library's functions in f64, element by
 * element (the same bits then hold for one C library). */
#include <math.h>
#include "primitives/program/vm.h"
#include "primitives/simd.h"

enum { PT_f32 = PT_F32, PT_f64 = PT_F64 };

/* X(INSTRUCTION, function of vectors), in both types. */
#define VECTOR_UNARY(X)                                                                                 \
    X(EXP, exp) X(EXP2, exp2) X(EXPM1, expm1) X(LOG, log) X(LOG2, log2) X(LOG10, log10)                 \
    X(LOG1P, log1p) X(SIN, sin) X(COS, cos) X(TANH, tanh) X(SINH, sinh) X(COSH, cosh)                   \
    X(SIGMOID, sigmoid)
/* In f32 alone. */
#define VECTOR_UNARY_F32(X) X(TAN, tan) X(ERF, erf)

/* X(INSTRUCTION, name, function of the C library or of special.c). */
#define LIBRARY_UNARY(X)                                                                                \
    X(ASIN, asin_, asin) X(ACOS, acos_, acos) X(ATAN, atan_, atan) X(ASINH, asinh_, asinh)              \
    X(ACOSH, acosh_, acosh) X(ATANH, atanh_, atanh) X(ERFC, erfc_, erfc) X(ERFINV, erfinv_, vm_erfinv)  \
    X(LGAMMA, lgamma_, vm_lgamma) X(DIGAMMA, digamma_, vm_digamma)
#define LIBRARY_UNARY_F64(X) X(TAN, tan_, tan) X(ERF, erf_, erf)
#define LIBRARY_BINARY(X) X(POW, pow_, pow) X(ATAN2, atan2_, atan2) X(HYPOT, hypot_, hypot)

#define DEFINE_VECTOR(OP, name) BLOCK1(name)
#define DEFINE_UNARY(OP, name, function)                    \
    static E T(name)(E x) { return (E)function(x); }        \
    BLOCK_EACH1(name)
#define DEFINE_EXP_SUB                                                                                      \
    SIMD_INLINE V T(exp_sub)(V a, V b) { return T(exp)(a - b); }                                            \
    static void T(block_exp_sub)(const vm_args *s) { T(map2)(s, T(exp_sub), 0); }                           \
    static void T(block_exp_sub_a)(const vm_args *s) { T(map2)(s, T(exp_sub), 1); }                         \
    static void T(block_exp_sub_b)(const vm_args *s) { T(map1)(s, T(exp), true); }
#define DEFINE_BINARY(OP, name, function)                   \
    static E T(name)(E x, E y) { return (E)function(x, y); } \
    BLOCK_EACH2(name)
#define FILL_UNARY(OP, name, function) FILL1(OP, name)
#define FILL_BINARY(OP, name, function) FILL2(OP, name)

#define TYPE_F64
#include "primitives/isa/vm_type.h"
#undef TYPE_F64
#include "primitives/isa/vmath_f64.h"
VECTOR_UNARY(DEFINE_VECTOR)
DEFINE_EXP_SUB
LIBRARY_UNARY(DEFINE_UNARY)
LIBRARY_UNARY_F64(DEFINE_UNARY)
LIBRARY_BINARY(DEFINE_BINARY)
DEFINE_BINARY(NEXTAFTER, nextafter_, nextafter)
static void fill_f64(vm_table *t)
{
    VECTOR_UNARY(FILL1)
    LIBRARY_UNARY(FILL_UNARY)
    LIBRARY_UNARY_F64(FILL_UNARY)
    LIBRARY_BINARY(FILL_BINARY)
    FILL2(NEXTAFTER, nextafter_)
    FILL2(EXP_SUB, exp_sub)
}

#define TYPE_F32
#include "primitives/isa/vm_type.h"
#undef TYPE_F32
#include "primitives/isa/vmath_f32.h"
VECTOR_UNARY(DEFINE_VECTOR)
DEFINE_EXP_SUB
VECTOR_UNARY_F32(DEFINE_VECTOR)
LIBRARY_UNARY(DEFINE_UNARY)
LIBRARY_BINARY(DEFINE_BINARY)
DEFINE_BINARY(NEXTAFTER, nextafter_, nextafterf)
static void fill_f32(vm_table *t)
{
    VECTOR_UNARY(FILL1)
    VECTOR_UNARY_F32(FILL1)
    LIBRARY_UNARY(FILL_UNARY)
    LIBRARY_BINARY(FILL_BINARY)
    FILL2(NEXTAFTER, nextafter_)
    FILL2(EXP_SUB, exp_sub)
}

void KERNEL(vm_fill_math)(vm_table *t);
void KERNEL(vm_fill_math)(vm_table *t)
{
    fill_f32(t);
    fill_f64(t);
}
