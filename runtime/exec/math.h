/* CUDA's device math, over the 32 lanes of a warp. Plain loops: where the C library has vector versions
 * of a function (glibc's libmvec), the compiler calls those. */
#ifndef RUNTIME_EXEC_MATH_H
#define RUNTIME_EXEC_MATH_H

/* The function of 32 lanes behind a name of CUDA's device library ("__nv_expf"), or NULL. */
const void *math_find(const char *name);

/* PTX's own approximations: 32 floats to 32 floats. */
void rt_ex2(const float *x, float *y);
void rt_lg2(const float *x, float *y);
void rt_sin(const float *x, float *y);
void rt_cos(const float *x, float *y);
void rt_tanh(const float *x, float *y);

#endif
