/* Convolution in all its kinds: three dimensions, strides, half and integer types, fused epilogues, each algorithm by name, the bias
 * gradient, and the choice by measurement. */
#include "primitives_test.h"

#include "primitives/conv/layout.h"
#include "primitives/conv/ref.h"
#include "primitives/finish.h"
#include "base/memory.h"
#include "primitives/gemm/half.h"

#include <unistd.h>

/* ---- Tensors of any type and strides ------------------------------------------------------------------*/

typedef struct tensor {
    layout l;
    int64_t bytes;
    char *block, *first;
} tensor;

static double get_any(cairn_dtype type, const void *x, int64_t i)
{
    return type == CAIRN_F16    ? f16_to_f32(((const uint16_t *)x)[i])
           : type == CAIRN_BF16 ? bf16_to_f32(((const uint16_t *)x)[i])
           : type == CAIRN_I8   ? ((const int8_t *)x)[i]
           : type == CAIRN_U8   ? ((const uint8_t *)x)[i]
           : type == CAIRN_I32  ? ((const int32_t *)x)[i]
                                : get(x, type, i);
}

static void set_random(cairn_dtype type, void *x, int64_t i)
{
    const double v = test_uniform();
    switch (type) {
    case CAIRN_F16: ((uint16_t *)x)[i] = f32_to_f16((float)v); break;
    case CAIRN_BF16: ((uint16_t *)x)[i] = f32_to_bf16((float)v); break;
    case CAIRN_I8: case CAIRN_U8: ((uint8_t *)x)[i] = (uint8_t)test_random(); break;
    case CAIRN_I32: ((int32_t *)x)[i] = (int32_t)test_random(); break;
    default: set(x, type, i, v);
    }
}

static tensor tensor_of(const layout *l)
{
    int64_t low = 0, high = 1;
    for (int i = 0; i < 5 && layout_elements(l); i++)
        *(l->stride[i] < 0 ? &low : &high) += (l->size[i] > 1 ? l->size[i] - 1 : 0) * l->stride[i];
    tensor t = {.l = *l, .bytes = (high - low) * cairn_dtype_bytes(l->type)};
    t.block = malloc((size_t)t.bytes);
    t.first = t.block - low * cairn_dtype_bytes(l->type);
    for (int64_t i = low; i < high; i++)
        set_random(l->type, t.first, i);
    return t;
}

static tensor copy_of(const tensor *t)
{
    tensor copy = *t;
    copy.block = malloc((size_t)t->bytes);
    copy.first = copy.block + (t->first - t->block);
    memcpy(copy.block, t->block, (size_t)t->bytes);
    return copy;
}

static void run_pass(const cairn_conv *d, cairn_conv_pass pass, const void *a, const void *b, void *result)
{
    const int64_t bytes = cairn_conv_workspace_bytes(d, pass);
    unsigned char *workspace = malloc((size_t)bytes + 64);
    memset(workspace, 0xff, (size_t)bytes + 64);
    const cairn_status status = pass == CAIRN_CONV_FORWARD         ? cairn_conv_forward(d, a, b, result, workspace, bytes)
                                : pass == CAIRN_CONV_DATA_GRADIENT ? cairn_conv_data_gradient(d, a, b, result, workspace, bytes)
                                                                   : cairn_conv_weight_gradient(d, a, b, result, workspace, bytes);
    if (status != CAIRN_OK)
        fail_msg("%s", cairn_error_message());
    for (int i = 0; i < 64; i++)
        assert_int_equal(workspace[bytes + i], 0xff);
    free(workspace);
}

/* Every byte but those of the elements is as it was, and the elements are near the oracle's. */
static void compare(const tensor *result, const tensor *expected, int64_t products, const char *what)
{
    const cairn_dtype type = result->l.type;
    for (int64_t i = 0; i < result->bytes / cairn_dtype_bytes(type); i++) {
        const double a = get_any(type, result->block, i), b = get_any(type, expected->block, i);
        const double one = type == CAIRN_I32 ? 0 : test_epsilon(type) * 2 * fabs(b);
        const double sum = type == CAIRN_I32 ? 0 : type == CAIRN_F64 ? 1e-14 : 3e-7;
        if (!(fabs(a - b) <= one + sum * (8 + (double)products)))
            fail_msg("%s %s: element %lld is %.9g, not %.9g", what, cairn_dtype_name(type), (long long)i, a, b);
    }
}

/* Runs the passes given as bits, against the oracle. */
static void check_passes(cairn_conv d, int passes, const char *what)
{
    conv c;
    if (conv_check(&d, &c) != CAIRN_OK)
        fail_msg("%s: %s", what, cairn_error_message());
    const layout lx = layout_of(&c, CONV_X), lw = layout_of(&c, CONV_W), ly = layout_of(&c, CONV_Y);
    tensor x = tensor_of(&lx), w = tensor_of(&lw), y = tensor_of(&ly);
    const int64_t taps = c.d.t * d.r * d.s;
    for (int pass = 0; pass < 3; pass++) {
        if (!(passes >> pass & 1))
            continue;
        const tensor *result = pass == CAIRN_CONV_FORWARD ? &y : pass == CAIRN_CONV_DATA_GRADIENT ? &x : &w;
        tensor got = copy_of(result), expected = copy_of(result);
        run_pass(&d, (cairn_conv_pass)pass, pass == 1 ? y.first : x.first, pass == 2 ? y.first : w.first, got.first);
        if (pass == CAIRN_CONV_FORWARD)
            ref_conv_forward(&d, x.first, w.first, expected.first);
        else if (pass == CAIRN_CONV_DATA_GRADIENT)
            ref_conv_data_gradient(&d, y.first, w.first, expected.first);
        else
            ref_conv_weight_gradient(&d, x.first, y.first, expected.first);
        compare(&got, &expected, pass == 0 ? taps * c.cg : pass == 1 ? taps * c.kg : d.n * c.od * c.oh * c.ow, what);
        free(got.block), free(expected.block);
    }
    free(x.block), free(w.block), free(y.block);
}

