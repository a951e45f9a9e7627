/* Machines as trees of files: what is put in is found; hostile trees lose nothing and hang nothing. */
#include "doctor_test.h"

#include "doctor/elf.h"

#include <elf.h>

static cairn_doctor_data *data;

/* ---- Files that a tree is made of ----------------------------------------------------------------*/

typedef struct gpu_code {
    int kind, arch;
    unsigned flags;
} gpu_code;
enum { PTX = 1, CUBIN = 2, FLAG_A = 1 << 20 };

static size_t put_u(unsigned char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> (8 * i));
    return (size_t)bytes;
}

/* One container with an entry for each of `code`. */
static size_t make_fatbin(unsigned char *out, const gpu_code *code, int count)
{
    enum { ENTRY = 64, PAYLOAD = 40 };
    size_t at = 0;
    at += put_u(out + at, 0xBA55ED50, 4) + put_u(out + at + 4, 1, 2) + put_u(out + at + 6, 16, 2);
    at += put_u(out + at, (uint64_t)count * (ENTRY + PAYLOAD), 8);
    for (int i = 0; i < count; i++) {
        unsigned char *e = out + at;
        memset(e, 0, ENTRY + PAYLOAD);
        put_u(e, (uint64_t)code[i].kind, 2), put_u(e + 2, 0x101, 2), put_u(e + 4, ENTRY, 4),
            put_u(e + 8, PAYLOAD, 8);
        put_u(e + 28, (uint64_t)code[i].arch, 4), put_u(e + 40, 0x11 | code[i].flags, 8);
        at += ENTRY + PAYLOAD;
    }
    return at;
}

/* An ELF file with one section of the given name and content. */
static size_t make_elf(unsigned char *out, const char *name, const unsigned char *content, size_t bytes)
{
    char names[128] = "";
    size_t names_bytes = 1 + strlen(name) + 1;
    strcpy(names + 1, name);
    Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                    .e_type = ET_DYN,
                    .e_machine = EM_X86_64,
                    .e_shentsize = sizeof(Elf64_Shdr),
                    .e_shnum = 3,
                    .e_shstrndx = 2,
                    .e_shoff = sizeof h};
    Elf64_Shdr s[3] = {{0}};
    size_t at = sizeof h + sizeof s;
    s[1] = (Elf64_Shdr){.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = at, .sh_size = bytes};
    s[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = at + bytes, .sh_size = names_bytes};
    memcpy(out, &h, sizeof h);
    memcpy(out + sizeof h, s, sizeof s);
    memcpy(out + at, content, bytes);
    memcpy(out + at + bytes, names, names_bytes);
    return at + bytes + names_bytes;
}

static void put_torch_library(const char *root, const char *path)
{
    static unsigned char fat[64 << 10], elf[80 << 10];
    static const gpu_code common[] = {{CUBIN, 75, 0}, {CUBIN, 80, 0}, {CUBIN, 120, 0}, {PTX, 120, 0}};
    static const gpu_code rare[] = {
        {CUBIN, 75, 0}, {CUBIN, 80, 0}, {CUBIN, 90, FLAG_A}, {CUBIN, 120, 0}, {PTX, 120, 0}};
    size_t n = 0;
    for (int i = 0; i < 40; i++)
        n += i == 7 ? make_fatbin(fat + n, rare, 5) : make_fatbin(fat + n, common, 4);
    put_bytes(root, path, elf, make_elf(elf, ".nv_fatbin", fat, n));
}

static void put_compat_libcuda(const char *root, const char *path)
{
    static const char body[] = "{\"CUDA Version\": 12040, \"Driver\": [470, \"535\"], \"Device\": []}";
    unsigned char note[256], elf[1024];
    size_t n = put_u(note, 19, 4) + put_u(note + 4, sizeof body, 4) + put_u(note + 8, 1, 4);
    memcpy(note + n, "NVIDIA Corporation\0\0", 20);
    memcpy(note + n + 20, body, sizeof body);
    put_bytes(root, path, elf, make_elf(elf, ".note.cuda.fwd_compatibility", note, n + 20 + sizeof body));
}

