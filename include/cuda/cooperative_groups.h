/* Cooperative groups: sets of threads that meet, exchange values and reduce.
 *
 * thread_block and grid_group are the launch's; a thread_block_tile is a fixed part of a warp, or of a block for
 * sizes above 32; a coalesced_group is the lanes that are there. Collective operations of tiles and coalesced
 * groups go through the warp's shuffles. cooperative_groups/reduce.h and scan.h add reductions and scans. */
#ifndef CAIRN_COOPERATIVE_GROUPS_H
#define CAIRN_COOPERATIVE_GROUPS_H
#include "cuda_runtime.h"

#if defined(__CUDA__)
namespace cooperative_groups {

#define CAIRN_CG static __device__ inline __attribute__((always_inline))
#define CAIRN_CG_MEMBER __device__ inline __attribute__((always_inline))

namespace details {
CAIRN_CG unsigned block_rank() { return (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x; }
CAIRN_CG unsigned block_size() { return blockDim.x * blockDim.y * blockDim.z; }
CAIRN_CG unsigned lane() { return block_rank() & 31; }
CAIRN_CG unsigned long long grid_blocks() { return (unsigned long long)gridDim.x * gridDim.y * gridDim.z; }
CAIRN_CG unsigned long long block_number()
{
    return ((unsigned long long)blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
}

/* Values of any size go through shuffles in words. */
template <class T> CAIRN_CG T shuffle(unsigned mask, const T &value, unsigned source)
{
    if constexpr (sizeof(T) == 4) {
        return __builtin_bit_cast(T, __shfl_sync(mask, __builtin_bit_cast(unsigned, value), (int)source, 32));
    } else if constexpr (sizeof(T) == 8) {
        return __builtin_bit_cast(T, __shfl_sync(mask, __builtin_bit_cast(unsigned long long, value), (int)source, 32));
    } else {
        constexpr int words = (sizeof(T) + 3) / 4;
        unsigned part[words] = {};
        T result;
        __builtin_memcpy(part, &value, sizeof(T));
        for (int i = 0; i < words; i++)
            part[i] = __shfl_sync(mask, part[i], (int)source, 32);
        __builtin_memcpy(&result, part, sizeof(T));
        return result;
    }
}

/* The lane that is the n-th of the set bits. */
CAIRN_CG unsigned nth_lane(unsigned mask, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        mask &= mask - 1;
    return (unsigned)__ffs((int)mask) - 1;
}

/* A barrier of the grid: the top bit flips when all blocks have arrived, and the rest is zero again. */
static __device__ unsigned arrived;
CAIRN_CG void grid_sync()
{
    __syncthreads();
    if (block_rank() == 0) {
        unsigned by = block_number() == 0 ? 0x80000000u - (unsigned)(grid_blocks() - 1) : 1;
        __threadfence();
        unsigned before = atomicAdd(&arrived, by);
        while (((before ^ *(volatile unsigned *)&arrived) & 0x80000000u) == 0)
            __nanosleep(100);
        __threadfence();
    }
    __syncthreads();
}
}

struct thread_block;
template <unsigned Size, class Parent = void> class thread_block_tile;

/* ---- The block ----------------------------------------------------------------------------------- */
struct thread_block {
    CAIRN_CG_MEMBER static void sync() { __syncthreads(); }
    CAIRN_CG_MEMBER static unsigned thread_rank() { return details::block_rank(); }
    CAIRN_CG_MEMBER static unsigned size() { return details::block_size(); }
    CAIRN_CG_MEMBER static unsigned num_threads() { return details::block_size(); }
    CAIRN_CG_MEMBER static dim3 group_index() { return dim3(blockIdx.x, blockIdx.y, blockIdx.z); }
    CAIRN_CG_MEMBER static dim3 thread_index() { return dim3(threadIdx.x, threadIdx.y, threadIdx.z); }
    CAIRN_CG_MEMBER static dim3 group_dim() { return dim3(blockDim.x, blockDim.y, blockDim.z); }
    CAIRN_CG_MEMBER static dim3 dim_threads() { return group_dim(); }
    struct arrival_token {};
    CAIRN_CG_MEMBER static arrival_token barrier_arrive() { return arrival_token(); }
    CAIRN_CG_MEMBER static void barrier_wait(arrival_token &&) { __syncthreads(); }
};
CAIRN_CG thread_block this_thread_block() { return thread_block(); }

/* ---- The grid ------------------------------------------------------------------------------------ */
struct grid_group {
    CAIRN_CG_MEMBER static void sync() { details::grid_sync(); }
    CAIRN_CG_MEMBER static bool is_valid() { return true; }
    CAIRN_CG_MEMBER static unsigned long long thread_rank()
    {
        return details::block_number() * details::block_size() + details::block_rank();
    }
    CAIRN_CG_MEMBER static unsigned long long size() { return details::grid_blocks() * details::block_size(); }
    CAIRN_CG_MEMBER static unsigned long long num_threads() { return size(); }
    CAIRN_CG_MEMBER static unsigned long long num_blocks() { return details::grid_blocks(); }
    CAIRN_CG_MEMBER static unsigned long long block_rank() { return details::block_number(); }
    CAIRN_CG_MEMBER static dim3 block_index() { return dim3(blockIdx.x, blockIdx.y, blockIdx.z); }
    CAIRN_CG_MEMBER static dim3 group_dim() { return dim3(gridDim.x, gridDim.y, gridDim.z); }
    CAIRN_CG_MEMBER static dim3 dim_blocks() { return group_dim(); }
};
CAIRN_CG grid_group this_grid() { return grid_group(); }

/* ---- Lanes of a warp ----------------------------------------------------------------------------- */
class coalesced_group {
protected:
    unsigned mask;

public:
    CAIRN_CG_MEMBER explicit coalesced_group(unsigned m) : mask(m) {}
    CAIRN_CG_MEMBER unsigned cairn_mask() const { return mask; }
    CAIRN_CG_MEMBER unsigned cairn_lane(unsigned rank) const { return details::nth_lane(mask, rank); }
    CAIRN_CG_MEMBER void sync() const { __syncwarp(mask); }
    CAIRN_CG_MEMBER unsigned size() const { return (unsigned)__popc(mask); }
    CAIRN_CG_MEMBER unsigned num_threads() const { return size(); }
    CAIRN_CG_MEMBER unsigned thread_rank() const { return (unsigned)__popc(mask & ((1u << details::lane()) - 1)); }
    CAIRN_CG_MEMBER unsigned meta_group_size() const { return 1; }
    CAIRN_CG_MEMBER unsigned meta_group_rank() const { return 0; }
    template <class T> CAIRN_CG_MEMBER T shfl(T value, unsigned rank) const
    {
        return details::shuffle(mask, value, cairn_lane(rank % size()));
    }
    template <class T> CAIRN_CG_MEMBER T shfl_up(T value, unsigned by) const
    {
        unsigned rank = thread_rank();
        return details::shuffle(mask, value, rank >= by ? cairn_lane(rank - by) : details::lane());
    }
    template <class T> CAIRN_CG_MEMBER T shfl_down(T value, unsigned by) const
    {
        unsigned rank = thread_rank();
        return details::shuffle(mask, value, rank + by < size() ? cairn_lane(rank + by) : details::lane());
    }
    CAIRN_CG_MEMBER int any(int predicate) const { return __ballot_sync(mask, predicate) != 0; }
    CAIRN_CG_MEMBER int all(int predicate) const { return __ballot_sync(mask, predicate) == mask; }
    /* Bit i is the predicate of the thread of rank i. */
    CAIRN_CG_MEMBER unsigned ballot(int predicate) const { return pack(__ballot_sync(mask, predicate)); }
    template <class T> CAIRN_CG_MEMBER unsigned match_any(T value) const { return pack(__match_any_sync(mask, value)); }
    template <class T> CAIRN_CG_MEMBER unsigned match_all(T value, int &same) const
    {
        return pack(__match_all_sync(mask, value, &same));
    }

private:
    CAIRN_CG_MEMBER unsigned pack(unsigned lanes) const
    {
        unsigned packed = 0, bit = 1;
        for (unsigned left = mask; left; left &= left - 1, bit <<= 1)
            packed |= lanes & left & -left ? bit : 0;
        return packed;
    }
};
CAIRN_CG coalesced_group coalesced_threads() { return coalesced_group(__activemask()); }

namespace details {
/* A tile of at most a warp: `Size` neighbouring lanes. */
template <unsigned Size> class warp_tile {
public:
    CAIRN_CG_MEMBER unsigned cairn_mask() const { return Size == 32 ? ~0u : ((1u << (Size & 31)) - 1) << first(); }
    CAIRN_CG_MEMBER unsigned cairn_lane(unsigned rank) const { return first() + rank; }
    CAIRN_CG_MEMBER void sync() const { __syncwarp(cairn_mask()); }
    CAIRN_CG_MEMBER static unsigned thread_rank() { return details::block_rank() & (Size - 1); }
    CAIRN_CG_MEMBER static constexpr unsigned size() { return Size; }
    CAIRN_CG_MEMBER static constexpr unsigned num_threads() { return Size; }
    CAIRN_CG_MEMBER static unsigned meta_group_rank() { return details::block_rank() / Size; }
    CAIRN_CG_MEMBER static unsigned meta_group_size() { return (details::block_size() + Size - 1) / Size; }
    template <class T> CAIRN_CG_MEMBER T shfl(T value, int rank) const { return move(value, (unsigned)rank & (Size - 1)); }
    template <class T> CAIRN_CG_MEMBER T shfl_up(T value, unsigned by) const
    {
        unsigned rank = thread_rank();
        return move(value, rank >= by ? rank - by : rank);
    }
    template <class T> CAIRN_CG_MEMBER T shfl_down(T value, unsigned by) const
    {
        unsigned rank = thread_rank();
        return move(value, rank + by < Size ? rank + by : rank);
    }
    template <class T> CAIRN_CG_MEMBER T shfl_xor(T value, unsigned by) const
    {
        unsigned to = thread_rank() ^ by;
        return move(value, to < Size ? to : thread_rank());
    }
    CAIRN_CG_MEMBER int any(int predicate) const { return __ballot_sync(cairn_mask(), predicate) != 0; }
    CAIRN_CG_MEMBER int all(int predicate) const { return __ballot_sync(cairn_mask(), predicate) == cairn_mask(); }
    CAIRN_CG_MEMBER unsigned ballot(int predicate) const { return __ballot_sync(cairn_mask(), predicate) >> first(); }
    template <class T> CAIRN_CG_MEMBER unsigned match_any(T value) const { return __match_any_sync(cairn_mask(), value) >> first(); }
    template <class T> CAIRN_CG_MEMBER unsigned match_all(T value, int &same) const
    {
        return __match_all_sync(cairn_mask(), value, &same) >> first();
    }

private:
    CAIRN_CG_MEMBER static unsigned first() { return details::lane() & ~(Size - 1); }
    template <class T> CAIRN_CG_MEMBER T move(const T &value, unsigned rank) const
    {
        return details::shuffle(cairn_mask(), value, first() + rank);
    }
};

/* A tile of several warps: named barriers of the block, one for each tile. */
template <unsigned Size> class block_tile {
public:
    CAIRN_CG_MEMBER void sync() const
    {
        if (details::block_size() <= Size)
            __syncthreads();
        else
            asm volatile("barrier.sync %0, %1;" ::"r"(1 + meta_group_rank()), "n"(Size) : "memory");
    }
    CAIRN_CG_MEMBER static unsigned thread_rank() { return details::block_rank() & (Size - 1); }
    CAIRN_CG_MEMBER static constexpr unsigned size() { return Size; }
    CAIRN_CG_MEMBER static constexpr unsigned num_threads() { return Size; }
    CAIRN_CG_MEMBER static unsigned meta_group_rank() { return details::block_rank() / Size; }
    CAIRN_CG_MEMBER static unsigned meta_group_size() { return (details::block_size() + Size - 1) / Size; }
};
template <bool Warp, unsigned Size> struct tile_kind {
    typedef warp_tile<Size> type;
};
template <unsigned Size> struct tile_kind<false, Size> {
    typedef block_tile<Size> type;
};
}

template <unsigned Size, class Parent> class thread_block_tile : public details::tile_kind<(Size <= 32), Size>::type {
    static_assert(Size && !(Size & (Size - 1)) && Size <= 1024, "a tile's size is a power of two up to 1024");

public:
    CAIRN_CG_MEMBER thread_block_tile() {}
    template <class Other> CAIRN_CG_MEMBER thread_block_tile(const thread_block_tile<Size, Other> &) {}
    CAIRN_CG_MEMBER operator thread_block_tile<Size, void>() const { return thread_block_tile<Size, void>(); }
};

template <unsigned Size, class Parent> CAIRN_CG thread_block_tile<Size, Parent> tiled_partition(const Parent &)
{
    return thread_block_tile<Size, Parent>();
}
/* Groups whose size is only known when it runs. */
CAIRN_CG coalesced_group tiled_partition(const thread_block &, unsigned size)
{
    unsigned lanes = size >= 32 ? ~0u : ((1u << size) - 1) << (details::lane() & ~(size - 1));
    unsigned left = details::block_size() - (details::block_rank() & ~31u);
    return coalesced_group(left >= 32 ? lanes : lanes & ((1u << left) - 1));
}
CAIRN_CG coalesced_group tiled_partition(const coalesced_group &group, unsigned size)
{
    unsigned first = group.thread_rank() / size * size, lanes = 0;
    for (unsigned i = first; i < first + size && i < group.size(); i++)
        lanes |= 1u << group.cairn_lane(i);
    return coalesced_group(lanes);
}
template <class Group> CAIRN_CG coalesced_group binary_partition(const Group &group, bool predicate)
{
    unsigned yes = __ballot_sync(group.cairn_mask(), predicate);
    return coalesced_group(predicate ? yes : group.cairn_mask() & ~yes);
}
template <class Group, class T> CAIRN_CG coalesced_group labeled_partition(const Group &group, T label)
{
    return coalesced_group(__match_any_sync(group.cairn_mask(), label));
}

/* thread_group stands for any of them, as functions of older programs take it. */
class thread_group {
    enum { BLOCK, LANES, GRID } kind;
    unsigned mask;

public:
    CAIRN_CG_MEMBER thread_group(const thread_block &) : kind(BLOCK), mask(0) {}
    CAIRN_CG_MEMBER thread_group(const grid_group &) : kind(GRID), mask(0) {}
    CAIRN_CG_MEMBER thread_group(const coalesced_group &g) : kind(LANES), mask(g.cairn_mask()) {}
    template <unsigned Size, class Parent> CAIRN_CG_MEMBER thread_group(const thread_block_tile<Size, Parent> &g)
        : kind(LANES), mask(g.cairn_mask())
    {
    }
    CAIRN_CG_MEMBER void sync() const
    {
        if (kind == BLOCK)
            __syncthreads();
        else if (kind == GRID)
            details::grid_sync();
        else
            __syncwarp(mask);
    }
    CAIRN_CG_MEMBER unsigned size() const
    {
        return kind == LANES ? (unsigned)__popc(mask) : kind == BLOCK ? details::block_size() : (unsigned)grid_group::size();
    }
    CAIRN_CG_MEMBER unsigned num_threads() const { return size(); }
    CAIRN_CG_MEMBER unsigned thread_rank() const
    {
        return kind == LANES   ? (unsigned)__popc(mask & ((1u << details::lane()) - 1))
               : kind == BLOCK ? details::block_rank()
                               : (unsigned)grid_group::thread_rank();
    }
    CAIRN_CG_MEMBER unsigned cairn_mask() const { return mask; }
};
CAIRN_CG coalesced_group tiled_partition(const thread_group &group, unsigned size)
{
    return group.size() > 32 || !group.cairn_mask() ? tiled_partition(thread_block(), size)
                                                    : tiled_partition(coalesced_group(group.cairn_mask()), size);
}

template <class Group> CAIRN_CG void sync(const Group &group) { group.sync(); }

/* One thread of the group does it; the result of invoke_one_broadcast is all threads'. */
template <class Group, class F, class... Args> CAIRN_CG void invoke_one(const Group &group, F &&f, Args &&...args)
{
    if (group.thread_rank() == 0)
        f(args...);
}
template <class Group, class F, class... Args> CAIRN_CG auto invoke_one_broadcast(const Group &group, F &&f, Args &&...args)
{
    decltype(f(args...)) result{};
    if (group.thread_rank() == 0)
        result = f(args...);
    return group.shfl(result, 0);
}

/* Copies are done at once, each thread its share; waiting is a barrier of the group. */
template <class Group, class T> CAIRN_CG void memcpy_async(const Group &group, T *to, const T *from, size_t bytes)
{
    for (size_t i = group.thread_rank(); i < bytes / sizeof(T); i += group.size())
        to[i] = from[i];
}
template <class Group, class T, class Layout1, class Layout2>
CAIRN_CG void memcpy_async(const Group &group, T *to, const Layout1 &to_count, const T *from, const Layout2 &from_count)
{
    size_t count = (size_t)to_count < (size_t)from_count ? (size_t)to_count : (size_t)from_count;
    memcpy_async(group, to, from, count * sizeof(T));
}
template <class Group> CAIRN_CG void wait(const Group &group) { group.sync(); }
template <unsigned Stages, class Group> CAIRN_CG void wait_prior(const Group &group) { group.sync(); }

/* ---- Operators of reduce.h and scan.h ------------------------------------------------------------ */
template <class T = void> struct plus {
    CAIRN_CG_MEMBER T operator()(T a, T b) const { return a + b; }
};
template <class T = void> struct less {
    CAIRN_CG_MEMBER T operator()(T a, T b) const { return b < a ? b : a; }
};
template <class T = void> struct greater {
    CAIRN_CG_MEMBER T operator()(T a, T b) const { return a < b ? b : a; }
};
template <class T = void> struct bit_and {
    CAIRN_CG_MEMBER T operator()(T a, T b) const { return a & b; }
};
template <class T = void> struct bit_or {
    CAIRN_CG_MEMBER T operator()(T a, T b) const { return a | b; }
};
template <class T = void> struct bit_xor {
    CAIRN_CG_MEMBER T operator()(T a, T b) const { return a ^ b; }
};

#undef CAIRN_CG
#undef CAIRN_CG_MEMBER
}
#endif
#endif
