/* Data sets: the interface, and those made of tensors and of other data sets. */
#include "framework/data/dataset.h"
#include "base/random.h"
#include <math.h>
#include <string.h>

/* ---- The interface */

static void free_names(const char *const *names, int64_t count)
{
    for (int64_t i = 0; names && i < count; i++)
        mem_free((char *)names[i]);
    mem_free((void *)names);
}

static bool copy_names(cairn_dataset_spec *spec)
{
    const char *const *from = spec->class_names;
    spec->class_names = NULL;
    if (!from || spec->classes < 1)
        return true;
    const char **copy = mem_array((size_t)spec->classes, sizeof *copy);
    if (!copy)
        return false;
    spec->class_names = copy;
    for (int64_t i = 0; i < spec->classes; i++)
        if (!(copy[i] = mem_copy_string(from[i])))
            return false;
    return true;
}

static cairn_status check_spec(const cairn_dataset_spec *s)
{
    if (!s->get || s->count < 0 || s->classes < 0)
        return error_set(CAIRN_E_ARGUMENT, "dataset: needs `get`, and a count and classes of at least 0");
    if (!shape_check("dataset", &s->x_shape, s->x_type) || !shape_check("dataset", &s->y_shape, s->y_type))
        return cairn_error();
    if (s->classes && (s->y_type != CAIRN_I64 || s->y_shape.rank))
        return error_set(CAIRN_E_TYPE, "dataset: classes need y as one i64");
    return CAIRN_OK;
}

cairn_dataset *cairn_dataset_new(const cairn_dataset_spec *spec)
{
    if (!spec) {
        error_set(CAIRN_E_ARGUMENT, "dataset: the spec is NULL");
        return NULL;
    }
    cairn_dataset *d = check_spec(spec) ? NULL : mem_new(sizeof *d);
    if (d)
        d->spec = *spec;
    if (!d || !copy_names(&d->spec)) {
        if (d)
            free_names(d->spec.class_names, d->spec.classes);
        mem_free(d);
        if (spec->release)
            spec->release(spec->context);
        return NULL;
    }
    atomic_init(&d->refs, 1);
    d->x_bytes = shape_numel(&spec->x_shape) * cairn_dtype_bytes(spec->x_type);
    d->y_bytes = shape_numel(&spec->y_shape) * cairn_dtype_bytes(spec->y_type);
    return d;
}

cairn_dataset *cairn_dataset_keep(cairn_dataset *d)
{
    if (d)
        atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void cairn_dataset_free(cairn_dataset *d)
{
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (d->spec.release)
        d->spec.release(d->spec.context);
    free_names(d->spec.class_names, d->spec.classes);
    mem_free(d);
}

const cairn_dataset_spec *cairn_dataset_spec_of(const cairn_dataset *d) { return d ? &d->spec : NULL; }

cairn_status cairn_dataset_get(const cairn_dataset *d, int64_t index, void *x, void *y)
{
    if (!d || !x || !y)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "dataset_get: a NULL argument");
    if (index < 0 || index >= d->spec.count)
        return error_set(CAIRN_E_RANGE, "dataset_get: sample %lld of %lld", (long long)index,
                         (long long)d->spec.count);
    return d->spec.get(d->spec.context, index, x, y);
}

/* ---- Of tensors */

typedef struct tensors {
    value *x, *y;                      /* dense row-major leaves */
    const uint8_t *x_data, *y_data;
    int64_t x_bytes, y_bytes;          /* of one sample */
} tensors;

static cairn_status tensors_get(void *context, int64_t index, void *x, void *y)
{
    const tensors *t = context;
    memcpy(x, t->x_data + index * t->x_bytes, (size_t)t->x_bytes);
    memcpy(y, t->y_data + index * t->y_bytes, (size_t)t->y_bytes);
    return CAIRN_OK;
}

static void tensors_release(void *context)
{
    tensors *t = context;
    value_unref(t->x);
    value_unref(t->y);
    mem_free(t);
}

