/* IDX, npy, npz, images, and how files are written. */
#include "files.h"
#include <cairn/io.h>
#include <cairn/ops.h>
#include "framework/io/file.h"

#define assert_bytes(x, ...)                                                             \
    do {                                                                                 \
        assert_non_null(x);                                                              \
        assert_memory_equal(cairn_data(x), (__VA_ARGS__), sizeof(__VA_ARGS__));          \
    } while (0)

/* ---- IDX */

static const uint8_t idx_i16[] = {0, 0, 0x0b, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 0, 2, 0, 3, 0, 4, 0xff, 0xff, 1, 0};

static void an_idx_file_gives_its_elements_in_this_machines_order(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_load_idx(file_of("a.idx", idx_i16, sizeof idx_i16));
    assert_bytes(x, (int16_t[]){1, 2, 3, 4, -1, 256});
    assert_int_equal(cairn_size(x, 0), 2);
    assert_int_equal(cairn_size(x, 1), 3);
    assert_int_equal(cairn_dtype_of(x), CAIRN_I16);
}

static void a_gzipped_idx_file_is_inflated_whatever_its_name(void **state)
{
    (void)state;
#ifdef HAVE_ZLIB
    char command[300];
    snprintf(command, sizeof command, "gzip -c '%s' > '%s'", file_of("b.idx", idx_i16, sizeof idx_i16), file_at("packed"));
    assert_int_equal(system(command), 0);
    assert_bytes(cairn_load_idx(file_at("packed")), (int16_t[]){1, 2, 3, 4, -1, 256});
    size_t size;
    uint8_t *bytes = bytes_of(file_at("packed"), &size);
    assert_null(cairn_load_idx(file_of("short.gz", bytes, size - 9)));
    assert_error(CAIRN_E_FORMAT, "cut short");
    bytes[size - 7] ^= 1;
    assert_null(cairn_load_idx(file_of("wrong.gz", bytes, size)));
    assert_error(CAIRN_E_FORMAT, "damaged");
    free(bytes);
#endif
}

static void every_shortened_idx_file_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof idx_i16; n++) {
        assert_null(cairn_load_idx(file_of("short.idx", idx_i16, n)));
        assert_error(CAIRN_E_FORMAT, "short.idx");
    }
    uint8_t longer[sizeof idx_i16 + 1] = {0};
    memcpy(longer, idx_i16, sizeof idx_i16);
    assert_null(cairn_load_idx(file_of("long.idx", longer, sizeof longer)));
    assert_error(CAIRN_E_FORMAT, "needs 12 bytes after the header, the file has 13");
}

static void an_idx_file_that_claims_more_than_memory_is_refused(void **state)
{
    (void)state;
    static const uint8_t huge[] = {0, 0, 0x0e, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    assert_null(cairn_load_idx(file_of("huge.idx", huge, sizeof huge)));
    assert_true(cairn_error() != CAIRN_OK);
    cairn_error_clear();
    static const uint8_t deep[] = {0, 0, 0x08, 9};
    assert_null(cairn_load_idx(file_of("deep.idx", deep, sizeof deep)));
    assert_error(CAIRN_E_UNSUPPORTED, "rank 9");
}

static void files_that_are_not_there_are_named(void **state)
{
    (void)state;
    assert_null(cairn_load_idx("/nowhere/a.idx"));
    assert_error(CAIRN_E_IO, "load_idx: /nowhere/a.idx: No such file or directory");
    assert_null(cairn_load_npy("/tmp"));
    assert_error(CAIRN_E_IO, "not a regular file");
    assert_null(cairn_load_idx(NULL));
    assert_error(CAIRN_E_ARGUMENT, "NULL");
}

/* ---- npy */

static void every_type_comes_back_from_npy_as_it_was(void **state)
{
    (void)state;
    static const uint8_t bytes[6 * 8] = {1, 0, 1, 1, 0, 1, 7, 99, 200, 3};
    for (int t = 0; t < CAIRN_DTYPE_COUNT; t++) {
        cairn_tensor *x = cairn_from(bytes, CAIRN_SHAPE(3, 2), t);
        assert_int_equal(cairn_save_npy(file_at("t.npy"), x), CAIRN_OK);
        cairn_tensor *y = cairn_load_npy(file_at("t.npy"));
        assert_int_equal(cairn_dtype_of(y), t);
        assert_int_equal(cairn_rank(y), 2);
        assert_memory_equal(cairn_data(y), bytes, (size_t)(6 * cairn_dtype_bytes(t)));
    }
}

static void every_rank_comes_back_from_npy(void **state)
{
    (void)state;
    static const float one[] = {1, 2};
    for (int rank = 0; rank <= CAIRN_MAX_RANK; rank++) {
        cairn_shape s = {.rank = rank};
        for (int i = 0; i < rank; i++)
            s.size[i] = i == 1 ? 2 : 1;
        assert_int_equal(cairn_save_npy(file_at("r.npy"), cairn_from(one, s, CAIRN_F32)), CAIRN_OK);
        cairn_tensor *y = cairn_load_npy(file_at("r.npy"));
        cairn_shape back = cairn_shape_of(y);
        assert_memory_equal(&back, &s, sizeof s);
    }
    assert_int_equal(cairn_save_npy(file_at("z.npy"), cairn_from(NULL, CAIRN_SHAPE(3, 0), CAIRN_F64)), CAIRN_OK);
    assert_int_equal(cairn_size(cairn_load_npy(file_at("z.npy")), 1), 0);
}

/* An .npy file of a header and two 32-bit words or more. */
static const char *npy_with(const char *header, const void *data, size_t bytes)
{
    uint8_t file[512] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)strlen(header), 0};
    memcpy(file + 10, header, strlen(header));
    memcpy(file + 10 + strlen(header), data, bytes);
    return file_of("w.npy", file, 10 + strlen(header) + bytes);
}

