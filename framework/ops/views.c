/* Views: the same elements under other strides; and writing through them.
 *
 * Whether the memory order of the input can show a view (view_layout) is asked when the view is evaluated;
 * a reshape that it cannot show is computed on a row-major copy. */
#include "framework/graph/views.h"
#include "framework/ops/rules.h"
#include <cairn/ops.h>
#include <string.h>

/* ---- Shapes */

cairn_status infer_reshape(const value *v, spec *out)
{
    const attr_shape *a = v->attr;
    *out = (spec){a->to, (cairn_dtype)v->in[0]->type, false};
    if (shape_numel(&a->to) != shape_numel(&v->in[0]->shape))
        return error_set(CAIRN_E_SHAPE, "reshape: %s has another number of elements than %s", SHAPE(&v->in[0]->shape), SHAPE(&a->to));
    return CAIRN_OK;
}

cairn_status infer_permute(const value *v, spec *out)
{
    const attr_permute *a = v->attr;
    out->type = (cairn_dtype)v->in[0]->type;
    out->shape.rank = v->in[0]->shape.rank;
    for (int i = 0; i < out->shape.rank; i++)
        out->shape.size[i] = v->in[0]->shape.size[a->axis[i]];
    return CAIRN_OK;
}

/* x broadcasts to `to` */
cairn_status infer_expand(const value *v, spec *out)
{
    const attr_shape *a = v->attr;
    *out = (spec){a->to, (cairn_dtype)v->in[0]->type, false};
    shape both;
    if (!shape_broadcast(&v->in[0]->shape, &a->to, &both) || !shape_equal(&both, &a->to))
        return error_set(CAIRN_E_SHAPE, "expand: %s does not broadcast to %s", SHAPE(&v->in[0]->shape), SHAPE(&a->to));
    return CAIRN_OK;
}

cairn_status infer_slice(const value *v, spec *out)
{
    const attr_slice *a = v->attr;
    out->type = (cairn_dtype)v->in[0]->type;
    out->shape.rank = v->in[0]->shape.rank;
    memcpy(out->shape.size, a->size, sizeof a->size);
    return CAIRN_OK;
}

/* the two axes leave, their diagonal comes last */
cairn_status infer_diagonal(const value *v, spec *out)
{
    const attr_diagonal *a = v->attr;
    const shape *x = &v->in[0]->shape;
    out->type = (cairn_dtype)v->in[0]->type;
    for (int i = 0; i < x->rank; i++)
        if (i != a->axis1 && i != a->axis2)
            out->shape.size[out->shape.rank++] = x->size[i];
    int64_t rows = x->size[a->axis1] + (a->offset < 0 ? a->offset : 0), columns = x->size[a->axis2] - (a->offset > 0 ? a->offset : 0);
    int64_t n = rows < columns ? rows : columns;
    out->shape.size[out->shape.rank++] = n > 0 ? n : 0;
    return CAIRN_OK;
}

cairn_status infer_detach(const value *v, spec *out)
{
    *out = (spec){v->in[0]->shape, (cairn_dtype)v->in[0]->type, v->in[0]->flags & V_CHANNELS_LAST};
    return CAIRN_OK;
}

/* ---- Strides */

/* Each run of axes of `from` that is one even stretch of memory must be cut into whole axes of `to`. */
static bool reshape_layout(const shape *from, const int64_t *from_stride, const shape *to, int64_t *stride)
{
    if (shape_numel(to) == 0 || shape_numel(from) == 1) {
        dense_strides(to, false, stride);
        return true;
    }
    int i = 0, j = 0;
    while (i < from->rank || j < to->rank) {
        if (i < from->rank && from->size[i] == 1) {
            i++;
            continue;
        }
        if (j < to->rank && to->size[j] == 1) {
            stride[j++] = 0;
            continue;
        }
        int i0 = i, j0 = j;
        int64_t a = from->size[i++], b = to->size[j++];
        while (a != b)
            if (a < b)
                a *= from->size[i++];
            else
                b *= to->size[j++];
        int64_t step = 0;
        bool first = true;
        for (int k = i - 1; k >= i0; k--) {        /* one stretch? */
            if (from->size[k] == 1)
                continue;
            if (!first && from_stride[k] != step)
                return false;
            step = from_stride[k] * from->size[k];
            first = false;
        }
        int last = i - 1;
        while (from->size[last] == 1)
            last--;
        step = from_stride[last];
        for (int k = j - 1; k >= j0; k--) {
            stride[k] = step;
            step *= to->size[k];
        }
    }
    return true;
}

