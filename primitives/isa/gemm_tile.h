/* The matmul micro-kernels, written once for f32 and f64. Before including this, define REAL, VEC, LANES, the
 * vector functions V_LOAD, V_STORE, V_LOAD_N, V_STORE_N, V_SET, V_FMA, the interleaves V_LOW and V_HIGH, and NAME(x).
 *
 * A tile of ROWS x (2 * LANES) has 2 * ROWS accumulators; with two vectors of B and one broadcast of A they fill
 * the register file: 14 rows in 32 registers, 6 in 16. Two FMAs share each broadcast, so that loads (ROWS + 2 for
 * 2 * ROWS FMAs) are not the limit. */

/* Tiles at the edge of C: apart, and once for all numbers of rows. */
static void NAME(store_partial)(const gemm_tile *t, VEC (*acc)[2])
{
    const VEC alpha = V_SET((REAL)t->alpha), beta = V_SET((REAL)t->beta);
    REAL *c = t->c;
    for (int i = 0; i < t->rows; i++, c += t->c_row)
        for (int at = 0; at < t->cols; at += LANES) {
            const int wide = t->cols - at < LANES ? t->cols - at : LANES;
            const VEC sum = acc[i][at / LANES];
            V_STORE_N(c + at, wide, t->beta == 0 ? alpha * sum : V_FMA(alpha, sum, beta * V_LOAD_N(c + at, wide)));
        }
}

/* The accumulators go to C at the end. */
SIMD_INLINE void NAME(tile_store)(const int rows, const gemm_tile *t, VEC acc[][2])
{
    const VEC alpha = V_SET((REAL)t->alpha), beta = V_SET((REAL)t->beta);
    REAL *c = t->c;
    if (t->cols < 2 * LANES) {
        VEC out[MR][2];
        UNROLL for (int i = 0; i < rows; i++) {
            out[i][0] = acc[i][0];
            out[i][1] = acc[i][1];
        }
        NAME(store_partial)(t, out);
    } else if (t->beta == 0) {
        UNROLL for (int i = 0; i < rows; i++, c += t->c_row) {
            V_STORE(c, alpha * acc[i][0]);
            V_STORE(c + LANES, alpha * acc[i][1]);
        }
    } else {
        UNROLL for (int i = 0; i < rows; i++, c += t->c_row) {
            V_STORE(c, V_FMA(alpha, acc[i][0], beta * V_LOAD(c)));
            V_STORE(c + LANES, V_FMA(alpha, acc[i][1], beta * V_LOAD(c + LANES)));
        }
    }
}

SIMD_INLINE void NAME(tile_packed)(const int rows, const gemm_tile *t)
{
    const REAL *restrict a = t->a, *restrict b = t->b;
    const int64_t step = t->b_step;
    VEC acc[MR][2];
    UNROLL for (int i = 0; i < rows; i++)
        acc[i][0] = acc[i][1] = V_SET(0);
    c_ahead ahead = c_ahead_of(t, sizeof(REAL));
    for (int64_t left = t->k; left > 0;) {
        for (int64_t n = c_ahead_steps(&ahead, &left); n > 0; n--) {
            const VEC b0 = V_LOAD(b), b1 = V_LOAD(b + LANES);
            UNROLL for (int i = 0; i < rows; i++) {
                const VEC ai = V_SET(a[i]);
                acc[i][0] = V_FMA(ai, b0, acc[i][0]);
                acc[i][1] = V_FMA(ai, b1, acc[i][1]);
            }
            a += MR;
            b += step;
        }
    }
    NAME(tile_store)(rows, t, acc);
}

enum { NAME(few_rows) = 8, NAME(b_ahead) = 64 };
#define FEW_ROWS NAME(few_rows)
#define B_AHEAD NAME(b_ahead)

/* A's rows lie a_row apart. Three base pointers and two multiples of the stride address up to 14 rows, so that
 * addresses stay in registers; the empty asm keeps the compiler from making a pointer of every row. */
