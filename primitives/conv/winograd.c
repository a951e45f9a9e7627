/* 3 x 3 convolution by Winograd's transforms: forward and data gradient of stride 1.
 *
 * The weights are transformed once, into panels of outputs for each point. The input pixels that some tiles see (a unit) are
 * transformed into a matrix (tiles x channels) for each point; each is multiplied with the weights of its point, a block
 * of outputs at a time, and the products are transformed back.
 *
 *   light weights   a task is a unit: its matrices stay in L2, and the weights too
 *   heavy weights   which L2 cannot hold: the inputs of many tiles are transformed first; then a task is a unit and a block of
 *                   outputs, so that the weights are read once for many more tiles
 *   fresh weights   heavy ones for so few tiles that all are one unit: a task is a panel of outputs, and transforms their weights itself,
 *                   some channels at a time, so that transformed weights never leave L2; or takes those that are kept
 *
 * Error against f64, as the largest share of sum |x| |w| over 20 x 20 x 64 outputs of 9 x 64 products each: F(4, 3) 4.1e-7 where the
 * direct form has 1.2e-7; F(2, 3) 6.4e-8 where it has 4.1e-8. tests/primitives/test_conv.c holds them to that. */
#include "primitives/conv/winograd.h"

#include "primitives/conv/conv.h"
#include "primitives/gemm/block.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

enum {
    UNIT_BYTES = 1200 << 10,            /* of a unit's matrices: they stay in L2 */
    LIGHT_TILES = 56, HEAVY_TILES = 128,
    HEAVY_BYTES = 3 << 20,              /* of transformed weights */
    CHUNK_BYTES = 16 << 20,             /* of transformed inputs, where the weights are heavy */
    FRESH_TILES = 72,
    HEAVY_RUN = 64,                     /* channels multiplied at a time where the weights are heavy, fresh or not: it decides the bits */
    OUTPUT_BLOCK = 64,                  /* outputs multiplied and transformed back at a time */
    WEIGHT_CHUNK = 64,                  /* channels whose taps are gathered at a time */
    TASK_TILES = 2,                     /* of fresh weights, transformed at a time */
    PAD = 16,                           /* between rows and between points, so that they do not fall into the same sets of L1 */
};

typedef struct plan {
    const correlation *c;
    winograd_kernel *kernel;
    int64_t m, points, down, across;    /* tiles of a slice */
    bool heavy, fresh;
    int64_t row_block, slice_block, row_blocks, units, tiles; /* of a unit: rows of tiles, slices; tiles */
    int64_t run;                        /* channels that one chain of products takes */
    int64_t chunk, output_block, output_blocks; /* heavy: units transformed together; outputs of a task */
    int64_t padded_outs, in_row, out_row, in_point, out_point; /* from row to row of the matrices, from point to point */
    int64_t weight_bytes, in_bytes, shared_bytes, slot_bytes, taps_bytes; /* in: of a unit; shared: inputs of a chunk */
    int slots;
    int64_t chunk0;
    const char *weights;
    char *packing, *shared, *own;       /* packing: where weights are transformed to */
} plan;

/* ---- The choice ---------------------------------------------------------------------------------*/

/* Multiplications of the matrix products for one output pixel, where the direct form has 9. */
static double cost(const correlation *c, int64_t m)
{
    const double tiles = (double)(ceil_div(c->oh, m) * ceil_div(c->ow, m));
    return tiles * (double)((m + 2) * (m + 2)) / (double)(c->oh * c->ow);
}

static bool is_plain(const tap_axis *a) { return a->count == 3 && a->step == 1 && a->offset_step == 1; }

bool winograd_applies(const correlation *c)
{
    return c->kernel->element_bytes == 4 && c->groups == 1 && is_plain(&c->down) && is_plain(&c->across) && c->deep.count == 1 &&
           c->deep.step == 1 && c->deep.offset0 == 0 && c->od == c->id;
}

static bool is_worth_it(const correlation *c, int m)
{
    return winograd_applies(c) && c->channels >= 16 && c->outs >= 16 && cost(c, m) < 7;
}

int winograd_tile(const correlation *c)
{
    const int m = cost(c, 4) <= cost(c, 2) ? 4 : 2;
    return is_worth_it(c, m) ? m : 0;
}

