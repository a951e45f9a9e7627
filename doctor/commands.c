/* The commands that mend: a driver for a distribution, a wheel for an environment. */
#include "doctor/judge.h"

#include <stdlib.h>
#include <string.h>

/* ---- Drivers ------------------------------------------------------------------------------------*/

bool wants_open_module(const judge *j)
{
    bool turing = j->gpu_count > 0, blackwell = false;
    for (int i = 0; i < j->gpu_count; i++) {
        turing &= j->gpus[i].cc >= CC_TURING;
        blackwell |= j->gpus[i].cc >= CC_BLACKWELL;
    }
    if (text_is(j->facts->module.flavour, "closed") && !blackwell)
        return false; /* keep what the user has */
    return turing;
}

/* Servers with "-server" packages stay with them. */
static const char *server_suffix(const judge *j)
{
    for (int i = 0; i < j->facts->packages.count; i++)
        if (text_starts(j->facts->packages.items[i].key, "nvidia-driver-") &&
            text_has(j->facts->packages.items[i].key, "-server"))
            return "-server";
    return "";
}

static const char *apt_driver(judge *j, int branch, bool open)
{
    const char *d = j->facts->distribution;
    if (!text_starts(d, "debian"))
        return arena_format(j->memory, "sudo apt install nvidia-driver-%d%s%s && sudo reboot", branch,
                            branch >= 515 ? server_suffix(j) : "", open ? "-open" : "");
    if (branch < 500)
        return arena_format(j->memory, "sudo apt install nvidia-tesla-%d-driver && sudo reboot", branch);
    /* Debian 12 has 535, Debian 13 has 550; newer ones come from NVIDIA's own repository. */
    int own = version_part(d + strcspn(d, "0123456789"), 0) >= 13 ? 550 : 535;
    bool nvidia_repository = false;
    for (int i = 0; i < j->gpu_count; i++)
        nvidia_repository |= j->gpus[i].first_branch > own;
    if (nvidia_repository)
        return arena_format(j->memory, "sudo apt install %s nvidia-driver && sudo reboot",
                            open ? "nvidia-kernel-open-dkms" : "nvidia-kernel-dkms");
    return arena_format(j->memory, "sudo apt install nvidia-driver%s && sudo reboot",
                        open ? " nvidia-open-kernel-dkms" : "");
}

static const char *dnf_driver(judge *j, int branch, bool open)
{
    const char *legacy = branch < 470 ? "390xx" : branch < 500 ? "470xx" : NULL;
    if (text_starts(j->facts->distribution, "fedora")) {
        if (legacy)
            return arena_format(j->memory, "sudo dnf install akmod-nvidia-%s && sudo reboot", legacy);
        return arena_format(j->memory, "sudo dnf install akmod-nvidia%s && sudo reboot", open ? "-open" : "");
    }
    return arena_format(j->memory, "sudo dnf module install nvidia-driver:%d-%s && sudo reboot", branch,
                        open ? "open" : "dkms");
}

static const char *arch_driver(judge *j, int branch, bool open)
{
    bool current = true;
    for (int i = 0; i < j->gpu_count; i++)
        current &= j->gpus[i].last_branch == BRANCH_CURRENT;
    if (!current)
        return arena_format(j->memory, "yay -S nvidia-%dxx-dkms && sudo reboot", branch);
    return arena_format(j->memory, "sudo pacman -S %s && sudo reboot", open ? "nvidia-open" : "nvidia-dkms");
}

static const char *suse_driver(judge *j, int branch, bool open)
{
    if (open)
        return "sudo zypper install nvidia-open-driver-G06-signed-kmp-default && sudo reboot";
    return arena_format(j->memory, "sudo zypper install nvidia-driver-%s-kmp-default && sudo reboot",
                        branch < 500 ? "G05" : "G06");
}

/* Any other distribution: NVIDIA's own installer, of the newest release that the data knows. */
static const char *run_file(judge *j, int branch, bool open)
{
    const driver_row *row = branch_row(j->data, branch);
    const char *version =
        row && known(row->newest_release_seen)
            ? arena_copy(j->memory, row->newest_release_seen, strspn(row->newest_release_seen, "0123456789."))
            : arena_format(j->memory, "%d", branch);
    const char *machine = text_is(j->facts->machine, "aarch64") ? "aarch64" : "x86_64";
    return arena_format(j->memory, "sudo sh NVIDIA-Linux-%s-%s.run%s && sudo reboot", machine, version,
                        branch < 515 ? "" : open ? " -M=open" : " -M=proprietary");
}

