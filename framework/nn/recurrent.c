/* Recurrent layers and cells, on the primitive of framework/ops/recurrent.c. Inside, sequences lie step by step. */
#include "framework/nn/module.h"
#include "framework/ops/recurrent.h"
#include "framework/ops/lanes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef cairn_tensor T;

typedef struct recurrent {
    cairn_rnn_kind kind;
    cairn_rnn_options o;
    int64_t in, hidden;
    T **weights;                         /* RNN_WEIGHTS of each layer and direction; absent ones are NULL */
} recurrent;

static int gates(cairn_rnn_kind kind) { return kind == CAIRN_RNN_LSTM ? 4 : kind == CAIRN_RNN_GRU ? 3 : 1; }
static int directions(const recurrent *r) { return r->o.bidirectional ? 2 : 1; }
static int64_t h_size(const recurrent *r) { return r->o.projection ? r->o.projection : r->hidden; }

/* ---- Checks */

static bool input_ok(const recurrent *r, T *x)
{
    cairn_shape s = cairn_shape_of(x);
    if (s.rank == 3 && s.size[2] == r->in && s.size[r->o.batch_first ? 1 : 0] > 0)
        return true;
    if (x)
        error_set(CAIRN_E_SHAPE, "recurrent: takes (%s, %lld) with at least one step, got %s", r->o.batch_first ? "batch, steps" : "steps, batch",
                  (long long)r->in, SHAPE(&s));
    return false;
}

static bool state_ok(const recurrent *r, T *state, int64_t batch, int64_t width)
{
    cairn_shape want = CAIRN_SHAPE(r->o.layers * directions(r), batch, width), got = cairn_shape_of(state);
    if (!state || shape_equal(&want, &got))
        return true;
    error_set(CAIRN_E_SHAPE, "recurrent: the initial state is %s, not %s", SHAPE(&got), SHAPE(&want));
    return false;
}

static bool states_ok(const recurrent *r, T *h, T *c, int64_t batch)
{
    if (c && r->kind != CAIRN_RNN_LSTM) {
        error_set(CAIRN_E_ARGUMENT, "recurrent: only an LSTM has a c");
        return false;
    }
    return state_ok(r, h, batch, h_size(r)) && state_ok(r, c, batch, r->hidden);
}

/* ---- Running: computed in f32 or f64, given back in x's type */

static T *in_type(T *x, cairn_dtype type) { return x ? cairn_to(x, type) : NULL; }

static bool apply_in(const rnn_form *f, T *x, T *h, T *c, T *const *weights, cairn_dtype type, rnn_outputs *out)
{
    int count = RNN_WEIGHTS * f->layers * (f->bidirectional ? 2 : 1);
    T **w = mem_array((size_t)count, sizeof *w);
    for (int i = 0; w && i < count; i++)
        w[i] = in_type(weights[i], type);
    bool whole = w && rnn_apply(f, in_type(x, type), in_type(h, type), in_type(c, type), w, out);
    mem_free(w);
    return whole;
}

/* x is (T, N, in), or packed. */
static bool apply(const recurrent *r, rnn_form f, T *x, T *h, T *c, rnn_outputs *out)
{
    f.kind = r->kind, f.layers = r->o.layers, f.bidirectional = r->o.bidirectional, f.bias = !r->o.no_bias;
    f.hidden = r->hidden, f.projection = r->o.projection;
    cairn_dtype type = cairn_promote_types(cairn_dtype_of(x), cairn_dtype_of(r->weights[0]));
    cairn_dtype wide = type == CAIRN_F16 || type == CAIRN_BF16 ? CAIRN_F32 : type;
    if (!type_is_float(type)) {
        error_set(CAIRN_E_TYPE, "recurrent: needs a floating type, got %s", cairn_dtype_name(type));
        return false;
    }
    if (!apply_in(&f, x, h, c, r->weights, wide, out))
        return false;
    out->y = cairn_to(out->y, type);
    out->h = cairn_to(out->h, type);
    out->c = in_type(out->c, type);
    return out->y && out->h;
}

static T *recurrent_forward(cairn_module *self, T *x)
{
    cairn_rnn_result all;
    return cairn_recur(self, x, NULL, NULL, &all) ? NULL : all.output;
}

