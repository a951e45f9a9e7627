/* Recurrences: the primitive as three operations.
 *
 *   rnn           (x, [h0], [c0], weights ...) -> one vector: y, hn, cn and, in training, the reserve
 *   rnn_results   (that vector, the same inputs) -> y, hn, cn: what has the gradient
 *   rnn_gradient  (dy dhn dcn, rnn's vector, the same inputs) -> one vector: the gradients of all inputs
 *
 * The gradient of the third is taken of the second derivative's composed form: each step in public operations. */
#include "framework/ops/recurrent.h"
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include "base/random.h"
#include <cairn/functional.h>
#include <string.h>

typedef cairn_tensor T;

typedef struct attr_rnn {
    int32_t kind, layers, bidirectional, bias, has_h0, has_c0, keep, packed;
    int64_t hidden, projection, steps;
    double dropout;
    int64_t batch_sizes[];                   /* `steps` of them, when packed */
} attr_rnn;

enum { MOST_STEPS = 8000 };                  /* of packed sequences: attributes have 16 bits of size */

static bool is_lstm(const attr_rnn *a) { return a->kind == CAIRN_RNN_LSTM; }
static int directions(const attr_rnn *a) { return a->bidirectional ? 2 : 1; }
static int64_t h_size(const attr_rnn *a) { return a->projection ? a->projection : a->hidden; }
static int states(const attr_rnn *a) { return a->has_h0 + a->has_c0; }

/* The primitive's descriptor for an x of this shape. */
static cairn_rnn_descriptor descriptor(const attr_rnn *a, cairn_dtype type, const shape *x)
{
    return (cairn_rnn_descriptor){.type = type, .kind = (cairn_rnn_kind)a->kind, .steps = a->packed ? a->steps : x->size[0],
                                  .batch = a->packed ? a->batch_sizes[0] : x->size[1], .in = x->size[x->rank - 1], .hidden = a->hidden,
                                  .projection = a->projection, .layers = a->layers, .bidirectional = a->bidirectional,
                                  .batch_sizes = a->packed ? a->batch_sizes : NULL, .dropout = a->dropout};
}

/* Where y, hn, cn and the reserve lie in the vector, in elements. */
typedef struct layout {
    int64_t rows, y, h, c;                   /* numbers of elements */
    int64_t results, all;
} layout;

static layout layout_of(const attr_rnn *a, const cairn_rnn_descriptor *d)
{
    layout l = {.rows = cairn_rnn_rows(d)};
    const int64_t which = a->layers * directions(a);
    l.y = l.rows * directions(a) * h_size(a);
    l.h = which * d->batch * h_size(a);
    l.c = is_lstm(a) ? which * d->batch * a->hidden : 0;
    l.results = l.all = l.y + l.h + l.c;
    if (a->keep)
        l.all = (l.results + 15) / 16 * 16 + cairn_rnn_reserve_bytes(d) / cairn_dtype_bytes(d->type) + 1;
    return l;
}

/* x: the input that has that place among `in`. */
static cairn_status infer_vector(const value *v, int x, bool all, spec *out)
{
    const attr_rnn *a = v->attr;
    cairn_rnn_descriptor d = descriptor(a, (cairn_dtype)v->in[x]->type, &v->in[x]->shape);
    if (cairn_rnn_rows(&d) < 0)
        return cairn_error();
    const layout l = layout_of(a, &d);
    *out = (spec){.shape = {1, {all ? l.all : l.results}}, .type = d.type};
    return shape_check("rnn", &out->shape, out->type) ? CAIRN_OK : cairn_error();
}
cairn_status infer_rnn(const value *v, spec *out) { return infer_vector(v, 0, true, out); }
cairn_status infer_rnn_results(const value *v, spec *out) { return infer_vector(v, 1, false, out); }

/* How many of `count` inputs have a gradient: all but the seed and the stream of dropout. */
static int differentiable(const attr_rnn *a, int count) { return a->dropout > 0 ? count - 2 : count; }

