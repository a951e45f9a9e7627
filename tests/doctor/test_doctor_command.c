/* The commands as people run them: exit statuses, JSON, files, what is written and run. */
#include "doctor_test.h"

#include <sys/wait.h>

static const char program[] = CAIRN_BUILD_DIR "/doctor/cairn-doctor";

/* Runs "cairn-doctor ARGUMENTS"; the output goes to `out`. */
static int run(const char *arguments, char *out, size_t bytes)
{
    char command[2048];
    snprintf(command, sizeof command, "%s %s 2>&1", program, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n = fread(out, 1, bytes - 1, pipe);
    out[n] = '\0';
    while (fgetc(pipe) != EOF) {
    }
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char out[1 << 16];
#define RUN(arguments) run(arguments, out, sizeof out)
#define MACHINE "tests/doctor/scenarios/S02-pascal-with-cu128-wheel.json"
#define HEALTHY "tests/doctor/machines/healthy.json"

static void exit_statuses_are_as_documented(void **state)
{
    (void)state;
    const char *root = fresh_folder("commands");
    char arguments[1024];
    assert_int_equal(RUN("--facts " HEALTHY), 0);
    assert_int_equal(RUN("--facts " MACHINE), 1);
    assert_int_equal(RUN("--no-such-option"), 2);
    assert_int_equal(RUN("--root"), 2);
    assert_int_equal(RUN("plan --gpu 'GTX 750 Ti'"), 2);
    assert_non_null(strstr(out, "10de:1380"));
    assert_int_equal(RUN("plan --gpu 'RTX 99999'"), 2);
    assert_int_equal(RUN("plan --platform amiga"), 2);
    assert_int_equal(RUN("--explain 'all is well'"), 2);
    put_file(root, "/bad.json", "{\n  \"platform\": \"linux\",\n  \"gpus\": [\n    {\"pci\": 7}\n  ]\n}\n");
    snprintf(arguments, sizeof arguments, "--facts %s/bad.json", root);
    assert_int_equal(RUN(arguments), 3);
    assert_non_null(strstr(out, "bad.json:4: gpus[0].pci: expected a text or null"));
    put_file(root, "/cut.json", "{\n  \"platform\": \"linux\",\n  \"gpus\": [\n");
    snprintf(arguments, sizeof arguments, "--facts %s/cut.json", root);
    assert_int_equal(RUN(arguments), 3);
    assert_int_equal(RUN("--facts /nowhere.json"), 3);
}

static void unknown_keys_are_ignored_with_a_note(void **state)
{
    (void)state;
    const char *root = fresh_folder("notes");
    char arguments[1024];
    put_file(root, "/f.json", "{\"platform\": \"linux\", \"gpus\": [], \"flux\": {\"capacitor\": 1}}");
    snprintf(arguments, sizeof arguments, "--facts %s/f.json", root);
    assert_int_equal(RUN(arguments), 0);
    assert_non_null(strstr(out, "unknown key flux is ignored"));
}

static void facts_survive_being_saved_and_judged_elsewhere(void **state)
{
    (void)state;
    const char *root = fresh_folder("saved");
    char arguments[1024];
    static char first[sizeof out];
    snprintf(arguments, sizeof arguments, "--facts " MACHINE " --save %s/a.json --json", root);
    assert_int_equal(RUN(arguments), 1);
    strcpy(first, out);
    snprintf(arguments, sizeof arguments, "--facts %s/a.json --json", root);
    assert_int_equal(RUN(arguments), 1);
    assert_string_equal(first, out);
}

static void fix_runs_nothing_that_needs_root_and_asks_first(void **state)
{
    (void)state;
    assert_int_equal(RUN("--facts tests/doctor/machines/no-driver.json --fix --yes"), 1);
    assert_non_null(strstr(out, "run it yourself"));
    assert_int_equal(RUN("--facts " MACHINE " --fix < /dev/null"), 1);
    assert_non_null(strstr(out, "[y/N]"));
}

static void logs_are_read_from_standard_input(void **state)
{
    (void)state;
    assert_int_equal(RUN("--explain < tests/doctor/machines/secure-boot.json"), 1);
    assert_non_null(strstr(out, "SECURE_BOOT_UNSIGNED_MODULE"));
    assert_int_equal(RUN("--explain 'Error 803' --json"), 1);
    assert_non_null(strstr(out, "\"code\": \"DRIVER_LIB_MISMATCH\""));
}

static void output_is_plain_and_narrow_without_a_terminal(void **state)
{
    (void)state;
    static const char *const arguments[] = {"--facts " MACHINE, "--facts " MACHINE " --lang zh",
                                            "plan --gpu V100", "plan --gpu V100 --matrix"};
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        RUN(arguments[i]);
        assert_null(strchr(out, '\033'));
        for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
            int columns = 0;
            for (char *p = line; *p; p++)
                columns += ((unsigned char)*p & 0xC0) != 0x80 ? 1 + ((unsigned char)*p >= 0xE3) : 0;
            /* Commands are not broken. */
            bool command = strstr(line, "pip install") || strstr(line, "conda install");
            if (columns > 80 && !command)
                fail_msg("%d columns: %s", columns, line);
        }
    }
}