static const recurrent *layer_of(const char *op, cairn_module *m, const void *x)
{
    if (m && x && m->forward == recurrent_forward)
        return m->state;
    if (!cairn_error())
        error_set(CAIRN_E_ARGUMENT, "%s: %s", op, m && x ? "not a recurrent layer" : "NULL");
    return NULL;
}

static double dropout_of(const recurrent *r, const cairn_module *m) { return cairn_is_training(m) ? r->o.dropout : 0; }

static cairn_status hand_over(cairn_mark mark, bool whole, const rnn_outputs *o, cairn_rnn_result *out)
{
    *out = whole ? (cairn_rnn_result){o->y, o->h, o->c} : (cairn_rnn_result){0};
    cairn_scope_pop_list(mark, whole ? 3 : 0, (T *[]){out->output, out->h, out->c});
    return whole ? CAIRN_OK : cairn_error() ? cairn_error() : CAIRN_E_MEMORY;
}

cairn_status cairn_recur(cairn_module *m, T *x, T *h0, T *c0, cairn_rnn_result *out)
{
    *out = (cairn_rnn_result){0};
    const recurrent *r = layer_of("recur", m, x);
    if (!r || !input_ok(r, x) || !states_ok(r, h0, c0, cairn_size(x, r->o.batch_first ? 0 : 1)))
        return cairn_error();
    rnn_outputs o = {0};
    cairn_mark mark = cairn_scope_push();
    T *steps_first = r->o.batch_first ? cairn_transpose(x, 0, 1) : x;
    bool whole = apply(r, (rnn_form){.dropout = dropout_of(r, m)}, steps_first, h0, c0, &o);
    if (whole && r->o.batch_first)
        whole = (o.y = cairn_transpose(o.y, 0, 1)) != NULL;
    return hand_over(mark, whole, &o, out);
}

/* ---- Packed sequences */

typedef struct by_length { int64_t length, at; } by_length;

static int longest_first(const void *a, const void *b)
{
    const by_length *x = a, *y = b;
    return x->length != y->length ? (x->length > y->length ? -1 : 1) : x->at < y->at ? -1 : x->at > y->at;
}

/* Lengths sorted; NULL with the error set. The caller frees. */
static by_length *sorted(const int64_t *lengths, int64_t batch, int64_t steps)
{
    by_length *s = mem_array((size_t)batch, sizeof *s);
    for (int64_t i = 0; s && i < batch; i++) {
        if (lengths[i] < 1 || lengths[i] > steps) {
            error_set(CAIRN_E_RANGE, "pack_padded_sequence: length %lld of sequence %lld is not one of 1 ... %lld", (long long)lengths[i],
                      (long long)i, (long long)steps);
            mem_free(s);
            return NULL;
        }
        s[i] = (by_length){lengths[i], i};
    }
    if (s)
        qsort(s, (size_t)batch, sizeof *s, longest_first);
    return s;
}

static T *leaf_i64(int64_t count, int64_t **data) { return leaf_new(&CAIRN_SHAPE(count), CAIRN_I64, (void **)data); }

/* index: where each packed row lies among the rows of x, which are N x T (batch_first) or T x N. */
static bool fill_pack(const by_length *s, int64_t batch, int64_t steps, bool batch_first, cairn_packed *p, T **index)
{
    int64_t *order, *sizes, *from, rows = 0;
    for (int64_t i = 0; i < batch; i++)
        rows += s[i].length;
    p->order = leaf_i64(batch, &order);
    p->batch_sizes = p->order ? leaf_i64(s[0].length, &sizes) : NULL;
    *index = p->batch_sizes ? leaf_i64(rows, &from) : NULL;
    if (!*index)
        return false;
    for (int64_t i = 0; i < batch; i++)
        order[i] = s[i].at;
    int64_t alive = batch;
    for (int64_t t = 0; t < s[0].length; t++) {
        while (s[alive - 1].length <= t)
            alive--;
        sizes[t] = alive;
        for (int64_t i = 0; i < alive; i++)
            *from++ = batch_first ? s[i].at * steps + t : t * batch + s[i].at;
    }
    return true;
}

