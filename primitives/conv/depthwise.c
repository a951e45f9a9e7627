/* Depthwise convolution: as many groups as channels and filters. Rows of pixels, vectors across channels; the image is read in place:
 * each line of pixels has the list of those taps that lie within it. */
#include "primitives/conv/depthwise.h"

#include "base/pool.h"
#include "primitives/conv/conv.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

#include <string.h>

enum { TASK_BYTES = 64 << 10, PARTS = 16 };

typedef struct plan {
    correlation all;                    /* the groups seen as channels of one */
    int64_t bytes, taps, row_block, row_blocks;
    int64_t inner, inner_end;           /* output columns that see all columns of the filter in the image */
    int64_t list_bytes, weight_bytes, part_bytes; /* list: of a slot's taps */
    int64_t parts;                      /* weight gradient: runs of slices that sum on their own */
    int slots;
    const char *weights;                /* (tap, channel) */
    char *sums, *lists;                 /* weight gradient: of all parts */
    const char *dy;                     /* weight gradient */
} plan;

/* Taps first ... end of an axis are within the input for output position o. */
typedef struct tap_range { int64_t first, end; } tap_range;

static tap_range taps_within(const tap_axis *a, int64_t o, int64_t inputs)
{
    const int64_t from = o * a->step + a->offset0; /* of tap 0 */
    tap_range r = {from < 0 ? ceil_div(-from, a->offset_step) : 0, inputs > from ? ceil_div(inputs - from, a->offset_step) : 0};
    r.end = smaller(r.end, a->count);
    r.first = smaller(r.first, r.end);
    return r;
}

int64_t depthwise_pack_bytes(const correlation *c)
{
    return round_up(c->deep.count * c->down.count * c->across.count * c->groups * c->kernel->element_bytes, 64);
}

/* The outputs of a row that see all taps: tap 0 is not before the image, and the last one is not behind it. */
static void find_inner(const correlation *c, plan *p)
{
    const tap_axis *a = &c->across;
    const int64_t most = c->iw - 1 - larger(a->count - 1, 0) * a->offset_step - a->offset0;
    p->inner = a->count && a->offset0 < 0 ? smaller(ceil_div(-a->offset0, a->step), c->ow) : 0;
    p->inner_end = !a->count ? c->ow : most < 0 ? p->inner : larger(smaller(most / a->step + 1, c->ow), p->inner);
}

static void choose(const correlation *c, int threads, plan *p)
{
    *p = (plan){.all = *c, .bytes = c->kernel->element_bytes, .taps = c->deep.count * c->down.count * c->across.count};
    p->all.channels = c->groups;
    p->row_block = even_tile(c->oh, larger(TASK_BYTES / larger(c->ow * c->groups * p->bytes, 1), 1));
    p->row_blocks = ceil_div(c->oh, p->row_block);
    find_inner(c, p);
    p->list_bytes = round_up(2 * p->taps * (int64_t)sizeof(int64_t), 64);
    p->weight_bytes = depthwise_pack_bytes(c);
    p->parts = smaller(c->slices, PARTS);
    p->part_bytes = p->parts * p->weight_bytes;
    const double work = (double)c->slices * (double)(c->oh * c->ow) * (double)c->groups * (double)larger(p->taps, 1);
    p->slots = (int)smaller(work < 1 << 18 ? 1 : threads, c->slices * p->row_blocks);
}

static char *aligned(void *workspace) { return (char *)round_up((int64_t)(intptr_t)workspace, 64); }

/* The place of tap t of channel 0 in the user's weights. */
static int64_t tap_place(const plan *p, int64_t t)
{
    const correlation *c = &p->all;
    return (c->deep.tap0 + t / c->across.count / c->down.count * c->deep.tap_step) * c->w_deep +
           (c->down.tap0 + t / c->across.count % c->down.count * c->down.tap_step) * c->w_row +
           (c->across.tap0 + t % c->across.count * c->across.tap_step) * c->w_column;
}

/* ---- Lines: the pixels of a row that see the same taps ----------------------------------------------*/

/* The filter's slices and rows that row y of a slice sees in the image. */
typedef struct row_taps {
    tap_range deep, down;
    int64_t z0, y0;                     /* where the first of all taps lies */
} row_taps;

static row_taps taps_of_row(const correlation *c, int64_t slice, int64_t y)
{
    const int64_t z = slice % c->od;
    return (row_taps){taps_within(&c->deep, z, c->id), taps_within(&c->down, y, c->ih), z * c->deep.step + c->deep.offset0,
                      y * c->down.step + c->down.offset0};
}

/* Fills in the taps of a line whose pixels see columns `across`. */
static void list_taps(const plan *p, const row_taps *r, tap_range across, depthwise_line *l, int64_t *list)
{
    const correlation *c = &p->all;
    int64_t *x_offset = list, *w_offset = list + p->taps, n = 0;
    for (int64_t z = r->deep.first; z < r->deep.end; z++)
        for (int64_t i = r->down.first; i < r->down.end; i++)
            for (int64_t j = across.first; j < across.end; j++, n++) {
                const int64_t row = (r->z0 + z * c->deep.offset_step) * c->ih + r->y0 + i * c->down.offset_step;
                x_offset[n] = (row * c->iw + c->across.offset0 + j * c->across.offset_step) * c->channels;
                w_offset[n] = ((z * c->down.count + i) * c->across.count + j) * c->channels;
            }
    l->taps = n;
    l->x_offset = x_offset;
    l->w_offset = w_offset;
    l->threes = across.end - across.first == 3 && c->across.offset_step == c->across.step;
}

