/* Barriers that live in shared memory as 64 bits:
 *
 *     bits 0-19   arrivals that are still to come in this phase
 *     bits 20-39  arrivals that a phase expects
 *     bit 63      the phase's parity
 *
 * A block runs on one thread, so plain code is enough. Arriving gives the word as it was before: the state to
 * wait with. The phase is over when the parity has changed. */
#include "runtime/exec/helpers.h"

enum { COUNT_BITS = 20 };
static const uint64_t count_mask = (1u << COUNT_BITS) - 1, parity = 1ull << 63;

void rt_mbarrier_init(warp *w, uint32_t mask, uint64_t *const *at, const uint32_t *count, void *none)
{
    (void)w;
    (void)none;
    FOR_EACH_LANE(mask, lane)
    *at[lane] = (count[lane] & count_mask) | (count[lane] & count_mask) << COUNT_BITS;
}

static uint64_t expected(uint64_t word) { return word >> COUNT_BITS & count_mask; }

static uint64_t arrive(uint64_t *at, uint64_t count)
{
    uint64_t before = *at, pending = before & count_mask;
    *at = count < pending ? before - count : ((before ^ parity) & ~count_mask) | expected(before);
    return before;
}

void rt_mbarrier_arrive(warp *w, uint32_t mask, uint64_t *const *at, const uint32_t *count, uint64_t *state)
{
    (void)w;
    FOR_EACH_LANE(mask, lane)
    state[lane] = arrive(at[lane], count ? count[lane] : 1);
}

/* Later phases expect so many fewer. */
void rt_mbarrier_drop(warp *w, uint32_t mask, uint64_t *const *at, const uint32_t *count, uint64_t *state)
{
    (void)w;
    FOR_EACH_LANE(mask, lane)
    {
        uint64_t n = count ? count[lane] : 1;
        *at[lane] -= (n < expected(*at[lane]) ? n : expected(*at[lane])) << COUNT_BITS;
        state[lane] = arrive(at[lane], n);
    }
}

/* Who asks and is told no lets the others run: it will ask again. */
static void give_way(warp *w, bool waits)
{
    if (waits)
        rt_yield(w);
}

void rt_mbarrier_test(warp *w, uint32_t mask, uint64_t *const *at, const uint64_t *state, uint32_t *done)
{
    bool waits = false;
    FOR_EACH_LANE(mask, lane)
    {
        done[lane] = (*at[lane] ^ state[lane]) >> 63 != 0;
        waits |= !done[lane];
    }
    give_way(w, waits);
}

void rt_mbarrier_parity(warp *w, uint32_t mask, uint64_t *const *at, const uint32_t *phase, uint32_t *done)
{
    bool waits = false;
    FOR_EACH_LANE(mask, lane)
    {
        done[lane] = *at[lane] >> 63 != (phase[lane] & 1);
        waits |= !done[lane];
    }
    give_way(w, waits);
}
