/* Recurrent layers, composed: a step is a matmul, and what follows it becomes its epilogue and one program.
 *
 * Sequences are lists of T tensors (N, features), one a step, so that the gradient of a step is that step's alone. */
#include "framework/nn/module.h"
#include <stdio.h>
#include <string.h>

typedef cairn_tensor T;

typedef enum cell_kind { CELL_TANH, CELL_RELU, CELL_LSTM, CELL_GRU } cell_kind;

typedef struct weights {
    T *ih, *hh, *bias_ih, *bias_hh;      /* (G H, in), (G H, H), (G H), (G H): G gates; the biases may be NULL */
} weights;

typedef struct recurrent {
    cell_kind cell;
    cairn_rnn_options o;
    int64_t in, hidden;
    weights *of;                         /* layer by layer, forward and backward */
} recurrent;

static int gates(cell_kind cell) { return cell == CELL_LSTM ? 4 : cell == CELL_GRU ? 3 : 1; }
static int directions(const recurrent *r) { return r->o.bidirectional ? 2 : 1; }

/* ---- Cells: from x W_ih + h W_hh (N, G H) to the next h and c (N, H) */

static T *gate(T *all, int64_t hidden, int i) { return cairn_narrow(all, -1, i * hidden, hidden); }

/* i, f, g, o: c = f c + i g, h = o tanh(c). Hochreiter and Schmidhuber, 1997. */
static void lstm(int64_t n, T *x, T *h, T **next_h, T **c)
{
    T *all = cairn_add(x, h);
    T *i = cairn_sigmoid(gate(all, n, 0)), *f = cairn_sigmoid(gate(all, n, 1));
    T *g = cairn_tanh(gate(all, n, 2)), *o = cairn_sigmoid(gate(all, n, 3));
    *c = cairn_add(cairn_mul(f, *c), cairn_mul(i, g));
    *next_h = cairn_mul(o, cairn_tanh(*c));
}

/* r, z, n: n = tanh(x_n + r h_n), h = n + z (h - n). Cho et al., 2014. */
static T *gru(int64_t n, T *x, T *projected_h, T *h)
{
    T *r = cairn_sigmoid(cairn_add(gate(x, n, 0), gate(projected_h, n, 0)));
    T *z = cairn_sigmoid(cairn_add(gate(x, n, 1), gate(projected_h, n, 1)));
    T *fresh = cairn_tanh(cairn_add(gate(x, n, 2), cairn_mul(r, gate(projected_h, n, 2))));
    return cairn_add(fresh, cairn_mul(z, cairn_sub(h, fresh)));
}

static void advance(const recurrent *r, const weights *w, T *x, T **h, T **c)
{
    T *from_x = cairn_f_linear(x, w->ih, w->bias_ih), *from_h = cairn_f_linear(*h, w->hh, w->bias_hh);
    switch (r->cell) {
    case CELL_TANH: *h = cairn_tanh(cairn_add(from_x, from_h)); break;
    case CELL_RELU: *h = cairn_relu(cairn_add(from_x, from_h)); break;
    case CELL_LSTM: lstm(r->hidden, from_x, from_h, h, c); break;
    case CELL_GRU: *h = gru(r->hidden, from_x, from_h, *h); break;
    }
}

/* ---- Layers */

typedef struct pass {
    const recurrent *r;
    int64_t steps;
    T **x, **back;                       /* the sequence, and room for one */
    T **last_h, **last_c;                /* of each layer and direction */
} pass;

/* One direction of one layer from (h, c): to[t] becomes h after step t. */
static void run_direction(pass *p, int which, bool backwards, T *h, T *c, T **to)
{
    for (int64_t i = 0; i < p->steps; i++) {
        int64_t t = backwards ? p->steps - 1 - i : i;
        advance(p->r, &p->r->of[which], p->x[t], &h, &c);
        to[t] = h;
    }
    p->last_h[which] = h;
    p->last_c[which] = c;
}

