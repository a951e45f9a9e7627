/* Depthwise convolution: as many groups as channels and filters. Rows of pixels from a padded strip of all channels, so that
 * vectors run across channels. */
#include "primitives/conv/depthwise.h"

#include "base/pool.h"
#include "primitives/conv/strip.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

#include <string.h>

enum { STRIP_BYTES = 256 << 10, PARTS = 16 };

typedef struct plan {
    correlation all;                    /* the groups seen as channels of one */
    strip strip;
    int64_t bytes, taps, row_block, row_blocks;
    int64_t offset_bytes, weight_bytes, strip_bytes, part_bytes;
    int64_t parts;                      /* weight gradient: runs of images that sum on their own */
    int slots;
    int64_t *offset;
    char *weights, *strips;
    const char *dy;                     /* weight gradient */
} plan;

static void choose(const correlation *c, int threads, plan *p)
{
    *p = (plan){.all = *c, .bytes = c->kernel->element_bytes, .taps = c->down.count * c->across.count};
    p->all.channels = c->groups;
    p->strip = strip_of(&p->all, false);
    p->row_block = c->oh;
    while (p->row_block > 1 && strip_elements(&p->strip, p->row_block) * p->bytes > STRIP_BYTES)
        p->row_block = ceil_div(p->row_block, 2);
    p->row_blocks = ceil_div(c->oh, p->row_block);
    p->offset_bytes = round_up(p->taps * (int64_t)sizeof(int64_t), 64);
    p->weight_bytes = round_up(p->taps * c->groups * p->bytes, 64);
    p->strip_bytes = round_up(strip_elements(&p->strip, p->row_block) * p->bytes, 64);
    p->parts = smaller(c->images, PARTS);
    p->part_bytes = p->parts * p->weight_bytes;
    const double work = (double)c->images * (double)(c->oh * c->ow) * (double)c->groups * (double)larger(p->taps, 1);
    p->slots = (int)smaller(work < 1 << 18 ? 1 : threads, c->images * p->row_blocks);
}

static void place(plan *p, void *workspace, int64_t weight_bytes)
{
    p->offset = (int64_t *)round_up((int64_t)(intptr_t)workspace, 64);
    p->weights = (char *)p->offset + p->offset_bytes;
    p->strips = p->weights + weight_bytes;
    const correlation *c = &p->all;
    for (int64_t t = 0; t < p->taps; t++)
        p->offset[t] = (t / c->across.count * c->down.offset_step * p->strip.width + t % c->across.count * c->across.offset_step) *
                       c->channels;
}

/* The place of tap t of channel 0 in the user's weights. */
static int64_t tap_place(const plan *p, int64_t t)
{
    const correlation *c = &p->all;
    return (c->down.tap0 + t / c->across.count * c->down.tap_step) * c->w_row +
           (c->across.tap0 + t % c->across.count * c->across.tap_step) * c->w_column;
}

/* ---- Forward and data gradient ------------------------------------------------------------------*/

int64_t depthwise_workspace(const correlation *c, int threads)
{
    plan p;
    choose(c, threads, &p);
    return p.offset_bytes + p.weight_bytes + p.slots * p.strip_bytes + 64;
}

static void gather_weights(const plan *p)
{
    const correlation *c = &p->all;
    char *to = p->weights;
    for (int64_t t = 0; t < p->taps; t++)
        for (int64_t channel = 0; channel < c->channels; channel++, to += p->bytes)
            memcpy(to, c->w + (tap_place(p, t) + channel * c->w_group) * p->bytes, (size_t)p->bytes);
}

static void run_rows(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const correlation *c = &p->all;
    const int64_t image = task / p->row_blocks, row0 = task % p->row_blocks * p->row_block;
    const int64_t rows = smaller(p->row_block, c->oh - row0);
    char *own = p->strips + slot * p->strip_bytes;
    depthwise_line line = {.pixels = c->ow, .channels = c->channels, .taps = p->taps, .offset = p->offset, .w = p->weights,
                           .x_step = c->across.step * c->channels, .y_step = c->out_pixel};
    strip_fill(&p->strip, c->in + image * c->ih * c->iw * c->in_pixel * p->bytes, row0, rows, own);
    for (int64_t i = 0; i < rows; i++) {
        line.x = own + i * c->down.step * p->strip.width * c->channels * p->bytes;
        line.y = c->out + (image * c->out_image + (row0 + i) * c->out_row) * p->bytes;
        (p->bytes == 8 ? kernels()->depthwise_f64 : kernels()->depthwise_f32)(&line);
    }
    if (c->epilogue)
        c->epilogue(c->epilogue_context, 0, (image * c->oh + row0) * c->ow, rows * c->ow, 0, c->channels);
}

void depthwise_run(const correlation *c, int threads, void *workspace, int64_t bytes)
{
    plan p;
    while (threads > 1 && depthwise_workspace(c, threads) > bytes)
        threads--;
    choose(c, threads, &p);
    place(&p, workspace, p.weight_bytes);
    gather_weights(&p);
    slots_run(c->images * p.row_blocks, p.slots, run_rows, &p);
}

/* ---- Weight gradient ----------------------------------------------------------------------------*/

int64_t depthwise_weight_workspace(const conv *c, int threads)
{
    const correlation form = conv_forward_form(c, NULL, NULL, NULL);
    plan p;
    choose(&form, threads, &p);
    return p.offset_bytes + p.part_bytes + p.slots * p.strip_bytes + 64;
}

static void sum_part(void *context, int64_t part, int64_t slot)
{
    const plan *p = context;
    const correlation *c = &p->all;
    char *own = p->strips + slot * p->strip_bytes, *sums = p->weights + part * p->weight_bytes;
    depthwise_sum sum = {.pixels = c->ow, .channels = c->channels, .taps = p->taps, .offset = p->offset, .w = sums,
                         .x_step = c->across.step * c->channels, .y_step = c->channels};
    memset(sums, 0, (size_t)p->weight_bytes);
    for (int64_t image = part * c->images / p->parts; image < (part + 1) * c->images / p->parts; image++)
        for (int64_t row = 0; row < c->oh; row++) {
            if (row % p->row_block == 0)
                strip_fill(&p->strip, c->in + image * c->ih * c->iw * c->in_pixel * p->bytes, row,
                           smaller(p->row_block, c->oh - row), own);
            sum.x = own + row % p->row_block * c->down.step * p->strip.width * c->channels * p->bytes;
            sum.y = p->dy + (image * c->oh + row) * c->ow * c->channels * p->bytes;
            (p->bytes == 8 ? kernels()->depthwise_weight_f64 : kernels()->depthwise_weight_f32)(&sum);
        }
}

void depthwise_weight_run(const conv *c, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes)
{
    const correlation form = conv_forward_form(c, x, NULL, NULL);
    plan p;
    while (threads > 1 && depthwise_weight_workspace(c, threads) > bytes)
        threads--;
    choose(&form, threads, &p);
    place(&p, workspace, p.part_bytes);
    p.dy = dy;
    slots_run(p.parts, p.slots, sum_part, &p);
    conv_sum_parts(c->kernel, p.weights, p.weights + p.weight_bytes, p.parts, p.weight_bytes / p.bytes);
    for (int64_t t = 0; t < p.taps; t++)
        for (int64_t channel = 0; channel < c->d.c; channel++)
            memcpy((char *)dw + (tap_place(&p, t) + channel * p.all.w_group) * p.bytes,
                   p.weights + (t * c->d.c + channel) * p.bytes, (size_t)p.bytes);
}
