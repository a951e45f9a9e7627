/* What was found, as a table; and the block that bug reports ask for. */
#include "doctor/print.h"

#include <stdio.h>
#include <string.h>

enum { LABEL = 16 };

static void row(const printer *p, text_id label, const char *text)
{
    print_padded(p, COLOR_BOLD, LABEL, text_of(label, p->language));
    print_wrapped(p, LABEL, text);
}

static const char *or_unknown(const printer *p, const char *text)
{
    return known(text) ? text : text_of(text ? TEXT_WORD_NONE : TEXT_WORD_UNKNOWN, p->language);
}

static void gpu_rows(const printer *p, const cairn_facts *f, const cairn_doctor_data *data, arena *a)
{
    if (f->gpus.known == CAIRN_UNKNOWN || !f->gpus.count)
        row(p, TEXT_ROW_GPU, text_of(f->gpus.known ? TEXT_WORD_NONE : TEXT_WORD_UNKNOWN, p->language));
    for (int i = 0; i < f->gpus.count; i++) {
        gpu_info g;
        identify_gpu(data, a, &f->gpus.items[i], &g);
        const char *text =
            arena_format(a, "%s%s%s%s",
                         g.name  ? g.name
                         : g.pci ? g.pci
                                 : "NVIDIA GPU",
                         g.cc_text ? " (" : "", g.cc_text ? g.cc_text : "", g.cc_text ? ")" : "");
        if (known(f->gpus.items[i].driver))
            text = arena_format(a, "%s, %s", text, f->gpus.items[i].driver);
        if (text_is(f->libcuda.proof, "ok"))
            text = arena_format(a, "%s, %s", text, text_of(TEXT_PROVED, p->language));
        row(p, TEXT_ROW_GPU, text);
    }
}

static void driver_rows(const printer *p, const cairn_facts *f, arena *a)
{
    const char *user = f->libcuda.known == CAIRN_YES ? f->libcuda.version : NULL;
    const char *version = f->module.known == CAIRN_YES && known(f->module.version) ? f->module.version
                          : known(f->driver)                                       ? f->driver
                                                                                   : user;
    bool looked = f->libcuda.known == CAIRN_NO || f->module.known == CAIRN_NO;
    const char *text = or_unknown(p, known(version) ? version : looked ? "" : NULL);
    if (known(f->module.flavour))
        text = arena_format(a, "%s (%s)", text, f->module.flavour);
    if (known(user) && known(version) && strcmp(user, version))
        text = arena_format(a, "%s, libcuda %s", text, user);
    row(p, TEXT_ROW_DRIVER, text);
    if (f->libcuda.known == CAIRN_YES)
        row(p, TEXT_ROW_CUDA, or_unknown(p, f->libcuda.cuda));
}

static void toolkit_rows(const printer *p, const cairn_facts *f, arena *a)
{
    if (f->toolkits.known != CAIRN_UNKNOWN && !f->toolkits.count)
        row(p, TEXT_ROW_TOOLKIT, text_of(TEXT_WORD_NONE, p->language));
    for (int i = 0; i < f->toolkits.count; i++) {
        const cairn_toolkit *t = &f->toolkits.items[i];
        row(p, TEXT_ROW_TOOLKIT,
            arena_format(a, "%s, %s%s", or_unknown(p, t->version), or_unknown(p, t->path),
                         t->nvcc_on_path == CAIRN_YES ? ", PATH" : ""));
    }
}

static void cudnn_rows(const printer *p, const cairn_facts *f, arena *a)
{
    for (int i = 0; i < f->libraries.count; i++) {
        const cairn_library *l = &f->libraries.items[i];
        bool again = false;
        for (int k = 0; k < i; k++)
            again |= text_is(f->libraries.items[k].path, l->path);
        if (text_starts(l->soname, "libcudnn.so") && !again)
            row(p, TEXT_ROW_CUDNN,
                arena_format(a, "%s, %s", or_unknown(p, l->version), or_unknown(p, l->from)));
    }
}

