/* Numbers of many sequences, interleaved as cuRAND interleaves them. A sequence is a state of its own, so tasks are ranges of
 * sequences, and no number depends on which thread made it. The arithmetic is that of curand_kernel.h. */
#define _GNU_SOURCE
#include "runtime/curand/sequences.h"
#include "runtime/exec/xorwow.h"
#include <cairn/base.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PER_GROUP = 4, MOST_WORDS = 8, TASKS = 64, TOO_FEW_FOR_TASKS = 4096 };

struct state {
    union {
        struct { uint32_t d, v[5]; } xorwow;
        struct { uint32_t s1[3], s2[3]; } mrg;
        struct { uint64_t block; } philox;
    };
    float spare;       /* the second of a pair of normal numbers, for Poisson's next */
    bool has_spare;
};

static const struct { int bytes; bool pairs; } kinds[] = {
#define X(kind, bytes, pairs) [kind] = {bytes, pairs},
    CURAND_KINDS(X)
#undef X
};
bool kind_is_paired(kind k) { return kinds[k].pairs; }

/* ---- Steps and jumps ----------------------------------------------------------------------------- */
static uint32_t xorwow_next(state *s)
{
    uint32_t *v = s->xorwow.v, t = v[0] ^ v[0] >> 2;
    v[0] = v[1];
    v[1] = v[2];
    v[2] = v[3];
    v[3] = v[4];
    v[4] = (v[4] ^ v[4] << 4) ^ (t ^ t << 1);
    s->xorwow.d += 362437;
    return v[4] + s->xorwow.d;
}

static const uint64_t M1 = 4294967087, M2 = 4294944443;

/* 1 ... M1 */
static double mrg_next(state *s)
{
    uint32_t *a = s->mrg.s1, *b = s->mrg.s2;
    int64_t p = (1403580ll * a[1] - 810728ll * a[0]) % (int64_t)M1, q = (527612ll * b[2] - 1370589ll * b[0]) % (int64_t)M2;
    p += p < 0 ? (int64_t)M1 : 0;
    q += q < 0 ? (int64_t)M2 : 0;
    a[0] = a[1], a[1] = a[2], a[2] = (uint32_t)p;
    b[0] = b[1], b[1] = b[2], b[2] = (uint32_t)q;
    return (double)(p > q ? p - q : p - q + (int64_t)M1);
}

typedef struct matrix {
    uint64_t a[3][3];
} matrix;

static matrix product(const matrix *x, const matrix *y, uint64_t m)
{
    matrix z;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            z.a[i][k] = (x->a[i][0] * y->a[0][k] % m + x->a[i][1] * y->a[1][k] % m + x->a[i][2] * y->a[2][k] % m) % m;
    return z;
}

/* step^(n 2^power) modulo m */
static matrix mrg_power(matrix step, uint64_t m, uint64_t n, int power)
{
    matrix all = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    for (; power; power--)
        step = product(&step, &step, m);
    for (; n; n >>= 1) {
        if (n & 1)
            all = product(&all, &step, m);
        step = product(&step, &step, m);
    }
    return all;
}

typedef struct mrg_jump {
    matrix m1, m2;
} mrg_jump;

static mrg_jump mrg_jump_of(uint64_t n, int power)
{
    const matrix a1 = {{{0, 1, 0}, {0, 0, 1}, {M1 - 810728, 1403580, 0}}}, a2 = {{{0, 1, 0}, {0, 0, 1}, {M2 - 1370589, 0, 527612}}};
    return (mrg_jump){mrg_power(a1, M1, n, power), mrg_power(a2, M2, n, power)};
}

static void apply(const matrix *a, uint64_t m, uint32_t v[3])
{
    uint32_t r[3];
    for (int i = 0; i < 3; i++)
        r[i] = (uint32_t)((a->a[i][0] * v[0] % m + a->a[i][1] * v[1] % m + a->a[i][2] * v[2] % m) % m);
    memcpy(v, r, sizeof r);
}

static void mrg_skip(const mrg_jump *j, state *s)
{
    apply(&j->m1, M1, s->mrg.s1);
    apply(&j->m2, M2, s->mrg.s2);
}

