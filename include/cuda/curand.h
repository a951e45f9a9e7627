/* cuRAND's host API (libcairn-curand; `cairn cc ... -lcurand` links it): XORWOW, MRG32k3a and Philox4x32-10.
 *
 * A generator made by curandCreateGenerator fills device memory: calls return at once, and the numbers are there when its stream
 * has done what was issued before. One made by curandCreateGeneratorHost fills host memory before the call returns. The numbers
 * of both are the same, on any number of threads. A captured call goes on in the sequence each time its graph runs; the generator
 * must outlive the graph.
 *
 * What is NVIDIA's, compared with cuRAND 10.4's host generators and with its numbers on an H100:
 *   - bit for bit: curandGenerate, curandGenerateUniform and its Double, Poisson's counts with lambda < 2000, in any order of calls,
 *     with offsets, in the default and the legacy order;
 *   - from the same bits, but with the C library's logarithms, sines and exponentials: normal and log-normal numbers, and Poisson's
 *     with lambda >= 2000, which are rounded normal numbers. The host's generators differ by an ulp or two; the GPU's, whose functions
 *     are faster and less exact, by 2e-6 at most for floats and 3e-15 for doubles (standard normal), 30 ulps for log-normal floats;
 *   - in distribution alone: CURAND_ORDERING_PSEUDO_SEEDED, which is the legacy order here.
 *
 * Which number comes from which sequence (those of curand_kernel.h): number n of XORWOW from sequence n mod 4096, of MRG32k3a from
 * n mod 81920 (legacy order: 4096); Philox gives four numbers of each of 65536 sequences in turn. A pair of normal numbers
 * comes from one sequence.
 *
 * Not there: quasi-random generators, MTGP32, MT19937: CURAND_STATUS_TYPE_ERROR, said once. Calls on one generator must not run
 * at the same time; different generators may be used by different threads. */
#ifndef CAIRN_CURAND_H
#define CAIRN_CURAND_H
#include "cuda_runtime_api.h"
#include "library_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#define CURAND_VER_MAJOR 10
#define CURAND_VER_MINOR 3
#define CURAND_VER_PATCH 5
#define CURAND_VERSION 10305
#define CURANDAPI

typedef enum curandStatus {
    CURAND_STATUS_SUCCESS = 0,
    CURAND_STATUS_VERSION_MISMATCH = 100,
    CURAND_STATUS_NOT_INITIALIZED = 101,           /* the generator is NULL */
    CURAND_STATUS_ALLOCATION_FAILED = 102,
    CURAND_STATUS_TYPE_ERROR = 103,                /* not for this kind of generator, or no such generator here */
    CURAND_STATUS_OUT_OF_RANGE = 104,              /* a parameter is */
    CURAND_STATUS_LENGTH_NOT_MULTIPLE = 105,       /* an odd number of normal numbers of XORWOW or MRG32k3a */
    CURAND_STATUS_DOUBLE_PRECISION_REQUIRED = 106,
    CURAND_STATUS_LAUNCH_FAILURE = 201,            /* the stream does not take the work */
    CURAND_STATUS_PREEXISTING_FAILURE = 202,       /* earlier work of the device failed */
    CURAND_STATUS_INITIALIZATION_FAILED = 203,
    CURAND_STATUS_ARCH_MISMATCH = 204,
    CURAND_STATUS_INTERNAL_ERROR = 999
} curandStatus;
typedef curandStatus curandStatus_t;

typedef enum curandRngType {
    CURAND_RNG_TEST = 0,
    CURAND_RNG_PSEUDO_DEFAULT = 100,               /* XORWOW */
    CURAND_RNG_PSEUDO_XORWOW = 101,
    CURAND_RNG_PSEUDO_MRG32K3A = 121,
    CURAND_RNG_PSEUDO_MTGP32 = 141,
    CURAND_RNG_PSEUDO_MT19937 = 142,
    CURAND_RNG_PSEUDO_PHILOX4_32_10 = 161,
    CURAND_RNG_QUASI_DEFAULT = 200,
    CURAND_RNG_QUASI_SOBOL32 = 201,
    CURAND_RNG_QUASI_SCRAMBLED_SOBOL32 = 202,
    CURAND_RNG_QUASI_SOBOL64 = 203,
    CURAND_RNG_QUASI_SCRAMBLED_SOBOL64 = 204
} curandRngType;
typedef curandRngType curandRngType_t;

