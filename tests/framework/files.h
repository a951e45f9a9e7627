/* Files for tests of io and data: a folder of the test's own, bytes to files, errors by their status and words. */
#ifndef TESTS_FRAMEWORK_FILES_H
#define TESTS_FRAMEWORK_FILES_H
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <cairn/base.h>
#include "base/memory.h"

static char test_folder[64];

/* Setup and teardown of a group. */
static inline int make_folder(void **state)
{
    (void)state;
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    snprintf(test_folder, sizeof test_folder, "/tmp/cairn-test-XXXXXX");
    return mkdtemp(test_folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", test_folder);
    return system(command);
}

/* The path of a file in the test's folder; in one of eight places. */
static inline const char *file_at(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static inline const char *file_of(const char *name, const void *data, size_t bytes)
{
    const char *path = file_at(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
    return path;
}

static inline const char *text_file(const char *name, const char *text) { return file_of(name, text, strlen(text)); }

/* A file's bytes; free. */
static inline uint8_t *bytes_of(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

/* The first error is of that status and says these words; it is cleared. */
static inline void check_error(int line, cairn_status status, const char *words)
{
    if (cairn_error() != status || !strstr(cairn_error_message(), words))
        fail_msg("line %d: expected %s with '%s', got %s: %s", line, cairn_status_name(status), words,
                 cairn_status_name(cairn_error()), cairn_error_message());
    cairn_error_clear();
}
#define assert_error(status, words) check_error(__LINE__, status, words)

/* Runs `try` with every allocation failing in turn until it succeeds: each failure is E_MEMORY and leaks nothing (the address
 * sanitizer and cairn_memory() see to that). */
static inline void fail_every_allocation(bool (*try)(void *), void *context)
{
    int64_t before = cairn_memory().current_bytes;
    for (int64_t n = 0; n < 5000; n++) {
        mem_fail_after(n);
        bool good = try(context);
        mem_fail_after(-1);
        assert_int_equal(cairn_memory().current_bytes, before);
        if (good) {
            assert_int_equal(cairn_error(), CAIRN_OK);
            return;
        }
        assert_error(CAIRN_E_MEMORY, "");
    }
    fail_msg("still failing after 5000 allocations");
}

#endif