cairn_status infer_rnn_gradient(const value *v, spec *out)
{
    *out = (spec){.shape = {1, {0}}, .type = (cairn_dtype)v->in[0]->type};
    for (int i = 2; i < differentiable(v->attr, v->n_in); i++)
        out->shape.size[0] += shape_numel(&v->in[i]->shape);
    return shape_check("rnn_gradient", &out->shape, out->type) ? CAIRN_OK : cairn_error();
}

/* ---- Running */

/* The inputs from x on, by what they are. */
typedef struct inputs {
    cairn_rnn_descriptor d;
    const void *x, *h0, *c0;
    cairn_rnn_weights *w;                    /* allocated */
} inputs;

static cairn_status read_inputs(const attr_rnn *a, const view *in, int count, inputs *k)
{
    *k = (inputs){.d = descriptor(a, in[0].type, &in[0].shape), .x = in[0].data};
    k->w = mem_array((size_t)(a->layers * directions(a)), sizeof *k->w);
    if (!k->w)
        return CAIRN_E_MEMORY;
    int i = 1;
    k->h0 = a->has_h0 ? in[i++].data : NULL;
    k->c0 = a->has_c0 ? in[i++].data : NULL;
    for (int j = 0; j < a->layers * directions(a); j++) {
        k->w[j].ih = in[i++].data;
        k->w[j].hh = in[i++].data;
        k->w[j].bias_ih = a->bias ? in[i++].data : NULL;
        k->w[j].bias_hh = a->bias ? in[i++].data : NULL;
        k->w[j].hr = a->projection ? in[i++].data : NULL;
    }
    if (a->dropout > 0) {
        k->d.seed = *(const uint64_t *)in[count - 2].data;
        k->d.stream = *(const uint64_t *)in[count - 1].data;
    }
    return CAIRN_OK;
}

static void *element(const void *base, int64_t i, cairn_dtype type) { return (char *)base + i * cairn_dtype_bytes(type); }

int64_t workspace_rnn(const op_run *r)
{
    const attr_rnn *a = r->v->attr;
    const bool backward = r->v->op == OP_rnn_gradient;
    cairn_rnn_descriptor d = descriptor(a, (cairn_dtype)r->v->type, &r->v->in[backward ? 2 : 0]->shape);
    return cairn_rnn_workspace_bytes(&d, backward ? CAIRN_RNN_BACKWARD : a->keep ? CAIRN_RNN_TRAINING : CAIRN_RNN_INFERENCE);
}

cairn_status run_rnn(const op_run *r)
{
    const attr_rnn *a = r->v->attr;
    inputs k;
    if (read_inputs(a, r->in, r->v->n_in, &k))
        return CAIRN_E_MEMORY;
    const layout l = layout_of(a, &k.d);
    void *h = element(r->out.data, l.y, k.d.type), *c = element(h, l.h, k.d.type);
    void *reserve = a->keep ? element(r->out.data, (l.results + 15) / 16 * 16, k.d.type) : NULL;
    cairn_status s = cairn_rnn_forward(&k.d, k.x, k.h0, k.c0, k.w, r->out.data, h, l.c ? c : NULL, reserve, r->workspace, r->workspace_bytes);
    mem_free(k.w);
    return s;
}

cairn_status run_rnn_results(const op_run *r)
{
    view from = r->in[0];
    from.shape = r->out.shape;
    return copy_view(&from, &r->out);
}

