/* The judge: from facts to findings, in order of cause. */
#include "doctor/judge.h"

#include "base/error.h"
#include "doctor/messages.h"

#include <stdio.h>
#include <string.h>

cairn_finding *judge_add(judge *j, const char *code, cairn_severity severity, const char *follows,
                         const char *why)
{
    cairn_finding *f = LIST_ADD(j->memory, &j->verdict->findings);
    *f = (cairn_finding){.code = code, .severity = severity, .why = why, .follows_from = -1};
    for (int i = 0; follows && i < j->verdict->findings.count - 1; i++)
        if (text_is(j->verdict->findings.items[i].code, follows))
            f->follows_from = i;
    if (severity > j->verdict->severity)
        j->verdict->severity = severity;
    return f;
}

static const char *format_text(judge *j, const char *format, va_list arguments)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, arguments);
    return arena_text(j->memory, text);
}

void judge_evidence(judge *j, cairn_finding *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    texts_add(j->memory, &f->evidence, format_text(j, format, arguments));
    va_end(arguments);
}

void judge_fix(judge *j, cairn_finding *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *command = format_text(j, format, arguments);
    va_end(arguments);
    if (!*command || texts_contain(&f->fix, command))
        return;
    if (f->fix.count == 0)
        f->needs_root = text_has(command, "sudo ");
    texts_add(j->memory, &f->fix, command);
}

bool judge_has(const judge *j, const char *code)
{
    for (int i = 0; i < j->verdict->findings.count; i++)
        if (text_is(j->verdict->findings.items[i].code, code))
            return true;
    return false;
}

bool judge_fails(const judge *j)
{
    return j->verdict->severity == CAIRN_FAIL;
}

bool message_has(const judge *j, const char *part)
{
    for (int i = 0; i < j->facts->messages.count; i++)
        if (text_has(j->facts->messages.items[i], part))
            return true;
    return false;
}

const char *gpu_label(judge *j, const gpu_info *g)
{
    if (g->name)
        return g->name;
    return g->pci ? arena_format(j->memory, "NVIDIA GPU %s", g->pci) : "NVIDIA GPU";
}

const char *gpu_cc(const gpu_info *g)
{
    return g->cc_text ? g->cc_text : "?";
}

/* ---- What the parts need to know -----------------------------------------------------------------*/

static const char *known_or_null(const char *text)
{
    return known(text) ? text : NULL;
}

static void identify_gpus(judge *j)
{
    const cairn_facts *f = j->facts;
    j->gpus = arena_take(j->memory, sizeof *j->gpus * (size_t)(f->gpus.count ? f->gpus.count : 1));
    if (!j->gpus || arena_failed(j->memory))
        return;
    for (int i = 0; i < f->gpus.count; i++) {
        gpu_info *g = &j->gpus[j->gpu_count++];
        identify_gpu(j->data, j->memory, &f->gpus.items[i], g);
        g->index = i;
        *LIST_ADD(j->memory, &j->verdict->gpus) =
            (cairn_gpu){.pci = g->pci, .name = g->name, .cc = g->cc_text};
    }
    j->no_gpu = f->gpus.known != CAIRN_UNKNOWN && f->gpus.count == 0;
}

/* The CUDA that "(found version 12020)" names. */
static const char *cuda_of_message(judge *j)
{
    for (int i = 0; i < j->facts->messages.count; i++) {
        const char *at = strstr(j->facts->messages.items[i], "found version ");
        int version;
        if (at && sscanf(at, "found version %d", &version) == 1 && version >= 1000)
            return arena_format(j->memory, "%d.%d", version / 1000, version % 1000 / 10);
    }
    return NULL;
}