static void put_plain_library(const char *root, const char *path)
{
    unsigned char elf[512];
    put_bytes(root, path, elf, make_elf(elf, ".text", (const unsigned char *)"x", 1));
}

/* A cache of the new format with pairs of name and path. */
static void put_ld_cache(const char *root, const char *const *pairs, int count)
{
    unsigned char cache[4096] = "glibc-ld.so.cache1.1";
    size_t strings = 48 + (size_t)count * 24, at = strings;
    put_u(cache + 20, (uint64_t)count, 4);
    for (int i = 0; i < count; i++) {
        unsigned char *e = cache + 48 + i * 24;
        put_u(e, 0x0303, 4), put_u(e + 4, at, 4);
        strcpy((char *)cache + at, pairs[2 * i]);
        at += strlen(pairs[2 * i]) + 1;
        put_u(e + 8, at, 4);
        strcpy((char *)cache + at, pairs[2 * i + 1]);
        at += strlen(pairs[2 * i + 1]) + 1;
    }
    put_bytes(root, "/etc/ld.so.cache", cache, at);
}

static void put_gpu(const char *root, const char *slot, const char *device, const char *driver)
{
    char path[256], target[256];
    const char *names[] = {"vendor", "device", "class"}, *values[] = {"0x10de\n", device, "0x030000\n"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/%s", slot, names[i]);
        put_file(root, path, values[i]);
    }
    if (driver) {
        snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver", slot);
        snprintf(target, sizeof target, "../../../../bus/pci/drivers/%s", driver);
        put_link(root, path, target);
    }
}

static void put_venv(const char *root, const char *prefix)
{
    char path[512];
    snprintf(path, sizeof path, "%s/pyvenv.cfg", prefix);
    put_file(root, path, "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.9\n");
    const char *entries[] = {"torch-2.9.1+cu128.dist-info", "torchvision-0.24.1+cu128.dist-info",
                             "nvidia_cudnn_cu12-9.10.2.21.dist-info",
                             "nvidia_nvjitlink_cu12-12.8.93.dist-info", "requests-2.32.0.dist-info"};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        snprintf(path, sizeof path, "%s/lib/python3.11/site-packages/%s/METADATA", prefix, entries[i]);
        put_file(root, path, "");
    }
    snprintf(path, sizeof path, "%s/lib/python3.11/site-packages/torch/version.py", prefix);
    put_file(root, path,
             "from typing import Optional\n\n__version__ = '2.9.1+cu128'\ndebug = False\ncuda: Optional[str] "
             "= '12.8'\nhip: Optional[str] = None\n");
    snprintf(path, sizeof path, "%s/lib/python3.11/site-packages/torch/lib/libtorch_cuda.so", prefix);
    put_torch_library(root, path);
    snprintf(path, sizeof path, "%s/lib/python3.11/site-packages/nvidia/nvjitlink/lib/libnvJitLink.so.12",
             prefix);
    put_plain_library(root, path);
    snprintf(path, sizeof path, "%s/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9", prefix);
    put_plain_library(root, path);
}

static cairn_facts *collect(const char *root)
{
    cairn_facts *f = cairn_doctor_collect(&(cairn_collect_options){.root = root});
    assert_non_null(f);
    return f;
}

static const cairn_python *python_in(const cairn_facts *f, const char *prefix)
{
    for (int i = 0; i < f->pythons.count; i++)
        if (text_is(f->pythons.items[i].prefix, prefix))
            return &f->pythons.items[i];
    fail_msg("no Python environment %s", prefix);
    return NULL;
}

/* ---- Machines -----------------------------------------------------------------------------------*/

