/* The kernels of softmax and norms (primitives/rows/kernel.h), written once for f32 and f64. Before including this, define what
 * real_f32.h defines, and V_EXP and INTS. A loop goes over whole vectors, then once over the rest. */
#define EACH_VECTOR(n)                                                          \
    for (int64_t i = 0, left_ = (n), part = LANES; left_ > 0; i += part, left_ -= part) \
        if (part = left_ < LANES ? left_ : LANES, 1)
#define LOAD_PART(p) (part == LANES ? V_LOAD(p) : V_LOAD_N(p, part))
#define STORE_PART(p, v)               \
    do {                               \
        if (part == LANES)             \
            V_STORE(p, v);             \
        else                           \
            V_STORE_N(p, part, v);     \
    } while (0)

SIMD_INLINE VEC NAME(factor)(rows_factor f, int64_t i, int64_t part)
{
    const REAL *at = f.at;
    return !f.step ? V_SET(*at) : part == LANES ? V_LOAD(at + i) : V_LOAD_N(at + i, part);
}

/* The first `part` lanes, 0 behind them. */
SIMD_INLINE VEC NAME(first)(VEC v, int64_t part)
{
    INTS lane;
    UNROLL for (int i = 0; i < LANES; i++)
        lane[i] = i;
    return part == LANES ? v : (VEC)((INTS)v & (lane < (int)part));
}

SIMD_INLINE double NAME(total)(VEC v)
{
    double sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += v[i];
    return sum;
}

enum { NAME(chains) = 4, NAME(stretch) = 64 * LANES };  /* sums of a stretch are kept in vectors */

/* Four chains, so that additions do not wait for each other. */
#define REDUCE(n, terms, ...)                                                                \
    for (int64_t start_ = 0; start_ < (n); start_ += NAME(stretch)) {                        \
        VEC acc[terms][NAME(chains)] = {{{0}}};                                              \
        const int64_t end_ = (n) - start_ < NAME(stretch) ? (n) : start_ + NAME(stretch);    \
        int64_t i = start_, part = LANES;                                                    \
        for (; i + NAME(chains) * LANES <= end_; i += NAME(chains) * LANES)                  \
            UNROLL for (int c = 0; c < NAME(chains); c++) {                                  \
                const int64_t at = i + c * LANES;                                            \
                __VA_ARGS__                                                                  \
            }                                                                                \
        for (; i < end_; i += LANES) {                                                       \
            const int64_t at = i;                                                            \
            const int c = 0;                                                                 \
            part = end_ - i < LANES ? end_ - i : LANES;                                      \
            __VA_ARGS__                                                                      \
        }                                                                                    \
        for (int t_ = 0; t_ < terms; t_++)                                                   \
            out[t_] += NAME(total)((acc[t_][0] + acc[t_][1]) + (acc[t_][2] + acc[t_][3]));   \
    }

static void NAME(sums)(int64_t n, const void *from, double by, double out[2])
{
    const REAL *x = from;
    const VEC shift = V_SET((REAL)by);
    REDUCE(n, 2, {
        const VEC t = NAME(first)(LOAD_PART(x + at) - shift, part);
        acc[0][c] += t;
        acc[1][c] = V_FMA(t, t, acc[1][c]);
    })
}

static void NAME(dots)(int64_t n, const void *from, const void *slopes, rows_factor weight, double by, double out[2])
{
    const REAL *x = from, *dy = slopes;
    const VEC shift = V_SET((REAL)by);
    REDUCE(n, 2, {
        VEC g = LOAD_PART(dy + at);
        if (weight.at)
            g *= NAME(factor)(weight, at, part);
        acc[0][c] += g;
        acc[1][c] = V_FMA(g, NAME(first)(LOAD_PART(x + at) - shift, part), acc[1][c]);
    })
}

static void NAME(affine)(int64_t n, const void *from, rows_factor shift, rows_factor scale, rows_factor weight, rows_factor bias, void *to)
{
    const REAL *x = from;
    REAL *y = to;
    EACH_VECTOR(n) {
        VEC v = (LOAD_PART(x + i) - NAME(factor)(shift, i, part)) * NAME(factor)(scale, i, part);
        if (weight.at)
            v *= NAME(factor)(weight, i, part);
        if (bias.at)
            v += NAME(factor)(bias, i, part);
        STORE_PART(y + i, v);
    }
}

