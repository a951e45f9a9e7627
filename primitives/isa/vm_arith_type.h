/* Arithmetic block functions of one register type. Included by vm_arith.c once per type. */
#include "primitives/isa/vm_type.h"

#if defined(TYPE_F32) || defined(TYPE_F64)
#define FLOATING 1
#endif

/* One row an instruction: X(INSTRUCTION, function). */
#define UNARY_ALL(X) X(NEG, neg) X(ABS, abs) X(SIGN, sign) X(RELU, relu) X(SQUARE, square)
#define BINARY_ALL(X) X(ADD, add) X(SUB, sub) X(MUL, mul) X(MINIMUM, minimum) X(MAXIMUM, maximum)
#define COMPARE(X) X(EQ, eq) X(NE, ne) X(LT, lt) X(LE, le) X(GT, gt) X(GE, ge)
#define UNARY_FLOAT(X) \
    X(SQRT, sqrt) X(RSQRT, rsqrt) X(RECIPROCAL, reciprocal) X(FLOOR, floor) X(CEIL, ceil) X(ROUND, round) X(TRUNC, trunc)
#define BINARY_FLOAT(X) X(DIV, div) X(DIV_TRUNC, div_trunc) X(COPYSIGN, copysign)
#define TERNARY_FLOAT(X) X(MUL_ADD, mul_add) X(MUL_SUB, mul_sub) X(SUB_MUL, sub_mul) X(LERP, lerp) X(DIV_ROOT, div_root)
#define EACH_FLOAT(X) X(DIV_FLOOR, div_floor) X(FMOD, fmod) X(REMAINDER, remainder)
#define BINARY_INTEGER(X) X(AND, and) X(OR, or) X(XOR, xor) X(SHL, shl) X(SHR, shr)
#define EACH_INTEGER(X) \
    X(DIV_FLOOR, div_floor) X(DIV_TRUNC, div_trunc) X(FMOD, fmod) X(REMAINDER, remainder) X(POW, pow)

#ifdef FLOATING
typedef V T(arith);
#elif defined(TYPE_I32)
typedef VU T(arith);
#else
typedef uint64_t T(arith) __attribute__((vector_size(SIMD_BYTES)));
#endif
/* Integers wrap, as their unsigned types do. */
SIMD_INLINE V T(square)(V a) { return (V)((T(arith))a * (T(arith))a); }
SIMD_INLINE V T(add)(V a, V b) { return (V)((T(arith))a + (T(arith))b); }
SIMD_INLINE V T(sub)(V a, V b) { return (V)((T(arith))a - (T(arith))b); }
SIMD_INLINE V T(mul)(V a, V b) { return (V)((T(arith))a * (T(arith))b); }
SIMD_INLINE M T(eq)(V a, V b) { return a == b; }
SIMD_INLINE M T(ne)(V a, V b) { return a != b; }
SIMD_INLINE M T(lt)(V a, V b) { return a < b; }
SIMD_INLINE M T(le)(V a, V b) { return a <= b; }
SIMD_INLINE M T(gt)(V a, V b) { return a > b; }
SIMD_INLINE M T(ge)(V a, V b) { return a >= b; }
SIMD_INLINE M T(lnot)(V a) { return a == 0; }

#ifdef FLOATING
SIMD_INLINE M T(sign_bit)(void) { return (M)T(set)((E)-0.0); }
SIMD_INLINE V T(neg)(V a) { return (V)((M)a ^ T(sign_bit)()); }
SIMD_INLINE V T(abs)(V a) { return (V)((M)a & ~T(sign_bit)()); }
SIMD_INLINE V T(copysign)(V a, V b) { return T(select)(T(sign_bit)(), b, a); }
SIMD_INLINE V T(sign)(V a)
{
    V s = T(select)(a > 0, T(set)(1), T(select)(a < 0, T(set)(-1), T(set)(0)));
    return T(select)(a != a, a, s);
}
/* NaN stays; -0 gives 0. */
SIMD_INLINE V T(relu)(V a) { return T(select)(a <= 0, T(set)(0), a); }
SIMD_INLINE V T(minimum)(V a, V b) { return T(select)((a < b) | (a != a), a, b); }
SIMD_INLINE V T(maximum)(V a, V b) { return T(select)((a > b) | (a != a), a, b); }
SIMD_INLINE V T(reciprocal)(V a) { return 1 / a; }
SIMD_INLINE V T(div)(V a, V b) { return a / b; }
SIMD_INLINE M T(isnan)(V a) { return a != a; }
SIMD_INLINE M T(isinf)(V a) { return T(abs)(a) == T(set)((E)INFINITY); }

