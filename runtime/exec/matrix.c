/* Matrix instructions: a warp's fragments are put together, multiplied, and taken apart again. A fragment is
 * in memory register by register, 32 lanes each.
 *
 * mma's places of the elements are PTX's. wmma leaves them open: here lane l's element j is number (32 lanes
 * have more room than some matrices need, so the count starts over) l * elements + j of the matrix, row by row. */
#include "runtime/exec/half.h"
#include "runtime/exec/helpers.h"
#include "runtime/ptx/ptx.h"

enum { MOST = 32 * 32 };

typedef struct operand {
    const void *registers;
    ptx_type type;
    int rows, columns, elements; /* of the matrix; of a lane */
} operand;

/* ---- Elements ------------------------------------------------------------------------------------ */
static int per_register(ptx_type t) { return type_bits(t) >= 32 ? 1 : 32 / type_bits(t); }

static double element(const operand *o, int lane, int j)
{
    int per = per_register(o->type), slot = j / per * WARP_LANES + lane;
    uint32_t word = o->type == PTX_F64 ? 0 : ((const uint32_t *)o->registers)[slot];
    switch (o->type) {
    case PTX_F64: return ((const double *)o->registers)[slot];
    case PTX_F16: return half_to_float((uint16_t)(word >> (16 * (j % per))));
    case PTX_BF16: return bfloat_to_float((uint16_t)(word >> (16 * (j % per))));
    case PTX_S8: return (int8_t)(word >> (8 * (j % per)));
    case PTX_U8: return (uint8_t)(word >> (8 * (j % per)));
    case PTX_S32: return (int32_t)word;
    case PTX_TF32: return float_of_bits(word & ~0x1fffu);
    default: return float_of_bits(word);
    }
}

static void put_half(uint32_t *word, int at, uint16_t bits)
{
    *word = (*word & ~(0xffffu << (16 * at))) | (uint32_t)bits << (16 * at);
}

static void put_element(void *registers, ptx_type type, int lane, int j, double x)
{
    int per = per_register(type), slot = j / per * WARP_LANES + lane;
    uint32_t *word = (uint32_t *)registers + slot;
    switch (type) {
    case PTX_F64: ((double *)registers)[slot] = x; break;
    case PTX_F16: put_half(word, j % per, float_to_half((float)x)); break;
    case PTX_S32: *word = (uint32_t)(int32_t)x; break;
    default: *word = bits_of_float((float)x);
    }
}

/* ---- Places -------------------------------------------------------------------------------------- */
typedef enum role { ROLE_A, ROLE_B, ROLE_C } role;

/* Where lane's element j of an mma operand lies: PTX's figures, as one rule. Groups of four lanes hold a row of a or c,
 * or a column of b. */
static int mma_place(const operand *o, role r, int lane, int j)
{
    int group = lane / 4, inside = lane % 4, per = per_register(o->type), reg = j / per, i = j % per, eights = o->rows / 8;
    if (r == ROLE_A)
        return (group + 8 * (reg % eights)) * o->columns + inside * per + i + 4 * per * (reg / eights);
    if (r == ROLE_B)
        return (inside * per + i + 4 * per * reg) * o->columns + group;
    return (group + 8 * (j / 2)) * o->columns + inside * 2 + j % 2;
}

static int place(const operand *o, role r, bool wmma, int lane, int j)
{
    return wmma ? (lane * o->elements + j) % (o->rows * o->columns) : mma_place(o, r, lane, j);
}

static void gather_single(const operand *o, role r, bool wmma, float *out)
{
    for (int lane = 0; lane < WARP_LANES; lane++)
        for (int j = 0; j < o->elements; j++)
            out[place(o, r, wmma, lane, j)] = (float)element(o, lane, j);
}

static void gather_double(const operand *o, role r, bool wmma, double *out)
{
    for (int lane = 0; lane < WARP_LANES; lane++)
        for (int j = 0; j < o->elements; j++)
            out[place(o, r, wmma, lane, j)] = element(o, lane, j);
}

/* ---- Products ------------------------------------------------------------------------------------ */
/* f64, and integers, which a double holds exactly: 32 products of 8 bits and one of 32. */
static void multiply_double(const operand *a, const operand *b, const operand *c, bool wmma, double *out)
{
    double x[MOST], y[MOST];
    gather_double(a, ROLE_A, wmma, x);
    gather_double(b, ROLE_B, wmma, y);
    gather_double(c, ROLE_C, wmma, out);
    for (int i = 0; i < a->rows; i++)
        for (int k = 0; k < a->columns; k++)
            for (int j = 0; j < b->columns; j++)
                out[i * b->columns + j] += x[i * a->columns + k] * y[k * b->columns + j];
}

