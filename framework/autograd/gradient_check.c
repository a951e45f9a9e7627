/* Gradients against central differences. */
#include "framework/graph/graph.h"
#include <cairn/ops.h>
#include <math.h>
#include <string.h>

typedef struct check {
    cairn_function_n body;
    void *context;
    int count;
    cairn_tensor **x;                        /* copies: leaves of the check's own */
    double step, rtol, atol;
} check;

/* The sum of the body's result at c->x with input `i` replaced; NaN with an error set. */
static double sum_at(const check *c, int i, cairn_tensor *other)
{
    cairn_tensor *kept = c->x[i];
    cairn_mark m = cairn_scope_push();
    cairn_no_grad_begin();
    c->x[i] = other;
    double sum = cairn_item(cairn_sum(c->body(c->context, c->count, c->x), CAIRN_ALL_AXES, false));
    c->x[i] = kept;
    cairn_no_grad_end();
    cairn_scope_pop(m, NULL);
    return sum;
}

static double difference(const check *c, int i, double *data, int64_t k)
{
    cairn_shape s = cairn_shape_of(c->x[i]);
    double at = data[k];
    cairn_mark m = cairn_scope_push();
    data[k] = at + c->step;
    double above = sum_at(c, i, cairn_from(data, s, CAIRN_F64));
    data[k] = at - c->step;
    double below = sum_at(c, i, cairn_from(data, s, CAIRN_F64));
    data[k] = at;
    cairn_scope_pop(m, NULL);
    return (above - below) / (2 * c->step);
}

/* The worst element of one input, by how far it is beyond what is allowed. */
static cairn_status check_input(const check *c, int i, const double *analytic)
{
    int64_t n = cairn_numel(c->x[i]), worst = -1;
    double *data = mem_array((size_t)n + 1, sizeof *data), most = 0, numeric = 0;
    if (!data)
        return CAIRN_E_MEMORY;
    cairn_status s = cairn_copy_out(c->x[i], data, CAIRN_F64);
    for (int64_t k = 0; k < n && !s; k++) {
        double d = difference(c, i, data, k), beyond = fabs(analytic[k] - d) - (c->atol + c->rtol * fabs(d));
        s = cairn_error();
        if (!(beyond <= most)) {             /* NaN too */
            most = isnan(beyond) ? INFINITY : beyond;
            worst = k;
            numeric = d;
        }
    }
    mem_free(data);
    if (!s && worst >= 0)
        s = error_set(CAIRN_E_NAN, "gradient_check: element %lld of input %d of shape %s: the gradient is %.10g, by differences %.10g",
                      (long long)worst, i, SHAPE(&c->x[i]->v->shape), analytic[worst], numeric);
    return s;
}

static cairn_status check_all(check *c, cairn_tensor **gradients)
{
    cairn_tensor *y = cairn_sum(c->body(c->context, c->count, c->x), CAIRN_ALL_AXES, false);
    cairn_status s = y ? cairn_grad(y, NULL, c->count, c->x, gradients) : cairn_error();
    for (int i = 0; i < c->count && !s; i++) {
        const double *analytic = cairn_dtype_of(c->x[i]) == CAIRN_F64 ? cairn_data(gradients[i]) : NULL;
        if (cairn_dtype_of(c->x[i]) == CAIRN_F64)
            s = analytic ? check_input(c, i, analytic) : cairn_error();
    }
    return s;
}

/* A leaf with x's elements; indices and masks pass as they are. NULL with the error set. */
static cairn_tensor *own_copy(cairn_tensor *x, int i)
{
    cairn_dtype type = cairn_dtype_of(x);
    if (x && type_is_float(type) && type != CAIRN_F64) {
        error_set(CAIRN_E_TYPE, "gradient_check: input %d is %s, not f64", i, cairn_dtype_name(type));
        return NULL;
    }
    if (type != CAIRN_F64)
        return x;
    const void *data = cairn_data(x);
    return data ? cairn_requires_grad_(cairn_from(data, cairn_shape_of(x), type), true) : NULL;
}

cairn_status cairn_gradient_check(cairn_function_n body, void *context, int count, cairn_tensor *const *x, double step, double rtol,
                                  double atol)
{
    if (!body || count < 0 || (count && !x) || !(step > 0))
        return error_set(CAIRN_E_ARGUMENT, "gradient_check: %d inputs, step %g", count, step);
    cairn_mark m = cairn_scope_push();
    cairn_tensor **copies = mem_array((size_t)count + 1, sizeof *copies), **gradients = mem_array((size_t)count + 1, sizeof *gradients);
    check c = {body, context, count, copies, step, rtol, atol};
    cairn_status s = copies && gradients ? CAIRN_OK : CAIRN_E_MEMORY;
    for (int i = 0; i < count && !s; i++)
        if (!(copies[i] = own_copy(x[i], i)))
            s = cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "gradient_check: input %d is NULL", i);
    if (!s)
        s = check_all(&c, gradients);
    mem_free(copies);
    mem_free(gradients);
    cairn_scope_pop(m, NULL);
    return s ? s : cairn_error();
}
