/* Is the driver there, is it the right one, and does the kernel use it? */
#include "doctor/judge.h"

#include <string.h>

enum {
    CUDA_STUB_LIBRARY = 34,
    CUDA_MISMATCH = 803,
    CUDA_COMPAT = 804,
    NVML_NOT_LOADED = 9,
    NVML_MISMATCH = 18
};

static bool result_is(cairn_number n, int value)
{
    return n.known == CAIRN_YES && n.value == value;
}

static bool is_driver_package(const char *name)
{
    static const char *const starts[] = {
        "nvidia-driver",        "nvidia-dkms",         "nvidia-kernel", "nvidia-open",    "nvidia-tesla",
        "cuda-drivers",         "akmod-nvidia",        "kmod-nvidia",   "nvidia-compute", "nvidia-headless",
        "linux-modules-nvidia", "xorg-x11-drv-nvidia", "nvidia-legacy"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (text_starts(name, starts[i]))
            return true;
    return !strcmp(name, "nvidia") || !strcmp(name, "nvidia-lts");
}

static const char *driver_package(const judge *j)
{
    for (int i = 0; i < j->facts->packages.count; i++)
        if (is_driver_package(j->facts->packages.items[i].key))
            return j->facts->packages.items[i].key;
    return NULL;
}

static bool driver_installed(const judge *j)
{
    const cairn_facts *f = j->facts;
    return f->module.known == CAIRN_YES || f->libcuda.known == CAIRN_YES || f->nvml.known == CAIRN_YES ||
           f->module_files.count || f->dkms.count || driver_package(j);
}

/* Somebody looked where a driver would be. */
static bool driver_was_looked_for(const judge *j)
{
    return j->facts->libcuda.known == CAIRN_NO || j->facts->module.known == CAIRN_NO;
}

static bool module_missing(const judge *j)
{
    return j->facts->module.known == CAIRN_NO;
}

static bool bound_to(const judge *j, const char *driver)
{
    for (int i = 0; i < j->facts->gpus.count; i++)
        if (text_is(j->facts->gpus.items[i].driver, driver))
            return true;
    return false;
}

/* The branch to install for all GPUs; R580-like long-term ones are preferred. */
static int branch_to_install(const judge *j, int at_least)
{
    return best_branch(j->data, j->gpus, j->gpu_count, at_least);
}

static bool flavour_open(const judge *j)
{
    for (int i = 0; i < j->gpu_count; i++)
        if (j->gpus[i].cc && j->gpus[i].cc < CC_TURING)
            return false;
    return wants_open_module(j);
}

static void fix_install(judge *j, cairn_finding *f, int at_least)
{
    int branch = branch_to_install(j, at_least);
    if (branch)
        judge_fix(j, f, "%s", driver_command(j, branch, flavour_open(j)));
    j->driver_to_change = true;
}

/* ---- No driver ----------------------------------------------------------------------------------*/

static void no_driver_wsl(judge *j)
{
    bool wanted = j->gpu_count || message_has(j, "Found no NVIDIA driver");
    if (j->facts->libcuda.known != CAIRN_NO || known(j->facts->driver) || !wanted)
        return;
    cairn_finding *f = ADD(j, "NO_DRIVER", FAIL, NULL, NO_DRIVER_WSL,
                           j->gpu_count ? gpu_label(j, &j->gpus[0]) : "WSL2");
    judge_evidence(j, f, "libcuda: none in /usr/lib/wsl/lib");
    judge_fix(j, f, "powershell.exe -Command \"Start-Process https://www.nvidia.com/drivers\"");
    judge_fix(j, f, "wsl.exe --update");
}

static void no_driver(judge *j)
{
    if (!j->gpu_count || driver_installed(j) || !driver_was_looked_for(j))
        return;
    cairn_finding *f = ADD(j, "NO_DRIVER", FAIL, NULL, NO_DRIVER, gpu_label(j, &j->gpus[0]));
    judge_evidence(j, f, "module: none; libcuda: none");
    fix_install(j, f, 0);
}

static const char *initramfs_command(const judge *j)
{
    const char *d = j->facts->distribution;
    if (text_starts(d, "ubuntu") || text_starts(d, "debian") || text_starts(d, "linuxmint") ||
        text_starts(d, "pop"))
        return "sudo update-initramfs -u";
    return text_starts(d, "arch") ? "sudo mkinitcpio -P" : "sudo dracut --force";
}

static void nouveau_in_use(judge *j)
{
    static const char *const names[] = {"nouveau", "nova_core", "nova-core"};
    const char *name = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !name; i++)
        if (bound_to(j, names[i]))
            name = names[i];
    if (!name && j->gpu_count && !bound_to(j, "nvidia") && module_missing(j) &&
        texts_contain(&j->facts->other_modules, "nouveau"))
        name = "nouveau";
    if (!name)
        return;
    const gpu_info *g = &j->gpus[0];
    for (int i = 0; i < j->gpu_count; i++)
        if (text_is(j->facts->gpus.items[i].driver, name))
            g = &j->gpus[i];
    const char *why = TEXT_FILL(j->memory, j->language, NOUVEAU, name, gpu_label(j, g));
    cairn_severity severity =
        result_is(j->facts->libcuda.init, 0) ? CAIRN_NOTE : CAIRN_FAIL; /* another GPU works */
    cairn_finding *f = judge_add(j, "NOUVEAU_IN_USE", severity, "NO_DRIVER", why);
    judge_evidence(j, f, "gpus: driver = %s", name);
    if (driver_installed(j))
        judge_fix(j, f,
                  "echo 'blacklist %s' | sudo tee /etc/modprobe.d/blacklist-%s.conf && %s && sudo reboot",
                  name, name, initramfs_command(j));
    else
        fix_install(j, f, 0); /* the package keeps nouveau out */
}

