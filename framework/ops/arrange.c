/* Movement composed of views, concatenation and slices by index. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/functional.h>
#include <string.h>

/* 0 ... rank - 1, or -1 with the error set; v NULL gives -1. */
static int own_axis(const char *op, cairn_tensor *x, int axis)
{
    value *v = handle_value(x);
    return v ? axis_check(op, axis, v->shape.rank) : -1;
}

/* ---- Taking apart */

bool cairn_split_with_sizes(cairn_tensor *x, int axis, int count, const int64_t *sizes, cairn_tensor **parts)
{
    int k = own_axis("split_with_sizes", x, axis);
    if (k < 0)
        return false;
    int64_t total = 0, start = 0;
    for (int i = 0; i < count; i++)
        total += sizes[i];
    if (total != cairn_size(x, k)) {
        error_set(CAIRN_E_SHAPE, "split_with_sizes: %d sizes add up to %lld, axis %d of %s has not", count, (long long)total, axis,
                  SHAPE(&x->v->shape));
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (!(parts[i] = cairn_narrow(x, k, start, sizes[i])))
            return false;
        start += sizes[i];
    }
    return true;
}

int cairn_chunk(cairn_tensor *x, int axis, int count, cairn_tensor **parts)
{
    int k = own_axis("chunk", x, axis), made = 0;
    if (k < 0)
        return -1;
    if (count < 1) {
        error_set(CAIRN_E_ARGUMENT, "chunk: into %d parts", count);
        return -1;
    }
    int64_t n = cairn_size(x, k), size = n ? (n + count - 1) / count : 0;
    for (int64_t start = 0; made == 0 || start < n; start += size)
        if (!(parts[made++] = cairn_narrow(x, k, start, size < n - start ? size : n - start)))
            return -1;
    return made;
}

bool cairn_unbind(cairn_tensor *x, int axis, cairn_tensor **parts)
{
    int k = own_axis("unbind", x, axis);
    for (int64_t i = 0; k >= 0 && i < cairn_size(x, k); i++)
        if (!(parts[i] = cairn_select(x, k, i)))
            return false;
    return k >= 0;
}

/* ---- Putting together */

cairn_tensor *cairn_roll(cairn_tensor *x, int64_t shift, int axis)
{
    int k = own_axis("roll", x, axis);
    if (k < 0)
        return NULL;
    int64_t n = cairn_size(x, k), by = n ? shift % n : 0;
    if (by < 0)
        by += n;
    if (by == 0)
        return x;
    COMPOSED(cairn_cat(2, (cairn_tensor *[]){cairn_narrow(x, k, n - by, by), cairn_narrow(x, k, 0, n - by)}, k));
}

/* x with a new axis of `times` after (before) axis k, folded into it. */
static cairn_tensor *folded(cairn_tensor *x, int k, int64_t times, bool after)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (v->shape.rank == CAIRN_MAX_RANK) {
        error_set(CAIRN_E_SHAPE, "repeat: %s has no axis to spare", SHAPE(&v->shape));
        return NULL;
    }
    shape wide = {.rank = v->shape.rank + 1}, to = v->shape;
    for (int i = 0, j = 0; i < wide.rank; i++)
        wide.size[i] = i == k + after ? times : v->shape.size[j++];
    if (__builtin_mul_overflow(to.size[k], times, &to.size[k]) || !shape_check("repeat", &to, (cairn_dtype)v->type))
        return NULL;
    return cairn_reshape(cairn_expand(cairn_unsqueeze(x, k + after), wide), to);
}

