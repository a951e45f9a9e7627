/* The rules of compatibility, over the data. */
#include "doctor/rules.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- GPUs ---------------------------------------------------------------------------------------*/

const char *cc_text(arena *memory, int cc)
{
    return cc ? arena_format(memory, "%d.%d", cc / 10, cc % 10) : NULL;
}

static int branch_number(const char *text)
{
    if (text && *text == 'R')
        text++;
    int n = version_part(text, 0);
    return n > 0 ? n : BRANCH_UNKNOWN;
}

/* The branch that announced a whole architecture ("adds Blackwell (...)"). */
static int branch_that_adds(const cairn_doctor_data *data, const char *architecture)
{
    for (int i = 0; known(architecture) && i < data->drivers.count; i++) {
        const char *change = data->drivers.items[i].change;
        size_t length = strlen(architecture);
        if (text_starts(change, "adds ") && !strncmp(change + 5, architecture, length) &&
            (change[5 + length] == '\0' || !strncmp(change + 5 + length, " (", 2)))
            return branch_number(data->drivers.items[i].branch);
    }
    return BRANCH_UNKNOWN;
}

static const cc_facts *facts_of_cc(const cairn_doctor_data *data, int cc)
{
    static const cc_facts nothing = {0};
    return cc > 0 && cc < MOST_CC ? &data->by_cc[cc] : &nothing;
}

static int last_branch_of(const gpu_row *row)
{
    return text_is(row->last_driver_branch, "current") ? BRANCH_CURRENT
                                                       : branch_number(row->last_driver_branch);
}

/* What follows from the capability where nothing more exact is known. */
static void complete(const cairn_doctor_data *data, arena *memory, gpu_info *g)
{
    if (!g->cc_text)
        g->cc_text = cc_text(memory, g->cc);
    if (!known(g->architecture))
        g->architecture = facts_of_cc(data, g->cc)->architecture;
    if (g->first_branch == BRANCH_UNKNOWN)
        g->first_branch = facts_of_cc(data, g->cc)->first_branch;
    if (g->last_branch == BRANCH_UNKNOWN)
        g->last_branch = facts_of_cc(data, g->cc)->last_branch;
    if (g->last_branch == BRANCH_UNKNOWN && g->cc >= CC_TURING)
        g->last_branch = BRANCH_CURRENT;
    int added = branch_that_adds(data, g->architecture);
    g->first_branch = added > g->first_branch ? added : g->first_branch;
}

static const gpu_row *find_pci(const cairn_doctor_data *data, const char *pci)
{
    const char *device = pci ? strchr(pci, ':') : NULL;
    for (int i = 0; device && i < data->gpus.count; i++) {
        const char *id = data->gpus.items[i].pci_device_id;
        if (text_starts(id, "0x") && !strcasecmp(id + 2, device + 1))
            return &data->gpus.items[i];
    }
    return NULL;
}

static void take_row(const gpu_row *row, gpu_info *g)
{
    if (!g->name && !text_starts(row->product, "("))
        g->name = row->product;
    if (!g->cc)
        g->cc = cc_parse(row->compute_capability);
    g->segment = row->segment;
    g->architecture = row->architecture;
    g->first_branch = branch_number(row->first_driver_branch_for_cc_ptx_table);
    g->last_branch = last_branch_of(row);
}

/* Device ids tell the last branch even of GPUs that the data does not list (rule 2). */
static int last_branch_of_id(const char *pci)
{
    const char *device = pci ? strchr(pci, ':') : NULL;
    long id = device ? strtol(device + 1, NULL, 16) : 0;
    return id >= 0x1E00 ? BRANCH_CURRENT : id >= 0x1340 ? 580 : BRANCH_UNKNOWN;
}

static const gpu_row *find_product(const cairn_doctor_data *data, const char *name)
{
    for (int i = 0; known(name) && i < data->gpus.count; i++)
        if (!strcasecmp(data->gpus.items[i].product, name))
            return &data->gpus.items[i];
    return NULL;
}