static void passed_through(judge *j)
{
    static const char *const names[] = {"vfio-pci", "pci-stub", "xen-pciback"};
    for (int i = 0; i < j->facts->gpus.count; i++)
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            if (text_is(j->facts->gpus.items[i].driver, names[n])) {
                const char *why =
                    TEXT_FILL(j->memory, j->language, VFIO, gpu_label(j, &j->gpus[i]), names[n]);
                cairn_severity severity = bound_to(j, "nvidia") ? CAIRN_NOTE : CAIRN_FAIL;
                cairn_finding *f = judge_add(j, "GPU_RESERVED_FOR_VM", severity, NULL, why);
                judge_evidence(j, f, "gpus[%d].driver = %s", i, names[n]);
                return;
            }
}

/* ---- The wrong driver ---------------------------------------------------------------------------*/

/* A GPU that works beside one that does not keeps the machine usable. */
static cairn_severity unless_another_works(const judge *j)
{
    return result_is(j->facts->libcuda.init, 0) && j->gpu_count > 1 ? CAIRN_WARN : CAIRN_FAIL;
}

static void dropped(judge *j)
{
    const char *driver = j->any_driver;
    for (int i = 0; driver && i < j->gpu_count; i++) {
        const gpu_info *g = &j->gpus[i];
        if (!driver_dropped(j->data, driver, g))
            continue;
        const char *last = arena_format(j->memory, "%d", g->last_branch);
        const char *why =
            TEXT_FILL(j->memory, j->language, DROPPED, driver, gpu_label(j, g), gpu_cc(g), last);
        cairn_finding *f = judge_add(j, "GPU_DROPPED_BY_DRIVER", unless_another_works(j), NULL, why);
        judge_evidence(j, f, "driver = %s", driver);
        judge_evidence(j, f, "gpu_arch.csv %s: last driver branch %d", g->pci ? g->pci : gpu_cc(g),
                       g->last_branch);
        j->driver_to_change = true;
        judge_fix(j, f, "%s", driver_command(j, g->last_branch, false));
        return;
    }
}

static void predates(judge *j)
{
    const char *driver = j->any_driver;
    for (int i = 0; driver && !j->jetson && i < j->gpu_count; i++) {
        const gpu_info *g = &j->gpus[i];
        if (!driver_predates(j->data, driver, g))
            continue;
        const char *first = arena_format(j->memory, "%d", g->first_branch);
        const char *why =
            TEXT_FILL(j->memory, j->language, PREDATES, driver, gpu_label(j, g), gpu_cc(g), first);
        cairn_finding *f = judge_add(j, "DRIVER_PREDATES_GPU", unless_another_works(j), NULL, why);
        judge_evidence(j, f, "driver = %s", driver);
        judge_evidence(j, f, "gpu_arch.csv %s: first driver branch R%d", g->pci ? g->pci : gpu_cc(g),
                       g->first_branch);
        fix_install(j, f, g->first_branch);
        return;
    }
}