/* (layers x directions, N, H) -> the state of one; NULL is zeros. */
static T *initial(T *all, const pass *p, int which)
{
    if (all)
        return cairn_select(all, 0, which);
    return cairn_zeros(CAIRN_SHAPE(cairn_size(p->x[0], 0), p->r->hidden), cairn_dtype_of(p->x[0]));
}

static bool run_layer(pass *p, int layer, T *h0, T *c0, bool training, T **next)
{
    int d = directions(p->r), which = layer * d;
    run_direction(p, which, false, initial(h0, p, which), p->r->cell == CELL_LSTM ? initial(c0, p, which) : NULL, next);
    if (d == 2)
        run_direction(p, which + 1, true, initial(h0, p, which + 1),
                      p->r->cell == CELL_LSTM ? initial(c0, p, which + 1) : NULL, p->back);
    for (int64_t t = 0; t < p->steps; t++) {
        if (d == 2)
            next[t] = cairn_cat(2, (T *[]){next[t], p->back[t]}, -1);
        if (layer + 1 < p->r->o.layers && p->r->o.dropout > 0)
            next[t] = cairn_f_dropout(next[t], p->r->o.dropout, training);
    }
    memcpy(p->x, next, sizeof(T *) * (size_t)p->steps);
    return p->steps == 0 || p->x[p->steps - 1];
}

static bool input_ok(const recurrent *r, T *x, int batch_axis)
{
    cairn_shape s = cairn_shape_of(x);
    if (s.rank == 3 && s.size[2] == r->in && s.size[1 - batch_axis] > 0)
        return true;
    if (x)
        error_set(CAIRN_E_SHAPE, "recurrent: takes (%s, %lld) with at least one step, got %s", batch_axis ? "steps, batch" : "batch, steps",
                  (long long)r->in, SHAPE(&s));
    return false;
}

static bool state_ok(const recurrent *r, T *state, int64_t batch)
{
    cairn_shape want = CAIRN_SHAPE(r->o.layers * directions(r), batch, r->hidden), got = cairn_shape_of(state);
    if (!state || shape_equal(&want, &got))
        return true;
    error_set(CAIRN_E_SHAPE, "recurrent: the initial state is %s, not %s", SHAPE(&got), SHAPE(&want));
    return false;
}

static cairn_status run_all(pass *p, cairn_module *m, T *x, T *h0, T *c0, cairn_rnn_result *out)
{
    int count = p->r->o.layers * directions(p->r), time = p->r->o.batch_first ? 1 : 0;
    T **next = p->back + p->steps;
    bool whole = true;
    for (int64_t t = 0; t < p->steps && whole; t++)
        whole = (p->x[t] = cairn_select(x, time, t)) != NULL;
    for (int layer = 0; layer < p->r->o.layers && whole; layer++)
        whole = run_layer(p, layer, h0, c0, cairn_is_training(m), next);
    out->output = whole ? cairn_stack((int)p->steps, p->x, time) : NULL;
    out->h = whole ? cairn_stack(count, p->last_h, 0) : NULL;
    out->c = whole && p->r->cell == CELL_LSTM ? cairn_stack(count, p->last_c, 0) : NULL;
    return out->output && out->h && (out->c || p->r->cell != CELL_LSTM) ? CAIRN_OK : cairn_error();
}

static cairn_tensor *recurrent_forward(cairn_module *self, cairn_tensor *x)
{
    cairn_rnn_result all;
    return cairn_recur(self, x, NULL, NULL, &all) ? NULL : all.output;
}

