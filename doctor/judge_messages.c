/* Messages: what they say beyond the facts, and what is worth a note. */
#include "doctor/messages.h"

#include <ctype.h>
#include <string.h>

static bool result_is(cairn_number n, int value)
{
    return n.known == CAIRN_YES && n.value == value;
}

static bool cuda_works(const judge *j)
{
    return result_is(j->facts->libcuda.init, 0);
}

/* The facts settled the part of the machine that these codes are about. */
static bool driver_is_known(const judge *j)
{
    return j->facts->libcuda.known != CAIRN_UNKNOWN || j->facts->module.known != CAIRN_UNKNOWN;
}

static bool wheels_are_known(judge *j)
{
    wheel w;
    for (int i = 0; i < j->facts->pythons.count; i++)
        if (wheel_from_python(j->data, j->memory, j->facts, &j->facts->pythons.items[i], &w) && w.cuda)
            return true;
    return false;
}

typedef enum about {
    ABOUT_DRIVER,
    ABOUT_MODULE,
    ABOUT_LOADING,
    ABOUT_START,
    ABOUT_WHEEL,
    ABOUT_CPU_WHEEL,
    ABOUT_LIBRARY,
    ABOUT_REST
} about;

static about subject(const char *code)
{
    static const struct {
        const char *code;
        about about;
    } subjects[] = {
        {"NO_DRIVER", ABOUT_DRIVER},         {"GPU_DROPPED_BY_DRIVER", ABOUT_MODULE},
        {"OPEN_MODULE_NEEDS_TURING", ABOUT_MODULE}, {"CLOSED_MODULE_ON_BLACKWELL", ABOUT_MODULE},
        {"DRIVER_PREDATES_GPU", ABOUT_MODULE}, {"SECURE_BOOT_UNSIGNED_MODULE", ABOUT_LOADING},
        {"MODULE_NOT_LOADED", ABOUT_LOADING}, {"FORWARD_COMPAT_ON_UNSUPPORTED_HW", ABOUT_START},
        {"DRIVER_LIB_MISMATCH", ABOUT_START}, {"FABRIC_MANAGER", ABOUT_START},
        {"UVM_STALE", ABOUT_START},          {"GPU_HIDDEN_BY_ENV", ABOUT_START},
        {"CONTAINER_CGROUP_LOST_DEVICES", ABOUT_START}, {"DRIVER_TOO_OLD", ABOUT_WHEEL},
        {"NO_KERNELS", ABOUT_WHEEL},         {"CPU_ONLY_WHEEL", ABOUT_CPU_WHEEL},
        {"LIBRARY_SHADOWED", ABOUT_LIBRARY}, {"CUDNN_MIXED", ABOUT_LIBRARY},
        {"CUDNN_NOT_INITIALIZED", ABOUT_LIBRARY},
    };
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        if (text_is(subjects[i].code, code))
            return subjects[i].about;
    return ABOUT_REST;
}

/* The facts tell another story: the message is old, or a finding explains it already. */
static bool settled(judge *j, const char *code)
{
    switch (subject(code)) {
    case ABOUT_DRIVER: return driver_is_known(j) || judge_fails(j) || j->no_gpu;
    case ABOUT_MODULE: return cuda_works(j) || judge_fails(j);
    case ABOUT_LOADING: return cuda_works(j) || judge_fails(j) || j->facts->module.known == CAIRN_YES;
    case ABOUT_START: return cuda_works(j) || judge_fails(j) || j->no_gpu;
    case ABOUT_WHEEL: return (wheels_are_known(j) && j->gpu_count && j->any_driver) || judge_fails(j);
    case ABOUT_CPU_WHEEL: return wheels_are_known(j) || j->no_gpu;
    case ABOUT_LIBRARY: return j->facts->libraries.count > 0 && judge_fails(j);
    case ABOUT_REST: return false;
    }
    return false;
}

