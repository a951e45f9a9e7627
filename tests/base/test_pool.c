/* The pool: every task once, nesting, several callers, sizes, fork; CPU sets and quotas. */
#define _GNU_SOURCE
#include "base/error.h"
#include "base/pool.h"
#include "base/quota.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_TASKS = 1000 };

typedef struct tally {
    atomic_int times[MOST_TASKS];
    atomic_int wrong_workers;
} tally;

static void count(void *context, int64_t task, int worker)
{
    tally *t = context;
    atomic_fetch_add(&t->times[task], 1);
    if (worker < 0 || worker >= cairn_threads())
        atomic_fetch_add(&t->wrong_workers, 1);
}

static bool every_task_ran_once(const tally *t, int tasks)
{
    for (int i = 0; i < MOST_TASKS; i++)
        if (t->times[i] != (i < tasks))
            return false;
    return t->wrong_workers == 0;
}

static void every_task_runs_once(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 5, 3}, tasks[] = {0, 1, 2, 3, 7, 64, 1000};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(cairn_set_threads(threads[i]), CAIRN_OK);
        assert_int_equal(cairn_threads(), threads[i]);
        for (int round = 0; round < 50; round++)
            for (int j = 0; j < 7; j++) {
                tally t = {0};
                pool_run(tasks[j], count, &t);
                assert_true(every_task_ran_once(&t, tasks[j]));
            }
    }
}

/* Plain memory: what tasks write is there when the call returns (the thread sanitizer watches). */
static void write_square(void *context, int64_t task, int worker)
{
    (void)worker;
    ((int64_t *)context)[task] = task * task;
}

static void results_are_there_on_return(void **state)
{
    (void)state;
    cairn_set_threads(3);
    static int64_t squares[100];
    for (int round = 0; round < 500; round++) {
        memset(squares, 0, sizeof squares);
        pool_run(100, write_square, squares);
        for (int64_t i = 0; i < 100; i++)
            assert_int_equal(squares[i], i * i);
    }
}

typedef struct nest {
    tally inner[4];
    atomic_int other_workers;
} nest;

typedef struct inner_call {
    tally *tally;
    nest *nest;
    int worker;
} inner_call;

static void inner_task(void *context, int64_t task, int worker)
{
    inner_call *call = context;
    count(call->tally, task, worker);
    if (worker != call->worker)
        atomic_fetch_add(&call->nest->other_workers, 1);
}

static void outer_task(void *context, int64_t task, int worker)
{
    nest *n = context;
    inner_call call = {&n->inner[task], n, worker};
    pool_run(20, inner_task, &call);
}

static void nested_calls_run_inline_on_the_same_worker(void **state)
{
    (void)state;
    cairn_set_threads(3);
    nest n = {0};
    pool_run(4, outer_task, &n);
    for (int i = 0; i < 4; i++)
        assert_true(every_task_ran_once(&n.inner[i], 20));
    assert_int_equal(n.other_workers, 0);
}

static void *run_many(void *argument)
{
    for (int round = 0; round < 200; round++) {
        tally t = {0};
        pool_run(30, count, &t);
        if (!every_task_ran_once(&t, 30))
            return NULL;
    }
    return argument;
}

static void any_thread_may_call(void **state)
{
    (void)state;
    cairn_set_threads(3);
    pthread_t callers[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&callers[i], NULL, run_many, callers);
    for (int i = 0; i < 4; i++) {
        void *done;
        pthread_join(callers[i], &done);
        assert_non_null(done);
    }
}

static void nap(void *context, int64_t task, int worker)
{
    usleep(2000); /* longer than anybody spins */
    count(context, task, worker);
}

static void sleepers_wake_on_both_sides(void **state)
{
    (void)state;
    cairn_set_threads(4);
    for (int round = 0; round < 10; round++) {
        tally t = {0};
        pool_run(9, nap, &t);
        assert_true(every_task_ran_once(&t, 9));
        usleep(1000);
    }
}

static void resize_inside(void *context, int64_t task, int worker)
{
    (void)task, (void)worker;
    if (cairn_set_threads(2) == CAIRN_E_STATE)
        atomic_fetch_add((atomic_int *)context, 1);
    cairn_error_clear();
}

