/* Programs against the scalar oracle: every instruction on every type and instruction set, every kind of operand. */
#include "tests/primitives/program_test.h"

typedef struct op_row { const char *name, *types; int operands; } op_row;
static const op_row ops[PROGRAM_OP_COUNT] = {
#define X(name, operands, types, result) {#name, #types, operands},
    PROGRAM_OPS(X)
#undef X
};

static const cairn_dtype dtype_of[PT_COUNT] = {CAIRN_F32, CAIRN_F64, CAIRN_I32, CAIRN_I64};

static bool has_type(int op, int type)
{
    bool is_float = type == PT_F32 || type == PT_F64;
    if (op == P_UNIFORM || op == P_NORMAL || op == P_BITS)
        return type == PT_I64;
    return ops[op].types[0] == 'A' || is_float == (ops[op].types[0] == 'F');
}

static bool is_transcendental(int op)
{
    return op == P_EXP_SUB || (op >= P_EXP && op <= P_DIGAMMA) || op == P_POW || op == P_ATAN2 || op == P_HYPOT || op == P_NORMAL;
}

/* Values where instructions tend to go wrong. */
static const double edges[] = {0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.49999997, 3, -3, 10, 88.5, -87.2, -103.9,
                               709.5, -745, 1e-3, -1e-3, 1e-30, -1e-40, 1e30, -1e38, 3e38, 1e300, 8388609, 4503599627370497.0,
                               INFINITY, -INFINITY, NAN, 1e-45, -1e-310, 0.7, -0.7, 0.999, 1.001, 2147483648.0};
static const int64_t integer_edges[] = {0, 1, -1, 2, -2, 3, 7, -7, 31, 32, 33, 63, 64, 65, INT32_MAX, INT32_MIN, INT64_MAX,
                                        INT64_MIN, 1000003, -1000003, INT32_MIN + 1, 12345678901};

static void fill_edges(cairn_dtype dtype, void *data, int64_t n)
{
    fill_random(dtype, data, n);
    for (int64_t i = 0; i < n; i++) {
        double x = edges[random_below(sizeof edges / sizeof *edges)];
        int64_t k = integer_edges[random_below(sizeof integer_edges / sizeof *integer_edges)];
        if (random_below(4) == 0)
            continue;
        if (dtype == CAIRN_F32)
            ((float *)data)[i] = (float)x;
        else if (dtype == CAIRN_F64)
            ((double *)data)[i] = x;
        else if (dtype == CAIRN_I32)
            ((int32_t *)data)[i] = (int32_t)(uint32_t)k;
        else
            ((int64_t *)data)[i] = k;
    }
}

/* One instruction over n elements; bit k of `scalars` makes operand k a scalar. */
static void check_op(int op, int type, int scalars, int64_t n)
{
    trial t = {.axes = 1, .size = {n}, .ulps = is_transcendental(op) ? (type == PT_F64 ? 3 : 2) : 0};
    program *p = program_new();
    int in[3] = {-1, -1, -1};
    for (int k = 0; k < ops[op].operands; k++) {
        program_type x = op == P_WHERE && k == 0 ? PT_I32 : type;
        add_operand(&t, dtype_of[x]);
        if (op == P_WHERE && k == 0)
            for (int64_t i = 0; i < n; i++)
                ((int32_t *)t.data[k])[i] = (int32_t)random_below(2);
        else
            fill_edges(dtype_of[x], t.data[k], n);
        in[k] = scalars >> k & 1 ? program_scalar(p, k, x) : program_load(p, k, dtype_of[x]);
        if (x == PT_F32 || x == PT_F64)
            t.scalars[k].f = edges[random_below(sizeof edges / sizeof *edges)];
        else
            t.scalars[k].i = op == P_WHERE && k == 0 ? 1 : integer_edges[random_below(16)];
    }
    int y = program_op_new(p, op, in[0], in[1], in[2]);
    cairn_dtype out = y < 0 ? CAIRN_F32 : dtype_of[p->nodes[y].type];
    add_operand(&t, out);
    program_store(p, t.operands - 1, out, y);
    assert_int_equal(program_finish(p), CAIRN_OK);
    t.p = p;
    check_trial(&t);
    free_trial(&t);
    program_free(p);
}

