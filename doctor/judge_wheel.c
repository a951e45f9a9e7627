/* Each Python environment: does its PyTorch fit the GPU, the driver, and its neighbours? */
#include "doctor/judge.h"

#include <stdlib.h>
#include <string.h>

/* "python at /home/user/venv", for evidence. */
static void evidence_of_python(judge *j, cairn_finding *f, const cairn_python *p)
{
    if (known(p->prefix))
        judge_evidence(j, f, "python %s in %s", known(p->version) ? p->version : "?", p->prefix);
}

static void evidence_of_archs(judge *j, cairn_finding *f, const wheel *w)
{
    if (w->measured)
        judge_evidence(j, f, "the wheel's archs: %s", w->archs_text);
    else if (w->row)
        judge_evidence(j, f, "torch.csv %s %s: %s", w->row->torch, w->row->cuda_tag,
                       w->archs_text ? w->archs_text : "?");
}

static const char *version_text(judge *j, const wheel *w)
{
    return w->tag ? arena_format(j->memory, "%s+%s", w->torch, w->tag) : w->torch;
}

static bool is_cpu(const wheel *w)
{
    return absent(w->cuda);
}

/* ---- Without CUDA -------------------------------------------------------------------------------*/

static void cpu_wheel(judge *j, const cairn_python *p, const wheel *w)
{
    if (j->no_gpu && !judge_has(j, "CONTAINER_NO_GPU")) {
        cairn_finding *f = ADD(j, "CPU_ONLY", NOTE, NULL, CPU_ONLY, w->torch);
        evidence_of_python(j, f, p);
        return;
    }
    if (!j->usable_count)
        return;
    const torch_row *any = replacement(j, w, p->version, false);
    if (!any && !j->jetson) { /* the GPU is too old for every build: the CPU wheel is right */
        cairn_finding *f = ADD(j, "NO_BUILD_FOR_GPU", NOTE, NULL, NO_BUILD, gpu_label(j, &j->usable[0]),
                               gpu_cc(&j->usable[0]));
        evidence_of_python(j, f, p);
        return;
    }
    cairn_finding *f =
        ADD(j, "CPU_ONLY_WHEEL", FAIL, NULL, CPU_ONLY_WHEEL, w->torch, gpu_label(j, &j->usable[0]));
    judge_evidence(j, f, "torch.version = %s, torch.cuda = none",
                   known(p->torch.version) ? p->torch.version : w->torch);
    evidence_of_python(j, f, p);
    fix_wheel(j, f, p, w);
}

/* ---- The driver ---------------------------------------------------------------------------------*/

static void fix_driver(judge *j, cairn_finding *f, const char *floor)
{
    if (j->jetson)
        return;
    int branch = best_branch(j->data, j->gpus, j->gpu_count, floor ? version_part(floor, 0) : 0);
    if (!branch || (floor && branch < version_part(floor, 0)))
        return;
    judge_fix(j, f, "%s", driver_command(j, branch, wants_open_module(j)));
}

static void driver_too_old(judge *j, const cairn_python *p, const wheel *w)
{
    if (!wheel_needs_newer_driver(j->data, w, &j->driver))
        return;
    const char *floor = driver_floor(j->data, w->cuda, j->driver.windows);
    bool by_number = floor && j->driver.version && !j->driver.jetson;
    cairn_finding *f =
        by_number ? ADD(j, "DRIVER_TOO_OLD", FAIL, NULL, DRIVER_TOO_OLD, version_text(j, w), w->cuda, floor,
                        j->driver.version)
                  : ADD(j, "DRIVER_TOO_OLD", FAIL, NULL, DRIVER_TOO_OLD_CUDA, version_text(j, w), w->cuda,
                        j->driver.cuda ? j->driver.cuda
                                       : cuda_of_branch(j->data, branch_of(j->data, j->driver.version)));
    if (j->driver.version)
        judge_evidence(j, f, "driver = %s", j->driver.version);
    if (floor)
        judge_evidence(j, f, "cuda_driver.csv %s: >= %s", w->cuda, floor);
    evidence_of_python(j, f, p);
    fix_wheel(j, f, p, w);
    fix_driver(j, f, floor);
}

/* ---- The GPU ------------------------------------------------------------------------------------*/

static void no_kernels(judge *j, const cairn_python *p, const wheel *w, const gpu_info *g)
{
    cairn_finding *f = ADD(j, "NO_KERNELS", FAIL, NULL, NO_KERNELS, version_text(j, w), gpu_label(j, g),
                           gpu_cc(g), w->archs_text);
    judge_evidence(j, f, "gpus[%d].cc = %s", g->index, gpu_cc(g));
    evidence_of_archs(j, f, w);
    evidence_of_python(j, f, p);
    fix_wheel(j, f, p, w);
}

