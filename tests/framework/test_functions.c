/* What cases.def cannot say: custom operations, checkpoints, gradient checks, running statistics, randomness, printing, threads, and
 * that bad input gets one clear sentence. */
#include <cairn/cairn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef cairn_tensor T;

static T *vec(int n, const double *data) { return cairn_from(data, (cairn_shape){1, {n}}, CAIRN_F64); }
#define VEC(...) vec((int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static void expect(T *x, int n, const double *want)
{
    double got[64];
    if (!x)
        fail_msg("%s", cairn_error_message());
    assert_int_equal(cairn_numel(x), n);
    assert_int_equal(cairn_copy_out(x, got, CAIRN_F64), CAIRN_OK);
    for (int i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= 1e-5 * fmax(1, fabs(want[i]))))
            fail_msg("element %d: got %g, wanted %g", i, got[i], want[i]);
}
#define EXPECT(x, ...) expect(x, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

/* ---- Custom operations */

typedef struct cube {
    int released, forwards;
} cube;

static cairn_status cube_forward(void *context, int count, const void *const *in, const cairn_shape *shapes, void *out)
{
    cube *c = context;
    c->forwards++;
    assert_int_equal(count, 1);
    for (int64_t i = 0; i < shapes[0].size[0]; i++)
        ((double *)out)[i] = pow(((const double *)in[0])[i], 3);
    return CAIRN_OK;
}

static void cube_gradient(void *context, int count, T *const *in, T *y, T *dy, T **dx)
{
    (void)context, (void)count, (void)y;
    dx[0] = cairn_mul(dy, cairn_mul(cairn_square(in[0]), cairn_number(3)));
}

static void cube_release(void *context) { ((cube *)context)->released++; }

static T *cubed(cube *c, T *x)
{
    cairn_custom_op op = {"cube", cube_forward, cube_gradient, c, cube_release};
    return cairn_custom(&op, 1, &x, cairn_shape_of(x), CAIRN_F64);
}

static T *cube_body(void *context, int count, T *const *x)
{
    (void)count;
    return cubed(context, cairn_mul(x[0], cairn_number(2)));
}

static void a_custom_operation_has_its_value_and_gradient(void **state)
{
    (void)state;
    cube c = {0};
    cairn_mark m = cairn_scope_push();
    T *x = cairn_requires_grad_(VEC(1, -2, 3), true), *y = cubed(&c, cairn_flip(x, CAIRN_ALL_AXES));
    EXPECT(y, 27, -8, 1);
    assert_int_equal(cairn_gradient_check(cube_body, &c, 1, &x, 1e-5, 1e-6, 1e-6), CAIRN_OK);
    cairn_scope_pop(m, NULL);
    assert_true(c.forwards > 1);
    assert_true(c.released > 1);
}

static cairn_status refuses(void *context, int count, const void *const *in, const cairn_shape *shapes, void *out)
{
    (void)context, (void)count, (void)in, (void)shapes, (void)out;
    return CAIRN_E_STATE;
}

static void a_custom_operation_that_fails_says_so(void **state)
{
    (void)state;
    T *x = VEC(1, 2);
    cairn_custom_op op = {.name = "refuser", .forward = refuses};
    assert_int_equal(cairn_eval(cairn_custom(&op, 1, &x, cairn_shape_of(x), CAIRN_F64)), CAIRN_E_STATE);
    assert_non_null(strstr(cairn_error_message(), "refuser"));
}

static void a_custom_operation_without_gradient_is_not_differentiable(void **state)
{
    (void)state;
    T *x = cairn_requires_grad_(VEC(1, 2), true);
    cairn_custom_op op = {.name = "plain", .forward = refuses};
    T *y = cairn_custom(&op, 1, &x, cairn_shape_of(x), CAIRN_F64);
    assert_int_equal(cairn_backward(cairn_sum(y, CAIRN_ALL_AXES, false)), CAIRN_E_UNSUPPORTED);
}

/* ---- Checkpoints */

typedef struct layer {
    T *weight;
    int calls;
} layer;

static T *layer_body(void *context, T *x)
{
    layer *l = context;
    l->calls++;
    return cairn_f_dropout(cairn_tanh(cairn_mul(x, l->weight)), 0.5, true);
}