enum { FORWARD = 1, DATA = 2, WEIGHT = 4, ALL = 7 };

/* NCHW as PyTorch has it, with a gap between images. */
static void channels_first(int64_t s[5], int64_t c, int64_t z, int64_t h, int64_t w)
{
    const int64_t strides[] = {c * z * h * w + 3, z * h * w, h * w, w, 1};
    memcpy(s, strides, sizeof strides);
}

static const cairn_conv small = {.type = CAIRN_F32, .n = 2, .h = 9, .w = 8, .c = 6, .k = 10, .r = 3, .s = 2, .groups = 2, .stride_h = 2,
                                 .pad_top = 1, .pad_bottom = 2, .pad_right = 1, .dilation_w = 2};

/* ---- Tests --------------------------------------------------------------------------------------*/

static void three_dimensions_equal_the_oracle(void **state)
{
    (void)state;
    static const cairn_conv shapes[] = {
        {.n = 2, .depth = 5, .h = 6, .w = 7, .c = 3, .k = 5, .t = 3, .r = 3, .s = 3, .pad_front = 1, .pad_back = 1, .pad_top = 1, .pad_left = 1},
        {.n = 1, .depth = 6, .h = 5, .w = 5, .c = 8, .k = 20, .t = 2, .r = 3, .s = 1, .stride_d = 2, .stride_h = 2, .pad_front = 1},
        {.n = 2, .depth = 7, .h = 4, .w = 9, .c = 4, .k = 4, .t = 3, .r = 2, .s = 3, .groups = 4, .dilation_d = 2, .pad_back = 2, .pad_right = 2},
        {.n = 1, .depth = 4, .h = 9, .w = 9, .c = 24, .k = 20, .r = 3, .s = 3, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1},
        {.n = 2, .depth = 3, .h = 4, .w = 4, .c = 6, .k = 8, .t = 1, .r = 1, .s = 1},
        {.n = 2, .depth = 4, .h = 3, .w = 3, .c = 2, .k = 9, .t = 2, .r = 3, .s = 3, .stride_d = 2, .pad_top = 2, .pad_left = 2, .groups = 1},
    };
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int f64 = 0; f64 < 2; f64++) {
                cairn_conv d = shapes[i];
                d.type = f64 ? CAIRN_F64 : CAIRN_F32;
                check_passes(d, ALL, "three dimensions");
            }
}

static void random_descriptors_of_three_axes_equal_the_oracle(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        const int64_t groups = i % 3 ? 1 : test_between(1, 3);
        cairn_conv d = {.type = i % 4 == 0 ? CAIRN_F16 : CAIRN_F32, .n = test_between(0, 2), .depth = test_between(0, 5), .h = test_between(1, 8),
                        .w = test_between(1, 8), .c = groups * test_between(0, 9), .k = groups * test_between(0, 9), .t = test_between(0, 3),
                        .r = test_between(1, 3), .s = test_between(1, 3), .groups = groups, .stride_d = test_between(0, 2),
                        .stride_h = test_between(0, 3), .stride_w = test_between(0, 2), .dilation_d = test_between(0, 2),
                        .dilation_h = test_between(0, 2), .dilation_w = test_between(0, 2), .pad_front = test_between(0, 2),
                        .pad_back = test_between(0, 2), .pad_top = test_between(0, 2), .pad_bottom = test_between(0, 2),
                        .pad_left = test_between(0, 2), .pad_right = test_between(0, 2)};
        conv c;
        if (conv_check(&d, &c) == CAIRN_OK)
            check_passes(d, ALL, "random");
        cairn_error_clear();
    }
}

static void any_strides_give_the_same(void **state)
{
    (void)state;
    for (int type = 0; type < 4; type++) {
        cairn_conv d = small;
        d.type = (cairn_dtype[]){CAIRN_F32, CAIRN_F64, CAIRN_F16, CAIRN_BF16}[type];
        check_passes(d, ALL, "packed");
        channels_first(d.x_strides, d.c, 1, d.h, d.w);
        check_passes(d, ALL, "x channels first");
        channels_first(d.y_strides, d.k, 1, 5, 7);
        channels_first(d.w_strides, d.c / 2, 1, d.r, d.s);
        check_passes(d, ALL, "all channels first");
        d.x_strides[3] = -d.x_strides[3]; /* upside down */
        d.y_strides[4] = 2, d.y_strides[3] *= 2, d.y_strides[1] *= 2, d.y_strides[0] *= 2;
        check_passes(d, ALL, "negative and spread");
    }
}

static void strided_and_packed_have_the_same_bits(void **state)
{
    (void)state;
    cairn_conv d = {.type = CAIRN_F32, .n = 2, .h = 8, .w = 8, .c = 20, .k = 24, .r = 3, .s = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1,
                    .pad_right = 1};
    conv c;
    assert_int_equal(conv_check(&d, &c), CAIRN_OK);
    const layout lx = layout_of(&c, CONV_X), lw = layout_of(&c, CONV_W), ly = layout_of(&c, CONV_Y);
    tensor x = tensor_of(&lx), w = tensor_of(&lw), y = tensor_of(&ly), other = copy_of(&y);
    run_pass(&d, CAIRN_CONV_FORWARD, x.first, w.first, y.first);
    channels_first(d.x_strides, d.c, 1, d.h, d.w);
    assert_int_equal(conv_check(&d, &c), CAIRN_OK);
    const layout lf = layout_of(&c, CONV_X);
    tensor first = tensor_of(&lf);
    layout_unpack(&lf, CAIRN_F32, x.first, first.first);
    run_pass(&d, CAIRN_CONV_FORWARD, first.first, w.first, other.first);
    assert_memory_equal(y.block, other.block, (size_t)y.bytes);
    free(x.block), free(w.block), free(y.block), free(other.block), free(first.block);
}

