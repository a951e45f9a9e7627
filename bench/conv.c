/* Convolutions: time of each pass, rate of the direct form's operations and share of the machine's measured peak (Winograd goes beyond
 * it). `conv FILTER` runs rows whose name has it; `conv FILTER find` lists all algorithms that can do them;
 * `conv resnet50` runs that network's convolutions in a row. */
#include "base/cpu.h"
#include "measure.h"
#include <cairn/dnn.h>

typedef struct row { const char *name; int64_t n, size, c, k, taps, stride, pad, groups; } row;

static const row rows[] = {
    {"c64 56x56 n16", 16, 56, 64, 64, 3, 1, 1, 1},
    {"c128 28x28 n16", 16, 28, 128, 128, 3, 1, 1, 1},
    {"c256 14x14 n16", 16, 14, 256, 256, 3, 1, 1, 1},
    {"c512 7x7 n16", 16, 7, 512, 512, 3, 1, 1, 1},
    {"c64 56x56 n1", 1, 56, 64, 64, 3, 1, 1, 1},
    {"c128 28x28 n1", 1, 28, 128, 128, 3, 1, 1, 1},
    {"c256 14x14 n1", 1, 14, 256, 256, 3, 1, 1, 1},
    {"c512 7x7 n1", 1, 7, 512, 512, 3, 1, 1, 1},
    {"1x1 64-256 56x56 n1", 1, 56, 64, 256, 1, 1, 0, 1},
    {"1x1 256-64 56x56 n1", 1, 56, 256, 64, 1, 1, 0, 1},
    {"1x1 512-128 28x28 n1", 1, 28, 512, 128, 1, 1, 0, 1},
    {"1x1 1024-256 14x14 n1", 1, 14, 1024, 256, 1, 1, 0, 1},
    {"1x1 2048-512 7x7 n1", 1, 7, 2048, 512, 1, 1, 0, 1},
    {"1x1 512-2048 7x7 n1", 1, 7, 512, 2048, 1, 1, 0, 1},
    {"7x7/2 3-64 224x224 n1", 1, 224, 3, 64, 7, 2, 3, 1},
    {"cifar c64 32x32 n32", 32, 32, 64, 64, 3, 1, 1, 1},
    {"cifar c128 16x16 n32", 32, 16, 128, 128, 3, 1, 1, 1},
    {"cifar c256 8x8 n32", 32, 8, 256, 256, 3, 1, 1, 1},
    {"cifar c512 4x4 n32", 32, 4, 512, 512, 3, 1, 1, 1},
    {"cifar down 64-128 32x32 n32", 32, 32, 64, 128, 3, 2, 1, 1},
    {"cifar down 256-512 8x8 n32", 32, 8, 256, 512, 3, 2, 1, 1},
    {"cifar down 1x1 64-128 32x32 n32", 32, 32, 64, 128, 1, 2, 0, 1},
    {"cifar first 3-64 32x32 n32", 32, 32, 3, 64, 3, 1, 1, 1},
    {"mnist first 1-32 28x28 n64", 64, 28, 1, 32, 3, 1, 1, 1},
    {"mnist second 32-64 14x14 n64", 64, 14, 32, 64, 3, 1, 1, 1},
    {"1x1 64-256 56x56 n16", 16, 56, 64, 256, 1, 1, 0, 1},
    {"1x1 1024-256 14x14 n16", 16, 14, 1024, 256, 1, 1, 0, 1},
    {"7x7/2 3-64 224x224 n16", 16, 224, 3, 64, 7, 2, 3, 1},
    {"depthwise c128 28x28 n1", 1, 28, 128, 128, 3, 1, 1, 128},
    {"depthwise c128 28x28 n16", 16, 28, 128, 128, 3, 1, 1, 128},
};

typedef struct call {
    cairn_conv d;
    cairn_conv_pass pass;
    void *x, *w, *y, *workspace;
    int64_t bytes;
} call;