/* The gradients of x and of the weight, with and without a checkpoint. */
static void layer_gradients(bool checkpoint, double *out)
{
    layer l = {cairn_requires_grad_(VEC(0.5, -1, 2, 0.1), true), 0};
    T *x = cairn_requires_grad_(VEC(1, 2, 3, 4), true);
    cairn_seed(7);
    T *h = cairn_mul(x, cairn_number(0.3));
    T *y = checkpoint ? cairn_checkpoint(layer_body, &l, h) : layer_body(&l, h);
    T *loss = cairn_sum(cairn_mul(cairn_square(y), l.weight), CAIRN_ALL_AXES, false);
    assert_int_equal(cairn_backward(loss), CAIRN_OK);
    out[0] = cairn_item(loss);
    assert_int_equal(cairn_copy_out(cairn_grad_of(x), out + 1, CAIRN_F64), CAIRN_OK);
    assert_int_equal(cairn_copy_out(cairn_grad_of(l.weight), out + 5, CAIRN_F64), CAIRN_OK);
    assert_int_equal(l.calls, checkpoint ? 2 : 1);
}

static void a_checkpoint_gives_the_same_gradients_with_the_same_random_numbers(void **state)
{
    (void)state;
    double plain[9], again[9];
    layer_gradients(false, plain);
    layer_gradients(true, again);
    for (int i = 0; i < 9; i++)
        assert_true(plain[i] == again[i]);
}

static void a_second_derivative_through_a_checkpoint_is_an_error(void **state)
{
    (void)state;
    layer l = {cairn_requires_grad_(VEC(0.5, -1), true), 0};
    T *x = cairn_requires_grad_(VEC(1, 2), true), *g;
    T *y = cairn_sum(cairn_checkpoint(layer_body, &l, x), CAIRN_ALL_AXES, false);
    assert_int_equal(cairn_grad(y, NULL, 1, &x, &g), CAIRN_OK);
    assert_int_equal(cairn_backward(cairn_sum(g, CAIRN_ALL_AXES, false)), CAIRN_E_UNSUPPORTED);
}

/* ---- Gradient checks */

static T *wrong_body(void *context, int count, T *const *x)
{
    (void)context, (void)count;
    return cairn_mul(x[0], cairn_detach(x[0]));        /* the gradient misses one factor */
}

static void a_wrong_gradient_is_found_and_named(void **state)
{
    (void)state;
    T *x = VEC(0.001, 3);
    assert_int_equal(cairn_gradient_check(wrong_body, NULL, 1, &x, 1e-5, 1e-4, 1e-2), CAIRN_E_NAN);
    assert_non_null(strstr(cairn_error_message(), "element 1 of input 0"));
}

/* ---- Running statistics */

static void batch_norm_changes_its_running_statistics(void **state)
{
    (void)state;
    T *x = cairn_reshape(VEC(1, 2, 3, 6), CAIRN_SHAPE(2, 2)), *mean = cairn_zeros(CAIRN_SHAPE(2), CAIRN_F64);
    T *variance = cairn_ones(CAIRN_SHAPE(2), CAIRN_F64);
    EXPECT(cairn_f_batch_norm(x, mean, variance, NULL, NULL, true, 0.1, 0), -1, -1, 1, 1);
    EXPECT(mean, 0.2, 0.4);
    EXPECT(variance, 0.9 + 0.1 * 2, 0.9 + 0.1 * 8);
    EXPECT(cairn_f_batch_norm(x, mean, variance, NULL, NULL, false, 0.1, 0), 0.8 / sqrt(1.1), 1.6 / sqrt(1.7), 2.8 / sqrt(1.1), 5.6 / sqrt(1.7));
}

/* ---- Randomness */

static void dropout_keeps_the_mean_and_repeats_with_the_seed(void **state)
{
    (void)state;
    T *x = cairn_ones(CAIRN_SHAPE(100, 100), CAIRN_F32);
    cairn_seed(3);
    T *a = cairn_f_dropout(x, 0.3, true), *b = cairn_f_dropout(x, 0.3, true);
    cairn_seed(3);
    T *c = cairn_f_dropout(x, 0.3, true);
    assert_true(cairn_equal(a, c));
    assert_false(cairn_equal(a, b));
    assert_true(fabs(cairn_item(cairn_mean(a, CAIRN_ALL_AXES, false)) - 1) < 0.03);
    assert_ptr_equal(cairn_f_dropout(x, 0.3, false), x);
    assert_true(cairn_item(cairn_sum(cairn_f_dropout(x, 1, true), CAIRN_ALL_AXES, false)) == 0);
}

static void randperm_is_a_permutation(void **state)
{
    (void)state;
    cairn_seed(1);
    T *p = cairn_randperm(1000);
    assert_false(cairn_equal(p, cairn_arange(0, 1000, 1, CAIRN_I64)));
    assert_true(cairn_equal(cairn_sort(p, 0, false, NULL), cairn_arange(0, 1000, 1, CAIRN_I64)));
}

