/* Recurrences: checks, sizes, and what both passes are made of. */
#include "primitives/rnn/rnn.h"

#include "base/pool.h"
#include "base/random.h"
#include "primitives/apart.h"
#include "primitives/kernels.h"

#include <string.h>

/* ---- Checks -------------------------------------------------------------------------------------*/

static cairn_status check_kind(const cairn_rnn_descriptor *d)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "rnn: the descriptor is NULL");
    if (d->type != CAIRN_F32 && d->type != CAIRN_F64)
        return error_set(CAIRN_E_TYPE, "rnn: type %s is not supported", cairn_dtype_name(d->type));
    if ((unsigned)d->kind > CAIRN_RNN_GRU)
        return error_set(CAIRN_E_ARGUMENT, "rnn: there is no kind %d", (int)d->kind);
    if (d->kind != CAIRN_RNN_LSTM && (d->projection || d->clip != 0))
        return error_set(CAIRN_E_ARGUMENT, "rnn: projection %lld and clip %g are for LSTM alone", (long long)d->projection, d->clip);
    if (!(d->clip >= 0) || !(d->dropout >= 0 && d->dropout <= 1))
        return error_set(CAIRN_E_ARGUMENT, "rnn: clip is %g, dropout %g", d->clip, d->dropout);
    return CAIRN_OK;
}

static cairn_status check_sizes(const cairn_rnn_descriptor *d)
{
    if (d->steps < 0 || d->batch < 0 || d->in < 1 || d->hidden < 1 || d->projection < 0 || d->layers < 0)
        return error_set(CAIRN_E_SHAPE, "rnn: a size is out of range: steps %lld, batch %lld, in %lld, hidden %lld, projection %lld, layers %lld",
                         (long long)d->steps, (long long)d->batch, (long long)d->in, (long long)d->hidden, (long long)d->projection,
                         (long long)d->layers);
    const double h = (double)d->hidden + (double)d->projection + (double)d->in, layers = (double)d->layers + 1;
    if (8 * layers * h * h >= 0x1p56 || 32 * layers * h * ((double)d->steps + 1) * ((double)d->batch + 1) >= 0x1p56)
        return error_set(CAIRN_E_SHAPE, "rnn: sizes overflow: steps %lld, batch %lld, in %lld, hidden %lld, layers %lld", (long long)d->steps,
                         (long long)d->batch, (long long)d->in, (long long)d->hidden, (long long)d->layers);
    return CAIRN_OK;
}

/* The number of rows; -1 with the error set. */
static int64_t count_rows(const cairn_rnn_descriptor *d)
{
    if (!d->batch_sizes)
        return d->steps * d->batch;
    int64_t rows = 0, before = d->batch;
    for (int64_t t = 0; t < d->steps; t++) {
        const int64_t now = d->batch_sizes[t];
        if (now < 1 || now > before || (t == 0 && now != d->batch)) {
            error_set(CAIRN_E_SHAPE, "rnn: batch_sizes[%lld] is %lld after %lld", (long long)t, (long long)now, (long long)before);
            return -1;
        }
        rows += now;
        before = now;
    }
    return rows;
}

static int64_t padded(int64_t columns) { return round_up(columns, 16) + 16; }

cairn_status rnn_plan_make(const cairn_rnn_descriptor *d, rnn_plan *p)
{
    if (check_kind(d) != CAIRN_OK || check_sizes(d) != CAIRN_OK)
        return cairn_error();
    const bool lstm = d->kind == CAIRN_RNN_LSTM, gru = d->kind == CAIRN_RNN_GRU, wide = d->type == CAIRN_F64;
    *p = (rnn_plan){.d = d, .gemm = wide ? kernels()->gemm_f64 : kernels()->gemm_f32,
                    .kernel = wide ? kernels()->rnn_f64 : kernels()->rnn_f32, .bytes = wide ? 8 : 4, .rows = count_rows(d),
                    .layers = larger(d->layers, 1), .directions = d->bidirectional ? 2 : 1, .gates = lstm ? 4 : gru ? 3 : 1,
                    .columns = lstm || gru ? 4 : 1, .hidden = d->hidden, .out = d->projection ? d->projection : d->hidden};
    p->width = p->directions * p->out;
    p->gates_row = padded(p->columns * p->hidden);
    p->h_row = padded(p->out);
    p->m_row = padded(p->hidden);
    return p->rows < 0 ? cairn_error() : CAIRN_OK;
}