/* Block `block` of sequence `sequence`: four words. */
static void philox_block(uint64_t seed, uint64_t sequence, uint64_t block, uint32_t out[4])
{
    uint32_t x = (uint32_t)block, y = (uint32_t)(block >> 32), z = (uint32_t)sequence, w = (uint32_t)(sequence >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p = 0xD2511F53ull * x, q = 0xCD9E8D57ull * z;
        x = (uint32_t)(q >> 32) ^ y ^ k0;
        y = (uint32_t)q;
        z = (uint32_t)(p >> 32) ^ w ^ k1;
        w = (uint32_t)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = x, out[1] = y, out[2] = z, out[3] = w;
}

/* ---- Seeds: the first state jumps to its place, each further one is a fixed jump from the one before ------------------- */
static void xorwow_seed(sequences *s, uint64_t skipped)
{
    uint32_t t0 = 1099087573u * ((uint32_t)s->seed ^ 0xaad26b49u), t1 = 2591861531u * ((uint32_t)(s->seed >> 32) ^ 0xf7dcefddu);
    state at = {.xorwow = {6615241 + t1 + t0, {123456789u + t0, 362436069u ^ t0, 521288629u + t1, 88675123u ^ t1, 5783321u + t0}}};
    xorwow_skip(at.xorwow.v, skipped, 0);
    at.xorwow.d += 362437 * (uint32_t)skipped;
    for (int i = 0; i < s->count; i++) {
        s->states[i] = at;
        xorwow_skip(at.xorwow.v, 1, 67);
    }
}

static void mrg_seed(sequences *s, uint64_t skipped)
{
    state at = {.mrg = {{12345, 12345, 12345}, {12345, 12345, 12345}}};
    uint64_t x1 = (uint32_t)s->seed ^ 0x55555555u, x2 = (uint32_t)(s->seed >> 32) ^ 0xAAAAAAAAu;
    for (int i = 0; s->seed && i < 3; i++) {
        at.mrg.s1[i] = (uint32_t)((i % 2 ? x2 : x1) * 12345 % M1);
        at.mrg.s2[i] = (uint32_t)((i % 2 ? x1 : x2) * 12345 % M2);
    }
    mrg_jump start = mrg_jump_of(skipped, 0), next = mrg_jump_of(1, 76);
    mrg_skip(&start, &at);
    for (int i = 0; i < s->count; i++) {
        s->states[i] = at;
        mrg_skip(&next, &at);
    }
}

void sequences_seed(sequences *s, uint64_t seed, uint64_t position)
{
    uint64_t per = s->family == PHILOX ? 4 : 1, count = (uint64_t)s->count, rows = position / per / count;
    s->seed = seed;
    s->group = position / per % count;
    s->within = (int)(position % per);
    if (s->family == XORWOW)
        xorwow_seed(s, rows);
    else if (s->family == MRG32K3A)
        mrg_seed(s, rows);
    for (uint64_t i = 0; i < count; i++) {
        bool gave = i < s->group;   /* of the row that is not finished */
        if (s->family == PHILOX)
            s->states[i] = (state){.philox = {rows + gave}};
        else if (gave)
            s->family == XORWOW ? (void)xorwow_next(&s->states[i]) : (void)mrg_next(&s->states[i]);
    }
}

bool sequences_make(sequences *s, family f, int count)
{
    state *states = calloc((size_t)count, sizeof *states);
    if (!states)
        return false;
    free(s->states);
    *s = (sequences){.family = f, .count = count, .states = states};
    return true;
}

void sequences_free(sequences *s) { free(s->states); }

/* ---- From bits to numbers ------------------------------------------------------------------------- */
typedef union number {
    uint32_t word;
    float real;
    double wide;
} number;

static const float TO_32 = 0x1p-32f;
static const double TO_53 = 0x1p-53, MRG_TO_1 = 2.3283065498378288e-10;

static float uniform(uint32_t x) { return (float)x * TO_32 + TO_32 / 2; }
static uint64_t joined(uint32_t x, uint32_t y) { return x ^ (uint64_t)y << 21; }
static double uniform_double(uint32_t x, uint32_t y) { return (double)joined(x, y) * TO_53 + TO_53 / 2; }

/* Box and Muller: a pair of normal numbers, of u in (0, 1] and an angle. */
static void box_muller(float u, float angle, float z[2])
{
    float r = sqrtf(-2 * logf(u)), sine, cosine;
    sincosf(angle, &sine, &cosine);
    z[0] = sine * r;
    z[1] = cosine * r;
}

/* The angle is in half turns: times pi as NVIDIA's host generators have it, not by a function of their own. */
static void box_muller_double(double u, double half_turns, double z[2])
{
    double r = sqrt(-2 * log(u)), sine, cosine;
    sincos(half_turns * M_PI, &sine, &cosine);
    z[0] = sine * r;
    z[1] = cosine * r;
}

static uint32_t poisson_of(const poisson_table *t, uint32_t word)
{
    double at = (word + 1.0) * 0x1p-32 * t->size;
    uint32_t i = at < t->size ? (uint32_t)at : t->size - 1;
    return t->first + (at - i < t->share[i].own ? i : t->share[i].other);
}

/* The bits of a group, in the two forms that its numbers are made of. */
typedef struct bits {
    uint32_t word[MOST_WORDS];
    double mrg[2];
} bits;

static void uniform_at(family f, const bits *b, kind k, int i, number *out)
{
    if (k == WORDS)
        out->word = f == MRG32K3A ? (uint32_t)(b->mrg[i] * 1.000000048662) : b->word[i];
    else if (k == UNIFORM)
        out->real = f == MRG32K3A ? (float)(b->mrg[i] * MRG_TO_1) : uniform(b->word[i]);
    else
        out->wide = f == MRG32K3A ? b->mrg[i] * MRG_TO_1 : uniform_double(b->word[2 * i], b->word[2 * i + 1]);
}

static void normal_pair(family f, const bits *b, int pair, float z[2])
{
    const uint32_t *w = b->word + 2 * pair;
    const float turn = 6.2831855f;
    if (f == MRG32K3A)
        box_muller((float)(b->mrg[0] * MRG_TO_1), (float)(b->mrg[1] * MRG_TO_1) * turn, z);
    else
        box_muller(uniform(w[0]), (float)w[1] * (TO_32 * turn) + TO_32 * turn / 2, z);
}

static void normal_pair_double(family f, const bits *b, int pair, double z[2])
{
    const uint32_t *w = b->word + 4 * pair;
    if (f == MRG32K3A)
        box_muller_double(b->mrg[0] * MRG_TO_1, 2 * (b->mrg[1] * MRG_TO_1), z);
    else
        box_muller_double(uniform_double(w[0], w[1]), (double)joined(w[2], w[3]) * (2 * TO_53) + TO_53, z);
}

static uint32_t poisson_normal(const draw *d, float z) { return (uint32_t)(d->mean + d->deviation * z + 0.5); }

static void normal_numbers(family f, const draw *d, const bits *b, int pair, number out[2])
{
    float z[2], mean = (float)d->mean, deviation = (float)d->deviation;
    normal_pair(f, b, pair, z);
    for (int i = 0; i < 2; i++)
        if (d->kind == POISSON_NORMAL)
            out[i].word = poisson_normal(d, z[i]);
        else
            out[i].real = d->kind == NORMAL ? mean + deviation * z[i] : expf(mean + deviation * z[i]);
}

static void normal_numbers_double(family f, const draw *d, const bits *b, int pair, number out[2])
{
    double z[2];
    normal_pair_double(f, b, pair, z);
    for (int i = 0; i < 2; i++)
        out[i].wide = d->kind == NORMAL_DOUBLE ? d->mean + d->deviation * z[i] : exp(d->mean + d->deviation * z[i]);
}

static void numbers_of(family f, const draw *d, const bits *b, int count, number out[MOST_PER_GROUP])
{
    switch (d->kind) {
    case WORDS: case UNIFORM: case UNIFORM_DOUBLE:
        for (int i = 0; i < count; i++)
            uniform_at(f, b, d->kind, i, &out[i]);
        break;
    case NORMAL: case LOG_NORMAL: case POISSON_NORMAL:
        for (int i = 0; i < count; i += 2)
            normal_numbers(f, d, b, i / 2, out + i);
        break;
    case NORMAL_DOUBLE: case LOG_NORMAL_DOUBLE:
        for (int i = 0; i < count; i += 2)
            normal_numbers_double(f, d, b, i / 2, out + i);
        break;
    case POISSON_TABLE:
        for (int i = 0; i < count; i++) {
            uniform_at(f, b, WORDS, i, &out[i]);
            out[i].word = poisson_of(d->poisson, out[i].word);
        }
        break;
    }
}

/* ---- Groups ---------------------------------------------------------------------------------------- */
static int per_group(family f, kind k) { return f == PHILOX ? 4 : kinds[k].pairs ? 2 : 1; }

static bits take_bits(const sequences *s, int sequence, kind k, int count)
{
    state *at = &s->states[sequence];
    int words = kinds[k].bytes / 4 * count;
    bits b;
    for (int i = 0; i < (s->family == XORWOW ? words : 0); i++)
        b.word[i] = xorwow_next(at);
    for (int i = 0; i < (s->family == MRG32K3A ? count : 0); i++)
        b.mrg[i] = mrg_next(at);
    for (int i = 0; i < (s->family == PHILOX ? words : 0); i += 4)
        philox_block(s->seed, (uint64_t)sequence, at->philox.block++, b.word + i);
    return b;
}

/* Poisson's number of a normal one; a pair serves two calls of its sequence. */
static uint32_t poisson_of_spare(const sequences *s, int sequence, const draw *d)
{
    state *at = &s->states[sequence];
    float z[2] = {at->spare};
    if (!at->has_spare) {
        bits b = take_bits(s, sequence, NORMAL, 2);
        normal_pair(s->family, &b, 0, z);
        at->spare = z[1];
    }
    at->has_spare = !at->has_spare;
    return poisson_normal(d, z[0]);
}

static void make_group(const sequences *s, int sequence, const draw *d, number out[MOST_PER_GROUP])
{
    int count = per_group(s->family, d->kind);
    if (d->kind == POISSON_NORMAL && s->family != PHILOX) {
        out[0].word = poisson_of_spare(s, sequence, d);
        return;
    }
    bits b = take_bits(s, sequence, d->kind, count);
    numbers_of(s->family, d, &b, count, out);
}

typedef struct work {
    sequences *s;
    const draw *d;
    uint64_t groups;
    int chunk;         /* sequences of a task */
} work;

/* Group j of the call: those of its numbers that the call asks for. The rest of a last group is for the next call. */
static void give_group(const work *w, uint64_t j)
{
    sequences *s = w->s;
    const draw *d = w->d;
    number numbers[MOST_PER_GROUP];
    int sequence = (int)((s->group + j) % (uint64_t)s->count), per = per_group(s->family, d->kind), bytes = kinds[d->kind].bytes;
    state before = s->states[sequence];
    make_group(s, sequence, d, numbers);
    int64_t start = (int64_t)(j * (uint64_t)per) - s->within;
    for (int i = 0; i < per; i++)
        if (start + i >= 0 && start + i < (int64_t)d->count)
            memcpy((char *)d->out + (start + i) * bytes, &numbers[i], (size_t)bytes);
    if (start + per > (int64_t)d->count)
        s->states[sequence] = before;
}

static void run_task(void *context, int64_t task, int worker)
{
    const work *w = context;
    (void)worker;
    uint64_t row = (uint64_t)w->s->count, first = (uint64_t)task * (uint64_t)w->chunk, end = first + (uint64_t)w->chunk;
    for (uint64_t start = 0; start + first < w->groups; start += row)
        for (uint64_t j = first; j < end && j < row && start + j < w->groups; j++)
            give_group(w, start + j);
}

void sequences_draw(sequences *s, const draw *d)
{
    uint64_t per = (uint64_t)per_group(s->family, d->kind), end = (uint64_t)s->within + d->count;
    work w = {s, d, (end + per - 1) / per, s->count};
    if (w.groups >= TOO_FEW_FOR_TASKS)
        w.chunk = s->count / TASKS;
    cairn_parallel(s->count / w.chunk, run_task, &w);
    s->group = (s->group + end / per) % (uint64_t)s->count;
    s->within = (int)(end % per);
}

/* ---- Poisson's table -------------------------------------------------------------------------------- */
static double poisson_chance(double lambda, uint32_t count)
{
    int sign;
    return exp(count * log(lambda) - lambda - lgamma_r(count + 1.0, &sign));
}

/* A count with less than its share takes the rest from the highest one that has more. That one may then have too little itself, which
 * a later pass fills, until nobody has more. */
static void even_out(poisson_table *t)
{
    bool *full = (bool *)(t->share + t->size), more = true;
    int64_t rich = (int64_t)t->size - 1;
    while (more) {
        more = false;
        for (uint32_t i = 0; i < t->size; i++) {
            if (full[i] || t->share[i].own >= 1)
                continue;
            while (rich >= 0 && (full[rich] || t->share[rich].own <= 1))
                rich--;
            if (rich < 0)
                return;
            t->share[i].other = (uint32_t)rich;
            t->share[rich].own -= 1 - t->share[i].own;
            full[i] = more = true;
        }
    }
}

poisson_table *poisson_table_make(double lambda)
{
    /* Every count whose chance is not 0 in f64 has a share: the table is NVIDIA's then. */
    uint32_t first = (uint32_t)lambda, end = first + 1;
    while (first && poisson_chance(lambda, first - 1) > 0)
        first--;
    while (poisson_chance(lambda, end) > 0)
        end++;
    uint32_t size = end - first;
    poisson_table *t = calloc(1, sizeof *t + size * (sizeof *t->share + sizeof(bool)));
    if (!t)
        return NULL;
    t->first = first;
    t->size = size;
    for (uint32_t i = 0; i < size; i++) {
        t->share[i].own = poisson_chance(lambda, first + i) * size;
        t->share[i].other = i;
    }
    even_out(t);
    return t;
}
