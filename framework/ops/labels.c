/* labels: integers (any shape) -> i64, checked to be classes.
 *
 * Labels usually come from a loader, evaluated: then they are looked at right away, and the graph holds nothing of it. */
#include "framework/ops/labels.h"
#include "framework/ops/rules.h"
#include <string.h>

typedef struct attr_labels {
    int64_t classes, ignore, ignore_index;
    char op[16];
} attr_labels;

cairn_status infer_labels(const value *v, spec *out)
{
    *out = (spec){v->in[0]->shape, CAIRN_I64, false};
    return CAIRN_OK;
}

static cairn_status check(const attr_labels *a, const int64_t *label, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if ((label[i] < 0 || label[i] >= a->classes) && !(a->ignore && label[i] == a->ignore_index))
            return error_set(CAIRN_E_RANGE, "%.16s: label %lld at place %lld is not one of %lld classes", a->op, (long long)label[i],
                             (long long)i, (long long)a->classes);
    return CAIRN_OK;
}

cairn_status run_labels(const op_run *r)
{
    const attr_labels *a = r->v->attr;
    int64_t *label = r->out.data, count = shape_numel(&r->out.shape);
    cairn_status s = copy_view(&r->in[0], &r->out);
    if (!s)
        s = check(a, label, count);
    for (int64_t i = 0; i < count && !s && a->ignore; i++)
        if (label[i] == a->ignore_index)
            label[i] = -1;
    return s;
}

cairn_tensor *checked_labels(const char *op, cairn_tensor *labels, int64_t classes, bool ignore, int64_t ignore_index)
{
    value *v = handle_value(labels);
    attr_labels a;
    if (!v)
        return NULL;
    if (type_is_float(v->type) || v->type == CAIRN_BOOL) {
        error_set(CAIRN_E_TYPE, "%s: labels are integers, got %s", op, cairn_dtype_name(v->type));
        return NULL;
    }
    memset(&a, 0, sizeof a);
    a.classes = classes;
    a.ignore = ignore;
    a.ignore_index = ignore ? ignore_index : 0;
    memcpy(a.op, op, strnlen(op, sizeof a.op));
    if (ignore || v->type != CAIRN_I64 || !value_is_evaluated(v) || !value_is_dense(v, false))
        return op_build1(OP_labels, labels, &a, sizeof a);
    const int64_t *label = (const int64_t *)v->data->data + v->offset;
    return check(&a, label, shape_numel(&v->shape)) ? NULL : labels;
}
