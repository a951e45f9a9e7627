/* Descriptors of recurrences, forward and backward. */
#include "tests/fuzz/descriptor.h"
#include <cairn/dnn.h>

enum { MOST_LAYERS = 4 };

typedef struct call {
    cairn_rnn_descriptor d;
    cairn_rnn_weights weights[2 * MOST_LAYERS];
    cairn_rnn_weight_gradients gradients[2 * MOST_LAYERS];
    int64_t bytes;
} call;

static cairn_status forward(const void *c, void **p)
{
    const call *q = c;
    return cairn_rnn_forward(&q->d, p[0], p[1], p[2], q->weights, p[3], p[4], p[5], p[6], p[7], q->bytes);
}

static cairn_status backward(const void *c, void **p)
{
    const call *q = c;
    const cairn_rnn_gradients g = {p[4], p[5], p[6], p[7], p[8], p[9], q->gradients[0].ih ? q->gradients : NULL};
    return cairn_rnn_backward(&q->d, p[0], p[1], p[2], q->weights, p[3], &g, p[10], q->bytes);
}

static cairn_rnn_descriptor decode(void)
{
    cairn_rnn_descriptor d = {.kind = (cairn_rnn_kind)choice(4), .steps = number(0, 5), .batch = number(0, 4), .in = number(1, 9), .hidden = number(1, 20),
                              .layers = number(0, 3), .bidirectional = flag(), .seed = next_byte()};
    const int type = choice(2);
    d.type = type == 0 ? CAIRN_F32 : type == 1 ? CAIRN_F64 : (cairn_dtype)type;
    if (d.kind == CAIRN_RNN_LSTM)
        d.projection = number(0, 4), d.clip = flag() ? 0 : real();
    if (rarely())
        d.dropout = real();
    return d;
}

static void add_batches(cairn_rnn_descriptor *d)
{
    if (d->steps < 0 || d->steps > 8 || d->batch < 0)
        return;
    int64_t *sizes = take(IN, 8 * d->steps), now = d->batch;
    for (int64_t t = 0; t < d->steps; t++) {
        sizes[t] = now;
        now = now > 1 ? number(now - flag(), now) : now;
    }
    d->batch_sizes = sizes;
}

static void *maybe(role role, int64_t bytes) { return flag() ? take(role, bytes) : NULL; }

/* False where a weight would be too large. */
static bool add_weights(call *c, int64_t layers, int64_t directions, int64_t out)
{
    const cairn_rnn_descriptor *d = &c->d;
    const int64_t gates = d->kind == CAIRN_RNN_LSTM ? 4 : d->kind == CAIRN_RNN_GRU ? 3 : 1, bytes = d->type == CAIRN_F64 ? 8 : 4;
    const bool gradients = flag();
    if (PRODUCT(MOST_ARRAY, 32, d->hidden, directions * out) < 0 || PRODUCT(MOST_ARRAY, 32, d->hidden, d->in) < 0 || PRODUCT(MOST_ARRAY, 8, d->hidden, d->hidden) < 0)
        return false;
    for (int64_t i = 0; i < layers * directions; i++) {
        const int64_t in = i < directions ? d->in : directions * out, rows = gates * d->hidden * bytes;
        c->weights[i] = (cairn_rnn_weights){take(IN, rows * in), take(IN, rows * out), maybe(IN, rows), maybe(IN, rows),
                                            d->projection ? take(IN, out * d->hidden * bytes) : NULL};
        if (gradients)
            c->gradients[i] = (cairn_rnn_weight_gradients){take(OUT, rows * in), maybe(OUT, rows * out), maybe(OUT, rows), maybe(OUT, rows),
                                                           d->projection ? maybe(OUT, out * d->hidden * bytes) : NULL};
    }
    return true;
}

static void run(call *c, int64_t rows, int64_t layers, int64_t directions, int64_t out)
{
    const cairn_rnn_descriptor *d = &c->d;
    const bool training = flag();
    const int64_t bytes = d->type == CAIRN_F64 ? 8 : 4, state = layers * directions * d->batch * bytes;
    const int64_t reserve = query("rnn reserve", cairn_rnn_reserve_bytes(d)), back = query("rnn workspace", cairn_rnn_workspace_bytes(d, CAIRN_RNN_BACKWARD));
    c->bytes = query("rnn workspace", cairn_rnn_workspace_bytes(d, training ? CAIRN_RNN_TRAINING : CAIRN_RNN_INFERENCE));
    if (reserve > MOST_WORKSPACE || back > MOST_WORKSPACE || c->bytes > MOST_WORKSPACE)
        return;
    void *x = take(IN, rows * d->in * bytes), *h0 = maybe(IN, state * out), *c0 = maybe(IN, state * d->hidden), *kept = training ? take(WORKSPACE, reserve) : NULL;
    roughen(x, rows * d->in * bytes);
    remember();
    void *p[] = {x, h0, c0, take(OUT, rows * directions * out * bytes), maybe(OUT, state * out), maybe(OUT, state * d->hidden), kept, take(WORKSPACE, c->bytes)};
    if (rows)
        call_all_ways("rnn", forward, c, 8, p, 1 << 3, (unsigned[8]){[3] = 0xfe}, true);
    else
        accepted("rnn", forward(c, p));
    const int64_t needed = c->bytes;
    if (needed)
        c->bytes = too_few(needed), judge("rnn with less workspace", forward(c, p));
    c->bytes = needed;
    if (!training)
        return;
    accepted("rnn", forward(c, p));
    c->bytes = back;
    void *g[] = {x, h0, c0, kept, maybe(IN, rows * directions * out * bytes), maybe(IN, state * out), maybe(IN, state * d->hidden),
                 maybe(OUT, rows * d->in * bytes), maybe(OUT, state * out), maybe(OUT, state * d->hidden), take(WORKSPACE, back)};
    call_all_ways("rnn gradient", backward, c, 11, g, rows ? 7 << 7 : 0, (unsigned[11]){[7] = 0x77e, [8] = 0x6fe, [9] = 0x5fe}, true);
    c->bytes = too_few(back);
    judge("rnn gradient with less workspace", backward(c, g));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin_input(data, size);
    call c = {.d = decode()};
    cairn_rnn_descriptor *d = &c.d;
    if (rarely())
        add_batches(d);
    remember();
    const int64_t layers = d->layers ? d->layers : 1, directions = d->bidirectional ? 2 : 1, out = d->projection ? d->projection : d->hidden;
    const int64_t steps_limit = d->batch_sizes || d->steps <= 64 ? 0 : 1;
    const int64_t rows = query("rnn rows", cairn_rnn_rows(d));
    query("rnn workspace", cairn_rnn_workspace_bytes(d, (cairn_rnn_pass)choice(3)));
    void *none[11] = {0};
    c.bytes = any_number();
    refused("rnn", forward(&c, none));
    refused("rnn gradient", backward(&c, none));
    if (rows >= 0 && rows <= 64 && !steps_limit && d->batch <= 64 && layers <= MOST_LAYERS && layers > 0 && add_weights(&c, layers, directions, out) &&
        PRODUCT(MOST_ARRAY / 8, layers, directions, d->batch, d->hidden + out) >= 0 && PRODUCT(MOST_ARRAY / 8, rows + 1, d->in + directions * out) >= 0)
        run(&c, rows, layers, directions, out);
    release();
    return 0;
}
