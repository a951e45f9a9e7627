/* Recurrences, backward: through a layer's steps in the other order, then its weights' and its input's gradients as large products. */
#include "primitives/rnn/rnn.h"

#include "base/pool.h"

#include <string.h>

/* One direction of the layer in work. */
typedef struct lane {
    const rnn_plan *p;
    bool from_end;                          /* the order of the forward pass */
    rnn_saved kept;
    char *d;                                /* gradients of the gates' sums, as the gates lie */
    char *carry, *dc;                       /* (batch, h_row), (batch, hidden): of h and c, from the step that was before in this pass */
    char *dh, *dm;                          /* with a projection: of h, all rows; of o tanh(c), one step's */
    char *panels, *projection;
    const char *dy;                         /* this direction's part; or NULL */
    const char *c0;
    rnn_step later, step, earlier;          /* as forward went: `later` is done */
} lane;

typedef struct memory {
    lane lane[2];
    char *dx[2];
    char *rest;
    int64_t rest_bytes;
} memory;

static int64_t carve(const rnn_plan *p, char *base, memory *m)
{
    const int64_t batch = p->d->batch, bytes = p->bytes;
    rnn_carver c = {base, 0};
    *m = (memory){0};
    for (int64_t i = 0; i < p->directions; i++) {
        lane *l = &m->lane[i];
        *l = (lane){.p = p, .from_end = i == 1};
        l->d = rnn_take(&c, p->rows * p->gates_row * bytes);
        l->carry = rnn_take(&c, batch * p->h_row * bytes);
        l->panels = rnn_take(&c, rnn_panel_bytes(p, p->out, p->gates * p->hidden));
        if (p->d->kind == CAIRN_RNN_LSTM)
            l->dc = rnn_take(&c, batch * p->hidden * bytes);
        if (!rnn_projects(p))
            continue;
        l->dh = rnn_take(&c, p->rows * p->h_row * bytes);
        l->dm = rnn_take(&c, batch * p->m_row * bytes);
        l->projection = rnn_take(&c, rnn_panel_bytes(p, p->hidden, p->out));
    }
    for (int i = 0; i < 2 && i < p->layers - 1; i++)
        m->dx[i] = rnn_take(&c, p->rows * p->width * bytes);
    m->rest = rnn_take(&c, 0);
    return c.used;
}

static char *at(const rnn_plan *p, const void *base, int64_t elements) { return (char *)base + elements * p->bytes; }

/* ---- The large products: dW = d^T x and the like, sums over all rows; dx = d W */

static matmul weight_product(const rnn_plan *p, const void *d, int64_t d_row, int64_t m, const void *x, int64_t x_row, int64_t n, void *dw)
{
    return rnn_product(p, m, n, p->rows, rnn_matrix(p, d, 1, d_row), rnn_matrix(p, x, 1, x_row), dw, n);
}

static matmul data_product(const rnn_plan *p, int64_t layer, const void *d, const void *w, void *dx, bool add)
{
    const int64_t in = rnn_in(p, layer);
    matmul mm = rnn_product(p, p->rows, in, p->gates * p->hidden, rnn_matrix(p, d, p->gates_row, 1), rnn_matrix(p, w, 1, in), dx, in);
    mm.beta = add;
    return mm;
}

/* Sums of columns: the product of a row of ones. */
static matmul sum_product(const rnn_plan *p, const void *d, int64_t n, void *sum)
{
    static const double one64 = 1;
    static const float one32 = 1;
    const void *one = p->bytes == 8 ? (const void *)&one64 : &one32;
    return rnn_product(p, 1, n, p->rows, rnn_matrix(p, one, 0, 0), rnn_matrix(p, d, 1, p->gates_row), sum, n);
}