typedef enum curandOrdering {
    CURAND_ORDERING_PSEUDO_BEST = 100,
    CURAND_ORDERING_PSEUDO_DEFAULT = 101,
    CURAND_ORDERING_PSEUDO_SEEDED = 102,           /* XORWOW alone */
    CURAND_ORDERING_PSEUDO_LEGACY = 103,
    CURAND_ORDERING_PSEUDO_DYNAMIC = 104,          /* the default order here; not for host generators */
    CURAND_ORDERING_QUASI_DEFAULT = 201
} curandOrdering;
typedef curandOrdering curandOrdering_t;

typedef struct curandGenerator_st *curandGenerator_t;

/* Every call below gives CURAND_STATUS_NOT_INITIALIZED for a generator that is NULL. */
curandStatus_t curandCreateGenerator(curandGenerator_t *generator, curandRngType_t type);
curandStatus_t curandCreateGeneratorHost(curandGenerator_t *generator, curandRngType_t type);
/* Waits for what was issued. */
curandStatus_t curandDestroyGenerator(curandGenerator_t generator);
curandStatus_t curandGetVersion(int *version);
curandStatus_t curandGetProperty(libraryPropertyType type, int *value);
curandStatus_t curandSetStream(curandGenerator_t generator, cudaStream_t stream);

/* The seed changes and the place in the sequence stays, as with cuRAND: set an offset too to begin again. 0 at first. */
curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t generator, unsigned long long seed);
/* The next number is number `offset` of curandGenerate's sequence. */
curandStatus_t curandSetGeneratorOffset(curandGenerator_t generator, unsigned long long offset);
/* OUT_OF_RANGE for orders that the generator does not have. The place in the sequence stays. */
curandStatus_t curandSetGeneratorOrdering(curandGenerator_t generator, curandOrdering_t order);
/* Always CURAND_STATUS_TYPE_ERROR: no generator here has dimensions. */
curandStatus_t curandSetQuasiRandomGeneratorDimensions(curandGenerator_t generator, unsigned dimensions);
/* Makes the sequences' states now, which the first numbers else do. */
curandStatus_t curandGenerateSeeds(curandGenerator_t generator);

/* `count` numbers at `out`; OUT_OF_RANGE where out is NULL and count is not 0.
 * 32 bits; real numbers of (0, 1]; normal ones of `mean` and standard deviation `deviation`, and exp of those. */
curandStatus_t curandGenerate(curandGenerator_t generator, unsigned *out, size_t count);
curandStatus_t curandGenerateUniform(curandGenerator_t generator, float *out, size_t count);
curandStatus_t curandGenerateUniformDouble(curandGenerator_t generator, double *out, size_t count);
curandStatus_t curandGenerateNormal(curandGenerator_t generator, float *out, size_t count, float mean, float deviation);
curandStatus_t curandGenerateNormalDouble(curandGenerator_t generator, double *out, size_t count, double mean, double deviation);
curandStatus_t curandGenerateLogNormal(curandGenerator_t generator, float *out, size_t count, float mean, float deviation);
curandStatus_t curandGenerateLogNormalDouble(curandGenerator_t generator, double *out, size_t count, double mean, double deviation);
/* OUT_OF_RANGE unless 0 < lambda <= 400000. */
curandStatus_t curandGeneratePoisson(curandGenerator_t generator, unsigned *out, size_t count, double lambda);
/* For the 64-bit quasi-random generators alone: always CURAND_STATUS_TYPE_ERROR. */
curandStatus_t curandGenerateLongLong(curandGenerator_t generator, unsigned long long *out, size_t count);
#ifdef __cplusplus
}
#endif
#endif