static void ptx_too_new(judge *j, const cairn_python *p, const wheel *w, const gpu_info *g)
{
    const char *driver = j->driver.version ? j->driver.version : j->driver.cuda;
    cairn_finding *f = ADD(j, "PTX_TOO_NEW", FAIL, "DRIVER_TOO_OLD", PTX_TOO_NEW, version_text(j, w), w->cuda,
                           gpu_label(j, g), gpu_cc(g), driver);
    evidence_of_archs(j, f, w);
    const cuda_arch_row *row = cuda_row(j->data, w->cuda);
    if (row)
        judge_evidence(j, f, "cuda_arch.csv %s: PTX ISA %s, driver branch R%s", w->cuda, row->ptx_isa,
                       row->native_driver_branch);
    evidence_of_python(j, f, p);
    fix_wheel(j, f, p, w);
    fix_driver(j, f, row && known(row->native_driver_branch) ? row->native_driver_branch : NULL);
}

static void toolkit_predates(judge *j, const cairn_python *p, const wheel *w, const gpu_info *g)
{
    cairn_finding *f = ADD(j, "TOOLKIT_PREDATES_GPU", FAIL, NULL, TOOLKIT_PREDATES, version_text(j, w),
                           gpu_label(j, g), gpu_cc(g), w->cuda);
    evidence_of_archs(j, f, w);
    const cuda_arch_row *row = cuda_row(j->data, w->cuda);
    if (row)
        judge_evidence(j, f, "cuda_arch.csv %s: up to %s", w->cuda, row->max_cc);
    evidence_of_python(j, f, p);
    fix_wheel(j, f, p, w);
}

static void ptx_note(judge *j, const wheel *w, const gpu_info *g)
{
    const char *driver = j->driver.version ? j->driver.version : j->driver.cuda;
    cairn_finding *f =
        ADD(j, "PTX_TOO_NEW", NOTE, NULL, PTX_NOTE, version_text(j, w), w->cuda, driver, gpu_label(j, g));
    evidence_of_archs(j, f, w);
}

static void cudnn_too_new(judge *j, const cairn_python *p, const wheel *w, const gpu_info *g)
{
    const cudnn_row *row;
    int floor = cudnn_floor(j->data, w->cudnn, &row);
    if (!floor || !g->cc || g->cc >= floor)
        return;
    cairn_finding *f = ADD(j, "CUDNN_TOO_NEW_FOR_GPU", WARN, "NO_KERNELS", CUDNN_TOO_NEW, w->cudnn,
                           version_text(j, w), gpu_label(j, g), gpu_cc(g), cc_text(j->memory, floor));
    judge_evidence(j, f, "cudnn.csv %s: %s", row->cudnn, row->compute_capabilities);
    evidence_of_python(j, f, p);
    const torch_row *clean = replacement(j, w, p->version, true);
    if (clean)
        judge_fix(j, f, "%s", wheel_commands(j->memory, clean, p, true).pip);
}

/* One finding for each kind of misfit, for the first GPU that has it. */
static void gpu_fit(judge *j, const cairn_python *p, const wheel *w)
{
    bool seen[FIT_NONE + 1] = {false}, noted = false, cudnn = false;
    for (int i = 0; i < j->usable_count; i++) {
        const gpu_info *g = &j->usable[i];
        fit f = wheel_fit(j->data, w, g, &j->driver);
        if (!seen[f] && f == FIT_NONE)
            no_kernels(j, p, w, g);
        if (!seen[f] && f == FIT_TOOLKIT_PREDATES)
            toolkit_predates(j, p, w, g);
        if (!seen[f] && f == FIT_PTX_TOO_NEW && !wheel_needs_newer_driver(j->data, w, &j->driver))
            ptx_too_new(j, p, w, g);
        seen[f] = true;
        bool note = f == FIT_CUBIN && wheel_ptx_too_new(j->data, w, g, &j->driver) && !judge_fails(j);
        if (note && !noted)
            ptx_note(j, w, g);
        noted |= note;
        int floor = wheel_cudnn_floor(j->data, w);
        if (!cudnn && f != FIT_NONE && floor && g->cc && g->cc < floor) {
            cudnn_too_new(j, p, w, g);
            cudnn = true;
        }
    }
}

/* ---- torchvision and torchaudio ------------------------------------------------------------------*/

