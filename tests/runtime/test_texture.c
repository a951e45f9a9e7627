/* Texture and surface instructions of PTX text: fetches against a model of their own, in doubles; queries; loads, stores and
 * reductions of surfaces; handles that are none end the kernel. tests/runtime/texture.cu compares them with device code's functions. */
#define _GNU_SOURCE
#include "base/error.h"
#include "runtime/exec/half.h"
#include "runtime/ptx/ptx.h"
#include <cuda/cuda.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define OK(call) assert_int_equal(call, CUDA_SUCCESS)

enum { LANES = 32, W = 7, H = 5, D = 3 };

static CUcontext context;
static _Alignas(64) float where[LANES][4];       /* x, y, z, layer of each lane */
static _Alignas(64) uint32_t result[LANES][4];

/* ---- Running ------------------------------------------------------------------------------------- */
/* %o and %s are the objects; %f0 to %f2 and %i0 to %i2 the coordinates, %l the layer; %r0 to %r3 the results. */
static const char pattern[] =
    ".version 7.8\n.target sm_80\n.address_size 64\n"
    ".visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d)\n{\n"
    ".reg .b64 %%o, %%s, %%p, %%q, %%t, %%w<4>; .reg .b32 %%i<3>, %%l, %%r<4>, %%n; .reg .f32 %%f<4>; .reg .b16 %%h<4>; .reg .pred %%even;\n"
    "mov.u32 %%n, %%tid.x; mul.wide.u32 %%t, %%n, 16; and.b32 %%n, %%n, 1; setp.eq.u32 %%even, %%n, 0;\n"
    "ld.param.u64 %%o, [a]; ld.param.u64 %%s, [b]; ld.param.u64 %%p, [c]; ld.param.u64 %%q, [d]; add.u64 %%p, %%p, %%t; add.u64 %%q, %%q, %%t;\n"
    "ld.global.v4.f32 {%%f0, %%f1, %%f2, %%f3}, [%%p]; cvt.rmi.s32.f32 %%i0, %%f0; cvt.rmi.s32.f32 %%i1, %%f1;\n"
    "cvt.rmi.s32.f32 %%i2, %%f2; cvt.rmi.s32.f32 %%l, %%f3; ld.global.v4.u32 {%%r0, %%r1, %%r2, %%r3}, [%%q];\n"
    "%s\nst.global.v4.u32 [%%q], {%%r0, %%r1, %%r2, %%r3}; ret;\n}\n";
#define R4 "{%r0, %r1, %r2, %r3}"

static char *text_of(const char *code)
{
    char *text;
    assert_true(asprintf(&text, pattern, code) > 0);
    return text;
}

/* The code's kernel, kept while the code stays the same. */
static CUfunction function_of(const char *code)
{
    static char *last;
    static CUmodule m;
    CUfunction f;
    char *text = text_of(code);
    if (!last || strcmp(last, text) != 0) {
        if (m)
            OK(cuModuleUnload(m));
        m = NULL;
        if (cuModuleLoadData(&m, text))
            fail_msg("%s: does not load", code);
        free(last);
        last = strdup(text);
    }
    free(text);
    OK(cuModuleGetFunction(&f, m, "k"));
    return f;
}

static CUresult run(const char *code, uint64_t object, uint64_t other)
{
    CUdeviceptr p = (CUdeviceptr)where, q = (CUdeviceptr)result;
    void *params[] = {&object, &other, &p, &q};
    OK(cuLaunchKernel(function_of(code), 1, 1, 1, LANES, 1, 1, 0, NULL, params, NULL));
    return cuCtxSynchronize();
}

static void clear(void) { memset(result, 0xcc, sizeof result); }

/* ---- Images -------------------------------------------------------------------------------------- */
static int value_at(int x, int y, int z, int c) { return (x * 7 + y * 13 + z * 29 + c * 3) % 100; }

static size_t put(CUarray_format format, uint8_t *to, int x)
{
    float f = (float)x;
    uint16_t half = float_to_half(f);
    switch (format) {
    case CU_AD_FORMAT_FLOAT: memcpy(to, &f, 4); return 4;
    case CU_AD_FORMAT_HALF: memcpy(to, &half, 2); return 2;
    case CU_AD_FORMAT_UNSIGNED_INT8: case CU_AD_FORMAT_SIGNED_INT8: *to = (uint8_t)x; return 1;
    case CU_AD_FORMAT_UNSIGNED_INT16: case CU_AD_FORMAT_SIGNED_INT16: memcpy(to, &(uint16_t){(uint16_t)x}, 2); return 2;
    default: memcpy(to, &x, 4); return 4;
    }
}

static CUarray image(CUarray_format format, int channels, int width, int height, int depth, unsigned flags)
{
    CUarray array;
    static uint8_t rows[W * H * D * 16];
    uint8_t *at = rows;
    CUDA_ARRAY3D_DESCRIPTOR d = {(size_t)width, (size_t)height, (size_t)depth, format, (unsigned)channels, flags};
    OK(cuArray3DCreate(&array, &d));
    height = height ? height : 1;
    depth = depth ? depth : 1;
    for (int i = 0; i < width * height * depth; i++)
        for (int c = 0; c < channels; c++)
            at += put(format, at, value_at(i % width, i / width % height, i / width / height, c));
    size_t row = (size_t)(at - rows) / (size_t)(height * depth);
    CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = rows, .srcPitch = row, .srcHeight = (size_t)height,
                          .dstMemoryType = CU_MEMORYTYPE_ARRAY, .dstArray = array, .WidthInBytes = row, .Height = (size_t)height,
                          .Depth = (size_t)depth};
    OK(cuMemcpy3D(&copy));
    return array;
}

static CUtexObject texture(CUarray array, CUaddress_mode address, CUfilter_mode filter, unsigned flags)
{
    CUtexObject object;
    CUDA_RESOURCE_DESC over = {.resType = CU_RESOURCE_TYPE_ARRAY, .res.array.hArray = array};
    CUDA_TEXTURE_DESC how = {.addressMode = {address, address, address}, .filterMode = filter, .flags = flags,
                             .borderColor = {1000, 2000, 3000, 4000}};
    OK(cuTexObjectCreate(&object, &over, &how, NULL));
    return object;
}

