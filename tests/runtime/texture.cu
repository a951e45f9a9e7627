// Texture and surface instructions as inline PTX beside the functions of device code: the same bits, for every format, address
// mode, filter and kind of coordinates. nvcc accepts it too.
#include "../../examples/cuda/check.h"
#include <cstring>
#include <vector>

enum { W = 11, H = 6, D = 4, N = 256 };

#define TEX(instruction, letter, object, place, ...)                                                             \
    asm("tex." instruction " {%0, %1, %2, %3}, [%4, " place "];"                                                 \
        : "=" letter(r.x), "=" letter(r.y), "=" letter(r.z), "=" letter(r.w)                                       \
        : "l"(object), __VA_ARGS__)

__device__ void put(float4 *out, int row, float4 a) { out[row * N + threadIdx.x] = a; }

// What the functions give in the first half of `out`, what the instructions give in the second.
__global__ void floats(cudaTextureObject_t flat, cudaTextureObject_t deep, cudaTextureObject_t line, const float4 *at, float4 *out)
{
    float4 p = at[threadIdx.x], r, *other = out + 5 * N;
    put(out, 0, tex1D<float4>(line, p.x));
    put(out, 1, tex2D<float4>(flat, p.x, p.y));
    put(out, 2, tex3D<float4>(deep, p.x, p.y, p.z));
    put(out, 3, tex2D<float4>(flat, p.y, p.x));
    put(out, 4, tex1Dfetch<float4>(line, (int)floorf(p.x)));
    TEX("1d.v4.f32.f32", "f", line, "{%5}", "f"(p.x));
    put(other, 0, r);
    TEX("2d.v4.f32.f32", "f", flat, "{%5, %6}", "f"(p.x), "f"(p.y));
    put(other, 1, r);
    TEX("3d.v4.f32.f32", "f", deep, "{%5, %6, %7, %7}", "f"(p.x), "f"(p.y), "f"(p.z));
    put(other, 2, r);
    asm("tex.level.2d.v4.f32.f32 {%0, %1, %2, %3}, [%4, {%5, %6}], %7;" : "=f"(r.x), "=f"(r.y), "=f"(r.z), "=f"(r.w)
        : "l"(flat), "f"(p.y), "f"(p.x), "f"(0.0f));
    put(other, 3, r);
    TEX("1d.v4.f32.s32", "f", line, "{%5}", "r"((int)floorf(p.x)));
    put(other, 4, r);
}

__global__ void layers(cudaTextureObject_t flat, cudaTextureObject_t line, const float4 *at, float4 *out)
{
    float4 p = at[threadIdx.x], r, *other = out + 5 * N;
    int layer = (int)p.w;
    put(out, 0, tex1DLayered<float4>(line, p.x, layer));
    put(out, 1, tex2DLayered<float4>(flat, p.x, p.y, layer));
    TEX("a1d.v4.f32.f32", "f", line, "{%5, %6}", "r"(layer), "f"(p.x));
    put(other, 0, r);
    TEX("a2d.v4.f32.f32", "f", flat, "{%5, %6, %7, %7}", "r"(layer), "f"(p.x), "f"(p.y));
    put(other, 1, r);
}

__global__ void integers(cudaTextureObject_t flat, const float4 *at, int4 *out)
{
    float4 p = at[threadIdx.x];
    int4 r, *other = out + 5 * N;
    out[threadIdx.x] = tex2D<int4>(flat, p.x, p.y);
    TEX("2d.v4.s32.f32", "r", flat, "{%5, %6}", "f"(p.x), "f"(p.y));
    other[threadIdx.x] = r;
    out[N + threadIdx.x] = tex2Dgather<int4>(flat, p.x, p.y, 1);
    asm("tld4.g.2d.v4.s32.f32 {%0, %1, %2, %3}, [%4, {%5, %6}];" : "=r"(r.x), "=r"(r.y), "=r"(r.z), "=r"(r.w)
        : "l"(flat), "f"(p.x), "f"(p.y));
    other[N + threadIdx.x] = r;
}

