/* The vector kernels of BLAS, written once for f32 and f64 (real_f32.h, real_f64.h), with V_SWAP (the two halves of each
 * pair exchanged), V_ABS and V_WHERE beside them. */

/* ---- Columns: products of a matrix with a vector, eight columns (complex: four) in one pass ----------*/

SIMD_INLINE void NAME(add_columns)(const int cols, int64_t rows, const REAL *a, int64_t lda, const REAL *s, REAL *y)
{
    VEC by[8];
    UNROLL for (int j = 0; j < cols; j++)
        by[j] = V_SET(s[j]);
    int64_t i = 0;
    for (; i + LANES <= rows; i += LANES) {
        VEC sum = V_LOAD(y + i);
        UNROLL for (int j = 0; j < cols; j++)
            sum = V_FMA(V_LOAD(a + j * lda + i), by[j], sum);
        V_STORE(y + i, sum);
    }
    if (i == rows)
        return;
    VEC sum = V_LOAD_N(y + i, rows - i);
    UNROLL for (int j = 0; j < cols; j++)
        sum = V_FMA(V_LOAD_N(a + j * lda + i, rows - i), by[j], sum);
    V_STORE_N(y + i, rows - i, sum);
}

static void NAME(real_n)(int64_t rows, int64_t cols, const void *a, int64_t lda, const void *s, void *y, bool conj)
{
    const REAL *at = a, *by = s;
    (void)conj;
    for (; cols >= 8; cols -= 8, at += 8 * lda, by += 8)
        NAME(add_columns)(8, rows, at, lda, by, y);
    for (; cols >= 4; cols -= 4, at += 4 * lda, by += 4)
        NAME(add_columns)(4, rows, at, lda, by, y);
    for (; cols > 0; cols--, at += lda, by++)
        NAME(add_columns)(1, rows, at, lda, by, y);
}

/* The lanes' sum: halves onto halves, so that it is as exact as the chains themselves. */
SIMD_INLINE REAL NAME(lanes_sum)(VEC v, const int step)
{
    REAL x[LANES];
    memcpy(x, &v, sizeof x);
    for (int half = LANES / 2; half >= step; half /= 2)
        for (int i = 0; i < half; i++)
            x[i] += x[i + half];
    return x[0];
}

/* Eight accumulators in all, whatever the number of columns: enough to hide an addition's latency. */
SIMD_INLINE void NAME(dot_columns)(const int cols, int64_t rows, const REAL *a, int64_t lda, const REAL *x, REAL *r)
{
    const int chains = 8 / cols;
    VEC sum[8];
    int64_t i = 0;
    UNROLL for (int j = 0; j < 8; j++)
        sum[j] = V_SET(0);
    for (; i + chains * LANES <= rows; i += chains * LANES)
        UNROLL for (int c = 0; c < chains; c++) {
            const VEC xi = V_LOAD(x + i + c * LANES);
            UNROLL for (int j = 0; j < cols; j++)
                sum[c * cols + j] = V_FMA(V_LOAD(a + j * lda + i + c * LANES), xi, sum[c * cols + j]);
        }
    for (; i < rows; i += LANES) {
        const int64_t left = rows - i < LANES ? rows - i : LANES;
        const VEC xi = V_LOAD_N(x + i, left);
        UNROLL for (int j = 0; j < cols; j++)
            sum[j] = V_FMA(V_LOAD_N(a + j * lda + i, left), xi, sum[j]);
    }
    UNROLL for (int half = 4; half >= cols; half /= 2)
        UNROLL for (int j = 0; j < half; j++)
            sum[j] += sum[j + half];
    UNROLL for (int j = 0; j < cols; j++)
        r[j] = NAME(lanes_sum)(sum[j], 1);
}

static void NAME(real_t)(int64_t rows, int64_t cols, const void *a, int64_t lda, const void *x, void *r, bool conj)
{
    const REAL *at = a;
    REAL *to = r;
    (void)conj;
    for (; cols >= 8; cols -= 8, at += 8 * lda, to += 8)
        NAME(dot_columns)(8, rows, at, lda, x, to);
    for (; cols >= 4; cols -= 4, at += 4 * lda, to += 4)
        NAME(dot_columns)(4, rows, at, lda, x, to);
    for (; cols > 0; cols--, at += lda, to++)
        NAME(dot_columns)(1, rows, at, lda, x, to);
}

