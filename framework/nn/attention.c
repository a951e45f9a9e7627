/* Multi-head attention and the Transformer's encoder, on (N, L, E). */
#include "framework/nn/module.h"
#include "framework/ops/attention.h"
#include "framework/ops/quantized.h"
#include <math.h>

typedef cairn_tensor T;

typedef struct multihead {
    int64_t width, heads;
    cairn_multihead_options o;
    T *weight, *bias;                    /* (3 E, E), (3 E): of q, k, v one below the other */
    cairn_quantized_weight packed;       /* what weight is, unless n is 0 */
    cairn_module *out;
} multihead;

/* (N, L, E) -> (N, heads, L, E / heads) */
static T *split_heads(const multihead *a, T *x)
{
    return cairn_transpose(cairn_unflatten(x, -1, CAIRN_SHAPE(a->heads, a->width / a->heads)), 1, 2);
}

/* x by `count` of the three parts of the weight, from part `first` on. A part of a packed weight is a third of its bytes. */
static T *project(const multihead *a, T *x, int first, int count)
{
    const int64_t rows = count * a->width, third = cairn_numel(a->weight) / 3;
    T *bias = count == 3 || !a->bias ? a->bias : cairn_narrow(a->bias, 0, first * a->width, rows);
    if (!a->packed.n)
        return cairn_f_linear(x, count == 3 ? a->weight : cairn_narrow(a->weight, 0, first * a->width, rows), bias);
    cairn_quantized_weight d = a->packed;
    d.n = rows;
    return quantized_linear(x, &d, count == 3 ? a->weight : cairn_narrow(a->weight, 0, first * third, count * third), bias);
}

/* Each projected by its part of the weight; the heads' results side by side again, (N, L, E). */
static T *attend_apart(const multihead *a, T *const qkv[3], const cairn_attention_options *o)
{
    T *heads[3];
    for (int i = 0; i < 3; i++)
        heads[i] = split_heads(a, project(a, qkv[i], i, 1));
    return cairn_flatten(cairn_transpose(cairn_scaled_dot_product_attention(heads[0], heads[1], heads[2], o), 1, 2), 2, 3);
}

static bool sequences_ok(const multihead *a, T *q, T *k, T *v)
{
    cairn_shape sq = cairn_shape_of(q), sk = cairn_shape_of(k), sv = cairn_shape_of(v);
    if (sq.rank == 3 && sk.rank == 3 && shape_equal(&sk, &sv) && sq.size[0] == sk.size[0] && sq.size[2] == a->width && sk.size[2] == a->width)
        return true;
    error_set(CAIRN_E_SHAPE, "multihead_attention: takes (N, L, %lld), got %s, %s, %s", (long long)a->width, SHAPE(&sq), SHAPE(&sk), SHAPE(&sv));
    return false;
}

static cairn_tensor *multihead_forward(cairn_module *self, cairn_tensor *x)
{
    return cairn_attend(self, x, x, x, NULL);
}

T *cairn_attend(cairn_module *m, T *q, T *k, T *v, const cairn_attention_options *options)
{
    if (!m || !q || !k || !v)
        return NULL;
    if (m->forward != multihead_forward) {
        error_set(CAIRN_E_ARGUMENT, "attend: %s is no attention", m->kind);
        return NULL;
    }
    const multihead *a = m->state;
    if (!sequences_ok(a, q, k, v))
        return NULL;
    cairn_attention_options o = options ? *options : (cairn_attention_options){0};
    o.causal |= a->o.causal;
    o.dropout = cairn_is_training(m) ? (o.dropout > 0 ? o.dropout : a->o.dropout) : 0;
    cairn_mark mark = cairn_scope_push();
    T *y;
    if (q == k && k == v)
        y = attention_of_packed(project(a, q, 0, 3), a->heads, &o);
    else
        y = attend_apart(a, (T *[]){q, k, v}, &o);
    return cairn_scope_pop(mark, cairn_call(a->out, y));
}

bool module_is_attention(const cairn_module *m) { return m->forward == multihead_forward; }

void attention_take_packed(cairn_module *m, const cairn_quantized_weight *d, T *packed)
{
    multihead *a = m->state;
    a->packed = *d;
    a->weight = packed;
}