/* The partner's version for this torch; NULL when not known. */
static const char *partner_of(const judge *j, const char *torch, bool audio)
{
    for (int i = 0; i < j->data->torch.count; i++) {
        const torch_row *row = &j->data->torch.items[i];
        const char *partner = audio ? row->torchaudio : row->torchvision;
        if (!version_compare(row->torch, torch) && known(partner))
            return partner;
    }
    return NULL;
}

static bool partner_listed(const judge *j, const char *version, bool audio)
{
    for (int i = 0; i < j->data->torch.count; i++) {
        const char *partner =
            audio ? j->data->torch.items[i].torchaudio : j->data->torch.items[i].torchvision;
        if (known(partner) && !version_compare(partner, version))
            return true;
    }
    return false;
}

/* Another minor never fits; another patch does not when the data knows it as somebody else's. */
static bool is_partner(const judge *j, const char *have, const char *want, bool audio)
{
    if (!version_compare(have, want))
        return true;
    bool same_minor =
        version_part(have, 0) == version_part(want, 0) && version_part(have, 1) == version_part(want, 1);
    return same_minor && !partner_listed(j, have, audio);
}

static const char *tag_of(const char *version)
{
    const char *plus = version ? strchr(version, '+') : NULL;
    return plus && plus[1] ? plus + 1 : NULL;
}

/* Both say which build they are, and one is without CUDA or of another major. */
static bool builds_differ(const char *a, const char *b)
{
    const char *x = tag_of(a), *y = tag_of(b);
    if (!x || !y || !strcmp(x, y))
        return false;
    bool cuda_x = text_starts(x, "cu") && strspn(x + 2, "0123456789"),
         cuda_y = text_starts(y, "cu") && strspn(y + 2, "0123456789");
    return cuda_x != cuda_y || (cuda_x && strncmp(x, y, strlen(x) > 4 ? 4 : 3) != 0);
}

static const char *index_of(judge *j, const wheel *w)
{
    const char *tag = w->tag ? w->tag : is_cpu(w) ? "cpu" : NULL;
    return tag ? arena_format(j->memory, " --index-url https://download.pytorch.org/whl/%s", tag) : "";
}

static void pair(judge *j, const cairn_python *p, const wheel *w, bool audio)
{
    const char *name = audio ? "torchaudio" : "torchvision", *have = pairs_get(&p->packages, name);
    const char *want = partner_of(j, w->torch, audio);
    if (!have || !version_valid(arena_copy(j->memory, have, strcspn(have, "+"))))
        return;
    bool other_torch = want && !is_partner(j, have, want, audio);
    const char *torch = pairs_get(&p->packages, "torch");
    bool other_build = !other_torch && builds_differ(have, torch);
    if (!other_torch && !other_build)
        return;
    cairn_finding *f = other_torch ? ADD(j, "PAIR_MISMATCH", FAIL, NULL, PAIR, name, have, w->torch, want)
                                   : ADD(j, "PAIR_MISMATCH", FAIL, NULL, PAIR_BUILD, name, have, torch);
    judge_evidence(j, f, "packages.%s = %s, torch = %s", name, have, version_text(j, w));
    if (want)
        judge_evidence(j, f, "torch.csv %s: %s %s", w->torch, name, want);
    evidence_of_python(j, f, p);
    const char *python =
        known(p->prefix) ? arena_format(j->memory, "%s/bin/python -m pip", p->prefix) : "pip";
    const char *plain = arena_copy(j->memory, have, strcspn(have, "+"));
    judge_fix(j, f, "%s install --force-reinstall --no-deps %s==%s%s", python, name,
              other_torch ? want : plain, index_of(j, w));
}

/* ---- What is wanted -----------------------------------------------------------------------------*/

/* "3.9-3.13" of the builds of a version; NULL when the version is not known. */
static const char *pythons_of(judge *j, const char *torch, const char *python, bool *taken)
{
    const char *range = NULL;
    *taken = false;
    for (int i = 0; i < j->data->torch.count; i++) {
        const torch_row *row = &j->data->torch.items[i];
        if (!version_matches(row->torch, torch))
            continue;
        *taken |= wheel_takes_python(row, python);
        range = arena_format(j->memory, "%s-%s", row->python_min, row->python_max);
    }
    return range;
}

static const torch_row *newest_for_python(judge *j, const char *python)
{
    const torch_row *best = NULL;
    for (int i = 0; i < j->data->torch.count; i++) {
        const torch_row *row = &j->data->torch.items[i];
        wheel w;
        wheel_from_row(row, j->facts->platform, j->facts->machine, &w);
        build_check c = check_build(j->data, &w, j->usable, j->usable_count, &j->driver, python);
        if (build_runs(&c) && !is_cpu(&w) && (!best || version_compare(row->torch, best->torch) >= 0))
            best = row;
    }
    return best;
}