static void every_instruction_agrees_with_the_oracle(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int op = 0; op < PROGRAM_OP_COUNT; op++)
            for (int type = 0; type < PT_COUNT; type++)
                for (int scalars = 0; has_type(op, type) && scalars < 1 << ops[op].operands; scalars++)
                    for (int64_t n = 1; n <= 1100; n = n * 3 + 2)
                        check_op(op, type, scalars, n);
}

static void every_element_type_loads_and_stores(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int dtype = 0; dtype < CAIRN_DTYPE_COUNT; dtype++)
            for (int stride = -1; stride <= 2; stride++)
                for (int64_t n = 1; n < 3000; n = n * 5 + 3) {
                    trial t = {.axes = 1, .size = {n}};
                    program *p = program_new();
                    add_operand(&t, dtype);
                    add_operand(&t, dtype);
                    int x = program_load(p, 0, dtype);
                    program_type type = program_type_of(dtype);
                    if (type == PT_F32)
                        x = program_op_new(p, P_MUL, x, program_scalar(p, 0, PT_F32), -1);
                    program_store(p, 1, dtype, x);
                    t.scalars[0].f = 1.37;
                    t.stride[0][0] = stride;
                    t.first[0] = stride < 0 ? n - 1 : 0;
                    t.size[0] = stride == 2 ? (n + 1) / 2 : n;
                    assert_int_equal(program_finish(p), CAIRN_OK);
                    t.p = p;
                    check_trial(&t);
                    free_trial(&t);
                    program_free(p);
                }
}

static void casts_and_narrowings_agree_with_the_oracle(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int from = 0; from < PT_COUNT; from++)
            for (int to = 0; to < PT_COUNT + CAIRN_DTYPE_COUNT; to++) {
                const int64_t n = 777;
                bool cast = to < PT_COUNT;
                if (!cast && !vm_table_best()->narrow[from][to - PT_COUNT])
                    continue;
                trial t = {.axes = 1, .size = {n}};
                program *p = program_new();
                add_operand(&t, dtype_of[from]);
                fill_edges(dtype_of[from], t.data[0], n);
                add_operand(&t, dtype_of[cast ? to : from]);
                int x = program_load(p, 0, dtype_of[from]);
                x = cast ? program_cast(p, x, to) : program_narrow(p, x, to - PT_COUNT);
                program_store(p, 1, t.dtype[1], x);
                assert_int_equal(program_finish(p), CAIRN_OK);
                t.p = p;
                check_trial(&t);
                free_trial(&t);
                program_free(p);
            }
}

/* z = (x + y * s) as f32, (x < y) as bool, index as i64. */
static program *strided_program(cairn_dtype a, cairn_dtype b)
{
    program *p = program_new();
    int x = program_load(p, 0, a), y = program_load(p, 1, b);
    if (program_type_of(a) != PT_F32)
        x = program_cast(p, x, PT_F32);
    if (program_type_of(b) != PT_F32)
        y = program_cast(p, y, PT_F32);
    int z = program_op_new(p, P_ADD, x, program_op_new(p, P_MUL, y, program_scalar(p, 0, PT_F32), -1), -1);
    program_store(p, 2, CAIRN_F32, z);
    program_store(p, 3, CAIRN_BOOL, program_op_new(p, P_LT, x, y, -1));
    program_store(p, 4, CAIRN_I64, program_index(p, 5));
    assert_int_equal(program_finish(p), CAIRN_OK);
    return p;
}

