/* 3 x 3 convolution by Winograd's transforms: forward and data gradient of stride 1.
 *
 * The weights are transformed once, into a panel of outputs for each point. A task takes some tiles, transforms
 * the input pixels that they see into one matrix (tiles x channels) for each point, multiplies each with the weights of its
 * point, a block of outputs at a time, and transforms the products back. Its matrices stay in L2.
 *
 * Error against f64, as the largest share of sum |x| |w| over 20 x 20 x 64 outputs of 9 x 64 products each: F(4, 3) 4.1e-7 where the
 * direct form has 1.2e-7; F(2, 3) 6.4e-8 where it has 4.1e-8. tests/primitives/test_conv.c holds them to that. */
#include "primitives/conv/winograd.h"

#include "base/pool.h"
#include "primitives/conv/strip.h"
#include "primitives/gemm/block.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

#include <stdlib.h>

enum {
    TASK_BYTES = 1200 << 10,            /* of a task's matrices */
    MOST_TILES = 56,
    OUTPUT_BLOCK = 64,                  /* outputs multiplied and transformed back at a time */
    WEIGHT_CHUNK = 64,                  /* channels whose taps are gathered at a time */
    PAD = 16,                           /* between rows of the matrices, so that they do not fall into the same sets of L1 */
};

typedef struct plan {
    correlation c;                      /* with whole tiles only: oh and ow rounded up */
    int64_t oh, ow;                     /* the true output */
    winograd_kernel *kernel;
    strip strip;
    int64_t m, points, down, across;    /* tiles of an image */
    int64_t row_block, image_block, row_blocks, image_blocks, tiles; /* of a task */
    int64_t padded_outs, in_row, out_row; /* row lengths of the matrices */
    int64_t weight_bytes, strip_image, strip_bytes, in_bytes, slot_bytes;
    int slots;
    float *weights;
    char *own;
} plan;

/* ---- The choice ---------------------------------------------------------------------------------*/

/* Multiplications of the matrix products per output pixel of a 3 x 3 filter and channel pair. */
static double cost(const correlation *c, int64_t m)
{
    const double tiles = (double)(ceil_div(c->oh, m) * ceil_div(c->ow, m));
    return tiles * (double)((m + 2) * (m + 2)) / (double)(c->oh * c->ow);
}

static bool is_plain(const tap_axis *a) { return a->count == 3 && a->step == 1 && a->offset_step == 1; }

int winograd_tile(const correlation *c)
{
    const char *exact = getenv("CAIRN_CONV_EXACT");
    if ((exact && exact[0] == '1') || c->kernel->element_bytes != 4 || c->groups != 1 || !is_plain(&c->down) || !is_plain(&c->across) ||
        c->channels < 16 || c->outs < 16)
        return 0;
    /* Transformed weights of many channels are more to read than the few tiles of small images are worth. */
    const bool heavy = c->channels * c->outs > 256 * 256;
    const int m = heavy ? 2 : 4;
    return cost(c, m) < 7 ? m : 0;
}

