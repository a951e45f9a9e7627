#include "primitives/conv/layout.h"

#include "base/error.h"
#include "base/pool.h"
#include "primitives/gemm/half.h"
#include "primitives/slots.h"

#include <string.h>

/* ---- Descriptions -------------------------------------------------------------------------------*/

static void pack_strides(layout *l)
{
    static const int order[] = {1, 4, 3, 2, 0}; /* from the innermost axis */
    int64_t step = 1;
    for (int i = 0; i < 5; i++) {
        l->stride[order[i]] = step;
        step *= l->size[order[i]];
    }
}

layout layout_of(const conv *c, conv_tensor tensor)
{
    const cairn_conv *d = &c->d;
    const int64_t sizes[3][5] = {{d->n, d->c, d->depth, d->h, d->w}, {d->k, c->cg, d->t, d->r, d->s}, {d->n, d->k, c->od, c->oh, c->ow}};
    const int64_t *const strides[3] = {d->x_strides, d->w_strides, d->y_strides};
    layout l = {.type = !conv_is_integer(d) ? d->type : tensor == CONV_Y ? CAIRN_I32 : tensor == CONV_W ? CAIRN_I8 : d->type};
    memcpy(l.size, sizes[tensor], sizeof l.size);
    pack_strides(&l);
    bool given = false, same = true;
    for (int i = 0; i < 5; i++) {
        given = given || strides[tensor][i];
        same = same && (strides[tensor][i] == l.stride[i] || l.size[i] <= 1);
    }
    l.packed = !given || same;
    if (!l.packed)
        memcpy(l.stride, strides[tensor], sizeof l.stride);
    return l;
}

/* Elements between the first and the last that the strides reach, on both sides of the pointer. */
static double reach(const layout *l)
{
    double sum = 0;
    for (int i = 0; i < 5; i++)
        sum += (double)(l->size[i] > 0 ? l->size[i] - 1 : 0) * (l->stride[i] < 0 ? -(double)l->stride[i] : (double)l->stride[i]);
    return sum;
}

static uint64_t magnitude(int64_t x) { return x < 0 ? -(uint64_t)x : (uint64_t)x; }

/* Whether elements may share memory: from the smallest stride on, each must step over all that the smaller ones reach. */
static bool overlaps_itself(const layout *l)
{
    uint64_t reached = 0;
    bool done[5] = {false};
    for (int round = 0; round < 5; round++) {
        int next = -1;
        for (int i = 0; i < 5; i++) {
            if (!done[i] && (next < 0 || magnitude(l->stride[i]) < magnitude(l->stride[next])))
                next = i;
        }
        done[next] = true;
        const uint64_t step = magnitude(l->stride[next]);
        if (l->size[next] <= 1)
            continue;
        if (step <= reached)
            return true;
        reached += step * (uint64_t)(l->size[next] - 1);
    }
    return false;
}

cairn_status layout_check(const conv *c)
{
    static const char *const names[] = {"x", "w", "y"};
    for (int tensor = CONV_X; tensor <= CONV_Y; tensor++) {
        const layout l = layout_of(c, (conv_tensor)tensor);
        if (l.packed)
            continue;
        if (!(reach(&l) < 0x1p56))
            return error_set(CAIRN_E_SHAPE, "conv: the strides of %s overflow: %lld %lld %lld %lld %lld", names[tensor], (long long)l.stride[0],
                             (long long)l.stride[1], (long long)l.stride[2], (long long)l.stride[3], (long long)l.stride[4]);
        if (layout_elements(&l) && overlaps_itself(&l))
            return error_set(CAIRN_E_SHAPE, "conv: elements of %s share memory: strides %lld %lld %lld %lld %lld", names[tensor],
                             (long long)l.stride[0], (long long)l.stride[1], (long long)l.stride[2], (long long)l.stride[3],
                             (long long)l.stride[4]);
    }
    const bool changed = c->d.type == CAIRN_F16 || c->d.type == CAIRN_BF16 || conv_is_integer(&c->d) || !layout_of(c, CONV_Y).packed;
    if (c->d.epilogue && changed)
        return error_set(CAIRN_E_UNSUPPORTED, "conv: an epilogue is called with packed y of f32 or f64, not %s%s", cairn_dtype_name(c->d.type),
                         layout_of(c, CONV_Y).packed ? "" : " with strides");
    return CAIRN_OK;
}

