/* Random blocks: a pure function of (index, seed, stream), see base/random.h. */
#include <math.h>
#include "base/random.h"
#include "primitives/program/vm.h"
#include "primitives/simd.h"

/* Words of one (seed, stream), keeping the block of four that was computed last. */
typedef struct words {
    uint64_t seed, stream, block;
    bool valid;
    philox_block four;
} words;

static inline uint32_t word_at(words *w, uint64_t seed, uint64_t stream, uint64_t i)
{
    if (!w->valid || w->block != i / 4 || w->seed != seed || w->stream != stream)
        *w = (words){seed, stream, i / 4, true, philox(seed, stream, i / 4)};
    return w->four.word[i % 4];
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