static void sizes_are_checked(void **state)
{
    (void)state;
    assert_int_equal(cairn_set_threads(0), CAIRN_E_ARGUMENT);
    cairn_error_clear();
    assert_int_equal(cairn_set_threads(1025), CAIRN_E_ARGUMENT);
    assert_string_equal(cairn_error_message(), "set_threads: 1025 is outside 1..1024");
    cairn_error_clear();
    cairn_set_threads(3);
    atomic_int refused = 0;
    pool_run(6, resize_inside, &refused);
    assert_int_equal(refused, 6);
    assert_int_equal(cairn_threads(), 3);
}

static void a_forked_child_has_a_pool_of_its_own(void **state)
{
    (void)state;
    cairn_set_threads(3);
    tally t = {0};
    pool_run(50, count, &t);
    pid_t child = fork();
    if (child == 0) {
        tally own = {0};
        pool_run(50, nap, &own);
        _exit(every_task_ran_once(&own, 50) ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The size is read once: a child process that has not run anything yet shows what it would be. */
static int threads_in_child(void (*prepare)(void))
{
    int pipes[2], threads = -1;
    if (pipe(pipes))
        return -1;
    pid_t child = fork();
    if (child == 0) {
        prepare();
        dup2(pipes[1], 1);
        execl("/proc/self/exe", "test_pool", "--threads", NULL);
        _exit(1);
    }
    close(pipes[1]);
    char text[16] = "";
    ssize_t got = read(pipes[0], text, sizeof text - 1);
    if (got > 0)
        threads = atoi(text);
    close(pipes[0]);
    waitpid(child, NULL, 0);
    return threads;
}

static void pin_to_one_cpu(void)
{
    unsetenv("CAIRN_THREADS");
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    for (int cpu = 0, kept = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set) && kept++)
            CPU_CLR(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void ask_for_seven(void)
{
    setenv("CAIRN_THREADS", "7", 1);
}

static void the_cpu_set_and_the_environment_set_the_size(void **state)
{
    (void)state;
    assert_int_equal(threads_in_child(pin_to_one_cpu), 1);
    assert_int_equal(threads_in_child(ask_for_seven), 7);
}

/* ---- Quotas: a tree of files as the kernel shows it ---------------------------------------------- */

static char root[] = "/tmp/cairn-quota-XXXXXX";

static void put(const char *path, const char *text)
{
    char file[512];
    snprintf(file, sizeof file, "%s/%s", root, path);
    for (char *slash = strchr(file + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(file, 0755);
        *slash = '/';
    }
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int quota_for(const char *groups)
{
    char file[512];
    snprintf(file, sizeof file, "%s/groups", root);
    put("groups", groups);
    return cpus_in_quota(file, root);
}

static void quotas_are_read_from_control_groups(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    put("none/cpu.max", "max 100000\n");
    put("two/cpu.max", "150000 100000\n"); /* 1.5 CPUs: two threads */
    put("two/inner/cpu.max", "400000 100000\n");
    put("bad/cpu.max", "what\n");
    put("cpu,cpuacct/docker/cpu.cfs_quota_us", "300000\n");
    put("cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n");
    put("cpu/free/cpu.cfs_quota_us", "-1\n");
    put("cpu/free/cpu.cfs_period_us", "100000\n");

    assert_int_equal(quota_for("0::/none\n"), 0);
    assert_int_equal(quota_for("0::/two\n"), 2);
    assert_int_equal(quota_for("0::/two/inner\n"), 2);      /* an ancestor's quota holds too */
    assert_int_equal(quota_for("0::/bad\n"), 0);
    assert_int_equal(quota_for("0::/elsewhere\n"), 0);
    assert_int_equal(quota_for("3:cpuset:/docker\n4:cpu,cpuacct:/docker\n0::/none\n"), 3);
    assert_int_equal(quota_for("1:cpu:/free\n"), 0);
    assert_int_equal(quota_for("nonsense\n\n:::\n"), 0);
    assert_int_equal(cpus_in_quota("/nonexistent", root), 0);

    put("cpu.max", "100000 100000\n"); /* a container sees its own group as the root */
    assert_int_equal(quota_for("0::/host/path/of/container\n"), 1);
    char command[600];
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--threads")) {
        printf("%d\n", cairn_threads());
        return 0;
    }
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(results_are_there_on_return),
        cmocka_unit_test(nested_calls_run_inline_on_the_same_worker),
        cmocka_unit_test(any_thread_may_call),
        cmocka_unit_test(sleepers_wake_on_both_sides),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(a_forked_child_has_a_pool_of_its_own),
        cmocka_unit_test(the_cpu_set_and_the_environment_set_the_size),
        cmocka_unit_test(quotas_are_read_from_control_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