static void multiply_single(const operand *a, const operand *b, const operand *c, bool wmma, double *out)
{
    float x[MOST], y[MOST], z[MOST];
    gather_single(a, ROLE_A, wmma, x);
    gather_single(b, ROLE_B, wmma, y);
    gather_single(c, ROLE_C, wmma, z);
    for (int i = 0; i < a->rows; i++)
        for (int k = 0; k < a->columns; k++)
            for (int j = 0; j < b->columns; j++)
                z[i * b->columns + j] += x[i * a->columns + k] * y[k * b->columns + j];
    for (int i = 0; i < a->rows * b->columns; i++)
        out[i] = z[i];
}

/* .satfinite clamps, else the sum wraps. */
static double finish_integer(double x, bool saturates)
{
    if (saturates)
        return x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : x;
    return (int32_t)(uint32_t)(int64_t)x;
}

static int field(uint64_t kind, int at) { return (int)(kind >> (8 * at) & 255); }

void rt_mma(uint64_t kind, const void *a, const void *b, const void *c, void *d)
{
    int m = field(kind, 0), n = field(kind, 1), k = field(kind, 2), flags = field(kind, 7);
    bool wmma = flags & MMA_WMMA, doubled = field(kind, 3) == PTX_F16 && wmma;
    operand x = {a, (ptx_type)field(kind, 3), m, k, doubled ? 16 : m * k / WARP_LANES};
    operand y = {b, (ptx_type)field(kind, 4), k, n, doubled ? 16 : k * n / WARP_LANES};
    operand z = {c, (ptx_type)field(kind, 5), m, n, m * n / WARP_LANES}, out = z;
    double result[MOST];
    out.type = (ptx_type)field(kind, 6);
    bool exact = x.type == PTX_F64 || x.type == PTX_S8 || x.type == PTX_U8;
    (exact ? multiply_double : multiply_single)(&x, &y, &z, wmma, result);
    for (int lane = 0; lane < WARP_LANES; lane++)
        for (int j = 0; j < out.elements; j++) {
            double value = result[place(&out, ROLE_C, wmma, lane, j)];
            put_element(d, out.type, lane, j, out.type == PTX_S32 ? finish_integer(value, flags & MMA_SATURATES) : value);
        }
}

/* ---- Memory -------------------------------------------------------------------------------------- */
/* The address of element number `index` of a matrix with so many columns, from its lane's base and leading extent. */
static uint8_t *address_of(uint64_t base, uint32_t stride, int index, int columns, int bytes, bool by_columns)
{
    int row = index / columns, column = index % columns;
    return (uint8_t *)base + (by_columns ? (int64_t)column * stride + row : (int64_t)row * stride + column) * bytes;
}

/* kind: rows, columns, bytes of an element, by columns, elements of a lane. */
static void move_matrix(uint64_t kind, const uint64_t *at, const uint32_t *stride, uint8_t *registers, bool store)
{
    int rows = field(kind, 0), columns = field(kind, 1), bytes = field(kind, 2), elements = field(kind, 4);
    int per = bytes >= 4 ? 1 : 4 / bytes, word = bytes > 4 ? bytes : 4;
    for (int lane = 0; lane < WARP_LANES; lane++)
        for (int j = 0; j < elements; j++) {
            uint8_t *place = address_of(at[lane], stride[lane], (lane * elements + j) % (rows * columns), columns, bytes, field(kind, 3));
            uint8_t *own = registers + (j / per * WARP_LANES + lane) * word + j % per * bytes;
            memcpy(store ? place : own, store ? own : place, (size_t)bytes);
        }
}

void rt_wmma_load(uint64_t kind, const uint64_t *at, const uint32_t *stride, void *out)
{
    move_matrix(kind, at, stride, out, false);
}

void rt_wmma_store(uint64_t kind, const uint64_t *at, const uint32_t *stride, void *registers)
{
    move_matrix(kind, at, stride, registers, true);
}

/* Lanes 8i to 8i + 7 bring the addresses of matrix i's rows, of eight 16-bit elements each. */
void rt_ldmatrix(uint32_t count, uint32_t transposes, const uint64_t *at, uint32_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
            uint16_t pair[2];
            for (uint32_t e = 0; e < 2; e++) {
                uint32_t row = transposes ? lane % 4 * 2 + e : lane / 4, column = transposes ? lane / 4 : lane % 4 * 2 + e;
                memcpy(&pair[e], (const uint8_t *)at[8 * i + row] + 2 * column, 2);
            }
            out[i * WARP_LANES + lane] = pair[0] | (uint32_t)pair[1] << 16;
        }
}
