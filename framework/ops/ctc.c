/* CTC: the primitive as two operations.
 *
 *   ctc          (log_probs, targets, steps, labels) -> one vector: the losses and, when wanted, their gradients
 *   ctc_results  (that vector, log_probs) -> the losses: what has the gradient, once */
#include "framework/ops/rules.h"
#include <cairn/dnn/ctc.h>
#include <cairn/nn.h>
#include <string.h>

typedef struct attr_ctc { int64_t blank, keep; } attr_ctc;

static cairn_ctc descriptor(const value *v)
{
    const value *x = v->in[0], *targets = v->in[1];
    return (cairn_ctc){.type = (cairn_dtype)x->type, .steps = x->shape.size[0], .batch = x->shape.size[1], .classes = x->shape.size[2],
                       .target = targets->shape.size[1], .blank = ((const attr_ctc *)v->attr)->blank};
}

cairn_status infer_ctc(const value *v, spec *out)
{
    const int64_t batch = v->in[0]->shape.size[1];
    const bool keep = ((const attr_ctc *)v->attr)->keep;
    *out = (spec){.shape = {1, {batch + (keep ? shape_numel(&v->in[0]->shape) : 0)}}, .type = (cairn_dtype)v->in[0]->type};
    return shape_check("ctc_loss", &out->shape, out->type) ? CAIRN_OK : cairn_error();
}

cairn_status infer_ctc_results(const value *v, spec *out)
{
    *out = (spec){.shape = {1, {v->in[1]->shape.size[1]}}, .type = (cairn_dtype)v->in[1]->type};
    return CAIRN_OK;
}

int64_t workspace_ctc(const op_run *r)
{
    const cairn_ctc d = descriptor(r->v);
    return cairn_ctc_workspace_bytes(&d);
}

cairn_status run_ctc(const op_run *r)
{
    const cairn_ctc d = descriptor(r->v);
    char *gradient = (char *)r->out.data + d.batch * cairn_dtype_bytes(d.type);
    return cairn_ctc_run(&d, r->in[0].data, r->in[1].data, r->in[2].data, r->in[3].data, r->out.data,
                         ((const attr_ctc *)r->v->attr)->keep ? gradient : NULL, r->workspace, r->workspace_bytes);
}

cairn_status run_ctc_results(const op_run *r)
{
    view from = r->in[0];
    from.shape = r->out.shape;
    return copy_view(&from, &r->out);
}

/* The gradient that was computed with the loss is a number to whoever differentiates it again: wait says so. */
void gradient_ctc_results(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const shape *x = &v->in[1]->shape;
    const int64_t batch = x->size[1];
    cairn_tensor *of_each = cairn_reshape(cairn_narrow(input(v, 0), 0, batch, shape_numel(x)), *x);
    cairn_tensor *whole = cairn_mul(of_each, cairn_reshape(dy, CAIRN_SHAPE(1, batch, 1)));
    dx[1] = cairn_grad_enabled() ? op_build2(OP_wait, whole, input(v, 1), NULL, 0) : whole;
}

/* ---- Front */

static bool operands_fit(cairn_tensor *x, cairn_tensor *targets, cairn_tensor *steps, cairn_tensor *labels)
{
    const shape s = cairn_shape_of(x), t = cairn_shape_of(targets), a = cairn_shape_of(steps), b = cairn_shape_of(labels);
    if (!x || !targets || !steps || !labels)
        return false;
    if (!type_is_float(cairn_dtype_of(x)) || !type_is_integer(cairn_dtype_of(targets)) || !type_is_integer(cairn_dtype_of(steps)) ||
        !type_is_integer(cairn_dtype_of(labels)))
        error_set(CAIRN_E_TYPE, "ctc_loss: log_probs in %s, targets in %s, lengths in %s and %s", cairn_dtype_name(cairn_dtype_of(x)),
                  cairn_dtype_name(cairn_dtype_of(targets)), cairn_dtype_name(cairn_dtype_of(steps)), cairn_dtype_name(cairn_dtype_of(labels)));
    else if (s.rank != 3 || t.rank != 2 || t.size[0] != s.size[1] || a.rank != 1 || a.size[0] != s.size[1] || b.rank != 1 ||
             b.size[0] != s.size[1])
        error_set(CAIRN_E_SHAPE, "ctc_loss: log_probs %s (steps, batch, classes), targets %s (batch, labels), lengths %s and %s (batch)",
                  SHAPE(&s), SHAPE(&t), SHAPE(&a), SHAPE(&b));
    else
        return true;
    return false;
}

static cairn_tensor *losses(cairn_tensor *x, cairn_tensor *targets, cairn_tensor *steps, cairn_tensor *labels, int64_t blank)
{
    attr_ctc a;
    memset(&a, 0, sizeof a);
    a = (attr_ctc){blank, cairn_requires_grad(x) && cairn_grad_enabled()};
    cairn_tensor *in[] = {x, cairn_to(targets, CAIRN_I64), cairn_to(steps, CAIRN_I64), cairn_to(labels, CAIRN_I64)};
    cairn_tensor *vector = op_build(OP_ctc, 4, in, &a, sizeof a);
    return a.keep ? op_build2(OP_ctc_results, vector, x, NULL, 0) : vector;
}

static cairn_tensor *reduced(cairn_tensor *loss, cairn_tensor *labels, cairn_loss_reduction how)
{
    if (how == CAIRN_NONE)
        return loss;
    if (how == CAIRN_SUM)
        return cairn_sum(loss, CAIRN_ALL_AXES, false);
    if (how != CAIRN_MEAN) {
        error_set(CAIRN_E_ARGUMENT, "ctc_loss: no such reduction: %d", (int)how);
        return NULL;
    }
    cairn_tensor *each = cairn_to(cairn_maximum(labels, cairn_integer(1)), cairn_dtype_of(loss));
    return cairn_mean(cairn_div(loss, each), CAIRN_ALL_AXES, false);
}

cairn_tensor *cairn_ctc_loss(cairn_tensor *log_probs, cairn_tensor *targets, cairn_tensor *steps, cairn_tensor *labels,
                             const cairn_ctc_options *options, cairn_loss_reduction reduction)
{
    static const cairn_ctc_options plain;
    const cairn_ctc_options *o = options ? options : &plain;
    if (!operands_fit(log_probs, targets, steps, labels))
        return NULL;
    const cairn_dtype type = cairn_dtype_of(log_probs);
    cairn_mark m = cairn_scope_push();
    cairn_tensor *loss = losses(cairn_to(log_probs, type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32), targets, steps, labels, o->blank);
    if (o->zero_infinity)
        loss = cairn_where(cairn_isinf(loss), cairn_zeros_like(loss), loss);
    return cairn_scope_pop(m, reduced(loss, labels, reduction));
}