static void choose(const correlation *c, int threads, plan *p)
{
    const int m = winograd_tile(c);
    *p = (plan){.c = *c, .oh = c->oh, .ow = c->ow, .kernel = m == 4 ? kernels()->winograd_4 : kernels()->winograd_2, .m = m,
                .points = (m + 2) * (m + 2), .down = ceil_div(c->oh, m), .across = ceil_div(c->ow, m)};
    p->c.oh = p->down * m;
    p->c.ow = p->across * m;
    p->strip = strip_of(&p->c, false);
    p->padded_outs = round_up(c->outs, c->kernel->nr);
    p->in_row = round_up(c->channels, 16) + PAD;
    p->out_row = OUTPUT_BLOCK + PAD;
    const int64_t tile_bytes = p->points * (p->in_row + p->out_row) * 4;
    const int64_t fit = larger(smaller(TASK_BYTES / tile_bytes, MOST_TILES), 14);
    p->row_block = even_tile(p->down, larger(fit / p->across, 1));
    p->image_block = p->row_block == p->down ? even_tile(c->images, larger(fit / (p->down * p->across), 1)) : 1;
    const double work = (double)c->images * (double)(c->oh * c->ow) * (double)c->outs * (double)c->channels;
    if (work < 1 << 18)
        threads = 1;
    while (p->image_block > 1 && ceil_div(c->images, p->image_block) < threads) /* small batches still feed every thread */
        p->image_block = ceil_div(p->image_block, 2);
    p->row_blocks = ceil_div(p->down, p->row_block);
    p->image_blocks = ceil_div(c->images, p->image_block);
    p->tiles = p->image_block * p->row_block * p->across;
    p->weight_bytes = p->points * p->padded_outs * c->channels * 4;
    p->strip_image = strip_elements(&p->strip, p->row_block * m);
    p->strip_bytes = round_up(larger(p->strip_image, 9 * WEIGHT_CHUNK * c->kernel->nr) * 4, 64);
    p->in_bytes = p->points * p->tiles * p->in_row * 4;
    p->slot_bytes = p->strip_bytes + p->in_bytes + p->points * p->tiles * p->out_row * 4;
    p->slots = (int)smaller(threads, p->row_blocks * p->image_blocks);
}

static int64_t bytes_of(const plan *p) { return p->weight_bytes + p->slots * p->slot_bytes + 64; }

int64_t winograd_workspace(const correlation *c, int threads)
{
    plan alone, together;
    choose(c, 1, &alone);
    choose(c, threads, &together);
    return larger(bytes_of(&alone), bytes_of(&together));
}

/* ---- Weights: (point, panel of outputs, channel, nr) ----------------------------------------------*/

static void transform_weights(void *context, int64_t panel, int64_t slot)
{
    const plan *p = context;
    const correlation *c = &p->c;
    const int64_t nr = c->kernel->nr, count = smaller(nr, c->outs - panel * nr);
    float *taps = (float *)(p->own + slot * p->slot_bytes);
    for (int64_t first = 0; first < c->channels; first += WEIGHT_CHUNK) {
        const int64_t channels = smaller(WEIGHT_CHUNK, c->channels - first);
        for (int64_t t = 0; t < 9; t++) {
            const int64_t row = c->down.tap0 + t / 3 * c->down.tap_step, column = c->across.tap0 + t % 3 * c->across.tap_step;
            const matmul_operand w = {c->w + (row * c->w_row + column * c->w_column) * 4, CAIRN_F32, c->w_out, c->w_in};
            matmul_pack(c->kernel, &w, panel * nr, (int)count, first, channels, taps + t * channels * nr, (int)nr);
        }
        p->kernel->weights(taps, channels, nr, p->weights + (panel * c->channels + first) * nr, p->padded_outs * c->channels);
    }
}

/* ---- Tasks --------------------------------------------------------------------------------------*/

typedef struct piece_of_work {
    const plan *p;
    int64_t image0, images, row0, rows, tiles; /* rows of tiles */
    float *strip, *in, *out;            /* the matrices: points x tiles x in_row or out_row */
} piece_of_work;

static void transform_input(const piece_of_work *t)
{
    const plan *p = t->p;
    const correlation *c = &p->c;
    float *to = t->in;
    for (int64_t image = t->image0; image < t->image0 + t->images; image++) {
        strip_fill(&p->strip, c->in + image * c->ih * c->iw * c->in_pixel * 4, t->row0 * p->m, t->rows * p->m, (char *)t->strip);
        for (int64_t i = 0; i < t->rows; i++)
            for (int64_t j = 0; j < p->across; j++, to += p->in_row)
                p->kernel->input(t->strip + (i * p->m * p->strip.width + j * p->m) * c->channels, p->strip.width * c->channels,
                                 c->channels, to, t->tiles * p->in_row);
    }
}

