/* Descriptors that fuzzing found: what overflowed, was read or written out of bounds, or was accepted and should not be. */
#include "primitives_test.h"

/* The call is refused with this status, and a message that has these words. */
static void assert_refused(cairn_status status, cairn_status expected, const char *words)
{
    assert_int_equal(status, expected);
    assert_non_null(strstr(cairn_error_message(), words));
    cairn_error_clear();
}

static float zeros[4096];

/* ---- Matrix products ----------------------------------------------------------------------------------------*/

static cairn_gemm small_gemm(const float *a, const float *b, float *c)
{
    return (cairn_gemm){.type = CAIRN_F32, .m = 3, .n = 4, .k = 5, .a = a, .a_row = 5, .a_col = 1, .b = b, .b_row = 4, .b_col = 1, .c = c, .c_row = 4, .alpha = 1};
}

static void b_is_packed_even_for_an_alpha_of_0(void **state)
{
    (void)state;
    float c[12];
    cairn_gemm g = small_gemm(zeros, zeros, c);
    const int64_t bytes = cairn_gemm_pack_bytes(&g);
    g.alpha = 0;
    assert_int_equal(cairn_gemm_pack_bytes(&g), bytes);
    void *packed = aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64);
    assert_int_equal(cairn_gemm_pack(&g, packed), CAIRN_OK);
    free(packed);
}

static void a_packed_b_is_counted_with_its_last_panel(void **state)
{
    (void)state;
    cairn_gemm g = small_gemm(zeros, zeros, NULL);
    g.m = 0, g.n = 1, g.k = (int64_t)1 << 57, g.b_row = 0, g.a_col = 0;
    assert_int_equal(cairn_gemm_pack_bytes(&g), 0);
    assert_refused(cairn_error(), CAIRN_E_SHAPE, "gemm: sizes overflow");
}

static void a_small_product_of_packed_b_needs_no_workspace_either(void **state)
{
    (void)state;
    float a[15], b[20], c[12], expected[12];
    for (int i = 0; i < 20; i++)
        b[i] = (float)test_uniform(), a[i % 15] = (float)test_uniform();
    FOR_EACH_ISA(isa) {
        cairn_gemm g = small_gemm(a, b, expected);
        assert_int_equal(cairn_gemm_workspace_bytes(&g), 0);
        assert_int_equal(cairn_gemm_run(&g, NULL, 0), CAIRN_OK);
        const int64_t bytes = (cairn_gemm_pack_bytes(&g) + 63) / 64 * 64;
        void *packed = aligned_alloc(64, (size_t)bytes);
        assert_int_equal(cairn_gemm_pack(&g, packed), CAIRN_OK);
        g.packed_b = packed, g.b = NULL, g.c = c;
        assert_int_equal(cairn_gemm_workspace_bytes(&g), 0);
        assert_int_equal(cairn_gemm_run(&g, NULL, 0), CAIRN_OK);
        assert_memory_equal(c, expected, sizeof c);
        free(packed);
    }
}

/* Kernels look ahead of what they read, on each instruction set its own way. */
static void strides_beyond_any_memory_are_refused(void **state)
{
    (void)state;
    float c[12], room[12];
    memset(c, 7, sizeof c), memcpy(room, c, sizeof c);
    for (int i = 0; i < 4; i++) {
        cairn_gemm g = small_gemm(zeros, zeros, c);
        *(i == 0 ? &g.a_row : i == 1 ? &g.a_col : i == 2 ? &g.b_row : &g.b_col) = (int64_t)1 << 50;
        assert_refused(cairn_gemm_run(&g, NULL, 0), CAIRN_E_SHAPE, "gemm: sizes overflow");
        assert_memory_equal(c, room, sizeof c);
    }
}

static void products_of_no_terms_need_no_operands(void **state)
{
    (void)state;
    float c[12];
    cairn_gemm g = small_gemm(NULL, NULL, c);
    memset(c, 1, sizeof c);
    g.k = 0, g.a_col = 7, g.b_row = 3;
    assert_int_equal(cairn_gemm_run(&g, NULL, 0), CAIRN_OK);
    assert_memory_equal(c, zeros, sizeof c);
}

