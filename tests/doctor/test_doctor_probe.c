/* Asking libcuda and NVML: fakes that answer, return each error, hang, crash and lie. */
#include "doctor_test.h"

#include <time.h>

static cairn_doctor_data *data;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static cairn_facts *collect_with(const char *cuda, const char *nvml, int limit_ms)
{
    setenv("LD_LIBRARY_PATH", CAIRN_BUILD_DIR "/doctor/fake", 1);
    setenv("FAKE_CUDA", cuda, 1);
    setenv("FAKE_NVML", nvml, 1);
    cairn_facts *facts =
        cairn_doctor_collect(&(cairn_collect_options){.python = "/nowhere", .probe_timeout_ms = limit_ms});
    assert_non_null(facts);
    assert_int_equal(facts->libcuda.known, CAIRN_YES);
    return facts;
}

static void a_driver_that_answers_is_proved_by_a_kernel(void **state)
{
    (void)state;
    cairn_facts *f = collect_with("ok", "0", 5000);
    assert_int_equal(f->libcuda.init.known, CAIRN_YES);
    assert_int_equal(f->libcuda.init.value, 0);
    assert_string_equal(f->libcuda.cuda, "12.4");
    assert_string_equal(f->libcuda.proof, "ok");
    assert_null(f->libcuda.died);
    assert_true(text_ends(f->libcuda.path, "/doctor/fake/libcuda.so.1"));
    assert_int_equal(f->nvml.init.value, 0);
    assert_string_equal(f->nvml.version, "550.144.03");
    cairn_facts_free(f);
}

static void each_error_of_init_is_reported(void **state)
{
    (void)state;
    static const int errors[] = {3, 34, 35, 100, 101, 304, 802, 803, 804, 999};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", errors[i]);
        cairn_facts *f = collect_with(number, "18", 5000);
        assert_int_equal(f->libcuda.init.value, errors[i]);
        assert_int_equal(f->nvml.init.value, 18);
        assert_string_equal(f->libcuda.cuda, "12.4");
        cairn_facts_free(f);
    }
}

static void a_hang_costs_the_limit_and_no_more(void **state)
{
    (void)state;
    double start = seconds();
    cairn_facts *f = collect_with("hang", "hang", 300);
    assert_true(seconds() - start < 2.5);
    assert_string_equal(f->libcuda.died, "hung");
    assert_string_equal(f->nvml.died, "hung");
    assert_string_equal(f->libcuda.cuda, "12.4"); /* said before it hung */
    cairn_verdict *v = cairn_doctor_judge(f, data, CAIRN_ENGLISH);
    assert_non_null(finding_of(v, "DRIVER_UNRESPONSIVE"));
    cairn_verdict_free(v);
    cairn_facts_free(f);
}

static void a_crash_is_reported(void **state)
{
    (void)state;
    static const char *const ways[] = {"crash", "exit"};
    for (size_t i = 0; i < 2; i++) {
        cairn_facts *f = collect_with(ways[i], "crash", 5000);
        assert_string_equal(f->libcuda.died, "crashed");
        assert_string_equal(f->nvml.died, "crashed");
        cairn_verdict *v = cairn_doctor_judge(f, data, CAIRN_ENGLISH);
        assert_int_equal(v->severity, CAIRN_FAIL);
        cairn_verdict_free(v);
        cairn_facts_free(f);
    }
}

static void lies_do_no_harm(void **state)
{
    (void)state;
    cairn_facts *f = collect_with("lie", "-5", 5000);
    assert_int_equal(f->libcuda.init.value, 0);
    assert_null(f->libcuda.cuda);
    assert_true(f->gpus.count <= 64);
    for (int i = 0; i < f->gpus.count; i++)
        assert_null(f->gpus.items[i].cc);
    char *json = cairn_facts_write(f);
    assert_non_null(json);
    assert_null(strchr(json, '\x1b'));
    free(json);
    cairn_facts_free(f);
}

static void a_gpu_that_computes_wrongly_is_found(void **state)
{
    (void)state;
    cairn_facts *f = collect_with("wrong", "0", 5000);
    assert_string_equal(f->libcuda.proof, "wrong result");
    cairn_verdict *v = cairn_doctor_judge(f, data, CAIRN_ENGLISH);
    assert_non_null(finding_of(v, "GPU_COMPUTES_WRONG"));
    cairn_verdict_free(v);
    cairn_facts_free(f);
}

static void hidden_and_absent_are_told_apart(void **state)
{
    (void)state;
    setenv("CUDA_VISIBLE_DEVICES", "", 1);
    cairn_facts *f = collect_with("ok", "0", 5000);
    assert_int_equal(f->libcuda.init.value, 100);
    assert_int_equal(f->libcuda.init_unhidden.known, CAIRN_YES);
    assert_int_equal(f->libcuda.init_unhidden.value, 0);
    unsetenv("CUDA_VISIBLE_DEVICES");
    cairn_facts_free(f);
}

static int load(void **state)
{
    (void)state;
    setenv("CAIRN_ON_ERROR", "quiet", 1);
    data = cairn_doctor_data_load(NULL);
    return data ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    cairn_doctor_data_free(data);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_driver_that_answers_is_proved_by_a_kernel),
        cmocka_unit_test(each_error_of_init_is_reported),
        cmocka_unit_test(a_hang_costs_the_limit_and_no_more),
        cmocka_unit_test(a_crash_is_reported),
        cmocka_unit_test(lies_do_no_harm),
        cmocka_unit_test(a_gpu_that_computes_wrongly_is_found),
        cmocka_unit_test(hidden_and_absent_are_told_apart),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
