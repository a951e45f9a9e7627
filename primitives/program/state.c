/* What reductions keep between blocks: identities, folding, results. */
#include <math.h>
#include "primitives/program/run.h"

static bool is_float(const vm_reduction *r) { return r->type == PT_F32 || r->type == PT_F64; }

static program_value identity_of(const vm_reduction *r)
{
    bool lowest = r->code == PR_MAX || r->code == PR_ARGMAX, highest = r->code == PR_MIN || r->code == PR_ARGMIN;
    bool one = r->code == PR_PROD || r->code == PR_ALL;
    if (is_float(r))
        return (program_value){.f = lowest ? -INFINITY : highest ? INFINITY : one};
    int64_t limit = r->type == PT_I32 ? INT32_MAX : INT64_MAX;
    return (program_value){.i = lowest ? -limit - 1 : highest ? limit : one};
}

void vm_state_reset(const vm_reduction *r, vm_state *states, int64_t n)
{
    vm_state first = {identity_of(r), -1};
    for (int64_t i = 0; i < n; i++)
        states[i] = first;
}

/* Does x take the place of old? NaN does, once. */
static bool replaces(const vm_reduction *r, program_value x, program_value old)
{
    bool largest = r->code == PR_MAX || r->code == PR_ARGMAX;
    if (!is_float(r))
        return largest ? x.i > old.i : x.i < old.i;
    return isnan(x.f) ? !isnan(old.f) : largest ? x.f > old.f : x.f < old.f;
}

static inline void fold_value(const vm_reduction *r, program_value *into, program_value x)
{
    switch (r->code) {
    case PR_SUM:
        if (is_float(r))
            into->f += x.f;
        else
            into->i = (int64_t)((uint64_t)into->i + (uint64_t)x.i);
        break;
    case PR_PROD:
        if (is_float(r))
            into->f *= x.f;
        else
            into->i = (int64_t)((uint64_t)into->i * (uint64_t)x.i);
        break;
    case PR_ANY: into->i |= x.i; break;
    case PR_ALL: into->i &= x.i; break;
    default:
        if (replaces(r, x, *into))
            *into = x;
    }
}

void vm_state_fold(const vm_reduction *r, vm_state *into, const vm_state *from)
{
    if (!vm_is_arg(r->code))
        fold_value(r, &into->value, from->value);
    else if (from->index >= 0 && (into->index < 0 || replaces(r, from->value, into->value)))
        *into = *from;
}

void vm_state_finish(const vm_reduction *r, const vm_state *states, int64_t n, void *results)
{
    if (vm_is_arg(r->code))
        for (int64_t i = 0; i < n; i++)
            ((int64_t *)results)[i] = states[i].index < 0 ? 0 : states[i].index;
    else if (r->type == PT_F32)
        for (int64_t i = 0; i < n; i++)
            ((float *)results)[i] = (float)states[i].value.f;
    else if (r->type == PT_I32)
        for (int64_t i = 0; i < n; i++)
            ((int32_t *)results)[i] = (int32_t)(uint32_t)states[i].value.i;
    else
        for (int64_t i = 0; i < n; i++)
            ((program_value *)results)[i] = states[i].value;
}

void vm_group_reset(const vm_reduction *r, void *group, int64_t n)
{
    program_value x = identity_of(r);
    if (r->type == PT_F32)
        for (int64_t i = 0; i < n; i++)
            ((float *)group)[i] = (float)x.f;
    else if (r->type == PT_I32)
        for (int64_t i = 0; i < n; i++)
            ((int32_t *)group)[i] = (int32_t)x.i;
    else
        for (int64_t i = 0; i < n; i++)
            ((program_value *)group)[i] = x;
}

void vm_group_fold(const vm_reduction *r, const void *group, int64_t n, vm_state *states)
{
    if (r->type == PT_F32 && r->code == PR_SUM)         /* the one that matters */
        for (int64_t i = 0; i < n; i++)
            states[i].value.f += ((const float *)group)[i];
    else if (r->type == PT_F32)
        for (int64_t i = 0; i < n; i++)
            fold_value(r, &states[i].value, (program_value){.f = ((const float *)group)[i]});
    else if (r->type == PT_I32)
        for (int64_t i = 0; i < n; i++)
            fold_value(r, &states[i].value, (program_value){.i = ((const int32_t *)group)[i]});
    else
        for (int64_t i = 0; i < n; i++)
            fold_value(r, &states[i].value, ((const program_value *)group)[i]);
}