int64_t rnn_backward_memory(const rnn_plan *p, int threads)
{
    memory m;
    const int64_t wide = p->gates * p->hidden;
    int64_t most = 0;
    for (int64_t layer = 0; layer < smaller(p->layers, 2); layer++) {
        const int64_t in = rnn_in(p, layer);
        const matmul all[] = {
            weight_product(p, NULL, p->gates_row, wide, NULL, in, in, NULL),
            weight_product(p, NULL, p->gates_row, wide, NULL, p->h_row, p->out, NULL),
            weight_product(p, NULL, p->gates_row, 2 * p->hidden, NULL, p->h_row, p->out, NULL),
            weight_product(p, NULL, p->gates_row, p->hidden, NULL, p->h_row, p->out, NULL),
            weight_product(p, NULL, p->h_row, p->out, NULL, p->m_row, p->hidden, NULL),
            data_product(p, layer, NULL, NULL, NULL, false),
            sum_product(p, NULL, wide, NULL),
            sum_product(p, NULL, p->hidden, NULL),
        };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            most = larger(most, matmul_workspace(&all[i], threads));
    }
    return 64 + carve(p, NULL, &m) + most;
}

static void run_product(const memory *m, matmul mm) { matmul_run(&mm, cairn_threads(), m->rest, m->rest_bytes); }

/* In a GRU the gradient of n's part from h lies apart, behind the others. */
static void weights_of(const lane *l, const memory *m, int64_t layer, const void *x, const cairn_rnn_weight_gradients *g)
{
    const rnn_plan *p = l->p;
    const bool gru = p->d->kind == CAIRN_RNN_GRU;
    const int64_t wide = p->gates * p->hidden, first = gru ? 2 * p->hidden : wide, in = rnn_in(p, layer);
    const char *own = at(p, l->d, 3 * p->hidden);
    if (g->ih)
        run_product(m, weight_product(p, l->d, p->gates_row, wide, x, in, in, g->ih));
    if (g->hh)
        run_product(m, weight_product(p, l->d, p->gates_row, first, l->kept.h, p->h_row, p->out, g->hh));
    if (g->hh && gru)
        run_product(m, weight_product(p, own, p->gates_row, p->hidden, l->kept.h, p->h_row, p->out, at(p, g->hh, first * p->out)));
    if (g->bias_ih)
        run_product(m, sum_product(p, l->d, wide, g->bias_ih));
    if (g->bias_hh)
        run_product(m, sum_product(p, l->d, first, g->bias_hh));
    if (g->bias_hh && gru)
        run_product(m, sum_product(p, own, p->hidden, at(p, g->bias_hh, first)));
    if (g->hr && rnn_projects(p))
        run_product(m, weight_product(p, l->dh, p->h_row, p->out, l->kept.m, p->m_row, p->hidden, g->hr));
}

/* ---- One step -----------------------------------------------------------------------------------*/

static void run_cell(const lane *l, int64_t unit, int64_t units, int64_t row0, int64_t rows)
{
    const rnn_plan *p = l->p;
    const int64_t row = l->step.row0 + row0;
    rnn_cell cell = {.rows = rows, .units = units, .gate = p->hidden, .gates = at(p, l->kept.gates, row * p->gates_row + unit),
                     .gates_row = p->gates_row, .clip = p->d->clip, .d = at(p, l->d, row * p->gates_row + unit), .d_row = p->gates_row,
                     .dh = at(p, l->carry, row0 * p->h_row + unit), .dh_row = p->h_row};
    if (rnn_projects(p)) {
        cell.dh = at(p, l->dm, row0 * p->m_row + unit);
        cell.dh_row = p->m_row;
    } else if (l->dy) {
        cell.dy = at(p, l->dy, row * p->width + unit);
        cell.dy_row = p->width;
    }
    if (p->d->kind == CAIRN_RNN_LSTM) {
        cell.c = at(p, l->kept.c, row * p->hidden + unit);
        cell.dc = at(p, l->dc, row0 * p->hidden + unit);
        cell.before_rows = larger(0, smaller(rows, l->earlier.rows - row0));
        cell.before = at(p, l->kept.c, (l->earlier.row0 + row0) * p->hidden + unit);
        cell.initial = l->c0 ? at(p, l->c0, row0 * p->hidden + unit) : NULL;
        cell.c_row = cell.dc_row = cell.before_row = cell.initial_row = p->hidden;
    } else {
        cell.before = at(p, l->kept.h, row * p->h_row + unit);
        cell.dbefore = at(p, l->carry, row0 * p->h_row + unit);
        cell.before_rows = rows;
        cell.before_row = cell.dbefore_row = p->h_row;
    }
    p->kernel->backward[p->d->kind](&cell);
}

