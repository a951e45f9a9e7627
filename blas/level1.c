/* Level 1: vectors. Long ones are cut into blocks of a fixed size, which any thread takes; sums are the blocks' sums in
 * their order, so that the number of threads does not show. */
#include "blas/blas.h"

#include <cairn/base.h>

#include <math.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 17, LEAST_BLOCKS = 8, MOST_SUMS = 256 };

typedef struct vectors {
    blas_type t;                        /* the type as which the elements are worked on */
    bool writes_x, writes_y;
    int64_t n, incx, incy;
    char *x, *y;                        /* y may be NULL */
    const void *a;                      /* scalars in the elements' type */
    bool conj;
    void (*fn)(const struct vectors *v, int64_t n, void *x, void *y, number *sum);
    int64_t block;
    number *sums;
} vectors;

/* An output with stride 0 is one element that is changed n times: one after the other. */
static bool is_stuck(const vectors *v) { return (v->writes_x && !v->incx) || (v->writes_y && !v->incy); }

/* n elements from i on: as they are, or in chunks through the stack. */
static void run_range(const vectors *v, int64_t i, int64_t n, number *sum)
{
    const bool direct_x = v->incx == 1, direct_y = v->incy == 1 || !v->y;
    const int64_t step = is_stuck(v) ? 1 : direct_x && direct_y ? larger(n, 1) : chunk_of(v->t);
    char own_x[CHUNK_BYTES] __attribute__((aligned(64))), own_y[CHUNK_BYTES] __attribute__((aligned(64)));
    for (const int64_t end = i + n; i < end; i += step) {
        const int64_t count = smaller(step, end - i);
        char *x = at(v->t, v->x, i * v->incx), *y = v->y ? at(v->t, v->y, i * v->incy) : NULL;
        number part = {0, 0};
        if (!direct_x)
            gather(v->t, count, x, v->incx, own_x);
        if (!direct_y)
            gather(v->t, count, y, v->incy, own_y);
        v->fn(v, count, direct_x ? x : own_x, direct_y ? y : own_y, &part);
        *sum = plus(*sum, part);
        if (!direct_x && v->writes_x)
            scatter(v->t, count, own_x, x, v->incx);
        if (!direct_y && v->writes_y)
            scatter(v->t, count, own_y, y, v->incy);
    }
}

static void run_block(void *context, int64_t task, int worker)
{
    const vectors *v = context;
    (void)worker;
    v->sums[task] = (number){0, 0};
    run_range(v, task * v->block, smaller(v->block, v->n - task * v->block), &v->sums[task]);
}

/* The sum of what fn adds up; vectors are given as by the caller. */
static number run(vectors v)
{
    number sum = {0, 0}, sums[MOST_SUMS];
    if (v.n <= 0)
        return sum;
    v.block = larger(BLOCK_BYTES / bytes_of(v.t), ceil_div(v.n, MOST_SUMS));
    v.x = vector_start(v.t, v.x, v.n, v.incx);
    v.y = v.y ? vector_start(v.t, v.y, v.n, v.incy) : NULL;
    v.sums = sums;
    const int64_t blocks = ceil_div(v.n, v.block);
    if (blocks < LEAST_BLOCKS || is_stuck(&v)) {
        run_range(&v, 0, v.n, &sum);
        return sum;
    }
    cairn_parallel(blocks, run_block, &v);
    for (int64_t i = 0; i < blocks; i++)
        sum = plus(sum, sums[i]);
    return sum;
}

/* The common case, which needs none of this. */
static bool is_plain(blas_type t, int64_t n, int64_t incx, int64_t incy)
{
    return incx == 1 && incy == 1 && n > 0 && n < (LEAST_BLOCKS - 1) * BLOCK_BYTES / bytes_of(t);
}

/* What treats real and imaginary parts alike sees contiguous complex vectors as real ones of twice the length. */
static vectors as_reals(vectors v)
{
    if (is_complex(v.t) && v.incx == 1 && (v.incy == 1 || !v.y)) {
        v.t = real_of(v.t);
        v.n *= 2;
    }
    return v;
}

/* n elements of v's type as reals, for kernels of real vectors. */
static int64_t reals(const vectors *v, int64_t n) { return is_complex(v->t) ? 2 * n : n; }
static const blas_kernel *real_kernel(const vectors *v) { return kernel_of(real_of(v->t)); }

/* ---- Moving --------------------------------------------------------------------------------------*/