/* A dense leaf with the elements of x as `type`: x's own value when it is that, a copy else. Counted. */
static value *dense_leaf(cairn_tensor *x, cairn_dtype type)
{
    if (cairn_eval(x))
        return NULL;
    value *v = handle_value(x);
    if (v->type == type && value_is_dense(v, false))
        return value_ref(v);
    buffer *b = buffer_new(shape_numel(&v->shape) * cairn_dtype_bytes(type));
    if (!b)
        return NULL;
    value *copy = cairn_copy_out(x, b->data, type) ? NULL : value_leaf(&v->shape, type, b);
    buffer_unref(b);
    return copy;
}

static const uint8_t *leaf_data(const value *v)
{
    return (const uint8_t *)v->data->data + v->offset * cairn_dtype_bytes(v->type);
}

/* The shape of one of the rows of s. */
static cairn_shape row_shape(const cairn_shape *s)
{
    cairn_shape row = {.rank = s->rank - 1};
    memcpy(row.size, s->size + 1, sizeof *row.size * (size_t)row.rank);
    return row;
}

/* One more than the largest label; checks all of them. -1 on error. */
static int64_t count_classes(const char *op, const int64_t *label, int64_t count, int64_t classes)
{
    int64_t most = 0;
    for (int64_t i = 0; i < count; i++) {
        if (label[i] < 0 || (classes && label[i] >= classes)) {
            error_set(CAIRN_E_RANGE, "%s: label %lld of sample %lld is not in 0 ... %lld", op, (long long)label[i],
                      (long long)i, classes ? (long long)classes - 1 : INT32_MAX);
            return -1;
        }
        most = label[i] > most ? label[i] : most;
    }
    if (most >= INT32_MAX)
        return error_set(CAIRN_E_RANGE, "%s: label %lld is too large for a class", op, (long long)most), -1;
    return classes ? classes : most + 1;
}

static cairn_status check_tensors(const char *op, cairn_tensor *x, cairn_tensor *y)
{
    if (!x || !y)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "%s: a tensor is NULL", op);
    cairn_shape sx = cairn_shape_of(x), sy = cairn_shape_of(y);
    if (sx.rank < 1 || sy.rank < 1 || sx.size[0] != sy.size[0])
        return error_set(CAIRN_E_SHAPE, "%s: x %s and y %s differ in their number of samples", op, SHAPE(&sx),
                         SHAPE(&sy));
    if (!sx.size[0])
        return error_set(CAIRN_E_ARGUMENT, "%s: the data set is empty", op);
    return CAIRN_OK;
}

cairn_dataset *dataset_of_tensors(const char *op, cairn_tensor *x, cairn_tensor *y, int64_t classes,
                                  const char *const *names)
{
    if (check_tensors(op, x, y))
        return NULL;
    cairn_shape sx = cairn_shape_of(x), sy = cairn_shape_of(y);
    bool labels = sy.rank == 1 && type_is_integer(cairn_dtype_of(y));
    tensors *t = mem_new(sizeof *t);
    if (!t || !(t->x = dense_leaf(x, cairn_dtype_of(x))) ||
        !(t->y = dense_leaf(y, labels ? CAIRN_I64 : cairn_dtype_of(y))))
        goto fail;
    t->x_data = leaf_data(t->x);
    t->y_data = leaf_data(t->y);
    if (labels && (classes = count_classes(op, (const int64_t *)t->y_data, sy.size[0], classes)) < 0)
        goto fail;
    cairn_dataset_spec spec = {.count = sx.size[0],
                               .x_shape = row_shape(&sx),
                               .y_shape = row_shape(&sy),
                               .x_type = t->x->type,
                               .y_type = t->y->type,
                               .classes = labels ? classes : 0,
                               .class_names = names,
                               .get = tensors_get,
                               .release = tensors_release,
                               .context = t};
    t->x_bytes = shape_numel(&spec.x_shape) * cairn_dtype_bytes(spec.x_type);
    t->y_bytes = shape_numel(&spec.y_shape) * cairn_dtype_bytes(spec.y_type);
    return cairn_dataset_new(&spec);
fail:
    if (t)
        tensors_release(t);
    return NULL;
}