static void multinomial_draws_by_weight(void **state)
{
    (void)state;
    cairn_seed(5);
    T *w = VEC(1, 0, 3), *counts = cairn_bincount(cairn_multinomial(w, 4000, true), NULL, 3);
    assert_true(cairn_item_i64(cairn_select(counts, 0, 1)) == 0);
    assert_true(fabs(cairn_item(cairn_select(counts, 0, 2)) - 3000) < 150);
    T *all = cairn_multinomial(cairn_ones(CAIRN_SHAPE(6), CAIRN_F32), 6, false);
    assert_true(cairn_equal(cairn_sort(all, 0, false, NULL), cairn_arange(0, 6, 1, CAIRN_I64)));
}

/* ---- The same bits */

static void sums_by_index_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 5};
    cairn_seed(11);
    T *x = cairn_randn(CAIRN_SHAPE(500, 200), CAIRN_F32), *i = cairn_randint(0, 20, CAIRN_SHAPE(500), CAIRN_I64), *first[3] = {0};
    assert_int_equal(cairn_eval_list(2, (T *[]){x, i}), CAIRN_OK);
    for (int t = 0; t < 3; t++) {
        assert_int_equal(cairn_set_threads(threads[t]), CAIRN_OK);
        T *y[3] = {cairn_index_add(cairn_zeros(CAIRN_SHAPE(20, 200), CAIRN_F32), 0, i, x),
                   cairn_scatter_add(cairn_zeros(CAIRN_SHAPE(20, 200), CAIRN_F32), 0, cairn_expand(cairn_unsqueeze(i, 1), CAIRN_SHAPE(500, 200)), x),
                   cairn_softmax(cairn_cumsum(x, 1), 0)};
        for (int k = 0; k < 3; k++) {
            assert_int_equal(cairn_eval(y[k]), CAIRN_OK);
            first[k] = first[k] ? first[k] : y[k];
            assert_true(cairn_equal(y[k], first[k]));
        }
    }
    assert_int_equal(cairn_set_threads(2), CAIRN_OK);
}

static void a_row_of_a_batch_equals_the_row_alone(void **state)
{
    (void)state;
    T *x = cairn_randn(CAIRN_SHAPE(9, 40), CAIRN_F32), *row = cairn_narrow(x, 0, 4, 1), *w = cairn_randn(CAIRN_SHAPE(40, 30), CAIRN_F32);
    assert_true(cairn_equal(cairn_narrow(cairn_softmax(x, 1), 0, 4, 1), cairn_softmax(row, 1)));
    assert_true(cairn_equal(cairn_narrow(cairn_f_layer_norm(x, 1, NULL, NULL, 1e-5), 0, 4, 1), cairn_f_layer_norm(row, 1, NULL, NULL, 1e-5)));
    assert_true(cairn_equal(cairn_narrow(cairn_matmul(x, w), 0, 4, 1), cairn_matmul(row, w)));
    assert_true(cairn_equal(cairn_narrow(cairn_sort(x, 1, true, NULL), 0, 4, 1), cairn_sort(row, 1, true, NULL)));
}

/* ---- Types */

static void types_are_those_of_pytorch(void **state)
{
    (void)state;
    T *h = cairn_ones(CAIRN_SHAPE(4, 4), CAIRN_F16), *i = cairn_ones(CAIRN_SHAPE(4, 4), CAIRN_I32), *b = cairn_ones(CAIRN_SHAPE(4, 4), CAIRN_BOOL);
    const struct { const char *name; T *x; cairn_dtype type; } cases[] = {
        {"softmax", cairn_softmax(h, 1), CAIRN_F16}, {"layer_norm", cairn_f_layer_norm(h, 1, NULL, NULL, 1e-5), CAIRN_F16},
        {"cumsum f16", cairn_cumsum(h, 0), CAIRN_F16}, {"cumsum i32", cairn_cumsum(i, 0), CAIRN_I64}, {"sort", cairn_sort(b, 0, false, NULL), CAIRN_BOOL},
        {"masked_fill", cairn_masked_fill(i, b, 3), CAIRN_I32}, {"tril", cairn_tril(b, 0), CAIRN_BOOL}, {"pad", cairn_pad(h, 1, (int64_t[]){1, 1}, CAIRN_PAD_CONSTANT, 0), CAIRN_F16},
        {"scatter_add", cairn_scatter_add(i, 0, cairn_zeros(CAIRN_SHAPE(1, 4), CAIRN_I64), i), CAIRN_I32}, {"clamp", cairn_clamp(i, 0, 1), CAIRN_I32},
        {"clamp to a float", cairn_clamp(i, 0.5, 1), CAIRN_F32}, {"linear", cairn_f_linear(h, h, NULL), CAIRN_F16}, {"gather", cairn_gather(b, 0, i), CAIRN_BOOL},
        {"matmul", cairn_matmul(h, cairn_ones(CAIRN_SHAPE(4, 4), CAIRN_F32)), CAIRN_F32}, {"gelu", cairn_gelu(h), CAIRN_F16},
        {"dropout", cairn_f_dropout(h, 0.5, true), CAIRN_F16}, {"batch_norm", cairn_f_batch_norm(h, NULL, NULL, cairn_ones(CAIRN_SHAPE(4), CAIRN_F32), NULL, true, 0.1, 1e-5), CAIRN_F16},
        {"max_pool", cairn_f_max_pool2d(cairn_reshape(h, CAIRN_SHAPE(1, 1, 4, 4)), 2, 2, NULL), CAIRN_F16},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        if (cairn_dtype_of(cases[k].x) != cases[k].type)
            fail_msg("%s: %s (%s)", cases[k].name, cairn_dtype_name(cairn_dtype_of(cases[k].x)), cairn_error_message());
        if (cairn_eval(cases[k].x))
            fail_msg("%s: %s", cases[k].name, cairn_error_message());
    }
}

