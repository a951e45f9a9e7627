/* `cairn plan`. */
#include "doctor/command.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { MOST_GPUS = 16 };

typedef struct plan_options {
    const char *gpus[MOST_GPUS];
    cairn_plan_request request;
    const char *facts, *data, *language;
    bool json, matrix, all, help;
} plan_options;

static const char help[] =
    "usage: cairn plan [options]\n"
    "\n"
    "The builds of PyTorch that run, best first, each with its install command; and\n"
    "for the others, what would make them run. What is left out is taken from this\n"
    "machine, or left free where it says nothing.\n"
    "\n"
    "  --torch VERSION     2.6 or 2.6.0\n"
    "  --gpu GPU           a name, a PCI id (10de:2684) or a capability (8.9);\n"
    "                      several times for several GPUs\n"
    "  --driver VERSION    535.104.05\n"
    "  --cuda VERSION      12, 12.4 or cu124\n"
    "  --python VERSION    3.12\n"
    "  --platform NAME     linux, windows, wsl2 or jetson\n"
    "  --matrix            the table of versions and builds\n"
    "  --all               all builds, not only the first ones\n"
    "  --facts FILE        another machine, from cairn doctor --save\n"
    "  --json, --data DIR, --lang en|zh\n";

static bool read_options(int argc, char **argv, plan_options *o)
{
    cairn_plan_request *r = &o->request;
    const option options[] = {
        {.name = "--torch", .value = &r->torch},
        {.name = "--gpu", .list = o->gpus, .list_count = &r->gpu_count, .list_room = MOST_GPUS},
        {.name = "--driver", .value = &r->driver},
        {.name = "--cuda", .value = &r->cuda},
        {.name = "--python", .value = &r->python},
        {.name = "--platform", .value = &r->platform},
        {.name = "--facts", .value = &o->facts},
        {.name = "--data", .value = &o->data},
        {.name = "--lang", .value = &o->language},
        {.name = "--json", .flag = &o->json},
        {.name = "--matrix", .flag = &o->matrix},
        {.name = "--all", .flag = &o->all},
        {.name = "--help", .flag = &o->help},
        {.name = "-h", .flag = &o->help},
        {0},
    };
    r->gpus = o->gpus;
    return options_read(options, argc, argv, NULL);
}

static int print(const plan_options *o, const printer *p, const cairn_verdict *v,
                 const cairn_doctor_data *data)
{
    if (o->json)
        print_json(cairn_verdict_write(v));
    if (v->candidates.count) {
        print_candidates(p, v);
        return EXIT_USAGE;
    }
    if (!o->json && o->matrix)
        print_matrix(p, v, data);
    else if (!o->json)
        print_plan(p, v, o->all);
    return v->severity == CAIRN_FAIL ? EXIT_FAIL : EXIT_OK;
}

static int plan(const plan_options *o, const cairn_doctor_data *data, const printer *p)
{
    cairn_facts *facts = o->facts ? load_facts(o->facts) : cairn_doctor_collect(NULL);
    if (!facts && o->facts)
        return EXIT_FACTS;
    cairn_verdict *v = cairn_doctor_plan(&o->request, facts, data, p->language);
    int status = v ? print(o, p, v, data) : EXIT_USAGE;
    cairn_verdict_free(v);
    cairn_facts_free(facts);
    return status;
}

int plan_main(int argc, char **argv)
{
    plan_options o = {0};
    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(help, stdout);
        return EXIT_OK;
    }
    cairn_doctor_data *data = load_data(o.data);
    if (!data)
        return EXIT_USAGE;
    printer p = printer_make(language_of(o.language));
    int status = plan(&o, data, &p);
    cairn_doctor_data_free(data);
    return status;
}