static void expand_layout(const shape *from, const int64_t *from_stride, const shape *to, int64_t *stride)
{
    int extra = to->rank - from->rank;
    for (int i = 0; i < to->rank; i++)
        stride[i] = i < extra || from->size[i - extra] == 1 ? 0 : from_stride[i - extra];
}

static int64_t slice_layout(const attr_slice *a, const shape *from, const int64_t *from_stride, int64_t *stride)
{
    int64_t offset = 0;
    for (int i = 0; i < from->rank; i++) {
        offset += a->start[i] * from_stride[i];
        stride[i] = a->step[i] * from_stride[i];
    }
    return offset;
}

static int64_t diagonal_layout(const attr_diagonal *a, const shape *from, const int64_t *from_stride, int64_t *stride)
{
    int j = 0;
    for (int i = 0; i < from->rank; i++)
        if (i != a->axis1 && i != a->axis2)
            stride[j++] = from_stride[i];
    stride[j] = from_stride[a->axis1] + from_stride[a->axis2];
    return a->offset >= 0 ? a->offset * from_stride[a->axis2] : -a->offset * from_stride[a->axis1];
}

bool view_layout(op_id op, const void *attr, const shape *from, const int64_t *from_stride, const shape *to,
                 int64_t *stride, int64_t *offset)
{
    *offset = 0;
    switch (op) {
    case OP_reshape:
        return reshape_layout(from, from_stride, to, stride);
    case OP_permute:
        for (int i = 0; i < to->rank; i++)
            stride[i] = from_stride[((const attr_permute *)attr)->axis[i]];
        return true;
    case OP_expand:
        expand_layout(from, from_stride, to, stride);
        return true;
    case OP_slice:
        *offset = shape_numel(to) ? slice_layout(attr, from, from_stride, stride) : 0;
        return shape_numel(to) ? true : (dense_strides(to, false, stride), true);
    case OP_diagonal:
        *offset = diagonal_layout(attr, from, from_stride, stride);
        if (!shape_numel(to))
            *offset = 0;
        return true;
    default:                                       /* detach */
        memcpy(stride, from_stride, sizeof *stride * (size_t)from->rank);
        return true;
    }
}

/* ---- Front functions */

/* One size of -1 is what is left; false with the error set. */
static bool complete(const char *op, const shape *x, shape *to)
{
    int64_t known = 1, numel = shape_numel(x);
    int unknown = -1;
    for (int i = 0; i < to->rank; i++) {
        if (to->size[i] == -1 && unknown < 0)
            unknown = i;
        else if (to->size[i] < 0 || __builtin_mul_overflow(known, to->size[i], &known)) {
            error_set(CAIRN_E_SHAPE, "%s: %s is no shape", op, SHAPE(to));
            return false;
        }
    }
    if (unknown >= 0) {
        if (known == 0 || numel % known) {
            error_set(CAIRN_E_SHAPE, "%s: %s cannot be made from %s", op, SHAPE(to), SHAPE(x));
            return false;
        }
        to->size[unknown] = numel / known;
    }
    return true;
}

static cairn_tensor *reshape_to(cairn_tensor *x, shape to)
{
    attr_shape a;
    memset(&a, 0, sizeof a);
    a.to.rank = to.rank;
    for (int i = 0; i < to.rank; i++)
        a.to.size[i] = to.size[i];
    return op_build_view(OP_reshape, x, &a, sizeof a);
}

cairn_tensor *cairn_reshape(cairn_tensor *x, cairn_shape to)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (to.rank < 0 || to.rank > CAIRN_MAX_RANK) {
        error_set(CAIRN_E_SHAPE, "reshape: rank %d; 0 to %d are possible", to.rank, CAIRN_MAX_RANK);
        return NULL;
    }
    return complete("reshape", &v->shape, &to) ? reshape_to(x, to) : NULL;
}