/* The bytes from *low to before *high. */
static void extent(const layout *l, const void *x, uintptr_t *low, uintptr_t *high)
{
    const int64_t bytes = cairn_dtype_bytes(l->type);
    *low = *high = (uintptr_t)x;
    for (int i = 0; i < 5; i++)
        *(l->stride[i] < 0 ? low : high) += (uintptr_t)((l->size[i] - 1) * l->stride[i] * bytes);
    *high += (uintptr_t)bytes;
}

bool layouts_overlap(const layout *a, const void *x, const layout *b, const void *y)
{
    uintptr_t a_low, a_high, b_low, b_high;
    if (!layout_elements(a) || !layout_elements(b))
        return false;
    extent(a, x, &a_low, &a_high);
    extent(b, y, &b_low, &b_high);
    return a_low < b_high && b_low < a_high;
}

/* ---- Copies: a task is one (n, depth, h), a row of pixels ------------------------------------------*/

enum { BLOCK = 16 };                    /* channels whose lines of the cache are used while they are there */

typedef struct copy {
    const layout *l;
    cairn_dtype inner;
    char *outside, *inside;
    bool in;
} copy;

/* inside[w * channels + c], outside[c * step_c + w * step_w]; each is read or written as `assignment` says. */
#define COPY(name, outer, inner, assignment)                                                                              \
    static void name(outer *outside, int64_t step_c, int64_t step_w, inner *inside, int64_t channels, int64_t width)       \
    {                                                                                                                     \
        for (int64_t c0 = 0; c0 < channels; c0 += BLOCK) {                                                                \
            const int64_t end = smaller(c0 + BLOCK, channels);                                                            \
            for (int64_t w = 0; w < width; w++)                                                                           \
                for (int64_t c = c0; c < end; c++) {                                                                      \
                    outer *o = outside + c * step_c + w * step_w;                                                         \
                    inner *i = inside + w * channels + c;                                                                 \
                    assignment;                                                                                           \
                }                                                                                                         \
        }                                                                                                                 \
    }
COPY(f32_in, const float, float, *i = *o)
COPY(f32_out, float, const float, *o = *i)
COPY(f64_in, const double, double, *i = *o)
COPY(f64_out, double, const double, *o = *i)
COPY(f16_in, const uint16_t, float, *i = f16_to_f32(*o))
COPY(f16_out, uint16_t, const float, *o = f32_to_f16(*i))
COPY(bf16_in, const uint16_t, float, *i = bf16_to_f32(*o))
COPY(bf16_out, uint16_t, const float, *o = f32_to_bf16(*i))
COPY(i8_in, const int8_t, int16_t, *i = *o)
COPY(u8_in, const uint8_t, int16_t, *i = *o)
COPY(i32_out, int32_t, const int32_t, *o = *i)

static void copy_row(void *context, int64_t task, int worker)
{
    const copy *j = context;
    const layout *l = j->l;
    const int64_t h = task % l->size[3], z = task / l->size[3] % l->size[2], n = task / l->size[3] / l->size[2];
    const int64_t channels = l->size[1], width = l->size[4], c = l->stride[1], w = l->stride[4];
    void *outside = j->outside + (n * l->stride[0] + z * l->stride[2] + h * l->stride[3]) * cairn_dtype_bytes(l->type);
    void *inside = j->inside + task * width * channels * cairn_dtype_bytes(j->inner);
    (void)worker;
    switch (l->type) {
    case CAIRN_F32: j->in ? f32_in(outside, c, w, inside, channels, width) : f32_out(outside, c, w, inside, channels, width); break;
    case CAIRN_F64: j->in ? f64_in(outside, c, w, inside, channels, width) : f64_out(outside, c, w, inside, channels, width); break;
    case CAIRN_F16: j->in ? f16_in(outside, c, w, inside, channels, width) : f16_out(outside, c, w, inside, channels, width); break;
    case CAIRN_BF16: j->in ? bf16_in(outside, c, w, inside, channels, width) : bf16_out(outside, c, w, inside, channels, width); break;
    case CAIRN_I8: i8_in(outside, c, w, inside, channels, width); break;
    case CAIRN_U8: u8_in(outside, c, w, inside, channels, width); break;
    default: i32_out(outside, c, w, inside, channels, width);
    }
}

static void run_copy(copy *j)
{
    const layout *l = j->l;
    if (layout_elements(l))
        pool_run(l->size[0] * l->size[2] * l->size[3], copy_row, j);
}

void layout_pack(const layout *l, const void *from, cairn_dtype inner, void *to)
{
    run_copy(&(copy){l, inner, (char *)from, to, true});
}

void layout_unpack(const layout *l, cairn_dtype inner, const void *from, void *to)
{
    run_copy(&(copy){l, inner, to, (char *)from, false});
}
