/* Philox4x32-10: random bits as a pure function of (seed, counter). */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H
#include <cairn/base.h>

/* The paper's constants; those of the keys are the golden ratio and sqrt(3) - 1. */
#define PHILOX_MULTIPLY_0 0xD2511F53u
#define PHILOX_MULTIPLY_1 0xCD9E8D57u
#define PHILOX_WEYL_0 0x9E3779B9u
#define PHILOX_WEYL_1 0xBB67AE85u
enum { PHILOX_ROUNDS = 10 };

typedef struct philox_block { uint32_t word[4]; } philox_block;
/* Counter words (low, high of `counter`, low, high of `stream`), key words of `seed`. */
philox_block philox(uint64_t seed, uint64_t stream, uint64_t counter);

/* The process's generator: cairn_seed sets (seed, stream 0); each random operation takes a stream of
 * its own, so that element i of it is philox(seed, stream, i / 4).word[i % 4]. */
typedef struct random_state { uint64_t seed, stream; } random_state;
random_state random_next(void);        /* takes the next stream */
random_state random_get(void);         /* for checkpoints */
void random_set(random_state state);

#endif
