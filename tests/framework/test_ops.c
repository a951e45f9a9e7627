/* Every operation of cases.def: its value against vectors.txt, in f32 and f64, on inputs of every memory order; its gradient and
 * second derivative against finite differences. */
#include <cairn/cairn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

enum { INPUTS = 8 };

/* ---- Second results */

static cairn_tensor *second;
#define second_of(function, ...) (function(__VA_ARGS__, &second) ? second : NULL)

static cairn_tensor *frexp_part(cairn_tensor *x, int i)
{
    cairn_tensor *part[2];
    return cairn_frexp(x, &part[0], &part[1]) ? part[i] : NULL;
}

/* The grid reaches beyond the image's ends. */
static cairn_tensor *sampled(cairn_tensor *const *x, const cairn_grid_options *o)
{
    return cairn_f_grid_sample(x[0], cairn_mul(x[1], cairn_number(1.4)), o);
}

static cairn_tensor *split_part(cairn_tensor *x, int i)
{
    cairn_tensor *part[3];
    return cairn_split_with_sizes(x, 1, 3, (int64_t[]){1, 2, 2}, part) ? part[i] : NULL;
}

static cairn_tensor *chunk_part(cairn_tensor *x, int i)
{
    cairn_tensor *part[3];
    return cairn_chunk(x, 1, 3, part) > i ? part[i] : NULL;
}

static cairn_tensor *unbind_part(cairn_tensor *x, int i)
{
    cairn_tensor *part[5];
    return cairn_unbind(x, 1, part) ? part[i] : NULL;
}

static cairn_tensor *meshgrid_part(cairn_tensor *const *x, int i)
{
    cairn_tensor *part[2];
    return cairn_meshgrid(2, x, part) ? part[i] : NULL;
}

static cairn_tensor *unique_part(cairn_tensor *x, int i)
{
    cairn_tensor *part[3];
    part[0] = cairn_unique(x, &part[1], &part[2]);
    return part[i];
}

/* ---- The table */

enum checks { VALUE, GRADIENT, TWICE };

#define CASE(name, checks, ...)                                                             \
    static cairn_tensor *case_##name(void *context, int count, cairn_tensor *const *x)      \
    {                                                                                       \
        (void)context, (void)count;                                                         \
        return __VA_ARGS__;                                                                 \
    }
#include "cases.def"
#undef CASE

typedef struct operation {
    const char *name;
    enum checks checks;
    cairn_function_n build;
} operation;

static const operation operations[] = {
#define CASE(name, checks, ...) {#name, checks, case_##name},
#include "cases.def"
#undef CASE
};
enum { OPERATIONS = sizeof operations / sizeof *operations };

/* ---- Vectors */

typedef struct array {
    cairn_dtype type;                        /* CAIRN_F64 stands for "f" */
    cairn_shape shape;
    double *data;
} array;

typedef struct vectors {
    char name[64];
    int count;
    array in[INPUTS], out;
} vectors;

static vectors all[OPERATIONS];
static int all_count;

static cairn_dtype type_named(const char *name)
{
    for (int t = 0; t < CAIRN_DTYPE_COUNT; t++)
        if (!strcmp(cairn_dtype_name((cairn_dtype)t), name))
            return (cairn_dtype)t;
    assert_string_equal(name, "f");
    return CAIRN_F64;
}

static array read_array(char *line)
{
    char *rest, *type = strtok_r(line, " \n", &rest), *sizes = strtok_r(NULL, " \n", &rest);
    array a = {type_named(type), {0, {0}}, NULL};
    int64_t n = 1;
    for (char *s = sizes; *s && *s != '-'; s += *s == ',')
        n *= a.shape.size[a.shape.rank++] = strtoll(s, &s, 10);
    a.data = calloc((size_t)n + 1, sizeof *a.data);
    for (int64_t i = 0; i < n; i++)
        a.data[i] = strtod(rest, &rest);
    return a;
}

static int read_vectors(void **state)
{
    (void)state;
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    FILE *file = fopen("tests/framework/vectors.txt", "r");
    char *line = NULL;
    size_t capacity = 0;
    vectors *v = NULL;
    if (!file)
        return -1;
    while (getline(&line, &capacity, file) > 0) {
        if (!strncmp(line, "case ", 5) && all_count < OPERATIONS)
            sscanf(line + 5, "%63s", (v = &all[all_count++])->name);
        else if (!strncmp(line, "in ", 3))
            v->in[v->count++] = read_array(line + 3);
        else if (!strncmp(line, "out ", 4))
            v->out = read_array(line + 4);
    }
    free(line);
    fclose(file);
    return 0;
}

static int free_vectors(void **state)
{
    (void)state;
    for (int i = 0; i < all_count; i++) {
        for (int k = 0; k < all[i].count; k++)
            free(all[i].in[k].data);
        free(all[i].out.data);
    }
    return 0;
}

