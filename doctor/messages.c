/* Known failure messages, and what a log tells about the machine that wrote it. */
#include "doctor/messages.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define UNSET_PATH "unset LD_LIBRARY_PATH"
#define REINSTALL                                                                                            \
    "pip install --force-reinstall torch torchvision --index-url https://download.pytorch.org/whl/cu126"

/* In order of cause, and the more telling pattern of one cause first. */
const failure failures[] = {
    {"could not select device driver \"*\" with capabilities: [[gpu]]", "CONTAINER_NO_GPU",
     TEXT_CONTAINER_RUNTIME,
     "sudo apt install nvidia-container-toolkit && sudo nvidia-ctk runtime configure --runtime=docker && "
     "sudo systemctl restart docker",
     NULL},
    {"requirement error: unsatisfied condition: cuda>=", "CONTAINER_REQUIREMENT", TEXT_MESSAGE_REQUIREMENT,
     "docker run --gpus all -e NVIDIA_DISABLE_REQUIRE=1 IMAGE", NULL},
    {"Failed to initialize NVML: Unknown Error", "CONTAINER_CGROUP_LOST_DEVICES", TEXT_CONTAINER_LOST,
     "docker restart CONTAINER", "sudo nvidia-ctk system create-dev-char-symlinks --create-all"},
    {"Found no NVIDIA driver on your system", "NO_DRIVER", TEXT_MESSAGE_NO_DRIVER,
     "sudo ubuntu-drivers install && sudo reboot", "docker run --gpus all IMAGE"},
    {"NVIDIA Legacy drivers", "GPU_DROPPED_BY_DRIVER", TEXT_MESSAGE_DROPPED, NULL, NULL},
    {"supported through the NVIDIA", "GPU_DROPPED_BY_DRIVER", TEXT_MESSAGE_DROPPED, NULL, NULL},
    {"is not supported by open", "OPEN_MODULE_NEEDS_TURING", TEXT_MESSAGE_OPEN,
     "sudo apt install nvidia-driver-580 && sudo reboot", NULL},
    {"does not include the required GPU", "OPEN_MODULE_NEEDS_TURING", TEXT_MESSAGE_OPEN,
     "sudo apt install nvidia-driver-580 && sudo reboot", NULL},
    {"requires use of the NVIDIA open kernel modules", "CLOSED_MODULE_ON_BLACKWELL", TEXT_MESSAGE_CLOSED,
     "sudo apt install nvidia-driver-580-open && sudo reboot", NULL},
    {"is not supported by the*driver release", "DRIVER_PREDATES_GPU", TEXT_MESSAGE_UNSUPPORTED,
     "ubuntu-drivers devices", NULL},
    {"No NVIDIA GPU found", "DRIVER_PREDATES_GPU", TEXT_MESSAGE_UNSUPPORTED, "ubuntu-drivers devices", NULL},
    {"Key was rejected by service", "SECURE_BOOT_UNSIGNED_MODULE", TEXT_MESSAGE_SECURE_BOOT,
     "sudo mokutil --import /var/lib/shim-signed/mok/MOK.der && sudo reboot", NULL},
    {"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver", "MODULE_NOT_LOADED",
     TEXT_MESSAGE_SMI, "sudo modprobe nvidia", "sudo dkms autoinstall && sudo modprobe nvidia"},
    {"Error 804: forward compatibility was attempted on non supported HW", "FORWARD_COMPAT_ON_UNSUPPORTED_HW",
     TEXT_MESSAGE_COMPAT, UNSET_PATH, "sudo rm -f /etc/ld.so.conf.d/*compat*.conf && sudo ldconfig"},
    {"forward compatibility was attempted on non supported HW", "FORWARD_COMPAT_ON_UNSUPPORTED_HW",
     TEXT_MESSAGE_COMPAT, UNSET_PATH, "sudo rm -f /etc/ld.so.conf.d/*compat*.conf && sudo ldconfig"},
    {"Error 803", "DRIVER_LIB_MISMATCH", TEXT_LIB_MISMATCH_UNKNOWN, "sudo reboot", NULL},
    {"system has unsupported display driver / cuda driver combination", "DRIVER_LIB_MISMATCH",
     TEXT_LIB_MISMATCH_UNKNOWN, "sudo reboot", NULL},
    {"Driver/library version mismatch", "DRIVER_LIB_MISMATCH", TEXT_LIB_MISMATCH_UNKNOWN, "sudo reboot",
     NULL},
    {"NVRM: API mismatch: the client", "DRIVER_LIB_MISMATCH", TEXT_LIB_MISMATCH_UNKNOWN, "sudo reboot", NULL},
    {"Error 802: system not yet initialized", "FABRIC_MANAGER", TEXT_MESSAGE_FABRIC,
     "sudo systemctl enable --now nvidia-fabricmanager", NULL},
    {"system not yet initialized", "FABRIC_MANAGER", TEXT_MESSAGE_FABRIC,
     "sudo systemctl enable --now nvidia-fabricmanager", NULL},
    {"CUDA unknown error - this may be due to an incorrectly set up environment", "UVM_STALE", TEXT_UVM,
     "sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm", NULL},
    {"No CUDA GPUs are available", "GPU_HIDDEN_BY_ENV", TEXT_MESSAGE_NO_GPU, "unset CUDA_VISIBLE_DEVICES",
     NULL},
    {"no CUDA-capable device is detected", "GPU_HIDDEN_BY_ENV", TEXT_MESSAGE_NO_GPU,
     "unset CUDA_VISIBLE_DEVICES", NULL},
    {"Torch not compiled with CUDA enabled", "CPU_ONLY_WHEEL", TEXT_MESSAGE_CPU_WHEEL, REINSTALL, NULL},
    {"CUDA driver version is insufficient for CUDA runtime version", "DRIVER_TOO_OLD",
     TEXT_MESSAGE_DRIVER_TOO_OLD, REINSTALL, NULL},
    {"The NVIDIA driver on your system is too old (found version", "DRIVER_TOO_OLD",
     TEXT_MESSAGE_DRIVER_TOO_OLD, REINSTALL, NULL},
    {"no kernel image is available for execution on the device", "NO_KERNELS", TEXT_MESSAGE_NO_KERNELS,
     REINSTALL, NULL},
    {"which is of cuda capability", "NO_KERNELS", TEXT_MESSAGE_NO_KERNELS, REINSTALL, NULL},
    {"PyTorch no longer supports this GPU because it is too old", "NO_KERNELS", TEXT_MESSAGE_NO_KERNELS,
     REINSTALL, NULL},
    {"is not compatible with the current PyTorch installation", "NO_KERNELS", TEXT_MESSAGE_NO_KERNELS,
     REINSTALL, NULL},
    {"the provided PTX was compiled with an unsupported toolchain", "PTX_TOO_NEW", TEXT_MESSAGE_PTX,
     "sudo apt install nvidia-driver-580 && sudo reboot", NULL},
    {"undefined symbol: __nvJitLink", "LIBRARY_SHADOWED", TEXT_SHADOWED_MESSAGE, UNSET_PATH, NULL},
    {"cuDNN version incompatibility: PyTorch was compiled", "LIBRARY_SHADOWED", TEXT_SHADOWED_MESSAGE,
     UNSET_PATH, NULL},
    {"CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH", "CUDNN_MIXED", TEXT_CUDNN_MIXED_MESSAGE, UNSET_PATH,
     "sudo apt remove 'libcudnn*'"},
    {"libcudnn_ops_infer.so.8", "LIB_MISSING", TEXT_LIB_MISSING,
     "pip install --upgrade ctranslate2 faster-whisper", NULL},
    {"libcudnn.so.8: cannot open shared object file", "LIB_MISSING", TEXT_LIB_MISSING,
     "pip install --upgrade ctranslate2 faster-whisper", NULL},
    {"Unable to load any of {libcudnn_", "LIB_MISSING", TEXT_LIB_MISSING,
     "export LD_LIBRARY_PATH=$(python -c 'import nvidia.cudnn as c; "
     "print(c.__path__[0])')/lib:$LD_LIBRARY_PATH",
     NULL},
    {"libcu*.so*: cannot open shared object file", "LIB_MISSING", TEXT_LIB_MISSING,
     "pip install --force-reinstall torch", NULL},
    {"libnv*.so*: cannot open shared object file", "LIB_MISSING", TEXT_LIB_MISSING,
     "pip install --force-reinstall torch", NULL},
    {"libnccl.so*: cannot open shared object file", "LIB_MISSING", TEXT_LIB_MISSING,
     "pip install --force-reinstall torch", NULL},
    {"CUDNN_STATUS_NOT_INITIALIZED", "CUDNN_NOT_INITIALIZED", TEXT_CUDNN_INIT, "nvidia-smi", UNSET_PATH},
    {"Could not find a version that satisfies the requirement torch", "PYTHON_UNSUPPORTED",
     TEXT_MESSAGE_PYTHON, "uv venv --python 3.12 .venv", NULL},
    {"The detected CUDA version*mismatches the version that was used to compile", "CUDA_MAJOR_MISMATCH",
     TEXT_MAJOR_MISMATCH_MESSAGE, "ls -d /usr/local/cuda-*", NULL},
    {"unsupported GNU version! gcc versions later than", "GCC_TOO_NEW", TEXT_GCC_TOO_NEW_MESSAGE,
     "export CC=gcc-12 CXX=g++-12 NVCC_PREPEND_FLAGS='-ccbin g++-12'", NULL},
    {"CUDA_HOME environment variable is not set", "NO_TOOLKIT", TEXT_NO_TOOLKIT_BUILD,
     "conda install -c nvidia cuda-nvcc", NULL},
};
const int failure_count = sizeof failures / sizeof *failures;

