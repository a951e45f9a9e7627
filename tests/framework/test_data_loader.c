/* Loaders: order, workers (pthread_create), augmentation, positions. */
#include "files.h"
#include <cairn/data.h>

enum { SAMPLES = 53, PIXELS = 12 };

/* Image i of 2 x 2 x 3 pixels i, i + 1, ...; label i % 7. */
static cairn_dataset *images(void)
{
    uint8_t x[SAMPLES * PIXELS];
    int64_t y[SAMPLES];
    for (int i = 0; i < SAMPLES * PIXELS; i++)
        x[i] = (uint8_t)(i / PIXELS + i % PIXELS);
    for (int i = 0; i < SAMPLES; i++)
        y[i] = i % 7;
    cairn_mark m = cairn_scope_push();
    cairn_dataset *d = cairn_tensor_dataset(cairn_from(x, CAIRN_SHAPE(SAMPLES, 2, 2, 3), CAIRN_U8),
                                            cairn_from(y, CAIRN_SHAPE(SAMPLES), CAIRN_I64));
    cairn_scope_pop(m, NULL);
    return d;
}

static const cairn_loader_options full = {.batch = 8, .shuffle = true, .seed = 5, .augment = {1, true}, .normalise = 2,
                                          .mean = {0.5f, 0.25f}, .deviation = {0.5f, 2}};

/* FNV-1a over the next `batches` batches (ends of epochs included). */
static uint64_t hash(cairn_loader *l, int batches)
{
    uint64_t h = 14695981039346656037u;
    cairn_batch b;
    for (int i = 0; i < batches; i++) {
        if (!cairn_loader_next(l, &b)) {
            assert_int_equal(cairn_error(), CAIRN_OK);
            continue;
        }
        const uint8_t *parts[] = {cairn_data(b.x), cairn_data(b.y)};
        int64_t bytes[] = {b.size * PIXELS * 4, b.size * 8};
        for (int k = 0; k < 2; k++)
            for (int64_t j = 0; j < bytes[k]; j++)
                h = (h ^ parts[k][j]) * 1099511628211u;
    }
    return h;
}

static void an_epoch_has_each_sample_once(void **state)
{
    (void)state;
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        cairn_loader *l = cairn_loader_new(images(), &(cairn_loader_options){.batch = 10, .shuffle = shuffle, .raw = true});
        assert_int_equal(cairn_loader_batches(l), 6);
        for (int epoch = 0; epoch < 2; epoch++) {
            int seen[SAMPLES] = {0}, total = 0, moved = 0;
            for (cairn_batch b; cairn_loader_next(l, &b);) {
                assert_int_equal(b.epoch, epoch);
                assert_int_equal(b.size, b.number == 5 ? 3 : 10);
                for (int64_t i = 0; i < b.size; i++, total++) {
                    int sample = ((const uint8_t *)cairn_data(b.x))[i * PIXELS];
                    assert_int_equal(cairn_data_i64(b.y)[i], sample % 7);
                    moved += sample != total;
                    seen[sample]++;
                }
            }
            for (int i = 0; i < SAMPLES; i++)
                assert_int_equal(seen[i], 1);
            assert_int_equal(shuffle, moved > 30);
        }
        cairn_loader_free(l);
    }
}

static void drop_last_leaves_out_what_is_not_full(void **state)
{
    (void)state;
    cairn_loader *l = cairn_loader_new(images(), &(cairn_loader_options){.batch = 10, .drop_last = true});
    int batches = 0;
    for (cairn_batch b; cairn_loader_next(l, &b); batches++)
        assert_int_equal(b.size, 10);
    assert_int_equal(batches, 5);
    cairn_loader_free(l);
}

static void pixels_are_scaled_and_normalised(void **state)
{
    (void)state;
    cairn_loader *l = cairn_loader_new(images(), &(cairn_loader_options){.batch = 1, .normalise = 2, .mean = {0, 0.5f}, .deviation = {1, 0.5f}});
    cairn_batch b;
    assert_true(cairn_loader_next(l, &b) && cairn_loader_next(l, &b));
    const float *x = cairn_data_f32(b.x);
    assert_float_equal(x[1], 2 / 255.0, 1e-7);
    assert_float_equal(x[6], (7 / 255.0 - 0.5) / 0.5, 1e-6);
    cairn_loader_free(l);
}

static void the_batches_do_not_depend_on_workers_or_threads(void **state)
{
    (void)state;
    cairn_loader *l = cairn_loader_new(images(), &full);
    uint64_t expected = hash(l, 30);
    cairn_loader_free(l);
    for (int workers = 1; workers < 6; workers += 2)
        for (int prefetch = 1; prefetch < 40; prefetch += 19) {
            cairn_loader_options o = full;
            o.workers = workers;
            o.prefetch = prefetch;
            l = cairn_loader_new(images(), &o);
            assert_true(hash(l, 30) == expected);
            cairn_loader_free(l);
        }
    cairn_loader_options other = full;
    other.seed = 6;
    l = cairn_loader_new(images(), &other);
    assert_true(hash(l, 30) != expected);
    cairn_loader_free(l);
}

static void a_position_gives_the_very_same_batches(void **state)
{
    (void)state;
    for (int workers = 0; workers < 3; workers += 2)
        for (int before = 0; before < 20; before++) {
            cairn_loader_options o = full;
            o.workers = workers;
            cairn_loader *l = cairn_loader_new(images(), &o), *again = cairn_loader_new(images(), &o);
            hash(l, before);
            cairn_position p = cairn_loader_position(l);
            uint64_t expected = hash(l, 12);
            hash(again, 3);
            assert_int_equal(cairn_loader_seek(again, p), CAIRN_OK);
            assert_true(hash(again, 12) == expected);
            cairn_loader_free(l);
            cairn_loader_free(again);
        }
}

