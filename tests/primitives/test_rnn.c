/* Recurrences: forward against the oracle, backward against differences of the forward pass in f64, on every instruction set. */
#include "primitives_test.h"

#include "primitives/rnn/ref.h"

enum { MOST_LAYERS = 6 };                   /* layers times directions */

/* All arrays of a descriptor. What is perturbed and has a gradient lies in one block, x first. */
typedef struct arrays {
    cairn_rnn_descriptor d;
    int64_t rows, width, out, layers, count;        /* layers: times directions */
    int64_t x, h0, c0, weight[MOST_LAYERS][5], weight_count[MOST_LAYERS][5];
    void *in, *gradient, *y, *hn, *cn, *dy, *dhn, *dcn, *expected;
    int64_t y_count, h_count, c_count;
    void *reserve, *workspace;
    int64_t workspace_bytes;
} arrays;

static void *element(const arrays *a, void *base, int64_t i) { return (char *)base + i * cairn_dtype_bytes(a->d.type); }

static void place_weights(arrays *a)
{
    const cairn_rnn_descriptor *d = &a->d;
    const int64_t gates = d->kind == CAIRN_RNN_LSTM ? 4 : d->kind == CAIRN_RNN_GRU ? 3 : 1, directions = d->bidirectional ? 2 : 1;
    for (int64_t i = 0; i < a->layers; i++) {
        const int64_t in = i < directions ? d->in : a->width, wide = gates * d->hidden;
        const int64_t counts[5] = {wide * in, wide * a->out, wide, wide, d->projection ? a->out * d->hidden : 0};
        for (int k = 0; k < 5; k++) {
            a->weight[i][k] = a->count;
            a->weight_count[i][k] = counts[k];
            a->count += counts[k];
        }
    }
}

static arrays make(const cairn_rnn_descriptor *d)
{
    arrays a = {.d = *d, .rows = cairn_rnn_rows(d), .out = d->projection ? d->projection : d->hidden};
    assert_true(a.rows >= 0);
    const int64_t directions = d->bidirectional ? 2 : 1;
    a.width = directions * a.out;
    a.layers = (d->layers ? d->layers : 1) * directions;
    assert_true(a.layers <= MOST_LAYERS);
    a.y_count = a.rows * a.width;
    a.h_count = a.layers * d->batch * a.out;
    a.c_count = a.layers * d->batch * d->hidden;
    a.h0 = a.rows * d->in;
    a.c0 = a.h0 + a.h_count;
    a.count = a.c0 + a.c_count;
    place_weights(&a);
    a.in = test_uniform_array(d->type, a.count);
    a.gradient = test_uniform_array(d->type, a.count);
    const int64_t most = a.y_count + a.h_count + a.c_count;
    void **outputs[] = {&a.y, &a.hn, &a.cn, &a.dy, &a.dhn, &a.dcn, &a.expected};
    for (int i = 0; i < 7; i++)
        *outputs[i] = test_uniform_array(d->type, most);
    a.workspace_bytes = 0;
    for (int pass = 0; pass < 3; pass++) {
        const int64_t bytes = cairn_rnn_workspace_bytes(d, (cairn_rnn_pass)pass);
        assert_true(bytes > 0);
        a.workspace_bytes = bytes > a.workspace_bytes ? bytes : a.workspace_bytes;
    }
    a.workspace = malloc((size_t)a.workspace_bytes);
    a.reserve = malloc((size_t)cairn_rnn_reserve_bytes(d));
    return a;
}

