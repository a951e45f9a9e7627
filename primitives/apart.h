/* Operands that may not be one another. */
#ifndef PRIMITIVES_APART_H
#define PRIMITIVES_APART_H
#include <cairn/base.h>

/* E_ARGUMENT when one of the outputs is one of the inputs, or another output; NULL ones are none. */
cairn_status outputs_apart(const char *op, int outputs, const void *const *output, int inputs, const void *const *input);

/* An operand with its extent: nothing of it is needed where bytes is 0. */
typedef struct extent {
    const void *at;
    int64_t bytes;
    bool output, optional;              /* optional: may be NULL */
} extent;

/* E_ARGUMENT when one is NULL that may not be, or when an output shares a byte with another. */
cairn_status extents_apart(const char *op, const extent *o, int count);

#define OUTPUTS(...) sizeof((const void *const[]){__VA_ARGS__}) / sizeof(void *), (const void *const[]){__VA_ARGS__}
#define INPUTS(...) OUTPUTS(__VA_ARGS__)

#endif