static void positions_of_other_loaders_are_refused(void **state)
{
    (void)state;
    cairn_loader *l = cairn_loader_new(images(), &full);
    cairn_position p = cairn_loader_position(l), wrong = p;
    wrong.seed = 9;
    assert_int_equal(cairn_loader_seek(l, wrong), CAIRN_E_STATE);
    assert_error(CAIRN_E_STATE, "with seed 9");
    wrong = p;
    wrong.batch = 8;
    assert_int_equal(cairn_loader_seek(l, wrong), CAIRN_E_RANGE);
    assert_error(CAIRN_E_RANGE, "batch 8 of 7");
    cairn_loader_free(l);
}

static void crops_move_and_flips_mirror(void **state)
{
    (void)state;
    cairn_loader *l = cairn_loader_new(images(), &(cairn_loader_options){.batch = 1, .raw = true, .seed = 3, .augment = {1, true}});
    int zeros = 0, mirrored = 0, same = 0, n = 0;
    for (cairn_batch b; cairn_loader_next(l, &b); n++) {
        const uint8_t *x = cairn_data(b.x);
        for (int i = 0; i < PIXELS; i++)
            zeros += n && x[i] == 0;
        for (int r = 0; r < 4 && n; r++)
            if (x[3 * r] && x[3 * r + 1] && x[3 * r + 2]) {
                mirrored += x[3 * r] == x[3 * r + 1] + 1;
                same += x[3 * r] + 1 == x[3 * r + 1];
            }
    }
    assert_true(zeros > SAMPLES && mirrored > 10 && same > 10);
    cairn_loader_free(l);
}

static void batches_belong_to_the_loader_until_the_next(void **state)
{
    (void)state;
    int64_t before = cairn_tensor_count();
    cairn_loader *l = cairn_loader_new(images(), &full);
    cairn_tensor *kept = NULL;
    for (int epoch = 0; epoch < 3; epoch++)
        for (cairn_batch b; cairn_loader_next(l, &b);) {
            if (!kept)
                kept = cairn_keep(b.x);
            assert_true(cairn_tensor_count() - before <= 3);
        }
    cairn_loader_free(l);
    assert_non_null(cairn_data(kept));
    assert_int_equal(cairn_tensor_count() - before, 1);
    cairn_drop(kept);
}

/* ---- Data sets of one's own, and errors in them */

static cairn_status failing_get(void *context, int64_t index, void *x, void *y)
{
    (void)context;
    *(float *)x = (float)index;
    *(int64_t *)y = index == 20 ? 7 : 0;
    return CAIRN_OK;
}

static void an_error_in_a_data_set_reaches_the_caller(void **state)
{
    (void)state;
    for (int workers = 0; workers < 3; workers++) {
        cairn_dataset *d = cairn_dataset_new(&(cairn_dataset_spec){.count = 40, .x_shape = CAIRN_SHAPE(1), .y_shape = CAIRN_SCALAR,
                                                                   .x_type = CAIRN_F32, .y_type = CAIRN_I64, .classes = 5,
                                                                   .get = failing_get});
        cairn_loader *l = cairn_loader_new(d, &(cairn_loader_options){.batch = 4, .workers = workers});
        int batches = 0;
        for (cairn_batch b; cairn_loader_next(l, &b);)
            batches++;
        assert_int_equal(batches, 5);
        assert_error(CAIRN_E_RANGE, "label 7 of sample 20 is not in 0 ... 4");
        cairn_batch b;
        assert_false(cairn_loader_next(l, &b));
        assert_error(CAIRN_E_RANGE, "label 7");
        cairn_loader_free(l);
    }
}

static void loaders_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    assert_null(cairn_loader_new(cairn_subset(images(), 0, NULL), NULL));
    assert_error(CAIRN_E_ARGUMENT, "the data set is empty");
    assert_null(cairn_loader_new(images(), &(cairn_loader_options){.batch = 64, .drop_last = true}));
    assert_error(CAIRN_E_ARGUMENT, "53 samples give no full batch of 64");
    assert_null(cairn_loader_new(images(), &(cairn_loader_options){.workers = -1}));
    assert_error(CAIRN_E_ARGUMENT, "workers");
    assert_null(cairn_loader_new(images(), &(cairn_loader_options){.normalise = 3, .deviation = {1, 1, 1}}));
    assert_error(CAIRN_E_ARGUMENT, "normalise");
    assert_null(cairn_loader_new(NULL, NULL));
    cairn_batch b;
    assert_false(cairn_loader_next(NULL, &b));
    cairn_loader_free(NULL);
}

static bool run_epoch(void *options)
{
    cairn_loader *l = cairn_loader_new(images(), options);
    for (cairn_batch b; cairn_loader_next(l, &b);)
        ;
    cairn_loader_free(l);
    return !cairn_error();
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    cairn_loader_options o = full;
    fail_every_allocation(run_epoch, &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_has_each_sample_once),
        cmocka_unit_test(drop_last_leaves_out_what_is_not_full),
        cmocka_unit_test(pixels_are_scaled_and_normalised),
        cmocka_unit_test(the_batches_do_not_depend_on_workers_or_threads),
        cmocka_unit_test(a_position_gives_the_very_same_batches),
        cmocka_unit_test(positions_of_other_loaders_are_refused),
        cmocka_unit_test(crops_move_and_flips_mirror),
        cmocka_unit_test(batches_belong_to_the_loader_until_the_next),
        cmocka_unit_test(an_error_in_a_data_set_reaches_the_caller),
        cmocka_unit_test(loaders_that_make_no_sense_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