/* A random view: some axes broadcast, some reversed, the order of the axes shuffled, gaps between. */
static void shuffle_strides(trial *t, int k, bool input)
{
    int order[PROGRAM_MAX_AXES];
    int64_t n = 1;
    for (int i = 0; i < t->axes; i++)
        order[i] = i;
    for (int i = t->axes - 1; i > 0 && random_below(2); i--) {
        int j = (int)random_below(i + 1), old = order[i];
        order[i] = order[j];
        order[j] = old;
    }
    t->first[k] = 0;
    for (int i = t->axes - 1; i >= 0; i--) {
        int axis = order[i];
        t->stride[k][axis] = n;
        n *= t->size[axis] ? t->size[axis] : 1;
        if (random_below(4) == 0)
            n += random_below(3);
        if (input && random_below(4) == 0)
            t->stride[k][axis] = 0;
        if (random_below(5) == 0) {
            t->first[k] += t->stride[k][axis] * (t->size[axis] ? t->size[axis] - 1 : 0);
            t->stride[k][axis] *= -1;
        }
    }
    free(t->data[k]);
    t->count[k] = n + 64;
    t->data[k] = calloc((size_t)t->count[k] + 1, 8);
    fill_random(t->dtype[k], t->data[k], t->count[k]);
}

static void strided_operands_agree_with_the_oracle(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 1, 2, 3, 5, 8, 16, 33, 70, 200, 0};
    FOR_EACH_ISA(isa)
        for (int i = 0; i < 400; i++) {
            trial t = {.axes = 1 + (int)random_below(5)};
            int64_t n = 1;
            for (int k = 0; k < t.axes; k++) {
                t.size[k] = sizes[random_below(n > 3000 ? 3 : 11)];
                n *= t.size[k];
            }
            cairn_dtype a = (cairn_dtype)random_below(CAIRN_F64), b = (cairn_dtype)random_below(CAIRN_F64);
            cairn_dtype types[6] = {a, b, CAIRN_F32, CAIRN_BOOL, CAIRN_I64, CAIRN_U8};
            for (int k = 0; k < 6; k++) {
                add_operand(&t, types[k]);
                shuffle_strides(&t, k, k < 2 || k == 5);
            }
            t.start[5] = random_below(100) - 50;
            t.scalars[0].f = 1.25;
            program *p = strided_program(a, b);
            t.p = p;
            check_trial(&t);
            free_trial(&t);
            program_free(p);
        }
}

/* Adam's update over its own memory, and a swap of two arrays. */
static void programs_may_store_over_what_they_load(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int64_t n = 1; n < 4000; n = n * 7 + 4) {
            trial t = {.axes = 1, .size = {n}};
            program *p = program_new();
            for (int k = 0; k < 3; k++)
                add_operand(&t, CAIRN_F32);
            int g = program_load(p, 0, CAIRN_F32), m = program_load(p, 1, CAIRN_F32), w = program_load(p, 2, CAIRN_F32);
            int beta = program_scalar(p, 0, PT_F32);
            int moved = program_op_new(p, P_ADD, program_op_new(p, P_MUL, m, beta, -1), g, -1);
            program_store(p, 1, CAIRN_F32, moved);
            program_store(p, 2, CAIRN_F32, program_op_new(p, P_SUB, w, moved, -1));
            /* Reads m and the gradient after both were overwritten in program order. */
            program_store(p, 0, CAIRN_F32, program_op_new(p, P_MUL, m, program_load(p, 2, CAIRN_F32), -1));
            t.scalars[0].f = 0.9;
            assert_int_equal(program_finish(p), CAIRN_OK);
            t.p = p;
            check_trial(&t);
            program_free(p);

            p = program_new();
            g = program_load(p, 0, CAIRN_F32);
            m = program_load(p, 1, CAIRN_F32);
            program_store(p, 0, CAIRN_F32, m);
            program_store(p, 1, CAIRN_F32, g);
            assert_int_equal(program_finish(p), CAIRN_OK);
            t.p = p;
            check_trial(&t);
            free_trial(&t);
            program_free(p);
        }
}

