/* cuRAND's host API: arguments are checked, then the work goes to the generator's stream, where sequences.c does it.
 *
 * The sequences belong to the work: they are seeded, drawn from and moved on where it runs. Work of all streams runs in the order
 * of its issue, so calls on one generator follow one another; what the caller changes (seed, offset, order) waits for them. */
#include "runtime/curand/sequences.h"
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define API __attribute__((visibility("default")))

/* A call's work. It is the generator's, which frees it when it is done; a captured one may run many times, and stays. */
typedef struct request request;
struct request {
    request *next;
    struct curandGenerator_st *generator;
    draw draw;
    poisson_table *poisson;
    bool captured;
    atomic_bool done;
};

struct curandGenerator_st {
    sequences sequences;
    uint64_t seed, position;    /* position: words skipped and numbers given out */
    bool seeded, host;
    cudaStream_t stream;
    request *requests;
};

/* ---- Generators ------------------------------------------------------------------------------------ */
static const struct { curandRngType type; family family; int sequences, legacy; } generators[] = {
    {CURAND_RNG_PSEUDO_DEFAULT, XORWOW, 4096, 4096}, {CURAND_RNG_PSEUDO_XORWOW, XORWOW, 4096, 4096},
    {CURAND_RNG_PSEUDO_MRG32K3A, MRG32K3A, 81920, 4096}, {CURAND_RNG_PSEUDO_PHILOX4_32_10, PHILOX, 65536, 65536},
};
enum { GENERATORS = sizeof generators / sizeof *generators };

static curandStatus_t refuse_type(curandRngType type)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        fprintf(stderr, "cairn: curandCreateGenerator: generator %d is not supported; there are XORWOW (%d), MRG32K3A (%d) and "
                        "PHILOX4_32_10 (%d)\n", type, CURAND_RNG_PSEUDO_XORWOW, CURAND_RNG_PSEUDO_MRG32K3A, CURAND_RNG_PSEUDO_PHILOX4_32_10);
    return CURAND_STATUS_TYPE_ERROR;
}

static curandStatus_t create(curandGenerator_t *generator, curandRngType type, bool host)
{
    int k = 0, device;
    if (!generator)
        return CURAND_STATUS_OUT_OF_RANGE;
    while (k < GENERATORS && generators[k].type != type)
        k++;
    if (k == GENERATORS)
        return refuse_type(type);
    if (!host && cudaGetDevice(&device) != cudaSuccess)
        return CURAND_STATUS_INITIALIZATION_FAILED;
    curandGenerator_t g = calloc(1, sizeof *g);
    if (!g || !sequences_make(&g->sequences, generators[k].family, generators[k].sequences)) {
        free(g);
        return CURAND_STATUS_ALLOCATION_FAILED;
    }
    g->host = host;
    *generator = g;
    return CURAND_STATUS_SUCCESS;
}

API curandStatus_t curandCreateGenerator(curandGenerator_t *generator, curandRngType_t type) { return create(generator, type, false); }
API curandStatus_t curandCreateGeneratorHost(curandGenerator_t *generator, curandRngType_t type) { return create(generator, type, true); }

/* Frees the requests that are done, or all. */
static void drop_requests(curandGenerator_t g, bool all)
{
    for (request **at = &g->requests; *at;) {
        request *r = *at;
        if (!all && (r->captured || !atomic_load(&r->done))) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        free(r->poisson);
        free(r);
    }
}

/* Waits until no work uses the generator. */
static curandStatus_t settle(curandGenerator_t g)
{
    if (!g)
        return CURAND_STATUS_NOT_INITIALIZED;
    drop_requests(g, false);
    return g->requests && cudaDeviceSynchronize() ? CURAND_STATUS_PREEXISTING_FAILURE : CURAND_STATUS_SUCCESS;
}