/* The gradients lie in the order of the inputs. */
static void place_gradients(const op_run *r, const attr_rnn *a, cairn_rnn_gradients *g, cairn_rnn_weight_gradients *dw)
{
    char *to = r->out.data;
    int i = 2;
#define PLACE(p, wanted) \
    ((wanted) ? (void)(p = to, to += shape_numel(&r->in[i].shape) * cairn_dtype_bytes(r->out.type), i++) : (void)0)
    PLACE(g->dx, true);
    PLACE(g->dh0, a->has_h0);
    PLACE(g->dc0, a->has_c0);
    for (int j = 0; j < a->layers * directions(a); j++) {
        PLACE(dw[j].ih, true);
        PLACE(dw[j].hh, true);
        PLACE(dw[j].bias_ih, a->bias);
        PLACE(dw[j].bias_hh, a->bias);
        PLACE(dw[j].hr, a->projection);
    }
#undef PLACE
}

cairn_status run_rnn_gradient(const op_run *r)
{
    const attr_rnn *a = r->v->attr;
    inputs k;
    if (read_inputs(a, r->in + 2, r->v->n_in - 2, &k))
        return CAIRN_E_MEMORY;
    cairn_rnn_weight_gradients *dw = mem_array((size_t)(a->layers * directions(a)), sizeof *dw);
    cairn_status s = dw ? CAIRN_OK : CAIRN_E_MEMORY;
    if (!s) {
        const layout l = layout_of(a, &k.d);
        const void *dy = r->in[0].data, *dh = element(dy, l.y, k.d.type);
        cairn_rnn_gradients g = {.dy = dy, .dhn = dh, .dcn = l.c ? element(dh, l.h, k.d.type) : NULL, .weights = dw};
        place_gradients(r, a, &g, dw);
        const void *reserve = element(r->in[1].data, (l.results + 15) / 16 * 16, k.d.type);
        s = cairn_rnn_backward(&k.d, k.x, k.h0, k.c0, k.w, reserve, &g, r->workspace, r->workspace_bytes);
    }
    mem_free(dw);
    mem_free(k.w);
    return s;
}

/* ---- Composed, step by step: what second derivatives are taken of */

typedef struct weights { T *ih, *hh, *bias_ih, *bias_hh, *hr; } weights;

static T *gate(T *all, int64_t hidden, int i) { return cairn_narrow(all, -1, i * hidden, hidden); }

static void advance_lstm(const attr_rnn *a, const weights *w, T *all, T **h, T **c)
{
    T *i = cairn_sigmoid(gate(all, a->hidden, 0)), *f = cairn_sigmoid(gate(all, a->hidden, 1));
    T *g = cairn_tanh(gate(all, a->hidden, 2)), *o = cairn_sigmoid(gate(all, a->hidden, 3));
    *c = cairn_add(cairn_mul(f, *c), cairn_mul(i, g));
    *h = cairn_mul(o, cairn_tanh(*c));
    if (a->projection)
        *h = cairn_f_linear(*h, w->hr, NULL);
}

static T *advance_gru(const attr_rnn *a, T *x, T *projected, T *h)
{
    T *r = cairn_sigmoid(cairn_add(gate(x, a->hidden, 0), gate(projected, a->hidden, 0)));
    T *z = cairn_sigmoid(cairn_add(gate(x, a->hidden, 1), gate(projected, a->hidden, 1)));
    T *n = cairn_tanh(cairn_add(gate(x, a->hidden, 2), cairn_mul(r, gate(projected, a->hidden, 2))));
    return cairn_add(n, cairn_mul(z, cairn_sub(h, n)));
}

static void advance(const attr_rnn *a, const weights *w, T *x, T **h, T **c)
{
    T *from_x = cairn_f_linear(x, w->ih, w->bias_ih), *from_h = cairn_f_linear(*h, w->hh, w->bias_hh);
    switch ((cairn_rnn_kind)a->kind) {
    case CAIRN_RNN_TANH: *h = cairn_tanh(cairn_add(from_x, from_h)); break;
    case CAIRN_RNN_RELU: *h = cairn_relu(cairn_add(from_x, from_h)); break;
    case CAIRN_RNN_LSTM: advance_lstm(a, w, cairn_add(from_x, from_h), h, c); break;
    case CAIRN_RNN_GRU: *h = advance_gru(a, from_x, from_h, *h); break;
    }
}

