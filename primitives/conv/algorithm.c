/* The algorithms as one table: what each refuses, what workspace it needs, how it runs; and the choice by shape alone. */
#include "primitives/conv/conv.h"
#include "primitives/gemm/block.h"
#include "primitives/slots.h"

#include <stdlib.h>

typedef struct request {
    const conv *c;
    cairn_conv_pass pass;
    const void *a, *b;
    void *result;
    int threads;
    void *workspace;
    int64_t bytes;
} request;

static bool is_exact(void)
{
    const char *exact = getenv("CAIRN_CONV_EXACT");
    return exact && exact[0] == '1';
}

/* ---- Correlations: forward, or each phase of the data gradient ----------------------------------------*/

typedef int64_t correlation_workspace(const correlation *c, int threads);
typedef void correlation_run(const correlation *c, int threads, void *workspace, int64_t bytes);

static int64_t parts_of(const request *r) { return r->pass == CAIRN_CONV_FORWARD ? 1 : conv_phases(r->c); }

static correlation part(const request *r, int64_t index)
{
    return r->pass == CAIRN_CONV_FORWARD ? conv_forward_form(r->c, r->a, r->b, r->result)
                                         : conv_data_gradient_form(r->c, r->a, r->b, r->result, index);
}

static int64_t most_workspace(const request *r, correlation_workspace *workspace)
{
    int64_t most = 0;
    for (int64_t i = 0; i < parts_of(r); i++) {
        const correlation form = part(r, i);
        most = larger(most, workspace(&form, r->threads));
    }
    return most;
}

static void run_parts(const request *r, correlation_run *run)
{
    for (int64_t i = 0; i < parts_of(r); i++) {
        const correlation form = part(r, i);
        run(&form, r->threads, r->workspace, r->bytes);
    }
}

/* ---- Implicit, and the weight gradient beside it --------------------------------------------------------*/

static const char *implicit_refuses(const request *r) { return (void)r, NULL; }
static int64_t strips_workspace(const correlation *c, int threads) { return implicit_workspace(c, false, threads); }
static void strips_run(const correlation *c, int threads, void *workspace, int64_t bytes) { implicit_run(c, false, threads, workspace, bytes); }

static int64_t implicit_bytes(const request *r)
{
    return r->pass == CAIRN_CONV_WEIGHT_GRADIENT ? weight_workspace(r->c, r->threads) : most_workspace(r, strips_workspace);
}

static void implicit_go(const request *r)
{
    if (r->pass == CAIRN_CONV_WEIGHT_GRADIENT)
        weight_run(r->c, r->a, r->b, r->result, r->threads, r->workspace, r->bytes);
    else
        run_parts(r, strips_run);
}

/* Weights of all panels: also those of the direct algorithm. */
static int64_t panels_bytes(const request *r)
{
    const correlation form = part(r, 0);
    return implicit_pack_bytes(&form);
}

static void panels_pack(const request *r)
{
    const correlation form = part(r, 0);
    implicit_pack(&form, r->result);
}

/* ---- Direct -----------------------------------------------------------------------------------------*/

static const char *direct_refuses(const request *r)
{
    const correlation form = conv_forward_form(r->c, NULL, NULL, NULL);
    if (r->pass != CAIRN_CONV_FORWARD)
        return "it is for the forward pass";
    return conv_is_inside(&form) ? NULL : "a window reaches beyond the image, or has three dimensions";
}

static int64_t direct_bytes(const request *r)
{
    const correlation form = part(r, 0);
    return implicit_workspace(&form, true, r->threads);
}

static void direct_go(const request *r)
{
    const correlation form = part(r, 0);
    implicit_run(&form, true, r->threads, r->workspace, r->bytes);
}

/* ---- Matmul: y (pixels, k) = x (pixels, c) w', dx = dy w, dw = dy' x ----------------------------------------*/

static const char *matmul_refuses(const request *r)
{
    const cairn_conv *d = &r->c->d;
    if (d->groups != 1 || d->t != 1 || d->r != 1 || d->s != 1)
        return "filters are not 1 x 1 in one group";
    if (d->stride_d != 1 || d->stride_h != 1 || d->stride_w != 1)
        return "the stride is not 1";
    return d->pad_front || d->pad_back || d->pad_top || d->pad_bottom || d->pad_left || d->pad_right ? "the image is padded" : NULL;
}