/* ---- Matching -----------------------------------------------------------------------------------*/

/* How far the pieces of one message may lie apart. */
enum { FARTHEST_PIECE = 400 };

/* Where one piece ends when it begins at `text`; a run of white space counts as one space, and so does
 * a line's prefix in a kernel log ("[   3.14] NVRM:"). */
static const char *piece_at(const char *text, const char *piece, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (piece[i] != ' ') {
            if (*text++ != piece[i])
                return NULL;
            continue;
        }
        if (!isspace((unsigned char)*text))
            return NULL;
        bool new_line = false;
        while (isspace((unsigned char)*text))
            new_line |= *text++ == '\n';
        if (new_line && strncmp(piece + i + 1, "NVRM:", 5)) {
            const char *prefix = strstr(text, "NVRM:");
            if (prefix && prefix - text < 80 && !memchr(text, '\n', (size_t)(prefix - text)))
                for (text = prefix + 5; *text == ' ';)
                    text++;
        }
    }
    return text;
}

static const char *find_piece(const char *text, size_t within, const char *piece, size_t length,
                              const char **end)
{
    for (const char *p = text; *p && (size_t)(p - text) <= within; p++) {
        p = strchr(p, piece[0]);
        if (!p || (size_t)(p - text) > within)
            return NULL;
        *end = piece_at(p, piece, length);
        if (*end)
            return p;
    }
    return NULL;
}

