/* The scalar oracle: a program interpreted one element at a time, with the C library's functions in f64.
 *
 * Every value is an array with one program_value per point, row or column; f32 values are doubles that are rounded to
 * float after every instruction. */
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "primitives/isa/vm_half.h"
#include "primitives/program/vm.h"

typedef struct oracle {
    const program_call *call;
    const program *p;
    int64_t rows, cols;
    program_value **values;
} oracle;

/* ---- Elements ----------------------------------------------------------------------------------- */

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double sign(double x) { return isnan(x) ? x : (x > 0) - (x < 0); }

static double float_unary(program_op op, double x)
{
    switch (op) {
    case P_NEG: return -x;
    case P_ABS: return fabs(x);
    case P_SIGN: return sign(x);
    case P_RELU: return x <= 0 ? 0 : x;
    case P_SQUARE: return x * x;
    case P_SQRT: return sqrt(x);
    case P_RSQRT: return 1 / sqrt(x);
    case P_RECIPROCAL: return 1 / x;
    case P_EXP: return exp(x);
    case P_EXP2: return exp2(x);
    case P_EXPM1: return expm1(x);
    case P_LOG: return log(x);
    case P_LOG2: return log2(x);
    case P_LOG10: return log10(x);
    case P_LOG1P: return log1p(x);
    case P_SIN: return sin(x);
    case P_COS: return cos(x);
    case P_TAN: return tan(x);
    case P_ASIN: return asin(x);
    case P_ACOS: return acos(x);
    case P_ATAN: return atan(x);
    case P_SINH: return sinh(x);
    case P_COSH: return cosh(x);
    case P_TANH: return tanh(x);
    case P_ASINH: return asinh(x);
    case P_ACOSH: return acosh(x);
    case P_ATANH: return atanh(x);
    case P_SIGMOID: return sigmoid(x);
    case P_ERF: return erf(x);
    case P_ERFC: return erfc(x);
    case P_ERFINV: return vm_erfinv(x);
    case P_LGAMMA: return vm_lgamma(x);
    case P_DIGAMMA: return vm_digamma(x);
    case P_FLOOR: return floor(x);
    case P_CEIL: return ceil(x);
    case P_ROUND: return nearbyint(x);
    default: return trunc(x);
    }
}

static double floor_mod(double x, double y)
{
    double m = fmod(x, y);
    return m != 0 && (m < 0) != (y < 0) ? m + y : m;
}

static double round_to(int type, double x) { return type == PT_F32 ? (double)(float)x : x; }

/* Every step rounded to the type, as PyTorch's div_floor_floating does. */
static double div_floor(int type, double x, double y)
{
    if (y == 0)
        return x / y;
    double m = fmod(x, y), q = round_to(type, round_to(type, x - m) / y);
    if (m != 0 && (y < 0) != (m < 0))
        q = round_to(type, q - 1);
    if (q == 0)
        return copysign(0, x / y);
    return floor(q) + (q - floor(q) > 0.5);
}

static double float_binary(program_op op, int type, double x, double y)
{
    switch (op) {
    case P_ADD: return x + y;
    case P_SUB: return x - y;
    case P_MUL: return x * y;
    case P_DIV: return x / y;
    case P_DIV_FLOOR: return div_floor(type, x, y);
    case P_DIV_TRUNC: return trunc(round_to(type, x / y));
    case P_FMOD: return fmod(x, y);
    case P_REMAINDER: return floor_mod(x, y);
    case P_POW: return pow(x, y);
    case P_MINIMUM: return isnan(x) || x < y ? x : y;
    case P_MAXIMUM: return isnan(x) || x > y ? x : y;
    case P_ATAN2: return atan2(x, y);
    case P_HYPOT: return hypot(x, y);
    case P_COPYSIGN: return copysign(x, y);
    case P_EXP_SUB: return exp(round_to(type, x - y));
    default: return type == PT_F32 ? (double)nextafterf((float)x, (float)y) : nextafter(x, y);
    }
}

/* Each step rounded, as the instructions that these stand for. */
static double float_ternary(program_op op, int type, double a, double b, double c)
{
    double product = round_to(type, a * b);
    switch (op) {
    case P_MUL_ADD: return product + c;
    case P_MUL_SUB: return product - c;
    case P_SUB_MUL: return c - product;
    case P_LERP: return a + round_to(type, round_to(type, b - a) * c);
    default: return a / round_to(type, round_to(type, sqrt(b)) + c);
    }
}

static int64_t power(uint64_t x, int64_t n)
{
    int64_t a = (int64_t)x;
    if (n < 0)
        return a == 1 ? 1 : a == -1 ? (n & 1 ? -1 : 1) : 0;
    uint64_t r = 1;
    for (; n; n >>= 1, x *= x)
        r *= n & 1 ? x : 1;
    return (int64_t)r;
}