cairn_status cairn_recur(cairn_module *m, T *x, T *h0, T *c0, cairn_rnn_result *out)
{
    *out = (cairn_rnn_result){0};
    if (!m || !x || m->forward != recurrent_forward)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "recur: %s", m && x ? "not a recurrent layer" : "NULL");
    const recurrent *r = m->state;
    int batch_axis = r->o.batch_first ? 0 : 1;
    if (!input_ok(r, x, batch_axis) || !state_ok(r, h0, cairn_size(x, batch_axis)) || !state_ok(r, c0, cairn_size(x, batch_axis)))
        return cairn_error();
    int64_t steps = cairn_size(x, 1 - batch_axis);
    int count = r->o.layers * directions(r);
    T **room = mem_array((size_t)(3 * steps + 2 * count), sizeof *room);
    if (!room)
        return CAIRN_E_MEMORY;
    pass p = {r, steps, room, room + steps, room + 3 * steps, room + 3 * steps + count};
    cairn_mark mark = cairn_scope_push();
    cairn_status s = run_all(&p, m, x, h0, c0, out);
    cairn_scope_pop_list(mark, s ? 0 : 3, (T *[]){out->output, out->h, out->c});
    if (s)
        *out = (cairn_rnn_result){0};
    mem_free(room);
    return s;
}

/* ---- Construction */

static void release(cairn_module *self)
{
    mem_free(((recurrent *)self->state)->of);
}

static void describe(const cairn_module *self, FILE *file)
{
    const recurrent *r = self->state;
    fprintf(file, "%lld, %lld, num_layers=%d%s%s", (long long)r->in, (long long)r->hidden, r->o.layers,
            r->o.batch_first ? ", batch_first=True" : "", r->o.bidirectional ? ", bidirectional=True" : "");
}

static T *numbered(cairn_module *m, const char *name, int layer, bool backwards, cairn_shape shape, double bound)
{
    char text[64];
    snprintf(text, sizeof text, "%s_l%d%s", name, layer, backwards ? "_reverse" : "");
    return parameter_uniform(m, text, shape, bound);
}

static void add_weights(cairn_module *m, recurrent *r, int layer, bool backwards)
{
    weights *w = &r->of[layer * directions(r) + backwards];
    int64_t wide = gates(r->cell) * r->hidden, in = layer ? r->hidden * directions(r) : r->in;
    double bound = default_bound(r->hidden);
    w->ih = numbered(m, "weight_ih", layer, backwards, CAIRN_SHAPE(wide, in), bound);
    w->hh = numbered(m, "weight_hh", layer, backwards, CAIRN_SHAPE(wide, r->hidden), bound);
    if (r->o.no_bias)
        return;
    w->bias_ih = numbered(m, "bias_ih", layer, backwards, CAIRN_SHAPE(wide), bound);
    w->bias_hh = numbered(m, "bias_hh", layer, backwards, CAIRN_SHAPE(wide), bound);
}

static cairn_module *recurrent_new(const char *kind, cell_kind cell, int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    cairn_rnn_options o = options ? *options : (cairn_rnn_options){0};
    o.layers = o.layers ? o.layers : 1;
    if (!sizes_positive(kind, 3, (int64_t[]){in, hidden, o.layers}))
        return NULL;
    if (!(o.dropout >= 0 && o.dropout <= 1)) {
        error_set(CAIRN_E_ARGUMENT, "%s: dropout is %g", kind, o.dropout);
        return NULL;
    }
    cairn_module *m = cairn_module_new(kind, recurrent_forward, sizeof(recurrent));
    if (!m)
        return NULL;
    recurrent *r = m->state;
    *r = (recurrent){.cell = cell, .o = o, .in = in, .hidden = hidden};
    m->release = release;
    m->describe = describe;
    r->of = mem_array((size_t)(o.layers * directions(r)), sizeof *r->of);
    m->failed = !r->of;
    for (int layer = 0; layer < o.layers && !m->failed; layer++)
        for (int back = 0; back < directions(r); back++)
            add_weights(m, r, layer, back);
    return module_whole(m);
}

cairn_module *cairn_rnn(int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    return recurrent_new("RNN", options && options->relu ? CELL_RELU : CELL_TANH, in, hidden, options);
}
cairn_module *cairn_lstm(int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    return recurrent_new("LSTM", CELL_LSTM, in, hidden, options);
}
cairn_module *cairn_gru(int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    return recurrent_new("GRU", CELL_GRU, in, hidden, options);
}
