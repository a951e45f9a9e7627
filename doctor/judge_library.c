/* Which copy of a bundled library the loader takes, and whether they belong together. */
#include "doctor/judge.h"

#include <stdlib.h>
#include <string.h>

static const cairn_library *first_copy(const judge *j, const char *soname)
{
    for (int i = 0; i < j->facts->libraries.count; i++)
        if (text_is(j->facts->libraries.items[i].soname, soname))
            return &j->facts->libraries.items[i];
    return NULL;
}

static const cairn_library *wheel_copy(const judge *j, const char *soname)
{
    for (int i = 0; i < j->facts->libraries.count; i++) {
        const cairn_library *l = &j->facts->libraries.items[i];
        if (text_is(l->soname, soname) && text_is(l->from, "wheel"))
            return l;
    }
    return NULL;
}

static const char *folder_of(judge *j, const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? arena_copy(j->memory, path, (size_t)(slash - path)) : ".";
}

static void fix_order(judge *j, cairn_finding *f, const cairn_library *first, const cairn_library *ours)
{
    bool by_variable = !first || !first->from || text_is(first->from, "LD_LIBRARY_PATH");
    if (by_variable)
        judge_fix(j, f, "unset LD_LIBRARY_PATH");
    if (ours && known(ours->path))
        judge_fix(j, f, "export LD_LIBRARY_PATH=%s:$LD_LIBRARY_PATH", folder_of(j, ours->path));
    if (first && text_is(first->from, "conda") && text_starts(first->soname, "libcudnn"))
        judge_fix(j, f, "conda remove --force cudnn");
    for (int i = 0; first && text_is(first->from, "system") && i < j->facts->packages.count; i++)
        if (text_starts(first->soname, "libcudnn") &&
            text_starts(j->facts->packages.items[i].key, "libcudnn"))
            judge_fix(j, f, "sudo apt remove %s", j->facts->packages.items[i].key);
    if (first && text_is(first->from, "system") && text_starts(first->soname, "libcudnn"))
        judge_fix(j, f, "sudo apt remove 'libcudnn*'");
}

static void shadowed(judge *j)
{
    cairn_finding *found = NULL;
    for (int i = 0; i < j->facts->libraries.count; i++) {
        const cairn_library *l = &j->facts->libraries.items[i];
        const cairn_library *ours = wheel_copy(j, l->soname);
        if (l != first_copy(j, l->soname) || !ours || text_is(l->from, "wheel") || !known(l->version) ||
            !known(ours->version))
            continue;
        /* Versions are told to different depths: "9.1.0" of a file name is "9.1.0.70" of a package. */
        int order = version_compare(l->version, ours->version);
        if (order == 0 || version_matches(ours->version, l->version) ||
            version_matches(l->version, ours->version))
            continue;
        cairn_severity severity = order < 0 || text_starts(l->soname, "libcudnn") ? CAIRN_FAIL : CAIRN_NOTE;
        if (found && (found->severity >= severity)) {
            judge_evidence(j, found, "%s: %s before %s", l->soname, l->path ? l->path : "?",
                           ours->path ? ours->path : "?");
            continue;
        }
        const char *why = severity == CAIRN_FAIL ? TEXT_FILL(j->memory, j->language, SHADOWED, l->soname,
                                                             l->version, l->from, ours->version)
                                                 : TEXT_FILL(j->memory, j->language, SHADOWED_NEWER,
                                                             l->soname, l->version, l->from, ours->version);
        found = judge_add(j, "LIBRARY_SHADOWED", severity, NULL, why);
        judge_evidence(j, found, "%s: %s before %s", l->soname, l->path ? l->path : "?",
                       ours->path ? ours->path : "?");
        fix_order(j, found, l, ours);
    }
}

/* ---- cuDNN --------------------------------------------------------------------------------------*/

/* "libcudnn_ops.so.9" -> 9; 0 for anything else. */
static int cudnn_major(const char *soname)
{
    const char *so = text_starts(soname, "libcudnn") ? strstr(soname, ".so.") : NULL;
    return so ? atoi(so + 4) : 0;
}