/* first on even lanes, second on odd ones. */
SIMD_INLINE VEC NAME(pairs)(REAL first, REAL second)
{
    REAL x[LANES];
    for (int i = 0; i < LANES; i += 2)
        x[i] = first, x[i + 1] = second;
    return V_LOAD(x);
}

/* p collects a s.re, q a s.im; a s = p + (-, +) swapped q, conj(a) s = (+, -) p + swapped q. */
SIMD_INLINE void NAME(add_complex)(const int cols, int64_t reals, const REAL *a, int64_t lda, const REAL *s, REAL *y,
                                   bool conj)
{
    const VEC sign_p = NAME(pairs)(1, conj ? -1 : 1), sign_q = NAME(pairs)(conj ? 1 : -1, 1);
    VEC re[4], im[4];
    UNROLL for (int j = 0; j < cols; j++) {
        re[j] = V_SET(s[2 * j]);
        im[j] = V_SET(s[2 * j + 1]);
    }
    for (int64_t i = 0; i < reals; i += LANES) {
        const int64_t left = reals - i < LANES ? reals - i : LANES;
        VEC p = V_SET(0), q = V_SET(0);
        UNROLL for (int j = 0; j < cols; j++) {
            const VEC v = left == LANES ? V_LOAD(a + 2 * j * lda + i) : V_LOAD_N(a + 2 * j * lda + i, left);
            p = V_FMA(v, re[j], p);
            q = V_FMA(v, im[j], q);
        }
        const VEC sum = V_FMA(sign_p, p, sign_q * V_SWAP(q));
        if (left == LANES)
            V_STORE(y + i, V_LOAD(y + i) + sum);
        else
            V_STORE_N(y + i, left, V_LOAD_N(y + i, left) + sum);
    }
}

static void NAME(complex_n)(int64_t rows, int64_t cols, const void *a, int64_t lda, const void *s, void *y, bool conj)
{
    const REAL *at = a, *by = s;
    for (; cols >= 4; cols -= 4, at += 8 * lda, by += 8)
        NAME(add_complex)(4, 2 * rows, at, lda, by, y, conj);
    for (; cols > 0; cols--, at += 2 * lda, by += 2)
        NAME(add_complex)(1, 2 * rows, at, lda, by, y, conj);
}

/* p collects (a.re x.re, a.im x.im), q (a.re x.im, a.im x.re): the conjugate decides only how their halves are joined. */
SIMD_INLINE void NAME(dot_complex)(const int cols, int64_t reals, const REAL *a, int64_t lda, const REAL *x, REAL *r,
                                   bool conj)
{
    const int chains = 4 / cols;
    VEC p[4], q[4];
    int64_t i = 0;
    UNROLL for (int j = 0; j < 4; j++)
        p[j] = q[j] = V_SET(0);
    for (; i + chains * LANES <= reals; i += chains * LANES)
        UNROLL for (int c = 0; c < chains; c++) {
            const VEC xi = V_LOAD(x + i + c * LANES), swapped = V_SWAP(xi);
            UNROLL for (int j = 0; j < cols; j++) {
                const VEC v = V_LOAD(a + 2 * j * lda + i + c * LANES);
                p[c * cols + j] = V_FMA(v, xi, p[c * cols + j]);
                q[c * cols + j] = V_FMA(v, swapped, q[c * cols + j]);
            }
        }
    for (; i < reals; i += LANES) {
        const int64_t left = reals - i < LANES ? reals - i : LANES;
        const VEC xi = V_LOAD_N(x + i, left), swapped = V_SWAP(xi);
        UNROLL for (int j = 0; j < cols; j++) {
            const VEC v = V_LOAD_N(a + 2 * j * lda + i, left);
            p[j] = V_FMA(v, xi, p[j]);
            q[j] = V_FMA(v, swapped, q[j]);
        }
    }
    const VEC sign_p = NAME(pairs)(1, conj ? 1 : -1), sign_q = NAME(pairs)(1, conj ? -1 : 1);
    UNROLL for (int j = 0; j < cols; j++) {
        UNROLL for (int c = 1; c < chains; c++) {
            p[j] += p[c * cols + j];
            q[j] += q[c * cols + j];
        }
        r[2 * j] = NAME(lanes_sum)(sign_p * p[j], 1);
        r[2 * j + 1] = NAME(lanes_sum)(sign_q * q[j], 1);
    }
}

