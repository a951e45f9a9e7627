/* Bodies under gravity: every thread adds the pull of all others on one body, tile by tile through shared
 * memory (Nyland, Harris and Prins, GPU Gems 3, chapter 31). Energy must stay what it was. */
#include "check.h"

const int TILE = 128;

__global__ void accelerate(const float4 *body, float4 *velocity, int n, float dt)
{
    __shared__ float4 tile[TILE];
    int i = blockIdx.x * TILE + threadIdx.x;
    float4 me = body[i];
    float ax = 0, ay = 0, az = 0;
    for (int base = 0; base < n; base += TILE) {
        tile[threadIdx.x] = body[base + threadIdx.x];
        __syncthreads();
        for (int k = 0; k < TILE; k++) {
            float4 other = tile[k];
            float x = other.x - me.x, y = other.y - me.y, z = other.z - me.z;
            float inverse = rsqrtf(x * x + y * y + z * z + 0.01f);
            float pull = other.w * inverse * inverse * inverse;
            ax += x * pull;
            ay += y * pull;
            az += z * pull;
        }
        __syncthreads();
    }
    float4 v = velocity[i];
    velocity[i] = make_float4(v.x + ax * dt, v.y + ay * dt, v.z + az * dt, 0);
}

__global__ void move(float4 *body, const float4 *velocity, float dt)
{
    int i = blockIdx.x * TILE + threadIdx.x;
    body[i].x += velocity[i].x * dt;
    body[i].y += velocity[i].y * dt;
    body[i].z += velocity[i].z * dt;
}

static double energy(const std::vector<float4> &body, const std::vector<float4> &velocity)
{
    double sum = 0;
    for (size_t i = 0; i < body.size(); i++) {
        float4 v = velocity[i], p = body[i];
        sum += 0.5 * p.w * ((double)v.x * v.x + (double)v.y * v.y + (double)v.z * v.z);
        for (size_t k = 0; k < i; k++) {
            double x = p.x - body[k].x, y = p.y - body[k].y, z = p.z - body[k].z;
            sum -= p.w * body[k].w / std::sqrt(x * x + y * y + z * z + 0.01);
        }
    }
    return sum;
}

int main()
{
    const int n = 1024, steps = 20;
    const float dt = 1e-3f;
    std::vector<float4> body(n), velocity(n, make_float4(0, 0, 0, 0));
    for (int i = 0; i < n; i++)
        body[i] = make_float4(noise(3 * i) - 0.5f, noise(3 * i + 1) - 0.5f, noise(3 * i + 2) - 0.5f, 1.0f / n);
    double before = energy(body, velocity);
    device_array<float4> p(body), v(velocity);
    for (int step = 0; step < steps; step++) {
        accelerate<<<n / TILE, TILE>>>(p.data, v.data, n, dt);
        move<<<n / TILE, TILE>>>(p.data, v.data, dt);
    }
    CHECK(cudaGetLastError());
    double after = energy(p.host(), v.host());
    return verdict("nbody", std::fabs(after - before) / std::fabs(before), 1e-3);
}
