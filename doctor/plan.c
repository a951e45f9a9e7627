/* Plans: which builds of PyTorch run, best first, and what would make the others run. */
#include "doctor/gpu_names.h"
#include "doctor/judge.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

typedef struct planner {
    const cairn_plan_request *request;
    cairn_facts machine; /* what is planned for, as facts */
    const char *python;
    judge judge;
    cairn_texts candidates;
} planner;

/* ---- What is planned for -------------------------------------------------------------------------*/

static const char *platform_of(const cairn_plan_request *request, const cairn_facts *facts)
{
    if (known(request->platform))
        return request->platform;
    return facts && known(facts->platform) ? facts->platform : "linux";
}

/* The driver's numbers mean the same on both platforms. */
static bool same_numbers(const char *a, const char *b)
{
    bool windows_a = text_is(a, "windows") || text_is(a, "wsl2"),
         windows_b = text_is(b, "windows") || text_is(b, "wsl2");
    return windows_a == windows_b;
}

static void take_machine(planner *p, const cairn_facts *facts)
{
    cairn_facts *m = &p->machine;
    m->platform = platform_of(p->request, facts);
    bool jetson = text_is(m->platform, "jetson") ||
                  (facts && !p->request->platform && text_starts(facts->board, "jetson"));
    m->machine = facts && known(facts->machine) && !p->request->platform ? facts->machine
                 : jetson                                                ? "aarch64"
                                                                         : "x86_64";
    if (!facts)
        return;
    if (!p->request->platform || text_is(p->request->platform, facts->platform))
        m->machine = known(facts->machine) ? facts->machine : m->machine;
    m->distribution = facts->distribution;
    m->board = p->request->platform && !jetson ? NULL : facts->board;
    if (known(p->request->driver) || !same_numbers(m->platform, facts->platform))
        return;
    m->module = facts->module;
    m->libcuda = facts->libcuda;
    m->nvml = facts->nvml;
    m->driver = facts->driver;
    m->packages = facts->packages;
    if (p->request->gpu_count) { /* other GPUs may take the other kernel modules, and are not hidden here */
        m->module.flavour = NULL;
        m->packages = (cairn_pairs){0};
        m->libcuda.init = m->libcuda.init_unhidden = m->nvml.init = (cairn_number){0};
    }
}

/* The environment that the user works in: the first with torch, else the first. */
static const char *python_of(const cairn_facts *facts)
{
    for (int i = 0; facts && i < facts->pythons.count; i++)
        if (facts->pythons.items[i].torch.known == CAIRN_YES)
            return facts->pythons.items[i].version;
    return facts && facts->pythons.count ? facts->pythons.items[0].version : NULL;
}

static void take_driver(planner *p)
{
    const char *driver = p->request->driver;
    if (!known(driver))
        return;
    if (text_is(p->machine.platform, "windows") || text_is(p->machine.platform, "wsl2")) {
        p->machine.driver = driver;
        return;
    }
    p->machine.module.known = CAIRN_YES;
    p->machine.module.version = driver;
    /* A driver that somebody names has both halves. */
    p->machine.libcuda.known = CAIRN_YES;
    p->machine.libcuda.version = driver;
}

static cairn_status take_gpus(planner *p, const cairn_facts *facts, arena *memory,
                              const cairn_doctor_data *data)
{
    if (!p->request->gpu_count && facts) {
        p->machine.gpus.known = facts->gpus.known;
        p->machine.gpus.count = facts->gpus.count;
        p->machine.gpus.items = facts->gpus.items;
    }
    for (int i = 0; i < p->request->gpu_count; i++) {
        const char *name = p->request->gpus[i];
        gpu_info g;
        gpu_match m = gpu_find(data, memory, name, &g, &p->candidates);
        if (m == GPU_AMBIGUOUS)
            return CAIRN_OK;
        if (m == GPU_UNKNOWN)
            return error_set(CAIRN_E_ARGUMENT, "plan: no GPU named '%s' is known", name);
        *LIST_ADD(memory, &p->machine.gpus) = (cairn_gpu){.pci = g.pci, .name = g.name, .cc = g.cc_text};
    }
    return CAIRN_OK;
}

