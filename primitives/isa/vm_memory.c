/* Loads, stores, casts and narrowings of blocks. The loops are plain: the compiler vectorizes them. */
#include "primitives/isa/vm_half.h"
#include "primitives/program/vm.h"
#include "primitives/simd.h"

static inline float same_f32(float x) { return x; }
static inline double same_f64(double x) { return x; }
static inline int32_t same_i32(int32_t x) { return x; }
static inline int64_t same_i64(int64_t x) { return x; }
static inline int32_t from_u8(uint8_t x) { return x; }
static inline int32_t from_i8(int8_t x) { return x; }
static inline int32_t from_i16(int16_t x) { return x; }
static inline int32_t from_bool(uint8_t x) { return x != 0; }
static inline uint8_t to_bool(int32_t x) { return x != 0; }
static inline uint8_t to_u8(int32_t x) { return (uint8_t)x; }
static inline int8_t to_i8(int32_t x) { return (int8_t)(uint8_t)x; }
static inline int16_t to_i16(int32_t x) { return (int16_t)(uint16_t)x; }

/* One row a type in memory: X(dtype, element in memory, register, load, store). */
#define MEMORY_TYPES(X)                                   \
    X(BOOL, uint8_t, int32_t, from_bool, to_bool)         \
    X(U8, uint8_t, int32_t, from_u8, to_u8)               \
    X(I8, int8_t, int32_t, from_i8, to_i8)                \
    X(I16, int16_t, int32_t, from_i16, to_i16)            \
    X(I32, int32_t, int32_t, same_i32, same_i32)          \
    X(I64, int64_t, int64_t, same_i64, same_i64)          \
    X(F16, uint16_t, float, from_f16, to_f16)             \
    X(BF16, uint16_t, float, from_bf16, to_bf16)          \
    X(F32, float, float, same_f32, same_f32)              \
    X(F64, double, double, same_f64, same_f64)

/* Rows of d are registers or memory with contiguous columns, so never overlap a in part: either the same, or apart. */
#define X(dtype, MEMORY, REGISTER, load, store)                                          \
    static void load_##dtype(const vm_args *s)                                           \
    {                                                                                    \
        int64_t n = s->cols, stride = s->b_step;                                         \
        for (int64_t r = 0; r < s->rows; r++) {                                          \
            const MEMORY *restrict a = (const MEMORY *)s->a + r * s->a_step;             \
            REGISTER *restrict d = (REGISTER *)s->d + r * s->d_step;                     \
            if (stride == 1)                                                             \
                for (int64_t i = 0; i < n; i++)                                          \
                    d[i] = load(a[i]);                                                   \
            else                                                                         \
                for (int64_t i = 0; i < n; i++)                                          \
                    d[i] = load(a[i * stride]);                                          \
        }                                                                                \
    }                                                                                    \
    static void store_##dtype(const vm_args *s)                                          \
    {                                                                                    \
        int64_t n = s->cols, stride = s->b_step;                                         \
        for (int64_t r = 0; r < s->rows; r++) {                                          \
            const REGISTER *restrict a = (const REGISTER *)s->a + r * s->a_step;         \
            MEMORY *restrict d = (MEMORY *)s->d + r * s->d_step;                         \
            if (stride == 1)                                                             \
                for (int64_t i = 0; i < n; i++)                                          \
                    d[i] = store(a[i]);                                                  \
            else                                                                         \
                for (int64_t i = 0; i < n; i++)                                          \
                    d[i * stride] = store(a[i]);                                         \
        }                                                                                \
    }
MEMORY_TYPES(X)
#undef X

/* Stores of whole vectors past the caches: a result larger than they are is not read into them first. Ends stay cached. */
static void stream_bytes(char *d, const char *a, int64_t bytes)
{
    int64_t i = -(intptr_t)d & (SIMD_BYTES - 1);
    if (i > bytes)
        i = bytes;
    memcpy(d, a, (size_t)i);
    for (; i + SIMD_BYTES <= bytes; i += SIMD_BYTES) {
#if defined(ISA_AVX512)
        _mm512_stream_si512((__m512i *)(d + i), _mm512_loadu_si512(a + i));
#elif defined(ISA_AVX2)
        _mm256_stream_si256((__m256i *)(d + i), _mm256_loadu_si256((const __m256i *)(a + i)));
#elif defined(ISA_V2)
        _mm_stream_si128((__m128i *)(d + i), _mm_loadu_si128((const __m128i *)(a + i)));
#else
        memcpy(d + i, a + i, SIMD_BYTES);
#endif
    }
    memcpy(d + i, a + i, (size_t)(bytes - i));
}

