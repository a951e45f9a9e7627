/* The kernels of attention (primitives/attention/kernel.h), written once for f32 and f64. Before including this, define what
 * real_f32.h defines, and INTS, INT, V_LARGER, V_POWER, V_LOW, V_HIGH. */
enum { NAME(panel) = 2 * LANES };

/* ---- Products: a tile of `rows` x panel in registers, as in gemm_tile.h -------------------------*/

SIMD_INLINE void NAME(tile_end)(const int rows, const attention_product *t, REAL *c, VEC acc[][2])
{
    if (!t->beta) {
        UNROLL for (int i = 0; i < rows; i++, c += t->c_step) {
            V_STORE(c, acc[i][0]);
            V_STORE(c + LANES, acc[i][1]);
        }
        return;
    }
    const VEC b0 = V_LOAD((const REAL *)t->beta), b1 = V_LOAD((const REAL *)t->beta + LANES);
    UNROLL for (int i = 0; i < rows; i++, c += t->c_step) {
        V_STORE(c, V_FMA(b0, V_LOAD(c), acc[i][0]));
        V_STORE(c + LANES, V_FMA(b1, V_LOAD(c + LANES), acc[i][1]));
    }
}

SIMD_INLINE void NAME(tile_prefetch)(const int rows, const attention_product *t, const REAL *c)
{
    if (t->beta)
        UNROLL for (int i = 0; i < rows; i++, c += t->c_step) {
            __builtin_prefetch(c, 1);
            __builtin_prefetch(c + LANES, 1);
        }
}

/* Three base pointers and two multiples of the stride address up to 14 rows; the empty asm keeps the compiler from making a
 * pointer of every row. */
SIMD_INLINE void NAME(tile_by_rows)(const int rows, const attention_product *t, const REAL *a, REAL *c)
{
    const REAL *restrict b = t->b;
    const int64_t step = t->b_step;
    int64_t row = t->a_step * (int64_t)sizeof(REAL), row3 = 3 * row;
    const char *base[3] = {(const char *)a};
    VEC acc[MR][2];
    NAME(tile_prefetch)(rows, t, c);
    UNROLL for (int i = 0; i < rows; i++)
        acc[i][0] = acc[i][1] = V_SET(0);
    base[1] = rows > 5 ? base[0] + 5 * row : base[0];
    base[2] = rows > 10 ? base[0] + 10 * row : base[0];
    for (int64_t p = 0; p < t->k; p++) {
        __asm__("" : "+r"(base[0]), "+r"(base[1]), "+r"(base[2]), "+r"(row), "+r"(row3));
        const VEC b0 = V_LOAD(b), b1 = V_LOAD(b + LANES);
        UNROLL for (int i = 0; i < rows; i++) {
            const char *at = base[i / 5];
            at += i % 5 == 0 ? 0 : i % 5 == 1 ? row : i % 5 == 2 ? 2 * row : i % 5 == 3 ? row3 : 4 * row;
            const VEC ai = V_SET(*(const REAL *)at);
            acc[i][0] = V_FMA(ai, b0, acc[i][0]);
            acc[i][1] = V_FMA(ai, b1, acc[i][1]);
        }
        base[0] += sizeof(REAL);
        base[1] += sizeof(REAL);
        base[2] += sizeof(REAL);
        b += step;
    }
    NAME(tile_end)(rows, t, c, acc);
}

SIMD_INLINE void NAME(tile_by_columns)(const int rows, const attention_product *t, const REAL *a, REAL *c)
{
    const REAL *restrict b = t->b;
    VEC acc[MR][2];
    NAME(tile_prefetch)(rows, t, c);
    UNROLL for (int i = 0; i < rows; i++)
        acc[i][0] = acc[i][1] = V_SET(0);
    for (int64_t p = 0; p < t->k; p++, a += t->a_step, b += t->b_step) {
        const VEC b0 = V_LOAD(b), b1 = V_LOAD(b + LANES);
        UNROLL for (int i = 0; i < rows; i++) {
            const VEC ai = V_SET(a[i]);
            acc[i][0] = V_FMA(ai, b0, acc[i][0]);
            acc[i][1] = V_FMA(ai, b1, acc[i][1]);
        }
    }
    NAME(tile_end)(rows, t, c, acc);
}

