/* The weight gradient, dw(o, r, s, c) = sum over pixels of dy(pixel, o) * x(pixel seen through tap (r, s), c): a matrix
 * product whose k runs over all output pixels, too many to gather. For a run of pixels a task packs its filters' dy, which
 * stays in L2, and then one panel of (tap, channel) columns of x after the other, which stays in L1.
 *
 * Pixels are cut into parts by shape alone; each part sums into an array of its own, and the arrays are added in order,
 * so that any number of threads gives the same bits. */
#include "base/pool.h"
#include "primitives/conv/conv.h"
#include "primitives/gemm/block.h"
#include "primitives/slots.h"

#include <string.h>

enum {
    TASKS = 16,                         /* enough to keep several threads evenly busy */
    PART_PIXELS = 1024,                 /* a part is worth its array */
    BLOCK_BYTES = 1 << 20,              /* of dw that a task sums: it stays in L2 */
    SUM_BLOCK = 4096,
};

typedef struct plan {
    const conv *c;
    int64_t bytes, columns;             /* taps * channels of a group: a row of dw */
    int64_t pixels, part_pixels, parts;
    int64_t column_block, column_blocks, run;
    int64_t part_bytes, slot_bytes, dw_elements;
    int slots;
    const char *x, *dy;
    char *dw, *part_arrays, *panels;
} plan;

static plan choose(const conv *c, int threads)
{
    const cairn_conv *d = &c->d;
    plan p = {.c = c, .bytes = c->kernel->element_bytes, .columns = d->r * d->s * c->cg, .pixels = d->n * c->oh * c->ow};
    const int64_t nr = c->kernel->nr, panels = ceil_div(p.columns, nr);
    const int64_t blocks = smaller(panels, ceil_div(c->kg * p.columns * p.bytes, BLOCK_BYTES));
    p.column_block = ceil_div(panels, blocks) * nr;
    p.column_blocks = ceil_div(p.columns, p.column_block);
    p.parts = larger(1, smaller(ceil_div(TASKS, p.column_blocks * d->groups), p.pixels / PART_PIXELS));
    p.part_pixels = ceil_div(p.pixels, p.parts);
    p.parts = ceil_div(p.pixels, p.part_pixels);
    p.run = matmul_run_length(c->kernel, p.part_pixels);
    p.dw_elements = d->k * p.columns;
    p.part_bytes = p.parts > 1 ? round_up((p.parts - 1) * p.dw_elements * p.bytes, 64) : 0;
    p.slot_bytes = round_up(round_up(c->kg, c->kernel->mr) * p.run * p.bytes, 64);
    const double work = (double)p.pixels * (double)p.dw_elements;
    p.slots = (int)smaller(work < 1 << 20 ? 1 : threads, p.parts * p.column_blocks * d->groups);
    return p;
}

static int64_t bytes_of(const plan *p) { return p->part_bytes + p->slots * p->slot_bytes + 64; }

int64_t weight_workspace(const conv *c, int threads)
{
    const plan p = choose(c, threads);
    return bytes_of(&p);
}

/* ---- A panel of x: run pixels x nr columns of (tap, channel) --------------------------------------*/

typedef struct column_range {
    int64_t r, s, channel;              /* channel: first, in the group */
    int count, at;                      /* columns, and their place in the panel */
} column_range;

/* Output pixels [from, from + count) of row `oh` of image `n`: those whose input lies outside are zeros. */
static void pack_pixels(const plan *p, int64_t group, const column_range *q, int64_t n, int64_t oh, int64_t from, int64_t count,
                        char *to)
{
    const conv *c = p->c;
    const cairn_conv *d = &c->d;
    const int64_t nr = c->kernel->nr, y = oh * d->stride_h + q->r * d->dilation_h - d->pad_top;
    const int64_t dx = q->s * d->dilation_w - d->pad_left, width = q->at + q->count == nr ? q->count : nr - q->at;
    int64_t low = from, high = from;    /* pixels inside */
    if (y >= 0 && y < d->h) {
        low = larger(from, dx < 0 ? ceil_div(-dx, d->stride_w) : 0);
        high = smaller(from + count, d->w - 1 - dx < 0 ? 0 : (d->w - 1 - dx) / d->stride_w + 1);
        low = smaller(low, from + count);
        high = larger(low, high);
    }
    const int64_t row_bytes = nr * p->bytes;
    for (int64_t i = from; i < low; i++)
        memset(to + (i - from) * row_bytes, 0, (size_t)(width * p->bytes));
    if (high > low) {
        const int64_t pixel = (n * d->h + y) * d->w + low * d->stride_w + dx;
        c->kernel->pack_copied(q->count, p->x + (pixel * d->c + group * c->cg + q->channel) * p->bytes, d->stride_w * d->c,
                               high - low, to + (low - from) * row_bytes, (int)width, nr);
    }
    for (int64_t i = high; i < from + count; i++)
        memset(to + (i - from) * row_bytes, 0, (size_t)(width * p->bytes));
}