cairn_tensor *cairn_flatten(cairn_tensor *x, int first, int last)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    const shape *s = &v->shape;
    if (s->rank == 0)
        return reshape_to(x, CAIRN_SHAPE(1));
    int a = axis_check("flatten", first, s->rank), b = axis_check("flatten", last, s->rank);
    if (a < 0 || b < 0)
        return NULL;
    if (a > b) {
        error_set(CAIRN_E_ARGUMENT, "flatten: axis %d comes after axis %d", first, last);
        return NULL;
    }
    shape to = {0};
    for (int i = 0; i < s->rank; i++)
        if (i > a && i <= b)
            to.size[to.rank - 1] *= s->size[i];
        else
            to.size[to.rank++] = s->size[i];
    return reshape_to(x, to);
}

cairn_tensor *cairn_unflatten(cairn_tensor *x, int axis, cairn_shape sizes)
{
    value *v = handle_value(x);
    int a = v ? axis_check("unflatten", axis, v->shape.rank) : -1;
    if (a < 0)
        return NULL;
    if (sizes.rank < 1 || v->shape.rank - 1 + sizes.rank > CAIRN_MAX_RANK) {
        error_set(CAIRN_E_SHAPE, "unflatten: %d sizes into %s", sizes.rank, SHAPE(&v->shape));
        return NULL;
    }
    if (!complete("unflatten", &(shape){1, {v->shape.size[a]}}, &sizes))
        return NULL;
    shape to = {0};
    for (int i = 0; i < v->shape.rank; i++)
        if (i == a)
            for (int j = 0; j < sizes.rank; j++)
                to.size[to.rank++] = sizes.size[j];
        else
            to.size[to.rank++] = v->shape.size[i];
    return cairn_reshape(x, to);
}

cairn_tensor *cairn_squeeze(cairn_tensor *x, int axis)
{
    value *v = handle_value(x);
    int a = v ? axis_check("squeeze", axis, v->shape.rank) : -1;
    if (a < 0)
        return NULL;
    return v->shape.size[a] == 1 ? drop_axes(x, 1u << a) : x;
}

cairn_tensor *cairn_unsqueeze(cairn_tensor *x, int axis)
{
    value *v = handle_value(x);
    int a = v ? axis_check("unsqueeze", axis, v->shape.rank + 1) : -1;
    if (a < 0)
        return NULL;
    if (v->shape.rank == CAIRN_MAX_RANK) {
        error_set(CAIRN_E_SHAPE, "unsqueeze: %s has %d axes already", SHAPE(&v->shape), CAIRN_MAX_RANK);
        return NULL;
    }
    shape to = {.rank = v->shape.rank + 1};
    for (int i = 0, j = 0; i < to.rank; i++)
        to.size[i] = i == a ? 1 : v->shape.size[j++];
    return reshape_to(x, to);
}

cairn_tensor *cairn_permute(cairn_tensor *x, cairn_axes order)
{
    value *v = handle_value(x);
    uint32_t mask;
    if (!v)
        return NULL;
    if (order.count != v->shape.rank) {
        error_set(CAIRN_E_ARGUMENT, "permute: %d axes for %s", order.count, SHAPE(&v->shape));
        return NULL;
    }
    if (!axes_check("permute", &order, v->shape.rank, &mask))
        return NULL;
    attr_permute a;
    memset(&a, 0, sizeof a);
    for (int i = 0; i < order.count; i++)
        a.axis[i] = (int8_t)(order.axis[i] < 0 ? order.axis[i] + order.count : order.axis[i]);
    return op_build_view(OP_permute, x, &a, sizeof a);
}

static cairn_axes in_order(int rank)
{
    cairn_axes order = {.count = rank};
    for (int i = 0; i < rank; i++)
        order.axis[i] = i;
    return order;
}

cairn_tensor *cairn_transpose(cairn_tensor *x, int axis1, int axis2)
{
    value *v = handle_value(x);
    int a = v ? axis_check("transpose", axis1, v->shape.rank) : -1, b = a < 0 ? -1 : axis_check("transpose", axis2, v->shape.rank);
    if (b < 0)
        return NULL;
    cairn_axes order = in_order(v->shape.rank);
    order.axis[a] = b;
    order.axis[b] = a;
    return cairn_permute(x, order);
}

