/* Vector mathematics against the C library in double (f32) and long double (f64): within 2 ulp over all exponents, and
 * the same bits on every instruction set. With CAIRN_TEST_LONG, every f32. */
#include "tests/primitives/program_test.h"

typedef struct function_row {
    const char *name;
    program_op op;
    double (*f)(double);
    long double (*g)(long double);
    double ulps32, ulps64;
} function_row;

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static long double sigmoidl(long double x) { return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)); }

static const function_row functions[] = {
    {"exp", P_EXP, exp, expl, 2, 2},         {"exp2", P_EXP2, exp2, exp2l, 1, 2},
    {"expm1", P_EXPM1, expm1, expm1l, 1, 2}, {"log", P_LOG, log, logl, 2, 2},
    {"log2", P_LOG2, log2, log2l, 1, 2},     {"log10", P_LOG10, log10, log10l, 1, 2},
    {"log1p", P_LOG1P, log1p, log1pl, 1, 2}, {"sin", P_SIN, sin, sinl, 1, 2},
    {"cos", P_COS, cos, cosl, 1, 2},         {"tan", P_TAN, tan, tanl, 1, 2},
    {"asin", P_ASIN, asin, asinl, 1, 2},     {"acos", P_ACOS, acos, acosl, 1, 2},
    {"atan", P_ATAN, atan, atanl, 1, 2},     {"sinh", P_SINH, sinh, sinhl, 1, 2},
    {"cosh", P_COSH, cosh, coshl, 1, 2},     {"tanh", P_TANH, tanh, tanhl, 2, 2},
    {"asinh", P_ASINH, asinh, asinhl, 1, 2}, {"acosh", P_ACOSH, acosh, acoshl, 1, 2},
    {"atanh", P_ATANH, atanh, atanhl, 1, 2}, {"sigmoid", P_SIGMOID, sigmoid, sigmoidl, 2, 2},
    {"erf", P_ERF, erf, erfl, 2, 2},         {"erfc", P_ERFC, erfc, erfcl, 1, 3},         /* f64: the C library's own */
    {"lgamma", P_LGAMMA, lgamma, NULL, 1, 2},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions, BATCH = 1024 };

static void apply(const vm_table *t, program_op op, program_type type, const void *x, void *y)
{
    t->op[op][type][0](&(vm_args){.rows = 1, .cols = BATCH, .a = x, .d = y});
}

/* |got - want| in units of want's last place, subnormals included. */
static double error32(float got, double want)
{
    float w = (float)want;
    if (got == w || (isnan(got) && isnan(w)))
        return 0;
    if (isnan(got) || isnan(w) || isinf(w))
        return isinf(w) && fabsf(got) == 3.40282347e38f ? 1 : INFINITY;
    if (isinf(got))
        return fabs(want) > 3.4028234e38 ? 1 : INFINITY;
    int exponent;
    frexp(want, &exponent);
    return fabs(got - want) / ldexp(1, exponent < -125 ? -149 : exponent - 24);
}

static double error64(double got, long double want)
{
    double w = (double)want;
    if (got == w || (isnan(got) && isnan(w)))
        return 0;
    if (isnan(got) || isnan(w) || isinf(w) || isinf(got))
        return isinf(w) && fabs(got) > 1.797e308 ? 1 : INFINITY;
    int exponent;
    frexpl(want, &exponent);
    return (double)(fabsl(got - want) / ldexpl(1, exponent < -1021 ? -1074 : exponent - 53));
}

static void check_f32(const function_row *row, uint32_t first, uint32_t step, int64_t batches, double *worst, float *at)
{
    static float x[BATCH], y[BATCH], z[BATCH];
    for (int64_t b = 0; b < batches; b++) {
        for (int i = 0; i < BATCH; i++) {
            uint32_t bits = first + step * (uint32_t)(b * BATCH + i);
            memcpy(&x[i], &bits, 4);
        }
        apply(vm_table_best(), row->op, PT_F32, x, y);
        for (int i = 0; i < BATCH; i++) {
            double e = error32(y[i], row->f(x[i]));
            if (e > *worst) {
                *worst = e;
                *at = x[i];
            }
        }
        for (int isa = 0; isa < ISA_COUNT; isa++)
            if (vm_table_of(isa)) {
                apply(vm_table_of(isa), row->op, PT_F32, x, z);
                for (int i = 0; i < BATCH; i++)
                    if (memcmp(&y[i], &z[i], 4) && !(isnan(y[i]) && isnan(z[i])))
                        fail_msg("%s(%a) on set %d: %a, not %a", row->name, x[i], isa, z[i], y[i]);
            }
    }
}

