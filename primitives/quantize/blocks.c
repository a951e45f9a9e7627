/* Block-scaled numbers to and from f32. */
#include "base/error.h"
#include "base/pool.h"
#include "primitives/apart.h"
#include "primitives/slots.h"
#include <cairn/dnn/quantize.h>

#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* ---- FP8 ----------------------------------------------------------------------------------------*/

static float power_of_two(int e)            /* -149 <= e <= 127 */
{
    const uint32_t bits = e >= -126 ? (uint32_t)(e + 127) << 23 : 1u << (e + 149);
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

/* |x| to `fraction` bits, nearest even, exponents counted from `bias`; below the least normal number in units of its last place,
 * which adding `magic`, with that place as its own last one, leaves at the end of the sum. No branches, so that loops of it become
 * vectors; what is as large as `limit` becomes `most`. */
static inline uint8_t narrowed(float x, int fraction, uint32_t bias, float least, float magic, float limit, uint8_t most, uint8_t infinite, uint8_t none)
{
    const uint32_t bits = bits_of(x), rest = bits & 0x7fffffff, drop = 23 - (uint32_t)fraction;
    const uint32_t normal = ((rest + (1u << (drop - 1)) - 1 + (rest >> drop & 1)) >> drop) - ((127 - bias) << fraction);
    const uint32_t subnormal = bits_of((rest < 0x7f800000 ? fabsf(x) : 0) + magic) - bits_of(magic);
    uint32_t y = rest < bits_of(least) ? subnormal : normal;
    y = rest >= bits_of(limit) ? most : y;
    y = rest >= 0x7f800000 ? infinite + (uint32_t)(rest > 0x7f800000) * (uint32_t)(none - infinite) : y;
    return (uint8_t)(bits >> 24 & 0x80) | (uint8_t)y;
}

static inline uint8_t to_e4m3(float x) { return narrowed(x, 3, 7, 0x1p-6f, 0x1p14f, 448, 0x7e, 0x7f, 0x7f); }
static inline uint8_t to_e5m2(float x) { return narrowed(x, 2, 15, 0x1p-14f, 0x1p7f, 57344, 0x7b, 0x7c, 0x7e); }
uint8_t cairn_f32_to_e4m3(float x) { return to_e4m3(x); }
uint8_t cairn_f32_to_e5m2(float x) { return to_e5m2(x); }

static float expanded(uint8_t x, int fraction, int low)
{
    const int e = (x & 0x7f) >> fraction, f = x & ((1 << fraction) - 1);
    const float y = e ? (float)(f + (1 << fraction)) * power_of_two(e - 1 + low - fraction) : (float)f * power_of_two(low - fraction);
    return x & 0x80 ? -y : y;
}

float cairn_e4m3_to_f32(uint8_t x) { return (x & 0x7f) == 0x7f ? NAN : expanded(x, 3, -6); }

float cairn_e5m2_to_f32(uint8_t x)
{
    if ((x & 0x7c) == 0x7c)
        return x & 3 ? NAN : x & 0x80 ? -INFINITY : INFINITY;
    return expanded(x, 2, -14);
}

/* ---- Checks -------------------------------------------------------------------------------------*/

static bool is_mx(const cairn_block_format *f) { return f->type >= CAIRN_BLOCK_MXFP8_E4M3; }

static int64_t block_of(const cairn_block_format *f)
{
    return is_mx(f) ? 32 : f->block ? smaller(f->block, larger(f->columns, 1)) : larger(f->columns, 1);
}

static int64_t blocks_of(const cairn_block_format *f) { return ceil_div(f->columns, block_of(f)); }
static int64_t row_bytes(const cairn_block_format *f) { return f->type == CAIRN_BLOCK_INT4 ? ceil_div(f->columns, 2) : f->columns; }

static cairn_status check(const cairn_block_format *f)
{
    if (!f)
        return error_set(CAIRN_E_ARGUMENT, "quantize: the format is NULL");
    if ((unsigned)f->type > CAIRN_BLOCK_MXFP8_E5M2)
        return error_set(CAIRN_E_TYPE, "quantize: there is no type %d", (int)f->type);
    if (f->rows < 0 || f->columns < 0 || f->block < 0 || (double)larger(f->rows, 1) * (double)larger(f->columns, 1) >= 0x1p58)
        return error_set(CAIRN_E_SHAPE, "quantize: rows %lld, columns %lld, block %lld", (long long)f->rows, (long long)f->columns,
                         (long long)f->block);
    if (is_mx(f) && f->block && f->block != 32)
        return error_set(CAIRN_E_UNSUPPORTED, "quantize: MX has blocks of 32, not %lld", (long long)f->block);
    return CAIRN_OK;
}

int64_t cairn_block_element_bytes(const cairn_block_format *f) { return check(f) == CAIRN_OK ? f->rows * row_bytes(f) : -1; }

int64_t cairn_block_scale_bytes(const cairn_block_format *f)
{
    return check(f) == CAIRN_OK ? f->rows * blocks_of(f) * (is_mx(f) ? 1 : 4) : -1;
}

/* ---- Blocks -------------------------------------------------------------------------------------*/

/* The largest finite |x|: as the bits of a number, which are in its order. */
static float largest_of(const float *x, int64_t n)
{
    uint32_t most = 0;
    for (int64_t i = 0; i < n; i++) {
        const uint32_t rest = bits_of(x[i]) & 0x7fffffff, finite = rest < 0x7f800000 ? rest : 0;
        most = (int32_t)finite > (int32_t)most ? finite : most;
    }
    float y;
    memcpy(&y, &most, 4);
    return y;
}

/* INT4: `first` is even, or the byte's low half is there already. */
static void put_half(uint8_t *row, int64_t i, int q)
{
    row[i / 2] = i % 2 ? (uint8_t)((row[i / 2] & 15) | q << 4) : (uint8_t)q;
}

/* To nearest even, |x| below 2^22. */
static inline float whole(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

/* A step that is subnormal is not precise: what is beyond `top` is cut off. */
static inline int steps_in(float x, float step, float top)
{
    const float q = x / step, low = q < -top ? -top : q;
    return (int)whole(low > top ? top : low);
}

static void quantize_int8(const float *restrict x, int64_t n, float step, int8_t *restrict to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = (int8_t)steps_in(x[i], step, 127);
}

static void quantize_integers(const cairn_block_format *f, const float *x, int64_t first, int64_t n, void *row, float *scale)
{
    const bool wide = f->type == CAIRN_BLOCK_INT8;
    const float most = largest_of(x, n), step = most / (wide ? 127 : 7), by = step > 0 ? step : INFINITY;
    *scale = step;
    if (wide)
        quantize_int8(x, n, by, (int8_t *)row + first);
    for (int64_t i = 0; !wide && i < n; i++)
        put_half(row, first + i, steps_in(x[i], by, 7) + 8);
}

#define QUANTIZE_FP8(name)                                                                   \
    static void quantize_##name(const float *restrict x, int64_t n, float by, uint8_t *restrict to) \
    {                                                                                        \
        for (int64_t i = 0; i < n; i++)                                                      \
            to[i] = to_##name(x[i] * by);                                                    \
    }
QUANTIZE_FP8(e4m3)
QUANTIZE_FP8(e5m2)

/* The scale brings the largest element to the type's highest exponent: 8 for E4M3, 15 for E5M2. */
static void quantize_mx(const cairn_block_format *f, const float *x, int64_t n, uint8_t *to, uint8_t *scale)
{
    const bool e4m3 = f->type == CAIRN_BLOCK_MXFP8_E4M3;
    const float most = largest_of(x, n);
    int e = 0;
    frexpf(most, &e);
    e = most > 0 ? e - 1 - (e4m3 ? 8 : 15) : -127;
    e = e < -127 ? -127 : e;
    *scale = (uint8_t)(e + 127);
    (e4m3 ? quantize_e4m3 : quantize_e5m2)(x, n, power_of_two(-e), to);
}

typedef struct job {
    const cairn_block_format *f;
    const float *x;
    float *to;
    char *elements, *scales;
    float value[256];                   /* of each byte of MX's types */
    atomic_int_fast64_t bad;            /* the first row with an element that is not finite, or how many rows there are */
    int64_t unit;                       /* rows of a task */
} job;

enum { TASK_ELEMENTS = 1 << 15 };

static void run_rows(job *j, pool_task task)
{
    j->unit = larger(TASK_ELEMENTS / larger(j->f->columns, 1), 1);
    pool_run(ceil_div(j->f->rows, j->unit), task, j);
}

static void quantize_rows(void *context, int64_t task, int worker)
{
    const job *j = context;
    const cairn_block_format *f = j->f;
    const int64_t block = block_of(f), blocks = blocks_of(f);
    (void)worker;
    for (int64_t row = task * j->unit; row < smaller((task + 1) * j->unit, f->rows); row++)
        for (int64_t b = 0; b < blocks; b++) {
            const int64_t first = b * block, n = smaller(block, f->columns - first);
            const float *x = j->x + row * f->columns + first;
            if (is_mx(f))
                quantize_mx(f, x, n, (uint8_t *)j->elements + row * f->columns + first, (uint8_t *)j->scales + row * blocks + b);
            else
                quantize_integers(f, x, first, n, j->elements + row * row_bytes(f), (float *)j->scales + row * blocks + b);
        }
}

static float scale_of(const cairn_block_format *f, const char *scales, int64_t i)
{
    const uint8_t byte = is_mx(f) ? ((const uint8_t *)scales)[i] : 0;
    return !is_mx(f) ? ((const float *)scales)[i] : byte == 255 ? NAN : power_of_two(byte - 127);
}

static void dequantize_block(const job *j, const char *row, int64_t first, int64_t n, float scale, float *restrict to)
{
    const uint8_t *bytes = (const uint8_t *)row;
    if (j->f->type == CAIRN_BLOCK_INT8)
        for (int64_t i = 0; i < n; i++)
            to[i] = (float)((const int8_t *)bytes)[first + i] * scale;
    else if (j->f->type == CAIRN_BLOCK_INT4)
        for (int64_t i = first; i < first + n; i++)
            to[i - first] = ((float)(bytes[i / 2] >> (i % 2 * 4) & 15) - 8) * scale;
    else
        for (int64_t i = 0; i < n; i++)
            to[i] = j->value[bytes[first + i]] * scale;
}

static void dequantize_rows(void *context, int64_t task, int worker)
{
    const job *j = context;
    const cairn_block_format *f = j->f;
    const int64_t block = block_of(f), blocks = blocks_of(f);
    (void)worker;
    for (int64_t row = task * j->unit; row < smaller((task + 1) * j->unit, f->rows); row++)
        for (int64_t b = 0; b < blocks; b++)
            dequantize_block(j, j->elements + row * row_bytes(f), b * block, smaller(block, f->columns - b * block),
                             scale_of(f, j->scales, row * blocks + b), j->to + row * f->columns + b * block);
}

static bool is_whole(const float *x, int64_t n)
{
    uint32_t most = 0;
    for (int64_t i = 0; i < n; i++)
        most |= (bits_of(x[i]) & 0x7f800000) == 0x7f800000;
    return !most;
}

static void find_bad(void *context, int64_t task, int worker)
{
    job *j = context;
    (void)worker;
    for (int64_t row = task * j->unit; row < smaller((task + 1) * j->unit, j->f->rows); row++)
        if (!is_whole(j->x + row * j->f->columns, j->f->columns)) {
            int_fast64_t known = atomic_load(&j->bad);
            while (row < known && !atomic_compare_exchange_weak(&j->bad, &known, row)) {}
        }
}

static cairn_status check_finite(job *j)
{
    const cairn_block_format *f = j->f;
    atomic_init(&j->bad, f->rows);
    if (!is_mx(f))
        run_rows(j, find_bad);
    const int64_t row = atomic_load(&j->bad);
    for (int64_t i = 0; row < f->rows && i < f->columns; i++)
        if (!isfinite(j->x[row * f->columns + i]))
            return error_set(CAIRN_E_RANGE, "quantize: element %lld of row %lld is %g", (long long)i, (long long)row, j->x[row * f->columns + i]);
    return CAIRN_OK;
}

cairn_status cairn_quantize(const cairn_block_format *f, const float *x, void *elements, void *scales)
{
    cairn_status status = check(f);
    if (status != CAIRN_OK || f->rows * f->columns == 0)
        return status;
    if (!x || !elements || !scales)
        return error_set(CAIRN_E_ARGUMENT, "quantize: x %p, elements %p, scales %p", (const void *)x, elements, scales);
    status = outputs_apart("quantize", OUTPUTS(elements, scales), INPUTS(x));
    job j = {.f = f, .x = x, .elements = elements, .scales = scales};
    status = status ? status : check_finite(&j);
    if (status == CAIRN_OK)
        run_rows(&j, quantize_rows);
    return status;
}

cairn_status cairn_dequantize(const cairn_block_format *f, const void *elements, const void *scales, float *x)
{
    cairn_status status = check(f);
    if (status != CAIRN_OK || f->rows * f->columns == 0)
        return status;
    if (!x || !elements || !scales)
        return error_set(CAIRN_E_ARGUMENT, "dequantize: x %p, elements %p, scales %p", (void *)x, elements, scales);
    status = outputs_apart("dequantize", OUTPUTS(x), INPUTS(elements, scales));
    if (status != CAIRN_OK)
        return status;
    job j = {.f = f, .to = x, .elements = (char *)elements, .scales = (char *)scales};
    for (int i = 0; i < 256 && is_mx(f); i++)
        j.value[i] = f->type == CAIRN_BLOCK_MXFP8_E4M3 ? cairn_e4m3_to_f32((uint8_t)i) : cairn_e5m2_to_f32((uint8_t)i);
    run_rows(&j, dequantize_rows);
    return CAIRN_OK;
}