static int count_moments(const program *p)
{
    int n = 0;
    for (int i = 0; i < p->keep.step_count; i++)
        n += p->keep.steps[i].kind == STEP_MOMENTS;
    return n;
}

enum { DECAYED = 1, BORROWED = 2, HALF = 4, SCALED = 8, TWISTS = 16 };

/* p, g, m, v: operands 0 to 3. Decayed: p is multiplied first. Borrowed: something in between reads m. Scaled: g is. */
static void add_adam(program *p, int twist)
{
    const cairn_dtype type = twist & HALF ? CAIRN_BF16 : CAIRN_F32;
    int number[4], g = program_load(p, 1, type), m = program_load(p, 2, CAIRN_F32);
    for (int i = 0; i < 4; i++)
        number[i] = program_scalar(p, i, PT_F32);
    if (twist & SCALED)
        g = program_op_new(p, P_MUL, g, number[3], -1);
    m = program_op_new(p, P_ADD, m, program_op_new(p, P_MUL, program_op_new(p, P_SUB, g, m, -1), number[0], -1), -1);
    program_store(p, 2, CAIRN_F32, m);
    int v = program_load(p, 3, CAIRN_F32), square = program_op_new(p, P_SQUARE, g, -1, -1);
    v = program_op_new(p, P_ADD, v, program_op_new(p, P_MUL, program_op_new(p, P_SUB, square, v, -1), number[1], -1), -1);
    program_store(p, 3, CAIRN_F32, v);
    int slope = program_op_new(p, P_DIV, m, program_op_new(p, P_ADD, program_op_new(p, P_SQRT, v, -1, -1), number[2], -1), -1);
    int w = program_load(p, 0, CAIRN_F32);
    if (twist & DECAYED)
        w = program_op_new(p, P_MUL, w, number[3], -1);
    if (twist & BORROWED)
        w = program_op_new(p, P_MUL, w, m, -1);
    program_store(p, 0, CAIRN_F32, program_op_new(p, P_SUB, w, program_op_new(p, P_MUL, slope, number[3], -1), -1));
}

static void the_pass_of_an_optimizer_is_one_step(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{1, 1}, {1, 77}, {1, 1024}, {3, 700}, {40, 5}, {1, 40000}, {2, 20000}};
    FOR_EACH_ISA(isa)
        for (int i = 0; i < 7 * TWISTS; i++) {
            trial t = {.axes = 2, .size = {sizes[i % 7][0], sizes[i % 7][1]}};
            const int twist = i / 7;
            program *p = program_new();
            add_adam(p, twist);
            assert_int_equal(program_finish(p), CAIRN_OK);
            for (int k = 0; k < 4; k++)
                add_operand(&t, k == 1 && twist & HALF ? CAIRN_BF16 : CAIRN_F32);
            for (int64_t j = 0; j < t.count[3]; j++)
                ((float *)t.data[3])[j] = fabsf(((float *)t.data[3])[j]);
            if (i % 2 && t.size[0] > 1)             /* transposed: rows do not lie end to end */
                for (int k = 0; k < 4; k++) {
                    t.stride[k][0] = 1;
                    t.stride[k][1] = t.size[0];
                }
            const double numbers[4] = {0.1, 0.001, 1e-8, 0.01};
            for (int k = 0; k < 4; k++)
                t.scalars[k].f = numbers[k];
            assert_int_equal(count_moments(p), !(twist & BORROWED));
            t.p = p;
            check_trial(&t);
            free_trial(&t);
            program_free(p);
        }
}

/* ---- Row and column programs -------------------------------------------------------------------- */

