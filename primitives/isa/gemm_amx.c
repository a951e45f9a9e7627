/* Matmul micro-kernels on AMX tiles: bf16, 8-bit integers, and f32 split exactly into three bf16.
 *
 * A micro-tile is 32 x 32 of C, four tiles; each step of 16 words of k loads two tiles of A and two of B for four products. A panel of
 * A is stored as those tiles (16 rows of 16 words each, one KB), a panel of B as 32 words for each step, which a tile loads with a stride. A
 * split operand has its planes (high, middle, low) one after the other for each 16 words.
 *
 * x = high + middle + low, each rounded to bf16 from what is left: exact for normal numbers. Of the nine partial products the three
 * smallest are below f32's rounding; six give f32's accuracy, three (high x high, high x middle, middle x high) about 2^-16, one that of bf16.
 * The unit takes subnormals as 0, so numbers below 2^-110 lose bits. An infinity, or a number that rounds to one, gives NaN in a sum of
 * several partial products; such elements are computed again by the caller (gemm_kernel.repair). */
#include "primitives/gemm/half.h"
#include "primitives/kernel_table.h"
#include "primitives/simd.h"
#include "gemm_tiles.h"

enum { SIDE = 32, WORDS = 16, TILE_BYTES = 1024, BLOCK_WORDS = SIDE * WORDS, KC = 256 };

/* ---- Packing ------------------------------------------------------------------------------------------- */

/* A line is a row of A or a column of B; a block has WORDS steps of SIDE lines, 64 bytes of each. Lines are read along k, where those of A
 * lie as their tile wants them, or, where k is the farther stride, a step at a time, as B wants them; the other two cases are transposed. */
typedef struct lines {
    uint32_t along[SIDE][WORDS], step[WORDS][SIDE];
} __attribute__((aligned(64))) lines;

SIMD_INLINE bool by_steps(const gemm_pack *p) { return p->major == 1 && p->minor != 1; }

static void turn(const gemm_pack *p, const void *first, int64_t count, int64_t n, uint32_t *to)
{
    const void *rows[SIDE];
    for (int i = 0; i < count; i++)
        rows[i] = (const char *)first + i * n * 4;
    p->transpose((int)count, rows, n, to, (int)count);
}
static void turn_lines(const gemm_pack *p, lines *l, uint32_t *to) { turn(p, l->along, SIDE, WORDS, to); }
static void turn_steps(const gemm_pack *p, lines *l, uint32_t *to) { turn(p, l->step, WORDS, SIDE, to); }

/* How many of `most` elements from q on there are. */
SIMD_INLINE int64_t present(int64_t have, int64_t q, int64_t most) { return have - q < 0 ? 0 : have - q < most ? have - q : most; }

/* ---- Numbers that are words' parts already: bf16 and bytes */

/* n of `most` elements, `step` apart, and zeros. */
SIMD_INLINE void copy_line(const char *from, int64_t step, int64_t n, const int most, const int bytes, void *to)
{
    if (step == 1 && n == most) {
        memcpy(to, from, (size_t)(most * bytes));
        return;
    }
    memset(to, 0, (size_t)(most * bytes));
    for (int64_t q = 0; q < n; q++)
        memcpy((char *)to + q * bytes, from + q * step * bytes, (size_t)bytes);
}

SIMD_INLINE void pack_whole(const gemm_pack *p, const int bytes)
{
    const int unit = 4 / bytes;
    const char *from = p->from;
    lines l;
    for (int64_t block = 0, q0 = 0; block < p->run / WORDS; block++, q0 += WORDS * unit) {
        uint32_t *to = (uint32_t *)p->to + block * BLOCK_WORDS;
        if (by_steps(p)) {
            for (int s = 0; s < WORDS; s++) {
                uint8_t part[4][SIDE * 2];
                uint32_t *word = p->is_a ? l.step[s] : to + s * SIDE;
                for (int q = 0; q < unit; q++) {
                    const int64_t at = q0 + s * unit + q;
                    copy_line(from + at * p->minor * bytes, 1, at < p->have ? p->count : 0, SIDE, bytes, part[q]);
                }
                for (int i = 0; i < SIDE; i++)
                    word[i] = bytes == 2 ? (uint32_t)((uint16_t *)part[0])[i] | (uint32_t)((uint16_t *)part[1])[i] << 16
                                         : (uint32_t)part[0][i] | (uint32_t)part[1][i] << 8 | (uint32_t)part[2][i] << 16 | (uint32_t)part[3][i] << 24;
            }
            if (p->is_a)
                turn_steps(p, &l, to);
        } else {
            const int64_t n = present(p->have, q0, WORDS * unit);
            for (int i = 0; i < SIDE; i++)
                copy_line(from + (i * p->major + q0 * p->minor) * bytes, p->minor, i < p->count ? n : 0, WORDS * unit, bytes,
                          p->is_a ? to + i * WORDS : l.along[i]);
            if (!p->is_a)
                turn_lines(p, &l, to);
        }
    }
}
static void pack_bf16(const gemm_pack *p) { pack_whole(p, 2); }
static void pack_bytes(const gemm_pack *p) { pack_whole(p, 1); }