static void stream_block(const vm_args *s, int64_t size)
{
    for (int64_t r = 0; r < s->rows; r++)
        stream_bytes((char *)s->d + r * s->d_step * size, (const char *)s->a + r * s->a_step * size, s->cols * size);
}
static void stream_4(const vm_args *s) { stream_block(s, 4); }
static void stream_8(const vm_args *s) { stream_block(s, 8); }

/* Before another thread may look. */
static void stream_end(void)
{
#if defined(ISA_AVX512) || defined(ISA_AVX2) || defined(ISA_V2)
    _mm_sfence();
#endif
}

static void index_block(const vm_args *s)
{
    for (int64_t r = 0; r < s->rows; r++) {
        int64_t *d = (int64_t *)s->d + r * s->d_step, first = s->c_step + r * s->a_step, step = s->b_step;
        for (int64_t i = 0; i < s->cols; i++)
            d[i] = first + i * step;
    }
}

#define SPLAT(name, E)                                                          \
    static void splat_##name(const vm_args *s)                                  \
    {                                                                           \
        for (int64_t r = 0; r < s->rows; r++) {                                 \
            E x = ((const E *)s->a)[r * s->a_step], *d = (E *)s->d + r * s->d_step; \
            for (int64_t i = 0; i < s->cols; i++)                               \
                d[i] = x;                                                       \
        }                                                                       \
    }
SPLAT(f32, float)
SPLAT(f64, double)
SPLAT(i32, int32_t)
SPLAT(i64, int64_t)

/* Float to integer truncates and saturates; NaN gives 0. 2^31 and 2^63 are exact in either float type, and so is the
 * largest float below, whatever it is: what is not below goes to the largest integer. */
#define FLOAT_TO_INTEGER(name, F, I, limit, largest)                            \
    static inline I name(F x)                                                   \
    {                                                                           \
        bool high = x >= limit, low = x < -limit, fits = !high && !low && x == x; \
        I whole = (I)(fits ? x : 0);                                            \
        return high ? largest : low ? -largest - 1 : whole;                     \
    }
FLOAT_TO_INTEGER(f32_to_i32, float, int32_t, 0x1p31f, INT32_MAX)
FLOAT_TO_INTEGER(f32_to_i64, float, int64_t, 0x1p63f, INT64_MAX)
FLOAT_TO_INTEGER(f64_to_i32, double, int32_t, 0x1p31, INT32_MAX)
FLOAT_TO_INTEGER(f64_to_i64, double, int64_t, 0x1p63, INT64_MAX)
static inline int32_t i64_to_i32(int64_t x) { return (int32_t)(uint32_t)x; }

/* X(from, to, element from, element to, conversion). */
#define CASTS(X)                                       \
    X(F32, F64, float, double, (double))               \
    X(F32, I32, float, int32_t, f32_to_i32)            \
    X(F32, I64, float, int64_t, f32_to_i64)            \
    X(F64, F32, double, float, (float))                \
    X(F64, I32, double, int32_t, f64_to_i32)           \
    X(F64, I64, double, int64_t, f64_to_i64)           \
    X(I32, F32, int32_t, float, (float))               \
    X(I32, F64, int32_t, double, (double))             \
    X(I32, I64, int32_t, int64_t, (int64_t))           \
    X(I64, F32, int64_t, float, (float))               \
    X(I64, F64, int64_t, double, (double))             \
    X(I64, I32, int64_t, int32_t, i64_to_i32)