static void f32_functions_are_within_their_bounds(void **state)
{
    (void)state;
    bool all = getenv("CAIRN_TEST_LONG") != NULL;
    for (int k = 0; k < FUNCTIONS; k++) {
        double worst = 0;
        float at = 0;
        if (all)
            check_f32(&functions[k], 0, 1, (INT64_C(1) << 32) / BATCH, &worst, &at);
        else
            check_f32(&functions[k], 12345, 42949 * 2 + 1, 100, &worst, &at);
        if (!all)       /* where results are neither 0 nor 1 nor infinite */
            for (int sign = 0; sign < 2; sign++)
                check_f32(&functions[k], (sign ? 0x80000000u : 0) + 0x3b000000, 997, 100, &worst, &at);
        if (!all)       /* densely where tanh loses most: just below a power of two */
            check_f32(&functions[k], 0x3dff0000, 3, 100, &worst, &at);
        printf("  %-8s f32 %.3f ulp at %a\n", functions[k].name, worst, at);
        if (worst > functions[k].ulps32)
            fail_msg("%s: %g ulp at %a", functions[k].name, worst, at);
    }
}

/* Every exponent, then the range where most functions live. */
static double sample64(int64_t i)
{
    uint64_t bits = next_random();
    double x;
    if (i & 1)
        bits = (bits & 0x800fffffffffffff) | (uint64_t)(1023 - 12 + random_below(22)) << 52;
    memcpy(&x, &bits, 8);
    return x;
}

static void f64_functions_are_within_their_bounds(void **state)
{
    (void)state;
    static double x[BATCH], y[BATCH], z[BATCH];
    for (int k = 0; k < FUNCTIONS; k++) {
        const function_row *row = &functions[k];
        double worst = 0, at = 0;
        for (int b = 0; row->g && b < 100; b++) {
            for (int i = 0; i < BATCH; i++)
                x[i] = sample64(i);
            apply(vm_table_best(), row->op, PT_F64, x, y);
            for (int i = 0; i < BATCH; i++) {
                double e = error64(y[i], row->g(x[i]));
                if (e > worst) {
                    worst = e;
                    at = x[i];
                }
            }
            for (int isa = 0; isa < ISA_COUNT; isa++)
                if (vm_table_of(isa)) {
                    apply(vm_table_of(isa), row->op, PT_F64, x, z);
                    for (int i = 0; i < BATCH; i++)
                        if (memcmp(&y[i], &z[i], 8) && !(isnan(y[i]) && isnan(z[i])))
                            fail_msg("%s(%a) on set %d: %a, not %a", row->name, x[i], isa, z[i], y[i]);
                }
        }
        printf("  %-8s f64 %.3f ulp at %a\n", row->name, worst, at);
        if (worst > row->ulps64)
            fail_msg("%s: %g ulp at %a", row->name, worst, at);
    }
}

static void erfinv_and_digamma_satisfy_their_equations(void **state)
{
    (void)state;
    for (double x = -0.99999; x < 1; x += 0.00037)
        assert_true(fabs(erf(vm_erfinv(x)) - x) < 4e-16);
    assert_true(isinf(vm_erfinv(1)) && isnan(vm_erfinv(1.5)));
    for (double x = -9.7; x < 30; x += 0.173) {
        double want = vm_digamma(x) + 1 / x;           /* digamma(x + 1) */
        assert_true(fabs(vm_digamma(x + 1) - want) < 1e-12 * (1 + fabs(want) + fabs(1 / x)));
    }
    assert_true(fabs(vm_digamma(1) + 0.57721566490153286) < 4e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32_functions_are_within_their_bounds),
        cmocka_unit_test(f64_functions_are_within_their_bounds),
        cmocka_unit_test(erfinv_and_digamma_satisfy_their_equations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
