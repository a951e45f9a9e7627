#include "primitives/rnn/ref.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>

static double load(const void *x, cairn_dtype type, int64_t i)
{
    return type == CAIRN_F64 ? ((const double *)x)[i] : ((const float *)x)[i];
}

static void store(void *x, cairn_dtype type, int64_t i, double v)
{
    if (type == CAIRN_F64)
        ((double *)x)[i] = v;
    else
        ((float *)x)[i] = (float)v;
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double relu(double x) { return x < 0 ? 0 : x; }
static double clipped(double x, double clip) { return clip == 0 ? x : x > clip ? clip : x < -clip ? -clip : x; }

/* ---- Cells --------------------------------------------------------------------------------------*/

static double before(cairn_dtype type, const rnn_cell *c, int64_t row, int64_t u)
{
    if (row < c->before_rows)
        return load(c->before, type, row * c->before_row + u);
    return c->initial ? load(c->initial, type, row * c->initial_row + u) : 0;
}

static double unit_forward(cairn_dtype type, cairn_rnn_kind kind, const rnn_cell *c, int64_t row, int64_t u, double g[4])
{
    if (kind == CAIRN_RNN_TANH || kind == CAIRN_RNN_RELU)
        return g[0] = kind == CAIRN_RNN_TANH ? tanh(g[0]) : relu(g[0]);
    g[0] = sigmoid(g[0]);
    g[1] = sigmoid(g[1]);
    if (kind == CAIRN_RNN_GRU) {
        g[2] = tanh(g[2] + g[0] * g[3]);
        return g[2] + g[1] * (before(type, c, row, u) - g[2]);
    }
    g[2] = tanh(g[2]);
    g[3] = sigmoid(g[3]);
    const double cell = clipped(g[1] * before(type, c, row, u) + g[0] * g[2], c->clip);
    store(c->c, type, row * c->c_row + u, cell);
    if (c->c2)
        store(c->c2, type, row * c->c2_row + u, cell);
    return g[3] * tanh(cell);
}

void ref_rnn_cell_forward(cairn_dtype type, cairn_rnn_kind kind, const rnn_cell *c)
{
    const int gates = kind == CAIRN_RNN_LSTM || kind == CAIRN_RNN_GRU ? 4 : 1;
    for (int64_t row = 0; row < c->rows; row++)
        for (int64_t u = 0; u < c->units; u++) {
            double g[4];
            for (int i = 0; i < gates; i++)
                g[i] = load(c->gates, type, row * c->gates_row + i * c->gate + u) + load(c->bias, type, i * c->gate + u);
            const double h = unit_forward(type, kind, c, row, u, g);
            for (int i = 0; i < gates && c->keep; i++)
                store(c->gates, type, row * c->gates_row + i * c->gate + u, g[i]);
            if (c->y)
                store(c->y, type, row * c->y_row + u, h);
            if (row < c->next_rows)
                store(c->next, type, row * c->next_row + u, h);
        }
}

static void unit_backward(cairn_dtype type, cairn_rnn_kind kind, const rnn_cell *c, int64_t row, int64_t u, double dh, const double g[4],
                          double d[4])
{
    if (kind == CAIRN_RNN_TANH || kind == CAIRN_RNN_RELU) {
        d[0] = kind == CAIRN_RNN_TANH ? dh * (1 - g[0] * g[0]) : g[0] > 0 ? dh : 0;
    } else if (kind == CAIRN_RNN_GRU) {
        d[2] = dh * (1 - g[1]) * (1 - g[2] * g[2]);
        d[0] = d[2] * g[3] * g[0] * (1 - g[0]);
        d[1] = dh * (before(type, c, row, u) - g[2]) * g[1] * (1 - g[1]);
        d[3] = d[2] * g[0];
        store(c->dbefore, type, row * c->dbefore_row + u, dh * g[1]);
    } else {
        const double cell = load(c->c, type, row * c->c_row + u), t = tanh(cell);
        double dc = load(c->dc, type, row * c->dc_row + u) + dh * g[3] * (1 - t * t);
        if (c->clip != 0 && (cell >= (type == CAIRN_F64 ? c->clip : (float)c->clip) || cell <= -(type == CAIRN_F64 ? c->clip : (float)c->clip)))
            dc = 0;
        d[0] = dc * g[2] * g[0] * (1 - g[0]);
        d[1] = dc * before(type, c, row, u) * g[1] * (1 - g[1]);
        d[2] = dc * g[0] * (1 - g[2] * g[2]);
        d[3] = dh * t * g[3] * (1 - g[3]);
        store(c->dc, type, row * c->dc_row + u, dc * g[1]);
    }
}

void ref_rnn_cell_backward(cairn_dtype type, cairn_rnn_kind kind, const rnn_cell *c)
{
    const int gates = kind == CAIRN_RNN_LSTM || kind == CAIRN_RNN_GRU ? 4 : 1;
    for (int64_t row = 0; row < c->rows; row++)
        for (int64_t u = 0; u < c->units; u++) {
            double g[4], d[4];
            for (int i = 0; i < gates; i++)
                g[i] = load(c->gates, type, row * c->gates_row + i * c->gate + u);
            const double dh = load(c->dh, type, row * c->dh_row + u) + (c->dy ? load(c->dy, type, row * c->dy_row + u) : 0);
            unit_backward(type, kind, c, row, u, dh, g, d);
            for (int i = 0; i < gates; i++)
                store(c->d, type, row * c->d_row + i * c->gate + u, d[i]);
        }
}

/* ---- All of it ----------------------------------------------------------------------------------*/

typedef struct layer {
    const cairn_rnn_descriptor *d;
    const cairn_rnn_weights *w;
    int64_t in, out, width;
    const void *x;
    void *y;
    int64_t first;                          /* of this direction in a row of y */
} layer;

static double dot(cairn_dtype type, const void *w, int64_t row, const void *bias, const double *x, int64_t n)
{
    double sum = bias ? load(bias, type, row) : 0;
    for (int64_t j = 0; j < n; j++)
        sum += load(w, type, row * n + j) * x[j];
    return sum;
}

/* One row's step: h and c become those after it. */
static void advance(const layer *l, int64_t row, double *h, double *c, double *x, double *fresh)
{
    const cairn_rnn_descriptor *d = l->d;
    const cairn_rnn_weights *w = l->w;
    const int gates = d->kind == CAIRN_RNN_LSTM ? 4 : d->kind == CAIRN_RNN_GRU ? 3 : 1;
    for (int64_t j = 0; j < l->in; j++)
        x[j] = load(l->x, d->type, row * l->in + j);
    for (int64_t u = 0; u < d->hidden; u++) {
        double a[4], b[4];
        for (int g = 0; g < gates; g++) {
            a[g] = dot(d->type, w->ih, g * d->hidden + u, w->bias_ih, x, l->in);
            b[g] = dot(d->type, w->hh, g * d->hidden + u, w->bias_hh, h, l->out);
        }
        if (d->kind == CAIRN_RNN_LSTM) {
            c[u] = clipped(sigmoid(a[1] + b[1]) * c[u] + sigmoid(a[0] + b[0]) * tanh(a[2] + b[2]), d->clip);
            fresh[u] = sigmoid(a[3] + b[3]) * tanh(c[u]);
        } else if (d->kind == CAIRN_RNN_GRU) {
            const double n = tanh(a[2] + sigmoid(a[0] + b[0]) * b[2]), z = sigmoid(a[1] + b[1]);
            fresh[u] = (1 - z) * n + z * h[u];
        } else {
            fresh[u] = d->kind == CAIRN_RNN_TANH ? tanh(a[0] + b[0]) : relu(a[0] + b[0]);
        }
    }
    for (int64_t u = 0; u < l->out; u++) {
        h[u] = d->projection ? dot(d->type, w->hr, u, NULL, fresh, d->hidden) : fresh[u];
        store(l->y, d->type, row * l->width + l->first + u, h[u]);
    }
}

static int64_t row_of(const cairn_rnn_descriptor *d, int64_t t, int64_t n)
{
    int64_t row = n;
    for (int64_t i = 0; i < t; i++)
        row += d->batch_sizes ? d->batch_sizes[i] : d->batch;
    return row;
}

/* One direction of a layer, sequence by sequence. `at`: of the states of this direction. */
static void run_direction(const layer *l, int from_end, const void *h0, const void *c0, void *hn, void *cn, int64_t at)
{
    const cairn_rnn_descriptor *d = l->d;
    double *room = calloc((size_t)(l->out + 2 * d->hidden + l->in), sizeof *room), *h = room, *c = h + l->out, *fresh = c + d->hidden;
    for (int64_t n = 0; n < d->batch; n++) {
        int64_t steps = 0;
        while (steps < d->steps && (!d->batch_sizes || d->batch_sizes[steps] > n))
            steps++;
        for (int64_t u = 0; u < l->out; u++)
            h[u] = h0 ? load(h0, d->type, (at * d->batch + n) * l->out + u) : 0;
        for (int64_t u = 0; u < d->hidden; u++)
            c[u] = c0 ? load(c0, d->type, (at * d->batch + n) * d->hidden + u) : 0;
        for (int64_t i = 0; i < steps; i++)
            advance(l, row_of(d, from_end ? steps - 1 - i : i, n), h, c, fresh + d->hidden, fresh);
        for (int64_t u = 0; hn && u < l->out; u++)
            store(hn, d->type, (at * d->batch + n) * l->out + u, h[u]);
        for (int64_t u = 0; cn && u < d->hidden; u++)
            store(cn, d->type, (at * d->batch + n) * d->hidden + u, c[u]);
    }
    free(room);
}

static void drop(const cairn_rnn_descriptor *d, int64_t number, void *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const uint64_t at = (uint64_t)(number * count + i);
        const double uniform = (double)(philox(d->seed, d->stream, at / 4).word[at % 4] >> 8) * 0x1p-24;
        store(y, d->type, i, uniform < d->dropout ? 0 : load(y, d->type, i) / (1 - d->dropout));
    }
}

void ref_rnn_forward(const cairn_rnn_descriptor *d, const void *x, const void *h0, const void *c0, const cairn_rnn_weights *w, void *y, void *hn,
                     void *cn, bool training)
{
    const int64_t layers = d->layers ? d->layers : 1, directions = d->bidirectional ? 2 : 1, out = d->projection ? d->projection : d->hidden;
    const int64_t rows = row_of(d, d->steps, 0), width = directions * out;
    void *inner = calloc((size_t)(2 * rows * width + 1), 8), *from = NULL;
    for (int64_t k = 0; k < layers; k++) {
        layer l = {.d = d, .in = k ? width : d->in, .out = out, .width = width, .x = k ? from : x,
                   .y = k == layers - 1 ? y : (char *)inner + k % 2 * rows * width * 8};
        for (int64_t i = 0; i < directions; i++) {
            l.w = &w[k * directions + i];
            l.first = i * out;
            run_direction(&l, i == 1, h0, c0, hn, cn, k * directions + i);
        }
        if (training && k < layers - 1 && d->dropout > 0)
            drop(d, k, l.y, rows * width);
        from = l.y;
    }
    free(inner);
}