/* "open", "closed" or NULL: what is loaded, or what the installed package would load. */
static const char *flavour(const judge *j)
{
    if (j->facts->module.known == CAIRN_YES && known(j->facts->module.flavour))
        return j->facts->module.flavour;
    if (!module_missing(j))
        return NULL;
    for (int i = 0; i < j->facts->packages.count; i++) {
        const char *name = j->facts->packages.items[i].key;
        if (text_starts(name, "nvidia-driver-") || text_starts(name, "nvidia-dkms-") ||
            text_starts(name, "nvidia-headless-"))
            return text_ends(name, "-open") ? "open" : "closed";
        if (text_starts(name, "nvidia-open"))
            return "open";
    }
    return NULL;
}

static void open_module(judge *j)
{
    if (!text_is(flavour(j), "open"))
        return;
    for (int i = 0; i < j->gpu_count; i++) {
        const gpu_info *g = &j->gpus[i];
        if (!g->cc || g->cc >= CC_TURING || j->jetson)
            continue;
        const char *driver = j->any_driver;
        cairn_finding *f =
            ADD(j, "OPEN_MODULE_NEEDS_TURING", FAIL, NULL, OPEN_MODULE, driver, gpu_label(j, g), gpu_cc(g));
        judge_evidence(j, f, "module.flavour = open");
        judge_evidence(j, f, "gpus[%d].cc = %s", i, gpu_cc(g));
        int branch = branch_of(j->data, driver);
        if (!branch || (g->last_branch && branch > g->last_branch))
            branch = g->last_branch != BRANCH_CURRENT ? g->last_branch : branch_to_install(j, 0);
        judge_fix(j, f, "%s", driver_command(j, branch, false));
        return;
    }
}

static void closed_module(judge *j)
{
    if (!text_is(flavour(j), "closed"))
        return;
    for (int i = 0; i < j->gpu_count; i++) {
        const gpu_info *g = &j->gpus[i];
        if (g->cc < CC_BLACKWELL || j->jetson)
            continue;
        const char *driver = j->any_driver;
        cairn_finding *f = ADD(j, "CLOSED_MODULE_ON_BLACKWELL", FAIL, NULL, CLOSED_MODULE, driver,
                               gpu_label(j, g), gpu_cc(g));
        judge_evidence(j, f, "module.flavour = closed");
        judge_evidence(j, f, "gpus[%d].cc = %s", i, gpu_cc(g));
        int branch = branch_of(j->data, driver);
        if (branch < g->first_branch)
            branch = branch_to_install(j, g->first_branch);
        judge_fix(j, f, "%s", driver_command(j, branch, true));
        return;
    }
}

/* ---- The module is not loaded --------------------------------------------------------------------*/

static const char *join(judge *j, const cairn_texts *list)
{
    const char *text = "";
    for (int i = 0; i < list->count; i++)
        text = arena_format(j->memory, "%s%s%s", text, i ? ", " : "", list->items[i]);
    return *text ? text : text_of(TEXT_WORD_NONE, j->language);
}

static const char *installed_version(const judge *j)
{
    if (j->any_driver)
        return j->any_driver;
    const char *slash = j->facts->dkms.count ? strchr(j->facts->dkms.items[0], '/') : NULL;
    if (slash)
        return slash + 1;
    const char *package = driver_package(j);
    return package ? pairs_get(&j->facts->packages, package) : NULL;
}

