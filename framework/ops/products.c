/* Matrix and vector products composed of matmul. */
#include "framework/ops/autocast.h"
#include "framework/ops/rules.h"
#include <cairn/functional.h>
#include <math.h>

/* The ranks of x and y are as wanted; false with the error set, or when one is NULL. */
static bool ranks(const char *op, cairn_tensor *x, int of_x, cairn_tensor *y, int of_y)
{
    value *a = handle_value(x), *b = handle_value(y);
    if (!a || !b)
        return false;
    if (a->shape.rank == of_x && b->shape.rank == of_y)
        return true;
    error_set(CAIRN_E_SHAPE, "%s: needs ranks %d and %d, got %s and %s", op, of_x, of_y, SHAPE(&a->shape), SHAPE(&b->shape));
    return false;
}

cairn_tensor *cairn_mm(cairn_tensor *x, cairn_tensor *w) { return ranks("mm", x, 2, w, 2) ? cairn_matmul(x, w) : NULL; }
cairn_tensor *cairn_mv(cairn_tensor *x, cairn_tensor *vector) { return ranks("mv", x, 2, vector, 1) ? cairn_matmul(x, vector) : NULL; }
cairn_tensor *cairn_dot(cairn_tensor *x, cairn_tensor *y) { return ranks("dot", x, 1, y, 1) ? cairn_matmul(x, y) : NULL; }

cairn_tensor *cairn_bmm(cairn_tensor *x, cairn_tensor *w)
{
    if (!ranks("bmm", x, 3, w, 3))
        return NULL;
    if (x->v->shape.size[0] != w->v->shape.size[0]) {
        error_set(CAIRN_E_SHAPE, "bmm: batches differ: %s @ %s", SHAPE(&x->v->shape), SHAPE(&w->v->shape));
        return NULL;
    }
    return cairn_matmul(x, w);
}

cairn_tensor *cairn_outer(cairn_tensor *x, cairn_tensor *y)
{
    if (!ranks("outer", x, 1, y, 1))
        return NULL;
    COMPOSED(cairn_mul(cairn_unsqueeze(x, 1), y));
}

/* beta c + product; alpha and beta of 1 cost nothing, and beta 0 does not look at c. */
static cairn_tensor *combined(cairn_tensor *c, cairn_tensor *product, double beta, double alpha)
{
    if (alpha != 1)
        product = cairn_mul(product, cairn_number(alpha));
    if (beta == 0)
        return product;
    return cairn_add(beta == 1 ? c : cairn_mul(c, cairn_number(beta)), product);
}

cairn_tensor *cairn_addmm(cairn_tensor *c, cairn_tensor *x, cairn_tensor *w, double beta, double alpha)
{
    if (!c)
        return NULL;
    COMPOSED(combined(c, cairn_mm(x, w), beta, alpha));
}

cairn_tensor *cairn_baddbmm(cairn_tensor *c, cairn_tensor *x, cairn_tensor *w, double beta, double alpha)
{
    if (!c)
        return NULL;
    COMPOSED(combined(c, cairn_bmm(x, w), beta, alpha));
}

cairn_tensor *cairn_f_linear(cairn_tensor *x, cairn_tensor *weight, cairn_tensor *bias)
{
    value *w = handle_value(weight), *v = handle_value(x);
    if (!w || !v)
        return NULL;
    if (w->shape.rank != 2 || v->shape.rank < 1 || v->shape.size[v->shape.rank - 1] != w->shape.size[1]) {
        error_set(CAIRN_E_SHAPE, "linear: %s with a weight of %s", SHAPE(&v->shape), SHAPE(&w->shape));
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = cairn_matmul(x, cairn_mT(weight));
    return cairn_scope_pop(m, bias ? cairn_add(y, autocast_low(bias)) : y);
}

cairn_tensor *cairn_f_bilinear(cairn_tensor *x1, cairn_tensor *x2, cairn_tensor *weight, cairn_tensor *bias)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = cairn_einsum("...a,oab,...b->...o", 3, (cairn_tensor *[]){x1, weight, x2});
    return cairn_scope_pop(m, bias ? cairn_add(y, bias) : y);
}

/* ---- tensordot, kron, cdist */