/* ---- What is kept for the gradient --------------------------------------------------------------*/

static rnn_saved take_saved(const rnn_plan *p, rnn_carver *c)
{
    rnn_saved s = {.gates = rnn_take(c, p->rows * p->gates_row * p->bytes), .h = rnn_take(c, p->rows * p->h_row * p->bytes)};
    if (p->d->kind == CAIRN_RNN_LSTM)
        s.c = rnn_take(c, p->rows * p->hidden * p->bytes);
    if (rnn_projects(p))
        s.m = rnn_take(c, p->rows * p->m_row * p->bytes);
    return s;
}

static int64_t saved_bytes(const rnn_plan *p)
{
    rnn_carver c = {0};
    take_saved(p, &c);
    return c.used;
}

static int64_t y_bytes(const rnn_plan *p) { return round_up(p->rows * p->width * p->bytes, 64); }

rnn_saved rnn_saved_at(const rnn_plan *p, const void *reserve, int64_t layer, int64_t direction)
{
    rnn_carver c = {(char *)round_up((int64_t)(intptr_t)reserve, 64), 0};
    c.used = layer * y_bytes(p) + (layer * p->directions + direction) * saved_bytes(p);
    return take_saved(p, &c);
}

char *rnn_saved_y(const rnn_plan *p, const void *reserve, int64_t layer)
{
    return (char *)round_up((int64_t)(intptr_t)reserve, 64) + layer * y_bytes(p) + (layer + 1) * p->directions * saved_bytes(p);
}

int64_t rnn_reserve_size(const rnn_plan *p)
{
    return 64 + (p->layers - 1) * y_bytes(p) + p->layers * p->directions * saved_bytes(p);
}

/* ---- Products of a step -------------------------------------------------------------------------*/

int64_t rnn_panel_bytes(const rnn_plan *p, int64_t n, int64_t k) { return round_up(n, p->gemm->nr) * k * p->bytes; }

typedef struct packing {
    const rnn_plan *p;
    matmul_operand from;
    int64_t n, k;
    char *to;
} packing;

static void pack_block(void *context, int64_t block, int worker)
{
    const packing *j = context;
    const int nr = j->p->gemm->nr;
    (void)worker;
    matmul_pack(j->p->gemm, &j->from, block * nr, (int)smaller(nr, j->n - block * nr), 0, j->k, j->to + block * nr * j->k * j->p->bytes, nr);
}

void rnn_pack(const rnn_plan *p, const void *from, int64_t n, int64_t k, int64_t major, int64_t minor, char *to)
{
    packing j = {p, rnn_matrix(p, from, major, minor), n, k, to};
    pool_run(ceil_div(n, p->gemm->nr), pack_block, &j);
}

static void pack_units(void *context, int64_t block, int worker)
{
    const packing *j = context;
    const rnn_plan *p = j->p;
    const int nr = p->gemm->nr;
    const int count = (int)smaller(nr, p->hidden - block * nr);
    (void)worker;
    for (int64_t g = 0; g < p->gates; g++)
        matmul_pack(p->gemm, &j->from, g * p->hidden + block * nr, count, 0, p->out,
                    j->to + (block * p->gates + g) * nr * p->out * p->bytes, nr);
}

void rnn_pack_gates(const rnn_plan *p, const void *w, char *to)
{
    packing j = {.p = p, .from = rnn_matrix(p, w, p->out, 1), .to = to};
    pool_run(ceil_div(p->hidden, p->gemm->nr), pack_units, &j);
}

