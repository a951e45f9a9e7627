/* Schedules of the learning rate. Each is a function that gives a group's next rate from its present one, as PyTorch's
 * chainable forms do: so several may work on the same rate. */
#include "framework/optim/optimizer.h"
#include <math.h>
#include <string.h>

typedef struct cairn_scheduler scheduler;

typedef struct schedule {
    const char *name;
    double (*rate)(const scheduler *s, const group *g);      /* at s->t, when the rate of t - 1 is g->h.lr */
    void (*also)(scheduler *s);                              /* what else changes; or NULL */
} schedule;

struct cairn_scheduler {
    const schedule *kind;
    cairn_optimizer *o;
    int64_t t;
    double factor, least, power, to;
    int64_t every;
    int64_t *milestones;
    int count;                           /* of milestones, or parts */
    scheduler **parts;                   /* owned */
    double (*function)(void *context, int64_t t);
    void *context;
    cairn_one_cycle_options cycle;
    cairn_plateau_options plateau;
    double best;
    int64_t bad, waiting;                /* of plateau */
    list_store store;
};

/* ---- Life */

static void apply(scheduler *s)
{
    if (s->kind->rate)
        for (int i = 0; i < s->o->group_count; i++) {
            group *g = &s->o->groups[i];
            if (isnan(g->first_lr))
                g->first_lr = g->h.lr;
            g->h.lr = s->kind->rate(s, g);
        }
    if (s->kind->also)
        s->kind->also(s);
}

static scheduler *scheduler_new(const schedule *kind, cairn_optimizer *o, bool valid)
{
    if (!o || !valid) {
        if (!cairn_error())
            error_set(CAIRN_E_ARGUMENT, "%s: %s", kind->name, o ? "an argument is out of its range" : "the optimizer is NULL");
        return NULL;
    }
    scheduler *s = mem_new(sizeof *s);
    if (!s)
        return NULL;
    s->kind = kind;
    s->o = o;
    return s;
}

static scheduler *begun(scheduler *s)
{
    if (s)
        apply(s);
    return s;
}

void cairn_scheduler_free(scheduler *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->count && s->parts; i++)
        cairn_scheduler_free(s->parts[i]);
    list_clear(&s->store);
    mem_free(s->parts);
    mem_free(s->milestones);
    mem_free(s);
}

/* ---- Functions of the present rate */

static double step_rate(const scheduler *s, const group *g)
{
    return s->t && s->t % s->every == 0 ? g->h.lr * s->factor : g->h.lr;
}

scheduler *cairn_step_lr(cairn_optimizer *o, int64_t every, double gamma)
{
    static const schedule kind = {"step_lr", step_rate};
    scheduler *s = scheduler_new(&kind, o, every > 0 && gamma >= 0);
    if (s) {
        s->every = every;
        s->factor = gamma;
    }
    return begun(s);
}

static double multi_step_rate(const scheduler *s, const group *g)
{
    double lr = g->h.lr;
    for (int i = 0; i < s->count; i++)
        lr *= s->milestones[i] == s->t ? s->factor : 1;
    return lr;
}

static bool ascending(int count, const int64_t *milestones)
{
    bool fine = count >= 0 && (!count || milestones);
    for (int i = 1; i < count && fine; i++)
        fine = milestones[i] >= milestones[i - 1];
    return fine;
}

static bool take_milestones(scheduler *s, int count, const int64_t *milestones)
{
    s->milestones = mem_array((size_t)count + 1, sizeof *milestones);
    if (s->milestones && count)
        memcpy(s->milestones, milestones, (size_t)count * sizeof *milestones);
    return s->milestones != NULL;
}

scheduler *cairn_multi_step_lr(cairn_optimizer *o, int count, const int64_t *milestones, double gamma)
{
    static const schedule kind = {"multi_step_lr", multi_step_rate};
    scheduler *s = scheduler_new(&kind, o, ascending(count, milestones) && gamma >= 0);
    if (s && !take_milestones(s, count, milestones)) {
        cairn_scheduler_free(s);
        return NULL;
    }
    if (s) {
        s->count = count;
        s->factor = gamma;
    }
    return begun(s);
}

static double exponential_rate(const scheduler *s, const group *g) { return s->t ? g->h.lr * s->factor : g->h.lr; }

scheduler *cairn_exponential_lr(cairn_optimizer *o, double gamma)
{
    static const schedule kind = {"exponential_lr", exponential_rate};
    scheduler *s = scheduler_new(&kind, o, gamma >= 0);
    if (s)
        s->factor = gamma;
    return begun(s);
}

static double constant_rate(const scheduler *s, const group *g)
{
    return s->t == 0 ? g->h.lr * s->factor : s->t == s->every ? g->h.lr / s->factor : g->h.lr;
}