const char *driver_command(judge *j, int branch, bool open)
{
    const char *d = j->facts->distribution;
    open = open && branch >= 515;
    if (j->wsl || j->windows)
        return "winget install --exact --id Nvidia.GeForceExperience";
    if (text_starts(d, "ubuntu") || text_starts(d, "debian") || text_starts(d, "linuxmint") ||
        text_starts(d, "pop"))
        return apt_driver(j, branch, open);
    if (text_starts(d, "fedora") || text_starts(d, "rhel") || text_starts(d, "rocky") ||
        text_starts(d, "almalinux") || text_starts(d, "centos") || text_starts(d, "ol ") ||
        text_starts(d, "amzn"))
        return dnf_driver(j, branch, open);
    if (text_starts(d, "arch") || text_starts(d, "manjaro") || text_starts(d, "endeavouros"))
        return arch_driver(j, branch, open);
    if (text_starts(d, "opensuse") || text_starts(d, "sles"))
        return suse_driver(j, branch, open);
    return run_file(j, branch, open);
}

/* ---- Wheels -------------------------------------------------------------------------------------*/

enum { TORCH_1_10 = 110, TORCH_1_13 = 113 };

static int torch_minor(const char *torch)
{
    return version_part(torch, 0) * 100 + (version_part(torch, 1) > 0 ? version_part(torch, 1) : 0);
}

/* The path of an environment's program, or the bare name. */
static const char *program(arena *memory, const cairn_python *python, const char *name)
{
    const char *prefix = python && known(python->prefix) ? python->prefix : NULL;
    if (!prefix || text_is(prefix, "/"))
        return name;
    bool windows = strchr(prefix, '\\') || prefix[1] == ':';
    return windows ? arena_format(memory, "%s\\Scripts\\%s.exe", prefix, name)
                   : arena_format(memory, "%s/bin/%s", prefix, name);
}

static bool installed(const cairn_python *python, const char *package)
{
    return python && pairs_get(&python->packages, package);
}

/* "torch==2.7.1+cu126 torchvision==0.22.1+cu126": the local version makes pip replace another build. */
static const char *requirements(arena *memory, const torch_row *row, const cairn_python *python, bool tagged)
{
    const char *tag = tagged ? arena_format(memory, "+%s", row->cuda_tag) : "";
    const char *text = arena_format(memory, "torch==%s%s", row->torch, tag);
    if (known(row->torchvision))
        text = arena_format(memory, "%s torchvision==%s%s", text, row->torchvision, tag);
    if (known(row->torchaudio) && installed(python, "torchaudio"))
        text = arena_format(memory, "%s torchaudio==%s%s", text, row->torchaudio, tag);
    return text;
}

/* Up to 1.10 the builds are on one page of links and told apart by their local version. */
static const char *index_option(arena *memory, const torch_row *row)
{
    if (torch_minor(row->torch) <= TORCH_1_10)
        return "-f https://download.pytorch.org/whl/torch_stable.html";
    return arena_format(memory, "--index-url https://download.pytorch.org/whl/%s", row->cuda_tag);
}

static const char *conda_command(arena *memory, const torch_row *row)
{
    if (!text_has(row->channel, "conda"))
        return NULL;
    bool old = torch_minor(row->torch) < TORCH_1_13;
    const char *vision =
        known(row->torchvision) ? arena_format(memory, " torchvision==%s", row->torchvision) : "";
    return arena_format(memory, "conda install pytorch==%s%s %s=%s -c pytorch -c %s", row->torch, vision,
                        old ? "cudatoolkit" : "pytorch-cuda", row->cuda_minor,
                        old ? "conda-forge" : "nvidia");
}

wheel_command wheel_commands(arena *memory, const torch_row *row, const cairn_python *python, bool replace)
{
    wheel_command c = {.conda = conda_command(memory, row)};
    if (!text_has(row->channel, "wheel")) {
        c.pip = c.conda;
        return c;
    }
    bool tagged = replace || torch_minor(row->torch) <= TORCH_1_10;
    const char *wanted = requirements(memory, row, python, tagged), *index = index_option(memory, row);
    bool own = python && known(python->prefix);
    c.pip = own ? arena_format(memory, "%s -m pip install %s %s", program(memory, python, "python"), wanted,
                               index)
                : arena_format(memory, "pip install %s %s", wanted, index);
    c.uv = own ? arena_format(memory, "uv pip install --python %s %s %s", program(memory, python, "python"),
                              wanted, index)
               : arena_format(memory, "uv pip install %s %s", wanted, index);
    return c;
}