void rnn_multiply(const rnn_plan *p, const rnn_operand *a, int64_t row0, int64_t rows, const char *panel, char *c, int64_t c_row, int64_t cols,
                  double beta)
{
    const int64_t tile_rows = even_tile(rows, p->gemm->mr);
    gemm_tile tile = {.b = panel, .k = a->k, .segments = a->segments, .offset = a->offset, .a_row = a->a_row, .b_step = p->gemm->nr,
                      .c_row = c_row, .cols = (int)cols, .alpha = 1, .beta = beta};
    for (int64_t i = 0; i < rows; i += tile_rows) {
        tile.a = a->a + (row0 + i) * a->a_row * p->bytes;
        tile.c = c + (row0 + i) * c_row * p->bytes;
        tile.rows = (int)smaller(tile_rows, rows - i);
        p->gemm->direct(&tile);
    }
}

void rnn_run(const rnn_plan *p, int64_t rows, int64_t tasks, rnn_task fn, void *context)
{
    if ((double)rows * (double)p->gates * (double)p->hidden * (double)p->out >= 1 << 16)
        pool_run(tasks, fn, context);
    else
        for (int64_t task = 0; task < tasks; task++)
            fn(context, task, 0);
}

/* ---- Large products -----------------------------------------------------------------------------*/

matmul rnn_product(const rnn_plan *p, int64_t m, int64_t n, int64_t k, matmul_operand a, matmul_operand b, void *c, int64_t c_row)
{
    return (matmul){.kernel = p->gemm, .m = m, .n = n, .k = k, .a = a, .b = b, .c_type = p->d->type, .c = c, .c_row = c_row, .alpha = 1};
}

/* gates (rows, G hidden) = x W_ih^T */
matmul rnn_input_product(const rnn_plan *p, int64_t layer, const void *x, const void *w, void *gates)
{
    const int64_t in = rnn_in(p, layer);
    return rnn_product(p, p->rows, p->gates * p->hidden, in, rnn_matrix(p, x, in, 1), rnn_matrix(p, w, in, 1), gates, p->gates_row);
}

/* ---- Rows ---------------------------------------------------------------------------------------*/

void rnn_copy_rows(const rnn_plan *p, int64_t rows, int64_t columns, const void *from, int64_t from_row, void *to, int64_t to_row)
{
    for (int64_t i = 0; i < rows; i++) {
        char *row = (char *)to + i * to_row * p->bytes;
        if (from)
            memcpy(row, (const char *)from + i * from_row * p->bytes, (size_t)(columns * p->bytes));
        else
            memset(row, 0, (size_t)(columns * p->bytes));
    }
}

typedef struct dropping {
    const rnn_plan *p;
    char *y;
    uint64_t first;                         /* number of the layer's first element in the stream */
} dropping;

static float uniform_of(const cairn_rnn_descriptor *d, uint64_t i)
{
    return (float)(philox(d->seed, d->stream, i / 4).word[i % 4] >> 8) * 0x1p-24f;
}

static void drop_row(void *context, int64_t row, int worker)
{
    const dropping *j = context;
    const rnn_plan *p = j->p;
    const double keep = p->d->dropout < 1 ? 1 / (1 - p->d->dropout) : 0;
    (void)worker;
    for (int64_t i = row * p->width; i < (row + 1) * p->width; i++) {
        const double factor = uniform_of(p->d, j->first + (uint64_t)i) < p->d->dropout ? 0 : keep;
        if (p->bytes == 8)
            ((double *)j->y)[i] *= factor;
        else
            ((float *)j->y)[i] *= (float)factor;
    }
}

void rnn_dropout(const rnn_plan *p, int64_t layer, char *y)
{
    dropping j = {p, y, (uint64_t)layer * (uint64_t)(p->rows * p->width)};
    if (p->d->dropout > 0)
        pool_run(p->rows, drop_row, &j);
}

/* ---- Entries ------------------------------------------------------------------------------------*/

int64_t cairn_rnn_rows(const cairn_rnn_descriptor *d)
{
    rnn_plan p;
    return rnn_plan_make(d, &p) == CAIRN_OK ? p.rows : -1;
}

