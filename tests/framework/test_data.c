/* Data sets: of tensors, IDX files, CSV, folders of images; parts of them. */
#include "files.h"
#include <cairn/data.h>
#include <cairn/io.h>

static const cairn_dataset_spec *spec(const cairn_dataset *d)
{
    assert_non_null(d);
    return cairn_dataset_spec_of(d);
}

static void a_tensor_data_set_gives_its_rows(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_from((float[]){1, 2, 3, 4, 5, 6}, CAIRN_SHAPE(3, 2), CAIRN_F32);
    cairn_tensor *y = cairn_from((uint8_t[]){2, 0, 1}, CAIRN_SHAPE(3), CAIRN_U8);
    cairn_dataset *d = cairn_tensor_dataset(x, y);
    float row[2];
    int64_t label;
    assert_int_equal(spec(d)->count, 3);
    assert_int_equal(spec(d)->classes, 3);
    assert_int_equal(cairn_dataset_get(d, 2, row, &label), CAIRN_OK);
    assert_memory_equal(row, ((float[]){5, 6}), sizeof row);
    assert_int_equal(label, 1);
    assert_int_equal(cairn_dataset_get(d, 3, row, &label), CAIRN_E_RANGE);
    assert_error(CAIRN_E_RANGE, "sample 3 of 3");
    cairn_dataset_free(d);
}

static void data_sets_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_from((float[]){1, 2}, CAIRN_SHAPE(2), CAIRN_F32), *none = cairn_from(NULL, CAIRN_SHAPE(0), CAIRN_I64);
    assert_null(cairn_tensor_dataset(x, cairn_from((int64_t[]){1, 2, 3}, CAIRN_SHAPE(3), CAIRN_I64)));
    assert_error(CAIRN_E_SHAPE, "x [2] and y [3] differ in their number of samples");
    assert_null(cairn_tensor_dataset(x, cairn_from((int64_t[]){1, -2}, CAIRN_SHAPE(2), CAIRN_I64)));
    assert_error(CAIRN_E_RANGE, "label -2 of sample 1");
    assert_null(cairn_tensor_dataset(none, none));
    assert_error(CAIRN_E_ARGUMENT, "empty");
    assert_null(cairn_tensor_dataset(x, NULL));
    cairn_error_clear();
    assert_null(cairn_subset(NULL, 0, NULL));
    assert_null(cairn_dataset_new(NULL));
    cairn_error_clear();
}

static void subsets_and_splits_take_each_sample_once(void **state)
{
    (void)state;
    int64_t number[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, seen[10] = {0};
    cairn_tensor *x = cairn_from(number, CAIRN_SHAPE(10), CAIRN_I64);
    cairn_dataset *d = cairn_subset(cairn_tensor_dataset(x, x), 3, (int64_t[]){7, 1, 7});
    int64_t a, b;
    cairn_dataset_get(d, 2, &a, &b);
    assert_int_equal(a, 7);
    cairn_dataset_free(d);
    assert_null(cairn_subset(cairn_tensor_dataset(x, x), 1, (int64_t[]){10}));
    assert_error(CAIRN_E_RANGE, "subset: sample 10 of 10");

    cairn_dataset *parts[2];
    assert_int_equal(cairn_split(cairn_tensor_dataset(x, x), 0.25, 1, &parts[0], &parts[1]), CAIRN_OK);
    assert_int_equal(spec(parts[1])->count, 3);
    for (int p = 0; p < 2; p++) {
        for (int64_t i = 0; i < spec(parts[p])->count; i++) {
            assert_int_equal(cairn_dataset_get(parts[p], i, &a, &b), CAIRN_OK);
            seen[a]++;
        }
        cairn_dataset_free(parts[p]);
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(seen[i], 1);
    assert_int_equal(cairn_split(cairn_tensor_dataset(x, x), 1, 1, &parts[0], &parts[1]), CAIRN_E_ARGUMENT);
    cairn_error_clear();
}

/* ---- IDX */

static void labels_out_of_range_are_named(void **state)
{
    (void)state;
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4};
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 10};
    char i[256], l[256];
    snprintf(i, sizeof i, "%s", file_of("images", images, sizeof images));
    snprintf(l, sizeof l, "%s", file_of("labels", labels, sizeof labels));
    cairn_dataset *d = cairn_idx_dataset(i, l, 0);
    assert_int_equal(spec(d)->classes, 11);
    assert_int_equal(spec(d)->x_shape.rank, 3);
    assert_int_equal(spec(d)->x_shape.size[2], 2);
    cairn_dataset_free(d);
    assert_null(cairn_idx_dataset(i, l, 10));
    assert_error(CAIRN_E_RANGE, "label 10 of sample 1 is not in 0 ... 9");
    assert_null(cairn_idx_dataset(l, l, 10));
    assert_error(CAIRN_E_SHAPE, "images should be u8 (n, height, width), this is u8 [2]");
    assert_null(cairn_idx_dataset(i, i, 10));
    assert_error(CAIRN_E_SHAPE, "labels should be integers (n)");
}