static void NAME(complex_t)(int64_t rows, int64_t cols, const void *a, int64_t lda, const void *x, void *r, bool conj)
{
    const REAL *at = a;
    REAL *to = r;
    for (; cols >= 4; cols -= 4, at += 8 * lda, to += 8)
        NAME(dot_complex)(4, 2 * rows, at, lda, x, to, conj);
    for (; cols > 0; cols--, at += 2 * lda, to += 2)
        NAME(dot_complex)(1, 2 * rows, at, lda, x, to, conj);
}

/* ---- Vectors -------------------------------------------------------------------------------------*/

static void NAME(real_scale)(int64_t n, const void *a, void *x)
{
    const VEC by = V_SET(*(const REAL *)a);
    REAL *y = x;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        V_STORE(y + i, by * V_LOAD(y + i));
    if (i < n)
        V_STORE_N(y + i, n - i, by * V_LOAD_N(y + i, n - i));
}

static void NAME(complex_scale)(int64_t n, const void *a, void *x)
{
    const REAL *by = a;
    const VEC re = V_SET(by[0]), im = NAME(pairs)(-by[1], by[1]);
    REAL *y = x;
    for (int64_t i = 0; i < 2 * n; i += LANES) {
        const int64_t left = 2 * n - i < LANES ? 2 * n - i : LANES;
        const VEC v = V_LOAD_N(y + i, left);
        V_STORE_N(y + i, left, re * v + im * V_SWAP(v));
    }
}

static void NAME(rotate)(int64_t n, const void *h, void *x, void *y)
{
    const REAL *m = h;
    REAL *px = x, *py = y;
    for (int64_t i = 0; i < n; i += LANES) {
        const int64_t left = n - i < LANES ? n - i : LANES;
        const VEC u = V_LOAD_N(px + i, left), v = V_LOAD_N(py + i, left);
        V_STORE_N(px + i, left, m[0] * u + m[1] * v);
        V_STORE_N(py + i, left, m[2] * u + m[3] * v);
    }
}

static double NAME(abs_sum)(int64_t n, const void *x)
{
    const REAL *in = x;
    VEC sum[4] = {V_SET(0), V_SET(0), V_SET(0), V_SET(0)};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        UNROLL for (int c = 0; c < 4; c++)
            sum[c] += V_ABS(V_LOAD(in + i + c * LANES));
    for (; i < n; i += LANES)
        sum[0] += V_ABS(V_LOAD_N(in + i, n - i < LANES ? n - i : LANES));
    return NAME(lanes_sum)((sum[0] + sum[1]) + (sum[2] + sum[3]), 1);
}

/* In f64: the square of an f32 neither overflows nor vanishes there. */
static double NAME(wide_dot)(int64_t n, const void *x, const void *y)
{
    const REAL *a = x, *b = y;
    enum { CHAINS = 32 };
    double sum[CHAINS] = {0};
    int64_t i = 0;
    for (; i + CHAINS <= n; i += CHAINS)
        for (int c = 0; c < CHAINS; c++)
            sum[c] += (double)a[i + c] * b[i + c];
    for (int c = 0; i < n; i++, c++)
        sum[c] += (double)a[i] * b[i];
    for (int half = CHAINS / 2; half; half /= 2)
        for (int c = 0; c < half; c++)
            sum[c] += sum[c + half];
    return sum[0];
}

static double NAME(square_sum)(int64_t n, const void *x)
{
    REAL sum;
    if (sizeof(REAL) < sizeof(double))
        return NAME(wide_dot)(n, x, x);
    NAME(dot_columns)(1, n, x, 0, x, &sum);
    return (double)sum;
}

