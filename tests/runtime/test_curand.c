/* cuRAND's host API: NVIDIA's numbers, one sequence however it is cut into calls, streams and graphs, moments, and errors. */
#include <cairn/base.h>
#include <cuda/curand.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define OK(call) assert_int_equal(call, CURAND_STATUS_SUCCESS)
#define GIVES(code, call) assert_int_equal(call, CURAND_STATUS_##code)
#define CUDA(call) assert_int_equal(call, cudaSuccess)

static const curandRngType types[] = {CURAND_RNG_PSEUDO_XORWOW, CURAND_RNG_PSEUDO_MRG32K3A, CURAND_RNG_PSEUDO_PHILOX4_32_10};
enum { TYPES = 3 };

static curandGenerator_t host_generator(curandRngType type, unsigned long long seed)
{
    curandGenerator_t g;
    OK(curandCreateGeneratorHost(&g, type));
    OK(curandSetPseudoRandomGeneratorSeed(g, seed));
    return g;
}

/* `count` numbers of one kind at out; the size of one. */
enum { FLOATS, DOUBLES, NORMALS, NORMAL_DOUBLES, LOG_NORMALS, LOG_NORMAL_DOUBLES, POISSONS, LARGE_POISSONS, BITS, KINDS };
static size_t fill(curandGenerator_t g, int kind, void *out, size_t count)
{
    switch (kind) {
    case BITS: OK(curandGenerate(g, out, count)); return 4;
    case FLOATS: OK(curandGenerateUniform(g, out, count)); return 4;
    case DOUBLES: OK(curandGenerateUniformDouble(g, out, count)); return 8;
    case NORMALS: OK(curandGenerateNormal(g, out, count, 0.5f, 2)); return 4;
    case NORMAL_DOUBLES: OK(curandGenerateNormalDouble(g, out, count, 0.5, 2)); return 8;
    case LOG_NORMALS: OK(curandGenerateLogNormal(g, out, count, 0.5f, 2)); return 4;
    case LOG_NORMAL_DOUBLES: OK(curandGenerateLogNormalDouble(g, out, count, 0.5, 2)); return 8;
    case POISSONS: OK(curandGeneratePoisson(g, out, count, 10)); return 4;
    default: OK(curandGeneratePoisson(g, out, count, 5000)); return 4;
    }
}