const char *failure_match(const char *pattern, const char *text)
{
    size_t first = strcspn(pattern, "*");
    for (const char *start = text; *start; start++) {
        const char *end = NULL;
        start = find_piece(start, SIZE_MAX, pattern, first, &end);
        if (!start)
            return NULL;
        const char *piece = pattern + first;
        while (*piece == '*' && end) {
            size_t length = strcspn(++piece, "*");
            const char *next;
            if (!find_piece(end, FARTHEST_PIECE, piece, length, &next))
                next = NULL;
            end = next;
            piece += length;
        }
        if (end)
            return start;
    }
    return NULL;
}

/* ---- What messages tell about the machine --------------------------------------------------------*/

/* The text between `before` and any of `until`, from the first message that has it. */
static const char *between(const cairn_facts *facts, arena *memory, const char *before, const char *until)
{
    for (int i = 0; i < facts->messages.count; i++) {
        const char *at = failure_match(before, facts->messages.items[i]);
        const char *end = NULL;
        if (!at || !find_piece(at, 0, before, strlen(before), &end))
            continue;
        while (*end == ' ')
            end++;
        size_t length = strcspn(end, until);
        if (length && length < 100)
            return arena_copy(memory, end, length);
    }
    return NULL;
}

static void add_gpu(cairn_facts *facts, arena *memory)
{
    const char *pci = between(facts, memory, "(PCI ID: ", ")");
    const char *sm = between(facts, memory, "with CUDA capability sm_", " \n.");
    const char *cc = NULL;
    if (sm && strspn(sm, "0123456789") >= 2)
        cc = arena_format(memory, "%.*s.%c", (int)strspn(sm, "0123456789") - 1, sm,
                          sm[strspn(sm, "0123456789") - 1]);
    const char *of = between(facts, memory, "which is of cuda capability ", " \n");
    if (!cc && of && cc_parse(of))
        cc = arena_copy(memory, of, strspn(of, "0123456789."));
    if (!pci && !cc)
        return;
    *LIST_ADD(memory, &facts->gpus) = (cairn_gpu){.pci = pci, .cc = cc};
}