SIMD_INLINE REAL NAME(size_of)(const int parts, const REAL *x)
{
    const REAL re = x[0] < 0 ? -x[0] : x[0];
    return parts == 1 ? re : re + (x[1] < 0 ? -x[1] : x[1]);
}

/* The largest size in reals from .. to, four chains of vectors at a time; 0 when all are NaN. */
SIMD_INLINE REAL NAME(largest)(const int parts, const REAL *x, int64_t n)
{
    VEC most[4] = {V_SET(0), V_SET(0), V_SET(0), V_SET(0)};
    for (int64_t i = 0; i < n; i += 4 * LANES)
        UNROLL for (int c = 0; c < 4; c++) {
            const int64_t at = i + c * LANES, left = n - at < 0 ? 0 : n - at < LANES ? n - at : LANES;
            VEC v = V_ABS(left == LANES ? V_LOAD(x + at) : V_LOAD_N(x + (left ? at : 0), left));
            v = parts == 2 ? v + V_SWAP(v) : v;
            most[c] = V_WHERE(v > most[c], v, most[c]);
        }
    REAL lanes[4 * LANES], found = 0;
    memcpy(lanes, most, sizeof lanes);
    for (int l = 0; l < 4 * LANES; l++)
        found = lanes[l] > found ? lanes[l] : found;
    return found;
}

/* Block by block; only in the block that has the largest are the elements looked at. */
SIMD_INLINE int64_t NAME(argmax)(const int parts, int64_t n, const REAL *x, double *largest)
{
    enum { BLOCK = 512 };
    REAL best = NAME(size_of)(parts, x);
    int64_t block = -1, at = 0;
    for (int64_t from = 0; from < parts * n && best == best; from += BLOCK) {
        const REAL found = NAME(largest)(parts, x + from, parts * n - from < BLOCK ? parts * n - from : BLOCK);
        if (found > best) {
            best = found;
            block = from;
        }
    }
    *largest = best;
    if (block >= 0)
        for (at = block / parts; NAME(size_of)(parts, x + parts * at) != best;)
            at++;
    return at;
}

static int64_t NAME(real_argmax)(int64_t n, const void *x, double *largest) { return NAME(argmax)(1, n, x, largest); }
static int64_t NAME(complex_argmax)(int64_t n, const void *x, double *largest) { return NAME(argmax)(2, n, x, largest); }

/* ---- Triangles -----------------------------------------------------------------------------------*/

SIMD_INLINE void NAME(triangle_in)(const int parts, int n, const REAL *from, int64_t rs, int64_t cs, bool conj, bool unit,
                                   REAL *a)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            const REAL *e = from + parts * (i * rs + j * cs);
            const bool one = unit && i == j;
            a[i * n + j] = one ? 1 : e[0];
            if (parts == 2)
                a[(n + i) * n + j] = one ? 0 : conj ? -e[1] : e[1];
        }
}

static void NAME(real_triangle_in)(int n, const void *from, int64_t rs, int64_t cs, bool conj, bool unit, void *a)
{
    NAME(triangle_in)(1, n, from, rs, cs, conj, unit, a);
}

static void NAME(complex_triangle_in)(int n, const void *from, int64_t rs, int64_t cs, bool conj, bool unit, void *a)
{
    NAME(triangle_in)(2, n, from, rs, cs, conj, unit, a);
}

/* The direction that is contiguous in memory is the inner loop. */
SIMD_INLINE void NAME(tile_element_in)(const int parts, const REAL *e, const REAL *alpha, REAL *x, int64_t plane)
{
    if (parts == 1) {
        *x = *alpha * *e;
    } else {
        x[0] = alpha[0] * e[0] - alpha[1] * e[1];
        x[plane] = alpha[0] * e[1] + alpha[1] * e[0];
    }
}

