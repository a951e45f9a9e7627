/* Optimizers: parameters in groups, the step, the state. */
#include "framework/optim/optimizer.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

double option_or(double given, double otherwise)
{
    return given == 0 && !signbit(given) ? otherwise : given;
}

/* ---- What rules build with */

static value *remember(update *u, value *v)
{
    if (v)
        u->made[u->made_count++] = v;
    return v;
}

value *update_op(update *u, op_id op, value *a, value *b, value *c)
{
    int count = ops[op].inputs;
    if (!a || (count > 1 && !b) || (count > 2 && !c) || u->made_count == MAX_MADE)
        return NULL;
    return remember(u, value_build(op, count, (value *[]){a, b, c}, NULL, 0));
}

value *update_number(update *u, int slot, double number)
{
    value **kept = &u->number[slot];
    if (*kept && (*kept)->type == u->type && (*kept)->param.f == number)
        return *kept;
    value_unref(*kept);
    return *kept = value_constant(&(shape){0}, u->type, (program_value){.f = number});
}

static value *as_type(update *u, value *v, cairn_dtype type)
{
    attr_cast a = {type};
    if (!v || v->type == type)
        return v;
    return remember(u, value_build(OP_cast, 1, &v, &a, sizeof a));
}

static void release_made(update *u)
{
    while (u->made_count)
        value_unref(u->made[--u->made_count]);
}

static cairn_dtype work_type(const cairn_tensor *p) { return cairn_dtype_of(p) == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32; }

/* ---- Life */

static cairn_status check_list(const char *op, cairn_tensor_list list)
{
    if (list.count < 0 || (list.count && !list.tensors))
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "%s: no parameters", op);
    for (int i = 0; i < list.count; i++) {
        value *v = handle_value(list.tensors[i]);
        if (!v)
            return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "%s: parameter %d is NULL", op, i);
        if (!type_is_float(v->type))
            return error_set(CAIRN_E_TYPE, "%s: parameter %d is %s", op, i, cairn_dtype_name(v->type));
        if (v->flags & V_REQUIRES_GRAD && v->leaf != list.tensors[i])
            return error_set(CAIRN_E_ARGUMENT, "%s: parameter %d is the result of an operation, not a leaf", op, i);
    }
    return CAIRN_OK;
}

static char *name_of(cairn_tensor_list list, int i, int place)
{
    char number[16];
    snprintf(number, sizeof number, "%d", place);
    return mem_copy_string(list.names ? list.names[i] : number);
}

/* A parameter's slot, with its state at 0: constants, that need no memory before the first step. */
static bool fill_slot(cairn_optimizer *o, slot *s, cairn_tensor *p, char *name, int group)
{
    *s = (slot){.p = cairn_keep(p), .name = name, .group = group};
    bool whole = name != NULL;
    cairn_mark mark = cairn_scope_push();
    for (int i = 0; i < o->state_count && whole; i++) {
        s->state[i] = cairn_keep(cairn_to(cairn_zeros_like(p), work_type(p)));
        whole = s->state[i] != NULL;
    }
    cairn_scope_pop(mark, NULL);
    return whole;
}

static void empty_slot(slot *s)
{
    cairn_drop(s->p);
    for (int i = 0; i < MAX_STATES; i++)
        cairn_drop(s->state[i]);
    mem_free(s->name);
}

/* More room in all arrays; nothing changes when memory is out. */
static bool make_room(cairn_optimizer *o, int slots)
{
    size_t values = (size_t)slots * (size_t)(1 + o->state_count);
    void *groups = mem_resize(o->groups, (size_t)(o->group_count + 1) * sizeof *o->groups);
    if (groups)
        o->groups = groups;
    void *all = mem_resize(o->slots, (size_t)(slots + 1) * sizeof *o->slots);
    if (all)
        o->slots = all;
    void *fresh = mem_resize(o->fresh, (values + 1) * sizeof *o->fresh);
    if (fresh)
        o->fresh = fresh;
    void *former = mem_resize(o->former, (values + 1) * sizeof *o->former);
    if (former)
        o->former = former;
    return groups && all && fresh && former;
}

