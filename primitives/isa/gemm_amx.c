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

/* ---- Packing: words of `unit` elements, in blocks of WORDS steps ---------------------------------------- */

/* Where word (step, i) of a plane lies. */
SIMD_INLINE int64_t word_at(const gemm_pack *p, int64_t step, int i, int planes, int plane)
{
    const int64_t block = (step / WORDS * planes + plane) * BLOCK_WORDS, s = step % WORDS;
    return block + (p->is_a ? i * WORDS + s : s * SIDE + i);
}

/* x's next part, rounded to bf16; x keeps what is left. */
SIMD_INLINE uint16_t take_part(float *x)
{
    const uint16_t part = f32_to_bf16(*x);
    const float left = *x - bf16_to_f32(part);
    *x = left - left == 0 ? left : 0; /* infinity and NaN are in the first part alone */
    return part;
}

/* The whole number that the parts of element q of column i make. */
SIMD_INLINE float join_parts(const void *panel, int64_t q, int i, int planes)
{
    const gemm_pack shape = {.is_a = false};
    float x = 0;
    for (int plane = planes - 1; plane >= 0; plane--)
        x += bf16_to_f32((uint16_t)(((const uint32_t *)panel)[word_at(&shape, q / 2, i, planes, plane)] >> q % 2 * 16));
    return x;
}
static float element_1(const void *panel, int64_t q, int i) { return join_parts(panel, q, i, 1); }
static float element_2(const void *panel, int64_t q, int i) { return join_parts(panel, q, i, 2); }
static float element_3(const void *panel, int64_t q, int i) { return join_parts(panel, q, i, 3); }

SIMD_INLINE float load_f32(const gemm_pack *p, int64_t at)
{
    if (p->type == CAIRN_F32)
        return ((const float *)p->from)[at];
    const uint16_t half = ((const uint16_t *)p->from)[at];
    return p->type == CAIRN_BF16 ? bf16_to_f32(half) : f16_to_f32(half);
}

SIMD_INLINE void pack_parts(const gemm_pack *p, const int planes)
{
    uint32_t *to = p->to;
    for (int64_t step = 0; step < p->run; step++)
        for (int i = 0; i < SIDE; i++) {
            float x[2] = {0, 0};
            for (int q = 0; q < 2; q++)
                if (i < p->count && 2 * step + q < p->have)
                    x[q] = load_f32(p, i * p->major + (2 * step + q) * p->minor);
            for (int plane = 0; plane < planes; plane++) {
                const uint32_t low = take_part(&x[0]), high = take_part(&x[1]);
                to[word_at(p, step, i, planes, plane)] = low | high << 16;
            }
        }
}
static void pack_one(const gemm_pack *p) { pack_parts(p, 1); }
static void pack_two(const gemm_pack *p) { pack_parts(p, 2); }
static void pack_three(const gemm_pack *p) { pack_parts(p, 3); }

static void pack_bytes(const gemm_pack *p)
{
    const uint8_t *from = p->from;
    for (int64_t step = 0; step < p->run; step++)
        for (int i = 0; i < SIDE; i++) {
            uint32_t word = 0;
            for (int q = 0; q < 4; q++)
                if (i < p->count && 4 * step + q < p->have)
                    word |= (uint32_t)from[i * p->major + (4 * step + q) * p->minor] << 8 * q;
            ((uint32_t *)p->to)[word_at(p, step, i, 1, 0)] = word;
        }
}

/* ---- Tiles: C in tiles 0 .. 3, A in 4 and 5, B in 6 and 7 ----------------------------------------------- */

/* The four products of one block of A with one of B. */
#define PRODUCTS(DOT, a, b)                                                        \
    do {                                                                           \
        TILE_LOAD(4, a, 64);                                                       \
        TILE_LOAD(5, (const char *)(a) + TILE_BYTES, 64);                          \
        TILE_LOAD(6, b, 128);                                                      \
        TILE_LOAD(7, (const char *)(b) + 64, 128);                                 \
        DOT(0, 4, 6);                                                              \
        DOT(1, 4, 7);                                                              \
        DOT(2, 5, 6);                                                              \
        DOT(3, 5, 7);                                                              \
    } while (0)

SIMD_INLINE void begin(void)
{
    tiles_begin();
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_ZERO(2);
    TILE_ZERO(3);
}

SIMD_INLINE void end(uint32_t sums[SIDE][SIDE])
{
    TILE_STORE(0, sums[0], 4 * SIDE);
    TILE_STORE(1, sums[0] + 16, 4 * SIDE);
    TILE_STORE(2, sums[16], 4 * SIDE);
    TILE_STORE(3, sums[16] + 16, 4 * SIDE);
}

static void store_f32(const gemm_tile *t, uint32_t sums[SIDE][SIDE])
{
    const float alpha = (float)t->alpha, beta = (float)t->beta;
    for (int i = 0; i < t->rows; i++)
        for (int j = 0; j < t->cols; j++) {
            float *c = (float *)t->c + i * t->c_row + j;
            const float sum = half_bits(sums[i][j]);
            *c = beta == 0 ? alpha * sum : alpha * sum + beta * *c;
        }
}

static void store_i32(const gemm_tile *t, uint32_t sums[SIDE][SIDE])
{
    for (int i = 0; i < t->rows; i++)
        for (int j = 0; j < t->cols; j++) {
            uint32_t *c = (uint32_t *)t->c + i * t->c_row + j;
            *c = sums[i][j] + (t->beta == 0 ? 0 : *c);
        }
}

/* The partial products, smallest first: (plane of A, plane of B). */
typedef struct partial { int a, b; } partial;
static const partial six[] = {{1, 1}, {0, 2}, {2, 0}, {0, 1}, {1, 0}, {0, 0}};
static const partial three[] = {{0, 1}, {1, 0}, {0, 0}};
static const partial one[] = {{0, 0}};

SIMD_INLINE void multiply_parts(const gemm_tile *t, const partial *parts, const int count, const int planes)
{
    uint32_t sums[SIDE][SIDE] __attribute__((aligned(64)));
    begin();
    for (int64_t block = 0; block < t->k / WORDS; block++)
        for (int q = 0; q < count; q++) {
            const uint32_t *a = (const uint32_t *)t->a + (block * planes + parts[q].a) * BLOCK_WORDS;
            const uint32_t *b = (const uint32_t *)t->b + (block * planes + parts[q].b) * BLOCK_WORDS;
            PRODUCTS(TILE_BF16, a, b);
        }
    end(sums);
    store_f32(t, sums);
}
static void packed_one(const gemm_tile *t) { multiply_parts(t, one, 1, 1); }
static void packed_three(const gemm_tile *t) { multiply_parts(t, three, 3, 2); }
static void packed_six(const gemm_tile *t) { multiply_parts(t, six, 6, 3); }

#define BYTES(name, DOT)                                                                                              \
    static void name(const gemm_tile *t)                                                                              \
    {                                                                                                                 \
        uint32_t sums[SIDE][SIDE] __attribute__((aligned(64)));                                                       \
        begin();                                                                                                      \
        for (int64_t block = 0; block < t->k / WORDS; block++)                                                        \
            PRODUCTS(DOT, (const uint32_t *)t->a + block * BLOCK_WORDS, (const uint32_t *)t->b + block * BLOCK_WORDS); \
        end(sums);                                                                                                    \
        store_i32(t, sums);                                                                                           \
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