static CUsurfObject surface(CUarray array)
{
    CUsurfObject object;
    CUDA_RESOURCE_DESC over = {.resType = CU_RESOURCE_TYPE_ARRAY, .res.array.hArray = array};
    OK(cuSurfObjectCreate(&object, &over));
    return object;
}

/* ---- The model ----------------------------------------------------------------------------------- */
typedef struct model {
    int size[3], channels, dimensions;
    bool layered, normalized;
    CUaddress_mode address;
    double scale;            /* of what is read */
} model;

static int folded(const model *m, int i, int n)
{
    switch (m->normalized || m->address == CU_TR_ADDRESS_MODE_BORDER ? m->address : CU_TR_ADDRESS_MODE_CLAMP) {
    case CU_TR_ADDRESS_MODE_WRAP: return (i % n + n) % n;
    case CU_TR_ADDRESS_MODE_MIRROR: i = (i % (2 * n) + 2 * n) % (2 * n); return i < n ? i : 2 * n - 1 - i;
    case CU_TR_ADDRESS_MODE_BORDER: return i < 0 || i >= n ? -1 : i;
    default: return i < 0 ? 0 : i >= n ? n - 1 : i;
    }
}

static double texel(const model *m, const int at[3], int layer, int c)
{
    int p[3] = {0};
    for (int i = 0; i < m->dimensions; i++)
        if ((p[i] = folded(m, at[i], m->size[i])) < 0)
            return 1000 * (c + 1);
    if (m->layered)
        p[2] = layer < 0 ? 0 : layer >= D ? D - 1 : layer;
    return c < m->channels ? value_at(p[0], p[1], p[2], c) * m->scale : 0;
}

static double fetched(const model *m, const float *lane, bool filter, int c)
{
    int low[3] = {0};
    double weight[3] = {0}, sum = 0;
    for (int i = 0; i < m->dimensions; i++) {
        double x = m->normalized ? (double)(lane[i] * (float)m->size[i]) : lane[i];
        x -= filter ? 0.5 : 0;
        low[i] = (int)floor(x);
        weight[i] = filter ? rint((x - floor(x)) * 256) / 256 : 0;
    }
    for (int corner = 0; corner < 1 << m->dimensions; corner++) {
        int at[3];
        double w = 1;
        for (int i = 0; i < 3; i++) {
            at[i] = low[i] + (corner >> i & 1);
            w *= i >= m->dimensions ? 1 : corner >> i & 1 ? weight[i] : 1 - weight[i];
        }
        sum += w * (w ? texel(m, at, (int)lane[3], c) : 0);
    }
    return sum;
}

static void scatter(float scale)
{
    for (int i = 0; i < LANES; i++) {
        where[i][0] = ((float)(i * 37 % 97) / 97 * 16 - 4) * scale;
        where[i][1] = ((float)(i * 53 % 89) / 89 * 12 - 3) * scale;
        where[i][2] = ((float)(i * 71 % 83) / 83 * 8 - 2) * scale;
        where[i][3] = (float)(i % 6 - 1);
    }
}

static void check_floats(const model *m, bool filter, const char *what)
{
    for (int i = 0; i < LANES; i++)
        for (int c = 0; c < 4; c++) {
            double got = float_of_bits(result[i][c]), want = fetched(m, where[i], filter, c);
            if (fabs(got - want) > 1e-4 * (1 + fabs(want)) * (m->dimensions > 2 ? 1 : 0.01))
                fail_msg("%s: lane %d at (%g, %g, %g; %g), channel %d: %.9g, not %.9g", what, i, where[i][0], where[i][1], where[i][2],
                         where[i][3], c, got, want);
        }
}

/* ---- Textures ------------------------------------------------------------------------------------ */
typedef struct geometry {
    const char *name, *real, *whole;
    int dimensions, size[3];
    bool layered;
} geometry;

static const geometry geometries[] = {
    {"1d", "{%f0}", "%i0", 1, {W, 0, 0}, false},
    {"2d", "{%f0, %f1}", "{%i0, %i1}", 2, {W, H, 0}, false},
    {"3d", "{%f0, %f1, %f2, %f2}", "{%i0, %i1, %i2, %i2}", 3, {W, H, D}, false},
    {"a1d", "{%l, %f0}", "{%l, %i0}", 1, {W, 0, D}, true},
    {"a2d", "{%l, %f0, %f1, %f1}", "{%l, %i0, %i1, %i1}", 2, {W, H, D}, true}};
enum { GEOMETRIES = sizeof geometries / sizeof *geometries };

static CUarray image_of(const geometry *g, CUarray_format format, int channels)
{
    return image(format, channels, g->size[0], g->size[1], g->size[2], g->layered ? CUDA_ARRAY3D_LAYERED : 0);
}

static void fetches_follow_geometry_filter_and_address_mode(void **state)
{
    (void)state;
    for (int i = 0; i < GEOMETRIES * 16; i++) {
        const geometry *g = &geometries[i / 16];
        CUaddress_mode address = (CUaddress_mode)(i % 4);
        bool filter = i / 4 % 2, normalized = i / 8 % 2;
        model m = {{W, H, D}, 2, g->dimensions, g->layered, normalized, address, 1};
        CUarray array = image_of(g, CU_AD_FORMAT_FLOAT, 2);
        CUtexObject t = texture(array, address, (CUfilter_mode)filter, normalized ? CU_TRSF_NORMALIZED_COORDINATES : 0);
        char code[200], what[300];
        snprintf(code, sizeof code, "tex.%s.v4.f32.f32 %s, [%%o, %s];", g->name, R4, g->real);
        snprintf(what, sizeof what, "%s, address mode %d, filter %d, normalized %d", code, address, filter, normalized);
        scatter(normalized ? 0.25f : 1);
        OK(run(code, t, 0));
        check_floats(&m, filter, what);
        OK(cuTexObjectDestroy(t));
        OK(cuArrayDestroy(array));
    }
}