static void the_digits_are_there(void **state)
{
    (void)state;
#ifdef HAVE_ZLIB
    cairn_dataset *train = cairn_digits("train", NULL), *test = cairn_digits("test", "data/digits");
    assert_int_equal(spec(train)->count, 1437);
    assert_int_equal(spec(test)->count, 360);
    assert_int_equal(spec(test)->classes, 10);
    assert_string_equal(spec(test)->class_names[3], "3");
    cairn_dataset_free(train);
    cairn_dataset_free(test);
    assert_null(cairn_digits("validation", NULL));
    assert_error(CAIRN_E_ARGUMENT, "not \"validation\"");
    assert_null(cairn_fashion_mnist("train", "/nowhere"));
    assert_error(CAIRN_E_IO, "/nowhere");
    if (cairn_fashion_mnist_found(NULL)) {
        test = cairn_fashion_mnist("test", NULL);
        assert_int_equal(spec(test)->count, 10000);
        assert_string_equal(spec(test)->class_names[9], "Ankle boot");
        cairn_dataset_free(test);
    }
#endif
}

/* ---- CSV */

static cairn_dataset *csv(const char *text, cairn_csv_options o) { return cairn_csv(text_file("t.csv", text), &o); }

static void check_sample(const cairn_dataset *d, int64_t index, int columns, const float *x, int64_t y)
{
    float row[8];
    int64_t label = 0;
    assert_int_equal(spec(d)->x_shape.size[0], columns);
    assert_int_equal(cairn_dataset_get(d, index, row, &label), CAIRN_OK);
    assert_memory_equal(row, x, sizeof *row * (size_t)columns);
    assert_int_equal(label, y);
}

static void a_csv_file_gives_numbers_and_classes(void **state)
{
    (void)state;
    cairn_dataset *d = csv("\xef\xbb\xbf""a,b,kind\r\n1, 2.5 ,\"say \"\"hi\"\"\nall\"\r\n\r\n-3e1,\"4\",apple\n", (cairn_csv_options){0});
    assert_int_equal(spec(d)->count, 2);
    assert_int_equal(spec(d)->classes, 2);
    assert_string_equal(spec(d)->class_names[0], "apple");
    assert_string_equal(spec(d)->class_names[1], "say \"hi\"\nall");
    check_sample(d, 0, 2, (float[]){1, 2.5f}, 1);
    check_sample(d, 1, 2, (float[]){-30, 4}, 0);
    cairn_dataset_free(d);
}

static void numeric_labels_sort_as_numbers(void **state)
{
    (void)state;
    cairn_dataset *d = csv("10;1\n9;2\n-1;3", (cairn_csv_options){.label = "1", .separator = ';', .no_header = true});
    assert_string_equal(spec(d)->class_names[0], "-1");
    assert_string_equal(spec(d)->class_names[2], "10");
    check_sample(d, 0, 1, (float[]){1}, 2);
    cairn_dataset_free(d);
    d = csv("x,y\n1,0.5\n2,1.5\n", (cairn_csv_options){.regression = true});
    float x, y;
    assert_int_equal(spec(d)->classes, 0);
    assert_int_equal(cairn_dataset_get(d, 1, &x, &y), CAIRN_OK);
    assert_true(x == 2 && y == 1.5f);
    cairn_dataset_free(d);
}