static program *softmax_program(cairn_dtype dtype)
{
    program *p = program_new();
    int x = program_load(p, 0, dtype);
    int e = program_op_new(p, P_EXP, program_op_new(p, P_SUB, x, program_reduce_row(p, PR_MAX, x), -1), -1, -1);
    program_store(p, 1, dtype, program_op_new(p, P_DIV, e, program_reduce_row(p, PR_SUM, e), -1));
    assert_int_equal(program_finish(p), CAIRN_OK);
    return p;
}

static program *norm_program(cairn_dtype dtype)
{
    program *p = program_new();
    program_type type = program_type_of(dtype);
    int x = program_load(p, 0, dtype), n = program_scalar(p, 0, type), one = program_scalar(p, 1, type);
    int mean = program_op_new(p, P_DIV, program_reduce_row(p, PR_SUM, x), n, -1);
    int d = program_op_new(p, P_SUB, x, mean, -1);
    int v = program_op_new(p, P_DIV, program_reduce_row(p, PR_SUM, program_op_new(p, P_SQUARE, d, -1, -1)), n, -1);
    int r = program_op_new(p, P_RSQRT, program_op_new(p, P_ADD, v, one, -1), -1, -1);
    program_store(p, 1, dtype, program_op_new(p, P_MUL, d, r, -1));
    program_store(p, 2, dtype, mean);
    assert_int_equal(program_finish(p), CAIRN_OK);
    return p;
}

/* Every reduction of x, along rows or columns, stored as they come. */
static program *every_reduction(cairn_dtype dtype, bool rows, int *outputs)
{
    program *p = program_new();
    program_type type = program_type_of(dtype);
    int (*reduce)(program *, program_reduction, int) = rows ? program_reduce_row : program_reduce_column;
    int x = program_load(p, 0, dtype);
    *outputs = 1;
    for (int kind = 0; kind < PROGRAM_REDUCTION_COUNT; kind++) {
        bool arg = kind == PR_ARGMIN || kind == PR_ARGMAX;
        if ((kind == PR_ANY || kind == PR_ALL) && type != PT_I32)
            continue;
        if (kind != PR_PROD || type == PT_I32 || type == PT_I64)
            program_store(p, (*outputs)++, arg ? CAIRN_I64 : dtype_of[type], reduce(p, kind, x));
    }
    assert_int_equal(program_finish(p), CAIRN_OK);
    return p;
}

static void set_sizes(trial *t, int64_t rows, int64_t cols)
{
    t->axes = 2;
    t->size[0] = rows;
    t->size[1] = cols;
}

/* An output with one element a row (or column). */
static void make_line(trial *t, int k, bool row)
{
    t->stride[k][0] = row ? 1 : 0;
    t->stride[k][1] = row ? 0 : 1;
    t->count[k] = row ? t->size[0] : t->size[1];
    free(t->data[k]);
    t->data[k] = calloc((size_t)t->count[k] + 1, 8);
}

static const int64_t row_sizes[] = {0, 1, 2, 3, 17, 150};
static const int64_t col_sizes[] = {0, 1, 2, 7, 10, 16, 31, 64, 100, 500, 1024, 1025, 5000, 33000, 70001};

static void row_programs_agree_with_the_oracle(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (size_t r = 0; r < 6; r++)
            for (size_t c = 0; c < 15; c++) {
                if (row_sizes[r] * col_sizes[c] > 220000)
                    continue;
                for (int double_precision = 0; double_precision < 2; double_precision++) {
                    cairn_dtype dtype = double_precision ? CAIRN_F64 : CAIRN_F32;
                    trial t = {.relative = double_precision ? 1e-12 : 1e-5};
                    set_sizes(&t, row_sizes[r], col_sizes[c]);
                    for (int k = 0; k < 3; k++)
                        add_operand(&t, dtype);
                    t.scalars[0].f = (double)col_sizes[c];
                    t.scalars[1].f = 1;
                    program *soft = softmax_program(dtype), *norm = norm_program(dtype);
                    t.p = soft;
                    check_trial(&t);
                    make_line(&t, 2, true);
                    t.p = norm;
                    check_trial(&t);
                    free_trial(&t);
                    program_free(soft);
                    program_free(norm);
                }
            }
}

