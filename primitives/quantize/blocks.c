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

/* |x| finite, to `fraction` bits of fraction with the smallest normal 2^low, as a number of units of the last subnormal place. */
static uint8_t rounded(float x, int fraction, int low)
{
    int e;
    frexpf(x, &e);                          /* x = f 2^e, 1/2 <= f < 1 */
    e = x == 0 || e - 1 < low ? low : e - 1;
    const int whole = (int)rintf(ldexpf(x, fraction - e));       /* up to 2^(fraction + 1), which carries into the exponent */
    return (uint8_t)(((e - low) << fraction) + whole);
}

uint8_t cairn_f32_to_e4m3(float x)
{
    const uint8_t sign = signbit(x) ? 0x80 : 0;
    if (!isfinite(x))
        return sign | 0x7f;
    return sign | (fabsf(x) >= 448 ? 0x7e : rounded(fabsf(x), 3, -6));
}

uint8_t cairn_f32_to_e5m2(float x)
{
    const uint8_t sign = signbit(x) ? 0x80 : 0;
    if (isnan(x))
        return sign | 0x7e;
    if (isinf(x))
        return sign | 0x7c;
    return sign | (fabsf(x) >= 57344 ? 0x7b : rounded(fabsf(x), 2, -14));
}

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

static float largest_of(const float *x, int64_t n)
{
    float most = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i]) && fabsf(x[i]) > most)
            most = fabsf(x[i]);
    return most;
}

/* INT4: `first` is even, or the byte's low half is there already. */
static void put_half(uint8_t *row, int64_t i, int q)
{
    row[i / 2] = i % 2 ? (uint8_t)((row[i / 2] & 15) | q << 4) : (uint8_t)q;
}

static void quantize_integers(const cairn_block_format *f, const float *x, int64_t first, int64_t n, void *row, float *scale)
{
    const bool wide = f->type == CAIRN_BLOCK_INT8;
    const float most = largest_of(x, n), top = wide ? 127 : 7, step = most / top;
    *scale = step;
    for (int64_t i = 0; i < n; i++) {
        const float q = step > 0 ? rintf(x[i] / step) : 0;
        const int whole = (int)(q > top ? top : q < -top ? -top : q);      /* a step that is subnormal is not precise */
        if (wide)
            ((int8_t *)row)[first + i] = (int8_t)whole;
        else
            put_half(row, first + i, whole + 8);
    }
}

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
    for (int64_t i = 0; i < n; i++) {
        const float y = ldexpf(x[i], -e);
        to[i] = e4m3 ? cairn_f32_to_e4m3(y) : cairn_f32_to_e5m2(y);
    }
}

typedef struct job {
    const cairn_block_format *f;
    const float *x;
    float *to;
    char *elements, *scales;
} job;

static void quantize_row(void *context, int64_t row, int worker)
{
    const job *j = context;
    const cairn_block_format *f = j->f;
    const int64_t block = block_of(f), blocks = blocks_of(f);
    (void)worker;
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t first = b * block, n = smaller(block, f->columns - first);
        const float *x = j->x + row * f->columns + first;
        if (is_mx(f))
            quantize_mx(f, x, n, (uint8_t *)j->elements + row * f->columns + first, (uint8_t *)j->scales + row * blocks + b);
        else
            quantize_integers(f, x, first, n, j->elements + row * row_bytes(f), (float *)j->scales + row * blocks + b);
    }
}

static float element_of(const cairn_block_format *f, const char *row, int64_t i)
{
    switch (f->type) {
    case CAIRN_BLOCK_INT8: return ((const int8_t *)row)[i];
    case CAIRN_BLOCK_INT4: return (float)(((const uint8_t *)row)[i / 2] >> (i % 2 * 4) & 15) - 8;
    case CAIRN_BLOCK_MXFP8_E4M3: return cairn_e4m3_to_f32(((const uint8_t *)row)[i]);
    default: return cairn_e5m2_to_f32(((const uint8_t *)row)[i]);
    }
}

static float scale_of(const cairn_block_format *f, const char *scales, int64_t i)
{
    const uint8_t byte = is_mx(f) ? ((const uint8_t *)scales)[i] : 0;
    return !is_mx(f) ? ((const float *)scales)[i] : byte == 255 ? NAN : power_of_two(byte - 127);
}

static void dequantize_row(void *context, int64_t row, int worker)
{
    const job *j = context;
    const cairn_block_format *f = j->f;
    const int64_t block = block_of(f), blocks = blocks_of(f);
    const char *elements = j->elements + row * row_bytes(f);
    (void)worker;
    for (int64_t i = 0; i < f->columns; i++)
        j->to[row * f->columns + i] = element_of(f, elements, i) * scale_of(f, j->scales, row * blocks + i / block);
}

static cairn_status check_finite(const cairn_block_format *f, const float *x)
{
    for (int64_t i = 0; !is_mx(f) && i < f->rows * f->columns; i++)
        if (!isfinite(x[i]))
            return error_set(CAIRN_E_RANGE, "quantize: element %lld of row %lld is %g", (long long)(i % f->columns),
                             (long long)(i / f->columns), x[i]);
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
    status = status ? status : check_finite(f, x);
    if (status != CAIRN_OK)
        return status;
    job j = {.f = f, .x = x, .elements = elements, .scales = scales};
    pool_run(f->rows, quantize_row, &j);
    return CAIRN_OK;
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
    pool_run(f->rows, dequantize_row, &j);
    return CAIRN_OK;
}
