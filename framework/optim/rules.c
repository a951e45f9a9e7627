/* The optimizers' rules, each on one page with its options: the next value of a parameter p from its gradient g. */
#include "framework/optim/optimizer.h"
#include <math.h>

#define ADD(a, b) update_op(u, OP_add, a, b, NULL)
#define SUB(a, b) update_op(u, OP_sub, a, b, NULL)
#define MUL(a, b) update_op(u, OP_mul, a, b, NULL)
#define SQUARE(a) update_op(u, OP_square, a, NULL, NULL)
#define LERP(a, b, weight) update_op(u, OP_lerp, a, b, weight)          /* a + (b - a) weight */
#define DIV_ROOT(a, b, eps) update_op(u, OP_div_root, a, b, eps)        /* a / (sqrt(b) + eps) */
#define STEP(p, slope, size) update_op(u, OP_sub_mul, slope, size, p)   /* p - slope size */

/* Places of numbers: those that a rule uses at once differ. */
enum { DECAY, ONE_MINUS_BETA1, ONE_MINUS_BETA2, BETA2, EPS, STEP_SIZE, MOMENTUM, UNDAMPED };
#define NUMBER(place, x) update_number(u, place, x)

/* The gradient of what is minimised: turned round for maximize, with the L2 term of weight decay. */
static value *gradient_of(update *u)
{
    value *g = u->h->maximize ? update_op(u, OP_neg, u->g, NULL, NULL) : u->g;
    if (u->h->weight_decay > 0 && !u->h->decoupled)
        g = ADD(g, MUL(u->p, NUMBER(DECAY, u->h->weight_decay)));
    return g;
}

/* ---- SGD */

static int states_sgd(const hyper *h, const char **names)
{
    names[0] = "momentum_buffer";
    return h->momentum > 0;
}

/* The first step takes the gradient whole, as PyTorch does. */
static void build_sgd(update *u)
{
    const hyper *h = u->h;
    value *g = gradient_of(u), *lr = NUMBER(STEP_SIZE, h->lr);
    if (h->momentum > 0) {
        value *momentum = NUMBER(MOMENTUM, h->momentum), *add = g;
        if (h->dampening != 0)
            add = MUL(g, NUMBER(UNDAMPED, u->step == 1 ? 1 : 1 - h->dampening));
        value *v = ADD(MUL(u->state[0], momentum), add);
        u->next_state[0] = v;
        g = h->nesterov ? ADD(g, MUL(v, momentum)) : v;
    }
    u->next_p = STEP(u->p, g, lr);
}

cairn_optimizer *cairn_sgd(cairn_tensor_list parameters, const cairn_sgd_options *options)
{
    static const rule sgd = {"sgd", states_sgd, build_sgd};
    cairn_sgd_options a = options ? *options : (cairn_sgd_options){0};
    hyper h = {.lr = option_or(a.lr, 1e-3), .momentum = a.momentum, .dampening = a.dampening, .weight_decay = a.weight_decay,
               .nesterov = a.nesterov, .maximize = a.maximize};
    return optimizer_new(&sgd, &h, parameters);
}

/* ---- Adam, AdamW */

static int states_adam(const hyper *h, const char **names)
{
    names[0] = "exp_avg";
    names[1] = "exp_avg_sq";
    names[2] = "max_exp_avg_sq";
    return h->amsgrad ? 3 : 2;
}

/* m = lerp(m, g, 1 - beta1), v = lerp(v, g^2, 1 - beta2)
 * p = p - lr (m / c1) / (sqrt(v / c2) + eps), c = 1 - beta^t
 *   = p - (lr sqrt(c2) / c1) m / (sqrt(v) + eps sqrt(c2)): two operations fewer. */
