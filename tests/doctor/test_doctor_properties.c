/* What must hold for every build, every kind of GPU and every driver branch of the data. */
#include "doctor_test.h"

enum { MOST_KINDS = 64, MOST_DRIVERS = 64 };

static cairn_doctor_data *data;
static const gpu_row *kinds[MOST_KINDS]; /* one row for each capability and last branch */
static int kind_count;
static const char *drivers[MOST_DRIVERS]; /* rising */
static int driver_count;
static int step; /* of the rows of torch.csv: all with CAIRN_LONG_TESTS, a sample otherwise */

static void find_kinds(void)
{
    for (int i = 0; i < data->gpus.count; i++) {
        const gpu_row *row = &data->gpus.items[i];
        bool again = !text_starts(row->pci_device_id, "0x") || cc_parse(row->compute_capability) < 30;
        for (int k = 0; k < kind_count; k++)
            again |= text_is(kinds[k]->compute_capability, row->compute_capability) &&
                     text_is(kinds[k]->last_driver_branch, row->last_driver_branch);
        if (!again && kind_count < MOST_KINDS)
            kinds[kind_count++] = row;
    }
}

static void find_drivers(void)
{
    static char versions[MOST_DRIVERS][32];
    static const char *const more[] = {"450.36.06", "450.80.02", "525.60.12",
                                       "525.60.13", "575.51.03", "700.10"};
    for (int i = 0; i < data->drivers.count; i++)
        if (version_part(data->drivers.items[i].branch + 1, 0) >= 390)
            snprintf(versions[driver_count++], 32, "%s.99", data->drivers.items[i].branch + 1);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        snprintf(versions[driver_count++], 32, "%s", more[i]);
    for (int i = 0; i < driver_count; i++)
        drivers[i] = versions[i];
    for (int i = 1; i < driver_count; i++)
        for (int k = i; k > 0 && version_compare(drivers[k - 1], drivers[k]) > 0; k--) {
            const char *t = drivers[k];
            drivers[k] = drivers[k - 1];
            drivers[k - 1] = t;
        }
}

/* A healthy machine with this GPU, driver and build. The texts are borrowed. */
typedef struct machine {
    cairn_facts facts;
    cairn_gpu gpu;
    cairn_python python;
    cairn_pair packages[3];
} machine;

static void make_machine(machine *m, const gpu_row *gpu, const char *driver, const char *torch,
                         const char *cuda, const char *vision)
{
    static char pci[32], version[64];
    *m = (machine){0};
    snprintf(pci, sizeof pci, "10de:%s", gpu->pci_device_id + 2);
    snprintf(version, sizeof version, "%s", torch);
    m->gpu = (cairn_gpu){.pci = pci, .driver = "nvidia"};
    m->packages[0] = (cairn_pair){"torch", version};
    m->packages[1] = (cairn_pair){"torchvision", vision};
    m->python = (cairn_python){.version = "", .prefix = "/venv"};
    m->python.packages.known = CAIRN_YES;
    m->python.packages.count = vision && *vision ? 2 : 1;
    m->python.packages.items = m->packages;
    m->python.torch = (cairn_torch){.known = CAIRN_YES, .version = version, .cuda = cuda};
    m->facts.platform = "linux";
    m->facts.machine = "x86_64";
    m->facts.distribution = "ubuntu 24.04";
    m->facts.gpus.known = CAIRN_YES;
    m->facts.gpus.count = 1;
    m->facts.gpus.items = &m->gpu;
    m->facts.module = (cairn_module){.known = CAIRN_YES, .version = driver};
    m->facts.libcuda = (cairn_libcuda){.known = CAIRN_YES, .version = driver};
    m->facts.container.known = CAIRN_NO;
    m->facts.pythons.known = CAIRN_YES;
    m->facts.pythons.count = 1;
    m->facts.pythons.items = &m->python;
}

static bool is_dropped(const cairn_verdict *v)
{
    return finding_of(v, "GPU_DROPPED_BY_DRIVER") != NULL;
}

static void a_newer_driver_never_turns_a_good_verdict_bad(void **state)
{
    (void)state;
    for (int t = 0; t < data->torch.count; t += step)
        for (int g = 0; g < kind_count; g++) {
            cairn_severity before = CAIRN_FAIL;
            for (int d = 0; d < driver_count; d++) {
                const torch_row *row = &data->torch.items[t];
                machine m;
                make_machine(&m, kinds[g], drivers[d], row->torch, row->cuda_minor, NULL);
                cairn_verdict *v = cairn_doctor_judge(&m.facts, data, CAIRN_ENGLISH);
                assert_non_null(v);
                if (v->severity > before && !is_dropped(v))
                    fail_msg("torch %s+%s, %s, driver %s: worse than with %s", row->torch, row->cuda_tag,
                             kinds[g]->product, drivers[d], drivers[d - 1]);
                before = is_dropped(v) ? CAIRN_FAIL : v->severity;
                cairn_verdict_free(v);
            }
        }
}