static void integers_are_read_as_numbers_from_0_to_1_or_as_they_are(void **state)
{
    static const struct { CUarray_format format; double scale; } rows[] = {
        {CU_AD_FORMAT_UNSIGNED_INT8, 1 / 255.0}, {CU_AD_FORMAT_SIGNED_INT8, 1 / 127.0}, {CU_AD_FORMAT_UNSIGNED_INT16, 1 / 65535.0},
        {CU_AD_FORMAT_SIGNED_INT16, 1 / 32767.0}, {CU_AD_FORMAT_HALF, 1}, {CU_AD_FORMAT_UNSIGNED_INT32, 1}, {CU_AD_FORMAT_SIGNED_INT32, 1}};
    (void)state;
    scatter(1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CUarray array = image(rows[i].format, 4, W, H, 0, 0);
        model m = {{W, H, D}, 4, 2, false, false, CU_TR_ADDRESS_MODE_CLAMP, rows[i].scale};
        bool wide = rows[i].format == CU_AD_FORMAT_UNSIGNED_INT32 || rows[i].format == CU_AD_FORMAT_SIGNED_INT32;
        CUtexObject t = texture(array, CU_TR_ADDRESS_MODE_CLAMP, CU_TR_FILTER_MODE_POINT, wide ? CU_TRSF_READ_AS_INTEGER : 0);
        OK(run("tex.2d.v4.f32.f32 " R4 ", [%o, {%f0, %f1}];", t, 0));
        check_floats(&m, false, "read as float");
        OK(cuTexObjectDestroy(t));
        if (rows[i].format != CU_AD_FORMAT_HALF) {
            t = texture(array, CU_TR_ADDRESS_MODE_CLAMP, CU_TR_FILTER_MODE_POINT, CU_TRSF_READ_AS_INTEGER);
            OK(run(i % 2 ? "tex.2d.v4.s32.f32 " R4 ", [%o, {%f0, %f1}];" : "tex.2d.v4.u32.f32 " R4 ", [%o, {%f0, %f1}];", t, 0));
            m.scale = 1;
            for (int k = 0; k < 4 * LANES; k++)
                assert_int_equal(result[k / 4][k % 4], (int)fetched(&m, where[k / 4], false, k % 4));
            OK(cuTexObjectDestroy(t));
        }
        OK(cuArrayDestroy(array));
    }
}

static void whole_coordinates_are_not_filtered_and_give_zeros_outside(void **state)
{
    (void)state;
    scatter(1);
    for (int i = 0; i < GEOMETRIES; i++) {
        const geometry *g = &geometries[i];
        CUarray array = image_of(g, CU_AD_FORMAT_FLOAT, 1);
        CUtexObject t = texture(array, CU_TR_ADDRESS_MODE_WRAP, CU_TR_FILTER_MODE_LINEAR, CU_TRSF_NORMALIZED_COORDINATES);
        char code[200];
        snprintf(code, sizeof code, "tex.%s.v4.f32.s32 %s, [%%o, %s];", g->name, R4, g->whole);
        OK(run(code, t, 0));
        for (int k = 0; k < LANES; k++) {
            int layer = (int)where[k][3], at[3] = {0};
            bool inside = true;
            for (int d = 0; d < g->dimensions; d++) {
                at[d] = (int)floorf(where[k][d]);
                inside &= at[d] >= 0 && at[d] < (int[]){W, H, D}[d];
            }
            at[2] = g->layered ? layer < 0 ? 0 : layer >= D ? D - 1 : layer : at[2];
            float want = inside ? (float)value_at(at[0], at[1], at[2], 0) : 0;
            assert_true(float_of_bits(result[k][0]) == want && result[k][1] == 0);
        }
        OK(cuTexObjectDestroy(t));
        OK(cuArrayDestroy(array));
    }
}

static void one_level_serves_every_level_and_gradient(void **state)
{
    static const char *const codes[] = {
        "tex.base.2d.v4.f32.f32 " R4 ", [%o, {%f0, %f1}];", "tex.level.2d.v4.f32.f32 " R4 ", [%o, {%f0, %f1}], %f2;",
        "tex.level.2d.v4.f32.f32 " R4 ", [%o, {%f0, %f1}], 0f00000000;",
        "tex.grad.2d.v4.f32.f32 " R4 ", [%o, {%f0, %f1}], {%f0, %f1}, {%f2, %f0};",
        "tex.2d.v4.f32.f32 " R4 ", [%o, %s, {%f0, %f1}];"};
    CUarray array = image(CU_AD_FORMAT_FLOAT, 1, W, H, 0, 0);
    model m = {{W, H, D}, 1, 2, false, true, CU_TR_ADDRESS_MODE_MIRROR, 1};
    CUtexObject t = texture(array, CU_TR_ADDRESS_MODE_MIRROR, CU_TR_FILTER_MODE_LINEAR, CU_TRSF_NORMALIZED_COORDINATES);
    CUtexObject plain = texture(array, CU_TR_ADDRESS_MODE_BORDER, CU_TR_FILTER_MODE_POINT, CU_TRSF_NORMALIZED_COORDINATES);
    (void)state;
    scatter(0.25f);
    for (int i = 0; i < 5; i++) {
        clear();
        OK(run(codes[i], i < 4 ? t : plain, t)); /* the last has the other object as its sampler */
        check_floats(&m, true, codes[i]);
    }
    OK(cuTexObjectDestroy(t));
    OK(cuTexObjectDestroy(plain));
    OK(cuArrayDestroy(array));
}

static void four_texels_are_gathered(void **state)
{
    CUarray array = image(CU_AD_FORMAT_UNSIGNED_INT8, 4, W, H, 0, 0);
    CUtexObject t = texture(array, CU_TR_ADDRESS_MODE_CLAMP, CU_TR_FILTER_MODE_POINT, CU_TRSF_READ_AS_INTEGER);
    model m = {{W, H, D}, 4, 2, false, false, CU_TR_ADDRESS_MODE_CLAMP, 1};
    (void)state;
    scatter(1);
    for (int c = 0; c < 4; c++) {
        char code[100];
        snprintf(code, sizeof code, "tld4.%c.2d.v4.u32.f32 %s, [%%o, {%%f0, %%f1}];", "rgba"[c], R4);
        OK(run(code, t, 0));
        for (int i = 0; i < 4 * LANES; i++) {
            int x = (int)floorf(where[i / 4][0] - 0.5f), y = (int)floorf(where[i / 4][1] - 0.5f), n = i % 4;
            int at[3] = {x + (n == 1 || n == 2), y + (n < 2), 0};
            assert_int_equal(result[i / 4][n], (int)texel(&m, at, 0, c));
        }
    }
    OK(cuTexObjectDestroy(t));
    OK(cuArrayDestroy(array));
}