cairn_status cairn_pack_padded_sequence(T *x, const int64_t *lengths, bool batch_first, cairn_packed *out)
{
    *out = (cairn_packed){0};
    if (!x || !lengths)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "pack_padded_sequence: NULL");
    cairn_shape s = cairn_shape_of(x);
    if (s.rank != 3 || s.size[0] < 1 || s.size[1] < 1)
        return error_set(CAIRN_E_SHAPE, "pack_padded_sequence: takes three axes and at least one sequence and step, got %s", SHAPE(&s));
    int64_t batch = s.size[batch_first ? 0 : 1], steps = s.size[batch_first ? 1 : 0];
    by_length *order = sorted(lengths, batch, steps);
    if (!order)
        return cairn_error();
    cairn_mark mark = cairn_scope_push();
    T *index = NULL;
    bool whole = fill_pack(order, batch, steps, batch_first, out, &index);
    out->data = whole ? cairn_index_select(cairn_flatten(x, 0, 1), 0, index) : NULL;
    whole = out->data != NULL;
    mem_free(order);
    cairn_scope_pop_list(mark, whole ? 3 : 0, (T *[]){out->data, out->batch_sizes, out->order});
    if (whole)
        return CAIRN_OK;
    *out = (cairn_packed){0};
    return cairn_error() ? cairn_error() : CAIRN_E_MEMORY;
}

/* index: which packed row goes to each place of the padded form; `rows`, one past the last, where none does. */
static T *padding_index(const int64_t *sizes, const int64_t *order, int64_t steps, int64_t total, int64_t batch, int64_t rows, bool batch_first)
{
    int64_t *to, row = 0;
    T *index = leaf_i64(total * batch, &to);
    for (int64_t i = 0; index && i < total * batch; i++)
        to[i] = rows;
    for (int64_t t = 0; index && t < steps; t++)
        for (int64_t i = 0; i < sizes[t]; i++)
            to[batch_first ? order[i] * total + t : t * batch + order[i]] = row++;
    return index;
}

T *cairn_pad_packed_sequence(const cairn_packed *p, bool batch_first, double padding, int64_t total)
{
    const int64_t *sizes = p ? cairn_data(p->batch_sizes) : NULL, *order = p ? cairn_data(p->order) : NULL;
    if (!sizes || !order || !p->data) {
        if (!cairn_error())
            error_set(CAIRN_E_ARGUMENT, "pad_packed_sequence: NULL");
        return NULL;
    }
    int64_t steps = cairn_numel(p->batch_sizes), batch = cairn_numel(p->order), rows = cairn_size(p->data, 0), width = cairn_size(p->data, 1);
    total = total ? total : steps;
    if (total < steps) {
        error_set(CAIRN_E_ARGUMENT, "pad_packed_sequence: to %lld steps, of %lld", (long long)total, (long long)steps);
        return NULL;
    }
    cairn_mark mark = cairn_scope_push();
    T *pad = cairn_full(CAIRN_SHAPE(1, width), padding, cairn_dtype_of(p->data));
    T *index = padding_index(sizes, order, steps, total, batch, rows, batch_first);
    T *y = cairn_index_select(cairn_cat(2, (T *[]){p->data, pad}, 0), 0, index);
    return cairn_scope_pop(mark, cairn_reshape(y, batch_first ? CAIRN_SHAPE(batch, total, width) : CAIRN_SHAPE(total, batch, width)));
}

static T *reordered(T *state, T *order) { return state ? cairn_index_select(state, 1, order) : NULL; }

cairn_status cairn_recur_packed(cairn_module *m, const cairn_packed *x, T *h0, T *c0, cairn_packed *y, cairn_rnn_result *out)
{
    *out = (cairn_rnn_result){0};
    const recurrent *r = layer_of("recur_packed", m, x);
    const int64_t *sizes = r ? cairn_data(x->batch_sizes) : NULL;
    if (!sizes || !x->data || !states_ok(r, h0, c0, cairn_numel(x->order)))
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "recur_packed: NULL");
    cairn_shape s = cairn_shape_of(x->data);
    if (s.rank != 2 || s.size[1] != r->in)
        return error_set(CAIRN_E_SHAPE, "recur_packed: takes rows of %lld, got %s", (long long)r->in, SHAPE(&s));
    rnn_outputs o = {0};
    cairn_mark mark = cairn_scope_push();
    rnn_form f = {.dropout = dropout_of(r, m), .batch_sizes = sizes, .steps = cairn_numel(x->batch_sizes)};
    bool whole = apply(r, f, x->data, reordered(h0, x->order), reordered(c0, x->order), &o);
    T *back = whole ? cairn_argsort(x->order, 0, false) : NULL;
    o.h = reordered(o.h, back);
    o.c = reordered(o.c, back);
    cairn_status status = hand_over(mark, whole && o.h, &o, out);
    if (y)
        *y = (cairn_packed){out->output, x->batch_sizes, x->order};
    return status;
}

