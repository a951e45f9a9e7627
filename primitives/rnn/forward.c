/* Recurrences, forward. */
#include "primitives/rnn/rnn.h"

#include "base/pool.h"

#include <string.h>

/* One direction of the layer in work. */
typedef struct lane {
    const rnn_plan *p;
    bool from_end;
    rnn_saved to;                           /* gates of all rows; what else the gradient needs, in training */
    char *panels, *projection, *bias, *c;   /* packed weights, sums of biases, the state c */
    char *turn[2];                          /* h of this step and the next one, where nothing is kept */
    char *y;                                /* this direction's part of the layer's rows */
    rnn_step step, next;
    bool training;
} lane;

typedef struct memory {
    lane lane[2];
    char *y[2];                             /* of inner layers, where nothing is kept */
    char *rest;
    int64_t rest_bytes;                     /* for the large products */
} memory;

static int64_t carve(const rnn_plan *p, bool training, char *base, memory *m)
{
    const int64_t batch = p->d->batch, bytes = p->bytes;
    rnn_carver c = {base, 0};
    *m = (memory){0};
    for (int64_t i = 0; i < p->directions; i++) {
        lane *l = &m->lane[i];
        *l = (lane){.p = p, .from_end = i == 1, .training = training};
        l->panels = rnn_take(&c, p->gates * rnn_panel_bytes(p, p->hidden, p->out));
        l->bias = rnn_take(&c, p->columns * p->hidden * bytes);
        if (rnn_projects(p))
            l->projection = rnn_take(&c, rnn_panel_bytes(p, p->out, p->hidden));
        if (p->d->kind == CAIRN_RNN_LSTM)
            l->c = rnn_take(&c, batch * p->hidden * bytes);
        if (training)
            continue;
        l->to.gates = rnn_take(&c, p->rows * p->gates_row * bytes);
        l->turn[0] = rnn_take(&c, batch * p->h_row * bytes);
        l->turn[1] = rnn_take(&c, batch * p->h_row * bytes);
        if (rnn_projects(p))
            l->to.m = rnn_take(&c, batch * p->m_row * bytes);
    }
    for (int i = 0; i < 2 && !training && i < p->layers - 1; i++)
        m->y[i] = rnn_take(&c, p->rows * p->width * bytes);
    m->rest = rnn_take(&c, 0);
    return c.used;
}

int64_t rnn_forward_memory(const rnn_plan *p, bool training, int threads)
{
    memory m;
    int64_t most = 0;
    for (int64_t layer = 0; layer < smaller(p->layers, 2); layer++) {
        const matmul product = rnn_input_product(p, layer, NULL, NULL, NULL);
        most = larger(most, matmul_workspace(&product, threads));
    }
    return 64 + carve(p, training, NULL, &m) + most;
}

/* ---- One step -----------------------------------------------------------------------------------*/

static char *at(const rnn_plan *p, const void *base, int64_t elements) { return (char *)base + elements * p->bytes; }

static char *h_of(const lane *l, rnn_step s) { return l->training ? at(l->p, l->to.h, s.row0 * l->p->h_row) : l->turn[s.t & 1]; }
static char *m_of(const lane *l) { return l->training ? at(l->p, l->to.m, l->step.row0 * l->p->m_row) : l->to.m; }

/* How many of the rows from row0 on go on at the next step. */
static int64_t going_on(const lane *l, int64_t row0, int64_t rows) { return larger(0, smaller(rows, l->next.rows - row0)); }

static void run_cell(const lane *l, int64_t unit, int64_t units, int64_t row0, int64_t rows)
{
    const rnn_plan *p = l->p;
    const int64_t row = l->step.row0 + row0;
    rnn_cell cell = {.rows = rows, .units = units, .gate = p->hidden, .gates = at(p, l->to.gates, row * p->gates_row + unit),
                     .gates_row = p->gates_row, .bias = at(p, l->bias, unit), .before_rows = rows, .clip = p->d->clip, .keep = l->training,
                     .next_row = p->h_row, .next_rows = going_on(l, row0, rows)};
    if (p->d->kind == CAIRN_RNN_LSTM) {
        cell.before = cell.c = at(p, l->c, row0 * p->hidden + unit);
        cell.before_row = cell.c_row = cell.c2_row = p->hidden;
        cell.c2 = l->training ? at(p, l->to.c, row * p->hidden + unit) : NULL;
    } else {
        cell.before = at(p, h_of(l, l->step), row0 * p->h_row + unit);
        cell.before_row = p->h_row;
    }
    if (rnn_projects(p)) {
        cell.y = at(p, m_of(l), row0 * p->m_row + unit);
        cell.y_row = p->m_row;
        cell.next_rows = 0;
    } else {
        cell.y = at(p, l->y, row * p->width + unit);
        cell.y_row = p->width;
        if (cell.next_rows)
            cell.next = at(p, h_of(l, l->next), row0 * p->h_row + unit);
    }
    p->kernel->forward[p->d->kind](&cell);
}