static void errors_in_csv_name_line_and_column(void **state)
{
    (void)state;
    static const struct { const char *text, *words; cairn_csv_options o; } wrong[] = {
        {"", "is empty", {0}},
        {"a,b\n", "has a header but no samples", {0}},
        {"a\n1\n", "needs at least two columns", {0}},
        {"a,b\n1,x\n\n2,3,4\n", "t.csv:4: 3 fields where 2 are expected", {0}},
        {"a,b\n1,x\nred,y\n", "t.csv:3: column 'a': 'red' is not a number", {0}},
        {"a,b\n,y\n", "t.csv:2: column 'a': '' is not a number", {0}},
        {"a,b\nnan,y\n", "'nan' is not a number", {0}},
        {"a,b\n\"1\nq,y\n", "t.csv:2: a quoted field does not end", {0}},
        {"a,b\n\"1\"2,y\n", "text after a quoted field", {0}},
        {"a,b\n1,0.5\n", "not whole", {0}},
        {"a,b\n1,x\n", "column 'b': 'x' is not a number", {.regression = true}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(csv(wrong[i].text, wrong[i].o));
        assert_error(CAIRN_E_FORMAT, wrong[i].words);
    }
    assert_null(csv("a,b\n1,2\n", (cairn_csv_options){.label = "c"}));
    assert_error(CAIRN_E_ARGUMENT, "there is no column 'c'; the last is 'b'");
}

/* ---- Folders of images */

#ifdef HAVE_PNG
static void save_image(const char *name, int channels, int height, int width, uint8_t value)
{
    uint8_t pixels[3 * 16 * 16];
    memset(pixels, value, sizeof pixels);
    cairn_mark m = cairn_scope_push();
    assert_int_equal(cairn_save_png(file_at(name), cairn_from(pixels, CAIRN_SHAPE(channels, height, width), CAIRN_U8)), CAIRN_OK);
    cairn_scope_pop(m, NULL);
}

static void folders_are_classes_and_images_are_resized(void **state)
{
    (void)state;
    char root[256];
    snprintf(root, sizeof root, "%s", file_at("folders"));
    mkdir(root, 0777);
    assert_null(cairn_image_folder(root, NULL));
    assert_error(CAIRN_E_ARGUMENT, "has no folders of images");
    mkdir(file_at("folders/cat"), 0777);
    mkdir(file_at("folders/ant"), 0777);
    assert_null(cairn_image_folder(root, NULL));
    assert_error(CAIRN_E_ARGUMENT, "folders/ant: has no .png or .jpg");
    save_image("folders/ant/2.png", 1, 4, 6, 100);
    save_image("folders/ant/1.PNG", 1, 8, 12, 50);
    save_image("folders/cat/x.png", 3, 3, 3, 200);
    text_file("folders/cat/readme.txt", "no image");
    cairn_dataset *d = cairn_image_folder(root, NULL);
    assert_int_equal(spec(d)->count, 3);
    assert_int_equal(spec(d)->x_shape.size[2], 12);
    assert_string_equal(spec(d)->class_names[1], "cat");
    uint8_t x[96];
    int64_t y;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cairn_dataset_get(d, i, x, &y), CAIRN_OK);
        for (int k = 0; k < 96; k++)
            assert_int_equal(x[k], i == 0 ? 50 : i == 1 ? 100 : 200);
        assert_int_equal(y, i == 2);
    }
    cairn_dataset_free(d);
    d = cairn_image_folder(root, &(cairn_folder_options){.height = 1, .width = 2, .channels = 3});
    assert_int_equal(spec(d)->x_shape.size[0], 3);
    assert_int_equal(cairn_dataset_get(d, 0, x, &y), CAIRN_OK);
    assert_int_equal(x[5], 50);
    text_file("folders/cat/y.png", "no image");
    cairn_dataset_free(d);
    d = cairn_image_folder(root, NULL);
    assert_int_equal(cairn_dataset_get(d, 3, x, &y), CAIRN_E_FORMAT);
    assert_error(CAIRN_E_FORMAT, "y.png: is neither PNG nor JPEG");
    cairn_dataset_free(d);
}
#endif

static void moments_are_those_of_the_scaled_pixels(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_from((uint8_t[]){0, 255, 51, 51, 0, 255, 51, 51}, CAIRN_SHAPE(2, 2, 1, 2), CAIRN_U8);
    cairn_dataset *d = cairn_tensor_dataset(x, cairn_from((int64_t[]){0, 0}, CAIRN_SHAPE(2), CAIRN_I64));
    int channels;
    float mean[CAIRN_MAX_CHANNELS], deviation[CAIRN_MAX_CHANNELS];
    assert_int_equal(cairn_dataset_moments(d, 0, &channels, mean, deviation), CAIRN_OK);
    assert_int_equal(channels, 2);
    assert_true(mean[0] == 0.5f && deviation[0] == 0.5f);
    assert_true(mean[1] > 0.1999f && mean[1] < 0.2001f && deviation[1] == 1);
    cairn_dataset_free(d);
}

/* ---- Memory */

static bool make_all(void *path)
{
    cairn_mark m = cairn_scope_push();
    cairn_dataset *d = cairn_csv(path, NULL), *a = NULL, *b = NULL;
    bool good = d && !cairn_split(d, 0.5, 1, &a, &b);
    cairn_dataset_free(a);
    cairn_dataset_free(b);
    cairn_scope_pop(m, NULL);
    return good;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s", text_file("m.csv", "a,b\n1,x\n2,y\n3,x\n"));
    fail_every_allocation(make_all, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tensor_data_set_gives_its_rows),
        cmocka_unit_test(data_sets_that_make_no_sense_are_refused),
        cmocka_unit_test(subsets_and_splits_take_each_sample_once),
        cmocka_unit_test(labels_out_of_range_are_named),
        cmocka_unit_test(the_digits_are_there),
        cmocka_unit_test(a_csv_file_gives_numbers_and_classes),
        cmocka_unit_test(numeric_labels_sort_as_numbers),
        cmocka_unit_test(errors_in_csv_name_line_and_column),
#ifdef HAVE_PNG
        cmocka_unit_test(folders_are_classes_and_images_are_resized),
#endif
        cmocka_unit_test(moments_are_those_of_the_scaled_pixels),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
