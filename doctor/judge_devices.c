/* The driver is there: can this process use the GPU? */
#include "doctor/judge.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { CUDA_NO_DEVICE = 100, CUDA_NOT_READY = 802, CUDA_UNKNOWN = 999, NVML_NO_PERMISSION = 4 };

static bool result_is(cairn_number n, int value)
{
    return n.known == CAIRN_YES && n.value == value;
}

static bool works(const judge *j)
{
    return result_is(j->facts->libcuda.init, 0);
}

/* ---- Permission ---------------------------------------------------------------------------------*/

static bool is_gpu_node(const char *path)
{
    return text_starts(path, "/dev/nvidia") || text_is(path, "/dev/dxg") ||
           text_starts(path, "/dev/dri/render");
}

static bool may_not_open(const cairn_node *n)
{
    return n->present != CAIRN_NO && (n->readable == CAIRN_NO || n->writable == CAIRN_NO) &&
           is_gpu_node(n->path);
}

static bool group_may(const cairn_node *n)
{
    size_t length = n->mode ? strlen(n->mode) : 0;
    char digit = length >= 3 ? n->mode[length - 2] : '0';
    return digit == '6' || digit == '7';
}

static void permission(judge *j)
{
    const cairn_node *closed = NULL;
    for (int i = 0; i < j->facts->nodes.count && !closed; i++)
        if (may_not_open(&j->facts->nodes.items[i]))
            closed = &j->facts->nodes.items[i];
    if (!closed || works(j))
        return;
    cairn_finding *f =
        ADD(j, "DEVICE_PERMISSION", FAIL, NULL, PERMISSION, closed->path, closed->mode, closed->group);
    judge_evidence(j, f, "%s: mode %s, group %s", closed->path, closed->mode ? closed->mode : "?",
                   closed->group ? closed->group : "?");
    if (known(closed->group) && strcmp(closed->group, "root") && group_may(closed))
        judge_fix(j, f, "sudo usermod -aG %s $USER && newgrp %s", closed->group, closed->group);
    judge_fix(j, f, "sudo chmod a+rw %s", closed->path);
    if (!j->wsl && !j->in_container)
        judge_fix(j, f,
                  "echo 'options nvidia NVreg_DeviceFileMode=0666' | sudo tee "
                  "/etc/modprobe.d/nvidia-mode.conf && sudo reboot");
}

static void permission_by_nvml(judge *j)
{
    if (judge_fails(j) || works(j) || !result_is(j->facts->nvml.init, NVML_NO_PERMISSION))
        return;
    cairn_finding *f = ADD(j, "DEVICE_PERMISSION", FAIL, NULL, PERMISSION, "/dev/nvidiactl", "?", "?");
    judge_evidence(j, f, "nvml.init = %d", NVML_NO_PERMISSION);
    judge_fix(j, f, "sudo chmod a+rw /dev/nvidia*");
}

/* ---- Hidden by the environment -------------------------------------------------------------------*/

/* What CUDA makes of the list: it ends before the first entry that is no GPU. */
static bool hides_all(const judge *j, const char *value)
{
    while (isspace((unsigned char)*value))
        value++;
    if (text_starts(value, "GPU-") || text_starts(value, "MIG-"))
        return false;
    if (!isdigit((unsigned char)*value))
        return true; /* "", "-1", "NoDevFiles", "none" */
    long first = strtol(value, NULL, 10);
    return j->facts->gpus.count > 0 && first >= j->facts->gpus.count;
}