static const vectors *vectors_of(const char *name)
{
    for (int i = 0; i < all_count; i++)
        if (!strcmp(all[i].name, name))
            return &all[i];
    fail_msg("%s: no vectors; run make_vectors.py", name);
    return NULL;
}

/* ---- Inputs in several memory orders */

enum layout { PLAIN, TURNED, FLIPPED, SLICED, LAYOUTS };

static cairn_tensor *converted(const array *a, cairn_dtype floats)
{
    return cairn_to(cairn_from(a->data, a->shape, CAIRN_F64), a->type == CAIRN_F64 ? floats : a->type);
}

/* The same elements, seen through strides. */
static cairn_tensor *laid_out(cairn_tensor *x, enum layout layout)
{
    int rank = cairn_rank(x);
    cairn_axes axes = {.count = rank};
    for (int i = 0; i < rank; i++)
        axes.axis[i] = layout == TURNED ? rank - 1 - i : i;
    if (rank == 0 || layout == PLAIN)
        return x;
    if (layout == TURNED) {
        cairn_tensor *turned = cairn_permute(x, axes);
        return cairn_permute(cairn_from(cairn_data(turned), cairn_shape_of(turned), cairn_dtype_of(x)), axes);
    }
    if (layout == FLIPPED) {
        cairn_tensor *flipped = cairn_flip(x, axes);
        return cairn_flip(cairn_from(cairn_data(flipped), cairn_shape_of(x), cairn_dtype_of(x)), axes);
    }
    cairn_tensor *wide = cairn_stack(2, (cairn_tensor *[]){cairn_zeros_like(x), x}, rank < CAIRN_MAX_RANK ? rank : 0);
    return cairn_select(wide, rank, 1);
}

static void compare(const char *name, cairn_tensor *y, const array *want, double tolerance, const char *how)
{
    if (!y)
        fail_msg("%s (%s): %s", name, how, cairn_error_message());
    cairn_shape s = cairn_shape_of(y);
    bool same = s.rank == want->shape.rank;
    int64_t n = cairn_numel(y);
    for (int i = 0; i < s.rank && same; i++)
        same = s.size[i] == want->shape.size[i];
    if (!same)
        fail_msg("%s (%s): rank %d, %lld elements", name, how, s.rank, (long long)n);
    if (want->type != CAIRN_F64 && want->type != cairn_dtype_of(y))
        fail_msg("%s (%s): type %s", name, how, cairn_dtype_name(cairn_dtype_of(y)));
    double *got = calloc((size_t)n + 1, sizeof *got);
    if (cairn_copy_out(y, got, CAIRN_F64))
        fail_msg("%s (%s): %s", name, how, cairn_error_message());
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want->data[i]) <= tolerance * fmax(1, fabs(want->data[i]))) && !(got[i] == want->data[i]) &&
            !(isnan(got[i]) && isnan(want->data[i])))
            fail_msg("%s (%s): element %lld is %.9g, not %.9g", name, how, (long long)i, got[i], want->data[i]);
    free(got);
}

static void it_gives_its_value(void **state)
{
    const operation *op = *state;
    const vectors *v = vectors_of(op->name);
    static const char *const names[LAYOUTS] = {"plain", "turned", "flipped", "sliced"};
    for (int type = 0; type < 2; type++)
        for (int layout = 0; layout < LAYOUTS; layout++) {
            cairn_mark m = cairn_scope_push();
            cairn_tensor *x[INPUTS];
            for (int i = 0; i < v->count; i++)
                x[i] = laid_out(converted(&v->in[i], type ? CAIRN_F64 : CAIRN_F32), layout);
            compare(op->name, op->build(NULL, v->count, x), &v->out, type ? 5e-7 : 2e-5, names[layout]);
            cairn_scope_pop(m, NULL);
        }
}

/* ---- Gradients. The sum of a result may be constant (softmax), so the result is weighted first. */

static cairn_tensor *weighted(cairn_tensor *y)
{
    cairn_shape s = cairn_shape_of(y);
    if (s.rank < 0)
        return NULL;
    cairn_tensor *weight = cairn_add(cairn_sin(cairn_arange(1, 1 + (double)cairn_numel(y), 1, CAIRN_F64)), cairn_number(0.3));
    return cairn_mul(y, cairn_reshape(weight, s));
}

static cairn_tensor *weighted_case(void *context, int count, cairn_tensor *const *x)
{
    const operation *op = context;
    return weighted(op->build(NULL, count, x));
}

