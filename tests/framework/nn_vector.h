/* The rows of nn_vectors.h, and comparisons with them. */
#ifndef TESTS_NN_VECTOR_H
#define TESTS_NN_VECTOR_H
#include <cairn/cairn.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct vector {
    const char *test, *name;
    cairn_shape shape;
    bool integer;
    const double *data;
} vector;

static inline int64_t vector_count(const vector *v)
{
    int64_t n = 1;
    for (int i = 0; i < v->shape.rank; i++)
        n *= v->shape.size[i];
    return n;
}

static inline cairn_tensor *vector_tensor(const vector *v)
{
    cairn_tensor *x = cairn_from(v->data, v->shape, CAIRN_F64);
    x = cairn_to(x, v->integer ? CAIRN_I64 : CAIRN_F32);
    assert_int_equal(cairn_eval(x), CAIRN_OK);
    return x;
}

/* |x - v| <= tolerance (1 + |v|), element by element, and the same shape. */
static inline void assert_vector(const vector *v, cairn_tensor *x, double tolerance)
{
    if (!x)
        fail_msg("%s: %s: NULL: %s", v->test, v->name, cairn_error_message());
    cairn_shape s = cairn_shape_of(x);
    bool same = s.rank == v->shape.rank;
    for (int i = 0; i < s.rank && same; i++)
        same = s.size[i] == v->shape.size[i];
    if (!same)
        fail_msg("%s: %s: rank %d, not %d, or other sizes", v->test, v->name, s.rank, v->shape.rank);
    int64_t n = vector_count(v);
    double *got = malloc(sizeof(double) * (size_t)(n + 1));
    if (cairn_copy_out(x, got, CAIRN_F64))
        fail_msg("%s: %s: %s", v->test, v->name, cairn_error_message());
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(got[i] - v->data[i]) <= tolerance * (1 + fabs(v->data[i]))))
            fail_msg("%s: %s[%d] is %.8g, PyTorch's %.8g", v->test, v->name, (int)i, got[i], v->data[i]);
    free(got);
}

#endif