/* A guard keeps what lanes without it had. */
static void guarded_fetches_leave_other_lanes_alone(void **state)
{
    CUarray array = image(CU_AD_FORMAT_FLOAT, 1, W, 0, 0, 0);
    CUtexObject t = texture(array, CU_TR_ADDRESS_MODE_CLAMP, CU_TR_FILTER_MODE_POINT, 0);
    (void)state;
    scatter(1);
    clear();
    OK(run("@%even tex.1d.v4.f32.f32 {%r0, _, _, %r3}, [%o, 0f40200000];", t, 0));
    for (int i = 0; i < LANES; i++) {
        assert_int_equal(result[i][0], i % 2 ? 0xcccccccc : bits_of_float((float)value_at(2, 0, 0, 0)));
        assert_int_equal(result[i][1], 0xcccccccc);
        assert_int_equal(result[i][3], i % 2 ? 0xcccccccc : 0);
    }
    OK(cuTexObjectDestroy(t));
    OK(cuArrayDestroy(array));
}

static uint32_t asked(const char *query, uint64_t object)
{
    char code[100];
    snprintf(code, sizeof code, "%s %%r0, [%%o];", query);
    OK(run(code, object, 0));
    for (int i = 1; i < LANES; i++)
        assert_int_equal(result[i][0], result[0][0]);
    return result[0][0];
}

static void queries_tell_what_the_object_is(void **state)
{
    CUarray array = image(CU_AD_FORMAT_SIGNED_INT16, 2, W, H, D, CUDA_ARRAY3D_LAYERED), box = image(CU_AD_FORMAT_HALF, 1, W, H, D, 0);
    CUtexObject t = texture(array, CU_TR_ADDRESS_MODE_MIRROR, CU_TR_FILTER_MODE_LINEAR, CU_TRSF_NORMALIZED_COORDINATES);
    CUsurfObject s = surface(box);
    (void)state;
    assert_int_equal(asked("txq.width.b32", t), W);
    assert_int_equal(asked("txq.height.b32", t), H);
    assert_int_equal(asked("txq.depth.b32", t), 1);
    assert_int_equal(asked("txq.array_size.b32", t), D);
    assert_int_equal(asked("txq.channel_data_type.b32", t), CU_AD_FORMAT_SIGNED_INT16);
    assert_int_equal(asked("txq.channel_order.b32", t), 2);
    assert_int_equal(asked("txq.normalized_coords.b32", t), 1);
    assert_int_equal(asked("txq.force_unnormalized_coords.b32", t), 0);
    assert_int_equal(asked("txq.filter_mode.b32", t), 1);
    assert_int_equal(asked("txq.addr_mode_0.b32", t), 1); /* mirror */
    assert_int_equal(asked("txq.addr_mode_2.b32", t), 1);
    assert_int_equal(asked("txq.num_mipmap_levels.b32", t), 1);
    assert_int_equal(asked("txq.num_samples.b32", t), 1);
    assert_int_equal(asked("suq.width.b32", s), W);
    assert_int_equal(asked("suq.depth.b32", s), D);
    assert_int_equal(asked("suq.array_size.b32", s), 1);
    assert_int_equal(asked("suq.channel_data_type.b32", s), CU_AD_FORMAT_HALF);
    assert_int_equal(asked("suq.memory_layout.b32", s), 0);
    OK(run("txq.level.height.b32 %r0, [%o], 0;", t, 0));
    assert_int_equal(result[0][0], H);
    OK(cuTexObjectDestroy(t));
    OK(cuSurfObjectDestroy(s));
    OK(cuArrayDestroy(array));
    OK(cuArrayDestroy(box));
}

/* ---- Surfaces ------------------------------------------------------------------------------------ */
/* What a surface of bytes holds at a byte of a row. */
static uint8_t byte_at(int x, int y, int z) { return (uint8_t)value_at(x / 4, y, z, x % 4); }

/* Lanes walk over rows of the image and beyond its edges. */
static void walk(int step)
{
    for (int i = 0; i < LANES; i++) {
        where[i][0] = (float)((i % 12 - 2) * step);
        where[i][1] = (float)(i / 12 * 3 - 1);
        where[i][2] = (float)(i % 5 - 1);
        where[i][3] = (float)(i % 5 - 1);
    }
}

/* The byte of the image that an access of `bytes` begins with; false outside. */
static bool surface_byte(const geometry *g, const float *lane, int bytes, bool clamps, int at[3])
{
    int row = 4 * W - bytes, most[3] = {row, g->dimensions > 1 ? H - 1 : 0, g->size[2] ? D - 1 : 0};
    int p[3] = {(int)lane[0], g->dimensions > 1 ? (int)lane[1] : 0, g->layered ? (int)lane[3] : g->dimensions > 2 ? (int)lane[2] : 0};
    bool inside = true;
    for (int i = 0; i < 3; i++) {
        inside &= p[i] >= 0 && p[i] <= most[i];
        at[i] = p[i] < 0 ? 0 : p[i] > most[i] ? most[i] : p[i];
    }
    return inside || clamps;
}

static void check_loads(const geometry *g, const char *code, int bytes, int count, bool clamps)
{
    for (int i = 0; i < LANES; i++) {
        int at[3];
        bool there = surface_byte(g, where[i], bytes * count, clamps, at);
        for (int b = 0; b < bytes * count; b++) {
            int held = bytes < 4 ? 2 : bytes; /* bytes of a register as the code stores it */
            uint8_t got = ((uint8_t *)result[i])[b / bytes * held + b % bytes], want = there ? byte_at(at[0] + b, at[1], at[2]) : 0;
            if (got != want)
                fail_msg("%s: lane %d, byte %d: %d, not %d", code, i, b, got, want);
        }
    }
}