/* Calls the kernel for each stretch of row y's pixels that see the same taps: all of those within at once, those at the edges one by one. */
static void run_row(const plan *p, depthwise_kernel *kernel, int64_t slice, int64_t y, const depthwise_line *row, int64_t *list)
{
    const correlation *c = &p->all;
    const row_taps taps = taps_of_row(c, slice, y);
    for (int64_t j = 0, end; j < c->ow; j = end) {
        const bool within = j == p->inner && p->inner_end > p->inner;
        depthwise_line l = *row;
        end = within ? p->inner_end : j + 1;
        list_taps(p, &taps, within ? (tap_range){0, c->across.count} : taps_within(&c->across, j, c->iw), &l, list);
        l.pixels = end - j;
        l.x = (const char *)row->x + j * row->x_step * p->bytes;
        l.y = (char *)row->y + j * row->y_step * p->bytes;
        kernel(&l);
    }
}

static const char *image_of(const plan *p, int64_t slice)
{
    const correlation *c = &p->all;
    return c->in + slice / c->od * c->id * c->ih * c->iw * c->in_pixel * p->bytes;
}

/* ---- Forward and data gradient ------------------------------------------------------------------*/

int64_t depthwise_workspace(const correlation *c, int threads)
{
    plan p;
    choose(c, threads, &p);
    return (c->packed ? 0 : p.weight_bytes) + p.slots * p.list_bytes + 64;
}

static void gather_weights(const plan *p, char *to)
{
    const correlation *c = &p->all;
    for (int64_t t = 0; t < p->taps; t++)
        for (int64_t channel = 0; channel < c->channels; channel++, to += p->bytes)
            memcpy(to, c->w + (tap_place(p, t) + channel * c->w_group) * p->bytes, (size_t)p->bytes);
}

void depthwise_pack(const correlation *c, void *to)
{
    plan p;
    choose(c, 1, &p);
    gather_weights(&p, to);
}

static void run_rows(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const correlation *c = &p->all;
    const int64_t slice = task / p->row_blocks, row0 = task % p->row_blocks * p->row_block;
    const int64_t rows = smaller(p->row_block, c->oh - row0);
    int64_t *list = (int64_t *)(p->lists + slot * p->list_bytes);
    depthwise_line line = {.channels = c->channels, .w = (void *)p->weights, .x = image_of(p, slice), .x_step = c->across.step * c->channels,
                           .y_step = c->out_pixel};
    for (int64_t i = row0; i < row0 + rows; i++) {
        line.y = c->out + (conv_slice_at(c, slice) + i * c->out_row) * p->bytes;
        run_row(p, p->bytes == 8 ? kernels()->depthwise_f64 : kernels()->depthwise_f32, slice, i, &line, list);
    }
    conv_finish(c, slice, 1, row0, rows, 0, c->channels);
}

void depthwise_run(const correlation *c, int threads, void *workspace, int64_t bytes)
{
    plan p;
    while (threads > 1 && depthwise_workspace(c, threads) > bytes)
        threads--;
    choose(c, threads, &p);
    p.lists = aligned(workspace);
    p.weights = c->packed;
    if (!c->packed) {
        gather_weights(&p, p.lists);
        p.weights = p.lists;
        p.lists += p.weight_bytes;
    }
    slots_run(c->slices * p.row_blocks, p.slots, run_rows, &p);
}

/* ---- Weight gradient ----------------------------------------------------------------------------*/

int64_t depthwise_weight_workspace(const conv *c, int threads)
{
    const correlation form = conv_forward_form(c, NULL, NULL, NULL);
    plan p;
    choose(&form, threads, &p);
    return p.part_bytes + p.slots * p.list_bytes + 64;
}

static void sum_part(void *context, int64_t part, int64_t slot)
{
    const plan *p = context;
    const correlation *c = &p->all;
    int64_t *list = (int64_t *)(p->lists + slot * p->list_bytes);
    char *sums = p->sums + part * p->weight_bytes;
    memset(sums, 0, (size_t)p->weight_bytes);
    for (int64_t slice = part * c->slices / p->parts; slice < (part + 1) * c->slices / p->parts; slice++)
        for (int64_t row = 0; row < c->oh; row++) {
            const depthwise_line line = {.channels = c->channels, .x = image_of(p, slice), .w = sums, .x_step = c->across.step * c->channels,
                                         .y = (char *)p->dy + (slice * c->oh + row) * c->ow * c->channels * p->bytes, .y_step = c->channels};
            run_row(p, p->bytes == 8 ? kernels()->depthwise_weight_f64 : kernels()->depthwise_weight_f32, slice, row, &line, list);
        }
}

void depthwise_weight_run(const conv *c, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes)
{
    const correlation form = conv_forward_form(c, x, NULL, NULL);
    plan p;
    while (threads > 1 && depthwise_weight_workspace(c, threads) > bytes)
        threads--;
    choose(&form, threads, &p);
    p.sums = aligned(workspace);
    p.lists = p.sums + p.part_bytes;
    p.dy = dy;
    slots_run(p.parts, p.slots, sum_part, &p);
    conv_sum_parts(c->kernel, p.sums, p.sums + p.weight_bytes, p.parts, p.weight_bytes / p.bytes);
    for (int64_t t = 0; t < p.taps; t++)
        for (int64_t channel = 0; channel < c->d.c; channel++)
            memcpy((char *)dw + (tap_place(&p, t) + channel * p.all.w_group) * p.bytes,
                   p.sums + (t * c->d.c + channel) * p.bytes, (size_t)p.bytes);
}
