/* Recurrences: time of the forward pass, for inference and for training, and of the gradient; rate of the products and share of the
 * machine's measured peak. `rnn FILTER` runs rows whose name has it. */
#include "base/cpu.h"
#include "measure.h"
#include <cairn/dnn.h>

typedef struct row { const char *name; cairn_rnn_descriptor d; } row;

static const row rows[] = {
    {"LSTM 2x512 in 256 n32 t64", {.kind = CAIRN_RNN_LSTM, .steps = 64, .batch = 32, .in = 256, .hidden = 512, .layers = 2}},
    {"LSTM 2x512/256 in 256 n32 t64", {.kind = CAIRN_RNN_LSTM, .steps = 64, .batch = 32, .in = 256, .hidden = 512, .projection = 256, .layers = 2}},
    {"LSTM bidirectional 256 n32 t64", {.kind = CAIRN_RNN_LSTM, .steps = 64, .batch = 32, .in = 256, .hidden = 256, .bidirectional = true}},
    {"LSTM 512 n1 t64", {.kind = CAIRN_RNN_LSTM, .steps = 64, .batch = 1, .in = 512, .hidden = 512}},
    {"GRU 2x512 in 256 n32 t64", {.kind = CAIRN_RNN_GRU, .steps = 64, .batch = 32, .in = 256, .hidden = 512, .layers = 2}},
    {"tanh 128 n8 t64", {.kind = CAIRN_RNN_TANH, .steps = 64, .batch = 8, .in = 128, .hidden = 128}},
};

enum { MOST = 4 };
typedef struct call {
    cairn_rnn_descriptor d;
    cairn_rnn_pass pass;
    void *x, *dx, *y, *reserve, *workspace;
    int64_t workspace_bytes;
    cairn_rnn_weights w[MOST];
    cairn_rnn_weight_gradients dw[MOST];
} call;

static void run(void *context)
{
    const call *c = context;
    const cairn_rnn_gradients g = {.dy = c->y, .dx = c->dx, .weights = c->dw};
    const cairn_status status =
        c->pass == CAIRN_RNN_BACKWARD
            ? cairn_rnn_backward(&c->d, c->x, NULL, NULL, c->w, c->reserve, &g, c->workspace, c->workspace_bytes)
            : cairn_rnn_forward(&c->d, c->x, NULL, NULL, c->w, c->y, NULL, NULL, c->pass == CAIRN_RNN_TRAINING ? c->reserve : NULL,
                                c->workspace, c->workspace_bytes);
    if (status != CAIRN_OK)
        exit(1);
}

/* Small numbers, so that gates are not saturated. */
static void *weight(int64_t count)
{
    float *w = buffer_alloc(count * 4);
    for (int64_t i = 0; w && i < count; i++)
        w[i] = (float)(i * 7919 % 201 - 100) * 4e-4f;
    return w ? w : (exit(1), NULL);
}

static void bench(const row *r, double peak)
{
    static const char *const passes[] = {"inference", "training", "backward"};
    call c = {.d = r->d};
    const cairn_rnn_descriptor *d = &c.d;
    c.d.type = CAIRN_F32;
    const int64_t layers = d->layers ? d->layers : 1, directions = d->bidirectional ? 2 : 1, out = d->projection ? d->projection : d->hidden;
    const int64_t gates = (d->kind == CAIRN_RNN_LSTM ? 4 : d->kind == CAIRN_RNN_GRU ? 3 : 1) * d->hidden;
    double work = 0;
    for (int64_t i = 0; i < layers * directions; i++) {
        const int64_t in = i < directions ? d->in : directions * out;
        c.w[i] = (cairn_rnn_weights){weight(gates * in), weight(gates * out), weight(gates), weight(gates), weight(out * d->hidden)};
        c.dw[i] = (cairn_rnn_weight_gradients){weight(gates * in), weight(gates * out), weight(gates), weight(gates), weight(out * d->hidden)};
        work += 2.0 * (double)(d->steps * d->batch) * (double)(gates * (in + out) + (d->projection ? out * d->hidden : 0));
    }
    c.x = weight(d->steps * d->batch * d->in);
    c.dx = weight(d->steps * d->batch * d->in);
    c.y = weight(d->steps * d->batch * directions * out);
    c.reserve = buffer_alloc(cairn_rnn_reserve_bytes(d));
    for (int pass = 0; pass < 3; pass++) {
        c.pass = (cairn_rnn_pass)pass;
        c.workspace_bytes = cairn_rnn_workspace_bytes(d, c.pass);
        c.workspace = buffer_alloc(c.workspace_bytes);
        const timing t = measure(run, &c, 0.5);
        const double done = pass == 2 ? 2 * work : work;
        printf("rnn %-32s %-10s best %9.1f us, median %9.1f us %7.1f GFLOP/s %6.1f %% of peak\n", r->name, passes[pass], t.best * 1e6,
               t.median * 1e6, done / t.best * 1e-9, 100 * done / t.best / peak);
        buffer_free(c.workspace, c.workspace_bytes);
    }
}

int main(int argc, char **argv)
{
    const cairn_machine *peaks = cairn_machine_measure();
    printf("%s, %d threads, f32 peak %.1f GFLOP/s\n", cairn_isa(), cairn_threads(), peaks->f32_flops * 1e-9);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (argc < 2 || strstr(rows[i].name, argv[1]))
            bench(&rows[i], peaks->f32_flops);
    return 0;
}
