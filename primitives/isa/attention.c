/* The kernels of attention of one instruction set: f32 and f64 from the same source, attention_tile.h. */
#include <math.h>
#include "primitives/isa/power.h"
#include "primitives/isa/vm_half.h"
#include "primitives/kernel_table.h"

#if defined(ISA_AVX512) || defined(ISA_NEON) /* 32 vector registers */
enum { MR = 14, KEYS = 8 * MR };
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#else
enum { MR = 6, KEYS = 16 * MR };
#define TILE_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif

#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#if SIMD_BYTES == 64
#define LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_F32 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_F32 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LOW_F64 LOW_8
#define HIGH_F64 HIGH_8
#elif SIMD_BYTES == 32
#define LOW_F32 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_F32 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_F64 0, 4, 1, 5
#define HIGH_F64 2, 6, 3, 7
#else
#define LOW_F32 0, 4, 1, 5
#define HIGH_F32 2, 6, 3, 7
#define LOW_F64 0, 2
#define HIGH_F64 1, 3
#endif

/* The larger of two; what a NaN gives does not matter here, since its weight is NaN in any case. */
#if defined(ISA_AVX512)
SIMD_INLINE VF larger_f32(VF a, VF b) { return _mm512_max_ps(a, b); }
SIMD_INLINE VD larger_f64(VD a, VD b) { return _mm512_max_pd(a, b); }
#elif defined(ISA_AVX2)
SIMD_INLINE VF larger_f32(VF a, VF b) { return _mm256_max_ps(a, b); }
SIMD_INLINE VD larger_f64(VD a, VD b) { return _mm256_max_pd(a, b); }
#else
SIMD_INLINE VF larger_f32(VF a, VF b) { VI m = a > b; return (VF)(((VI)a & m) | ((VI)b & ~m)); }
SIMD_INLINE VD larger_f64(VD a, VD b) { VL m = a > b; return (VD)(((VL)a & m) | ((VL)b & ~m)); }
#endif

#include "real_f32.h"
#define INTS VI
#define INT int32_t
#define V_LARGER larger_f32
#define V_POWER power_f32
#define V_LOW(a, b) SHUFFLE(a, b, LOW_F32)
#define V_HIGH(a, b) SHUFFLE(a, b, HIGH_F32)
#include "attention_tile.h"
#undef INTS
#undef INT
#undef V_LARGER
#undef V_POWER
#undef V_LOW
#undef V_HIGH

#include "real_f64.h"
#define INTS VL
#define INT int64_t
#define V_LARGER larger_f64
#define V_POWER power_f64
#define V_LOW(a, b) SHUFFLE(a, b, LOW_F64)
#define V_HIGH(a, b) SHUFFLE(a, b, HIGH_F64)
#include "attention_tile.h"

#define TABLE(real, lanes, bytes)                                                                                     \
    {                                                                                                                 \
        .element_bytes = bytes, .panel = 2 * (lanes), .block = KEYS, .by_rows = by_rows_##real,                       \
        .by_columns = by_columns_##real, .weigh = weigh_##real, .slope = slope_##real, .dots = dots_##real,           \
        .weigh_one = weigh_one_##real, .combine = combine_##real, .widen = widen_##real, .narrow = narrow_##real,     \
        .gather = gather_##real, .scatter = scatter_##real,                                                           \
    }
attention_kernel KERNEL(attention_f32) = TABLE(f32, LANES_F32, 4);
attention_kernel KERNEL(attention_f64) = TABLE(f64, LANES_F64, 8);
