#include "primitives/apart.h"

#include "base/error.h"

cairn_status outputs_apart(const char *op, int outputs, const void *const *output, int inputs, const void *const *input)
{
    for (int i = 0; i < outputs; i++)
        for (int k = i + 1; k < outputs + inputs; k++)
            if (output[i] && output[i] == (k < outputs ? output[k] : input[k - outputs]))
                return error_set(CAIRN_E_ARGUMENT, "%s: an output is also another operand: %p", op, output[i]);
    return CAIRN_OK;
}

static bool overlap(const extent *x, const extent *y)
{
    const uintptr_t a = (uintptr_t)x->at, b = (uintptr_t)y->at;
    return a && b && a < b + (uintptr_t)y->bytes && b < a + (uintptr_t)x->bytes;
}

cairn_status extents_apart(const char *op, const extent *o, int count)
{
    for (int i = 0; i < count; i++)
        if (o[i].bytes && !o[i].at && !o[i].optional)
            return error_set(CAIRN_E_ARGUMENT, "%s: operand %d of %d is NULL", op, i + 1, count);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < count && o[i].output; k++)
            if (i != k && overlap(&o[i], &o[k]))
                return error_set(CAIRN_E_ARGUMENT, "%s: output %d of %d at %p overlaps operand %d at %p", op, i + 1, count, o[i].at, k + 1, o[k].at);
    return CAIRN_OK;
}
