/* Free lists of values and handles, one a thread. */
#ifndef FRAMEWORK_GRAPH_POOLS_H
#define FRAMEWORK_GRAPH_POOLS_H
#include "framework/graph/graph.h"

value *pool_value_take(void);             /* uninitialised; NULL with the error set */
void pool_value_give(value *v);
cairn_tensor *pool_handle_take(void);
void pool_handle_give(cairn_tensor *t);

value *value_new(op_id op, int count, size_t attr_bytes);   /* attributes beyond the inline ones are zeroed, inline ones not */

#endif
