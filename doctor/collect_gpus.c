/* The GPUs on the bus, the kernel modules, and the device nodes. */
#include "doctor/collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char pci_folder[] = "/sys/bus/pci/devices";

/* A number such as 0x10de in a file of /sys; -1 when it cannot be read. */
static long hex_file(const collector *c, const char *folder, const char *name)
{
    const char *line = root_line(c, path_join(c, folder, name));
    char *end;
    long value = line ? strtol(line, &end, 16) : -1;
    return line && end != line ? value : -1;
}

static void pci_device(collector *c, const char *slot)
{
    enum { NVIDIA = 0x10de, DISPLAY = 0x03, BRIDGE_OTHER = 0x0680 };
    const char *folder = path_join(c, pci_folder, slot);
    if (hex_file(c, folder, "vendor") != NVIDIA)
        return;
    long kind = hex_file(c, folder, "class"), device = hex_file(c, folder, "device");
    if (kind >> 8 == BRIDGE_OTHER)
        c->facts->nvswitch.value++;
    if (kind >> 16 != DISPLAY || device < 0)
        return;
    const char *driver = root_link_name(c, path_join(c, folder, "driver"));
    *LIST_ADD(c->memory, &c->facts->gpus) = (cairn_gpu){
        .pci = arena_format(c->memory, "10de:%04lx", device & 0xffff),
        .slot = slot,
        .pci_class = arena_format(c->memory, "%04lx", (kind >> 8) & 0xffff),
        .driver = driver ? driver : "",
    };
}

static void pci(collector *c)
{
    enum { MOST_DEVICES = 4096 };
    if (!root_is_folder(c, pci_folder)) {
        /* A machine without the bus has no such GPU; an image without /sys says nothing. */
        if (c->live && text_is(c->facts->platform, "linux") && absent(c->facts->board))
            c->facts->gpus.known = c->facts->nvswitch.known = CAIRN_NO;
        return;
    }
    cairn_texts slots = root_list(c, pci_folder, MOST_DEVICES);
    bool elsewhere = text_is(c->facts->platform, "wsl2") || known(c->facts->board);
    c->facts->gpus.known = elsewhere ? CAIRN_UNKNOWN : CAIRN_NO;
    c->facts->nvswitch = (cairn_number){CAIRN_YES, 0};
    for (int i = 0; i < slots.count; i++)
        pci_device(c, slots.items[i]);
}

/* ---- Modules ------------------------------------------------------------------------------------*/

static void module(collector *c)
{
    cairn_module *m = &c->facts->module;
    file_text text;
    bool sys = root_is_folder(c, "/sys/module");
    m->known = sys || root_is_folder(c, "/proc/driver") ? CAIRN_NO : CAIRN_UNKNOWN;
    const char *version = root_line(c, "/sys/module/nvidia/version");
    if (root_read(c, "/proc/driver/nvidia/version", SMALL_FILE, &text)) {
        bool open = strstr(text.bytes, "Open Kernel Module");
        m->flavour = open ? "open" : strstr(text.bytes, "Kernel Module") ? "closed" : NULL;
        const char *at = strstr(text.bytes, "Kernel Module");
        at = at ? at + strcspn(at, "0123456789\n") : NULL;
        /* "for x86_64  580.126.09": the number after the machine's name */
        while (!version && at && *at && *at != '\n') {
            size_t n = strspn(at, "0123456789.");
            if (n >= 5 && memchr(at, '.', n))
                version = arena_copy(c->memory, at, n);
            at += n ? n : 1;
            at += strcspn(at, "0123456789\n");
        }
        file_text_free(&text);
    }
    if (!known(version))
        return;
    m->known = CAIRN_YES;
    m->version = version;
}

static void other_modules(collector *c)
{
    static const char *const names[] = {"nouveau", "nova_core", "nvidiafb", "vfio_pci"};
    if (!root_is_folder(c, "/sys/module"))
        return;
    c->facts->other_modules.known = CAIRN_NO;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (root_exists(c, path_join(c, "/sys/module", names[i])))
            texts_add(c->memory, &c->facts->other_modules, names[i]);
}