static void finish_rows(void *context, int64_t batch, int64_t row0, int64_t rows, int64_t column0, int64_t columns)
{
    const correlation *all = context;   /* one slice, one row of all pixels */
    correlation f = *all;
    (void)batch;
    f.ow = rows;
    f.out_row = rows * f.out_pixel;
    f.out += row0 * f.out_pixel * f.kernel->element_bytes;
    if (f.residual)
        f.residual += row0 * f.out_pixel * f.kernel->element_bytes;
    f.epilogue = NULL;
    conv_finish(&f, 0, 1, 0, 1, column0, columns);
    if (all->epilogue)
        all->epilogue(all->epilogue_context, 0, row0, rows, column0, columns);
}

static matmul product(const request *r, correlation *form)
{
    const conv *c = r->c;
    const cairn_conv *d = &c->d;
    const cairn_dtype type = d->type;
    const int64_t pixels = d->n * d->depth * d->h * d->w;
    const bool forward = r->pass == CAIRN_CONV_FORWARD;
    matmul mm = {.kernel = c->kernel, .c_type = type, .c = r->result, .alpha = 1};
    if (r->pass == CAIRN_CONV_WEIGHT_GRADIENT) {
        mm.m = d->k, mm.n = d->c, mm.k = pixels;
        mm.a = (matmul_operand){r->b, type, 1, d->k};
        mm.b = (matmul_operand){r->a, type, 1, d->c};
        mm.c_row = d->c;
        return mm;
    }
    *form = part(r, 0);
    form->slices = form->od = form->oh = 1;
    mm.m = pixels, mm.n = form->outs, mm.k = form->channels;
    mm.a = (matmul_operand){r->a, type, form->channels, 1};
    mm.b = forward ? (matmul_operand){r->b, type, d->c, 1} : (matmul_operand){r->b, type, 1, d->c};
    mm.c_row = form->outs;
    mm.packed_b = form->packed;
    if (form->fused || form->epilogue)
        mm.epilogue = finish_rows, mm.epilogue_context = form;
    return mm;
}

static int64_t matmul_bytes(const request *r)
{
    correlation form;
    const matmul mm = product(r, &form);
    return larger(matmul_workspace(&mm, r->threads), matmul_workspace(&mm, 1));
}

static void matmul_go(const request *r)
{
    correlation form;
    const matmul mm = product(r, &form);
    matmul_run(&mm, r->threads, r->workspace, r->bytes);
}

static int64_t matmul_pack_size(const request *r)
{
    correlation form;
    const matmul mm = product(r, &form);
    return matmul_packed_bytes(&mm);
}

static void matmul_pack_go(const request *r)
{
    correlation form;
    const matmul mm = product(r, &form);
    matmul_pack_b(&mm, r->result);
}

/* ---- Scatter ----------------------------------------------------------------------------------------*/

static const char *scatter_refuses(const request *r)
{
    if (r->pass != CAIRN_CONV_DATA_GRADIENT)
        return "it is for the data gradient";
    return r->c->d.groups != 1 ? "there are groups" : NULL;
}

static int64_t scatter_bytes(const request *r) { return scatter_workspace(r->c, r->threads); }
static void scatter_go(const request *r) { scatter_run(r->c, r->a, r->b, r->result, r->threads, r->workspace, r->bytes); }

/* ---- Depthwise --------------------------------------------------------------------------------------*/

static const char *depthwise_refuses(const request *r) { return r->c->cg == 1 && r->c->kg == 1 ? NULL : "a group has several channels or filters"; }

static int64_t depthwise_bytes(const request *r)
{
    return r->pass == CAIRN_CONV_WEIGHT_GRADIENT ? depthwise_weight_workspace(r->c, r->threads) : most_workspace(r, depthwise_workspace);
}

static void depthwise_go(const request *r)
{
    if (r->pass == CAIRN_CONV_WEIGHT_GRADIENT)
        depthwise_weight_run(r->c, r->a, r->b, r->result, r->threads, r->workspace, r->bytes);
    else
        run_parts(r, depthwise_run);
}

static int64_t depthwise_pack_size(const request *r)
{
    const correlation form = part(r, 0);
    return depthwise_pack_bytes(&form);
}

