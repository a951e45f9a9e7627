/* Jumping ahead in XORWOW's shift register: one step is a matrix of bits, 160 x 160, and n steps are its n-th power.
 * The powers 2^0, 2^1 ... are made when first needed, and kept. */
#include "runtime/exec/xorwow.h"
#include "runtime/exec/helpers.h"
#include "runtime/exec/warp.h"
#include <pthread.h>
#include <string.h>

enum { WORDS = 5, BITS = 32 * WORDS, POWERS = 67 + 64 };
/* Row i is what a state of bit i alone becomes. */
typedef struct matrix {
    uint32_t row[BITS][WORDS];
} matrix;

static matrix powers[POWERS];
static int known;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void apply(const matrix *m, uint32_t v[WORDS])
{
    uint32_t out[WORDS] = {0};
    for (int i = 0; i < BITS; i++)
        if (v[i / 32] >> i % 32 & 1)
            for (int w = 0; w < WORDS; w++)
                out[w] ^= m->row[i][w];
    memcpy(v, out, sizeof out);
}

static void step(uint32_t v[WORDS])
{
    uint32_t t = v[0] ^ v[0] >> 2;
    memmove(v, v + 1, 4 * sizeof *v);
    v[4] = (v[3] ^ v[3] << 4) ^ (t ^ t << 1);
}

static void make_power(int k)
{
    for (int i = 0; i < BITS; i++) {
        uint32_t *row = powers[k].row[i];
        if (k) {
            memcpy(row, powers[k - 1].row[i], sizeof powers[k].row[i]);
            apply(&powers[k - 1], row);
        } else {
            memset(row, 0, sizeof powers[k].row[i]);
            row[i / 32] = 1u << i % 32;
            step(row);
        }
    }
}

static void need_powers(int count)
{
    pthread_mutex_lock(&lock);
    for (; known < count; known++)
        make_power(known);
    pthread_mutex_unlock(&lock);
}

void xorwow_skip(uint32_t v[WORDS], uint64_t n, int power)
{
    if (!n)
        return;
    need_powers(power + 64 - __builtin_clzll(n));
    for (; n; n >>= 1, power++)
        if (n & 1)
            apply(&powers[power], v);
}

void lanes_xorwow_skip(warp *w, uint32_t mask, void *const *arguments, void *result)
{
    uint32_t *const *v = arguments[0];
    const uint64_t *n = arguments[1];
    const int *power = arguments[2];
    (void)w, (void)result;
    FOR_EACH_LANE(mask, lane)
        if (power[lane] >= 0 && power[lane] <= 67)
            xorwow_skip(v[lane], n[lane], power[lane]);
}