/* ---- Printing */

static void print_is_numpys(T *x, const char *want)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    cairn_print_to(file, x);
    fclose(file);
    assert_string_equal(text, want);
    free(text);
}

static void printing_looks_like_numpys(void **state)
{
    (void)state;
    print_is_numpys(cairn_reshape(VEC(1, 2.5, 0.1, -3), CAIRN_SHAPE(2, 2)), "[[ 1.   2.5]\n [ 0.1 -3. ]] f64\n");
    print_is_numpys(VEC(1e-5, 2, 1.0 / 3, -4e10), "[ 1.00000000e-05  2.00000000e+00  3.33333333e-01 -4.00000000e+10] f64\n");
    print_is_numpys(VEC(0.1, 2, 1.0 / 3, NAN, INFINITY), "[0.1        2.         0.33333333        nan        inf] f64\n");
    print_is_numpys(cairn_to(VEC(1234.5678, 1000), CAIRN_F32), "[1234.5677 1000.    ] f32\n");
    print_is_numpys(cairn_eye(2, 2, CAIRN_BOOL), "[[ true false]\n [false  true]] bool\n");
    print_is_numpys(cairn_reshape(cairn_arange(0, 8, 1, CAIRN_I64), CAIRN_SHAPE(2, 2, 2)), "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]] i64\n");
    print_is_numpys(cairn_arange(0, 1001, 1, CAIRN_I32), "[   0    1    2 ...  998  999 1000] i32 [1001]\n");
    print_is_numpys(cairn_number(0.1), "0.1 f32\n");
    print_is_numpys(cairn_zeros(CAIRN_SHAPE(0, 3), CAIRN_F32), "[] f32 [0, 3]\n");
    print_is_numpys(cairn_to(VEC(0.1, 3), CAIRN_BF16), "[0.1 3. ] bf16\n");
}

/* ---- Bad input: one sentence that names the operation */