static void cut_units(plan *p, int threads)
{
    const correlation *c = p->c;
    const int64_t row_bytes = p->points * (p->heavy ? p->out_row : p->in_row + p->out_row) * 4, all = c->slices * p->down * p->across;
    const int64_t fit = p->fresh ? all : larger(smaller(UNIT_BYTES / row_bytes, p->heavy ? HEAVY_TILES : LIGHT_TILES), 14);
    p->row_block = even_tile(p->down, larger(fit / p->across, 1));
    p->slice_block = p->row_block == p->down ? even_tile(c->slices, larger(fit / (p->down * p->across), 1)) : 1;
    while (!p->heavy && p->slice_block > 1 && ceil_div(c->slices, p->slice_block) < threads)
        p->slice_block = ceil_div(p->slice_block, 2); /* small batches still feed every thread, */
    while (!p->heavy && p->row_block > 1 && p->slice_block == 1 && c->slices * ceil_div(p->down, p->row_block) < threads)
        p->row_block = ceil_div(p->row_block, 2); /* and so does one image */
    p->row_blocks = ceil_div(p->down, p->row_block);
    p->units = p->row_blocks * ceil_div(c->slices, p->slice_block);
    p->tiles = p->slice_block * p->row_block * p->across;
}

int64_t winograd_pack_bytes(const correlation *c, int m)
{
    return (m + 2) * (m + 2) * round_up(c->outs, c->kernel->nr) * c->channels * 4;
}

static void choose(const correlation *c, int m, int threads, plan *p)
{
    const int64_t nr = c->kernel->nr;
    *p = (plan){.c = c, .kernel = m == 4 ? kernels()->winograd_4 : kernels()->winograd_2, .m = m, .points = (m + 2) * (m + 2),
                .down = ceil_div(c->oh, m), .across = ceil_div(c->ow, m)};
    p->padded_outs = round_up(c->outs, nr);
    const int64_t weight_bytes = winograd_pack_bytes(c, m);
    p->heavy = weight_bytes > HEAVY_BYTES;
    p->fresh = p->heavy && c->slices * p->down * p->across <= FRESH_TILES;
    p->run = p->heavy ? even_tile(c->channels, HEAVY_RUN) : matmul_run_length(c->kernel, c->channels);
    p->output_block = p->fresh ? nr : OUTPUT_BLOCK;
    p->output_blocks = ceil_div(c->outs, p->output_block);
    p->in_row = round_up(c->channels, 16) + PAD;
    p->out_row = p->output_block + PAD;
    p->weight_bytes = p->fresh || c->packed ? 0 : weight_bytes;
    const double work = (double)c->slices * (double)(c->oh * c->ow) * (double)c->outs * (double)c->channels;
    if (work < 1 << 18)
        threads = 1;
    cut_units(p, threads);
    p->in_point = p->tiles * p->in_row + PAD;
    p->out_point = p->tiles * p->out_row + PAD;
    p->in_bytes = p->points * p->in_point * 4;
    p->chunk = p->heavy ? smaller(p->units, larger(CHUNK_BYTES / p->in_bytes, 1)) : p->units;
    p->shared_bytes = p->heavy ? p->chunk * p->in_bytes : 0;
    p->taps_bytes = 9 * larger(WEIGHT_CHUNK, p->fresh ? p->run : 0) * nr * 4;
    p->slot_bytes = p->points * p->out_point * 4 + (p->heavy ? 0 : p->in_bytes);
    if (p->fresh)
        p->slot_bytes += p->taps_bytes + p->points * p->run * nr * 4;
    p->slot_bytes = larger(p->slot_bytes, p->taps_bytes);
    p->slots = (int)smaller(threads, p->heavy ? p->chunk * p->output_blocks : p->units);
}

static int64_t bytes_of(const plan *p) { return p->weight_bytes + p->shared_bytes + p->slots * p->slot_bytes + 64; }

int64_t winograd_workspace(const correlation *c, int m, int threads)
{
    plan alone, together;
    choose(c, m, 1, &alone);
    choose(c, m, threads, &together);
    return larger(bytes_of(&alone), bytes_of(&together));
}

/* ---- Weights: (point, panel of outputs, channel, nr) ----------------------------------------------*/

/* Channels `first` ... of a panel of outputs to `to`, point q at to + q * point. */
static void transform_panel(const plan *p, int64_t panel, int64_t first, int64_t channels, float *taps, float *to, int64_t point)
{
    const correlation *c = p->c;
    const int64_t nr = c->kernel->nr, count = smaller(nr, c->outs - panel * nr);
    for (int64_t t = 0; t < 9; t++) {
        const int64_t row = c->down.tap0 + t / 3 * c->down.tap_step, column = c->across.tap0 + t % 3 * c->across.tap_step;
        const matmul_operand w = {c->w + (row * c->w_row + column * c->w_column) * 4, CAIRN_F32, c->w_out, c->w_in};
        matmul_pack(c->kernel, &w, panel * nr, (int)count, first, channels, taps + t * channels * nr, (int)nr);
    }
    p->kernel->weights(taps, channels, nr, to, point);
}

