/* Reductions of one register type. Included by vm_reduce.c once per type.
 *
 * A segment of a row (at most VM_BLOCK elements) is reduced over VIRTUAL lanes, lane j taking elements j, j + VIRTUAL
 * ...; then the upper half of the lanes is folded onto the lower half until one is left. That order is the same on every
 * instruction set; segments then meet in the vm_state one after the other. */
#include "primitives/isa/vm_type.h"

#undef ROTATE_LANES
#ifdef WIDE
#define ROTATE_LANES(bytes) (bytes / 8)
#else
#define ROTATE_LANES(bytes) (bytes / 4)
#endif

enum { T(VIRTUAL) = sizeof(E) == 4 ? 64 : 32, T(PARTS) = T(VIRTUAL) / LANES };

#if defined(TYPE_F32) || defined(TYPE_F64)
#define FLOATING 1
#define VALUE f
#define LOWEST ((E)-INFINITY)
#define HIGHEST ((E)INFINITY)
#define IS_NAN(x) ((x) != (x))
#elif defined(TYPE_I32)
#define VALUE i
#define LOWEST INT32_MIN
#define HIGHEST INT32_MAX
#define IS_NAN(x) false
#else
#define VALUE i
#define LOWEST INT64_MIN
#define HIGHEST INT64_MAX
#define IS_NAN(x) false
#endif

#ifdef FLOATING
typedef V T(arith);
#elif defined(TYPE_I32)
typedef VU T(arith);
#else
typedef uint64_t T(arith) __attribute__((vector_size(SIMD_BYTES)));
#endif
SIMD_INLINE V T(sum)(V a, V b) { return (V)((T(arith))a + (T(arith))b); }
SIMD_INLINE V T(prod)(V a, V b) { return (V)((T(arith))a * (T(arith))b); }
#ifdef FLOATING
SIMD_INLINE V T(min)(V a, V b) { return T(select)((a < b) | (a != a), a, b); }
SIMD_INLINE V T(max)(V a, V b) { return T(select)((a > b) | (a != a), a, b); }
#else
SIMD_INLINE V T(min)(V a, V b) { return T(select)(a < b, a, b); }
SIMD_INLINE V T(max)(V a, V b) { return T(select)(a > b, a, b); }
#endif

/* The upper half of the lanes onto the lower half, until one is left. */
SIMD_INLINE E T(fold_lanes)(V a, V (*f)(V, V))
{
#if ROTATE_LANES(SIMD_BYTES) >= 16
    a = f(a, ROTATE16(a, 8));
    a = f(a, ROTATE16(a, 4));
    a = f(a, ROTATE16(a, 2));
    a = f(a, ROTATE16(a, 1));
#elif ROTATE_LANES(SIMD_BYTES) >= 8
    a = f(a, ROTATE8(a, 4));
    a = f(a, ROTATE8(a, 2));
    a = f(a, ROTATE8(a, 1));
#elif ROTATE_LANES(SIMD_BYTES) >= 4
    a = f(a, ROTATE4(a, 2));
    a = f(a, ROTATE4(a, 1));
#else
    a = f(a, __builtin_shufflevector(a, a, 1, 0));
#endif
    return a[0];
}

/* The mask of the first n lanes. */
SIMD_INLINE M T(first)(int64_t n)
{
    M mask = {0};
    for (int i = 0; i < LANES; i++)
        mask[i] = i < n ? -1 : 0;
    return mask;
}

SIMD_INLINE E T(segment)(const E *p, int64_t n, V (*f)(V, V), E identity)
{
    V acc[T(PARTS)];
    if (n <= LANES)     /* the other lanes would stay the identity */
        return T(fold_lanes)(f(T(set)(identity), T(select)(T(first)(n), T(part_load)(p, n), T(set)(identity))), f);
    for (int k = 0; k < T(PARTS); k++)
        acc[k] = T(set)(identity);
    int64_t i = 0;
    for (; i + T(VIRTUAL) <= n; i += T(VIRTUAL))
        for (int k = 0; k < T(PARTS); k++)
            acc[k] = f(acc[k], T_LOAD(p + i + k * LANES));
    for (int k = 0; k < T(PARTS); k++, i += LANES)
        if (i + LANES <= n)
            acc[k] = f(acc[k], T_LOAD(p + i));
        else if (i < n) {
            V x = T(select)(T(first)(n - i), T_LOAD_N(p + i, n - i), T(set)(identity));
            acc[k] = f(acc[k], x);
        }
    for (int w = T(PARTS) / 2; w; w /= 2)
        for (int k = 0; k < w; k++)
            acc[k] = f(acc[k], acc[k + w]);
    return T(fold_lanes)(acc[0], f);
}

SIMD_INLINE bool T(replaces)(E x, E old, bool largest)
{
    return IS_NAN(x) ? !IS_NAN(old) : largest ? x > old : x < old;
}

#define EACH_ROW(s)                                                                           \
    for (int64_t r = 0; r < s->rows; r++)                                                     \
        for (vm_state *state = (vm_state *)s->d + r; state; state = NULL)
#define ROW_A(s) (ROW_OF(s, a, r, E))