static void drop(arrays *a)
{
    void *all[] = {a->in, a->gradient, a->y, a->hn, a->cn, a->dy, a->dhn, a->dcn, a->expected, a->workspace, a->reserve};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void weights_of(const arrays *a, void *base, cairn_rnn_weights *w)
{
    for (int64_t i = 0; i < a->layers; i++)
        w[i] = (cairn_rnn_weights){element(a, base, a->weight[i][0]), element(a, base, a->weight[i][1]), element(a, base, a->weight[i][2]),
                                   element(a, base, a->weight[i][3]), a->d.projection ? element(a, base, a->weight[i][4]) : NULL};
}

static void forward(const arrays *a, void *reserve)
{
    cairn_rnn_weights w[MOST_LAYERS];
    weights_of(a, a->in, w);
    assert_int_equal(cairn_rnn_forward(&a->d, a->in, element(a, a->in, a->h0), element(a, a->in, a->c0), w, a->y, a->hn, a->cn, reserve,
                                       a->workspace, a->workspace_bytes), CAIRN_OK);
}

/* relative: to the largest element where that exceeds 1 (only RELU's do). */
static void check_forward(const arrays *a, double relative)
{
    cairn_rnn_weights w[MOST_LAYERS];
    weights_of(a, a->in, w);
    for (int training = 0; training < 2; training++) {
        forward(a, training ? a->reserve : NULL);
        void *h = element(a, a->expected, a->y_count), *c = element(a, h, a->h_count);
        ref_rnn_forward(&a->d, a->in, element(a, a->in, a->h0), element(a, a->in, a->c0), w, a->expected, h, c, training);
        double tolerance = relative;
        for (int64_t i = 0; i < a->y_count; i++)
            tolerance = fmax(tolerance, relative * fabs(get(a->expected, a->d.type, i)));
        assert_close(a->y, a->expected, a->d.type, a->y_count, tolerance, "y");
        assert_close(a->hn, h, a->d.type, a->h_count, tolerance, "hn");
        if (a->d.kind == CAIRN_RNN_LSTM)
            assert_close(a->cn, c, a->d.type, a->c_count, tolerance, "cn");
    }
}

static void backward(const arrays *a)
{
    cairn_rnn_weights w[MOST_LAYERS];
    cairn_rnn_weight_gradients dw[MOST_LAYERS];
    weights_of(a, a->in, w);
    for (int64_t i = 0; i < a->layers; i++)
        dw[i] = (cairn_rnn_weight_gradients){element(a, a->gradient, a->weight[i][0]), element(a, a->gradient, a->weight[i][1]),
                                             element(a, a->gradient, a->weight[i][2]), element(a, a->gradient, a->weight[i][3]),
                                             element(a, a->gradient, a->weight[i][4])};
    const cairn_rnn_gradients g = {.dy = a->dy, .dhn = a->dhn, .dcn = a->dcn, .dx = a->gradient, .dh0 = element(a, a->gradient, a->h0),
                                   .dc0 = element(a, a->gradient, a->c0), .weights = dw};
    assert_int_equal(cairn_rnn_backward(&a->d, a->in, element(a, a->in, a->h0), element(a, a->in, a->c0), w, a->reserve, &g, a->workspace,
                                        a->workspace_bytes), CAIRN_OK);
}

static double loss(const arrays *a)
{
    double sum = 0;
    forward(a, a->reserve);
    for (int64_t i = 0; i < a->y_count; i++)
        sum += get(a->y, CAIRN_F64, i) * get(a->dy, CAIRN_F64, i);
    for (int64_t i = 0; i < a->h_count; i++)
        sum += get(a->hn, CAIRN_F64, i) * get(a->dhn, CAIRN_F64, i);
    for (int64_t i = 0; i < a->c_count && a->d.kind == CAIRN_RNN_LSTM; i++)
        sum += get(a->cn, CAIRN_F64, i) * get(a->dcn, CAIRN_F64, i);
    return sum;
}

/* f64: the gradient of each input against a central difference. */
static void check_gradient(const arrays *a)
{
    forward(a, a->reserve);
    backward(a);
    const bool kinks = a->d.kind == CAIRN_RNN_RELU;    /* a step so small that it hardly ever crosses one */
    const double step = kinks ? 1e-8 : 1e-5, tolerance = kinks ? 3e-6 : 2e-7;
    for (int64_t i = 0; i < a->count; i += 1 + a->count / 200) {
        double *x = (double *)a->in + i;
        if (a->d.kind != CAIRN_RNN_LSTM && i >= a->c0 && i < a->c0 + a->c_count)
            continue;
        const double was = *x;
        *x = was + step;
        const double above = loss(a);
        *x = was - step;
        const double difference = (above - loss(a)) / (2 * step), got = get(a->gradient, CAIRN_F64, i);
        *x = was;
        if (!(fabs(difference - got) <= tolerance * (1 + fabs(difference))))
            fail_msg("kind %d: gradient %lld of %lld is %.9g, the difference %.9g", (int)a->d.kind, (long long)i, (long long)a->count, got,
                     difference);
    }
}

static const int64_t lengths[] = {5, 5, 3, 2, 2, 1};
static const cairn_rnn_descriptor shapes[] = {
    {.kind = CAIRN_RNN_TANH, .steps = 3, .batch = 2, .in = 3, .hidden = 4},
    {.kind = CAIRN_RNN_RELU, .steps = 4, .batch = 3, .in = 2, .hidden = 5, .layers = 2, .bidirectional = true},
    {.kind = CAIRN_RNN_LSTM, .steps = 5, .batch = 3, .in = 4, .hidden = 6, .layers = 2, .bidirectional = true, .dropout = 0.4, .seed = 9},
    {.kind = CAIRN_RNN_LSTM, .steps = 6, .batch = 5, .in = 3, .hidden = 7, .projection = 3, .layers = 2, .batch_sizes = lengths, .bidirectional = true},
    {.kind = CAIRN_RNN_LSTM, .steps = 3, .batch = 2, .in = 3, .hidden = 4, .clip = 0.25},
    {.kind = CAIRN_RNN_GRU, .steps = 6, .batch = 5, .in = 3, .hidden = 5, .layers = 3, .batch_sizes = lengths, .bidirectional = true, .dropout = 0.25},
    {.kind = CAIRN_RNN_GRU, .steps = 1, .batch = 1, .in = 1, .hidden = 1},
    {.kind = CAIRN_RNN_GRU, .steps = 2, .batch = 30, .in = 5, .hidden = 37},
    {.kind = CAIRN_RNN_LSTM, .steps = 2, .batch = 50, .in = 9, .hidden = 67, .projection = 35},
};

static void forward_equals_the_oracle_on_every_set(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int type = 0; type < 2; type++) {
                cairn_rnn_descriptor d = shapes[i];
                d.type = type ? CAIRN_F64 : CAIRN_F32;
                arrays a = make(&d);
                check_forward(&a, 4 * (double)(d.in + a.width + d.hidden) * test_epsilon(d.type));
                drop(&a);
            }
}

