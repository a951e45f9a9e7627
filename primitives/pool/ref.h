/* The scalar oracles of pooling; no checks. */
#ifndef PRIMITIVES_POOL_REF_H
#define PRIMITIVES_POOL_REF_H
#include <cairn/dnn.h>

void ref_max_pool_forward(const cairn_pool *d, const void *x, void *y, int32_t *index);
void ref_max_pool_gradient(const cairn_pool *d, const void *dy, const int32_t *index, void *dx);
void ref_average_pool_forward(const cairn_pool *d, const void *x, void *y);
void ref_average_pool_gradient(const cairn_pool *d, const void *dy, void *dx);

#endif