static void fix_module(judge *j, cairn_finding *f)
{
    const char *kernel = known(j->facts->kernel) ? j->facts->kernel : "$(uname -r)",
               *d = j->facts->distribution;
    bool apt = text_starts(d, "ubuntu") || text_starts(d, "debian") || text_starts(d, "linuxmint") ||
               text_starts(d, "pop");
    int branch = branch_of(j->data, installed_version(j));
    if (apt && j->facts->dkms.known == CAIRN_NO && text_starts(d, "ubuntu") && branch)
        judge_fix(j, f, "sudo apt install linux-modules-nvidia-%d%s-%s && sudo modprobe nvidia", branch,
                  text_is(flavour(j), "open") ? "-open" : "", kernel);
    else if (apt)
        judge_fix(j, f,
                  "sudo apt install linux-headers-%s && sudo dkms autoinstall -k %s && sudo modprobe nvidia",
                  kernel, kernel);
    else if (text_starts(d, "fedora"))
        judge_fix(
            j, f,
            "sudo dnf install kernel-devel-%s && sudo akmods --force --kernels %s && sudo modprobe nvidia",
            kernel, kernel);
    else if (text_starts(d, "arch"))
        judge_fix(j, f, "sudo pacman -S linux-headers && sudo dkms autoinstall && sudo modprobe nvidia");
    else if (text_starts(d, "opensuse") || text_starts(d, "sles"))
        judge_fix(
            j, f,
            "sudo zypper install kernel-default-devel && sudo dkms autoinstall -k %s && sudo modprobe nvidia",
            kernel);
    else
        judge_fix(j, f,
                  "sudo dnf install kernel-devel-%s && sudo dkms autoinstall -k %s && sudo modprobe nvidia",
                  kernel, kernel);
}

static bool not_for_this_kernel(const judge *j)
{
    return j->facts->module_files.known != CAIRN_UNKNOWN && known(j->facts->kernel) &&
           !texts_contain(&j->facts->module_files, j->facts->kernel) &&
           (j->facts->module_files.count || j->facts->dkms.count || driver_package(j));
}

static void secure_boot(judge *j)
{
    cairn_finding *f = ADD(j, "SECURE_BOOT_UNSIGNED_MODULE", FAIL, NULL, SECURE_BOOT, installed_version(j));
    judge_evidence(j, f, "secure_boot = %s", j->facts->secure_boot == CAIRN_YES ? "true" : "not known");
    if (message_has(j, "Key was rejected by service"))
        judge_evidence(j, f, "messages: Key was rejected by service");
    const char *key = text_starts(j->facts->distribution, "ubuntu") ? "/var/lib/shim-signed/mok/MOK.der"
                      : text_starts(j->facts->distribution, "fedora") ? "/etc/pki/akmods/certs/public_key.der"
                                                                       : "/var/lib/dkms/mok.pub";
    judge_fix(j, f, "sudo mokutil --import %s && sudo reboot", key);
}

/* The module of an installed driver is not loaded: why? Only where nothing above explains it. */
static void module_not_loaded(judge *j)
{
    if (!module_missing(j) || !driver_installed(j) || judge_fails(j) || !j->gpu_count)
        return;
    if (not_for_this_kernel(j)) {
        cairn_finding *f = ADD(j, "MODULE_NOT_BUILT_FOR_KERNEL", FAIL, NULL, MODULE_NOT_BUILT,
                               installed_version(j), j->facts->kernel, join(j, &j->facts->module_files));
        judge_evidence(j, f, "kernel = %s", j->facts->kernel);
        judge_evidence(j, f, "module_files = %s", join(j, &j->facts->module_files));
        fix_module(j, f);
    } else if (j->facts->secure_boot == CAIRN_YES || message_has(j, "Key was rejected by service")) {
        secure_boot(j);
    } else if (j->facts->module_files.known == CAIRN_NO && !j->facts->dkms.count && !driver_package(j)) {
        cairn_finding *f = ADD(j, "NO_DRIVER", FAIL, NULL, NO_DRIVER, gpu_label(j, &j->gpus[0]));
        judge_evidence(j, f, "libcuda is there, but no kernel module");
        fix_install(j, f, 0);
    } else {
        cairn_finding *f = ADD(j, "MODULE_NOT_LOADED", FAIL, NULL, MODULE_NOT_LOADED, installed_version(j));
        judge_evidence(j, f, "module: none");
        judge_fix(j, f, "sudo modprobe nvidia");
        judge_fix(j, f, "sudo dmesg | grep -i nvrm");
    }
}

/* ---- The libraries ------------------------------------------------------------------------------*/

static bool unsupported_hardware(const judge *j)
{
    const cairn_libcuda *c = &j->facts->libcuda;
    if (c->init.known == CAIRN_YES)
        return c->init.value == CUDA_COMPAT;
    for (int i = 0; i < j->gpu_count; i++)
        if (text_starts(j->gpus[i].segment, "GeForce"))
            return true;
    return false;
}