static void npy_headers_are_read_as_python_would(void **state)
{
    (void)state;
    static const uint8_t big[] = {0, 0, 1, 0, 0, 0, 0, 2};
    assert_bytes(cairn_load_npy(npy_with("{\"shape\":(2L,),'descr' : '>i4' ,'fortran_order':False}\n", big, 8)), (int32_t[]){256, 2});
    assert_bytes(cairn_load_npy(npy_with("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", "\0\2\1", 3)), (uint8_t[]){0, 1, 1});
    static const char *const wrong[] = {
        "", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2}", "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'more': 1}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(cairn_load_npy(npy_with(wrong[i], big, 8)));
        assert_error(CAIRN_E_FORMAT, "the header is not valid");
    }
    assert_null(cairn_load_npy(npy_with("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", big, 8)));
    assert_error(CAIRN_E_UNSUPPORTED, "of a type that Cairn lacks");
    assert_null(cairn_load_npy(npy_with("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", big, 8)));
    assert_error(CAIRN_E_UNSUPPORTED, "several fields");
    assert_null(cairn_load_npy(npy_with("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", big, 8)));
    assert_error(CAIRN_E_FORMAT, "cut short: [3] of f32 needs 12 bytes, it has 8");
}

static void fortran_order_is_turned_round(void **state)
{
    (void)state;
    static const int16_t columns[] = {1, 4, 2, 5, 3, 6};
    cairn_tensor *x = cairn_load_npy(npy_with("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3)}", columns, sizeof columns));
    assert_int_equal(cairn_size(x, 0), 2);
    assert_bytes(x, (int16_t[]){1, 2, 3, 4, 5, 6});
}

/* ---- npz */

#ifdef HAVE_ZLIB
static void save_two(const char *path)
{
    cairn_named two[] = {{"w", cairn_from((float[]){1, 2, 3, 4}, CAIRN_SHAPE(2, 2), CAIRN_F32)},
                         {"b", cairn_from((int64_t[]){7}, CAIRN_SCALAR, CAIRN_I64)}};
    assert_int_equal(cairn_save_npz(path, 2, two), CAIRN_OK);
}

static void tensors_come_back_from_npz_by_name(void **state)
{
    (void)state;
    save_two(file_at("two.npz"));
    cairn_archive *a = cairn_open_npz(file_at("two.npz"));
    assert_int_equal(cairn_archive_count(a), 2);
    assert_string_equal(cairn_archive_name(a, 0), "b");
    assert_string_equal(cairn_archive_name(a, 1), "w");
    assert_null(cairn_archive_name(a, 2));
    cairn_tensor *w = cairn_archive_tensor(a, "w"), *b = cairn_archive_tensor(a, "b");
    assert_null(cairn_archive_tensor(a, "c"));
    assert_error(CAIRN_E_ARGUMENT, "has no tensor 'c'");
    cairn_archive_close(a);
    assert_bytes(w, (float[]){1, 2, 3, 4});
    assert_bytes(b, (int64_t[]){7});
}

