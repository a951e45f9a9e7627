/* Attention on queries, keys and values that one product made: for modules. */
#ifndef FRAMEWORK_OPS_ATTENTION_H
#define FRAMEWORK_OPS_ATTENTION_H
#include <cairn/functional.h>

/* all (N, L, 3 E): q, k, v side by side, each of `heads` heads -> (N, L, E). Its gradient is one tensor, with no parts to put together. */
cairn_tensor *attention_of_packed(cairn_tensor *all, int64_t heads, const cairn_attention_options *options);

#endif