static void gradients_equal_differences_in_f64(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            cairn_rnn_descriptor d = shapes[i];
            d.type = CAIRN_F64;
            arrays a = make(&d);
            check_gradient(&a);
            drop(&a);
        }
}

static void gradients_in_f32_are_those_in_f64(void **state)
{
    (void)state;
    FOR_EACH_ISA(isa)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            cairn_rnn_descriptor d = shapes[i];
            d.type = CAIRN_F64;
            arrays wide = make(&d);
            d.type = CAIRN_F32;
            arrays a = make(&d);
            void *const from[] = {a.in, a.dy, a.dhn, a.dcn}, *const to[] = {wide.in, wide.dy, wide.dhn, wide.dcn};
            const int64_t counts[] = {a.count, a.y_count, a.h_count, a.c_count};
            for (int k = 0; k < 4; k++)
                for (int64_t j = 0; j < counts[k]; j++)
                    set(to[k], CAIRN_F64, j, get(from[k], CAIRN_F32, j));
            forward(&wide, wide.reserve);
            backward(&wide);
            forward(&a, a.reserve);
            backward(&a);
            double largest = 1;
            for (int64_t j = 0; j < a.count; j++)
                largest = fmax(largest, fabs(get(wide.gradient, CAIRN_F64, j)));
            for (int64_t j = 0; j < a.count; j++) {
                const double got = get(a.gradient, CAIRN_F32, j), want = get(wide.gradient, CAIRN_F64, j);
                if (d.kind != CAIRN_RNN_LSTM && j >= a.c0 && j < a.c0 + a.c_count)
                    continue;
                if (!(fabs(got - want) <= 2e-5 * largest))
                    fail_msg("shape %d: gradient %lld is %.9g, in f64 %.9g", (int)i, (long long)j, got, want);
            }
            drop(&a);
            drop(&wide);
        }
}