/* ---- Construction */

static void release(cairn_module *self)
{
    mem_free(((recurrent *)self->state)->weights);
}

static void describe(const cairn_module *self, FILE *file)
{
    const recurrent *r = self->state;
    fprintf(file, "%lld, %lld", (long long)r->in, (long long)r->hidden);
    if (r->o.projection)
        fprintf(file, ", proj_size=%lld", (long long)r->o.projection);
    fprintf(file, ", num_layers=%d%s%s", r->o.layers, r->o.batch_first ? ", batch_first=True" : "",
            r->o.bidirectional ? ", bidirectional=True" : "");
}

static T *numbered(cairn_module *m, const char *name, int layer, bool backwards, cairn_shape shape, double bound)
{
    char text[64];
    snprintf(text, sizeof text, "%s_l%d%s", name, layer, backwards ? "_reverse" : "");
    return parameter_uniform(m, text, shape, bound);
}

static void add_weights(cairn_module *m, recurrent *r, int layer, bool backwards)
{
    T **w = &r->weights[RNN_WEIGHTS * (layer * directions(r) + backwards)];
    int64_t wide = gates(r->kind) * r->hidden, in = layer ? h_size(r) * directions(r) : r->in;
    double bound = default_bound(r->hidden);
    w[0] = numbered(m, "weight_ih", layer, backwards, CAIRN_SHAPE(wide, in), bound);
    w[1] = numbered(m, "weight_hh", layer, backwards, CAIRN_SHAPE(wide, h_size(r)), bound);
    if (!r->o.no_bias) {
        w[2] = numbered(m, "bias_ih", layer, backwards, CAIRN_SHAPE(wide), bound);
        w[3] = numbered(m, "bias_hh", layer, backwards, CAIRN_SHAPE(wide), bound);
    }
    if (r->o.projection)
        w[4] = numbered(m, "weight_hr", layer, backwards, CAIRN_SHAPE(r->o.projection, r->hidden), bound);
}

static bool options_ok(const char *kind, cairn_rnn_kind which, int64_t hidden, const cairn_rnn_options *o)
{
    if (!(o->dropout >= 0 && o->dropout <= 1))
        error_set(CAIRN_E_ARGUMENT, "%s: dropout is %g", kind, o->dropout);
    else if (o->projection && (which != CAIRN_RNN_LSTM || o->projection < 0 || o->projection >= hidden))
        error_set(CAIRN_E_ARGUMENT, "%s: a projection to %lld of %lld (an LSTM's, and to less)", kind, (long long)o->projection,
                  (long long)hidden);
    else
        return true;
    return false;
}

static cairn_module *recurrent_new(const char *name, cairn_rnn_kind kind, int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    cairn_rnn_options o = options ? *options : (cairn_rnn_options){0};
    o.layers = o.layers ? o.layers : 1;
    if (!sizes_positive(name, 3, (int64_t[]){in, hidden, o.layers}) || !options_ok(name, kind, hidden, &o))
        return NULL;
    cairn_module *m = cairn_module_new(name, recurrent_forward, sizeof(recurrent));
    if (!m)
        return NULL;
    recurrent *r = m->state;
    *r = (recurrent){.kind = kind, .o = o, .in = in, .hidden = hidden};
    m->release = release;
    m->describe = describe;
    r->weights = mem_array((size_t)(RNN_WEIGHTS * o.layers * directions(r)), sizeof *r->weights);
    m->failed = !r->weights;
    for (int layer = 0; layer < o.layers && !m->failed; layer++)
        for (int back = 0; back < directions(r); back++)
            add_weights(m, r, layer, back);
    return module_whole(m);
}

cairn_module *cairn_rnn(int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    return recurrent_new("RNN", options && options->relu ? CAIRN_RNN_RELU : CAIRN_RNN_TANH, in, hidden, options);
}
cairn_module *cairn_lstm(int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    return recurrent_new("LSTM", CAIRN_RNN_LSTM, in, hidden, options);
}
cairn_module *cairn_gru(int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    return recurrent_new("GRU", CAIRN_RNN_GRU, in, hidden, options);
}

