/* Training: optimizers, schedules of the learning rate, gradient clipping, averages of weights.
 *
 *     cairn_optimizer *adam = cairn_adam(cairn_parameters(net), &(cairn_adam_options){.lr = 1e-3});
 *     for (...) {
 *         cairn_mark step = cairn_scope_push();
 *         cairn_backward(cairn_cross_entropy(cairn_call(net, x), y));
 *         cairn_step(adam);                                  // one evaluation: forward, backward, update
 *         cairn_scope_pop(step, NULL);
 *     }
 *     cairn_optimizer_free(adam);
 *
 * Numbers in options: 0 stands for the default that is named; where 0 itself is meant, write CAIRN_ZERO. */
#ifndef CAIRN_OPTIM_H
#define CAIRN_OPTIM_H
#include <cairn/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An option that is 0, where 0 would stand for the default: a negative zero. */
#define CAIRN_ZERO (-0.0)

/* ---- Optimizers ---------------------------------------------------------------------------------------
 * Each keeps its parameters (cairn_keep) and, for each, its state. NULL with the error set when the list has an error, or a
 * parameter that is no floating leaf, or when an option is out of its range. f16 and bf16 parameters are updated in
 * f32 and their state is f32. */
typedef struct cairn_optimizer cairn_optimizer;

/* v = momentum v + (1 - dampening) g; p = p - lr v; nesterov: p - lr (g + momentum v). Sutskever et al., 2013. */
typedef struct cairn_sgd_options {
    double lr;                           /* 1e-3 */
    double momentum, dampening;          /* 0 */
    double weight_decay;                 /* 0: of the gradient, as L2 */
    bool nesterov, maximize;
} cairn_sgd_options;
CAIRN_API cairn_optimizer *cairn_sgd(cairn_tensor_list parameters, const cairn_sgd_options *options);

/* Kingma and Ba, 2014; amsgrad: Reddi et al., 2018. */
typedef struct cairn_adam_options {
    double lr;                           /* 1e-3 */
    double beta1, beta2;                 /* 0.9, 0.999 */
    double eps;                          /* 1e-8 */
    double weight_decay;                 /* cairn_adam: 0, of the gradient; cairn_adamw: 1e-2, of the weights */
    bool amsgrad, maximize;
} cairn_adam_options;
CAIRN_API cairn_optimizer *cairn_adam(cairn_tensor_list parameters, const cairn_adam_options *options);
/* Loshchilov and Hutter, 2017. */
CAIRN_API cairn_optimizer *cairn_adamw(cairn_tensor_list parameters, const cairn_adam_options *options);

/* s = alpha s + (1 - alpha) g^2; p = p - lr g / (sqrt(s) + eps). Graves, 2013 (centered). */
typedef struct cairn_rmsprop_options {
    double lr;                           /* 1e-2 */
    double alpha;                        /* 0.99 */
    double eps;                          /* 1e-8 */
    double momentum, weight_decay;       /* 0 */
    bool centered, maximize;
} cairn_rmsprop_options;
CAIRN_API cairn_optimizer *cairn_rmsprop(cairn_tensor_list parameters, const cairn_rmsprop_options *options);

CAIRN_API void cairn_optimizer_free(cairn_optimizer *o);

/* One step: each parameter that has a gradient and its state get new values, computed together with all they depend on; then
 * all gradients are cleared. Parameters without a gradient stay as they are. On an error none has changed. */
CAIRN_API cairn_status cairn_step(cairn_optimizer *o);

/* ---- Loss scaling, for f16 under cairn_autocast -----------------------------------------------------------------------
 * Gradients of a loss times `scale` do not vanish in f16; a step whose gradients are not all finite is not taken, and the scale
 * backs off.
 *
 *     cairn_backward(cairn_scale_loss(scaler, loss));
 *     cairn_scaler_step(scaler, adam, NULL);
 *     cairn_scaler_update(scaler); */
