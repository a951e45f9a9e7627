/* Operations on masks and diagonals: composed of where and positions, so that they fuse; and those whose result has
 * as many elements as a mask has true ones, which look at it at once. */
#include "framework/ops/lanes.h"
#include "framework/ops/rules.h"
#include <cairn/ops.h>

cairn_tensor *cairn_masked_fill(cairn_tensor *x, cairn_tensor *mask, double number)
{
    COMPOSED(cairn_where(mask, scalar_like(x, number), x));
}

/* Element i of the mask, when true, takes element (true ones before it) of from. */
cairn_tensor *cairn_masked_scatter(cairn_tensor *x, cairn_tensor *mask, cairn_tensor *from)
{
    value *v = handle_value(x), *k = handle_value(mask);
    if (!v || !k || !handle_value(from))
        return NULL;
    cairn_mark m = cairn_scope_push();
    mask = cairn_expand(mask, v->shape);
    cairn_tensor *rank = cairn_cumsum(cairn_to(cairn_reshape(mask, CAIRN_SHAPE(-1)), CAIRN_I64), 0);
    rank = cairn_maximum(cairn_sub(rank, cairn_integer(1)), cairn_integer(0));
    rank = cairn_mul(rank, cairn_to(cairn_reshape(mask, CAIRN_SHAPE(-1)), CAIRN_I64));   /* 0 where nothing is taken */
    cairn_tensor *taken = shape_numel(&handle_value(from)->shape) ? cairn_take(from, rank) : cairn_reshape(x, CAIRN_SHAPE(-1));
    return cairn_scope_pop(m, cairn_where(mask, cairn_reshape(cairn_to(taken, (cairn_dtype)v->type), v->shape), x));
}

/* The positions of the true elements in row-major order; NULL on error. */
static cairn_tensor *true_positions(cairn_tensor *mask)
{
    cairn_mark m = cairn_scope_push();
    const uint8_t *bit = cairn_data(cairn_to(mask, CAIRN_BOOL));
    int64_t numel = cairn_numel(mask), count = 0, *out;
    if (!bit)
        return cairn_scope_pop(m, NULL);
    for (int64_t i = 0; i < numel; i++)
        count += bit[i] != 0;
    cairn_tensor *y = leaf_new(&CAIRN_SHAPE(count), CAIRN_I64, (void **)&out);
    for (int64_t i = 0, k = 0; y && i < numel; i++)
        if (bit[i])
            out[k++] = i;
    return cairn_scope_pop(m, y);
}

cairn_tensor *cairn_masked_select(cairn_tensor *x, cairn_tensor *mask)
{
    value *v = handle_value(x), *k = handle_value(mask);
    shape both;
    if (!v || !k)
        return NULL;
    if (!shape_broadcast(&v->shape, &k->shape, &both)) {
        error_set(CAIRN_E_SHAPE, "masked_select: a mask of %s for %s", SHAPE(&k->shape), SHAPE(&v->shape));
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    cairn_tensor *index = true_positions(cairn_expand(mask, both));
    return cairn_scope_pop(m, cairn_take(cairn_expand(x, both), index));
}

cairn_tensor *cairn_nonzero(cairn_tensor *x)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *flat = true_positions(x);
    const int64_t *at = cairn_data(flat);
    int64_t count = cairn_numel(flat), *out;
    int rank = v->shape.rank;
    cairn_tensor *y = at ? leaf_new(&CAIRN_SHAPE(count, rank), CAIRN_I64, (void **)&out) : NULL;
    for (int64_t k = 0; y && k < count; k++)
        for (int64_t i = rank - 1, left = at[k]; i >= 0; i--) {
            out[k * rank + i] = left % v->shape.size[i];
            left /= v->shape.size[i];
        }
    return cairn_scope_pop(m, y);
}

cairn_tensor *cairn_one_hot(cairn_tensor *index, int64_t classes)
{
    cairn_mark m = cairn_scope_push();
    index = in_index_type("one_hot", index);
    if (!index)
        return cairn_scope_pop(m, NULL);
    if (classes < 0)
        classes = cairn_numel(index) ? cairn_item_i64(cairn_amax(index, CAIRN_ALL_AXES, false)) + 1 : 0;
    int rank = cairn_rank(index) + 1;
    cairn_tensor *hit = cairn_eq(cairn_unsqueeze(index, -1), iota(classes, rank - 1, rank));
    return cairn_scope_pop(m, cairn_to(hit, CAIRN_I64));
}

/* column - row <= offset, or >= */
static cairn_tensor *triangle(const char *op, cairn_tensor *x, int64_t offset, bool lower)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (v->shape.rank < 2) {
        error_set(CAIRN_E_SHAPE, "%s: needs a matrix, got %s", op, SHAPE(&v->shape));
        return NULL;
    }
    int64_t rows = v->shape.size[v->shape.rank - 2], columns = v->shape.size[v->shape.rank - 1];
    cairn_mark m = cairn_scope_push();
    cairn_tensor *diagonal = cairn_sub(iota(columns, 1, 2), iota(rows, 0, 2)), *at = cairn_integer(offset);
    cairn_tensor *keep = lower ? cairn_le(diagonal, at) : cairn_ge(diagonal, at);
    return cairn_scope_pop(m, cairn_where(keep, x, scalar_like(x, 0)));
}
cairn_tensor *cairn_tril(cairn_tensor *x, int64_t offset) { return triangle("tril", x, offset, true); }
cairn_tensor *cairn_triu(cairn_tensor *x, int64_t offset) { return triangle("triu", x, offset, false); }

cairn_tensor *cairn_diag(cairn_tensor *x, int64_t offset)
{
    value *v = handle_value(x);
    if (!v)
        return NULL;
    if (v->shape.rank != 1) {
        error_set(CAIRN_E_SHAPE, "diag: needs a vector, got %s", SHAPE(&v->shape));
        return NULL;
    }
    int64_t n = v->shape.size[0], side = n + (offset < 0 ? -offset : offset);
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = cairn_zeros(CAIRN_SHAPE(side, side), (cairn_dtype)v->type);
    return cairn_scope_pop(m, cairn_copy_(cairn_diagonal(y, offset, 0, 1), x) ? y : NULL);
}