static int64_t integer_op(program_op op, int type, int64_t x, int64_t y)
{
    int bits = type == PT_I32 ? 32 : 64;
    int64_t q = y == 0 ? 0 : y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y, m = y == 0 || y == -1 ? 0 : x % y;
    bool adjust = m != 0 && (m < 0) != (y < 0), fits = y >= 0 && y < bits;
    switch (op) {
    case P_NEG: return (int64_t)(0 - (uint64_t)x);
    case P_ABS: return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
    case P_SIGN: return (x > 0) - (x < 0);
    case P_RELU: return x > 0 ? x : 0;
    case P_SQUARE: return (int64_t)((uint64_t)x * (uint64_t)x);
    case P_NOT: return ~x;
    case P_ADD: return (int64_t)((uint64_t)x + (uint64_t)y);
    case P_SUB: return (int64_t)((uint64_t)x - (uint64_t)y);
    case P_MUL: return (int64_t)((uint64_t)x * (uint64_t)y);
    case P_DIV_FLOOR: return q - adjust;
    case P_DIV_TRUNC: return q;
    case P_FMOD: return m;
    case P_REMAINDER: return adjust ? m + y : m;
    case P_POW: return power((uint64_t)x, y);
    case P_MINIMUM: return x < y ? x : y;
    case P_MAXIMUM: return x > y ? x : y;
    case P_AND: return x & y;
    case P_OR: return x | y;
    case P_XOR: return x ^ y;
    case P_SHL: return fits ? (int64_t)((uint64_t)x << y) : 0;
    default: return fits ? x >> y : x < 0 ? -1 : 0;
    }
}

static uint32_t word(const program_value *x, uint64_t i)
{
    return philox((uint64_t)x[1].i, (uint64_t)x[2].i, i / 4).word[i % 4];
}

static program_value random_op(program_op op, const program_value *x)
{
    uint64_t i = (uint64_t)x[0].i;
    if (op == P_UNIFORM)
        return (program_value){.f = (word(x, i) >> 8) * 0x1p-24};
    if (op == P_BITS)
        return (program_value){.i = (int64_t)(((uint64_t)word(x, 2 * i + 1) << 32 | word(x, 2 * i)) & INT64_MAX)};
    double u = ((word(x, i & ~(uint64_t)1) >> 8) + 1) * 0x1p-24, v = (word(x, i | 1) >> 8) * 0x1p-24 * 2 * M_PI;
    return (program_value){.f = sqrt(-2 * log(u)) * (i & 1 ? sin(v) : cos(v))};
}

static bool compare(program_op op, bool is_float, program_value x, program_value y)
{
    bool less = is_float ? x.f < y.f : x.i < y.i, equal = is_float ? x.f == y.f : x.i == y.i;
    bool greater = is_float ? x.f > y.f : x.i > y.i;
    switch (op) {
    case P_EQ: return equal;
    case P_NE: return !equal;
    case P_LT: return less;
    case P_LE: return less || equal;
    case P_GT: return greater;
    case P_GE: return greater || equal;
    case P_LNOT: return is_float ? x.f == 0 : x.i == 0;
    case P_ISNAN: return isnan(x.f);
    default: return isinf(x.f);
    }
}

static program_value wrap(int type, program_value x)
{
    if (type == PT_F32)
        x.f = (float)x.f;
    else if (type == PT_I32)
        x.i = (int32_t)(uint32_t)x.i;
    return x;
}

static program_value evaluate_op(const vm_node *node, const program_value *x)
{
    int type = node->dtype;                     /* of the operands */
    bool is_float = type == PT_F32 || type == PT_F64;
    program_op op = node->code;
    if (op == P_WHERE)
        return x[0].i ? x[1] : x[2];
    if (op == P_UNIFORM || op == P_NORMAL || op == P_BITS)
        return wrap(node->type, random_op(op, x));
    if ((op >= P_EQ && op <= P_GE) || op == P_LNOT || op == P_ISNAN || op == P_ISINF)
        return (program_value){.i = compare(op, is_float, x[0], x[1])};
    if (op >= P_MUL_ADD && op <= P_DIV_ROOT)
        return wrap(type, (program_value){.f = float_ternary(op, type, x[0].f, x[1].f, x[2].f)});
    if (!is_float)
        return wrap(type, (program_value){.i = integer_op(op, type, x[0].i, x[1].i)});
    double y = op < P_ADD ? float_unary(op, x[0].f) : float_binary(op, type, x[0].f, x[1].f);
    if (type == PT_F32 && op == P_RSQRT)        /* two roundings, as two instructions */
        y = 1 / (double)(float)sqrt(x[0].f);
    return wrap(type, (program_value){.f = y});
}