/* ---- Numbers that are rounded to bf16, once or in parts */

typedef float F16 __attribute__((vector_size(64)));     /* sixteen numbers */
typedef uint32_t U16 __attribute__((vector_size(64)));
typedef uint16_t H16 __attribute__((vector_size(32)));

/* x rounded to bf16, in the upper half of each word. */
SIMD_INLINE U16 rounded(F16 x)
{
#if defined(ISA_AMX)
    return (U16)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)x)), 16);
#else
    const U16 bits = (U16)x, nan = (U16)(x != x);
    return (((bits + 0x7fff + (bits >> 16 & 1)) & ~nan) | ((bits | 0x400000) & nan)) & 0xffff0000;
#endif
}

/* The next part of x, which keeps what is left. What an infinity leaves is NaN, and so are the sums that meet it. */
SIMD_INLINE U16 take_part(F16 *x)
{
    const U16 part = rounded(*x);
    *x -= (F16)part;
    return part;
}

SIMD_INLINE float load_f32(cairn_dtype type, const void *from, int64_t at)
{
    if (type == CAIRN_F32)
        return ((const float *)from)[at];
    const uint16_t half = ((const uint16_t *)from)[at];
    return type == CAIRN_BF16 ? bf16_to_f32(half) : f16_to_f32(half);
}

/* n <= SIDE elements from `at` on, `step` apart, and zeros. */
SIMD_INLINE void load_numbers(const gemm_pack *p, int64_t at, int64_t step, int64_t n, F16 x[2])
{
    if (n == SIDE && step == 1 && p->type == CAIRN_F32) {
        memcpy(x, (const float *)p->from + at, 2 * sizeof *x);
        return;
    }
    float each[SIDE] = {0};
    for (int64_t q = 0; q < n; q++)
        each[q] = load_f32(p->type, p->from, at + q * step);
    memcpy(x, each, sizeof each);
}

SIMD_INLINE void pack_parts(const gemm_pack *p, const int planes)
{
    lines l[3];
    for (int64_t block = 0, q0 = 0; block < p->run / WORDS; block++, q0 += SIDE) {
        uint32_t *to = (uint32_t *)p->to + block * planes * BLOCK_WORDS;
        if (by_steps(p)) {
            for (int s = 0; s < WORDS; s++) {
                F16 low[2], high[2];
                const int64_t q = q0 + 2 * s;
                load_numbers(p, q * p->minor, 1, q < p->have ? p->count : 0, low);
                load_numbers(p, (q + 1) * p->minor, 1, q + 1 < p->have ? p->count : 0, high);
                for (int plane = 0; plane < planes; plane++) {
                    uint32_t *word = p->is_a ? l[plane].step[s] : to + plane * BLOCK_WORDS + s * SIDE;
                    for (int half = 0; half < 2; half++) {
                        const U16 words = take_part(&low[half]) >> 16 | take_part(&high[half]);
                        memcpy(word + half * 16, &words, sizeof words);
                    }
                }
            }
            for (int plane = 0; plane < planes && p->is_a; plane++)
                turn_steps(p, &l[plane], to + plane * BLOCK_WORDS);
        } else {
            const int64_t n = present(p->have, q0, SIDE);
            for (int i = 0; i < SIDE; i++) {
                F16 x[2];
                load_numbers(p, i * p->major + q0 * p->minor, p->minor, i < p->count ? n : 0, x);
                for (int plane = 0; plane < planes; plane++)
                    for (int half = 0; half < 2; half++) {
                        const H16 parts = __builtin_convertvector(take_part(&x[half]) >> 16, H16);
                        memcpy((p->is_a ? to + plane * BLOCK_WORDS + i * WORDS : l[plane].along[i]) + half * 8, &parts, sizeof parts);
                    }
            }
            for (int plane = 0; plane < planes && !p->is_a; plane++)
                turn_lines(p, &l[plane], to + plane * BLOCK_WORDS);
        }
    }
}
static void pack_two(const gemm_pack *p) { pack_parts(p, 2); }
static void pack_three(const gemm_pack *p) { pack_parts(p, 3); }
static void pack_one(const gemm_pack *p)
{
    if (p->type == CAIRN_BF16)
        pack_bf16(p);
    else
        pack_parts(p, 1);
}