cairn_tensor *cairn_mT(cairn_tensor *x) { return cairn_transpose(x, -2, -1); }

cairn_tensor *cairn_movedim(cairn_tensor *x, int from, int to)
{
    value *v = handle_value(x);
    int a = v ? axis_check("movedim", from, v->shape.rank) : -1, b = a < 0 ? -1 : axis_check("movedim", to, v->shape.rank);
    if (b < 0)
        return NULL;
    cairn_axes order = {.count = v->shape.rank};
    for (int i = 0, j = 0; i < order.count; i++) {
        j += j == a;
        order.axis[i] = i == b ? a : j++;
    }
    return cairn_permute(x, order);
}

cairn_tensor *cairn_expand(cairn_tensor *x, cairn_shape to)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    attr_shape a;
    memset(&a, 0, sizeof a);
    for (int i = 0; i < to.rank && i < CAIRN_MAX_RANK; i++) {
        int own = i - (to.rank - v->shape.rank);
        a.to.size[i] = to.size[i] == -1 && own >= 0 ? v->shape.size[own] : to.size[i];
    }
    a.to.rank = to.rank;
    if (!shape_check("expand", &a.to, v->type))
        return NULL;
    return shape_equal(&v->shape, &a.to) ? x : op_build_view(OP_expand, x, &a, sizeof a);
}

static attr_slice whole(const shape *s)
{
    attr_slice a;
    memset(&a, 0, sizeof a);
    for (int i = 0; i < s->rank; i++) {
        a.step[i] = 1;
        a.size[i] = s->size[i];
    }
    return a;
}

/* Python's rule for start : end : step on an axis of n. */
static void python_slice(int64_t n, int64_t start, int64_t end, int64_t step, int64_t *first, int64_t *size)
{
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    if (start == CAIRN_END)
        start = step > 0 ? n : n - 1;
    else
        start = start < 0 ? (start + n < low ? low : start + n) : start > high ? high : start;
    if (end == CAIRN_END)
        end = step > 0 ? n : -1;
    else
        end = end < 0 ? (end + n < low ? low : end + n) : end > high ? high : end;
    int64_t span = step > 0 ? end - start : start - end;
    uint64_t stride = step > 0 ? (uint64_t)step : -(uint64_t)step;
    *size = span > 0 ? 1 + (int64_t)((uint64_t)(span - 1) / stride) : 0;
    *first = *size ? start : 0;
}

static bool slice_attr(const char *op, value *v, int axis, int64_t start, int64_t end, int64_t step, attr_slice *a)
{
    int k = v ? axis_check(op, axis, v->shape.rank) : -1;
    if (k < 0)
        return false;
    if (step == 0) {
        error_set(CAIRN_E_ARGUMENT, "%s: a step of 0", op);
        return false;
    }
    *a = whole(&v->shape);
    python_slice(v->shape.size[k], start, end, step, &a->start[k], &a->size[k]);
    a->step[k] = a->size[k] > 1 ? step : 1;
    return true;
}

cairn_tensor *cairn_slice(cairn_tensor *x, int axis, int64_t start, int64_t end, int64_t step)
{
    attr_slice a;
    return slice_attr("slice", handle_value(x), axis, start, end, step, &a) ? op_build_view(OP_slice, x, &a, sizeof a) : NULL;
}

cairn_tensor *cairn_narrow(cairn_tensor *x, int axis, int64_t start, int64_t length)
{
    value *v = handle_value(x);
    int k = v ? axis_check("narrow", axis, v->shape.rank) : -1;
    if (k < 0)
        return NULL;
    int64_t n = v->shape.size[k];
    if (start < 0 || length < 0 || start > n || length > n - start) {
        error_set(CAIRN_E_RANGE, "narrow: %lld elements from %lld on axis %d of %s", (long long)length, (long long)start, axis,
                  SHAPE(&v->shape));
        return NULL;
    }
    return cairn_slice(x, k, start, start + length, 1);
}

/* The index on axis k, negative ones from the end; -1 with the error set. */
static int64_t index_check(const char *op, const value *v, int k, int64_t index)
{
    int64_t n = v->shape.size[k], i = index < 0 ? index + n : index;
    if (i >= 0 && i < n)
        return i;
    error_set(CAIRN_E_RANGE, "%s: index %lld is out of range for axis %d of %s", op, (long long)index, k, SHAPE(&v->shape));
    return -1;
}