static program_value cast(int from, int to, program_value x)
{
    bool from_float = from == PT_F32 || from == PT_F64, to_float = to == PT_F32 || to == PT_F64;
    if (from_float && !to_float) {
        double limit = to == PT_I32 ? 0x1p31 : 0x1p63;
        int64_t most = to == PT_I32 ? INT32_MAX : INT64_MAX;
        x.i = isnan(x.f) ? 0 : x.f >= limit ? most : x.f < -limit ? -most - 1 : (int64_t)x.f;
    } else if (!from_float && to_float) {
        x.f = to == PT_F32 ? (double)(float)x.i : (double)x.i;
    }
    return wrap(to, x);
}

static program_value narrow(int type, int dtype, program_value x)
{
    bool is_float = type == PT_F32 || type == PT_F64;
    switch (dtype) {
    case CAIRN_F32: x.f = (float)x.f; break;
    case CAIRN_F16: x.f = from_f16(to_f16((float)x.f)); break;
    case CAIRN_BF16: x.f = from_bf16(to_bf16((float)x.f)); break;
    case CAIRN_I32: x.i = (int32_t)(uint32_t)x.i; break;
    case CAIRN_I16: x.i = (int16_t)(uint16_t)x.i; break;
    case CAIRN_I8: x.i = (int8_t)(uint8_t)x.i; break;
    case CAIRN_U8: x.i = (uint8_t)x.i; break;
    case CAIRN_BOOL:
        if (is_float)
            x.f = x.f != 0;
        else
            x.i = x.i != 0;
        break;
    default: break;
    }
    return x;
}

/* ---- Memory ------------------------------------------------------------------------------------- */

static int64_t offset_of(const oracle *o, const program_operand *operand, int64_t row, int64_t col)
{
    int64_t at = col * operand->stride[o->call->axes - 1];
    for (int k = o->call->axes - 2; k >= 0 && o->call->size[k]; k--) {
        at += row % o->call->size[k] * operand->stride[k];
        row /= o->call->size[k];
    }
    return at;
}

static program_value load(int dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case CAIRN_BOOL: return (program_value){.i = ((const uint8_t *)data)[i] != 0};
    case CAIRN_U8: return (program_value){.i = ((const uint8_t *)data)[i]};
    case CAIRN_I8: return (program_value){.i = ((const int8_t *)data)[i]};
    case CAIRN_I16: return (program_value){.i = ((const int16_t *)data)[i]};
    case CAIRN_I32: return (program_value){.i = ((const int32_t *)data)[i]};
    case CAIRN_I64: return (program_value){.i = ((const int64_t *)data)[i]};
    case CAIRN_F16: return (program_value){.f = from_f16(((const uint16_t *)data)[i])};
    case CAIRN_BF16: return (program_value){.f = from_bf16(((const uint16_t *)data)[i])};
    case CAIRN_F32: return (program_value){.f = ((const float *)data)[i]};
    default: return (program_value){.f = ((const double *)data)[i]};
    }
}

static void store(int dtype, void *data, int64_t i, program_value x)
{
    switch (dtype) {
    case CAIRN_BOOL: ((uint8_t *)data)[i] = x.i != 0; break;
    case CAIRN_U8: ((uint8_t *)data)[i] = (uint8_t)x.i; break;
    case CAIRN_I8: ((int8_t *)data)[i] = (int8_t)(uint8_t)x.i; break;
    case CAIRN_I16: ((int16_t *)data)[i] = (int16_t)(uint16_t)x.i; break;
    case CAIRN_I32: ((int32_t *)data)[i] = (int32_t)x.i; break;
    case CAIRN_I64: ((int64_t *)data)[i] = x.i; break;
    case CAIRN_F16: ((uint16_t *)data)[i] = to_f16((float)x.f); break;
    case CAIRN_BF16: ((uint16_t *)data)[i] = to_bf16((float)x.f); break;
    case CAIRN_F32: ((float *)data)[i] = (float)x.f; break;
    default: ((double *)data)[i] = x.f;
    }
}

/* ---- Values ------------------------------------------------------------------------------------- */

static int64_t count_of(const oracle *o, int class)
{
    return class == VM_UNIFORM ? 1 : class == VM_ROW ? o->rows : class == VM_COLUMN ? o->cols : o->rows * o->cols;
}

/* Element i of a value of `class`, seen from the point (row, col). */
static program_value element(const oracle *o, int node, int64_t row, int64_t col)
{
    int class = o->p->nodes[node].class;
    int64_t i = class == VM_UNIFORM ? 0 : class == VM_ROW ? row : class == VM_COLUMN ? col : row * o->cols + col;
    return o->values[node][i];
}

static bool replaces(bool is_float, bool largest, program_value x, program_value old)
{
    if (is_float && isnan(x.f))
        return !isnan(old.f);
    return is_float ? (largest ? x.f > old.f : x.f < old.f) : largest ? x.i > old.i : x.i < old.i;
}

