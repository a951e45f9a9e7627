/* safetensors: what is written comes back, and every rule of the format is kept. */
#include "files.h"
#include <cairn/io.h>
#include "framework/io/file.h"

#ifdef HAVE_CJSON
/* A file of a header and `data` zero bytes. */
static const char *st_file(const char *header, size_t data)
{
    static uint8_t bytes[4096];
    memset(bytes, 0, sizeof bytes);
    write_le(bytes, 8, strlen(header));
    memcpy(bytes + 8, header, strlen(header));
    return file_of("t.safetensors", bytes, 8 + strlen(header) + data);
}

static void check_refused(int line, const char *header, size_t data, cairn_status status, const char *words)
{
    cairn_archive *a = cairn_open_safetensors(st_file(header, data));
    if (a)
        fail_msg("line %d: accepted %s", line, header);
    check_error(line, status, words);
}
#define refused(header, data, words) check_refused(__LINE__, header, data, CAIRN_E_FORMAT, words)

static void tensors_come_back_with_types_shapes_and_metadata(void **state)
{
    (void)state;
    static const uint8_t bytes[64] = {1, 0, 1, 1, 0, 1, 9, 8};
    cairn_named all[CAIRN_DTYPE_COUNT];
    for (int t = 0; t < CAIRN_DTYPE_COUNT; t++)
        all[t] = (cairn_named){cairn_dtype_name(t), cairn_from(bytes, CAIRN_SHAPE(1, 3), t)};
    cairn_metadata m[] = {{"format", "pt"}, {"a \"key\"\n", "\xc3\xa4"}};
    assert_int_equal(cairn_save_safetensors(file_at("all"), CAIRN_DTYPE_COUNT, all, 2, m), CAIRN_OK);
    cairn_archive *a = cairn_open_safetensors(file_at("all"));
    assert_int_equal(cairn_archive_count(a), CAIRN_DTYPE_COUNT);
    assert_string_equal(cairn_archive_metadata(a, "a \"key\"\n"), "\xc3\xa4");
    assert_null(cairn_archive_metadata(a, "nothing"));
    assert_true(cairn_archive_has(a, "f32"));
    assert_false(cairn_archive_has(a, "f33"));
    for (int t = 0; t < CAIRN_DTYPE_COUNT; t++) {
        cairn_tensor *x = cairn_archive_tensor(a, cairn_dtype_name(t));
        assert_int_equal(cairn_dtype_of(x), t);
        assert_int_equal(cairn_size(x, 1), 3);
        assert_memory_equal(cairn_data(x), bytes, (size_t)(3 * cairn_dtype_bytes(t)));
        assert_int_equal((uintptr_t)cairn_data(x) % (uintptr_t)cairn_dtype_bytes(t), 0);
    }
    cairn_archive_close(a);
}

static void tensors_outlive_their_archive_and_their_file(void **state)
{
    (void)state;
    cairn_named n = {"x", cairn_from((float[]){1, 2}, CAIRN_SHAPE(2), CAIRN_F32)};
    assert_int_equal(cairn_save_safetensors(file_at("x"), 1, &n, 0, NULL), CAIRN_OK);
    cairn_archive *a = cairn_open_safetensors(file_at("x"));
    cairn_tensor *x = cairn_archive_tensor(a, "x");
    cairn_archive_close(a);
    n.tensor = cairn_from((float[]){5, 6}, CAIRN_SHAPE(2), CAIRN_F32);
    assert_int_equal(cairn_save_safetensors(file_at("x"), 1, &n, 0, NULL), CAIRN_OK);
    assert_memory_equal(cairn_data(x), ((float[]){1, 2}), 8);
}

static void the_same_tensors_give_the_same_file(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_from((float[]){1, 2}, CAIRN_SHAPE(2), CAIRN_F32), *y = cairn_from((double[]){3}, CAIRN_SCALAR, CAIRN_F64);
    size_t first, second;
    cairn_save_safetensors(file_at("1"), 2, (cairn_named[]){{"x", x}, {"y", y}}, 0, NULL);
    cairn_save_safetensors(file_at("2"), 2, (cairn_named[]){{"y", y}, {"x", x}}, 0, NULL);
    uint8_t *a = bytes_of(file_at("1"), &first), *b = bytes_of(file_at("2"), &second);
    assert_int_equal(first, second);
    assert_memory_equal(a, b, first);
    free(a), free(b);
}

