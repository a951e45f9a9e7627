/* Each PTX instruction against a scalar model, over all pairs of edge values: as vectors (threads of a
 * block, full warps and one that is not) and as scalars (one thread for each block).
 *
 * Only the driver API is used, so that scripts/test_gpu.sh can run the same rows on NVIDIA's driver and hold the
 * models against a GPU. */
#define _GNU_SOURCE
#include "base/error.h"
#include <cuda/cuda.h>
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef uint16_t u16;
typedef int16_t s16;
typedef uint32_t u32;
typedef int32_t s32;
typedef uint64_t u64;
typedef int64_t s64;
typedef float f32;
typedef double f64;

/* ---- 16-bit floats ------------------------------------------------------------------------------- */
#include "runtime/exec/half.h"

/* Rounded once from a value with all its digits: 113 bits hold any sum of a product and a term of f16. */
static u16 half_of_exact(__float128 x)
{
    u16 low = 0, high = 0x7c00;
    __float128 size = x < 0 ? -x : x;
    if (x != x)
        return 0x7fff;
    while (high - low > 1) { /* the largest number not above the value */
        u16 middle = (u16)((low + high) / 2);
        if ((__float128)half_to_float(middle) <= size)
            low = middle;
        else
            high = middle;
    }
    __float128 above = high == 0x7c00 ? 65536 : (__float128)half_to_float(high), down = size - half_to_float(low), up = above - size;
    u16 nearest = down < up || (down == up && !(low & 1)) ? low : high;
    return (u16)(nearest | (x < 0 || (x == 0 && signbit((f64)x)) ? 0x8000 : 0));
}

static u16 h_add(u16 a, u16 b) { return float_to_half(half_to_float(a) + half_to_float(b)); }
static u16 h_sub(u16 a, u16 b) { return float_to_half(half_to_float(a) - half_to_float(b)); }
static u16 h_mul(u16 a, u16 b) { return float_to_half(half_to_float(a) * half_to_float(b)); }
static u16 h_fma(u16 a, u16 b, u16 c)
{
    f64 product = (f64)half_to_float(a) * half_to_float(b);
    __float128 sum = (__float128)product + half_to_float(c);
    return sum == 0 || isinf(product) || isinf(half_to_float(c)) ? float_to_half((f32)(product + half_to_float(c))) : half_of_exact(sum);
}
static u16 h_relu(u16 x) { return half_to_float(x) <= 0 ? 0 : x; }
static f32 smaller_h(f32 a, f32 b) { return a != a ? b : b != b ? a : a < b ? a : b < a ? b : signbit(a) ? a : b; }
static u16 h_min(u16 a, u16 b) { return float_to_half(smaller_h(half_to_float(a), half_to_float(b))); }
static u16 h_max_nan(u16 a, u16 b)
{
    f32 x = half_to_float(a), y = half_to_float(b);
    return x != x || y != y ? 0x7fff : float_to_half(-smaller_h(-x, -y));
}
static u16 b_add(u16 a, u16 b) { return float_to_bfloat(bfloat_to_float(a) + bfloat_to_float(b)); }
static u16 b_max(u16 a, u16 b) { return float_to_bfloat(-smaller_h(-bfloat_to_float(a), -bfloat_to_float(b))); }

/* The sum to odd in 64 digits of a long double, then in 24, then to nearest: as good as rounded once. */
static u16 b_fma(u16 a, u16 b, u16 c)
{
    __float128 product = (__float128)bfloat_to_float(a) * bfloat_to_float(b), z = bfloat_to_float(c);
    if (product != product || z != z || isinf((f64)product) || isinf((f64)z) || product + z == 0)
        return float_to_bfloat((f32)((f64)product + (f64)z));
    __float128 big = (product < 0 ? -product : product) > (z < 0 ? -z : z) ? product : z, small = big == product ? z : product;
    __float128 sum = big + small, lost = small - (sum - big);
    f64 near = (f64)sum;
    f32 x = (f32)near;
    __float128 rest = (sum - (__float128)x) + lost;
    if (rest != 0) {
        u32 bits = bits_of_float(x);
        if ((rest < 0) != !!(bits >> 31))
            bits--;
        x = float_of_bits(bits | 1);
    }
    return float_to_bfloat(x);
}

static u32 pairwise(u16 (*f)(u16, u16), u32 a, u32 b) { return f((u16)a, (u16)b) | (u32)f((u16)(a >> 16), (u16)(b >> 16)) << 16; }
static u32 triplewise(u16 (*f)(u16, u16, u16), u32 a, u32 b, u32 c)
{
    return f((u16)a, (u16)b, (u16)c) | (u32)f((u16)(a >> 16), (u16)(b >> 16), (u16)(c >> 16)) << 16;
}

