/* Micro-kernels whose step of k multiplies a word of several narrow elements: two bf16, two i16, four i8. Before including this, define
 * NAME(x), UNIT (elements of a word), ACC (the vector of sums), MAC(sum, a, b) on vectors of words, and SUM_ONE (the type of one sum).
 *
 * The tile is that of gemm_tile.h, with words in the place of numbers: a panel has width words for each step. */
#undef UNIT_BITS
#define UNIT_BITS (32 / UNIT)

SIMD_INLINE void NAME(tile)(const int rows, const gemm_tile *t)
{
    const int32_t *restrict a = t->a, *restrict b = t->b;
    ACC acc[MR][2];
    UNROLL for (int i = 0; i < rows; i++)
        acc[i][0] = acc[i][1] = (ACC){0};
    c_ahead ahead = c_ahead_of(t, sizeof(SUM_ONE));
    for (int64_t left = t->k; left > 0;) {
        for (int64_t n = c_ahead_steps(&ahead, &left); n > 0; n--, a += MR, b += 2 * LANES_F32) {
            const VI b0 = vi_load(b), b1 = vi_load(b + LANES_F32);
            UNROLL for (int i = 0; i < rows; i++) {
                const VI ai = a[i] - (VI){0};
                acc[i][0] = MAC(acc[i][0], ai, b0);
                acc[i][1] = MAC(acc[i][1], ai, b1);
            }
        }
    }
    NAME(store)(t, acc);
}

#define X(r) static void NAME(tile_##r)(const gemm_tile *t) { NAME(tile)(r, t); }
#ifndef SIMD_SANITIZED
TILE_ROWS(X)
#endif
#undef X

static void NAME(packed)(const gemm_tile *t)
{
#ifdef SIMD_SANITIZED
    NAME(tile)(t->rows, t);
#else
#define X(r) NAME(tile_##r),
    static void (*const by_rows[])(const gemm_tile *) = {TILE_ROWS(X)};
#undef X
    by_rows[t->rows - 1](t);
#endif
}

#ifndef PACK_WORDS
enum { WORDS_AHEAD = 8 };
/* Elements of type T to words; `have` elements of k are left, what is missing is 0. Rows along i (major 1) are read side by side:
 * whole words of them in one pass. */
#define PACK_WORDS(name, T, PART)                                                                                         \
    static void name(const gemm_pack *p)                                                                                  \
    {                                                                                                                     \
        const int width = p->width;                                                                                       \
        uint32_t *restrict to = p->to;                                                                                    \
        for (int64_t step = 0; step < p->run; step++, to += width) {                                                      \
            const T *restrict rows = (const T *)p->from + step * UNIT * p->minor;                                         \
            const bool whole = p->major == 1 && (step + 1) * UNIT <= p->have;                                             \
            for (int q = 0; whole && q < UNIT; q++) /* rows of a large matrix lie in pages of their own */                \
                __builtin_prefetch(rows + (WORDS_AHEAD * UNIT + q) * p->minor);                                           \
            for (int i = whole ? p->count : 0; i < width; i++)                                                            \
                to[i] = 0;                                                                                                \
            for (int i = 0; whole && i < p->count; i++) {                                                                 \
                uint32_t word = 0;                                                                                        \
                UNROLL for (int q = 0; q < UNIT; q++)                                                                     \
                    word |= (uint32_t)PART(rows[q * p->minor + i]) << q * UNIT_BITS;                                      \
                to[i] = word;                                                                                             \
            }                                                                                                             \
            for (int q = 0; !whole && q < UNIT && step * UNIT + q < p->have; q++)                                         \
                for (int i = 0; i < p->count; i++)                                                                        \
                    to[i] |= (uint32_t)PART(rows[q * p->minor + i * p->major]) << q * UNIT_BITS;                          \
        }                                                                                                                 \
    }
#endif
