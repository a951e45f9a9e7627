/* Programs by their public names: fused pointwise work, row and column reductions, dropout, and what is refused. */
#include "primitives_test.h"

#include "base/random.h"

static void run(const cairn_program_call *call)
{
    const int64_t bytes = cairn_program_workspace_bytes(call);
    void *workspace = malloc((size_t)bytes);
    assert_true(bytes > 0);
    assert_int_equal(cairn_program_run(call, workspace, bytes), CAIRN_OK);
    free(workspace);
}

enum { ROWS = 5, COLUMNS = 70 };

static void softmax_and_column_sums(void **state)
{
    (void)state;
    float *x = test_uniform_array(CAIRN_F32, ROWS * COLUMNS), y[ROWS * COLUMNS], sums[COLUMNS];
    cairn_program *p = cairn_program_new();
    const int in = cairn_program_load(p, 0, CAIRN_F32), top = cairn_program_reduce(p, CAIRN_P_MAX, in, false);
    const int e = cairn_program_op(p, CAIRN_P_EXP, cairn_program_op(p, CAIRN_P_SUB, in, top, -1), -1, -1);
    const int sum = cairn_program_reduce(p, CAIRN_P_SUM, e, false);
    cairn_program_store(p, 1, CAIRN_F32, cairn_program_op(p, CAIRN_P_DIV, e, sum, -1));
    assert_int_equal(cairn_program_finish(p), CAIRN_OK);
    cairn_program_operand operands[2] = {{x, .stride = {COLUMNS, 1}}, {y, .stride = {COLUMNS, 1}}};
    const cairn_program_call call = {.program = p, .axes = 2, .size = {ROWS, COLUMNS}, .operands = operands};
    cairn_program *q = cairn_program_new();
    cairn_program_store(q, 1, CAIRN_F32, cairn_program_reduce(q, CAIRN_P_SUM, cairn_program_load(q, 0, CAIRN_F32), true));
    assert_int_equal(cairn_program_finish(q), CAIRN_OK);
    cairn_program_operand columns[2] = {{x, .stride = {COLUMNS, 1}}, {sums, .stride = {0, 1}}};
    const cairn_program_call second = {.program = q, .axes = 2, .size = {ROWS, COLUMNS}, .operands = columns};
    FOR_EACH_ISA(isa) {
        run(&call);
        run(&second);
        for (int i = 0; i < ROWS; i++) {
            double total = 0;
            for (int j = 0; j < COLUMNS; j++)
                total += exp(x[i * COLUMNS + j]);
            for (int j = 0; j < COLUMNS; j++)
                assert_float_equal(y[i * COLUMNS + j], exp(x[i * COLUMNS + j]) / total, 1e-7);
        }
        for (int j = 0; j < COLUMNS; j++) {
            double total = 0;
            for (int i = 0; i < ROWS; i++)
                total += x[i * COLUMNS + j];
            assert_float_equal(sums[j], total, 1e-6);
        }
    }
    cairn_program_free(p);
    cairn_program_free(q);
    free(x);
}

static void dropout_is_a_function_of_seed_stream_and_index(void **state)
{
    (void)state;
    float x[COLUMNS], y[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        x[i] = (float)(i + 1);
    cairn_program *p = cairn_program_new();
    const int seed = cairn_program_scalar(p, 0, CAIRN_I64), stream = cairn_program_scalar(p, 1, CAIRN_I64);
    const int rate = cairn_program_scalar(p, 2, CAIRN_F32), factor = cairn_program_scalar(p, 3, CAIRN_F32), zero = cairn_program_scalar(p, 4, CAIRN_F32);
    const int keep = cairn_program_op(p, CAIRN_P_GE, cairn_program_op(p, CAIRN_P_UNIFORM, cairn_program_index(p, 0), seed, stream), rate, -1);
    const int scaled = cairn_program_op(p, CAIRN_P_MUL, cairn_program_load(p, 1, CAIRN_F32), factor, -1);
    cairn_program_store(p, 2, CAIRN_F32, cairn_program_op(p, CAIRN_P_WHERE, keep, scaled, zero));
    assert_int_equal(cairn_program_finish(p), CAIRN_OK);
    cairn_program_operand operands[3] = {{NULL, .stride = {1}}, {x, .stride = {1}}, {y, .stride = {1}}};
    const cairn_program_number scalars[5] = {{.i = 11}, {.i = 3}, {.f = 0.25}, {.f = 1 / 0.75}, {.f = 0}};
    const cairn_program_call call = {.program = p, .axes = 1, .size = {COLUMNS}, .operands = operands, .scalars = scalars};
    FOR_EACH_ISA(isa) {
        run(&call);
        for (int i = 0; i < COLUMNS; i++) {
            const float uniform = (float)(philox(11, 3, (uint64_t)i / 4).word[i % 4] >> 8) * 0x1p-24f;
            assert_float_equal(y[i], uniform >= 0.25f ? x[i] * (float)(1 / 0.75) : 0, 0);
        }
    }
    cairn_program_free(p);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    cairn_program *p = cairn_program_new();
    assert_int_equal(cairn_program_load(p, -1, CAIRN_F32), -1);
    assert_int_equal(cairn_error(), CAIRN_E_RANGE);
    cairn_error_clear();
    assert_int_equal(cairn_program_scalar(p, 0, CAIRN_BF16), -1);
    assert_int_equal(cairn_error(), CAIRN_E_TYPE);
    cairn_error_clear();
    assert_int_equal(cairn_program_op(p, (cairn_program_opcode)999, 0, 0, 0), -1);
    cairn_error_clear();
    assert_int_equal(cairn_program_op(NULL, CAIRN_P_ADD, 0, 0, 0), -1);
    cairn_error_clear();
    assert_int_not_equal(cairn_program_finish(p), CAIRN_OK);            /* what was refused is the program's error */
    cairn_error_clear();
    cairn_program_free(p);
    p = cairn_program_new();
    float x[4] = {1, 2, 3, 4};
    cairn_program_store(p, 0, CAIRN_F32, cairn_program_op(p, CAIRN_P_NEG, cairn_program_load(p, 0, CAIRN_F32), -1, -1));
    cairn_program_operand operand = {x, .stride = {1}};
    cairn_program_call call = {.program = p, .axes = 1, .size = {4}, .operands = &operand};
    assert_int_equal(cairn_program_workspace_bytes(&call), 0);         /* not finished */
    assert_int_equal(cairn_error(), CAIRN_E_STATE);
    cairn_error_clear();
    assert_int_equal(cairn_program_finish(p), CAIRN_OK);
    assert_int_equal(cairn_program_load(p, 1, CAIRN_F32), -1);          /* finished */
    cairn_error_clear();
    assert_int_equal(cairn_program_run(&call, NULL, 0), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    call.size[0] = -1;
    assert_int_equal(cairn_program_workspace_bytes(&call), 0);
    cairn_error_clear();
    call.size[0] = 4, call.axes = 9;
    assert_int_equal(cairn_program_workspace_bytes(&call), 0);
    cairn_error_clear();
    assert_float_equal(x[0], 1, 0);
    call.axes = 1;
    run(&call);
    assert_float_equal(x[3], -4, 0);
    cairn_program_free(p);
    cairn_program_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_and_column_sums),
        cmocka_unit_test(dropout_is_a_function_of_seed_stream_and_index),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