static void loads_of_surfaces_read_bytes(void **state)
{
    static const struct { const char *type, *to, *after; int bytes, count; } rows[] = {
        {"b8", "%h0", "mov.b32 %r0, {%h0, %h0};", 1, 1}, {"v2.b8", "{%h0, %h1}", "mov.b32 %r0, {%h0, %h1};", 1, 2},
        {"v4.b8", "{%h0, %h1, %h2, %h3}", "mov.b32 %r0, {%h0, %h1}; mov.b32 %r1, {%h2, %h3};", 1, 4},
        {"b16", "%h0", "mov.b32 %r0, {%h0, %h0};", 2, 1}, {"v2.b16", "{%h0, %h1}", "mov.b32 %r0, {%h0, %h1};", 2, 2},
        {"b32", "%r0", "", 4, 1}, {"v2.b32", "{%r0, %r1}", "", 4, 2}, {"v4.b32", R4, "", 4, 4},
        {"b64", "%w0", "mov.b64 {%r0, %r1}, %w0;", 8, 1},
        {"v2.b64", "{%w0, %w1}", "mov.b64 {%r0, %r1}, %w0; mov.b64 {%r2, %r3}, %w1;", 8, 2}};
    (void)state;
    for (int i = 0; i < GEOMETRIES; i++) {
        CUarray array = image_of(&geometries[i], CU_AD_FORMAT_UNSIGNED_INT8, 4);
        CUsurfObject s = surface(array);
        for (size_t k = 0; k < 2 * sizeof rows / sizeof *rows; k++) {
            char code[300];
            bool clamps = k % 2;
            int bytes = rows[k / 2].bytes, count = rows[k / 2].count;
            snprintf(code, sizeof code, "suld.b.%s%s.%s.%s %s, [%%o, %s]; %s", geometries[i].name, clamps ? "" : ".ca", rows[k / 2].type,
                     clamps ? "clamp" : "zero", rows[k / 2].to, geometries[i].whole, rows[k / 2].after);
            walk(4);
            OK(run(code, s, 0));
            check_loads(&geometries[i], code, bytes, count, clamps);
        }
        OK(cuSurfObjectDestroy(s));
        OK(cuArrayDestroy(array));
    }
}

static void read_back(CUarray array, int width, int height, void *rows)
{
    CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_ARRAY, .srcArray = array, .dstMemoryType = CU_MEMORYTYPE_HOST, .dstHost = rows,
                          .dstPitch = (size_t)width, .dstHeight = (size_t)height, .WidthInBytes = (size_t)width, .Height = (size_t)height, .Depth = 1};
    OK(cuMemcpy3D(&copy));
}

static void stores_to_surfaces_write_bytes_inside(void **state)
{
    uint8_t rows[H][4 * W], want[H][4 * W];
    static const char *const codes[] = {"mov.u32 %r0, 0x04030201; sust.b.2d.b32.zero [%o, {%i0, %i1}], %r0;",
                                        "{ .reg .b16 %x; mov.u16 %x, 1; sust.b.2d.v4.b8.zero [%o, {%i0, %i1}], {%x, 2, 3, 4}; }",
                                        "mov.u16 %h0, 0x0201; mov.u16 %h1, 0x0403; sust.b.2d.v2.b16.zero [%o, {%i0, %i1}], {%h0, %h1};",
                                        "@%even sust.b.2d.cs.b32.clamp [%o, {%i0, %i1}], 0x04030201;",
                                        "sust.p.2d.v4.b32.zero [%o, {%i0, %i1}], {1, 2, 3, 0x7fffff04};"};
    (void)state;
    for (int k = 0; k < 5; k++) {
        CUarray array = image(CU_AD_FORMAT_UNSIGNED_INT8, 4, W, H, 0, 0);
        CUsurfObject s = surface(array);
        walk(k == 4 ? 1 : 4);
        for (int i = 0; i < H * 4 * W; i++)
            want[i / (4 * W)][i % (4 * W)] = byte_at(i % (4 * W), i / (4 * W), 0);
        for (int i = 0; i < LANES; i++) {
            float bytes[4] = {where[i][0] * (k == 4 ? 4 : 1), where[i][1], where[i][2], where[i][3]};
            int at[3];
            if ((k != 3 || i % 2 == 0) && surface_byte(&geometries[1], bytes, 4, k == 3, at))
                memcpy(&want[at[1]][at[0]], (uint8_t[]){1, 2, 3, 4}, 4);
        }
        OK(run(codes[k], s, 0));
        read_back(array, 4 * W, H, rows);
        assert_memory_equal(rows, want, sizeof rows);
        OK(cuSurfObjectDestroy(s));
        OK(cuArrayDestroy(array));
    }
}

static void formatted_stores_round_to_halves(void **state)
{
    CUarray array = image(CU_AD_FORMAT_HALF, 2, W, 0, 0, 0);
    CUsurfObject s = surface(array);
    uint16_t row[W][2];
    (void)state;
    for (int i = 0; i < LANES; i++)
        where[i][0] = (float)i;
    OK(run("cvt.rn.f32.s32 %f1, %i0; sust.p.1d.v2.b32.zero [%o, %i0], {%f1, 0f3f8147ae};", s, 0));
    read_back(array, sizeof row, 1, row);
    for (int i = 0; i < W; i++)
        assert_true(row[i][0] == float_to_half((float)i) && row[i][1] == float_to_half(1.01f));
    OK(cuSurfObjectDestroy(s));
    OK(cuArrayDestroy(array));
}

static void reductions_join_what_lanes_bring(void **state)
{
    CUarray array = image(CU_AD_FORMAT_UNSIGNED_INT32, 1, W, 0, 0, 0);
    CUsurfObject s = surface(array);
    uint32_t row[W];
    int32_t most[W] = {0};
    (void)state;
    for (int i = 0; i < LANES; i++)
        where[i][0] = (float)(i % 8 * 4); /* 28 is outside */
    OK(run("sured.b.1d.add.u32.zero [%o, %i0], 5; sured.b.1d.or.b32.clamp [%o, 0], 0x4000;", s, 0));
    read_back(array, sizeof row, 1, row);
    for (int i = 0; i < W; i++)
        assert_int_equal(row[i], ((uint32_t)value_at(i, 0, 0, 0) + 20) | (i ? 0 : 0x4000));
    OK(run("mov.u32 %r1, %tid.x; sub.s32 %r1, %r1, 3; sured.b.1d.min.s32.zero [%o, %i0], %r1;", s, 0));
    read_back(array, sizeof row, 1, most);
    for (int i = 0; i < W; i++)
        assert_int_equal(most[i], i - 3);
    OK(cuSurfObjectDestroy(s));
    OK(cuArrayDestroy(array));
}

/* ---- Refusals ------------------------------------------------------------------------------------ */
static void ends_with(CUresult error, const char *code, uint64_t object, uint64_t other)
{
    CUdeviceptr p;
    assert_int_equal(run(code, object, other), error);
    assert_int_equal(cuMemAlloc(&p, 4), error);
    OK(cuCtxDestroy(context));
    OK(cuCtxCreate(&context, 0, 0));
}

