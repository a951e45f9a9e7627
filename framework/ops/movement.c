/* Movement that needs memory of its own: concatenation. */
#include "framework/ops/rules.h"
#include <cairn/ops.h>

/* (.., n_i, ..) of equal type and equal other sizes -> (.., sum n_i, ..) */
cairn_status infer_cat(const value *v, spec *out)
{
    int axis = ((const attr_axis *)v->attr)->axis;
    *out = (spec){v->in[0]->shape, (cairn_dtype)v->in[0]->type, false};
    for (int i = 1; i < v->n_in; i++) {
        const shape *s = &v->in[i]->shape;
        shape expected = v->in[0]->shape;
        if (s->rank == expected.rank)
            expected.size[axis] = s->size[axis];
        if (!shape_equal(s, &expected))
            return error_set(CAIRN_E_SHAPE, "cat: %s and %s differ elsewhere than on axis %d", SHAPE(&v->in[0]->shape), SHAPE(s), axis);
        if (__builtin_add_overflow(out->shape.size[axis], s->size[axis], &out->shape.size[axis]))
            return error_set(CAIRN_E_SHAPE, "cat: axis %d overflows", axis);
    }
    return shape_check("cat", &out->shape, out->type) ? CAIRN_OK : cairn_error();
}

cairn_status run_cat(const op_run *r)
{
    int axis = ((const attr_axis *)r->v->attr)->axis;
    view part = r->out;
    for (int i = 0; i < r->v->n_in; i++) {
        part.shape = r->in[i].shape;
        cairn_status s = copy_view(&r->in[i], &part);
        if (s)
            return s;
        part.data = (char *)part.data + part.shape.size[axis] * part.stride[axis] * cairn_dtype_bytes(part.type);
    }
    return CAIRN_OK;
}

void gradient_cat(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    int axis = ((const attr_axis *)v->attr)->axis;
    int64_t start = 0;
    for (int i = 0; i < v->n_in; i++) {
        int64_t n = v->in[i]->shape.size[axis];
        if (wants_gradient(v, i))
            dx[i] = cairn_narrow(dy, axis, start, n);
        start += n;
    }
}

/* All in their common type; false with the error set. */
static bool common_type(const char *op, int count, cairn_tensor *const *x, cairn_tensor **out)
{
    if (count < 1) {
        error_set(CAIRN_E_ARGUMENT, "%s: of %d tensors", op, count);
        return false;
    }
    cairn_dtype type = CAIRN_BOOL;
    for (int i = 0; i < count; i++) {
        value *v = handle_value(x[i]);
        if (!v)
            return false;
        type = cairn_promote_types(type, (cairn_dtype)v->type);
    }
    for (int i = 0; i < count; i++)
        if (!(out[i] = cairn_to(x[i], type)))
            return false;
    return true;
}

cairn_tensor *cairn_cat(int count, cairn_tensor *const *x, int axis)
{
    cairn_tensor **same = mem_array((size_t)(count > 0 ? count : 1), sizeof *same), *y = NULL;
    cairn_mark m = cairn_scope_push();
    if (same && common_type("cat", count, x, same)) {
        attr_axis a = {axis_check("cat", axis, same[0]->v->shape.rank)};
        if (a.axis >= 0)
            y = op_build(OP_cat, count, same, &a, sizeof a);
    }
    mem_free(same);
    return cairn_scope_pop(m, y);
}

cairn_tensor *cairn_stack(int count, cairn_tensor *const *x, int axis)
{
    cairn_tensor **wide = mem_array((size_t)(count > 0 ? count : 1), sizeof *wide);
    if (!wide)
        return NULL;
    cairn_mark m = cairn_scope_push();
    for (int i = 0; i < count; i++)
        wide[i] = cairn_unsqueeze(x[i], axis);
    cairn_tensor *y = cairn_cat(count, wide, axis);
    mem_free(wide);
    return cairn_scope_pop(m, y);
}