SIMD_INLINE void NAME(tile_in)(const int parts, int n, int64_t cols, const REAL *from, int64_t rs, int64_t cs,
                               const REAL *alpha, REAL *x)
{
    const int64_t plane = (int64_t)n * TRIANGLE_COLUMNS;
    if (cols < TRIANGLE_COLUMNS)
        memset(x, 0, (size_t)(parts * plane) * sizeof(REAL));
    if (cs == 1)
        for (int i = 0; i < n; i++)
            for (int64_t j = 0; j < cols; j++)
                NAME(tile_element_in)(parts, from + parts * (i * rs + j), alpha, x + i * TRIANGLE_COLUMNS + j, plane);
    else
        for (int64_t j = 0; j < cols; j++)
            for (int i = 0; i < n; i++)
                NAME(tile_element_in)(parts, from + parts * (i * rs + j * cs), alpha, x + i * TRIANGLE_COLUMNS + j, plane);
}

static void NAME(real_tile_in)(int n, int64_t cols, const void *from, int64_t rs, int64_t cs, const void *alpha, void *x)
{
    NAME(tile_in)(1, n, cols, from, rs, cs, alpha, x);
}

static void NAME(complex_tile_in)(int n, int64_t cols, const void *from, int64_t rs, int64_t cs, const void *alpha, void *x)
{
    NAME(tile_in)(2, n, cols, from, rs, cs, alpha, x);
}

SIMD_INLINE void NAME(tile_out)(const int parts, int n, int64_t cols, const REAL *x, REAL *to, int64_t rs, int64_t cs)
{
    const int64_t plane = (int64_t)n * TRIANGLE_COLUMNS;
    const int64_t outer = cs == 1 ? n : cols, inner = cs == 1 ? cols : n;
    const int64_t x_outer = cs == 1 ? TRIANGLE_COLUMNS : 1, x_inner = cs == 1 ? 1 : TRIANGLE_COLUMNS;
    const int64_t to_outer = cs == 1 ? rs : cs, to_inner = cs == 1 ? 1 : rs;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            REAL *e = to + parts * (o * to_outer + i * to_inner);
            const REAL *v = x + o * x_outer + i * x_inner;
            e[0] = v[0];
            if (parts == 2)
                e[1] = v[plane];
        }
}

static void NAME(real_tile_out)(int n, int64_t cols, const void *x, void *to, int64_t rs, int64_t cs)
{
    NAME(tile_out)(1, n, cols, x, to, rs, cs);
}

static void NAME(complex_tile_out)(int n, int64_t cols, const void *x, void *to, int64_t rs, int64_t cs)
{
    NAME(tile_out)(2, n, cols, x, to, rs, cs);
}

/* Row i of the tile, GROUP vectors at a time: the rows above it are solved already, or not yet multiplied. */
SIMD_INLINE void NAME(real_row)(int n, int i, const REAL *a, REAL *x, bool solve)
{
    enum { GROUP = 4 };
    const VEC diagonal = V_SET(a[i * n + i]);
    REAL *to = x + i * TRIANGLE_COLUMNS;
    VEC sum[GROUP];
    UNROLL for (int g = 0; g < GROUP; g++)
        sum[g] = solve ? V_LOAD(to + g * LANES) : diagonal * V_LOAD(to + g * LANES);
    for (int p = 0; p < i; p++) {
        const VEC by = V_SET(solve ? -a[i * n + p] : a[i * n + p]);
        UNROLL for (int g = 0; g < GROUP; g++)
            sum[g] = V_FMA(by, V_LOAD(x + p * TRIANGLE_COLUMNS + g * LANES), sum[g]);
    }
    UNROLL for (int g = 0; g < GROUP; g++)
        V_STORE(to + g * LANES, solve ? sum[g] / diagonal : sum[g]);
}

static void NAME(real_triangle)(int n, int64_t cols, const void *a, void *x, bool solve)
{
    for (int c = 0; c < cols; c += 4 * LANES)
        for (int i = 0; i < n; i++)
            NAME(real_row)(n, solve ? i : n - 1 - i, a, (REAL *)x + c, solve);
}

/* A quotient by d as its product with (u, -v) over `by` (Smith, "Algorithm 116", 1962): nothing overflows that need not. */
typedef struct NAME(divisor) { REAL u, v, by; } NAME(divisor);

