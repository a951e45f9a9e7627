/* Loss scaling: small f16 gradients do not vanish, and a step whose gradients overflowed is not taken. */
#include "framework/optim/optimizer.h"
#include <cairn/ops.h>
#include <math.h>

enum { MOST_OPTIMIZERS = 16 };

struct cairn_grad_scaler {
    double scale, growth, backoff;
    int64_t interval, good;              /* steps in a row that were taken */
    int seen;                            /* since the last update: unscaled, and whether they overflowed */
    const cairn_optimizer *of[MOST_OPTIMIZERS];
    bool overflowed[MOST_OPTIMIZERS];
};

/* The place of o among those unscaled; -1 when it is not. */
static int place_of(const cairn_grad_scaler *s, const cairn_optimizer *o)
{
    for (int i = 0; i < s->seen; i++)
        if (s->of[i] == o)
            return i;
    return -1;
}

cairn_grad_scaler *cairn_grad_scaler_new(const cairn_grad_scaler_options *options)
{
    cairn_grad_scaler_options o = options ? *options : (cairn_grad_scaler_options){0};
    cairn_grad_scaler s = {.scale = option_or(o.scale, 65536), .growth = option_or(o.growth, 2), .backoff = option_or(o.backoff, 0.5),
                           .interval = o.interval ? o.interval : 2000};
    if (!(s.scale > 0 && isfinite(s.scale) && s.growth >= 1 && s.backoff > 0 && s.backoff < 1 && s.interval > 0)) {
        error_set(CAIRN_E_ARGUMENT, "grad_scaler: scale %g, growth %g, backoff %g, interval %lld", s.scale, s.growth, s.backoff,
                  (long long)s.interval);
        return NULL;
    }
    cairn_grad_scaler *new = mem_new(sizeof *new);
    if (new)
        *new = s;
    return new;
}

void cairn_grad_scaler_free(cairn_grad_scaler *s) { mem_free(s); }
double cairn_grad_scale(const cairn_grad_scaler *s) { return s ? s->scale : NAN; }

cairn_tensor *cairn_scale_loss(const cairn_grad_scaler *s, cairn_tensor *loss)
{
    if (!s) {
        error_set(CAIRN_E_ARGUMENT, "scale_loss: the scaler is NULL");
        return NULL;
    }
    cairn_mark m = cairn_scope_push();
    return cairn_scope_pop(m, cairn_mul(cairn_to(loss, CAIRN_F32), cairn_number(s->scale)));
}

/* 0 when all of g is finite, else NaN. */
static cairn_tensor *overflow_of(cairn_tensor *g) { return cairn_sum(cairn_mul(cairn_to(g, CAIRN_F32), cairn_number(0)), CAIRN_ALL_AXES, false); }

/* Gradients become g / scale. `overflow`: of all, or NULL when there are none. */
static bool unscale_all(cairn_optimizer *o, double scale, cairn_tensor **overflow)
{
    *overflow = NULL;
    for (int i = 0; i < o->slot_count; i++) {
        cairn_tensor *g = cairn_grad_of(o->slots[i].p);
        if (!g)
            continue;
        if (cairn_dtype_of(g) == CAIRN_F16) {
            error_set(CAIRN_E_TYPE, "unscale: a gradient in f16; keep the parameters in f32");
            return false;
        }
        cairn_tensor *part = overflow_of(g), *small = cairn_mul(g, cairn_number(1 / scale));
        *overflow = *overflow ? cairn_add(*overflow, part) : part;
        if (!*overflow || !small || !handle_assign(g, value_ref(handle_value(small))))
            return false;
    }
    return true;
}

cairn_status cairn_unscale(cairn_grad_scaler *s, cairn_optimizer *o)
{
    if (!s || !o)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "unscale: NULL");
    if (place_of(s, o) >= 0 || s->seen == MOST_OPTIMIZERS)
        return error_set(CAIRN_E_STATE, "unscale: %s before cairn_scaler_update", place_of(s, o) >= 0 ? "a second time" : "more than 16 optimizers");
    cairn_mark m = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_tensor *overflow;
    bool whole = unscale_all(o, s->scale, &overflow) && (!overflow || cairn_eval(overflow) == CAIRN_OK);
    if (whole) {
        s->of[s->seen] = o;
        s->overflowed[s->seen++] = overflow && cairn_item(overflow) != 0;
    }
    cairn_no_grad_end();
    cairn_scope_pop(m, NULL);
    return whole ? CAIRN_OK : cairn_error() ? cairn_error() : CAIRN_E_MEMORY;
}

cairn_status cairn_scaler_step(cairn_grad_scaler *s, cairn_optimizer *o, bool *taken)
{
    if (taken)
        *taken = false;
    cairn_status status = s && o && place_of(s, o) >= 0 ? CAIRN_OK : cairn_unscale(s, o);
    if (status)
        return status;
    if (s->overflowed[place_of(s, o)]) {
        cairn_zero_grad(o);
        return CAIRN_OK;
    }
    status = cairn_step(o);
    if (taken)
        *taken = status == CAIRN_OK;
    return status;
}

void cairn_scaler_update(cairn_grad_scaler *s)
{
    bool any = false;
    for (int i = 0; s && i < s->seen; i++)
        any |= s->overflowed[i];
    if (!s || !s->seen)
        return;
    if (any) {
        s->scale *= s->backoff;
        s->good = 0;
    } else if (++s->good == s->interval) {
        s->scale *= isfinite((float)(s->scale * s->growth)) ? s->growth : 1;
        s->good = 0;
    }
    s->seen = 0;
}
