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

/* For CUDA 9.1 clang took the functions on two or four numbers in a word from the device library, as it is done
 * here; later it writes them as video instructions. */
#pragma push_macro("CUDA_VERSION")
#undef CUDA_VERSION
#define CUDA_VERSION 9010
#include <__clang_cuda_libdevice_declares.h>
#if defined(__CUDA_ARCH__)
#include "cairn_libdevice.h"
#endif
#include <__clang_cuda_device_functions.h>
#pragma pop_macro("CUDA_VERSION")
#include <__clang_cuda_math.h>

#include <__clang_cuda_cmath.h>
#include <__clang_cuda_complex_builtins.h>
/* Where an address lies; what clang's intrinsics expect to exist. */
static __device__ inline unsigned __isGlobal(const void *p) { return __nvvm_isspacep_global(p); }
static __device__ inline unsigned __isShared(const void *p) { return __nvvm_isspacep_shared(p); }
static __device__ inline unsigned __isConstant(const void *p) { return __nvvm_isspacep_const(p); }
static __device__ inline unsigned __isLocal(const void *p) { return __nvvm_isspacep_local(p); }
#define CAIRN_SPACE(name, number)                                                                     \
    static __device__ inline size_t __cvta_generic_to_##name(const void *p)                           \
    {                                                                                                 \
        return (size_t)(__attribute__((address_space(number))) const void *)p;                        \
    }
#define CAIRN_FROM_SPACE(name, number)                                                                \
    static __device__ inline void *__cvta_##name##_to_generic(size_t p)                               \
    {                                                                                                 \
        return (void *)(__attribute__((address_space(number))) void *)p;                              \
    }
CAIRN_SPACE(global, 1) CAIRN_SPACE(shared, 3) CAIRN_SPACE(constant, 4) CAIRN_SPACE(local, 5)
CAIRN_FROM_SPACE(global, 1) CAIRN_FROM_SPACE(shared, 3) CAIRN_FROM_SPACE(constant, 4) CAIRN_FROM_SPACE(local, 5)
#undef CAIRN_SPACE
#undef CAIRN_FROM_SPACE
typedef unsigned int cuuint32_t;
typedef unsigned long long cuuint64_t;
#include <__clang_cuda_intrinsics.h>

#ifndef __noinline__
#define __noinline__ __attribute__((noinline))
#endif

/* CUDA's names on the host side. */
static __host__ inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static __host__ inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static __host__ inline int min(int a, int b) { return a < b ? a : b; }
static __host__ inline int max(int a, int b) { return a > b ? a : b; }
#define CAIRN_LESS(result, type_a, type_b)                                                            \
    static __host__ __device__ inline result min(type_a a, type_b b) { return (result)a < (result)b ? (result)a : (result)b; } \
    static __host__ __device__ inline result max(type_a a, type_b b) { return (result)a > (result)b ? (result)a : (result)b; }
CAIRN_LESS(unsigned, unsigned, unsigned) CAIRN_LESS(unsigned, int, unsigned) CAIRN_LESS(unsigned, unsigned, int)
CAIRN_LESS(long, long, long) CAIRN_LESS(unsigned long, unsigned long, unsigned long)
CAIRN_LESS(unsigned long, long, unsigned long) CAIRN_LESS(unsigned long, unsigned long, long)
CAIRN_LESS(long long, long long, long long) CAIRN_LESS(unsigned long long, unsigned long long, unsigned long long)
CAIRN_LESS(unsigned long long, long long, unsigned long long) CAIRN_LESS(unsigned long long, unsigned long long, long long)
#undef CAIRN_LESS
static __host__ __device__ inline float min(float a, float b) { return fminf(a, b); }
static __host__ __device__ inline float max(float a, float b) { return fmaxf(a, b); }
static __host__ __device__ inline double min(double a, double b) { return fmin(a, b); }
static __host__ __device__ inline double max(double a, double b) { return fmax(a, b); }
static __host__ __device__ inline double min(float a, double b) { return fmin((double)a, b); }
static __host__ __device__ inline double max(float a, double b) { return fmax((double)a, b); }
static __host__ __device__ inline double min(double a, float b) { return fmin(a, (double)b); }
static __host__ __device__ inline double max(double a, float b) { return fmax(a, (double)b); }

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
CAIRN_ATOMICS(int) CAIRN_ATOMICS(unsigned) CAIRN_ATOMICS(long) CAIRN_ATOMICS(unsigned long) CAIRN_ATOMICS(long long)
CAIRN_ATOMICS(unsigned long long)
CAIRN_DEVICE float atomicAdd(float *p, float x) { return __nvvm_atom_add_gen_f(p, x); }
CAIRN_DEVICE double atomicAdd(double *p, double x) { return __nvvm_atom_add_gen_d(p, x); }
CAIRN_DEVICE float atomicExch(float *p, float x)
{
    return __uint_as_float(__atomic_exchange_n((unsigned *)p, __float_as_uint(x), __ATOMIC_RELAXED));
}
/* Sixteen bits are half of the word that is exchanged. */
CAIRN_DEVICE unsigned short atomicCAS(unsigned short *p, unsigned short expected, unsigned short desired)
{
    unsigned *word = (unsigned *)((size_t)p & ~(size_t)3), shift = ((size_t)p & 2) * 8, old = *word, seen;
    do {
        seen = old;
        if ((unsigned short)(seen >> shift) != expected)
            break;
        old = atomicCAS(word, seen, (seen & ~(0xffffu << shift)) | (unsigned)desired << shift);
    } while (old != seen);
    return (unsigned short)(old >> shift);
}
#if defined(__CUDA_ARCH__) /* clang declares them for the host and for sm_90 */
CAIRN_DEVICE float2 atomicAdd(float2 *p, float2 v) { return make_float2(atomicAdd(&p->x, v.x), atomicAdd(&p->y, v.y)); }
CAIRN_DEVICE float4 atomicAdd(float4 *p, float4 v)
{
    return make_float4(atomicAdd(&p->x, v.x), atomicAdd(&p->y, v.y), atomicAdd(&p->z, v.z), atomicAdd(&p->w, v.w));
}
#endif
CAIRN_DEVICE unsigned atomicInc(unsigned *p, unsigned x) { return __nvvm_atom_inc_gen_ui(p, x); }
CAIRN_DEVICE unsigned atomicDec(unsigned *p, unsigned x) { return __nvvm_atom_dec_gen_ui(p, x); }
#undef CAIRN_ATOMIC
#undef CAIRN_ATOMICS
/* A block runs on one core: its atomics may be those of the device. */
#define CAIRN_SCOPED(name)                                                                            \
    template <class T, class U> CAIRN_DEVICE T name##_block(T *p, U x) { return name(p, (T)x); }      \
    template <class T, class U> CAIRN_DEVICE T name##_system(T *p, U x) { return name(p, (T)x); }