static void a_planned_build_judges_as_the_plan_said(void **state)
{
    (void)state;
    for (int g = 0; g < kind_count; g++)
        for (int d = 0; d < driver_count; d += 3) {
            const char *gpus[] = {kinds[g]->pci_device_id};
            cairn_plan_request r = {.gpus = gpus, .gpu_count = 1, .driver = drivers[d]};
            cairn_verdict *plan = cairn_doctor_plan(&r, NULL, data, CAIRN_ENGLISH);
            assert_non_null(plan);
            for (int i = 0; i < plan->plan.count; i++) {
                const cairn_build *b = &plan->plan.items[i];
                const torch_row *row = find_torch(data, b->torch, b->build, NULL);
                machine m;
                make_machine(&m, kinds[g], drivers[d], b->torch, row->cuda_minor, b->torchvision);
                cairn_verdict *v = cairn_doctor_judge(&m.facts, data, CAIRN_ENGLISH);
                if (v->severity != (b->warn.count ? CAIRN_WARN : CAIRN_NOTE))
                    fail_msg("torch %s+%s, %s, driver %s: planned, but judged %d", b->torch, b->build,
                             kinds[g]->product, drivers[d], v->severity);
                cairn_verdict_free(v);
            }
            cairn_verdict_free(plan);
        }
}

/* "… torch==2.7.1+cu126 torchvision==0.22.1+cu126 …" -> the row and the partner. */
static const torch_row *row_of_command(const char *command, char vision[32])
{
    char torch[32] = "", tag[32] = "";
    const char *t = strstr(command, " torch=="), *v = strstr(command, "torchvision==");
    vision[0] = '\0';
    if (v)
        sscanf(v, "torchvision==%31[^+ ]", vision);
    if (!t || sscanf(t, " torch==%31[0-9.]+%31[a-z0-9]", torch, tag) != 2)
        return NULL;
    return find_torch(data, torch, tag, NULL);
}

/* The first wheel command leaves at most the warning that cuDNN of this torch is too new for the GPU, and
 * then a later command leaves none. */
static void a_fix_for_a_wheel_mends_it(void **state)
{
    (void)state;
    int mended = 0;
    for (int t = 0; t < data->torch.count; t += step)
        for (int g = 0; g < kind_count; g++)
            for (int d = 0; d < driver_count; d += step == 1 ? 1 : 3) {
                const torch_row *row = &data->torch.items[t];
                machine m;
                make_machine(&m, kinds[g], drivers[d], row->torch, row->cuda_minor, NULL);
                cairn_verdict *v = cairn_doctor_judge(&m.facts, data, CAIRN_ENGLISH);
                const cairn_finding *f = v->findings.count ? &v->findings.items[0] : NULL;
                cairn_severity best = CAIRN_FAIL;
                char vision[32];
                bool any = false;
                for (int i = 0; f && f->severity == CAIRN_FAIL && i < f->fix.count; i++) {
                    const torch_row *other = row_of_command(f->fix.items[i], vision);
                    if (!other)
                        continue;
                    machine after;
                    make_machine(&after, kinds[g], drivers[d], other->torch, other->cuda_minor, vision);
                    cairn_verdict *w = cairn_doctor_judge(&after.facts, data, CAIRN_ENGLISH);
                    if (w->severity == CAIRN_FAIL)
                        fail_msg("torch %s+%s, %s, driver %s: '%s' leaves %s", row->torch, row->cuda_tag,
                                 kinds[g]->product, drivers[d], f->fix.items[i], w->findings.items[0].code);
                    best = w->severity < best ? w->severity : best;
                    any = true;
                    cairn_verdict_free(w);
                }
                if (any && best != CAIRN_NOTE)
                    fail_msg("torch %s+%s, %s, driver %s: no fix gives ok", row->torch, row->cuda_tag,
                             kinds[g]->product, drivers[d]);
                mended += any;
                cairn_verdict_free(v);
            }
    assert_true(mended > 1000 / step);
}

static int load(void **state)
{
    (void)state;
    data = cairn_doctor_data_load(NULL);
    if (!data)
        return -1;
    step = getenv("CAIRN_LONG_TESTS") ? 1 : 13;
    find_kinds();
    find_drivers();
    return 0;
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
        cmocka_unit_test(a_newer_driver_never_turns_a_good_verdict_bad),
        cmocka_unit_test(a_planned_build_judges_as_the_plan_said),
        cmocka_unit_test(a_fix_for_a_wheel_mends_it),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