static void handles_that_are_none_end_the_kernel(void **state)
{
    static const char tex[] = "tex.2d.v4.f32.f32 " R4 ", [%o, {%f0, %f1}];", suld[] = "suld.b.2d.b32.zero %r0, [%o, {%i0, %i1}];";
    static const char sampled[] = "tex.2d.v4.f32.f32 " R4 ", [%o, %s, {%f0, %f1}];";
    static const _Alignas(16) char zeros[256];
    CUarray array = image(CU_AD_FORMAT_FLOAT, 1, W, H, 0, 0);
    CUtexObject t = texture(array, CU_TR_ADDRESS_MODE_CLAMP, CU_TR_FILTER_MODE_POINT, 0);
    CUsurfObject s = surface(array);
    (void)state;
    scatter(1);
    ends_with(CUDA_ERROR_ILLEGAL_ADDRESS, tex, 0, 0);
    ends_with(CUDA_ERROR_ILLEGAL_ADDRESS, tex, 64, 0);
    ends_with(CUDA_ERROR_ILLEGAL_ADDRESS, tex, (uintptr_t)zeros, 0);
    ends_with(CUDA_ERROR_ILLEGAL_ADDRESS, tex, t + 1, 0);
    ends_with(CUDA_ERROR_ILLEGAL_ADDRESS, tex, s, 0);
    ends_with(CUDA_ERROR_ILLEGAL_ADDRESS, sampled, t, 0);
    ends_with(CUDA_ERROR_ILLEGAL_ADDRESS, suld, t, 0);
    ends_with(CUDA_ERROR_ILLEGAL_ADDRESS, "txq.width.b32 %r0, [%o];", s, 0);
    ends_with(CUDA_ERROR_ILLEGAL_ADDRESS, "sust.p.2d.b32.zero [%o, {%i0, %i1}], 1;", 0, 0);
    ends_with(CUDA_ERROR_LAUNCH_FAILED, "suld.b.2d.b32.trap %r0, [%o, {-4, 0}];", s, 0);
    ends_with(CUDA_ERROR_LAUNCH_FAILED, "sust.p.2d.b32.trap [%o, {1000000000, 0}], 1;", s, 0);
    OK(cuTexObjectDestroy(t));
    OK(cuSurfObjectDestroy(s));
    OK(cuArrayDestroy(array));
}

static void text_refused(const char *text, const char *message)
{
    char got[400];
    assert_null(ptx_parse("t.ptx", text, strlen(text)));
    snprintf(got, sizeof got, "%s", cairn_error_message());
    cairn_error_clear();
    if (!strstr(got, message))
        fail_msg("%s: got \"%s\", expected \"%s\"", text, got, message);
}

static void refused(const char *code, const char *message)
{
    char *text = text_of(code);
    text_refused(text, message);
    free(text);
}

static void operands_must_fit(void **state)
{
    (void)state;
    refused("tex.cube.v4.f32.f32 " R4 ", [%o, {%f0, %f1, %f2, %f2}];", "tex with '.cube' is not supported");
    refused("tex.2d.v4.f32.f32 " R4 ", [%o, {%f0}];", "the number of coordinates or values does not fit");
    refused("tex.2d.v4.f32.f32 {%r0, %r1}, [%o, {%f0, %f1}];", "the number of registers does not fit");
    refused("tex.2d.f32.f32 %r0, [%o, {%f0, %f1}];", "the number of registers does not fit");
    refused("tex.v4.f32.f32 " R4 ", [%o, {%f0}];", "a geometry is needed");
    refused("tex.2d.v4.f32 " R4 ", [%o, {%f0, %f1}];", "two types are needed");
    refused("tex.2d.v4.f32.u32 " R4 ", [%o, {%f0, %f1}];", "coordinates are .f32, or .s32");
    refused("tex.2d.v4.f32.f32 " R4 ", [%r0, {%f0, %f1}];", "register %r0 is .b32 where .u64 is needed");
    refused("tex.level.2d.v4.f32.f32 " R4 ", [%o, {%f0, %f1}];", "expected ','");
    refused("tld4.2d.v4.f32.f32 " R4 ", [%o, {%f0, %f1}];", "a channel is needed");
    refused("txq.b32 %r0, [%o];", "one query is needed");
    refused("suld.b.2d.b32 %r0, [%o, {%i0, %i1}];", ".trap, .clamp or .zero is needed");
    refused("suld.b.2d.v2.b32.trap %r0, [%o, {%i0, %i1}];", "the number of registers does not fit");
    refused("suld.b.2d.b32.trap %r0, [%o, %s, {%i0, %i1}];", "the number of coordinates or values does not fit");
    refused("sust.b.2d.v2.b32.trap [%o, {%i0, %i1}], %r0;", "the number of coordinates or values does not fit");
    refused("sured.b.1d.u32.trap [%o, %i0], 1;", "an operation is needed");
}

/* ---- References ---------------------------------------------------------------------------------- */
#define HEAD ".version 7.8\n.target sm_80, texmode_independent\n.address_size 64\n"
static const char references[] = HEAD
    ".global .texref image;\n.tex .u64 old;\n.global .texref preset = {normalized_coords = 1, filter_mode = linear};\n"
    ".global .samplerref mirrored = {addr_mode_0 = mirror, addr_mode_1 = mirror, filter_mode = linear};\n"
    ".global .samplerref plain = {addr_mode_0 = clamp_to_border, force_unnormalized_coords = 1};\n.global .surfref sheet;\n"
    ".visible .global .u64 handle = image;\n"
    ".visible .entry k(.param .u64 where, .param .u64 out, .param .u32 which)\n{\n"
    ".reg .f32 %f<8>; .reg .b32 %r<8>; .reg .b64 %d<8>; .reg .pred %p<9>;\n"
    "mov.u32 %r0, %tid.x; mul.wide.u32 %d2, %r0, 16; ld.param.u64 %d0, [where]; ld.param.u64 %d1, [out];\n"
    "add.u64 %d0, %d0, %d2; add.u64 %d1, %d1, %d2; ld.global.v2.f32 {%f0, %f1}, [%d0]; ld.param.u32 %r1, [which];\n"
    "mov.f32 %f4, 0f00000000; mov.f32 %f5, %f4; mov.f32 %f6, %f4; mov.f32 %f7, %f4;\n"
    "setp.eq.u32 %p0, %r1, 0; setp.eq.u32 %p1, %r1, 1; setp.eq.u32 %p2, %r1, 2; setp.eq.u32 %p3, %r1, 3; setp.eq.u32 %p4, %r1, 4;\n"
    "setp.eq.u32 %p5, %r1, 5; setp.eq.u32 %p6, %r1, 6; mov.u64 %d3, image; ld.global.u64 %d4, [handle];\n"