static void transform_weights(void *context, int64_t panel, int64_t slot)
{
    const plan *p = context;
    const int64_t nr = p->c->kernel->nr, channels = p->c->channels;
    for (int64_t first = 0; first < channels; first += WEIGHT_CHUNK)
        transform_panel(p, panel, first, smaller(WEIGHT_CHUNK, channels - first), (float *)(p->own + slot * p->slot_bytes),
                        (float *)p->packing + (panel * channels + first) * nr, p->padded_outs * channels);
}

/* Fewer threads where the workspace asks for it. */
static void choose_within(const correlation *c, int m, int threads, int64_t bytes, plan *p)
{
    choose(c, m, threads, p);
    while (threads > 1 && bytes_of(p) > bytes)
        choose(c, m, --threads, p);
}

void winograd_pack(const correlation *c, int m, int threads, void *to, void *workspace, int64_t bytes)
{
    plan p;
    choose_within(c, m, threads, bytes, &p);
    p.packing = to;
    p.own = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    slots_run(p.padded_outs / c->kernel->nr, p.slots, transform_weights, &p);
}

/* ---- Input tiles --------------------------------------------------------------------------------*/

void winograd_input_tile(const correlation *c, winograd_kernel *kernel, int64_t slice, int64_t i, int64_t j, float *to, int64_t point)
{
    const int size = kernel->m + 2;
    const int64_t y = i * kernel->m + c->down.offset0, x = j * kernel->m + c->across.offset0;
    const int left = (int)smaller(larger(-x, 0), size), right = (int)larger(smaller(size, c->iw - x), left);
    const float *rows[6];
    for (int r = 0; r < size; r++)
        rows[r] = y + r >= 0 && y + r < c->ih ? (const float *)c->in + ((slice * c->ih + y + r) * c->iw + x) * c->in_pixel : NULL;
    kernel->input(rows, left, right, c->in_pixel, c->channels, to, point);
}

/* ---- Units --------------------------------------------------------------------------------------*/

typedef struct unit {
    const plan *p;
    int64_t slice0, slices, row0, rows, tiles; /* rows of tiles */
    float *in, *out;                    /* the matrices: points x tiles x in_row or out_row */
} unit;

static unit locate(const plan *p, int64_t index)
{
    unit u = {.p = p, .slice0 = index / p->row_blocks * p->slice_block, .row0 = index % p->row_blocks * p->row_block};
    u.slices = smaller(p->slice_block, p->c->slices - u.slice0);
    u.rows = smaller(p->row_block, p->down - u.row0);
    u.tiles = u.slices * u.rows * p->across;
    return u;
}

static void transform_input(const unit *u)
{
    const plan *p = u->p;
    float *to = u->in;
    for (int64_t slice = u->slice0; slice < u->slice0 + u->slices; slice++)
        for (int64_t i = u->row0; i < u->row0 + u->rows; i++)
            for (int64_t j = 0; j < p->across; j++, to += p->in_row)
                winograd_input_tile(p->c, p->kernel, slice, i, j, to, p->in_point);
}

/* A panel of outputs of every tile: channels k0 ... at one point, by weights `b`, to column j of the products. */
static void multiply_point(const unit *u, int64_t q, const float *b, int64_t k0, int64_t j)
{
    const plan *p = u->p;
    gemm_kernel *kernel = p->c->kernel;
    const int64_t rows = even_tile(u->tiles, kernel->mr), zero = 0;
    gemm_tile tile = {.segments = 1, .offset = &zero, .k = smaller(p->run, p->c->channels - k0), .a_row = p->in_row, .b = b,
                      .b_step = kernel->nr, .c_row = p->out_row, .cols = kernel->nr, .alpha = 1, .beta = k0 ? 1 : 0};
    for (int64_t i = 0; i < u->tiles; i += rows) {
        tile.rows = (int)smaller(rows, u->tiles - i);
        tile.a = u->in + q * p->in_point + i * p->in_row + k0;
        tile.c = u->out + q * p->out_point + i * p->out_row + j;
        kernel->direct(&tile);
    }
}

/* Outputs column0 ... of every tile, at every point. */
static void multiply(const unit *u, int64_t column0, int64_t columns)
{
    const plan *p = u->p;
    const int64_t nr = p->c->kernel->nr, channels = p->c->channels;
    for (int64_t q = 0; q < p->points; q++)
        for (int64_t j = 0; j < columns; j += nr)
            for (int64_t k = 0; k < channels; k += p->run)
                multiply_point(u, q, (const float *)p->weights + (q * p->padded_outs + column0 + j) * channels + k * nr, k, j);
}

