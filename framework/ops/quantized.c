/* A product with a weight of 8 or 4 bits, for inference. */
#include "framework/ops/quantized.h"
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/ops.h>
#include <string.h>

typedef struct attr_quantized { int64_t type, n, k, block; } attr_quantized;

static cairn_quantized_weight weight_of(const value *v)
{
    const attr_quantized *a = v->attr;
    return (cairn_quantized_weight){(cairn_block_type)a->type, a->n, a->k, a->block};
}

/* (x (..., k) f32, packed bytes, [bias (n)]) -> (..., n) */
cairn_status infer_quantized_linear(const value *v, spec *out)
{
    const cairn_quantized_weight d = weight_of(v);
    const int64_t bytes = cairn_quantized_weight_bytes(&d);
    const shape *x = &v->in[0]->shape;
    if (x->rank < 1 || x->size[x->rank - 1] != d.k || v->in[0]->type != CAIRN_F32)
        return error_set(CAIRN_E_SHAPE, "quantized_linear: takes (..., %lld) in f32, got %s in %s", (long long)d.k, SHAPE(x),
                         cairn_dtype_name((cairn_dtype)v->in[0]->type));
    if (v->in[1]->type != CAIRN_U8 || shape_numel(&v->in[1]->shape) != bytes)
        return error_set(CAIRN_E_SHAPE, "quantized_linear: a weight of %s in %s, not of %lld bytes", SHAPE(&v->in[1]->shape),
                         cairn_dtype_name((cairn_dtype)v->in[1]->type), (long long)bytes);
    *out = (spec){.shape = *x, .type = CAIRN_F32};
    out->shape.size[x->rank - 1] = d.n;
    return shape_check("quantized_linear", &out->shape, out->type) ? CAIRN_OK : cairn_error();
}

static int64_t rows_of(const value *v) { return shape_numel(&v->shape) / ((const attr_quantized *)v->attr)->n; }

int64_t workspace_quantized_linear(const op_run *r)
{
    const cairn_quantized_weight d = weight_of(r->v);
    return cairn_quantized_matmul_workspace_bytes(&d, rows_of(r->v));
}

cairn_status run_quantized_linear(const op_run *r)
{
    const cairn_quantized_weight d = weight_of(r->v);
    return cairn_quantized_matmul(&d, rows_of(r->v), r->in[0].data, d.k, r->in[1].data, r->v->n_in > 2 ? r->in[2].data : NULL, r->out.data, d.n,
                                  r->workspace, r->workspace_bytes);
}

cairn_tensor *quantized_linear(cairn_tensor *x, const cairn_quantized_weight *d, cairn_tensor *packed, cairn_tensor *bias)
{
    attr_quantized a;
    memset(&a, 0, sizeof a);
    a = (attr_quantized){d->type, d->n, d->k, d->block};
    const cairn_dtype type = cairn_dtype_of(x);
    cairn_mark m = cairn_scope_push();
    cairn_tensor *in[] = {cairn_to(x, CAIRN_F32), packed, bias ? cairn_to(bias, CAIRN_F32) : NULL};
    cairn_tensor *y = op_build(OP_quantized_linear, bias ? 3 : 2, in, &a, sizeof a);
    return cairn_scope_pop(m, type_is_float(type) ? cairn_to(y, type) : y);
}