/* Any NaN is as good as another. */
static bool same_halves(u32 x, u32 y, bool bfloat)
{
    for (int i = 0; i < 32; i += 16) {
        u16 a = (u16)(x >> i), b = (u16)(y >> i);
        f32 p = bfloat ? bfloat_to_float(a) : half_to_float(a), q = bfloat ? bfloat_to_float(b) : half_to_float(b);
        if (a != b && !(p != p && q != q))
            return false;
    }
    return true;
}

/* Half words and bytes, clamped or not. */
static s32 part(u32 x, int i, int bits, bool as_signed)
{
    u32 top = x << (32 - bits * (i + 1));
    return as_signed ? (s32)top >> (32 - bits) : (s32)(top >> (32 - bits));
}

static s32 within(s32 x, s32 least, s32 most) { return x < least ? least : x > most ? most : x; }

#define PARTS(count, as_signed, type, expression)                                                     \
    ({                                                                                                \
        u32 all_ = 0;                                                                                 \
        for (int i_ = 0; i_ < (count); i_++) {                                                        \
            s32 x = part(a, i_, 32 / (count), as_signed), y = part(b, i_, 32 / (count), as_signed);    \
            all_ |= (u32)(type)(expression) << (32 / (count) * i_);                                    \
        }                                                                                             \
        all_;                                                                                         \
    })

/* ---- Models -------------------------------------------------------------------------------------- */
static s32 saturate(s64 x) { return x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : (s32)x; }
static s32 quotient(s32 a, s32 b) { return b == 0 ? -1 : b == -1 ? (s32)(0 - (u32)a) : a / b; }
static s32 remainder_of(s32 a, s32 b) { return b == 0 ? -1 : b == -1 ? 0 : a % b; }

static s32 low24(s32 x) { return (s32)((u32)x << 8) >> 8; }

static u32 reverse(u32 x)
{
    u32 y = 0;
    for (int i = 0; i < 32; i++)
        y |= (x >> i & 1) << (31 - i);
    return y;
}

static u32 bfind_signed(s32 x)
{
    u32 y = (u32)(x < 0 ? ~x : x);
    return y ? 31 - (u32)__builtin_clz(y) : ~0u;
}

/* bfe, bit by bit, as the PTX manual writes it. */
static u64 extract(u64 a, u32 start, u32 length, u32 width, bool is_signed)
{
    u32 top = start + length - 1 < width - 1 ? start + length - 1 : width - 1;
    u64 sign = !is_signed || length == 0 ? 0 : a >> top & 1, d = 0;
    for (u32 i = 0; i < width; i++)
        d |= (i < length && start + i < width ? a >> (start + i) & 1 : sign) << i;
    return d;
}

static u32 insert(u32 a, u32 b, u32 start, u32 length)
{
    for (u32 i = 0; i < length && start + i < 32; i++)
        b = (b & ~(1u << (start + i))) | (a >> i & 1) << (start + i);
    return b;
}

static u32 mask_of(u32 start, u32 length)
{
    u32 mask = 0;
    for (u64 i = start; i < 32 && i < (u64)start + length; i++)
        mask |= 1u << i;
    return mask;
}

static u32 permute(u32 a, u32 b, u32 selector)
{
    u64 both = (u64)b << 32 | a;
    u32 d = 0;
    for (int i = 0; i < 4; i++) {
        u32 s = selector >> (4 * i), byte = (u32)(both >> (8 * (s & 7))) & 255;
        d |= (s & 8 ? (byte & 128 ? 255u : 0) : byte) << (8 * i);
    }
    return d;
}

static f32 flush(f32 x) { return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x; }
static f32 smaller(f32 a, f32 b) { return a != a ? b : b != b ? a : a < b ? a : b < a ? b : signbit(a) ? a : b; }
static f32 larger(f32 a, f32 b) { return a != a ? b : b != b ? a : a > b ? a : b > a ? b : signbit(a) ? b : a; }
static s32 to_int(f32 x) { return x != x ? 0 : x >= 0x1p31f ? INT32_MAX : x < -0x1p31f ? INT32_MIN : (s32)x; }

/* The expression of x and y, evaluated in another rounding mode. */
#define ROUNDED(mode, type, expression)           \
    ({                                            \
        volatile type x = a, y = b;               \
        (void)y;                                  \
        fesetround(mode);                         \
        volatile __typeof__(expression) r_ = expression; \
        fesetround(FE_TONEAREST);                 \
        r_;                                       \
    })

/* ---- The table ----------------------------------------------------------------------------------- */
/* Each row is a case of one function; __COUNTER__ numbers the cases in the order of the table. */
enum { FIRST_CASE = __COUNTER__ + 1 };

