/* The device side of CUDA C for clang: its own headers for thread numbers, math and warp intrinsics, and
 * here what they leave to NVIDIA's: atomics, small intrinsics, printf, assert. */
#ifndef CAIRN_DEVICE_H
#define CAIRN_DEVICE_H
#if defined(__cplusplus)
#include <__clang_cuda_builtin_vars.h>
#include <__clang_cuda_math_forward_declares.h>

#include <assert.h>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <math.h>
#include <new>
#include <stdio.h>
#include <stdlib.h>

#include <__clang_cuda_libdevice_declares.h>
#if defined(__CUDA_ARCH__)
#include "cairn_libdevice.h"
#endif
#include <__clang_cuda_device_functions.h>
#include <__clang_cuda_math.h>

#include <__clang_cuda_cmath.h>
/* Where an address lies; what clang's intrinsics expect to exist. */
static __device__ inline unsigned __isGlobal(const void *p) { return __nvvm_isspacep_global(p); }
static __device__ inline unsigned __isShared(const void *p) { return __nvvm_isspacep_shared(p); }
static __device__ inline unsigned __isConstant(const void *p) { return __nvvm_isspacep_const(p); }
static __device__ inline unsigned __isLocal(const void *p) { return __nvvm_isspacep_local(p); }
static __device__ inline size_t __cvta_generic_to_shared(const void *p)
{
    return (size_t)(__attribute__((address_space(3))) const void *)p;
}
typedef unsigned int cuuint32_t;
typedef unsigned long long cuuint64_t;
#include <__clang_cuda_intrinsics.h>

#ifndef __noinline__
#define __noinline__ __attribute__((noinline))
#endif
#define warpSize 32

/* CUDA's names on the host side. */
static __host__ inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static __host__ inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static __host__ inline int min(int a, int b) { return a < b ? a : b; }
static __host__ inline int max(int a, int b) { return a > b ? a : b; }
static __host__ __device__ inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
static __host__ __device__ inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
static __host__ __device__ inline long min(long a, long b) { return a < b ? a : b; }
static __host__ __device__ inline long max(long a, long b) { return a > b ? a : b; }
static __host__ __device__ inline float min(float a, float b) { return fminf(a, b); }
static __host__ __device__ inline float max(float a, float b) { return fmaxf(a, b); }
static __host__ __device__ inline double min(double a, double b) { return fmin(a, b); }
static __host__ __device__ inline double max(double a, double b) { return fmax(a, b); }

#define CAIRN_DEVICE static __device__ inline __attribute__((always_inline))

/* ---- Atomics ------------------------------------------------------------------------------------- */
#define CAIRN_ATOMIC(type, name, order_add)                                                           \
    CAIRN_DEVICE type name(type *p, type x) { return order_add; }
#define CAIRN_ATOMICS(type)                                                                           \
    CAIRN_ATOMIC(type, atomicAdd, __atomic_fetch_add(p, x, __ATOMIC_RELAXED))                         \
    CAIRN_ATOMIC(type, atomicSub, __atomic_fetch_sub(p, x, __ATOMIC_RELAXED))                         \
    CAIRN_ATOMIC(type, atomicMin, __atomic_fetch_min(p, x, __ATOMIC_RELAXED))                         \
    CAIRN_ATOMIC(type, atomicMax, __atomic_fetch_max(p, x, __ATOMIC_RELAXED))                         \
    CAIRN_ATOMIC(type, atomicAnd, __atomic_fetch_and(p, x, __ATOMIC_RELAXED))                         \
    CAIRN_ATOMIC(type, atomicOr, __atomic_fetch_or(p, x, __ATOMIC_RELAXED))                           \
    CAIRN_ATOMIC(type, atomicXor, __atomic_fetch_xor(p, x, __ATOMIC_RELAXED))                         \
    CAIRN_ATOMIC(type, atomicExch, __atomic_exchange_n(p, x, __ATOMIC_RELAXED))                       \
    CAIRN_DEVICE type atomicCAS(type *p, type expected, type desired)                                 \
    {                                                                                                 \
        __atomic_compare_exchange_n(p, &expected, desired, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
        return expected;                                                                              \
    }
CAIRN_ATOMICS(int) CAIRN_ATOMICS(unsigned) CAIRN_ATOMICS(long long) CAIRN_ATOMICS(unsigned long long)
CAIRN_DEVICE float atomicAdd(float *p, float x) { return __nvvm_atom_add_gen_f(p, x); }
CAIRN_DEVICE double atomicAdd(double *p, double x) { return __nvvm_atom_add_gen_d(p, x); }
CAIRN_DEVICE float atomicExch(float *p, float x)
{
    return __uint_as_float(__atomic_exchange_n((unsigned *)p, __float_as_uint(x), __ATOMIC_RELAXED));
}
CAIRN_DEVICE unsigned atomicInc(unsigned *p, unsigned x) { return __nvvm_atom_inc_gen_ui(p, x); }
CAIRN_DEVICE unsigned atomicDec(unsigned *p, unsigned x) { return __nvvm_atom_dec_gen_ui(p, x); }
#undef CAIRN_ATOMIC
#undef CAIRN_ATOMICS
/* A block runs on one core: its atomics may be those of the device. */
#define CAIRN_SCOPED(name)                                                                            \
    template <class T, class U> CAIRN_DEVICE T name##_block(T *p, U x) { return name(p, (T)x); }      \
    template <class T, class U> CAIRN_DEVICE T name##_system(T *p, U x) { return name(p, (T)x); }
CAIRN_SCOPED(atomicAdd) CAIRN_SCOPED(atomicMin) CAIRN_SCOPED(atomicMax) CAIRN_SCOPED(atomicExch)
#undef CAIRN_SCOPED

/* ---- Small intrinsics ---------------------------------------------------------------------------- */
CAIRN_DEVICE int __dp4a(int a, int b, int c)
{
    int d;
    asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}
CAIRN_DEVICE unsigned __dp4a(unsigned a, unsigned b, unsigned c)
{
    unsigned d;
    asm("dp4a.u32.u32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}

extern "C" __device__ int vprintf(const char *, const char *);
extern "C" __device__ int printf(const char *, ...) __attribute__((format(printf, 1, 2)));
extern "C" __device__ void __assertfail(const char *message, const char *file, unsigned line, const char *function,
                                        size_t char_size);
#if defined(__CUDA_ARCH__)
extern "C" __device__ inline void __assert_fail(const char *message, const char *file, unsigned line,
                                                const char *function) noexcept
{
    __assertfail(message, file, line, function, sizeof(char));
}
extern "C" __device__ void *malloc(size_t) noexcept;
extern "C" __device__ void free(void *) noexcept;
#endif
#undef CAIRN_DEVICE

/* What a launch f<<<grid, block, shared, stream>>> becomes. */
extern "C" unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes = 0, void *stream = 0);
extern "C" cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared_bytes, void *stream);
#endif
#endif