#define F4 "{%f4, %f5, %f6, %f7}"
    "@%p0 tex.2d.v4.f32.f32 " F4 ", [image, {%f0, %f1}];\n@%p1 tex.2d.v4.f32.f32 " F4 ", [image, mirrored, {%f0, %f1}];\n"
    "@%p2 tex.2d.v4.f32.f32 " F4 ", [%d3, plain, {%f0, %f1}];\n@%p3 tex.2d.v4.f32.f32 " F4 ", [%d4, {%f0, %f1}];\n"
    "@%p4 tex.2d.v4.f32.f32 " F4 ", [preset, {%f0, %f1}];\n"
    "cvt.rni.s32.f32 %r2, %f0;\n@%p5 tex.1d.v4.f32.s32 " F4 ", [old, %r2];\n"
    "shl.b32 %r2, %r0, 2; @%p6 sust.b.2d.b32.zero [sheet, {%r2, 1}], %r0;\n"
    "st.global.v4.f32 [%d1], " F4 "; ret;\n}\n";

static CUresult run_reference(CUmodule m, int which)
{
    CUfunction f;
    CUdeviceptr p = (CUdeviceptr)where, q = (CUdeviceptr)result;
    void *params[] = {&p, &q, &which};
    OK(cuModuleGetFunction(&f, m, "k"));
    OK(cuLaunchKernel(f, 1, 1, 1, LANES, 1, 1, 0, NULL, params, NULL));
    return cuCtxSynchronize();
}

static void references_read_what_is_bound_to_them(void **state)
{
    static float list[LANES];
    CUmodule m;
    CUtexref image_ref, preset, old;
    CUsurfref sheet;
    CUarray array = image(CU_AD_FORMAT_FLOAT, 1, W, H, 0, 0), back, drawn = image(CU_AD_FORMAT_UNSIGNED_INT32, 1, W, H, 0, 0);
    float border[4] = {1000, 2000, 3000, 4000};
    uint32_t row[H][W];
    (void)state;
    OK(cuModuleLoadData(&m, references));
    OK(cuModuleGetTexRef(&image_ref, m, "image"));
    OK(cuModuleGetTexRef(&preset, m, "preset"));
    OK(cuModuleGetTexRef(&old, m, "old"));
    OK(cuModuleGetSurfRef(&sheet, m, "sheet"));
    OK(cuTexRefSetArray(image_ref, array, CU_TRSA_OVERRIDE_FORMAT));
    OK(cuTexRefGetArray(&back, image_ref));
    assert_ptr_equal(back, array);
    OK(cuTexRefSetBorderColor(image_ref, border));
    for (int d = 0; d < 2; d++)
        OK(cuTexRefSetAddressMode(image_ref, d, CU_TR_ADDRESS_MODE_BORDER));
    scatter(1);
    model edged = {{W, H, D}, 1, 2, false, false, CU_TR_ADDRESS_MODE_BORDER, 1};
    for (int which = 0; which < 4; which += 3) {
        OK(run_reference(m, which));
        check_floats(&edged, false, "a reference over an array");
    }
    OK(cuTexRefSetFlags(image_ref, CU_TRSF_NORMALIZED_COORDINATES));
    OK(cuTexRefSetFilterMode(image_ref, CU_TR_FILTER_MODE_LINEAR));
    scatter(0.25f);
    edged.normalized = true;
    OK(run_reference(m, 0));
    check_floats(&edged, true, "a reference with normalized coordinates");
    model mirrored = {{W, H, D}, 1, 2, false, true, CU_TR_ADDRESS_MODE_MIRROR, 1};
    OK(cuTexRefSetFilterMode(image_ref, CU_TR_FILTER_MODE_POINT));
    OK(run_reference(m, 1));
    for (int i = 0; i < LANES; i++)
        assert_true(float_of_bits(result[i][0]) == (float)fetched(&mirrored, where[i], true, 0));
    scatter(1); /* `plain` asks for coordinates in texels; its border, left and right, is black */
    OK(run_reference(m, 2));
    for (int i = 0; i < LANES; i++) {
        int x = (int)floorf(where[i][0]), y = (int)floorf(where[i][1]);
        y = y < 0 ? 0 : y >= H ? H - 1 : y;
        assert_true(float_of_bits(result[i][0]) == (x >= 0 && x < W ? (float)value_at(x, y, 0, 0) : 0));
    }
    OK(cuTexRefSetArray(preset, array, CU_TRSA_OVERRIDE_FORMAT));
    scatter(0.25f);
    mirrored.address = CU_TR_ADDRESS_MODE_WRAP;
    OK(run_reference(m, 4));
    check_floats(&mirrored, true, "a reference with initial values");
    for (int i = 0; i < LANES; i++)
        list[i] = (float)(i * 3);
    OK(cuTexRefSetFormat(old, CU_AD_FORMAT_FLOAT, 1));
    OK(cuTexRefSetAddress(NULL, old, (CUdeviceptr)list, sizeof list));
    for (int i = 0; i < LANES; i++)
        where[i][0] = (float)(LANES - 1 - i);
    OK(run_reference(m, 5));
    for (int i = 0; i < LANES; i++)
        assert_true(float_of_bits(result[i][0]) == (float)(3 * (LANES - 1 - i)));
    OK(cuSurfRefSetArray(sheet, drawn, 0));
    OK(run_reference(m, 6));
    read_back(drawn, sizeof row[0], H, row);
    for (int i = 0; i < W; i++)
        assert_true(row[1][i] == (uint32_t)i && row[0][i] == (uint32_t)value_at(i, 0, 0, 0));
    OK(cuModuleUnload(m));
    OK(cuArrayDestroy(array));
    OK(cuArrayDestroy(drawn));
}