static void bytes_are_summed_exactly(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        cairn_conv d = small;
        d.type = type ? CAIRN_U8 : CAIRN_I8;
        check_passes(d, FORWARD, "integers");
        d.c = d.groups * 40, d.depth = 3, d.t = 2;
        check_passes(d, FORWARD, "integers");
        channels_first(d.x_strides, d.c, 3, d.h, d.w);
        check_passes(d, FORWARD, "integers");
        assert_int_equal(cairn_conv_workspace_bytes(&d, CAIRN_CONV_WEIGHT_GRADIENT), 0);
        assert_non_null(strstr(cairn_error_message(), "forward pass only"));
        cairn_error_clear();
    }
}

/* Each algorithm that can do it, with all that can be fused. */
static void fused_epilogues_equal_the_oracle_in_every_algorithm(void **state)
{
    (void)state;
    static const cairn_conv shapes[] = {
        {.n = 2, .h = 9, .w = 9, .c = 18, .k = 20, .r = 3, .s = 3, .pad_top = 1, .pad_left = 1, .pad_right = 1},
        {.n = 2, .h = 9, .w = 7, .c = 3, .k = 40, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2},
        {.n = 2, .h = 6, .w = 5, .c = 18, .k = 36, .r = 1, .s = 1},
        {.n = 2, .h = 6, .w = 5, .c = 18, .k = 18, .r = 3, .s = 3, .groups = 18, .pad_top = 2},
        {.n = 2, .h = 6, .w = 5, .c = 8, .k = 12, .r = 2, .s = 2, .groups = 2, .stride_w = 2},
    };
    int used = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int algorithm = 1; algorithm < CAIRN_CONV_ALGORITHMS; algorithm++)
            for (int activation = 0; activation < CAIRN_FUSED_ACTIVATIONS; activation++)
                for (int pass = 0; pass < 2; pass++) {
                    cairn_conv d = shapes[i];
                    conv c;
                    d.type = activation % 2 ? CAIRN_F32 : algorithm >= CAIRN_CONV_WINOGRAD_2 ? CAIRN_F32 : CAIRN_F64;
                    assert_int_equal(conv_check(&d, &c), CAIRN_OK);
                    if (conv_refuses(&c, (cairn_conv_pass)pass, (cairn_conv_algorithm)algorithm))
                        continue;
                    used |= 1 << algorithm;
                    const layout l = layout_of(&c, pass ? CONV_X : CONV_Y);
                    tensor residual = tensor_of(&l);
                    void *bias = test_uniform_array(d.type, l.size[1]), *scale = test_uniform_array(d.type, l.size[1]);
                    d.algorithm = (cairn_conv_algorithm)algorithm;
                    d.fused = (cairn_fused){activation == 1 ? NULL : bias, activation == 2 ? NULL : residual.first,
                                            (cairn_fused_activation)activation, 0.25, activation % 3 ? scale : NULL};
                    check_passes(d, 1 << pass, cairn_conv_algorithm_name(d.algorithm));
                    free(residual.block), free(bias), free(scale);
                }
    assert_int_equal(used, (1 << CAIRN_CONV_ALGORITHMS) - 2);
}

/* The kernel of scale, bias, residual and ReLU, on every instruction set, at all widths; the ReLU of NaN is NaN. */
static void finishing_equals_the_plain_sums(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int64_t cols = 1; cols < 40; cols++)
            for (int kind = 0; kind < 32; kind++) {
                const cairn_dtype type = kind & 8 ? CAIRN_F64 : CAIRN_F32;
                void *y = test_uniform_array(type, 3 * 50), *bias = test_uniform_array(type, cols), *residual = test_uniform_array(type, 3 * 45);
                void *scale = test_uniform_array(type, cols);
                set(y, type, 50, NAN);
                void *before = test_copy(y, type, 3 * 50);
                const cairn_fused f = {.activation = kind & 4 ? CAIRN_FUSED_RELU : CAIRN_FUSED_NONE, .bias = kind & 1 ? bias : NULL,
                                       .scale = kind & 16 ? scale : NULL};
                finish_block(&f, type, 3, cols, y, 50, 0, kind & 2 ? residual : NULL, 45);
                for (int64_t i = 0; i < 150; i++) {
                    const int64_t r = i / 50, j = i % 50;
                    double v = get(before, type, i);
                    if (j < cols) {
                        v = kind & 16 ? v * get(scale, type, j) : v;
                        if (type == CAIRN_F32)
                            v = (float)v;
                        v = kind & 1 ? v + get(bias, type, j) : v;
                        v = kind & 2 ? (type == CAIRN_F32 ? (double)((float)v + (float)get(residual, type, r * 45 + j)) : v + get(residual, type, r * 45 + j)) : v;
                        v = kind & 4 && v <= 0 ? 0 : v;
                        if (type == CAIRN_F32)
                            v = (float)v;
                    }
                    assert_true(get(y, type, i) == v || (isnan(v) && isnan(get(y, type, i))));
                }
                free(y), free(bias), free(scale), free(residual), free(before);
            }
}