/* The whole number that the parts of element q of column i make; a first part that is not finite is all of it. */
static float join_parts(const void *panel, int64_t q, int i, int planes)
{
    float x = 0;
    for (int plane = planes - 1; plane >= 0; plane--) {
        const int64_t block = (q / SIDE * planes + plane) * BLOCK_WORDS, step = q % SIDE / 2;
        const float part = bf16_to_f32((uint16_t)(((const uint32_t *)panel)[block + step * SIDE + i] >> q % 2 * 16));
        x = part - part == 0 ? x + part : part;
    }
    return x;
}
static float element_1(const void *panel, int64_t q, int i) { return join_parts(panel, q, i, 1); }
static float element_2(const void *panel, int64_t q, int i) { return join_parts(panel, q, i, 2); }
static float element_3(const void *panel, int64_t q, int i) { return join_parts(panel, q, i, 3); }

/* ---- Tiles: C in tiles 0 .. 3, A in 4 and 5, B in 6 and 7 ----------------------------------------------- */

#define LOAD_A(a)                                                                  \
    do {                                                                           \
        TILE_LOAD(4, a, 64);                                                       \
        TILE_LOAD(5, (const char *)(a) + TILE_BYTES, 64);                          \
    } while (0)
#define LOAD_B(b)                                                                  \
    do {                                                                           \
        TILE_LOAD(6, b, 128);                                                      \
        TILE_LOAD(7, (const char *)(b) + 64, 128);                                 \
    } while (0)
/* The four products of one block of A with one of B. */
#define PRODUCTS(DOT)                                                              \
    do {                                                                           \
        DOT(0, 4, 6);                                                              \
        DOT(1, 4, 7);                                                              \
        DOT(2, 5, 6);                                                              \
        DOT(3, 5, 7);                                                              \
    } while (0)

typedef uint32_t sums_block[SIDE][SIDE];

/* Whether sums begin with what C holds and go there as they are; then the tile unit itself reads and writes C. */
SIMD_INLINE bool gathers_in_c(const gemm_tile *t) { return t->alpha == 1 && (t->beta == 0 || t->beta == 1); }
SIMD_INLINE bool is_whole(const gemm_tile *t) { return t->rows == SIDE && t->cols == SIDE; }

SIMD_INLINE void load_sums(const void *from, int64_t row)
{
    const char *at = from;
    TILE_LOAD(0, at, row);
    TILE_LOAD(1, at + 64, row);
    TILE_LOAD(2, at + 16 * row, row);
    TILE_LOAD(3, at + 16 * row + 64, row);
}

SIMD_INLINE void store_sums(void *to, int64_t row)
{
    char *at = to;
    TILE_STORE(0, at, row);
    TILE_STORE(1, at + 64, row);
    TILE_STORE(2, at + 16 * row, row);
    TILE_STORE(3, at + 16 * row + 64, row);
}

/* Sums of a whole tile begin with C itself, those of an edge with a copy. */
SIMD_INLINE void begin(const gemm_tile *t, sums_block sums, bool in_c)
{
    tiles_begin();
    if (!in_c || t->beta == 0) {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
    } else if (is_whole(t)) {
        load_sums(t->c, t->c_row * 4);
    } else {
        memset(sums, 0, sizeof(sums_block));
        for (int i = 0; i < t->rows; i++)
            memcpy(sums[i], (const uint32_t *)t->c + i * t->c_row, (size_t)t->cols * 4);
        load_sums(sums, 4 * SIDE);
    }
}

SIMD_INLINE void combine(const gemm_tile *t, sums_block sums)
{
    const VF alpha = vf_set((float)t->alpha), beta = vf_set((float)t->beta);
    for (int i = 0; i < t->rows; i++)
        for (int j = 0; j < t->cols; j += LANES_F32) {
            const int wide = t->cols - j < LANES_F32 ? t->cols - j : LANES_F32;
            float *c = (float *)t->c + i * t->c_row + j;
            const VF sum = alpha * vf_load((const float *)&sums[i][j]);
            vf_store_n(c, wide, t->beta == 0 ? sum : sum + beta * vf_load_n(c, wide));
        }
}