/* The first rows become `now`. */
static T *with_first(T *all, T *now, int64_t rows)
{
    const int64_t batch = cairn_size(all, 0);
    return rows == batch ? now : cairn_cat(2, (T *[]){now, cairn_narrow(all, 0, rows, batch - rows)}, 0);
}

/* One direction: x (rows, in) -> (rows, P); h and c become those after the last step. */
static T *run_direction(const attr_rnn *a, const cairn_rnn_descriptor *d, const weights *w, T *x, T **h, T **c, bool from_end)
{
    T **y = mem_array((size_t)d->steps + 1, sizeof *y), *all = NULL;
    int64_t row0 = from_end ? cairn_rnn_rows(d) : 0;
    for (int64_t i = 0; y && i < d->steps; i++) {
        const int64_t t = from_end ? d->steps - 1 - i : i, rows = d->batch_sizes ? d->batch_sizes[t] : d->batch;
        row0 -= from_end ? rows : 0;
        T *now_h = cairn_narrow(*h, 0, 0, rows), *now_c = *c ? cairn_narrow(*c, 0, 0, rows) : NULL;
        advance(a, w, cairn_narrow(x, 0, row0, rows), &now_h, &now_c);
        y[t] = now_h;
        *h = with_first(*h, now_h, rows);
        *c = *c ? with_first(*c, now_c, rows) : NULL;
        row0 += from_end ? 0 : rows;
    }
    if (y)
        all = d->steps ? cairn_cat((int)d->steps, y, 0) : cairn_zeros(CAIRN_SHAPE(0, h_size(a)), d->type);
    mem_free(y);
    return all;
}

static T *dropped(T *x, int layer, double p, T *seed, T *stream)
{
    const int64_t count = cairn_numel(x);
    T *uniform = op_build(OP_random_uniform, 3, (T *[]){cairn_add(iota(count, 0, 1), cairn_integer(layer * count)), seed, stream}, NULL, 0);
    T *keep = cairn_reshape(cairn_ge(uniform, cairn_number(p)), cairn_shape_of(x));
    return cairn_where(keep, cairn_mul(x, cairn_number(p < 1 ? 1 / (1 - p) : 0)), cairn_zeros_like(x));
}

static T *state_of(T *all, int which, const cairn_rnn_descriptor *d, int64_t width)
{
    return all ? cairn_select(all, 0, which) : cairn_zeros(CAIRN_SHAPE(d->batch, width), d->type);
}

static T *flat(T *x) { return cairn_reshape(x, CAIRN_SHAPE(-1)); }

static const weights *read_weights(const attr_rnn *a, T *const *in, weights *w)
{
    for (int j = 0; w && j < a->layers * directions(a); j++) {
        w[j].ih = *in++;
        w[j].hh = *in++;
        w[j].bias_ih = a->bias ? *in++ : NULL;
        w[j].bias_hh = a->bias ? *in++ : NULL;
        w[j].hr = a->projection ? *in++ : NULL;
    }
    return w;
}

/* in: x, [h0], [c0], weights ..., [seed, stream] -> what rnn_results gives. `room`: 3 for each layer and direction. */
static T *composed_in(const attr_rnn *a, T *const *in, int count, const weights *w, T **room)
{
    const shape given = cairn_shape_of(in[0]);
    const cairn_rnn_descriptor d = descriptor(a, cairn_dtype_of(in[0]), &given);
    T *h0 = a->has_h0 ? in[1] : NULL, *c0 = a->has_c0 ? in[1 + a->has_h0] : NULL;
    T *x = cairn_reshape(in[0], CAIRN_SHAPE(-1, d.in));
    const int n = directions(a);
    for (int layer = 0; layer < a->layers; layer++) {
        T *y[2];
        for (int i = 0; i < n; i++) {
            const int which = layer * n + i;
            T *h = state_of(h0, which, &d, h_size(a)), *c = is_lstm(a) ? state_of(c0, which, &d, a->hidden) : NULL;
            y[i] = run_direction(a, &d, &w[which], x, &h, &c, i == 1);
            room[1 + which] = flat(h);
            if (c)
                room[1 + a->layers * n + which] = flat(c);
        }
        x = n == 2 ? cairn_cat(2, y, -1) : y[0];
        if (a->dropout > 0 && layer + 1 < a->layers)
            x = dropped(x, layer, a->dropout, in[count - 2], in[count - 1]);
    }
    room[0] = flat(x);
    return cairn_cat(1 + (is_lstm(a) ? 2 : 1) * a->layers * n, room, 0);
}

