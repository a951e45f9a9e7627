/* Atomic operations of a warp: lane by lane, in the order of the lanes. rt_atom_ on memory that other
 * threads may use; rt_shared_ on the block's own, where plain code is enough. */
#include "runtime/exec/half.h"
#include "runtime/exec/helpers.h"
#include "runtime/exec/library.h"
#include <string.h>

static uint16_t half_sum(uint16_t a, uint16_t b) { return float_to_half(half_to_float(a) + half_to_float(b)); }
static uint16_t bfloat_sum(uint16_t a, uint16_t b) { return float_to_bfloat(bfloat_to_float(a) + bfloat_to_float(b)); }
#define PAIR_SUM(sum, a, b) (sum((uint16_t)(a), (uint16_t)(b)) | (uint32_t)sum((uint16_t)((a) >> 16), (uint16_t)((b) >> 16)) << 16)

#define MIN(a, b) ((b) < (a) ? (b) : (a))
#define MAX(a, b) ((b) > (a) ? (b) : (a))

/* X(name, type, bits, new value of `a` given `x` and, for cas, `y`) */
#define ATOMICS(X)                                                                                    \
    X(and_u32, uint32_t, uint32_t, a & x) X(and_u64, uint64_t, uint64_t, a & x)                       \
    X(or_u32, uint32_t, uint32_t, a | x) X(or_u64, uint64_t, uint64_t, a | x)                         \
    X(xor_u32, uint32_t, uint32_t, a ^ x) X(xor_u64, uint64_t, uint64_t, a ^ x)                       \
    X(add_u32, uint32_t, uint32_t, a + x) X(add_s32, uint32_t, uint32_t, a + x)                       \
    X(add_u64, uint64_t, uint64_t, a + x) X(add_s64, uint64_t, uint64_t, a + x)                       \
    X(add_f32, float, uint32_t, a + x) X(add_f64, double, uint64_t, a + x)                            \
    X(min_u32, uint32_t, uint32_t, MIN(a, x)) X(min_s32, int32_t, uint32_t, MIN(a, x))                \
    X(min_u64, uint64_t, uint64_t, MIN(a, x)) X(min_s64, int64_t, uint64_t, MIN(a, x))                \
    X(max_u32, uint32_t, uint32_t, MAX(a, x)) X(max_s32, int32_t, uint32_t, MAX(a, x))                \
    X(max_u64, uint64_t, uint64_t, MAX(a, x)) X(max_s64, int64_t, uint64_t, MAX(a, x))                \
    X(inc_u32, uint32_t, uint32_t, a >= x ? 0 : a + 1)                                                \
    X(dec_u32, uint32_t, uint32_t, a == 0 || a > x ? x : a - 1)                                       \
    X(exch_u32, uint32_t, uint32_t, x) X(exch_u64, uint64_t, uint64_t, x)                             \
    X(add_f16, uint16_t, uint16_t, half_sum(a, x)) X(add_bf16, uint16_t, uint16_t, bfloat_sum(a, x))  \
    X(add_f16x2, uint32_t, uint32_t, PAIR_SUM(half_sum, a, x))                                        \
    X(add_bf16x2, uint32_t, uint32_t, PAIR_SUM(bfloat_sum, a, x))                                     \
    X(exch_u16, uint16_t, uint16_t, x) X(cas_u16, uint16_t, uint16_t, a == x ? y : a)                 \
    X(cas_u32, uint32_t, uint32_t, a == x ? y : a) X(cas_u64, uint64_t, uint64_t, a == x ? y : a)

#define X(name, type, bits, expression)                                                               \
    static void rt_shared_##name(uint32_t mask, const uint64_t *at, const type *xs, const type *ys, type *old) \
    {                                                                                                 \
        if (mask == ~0u && !old && !ys) { /* what histograms do: no lane to look for, nothing to keep */ \
            for (int lane = 0; lane < WARP_LANES; lane++) {                                           \
                type *place = (type *)at[lane], a = *place, x = xs[lane], y = x;                       \
                (void)y, (void)a;                                                                     \
                *place = expression;                                                                  \
            }                                                                                         \
            return;                                                                                   \
        }                                                                                             \
        FOR_EACH_LANE(mask, lane)                                                                     \
        {                                                                                             \
            type *place = (type *)at[lane], a = *place, x = xs[lane], y = ys ? ys[lane] : x;           \
            (void)y;                                                                                  \
            *place = expression;                                                                      \
            if (old)                                                                                  \
                old[lane] = a;                                                                        \
        }                                                                                             \
    }                                                                                                 \
    static void rt_atom_##name(uint32_t mask, const uint64_t *at, const type *xs, const type *ys, type *old) \
    {                                                                                                 \
        FOR_EACH_LANE(mask, lane)                                                                     \
        {                                                                                             \
            bits *place = (bits *)at[lane], seen = __atomic_load_n(place, __ATOMIC_RELAXED), next;     \
            type a, x = xs[lane], y = ys ? ys[lane] : x, result;                                       \
            (void)y;                                                                                  \
            do {                                                                                      \
                memcpy(&a, &seen, sizeof a);                                                          \
                result = expression;                                                                  \
                memcpy(&next, &result, sizeof next);                                                  \
            } while (!__atomic_compare_exchange_n(place, &seen, next, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)); \
            if (old)                                                                                  \
                old[lane] = a;                                                                        \
        }                                                                                             \
    }
ATOMICS(X)
#undef X

static const struct { const char *name; const void *code; } table[] = {
#define X(name, type, bits, expression) {"rt_shared_" #name, rt_shared_##name}, {"rt_atom_" #name, rt_atom_##name},
    ATOMICS(X)
#undef X
};

const void *atomic_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].code;
    return NULL;
}

/* ---- Whole accesses ------------------------------------------------------------------------------ */
/* Aligned, so that a processor with AVX does them at once; what is not aligned faults on a GPU, and comes in pieces here. */
typedef uint32_t sixteen __attribute__((vector_size(16), aligned(1)));

void rt_load_whole(uint32_t mask, uint32_t bytes, uint32_t parts, const uint64_t *at, uint8_t *values)
{
    FOR_EACH_LANE(mask, lane)
    {
        union {
            sixteen all;
            uint64_t half;
            uint8_t bytes[16];
        } word;
        if (bytes * parts == 16)
            word.all = *(const volatile sixteen *)(uintptr_t)at[lane];
        else
            word.half = *(const volatile uint64_t *)(uintptr_t)at[lane];
        for (uint32_t i = 0; i < parts; i++)
            memcpy(values + (i * WARP_LANES + lane) * bytes, word.bytes + i * bytes, bytes);
    }
}

void rt_store_whole(uint32_t mask, uint32_t bytes, uint32_t parts, const uint64_t *at, const uint8_t *values)
{
    FOR_EACH_LANE(mask, lane)
    {
        union {
            sixteen all;
            uint64_t half;
            uint8_t bytes[16];
        } word;
        for (uint32_t i = 0; i < parts; i++)
            memcpy(word.bytes + i * bytes, values + (i * WARP_LANES + lane) * bytes, bytes);
        if (bytes * parts == 16)
            *(volatile sixteen *)(uintptr_t)at[lane] = word.all;
        else
            *(volatile uint64_t *)(uintptr_t)at[lane] = word.half;
    }
}
