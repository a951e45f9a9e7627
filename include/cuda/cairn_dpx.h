/* CUDA's DPX functions: sums and the greatest or least of two or three numbers, of which dynamic programs (alignments, shortest
 * paths) consist. s32, u32: whole words; s16x2, u16x2: the two halves of a word, each for itself. Sums wrap. For host and
 * device. */
#ifndef CAIRN_DPX_H
#define CAIRN_DPX_H
#define CAIRN_DPX static __inline__ __host__ __device__
#define CAIRN_MAX(x, y) ((x) > (y) ? (x) : (y))
#define CAIRN_MIN(x, y) ((x) < (y) ? (x) : (y))
#define CAIRN_SUM(T, x, y) ((T)((unsigned)(x) + (unsigned)(y)))

/* A function of a, b and more, and for halves with x, y, z taken from them. F(T) is made of x, y, z of type T. */
#define CAIRN_WORDS3(name, T, F) CAIRN_DPX T name(const T x, const T y, const T z) { return F(T); }
#define CAIRN_WORDS2(name, T, F) CAIRN_DPX T name(const T x, const T y) { return F(T); }
#define CAIRN_EACH_HALF(T, c, F)                                                                      \
    unsigned halves = 0;                                                                              \
    for (int i = 0; i < 32; i += 16) {                                                                \
        const T x = (T)(a >> i), y = (T)(b >> i), z = (T)((c) >> i);                                  \
        (void)z;                                                                                      \
        halves |= (unsigned)(unsigned short)(F(T)) << i;                                              \
    }                                                                                                 \
    return halves;
#define CAIRN_HALVES3(name, T, F) CAIRN_DPX unsigned name(const unsigned a, const unsigned b, const unsigned c) { CAIRN_EACH_HALF(T, c, F) }
#define CAIRN_HALVES2(name, T, F) CAIRN_DPX unsigned name(const unsigned a, const unsigned b) { CAIRN_EACH_HALF(T, 0u, F) }

#define CAIRN_MAX3(T) CAIRN_MAX(CAIRN_MAX(x, y), z)
#define CAIRN_MIN3(T) CAIRN_MIN(CAIRN_MIN(x, y), z)
#define CAIRN_ADDMAX(T) CAIRN_MAX(CAIRN_SUM(T, x, y), z)
#define CAIRN_ADDMIN(T) CAIRN_MIN(CAIRN_SUM(T, x, y), z)
#define CAIRN_MAX3_RELU(T) CAIRN_MAX(CAIRN_MAX3(T), 0)
#define CAIRN_MIN3_RELU(T) CAIRN_MAX(CAIRN_MIN3(T), 0)
#define CAIRN_ADDMAX_RELU(T) CAIRN_MAX(CAIRN_ADDMAX(T), 0)
#define CAIRN_ADDMIN_RELU(T) CAIRN_MAX(CAIRN_ADDMIN(T), 0)
#define CAIRN_MAX2_RELU(T) CAIRN_MAX(CAIRN_MAX(x, y), 0)
#define CAIRN_MIN2_RELU(T) CAIRN_MAX(CAIRN_MIN(x, y), 0)

#define CAIRN_FAMILY(name, F)                                                                         \
    CAIRN_WORDS3(name##_s32, int, F) CAIRN_WORDS3(name##_u32, unsigned, F)                            \
    CAIRN_HALVES3(name##_s16x2, short, F) CAIRN_HALVES3(name##_u16x2, unsigned short, F)              \
    CAIRN_WORDS3(name##_s32_relu, int, F##_RELU) CAIRN_HALVES3(name##_s16x2_relu, short, F##_RELU)
CAIRN_FAMILY(__vimax3, CAIRN_MAX3)
CAIRN_FAMILY(__vimin3, CAIRN_MIN3)
CAIRN_FAMILY(__viaddmax, CAIRN_ADDMAX)
CAIRN_FAMILY(__viaddmin, CAIRN_ADDMIN)
CAIRN_WORDS2(__vimax_s32_relu, int, CAIRN_MAX2_RELU)
CAIRN_WORDS2(__vimin_s32_relu, int, CAIRN_MIN2_RELU)
CAIRN_HALVES2(__vimax_s16x2_relu, short, CAIRN_MAX2_RELU)
CAIRN_HALVES2(__vimin_s16x2_relu, short, CAIRN_MIN2_RELU)

/* Which one it was: true for a, also where both are equal. */
#define CAIRN_WHICH(name, T, H, sign, op)                                                             \
    CAIRN_DPX T name##_##sign##32(const T a, const T b, bool *const pred) { return (*pred = a op b) ? a : b; } \
    CAIRN_DPX unsigned name##_##sign##16x2(const unsigned a, const unsigned b, bool *const pred_hi, bool *const pred_lo) \
    {                                                                                                 \
        *pred_hi = (H)(a >> 16) op(H)(b >> 16);                                                       \
        *pred_lo = (H)a op(H)b;                                                                       \
        return ((*pred_hi ? a : b) & 0xffff0000u) | ((*pred_lo ? a : b) & 0xffffu);                   \
    }
CAIRN_WHICH(__vibmax, int, short, s, >=)
CAIRN_WHICH(__vibmax, unsigned, unsigned short, u, >=)
CAIRN_WHICH(__vibmin, int, short, s, <=)
CAIRN_WHICH(__vibmin, unsigned, unsigned short, u, <=)

#undef CAIRN_DPX
#undef CAIRN_MAX
#undef CAIRN_MIN
#undef CAIRN_SUM
#undef CAIRN_WORDS3
#undef CAIRN_WORDS2
#undef CAIRN_EACH_HALF
#undef CAIRN_HALVES3
#undef CAIRN_HALVES2
#undef CAIRN_MAX3
#undef CAIRN_MIN3
#undef CAIRN_ADDMAX
#undef CAIRN_ADDMIN
#undef CAIRN_MAX3_RELU
#undef CAIRN_MIN3_RELU
#undef CAIRN_ADDMAX_RELU
#undef CAIRN_ADDMIN_RELU
#undef CAIRN_MAX2_RELU
#undef CAIRN_MIN2_RELU
#undef CAIRN_FAMILY
#undef CAIRN_WHICH
#endif
