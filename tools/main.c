/* `cairn COMMAND ...`: the table of commands. */
#include "tools/tool.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
int cc_main(int argc, char **argv);
int top_main(int argc, char **argv);
int run_main(int argc, char **argv);
int ptx_main(int argc, char **argv);
#ifdef HAVE_DOCTOR
int cairn_doctor_main(int argc, char **argv);
int cairn_plan_main(int argc, char **argv);
#endif

static int version_main(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("cairn %s (%s, %d threads)\n", cairn_version(), cairn_isa(), cairn_threads());
    return EXIT_FINE;
}

static const struct command {
    const char *name, *what;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"train", "train a network on fashion-mnist, digits, a folder of images or a .csv file", train_main},
    {"eval", "test a trained network", eval_main},
    {"predict", "tell what images show", predict_main},
    {"bench", "measure this machine's peaks", bench_main},
#ifdef HAVE_DOCTOR
    {"doctor", "find out why PyTorch and CUDA do not work here, and what to do", cairn_doctor_main},
    {"plan", "choose versions of driver, CUDA and PyTorch that fit each other", cairn_plan_main},
#endif
    {"cc", "compile CUDA C++ for GPUs and CPUs, without NVIDIA's toolkit", cc_main},
    {"run", "run a finished CUDA program on this machine's CPU", run_main},
    {"ptx", "show what becomes of the kernels of a PTX file: order, strides, accesses to memory", ptx_main},
    {"top", "watch the kernels of a CUDA program that runs with CAIRN_CUDA_PROFILE", top_main},
    {"version", "version, instruction set, threads", version_main},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *f)
{
    fprintf(f, "usage: cairn COMMAND [OPTION...]      (cairn COMMAND --help tells more)\n\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].what);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_ARGUMENTS;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_help(stdout);
        return EXIT_FINE;
    }
    if (!strcmp(argv[1], "--version"))
        return version_main(0, NULL);
    for (int i = 0; i < COMMANDS; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "cairn: there is no command '%s'; cairn --help lists them\n", argv[1]);
    return EXIT_ARGUMENTS;
}

/* ---- Arguments */

int usage_error(const char *command, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "cairn %s: ", command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return EXIT_ARGUMENTS;
}

bool parse_int(const char *command, const char *option, const char *text, int64_t least, int64_t most, int64_t *out)
{
    char *end;
    errno = 0;
    long long x = strtoll(text, &end, 10);
    *out = x;
    if (*text && !*end && !errno && x >= least && x <= most)
        return true;
    usage_error(command, "--%s takes a whole number from %lld to %lld, not '%s'", option, (long long)least,
                (long long)most, text);
    return false;
}

bool parse_number(const char *command, const char *option, const char *text, double least, double most, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (*text && !*end && *out >= least && *out <= most)
        return true;
    usage_error(command, "--%s takes a number from %g to %g, not '%s'", option, least, most, text);
    return false;
}