typedef T *(*mistake)(void);
#define MISTAKE(name, status, word, ...) static T *bad_##name(void) { return __VA_ARGS__; }
#define MISTAKES(X)                                                                                                         \
    X(gather_range, RANGE, "index 3", cairn_gather(VEC(1, 2, 3), 0, cairn_from((int64_t[]){3}, CAIRN_SHAPE(1), CAIRN_I64)))        \
    X(gather_negative, RANGE, "index -1", cairn_gather(VEC(1, 2, 3), 0, cairn_from((int64_t[]){-1}, CAIRN_SHAPE(1), CAIRN_I64)))   \
    X(gather_type, TYPE, "gather", cairn_gather(VEC(1, 2), 0, VEC(1, 2)))                                                          \
    X(gather_shape, SHAPE, "gather", cairn_gather(VEC(1, 2), 0, cairn_zeros(CAIRN_SHAPE(1, 1), CAIRN_I64)))                        \
    X(scatter_range, RANGE, "index 9", cairn_scatter(VEC(1, 2), 0, cairn_full(CAIRN_SHAPE(1), 9, CAIRN_I64), VEC(1)))              \
    X(scatter_shape, SHAPE, "scatter", cairn_scatter(VEC(1, 2), 0, cairn_zeros(CAIRN_SHAPE(2), CAIRN_I64), VEC(1)))                \
    X(embedding_range, RANGE, "index 4", cairn_f_embedding(cairn_ones(CAIRN_SHAPE(4, 2), CAIRN_F32), cairn_full(CAIRN_SHAPE(2), 4, CAIRN_I64))) \
    X(index_range, RANGE, "index -4", cairn_index(VEC(1, 2, 3), 1, (T *[]){cairn_full(CAIRN_SHAPE(1), -4, CAIRN_I64)}))            \
    X(index_add_shape, SHAPE, "index_add", cairn_index_add(VEC(1, 2), 0, cairn_zeros(CAIRN_SHAPE(3), CAIRN_I64), VEC(1)))          \
    X(axis, RANGE, "axis 2", cairn_softmax(VEC(1, 2), 2))                                                                          \
    X(softmax_type, TYPE, "softmax", cairn_softmax(cairn_ones(CAIRN_SHAPE(2), CAIRN_I64), 0))                                      \
    X(topk_range, RANGE, "topk", cairn_topk(VEC(1, 2), 3, 0, true, NULL))                                                          \
    X(median_empty, ARGUMENT, "median", cairn_median(cairn_zeros(CAIRN_SHAPE(0), CAIRN_F32), 0, false, NULL))                      \
    X(split, SHAPE, "split", cairn_split_with_sizes(VEC(1, 2), 0, 1, (int64_t[]){3}, (T *[1]){NULL}) ? NULL : NULL)                \
    X(pad_reflect, ARGUMENT, "pad", cairn_pad(VEC(1, 2), 1, (int64_t[]){2, 0}, CAIRN_PAD_REFLECT, 0))                              \
    X(pad_crop, SHAPE, "pad", cairn_pad(VEC(1, 2), 1, (int64_t[]){-2, -1}, CAIRN_PAD_CONSTANT, 0))                                 \
    X(einsum_letter, ARGUMENT, "einsum", cairn_einsum("i->j", 1, (T *[]){VEC(1, 2)}))                                              \
    X(einsum_sign, ARGUMENT, "einsum", cairn_einsum("i+i", 1, (T *[]){VEC(1, 2)}))                                                 \
    X(einsum_sizes, SHAPE, "sizes", cairn_einsum("i,i", 2, (T *[]){VEC(1, 2), VEC(1, 2, 3)}))                                      \
    X(einsum_terms, ARGUMENT, "terms", cairn_einsum("i", 2, (T *[]){VEC(1, 2), VEC(1, 2, 3)}))                                     \
    X(mm, SHAPE, "mm", cairn_mm(VEC(1, 2), VEC(1, 2)))                                                                             \
    X(linear, SHAPE, "linear", cairn_f_linear(VEC(1, 2), cairn_ones(CAIRN_SHAPE(3, 4), CAIRN_F64), NULL))                          \
    X(conv_channels, SHAPE, "conv", cairn_f_conv2d(cairn_ones(CAIRN_SHAPE(1, 3, 4, 4), CAIRN_F32), cairn_ones(CAIRN_SHAPE(2, 2, 3, 3), CAIRN_F32), NULL, NULL)) \
    X(conv_window, SHAPE, "", cairn_f_conv2d(cairn_ones(CAIRN_SHAPE(1, 1, 2, 2), CAIRN_F32), cairn_ones(CAIRN_SHAPE(1, 1, 3, 3), CAIRN_F32), NULL, NULL)) \
    X(conv_rank, SHAPE, "conv2d", cairn_f_conv2d(VEC(1, 2), VEC(1, 2), NULL, NULL))                                                \
    X(conv3d_rank, SHAPE, "conv3d", cairn_f_conv3d(cairn_ones(CAIRN_SHAPE(1, 3, 4, 4), CAIRN_F32), cairn_ones(CAIRN_SHAPE(2, 3, 3, 3), CAIRN_F32), NULL, NULL)) \
    X(conv_transpose3d_none, SHAPE, "conv_transpose3d", cairn_f_conv_transpose3d(cairn_ones(CAIRN_SHAPE(1, 1, 1, 1, 1), CAIRN_F32), cairn_ones(CAIRN_SHAPE(1, 1, 1, 1, 1), CAIRN_F32), NULL, &(cairn_conv_options){.output_padding = {0, 0, 1}})) \
    X(conv_stride, ARGUMENT, "conv2d", cairn_f_conv2d(cairn_ones(CAIRN_SHAPE(1, 1, 4, 4), CAIRN_F32), cairn_ones(CAIRN_SHAPE(1, 1, 3, 3), CAIRN_F32), NULL, &(cairn_conv_options){.stride = {-1, 1}})) \
    X(pool_padding, ARGUMENT, "max_pool2d", cairn_f_max_pool2d(cairn_ones(CAIRN_SHAPE(1, 1, 4, 4), CAIRN_F32), 2, 2, &(cairn_pool_options){.padding = {2, 0}})) \
    X(pool_window, SHAPE, "", cairn_f_max_pool2d(cairn_ones(CAIRN_SHAPE(1, 1, 2, 2), CAIRN_F32), 3, 3, NULL))                      \
    X(batch_norm_one, SHAPE, "batch_norm", cairn_f_batch_norm(cairn_ones(CAIRN_SHAPE(1, 3), CAIRN_F32), NULL, NULL, NULL, NULL, true, 0.1, 1e-5)) \
    X(batch_norm_none, ARGUMENT, "batch_norm", cairn_f_batch_norm(cairn_ones(CAIRN_SHAPE(2, 3), CAIRN_F32), NULL, NULL, NULL, NULL, false, 0.1, 1e-5)) \
    X(group_norm, SHAPE, "group_norm", cairn_f_group_norm(cairn_ones(CAIRN_SHAPE(2, 3), CAIRN_F32), 2, NULL, NULL, 1e-5))          \
    X(layer_norm, SHAPE, "layer_norm", cairn_f_layer_norm(cairn_ones(CAIRN_SHAPE(2, 3), CAIRN_F32), 1, VEC(1, 2), NULL, 1e-5))     \
    X(dropout, RANGE, "dropout", cairn_f_dropout(VEC(1, 2), 1.5, true))                                                            \
    X(grid_sample, SHAPE, "grid_sample", cairn_f_grid_sample(cairn_ones(CAIRN_SHAPE(1, 2, 3, 3), CAIRN_F32), cairn_ones(CAIRN_SHAPE(2, 3, 3, 2), CAIRN_F32), NULL)) \
    X(affine_grid, SHAPE, "affine_grid", cairn_f_affine_grid(cairn_ones(CAIRN_SHAPE(1, 3, 3), CAIRN_F32), 2, 2, false)) \
    X(max_pool3d, SHAPE, "max_pool3d", cairn_f_max_pool3d(cairn_ones(CAIRN_SHAPE(1, 3, 3, 3), CAIRN_F32), 2, 2, 2, NULL)) \
    X(adaptive3d, SHAPE, "adaptive_avg_pool3d", cairn_f_adaptive_avg_pool3d(cairn_ones(CAIRN_SHAPE(1, 3, 3, 3, 3), CAIRN_F32), 0, 2, 2)) \
    X(bicubic, SHAPE, "interpolate_bicubic", cairn_f_interpolate_bicubic(cairn_ones(CAIRN_SHAPE(1, 2, 3, 3), CAIRN_F32), 0, 2, false)) \
    X(attention_window, RANGE, "window -1", cairn_scaled_dot_product_attention(cairn_ones(CAIRN_SHAPE(2, 3), CAIRN_F32), cairn_ones(CAIRN_SHAPE(2, 3), CAIRN_F32), cairn_ones(CAIRN_SHAPE(2, 3), CAIRN_F32), &(cairn_attention_options){.window = -1})) \
    X(attention, SHAPE, "attention", cairn_scaled_dot_product_attention(cairn_ones(CAIRN_SHAPE(2, 3), CAIRN_F32), cairn_ones(CAIRN_SHAPE(2, 4), CAIRN_F32), cairn_ones(CAIRN_SHAPE(2, 3), CAIRN_F32), NULL)) \
    X(one_hot, TYPE, "one_hot", cairn_one_hot(VEC(1, 2), 3))                                                                       \
    X(masked_scatter, RANGE, "index", cairn_masked_scatter(VEC(1, 2), cairn_ones(CAIRN_SHAPE(2), CAIRN_BOOL), VEC(1)))             \
    X(multinomial, ARGUMENT, "multinomial", cairn_multinomial(VEC(1, 2), 3, false))                                                \
    X(histc, ARGUMENT, "histc", cairn_histc(VEC(1, 2), 0, 0, 1))                                                                   \
    X(bincount, RANGE, "index -1", cairn_bincount(cairn_from((int64_t[]){-1, 1}, CAIRN_SHAPE(2), CAIRN_I64), NULL, 0))             \
    X(glu, SHAPE, "glu", cairn_glu(VEC(1, 2, 3), 0))                                                                               \
    X(quantile, ARGUMENT, "quantile", cairn_quantile(VEC(1, 2), 2, 0, false))                                                      \
    X(repeat, SHAPE, "repeat", cairn_repeat(cairn_ones(CAIRN_SHAPE(2, 2), CAIRN_F32), CAIRN_SHAPE(2)))                             \
    X(huge_repeat, SHAPE, "repeat", cairn_repeat(VEC(1, 2), CAIRN_SHAPE(INT64_MAX / 2)))                                           \
    X(fold, SHAPE, "fold", cairn_f_fold(cairn_ones(CAIRN_SHAPE(1, 8, 11), CAIRN_F32), 4, 5, 2, 2, NULL))                           \
    X(custom, ARGUMENT, "custom", cairn_custom(&(cairn_custom_op){.name = "none"}, 0, NULL, CAIRN_SCALAR, CAIRN_F32))