static bool lists_host_branch(const judge *j)
{
    const cairn_texts *drivers = &j->facts->libcuda.forward_compat.drivers;
    int branch = branch_of(j->data, j->any_driver);
    for (int i = 0; i < drivers->count; i++)
        if (branch_of(j->data, drivers->items[i]) == branch)
            return true;
    return !branch || drivers->count == 0;
}

/* The library path without its compat folders; NULL when none was in it. */
static const char *path_without_compat(judge *j)
{
    const char *path = pairs_get(&j->facts->environment, "LD_LIBRARY_PATH"), *kept = "";
    if (!text_has(path, "compat"))
        return NULL;
    for (const char *p = path; *p;) {
        size_t length = strcspn(p, ":");
        const char *folder = arena_copy(j->memory, p, length);
        if (*folder && !text_has(folder, "compat"))
            kept = arena_format(j->memory, "%s%s%s", kept, *kept ? ":" : "", folder);
        p += length + (p[length] == ':');
    }
    return kept;
}

static const char *folder_of(judge *j, const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? arena_copy(j->memory, path, (size_t)(slash - path)) : NULL;
}

static void fix_compat(judge *j, cairn_finding *f)
{
    const char *without = path_without_compat(j);
    const char *host =
        j->facts->libcuda.others.count ? folder_of(j, j->facts->libcuda.others.items[0]) : NULL;
    if (without && !*without)
        judge_fix(j, f, "unset LD_LIBRARY_PATH");
    else if (without)
        judge_fix(j, f, "export LD_LIBRARY_PATH=%s", without);
    else if (host)
        judge_fix(j, f, "export LD_LIBRARY_PATH=%s:$LD_LIBRARY_PATH", host);
    judge_fix(j, f, "sudo rm -f /etc/ld.so.conf.d/*compat*.conf && sudo ldconfig");
    int branch = branch_of(j->data, j->facts->libcuda.version);
    if (branch && !j->in_container && best_branch(j->data, j->gpus, j->gpu_count, branch))
        judge_fix(j, f, "%s",
                  driver_command(j, best_branch(j->data, j->gpus, j->gpu_count, branch), flavour_open(j)));
}

static void forward_compat(judge *j)
{
    const cairn_libcuda *c = &j->facts->libcuda;
    cairn_finding *f = NULL;
    bool failed = c->init.known == CAIRN_YES && c->init.value != 0;
    if (unsupported_hardware(j)) {
        const char *gpu = j->gpu_count ? gpu_label(j, &j->gpus[0]) : "the GPU";
        f = ADD(j, "FORWARD_COMPAT_ON_UNSUPPORTED_HW", FAIL, NULL, COMPAT_HARDWARE, c->version, gpu,
                j->any_driver);
        fix_compat(j, f);
    } else if (result_is(c->init, CUDA_MISMATCH) || (!lists_host_branch(j) && !result_is(c->init, 0))) {
        f = ADD(j, "DRIVER_LIB_MISMATCH", FAIL, NULL, COMPAT_UNLISTED, c->version, j->any_driver);
        fix_compat(j, f);
    } else if (!failed) {
        f = ADD(j, "FORWARD_COMPAT", NOTE, NULL, COMPAT_NOTE, c->cuda, j->any_driver, c->version);
    }
    if (f)
        judge_evidence(j, f, "libcuda.path = %s", known(c->path) ? c->path : "?");
    if (f && c->init.known == CAIRN_YES)
        judge_evidence(j, f, "libcuda.init = %d", c->init.value);
}

/* Versions that are there and differ. "580.95" and "580.95.00" are one. */
static bool differ(const char *a, const char *b)
{
    return known(a) && known(b) && version_compare(a, b) != 0;
}

/* A libcuda of the module's version lies elsewhere: the path is at fault, not the upgrade. */
static const char *matching_other(const judge *j)
{
    const cairn_texts *others = &j->facts->libcuda.others;
    for (int i = 0; j->kernel_driver && i < others->count; i++)
        if (text_ends(others->items[i], j->kernel_driver))
            return others->items[i];
    return NULL;
}