static void reductions_agree_with_the_oracle(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (int rows = 0; rows < 2; rows++)
            for (int type = 0; type < PT_COUNT; type++)
                for (size_t r = 0; r < 6; r++)
                    for (size_t c = 0; c < 15; c++) {
                        if (row_sizes[r] * col_sizes[c] > 220000)
                            continue;
                        trial t = {.relative = 1e-4};
                        int outputs;
                        program *p = every_reduction(dtype_of[type], rows, &outputs);
                        set_sizes(&t, row_sizes[r], col_sizes[c]);
                        add_operand(&t, dtype_of[type]);
                        for (int k = 1; k < outputs; k++) {
                            bool arg = k >= outputs - 2;
                            add_operand(&t, arg ? CAIRN_I64 : dtype_of[type]);
                            make_line(&t, k, rows);
                        }
                        if (random_below(3) == 0 && t.count[0] && type <= PT_F64)
                            memset((char *)t.data[0] + random_below(t.count[0]) * program_type_bytes(type), 0xff,
                                   (size_t)program_type_bytes(type));      /* a NaN */
                        t.p = p;
                        check_trial(&t);
                        free_trial(&t);
                        program_free(p);
                    }
}

/* Rows and columns seen through strides that do not fold into one. */
static void reductions_follow_strides(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        bool rows = random_below(2);
        trial t = {.axes = 1 + (int)random_below(4), .relative = 1e-4};
        for (int k = 0; k < t.axes; k++)
            t.size[k] = 1 + random_below(k == t.axes - 1 ? 90 : 9);
        int outputs;
        program *p = every_reduction(CAIRN_F32, rows, &outputs);
        add_operand(&t, CAIRN_F32);
        shuffle_strides(&t, 0, true);
        for (int k = 1; k < outputs; k++) {
            add_operand(&t, k >= outputs - 2 ? CAIRN_I64 : CAIRN_F32);
            shuffle_strides(&t, k, false);
            for (int a = 0; a < t.axes; a++)
                if ((a == t.axes - 1) == rows)
                    t.stride[k][a] = 0;
        }
        t.p = p;
        check_trial(&t);
        free_trial(&t);
        program_free(p);
    }
}

static void a_column_result_may_be_combined_and_stored(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa) {
        trial t = {.relative = 1e-5};
        set_sizes(&t, 1000, 77);
        program *p = program_new();
        int x = program_load(p, 0, CAIRN_F32), n = program_scalar(p, 0, PT_F32);
        int mean = program_op_new(p, P_DIV, program_reduce_column(p, PR_SUM, x), n, -1);
        int square = program_op_new(p, P_DIV, program_reduce_column(p, PR_SUM, program_op_new(p, P_SQUARE, x, -1, -1)), n, -1);
        program_store(p, 1, CAIRN_F32, mean);
        program_store(p, 2, CAIRN_F32, program_op_new(p, P_SUB, square, program_op_new(p, P_SQUARE, mean, -1, -1), -1));
        program_store(p, 3, CAIRN_F32, program_op_new(p, P_NEG, x, -1, -1));
        for (int k = 0; k < 4; k++)
            add_operand(&t, CAIRN_F32);
        make_line(&t, 1, false);
        make_line(&t, 2, false);
        t.scalars[0].f = 1000;
        assert_int_equal(program_finish(p), CAIRN_OK);
        t.p = p;
        check_trial(&t);
        free_trial(&t);
        program_free(p);
    }
}

/* ---- Determinism -------------------------------------------------------------------------------- */