static void strides_of_what_is_added_or_saved_are_looked_at(void **state)
{
    (void)state;
    float c[12], saved[12];
    cairn_gemm g = small_gemm(zeros, zeros, c);
    g.residual_row = g.saved_batch = INT64_MAX;         /* of nothing */
    assert_int_equal(cairn_gemm_run(&g, NULL, 0), CAIRN_OK);
    g.fused.residual = zeros;
    assert_refused(cairn_gemm_run(&g, NULL, 0), CAIRN_E_SHAPE, "gemm: strides of the residual");
    g.fused.residual = NULL, g.saved = saved, g.saved_batch = 0, g.saved_row = 2;
    assert_refused(cairn_gemm_run(&g, NULL, 0), CAIRN_E_SHAPE, "gemm: strides of what is saved");
}

static void outputs_of_a_product_are_not_its_factors(void **state)
{
    (void)state;
    float c[12], saved[12];
    cairn_gemm g = small_gemm(zeros, zeros, c);
    g.row_bias = c;
    assert_refused(cairn_gemm_run(&g, NULL, 0), CAIRN_E_ARGUMENT, "gemm: an output is also another operand");
    g.row_bias = saved, g.saved = saved;
    assert_refused(cairn_gemm_run(&g, NULL, 0), CAIRN_E_ARGUMENT, "gemm: an output is also another operand");
}

/* ---- Convolution --------------------------------------------------------------------------------------------*/

static const cairn_conv plain_conv = {.type = CAIRN_F32, .n = 1, .h = 4, .w = 4, .c = 3, .k = 5, .r = 1, .s = 1};

static void sizes_overflow_beside_a_size_of_0_too(void **state)
{
    (void)state;
    cairn_conv d = {.type = CAIRN_F32, .h = 1 << 30, .w = 1 << 30, .c = 1 << 30, .k = 1, .r = 1, .s = 1};
    assert_int_equal(cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD), 0);
    assert_refused(cairn_error(), CAIRN_E_SHAPE, "conv: sizes overflow");
    d = (cairn_conv){.type = CAIRN_F32, .n = 1, .h = 1 << 20, .w = 1 << 20, .c = 1 << 20, .r = 1 << 20, .s = 1 << 20};
    assert_int_equal(cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD), 0);
    assert_refused(cairn_error(), CAIRN_E_SHAPE, "conv: sizes overflow");

    cairn_copy copy = {.type = CAIRN_F32, .rank = 3, .size = {(int64_t)1 << 40, (int64_t)1 << 40, 0}};
    assert_refused(cairn_copy_run(&copy, NULL, NULL), CAIRN_E_SHAPE, "copy: sizes overflow");
    const cairn_resample resample = {.type = CAIRN_F32, .h = 1 << 30, .w = 1 << 30, .c = 1 << 30, .oh = 1, .ow = 1};
    assert_refused(cairn_resample_gradient(&resample, NULL, NULL), CAIRN_E_SHAPE, "resample: a size is out of range");
    const cairn_block_format f = {CAIRN_BLOCK_INT4, 0, INT64_MAX, 0};
    assert_int_equal(cairn_block_element_bytes(&f), -1);
    assert_refused(cairn_error(), CAIRN_E_SHAPE, "quantize: ");
}

static void the_least_number_is_a_stride_of_one_element(void **state)
{
    (void)state;
    cairn_conv d = plain_conv;
    const int64_t strides[5] = {INT64_MIN, 1, INT64_MIN, 15, 3};
    memcpy(d.x_strides, strides, sizeof strides);
    assert_true(cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD) > 0);

    cairn_copy copy = {.type = CAIRN_F32, .rank = 1, .size = {2}, .from_stride = {INT64_MIN}, .to_stride = {1}};
    assert_refused(cairn_copy_run(&copy, zeros, zeros + 8), CAIRN_E_SHAPE, "copy: sizes overflow");
}

static void a_chosen_algorithm_that_cannot_do_it_is_not_recommended(void **state)
{
    (void)state;
    cairn_conv d = plain_conv;
    cairn_conv_choice choice = {.seconds = 7};
    d.algorithm = CAIRN_CONV_WINOGRAD_4;
    assert_refused(cairn_conv_get(&d, CAIRN_CONV_FORWARD, &choice), CAIRN_E_UNSUPPORTED, "winograd4 cannot do this");
    assert_true(choice.seconds == 7);
}

