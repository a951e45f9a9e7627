/* CUDA's vector types: float4, int2, dim3 and their like, with the alignment that CUDA gives them. */
#ifndef CAIRN_VECTOR_TYPES_H
#define CAIRN_VECTOR_TYPES_H
#include "host_defines.h"

/* X(name, element, alignment of two, alignment of four) */
#define CAIRN_VECTOR_TYPES(X)                                                                         \
    X(char, signed char, 2, 4)                                                                    \
    X(uchar, unsigned char, 2, 4)                                                                 \
    X(short, short, 4, 8)                                                                         \
    X(ushort, unsigned short, 4, 8)                                                               \
    X(int, int, 8, 16)                                                                            \
    X(uint, unsigned int, 8, 16)                                                                  \
    X(long, long, 16, 16)                                                                         \
    X(ulong, unsigned long, 16, 16)                                                               \
    X(longlong, long long, 16, 16)                                                                \
    X(ulonglong, unsigned long long, 16, 16)                                                      \
    X(float, float, 8, 16)                                                                        \
    X(double, double, 16, 16)

#define X(name, element, two, four)                                                                   \
    struct name##1 { element x; };                                                                    \
    struct __align__(two) name##2 { element x, y; };                                                  \
    struct name##3 { element x, y, z; };                                                              \
    struct __align__(four) name##4 { element x, y, z, w; };                                           \
    typedef struct name##1 name##1;                                                                   \
    typedef struct name##2 name##2;                                                                   \
    typedef struct name##3 name##3;                                                                   \
    typedef struct name##4 name##4;
CAIRN_VECTOR_TYPES(X)
#undef X

struct dim3 {
    unsigned int x, y, z;
#ifdef __cplusplus
    __host__ __device__ constexpr dim3(unsigned int x_ = 1, unsigned int y_ = 1, unsigned int z_ = 1)
        : x(x_), y(y_), z(z_) {}
    __host__ __device__ constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
    __host__ __device__ constexpr operator uint3() const { return uint3{x, y, z}; }
#endif
};
typedef struct dim3 dim3;

#endif