#define X(r)                                                                                                             \
    static void NAME(rows_##r)(const attention_product *t, const REAL *a, REAL *c) { NAME(tile_by_rows)(r, t, a, c); }   \
    static void NAME(columns_##r)(const attention_product *t, const REAL *a, REAL *c) { NAME(tile_by_columns)(r, t, a, c); }
TILE_ROWS(X)
#undef X

typedef void NAME(tile)(const attention_product *t, const REAL *a, REAL *c);

/* All rows in tiles of about the same size. */
SIMD_INLINE void NAME(tiles)(const attention_product *t, NAME(tile) *const *by_count, int64_t a_step)
{
    const int64_t tiles = (t->rows + MR - 1) / MR, most = tiles ? (t->rows + tiles - 1) / tiles : 0;
    for (int64_t i = 0; i < t->rows; i += most)
        by_count[(t->rows - i < most ? t->rows - i : most) - 1](t, (const REAL *)t->a + i * a_step, (REAL *)t->c + i * t->c_step);
}

static void NAME(by_rows)(const attention_product *t)
{
#define X(r) NAME(rows_##r),
    static NAME(tile) *const by_count[] = {TILE_ROWS(X)};
#undef X
    NAME(tiles)(t, by_count, t->a_step);
}

static void NAME(by_columns)(const attention_product *t)
{
#define X(r) NAME(columns_##r),
    static NAME(tile) *const by_count[] = {TILE_ROWS(X)};
#undef X
    NAME(tiles)(t, by_count, 1);
}

/* ---- Scores to weights ----------------------------------------------------------------------------*/

SIMD_INLINE INTS NAME(lane)(int first)
{
    INTS v;
    UNROLL for (int i = 0; i < LANES; i++)
        v[i] = first + i;
    return v;
}

SIMD_INLINE INT NAME(bound)(int64_t x) { return (INT)(x < -1 ? -1 : x > 2 * LANES ? 2 * LANES : x); }

SIMD_INLINE VEC NAME(only)(INTS mask, VEC x, VEC otherwise) { return (VEC)(((INTS)x & mask) | ((INTS)otherwise & ~mask)); }

/* The scores of key j with the bias, -infinity where they are not to be seen. */
SIMD_INLINE void NAME(scores)(const attention_block *b, int64_t j, VEC s[2])
{
    const REAL *from = (const REAL *)b->scores + j * b->step;
    UNROLL for (int h = 0; h < 2; h++) {
        s[h] = V_LOAD(from + h * LANES);
        if (b->bias)
            s[h] += V_LOAD((const REAL *)b->bias + j * NAME(panel) + h * LANES);
        if (b->edges) {
            const INTS lane = NAME(lane)(h * LANES), zero = {0};
            const INTS seen = (lane >= NAME(bound)(b->low + j) + zero) & (lane <= NAME(bound)(b->high + j) + zero);
            s[h] = NAME(only)(seen, s[h], V_SET(-(REAL)INFINITY));
        }
    }
}

/* Where nothing has been seen the difference to the top is taken from 0: all weights are 0 then. */
SIMD_INLINE VEC NAME(finite_top)(VEC top) { return NAME(only)(top == -(REAL)INFINITY, V_SET(0), top); }

static void NAME(weigh)(const attention_block *b, void *tops, void *sums, void *shrinks)
{
    REAL *scores = b->scores, *top = tops, *sum = sums, *shrink = shrinks;
    VEC m[2] = {V_LOAD(top), V_LOAD(top + LANES)}, total[2] = {V_SET(0), V_SET(0)};
    for (int64_t j = 0; j < b->keys; j++) {
        VEC s[2];
        NAME(scores)(b, j, s);
        UNROLL for (int h = 0; h < 2; h++) {
            m[h] = V_LARGER(m[h], s[h]);
            if (b->bias || b->edges)
                V_STORE(scores + j * b->step + h * LANES, s[h]);
        }
    }
    const VEC base[2] = {NAME(finite_top)(m[0]), NAME(finite_top)(m[1])};
    for (int64_t j = 0; j < b->keys; j++)
        UNROLL for (int h = 0; h < 2; h++) {
            REAL *at = scores + j * b->step + h * LANES;
            const VEC w = V_POWER(V_LOAD(at) - base[h]);
            total[h] += w;
            V_STORE(at, w);
        }
    UNROLL for (int h = 0; h < 2; h++) {
        const VEC less = V_POWER(V_LOAD(top + h * LANES) - base[h]);
        V_STORE(shrink + h * LANES, less);
        V_STORE(sum + h * LANES, V_FMA(V_LOAD(sum + h * LANES), less, total[h]));
        V_STORE(top + h * LANES, m[h]);
    }
}

static void NAME(slope)(const attention_block *b, void *slopes, const void *log2_sum, const void *mean)
{
    REAL *scores = b->scores, *slope = slopes;
    VEC base[2], middle[2];
    UNROLL for (int h = 0; h < 2; h++) {
        base[h] = V_LOAD((const REAL *)log2_sum + h * LANES);
        middle[h] = V_LOAD((const REAL *)mean + h * LANES);
    }
    for (int64_t j = 0; j < b->keys; j++) {
        VEC s[2];
        NAME(scores)(b, j, s);
        UNROLL for (int h = 0; h < 2; h++) {
            const int64_t at = j * b->step + h * LANES;
            const VEC w = V_POWER(s[h] - base[h]);
            V_STORE(scores + at, w);
            V_STORE(slope + at, w * (V_LOAD(slope + at) - middle[h]));
        }
    }
}

/* ---- One query --------------------------------------------------------------------------------------*/

/* LANES keys at a time. The sums of their vectors are folded together: after each round half as many vectors hold
 * twice as many keys, in the order of the keys. */
static void NAME(dots)(int64_t keys, int64_t width, const void *queries, int64_t q_step, const void *key_rows, int64_t k_step, void *to)
{
    const REAL *q = queries, *k = key_rows;
    REAL *scores = to;
    const int64_t whole = width / LANES * LANES;
    for (int64_t j = 0; j < keys; j += LANES) {
        const int64_t count = keys - j < LANES ? keys - j : LANES;
        VEC acc[LANES];
        UNROLL for (int i = 0; i < LANES; i++) {
            const int64_t at = i < count ? j + i : j;
            const REAL *row = k + at * k_step, *other = q + at * q_step;
            acc[i] = V_SET(0);
            for (int64_t p = 0; p < whole; p += LANES)
                acc[i] = V_FMA(V_LOAD(row + p), V_LOAD(other + p), acc[i]);
            if (whole < width)
                acc[i] = V_FMA(V_LOAD_N(row + whole, width - whole), V_LOAD_N(other + whole, width - whole), acc[i]);
        }
        UNROLL for (int n = LANES / 2; n >= 1; n /= 2)
            UNROLL for (int i = 0; i < n; i++)
                acc[i] = V_LOW(acc[i], acc[i + n]) + V_HIGH(acc[i], acc[i + n]);
        V_STORE_N(scores + j, count, acc[0]);
    }
}

static double NAME(weigh_one)(int64_t keys, void *to, void *tops, void *sums)
{
    REAL *scores = to, *top = tops, *sum = sums, most = *top, total = 0;
    VEC m = V_SET(*top), totals = V_SET(0);
    int64_t j = 0;
    for (; j + LANES <= keys; j += LANES)
        m = V_LARGER(m, V_LOAD(scores + j));
    for (int i = 0; i < LANES; i++)
        most = m[i] > most ? m[i] : most;
    for (; j < keys; j++)
        most = scores[j] > most ? scores[j] : most;
    const REAL base = most == -(REAL)INFINITY ? 0 : most;
    for (j = 0; j < keys; j += LANES) {
        const int64_t n = keys - j < LANES ? keys - j : LANES;
        const VEC w = V_POWER(V_LOAD_N(scores + j, n) - base), kept = NAME(only)(NAME(lane)(0) < (INT)n, w, V_SET(0));
        totals += kept;
        V_STORE_N(scores + j, n, w);
    }
    for (int i = 0; i < LANES; i++)
        total += totals[i];
    const VEC less = V_POWER(V_SET(*top - base));
    *top = most;
    *sum = *sum * less[0] + total;
    return less[0];
}

SIMD_INLINE void NAME(combine_part)(const int vectors, int64_t last, int64_t keys, const REAL *w, const REAL *v, int64_t step, REAL beta,
                                    REAL *o)
{
    VEC acc[4];
    UNROLL for (int i = 0; i < vectors; i++)
        acc[i] = V_SET(0);
    for (int64_t j = 0; j < keys; j++, v += step) {
        const VEC weight = V_SET(w[j]);
        UNROLL for (int i = 0; i < vectors; i++)
            acc[i] = V_FMA(weight, last < LANES && i == vectors - 1 ? V_LOAD_N(v + i * LANES, last) : V_LOAD(v + i * LANES), acc[i]);
    }
    UNROLL for (int i = 0; i < vectors; i++) {
        const int64_t n = i == vectors - 1 ? last : LANES;
        V_STORE_N(o + i * LANES, n, V_FMA(V_SET(beta), V_LOAD_N(o + i * LANES, n), acc[i]));
    }
}

static void NAME(combine)(int64_t keys, int64_t width, const void *weights, const void *values, int64_t v_step, double beta, void *to)
{
    const REAL *v = values;
    REAL *o = to;
    int64_t e = 0;
    for (; e + 4 * LANES <= width; e += 4 * LANES)
        NAME(combine_part)(4, LANES, keys, weights, v + e, v_step, (REAL)beta, o + e);
    for (; e < width; e += LANES)
        NAME(combine_part)(1, width - e < LANES ? width - e : LANES, keys, weights, v + e, v_step, (REAL)beta, o + e);
}

/* ---- Moving -----------------------------------------------------------------------------------------*/

static void NAME(widen)(cairn_dtype type, int64_t n, const void *from, double scale, void *to)
{
    const uint16_t *half = from;
    const REAL *real = from, by = (REAL)scale;
    REAL *out = to;
    if (type == CAIRN_F16)
        for (int64_t i = 0; i < n; i++)
            out[i] = by * from_f16(half[i]);
    else if (type == CAIRN_BF16)
        for (int64_t i = 0; i < n; i++)
            out[i] = by * from_bf16(half[i]);
    else
        for (int64_t i = 0; i < n; i++)
            out[i] = by * real[i];
}

static void NAME(narrow)(cairn_dtype type, int64_t n, const void *from, double scale, void *to)
{
    const REAL *in = from, by = (REAL)scale;
    uint16_t *half = to;
    REAL *real = to;
    if (type == CAIRN_F16)
        for (int64_t i = 0; i < n; i++)
            half[i] = to_f16((float)(by * in[i]));
    else if (type == CAIRN_BF16)
        for (int64_t i = 0; i < n; i++)
            half[i] = to_bf16((float)(by * in[i]));
    else
        for (int64_t i = 0; i < n; i++)
            real[i] = by * in[i];
}

/* LANES x LANES elements transposed in registers, as in gemm_tile.h. */
SIMD_INLINE void NAME(turn)(VEC v[LANES])
{
    UNROLL for (int round = 1; round < LANES; round *= 2) {
        VEC w[LANES];
        UNROLL for (int i = 0; i < LANES / 2; i++) {
            w[2 * i] = V_LOW(v[i], v[i + LANES / 2]);
            w[2 * i + 1] = V_HIGH(v[i], v[i + LANES / 2]);
        }
        UNROLL for (int i = 0; i < LANES; i++)
            v[i] = w[i];
    }
}

/* `rows` rows of `n` elements become n vectors; what lies beyond reads as 0. Whole tiles have constants here, so that
 * all of it stays in registers. */
SIMD_INLINE void NAME(gather_tile)(int rows, int64_t n, const void *const *from, int64_t p, VEC by, REAL *out)
{
    VEC v[LANES];
    UNROLL for (int i = 0; i < LANES; i++)
        v[i] = i >= rows ? V_SET(0) : by * (n == LANES ? V_LOAD((const REAL *)from[i] + p) : V_LOAD_N((const REAL *)from[i] + p, n));
    NAME(turn)(v);
    UNROLL for (int i = 0; i < LANES; i++)
        if (i < n)
            V_STORE(out + i * NAME(panel), v[i]);
}

SIMD_INLINE void NAME(scatter_tile)(int rows, int64_t n, const REAL *in, int64_t step, VEC by, void *const *to, int64_t p)
{
    VEC v[LANES];
    UNROLL for (int i = 0; i < LANES; i++)
        v[i] = i < n ? by * V_LOAD(in + i * step) : V_SET(0);
    NAME(turn)(v);
    UNROLL for (int i = 0; i < LANES; i++)
        if (i < rows && n == LANES)
            V_STORE((REAL *)to[i] + p, v[i]);
        else if (i < rows)
            V_STORE_N((REAL *)to[i] + p, n, v[i]);
}

static void NAME(gather)(int count, int64_t width, const void *const *from, double scale, void *to)
{
    const VEC by = V_SET((REAL)scale);
    for (int h = 0; h < 2; h++, from += LANES, count -= LANES)
        for (int64_t p = 0; p < width; p += LANES) {
            REAL *out = (REAL *)to + p * NAME(panel) + h * LANES;
            if (count >= LANES && width - p >= LANES)
                NAME(gather_tile)(LANES, LANES, from, p, by, out);
            else
                NAME(gather_tile)(count, width - p < LANES ? width - p : LANES, from, p, by, out);
        }
}

static void NAME(scatter)(int count, int64_t width, const void *from, int64_t step, const void *scale, void *const *to)
{
    for (int h = 0; h < 2; h++, to += LANES, count -= LANES)
        for (int64_t p = 0; p < width; p += LANES) {
            const REAL *in = (const REAL *)from + p * step + h * LANES;
            const VEC by = V_LOAD((const REAL *)scale + h * LANES);
            if (count >= LANES && width - p >= LANES)
                NAME(scatter_tile)(LANES, LANES, in, step, by, to, p);
            else
                NAME(scatter_tile)(count, width - p < LANES ? width - p : LANES, in, step, by, to, p);
        }
}
