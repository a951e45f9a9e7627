/* Making tensors: from memory, from a number, from the position, from random bits. */
#include "framework/graph/graph.h"
#include "framework/graph/pools.h"
#include "base/random.h"
#include <cairn/ops.h>
#include <math.h>
#include <string.h>

static cairn_tensor *leaf_of(cairn_shape shape, cairn_dtype type, buffer *b)
{
    if (!b)
        return NULL;
    value *v = value_leaf(&shape, type, b);
    buffer_unref(b);
    return handle_new(v);
}

cairn_tensor *cairn_from(const void *data, cairn_shape shape, cairn_dtype type)
{
    if (!shape_check("from", &shape, type))
        return NULL;
    int64_t bytes = shape_numel(&shape) * cairn_dtype_bytes(type);
    if (!data && bytes) {
        error_set(CAIRN_E_ARGUMENT, "from: no data for %s", SHAPE(&shape));
        return NULL;
    }
    buffer *b = buffer_new(bytes);
    if (b && bytes)
        memcpy(b->data, data, (size_t)bytes);
    return leaf_of(shape, type, b);
}

/* Borrowed memory that nobody wants told of. */
static void leave(void *context) { (void)context; }

cairn_tensor *cairn_from_memory(void *data, cairn_shape shape, cairn_dtype type, void (*release)(void *), void *context)
{
    if (!shape_check("from_memory", &shape, type))
        return NULL;
    int64_t bytes = shape_numel(&shape) * cairn_dtype_bytes(type);
    if (!data && bytes) {
        error_set(CAIRN_E_ARGUMENT, "from_memory: no data for %s", SHAPE(&shape));
        return NULL;
    }
    static char nothing;
    return leaf_of(shape, type, buffer_wrap(data ? data : &nothing, bytes, release ? release : leave, context));
}

static cairn_tensor *weak(cairn_dtype type, program_value n)
{
    shape scalar = {0};
    value *v = value_constant(&scalar, type, n);
    if (v)
        v->flags |= V_WEAK;
    return handle_new(v);
}
cairn_tensor *cairn_number(double number) { return weak(CAIRN_F32, (program_value){.f = number}); }
cairn_tensor *cairn_integer(int64_t number) { return weak(CAIRN_I64, (program_value){.i = number}); }

static program_value as_type(double x, cairn_dtype type)
{
    if (type_is_float(type))
        return (program_value){.f = x};
    if (type == CAIRN_BOOL)
        return (program_value){.i = x != 0};
    return (program_value){.i = isnan(x) ? 0 : x >= 9223372036854775807.0 ? INT64_MAX : x <= -9223372036854775808.0 ? INT64_MIN : (int64_t)x};
}

cairn_tensor *cairn_full(cairn_shape shape, double number, cairn_dtype type)
{
    if (!shape_check("full", &shape, type))
        return NULL;
    return handle_new(value_constant(&shape, type, as_type(number, type)));
}
cairn_tensor *cairn_zeros(cairn_shape shape, cairn_dtype type) { return cairn_full(shape, 0, type); }
cairn_tensor *cairn_ones(cairn_shape shape, cairn_dtype type) { return cairn_full(shape, 1, type); }

cairn_tensor *cairn_full_like(cairn_tensor *x, double number)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    value *c = value_constant(&v->shape, (cairn_dtype)v->type, as_type(number, (cairn_dtype)v->type));
    if (c)
        c->flags |= v->flags & V_CHANNELS_LAST;
    return handle_new(c);
}
cairn_tensor *cairn_zeros_like(cairn_tensor *x) { return cairn_full_like(x, 0); }
cairn_tensor *cairn_ones_like(cairn_tensor *x) { return cairn_full_like(x, 1); }

/* ---- From the position */

static value *index_value(const shape *s, const int64_t *stride)
{
    attr_index a;
    memset(&a, 0, sizeof a);
    memcpy(a.stride, stride, sizeof *stride * (size_t)s->rank);
    value *v = value_new(OP_index, 0, sizeof a);
    if (!v)
        return NULL;
    memcpy(v->attr, &a, sizeof a);
    v->shape = *s;
    v->type = CAIRN_I64;
    return v;
}

cairn_tensor *index_tensor(const shape *s, const int64_t *stride) { return handle_new(index_value(s, stride)); }

/* The position of each element in row-major order. */
static cairn_tensor *positions(const shape *s)
{
    int64_t stride[CAIRN_MAX_RANK];
    dense_strides(s, false, stride);
    return index_tensor(s, stride);
}