static void a_debian_machine_with_a_venv(void **state)
{
    (void)state;
    const char *root = fresh_folder("debian");
    put_file(root, "/etc/os-release", "NAME=\"Ubuntu\"\nID=ubuntu\nVERSION_ID=\"24.04\"\n");
    put_file(root, "/proc/sys/kernel/osrelease", "6.8.0-60-generic\n");
    put_file(root, "/proc/driver/nvidia/version",
             "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.126.09  Release Build  "
             "(dvs-builder)\nGCC version: gcc 12\n");
    put_file(root, "/sys/module/nvidia/version", "580.126.09\n");
    put_gpu(root, "0000:01:00.0", "0x2684\n", "nvidia");
    put_file(root, "/lib/modules/6.8.0-60-generic/updates/dkms/nvidia.ko.zst", "");
    put_file(root, "/lib/modules/6.8.0-58-generic/modules.dep", "kernel/fs/ext4.ko:\n");
    put_file(root, "/var/lib/dkms/nvidia/580.126.09/source", "");
    put_plain_library(root, "/usr/lib/x86_64-linux-gnu/libcuda.so.580.126.09");
    put_link(root, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.580.126.09");
    put_plain_library(root, "/opt/old/libcuda.so.535.1.1");
    put_link(root, "/opt/old/libcuda.so.1", "/opt/old/libcuda.so.535.1.1");
    const char *const cache[] = {"libcuda.so.1", "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.1",
                                 "/opt/old/libcuda.so.1"};
    put_ld_cache(root, cache, 2);
    put_file(root, "/var/lib/dpkg/status",
             "Package: bash\nStatus: install ok installed\nVersion: 5.2\n\n"
             "Package: nvidia-driver-580-open\nStatus: install ok installed\nArchitecture: amd64\nVersion: "
             "580.126.09-0ubuntu0.24.04.1\n\n"
             "Package: nvidia-driver-535\nStatus: deinstall ok config-files\nVersion: 535.1\n");
    put_file(root, "/usr/local/cuda-12.4/version.json",
             "{\"cuda\": {\"name\": \"CUDA SDK\", \"version\": \"12.4.1\"}}");
    put_file(root, "/usr/local/cuda-12.4/bin/nvcc", "");
    put_link(root, "/usr/local/cuda", "/usr/local/cuda-12.4");
    put_folder(root, "/usr/lib/gcc/x86_64-linux-gnu/13");
    put_file(root, "/usr/bin/x86_64-linux-gnu-gcc-13", "");
    put_link(root, "/usr/bin/gcc", "x86_64-linux-gnu-gcc-13");
    put_venv(root, "/home/user/venv");

    cairn_facts *f = collect(root);
    assert_string_equal(f->distribution, "ubuntu 24.04");
    assert_string_equal(f->kernel, "6.8.0-60-generic");
    assert_int_equal(f->gpus.count, 1);
    assert_string_equal(f->gpus.items[0].pci, "10de:2684");
    assert_string_equal(f->gpus.items[0].driver, "nvidia");
    assert_string_equal(f->module.version, "580.126.09");
    assert_string_equal(f->module.flavour, "open");
    assert_int_equal(f->module_files.count, 1);
    assert_string_equal(f->dkms.items[0], "nvidia/580.126.09");
    assert_string_equal(f->libcuda.path, "/usr/lib/x86_64-linux-gnu/libcuda.so.580.126.09");
    assert_string_equal(f->libcuda.version, "580.126.09");
    assert_true(texts_contain(&f->libcuda.others, "/opt/old/libcuda.so.535.1.1"));
    assert_int_equal(f->packages.count, 1);
    assert_string_equal(pairs_get(&f->packages, "nvidia-driver-580-open"), "580.126.09-0ubuntu0.24.04.1");
    assert_int_equal(f->toolkits.count, 1);
    assert_string_equal(f->toolkits.items[0].version, "12.4.1");
    assert_string_equal(f->compilers.items[0].version, "13");
    const cairn_python *p = python_in(f, "/home/user/venv");
    assert_string_equal(p->version, "3.11.9");
    assert_string_equal(p->torch.version, "2.9.1+cu128");
    assert_string_equal(p->torch.cuda, "12.8");
    assert_string_equal(p->torch.cudnn, "9.10.2.21");
    assert_string_equal(pairs_get(&p->packages, "torchvision"), "0.24.1+cu128");
    assert_int_equal(p->torch.archs.count, 4); /* the rare sm_90a does not count */
    assert_string_equal(p->torch.archs.items[0], "sm_75");
    assert_string_equal(p->torch.archs.items[2], "sm_120");
    assert_string_equal(p->torch.archs.items[3], "compute_120");
    assert_int_equal(f->libraries.count, 2);
    assert_string_equal(f->libraries.items[0].from, "wheel");
    cairn_verdict *v = cairn_doctor_judge(f, data, CAIRN_ENGLISH);
    assert_int_equal(v->severity, CAIRN_NOTE);
    cairn_verdict_free(v);
    cairn_facts_free(f);
}

static void an_rpm_machine_with_conda(void **state)
{
    (void)state;
    const char *root = fresh_folder("rpm");
    static const char header[] = "junk\0\0C\0nvidia-driver-cuda\0"
                                 "570.86.15\0"
                                 "1.el9\0NVIDIA driver\0more\0nvidia-fabric-manager\0"
                                 "570.86.15\0"
                                 "1\0x";
    put_bytes(root, "/var/lib/rpm/rpmdb.sqlite", header, sizeof header);
    put_file(root, "/etc/os-release", "ID=\"rocky\"\nVERSION_ID=\"9.6\"\n");
    put_file(root, "/opt/conda/conda-meta/python-3.10.14-h955ad1f_1.json", "{}");
    put_file(root, "/opt/conda/conda-meta/pytorch-2.5.1-py3.10_cuda12.4_cudnn9.1.0_0.json", "{}");
    put_file(root, "/opt/conda/conda-meta/cudnn-9.1.0.70-0.json", "{}");
    put_file(root, "/opt/conda/lib/python3.10/site-packages/torch/version.py",
             "__version__ = '2.5.1'\ncuda = '12.4'\n");
    put_plain_library(root, "/opt/conda/lib/libcudnn.so.9.1.0");
    put_link(root, "/opt/conda/lib/libcudnn.so.9", "libcudnn.so.9.1.0");
    cairn_facts *f = collect(root);
    assert_string_equal(f->distribution, "rocky 9.6");
    assert_string_equal(pairs_get(&f->packages, "nvidia-driver-cuda"), "570.86.15-1.el9");
    assert_string_equal(pairs_get(&f->packages, "nvidia-fabric-manager"), "570.86.15-1");
    const cairn_python *p = python_in(f, "/opt/conda");
    assert_string_equal(p->version, "3.10.14");
    assert_string_equal(p->torch.version, "2.5.1");
    assert_string_equal(p->torch.cudnn, "9.1.0.70");
    assert_int_equal(f->libraries.count, 1);
    assert_string_equal(f->libraries.items[0].from, "conda");
    assert_string_equal(f->libraries.items[0].version, "9.1.0");
    assert_int_equal(f->gpus.known, CAIRN_UNKNOWN); /* an image without /sys says nothing */
    cairn_facts_free(f);
}

static void a_jetson(void **state)
{
    (void)state;
    const char *root = fresh_folder("jetson");
    put_file(root, "/etc/nv_tegra_release",
             "# R36 (release), REVISION: 4.0, GCID: 37537400, BOARD: generic\n");
    put_file(root, "/proc/device-tree/model", "NVIDIA Jetson AGX Orin Developer Kit");
    put_plain_library(root, "/usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1.1");
    put_link(root, "/usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1", "libcuda.so.1.1");
    put_file(root, "/var/lib/dpkg/status",
             "Package: nvidia-l4t-core\nStatus: install ok installed\nVersion: 36.4.0-20240912212859\n");
    cairn_facts *f = collect(root);
    assert_string_equal(f->board, "jetson r36.4");
    assert_int_equal(f->libcuda.known, CAIRN_YES);
    assert_null(f->libcuda.version); /* 1.1 is no driver's number */
    assert_non_null(pairs_get(&f->packages, "nvidia-l4t-core"));
    cairn_facts_free(f);
}

static void wsl2(void **state)
{
    (void)state;
    const char *root = fresh_folder("wsl");
    put_file(root, "/proc/sys/kernel/osrelease", "5.15.153.1-microsoft-standard-WSL2\n");
    put_plain_library(root, "/usr/lib/wsl/lib/libcuda.so.1");
    put_file(root, "/dev/dxg", "");
    put_plain_library(root, "/usr/lib/x86_64-linux-gnu/libcuda.so.535.183.01");
    put_link(root, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.535.183.01");
    cairn_facts *f = collect(root);
    assert_string_equal(f->platform, "wsl2");
    assert_string_equal(f->libcuda.path, "/usr/lib/wsl/lib/libcuda.so.1");
    assert_true(texts_contain(&f->libcuda.others, "/usr/lib/x86_64-linux-gnu/libcuda.so.535.183.01"));
    assert_int_equal(f->nodes.items[2].present, CAIRN_YES);
    cairn_facts_free(f);
}

static void a_container_with_cuda_compat(void **state)
{
    (void)state;
    const char *root = fresh_folder("container");
    put_file(root, "/.dockerenv", "");
    put_folder(root, "/dev");
    put_compat_libcuda(root, "/usr/local/cuda-12.4/compat/libcuda.so.550.54.15");
    put_link(root, "/usr/local/cuda-12.4/compat/libcuda.so.1", "libcuda.so.550.54.15");
    const char *const cache[] = {"libcuda.so.1", "/usr/local/cuda-12.4/compat/libcuda.so.1"};
    put_ld_cache(root, cache, 1);
    cairn_facts *f = collect(root);
    assert_string_equal(f->container.kind, "docker");
    assert_string_equal(f->libcuda.version, "550.54.15");
    assert_int_equal(f->libcuda.forward_compat.known, CAIRN_YES);
    assert_int_equal(f->libcuda.forward_compat.drivers.count, 2);
    assert_string_equal(f->libcuda.forward_compat.drivers.items[1], "535");
    assert_int_equal(f->nodes.items[0].present, CAIRN_NO);
    cairn_facts_free(f);
}

static void pacman_packages(void **state)
{
    (void)state;
    const char *root = fresh_folder("pacman");
    put_file(root, "/var/lib/pacman/local/nvidia-open-580.105.08-3/desc", "");
    put_file(root, "/var/lib/pacman/local/linux-6.17.8-1/desc", "");
    cairn_facts *f = collect(root);
    assert_int_equal(f->packages.count, 1);
    assert_string_equal(pairs_get(&f->packages, "nvidia-open"), "580.105.08-3");
    cairn_facts_free(f);
}

static void environments_are_found_where_images_have_them(void **state)
{
    (void)state;
    const char *root = fresh_folder("places");
    put_venv(root, "/venv");
    put_venv(root, "/app/.venv");
    put_venv(root, "/srv/service/venv");
    put_file(root, "/proc/version", "Linux version 5.15.153.1-microsoft-standard-WSL2 (root@x) #1 SMP\n");
    cairn_facts *f = collect(root);
    python_in(f, "/venv");
    python_in(f, "/app/.venv");
    python_in(f, "/srv/service/venv");
    assert_string_equal(f->platform, "wsl2");
    assert_string_equal(f->kernel, "5.15.153.1-microsoft-standard-WSL2");
    cairn_facts_free(f);
}

/* ---- Hostile trees ------------------------------------------------------------------------------*/

static void links_stay_inside_the_root(void **state)
{
    (void)state;
    const char *root = fresh_folder("escape");
    put_file(root, "/real/os-release", "ID=inside\n");
    put_link(root, "/etc/os-release", "/../../../../../../real/os-release");
    put_link(root, "/sys", "/nothing");
    cairn_facts *f = collect(root);
    assert_string_equal(f->distribution, "inside");
    cairn_facts_free(f);
}

static void circles_pipes_and_deep_paths_hang_nothing(void **state)
{
    (void)state;
    const char *root = fresh_folder("hostile");
    char path[1024];
    put_link(root, "/etc/os-release", "/etc/os-release");
    put_link(root, "/home/user", "/home");
    put_link(root, "/usr/local", "/usr/local/cuda");
    put_link(root, "/opt/a", ".");
    put_folder(root, "/etc");
    snprintf(path, sizeof path, "%s/etc/ld.so.cache", root);
    assert_int_equal(mkfifo(path, 0600), 0);
    put_folder(root, "/var/lib/dpkg/status"); /* a folder where a file should be */
    put_folder(root, "/sys/bus/pci/devices/0000:01:00.0/vendor");
    cairn_facts *f = collect(root);
    cairn_facts_free(f);
}

static void broken_files_are_survived(void **state)
{
    (void)state;
    const char *root = fresh_folder("broken");
    unsigned char noise[8192];
    srand(1);
    for (int round = 0; round < 30; round++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (unsigned char)rand();
        put_bytes(root, "/etc/ld.so.cache",
                  round % 2 ? noise : (const unsigned char *)memcpy(noise, "glibc-ld.so.cache1.1", 20),
                  sizeof noise);
        put_bytes(root, "/var/lib/dpkg/status", noise, sizeof noise);
        put_bytes(root, "/var/lib/rpm/rpmdb.sqlite", noise, sizeof noise);
        put_bytes(root, "/usr/local/cuda/version.json", noise, sizeof noise);
        put_bytes(root, "/usr/local/cuda/bin/nvcc", noise, 1);
        put_bytes(root, "/venv/pyvenv.cfg", noise, sizeof noise);
        put_bytes(root, "/opt/venv/pyvenv.cfg", noise, sizeof noise);
        put_bytes(root, "/opt/venv/lib/python3.11/site-packages/torch/version.py", noise, sizeof noise);
        memcpy(noise, "\x7f" "ELF\2\1\1", 7);
        put_bytes(root, "/opt/venv/lib/python3.11/site-packages/torch/lib/libtorch_cuda.so", noise,
                  sizeof noise);
        put_bytes(root, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", noise, sizeof noise);
        cairn_facts *f = collect(root);
        char *json = cairn_facts_write(f);
        free(json);
        cairn_verdict *v = cairn_doctor_judge(f, data, CAIRN_ENGLISH);
        assert_non_null(v);
        cairn_verdict_free(v);
        cairn_facts_free(f);
        cairn_error_clear();
    }
}

static void a_root_that_is_no_folder_is_refused(void **state)
{
    (void)state;
    assert_null(cairn_doctor_collect(&(cairn_collect_options){.root = "/nowhere/at/all"}));
    assert_int_equal(cairn_error(), CAIRN_E_IO);
    cairn_error_clear();
}

/* The real wheel, where there is one: CAIRN_TEST_TORCH names the environment. */
static void the_real_wheel_is_read(void **state)
{
    (void)state;
    const char *prefix = getenv("CAIRN_TEST_TORCH");
    if (!prefix)
        skip();
    cairn_facts *f = cairn_doctor_collect(&(cairn_collect_options){.python = prefix});
    assert_non_null(f);
    const cairn_torch *t = &f->pythons.items[0].torch;
    static const char *const archs[] = {"sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"};
    assert_string_equal(t->version, "2.15.0+cu132");
    assert_string_equal(t->cuda, "13.2");
    assert_string_equal(t->cudnn, "9.26.0.51");
    assert_int_equal(t->archs.count, 6);
    for (int i = 0; i < 6; i++)
        assert_string_equal(t->archs.items[i], archs[i]);
    cairn_facts_free(f);
}

static int load(void **state)
{
    (void)state;
    setenv("CAIRN_ON_ERROR", "quiet", 1);
    data = cairn_doctor_data_load(NULL);
    return data ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    cairn_doctor_data_free(data);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_debian_machine_with_a_venv),
        cmocka_unit_test(an_rpm_machine_with_conda),
        cmocka_unit_test(a_jetson),
        cmocka_unit_test(wsl2),
        cmocka_unit_test(a_container_with_cuda_compat),
        cmocka_unit_test(pacman_packages),
        cmocka_unit_test(environments_are_found_where_images_have_them),
        cmocka_unit_test(links_stay_inside_the_root),
        cmocka_unit_test(circles_pipes_and_deep_paths_hang_nothing),
        cmocka_unit_test(broken_files_are_survived),
        cmocka_unit_test(a_root_that_is_no_folder_is_refused),
        cmocka_unit_test(the_real_wheel_is_read),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