/* Outputs column0 ... of every tile, at every point. */
static void multiply(const piece_of_work *t, int64_t column0, int64_t columns)
{
    const plan *p = t->p;
    const correlation *c = &p->c;
    gemm_kernel *kernel = c->kernel;
    const int64_t rows = even_tile(t->tiles, kernel->mr), run = matmul_run_length(kernel, c->channels), zero = 0;
    gemm_tile tile = {.segments = 1, .offset = &zero, .a_row = p->in_row, .b_step = kernel->nr, .c_row = p->out_row,
                      .cols = kernel->nr, .alpha = 1};
    for (int64_t q = 0; q < p->points; q++)
        for (int64_t j = 0; j < columns; j += kernel->nr)
            for (int64_t k = 0; k < c->channels; k += run) {
                tile.k = smaller(run, c->channels - k);
                tile.b = p->weights + ((q * p->padded_outs + column0 + j) * c->channels + k * kernel->nr);
                tile.beta = k ? 1 : 0;
                for (int64_t i = 0; i < t->tiles; i += rows) {
                    tile.rows = (int)smaller(rows, t->tiles - i);
                    tile.a = t->in + (q * t->tiles + i) * p->in_row + k;
                    tile.c = t->out + (q * t->tiles + i) * p->out_row + j;
                    kernel->direct(&tile);
                }
            }
}

static void transform_output(const piece_of_work *t, int64_t column0, int64_t columns)
{
    const plan *p = t->p;
    const correlation *c = &p->c;
    const float *from = t->out;
    for (int64_t image = t->image0; image < t->image0 + t->images; image++)
        for (int64_t i = t->row0; i < t->row0 + t->rows; i++)
            for (int64_t j = 0; j < p->across; j++, from += p->out_row)
                p->kernel->output(from, t->tiles * p->out_row, columns,
                                  (float *)c->out + image * c->out_image + i * p->m * c->out_row + j * p->m * c->out_pixel + column0,
                                  c->out_row, c->out_pixel, (int)smaller(p->m, p->oh - i * p->m), (int)smaller(p->m, p->ow - j * p->m));
}

static void run_task(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const correlation *c = &p->c;
    piece_of_work t = {.p = p, .image0 = task / p->row_blocks * p->image_block, .row0 = task % p->row_blocks * p->row_block};
    t.images = smaller(p->image_block, c->images - t.image0);
    t.rows = smaller(p->row_block, p->down - t.row0);
    t.tiles = t.images * t.rows * p->across;
    t.strip = (float *)(p->own + slot * p->slot_bytes);
    t.in = (float *)(p->own + slot * p->slot_bytes + p->strip_bytes);
    t.out = (float *)((char *)t.in + p->in_bytes);
    transform_input(&t);
    for (int64_t column = 0; column < c->outs; column += OUTPUT_BLOCK) {
        const int64_t columns = smaller(OUTPUT_BLOCK, c->outs - column);
        multiply(&t, column, columns);
        transform_output(&t, column, columns);
    }
    const int64_t first = t.row0 * p->m, rows = smaller(t.rows * p->m, p->oh - first);
    if (c->epilogue)
        c->epilogue(c->epilogue_context, 0, (t.image0 * p->oh + first) * p->ow, ((t.images - 1) * p->oh + rows) * p->ow, 0, c->outs);
}

void winograd_run(const correlation *c, int threads, void *workspace, int64_t bytes)
{
    plan p;
    choose(c, threads, &p);
    while (threads > 1 && bytes_of(&p) > bytes)
        choose(c, --threads, &p);
    p.weights = (float *)round_up((int64_t)(intptr_t)workspace, 64);
    p.own = (char *)p.weights + p.weight_bytes;
    slots_run(p.padded_outs / c->kernel->nr, p.slots, transform_weights, &p);
    slots_run(p.row_blocks * p.image_blocks, p.slots, run_task, &p);
}
