/* Checks that the tables can be used by the rules (--data-check). */
#include "doctor/data.h"
#include "doctor/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct checker {
    const cairn_doctor_data *data;
    arena *memory;
    cairn_texts *problems;
    const char *file;
    int row; /* from 0 */
} checker;

static void problem(checker *c, const char *column, const char *value, const char *expected)
{
    enum { MOST_PROBLEMS = 100 };
    if (c->problems->count < MOST_PROBLEMS)
        texts_add(c->memory, c->problems,
                  arena_format(c->memory, "%s: row %d: %s: '%s' is not %s", c->file, c->row + 2, column,
                               value, expected));
}

static void check_version(checker *c, const char *column, const char *value, bool required)
{
    if (known(value) ? !version_valid(value) : required)
        problem(c, column, value, "a version");
}

static void check_archs(checker *c, const char *column, const char *list)
{
    char item[32];
    arch a;
    for (const char *p = list; *p;) {
        size_t length = strcspn(p, ";");
        snprintf(item, sizeof item, "%.*s", (int)length, p);
        if (!arch_parse(item, &a))
            problem(c, column, item, "a compute capability such as 8.6 or 8.6+PTX");
        p += length + (p[length] == ';');
    }
}

static void check_torch(checker *c)
{
    c->file = "torch.csv";
    for (c->row = 0; c->row < c->data->torch.count; c->row++) {
        const torch_row *r = &c->data->torch.items[c->row];
        check_version(c, "torch", r->torch, true);
        check_version(c, "cuda_minor", r->cuda_minor, true);
        check_version(c, "cudnn", r->cudnn, false);
        check_version(c, "python_min", r->python_min, true);
        check_version(c, "python_max", r->python_max, false);
        check_version(c, "torchvision", r->torchvision, false);
        check_archs(c, "arch_list_linux_x86_64", r->arch_list_linux_x86_64);
        check_archs(c, "arch_list_windows", r->arch_list_windows);
        check_archs(c, "arch_list_linux_aarch64", r->arch_list_linux_aarch64);
        if (!text_starts(r->cuda_tag, "cu"))
            problem(c, "cuda_tag", r->cuda_tag, "a tag such as cu126");
        if (!cuda_row(c->data, r->cuda_minor))
            problem(c, "cuda_minor", r->cuda_minor, "a release of cuda_arch.csv");
        if (find_torch(c->data, r->torch, r->cuda_tag, NULL) != r)
            problem(c, "cuda_tag", r->cuda_tag, "new for this torch");
    }
}

static void check_gpus(checker *c)
{
    c->file = "gpu_arch.csv";
    for (c->row = 0; c->row < c->data->gpus.count; c->row++) {
        const gpu_row *r = &c->data->gpus.items[c->row];
        char *end;
        strtol(r->pci_device_id, &end, 16);
        if (known(r->pci_device_id) &&
            (!text_starts(r->pci_device_id, "0x") || *end || strlen(r->pci_device_id) != 6))
            problem(c, "pci_device_id", r->pci_device_id, "an id such as 0x2684");
        if (!cc_parse(r->compute_capability))
            problem(c, "compute_capability", r->compute_capability, "a capability such as 8.9");
        if (known(r->last_driver_branch) && !text_is(r->last_driver_branch, "current") &&
            version_part(r->last_driver_branch, 0) < 0)
            problem(c, "last_driver_branch", r->last_driver_branch, "'current' or a branch");
    }
}

static void check_drivers(checker *c)
{
    c->file = "driver_gpu.csv";
    for (c->row = 0; c->row < c->data->drivers.count; c->row++) {
        const char *branch = c->data->drivers.items[c->row].branch;
        if (branch[0] != 'R' || version_part(branch + 1, 0) < 0)
            problem(c, "branch", branch, "a branch such as R580");
    }
}

static void check_cuda(checker *c)
{
    c->file = "cuda_driver.csv";
    for (c->row = 0; c->row < c->data->cuda_drivers.count; c->row++) {
        const cuda_driver_row *r = &c->data->cuda_drivers.items[c->row];
        check_version(c, "cuda_minor", r->cuda_minor, true);
        check_version(c, "min_driver_linux_toolkit", r->min_driver_linux_toolkit, false);
        check_version(c, "min_driver_linux_minor_compat", r->min_driver_linux_minor_compat, false);
        if (!driver_floor(c->data, r->cuda_minor, false))
            problem(c, "cuda_minor", r->cuda_minor, "a release with a lowest driver");
    }
    c->file = "cuda_arch.csv";
    for (c->row = 0; c->row < c->data->cuda_archs.count; c->row++) {
        const cuda_arch_row *r = &c->data->cuda_archs.items[c->row];
        check_version(c, "cuda_minor", r->cuda_minor, true);
        check_archs(c, "nvcc_target_ccs", r->nvcc_target_ccs);
        if (!cc_parse(r->min_cc) || !cc_parse(r->max_cc))
            problem(c, "max_cc", r->max_cc, "a capability such as 8.9");
    }
}

static void check_cudnn(checker *c)
{
    c->file = "cudnn.csv";
    for (c->row = 0; c->row < c->data->cudnn.count; c->row++) {
        const cudnn_row *r = &c->data->cudnn.items[c->row];
        check_version(c, "cudnn", r->cudnn, true);
        if (known(r->compute_capabilities) && !cudnn_floor(c->data, r->cudnn, NULL))
            problem(c, "compute_capabilities", r->compute_capabilities, "a list of capabilities");
    }
}

void data_check(const cairn_doctor_data *data, arena *memory, cairn_texts *problems)
{
    checker c = {.data = data, .memory = memory, .problems = problems};
    check_torch(&c);
    check_gpus(&c);
    check_drivers(&c);
    check_cuda(&c);
    check_cudnn(&c);
}