static inline float f16_f32(float x) { return from_f16(to_f16(x)); }
static inline float bf16_f32(float x) { return from_bf16(to_bf16(x)); }
static inline float bool_f32(float x) { return x != 0; }
static inline double f32_f64(double x) { return (float)x; }
static inline double f16_f64(double x) { return f16_f32((float)x); }
static inline double bf16_f64(double x) { return bf16_f32((float)x); }
static inline double bool_f64(double x) { return x != 0; }
static inline int32_t i16_i32(int32_t x) { return to_i16(x); }
static inline int32_t i8_i32(int32_t x) { return to_i8(x); }
static inline int32_t u8_i32(int32_t x) { return to_u8(x); }
static inline int32_t bool_i32(int32_t x) { return x != 0; }
static inline int64_t i32_i64(int64_t x) { return i64_to_i32(x); }
static inline int64_t i16_i64(int64_t x) { return to_i16((int32_t)(uint32_t)x); }
static inline int64_t i8_i64(int64_t x) { return to_i8((int32_t)(uint32_t)x); }
static inline int64_t u8_i64(int64_t x) { return to_u8((int32_t)(uint32_t)x); }
static inline int64_t bool_i64(int64_t x) { return x != 0; }

/* X(register type, dtype narrowed to, element, narrowing). */
#define NARROWINGS(X)                                                                                       \
    X(F32, F32, float, same_f32) X(F32, F16, float, f16_f32) X(F32, BF16, float, bf16_f32)                  \
    X(F32, BOOL, float, bool_f32)                                                                           \
    X(F64, F64, double, same_f64) X(F64, F32, double, f32_f64) X(F64, F16, double, f16_f64)                 \
    X(F64, BF16, double, bf16_f64) X(F64, BOOL, double, bool_f64)                                           \
    X(I32, I32, int32_t, same_i32) X(I32, I16, int32_t, i16_i32) X(I32, I8, int32_t, i8_i32)                \
    X(I32, U8, int32_t, u8_i32) X(I32, BOOL, int32_t, bool_i32)                                             \
    X(I64, I64, int64_t, same_i64) X(I64, I32, int64_t, i32_i64) X(I64, I16, int64_t, i16_i64)              \
    X(I64, I8, int64_t, i8_i64) X(I64, U8, int64_t, u8_i64) X(I64, BOOL, int64_t, bool_i64)

/* d may be a itself, where the types are of one size: the loop may be vectorized all the same. clang, which lacks the
 * pragma, tests for overlap when it runs. */
#ifdef __clang__
#define ELEMENTWISE
#else
#define ELEMENTWISE _Pragma("GCC ivdep")
#endif

#define CONVERT(name, FROM, TO, convert)                                        \
    static void name(const vm_args *s)                                          \
    {                                                                           \
        for (int64_t r = 0; r < s->rows; r++) {                                 \
            const FROM *a = (const FROM *)s->a + r * s->a_step;                 \
            TO *d = (TO *)s->d + r * s->d_step;                                 \
            ELEMENTWISE for (int64_t i = 0; i < s->cols; i++)          \
                d[i] = convert(a[i]);                                           \
        }                                                                       \
    }
#define X(from, to, FROM, TO, convert) CONVERT(cast_##from##_##to, FROM, TO, convert)
CASTS(X)
#undef X
#define X(type, dtype, E, convert) CONVERT(narrow_##type##_##dtype, E, E, convert)
NARROWINGS(X)
#undef X

void KERNEL(vm_fill_memory)(vm_table *t);
void KERNEL(vm_fill_memory)(vm_table *t)
{
#define X(dtype, MEMORY, REGISTER, from, to)     \
    t->load[CAIRN_##dtype] = load_##dtype;       \
    t->store[CAIRN_##dtype] = store_##dtype;
    MEMORY_TYPES(X)
#undef X
#define X(from, to, FROM, TO, convert) t->cast[PT_##from][PT_##to] = cast_##from##_##to;
    CASTS(X)
#undef X
#define X(type, dtype, E, convert) t->narrow[PT_##type][CAIRN_##dtype] = narrow_##type##_##dtype;
    NARROWINGS(X)
#undef X
    t->stream[CAIRN_F32] = t->stream[CAIRN_I32] = stream_4;
    t->stream[CAIRN_F64] = t->stream[CAIRN_I64] = stream_8;
    t->stream_end = stream_end;
    t->index = index_block;
    t->splat[PT_F32] = splat_f32;
    t->splat[PT_F64] = splat_f64;
    t->splat[PT_I32] = splat_i32;
    t->splat[PT_I64] = splat_i64;
}