/* Gates of one block of units, some rows: the product with h, then the cell. */
static void run_units(const lane *l, int64_t block, int64_t row0, int64_t rows)
{
    const rnn_plan *p = l->p;
    const int64_t nr = p->gemm->nr, unit = block * nr, units = smaller(nr, p->hidden - unit), zero = 0;
    const rnn_operand h = {h_of(l, l->step), p->h_row, p->out, 1, &zero};
    for (int64_t g = 0; g < p->gates; g++) {
        const int64_t column = rnn_column(p, g);
        rnn_multiply(p, &h, row0, rows, l->panels + (block * p->gates + g) * nr * p->out * p->bytes,
                     at(p, l->to.gates, l->step.row0 * p->gates_row + column * p->hidden + unit), p->gates_row, units, column == g);
    }
    run_cell(l, unit, units, row0, rows);
}

/* h = W_hr m of one block of h's elements. */
static void project_units(const lane *l, int64_t block, int64_t row0, int64_t rows)
{
    const rnn_plan *p = l->p;
    const int64_t nr = p->gemm->nr, unit = block * nr, units = smaller(nr, p->out - unit), zero = 0;
    const rnn_operand m = {m_of(l), p->m_row, p->hidden, 1, &zero};
    char *y = at(p, l->y, l->step.row0 * p->width + unit);
    rnn_multiply(p, &m, row0, rows, l->projection + block * nr * p->hidden * p->bytes, y, p->width, units, 0);
    const int64_t count = going_on(l, row0, rows);
    if (count)
        rnn_copy_rows(p, count, units, at(p, y, row0 * p->width), p->width, at(p, h_of(l, l->next), row0 * p->h_row + unit), p->h_row);
}

typedef struct job {
    const lane *lane;
    int64_t first;                          /* tasks of the first direction */
    int64_t row_block[2], row_blocks[2];
    void (*run)(const lane *l, int64_t block, int64_t row0, int64_t rows);
} job;

static void run_task(void *context, int64_t task, int worker)
{
    const job *j = context;
    const int i = task >= j->first;
    const lane *l = &j->lane[i];
    (void)worker;
    task -= i ? j->first : 0;
    const int64_t row0 = task % j->row_blocks[i] * j->row_block[i];
    j->run(l, task / j->row_blocks[i], row0, smaller(j->row_block[i], l->step.rows - row0));
}

static void run_blocks(const rnn_plan *p, const lane *lanes, int64_t columns, void (*run)(const lane *, int64_t, int64_t, int64_t))
{
    job j = {.lane = lanes, .run = run};
    int64_t tasks = 0, rows = 0;
    for (int64_t i = 0; i < p->directions; i++) {
        j.row_block[i] = rnn_row_block(p, lanes[i].step.rows);
        j.row_blocks[i] = ceil_div(lanes[i].step.rows, j.row_block[i]);
        tasks += j.row_blocks[i] * ceil_div(columns, p->gemm->nr);
        rows += lanes[i].step.rows;
        if (i == 0)
            j.first = tasks;
    }
    rnn_run(p, rows, tasks, run_task, &j);
}

static void run_steps(const rnn_plan *p, lane *lanes)
{
    for (int64_t i = 0; i < p->directions; i++) {
        lanes[i].step = rnn_first(p, lanes[i].from_end);
        lanes[i].next = rnn_next(p, lanes[i].step, lanes[i].from_end);
    }
    for (int64_t t = 0; t < p->d->steps; t++) {
        run_blocks(p, lanes, p->hidden, run_units);
        if (rnn_projects(p))
            run_blocks(p, lanes, p->out, project_units);
        for (int64_t i = 0; i < p->directions; i++) {
            lanes[i].step = lanes[i].next;
            lanes[i].next = rnn_next(p, lanes[i].step, lanes[i].from_end);
        }
    }
}

/* ---- A layer ------------------------------------------------------------------------------------*/