static cairn_status check_request(const cairn_plan_request *r)
{
    static const char *const platforms[] = {"linux", "windows", "wsl2", "jetson"};
    bool platform = !known(r->platform);
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++)
        platform |= text_is(r->platform, platforms[i]);
    if (!platform)
        return error_set(CAIRN_E_ARGUMENT, "plan: platform '%s' is none of linux, windows, wsl2, jetson",
                         r->platform);
    if (known(r->torch) && version_part(r->torch, 0) < 0)
        return error_set(CAIRN_E_ARGUMENT, "plan: '%s' is no version of torch", r->torch);
    if (known(r->driver) && version_part(r->driver, 0) < 0)
        return error_set(CAIRN_E_ARGUMENT, "plan: '%s' is no version of a driver", r->driver);
    if (known(r->python) && version_part(r->python, 1) < 0)
        return error_set(CAIRN_E_ARGUMENT, "plan: '%s' is no version of Python such as 3.12", r->python);
    if (known(r->cuda) && version_part(r->cuda, 0) < 0 && !text_starts(r->cuda, "cu"))
        return error_set(CAIRN_E_ARGUMENT, "plan: '%s' is no version of CUDA such as 12.4 or cu124", r->cuda);
    return CAIRN_OK;
}

/* ---- Builds -------------------------------------------------------------------------------------*/

static bool is_asked_for(const cairn_plan_request *r, const torch_row *row)
{
    if (known(r->torch) && !version_matches(row->torch, r->torch))
        return false;
    if (!known(r->cuda))
        return true;
    return text_starts(r->cuda, "cu") ? text_is(row->cuda_tag, r->cuda)
                                      : version_matches(row->cuda_minor, r->cuda);
}

static const char *python_range(arena *memory, const torch_row *row)
{
    return absent(row->python_max) ? arena_format(memory, "%s+", row->python_min)
                                   : arena_format(memory, "%s-%s", row->python_min, row->python_max);
}

/* The lowest driver for this CUDA and these GPUs. */
static const char *driver_needed(planner *p, const torch_row *row)
{
    judge *j = &p->judge;
    const char *floor = driver_floor(j->data, row->cuda_minor, j->driver.windows);
    for (int i = 0; i < j->gpu_count; i++) {
        const char *first =
            j->gpus[i].first_branch ? arena_format(j->memory, "%d", j->gpus[i].first_branch) : NULL;
        if (first && (!floor || version_compare(first, floor) > 0))
            floor = first;
    }
    return floor ? arena_format(j->memory, ">= %s", floor) : NULL;
}

static const char *all_gpus(planner *p)
{
    judge *j = &p->judge;
    const char *text = "";
    for (int i = 0; i < j->gpu_count; i++) {
        const char *one = arena_format(j->memory, "%s (%s)", gpu_label(j, &j->gpus[i]), gpu_cc(&j->gpus[i]));
        if (!text_has(text, one))
            text = arena_format(j->memory, "%s%s%s", text, *text ? ", " : "", one);
    }
    return text;
}

static void describe(planner *p, const torch_row *row, const wheel *w, cairn_build *out)
{
    arena *a = p->judge.memory;
    wheel_command c = wheel_commands(a, row, NULL, false);
    *out = (cairn_build){
        .torch = arena_text(a, row->torch),
        .build = arena_text(a, row->cuda_tag),
        .torchvision = known(row->torchvision) ? arena_text(a, row->torchvision) : NULL,
        .torchaudio = known(row->torchaudio) ? arena_text(a, row->torchaudio) : NULL,
        .python = python_range(a, row),
        .driver = driver_needed(p, row),
        .install = c.pip,
        .uv = c.uv,
        .conda = c.conda,
    };
    out->warn.known = CAIRN_NO;
    const char *gpus = p->judge.gpu_count ? all_gpus(p)
                                          : TEXT_FILL(a, p->judge.language, PLAN_ANY_GPU,
                                                      w->archs_text ? w->archs_text : "?");
    const char *name = arena_format(a, "torch %s+%s", row->torch, row->cuda_tag);
    out->why = TEXT_FILL(a, p->judge.language, PLAN_WHY, name, gpus, row->cuda_minor, out->driver);
}