static void both_languages_say_the_same_codes(void **state)
{
    (void)state;
    assert_int_equal(RUN("--facts " MACHINE " --lang zh"), 1);
    assert_non_null(strstr(out, "NO_KERNELS"));
    assert_non_null(strstr(out, "没有适用于"));
    assert_int_equal(RUN("--facts " MACHINE " --lang en"), 1);
    assert_non_null(strstr(out, "has no code for"));
}

static void the_data_can_be_replaced_and_checked(void **state)
{
    (void)state;
    assert_int_equal(RUN("--data-check"), 0);
    assert_int_equal(RUN("--data doctor/data --data-check"), 0);
    assert_non_null(strstr(out, "2026-11-22"));
    const char *root = fresh_folder("data");
    char arguments[1024], command[4096];
    snprintf(command, sizeof command, "cp doctor/data/* '%s' && sed -i 's/^2.7.1,/2.x.1,/' '%s/torch.csv'",
             root, root);
    assert_int_equal(system(command), 0);
    snprintf(arguments, sizeof arguments, "--data %s --data-check", root);
    assert_int_equal(RUN(arguments), 1);
    assert_non_null(strstr(out, "2.x.1"));
    put_file(root, "/torch.csv", "torch,cuda_tag\n1,2\n");
    assert_int_equal(RUN(arguments), 1);
    assert_non_null(strstr(out, "is missing"));
    assert_int_equal(RUN("--data /nowhere --data-check"), 1);
}

static void gpus_are_named_in_every_way(void **state)
{
    (void)state;
    static const struct {
        const char *name, *cc;
    } names[] = {
        {"'RTX 4090'", "8.9"}, {"rtx4090", "8.9"},      {"'NVIDIA GeForce RTX 4090'", "8.9"},
        {"V100", "7.0"},       {"a100", "8.0"},         {"T4", "7.5"},
        {"L4", "8.9"},         {"'GTX 1080Ti'", "6.1"}, {"10de:2684", "8.9"},
        {"10DE:1B06", "6.1"},  {"0x2b85", "12.0"},      {"8.6", "8.6"},
        {"sm_90", "9.0"},      {"compute_120", "12.0"}, {"H100", "9.0"},
        {"B200", "10.0"},      {"'GTX 960'", "5.2"},    {"Orin", "8.7"},
        {"GB10", "12.1"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char arguments[256], expected[64];
        snprintf(arguments, sizeof arguments, "plan --json --facts " HEALTHY " --gpu %s", names[i].name);
        snprintf(expected, sizeof expected, "\"cc\": \"%s\"", names[i].cc);
        RUN(arguments);
        if (!strstr(out, expected))
            fail_msg("%s is not %s: %.200s", names[i].name, names[i].cc, out);
    }
    static const char *const ambiguous[] = {"'GTX 750 Ti'", "'GT 730'", "'TITAN X'", "'RTX 6000'",
                                            "'GTX 750'"};
    for (size_t i = 0; i < sizeof ambiguous / sizeof *ambiguous; i++) {
        char arguments[256];
        snprintf(arguments, sizeof arguments, "plan --facts " HEALTHY " --gpu %s", ambiguous[i]);
        if (RUN(arguments) != 2)
            fail_msg("%s is not ambiguous", ambiguous[i]);
    }
}

static void collecting_takes_part_in_bug_reports(void **state)
{
    (void)state;
    RUN("--collect-env --facts " MACHINE);
    assert_non_null(strstr(out, "PyTorch version: 2.7.1+cu128"));
    assert_non_null(strstr(out, "[doctor] NO_KERNELS"));
}

int main(void)
{
    setenv("LC_ALL", "C", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_statuses_are_as_documented),
        cmocka_unit_test(unknown_keys_are_ignored_with_a_note),
        cmocka_unit_test(facts_survive_being_saved_and_judged_elsewhere),
        cmocka_unit_test(fix_runs_nothing_that_needs_root_and_asks_first),
        cmocka_unit_test(logs_are_read_from_standard_input),
        cmocka_unit_test(output_is_plain_and_narrow_without_a_terminal),
        cmocka_unit_test(both_languages_say_the_same_codes),
        cmocka_unit_test(the_data_can_be_replaced_and_checked),
        cmocka_unit_test(gpus_are_named_in_every_way),
        cmocka_unit_test(collecting_takes_part_in_bug_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
