/* Matrices and vectors of the tests: in memory as BLAS has them, with NaN wherever nothing is to be read or written, and as
 * plain tables of numbers that the oracle works on. */
#ifndef TESTS_BLAS_MATRIX_H
#define TESTS_BLAS_MATRIX_H
#include "blas/blas.h"
#include "primitives/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A small generator of its own: the same data on every machine. */
static inline uint32_t random_bits(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static inline double uniform(void) { return random_bits() / 1073741824.0 - 1; }
static inline int between(int low, int high) { return low + (int)(random_bits() % (uint32_t)(high - low + 1)); }

/* One instruction set, for products too; false when this machine or build lacks it. */
static inline bool select_isa(int isa)
{
    blas_kernels_choose(isa_name((cpu_isa)isa));
    return kernels_select((cpu_isa)isa);
}

/* GENERAL: all of it, or a band; TRIANGLE: the other half is zero; SYMMETRIC, HERMITIAN: it mirrors the stored half. */
typedef enum shape { GENERAL, TRIANGLE_HALF, SYMMETRIC, HERMITIAN } shape;

typedef struct matrix {
    blas_type t;
    shape shape;
    storage how;
    bool rows, upper, unit;             /* row-major; which half; a unit diagonal, which is not read */
    int m, n, kl, ku, ld, inc;          /* inc != 0: a vector of m elements */
    int64_t size;                       /* elements in memory */
    char *p, *before;
} matrix;

/* Where element (i, j) is in memory; -1 when it is not stored. */
static inline int64_t place(const matrix *a, int i, int j)
{
    const bool half = a->shape != GENERAL;
    if (a->inc)
        return a->inc > 0 ? (int64_t)i * a->inc : (int64_t)(a->m - 1 - i) * -a->inc;
    if ((half && (a->upper ? j < i : j > i)) || (a->unit && i == j))
        return -1;
    if (a->how == BAND && (i - j > a->kl || j - i > a->ku))
        return -1;
    if (a->how == PACKED) { /* upper by columns is lower by rows */
        const bool upper = a->upper != a->rows;
        const int64_t r = a->rows ? j : i, c = a->rows ? i : j, n = a->n;
        return upper ? r + c * (c + 1) / 2 : r + c * (2 * n - c - 1) / 2;
    }
    if (a->how == BAND)
        return a->rows ? (int64_t)i * a->ld + a->kl + j - i : (int64_t)j * a->ld + a->ku + i - j;
    return a->rows ? (int64_t)i * a->ld + j : i + (int64_t)j * a->ld;
}

static inline number random_number(blas_type t)
{
    scalar s;
    put(t, &s, 0, (number){uniform(), uniform()});
    return get(t, &s, 0);
}

/* Fills what is stored, by `scale` outside the diagonal, and NaN elsewhere. */
static inline void fill(matrix *a, double scale, double diagonal)
{
    a->size = a->inc ? (int64_t)(a->m > 0 ? a->m - 1 : 0) * abs(a->inc) + 1
              : a->how == PACKED ? (int64_t)a->n * (a->n + 1) / 2 + 1 : (int64_t)a->ld * ((a->rows ? a->m : a->n) + 1);
    const size_t bytes = (size_t)(a->size * bytes_of(a->t));
    a->p = malloc(bytes);
    a->before = malloc(bytes);
    for (int64_t i = 0; i < a->size; i++)
        put(a->t, a->p, i, (number){NAN, NAN});
    for (int i = 0; i < a->m; i++)
        for (int j = 0; j < (a->inc ? 1 : a->n); j++) {
            const int64_t at_ij = place(a, i, j);
            number v = random_number(a->t);
            if (!a->inc && scale != 1)
                v = (number){v.re * scale + (i == j ? diagonal : 0), v.im * scale};
            if (at_ij >= 0)
                put(a->t, a->p, at_ij, v);
        }
    memcpy(a->before, a->p, bytes);
}

static inline void drop(matrix *a) { free(a->p), free(a->before); }

static inline matrix full(blas_type t, bool rows, int m, int n)
{
    matrix a = {.t = t, .rows = rows, .m = m, .n = n};
    a.ld = (rows ? n : m) + between(0, 3);
    a.ld = a.ld > 0 ? a.ld : 1;
    fill(&a, 1, 0);
    return a;
}

static inline matrix vector(blas_type t, int n, int inc)
{
    matrix a = {.t = t, .m = n, .n = 1, .inc = inc};
    fill(&a, 1, 0);
    return a;
}

static inline matrix half(blas_type t, bool rows, shape what, storage how, bool upper, bool unit, int n, int k)
{
    matrix a = {.t = t, .rows = rows, .shape = what, .how = how, .upper = upper, .unit = unit, .m = n, .n = n,
                .kl = upper ? 0 : k, .ku = upper ? k : 0};
    a.ld = (how == BAND ? k + 1 : n > 0 ? n : 1) + between(0, 3);
    fill(&a, what == TRIANGLE_HALF ? 0.5 / (1 + sqrt(n)) : 1, what == TRIANGLE_HALF ? 2 : 0);
    return a;
}

/* Element (i, j) as the formulas mean it, from memory as it was before the call. */
static inline number element(const matrix *a, int i, int j)
{
    const bool mirrored = !a->inc && a->shape >= SYMMETRIC && (a->upper ? j < i : j > i);
    if (a->unit && i == j)
        return (number){1, 0};
    const int64_t where = mirrored ? place(a, j, i) : place(a, i, j);
    if (where < 0)
        return (number){0, 0};
    number v = get(a->t, a->before, where);
    if (a->shape == HERMITIAN && is_complex(a->t))
        v.im = i == j ? 0 : mirrored ? -v.im : v.im;
    return v;
}

static inline number op_element(const matrix *a, int op, int i, int j)
{
    return conj_if(op & CONJUGATE && is_complex(a->t), op & TRANSPOSED ? element(a, j, i) : element(a, i, j));
}

static inline number result(const matrix *a, int i, int j) { return get(a->t, a->p, place(a, i, j)); }

static inline double epsilon(blas_type t) { return is_double(t) ? 0x1p-53 : 0x1p-24; }

static inline void assert_near(number is, number should, double tolerance, const char *what, int i, int j)
{
    const bool ok = fabs(is.re - should.re) <= tolerance && fabs(is.im - should.im) <= tolerance;
    if (!ok)
        fail_msg("%s: element (%d, %d) is (%.9g, %.9g), not (%.9g, %.9g); tolerance %.2g", what, i, j, is.re, is.im, should.re,
                 should.im, tolerance);
}

/* What is not stored has the bits it had. */
static inline void assert_rest_untouched(const matrix *a, const char *what)
{
    const size_t bytes = (size_t)bytes_of(a->t);
    bool *stored = calloc((size_t)a->size, 1);
    for (int i = 0; i < a->m; i++)
        for (int j = 0; j < (a->inc ? 1 : a->n); j++)
            if (place(a, i, j) >= 0)
                stored[place(a, i, j)] = true;
    for (int64_t i = 0; i < a->size; i++)
        if (!stored[i] && memcmp(a->p + (size_t)i * bytes, a->before + (size_t)i * bytes, bytes))
            fail_msg("%s: memory at %lld was written", what, (long long)i);
    free(stored);
}

static inline void assert_untouched(const matrix *a, const char *what)
{
    if (memcmp(a->p, a->before, (size_t)(a->size * bytes_of(a->t))))
        fail_msg("%s: an input was written", what);
}

#endif