SIMD_INLINE NAME(divisor) NAME(divisor_of)(REAL re, REAL im)
{
    const REAL abs_re = re < 0 ? -re : re, abs_im = im < 0 ? -im : im;
    if (abs_re >= abs_im) {
        const REAL r = im / re;
        return (NAME(divisor)){1, r, re + im * r};
    }
    const REAL r = re / im;
    return (NAME(divisor)){r, 1, re * r + im};
}

SIMD_INLINE void NAME(complex_row)(int n, int i, const REAL *a, REAL *x, bool solve)
{
    enum { GROUP = 2 };
    const int64_t plane = (int64_t)n * TRIANGLE_COLUMNS;
    const REAL *im_a = a + n * n;
    const VEC d_re = V_SET(a[i * n + i]), d_im = V_SET(im_a[i * n + i]);
    REAL *to = x + i * TRIANGLE_COLUMNS;
    VEC re[GROUP], im[GROUP];
    UNROLL for (int g = 0; g < GROUP; g++) {
        const VEC u = V_LOAD(to + g * LANES), v = V_LOAD(to + plane + g * LANES);
        re[g] = solve ? u : d_re * u - d_im * v;
        im[g] = solve ? v : d_re * v + d_im * u;
    }
    for (int p = 0; p < i; p++) {
        const REAL sign = solve ? -1 : 1;
        const VEC by_re = V_SET(sign * a[i * n + p]), by_im = V_SET(sign * im_a[i * n + p]);
        UNROLL for (int g = 0; g < GROUP; g++) {
            const VEC u = V_LOAD(x + p * TRIANGLE_COLUMNS + g * LANES);
            const VEC v = V_LOAD(x + plane + p * TRIANGLE_COLUMNS + g * LANES);
            re[g] = V_FMA(by_re, u, V_FMA(-by_im, v, re[g]));
            im[g] = V_FMA(by_re, v, V_FMA(by_im, u, im[g]));
        }
    }
    const NAME(divisor) d = NAME(divisor_of)(a[i * n + i], im_a[i * n + i]);
    UNROLL for (int g = 0; g < GROUP; g++) {
        V_STORE(to + g * LANES, solve ? (d.u * re[g] + d.v * im[g]) / d.by : re[g]);
        V_STORE(to + plane + g * LANES, solve ? (d.u * im[g] - d.v * re[g]) / d.by : im[g]);
    }
}

static void NAME(complex_triangle)(int n, int64_t cols, const void *a, void *x, bool solve)
{
    for (int c = 0; c < cols; c += 2 * LANES)
        for (int i = 0; i < n; i++)
            NAME(complex_row)(n, solve ? i : n - 1 - i, a, (REAL *)x + c, solve);
}

/* One right side: x is brought into planes, each row is a dot product with what comes before it. */
SIMD_INLINE REAL NAME(row_dot)(int n, const REAL *a, const REAL *x)
{
    VEC sum = V_SET(0);
    int p = 0;
    for (; p + LANES <= n; p += LANES)
        sum = V_FMA(V_LOAD(a + p), V_LOAD(x + p), sum);
    if (p < n)
        sum = V_FMA(V_LOAD_N(a + p, n - p), V_LOAD_N(x + p, n - p), sum);
    return NAME(lanes_sum)(sum, 1);
}

static void NAME(real_triangle_one)(int n, const void *a, void *x, int64_t step, bool solve)
{
    const REAL *rows = a;
    REAL *y = x, own[TRIANGLE_ROWS];
    for (int i = 0; i < n; i++)
        own[i] = y[i * step];
    for (int k = 0; k < n; k++) {
        const int i = solve ? k : n - 1 - k;
        const REAL sum = NAME(row_dot)(i, rows + i * n, own), d = rows[i * n + i];
        own[i] = solve ? (own[i] - sum) / d : own[i] * d + sum;
    }
    for (int i = 0; i < n; i++)
        y[i * step] = own[i];
}

