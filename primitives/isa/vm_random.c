/* Random blocks: a pure function of (index, seed, stream), see base/random.h. */
#include <math.h>
#include "base/random.h"
#include "primitives/program/vm.h"
#include "primitives/simd.h"

/* Words of one (seed, stream), keeping the group of counters that was computed last. */
enum { GROUP = 16, WORDS = 4 * GROUP };
typedef struct words {
    uint64_t seed, stream, group;
    bool valid;
    uint32_t word[WORDS];
} words;

/* philox() of GROUP counters from a multiple of GROUP on, whose upper half is then the same, a vector of counters at a time: words
 * are in the lower halves of 64-bit lanes, where an instruction multiplies them whole. */
static void fill(words *w)
{
    uint64_t first = w->group * GROUP;
#if defined(ISA_AVX512) || defined(ISA_AVX2)
#if defined(ISA_AVX512)
#define MULTIPLY(a, b) ((VQ)_mm512_mul_epu32((__m512i)(a), (__m512i)(b)))
#else
#define MULTIPLY(a, b) ((VQ)_mm256_mul_epu32((__m256i)(a), (__m256i)(b)))
#endif
    typedef uint64_t VQ __attribute__((vector_size(SIMD_BYTES)));
    const VQ low = (VQ){0} + 0xffffffffu, m0 = (VQ){0} + PHILOX_MULTIPLY_0, m1 = (VQ){0} + PHILOX_MULTIPLY_1;
    for (int k = 0; k < GROUP; k += LANES_F64) {
        VQ c0, c1 = (VQ){0} + (first >> 32), c2 = (VQ){0} + (w->stream & 0xffffffffu), c3 = (VQ){0} + (w->stream >> 32);
        for (int i = 0; i < LANES_F64; i++)
            c0[i] = (uint32_t)first + (uint32_t)(k + i);
        uint32_t k0 = (uint32_t)w->seed, k1 = (uint32_t)(w->seed >> 32);
        for (int round = 0; round < PHILOX_ROUNDS; round++, k0 += PHILOX_WEYL_0, k1 += PHILOX_WEYL_1) {
            VQ a = MULTIPLY(m0, c0), b = MULTIPLY(m1, c2);
            c0 = (b >> 32) ^ c1 ^ k0;
            c2 = (a >> 32) ^ c3 ^ k1;
            c1 = b & low;
            c3 = a & low;
        }
        for (int i = 0; i < LANES_F64; i++) {
            uint32_t *to = w->word + 4 * (k + i);
            to[0] = (uint32_t)c0[i], to[1] = (uint32_t)c1[i], to[2] = (uint32_t)c2[i], to[3] = (uint32_t)c3[i];
        }
    }
#undef MULTIPLY
#else
    for (int k = 0; k < GROUP; k++) {
        philox_block four = philox(w->seed, w->stream, first + (uint64_t)k);
        memcpy(w->word + 4 * k, four.word, sizeof four.word);
    }
#endif
}

static inline uint32_t word_at(words *w, uint64_t seed, uint64_t stream, uint64_t i)
{
    if (__builtin_expect(!w->valid || w->group != i / WORDS || w->seed != seed || w->stream != stream, 0)) {
        w->seed = seed, w->stream = stream, w->group = i / WORDS, w->valid = true;
        fill(w);
    }
    return w->word[i % WORDS];
}

static inline float uniform_at(words *w, uint64_t seed, uint64_t stream, uint64_t i)
{
    return (float)(word_at(w, seed, stream, i) >> 8) * 0x1p-24f;
}

/* Box-Muller: radius from the even word, in (0, 1], angle from the odd one; cosine at even places, sine at odd ones. */
static inline float normal_at(words *w, uint64_t seed, uint64_t stream, uint64_t i)
{
    double u = ((word_at(w, seed, stream, i & ~(uint64_t)1) >> 8) + 1) * 0x1p-24;
    double v = (word_at(w, seed, stream, i | 1) >> 8) * 0x1p-24 * 6.283185307179586;
    return (float)(sqrt(-2 * log(u)) * (i & 1 ? sin(v) : cos(v)));
}

static inline int64_t bits_at(words *w, uint64_t seed, uint64_t stream, uint64_t i)
{
    uint64_t low = word_at(w, seed, stream, 2 * i), high = word_at(w, seed, stream, 2 * i + 1);
    return (int64_t)((high << 32 | low) & INT64_MAX);
}

#define RANDOM_LOOP(name, E, mode, at)                                                              \
    static void name(const vm_args *s)                                                              \
    {                                                                                               \
        words w = {0};                                                                              \
        for (int64_t r = 0; r < s->rows; r++) {                                                     \
            const uint64_t *a = (const uint64_t *)s->a + r * s->a_step;                             \
            const uint64_t *b = (const uint64_t *)s->b + r * s->b_step;                             \
            const uint64_t *c = (const uint64_t *)s->c + r * s->c_step;                             \
            E *d = (E *)s->d + r * s->d_step;                                                       \
            for (int64_t i = 0; i < s->cols; i++)                                                   \
                d[i] = at(&w, b[mode & 2 ? 0 : i], c[mode & 4 ? 0 : i], a[i]);                      \
        }                                                                                           \
    }
#define RANDOM(name, E) RANDOM_LOOP(block_##name, E, 0, name##_at) RANDOM_LOOP(block_##name##_bc, E, 6, name##_at)
RANDOM(uniform, float)
RANDOM(normal, float)
RANDOM(bits, int64_t)

void KERNEL(vm_fill_random)(vm_table *t);
void KERNEL(vm_fill_random)(vm_table *t)
{
#define FILL(OP, name)                                  \
    t->op[P_##OP][PT_I64][0] = block_##name;            \
    t->op[P_##OP][PT_I64][6] = block_##name##_bc;
    FILL(UNIFORM, uniform)
    FILL(NORMAL, normal)
    FILL(BITS, bits)
}