static void T(row_sum)(const vm_args *s)
{
    EACH_ROW(s)
#ifdef FLOATING
        state->value.f += T(segment)(ROW_A(s), s->cols, T(sum), 0);
#else
        state->value.i = (int64_t)((uint64_t)state->value.i + (uint64_t)T(segment)(ROW_A(s), s->cols, T(sum), 0));
#endif
}
static void T(row_prod)(const vm_args *s)
{
    EACH_ROW(s)
#ifdef FLOATING
        state->value.f *= T(segment)(ROW_A(s), s->cols, T(prod), 1);
#else
        state->value.i = (int64_t)((uint64_t)state->value.i * (uint64_t)T(segment)(ROW_A(s), s->cols, T(prod), 1));
#endif
}
static void T(row_min)(const vm_args *s)
{
    EACH_ROW(s) {
        E x = T(segment)(ROW_A(s), s->cols, T(min), HIGHEST);
        if (T(replaces)(x, (E)state->value.VALUE, false))
            state->value.VALUE = x;
    }
}
static void T(row_max)(const vm_args *s)
{
    EACH_ROW(s) {
        E x = T(segment)(ROW_A(s), s->cols, T(max), LOWEST);
        if (T(replaces)(x, (E)state->value.VALUE, true))
            state->value.VALUE = x;
    }
}

/* The segment's extreme first; only if it beats what was seen is its place looked for. */
SIMD_INLINE void T(row_arg)(const vm_args *s, bool largest)
{
    EACH_ROW(s) {
        const E *p = ROW_A(s);
        E x = largest ? T(segment)(p, s->cols, T(max), LOWEST) : T(segment)(p, s->cols, T(min), HIGHEST);
        if (!s->cols || (state->index >= 0 && !T(replaces)(x, (E)state->value.VALUE, largest)))
            continue;
        int64_t i = 0;
        while (p[i] != x && !(IS_NAN(x) && IS_NAN(p[i])))
            i++;
        state->value.VALUE = x;
        state->index = s->c_step + i;
    }
}
static void T(row_argmin)(const vm_args *s) { T(row_arg)(s, false); }
static void T(row_argmax)(const vm_args *s) { T(row_arg)(s, true); }

/* ---- Columns: d[i] = f(d[i], a[r][i]) for r in order. */
SIMD_INLINE void T(column)(const vm_args *s, V (*f)(V, V))
{
    enum { WIDE_STEP = 4 * LANES };
    E *d = (E *)s->d;
    const E *p = (const E *)s->a;
    int64_t i = 0;
    for (; i + WIDE_STEP <= s->cols; i += WIDE_STEP) {
        V acc[4];
        for (int k = 0; k < 4; k++)
            acc[k] = T_LOAD(d + i + k * LANES);
        for (int64_t r = 0; r < s->rows; r++)
            for (int k = 0; k < 4; k++)
                acc[k] = f(acc[k], T_LOAD(p + r * s->a_step + i + k * LANES));
        for (int k = 0; k < 4; k++)
            T_STORE(d + i + k * LANES, acc[k]);
    }
    for (; i < s->cols; i += LANES) {
        V acc = T(part_load)(d + i, s->cols - i);
        for (int64_t r = 0; r < s->rows; r++)
            acc = f(acc, T(part_load)(p + r * s->a_step + i, s->cols - i));
        T(part_store)(d + i, s->cols - i, acc);
    }
}
static void T(column_sum)(const vm_args *s) { T(column)(s, T(sum)); }
static void T(column_prod)(const vm_args *s) { T(column)(s, T(prod)); }
static void T(column_min)(const vm_args *s) { T(column)(s, T(min)); }
static void T(column_max)(const vm_args *s) { T(column)(s, T(max)); }

SIMD_INLINE void T(column_arg)(const vm_args *s, bool largest)
{
    for (int64_t r = 0; r < s->rows; r++)
        for (int64_t i = 0; i < s->cols; i++) {
            E x = ROW_A(s)[i];
            vm_state *state = (vm_state *)s->d + i;
            if (state->index < 0 || T(replaces)(x, (E)state->value.VALUE, largest)) {
                state->value.VALUE = x;
                state->index = s->c_step + r;
            }
        }
}
static void T(column_argmin)(const vm_args *s) { T(column_arg)(s, false); }
static void T(column_argmax)(const vm_args *s) { T(column_arg)(s, true); }

#ifdef TYPE_I32
SIMD_INLINE V T(any)(V a, V b) { return a | ((b != 0) & 1); }
SIMD_INLINE V T(all)(V a, V b) { return a & (b != 0); }
static void T(row_any)(const vm_args *s)
{
    EACH_ROW(s)
        state->value.i |= T(segment)(ROW_A(s), s->cols, T(any), 0);
}
static void T(row_all)(const vm_args *s)
{
    EACH_ROW(s)
        state->value.i &= T(segment)(ROW_A(s), s->cols, T(all), 1);
}
static void T(column_any)(const vm_args *s) { T(column)(s, T(any)); }
static void T(column_all)(const vm_args *s) { T(column)(s, T(all)); }
#endif

static void T(fill_reduce)(vm_table *t)
{
#define FILL(KIND, name)                                        \
    t->reduce_row[PR_##KIND][T(PT)] = T(row_##name);            \
    t->reduce_column[PR_##KIND][T(PT)] = T(column_##name);
    FILL(SUM, sum)
    FILL(PROD, prod)
    FILL(MIN, min)
    FILL(MAX, max)
    FILL(ARGMIN, argmin)
    FILL(ARGMAX, argmax)
#ifdef TYPE_I32
    FILL(ANY, any)
    FILL(ALL, all)
#endif
#undef FILL
}

#undef FLOATING
#undef VALUE
#undef LOWEST
#undef HIGHEST
#undef IS_NAN
#undef EACH_ROW
#undef ROW_A