static void packed_weights_need_no_more_workspace(void **state)
{
    (void)state;
    cairn_conv d = plain_conv;
    float y[4 * 4 * 5];
    d.algorithm = CAIRN_CONV_MATMUL;
    const int64_t bytes = cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD), packed_bytes = (cairn_conv_pack_bytes(&d) + 63) / 64 * 64;
    void *packed = aligned_alloc(64, (size_t)packed_bytes), *workspace = malloc((size_t)bytes + 1);
    assert_int_equal(cairn_conv_pack(&d, zeros, packed, workspace, bytes), CAIRN_OK);
    d.packed_w = packed;
    assert_true(cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD) <= bytes);
    assert_int_equal(cairn_conv_forward(&d, zeros, NULL, y, workspace, bytes), CAIRN_OK);
    free(packed), free(workspace);
}

/* The outputs of a depthwise row that see the whole filter, against those counted one by one: through the result. */
static void wide_padding_of_depthwise_filters(void **state)
{
    (void)state;
    for (int pad = 0; pad < 9; pad++)
        for (int stride = 1; stride < 4; stride++) {
            const cairn_conv d = {.type = CAIRN_F64, .n = 1, .h = 1, .w = 5, .c = 2, .k = 2, .r = 1, .s = 3, .groups = 2, .stride_w = stride, .dilation_w = 2,
                                  .pad_left = pad, .pad_right = 9 - pad, .algorithm = CAIRN_CONV_DEPTHWISE};
            double x[10], w[6], y[64];
            int64_t oh, ow;
            for (int i = 0; i < 10; i++)
                x[i] = i + 1, w[i % 6] = i % 6 + 1;
            assert_int_equal(cairn_conv_output_size(&d, &oh, &ow), CAIRN_OK);
            const int64_t bytes = cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD);
            void *workspace = malloc((size_t)bytes);
            assert_int_equal(cairn_conv_forward(&d, x, w, y, workspace, bytes), CAIRN_OK);
            for (int64_t i = 0; i < 2 * ow; i++) {
                double sum = 0;
                for (int t = 0; t < 3; t++) {
                    const int64_t at = i / 2 * stride + 2 * t - pad;
                    sum += at >= 0 && at < 5 ? x[2 * at + i % 2] * w[i % 2 * 3 + t] : 0;
                }
                assert_true(y[i] == sum);
            }
            free(workspace);
        }
}

/* ---- Attention ----------------------------------------------------------------------------------------------*/

static void attention_has_two_passes_and_no_negative_workspace(void **state)
{
    (void)state;
    const cairn_attention d = {.type = CAIRN_F32, .batch = 1, .heads = 1, .queries = 2, .keys = 2, .width = 2};
    float q[4] = {0}, k[4] = {0}, o[4], room[4];
    assert_int_equal(cairn_attention_workspace_bytes(&d, (cairn_attention_pass)2), 0);
    assert_refused(cairn_error(), CAIRN_E_ARGUMENT, "attention: there is no pass 2");
    assert_refused(cairn_attention_forward(&d, q, k, k, o, NULL, room, INT64_MIN), CAIRN_E_ARGUMENT, "attention: the workspace is too small");
    assert_refused(cairn_attention_gradient(&d, q, k, k, q, q, q, o, o + 1, o + 2, room, INT64_MIN), CAIRN_E_ARGUMENT, "the workspace is too small");
    assert_refused(cairn_attention_forward(&d, q, k, k, o, q, room, sizeof room), CAIRN_E_ARGUMENT, "an output is also another operand");
}

static void scores_beyond_all_numbers_are_no_crash(void **state)
{
    (void)state;
    const cairn_attention d = {.type = CAIRN_F64, .batch = 1, .heads = 1, .queries = 9, .keys = 9, .width = 2, .scale = 1e300};
    double x[18], o[18], sums[9], dq[18], dk[18], dv[18];
    for (int i = 0; i < 18; i++)
        x[i] = 1e10 * test_uniform();
    const int64_t bytes = cairn_attention_workspace_bytes(&d, CAIRN_ATTENTION_GRADIENT);
    void *workspace = malloc((size_t)bytes);
    FOR_EACH_ISA(isa) {
        assert_int_equal(cairn_attention_forward(&d, x, x, x, o, sums, workspace, bytes), CAIRN_OK);
        for (int i = 0; i < 9; i++)
            sums[i] = i % 2 ? -1e300 : 1e300;
        assert_int_equal(cairn_attention_gradient(&d, x, x, x, o, sums, x, dq, dk, dv, workspace, bytes), CAIRN_OK);
    }
    free(workspace);
}

