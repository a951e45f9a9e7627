/* cairn_conv: checks, the choice of an algorithm by shape alone, and its run. */
#include "primitives/conv/conv.h"

#include "base/error.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

#include <string.h>

/* ---- Checks -------------------------------------------------------------------------------------*/

static int64_t or_one(int64_t x) { return x ? x : 1; }

static bool is_within(int64_t x, int64_t low) { return x >= low && x < INT32_MAX; }

static cairn_status check_window(const cairn_conv *d)
{
    const bool sizes = is_within(d->n, 0) && is_within(d->h, 0) && is_within(d->w, 0) && is_within(d->c, 0) &&
                       is_within(d->k, 0) && is_within(d->r, 1) && is_within(d->s, 1) && is_within(d->groups, 0);
    const bool window = is_within(d->stride_h, 0) && is_within(d->stride_w, 0) && is_within(d->dilation_h, 0) &&
                        is_within(d->dilation_w, 0) && is_within(d->pad_top, 0) && is_within(d->pad_bottom, 0) &&
                        is_within(d->pad_left, 0) && is_within(d->pad_right, 0);
    if (!sizes)
        return error_set(CAIRN_E_SHAPE, "conv: a size is out of range: n %lld, image %lld x %lld x %lld, filters %lld x %lld x %lld, "
                         "groups %lld", (long long)d->n, (long long)d->h, (long long)d->w, (long long)d->c, (long long)d->k,
                         (long long)d->r, (long long)d->s, (long long)d->groups);
    if (!window)
        return error_set(CAIRN_E_SHAPE, "conv: out of range: stride %lld x %lld, dilation %lld x %lld, padding %lld %lld %lld %lld",
                         (long long)d->stride_h, (long long)d->stride_w, (long long)d->dilation_h, (long long)d->dilation_w,
                         (long long)d->pad_top, (long long)d->pad_bottom, (long long)d->pad_left, (long long)d->pad_right);
    const int64_t groups = or_one(d->groups);
    if (d->c % groups || d->k % groups)
        return error_set(CAIRN_E_SHAPE, "conv: %lld channels and %lld filters do not divide into %lld groups", (long long)d->c,
                         (long long)d->k, (long long)groups);
    return CAIRN_OK;
}

static int64_t output_size(int64_t size, int64_t before, int64_t after, int64_t taps, int64_t stride, int64_t dilation)
{
    const int64_t room = size + before + after - dilation * (taps - 1) - 1;
    return room < 0 ? -1 : room / stride + 1;
}

/* Fills *c in, or sets the error. */
static cairn_status check(const cairn_conv *d, conv *c)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "conv: the descriptor is NULL");
    if (d->type != CAIRN_F32 && d->type != CAIRN_F64)
        return error_set(CAIRN_E_TYPE, "conv: type %s is not supported", cairn_dtype_name(d->type));
    const cairn_status status = check_window(d);
    if (status != CAIRN_OK)
        return status;
    *c = (conv){.d = *d, .kernel = d->type == CAIRN_F64 ? kernels()->gemm_f64 : kernels()->gemm_f32};
    c->d.groups = or_one(d->groups);
    c->d.stride_h = or_one(d->stride_h);
    c->d.stride_w = or_one(d->stride_w);
    c->d.dilation_h = or_one(d->dilation_h);
    c->d.dilation_w = or_one(d->dilation_w);
    c->cg = d->c / c->d.groups;
    c->kg = d->k / c->d.groups;
    c->oh = output_size(d->h, d->pad_top, d->pad_bottom, d->r, c->d.stride_h, c->d.dilation_h);
    c->ow = output_size(d->w, d->pad_left, d->pad_right, d->s, c->d.stride_w, c->d.dilation_w);
    if (c->oh < 1 || c->ow < 1)
        return error_set(CAIRN_E_SHAPE, "conv: a window of %lld x %lld does not fit in a padded image of %lld x %lld",
                         (long long)(c->d.dilation_h * (d->r - 1) + 1), (long long)(c->d.dilation_w * (d->s - 1) + 1),
                         (long long)(d->h + d->pad_top + d->pad_bottom), (long long)(d->w + d->pad_left + d->pad_right));
    const double padded = (double)d->n * (double)(d->h + d->pad_top + d->pad_bottom) * (double)(d->w + d->pad_left + d->pad_right) * (double)d->c;
    const double output = (double)d->n * (double)c->oh * (double)c->ow * (double)d->k;
    if (padded > 0x1p50 || output > 0x1p50 || (double)d->k * (double)d->r * (double)d->s * (double)c->cg > 0x1p50 ||
        output * (double)d->r * (double)d->s > 0x1p60)
        return error_set(CAIRN_E_SHAPE, "conv: sizes overflow: n %lld, image %lld x %lld x %lld, filters %lld x %lld x %lld",
                         (long long)d->n, (long long)d->h, (long long)d->w, (long long)d->c, (long long)d->k, (long long)d->r,
                         (long long)d->s);
    return CAIRN_OK;
}

