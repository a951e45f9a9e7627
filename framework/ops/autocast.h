/* Mixed precision: which operations take which types under cairn_autocast. */
#ifndef FRAMEWORK_OPS_AUTOCAST_H
#define FRAMEWORK_OPS_AUTOCAST_H
#include "framework/graph/graph.h"

/* Whether x is to be rounded for an operation of the lower precision; to be widened for one of f32. NULL: no. */
bool autocast_lowers(cairn_tensor *x);
bool autocast_raises(cairn_tensor *x);
/* x so; x itself where nothing is to be done, NULL for NULL. In the current scope. */
cairn_tensor *autocast_low(cairn_tensor *x);
cairn_tensor *autocast_wide(cairn_tensor *x);

/* The first lines of a front function of one operand that computes in f32: itself again, on the wider x. */
#define AUTOCAST_WIDE(x, again)                     \
    do {                                            \
        if (autocast_raises(x))                     \
            COMPOSED(again);                        \
    } while (0)

#endif
