/* What the tests of primitives share: random data, guarded outputs, every instruction set, several thread counts. */
#ifndef TESTS_PRIMITIVES_TEST_H
#define TESTS_PRIMITIVES_TEST_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "primitives/kernels.h"
#include <cairn/dnn.h>

/* A small generator of its own: the same data on every machine. */
static inline uint32_t test_random(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static inline double test_uniform(void) { return test_random() / 1073741824.0 - 1; } /* [-1, 1) */
static inline int64_t test_between(int64_t low, int64_t high) { return low + test_random() % (high - low + 1); }

/* Elements of f32 or f64. */
static inline double get(const void *x, cairn_dtype type, int64_t i)
{
    return type == CAIRN_F64 ? ((const double *)x)[i] : ((const float *)x)[i];
}

static inline void set(void *x, cairn_dtype type, int64_t i, double v)
{
    if (type == CAIRN_F64)
        ((double *)x)[i] = v;
    else
        ((float *)x)[i] = (float)v;
}

/* Never of size zero, so that pointers are valid; the caller frees. */
static inline void *test_array(cairn_dtype type, int64_t n)
{
    void *x = aligned_alloc(64, (size_t)((n * cairn_dtype_bytes(type) + 64) / 64 * 64));
    assert_non_null(x);
    return x;
}

static inline void *test_uniform_array(cairn_dtype type, int64_t n)
{
    void *x = test_array(type, n);
    for (int64_t i = 0; i < n; i++)
        set(x, type, i, test_uniform());
    return x;
}

static inline void *test_copy(const void *x, cairn_dtype type, int64_t n)
{
    void *y = test_array(type, n);
    memcpy(y, x, (size_t)(n * cairn_dtype_bytes(type)));
    return y;
}

/* |x - y| <= tolerance * scale for all i; NaN equals NaN. */
static inline void assert_close(const void *x, const void *y, cairn_dtype type, int64_t n, double tolerance, const char *what)
{
    for (int64_t i = 0; i < n; i++) {
        const double a = get(x, type, i), b = get(y, type, i);
        if (!(fabs(a - b) <= tolerance) && !(a == b) && !(isnan(a) && isnan(b)))
            fail_msg("%s: element %lld is %.9g, not %.9g (tolerance %.3g)", what, (long long)i, a, b, tolerance);
    }
}

static inline double test_epsilon(cairn_dtype type)
{
    return type == CAIRN_F64 ? 0x1p-53 : type == CAIRN_F16 ? 0x1p-11 : type == CAIRN_BF16 ? 0x1p-8 : 0x1p-24;
}

/* For each whole instruction set of this machine, selected in turn; then the best is selected again. Families with kernels
 * for partial sets (avx512bf16 ...) use FOR_EACH_ISA_AND_UNIT, which has those too. */
#define FOR_EACH_ISA_AND_UNIT(isa) \
    for (int isa = ISA_GENERIC; isa <= (int)cpu()->isa || (kernels_select(cpu()->isa), 0); isa++) \
        if (kernels_select((cpu_isa)isa))
#define FOR_EACH_ISA(isa)      \
    FOR_EACH_ISA_AND_UNIT(isa) \
        if (isa_is_whole((cpu_isa)isa))

static const char *const test_isa_names[ISA_COUNT] = {
#define X(name, suffix, text) text,
    CPU_ISAS(X)
#undef X
};

static inline int quiet_setup(void **state)
{
    (void)state;
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    return 0;
}

#endif
