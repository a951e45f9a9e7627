/* CAIRN_CHECK_NAN=1: names the first operation that made a NaN or an infinity from finite inputs. */
#include "framework/exec/exec.h"
#include "framework/ops/rules.h"
#include <math.h>
#include <string.h>

/* The first element of v that is not finite, in row-major order, as f64; -1 when all are (or v is not floating). */
static int64_t first_not_finite(const value *v, double *found)
{
    int64_t n = shape_numel(&v->shape), at = -1;
    if (!type_is_float(v->type) || !value_is_evaluated(v) || !n)
        return -1;
    double *copy = mem_array((size_t)n, sizeof *copy);
    if (!copy)
        return -1;
    view from = {.data = (char *)v->data->data + v->offset * cairn_dtype_bytes(v->type), .type = (cairn_dtype)v->type, .shape = v->shape};
    view to = {.data = copy, .type = CAIRN_F64, .shape = v->shape};
    memcpy(from.stride, v->stride, sizeof from.stride);
    dense_strides(&v->shape, false, to.stride);
    if (copy_view(&from, &to) == CAIRN_OK)
        for (int64_t i = 0; i < n && at < 0; i++)
            if (!isfinite(copy[i])) {
                at = i;
                *found = copy[i];
            }
    mem_free(copy);
    return at;
}

static bool made_it(const value *v)
{
    double ignored;
    for (int i = 0; i < v->n_in; i++) {
        const value *in = v->in[i];
        bool finite = in->op == OP_constant ? !type_is_float(in->type) || isfinite(in->param.f) : first_not_finite(in, &ignored) < 0;
        if (!finite)
            return false;
    }
    return v->n_in > 0;
}

cairn_status check_finite(const value *v)
{
    double found = 0;
    int64_t at = v->op == OP_constant || v->op == OP_leaf ? -1 : first_not_finite(v, &found);
    if (at < 0 || !made_it(v))
        return CAIRN_OK;
    if (v->file)
        cairn_here = (cairn_source_line){v->file, v->line};
    return error_set(CAIRN_E_NAN, "%s gave %s at element %lld of %s, from finite inputs", ops[v->op].name,
                     isnan(found) ? "NaN" : found > 0 ? "infinity" : "-infinity", (long long)at, SHAPE(&v->shape));
}
