/* Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011),
 * and the process's generator: a seed, and the number of the next stream. */
#include "base/random.h"

#include <pthread.h>

philox_block philox(uint64_t seed, uint64_t stream, uint64_t counter)
{
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t a = (uint64_t)PHILOX_MULTIPLY_0 * c0, b = (uint64_t)PHILOX_MULTIPLY_1 * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        k0 += PHILOX_WEYL_0;
        k1 += PHILOX_WEYL_1;
    }
    return (philox_block){{c0, c1, c2, c3}};
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static random_state state;

random_state random_next(void)
{
    pthread_mutex_lock(&lock);
    random_state taken = state;
    state.stream++;
    pthread_mutex_unlock(&lock);
    return taken;
}

random_state random_get(void)
{
    pthread_mutex_lock(&lock);
    random_state now = state;
    pthread_mutex_unlock(&lock);
    return now;
}

void random_set(random_state wanted)
{
    pthread_mutex_lock(&lock);
    state = wanted;
    pthread_mutex_unlock(&lock);
}

void cairn_seed(uint64_t seed)
{
    random_set((random_state){.seed = seed});
}