static T *composed(const attr_rnn *a, T *const *in, int count)
{
    const size_t which = (size_t)(a->layers * directions(a));
    weights *w = mem_array(which, sizeof *w);
    T **room = mem_array(2 * which + 1, sizeof *room);
    T *y = w && room ? composed_in(a, in, count, read_weights(a, in + 1 + states(a), w), room) : NULL;
    mem_free(w);
    mem_free(room);
    return y;
}

/* ---- Gradients */

void gradient_rnn_results(const value *v, T *dy, T **dx)
{
    const int count = v->n_in + 1;
    T **in = mem_array((size_t)count, sizeof *in);
    if (!in)
        return;
    in[0] = dy;
    for (int i = 0; i < v->n_in; i++)
        in[i + 1] = input(v, i);
    T *all = op_build(OP_rnn_gradient, count, in, v->attr, v->attr_bytes);
    mem_free(in);
    int64_t at = 0;
    for (int i = 1; i < differentiable(v->attr, v->n_in); i++) {
        const int64_t n = shape_numel(&v->in[i]->shape);
        if (wants_gradient(v, i))
            dx[i] = cairn_reshape(cairn_narrow(all, 0, at, n), v->in[i]->shape);
        at += n;
    }
}

/* A leaf of its own with x's value: walks for gradients end there (see checkpoint.c). */
static T *own_leaf(T *x) { return cairn_requires_grad_(cairn_detach(cairn_detach(x)), true); }

/* in: dy, then leaves of their own. The gradients of `in` along dy, then those of that along `weight`. */
static bool second_derivative(const attr_rnn *a, T **in, int count, T *weight, T **first, T **second)
{
    const int wanted = differentiable(a, count);
    T *y = composed(a, in + 1, count - 1);
    if (!y || cairn_grad(y, in[0], wanted - 1, in + 1, first))
        return false;
    for (int i = 0; i < wanted - 1; i++)
        first[i] = flat(first[i]);
    T *all = cairn_cat(wanted - 1, first, 0);
    return all && cairn_grad(all, weight, wanted, in, second) == CAIRN_OK;
}

void gradient_rnn_gradient(const value *v, T *dy, T **dx)
{
    const int count = v->n_in - 1, wanted = differentiable(v->attr, count);
    T **room = mem_array((size_t)(3 * count), sizeof *room), **second = room + 2 * count;
    if (!room)
        return;
    for (int i = 0; i < count; i++) {                        /* dy, x ...: without rnn's vector */
        T *x = input(v, i ? i + 1 : 0);
        room[i] = i < wanted ? own_leaf(x) : x;
    }
    thread_state *t = thread();
    const int outer = t->no_grad;
    t->no_grad = 0;
    const bool done = second_derivative(v->attr, room, count, cairn_detach(dy), room + count, second);
    t->no_grad = outer;
    for (int i = 0; i < wanted && done; i++) {               /* a third derivative is an error, not wrong */
        const int to = i ? i + 1 : 0;
        dx[to] = outer ? cairn_detach(second[i]) : op_build2(OP_wait, second[i], input(v, to), NULL, 0);
    }
    mem_free(room);
}

/* ---- Front */