static void every_changed_byte_of_an_npz_is_harmless(void **state)
{
    (void)state;
    save_two(file_at("two.npz"));
    size_t size;
    uint8_t *bytes = bytes_of(file_at("two.npz"), &size);
    for (size_t i = 0; i < size; i++) {
        cairn_mark m = cairn_scope_push();
        bytes[i] ^= 0xff;
        cairn_archive *a = cairn_open_npz(file_of("x.npz", bytes, size));
        for (int64_t k = 0; k < cairn_archive_count(a); k++)
            cairn_archive_tensor(a, cairn_archive_name(a, k));
        cairn_archive_close(a);
        cairn_error_clear();
        bytes[i] ^= 0xff;
        cairn_scope_pop(m, NULL);
    }
    for (size_t n = 0; n < size; n++) {
        assert_null(cairn_open_npz(file_of("x.npz", bytes, n)));
        cairn_error_clear();
    }
    free(bytes);
}

/* A member as numpy.savez_compressed writes it: deflated, with a zip64 field that is not needed in the local record. */
static void deflated_members_are_inflated_and_checked(void **state)
{
    (void)state;
    static const uint8_t packed[] = {
#include "deflated_npz.inc"
    };
    cairn_archive *a = cairn_open_npz(file_of("d.npz", packed, sizeof packed));
    cairn_tensor *x = cairn_archive_tensor(a, "x");
    cairn_archive_close(a);
    assert_int_equal(cairn_numel(x), 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(((const int16_t *)cairn_data(x))[i], i / 10);
}
#endif

/* ---- Images */

#if defined(HAVE_PNG) && defined(HAVE_JPEG)
static void a_png_comes_back_as_it_was(void **state)
{
    (void)state;
    uint8_t pixels[3 * 5 * 4];
    for (int i = 0; i < 60; i++)
        pixels[i] = (uint8_t)(i * 4);
    assert_int_equal(cairn_save_png(file_at("rgb.png"), cairn_from(pixels, CAIRN_SHAPE(3, 5, 4), CAIRN_U8)), CAIRN_OK);
    cairn_tensor *x = cairn_load_image(file_at("rgb.png"), 0);
    assert_int_equal(cairn_size(x, 0), 3);
    assert_int_equal(cairn_size(x, 1), 5);
    assert_memory_equal(cairn_data(x), pixels, sizeof pixels);
    assert_int_equal(cairn_size(cairn_load_image(file_at("rgb.png"), 1), 0), 1);
    assert_int_equal(cairn_save_png(file_at("grey.png"), cairn_from(pixels, CAIRN_SHAPE(6, 10), CAIRN_U8)), CAIRN_OK);
    assert_memory_equal(cairn_data(cairn_load_image(file_at("grey.png"), 0)), pixels, sizeof pixels);
    x = cairn_load_image_sized(file_at("rgb.png"), 3, 5, 4);
    assert_memory_equal(cairn_data(x), pixels, sizeof pixels);
    x = cairn_load_image_sized(file_at("grey.png"), 3, 2, 7);
    assert_int_equal(cairn_size(x, 0), 3);
    assert_int_equal(cairn_size(x, 1), 2);
    assert_int_equal(cairn_size(x, 2), 7);
    assert_null(cairn_load_image_sized(file_at("grey.png"), 1, 0, 7));
    assert_error(CAIRN_E_ARGUMENT, "0 x 7");
    assert_int_equal(cairn_save_png(file_at("no.png"), cairn_zeros(CAIRN_SHAPE(2, 2), CAIRN_F32)), CAIRN_E_SHAPE);
    assert_error(CAIRN_E_SHAPE, "save_png");
}

static void images_cut_short_are_refused(void **state)
{
    (void)state;
    static const uint8_t jpeg[] = {
#include "small_jpeg.inc"
    };
    uint8_t pixels[64];
    for (int i = 0; i < 64; i++)
        pixels[i] = (uint8_t)(i * i);
    cairn_save_png(file_at("p.png"), cairn_from(pixels, CAIRN_SHAPE(8, 8), CAIRN_U8));
    size_t size;
    uint8_t *png = bytes_of(file_at("p.png"), &size);
    for (size_t n = 0; n + 12 < size; n++) {          /* the last 12 bytes only say that it ends */
        assert_null(cairn_load_image(file_of("s.png", png, n), 0));
        assert_error(CAIRN_E_FORMAT, "s.png");
    }
    free(png);
    cairn_tensor *x = cairn_load_image(file_of("j.jpg", jpeg, sizeof jpeg), 0);
    assert_int_equal(cairn_size(x, 1), 8);
    for (size_t n = 0; n + 2 < sizeof jpeg; n++) {
        assert_null(cairn_load_image(file_of("s.jpg", jpeg, n), 0));
        assert_error(CAIRN_E_FORMAT, "s.jpg");
    }
}
#endif

/* ---- Writing */

static void a_failed_write_leaves_the_old_file(void **state)
{
    (void)state;
    const char *path = text_file("keep", "old");
    file_writer w;
    assert_int_equal(writer_open(&w, "test", path), CAIRN_OK);
    writer_put(&w, "new", 3);
    writer_abort(&w);
    size_t size;
    uint8_t *bytes = bytes_of(path, &size);
    assert_memory_equal(bytes, "old", 3);
    free(bytes);
    assert_false(file_exists(file_at("keep.part")));
}

static void a_full_disk_is_said(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_from((float[]){1}, CAIRN_SCALAR, CAIRN_F32);
    assert_int_equal(cairn_save_npy("/dev/full", x), CAIRN_E_IO);
    assert_error(CAIRN_E_IO, "save_npy: /dev/full: No space left on device");
    struct stat s;
    assert_int_equal(stat("/dev/full", &s), 0);
    assert_true(S_ISCHR(s.st_mode));
    assert_int_equal(cairn_save_npy("/nowhere/x.npy", x), CAIRN_E_IO);
    assert_error(CAIRN_E_IO, "/nowhere/x.npy: No such file or directory");
    assert_int_equal(cairn_save_npy(NULL, x), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    assert_true(cairn_save_npy(file_at("n.npy"), NULL) != CAIRN_OK);
    cairn_error_clear();
}

/* ---- Memory */

static bool read_all(void *path)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *x = cairn_load_idx(path);
    bool good = x && !cairn_save_npy(file_at("m.npy"), x) && cairn_load_npy(file_at("m.npy"));
#ifdef HAVE_ZLIB
    cairn_named n = {"x", x};
    good = good && !cairn_save_npz(file_at("m.npz"), 1, &n);
    cairn_archive *a = good ? cairn_open_npz(file_at("m.npz")) : NULL;
    good = good && a && cairn_archive_tensor(a, "x");
    cairn_archive_close(a);
#endif
    cairn_scope_pop(m, NULL);
    return good;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s", file_of("m.idx", idx_i16, sizeof idx_i16));
    fail_every_allocation(read_all, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idx_file_gives_its_elements_in_this_machines_order),
        cmocka_unit_test(a_gzipped_idx_file_is_inflated_whatever_its_name),
        cmocka_unit_test(every_shortened_idx_file_is_refused),
        cmocka_unit_test(an_idx_file_that_claims_more_than_memory_is_refused),
        cmocka_unit_test(files_that_are_not_there_are_named),
        cmocka_unit_test(every_type_comes_back_from_npy_as_it_was),
        cmocka_unit_test(every_rank_comes_back_from_npy),
        cmocka_unit_test(npy_headers_are_read_as_python_would),
        cmocka_unit_test(fortran_order_is_turned_round),
#ifdef HAVE_ZLIB
        cmocka_unit_test(tensors_come_back_from_npz_by_name),
        cmocka_unit_test(every_changed_byte_of_an_npz_is_harmless),
        cmocka_unit_test(deflated_members_are_inflated_and_checked),
#endif
#if defined(HAVE_PNG) && defined(HAVE_JPEG)
        cmocka_unit_test(a_png_comes_back_as_it_was),
        cmocka_unit_test(images_cut_short_are_refused),
#endif
        cmocka_unit_test(a_failed_write_leaves_the_old_file),
        cmocka_unit_test(a_full_disk_is_said),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