API curandStatus_t curandDestroyGenerator(curandGenerator_t g)
{
    curandStatus_t status = settle(g);
    if (status == CURAND_STATUS_NOT_INITIALIZED)
        return status;
    /* After a fault the queue runs nothing more, so the requests are nobody's. */
    drop_requests(g, true);
    sequences_free(&g->sequences);
    free(g);
    return CURAND_STATUS_SUCCESS;
}

API curandStatus_t curandGetVersion(int *version)
{
    if (!version)
        return CURAND_STATUS_OUT_OF_RANGE;
    *version = CURAND_VERSION;
    return CURAND_STATUS_SUCCESS;
}

API curandStatus_t curandGetProperty(libraryPropertyType type, int *value)
{
    static const int parts[] = {[MAJOR_VERSION] = CURAND_VER_MAJOR, [MINOR_VERSION] = CURAND_VER_MINOR, [PATCH_LEVEL] = CURAND_VER_PATCH};
    if (!value || (unsigned)type > PATCH_LEVEL)
        return CURAND_STATUS_OUT_OF_RANGE;
    *value = parts[type];
    return CURAND_STATUS_SUCCESS;
}

/* ---- What can be set ------------------------------------------------------------------------------- */
API curandStatus_t curandSetStream(curandGenerator_t g, cudaStream_t stream)
{
    if (!g)
        return CURAND_STATUS_NOT_INITIALIZED;
    g->stream = stream;
    return CURAND_STATUS_SUCCESS;
}

API curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t g, unsigned long long seed)
{
    curandStatus_t status = settle(g);
    if (status)
        return status;
    g->seed = seed;
    g->seeded = false;
    return CURAND_STATUS_SUCCESS;
}

API curandStatus_t curandSetGeneratorOffset(curandGenerator_t g, unsigned long long offset)
{
    curandStatus_t status = settle(g);
    if (status)
        return status;
    g->position = offset;
    g->seeded = false;
    return CURAND_STATUS_SUCCESS;
}

API curandStatus_t curandSetGeneratorOrdering(curandGenerator_t g, curandOrdering_t order)
{
    int k = 0;
    curandStatus_t status = settle(g);
    if (status)
        return status;
    family f = g->sequences.family;
    bool seeded = order == CURAND_ORDERING_PSEUDO_SEEDED, dynamic = order == CURAND_ORDERING_PSEUDO_DYNAMIC;
    if (order < CURAND_ORDERING_PSEUDO_BEST || order > CURAND_ORDERING_PSEUDO_DYNAMIC || (seeded && f != XORWOW) || (dynamic && g->host))
        return CURAND_STATUS_OUT_OF_RANGE;
    while (generators[k].family != f)
        k++;
    int count = order == CURAND_ORDERING_PSEUDO_LEGACY ? generators[k].legacy : generators[k].sequences;
    if (count == g->sequences.count)
        return CURAND_STATUS_SUCCESS;
    if (!sequences_make(&g->sequences, f, count))
        return CURAND_STATUS_ALLOCATION_FAILED;
    g->seeded = false;
    return CURAND_STATUS_SUCCESS;
}

API curandStatus_t curandSetQuasiRandomGeneratorDimensions(curandGenerator_t g, unsigned dimensions)
{
    (void)dimensions;
    return g ? CURAND_STATUS_TYPE_ERROR : CURAND_STATUS_NOT_INITIALIZED;
}

static void seed_once(curandGenerator_t g)
{
    if (!g->seeded)
        sequences_seed(&g->sequences, g->seed, g->position);
    g->seeded = true;
}

API curandStatus_t curandGenerateSeeds(curandGenerator_t g)
{
    curandStatus_t status = settle(g);
    if (!status)
        seed_once(g);
    return status;
}

/* ---- Numbers --------------------------------------------------------------------------------------- */
static void run(curandGenerator_t g, const draw *d)
{
    seed_once(g);
    sequences_draw(&g->sequences, d);
    g->position += d->count;
}

static void run_request(void *of)
{
    request *r = of;
    run(r->generator, &r->draw);
    atomic_store(&r->done, true);
}

