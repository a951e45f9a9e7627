/* --fix: the only place where the doctor runs a command. */
#include "doctor/print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool agreed(const printer *p, bool yes)
{
    char answer[16];
    if (yes)
        return true;
    fputs(text_of(TEXT_ASK_RUN, p->language), stdout);
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Changes of the environment work in the user's own shell alone, and words in capitals are to be filled in. */
static bool can_run(const char *command)
{
    static const char *const not_here[] = {"unset ",     "export ", "docker ", "podman ",        "kubectl ",
                                           "apptainer ", "lxc ",    "wsl.exe", "powershell.exe", "winget"};
    for (size_t i = 0; i < sizeof not_here / sizeof *not_here; i++)
        if (text_starts(command, not_here[i]))
            return false;
    return !text_has(command, "sudo ");
}

static int run(const char *command)
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        return -1;
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The first alternative that can be run; shows those that cannot. */
static void mend(const printer *p, const cairn_finding *f, bool yes, int *failed, int *ran)
{
    printf("\n");
    print_colored(p, COLOR_BOLD, f->code);
    printf(": ");
    print_wrapped(p, 0, f->why);
    for (int i = 0; i < f->fix.count; i++) {
        const char *command = f->fix.items[i];
        if (!can_run(command)) {
            printf("  %s\n    ", text_of(TEXT_SKIP_ROOT, p->language));
            print_safe(command);
            putchar('\n');
            continue;
        }
        printf("  $ ");
        print_safe(command);
        putchar('\n');
        if (!agreed(p, yes))
            continue;
        (*ran)++;
        if (run(command) == 0)
            return;
        (*failed)++;
    }
}

int run_fixes(const printer *p, const cairn_verdict *v, bool yes)
{
    int failed = 0, ran = 0, shown = 0;
    for (int i = 0; i < v->findings.count; i++) {
        const cairn_finding *f = &v->findings.items[i];
        if (f->severity != CAIRN_FAIL || !f->fix.count || f->follows_from >= 0)
            continue;
        mend(p, f, yes, &failed, &ran);
        shown++;
    }
    if (!shown)
        puts(text_of(TEXT_NOTHING_TO_RUN, p->language));
    return v->severity == CAIRN_FAIL && (failed || !ran) ? EXIT_FAIL : EXIT_OK;
}