cairn_status cairn_conv_output_size(const cairn_conv *d, int64_t *oh, int64_t *ow)
{
    conv c;
    const cairn_status status = check(d, &c);
    if (status == CAIRN_OK && (!oh || !ow))
        return error_set(CAIRN_E_ARGUMENT, "conv: nowhere to put the output size");
    if (status == CAIRN_OK) {
        *oh = c.oh;
        *ow = c.ow;
    }
    return status;
}

static bool is_empty(const conv *c) { return !c->d.n || !c->d.c || !c->d.k; }

static cairn_status check_run(const conv *c, cairn_conv_pass pass, const void *a, const void *b, const void *result, void *workspace,
                              int64_t bytes, int64_t needed)
{
    static const char *const names[] = {"forward", "data gradient", "weight gradient"};
    if (is_empty(c) && !result)
        return CAIRN_OK;
    if (!a || !b || !result)
        return error_set(CAIRN_E_ARGUMENT, "conv %s: an operand is NULL: %p, %p, result %p", names[pass], a, b, result);
    if (result == a || result == b)
        return error_set(CAIRN_E_ARGUMENT, "conv %s: the result is an operand: %p", names[pass], result);
    if (needed && (!workspace || bytes < needed))
        return error_set(CAIRN_E_ARGUMENT, "conv %s: the workspace is too small: %lld bytes of %lld", names[pass],
                         (long long)(workspace ? bytes : 0), (long long)needed);
    return CAIRN_OK;
}

/* ---- The choice ---------------------------------------------------------------------------------*/

static bool is_depthwise(const correlation *c) { return c->channels == 1 && c->outs == 1; }

static int64_t correlation_workspace(const correlation *c, int threads)
{
    if (is_depthwise(c))
        return depthwise_workspace(c, threads);
    return winograd_tile(c) ? winograd_workspace(c, threads) : implicit_workspace(c, threads);
}

static void correlation_run(const correlation *c, int threads, void *workspace, int64_t bytes)
{
    if (is_depthwise(c))
        depthwise_run(c, threads, workspace, bytes);
    else if (winograd_tile(c))
        winograd_run(c, threads, workspace, bytes);
    else
        implicit_run(c, threads, workspace, bytes);
}

static int64_t data_gradient_workspace(const conv *c, int threads)
{
    int64_t most = 0;
    for (int64_t phase = 0; phase < c->d.stride_h * c->d.stride_w; phase++) {
        const correlation form = conv_data_gradient_form(c, NULL, NULL, NULL, phase / c->d.stride_w, phase % c->d.stride_w);
        if (form.oh && form.ow)
            most = larger(most, correlation_workspace(&form, threads));
    }
    return most;
}

static int64_t weight_gradient_workspace(const conv *c, int threads)
{
    if (c->cg == 1 && c->kg == 1)
        return depthwise_weight_workspace(c, threads);
    const int m = winograd_weight_tile(c);
    return m ? winograd_weight_workspace(c, m, threads) : weight_workspace(c, threads);
}

static int64_t pass_workspace(const conv *c, cairn_conv_pass pass, int threads)
{
    if (is_empty(c))
        return 0;
    if (pass == CAIRN_CONV_DATA_GRADIENT)
        return data_gradient_workspace(c, threads);
    if (pass == CAIRN_CONV_WEIGHT_GRADIENT)
        return weight_gradient_workspace(c, threads);
    const correlation form = conv_forward_form(c, NULL, NULL, NULL);
    return correlation_workspace(&form, threads);
}