/* dh = dy + what came from the step after, where the projection's gradient needs it. */
static void add_dy(const lane *l, int64_t unit, int64_t units, int64_t row0, int64_t rows)
{
    const rnn_plan *p = l->p;
    for (int64_t i = row0; i < row0 + rows; i++) {
        const char *carry = at(p, l->carry, i * p->h_row + unit);
        const char *dy = l->dy ? at(p, l->dy, (l->step.row0 + i) * p->width + unit) : NULL;
        char *to = at(p, l->dh, (l->step.row0 + i) * p->h_row + unit);
        for (int64_t u = 0; u < units; u++)
            if (p->bytes == 8)
                ((double *)to)[u] = ((const double *)carry)[u] + (dy ? ((const double *)dy)[u] : 0);
            else
                ((float *)to)[u] = ((const float *)carry)[u] + (dy ? ((const float *)dy)[u] : 0);
    }
}

/* One block of h's elements: the gradient that the later step sends back; then this step's cell, or what goes into its projection. */
static void run_units(const lane *l, int64_t block, int64_t row0, int64_t rows)
{
    const rnn_plan *p = l->p;
    const int64_t nr = p->gemm->nr, unit = block * nr, units = smaller(nr, p->out - unit);
    const int64_t back = larger(0, smaller(rows, l->later.rows - row0)), now = larger(0, smaller(rows, l->step.rows - row0));
    const bool gru = p->d->kind == CAIRN_RNN_GRU;
    const int64_t offset[4] = {0, p->hidden, (gru ? 3 : 2) * p->hidden, 3 * p->hidden};
    const rnn_operand d = {at(p, l->d, l->later.row0 * p->gates_row), p->gates_row, p->hidden, p->gates, offset};
    if (back)
        rnn_multiply(p, &d, row0, back, l->panels + block * nr * p->gates * p->hidden * p->bytes, at(p, l->carry, unit), p->h_row, units, gru);
    if (now && rnn_projects(p))
        add_dy(l, unit, units, row0, now);
    else if (now)
        run_cell(l, unit, units, row0, now);
}

/* With a projection: one block of units, the gradient of o tanh(c), then the cell. */
static void run_projected(const lane *l, int64_t block, int64_t row0, int64_t rows)
{
    const rnn_plan *p = l->p;
    const int64_t nr = p->gemm->nr, unit = block * nr, units = smaller(nr, p->hidden - unit), zero = 0;
    const int64_t now = larger(0, smaller(rows, l->step.rows - row0));
    const rnn_operand dh = {at(p, l->dh, l->step.row0 * p->h_row), p->h_row, p->out, 1, &zero};
    if (!now)
        return;
    rnn_multiply(p, &dh, row0, now, l->projection + block * nr * p->out * p->bytes, at(p, l->dm, unit), p->m_row, units, 0);
    run_cell(l, unit, units, row0, now);
}

typedef struct job {
    const lane *lane;
    int64_t first, row_block[2], row_blocks[2], rows[2];
    void (*run)(const lane *l, int64_t block, int64_t row0, int64_t rows);
} job;

static void run_task(void *context, int64_t task, int worker)
{
    const job *j = context;
    const int i = task >= j->first;
    (void)worker;
    task -= i ? j->first : 0;
    const int64_t row0 = task % j->row_blocks[i] * j->row_block[i];
    j->run(&j->lane[i], task / j->row_blocks[i], row0, smaller(j->row_block[i], j->rows[i] - row0));
}

static void run_blocks(const rnn_plan *p, const lane *lanes, int64_t columns, void (*run)(const lane *, int64_t, int64_t, int64_t))
{
    job j = {.lane = lanes, .run = run};
    int64_t tasks = 0;
    for (int64_t i = 0; i < p->directions; i++) {
        j.rows[i] = larger(lanes[i].step.rows, lanes[i].later.rows);
        j.row_block[i] = rnn_row_block(p, j.rows[i]);
        j.row_blocks[i] = ceil_div(j.rows[i], j.row_block[i]);
        tasks += j.row_blocks[i] * ceil_div(columns, p->gemm->nr);
        if (i == 0)
            j.first = tasks;
    }
    rnn_run(p, j.rows[0] + j.rows[1], tasks, run_task, &j);
}