void identify_gpu(const cairn_doctor_data *data, arena *memory, const cairn_gpu *gpu, gpu_info *out)
{
    *out = (gpu_info){.pci = known(gpu->pci) ? gpu->pci : NULL,
                      .name = known(gpu->name) ? gpu->name : NULL,
                      .cc = known(gpu->cc) ? cc_parse(gpu->cc) : 0};
    const gpu_row *row = find_pci(data, out->pci);
    if (!row && !out->pci)
        row = find_product(data, out->name);
    out->guessed = !row;
    if (row)
        take_row(row, out);
    else
        out->last_branch = last_branch_of_id(out->pci);
    complete(data, memory, out);
}

void identify_row(const cairn_doctor_data *data, arena *memory, const gpu_row *row, gpu_info *out)
{
    *out = (gpu_info){0};
    if (text_starts(row->pci_device_id, "0x"))
        out->pci = arena_format(memory, "10de:%s", row->pci_device_id + 2);
    take_row(row, out);
    complete(data, memory, out);
}

void identify_cc(const cairn_doctor_data *data, arena *memory, const char *cc, gpu_info *out)
{
    *out = (gpu_info){.cc = cc_parse(cc)};
    complete(data, memory, out);
}

bool is_tegra_cc(const cairn_doctor_data *data, int cc)
{
    return facts_of_cc(data, cc)->tegra;
}

/* ---- Drivers ------------------------------------------------------------------------------------*/

int branch_of(const cairn_doctor_data *data, const char *version)
{
    int major = version_part(version, 0), branch = 0, newest = 0;
    for (int i = 0; i < data->drivers.count; i++) {
        int b = branch_number(data->drivers.items[i].branch);
        newest = b > newest ? b : newest;
        if (b <= major && b > branch)
            branch = b;
    }
    /* Windows numbers run past the newest branch too (R615 is 616.x there), new branches are 5 apart. */
    return major >= newest + 5 || !branch ? (major > 0 ? major : 0) : branch;
}

const driver_row *branch_row(const cairn_doctor_data *data, int branch)
{
    for (int i = 0; i < data->drivers.count; i++)
        if (branch_number(data->drivers.items[i].branch) == branch)
            return &data->drivers.items[i];
    return NULL;
}

const char *cuda_of_branch(const cairn_doctor_data *data, int branch)
{
    const driver_row *row = branch_row(data, branch);
    if (row && known(row->native_cuda))
        return row->native_cuda;
    for (int i = 0; i < data->cuda_archs.count; i++)
        if (branch_number(data->cuda_archs.items[i].native_driver_branch) == branch)
            return data->cuda_archs.items[i].cuda_minor;
    return NULL;
}

bool driver_predates(const cairn_doctor_data *data, const char *version, const gpu_info *gpu)
{
    int branch = branch_of(data, version);
    return branch && gpu->first_branch && branch < gpu->first_branch;
}

bool driver_dropped(const cairn_doctor_data *data, const char *version, const gpu_info *gpu)
{
    int branch = branch_of(data, version);
    return branch && gpu->last_branch && branch > gpu->last_branch;
}

static bool is_supported(const driver_row *row, const char *date)
{
    const char *end = row->end_of_life;
    return absent(end) || (isdigit((unsigned char)*end) && strncmp(end, date, 7) > 0);
}

/* Long-term branches before production branches before others, supported ones before all. */
static int branch_rank(const driver_row *row, const char *date)
{
    int rank = is_supported(row, date) ? 10 : 0;
    rank += text_starts(row->designation, "LTS") ? 3 : text_is(row->designation, "PB") ? 2 : 0;
    return rank + (text_is(row->designation, "legacy") ? 4 : 0);
}