MISTAKES(MISTAKE)

static void bad_input_gets_one_clear_sentence(void **state)
{
    (void)state;
#define X(name, status, word, ...) {#name, CAIRN_E_##status, word, bad_##name},
    static const struct { const char *name; cairn_status status; const char *word; mistake make; } cases[] = {MISTAKES(X)};
#undef X
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cairn_mark m = cairn_scope_push();
        T *y = cases[i].make();
        if (y)
            cairn_eval(y);
        if (cairn_error() != cases[i].status || !strstr(cairn_error_message(), cases[i].word))
            fail_msg("%s: %s \"%s\"", cases[i].name, cairn_status_name(cairn_error()), cairn_error_message());
        cairn_scope_pop(m, NULL);
        cairn_error_clear();
    }
}

static void null_operands_give_null_without_an_error(void **state)
{
    (void)state;
    T *x = VEC(1, 2), *i = cairn_zeros(CAIRN_SHAPE(1), CAIRN_I64), *out[4], *second;
    T *const results[] = {
        cairn_clamp(NULL, 0, 1), cairn_lerp(NULL, x, x), cairn_logaddexp(x, NULL), cairn_logit(NULL, 0), cairn_sinc(NULL), cairn_i0(NULL),
        cairn_gelu(NULL), cairn_softplus(NULL, 1), cairn_prelu(x, NULL), cairn_glu(NULL, 0), cairn_softmax(NULL, 0), cairn_log_softmax(NULL, 0),
        cairn_f_layer_norm(NULL, 1, x, x, 0), cairn_f_rms_norm(NULL, 1, x, 0), cairn_f_group_norm(NULL, 1, x, x, 0),
        cairn_f_batch_norm(NULL, x, x, x, x, true, 0, 0), cairn_normalize(NULL, 2, 0, 0), cairn_cosine_similarity(NULL, x, 0, 0),
        cairn_f_linear(NULL, x, x), cairn_f_linear(x, NULL, x), cairn_f_embedding(NULL, i), cairn_f_embedding(cairn_ones(CAIRN_SHAPE(2, 2), CAIRN_F32), NULL), cairn_f_conv2d(NULL, x, x, NULL),
        cairn_f_conv1d(NULL, x, x, NULL), cairn_f_max_pool2d(NULL, 2, 2, NULL), cairn_f_avg_pool1d(NULL, 2, NULL), cairn_f_unfold(NULL, 2, 2, NULL),
        cairn_f_pixel_shuffle(NULL, 2), cairn_scaled_dot_product_attention(x, NULL, x, NULL), cairn_f_dropout(NULL, 0.5, true), cairn_multinomial(NULL, 1, true),
        cairn_roll(NULL, 1, 0), cairn_repeat(NULL, CAIRN_SHAPE(2)), cairn_pad(NULL, 0, NULL, CAIRN_PAD_CONSTANT, 0), cairn_tril(NULL, 0), cairn_diag(NULL, 0),
        cairn_gather(NULL, 0, i), cairn_gather(x, 0, NULL), cairn_scatter(x, 0, NULL, x), cairn_scatter_add(x, 0, i, NULL),
        cairn_scatter_reduce(NULL, 0, i, x, CAIRN_COMBINE_MAX, false), cairn_index_select(x, 0, NULL), cairn_take(NULL, i), cairn_index_add(x, 0, i, NULL),
        cairn_index(NULL, 1, (T *[]){i}), cairn_index_put(x, 1, (T *[]){i}, NULL, false), cairn_masked_fill(x, NULL, 0), cairn_masked_select(NULL, x),
        cairn_masked_scatter(x, NULL, x), cairn_nonzero(NULL), cairn_one_hot(NULL, 2), cairn_argsort(NULL, 0, false), cairn_sort(NULL, 0, false, &second),
        cairn_topk(NULL, 1, 0, true, NULL), cairn_median(NULL, 0, false, NULL), cairn_mode(NULL, 0, false, NULL), cairn_quantile(NULL, 0.5, 0, false),
        cairn_max(NULL, 0, false, &second), cairn_unique(NULL, NULL, NULL), cairn_searchsorted(NULL, x, false), cairn_bincount(NULL, NULL, 0), cairn_histc(NULL, 1, 0, 1),
        cairn_cumsum(NULL, 0), cairn_cummax(NULL, 0, &second), cairn_logcumsumexp(NULL, 0), cairn_recurrence(x, NULL, 0), cairn_mm(NULL, x), cairn_outer(x, NULL),
        cairn_addmm(NULL, x, x, 1, 1), cairn_einsum("i", 1, (T *[]){NULL}), cairn_tensordot(NULL, x, CAIRN_AXES(0), CAIRN_AXES(0)), cairn_kron(x, NULL),
        cairn_cdist(NULL, x, 2), cairn_checkpoint(layer_body, NULL, NULL)};
    for (size_t k = 0; k < sizeof results / sizeof *results; k++)
        assert_null(results[k]);
    assert_false(cairn_split_with_sizes(NULL, 0, 1, (int64_t[]){1}, out));
    assert_false(cairn_frexp(NULL, &out[0], &out[1]));
    assert_false(cairn_equal(NULL, x));
    assert_int_equal(cairn_chunk(NULL, 0, 2, out), -1);
    if (cairn_error())
        fail_msg("%s", cairn_error_message());
}

