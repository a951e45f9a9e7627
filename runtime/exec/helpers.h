/* Functions that machine code calls (library.c resolves them by name); the files that hold them include this.
 * A warp's values are arrays of 32, and a mask says which lanes take part. */
#ifndef RUNTIME_EXEC_HELPERS_H
#define RUNTIME_EXEC_HELPERS_H
#include "runtime/exec/warp.h"

#define FOR_EACH_LANE(mask, lane) \
    for (uint32_t lanes_ = (mask), lane; lanes_ && (lane = (uint32_t)__builtin_ctz(lanes_), true); lanes_ &= lanes_ - 1)

#define RUNTIME_HELPERS(X)                                                                            \
    X(rt_barrier) X(rt_barrier_arrive) X(rt_barrier_count) X(rt_yield) X(rt_spin) X(rt_directed) X(rt_redux)     \
    X(rt_match) X(rt_mbarrier_init) X(rt_mbarrier_arrive) X(rt_mbarrier_drop) X(rt_mbarrier_test)     \
    X(rt_mbarrier_parity) X(rt_mma) X(rt_wmma_load) X(rt_wmma_store) X(rt_ldmatrix)      \
    X(rt_tex) X(rt_tld4) X(rt_texture_query) X(rt_surface) X(rt_suld) X(rt_sust) X(rt_sust_p) \
    X(rt_load_whole) X(rt_store_whole)

/* grid.c: barriers of a block, by number; threads 0 means all. rt_barrier_count: see barrier.counted. */
void rt_barrier(warp *w, uint32_t number, uint32_t threads);
void rt_barrier_arrive(warp *w, uint32_t number, uint32_t threads);
uint64_t rt_barrier_count(warp *w, uint32_t number, uint32_t threads, uint32_t with, uint32_t without);
/* Lets the block's other warps run. */
void rt_yield(warp *w);
/* The same, and other blocks, from a loop that has asked in vain for a while: `line` is its own in the PTX. */
void rt_spin(warp *w, uint32_t line);

void rt_directed(int op, int mode, const void *x, const void *y, const void *z, void *out);

/* warps.c: lanes joined or compared within groups; each lane brings the mask of its group. `op` is a
 * ptx_modifier. rt_match gives each lane the mask of the lanes of its group that hold its value. */
void rt_redux(uint32_t mask, uint32_t op, uint32_t as_signed, const uint32_t *members, const uint32_t *x, uint32_t *out);
void rt_match(uint32_t mask, const uint32_t *members, const uint64_t *x, uint32_t *out);

/* mbarrier.c: barriers in shared memory. */
void rt_mbarrier_init(warp *w, uint32_t mask, uint64_t *const *at, const uint32_t *count, void *none);
void rt_mbarrier_arrive(warp *w, uint32_t mask, uint64_t *const *at, const uint32_t *count, uint64_t *state);
void rt_mbarrier_drop(warp *w, uint32_t mask, uint64_t *const *at, const uint32_t *count, uint64_t *state);
void rt_mbarrier_test(warp *w, uint32_t mask, uint64_t *const *at, const uint64_t *state, uint32_t *done);
void rt_mbarrier_parity(warp *w, uint32_t mask, uint64_t *const *at, const uint32_t *parity, uint32_t *done);

/* atomics.c: accesses of `parts` times `bytes`, eight or sixteen in all, at once. Each part is there for all lanes. */
void rt_load_whole(uint32_t mask, uint32_t bytes, uint32_t parts, const uint64_t *at, uint8_t *values);
void rt_store_whole(uint32_t mask, uint32_t bytes, uint32_t parts, const uint64_t *at, const uint8_t *values);

/* matrix.c: fragments are registers one behind the other, each of 32 lanes. kind of rt_mma, a byte each: m, n, k, the ptx_types of
 * a, b, c and d, flags; of the others: see move_matrix. */
enum { MMA_WMMA = 1, MMA_SATURATES = 2 };
void rt_mma(uint64_t kind, const void *a, const void *b, const void *c, void *d);
void rt_wmma_load(uint64_t kind, const uint64_t *at, const uint32_t *stride, void *out);
void rt_wmma_store(uint64_t kind, const uint64_t *at, const uint32_t *stride, void *registers);
void rt_ldmatrix(uint32_t count, uint32_t transposes, const uint64_t *at, uint32_t *out);

/* texture.c: `at` holds the coordinates in the order of the text, `line` is the instruction's. kind, a byte each: the geometry (a
 * ptx_modifier), then for textures the ptx_types of the result and the coordinates, and the channel that tld4 gathers; for surfaces
 * see there. Handles that are none end the kernel. `samplers` may be NULL. */
void rt_tex(warp *w, uint32_t mask, uint32_t line, uint32_t kind, const uint64_t *textures, const uint64_t *samplers,
            const uint32_t (*at)[WARP_LANES], uint32_t (*out)[WARP_LANES]);
void rt_tld4(warp *w, uint32_t mask, uint32_t line, uint32_t kind, const uint64_t *textures, const uint64_t *samplers,
             const uint32_t (*at)[WARP_LANES], uint32_t (*out)[WARP_LANES]);
void rt_texture_query(warp *w, uint32_t mask, uint32_t line, uint32_t query, uint32_t tag, const uint64_t *objects, uint32_t *out);
uint32_t rt_surface(warp *w, uint32_t mask, uint32_t line, uint32_t kind, const uint64_t *surfaces, const uint32_t (*at)[WARP_LANES],
                    uint64_t *places);
void rt_suld(uint32_t mask, uint32_t inside, uint32_t bytes, uint32_t count, const uint64_t *places, uint8_t *out);
void rt_sust(uint32_t inside, uint32_t bytes, uint32_t count, const uint64_t *places, const uint8_t *values);
void rt_sust_p(warp *w, uint32_t mask, uint32_t line, uint32_t kind, const uint64_t *surfaces, const uint32_t (*at)[WARP_LANES],
               const uint32_t (*values)[WARP_LANES]);

/* xorwow.c: jumps of cuRAND's generator, called by curand_kernel.h: (unsigned *v, unsigned long long n, int power). */
void lanes_xorwow_skip(warp *w, uint32_t mask, void *const *arguments, void *result);

#endif
