/* Gradients by hand: no module, no optimizer. A line is fitted by gradient descent, then by Newton's method, which takes
 * the gradient of a gradient.
 *
 *     autograd [--steps N] */
#include "options.h"

/* mean (a x + b - y)^2, w = (a, b) */
static cairn_tensor *loss_of(cairn_tensor *w, cairn_tensor *x, cairn_tensor *y)
{
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *line = cairn_add(cairn_mul(cairn_select(w, 0, 0), x), cairn_select(w, 0, 1));
    return cairn_scope_pop(mark, cairn_mean(cairn_square(cairn_sub(line, y)), CAIRN_ALL_AXES, false));
}

static void gradient_descent(cairn_tensor *x, cairn_tensor *y, int steps)
{
    cairn_tensor *w = cairn_requires_grad_(cairn_zeros(CAIRN_SHAPE(2), CAIRN_F64), true);
    for (int step = 0; step < steps && !cairn_error(); step++) {
        cairn_mark mark = cairn_scope_push();
        cairn_tensor *loss = loss_of(w, x, y);
        cairn_backward(loss);                                /* adds to cairn_grad_of(w) */
        cairn_no_grad_begin();                               /* the update is not part of what is differentiated */
        cairn_sub_(w, cairn_mul(cairn_grad_of(w), cairn_number(0.3)));
        cairn_no_grad_end();
        cairn_clear_grad(w);
        if (worth_a_line(step, steps))
            printf("step %3d  loss %.6f\n", step, cairn_item(loss));
        cairn_scope_pop(mark, NULL);
    }
    printf("gradient descent: ");
    cairn_print(w);
}

/* One step of Newton's method solves a quadratic problem: w - H^-1 g, for a 2 x 2 matrix H by hand. */
static void newton(cairn_tensor *x, cairn_tensor *y)
{
    cairn_tensor *w = cairn_requires_grad_(cairn_zeros(CAIRN_SHAPE(2), CAIRN_F64), true), *g, *row[2];
    if (cairn_grad(loss_of(w, x, y), NULL, 1, &w, &g))      /* g has a history: it can be differentiated again */
        return;
    for (int i = 0; i < 2; i++)
        if (cairn_grad(cairn_select(g, 0, i), NULL, 1, &w, &row[i]))
            return;
    cairn_eval_list(3, (cairn_tensor *[]){g, row[0], row[1]});
    const double *h0 = cairn_data(row[0]), *h1 = cairn_data(row[1]), *slope = cairn_data(g);
    if (cairn_error())
        return;
    double determinant = h0[0] * h1[1] - h0[1] * h1[0];
    double a = -(h1[1] * slope[0] - h0[1] * slope[1]) / determinant, b = -(h0[0] * slope[1] - h1[0] * slope[0]) / determinant;
    printf("Newton's method:  [%.6f %.6f]\n", a, b);
}

int main(int argc, char **argv)
{
    cairn_seed(2);
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *x = cairn_rand(CAIRN_SHAPE(200), CAIRN_F64);
    cairn_tensor *noise = cairn_mul(cairn_randn(CAIRN_SHAPE(200), CAIRN_F64), cairn_number(0.1));
    cairn_tensor *y = cairn_add(cairn_add(cairn_mul(x, cairn_number(3)), cairn_number(-1)), noise);   /* y = 3 x - 1 */
    gradient_descent(x, y, steps_wanted(argc, argv, 400));
    newton(x, y);
    cairn_scope_pop(mark, NULL);
    return cairn_error() ? 1 : 0;
}
