/* The allocator: classes, re-use, figures, threads, failures, trim, fork. */
#include "base/error.h"
#include "base/memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * KIB };

#ifdef __SANITIZE_ADDRESS__
#define CACHING 0 /* there buffers are the system allocator's */
#else
#define CACHING 1
#endif

static void buffers_are_aligned_and_hold_what_was_asked(void **state)
{
    (void)state;
    for (int64_t bytes = 0; bytes < 8 * MIB; bytes = bytes * 5 / 4 + 7) {
        char *b = buffer_alloc(bytes);
        assert_non_null(b);
        assert_int_equal((uintptr_t)b % 64, 0);
        memset(b, 0x5a, (size_t)bytes);
        assert_true(buffer_rounded_bytes(bytes) >= bytes);
        assert_true(buffer_rounded_bytes(bytes) <= bytes + bytes / 8 + 4160);
        buffer_free(b, bytes);
    }
}

static void rounding_never_goes_down_as_sizes_grow(void **state)
{
    (void)state;
    int64_t last = 0;
    for (int64_t bytes = 0; bytes <= 80 * KIB; bytes++) {
        int64_t rounded = buffer_rounded_bytes(bytes);
        assert_true(rounded >= bytes && rounded >= last);
        last = rounded;
    }
}

static void live_buffers_never_overlap(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    unsigned char *buffers[COUNT] = {0};
    int64_t sizes[COUNT] = {0};
    srand(1);
    for (int step = 0; step < 20000; step++) {
        int i = rand() % COUNT;
        if (buffers[i]) {
            assert_int_equal(buffers[i][0], i % 251);
            assert_int_equal(buffers[i][sizes[i] - 1], i % 251);
            buffer_free(buffers[i], sizes[i]);
            buffers[i] = NULL;
            continue;
        }
        sizes[i] = 1 + rand() % (1 << (4 + rand() % 18));
        buffers[i] = buffer_alloc(sizes[i]);
        assert_non_null(buffers[i]);
        buffers[i][0] = buffers[i][sizes[i] - 1] = (unsigned char)(i % 251);
    }
    for (int i = 0; i < COUNT; i++)
        buffer_free(buffers[i], sizes[i]);
}

static void a_freed_buffer_is_taken_again(void **state)
{
    (void)state;
    if (!CACHING)
        return;
    static const int64_t sizes[] = {64, 4 * KIB, 100 * KIB, 5 * MIB};
    for (int i = 0; i < 4; i++) {
        void *first = buffer_alloc(sizes[i]);
        buffer_free(first, sizes[i]);
        void *second = buffer_alloc(sizes[i]);
        assert_ptr_equal(first, second);
        buffer_free(second, sizes[i]);
    }
}

static void figures_count_current_peak_and_allocations(void **state)
{
    (void)state;
    cairn_memory_stats before = cairn_memory();
    cairn_memory_reset_peak();
    void *small = buffer_alloc(100), *big = buffer_alloc(MIB);
    int64_t both = buffer_rounded_bytes(100) + buffer_rounded_bytes(MIB);
    assert_int_equal(cairn_memory().current_bytes - before.current_bytes, both);
    buffer_free(big, MIB);
    buffer_free(small, 100);
    for (int i = 0; i < 1000; i++)
        buffer_free(buffer_alloc(100), 100);
    cairn_memory_stats after = cairn_memory();
    assert_int_equal(after.current_bytes, before.current_bytes);
    assert_int_equal(after.peak_bytes - before.current_bytes, both);
    assert_int_equal(after.allocations - before.allocations, 1002);
}

static void the_peak_of_small_buffers_is_exact(void **state)
{
    (void)state;
    int64_t start = cairn_memory().current_bytes;
    cairn_memory_reset_peak();
    void *b[100];
    for (int i = 0; i < 100; i++)
        b[i] = buffer_alloc(512);
    for (int i = 0; i < 100; i++)
        buffer_free(b[i], 512);
    assert_int_equal(cairn_memory().peak_bytes - start, 100 * 512);
}

/* In a loop, the second pass takes exactly what the first one mapped. */
static void a_loop_maps_nothing_after_its_first_pass(void **state)
{
    (void)state;
    static const int64_t sizes[] = {3 * MIB, 200 * KIB, 64, 17 * MIB, 9000, 3 * MIB, MIB - 1};
    int64_t held = 0;
    for (int pass = 0; pass < 10; pass++) {
        void *b[7];
        for (int i = 0; i < 7; i++)
            b[i] = buffer_alloc(sizes[i]);
        for (int i = 0; i < 7; i++)
            buffer_free(b[i], sizes[i]);
        if (pass == 0)
            held = cairn_memory().cached_bytes;
        assert_int_equal(cairn_memory().cached_bytes, held);
    }
}