static void run(void *context)
{
    const call *c = context;
    const cairn_status status =
        c->pass == CAIRN_CONV_FORWARD         ? cairn_conv_forward(&c->d, c->x, c->w, c->y, c->workspace, c->bytes)
        : c->pass == CAIRN_CONV_DATA_GRADIENT ? cairn_conv_data_gradient(&c->d, c->y, c->w, c->x, c->workspace, c->bytes)
                                              : cairn_conv_weight_gradient(&c->d, c->x, c->y, c->w, c->workspace, c->bytes);
    if (status != CAIRN_OK)
        exit(1);
}

static cairn_conv descriptor(const row *r)
{
    return (cairn_conv){.type = CAIRN_F32, .n = r->n, .h = r->size, .w = r->size, .c = r->c, .k = r->k, .r = r->taps, .s = r->taps,
                        .groups = r->groups, .stride_h = r->stride, .stride_w = r->stride, .pad_top = r->pad, .pad_bottom = r->pad,
                        .pad_left = r->pad, .pad_right = r->pad};
}

static void bench(const row *r, double peak)
{
    static const char *const passes[] = {"forward", "data", "weight"};
    call c = {.d = descriptor(r)};
    int64_t oh, ow;
    if (cairn_conv_output_size(&c.d, &oh, &ow) != CAIRN_OK)
        exit(1);
    const int64_t x = r->n * r->size * r->size * r->c * 4, w = r->k * r->taps * r->taps * r->c / r->groups * 4, y = r->n * oh * ow * r->k * 4;
    c.x = numbers(x);
    c.w = numbers(w);
    c.y = numbers(y);
    const double work = 2.0 * (double)(r->n * oh * ow * r->k * r->taps * r->taps * r->c / r->groups);
    for (int pass = 0; pass < 3; pass++) {
        c.pass = (cairn_conv_pass)pass;
        c.bytes = cairn_conv_workspace_bytes(&c.d, c.pass);
        c.workspace = numbers(c.bytes);
        const timing t = measure(run, &c, 0.3);
        printf("conv %-32s %-8s best %9.1f us, median %9.1f us %7.1f GFLOP/s %6.1f %% of peak\n", r->name, passes[pass], t.best * 1e6,
               t.median * 1e6, work / t.best * 1e-9, 100 * work / t.best / peak);
        buffer_free(c.workspace, c.bytes);
    }
    buffer_free(c.x, x), buffer_free(c.w, w), buffer_free(c.y, y);
}

/* ---- ResNet-50's convolutions, as inference has them: with their bias, ReLU, and what is added before it --------*/

typedef struct layer { int64_t size, c, k, taps, stride, times; bool residual; } layer;

static const layer resnet50[] = {
    {224, 3, 64, 7, 2, 1, false},
    {56, 64, 64, 1, 1, 1, false}, {56, 256, 64, 1, 1, 2, false}, {56, 64, 64, 3, 1, 3, false}, {56, 64, 256, 1, 1, 1, false}, {56, 64, 256, 1, 1, 3, true},
    {56, 256, 128, 1, 1, 1, false}, {56, 128, 128, 3, 2, 1, false}, {56, 256, 512, 1, 2, 1, false},
    {28, 512, 128, 1, 1, 3, false}, {28, 128, 128, 3, 1, 3, false}, {28, 128, 512, 1, 1, 4, true},
    {28, 512, 256, 1, 1, 1, false}, {28, 256, 256, 3, 2, 1, false}, {28, 512, 1024, 1, 2, 1, false},
    {14, 1024, 256, 1, 1, 5, false}, {14, 256, 256, 3, 1, 5, false}, {14, 256, 1024, 1, 1, 6, true},
    {14, 1024, 512, 1, 1, 1, false}, {14, 512, 512, 3, 2, 1, false}, {14, 1024, 2048, 1, 2, 1, false},
    {7, 2048, 512, 1, 1, 2, false}, {7, 512, 512, 3, 1, 2, false}, {7, 512, 2048, 1, 1, 3, true},
};