#define T(name, type, shape, begin, end) \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"

static void good_files_are_accepted(void **state)
{
    (void)state;
    static const struct { const char *header; size_t data; } good[] = {
        {"{}", 0}, {"{}   \n", 0}, {"{" T("a", "F32", "[]", 0, 4) "}", 4}, {"{" T("a", "F32", "[0]", 0, 0) "}", 0},
        {"{" T("b", "U8", "[3]", 2, 5) "," T("a", "F16", "[1]", 0, 2) "}", 5},
        {"{" T("a", "F32", "[0]", 0, 0) "," T("b", "U8", "[1]", 0, 1) "," T("c", "U8", "[0]", 1, 1) "}", 1},
        {"{\"__metadata__\":{}," T("a", "I64", "[1,1]", 0, 8) "}", 8},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cairn_archive *a = cairn_open_safetensors(st_file(good[i].header, good[i].data));
        if (!a)
            fail_msg("%s: %s", good[i].header, cairn_error_message());
        for (int64_t k = 0; k < cairn_archive_count(a); k++)
            assert_non_null(cairn_archive_tensor(a, cairn_archive_name(a, k)));
        cairn_archive_close(a);
    }
}

static void every_rule_of_the_format_is_checked(void **state)
{
    (void)state;
    refused("", 0, "not a JSON object");
    refused(" {}", 0, "not a JSON object");
    refused("[]", 0, "not a JSON object");
    refused("{", 0, "not valid JSON");
    refused("{}}", 0, "not valid JSON");
    refused("{}", 1, "bytes after the last tensor");
    refused("{\"a\":1}", 0, "needs dtype, shape and data_offsets");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, "needs dtype");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"x\":1}}", 4, "nothing else");
    refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"shape\":[],\"data_offsets\":[0,4]}}", 4, "each once");
    refused("{" T("a", "U8", "[1]", 0, 1) "," T("a", "U8", "[1]", 1, 2) "}", 2, "'a' is there twice");
    refused("{" T("a", "F32", "[2]", 0, 4) "}", 4, "does not take 4 bytes");
    refused("{" T("a", "F32", "[-1]", 0, 4) "}", 4, "not a whole number");
    refused("{" T("a", "F32", "[1.5]", 0, 4) "}", 4, "not a whole number");
    refused("{" T("a", "F32", "[1e300]", 0, 4) "}", 4, "not a whole number");
    refused("{" T("a", "F32", "1", 0, 4) "}", 4, "not a list");
    refused("{" T("a", "U8", "[1]", 4, 0) "}", 4, "rising");
    refused("{" T("a", "U8", "[1]", 0, 9) "}", 4, "beyond the end");
    refused("{" T("a", "U8", "[1]", 1, 2) "}", 2, "hole");
    refused("{" T("a", "U8", "[2]", 0, 2) "," T("b", "U8", "[2]", 1, 3) "}", 3, "overlaps");
    refused("{" T("a", "U8", "[2]", 0, 2) "," T("b", "U8", "[1]", 3, 4) "}", 4, "hole");
    refused("{\"__metadata__\":[]}", 0, "__metadata__");
    refused("{\"__metadata__\":{\"a\":1}}", 0, "not a text");
    refused("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0, "twice");
    refused("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice");
    refused("{\"a\\u0000b\":{}}", 0, "UTF-8");
    refused("{\"\xff\":{}}", 0, "UTF-8");
    refused("{\"\xc0\x80\":{}}", 0, "UTF-8");
    refused("{\"\xed\xa0\x80\":{}}", 0, "UTF-8");
    check_refused(__LINE__, "{" T("a", "F8_E4M3", "[1]", 0, 1) "}", 1, CAIRN_E_UNSUPPORTED, "type F8_E4M3");
    check_refused(__LINE__, "{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", 0, 1) "}", 1, CAIRN_E_UNSUPPORTED, "rank 9");
    check_refused(__LINE__, "{" T("a", "F64", "[9007199254740992,9007199254740992]", 0, 0) "}", 0, CAIRN_E_SHAPE, "");
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char header[4000];
    memset(header, '[', sizeof header);
    memcpy(header, "{\"a\":", 5);
    header[sizeof header - 1] = 0;
    refused(header, 0, "not valid JSON");
}

