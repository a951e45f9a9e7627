/* What the environment sets: CAIRN_ISA, CAIRN_ON_ERROR, CAIRN_TRACE. Each case runs this program again, as
 * a child with one variable set, and looks at what it prints and how it ends. */
#define _GNU_SOURCE
#include "base/cpu.h"
#include "base/error.h"
#include "base/pool.h"
#include "base/trace.h"
#include "primitives/kernels.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef HAVE_CJSON
#include <cjson/cJSON.h>
#endif

/* ---- What the child does ------------------------------------------------------------------------- */

static void traced_task(void *context, int64_t task, int worker)
{
    (void)context, (void)task, (void)worker;
    trace_mark t = trace_begin();
    usleep(1000);
    trace_end(t, "task \"quoted\" \\ \n \xc3\xa9", "test", 64, 128);
}

static int act(const char *what)
{
    if (!strcmp(what, "isa"))
        puts(cairn_isa());
    if (!strcmp(what, "error"))
        error_set(CAIRN_E_SHAPE, "matmul: inner sizes differ: [4, 3] @ [5, 7]");
    if (!strcmp(what, "trace") || !strcmp(what, "killed")) {
        cairn_set_threads(2);
        for (int i = 0; i < 40; i++)
            pool_run(4, traced_task, NULL);
    }
    if (!strcmp(what, "killed"))
        kill(getpid(), SIGKILL);
    return 0;
}

/* ---- Running it ---------------------------------------------------------------------------------- */

typedef struct outcome {
    int status;         /* as waitpid gives it */
    char printed[4096]; /* stdout and stderr */
} outcome;

static outcome run(const char *variable, const char *value, const char *what)
{
    outcome o = {.status = -1};
    int ends[2];
    if (pipe(ends))
        return o;
    pid_t child = fork();
    if (child == 0) {
        if (value)
            setenv(variable, value, 1);
        else
            unsetenv(variable);
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "test_environment", what, NULL);
        _exit(99);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got; (got = read(ends[0], o.printed + used, sizeof o.printed - 1 - used)) > 0;)
        used += (size_t)got;
    close(ends[0]);
    waitpid(child, &o.status, 0);
    return o;
}

/* ---- Instruction sets ---------------------------------------------------------------------------- */

static void every_set_of_the_machine_can_be_forced(void **state)
{
    (void)state;
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        const char *name = isa_name((cpu_isa)isa);
        outcome o = run("CAIRN_ISA", name, "isa");
        assert_int_equal(o.status, 0);
        if (kernels_of((cpu_isa)isa))
            assert_memory_equal(o.printed, name, strlen(name));
        else
            assert_non_null(strstr(o.printed, "is not available here"));
    }
}

static void an_unknown_set_is_named_and_ignored(void **state)
{
    (void)state;
    outcome o = run("CAIRN_ISA", "sse9", "isa");
    assert_int_equal(o.status, 0);
    assert_non_null(strstr(o.printed, "CAIRN_ISA=sse9 is none of generic, neon, x86-64-v2, avx2, avx512, avx512vnni, avx512bf16, amx; "
                                       "using "));
}

static void caches_have_sensible_sizes(void **state)
{
    (void)state;
    const cpu_features *f = cpu();
    assert_true(f->l1d_bytes >= 8 << 10 && f->l1d_bytes <= 1 << 20);
    assert_true(f->l2_bytes >= f->l1d_bytes);
    assert_true(f->l3_bytes > 0);
}

__attribute__((unused)) static void measured_peaks_are_positive_and_kept(void **state)
{
    (void)state;
    const cairn_machine *p = cairn_machine_measure();
    assert_true(p->f32_flops > 1e8 && p->f64_flops > 1e8);
    assert_true(p->read_bytes > 1e8 && p->triad_bytes > 1e8);
    assert_ptr_equal(p, cairn_machine_measure());
}

/* ---- Errors -------------------------------------------------------------------------------------- */

static void errors_are_printed_unless_quiet(void **state)
{
    (void)state;
    outcome o = run("CAIRN_ON_ERROR", NULL, "error");
    assert_string_equal(o.printed, "cairn: matmul: inner sizes differ: [4, 3] @ [5, 7]\n");
    assert_int_equal(o.status, 0);
    o = run("CAIRN_ON_ERROR", "quiet", "error");
    assert_string_equal(o.printed, "");
    o = run("CAIRN_ON_ERROR", "loud", "error");
    assert_non_null(strstr(o.printed, "CAIRN_ON_ERROR=loud is none of print, quiet, abort"));
    assert_non_null(strstr(o.printed, "inner sizes differ"));
}

static void abort_stops_at_the_cause(void **state)
{
    (void)state;
    outcome o = run("CAIRN_ON_ERROR", "abort", "error");
    assert_true(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGABRT);
    assert_non_null(strstr(o.printed, "inner sizes differ"));
}

/* ---- The trace ----------------------------------------------------------------------------------- */

static char *read_whole(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

static void assert_is_json(const char *text, int events)
{
#ifdef HAVE_CJSON
    cJSON *all = cJSON_Parse(text);
    assert_non_null(all);
    assert_true(cJSON_IsArray(all));
    if (events)
        assert_int_equal(cJSON_GetArraySize(all), events);
    cJSON_Delete(all);
#else
    (void)text, (void)events;
#endif
}

static void a_trace_is_json_with_every_event(void **state)
{
    (void)state;
    char path[] = "/tmp/cairn-trace-XXXXXX";
    close(mkstemp(path));
    outcome o = run("CAIRN_TRACE", path, "trace");
    assert_int_equal(o.status, 0);
    char *text = read_whole(path);
    assert_int_equal(count_of(text, "\"ph\":\"X\""), 160);
    assert_non_null(strstr(text, "task \\\"quoted\\\" \\\\ \\u000a \\u00c3\\u00a9"));
    int threads = count_of(text, "thread_name");
    assert_true(threads >= 1 && threads <= 2);
    assert_is_json(text, 160 + threads + 1);
    free(text);
    unlink(path);
}

static void a_killed_process_leaves_whole_lines(void **state)
{
    (void)state;
    char path[] = "/tmp/cairn-trace-XXXXXX";
    close(mkstemp(path));
    outcome o = run("CAIRN_TRACE", path, "killed");
    assert_true(WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGKILL);
    char *text = read_whole(path);
    size_t length = strlen(text);
    assert_true(length > 100 && !strcmp(text + length - 2, ",\n"));
    strcpy(text + length - 2, "]");
    assert_is_json(text, 0);
    free(text);
    unlink(path);
}

static void a_trace_that_cannot_be_written_is_said(void **state)
{
    (void)state;
    outcome o = run("CAIRN_TRACE", "/nonexistent/trace.json", "trace");
    assert_int_equal(o.status, 0);
    assert_non_null(strstr(o.printed, "/nonexistent/trace.json cannot be written: No such file or directory"));
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return act(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_of_the_machine_can_be_forced),
        cmocka_unit_test(an_unknown_set_is_named_and_ignored),
        cmocka_unit_test(caches_have_sensible_sizes),
#ifndef __SANITIZE_THREAD__ /* it would watch each of a billion loads */
        cmocka_unit_test(measured_peaks_are_positive_and_kept),
#endif
        cmocka_unit_test(errors_are_printed_unless_quiet),
        cmocka_unit_test(abort_stops_at_the_cause),
        cmocka_unit_test(a_trace_is_json_with_every_event),
        cmocka_unit_test(a_killed_process_leaves_whole_lines),
        cmocka_unit_test(a_trace_that_cannot_be_written_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
