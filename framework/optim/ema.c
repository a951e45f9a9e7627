/* Exponential moving averages of weights. */
#include "framework/optim/optimizer.h"
#include <cairn/ops.h>
#include <stdio.h>

struct cairn_ema {
    double decay;
    cairn_tensor **of;                   /* the parameters: kept */
    list_store averages;                 /* kept, under the parameters' names */
};

/* The value that p has now; not a view, which would follow it. */
static cairn_tensor *detached(cairn_tensor *p)
{
    value *v = handle_value(p);
    return v ? handle_new(value_build(OP_detach, 1, &v, NULL, 0)) : NULL;
}

static bool add(cairn_ema *e, cairn_tensor_list p, int i)
{
    char number[16];
    snprintf(number, sizeof number, "%d", i);
    cairn_tensor *copy = detached(p.tensors[i]);
    if (!copy || !list_append(&e->averages, copy, mem_copy_string(p.names ? p.names[i] : number)))
        return false;
    cairn_keep(copy);
    e->averages.keeps = true;
    e->of[i] = cairn_keep(p.tensors[i]);
    return true;
}

cairn_ema *cairn_ema_new(cairn_tensor_list p, double decay)
{
    if (p.count < 0 || !(decay >= 0 && decay < 1)) {
        if (!cairn_error())
            error_set(CAIRN_E_ARGUMENT, "ema: the decay is %g", decay);
        return NULL;
    }
    cairn_ema *e = mem_new(sizeof *e);
    if (!e)
        return NULL;
    e->decay = option_or(decay, 0.999);
    e->of = mem_array((size_t)p.count + 1, sizeof *e->of);
    bool whole = e->of != NULL;
    cairn_mark mark = cairn_scope_push();
    for (int i = 0; i < p.count && whole; i++)
        whole = add(e, p, i);
    cairn_scope_pop(mark, NULL);
    if (whole)
        return e;
    cairn_ema_free(e);
    return NULL;
}

void cairn_ema_free(cairn_ema *e)
{
    if (!e)
        return;
    for (int i = 0; i < e->averages.count; i++)
        cairn_drop(e->of[i]);
    list_clear(&e->averages);
    mem_free(e->of);
    mem_free(e);
}

cairn_tensor_list cairn_ema_averages(cairn_ema *e)
{
    if (!e)
        return (cairn_tensor_list){.count = -1};
    return (cairn_tensor_list){e->averages.count, e->averages.tensors, (const char *const *)e->averages.names};
}

/* a + (1 - decay) (p - a); all averages change or none does. */
cairn_status cairn_ema_update(cairn_ema *e)
{
    if (!e || cairn_error())
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "ema_update: NULL");
    int count = e->averages.count;
    cairn_tensor **next = mem_array((size_t)count + 1, sizeof *next);
    if (!next)
        return CAIRN_E_MEMORY;
    cairn_mark mark = cairn_scope_push();
    cairn_no_grad_begin();
    for (int i = 0; i < count; i++) {
        cairn_tensor *a = e->averages.tensors[i], *away = cairn_sub(e->of[i], a);
        next[i] = cairn_add(a, cairn_mul(away, cairn_number(1 - e->decay)));
    }
    cairn_status s = cairn_eval_list(count, next);
    for (int i = 0; i < count && !s; i++)
        handle_assign(e->averages.tensors[i], value_ref(handle_value(next[i])));
    cairn_no_grad_end();
    cairn_scope_pop(mark, NULL);
    mem_free(next);
    return s;
}

static void swap(cairn_tensor *p, cairn_tensor *average)
{
    bool trained = cairn_requires_grad(p);
    value *a = value_ref(p->v), *b = value_ref(average->v);
    handle_assign(p, b);
    handle_assign(average, a);
    a->flags &= (uint8_t)~V_REQUIRES_GRAD;
    if (trained)
        leaf_of_gradient(p);
}

cairn_status cairn_ema_swap(cairn_ema *e)
{
    if (!e)
        return error_set(CAIRN_E_ARGUMENT, "ema_swap: NULL");
    for (int i = 0; i < e->averages.count; i++)
        swap(e->of[i], e->averages.tensors[i]);
    return CAIRN_OK;
}