static void half_types_with_strides_are_fused_too(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++) {
        cairn_conv d = small;
        conv c;
        d.type = type ? CAIRN_BF16 : CAIRN_F16;
        channels_first(d.y_strides, d.k, 1, 5, 7);
        assert_int_equal(conv_check(&d, &c), CAIRN_OK);
        const layout l = layout_of(&c, CONV_Y), row = {.type = d.type, .size = {1, d.k, 1, 1, 1}, .stride = {0, 1, 0, 0, 0}};
        tensor residual = tensor_of(&l), bias = tensor_of(&row);
        d.fused = (cairn_fused){bias.first, residual.first, CAIRN_FUSED_SILU, 0, type ? bias.first : NULL};
        check_passes(d, FORWARD, "fused half");
        free(residual.block), free(bias.block);
    }
}

/* Runs the forward pass with weights packed by `packer`, in just the workspace that it asks for, and compares bits. */
static void check_packed(cairn_conv d, cairn_conv packer)
{
    conv c;
    assert_int_equal(conv_check(&d, &c), CAIRN_OK);
    const layout lx = layout_of(&c, CONV_X), lw = layout_of(&c, CONV_W), ly = layout_of(&c, CONV_Y);
    tensor x = tensor_of(&lx), w = tensor_of(&lw), y = tensor_of(&ly), again = copy_of(&y);
    run_pass(&d, CAIRN_CONV_FORWARD, x.first, w.first, y.first);
    const int64_t kept = cairn_conv_pack_bytes(&packer), bytes = cairn_conv_workspace_bytes(&packer, CAIRN_CONV_FORWARD);
    char *packed = aligned_alloc(64, (size_t)(kept + 127) / 64 * 64), *workspace = malloc((size_t)bytes + 1);
    memset(packed, 0x55, (size_t)kept + 64);
    assert_int_equal(cairn_conv_pack(&packer, w.first, packed, workspace, bytes), CAIRN_OK);
    for (int i = 0; i < 64; i++)
        assert_int_equal(packed[kept + i], 0x55);
    const int64_t before = cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD);
    d.packed_w = packed;
    assert_true(cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD) <= before);
    run_pass(&d, CAIRN_CONV_FORWARD, x.first, NULL, again.first);
    assert_memory_equal(y.block, again.block, (size_t)y.bytes);
    free(x.block), free(w.block), free(y.block), free(again.block), free(packed), free(workspace);
}

static void packed_weights_give_the_same_bits_in_every_algorithm(void **state)
{
    (void)state;
    static const cairn_conv shapes[] = {
        {.type = CAIRN_F32, .n = 3, .h = 9, .w = 9, .c = 18, .k = 40, .r = 3, .s = 3, .pad_top = 1, .pad_left = 1, .pad_right = 1},
        {.type = CAIRN_F64, .n = 2, .h = 9, .w = 7, .c = 3, .k = 40, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2},
        {.type = CAIRN_F32, .n = 2, .h = 6, .w = 5, .c = 300, .k = 36, .r = 1, .s = 1},
        {.type = CAIRN_F32, .n = 2, .h = 6, .w = 5, .c = 18, .k = 18, .r = 3, .s = 3, .groups = 18, .pad_top = 2},
        {.type = CAIRN_F32, .n = 2, .h = 6, .w = 5, .c = 80, .k = 120, .r = 2, .s = 2, .groups = 2, .stride_w = 2},
        {.type = CAIRN_F64, .n = 1, .depth = 5, .h = 6, .w = 5, .c = 8, .k = 12, .t = 3, .r = 2, .s = 2},
        {.type = CAIRN_F32, .n = 2, .h = 7, .w = 7, .c = 192, .k = 208, .r = 3, .s = 3, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1},
        {.type = CAIRN_F32, .n = 24, .h = 7, .w = 7, .c = 192, .k = 208, .r = 3, .s = 3, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1},
    };
    int used = 0;
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int algorithm = 0; algorithm < CAIRN_CONV_ALGORITHMS; algorithm++) {
                cairn_conv d = shapes[i], packer;
                conv c;
                assert_int_equal(conv_check(&d, &c), CAIRN_OK);
                if (algorithm && conv_refuses(&c, CAIRN_CONV_FORWARD, (cairn_conv_algorithm)algorithm))
                    continue;
                used |= 1 << algorithm;
                d.algorithm = (cairn_conv_algorithm)algorithm;
                packer = d;
                packer.n = i % 2 ? d.n : 1;
                check_packed(d, packer);
            }
    assert_int_equal(used, (1 << CAIRN_CONV_ALGORITHMS) - 1 - (1 << CAIRN_CONV_SCATTER));
}

static void weights_of_any_strides_and_half_types_are_packed(void **state)
{
    (void)state;
    for (int type = 0; type < 3; type++) {
        cairn_conv d = small;
        d.type = (cairn_dtype[]){CAIRN_F32, CAIRN_F16, CAIRN_BF16}[type];
        channels_first(d.w_strides, d.c / d.groups, 1, d.r, d.s);
        check_packed(d, d);
        d.n = 0;
        check_packed(d, d);
    }
}

static void packed_weights_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    cairn_conv d = {.type = CAIRN_F32, .n = 1, .h = 8, .w = 8, .c = 16, .k = 16, .r = 3, .s = 3}, other;
    static float x[8 * 8 * 16], w[17 * 9 * 16], y[8 * 8 * 17], untouched[8 * 8 * 17];
    const int64_t kept = cairn_conv_pack_bytes(&d), bytes = cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD) + 4096;
    char *packed = aligned_alloc(64, (size_t)(kept + 63) / 64 * 64), *workspace = malloc((size_t)bytes);
    assert_int_equal(cairn_conv_pack(&d, w, packed, workspace, bytes), CAIRN_OK);