SIMD_INLINE void NAME(tile_direct)(const int rows, const int vectors, const gemm_tile *t)
{
    const REAL *restrict b = t->b;
    const int64_t step = t->b_step;
    int64_t row = t->a_row * (int64_t)sizeof(REAL), row3 = 3 * row;
    VEC acc[MR][2];
    UNROLL for (int i = 0; i < rows; i++)
        acc[i][0] = acc[i][1] = V_SET(0);
    c_ahead ahead = c_ahead_of(t, sizeof(REAL));
    for (int64_t s = 0; s < t->segments; s++) {
        const char *base[3];
        base[0] = (const char *)((const REAL *)t->a + t->offset[s]);
        base[1] = rows > 5 ? base[0] + 5 * row : base[0];
        base[2] = rows > 10 ? base[0] + 10 * row : base[0];
        for (int64_t left = t->k, n = 0; n > 0 || left > 0; n--) {
            if (n == 0)
                n = c_ahead_steps(&ahead, &left);
            __asm__("" : "+r"(base[0]), "+r"(base[1]), "+r"(base[2]), "+r"(row), "+r"(row3));
            const VEC b0 = V_LOAD(b), b1 = vectors == 2 ? V_LOAD(b + LANES) : b0;
            if (rows <= FEW_ROWS) {                     /* B comes from far, and is used up before the next lines are there */
                __builtin_prefetch(b + B_AHEAD * step);
                if (vectors == 2)
                    __builtin_prefetch(b + B_AHEAD * step + LANES);
            }
            UNROLL for (int i = 0; i < rows; i++) {
                const char *at = base[i / 5];
                at += i % 5 == 0 ? 0 : i % 5 == 1 ? row : i % 5 == 2 ? 2 * row : i % 5 == 3 ? row3 : 4 * row;
                const VEC ai = V_SET(*(const REAL *)at);
                acc[i][0] = V_FMA(ai, b0, acc[i][0]);
                if (vectors == 2)
                    acc[i][1] = V_FMA(ai, b1, acc[i][1]);
            }
            base[0] += sizeof(REAL);
            base[1] += sizeof(REAL);
            base[2] += sizeof(REAL);
            b += step;
        }
    }
    NAME(tile_store)(rows, t, acc);
}

