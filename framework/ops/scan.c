/* Running sums, products and extremes along an axis, and the linear recurrence that their gradients need.
 *
 * Each lane is gone through in order; sums of floats are kept in f64. */
#include "framework/ops/autocast.h"
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/ops.h>
#include <math.h>

typedef struct attr_scan {
    int32_t axis;
    int32_t reverse;                       /* from the end to the front */
} attr_scan;

/* The shape of x */
cairn_status infer_scan(const value *v, spec *out)
{
    *out = (spec){v->in[0]->shape, (cairn_dtype)v->in[0]->type, false};
    if (v->n_in == 2 && !shape_equal(&v->in[1]->shape, &out->shape))
        return error_set(CAIRN_E_SHAPE, "recurrence: %s and %s differ", SHAPE(&out->shape), SHAPE(&v->in[1]->shape));
    return CAIRN_OK;
}

cairn_status infer_scan_index(const value *v, spec *out)
{
    *out = (spec){v->in[0]->shape, CAIRN_I64, false};
    return CAIRN_OK;
}

typedef struct scan {
    view x, b, out;
    op_id op;
    int64_t n, sx, sb, so;                 /* steps along the axis: negative in reverse */
} scan;

/* Lane by lane where a lane is contiguous, else all lanes step by step: then neighbours share cache lines. `next` gives the
 * element y from x (and b, of the recurrence) and the lane's state `sum`, which starts as `start`. */
#define SCAN(T, A, start, next)                                                            \
    A state[LANES_MAX];                                                                    \
    bool across = s->so != 1 && s->so != -1;                                               \
    for (int64_t l = 0; l < lanes; l++)                                                    \
        state[l] = start;                                                                  \
    for (int64_t o = 0; o < (across ? s->n : lanes); o++)                                  \
        for (int64_t i = 0; i < (across ? lanes : s->n); i++) {                            \
            int64_t l = across ? i : o, j = across ? o : i;                                \
            A x = ((const T *)s->x.data)[at[0][l] + j * s->sx], sum = state[l];            \
            ((T *)s->out.data)[at[1][l] + j * s->so] = (T)(next);                          \
            state[l] = sum;                                                                \
        }
#define SUMS(T, A) SCAN(T, A, 0, sum += x)
#define PRODUCTS(T, A) SCAN(T, A, 1, sum *= x)
#define RECURRENCES(T, A) SCAN(T, A, 0, sum = x * sum + ((const T *)s->b.data)[at[2][l] + j * s->sb])
/* Keeps log sum = top + log(sum), top the largest so far. */
#define LOG_SUMS(T, A)                                                                     \
    for (int64_t l = 0; l < lanes; l++) {                                                  \
        const T *x = (const T *)s->x.data + at[0][l];                                      \
        T *y = (T *)s->out.data + at[1][l];                                                \
        A top = -INFINITY, sum = 0;                                                        \
        for (int64_t j = 0; j < s->n; j++) {                                               \
            A e = x[j * s->sx];                                                            \
            if (e > top) {                                                                 \
                sum = sum * exp(top - e) + 1;                                              \
                top = e;                                                                   \
            } else if (e != -INFINITY) {                                                   \
                sum += e == top ? 1 : exp(e - top);                                        \
            }                                                                              \
            y[j * s->so] = (T)(top + log(sum));                                            \
        }                                                                                  \
    }
/* The last of equal ones; a NaN stays. */
#define EXTREMES(T, op)                                                                    \
    for (int64_t l = 0; l < lanes; l++) {                                                  \
        const T *x = (const T *)s->x.data + at[0][l];                                      \
        int64_t *y = (int64_t *)s->out.data + at[1][l], best = 0;                          \
        for (int64_t j = 0; j < s->n; j++) {                                               \
            T e = x[j * s->sx], held = x[best * s->sx];                                    \
            best = e != e || (held == held && e op held) ? j : best;                       \
            y[j * s->so] = best;                                                           \
        }                                                                                  \
    }
#define FLOATS(type, CASE)                                                                 \
    if (type == CAIRN_F32) {                                                               \
        CASE(float, double)                                                                \
    } else {                                                                               \
        CASE(double, double)                                                               \
    }