static void hidden(judge *j)
{
    const char *value = pairs_get(&j->facts->environment, "CUDA_VISIBLE_DEVICES");
    const cairn_libcuda *c = &j->facts->libcuda;
    if (!value || works(j) || j->no_gpu)
        return;
    bool by_result = result_is(c->init, CUDA_NO_DEVICE) && result_is(c->init_unhidden, 0);
    bool still_fails = c->init_unhidden.known == CAIRN_YES && c->init_unhidden.value != 0;
    if (!by_result && (!hides_all(j, value) || still_fails))
        return;
    cairn_finding *f = ADD(j, "GPU_HIDDEN_BY_ENV", FAIL, NULL, HIDDEN, *value ? value : "\"\"");
    judge_evidence(j, f, "CUDA_VISIBLE_DEVICES = \"%s\"", value);
    if (c->init.known == CAIRN_YES)
        judge_evidence(j, f, "libcuda.init = %d", c->init.value);
    if (c->init_unhidden.known == CAIRN_YES)
        judge_evidence(j, f, "libcuda.init_unhidden = %d", c->init_unhidden.value);
    judge_fix(j, f, "unset CUDA_VISIBLE_DEVICES");
}

/* ---- Services -----------------------------------------------------------------------------------*/

static bool uvm_node_missing(const judge *j)
{
    bool control = false, missing = false;
    for (int i = 0; i < j->facts->nodes.count; i++) {
        const cairn_node *n = &j->facts->nodes.items[i];
        control |= text_is(n->path, "/dev/nvidiactl") && n->present == CAIRN_YES;
        missing |= text_is(n->path, "/dev/nvidia-uvm") && n->present == CAIRN_NO;
    }
    return control && missing;
}

static void uvm(judge *j)
{
    const cairn_libcuda *c = &j->facts->libcuda;
    bool failed = c->known == CAIRN_YES && c->init.known == CAIRN_YES && c->init.value != 0;
    bool missing = uvm_node_missing(j) && failed;
    if (judge_fails(j) || j->wsl || (!result_is(c->init, CUDA_UNKNOWN) && !missing))
        return;
    cairn_finding *f = ADD(j, "UVM_STALE", FAIL, NULL, UVM);
    judge_evidence(j, f, "libcuda.init = %d", c->init.value);
    if (uvm_node_missing(j))
        judge_evidence(j, f, "/dev/nvidia-uvm: not there");
    if (uvm_node_missing(j))
        judge_fix(j, f, "sudo modprobe nvidia_uvm && sudo nvidia-modprobe -u -c=0");
    judge_fix(j, f, "sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm");
}

/* "nvidia-fabricmanager-550" -> its version; NULL when it is not installed. */
static const char *fabric_package(const judge *j)
{
    for (int i = 0; i < j->facts->packages.count; i++) {
        const char *name = j->facts->packages.items[i].key;
        if (text_starts(name, "nvidia-fabricmanager") || text_starts(name, "nvidia-fabric-manager") ||
            text_starts(name, "cuda-drivers-fabricmanager"))
            return j->facts->packages.items[i].value;
    }
    return NULL;
}

static void fix_fabric(judge *j, cairn_finding *f, bool install)
{
    int branch = branch_of(j->data, j->any_driver);
    const char *d = j->facts->distribution;
    bool apt = !d || text_starts(d, "ubuntu") || text_starts(d, "debian");
    if (!install)
        judge_fix(j, f, "sudo systemctl enable --now nvidia-fabricmanager");
    else if (apt && branch)
        judge_fix(j, f,
                  "sudo apt install nvidia-fabricmanager-%d=%s-1 && sudo systemctl enable --now "
                  "nvidia-fabricmanager",
                  branch, j->any_driver);
    else
        judge_fix(
            j, f,
            "sudo dnf install nvidia-fabric-manager-%s && sudo systemctl enable --now nvidia-fabricmanager",
            j->any_driver ? j->any_driver : "");
}