/* ---- Cells: one layer, one step; parameters without "_l0" */

static T *cell_forward(cairn_module *self, T *x)
{
    T *h = NULL;
    return cairn_recur_cell(self, x, NULL, NULL, &h, NULL) ? NULL : h;
}

static T *as_step(T *x) { return x ? cairn_unsqueeze(x, 0) : NULL; }

cairn_status cairn_recur_cell(cairn_module *m, T *x, T *h0, T *c0, T **h, T **c)
{
    *h = NULL;
    if (c)
        *c = NULL;
    if (!m || !x || m->forward != cell_forward)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "recur_cell: %s", m && x ? "not a recurrent cell" : "NULL");
    const recurrent *r = m->state;
    cairn_shape s = cairn_shape_of(x);
    if (s.rank != 2 || s.size[1] != r->in)
        return error_set(CAIRN_E_SHAPE, "recur_cell: takes (batch, %lld), got %s", (long long)r->in, SHAPE(&s));
    rnn_outputs o = {0};
    cairn_mark mark = cairn_scope_push();
    T *h1 = as_step(h0), *c1 = as_step(c0);
    bool whole = states_ok(r, h1, c1, s.size[0]) && apply(r, (rnn_form){0}, as_step(x), h1, c1, &o);
    T *last[2] = {whole ? cairn_select(o.h, 0, 0) : NULL, whole && o.c ? cairn_select(o.c, 0, 0) : NULL};
    whole = last[0] && (last[1] || !o.c);
    cairn_scope_pop_list(mark, whole ? 2 : 0, last);
    if (!whole)
        return cairn_error() ? cairn_error() : CAIRN_E_MEMORY;
    *h = last[0];
    if (c)
        *c = last[1];
    return CAIRN_OK;
}

static void describe_cell(const cairn_module *self, FILE *file)
{
    const recurrent *r = self->state;
    fprintf(file, "%lld, %lld%s", (long long)r->in, (long long)r->hidden, r->o.no_bias ? ", bias=False" : "");
}

static cairn_module *cell_new(const char *name, cairn_rnn_kind kind, int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    static const cairn_rnn_options plain;
    const cairn_rnn_options *o = options ? options : &plain;
    if (!sizes_positive(name, 2, (int64_t[]){in, hidden}))
        return NULL;
    if (o->layers > 1 || o->bidirectional || o->batch_first || o->projection || o->dropout != 0) {
        error_set(CAIRN_E_ARGUMENT, "%s: a cell has no options but no_bias and relu", name);
        return NULL;
    }
    cairn_module *m = cairn_module_new(name, cell_forward, sizeof(recurrent));
    if (!m)
        return NULL;
    recurrent *r = m->state;
    *r = (recurrent){.kind = kind, .o = {.layers = 1, .no_bias = o->no_bias}, .in = in, .hidden = hidden};
    m->release = release;
    m->describe = describe_cell;
    r->weights = mem_array(RNN_WEIGHTS, sizeof *r->weights);
    m->failed = !r->weights;
    int64_t wide = gates(kind) * hidden;
    double bound = default_bound(hidden);
    const char *const names[4] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    const cairn_shape shapes[4] = {CAIRN_SHAPE(wide, in), CAIRN_SHAPE(wide, hidden), CAIRN_SHAPE(wide), CAIRN_SHAPE(wide)};
    for (int i = 0; i < (o->no_bias ? 2 : 4) && !m->failed; i++)
        r->weights[i] = parameter_uniform(m, names[i], shapes[i], bound);
    return module_whole(m);
}

cairn_module *cairn_rnn_cell(int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    return cell_new("RNNCell", options && options->relu ? CAIRN_RNN_RELU : CAIRN_RNN_TANH, in, hidden, options);
}
cairn_module *cairn_lstm_cell(int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    return cell_new("LSTMCell", CAIRN_RNN_LSTM, in, hidden, options);
}
cairn_module *cairn_gru_cell(int64_t in, int64_t hidden, const cairn_rnn_options *options)
{
    return cell_new("GRUCell", CAIRN_RNN_GRU, in, hidden, options);
}