/* ---- NVIDIA's numbers ------------------------------------------------------------------------------ */
/* What cuRAND 10.4's host generators give for seed 1234. */
static void words_are_those_of_curand(void **state)
{
    static const struct { int type; curandOrdering order; unsigned long long offset; unsigned want[4]; } rows[] = {
        {0, CURAND_ORDERING_PSEUDO_DEFAULT, 0, {624778773u, 3522650202u, 2363946744u, 1266286439u}},
        {0, CURAND_ORDERING_PSEUDO_LEGACY, 4096, {1867875844u, 3978931785u, 3486847504u, 1325236058u}},
        {0, CURAND_ORDERING_PSEUDO_BEST, 5000000001, {4004822192u, 1230941801u, 3936460803u, 216403036u}},
        {1, CURAND_ORDERING_PSEUDO_DEFAULT, 0, {3379073520u, 653317650u, 4012281984u, 4237272334u}},
        {1, CURAND_ORDERING_PSEUDO_DEFAULT, 81920, {2521876100u, 2890950871u, 820119008u, 680301374u}},
        {1, CURAND_ORDERING_PSEUDO_DEFAULT, 5000000001, {1858397808u, 707670310u, 2272846968u, 2194926915u}},
        {1, CURAND_ORDERING_PSEUDO_LEGACY, 4096, {2521876100u, 2890950871u, 820119008u, 680301374u}},
        {1, CURAND_ORDERING_PSEUDO_LEGACY, 5000000001, {1017120496u, 3637357447u, 514761502u, 1967865714u}},
        {2, CURAND_ORDERING_PSEUDO_DEFAULT, 0, {546353992u, 3665621163u, 1140953199u, 3419031310u}},
        {2, CURAND_ORDERING_PSEUDO_DEFAULT, 262144, {2666454581u, 482218876u, 4196888723u, 343858512u}},
        {2, CURAND_ORDERING_PSEUDO_LEGACY, 5000000001, {3483571404u, 2029150731u, 2929257112u, 2116115545u}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned got[4];
        curandGenerator_t g = host_generator(types[rows[i].type], 1234);
        OK(curandSetGeneratorOrdering(g, rows[i].order));
        OK(curandSetGeneratorOffset(g, rows[i].offset));
        OK(curandGenerate(g, got, 4));
        assert_memory_equal(got, rows[i].want, sizeof got);
        OK(curandDestroyGenerator(g));
    }
}

static void real_numbers_are_those_of_curand(void **state)
{
    static const double want[TYPES][KINDS - 1][2] = {
        {{0.145467639, 0.820180893}, {0.43489880438841294, 0.92641692020243771}, {2.06194711, -3.10315633},
         {1.2174795970489101, -1.9791850064471039}, {7.86126184, 0.0449072383}, {3.3786614050670205, 0.13818180871540797},
         {14, 7}, {5055, 4980}},
        {{0.786751866, 0.152112365}, {0.78675186271572939, 0.15211236914421553}, {-0.221307576, -0.68256259},
         {-0.22130729222348944, -0.68256280748348819}, {0.801470101, 0.50532043}, {0.80147035683747936, 0.50532029285162683},
         {8, 14}, {4974, 4878}},
        {{0.12720795, 0.853468955}, {0.85346899543001431, 0.79605514883270523}, {-2.73298097, 2.95831084},
         {-0.57905339181463766, 0.82126669288404586}, {0.0650251657, 19.2654018}, {0.56042862187457654, 2.2733776858100079},
         {15, 7}, {4886, 5087}},
    };
    (void)state;
    for (int t = 0; t < TYPES; t++)
        for (int kind = 0; kind < KINDS - 1; kind++) {
            union { float f[2]; double d[2]; unsigned u[2]; } got;
            curandGenerator_t g = host_generator(types[t], 1234);
            size_t bytes = fill(g, kind, &got, 2);
            for (int i = 0; i < 2; i++) {
                double x = kind >= POISSONS ? got.u[i] : bytes == 4 ? (double)got.f[i] : got.d[i];
                /* Logarithm, root, sine and exponential of another C library may each differ by an ulp. */
                assert_true(fabs(x - want[t][kind][i]) <= fabs(want[t][kind][i]) * (bytes == 4 ? 4e-6 : 1e-14));
            }
            OK(curandDestroyGenerator(g));
        }
}

/* ---- One sequence ---------------------------------------------------------------------------------- */
static void calls_go_on_where_the_last_one_ended(void **state)
{
    enum { COUNT = 90000 };
    const size_t parts[] = {2, 4, 30, 4096, 8190, 5000, COUNT - 17322};
    char *whole = malloc(8 * COUNT), *cut = malloc(8 * COUNT);
    (void)state;
    for (int t = 0; t < TYPES; t++)
        for (int kind = 0; kind < KINDS; kind++) {
            curandGenerator_t a = host_generator(types[t], 7), b = host_generator(types[t], 7);
            size_t bytes = fill(a, kind, whole, COUNT), at = 0;
            for (size_t i = 0; i < sizeof parts / sizeof *parts; at += parts[i++])
                fill(b, kind, cut + at * bytes, parts[i]);
            assert_int_equal(at, COUNT);
            assert_memory_equal(whole, cut, COUNT * bytes);
            OK(curandDestroyGenerator(a));
            OK(curandDestroyGenerator(b));
        }
    free(whole);
    free(cut);
}

static void an_offset_skips_as_many_words(void **state)
{
    enum { COUNT = 12000 };
    static unsigned whole[COUNT], rest[COUNT];
    const unsigned offsets[] = {1, 2, 3, 4, 5, 4095, 4096, 11000};
    (void)state;
    for (int t = 0; t < TYPES; t++) {
        curandGenerator_t g = host_generator(types[t], 7);
        OK(curandGenerate(g, whole, COUNT));
        for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
            OK(curandSetGeneratorOffset(g, offsets[i]));
            OK(curandGenerate(g, rest, COUNT - offsets[i]));
            assert_memory_equal(rest, whole + offsets[i], (COUNT - offsets[i]) * sizeof *rest);
        }
        OK(curandDestroyGenerator(g));
    }
}