SIMD_INLINE void end(const gemm_tile *t, sums_block sums, bool in_c)
{
    if (in_c && is_whole(t)) {
        store_sums(t->c, t->c_row * 4);
        return;
    }
    store_sums(sums, 4 * SIDE);
    if (!in_c)
        combine(t, sums);
    else
        for (int i = 0; i < t->rows; i++)
            memcpy((uint32_t *)t->c + i * t->c_row, sums[i], (size_t)t->cols * 4);
}

/* The partial products as (plane of A, plane of B), small ones first as far as each keeps an operand of the one before. */
typedef struct partial { int a, b; } partial;
static const partial six[] = {{0, 2}, {0, 1}, {1, 1}, {1, 0}, {2, 0}, {0, 0}};
static const partial three[] = {{0, 1}, {0, 0}, {1, 0}};
static const partial one[] = {{0, 0}};

/* Parts gather in sums of their own for each run, which keeps the error of many additions down. */
SIMD_INLINE void multiply_parts(const gemm_tile *t, const partial *parts, const int count, const int planes)
{
    sums_block sums __attribute__((aligned(64)));
    const bool in_c = planes == 1 && gathers_in_c(t);
    begin(t, sums, in_c);
    for (int64_t block = 0; block < t->k / WORDS; block++)
        for (int q = 0; q < count; q++) {
            if (q == 0 || parts[q].a != parts[q - 1].a)
                LOAD_A((const uint32_t *)t->a + (block * planes + parts[q].a) * BLOCK_WORDS);
            if (q == 0 || parts[q].b != parts[q - 1].b)
                LOAD_B((const uint32_t *)t->b + (block * planes + parts[q].b) * BLOCK_WORDS);
            PRODUCTS(TILE_BF16);
        }
    end(t, sums, in_c);
}
static void packed_one(const gemm_tile *t) { multiply_parts(t, one, 1, 1); }
static void packed_three(const gemm_tile *t) { multiply_parts(t, three, 3, 2); }
static void packed_six(const gemm_tile *t) { multiply_parts(t, six, 6, 3); }

#define BYTES(name, DOT)                                                                                              \
    static void name(const gemm_tile *t)                                                                              \
    {                                                                                                                 \
        sums_block sums __attribute__((aligned(64)));                                                                 \
        begin(t, sums, true);                                                                                         \
        for (int64_t block = 0; block < t->k / WORDS; block++) {                                                      \
            LOAD_A((const uint32_t *)t->a + block * BLOCK_WORDS);                                                     \
            LOAD_B((const uint32_t *)t->b + block * BLOCK_WORDS);                                                     \
            PRODUCTS(DOT);                                                                                            \
        }                                                                                                             \
        end(t, sums, true);                                                                                           \
    }
BYTES(packed_u8i8, TILE_U8I8)
BYTES(packed_i8i8, TILE_I8I8)
BYTES(packed_i8u8, TILE_I8U8)
BYTES(packed_u8u8, TILE_U8U8)

#define AMX_KERNEL(name, sum_type, parts_of_word, planes, run, pack_panel)                                           \
    gemm_kernel KERNEL(name) = {.element_bytes = 4 * (planes), .sum = sum_type, .mr = SIDE, .nr = SIDE, .kc = KC,    \
                                .unit = parts_of_word, .round = WORDS, .repair = (planes) > 1, .element = (planes) == 1 ? element_1 : (planes) == 2 ? element_2 : element_3, .packed = run, .pack = pack_panel};
AMX_KERNEL(gemm_bf16, CAIRN_F32, 2, 1, packed_one, pack_one)
AMX_KERNEL(gemm_split3, CAIRN_F32, 2, 2, packed_three, pack_two)
AMX_KERNEL(gemm_split6, CAIRN_F32, 2, 3, packed_six, pack_three)
AMX_KERNEL(gemm_u8i8, CAIRN_I32, 4, 1, packed_u8i8, pack_bytes)
AMX_KERNEL(gemm_i8i8, CAIRN_I32, 4, 1, packed_i8i8, pack_bytes)
AMX_KERNEL(gemm_i8u8, CAIRN_I32, 4, 1, packed_i8u8, pack_bytes)
AMX_KERNEL(gemm_u8u8, CAIRN_I32, 4, 1, packed_u8u8, pack_bytes)