static cairn_status add_group(cairn_optimizer *o, cairn_tensor_list list, const hyper *h)
{
    cairn_status s = check_list(o->rule->name, list);
    int from = o->slot_count;
    if (s || !make_room(o, from + list.count))
        return s ? s : CAIRN_E_MEMORY;
    for (int i = 0; i < list.count; i++) {
        slot *next = &o->slots[o->slot_count++];
        if (fill_slot(o, next, list.tensors[i], name_of(list, i, from + i), o->group_count))
            continue;
        while (o->slot_count > from)
            empty_slot(&o->slots[--o->slot_count]);
        return CAIRN_E_MEMORY;
    }
    o->groups[o->group_count++] = (group){*h, NAN};
    return CAIRN_OK;
}

static bool hyper_ok(const char *name, const hyper *h)
{
    bool rates = h->lr >= 0 && h->weight_decay >= 0 && h->momentum >= 0 && h->eps >= 0 && h->alpha >= 0;
    bool betas = h->beta1 >= 0 && h->beta1 < 1 && h->beta2 >= 0 && h->beta2 < 1;
    if (h->nesterov && (!(h->momentum > 0) || h->dampening != 0))
        error_set(CAIRN_E_ARGUMENT, "%s: nesterov needs a momentum and no dampening", name);
    else if (!rates || !betas)
        error_set(CAIRN_E_ARGUMENT, "%s: an option is out of its range: lr %g, weight decay %g, momentum %g, betas %g %g, eps %g, alpha %g",
                  name, h->lr, h->weight_decay, h->momentum, h->beta1, h->beta2, h->eps, h->alpha);
    else
        return true;
    return false;
}

cairn_optimizer *optimizer_new(const rule *rule, const hyper *h, cairn_tensor_list parameters)
{
    if (!hyper_ok(rule->name, h))
        return NULL;
    cairn_optimizer *o = mem_new(sizeof *o);
    if (!o)
        return NULL;
    const char *names[MAX_STATES];
    o->rule = rule;
    o->state_count = rule->states(h, names);
    if (!add_group(o, parameters, h))
        return o;
    cairn_optimizer_free(o);
    return NULL;
}

void cairn_optimizer_free(cairn_optimizer *o)
{
    if (!o)
        return;
    while (o->slot_count)
        empty_slot(&o->slots[--o->slot_count]);
    for (int i = 0; i < MAX_NUMBERS; i++)
        value_unref(o->work.number[i]);
    list_clear(&o->store);
    mem_free(o->groups);
    mem_free(o->slots);
    mem_free(o->fresh);
    mem_free(o->former);
    mem_free(o);
}

/* ---- Groups */

static bool group_there(const char *op, const cairn_optimizer *o, int i)
{
    if (o && i >= 0 && i < o->group_count)
        return true;
    error_set(CAIRN_E_RANGE, "%s: no group %d", op, i);
    return false;
}

cairn_status cairn_add_group(cairn_optimizer *o, cairn_tensor_list parameters, const cairn_group_options *options)
{
    if (!o)
        return error_set(CAIRN_E_ARGUMENT, "add_group: the optimizer is NULL");
    hyper h = o->groups[0].h;
    if (options) {
        h.lr = option_or(options->lr, h.lr);
        h.weight_decay = option_or(options->weight_decay, h.weight_decay);
    }
    return hyper_ok(o->rule->name, &h) ? add_group(o, parameters, &h) : CAIRN_E_ARGUMENT;
}

int cairn_group_count(const cairn_optimizer *o) { return o ? o->group_count : -1; }

double cairn_lr(const cairn_optimizer *o, int i) { return group_there("lr", o, i) ? o->groups[i].h.lr : NAN; }