static void depthwise_pack_go(const request *r)
{
    const correlation form = part(r, 0);
    depthwise_pack(&form, r->result);
}

/* ---- Winograd ---------------------------------------------------------------------------------------*/

static const char *winograd_refuses(const request *r)
{
    if (is_exact())
        return "CAIRN_CONV_EXACT=1 forbids it";
    const correlation form = conv_forward_form(r->c, NULL, NULL, NULL);
    return winograd_applies(&form) ? NULL : "it is for f32, filters of 3 x 3 with stride and dilation 1, and one group";
}

static int64_t winograd_bytes(const request *r, int m)
{
    if (r->pass == CAIRN_CONV_WEIGHT_GRADIENT)
        return winograd_weight_workspace(r->c, m, r->threads);
    const correlation form = part(r, 0);
    return winograd_workspace(&form, m, r->threads);
}

static void winograd_go(const request *r, int m)
{
    if (r->pass == CAIRN_CONV_WEIGHT_GRADIENT) {
        winograd_weight_run(r->c, m, r->a, r->b, r->result, r->threads, r->workspace, r->bytes);
        return;
    }
    const correlation form = part(r, 0);
    winograd_run(&form, m, r->threads, r->workspace, r->bytes);
}

static int64_t winograd_size(const request *r, int m)
{
    const correlation form = part(r, 0);
    return winograd_pack_bytes(&form, m);
}

static void winograd_pack_go(const request *r, int m)
{
    const correlation form = part(r, 0);
    winograd_pack(&form, m, r->threads, r->result, r->workspace, r->bytes);
}

static int64_t winograd_bytes_2(const request *r) { return winograd_bytes(r, 2); }
static int64_t winograd_bytes_4(const request *r) { return winograd_bytes(r, 4); }
static void winograd_go_2(const request *r) { winograd_go(r, 2); }
static void winograd_go_4(const request *r) { winograd_go(r, 4); }
static int64_t winograd_size_2(const request *r) { return winograd_size(r, 2); }
static int64_t winograd_size_4(const request *r) { return winograd_size(r, 4); }
static void winograd_pack_2(const request *r) { winograd_pack_go(r, 2); }
static void winograd_pack_4(const request *r) { winograd_pack_go(r, 4); }

/* ---- The table --------------------------------------------------------------------------------------*/

static const struct algorithm {
    const char *(*refuses)(const request *r);
    int64_t (*bytes)(const request *r);
    void (*go)(const request *r);
    int64_t (*pack_bytes)(const request *r); /* of weights kept for the forward pass; b is w, they go to `result` */
    void (*pack)(const request *r);
} algorithms[CAIRN_CONV_ALGORITHMS] = {
    [CAIRN_CONV_IMPLICIT] = {implicit_refuses, implicit_bytes, implicit_go, panels_bytes, panels_pack},
    [CAIRN_CONV_DIRECT] = {direct_refuses, direct_bytes, direct_go, panels_bytes, panels_pack},
    [CAIRN_CONV_MATMUL] = {matmul_refuses, matmul_bytes, matmul_go, matmul_pack_size, matmul_pack_go},
    [CAIRN_CONV_SCATTER] = {scatter_refuses, scatter_bytes, scatter_go, NULL, NULL},
    [CAIRN_CONV_DEPTHWISE] = {depthwise_refuses, depthwise_bytes, depthwise_go, depthwise_pack_size, depthwise_pack_go},
    [CAIRN_CONV_WINOGRAD_2] = {winograd_refuses, winograd_bytes_2, winograd_go_2, winograd_size_2, winograd_pack_2},
    [CAIRN_CONV_WINOGRAD_4] = {winograd_refuses, winograd_bytes_4, winograd_go_4, winograd_size_4, winograd_pack_4},
};

const char *cairn_conv_algorithm_name(cairn_conv_algorithm algorithm)
{
    static const char *const names[] = {
#define X(name, text) text,
        CAIRN_CONV_ALGORITHM_LIST(X)
#undef X
    };
    return algorithm >= 0 && algorithm < CAIRN_CONV_ALGORITHMS ? names[algorithm] : "no algorithm";
}

const char *conv_refuses(const conv *c, cairn_conv_pass pass, cairn_conv_algorithm algorithm)
{
    const request r = {.c = c, .pass = pass};
    return algorithms[algorithm].refuses(&r);
}