#define REFUSED(expression, status, words)                              \
    do {                                                                \
        assert_int_equal(expression, status);                           \
        assert_non_null(strstr(cairn_error_message(), words));          \
        cairn_error_clear();                                            \
    } while (0)
    d.packed_w = packed;
    other = d, other.k = 17;
    REFUSED(cairn_conv_forward(&other, x, NULL, y, workspace, bytes), CAIRN_E_ARGUMENT, "17 x 1 x 3 x 3 x 16");
    other = d, other.algorithm = CAIRN_CONV_IMPLICIT;
    REFUSED(cairn_conv_forward(&other, x, NULL, y, workspace, bytes), CAIRN_E_ARGUMENT, "packed for implicit");
    REFUSED(cairn_conv_data_gradient(&d, y, w, x, workspace, bytes), CAIRN_E_ARGUMENT, "for the forward pass");
    other = d, other.type = CAIRN_U8;
    REFUSED(cairn_conv_forward(&other, x, NULL, y, workspace, bytes), CAIRN_E_UNSUPPORTED, "integers");
    assert_int_equal(cairn_conv_pack_bytes(&other), 0);
    cairn_error_clear();
    REFUSED(cairn_conv_pack(&other, w, packed, workspace, bytes), CAIRN_E_UNSUPPORTED, "conv_pack: weights of type u8");
    REFUSED(cairn_conv_pack(&d, NULL, packed, workspace, bytes), CAIRN_E_ARGUMENT, "conv_pack: from");
    REFUSED(cairn_conv_pack(&d, w, packed + 4, workspace, bytes), CAIRN_E_ARGUMENT, "multiple of 64");
    REFUSED(cairn_conv_pack(&d, w, packed, workspace, 8), CAIRN_E_ARGUMENT, "workspace is too small");
    REFUSED(cairn_conv_pack(NULL, w, packed, workspace, 8), CAIRN_E_ARGUMENT, "NULL");
#undef REFUSED
    assert_memory_equal(y, untouched, sizeof y);
    free(packed), free(workspace);
}

static void the_bias_gradient_equals_the_oracle(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        cairn_conv d = small;
        conv c;
        d.type = (cairn_dtype[]){CAIRN_F32, CAIRN_F64, CAIRN_F16, CAIRN_BF16, CAIRN_F32, CAIRN_F32}[i];
        d.n = i == 4 ? 40 : i == 5 ? 0 : 3;
        if (i == 2)
            channels_first(d.y_strides, d.k, 1, 5, 7);
        assert_int_equal(conv_check(&d, &c), CAIRN_OK);
        const layout ly = layout_of(&c, CONV_Y), lb = {.type = d.type, .size = {1, d.k, 1, 1, 1}, .stride = {0, 1, 0, 0, 0}};
        tensor y = tensor_of(&ly), b = tensor_of(&lb), expected = copy_of(&b);
        const int64_t bytes = cairn_conv_bias_workspace_bytes(&d);
        void *workspace = malloc((size_t)bytes);
        assert_int_equal(cairn_conv_bias_gradient(&d, y.first, b.first, workspace, bytes), CAIRN_OK);
        ref_conv_bias_gradient(&d, y.first, expected.first);
        compare(&b, &expected, 1, "bias gradient");
        assert_int_equal(cairn_conv_bias_gradient(&d, y.first, b.first, workspace, bytes - 1), CAIRN_E_ARGUMENT);
        compare(&b, &expected, 1, "untouched");
        cairn_error_clear();
        free(y.block), free(b.block), free(expected.block), free(workspace);
    }
}

/* ---- Errors against f64, as a share of the sum of |x| |w| ------------------------------------------------*/

typedef struct errors { double ours, sequential; } errors;

/* Of all outputs of a 3 x 3 (or 1 x 1) convolution of padded images; `sequential` is a chain of FMAs in f32 over taps and channels. The data
 * gradient is measured as the forward pass that it is of the filter turned around, for stride 1. */
static errors measure_errors(cairn_conv d, cairn_conv_pass pass)
{
    conv c;
    assert_int_equal(conv_check(&d, &c), CAIRN_OK);
    const layout lx = layout_of(&c, CONV_X), lw = layout_of(&c, CONV_W), ly = layout_of(&c, CONV_Y);
    tensor in = tensor_of(pass ? &ly : &lx), w = tensor_of(&lw), out = tensor_of(pass ? &lx : &ly);
    run_pass(&d, pass, in.first, w.first, out.first);
    const float *a = (float *)in.first, *f = (float *)w.first, *y = (float *)out.first;
    const int64_t from = pass ? c.kg : c.cg, to = in.l.size[1], outs = out.l.size[1], per_group = pass ? c.cg : c.kg;
    errors most = {0, 0};
    for (int64_t i = 0; i < layout_elements(&out.l); i++) {
        const int64_t o = i % outs, px = i / outs % d.w, py = i / outs / d.w % d.h, n = i / outs / d.w / d.h;
        double exact = 0, size = 0;
        float chain = 0;
        for (int64_t t = 0; t < d.r * d.s; t++)
            for (int64_t k = 0; k < from; k++) {
                const int64_t r = t / d.s, s = t % d.s, qy = pass ? py + d.pad_top - r : py - d.pad_top + r, qx = pass ? px + d.pad_left - s : px - d.pad_left + s;
                if (qy < 0 || qy >= d.h || qx < 0 || qx >= d.w)
                    continue;
                const int64_t group = o / per_group, filter = pass ? group * c.kg + k : o, channel = pass ? o % c.cg : k;
                const float p = a[((n * d.h + qy) * d.w + qx) * to + group * from + k], q = f[((filter * d.r + r) * d.s + s) * c.cg + channel];
                exact += (double)p * (double)q;
                size += fabs((double)p * (double)q);
                chain = fmaf(p, q, chain);
            }
        most.ours = fmax(most.ours, fabs((double)y[i] - exact) / size);
        most.sequential = fmax(most.sequential, fabs((double)chain - exact) / size);
    }
    free(in.block), free(w.block), free(out.block);
    return most;
}