scheduler *cairn_constant_lr(cairn_optimizer *o, double factor, int64_t steps)
{
    static const schedule kind = {"constant_lr", constant_rate};
    scheduler *s = scheduler_new(&kind, o, factor > 0 && factor <= 1 && steps >= 0);
    if (s) {
        s->factor = factor;
        s->every = steps;
    }
    return begun(s);
}

static double linear_rate(const scheduler *s, const group *g)
{
    double rise = s->to - s->factor;
    if (s->t == 0)
        return g->h.lr * s->factor;
    if (s->t > s->every)
        return g->h.lr;
    return g->h.lr * (1 + rise / ((double)s->every * s->factor + (double)(s->t - 1) * rise));
}

scheduler *cairn_linear_lr(cairn_optimizer *o, double from, double to, int64_t steps)
{
    static const schedule kind = {"linear_lr", linear_rate};
    scheduler *s = scheduler_new(&kind, o, from > 0 && from <= 1 && to >= 0 && to <= 1 && steps > 0);
    if (s) {
        s->factor = from;
        s->to = to;
        s->every = steps;
    }
    return begun(s);
}

static double polynomial_rate(const scheduler *s, const group *g)
{
    if (s->t == 0 || s->t > s->every)
        return g->h.lr;
    double n = (double)s->every, t = (double)s->t;
    return g->h.lr * pow((1 - t / n) / (1 - (t - 1) / n), s->power);
}

scheduler *cairn_polynomial_lr(cairn_optimizer *o, int64_t steps, double power)
{
    static const schedule kind = {"polynomial_lr", polynomial_rate};
    scheduler *s = scheduler_new(&kind, o, steps > 0 && power >= 0);
    if (s) {
        s->every = steps;
        s->power = power;
    }
    return begun(s);
}

static double cosine_rate(const scheduler *s, const group *g)
{
    double n = (double)s->every, t = (double)s->t;
    if (s->t == 0)
        return g->h.lr;
    if ((s->t - 1 - s->every) % (2 * s->every) == 0)         /* up again from the bottom, where the quotient is 0 / 0 */
        return g->h.lr + (g->first_lr - s->least) * (1 - cos(M_PI / n)) / 2;
    return (1 + cos(M_PI * t / n)) / (1 + cos(M_PI * (t - 1) / n)) * (g->h.lr - s->least) + s->least;
}

scheduler *cairn_cosine_lr(cairn_optimizer *o, int64_t steps, double least)
{
    static const schedule kind = {"cosine_lr", cosine_rate};
    scheduler *s = scheduler_new(&kind, o, steps > 0 && least >= 0);
    if (s) {
        s->every = steps;
        s->least = least;
    }
    return begun(s);
}

static double lambda_rate(const scheduler *s, const group *g) { return g->first_lr * s->function(s->context, s->t); }

scheduler *cairn_lambda_lr(cairn_optimizer *o, double (*factor)(void *, int64_t), void *context)
{
    static const schedule kind = {"lambda_lr", lambda_rate};
    scheduler *s = scheduler_new(&kind, o, factor != NULL);
    if (s) {
        s->function = factor;
        s->context = context;
    }
    return begun(s);
}

/* ---- One cycle: two or three stretches, each from one rate to another */

typedef struct stretch {
    double end;                          /* its last step */
    double lr_from, lr_to, momentum_from, momentum_to;
} stretch;

static double between(const scheduler *s, double from, double to, double part)
{
    return s->cycle.linear ? from + (to - from) * part : to + (from - to) / 2 * (1 + cos(M_PI * part));
}

/* The stretch of s->t, and how far along it that is, from 0 to 1. */
static stretch stretch_now(const scheduler *s, double *part)
{
    const cairn_one_cycle_options *c = &s->cycle;
    double most = s->factor, total = (double)s->every, first = most / c->div_factor, last = first / c->final_div_factor;
    double low = c->base_momentum, high = c->max_momentum, up = c->warm_up * total - 1, t = (double)s->t, from = 0;
    stretch two[] = {{up, first, most, high, low}, {total - 1, most, last, low, high}};
    stretch three[] = {{up, first, most, high, low}, {2 * c->warm_up * total - 2, most, first, low, high}, {total - 1, first, last, high, high}};
    const stretch *all = c->three_phases ? three : two;
    int i = 0, end = c->three_phases ? 2 : 1;
    while (i < end && t > all[i].end)
        from = all[i++].end;
    *part = (t - from) / (all[i].end - from);
    return all[i];
}

