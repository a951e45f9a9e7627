/* CTC: the forward and backward variables of each sequence, over its labels with blanks between them. */
#include "base/error.h"
#include "base/pool.h"
#include "primitives/apart.h"
#include "primitives/slots.h"
#include <cairn/dnn/ctc.h>

#include <math.h>
#include <string.h>

typedef struct job {
    const cairn_ctc *d;
    const void *log_probs;
    const int64_t *targets, *steps_of, *targets_of;
    void *loss, *gradient;
    double *workspace;
    int64_t slot;                           /* numbers of each sequence's own */
} job;

/* alpha (steps, 2 target + 1), two rows of beta, one of classes. */
static int64_t slot_numbers(const cairn_ctc *d)
{
    const int64_t states = 2 * d->target + 1;
    return round_up(d->steps * states + 2 * states + d->classes, 8);
}

static double log_sum(double a, double b)
{
    const double top = a > b ? a : b, low = a > b ? b : a;
    return low == -INFINITY ? top : top + log1p(exp(low - top));
}

/* One sequence. State s is the blank before label s / 2, or that label. */
typedef struct sequence {
    const job *j;
    int64_t n, steps, states;
    const int64_t *labels;
    double *alpha, *beta, *next, *of_class;
} sequence;

static double log_prob(const sequence *q, int64_t t, int64_t c)
{
    const cairn_ctc *d = q->j->d;
    const int64_t at = (t * d->batch + q->n) * d->classes + c;
    return d->type == CAIRN_F64 ? ((const double *)q->j->log_probs)[at] : ((const float *)q->j->log_probs)[at];
}

static int64_t class_of(const sequence *q, int64_t s) { return s % 2 ? q->labels[s / 2] : q->j->d->blank; }

/* A label may follow the one before without a blank between them, unless they are equal. */
static bool may_skip(const sequence *q, int64_t s) { return s % 2 && s >= 3 && q->labels[s / 2] != q->labels[s / 2 - 1]; }

/* alpha[t][s]: log of the probability of all readings of steps 0 ... t that end in state s. */
static double run_alpha(const sequence *q)
{
    for (int64_t t = 0; t < q->steps; t++)
        for (int64_t s = 0; s < q->states; s++) {
            const double *before = q->alpha + (t - 1) * q->states;
            double sum = t == 0 ? (s < 2 ? 0 : -INFINITY) : before[s];
            if (t && s)
                sum = log_sum(sum, before[s - 1]);
            if (t && may_skip(q, s))
                sum = log_sum(sum, before[s - 2]);
            q->alpha[t * q->states + s] = sum + log_prob(q, t, class_of(q, s));
        }
    if (!q->steps)
        return q->states == 1 ? 0 : -INFINITY;
    const double *last = q->alpha + (q->steps - 1) * q->states + q->states - 1;
    return q->states > 1 ? log_sum(last[0], last[-1]) : last[0];
}

/* beta[s]: of all readings of the steps behind t, from state s at t; `next` is that of t + 1, with its own step's probability in it. */
static void step_beta(const sequence *q, int64_t t)
{
    for (int64_t s = 0; s < q->states; s++) {
        double sum = t == q->steps - 1 ? (s >= q->states - 2 ? 0 : -INFINITY) : q->next[s];
        if (t < q->steps - 1 && s + 1 < q->states)
            sum = log_sum(sum, q->next[s + 1]);
        if (t < q->steps - 1 && s + 2 < q->states && may_skip(q, s + 2))
            sum = log_sum(sum, q->next[s + 2]);
        q->beta[s] = sum;
    }
    for (int64_t s = 0; s < q->states; s++)
        q->next[s] = q->beta[s] + log_prob(q, t, class_of(q, s));
}

static void put(const cairn_ctc *d, void *to, int64_t at, double x)
{
    if (d->type == CAIRN_F64)
        ((double *)to)[at] = x;
    else
        ((float *)to)[at] = (float)x;
}

static void put_gradient(const sequence *q, int64_t t, double likelihood)
{
    const cairn_ctc *d = q->j->d;
    for (int64_t c = 0; c < d->classes; c++)
        q->of_class[c] = 0;
    for (int64_t s = 0; s < q->states; s++)
        q->of_class[class_of(q, s)] += exp(q->alpha[t * q->states + s] + q->beta[s] - likelihood);
    for (int64_t c = 0; c < d->classes; c++)
        put(d, q->j->gradient, (t * d->batch + q->n) * d->classes + c, q->of_class[c] > 0 ? -q->of_class[c] : q->of_class[c] == 0 ? 0 : NAN);
}