typedef struct cairn_grad_scaler cairn_grad_scaler;
typedef struct cairn_grad_scaler_options {
    double scale, growth, backoff;       /* 65536, 2, 0.5 */
    int64_t interval;                    /* 2000: steps without overflow before the scale grows */
} cairn_grad_scaler_options;
CAIRN_API cairn_grad_scaler *cairn_grad_scaler_new(const cairn_grad_scaler_options *options);
CAIRN_API void cairn_grad_scaler_free(cairn_grad_scaler *s);
CAIRN_API double cairn_grad_scale(const cairn_grad_scaler *s);
CAIRN_API cairn_tensor *cairn_scale_loss(const cairn_grad_scaler *s, cairn_tensor *loss);
/* Divides the gradients by the scale and looks whether they are finite, which computes them: for clipping between backward and step.
 * Once for each optimizer (at most 16) before cairn_scaler_update, else E_STATE. E_TYPE when a gradient is f16: keep parameters in f32. */
CAIRN_API cairn_status cairn_unscale(cairn_grad_scaler *s, cairn_optimizer *o);
/* Unscales, unless that is done, and steps, or only clears the gradients when one was not finite: *taken (or NULL) says which. */
CAIRN_API cairn_status cairn_scaler_step(cairn_grad_scaler *s, cairn_optimizer *o, bool *taken);
/* After all steps: the scale backs off when one was not taken, and grows after `interval` without. */
CAIRN_API void cairn_scaler_update(cairn_grad_scaler *s);
/* Drops all gradients without a step. */
CAIRN_API void cairn_zero_grad(cairn_optimizer *o);
/* The number of steps taken. */
CAIRN_API int64_t cairn_step_count(const cairn_optimizer *o);

/* Parameter groups. The first is the list that the optimizer was made with; more may follow, with another learning rate
 * and weight decay (0: as the first's) and otherwise the same options. */
typedef struct cairn_group_options {
    double lr, weight_decay;
} cairn_group_options;
CAIRN_API cairn_status cairn_add_group(cairn_optimizer *o, cairn_tensor_list parameters, const cairn_group_options *options);
CAIRN_API int cairn_group_count(const cairn_optimizer *o);
CAIRN_API double cairn_lr(const cairn_optimizer *o, int group);                    /* NaN for a group that is not there */
CAIRN_API cairn_status cairn_set_lr(cairn_optimizer *o, int group, double lr);

/* What a checkpoint holds: "step" (i64, of each parameter), "lr" (f64, of each group), and of each parameter that has a state its
 * tensors: "0.weight.exp_avg", or "3.exp_avg" for the third of a list without names. Valid until asked for again. */
CAIRN_API cairn_tensor_list cairn_optimizer_state(cairn_optimizer *o);
/* Takes all of it back, by name: E_ARGUMENT for what is missing, E_SHAPE; then nothing has changed. */
CAIRN_API cairn_status cairn_optimizer_load(cairn_optimizer *o, cairn_tensor_list state);

/* ---- Gradients, between backward and step ----------------------------------------------------------------*/
/* Scales all gradients so that the norm of all together (p = 2: Euclidean; INFINITY) is at most `most`. Returns the norm
 * before; it is computed with the step, and costs nothing more to look at after it. NULL on error. */
CAIRN_API cairn_tensor *cairn_clip_grad_norm(cairn_tensor_list parameters, double most, double p);
/* Each element into [-most, most]. */
CAIRN_API cairn_status cairn_clip_grad_value(cairn_tensor_list parameters, double most);

/* ---- Schedules ----------------------------------------------------------------------------------------
 * A schedule sets the learning rates of all groups when it is made and at each cairn_scheduler_step: after each epoch, or each
 * step, as its numbers are meant. It must not outlive its optimizer. The formulas are PyTorch's. */
typedef struct cairn_scheduler cairn_scheduler;