/* Philox gives an odd number of normal numbers; the other of the pair is the next call's. */
static void philox_gives_odd_counts(void **state)
{
    float whole[12], cut[12];
    curandGenerator_t a = host_generator(CURAND_RNG_PSEUDO_PHILOX4_32_10, 3), b = host_generator(CURAND_RNG_PSEUDO_PHILOX4_32_10, 3);
    (void)state;
    OK(curandGenerateNormal(a, whole, 12, 0, 1));
    OK(curandGenerateNormal(b, cut, 1, 0, 1));
    OK(curandGenerateNormal(b, cut + 1, 6, 0, 1));
    OK(curandGenerateNormal(b, cut + 7, 5, 0, 1));
    assert_memory_equal(whole, cut, sizeof whole);
    OK(curandDestroyGenerator(a));
    OK(curandDestroyGenerator(b));
}

static void a_seed_changes_the_numbers_and_keeps_the_place(void **state)
{
    unsigned one[8], two[8], three[8];
    (void)state;
    for (int t = 0; t < TYPES; t++) {
        curandGenerator_t g = host_generator(types[t], 1);
        OK(curandGenerate(g, one, 8));
        OK(curandSetPseudoRandomGeneratorSeed(g, 2));
        OK(curandSetGeneratorOffset(g, 0));
        OK(curandGenerate(g, two, 8));
        assert_memory_not_equal(one, two, sizeof one);
        OK(curandSetGeneratorOffset(g, 0));
        OK(curandGenerate(g, three, 4));
        OK(curandSetPseudoRandomGeneratorSeed(g, 1));
        OK(curandGenerateSeeds(g));
        OK(curandGenerate(g, three + 4, 4));
        assert_memory_equal(three, two, 4 * sizeof *one);
        assert_memory_equal(three + 4, one + 4, 4 * sizeof *one);
        OK(curandDestroyGenerator(g));
    }
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    enum { COUNT = 300000 };
    char *one = malloc(8 * COUNT), *three = malloc(8 * COUNT);
    int before = cairn_threads();
    (void)state;
    for (int t = 0; t < TYPES; t++)
        for (int kind = 0; kind < KINDS; kind++) {
            curandGenerator_t a = host_generator(types[t], 11), b = host_generator(types[t], 11);
            assert_int_equal(cairn_set_threads(1), CAIRN_OK);
            size_t bytes = fill(a, kind, one, COUNT);
            assert_int_equal(cairn_set_threads(3), CAIRN_OK);
            fill(b, kind, three, COUNT);
            assert_memory_equal(one, three, COUNT * bytes);
            OK(curandDestroyGenerator(a));
            OK(curandDestroyGenerator(b));
        }
    assert_int_equal(cairn_set_threads(before), CAIRN_OK);
    free(one);
    free(three);
}

/* ---- Streams and graphs ---------------------------------------------------------------------------- */
static void devices_numbers_come_in_the_order_of_the_stream(void **state)
{
    enum { COUNT = 20000 };
    static float want[2 * COUNT], got[2 * COUNT];
    float *memory;
    cudaStream_t stream;
    (void)state;
    CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CUDA(cudaMalloc((void **)&memory, sizeof got));
    for (int t = 0; t < TYPES; t++) {
        curandGenerator_t host = host_generator(types[t], 5), device;
        OK(curandGenerateNormal(host, want, 2 * COUNT, 1, 2));
        OK(curandCreateGenerator(&device, types[t]));
        OK(curandSetPseudoRandomGeneratorSeed(device, 5));
        OK(curandSetStream(device, stream));
        CUDA(cudaMemsetAsync(memory, 0xff, sizeof got, stream));
        OK(curandGenerateNormal(device, memory, COUNT, 1, 2));
        OK(curandGenerateNormal(device, memory + COUNT, COUNT, 1, 2));
        CUDA(cudaMemcpyAsync(got, memory, sizeof got, cudaMemcpyDeviceToHost, stream));
        /* The seed waits for what was issued. */
        OK(curandSetPseudoRandomGeneratorSeed(device, 6));
        CUDA(cudaStreamSynchronize(stream));
        assert_memory_equal(got, want, sizeof got);
        OK(curandDestroyGenerator(device));
        OK(curandDestroyGenerator(host));
    }
    CUDA(cudaFree(memory));
    CUDA(cudaStreamDestroy(stream));
}