static bool has_module_file(collector *c, const char *kernel)
{
    static const char *const folders[] = {"updates/dkms",
                                          "extra",
                                          "extra/nvidia",
                                          "weak-updates",
                                          "weak-updates/nvidia",
                                          "kernel/drivers/video",
                                          "kernel/drivers/video/nvidia",
                                          "updates",
                                          "extramodules"};
    static const char *const files[] = {"nvidia.ko", "nvidia.ko.zst", "nvidia.ko.xz", "nvidia.ko.gz"};
    const char *base = path_join(c, "/lib/modules", kernel);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (size_t k = 0; k < sizeof files / sizeof *files; k++)
            if (root_exists(c, arena_format(c->memory, "%s/%s/%s", base, folders[i], files[k])))
                return true;
    file_text text;
    if (!root_read(c, path_join(c, base, "modules.dep"), LARGE_FILE, &text))
        return false;
    bool has = strstr(text.bytes, "/nvidia.ko") != NULL;
    file_text_free(&text);
    return has;
}

static void module_files(collector *c)
{
    enum { MOST_KERNELS = 64 };
    if (!root_is_folder(c, "/lib/modules") || c->facts->container.known == CAIRN_YES)
        return;
    cairn_texts kernels = root_list(c, "/lib/modules", MOST_KERNELS);
    c->facts->module_files.known = CAIRN_NO;
    for (int i = 0; i < kernels.count; i++)
        if (has_module_file(c, kernels.items[i]))
            texts_add(c->memory, &c->facts->module_files, kernels.items[i]);
}

static void dkms(collector *c)
{
    enum { MOST = 64 };
    if (c->facts->container.known == CAIRN_YES)
        return;
    c->facts->dkms.known = CAIRN_NO;
    cairn_texts modules = root_list(c, "/var/lib/dkms", MOST);
    for (int i = 0; i < modules.count; i++) {
        if (!text_starts(modules.items[i], "nvidia"))
            continue;
        cairn_texts versions = root_list(c, path_join(c, "/var/lib/dkms", modules.items[i]), MOST);
        for (int k = 0; k < versions.count; k++)
            if (versions.items[k][0] >= '0' && versions.items[k][0] <= '9')
                texts_add(c->memory, &c->facts->dkms,
                          arena_format(c->memory, "%s/%s", modules.items[i], versions.items[k]));
    }
}

/* ---- Device nodes -------------------------------------------------------------------------------*/

/* The group's name out of /etc/group: a static program cannot ask the name service. */
static const char *group_name(const collector *c, unsigned id)
{
    file_text text;
    const char *name = NULL;
    if (!root_read(c, "/etc/group", LARGE_FILE, &text))
        return NULL;
    for (char *line = text.bytes; line && *line && !name;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        size_t length = strcspn(line, ":\n");
        char *number = line[length] == ':' ? strchr(line + length + 1, ':') : NULL;
        if (number && strtoul(number + 1, NULL, 10) == id)
            name = arena_copy(c->memory, line, length);
    }
    file_text_free(&text);
    return name;
}

static void node(collector *c, const char *path, bool only_if_present)
{
    struct stat s;
    char inside[PATH_ROOM], full[PATH_ROOM * 2];
    bool present = root_resolve(c, path, inside);
    snprintf(full, sizeof full, "%s%s", c->root, present ? inside : path);
    present = present && stat(full, &s) == 0;
    if (!present && only_if_present)
        return;
    cairn_node *n = LIST_ADD(c->memory, &c->facts->nodes);
    *n = (cairn_node){.path = arena_text(c->memory, path), .present = present ? CAIRN_YES : CAIRN_NO};
    if (!present)
        return;
    if (c->live) {
        n->readable = access(full, R_OK) == 0 ? CAIRN_YES : CAIRN_NO;
        n->writable = access(full, W_OK) == 0 ? CAIRN_YES : CAIRN_NO;
    }
    n->mode = arena_format(c->memory, "%04o", (unsigned)s.st_mode & 07777);
    n->group = group_name(c, s.st_gid);
}

static void nodes(collector *c)
{
    enum { MOST_GPUS = 16 };
    if (!root_is_folder(c, "/dev"))
        return;
    node(c, "/dev/nvidiactl", false);
    for (int i = 0; i < MOST_GPUS; i++)
        node(c, arena_format(c->memory, "/dev/nvidia%d", i), true);
    node(c, "/dev/nvidia-uvm", false);
    if (text_is(c->facts->platform, "wsl2"))
        node(c, "/dev/dxg", false);
}

void collect_gpus(collector *c)
{
    pci(c);
    module(c);
    other_modules(c);
    module_files(c);
    dkms(c);
    nodes(c);
}