/* Within 4 times of a sequential chain, but for Winograd, which has bounds of its own: the table of docs/decisions.md. */
static void every_algorithm_errs_as_stated(void **state)
{
    (void)state;
    static const struct { cairn_conv_algorithm algorithm; cairn_conv_pass pass; int64_t c, k, groups, taps; double bound; } rows[] = {
        {CAIRN_CONV_IMPLICIT, CAIRN_CONV_FORWARD, 64, 32, 1, 3, 0}, {CAIRN_CONV_IMPLICIT, CAIRN_CONV_FORWARD, 512, 32, 1, 3, 0},
        {CAIRN_CONV_IMPLICIT, CAIRN_CONV_DATA_GRADIENT, 32, 64, 1, 3, 0},
        {CAIRN_CONV_DIRECT, CAIRN_CONV_FORWARD, 512, 64, 1, 1, 0}, {CAIRN_CONV_MATMUL, CAIRN_CONV_FORWARD, 1024, 64, 1, 1, 0},
        {CAIRN_CONV_SCATTER, CAIRN_CONV_DATA_GRADIENT, 3, 64, 1, 3, 0}, {CAIRN_CONV_DEPTHWISE, CAIRN_CONV_FORWARD, 64, 64, 64, 3, 0},
        {CAIRN_CONV_WINOGRAD_2, CAIRN_CONV_FORWARD, 64, 32, 1, 3, 2e-7}, {CAIRN_CONV_WINOGRAD_2, CAIRN_CONV_FORWARD, 512, 32, 1, 3, 2e-7},
        {CAIRN_CONV_WINOGRAD_4, CAIRN_CONV_FORWARD, 64, 32, 1, 3, 8e-7}, {CAIRN_CONV_WINOGRAD_4, CAIRN_CONV_FORWARD, 512, 32, 1, 3, 8e-7},
        {CAIRN_CONV_WINOGRAD_4, CAIRN_CONV_DATA_GRADIENT, 32, 64, 1, 3, 8e-7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cairn_conv d = {.type = CAIRN_F32, .n = 1, .h = 12, .w = 12, .c = rows[i].c, .k = rows[i].k, .groups = rows[i].groups, .r = rows[i].taps,
                        .s = rows[i].taps, .algorithm = rows[i].algorithm};
        d.pad_top = d.pad_bottom = d.pad_left = d.pad_right = rows[i].taps / 2;
        const errors e = measure_errors(d, rows[i].pass);
        print_message("%-10s %s %4d channels: %.1e, a sequential chain %.1e\n", cairn_conv_algorithm_name(d.algorithm), rows[i].pass ? "data   " : "forward",
                      (int)(rows[i].pass ? d.k : d.c) / (int)rows[i].groups, e.ours, e.sequential);
        assert_true(e.ours <= (rows[i].bound > 0 ? rows[i].bound : 4 * e.sequential));
    }
}

/* ---- Choosing -----------------------------------------------------------------------------------*/

static void an_algorithm_that_cannot_do_it_says_why(void **state)
{
    (void)state;
    cairn_conv d = small;
    static const struct { cairn_conv_algorithm algorithm; const char *why; } cases[] = {
        {CAIRN_CONV_DIRECT, "beyond the image"}, {CAIRN_CONV_MATMUL, "1 x 1"}, {CAIRN_CONV_SCATTER, "for the data gradient"},
        {CAIRN_CONV_DEPTHWISE, "several channels"}, {CAIRN_CONV_WINOGRAD_2, "3 x 3"}, {CAIRN_CONV_WINOGRAD_4, "3 x 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        d.algorithm = cases[i].algorithm;
        cairn_error_clear();
        assert_int_equal(cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD), 0);
        assert_int_equal(cairn_error(), CAIRN_E_UNSUPPORTED);
        assert_non_null(strstr(cairn_error_message(), cases[i].why));
        assert_non_null(strstr(cairn_error_message(), cairn_conv_algorithm_name(d.algorithm)));
    }
    cairn_error_clear();
    d.algorithm = CAIRN_CONV_ALGORITHMS;
    assert_int_equal(cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD), 0);
    assert_int_equal(cairn_error(), CAIRN_E_ARGUMENT);
    cairn_error_clear();
}

static void find_measures_all_that_can_and_get_remembers(void **state)
{
    (void)state;
    cairn_conv d = {.type = CAIRN_F32, .n = 1, .h = 10, .w = 10, .c = 16, .k = 16, .r = 3, .s = 3};
    cairn_conv_choice before, after, found[CAIRN_CONV_ALGORITHMS];
    int count = -1;
    assert_int_equal(cairn_conv_get(&d, CAIRN_CONV_FORWARD, &before), CAIRN_OK);
    assert_int_equal(before.algorithm, CAIRN_CONV_WINOGRAD_4);
    assert_true(before.seconds == 0);
    assert_int_equal(before.workspace_bytes, cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD));
    assert_int_equal(cairn_conv_find(&d, CAIRN_CONV_FORWARD, found, &count), CAIRN_OK);
    assert_int_equal(count, 4);         /* implicit, direct, both Winograds */
    for (int i = 0; i < count; i++) {
        assert_true(found[i].seconds > 0 && (i == 0 || found[i].seconds >= found[i - 1].seconds));
        cairn_conv forced = d;
        forced.algorithm = found[i].algorithm;
        assert_int_equal(found[i].workspace_bytes, cairn_conv_workspace_bytes(&forced, CAIRN_CONV_FORWARD));
        check_passes(forced, FORWARD, "found");
    }
    assert_int_equal(cairn_conv_get(&d, CAIRN_CONV_FORWARD, &after), CAIRN_OK);
    assert_int_equal(after.algorithm, found[0].algorithm);
    assert_true(after.seconds == found[0].seconds);
    d.n = 2;                            /* another descriptor is not known */
    assert_int_equal(cairn_conv_get(&d, CAIRN_CONV_FORWARD, &after), CAIRN_OK);
    assert_true(after.seconds == 0);
    assert_int_equal(cairn_conv_find(&d, CAIRN_CONV_FORWARD, NULL, &count), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_conv_get(&d, (cairn_conv_pass)7, &after), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    d.type = CAIRN_I8;
    assert_int_equal(cairn_conv_find(&d, CAIRN_CONV_FORWARD, found, &count), CAIRN_E_UNSUPPORTED);
    cairn_error_clear();
}