static void a_graph_goes_on_in_the_sequence_each_time_it_runs(void **state)
{
    enum { COUNT = 100 };
    unsigned want[2 * COUNT], got[COUNT], *memory;
    curandGenerator_t host = host_generator(CURAND_RNG_PSEUDO_XORWOW, 5), device;
    cudaStream_t stream;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    (void)state;
    OK(curandGeneratePoisson(host, want, 2 * COUNT, 4));
    CUDA(cudaStreamCreate(&stream));
    CUDA(cudaMalloc((void **)&memory, sizeof got));
    OK(curandCreateGenerator(&device, CURAND_RNG_PSEUDO_XORWOW));
    OK(curandSetPseudoRandomGeneratorSeed(device, 5));
    OK(curandSetStream(device, stream));
    CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    OK(curandGeneratePoisson(device, memory, COUNT, 4));
    CUDA(cudaStreamEndCapture(stream, &graph));
    CUDA(cudaGraphInstantiateWithFlags(&exec, graph, 0));
    for (int i = 0; i < 2; i++) {
        CUDA(cudaGraphLaunch(exec, stream));
        CUDA(cudaStreamSynchronize(stream));
        CUDA(cudaMemcpy(got, memory, sizeof got, cudaMemcpyDeviceToHost));
        assert_memory_equal(got, want + i * COUNT, sizeof got);
    }
    CUDA(cudaGraphExecDestroy(exec));
    CUDA(cudaGraphDestroy(graph));
    OK(curandDestroyGenerator(device));
    OK(curandDestroyGenerator(host));
    CUDA(cudaFree(memory));
    CUDA(cudaStreamDestroy(stream));
}

/* ---- Distributions: means of `SAMPLES` values within six of their standard deviations ------------------------------------- */
enum { SAMPLES = 400000 };
static void mean_is(const double *x, double (*of)(double), double want, double variance)
{
    double sum = 0;
    for (int i = 0; i < SAMPLES; i++)
        sum += of(x[i]);
    assert_true(fabs(sum / SAMPLES - want) <= 6 * sqrt(variance / SAMPLES));
}
static double power_1(double x) { return x; }
static double power_2(double x) { return x * x; }
static double power_3(double x) { return x * x * x; }
static double power_4(double x) { return x * x * x * x; }
static double is_0(double x) { return x == 0; }

static void widen(const void *from, int kind, double *out)
{
    for (int i = 0; i < SAMPLES; i++)
        out[i] = kind == DOUBLES || kind == NORMAL_DOUBLES || kind == LOG_NORMAL_DOUBLES ? ((const double *)from)[i]
                 : kind >= POISSONS                                                      ? ((const unsigned *)from)[i]
                                                                                         : (double)((const float *)from)[i];
}

static void moments_are_those_of_the_distributions(void **state)
{
    char *memory = malloc(8 * SAMPLES);
    double *x = malloc(SAMPLES * sizeof *x);
    (void)state;
    for (int t = 0; t < TYPES; t++)
        for (int kind = FLOATS; kind <= LOG_NORMAL_DOUBLES; kind++) {
            curandGenerator_t g = host_generator(types[t], 2024);
            fill(g, kind, memory, SAMPLES);
            widen(memory, kind, x);
            if (kind <= DOUBLES) {
                for (int i = 0; i < SAMPLES; i++)
                    assert_true(x[i] > 0 && x[i] <= 1);
                mean_is(x, power_1, 1. / 2, 1. / 12);
                mean_is(x, power_2, 1. / 3, 1. / 5 - 1. / 9);
                mean_is(x, power_3, 1. / 4, 1. / 7 - 1. / 16);
            } else {
                for (int i = 0; i < SAMPLES; i++)
                    x[i] = ((kind >= LOG_NORMALS ? log(x[i]) : x[i]) - 0.5) / 2;
                /* E z^2k is 1, 3, 15, 105: variances of the powers are 1, 3 - 1, 15, 105 - 9. */
                mean_is(x, power_1, 0, 1);
                mean_is(x, power_2, 1, 2);
                mean_is(x, power_3, 0, 15);
                mean_is(x, power_4, 3, 96);
            }
            OK(curandDestroyGenerator(g));
        }
    free(memory);
    free(x);
}

