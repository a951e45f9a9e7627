/* Matrix products: time, rate and share of the machine's measured peak. `gemm FILTER` runs rows whose name has it. */
#include "base/cpu.h"
#include "measure.h"
#include <cairn/dnn.h>

typedef struct row {
    const char *name;
    cairn_dtype type;
    int64_t m, k, n;
    char a, b;                          /* 'n' as it is, 't' transposed */
} row;

static const row rows[] = {
    {"square 512", CAIRN_F32, 512, 512, 512, 'n', 'n'},
    {"square 1024", CAIRN_F32, 1024, 1024, 1024, 'n', 'n'},
    {"square 2048", CAIRN_F32, 2048, 2048, 2048, 'n', 'n'},
    {"square 1024 x wT", CAIRN_F32, 1024, 1024, 1024, 'n', 't'},
    {"transformer 512x768x3072", CAIRN_F32, 512, 768, 3072, 'n', 'n'},
    {"transformer 512x768x3072 wT", CAIRN_F32, 512, 768, 3072, 'n', 't'},
    {"row 1x4096x4096", CAIRN_F32, 1, 4096, 4096, 'n', 'n'},
    {"row 1x4096x4096 wT", CAIRN_F32, 1, 4096, 4096, 'n', 't'},
    {"rows 8x4096x4096", CAIRN_F32, 8, 4096, 4096, 'n', 'n'},
    {"rows 8x4096x4096 wT", CAIRN_F32, 8, 4096, 4096, 'n', 't'},
    {"small 64x64x64", CAIRN_F32, 64, 64, 64, 'n', 'n'},
    {"small 16x128x128", CAIRN_F32, 16, 128, 128, 'n', 'n'},
    {"small 16x128x128 wT", CAIRN_F32, 16, 128, 128, 'n', 't'},
    {"tiny 8x16x32", CAIRN_F32, 8, 16, 32, 'n', 'n'},
    {"tiny 8x16x32 wT", CAIRN_F32, 8, 16, 32, 'n', 't'},
    {"tiny 8x32x4 wT", CAIRN_F32, 8, 32, 4, 'n', 't'},
    {"tiny 1x16x32 wT", CAIRN_F32, 1, 16, 32, 'n', 't'},
    {"mlp forward 128x784x512", CAIRN_F32, 128, 784, 512, 'n', 't'},
    {"mlp data 128x512x784", CAIRN_F32, 128, 512, 784, 'n', 'n'},
    {"mlp weight 512x128x784", CAIRN_F32, 512, 128, 784, 't', 'n'},
    {"mlp forward 128x512x512", CAIRN_F32, 128, 512, 512, 'n', 't'},
    {"mlp weight 512x128x512", CAIRN_F32, 512, 128, 512, 't', 'n'},
    {"mlp forward 128x512x10", CAIRN_F32, 128, 512, 10, 'n', 't'},
    {"mlp data 128x10x512", CAIRN_F32, 128, 10, 512, 'n', 'n'},
    {"mlp weight 10x128x512", CAIRN_F32, 10, 128, 512, 't', 'n'},
    {"cnn forward 64x3136x128", CAIRN_F32, 64, 3136, 128, 'n', 't'},
    {"cnn data 64x128x3136", CAIRN_F32, 64, 128, 3136, 'n', 'n'},
    {"cnn weight 128x64x3136", CAIRN_F32, 128, 64, 3136, 't', 'n'},
    {"f64 1024", CAIRN_F64, 1024, 1024, 1024, 'n', 'n'},
    {"bf16 512", CAIRN_BF16, 512, 512, 512, 'n', 'n'},
    {"bf16 1024", CAIRN_BF16, 1024, 1024, 1024, 'n', 'n'},
    {"bf16 2048", CAIRN_BF16, 2048, 2048, 2048, 'n', 'n'},
    {"i8 1024", CAIRN_I8, 1024, 1024, 1024, 'n', 'n'},
    {"i8 1024 wT", CAIRN_I8, 1024, 1024, 1024, 'n', 't'},
    {"bf16 1024 wT", CAIRN_BF16, 1024, 1024, 1024, 'n', 't'},
};

typedef struct call { cairn_gemm g; void *workspace; int64_t bytes; } call;

static void run(void *context)
{
    call *c = context;
    if (cairn_gemm_run(&c->g, c->workspace, c->bytes) != CAIRN_OK)
        exit(1);
}

static void bench(const row *r, double peak)
{
    const int bytes = cairn_dtype_bytes(r->type);
    call c = {.g = {.type = r->type, .m = r->m, .n = r->n, .k = r->k, .alpha = 1, .c_row = r->n}};
    c.g.a_row = r->a == 'n' ? r->k : 1;
    c.g.a_col = r->a == 'n' ? 1 : r->m;
    c.g.b_row = r->b == 'n' ? r->n : 1;
    c.g.b_col = r->b == 'n' ? 1 : r->k;
    const int64_t a = r->m * r->k * bytes, b = r->k * r->n * bytes, product = r->m * r->n * (r->type == CAIRN_I8 ? 4 : bytes);
    c.g.a = numbers(a);
    c.g.b = numbers(b);
    c.g.c = numbers(product);
    c.bytes = cairn_gemm_workspace_bytes(&c.g);
    c.workspace = numbers(c.bytes);
    const timing t = measure(run, &c, 0.4);
    const double work = 2.0 * (double)r->m * (double)r->n * (double)r->k;
    printf("gemm %s %-30s best %11.2f us, median %11.2f us %8.1f GFLOP/s %6.1f %% of peak\n", cairn_dtype_name(r->type), r->name,
           t.best * 1e6, t.median * 1e6, work / t.best * 1e-9, 100 * work / t.best / peak);
    buffer_free((void *)c.g.a, a), buffer_free((void *)c.g.b, b), buffer_free(c.g.c, product), buffer_free(c.workspace, c.bytes);
}

int main(int argc, char **argv)
{
    const cairn_machine *peaks = cairn_machine_measure();
    printf("%s, %d threads, f32 peak %.1f GFLOP/s, reads %.1f GB/s\n", cairn_isa(), cairn_threads(), peaks->f32_flops * 1e-9,
           peaks->read_bytes * 1e-9);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (argc < 2 || strstr(rows[i].name, argv[1]))
            bench(&rows[i], rows[i].type == CAIRN_F64 ? peaks->f64_flops : peaks->f32_flops);
    return 0;
}