static void the_same_bits_on_every_instruction_set_and_thread_count(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 5};
    static const int64_t shapes[][2] = {{3, 100000}, {700, 900}, {5000, 10}, {40, 20000}};
    for (int s = 0; s < 4; s++)
        for (int rows = 0; rows < 2; rows++) {
            trial t = {0};
            int outputs;
            set_sizes(&t, shapes[s][0], shapes[s][1]);
            add_operand(&t, CAIRN_F32);
            copies first, next;
            bool have_first = false;
            for (int k = 1; k < 6; k++) {
                add_operand(&t, k >= 4 ? CAIRN_I64 : CAIRN_F32);
                make_line(&t, k, rows);
            }
            FOR_EACH_ISA(isa) {
                program *p = every_reduction(CAIRN_F32, rows, &outputs);
                t.p = p;
                for (int i = 0; i < 3; i++) {
                    assert_int_equal(cairn_set_threads(threads[i]), CAIRN_OK);
                    copy_trial(&t, &next);
                    run_with_scratch(&next.call);
                    if (have_first) {
                        assert_true(same_memory(&t, &first, &next));
                        free_copies(&t, &next);
                    } else {
                        first = next;
                        have_first = true;
                    }
                }
                program_free(p);
            }
            free_copies(&t, &first);
            free_trial(&t);
        }
    cairn_set_threads(2);
}

static void a_row_does_not_depend_on_its_batch(void **state)
{
    (void)state;
    static const int64_t widths[] = {10, 100, 1500, 40000};
    for (int i = 0; i < 4; i++) {
        trial t = {0};
        set_sizes(&t, 37, widths[i]);
        for (int k = 0; k < 2; k++)
            add_operand(&t, CAIRN_F32);
        program *p = softmax_program(CAIRN_F32);
        t.p = p;
        copies all, one;
        copy_trial(&t, &all);
        run_with_scratch(&all.call);
        copy_trial(&t, &one);
        one.call.size[0] = 1;
        for (int k = 0; k < 2; k++)
            one.operands[k].data = (float *)one.data[k] + 20 * widths[i];
        run_with_scratch(&one.call);
        assert_memory_equal((float *)all.data[1] + 20 * widths[i], (float *)one.data[1] + 20 * widths[i],
                            (size_t)widths[i] * 4);
        free_copies(&t, &all);
        free_copies(&t, &one);
        free_trial(&t);
        program_free(p);
    }
}

/* ---- Tiles, printing, errors -------------------------------------------------------------------- */

static void tiles_of_a_map_make_the_map(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa) {
        trial t = {0};
        set_sizes(&t, 130, 2100);
        program *p = program_new();
        int x = program_load(p, 0, CAIRN_F32), bias = program_load(p, 1, CAIRN_F16);
        program_store(p, 2, CAIRN_F32, program_op_new(p, P_RELU, program_op_new(p, P_ADD, x, bias, -1), -1, -1));
        program_store(p, 0, CAIRN_F32, program_op_new(p, P_MUL, x, bias, -1));
        assert_int_equal(program_finish(p), CAIRN_OK);
        add_operand(&t, CAIRN_F32);
        add_operand(&t, CAIRN_F16);
        add_operand(&t, CAIRN_F32);
        t.stride[1][0] = 0;
        t.p = p;
        copies got, want;
        copy_trial(&t, &got);
        copy_trial(&t, &want);
        for (int64_t r = 0; r < 130; r += 48)
            for (int64_t c = 0; c < 2100; c += 1500)
                program_run_tile(&got.call, r, r + 48 < 130 ? 48 : 130 - r, c, c ? 600 : 1500);
        program_run_reference(&want.call);
        assert_true(same_memory(&t, &got, &want));
        free_copies(&t, &got);
        free_copies(&t, &want);
        free_trial(&t);
        program_free(p);
    }
}