static void model(int number, const void *pa, const void *pb, const void *pc, void *pd)
{
    switch (number + FIRST_CASE) {
#define ROW(text, in, out, expression)                                         \
    case __COUNTER__: {                                                        \
        in a = *(const in *)pa, b = *(const in *)pb, c = *(const in *)pc;      \
        (void)a, (void)b, (void)c;                                             \
        *(out *)pd = (out)(expression);                                        \
        break;                                                                 \
    }
#include "instructions.def"
#undef ROW
    }
}

typedef struct row {
    const char *text, *in, *out;
} row;

static const row rows[] = {
#define ROW(text, in, out, expression) {text, #in, #out},
#include "instructions.def"
#undef ROW
};
enum { ROWS = sizeof rows / sizeof *rows };

/* ---- Kernels ------------------------------------------------------------------------------------- */
static int bytes_of(const char *type) { return atoi(type + 1) / 8; }

/* Registers of unsigned types are declared as bits: instructions on pairs of halves take no others. */
static char register_kind(const char *type) { return type[0] == 'u' ? 'b' : type[0]; }

/* d[i] = row(a[i], b[i], c[i]) for the threads below n. */
static char *kernel_text(const row *r)
{
    static const char pattern[] =
        ".version 7.8\n.target sm_%d\n.address_size 64\n"
        ".visible .entry k(.param .u64 pa, .param .u64 pb, .param .u64 pc, .param .u64 pd, .param .u32 n)\n{\n"
        ".reg .%c%s %%a, %%b, %%c;\n.reg .%c%s %%d;\n.reg .pred %%p, %%q, %%out;\n.reg .b32 %%i, %%t, %%s, %%n, %%u, %%v;\n"
        ".reg .u64 %%x, %%o;\n"
        "mov.u32 %%i, %%ctaid.x; mov.u32 %%t, %%ntid.x; mov.u32 %%s, %%tid.x; mad.lo.u32 %%i, %%i, %%t, %%s;\n"
        "ld.param.u32 %%n, [n]; setp.ge.u32 %%out, %%i, %%n; @%%out bra END;\n"
        "mul.wide.u32 %%o, %%i, %d;\n"
        "ld.param.u64 %%x, [pa]; add.u64 %%x, %%x, %%o; ld.global.%s %%a, [%%x];\n"
        "ld.param.u64 %%x, [pb]; add.u64 %%x, %%x, %%o; ld.global.%s %%b, [%%x];\n"
        "ld.param.u64 %%x, [pc]; add.u64 %%x, %%x, %%o; ld.global.%s %%c, [%%x];\n"
        "setp.lt.%s %%p, %%a, %%b;\n%s\n"
        "mul.wide.u32 %%o, %%i, %d; ld.param.u64 %%x, [pd]; add.u64 %%x, %%x, %%o; st.global.%s [%%x], %%d;\n"
        "END: ret;\n}\n";
    char *text;
    assert_true(asprintf(&text, pattern, strstr(r->text, "add.bf16x2") ? 90 : 80, register_kind(r->in), r->in + 1, register_kind(r->out), r->out + 1, bytes_of(r->in), r->in, r->in, r->in, r->in, r->text,
                         bytes_of(r->out), r->out) > 0);
    return text;
}

/* ---- Values -------------------------------------------------------------------------------------- */
enum { EDGES = 40, COUNT = EDGES * EDGES };

static u64 edge(const char *type, int i)
{
    static const u64 integers[EDGES] = {0, 1, 2, 3, 7, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000,
                                        0x7fffffff, 0x80000000, 0xffffffff, 0x123456789abcdef0, 0x8000000000000000,
                                        0xffffffffffffffff,
                                        /* pairs of f16 and bf16: ones, ends of ranges, subnormals, ties */
                                        0x3c003c00, 0xbc013800, 0x7bff7bff, 0x7c00fc00, 0x7e000001, 0x040083ff, 0x3f803f80,
                                        0x7f7fff80, 0x00018001, 0x3c01bbff, 0x77ff5555, 0x10011401, 0xc2c8bf81, 0x3b013f81,
                                        0x00000b7f, 0x8102a5a5};
    static const f32 singles[EDGES] = {0, -0.0f, 1, -1, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 0x1p-149f, -0x1p-127f, 0x1p-126f,
                                       0x1p127f, -0x1p127f, 0x1p31f, -0x1p31f, 0x1p32f, 3.1415927f, 1e10f, -1e-10f,
                                       0.1f, INFINITY, -INFINITY, NAN, 65504, 65519.99f, 65520, -65536, 1.00048828125f,
                                       1.00146484375f, 0x1p-25f, 0x1.8p-25f, -0x1p-14f, 0x1.ffcp-15f, 1.00390625f, 1.01171875f,
                                       0x1.fep127f, 0x1.ffp127f, 0x1.000002p0f, -3.99999976f};
    u64 bits = integers[i];
    if (type[0] == 'f' && type[1] == '3') {
        memcpy(&bits, &singles[i], 4);
    } else if (type[0] == 'f') {
        f64 x = singles[i];
        x = i == 20 ? 0.1 : i == 9 ? 0x1p-1074 : x;
        memcpy(&bits, &x, 8);
    }
    return bits;
}