static void poissons_counts_have_its_mean_variance_and_zeros(void **state)
{
    static const double lambdas[] = {0.01, 1, 10, 700, 1999.5, 2000, 400000};
    unsigned *memory = malloc(SAMPLES * sizeof *memory);
    double *x = malloc(SAMPLES * sizeof *x);
    (void)state;
    for (int t = 0; t < TYPES; t++)
        for (size_t l = 0; l < sizeof lambdas / sizeof *lambdas; l++) {
            double lambda = lambdas[l], zero = exp(-lambda);
            curandGenerator_t g = host_generator(types[t], 2025);
            OK(curandGeneratePoisson(g, memory, SAMPLES, lambda));
            widen(memory, POISSONS, x);
            mean_is(x, is_0, zero, zero * (1 - zero));
            mean_is(x, power_1, lambda, lambda);
            for (int i = 0; i < SAMPLES; i++)
                x[i] -= lambda;
            /* Rounding a normal number adds 1/12, which is less than the bound. The fourth moment is lambda + 3 lambda^2. */
            mean_is(x, power_2, lambda, lambda + 2 * lambda * lambda);
            OK(curandDestroyGenerator(g));
        }
    free(memory);
    free(x);
}

/* ---- Errors ---------------------------------------------------------------------------------------- */
static void wrong_arguments_are_refused(void **state)
{
    curandGenerator_t g, device;
    unsigned words[4] = {1, 2, 3, 4};
    float reals[4];
    double doubles[4];
    unsigned long long wide;
    int value;
    (void)state;
    GIVES(TYPE_ERROR, curandCreateGenerator(&g, CURAND_RNG_QUASI_SOBOL32));
    GIVES(TYPE_ERROR, curandCreateGeneratorHost(&g, CURAND_RNG_PSEUDO_MT19937));
    GIVES(TYPE_ERROR, curandCreateGenerator(&g, (curandRngType)5));
    GIVES(OUT_OF_RANGE, curandCreateGenerator(NULL, CURAND_RNG_PSEUDO_XORWOW));
    for (int t = 0; t < 2; t++) {
        g = host_generator(types[t], 1);
        GIVES(LENGTH_NOT_MULTIPLE, curandGenerateNormal(g, reals, 3, 0, 1));
        GIVES(LENGTH_NOT_MULTIPLE, curandGenerateNormalDouble(g, doubles, 3, 0, 1));
        GIVES(LENGTH_NOT_MULTIPLE, curandGenerateLogNormal(g, reals, 3, 0, 1));
        GIVES(LENGTH_NOT_MULTIPLE, curandGenerateLogNormalDouble(g, doubles, 3, 0, 1));
        OK(curandDestroyGenerator(g));
    }
    g = host_generator(CURAND_RNG_PSEUDO_DEFAULT, 1);
    OK(curandGenerate(g, NULL, 0));
    GIVES(OUT_OF_RANGE, curandGenerate(g, NULL, 1));
    GIVES(OUT_OF_RANGE, curandGeneratePoisson(g, words, 4, 0));
    GIVES(OUT_OF_RANGE, curandGeneratePoisson(g, words, 4, NAN));
    GIVES(OUT_OF_RANGE, curandGeneratePoisson(g, words, 4, 400001));
    assert_int_equal(words[3], 4);
    GIVES(TYPE_ERROR, curandGenerateLongLong(g, &wide, 1));
    GIVES(TYPE_ERROR, curandSetQuasiRandomGeneratorDimensions(g, 2));
    GIVES(OUT_OF_RANGE, curandSetGeneratorOrdering(g, CURAND_ORDERING_QUASI_DEFAULT));
    GIVES(OUT_OF_RANGE, curandSetGeneratorOrdering(g, (curandOrdering)99));
    GIVES(OUT_OF_RANGE, curandSetGeneratorOrdering(g, CURAND_ORDERING_PSEUDO_DYNAMIC));
    OK(curandSetGeneratorOrdering(g, CURAND_ORDERING_PSEUDO_SEEDED));
    OK(curandDestroyGenerator(g));
    OK(curandCreateGenerator(&device, CURAND_RNG_PSEUDO_MRG32K3A));
    OK(curandSetGeneratorOrdering(device, CURAND_ORDERING_PSEUDO_DYNAMIC));
    GIVES(OUT_OF_RANGE, curandSetGeneratorOrdering(device, CURAND_ORDERING_PSEUDO_SEEDED));
    OK(curandDestroyGenerator(device));
    OK(curandGetVersion(&value));
    assert_int_equal(value, CURAND_VERSION);
    GIVES(OUT_OF_RANGE, curandGetVersion(NULL));
    OK(curandGetProperty(MAJOR_VERSION, &value));
    assert_int_equal(value, CURAND_VER_MAJOR);
    GIVES(OUT_OF_RANGE, curandGetProperty((libraryPropertyType)3, &value));
}