cairn_status cairn_set_lr(cairn_optimizer *o, int i, double lr)
{
    if (!group_there("set_lr", o, i))
        return CAIRN_E_RANGE;
    if (!(lr >= 0))
        return error_set(CAIRN_E_ARGUMENT, "set_lr: %g", lr);
    o->groups[i].h.lr = lr;
    return CAIRN_OK;
}

/* ---- The step */

/* The next values of one parameter and its state go to fresh[0 ... state_count], each counted. */
static bool build_update(cairn_optimizer *o, slot *s, value **fresh)
{
    update *u = &o->work;
    value *p = handle_value(s->p), *g = handle_value(s->p->grad);
    bool whole = p && g && shape_equal(&p->shape, &g->shape);
    if (p && g && !whole)
        error_set(CAIRN_E_SHAPE, "%s: the gradient of %s is %s, the parameter %s", o->rule->name, s->name, SHAPE(&g->shape), SHAPE(&p->shape));
    if (whole) {
        u->h = &o->groups[s->group].h;
        u->step = s->step + 1;
        u->type = work_type(s->p);
        u->p = as_type(u, p, u->type);
        u->g = as_type(u, g, u->type);
        u->next_p = NULL;
        for (int i = 0; i < o->state_count; i++) {
            u->state[i] = handle_value(s->state[i]);
            u->next_state[i] = NULL;
        }
        o->rule->build(u);
        u->next_p = as_type(u, u->next_p, p->type);
    }
    for (int i = 0; i <= o->state_count; i++) {
        fresh[i] = value_ref(!whole ? NULL : i ? u->next_state[i - 1] : u->next_p);
        whole &= fresh[i] != NULL;
    }
    release_made(u);
    return whole;
}

void leaf_of_gradient(cairn_tensor *p)
{
    p->v->flags |= V_REQUIRES_GRAD;
    p->v->leaf = p;
}

/* Gives all moving parameters and states their values from `from`, whose references it takes. */
static void assign(cairn_optimizer *o, value **from)
{
    for (int i = 0, at = 0; i < o->slot_count; i++) {
        slot *s = &o->slots[i];
        if (!s->moving)
            continue;
        handle_assign(s->p, from[at++]);
        leaf_of_gradient(s->p);
        for (int j = 0; j < o->state_count; j++)
            handle_assign(s->state[j], from[at++]);
    }
}

/* Builds the next values of all that have a gradient. Returns their number, or -1 with nothing left behind. */
static int build_all(cairn_optimizer *o)
{
    int at = 0, each = 1 + o->state_count;
    for (int i = 0; i < o->slot_count; i++) {
        slot *s = &o->slots[i];
        s->moving = s->p->grad != NULL;
        if (!s->moving)
            continue;
        o->former[at] = s->p->v;
        for (int j = 0; j < o->state_count; j++)
            o->former[at + 1 + j] = s->state[j]->v;
        bool whole = build_update(o, s, o->fresh + at);
        at += each;
        if (whole)
            continue;
        while (at)
            value_unref(o->fresh[--at]);
        return -1;
    }
    return at;
}

/* The handles get their new values before these are computed, so that nobody else holds the former ones and the update may
 * run in their place. Should it fail, the former values are still there as the inputs of the new. */
static cairn_status move(cairn_optimizer *o, int count)
{
    for (int i = 0; i < count; i++)
        value_ref(o->fresh[i]);
    assign(o, o->fresh);
    cairn_zero_grad(o);
    cairn_status s = evaluate(count, o->fresh);
    if (s) {
        for (int i = 0; i < count; i++)
            value_ref(o->former[i]);
        assign(o, o->former);
    }
    for (int i = 0; i < count; i++)
        value_unref(o->fresh[i]);
    for (int i = 0; i < o->slot_count && !s; i++)
        o->slots[i].step += o->slots[i].moving;
    o->steps += !s;
    return s;
}

