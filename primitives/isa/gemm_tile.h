/* The matmul micro-kernels, written once for f32 and f64. Before including this, define REAL, VEC, LANES, the
 * vector functions V_LOAD, V_STORE, V_LOAD_N, V_STORE_N, V_SET, V_FMA, the interleaves V_LOW and V_HIGH, and NAME(x).
 *
 * A tile of ROWS x (2 * LANES) has 2 * ROWS accumulators; with two vectors of B and one broadcast of A they fill
 * the register file: 14 rows in 32 registers, 6 in 16. Two FMAs share each broadcast, so that loads (ROWS + 2 for
 * 2 * ROWS FMAs) are not the limit. */

/* The accumulators go to C at the end. */
SIMD_INLINE void NAME(tile_store)(const int rows, const gemm_tile *t, VEC acc[][2])
{
    const VEC alpha = V_SET((REAL)t->alpha), beta = V_SET((REAL)t->beta);
    REAL *c = t->c;
    const int wide0 = t->cols < LANES ? t->cols : LANES, wide1 = t->cols - wide0;
    if (t->cols == 2 * LANES && t->beta == 0) {
        UNROLL for (int i = 0; i < rows; i++, c += t->c_row) {
            V_STORE(c, alpha * acc[i][0]);
            V_STORE(c + LANES, alpha * acc[i][1]);
        }
    } else if (t->cols == 2 * LANES) {
        UNROLL for (int i = 0; i < rows; i++, c += t->c_row) {
            V_STORE(c, V_FMA(alpha, acc[i][0], beta * V_LOAD(c)));
            V_STORE(c + LANES, V_FMA(alpha, acc[i][1], beta * V_LOAD(c + LANES)));
        }
    } else if (t->beta == 0) {
        UNROLL for (int i = 0; i < rows; i++, c += t->c_row) {
            V_STORE_N(c, wide0, alpha * acc[i][0]);
            if (wide1)
                V_STORE_N(c + LANES, wide1, alpha * acc[i][1]);
        }
    } else {
        UNROLL for (int i = 0; i < rows; i++, c += t->c_row) {
            V_STORE_N(c, wide0, V_FMA(alpha, acc[i][0], beta * V_LOAD_N(c, wide0)));
            if (wide1)
                V_STORE_N(c + LANES, wide1, V_FMA(alpha, acc[i][1], beta * V_LOAD_N(c + LANES, wide1)));
        }
    }
}

SIMD_INLINE void NAME(tile_prefetch)(const int rows, const gemm_tile *t)
{
    const REAL *c = t->c;
    UNROLL for (int i = 0; i < rows; i++, c += t->c_row) {
        __builtin_prefetch(c, 1);
        __builtin_prefetch(c + t->cols - 1, 1);
    }
}