/* Square roots are exact, so the compiler may use whatever instruction the set has. */
SIMD_INLINE V T(sqrt)(V a)
{
    V r;
    for (int i = 0; i < LANES; i++)
        r[i] = sizeof(E) == 4 ? (E)__builtin_sqrtf((float)a[i]) : (E)__builtin_sqrt((double)a[i]);
    return r;
}
SIMD_INLINE V T(rsqrt)(V a) { return 1 / T(sqrt)(a); }

/* Half to even: adding and subtracting 2^23 (2^52) rounds what is smaller; larger numbers are whole. */
SIMD_INLINE V T(round)(V a)
{
    const V big = T(set)(sizeof(E) == 4 ? (E)0x1p23 : (E)0x1p52), x = T(abs)(a);
    return T(select)(x < big, T(copysign)((x + big) - big, a), a);
}
SIMD_INLINE V T(floor)(V a)
{
    V r = T(round)(a);
    return T(select)(r > a, r - 1, r);
}
SIMD_INLINE V T(ceil)(V a)
{
    V r = T(round)(a);
    return T(select)(r < a, T(copysign)(r + 1, a), r);
}
SIMD_INLINE V T(trunc)(V a) { return T(copysign)(T(floor)(T(abs)(a)), a); }
SIMD_INLINE V T(div_trunc)(V a, V b) { return T(trunc)(a / b); }

SIMD_INLINE V T(mul_add)(V a, V b, V c) { return a * b + c; }
SIMD_INLINE V T(mul_sub)(V a, V b, V c) { return a * b - c; }
SIMD_INLINE V T(sub_mul)(V a, V b, V c) { return c - a * b; }
SIMD_INLINE V T(lerp)(V a, V b, V c) { return a + (b - a) * c; }
SIMD_INLINE V T(div_root)(V a, V b, V c) { return a / (T(sqrt)(b) + c); }

#ifdef TYPE_F32
#define C_LIBRARY(name) name##f
#else
#define C_LIBRARY(name) name
#endif
static E T(fmod)(E a, E b) { return C_LIBRARY(fmod)(a, b); }
static E T(remainder)(E a, E b)
{
    E m = C_LIBRARY(fmod)(a, b);
    return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}
/* As Python and PyTorch floor: from the remainder, so that a quotient that rounds up to a whole number does not count. */
static E T(div_floor)(E a, E b)
{
    if (b == 0)
        return a / b;
    E m = C_LIBRARY(fmod)(a, b), q = (a - m) / b;
    if (m != 0 && (b < 0) != (m < 0))
        q -= 1;
    if (q == 0)
        return C_LIBRARY(copysign)(0, a / b);
    E f = C_LIBRARY(floor)(q);
    return q - f > (E)0.5 ? f + 1 : f;
}
#undef C_LIBRARY

#else
/* Scalar arithmetic that may overflow goes through the unsigned type, where it wraps. */
#ifdef TYPE_I32
typedef uint32_t T(unsigned);
#else
typedef uint64_t T(unsigned);
#endif
enum { T(bits) = sizeof(E) * 8 };

SIMD_INLINE V T(neg)(V a) { return (V)(0 - (T(arith))a); }
SIMD_INLINE V T(abs)(V a) { return T(select)(a < 0, T(neg)(a), a); }
SIMD_INLINE V T(sign)(V a) { return (a < 0) - (a > 0); }
SIMD_INLINE V T(relu)(V a) { return a & (a > 0); }
SIMD_INLINE V T(minimum)(V a, V b) { return T(select)(a < b, a, b); }
SIMD_INLINE V T(maximum)(V a, V b) { return T(select)(a > b, a, b); }
SIMD_INLINE V T(not)(V a) { return ~a; }
SIMD_INLINE V T(and)(V a, V b) { return a & b; }
SIMD_INLINE V T(or)(V a, V b) { return a | b; }
SIMD_INLINE V T(xor)(V a, V b) { return a ^ b; }
SIMD_INLINE V T(shl)(V a, V b)
{
    M fits = (b >= 0) & (b < T(bits));
    return (V)((T(arith))a << (T(arith))(b & (T(bits) - 1))) & fits;
}
SIMD_INLINE V T(shr)(V a, V b)
{
    M fits = (b >= 0) & (b < T(bits));
    return T(select)(fits, a >> (b & (T(bits) - 1)), a >> (T(bits) - 1));
}