static void every_shortened_file_is_refused(void **state)
{
    (void)state;
    cairn_named n = {"x", cairn_from((float[]){1, 2}, CAIRN_SHAPE(2), CAIRN_F32)};
    assert_int_equal(cairn_save_safetensors(file_at("s"), 1, &n, 0, NULL), CAIRN_OK);
    size_t size;
    uint8_t *bytes = bytes_of(file_at("s"), &size);
    for (size_t k = 0; k < size; k++) {
        assert_null(cairn_open_safetensors(file_of("short", bytes, k)));
        assert_error(CAIRN_E_FORMAT, "short");
    }
    write_le(bytes, 8, UINT64_MAX);
    assert_null(cairn_open_safetensors(file_of("short", bytes, size)));
    assert_error(CAIRN_E_FORMAT, "cut short in its header");
    free(bytes);
}

static void names_that_cannot_be_saved_are_refused(void **state)
{
    (void)state;
    cairn_tensor *x = cairn_from((float[]){1}, CAIRN_SCALAR, CAIRN_F32);
    cairn_save_safetensors(file_at("n"), 2, (cairn_named[]){{"x", x}, {"x", x}}, 0, NULL);
    assert_error(CAIRN_E_ARGUMENT, "'x' is there twice");
    cairn_save_safetensors(file_at("n"), 1, (cairn_named[]){{"__metadata__", x}}, 0, NULL);
    assert_error(CAIRN_E_ARGUMENT, "__metadata__");
    cairn_save_safetensors(file_at("n"), 1, (cairn_named[]){{"x", NULL}}, 0, NULL);
    assert_error(CAIRN_E_ARGUMENT, "NULL");
    cairn_save_safetensors(file_at("n"), 1, (cairn_named[]){{"\xff", x}}, 0, NULL);
    assert_error(CAIRN_E_ARGUMENT, "UTF-8");
    assert_false(file_exists(file_at("n")));
    assert_int_equal(cairn_save_safetensors("/dev/full", 1, &(cairn_named){"x", x}, 0, NULL), CAIRN_E_IO);
    assert_error(CAIRN_E_IO, "No space left");
}

static bool save_and_open(void *unused)
{
    (void)unused;
    cairn_mark m = cairn_scope_push();
    cairn_named n = {"x", cairn_from((float[]){1, 2}, CAIRN_SHAPE(2), CAIRN_F32)};
    cairn_metadata meta = {"a", "b"};
    bool good = n.tensor && !cairn_save_safetensors(file_at("m"), 1, &n, 1, &meta);
    cairn_archive *a = good ? cairn_open_safetensors(file_at("m")) : NULL;
    good = a && cairn_archive_tensor(a, "x");
    cairn_archive_close(a);
    cairn_scope_pop(m, NULL);
    return good;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_every_allocation(save_and_open, NULL);
}
#else
static void without_cjson_the_package_is_named(void **state)
{
    (void)state;
    assert_null(cairn_open_safetensors(text_file("x", "")));
    assert_error(CAIRN_E_MISSING, "libcjson-dev");
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef HAVE_CJSON
        cmocka_unit_test(tensors_come_back_with_types_shapes_and_metadata),
        cmocka_unit_test(tensors_outlive_their_archive_and_their_file),
        cmocka_unit_test(the_same_tensors_give_the_same_file),
        cmocka_unit_test(good_files_are_accepted),
        cmocka_unit_test(every_rule_of_the_format_is_checked),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(every_shortened_file_is_refused),
        cmocka_unit_test(names_that_cannot_be_saved_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
#else
        cmocka_unit_test(without_cjson_the_package_is_named),
#endif
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