static attr_rnn *attributes(const rnn_form *f, const cairn_tensor *h0, const cairn_tensor *c0, size_t *bytes)
{
    const bool packed = f->batch_sizes != NULL;
    if (packed && f->steps > MOST_STEPS) {
        error_set(CAIRN_E_UNSUPPORTED, "rnn: packed sequences of %lld steps; at most %d", (long long)f->steps, MOST_STEPS);
        return NULL;
    }
    *bytes = sizeof(attr_rnn) + (packed ? sizeof(int64_t) * (size_t)f->steps : 0);
    attr_rnn *a = mem_new(*bytes);
    if (!a)
        return NULL;
    *a = (attr_rnn){.kind = f->kind, .layers = f->layers, .bidirectional = f->bidirectional, .bias = f->bias, .has_h0 = h0 != NULL,
                    .has_c0 = c0 != NULL, .packed = packed, .hidden = f->hidden, .projection = f->projection,
                    .steps = packed ? f->steps : 0, .dropout = f->layers > 1 ? f->dropout : 0};
    if (packed)
        memcpy(a->batch_sizes, f->batch_sizes, sizeof(int64_t) * (size_t)f->steps);
    return a;
}

/* in[0] stays free for rnn's vector. The number of inputs. */
static int list_inputs(const attr_rnn *a, T *x, T *h0, T *c0, T *const *weights, T **in)
{
    int count = 1;
    in[count++] = x;
    if (h0)
        in[count++] = h0;
    if (c0)
        in[count++] = c0;
    for (int i = 0; i < RNN_WEIGHTS * a->layers * directions(a); i++)
        if (weights[i])
            in[count++] = weights[i];
    if (a->dropout > 0) {
        const random_state r = random_next();
        in[count++] = cairn_integer((int64_t)r.seed);
        in[count++] = cairn_integer((int64_t)r.stream);
    }
    return count;
}

/* y, hn and cn out of the vector. */
static void take_apart(const attr_rnn *a, T *vector, T *x, rnn_outputs *out)
{
    const shape given = cairn_shape_of(x);
    const cairn_rnn_descriptor d = descriptor(a, cairn_dtype_of(x), &given);
    const layout l = layout_of(a, &d);
    const int64_t width = directions(a) * h_size(a), which = a->layers * directions(a);
    T *y = cairn_narrow(vector, 0, 0, l.y);
    out->y = cairn_reshape(y, a->packed ? CAIRN_SHAPE(l.rows, width) : CAIRN_SHAPE(d.steps, d.batch, width));
    out->h = cairn_reshape(cairn_narrow(vector, 0, l.y, l.h), CAIRN_SHAPE(which, d.batch, h_size(a)));
    out->c = is_lstm(a) ? cairn_reshape(cairn_narrow(vector, 0, l.y + l.h, l.c), CAIRN_SHAPE(which, d.batch, a->hidden)) : NULL;
}

bool rnn_apply(const rnn_form *f, T *x, T *h0, T *c0, T *const *weights, rnn_outputs *out)
{
    size_t bytes;
    attr_rnn *a = attributes(f, h0, c0, &bytes);
    T **in = mem_array((size_t)(6 + RNN_WEIGHTS * f->layers * 2), sizeof *in);
    bool whole = false;
    if (a && in) {
        const int count = list_inputs(a, x, h0, c0, weights, in);
        bool wanted = false;
        for (int i = 1; i < count && cairn_grad_enabled(); i++)
            wanted |= cairn_requires_grad(in[i]);
        a->keep = wanted || a->dropout > 0;
        T *vector = in[0] = op_build(OP_rnn, count - 1, in + 1, a, bytes);
        if (wanted)
            vector = op_build(OP_rnn_results, count, in, a, bytes);
        take_apart(a, vector, x, out);
        whole = out->y && out->h && (out->c || f->kind != CAIRN_RNN_LSTM);
    }
    mem_free(in);
    mem_free(a);
    return whole;
}
