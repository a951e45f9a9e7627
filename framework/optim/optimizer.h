/* Optimizers from the inside: what a rule sees, and builds.
 *
 * A rule turns a parameter, its gradient and its state into their next values, as graph. It works on values, not handles: an
 * update must cost little beside what it computes, for a small network too. Numbers are scalars that the plan's key leaves
 * out, made once and kept until they change. */
#ifndef FRAMEWORK_OPTIMIZER_H
#define FRAMEWORK_OPTIMIZER_H
#include <cairn/optim.h>
#include "framework/graph/graph.h"
#include "framework/nn/module.h"

enum { MAX_STATES = 3, MAX_MADE = 32, MAX_NUMBERS = 12 };

typedef struct hyper {
    double lr, weight_decay, momentum, dampening, beta1, beta2, eps, alpha;
    bool nesterov, amsgrad, maximize, centered, decoupled;
} hyper;

/* One parameter's update. */
typedef struct update {
    const hyper *h;
    int64_t step;                        /* this one: 1 is the first */
    value *p, *g, *state[MAX_STATES];    /* in the type that is computed in */
    value *next_p, *next_state[MAX_STATES];
    cairn_dtype type;
    value *made[MAX_MADE];               /* what was built on the way: counted */
    int made_count;
    value *number[MAX_NUMBERS];          /* kept from parameter to parameter and from step to step: counted */
} update;

/* Each gives NULL when an operand is NULL or memory is out; what they build lives until the update is done. */
value *update_op(update *u, op_id op, value *a, value *b, value *c);
/* The number in place `slot`; each use of a rule has a slot of its own. */
value *update_number(update *u, int slot, double number);

typedef struct rule {
    const char *name;
    int (*states)(const hyper *h, const char **names);      /* how many, and what PyTorch calls them */
    void (*build)(update *u);                                /* fills next_p and next_state */
} rule;

typedef struct slot {                    /* a parameter and its state */
    cairn_tensor *p, *state[MAX_STATES]; /* kept */
    char *name;
    int64_t step;                        /* taken so far */
    int group;
    bool moving;                         /* in this step */
} slot;

typedef struct group {
    hyper h;
    double first_lr;                     /* schedules start from it; NaN before the first */
} group;

struct cairn_optimizer {
    const rule *rule;
    group *groups;
    slot *slots;
    int group_count, slot_count, state_count;
    int64_t steps;
    update work;
    value **fresh;                       /* room for a step: next and former values of all parameters and states */
    value **former;
    list_store store;
};

cairn_optimizer *optimizer_new(const rule *rule, const hyper *h, cairn_tensor_list parameters);
/* p, whose value was made under no_grad, as a leaf that wants a gradient. */
void leaf_of_gradient(cairn_tensor *p);
/* An option: its default where it is a positive 0. */
double option_or(double given, double otherwise);

#endif
