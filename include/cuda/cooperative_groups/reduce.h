/* Reductions over the threads of a tile or of a coalesced group; every thread gets the result. */
#ifndef CAIRN_COOPERATIVE_GROUPS_REDUCE_H
#define CAIRN_COOPERATIVE_GROUPS_REDUCE_H
#include "../cooperative_groups.h"

#if defined(__CUDA__)
namespace cooperative_groups {
/* Rank r takes in r + step; the sum of rank 0 is everyone's. Any number of threads, in a fixed order. */
template <class Group, class T, class Op> static __device__ inline T reduce(const Group &group, T value, Op op)
{
    unsigned size = group.size(), rank = group.thread_rank(), step = 1;
    while (step < size)
        step *= 2;
    for (step /= 2; step; step /= 2) {
        T other = group.shfl_down(value, step);
        if (rank < step && rank + step < size)
            value = op(value, other);
    }
    return group.shfl(value, 0);
}

template <class Group, class T, class V, class Op> static __device__ inline void reduce_update_async(const Group &group, T &to, V value, Op op)
{
    V all = reduce(group, value, op);
    if (group.thread_rank() == 0)
        to = op(to, all);
}
}
#endif
#endif
