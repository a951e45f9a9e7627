/* The weight gradient of 3 x 3 filters of stride 1 by Winograd's transforms.
 *
 * Forward is y = A' [(G w G') (B' x B)] A at each tile, so by transposition dw = G' [sum over tiles (A dy A') (B' x B)] G: at each
 * point a matrix product, filters x tiles times tiles x channels, of as many multiplications as forward has.
 *
 * A chunk of tiles of x and dy is transformed into matrices (tiles x channels, tiles x filters) for each point, which stay in L3. Then
 *
 *   one chunk       a task is a block of filters and channels at all points: its sums stay in L2, where they are transformed back
 *   many chunks     a task is a block at one point, added to sums that all chunks share
 *
 * Chunks are cut by shape alone and follow one another, so that any number of threads gives the same bits. */
#include "primitives/conv/conv.h"
#include "primitives/conv/winograd.h"
#include "primitives/gemm/block.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

enum {
    CHUNK_BYTES = 20 << 20,             /* of a chunk's matrices */
    ONE_BLOCK = 64,                     /* filters and channels of a task at all points */
    BLOCK = 128,                        /* and at one point */
    TASK_TILES = 8,                     /* transformed at a time */
    PAD = 16,                           /* between rows and between points, so that they do not fall into the same sets of L1 */
};

typedef struct plan {
    const conv *c;
    correlation form;                   /* forward */
    winograd_kernel *kernel;
    int64_t points, down, across;       /* tiles of a slice */
    int64_t tiles, chunk, chunks;
    int64_t x_row, dy_row, sum_row, x_point, dy_point; /* from row to row of the matrices, from point to point */
    int64_t x_bytes, dy_bytes, sum_bytes, packed_bytes, slot_bytes;
    bool one;                           /* chunk */
    int64_t block, filter_blocks, channel_blocks;
    int slots;
    int64_t chunk0, chunk_tiles;        /* in work */
    const char *dy_image;
    char *dw, *x, *dy, *sums, *own;
} plan;

static void choose(const conv *c, int m, int threads, plan *p)
{
    *p = (plan){.c = c, .form = conv_forward_form(c, NULL, NULL, NULL), .points = (m + 2) * (m + 2),
                .kernel = m == 4 ? kernels()->winograd_4 : kernels()->winograd_2, .down = ceil_div(c->oh, m), .across = ceil_div(c->ow, m)};
    p->tiles = p->form.slices * p->down * p->across;
    p->x_row = round_up(c->cg, 16) + PAD;
    p->dy_row = round_up(c->kg, 16) + PAD;
    const int64_t tile_bytes = p->points * (p->x_row + p->dy_row) * 4;
    p->chunk = even_tile(p->tiles, larger(smaller(CHUNK_BYTES / tile_bytes, c->kernel->kc), 1));
    p->chunks = ceil_div(p->tiles, p->chunk);
    p->one = p->chunks == 1 && c->cg * c->kg >= 16 * ONE_BLOCK * ONE_BLOCK;
    p->block = p->one ? ONE_BLOCK : BLOCK;
    p->sum_row = p->one ? ONE_BLOCK + PAD : p->x_row;
    p->filter_blocks = ceil_div(c->kg, p->block);
    p->channel_blocks = ceil_div(c->cg, p->block);
    p->x_point = p->chunk * p->x_row + PAD;
    p->dy_point = p->chunk * p->dy_row + PAD;
    p->x_bytes = p->points * p->x_point * 4;
    p->dy_bytes = p->points * p->dy_point * 4;
    p->sum_bytes = p->points * (p->one ? ONE_BLOCK : c->kg) * p->sum_row * 4;
    p->packed_bytes = (p->block + c->kernel->mr) * p->chunk * 4;
    p->slot_bytes = round_up(p->packed_bytes, 64) + (p->one ? p->sum_bytes : 0);
    const double work = (double)p->tiles * (double)p->points * (double)c->cg * (double)c->kg;
    p->slots = work < 1 << 20 ? 1 : threads;
}

static int64_t bytes_of(const plan *p) { return p->x_bytes + p->dy_bytes + (p->one ? 0 : p->sum_bytes) + p->slots * p->slot_bytes + 64; }

int64_t winograd_weight_workspace(const conv *c, int m, int threads)
{
    plan p;
    choose(c, m, threads, &p);
    return bytes_of(&p);
}

/* ---- Tiles of x and dy: (point, tile, channel) ----------------------------------------------------*/

static void spread_gradient(const plan *p, int64_t slice, int64_t i, int64_t j, float *to)
{
    const conv *c = p->c;
    const int64_t m = p->kernel->m, y = i * m, x = j * m, pixel = c->d.k;
    p->kernel->spread((const float *)p->dy_image + ((slice * c->oh + y) * c->ow + x) * pixel, c->ow * pixel, pixel, (int)smaller(m, c->oh - y),
                      (int)smaller(m, c->ow - x), c->kg, to, p->dy_point);
}