static void fix_mismatch(judge *j, cairn_finding *f)
{
    const char *other = matching_other(j);
    if (other)
        judge_fix(j, f, "export LD_LIBRARY_PATH=%s:$LD_LIBRARY_PATH", folder_of(j, other));
    if (j->in_container) {
        int branch = branch_of(j->data, j->user_driver);
        judge_fix(j, f, "sudo apt remove --purge 'libnvidia-compute-%d*' 'nvidia-utils-%d*' && sudo ldconfig",
                  branch, branch);
        judge_fix(j, f, "docker restart %s", "$(hostname)");
        return;
    }
    judge_fix(j, f, "sudo reboot");
    judge_fix(j, f, "sudo rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia && sudo modprobe nvidia");
}

static void library_mismatch(judge *j)
{
    const cairn_facts *c = j->facts;
    const char *nvml = c->nvml.known == CAIRN_YES ? c->nvml.version : NULL;
    const char *user = differ(j->user_driver, j->kernel_driver) ? j->user_driver : nvml;
    bool versions =
        differ(j->user_driver, j->kernel_driver) || (differ(nvml, j->kernel_driver) && !j->user_driver);
    bool results = result_is(c->libcuda.init, CUDA_MISMATCH) || result_is(c->nvml.init, NVML_MISMATCH);
    if ((!versions && !results) || (versions && result_is(c->libcuda.init, 0)) || j->jetson)
        return;
    cairn_finding *f = versions
                           ? ADD(j, "DRIVER_LIB_MISMATCH", FAIL, NULL, LIB_MISMATCH, j->kernel_driver, user)
                           : ADD(j, "DRIVER_LIB_MISMATCH", FAIL, NULL, LIB_MISMATCH_UNKNOWN);
    if (j->kernel_driver)
        judge_evidence(j, f, "module.version = %s", j->kernel_driver);
    if (j->user_driver)
        judge_evidence(j, f, "libcuda.version = %s", j->user_driver);
    if (c->libcuda.init.known == CAIRN_YES)
        judge_evidence(j, f, "libcuda.init = %d", c->libcuda.init.value);
    if (c->nvml.init.known == CAIRN_YES)
        judge_evidence(j, f, "nvml.init = %d", c->nvml.init.value);
    fix_mismatch(j, f);
}

static void wsl_shadowed(judge *j)
{
    const cairn_libcuda *c = &j->facts->libcuda;
    if (!j->wsl || c->known != CAIRN_YES || !known(c->path) || text_starts(c->path, "/usr/lib/wsl/") ||
        text_starts(c->path, "/mnt/"))
        return;
    cairn_finding *f = ADD(j, "WSL_DRIVER_SHADOWED", FAIL, NULL, WSL_SHADOWED, c->path);
    judge_evidence(j, f, "libcuda.path = %s", c->path);
    judge_fix(j, f, "export LD_LIBRARY_PATH=/usr/lib/wsl/lib:$LD_LIBRARY_PATH");
    for (int i = 0; i < j->facts->packages.count; i++) {
        const char *name = j->facts->packages.items[i].key;
        if (text_starts(name, "libnvidia-compute") || is_driver_package(name))
            judge_fix(j, f, "sudo apt remove --purge %s", name);
    }
    judge_fix(j, f, "sudo apt remove --purge 'libnvidia-compute-*' 'nvidia-driver-*' && sudo ldconfig");
}

static void stub(judge *j)
{
    const cairn_libcuda *c = &j->facts->libcuda;
    if (c->known != CAIRN_YES || (!text_has(c->path, "/stubs/") && !result_is(c->init, CUDA_STUB_LIBRARY)))
        return;
    cairn_finding *f = ADD(j, "LIBCUDA_IS_STUB", FAIL, NULL, STUB, c->path);
    judge_evidence(j, f, "libcuda.path = %s", known(c->path) ? c->path : "?");
    judge_fix(j, f, "unset LD_LIBRARY_PATH");
}

void judge_driver(judge *j)
{
    if (j->wsl) {
        no_driver_wsl(j);
        wsl_shadowed(j);
        predates(j);
        dropped(j);
        return;
    }
    if (!j->in_container && !j->jetson && !j->windows) {
        no_driver(j);
        nouveau_in_use(j);
        passed_through(j);
    }
    if (!j->jetson) {
        dropped(j);
        predates(j);
        open_module(j);
        closed_module(j);
    }
    if (!j->in_container && !j->jetson && !j->windows)
        module_not_loaded(j);
    stub(j);
    if (j->compat)
        forward_compat(j);
    else
        library_mismatch(j);
}
