/* What the tests of programs share: a call with its memory, run by the virtual machine and by the oracle, compared. */
#ifndef TESTS_PROGRAM_TEST_H
#define TESTS_PROGRAM_TEST_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "primitives/program/vm.h"

enum { MOST = 12 };

/* A call of up to MOST operands, operand i with elements of dtype[i], element 0 of the domain `first[i]` elements into
 * memory of count[i] elements. */
typedef struct trial {
    const program *p;
    int axes, operands;
    int64_t size[PROGRAM_MAX_AXES];
    cairn_dtype dtype[MOST];
    int64_t count[MOST], first[MOST], start[MOST], stride[MOST][PROGRAM_MAX_AXES];
    void *data[MOST];
    program_value scalars[4];
    double ulps, relative;       /* what floats may differ by */
} trial;

static uint64_t test_seed = 1;
static inline uint64_t next_random(void)
{
    test_seed = test_seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = test_seed ^ test_seed >> 33;
    x *= 0xff51afd7ed558ccdu;
    return x ^ x >> 33;
}
static inline int64_t random_below(int64_t n) { return (int64_t)(next_random() % (uint64_t)n); }
static inline double random_unit(void) { return (double)(next_random() >> 11) * 0x1p-53; }

static inline void fill_random(cairn_dtype dtype, void *data, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double x = 4 * random_unit() - 2;
        switch (dtype) {
        case CAIRN_F32: ((float *)data)[i] = (float)x; break;
        case CAIRN_F64: ((double *)data)[i] = x; break;
        case CAIRN_F16: ((uint16_t *)data)[i] = (uint16_t)(0x3800 + random_below(0x800)); break;
        case CAIRN_BF16: ((uint16_t *)data)[i] = (uint16_t)(0x3f00 + random_below(0x80)); break;
        case CAIRN_I64: ((int64_t *)data)[i] = random_below(2000) - 1000; break;
        case CAIRN_I32: ((int32_t *)data)[i] = (int32_t)random_below(2000) - 1000; break;
        case CAIRN_I16: ((int16_t *)data)[i] = (int16_t)random_below(65536); break;
        case CAIRN_BOOL: ((uint8_t *)data)[i] = (uint8_t)random_below(2); break;
        default: ((uint8_t *)data)[i] = (uint8_t)random_below(256);
        }
    }
}

/* An operand that walks `count` elements with contiguous strides for the trial's sizes, filled at random. */
static inline void add_operand(trial *t, cairn_dtype dtype)
{
    int k = t->operands++;
    int64_t n = 1;
    for (int i = t->axes - 1; i >= 0; i--) {
        t->stride[k][i] = n;
        n *= t->size[i];
    }
    t->dtype[k] = dtype;
    t->count[k] = n;
    t->data[k] = calloc((size_t)n + 1, 8);
    fill_random(dtype, t->data[k], n);
}

static inline void free_trial(trial *t)
{
    for (int k = 0; k < t->operands; k++)
        free(t->data[k]);
}

static inline double ulps_between(double x, double y, bool single)
{
    if (x == y || (isnan(x) && isnan(y)))
        return 0;
    if (isnan(x) || isnan(y) || isinf(x) || isinf(y))
        return INFINITY;
    double unit = single ? nextafterf(fabsf((float)y), INFINITY) - fabsf((float)y)
                         : nextafter(fabs(y), INFINITY) - fabs(y);
    return fabs(x - y) / unit;
}