SIMD_INLINE void NAME(tile_packed)(const int rows, const int vectors, const gemm_tile *t)
{
    const REAL *restrict a = t->a, *restrict b = t->b;
    const int64_t step = t->b_step;
    VEC acc[MR][2];
    UNROLL for (int i = 0; i < rows; i++)
        acc[i][0] = acc[i][1] = V_SET(0);
    NAME(tile_prefetch)(rows, t);
    UNROLL_K for (int64_t p = 0; p < t->k; p++) {
        const VEC b0 = V_LOAD(b), b1 = vectors == 2 ? V_LOAD(b + LANES) : b0;
        UNROLL for (int i = 0; i < rows; i++) {
            const VEC ai = V_SET(a[i]);
            acc[i][0] = V_FMA(ai, b0, acc[i][0]);
            if (vectors == 2)
                acc[i][1] = V_FMA(ai, b1, acc[i][1]);
        }
        a += MR;
        b += step;
    }
    NAME(tile_store)(rows, t, acc);
}

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
    NAME(tile_prefetch)(rows, t);
    for (int64_t s = 0; s < t->segments; s++) {
        const char *base[3];
        base[0] = (const char *)((const REAL *)t->a + t->offset[s]);
        base[1] = rows > 5 ? base[0] + 5 * row : base[0];
        base[2] = rows > 10 ? base[0] + 10 * row : base[0];
        for (int64_t p = 0; p < t->k; p++) {
            __asm__("" : "+r"(base[0]), "+r"(base[1]), "+r"(base[2]), "+r"(row), "+r"(row3));
            const VEC b0 = V_LOAD(b), b1 = vectors == 2 ? V_LOAD(b + LANES) : b0;
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

/* One function for each number of rows, and of vectors that the columns fill. */
#define X(r)                                                                           \
    static void NAME(packed_##r)(const gemm_tile *t) { NAME(tile_packed)(r, 2, t); }   \
    static void NAME(direct_##r)(const gemm_tile *t) { NAME(tile_direct)(r, 2, t); }   \
    static void NAME(narrow_packed_##r)(const gemm_tile *t) { NAME(tile_packed)(r, 1, t); } \
    static void NAME(narrow_direct_##r)(const gemm_tile *t) { NAME(tile_direct)(r, 1, t); }
TILE_ROWS(X)
#undef X

static void NAME(packed)(const gemm_tile *t)
{
#define X(r) {NAME(narrow_packed_##r), NAME(packed_##r)},
    static void (*const by_rows[][2])(const gemm_tile *) = {TILE_ROWS(X)};
#undef X
    by_rows[t->rows - 1][t->cols > LANES](t);
}

static void NAME(direct)(const gemm_tile *t)
{
#define X(r) {NAME(narrow_direct_##r), NAME(direct_##r)},
    static void (*const by_rows[][2])(const gemm_tile *) = {TILE_ROWS(X)};
#undef X
    by_rows[t->rows - 1][t->cols > LANES](t);
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

/* Groups of LANES columns, transposed LANES steps at a time. Stores whole vectors in rising order of address: what one
 * writes beyond its `width` columns is overwritten by the next step; the panel's last step is cut to size. */
SIMD_INLINE void NAME(pack_groups)(const int groups, int count, const REAL *const *from, int64_t n, REAL *to, int width)
{
    const int last = width - (groups - 1) * LANES;
    for (int64_t p = 0; p < n; p += LANES) {
        const int steps = n - p < LANES ? (int)(n - p) : LANES;
        VEC v[groups][LANES];
        for (int g = 0; g < groups; g++) {
            for (int i = 0; i < LANES; i++) {
                const REAL *row = g * LANES + i < count ? from[g * LANES + i] + p : NULL;
                v[g][i] = !row ? V_SET(0) : steps == LANES ? V_LOAD(row) : V_LOAD_N(row, steps);
            }
            NAME(transpose)(v[g]);
        }
        for (int i = 0; i < steps; i++, to += width) {
            for (int g = 0; g < groups - 1; g++)
                V_STORE(to + g * LANES, v[g][i]);
            if (p + i + 1 < n)
                V_STORE(to + (groups - 1) * LANES, v[groups - 1][i]);
            else
                V_STORE_N(to + (groups - 1) * LANES, last, v[groups - 1][i]);
        }
    }
}

static void NAME(pack_transposed)(int count, const void *const *from, int64_t n, void *to, int width)
{
    const REAL *const *rows = (const REAL *const *)from;
    switch ((width + LANES - 1) / LANES) {
    case 1: NAME(pack_groups)(1, count, rows, n, to, width); break;
    case 2: NAME(pack_groups)(2, count, rows, n, to, width); break;
    case 3: NAME(pack_groups)(3, count, rows, n, to, width); break;
    case 4: NAME(pack_groups)(4, count, rows, n, to, width); break;
    default: NAME(pack_groups)(7, count, rows, n, to, width); /* 14 rows of two f64 lanes: NEON */
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
    for (int i = 0; i < width; i += LANES)
        NAME(copy_column)(count - i, in + i, step, n, out + i, width - i, to_step);
}