static bool serves(const gpu_info *gpus, int count, int branch)
{
    for (int i = 0; i < count; i++)
        if ((gpus[i].first_branch && branch < gpus[i].first_branch) ||
            (gpus[i].last_branch && branch > gpus[i].last_branch))
            return false;
    return true;
}

int best_branch(const cairn_doctor_data *data, const gpu_info *gpus, int count, int at_least)
{
    int best = 0, best_rank = -1;
    for (int i = 0; i < data->drivers.count; i++) {
        const driver_row *row = &data->drivers.items[i];
        int branch = branch_number(row->branch), rank = branch_rank(row, data->date);
        if (branch < at_least || !serves(gpus, count, branch))
            continue;
        if (rank > best_rank || (rank == best_rank && branch > best)) {
            best = branch;
            best_rank = rank;
        }
    }
    return best;
}

/* ---- CUDA releases ------------------------------------------------------------------------------*/

static bool same_minor(const char *a, const char *b)
{
    return version_part(a, 0) == version_part(b, 0) && version_part(a, 1) == version_part(b, 1) &&
           version_part(a, 1) >= 0;
}

const cuda_arch_row *cuda_row(const cairn_doctor_data *data, const char *cuda)
{
    for (int i = 0; known(cuda) && i < data->cuda_archs.count; i++)
        if (same_minor(data->cuda_archs.items[i].cuda_minor, cuda))
            return &data->cuda_archs.items[i];
    return NULL;
}

static const char *row_floor(const cuda_driver_row *row, bool windows)
{
    if (windows && known(row->min_driver_windows_minor_compat))
        return row->min_driver_windows_minor_compat;
    return known(row->min_driver_linux_minor_compat) ? row->min_driver_linux_minor_compat : NULL;
}

/* From 11 on a floor for the major; before, the toolkit's own driver, the lowest of its updates. */
const char *driver_floor(const cairn_doctor_data *data, const char *cuda, bool windows)
{
    const char *of_major = NULL, *of_toolkit = NULL;
    for (int i = 0; known(cuda) && i < data->cuda_drivers.count; i++) {
        const cuda_driver_row *row = &data->cuda_drivers.items[i];
        if (version_part(row->cuda_major, 0) != version_part(cuda, 0))
            continue;
        const char *floor = row_floor(row, windows);
        const char *own = windows ? row->min_driver_windows_toolkit : row->min_driver_linux_toolkit;
        bool exact = same_minor(row->cuda_minor, cuda);
        if (exact && floor)
            return floor;
        if (exact && known(own) && (!of_toolkit || version_compare(own, of_toolkit) < 0))
            of_toolkit = own;
        if (floor && (!of_major || version_compare(floor, of_major) > 0))
            of_major = floor;
    }
    return of_toolkit && !of_major ? of_toolkit : of_major;
}

/* ---- Wheels -------------------------------------------------------------------------------------*/

const char *row_archs(const torch_row *row, const char *platform, const char *machine)
{
    const char *list = row->arch_list_linux_x86_64;
    if (text_is(machine, "aarch64"))
        list = row->arch_list_linux_aarch64;
    else if (text_is(platform, "windows") && known(row->arch_list_windows))
        list = row->arch_list_windows;
    return known(list) ? list : NULL;
}

const torch_row *find_torch(const cairn_doctor_data *data, const char *torch, const char *tag,
                            const char *cuda)
{
    for (int i = 0; torch && i < data->torch.count; i++) {
        const torch_row *row = &data->torch.items[i];
        if (version_compare(row->torch, torch))
            continue;
        if (tag ? text_is(row->cuda_tag, tag) : cuda && same_minor(row->cuda_minor, cuda))
            return row;
    }
    return NULL;
}

static void add_arch(wheel *w, const char *text)
{
    arch a;
    if (w->arch_count < MOST_ARCHS && arch_parse(text, &a))
        w->archs[w->arch_count++] = a;
}