__global__ void surfaces(cudaSurfaceObject_t a, int4 *out)
{
    int x = (int)threadIdx.x % 16 * 4 - 8, y = (int)threadIdx.x / 16 - 1;
    int4 r = {0, 0, 0, 0}, *other = out + 5 * N;
    int x8 = x & ~7; // pairs are aligned
    out[threadIdx.x] = make_int4(surf2Dread<int>(a, x, y, cudaBoundaryModeClamp), surf2Dread<int2>(a, x8, y, cudaBoundaryModeZero).y, 0, 0);
    asm("suld.b.2d.b32.clamp %0, [%1, {%2, %3}];" : "=r"(r.x) : "l"(a), "r"(x), "r"(y) : "memory");
    asm("{ .reg .b32 %%low; suld.b.2d.v2.b32.zero {%%low, %0}, [%1, {%2, %3}]; }" : "=r"(r.y) : "l"(a), "r"(x8), "r"(y) : "memory");
    other[threadIdx.x] = r;
}

__global__ void stores(cudaSurfaceObject_t a, cudaSurfaceObject_t b)
{
    int x = (int)threadIdx.x % 16 * 4 - 8, y = (int)threadIdx.x / 16 - 1;
    surf2Dwrite(x * 100 + y, a, x, y, cudaBoundaryModeZero);
    asm volatile("sust.b.2d.b32.zero [%0, {%1, %2}], %3;" : : "l"(b), "r"(x), "r"(y), "r"(x * 100 + y) : "memory");
}

// ---- The host ------------------------------------------------------------------------------------------
static int failures;
static float4 *at;
static int *out;

static void compare(const char *what, int rows, int kind, int mode)
{
    CHECK(cudaDeviceSynchronize());
    for (int i = 0; i < 4 * N * rows; i++)
        if (out[i] != out[4 * 5 * N + i]) {
            float a, b;
            std::memcpy(&a, &out[i], 4), std::memcpy(&b, &out[4 * 5 * N + i], 4);
            std::printf("%s, format %d, mode %d: row %d, thread %d, channel %d: function %g, instruction %g: FAILED\n", what, kind, mode,
                        i / (4 * N), i / 4 % N, i % 4, a, b);
            failures++;
            return;
        }
}

static cudaArray_t image(cudaChannelFormatDesc format, int h, int d, unsigned flags)
{
    cudaArray_t array;
    size_t bytes = (size_t)(format.x + format.y + format.z + format.w) / 8 * W * (h ? h : 1) * (d ? d : 1);
    std::vector<unsigned char> data(bytes);
    for (size_t i = 0; i < bytes; i++) // floats and halves that are numbers
        data[i] = (unsigned char)(i % 4 == 3 ? 0x3c + i / 4 % 7 : (i * 2654435761u >> 13) & (i % 4 == 1 ? 0xbb : 0xff));
    cudaMemcpy3DParms copy = {};
    copy.srcPtr = make_cudaPitchedPtr(data.data(), bytes / ((h ? h : 1) * (d ? d : 1)), W, h ? h : 1);
    copy.extent = make_cudaExtent(W, h ? h : 1, d ? d : 1);
    CHECK(cudaMalloc3DArray(&array, &format, make_cudaExtent(W, h, d), flags));
    copy.dstArray = array;
    copy.kind = cudaMemcpyHostToDevice;
    CHECK(cudaMemcpy3D(&copy));
    return array;
}

static cudaTextureObject_t texture(cudaArray_t array, int mode, cudaTextureReadMode read)
{
    cudaResourceDesc over = {};
    cudaTextureDesc how = {};
    cudaTextureObject_t object;
    over.resType = cudaResourceTypeArray;
    over.res.array.array = array;
    for (int i = 0; i < 3; i++)
        how.addressMode[i] = (cudaTextureAddressMode)((mode + i) % 4);
    how.filterMode = (cudaTextureFilterMode)(mode / 4 % 2);
    how.normalizedCoords = mode / 8;
    how.readMode = read;
    how.borderColor[0] = 3, how.borderColor[1] = -4, how.borderColor[2] = 5.5f, how.borderColor[3] = 7;
    CHECK(cudaCreateTextureObject(&object, &over, &how, NULL));
    return object;
}

static void check_floats(cudaChannelFormatDesc format, cudaTextureReadMode read, int kind)
{
    cudaArray_t a[5] = {image(format, H, 0, 0), image(format, H, D, 0), image(format, 0, 0, 0), image(format, H, D, cudaArrayLayered),
                        image(format, 0, D, cudaArrayLayered)};
    for (int mode = 0; mode < 16; mode++) {
        cudaTextureObject_t t[5];
        for (int i = 0; i < 5; i++)
            t[i] = texture(a[i], mode, read);
        floats<<<1, N>>>(t[0], t[1], t[2], at + mode / 8 * N, (float4 *)out);
        compare("floats", 5, kind, mode);
        layers<<<1, N>>>(t[3], t[4], at + mode / 8 * N, (float4 *)out);
        compare("layers", 2, kind, mode);
        for (int i = 0; i < 5; i++)
            CHECK(cudaDestroyTextureObject(t[i]));
    }
    for (int i = 0; i < 5; i++)
        CHECK(cudaFreeArray(a[i]));
}

