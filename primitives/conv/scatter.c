/* The data gradient of few channels (first layers). As a gather, an output pixel of 3 channels would fill 3 lanes of a vector. So the
 * other way round: each pixel of dy times the weights gives a row of (tap, channel) products, as wide as all taps together, and
 * these are added to the pixels that they came from.
 *
 * A task owns some rows of one slice of dx and takes from all rows of dy what falls into them, in rising order, so that any cut
 * gives the same bits. */
#include "primitives/conv/conv.h"
#include "primitives/gemm/block.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

#include "base/pool.h"

#include <string.h>

enum { TASKS = 16, PIXELS = 112 };      /* pixels of dy whose products are in L2 at a time */

typedef struct plan {
    const conv *c;
    correlation result;                 /* dx, as conv_finish sees it */
    int64_t bytes, columns, padded;     /* (row, column, channel) products of a pixel and one slice of the filter */
    int64_t row_block, row_blocks, pixels;
    int64_t weight_bytes, slot_bytes;
    int slots;
    const char *dy, *w;
    char *weights, *own;
} plan;

static void choose(const conv *c, int threads, plan *p)
{
    const cairn_conv *d = &c->d;
    *p = (plan){.c = c, .bytes = c->kernel->element_bytes, .columns = d->r * d->s * d->c};
    p->padded = round_up(p->columns, c->kernel->nr);
    p->row_block = even_tile(d->h, larger(ceil_div(d->h, ceil_div(TASKS, d->n * d->depth)), 1));
    p->row_blocks = ceil_div(d->h, p->row_block);
    p->pixels = even_tile(c->ow, PIXELS);
    p->weight_bytes = round_up(d->t * p->padded * d->k * p->bytes, 64);
    p->slot_bytes = round_up(p->pixels * p->padded * p->bytes, 64);
    const double work = (double)d->n * (double)(c->od * c->oh * c->ow) * (double)(d->t * p->columns) * (double)d->k;
    p->slots = (int)smaller(work < 1 << 20 ? 1 : threads, d->n * d->depth * p->row_blocks);
}

static int64_t bytes_of(const plan *p) { return p->weight_bytes + p->slots * p->slot_bytes + 64; }

int64_t scatter_workspace(const conv *c, int threads)
{
    plan p;
    choose(c, threads, &p);
    return bytes_of(&p);
}

/* Panels (slice of the filter, columns, k, nr). */
static void pack_weights(void *context, int64_t task, int worker)
{
    const plan *p = context;
    const cairn_conv *d = &p->c->d;
    gemm_kernel *kernel = p->c->kernel;
    const int64_t panels = p->padded / kernel->nr, first = task % panels * kernel->nr;
    const matmul_operand w = {p->w + task / panels * p->columns * p->bytes, p->bytes == 8 ? CAIRN_F64 : CAIRN_F32, 1, d->t * p->columns};
    (void)worker;
    matmul_pack(kernel, &w, first, (int)smaller(kernel->nr, p->columns - first), 0, d->k, p->weights + task * kernel->nr * d->k * p->bytes,
                kernel->nr);
}

/* products (pixels, padded) = dy (pixels, k) times slice t of the filter. */
static void multiply(const plan *p, const char *dy, int64_t pixels, int64_t t, char *products)
{
    gemm_kernel *kernel = p->c->kernel;
    const int64_t k = p->c->d.k, run = matmul_run_length(kernel, k), rows = even_tile(pixels, kernel->mr), zero = 0;
    gemm_tile tile = {.segments = 1, .offset = &zero, .a_row = k, .b_step = kernel->nr, .c_row = p->padded, .alpha = 1};
    for (int64_t j = 0; j < p->columns; j += kernel->nr)
        for (int64_t k0 = 0; k0 < k; k0 += run) {
            tile.k = smaller(run, k - k0);
            tile.beta = k0 ? 1 : 0;
            tile.cols = (int)smaller(kernel->nr, p->columns - j);
            tile.b = p->weights + ((t * p->padded + j) * k + k0 * kernel->nr) * p->bytes;
            for (int64_t i = 0; i < pixels; i += rows) {
                tile.rows = (int)smaller(rows, pixels - i);
                tile.a = dy + (i * k + k0) * p->bytes;
                tile.c = products + (i * p->padded + j) * p->bytes;
                kernel->direct(&tile);
            }
        }
}

