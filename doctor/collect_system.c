/* The system: platform, distribution, board, container, Secure Boot, environment, kernel's log. */
#include "doctor/collect.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Of another root's programs; a mounted image may be for another machine. */
static const char *machine_of_root(const collector *c)
{
    static const char *const programs[] = {"/bin/sh", "/usr/bin/sh", "/bin/ls", "/usr/bin/env"};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        int fd = root_open(c, programs[i]);
        const char *machine = fd >= 0 ? elf_machine(fd) : NULL;
        if (fd >= 0)
            close(fd);
        if (machine)
            return machine;
    }
    return NULL;
}

static bool file_has(const collector *c, const char *path, const char *part)
{
    file_text text;
    if (!root_read(c, path, SMALL_FILE, &text))
        return false;
    bool has = strstr(text.bytes, part) != NULL;
    file_text_free(&text);
    return has;
}

static void kernel(collector *c)
{
    struct utsname u;
    cairn_facts *f = c->facts;
    if (c->live && uname(&u) == 0) {
        f->machine = arena_text(c->memory, u.machine);
        f->kernel = arena_text(c->memory, u.release);
    } else {
        f->machine = machine_of_root(c);
        f->kernel = root_line(c, "/proc/sys/kernel/osrelease");
    }
    const char *version =
        known(f->kernel) ? NULL : root_line(c, "/proc/version"); /* "Linux version 6.8.0 (" */
    if (text_starts(version, "Linux version "))
        f->kernel = arena_copy(c->memory, version + strlen("Linux version "),
                               strcspn(version + strlen("Linux version "), " "));
    bool wsl = text_has(f->kernel, "microsoft") || text_has(f->kernel, "WSL2") ||
               file_has(c, "/proc/version", "microsoft");
    f->platform = wsl ? "wsl2" : "linux";
}

/* The value of KEY=value or KEY="value" in a file of such lines. */
static const char *setting(const collector *c, const char *text, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, key, length) || line[length] != '=')
            continue;
        const char *value = line + length + 1;
        char quote = *value == '"' || *value == '\'' ? *value++ : '\0';
        size_t n = quote ? strcspn(value, quote == '"' ? "\"\n" : "'\n") : strcspn(value, " \t\r\n");
        return arena_copy(c->memory, value, n);
    }
    return NULL;
}

static void distribution(collector *c)
{
    file_text text;
    if (!root_read(c, "/etc/os-release", SMALL_FILE, &text) &&
        !root_read(c, "/usr/lib/os-release", SMALL_FILE, &text))
        return;
    const char *id = setting(c, text.bytes, "ID"), *version = setting(c, text.bytes, "VERSION_ID");
    if (id)
        c->facts->distribution = version ? arena_format(c->memory, "%s %s", id, version) : id;
    file_text_free(&text);
}

/* "# R36 (release), REVISION: 4.0, ..." -> "jetson r36.4" */
static void board(collector *c)
{
    const char *line = root_line(c, "/etc/nv_tegra_release");
    int release, revision;
    if (line && sscanf(line, "# R%d (release), REVISION: %d", &release, &revision) == 2) {
        c->facts->board = arena_format(c->memory, "jetson r%d.%d", release, revision);
        return;
    }
    const char *model = root_line(c, "/proc/device-tree/model");
    if (text_has(model, "Jetson") || text_has(model, "Orin") || text_has(model, "Thor"))
        c->facts->board = "jetson";
    else
        c->facts->board = "";
}