/* ---- Which build instead ------------------------------------------------------------------------*/

build_check check_build(const cairn_doctor_data *data, const wheel *w, const gpu_info *gpus, int count,
                        const driver_info *driver, const char *python)
{
    build_check c = {.worst = FIT_UNKNOWN, .worst_gpu = -1, .cudnn_gpu = -1};
    c.python = !w->row || wheel_takes_python(w->row, python);
    c.driver_too_old = wheel_needs_newer_driver(data, w, driver);
    c.no_archs = w->arch_count == 0;
    int floor = wheel_cudnn_floor(data, w);
    for (int i = 0; i < count; i++) {
        fit f = wheel_fit(data, w, &gpus[i], driver);
        if (f > c.worst) {
            c.worst = f;
            c.worst_gpu = i;
        }
        if (floor && gpus[i].cc && gpus[i].cc < floor) {
            c.cudnn_too_new = true;
            c.cudnn_gpu = i;
        }
        c.predates |= !driver->jetson && driver_predates(data, driver->version, &gpus[i]);
        c.dropped |= !driver->jetson && driver_dropped(data, driver->version, &gpus[i]);
    }
    return c;
}

bool build_runs(const build_check *c)
{
    return c->python && !c->driver_too_old && !c->no_archs && c->worst < FIT_PTX_TOO_NEW;
}

static bool is_experimental(const torch_row *row)
{
    return text_is(row->status, "experimental");
}

/* Among builds of one version: stable before experimental, then the newest CUDA. */
static bool better_build(const torch_row *a, const torch_row *b)
{
    if (is_experimental(a) != is_experimental(b))
        return !is_experimental(a);
    return version_compare(a->cuda_minor, b->cuda_minor) > 0;
}

/* How far a version is from the installed one: the same, then newer minors (the nearest, and of it the
 * last patch), then older ones likewise. */
static bool nearer(const torch_row *a, const torch_row *b, const char *installed)
{
    int x = torch_minor(a->torch), y = torch_minor(b->torch), now = torch_minor(installed);
    bool same_a = !version_compare(a->torch, installed), same_b = !version_compare(b->torch, installed);
    if (same_a != same_b)
        return same_a;
    if (x != y) {
        if ((x >= now) != (y >= now))
            return x >= now;
        return x >= now ? x < y : x > y;
    }
    int patch = version_compare(a->torch, b->torch);
    return patch ? patch > 0 : better_build(a, b);
}

/* A driver that another finding replaces does not bound the choice. */
static driver_info driver_after_fixes(const judge *j)
{
    driver_info d = j->driver;
    if (j->driver_to_change)
        d.version = d.cuda = NULL;
    return d;
}

const torch_row *replacement(judge *j, const wheel *w, const char *python, bool without_warning)
{
    const torch_row *best = NULL;
    driver_info driver = driver_after_fixes(j);
    const char *machine = j->facts->machine;
    for (int i = 0; i < j->data->torch.count; i++) {
        const torch_row *row = &j->data->torch.items[i];
        wheel candidate;
        if (best && !nearer(row, best, w->torch))
            continue;
        wheel_from_row(row, j->facts->platform, machine, &candidate);
        build_check c = check_build(j->data, &candidate, j->usable, j->usable_count, &driver, python);
        if (!text_has(row->channel, "wheel") || !build_runs(&c) || (without_warning && c.cudnn_too_new))
            continue;
        best = row;
    }
    return best;
}

void fix_wheel(judge *j, cairn_finding *f, const cairn_python *python, const wheel *w)
{
    if (j->jetson && text_has(j->facts->board, "r36"))
        judge_fix(j, f,
                  "%s -m pip install torch torchvision --index-url https://pypi.jetson-ai-lab.io/jp6/cu126",
                  program(j->memory, python, "python"));
    const torch_row *row = replacement(j, w, python->version, false);
    const torch_row *clean = replacement(j, w, python->version, true);
    if (row)
        judge_fix(j, f, "%s", wheel_commands(j->memory, row, python, true).pip);
    if (clean && clean != row)
        judge_fix(j, f, "%s", wheel_commands(j->memory, clean, python, true).pip);
}