/* One pixel's products under some rows of the filter, to the row at `to` and on; x is where their first column lies. */
static void add_pixel(const plan *p, const char *products, int64_t rows, int64_t x, char *to)
{
    const cairn_conv *d = &p->c->d;
    const int64_t pixel = d->c * p->bytes, from_step = d->s * d->c, to_step = d->dilation_h * d->w * d->c;
    add_rows_kernel *add = p->bytes == 8 ? kernels()->add_rows_f64 : kernels()->add_rows_f32;
    if (d->dilation_w == 1) {           /* neighbouring columns are neighbouring pixels */
        const int64_t first = larger(-x, 0), end = smaller(d->s, d->w - x);
        if (first < end)
            add(rows, (end - first) * d->c, products + first * pixel, from_step, to + (x + first) * pixel, to_step);
        return;
    }
    for (int64_t s = 0; s < d->s; s++, x += d->dilation_w, products += pixel)
        if (x >= 0 && x < d->w)
            add(rows, d->c, products, from_step, to + x * pixel, to_step);
}

/* The products of pixels from x0 on in row oy of dy, to those of rows row0 ... of the slice that they reach. */
static void scatter(const plan *p, const char *products, int64_t pixels, int64_t oy, int64_t x0, char *slice, int64_t row0, int64_t rows)
{
    const cairn_conv *d = &p->c->d;
    const int64_t y = oy * d->stride_h - d->pad_top; /* of the filter's row 0 */
    const int64_t first = y < row0 ? ceil_div(row0 - y, d->dilation_h) : 0;
    const int64_t end = y < row0 + rows ? smaller(d->r, ceil_div(row0 + rows - y, d->dilation_h)) : 0;
    char *to = slice + (y + first * d->dilation_h) * d->w * d->c * p->bytes;
    products += first * d->s * d->c * p->bytes;
    for (int64_t i = 0; i < pixels && first < end; i++, products += p->padded * p->bytes)
        add_pixel(p, products, end - first, (x0 + i) * d->stride_w - d->pad_left, to);
}

/* What slice oz of dy gives to the task's rows through slice t of the filter. */
static void take_slice(const plan *p, int64_t oz, int64_t t, char *slice, int64_t row0, int64_t rows, char *products)
{
    const conv *c = p->c;
    const cairn_conv *d = &c->d;
    const int64_t reach = row0 + d->pad_top - (d->r - 1) * d->dilation_h; /* oy * stride is at least this */
    const int64_t first = reach <= 0 ? 0 : ceil_div(reach, d->stride_h), end = smaller(c->oh, (row0 + rows - 1 + d->pad_top) / d->stride_h + 1);
    for (int64_t oy = first; oy < end; oy++)
        for (int64_t x = 0; x < c->ow; x += p->pixels) {
            const int64_t pixels = smaller(p->pixels, c->ow - x);
            multiply(p, p->dy + ((oz * c->oh + oy) * c->ow + x) * d->k * p->bytes, pixels, t, products);
            scatter(p, products, pixels, oy, x, slice, row0, rows);
        }
}

static void run_task(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const cairn_conv *d = &p->c->d;
    const int64_t index = task / p->row_blocks, image = index / d->depth, z = index % d->depth, row = d->w * d->c * p->bytes;
    const int64_t row0 = task % p->row_blocks * p->row_block, rows = smaller(p->row_block, d->h - row0);
    char *slice = p->result.out + index * d->h * row;
    memset(slice + row0 * row, 0, (size_t)(rows * row));
    for (int64_t t = 0; t < d->t; t++) {
        const int64_t from = z + d->pad_front - t * d->dilation_d, oz = from / d->stride_d;
        if (from >= 0 && from % d->stride_d == 0 && oz < p->c->od)
            take_slice(p, image * p->c->od + oz, t, slice, row0, rows, p->own + slot * p->slot_bytes);
    }
    conv_finish(&p->result, index, 1, row0, rows, 0, d->c);
}

void scatter_run(const conv *c, const void *dy, const void *w, void *dx, int threads, void *workspace, int64_t bytes)
{
    const cairn_conv *d = &c->d;
    plan p;
    choose(c, threads, &p);
    while (threads > 1 && bytes_of(&p) > bytes)
        choose(c, --threads, &p);
    p.result = conv_whole_form(c, dx);
    p.dy = dy;
    p.w = w;
    p.weights = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    p.own = p.weights + p.weight_bytes;
    pool_run(d->t * p.padded / c->kernel->nr, pack_weights, &p);
    slots_run(d->n * d->depth * p.row_blocks, p.slots, run_task, &p);
}
