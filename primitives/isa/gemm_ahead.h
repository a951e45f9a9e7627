/* What all matmul micro-kernels share: their tiles' sizes, and how C comes to the caches. */
#ifndef ISA_GEMM_AHEAD_H
#define ISA_GEMM_AHEAD_H
#include "primitives/gemm/kernel.h"
#include "primitives/simd.h"

#if defined(ISA_AVX512) || defined(ISA_NEON) /* 32 vector registers */
enum { MR = 14 };
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#else
enum { MR = 6 };
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif

/* C is fetched while the sums grow, a row at a time over the first half of k. All rows at once would fill the queue of misses, in
 * which the loads of A and B then wait: 5 % of the time when C comes from memory. */
typedef struct c_ahead {
    const char *row;
    int64_t stride, width, steps;
    int rows;
} c_ahead;

SIMD_INLINE c_ahead c_ahead_of(const gemm_tile *t, int64_t bytes)
{
    return (c_ahead){.row = t->c, .stride = t->c_row * bytes, .width = (t->cols - 1) * bytes, .steps = t->k / (2 * t->rows) + 1,
                     .rows = t->rows};
}

/* Fetches the next row; how many steps of k until the one after. */
SIMD_INLINE int64_t c_ahead_steps(c_ahead *c, int64_t *left)
{
    int64_t n = *left;
    if (c->rows > 0) {
        __builtin_prefetch(c->row, 1);
        __builtin_prefetch(c->row + c->width, 1);
        c->row += c->stride;
        c->rows--;
        n = c->steps < n ? c->steps : n;
    }
    *left -= n;
    return n;
}

/* Rows that are words already (k contiguous, nothing to convert): whole words by the f32 kernel's transpose, which moves bits. */
SIMD_INLINE int words_in_place(const gemm_pack *p, int64_t unit, int64_t bytes, void (*transpose)(int, const void *const *, int64_t, void *, int))
{
    const int64_t words = p->have / unit < p->run ? p->have / unit : p->run;
    const void *rows[GEMM_MAX_NR];
    if (p->minor != 1 || !words)
        return 0;
    for (int i = 0; i < p->count; i++)
        rows[i] = (const char *)p->from + i * p->major * bytes;
    transpose(p->count, rows, words, p->to, p->width);
    uint32_t *to = (uint32_t *)p->to + words * p->width;
    memset(to, 0, (size_t)((p->run - words) * p->width) * 4);
    for (int64_t q = words * unit; q < p->have && words < p->run; q++)
        for (int i = 0; i < p->count; i++) {
            uint32_t part = 0;
            memcpy(&part, (const char *)rows[i] + q * bytes, (size_t)bytes);
            to[i] |= part << (q - words * unit) * 8 * bytes;
        }
    return 1;
}

#endif
