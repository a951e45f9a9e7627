/* Moving elements: axes are put in the order of the result's memory and merged; then rows are copied, or squares transposed. */
#include "base/error.h"
#include "base/pool.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"
#include <cairn/dnn/transform.h>

#include <math.h>
#include <string.h>

enum { MOST = CAIRN_COPY_MAX_RANK, STRIP = 64, TASK_ELEMENTS = 16384, STREAMED_BYTES = 32 << 20 };

typedef struct axis { int64_t size, from, to; } axis;

/* Axes from the outside in; the two innermost are the plane of a task. */
typedef struct plan {
    int rank, bytes;
    axis axis[MOST + 2];
    int64_t count, outer;                   /* elements; planes */
    bool transposed, streamed;
    int64_t strip, strips, group, tasks;    /* rows of a plane in a strip, strips of a plane, strips of a task */
    const char *from;
    char *to;
} plan;

static int64_t absolute(int64_t x) { return x < 0 ? -x : x; }

/* Sizes of 1 go; the others are sorted so that `to`'s strides fall, and merged where both sides go on evenly. */
static void order_axes(const cairn_copy *d, plan *p)
{
    for (int i = 0; i < d->rank; i++) {
        const axis a = {d->size[i], d->from_stride[i], d->to_stride[i]};
        int at = p->rank;
        if (a.size == 1)
            continue;
        for (; at > 0 && absolute(p->axis[at - 1].to) < absolute(a.to); at--)
            p->axis[at] = p->axis[at - 1];
        p->axis[at] = a;
        p->rank++;
    }
}

static void merge_axes(plan *p)
{
    int kept = 0;
    for (int i = 1; i < p->rank; i++) {
        axis *a = &p->axis[kept], b = p->axis[i];
        if (a->to == b.to * b.size && a->from == b.from * b.size)
            *a = (axis){a->size * b.size, b.from, b.to};
        else
            p->axis[++kept] = b;
    }
    p->rank = p->rank ? kept + 1 : 0;
}

static cairn_status check(const cairn_copy *d, plan *p)
{
    if (!d || d->rank < 0 || d->rank > MOST || !cairn_dtype_bytes(d->type))
        return error_set(CAIRN_E_ARGUMENT, "copy: rank %d (0 ... %d), type %s", d ? d->rank : -1, MOST, d ? cairn_dtype_name(d->type) : "?");
    *p = (plan){.bytes = cairn_dtype_bytes(d->type), .count = 1};
    double reach = 1, elements = 1;
    for (int i = 0; i < d->rank; i++) {
        if (d->size[i] < 0)
            return error_set(CAIRN_E_SHAPE, "copy: size %lld of axis %d", (long long)d->size[i], i);
        elements *= (double)larger(d->size[i], 1);
        reach += (double)larger(d->size[i], 1) * (fabs((double)d->from_stride[i]) + fabs((double)d->to_stride[i]));
    }
    if (elements >= 0x1p58 || reach >= 0x1p58)
        return error_set(CAIRN_E_SHAPE, "copy: sizes overflow");
    for (int i = 0; i < d->rank; i++)
        p->count *= d->size[i];
    if (!p->count)
        return CAIRN_OK;
    order_axes(d, p);
    int64_t span = 1;                       /* of the axes inside */
    for (int i = p->rank - 1; i >= 0; i--) {
        if (absolute(p->axis[i].to) < span)
            return error_set(CAIRN_E_ARGUMENT, "copy: the result's elements overlap: %lld of a stride of %lld", (long long)p->axis[i].size,
                             (long long)p->axis[i].to);
        span += (p->axis[i].size - 1) * absolute(p->axis[i].to);
    }
    merge_axes(p);
    return CAIRN_OK;
}

/* The axis along which `from` is contiguous becomes the plane's rows, when the innermost one is not it. */
static void choose_plane(plan *p)
{
    while (p->rank < 2) {                   /* axes of size 1 outside */
        memmove(p->axis + 1, p->axis, sizeof *p->axis * (size_t)p->rank);
        p->axis[0] = (axis){1, 0, 0};
        p->rank++;
    }
    const axis inner = p->axis[p->rank - 1];
    for (int i = p->rank - 2; i >= 0 && inner.from != 1 && inner.to == 1; i--) {
        const axis rows = p->axis[i];
        if (rows.from != 1)
            continue;
        memmove(p->axis + i, p->axis + i + 1, sizeof *p->axis * (size_t)(p->rank - 2 - i));
        p->axis[p->rank - 2] = rows;
        p->transposed = true;
        break;
    }
    const int64_t rows = p->axis[p->rank - 2].size, columns = p->axis[p->rank - 1].size;
    p->outer = p->count / (rows * columns);
    p->strip = smaller(rows, larger(p->transposed ? STRIP : 1, TASK_ELEMENTS / columns));
    p->strips = ceil_div(rows, p->strip);
    p->group = larger(1, TASK_ELEMENTS / (p->strip * columns));
    p->tasks = ceil_div(p->outer * p->strips, p->group);
    p->streamed = p->transposed && p->count * p->bytes >= STREAMED_BYTES;
}

/* A row of elements whose strides are any. */
#define COPY_ROW(T)                                                             \
    for (int64_t i = 0; i < n; i++)                                             \
        ((T *)to)[i * to_stride] = ((const T *)from)[i * from_stride]

static void copy_row(int bytes, int64_t n, const char *from, int64_t from_stride, char *to, int64_t to_stride)
{
    if (from_stride == 1 && to_stride == 1) {
        memcpy(to, from, (size_t)(n * bytes));
        return;
    }
    switch (bytes) {
    case 1: COPY_ROW(uint8_t); break;
    case 2: COPY_ROW(uint16_t); break;
    case 4: COPY_ROW(uint32_t); break;
    default: COPY_ROW(uint64_t); break;
    }
}

static int log2_of(int bytes) { return bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3; }

static void copy_strip(const plan *p, int64_t outer, int64_t row0)
{
    const axis rows = p->axis[p->rank - 2], inner = p->axis[p->rank - 1];
    int64_t from = row0 * rows.from, to = row0 * rows.to;
    for (int i = p->rank - 3; i >= 0; outer /= p->axis[i].size, i--) {
        from += outer % p->axis[i].size * p->axis[i].from;
        to += outer % p->axis[i].size * p->axis[i].to;
    }
    const char *in = p->from + from * p->bytes;
    char *out = p->to + to * p->bytes;
    const int64_t count = smaller(p->strip, rows.size - row0);
    if (p->transposed) {
        kernels()->transpose->of_bytes[log2_of(p->bytes)](inner.size, count, in, inner.from, out, rows.to, p->streamed);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        copy_row(p->bytes, inner.size, in + i * rows.from * p->bytes, inner.from, out + i * rows.to * p->bytes, inner.to);
}

static void copy_task(void *context, int64_t task, int worker)
{
    const plan *p = context;
    const int64_t end = smaller((task + 1) * p->group, p->outer * p->strips);
    (void)worker;
    for (int64_t strip = task * p->group; strip < end; strip++)
        copy_strip(p, strip / p->strips, strip % p->strips * p->strip);
}

cairn_status cairn_copy_run(const cairn_copy *d, const void *from, void *to)
{
    plan p;
    const cairn_status status = check(d, &p);
    if (status != CAIRN_OK || !p.count)
        return status;
    if (!from || !to || from == to)
        return error_set(CAIRN_E_ARGUMENT, "copy: from %p, to %p", from, to);
    p.from = from;
    p.to = to;
    choose_plane(&p);
    pool_run(p.tasks, copy_task, &p);
    return CAIRN_OK;
}