int64_t conv_algorithm_workspace(const conv *c, cairn_conv_pass pass, cairn_conv_algorithm algorithm, int threads)
{
    const request r = {.c = c, .pass = pass, .threads = threads};
    return algorithms[algorithm].bytes(&r);
}

void conv_algorithm_run(const conv *c, cairn_conv_pass pass, cairn_conv_algorithm algorithm, const void *a, const void *b, void *result,
                        int threads, void *workspace, int64_t bytes)
{
    const request r = {c, pass, a, b, result, threads, workspace, bytes};
    algorithms[algorithm].go(&r);
}

cairn_conv_algorithm conv_pack_form(cairn_conv_algorithm algorithm) { return algorithm == CAIRN_CONV_DIRECT ? CAIRN_CONV_IMPLICIT : algorithm; }

int64_t conv_algorithm_pack_bytes(const conv *c, cairn_conv_algorithm algorithm)
{
    const request r = {.c = c, .pass = CAIRN_CONV_FORWARD};
    return algorithms[algorithm].pack_bytes(&r);
}

void conv_algorithm_pack(const conv *c, cairn_conv_algorithm algorithm, const void *w, void *to, int threads, void *workspace, int64_t bytes)
{
    const request r = {.c = c, .pass = CAIRN_CONV_FORWARD, .b = w, .result = to, .threads = threads, .workspace = workspace, .bytes = bytes};
    algorithms[algorithm].pack(&r);
}

/* ---- The choice by shape ------------------------------------------------------------------------------*/

enum { FEW_CHANNELS = 8, MANY_CHANNELS = 512, CACHED_BYTES = 4 << 20 };

static int tile_for(const conv *c, cairn_conv_pass pass)
{
    if (is_exact())
        return 0;
    if (pass == CAIRN_CONV_DATA_GRADIENT && (c->d.stride_h != 1 || c->d.stride_w != 1 || c->d.stride_d != 1))
        return 0;
    const correlation form = pass == CAIRN_CONV_DATA_GRADIENT ? conv_data_gradient_form(c, NULL, NULL, NULL, 0)
                                                              : conv_forward_form(c, NULL, NULL, NULL);
    return winograd_tile(&form);
}

/* 1 x 1 filters. With many channels rows of the image fall into one set of L1, which packing avoids. With few, reading in place
 * is best while the image is in cache, and a strip, copied ahead, when it is not: both give the same bits. */
static cairn_conv_algorithm choose_pointwise(const conv *c, cairn_conv_pass pass)
{
    const int64_t channels = pass == CAIRN_CONV_DATA_GRADIENT ? c->d.k : c->d.c;
    if (pass == CAIRN_CONV_WEIGHT_GRADIENT ? c->d.c * c->d.k >= MANY_CHANNELS * MANY_CHANNELS / 4 : channels >= MANY_CHANNELS)
        return CAIRN_CONV_MATMUL;
    const int64_t image_bytes = c->d.n * c->d.depth * c->d.h * c->d.w * channels * c->kernel->element_bytes;
    return pass == CAIRN_CONV_FORWARD && image_bytes <= CACHED_BYTES ? CAIRN_CONV_DIRECT : CAIRN_CONV_IMPLICIT;
}

cairn_conv_algorithm conv_default(const conv *c, cairn_conv_pass pass)
{
    const request r = {.c = c, .pass = pass};
    if (!depthwise_refuses(&r))
        return CAIRN_CONV_DEPTHWISE;
    if (!scatter_refuses(&r) && c->d.c <= FEW_CHANNELS && c->d.t * c->d.r * c->d.s > 1)
        return CAIRN_CONV_SCATTER;
    if (!matmul_refuses(&r))
        return choose_pointwise(c, pass);
    if (!direct_refuses(&r) && c->d.groups == 1 && c->d.r * c->d.s == 1 && c->d.c < MANY_CHANNELS)
        return CAIRN_CONV_DIRECT;       /* a strip would copy the pixels that the stride leaves out */
    const int m = tile_for(c, pass);
    return m == 4 ? CAIRN_CONV_WINOGRAD_4 : m == 2 ? CAIRN_CONV_WINOGRAD_2 : CAIRN_CONV_IMPLICIT;
}