cairn_status cairn_step(cairn_optimizer *o)
{
    if (!o || cairn_error())
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "step: the optimizer is NULL");
    cairn_no_grad_begin();
    int count = build_all(o);
    cairn_status s = count < 0 ? cairn_error() : move(o, count);
    cairn_no_grad_end();
    return s;
}

void cairn_zero_grad(cairn_optimizer *o)
{
    for (int i = 0; o && i < o->slot_count; i++)
        cairn_clear_grad(o->slots[i].p);
}

int64_t cairn_step_count(const cairn_optimizer *o) { return o ? o->steps : -1; }

/* ---- The state */

static bool list_add(list_store *s, cairn_tensor *x, const char *first, const char *second)
{
    char name[512];
    snprintf(name, sizeof name, "%s%s%s", first, second ? "." : "", second ? second : "");
    return x && list_append(s, x, mem_copy_string(name));
}

static cairn_tensor *step_counts(const cairn_optimizer *o)
{
    int64_t *counts = mem_array((size_t)o->slot_count + 1, sizeof *counts);
    for (int i = 0; counts && i < o->slot_count; i++)
        counts[i] = o->slots[i].step;
    cairn_tensor *x = counts ? cairn_from(counts, CAIRN_SHAPE(o->slot_count), CAIRN_I64) : NULL;
    mem_free(counts);
    return x;
}

static cairn_tensor *rates(const cairn_optimizer *o)
{
    double *lr = mem_array((size_t)o->group_count + 1, sizeof *lr);
    for (int i = 0; lr && i < o->group_count; i++)
        lr[i] = o->groups[i].h.lr;
    cairn_tensor *x = lr ? cairn_from(lr, CAIRN_SHAPE(o->group_count), CAIRN_F64) : NULL;
    mem_free(lr);
    return x;
}

cairn_tensor_list cairn_optimizer_state(cairn_optimizer *o)
{
    if (!o) {
        error_set(CAIRN_E_ARGUMENT, "optimizer_state: the optimizer is NULL");
        return (cairn_tensor_list){.count = -1};
    }
    const char *names[MAX_STATES];
    o->rule->states(&o->groups[0].h, names);
    list_clear(&o->store);
    cairn_mark mark = cairn_scope_push();
    bool whole = list_add(&o->store, step_counts(o), "step", NULL) && list_add(&o->store, rates(o), "lr", NULL);
    for (int i = 0; i < o->slot_count; i++)
        for (int j = 0; j < o->state_count && whole; j++)
            whole = list_add(&o->store, o->slots[i].state[j], o->slots[i].name, names[j]);
    cairn_tensor_list list = list_kept(&o->store, whole);
    cairn_scope_pop(mark, NULL);
    return list;
}

cairn_status cairn_optimizer_load(cairn_optimizer *o, cairn_tensor_list state)
{
    cairn_tensor_list own = cairn_optimizer_state(o);
    cairn_status s = list_matches("optimizer_load", own, state, true);
    int64_t *counts = s ? NULL : mem_array((size_t)o->slot_count + 1, sizeof *counts);
    double *lr = s ? NULL : mem_array((size_t)o->group_count + 1, sizeof *lr);
    if (!s && (!counts || !lr))
        s = CAIRN_E_MEMORY;
    if (!s)
        s = cairn_copy_out(list_find(state, "step", 0), counts, CAIRN_I64);
    if (!s)
        s = cairn_copy_out(list_find(state, "lr", 1), lr, CAIRN_F64);
    for (int i = 2; i < own.count && !s; i++)
        s = tensor_assign(own.tensors[i], list_find(state, own.names[i], i));
    for (int i = 0; i < o->slot_count && !s; i++) {
        o->slots[i].step = counts[i];
        o->steps = counts[i] > o->steps || !i ? counts[i] : o->steps;
    }
    for (int i = 0; i < o->group_count && !s; i++)
        o->groups[i].h.lr = lr[i];
    mem_free(counts);
    mem_free(lr);
    return s;
}