/* ---- Nothing leaks */

static void a_step_leaves_nothing_behind(void **state)
{
    (void)state;
    T *x = cairn_requires_grad_(cairn_randn(CAIRN_SHAPE(2, 4, 6, 6), CAIRN_F32), true), *w = cairn_randn(CAIRN_SHAPE(4, 4, 3, 3), CAIRN_F32);
    int64_t alive = 0;
    for (int i = 0; i < 30; i++) {
        cairn_mark m = cairn_scope_push();
        T *y = cairn_f_max_pool2d(cairn_f_conv2d(x, w, NULL, NULL), 2, 2, NULL), *index;
        T *z = cairn_sort(cairn_softmax(cairn_flatten(y, 1, -1), 1), 1, true, &index);
        assert_int_equal(cairn_backward(cairn_sum(cairn_square(z), CAIRN_ALL_AXES, false)), CAIRN_OK);
        assert_int_equal(cairn_eval(cairn_grad_of(x)), CAIRN_OK);
        cairn_clear_grad(x);
        cairn_scope_pop(m, NULL);
        if (i == 2)
            alive = cairn_tensor_count();
    }
    assert_int_equal(cairn_tensor_count(), alive);
}

static int quiet(void **state)
{
    (void)state;
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    cairn_error_clear();
    cairn_scope_pop((cairn_mark){0}, NULL);
    return 0;
}