static void python_unsupported(judge *j)
{
    const cairn_want *want = &j->facts->want;
    if (want->known != CAIRN_YES || !known(want->torch) || version_part(want->torch, 0) < 0)
        return;
    const cairn_python *p = j->facts->pythons.count ? &j->facts->pythons.items[0] : NULL;
    const char *python = known(want->python) ? want->python : p ? p->version : NULL;
    bool taken;
    const char *range = pythons_of(j, want->torch, python, &taken);
    if (!range || taken || !known(python))
        return;
    cairn_finding *f =
        ADD(j, "PYTHON_UNSUPPORTED", FAIL, NULL, PYTHON_UNSUPPORTED, want->torch, python, range);
    judge_evidence(j, f, "want.torch = %s, python = %s", want->torch, python);
    judge_evidence(j, f, "torch.csv %s: python %s", want->torch, range);
    const char *newest = strrchr(range, '-') + 1, *oldest = arena_copy(j->memory, range, strcspn(range, "-"));
    bool too_new = version_compare(python, oldest) >= 0;
    const char *use = too_new && *newest ? newest : oldest;
    judge_fix(j, f, "uv venv --python %s .venv && . .venv/bin/activate && uv pip install torch==%s%s", use,
              want->torch, version_part(want->torch, 2) < 0 ? ".*" : "");
    judge_fix(j, f, "conda create -n torch python=%s", use);
    const torch_row *row = newest_for_python(j, python);
    if (row)
        judge_fix(j, f, "%s", wheel_commands(j->memory, row, p, false).pip);
}

static void judge_python(judge *j, const cairn_python *p)
{
    wheel w;
    if (!wheel_from_python(j->data, j->memory, j->facts, p, &w))
        return;
    if (is_cpu(&w)) {
        cpu_wheel(j, p, &w);
    } else {
        if (j->no_gpu && !judge_has(j, "CONTAINER_NO_GPU") && !judge_has(j, "NO_DRIVER"))
            ADD(j, "NO_GPU", NOTE, NULL, NO_GPU, version_text(j, &w));
        driver_too_old(j, p, &w);
        gpu_fit(j, p, &w);
    }
    pair(j, p, &w, false);
    pair(j, p, &w, true);
}

static bool is_wanted(const cairn_want *want, const torch_row *row)
{
    if (!version_matches(row->torch, want->torch))
        return false;
    if (!known(want->cuda))
        return true;
    return text_starts(want->cuda, "cu") ? text_is(row->cuda_tag, want->cuda)
                                         : version_matches(row->cuda_minor, want->cuda);
}

static int obstacles(const build_check *c)
{
    return c->driver_too_old + (c->worst >= FIT_PTX_TOO_NEW) * 2;
}

/* A torch that is wanted and not installed: where none of its builds would run, the one that comes nearest
 * is judged as if it were there. */
static void wanted_torch(judge *j)
{
    const cairn_want *want = &j->facts->want;
    const cairn_python *p = j->facts->pythons.count ? &j->facts->pythons.items[0] : NULL;
    wheel w, nearest = {0};
    int fewest = 0;
    if (want->known != CAIRN_YES || !known(want->torch) || judge_has(j, "PYTHON_UNSUPPORTED"))
        return;
    for (int i = 0; i < j->facts->pythons.count; i++)
        if (wheel_from_python(j->data, j->memory, j->facts, &j->facts->pythons.items[i], &w))
            return;
    for (int i = 0; i < j->data->torch.count; i++) {
        if (!is_wanted(want, &j->data->torch.items[i]))
            continue;
        wheel_from_row(&j->data->torch.items[i], j->facts->platform, j->facts->machine, &w);
        build_check c = check_build(j->data, &w, j->usable, j->usable_count, &j->driver, NULL);
        if (!obstacles(&c))
            return;
        if (!nearest.torch || obstacles(&c) <= fewest) {
            nearest = w;
            fewest = obstacles(&c);
        }
    }
    cairn_python nobody = {0};
    if (nearest.torch) {
        driver_too_old(j, p ? p : &nobody, &nearest);
        gpu_fit(j, p ? p : &nobody, &nearest);
    }
}

void judge_wheels(judge *j)
{
    python_unsupported(j);
    wanted_torch(j);
    for (int i = 0; i < j->facts->pythons.count; i++)
        judge_python(j, &j->facts->pythons.items[i]);
}