cairn_tensor *cairn_select(cairn_tensor *x, int axis, int64_t index)
{
    value *v = handle_value(x);
    int k = v ? axis_check("select", axis, v->shape.rank) : -1;
    int64_t i = k < 0 ? -1 : index_check("select", v, k, index);
    return i < 0 ? NULL : drop_axes(cairn_slice(x, k, i, i + 1, 1), 1u << k);
}

cairn_tensor *cairn_flip(cairn_tensor *x, cairn_axes axes)
{
    value *v = handle_value(x);
    uint32_t mask;
    if (!v || !axes_check("flip", &axes, v->shape.rank, &mask))
        return NULL;
    attr_slice a = whole(&v->shape);
    for (int i = 0; i < v->shape.rank; i++)
        if (mask >> i & 1 && a.size[i] > 1) {
            a.start[i] = a.size[i] - 1;
            a.step[i] = -1;
        }
    return op_build_view(OP_slice, x, &a, sizeof a);
}

cairn_tensor *cairn_diagonal(cairn_tensor *x, int64_t offset, int axis1, int axis2)
{
    value *v = handle_value(x);
    int i = v ? axis_check("diagonal", axis1, v->shape.rank) : -1, j = i < 0 ? -1 : axis_check("diagonal", axis2, v->shape.rank);
    if (j < 0)
        return NULL;
    if (i == j) {
        error_set(CAIRN_E_ARGUMENT, "diagonal: axes %d and %d are the same", axis1, axis2);
        return NULL;
    }
    attr_diagonal a;
    memset(&a, 0, sizeof a);
    a = (attr_diagonal){offset, i, j};
    return op_build_view(OP_diagonal, x, &a, sizeof a);
}

cairn_tensor *cairn_detach(cairn_tensor *x)
{
    cairn_no_grad_begin();
    cairn_tensor *y = op_build_view(OP_detach, x, NULL, 0);
    cairn_no_grad_end();
    return y;
}

/* ---- Writing */

static attr_write write_attr(op_id op, const void *attr, size_t bytes)
{
    attr_write a;
    memset(&a, 0, sizeof a);
    a.op = op;
    memcpy(&a.of, attr, bytes);
    return a;
}

/* (base, part) -> base with what the view shows replaced by part */
cairn_status infer_view_write(const value *v, spec *out)
{
    *out = (spec){v->in[0]->shape, (cairn_dtype)v->in[0]->type, v->in[0]->flags & V_CHANNELS_LAST};
    return CAIRN_OK;
}

cairn_status run_view_write(const op_run *r)
{
    const attr_write *a = r->v->attr;
    view part = {.type = r->out.type, .shape = r->in[1].shape};
    int64_t offset;
    view_layout((op_id)a->op, &a->of, &r->out.shape, r->out.stride, &part.shape, part.stride, &offset);
    part.data = (char *)r->out.data + offset * cairn_dtype_bytes(part.type);
    cairn_status s = copy_view(&r->in[0], &r->out);
    return s ? s : copy_view(&r->in[1], &part);
}

void gradient_view_write(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_write *a = v->attr;
    static const size_t bytes[OP_COUNT] = {[OP_slice] = sizeof(attr_slice), [OP_diagonal] = sizeof(attr_diagonal)};
    if (wants_gradient(v, 0))
        dx[0] = op_build2(OP_view_write, dy, cairn_zeros_like(input(v, 1)), a, sizeof *a);
    if (wants_gradient(v, 1))
        dx[1] = op_build_view((op_id)a->op, dy, &a->of, bytes[a->op]);
}

/* A permuted or reshaped view is all of its base: the write is the inverse movement. */
static value *write_whole(const value *recipe, value *base, value *part)
{
    if (recipe->op == OP_permute) {
        const attr_permute *a = recipe->attr;
        attr_permute inverse;
        memset(&inverse, 0, sizeof inverse);
        for (int i = 0; i < part->shape.rank; i++)
            inverse.axis[a->axis[i]] = (int8_t)i;
        return value_build(OP_permute, 1, &part, &inverse, sizeof inverse);
    }
    attr_shape back;
    memset(&back, 0, sizeof back);
    back.to = base->shape;
    return value_build(OP_reshape, 1, &part, &back, sizeof back);
}