cairn_dataset *cairn_tensor_dataset(cairn_tensor *x, cairn_tensor *y)
{
    return dataset_of_tensors("tensor_dataset", x, y, 0, NULL);
}

/* ---- Of another data set */

typedef struct subset {
    cairn_dataset *of;
    int64_t *index;
} subset;

static cairn_status subset_get(void *context, int64_t index, void *x, void *y)
{
    const subset *s = context;
    return s->of->spec.get(s->of->spec.context, s->index[index], x, y);
}

static void subset_release(void *context)
{
    subset *s = context;
    cairn_dataset_free(s->of);
    mem_free(s->index);
    mem_free(s);
}

cairn_dataset *cairn_subset(cairn_dataset *d, int64_t count, const int64_t *index)
{
    if (!d)
        return NULL;
    cairn_status status = count < 0 || (count && !index)
                              ? error_set(CAIRN_E_ARGUMENT, "subset: a negative count, or no list")
                              : CAIRN_OK;
    for (int64_t i = 0; i < count && !status; i++)
        if (index[i] < 0 || index[i] >= d->spec.count)
            status = error_set(CAIRN_E_RANGE, "subset: sample %lld of %lld", (long long)index[i],
                               (long long)d->spec.count);
    subset *s = status ? NULL : mem_new(sizeof *s);
    int64_t *copy = s ? mem_array((size_t)count + 1, sizeof *copy) : NULL;
    if (!copy) {
        mem_free(s);
        cairn_dataset_free(d);
        return NULL;
    }
    if (count)
        memcpy(copy, index, (size_t)count * sizeof *copy);
    *s = (subset){d, copy};
    cairn_dataset_spec spec = d->spec;
    spec.count = count;
    spec.get = subset_get;
    spec.release = subset_release;
    spec.context = s;
    return cairn_dataset_new(&spec);
}

cairn_status cairn_split(cairn_dataset *d, double second, uint64_t seed, cairn_dataset **a, cairn_dataset **b)
{
    *a = *b = NULL;
    if (!d)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "split: the data set is NULL");
    int64_t count = d->spec.count, n = (int64_t)ceil((double)count * second);
    int64_t *order = NULL;
    cairn_status status = CAIRN_OK;
    if (!(second > 0 && second < 1) || n >= count)
        status = error_set(CAIRN_E_ARGUMENT, "split: cannot take %g of %lld samples and leave some", second,
                           (long long)count);
    else if (!(order = mem_array((size_t)count, sizeof *order)))
        status = CAIRN_E_MEMORY;
    if (!status) {
        shuffled_order(seed, 0, count, order);
        *a = cairn_subset(cairn_dataset_keep(d), count - n, order);
        *b = cairn_subset(cairn_dataset_keep(d), n, order + count - n);
        if (!*a || !*b) {
            cairn_dataset_free(*a);
            cairn_dataset_free(*b);
            *a = *b = NULL;
            status = cairn_error();
        }
    }
    mem_free(order);
    cairn_dataset_free(d);
    return status;
}

/* ---- Order */

enum { ORDER_STREAM = 0x6f726465 };          /* apart from the streams of random operations and of augmentation */

/* Fisher and Yates, from the end; two 64-bit numbers a block. A number below n by the high half of the product: its bias is
 * below n / 2^64. */
void shuffled_order(uint64_t seed, int64_t epoch, int64_t count, int64_t *order)
{
    uint64_t stream = (uint64_t)ORDER_STREAM << 32 | (uint32_t)epoch;
    philox_block bits = {{0}};
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    for (int64_t i = count - 1, k = 0; i > 0; i--, k++) {
        if (k % 2 == 0)
            bits = philox(seed, stream, (uint64_t)k / 2);
        uint64_t word = (uint64_t)bits.word[k % 2 * 2] << 32 | bits.word[k % 2 * 2 + 1];
        int64_t j = (int64_t)((unsigned __int128)word * (uint64_t)(i + 1) >> 64), moved = order[i];
        order[i] = order[j];
        order[j] = moved;
    }
}