static void add_arch_list(wheel *w, const char *list)
{
    char item[32];
    w->archs_text = list;
    for (const char *p = list; p && *p;) {
        size_t length = strcspn(p, ";");
        snprintf(item, sizeof item, "%.*s", (int)length, p);
        add_arch(w, item);
        p += length + (p[length] == ';');
    }
}

void wheel_from_row(const torch_row *row, const char *platform, const char *machine, wheel *out)
{
    *out = (wheel){.torch = row->torch, .tag = row->cuda_tag, .cuda = row->cuda_minor, .row = row};
    out->cudnn = known(row->cudnn) ? row->cudnn : NULL;
    add_arch_list(out, row_archs(row, platform, machine));
}

/* The build that PyPI gives under a bare version, on Linux; NULL when not known. */
static const torch_row *pypi_default(const cairn_doctor_data *data, const cairn_facts *facts,
                                     const char *torch)
{
    if (!text_is(facts->machine, "x86_64") || text_is(facts->platform, "windows"))
        return NULL;
    for (int i = 0; i < data->torch.count; i++)
        if (!version_compare(data->torch.items[i].torch, torch) &&
            text_is(data->torch.items[i].pypi_default_linux_x86_64, "yes"))
            return &data->torch.items[i];
    return NULL;
}

/* "cu126" -> "12.6", "cu92" -> "9.2"; "" for a build that is known to be without CUDA. */
static const char *cuda_of_tag(arena *memory, const char *tag)
{
    if (!tag)
        return NULL;
    size_t digits = text_starts(tag, "cu") ? strspn(tag + 2, "0123456789") : 0;
    if (digits >= 2 && digits <= 3)
        return arena_format(memory, "%.*s.%c", (int)digits - 1, tag + 2, tag[1 + digits]);
    return text_starts(tag, "cpu") || text_starts(tag, "rocm") || text_starts(tag, "xpu") ? "" : NULL;
}

static const char *text_of_archs(arena *memory, const cairn_texts *archs)
{
    const char *text = "";
    for (int i = 0; i < archs->count && i < MOST_ARCHS; i++)
        text = arena_format(memory, "%s%s%s", text, i ? " " : "", archs->items[i]);
    return text;
}

bool wheel_from_python(const cairn_doctor_data *data, arena *memory, const cairn_facts *facts,
                       const cairn_python *python, wheel *out)
{
    const cairn_torch *t = &python->torch;
    const char *installed = pairs_get(&python->packages, "torch");
    const char *version = t->known == CAIRN_YES && known(t->version) ? t->version : installed;
    *out = (wheel){0};
    if (t->known == CAIRN_NO || !known(version))
        return false;
    const char *plus = strchr(version, '+');
    out->torch = arena_copy(memory, version, strcspn(version, "+"));
    out->tag = plus && plus[1] ? plus + 1 : NULL;
    out->cuda = t->cuda ? t->cuda : cuda_of_tag(memory, out->tag);
    out->row = find_torch(data, out->torch, text_starts(out->tag, "cu") ? out->tag : NULL, out->cuda);
    if (!out->cuda && !out->tag)
        out->row = pypi_default(data, facts, out->torch);
    if (out->row && !out->cuda)
        out->cuda = out->row->cuda_minor;
    if (out->row && !out->tag)
        out->tag = out->row->cuda_tag;
    for (int i = 0; i < t->archs.count; i++)
        add_arch(out, t->archs.items[i]);
    out->measured = out->arch_count > 0;
    if (out->measured)
        out->archs_text = text_of_archs(memory, &t->archs);
    else if (out->row)
        add_arch_list(out, row_archs(out->row, facts->platform, facts->machine));
    out->cudnn = known(t->cudnn) ? t->cudnn : out->row && known(out->row->cudnn) ? out->row->cudnn : NULL;
    return true;
}

/* ---- Wheels and GPUs ----------------------------------------------------------------------------*/