static double one_cycle_rate(const scheduler *s, const group *g)
{
    double part;
    stretch now = stretch_now(s, &part);
    (void)g;
    return between(s, now.lr_from, now.lr_to, part);
}

static void one_cycle_momentum(scheduler *s)
{
    double part;
    stretch now = stretch_now(s, &part);
    double momentum = between(s, now.momentum_from, now.momentum_to, part);
    for (int i = 0; i < s->o->group_count && !s->cycle.keep_momentum; i++) {
        hyper *h = &s->o->groups[i].h;
        if (h->beta2 > 0)
            h->beta1 = momentum;
        else if (h->momentum > 0)
            h->momentum = momentum;
    }
}

scheduler *cairn_one_cycle_lr(cairn_optimizer *o, double most, int64_t total, const cairn_one_cycle_options *options)
{
    static const schedule kind = {"one_cycle_lr", one_cycle_rate, one_cycle_momentum};
    cairn_one_cycle_options c = options ? *options : (cairn_one_cycle_options){0};
    c.warm_up = option_or(c.warm_up, 0.3);
    c.div_factor = option_or(c.div_factor, 25);
    c.final_div_factor = option_or(c.final_div_factor, 1e4);
    c.base_momentum = option_or(c.base_momentum, 0.85);
    c.max_momentum = option_or(c.max_momentum, 0.95);
    bool valid = most >= 0 && total > 0 && c.warm_up >= 0 && c.warm_up <= 1 && c.div_factor > 0 && c.final_div_factor > 0 &&
                 c.base_momentum >= 0 && c.max_momentum < 1;
    scheduler *s = scheduler_new(&kind, o, valid);
    if (s) {
        s->factor = most;
        s->every = total;
        s->cycle = c;
    }
    return begun(s);
}

/* ---- Plateau */

static void wait(scheduler *s) { (void)s; }

scheduler *cairn_plateau_lr(cairn_optimizer *o, const cairn_plateau_options *options)
{
    static const schedule kind = {"plateau_lr", NULL, wait};
    cairn_plateau_options p = options ? *options : (cairn_plateau_options){0};
    p.factor = option_or(p.factor, 0.1);
    p.patience = p.patience == 0 ? 10 : p.patience < 0 ? 0 : p.patience;
    p.threshold = option_or(p.threshold, 1e-4);
    scheduler *s = scheduler_new(&kind, o, p.factor < 1 && p.factor >= 0 && p.cooldown >= 0 && p.least >= 0 && p.threshold >= 0);
    if (s) {
        s->plateau = p;
        s->best = p.higher_is_better ? -INFINITY : INFINITY;
    }
    return begun(s);
}

static bool is_better(const scheduler *s, double x)
{
    const cairn_plateau_options *p = &s->plateau;
    double sign = p->higher_is_better ? 1 : -1;
    double want = p->absolute ? s->best + sign * p->threshold : s->best * (1 + sign * p->threshold);
    return p->higher_is_better ? x > want : x < want;
}

static void reduce(scheduler *s)
{
    enum { LEAST_CHANGE_INVERSE = 100000000 };
    for (int i = 0; i < s->o->group_count; i++) {
        double *lr = &s->o->groups[i].h.lr, next = fmax(*lr * s->plateau.factor, s->plateau.least);
        if (*lr - next > 1.0 / LEAST_CHANGE_INVERSE)
            *lr = next;
    }
}

cairn_status cairn_plateau_step(scheduler *s, double metric)
{
    if (!s || s->kind->rate || s->kind->also != wait)
        return error_set(CAIRN_E_ARGUMENT, "plateau_step: %s", s ? "not of cairn_plateau_lr" : "NULL");
    s->t++;
    if (is_better(s, metric)) {
        s->best = metric;
        s->bad = 0;
    } else {
        s->bad++;
    }
    if (s->waiting > 0) {
        s->waiting--;
        s->bad = 0;
    }
    if (s->bad > s->plateau.patience) {
        reduce(s);
        s->waiting = s->plateau.cooldown;
        s->bad = 0;
    }
    return CAIRN_OK;
}

/* ---- Several */

static void step_parts(scheduler *s)
{
    for (int i = 0; i < s->count && s->t; i++)
        cairn_scheduler_step(s->parts[i]);
}

/* Begins a part at its t = 0, from the optimizer's first rates. */
static void begin_part(scheduler *s, int i)
{
    for (int g = 0; g < s->o->group_count; g++)
        s->o->groups[g].h.lr = s->o->groups[g].first_lr;
    s->parts[i]->t = 0;
    apply(s->parts[i]);
}

static void step_one_part(scheduler *s)
{
    int i = 0;
    while (i < s->count - 1 && s->milestones[i] <= s->t)
        i++;
    if (s->t == 0 || (i && s->milestones[i - 1] == s->t))
        begin_part(s, i);
    else
        cairn_scheduler_step(s->parts[i]);
}