static void pack_panel(const plan *p, int64_t group, int64_t column, int width, int64_t pixel0, int64_t run, char *panel)
{
    const conv *c = p->c;
    for (int at = 0; at < width;) {     /* in rising order: each range clears what is right of it */
        const int64_t tap = (column + at) / c->cg, channel = (column + at) % c->cg;
        column_range q = {tap / c->d.s, tap % c->d.s, channel, (int)smaller(c->cg - channel, width - at), at};
        for (int64_t pixel = pixel0; pixel < pixel0 + run;) {
            const int64_t from = pixel % c->ow, count = smaller(c->ow - from, pixel0 + run - pixel);
            pack_pixels(p, group, &q, pixel / c->ow / c->oh, pixel / c->ow % c->oh, from, count,
                        panel + ((pixel - pixel0) * c->kernel->nr + at) * p->bytes);
            pixel += count;
        }
        at += q.count;
    }
}

/* ---- Tasks --------------------------------------------------------------------------------------*/

/* One run of pixels: adds to (or, for a part's first run, sets) the block of dw at `to`. */
static void multiply_run(const plan *p, int64_t group, int64_t column0, int64_t columns, int64_t pixel0, int64_t run, char *packed,
                         char *to, double beta)
{
    const conv *c = p->c;
    gemm_kernel *kernel = c->kernel;
    const int64_t tile_rows = even_tile(c->kg, kernel->mr), panel_bytes = kernel->mr * run * p->bytes;
    const matmul_operand dy = {p->dy + (pixel0 * c->d.k + group * c->kg) * p->bytes, p->bytes == 8 ? CAIRN_F64 : CAIRN_F32, 1,
                               c->d.k};
    char panel[GEMM_MAX_KC * GEMM_MAX_NR * 4] __attribute__((aligned(64)));
    gemm_tile tile = {.k = run, .b = panel, .b_step = kernel->nr, .c_row = p->columns, .alpha = 1, .beta = beta};
    for (int64_t i = 0; i < c->kg; i += tile_rows)
        matmul_pack(kernel, &dy, i, (int)smaller(tile_rows, c->kg - i), 0, run, packed + i / tile_rows * panel_bytes, kernel->mr);
    for (int64_t j = 0; j < columns; j += kernel->nr) {
        tile.cols = (int)smaller(kernel->nr, columns - j);
        pack_panel(p, group, column0 + j, tile.cols, pixel0, run, panel);
        for (int64_t i = 0; i < c->kg; i += tile_rows) {
            tile.rows = (int)smaller(tile_rows, c->kg - i);
            tile.a = packed + i / tile_rows * panel_bytes;
            tile.c = to + (i * p->columns + j) * p->bytes;
            kernel->packed(&tile);
        }
    }
}

static void run_task(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const conv *c = p->c;
    const int64_t part = task % p->parts, block = task / p->parts % p->column_blocks, group = task / p->parts / p->column_blocks;
    const int64_t column0 = block * p->column_block, end = smaller(p->pixels, (part + 1) * p->part_pixels);
    char *array = part ? p->part_arrays + (part - 1) * p->dw_elements * p->bytes : p->dw;
    char *to = array + (group * c->kg * p->columns + column0) * p->bytes;
    double beta = 0;
    for (int64_t pixel = part * p->part_pixels; pixel < end || beta == 0; pixel += p->run, beta = 1)
        multiply_run(p, group, column0, smaller(p->column_block, p->columns - column0), pixel,
                     larger(smaller(p->run, end - pixel), 0), p->panels + slot * p->slot_bytes, to, beta);
}

typedef struct sum {
    gemm_kernel *kernel;
    char *sum;
    const char *parts;
    int64_t count, n;
} sum;

#define ADD_PARTS(name, real)                                                               \
    static void name(real *to, const real *parts, int64_t count, int64_t n, int64_t stride) \
    {                                                                                       \
        for (int64_t part = 0; part < count - 1; part++, parts += stride)                   \
            for (int64_t i = 0; i < n; i++)                                                 \
                to[i] += parts[i];                                                          \
    }
ADD_PARTS(add_parts_f32, float)
ADD_PARTS(add_parts_f64, double)

static void sum_block(void *context, int64_t task, int worker)
{
    const sum *s = context;
    const int64_t first = task * SUM_BLOCK, n = smaller(SUM_BLOCK, s->n - first), at = first * s->kernel->element_bytes;
    (void)worker;
    if (s->kernel->element_bytes == 4)
        add_parts_f32((float *)(s->sum + at), (const float *)(s->parts + at), s->count, n, s->n);
    else
        add_parts_f64((double *)(s->sum + at), (const double *)(s->parts + at), s->count, n, s->n);
}

void conv_sum_parts(gemm_kernel *kernel, void *to, const void *parts, int64_t count, int64_t n)
{
    sum s = {kernel, to, parts, count, n};
    if (count > 1)
        pool_run(ceil_div(n, SUM_BLOCK), sum_block, &s);
}

void weight_run(const conv *c, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes)
{
    plan p = choose(c, threads);
    while (threads > 1 && bytes_of(&p) > bytes)
        p = choose(c, --threads);
    p.x = x;
    p.dy = dy;
    p.dw = dw;
    p.part_arrays = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    p.panels = p.part_arrays + p.part_bytes;
    slots_run(p.parts * p.column_blocks * c->d.groups, p.slots, run_task, &p);
    conv_sum_parts(c->kernel, dw, p.part_arrays, p.parts, p.dw_elements);
}
