/* Was the container given a GPU, and does it still have it? */
#include "doctor/judge.h"

#include <string.h>

enum { NVML_UNKNOWN = 999, NVML_OPERATING_SYSTEM = 17 };

static const char *variable(const judge *j, const char *name)
{
    return pairs_get(&j->facts->environment, name);
}

static const cairn_node *node(const judge *j, const char *path)
{
    for (int i = 0; i < j->facts->nodes.count; i++)
        if (text_is(j->facts->nodes.items[i].path, path))
            return &j->facts->nodes.items[i];
    return NULL;
}

static bool node_absent(const judge *j, const char *path)
{
    const cairn_node *n = node(j, path);
    return n && n->present == CAIRN_NO;
}

static const char *kind(const judge *j)
{
    return known(j->facts->container.kind) ? j->facts->container.kind : "docker";
}

/* ---- NVIDIA_REQUIRE_CUDA ------------------------------------------------------------------------*/

typedef enum operation { AT_LEAST, ABOVE, AT_MOST, BELOW, EQUAL, NOT_EQUAL } operation;

static bool compare(const char *have, operation op, const char *want)
{
    int order = version_compare(have, want);
    switch (op) {
    case AT_LEAST: return order >= 0;
    case ABOVE: return order > 0;
    case AT_MOST: return order <= 0;
    case BELOW: return order < 0;
    case EQUAL: return order == 0;
    case NOT_EQUAL: return order != 0;
    }
    return false;
}

/* "cuda>=12.4" -> its operator and where its version begins. */
static const char *split(const char *condition, operation *op)
{
    const char *at = condition + strcspn(condition, "<>=!");
    bool equals = at[0] && at[1] == '=';
    switch (*at) {
    case '>': *op = equals ? AT_LEAST : ABOVE; break;
    case '<': *op = equals ? AT_MOST : BELOW; break;
    case '!': *op = NOT_EQUAL; break;
    default: *op = EQUAL; break;
    }
    return at + (*at != '\0') + equals;
}

static bool brand_is(const judge *j, const char *brand, operation op)
{
    bool is = false;
    for (int i = 0; i < j->gpu_count; i++) {
        const char *segment = j->gpus[i].segment;
        is |= (text_starts(segment, "GeForce") && !strncmp(brand, "geforce", 7)) ||
              (text_starts(segment, "Data centre") && !strncmp(brand, "tesla", 5)) ||
              (text_starts(segment, "Workstation") && !strncmp(brand, "quadro", 6));
    }
    return op == NOT_EQUAL ? !is : is;
}

/* One condition; what is not known counts as fulfilled. */
static bool fulfilled(const judge *j, const char *condition)
{
    operation op;
    const char *value = split(condition, &op);
    if (text_starts(condition, "cuda"))
        return !j->driver.cuda || compare(j->driver.cuda, op, value);
    if (text_starts(condition, "driver"))
        return !j->any_driver || compare(j->any_driver, op, value);
    if (text_starts(condition, "brand"))
        return brand_is(j, value, op);
    return true;
}

/* Alternatives are separated by spaces, the conditions of one by commas. */
static bool requirement_met(judge *j, const char *requirement)
{
    for (const char *p = requirement; *p;) {
        size_t length = strcspn(p, " ");
        bool all = length > 0;
        for (const char *c = p; c < p + length;) {
            size_t n = strcspn(c, ", ");
            all &= fulfilled(j, arena_copy(j->memory, c, n));
            c += n + 1;
        }
        if (all)
            return true;
        p += length + (p[length] == ' ');
    }
    return !*requirement;
}

static const char *requirement_of_message(judge *j)
{
    for (int i = 0; i < j->facts->messages.count; i++) {
        const char *at = strstr(j->facts->messages.items[i], "unsatisfied condition: ");
        if (at) {
            at += strlen("unsatisfied condition: ");
            return arena_copy(j->memory, at, strcspn(at, ", "));
        }
    }
    return NULL;
}

static bool runs(const judge *j)
{
    return j->facts->libcuda.init.known == CAIRN_YES && j->facts->libcuda.init.value == 0;
}

static void requirement(judge *j)
{
    const char *refused = requirement_of_message(j), *required = variable(j, "NVIDIA_REQUIRE_CUDA");
    const char *disabled = variable(j, "NVIDIA_DISABLE_REQUIRE");
    if (!refused && (!required || (disabled && strcmp(disabled, "0")) || requirement_met(j, required)))
        return;
    if (!refused && j->in_container && runs(j))
        return; /* it was let in */
    const char *wanted = refused ? refused : arena_copy(j->memory, required, strcspn(required, " ,"));
    cairn_finding *f =
        ADD(j, "CONTAINER_REQUIREMENT", FAIL, NULL, CONTAINER_REQUIREMENT, wanted,
            j->driver.cuda ? j->driver.cuda : cuda_of_branch(j->data, branch_of(j->data, j->any_driver)));
    judge_evidence(j, f, refused ? "messages: unsatisfied condition: %s" : "NVIDIA_REQUIRE_CUDA = %s",
                   wanted);
    judge_fix(j, f, "docker run --gpus all -e NVIDIA_DISABLE_REQUIRE=1 IMAGE");
    operation op;
    const char *value = text_starts(wanted, "cuda") ? split(wanted, &op) : NULL;
    const cuda_arch_row *row = cuda_row(j->data, value);
    int branch = row && known(row->native_driver_branch)
                     ? best_branch(j->data, j->gpus, j->gpu_count, version_part(row->native_driver_branch, 0))
                     : 0;
    if (branch)
        judge_fix(j, f, "%s", driver_command(j, branch, wants_open_module(j)));
}