static void run_sequence(void *context, int64_t n, int worker)
{
    const job *j = context;
    const cairn_ctc *d = j->d;
    sequence q = {.j = j, .n = n, .steps = j->steps_of ? j->steps_of[n] : d->steps,
                  .states = 2 * (j->targets_of ? j->targets_of[n] : d->target) + 1, .labels = j->targets + n * d->target,
                  .alpha = j->workspace + n * j->slot};
    (void)worker;
    q.beta = q.alpha + d->steps * (2 * d->target + 1);
    q.next = q.beta + q.states;
    q.of_class = q.next + q.states;
    const double likelihood = run_alpha(&q);
    put(d, j->loss, n, likelihood == 0 ? 0 : -likelihood);
    if (!j->gradient)
        return;
    const int64_t steps = likelihood == -INFINITY ? 0 : q.steps;
    for (int64_t t = steps - 1; t >= 0; t--) {
        step_beta(&q, t);
        put_gradient(&q, t, likelihood);
    }
    const int64_t bytes = cairn_dtype_bytes(d->type);
    for (int64_t t = steps; t < d->steps; t++)
        memset((char *)j->gradient + (t * d->batch + n) * d->classes * bytes, 0, (size_t)(d->classes * bytes));
}

/* ---- Checks -------------------------------------------------------------------------------------*/

static cairn_status check(const cairn_ctc *d)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "ctc: the descriptor is NULL");
    if (d->type != CAIRN_F32 && d->type != CAIRN_F64)
        return error_set(CAIRN_E_TYPE, "ctc: type %s is not supported", cairn_dtype_name(d->type));
    if (d->steps < 0 || d->batch < 0 || d->target < 0 || d->classes < 1 || d->blank < 0 || d->blank >= d->classes)
        return error_set(CAIRN_E_SHAPE, "ctc: steps %lld, batch %lld, classes %lld, target %lld, blank %lld", (long long)d->steps,
                         (long long)d->batch, (long long)d->classes, (long long)d->target, (long long)d->blank);
    if (((double)d->steps + 3) * (2.0 * (double)d->target + 1 + (double)d->classes) * ((double)d->batch + 1) >= 0x1p55)
        return error_set(CAIRN_E_SHAPE, "ctc: sizes overflow: steps %lld, batch %lld, classes %lld, target %lld", (long long)d->steps,
                         (long long)d->batch, (long long)d->classes, (long long)d->target);
    return CAIRN_OK;
}

static cairn_status check_sequence(const job *j, int64_t n)
{
    const cairn_ctc *d = j->d;
    const int64_t steps = j->steps_of ? j->steps_of[n] : d->steps, labels = j->targets_of ? j->targets_of[n] : d->target;
    if (steps < 0 || steps > d->steps || labels < 0 || labels > d->target)
        return error_set(CAIRN_E_RANGE, "ctc: sequence %lld has %lld of %lld steps, %lld of %lld labels", (long long)n, (long long)steps,
                         (long long)d->steps, (long long)labels, (long long)d->target);
    for (int64_t i = 0; i < labels; i++) {
        const int64_t c = j->targets[n * d->target + i];
        if (c < 0 || c >= d->classes || c == d->blank)
            return error_set(CAIRN_E_RANGE, "ctc: label %lld of sequence %lld is %lld, of %lld classes with the blank %lld", (long long)i,
                             (long long)n, (long long)c, (long long)d->classes, (long long)d->blank);
    }
    return CAIRN_OK;
}

int64_t cairn_ctc_workspace_bytes(const cairn_ctc *d)
{
    return check(d) == CAIRN_OK ? 64 + d->batch * slot_numbers(d) * 8 : 0;
}

cairn_status cairn_ctc_run(const cairn_ctc *d, const void *log_probs, const int64_t *targets, const int64_t *steps_of, const int64_t *targets_of,
                           void *loss, void *gradient, void *workspace, int64_t workspace_bytes)
{
    cairn_status status = check(d);
    if (status != CAIRN_OK || !d->batch)
        return status;
    if (!loss || (d->steps && !log_probs) || (d->target && !targets))
        return error_set(CAIRN_E_ARGUMENT, "ctc: log_probs %p, targets %p, loss %p, gradient %p", log_probs, (const void *)targets, loss, gradient);
    status = outputs_apart("ctc", OUTPUTS(loss, gradient), INPUTS(log_probs, targets, steps_of, targets_of));
    if (status != CAIRN_OK)
        return status;
    const int64_t needed = cairn_ctc_workspace_bytes(d);
    if (!workspace || workspace_bytes < needed)
        return error_set(CAIRN_E_ARGUMENT, "ctc: the workspace is too small: %lld bytes of %lld", (long long)(workspace ? workspace_bytes : 0),
                         (long long)needed);
    job j = {d, log_probs, targets, steps_of, targets_of, loss, gradient, (double *)round_up((int64_t)(intptr_t)workspace, 64), slot_numbers(d)};
    for (int64_t n = 0; n < d->batch && status == CAIRN_OK; n++)
        status = check_sequence(&j, n);
    if (status == CAIRN_OK)
        pool_run(d->batch, run_sequence, &j);
    return status;
}