static void NAME(slope)(int64_t n, const void *from, const void *slopes, rows_factor weight, rows_factor shift, rows_factor scale, rows_factor a,
                        rows_factor b, void *to)
{
    const REAL *x = from, *dy = slopes;
    REAL *dx = to;
    EACH_VECTOR(n) {
        VEC g = LOAD_PART(dy + i);
        const VEC t = LOAD_PART(x + i) - NAME(factor)(shift, i, part);
        if (weight.at)
            g *= NAME(factor)(weight, i, part);
        STORE_PART(dx + i, NAME(factor)(scale, i, part) * (g - NAME(factor)(a, i, part) - t * NAME(factor)(b, i, part)));
    }
}

static void NAME(column_sums)(int64_t n, const void *from, rows_factor shift, void *sums, void *squares)
{
    const REAL *x = from;
    REAL *sum = sums, *square = squares;
    EACH_VECTOR(n) {
        const VEC t = LOAD_PART(x + i) - NAME(factor)(shift, i, part);
        STORE_PART(sum + i, LOAD_PART(sum + i) + t);
        STORE_PART(square + i, V_FMA(t, t, LOAD_PART(square + i)));
    }
}

static void NAME(column_dots)(int64_t n, const void *from, const void *slopes, rows_factor shift, rows_factor scale, void *sums, void *dots)
{
    const REAL *x = from, *dy = slopes;
    REAL *sum = sums, *dot = dots;
    EACH_VECTOR(n) {
        const VEC g = LOAD_PART(dy + i), t = (LOAD_PART(x + i) - NAME(factor)(shift, i, part)) * NAME(factor)(scale, i, part);
        STORE_PART(sum + i, LOAD_PART(sum + i) + g);
        STORE_PART(dot + i, V_FMA(g, t, LOAD_PART(dot + i)));
    }
}

/* ---- Softmax ----------------------------------------------------------------------------------------*/

/* A NaN may be passed over: its exponential is NaN all the same. */
static double NAME(most)(int64_t n, const void *from, double top)
{
    const REAL *x = from;
    VEC m[4];
    UNROLL for (int c = 0; c < 4; c++)
        m[c] = V_SET((REAL)top);
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        UNROLL for (int c = 0; c < 4; c++) {
            const VEC v = V_LOAD(x + i + c * LANES);
            const INTS more = v > m[c];
            m[c] = (VEC)(((INTS)v & more) | ((INTS)m[c] & ~more));
        }
    for (int c = 0; c < 4; c++)
        for (int k = 0; k < LANES; k++)
            top = m[c][k] > top ? m[c][k] : top;
    for (; i < n; i++)
        top = x[i] > top ? x[i] : top;
    return top;
}

static double NAME(exp_sum)(int64_t n, const void *from, double top, void *to)
{
    const REAL *x = from;
    REAL *y = to;
    const VEC shift = V_SET((REAL)top);
    double out[1] = {0};
    REDUCE(n, 1, {
        __builtin_prefetch(x + n + at, 0, 2);   /* the next row's, which is gone over fast */
        const VEC e = V_EXP(LOAD_PART(x + at) - shift);
        if (y)
            STORE_PART(y + at, e);
        acc[0][c] += NAME(first)(e, part);
    })
    return out[0];
}

static void NAME(exp_map)(int64_t n, const void *from, double top, double by, double minus, void *to)
{
    const REAL *x = from;
    REAL *y = to;
    const VEC shift = V_SET((REAL)top), scale = V_SET((REAL)by), less = V_SET((REAL)minus);
    EACH_VECTOR(n)
        STORE_PART(y + i, V_EXP(LOAD_PART(x + i) - shift) * scale - less);
}

static void NAME(softmax_slope)(int64_t n, const void *from, const void *slopes, double total, int log, void *to)
{
    const REAL *y = from, *dy = slopes;
    REAL *dx = to;
    const VEC sum = V_SET((REAL)total);
    EACH_VECTOR(n) {
        const VEC v = LOAD_PART(y + i), g = LOAD_PART(dy + i);
        STORE_PART(dx + i, log ? g - V_EXP(v) * sum : v * (g - sum));
    }
}

#undef EACH_VECTOR
#undef LOAD_PART
#undef STORE_PART
#undef REDUCE