cairn_module *cairn_multihead_attention(int64_t width, int64_t heads, const cairn_multihead_options *options)
{
    if (!sizes_positive("multihead_attention", 2, (int64_t[]){width, heads}))
        return NULL;
    multihead a = {.width = width, .heads = heads, .o = options ? *options : (cairn_multihead_options){0}};
    if (width % heads || !(a.o.dropout >= 0 && a.o.dropout <= 1)) {
        error_set(CAIRN_E_ARGUMENT, "multihead_attention: width %lld, %lld heads, dropout %g", (long long)width, (long long)heads, a.o.dropout);
        return NULL;
    }
    cairn_module *m = cairn_module_new("MultiheadAttention", multihead_forward, sizeof a);
    if (!m)
        return NULL;
    a.weight = parameter_uniform(m, "in_proj_weight", CAIRN_SHAPE(3 * width, width), sqrt(6.0 / (double)(4 * width)));
    if (!a.o.no_bias)
        a.bias = parameter_full(m, "in_proj_bias", CAIRN_SHAPE(3 * width), 0);
    a.out = cairn_module_add(m, "out_proj", cairn_linear(width, width, &(cairn_linear_options){.no_bias = a.o.no_bias}));
    if (a.out && !a.o.no_bias)
        m->failed |= !cairn_init_constant(cairn_parameter(a.out, "bias"), 0);
    *(multihead *)m->state = a;
    return module_whole(m);
}

/* ---- The encoder's layer: x + attention(x), x + feed-forward(x), each with its norm before or after */

typedef struct encoder {
    bool norm_first;
    cairn_module *attention, *linear1, *activation, *linear2, *norm1, *norm2, *dropout, *dropout1, *dropout2;
} encoder;

static T *attention_part(const encoder *e, T *x) { return cairn_call(e->dropout1, cairn_call(e->attention, x)); }

static T *feed_forward_part(const encoder *e, T *x)
{
    T *wide = cairn_call(e->dropout, cairn_call(e->activation, cairn_call(e->linear1, x)));
    return cairn_call(e->dropout2, cairn_call(e->linear2, wide));
}

static cairn_tensor *encoder_forward(cairn_module *self, cairn_tensor *x)
{
    const encoder *e = self->state;
    if (e->norm_first) {
        x = cairn_add(x, attention_part(e, cairn_call(e->norm1, x)));
        return cairn_add(x, feed_forward_part(e, cairn_call(e->norm2, x)));
    }
    x = cairn_call(e->norm1, cairn_add(x, attention_part(e, x)));
    return cairn_call(e->norm2, cairn_add(x, feed_forward_part(e, x)));
}

cairn_module *cairn_transformer_encoder_layer(int64_t width, int64_t heads, const cairn_transformer_options *options)
{
    cairn_transformer_options o = options ? *options : (cairn_transformer_options){0};
    int64_t wide = o.feed_forward ? o.feed_forward : 2048;
    double p = o.dropout == 0 ? 0.1 : o.dropout < 0 ? 0 : o.dropout;
    cairn_norm_options norm = {.eps = o.eps};
    cairn_module *m = cairn_module_new("TransformerEncoderLayer", encoder_forward, sizeof(encoder));
    if (!m)
        return NULL;
    encoder *e = m->state;
    e->norm_first = o.norm_first;
    e->attention = cairn_module_add(m, "self_attn", cairn_multihead_attention(width, heads, &(cairn_multihead_options){.dropout = p, .causal = o.causal}));
    e->linear1 = m->failed ? NULL : cairn_module_add(m, "linear1", cairn_linear(width, wide, NULL));
    e->dropout = m->failed ? NULL : cairn_module_add(m, "dropout", cairn_dropout(p));
    e->linear2 = m->failed ? NULL : cairn_module_add(m, "linear2", cairn_linear(wide, width, NULL));
    e->norm1 = m->failed ? NULL : cairn_module_add(m, "norm1", cairn_layer_norm(CAIRN_SHAPE(width), &norm));
    e->norm2 = m->failed ? NULL : cairn_module_add(m, "norm2", cairn_layer_norm(CAIRN_SHAPE(width), &norm));
    e->dropout1 = m->failed ? NULL : cairn_module_add(m, "dropout1", cairn_dropout(p));
    e->dropout2 = m->failed ? NULL : cairn_module_add(m, "dropout2", cairn_dropout(p));
    e->activation = m->failed ? NULL : cairn_module_add(m, "activation", cairn_activation(o.activation));
    return module_whole(m);
}

static cairn_tensor *stack_forward(cairn_module *self, cairn_tensor *x)
{
    cairn_module *layers = self->entries[0].child;
    for (int i = 0; i < layers->count; i++)
        x = cairn_call(layers->entries[i].child, x);
    return x;
}

cairn_module *cairn_transformer_encoder(int64_t width, int64_t heads, int layers, const cairn_transformer_options *options)
{
    if (!sizes_positive("transformer_encoder", 1, (int64_t[]){layers}))
        return NULL;
    cairn_module *m = cairn_module_new("TransformerEncoder", stack_forward, 0);
    cairn_module *list = cairn_module_list(0, NULL);
    for (int i = 0; i < layers && list && !list->failed; i++)
        cairn_module_append(list, cairn_transformer_encoder_layer(width, heads, options));
    cairn_module_add(m, "layers", list);
    return module_whole(m);
}