static void find_fails_cleanly_without_memory(void **state)
{
    (void)state;
    const cairn_conv d = {.type = CAIRN_F32, .n = 1, .h = 5, .w = 5, .c = 3, .k = 4, .r = 3, .s = 3, .fused = {.activation = CAIRN_FUSED_RELU}};
    cairn_conv_choice found[CAIRN_CONV_ALGORITHMS];
    for (int i = 0; i < 4; i++) {
        int count = -1;
        mem_fail_after(i);
        const cairn_status status = cairn_conv_find(&d, CAIRN_CONV_FORWARD, found, &count);
        mem_fail_after(-1);
        assert_int_equal(status, CAIRN_E_MEMORY);
        assert_int_equal(count, -1);
        cairn_error_clear();
    }
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void costs_go_to_a_file_and_come_back(void **state)
{
    (void)state;
    char path[] = "/tmp/cairn-conv-costs-XXXXXX", text[4096] = "", more[4200];
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    cairn_conv d = {.type = CAIRN_F32, .n = 1, .h = 7, .w = 7, .c = 5, .k = 6, .r = 3, .s = 3};
    cairn_conv_choice found[CAIRN_CONV_ALGORITHMS], choice;
    int count;
    assert_int_equal(cairn_conv_find(&d, CAIRN_CONV_DATA_GRADIENT, found, &count), CAIRN_OK);
    assert_int_equal(cairn_conv_costs_save(path), CAIRN_OK);
    assert_int_equal(cairn_conv_costs_load(path), CAIRN_OK);
    assert_int_equal(cairn_conv_get(&d, CAIRN_CONV_DATA_GRADIENT, &choice), CAIRN_OK);
    assert_int_equal(choice.algorithm, found[0].algorithm);
    FILE *f = fopen(path, "r");
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_non_null(strstr(text, "cairn conv costs 1"));
    /* A line that someone made faster is believed; a damaged file changes nothing. */
    char *line = strstr(text, "\n") + 1, *end = line;
    for (const char *key = strstr(text, "scatter"); key && end == line; key = NULL)
        end = line = (char *)key;
    snprintf(more, sizeof more, "%.*s\nscatter 1e-9 %s", (int)(strchr(text, '\n') - text), text, strchr(strchr(line, ' ') + 1, ' ') + 1);
    write_text(path, more);
    assert_int_equal(cairn_conv_costs_load(path), CAIRN_OK);
    assert_int_equal(cairn_conv_get(&d, CAIRN_CONV_DATA_GRADIENT, &choice), CAIRN_OK);
    assert_int_equal(choice.algorithm, CAIRN_CONV_SCATTER);
    assert_true(choice.seconds == 1e-9);
    const char *damaged[] = {"", "another machine\n", "implicit nonsense\n", "unknown 1e-3 f32 0\n", "implicit -1 f32 0\n", "implicit 1e-3"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        snprintf(more, sizeof more, "%.*s%s%s", i < 2 ? 0 : (int)(strchr(text, '\n') - text), text, i < 2 ? "" : "\n", damaged[i]);
        write_text(path, more);
        assert_int_equal(cairn_conv_costs_load(path), CAIRN_E_FORMAT);
        cairn_error_clear();
    }
    assert_int_equal(cairn_conv_costs_load("/nonexistent/costs"), CAIRN_E_IO);
    cairn_error_clear();
    assert_int_equal(cairn_conv_costs_save("/nonexistent/costs"), CAIRN_E_IO);
    cairn_error_clear();
    assert_int_equal(cairn_conv_costs_load(NULL), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    remove(path);
}

/* ---- Bad descriptors ----------------------------------------------------------------------------*/

static void descriptors_that_contradict_themselves_say_why(void **state)
{
    (void)state;
    struct { cairn_conv d; cairn_status status; const char *why; } cases[] = {
        {small, CAIRN_E_SHAPE, "share memory"}, {small, CAIRN_E_SHAPE, "overflow"}, {small, CAIRN_E_UNSUPPORTED, "epilogue"},
        {small, CAIRN_E_ARGUMENT, "no such activation"}, {small, CAIRN_E_SHAPE, "does not fit"}, {small, CAIRN_E_SHAPE, "out of range"},
        {small, CAIRN_E_UNSUPPORTED, "nothing is fused"},
    };
    cases[0].d.y_strides[4] = 1, cases[0].d.y_strides[0] = 1000;
    channels_first(cases[1].d.x_strides, INT64_MAX / 4, 1, 1, 1);
    cases[1].d.x_strides[0] = INT64_MAX;
    cases[2].d.type = CAIRN_F16, cases[2].d.epilogue = (cairn_epilogue)(void (*)(void))run_pass;
    cases[3].d.fused.activation = CAIRN_FUSED_ACTIVATIONS;
    cases[4].d.depth = 2, cases[4].d.t = 4;
    cases[5].d.pad_front = -1;
    cases[6].d.type = CAIRN_I8, cases[6].d.fused.activation = CAIRN_FUSED_RELU;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t od = -1, oh = -1, ow = -1;
        cairn_error_clear();
        assert_int_equal(cairn_conv_output_size_3d(&cases[i].d, &od, &oh, &ow), cases[i].status);
        assert_non_null(strstr(cairn_error_message(), cases[i].why));
        assert_true(od == -1 && oh == -1 && ow == -1);
    }
    cairn_error_clear();
}

static void overlaps_are_refused(void **state)
{
    (void)state;
    const cairn_conv d = {.type = CAIRN_F32, .n = 1, .h = 4, .w = 4, .c = 3, .k = 3, .r = 1, .s = 1};
    float memory[200] = {0}, w[9] = {0}, before[200];
    char workspace[1 << 14];
    cairn_conv fused = d;
    fused.fused.residual = memory + 60;
    memcpy(before, memory, sizeof memory);
    assert_int_equal(cairn_conv_forward(&d, memory, w, memory + 47, workspace, sizeof workspace), CAIRN_E_ARGUMENT);
    assert_non_null(strstr(cairn_error_message(), "overlaps"));
    cairn_error_clear();
    assert_int_equal(cairn_conv_forward(&fused, memory, w, memory + 100, workspace, sizeof workspace), CAIRN_E_ARGUMENT);
    assert_non_null(strstr(cairn_error_message(), "residual"));
    cairn_error_clear();
    assert_memory_equal(memory, before, sizeof memory);
    assert_int_equal(cairn_conv_forward(&d, memory, w, memory + 48, workspace, sizeof workspace), CAIRN_OK);
}

/* Fields at random, also wild ones: a status or a right answer, and never a crash. */
static void wild_descriptors_never_crash(void **state)
{
    (void)state;
    static const int64_t wild[] = {-1, INT32_MAX - 1, INT32_MAX, INT64_MAX, INT64_MIN, 1 << 20, 0, 65};
    int good = 0;
    for (int i = 0; i < 3000; i++) {
        cairn_conv d = {0};
        d.type = test_between(0, 3) ? CAIRN_F32 : (cairn_dtype)test_between(-1, CAIRN_DTYPE_COUNT);
        d.algorithm = test_between(0, 3) ? CAIRN_CONV_AUTO : (cairn_conv_algorithm)test_between(-1, CAIRN_CONV_ALGORITHMS);
        int64_t *const fields[] = {&d.n, &d.h, &d.w, &d.c, &d.k, &d.r, &d.s, &d.groups, &d.stride_h, &d.stride_w, &d.dilation_h, &d.dilation_w,
                                   &d.pad_top, &d.pad_bottom, &d.pad_left, &d.pad_right, &d.depth, &d.t, &d.stride_d, &d.dilation_d, &d.pad_front,
                                   &d.pad_back};
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            *fields[f] = f < 5 ? test_between(0, 7) : test_between(0, 2);
        for (int64_t n = test_between(-2, 2); n > 0; n--)
            *fields[test_between(0, 21)] = wild[test_between(0, 7)];
        for (int64_t n = test_between(-3, 1) * 5; n > 0; n--)
            (test_between(0, 1) ? d.x_strides : d.y_strides)[test_between(0, 4)] = test_between(-300, 300);
        for (int pass = 0; pass < 3; pass++) {
            const int64_t bytes = cairn_conv_workspace_bytes(&d, (cairn_conv_pass)pass);
            const bool fails = cairn_error() != CAIRN_OK;
            assert_true(bytes >= 0 && (!fails || bytes == 0));
            cairn_error_clear();
            conv c;
            if (fails || conv_check(&d, &c) != CAIRN_OK)
                continue;
            const double work = (double)d.n * (double)c.od * (double)c.oh * (double)c.ow * (double)d.k * (double)c.d.t * (double)d.r *
                                (double)d.s * (double)c.cg;
            const layout lx = layout_of(&c, CONV_X), lw = layout_of(&c, CONV_W), ly = layout_of(&c, CONV_Y);
            if (work < 1e6 && layout_elements(&lx) < 1 << 16 && layout_elements(&ly) < 1 << 16 && layout_elements(&lw) < 1 << 16 && bytes < 1 << 26) {
                check_passes(d, 1 << pass, "wild");
                good++;
            }
        }
    }
    assert_true(good > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_dimensions_equal_the_oracle),
        cmocka_unit_test(random_descriptors_of_three_axes_equal_the_oracle),
        cmocka_unit_test(any_strides_give_the_same),
        cmocka_unit_test(strided_and_packed_have_the_same_bits),
        cmocka_unit_test(bytes_are_summed_exactly),
        cmocka_unit_test(fused_epilogues_equal_the_oracle_in_every_algorithm),
        cmocka_unit_test(finishing_equals_the_plain_sums),
        cmocka_unit_test(half_types_with_strides_are_fused_too),
        cmocka_unit_test(packed_weights_give_the_same_bits_in_every_algorithm),
        cmocka_unit_test(weights_of_any_strides_and_half_types_are_packed),
        cmocka_unit_test(packed_weights_that_do_not_fit_are_refused),
        cmocka_unit_test(the_bias_gradient_equals_the_oracle),
        cmocka_unit_test(every_algorithm_errs_as_stated),
        cmocka_unit_test(an_algorithm_that_cannot_do_it_says_why),
        cmocka_unit_test(find_measures_all_that_can_and_get_remembers),
        cmocka_unit_test(find_fails_cleanly_without_memory),
        cmocka_unit_test(costs_go_to_a_file_and_come_back),
        cmocka_unit_test(descriptors_that_contradict_themselves_say_why),
        cmocka_unit_test(overlaps_are_refused),
        cmocka_unit_test(wild_descriptors_never_crash),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