static void sizes_that_always_grow_do_not_pile_up(void **state)
{
    (void)state;
    if (!CACHING)
        return;
    cairn_memory_trim();
    for (int64_t bytes = 16 * MIB; bytes < 1024ll * MIB; bytes += 16 * MIB) {
        void *b = buffer_alloc(bytes); /* not touched: address space only */
        assert_non_null(b);
        buffer_free(b, bytes);
    }
    assert_true(cairn_memory().cached_bytes < 3 * 1024ll * MIB); /* their sum is 32 GiB */
    cairn_memory_trim();
}

static void trim_returns_what_is_cached(void **state)
{
    (void)state;
    if (!CACHING)
        return;
    void *keep = buffer_alloc(2 * MIB);
    memset(keep, 7, 2 * MIB);
    void *b = buffer_alloc(64 * MIB);
    memset(b, 1, 64 * MIB);
    buffer_free(b, 64 * MIB);
    int64_t before = cairn_memory().cached_bytes;
    cairn_memory_trim();
    assert_true(before - cairn_memory().cached_bytes >= 32 * MIB);
    for (int i = 0; i < 2 * MIB; i++)
        assert_int_equal(((char *)keep)[i], 7);
    buffer_free(keep, 2 * MIB);
}

static void injected_failures_come_after_n_allocations(void **state)
{
    (void)state;
    mem_fail_after(2);
    void *a = buffer_alloc(64), *b = mem_new(8);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(buffer_alloc(64));
    assert_int_equal(cairn_error(), CAIRN_E_MEMORY);
    assert_null(mem_copy_string("text"));
    assert_null(mem_resize(NULL, 3));
    assert_null(mem_array(2, 2));
    mem_fail_after(-1);
    cairn_error_clear();
    mem_free(b);
    buffer_free(a, 64);
    b = mem_copy_string("text");
    assert_string_equal(b, "text");
    mem_free(b);
}

static void impossible_sizes_are_errors(void **state)
{
    (void)state;
    assert_null(buffer_alloc(-1));
    assert_int_equal(cairn_error(), CAIRN_E_MEMORY);
    cairn_error_clear();
    assert_null(buffer_alloc(INT64_MAX));
    cairn_error_clear();
    assert_null(mem_array(SIZE_MAX / 2, 3));
    cairn_error_clear();
    buffer_free(NULL, 10);
}

static void *take_and_hand_over(void *argument)
{
    void **slots = argument;
    for (int round = 0; round < 2000; round++)
        for (int i = 0; i < 16; i++) {
            buffer_free(slots[i], 64 << i % 8);
            slots[i] = buffer_alloc(64 << i % 8);
            if (!slots[i])
                return NULL;
            *(volatile char *)slots[i] = 1;
        }
    return slots;
}

/* Buffers that one thread took are freed by another, and the figures still add up to nothing. */
static void buffers_may_be_freed_by_another_thread(void **state)
{
    (void)state;
    int64_t before = cairn_memory().current_bytes;
    static void *slots[4][16];
    for (int generation = 0; generation < 3; generation++) {
        pthread_t threads[4];
        for (int t = 0; t < 4; t++)
            assert_int_equal(pthread_create(&threads[t], NULL, take_and_hand_over, slots[(t + generation) % 4]), 0);
        for (int t = 0; t < 4; t++) {
            void *done;
            pthread_join(threads[t], &done);
            assert_non_null(done);
        }
    }
    for (int t = 0; t < 4; t++)
        for (int i = 0; i < 16; i++)
            buffer_free(slots[t][i], 64 << i % 8);
    assert_int_equal(cairn_memory().current_bytes, before);
}

static void a_forked_child_allocates(void **state)
{
    (void)state;
    void *b = buffer_alloc(1000);
    pid_t child = fork();
    if (child == 0) {
        void *c = buffer_alloc(3 * MIB);
        buffer_free(b, 1000);
        buffer_free(c, 3 * MIB);
        _exit(c && buffer_alloc(100) ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    buffer_free(b, 1000);
}

int main(void)
{
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_are_aligned_and_hold_what_was_asked),
        cmocka_unit_test(rounding_never_goes_down_as_sizes_grow),
        cmocka_unit_test(live_buffers_never_overlap),
        cmocka_unit_test(a_freed_buffer_is_taken_again),
        cmocka_unit_test(figures_count_current_peak_and_allocations),
        cmocka_unit_test(the_peak_of_small_buffers_is_exact),
        cmocka_unit_test(a_loop_maps_nothing_after_its_first_pass),
        cmocka_unit_test(sizes_that_always_grow_do_not_pile_up),
        cmocka_unit_test(trim_returns_what_is_cached),
        cmocka_unit_test(injected_failures_come_after_n_allocations),
        cmocka_unit_test(impossible_sizes_are_errors),
        cmocka_unit_test(buffers_may_be_freed_by_another_thread),
        cmocka_unit_test(a_forked_child_allocates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