static void build_adam(update *u)
{
    const hyper *h = u->h;
    double c1 = 1 - pow(h->beta1, (double)u->step), c2 = sqrt(1 - pow(h->beta2, (double)u->step));
    value *g = gradient_of(u), *p = u->p;
    if (h->decoupled && h->weight_decay > 0)
        p = MUL(p, NUMBER(DECAY, 1 - h->lr * h->weight_decay));
    value *m = LERP(u->state[0], g, NUMBER(ONE_MINUS_BETA1, 1 - h->beta1));
    value *v = LERP(u->state[1], SQUARE(g), NUMBER(ONE_MINUS_BETA2, 1 - h->beta2));
    value *top = v;
    u->next_state[0] = m;
    u->next_state[1] = v;
    if (h->amsgrad)
        u->next_state[2] = top = update_op(u, OP_maximum, u->state[2], v, NULL);
    value *slope = DIV_ROOT(m, top, NUMBER(EPS, h->eps * c2));
    u->next_p = STEP(p, slope, NUMBER(STEP_SIZE, h->lr * c2 / c1));
}

static cairn_optimizer *adam(cairn_tensor_list parameters, const cairn_adam_options *options, const rule *rule, bool decoupled)
{
    cairn_adam_options a = options ? *options : (cairn_adam_options){0};
    hyper h = {.lr = option_or(a.lr, 1e-3), .beta1 = option_or(a.beta1, 0.9), .beta2 = option_or(a.beta2, 0.999),
               .eps = option_or(a.eps, 1e-8), .weight_decay = option_or(a.weight_decay, decoupled ? 1e-2 : 0),
               .amsgrad = a.amsgrad, .maximize = a.maximize, .decoupled = decoupled};
    return optimizer_new(rule, &h, parameters);
}

cairn_optimizer *cairn_adam(cairn_tensor_list parameters, const cairn_adam_options *options)
{
    static const rule with_l2 = {"adam", states_adam, build_adam};
    return adam(parameters, options, &with_l2, false);
}

cairn_optimizer *cairn_adamw(cairn_tensor_list parameters, const cairn_adam_options *options)
{
    static const rule with_decay = {"adamw", states_adam, build_adam};
    return adam(parameters, options, &with_decay, true);
}

/* ---- RMSprop */

static int states_rmsprop(const hyper *h, const char **names)
{
    int count = 0;
    names[count++] = "square_avg";
    if (h->centered)
        names[count++] = "grad_avg";
    if (h->momentum > 0)
        names[count++] = "momentum_buffer";
    return count;
}

static void build_rmsprop(update *u)
{
    const hyper *h = u->h;
    int next = 0;
    value *g = gradient_of(u), *weight = NUMBER(ONE_MINUS_BETA2, 1 - h->alpha);
    value *s = ADD(MUL(u->state[next], NUMBER(BETA2, h->alpha)), MUL(SQUARE(g), weight)), *variance = s;
    u->next_state[next++] = s;
    if (h->centered) {
        value *mean = LERP(u->state[next], g, weight);
        u->next_state[next++] = mean;
        variance = SUB(s, SQUARE(mean));
    }
    value *slope = DIV_ROOT(g, variance, NUMBER(EPS, h->eps));
    if (h->momentum > 0)
        u->next_state[next] = slope = ADD(MUL(u->state[next], NUMBER(MOMENTUM, h->momentum)), slope);
    u->next_p = STEP(u->p, slope, NUMBER(STEP_SIZE, h->lr));
}

cairn_optimizer *cairn_rmsprop(cairn_tensor_list parameters, const cairn_rmsprop_options *options)
{
    static const rule rmsprop = {"rmsprop", states_rmsprop, build_rmsprop};
    cairn_rmsprop_options a = options ? *options : (cairn_rmsprop_options){0};
    hyper h = {.lr = option_or(a.lr, 1e-2), .alpha = option_or(a.alpha, 0.99), .eps = option_or(a.eps, 1e-8), .momentum = a.momentum,
               .weight_decay = a.weight_decay, .centered = a.centered, .maximize = a.maximize};
    return optimizer_new(&rmsprop, &h, parameters);
}
