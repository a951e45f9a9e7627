/* Prefix sums over the threads of a tile or of a coalesced group. */
#ifndef CAIRN_COOPERATIVE_GROUPS_SCAN_H
#define CAIRN_COOPERATIVE_GROUPS_SCAN_H
#include "../cooperative_groups.h"

#if defined(__CUDA__)
namespace cooperative_groups {
template <class Group, class T, class Op> static __device__ inline T inclusive_scan(const Group &group, T value, Op op)
{
    for (unsigned step = 1; step < group.size(); step *= 2) {
        T other = group.shfl_up(value, step);
        if (group.thread_rank() >= step)
            value = op(other, value);
    }
    return value;
}
template <class Group, class T> static __device__ inline T inclusive_scan(const Group &group, T value)
{
    return inclusive_scan(group, value, plus<T>());
}
/* The first thread gets T(). */
template <class Group, class T, class Op> static __device__ inline T exclusive_scan(const Group &group, T value, Op op)
{
    T before = group.shfl_up(inclusive_scan(group, value, op), 1);
    return group.thread_rank() == 0 ? T() : before;
}
template <class Group, class T> static __device__ inline T exclusive_scan(const Group &group, T value)
{
    return exclusive_scan(group, value, plus<T>());
}
}
#endif
#endif