CAIRN_SCOPED(atomicAdd) CAIRN_SCOPED(atomicSub) CAIRN_SCOPED(atomicMin) CAIRN_SCOPED(atomicMax) CAIRN_SCOPED(atomicAnd)
CAIRN_SCOPED(atomicOr) CAIRN_SCOPED(atomicXor) CAIRN_SCOPED(atomicExch) CAIRN_SCOPED(atomicInc) CAIRN_SCOPED(atomicDec)
template <class T> CAIRN_DEVICE T atomicCAS_block(T *p, T expected, T desired) { return atomicCAS(p, expected, desired); }
template <class T> CAIRN_DEVICE T atomicCAS_system(T *p, T expected, T desired) { return atomicCAS(p, expected, desired); }
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

#define CAIRN_DP2A(name, type)                                                                        \
    CAIRN_DEVICE type __dp2a_lo(type a, type b, type c)                                               \
    {                                                                                                 \
        return c + (type)(name##16)a * (name##8)b + (type)(name##16)(a >> 16) * (name##8)(b >> 8);    \
    }                                                                                                 \
    CAIRN_DEVICE type __dp2a_hi(type a, type b, type c) { return __dp2a_lo(a, (type)((unsigned)b >> 16), c); }
typedef short cairn_s16;
typedef signed char cairn_s8;
typedef unsigned short cairn_u16;
typedef unsigned char cairn_u8;
CAIRN_DP2A(cairn_s, int) CAIRN_DP2A(cairn_u, unsigned)
#undef CAIRN_DP2A
CAIRN_DEVICE void __nanosleep(unsigned ns) { asm volatile("nanosleep.u32 %0;" ::"r"(ns) : "memory"); }
#undef __prof_trigger
#define __prof_trigger(n)

/* Loads and stores with hints about caches, which are plain here; __ldcv and __stwt are not cached. */
#define CAIRN_LOAD(name) \
    template <class T> CAIRN_DEVICE T name(const T *p) { return *p; }
CAIRN_LOAD(__ldcg) CAIRN_LOAD(__ldca) CAIRN_LOAD(__ldcs) CAIRN_LOAD(__ldlu)
#undef CAIRN_LOAD
template <class T> CAIRN_DEVICE T __ldcv(const T *p) { return *(const volatile T *)p; }
#define CAIRN_STORE(name) \
    template <class T> CAIRN_DEVICE void name(T *p, T v) { *p = v; }
CAIRN_STORE(__stwb) CAIRN_STORE(__stcg) CAIRN_STORE(__stcs) CAIRN_STORE(__stwt)
#undef CAIRN_STORE

extern "C" __device__ int vprintf(const char *, const char *);
extern "C" __device__ int printf(const char *, ...) __attribute__((format(printf, 1, 2)));
extern "C" __device__ void __assertfail(const char *message, const char *file, unsigned line, const char *function,
                                        size_t char_size);
extern "C" __device__ inline void __assert_fail(const char *message, const char *file, unsigned line,
                                                const char *function) noexcept
{
    __assertfail(message, file, line, function, sizeof(char));
}
extern "C" __device__ void *malloc(size_t) noexcept;
extern "C" __device__ void free(void *) noexcept;
#undef CAIRN_DEVICE

/* What a launch f<<<grid, block, shared, stream>>> becomes. */
extern "C" unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes = 0, void *stream = 0);
extern "C" cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared_bytes, void *stream);
#endif
#endif