static cairn_tensor *repeated(const char *op, cairn_tensor *x, cairn_shape times, bool pad_times)
{
    value *v = handle_value(x);
    if (!v || !shape_check(op, &times, CAIRN_BOOL))
        return NULL;
    if (times.rank < v->shape.rank && !pad_times) {
        error_set(CAIRN_E_SHAPE, "%s: %s times for %s", op, SHAPE(&times), SHAPE(&v->shape));
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    while (cairn_rank(x) >= 0 && cairn_rank(x) < times.rank)
        x = cairn_unsqueeze(x, 0);
    int rank = cairn_rank(x), extra = rank - times.rank;
    for (int i = 0; x && i < times.rank; i++)
        if (times.size[i] != 1)
            x = folded(x, extra + i, times.size[i], false);
    return cairn_scope_pop(m, x);
}
cairn_tensor *cairn_repeat(cairn_tensor *x, cairn_shape times) { return repeated("repeat", x, times, false); }
cairn_tensor *cairn_tile(cairn_tensor *x, cairn_shape times) { return repeated("tile", x, times, true); }

cairn_tensor *cairn_repeat_interleave(cairn_tensor *x, int64_t times, int axis)
{
    int k = own_axis("repeat_interleave", x, axis);
    if (k < 0)
        return NULL;
    if (times < 0) {
        error_set(CAIRN_E_ARGUMENT, "repeat_interleave: %lld times", (long long)times);
        return NULL;
    }
    COMPOSED(folded(x, k, times, true));
}

cairn_tensor *cairn_rot90(cairn_tensor *x, int times, int axis1, int axis2)
{
    int a = own_axis("rot90", x, axis1), b = a < 0 ? -1 : own_axis("rot90", x, axis2), turn = (times % 4 + 4) % 4;
    if (b < 0)
        return NULL;
    if (a == b) {
        error_set(CAIRN_E_ARGUMENT, "rot90: axes %d and %d are the same", axis1, axis2);
        return NULL;
    }
    switch (turn) {
    case 1: return cairn_transpose(cairn_flip(x, CAIRN_AXES(b)), a, b);
    case 2: return cairn_flip(x, CAIRN_AXES(a, b));
    case 3: return cairn_flip(cairn_transpose(x, a, b), CAIRN_AXES(b));
    default: return x;
    }
}

bool cairn_meshgrid(int count, cairn_tensor *const *x, cairn_tensor **grids)
{
    shape all = {.rank = count};
    if (count < 1 || count > CAIRN_MAX_RANK) {
        error_set(CAIRN_E_ARGUMENT, "meshgrid: of %d vectors; 1 to %d are possible", count, CAIRN_MAX_RANK);
        return false;
    }
    for (int i = 0; i < count; i++) {
        value *v = handle_value(x[i]);
        if (!v || v->shape.rank > 1) {
            if (v)
                error_set(CAIRN_E_SHAPE, "meshgrid: %s is no vector", SHAPE(&v->shape));
            return false;
        }
        all.size[i] = shape_numel(&v->shape);
    }
    for (int i = 0; i < count; i++) {
        shape own = {.rank = count};
        for (int j = 0; j < count; j++)
            own.size[j] = j == i ? all.size[i] : 1;
        if (!(grids[i] = cairn_expand(cairn_reshape(x[i], own), all)))
            return false;
    }
    return true;
}

/* ---- Padding */

/* The position that `i`, perhaps outside 0 ... n - 1, stands for. */
static int64_t padded_position(int64_t i, int64_t n, cairn_pad_mode mode)
{
    if (mode == CAIRN_PAD_REFLECT)
        return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
    if (mode == CAIRN_PAD_REPLICATE)
        return i < 0 ? 0 : i >= n ? n - 1 : i;
    return i < 0 ? i + n : i >= n ? i - n : i;
}

static cairn_tensor *pad_by_index(cairn_tensor *x, int axis, int64_t before, int64_t after, cairn_pad_mode mode)
{
    int64_t n = cairn_size(x, axis), most = mode == CAIRN_PAD_REFLECT ? n - 1 : mode == CAIRN_PAD_CIRCULAR ? n : INT64_MAX, *index;
    if (before < 0 || after < 0 || before > most || after > most || n == 0) {
        error_set(CAIRN_E_ARGUMENT, "pad: %lld before and %lld after, on axis %d of %s", (long long)before, (long long)after, axis,
                  SHAPE(&handle_value(x)->shape));
        return NULL;
    }
    cairn_tensor *at = leaf_new(&CAIRN_SHAPE(before + n + after), CAIRN_I64, (void **)&index);
    for (int64_t i = 0; at && i < before + n + after; i++)
        index[i] = padded_position(i - before, n, mode);
    return cairn_index_select(x, axis, at);
}

/* x written into the middle of a constant. */
static cairn_tensor *pad_constant(cairn_tensor *x, const int64_t *before, const int64_t *after, double number)
{
    shape s = cairn_shape_of(x), to = s;
    attr_write a;
    memset(&a, 0, sizeof a);
    a.op = OP_slice;
    for (int i = 0; i < s.rank; i++) {
        int64_t cut_front = before[i] < 0 ? -before[i] : 0, cut_back = after[i] < 0 ? -after[i] : 0;
        if (cut_front + cut_back > s.size[i]) {
            error_set(CAIRN_E_SHAPE, "pad: nothing is left of axis %d of %s", i, SHAPE(&s));
            return NULL;
        }
        if (cut_front || cut_back)
            x = cairn_narrow(x, i, cut_front, s.size[i] - cut_front - cut_back);
        a.of.slice.start[i] = before[i] > 0 ? before[i] : 0;
        a.of.slice.step[i] = 1;
        a.of.slice.size[i] = s.size[i] - cut_front - cut_back;
        to.size[i] = s.size[i] + before[i] + after[i];
    }
    if (!x || !shape_check("pad", &to, cairn_dtype_of(x)))
        return NULL;
    return op_build2(OP_view_write, cairn_full(to, number, cairn_dtype_of(x)), x, &a, sizeof a);
}

cairn_tensor *cairn_pad(cairn_tensor *x, int axes, const int64_t *widths, cairn_pad_mode mode, double number)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    int rank = v->shape.rank;
    if (axes < 0 || axes > rank || (unsigned)mode > CAIRN_PAD_CIRCULAR) {
        error_set(CAIRN_E_ARGUMENT, "pad: %d axes of %s, mode %d", axes, SHAPE(&v->shape), (int)mode);
        return NULL;
    }
    int64_t before[CAIRN_MAX_RANK] = {0}, after[CAIRN_MAX_RANK] = {0};
    for (int i = 0; i < axes; i++) {
        before[rank - 1 - i] = widths[2 * i];
        after[rank - 1 - i] = widths[2 * i + 1];
    }
    cairn_mark m = cairn_scope_push();
    if (mode == CAIRN_PAD_CONSTANT)
        return cairn_scope_pop(m, pad_constant(x, before, after, number));
    for (int i = 0; x && i < rank; i++)
        if (before[i] || after[i])
            x = pad_by_index(x, i, before[i], after[i], mode);
    return cairn_scope_pop(m, x);
}
