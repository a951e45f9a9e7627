/* Shapes and types: arithmetic, checks, and how they are spelled in messages. */
#include "framework/graph/graph.h"
#include <stdio.h>
#include <string.h>

int64_t shape_numel(const shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        n *= s->size[i];
    return n;
}

bool shape_equal(const shape *a, const shape *b)
{
    bool equal = a->rank == b->rank;
    for (int i = 0; equal && i < a->rank; i++)
        equal = a->size[i] == b->size[i];
    return equal;
}

bool shape_broadcast(const shape *a, const shape *b, shape *out)
{
    if (shape_equal(a, b)) {
        if (out != a)
            *out = *a;
        return true;
    }
    if (a->rank < b->rank) {
        const shape *t = a;
        a = b;
        b = t;
    }
    shape r = *a;
    for (int i = 1; i <= b->rank; i++) {
        int64_t x = a->size[a->rank - i], y = b->size[b->rank - i];
        if (x != y && x != 1 && y != 1)
            return false;
        r.size[a->rank - i] = x == 1 ? y : x;
    }
    *out = r;
    return true;
}

const char *shape_text(const shape *s)
{
    static _Thread_local char ring[8][CAIRN_MAX_RANK * 21 + 3];
    static _Thread_local unsigned next;
    char *text = ring[next++ % 8], *p = text;
    *p++ = '[';
    for (int i = 0; i < s->rank && i < CAIRN_MAX_RANK; i++)
        p += snprintf(p, 22, i ? ", %lld" : "%lld", (long long)s->size[i]);
    strcpy(p, "]");
    return text;
}

int axis_check(const char *op, int axis, int rank)
{
    int given = axis;
    if (axis < 0)
        axis += rank;
    if (axis >= 0 && axis < rank)
        return axis;
    error_set(CAIRN_E_RANGE, "%s: axis %d is out of range for rank %d", op, given, rank);
    return -1;
}

bool axes_check(const char *op, const cairn_axes *axes, int rank, uint32_t *mask)
{
    *mask = axes->count == 0 ? (1u << rank) - 1 : 0;
    if (axes->count < 0 || axes->count > CAIRN_MAX_RANK) {
        error_set(CAIRN_E_ARGUMENT, "%s: %d axes; 0 to %d are possible", op, axes->count, CAIRN_MAX_RANK);
        return false;
    }
    for (int i = 0; i < axes->count; i++) {
        int axis = axis_check(op, axes->axis[i], rank);
        if (axis < 0)
            return false;
        if (*mask >> axis & 1) {
            error_set(CAIRN_E_ARGUMENT, "%s: axis %d is named twice", op, axes->axis[i]);
            return false;
        }
        *mask |= 1u << axis;
    }
    return true;
}

bool shape_check(const char *op, const shape *s, cairn_dtype type)
{
    if ((unsigned)type >= CAIRN_DTYPE_COUNT) {
        error_set(CAIRN_E_TYPE, "%s: %d is no element type", op, (int)type);
        return false;
    }
    if (s->rank < 0 || s->rank > CAIRN_MAX_RANK) {
        error_set(CAIRN_E_SHAPE, "%s: rank %d; 0 to %d are possible", op, s->rank, CAIRN_MAX_RANK);
        return false;
    }
    int64_t bytes = cairn_dtype_bytes(type);
    bool overflow = false;
    for (int i = 0; i < s->rank; i++) {
        if (s->size[i] < 0) {
            error_set(CAIRN_E_SHAPE, "%s: negative size in %s", op, SHAPE(s));
            return false;
        }
        /* Sizes of 0 do not excuse others that overflow: strides are made of all. */
        overflow |= __builtin_mul_overflow(bytes, s->size[i] ? s->size[i] : 1, &bytes);
    }
    if (overflow)
        error_set(CAIRN_E_SHAPE, "%s: %s of %s has more bytes than 63 bits count", op, SHAPE(s), cairn_dtype_name(type));
    return !overflow;
}

/* ---- Types */

bool type_is_float(cairn_dtype t) { return t == CAIRN_F16 || t == CAIRN_BF16 || t == CAIRN_F32 || t == CAIRN_F64; }
bool type_is_integer(cairn_dtype t) { return t >= CAIRN_U8 && t <= CAIRN_I64; }

cairn_dtype cairn_promote_types(cairn_dtype a, cairn_dtype b)
{
    if (a == b)
        return a;
    if (a > b) {
        cairn_dtype t = a;
        a = b;
        b = t;
    }
    if ((unsigned)b >= CAIRN_DTYPE_COUNT)
        return CAIRN_DTYPE_COUNT;
    if (a == CAIRN_U8 && b == CAIRN_I8)
        return CAIRN_I16;
    if (a == CAIRN_F16 && b == CAIRN_BF16)
        return CAIRN_F32;
    return b;              /* within a kind the wider one; else the later kind: bool, integers, floats */
}