/* The gradients of the case in one vector: its derivative is the second one. */
static cairn_tensor *gradient_of_case(void *context, int count, cairn_tensor *const *x)
{
    const operation *op = context;
    cairn_tensor *own[INPUTS], *wanted[INPUTS], *gradient[INPUTS], *sum = NULL;
    int floats = 0;
    bool off = !cairn_grad_enabled();
    if (off)
        cairn_no_grad_end();
    for (int i = 0; i < count; i++) {
        own[i] = x[i];
        if (cairn_dtype_of(x[i]) != CAIRN_F64)
            continue;
        if (!cairn_requires_grad(x[i]))
            own[i] = cairn_requires_grad_(cairn_detach(x[i]), true);
        wanted[floats++] = own[i];
    }
    cairn_status s = cairn_grad(cairn_sum(weighted(op->build(NULL, count, own)), CAIRN_ALL_AXES, false), NULL, floats, wanted, gradient);
    for (int i = 0; i < floats && !s; i++) {
        cairn_tensor *part = cairn_sum(weighted(gradient[i]), CAIRN_ALL_AXES, false);
        sum = sum ? cairn_add(sum, part) : part;
    }
    if (off)
        cairn_no_grad_begin();
    return s ? NULL : sum;
}

static void check_gradient(const operation *op, cairn_function_n body)
{
    const vectors *v = vectors_of(op->name);
    cairn_tensor *x[INPUTS];
    for (int i = 0; i < v->count; i++)
        x[i] = converted(&v->in[i], CAIRN_F64);
    if (cairn_gradient_check(body, (void *)op, v->count, x, 1e-5, 2e-6, 2e-6))
        fail_msg("%s: %s", op->name, cairn_error_message());
}

static void its_gradient_is_that_of_finite_differences(void **state) { check_gradient(*state, weighted_case); }
static void so_is_its_second_derivative(void **state) { check_gradient(*state, gradient_of_case); }

/* ---- Every allocation may fail: then the result is NULL or E_MEMORY, and nothing is lost */

/* The value and, where there is one, the gradient. */
static cairn_status run_case(const operation *op, const vectors *v)
{
    cairn_tensor *x[INPUTS], *gradient[INPUTS], *wanted[INPUTS];
    int floats = 0;
    for (int i = 0; i < v->count; i++) {
        if (!(x[i] = cairn_from(v->in[i].data, v->in[i].shape, CAIRN_F64)))
            return CAIRN_E_MEMORY;
        if (v->in[i].type != CAIRN_F64)
            x[i] = cairn_to(x[i], v->in[i].type);
        else if (op->checks != VALUE)
            wanted[floats++] = cairn_requires_grad_(x[i], true);
    }
    cairn_tensor *y = op->build(NULL, v->count, x);
    if (!y || cairn_eval(y))
        return CAIRN_E_MEMORY;
    if (!floats)
        return CAIRN_OK;
    cairn_tensor *sum = cairn_sum(y, CAIRN_ALL_AXES, false);
    return sum && !cairn_grad(sum, NULL, floats, wanted, gradient) && !cairn_eval_list(floats, gradient) ? CAIRN_OK : CAIRN_E_MEMORY;
}

static void it_survives_when_memory_is_out(void **state)
{
    const operation *op = *state;
    const vectors *v = vectors_of(op->name);
    cairn_status s = CAIRN_E_MEMORY;
    for (int64_t n = 0; s; n += n < 40 ? 1 : 7) {
        cairn_mark m = cairn_scope_push();
        cairn_error_clear();
        mem_fail_after(n);
        s = run_case(op, v);
        mem_fail_after(-1);
        if ((s ? cairn_error() != CAIRN_E_MEMORY : cairn_error() != CAIRN_OK) || n > 5000)
            fail_msg("%s: after %lld allocations: %s", op->name, (long long)n, cairn_error_message());
        cairn_scope_pop(m, NULL);
    }
}

/* ---- One test for each operation and check */

static int forget(void **state)
{
    (void)state;
    cairn_error_clear();
    cairn_scope_pop((cairn_mark){0}, NULL);
    return 0;
}

int main(void)
{
    static const CMUnitTestFunction check[] = {it_gives_its_value, its_gradient_is_that_of_finite_differences, so_is_its_second_derivative};
    static const char *const what[] = {"value", "gradient", "second derivative"};
    static struct CMUnitTest tests[4 * OPERATIONS];
    static char names[4 * OPERATIONS][96];
    size_t count = 0;
    for (int i = 0; i < OPERATIONS; i++)
        for (int k = 0; k <= (int)operations[i].checks; k++, count++) {
            snprintf(names[count], sizeof names[count], "%s: %s", operations[i].name, what[k]);
            tests[count] = (struct CMUnitTest){names[count], check[k], NULL, forget, (void *)&operations[i]};
        }
    for (int i = 0; i < OPERATIONS; i++, count++) {
        snprintf(names[count], sizeof names[count], "%s: without memory", operations[i].name);
        tests[count] = (struct CMUnitTest){names[count], it_survives_when_memory_is_out, NULL, forget, (void *)&operations[i]};
    }
    return _cmocka_run_group_tests("operations", tests, count, read_vectors, free_vectors);
}