#define ALL_TYPES(type, CASE)                                                              \
    if (type_is_float(type)) {                                                             \
        FLOATS(type, CASE)                                                                 \
    } else if (type == CAIRN_I32) {                                                        \
        CASE(int32_t, uint32_t)                                                            \
    } else {                                                                               \
        CASE(int64_t, uint64_t)                                                            \
    }
#define MAXIMA(T) EXTREMES(T, >=)
#define MINIMA(T) EXTREMES(T, <=)

static void scan_lanes(void *context, int64_t lanes, int64_t (*at)[LANES_MAX])
{
    const scan *s = context;
    switch (s->op) {
    case OP_cumsum: ALL_TYPES(s->x.type, SUMS) break;
    case OP_cumprod: ALL_TYPES(s->x.type, PRODUCTS) break;
    case OP_logcumsumexp: FLOATS(s->x.type, LOG_SUMS) break;
    case OP_recurrence: FLOATS(s->x.type, RECURRENCES) break;
    case OP_cummax_index: ARITHMETIC_SWITCH(s->x.type, MAXIMA) break;
    default: ARITHMETIC_SWITCH(s->x.type, MINIMA) break;
    }
}

/* The view gone through from its other end. */
static int64_t turned(view *x, int axis, bool reverse)
{
    int64_t step = x->shape.rank ? x->stride[axis] : 0;
    if (!reverse || !x->shape.rank)
        return step;
    x->data = (char *)x->data + (x->shape.size[axis] - 1) * step * cairn_dtype_bytes(x->type);
    return -step;
}

cairn_status run_scan(const op_run *r)
{
    const attr_scan *a = r->v->attr;
    const shape *over = &r->out.shape;
    scan s = {.x = r->in[0], .out = r->out, .op = (op_id)r->v->op, .n = over->rank ? over->size[a->axis] : 1};
    if (s.n == 0)
        return CAIRN_OK;
    s.sx = turned(&s.x, a->axis, a->reverse);
    s.so = turned(&s.out, a->axis, a->reverse);
    if (r->v->n_in == 2) {
        s.b = r->in[1];
        s.sb = turned(&s.b, a->axis, a->reverse);
    }
    lanes_run(over, a->axis, r->v->n_in + 1, (const view *[]){&s.x, &s.out, &s.b}, scan_lanes, &s);
    return CAIRN_OK;
}

/* ---- Gradients */

static cairn_tensor *build_scan(op_id op, cairn_tensor *x, int axis, bool reverse)
{
    attr_scan a = {axis, reverse};
    return op_build1(op, x, &a, sizeof a);
}

static cairn_tensor *build_recurrence(cairn_tensor *x, cairn_tensor *b, int axis, bool reverse)
{
    attr_scan a = {axis, reverse};
    return op_build2(OP_recurrence, x, b, &a, sizeof a);
}

/* y[i] = x[i - 1], or x[i + 1] when `ahead`; what comes in is `fill`. */
static cairn_tensor *shifted(cairn_tensor *x, int axis, bool ahead, double fill)
{
    shape s = cairn_shape_of(x);
    if (s.rank <= 0)
        return cairn_full_like(x, fill);
    int64_t n = s.size[axis];
    if (n == 0)
        return x;
    s.size[axis] = 1;
    cairn_tensor *edge = cairn_full(s, fill, cairn_dtype_of(x)), *rest = cairn_narrow(x, axis, ahead, n - 1);
    return cairn_cat(2, ahead ? (cairn_tensor *[]){rest, edge} : (cairn_tensor *[]){edge, rest}, axis);
}

void gradient_cumsum(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_scan *a = v->attr;
    dx[0] = build_scan(OP_cumsum, dy, a->axis, !a->reverse);
}

/* dx[k] = (product before k) * s[k],  s[k] = dy[k] + x[k + 1] s[k + 1]: right with zeros among x too. */
void gradient_cumprod(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_scan *a = v->attr;
    cairn_tensor *s = build_recurrence(shifted(input(v, 0), a->axis, !a->reverse, 0), dy, a->axis, !a->reverse);
    dx[0] = cairn_mul(shifted(output(v), a->axis, a->reverse, 1), s);
}

/* y[i] = x[i] y[i - 1] + b[i]: db = s, dx[i] = y[i - 1] s[i],  s[i] = dy[i] + x[i + 1] s[i + 1] */
void gradient_recurrence(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_scan *a = v->attr;
    cairn_tensor *s = build_recurrence(shifted(input(v, 0), a->axis, !a->reverse, 0), dy, a->axis, !a->reverse);
    dx[0] = wants_gradient(v, 0) ? cairn_mul(shifted(output(v), a->axis, a->reverse, 0), s) : NULL;
    dx[1] = s;
}