/* ---- Devices ------------------------------------------------------------------------------------*/

static bool set_and(const char *value, const char *a, const char *b)
{
    return value && (!strcmp(value, a) || !strcmp(value, b));
}

/* Something says that a GPU was meant to be here. */
static bool gpu_was_meant(const judge *j)
{
    const char *visible = variable(j, "NVIDIA_VISIBLE_DEVICES");
    return j->gpu_count || j->facts->module.known == CAIRN_YES || (visible && *visible) ||
           message_has(j, "Found no NVIDIA driver") || message_has(j, "No CUDA GPUs are available") ||
           message_has(j, "no CUDA-capable device is detected");
}

static bool devices_missing(const judge *j)
{
    const char *visible = variable(j, "NVIDIA_VISIBLE_DEVICES");
    if (runs(j))
        return false;
    if (set_and(visible, "void", "none") && j->facts->libcuda.known != CAIRN_YES)
        return true;
    if (j->facts->libcuda.known == CAIRN_NO)
        return node_absent(j, j->wsl ? "/dev/dxg" : "/dev/nvidiactl") || j->facts->nodes.known != CAIRN_YES ||
               !node(j, "/dev/nvidiactl");
    return node_absent(j, "/dev/nvidiactl") && !j->wsl && !j->jetson;
}

static const char *run_command(const judge *j)
{
    if (text_is(kind(j), "podman"))
        return "podman run --device nvidia.com/gpu=all IMAGE";
    if (text_is(kind(j), "kubernetes"))
        return "kubectl set resources deployment NAME --limits=nvidia.com/gpu=1";
    if (text_is(kind(j), "apptainer") || text_is(kind(j), "singularity"))
        return "apptainer run --nv IMAGE";
    if (text_is(kind(j), "lxc"))
        return "lxc config device add NAME gpu gpu";
    return "docker run --gpus all IMAGE";
}

static void no_access(judge *j)
{
    const char *capabilities = variable(j, "NVIDIA_DRIVER_CAPABILITIES");
    bool lacks_compute =
        known(capabilities) && !text_has(capabilities, "compute") && !text_has(capabilities, "all");
    if (lacks_compute && j->facts->libcuda.known == CAIRN_NO) {
        cairn_finding *f = ADD(j, "CONTAINER_NO_GPU", FAIL, NULL, CONTAINER_CAPABILITIES, capabilities);
        judge_evidence(j, f, "NVIDIA_DRIVER_CAPABILITIES = %s", capabilities);
        judge_fix(j, f, "docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility IMAGE");
        return;
    }
    if (!gpu_was_meant(j) || !devices_missing(j))
        return;
    cairn_finding *f = ADD(j, "CONTAINER_NO_GPU", FAIL, NULL, CONTAINER_NO_GPU, kind(j));
    judge_evidence(j, f, "container.kind = %s", kind(j));
    if (node_absent(j, "/dev/nvidiactl"))
        judge_evidence(j, f, "/dev/nvidiactl: not there");
    const char *visible = variable(j, "NVIDIA_VISIBLE_DEVICES");
    if (visible)
        judge_evidence(j, f, "NVIDIA_VISIBLE_DEVICES = %s", visible);
    judge_fix(j, f, "%s", run_command(j));
    judge_fix(j, f, "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker");
}

static void lost_devices(judge *j)
{
    cairn_number n = j->facts->nvml.init;
    bool result = n.known == CAIRN_YES && (n.value == NVML_UNKNOWN || n.value == NVML_OPERATING_SYSTEM);
    bool said =
        message_has(j, "Failed to initialize NVML: Unknown Error") && !(n.known == CAIRN_YES && n.value == 0);
    if (!result && !said)
        return;
    const char *number = n.known == CAIRN_YES ? arena_format(j->memory, "%d", n.value) : "999";
    cairn_finding *f = ADD(j, "CONTAINER_CGROUP_LOST_DEVICES", FAIL, NULL, CONTAINER_LOST, number);
    if (n.known == CAIRN_YES)
        judge_evidence(j, f, "nvml.init = %d", n.value);
    if (known(j->facts->container.cgroup))
        judge_evidence(j, f, "container.cgroup = %s", j->facts->container.cgroup);
    judge_fix(j, f, "%s restart %s", text_is(kind(j), "podman") ? "podman" : "docker", "CONTAINER");
    judge_fix(j, f, "sudo nvidia-ctk system create-dev-char-symlinks --create-all");
    judge_fix(j, f, "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml");
}

void judge_container(judge *j)
{
    requirement(j);
    if (!j->in_container || judge_has(j, "CONTAINER_REQUIREMENT"))
        return;
    lost_devices(j);
    if (!judge_has(j, "CONTAINER_CGROUP_LOST_DEVICES"))
        no_access(j);
}