static void a_program_prints_one_line_an_instruction(void **state)
{
    (void)state;
    program *p = softmax_program(CAIRN_F32);
    char *text = program_print(p);
    assert_string_equal(text, "%0 = load operand 0 f32 : f32 block\n"
                              "%1 = row max %0 : f32 row\n"
                              "%3 = exp_sub %0 %1 : f32 block\n"
                              "%4 = row sum %3 : f32 row\n"
                              "%5 = div %3 %4 : f32 block\n"
                              "      store operand 1 f32 %5\n");
    mem_free(text);
    assert_int_equal(program_instruction_count(p), 6);
    program_free(p);
}

static void wrong_programs_are_refused(void **state)
{
    (void)state;
    program *p = program_new();
    int x = program_load(p, 0, CAIRN_F32), k = program_load(p, 1, CAIRN_I32);
    assert_int_equal(program_op_new(p, P_ADD, x, k, -1), -1);
    assert_int_equal(cairn_error(), CAIRN_E_TYPE);
    assert_int_equal(program_op_new(p, P_EXP, -1, -1, -1), -1);
    assert_int_equal(program_finish(p), CAIRN_E_TYPE);
    program_free(p);
    cairn_error_clear();

    p = program_new();
    assert_int_equal(program_load(p, PROGRAM_MAX_OPERANDS, CAIRN_F32), -1);
    assert_int_equal(program_finish(p), CAIRN_E_ARGUMENT);
    program_free(p);
    cairn_error_clear();

    p = program_new();
    x = program_load(p, 0, CAIRN_F32);
    int column = program_reduce_column(p, PR_SUM, x);
    assert_int_equal(program_op_new(p, P_SUB, x, column, -1), -1);
    assert_int_equal(program_reduce_row(p, PR_SUM, x), -1);
    program_store(p, 1, CAIRN_F64, x);
    assert_int_equal(program_finish(p), CAIRN_E_ARGUMENT);
    program_free(p);
    cairn_error_clear();
}

static void building_survives_every_failed_allocation(void **state)
{
    (void)state;
    for (int64_t n = 0;; n++) {
        mem_fail_after(n);
        program *p = program_new();
        cairn_status status = CAIRN_E_MEMORY;
        if (p) {
            int x = program_load(p, 4, CAIRN_F16);
            for (int i = 0; i < 40; i++)
                x = program_op_new(p, P_ADD, x, program_scalar(p, i, PT_F32), -1);
            int e = program_op_new(p, P_EXP, program_op_new(p, P_SUB, x, program_reduce_row(p, PR_MAX, x), -1), -1, -1);
            program_store(p, 5, CAIRN_F32, program_op_new(p, P_DIV, e, program_reduce_row(p, PR_SUM, e), -1));
            add_adam(p, 0);
            status = program_finish(p);
        }
        mem_fail_after(-1);
        program_free(p);
        cairn_error_clear();
        if (status == CAIRN_OK)
            break;
        assert_int_equal(status, CAIRN_E_MEMORY);
        assert_true(n < 200);
    }
}

int main(void)
{
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_agrees_with_the_oracle),
        cmocka_unit_test(every_element_type_loads_and_stores),
        cmocka_unit_test(casts_and_narrowings_agree_with_the_oracle),
        cmocka_unit_test(strided_operands_agree_with_the_oracle),
        cmocka_unit_test(programs_may_store_over_what_they_load),
        cmocka_unit_test(the_pass_of_an_optimizer_is_one_step),
        cmocka_unit_test(row_programs_agree_with_the_oracle),
        cmocka_unit_test(reductions_agree_with_the_oracle),
        cmocka_unit_test(reductions_follow_strides),
        cmocka_unit_test(a_column_result_may_be_combined_and_stored),
        cmocka_unit_test(the_same_bits_on_every_instruction_set_and_thread_count),
        cmocka_unit_test(a_row_does_not_depend_on_its_batch),
        cmocka_unit_test(tiles_of_a_map_make_the_map),
        cmocka_unit_test(a_program_prints_one_line_an_instruction),
        cmocka_unit_test(wrong_programs_are_refused),
        cmocka_unit_test(building_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