static void calls_without_a_generator_say_so(void **state)
{
    unsigned word;
    float real;
    double wide;
    (void)state;
    GIVES(NOT_INITIALIZED, curandDestroyGenerator(NULL));
    GIVES(NOT_INITIALIZED, curandSetStream(NULL, NULL));
    GIVES(NOT_INITIALIZED, curandSetPseudoRandomGeneratorSeed(NULL, 1));
    GIVES(NOT_INITIALIZED, curandSetGeneratorOffset(NULL, 1));
    GIVES(NOT_INITIALIZED, curandSetGeneratorOrdering(NULL, CURAND_ORDERING_PSEUDO_BEST));
    GIVES(NOT_INITIALIZED, curandSetQuasiRandomGeneratorDimensions(NULL, 1));
    GIVES(NOT_INITIALIZED, curandGenerateSeeds(NULL));
    GIVES(NOT_INITIALIZED, curandGenerate(NULL, &word, 1));
    GIVES(NOT_INITIALIZED, curandGenerateUniform(NULL, &real, 1));
    GIVES(NOT_INITIALIZED, curandGenerateUniformDouble(NULL, &wide, 1));
    GIVES(NOT_INITIALIZED, curandGenerateNormal(NULL, &real, 2, 0, 1));
    GIVES(NOT_INITIALIZED, curandGenerateNormalDouble(NULL, &wide, 2, 0, 1));
    GIVES(NOT_INITIALIZED, curandGenerateLogNormal(NULL, &real, 2, 0, 1));
    GIVES(NOT_INITIALIZED, curandGenerateLogNormalDouble(NULL, &wide, 2, 0, 1));
    GIVES(NOT_INITIALIZED, curandGeneratePoisson(NULL, &word, 1, 1));
    GIVES(NOT_INITIALIZED, curandGenerateLongLong(NULL, NULL, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_curand),
        cmocka_unit_test(real_numbers_are_those_of_curand),
        cmocka_unit_test(calls_go_on_where_the_last_one_ended),
        cmocka_unit_test(an_offset_skips_as_many_words),
        cmocka_unit_test(philox_gives_odd_counts),
        cmocka_unit_test(a_seed_changes_the_numbers_and_keeps_the_place),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(devices_numbers_come_in_the_order_of_the_stream),
        cmocka_unit_test(a_graph_goes_on_in_the_sequence_each_time_it_runs),
        cmocka_unit_test(moments_are_those_of_the_distributions),
        cmocka_unit_test(poissons_counts_have_its_mean_variance_and_zeros),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(calls_without_a_generator_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