/* lr * gamma^floor(t / every). */
CAIRN_API cairn_scheduler *cairn_step_lr(cairn_optimizer *o, int64_t every, double gamma);
/* gamma more at each milestone; ascending. */
CAIRN_API cairn_scheduler *cairn_multi_step_lr(cairn_optimizer *o, int count, const int64_t *milestones, double gamma);
CAIRN_API cairn_scheduler *cairn_exponential_lr(cairn_optimizer *o, double gamma);
/* lr * factor until t = steps, then lr. */
CAIRN_API cairn_scheduler *cairn_constant_lr(cairn_optimizer *o, double factor, int64_t steps);
/* A factor that goes from `from` to `to` in even steps: a warm-up is cairn_linear_lr(o, 1.0 / 3, 1, 5). */
CAIRN_API cairn_scheduler *cairn_linear_lr(cairn_optimizer *o, double from, double to, int64_t steps);
/* lr * (1 - t / steps)^power. */
CAIRN_API cairn_scheduler *cairn_polynomial_lr(cairn_optimizer *o, int64_t steps, double power);
/* Half a cosine from lr to `least` in `steps`. Loshchilov and Hutter, 2016. */
CAIRN_API cairn_scheduler *cairn_cosine_lr(cairn_optimizer *o, int64_t steps, double least);
/* lr * factor(context, t). */
CAIRN_API cairn_scheduler *cairn_lambda_lr(cairn_optimizer *o, double (*factor)(void *context, int64_t t), void *context);
/* Up to `most` and down again, within `total` steps; momentum (beta1) the other way round. Smith and Topin, 2017. */
typedef struct cairn_one_cycle_options {
    double warm_up;                      /* 0.3: the part of the steps that goes up */
    double div_factor;                   /* 25: the first rate is most / 25 */
    double final_div_factor;             /* 1e4: the last is the first / 1e4 */
    double base_momentum, max_momentum;  /* 0.85, 0.95 */
    bool keep_momentum, linear, three_phases;
} cairn_one_cycle_options;
CAIRN_API cairn_scheduler *cairn_one_cycle_lr(cairn_optimizer *o, double most, int64_t total, const cairn_one_cycle_options *options);
/* lr * factor when the metric given to cairn_plateau_step has not become better for more than `patience` steps. */
typedef struct cairn_plateau_options {
    double factor;                       /* 0.1 */
    int64_t patience;                    /* 10; -1 is none */
    double threshold;                    /* 1e-4: what counts as better, relative to the best */
    bool absolute;                       /* the threshold is a difference */
    int64_t cooldown;                    /* 0: steps to wait after a reduction */
    double least;                        /* 0: the lowest rate */
    bool higher_is_better;
} cairn_plateau_options;
CAIRN_API cairn_scheduler *cairn_plateau_lr(cairn_optimizer *o, const cairn_plateau_options *options);
/* One after the other: the next takes over at each milestone (count - 1 of them), from the optimizer's first rates. Owns them. */
CAIRN_API cairn_scheduler *cairn_sequential_lr(cairn_optimizer *o, int count, cairn_scheduler *const *parts, const int64_t *milestones);
/* All at once: their factors multiply. Owns them. */
CAIRN_API cairn_scheduler *cairn_chained_lr(int count, cairn_scheduler *const *parts);

CAIRN_API cairn_status cairn_scheduler_step(cairn_scheduler *s);
CAIRN_API cairn_status cairn_plateau_step(cairn_scheduler *s, double metric);
CAIRN_API void cairn_scheduler_free(cairn_scheduler *s);
/* For checkpoints: one f64 vector "scheduler". The rates themselves are in the optimizer's state. */
CAIRN_API cairn_tensor_list cairn_scheduler_state(cairn_scheduler *s);
CAIRN_API cairn_status cairn_scheduler_load(cairn_scheduler *s, cairn_tensor_list state);

/* ---- Averages of weights ------------------------------------------------------------------------------
 * a = decay a + (1 - decay) p after each step; decay 0 stands for 0.999. */
typedef struct cairn_ema cairn_ema;
CAIRN_API cairn_ema *cairn_ema_new(cairn_tensor_list parameters, double decay);
CAIRN_API cairn_status cairn_ema_update(cairn_ema *e);
/* Exchanges parameters and averages: once to evaluate with the averages, once more to train on. */
CAIRN_API cairn_status cairn_ema_swap(cairn_ema *e);
CAIRN_API cairn_tensor_list cairn_ema_averages(cairn_ema *e);
CAIRN_API void cairn_ema_free(cairn_ema *e);

#ifdef __cplusplus
}
#endif
#endif