value *view_write(const value *recipe, value *base, value *part)
{
    switch (recipe->op) {
    case OP_permute:
    case OP_reshape:
        return write_whole(recipe, base, part);
    case OP_detach:
        return value_ref(part);
    case OP_expand:
        error_set(CAIRN_E_ARGUMENT, "a write to an expanded view: its elements share memory");
        return NULL;
    default: {
        attr_write a = write_attr(recipe->op, recipe->attr, recipe->attr_bytes);
        return value_build(OP_view_write, 2, (value *[]){base, part}, &a, sizeof a);
    }
    }
}

static cairn_tensor *scatter(cairn_tensor *x, cairn_tensor *part, op_id op, const void *attr, size_t bytes, const shape *want)
{
    value *p = handle_value(part);
    if (!p)
        return NULL;
    if (!shape_equal(&p->shape, want)) {
        error_set(CAIRN_E_SHAPE, "slice_scatter: the part is %s, its place %s", SHAPE(&p->shape), SHAPE(want));
        return NULL;
    }
    attr_write a = write_attr(op, attr, bytes);
    return op_build2(OP_view_write, x, cairn_to(part, (cairn_dtype)handle_value(x)->type), &a, sizeof a);
}

cairn_tensor *cairn_slice_scatter(cairn_tensor *x, cairn_tensor *part, int axis, int64_t start, int64_t end, int64_t step)
{
    attr_slice a;
    value *v = handle_value(x);
    if (!slice_attr("slice_scatter", v, axis, start, end, step, &a))
        return NULL;
    shape want = {.rank = v->shape.rank};
    memcpy(want.size, a.size, sizeof a.size);
    return scatter(x, part, OP_slice, &a, sizeof a, &want);
}

cairn_tensor *cairn_select_scatter(cairn_tensor *x, cairn_tensor *part, int axis, int64_t index)
{
    value *v = handle_value(x);
    int k = v ? axis_check("select_scatter", axis, v->shape.rank) : -1;
    int64_t i = k < 0 ? -1 : index_check("select_scatter", v, k, index);
    return i < 0 ? NULL : cairn_slice_scatter(x, cairn_unsqueeze(part, k), k, i, i + 1, 1);
}

/* ---- Gradients: views the other way */

void gradient_reshape(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    cairn_tensor *number = number_in_shape(dy, &v->in[0]->shape);
    dx[0] = number ? number : reshape_to(dy, v->in[0]->shape);
}

static bool is_own_inverse(const attr_permute *a, int rank)
{
    for (int i = 0; i < rank; i++)
        if (a->axis[a->axis[i]] != i)
            return false;
    return true;
}

void gradient_permute(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_permute *a = v->attr;
    cairn_axes inverse = {.count = v->shape.rank};
    value *d = handle_value(dy);
    if (d && d->op == OP_permute && !memcmp(((const attr_permute *)d->attr)->axis, a->axis, sizeof a->axis) && is_own_inverse(a, inverse.count)) {
        dx[0] = input(d, 0);                                     /* there and back */
        return;
    }
    for (int i = 0; i < inverse.count; i++)
        inverse.axis[a->axis[i]] = i;
    dx[0] = cairn_permute(dy, inverse);
}

void gradient_expand(const value *v, cairn_tensor *dy, cairn_tensor **dx) { dx[0] = sum_to(dy, &v->in[0]->shape); }

/* Zeros with the view's place written. */
static cairn_tensor *written_zeros(const value *v, cairn_tensor *dy)
{
    attr_write a = write_attr(v->op, v->attr, v->attr_bytes);
    return op_build2(OP_view_write, cairn_zeros(v->in[0]->shape, (cairn_dtype)v->type), dy, &a, sizeof a);
}
void gradient_slice(const value *v, cairn_tensor *dy, cairn_tensor **dx) { dx[0] = written_zeros(v, dy); }
void gradient_diagonal(const value *v, cairn_tensor *dy, cairn_tensor **dx) { dx[0] = written_zeros(v, dy); }