static bool same_release(const char *a, const char *b)
{
    for (int i = 0; i < 3; i++) {
        int x = version_part(a, i), y = version_part(b, i);
        if (x >= 0 && y >= 0 && x != y)
            return false;
    }
    return true;
}

/* Wheels of several environments may differ; what counts is a mixture within one loader's view. */
static bool comparable(judge *j, const cairn_library *a, const cairn_library *b)
{
    if (text_is(a->from, "wheel") && text_is(b->from, "wheel"))
        return text_is(folder_of(j, a->path), folder_of(j, b->path));
    return true;
}

static void cudnn_mixed(judge *j)
{
    for (int i = 0; i < j->facts->libraries.count; i++) {
        const cairn_library *a = &j->facts->libraries.items[i];
        if (!cudnn_major(a->soname) || a != first_copy(j, a->soname))
            continue;
        for (int k = i + 1; k < j->facts->libraries.count; k++) {
            const cairn_library *b = &j->facts->libraries.items[k];
            if (cudnn_major(b->soname) != cudnn_major(a->soname) || b != first_copy(j, b->soname) ||
                !known(a->version) || !known(b->version) || same_release(a->version, b->version) ||
                !comparable(j, a, b))
                continue;
            cairn_finding *f = ADD(j, "CUDNN_MIXED", FAIL, "LIBRARY_SHADOWED", CUDNN_MIXED, a->soname,
                                   a->version, b->soname, b->version);
            judge_evidence(j, f, "%s = %s", a->soname, a->path ? a->path : "?");
            judge_evidence(j, f, "%s = %s", b->soname, b->path ? b->path : "?");
            const cairn_library *odd = text_is(a->from, "wheel") ? b : a;
            fix_order(j, f, odd, wheel_copy(j, odd->soname));
            return;
        }
    }
}

/* ---- Missing ------------------------------------------------------------------------------------*/

/* Packages that load cuDNN by name: up to a version they are made for cuDNN 8, then for 9. */
static const struct consumer {
    const char *package, *first_with_9;
} consumers[] = {
    {"ctranslate2", "4.5.0"},
};

static bool has_library(const judge *j, const char *soname)
{
    for (int i = 0; i < j->facts->libraries.count; i++)
        if (text_starts(j->facts->libraries.items[i].soname, soname))
            return true;
    return false;
}

static const char *pip_of(judge *j, const cairn_python *p)
{
    return known(p->prefix) ? arena_format(j->memory, "%s/bin/python -m pip", p->prefix) : "pip";
}

static void consumers_of_cudnn(judge *j, const cairn_python *p)
{
    wheel w;
    bool torch = wheel_from_python(j->data, j->memory, j->facts, p, &w);
    for (size_t i = 0; torch && w.cudnn && i < sizeof consumers / sizeof *consumers; i++) {
        const char *have = pairs_get(&p->packages, consumers[i].package);
        if (!have)
            continue;
        int needs = version_compare(have, consumers[i].first_with_9) >= 0 ? 9 : 8;
        const char *soname = needs == 9 ? "libcudnn_ops.so.9" : "libcudnn_ops_infer.so.8";
        if (version_part(w.cudnn, 0) == needs || j->facts->libraries.known == CAIRN_UNKNOWN ||
            has_library(j, soname))
            continue;
        cairn_finding *f =
            ADD(j, "LIB_MISSING", FAIL, NULL, LIB_MISSING_FOR, consumers[i].package, have, soname, w.cudnn);
        judge_evidence(j, f, "packages.%s = %s, cuDNN %s", consumers[i].package, have, w.cudnn);
        if (needs == 8)
            judge_fix(j, f, "%s install --upgrade %s%s", pip_of(j, p), consumers[i].package,
                      pairs_get(&p->packages, "faster-whisper") ? " faster-whisper" : "");
        else
            judge_fix(j, f, "%s install '%s<%s'", pip_of(j, p), consumers[i].package,
                      consumers[i].first_with_9);
    }
}

void judge_libraries(judge *j)
{
    shadowed(j);
    cudnn_mixed(j);
    for (int i = 0; i < j->facts->pythons.count; i++)
        consumers_of_cudnn(j, &j->facts->pythons.items[i]);
}