static void do_swap(const vectors *v, int64_t n, void *x, void *y, number *sum)
{
    char chunk[CHUNK_BYTES];
    (void)sum;
    for (int64_t i = 0, bytes = n * bytes_of(v->t); i < bytes; i += CHUNK_BYTES) {
        const size_t count = (size_t)smaller(CHUNK_BYTES, bytes - i);
        memcpy(chunk, (char *)x + i, count);
        memcpy((char *)x + i, (char *)y + i, count);
        memcpy((char *)y + i, chunk, count);
    }
}

void blas_swap(blas_type t, int64_t n, void *x, int64_t incx, void *y, int64_t incy)
{
    run((vectors){.t = t, .n = n, .incx = incx, .incy = incy, .x = x, .y = y, .fn = do_swap, .writes_x = true, .writes_y = true});
}

static void do_copy(const vectors *v, int64_t n, void *x, void *y, number *sum)
{
    (void)sum;
    memmove(y, x, (size_t)(n * bytes_of(v->t)));
}

void blas_copy(blas_type t, int64_t n, const void *x, int64_t incx, void *y, int64_t incy)
{
    run((vectors){.t = t, .n = n, .incx = incx, .incy = incy, .x = (char *)x, .y = y, .fn = do_copy, .writes_y = true});
}

/* ---- Arithmetic ----------------------------------------------------------------------------------*/

static void do_axpy(const vectors *v, int64_t n, void *x, void *y, number *sum)
{
    (void)sum;
    kernel_of(v->t)->panel_n(n, 1, x, 0, v->a, y, false);
}

void blas_axpy(blas_type t, int64_t n, const void *alpha, const void *x, int64_t incx, void *y, int64_t incy)
{
    if (is_zero(get(t, alpha, 0)))
        return;
    if (is_plain(t, n, incx, incy))
        kernel_of(t)->panel_n(n, 1, x, 0, alpha, y, false);
    else
        run((vectors){.t = t, .n = n, .incx = incx, .incy = incy, .x = (char *)x, .y = y, .a = alpha, .fn = do_axpy,
                      .writes_y = true});
}

static void do_scal(const vectors *v, int64_t n, void *x, void *unused, number *sum)
{
    (void)unused, (void)sum;
    kernel_of(v->t)->scale(n, v->a, x);
}

static void do_real_scal(const vectors *v, int64_t n, void *x, void *unused, number *sum)
{
    (void)unused, (void)sum;
    real_kernel(v)->scale(reals(v, n), v->a, x);
}

void blas_scal(blas_type t, int64_t n, const void *alpha, void *x, int64_t incx)
{
    if (is_plain(t, n, incx, 1))
        kernel_of(t)->scale(n, alpha, x);
    else if (incx > 0)
        run((vectors){.t = t, .n = n, .incx = incx, .x = x, .a = alpha, .fn = do_scal, .writes_x = true});
}

void blas_real_scal(blas_type t, int64_t n, const void *alpha, void *x, int64_t incx)
{
    if (incx > 0)
        run(as_reals((vectors){.t = t, .n = n, .incx = incx, .x = x, .a = alpha, .fn = do_real_scal, .writes_x = true}));
}

static void do_dot(const vectors *v, int64_t n, void *x, void *y, number *sum)
{
    scalar part;
    kernel_of(v->t)->panel_t(n, 1, x, 0, y, &part, v->conj);
    *sum = get(v->t, &part, 0);
}

number blas_dot(blas_type t, int64_t n, const void *x, int64_t incx, const void *y, int64_t incy, bool conj)
{
    scalar sum;
    if (!is_plain(t, n, incx, incy))
        return run((vectors){.t = t, .n = n, .incx = incx, .incy = incy, .x = (char *)x, .y = (char *)y, .conj = conj, .fn = do_dot});
    kernel_of(t)->panel_t(n, 1, x, 0, y, &sum, conj);
    return get(t, &sum, 0);
}

static void do_wide_dot(const vectors *v, int64_t n, void *x, void *y, number *sum)
{
    sum->re = kernel_of(v->t)->wide_dot(n, x, y);
}

double blas_wide_dot(int64_t n, const float *x, int64_t incx, const float *y, int64_t incy)
{
    return run((vectors){.t = BLAS_s, .n = n, .incx = incx, .incy = incy, .x = (char *)x, .y = (char *)y, .fn = do_wide_dot}).re;
}

static void do_asum(const vectors *v, int64_t n, void *x, void *unused, number *sum)
{
    (void)unused;
    sum->re = real_kernel(v)->abs_sum(reals(v, n), x);
}