/* dx[k] = sum over i >= k of dy[i] exp(x[k] - y[i]), the positive and the negative dy each in logarithms. */
void gradient_logcumsumexp(const value *v, cairn_tensor *dy, cairn_tensor **dx)
{
    const attr_scan *a = v->attr;
    cairn_tensor *x = input(v, 0), *y = output(v), *none = cairn_number(-INFINITY), *part[2];
    for (int sign = 0; sign < 2; sign++) {
        cairn_tensor *weight = sign ? cairn_neg(dy) : dy;
        cairn_tensor *logs = cairn_where(cairn_gt(weight, cairn_number(0)), cairn_sub(cairn_log(cairn_abs(dy)), y), none);
        part[sign] = cairn_exp(cairn_add(build_scan(OP_logcumsumexp, logs, a->axis, !a->reverse), x));
    }
    dx[0] = cairn_sub(part[0], part[1]);
}

/* ---- Front functions */

static int scan_axis(const char *op, cairn_tensor *x, int axis)
{
    value *v = handle_value(x);
    return v ? axis_check(op, axis, v->shape.rank ? v->shape.rank : 1) : -1;
}

/* Integers and bool are summed in i64, f16 and bf16 in wider types and given back. */
static cairn_tensor *wide_scan(op_id op, cairn_tensor *x, int axis)
{
    int k = scan_axis(ops[op].name, x, axis);
    if (k < 0)
        return NULL;
    AUTOCAST_WIDE(x, wide_scan(op, cairn_to(x, CAIRN_F32), axis));
    cairn_dtype type = cairn_dtype_of(x);
    COMPOSED(type_is_float(type) ? cairn_to(build_scan(op, in_arithmetic_type(x), k, false), type)
                                 : build_scan(op, cairn_to(x, CAIRN_I64), k, false));
}
cairn_tensor *cairn_cumsum(cairn_tensor *x, int axis) { return wide_scan(OP_cumsum, x, axis); }
cairn_tensor *cairn_cumprod(cairn_tensor *x, int axis) { return wide_scan(OP_cumprod, x, axis); }

static bool floating(const char *op, cairn_tensor *x)
{
    bool ok = type_is_float(cairn_dtype_of(x));
    if (!ok)
        error_set(CAIRN_E_TYPE, "%s: needs a floating type, got %s", op, cairn_dtype_name(cairn_dtype_of(x)));
    return ok;
}

cairn_tensor *cairn_logcumsumexp(cairn_tensor *x, int axis)
{
    return x && floating("logcumsumexp", x) ? wide_scan(OP_logcumsumexp, x, axis) : NULL;
}

cairn_tensor *cairn_recurrence(cairn_tensor *a, cairn_tensor *b, int axis)
{
    int k = scan_axis("recurrence", a, axis);
    if (k < 0 || !handle_value(b) || !floating("recurrence", a) || !floating("recurrence", b))
        return NULL;
    cairn_dtype type = cairn_promote_types(cairn_dtype_of(a), cairn_dtype_of(b));
    COMPOSED(cairn_to(build_recurrence(in_arithmetic_type(cairn_to(a, type)), in_arithmetic_type(cairn_to(b, type)), k, false), type));
}

static cairn_tensor *running_extreme(op_id op, cairn_tensor *x, int axis, cairn_tensor **index)
{
    int k = scan_axis(ops[op].name, x, axis);
    if (index)
        *index = NULL;
    if (k < 0)
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *i = build_scan(op, in_arithmetic_type(x), k, false), *y = cairn_gather(x, k, i);
    cairn_scope_pop_list(m, y && index ? 2 : y ? 1 : 0, (cairn_tensor *[]){y, i});
    if (index && y)
        *index = i;
    return y;
}
cairn_tensor *cairn_cummax(cairn_tensor *x, int axis, cairn_tensor **index) { return running_extreme(OP_cummax_index, x, axis, index); }
cairn_tensor *cairn_cummin(cairn_tensor *x, int axis, cairn_tensor **index) { return running_extreme(OP_cummin_index, x, axis, index); }