static void add_driver(cairn_facts *facts, arena *memory)
{
    const char *release = between(facts, memory, "NVRM: NVIDIA ", " \n");
    if (!release || !version_valid(release))
        release = between(facts, memory, "is not supported by the NVIDIA ", " \n");
    const char *module = between(facts, memory, "this kernel module has the version ", " \n");
    const char *client = between(facts, memory, "the client has the version ", ", \n");
    size_t digits = module ? strspn(module, "0123456789.") : 0;
    while (digits && module[digits - 1] == '.')
        digits--;
    if (digits)
        release = arena_copy(memory, module, digits);
    if (release && version_valid(release) && facts->module.known == CAIRN_UNKNOWN) {
        facts->module.known = CAIRN_YES;
        facts->module.version = release;
    }
    if (client && version_valid(client) && digits && facts->libcuda.known == CAIRN_UNKNOWN) {
        facts->libcuda.known = CAIRN_YES;
        facts->libcuda.version = client;
    }
}

const cairn_facts *messages_add_facts(const cairn_facts *facts, arena *memory)
{
    cairn_facts *copy = arena_take(memory, sizeof *copy);
    if (!copy || arena_failed(memory))
        return NULL;
    *copy = *facts;
    /* Lines that belong together are read together. */
    const char *whole = "";
    size_t bytes = 1;
    for (int i = 0; i < facts->messages.count; i++)
        bytes += strlen(facts->messages.items[i]) + 1;
    if (facts->messages.count) {
        char *text = arena_take(memory, bytes);
        if (!text || arena_failed(memory))
            return NULL;
        char *to = text;
        for (int i = 0; i < facts->messages.count; i++) {
            size_t length = strlen(facts->messages.items[i]);
            memcpy(to, facts->messages.items[i], length);
            to += length;
            *to++ = '\n';
        }
        whole = text;
        copy->messages = (cairn_texts){0};
        texts_add(memory, &copy->messages, whole);
    }
    if (copy->gpus.known == CAIRN_UNKNOWN)
        add_gpu(copy, memory);
    if (facts->messages.count)
        add_driver(copy, memory);
    return arena_failed(memory) ? NULL : copy;
}
