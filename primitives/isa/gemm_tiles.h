/* AMX tiles: eight registers of 16 rows of 64 bytes. The same operations as plain C where the unit is not: their bits differ from the
 * unit's only in how bf16 sums round, so that the logic of kernels over them is tested on every machine. */
#ifndef ISA_GEMM_TILES_H
#define ISA_GEMM_TILES_H
#include <stdint.h>
#include <string.h>

#if defined(ISA_AMX)
#include <immintrin.h>

/* All eight tiles at full size. Linux gives the state to a process that asks once (base/cpu.c). */
static inline void tiles_begin(void)
{
    static const struct { uint8_t palette, start, reserved[14]; uint16_t row_bytes[16]; uint8_t rows[16]; } __attribute__((aligned(64)))
    whole = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&whole);
}
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, from, step_bytes) _tile_loadd(t, from, step_bytes)
#define TILE_STORE(t, to, step_bytes) _tile_stored(t, to, step_bytes)
#define TILE_BF16(c, a, b) _tile_dpbf16ps(c, a, b)  /* c[i][j] += sum over p, q of a[i][2p + q] b[p][2j + q] */
#define TILE_U8I8(c, a, b) _tile_dpbusd(c, a, b)    /* in fours */
#define TILE_I8I8(c, a, b) _tile_dpbssd(c, a, b)
#define TILE_I8U8(c, a, b) _tile_dpbsud(c, a, b)
#define TILE_U8U8(c, a, b) _tile_dpbuud(c, a, b)
#else

typedef union plain_tile {
    uint8_t row[16][64];
    float f32[16][16];
    uint32_t u32[16][16];
    uint16_t u16[16][32];
} plain_tile;
static _Thread_local plain_tile plain_tiles[8];

static inline void tiles_begin(void) {}
static inline void plain_load(int t, const void *from, int64_t step)
{
    for (int i = 0; i < 16; i++)
        memcpy(plain_tiles[t].row[i], (const char *)from + i * step, 64);
}
static inline void plain_store(int t, void *to, int64_t step)
{
    for (int i = 0; i < 16; i++)
        memcpy((char *)to + i * step, plain_tiles[t].row[i], 64);
}
static inline float plain_bf16(uint16_t h)
{
    const uint32_t bits = (uint32_t)h << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline void plain_dot_bf16(int c, int a, int b)
{
    for (int i = 0; i < 16; i++)
        for (int p = 0; p < 16; p++)
            for (int j = 0; j < 16; j++)
                for (int q = 0; q < 2; q++)
                    plain_tiles[c].f32[i][j] += plain_bf16(plain_tiles[a].u16[i][2 * p + q]) * plain_bf16(plain_tiles[b].u16[p][2 * j + q]);
}
static inline void plain_dot_bytes(int c, int a, int b, int a_signed, int b_signed)
{
    for (int i = 0; i < 16; i++)
        for (int p = 0; p < 16; p++)
            for (int j = 0; j < 16; j++)
                for (int q = 0; q < 4; q++) {
                    const uint8_t x = plain_tiles[a].row[i][4 * p + q], y = plain_tiles[b].row[p][4 * j + q];
                    plain_tiles[c].u32[i][j] += (uint32_t)((a_signed ? (int8_t)x : x) * (b_signed ? (int8_t)y : y));
                }
}
#define TILE_ZERO(t) memset(&plain_tiles[t], 0, sizeof plain_tiles[t])
#define TILE_LOAD(t, from, step_bytes) plain_load(t, from, step_bytes)
#define TILE_STORE(t, to, step_bytes) plain_store(t, to, step_bytes)
#define TILE_BF16(c, a, b) plain_dot_bf16(c, a, b)
#define TILE_U8I8(c, a, b) plain_dot_bytes(c, a, b, 0, 1)
#define TILE_I8I8(c, a, b) plain_dot_bytes(c, a, b, 1, 1)
#define TILE_I8U8(c, a, b) plain_dot_bytes(c, a, b, 1, 0)
#define TILE_U8U8(c, a, b) plain_dot_bytes(c, a, b, 0, 0)
#endif

#endif