static void fabric(judge *j)
{
    const cairn_facts *c = j->facts;
    bool switches = c->nvswitch.known == CAIRN_YES && c->nvswitch.value > 0;
    bool not_ready = result_is(c->libcuda.init, CUDA_NOT_READY);
    const char *package = fabric_package(j);
    if ((!switches && !not_ready) || (works(j) && !c->fabric_manager))
        return;
    bool running = text_is(c->fabric_manager, "running");
    bool wrong = switches && package && j->any_driver && version_compare(package, j->any_driver) != 0;
    bool stopped = c->fabric_manager && !running;
    if (!not_ready && (works(j) || (!wrong && !stopped)))
        return;
    cairn_finding *f = wrong ? ADD(j, "FABRIC_MANAGER", FAIL, NULL, FABRIC_VERSION, package, j->any_driver)
                             : ADD(j, "FABRIC_MANAGER", FAIL, NULL, FABRIC_STOPPED, j->any_driver);
    judge_evidence(j, f, "nvswitch = %d, fabric_manager = %s", c->nvswitch.value,
                   known(c->fabric_manager) ? c->fabric_manager : "none");
    if (not_ready)
        judge_evidence(j, f, "libcuda.init = 802");
    fix_fabric(j, f, wrong || (absent(c->fabric_manager) && !package));
    if (running && !wrong)
        judge_fix(j, f, "sudo systemctl restart nvidia-fabricmanager");
}

/* ---- What is left -------------------------------------------------------------------------------*/

static void unresponsive(judge *j)
{
    const char *cuda = j->facts->libcuda.known == CAIRN_YES ? j->facts->libcuda.died : NULL;
    const char *nvml = j->facts->nvml.known == CAIRN_YES ? j->facts->nvml.died : NULL;
    if (!known(cuda) && !known(nvml))
        return;
    const char *library = known(cuda) ? "libcuda" : "NVML", *how = known(cuda) ? cuda : nvml;
    if (j->language == CAIRN_CHINESE)
        how = text_is(how, "hung") ? "没有响应" : "崩溃";
    cairn_severity severity = known(cuda) ? CAIRN_FAIL : CAIRN_WARN;
    const char *why = TEXT_FILL(j->memory, j->language, UNRESPONSIVE, library, how);
    cairn_finding *f = judge_add(j, "DRIVER_UNRESPONSIVE", severity, NULL, why);
    judge_evidence(j, f, "%s.died = %s", library, known(cuda) ? cuda : nvml);
    judge_fix(j, f, "sudo dmesg | grep -i -e nvrm -e xid");
    judge_fix(j, f, "sudo reboot");
}

static const char *error_name(int result)
{
    switch (result) {
    case 2: return "out of memory";
    case 3: return "not initialized";
    case 100: return "no CUDA-capable device is detected";
    case 101: return "invalid device";
    case 304: return "operating system call failed";
    case 802: return "system not yet initialized";
    case 803: return "driver and library do not match";
    case 804: return "forward compatibility on unsupported hardware";
    case 999: return "unknown error";
    default: return "see cuda.h";
    }
}

/* CUDA does not start although GPUs are there, and nothing so far says why. */
static void init_failed(judge *j)
{
    cairn_number n = j->facts->libcuda.init;
    bool none = n.known == CAIRN_YES && n.value == CUDA_NO_DEVICE && !j->gpu_count;
    if (j->facts->libcuda.known != CAIRN_YES || n.known != CAIRN_YES || n.value == 0 || none ||
        judge_fails(j))
        return;
    const char *number = arena_format(j->memory, "%d", n.value);
    cairn_finding *f =
        ADD(j, "CUDA_INIT_FAILED", FAIL, NULL, INIT_FAILED, number, error_name(n.value), j->any_driver);
    judge_evidence(j, f, "libcuda.init = %d", n.value);
    judge_fix(j, f, "nvidia-smi");
    judge_fix(j, f, "sudo dmesg | grep -i -e nvrm -e xid");
}

static void proof(judge *j)
{
    const char *proof = j->facts->libcuda.known == CAIRN_YES ? j->facts->libcuda.proof : NULL;
    if (!known(proof) || text_is(proof, "ok"))
        return;
    cairn_finding *f = ADD(j, "GPU_COMPUTES_WRONG", FAIL, NULL, PROOF_FAILED, proof);
    judge_evidence(j, f, "libcuda.proof = %s", proof);
    judge_fix(j, f, "sudo dmesg | grep -i -e nvrm -e xid");
}

void judge_devices(judge *j)
{
    permission(j);
    permission_by_nvml(j);
    hidden(j);
    fabric(j);
    uvm(j);
    unresponsive(j);
    init_failed(j);
    proof(j);
}