/* ---- Rows and pooling -----------------------------------------------------------------------------------------*/

static void outputs_of_rows_are_not_their_inputs(void **state)
{
    (void)state;
    float x[16] = {0}, y[16], z[16];
    int64_t labels[2] = {0, 0};
    const cairn_softmax_rows wide = {.type = CAIRN_F32, .rows = 2, .columns = 3, .x_row = 5}, dense = {.type = CAIRN_F32, .rows = 2, .columns = 3};
    const char *words = "an output is also another operand";
    assert_refused(cairn_softmax_forward(&wide, x, x), CAIRN_E_ARGUMENT, words);
    assert_refused(cairn_softmax_gradient(&wide, x, y, y), CAIRN_E_ARGUMENT, words);
    assert_int_equal(cairn_softmax_forward(&dense, x, x), CAIRN_OK);
    assert_refused(cairn_cross_entropy_rows(&dense, x, labels, NULL, labels, NULL), CAIRN_E_ARGUMENT, words);
    assert_refused(cairn_cross_entropy_rows(&dense, x, labels, NULL, y, labels), CAIRN_E_ARGUMENT, words);
    const cairn_norm_rows norm = {.type = CAIRN_F32, .kind = CAIRN_LAYER_NORM, .n = 2, .c = 4};
    assert_refused(cairn_norm_forward(&norm, x, NULL, NULL, y, x, z), CAIRN_E_ARGUMENT, words);
    assert_refused(cairn_norm_gradient(&norm, x, NULL, y, z, labels, x + 8, y, NULL), CAIRN_E_ARGUMENT, words);
    assert_refused(cairn_norm_gradient(&norm, x, NULL, y, z, z + 8, x + 8, z + 8, NULL), CAIRN_E_ARGUMENT, words);
    assert_true(labels[0] == 0 && labels[1] == 0);
}

static void weights_have_a_gradient_of_0_from_no_rows(void **state)
{
    (void)state;
    for (int kind = CAIRN_LAYER_NORM; kind <= CAIRN_BATCH_NORM; kind++) {
        const cairn_norm_rows d = {.type = CAIRN_F32, .kind = (cairn_norm_kind)kind, .c = 4};
        float dw[4] = {1, 2, 3, 4}, db[4] = {5, 6, 7, 8};
        assert_int_equal(cairn_norm_gradient(&d, NULL, NULL, NULL, NULL, NULL, NULL, dw, db), CAIRN_OK);
        assert_memory_equal(dw, zeros, sizeof dw);
        assert_memory_equal(db, zeros, sizeof db);
    }
}

static void pooled_positions_are_neither_input_nor_gradient(void **state)
{
    (void)state;
    const cairn_pool d = {.type = CAIRN_F32, .n = 1, .h = 2, .w = 2, .c = 4, .r = 1, .s = 1};
    float x[16] = {0}, y[16];
    int32_t index[16] = {0};
    assert_refused(cairn_max_pool_forward(&d, x, y, (int32_t *)x), CAIRN_E_ARGUMENT, "an output is also another operand");
    assert_refused(cairn_max_pool_forward(&d, x, y, (int32_t *)y), CAIRN_E_ARGUMENT, "an output is also another operand");
    assert_refused(cairn_max_pool_gradient(&d, y, index, index), CAIRN_E_ARGUMENT, "an output is also another operand");
}

static void an_adaptive_output_is_counted(void **state)
{
    (void)state;
    const cairn_pool d = {.type = CAIRN_F32, .n = 1, .h = 2, .w = 2, .c = 1000, .adaptive_h = 1 << 30, .adaptive_w = 1 << 30};
    int64_t oh, ow;
    assert_refused(cairn_pool_output_size(&d, &oh, &ow), CAIRN_E_SHAPE, "pool: an adaptive size is out of range");
}