/* The last round has no step: only the gradient of the initial h is left. */
static void run_steps(const rnn_plan *p, lane *lanes)
{
    for (int64_t i = 0; i < p->directions; i++) {
        lanes[i].later = (rnn_step){-1, 0, 0};
        lanes[i].step = rnn_first(p, !lanes[i].from_end);
        lanes[i].earlier = rnn_next(p, lanes[i].step, !lanes[i].from_end);
    }
    for (int64_t t = 0; t <= p->d->steps; t++) {
        run_blocks(p, lanes, p->out, run_units);
        if (rnn_projects(p))
            run_blocks(p, lanes, p->hidden, run_projected);
        for (int64_t i = 0; i < p->directions; i++) {
            lanes[i].later = lanes[i].step;
            lanes[i].step = lanes[i].earlier;
            lanes[i].earlier = rnn_next(p, lanes[i].step, !lanes[i].from_end);
        }
    }
}

/* ---- A layer ------------------------------------------------------------------------------------*/

static const char *state_of(const rnn_plan *p, const void *all, int64_t which, int64_t width)
{
    return all ? at(p, all, which * p->d->batch * width) : NULL;
}

static void begin_direction(lane *l, int64_t which, const cairn_rnn_weights *w, const cairn_rnn_gradients *g)
{
    const rnn_plan *p = l->p;
    const int64_t batch = p->d->batch, wide = p->gates * p->hidden;
    rnn_pack(p, w->hh, p->out, wide, 1, p->out, l->panels);
    if (rnn_projects(p))
        rnn_pack(p, w->hr, p->hidden, p->out, 1, p->hidden, l->projection);
    rnn_copy_rows(p, batch, p->out, state_of(p, g->dhn, which, p->out), p->out, l->carry, p->h_row);
    if (l->dc)
        rnn_copy_rows(p, batch, p->hidden, state_of(p, g->dcn, which, p->hidden), p->hidden, l->dc, p->hidden);
}

static void end_direction(const lane *l, int64_t which, const cairn_rnn_gradients *g)
{
    const rnn_plan *p = l->p;
    if (g->dh0)
        rnn_copy_rows(p, p->d->batch, p->out, l->carry, p->h_row, (char *)state_of(p, g->dh0, which, p->out), p->out);
    if (g->dc0 && l->dc)
        rnn_copy_rows(p, p->d->batch, p->hidden, l->dc, p->hidden, (char *)state_of(p, g->dc0, which, p->hidden), p->hidden);
}

void rnn_backward_run(const rnn_plan *p, const void *x, const void *c0, const cairn_rnn_weights *w, const void *reserve,
                      const cairn_rnn_gradients *g, void *workspace, int64_t bytes)
{
    memory m;
    char *base = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    m.rest_bytes = carve(p, base, &m);
    m.rest_bytes = bytes - (base - (char *)workspace) - m.rest_bytes;
    const char *dy = g->dy;
    for (int64_t layer = p->layers - 1; layer >= 0; layer--) {
        const void *from = layer ? rnn_saved_y(p, reserve, layer - 1) : x;
        char *dx = layer ? m.dx[(layer - 1) & 1] : g->dx;
        for (int64_t i = 0, which = layer * p->directions; i < p->directions; i++, which++) {
            m.lane[i].kept = rnn_saved_at(p, reserve, layer, i);
            m.lane[i].dy = dy ? at(p, dy, i * p->out) : NULL;
            m.lane[i].c0 = state_of(p, c0, which, p->hidden);
            begin_direction(&m.lane[i], which, &w[which], g);
        }
        if (p->rows)
            run_steps(p, m.lane);
        for (int64_t i = 0, which = layer * p->directions; i < p->directions; i++, which++) {
            end_direction(&m.lane[i], which, g);
            if (g->weights)
                weights_of(&m.lane[i], &m, layer, from, &g->weights[which]);
            if (dx)
                run_product(&m, data_product(p, layer, m.lane[i].d, w[which].ih, dx, i == 1));
        }
        if (layer)
            rnn_dropout(p, layer - 1, dx);
        dy = dx;
    }
}