/* x as a matrix (other axes, named axes) or, `first`, (named axes, other axes); `others` gets the sizes of the others. */
static cairn_tensor *as_matrix(cairn_tensor *x, cairn_axes axes, bool first, shape *others)
{
    value *v = handle_value(x);
    uint32_t mask = 0;
    if (!v || (axes.count && !axes_check("tensordot", &axes, v->shape.rank, &mask)))
        return NULL;
    cairn_axes order = {0}, rest = {0};
    int64_t named = 1, other = 1;
    for (int i = 0; i < v->shape.rank; i++)
        if (!(mask >> i & 1)) {
            rest.axis[rest.count++] = i;
            other *= v->shape.size[i];
            if (others->rank < CAIRN_MAX_RANK)
                others->size[others->rank++] = v->shape.size[i];
        }
    for (int i = 0; i < axes.count; i++)
        named *= cairn_size(x, axes.axis[i]);
    for (int part = 0; part < 2; part++) {
        const cairn_axes *from = (part == 0) == first ? &axes : &rest;
        for (int i = 0; i < from->count; i++)
            order.axis[order.count++] = from->axis[i];
    }
    return cairn_reshape(cairn_permute(x, order), first ? CAIRN_SHAPE(named, other) : CAIRN_SHAPE(other, named));
}

cairn_tensor *cairn_tensordot(cairn_tensor *x, cairn_tensor *y, cairn_axes x_axes, cairn_axes y_axes)
{
    value *a = handle_value(x), *b = handle_value(y);
    if (!a || !b)
        return NULL;
    bool fits = x_axes.count == y_axes.count && a->shape.rank + b->shape.rank - 2 * x_axes.count <= CAIRN_MAX_RANK;
    for (int i = 0; i < x_axes.count && fits; i++)
        fits = cairn_size(x, x_axes.axis[i]) == cairn_size(y, y_axes.axis[i]);
    if (!fits) {
        error_set(CAIRN_E_SHAPE, "tensordot: the axes of %s and %s do not pair", SHAPE(&a->shape), SHAPE(&b->shape));
        return NULL;
    }
    shape to = {0};
    cairn_mark m = cairn_scope_push();
    cairn_tensor *left = as_matrix(x, x_axes, false, &to), *right = as_matrix(y, y_axes, true, &to);
    return cairn_scope_pop(m, cairn_reshape(cairn_matmul(left, right), to));
}

/* (.., a, ..) and (.., b, ..) -> (.., a b, ..): as (.., a, 1, ..) * (.., 1, b, ..). */
cairn_tensor *cairn_kron(cairn_tensor *x, cairn_tensor *y)
{
    value *a = handle_value(x), *b = handle_value(y);
    if (!a || !b)
        return NULL;
    int rank = a->shape.rank > b->shape.rank ? a->shape.rank : b->shape.rank;
    if (2 * rank > CAIRN_MAX_RANK) {
        error_set(CAIRN_E_UNSUPPORTED, "kron: of %s and %s; ranks up to %d", SHAPE(&a->shape), SHAPE(&b->shape), CAIRN_MAX_RANK / 2);
        return NULL;
    }
    shape wide[2] = {{.rank = 2 * rank}, {.rank = 2 * rank}}, to = {.rank = rank};
    for (int i = 0; i < rank; i++) {
        int ia = i - (rank - a->shape.rank), ib = i - (rank - b->shape.rank);
        wide[0].size[2 * i] = ia < 0 ? 1 : a->shape.size[ia];
        wide[1].size[2 * i + 1] = ib < 0 ? 1 : b->shape.size[ib];
        wide[0].size[2 * i + 1] = wide[1].size[2 * i] = 1;
        to.size[i] = wide[0].size[2 * i] * wide[1].size[2 * i + 1];
    }
    COMPOSED(cairn_reshape(cairn_mul(cairn_reshape(x, wide[0]), cairn_reshape(y, wide[1])), to));
}

/* A distance of 0 has the gradient 0, not that of the root. */
static cairn_tensor *root(cairn_tensor *sum, double p)
{
    cairn_tensor *zero = cairn_eq(sum, cairn_number(0)), *safe = cairn_where(zero, cairn_number(1), sum);
    return cairn_where(zero, cairn_number(0), p == 2 ? cairn_sqrt(safe) : cairn_pow(safe, cairn_number(1 / p)));
}

cairn_tensor *cairn_cdist(cairn_tensor *x, cairn_tensor *y, double p)
{
    value *a = handle_value(x), *b = handle_value(y);
    if (!a || !b)
        return NULL;
    if (a->shape.rank < 2 || b->shape.rank < 2 || cairn_size(x, -1) != cairn_size(y, -1) || !(p >= 0)) {
        error_set(CAIRN_E_SHAPE, "cdist: rows of %s and %s, p = %g", SHAPE(&a->shape), SHAPE(&b->shape), p);
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    cairn_tensor *d = cairn_sub(cairn_unsqueeze(x, -2), cairn_unsqueeze(y, -3));
    if (p == 0 || p == 1 || p == INFINITY)
        return cairn_scope_pop(m, cairn_norm(d, p, CAIRN_AXES(-1), false));
    cairn_tensor *power = p == 2 ? cairn_square(d) : cairn_pow(cairn_abs(d), cairn_number(p));
    return cairn_scope_pop(m, root(cairn_sum(power, CAIRN_AXES(-1), false), p));
}