static void container(collector *c)
{
    cairn_container *k = &c->facts->container;
    const char *kind = NULL, *variable = environment(c, "container");
    if (root_exists(c, "/.dockerenv"))
        kind = "docker";
    else if (root_exists(c, "/run/.containerenv"))
        kind = "podman";
    else if (root_exists(c, "/.singularity.d") || root_exists(c, "/singularity"))
        kind = "apptainer";
    else if (environment(c, "KUBERNETES_SERVICE_HOST") || root_exists(c, "/var/run/secrets/kubernetes.io"))
        kind = "kubernetes";
    else if (variable && *variable)
        kind = arena_text(c->memory, variable);
    else if (file_has(c, "/proc/1/cgroup", "docker") || file_has(c, "/proc/1/cgroup", "containerd"))
        kind = "docker";
    k->known = kind ? CAIRN_YES : CAIRN_NO;
    k->kind = kind;
    if (kind && (file_has(c, "/proc/1/cgroup", ".scope") || file_has(c, "/proc/1/cgroup", ".slice")))
        k->cgroup = "systemd";
}

static void secure_boot(collector *c)
{
    file_text text;
    const char *path = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    if (root_read(c, path, SMALL_FILE, &text)) {
        if (text.count >= 5) /* four bytes of attributes come first */
            c->facts->secure_boot = text.bytes[4] == 1 ? CAIRN_YES : CAIRN_NO;
        file_text_free(&text);
    } else if (root_is_folder(c, "/sys/firmware") && !root_is_folder(c, "/sys/firmware/efi")) {
        c->facts->secure_boot = CAIRN_NO; /* started without EFI */
    }
}

static void variables(collector *c)
{
    static const char *const names[] = {"LD_LIBRARY_PATH",
                                        "LD_PRELOAD",
                                        "CUDA_VISIBLE_DEVICES",
                                        "CUDA_HOME",
                                        "CUDA_PATH",
                                        "CUDA_DEVICE_ORDER",
                                        "CUDA_MODULE_LOADING",
                                        "NVIDIA_VISIBLE_DEVICES",
                                        "NVIDIA_DRIVER_CAPABILITIES",
                                        "NVIDIA_REQUIRE_CUDA",
                                        "NVIDIA_DISABLE_REQUIRE",
                                        "CONDA_PREFIX",
                                        "CONDA_OVERRIDE_CUDA",
                                        "VIRTUAL_ENV",
                                        "PYTORCH_CUDA_ALLOC_CONF",
                                        "TORCH_CUDA_ARCH_LIST"};
    if (!c->live)
        return;
    c->facts->environment.known = CAIRN_NO;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value)
            pairs_add(c->memory, &c->facts->environment, names[i], arena_copy(c->memory, value, PATH_ROOM));
    }
}

static void fabric_manager(collector *c)
{
    static const char *const units[] = {"/lib/systemd/system/nvidia-fabricmanager.service",
                                        "/usr/lib/systemd/system/nvidia-fabricmanager.service"};
    bool running = root_exists(c, "/run/nvidia-fabricmanager/nv-fabricmanager.pid") ||
                   root_exists(c, "/var/run/nvidia-fabricmanager/nv-fabricmanager.pid");
    bool there = false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        there |= root_exists(c, units[i]);
    if (c->facts->container.known != CAIRN_YES)
        c->facts->fabric_manager = running ? "running" : there ? "stopped" : "";
}

/* Lines of the driver in the kernel's log of this boot, where the user may read it. */
static void kernel_log(collector *c)
{
    enum { MOST_LINES = 64, MOST_RECORDS = 20000 };
    char record[8192];
    int fd = c->live ? open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    for (int i = 0; fd >= 0 && i < MOST_RECORDS && c->facts->messages.count < MOST_LINES; i++) {
        ssize_t n = read(fd, record, sizeof record - 1);
        if (n <= 0)
            break;
        record[n] = '\0';
        const char *text = strchr(record, ';');
        if (text && (strstr(text, "NVRM:") || (strstr(text, "nvidia") && strstr(text, "Key was rejected"))))
            texts_add(c->memory, &c->facts->messages,
                      arena_copy(c->memory, text + 1, strcspn(text + 1, "\n")));
    }
    if (fd >= 0)
        close(fd);
}

void collect_system(collector *c)
{
    kernel(c);
    distribution(c);
    board(c);
    container(c);
    secure_boot(c);
    variables(c);
    fabric_manager(c);
    kernel_log(c);
}