/* Cells by themselves, with rows of all sorts: those that begin, those that end. */
static void cells_equal_the_oracle_on_every_set(void **state)
{
    (void)state;
    enum { ROWS = 5, UNITS = 37, GATE = 40, ROW = 170, COUNT = ROWS * ROW };
    FOR_EACH_ISA(isa)
        for (int variant = 0; variant < 16; variant++) {
            const cairn_dtype type = variant / 4 % 2 ? CAIRN_F64 : CAIRN_F32;
            const cairn_rnn_kind kind = (cairn_rnn_kind)(variant % 4);
            void *in[9], *out[2][9];
            for (int i = 0; i < 9; i++) {
                in[i] = test_uniform_array(type, COUNT);
                out[0][i] = test_copy(in[i], type, COUNT);
                out[1][i] = test_copy(in[i], type, COUNT);
            }
            rnn_kernel *kernel = type == CAIRN_F64 ? kernels()->rnn_f64 : kernels()->rnn_f32;
            for (int way = 0; way < 4; way++) {
                void **o = out[way % 2];
                const rnn_cell c = {.rows = ROWS, .units = UNITS, .gate = GATE, .gates = o[0], .gates_row = ROW, .bias = in[1], .before = in[2],
                                    .before_row = 41, .before_rows = 3, .initial = variant / 8 ? in[3] : NULL, .initial_row = 39,
                                    .clip = variant / 8 ? 0.3 : 0, .c = o[4], .c_row = 44, .keep = true, .c2 = variant / 8 ? o[5] : NULL,
                                    .c2_row = 45, .y = o[6], .y_row = 46, .next = o[7], .next_row = 47, .next_rows = 2,
                                    .dy = variant / 8 ? in[4] : NULL, .dy_row = 40, .dh = in[5], .dh_row = 38, .d = o[8], .d_row = ROW,
                                    .dc = o[5], .dc_row = 45, .dbefore = o[6], .dbefore_row = 46};
                if (way < 2)
                    way ? kernel->forward[kind](&c) : ref_rnn_cell_forward(type, kind, &c);
                else
                    way == 3 ? kernel->backward[kind](&c) : ref_rnn_cell_backward(type, kind, &c);
            }
            for (int i = 0; i < 9; i++) {
                assert_close(out[1][i], out[0][i], type, COUNT, 16 * test_epsilon(type), "cell");
                free(in[i]), free(out[0][i]), free(out[1][i]);
            }
        }
}

static void bits_are_the_same_for_any_number_of_threads_and_any_batch(void **state)
{
    (void)state;
    const cairn_rnn_descriptor d = {.type = CAIRN_F32, .kind = CAIRN_RNN_LSTM, .steps = 3, .batch = 45, .in = 20, .hidden = 80,
                                    .bidirectional = true, .layers = 2};
    const int before = cairn_threads();
    arrays a = make(&d);
    forward(&a, a.reserve);
    backward(&a);
    void *y = test_copy(a.y, d.type, a.y_count), *gradient = test_copy(a.gradient, d.type, a.count);
    assert_int_equal(cairn_set_threads(5), CAIRN_OK);   /* in the workspace of another number */
    forward(&a, a.reserve);
    backward(&a);
    assert_memory_equal(y, a.y, (size_t)a.y_count * 4);
    assert_memory_equal(gradient, a.gradient, (size_t)a.count * 4);
    assert_int_equal(cairn_set_threads(before), CAIRN_OK);
    cairn_rnn_descriptor one = d;
    cairn_rnn_weights w[MOST_LAYERS];
    one.batch = 1;
    arrays b = make(&one);
    weights_of(&a, a.in, w);
    for (int64_t t = 0; t < d.steps; t++)              /* sequence 7 alone */
        memcpy(element(&b, b.in, t * d.in), element(&a, a.in, (t * d.batch + 7) * d.in), (size_t)d.in * 4);
    for (int64_t i = 0; i < a.layers; i++) {
        memcpy(element(&b, b.in, b.h0 + i * d.hidden), element(&a, a.in, a.h0 + (i * d.batch + 7) * d.hidden), (size_t)d.hidden * 4);
        memcpy(element(&b, b.in, b.c0 + i * d.hidden), element(&a, a.in, a.c0 + (i * d.batch + 7) * d.hidden), (size_t)d.hidden * 4);
    }
    assert_int_equal(cairn_rnn_forward(&one, b.in, element(&b, b.in, b.h0), element(&b, b.in, b.c0), w, b.y, b.hn, b.cn, NULL, b.workspace,
                                       b.workspace_bytes), CAIRN_OK);
    for (int64_t t = 0; t < d.steps; t++)
        assert_memory_equal(element(&b, b.y, t * a.width), element(&a, a.y, (t * d.batch + 7) * a.width), (size_t)a.width * 4);
    free(y), free(gradient);
    drop(&a);
    drop(&b);
}

static void nan_reaches_every_later_step_and_nothing_else(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        const cairn_rnn_descriptor d = {.type = CAIRN_F32, .kind = (cairn_rnn_kind)kind, .steps = 3, .batch = 2, .in = 2, .hidden = 3,
                                        .clip = kind == CAIRN_RNN_LSTM ? 5 : 0};
        arrays a = make(&d);
        set(a.in, d.type, 1 * 4 + 0, NAN);             /* step 1 of sequence 0 */
        forward(&a, NULL);
        for (int64_t i = 0; i < a.y_count; i++)
            assert_int_equal(isnan(get(a.y, d.type, i)) != 0, i >= 6 && i / 3 % 2 == 0);
        drop(&a);
    }
}

