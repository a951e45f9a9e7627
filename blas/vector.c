/* Vectors with strides: brought into contiguous memory on the stack, a chunk at a time, and back. */
#include "blas/blas.h"

#include <cairn/base.h>

#include <math.h>
#include <string.h>

/* Smith's algorithm ("Algorithm 116", 1962): nothing overflows that need not. */
number quotient(number a, number b)
{
    if (b.im == 0)
        return (number){a.re / b.re, a.im / b.re};
    if (fabs(b.re) >= fabs(b.im)) {
        const double r = b.im / b.re, by = b.re + b.im * r;
        return (number){(a.re + a.im * r) / by, (a.im - a.re * r) / by};
    }
    const double r = b.re / b.im, by = b.re * r + b.im;
    return (number){(a.re * r + a.im) / by, (a.im * r - a.re) / by};
}

/* Elements are moved by size: a float complex is moved as a double is. */
typedef struct pair { double a, b; } pair;
#define MOVE(E, read, write)                                \
    do {                                                    \
        const E *in = from;                                 \
        E *out = to;                                        \
        for (int64_t i = 0; i < n; i++)                     \
            memcpy(out + (write), in + (read), sizeof(E));  \
    } while (0)

void gather(blas_type t, int64_t n, const void *from, int64_t inc, void *to)
{
    switch (bytes_of(t)) {
    case 4: MOVE(float, i * inc, i); break;
    case 8: MOVE(double, i * inc, i); break;
    default: MOVE(pair, i * inc, i);
    }
}

void scatter(blas_type t, int64_t n, const void *from, void *to, int64_t inc)
{
    switch (bytes_of(t)) {
    case 4: MOVE(float, i, i * inc); break;
    case 8: MOVE(double, i, i * inc); break;
    default: MOVE(pair, i, i * inc);
    }
}

void add_scaled(blas_type t, int64_t n, number s, const void *a, bool conj, void *y, int64_t inc)
{
    const scalar by = scalar_of(t, s);
    const int64_t step = inc == 1 ? n : chunk_of(t);
    char chunk[CHUNK_BYTES] __attribute__((aligned(64)));
    for (int64_t i = 0; i < n; i += step) {
        const int64_t count = smaller(step, n - i);
        char *to = at(t, y, i * inc);
        if (inc != 1)
            gather(t, count, to, inc, chunk);
        kernel_of(t)->panel_n(count, 1, at(t, a, i), 0, &by, inc == 1 ? to : chunk, conj);
        if (inc != 1)
            scatter(t, count, chunk, to, inc);
    }
}

number dot_with(blas_type t, int64_t n, const void *a, bool conj, const void *x, int64_t inc)
{
    const int64_t step = inc == 1 ? larger(n, 1) : chunk_of(t);
    number sum = {0, 0};
    char chunk[CHUNK_BYTES] __attribute__((aligned(64)));
    for (int64_t i = 0; i < n; i += step) {
        const int64_t count = smaller(step, n - i);
        const char *from = at(t, x, i * inc);
        scalar part;
        if (inc != 1)
            gather(t, count, from, inc, chunk);
        kernel_of(t)->panel_t(count, 1, at(t, a, i), 0, inc == 1 ? from : chunk, &part, conj);
        sum = plus(sum, get(t, &part, 0));
    }
    return sum;
}

void scale_vector(blas_type t, int64_t n, number beta, void *y, int64_t inc)
{
    const scalar by = scalar_of(t, beta);
    if (is_one(beta))
        return;
    if (inc == 1 && is_zero(beta))
        memset(y, 0, (size_t)(n * bytes_of(t)));
    else if (inc == 1)
        kernel_of(t)->scale(n, &by, y);
    else
        for (int64_t i = 0; i < n; i++)
            put(t, y, i * inc, is_zero(beta) ? (number){0, 0} : times(beta, get(t, y, i * inc)));
}

void *scratch_take(int64_t bytes)
{
    const bool clean = cairn_error() == CAIRN_OK;
    void *p = cairn_buffer_take(bytes);
    if (!p && clean)
        cairn_error_clear();
    return p;
}

void scratch_give(void *p, int64_t bytes)
{
    cairn_buffer_give(p, bytes);
}
