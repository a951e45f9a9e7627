/* Machines as facts, and what the doctor must find: tests/doctor/scenarios (given) and tests/doctor/machines
 * (written for every code). */
#include "doctor_test.h"

#include <dirent.h>
#include <jansson.h>

static cairn_doctor_data *data;
static int complaints;

static void complain(const char *file, const char *what, const char *value)
{
    print_error("%s: %s: %s\n", file, what, value ? value : "?");
    complaints++;
}

static const char *text_at(json_t *list, size_t i)
{
    return json_string_value(json_array_get(list, i));
}

/* The commands that a scenario's `fix_*` keys are about. */
static const cairn_texts *fixes_of(const cairn_verdict *v, bool plan, cairn_texts *own)
{
    if (plan) {
        own->items[0] = v->plan.count ? v->plan.items[0].install : "";
        own->count = 1;
        return own;
    }
    for (int i = 0; i < v->findings.count; i++)
        if (v->findings.items[i].severity == CAIRN_FAIL)
            return &v->findings.items[i].fix;
    own->count = 0;
    return own;
}

static void check_codes(const char *file, json_t *expect, const cairn_verdict *v)
{
    json_t *codes = json_object_get(expect, "codes"), *not_codes = json_object_get(expect, "not_codes");
    for (size_t i = 0; i < json_array_size(codes); i++)
        if (!finding_of(v, text_at(codes, i)))
            complain(file, "no finding", text_at(codes, i));
    for (size_t i = 0; i < json_array_size(not_codes); i++)
        if (finding_of(v, text_at(not_codes, i)))
            complain(file, "unwanted finding", text_at(not_codes, i));
    static const char *const verdicts[] = {"ok", "warn", "fail"};
    const char *verdict = json_string_value(json_object_get(expect, "verdict"));
    if (verdict && strcmp(verdict, verdicts[v->severity]))
        complain(file, "verdict", verdicts[v->severity]);
    json_t *status = json_object_get(expect, "exit");
    if (status && json_integer_value(status) != (v->severity == CAIRN_FAIL))
        complain(file, "exit", verdicts[v->severity]);
}

static void check_fixes(const char *file, json_t *expect, const cairn_verdict *v, bool plan)
{
    const char *item = NULL;
    cairn_texts own = {CAIRN_YES, 0, &item};
    const cairn_texts *fix = fixes_of(v, plan, &own);
    json_t *contains = json_object_get(expect, "fix_contains"), *first = json_object_get(expect, "fix_first"),
           *lacks = json_object_get(expect, "fix_lacks");
    for (size_t i = 0; i < json_array_size(contains); i++)
        if (!any_has(fix, text_at(contains, i)))
            complain(file, "no fix contains", text_at(contains, i));
    for (size_t i = 0; i < json_array_size(first); i++)
        if (!fix->count || !strstr(fix->items[0], text_at(first, i)))
            complain(file, "the first fix lacks", text_at(first, i));
    for (size_t i = 0; i < json_array_size(lacks); i++) {
        for (int k = 0; k < v->findings.count; k++)
            if (any_has(&v->findings.items[k].fix, text_at(lacks, i)))
                complain(file, "a fix contains", text_at(lacks, i));
        for (int k = 0; k < v->plan.count; k++)
            if (strstr(v->plan.items[k].install, text_at(lacks, i)))
                complain(file, "an install command contains", text_at(lacks, i));
    }
}

static bool is_build(const cairn_build *b, json_t *pair)
{
    return !strcmp(b->torch, text_at(pair, 0)) && !strcmp(b->build, text_at(pair, 1));
}

static void check_plan(const char *file, json_t *expect, const cairn_verdict *v)
{
    json_t *includes = json_object_get(expect, "plan_includes"),
           *first = json_object_get(expect, "plan_first");
    for (size_t i = 0; i < json_array_size(includes); i++) {
        bool found = false;
        for (int k = 0; k < v->plan.count; k++)
            found |= is_build(&v->plan.items[k], json_array_get(includes, i));
        if (!found)
            complain(file, "the plan lacks torch", text_at(json_array_get(includes, i), 0));
    }
    if (first && (!v->plan.count || !is_build(&v->plan.items[0], first)))
        complain(file, "the plan begins with", v->plan.count ? v->plan.items[0].torch : "nothing");
    json_t *cc = json_object_get(expect, "gpu_cc");
    for (size_t i = 0; i < json_array_size(cc); i++)
        if ((int)i >= v->gpus.count || !text_is(v->gpus.items[i].cc, text_at(cc, i)))
            complain(file, "capability", text_at(cc, i));
}

static cairn_verdict *run_plan(json_t *command, const cairn_facts *facts)
{
    const char *gpus[8];
    cairn_plan_request r = {.gpus = gpus};
    for (size_t i = 1; i + 1 < json_array_size(command); i += 2) {
        const char *name = text_at(command, i), *value = text_at(command, i + 1);
        if (!strcmp(name, "--gpu"))
            gpus[r.gpu_count++] = value;
        else
            *(!strcmp(name, "--torch")    ? &r.torch
              : !strcmp(name, "--cuda")   ? &r.cuda
              : !strcmp(name, "--driver") ? &r.driver
              : !strcmp(name, "--python") ? &r.python
                                          : &r.platform) = value;
    }
    return cairn_doctor_plan(&r, facts, data, CAIRN_ENGLISH);
}

static void check_scenario(const char *path)
{
    size_t bytes = 0;
    char *text = read_whole(path, &bytes);
    assert_non_null(text);
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);
    if (!root)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    json_t *command = json_object_get(root, "command"), *expect = json_object_get(root, "expect");
    bool plan = !strcmp(text_at(command, 0), "plan");
    cairn_facts *facts = cairn_facts_read(text, bytes, path);
    if (!facts)
        fail_msg("%s", cairn_error_message());
    if (facts->notes.count)
        complain(path, "note", facts->notes.items[0]);
    cairn_verdict *v = plan ? run_plan(command, facts) : cairn_doctor_judge(facts, data, CAIRN_ENGLISH);
    assert_non_null(v);
    check_codes(path, expect, v);
    check_fixes(path, expect, v, plan);
    check_plan(path, expect, v);
    cairn_verdict_free(v);
    cairn_facts_free(facts);
    json_decref(root);
    free(text);
}

static int check_folder(const char *folder)
{
    int count = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (text_ends(path, ".json")) {
            check_scenario(path);
            count++;
        }
    }
    closedir(d);
    return count;
}

static void the_given_machines_are_judged_as_expected(void **state)
{
    (void)state;
    complaints = 0;
    assert_int_equal(check_folder("tests/doctor/scenarios"), 16);
    assert_int_equal(complaints, 0);
}

static void every_code_has_a_machine_that_shows_it(void **state)
{
    (void)state;
    complaints = 0;
    assert_true(check_folder("tests/doctor/machines") >= 40);
    assert_int_equal(complaints, 0);
}

static int load(void **state)
{
    (void)state;
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
        cmocka_unit_test(the_given_machines_are_judged_as_expected),
        cmocka_unit_test(every_code_has_a_machine_that_shows_it),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