/* Nearest pixels of any type, and of half types in their own: the result is an exact copy. */
static void images_of_every_type_are_enlarged(void **state)
{
    (void)state;
    static const cairn_dtype types[] = {CAIRN_U8, CAIRN_BOOL, CAIRN_I64, CAIRN_F16, CAIRN_BF16, CAIRN_F64};
    cairn_mark m = cairn_scope_push();
    for (int i = 0; i < 6; i++) {
        const double pixels[4] = {1, 0, 1, 1};
        cairn_tensor *x = cairn_to(cairn_from(pixels, CAIRN_SHAPE(1, 1, 2, 2), CAIRN_F64), types[i]);
        cairn_tensor *y = cairn_f_interpolate_nearest(x, 4, 4);
        assert_int_equal(cairn_dtype_of(y), types[i]);
        const double *at = cairn_data(cairn_to(y, CAIRN_F64));
        for (int k = 0; k < 16; k++)
            assert_true(at[k] == pixels[k / 8 * 2 + k % 4 / 2]);
    }
    assert_null(cairn_f_interpolate_bilinear(cairn_ones(CAIRN_SHAPE(1, 1, 2, 2), CAIRN_I32), 4, 4, false));
    assert_int_equal(cairn_error(), CAIRN_E_TYPE);
    cairn_error_clear();
    cairn_scope_pop(m, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, forget)
    const struct CMUnitTest tests[] = {
        TEST(a_custom_operation_has_its_value_and_gradient),
        TEST(a_custom_operation_that_fails_says_so),
        TEST(a_custom_operation_without_gradient_is_not_differentiable),
        TEST(a_checkpoint_gives_the_same_gradients_with_the_same_random_numbers),
        TEST(a_second_derivative_through_a_checkpoint_is_an_error),
        TEST(a_wrong_gradient_is_found_and_named),
        TEST(batch_norm_changes_its_running_statistics),
        TEST(dropout_keeps_the_mean_and_repeats_with_the_seed),
        TEST(randperm_is_a_permutation),
        TEST(multinomial_draws_by_weight),
        TEST(sums_by_index_do_not_depend_on_the_number_of_threads),
        TEST(a_row_of_a_batch_equals_the_row_alone),
        TEST(types_are_those_of_pytorch),
        TEST(printing_looks_like_numpys),
        TEST(bad_input_gets_one_clear_sentence),
        TEST(null_operands_give_null_without_an_error),
        TEST(a_step_leaves_nothing_behind),
        TEST(images_of_every_type_are_enlarged),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