cairn_tensor *cairn_arange(double start, double end, double step, cairn_dtype type)
{
    double n = ceil((end - start) / step);
    if (!(fabs(n) < 9e18) || step == 0) {
        error_set(CAIRN_E_ARGUMENT, "arange: from %g to %g by %g", start, end, step);
        return NULL;
    }
    cairn_shape s = {1, {n > 0 ? (int64_t)n : 0}};
    if (!shape_check("arange", &s, type))
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *i = positions(&s), *y;
    if (type == CAIRN_I64 && start == 0 && step == 1)
        return cairn_scope_pop(m, i);
    if (type_is_float(type))
        y = cairn_add(cairn_mul(cairn_to(i, type == CAIRN_F32 ? CAIRN_F64 : type), cairn_number(step)), cairn_number(start));
    else
        y = cairn_add(cairn_mul(i, cairn_integer((int64_t)step)), cairn_integer((int64_t)start));
    return cairn_scope_pop(m, cairn_to(y, type));
}

cairn_tensor *cairn_linspace(double start, double end, int64_t count, cairn_dtype type)
{
    cairn_shape s = {1, {count}};
    if (!shape_check("linspace", &s, type))
        return NULL;
    double step = count > 1 ? (end - start) / (double)(count - 1) : 0;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *i = cairn_to(positions(&s), CAIRN_F64);
    cairn_tensor *up = cairn_add(cairn_mul(i, cairn_number(step)), cairn_number(start));
    cairn_tensor *back = cairn_sub(cairn_number(end), cairn_mul(cairn_sub(cairn_number((double)count - 1), i), cairn_number(step)));
    cairn_tensor *y = count > 1 ? cairn_where(cairn_lt(i, cairn_number((double)count / 2)), up, back) : up;
    return cairn_scope_pop(m, cairn_to(y, type));
}

cairn_tensor *cairn_eye(int64_t n, int64_t k, cairn_dtype type)
{
    cairn_shape s = {2, {n, k}};
    if (!shape_check("eye", &s, type))
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *row = index_tensor(&s, (int64_t[]){1, 0}), *column = index_tensor(&s, (int64_t[]){0, 1});
    return cairn_scope_pop(m, cairn_to(cairn_eq(row, column), type));
}

/* ---- From random bits: element i is a function of (seed, stream, i) */

typedef enum random_kind { RANDOM_UNIFORM = OP_random_uniform, RANDOM_NORMAL = OP_random_normal, RANDOM_BITS = OP_random_bits } random_kind;

static cairn_tensor *random_of(random_kind kind, const shape *s)
{
    random_state r = random_next();
    cairn_tensor *in[3] = {positions(s), cairn_integer((int64_t)r.seed), cairn_integer((int64_t)r.stream)};
    return op_build((op_id)kind, 3, in, NULL, 0);
}

static cairn_tensor *random_float(const char *op, random_kind kind, cairn_shape shape, cairn_dtype type)
{
    if (!shape_check(op, &shape, type))
        return NULL;
    if (!type_is_float(type)) {
        error_set(CAIRN_E_TYPE, "%s: needs a floating type, got %s", op, cairn_dtype_name(type));
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    return cairn_scope_pop(m, cairn_to(random_of(kind, &shape), type));
}
cairn_tensor *cairn_rand(cairn_shape shape, cairn_dtype type) { return random_float("rand", RANDOM_UNIFORM, shape, type); }
cairn_tensor *cairn_randn(cairn_shape shape, cairn_dtype type) { return random_float("randn", RANDOM_NORMAL, shape, type); }

cairn_tensor *cairn_randint(int64_t low, int64_t high, cairn_shape shape, cairn_dtype type)
{
    int64_t span;
    if (!shape_check("randint", &shape, type))
        return NULL;
    if (low >= high || __builtin_sub_overflow(high, low, &span)) {
        error_set(CAIRN_E_ARGUMENT, "randint: no integers from %lld to %lld", (long long)low, (long long)high);
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = cairn_remainder(random_of(RANDOM_BITS, &shape), cairn_integer(span));
    return cairn_scope_pop(m, cairn_to(cairn_add(y, cairn_integer(low)), type));
}

cairn_tensor *cairn_bernoulli(cairn_tensor *probability)
{
    value *p = handle_value(probability);
    if (!p)
        return NULL;
    if (!type_is_float(p->type)) {
        error_set(CAIRN_E_TYPE, "bernoulli: needs floating probabilities, got %s", cairn_dtype_name(p->type));
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    cairn_tensor *u = random_of(RANDOM_UNIFORM, &p->shape);
    return cairn_scope_pop(m, cairn_to(cairn_lt(u, cairn_detach(probability)), (cairn_dtype)p->type));
}