static program_value first_of(int code, int type)
{
    bool is_float = type == PT_F32 || type == PT_F64, lowest = code == PR_MAX, extreme = lowest || code == PR_MIN;
    int one = code == PR_PROD || code == PR_ALL;
    if (is_float)
        return (program_value){.f = extreme ? (lowest ? -INFINITY : INFINITY) : one};
    int64_t most = type == PT_I32 ? INT32_MAX : INT64_MAX;
    return (program_value){.i = extreme ? (lowest ? -most - 1 : most) : one};
}

static program_value reduce_line(const oracle *o, const vm_node *node, int64_t line)
{
    bool row = node->kind == VM_REDUCE_ROW, is_float = node->dtype == PT_F32 || node->dtype == PT_F64;
    bool arg = node->code == PR_ARGMIN || node->code == PR_ARGMAX;
    bool largest = node->code == PR_MAX || node->code == PR_ARGMAX;
    program_value sum = first_of(node->code, node->dtype), index = {.i = 0};
    for (int64_t i = 0; i < (row ? o->cols : o->rows); i++) {
        program_value x = row ? element(o, node->in[0], line, i) : element(o, node->in[0], i, line);
        switch (node->code) {
        case PR_SUM:
        case PR_PROD:
            if (is_float)
                sum.f = node->code == PR_SUM ? sum.f + x.f : sum.f * x.f;
            else
                sum.i = integer_op(node->code == PR_SUM ? P_ADD : P_MUL, PT_I64, sum.i, x.i);
            break;
        case PR_ANY: sum.i |= x.i != 0; break;
        case PR_ALL: sum.i &= x.i != 0; break;
        default:
            if ((arg && i == 0) || replaces(is_float, largest, x, sum)) {
                sum = x;
                index.i = i;
            }
        }
    }
    return arg ? index : wrap(node->type, sum);
}

static program_value evaluate(const oracle *o, const vm_node *node, int64_t row, int64_t col)
{
    const program_operand *operand = &o->call->operands[node->index];
    program_value x[3] = {{0}};
    for (int k = 0; k < 3 && node->kind != VM_REDUCE_ROW && node->kind != VM_REDUCE_COLUMN; k++)
        if (node->in[k] >= 0)
            x[k] = element(o, node->in[k], row, col);
    switch (node->kind) {
    case VM_LOAD: return load(node->dtype, operand->data, offset_of(o, operand, row, col));
    case VM_INDEX: return (program_value){.i = operand->start + offset_of(o, operand, row, col)};
    case VM_SCALAR: return wrap(node->type, o->call->scalars[node->index]);
    case VM_OP: return evaluate_op(node, x);
    case VM_CAST: return cast(o->p->nodes[node->in[0]].type, node->type, x[0]);
    case VM_NARROW: return narrow(node->type, node->dtype, x[0]);
    case VM_SPLAT: return x[0];
    default: return reduce_line(o, node, node->kind == VM_REDUCE_ROW ? row : col);
    }
}

static bool evaluate_all(oracle *o)
{
    for (int i = 0; i < o->p->count; i++) {
        const vm_node *node = &o->p->nodes[i];
        int64_t n = count_of(o, node->class), width = node->class == VM_BLOCK_CLASS ? o->cols : 1;
        if (!node->live || node->kind == VM_STORE)
            continue;
        o->values[i] = mem_array((size_t)n + 1, sizeof(program_value));
        if (!o->values[i])
            return false;
        for (int64_t k = 0; k < n; k++)
            o->values[i][k] = node->class == VM_COLUMN ? evaluate(o, node, 0, k) : evaluate(o, node, k / width, k % width);
    }
    return true;
}

static void store_all(const oracle *o)
{
    for (int i = 0; i < o->p->count; i++) {
        const vm_node *node = &o->p->nodes[i];
        if (!node->live || node->kind != VM_STORE)
            continue;
        const program_operand *operand = &o->call->operands[node->index];
        int64_t rows = node->class == VM_COLUMN ? 1 : o->rows, cols = node->class == VM_ROW ? 1 : o->cols;
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < cols; c++)
                store(node->dtype, operand->data, offset_of(o, operand, r, c), element(o, node->in[0], r, c));
    }
}

cairn_status program_run_reference(const program_call *call)
{
    const program *p = call->program;
    oracle o = {.call = call, .p = p, .rows = 1, .cols = call->size[call->axes - 1]};
    for (int k = 0; k < call->axes - 1; k++)
        o.rows *= call->size[k];
    o.values = mem_array((size_t)p->count + 1, sizeof *o.values);
    bool good = o.values && evaluate_all(&o);
    if (good)
        store_all(&o);
    for (int i = 0; o.values && i < p->count; i++)
        mem_free(o.values[i]);
    mem_free(o.values);
    return good ? CAIRN_OK : CAIRN_E_MEMORY;
}
