/* Gradients between backward and step. What is built here is computed with the step. */
#include "framework/optim/optimizer.h"
#include <cairn/ops.h>
#include <math.h>

/* Gives x's gradient the value of `g`, as long as x has one. */
static bool replace_gradient(cairn_tensor *x, cairn_tensor *g)
{
    return handle_assign(x->grad, value_ref(handle_value(g)));
}

/* sum |g|^p, or the largest |g|. */
static cairn_tensor *part_of_norm(cairn_tensor *g, double p)
{
    if (p == INFINITY)
        return cairn_amax(cairn_abs(g), CAIRN_ALL_AXES, false);
    cairn_tensor *powers = p == 2 ? cairn_square(g) : p == 1 ? cairn_abs(g) : cairn_pow(cairn_abs(g), cairn_number(p));
    return cairn_sum(powers, CAIRN_ALL_AXES, false);
}

static cairn_tensor *total_norm(cairn_tensor_list list, double p)
{
    cairn_tensor *total = NULL;
    for (int i = 0; i < list.count; i++) {
        cairn_tensor *g = cairn_grad_of(list.tensors[i]);
        if (!g || !cairn_numel(g))
            continue;
        cairn_tensor *part = part_of_norm(g, p);
        total = !total ? part : p == INFINITY ? cairn_maximum(total, part) : cairn_add(total, part);
        if (!total)
            return NULL;
    }
    if (!total)
        return cairn_full(CAIRN_SCALAR, 0, CAIRN_F32);
    return p == INFINITY || p == 1 ? total : p == 2 ? cairn_sqrt(total) : cairn_pow(total, cairn_number(1 / p));
}

static bool list_ok(const char *op, cairn_tensor_list list, double most)
{
    if (list.count >= 0 && most >= 0)
        return true;
    if (!cairn_error())
        error_set(CAIRN_E_ARGUMENT, "%s: the bound is %g", op, most);
    return false;
}

/* g * min(1, most / (norm + 1e-6)) */
static bool scale_all(cairn_tensor_list list, cairn_tensor *norm, double most)
{
    cairn_tensor *factor = cairn_div(cairn_number(most), cairn_add(norm, cairn_number(1e-6)));
    factor = cairn_minimum(factor, cairn_number(1));
    bool whole = factor != NULL;
    for (int i = 0; i < list.count && whole; i++) {
        cairn_tensor *g = cairn_grad_of(list.tensors[i]);
        whole = !g || replace_gradient(list.tensors[i], cairn_to(cairn_mul(g, factor), cairn_dtype_of(g)));
    }
    return whole;
}

cairn_tensor *cairn_clip_grad_norm(cairn_tensor_list list, double most, double p)
{
    if (!list_ok("clip_grad_norm", list, most))
        return NULL;
    if (!(p > 0)) {
        error_set(CAIRN_E_ARGUMENT, "clip_grad_norm: the norm's power is %g", p);
        return NULL;
    }
    cairn_mark mark = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_tensor *norm = total_norm(list, p);
    if (norm && !scale_all(list, norm, most))
        norm = NULL;
    cairn_no_grad_end();
    return cairn_scope_pop(mark, norm);
}

cairn_status cairn_clip_grad_value(cairn_tensor_list list, double most)
{
    if (!list_ok("clip_grad_value", list, most))
        return cairn_error();
    bool whole = true;
    cairn_mark mark = cairn_scope_push();
    cairn_no_grad_begin();
    for (int i = 0; i < list.count && whole; i++) {
        cairn_tensor *g = cairn_grad_of(list.tensors[i]);
        cairn_tensor *low = cairn_number(-most), *high = cairn_number(most);
        whole = !g || replace_gradient(list.tensors[i], cairn_minimum(cairn_maximum(g, low), high));
    }
    cairn_no_grad_end();
    cairn_scope_pop(mark, NULL);
    return whole ? CAIRN_OK : cairn_error();
}