static void check_integers(cudaChannelFormatDesc format, int kind)
{
    cudaArray_t a = image(format, H, 0, 0);
    for (int mode = 0; mode < 16; mode += mode % 4 == 3 ? 5 : 1) {
        cudaTextureObject_t t = texture(a, mode, cudaReadModeElementType);
        integers<<<1, N>>>(t, at + mode / 8 * N, (int4 *)out);
        compare("integers", 2, kind, mode);
        CHECK(cudaDestroyTextureObject(t));
    }
    CHECK(cudaFreeArray(a));
}

static void check_surfaces()
{
    cudaChannelFormatDesc format = cudaCreateChannelDesc(32, 0, 0, 0, cudaChannelFormatKindSigned);
    cudaArray_t a[2] = {image(format, H, 0, 0), image(format, H, 0, 0)};
    cudaSurfaceObject_t s[2];
    int rows[2][H][W];
    for (int i = 0; i < 2; i++) {
        cudaResourceDesc over = {};
        over.resType = cudaResourceTypeArray;
        over.res.array.array = a[i];
        CHECK(cudaCreateSurfaceObject(&s[i], &over));
    }
    surfaces<<<1, N / 2>>>(s[0], (int4 *)out);
    compare("surfaces", 1, 0, 0);
    stores<<<1, N / 2>>>(s[0], s[1]);
    for (int i = 0; i < 2; i++) {
        CHECK(cudaMemcpy2DFromArray(rows[i], sizeof rows[i][0], a[i], 0, 0, sizeof rows[i][0], H, cudaMemcpyDeviceToHost));
        CHECK(cudaDestroySurfaceObject(s[i]));
        CHECK(cudaFreeArray(a[i]));
    }
    if (std::memcmp(rows[0], rows[1], sizeof rows[0])) {
        std::printf("stores to surfaces differ: FAILED\n");
        failures++;
    }
}

int main()
{
    CHECK(cudaMallocManaged(&at, 2 * N * sizeof *at));
    CHECK(cudaMallocManaged(&out, 4 * 10 * N * sizeof *out));
    std::memset(out, 0, 4 * 10 * N * sizeof *out);
    for (int i = 0; i < 2 * N; i++) {
        float scale = i < N ? 1 : 1.0f / 8;
        at[i] = make_float4((i * 37 % 251 / 251.0f * 24 - 6) * scale, (i * 91 % 241 / 241.0f * 14 - 4) * scale,
                            (i * 53 % 239 / 239.0f * 9 - 3) * scale, (float)(i % 6 - 1));
    }
    at[0].x = at[N + 1].y = nanf("");
    at[2].x = at[N + 2].x = 1e20f;
    at[3].y = at[N + 3].y = -INFINITY;
    check_floats(cudaCreateChannelDesc(32, 32, 32, 32, cudaChannelFormatKindFloat), cudaReadModeElementType, 0);
    check_floats(cudaCreateChannelDesc(16, 16, 0, 0, cudaChannelFormatKindFloat), cudaReadModeElementType, 1);
    check_floats(cudaCreateChannelDesc(8, 8, 8, 8, cudaChannelFormatKindUnsigned), cudaReadModeNormalizedFloat, 2);
    check_floats(cudaCreateChannelDesc(16, 0, 0, 0, cudaChannelFormatKindSigned), cudaReadModeNormalizedFloat, 3);
    check_integers(cudaCreateChannelDesc(8, 8, 0, 0, cudaChannelFormatKindSigned), 4);
    check_integers(cudaCreateChannelDesc(16, 16, 16, 16, cudaChannelFormatKindUnsigned), 5);
    check_integers(cudaCreateChannelDesc(32, 32, 32, 32, cudaChannelFormatKindSigned), 6);
    check_surfaces();
    CHECK(cudaFree(at));
    CHECK(cudaFree(out));
    std::printf(failures ? "texture: %d differences\n" : "texture: instructions and functions agree\n", failures);
    return failures != 0;
}