/* Takes over `poisson`. */
static curandStatus_t issue(curandGenerator_t g, draw d, poisson_table *poisson)
{
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    request *r = malloc(sizeof *r);
    drop_requests(g, false);
    if (r && !cudaStreamIsCapturing(g->stream, &capture)) {
        *r = (request){.next = g->requests, .generator = g, .draw = d, .poisson = poisson, .captured = capture != cudaStreamCaptureStatusNone};
        if (!cudaLaunchHostFunc(g->stream, run_request, r)) {
            g->requests = r;
            return CURAND_STATUS_SUCCESS;
        }
    }
    free(poisson);
    free(r);
    return r ? CURAND_STATUS_LAUNCH_FAILURE : CURAND_STATUS_ALLOCATION_FAILED;
}

static curandStatus_t generate(curandGenerator_t g, draw d)
{
    poisson_table *poisson = NULL;
    if (!g)
        return CURAND_STATUS_NOT_INITIALIZED;
    if (!d.count)
        return CURAND_STATUS_SUCCESS;
    if (!d.out)
        return CURAND_STATUS_OUT_OF_RANGE;
    if (kind_is_paired(d.kind) && d.count % 2 && g->sequences.family != PHILOX)
        return CURAND_STATUS_LENGTH_NOT_MULTIPLE;
    if (d.kind == POISSON_TABLE) {
        d.poisson = poisson = poisson_table_make(d.mean);
        if (!poisson)
            return CURAND_STATUS_ALLOCATION_FAILED;
    }
    if (!g->host)
        return issue(g, d, poisson);
    run(g, &d);
    free(poisson);
    return CURAND_STATUS_SUCCESS;
}

API curandStatus_t curandGenerate(curandGenerator_t g, unsigned *out, size_t count)
{
    return generate(g, (draw){WORDS, out, count, .mean = 0});
}

API curandStatus_t curandGenerateUniform(curandGenerator_t g, float *out, size_t count)
{
    return generate(g, (draw){UNIFORM, out, count, .mean = 0});
}

API curandStatus_t curandGenerateUniformDouble(curandGenerator_t g, double *out, size_t count)
{
    return generate(g, (draw){UNIFORM_DOUBLE, out, count, .mean = 0});
}

API curandStatus_t curandGenerateNormal(curandGenerator_t g, float *out, size_t count, float mean, float deviation)
{
    return generate(g, (draw){NORMAL, out, count, mean, deviation, NULL});
}

API curandStatus_t curandGenerateNormalDouble(curandGenerator_t g, double *out, size_t count, double mean, double deviation)
{
    return generate(g, (draw){NORMAL_DOUBLE, out, count, mean, deviation, NULL});
}

API curandStatus_t curandGenerateLogNormal(curandGenerator_t g, float *out, size_t count, float mean, float deviation)
{
    return generate(g, (draw){LOG_NORMAL, out, count, mean, deviation, NULL});
}

API curandStatus_t curandGenerateLogNormalDouble(curandGenerator_t g, double *out, size_t count, double mean, double deviation)
{
    return generate(g, (draw){LOG_NORMAL_DOUBLE, out, count, mean, deviation, NULL});
}

API curandStatus_t curandGeneratePoisson(curandGenerator_t g, unsigned *out, size_t count, double lambda)
{
    const double most = 400000, normal_from = 2000;
    if (!g)
        return CURAND_STATUS_NOT_INITIALIZED;
    if (!(lambda > 0 && lambda <= most))
        return CURAND_STATUS_OUT_OF_RANGE;
    kind k = lambda < normal_from ? POISSON_TABLE : POISSON_NORMAL;
    return generate(g, (draw){k, out, count, lambda, sqrt(lambda), NULL});
}

API curandStatus_t curandGenerateLongLong(curandGenerator_t g, unsigned long long *out, size_t count)
{
    (void)out, (void)count;
    return g ? CURAND_STATUS_TYPE_ERROR : CURAND_STATUS_NOT_INITIALIZED;
}
