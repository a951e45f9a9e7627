/* Names, errors, random numbers. */
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void every_type_and_status_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(cairn_dtype_name(CAIRN_BF16), "bf16");
    assert_int_equal(cairn_dtype_bytes(CAIRN_F64), 8);
    assert_string_equal(cairn_dtype_name((cairn_dtype)-1), "?");
    assert_int_equal(cairn_dtype_bytes(CAIRN_DTYPE_COUNT), 0);
    assert_string_equal(cairn_status_name(CAIRN_E_SHAPE), "E_SHAPE");
    assert_string_equal(cairn_status_name(CAIRN_STATUS_COUNT), "?");
}

static void the_first_error_sticks(void **state)
{
    (void)state;
    assert_int_equal(cairn_error(), CAIRN_OK);
    assert_int_equal(error_set(CAIRN_E_SHAPE, "first: %d", 1), CAIRN_E_SHAPE);
    assert_int_equal(error_set(CAIRN_E_TYPE, "second"), CAIRN_E_TYPE);
    assert_int_equal(cairn_error(), CAIRN_E_SHAPE);
    assert_string_equal(cairn_error_message(), "first: 1");
    cairn_error_clear();
    assert_int_equal(cairn_error(), CAIRN_OK);
    assert_string_equal(cairn_error_message(), "");
}

/* Random123's published known answers for philox4x32-10: counter, key, result. */
static void philox_gives_the_published_answers(void **state)
{
    (void)state;
    static const struct { uint32_t c[4], k[2], r[4]; } known[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint32_t *c = known[i].c, *k = known[i].k;
        philox_block b = philox(k[0] | (uint64_t)k[1] << 32, c[2] | (uint64_t)c[3] << 32, c[0] | (uint64_t)c[1] << 32);
        assert_memory_equal(b.word, known[i].r, sizeof b.word);
    }
}

static void a_seed_starts_its_streams_again(void **state)
{
    (void)state;
    cairn_seed(7);
    random_state a = random_next(), b = random_next();
    assert_true(a.seed == 7 && a.stream == 0 && b.stream == 1);
    random_set(a);
    assert_int_equal(random_next().stream, a.stream);
    assert_int_equal(random_get().stream, b.stream);
}

int main(void)
{
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_and_status_has_a_name),
        cmocka_unit_test(the_first_error_sticks),
        cmocka_unit_test(philox_gives_the_published_answers),
        cmocka_unit_test(a_seed_starts_its_streams_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