int64_t cairn_conv_workspace_bytes(const cairn_conv *d, cairn_conv_pass pass)
{
    conv c;
    if (check(d, &c) != CAIRN_OK)
        return 0;
    if ((int)pass < CAIRN_CONV_FORWARD || pass > CAIRN_CONV_WEIGHT_GRADIENT) {
        error_set(CAIRN_E_ARGUMENT, "conv: no such pass: %d", (int)pass);
        return 0;
    }
    return pass_workspace(&c, pass, cairn_threads());
}

/* ---- The passes ---------------------------------------------------------------------------------*/

cairn_status cairn_conv_forward(const cairn_conv *d, const void *x, const void *w, void *y, void *workspace,
                                int64_t workspace_bytes)
{
    conv c;
    cairn_status status = check(d, &c);
    if (status == CAIRN_OK)
        status = check_run(&c, CAIRN_CONV_FORWARD, x, w, y, workspace, workspace_bytes, pass_workspace(&c, CAIRN_CONV_FORWARD, 1));
    if (status != CAIRN_OK || !d->n || !d->k)
        return status;
    if (!d->c) {                        /* empty sums */
        memset(y, 0, (size_t)(d->n * c.oh * c.ow * d->k * c.kernel->element_bytes));
        if (d->epilogue)
            d->epilogue(d->epilogue_context, 0, 0, d->n * c.oh * c.ow, 0, d->k);
        return CAIRN_OK;
    }
    const correlation form = conv_forward_form(&c, x, w, y);
    correlation_run(&form, cairn_threads(), workspace, workspace_bytes);
    return CAIRN_OK;
}

cairn_status cairn_conv_data_gradient(const cairn_conv *d, const void *dy, const void *w, void *dx, void *workspace,
                                      int64_t workspace_bytes)
{
    conv c;
    cairn_status status = check(d, &c);
    if (status == CAIRN_OK)
        status = check_run(&c, CAIRN_CONV_DATA_GRADIENT, dy, w, dx, workspace, workspace_bytes,
                           pass_workspace(&c, CAIRN_CONV_DATA_GRADIENT, 1));
    if (status != CAIRN_OK || !d->n || !d->c)
        return status;
    if (!d->k) {
        memset(dx, 0, (size_t)(d->n * d->h * d->w * d->c * c.kernel->element_bytes));
        return CAIRN_OK;
    }
    for (int64_t phase = 0; phase < c.d.stride_h * c.d.stride_w; phase++) {
        const correlation form = conv_data_gradient_form(&c, dy, w, dx, phase / c.d.stride_w, phase % c.d.stride_w);
        if (form.oh && form.ow)
            correlation_run(&form, cairn_threads(), workspace, workspace_bytes);
    }
    return CAIRN_OK;
}

cairn_status cairn_conv_weight_gradient(const cairn_conv *d, const void *x, const void *dy, void *dw, void *workspace,
                                        int64_t workspace_bytes)
{
    conv c;
    cairn_status status = check(d, &c);
    if (status == CAIRN_OK)
        status = check_run(&c, CAIRN_CONV_WEIGHT_GRADIENT, x, dy, dw, workspace, workspace_bytes,
                           pass_workspace(&c, CAIRN_CONV_WEIGHT_GRADIENT, 1));
    if (status != CAIRN_OK || !d->c || !d->k)
        return status;
    if (!d->n) {
        memset(dw, 0, (size_t)(d->k * d->r * d->s * c.cg * c.kernel->element_bytes));
        return CAIRN_OK;
    }
    if (c.cg == 1 && c.kg == 1)
        depthwise_weight_run(&c, x, dy, dw, cairn_threads(), workspace, workspace_bytes);
    else if (winograd_weight_tile(&c))
        winograd_weight_run(&c, winograd_weight_tile(&c), x, dy, dw, cairn_threads(), workspace, workspace_bytes);
    else
        weight_run(&c, x, dy, dw, cairn_threads(), workspace, workspace_bytes);
    return CAIRN_OK;
}
