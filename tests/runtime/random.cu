/* cuRAND's device generators give cuRAND's own numbers: those below are NVIDIA's, for these seeds and jumps. */
#include "../../examples/cuda/check.h"
#include <curand_kernel.h>

struct results {
    unsigned words[4];
    float reals[3];
    double doubles[3];
};

__global__ void k_random(results *out)
{
    int i = threadIdx.x;
    results r;
    curandState s;
    curand_init(1234ULL + ((unsigned long long)i << 33), i * 3, i * 7, &s);
    r.words[0] = curand(&s);
    r.words[1] = curand(&s);
    r.reals[0] = curand_uniform(&s);
    r.reals[1] = curand_normal(&s);
    curandStatePhilox4_32_10_t p;
    curand_init(99ULL + ((unsigned long long)i << 35), i, i * 5, &p);
    r.words[2] = curand(&p);
    curand4(&p);
    r.reals[2] = curand_uniform(&p);
    r.doubles[0] = curand_uniform_double(&p);
    r.doubles[1] = curand_normal_double(&p);
    curandStateMRG32k3a_t m;
    curand_init(77ULL + ((unsigned long long)i << 34), i, i * 11, &m);
    r.words[3] = curand(&m);
    r.doubles[2] = curand_uniform_double(&m);
    out[i] = r;
}

int main()
{
    const results want = {{1501223920u, 2613430865u, 524976083u, 2578585805u}, {0.126105517f, -0.849629581f, 0.621535897f}, {0.23553874669596553, -0.90992673238206967, 0.69884213271038742}};
    device_array<results> d(32);
    k_random<<<1, 32>>>(d.data);
    CHECK(cudaGetLastError());
    results got = d.host()[17];
    double worst = 0;
    for (int i = 0; i < 4; i++)
        worst += got.words[i] != want.words[i];
    for (int i = 0; i < 3; i++)
        worst = std::fmax(worst, std::fabs(got.reals[i] - want.reals[i]) + std::fabs(got.doubles[i] - want.doubles[i]));
    return verdict("random", worst, 1e-6);
}
