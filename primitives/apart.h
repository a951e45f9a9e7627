/* Operands that may not be one another. */
#ifndef PRIMITIVES_APART_H
#define PRIMITIVES_APART_H
#include <cairn/base.h>

/* E_ARGUMENT when one of the outputs is one of the inputs, or another output; NULL ones are none. */
cairn_status outputs_apart(const char *op, int outputs, const void *const *output, int inputs, const void *const *input);
#define OUTPUTS(...) sizeof((const void *const[]){__VA_ARGS__}) / sizeof(void *), (const void *const[]){__VA_ARGS__}
#define INPUTS(...) OUTPUTS(__VA_ARGS__)

#endif
