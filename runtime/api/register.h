/* Host functions and variables that stand for kernels and device variables. */
#ifndef RUNTIME_API_REGISTER_H
#define RUNTIME_API_REGISTER_H
#include "runtime/api/api.h"

/* The kernel behind a host function. Loads its module on first use. */
CUresult registered_kernel(const void *host_function, kernel **out);
/* The memory of the device variable behind a host variable. */
CUresult registered_variable(const void *host_variable, void **memory, size_t *bytes);

#endif