static bool cubin_runs(const cairn_doctor_data *data, const arch *a, int cc)
{
    if (!a->cubin)
        return false;
    if (a->suffix == 'a' || is_tegra_cc(data, a->cc) || is_tegra_cc(data, cc))
        return a->cc == cc;
    return a->cc / 10 == cc / 10 && a->cc % 10 <= cc % 10;
}

static bool ptx_compiles(const arch *a, int cc)
{
    if (!a->ptx)
        return false;
    if (a->suffix == 'a')
        return a->cc == cc;
    return a->suffix == 'f' ? a->cc / 10 == cc / 10 && a->cc <= cc : a->cc <= cc;
}

/* The CUDA libraries of this release have code for the GPU's major. Unknown releases are trusted. */
static bool toolkit_knows(const cairn_doctor_data *data, const char *cuda, int cc)
{
    const cuda_arch_row *row = cuda_row(data, cuda);
    return !row || cc_parse(row->max_cc) / 10 >= cc / 10 || cc_parse(row->max_cc) == 0;
}

static bool has_ptx(const wheel *w, int cc)
{
    for (int i = 0; i < w->arch_count; i++)
        if (ptx_compiles(&w->archs[i], cc))
            return true;
    return false;
}

/* PTX carries the ISA of the toolkit that wrote it. */
static bool ptx_isa_too_new(const cairn_doctor_data *data, const wheel *w, const driver_info *driver)
{
    const char *cuda = driver->cuda;
    if (!known(cuda) && known(driver->version) && !driver->jetson)
        cuda = cuda_of_branch(data, branch_of(data, driver->version));
    const cuda_arch_row *ours = cuda_row(data, w->cuda), *theirs = cuda_row(data, cuda);
    return ours && theirs && known(ours->ptx_isa) && known(theirs->ptx_isa) &&
           version_compare(ours->ptx_isa, theirs->ptx_isa) > 0;
}

bool wheel_ptx_too_new(const cairn_doctor_data *data, const wheel *w, const gpu_info *gpu,
                       const driver_info *driver)
{
    return gpu->cc && has_ptx(w, gpu->cc) && ptx_isa_too_new(data, w, driver);
}

fit wheel_fit(const cairn_doctor_data *data, const wheel *w, const gpu_info *gpu, const driver_info *driver)
{
    if (!gpu->cc || !w->arch_count)
        return FIT_UNKNOWN;
    for (int i = 0; i < w->arch_count; i++)
        if (cubin_runs(data, &w->archs[i], gpu->cc))
            return FIT_CUBIN;
    if (!has_ptx(w, gpu->cc))
        return FIT_NONE;
    if (!toolkit_knows(data, w->cuda, gpu->cc))
        return FIT_TOOLKIT_PREDATES;
    return ptx_isa_too_new(data, w, driver) ? FIT_PTX_TOO_NEW : FIT_PTX;
}

bool wheel_needs_newer_driver(const cairn_doctor_data *data, const wheel *w, const driver_info *driver)
{
    if (!known(w->cuda))
        return false;
    const char *floor = w->row && w->cuda == w->row->cuda_minor
                            ? data->of_torch[w->row - data->torch.items].floor[driver->windows]
                            : driver_floor(data, w->cuda, driver->windows);
    if (known(driver->version) && !driver->jetson && floor)
        return version_compare(driver->version, floor) < 0;
    /* A major that the data does not have, or a driver without a number: majors must not be above. */
    const char *cuda = driver->cuda;
    if (!known(cuda) && known(driver->version) && !driver->jetson)
        cuda = cuda_of_branch(data, branch_of(data, driver->version));
    return known(cuda) && version_part(w->cuda, 0) > version_part(cuda, 0);
}

/* ---- cuDNN and Python ---------------------------------------------------------------------------*/