static void NAME(complex_triangle_one)(int n, const void *a, void *x, int64_t step, bool solve)
{
    const REAL *rows = a;
    REAL *y = x, re[TRIANGLE_ROWS], im[TRIANGLE_ROWS];
    for (int i = 0; i < n; i++)
        re[i] = y[2 * i * step], im[i] = y[2 * i * step + 1];
    for (int k = 0; k < n; k++) {
        const int i = solve ? k : n - 1 - k;
        const REAL *a_re = rows + i * n, *a_im = a_re + n * n;
        const REAL sum_re = NAME(row_dot)(i, a_re, re) - NAME(row_dot)(i, a_im, im);
        const REAL sum_im = NAME(row_dot)(i, a_re, im) + NAME(row_dot)(i, a_im, re);
        const NAME(divisor) d = NAME(divisor_of)(a_re[i], a_im[i]);
        const REAL u = solve ? re[i] - sum_re : re[i], v = solve ? im[i] - sum_im : im[i];
        re[i] = solve ? (d.u * u + d.v * v) / d.by : a_re[i] * u - a_im[i] * v + sum_re;
        im[i] = solve ? (d.u * v - d.v * u) / d.by : a_re[i] * v + a_im[i] * u + sum_im;
    }
    for (int i = 0; i < n; i++)
        y[2 * i * step] = re[i], y[2 * i * step + 1] = im[i];
}

/* Of a Hermitian matrix the diagonal is real, whatever is stored. */
SIMD_INLINE void NAME(mirror)(const int parts, int n, const REAL *a, int64_t lda, bool lower, bool hermitian, bool conj, REAL *to)
{
    for (int j = 0; j < n; j++)
        for (int i = lower ? j : 0; i < (lower ? n : j + 1); i++) {
            const REAL *e = a + parts * (i + j * lda);
            to[parts * (i + j * n)] = to[parts * (j + i * n)] = e[0];
            if (parts == 2) {
                const REAL im = conj ? -e[1] : e[1];
                to[2 * (i + j * n) + 1] = hermitian && i == j ? 0 : im;
                if (i != j)
                    to[2 * (j + i * n) + 1] = hermitian ? -im : im;
            }
        }
}

static void NAME(real_mirror)(int n, const void *a, int64_t lda, bool lower, bool hermitian, bool conj, void *to)
{
    NAME(mirror)(1, n, a, lda, lower, hermitian, conj, to);
}

static void NAME(complex_mirror)(int n, const void *a, int64_t lda, bool lower, bool hermitian, bool conj, void *to)
{
    NAME(mirror)(2, n, a, lda, lower, hermitian, conj, to);
}

/* ---- Complex matrices as real ones ---------------------------------------------------------------*/

SIMD_INLINE void NAME(expand_element)(const REAL *b, const REAL *alpha, REAL sign_b, REAL sign_a, REAL *to, int64_t ld)
{
    const REAL im_b = sign_b * b[1];
    const REAL re = alpha[0] * b[0] - alpha[1] * im_b, im = alpha[0] * im_b + alpha[1] * b[0];
    to[0] = re;
    to[1] = im;
    to[ld] = -sign_a * im;
    to[ld + 1] = sign_a * re;
}

static void NAME(expand)(int64_t k, int64_t n, const void *b, int64_t rs, int64_t cs, const void *alpha, bool conj_b,
                         bool conj_a, void *to, int64_t ld)
{
    enum { BLOCK = 32 };
    const REAL *from = b, *by = alpha, sign_b = conj_b ? -1 : 1, sign_a = conj_a ? -1 : 1;
    REAL *out = to;
    if (cs == 1) {
        for (int64_t p = 0; p < k; p++)
            for (int64_t j = 0; j < n; j++)
                NAME(expand_element)(from + 2 * (p * rs + j), by, sign_b, sign_a, out + 2 * p * ld + 2 * j, ld);
        return;
    }
    for (int64_t p0 = 0; p0 < k; p0 += BLOCK)
        for (int64_t j = 0; j < n; j++)
            for (int64_t p = p0; p < (k < p0 + BLOCK ? k : p0 + BLOCK); p++)
                NAME(expand_element)(from + 2 * (p * rs + j * cs), by, sign_b, sign_a, out + 2 * p * ld + 2 * j, ld);
}
