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