int64_t cairn_rnn_reserve_bytes(const cairn_rnn_descriptor *d)
{
    rnn_plan p;
    return rnn_plan_make(d, &p) == CAIRN_OK ? rnn_reserve_size(&p) : 0;
}

int64_t cairn_rnn_workspace_bytes(const cairn_rnn_descriptor *d, cairn_rnn_pass pass)
{
    rnn_plan p;
    if (rnn_plan_make(d, &p) != CAIRN_OK)
        return 0;
    if ((unsigned)pass > CAIRN_RNN_BACKWARD)
        return error_set(CAIRN_E_ARGUMENT, "rnn: there is no pass %d", (int)pass), 0;
    const int threads = cairn_threads();
    return pass == CAIRN_RNN_BACKWARD ? rnn_backward_memory(&p, threads) : rnn_forward_memory(&p, pass == CAIRN_RNN_TRAINING, threads);
}

static cairn_status check_weights(const rnn_plan *p, const cairn_rnn_weights *w)
{
    for (int64_t i = 0; w && i < p->layers * p->directions; i++)
        if (!w[i].ih || !w[i].hh || (rnn_projects(p) && !w[i].hr))
            return error_set(CAIRN_E_ARGUMENT, "rnn: a weight of layer %lld is NULL: ih %p, hh %p, hr %p", (long long)(i / p->directions),
                             w[i].ih, w[i].hh, w[i].hr);
    return w ? CAIRN_OK : error_set(CAIRN_E_ARGUMENT, "rnn: the weights are NULL");
}

static cairn_status check_workspace(const void *workspace, int64_t given, int64_t needed)
{
    if (workspace && given >= needed)
        return CAIRN_OK;
    return error_set(CAIRN_E_ARGUMENT, "rnn: the workspace is too small: %lld bytes of %lld", (long long)(workspace ? given : 0),
                     (long long)needed);
}

cairn_status cairn_rnn_forward(const cairn_rnn_descriptor *d, const void *x, const void *h0, const void *c0, const cairn_rnn_weights *weights,
                               void *y, void *hn, void *cn, void *reserve, void *workspace, int64_t workspace_bytes)
{
    rnn_plan p;
    if (rnn_plan_make(d, &p) != CAIRN_OK || check_weights(&p, weights) != CAIRN_OK ||
        check_workspace(workspace, workspace_bytes, rnn_forward_memory(&p, reserve != NULL, 1)) != CAIRN_OK)
        return cairn_error();
    if (p.rows && (!x || !y))
        return error_set(CAIRN_E_ARGUMENT, "rnn: x %p, y %p", x, y);
    if (outputs_apart("rnn", OUTPUTS(p.rows ? y : NULL, hn, cn, reserve), INPUTS(x)) != CAIRN_OK)
        return cairn_error();
    rnn_forward_run(&p, x, h0, c0, weights, y, hn, cn, reserve, workspace, workspace_bytes);
    return CAIRN_OK;
}

cairn_status cairn_rnn_backward(const cairn_rnn_descriptor *d, const void *x, const void *h0, const void *c0, const cairn_rnn_weights *weights,
                                const void *reserve, const cairn_rnn_gradients *g, void *workspace, int64_t workspace_bytes)
{
    rnn_plan p;
    (void)h0;                               /* the reserve has it */
    if (rnn_plan_make(d, &p) != CAIRN_OK || check_weights(&p, weights) != CAIRN_OK ||
        check_workspace(workspace, workspace_bytes, rnn_backward_memory(&p, 1)) != CAIRN_OK)
        return cairn_error();
    if (!reserve || !g || (p.rows && !x))
        return error_set(CAIRN_E_ARGUMENT, "rnn: x %p, reserve %p, gradients %p", x, reserve, (const void *)g);
    if (outputs_apart("rnn gradient", OUTPUTS(p.rows ? g->dx : NULL, g->dh0, g->dc0), INPUTS(x, reserve)) != CAIRN_OK)
        return cairn_error();
    rnn_backward_run(&p, x, c0, weights, reserve, g, workspace, workspace_bytes);
    return CAIRN_OK;
}