/* "libcudnn_ops_infer.so.8" out of the line that the pattern was found in. */
static const char *library_named(judge *j, const char *at)
{
    const char *lib = at;
    while (lib > j->facts->messages.items[0] && (isalnum((unsigned char)lib[-1]) || strchr("_.-", lib[-1])))
        lib--;
    const char *inside = strstr(lib, "lib");
    if (!inside)
        return NULL;
    size_t length = strspn(inside, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-");
    while (length && inside[length - 1] == '.')
        length--;
    return arena_copy(j->memory, inside, length);
}

static const char *sentence(judge *j, const failure *known_failure, const char *at)
{
    const char *argument = known_failure->why == TEXT_LIB_MISSING ? library_named(j, at) : NULL;
    if (known_failure->why == TEXT_CONTAINER_LOST)
        argument = "999";
    const char *arguments[] = {argument};
    return text_fill(j->memory, j->language, known_failure->why, 1, arguments);
}

/* The folder of the wheel's cuDNN; NULL when no environment is known. */
static const char *cudnn_folder(judge *j)
{
    for (int i = 0; i < j->facts->libraries.count; i++) {
        const cairn_library *l = &j->facts->libraries.items[i];
        const char *slash = text_starts(l->soname, "libcudnn") && text_is(l->from, "wheel") && l->path
                                ? strrchr(l->path, '/')
                                : NULL;
        if (slash)
            return arena_copy(j->memory, l->path, (size_t)(slash - l->path));
    }
    const cairn_python *p = j->facts->pythons.count ? &j->facts->pythons.items[0] : NULL;
    int minor = p && p->version ? version_part(p->version, 1) : -1;
    if (minor < 0 || !known(p->prefix))
        return NULL;
    return arena_format(j->memory, "%s/lib/python3.%d/site-packages/nvidia/cudnn/lib", p->prefix, minor);
}

/* What the message and the facts tell beyond the general command. */
static void fix_exactly(judge *j, cairn_finding *f, const failure *known_failure, const char *at)
{
    if (text_starts(known_failure->pattern, "Unable to load any of {libcudnn") && cudnn_folder(j))
        judge_fix(j, f, "export LD_LIBRARY_PATH=%s:$LD_LIBRARY_PATH", cudnn_folder(j));
    for (int i = 0; text_is(known_failure->code, "NO_TOOLKIT") && i < j->facts->toolkits.count; i++)
        if (known(j->facts->toolkits.items[i].path))
            judge_fix(j, f, "export CUDA_HOME=%s", j->facts->toolkits.items[i].path);
    const char *later = text_is(known_failure->code, "GCC_TOO_NEW") ? strstr(at, "later than ") : NULL;
    int most = later ? version_part(later + strlen("later than "), 0) : -1;
    if (most > 0)
        judge_fix(j, f, "export CC=gcc-%d CXX=g++-%d NVCC_PREPEND_FLAGS='-ccbin g++-%d'", most, most, most);
}

/* The build that the message asks for, where the GPU is known. */
static void fix_from_message(judge *j, cairn_finding *f, const failure *known_failure)
{
    bool about_wheel = text_has(known_failure->fix, "download.pytorch.org");
    wheel newest = {.torch = "99"};
    const torch_row *row = about_wheel && j->gpu_count ? replacement(j, &newest, NULL, true) : NULL;
    if (row)
        judge_fix(j, f, "%s", wheel_commands(j->memory, row, NULL, true).pip);
    else if (known_failure->fix)
        judge_fix(j, f, "%s", known_failure->fix);
    if (known_failure->more)
        judge_fix(j, f, "%s", known_failure->more);
}

/* "NVIDIA 470.xx Legacy drivers" */
static void fix_legacy(judge *j, cairn_finding *f, const char *text)
{
    const char *at = strstr(text, "through the NVIDIA ");
    int branch = at ? version_part(at + strlen("through the NVIDIA "), 0) : -1;
    if (branch > 0)
        judge_fix(j, f, "%s", driver_command(j, branch, false));
}

static void evidence_line(judge *j, cairn_finding *f, const char *at)
{
    const char *start = at;
    while (start > j->facts->messages.items[0] && start[-1] != '\n' && at - start < 80)
        start--;
    size_t length = strcspn(start, "\n");
    judge_evidence(j, f, "messages: %.*s", (int)(length > 200 ? 200 : length), start);
}

static void judge_message(judge *j, const failure *known_failure, const char *text)
{
    const char *at = failure_match(known_failure->pattern, text), *code = known_failure->code;
    if (!at)
        return;
    if (text_is(code, "NO_DRIVER") && j->in_container)
        code = "CONTAINER_NO_GPU";
    if (judge_has(j, code)) {
        bool fails = false;
        for (int i = 0; i < j->verdict->findings.count; i++)
            fails |= text_is(j->verdict->findings.items[i].code, code) &&
                     j->verdict->findings.items[i].severity == CAIRN_FAIL;
        if (fails || !text_is(code, "PTX_TOO_NEW"))
            return;
    }
    if (settled(j, known_failure->code))
        return;
    if (text_is(code, "CONTAINER_CGROUP_LOST_DEVICES") && j->facts->container.known == CAIRN_NO)
        return;
    cairn_finding *f = judge_add(j, code, CAIRN_FAIL, NULL, sentence(j, known_failure, at));
    evidence_line(j, f, at);
    fix_legacy(j, f, text);
    fix_exactly(j, f, known_failure, at);
    fix_from_message(j, f, known_failure);
}

/* A GPU that "is not supported by" a driver: which of the two is too new, when the log does not say. */
static bool decided_by_rules(const judge *j, const failure *known_failure)
{
    bool unsure = known_failure->why == TEXT_MESSAGE_UNSUPPORTED;
    return unsure && (judge_has(j, "GPU_DROPPED_BY_DRIVER") || judge_has(j, "OPEN_MODULE_NEEDS_TURING"));
}

void judge_messages(judge *j)
{
    const char *text = j->facts->messages.count ? j->facts->messages.items[0] : NULL;
    for (int i = 0; text && i < failure_count; i++)
        if (!decided_by_rules(j, &failures[i]))
            judge_message(j, &failures[i], text);
}

/* ---- Notes --------------------------------------------------------------------------------------*/

static int newest_branch(const judge *j)
{
    int newest = 0;
    for (int i = 0; i < j->data->drivers.count; i++) {
        int branch = version_part(j->data->drivers.items[i].branch + 1, 0);
        newest = branch > newest ? branch : newest;
    }
    return newest;
}

static void newer_torch(judge *j)
{
    const char *newest = "0";
    for (int i = 0; i < j->data->torch.count; i++)
        if (version_compare(j->data->torch.items[i].torch, newest) > 0)
            newest = j->data->torch.items[i].torch;
    for (int i = 0; i < j->facts->pythons.count; i++) {
        wheel w;
        if (wheel_from_python(j->data, j->memory, j->facts, &j->facts->pythons.items[i], &w) &&
            version_compare(w.torch, newest) > 0)
            ADD(j, "NEWER_THAN_DATA", NOTE, NULL, NEWER_TORCH, w.torch, j->data->date);
    }
}

static void old_branch(judge *j)
{
    const driver_row *row = branch_row(j->data, branch_of(j->data, j->any_driver));
    bool over =
        row && known(row->end_of_life) &&
        (!isdigit((unsigned char)*row->end_of_life) || strncmp(row->end_of_life, j->data->date, 7) < 0);
    if (over && !j->driver_to_change && !text_is(row->end_of_life, "n/a"))
        ADD(j, "OLD_DRIVER_BRANCH", NOTE, NULL, OLD_BRANCH, j->any_driver, row->branch + 1);
}

void judge_notes(judge *j)
{
    newer_torch(j);
    if (j->any_driver && !j->jetson && branch_of(j->data, j->any_driver) > newest_branch(j) + 4)
        ADD(j, "NEWER_THAN_DATA", NOTE, NULL, NEWER_DRIVER, j->any_driver, j->data->date);
    for (int i = 0; i < j->gpu_count; i++)
        if (j->gpus[i].guessed && j->gpus[i].pci)
            ADD(j, "NEWER_THAN_DATA", NOTE, NULL, NEWER_GPU, gpu_label(j, &j->gpus[i]), j->data->date);
    if (!j->jetson && !j->windows && !j->wsl)
        old_branch(j);
}

/* ---- A log alone --------------------------------------------------------------------------------*/

cairn_verdict *cairn_doctor_explain(const char *log, size_t bytes, const cairn_doctor_data *data,
                                    cairn_language language)
{
    cairn_facts *facts = cairn_facts_new();
    if (!facts)
        return NULL;
    char *copy = arena_take(facts->memory, bytes + 1);
    cairn_verdict *verdict = NULL;
    if (copy && !arena_failed(facts->memory)) {
        for (size_t i = 0; i < bytes; i++)
            copy[i] = log[i] ? log[i] : ' ';
        facts->platform = "linux";
        texts_add(facts->memory, &facts->messages, copy);
        verdict = cairn_doctor_judge(facts, data, language);
    }
    cairn_facts_free(facts);
    return verdict;
}
