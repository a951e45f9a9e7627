/* Jumps of XORWOW's shift register, for kernels (curand_kernel.h) and for cuRAND's host API (runtime/curand). */
#ifndef RUNTIME_EXEC_XORWOW_H
#define RUNTIME_EXEC_XORWOW_H
#include <stdint.h>

/* v becomes the register n 2^power steps later; 0 <= power <= 67. Any thread may call. */
void xorwow_skip(uint32_t v[5], uint64_t n, int power);

#endif