static void add_warnings(planner *p, const build_check *c, cairn_build *out)
{
    if (c->cudnn_too_new)
        texts_add(p->judge.memory, &out->warn, "CUDNN_TOO_NEW_FOR_GPU");
}

/* ---- Builds that do not run ----------------------------------------------------------------------*/

static const char *fit_code(fit f)
{
    switch (f) {
    case FIT_PTX_TOO_NEW: return "PTX_TOO_NEW";
    case FIT_TOOLKIT_PREDATES: return "TOOLKIT_PREDATES_GPU";
    default: return "NO_KERNELS";
    }
}

static const char *other_build(planner *p, const wheel *w)
{
    judge *j = &p->judge;
    const torch_row *row = replacement(j, w, p->python, false);
    return row ? TEXT_FILL(j->memory, j->language, CHANGE_BUILD, row->torch, row->cuda_tag)
               : text_of(TEXT_CHANGE_NONE, j->language);
}

static const char *branch_limit(planner *p)
{
    judge *j = &p->judge;
    int branch = best_branch(j->data, j->gpus, j->gpu_count, 0);
    return branch ? arena_format(j->memory, "R%d", branch) : "?";
}

/* The first thing in the way, and what would remove it. */
static void reject(planner *p, const wheel *w, const build_check *c, cairn_build *out)
{
    judge *j = &p->judge;
    arena *a = j->memory;
    if (!c->python)
        texts_add(a, &out->warn, "PYTHON_UNSUPPORTED");
    if (c->predates)
        texts_add(a, &out->warn, "DRIVER_PREDATES_GPU");
    if (c->dropped)
        texts_add(a, &out->warn, "GPU_DROPPED_BY_DRIVER");
    if (c->driver_too_old)
        texts_add(a, &out->warn, "DRIVER_TOO_OLD");
    if (c->worst >= FIT_PTX_TOO_NEW)
        texts_add(a, &out->warn, fit_code(c->worst));
    if (c->worst >= FIT_TOOLKIT_PREDATES || c->no_archs)
        out->change = other_build(p, w);
    else if (c->predates || c->dropped)
        out->change = TEXT_FILL(a, j->language, CHANGE_DRIVER, branch_limit(p));
    else if (c->driver_too_old)
        out->change = TEXT_FILL(a, j->language, CHANGE_DRIVER, out->driver);
    else if (c->worst == FIT_PTX_TOO_NEW) {
        const cuda_arch_row *row = cuda_row(j->data, w->cuda);
        out->change = TEXT_FILL(a, j->language, CHANGE_DRIVER,
                                arena_format(a, ">= %s", row ? row->native_driver_branch : "?"));
    } else
        out->change = TEXT_FILL(a, j->language, CHANGE_PYTHON, out->python);
}

/* ---- Order --------------------------------------------------------------------------------------*/

static int compare_rows(const void *a, const void *b)
{
    const torch_row *x = *(const torch_row *const *)a, *y = *(const torch_row *const *)b;
    int torch = version_compare(y->torch, x->torch);
    if (torch)
        return torch;
    int stable = text_is(x->status, "experimental") - text_is(y->status, "experimental");
    return stable ? stable : version_compare(y->cuda_minor, x->cuda_minor);
}