/* Environments without torch are shown only where none has it. */
static void python_rows(const printer *p, const cairn_facts *f, arena *a)
{
    enum { SHOWN = 3 };
    bool any = false;
    for (int i = 0; i < f->pythons.count; i++)
        any |= f->pythons.items[i].torch.known == CAIRN_YES;
    for (int i = 0; i < f->pythons.count; i++) {
        const cairn_python *py = &f->pythons.items[i];
        if (any ? py->torch.known != CAIRN_YES : i >= SHOWN)
            continue;
        const char *text = arena_format(a, "%s, %s: ", or_unknown(p, py->version), or_unknown(p, py->prefix));
        const char *vision = pairs_get(&py->packages, "torchvision");
        if (py->torch.known == CAIRN_YES)
            text = arena_format(a, "%storch %s%s%s", text, or_unknown(p, py->torch.version),
                                vision ? ", torchvision " : "", vision ? vision : "");
        else
            text = arena_format(a, "%s%s", text, text_of(TEXT_NO_TORCH, p->language));
        for (int k = 0; k < py->torch.archs.count; k++)
            text = arena_format(a, "%s%s%s", text, k ? " " : ", ", py->torch.archs.items[k]);
        row(p, TEXT_ROW_PYTHON, text);
    }
}

void print_facts(const printer *p, const cairn_facts *f, const cairn_doctor_data *data)
{
    arena *a = arena_new();
    if (!a)
        return;
    row(p, TEXT_ROW_PLATFORM,
        arena_format(a, "%s, %s, %s %s", or_unknown(p, f->distribution), or_unknown(p, f->machine),
                     or_unknown(p, f->platform), known(f->kernel) ? f->kernel : ""));
    if (known(f->board))
        row(p, TEXT_ROW_PLATFORM, f->board);
    if (f->container.known == CAIRN_YES)
        row(p, TEXT_ROW_CONTAINER, or_unknown(p, f->container.kind));
    gpu_rows(p, f, data, a);
    driver_rows(p, f, a);
    toolkit_rows(p, f, a);
    cudnn_rows(p, f, a);
    python_rows(p, f, a);
    row(p, TEXT_ROW_DATA, arena_format(a, "%s (%s)", data->date, data->origin));
    arena_free(a);
}

/* ---- For bug reports: the names and order that people know from PyTorch's own script --------------- */

static void line(const char *label, const char *value)
{
    printf("%s: ", label);
    print_safe(known(value) ? value : "N/A");
    putchar('\n');
}

static void env_python(const cairn_python *py)
{
    line("Python version", py->version);
    line("Python prefix", py->prefix);
    line("PyTorch version", py->torch.known == CAIRN_YES ? py->torch.version : "none");
    line("CUDA used to build PyTorch", py->torch.known == CAIRN_YES ? py->torch.cuda : NULL);
    line("cuDNN of PyTorch", py->torch.cudnn);
    printf("Architectures of PyTorch:");
    for (int i = 0; i < py->torch.archs.count; i++)
        printf(" %s", py->torch.archs.items[i]);
    printf("\nVersions of relevant libraries:\n");
    for (int i = 0; i < py->packages.count; i++) {
        printf("[pip] ");
        print_safe(py->packages.items[i].key);
        printf("==");
        print_safe(py->packages.items[i].value ? py->packages.items[i].value : "?");
        putchar('\n');
    }
    putchar('\n');
}

void print_collect_env(const cairn_facts *f, const cairn_verdict *verdict)
{
    bool cuda =
        f->libcuda.known == CAIRN_YES && f->libcuda.init.known == CAIRN_YES && f->libcuda.init.value == 0;
    line("OS", f->distribution);
    line("Kernel", f->kernel);
    line("Machine", f->machine);
    line("Is CUDA available", f->libcuda.known == CAIRN_UNKNOWN ? "not known" : cuda ? "True" : "False");
    line("CUDA runtime version", f->toolkits.count ? f->toolkits.items[0].version : NULL);
    line("CUDA of the driver", f->libcuda.known == CAIRN_YES ? f->libcuda.cuda : NULL);
    for (int i = 0; i < verdict->gpus.count; i++) {
        const cairn_gpu *g = &verdict->gpus.items[i];
        printf("GPU %d: ", i);
        print_safe(g->name ? g->name : "?");
        printf(" (%s, %s)\n", g->pci ? g->pci : "?", g->cc ? g->cc : "?");
    }
    line("Nvidia driver version", f->module.known == CAIRN_YES ? f->module.version : f->driver);
    line("libcuda", f->libcuda.known == CAIRN_YES ? f->libcuda.path : NULL);
    for (int i = 0; i < f->compilers.count; i++)
        line(f->compilers.items[i].name, f->compilers.items[i].version);
    for (int i = 0; i < f->environment.count; i++)
        if (f->environment.items[i].value)
            line(f->environment.items[i].key, f->environment.items[i].value);
    putchar('\n');
    for (int i = 0; i < f->pythons.count; i++)
        env_python(&f->pythons.items[i]);
    for (int i = 0; i < verdict->findings.count; i++) {
        printf("[doctor] %s: ", verdict->findings.items[i].code);
        print_safe(verdict->findings.items[i].why);
        putchar('\n');
    }
}
