/* Transposes: squares of one vector's width in registers for 4 and 8 bytes, blocks of 8 x 8 for 1 and 2. */
#include "primitives/kernel_table.h"
#include "primitives/simd.h"

/* The first and the second halves of two vectors, interleaved element by element. */
#if SIMD_BYTES == 64
#define LOW_4 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_4 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#elif SIMD_BYTES == 32
#define LOW_4 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_4 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_8 0, 4, 1, 5
#define HIGH_8 2, 6, 3, 7
#else
#define LOW_4 0, 4, 1, 5
#define HIGH_4 2, 6, 3, 7
#define LOW_8 0, 2
#define HIGH_8 1, 3
#endif

SIMD_INLINE void stream_i(int32_t *p, VI v)
{
#if defined(ISA_AVX512)
    _mm512_stream_si512((__m512i *)p, (__m512i)v);
#elif defined(ISA_AVX2)
    _mm256_stream_si256((__m256i *)p, (__m256i)v);
#else
    vi_store(p, v);
#endif
}
SIMD_INLINE void stream_l(int64_t *p, VL v) { stream_i((int32_t *)p, (VI)v); }

/* Streamed stores are ordered with those of other threads only behind a fence. */
SIMD_INLINE void finish_stream(bool stream)
{
#if defined(ISA_AVX2) || defined(ISA_AVX512)
    if (stream)
        _mm_sfence();
#else
    (void)stream;
#endif
}

/* A square: log2(lanes) rounds, each interleaving row i with row i + lanes / 2. Then strips of squares, 64 rows at a time, so that
 * reads and writes go along whole lines of few pages. */
#define TRANSPOSE(bytes, T, V, lanes, load, store, stream_store)                                                       \
    SIMD_INLINE void square_##bytes(const T *from, int64_t from_row, T *to, int64_t to_row, bool stream)               \
    {                                                                                                                 \
        V v[lanes], w[lanes];                                                                                         \
        UNROLL for (int i = 0; i < lanes; i++)                                                                        \
            v[i] = load(from + i * from_row);                                                                         \
        UNROLL for (int round = 1; round < lanes; round *= 2) {                                                       \
            UNROLL for (int i = 0; i < lanes / 2; i++) {                                                              \
                w[2 * i] = __builtin_shufflevector(v[i], v[i + lanes / 2], LOW_##bytes);                              \
                w[2 * i + 1] = __builtin_shufflevector(v[i], v[i + lanes / 2], HIGH_##bytes);                         \
            }                                                                                                         \
            UNROLL for (int i = 0; i < lanes; i++)                                                                    \
                v[i] = w[i];                                                                                          \
        }                                                                                                             \
        UNROLL for (int i = 0; i < lanes; i++)                                                                        \
            if (stream)                                                                                               \
                stream_store(to + i * to_row, v[i]);                                                                  \
            else                                                                                                      \
                store(to + i * to_row, v[i]);                                                                         \
    }                                                                                                                 \
    static void transpose_##bytes(int64_t rows, int64_t columns, const void *from, int64_t from_row, void *to, int64_t to_row, bool stream) \
    {                                                                                                                 \
        enum { STRIP = 64 };                                                                                          \
        const T *in = from;                                                                                           \
        T *out = to;                                                                                                  \
        const int64_t whole = columns / lanes * lanes, tall = rows / lanes * lanes;                                   \
        stream = stream && (uintptr_t)to % SIMD_BYTES == 0 && to_row * bytes % SIMD_BYTES == 0;                       \
        for (int64_t i0 = 0; i0 < tall; i0 += STRIP)                                                                  \
            for (int64_t j = 0; j < whole; j += lanes)                                                                \
                for (int64_t i = i0; i < i0 + STRIP && i < tall; i += lanes)                                          \
                    square_##bytes(in + i * from_row + j, from_row, out + j * to_row + i, to_row, stream);            \
        for (int64_t i = 0; i < rows; i++)                                                                            \
            for (int64_t j = i < tall ? whole : 0; j < columns; j++)                                                  \
                out[j * to_row + i] = in[i * from_row + j];                                                           \
        finish_stream(stream);                                                                                        \
    }
TRANSPOSE(4, int32_t, VI, LANES_F32, vi_load, vi_store, stream_i)
TRANSPOSE(8, int64_t, VL, LANES_F64, vl_load, vl_store, stream_l)

#define TRANSPOSE_SMALL(bytes, T)                                                                                     \
    static void transpose_##bytes(int64_t rows, int64_t columns, const void *from, int64_t from_row, void *to, int64_t to_row, bool stream) \
    {                                                                                                                 \
        enum { BLOCK = 16 };                                                                                          \
        const T *in = from;                                                                                           \
        T *out = to;                                                                                                  \
        (void)stream;                                                                                                 \
        for (int64_t i0 = 0; i0 < rows; i0 += BLOCK)                                                                  \
            for (int64_t j0 = 0; j0 < columns; j0 += BLOCK)                                                           \
                for (int64_t j = j0; j < j0 + BLOCK && j < columns; j++)                                              \
                    for (int64_t i = i0; i < i0 + BLOCK && i < rows; i++)                                             \
                        out[j * to_row + i] = in[i * from_row + j];                                                   \
    }
TRANSPOSE_SMALL(1, uint8_t)
TRANSPOSE_SMALL(2, uint16_t)

extern transpose_kernel KERNEL(transpose);
transpose_kernel KERNEL(transpose) = {{transpose_1, transpose_2, transpose_4, transpose_8}};