/* The rows that are asked for, newest torch first, stable before experimental, newest CUDA first. */
static const torch_row **sorted_rows(planner *p, int *count)
{
    const cairn_doctor_data *data = p->judge.data;
    const torch_row **rows = arena_take(p->judge.memory, sizeof *rows * (size_t)(data->torch.count + 1));
    *count = 0;
    if (!rows || arena_failed(p->judge.memory))
        return NULL;
    for (int i = 0; i < data->torch.count; i++)
        if (is_asked_for(p->request, &data->torch.items[i]))
            rows[(*count)++] = &data->torch.items[i];
    qsort(rows, (size_t)*count, sizeof *rows, compare_rows);
    return rows;
}

static void list_builds(planner *p, const torch_row **first)
{
    judge *j = &p->judge;
    int count;
    const torch_row **rows = sorted_rows(p, &count);
    int fewest = 0; /* obstacles of the choice so far */
    *first = NULL;
    for (int i = 0; rows && i < count; i++) {
        wheel w;
        cairn_build b;
        wheel_from_row(rows[i], p->machine.platform, p->machine.machine, &w);
        build_check c = check_build(j->data, &w, j->gpus, j->gpu_count, &j->driver, p->python);
        if (c.no_archs && !row_archs(rows[i], p->machine.platform, p->machine.machine) && !p->request->torch)
            continue; /* nothing is known of it on this platform */
        describe(p, rows[i], &w, &b);
        bool runs = build_runs(&c) && !c.predates && !c.dropped;
        if (runs)
            add_warnings(p, &c, &b);
        else
            reject(p, &w, &c, &b);
        if (runs)
            *LIST_ADD(j->memory, &j->verdict->plan) = b;
        else
            *LIST_ADD(j->memory, &j->verdict->rejected) = b;
        if (!*first || (runs ? j->verdict->plan.count == 1 : b.warn.count < fewest)) {
            *first = rows[i];
            fewest = runs ? 0 : b.warn.count;
        }
    }
}

/* The machine with the best build in it (or, where none runs, the one that comes nearest), judged as a
 * whole: so the plan says what the doctor would say. */
static void judge_choice(planner *p, const torch_row *row, cairn_verdict *verdict)
{
    cairn_facts *m = &p->machine;
    cairn_python python = {.version = p->python};
    if (row) {
        python.torch = (cairn_torch){.known = CAIRN_YES, .version = row->torch, .cuda = row->cuda_minor};
        m->pythons.known = CAIRN_YES;
        m->pythons.count = 1;
        m->pythons.items = &python;
    }
    if (known(p->request->torch))
        m->want = (cairn_want){.known = CAIRN_YES, .torch = p->request->torch, .python = p->python};
    p->judge.facts = m;
    judge *j = &p->judge;
    judge_driver(j);
    judge_wheels(j);
    if (!verdict->plan.count)
        verdict->severity = CAIRN_FAIL;
}

static cairn_verdict *make_plan(planner *p, const cairn_doctor_data *data, cairn_language language)
{
    cairn_verdict *verdict = judge_begin(&p->judge, &p->machine, data, language);
    if (!verdict)
        return NULL;
    verdict->rejected.known = CAIRN_NO;
    for (int i = 0; i < p->candidates.count; i++)
        texts_add(p->judge.memory, &verdict->candidates, arena_text(p->judge.memory, p->candidates.items[i]));
    if (!p->candidates.count) {
        const torch_row *first;
        list_builds(p, &first);
        judge_choice(p, first, verdict);
    }
    return judge_end(&p->judge);
}

cairn_verdict *cairn_doctor_plan(const cairn_plan_request *request, const cairn_facts *facts,
                                 const cairn_doctor_data *data, cairn_language language)
{
    if (check_request(request) != CAIRN_OK)
        return NULL;
    arena *memory = arena_new();
    if (!memory)
        return NULL;
    planner p = {.request = request};
    take_machine(&p, facts);
    take_driver(&p);
    p.python = known(request->python) ? request->python : python_of(facts);
    cairn_verdict *verdict = NULL;
    if (take_gpus(&p, facts, memory, data) == CAIRN_OK)
        verdict = make_plan(&p, data, language);
    arena_free(memory);
    return verdict;
}