static inline double float_at(cairn_dtype dtype, const void *data, int64_t i)
{
    return dtype == CAIRN_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* The call on copies of the trial's memory: operands k with same[k] >= 0 share operand same[k]'s copy. */
typedef struct copies { void *data[MOST]; program_operand operands[MOST]; program_call call; } copies;

static inline void copy_trial(const trial *t, copies *c)
{
    memset(c, 0, sizeof *c);
    for (int k = 0; k < t->operands; k++) {
        size_t bytes = (size_t)(t->count[k] + 1) * 8;
        int shared = -1;
        for (int i = 0; i < k; i++)
            if (t->data[i] == t->data[k])
                shared = i;
        c->data[k] = shared >= 0 ? c->data[shared] : malloc(bytes);
        memcpy(c->data[k], t->data[k], bytes);
        c->operands[k].data = (char *)c->data[k] + t->first[k] * cairn_dtype_bytes(t->dtype[k]);
        c->operands[k].start = t->start[k];
        memcpy(c->operands[k].stride, t->stride[k], sizeof t->stride[k]);
    }
    c->call = (program_call){.program = t->p, .axes = t->axes, .operands = c->operands, .scalars = t->scalars};
    memcpy(c->call.size, t->size, sizeof t->size);
}

static inline void free_copies(const trial *t, copies *c)
{
    for (int k = 0; k < t->operands; k++) {
        for (int i = k + 1; i < t->operands; i++)
            if (c->data[i] == c->data[k])
                c->data[i] = NULL;
        free(c->data[k]);
    }
}

static inline void run_with_scratch(const program_call *call)
{
    int64_t bytes = program_scratch_bytes(call);
    char *scratch = aligned_alloc(64, (size_t)(bytes + 127) / 64 * 64);
    memset(scratch, 0xA5, (size_t)bytes);
    program_run(call, scratch);
    free(scratch);
}

static inline void compare_operand(const trial *t, int k, const void *got, const void *want)
{
    int bytes = cairn_dtype_bytes(t->dtype[k]);
    bool is_float = t->dtype[k] == CAIRN_F32 || t->dtype[k] == CAIRN_F64;
    for (int64_t i = 0; i < t->count[k]; i++) {
        if (!memcmp((const char *)got + i * bytes, (const char *)want + i * bytes, (size_t)bytes))
            continue;
        if (is_float) {
            double x = float_at(t->dtype[k], got, i), y = float_at(t->dtype[k], want, i);
            bool same_zero = x == 0 && y == 0 && t->ulps == 0 && t->relative == 0 && signbit(x) != signbit(y);
            if (!same_zero && (ulps_between(x, y, t->dtype[k] == CAIRN_F32) <= t->ulps || fabs(x - y) <= t->relative * (1 + fabs(y))))
                continue;
            fprintf(stderr, "operand %d element %lld: got %.17g, want %.17g\n", k, (long long)i, x, y);
        } else {
            fprintf(stderr, "operand %d (%s) element %lld differs\n", k, cairn_dtype_name(t->dtype[k]), (long long)i);
        }
        char *text = program_print(t->p);
        fprintf(stderr, "%s", text);
        mem_free(text);
        for (int a = 0; a < t->axes; a++)
            fprintf(stderr, "size %lld\n", (long long)t->size[a]);
        fail();
    }
}

/* Runs the trial and compares all of its memory with what the oracle leaves. */
static inline void check_trial(const trial *t)
{
    copies got, want;
    copy_trial(t, &got);
    copy_trial(t, &want);
    run_with_scratch(&got.call);
    assert_int_equal(program_run_reference(&want.call), CAIRN_OK);
    for (int k = 0; k < t->operands; k++)
        compare_operand(t, k, got.data[k], want.data[k]);
    free_copies(t, &got);
    free_copies(t, &want);
}

static inline bool same_memory(const trial *t, const copies *a, const copies *b)
{
    for (int k = 0; k < t->operands; k++)
        if (memcmp(a->data[k], b->data[k], (size_t)t->count[k] * cairn_dtype_bytes(t->dtype[k])))
            return false;
    return true;
}

/* The instruction sets of this machine, one after the other; programs built in the body use it. */
#define FOR_EACH_ISA(isa)                                                                      \
    for (int isa = 0; isa < ISA_COUNT || (vm_table_force(-1), 0); isa++)                       \
        if (vm_table_of(isa) && (vm_table_force(isa), 1))

#endif
