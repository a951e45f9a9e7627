/* Products with weights of 8 and 4 bits, m = 1 ... 16: time, bytes a second, and share of the machine's measured bandwidth. The rows named
 * "GPT-2" are all products of one token of GPT-2 124M, one after the other. `quantize FILTER` runs rows whose name has it. */
#include "base/cpu.h"
#include "measure.h"
#include <cairn/dnn.h>

typedef struct layer { int64_t n, k; int times; } layer;

static const layer gpt2[] = {{2304, 768, 12}, {768, 768, 12}, {3072, 768, 12}, {768, 3072, 12}, {50257, 768, 1}, {0, 0, 0}};
static const layer square[] = {{4096, 4096, 1}, {0, 0, 0}};

typedef struct row { const char *name; const layer *layers; int64_t m; int bits; int64_t block; } row;

static const row rows[] = {
    {"GPT-2 124M one token, f32", gpt2, 1, 32, 0}, {"GPT-2 124M one token, 8 bits", gpt2, 1, 8, 64}, {"GPT-2 124M one token, 4 bits", gpt2, 1, 4, 32},
    {"4096 x 4096 m1, 8 bits", square, 1, 8, 32},  {"4096 x 4096 m1, 4 bits", square, 1, 4, 32},     {"4096 x 4096 m4, 8 bits", square, 4, 8, 32},
    {"4096 x 4096 m16, 8 bits", square, 16, 8, 32}, {"4096 x 4096 m16, 4 bits", square, 16, 4, 32},
};

enum { MOST = 64 };
typedef struct call {
    int count;
    int64_t m, bytes, workspace_bytes;
    int bits;
    cairn_quantized_weight d[MOST];
    void *w[MOST], *workspace;
    float *x, *y;
} call;

static void run(void *context)
{
    const call *c = context;
    for (int i = 0; i < c->count; i++) {
        const int64_t n = c->d[i].n, k = c->d[i].k;
        const cairn_gemm g = {.type = CAIRN_F32, .m = c->m, .n = n, .k = k, .a = c->x, .b = c->w[i], .c = c->y, .a_row = k, .a_col = 1,
                              .b_row = 1, .b_col = k, .c_row = n, .alpha = 1};
        if ((c->bits == 32 ? cairn_gemm_run(&g, c->workspace, c->workspace_bytes)
                           : cairn_quantized_matmul(&c->d[i], c->m, c->x, k, c->w[i], NULL, c->y, n, c->workspace, c->workspace_bytes)))
            exit(1);
    }
}

static void prepare(call *c, const row *r)
{
    float *w = numbers((int64_t)50257 * 768 * 4);
    for (const layer *l = r->layers; l->n; l++)
        for (int i = 0; i < l->times; i++, c->count++) {
            cairn_quantized_weight *d = &c->d[c->count];
            *d = (cairn_quantized_weight){r->bits == 4 ? CAIRN_BLOCK_INT4 : CAIRN_BLOCK_INT8, l->n, l->k, r->block};
            const int64_t bytes = r->bits == 32 ? l->n * l->k * 4 : cairn_quantized_weight_bytes(d);
            c->w[c->count] = numbers(bytes);
            c->bytes += bytes;
            if (r->bits != 32 && cairn_quantized_weight_pack(d, w, l->k, c->w[c->count]) != CAIRN_OK)
                exit(1);
        }
    buffer_free(w, (int64_t)50257 * 768 * 4);
    c->workspace_bytes = 1 << 24;
    c->workspace = numbers(c->workspace_bytes);
    c->x = numbers(1 << 20);
    c->y = numbers(1 << 24);
}

static void bench(const row *r, double bandwidth)
{
    call c = {.m = r->m, .bits = r->bits};
    prepare(&c, r);
    const timing t = measure(run, &c, 0.5);
    printf("quantize %-32s best %9.1f us, median %9.1f us, %6.1f MB, %5.1f GB/s %6.1f %% of bandwidth\n", r->name, t.best * 1e6, t.median * 1e6,
           (double)c.bytes * 1e-6, (double)c.bytes / t.median * 1e-9, 100 * (double)c.bytes / t.median / bandwidth);
    for (int i = 0; i < c.count; i++)
        buffer_free(c.w[i], r->bits == 32 ? c.d[i].n * c.d[i].k * 4 : cairn_quantized_weight_bytes(&c.d[i]));
    buffer_free(c.workspace, c.workspace_bytes), buffer_free(c.x, 1 << 20), buffer_free(c.y, 1 << 24);
}

int main(int argc, char **argv)
{
    const cairn_machine *peaks = cairn_machine_measure();
    printf("%s, %d threads, reads %.1f GB/s\n", cairn_isa(), cairn_threads(), peaks->read_bytes * 1e-9);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (argc < 2 || strstr(rows[i].name, argv[1]))
            bench(&rows[i], peaks->read_bytes);
    return 0;
}