/* One layer's call; the memory is the caller's. */
static call layer_call(const layer *l, int64_t n)
{
    const row r = {"", n, l->size, l->c, l->k, l->taps, l->stride, l->taps / 2, 1};
    call c = {.d = descriptor(&r), .pass = CAIRN_CONV_FORWARD};
    int64_t oh, ow;
    if (cairn_conv_output_size(&c.d, &oh, &ow) != CAIRN_OK)
        exit(1);
    const int64_t y = n * oh * ow * l->k * 4;
    c.x = numbers(n * l->size * l->size * l->c * 4);
    c.w = numbers(l->k * l->taps * l->taps * l->c * 4);
    c.y = numbers(y);
    c.d.fused = (cairn_fused){.bias = numbers(l->k * 4), .residual = l->residual ? numbers(y) : NULL, .activation = CAIRN_FUSED_RELU};
    c.bytes = cairn_conv_workspace_bytes(&c.d, c.pass);
    c.workspace = numbers(c.bytes);
    return c;
}

/* All layers one after the other, so that weights are as cold as they are in a network. */
static void run_network(void *context)
{
    const call *calls = context;
    for (size_t i = 0; i < sizeof resnet50 / sizeof *resnet50; i++)
        for (int64_t t = 0; t < resnet50[i].times; t++)
            run((void *)&calls[i]);
}

static void bench_network(int64_t n, double peak)
{
    enum { LAYERS = sizeof resnet50 / sizeof *resnet50 };
    call calls[LAYERS];
    double work = 0;
    for (int i = 0; i < LAYERS; i++) {
        const layer *l = &resnet50[i];
        const double out = (double)((l->size + l->stride - 1) / l->stride);
        calls[i] = layer_call(l, n);
        work += 2.0 * (double)(n * l->times * l->k * l->taps * l->taps * l->c) * out * out;
    }
    const timing t = measure(run_network, calls, 1.5);
    printf("conv resnet50 n%lld, all layers %24s best %9.1f us, median %9.1f us %7.1f GFLOP/s %6.1f %% of peak\n", (long long)n, "",
           t.best * 1e6, t.median * 1e6, work / t.best * 1e-9, 100 * work / t.best / peak);
    for (int i = 0; i < LAYERS; i++) {
        const layer *l = &resnet50[i];
        const timing one = measure(run, &calls[i], 0.02);
        const double out = (double)((l->size + l->stride - 1) / l->stride);
        printf("    %4lld %4lld-%-4lld %lldx%lld/%lld x%lld %9.1f us %6.1f %% of peak\n", (long long)l->size, (long long)l->c, (long long)l->k,
               (long long)l->taps, (long long)l->taps, (long long)l->stride, (long long)l->times, one.median * 1e6,
               100 * 2.0 * (double)(n * l->k * l->taps * l->taps * l->c) * out * out / one.median / peak);
    }
}

static void list_algorithms(const row *r)
{
    static const char *const passes[] = {"forward", "data", "weight"};
    const cairn_conv d = descriptor(r);
    for (int pass = 0; pass < 3; pass++) {
        cairn_conv_choice found[CAIRN_CONV_ALGORITHMS], chosen;
        int count;
        if (cairn_conv_get(&d, (cairn_conv_pass)pass, &chosen) != CAIRN_OK || cairn_conv_find(&d, (cairn_conv_pass)pass, found, &count) != CAIRN_OK)
            exit(1);
        printf("conv %-32s %-8s", r->name, passes[pass]);
        for (int i = 0; i < count; i++)
            printf(" %s%s %.0f us", cairn_conv_algorithm_name(found[i].algorithm), found[i].algorithm == chosen.algorithm ? "*" : "",
                   found[i].seconds * 1e6);
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    const cairn_machine *peaks = cairn_machine_measure();
    printf("%s, %d threads, f32 peak %.1f GFLOP/s\n", cairn_isa(), cairn_threads(), peaks->f32_flops * 1e-9);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (argc < 2 || strstr(rows[i].name, argv[1])) {
            if (argc > 2)
                list_algorithms(&rows[i]);
            else
                bench(&rows[i], peaks->f32_flops);
        }
    if (argc < 2 || !strcmp(argv[1], "resnet50"))
        for (int64_t n = 1; n <= 8; n += 7)
            bench_network(n, peaks->f32_flops);
    return 0;
}
