/* Every allocation may fail: each public function then says so, and leaks nothing. */
#include "doctor_test.h"

#include "base/memory.h"

#include <jansson.h>

static char *text;
static size_t bytes;

static void *json_take(size_t n)
{
    return mem_new(n);
}

static void with_failures(bool (*work)(void))
{
    int64_t allowed = 0;
    for (bool done = false; !done; allowed += 1 + allowed / 8) {
        mem_fail_after(allowed);
        done = work();
        mem_fail_after(-1);
        cairn_error_clear();
        assert_true(allowed < 1000000);
    }
}

static bool load_and_judge(void)
{
    cairn_doctor_data *data = cairn_doctor_data_load(NULL);
    cairn_facts *facts = data ? cairn_facts_read(text, bytes, "test") : NULL;
    cairn_verdict *v = facts ? cairn_doctor_judge(facts, data, CAIRN_ENGLISH) : NULL;
    const char *gpus[] = {"K80"};
    cairn_verdict *plan =
        v ? cairn_doctor_plan(&(cairn_plan_request){.gpus = gpus, .gpu_count = 1}, facts, data, CAIRN_ENGLISH)
          : NULL;
    char *json = plan ? cairn_facts_write(facts) : NULL;
    bool done = json != NULL;
    mem_free(json);
    cairn_verdict_free(plan);
    cairn_verdict_free(v);
    cairn_facts_free(facts);
    cairn_doctor_data_free(data);
    return done;
}

static bool collect_here(void)
{
    cairn_facts *facts =
        cairn_doctor_collect(&(cairn_collect_options){.no_probe = true, .python = "/nowhere"});
    cairn_facts_free(facts);
    return facts != NULL;
}

static void judging_survives_every_failed_allocation(void **state)
{
    (void)state;
    with_failures(load_and_judge);
}

static void collecting_survives_every_failed_allocation(void **state)
{
    (void)state;
    with_failures(collect_here);
}

int main(void)
{
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    json_set_alloc_funcs(json_take, mem_free);
    text = read_whole("tests/doctor/scenarios/S33-ld-library-path-shadows-nvjitlink.json", &bytes);
    if (!text)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judging_survives_every_failed_allocation),
        cmocka_unit_test(collecting_survives_every_failed_allocation),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(text);
    return failed;
}
