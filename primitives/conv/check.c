/* What a descriptor may be, and what operands may be given with it. */
#include "base/error.h"
#include "primitives/conv/layout.h"
#include "primitives/finish.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

typedef long long ll;

static int64_t or_one(int64_t x) { return x ? x : 1; }

static bool is_within(int64_t x, int64_t low) { return x >= low && x < INT32_MAX; }

static cairn_status check_sizes(const cairn_conv *d)
{
    if (!is_within(d->n, 0) || !is_within(d->depth, 0) || !is_within(d->h, 0) || !is_within(d->w, 0) || !is_within(d->c, 0) ||
        !is_within(d->k, 0) || !is_within(d->t, 0) || !is_within(d->r, 1) || !is_within(d->s, 1) || !is_within(d->groups, 0))
        return error_set(CAIRN_E_SHAPE, "conv: a size is out of range: n %lld, image %lld x %lld x %lld x %lld, filters %lld x %lld x %lld x "
                         "%lld, groups %lld", (ll)d->n, (ll)d->depth, (ll)d->h, (ll)d->w, (ll)d->c, (ll)d->k, (ll)d->t, (ll)d->r, (ll)d->s,
                         (ll)d->groups);
    const int64_t groups = or_one(d->groups);
    if (d->c % groups || d->k % groups)
        return error_set(CAIRN_E_SHAPE, "conv: %lld channels and %lld filters do not divide into %lld groups", (ll)d->c, (ll)d->k, (ll)groups);
    return CAIRN_OK;
}

static cairn_status check_window(const cairn_conv *d)
{
    if (!is_within(d->stride_d, 0) || !is_within(d->stride_h, 0) || !is_within(d->stride_w, 0) || !is_within(d->dilation_d, 0) ||
        !is_within(d->dilation_h, 0) || !is_within(d->dilation_w, 0))
        return error_set(CAIRN_E_SHAPE, "conv: out of range: stride %lld x %lld x %lld, dilation %lld x %lld x %lld", (ll)d->stride_d,
                         (ll)d->stride_h, (ll)d->stride_w, (ll)d->dilation_d, (ll)d->dilation_h, (ll)d->dilation_w);
    if (!is_within(d->pad_front, 0) || !is_within(d->pad_back, 0) || !is_within(d->pad_top, 0) || !is_within(d->pad_bottom, 0) ||
        !is_within(d->pad_left, 0) || !is_within(d->pad_right, 0))
        return error_set(CAIRN_E_SHAPE, "conv: out of range: padding %lld %lld, %lld %lld, %lld %lld", (ll)d->pad_front, (ll)d->pad_back,
                         (ll)d->pad_top, (ll)d->pad_bottom, (ll)d->pad_left, (ll)d->pad_right);
    return CAIRN_OK;
}

static cairn_status check_kind(const cairn_conv *d)
{
    if (d->type != CAIRN_F32 && d->type != CAIRN_F64 && d->type != CAIRN_F16 && d->type != CAIRN_BF16 && !conv_is_integer(d))
        return error_set(CAIRN_E_TYPE, "conv: type %s is not supported", cairn_dtype_name(d->type));
    if (d->algorithm < 0 || d->algorithm >= CAIRN_CONV_ALGORITHMS)
        return error_set(CAIRN_E_ARGUMENT, "conv: no such algorithm: %d", (int)d->algorithm);
    if (conv_is_integer(d) && (!finish_is_nothing(&d->fused) || d->algorithm))
        return error_set(CAIRN_E_UNSUPPORTED, "conv: with integers nothing is fused and no algorithm is chosen: %s, activation %d, algorithm %s",
                         cairn_dtype_name(d->type), (int)d->fused.activation, cairn_conv_algorithm_name(d->algorithm));
    return finish_check("conv", &d->fused, NULL);
}

static int64_t output_size(int64_t size, int64_t before, int64_t after, int64_t taps, int64_t stride, int64_t dilation)
{
    const int64_t room = size + before + after - dilation * (taps - 1) - 1;
    return room < 0 ? -1 : room / stride + 1;
}