double blas_asum(blas_type t, int64_t n, const void *x, int64_t incx)
{
    return incx <= 0 ? 0 : run(as_reals((vectors){.t = t, .n = n, .incx = incx, .x = (char *)x, .fn = do_asum})).re;
}

static void do_square_sum(const vectors *v, int64_t n, void *x, void *unused, number *sum)
{
    (void)unused;
    sum->re = real_kernel(v)->square_sum(reals(v, n), x);
}

/* The sum of squares of x * scale, one by one: for f64 whose squares overflow or vanish. */
static double scaled_norm(blas_type t, int64_t n, const void *x, int64_t inc)
{
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const number e = get(t, x, i * inc);
        largest = fmax(largest, fmax(fabs(e.re), fabs(e.im)));
    }
    if (largest == 0 || isinf(largest))
        return largest;
    const int power = -ilogb(largest);
    for (int64_t i = 0; i < n; i++) {
        const number e = get(t, x, i * inc);
        const double re = ldexp(e.re, power), im = ldexp(e.im, power);
        sum += re * re + im * im;
    }
    return ldexp(sqrt(sum), -power);
}

double blas_nrm2(blas_type t, int64_t n, const void *x, int64_t incx)
{
    static const double FAR = 0x1p+1000, NEAR = 0x1p-900; /* between them nothing that was lost matters */
    if (n <= 0)
        return 0;
    const double sum = run(as_reals((vectors){.t = t, .n = n, .incx = incx, .x = (char *)x, .fn = do_square_sum})).re;
    if (!is_double(t) || (sum < FAR && sum > NEAR) || isnan(sum))
        return sqrt(sum);
    return scaled_norm(t, n, vector_start(t, x, n, incx), incx);
}

/* Block by block: the first block with the largest element wins. */
int64_t blas_argmax(blas_type t, int64_t n, const void *x, int64_t incx)
{
    int64_t best = -1;
    double most = 0;
    char chunk[CHUNK_BYTES] __attribute__((aligned(64)));
    if (n <= 0 || incx <= 0)
        return -1;
    const int64_t step = incx == 1 ? n : chunk_of(t);
    for (int64_t i = 0; i < n; i += step) {
        const int64_t count = smaller(step, n - i);
        const char *from = at(t, x, i * incx);
        double largest;
        if (incx != 1)
            gather(t, count, from, incx, chunk);
        const int64_t found = kernel_of(t)->argmax(count, incx == 1 ? from : chunk, &largest);
        if (best < 0 || largest > most) {
            best = i + found;
            most = largest;
        }
    }
    return best;
}

/* ---- Rotations -----------------------------------------------------------------------------------*/

static void do_rotate(const vectors *v, int64_t n, void *x, void *y, number *sum)
{
    (void)sum;
    real_kernel(v)->rotate(reals(v, n), v->a, x, y);
}

static void rotate(blas_type t, int64_t n, void *x, int64_t incx, void *y, int64_t incy, const double h[4])
{
    union { float f[4]; double d[4]; } m;
    for (int i = 0; i < 4; i++)
        if (is_double(t))
            m.d[i] = h[i];
        else
            m.f[i] = (float)h[i];
    run(as_reals((vectors){.t = t, .n = n, .incx = incx, .incy = incy, .x = x, .y = y, .a = &m, .fn = do_rotate,
                           .writes_x = true, .writes_y = true}));
}

void blas_rot(blas_type t, int64_t n, void *x, int64_t incx, void *y, int64_t incy, double c, double s)
{
    rotate(t, n, x, incx, y, incy, (double[]){c, s, -s, c});
}

/* param: a flag, then h11, h21, h12, h22, of which the flag says which are not 1, -1 or 0. */
void blas_rotm(blas_type t, int64_t n, void *x, int64_t incx, void *y, int64_t incy, const void *param)
{
    const double flag = get(t, param, 0).re;
    const double h11 = get(t, param, 1).re, h21 = get(t, param, 2).re, h12 = get(t, param, 3).re, h22 = get(t, param, 4).re;
    if (flag == -2)
        return;
    if (flag < 0)
        rotate(t, n, x, incx, y, incy, (double[]){h11, h12, h21, h22});
    else if (flag == 0)
        rotate(t, n, x, incx, y, incy, (double[]){1, h12, h21, 1});
    else
        rotate(t, n, x, incx, y, incy, (double[]){h11, 1, -1, h22});
}