static E T(div_trunc)(E a, E b)
{
    if (b == 0)
        return 0;
    return b == -1 ? (E)(0 - (T(unsigned))a) : a / b;
}
static E T(fmod)(E a, E b) { return b == 0 || b == -1 ? 0 : a % b; }
static E T(remainder)(E a, E b)
{
    E m = T(fmod)(a, b);
    return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}
static E T(div_floor)(E a, E b)
{
    E q = T(div_trunc)(a, b), m = T(fmod)(a, b);
    return m != 0 && (m < 0) != (b < 0) ? q - 1 : q;
}
static E T(pow)(E a, E b)
{
    if (b < 0)
        return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
    T(unsigned) r = 1, x = (T(unsigned))a;
    for (; b; b >>= 1, x *= x)
        if (b & 1)
            r *= x;
    return (E)r;
}
#endif

#define X(OP, name) BLOCK1(name)
UNARY_ALL(X)
#undef X
#define X(OP, name) BLOCK2(name)
BINARY_ALL(X)
#undef X
#define X(OP, name) BLOCK_TEST2(name)
COMPARE(X)
#undef X
BLOCK_TEST1(lnot)
static void T(block_where)(const vm_args *s) { T(choose)(s, 0); }
static void T(block_where_b)(const vm_args *s) { T(choose)(s, 2); }
static void T(block_where_c)(const vm_args *s) { T(choose)(s, 4); }
static void T(block_where_bc)(const vm_args *s) { T(choose)(s, 6); }

#ifdef FLOATING
#define X(OP, name) BLOCK1(name)
UNARY_FLOAT(X)
#undef X
#define X(OP, name) BLOCK2(name)
BINARY_FLOAT(X)
#undef X
#define X(OP, name) BLOCK_EACH2(name)
EACH_FLOAT(X)
#undef X
BLOCK_TEST1(isnan)
BLOCK_TEST1(isinf)
#define X(OP, name) BLOCK3(name)
TERNARY_FLOAT(X)
#undef X
#else
#define X(OP, name) BLOCK2(name)
BINARY_INTEGER(X)
#undef X
#define X(OP, name) BLOCK_EACH2(name)
EACH_INTEGER(X)
#undef X
BLOCK1(not)
#endif

static void T(fill_arith)(vm_table *t)
{
#define X FILL1
    UNARY_ALL(X)
#undef X
#define X FILL2
    BINARY_ALL(X)
    COMPARE(X)
#undef X
    FILL1(LNOT, lnot)
    t->op[P_WHERE][T(PT)][0] = T(block_where);
    t->op[P_WHERE][T(PT)][2] = T(block_where_b);
    t->op[P_WHERE][T(PT)][4] = T(block_where_c);
    t->op[P_WHERE][T(PT)][6] = T(block_where_bc);
#ifdef FLOATING
#define X FILL1
    UNARY_FLOAT(X)
#undef X
#define X FILL2
    BINARY_FLOAT(X)
    EACH_FLOAT(X)
#undef X
    FILL1(ISNAN, isnan)
    FILL1(ISINF, isinf)
#define X FILL3
    TERNARY_FLOAT(X)
#undef X
#else
#define X FILL2
    BINARY_INTEGER(X)
    EACH_INTEGER(X)
#undef X
    FILL1(NOT, not)
#endif
}

#undef FLOATING
#undef UNARY_ALL
#undef BINARY_ALL
#undef COMPARE
#undef UNARY_FLOAT
#undef BINARY_FLOAT
#undef TERNARY_FLOAT
#undef EACH_FLOAT
#undef BINARY_INTEGER
#undef EACH_INTEGER
