/* Rows of any type to the kernels' own: f16 and bf16 go through a piece of stack, a stretch at a time. */
#ifndef PRIMITIVES_ROWS_ROWS_H
#define PRIMITIVES_ROWS_ROWS_H
#include "primitives/kernels.h"
#include "primitives/slots.h"
#include <cairn/dnn.h>

enum { ROWS_STRETCH = 512, ROWS_TASK = 1 << 14 }; /* elements widened at a time; that make a task */

typedef struct rows_type {
    cairn_dtype type;
    rows_kernel *kernel;
    attention_kernel *move;             /* for its widen and narrow */
    int64_t bytes;
    bool half;
} rows_type;

static inline bool rows_type_of(cairn_dtype type, rows_type *t)
{
    const kernel_table *k = kernels();
    *t = (rows_type){.type = type, .kernel = type == CAIRN_F64 ? k->rows_f64 : k->rows_f32,
                     .move = type == CAIRN_F64 ? k->attention_f64 : k->attention_f32, .bytes = cairn_dtype_bytes(type),
                     .half = type == CAIRN_F16 || type == CAIRN_BF16};
    return type == CAIRN_F32 || type == CAIRN_F64 || t->half;
}

/* How much to take at once, and elements i ... as the kernel reads them. */
static inline int64_t rows_stretch(const rows_type *t, int64_t n) { return t->half ? smaller(n, ROWS_STRETCH) : n; }

static inline const void *rows_in(const rows_type *t, const void *x, int64_t i, int64_t n, float *room)
{
    const char *at = (const char *)x + i * t->bytes;
    if (!t->half)
        return at;
    t->move->widen(t->type, n, at, 1, room);
    return room;
}

/* Where a kernel writes, and what is then done about it. */
static inline void *rows_out(const rows_type *t, void *y, int64_t i, float *room) { return t->half ? (void *)room : (char *)y + i * t->bytes; }

static inline void rows_store(const rows_type *t, void *y, int64_t i, int64_t n, const float *room)
{
    if (t->half)
        t->move->narrow(t->type, n, room, 1, (char *)y + i * t->bytes);
}

/* Numbers of the sums' type: f64 for f64, else f32. */
static inline double rows_get(const rows_type *t, const void *x, int64_t i)
{
    return t->type == CAIRN_F64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

static inline void rows_set(const rows_type *t, void *x, int64_t i, double v)
{
    if (t->type == CAIRN_F64)
        ((double *)x)[i] = v;
    else
        ((float *)x)[i] = (float)v;
}

#define FOR_STRETCHES(t, n, i, part) \
    for (int64_t i = 0, part; part = smaller(rows_stretch(t, n), (n) - i), i < (n); i += part)

#endif