static void find_driver(judge *j)
{
    const cairn_facts *f = j->facts;
    const cairn_libcuda *c = &f->libcuda;
    j->user_driver = c->known == CAIRN_YES ? known_or_null(c->version) : NULL;
    j->kernel_driver = f->module.known == CAIRN_YES ? known_or_null(f->module.version) : NULL;
    const char *nvml = f->nvml.known == CAIRN_YES ? known_or_null(f->nvml.version) : NULL;
    /* The driver's own library can carry cuda-compat's note too; it is of the module's version. */
    bool own = j->user_driver && j->kernel_driver && version_compare(j->user_driver, j->kernel_driver) == 0;
    j->compat =
        c->known == CAIRN_YES && !own && (c->forward_compat.known == CAIRN_YES || text_has(c->path, "/compat/"));

    const char *host = j->kernel_driver ? j->kernel_driver : nvml;
    if (known(f->driver) && (j->wsl || j->windows || !host))
        host = f->driver;
    bool compat_works = j->compat && c->init.known == CAIRN_YES && c->init.value == 0;
    j->any_driver = host ? host : j->compat ? NULL : j->user_driver;
    j->driver.version = compat_works && j->user_driver ? j->user_driver : j->any_driver;
    j->driver.cuda = c->known == CAIRN_YES && (!j->compat || compat_works) ? known_or_null(c->cuda) : NULL;
    if (!j->driver.cuda && !j->driver.version)
        j->driver.cuda = cuda_of_message(j);
    /* Under WSL2 libcuda.so.1.1 has no number of its own, and numbers are those of Windows. */
    j->driver.windows = j->wsl || j->windows;
    j->driver.jetson = j->jetson;
}

static bool is_usable(const judge *j, const gpu_info *g)
{
    const char *bound = j->facts->gpus.items[g->index].driver;
    bool elsewhere = known(bound) && !text_is(bound, "nvidia");
    return !elsewhere && !driver_dropped(j->data, j->any_driver, g) &&
           !driver_predates(j->data, j->any_driver, g);
}

/* An old card for the display beside the one that computes says nothing against a wheel. Where no GPU is
 * usable, mending the driver will make all of them so. */
static void find_usable(judge *j)
{
    j->usable = arena_take(j->memory, sizeof *j->usable * (size_t)(j->gpu_count ? j->gpu_count : 1));
    if (!j->usable || arena_failed(j->memory))
        return;
    for (int i = 0; i < j->gpu_count; i++)
        if (is_usable(j, &j->gpus[i]))
            j->usable[j->usable_count++] = j->gpus[i];
    if (!j->usable_count) {
        j->usable = j->gpus;
        j->usable_count = j->gpu_count;
    }
}

cairn_verdict *judge_begin(judge *j, const cairn_facts *facts, const cairn_doctor_data *data,
                           cairn_language language)
{
    arena *a = arena_new();
    cairn_verdict *v = a ? arena_take(a, sizeof *v) : NULL;
    if (!v || arena_failed(a)) {
        arena_free(a);
        return NULL;
    }
    v->memory = a;
    v->data_date = arena_text(a, data->date);
    v->findings.known = v->plan.known = v->gpus.known = CAIRN_NO;
    *j = (judge){.facts = facts, .data = data, .language = language, .verdict = v, .memory = a};
    j->wsl = text_is(facts->platform, "wsl2");
    j->windows = text_is(facts->platform, "windows");
    j->jetson = text_is(facts->platform, "jetson") || text_starts(facts->board, "jetson");
    j->in_container = facts->container.known == CAIRN_YES;
    identify_gpus(j);
    find_driver(j);
    find_usable(j);
    return v;
}

/* Texts of the facts may live shorter than the verdict. */
static void own_texts(judge *j)
{
    cairn_verdict *v = j->verdict;
    for (int i = 0; i < v->gpus.count; i++) {
        cairn_gpu *g = &v->gpus.items[i];
        *g = (cairn_gpu){.pci = arena_text(j->memory, g->pci),
                         .name = arena_text(j->memory, g->name),
                         .cc = arena_text(j->memory, g->cc)};
    }
}

cairn_verdict *judge_end(judge *j)
{
    own_texts(j);
    if (arena_failed(j->memory)) {
        arena_free(j->memory);
        return NULL;
    }
    return j->verdict;
}

void cairn_verdict_free(cairn_verdict *verdict)
{
    if (verdict)
        arena_free(verdict->memory);
}

cairn_verdict *cairn_doctor_judge(const cairn_facts *facts, const cairn_doctor_data *data,
                                  cairn_language language)
{
    judge j;
    arena *borrowed = arena_new();
    const cairn_facts *complete = borrowed ? messages_add_facts(facts, borrowed) : NULL;
    if (complete && judge_begin(&j, complete, data, language)) {
        judge_container(&j);
        judge_driver(&j);
        judge_devices(&j);
        judge_wheels(&j);
        judge_libraries(&j);
        judge_building(&j);
        judge_messages(&j);
        judge_notes(&j);
        cairn_verdict *verdict = judge_end(&j);
        arena_free(borrowed);
        return verdict;
    }
    arena_free(borrowed);
    return NULL;
}