static void transform_output(const unit *u, int64_t column0, int64_t columns)
{
    const plan *p = u->p;
    const correlation *c = p->c;
    const float *from = u->out;
    for (int64_t slice = u->slice0; slice < u->slice0 + u->slices; slice++)
        for (int64_t i = u->row0; i < u->row0 + u->rows; i++)
            for (int64_t j = 0; j < p->across; j++, from += p->out_row)
                p->kernel->output(from, p->out_point, columns,
                                  (float *)c->out + conv_slice_at(c, slice) + i * p->m * c->out_row + j * p->m * c->out_pixel + column0,
                                  c->out_row, c->out_pixel, (int)smaller(p->m, c->oh - i * p->m), (int)smaller(p->m, c->ow - j * p->m));
}

static void make_block(const unit *u, int64_t block)
{
    const int64_t column0 = block * OUTPUT_BLOCK, columns = smaller(OUTPUT_BLOCK, u->p->c->outs - column0);
    multiply(u, column0, columns);
    transform_output(u, column0, columns);
}

static void finish(const unit *u, int64_t column0, int64_t columns)
{
    const plan *p = u->p;
    const int64_t first = u->row0 * p->m, rows = smaller(u->rows * p->m, p->c->oh - first);
    conv_finish(p->c, u->slice0, u->slices, first, rows, column0, columns);
}

/* ---- Tasks --------------------------------------------------------------------------------------*/

static void run_unit(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    unit u = locate(p, task);
    u.in = (float *)(p->own + slot * p->slot_bytes);
    u.out = u.in + p->in_bytes / 4;
    transform_input(&u);
    for (int64_t block = 0; block < p->output_blocks; block++)
        make_block(&u, block);
    finish(&u, 0, p->c->outs);
}

static void run_input(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    unit u = locate(p, p->chunk0 + task);
    (void)slot;
    u.in = (float *)(p->shared + task * p->in_bytes);
    transform_input(&u);
}

static void run_block(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const int64_t index = task / p->output_blocks, block = task % p->output_blocks;
    unit u = locate(p, p->chunk0 + index);
    u.in = (float *)(p->shared + index * p->in_bytes);
    u.out = (float *)(p->own + slot * p->slot_bytes);
    make_block(&u, block);
    finish(&u, block * OUTPUT_BLOCK, smaller(OUTPUT_BLOCK, p->c->outs - block * OUTPUT_BLOCK));
}

/* Fresh: the tiles of a task are transformed ... */
static void run_fresh_input(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const int64_t first = task * TASK_TILES, end = smaller(first + TASK_TILES, p->tiles);
    (void)slot;
    for (int64_t t = first; t < end; t++)
        winograd_input_tile(p->c, p->kernel, t / (p->down * p->across), t / p->across % p->down, t % p->across,
                            (float *)p->shared + t * p->in_row, p->in_point);
}

/* ... and a panel of outputs made of all. */
static void run_fresh(void *context, int64_t panel, int64_t slot)
{
    const plan *p = context;
    const correlation *c = p->c;
    const int64_t nr = c->kernel->nr, columns = smaller(nr, c->outs - panel * nr), point = p->run * nr;
    float *taps = (float *)(p->own + slot * p->slot_bytes), *weights = taps + p->taps_bytes / 4;
    unit u = locate(p, 0);
    u.in = (float *)p->shared;
    u.out = weights + p->points * point;
    for (int64_t k = 0; k < c->channels; k += p->run) {
        if (!c->packed)
            transform_panel(p, panel, k, smaller(p->run, c->channels - k), taps, weights, point);
        for (int64_t q = 0; q < p->points; q++)
            multiply_point(&u, q, c->packed ? (const float *)c->packed + (q * p->padded_outs + panel * nr) * c->channels + k * nr
                                            : weights + q * point, k, 0);
    }
    transform_output(&u, panel * nr, columns);
    finish(&u, panel * nr, columns);
}

void winograd_run(const correlation *c, int m, int threads, void *workspace, int64_t bytes)
{
    plan p;
    choose_within(c, m, threads, bytes, &p);
    p.packing = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    p.weights = c->packed ? c->packed : p.packing;
    p.shared = p.packing + p.weight_bytes;
    p.own = p.shared + p.shared_bytes;
    if (p.fresh) {
        slots_run(ceil_div(p.tiles, TASK_TILES), p.slots, run_fresh_input, &p);
        slots_run(p.output_blocks, p.slots, run_fresh, &p);
        return;
    }
    if (!c->packed)
        slots_run(p.padded_outs / c->kernel->nr, p.slots, transform_weights, &p);
    if (!p.heavy)
        slots_run(p.units, p.slots, run_unit, &p);
    for (; p.heavy && p.chunk0 < p.units; p.chunk0 += p.chunk) {
        const int64_t units = smaller(p.chunk, p.units - p.chunk0);
        slots_run(units, p.slots, run_input, &p);
        slots_run(units * p.output_blocks, p.slots, run_block, &p);
    }
}