static bool same(const char *type, const void *x, const void *y)
{
    int bytes = bytes_of(type);
    if (memcmp(x, y, (size_t)bytes) == 0)
        return true;
    if (type[0] != 'f')
        return false;
    return bytes == 4 ? isnan(*(const f32 *)x) && isnan(*(const f32 *)y) : isnan(*(const f64 *)x) && isnan(*(const f64 *)y);
}

/* ---- Running ------------------------------------------------------------------------------------- */
static _Alignas(64) uint8_t a[8 * COUNT], b[8 * COUNT], c[8 * COUNT], d[8 * COUNT];

static void fill(const row *r)
{
    size_t bytes = (size_t)bytes_of(r->in);
    for (size_t i = 0; i < COUNT; i++) {
        u64 x = edge(r->in, (int)i % EDGES), y = edge(r->in, (int)i / EDGES), z = edge(r->in, (int)(i * 7 + 3) % EDGES);
        memcpy(a + i * bytes, &x, bytes);
        memcpy(b + i * bytes, &y, bytes);
        memcpy(c + i * bytes, &z, bytes);
    }
    memset(d, 0xcc, sizeof d);
}

/* Says the first differences. */
static bool check(const row *r, int number, const char *how)
{
    size_t in = (size_t)bytes_of(r->in), out = (size_t)bytes_of(r->out);
    int bad = 0;
    for (size_t i = 0; i < COUNT && bad < 3; i++) {
        u64 want = 0, got = 0, x = 0, y = 0, z = 0;
        model(number, a + i * in, b + i * in, c + i * in, &want);
        memcpy(&got, d + i * out, out);
        memcpy(&x, a + i * in, in);
        memcpy(&y, b + i * in, in);
        memcpy(&z, c + i * in, in);
        bool halves = strstr(r->text, "f16") && r->out[0] == 'u' && same_halves((u32)want, (u32)got, strstr(r->text, "bf16"));
        if (!halves && !same(r->out, &want, &got)) {
            print_error("%s (%s) of %#llx, %#llx, %#llx gives %#llx, not %#llx\n", r->text, how, (unsigned long long)x,
                        (unsigned long long)y, (unsigned long long)z, (unsigned long long)got, (unsigned long long)want);
            bad++;
        }
    }
    return bad == 0;
}

static bool run(const row *r, int number, CUfunction f, unsigned blocks, unsigned threads, const char *how)
{
    CUdeviceptr pa = (CUdeviceptr)a, pb = (CUdeviceptr)b, pc = (CUdeviceptr)c, pd = (CUdeviceptr)d;
    u32 n = COUNT;
    void *params[] = {&pa, &pb, &pc, &pd, &n};
    fill(r);
    assert_int_equal(cuLaunchKernel(f, blocks, 1, 1, threads, 1, 1, 0, NULL, params, NULL), CUDA_SUCCESS);
    assert_int_equal(cuCtxSynchronize(), CUDA_SUCCESS);
    return check(r, number, how);
}

static void each_instruction_agrees_with_its_model(void **state)
{
    int bad = 0;
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        char *text = kernel_text(&rows[i]);
        CUmodule m;
        CUfunction f;
        if (cuModuleLoadData(&m, text)) {
            print_error("%s does not load\n", rows[i].text);
            free(text);
            bad++;
            continue;
        }
        assert_int_equal(cuModuleGetFunction(&f, m, "k"), CUDA_SUCCESS);
        bad += !run(&rows[i], i, f, (COUNT + 127) / 128, 128, "full warps");
        bad += !run(&rows[i], i, f, COUNT, 1, "one thread");
        assert_int_equal(cuModuleUnload(m), CUDA_SUCCESS);
        free(text);
    }
    assert_int_equal(bad, 0);
}

static CUcontext context;

static int begin(void **state)
{
    (void)state;
    if (cuInit(0) || cuCtxCreate(&context, 0, 0))
        return -1;
    /* A GPU reads the process's memory only where it was told of it. */
    return cuMemHostRegister(a, sizeof a, 0) || cuMemHostRegister(b, sizeof b, 0) || cuMemHostRegister(c, sizeof c, 0) ||
           cuMemHostRegister(d, sizeof d, 0);
}

static int end(void **state)
{
    (void)state;
    return cuCtxDestroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_instruction_agrees_with_its_model)};
    return cmocka_run_group_tests(tests, begin, end);
}