static void transform_tiles(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const int64_t first = task / 2 * TASK_TILES, end = smaller(first + TASK_TILES, p->chunk_tiles);
    (void)slot;
    for (int64_t t = first; t < end; t++) {
        const int64_t tile = p->chunk0 + t, slice = tile / (p->down * p->across), i = tile / p->across % p->down, j = tile % p->across;
        if (task % 2)
            spread_gradient(p, slice, i, j, (float *)p->dy + t * p->dy_row);
        else
            winograd_input_tile(&p->form, p->kernel, slice, i, j, (float *)p->x + t * p->x_row, p->x_point);
    }
}

/* ---- Sums: (point, filter, channel) ---------------------------------------------------------------*/

/* A block of filters and channels at one point: sums = beta * sums + the chunk's. */
static void multiply(const plan *p, int64_t q, int64_t filter0, int64_t channel0, float *sums, double beta, char *packed)
{
    const conv *c = p->c;
    gemm_kernel *kernel = c->kernel;
    const int64_t filters = smaller(p->block, c->kg - filter0), channels = smaller(p->block, c->cg - channel0);
    const int64_t rows = even_tile(filters, kernel->mr), panel = kernel->mr * p->chunk_tiles * 4;
    const matmul_operand dy = {p->dy + (q * p->dy_point + filter0) * 4, CAIRN_F32, 1, p->dy_row};
    const float *x = (const float *)p->x + q * p->x_point + channel0;
    gemm_tile tile = {.k = p->chunk_tiles, .b_step = p->x_row, .c_row = p->sum_row, .alpha = 1, .beta = beta};
    for (int64_t i = 0; i < filters; i += rows)
        matmul_pack(kernel, &dy, i, (int)smaller(rows, filters - i), 0, p->chunk_tiles, packed + i / rows * panel, kernel->mr);
    for (int64_t j = 0; j < channels; j += kernel->nr) {
        tile.cols = (int)smaller(kernel->nr, channels - j);
        tile.b = x + j;
        for (int64_t i = 0; i < filters; i += rows) {
            tile.rows = (int)smaller(rows, filters - i);
            tile.a = packed + i / rows * panel;
            tile.c = sums + i * p->sum_row + j;
            kernel->packed(&tile);
        }
    }
}

/* One filter's sums, from `sums` on, to its place in dw. */
static void transform_back(const plan *p, const float *sums, int64_t point, int64_t filter, int64_t channel0, int64_t channels)
{
    const int64_t tap = p->c->cg;
    p->kernel->taps(sums, point, channels, (float *)p->dw + filter * 9 * tap + channel0, tap);
}

static void run_block(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const int64_t filter0 = task / p->channel_blocks * p->block, channel0 = task % p->channel_blocks * p->block;
    const int64_t filters = smaller(p->block, p->c->kg - filter0), channels = smaller(p->block, p->c->cg - channel0);
    const int64_t point = ONE_BLOCK * p->sum_row;
    float *sums = (float *)(p->own + slot * p->slot_bytes);
    for (int64_t q = 0; q < p->points; q++)
        multiply(p, q, filter0, channel0, sums + q * point, 0, (char *)sums + p->sum_bytes);
    for (int64_t i = 0; i < filters; i++)
        transform_back(p, sums + i * p->sum_row, point, filter0 + i, channel0, channels);
}

static void run_point(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const int64_t q = task / p->channel_blocks / p->filter_blocks, filter0 = task / p->channel_blocks % p->filter_blocks * p->block;
    const int64_t channel0 = task % p->channel_blocks * p->block;
    multiply(p, q, filter0, channel0, (float *)p->sums + (q * p->c->kg + filter0) * p->sum_row + channel0, p->chunk0 ? 1 : 0,
             p->own + slot * p->slot_bytes);
}

static void run_back(void *context, int64_t filter, int64_t slot)
{
    const plan *p = context;
    (void)slot;
    transform_back(p, (const float *)p->sums + filter * p->sum_row, p->c->kg * p->sum_row, filter, 0, p->c->cg);
}

void winograd_weight_run(const conv *c, int m, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes)
{
    plan p;
    choose(c, m, threads, &p);
    while (threads > 1 && bytes_of(&p) > bytes)
        choose(c, m, --threads, &p);
    p.form.in = x;
    p.dy_image = dy;
    p.dw = dw;
    p.x = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    p.dy = p.x + p.x_bytes;
    p.sums = p.dy + p.dy_bytes;
    p.own = p.sums + (p.one ? 0 : p.sum_bytes);
    for (; p.chunk0 < p.tiles; p.chunk0 += p.chunk) {
        p.chunk_tiles = smaller(p.chunk, p.tiles - p.chunk0);
        slots_run(2 * ceil_div(p.chunk_tiles, TASK_TILES), p.slots, transform_tiles, &p);
        slots_run((p.one ? 1 : p.points) * p.filter_blocks * p.channel_blocks, p.slots, p.one ? run_block : run_point, &p);
    }
    if (!p.one)
        slots_run(c->kg, p.slots, run_back, &p);
}
