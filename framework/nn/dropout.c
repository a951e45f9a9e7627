/* Dropout and embedding. */
#include "framework/nn/module.h"

static cairn_tensor *dropout_forward(cairn_module *self, cairn_tensor *x)
{
    return cairn_f_dropout(x, *(double *)self->state, cairn_is_training(self));
}

/* Whole channels: the mask is drawn for (N, C, 1, ...). */
static cairn_tensor *dropout2d_forward(cairn_module *self, cairn_tensor *x)
{
    cairn_shape s = cairn_shape_of(x);
    if (!cairn_is_training(self))
        return x;
    for (int i = 2; i < s.rank; i++)
        s.size[i] = 1;
    return cairn_mul(x, cairn_f_dropout(cairn_ones(s, cairn_dtype_of(x)), *(double *)self->state, true));
}

static cairn_module *dropout_new(const char *kind, cairn_forward forward, double p)
{
    if (!(p >= 0 && p <= 1)) {
        error_set(CAIRN_E_ARGUMENT, "%s: the probability is %g", kind, p);
        return NULL;
    }
    cairn_module *m = cairn_module_new(kind, forward, sizeof p);
    if (m)
        *(double *)m->state = p;
    return m;
}
cairn_module *cairn_dropout(double p) { return dropout_new("Dropout", dropout_forward, p); }
cairn_module *cairn_dropout2d(double p) { return dropout_new("Dropout2d", dropout2d_forward, p); }

/* ---- Embedding */

typedef struct embedding {
    cairn_tensor *weight;
    cairn_embedding_options o;
} embedding;

/* Where the index is the padding, no gradient goes to the row. */
static cairn_tensor *embedding_forward(cairn_module *self, cairn_tensor *x)
{
    const embedding *e = self->state;
    cairn_tensor *y = cairn_f_embedding(e->weight, x);
    if (!e->o.has_padding || !y)
        return y;
    cairn_tensor *pad = cairn_unsqueeze(cairn_eq(x, cairn_integer(e->o.padding)), -1);
    return cairn_where(pad, cairn_detach(y), y);
}

static bool zero_row(cairn_tensor *weight, int64_t row)
{
    cairn_mark mark = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_tensor *zeroed = cairn_select_scatter(weight, cairn_zeros(CAIRN_SHAPE(cairn_size(weight, 1)), cairn_dtype_of(weight)), 0, row);
    bool done = zeroed && tensor_assign(weight, zeroed) == CAIRN_OK;
    cairn_no_grad_end();
    cairn_scope_pop(mark, NULL);
    return done;
}

cairn_module *cairn_embedding(int64_t count, int64_t width, const cairn_embedding_options *options)
{
    if (!sizes_positive("embedding", 2, (int64_t[]){count, width}))
        return NULL;
    embedding e = {.o = options ? *options : (cairn_embedding_options){0}};
    if (e.o.has_padding && (e.o.padding < 0 || e.o.padding >= count)) {
        error_set(CAIRN_E_RANGE, "embedding: the padding %lld is not one of %lld rows", (long long)e.o.padding, (long long)count);
        return NULL;
    }
    cairn_module *m = cairn_module_new("Embedding", embedding_forward, sizeof e);
    if (!m)
        return NULL;
    e.weight = parameter_full(m, "weight", CAIRN_SHAPE(count, width), 0);
    if (!m->failed)
        m->failed = !cairn_init_normal(e.weight, 0, 1) || (e.o.has_padding && !zero_row(e.weight, e.o.padding));
    *(embedding *)m->state = e;
    return module_whole(m);
}