static void losses_of_ctc_are_not_its_labels(void **state)
{
    (void)state;
    const cairn_ctc d = {.type = CAIRN_F64, .steps = 2, .batch = 1, .classes = 3, .target = 1};
    double x[6] = {0}, loss, workspace[200];
    int64_t label = 1;
    const char *words = "an output is also another operand";
    assert_true(cairn_ctc_workspace_bytes(&d) <= (int64_t)sizeof workspace);
    assert_refused(cairn_ctc_run(&d, x, &label, NULL, NULL, &label, NULL, workspace, sizeof workspace), CAIRN_E_ARGUMENT, words);
    assert_refused(cairn_ctc_run(&d, x, &label, NULL, NULL, &loss, &loss, workspace, sizeof workspace), CAIRN_E_ARGUMENT, words);
    assert_refused(cairn_ctc_run(&d, x, &label, &label, NULL, &loss, x, workspace, sizeof workspace), CAIRN_E_ARGUMENT, words);
}

/* ---- Quantised numbers ----------------------------------------------------------------------------------------*/

static void a_block_is_counted_where_weights_are_narrow(void **state)
{
    (void)state;
    const cairn_quantized_weight d = {CAIRN_BLOCK_INT8, (int64_t)1 << 50, 1, (1 << 24) - 32};
    assert_int_equal(cairn_quantized_weight_bytes(&d), 0);
    assert_refused(cairn_error(), CAIRN_E_SHAPE, "quantized weight: n ");
}

static void rows_of_weights_lie_within_reach(void **state)
{
    (void)state;
    const cairn_quantized_weight d = {CAIRN_BLOCK_INT8, 2, 32, 0};
    const int64_t far = INT64_MAX;
    float y[4];
    char packed[2048], workspace[1024];
    assert_true(cairn_quantized_weight_bytes(&d) <= (int64_t)sizeof packed);
    assert_refused(cairn_quantized_weight_pack(&d, zeros, far, packed), CAIRN_E_ARGUMENT, "2 rows of w");
    assert_refused(cairn_quantized_weight_unpack(&d, packed, y, far), CAIRN_E_ARGUMENT, "2 rows of w");
    assert_refused(cairn_quantized_matmul(&d, 2, zeros, far, packed, NULL, y, 2, workspace, sizeof workspace), CAIRN_E_ARGUMENT, "2 rows of x");
    assert_refused(cairn_quantized_matmul(&d, 2, zeros, 32, packed, NULL, y, far, workspace, sizeof workspace), CAIRN_E_ARGUMENT, "2 rows of y");
    assert_refused(cairn_quantized_weight_pack(&d, zeros, 32, zeros), CAIRN_E_ARGUMENT, "quantized weight: ");
    assert_refused(cairn_quantized_matmul(&d, 2, zeros, 32, packed, y, y, 2, workspace, sizeof workspace), CAIRN_E_ARGUMENT, "also another operand");
    const cairn_block_format f = {CAIRN_BLOCK_INT8, 2, 32, 0};
    assert_refused(cairn_quantize(&f, zeros, zeros, packed), CAIRN_E_ARGUMENT, "also another operand");
    assert_refused(cairn_dequantize(&f, packed, y, y), CAIRN_E_ARGUMENT, "also another operand");
}

/* ---- Recurrences ----------------------------------------------------------------------------------------------*/

static void no_sequences_are_no_work(void **state)
{
    (void)state;
    cairn_rnn_descriptor d = {.type = CAIRN_F32, .kind = CAIRN_RNN_TANH, .steps = 3, .in = 600, .hidden = 1};
    const cairn_rnn_weights w = {zeros, zeros};
    const int64_t bytes = cairn_rnn_workspace_bytes(&d, CAIRN_RNN_INFERENCE);
    assert_true(cairn_rnn_workspace_bytes(&d, CAIRN_RNN_BACKWARD) > 0 && bytes > 0);
    void *workspace = malloc((size_t)bytes);
    assert_int_equal(cairn_rnn_forward(&d, NULL, NULL, NULL, &w, NULL, NULL, NULL, NULL, workspace, bytes), CAIRN_OK);
    free(workspace);
    assert_int_equal(cairn_rnn_workspace_bytes(&d, (cairn_rnn_pass)3), 0);
    assert_refused(cairn_error(), CAIRN_E_ARGUMENT, "rnn: there is no pass 3");
}

/* ---- Programs -------------------------------------------------------------------------------------------------*/