/* What is added to the sums: both biases, but for the part of n in a GRU, where each has its own place. */
static void sum_biases(const rnn_plan *p, const cairn_rnn_weights *w, void *to)
{
    for (int64_t i = 0; i < p->columns * p->hidden; i++) {
        const int64_t column = i / p->hidden;
        const bool gru = p->d->kind == CAIRN_RNN_GRU, from_x = !gru || column < 3, from_h = !gru || column != 2;
        const int64_t j = gru && column == 3 ? i - p->hidden : i;
        double sum = 0;
        for (int part = 0; part < 2; part++) {
            const void *bias = part ? w->bias_hh : w->bias_ih;
            if (bias && (part ? from_h : from_x))
                sum += p->bytes == 8 ? ((const double *)bias)[j] : ((const float *)bias)[j];
        }
        if (p->bytes == 8)
            ((double *)to)[i] = sum;
        else
            ((float *)to)[i] = (float)sum;
    }
}

/* Rows take their first h where they begin. */
static void begin_rows(const lane *l, const char *h0)
{
    const rnn_plan *p = l->p;
    for (int i = 0; i < 2 && !l->training; i++)
        rnn_copy_rows(p, p->d->batch, p->out, h0, p->out, l->turn[i], p->h_row);
    int64_t before = 0;
    for (rnn_step s = rnn_first(p, l->from_end); l->training && s.rows > 0; s = rnn_next(p, s, l->from_end)) {
        if (s.rows > before)
            rnn_copy_rows(p, s.rows - before, p->out, h0 ? at(p, h0, before * p->out) : NULL, p->out,
                          at(p, l->to.h, (s.row0 + before) * p->h_row), p->h_row);
        before = s.rows;
    }
}

/* hn: of each sequence the h after its last step. */
static void end_rows(const lane *l, const char *h0, char *hn)
{
    const rnn_plan *p = l->p;
    if (!p->d->steps)
        rnn_copy_rows(p, p->d->batch, p->out, h0, p->out, hn, p->out);
    int64_t done = 0;
    for (rnn_step s = rnn_first(p, !l->from_end); s.rows > 0; s = rnn_next(p, s, true)) {
        rnn_copy_rows(p, s.rows - done, p->out, at(p, l->y, (s.row0 + done) * p->width), p->width, at(p, hn, done * p->out), p->out);
        done = s.rows;
    }
}

static char *state_of(const rnn_plan *p, const void *all, int64_t which, int64_t width)
{
    return all ? at(p, all, which * p->d->batch * width) : NULL;
}

static void begin_direction(lane *l, int64_t layer, const void *x, const cairn_rnn_weights *w, const char *h0, const char *c0, memory *m)
{
    const rnn_plan *p = l->p;
    const matmul product = rnn_input_product(p, layer, x, w->ih, l->to.gates);
    matmul_run(&product, cairn_threads(), m->rest, m->rest_bytes);
    rnn_pack_gates(p, w->hh, l->panels);
    if (rnn_projects(p))
        rnn_pack(p, w->hr, p->out, p->hidden, p->hidden, 1, l->projection);
    sum_biases(p, w, l->bias);
    begin_rows(l, h0);
    if (l->c)
        rnn_copy_rows(p, p->d->batch, p->hidden, c0, p->hidden, l->c, p->hidden);
}

void rnn_forward_run(const rnn_plan *p, const void *x, const void *h0, const void *c0, const cairn_rnn_weights *w, void *y, void *hn,
                     void *cn, void *reserve, void *workspace, int64_t bytes)
{
    memory m;
    char *base = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    m.rest_bytes = carve(p, reserve != NULL, base, &m);
    m.rest_bytes = bytes - (base - (char *)workspace) - m.rest_bytes;
    for (int64_t layer = 0; layer < p->layers; layer++) {
        char *to = layer == p->layers - 1 ? y : reserve ? rnn_saved_y(p, reserve, layer) : m.y[layer & 1];
        for (int64_t i = 0, which = layer * p->directions; i < p->directions; i++, which++) {
            lane *l = &m.lane[i];
            if (reserve)
                l->to = rnn_saved_at(p, reserve, layer, i);
            l->y = at(p, to, i * p->out);
            begin_direction(l, layer, x, &w[which], state_of(p, h0, which, p->out), state_of(p, c0, which, p->hidden), &m);
        }
        if (p->rows)
            run_steps(p, m.lane);
        for (int64_t i = 0, which = layer * p->directions; i < p->directions; i++, which++) {
            if (hn)
                end_rows(&m.lane[i], state_of(p, h0, which, p->out), state_of(p, hn, which, p->out));
            if (cn && m.lane[i].c)
                memcpy(state_of(p, cn, which, p->hidden), m.lane[i].c, (size_t)(p->d->batch * p->hidden * p->bytes));
        }
        if (reserve && layer < p->layers - 1)
            rnn_dropout(p, layer, to);
        x = to;
    }
}
