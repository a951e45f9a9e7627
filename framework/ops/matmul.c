/* matmul and its family: one primitive on (..., M, K) @ (..., K, N); the rest is shapes. */
#include "framework/ops/autocast.h"
#include "framework/ops/packed.h"
#include "framework/ops/rules.h"
#include <cairn/dnn.h>
#include <cairn/ops.h>

static shape leading(const shape *s)
{
    shape out = *s;
    out.rank -= 2;
    return out;
}

/* x (..., M, K), w (..., K, N) -> (..., M, N) */
cairn_status infer_matmul(const value *v, spec *out)
{
    const value *x = v->in[0], *w = v->in[1];
    const shape *a = &x->shape, *b = &w->shape;
    if (a->rank < 2 || b->rank < 2)
        return error_set(CAIRN_E_SHAPE, "matmul: needs matrices, got %s and %s", SHAPE(a), SHAPE(b));
    if (a->size[a->rank - 1] != b->size[b->rank - 2])
        return error_set(CAIRN_E_SHAPE, "matmul: inner sizes differ: %s @ %s", SHAPE(a), SHAPE(b));
    shape la = leading(a), lb = leading(b);
    if (!shape_broadcast(&la, &lb, &out->shape))
        return error_set(CAIRN_E_SHAPE, "matmul: batches do not broadcast: %s @ %s", SHAPE(a), SHAPE(b));
    if (!type_is_float(x->type))
        return error_set(CAIRN_E_TYPE, "matmul: needs floating types, got %s", cairn_dtype_name(x->type));
    out->shape.size[out->shape.rank++] = a->size[a->rank - 2];
    out->shape.size[out->shape.rank++] = b->size[b->rank - 1];
    out->type = (cairn_dtype)x->type;
    return shape_check("matmul", &out->shape, out->type) ? CAIRN_OK : cairn_error();
}

/* The stride of x over axis `i` of the output's leading axes; 0 where x is broadcast. */
static int64_t batch_stride(const view *x, const shape *out, int i)
{
    int own = i - (out->rank - x->shape.rank);
    return own < 0 || x->shape.size[own] == 1 ? 0 : x->stride[own];
}

/* Leading axes are folded: into one batch axis with even strides where they can be, into rows where w is the same for all;
 * what is left is a loop. */
typedef struct folded {
    cairn_gemm gemm;
    int outer;                               /* leading axes 0 ... outer - 1 are looped over */
} folded;

static void fold(folded *f, const view *x, const view *w, const shape *out, const int64_t *out_stride, cairn_dtype type)
{
    int r = out->rank, xr = x->shape.rank, wr = w->shape.rank;
    cairn_gemm *g = &f->gemm;
    f->outer = r - 2;
    *g = (cairn_gemm){.type = type, .batch = 1, .m = out->size[r - 2], .n = out->size[r - 1], .k = x->shape.size[xr - 1],
                      .a_row = x->stride[xr - 2], .a_col = x->stride[xr - 1], .b_row = w->stride[wr - 2],
                      .b_col = w->stride[wr - 1], .c_row = out_stride[r - 2], .alpha = 1};
    if (g->m == 1)                            /* any row stride is right for one row */
        g->a_row = g->k;
    if (g->c_row < g->n)
        g->c_row = g->n;
    while (f->outer > 0) {                     /* rows: w repeats, x's rows go on evenly */
        int i = f->outer - 1;
        bool even = batch_stride(w, out, i) == 0 && (g->m == 1 || batch_stride(x, out, i) == g->m * g->a_row) && g->batch == 1;
        if (out->size[i] != 1 && !even)
            break;
        if (out->size[i] != 1) {
            if (g->m == 1)
                g->a_row = batch_stride(x, out, i);
            g->m *= out->size[i];
        }
        f->outer--;
    }
    while (f->outer > 0) {                     /* batches */
        int i = f->outer - 1;
        int64_t a = batch_stride(x, out, i), b = batch_stride(w, out, i), c = out_stride[i];
        if (g->batch == 1) {
            g->a_batch = a, g->b_batch = b, g->c_batch = c;
        } else if (out->size[i] != 1 && (a != g->a_batch * g->batch || b != g->b_batch * g->batch || c != g->c_batch * g->batch)) {
            break;
        }
        g->batch *= out->size[i];
        f->outer--;
    }
}

static void fold_run(folded *f, const op_run *r)
{
    fold(f, &r->in[0], &r->in[1], &r->out.shape, r->out.stride, r->out.type);
    if (r->epilogue) {
        f->gemm.epilogue = r->epilogue->run;
        f->gemm.epilogue_context = r->epilogue->context;
    }
    if (r->fused)
        f->gemm.fused = *r->fused;
}

/* One product with one matrix, which may be packed. */
static bool has_weight(const op_run *r, const folded *f)
{
    return r->v->in[1]->shape.rank == 2 && f->gemm.batch == 1 && f->outer == 0;
}