static void fill_in(const cairn_conv *d, conv *c)
{
    *c = (conv){.d = *d, .kernel = d->type == CAIRN_F64 ? kernels()->gemm_f64 : kernels()->gemm_f32};
    int64_t *const defaults[] = {&c->d.groups, &c->d.depth, &c->d.t, &c->d.stride_d, &c->d.stride_h, &c->d.stride_w, &c->d.dilation_d,
                                 &c->d.dilation_h, &c->d.dilation_w};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        *defaults[i] = or_one(*defaults[i]);
    c->cg = d->c / c->d.groups;
    c->kg = d->k / c->d.groups;
    c->od = output_size(c->d.depth, d->pad_front, d->pad_back, c->d.t, c->d.stride_d, c->d.dilation_d);
    c->oh = output_size(d->h, d->pad_top, d->pad_bottom, d->r, c->d.stride_h, c->d.dilation_h);
    c->ow = output_size(d->w, d->pad_left, d->pad_right, d->s, c->d.stride_w, c->d.dilation_w);
}

/* Sizes whose products, in bytes and with what algorithms add to them, stay far inside int64. */
static cairn_status check_products(const conv *c)
{
    const cairn_conv *d = &c->d;
    if (c->od < 1 || c->oh < 1 || c->ow < 1)
        return error_set(CAIRN_E_SHAPE, "conv: a window of %lld x %lld x %lld does not fit in a padded image of %lld x %lld x %lld",
                         (ll)(d->dilation_d * (d->t - 1) + 1), (ll)(d->dilation_h * (d->r - 1) + 1), (ll)(d->dilation_w * (d->s - 1) + 1),
                         (ll)(d->depth + d->pad_front + d->pad_back), (ll)(d->h + d->pad_top + d->pad_bottom),
                         (ll)(d->w + d->pad_left + d->pad_right));
    const double taps = (double)d->t * (double)d->r * (double)d->s;
    const double padded = (double)larger(d->n, 1) * (double)(d->depth + d->pad_front + d->pad_back) * (double)(d->h + d->pad_top + d->pad_bottom) *
                          (double)(d->w + d->pad_left + d->pad_right) * (double)larger(d->c, 1);
    const double filters = (double)larger(d->k, 1), output = (double)larger(d->n, 1) * (double)c->od * (double)c->oh * (double)c->ow * filters;
    if (padded > 0x1p48 || output > 0x1p48 || filters * taps * (double)larger(c->cg, 1) > 0x1p48 || output * taps > 0x1p58)
        return error_set(CAIRN_E_SHAPE, "conv: sizes overflow: n %lld, image %lld x %lld x %lld x %lld, filters %lld x %lld x %lld x %lld",
                         (ll)d->n, (ll)d->depth, (ll)d->h, (ll)d->w, (ll)d->c, (ll)d->k, (ll)d->t, (ll)d->r, (ll)d->s);
    return CAIRN_OK;
}

cairn_status conv_check(const cairn_conv *d, conv *c)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "conv: the descriptor is NULL");
    cairn_status status = check_kind(d);
    if (status == CAIRN_OK)
        status = check_sizes(d);
    if (status == CAIRN_OK)
        status = check_window(d);
    if (status != CAIRN_OK)
        return status;
    conv filled;
    fill_in(d, &filled);
    status = check_products(&filled);
    if (status == CAIRN_OK)
        status = layout_check(&filled);
    if (status == CAIRN_OK)
        *c = filled;
    return status;
}

cairn_status cairn_conv_output_size_3d(const cairn_conv *d, int64_t *od, int64_t *oh, int64_t *ow)
{
    conv c;
    const cairn_status status = conv_check(d, &c);
    if (status == CAIRN_OK && (!od || !oh || !ow))
        return error_set(CAIRN_E_ARGUMENT, "conv: nowhere to put the output size");
    if (status == CAIRN_OK) {
        *od = c.od;
        *oh = c.oh;
        *ow = c.ow;
    }
    return status;
}

cairn_status cairn_conv_output_size(const cairn_conv *d, int64_t *oh, int64_t *ow)
{
    int64_t od;
    return cairn_conv_output_size_3d(d, &od, oh, ow);
}