static int lowest_cc(const char *list)
{
    int lowest = 0;
    for (const char *p = list; p && *p;) {
        int cc = cc_parse(p);
        lowest = cc && (!lowest || cc < lowest) ? cc : lowest;
        p += strcspn(p, ";");
        p += *p == ';';
    }
    return lowest;
}

/* A release without a list has at least the floor of the last listed one before it. */
int cudnn_floor(const cairn_doctor_data *data, const char *cudnn, const cudnn_row **out)
{
    const cudnn_row *best = NULL;
    for (int i = 0; known(cudnn) && i < data->cudnn.count; i++) {
        const cudnn_row *row = &data->cudnn.items[i];
        if (!lowest_cc(row->compute_capabilities) || version_compare(row->cudnn, cudnn) > 0)
            continue;
        int order = best ? version_compare(row->cudnn, best->cudnn) : 1;
        if (order > 0 ||
            (order == 0 && lowest_cc(row->compute_capabilities) < lowest_cc(best->compute_capabilities)))
            best = row;
    }
    if (out)
        *out = best;
    return best ? lowest_cc(best->compute_capabilities) : 0;
}

int wheel_cudnn_floor(const cairn_doctor_data *data, const wheel *w)
{
    if (w->row && w->cudnn == w->row->cudnn)
        return data->of_torch[w->row - data->torch.items].cudnn_floor;
    return cudnn_floor(data, w->cudnn, NULL);
}

static bool listed(const char *words, const char *word, size_t length)
{
    for (const char *p = words; p && *p;) {
        size_t n = strcspn(p, " ;");
        if (n == length && !strncmp(p, word, n))
            return true;
        p += n + (p[n] != '\0');
    }
    return false;
}

bool wheel_takes_python(const torch_row *row, const char *python)
{
    if (!known(python))
        return true;
    char minor[32];
    int major = version_part(python, 0), second = version_part(python, 1);
    bool threaded = text_ends(python, "t");
    snprintf(minor, sizeof minor, "%d.%d%s", major, second < 0 ? 0 : second, threaded ? "t" : "");
    if (listed(row->python_experimental, minor, strlen(minor)))
        return true;
    if (threaded || major < 0)
        return false;
    return (absent(row->python_min) || version_compare(minor, row->python_min) >= 0) &&
           (absent(row->python_max) || version_compare(minor, row->python_max) <= 0);
}

/* ---- Worked out once ----------------------------------------------------------------------------*/

/* For GPUs that have no PCI id to look up, what all parts of their capability have in common. */
static void derive_cc(cairn_doctor_data *data)
{
    for (int i = 0; i < data->gpus.count; i++) {
        const gpu_row *row = &data->gpus.items[i];
        int cc = cc_parse(row->compute_capability);
        cc_facts *f = &data->by_cc[cc];
        if (!cc)
            continue;
        f->tegra |= absent(row->pci_device_id) && text_starts(row->segment, "Jetson");
        f->architecture = f->architecture ? f->architecture : row->architecture;
        f->first_branch =
            f->first_branch ? f->first_branch : branch_number(row->first_driver_branch_for_cc_ptx_table);
        f->last_branch = f->last_branch ? f->last_branch : last_branch_of(row);
    }
}

void data_derive(cairn_doctor_data *data)
{
    data->by_cc = arena_take(data->memory, MOST_CC * sizeof *data->by_cc);
    data->of_torch = arena_take(data->memory, ((size_t)data->torch.count + 1) * sizeof *data->of_torch);
    if (!data->by_cc || !data->of_torch || arena_failed(data->memory))
        return;
    derive_cc(data);
    for (int i = 0; i < data->torch.count; i++) {
        const torch_row *row = &data->torch.items[i];
        data->of_torch[i] = (torch_facts){
            .floor = {driver_floor(data, row->cuda_minor, false), driver_floor(data, row->cuda_minor, true)},
            .cudnn_floor = cudnn_floor(data, row->cudnn, NULL),
        };
    }
}
