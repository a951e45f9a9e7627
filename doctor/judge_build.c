/* Building extensions: nvcc, its CUDA and its host compiler. Nothing here matters for running. */
#include "doctor/judge.h"

#include <stdlib.h>
#include <string.h>

static bool building(const judge *j)
{
    return (j->facts->want.known == CAIRN_YES && j->facts->want.build == CAIRN_YES) ||
           message_has(j, "mismatches the version that was used to compile") ||
           message_has(j, "unsupported GNU version!") ||
           message_has(j, "CUDA_HOME environment variable is not set");
}

/* The toolkit that a build would take: CUDA_HOME, else nvcc on PATH, else the only or default one. */
static const cairn_toolkit *toolkit_in_use(const judge *j)
{
    const char *home = pairs_get(&j->facts->environment, "CUDA_HOME");
    const cairn_toolkit *on_path = NULL, *first = NULL;
    for (int i = 0; i < j->facts->toolkits.count; i++) {
        const cairn_toolkit *t = &j->facts->toolkits.items[i];
        if (known(home) && text_is(t->path, home))
            return t;
        if (!on_path && t->nvcc_on_path == CAIRN_YES)
            on_path = t;
        if (!first)
            first = t;
    }
    return on_path ? on_path : first;
}

static bool torch_in_use(judge *j, wheel *w)
{
    for (int i = 0; i < j->facts->pythons.count; i++)
        if (wheel_from_python(j->data, j->memory, j->facts, &j->facts->pythons.items[i], w) && known(w->cuda))
            return true;
    return false;
}

/* ---- The toolkit --------------------------------------------------------------------------------*/

static void fix_install_toolkit(judge *j, cairn_finding *f, const char *cuda)
{
    if (!known(cuda)) {
        judge_fix(j, f, "conda install -c nvidia cuda-nvcc");
        return;
    }
    int major = version_part(cuda, 0), minor = version_part(cuda, 1);
    const char *d = j->facts->distribution;
    judge_fix(j, f, "conda install -c nvidia cuda-nvcc=%d.%d cuda-cudart-dev=%d.%d", major, minor, major,
              minor);
    bool dnf = text_starts(d, "fedora") || text_starts(d, "rhel") || text_starts(d, "rocky") ||
               text_starts(d, "almalinux");
    judge_fix(j, f, "sudo %s install cuda-toolkit-%d-%d", dnf ? "dnf" : "apt", major, minor);
}

static void no_toolkit(judge *j)
{
    if (j->facts->toolkits.known == CAIRN_UNKNOWN || j->facts->toolkits.count)
        return;
    wheel w;
    const char *cuda = torch_in_use(j, &w) ? w.cuda : NULL;
    if (!building(j)) {
        cairn_finding *f = ADD(j, "NO_TOOLKIT", NOTE, NULL, NO_TOOLKIT);
        judge_evidence(j, f, "toolkits: none");
        return;
    }
    cairn_finding *f = ADD(j, "NO_TOOLKIT", FAIL, NULL, NO_TOOLKIT_BUILD);
    judge_evidence(j, f, "toolkits: none");
    fix_install_toolkit(j, f, cuda);
}

static void major_mismatch(judge *j)
{
    const cairn_toolkit *t = toolkit_in_use(j);
    wheel w;
    if (!t || !known(t->version) || !torch_in_use(j, &w) ||
        version_part(t->version, 0) == version_part(w.cuda, 0))
        return;
    cairn_finding *f = ADD(j, "CUDA_MAJOR_MISMATCH", FAIL, NULL, MAJOR_MISMATCH, t->version, w.torch, w.cuda);
    judge_evidence(j, f, "toolkits: %s in %s", t->version, known(t->path) ? t->path : "?");
    judge_evidence(j, f, "torch.cuda = %s", w.cuda);
    for (int i = 0; i < j->facts->toolkits.count; i++) {
        const cairn_toolkit *other = &j->facts->toolkits.items[i];
        if (known(other->version) && known(other->path) &&
            version_part(other->version, 0) == version_part(w.cuda, 0))
            judge_fix(j, f, "export CUDA_HOME=%s PATH=%s/bin:$PATH", other->path, other->path);
    }
    fix_install_toolkit(j, f, w.cuda);
    judge_fix(j, f, "export CUDA_HOME=/usr/local/cuda-%d.%d", version_part(w.cuda, 0),
              version_part(w.cuda, 1));
}

static void toolkit_predates_gpu(judge *j, const cairn_toolkit *t)
{
    const cuda_arch_row *row = t ? cuda_row(j->data, t->version) : NULL;
    for (int i = 0; row && i < j->gpu_count; i++) {
        int cc = j->gpus[i].cc, most = cc_parse(row->max_cc), least = cc_parse(row->min_cc);
        if (!cc || (cc <= most && cc >= least) || (cc / 10 == most / 10 && cc > most))
            continue;
        cairn_finding *f = ADD(j, "NVCC_DOES_NOT_KNOW_GPU", WARN, NULL, NVCC_OLD, t->version,
                               gpu_label(j, &j->gpus[i]), gpu_cc(&j->gpus[i]));
        judge_evidence(j, f, "cuda_arch.csv %s: %s to %s", row->cuda_minor, row->min_cc, row->max_cc);
        return;
    }
}

/* ---- The host compiler --------------------------------------------------------------------------*/

static const cairn_compiler *compiler_in_use(const judge *j, const char *name)
{
    for (int i = 0; i < j->facts->compilers.count; i++)
        if (text_is(j->facts->compilers.items[i].name, name) && known(j->facts->compilers.items[i].version))
            return &j->facts->compilers.items[i];
    return NULL;
}

static bool older_gcc_installed(const judge *j, int most)
{
    for (int i = 0; i < j->facts->compilers.count; i++)
        if (text_is(j->facts->compilers.items[i].name, "gcc") &&
            version_part(j->facts->compilers.items[i].version, 0) == most)
            return true;
    return false;
}

static void compiler_too_new(judge *j)
{
    const cairn_toolkit *t = toolkit_in_use(j);
    const cuda_arch_row *row = t ? cuda_row(j->data, t->version) : NULL;
    const cairn_compiler *gcc = compiler_in_use(j, "gcc");
    if (!gcc)
        gcc = compiler_in_use(j, "g++");
    int most = row ? version_part(row->max_gcc_major_x86_64, 0) : -1;
    if (!gcc || most <= 0 || version_part(gcc->version, 0) <= most)
        return;
    cairn_finding *f = ADD(j, "GCC_TOO_NEW", FAIL, NULL, GCC_TOO_NEW, "gcc", gcc->version, t->version,
                           arena_format(j->memory, "%d", most));
    judge_evidence(j, f, "compilers: gcc %s", gcc->version);
    judge_evidence(j, f, "cuda_arch.csv %s: gcc up to %d", row->cuda_minor, most);
    const char *use = arena_format(
        j->memory, "export CC=gcc-%d CXX=g++-%d NVCC_PREPEND_FLAGS='-ccbin g++-%d'", most, most, most);
    judge_fix(j, f, "%s", use);
    if (!older_gcc_installed(j, most))
        judge_fix(j, f, "sudo apt install gcc-%d g++-%d && %s", most, most, use);
}

void judge_building(judge *j)
{
    no_toolkit(j);
    if (!building(j))
        return;
    major_mismatch(j);
    compiler_too_new(j);
    toolkit_predates_gpu(j, toolkit_in_use(j));
}