/* out = the operand, or the sums of its rows. */
static cairn_program *copying(bool summed)
{
    cairn_program *p = cairn_program_new();
    const int x = cairn_program_load(p, 0, CAIRN_F32);
    cairn_program_store(p, 1, CAIRN_F32, summed ? cairn_program_reduce(p, CAIRN_P_SUM, x, false) : x);
    assert_int_equal(cairn_program_finish(p), CAIRN_OK);
    return p;
}

static void programs_want_the_memory_that_they_name(void **state)
{
    (void)state;
    static char room[1 << 20];
    float y[6];
    for (int summed = 0; summed < 2; summed++) {
        cairn_program_operand operands[] = {{zeros, .stride = {3, 1}}, {NULL, .stride = {3, 1}}};
        cairn_program_call call = {.program = copying(summed), .axes = 2, .size = {2, 3}, .operands = operands};
        assert_refused(cairn_program_run(&call, room, sizeof room), CAIRN_E_ARGUMENT, "program: operand 1 is NULL");
        call.size[1] = 0;                   /* sums of nothing are written, a copy of nothing is not */
        if (summed)
            assert_refused(cairn_program_run(&call, room, sizeof room), CAIRN_E_ARGUMENT, "program: operand 1 is NULL");
        else
            assert_int_equal(cairn_program_run(&call, room, sizeof room), CAIRN_OK);
        call.size[1] = 3, operands[0].data = NULL, operands[1].data = y;
        assert_refused(cairn_program_run(&call, room, sizeof room), CAIRN_E_ARGUMENT, "program: operand 0 is NULL");
        operands[0].stride[0] = INT64_MAX;
        assert_refused(cairn_program_run(&call, room, sizeof room), CAIRN_E_SHAPE, "program: the strides of operand 0 overflow");
        call.size[0] = 0, call.size[1] = INT64_MAX;
        assert_int_equal(cairn_program_workspace_bytes(&call), 0);
        assert_refused(cairn_error(), CAIRN_E_SHAPE, "program: sizes overflow");
        cairn_program_free((cairn_program *)call.program);
    }
}

static void a_refused_instruction_is_an_error_of_its_program(void **state)
{
    (void)state;
    cairn_program *p = cairn_program_new();
    const int x = cairn_program_load(p, 0, CAIRN_F32);
    assert_int_equal(cairn_program_cast(p, x, CAIRN_BOOL), -1);
    cairn_program_store(p, 1, CAIRN_F32, x);
    assert_refused(cairn_program_finish(p), CAIRN_E_TYPE, "program: a register of bool");
    assert_refused(cairn_program_finish(p), CAIRN_E_STATE, "program: its building failed");
    cairn_program_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b_is_packed_even_for_an_alpha_of_0),
        cmocka_unit_test(a_packed_b_is_counted_with_its_last_panel),
        cmocka_unit_test(a_small_product_of_packed_b_needs_no_workspace_either),
        cmocka_unit_test(strides_beyond_any_memory_are_refused),
        cmocka_unit_test(products_of_no_terms_need_no_operands),
        cmocka_unit_test(strides_of_what_is_added_or_saved_are_looked_at),
        cmocka_unit_test(outputs_of_a_product_are_not_its_factors),
        cmocka_unit_test(sizes_overflow_beside_a_size_of_0_too),
        cmocka_unit_test(the_least_number_is_a_stride_of_one_element),
        cmocka_unit_test(a_chosen_algorithm_that_cannot_do_it_is_not_recommended),
        cmocka_unit_test(packed_weights_need_no_more_workspace),
        cmocka_unit_test(wide_padding_of_depthwise_filters),
        cmocka_unit_test(attention_has_two_passes_and_no_negative_workspace),
        cmocka_unit_test(scores_beyond_all_numbers_are_no_crash),
        cmocka_unit_test(outputs_of_rows_are_not_their_inputs),
        cmocka_unit_test(weights_have_a_gradient_of_0_from_no_rows),
        cmocka_unit_test(pooled_positions_are_neither_input_nor_gradient),
        cmocka_unit_test(an_adaptive_output_is_counted),
        cmocka_unit_test(losses_of_ctc_are_not_its_labels),
        cmocka_unit_test(a_block_is_counted_where_weights_are_narrow),
        cmocka_unit_test(rows_of_weights_lie_within_reach),
        cmocka_unit_test(no_sequences_are_no_work),
        cmocka_unit_test(programs_want_the_memory_that_they_name),
        cmocka_unit_test(a_refused_instruction_is_an_error_of_its_program),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