#ifdef SIMD_SANITIZED
static void NAME(packed)(const gemm_tile *t) { NAME(tile_packed)(t->rows, t); }
static void NAME(direct)(const gemm_tile *t) { NAME(tile_direct)(t->rows, t->cols > LANES ? 2 : 1, t); }
#else
/* One function for each number of rows; in place, where products are often small, also for columns of one vector. */
#define X(r)                                                                           \
    static void NAME(packed_##r)(const gemm_tile *t) { NAME(tile_packed)(r, t); }      \
    static void NAME(direct_##r)(const gemm_tile *t) { NAME(tile_direct)(r, 2, t); }   \
    static void NAME(narrow_direct_##r)(const gemm_tile *t) { NAME(tile_direct)(r, 1, t); }
TILE_ROWS(X)
#undef X

static void NAME(packed)(const gemm_tile *t)
{
#define X(r) NAME(packed_##r),
    static void (*const by_rows[])(const gemm_tile *) = {TILE_ROWS(X)};
#undef X
    by_rows[t->rows - 1](t);
}

static void NAME(direct)(const gemm_tile *t)
{
#define X(r) {NAME(narrow_direct_##r), NAME(direct_##r)},
    static void (*const by_rows[][2])(const gemm_tile *) = {TILE_ROWS(X)};
#undef X
    by_rows[t->rows - 1][t->cols > LANES](t);
}
#endif

/* One vector of columns over STREAM_STEPS steps of k; the next STREAM_STEPS rows of B come to L2 meanwhile. */
SIMD_INLINE void NAME(stream_column)(int rows, const REAL *a, const REAL *b, int64_t step, REAL *sums, int64_t sum_row, int wide)
{
    VEC v[STREAM_STEPS];
    UNROLL for (int p = 0; p < STREAM_STEPS; p++) {
        v[p] = wide == LANES ? V_LOAD(b + p * step) : V_LOAD_N(b + p * step, wide);
        __builtin_prefetch(b + (p + STREAM_STEPS) * step, 0, 2);
    }
    for (int i = 0; i < rows; i++, a += STREAM_STEPS, sums += sum_row) {
        VEC sum = wide == LANES ? V_LOAD(sums) : V_LOAD_N(sums, wide);
        UNROLL for (int p = 0; p < STREAM_STEPS; p++)
            sum = V_FMA(V_SET(a[p]), v[p], sum);
        if (wide == LANES)
            V_STORE(sums, sum);
        else
            V_STORE_N(sums, wide, sum);
    }
}

/* The steps that do not fill STREAM_STEPS. */
static void NAME(stream_rest)(const gemm_stream *s, int64_t p)
{
    for (; p < s->k; p++)
        for (int i = 0; i < s->rows; i++) {
            const VEC a = V_SET(((const REAL *)s->a)[i * s->a_row + p * s->a_col]);
            const REAL *b = (const REAL *)s->b + p * s->b_step;
            REAL *sums = (REAL *)s->sums + i * s->sum_row;
            for (int64_t j = 0; j < s->cols; j += LANES) {
                const int64_t wide = s->cols - j < LANES ? s->cols - j : LANES;
                V_STORE_N(sums + j, wide, V_FMA(a, V_LOAD_N(b + j, wide), V_LOAD_N(sums + j, wide)));
            }
        }
}

static void NAME(stream)(const gemm_stream *s)
{
    int64_t p = 0;
    for (; p + STREAM_STEPS <= s->k; p += STREAM_STEPS) {
        REAL a[GEMM_STREAM_ROWS * STREAM_STEPS];
        for (int i = 0; i < s->rows; i++)
            for (int q = 0; q < STREAM_STEPS; q++)
                a[i * STREAM_STEPS + q] = ((const REAL *)s->a)[i * s->a_row + (p + q) * s->a_col];
        const REAL *b = (const REAL *)s->b + p * s->b_step;
        REAL *sums = s->sums;
        int64_t j = 0;
        for (; j + LANES <= s->cols; j += LANES)
            NAME(stream_column)(s->rows, a, b + j, s->b_step, sums + j, s->sum_row, LANES);
        if (j < s->cols)
            NAME(stream_column)(s->rows, a, b + j, s->b_step, sums + j, s->sum_row, (int)(s->cols - j));
    }
    NAME(stream_rest)(s, p);
}

static void NAME(combine)(int64_t rows, int64_t cols, const void *sums, int64_t sum_row, double alpha, double beta, void *c, int64_t c_row)
{
    const VEC times = V_SET((REAL)alpha), old = V_SET((REAL)beta);
    for (int64_t i = 0; i < rows; i++) {
        const REAL *from = (const REAL *)sums + i * sum_row;
        REAL *to = (REAL *)c + i * c_row;
        for (int64_t j = 0; j < cols; j += LANES) {
            const int64_t wide = cols - j < LANES ? cols - j : LANES;
            const VEC sum = V_LOAD_N(from + j, wide);
            V_STORE_N(to + j, wide, beta == 0 ? times * sum : V_FMA(times, sum, old * V_LOAD_N(to + j, wide)));
        }
    }
}

/* LANES x LANES elements transposed in registers: log2(LANES) rounds, each interleaving row i with row i + LANES / 2. */
SIMD_INLINE void NAME(transpose)(VEC v[LANES])
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

/* LANES steps of LANES columns, transposed in registers, so that lanes are columns and each sum is still one chain. What is ahead comes from the
 * columns that follow these where these end. */
SIMD_INLINE void NAME(across_steps)(const gemm_stream *s, int64_t p, int steps, int count, VEC *sums)
{
    const REAL *column = (const REAL *)s->b + p, *a = (const REAL *)s->a + p;
    const int64_t ahead = ACROSS_AHEAD + (p + ACROSS_AHEAD < s->left ? 0 : LANES * s->b_step - s->row_length);
    VEC v[LANES];
    UNROLL for (int j = 0; j < LANES; j++, column += s->b_step) {
        v[j] = j >= count ? V_SET(0) : steps == LANES ? V_LOAD(column) : V_LOAD_N(column, steps);
        __builtin_prefetch(column + ahead);
    }
    NAME(transpose)(v);
    for (int i = 0; i < s->rows; i++, a += s->a_row) {
        VEC sum = sums[i];
        UNROLL for (int q = 0; q < LANES; q++)
            sum = q < steps ? V_FMA(V_SET(a[q]), v[q], sum) : sum;
        sums[i] = sum;
    }
}

static void NAME(across)(const gemm_stream *s)
{
    const int count = (int)s->cols;
    VEC sums[GEMM_STREAM_ROWS];
    for (int i = 0; i < s->rows; i++)
        sums[i] = V_SET(0);
    int64_t p = 0;
    for (; p + LANES <= s->k && count == LANES; p += LANES)
        NAME(across_steps)(s, p, LANES, LANES, sums);
    for (; p < s->k; p += LANES)
        NAME(across_steps)(s, p, s->k - p < LANES ? (int)(s->k - p) : LANES, count, sums);
    for (int i = 0; i < s->rows; i++)
        V_STORE_N((REAL *)s->sums + i * s->sum_row, count, sums[i]);
}

/* One group of LANES columns, `steps` <= LANES steps of it. A whole vector is stored at each step: what it writes beyond the
 * panel's width falls into the next step, which is written later; the panel's last step is cut to size. */
SIMD_INLINE void NAME(pack_group)(int count, const REAL *const *from, int64_t p, int steps, REAL *to, int width, int wide, bool last)
{
    VEC v[LANES];
    UNROLL for (int i = 0; i < LANES; i++) {
        const REAL *row = i < count ? from[i] + p : NULL;
        v[i] = !row ? V_SET(0) : steps == LANES ? V_LOAD(row) : V_LOAD_N(row, steps);
        if (row)
            __builtin_prefetch(row + PACK_AHEAD); /* rows of a large matrix lie in pages of their own, which hardware does not foresee */
    }
    if (count > 0)
        NAME(transpose)(v);
    for (int i = 0; i < steps - 1; i++, to += width)
        V_STORE(to, v[i]);
    V_STORE_N(to, last && wide < LANES ? wide : LANES, v[steps - 1]);
}

/* The groups of a step from last to first: the last one's excess is then overwritten by the first. */
static void NAME(pack_transposed)(int count, const void *const *from, int64_t n, void *to, int width)
{
    const REAL *const *rows = (const REAL *const *)from;
    const int last_group = (width - 1) / LANES * LANES;
    for (int64_t p = 0; p < n; p += LANES) {
        const int steps = n - p < LANES ? (int)(n - p) : LANES;
        REAL *at = (REAL *)to + p * width;
        for (int g = last_group; g >= 0; g -= LANES)
            NAME(pack_group)(count - g, rows + g, p, steps, at + g, width, width - g, p + steps == n);
    }
}

/* One vector of columns: `left` of them are copied, the rest of the `wide` that are stored are zeros. */
SIMD_INLINE void NAME(copy_column)(int left, const REAL *in, int64_t step, int64_t n, REAL *out, int wide, int64_t to_step)
{
    if (left >= LANES)
        for (int64_t p = 0; p < n; p++, in += step, out += to_step) {
            __builtin_prefetch(in + AHEAD * step); /* rows of a large matrix lie in pages of their own, which hardware does not foresee */
            V_STORE(out, V_LOAD(in));
        }
    else if (left <= 0 && wide >= LANES)
        for (int64_t p = 0; p < n; p++, out += to_step)
            V_STORE(out, V_SET(0));
    else
        for (int64_t p = 0; p < n; p++, in += step, out += to_step)
            V_STORE_N(out, wide < LANES ? wide : LANES, left > 0 ? V_LOAD_N(in, left) : V_SET(0));
}

static void NAME(pack_copied)(int count, const void *from, int64_t step, int64_t n, void *to, int width, int64_t to_step)
{
    const REAL *in = from;
    REAL *out = to;
    if (count == width && width < LANES && 2 * step + count >= LANES && to_step == width) {
        /* Whole vectors, except at the end: each spills into the next step, which is written after it. */
        for (int64_t p = 0; p + 2 < n; p++, in += step, out += width)
            V_STORE(out, V_LOAD(in));
        n = n < 2 ? n : 2;
    }
    if (count == width && width == 2 * LANES) {
        for (int64_t p = 0; p < n; p++, in += step, out += to_step) {
            __builtin_prefetch(in + AHEAD * step);
            const VEC first = V_LOAD(in), second = V_LOAD(in + LANES);
            V_STORE(out, first);
            V_STORE(out + LANES, second);
        }
        return;
    }
    for (int i = 0; i < width; i += LANES)
        NAME(copy_column)(count - i, in + i, step, n, out + i, width - i, to_step);
}