static void no_steps_give_the_state_back(void **state)
{
    (void)state;
    const cairn_rnn_descriptor d = {.type = CAIRN_F64, .kind = CAIRN_RNN_LSTM, .batch = 2, .in = 3, .hidden = 4, .layers = 2};
    arrays a = make(&d);
    forward(&a, a.reserve);
    assert_memory_equal(a.hn, element(&a, a.in, a.h0), (size_t)a.h_count * 8);
    assert_memory_equal(a.cn, element(&a, a.in, a.c0), (size_t)a.c_count * 8);
    backward(&a);
    assert_memory_equal(a.dhn, element(&a, a.gradient, a.h0), (size_t)a.h_count * 8);
    for (int64_t i = a.c0 + a.c_count; i < a.count; i++)
        assert_true(get(a.gradient, CAIRN_F64, i) == 0);
    drop(&a);
}

static void bad_descriptors_say_why(void **state)
{
    (void)state;
    static const int64_t rising[] = {2, 3}, short_first[] = {1, 1}, zero[] = {2, 0};
    const cairn_rnn_descriptor good = {.type = CAIRN_F32, .kind = CAIRN_RNN_LSTM, .steps = 2, .batch = 2, .in = 3, .hidden = 4};
    enum { CASES = 14 };
    cairn_rnn_descriptor bad[CASES];
    for (int i = 0; i < CASES; i++)
        bad[i] = good;
    bad[0].type = CAIRN_BF16, bad[1].kind = (cairn_rnn_kind)7, bad[2].steps = -1, bad[3].in = 0, bad[4].hidden = 0;
    bad[5].batch_sizes = rising, bad[6].batch_sizes = short_first, bad[7].batch_sizes = zero;
    bad[8].clip = -1, bad[9].dropout = 1.5, bad[10].hidden = INT64_MAX / 2, bad[11].batch = INT64_MAX, bad[12].projection = -2;
    bad[13].kind = CAIRN_RNN_GRU, bad[13].projection = 2;
    for (int i = 0; i < CASES; i++) {
        cairn_error_clear();
        assert_int_equal(cairn_rnn_workspace_bytes(&bad[i], CAIRN_RNN_TRAINING), 0);
        assert_int_not_equal(cairn_error(), CAIRN_OK);
        assert_non_null(strstr(cairn_error_message(), "rnn: "));
    }
    cairn_error_clear();
    assert_int_equal(cairn_rnn_rows(NULL), -1);
    arrays a = make(&good);
    cairn_rnn_weights w[MOST_LAYERS];
    weights_of(&a, a.in, w);
    void *before = test_copy(a.y, CAIRN_F32, a.y_count);
    const int64_t bytes = a.workspace_bytes;
    cairn_error_clear();
    assert_int_equal(cairn_rnn_forward(&good, a.in, NULL, NULL, NULL, a.y, NULL, NULL, NULL, a.workspace, bytes), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_rnn_forward(&good, a.in, NULL, NULL, w, NULL, NULL, NULL, NULL, a.workspace, bytes), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_rnn_forward(&good, a.in, NULL, NULL, w, a.y, NULL, NULL, NULL, a.workspace, 8), CAIRN_E_ARGUMENT);
    w[0].hh = NULL;
    assert_int_equal(cairn_rnn_forward(&good, a.in, NULL, NULL, w, a.y, NULL, NULL, NULL, a.workspace, bytes), CAIRN_E_ARGUMENT);
    assert_int_equal(cairn_rnn_backward(&good, a.in, NULL, NULL, w, NULL, NULL, a.workspace, bytes), CAIRN_E_ARGUMENT);
    assert_memory_equal(a.y, before, (size_t)a.y_count * 4);
    cairn_error_clear();
    free(before);
    drop(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_equal_the_oracle_on_every_set),
        cmocka_unit_test(forward_equals_the_oracle_on_every_set),
        cmocka_unit_test(gradients_equal_differences_in_f64),
        cmocka_unit_test(gradients_in_f32_are_those_in_f64),
        cmocka_unit_test(bits_are_the_same_for_any_number_of_threads_and_any_batch),
        cmocka_unit_test(nan_reaches_every_later_step_and_nothing_else),
        cmocka_unit_test(no_steps_give_the_state_back),
        cmocka_unit_test(bad_descriptors_say_why),
    };
    return cmocka_run_group_tests(tests, quiet_setup, NULL);
}