static void references_are_checked(void **state)
{
    CUmodule m;
    CUtexref r;
    CUsurfref s;
    CUdeviceptr p;
    size_t bytes;
    CUaddress_mode address;
    CUfilter_mode filter;
    CUarray_format format;
    unsigned flags;
    int channels;
    static uint8_t memory[4 * 64];
    CUDA_ARRAY_DESCRIPTOR shape = {16, 4, CU_AD_FORMAT_UNSIGNED_INT8, 1}, wide = {65, 4, CU_AD_FORMAT_UNSIGNED_INT8, 1};
    CUarray back;
    (void)state;
    OK(cuModuleLoadData(&m, references));
    assert_int_equal(cuModuleGetTexRef(&r, m, "sheet"), CUDA_ERROR_NOT_FOUND);
    assert_int_equal(cuModuleGetSurfRef(&s, m, "image"), CUDA_ERROR_NOT_FOUND);
    assert_int_equal(cuModuleGetGlobal(&p, &bytes, m, "image"), CUDA_ERROR_NOT_FOUND);
    assert_int_equal(cuModuleGetTexRef(&r, NULL, "image"), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuModuleGetTexRef(NULL, m, "image"), CUDA_ERROR_INVALID_VALUE);
    OK(cuModuleGetTexRef(&r, m, "image"));
    OK(cuModuleGetSurfRef(&s, m, "sheet"));
    assert_int_equal(cuTexRefSetArray(r, NULL, CU_TRSA_OVERRIDE_FORMAT), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuTexRefSetArray(NULL, NULL, CU_TRSA_OVERRIDE_FORMAT), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuSurfRefSetArray(s, NULL, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuTexRefSetFormat(r, CU_AD_FORMAT_FLOAT, 3), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuTexRefSetAddressMode(r, 3, CU_TR_ADDRESS_MODE_WRAP), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuTexRefSetFilterMode(r, (CUfilter_mode)7), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuTexRefSetFlags(r, 0x80), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuTexRefSetFlags(r, CU_TRSF_SRGB), CUDA_ERROR_NOT_SUPPORTED);
    assert_int_equal(cuTexRefSetAddress2D(r, &wide, (CUdeviceptr)memory, 64), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuTexRefGetArray(&back, r), CUDA_ERROR_INVALID_VALUE);
    OK(cuTexRefSetAddress2D(r, &shape, (CUdeviceptr)memory, 64));
    OK(cuTexRefSetFlags(r, CU_TRSF_READ_AS_INTEGER));
    OK(cuTexRefSetAddressMode(r, 1, CU_TR_ADDRESS_MODE_CLAMP));
    OK(cuTexRefGetAddress(&p, r));
    OK(cuTexRefGetAddressMode(&address, r, 1));
    OK(cuTexRefGetFilterMode(&filter, r));
    OK(cuTexRefGetFormat(&format, &channels, r));
    OK(cuTexRefGetFlags(&flags, r));
    assert_true(p == (CUdeviceptr)memory && address == CU_TR_ADDRESS_MODE_CLAMP && filter == CU_TR_FILTER_MODE_POINT);
    assert_true(format == CU_AD_FORMAT_UNSIGNED_INT8 && channels == 1 && flags == CU_TRSF_READ_AS_INTEGER);
    /* Integers cannot be filtered, and nothing is bound to `preset`: kernels that use them end. */
    OK(cuTexRefSetFilterMode(r, CU_TR_FILTER_MODE_LINEAR));
    for (int which = 0; which < 5; which += 4) {
        assert_int_equal(run_reference(m, which), CUDA_ERROR_ILLEGAL_ADDRESS);
        OK(cuCtxDestroy(context));
        OK(cuCtxCreate(&context, 0, 0));
    }
    OK(cuModuleUnload(m));
}

static void declarations_of_references_are_checked(void **state)
{
    (void)state;
#define BODY "\n.entry k() { .reg .f32 %f<4>; .reg .b32 %r; "
    text_refused(HEAD ".const .texref t;", "'t': a reference is one variable in .global");
    text_refused(HEAD ".global .texref t[2];", "'t': a reference is one variable in .global");
    text_refused(HEAD ".global .texref t = {width = 7};", "the field 'width' cannot be initialised");
    text_refused(HEAD ".global .texref t = {filter_mode = sharp};", "expected a number");
    text_refused(HEAD ".global .u64 t;" BODY "tex.1d.v4.f32.f32 {%f0, %f1, %f2, %f3}, [t, %f0]; }", "a texture is needed");
    text_refused(HEAD ".global .surfref t;" BODY "tex.1d.v4.f32.f32 {%f0, %f1, %f2, %f3}, [t, %f0]; }", "a texture is needed");
    text_refused(HEAD ".global .texref t;" BODY "suld.b.1d.b32.trap %r, [t, 4]; }", "a surface is needed");
    text_refused(HEAD ".global .texref t; .global .surfref s;" BODY "tex.1d.v4.f32.f32 {%f0, %f1, %f2, %f3}, [t, s, {%f0}]; }",
                 "a sampler is needed");
    text_refused(HEAD ".global .samplerref t;" BODY "txq.width.b32 %r, [t]; }", "this object cannot be asked");
}

/* ---- All ----------------------------------------------------------------------------------------- */
static int begin(void **state)
{
    (void)state;
    return cuInit(0) || cuCtxCreate(&context, 0, 0);
}

static int end(void **state)
{
    (void)state;
    return cuCtxDestroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fetches_follow_geometry_filter_and_address_mode),
        cmocka_unit_test(integers_are_read_as_numbers_from_0_to_1_or_as_they_are),
        cmocka_unit_test(whole_coordinates_are_not_filtered_and_give_zeros_outside),
        cmocka_unit_test(one_level_serves_every_level_and_gradient),
        cmocka_unit_test(four_texels_are_gathered),
        cmocka_unit_test(guarded_fetches_leave_other_lanes_alone),
        cmocka_unit_test(queries_tell_what_the_object_is),
        cmocka_unit_test(loads_of_surfaces_read_bytes),
        cmocka_unit_test(stores_to_surfaces_write_bytes_inside),
        cmocka_unit_test(formatted_stores_round_to_halves),
        cmocka_unit_test(reductions_join_what_lanes_bring),
        cmocka_unit_test(handles_that_are_none_end_the_kernel),
        cmocka_unit_test(operands_must_fit),
        cmocka_unit_test(references_read_what_is_bound_to_them),
        cmocka_unit_test(references_are_checked),
        cmocka_unit_test(declarations_of_references_are_checked),
    };
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    return cmocka_run_group_tests(tests, begin, end);
}
