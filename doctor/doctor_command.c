/* `cairn doctor`. */
#include "doctor/command.h"
#include "doctor/print.h"

#include "doctor/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct doctor_options {
    const char *facts, *save, *root, *python, *explain, *data, *language, *rest;
    bool json, fix, yes, collect_env, data_check, explains, help;
} doctor_options;

static const char help[] =
    "usage: cairn doctor [options]\n"
    "\n"
    "Says why PyTorch, CUDA, cuDNN, driver and GPU do not fit here, and gives the\n"
    "command that mends it.\n"
    "\n"
    "  --json              the verdict as JSON\n"
    "  --save FILE         write what was found; --facts FILE judges it elsewhere\n"
    "  --facts FILE        judge a machine from such a file (- is standard input)\n"
    "  --root DIR          look at a mounted image or container file system\n"
    "  --python PATH       only this environment: an interpreter or its prefix\n"
    "  --explain [TEXT]    explain a failure message, or a log on standard input\n"
    "  --fix [--yes]       show each command, ask, and run those that need no root\n"
    "  --collect-env       what bug reports ask for\n"
    "  --data DIR          use these CSV files; --data-check validates them\n"
    "  --lang en|zh        the language (default: LANG)\n"
    "\n"
    "exit status: 0 it runs, 1 it does not, 2 the question was not understood,\n"
    "3 the facts file is not valid\n";

static bool read_options(int argc, char **argv, doctor_options *o)
{
    const option options[] = {
        {.name = "--json", .flag = &o->json},
        {.name = "--facts", .value = &o->facts},
        {.name = "--save", .value = &o->save},
        {.name = "--root", .value = &o->root},
        {.name = "--python", .value = &o->python},
        {.name = "--explain", .value = &o->explain, .flag = &o->explains, .optional = true},
        {.name = "--fix", .flag = &o->fix},
        {.name = "--yes", .flag = &o->yes},
        {.name = "--collect-env", .flag = &o->collect_env},
        {.name = "--data", .value = &o->data},
        {.name = "--data-check", .flag = &o->data_check},
        {.name = "--lang", .value = &o->language},
        {.name = "--help", .flag = &o->help},
        {.name = "-h", .flag = &o->help},
        {0},
    };
    if (!options_read(options, argc, argv, NULL))
        return false;
    if (o->facts && (o->root || o->python)) {
        fprintf(stderr, "cairn: --facts judges a file; --root and --python look at a machine\n");
        return false;
    }
    return true;
}

static int status_of(const cairn_verdict *verdict)
{
    return verdict->severity == CAIRN_FAIL ? EXIT_FAIL : EXIT_OK;
}

/* ---- --data-check -------------------------------------------------------------------------------*/

/* Distinct sources of a table, for the summary. */
static int count_sources(const char *const *first, size_t stride, int count)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        const char *source = *(const char *const *)((const char *)first + (size_t)i * stride);
        bool again = false;
        for (int k = 0; k < i && !again; k++)
            again = text_is(*(const char *const *)((const char *)first + (size_t)k * stride), source);
        n += !again;
    }
    return n;
}

static int check_data(const cairn_doctor_data *data)
{
    arena *a = arena_new();
    cairn_texts problems = {0};
    if (!a)
        return EXIT_FAIL;
    data_check(data, a, &problems);
    printf("data of %s (%s)\n", data->date, data->origin);
#define X(member, file, type, columns)                                                                       \
    printf("  %-16s %5d rows, %3d sources\n", file, data->member.count,                                      \
           data->member.count ? count_sources(&data->member.items->source, sizeof(type), data->member.count) \
                              : 0);
    DATA_FILES(X)
#undef X
    for (int i = 0; i < problems.count; i++)
        printf("%s\n", problems.items[i]);
    int status = problems.count || arena_failed(a) ? EXIT_FAIL : EXIT_OK;
    arena_free(a);
    return status;
}

/* ---- --explain ----------------------------------------------------------------------------------*/

enum { LARGEST_LOG = 64 << 20 };

static int explain(const doctor_options *o, const cairn_doctor_data *data, const printer *p)
{
    file_text log = {0};
    bool given = o->explain && strcmp(o->explain, "-");
    if (!given && !file_read_from(STDIN_FILENO, LARGEST_LOG, &log))
        return EXIT_USAGE;
    const char *text = given ? o->explain : log.bytes;
    size_t bytes = given ? strlen(o->explain) : log.count;
    cairn_verdict *v = cairn_doctor_explain(text, bytes, data, p->language);
    file_text_free(&log);
    if (!v)
        return EXIT_FAIL;
    int status = v->findings.count ? status_of(v) : EXIT_USAGE;
    if (o->json)
        print_json(cairn_verdict_write(v));
    else if (v->findings.count)
        print_verdict(p, v);
    else
        puts(text_of(TEXT_NOTHING_KNOWN, p->language));
    cairn_verdict_free(v);
    return status;
}

/* ---- The machine --------------------------------------------------------------------------------*/

static bool save_facts(const cairn_facts *facts, const char *path)
{
    char *json = cairn_facts_write(facts);
    FILE *file = json ? fopen(path, "w") : NULL;
    bool written = file && fputs(json, file) >= 0 && fputc('\n', file) >= 0;
    if (file && fclose(file))
        written = false;
    if (!written && json)
        perror(path);
    free(json);
    return written;
}

static cairn_facts *get_facts(const doctor_options *o)
{
    if (o->facts)
        return load_facts(o->facts);
    return cairn_doctor_collect(&(cairn_collect_options){.root = o->root, .python = o->python});
}

static void report(const doctor_options *o, const printer *p, const cairn_facts *facts,
                   const cairn_doctor_data *data, const cairn_verdict *v)
{
    for (int i = 0; i < facts->notes.count; i++)
        fprintf(stderr, "%s\n", facts->notes.items[i]);
    if (o->collect_env) {
        print_collect_env(facts, v);
    } else if (o->json) {
        print_json(cairn_verdict_write(v));
    } else {
        print_facts(p, facts, data);
        putchar('\n');
        print_verdict(p, v);
    }
}

static int examine(const doctor_options *o, const cairn_doctor_data *data, const printer *p)
{
    cairn_facts *facts = get_facts(o);
    if (!facts)
        return o->facts ? EXIT_FACTS : EXIT_FAIL;
    int status = EXIT_FAIL;
    cairn_verdict *v = cairn_doctor_judge(facts, data, p->language);
    if (v && (!o->save || save_facts(facts, o->save))) {
        report(o, p, facts, data, v);
        status = o->fix ? run_fixes(p, v, o->yes) : status_of(v);
    }
    cairn_verdict_free(v);
    cairn_facts_free(facts);
    return status;
}

int doctor_main(int argc, char **argv)
{
    doctor_options o = {0};
    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(help, stdout);
        return EXIT_OK;
    }
    cairn_doctor_data *data = load_data(o.data);
    if (!data)
        return o.data_check ? EXIT_FAIL : EXIT_USAGE;
    printer p = printer_make(language_of(o.language));
    int status = o.data_check ? check_data(data) : o.explains ? explain(&o, data, &p) : examine(&o, data, &p);
    cairn_doctor_data_free(data);
    return status;
}