/* A scheduler that owns its parts; on failure they are freed. */
static scheduler *of_parts(const schedule *kind, cairn_optimizer *o, int count, scheduler *const *parts, bool valid)
{
    valid = valid && count > 0 && parts;
    for (int i = 0; i < count && valid; i++)
        valid = parts[i] && parts[i]->o == o;
    scheduler *s = scheduler_new(kind, o, valid);
    if (s && (s->parts = mem_array((size_t)count, sizeof *parts))) {
        memcpy(s->parts, parts, (size_t)count * sizeof *parts);
        s->count = count;
        return s;
    }
    cairn_scheduler_free(s);
    for (int i = 0; i < count && parts; i++)
        cairn_scheduler_free(parts[i]);
    return NULL;
}

scheduler *cairn_chained_lr(int count, scheduler *const *parts)
{
    static const schedule kind = {"chained_lr", NULL, step_parts};
    return of_parts(&kind, count > 0 && parts && parts[0] ? parts[0]->o : NULL, count, parts, true);
}

scheduler *cairn_sequential_lr(cairn_optimizer *o, int count, scheduler *const *parts, const int64_t *milestones)
{
    static const schedule kind = {"sequential_lr", NULL, step_one_part};
    scheduler *s = of_parts(&kind, o, count, parts, ascending(count - 1, milestones));
    if (s && !take_milestones(s, count - 1, milestones)) {
        cairn_scheduler_free(s);
        return NULL;
    }
    return begun(s);
}

cairn_status cairn_scheduler_step(scheduler *s)
{
    if (!s)
        return error_set(CAIRN_E_ARGUMENT, "scheduler_step: NULL");
    if (s->kind->also == wait)
        return error_set(CAIRN_E_ARGUMENT, "scheduler_step: a plateau needs a metric: cairn_plateau_step");
    if (s->kind->also == one_cycle_momentum && s->t >= s->every)
        return error_set(CAIRN_E_STATE, "scheduler_step: the cycle's %lld steps are over", (long long)s->every);
    s->t++;
    apply(s);
    return CAIRN_OK;
}

/* ---- The state: of a scheduler, then of its parts */

enum { WORDS = 4 };

static int state_words(const scheduler *s)
{
    int words = WORDS;
    for (int i = 0; i < s->count && s->parts; i++)
        words += state_words(s->parts[i]);
    return words;
}

static double *state_out(const scheduler *s, double *to)
{
    memcpy(to, (double[WORDS]){(double)s->t, s->best, (double)s->bad, (double)s->waiting}, WORDS * sizeof *to);
    to += WORDS;
    for (int i = 0; i < s->count && s->parts; i++)
        to = state_out(s->parts[i], to);
    return to;
}

static const double *state_in(scheduler *s, const double *from)
{
    s->t = (int64_t)from[0];
    s->best = from[1];
    s->bad = (int64_t)from[2];
    s->waiting = (int64_t)from[3];
    from += WORDS;
    for (int i = 0; i < s->count && s->parts; i++)
        from = state_in(s->parts[i], from);
    return from;
}

cairn_tensor_list cairn_scheduler_state(scheduler *s)
{
    if (!s) {
        error_set(CAIRN_E_ARGUMENT, "scheduler_state: NULL");
        return (cairn_tensor_list){.count = -1};
    }
    int words = state_words(s);
    double *state = mem_array((size_t)words, sizeof *state);
    if (!state)
        return (cairn_tensor_list){.count = -1};
    state_out(s, state);
    list_clear(&s->store);
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *x = cairn_from(state, CAIRN_SHAPE(words), CAIRN_F64);
    cairn_tensor_list list = list_kept(&s->store, x && list_append(&s->store, x, mem_copy_string("scheduler")));
    cairn_scope_pop(mark, NULL);
    mem_free(state);
    return list;
}

/* The momentum of a cycle is not in the optimizer's state: it follows from t. */
cairn_status cairn_scheduler_load(scheduler *s, cairn_tensor_list state)
{
    cairn_tensor_list own = cairn_scheduler_state(s);
    cairn_status status = list_matches("scheduler_load", own, state, true);
    double *words = status ? NULL : mem_array((size_t)state_words(s), sizeof *words);
    if (!status)
        status = words ? cairn_copy_out(list_find(state, "scheduler", 0), words, CAIRN_F64) : CAIRN_E_MEMORY;
    if (!status)
        state_in(s, words);
    if (!status && s->kind->also == one_cycle_momentum)
        one_cycle_momentum(s);
    mem_free(words);
    return status;
}
