/* Attention: time, rate over the products that the mask leaves, share of the measured peak. `attention FILTER` runs rows
 * whose name has it. */
#include "base/cpu.h"
#include "measure.h"
#include <cairn/dnn.h>

typedef struct row {
    const char *name;
    cairn_attention d;
    bool gradient;
} row;

#define CAUSAL(b, h, n, w) .batch = b, .heads = h, .queries = n, .keys = n, .width = w, .causal = true
static const row rows[] = {
    {"12 x 1024 x 64 causal forward", {.type = CAIRN_F32, CAUSAL(1, 12, 1024, 64)}, false},
    {"12 x 1024 x 64 causal gradient", {.type = CAIRN_F32, CAUSAL(1, 12, 1024, 64)}, true},
    {"12 x 1024 x 64 causal forward", {.type = CAIRN_BF16, CAUSAL(1, 12, 1024, 64)}, false},
    {"12 x 1024 x 64 causal gradient", {.type = CAIRN_BF16, CAUSAL(1, 12, 1024, 64)}, true},
    {"12 x 1024 x 64 causal forward", {.type = CAIRN_F64, CAUSAL(1, 12, 1024, 64)}, false},
    {"12 x 1024 x 64 forward", {.type = CAIRN_F32, .batch = 1, .heads = 12, .queries = 1024, .keys = 1024, .width = 64}, false},
    {"72 x 256 x 64 causal forward", {.type = CAIRN_F32, CAUSAL(12, 6, 256, 64)}, false},
    {"72 x 256 x 64 causal gradient", {.type = CAIRN_F32, CAUSAL(12, 6, 256, 64)}, true},
    {"48 x 64 x 64 causal forward", {.type = CAIRN_F32, CAUSAL(4, 12, 64, 64)}, false},
    {"48 x 64 x 64 causal gradient", {.type = CAIRN_F32, CAUSAL(4, 12, 64, 64)}, true},
    {"one query, 12 x 4096 x 64", {.type = CAIRN_F32, .batch = 1, .heads = 12, .queries = 1, .keys = 4096, .width = 64}, false},
    {"one query, 12 x 4096 x 64", {.type = CAIRN_BF16, .batch = 1, .heads = 12, .queries = 1, .keys = 4096, .width = 64}, false},
    {"one query, 12 x 128 x 64", {.type = CAIRN_F32, .batch = 1, .heads = 12, .queries = 1, .keys = 128, .width = 64}, false},
};

typedef struct call {
    cairn_attention d;
    void *q, *k, *v, *o, *sums, *d_o, *dq, *dk, *dv, *workspace;
    int64_t bytes;
    bool gradient;
} call;

static void run(void *context)
{
    call *c = context;
    const cairn_status s = c->gradient ? cairn_attention_gradient(&c->d, c->q, c->k, c->v, c->o, c->sums, c->d_o, c->dq, c->dk, c->dv,
                                                                  c->workspace, c->bytes)
                                       : cairn_attention_forward(&c->d, c->q, c->k, c->v, c->o, c->sums, c->workspace, c->bytes);
    if (s)
        exit(1);
}

static void bench(const row *r, double peak)
{
    const cairn_attention *d = &r->d;
    const int64_t rows = d->batch * d->heads, q = rows * d->queries * d->width * cairn_dtype_bytes(d->type);
    const int64_t k = rows * d->keys * d->width * cairn_dtype_bytes(d->type), sums = rows * d->queries * 8;
    call c = {.d = *d, .q = numbers(q), .k = numbers(k), .v = numbers(k), .o = numbers(q), .sums = numbers(sums), .d_o = numbers(q),
              .dq = numbers(q), .dk = numbers(k), .dv = numbers(k), .gradient = r->gradient};
    const int64_t forward = cairn_attention_workspace_bytes(d, CAIRN_ATTENTION_FORWARD);
    const int64_t gradient = cairn_attention_workspace_bytes(d, CAIRN_ATTENTION_GRADIENT);
    c.bytes = forward > gradient ? forward : gradient;
    c.workspace = numbers(c.bytes);
    c.gradient = false;
    run(&c);
    c.gradient = r->gradient;
    const timing t = measure(run, &c, 0.4);
    const double pairs = d->causal ? 0.5 * (double)d->queries * (double)(d->queries + 1) : (double)d->queries * (double)d->keys;
    const double work = (r->gradient ? 5 : 2) * 2.0 * (double)rows * pairs * (double)d->width;
    printf("attention %s %-32s best %10.1f us, median %10.1f us %7.1f GFLOP/s %5.1f %% of peak %6.1f GB/s of keys\n",
           cairn_dtype_name(d->type), r->name, t.best * 1e6, t.median * 1e6, work / t.best * 1e-9, 100 * work / t.best / peak,
           2 * (double)k / t.best * 1e-9);
    void *all[] = {c.q, c.k, c.v, c.o, c.sums, c.d_o, c.dq, c.dk, c.dv, c.workspace};
    const int64_t bytes[] = {q, k, k, q, sums, q, q, k, k, c.bytes};
    for (int i = 0; i < 10; i++)
        buffer_free(all[i], bytes[i]);
}

int main(int argc, char **argv)
{
    const cairn_machine *peaks = cairn_machine_measure();
    printf("%s, %d threads, f32 peak %.1f GFLOP/s, reads %.1f GB/s\n", cairn_isa(), cairn_threads(), peaks->f32_flops * 1e-9,
           peaks->read_bytes * 1e-9);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (argc < 2 || strstr(rows[i].name, argv[1]))
            bench(&rows[i], rows[i].d.type == CAIRN_F64 ? peaks->f64_flops : peaks->f32_flops);
    return 0;
}