/* For B as it is, and packed; small products take no memory, and B as it is. */
int64_t workspace_matmul(const op_run *r)
{
    folded f;
    fold_run(&f, r);
    const int64_t bytes = cairn_gemm_workspace_bytes(&f.gemm);
    if (!bytes || !has_weight(r, &f))
        return bytes;
    f.gemm.packed_b = &f;                    /* not looked at */
    const int64_t packed = cairn_gemm_workspace_bytes(&f.gemm);
    return packed > bytes ? packed : bytes;
}

static cairn_status pack_matrix(const packer *p, void *to) { return cairn_gemm_pack(p->descriptor, to); }

static cairn_status use_packed(const op_run *r, folded *f)
{
    if (!r->weight || !r->weight->wants_packed || !r->workspace_bytes || !has_weight(r, f))
        return CAIRN_OK;
    f->gemm.b = r->in[1].data;
    const int64_t bytes = cairn_gemm_pack_bytes(&f->gemm); /* differ where m decides how B is packed */
    const int64_t key[] = {f->gemm.n, f->gemm.k, f->gemm.b_row, f->gemm.b_col, f->gemm.type, cairn_matmul_precision(), bytes};
    const packer p = {bytes, pack_matrix, &f->gemm, NULL, NULL, 0};
    return packed_weight_of(r->weight, key, sizeof key, &p, &f->gemm.packed_b);
}

cairn_status run_matmul(const op_run *r)
{
    const view *x = &r->in[0], *w = &r->in[1];
    folded f;
    fold_run(&f, r);
    const cairn_status packed = use_packed(r, &f);
    if (packed)
        return packed;
    int bytes = cairn_dtype_bytes(r->out.type);
    int64_t index[CAIRN_MAX_RANK] = {0}, a = 0, b = 0, c = 0, loops = 1;
    for (int i = 0; i < f.outer; i++)
        loops *= r->out.shape.size[i];
    for (int64_t n = 0; n < loops; n++) {
        f.gemm.a = (const char *)x->data + a * bytes;
        f.gemm.b = (const char *)w->data + b * bytes;
        f.gemm.c = (char *)r->out.data + c * bytes;
        if (r->fused && r->fused->residual)
            f.gemm.fused.residual = (const char *)r->fused->residual + c * bytes;
        cairn_status s = cairn_gemm_run(&f.gemm, r->workspace, r->workspace_bytes);
        if (s)
            return s;
        for (int i = f.outer - 1; i >= 0; i--) {
            int64_t step = ++index[i] == r->out.shape.size[i] ? 1 - index[i] : 1;
            a += step * batch_stride(x, &r->out.shape, i);
            b += step * batch_stride(w, &r->out.shape, i);
            c += step * r->out.stride[i];
            if (step == 1)
                break;
            index[i] = 0;
        }
    }
    return CAIRN_OK;
}

void gradient_matmul(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    cairn_tensor *x = input(v, 0), *w = input(v, 1);
    if (wants_gradient(v, 0))
        dx[0] = cairn_matmul(dy, cairn_mT(w));                   /* (M,N) @ (N,K) -> (M,K) */
    if (!wants_gradient(v, 1))
        return;
    if (v->in[1]->shape.rank == 2 && v->in[0]->shape.rank > 2) { /* one product over all rows, not a sum of many */
        x = cairn_flatten(x, 0, -2);
        dy = cairn_flatten(dy, 0, -2);
    }
    if (v->in[1]->op == OP_permute)                              /* w is W^T: dW comes in W's own order, which gradient_permute unwraps */
        dx[1] = cairn_mT(cairn_matmul(cairn_mT(dy), x));         /* ((N,M) @ (M,K))^T -> (K,N) */
    else
        dx[1] = cairn_matmul(cairn_mT(x), dy);                   /* (K,M) @ (M,N) -> (K,N) */
}

cairn_tensor *cairn_matmul(cairn_tensor *x, cairn_tensor *w)
{
    value *a = handle_value(x), *b = handle_value(w);
    if (!a || !b)
        return NULL;
    if (autocast_lowers(x) || autocast_lowers(w))
        COMPOSED(cairn_matmul(autocast_low(x), autocast_low(w)));
    if (a->shape.rank >= 2 && b->shape.rank >= 2 && a->type == b->type)
        return op_build2(OP_matmul, x, w, NULL, 0);
    if (a->shape.rank == 0 || b->shape.rank == 0) {
        error_set(CAIRN_E_SHAPE, "matmul: needs vectors or matrices, got %s and %s", SHAPE(&a->shape), SHAPE(&b->shape));
        return NULL;
    }
    cairn_dtype type = cairn_promote_types(a->type, b->type);
    bool vx = a->shape.rank == 1, vw = b->shape.rank == 1;
    cairn_mark m = cairn_scope_push();
    x = cairn_to(vx ? cairn_unsqueeze(x, 0) : x, type);
    w = cairn_to(vw ? cairn_unsqueeze(w, 1) : w, type);
    cairn_tensor *y = op_build2(OP_matmul, x, w, NULL, 0);
    if (vw && y)
        y = cairn_squeeze(y, -1);
    if (vx && y)
        y = cairn_squeeze(y, vw ? -1 : -2);
    return cairn_scope_pop(m, y);
}
